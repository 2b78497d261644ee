"""Which algorithm the GPU takes for a problem: the first that fits and pays (see `kernels.algorithm`); and which tile.

The constants here are tuned. No kernel of this target keeps a problem in a buffer of fixed size: all of them fit, but
for the wgrad of Winograd's algorithm, which goes by whole vectors.
"""

from functools import lru_cache, partial

from ... import config, devices
from ..algorithm import Algorithm, allowed, always, first, nothing
from ..tuning import ConvTuning
from . import winograd
from .gemm.tile import BF16, LARGE, MIDDLE, SMALL, TENSOR_CORES, TF32

WINOGRAD = False            # unless the user says otherwise
MULTIPROCESSORS = 100       # of a large GPU: so many tiles keep it busy
TUNING = ConvTuning(channels=(16, 512), blocks=64, weights=128 * 128, partial=65536, small_c_out=(8, 1024),
                    split_k=(256, 256, 128), depthwise=(64, 8))
depthwise_splits = TUNING.depthwise_splits


def winograd_wgrad_fits(problem):
    """Its gradients of points are whole vectors of 16 numbers, as the CPU's are."""
    return problem.x[-1] * problem.y[-1] % 16 == 0


IMPLICIT_GEMM = Algorithm("implicit_gemm", always, always, nothing)
WINOGRAD_4X4 = Algorithm("winograd_4x4", always, TUNING.winograd_4x4_pays, partial(winograd.points_shape, m=4))
WINOGRAD_2X2 = Algorithm("winograd_2x2", always, TUNING.winograd_pays, partial(winograd.points_shape, m=2))
ALGORITHMS = {      # form -> in order of preference
    "fprop": (WINOGRAD_4X4, WINOGRAD_2X2, IMPLICIT_GEMM),
    "dgrad": (WINOGRAD_4X4, WINOGRAD_2X2,
              Algorithm("small_c_out", always, TUNING.small_c_out_pays, nothing), IMPLICIT_GEMM),
    "wgrad": (Algorithm("winograd_4x4", winograd_wgrad_fits, TUNING.winograd_wgrad_pays, TUNING.winograd_wgrad_points),
              Algorithm("implicit_gemm", always, always, TUNING.split_k_shape)),
}


@lru_cache(4096)
def conv(problem, winograd_allowed):
    """The algorithm for a `ConvProblem`; winograd_allowed: None where the user does not say."""
    return first(allowed(ALGORITHMS[problem.form], WINOGRAD if winograd_allowed is None else winograd_allowed), problem)


def tile_for(m, n, dtype, batch=1):
    """The fastest tile for `batch` (m, n) results, of those that the device and `matmul_precision` allow.

    float64 has none above MIDDLE, whose accumulators fill the registers.
    """
    tiles = [SMALL, MIDDLE] if dtype.itemsize == 8 else [SMALL, MIDDLE, LARGE]
    precision = config.matmul_precision()
    if precision != "float32" and dtype.itemsize == 4 and devices.current().capability >= TENSOR_CORES:
        tiles = [SMALL, *(TF32 if precision == "tf32" else BF16)]
    return min(tiles, key=lambda tile: max(tile.cycles_alone, tile.cycles * batch * tile.count(m, n) / MULTIPROCESSORS))


def recurrent_padding(dtype):
    """To multiples of how many rows, and of how many columns, the blocks of recurrent kernels are padded."""
    return 1, 1
