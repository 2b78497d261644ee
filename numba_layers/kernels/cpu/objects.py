"""Functions written as LLVM instructions, not compiled by Numba: their machine code, kept in the kernel cache."""

import contextlib
import functools
import threading

import llvmlite.binding as llvm
from llvmlite import ir

from ... import config
from .. import store
from ..cache import ready_made, written

_loading = threading.Lock()
_addresses = {}     # file's name -> address


def address_of(write, *arguments):
    """The address of the function `name` that `write(module, name, *arguments)` writes into an LLVM module.

    What it writes must follow from the text of the arguments.
    """
    file, about = written(write, arguments)
    with _loading:
        if file not in _addresses:
            _addresses[file] = _loaded(file, about, write, arguments)
        return _addresses[file]


def _loaded(file, about, write, arguments):
    name, own = file.partition(".")[0].replace("-", "_"), config.cache_directory()
    found = (store.load(folder / file, own=folder == own) for folder in [own, *ready_made()] if folder)
    content = next((content for content in found if content is not None), None)
    if content is None:
        module = ir.Module(name)
        write(module, name, *arguments)
        content = _machine().emit_object(llvm.parse_assembly(str(module)))
        if own:
            with contextlib.suppress(OSError):      # a folder that cannot be written means no cache
                store.save(own / file, content, about)
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    return engine.get_function_address(name)


@functools.cache
def _machine():
    return llvm.Target.from_default_triple().create_target_machine(opt=1, jit=True)


@functools.cache
def _engine():
    """What holds the machine code, as long as the process lives."""
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
