"""HDF5 files: read for what lies in the file itself and no more than it holds, written in memory first.

HDF5 has links, storage and data sets that lead to other files, and sizes that nothing stands behind. A file of weights
needs neither: `Group` follows links within the file only and hands out arrays whose sizes were compared with the bytes
behind them, so that reading takes as much memory as the file is large, and a little. Files are written in HDF5 1.8's
format with texts of fixed length: those have checksums, without which the HDF5 library can crash on damaged bytes.
Reference: The HDF Group, "HDF5 File Format Specification", version 3.0.
"""

import functools
import math
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, FileError, NumbaLayersError, is_ours
from .files import replacing, writable
from .superblock import SUPERBLOCK, mended

SLACK = 1 << 20             # bytes that may be read beyond what a file holds
PACKING = 16                # compressed arrays may be this many times as large as their bytes, counted over the file;
MOST_PACKING = 1100         # a single one of zeros this many times, which is what deflate reaches
_FILTERS = {1, 2, 3, 4, 5, 6, 32000}    # deflate, shuffle, fletcher32, szip, nbit, scaleoffset, lzf: all built in
_LINKS_IN_A_ROW = 8
_HEADER_LIMIT = 64000       # Keras's bound for lists of names in an attribute; longer lists are split


# -- reading -------------------------------------------------------------------------------------------------------

@contextmanager
def opened(filepath, beside=0):
    """The root `Group` of an HDF5 file, or the group itself where h5py's `Group` is given.

    beside: bytes that are in memory already and that the arrays read will replace.
    Raises: FileError for what is missing, no file, no HDF5 file, or damaged.
    """
    import h5py
    if isinstance(filepath, h5py.Group):
        yield Group(h5py.h5g.open(filepath.id, b"."), _File(repr(filepath), filepath.file.id, beside))
        return
    try:
        path = Path(filepath)
    except TypeError:
        raise ArgumentError(f"filepath must be the name of a file, got {filepath!r:.80}.") from None
    shown = f"'{path.absolute()}'"
    if not os.path.isfile(path):
        raise FileError(f"{shown} is a folder, a device or a pipe, no file." if os.path.exists(path) else
                        f"there is no file {shown}.")
    with ExitStack() as stack:
        try:
            handle = stack.enter_context(h5py.File(path, "r")).id
            root = Group(h5py.h5g.open(handle, b"/"), _File(shown, handle, beside))
        except Exception as error:      # OSError, and what damaged bytes bring up
            if isinstance(error, MemoryError) or not is_ours(error):
                raise
            if told := _other_format(path):
                raise FileError(f"{shown} is {told}") from None
            raise FileError(f"{shown} is no HDF5 file, or is damaged ({error}).") from None
        yield root


_FORMATS = {
    b"PK\x03\x04": "a zip archive, as Keras 3 writes (.keras). There, model.save('model.h5') writes HDF5.",
    b"\x93NUMPY": "an array of NumPy, no HDF5 file: np.load reads it, and model.set_weights takes lists of arrays.",
    b"{": "a text, no HDF5 file. If it is a description in JSON: model_from_json(open(file).read()).",
}


def _other_format(path):
    """What a file is that begins like one of another kind, or None."""
    try:
        with open(path, "rb") as file:
            begin = file.read(8)
    except OSError:
        return None
    return next((told for mark, told in _FORMATS.items() if begin.startswith(mark)), None)


class _File:
    """What the groups of one file share: its name in messages, its root, its size, and how much may still be read."""

    def __init__(self, shown, handle, beside):
        from h5py import h5g
        self.shown = shown
        self.root = h5g.open(handle, b"/")
        self.size = handle.get_filesize()
        self.left = self.size + SLACK + beside

    def refuse(self, what):
        return FileError(f"{self.shown}: {what}")

    def take(self, cost):
        """Count `cost` bytes as read."""
        self.left -= cost
        if self.left < 0:
            raise self.refuse(f"its arrays are larger than the {self.size:,} bytes of the file can be. It is damaged, "
                              "or made to take memory. If you trust it, build the model in code and call load_weights.")


def _guarded(method):
    """What h5py raises on damaged bytes, which show themselves in many ways, comes out as FileError."""
    @functools.wraps(method)
    def call(self, *arguments):
        try:
            return method(self, *arguments)
        except (NumbaLayersError, MemoryError):
            raise
        except Exception as error:
            if not is_ours(error):
                raise
            raise self._file.refuse(f"cannot be read ({type(error).__name__}: {error}). It is damaged or not a Keras "
                                    "file.") from error

    return call


class _Stored:
    """An object of a file with attributes."""

    def __init__(self, handle, file):
        self._handle = handle
        self._file = file

    @_guarded
    def attribute(self, name):
        """The value of an attribute, numbers or texts, or None where there is none."""
        from h5py import AttributeManager, h5a, h5t
        if not h5a.exists(self._handle, name.encode()):
            return None
        attribute = h5a.open(self._handle, name.encode())
        kind = attribute.get_type()
        if kind.get_class() not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING) or attribute.shape is None:
            raise self._file.refuse(f"attribute {name!r} is neither text nor numbers.")
        if math.prod(attribute.shape) * kind.get_size() > self._file.size:
            raise self._file.refuse(f"attribute {name!r} of shape {attribute.shape} is larger than the file.")
        return AttributeManager(self)[name]

    id = property(lambda self: self._handle)    # what AttributeManager asks for

    def text(self, name):
        """The text of an attribute, or None where there is none."""
        value = self.attribute(name)
        return None if value is None else self._text(name, value)

    @_guarded
    def texts(self, name):
        """A list of names in an attribute, which Keras splits in numbered parts when it is long."""
        first, parts = self.attribute(name), []
        if first is not None:
            parts.append(first)
        while (part := self.attribute(f"{name}{len(parts)}")) is not None:
            parts.append(part)
        return [self._text(name, text) for part in parts for text in np.atleast_1d(part)]

    def number(self, name, most):
        """A whole number in an attribute, from 0 to `most`."""
        value = self.attribute(name)
        if not isinstance(value, np.integer) or not 0 <= value <= most:
            raise self._file.refuse(f"attribute {name!r} is {value!r:.40}, expected a whole number from 0 to {most}.")
        return int(value)

    def _text(self, name, value):
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        if not isinstance(value, str):
            raise self._file.refuse(f"attribute {name!r} holds {value!r:.40}, expected text.")
        return str(value)


class Group(_Stored):
    """A group of an HDF5 file, of which only what lies in the file itself can be had."""

    @_guarded
    def __contains__(self, path):
        return self._find(path) is not None

    @_guarded
    def __len__(self):
        return self._handle.get_num_objs()

    def paths(self, name):
        """The texts in the attribute `name`, which say where things lie below this group, each once."""
        paths = self.texts(name)
        if len(paths) > len({tuple(part for part in path.split("/") if part not in ("", ".")) for path in paths}):
            raise self._file.refuse(f"attribute {name!r} lists a place twice. It is damaged or not a Keras file.")
        return paths

    @_guarded
    def group(self, path):
        """The group at `path` below this one."""
        found = self._find(path)
        if not isinstance(found, type(self._handle)):
            raise self._file.refuse(f"there is no group {path!r:.200}. It is damaged or not a Keras file.")
        return Group(found, self._file)

    @_guarded
    def array(self, path):
        """The data set at `path` below this one, as an `Array`: compared with what the file holds, and not yet read."""
        from h5py import h5d
        found = self._find(path)
        if not isinstance(found, h5d.DatasetID):
            raise self._file.refuse(f"there is no data set {path!r:.200}. It is damaged or not a Keras file.")
        return Array(found, self._file, path)

    def _find(self, path):
        return self._follow(self._handle, path.encode("utf-8", "surrogateescape"), _LINKS_IN_A_ROW)

    def _follow(self, here, path, links):
        """The handle at `path` from `here`, or None; a soft link is followed by hand, as it may lead on to others."""
        from h5py import h5g, h5l, h5o
        if path.startswith(b"/"):
            here = self._file.root
        for name in path.split(b"/"):
            if name in (b"", b"."):
                continue
            if not isinstance(here, h5g.GroupID) or not here.links.exists(name):
                return None
            kind = here.links.get_info(name).type
            if kind == h5l.TYPE_SOFT and links:
                here = self._follow(here, here.links.get_val(name), links - 1)
            elif kind == h5l.TYPE_HARD:
                here = h5o.open(here, name)
            else:
                raise self._file.refuse(f"{path.decode('utf-8', 'replace')!r:.200} is a link to elsewhere "
                                        f"({here.links.get_val(name)!r:.200}). Only what lies in the file itself is "
                                        "read.")
        return here


class Array(_Stored):
    """A data set of numbers with its `shape`, `dtype` and `size`; `read` gives the numbers."""

    def __init__(self, handle, file, path):
        super().__init__(handle, file)
        layout = handle.get_create_plist()
        self._check_place(layout, path)
        self.shape, self.dtype = handle.shape, handle.dtype
        if self.shape is None:
            raise file.refuse(f"the data set {path!r} is empty.")
        self.size = math.prod(self.shape)
        self._check_size(layout, path)

    def _check_place(self, layout, path):
        """Raises: FileError where the numbers lie in other files, or are packed by what is not built in."""
        from h5py import h5d
        if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
            raise self._file.refuse(f"the numbers of data set {path!r} lie in other files. Only what lies in the file "
                                    "itself is read.")
        self._filters = [layout.get_filter(number)[0] for number in range(layout.get_nfilters())]
        if not _FILTERS.issuperset(self._filters):
            raise self._file.refuse(f"data set {path!r} is packed by a filter that is not built into HDF5 "
                                    f"({', '.join(map(str, self._filters))}).")

    def _check_size(self, layout, path):
        """Raises: FileError where the data set is larger than the bytes behind it can make it."""
        from h5py import h5d
        each, stored = self._handle.get_type().get_size(), self._handle.get_storage_size()
        chunk = math.prod(layout.get_chunk()) * each if layout.get_layout() == h5d.CHUNKED else 0
        most = stored if not self._filters else MOST_PACKING * stored
        if self.size * each > most or chunk > max(self.size * each, SLACK) or stored > self._file.size:
            raise self._file.refuse(f"data set {path!r} says that it has shape {self.shape}, for which it holds "
                                    f"{stored:,} bytes. It is damaged, or made to take memory.")
        self._cost = self.size * self.dtype.itemsize
        if self._filters:
            self._cost = max(self._cost // PACKING, stored)

    def placeholder(self):
        """An array of the same shape and type that takes no memory, to try out what fits."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)

    def claim(self):
        """Count the numbers as read, once. Raises: FileError where that is more than the file can hold."""
        self._file.take(self._cost)
        self._cost = 0

    @_guarded
    def read(self):
        """The numbers. Raises: FileError for what is damaged, or where more was read than the file can hold."""
        from h5py import h5s
        if self.dtype.kind not in "biuf":
            raise self._file.refuse(f"a data set of {self.dtype} is no array of numbers.")
        self.claim()
        array = np.empty(self.shape, self.dtype)
        if array.size:
            self._handle.read(h5s.ALL, h5s.ALL, array)
        return array


# -- writing -------------------------------------------------------------------------------------------------------

@contextmanager
def written(filepath, overwrite=True):
    """An h5py group to write to; what it holds when the block ends well becomes the file `filepath`.

    The file is made in memory and then written as bytes: what goes wrong with a disk goes wrong outside of HDF5, whose
    library ends the process where an open file cannot be written. h5py's own groups are written to directly.
    """
    import h5py
    if isinstance(filepath, h5py.Group):
        yield filepath
        return
    writable(filepath, overwrite)
    with h5py.File(f"numba_layers {os.urandom(8).hex()}", "w", driver="core", backing_store=False, block_size=SLACK,
                   libver=("v108", "v108")) as file:
        yield file
        file.flush()
        image = file.id.get_file_image()
    with replacing(filepath, overwrite) as place:
        place.write(mended(image[:SUPERBLOCK]))
        place.write(memoryview(image)[SUPERBLOCK:])


def is_path(name):
    """Whether objects of a file can be called `name`: slashes separate groups, of which none may be empty or '.'."""
    try:
        name.encode()
    except UnicodeEncodeError:      # half of a surrogate pair
        return False
    return "\0" not in name and not {"", "."} & set(name.split("/"))


def set_texts(group, name, texts):
    """Write a list of names as an attribute, in numbered parts where it is long, as Keras does."""
    encoded = [text.encode() for text in texts]
    parts = 1
    while parts < len(encoded) and max(map(len, encoded)) * -(-len(encoded) // parts) > _HEADER_LIMIT:
        parts += 1
    if parts == 1:
        group.attrs[name] = np.array(encoded, dtype=bytes) if encoded else np.empty(0, "S1")
        return
    for number, part in enumerate(np.array_split(np.array(encoded), parts)):
        group.attrs[f"{name}{number}"] = part
