"""CIFAR-10: 32 x 32 colour images in 10 classes, 50,000 to learn from and 10,000 to test.

Reference: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cifar import collect, folder

if TYPE_CHECKING:
    from typing import Any

SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_data() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x (n, 32, 32, 3) uint8 in [0, 255], y (n, 1) uint8 in [0, 9].

    With `image_data_format() == 'channels_first'` x is (n, 3, 32, 32).
    Reads ~/.keras/datasets/cifar-10-batches-py, or unpacks cifar-10-batches-py.tar.gz or
    cifar-10-python.tar.gz there.
    Raises: DataError when the files cannot be had or read.
    """
    place = folder("cifar-10-batches-py", "cifar-10-python.tar.gz", SHA256)
    train = collect([place / f"data_batch_{i}" for i in range(1, 6)], "labels")
    return train, collect([place / "test_batch"], "labels")
