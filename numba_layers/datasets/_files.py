"""Finding the files of a data set on this machine, and reading them without trusting them.

Old data sets come as pickles or hold them inside an .npz; `_pickles` reads those as plain data. Checksums and lengths
are compared to the end, and nothing inflates to more than data sets do.

Reference: NumPy, "NPY format"; RFC 1952, "GZIP file format".
"""

import gzip
import json
import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ..config import keras_home
from ..errors import ArgumentError, DataError
from ..utils.data_utils import get_file
from . import _pickles

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
MOST_PACKING, MOST_ALWAYS = 20, 1 << 26     # of packed files: how many times as large; bytes that are fine anyway


def data_folder():
    """Where data sets lie: ~/.keras/datasets, or `datasets` in `KERAS_HOME`."""
    return keras_home().expanduser() / "datasets"


def locate(path, names, file_hash):
    """The file to read: `path`, else another of the data set's files that is there, else a download.

    path: as the user gave it, relative to the data folder. One that is none of `names` stands for itself.
    names: the file names this data set goes by, first the one to download.
    """
    known = str(path) in names
    candidates = [path, *names] if known else [path]
    for name in candidates:
        place = data_folder() / Path(name).expanduser()
        if place.exists():
            return place
    target = names[0] if known else Path(path).expanduser()
    return Path(get_file(target, ORIGIN + names[0], file_hash=file_hash))


def read(path):
    """What the file holds: a dictionary (.npz, .json) or whatever was pickled; gzip is undone.

    Raises: DataError for a damaged file, or a pickle that asks for more than data.
    """
    path = Path(path)
    try:
        _need_file(path)
        with open(path, "rb") as file:
            start = file.read(2)
        if start == b"PK":
            return _read_npz(path)
        content = _inflated(path) if start == b"\x1f\x8b" else path.read_bytes()
        return json.loads(content) if content[:16].lstrip().startswith(b"{") else _pickles.load(content)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:     # damaged pickles and archives raise nearly anything
        raise _unreadable(path, error) from error


def _unreadable(path, error):
    return DataError(f"{path} cannot be read ({type(error).__name__}: {error}). {cure(path)}")


def _most(path):
    """How many bytes a packed file may become: data sets of images grow five times, of texts three times."""
    return MOST_ALWAYS + MOST_PACKING * path.stat().st_size


def _need_file(path):
    """Raises: DataError for a folder, and for a device or a pipe, which may be read for ever."""
    if path.exists() and not path.is_file():
        raise DataError(f"it is a folder, a device or a pipe, no file. {cure(path)}")


def _inflated(path):
    """The content of a gzipped file, whose checksum and length were compared."""
    most = _most(path)
    with gzip.open(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"it inflates to more than {most:,} bytes. {cure(path)}")
    return content


def read_parts(path, *names):
    """The named parts of a data set, from an .npz by name or from Keras 1's pickle by position.

    names: x and y alternating, so that every second part has as many entries as the one before it.
    """
    content = read(path)
    try:
        if isinstance(content, dict):
            parts = [content[name] for name in names]
        else:
            parts = [*content] if len(names) == 2 else [part for pair in content for part in pair]
        sizes = [len(part) for part in parts]
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} does not hold {', '.join(names)}. {cure(path)}") from error
    if len(parts) != len(names):
        raise DataError(f"{path} holds {len(parts)} parts, expected {', '.join(names)}. {cure(path)}")
    if sizes[::2] != sizes[1::2]:
        raise DataError(f"{path}: {', '.join(names)} have {sizes} entries, expected pairs. {cure(path)}")
    return parts


def numbers(path, *parts):
    """The parts as arrays of numbers, a row for each entry.

    Raises: DataError for other arrays, which `path` is told to hold.
    """
    arrays = [np.asarray(part) for part in parts]
    for array in arrays:
        if array.dtype.kind not in "biuf" or not array.ndim:
            raise DataError(f"{path} holds {array.dtype} where numbers are expected. {cure(path)}")
    return arrays


def read_idx(path):
    """The unsigned bytes of a gzipped IDX file: magic number 0, 0, 8, axes; big-endian sizes; the bytes.

    Reference: LeCun, Cortes & Burges, "The MNIST database", file formats.
    """
    path = Path(path)
    try:
        _need_file(path)
        content = _inflated(path)
        if content[:3] != b"\0\0\x08":
            raise ValueError("it does not begin as an IDX file of bytes does")
        axes = content[3]
        shape = np.frombuffer(content, ">u4", count=axes, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:
        raise _unreadable(path, error) from error


def cure(path):
    """What to do about a file that will not do; for one of a folder of files, about the folder."""
    path = Path(path)
    if path.is_relative_to(data_folder()):
        path = data_folder() / path.relative_to(data_folder()).parts[0]
    return f"Delete {path} and load again to download it, or put a good copy in its place."


def checked_fraction(name, fraction):
    """`fraction` of the data to hold back, as it is, when it lies in [0, 1)."""
    if not 0 <= fraction < 1:
        raise ArgumentError(f"{name} is the part of the data held back, in [0, 1); got {fraction}.")
    return fraction


def shuffled(random, *parts):
    """The parts (arrays of equal length) in one and the same random order."""
    order = np.arange(len(parts[0]))
    random.shuffle(order)
    return [part[order] for part in parts]


def _read_npz(path):
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        if sum(entry.file_size for entry in entries) > _most(path):
            raise DataError(f"it inflates to more than {_most(path):,} bytes. {cure(path)}")
        return {entry.filename.removesuffix(".npy"): _read_npy(archive, entry) for entry in entries}


def _read_npy(archive, entry):
    """One array of an .npz; an array of objects is a header and then a pickle."""
    with archive.open(entry) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.kind == "O":
            return np.asarray(_pickles.load(file.read()))
        if dtype.kind not in "biufSU" or math.prod(shape) * dtype.itemsize != entry.file_size - file.tell():
            raise DataError(f"{entry.filename} says that it has shape {shape} and type {dtype}, which is not what "
                            f"there is. {cure(archive.filename)}")
    with archive.open(entry) as file:
        return npy.read_array(file, allow_pickle=False)     # to the last byte, where the checksum is compared
