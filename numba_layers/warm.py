"""Compile kernels before they are needed, so that the processes after this one start at once."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import compat, config, registry
from .errors import ArgumentError, FileError
from .kernel_table import needs
from .models import load_model, model_from_json, rehearsal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .typing import FilePath


def everything() -> int:
    """Compile all kernels that float32 models launch on the CPU and no cache has, on all processors at once.

    They are those that are recorded, one for each name, and what dry runs of all layers, losses and optimizers launch.
    Prints and returns how many.
    """
    start = time.perf_counter()
    compiled = registry.compile_ahead(registry.recorded() + needs.of_layers() + needs.of_training()
                                      + needs.of_batches([config.floatx()]))
    _say(compiled, start, "float32 models need")
    return compiled


def run(path: FilePath, optimizer: Any = "sgd", loss: Any = "mse", batch_size: int = 32) -> int:
    """Compile all kernels with which the model in `path` trains, is evaluated and predicts; then let it, on zeros.

    path: a model's .h5 file, or its architecture as .json. optimizer, loss: for a model that does not say them.
    Prints and returns the number of kernels that were compiled, on all processors at once; those in the cache already
    are loaded. Where kernels are compiled for processors of a higher level than this one, the model is not run.
    """
    model = model_in(Path(path))
    if model.objective is None:
        model.compile(optimizer, loss)
        print(f"the file does not say how it is trained: taking optimizer {optimizer!r} and loss {loss!r}")
    start = time.perf_counter()
    x = inputs(model, batch_size)
    compiled = registry.compile_ahead(needs.of_model(model, x) + needs.of_batches(dict.fromkeys(model._types())))
    if registry.runs_here():
        before = _kept()
        needs.train(model, x)
        needs.fit(model, x)
        compiled += len(_kept() - before)
    _say(compiled, start, f"{model.name} needs")
    return compiled


def script(path: FilePath, arguments: Sequence[str] = ()) -> int:
    """Run a script, old ones for Keras too, with all its trainings cut short, and compile what it so needs.

    Of each `fit`, `evaluate` and `predict` three batches of one epoch are worked on; models are saved to a folder that
    is deleted afterwards. All else is done: what the script loads, prints, and writes to other files.
    Prints how many kernels were compiled, and returns 0; 1 where an error stopped the script before its end.
    Raises: FileError where there is none; ArgumentError where kernels are compiled for a higher level of processor.
    """
    if not Path(path).is_file():
        raise FileError(f"there is no script '{Path(path).resolve()}'.")
    if not registry.runs_here():
        raise ArgumentError(f"{path} cannot run here with kernels for processors of a higher level. Compile them all: "
                            "python -m numba_layers warm --level LEVEL.")
    start, before, stopped = time.perf_counter(), _kept(), 0
    try:
        with rehearsal.rehearsing():
            compat.run_script(path, arguments)
    except SystemExit as ended:
        stopped = int(bool(ended.code))
    except Exception as error:
        traceback.print_exception(error)
        stopped = 1
    if stopped:
        print(f"{path} stopped before its end: what it needs from there on is not compiled.", file=sys.stderr)
    _say(len(_kept() - before), start, f"{Path(path).name} needs" + " up to there" * stopped)
    return stopped


def _say(compiled, start, needed):
    print(f"{compiled} kernels compiled in {time.perf_counter() - start:.1f} s; "
          f"all that {needed} are in {config.cache_directory() or 'no cache: it is off'}")


def model_in(path):
    """The model in a file: a .h5 file, or its architecture as .json. Raises: FileError."""
    if path.suffix != ".json":
        return load_model(path)
    try:
        return model_from_json(path.read_text())
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from None


def _kept():
    folder, names = config.cache_directory(), registry.kernels("cpu")
    files = folder.glob("*.kernel") if folder is not None and folder.is_dir() else ()
    return {file for file in files if file.name.rpartition("-")[0] in names}    # not what launches them


def inputs(model, batch_size):
    """Zeros for each input of a model."""
    return [_zeros(tensor.shape, batch_size, tensor.dtype) for tensor in model.inputs]


def _zeros(shape, batch_size, dtype):
    """Zeros of a placeholder's shape; open sizes get 2."""
    return np.zeros((shape[0] or batch_size, *(size or 2 for size in shape[1:])), dtype)
