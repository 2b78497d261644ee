"""Files fetched once and kept under ~/.keras: download, hash check, unpacking.

Reference: Keras 2.2.5, `keras.utils.data_utils`; the same names and arguments.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import keras_home
from ..errors import ArgumentError, DataError, NumbaLayersError, unknown

if TYPE_CHECKING:
    from typing import Any

    from ..typing import FilePath

TIMEOUT = 30            # seconds without a byte before a download is given up
CHUNK = 1 << 16         # bytes read at a time
ARCHIVE_FORMATS = ("tar", "zip")
_ENDINGS = {"tar": (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"), "zip": (".zip",)}
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)


def get_file(fname: FilePath, origin: str, untar: bool = False, md5_hash: str | None = None,
             file_hash: str | None = None, cache_subdir: str = "datasets", hash_algorithm: str = "auto",
             extract: bool = False, archive_format: Any = "auto", cache_dir: FilePath | None = None) -> str:
    """The path of `fname` in the Keras folder, downloaded from `origin` when it is not there.

    fname, cache_subdir: may be absolute paths; else they lie under `cache_dir` (`KERAS_HOME` or ~/.keras).
    untar: `fname` names the folder that `fname`.tar.gz unpacks to, and the folder's path is returned. A
        folder that is there already is used as it is, with or without its archive.
    file_hash, hash_algorithm: what the file must hash to ('md5', 'sha256', or 'auto': told by its length).
        A file on disk that does not is downloaded anew. `md5_hash` is Keras 1's word for an md5 `file_hash`.
    extract, archive_format: unpack the file next to itself when it is a 'tar' or 'zip' ('auto': either).

    A download appears under its own name only when it is complete and its hash is right.

    Raises: DataError when it cannot be downloaded, verified or unpacked, or its archive reaches elsewhere.
    """
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    formats = _archive_formats(archive_format)
    folder = Path(cache_dir or keras_home()).expanduser() / cache_subdir
    target = folder / fname
    if untar and target.exists():
        return str(target)
    path = target.with_name(target.name + ".tar.gz") if untar else target

    if not path.exists():
        _download(origin, path, file_hash, hash_algorithm)
    elif file_hash is not None and not validate_file(path, file_hash, hash_algorithm):
        warnings.warn(f"{path} does not hash to {file_hash}; downloading {origin} again.", stacklevel=2)
        _download(origin, path, file_hash, hash_algorithm)

    if untar:
        _unpack_whole(path, target)
        return str(target)
    if extract:
        _unpack(path, path.parent, formats)
    return str(path)


def validate_file(fpath: FilePath, file_hash: str, algorithm: str = "auto", chunk_size: int = CHUNK) -> bool:
    """Whether the file hashes to `file_hash` ('auto': 64 hexadecimal digits are sha256, fewer md5)."""
    if algorithm not in ("auto", "md5", "sha256"):
        raise unknown("hash algorithm", algorithm, ("auto", "md5", "sha256"))
    sha256 = algorithm == "sha256" or (algorithm == "auto" and len(file_hash) == 64)
    hasher = hashlib.sha256() if sha256 else hashlib.md5(usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            hasher.update(chunk)
    return hasher.hexdigest() == file_hash.lower()


def _archive_formats(archive_format):
    if archive_format is None:
        return ()
    formats = ARCHIVE_FORMATS if archive_format == "auto" else archive_format
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    for name in formats:
        if name not in ARCHIVE_FORMATS:
            raise unknown("archive_format", name, ("auto", *ARCHIVE_FORMATS))
    return formats


def _download(origin, path, file_hash, hash_algorithm):
    """Fetch `origin` to `path` by way of a partial file, so that `path` is never half a file."""
    by_hand = f"Download it by other means and put it at {path}"
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(partial, "wb")
    except OSError as error:
        raise DataError(
            f"{path.parent} cannot be written ({error}). Set KERAS_HOME to a folder you can write to."
        ) from error
    try:
        with file:
            _copy(origin, file, path.name)
        if file_hash is not None and not validate_file(partial, file_hash, hash_algorithm):
            raise DataError(f"The hash of {origin} is not {file_hash}. {by_hand}, or try again.")
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"{origin} could not be downloaded ({error}). {by_hand}, or try again.") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(origin, file, label):
    """Copy what `origin` answers into `file` under a progress bar.

    Raises: OSError when the answer ends early or fails, ArgumentError when `origin` is no address.
    """
    import urllib.request  # here, not above: with what they import, they take most of the time
    from http.client import HTTPException

    from tqdm import tqdm

    try:
        request = urllib.request.Request(origin)
    except ValueError as error:
        raise ArgumentError(f"origin must be an address like https://host/file, got {origin!r}.") from error
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            length = answer.headers.get("Content-Length")
            length = int(length) if length is not None else None
            received = 0
            with tqdm(total=length, desc=label, unit="B", unit_scale=True, unit_divisor=1024) as bar:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    received += len(chunk)
                    bar.update(len(chunk))
    except HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if length is not None and received != length:
        raise OSError(f"the connection closed after {received} of {length} bytes")


def _unpack_whole(archive, target):
    """Unpack the folder or file `target` out of `archive`; it appears when it is complete."""
    with tempfile.TemporaryDirectory(prefix=target.name + ".", dir=target.parent) as workshop:
        found = Path(workshop) / target.name
        if not _unpack(archive, Path(workshop), ("tar",)) or not found.exists():
            raise DataError(
                f"{archive} is no tar archive that holds {target.name}. "
                "Delete it and try again, or put the right one there."
            )
        try:
            os.replace(found, target)
        except OSError:
            if not target.exists():     # another process may have been quicker; what it unpacked is as good
                raise


def _unpack(archive, folder, formats):
    """Unpack a tar or zip into `folder`, whole or not at all; False when the file is neither (of those in `formats`).

    Checksums and lengths are compared to the end before anything appears.
    """
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as workshop:
        try:
            unpacked = _unpack_checked(archive, Path(workshop), formats)
        except (NumbaLayersError, MemoryError):
            raise
        except Exception as error:      # damaged archives raise nearly anything
            if getattr(error, "errno", None) in _OF_THE_DISK:
                raise
            raise _damaged(archive, error) from error
        for source in sorted(Path(workshop).rglob("*")):
            place = _below(folder, archive, source.relative_to(workshop))
            if source.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                os.replace(source, place)
    return unpacked


def _damaged(archive, error):
    return DataError(f"{archive} is damaged ({error}). Delete it and try again.")


def _unpack_checked(archive, workshop, formats):
    if "tar" in formats and tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            for member in tar:
                if not (member.isfile() or member.isdir()):
                    raise DataError(f"{archive} holds {member.name}, a link or device; refusing it.")
                _write(workshop, archive, member.name, member.isdir(), lambda m=member: tar.extractfile(m))
            _check_end(tar)
        return True
    if "zip" in formats and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bag:
            _check_count(bag)
            for entry in bag.infolist():
                _write(workshop, archive, entry.filename, entry.is_dir(), lambda e=entry: bag.open(e))
        return True
    if any(str(archive).lower().endswith(_ENDINGS[kind]) for kind in formats):
        raise _damaged(archive, "its directory or first header cannot be read")
    return False


def _check_end(tar):
    """Raises: TarError where a tar does not end as one does, and what its packing raises for a wrong checksum."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it does not end with an empty block")
    while tar.fileobj.read(CHUNK):
        pass


def _check_count(bag):
    """Raises: BadZipFile where a zip's directory has not as many entries as its end record says."""
    bag.fp.seek(-22 - len(bag.comment), os.SEEK_END)
    if int.from_bytes(bag.fp.read(12)[10:], "little") != min(len(bag.infolist()), 0xFFFF):
        raise zipfile.BadZipFile("entries of its directory are missing")


def _below(folder, archive, name):
    """The place of the member `name` of an archive below `folder`. Raises: DataError for one that lies elsewhere."""
    root = folder.resolve()
    place = (root / name).resolve()
    if not place.is_relative_to(root):
        raise DataError(f"{archive} holds {name}, which lies outside of {folder}; refusing to unpack it.")
    return place


def _write(folder, archive, name, is_folder, open_member):
    """Write one member of an archive below `folder`, and nowhere else."""
    place = _below(folder, archive, name)
    if is_folder:
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with open_member() as source, open(place, "wb") as file:
        shutil.copyfileobj(source, file, CHUNK)
