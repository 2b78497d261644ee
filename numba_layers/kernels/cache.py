"""The store of compiled kernels on disk: safe against edits, changed options, damage and many processes.

Numba's own `cache=True` looks at one source file and the signature only. Here a file's name is the hash of
everything that shapes the machine code: a hit is right by construction, and nothing is updated in place.
"""

import contextlib
import functools
import hashlib
import os
import pickle
import platform
import re
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType

import llvmlite
import numba
import numpy as np
from llvmlite.binding import address_of_symbol
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys

KEPT = 90 * 86400   # seconds after its last use for which a file stays

_PLAIN = int, float, complex, str, bytes, type, np.generic, np.dtype
_KERNELS = Path(__file__).resolve().parent
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\.*)([\w.]*)(?:[ \t]+import[ \t]+(\([^)]*\)|.*))?", re.M)
_NOT_IN_CODE = {"CACHE_DIR", "COLOR_SCHEME", "NUMBA_DEFAULT_NUM_THREADS", "NUMBA_NUM_THREADS",
                "THREADING_LAYER", "THREADING_LAYER_PRIORITY"}


# ---- what a kernel is --------------------------------------------------------------------------------------


def identity(name, function, options):
    """What makes a kernel: its name, options, sources, code and what it holds; None without a source file."""
    path = Path(function.__code__.co_filename)
    if not path.is_file():   # generated: its namespace names the module it belongs to
        path = Path(getattr(sys.modules.get(function.__globals__["__name__"]), "__file__", None) or "")
    if not path.is_file():
        return None
    options = [(key, sorted(value) if isinstance(value, set) else value) for key, value in options.items()]
    return name, repr(sorted(options)), _source_hash(path.resolve()), _hash(_description(function, set()))


def _hash(*parts):
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _source_hash(path):
    """Hash of a source file and of every file of `kernels/` that it imports, directly or through others."""
    return _hash(*(file.read_bytes() for file in sorted(_with_imports(path, {_KERNELS, path.parent}, set()))))


def _with_imports(path, folders, seen):
    """`path` and the files below `folders` that its imports reach, collected in `seen`."""
    if path not in seen and path.is_file() and not folders.isdisjoint(path.parents):
        seen.add(path)
        for candidate in _imports(path):
            _with_imports(candidate, folders, seen)
    return seen


@functools.cache
def _imports(path):
    """The files that the import statements of a file may mean, whether they exist or not."""
    found = []
    for dots, module, names in _IMPORT.findall(path.read_text("utf-8", "replace")):
        base = path.parents[len(dots) - 1] if dots else _KERNELS.parents[1]
        folder = base.joinpath(*module.split("."))
        for place in [folder, *(folder / name for name in re.findall(r"\w+", names))]:
            found += [place.with_suffix(".py"), place / "__init__.py"]
    return found


def _description(value, seen):
    """Code, and the numbers and functions it holds, as text that is the same in every process.

    It tells generated kernels of one file apart, and constants that were chosen when their module was loaded.
    """
    if isinstance(value, tuple):
        return [_description(entry, seen) for entry in value]
    if isinstance(value, CodeType):
        return value.co_code, value.co_names, _description(value.co_consts, seen)
    function = getattr(value, "py_func", getattr(value, "_defn", value))   # a jitted function, an intrinsic
    if isinstance(function, FunctionType):
        if function in seen:
            return function.__qualname__
        seen.add(function)
        names, held = function.__code__.co_names, function.__globals__
        return (_description(function.__code__, seen), _description(function.__defaults__ or (), seen),
                [_description(cell.cell_contents, seen) for cell in function.__closure__ or ()],
                [(name, _description(held[name], seen)) for name in names if name in held])
    return repr(value) if value is None or isinstance(value, _PLAIN) else type(value).__qualname__


def surroundings():
    """What else shapes machine code: the versions, and Numba's settings in force."""
    settings = sorted((name, str(value)) for name, value in vars(numba.config).items()
                      if name.isupper() and name not in _NOT_IN_CODE)
    return numba.__version__, llvmlite.__version__, sys.version, platform.machine(), settings


# ---- the files ---------------------------------------------------------------------------------------------


class KernelCache(_Cache):
    """One kernel's compiled signatures, each in a file of its own.

    directory: the folder; one that cannot be written means no cache.   identity: what `identity` says.
    A file that cannot be used is deleted and counts as absent; so is one that nobody used for `KEPT`.
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
            _remove(file)

    def _file(self, signature, codegen):
        key = _hash(self._identity, str(signature), codegen.magic_tuple(), surroundings())
        return self._directory / f"{self._identity[0]}-{key[:32]}.kernel"

    def load_overload(self, signature, target_context):
        if not self._enabled:
            return None
        file = self._file(signature, target_context.codegen())
        payload = load(file)
        if payload is None:
            return None
        try:
            result = _unpacked(payload, target_context)
        except Exception:   # whatever is wrong with a file, the kernel can be compiled
            _remove(file)
            return None
        self.hits += 1
        return result

    def save_overload(self, signature, result):
        if not self._enabled or result.library.has_dynamic_globals:   # which are addresses in this process
            return
        try:
            save(self._file(signature, result.codegen), _packed(result))
        except OSError:
            self._enabled = False


def _packed(result):
    """A compiled signature as bytes."""
    module = result.library._final_module
    symbols = [value.name for value in chain(module.functions, module.global_variables)
               if value.is_declaration and not value.name.startswith("llvm.")]
    return pickle.dumps((symbols, result._reduce()), protocol=pickle.HIGHEST_PROTOCOL)


def _unpacked(payload, target_context):
    """What `_packed` packed.

    Numba loads all it has to compile with (`refresh`) before it reads a file: half of a warm start. Ours need
    its run-time functions only; a kernel that calls something else makes it load all the same.
    """
    symbols, parts = pickle.loads(payload)
    rtsys.initialize(target_context)
    if not all(map(address_of_symbol, symbols)):
        target_context.refresh()
    return CompileResult._rebuild(target_context, *parts)


def load(file):
    """What `save` wrote to a file; None where there is none. A damaged one is deleted."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    checksum, payload = content[:32], content[32:]
    if hashlib.sha256(payload).digest() != checksum:
        _remove(file)
        return None
    with contextlib.suppress(OSError):
        os.utime(file)
    return payload


def save(file, payload):
    """Write bytes to a file, after their checksum. Raises: OSError where the folder cannot be written."""
    write_atomically(file, hashlib.sha256(payload).digest() + payload)
    _prune(file.parent)


def write_atomically(file, content):
    """Write bytes to a temporary file beside `file`, then rename: others see all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.replace(temporary, file)
    except BaseException:
        _remove(Path(temporary))
        raise


@functools.cache
def _prune(directory):
    """Delete the files that nobody used for `KEPT` seconds; once in a process."""
    oldest = time.time() - KEPT
    for file in [*directory.glob("*.kernel"), *directory.glob("*.part")]:
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()


def _remove(file):
    with contextlib.suppress(OSError):
        file.unlink()
