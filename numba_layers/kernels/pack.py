"""Packs: compiled kernels of a cache as one file, for other machines of the same levels and versions.

A pack is a zip archive of kernels' files and a list of them, `kernels.json`: their digests, and the versions they need.
Unpacking reads no kernel as what it is, it compares: what does not fit its digest, its name or the versions here is
refused, and the cache stays as it was. Like a program, a pack is to be taken from people one trusts.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from pathlib import Path

from .._version import __version__
from ..errors import ArgumentError, FileError
from . import inventory, level, store
from .cache import versions

LIST = "kernels.json"
FORMAT = 1
LARGEST = 1 << 26           # bytes of a file in a pack; compiled kernels are smaller by far
MOST = 1 << 16              # files in a pack


def pack(path, directory, levels=()):
    """Write a pack of the CPU's kernels in a folder that can be used here; returns how many.

    levels: theirs, all by default.
    Raises: ArgumentError where there are none; FileError where `path` cannot be written.
    """
    contents, made_for = usable(directory, levels)
    about = {"format": FORMAT, "numba_layers": __version__, "versions": versions(), "levels": made_for,
             "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}}
    try:
        _write(Path(path), about, contents)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}.") from None
    return len(contents)


def usable(directory, levels=()):
    """({name: content}, levels) of the files in a folder that these versions can use on a CPU.

    Raises: ArgumentError where there are none.
    """
    contents, made_for = {}, set()
    for entry in inventory.entries(directory):
        if entry.usable and entry.about["target"] == "cpu" and (not levels or entry.about["level"] in levels):
            content = entry.file.read_bytes()
            if store.checked_about(content) is not None:
                contents[entry.file.name] = content
                made_for.add(entry.about["level"])
    if not contents:
        wanted = f" for {', '.join(levels)}" if levels else ""
        raise ArgumentError(f"{directory} has no kernels{wanted} that can be used with these versions. Compile some "
                            "first: python -m numba_layers warm.")
    return contents, sorted(made_for)


def _write(path, about, contents):
    """Write a pack beside `path` and rename it, so that a pack is whole."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(LIST, json.dumps(about, indent=1))
            for name, content in contents.items():
                archive.writestr(name, content)
        os.replace(temporary, path)
    except BaseException:
        store.remove(Path(temporary))
        raise


def unpack(path, directory, levels=()):
    """Add the kernels of a pack to a folder, all or none; returns how many.

    levels: which a pack may be for besides the ones that this processor runs.
    Raises: FileError for a pack that is damaged, or of other versions or levels; or where the folder cannot be written.
    """
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from None
    except Exception:       # of a damaged archive the library says so in many ways
        raise _damaged(path, "it is no archive of kernels") from None
    with archive:
        files, made_for = _listed(path, archive, levels)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(dir=directory, prefix="unpacking-", suffix=".part"))
        except OSError as error:
            raise FileError(f"{directory} cannot be written: {error.strerror}.") from None
        try:
            for name, checksum in files.items():
                (staging / name).write_bytes(_kernel(path, archive, name, checksum, made_for))
            for name in files:
                os.replace(staging / name, directory / name)
        except FileError:       # an OSError, too
            raise
        except OSError as error:
            raise FileError(f"{directory} cannot be written: {error.strerror}.") from None
        finally:
            store.remove(staging)
    return len(files)


def _listed(path, archive, levels):
    """(name -> digest of the files in a pack, their levels): what its list says, and is in it. Raises: FileError."""
    try:
        about = json.loads(_read(archive, LIST))
        form, needed, made_for, files = (about[key] for key in ("format", "versions", "levels", "files"))
        sound = (isinstance(needed, dict) and isinstance(files, dict)
                 and isinstance(made_for, list) and all(isinstance(one, str) for one in made_for)
                 and all(map(store.NAME.fullmatch, files)))
    except Exception:
        raise _damaged(path, f"it has no list of its kernels ({LIST})") from None
    names = archive.namelist()
    if not sound or sorted(names) != sorted([LIST, *files]):
        raise _damaged(path, "its list does not name what is in it")
    if form != FORMAT:
        raise FileError(f"{path} is a pack of format {form!r:.20}, this version reads {FORMAT}. Take another version "
                        "of numba_layers, or pack anew.")
    for key, ours in versions().items():
        if needed.get(key) != ours:
            raise FileError(f"{path} has kernels for {key} {needed.get(key)!s:.40}, here is {key} {ours}. Pack anew "
                            f"where {key} is {ours}, or compile here: python -m numba_layers warm.")
    for one in made_for:
        if one not in levels and not level.runs_here(one):
            raise FileError(f"{path} has kernels for {one:.40}, which this processor does not run; its level is "
                            f"{level.NAME}. For others that share this cache: cache unpack --level {one:.40} ...")
    return files, made_for


def _kernel(path, archive, name, checksum, made_for):
    """The content of one file of a pack, whole and for these versions. Raises: FileError."""
    try:
        content = _read(archive, name)
    except Exception:
        raise _damaged(path, f"{name} cannot be read") from None
    about = store.checked_about(content)
    if hashlib.sha256(content).hexdigest() != checksum or about is None:
        raise _damaged(path, f"{name} is not what its checksum says")
    if (about.get("versions") != versions() or about.get("level") not in made_for
            or about.get("kernel") != name.rpartition("-")[0]):
        raise _damaged(path, f"{name} is another kernel than it is said to be")
    return content


def _read(archive, name):
    """A file in an archive, as bytes. Raises: ValueError for one that is too large for what it should be."""
    if archive.getinfo(name).file_size > LARGEST or len(archive.infolist()) > MOST:
        raise ValueError
    with archive.open(name) as stream:
        return stream.read(LARGEST)


def _damaged(path, what):
    return FileError(f"{path} is damaged: {what}. Nothing was unpacked. Copy it again, or pack anew.")
