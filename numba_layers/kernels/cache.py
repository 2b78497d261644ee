"""The store of compiled kernels on disk: safe against edits, changed options, damage and many processes.

Numba's own `cache=True` looks at one source file and the signature only. Here a file's name is the hash of
everything that shapes the machine code: a hit is right by construction, and nothing is updated in place.
"""

import contextlib
import functools
import hashlib
import importlib.util
import pickle
import platform
import re
import sys
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType

import llvmlite
import numba
import numpy as np
from llvmlite.binding import add_symbol, address_of_symbol, get_process_triple
from numba.core import runtime
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult

from . import level, store

_PLAIN = int, float, complex, str, bytes, type, np.generic, np.dtype
_KERNELS = Path(__file__).resolve().parent
TRIPLE = get_process_triple()   # asked for once: llvmlite frees its texts twice where an interrupt comes meanwhile
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+(\.*)([\w.]*)(?:[ \t]+import[ \t]+(\([^)]*\)|.*))?", re.M)
_NOT_IN_CODE = {"CACHE_DIR", "COLOR_SCHEME", "NUMBA_DEFAULT_NUM_THREADS", "NUMBA_NUM_THREADS",
                "THREADING_LAYER", "THREADING_LAYER_PRIORITY",
                "CPU_NAME", "CPU_FEATURES", "ENABLE_AVX"}      # these in the level's features


# ---- what a kernel is --------------------------------------------------------------------------------------


def identity(name, function, options):
    """What makes a kernel: its name, options, sources, code and what it holds; None without a source file."""
    path = Path(function.__code__.co_filename)
    if not path.is_file():   # generated: its namespace names the module it belongs to
        path = Path(getattr(sys.modules.get(function.__globals__["__name__"]), "__file__", None) or "")
    if not path.is_file():
        return None
    options = [(key, sorted(value) if isinstance(value, set) else value) for key, value in options.items()]
    return name, repr(sorted(options)), _source_hash(path.resolve()), digest(_description(function, set()))


def digest(*parts):
    """The digest of values that say all of themselves as text."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@functools.cache
def _source_hash(path):
    """Hash of a source file and of every file of `kernels/` that it imports, directly or through others."""
    return digest(*(file.read_bytes() for file in sorted(_with_imports(path, {_KERNELS, path.parent}, set()))))


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


def written(write, arguments):
    """(the file's name of what `write(*arguments)` writes as LLVM instructions, what the file says of it).

    It is the same in every process that writes the same.
    """
    made_of = digest(_source_hash(Path(write.__code__.co_filename).resolve()))
    key = digest(made_of, str(arguments), TRIPLE, level.CPU, level.FEATURES, surroundings())
    name = store.name_of(write.__name__, key)
    return name, {"kernel": write.__name__, "signature": str(arguments), "target": "cpu", "level": level.NAME,
                  "cpu": level.CPU, "made_of": made_of, "versions": versions()}


def versions():
    """What reads and runs a compiled kernel: with another of these it cannot be used."""
    return {"python": sys.implementation.cache_tag + getattr(sys, "abiflags", ""), "numba": numba.__version__,
            "llvmlite": llvmlite.__version__, "system": sys.platform, "machine": platform.machine()}


def surroundings(target="cpu"):
    """What else shapes machine code: the versions, and Numba's settings in force."""
    settings = sorted((name, str(value)) for name, value in vars(numba.config).items()
                      if name.isupper() and name not in _NOT_IN_CODE
                      and (target == "cuda" or not name.startswith("CUDA_")))     # the paths of one machine among them
    return versions(), settings


# ---- where it is kept --------------------------------------------------------------------------------------


class KernelCache(_Cache):
    """One kernel's compiled signatures, each in a file of its own.

    directory: the folder; one that cannot be written means no cache.   identity: what `identity` says.
    A file that cannot be used is deleted and counts as absent. What the folder lacks may be in those of `ready_made`.
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
            store.remove(file)

    def _file(self, signature, generated_for):
        """The name of a signature's file. generated_for: see `level.generated_for`."""
        key = digest(self._identity, str(signature), TRIPLE, generated_for[1:], surroundings())
        return store.name_of(self._identity[0], key)

    def places(self, signature, target_context):
        """(file, whether it is in this cache's own folder): where the code of a signature may be."""
        # Where Numba generates code for this very processor, kernels that were compiled for the level serve as well.
        made_for = {(level.NAME, level.CPU, level.FEATURES), level.generated_for(target_context.codegen())}
        for name in {self._file(signature, one) for one in made_for}:
            yield self._directory / name, True
            for folder in ready_made():
                yield folder / name, folder == self._directory

    def has(self, signature, target_context):
        """Whether there is a file of a signature's code."""
        return any(file.exists() for file, _ in self.places(signature, target_context))

    def load_overload(self, signature, target_context):
        if not self._enabled:
            return None
        for file, own in self.places(signature, target_context):
            result = self._loaded(file, target_context, own)
            if result is not None:
                self.hits += 1
                return result
        return None

    def _loaded(self, file, target_context, own):
        payload = store.load(file, own)
        if payload is None:
            return None
        try:
            return _unpacked(payload, target_context)
        except Exception:   # whatever is wrong with a file, the kernel can be compiled
            if own:
                store.remove(file)
            return None

    def save_overload(self, signature, result):
        if not self._enabled or result.library.has_dynamic_globals:   # which are addresses in this process
            return
        made_for = level.generated_for(result.codegen)
        about = {"kernel": self._identity[0], "signature": str(signature), "target": "cpu", "level": made_for[0],
                 "cpu": made_for[1], "made_of": digest(self._identity), "versions": versions()}
        try:
            store.save(self._directory / self._file(signature, made_for), _packed(result), about)
        except OSError:
            self._enabled = False


@functools.cache
def ready_made():
    """Folders of kernels that came installed: that of the package `numba_layers_kernels`, where there is one."""
    with contextlib.suppress(ImportError, ValueError):      # what lies about under that name is no concern of ours
        found = importlib.util.find_spec("numba_layers_kernels")
        return [Path(folder) for folder in found.submodule_search_locations or ()] if found else []
    return []


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
    _name_runtime()
    if not all(map(address_of_symbol, symbols)):
        target_context.refresh()
    return CompileResult._rebuild(target_context, *parts)


@functools.cache
def _name_runtime():
    """Tell LLVM where the functions of Numba's run-time library are that are written in C.

    Numba's own way compiles the others as well, which no kernel calls: 25 ms, and 28 MB of LLVM are read for it.
    """
    with contextlib.suppress(AttributeError):       # of another Numba: then the symbols are missing, and it loads all
        for name, address in runtime._nrt_python.c_helpers.items():
            add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
