import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, Variable, evaluate
from numba_layers.autograd.graph import LEARNING_PHASE, Graph, SymbolicTensor, gradients, placeholder
from numba_layers.errors import GraphError, ShapeError
from numba_layers.phase import learning

pytestmark = pytest.mark.usefixtures("device")

X = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "float32")


def test_ops_wait():
    x = placeholder((None, 2), name="x")
    y = ops.sum(x * 2 + 1, axis=-1)
    assert isinstance(y, SymbolicTensor) and y.shape == (None,) and y.dtype == "float32"
    assert y.step.function is ops.sum
    np.testing.assert_array_equal(evaluate(y, {x: X}), (X * 2 + 1).sum(-1))
    np.testing.assert_array_equal(evaluate(y, {x: X[:1]}), (X[:1] * 2 + 1).sum(-1))


def test_only_steps_that_are_needed_run():
    x, other = placeholder((None, 2)), placeholder((None, 2))
    y = x + 1
    unneeded = other * y
    graph = Graph([y], [x])
    assert [step.function for step in graph.steps] == [ops.add]
    assert unneeded.shape == (None, 2)


def test_a_tensor_in_the_middle_can_be_fed():
    x = placeholder((2,))
    middle = x + 1
    assert evaluate(middle * 2, {middle: np.array([10, 20])}).numpy().tolist() == [20, 40]


def test_several_outputs_and_shared_steps():
    x = placeholder((None, 2))
    shared = ops.exp(x)
    first, second = ops.split(shared, parts=2)
    graph = Graph([first + second, shared], [x])
    assert len(graph.steps) == 3
    total, same = graph.run([X])
    np.testing.assert_allclose(total, same[:, :1] + same[:, 1:])


def test_deep_graphs():
    y = x = placeholder((1,))
    for _ in range(3000):
        y = y + 1
    assert evaluate(y, {x: np.zeros(1)}).item() == 3000


def test_a_symbolic_tensor_has_no_value():
    x = placeholder((None, 3), name="image")
    for look in (lambda: x.data, lambda: np.asarray(x), x.numpy, lambda: float(x), lambda: bool(x > 0)):
        with pytest.raises(GraphError, match="no value yet. Evaluate it with K.function"):
            look()
    assert x.get_shape().as_list() == x.shape.as_list() == [None, 3] and x.get_shape().ndims == 2
    assert x._keras_shape == (None, 3)
    assert "image" in repr(x) and x.size is None and x.ndim == 2


def test_feeds_are_checked():
    x, y = placeholder((None, 2), name="x"), placeholder((2,), name="y")
    with pytest.raises(ShapeError, match=r"input .x.: expected shape \(None, 2\), got \(3, 3\)"):
        evaluate(x + y, {x: np.ones((3, 3)), y: np.ones(2)})
    with pytest.raises(GraphError, match="placeholder .y. .* needs a value"):
        evaluate(x + y, {x: X})


def test_shapes_are_checked_before_there_are_values():
    with pytest.raises(ShapeError, match="add"):
        placeholder((None, 2)) + placeholder((None, 3))


def test_variables_have_the_value_of_their_time():
    weight = Variable(np.array([1.0, 2.0], "float32"))
    y = weight * 3
    assert isinstance(y, SymbolicTensor)
    weight.assign([10, 20])
    assert evaluate(y).numpy().tolist() == [30, 60]
    assert evaluate(weight) is weight


def test_gradients():
    x = placeholder((None, 2))
    weight = Variable(np.array([1.0, -2.0], "float32"))
    loss = ops.sum(ops.square(x * weight))
    in_x, in_weight = gradients(loss, [x, weight])
    assert in_x.shape == (None, 2) and in_weight.shape == (2,)
    answers = evaluate([in_x, in_weight, loss], {x: X})
    np.testing.assert_allclose(answers[0], 2 * X * weight.numpy() ** 2)
    np.testing.assert_allclose(answers[1], (2 * X ** 2 * weight.data).sum(0))


def test_gradients_of_gradients():
    x = placeholder((None, 2))
    slope, = gradients(ops.sum(x ** 3), [x])
    curvature, = gradients(ops.sum(slope), [x])
    np.testing.assert_allclose(evaluate(curvature, {x: X}), 6 * X)


def test_what_does_not_count_has_a_gradient_of_zeros():
    x, y = placeholder((3, 2)), placeholder((3, 2))
    zeros, = gradients(ops.sum(x), [y])
    np.testing.assert_array_equal(evaluate(zeros, {x: X, y: X}), np.zeros((3, 2)))


def test_learning_phase():
    y = LEARNING_PHASE * 10
    assert evaluate(y).item() == 0
    assert evaluate(y, learning_phase=1).item() == 10
    assert evaluate(y, {LEARNING_PHASE: 1}).item() == 10
    assert learning.phase is None


def test_an_outer_tape_sees_what_a_graph_does():
    x, value = placeholder((2,)), Tensor(np.array([1.0, 2.0], "float32"))
    y = x * x
    with Tape() as tape:
        answer = evaluate(y, {x: value})
    np.testing.assert_array_equal(tape.gradient(answer, value), [2, 4])
