"""Compile kernels before they are needed, so that the processes after this one start at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import config, registry
from .errors import FileError
from .kernel_table import needs
from .models import load_model, model_from_json

if TYPE_CHECKING:
    from typing import Any

    from .typing import FilePath


def everything() -> int:
    """Compile all kernels that float32 models launch on the CPU and no cache has, on all processors at once.

    They are those that are recorded, one for each name, and what dry runs of all layers, losses and optimizers launch.
    Prints and returns how many.
    """
    start = time.perf_counter()
    compiled = registry.compile_ahead(registry.recorded() + needs.of_layers() + needs.of_training())
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
    compiled = registry.compile_ahead(needs.of_model(model, x))
    if registry.runs_here():
        before = _kept()
        needs.train(model, x)
        compiled += len(_kept() - before)
    _say(compiled, start, f"{model.name} needs")
    return compiled


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
    folder = config.cache_directory()
    return set(folder.glob("*.kernel")) if folder is not None and folder.is_dir() else set()


def inputs(model, batch_size):
    """Zeros for each input of a model."""
    return [_zeros(tensor.shape, batch_size, tensor.dtype) for tensor in model.inputs]


def _zeros(shape, batch_size, dtype):
    """Zeros of a placeholder's shape; open sizes get 2."""
    return np.zeros((shape[0] or batch_size, *(size or 2 for size in shape[1:])), dtype)
