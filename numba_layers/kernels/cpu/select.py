"""Which algorithm the CPU takes for a problem: the first that fits and pays (see `kernels.algorithm`).

The constants here are tuned; what a buffer holds is computed beside the buffer. What is cut into partial sums is cut by
sizes alone, so that the number of threads changes no bit.
"""

import math
from functools import lru_cache, partial

from ..algorithm import Algorithm, always, first, nothing
from ..geometry import is_winograd, pixels, winograd_blocks
from ..math.winograd import POINTS
from . import conv_small_c_out, winograd, winograd_wgrad

WINOGRAD = True                                             # unless the user says otherwise
LEAST_CHANNELS, MOST_CHANNELS, LEAST_BLOCKS = 16, 512, 64   # between which Winograd's algorithm is faster
MOST_WEIGHTS, MOST_PARTIAL = 128 * 128, 65536               # channels * filters of its wgrad, and in all splits
MOST_C_OUT, MOST_C_IN = 8, 1024                             # channels that `convolve_small_c_out` is good for
SPLITS, ROWS, PIXELS = 8, 256, 128   # split-K of wgrad: about so many splits, rows of the weight and pixels of each
DEPTHWISE_SPLITS, DEPTHWISE_PIXELS = 64, 8    # the same of depthwise wgrad: at most, and pixels for each tap


def winograd_pays(problem):
    """Its transforms cost per channel, so there must be some; those of weights per pixel, so there must be many."""
    channels = problem.x[-1], problem.y[-1]
    return (is_winograd(problem.window) and LEAST_CHANNELS <= min(channels) and max(channels) <= MOST_CHANNELS
            and winograd_blocks(problem.target, 4) >= LEAST_BLOCKS)


def winograd_4x4_pays(problem):
    """F(4x4, 3x3) multiplies less than F(2x2, 3x3), unless much of its blocks falls beyond a small image."""
    return (winograd_pays(problem)
            and POINTS * winograd_blocks(problem.target, 4) <= 16 * winograd_blocks(problem.target, 2))


def winograd_wgrad_pays(problem):
    """Each split writes a gradient for each point, which small weights allow."""
    numbers = problem.x[-1] * problem.y[-1]
    return winograd_4x4_pays(problem) and numbers <= MOST_WEIGHTS


def winograd_wgrad_points(problem):
    """(splits, points, channels, filters) of the gradients of points."""
    channels, filters = problem.x[-1], problem.y[-1]
    blocks = winograd_blocks(problem.y, 4)
    return max(2, min(8, MOST_PARTIAL // (channels * filters), blocks // LEAST_BLOCKS)), POINTS, channels, filters


def small_c_out_pays(problem):
    """Too few channels to fill vectors, and not too many of the rest."""
    return problem.x[-1] <= MOST_C_OUT and problem.y[-1] <= MOST_C_IN


def split_k(problem):
    """(splits, *weight): small weights have few rows to partition. None for one split."""
    weight = problem.weight
    splits = max(1, min(SPLITS * ROWS // math.prod(weight[:-1]), pixels(problem.y) // PIXELS))
    return (splits, *weight) if splits > 1 else None


IMPLICIT_GEMM = Algorithm("implicit_gemm", always, always, nothing)
WINOGRAD_4X4 = Algorithm("winograd_4x4", winograd.fits, winograd_4x4_pays, partial(winograd.points_shape, m=4))
WINOGRAD_2X2 = Algorithm("winograd_2x2", winograd.fits, winograd_pays, partial(winograd.points_shape, m=2))
ALGORITHMS = {      # form -> in order of preference
    "fprop": (WINOGRAD_4X4, WINOGRAD_2X2, IMPLICIT_GEMM),
    "dgrad": (WINOGRAD_4X4, WINOGRAD_2X2,
              Algorithm("small_c_out", conv_small_c_out.fits, small_c_out_pays, nothing), IMPLICIT_GEMM),
    "wgrad": (Algorithm("winograd_4x4", winograd_wgrad.fits, winograd_wgrad_pays, winograd_wgrad_points),
              Algorithm("implicit_gemm", always, always, split_k)),
}


@lru_cache(4096)
def conv(problem, winograd_allowed):
    """The algorithm for a `ConvProblem`; winograd_allowed: None where the user does not say."""
    allowed = WINOGRAD if winograd_allowed is None else winograd_allowed
    return first([one for one in ALGORITHMS[problem.form] if allowed or "winograd" not in one.name], problem)


def depthwise_splits(problem):
    """Of how many partial sums the gradient of a depthwise weight is made."""
    taps = math.prod(axis.window for axis in problem.window)
    return max(1, min(DEPTHWISE_SPLITS, pixels(problem.y) // (DEPTHWISE_PIXELS * taps)))
