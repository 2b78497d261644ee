"""CIFAR-100: 32 x 32 colour images in 100 classes of 20 kinds, 50,000 to learn from and 10,000 to test.

Reference: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import unknown
from .cifar import collect, folder

if TYPE_CHECKING:
    from typing import Any

MD5 = "eb9058c3a382ffc7106e4002c42a8d85"


def load_data(label_mode: str = "fine") -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x (n, 32, 32, 3) uint8 in [0, 255], y (n, 1) uint8.

    label_mode: 'fine' for 100 classes, 'coarse' for 20.
    With `image_data_format() == 'channels_first'` x is (n, 3, 32, 32).
    Reads ~/.keras/datasets/cifar-100-python, or unpacks cifar-100-python.tar.gz there.
    Raises: DataError when the files cannot be had or read.
    """
    if label_mode not in ("fine", "coarse"):
        raise unknown("label_mode", label_mode, ("fine", "coarse"))
    place = folder("cifar-100-python", "cifar-100-python.tar.gz", MD5)
    key = label_mode + "_labels"
    return collect([place / "train"], key), collect([place / "test"], key)
