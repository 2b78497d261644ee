"""Finding the files of a data set on this machine, and reading them without trusting them.

Old data sets come as pickles or hold them inside an .npz, and a pickle may run any program when it is loaded.
Here only lists, numbers, text and NumPy arrays come out of one.

Reference: Python documentation, `pickle`, "Restricting Globals"; NumPy, "NPY format".
"""

import codecs
import gzip
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ..config import keras_home
from ..errors import ArgumentError, DataError
from ..utils.data_utils import get_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


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
        with open(path, "rb") as file:
            start = file.read(16)
        if start.startswith(b"PK"):
            return _read_npz(path)
        with (gzip.open if start.startswith(b"\x1f\x8b") else open)(path, "rb") as file:
            return json.load(file) if start.lstrip().startswith(b"{") else DataUnpickler(file).load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:     # damaged pickles and archives raise nearly anything
        raise DataError(f"{path} cannot be read ({type(error).__name__}: {error}). {cure(path)}") from error


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


def read_idx(path):
    """The unsigned bytes of a gzipped IDX file: magic number 0, 0, 8, axes; big-endian sizes; the bytes.

    Reference: LeCun, Cortes & Burges, "The MNIST database", file formats.
    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
        axes = content[3]
        shape = np.frombuffer(content, ">u4", count=axes, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()
    except Exception as error:
        raise DataError(f"{path} cannot be read ({type(error).__name__}: {error}). {cure(path)}") from error


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


class DataUnpickler(pickle.Unpickler):
    """Loads pickles of plain data, of Python 2 too: Python's containers and NumPy arrays, nothing else."""

    def __init__(self, file):
        super().__init__(file, encoding="latin1")     # Python 2's bytes, which NumPy turns back into arrays

    def find_class(self, module, name):
        try:
            return ALLOWED[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise DataError(
                f"it asks for {module}.{name}, which no data set needs; refusing to load it. "
                "Put a file from a source you trust in its place."
            ) from None

    def persistent_load(self, pid):
        raise DataError("it refers to objects outside of itself; no data set does.")


def _encode(text, encoding):
    """What Python 3 writes for bytes in a pickle of protocol 2."""
    if encoding != "latin1":
        raise DataError(f"it stores bytes as {encoding!r}, expected 'latin1'.")
    return codecs.encode(text, encoding)


# The functions that NumPy itself names when it pickles an array or a scalar, whatever module they live in.
ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy.core.multiarray", "scalar"): np.float64(0).__reduce__()[0],
    ("numpy.core.numeric", "_frombuffer"): np.empty(0).__reduce_ex__(5)[0],
    ("_codecs", "encode"): _encode,
}


def _read_npz(path):
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        return {name.removesuffix(".npy"): _read_npy(archive, name) for name in names}


def _read_npy(archive, name):
    """One array of an .npz; an array of objects is a header and then a pickle."""
    with archive.open(name) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        dtype = read_header(file)[2]
        if dtype.hasobject:
            return DataUnpickler(file).load()
    with archive.open(name) as file:
        return npy.read_array(file, allow_pickle=False)
