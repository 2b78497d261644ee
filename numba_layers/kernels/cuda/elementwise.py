"""Elementwise kernels on the GPU: formulas, most as `math.tables` lists them, in one loop a kind of kernel.

- `<f>_forward(x, *parameters, y)`: y = f(x).
- `<f>_backward(y, grad_y, *parameters, grad_x)`: grad_x = grad_y * slope; relu, clip, swish, gelu and mish
  take x in place of y.
- `<f>_forward(x, y, shape, x_strides, y_strides, z)`: z = f(x, y), where x and y broadcast.
- `where_forward(condition, x, y, shape, condition_strides, x_strides, y_strides, z)`: the same of three.
- `cast(x, y)` and `fill(value, y)`.

Shapes: arrays are flat. `shape` and the strides come from `ops/_broadcast.py`: 5 numbers each, strides in
elements, the last one 0 (repeat) or 1; z is contiguous. A thread owns four elements (`simt.vec4`).
"""

import math

from ..math import activations, scalar
from ..math.tables import BINARY, SLOPES, UNARY
from .simt.broadcast import divisions, divisors, gather4, indices
from .simt.grid import thread_id
from .simt.sincos import cos, sin
from .simt.vec4 import indices4, load4, map4, next4, store4, vec4_launch
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel

# ---- y = f(x) ----------------------------------------------------------------------------------------------


def unary(name, f):
    """Kernel `name`: y = f(x)."""

    f = map4(f)

    @cuda_kernel(name=name, launch=vec4_launch)
    def kernel(x, y):
        i = thread_id()
        while i < y.size:
            store4(y, i, f(load4(x, i)))
            i = next4(i)


# The CPU's kernels take NumPy's functions, which there are none of here.


@device
def rint(x):
    return type(x)(cuda.libdevice.rintf(x) if scalar.is_single(x) else cuda.libdevice.rint(x))


@device
def floor(x):
    return type(x)(cuda.libdevice.floorf(x) if scalar.is_single(x) else cuda.libdevice.floor(x))


@device
def ceil(x):
    return type(x)(cuda.libdevice.ceilf(x) if scalar.is_single(x) else cuda.libdevice.ceil(x))


for _name, _formula in UNARY.items():
    unary(_name, _formula)
unary("round_forward", rint)
unary("floor_forward", floor)
unary("ceil_forward", ceil)
unary("sin_forward", sin)
unary("cos_forward", cos)


relu, elu, clip = map4(activations.relu), map4(activations.elu), map4(scalar.clip)


@cuda_kernel(launch=vec4_launch)
def relu_forward(x, alpha, max_value, threshold, y):
    i = thread_id()
    while i < y.size:
        store4(y, i, relu(load4(x, i), alpha, max_value, threshold))
        i = next4(i)


@cuda_kernel(launch=vec4_launch)
def elu_forward(x, alpha, y):
    i = thread_id()
    while i < y.size:
        store4(y, i, elu(load4(x, i), alpha))
        i = next4(i)


@cuda_kernel(launch=vec4_launch)
def clip_forward(x, low, high, y):
    i = thread_id()
    while i < y.size:
        store4(y, i, clip(load4(x, i), low, high))
        i = next4(i)


# ---- grad_x = grad_y * slope -------------------------------------------------------------------------------


@device
def products(x, y):
    return x[0] * y[0], x[1] * y[1], x[2] * y[2], x[3] * y[3]


def unary_backward(name, slope):
    """Kernel `name`: grad_x = grad_y * slope(y), where y is the output of the forward kernel."""
    slope = map4(slope)

    @cuda_kernel(name=name, launch=vec4_launch)
    def kernel(y, grad_y, grad_x):
        i = thread_id()
        while i < grad_x.size:
            store4(grad_x, i, products(load4(grad_y, i), slope(load4(y, i))))
            i = next4(i)


for _name, _formula in SLOPES.items():
    unary_backward(_name, _formula)


relu_slope, elu_slope, within = map4(activations.relu_slope), map4(activations.elu_slope), map4(scalar.within)


@cuda_kernel(launch=vec4_launch)
def relu_backward(x, grad_y, alpha, max_value, threshold, grad_x):
    """From the input x; where threshold = 0 and alpha >= 0, the output y in its place gives the same."""
    i = thread_id()
    while i < grad_x.size:
        store4(grad_x, i, products(load4(grad_y, i), relu_slope(load4(x, i), alpha, max_value, threshold)))
        i = next4(i)


@cuda_kernel(launch=vec4_launch)
def elu_backward(y, grad_y, alpha, grad_x):
    """From the output y; alpha >= 0."""
    i = thread_id()
    while i < grad_x.size:
        store4(grad_x, i, products(load4(grad_y, i), elu_slope(load4(y, i), alpha)))
        i = next4(i)


@cuda_kernel(launch=vec4_launch)
def clip_backward(x, grad_y, low, high, grad_x):
    """grad_y where low <= x <= high, else 0."""
    i = thread_id()
    while i < grad_x.size:
        a, b, c, d = within(load4(x, i), low, high)
        p, q, r, s = load4(grad_y, i)
        zero = grad_x.dtype.type(0)
        store4(grad_x, i, (p if a else zero, q if b else zero, r if c else zero, s if d else zero))
        i = next4(i)


# ---- z = f(x, y), broadcast --------------------------------------------------------------------------------


def of_two(f):
    """A device function (four numbers, four others) -> f of each two."""

    @device
    def of_each_two(x, y):
        return f(x[0], y[0]), f(x[1], y[1]), f(x[2], y[2]), f(x[3], y[3])

    return of_each_two


def binary(name, f):
    """Kernel `name`: z = f(x, y)."""
    f = of_two(f)

    @cuda_kernel(name=name, launch=vec4_launch)
    def kernel(x, y, shape, x_strides, y_strides, z):
        count = max(divisions(shape, x_strides), divisions(shape, y_strides))
        sizes, i = divisors(shape, count), thread_id()
        while i < z.size:
            at = indices(indices4(i, z.size), count, sizes)
            store4(z, i, f(gather4(x, at, count, x_strides), gather4(y, at, count, y_strides)))
            i = next4(i)


# Of floats, `%` would be x - y * (x / y rounded down) here, all of it rounded: not the remainder.


@device
def is_integer(x):
    return type(x)(0.5) == type(x)(0)


@device
def floor_divide(x, y):
    """x / y rounded down, as Python does it."""
    zero, one = type(x)(0), type(x)(1)
    if is_integer(x):
        return type(x)(x // y)
    if y == zero:
        return type(x)(x / y)
    rest = math.fmod(x, y)
    quotient = (x - rest) / y   # an integer, but for rounding
    if rest != zero and (rest < zero) != (y < zero):
        quotient -= one
    if quotient == zero:
        return type(x)(math.copysign(zero, x / y))
    whole = floor(quotient)
    return type(x)(whole + one if quotient - whole > type(x)(0.5) else whole)


@device
def mod(x, y):
    """The remainder of x / y, with y's sign."""
    if is_integer(x):
        return type(x)(x % y)
    rest = math.fmod(x, y)
    if rest == type(x)(0):
        return type(x)(math.copysign(rest, y))
    return type(x)(rest + y if (rest < type(x)(0)) != (y < type(x)(0)) else rest)


for _name, _formula in BINARY.items():
    binary(_name, _formula)
binary("floor_divide_forward", floor_divide)
binary("mod_forward", mod)


@device
def choices(condition, x, y):
    return (scalar.choose(condition[0], x[0], y[0]), scalar.choose(condition[1], x[1], y[1]),
            scalar.choose(condition[2], x[2], y[2]), scalar.choose(condition[3], x[3], y[3]))


@cuda_kernel(launch=vec4_launch)
def where_forward(condition, x, y, shape, condition_strides, x_strides, y_strides, z):
    """z = x where the condition holds, else y."""
    count = max(divisions(shape, condition_strides), divisions(shape, x_strides), divisions(shape, y_strides))
    sizes, i = divisors(shape, count), thread_id()
    while i < z.size:
        at = indices(indices4(i, z.size), count, sizes)
        store4(z, i, choices(gather4(condition, at, count, condition_strides), gather4(x, at, count, x_strides),
                          gather4(y, at, count, y_strides)))
        i = next4(i)


# ---- types, values -----------------------------------------------------------------------------------------


@cuda_kernel(launch=vec4_launch)
def cast(x, y):
    """y = x in y's type."""
    i = thread_id()
    while i < y.size:
        store4(y, i, load4(x, i))
        i = next4(i)


@cuda_kernel(launch=vec4_launch)
def fill(value, y):
    i = thread_id()
    while i < y.size:
        store4(y, i, (value, value, value, value))
        i = next4(i)
