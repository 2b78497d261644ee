"""Elementwise kernels on the CPU: formulas, most as `math.tables` lists them, in one loop a kind of kernel.

- `<f>_forward(x, *parameters, y)`: y = f(x).
- `<f>_backward(y, grad_y, *parameters, grad_x)`: grad_x = grad_y * slope; relu, clip, swish, gelu and mish
  take x in place of y.
- `<f>_forward(x, y, shape, x_strides, y_strides, z)`: z = f(x, y), where x and y broadcast.
- `where_forward(condition, x, y, shape, condition_strides, x_strides, y_strides, z)`: the same of three.
- `cast(x, y)` and `fill(value, y)`.

Shapes: arrays are flat. `shape` and the strides come from `ops/_broadcast.py`: 5 numbers each, strides in
elements, the last one 0 (repeat) or 1; z is contiguous. Each element is written by one thread.
"""

import numpy as np
from numba import prange

from ..math import activations, scalar
from ..math.scalar import formula
from ..math.tables import BINARY, SLOPES, UNARY
from .compile import cpu_kernel, inlined
from .micro.widest import widest

# ---- y = f(x) ----------------------------------------------------------------------------------------------


def unary(name, f):
    """Kernel `name`: y = f(x)."""

    @cpu_kernel(name=name)
    def kernel(x, y):
        for i in prange(x.size):
            y[i] = widest(f(x[i]))


@formula
def rint(x):
    return np.rint(x)


@formula
def floor(x):
    return np.floor(x)


@formula
def ceil(x):
    return np.ceil(x)


for _name, _formula in UNARY.items():
    unary(_name, _formula)
unary("round_forward", rint)
unary("floor_forward", floor)
unary("ceil_forward", ceil)
unary("sin_forward", scalar.sin)
unary("cos_forward", scalar.cos)


@cpu_kernel
def relu_forward(x, alpha, max_value, threshold, y):
    for i in prange(x.size):
        y[i] = activations.relu(x[i], alpha, max_value, threshold)


@cpu_kernel
def elu_forward(x, alpha, y):
    for i in prange(x.size):
        y[i] = widest(activations.elu(x[i], alpha))


@cpu_kernel
def clip_forward(x, low, high, y):
    for i in prange(x.size):
        y[i] = scalar.clip(x[i], low, high)


# ---- grad_x = grad_y * slope -------------------------------------------------------------------------------


def unary_backward(name, slope):
    """Kernel `name`: grad_x = grad_y * slope(y), where y is the output of the forward kernel."""

    @cpu_kernel(name=name)
    def kernel(y, grad_y, grad_x):
        for i in prange(y.size):
            grad_x[i] = grad_y[i] * slope(y[i])


for _name, _formula in SLOPES.items():
    unary_backward(_name, _formula)


@cpu_kernel
def relu_backward(x, grad_y, alpha, max_value, threshold, grad_x):
    """From the input x; where threshold = 0 and alpha >= 0, the output y in its place gives the same."""
    for i in prange(x.size):
        grad_x[i] = grad_y[i] * activations.relu_slope(x[i], alpha, max_value, threshold)


@cpu_kernel
def elu_backward(y, grad_y, alpha, grad_x):
    """From the output y; alpha >= 0."""
    for i in prange(y.size):
        grad_x[i] = grad_y[i] * activations.elu_slope(y[i], alpha)


@cpu_kernel
def clip_backward(x, grad_y, low, high, grad_x):
    """grad_y where low <= x <= high, else 0."""
    for i in prange(x.size):
        grad_x[i] = grad_y[i] if scalar.within(x[i], low, high) else grad_x.dtype.type(0)


# ---- z = f(x, y), broadcast --------------------------------------------------------------------------------


@inlined
def panels(shape):
    """How many panels, of the last two axes, there are."""
    return shape[0] * shape[1] * shape[2]


@inlined
def place(panel, shape, strides):
    """Where panel number `panel` begins in an array of `strides`."""
    rest, axis_2 = panel // shape[2], panel % shape[2]
    axis_0, axis_1 = rest // shape[1], rest % shape[1]
    return axis_0 * strides[0] + axis_1 * strides[1] + axis_2 * strides[2]


@inlined
def width(shape, begin, z):
    """Elements of the row of z that begins at `begin`; the last panel may end before its last row does."""
    return np.uint64(max(0, min(shape[4], z.size - begin)))


def binary(name, f):
    """Kernel `name`: z = f(x, y). A task owns a panel; along its rows x repeats, or y does, or neither."""

    @cpu_kernel(name=name)
    def kernel(x, y, shape, x_strides, y_strides, z):
        for panel in prange(panels(shape)):
            x_row, y_row = place(panel, shape, x_strides), place(panel, shape, y_strides)
            z_row = panel * shape[3] * shape[4]
            for _ in range(shape[3]):
                a, b, c = np.uint64(x_row), np.uint64(y_row), np.uint64(z_row)
                n = width(shape, z_row, z)
                if x_strides[4] == 0:
                    for k in range(n):
                        z[c + k] = f(x[a], y[b + k])
                elif y_strides[4] == 0:
                    for k in range(n):
                        z[c + k] = f(x[a + k], y[b])
                else:
                    for k in range(n):
                        z[c + k] = f(x[a + k], y[b + k])
                x_row += x_strides[3]
                y_row += y_strides[3]
                z_row += shape[4]


@formula
def floor_divide(x, y):
    return x // y


@formula
def mod(x, y):
    return x % y


for _name, _formula in BINARY.items():
    binary(_name, _formula)
binary("floor_divide_forward", floor_divide)
binary("mod_forward", mod)


@cpu_kernel
def where_forward(condition, x, y, shape, condition_strides, x_strides, y_strides, z):
    """z = x where the condition holds, else y. Tasks and rows as in `binary`."""
    step = np.uint64(condition_strides[4])
    for panel in prange(panels(shape)):
        condition_row = place(panel, shape, condition_strides)
        x_row, y_row = place(panel, shape, x_strides), place(panel, shape, y_strides)
        z_row = panel * shape[3] * shape[4]
        for _ in range(shape[3]):
            a, b, c, d = np.uint64(condition_row), np.uint64(x_row), np.uint64(y_row), np.uint64(z_row)
            n = width(shape, z_row, z)
            if x_strides[4] == 0:
                y_step = np.uint64(y_strides[4])
                for k in range(n):
                    z[d + k] = scalar.choose(condition[a + k * step], x[b], y[c + k * y_step])
            elif y_strides[4] == 0:
                for k in range(n):
                    z[d + k] = scalar.choose(condition[a + k * step], x[b + k], y[c])
            else:
                for k in range(n):
                    z[d + k] = scalar.choose(condition[a + k * step], x[b + k], y[c + k])
            condition_row += condition_strides[3]
            x_row += x_strides[3]
            y_row += y_strides[3]
            z_row += shape[4]


# ---- types, values -----------------------------------------------------------------------------------------


@cpu_kernel
def cast(x, y):
    """y = x in y's type."""
    for i in prange(x.size):
        y[i] = x[i]


@cpu_kernel
def fill(value, y):
    for i in prange(y.size):
        y[i] = value
