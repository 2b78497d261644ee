"""The gradient of a convolution to its weight (wgrad) on the GPU: an implicit GEMM whose sum runs over the pixels.

There are many pixels and few weights, so K is split: each split is a GEMM of its own with a gradient of its own, and
the gradients are added up afterwards (split-K with workspace). See `gemm.im2col_transposed`.
"""

import math

import numpy as np

from ...registry import register_kernel
from .conv import FP32, gemm_of_block, grid_yz, one_tile_gemm, sizes_of
from .gemm.im2col import Rows, rows
from .gemm.im2col_transposed import Im2colTransposed, image_transposed, image_transposed_unaligned
from .gemm.operand import row_major
from .gemm.plan import axis_of
from .gemm.tile import LARGE, TENSOR_CORES, TILES
from .select import tile_for
from .toolchain.api import device
from .toolchain.target import CudaKernel, CudaVariants

u32 = np.uint32
UNIT = 32     # pixels: splits begin at multiples of any tile's block_k, so that no K-block belongs to two


@device
def pixels_of_split(split, splits, pixels):
    """(first, number) of the pixels of a split."""
    units = u32((pixels + u32(UNIT - 1)) // u32(UNIT))
    first = u32(split * units // splits * u32(UNIT))
    return first, u32(u32(min(pixels, u32(u32(split + u32(1)) * units // splits * u32(UNIT)))) - first)


@device
def gradient_of_split(result):
    """(array, offset) of a result given as (gradients, number of the split)."""
    grad_weight, split = result
    taps = u32(u32(u32(grad_weight.shape[1]) * u32(grad_weight.shape[2])) * u32(grad_weight.shape[3]))
    return grad_weight, u32(u32(split * taps) * u32(u32(grad_weight.shape[4]) * u32(grad_weight.shape[5])))


def wgrad(gemm):
    def convolve_backward_weight(x, grad_y, plan, grad_weight):
        """grad_weight[split, tap, c, f] = sum over the pixels of a split of x[pixel's tap, c] grad_y[pixel, f].

        Shapes: x (n, depth, height, width, channels), grad_y (n, depth, height, width, filters), grad_weight
        (split, depth, height, width, channels, filters); plan as for `convolve`, of fprop.
        The splits cut the pixels, by the shapes alone, and are to be added up. A block owns a tile of one split.
        """
        split = gemm_of_block()
        if split < grad_weight.shape[0]:
            d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
            pixels, m = sizes_of(x, d, h, w)
            first, k = pixels_of_split(split, u32(grad_weight.shape[0]), pixels)
            first = first if k > u32(0) else pixels     # there are only zeros
            a = Im2colTransposed(x, grad_y, plan, h.stride, u32(w.stride * u32(x.shape[4])), first)
            gemm(a, Rows(grad_y, first), None, False, (grad_weight, split), m, u32(grad_y.shape[4]), k)
    return convolve_backward_weight


def shape(*arguments):
    """(splits, m, n) of the GEMMs."""
    splits, *lines, filters = arguments[-1].shape
    return splits, math.prod(lines), filters


def chosen(x, grad_y, plan, grad_weight):
    """The key of the form for these arguments."""
    splits, m, n = shape(grad_weight)
    tile, unaligned = tile_for(m, n, grad_weight.dtype, splits), x.shape[4] % 4 != 0
    if unaligned and tile not in FP32:
        tile = FP32[0]
    return f"unaligned_{tile.name}" if unaligned else tile.name


def variant(tile, a, key):
    """The kernel of a tile and a loader of x."""
    def launch(*arguments):
        splits, m, n = shape(*arguments)
        return (max(1, tile.count(m, n)), *grid_yz(splits)), tile.threads

    bounds = tile.threads, 1 if tile is LARGE else 2      # two blocks of which take more registers than there are
    return CudaKernel(wgrad(one_tile_gemm(tile, a, rows, row_major, gradient_of_split)),
                      f"convolve_backward_weight_{key}", launch, {"launch_bounds": bounds},
                      least=(7, 5) if tile.precision == "fp32" else TENSOR_CORES)


convolve_backward_weight = CudaVariants("convolve_backward_weight", chosen, {
    **{tile.name: variant(tile, image_transposed, tile.name) for tile in TILES},
    **{f"unaligned_{tile.name}": variant(tile, image_transposed_unaligned, f"unaligned_{tile.name}") for tile in FP32}})
register_kernel("convolve_backward_weight", "cuda", convolve_backward_weight)
