"""Pickles read as plain data: Python's containers, numbers and texts, and NumPy arrays of numbers and texts.

A pickle is a program. Of what it may ask for only the few functions that NumPy names when it pickles an array are
known, and those build arrays here from a type and bytes that were compared: NumPy's own believe what the pickle says,
and take bytes for pointers to objects. Before that, its numbers of entries and lengths are compared with its size.

Reference: Python documentation, `pickle`, "Restricting Globals", and `pickletools`; NumPy, `ndarray.__reduce__`.
"""

import codecs
import functools
import io
import math
import pickle
import re

import numpy as np

from ..errors import DataError

_TYPE = re.compile(r"b1|[iu][1248]|f(?:2|4|8|12|16)|[SU]\d{1,9}|O[48]?")    # how NumPy names plain types in pickles
_RUN = 5000         # opcodes of one step of `_check`


def load(content):
    """What `content`, the bytes of a pickle of any Python, holds.

    Raises: DataError for a pickle that asks for more than data; pickle.UnpicklingError, or whatever else `pickle`
    raises, for a damaged one.
    """
    _check(content)
    return _Unpickler(io.BytesIO(content), encoding="latin1").load()    # Python 2's bytes, turned into arrays' again


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return _KNOWN[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise DataError(
                f"it asks for {module}.{name}, which no data set needs; refusing to load it. "
                "Put a file from a source you trust in its place."
            ) from None

    def persistent_load(self, pid):
        raise DataError("it refers to objects outside of itself; no data set does.")


class _Type:
    """An array's type as a pickle describes it: a name, then its byte order."""

    def __init__(self, name, *_):
        if not isinstance(name, str) or not _TYPE.fullmatch(name):
            raise DataError(f"it has an array of type {name!r:.40}, expected numbers or text.")
        self.dtype = np.dtype(name)

    def __setstate__(self, state):
        _, order, *parts = state
        if order not in ("<", ">", "|", "=") or any(part is not None for part in parts[:3]):
            raise pickle.UnpicklingError("it has an array of a type made of others, expected numbers or text.")
        self.dtype = self.dtype.newbyteorder(order)

    @property
    def of_numbers(self):
        if self.dtype.hasobject:
            raise DataError("it has an array of objects made of bytes; refusing to load it.")
        return self.dtype


class _Array(np.ndarray):
    """An array that takes the state which NumPy pickles, once it is what it says."""

    def __setstate__(self, state):
        _, shape, kind, fortran, content = state
        size = _size(shape)
        if kind.dtype.hasobject:
            if type(content) is not list or len(content) != size:
                raise DataError("it has an array of objects that are not there; refusing to load it.")
        elif len(_as_bytes(content)) != size * kind.dtype.itemsize:
            raise pickle.UnpicklingError(f"it has an array of shape {shape} and {len(content)} bytes.")
        else:
            content = _as_bytes(content)
        super().__setstate__((1, shape, kind.dtype, bool(fortran), content))


def _size(shape):
    if type(shape) is not tuple or not all(type(size) is int and size >= 0 for size in shape):
        raise pickle.UnpicklingError(f"it has an array of shape {shape!r:.80}.")
    return math.prod(shape)


def _as_bytes(content):
    return content.encode("latin1") if isinstance(content, str) else bytes(memoryview(content))


def _reconstruct(subtype, shape, code):
    """The array whose state follows."""
    return np.ndarray.__new__(_Array, (0,), np.int8)


def _scalar(kind, content):
    content = _as_bytes(content)
    if len(content) != kind.of_numbers.itemsize:
        raise pickle.UnpicklingError(f"it has a number of {len(content)} bytes, expected {kind.dtype.itemsize}.")
    return np.frombuffer(content, kind.dtype)[0]


def _frombuffer(content, kind, shape, order, axis_order=None):
    if _size(shape) * kind.of_numbers.itemsize != len(content):
        raise pickle.UnpicklingError(f"it has an array of shape {shape} and {len(content)} bytes.")
    array = np.frombuffer(_as_bytes(content), kind.dtype)
    if axis_order is not None:
        return array.reshape(shape, order="C").transpose(axis_order).copy()
    return array.reshape(shape, order="F" if order == "F" else "C").copy(order="K")


def _encode(text, encoding):
    """What Python 3 writes for bytes in a pickle of protocol 2."""
    if encoding != "latin1":
        raise DataError(f"it stores bytes as {encoding!r}, expected 'latin1'.")
    return codecs.encode(text, encoding)


# What NumPy itself names when it pickles an array or a scalar, whatever module it lives in.
_KNOWN = {
    ("numpy", "ndarray"): "ndarray",        # only handed on to `_reconstruct`
    ("numpy", "dtype"): lambda name, *_: _Type(name),
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): lambda: b"",      # protocol 2 has no empty bytes of Python 3
}


# -- sizes ---------------------------------------------------------------------------------------------------------

@functools.cache
def _grammar():
    """(a pattern of opcodes whose arguments end by themselves, {opcode of a sized argument: bytes of its size})."""
    import pickletools
    closed, sized = {}, {}
    for opcode in pickletools.opcodes:
        code, bytes_ = opcode.code.encode("latin1"), opcode.arg.n if opcode.arg else 0
        if code in b".pr":      # the end; numbers in the memo
            continue
        if bytes_ <= -2:        # pickletools: TAKEN_FROM_ARGUMENT1, 4, 4U, 8U
            sized[code] = {-2: 1, -3: 4, -4: 4, -5: 8}[bytes_]
        else:
            lines = 2 if code in b"ci" else 1
            closed.setdefault(b"[^\n]*\n" * lines if bytes_ == -1 else b".{%d}" % bytes_, []).append(re.escape(code))
    pattern = b"|".join(b"[%s]%s" % (b"".join(codes), argument) for argument, codes in closed.items())
    return re.compile(b"(?:%s){0,%d}" % (pattern, _RUN), re.DOTALL), sized


def _check(content):
    """Raises: UnpicklingError for a pickle whose memo or arguments are larger than what stands before or behind them.

    Python makes room for the entry of the memo that a pickle names, and a damaged number names billions.
    """
    closed, sized = _grammar()
    place = 0
    while (code := content[place:place + 1]) != b".":
        end = closed.match(content, place).end()
        if end > place:
            place = end
        elif code in sized:
            start = place + 1 + sized[code]
            place = start + int.from_bytes(content[place + 1:start], "little")
        elif code == b"r":      # in binary, after the first 256
            _check_entry(int.from_bytes(content[place + 1:place + 5], "little"), 256 + place // 5)
            place += 5
        elif code == b"p":      # in decimals
            end = content.find(b"\n", place)
            _check_entry(int(content[place + 1:end]), 10 + place // 3)
            place = end + 1
        else:
            raise pickle.UnpicklingError("it ends too early, or holds what no pickle does.")
    if place + 1 < len(content):
        raise pickle.UnpicklingError(f"{len(content) - place - 1} bytes follow its end.")


def _check_entry(number, most):
    if not 0 <= number <= most:
        raise pickle.UnpicklingError(f"it names entry {number} where it cannot have more than {most}.")
