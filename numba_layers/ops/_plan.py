"""Which kernel computes a convolution, and how that kernel takes the geometry."""

import functools
import math

import numpy as np

from .. import config, devices, registry
from ..errors import ArgumentError
from ._window import RANK, axes

VECTOR = 16    # numbers in a vector, at most
LEAST_CHANNELS, MOST_CHANNELS, LEAST_BLOCKS = 16, 512, 64   # between which Winograd's algorithm is faster
MOST_WEIGHTS, MOST_PARTIAL = 128 * 128, 65536    # channels * filters for the gradient of weights, and in all parts
FEW, MOST_INNER = 8, 1024    # channels that `convolve_small_c_out` is good for
MOST_PHASES = 1 << 20        # of a plan, which takes 216 bytes for each, and some microseconds


def algorithm(window, shape, out, transposed, winograd):
    """The kernel from an x of `shape` to `out`, and how it takes the geometry."""
    return _algorithm(window, shape, out, transposed, winograd, devices.target())


@functools.lru_cache(4096)
def _algorithm(window, shape, out, transposed, winograd, target):
    block = winograd_block(window, shape, out) if winograd else 0
    if block:
        numbers = shape[-1] * -(-out[-1] // VECTOR) * VECTOR + VECTOR
        before = tuple(2 - axis.before if transposed else axis.before for axis in window)
        return "winograd_convolve", ((block + 2) ** 2, numbers), before
    if transposed and few_channels(window, shape, out):
        return "convolve_small_c_out", forward_plan(window)
    return "convolve", backward_plan(window) if transposed else forward_plan(window), transposed


def fits(kernel, *geometry):
    """Do the buffers of `kernel` hold this geometry? Those of kernels without a word `fits` hold any."""
    holds = getattr(registry.kernel(kernel, devices.target()), "fits", None)
    return holds is None or holds(*geometry)


def winograd_allowed():
    """May Winograd's algorithm be chosen? The user says, or the device; not where numbers are checked."""
    if config.check_numbers:     # a NaN would be found in outputs that do not see where it is from
        return False
    allowed = config.winograd()
    return devices.current().winograd if allowed is None else allowed


def winograd_parts(window, shape, grad_shape):
    """In how many parts Winograd's algorithm sums up the gradient of a weight, where it is faster; else 0.

    Each part writes a gradient for each point, which small weights allow.
    """
    numbers = shape[-1] * grad_shape[-1]
    if winograd_block(window, shape, grad_shape) != 4 or numbers > MOST_WEIGHTS or numbers % VECTOR:
        return 0
    blocks = shape[0] * math.prod(-(-size // 4) for size in grad_shape[1:-1])
    return max(2, min(8, MOST_PARTIAL // numbers, blocks // LEAST_BLOCKS))


def few_channels(window, shape, out):
    """True where a convolution back to `out` has too few channels to fill vectors, and not too much of the rest."""
    return out[-1] <= FEW and shape[-1] <= MOST_INNER and fits("convolve_small_c_out", window, shape, out)


def winograd_block(window, shape, out):
    """Rows of the output blocks of Winograd's algorithm, 4 or 2, where it is faster; else 0.

    Its transforms cost per channel, so there must be some; and those of the weights per pixel, so there must be many.
    The larger block multiplies less, unless much of it falls beyond a small image.
    """
    if len(window) != 2 or any((axis.window, axis.stride, axis.dilation) != (3, 1, 1) for axis in window):
        return 0
    if min(shape[-1], out[-1]) < LEAST_CHANNELS or max(shape[-1], out[-1]) > MOST_CHANNELS:
        return 0
    if not fits("winograd_convolve", shape[-1]) or not fits("winograd_backward_points", shape[-1]):
        return 0
    blocks = {m: shape[0] * math.prod(-(-size // m) for size in out[1:-1]) for m in (4, 2)}
    return min((4, 2), key=lambda m: (m + 2) ** 2 * blocks[m]) if blocks[4] >= LEAST_BLOCKS else 0


@functools.lru_cache(4096)
def forward_plan(window):
    """The kernel's plan for `window` (a tuple of `Axis`): one phase."""
    rows = [(0, 1, axis.out, axis.stride, -axis.before, axis.dilation, axis.window, 0, 1) for axis in _three(window)]
    return np.array([rows], np.int64)


@functools.lru_cache(4096)
def backward_plan(window):
    """The kernel's plan from the output's gradient to the input's: a phase for each remainder by the strides.

    Input i receives from output o by tap k where i + before = o * stride + k * dilation. For the inputs
    i = r + stride * t these are the taps k = first + j * (stride / g), g the greatest common divisor of stride
    and dilation, and each next tap meets an output that is dilation / g less: walked backwards, a convolution.
    """
    count = math.prod(min(axis.stride, axis.size) for axis in window)
    if count > MOST_PHASES:
        strides = tuple(axis.stride for axis in window)
        raise ArgumentError(f"strides {strides} make {count} kinds of pixels of a transposed convolution, or of a "
                            f"convolution's gradient: at most {MOST_PHASES} can be computed. Take smaller strides.")
    phases = [()]
    for axis in _three(window):
        phases = [(*phase, row) for phase in phases for row in _backward_rows(axis)]
    return np.array(phases, np.int64).reshape(len(phases), RANK, 9)


def _backward_rows(axis):
    common = math.gcd(axis.stride, axis.dilation)
    step, gap = axis.stride // common, axis.dilation // common
    for start in range(min(axis.stride, axis.size)):
        taps = [k for k in range(axis.window) if (start + axis.before - k * axis.dilation) % axis.stride == 0]
        last = taps[-1] if taps else 0
        offset = (start + axis.before - last * axis.dilation) // axis.stride
        yield (start, axis.stride, -(-(axis.size - start) // axis.stride), 1, offset, gap, len(taps), last, -step)


def _three(window):
    """`window` with axes of size 1 in front."""
    return (*axes("conv", (1,) * (RANK - len(window)), 1), *window)
