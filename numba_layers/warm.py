"""Compile what a model needs before it is needed, so that the processes after this one start at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import config, losses
from .errors import FileError
from .models import load_model, model_from_json

if TYPE_CHECKING:
    from typing import Any

    from .typing import FilePath


def run(path: FilePath, optimizer: Any = "sgd", loss: Any = "mse", batch_size: int = 32) -> Any:
    """Train one step on zeros, evaluate and predict, so that all kernels of the model in `path` are in the cache.

    path: a model's .h5 file, or its architecture as .json. optimizer, loss: for a model that does not say them.
    Prints and returns the number of kernels that were compiled; those in the cache already are loaded.
    """
    model = model_in(Path(path))
    if model.objective is None:
        model.compile(optimizer, loss)
        print(f"the file does not say how it is trained: taking optimizer {optimizer!r} and loss {loss!r}")
    start, before = time.perf_counter(), _kept()
    x = [_zeros(tensor.shape, batch_size, tensor.dtype) for tensor in model.inputs]
    outputs = model.predict_on_batch(x)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    y = [_target(outputs[number], model.objective.losses[number]) for number in model.objective.trained]
    model.train_on_batch(x, y)
    model.test_on_batch(x, y)
    compiled = len(_kept() - before)
    print(f"{compiled} kernels compiled in {time.perf_counter() - start:.1f} s; "
          f"all that {model.name} needs are in {config.cache_directory() or 'no cache: it is off'}")
    return compiled


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


def _zeros(shape, batch_size, dtype):
    """Zeros of a placeholder's shape; open sizes get 2."""
    return np.zeros((shape[0] or batch_size, *(size or 2 for size in shape[1:])), dtype)


def _target(output, loss):
    """Zeros that fit an output: class numbers, or numbers of the output's shape."""
    sparse = loss is losses.sparse_categorical_crossentropy
    return np.zeros((*output.shape[:-1], 1), np.int64) if sparse else np.zeros_like(output)
