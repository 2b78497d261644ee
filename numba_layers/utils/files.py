"""Files that appear whole or not at all."""

import os
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ArgumentError, FileError


@contextmanager
def replacing(path, overwrite=True):
    """A temporary path beside `path`; what is written there takes `path`'s place when the block ends well.

    Raises: ArgumentError when `path` exists and may not be overwritten, FileError where no file can be; other
    OSErrors as the file system says.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ArgumentError(f"{path} exists already. Give another name, or overwrite=True.")
    if path.is_dir():
        raise FileError(f"'{path.resolve()}' is a folder. Give the name of a file in it.")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder '{path.parent.resolve()}' to write {path.name!r} in. Make it first.")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
    try:
        yield Path(name)
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
