import numpy as np
import pytest

from numba_layers import devices, ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, DtypeError, ShapeError, UnknownNameError
from tests.reference import conv as reference
from tests.threads import on_one_and_all
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

CASES = [   # shape of x, of the weight, strides, padding, dilation
    ((2, 5, 6, 3), (3, 3, 3, 1), 1, "same", 1), ((2, 5, 6, 3), (2, 3, 3, 2), 1, "valid", 1),
    ((1, 7, 6, 1), (3, 2, 1, 4), (2, 1), "same", 1), ((2, 6, 7, 5), (3, 3, 5, 1), 3, "valid", 1),
    ((2, 7, 7, 2), (2, 3, 2, 3), 1, "same", (2, 1)), ((2, 5, 5, 2), (3, 3, 2, 2), 2, ((2, 0), (1, 3)), 2),
    ((3, 1, 1, 4), (1, 1, 4, 1), 1, "valid", 1), ((1, 1, 1, 2), (3, 3, 2, 1), 1, "same", 1),
    ((2, 8, 3), (3, 3, 2), 1, "same", 1), ((2, 9, 2), (3, 2, 1), 2, "valid", 1), ((2, 6, 3), (2, 3, 1), 1, "causal", 2),
]


def operands(random, *shapes, dtype="float64"):
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


def geometry(strides, padding, dilation):
    return {"strides": strides, "padding": padding, "dilation": dilation}


def weights(random, weight, filters=None, dtype="float64"):
    """A depthwise weight and a bias; with `filters` a pointwise weight between them, for so many."""
    between = weight[-2] * weight[-1]
    shapes = [weight, (between,)]
    if filters:
        shapes = [weight, (*(1,) * (len(weight) - 2), between, filters), (filters,)]
    return operands(random, *shapes, dtype=dtype)


def separable(x, depthwise, pointwise, bias=None, **how):
    return reference.conv(reference.depthwise_conv(x, depthwise, **how), pointwise, bias)


def channels_first(x):
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@pytest.mark.parametrize("shape, weight, strides, padding, dilation", CASES)
def test_depthwise_conv(shape, weight, strides, padding, dilation, activation, dtype, random):
    x, = operands(random, shape, dtype=dtype)
    weight, bias = weights(random, weight, dtype=dtype)
    how = geometry(strides, padding, dilation)
    wanted = reference.depthwise_conv(x, weight, bias, **how)
    wanted = {"linear": wanted, "relu": np.maximum(wanted, 0), "tanh": np.tanh(wanted)}[activation]
    answer = ops.depthwise_conv(Tensor(x), Tensor(weight), bias, activation=activation, **how)
    assert answer.dtype == dtype and answer.shape == wanted.shape
    assert_close(answer, wanted, 4)

    first = ops.depthwise_conv(Tensor(channels_first(x)), Tensor(weight), bias, data_format="channels_first",
                               activation=activation, **how)
    np.testing.assert_array_equal(first, channels_first(np.asarray(answer)))
    assert channels_first(np.zeros(wanted.shape, dtype)).strides == first.data.strides


@pytest.mark.parametrize("shape, weight, strides, padding, dilation", CASES)
def test_separable_conv(shape, weight, strides, padding, dilation, dtype, random):
    x, = operands(random, shape, dtype=dtype)
    depthwise, pointwise, bias = weights(random, weight, filters=4, dtype=dtype)
    how = geometry(strides, padding, dilation)
    wanted = separable(x, depthwise, pointwise, bias, **how)
    answer = ops.separable_conv(Tensor(x), depthwise, pointwise, bias, activation="relu", **how)
    assert_close(answer, np.maximum(wanted, 0), 10)
    first = ops.separable_conv(Tensor(channels_first(x)), depthwise, pointwise, data_format="channels_first", **how)
    assert_close(first, channels_first(wanted - bias), 10)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("shape, weight, strides, padding, dilation", CASES)
def test_gradients(shape, weight, strides, padding, dilation, data_format, random):
    x, = operands(random, shape)
    x = x if data_format == "channels_last" else channels_first(x)
    how = geometry(strides, padding, dilation) | {"data_format": data_format}

    def op(x, weight, bias):
        return ops.depthwise_conv(x, weight, bias, activation="relu", **how)

    assert gradcheck(op, [x, *weights(random, weight)])
    assert gradcheck(lambda *operands: ops.separable_conv(*operands, **how), [x, *weights(random, weight, filters=2)])


@pytest.mark.parametrize("shape, weight, strides, padding, dilation", CASES)
def test_second_order(shape, weight, strides, padding, dilation, random):
    def gradients(x, weight):
        with Tape() as tape:
            y = ops.square(ops.depthwise_conv(x, weight, activation="relu", **geometry(strides, padding, dilation)))
        return tape.gradient(y, [x, weight])

    assert gradcheck(gradients, operands(random, shape, weight))


def test_gradients_are_the_references(random):
    """In float32 too, with more pixels than fit one part of the weight's gradient."""
    x, weight, bias = operands(random, (2, 20, 21, 5), (3, 3, 5, 1), (5,), dtype="float32")
    how = geometry((2, 1), "same", 1)
    with Tape() as tape:
        tensors = [Tensor(x), Tensor(weight), Tensor(bias)]
        y = ops.depthwise_conv(*tensors, **how)
    grad_y, = operands(random, y.shape, dtype="float32")
    grad_x, grad_weight, grad_bias = tape.gradient(y, tensors, grad_y)
    assert_close(grad_x, reference.depthwise_conv_backward_input(grad_y, weight, (20, 21), **how), 4)
    assert_close(grad_weight, reference.depthwise_conv_backward_weight(x, grad_y, (3, 3), **how), 100)
    assert_close(grad_bias, reference.backward_bias(grad_y), 100)


def test_open_sizes(random):
    """The batch, and the images' sizes, may be known only when the model runs."""
    x, = operands(random, (2, 9, 7, 3), dtype="float32")
    weight, bias = weights(random, (3, 3, 3, 2), dtype="float32")
    for open_shape, shape in (((None, 9, 7, 3), (None, 5, 4, 6)), ((None, None, None, 3), (None, None, None, 6))):
        inputs = placeholder(open_shape)
        y = ops.depthwise_conv(inputs, Tensor(weight), bias, strides=2, padding="same", activation="relu")
        assert y.shape == shape
        wanted = reference.depthwise_conv(x, weight, bias, strides=2, padding="same")
        assert_close(evaluate(y, {inputs: x}), np.maximum(wanted, 0), 4)


def test_channels_first_copies_nothing(random):
    """Between two convolutions channels-first tensors are views of channels-last memory."""
    x, weight = operands(random, (1, 4, 4, 3), (3, 3, 3, 1))
    with Tape() as tape:
        ops.depthwise_conv(Tensor(channels_first(x)), weight, padding="same", data_format="channels_first")
    permuted = [node for node in tape.nodes if node.name == "_permute"]
    assert len(permuted) == 2
    if devices.target() == "cpu":       # elsewhere tensors move as ops use them
        assert all(np.shares_memory(node.inputs[0].data, node.outputs[0].data) for node in permuted)


def test_threads_change_no_bit(random):
    x, weight = operands(random, (3, 17, 19, 37), (3, 3, 37, 1), dtype="float32")

    def answers():
        with Tape() as tape:
            tensors = [Tensor(x), Tensor(weight)]
            y = ops.depthwise_conv(*tensors, padding="same", activation="relu")
        return [y.data, *(grad.data for grad in tape.gradient(y, tensors))]

    for one, many in zip(*on_one_and_all(answers)):
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("function, error, message", [
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 3, 1))), ShapeError, r"has 2 channels \(channels_last\).*takes 3"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 1)), data_format="channels_first"), ShapeError, "4 channels"),
    (lambda x: ops.depthwise_conv(x, np.ones((5, 3, 2, 1))), ShapeError, "rows the window has 5, the input only 4"),
    (lambda x: ops.depthwise_conv(x, np.ones((2, 3, 2, 1)), dilation=4), ShapeError, r"spans 5 \(2 taps, 4 apart\)"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 2, 1))), ShapeError, r"x has 4 axes \(1, 4, 5, 2\), expected 3"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 3, 2, 1))), ShapeError, "window of 1 or 2 axes"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 2))), ShapeError, r"expected \(\*window, channels, multiplier\)"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 2)), np.ones(2)), ShapeError, r"bias has shape \(2,\).*\(4,\)"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 1)), strides=0), ArgumentError, "strides 0"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 1)), padding="causal"), ArgumentError, "for sequences"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 1)), padding="sane"), UnknownNameError, "mean 'same'"),
    (lambda x: ops.depthwise_conv(x, np.ones((3, 3, 2, 1)), activation="rleu"), UnknownNameError, "mean 'relu'"),
    (lambda x: ops.depthwise_conv(x, Tensor(np.ones((3, 3, 2, 1), "float32"))), DtypeError, "mix float32 and float64"),
    (lambda x: ops.separable_conv(x, np.ones((3, 3, 2, 2)), np.ones((1, 1, 2, 5))), ShapeError,
     r"pointwise weight has shape \(1, 1, 2, 5\), expected \(1, 1, 4, filters\)"),
    (lambda x: ops.separable_conv(x, np.ones((3, 3, 2, 2)), np.ones((2, 1, 4, 5))), ShapeError, r"expected \(1, 1, 4"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function(Tensor(np.ones((1, 4, 5, 2))))
