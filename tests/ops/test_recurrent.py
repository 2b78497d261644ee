"""Recurrent ops beside loops over samples and steps, and beside the same step by step."""

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, ShapeError
from numba_layers.ops import recurrent
from tests.reference import recurrent as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

# name of an op, number of gates, of states, and options; "bias" of a recurrent bias
CELLS = {"simple_rnn": ("simple_rnn", 1, 1, {}), "lstm": ("lstm", 4, 2, {}), "gru": ("gru", 3, 1, {}),
         "gru_reset_after": ("gru", 3, 1, {"reset_after": True}),
         "gru_bias": ("gru", 3, 1, {"reset_after": True, "bias": True})}
SUMS, GATES = np.ones((3, 4, 6)), np.ones((2, 6))       # of a GRU of two units


class Case:
    """Random inputs of a cell."""

    def __init__(self, cell, batch, time, units, random, dtype="float64", masks=None):
        self.op, gates, states, options = CELLS[cell]
        self.options = {name: value for name, value in options.items() if name != "bias"}
        draw = random.standard_normal
        self.tensors = [draw((batch, time, gates * units)), draw((units, gates * units)) / np.sqrt(units)]
        self.place_of_bias = 2 if self.op == "gru" else None
        if options.get("bias"):
            self.tensors.append(draw(3 * units))
            self.place_of_bias = None
        self.tensors += [draw((batch, units)) for _ in range(states)]
        self.tensors = [tensor.astype(dtype) for tensor in self.tensors]
        self.mask = None
        if masks == "ragged":        # one sample has no step that counts, one all
            self.mask = random.rand(batch, time) < 0.6
            self.mask[:1], self.mask[1:2] = False, True
        elif masks == "right":
            self.mask = np.arange(time) < random.randint(0, time + 1, (batch, 1))

    def arguments(self, tensors):
        tensors = list(tensors)
        if self.place_of_bias is not None:
            tensors.insert(self.place_of_bias, None)
        return *tensors, self.mask

    def call(self, *tensors, module=recurrent, name=None, **options):
        return getattr(module, name or self.op)(*self.arguments(tensors), **self.options | options)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch, time, units, masks", [
    (1, 1, 1, None), (2, 3, 5, "ragged"), (3, 4, 16, "right"), (17, 2, 17, "ragged"), (9, 3, 40, None),
    (7, 5, 3, "right"), (2, 0, 3, None), (0, 2, 3, None), (0, 2, 3, "right")])
def test_values(cell, batch, time, units, masks, dtype, random):
    for backwards in False, True:
        case = Case(cell, batch, time, units, random, dtype, masks)
        expected = case.call(*case.tensors, module=reference, backwards=backwards)
        alone = case.call(*case.tensors, backwards=backwards)
        with Tape():
            recorded = case.call(*case.tensors, backwards=backwards)
        steps = case.call(*case.tensors, name=f"{case.op}_by_steps", backwards=backwards)
        for one, found, kept, other in zip(expected, alone, recorded, steps):
            assert found.dtype == dtype
            assert_close(found, one, 10)
            assert_close(other, one, 10)
            np.testing.assert_array_equal(found, kept)


@pytest.mark.parametrize("batch", range(1, 18))
def test_batches(batch, device, random):
    """Fewer samples than a tile has rows, as many, and more."""
    if device != "cpu" and batch > 6:
        pytest.skip("a block of the GPU has four samples")
    case = Case("lstm", batch, 2, 20, random, "float32")
    for found, one in zip(case.call(*case.tensors), case.call(*case.tensors, module=reference)):
        assert_close(found, one, 10)


@pytest.mark.parametrize("cell", CELLS)
def test_many_units(cell, device, random):
    if device != "cpu":
        pytest.skip("takes long")
    case = Case(cell, 3, 2, 530, random)
    for found, one in zip(case.call(*case.tensors), case.call(*case.tensors, module=reference)):
        assert_close(found, one, 30)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("batch, time, units, masks, backwards", [
    (5, 4, 3, None, False), (5, 4, 3, "ragged", False), (4, 3, 2, "right", True), (17, 2, 18, "ragged", True),
    (1, 3, 1, None, False)])
def test_gradients(cell, batch, time, units, masks, backwards, device, random):
    if device != "cpu" and units == 18:
        pytest.skip("takes long")
    case = Case(cell, batch, time, units, random, masks=masks)
    assert gradcheck(lambda *tensors: case.call(*tensors, backwards=backwards, **sigmoids(case)), case.tensors)


def sigmoids(case):
    """Options of activations without kinks."""
    return {} if case.op == "simple_rnn" else {"recurrent_activation": "sigmoid"}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("masks", [None, "ragged"])
def test_gradients_of_gradients(cell, masks, device, random):
    if device != "cpu":
        pytest.skip("made of other ops, which have their own tests")
    case = Case(cell, 3, 3, 2, random, masks=masks)

    def gradients(*tensors):
        with Tape() as tape:
            y = sum(ops.sum(ops.square(output)) for output in case.call(*tensors, **sigmoids(case)))
        return tape.gradient(y, list(tensors))

    assert gradcheck(gradients, case.tensors)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_recorded_or_not(cell, random):
    """The same, whether a tape records them, so that they come of ops, or not, of the kernel."""
    case = Case(cell, 3, 4, 5, random, masks="ragged")
    tensors = list(map(Tensor, case.tensors))
    with Tape() as outer:
        with Tape() as tape:
            y = ops.sum(ops.square(case.call(*tensors, backwards=True)[0]))
        recorded = tape.gradient(y, tensors)
    assert outer.nodes
    for one, other in zip(tape.gradient(y, tensors), recorded):
        assert_close(one, other.numpy(), 10)


@pytest.mark.parametrize("name", recurrent.FUSED)
def test_activations(name, random):
    """Every activation that kernels know, in each place."""
    for cell in "simple_rnn", "lstm", "gru", "gru_bias":
        case = Case(cell, 2, 2, 3, random)
        for place in ["activation"] + ["recurrent_activation"] * (cell != "simple_rnn"):
            options = {"activation": "softsign", place: name}
            for found, one in zip(case.call(*case.tensors, **options),
                                  case.call(*case.tensors, module=reference, **options)):
                assert_close(found, one, 10)
            assert gradcheck(lambda *tensors, case=case, options=options: case.call(*tensors, **options), case.tensors)


def test_other_activations(random):
    """Those that kernels do not know, by names and as functions."""
    case = Case("lstm", 3, 2, 4, random, masks="ragged")
    found = case.call(*case.tensors, activation="softmax", recurrent_activation=lambda x: ops.exp(-ops.square(x)))
    assert found[0].shape == (3, 2, 4)
    same = case.call(*case.tensors, activation=ops.tanh, recurrent_activation=ops.hard_sigmoid)
    for one, other in zip(same, case.call(*case.tensors)):
        assert_close(one, other.numpy(), 10)


@pytest.mark.parametrize("kind", ["uint8", "float32", "int64", "bool"])
def test_masks_of_any_type(kind, random):
    case = Case("gru", 4, 5, 3, random, "float32", "ragged")
    expected = case.call(*case.tensors)
    case.mask = case.mask.astype(kind) * np.asarray(3 if kind != "bool" else 1, kind)
    for one, other in zip(case.call(*case.tensors), expected):
        np.testing.assert_array_equal(one, other)


def test_a_masked_step_gets_no_gradient(random):
    """What arrives at its output goes to the output that it repeats; before the first step that counts, to none."""
    case = Case("simple_rnn", 1, 4, 2, random)
    case.mask = np.array([[False, True, False, False]])
    tensors = list(map(Tensor, case.tensors))
    z, _, h0 = tensors
    with Tape() as tape:
        outputs, last = case.call(*tensors, activation="linear")
    np.testing.assert_array_equal(outputs.numpy()[0, 0], [0, 0])
    np.testing.assert_array_equal(outputs.numpy()[0, 1:], np.repeat(last.numpy(), 3, 0))
    grad = np.array([[[1, 1], [10, 10], [100, 100], [1000, 1000.0]]])
    grad_z, grad_h0 = tape.gradient(outputs, [z, h0], output_gradient=grad)
    np.testing.assert_array_equal(grad_z.numpy()[0], [[0, 0], [1110, 1110], [0, 0], [0, 0]])
    assert_close(grad_h0, grad_z.numpy()[:, 1] @ case.tensors[1].T)


@pytest.mark.parametrize("cell", CELLS)
def test_open_sizes(cell, random):
    case = Case(cell, 3, 4, 2, random, "float32", "ragged")
    shapes = [(None, None, case.tensors[0].shape[2]), *(tensor.shape for tensor in case.tensors[1:])]
    shapes = [(None, *shape[1:]) if number > 1 and len(shape) == 2 else shape for number, shape in enumerate(shapes)]
    symbols, mask = [placeholder(shape) for shape in shapes], placeholder((None, None), "bool")
    values = dict(zip([*symbols, mask], [*case.tensors, case.mask]))
    expected = case.call(*case.tensors)
    case.mask = mask
    outputs = case.call(*symbols)
    assert [output.shape for output in outputs] == [(None, None, 2)] + [(None, 2)] * (len(outputs) - 1)
    for output, one in zip(outputs, expected):
        np.testing.assert_array_equal(evaluate(output, values), one)
    outputs = case.call(*symbols, activation="softmax")
    assert outputs[0].shape == (None, None, 2)
    assert evaluate(outputs[0], values).shape == (3, 4, 2)


@pytest.mark.parametrize("cell", CELLS)
def test_threads_change_no_bit(cell, device, random):
    if device != "cpu":
        pytest.skip("threads of the CPU")
    case = Case(cell, 37, 9, 21, random, "float32", "ragged")
    tensors = list(map(Tensor, case.tensors))

    def results():
        with Tape() as tape:
            outputs, *last = case.call(*tensors)
            y = ops.sum(ops.square(outputs)) + sum(ops.sum(state) for state in last)
        return [outputs.numpy(), *(grad.numpy() for grad in tape.gradient(y, tensors))]

    for one, other in zip(*on_one_and_all(results)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("call, error, message", [
    (lambda z, u, h: recurrent.simple_rnn(z, u[:1], h), ShapeError, r"simple_rnn.*\(1, 2\), expected \(units, units\)"),
    (lambda z, u, h: recurrent.lstm(z, np.ones((2, 8)), h, h), ShapeError, r"lstm: z has shape.*\(batch, time, 8\)"),
    (lambda z, u, h: recurrent.simple_rnn(z, u, h[:1]), ShapeError, r"a state has shape \(1, 2\), expected \(3, 2\)"),
    (lambda z, u, h: recurrent.simple_rnn(z, u, h, np.ones((3, 5))), ShapeError, r"mask.*\(3, 5\), expected \(3, 4\)"),
    (lambda z, u, h: recurrent.gru(SUMS, GATES, np.ones(6), h), ArgumentError, "reset_after=True"),
    (lambda z, u, h: recurrent.gru(SUMS, GATES, np.ones(5), h, reset_after=True), ShapeError,
     r"bias has shape \(5,\), expected \(6,\)")])
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((3, 4, 2)), np.ones((2, 2)), np.ones((3, 2)))
