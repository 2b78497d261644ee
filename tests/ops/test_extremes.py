"""Numbers so large that addresses would overflow, Python loop for hours or memory not suffice: refused, or right."""

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor
from numba_layers.errors import ArgumentError, NumbaLayersError, ShapeError, TooLargeError
from numba_layers.ops._window import MOST

X, W = np.arange(8 * 8 * 4.0).reshape(1, 8, 8, 4) % 7, np.ones((3, 3, 4, 4))
LARGE = [10**9, MOST, MOST + 1, 10**18, 2**63, 10**30]
FIRST = X[:, :3, :3].sum((1, 2), keepdims=True)      # what the first window of 3 x 3 sees, by channels,
EACH = np.repeat(X.sum(-1)[..., None], 4, -1)        # and the filters of a single pixel
CALLS = {   # what is called with a large number, and its value where that is legal
    "conv strides": (lambda n: ops.conv(X, W, strides=n), np.full((1, 1, 1, 4), FIRST.sum())),
    "conv dilation": (lambda n: ops.conv(X, W, dilation=n), None),
    "conv dilation same": (lambda n: ops.conv(X, W, dilation=n, padding="same"), EACH),
    "conv dilation causal": (lambda n: ops.conv(X[0], W[0], dilation=n, padding="causal"), EACH[0]),
    "conv padding": (lambda n: ops.conv(X, W, padding=((n, n), (n, n))), None),
    "depthwise strides": (lambda n: ops.depthwise_conv(X, W[..., :1], strides=n), FIRST),
    "transposed strides": (lambda n: ops.conv_transpose(X, W, strides=n), None),
    "transposed output": (lambda n: ops.conv_transpose(X, W, strides=n, output_size=(5, 5)), None),
    "max pool strides": (lambda n: ops.max_pool(X, pool_size=2, strides=n), X[:, :2, :2].max((1, 2), keepdims=True)),
    "average pool strides": (lambda n: ops.average_pool(X, pool_size=3, strides=n), FIRST / 9),
    "average pool size": (lambda n: ops.average_pool(X, pool_size=n, padding="same"), X.mean((1, 2), keepdims=True)),
    "upsample": (lambda n: ops.upsample(X, size=n), None),
    "upsample lines": (lambda n: ops.upsample(X, size=n, interpolation="bilinear"), None),
    "upsample integers": (lambda n: ops.upsample(X.astype(int), size=n), None),
    "zero pad": (lambda n: ops.zero_pad(X, padding=((n, n), (n, n))), None),
    "crop": (lambda n: ops.crop(X, cropping=((n, 0), (0, 0))), None),
    "repeat": (lambda n: ops.repeat(X, repeats=n * n, axis=1), None),
    "tile": (lambda n: ops.tile(X, repeats=(1, n, n, 1)), None),
    "one hot": (lambda n: ops.one_hot(np.arange(10**6), depth=n * n), None),
}


@pytest.mark.parametrize("number", LARGE)
@pytest.mark.parametrize("name", CALLS)
def test_refused_or_right(name, number, float64):
    call, legal = CALLS[name]
    try:
        found = call(number)
    except NumbaLayersError as error:
        assert legal is None or number > MOST or "spans" in str(error)
        return
    np.testing.assert_allclose(found.numpy(), legal, rtol=1e-12)


def test_gradients_where_windows_stand_far_apart(float64):
    """One window, whatever the stride: the gradients are those of a small one."""
    def gradients(stride):
        with Tape() as tape:
            x, weight = Tensor(X), Tensor(W)
            y = ops.sum(ops.max_pool(ops.conv(x, weight, strides=stride), pool_size=1, strides=stride))
        return [grad.numpy() for grad in tape.gradient(y, [x, weight])]

    for far, near in zip(gradients(10**9), gradients(8)):
        np.testing.assert_array_equal(far, near)


def test_what_an_error_says():
    with pytest.raises(ArgumentError, match="at most 2,147,483,647"):
        ops.conv(X, W, strides=10**18)
    with pytest.raises(ArgumentError, match="make 1000000000000000000 kinds of pixels"):
        ops.conv_transpose(X, W, strides=10**9)
    with pytest.raises(ShapeError, match=r"legal|from 0 to 999999999: .*, \.\.\. \d+\.$"):
        ops.conv_transpose(X, W, strides=10**9, output_size=(5, 5))
    with pytest.raises(ArgumentError, match="more than 2147483647 pixels"):
        ops.max_pool(X, pool_size=70000, padding="same")
    with pytest.raises(TooLargeError, match="result has 1 x 800000000 x 800000000 x 4 numbers"):
        ops.upsample(X, size=10**8)
