"""Files that appear whole or not at all."""

import errno
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import ArgumentError, FileError, is_ours


def writable(path, overwrite=True):
    """The path that is written when `path` is: itself, or where a symbolic link leads.

    Raises: ArgumentError when `path` exists and may not be overwritten, FileError where no file can be: a folder, a
    pipe or a device is there, or no folder around it.
    """
    try:
        given = Path(path)
        target = given.resolve() if given.is_symlink() else given
        if target.is_symlink():         # since Python 3.13 a loop of links resolves to one of them
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        there = target.exists()
    except (TypeError, ValueError, OSError, RuntimeError) as error:     # no path, a loop of links
        if not is_ours(error):
            raise
        raise FileError(f"{path!r:.200} is no name of a file ({error}).") from None
    if there and not overwrite:
        raise ArgumentError(f"{given} exists already. Give another name, or overwrite=True.")
    if target.is_dir():
        raise FileError(f"'{target.absolute()}' is a folder. Give the name of a file in it.")
    if there and not target.is_file():
        raise FileError(f"'{target.absolute()}' is a device or a pipe. Give the name of a file.")
    if there and not os.access(target, os.W_OK):
        raise FileError(f"'{target.absolute()}' may not be written.")
    if not target.parent.is_dir():
        raise FileError(f"there is no folder '{target.parent.absolute()}' to write {target.name!r} in. Make it first.")
    return target


@contextmanager
def replacing(path, overwrite=True):
    """A binary file beside `path`; what is written to it takes `path`'s place when the block ends well.

    Raises: what `writable` raises; FileError, which is an OSError, where the file system says no, a full disk for
    instance: the file that was there is then as it was.
    """
    target = writable(path, overwrite)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    place = target.with_name(f".{target.stem[:40]}-{os.urandom(6).hex()}")
    try:
        with open(place, "xb") as file:
            yield file
        if mode is not None:
            os.chmod(place, mode)
        os.replace(place, target)
    except (OSError, ValueError) as error:
        if not is_ours(error):
            raise
        if isinstance(error, OSError):
            raise not_written(target, error) from error
        raise FileError(f"{path!r:.200} is no name of a file ({error}).") from None     # it holds what no name may
    finally:
        with suppress(OSError, ValueError):
            os.unlink(place)


def not_written(path, error):
    """The FileError for what the file system said when `path` was written."""
    wrapped = FileError(f"'{Path(path).absolute()}' cannot be written ({error.strerror or error}); what was there "
                        "before is as it was.")
    wrapped.errno = error.errno
    return wrapped
