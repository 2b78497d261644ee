"""The store of compiled kernels on disk: safe against edits elsewhere, changed options, damaged files and many processes.

Numba's own `cache=True` looks at one source file and the signature only. Here a file's name is the hash of everything
that shapes the machine code, so a hit is right by construction and nothing is ever updated in place.
"""

import ast
import functools
import hashlib
import os
import pickle
import platform
import sys
import tempfile
from pathlib import Path

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult

_ROOM = Path(__file__).resolve().parent
_NOT_IN_CODE = {"NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY", "NUMBA_CACHE_DIR"}


@functools.cache
def source_hash(path):
    """Hash of a source file and of every file of `kernels/` that it imports, directly or through others."""
    digest = hashlib.sha256()
    for file in sorted(_with_imports(Path(path).resolve(), set())):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _with_imports(path, seen):
    """`path` and the files below `kernels/` that its relative imports reach, collected in `seen`."""
    if path in seen or _ROOM not in path.parents or not path.is_file():
        return seen
    seen.add(path)
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for candidate in [folder.with_suffix(".py"), *(folder / f"{name.name}.py" for name in node.names)]:
                _with_imports(candidate, seen)
    return seen


def _environment():
    """What else shapes machine code: the versions, and Numba's settings in force."""
    settings = sorted(
        item for item in os.environ.items() if item[0].startswith("NUMBA_")
        and not item[0].startswith("NUMBA_LAYERS_") and item[0] not in _NOT_IN_CODE
    )
    return (numba.__version__, llvmlite.__version__, sys.version, platform.machine(), tuple(settings))


class KernelCache(_Cache):
    """One kernel's compiled signatures, each in a file of its own.

    Shapes: `directory` the folder; `identity` what makes the kernel itself (name, options, source hash).
    A file that cannot be read is deleted and counts as absent; a folder that cannot be written means no cache.
    """

    def __init__(self, directory, identity):
        self._directory = directory
        self._identity = identity
        self._enabled = True
        self.hits = 0

    @property
    def cache_path(self):
        return str(self._directory)

    def enable(self):
        self._enabled = True

    def disable(self):
        self._enabled = False

    def flush(self):
        for file in self._directory.glob(f"{self._identity[0]}-*.kernel"):
            file.unlink(missing_ok=True)

    def _file(self, signature, codegen):
        key = repr((self._identity, str(signature), codegen.magic_tuple(), _environment()))
        return self._directory / f"{self._identity[0]}-{hashlib.sha256(key.encode()).hexdigest()[:32]}.kernel"

    def load_overload(self, signature, target_context):
        if not self._enabled:
            return None
        target_context.refresh()
        file = self._file(signature, target_context.codegen())
        try:
            content = file.read_bytes()
        except OSError:
            return None
        checksum, payload = content[:32], content[32:]
        try:
            if hashlib.sha256(payload).digest() != checksum:
                raise ValueError("damaged")
            result = CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # whatever is wrong with a cache file, the kernel can be compiled
            _remove(file)
            return None
        self.hits += 1
        return result

    def save_overload(self, signature, result):
        if not self._enabled:
            return
        file = self._file(signature, result.codegen)
        try:
            payload = pickle.dumps(result._reduce(), protocol=pickle.HIGHEST_PROTOCOL)
            write_atomically(file, hashlib.sha256(payload).digest() + payload)
        except OSError:
            self._enabled = False


def write_atomically(file, content):
    """Write bytes to a temporary file beside `file`, then rename: other processes see all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except BaseException:
        _remove(Path(temporary))
        raise


def _remove(file):
    try:
        file.unlink(missing_ok=True)
    except OSError:
        pass
