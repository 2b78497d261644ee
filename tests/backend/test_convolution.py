"""K's convolutions against plain loops, in the words and the kernel layouts of both generations."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.autograd import Tensor
from numba_layers.errors import ArgumentError, ShapeError, UnknownArgumentError, UnknownNameError
from tests.reference import conv as reference
from tests.reference import local
from tests.tolerances import assert_close

SIZES = {1: (9,), 2: (7, 8), 3: (5, 6, 7)}
WINDOWS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
CHANNELS, FILTERS, MULTIPLIER = 3, 4, 2


@pytest.fixture(autouse=True)
def settings():
    """Whatever generation or layout a test sets is forgotten after it."""
    before = vars(config._settings).copy()
    yield
    vars(config._settings).update(before)


def numbers(random, *shape):
    return random.standard_normal(shape).astype("float32")


def images(random, rank):
    return numbers(random, 2, *SIZES[rank], CHANNELS)


def first(x):
    """Channels-last images as channels-first ones."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def th(kernel):
    """A kernel (*window, channels, filters) as Keras 1 keeps it for 'th'."""
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def assert_equal(actual, wanted):
    assert actual.shape == wanted.shape
    assert_close(actual, wanted, 10)


@pytest.mark.parametrize("rank", [1, 2])
def test_local_conv(rank, random):
    x = images(random, rank)
    window, strides = (3, 2)[:rank], (2, 1)[:rank]
    sizes = [(size - taps) // step + 1 for size, taps, step in zip(x.shape[1:-1], window, strides)]
    kernel = numbers(random, np.prod(sizes), np.prod(window) * CHANNELS, FILTERS)
    conv = getattr(K, f"local_conv{rank}d")
    said = [sizes] * (rank - 1)
    wanted = local.local_conv(x, kernel, window=window, strides=strides)
    assert_equal(conv(x, kernel, window, strides, *said, "channels_last"), wanted)
    if rank == 2:
        wanted = local.local_conv(first(x), kernel, window=window, strides=strides, data_format="channels_first")
        assert_equal(conv(first(x), kernel, window, strides, sizes, "channels_first"), wanted)
        with pytest.raises(ShapeError, match=r"local_conv2d: output_shape \(1, 1\) was said, the windows give"):
            conv(x, kernel, window, strides, (1, 1))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 2)])
def test_conv(rank, padding, strides, dilation, random):
    x, kernel = images(random, rank), numbers(random, *WINDOWS[rank], CHANNELS, FILTERS)
    conv = getattr(K, f"conv{rank}d")
    strides, dilation = (number if rank == 1 else (number,) * rank for number in (strides, dilation))
    wanted = reference.conv(x, kernel, strides=strides, padding=padding, dilation=dilation)
    assert_equal(conv(x, kernel, strides, padding, "channels_last", dilation), wanted)
    assert_equal(conv(x, kernel, strides=strides, padding=padding, dilation_rate=dilation), wanted)
    answer = conv(first(x), kernel, strides=strides, padding=padding, data_format="channels_first",
                  dilation_rate=dilation)
    assert_equal(answer, first(wanted))
    inputs = K.placeholder(shape=(None, *x.shape[1:]))
    run = K.function([inputs], [conv(inputs, K.variable(kernel), strides, padding, None, dilation)])
    assert_equal(run([x])[0], wanted)


def test_conv1d_causal(random):
    x, kernel = images(random, 1), numbers(random, 3, CHANNELS, FILTERS)
    wanted = reference.conv(x, kernel, padding="causal", dilation=2)
    assert_equal(K.conv1d(x, kernel, padding="causal", dilation_rate=2), wanted)


def test_conv1d_in_words_of_keras1(random):
    x, kernel = images(random, 1), numbers(random, 3, CHANNELS, FILTERS)
    wanted = reference.conv(x, kernel, strides=2, padding="same")
    config.set_image_data_format("channels_first")      # which sequences of Keras 1 do not heed
    assert_equal(K.conv1d(x, kernel, stride=2, border_mode="same", filter_shape=kernel.shape), wanted)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_conv_in_words_of_keras1(rank, ordering, random):
    x, kernel = images(random, rank), numbers(random, *WINDOWS[rank], CHANNELS, FILTERS)
    conv = getattr(K, f"conv{rank}d")
    strides = (2, 1, 3)[:rank]
    wanted = reference.conv(x, kernel, strides=strides, padding="same")
    dilated = reference.conv(x, kernel, padding="valid", dilation=2)
    if ordering == "th":
        x, kernel, wanted, dilated = first(x), th(kernel), first(wanted), first(dilated)
    words = {"strides": strides, "border_mode": "same"}
    ignored = {"filter_shape": kernel.shape, "image_shape" if rank == 2 else "volume_shape": x.shape}
    assert_equal(conv(x, kernel, dim_ordering=ordering, **words, **ignored), wanted)
    assert_equal(conv(x, kernel, strides, "same", ordering), wanted)
    assert_equal(conv(x, kernel, dim_ordering=ordering, filter_dilation=(2,) * rank), dilated)

    K.set_image_dim_ordering(ordering)
    assert_equal(conv(x, kernel, **words), wanted)
    config.set_keras_version("1.2.2")
    assert_equal(conv(x, kernel, strides, "same", "default", x.shape, kernel.shape), wanted)
    assert_equal(conv(x, kernel, strides, "same"), wanted)


def test_words_of_keras2_where_keras1_holds(random):
    """`data_format` is Keras 2's alone: so is the kernel's layout."""
    x, kernel = images(random, 2), numbers(random, 3, 2, CHANNELS, FILTERS)
    config.set_keras_version("1.2.2")
    assert_equal(K.conv2d(first(x), kernel, data_format="channels_first"), first(reference.conv(x, kernel)))
    assert_equal(K.conv2d(first(x), th(kernel)), first(reference.conv(x, kernel)))      # 'th' by default


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_atrous_conv2d(ordering, random):
    x, kernel = images(random, 2), numbers(random, 3, 2, CHANNELS, FILTERS)
    wanted = reference.conv(x, kernel, padding="same", dilation=2)
    if ordering == "th":
        x, kernel, wanted = first(x), th(kernel), first(wanted)
    assert_equal(K.atrous_conv2d(x, kernel, 2, border_mode="same", dim_ordering=ordering), wanted)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides, dilation", [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 3))])
def test_depthwise_and_separable_conv2d(padding, strides, dilation, random):
    x, depthwise = images(random, 2), numbers(random, 3, 2, CHANNELS, MULTIPLIER)
    pointwise = numbers(random, 1, 1, CHANNELS * MULTIPLIER, FILTERS)
    between = reference.depthwise_conv(x, depthwise, strides=strides, padding=padding, dilation=dilation)
    wanted = reference.conv(between, pointwise)
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    assert_equal(K.depthwise_conv2d(x, depthwise, **how), between)
    assert_equal(K.depthwise_conv2d(first(x), depthwise, data_format="channels_first", **how), first(between))
    assert_equal(K.separable_conv2d(x, depthwise, pointwise, **how), wanted)
    assert_equal(K.separable_conv2d(first(x), depthwise, pointwise, data_format="channels_first", **how), first(wanted))


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_separable_conv2d_in_words_of_keras1(ordering, random):
    x, depthwise = images(random, 2), numbers(random, 3, 2, CHANNELS, MULTIPLIER)
    pointwise = numbers(random, 1, 1, CHANNELS * MULTIPLIER, FILTERS)
    wanted = reference.conv(reference.depthwise_conv(x, depthwise, strides=2, padding="same"), pointwise)
    if ordering == "th":
        x, depthwise, pointwise, wanted = first(x), th(depthwise), th(pointwise), first(wanted)
    answer = K.separable_conv2d(x, depthwise, pointwise, (2, 2), border_mode="same", dim_ordering=ordering)
    assert_equal(answer, wanted)


@pytest.mark.parametrize("strides, dilation", [(1, 1), (2, 1), (1, 3)])
def test_separable_conv1d(strides, dilation, random):
    x, depthwise = images(random, 1), numbers(random, 3, CHANNELS, MULTIPLIER)
    pointwise = numbers(random, 1, CHANNELS * MULTIPLIER, FILTERS)
    how = {"strides": strides, "padding": "same"}
    wanted = reference.conv(reference.depthwise_conv(x, depthwise, dilation=dilation, **how), pointwise)
    assert_equal(K.separable_conv1d(x, depthwise, pointwise, dilation_rate=dilation, **how), wanted)
    answer = K.separable_conv1d(first(x), depthwise, pointwise, data_format="channels_first", dilation_rate=dilation,
                                **how)
    assert_equal(answer, first(wanted))


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("padding, more", [("valid", 0), ("valid", 1), ("same", 0), ("same", -1)])
def test_conv_transpose(rank, padding, more, random):
    """For strides of 2 there are two output sizes: `more` is the distance from Keras's own."""
    x, kernel = images(random, rank), numbers(random, *WINDOWS[rank], FILTERS, CHANNELS)
    transpose = getattr(K, f"conv{rank}d_transpose")
    strides = (2,) * rank
    sizes = tuple(size + more for size in reference.transposed_sizes(SIZES[rank], WINDOWS[rank], strides, padding))
    wanted = reference.conv_transpose(x, kernel, output_size=sizes, strides=strides, padding=padding)
    shape = (None, *sizes, FILTERS)
    assert_equal(transpose(x, kernel, shape, strides, padding), wanted)
    answer = transpose(first(x), kernel, (2, FILTERS, *sizes), strides, padding, "channels_first")
    assert_equal(answer, first(wanted))


def test_conv2d_transpose_with_dilation(random):
    x, kernel = images(random, 2), numbers(random, 3, 2, FILTERS, CHANNELS)
    wanted = reference.conv_transpose(x, kernel, output_size=(11, 10), dilation=2)
    assert_equal(K.conv2d_transpose(x, kernel, (2, 11, 10, FILTERS), dilation_rate=(2, 2)), wanted)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_deconv2d(ordering, random):
    x, kernel = images(random, 2), numbers(random, 3, 2, CHANNELS, FILTERS)
    wanted = reference.conv_transpose(x, np.swapaxes(kernel, 2, 3), output_size=(14, 15), strides=2, padding="same")
    shape = (None, 14, 15, FILTERS)
    if ordering == "th":
        x, kernel, wanted, shape = first(x), th(kernel), first(wanted), (None, FILTERS, 14, 15)
    answer = K.deconv2d(x, kernel, shape, strides=(2, 2), border_mode="same", dim_ordering=ordering,
                        filter_shape=kernel.shape)
    assert_equal(answer, wanted)
    K.set_image_dim_ordering(ordering)
    assert_equal(K.deconv2d(x, kernel, shape, (2, 2), "same"), wanted)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_output_shape_of_tensors(data_format, random):
    """The output of a transposed convolution may be as large as another tensor, whose size a graph knows later."""
    small, large = numbers(random, 2, 3, 4, CHANNELS), numbers(random, 2, 6, 7, FILTERS)
    kernel = numbers(random, 3, 3, FILTERS, CHANNELS)
    wanted = reference.conv_transpose(small, kernel, output_size=(6, 7), strides=2, padding="same")
    if data_format == "channels_first":
        small, large, wanted = first(small), first(large), first(wanted)
    axes = [None if size in (3, 4, 6, 7) and axis in (1, 2, 3) else size for axis, size in enumerate(small.shape)]
    axes[1 if data_format == "channels_first" else -1] = CHANNELS
    inputs, like = K.placeholder(shape=axes), K.placeholder(ndim=4)
    answer = K.conv2d_transpose(inputs, K.variable(kernel), K.shape(like), (2, 2), "same", data_format)
    channels = answer.shape[1 if data_format == "channels_first" else -1]
    assert channels == FILTERS and answer.shape.count(None) == 2
    gradient, = K.gradients(K.sum(K.square(answer)), [inputs])
    answer, gradient = K.function([inputs, like], [answer, gradient])([small, large])
    assert_equal(answer, wanted)
    last = wanted if data_format == "channels_last" else np.moveaxis(wanted, 1, -1)
    back = reference.conv(2 * last, kernel, strides=2, padding="same")
    assert_close(gradient, back if data_format == "channels_last" else first(back), 30)


X = Tensor(np.ones((1, 5, 6, 2), "float32"))
KERNEL = np.ones((3, 3, 2, 4), "float32")


@pytest.mark.parametrize("function, error, message", [
    (lambda: K.conv2d(X, KERNEL, padding="sane"), UnknownNameError, "Did you mean 'same'"),
    (lambda: K.conv2d(X, KERNEL, border_mode="sane", dim_ordering="tf"), UnknownNameError, "Did you mean 'same'"),
    (lambda: K.conv2d(X, KERNEL, data_format="channel_first"), UnknownNameError, "Did you mean 'channels_first'"),
    (lambda: K.conv2d(X, KERNEL, dim_ordering="tg"), UnknownNameError, "dim_ordering 'tg'"),
    (lambda: K.conv2d(X, KERNEL, bordermode="same"), UnknownArgumentError, "Did you mean 'border_mode'"),
    (lambda: K.conv2d(X, KERNEL, border_mode="same", data_format="channels_last"), ArgumentError,
     "border_mode is a word of Keras 1, data_format one of Keras 2"),
    (lambda: K.conv2d(X, KERNEL, dim_ordering="th"), ShapeError, "has 5 channels"),
    (lambda: K.conv3d(X, KERNEL), ShapeError, r"conv3d: x has 4 axes \(1, 5, 6, 2\), expected 5"),
    (lambda: K.conv1d(X, KERNEL), ShapeError, "expected 3: the batch, 1 spatial axis and the channels"),
    (lambda: K.conv2d(X, np.ones((7, 3, 2, 1), "float32")), ShapeError, "rows the window has 7, the input only 5"),
    (lambda: K.depthwise_conv2d(X, np.ones((3, 3, 3, 1), "float32")), ShapeError, "has 2 channels"),
    (lambda: K.conv2d_transpose(X, KERNEL, (1, 7, 8)), ShapeError, r"output_shape \(1, 7, 8\) has 3 entries"),
    (lambda: K.conv2d_transpose(X, np.ones((3, 3, 4, 2)), (1, 7, 8, 2)), ShapeError, r"has 2 channels .* makes 4"),
    (lambda: K.conv2d_transpose(X, np.ones((3, 3, 4, 2)), (1, 9, 8, 4)), ShapeError, "makes 5 rows of 9"),
    (lambda: K.conv2d_transpose(X, np.ones((3, 3, 4, 2)), (1, None, 8, 4)), ArgumentError, "open size"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function()
