"""MNIST: handwritten digits, 60,000 to learn from and 10,000 to test, 28 x 28 grey pixels.

Reference: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._files import locate, numbers, read_parts

if TYPE_CHECKING:
    from typing import Any

    from ..typing import FilePath

NAMES = ("mnist.npz", "mnist.pkl.gz")
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: FilePath = "mnist.npz") -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """((x_train, y_train), (x_test, y_test)): x (n, 28, 28) uint8 in [0, 255], y (n,) uint8 in [0, 9].

    path: file in ~/.keras/datasets; Keras 2's mnist.npz or Keras 1's mnist.pkl.gz, whichever is there.
    Raises: DataError when the file cannot be had or read.
    """
    file = locate(path, NAMES, SHA256)
    x_train, y_train, x_test, y_test = numbers(file, *read_parts(file, "x_train", "y_train", "x_test", "y_test"))
    return (x_train, y_train), (x_test, y_test)
