import numpy as np
import pytest

from numba_layers import devices, ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, ShapeError, UnknownNameError
from tests.reference import conv as reference
from tests.tolerances import assert_close

pytestmark = pytest.mark.usefixtures("device")

CASES = [   # shape of x, of the weight, strides, padding, dilation
    ((2, 5, 6, 3), (3, 3, 3, 4), 1, "same", 1), ((2, 5, 6, 3), (2, 3, 3, 2), 1, "valid", 1),
    ((1, 7, 6, 9), (3, 2, 9, 10), (2, 1), "same", 1), ((2, 6, 7, 5), (3, 3, 5, 1), 3, "valid", 1),
    ((2, 7, 7, 2), (2, 3, 2, 3), 1, "same", (2, 1)), ((2, 5, 5, 2), (3, 3, 2, 2), 2, ((2, 0), (1, 3)), 2),
    ((3, 1, 1, 4), (1, 1, 4, 2), 1, "valid", 1), ((4, 12, 16, 16), (3, 3, 16, 17), 1, "same", 1),   # Winograd's
    ((2, 6, 7, 8), (3, 2, 8, 3), 1, ((2, 0), (0, 1)), (2, 1)),      # wgrad swapped: few filters
    ((2, 9, 3), (3, 3, 2), 2, "same", 1), ((2, 6, 3), (2, 3, 1), 1, "causal", 2),
    ((2, 3, 5, 4, 2), (2, 3, 2, 2, 3), 1, "same", 1), ((1, 4, 5, 5, 8), (3, 2, 2, 8, 9), 2, "valid", 1),
]
cases = pytest.mark.parametrize("shape, weight, strides, padding, dilation", CASES, ids=str)


def operands(random, *shapes, dtype="float64"):
    return [random.standard_normal(shape).astype(dtype) for shape in shapes]


def geometry(strides, padding, dilation):
    return {"strides": strides, "padding": padding, "dilation": dilation}


def channels_first(x):
    return np.moveaxis(x, -1, 1)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
@cases
def test_conv(shape, weight, strides, padding, dilation, activation, dtype, random):
    x, weight, bias = operands(random, shape, weight, weight[-1:], dtype=dtype)
    how = geometry(strides, padding, dilation)
    wanted = reference.conv(x, weight, bias, **how)
    wanted = {"linear": wanted, "relu": np.maximum(wanted, 0), "tanh": np.tanh(wanted)}[activation]
    answer = ops.conv(Tensor(x), Tensor(weight), bias, activation=activation, **how)
    assert answer.dtype == dtype and answer.shape == wanted.shape
    assert_close(answer, wanted, 100)

    first = ops.conv(Tensor(channels_first(x).copy()), weight, bias, activation=activation,
                     data_format="channels_first", **how)
    np.testing.assert_array_equal(first, channels_first(answer.data))


@cases
def test_conv_transpose(shape, weight, strides, padding, dilation, dtype, random):
    """From an image of the size that `conv` makes, back to each size that it can be made from."""
    sizes, how = shape[1:-1], geometry(strides, padding, dilation)
    out = reference.output_sizes(sizes, weight[:-2], *(reference.each_axis(value, len(sizes)) if name != "padding"
                                                       else value for name, value in how.items()))
    x, bias = operands(random, (2, *out, weight[-1]), weight[-2:-1], dtype=dtype)
    weight, = operands(random, weight, dtype=dtype)
    wanted = reference.conv_transpose(x, weight, bias, output_size=sizes, **how)
    answer = ops.conv_transpose(x, weight, bias, output_size=sizes, **how)
    assert_close(answer, wanted, 100)
    first = ops.conv_transpose(channels_first(x).copy(), weight, bias, output_size=sizes, data_format="channels_first",
                               activation="relu", **how)
    assert_close(first, channels_first(np.maximum(wanted, 0)), 100)


@pytest.mark.parametrize("padding, size", [("same", (10, 9)), ("valid", (12, 9))])
def test_conv_transpose_chooses_keras_size(padding, size, random):
    x, weight = operands(random, (1, 5, 3, 2), (4, 3, 3, 2))
    answer = ops.conv_transpose(x, weight, strides=(2, 3), padding=padding)
    assert answer.shape == (1, *size, 3)
    assert_close(answer, reference.conv_transpose(x, weight, strides=(2, 3), padding=padding), 10)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@cases
def test_gradients(shape, weight, strides, padding, dilation, data_format, random):
    x, weight, bias = operands(random, shape, weight, weight[-1:])
    x = x if data_format == "channels_last" else channels_first(x)
    how = geometry(strides, padding, dilation) | {"data_format": data_format}
    assert gradcheck(lambda x, weight, bias: ops.conv(x, weight, bias, activation="sigmoid", **how), [x, weight, bias])


@cases
def test_second_order(shape, weight, strides, padding, dilation, random):
    def gradients(x, weight):
        with Tape() as tape:
            y = ops.square(ops.conv(x, weight, **geometry(strides, padding, dilation)))
        return tape.gradient(y, [x, weight])

    assert gradcheck(gradients, operands(random, shape, weight))


@pytest.mark.parametrize("strides, padding, dilation", [(1, "valid", 1), (2, "same", 1), (3, "valid", 1),
                                                        (1, "same", 2), (2, ((0, 1), (2, 1)), 3)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_transposed_gradients(strides, padding, dilation, data_format, random):
    x, weight, bias = operands(random, (2, 4, 3, 5), (3, 2, 4, 5), (4,))
    x = x if data_format == "channels_last" else channels_first(x)
    how = geometry(strides, padding, dilation) | {"data_format": data_format}

    def gradients(x, weight):
        with Tape() as tape:
            y = ops.square(ops.conv_transpose(x, weight, **how))
        return tape.gradient(y, [x, weight])

    assert gradcheck(lambda *tensors: ops.conv_transpose(*tensors, activation="tanh", **how), [x, weight, bias])
    assert gradcheck(gradients, [x, weight])


def test_a_window_of_one_pixel_is_a_dense_layer(random):
    x, weight, bias = operands(random, (2, 3, 4, 5), (1, 1, 5, 6), (6,))
    np.testing.assert_array_equal(ops.conv(x, weight, bias), ops.dense(x, weight[0, 0], bias).data)


def test_open_sizes(random):
    """The batch, and the images' sizes, may be known only when the model runs."""
    x, weight, bias = operands(random, (2, 9, 7, 3), (3, 3, 3, 2), (2,), dtype="float32")
    for open_shape, shape in (((None, 9, 7, 3), (None, 5, 4, 2)), ((None, None, None, 3), (None, None, None, 2))):
        inputs = placeholder(open_shape)
        y = ops.conv(inputs, weight, bias, strides=2, padding="same", activation="relu")
        assert y.shape == shape
        wanted = reference.conv(x, weight, bias, strides=2, padding="same")
        assert_close(evaluate(y, {inputs: x}), np.maximum(wanted, 0), 10)


# ---- the order of axes ---------------------------------------------------------------------------------------


def net(x, weights, data_format):
    """Convolutions and elementwise ops between them."""
    y = ops.conv(x, weights[0], activation="relu", padding="same", data_format=data_format)
    z = ops.add(ops.tanh(y), ops.multiply(y, 0.5))
    return ops.conv(z, weights[1], data_format=data_format)


def test_channels_first_is_a_view_of_channels_last(random):
    """The same bits in both orders; between two convolutions the memory stays, elementwise ops included."""
    x, *weights = operands(random, (2, 6, 5, 3), (3, 3, 3, 4), (3, 3, 4, 5), dtype="float32")
    results = {}
    for data_format, image in (("channels_last", x), ("channels_first", channels_first(x).copy())):
        tensors = [Tensor(image), *map(Tensor, weights)]
        with Tape() as tape:
            y = net(tensors[0], tensors[1:], data_format)
        results[data_format] = [y, *tape.gradient(y, tensors, y.data)]
        if data_format == "channels_first":
            moves = [node for node in tape.nodes if node.name == "_permute"]
            assert len(moves) == 3 and [node.name for node in tape.nodes].count("transpose") == 1   # the user's images
            if devices.target() == "cpu":       # elsewhere tensors move as ops use them
                assert all(np.shares_memory(node.inputs[0].data, node.outputs[0].data) for node in moves)
    for number, (last, first) in enumerate(zip(*results.values())):
        np.testing.assert_array_equal(channels_first(last.data) if number < 2 else last.data, first.data)


@pytest.mark.parametrize("op", [ops.tanh, ops.relu, ops.square, lambda x: ops.clip(x, low=-1, high=1),
                                lambda x: ops.add(x, x), lambda x: ops.cast(x, dtype="float32")])
def test_elementwise_ops_keep_the_order_in_memory(op, random):
    x = channels_first(operands(random, (2, 5, 4, 3))[0])
    y = op(Tensor(x))
    np.testing.assert_array_equal(y.data, op(Tensor(x.copy())).data)
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous


def test_elementwise_ops_of_two_orders(random):
    one = channels_first(operands(random, (2, 5, 4, 3))[0])
    other = operands(random, one.shape)[0]
    np.testing.assert_array_equal(ops.add(one, other).data, one + other)
    np.testing.assert_array_equal(ops.add(other, one).data, one + other)
    np.testing.assert_array_equal(ops.maximum(one[..., :1], other).data, np.maximum(one[..., :1], other))


# ---- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, weight, options, message", [
    ((2, 2, 9, 3), (3, 3, 3, 4), {}, "along the rows the window has 3, the input only 2"),
    ((2, 9, 4, 3), (3, 3, 3, 4), {"dilation": 2}, r"along the columns the window spans 5 \(3 taps, 2 apart\)"),
    ((2, 3, 4, 3), (9, 3, 3, 4), {"padding": ((2, 1), (0, 0))}, r"only 3 \+ padding 2 \+ 1 = 6"),
    ((2, 0, 4, 3), (3, 3, 3, 4), {"padding": "same"}, "the input has size 0 x 4"),
    ((32, 28, 28), (3, 3, 1, 4), {}, r"expected 4 \(batch, \*spatial, channels\).*x\[\.\.\., None\]"),
    ((2, 9, 9, 5), (3, 3, 3, 4), {}, "has 5 channels .*takes 3"),
    ((2, 9, 9, 3), (3, 3, 3, 4), {"data_format": "channels_first"}, r"has 9 channels \(channels_first\)"),
    ((2, 9, 9, 9, 9, 3), (3, 3, 3, 3, 3, 4), {}, "window of 1 to 3 axes"),
    ((2, 9, 9, 0), (3, 3, 0, 4), {}, "sizes of at least 1"), ((2, 9, 9, 3), (3, 3, 3, 0), {}, "sizes of at least 1"),
], ids=str)
def test_shapes_that_do_not_fit(shape, weight, options, message, random):
    with pytest.raises(ShapeError, match=message):
        ops.conv(np.ones(shape, "float32"), np.ones(weight, "float32"), **options)


@pytest.mark.parametrize("options, error, message", [
    ({"strides": 0}, ArgumentError, "whole numbers of at least 1"),
    ({"strides": (1, 2, 3)}, ArgumentError, "expected 2 whole numbers"),
    ({"dilation": -1}, ArgumentError, "dilation"), ({"strides": 1.5}, ArgumentError, "strides 1.5"),
    ({"padding": "sane"}, UnknownNameError, "Did you mean 'same'"),
    ({"padding": "causal"}, ArgumentError, "for sequences"),
    ({"padding": ((1, 1),)}, ArgumentError, "2 pairs"), ({"padding": ((1, -1), (0, 0))}, ArgumentError, "negative"),
    ({"activation": "rellu"}, UnknownNameError, "relu"),
], ids=str)
def test_arguments_that_are_wrong(options, error, message, random):
    with pytest.raises(error, match=message):
        ops.conv(np.ones((2, 9, 9, 3), "float32"), np.ones((3, 3, 3, 4), "float32"), **options)


def test_impossible_output_sizes_list_the_legal_ones(random):
    x, weight = np.ones((1, 12, 12, 3)), np.ones((3, 3, 4, 3))
    assert ops.conv_transpose(x, weight, output_size=(25, 26), strides=2).shape == (1, 25, 26, 4)
    with pytest.raises(ShapeError, match=r"makes 12 rows of 27.*2 \* \(12 - 1\) \+ a \+ 3, a from 0 to 1: 25, 26"):
        ops.conv_transpose(x, weight, output_size=(27, 25), strides=2)
    with pytest.raises(ShapeError, match="23, 24"):
        ops.conv_transpose(x, weight, output_size=(25, 25), strides=2, padding="same")


def test_bias_of_another_size(random):
    with pytest.raises(ShapeError, match=r"bias has shape \(3,\), expected \(4,\)"):
        ops.conv(np.ones((2, 9, 9, 3)), np.ones((3, 3, 3, 4)), np.ones(3))
