"""The kernel that copies blocks against NumPy's assignment between views: turned, flipped, repeated, cut out."""

import numpy as np
import pytest

from tests.kernels.launching import launch

RANK = 8


def copied(x, x_view, y, y_view):
    """y_view[...] = x_view by the kernel; x_view is a view of x, y_view one of y, both arrays flat."""
    starts, strides = [], []
    for base, view in ((x, x_view), (y, y_view)):
        starts.append((view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // base.itemsize)
        strides.append((0,) * (RANK - view.ndim) + tuple(stride // base.itemsize for stride in view.strides))
    shape = (1,) * (RANK - y_view.ndim) + y_view.shape
    launch("copy_block", x, shape, starts[0], strides[0], starts[1], strides[1], y)


def check(shape, x_view, y_shape=None, y_view=lambda y: y, dtype="float32"):
    """Copy a view of an array of `shape` to a view of another array and compare all of that one."""
    x = np.arange(np.prod(shape)).astype(dtype)
    seen = x_view(x.reshape(shape))
    y = np.full(np.prod(y_shape or seen.shape, dtype=int), 7, dtype)
    truth = y.copy()
    y_view(truth.reshape(y_shape or seen.shape))[...] = seen
    copied(x, seen, y, y_view(y.reshape(y_shape or seen.shape)))
    np.testing.assert_array_equal(y, truth)


@pytest.mark.parametrize("shape", [
    (1, 1), (2, 3), (3, 2), (33, 35), (4, 300), (5, 300), (9, 300), (17, 70), (300, 3), (300, 7), (300, 13), (64, 64)])
def test_transpose(shape, device, dtype):
    check(shape, np.transpose, dtype=dtype)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_types(dtype, device):
    check((3, 5, 7), lambda x: x.transpose(1, 0, 2), dtype=dtype)
    check((3, 5, 7), lambda x: x.transpose(0, 2, 1), dtype=dtype)


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_axes(axes, device):
    check((13, 6, 37), lambda x: x.transpose(axes))
    check((13, 6, 37), lambda x: x.transpose(axes)[::-1, :, ::-1])
    part = np.empty((13, 6, 37)).transpose(axes)[1:, ::2, :-1].shape
    check((13, 6, 37), lambda x: x.transpose(axes)[1:, ::2, :-1], (40, 41, 42),
          lambda y: y[2:, 3:, 4:][:part[0], :part[1], :part[2]])


def test_eight_axes(device):
    check((2, 3, 1, 2, 3, 2, 2, 3), lambda x: x.transpose(3, 1, 7, 5, 0, 2, 4, 6))
    check((2, 3, 1, 2, 3, 2, 2, 3), lambda x: x[:, ::-1, :, :, ::-1, :, ::-1])


def test_repeats(device):
    check((5, 1, 9), lambda x: np.broadcast_to(x, (5, 4, 9)))
    check((5, 1, 9), lambda x: np.broadcast_to(x.transpose(2, 1, 0), (9, 4, 5)))
    check((1,), lambda x: np.broadcast_to(x, (1000,)))


@pytest.mark.parametrize("size", [1, 3, 4, 1023, 4097])
def test_row(size, device):
    check((size,), lambda x: x)
    check((size,), lambda x: x[::-1])
    check((2 * size,), lambda x: x[::2], (3 * size,), lambda y: y[1::3])


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3)])
def test_nothing(shape, device):
    check((4, 4), lambda x: x[:0, :3].T if shape == (3, 0) else x[:0, 0] if shape == (0,) else x[:0, :3])
