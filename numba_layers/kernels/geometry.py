"""The geometry of convolutions, which ops write and both targets read, with named fields.

An op says which convolution it wants, a `ConvProblem`; the target chooses an algorithm for it (`select`). Kernels that
go over windows take them as a *plan*, an array (residue, axis, field): for each output residue modulo the stride and
each of three spatial axes the fields of a `PlanAxis`. Forward there is one residue, all pixels. The gradient to the
input, which is a transposed convolution, has one for each remainder of the input's pixels by the strides: pixels of a
residue see the same taps, as a convolution of stride 1 does.
Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

import functools
import math
from collections import namedtuple

import numpy as np

from ..errors import ArgumentError

RANK = 3                   # spatial axes, at most
MOST_RESIDUES = 1 << 20    # of a plan, which takes 216 bytes for each, and some microseconds

# One spatial axis of a sliding window; size, before, after and out are None while the input's size is open.
class WindowAxis(namedtuple("WindowAxis", "size window stride dilation before after out")):
    __slots__ = ()

    @property
    def reach(self):
        """From the first tap to the last."""
        return (self.window - 1) * self.dilation


ONE = WindowAxis(1, 1, 1, 1, 0, 0, 1)

# One axis of a plan. Output start + t * step, t < count, sums over taps j < taps: the input at t * stride + offset +
# j * gap, times the window's tap first_tap + j * next_tap.
PlanAxis = namedtuple("PlanAxis", "start step count stride offset gap taps first_tap next_tap")


class ConvProblem(namedtuple("ConvProblem", "form window x y")):
    """A convolution to compute: form is "fprop", "dgrad" (also a transposed convolution) or "wgrad".

    window: a `WindowAxis` for each spatial axis. x, y: shapes (batch, *spatial, channels) of the convolution's input
    and output, whichever of them the form computes.
    """

    __slots__ = ()

    @property
    def source(self):
        """Shape of the images that fprop or dgrad reads."""
        return self.y if self.form == "dgrad" else self.x

    @property
    def target(self):
        """Shape of the images that fprop or dgrad writes."""
        return self.x if self.form == "dgrad" else self.y

    @property
    def weight(self):
        """Shape of the weight, (*window, channels, filters)."""
        return (*(axis.window for axis in self.window), self.x[-1], self.y[-1])

    @property
    def swapped(self):
        """A problem of wgrad with image and gradient in each other's place, for strides of 1.

        Its weight is this one's, backwards along each axis of the window, and with channels and filters exchanged.
        """
        window = tuple(axis._replace(size=axis.out, out=axis.size, before=axis.reach - axis.before,
                                     after=axis.reach - axis.after) for axis in self.window)
        return self._replace(window=window, x=self.y, y=self.x)


def pixels(shape):
    """Number of pixels of images (batch, *spatial, channels)."""
    return math.prod(shape[:-1])


def is_winograd(window):
    """Is this what Winograd's algorithm computes: windows of 3 x 3, stride 1?"""
    return len(window) == 2 and all((axis.window, axis.stride, axis.dilation) == (3, 1, 1) for axis in window)


def winograd_blocks(shape, m):
    """Number of m x m blocks that cover images (batch, rows, columns, channels)."""
    return shape[0] * math.prod(-(-size // m) for size in shape[1:-1])


@functools.lru_cache(4096)
def forward_plan(window):
    """The plan of fprop, and of wgrad, for `window` (a tuple of `WindowAxis`): one residue."""
    axes = [PlanAxis(0, 1, axis.out, axis.stride, -axis.before, axis.dilation, axis.window, 0, 1)
            for axis in _three(window)]
    return np.array([axes], np.int64)


@functools.lru_cache(4096)
def backward_plan(window):
    """The plan of dgrad, from the output's gradient to the input's: a residue for each remainder by the strides.

    Input i receives from output o by tap k where i + before = o * stride + k * dilation. For the inputs
    i = r + stride * t these are the taps k = first + j * (stride / g), g the greatest common divisor of stride
    and dilation, and each next tap meets an output that is dilation / g less: walked backwards, a convolution.
    """
    count = math.prod(min(axis.stride, axis.size) for axis in window)
    if count > MOST_RESIDUES:
        strides = tuple(axis.stride for axis in window)
        raise ArgumentError(f"strides {strides} make {count} kinds of pixels of a transposed convolution, or of a "
                            f"convolution's gradient: at most {MOST_RESIDUES} can be computed. Take smaller strides.")
    residues = [()]
    for axis in _three(window):
        residues = [(*residue, row) for residue in residues for row in _backward_axes(axis)]
    return np.array(residues, np.int64).reshape(len(residues), RANK, len(PlanAxis._fields))


def _backward_axes(axis):
    common = math.gcd(axis.stride, axis.dilation)
    step, gap = axis.stride // common, axis.dilation // common
    for start in range(min(axis.stride, axis.size)):
        taps = [k for k in range(axis.window) if (start + axis.before - k * axis.dilation) % axis.stride == 0]
        last = taps[-1] if taps else 0
        offset = (start + axis.before - last * axis.dilation) // axis.stride
        yield PlanAxis(start, axis.stride, -(-(axis.size - start) // axis.stride), 1, offset, gap, len(taps), last,
                       -step)


def _three(window):
    """`window` with axes of size 1 in front."""
    return (*[ONE] * (RANK - len(window)), *window)
