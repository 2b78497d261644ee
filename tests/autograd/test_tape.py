import threading
import weakref

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, Variable
from numba_layers.errors import GraphError
from numba_layers.ops import _op

pytestmark = pytest.mark.usefixtures("device")


def tensor(*values):
    return Tensor(np.array(values, "float32"))


def test_contributions_to_one_tensor_add_up():
    x = tensor(2, 3)
    with Tape() as tape:
        y = x * x + x - ops.exp(x) * 0
    np.testing.assert_array_equal(tape.gradient(y, x), [5, 7])


def test_sources_come_back_in_their_form():
    x, y, z = tensor(1), tensor(2), tensor(3)
    with Tape() as tape:
        out = x * y
    assert isinstance(tape.gradient(out, x), Tensor)
    grad_x, grad_z, grad_out = tape.gradient(out, [x, z, out])
    assert grad_x.item() == 2 and grad_z is None and grad_out.item() == 1


def test_a_gradient_for_the_output():
    x = tensor(1, 2)
    with Tape() as tape:
        y = x * 3
    np.testing.assert_array_equal(tape.gradient(y, x, output_gradient=np.array([1, 10])), [3, 30])


def test_only_wanted_gradients_are_computed():
    x, y = tensor(1, 2), tensor(3, 4)
    with Tape() as tape:
        out = x * y
    called = []
    node = tape.nodes[0]
    tape.nodes[0] = node._replace(vjps=[lambda grad: called.append("x"), lambda grad: called.append("y")])
    tape.gradient(out, y)
    assert called == ["y"]


@pytest.mark.parametrize("last", [False, True])
def test_the_last_gradient_lets_go_of_ops_on_the_way(last):
    x = tensor(1, 2)
    with Tape() as tape:
        hidden = ops.exp(x * 2)
        y = ops.sum(hidden)
    kept, alive = weakref.ref(hidden.data), []
    del hidden
    double = tape.nodes[0].vjps[0]
    tape.nodes[0] = tape.nodes[0]._replace(vjps=[lambda grad: alive.append(kept() is not None) or double(grad), None])
    np.testing.assert_allclose(tape.gradient(y, x, last=last), 2 * np.exp([2, 4]), rtol=1e-6)
    assert alive == [not last] and len(tape.nodes) == (0 if last else 3)


def test_one_op_with_several_outputs():
    x = tensor(1, 2, 3, 4)
    with Tape() as tape:
        first, second = ops.split(x, parts=2)
        y = ops.sum(second * 5)
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 0, 5, 5])
    assert first.shape == (2,)


def test_gradients_of_gradients():
    x = tensor(2)
    with Tape() as outer:
        with Tape() as inner:
            y = x * x * x
        slope = inner.gradient(y, x)
    assert slope.item() == 12 and outer.gradient(slope, x).item() == 12


def test_a_gradient_asked_for_while_recording_is_recorded():
    x = tensor(3)
    with Tape() as tape:
        slope = tape.gradient(x * x, x)
        penalty = slope * slope
    assert tape.gradient(penalty, x).item() == 8 * 3


def test_nothing_is_recorded_outside():
    x = tensor(1)
    with Tape() as tape:
        pass
    y = x * 2
    assert tape.nodes == [] and tape.gradient(y, x) is None
    with pytest.raises(GraphError, match="differentiates tensors, got float"):
        tape.gradient(1.0, x)


def test_gradients_written_to_given_arrays():
    x, y, z = tensor(1, 2), tensor(3, 4), tensor(5, 6)
    into = [np.full(2, 9, "float32") for _ in range(3)]
    with Tape() as tape:
        out = x * y + x * 2
    gradients = tape.gradient(out, [x, y, z], into=into)
    for gradient, array, wanted in zip(gradients, into, ([5, 6], [1, 2], [0, 0])):
        assert gradient.data is array
        np.testing.assert_array_equal(array, wanted)


def test_gradients_written_to_columns_and_rounded():
    """Where a kernel cannot write to the array given, the gradient is copied there."""
    x, weight = Tensor(np.eye(2, 3, dtype="float32")), Tensor(np.ones((3, 2), "float32"))
    whole = np.zeros((3, 4), "float32")
    with Tape() as tape:
        y = ops.matmul(x, weight)
    for place in (whole[:, ::2], np.zeros((3, 2), "float64")):
        tape.gradient(y, [weight], into=[place])
        np.testing.assert_array_equal(place, [[1, 1], [1, 1], [0, 0]])
    assert not whole[:, 1::2].any()


def test_gradients_are_let_go_of_on_the_way(monkeypatch, random):
    """Of a chain of 40 layers no more than a few gradients live at a time, those inside of relu among them."""
    weight, bias = Tensor(random.standard_normal((8, 8)).astype("float32")), tensor(*range(8))
    source = x = Tensor(random.standard_normal((4, 8)).astype("float32"))
    with Tape() as tape:
        for _ in range(40):
            x = middle = ops.tanh(ops.dense(x, weight, bias, activation="relu"))
    allocate, made, peak = _op._allocate, [], []

    def counted(shape, dtype):
        array = allocate(shape, dtype)
        made.append(weakref.ref(array))
        peak.append(sum(one() is not None for one in made))
        return array

    monkeypatch.setattr(_op, "_allocate", counted)
    for _ in range(2):      # the tape itself keeps what it needs to be walked again
        gradients = tape.gradient(x, [source, weight, middle])
        del gradients
    assert len(peak) > 300 and max(peak) < 12
    assert not any(one() is not None for one in made)


def test_gradients_of_what_lies_between_source_and_target():
    x = tensor(2, 3)
    with Tape() as tape:
        y = x * x
        z = y * y
    for answers in (tape.gradient(z, [y, x, z]), tape.gradient(z, [y, x, z])):
        for answer, wanted in zip(answers, ([8, 18], [32, 108], [1, 1])):
            np.testing.assert_array_equal(answer, wanted)


def test_variables_after_the_tape_has_closed():
    """A `K.variable` waits outside of tapes; the backward pass still meets its value."""
    x = Variable(np.array([3.0], "float32"))
    with Tape() as tape:
        y = x * x
    assert tape.gradient(y, x).numpy().tolist() == [6]


def test_each_thread_has_its_tapes():
    x = tensor(1)
    with Tape() as tape:
        thread = threading.Thread(target=lambda: x * 2)
        thread.start()
        thread.join()
    assert tape.nodes == []


def test_a_tape_ends_when_its_block_fails():
    with pytest.raises(ZeroDivisionError):
        with Tape() as tape:
            raise ZeroDivisionError
    tensor(1) * 2
    assert tape.nodes == []
