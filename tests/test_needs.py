"""Which kernels models need, by dry runs: those that real steps launch, with the same types."""

import numpy as np
import pytest

from numba_layers import config, registry
from numba_layers.kernel_table import needs
from numba_layers.kernels.cpu.compile import CpuKernel
from numba_layers.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from numba_layers.models import Sequential

MODELS = {
    "images": ([Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), MaxPooling2D(2), Dropout(0.25), Flatten(),
                Dense(3, activation="softmax")], "categorical_crossentropy"),
    "rows": ([Dense(4, activation="tanh", input_shape=(5,), kernel_regularizer="l2"), Dense(3, activation="softmax")],
             "sparse_categorical_crossentropy"),
}


@pytest.mark.parametrize("name", MODELS)
def test_dry_runs_tell_what_real_ones_launch(name, monkeypatch):
    layers, loss = MODELS[name]
    model = Sequential(layers)
    model.compile("adam", loss, metrics=["accuracy"])
    x = [np.ones((4, *model.input_shape[1:]), np.float32)]
    before = model.get_weights()
    needed = set(needs.of_model(model, x))
    for weight, same in zip(model.get_weights(), before):
        np.testing.assert_array_equal(weight, same)

    launched, call = set(), CpuKernel.__call__

    def noting(kernel, *arguments):
        launched.add((kernel.name, registry.types_of(arguments)))
        call(kernel, *arguments)

    monkeypatch.setattr(CpuKernel, "__call__", noting)
    monkeypatch.setattr(config._settings, "programs", False)
    needs.train(model, x)
    assert launched and launched == needed
