"""The kernels of recurrent layers, in all forms of launches (see `conftest`), and in memory full of NaN."""

import numpy as np
import pytest

from numba_layers import devices, ops, registry
from numba_layers.autograd import Tape, Tensor
from tests.kernels.launching import launch
from tests.ops.test_recurrent import CELLS, Case


@pytest.mark.parametrize("units, gates", [(1, 1), (3, 4), (16, 3), (50, 4), (530, 1)])
@pytest.mark.parametrize("transposed", [False, True])
def test_packing(units, gates, transposed, device, dtype, random):
    """Each gate's weights once, in some order, and zeros beside them."""
    rows, columns = registry.select(devices.target()).recurrent_padding(np.dtype(dtype))
    wide = -(-units // columns) * columns
    weight = random.permutation(units * units * gates).reshape(units, gates * units).astype(dtype) + 1
    panels = np.full((gates, (units + columns) * wide), np.nan, dtype)
    launch("pack_recurrent", weight, transposed, panels)
    for gate in range(gates):
        one, packed = weight[:, gate * units:(gate + 1) * units], panels[gate, :units * wide]
        np.testing.assert_array_equal(np.sort(packed[packed != 0]), np.sort(one.reshape(-1)))
        if columns == 1:
            np.testing.assert_array_equal(packed.reshape(units, units), one.T if transposed else one)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch, time, units, masks", [(1, 2, 3, None), (11, 3, 18, "ragged"), (40, 2, 33, "right")])
def test_steps_of_training(cell, batch, time, units, masks, device, dtype, random, monkeypatch):
    """Memory that a kernel is given is full of NaN: what it reads, it wrote."""
    if device != "cpu" and batch == 40:
        pytest.skip("takes long")
    case = Case(cell, batch, time, units, random, dtype, masks)
    empty = devices.current().empty

    def spoiled(shape, dtype):
        array = empty(shape, dtype)
        if array.size and np.dtype(dtype).kind == "f":
            array[...] = np.full(array.shape, np.nan, dtype)
        return array

    monkeypatch.setattr(devices.current(), "empty", spoiled, raising=False)
    results = []
    for _ in range(2):
        tensors = list(map(Tensor, case.tensors))
        with Tape() as tape:
            outputs, *last = case.call(*tensors, backwards=True)
            y = ops.sum(ops.square(outputs)) + sum(ops.sum(state) for state in last)
        alone = case.call(*tensors, backwards=True)
        results.append([one.numpy() for one in (outputs, *alone, *tape.gradient(y, tensors))])
        monkeypatch.undo()
    for one, other in zip(*results):
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, other)
