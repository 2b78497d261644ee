"""Fashion-MNIST: clothes in 10 classes, 60,000 to learn from and 10,000 to test, 28 x 28 grey pixels.

Reference: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a novel image dataset", arXiv:1708.07747.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..utils.data_utils import get_file
from ._files import ORIGIN, cure, data_folder, read_idx

if TYPE_CHECKING:
    from typing import Any

MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x (n, 28, 28) uint8 in [0, 255], y (n,) uint8 in [0, 9].

    The four IDX files lie in ~/.keras/datasets/fashion-mnist.
    Raises: DataError when a file cannot be had or read.
    """
    return _pair("train"), _pair("t10k")


def _pair(part: str) -> Any:
    images, labels = _file(f"{part}-images-idx3-ubyte.gz"), _file(f"{part}-labels-idx1-ubyte.gz")
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or y.shape != x.shape[:1]:
        raise DataError(
            f"{images} has shape {x.shape} and {labels.name} {y.shape}, expected (n, 28, 28) and (n,). "
            + cure(images)
        )
    return x, y


def _file(name: str) -> Any:
    place = data_folder() / "fashion-mnist" / name
    return place if place.exists() else Path(get_file(place, ORIGIN + name, file_hash=MD5[name]))
