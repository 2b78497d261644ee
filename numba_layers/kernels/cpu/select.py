"""Which algorithm the CPU takes for a problem: the first that fits and pays (see `kernels.algorithm`).

The constants here are tuned; what a buffer holds is computed beside the buffer. What is cut into partial sums is cut by
sizes alone, so that the number of threads changes no bit.
"""

from functools import lru_cache, partial

from ..algorithm import Algorithm, allowed, always, first, nothing
from ..tuning import ConvTuning
from . import conv_small_c_out, winograd, winograd_wgrad
from .micro.vector import MR, VECTOR_BYTES

WINOGRAD = True     # unless the user says otherwise
TUNING = ConvTuning(channels=(16, 512), blocks=64, weights=128 * 128, partial=65536,
                    small_c_out=(VECTOR_BYTES // 8, 1024), split_k=(8, 256, 128), depthwise=(64, 8), swapped=(4, 8))
depthwise_splits = TUNING.depthwise_splits

IMPLICIT_GEMM = Algorithm("implicit_gemm", always, always, nothing)
WINOGRAD_4X4 = Algorithm("winograd_4x4", winograd.fits, TUNING.winograd_4x4_pays, partial(winograd.points_shape, m=4))
WINOGRAD_2X2 = Algorithm("winograd_2x2", winograd.fits, TUNING.winograd_pays, partial(winograd.points_shape, m=2))
SMALL_C_OUT = Algorithm("small_c_out", conv_small_c_out.fits, TUNING.small_c_out_pays, nothing)
ALGORITHMS = {      # form -> in order of preference
    "fprop": (WINOGRAD_4X4, WINOGRAD_2X2, SMALL_C_OUT, IMPLICIT_GEMM),
    "dgrad": (WINOGRAD_4X4, WINOGRAD_2X2, SMALL_C_OUT, IMPLICIT_GEMM),
    "wgrad": (Algorithm("winograd_4x4", winograd_wgrad.fits, TUNING.winograd_wgrad_pays, TUNING.winograd_wgrad_points),
              Algorithm("swapped", always, TUNING.swapped_pays, TUNING.swapped_shape),
              Algorithm("implicit_gemm", always, always, TUNING.split_k_shape)),
}


@lru_cache(4096)
def conv(problem, winograd_allowed):
    """The algorithm for a `ConvProblem`; winograd_allowed: None where the user does not say."""
    return first(allowed(ALGORITHMS[problem.form], WINOGRAD if winograd_allowed is None else winograd_allowed), problem)


def recurrent_padding(dtype):
    """To multiples of how many rows, and of how many columns, the blocks of recurrent kernels are padded."""
    return MR, VECTOR_BYTES // dtype.itemsize
