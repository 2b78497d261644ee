"""A kernel's arguments as the words that its parameters hold.

Reference: Numba's array structure: meminfo, parent, nitems, itemsize, data, shape..., strides...
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError
from .types import DTYPES


@dataclass(frozen=True)
class Pointer:
    """An argument of which the kernel gets the address only: for `CPointer` in a signature."""
    array: np.ndarray


def words(argument, name, address):
    """The words that an argument makes; `address(array, name)` gives an array its address."""
    if isinstance(argument, tuple | list):
        return [word for k, part in enumerate(argument) for word in words(part, f"{name}[{k}]", address)]
    if isinstance(argument, Pointer):
        return [address(argument.array, name)]
    if isinstance(argument, np.ndarray):
        return [0, 0, argument.size, argument.itemsize, address(argument, name), *argument.shape, *argument.strides]
    return [argument]


def fitted(kernel, parameters, given):
    """Name of a parameter -> its word. Raises: ArgumentError where there are too many or too few."""
    if len(given) != len(parameters):
        raise ArgumentError(f"{kernel}: the kernel takes {len(parameters)} parameter(s), the arguments make "
                            f"{len(given)}. An array of n axes makes 5 + 2 n, a number or a Pointer 1.")
    return {parameter.name: (word, parameter) for word, parameter in zip(given, parameters)}


def raw(word, parameter):
    """The bytes of a parameter that holds a word. Raises: ArgumentError."""
    dtype = DTYPES[parameter.type]
    if isinstance(word, np.generic | complex):
        octets = np.asarray(word).tobytes()
        if len(octets) == parameter.size:
            return octets
    if parameter.size != dtype.itemsize:
        raise ArgumentError(f"{word!r} does not make the {parameter.size} bytes of the parameter {parameter.name}")
    if isinstance(word, float) and dtype.kind != "f":
        dtype = np.dtype(f"f{dtype.itemsize}")   # newer PTX declares floats as bits
    if dtype.kind == "f":
        return dtype.type(word).tobytes()
    return (int(word) % (1 << 8 * dtype.itemsize)).to_bytes(dtype.itemsize, "little")
