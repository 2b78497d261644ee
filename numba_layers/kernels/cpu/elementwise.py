"""Elementwise kernels on the CPU, made from the formulas of `kernels/scalar.py` by one factory a shape of loop.

| kernel              | arguments                                            | result                                    |
|---------------------|------------------------------------------------------|-------------------------------------------|
| `<op>_forward`      | x, *parameters, y                                    | y = f(x)                                  |
| `<op>_forward`      | x, y, shape, x_strides, y_strides, z                 | z = f(x, y), broadcast                    |
| `where_forward`     | c, x, y, shape, c_strides, x_strides, y_strides, z   | z = x where c holds, else y; broadcast    |
| `<op>_backward`     | y, grad_y, *parameters, grad_x                       | grad_x = grad_y * slope; y the output     |
|                     |                                                      | (relu, clip: x, the input)                |
| `cast`, `fill`      | x, y; value, y                                       | y = x in y's type; y = value              |
| `add_into`, `axpby` | x, y; x, a, b, y                                     | y += x; y = a x + b y                     |

Shapes: all arrays are flat. `shape` and the strides (in elements, 0: repeat) are tuples from `ops/_broadcast.py`;
z is contiguous. Each element is written by one thread.
"""

import numpy as np
from numba import prange

from .. import scalar
from ..scalar import formula
from ._target import cpu_kernel, inlined

# ---- y = f(x) --------------------------------------------------------------------------------------------------------


def unary(name, f):
    """Kernel `name`: y = f(x)."""

    @cpu_kernel(name=name)
    def kernel(x, y):
        for i in prange(x.size):
            y[i] = f(x[i])


@formula
def negative(x):
    return -x


@formula
def absolute(x):
    return abs(x)


@formula
def rint(x):
    return np.rint(x)


@formula
def floor(x):
    return np.floor(x)


@formula
def ceil(x):
    return np.ceil(x)


@formula
def logical_not(x):
    return not x


@formula
def isnan(x):
    return x != x


@formula
def isinf(x):
    return abs(x) == np.inf


unary("negative_forward", negative)
unary("abs_forward", absolute)
unary("sign_forward", scalar.sign)
unary("round_forward", rint)
unary("floor_forward", floor)
unary("ceil_forward", ceil)
unary("square_forward", scalar.square)
unary("reciprocal_forward", scalar.reciprocal)
unary("sqrt_forward", scalar.sqrt)
unary("rsqrt_forward", scalar.rsqrt)
unary("exp_forward", scalar.exp)
unary("expm1_forward", scalar.expm1)
unary("log_forward", scalar.log)
unary("log1p_forward", scalar.log1p)
unary("sin_forward", scalar.sin)
unary("cos_forward", scalar.cos)
unary("erf_forward", scalar.erf)
unary("tanh_forward", scalar.tanh)
unary("sigmoid_forward", scalar.sigmoid)
unary("hard_sigmoid_forward", scalar.hard_sigmoid)
unary("selu_forward", scalar.selu)
unary("softplus_forward", scalar.softplus)
unary("softsign_forward", scalar.softsign)
unary("logical_not_forward", logical_not)
unary("isnan_forward", isnan)
unary("isinf_forward", isinf)


@cpu_kernel
def relu_forward(x, alpha, max_value, threshold, y):
    for i in prange(x.size):
        y[i] = scalar.relu(x[i], alpha, max_value, threshold)


@cpu_kernel
def elu_forward(x, alpha, y):
    for i in prange(x.size):
        y[i] = scalar.elu(x[i], alpha)


@cpu_kernel
def clip_forward(x, low, high, y):
    for i in prange(x.size):
        y[i] = scalar.clip(x[i], low, high)


# ---- grad_x = grad_y * slope -----------------------------------------------------------------------------------------


def unary_backward(name, slope):
    """Kernel `name`: grad_x = grad_y * slope(y), where y is the output of the forward kernel."""

    @cpu_kernel(name=name)
    def kernel(y, grad_y, grad_x):
        for i in prange(y.size):
            grad_x[i] = grad_y[i] * slope(y[i])


unary_backward("exp_backward", scalar.exp_slope)
unary_backward("tanh_backward", scalar.tanh_slope)
unary_backward("sigmoid_backward", scalar.sigmoid_slope)
unary_backward("hard_sigmoid_backward", scalar.hard_sigmoid_slope)
unary_backward("selu_backward", scalar.selu_slope)
unary_backward("softplus_backward", scalar.softplus_slope)
unary_backward("softsign_backward", scalar.softsign_slope)


@cpu_kernel
def relu_backward(x, grad_y, alpha, max_value, threshold, grad_x):
    """From the input x; where threshold = 0 and alpha >= 0, the output y in its place gives the same."""
    for i in prange(x.size):
        grad_x[i] = grad_y[i] * scalar.relu_slope(x[i], alpha, max_value, threshold)


@cpu_kernel
def elu_backward(y, grad_y, alpha, grad_x):
    """From the output y; alpha >= 0."""
    for i in prange(y.size):
        grad_x[i] = grad_y[i] * scalar.elu_slope(y[i], alpha)


@cpu_kernel
def clip_backward(x, grad_y, low, high, grad_x):
    """grad_y where low <= x <= high, else 0."""
    for i in prange(x.size):
        grad_x[i] = grad_y[i] if low <= x[i] <= high else grad_x.dtype.type(0)


# ---- z = f(x, y), broadcast ------------------------------------------------------------------------------------------

TILE = 16384   # elements of a task


@inlined
def tiling(shape):
    """Rows and columns of a tile, and how many tiles lie down and across the last two axes of `shape`."""
    columns = max(1, min(shape[-1], TILE))
    rows = max(1, min(shape[-2], TILE // columns))
    return rows, columns, -(-shape[-2] // rows), -(-shape[-1] // columns)


@inlined
def panels(shape):
    """How many panels (of two axes) `shape` has."""
    count = 1
    for size in shape[:-2]:
        count *= size
    return count


@inlined
def start(panel, shape, strides):
    """Where panel number `panel` starts in an array of `strides`."""
    place = 0
    for axis in range(len(shape) - 3, -1, -1):
        place += panel % shape[axis] * strides[axis]
        panel //= shape[axis]
    return place


def binary(name, f):
    """Kernel `name`: z = f(x, y). A task owns a tile of the last two axes; along a row of it x, y or none repeats."""

    @cpu_kernel(name=name)
    def kernel(x, y, shape, x_strides, y_strides, z):
        rows, columns, down, across = tiling(shape)
        for task in prange(panels(shape) * down * across):
            panel, tile = task // (down * across), task % (down * across)
            i, j = tile // across * rows, tile % across * columns
            x_row = start(panel, shape, x_strides) + i * x_strides[-2] + j * x_strides[-1]
            y_row = start(panel, shape, y_strides) + i * y_strides[-2] + j * y_strides[-1]
            z_row = (panel * shape[-2] + i) * shape[-1] + j
            width = np.uint64(min(columns, shape[-1] - j))
            for _ in range(min(rows, shape[-2] - i)):
                a, b, c = np.uint64(x_row), np.uint64(y_row), np.uint64(z_row)
                if x_strides[-1] == 0:
                    for k in range(width):
                        z[c + k] = f(x[a], y[b + k])
                elif y_strides[-1] == 0:
                    for k in range(width):
                        z[c + k] = f(x[a + k], y[b])
                else:
                    for k in range(width):
                        z[c + k] = f(x[a + k], y[b + k])
                x_row += x_strides[-2]
                y_row += y_strides[-2]
                z_row += shape[-1]


@formula
def add(x, y):
    return x + y


@formula
def subtract(x, y):
    return x - y


@formula
def multiply(x, y):
    return x * y


@formula
def divide(x, y):
    return x / y


@formula
def floor_divide(x, y):
    return x // y


@formula
def mod(x, y):
    return x % y


@formula
def equal(x, y):
    return x == y


@formula
def not_equal(x, y):
    return x != y


@formula
def less(x, y):
    return x < y


@formula
def less_equal(x, y):
    return x <= y


@formula
def greater(x, y):
    return x > y


@formula
def greater_equal(x, y):
    return x >= y


@formula
def logical_and(x, y):
    return x and y


@formula
def logical_or(x, y):
    return x or y


binary("add_forward", add)
binary("subtract_forward", subtract)
binary("multiply_forward", multiply)
binary("divide_forward", divide)
binary("floor_divide_forward", floor_divide)
binary("mod_forward", mod)
binary("power_forward", scalar.power)
binary("maximum_forward", scalar.maximum)
binary("minimum_forward", scalar.minimum)
binary("equal_forward", equal)
binary("not_equal_forward", not_equal)
binary("less_forward", less)
binary("less_equal_forward", less_equal)
binary("greater_forward", greater)
binary("greater_equal_forward", greater_equal)
binary("logical_and_forward", logical_and)
binary("logical_or_forward", logical_or)


@cpu_kernel
def where_forward(condition, x, y, shape, c_strides, x_strides, y_strides, z):
    """z = x where the condition holds, else y. A task owns a tile of the last two axes."""
    rows, columns, down, across = tiling(shape)
    for task in prange(panels(shape) * down * across):
        panel, tile = task // (down * across), task % (down * across)
        i, j = tile // across * rows, tile % across * columns
        c_row = start(panel, shape, c_strides) + i * c_strides[-2] + j * c_strides[-1]
        x_row = start(panel, shape, x_strides) + i * x_strides[-2] + j * x_strides[-1]
        y_row = start(panel, shape, y_strides) + i * y_strides[-2] + j * y_strides[-1]
        z_row = (panel * shape[-2] + i) * shape[-1] + j
        c_step, x_step, y_step = np.uint64(c_strides[-1]), np.uint64(x_strides[-1]), np.uint64(y_strides[-1])
        for _ in range(min(rows, shape[-2] - i)):
            a, b, c, d = np.uint64(c_row), np.uint64(x_row), np.uint64(y_row), np.uint64(z_row)
            for k in range(np.uint64(min(columns, shape[-1] - j))):
                z[d + k] = x[b + k * x_step] if condition[a + k * c_step] else y[c + k * y_step]
            c_row += c_strides[-2]
            x_row += x_strides[-2]
            y_row += y_strides[-2]
            z_row += shape[-1]


# ---- types, values, sums ---------------------------------------------------------------------------------------------


@cpu_kernel
def cast(x, y):
    """y = x in y's type."""
    for i in prange(x.size):
        y[i] = x[i]


@cpu_kernel
def fill(value, y):
    for i in prange(y.size):
        y[i] = value


@cpu_kernel
def add_into(x, y):
    """y += x."""
    for i in prange(x.size):
        y[i] += x[i]


@cpu_kernel
def axpby(x, a, b, y):
    """y = a x + b y."""
    for i in prange(x.size):
        y[i] = a * x[i] + b * y[i]
