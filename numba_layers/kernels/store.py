"""Files of compiled kernels: read whole or not at all, written by rename, each saying in text what it is.

    64 hexadecimal digits: the SHA-256 of all that follows
    {"kernel": "dense_forward", "signature": "...", "level": "x86-64-v3", ...}        what `save` was told, as JSON
    the compiled kernel, as bytes

Its name is the kernel's and a digest of all that shapes the machine code, `dense_forward-0123...cdef.kernel`: a file is
never updated, and two that differ lie side by side.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

KEPT = 90 * 86400   # seconds after its last use for which a file stays
HEADER = 1 << 16    # bytes that a file's two lines of text take at most

NAME = re.compile(r"\w{1,100}-[0-9a-f]{32}\.kernel", re.ASCII)


def name_of(kernel, digest):
    """The name of the file of a kernel whose making has this digest."""
    return f"{kernel}-{digest[:32]}.kernel"


def content_of(payload, about):
    """The bytes of a file. payload: the compiled kernel. about: what it is, a dictionary for JSON."""
    rest = json.dumps(about).encode() + b"\n" + payload
    return _digest(rest) + b"\n" + rest


def payload_of(content):
    """The compiled kernel in the bytes of a file; None where these are not what was written."""
    rest = _whole(content)
    return None if rest is None else rest[rest.index(b"\n") + 1:]


def about(content):
    """What a file says of itself, from its first `HEADER` bytes or more; {} where that cannot be read."""
    with contextlib.suppress(ValueError, IndexError, RecursionError):
        said = json.loads(content[:HEADER].split(b"\n", 2)[1])
        if isinstance(said, dict):
            return said
    return {}


def checked_about(content):
    """What a whole file says of itself; None where its bytes are not what was written."""
    return None if _whole(content) is None else about(content)


def _whole(content):
    """All after the checksum, where that fits it."""
    checksum, _, rest = content.partition(b"\n")
    return rest if b"\n" in rest and _digest(rest) == checksum else None


def _digest(rest):
    return hashlib.sha256(rest).hexdigest().encode()


def files(directory):
    """The kernels' files in a folder, which need not be there, by name."""
    return sorted(directory.glob("*.kernel"))


def halves(directory):
    """What was never finished in a folder, or is being written just now."""
    return sorted(directory.glob("*.part"))


def read_about(file):
    """What a file says of itself; {} where that cannot be read."""
    try:
        with file.open("rb") as stream:
            return about(stream.read(HEADER))
    except OSError:
        return {}


def load(file, own=True):
    """The compiled kernel in a file; None where there is none, or a damaged one.

    own: the folder is this user's; a damaged file is deleted then, and use keeps a good one young.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return None
    payload = payload_of(content)
    if own and payload is None:
        remove(file)
    elif own:
        with contextlib.suppress(OSError):
            os.utime(file)
    return payload


def save(file, payload, about):
    """Write a compiled kernel, and what it is, to a file. Raises: OSError where the folder cannot be written."""
    write_atomically(file, content_of(payload, about))
    _forget_old(file.parent)


def write_atomically(file, content):
    """Write bytes to a temporary file beside `file`, then rename: others see all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except BaseException:
        remove(Path(temporary))
        raise


@functools.cache
def _forget_old(directory):
    """Delete the files that nobody used for `KEPT` seconds; once in a process."""
    oldest = time.time() - KEPT
    for file in files(directory) + halves(directory):
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < oldest:
                remove(file)


def remove(file):
    """Delete a file, or a folder with all in it, where that can be done; returns whether it was."""
    try:
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()
    except OSError:
        return False
    return True
