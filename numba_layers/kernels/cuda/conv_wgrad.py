"""The gradient of a convolution to its weight (wgrad): a product whose sum runs over the pixels.

See `gemm.im2col_transposed`.
"""

import math

import numpy as np

from ...registry import register_kernel
from .conv import EXACT, layers, number_of_product, one_tile, sizes_of
from .gemm.im2col import Rows, rows
from .gemm.im2col_transposed import Seen, odd_seen, seen
from .gemm.mainloop import LARGE, TENSOR_CORES, TILES, tile_for
from .gemm.operand import matrix_row
from .gemm.plan import axis_of
from .toolchain.api import device
from .toolchain.target import CudaKernel, CudaVariants

u32 = np.uint32
UNIT = 32     # pixels: parts begin at multiples of any tile's depth, so that no slab belongs to two


@device
def part_of(part, parts, pixels):
    """(first, number) of the pixels of a part."""
    units = u32((pixels + u32(UNIT - 1)) // u32(UNIT))
    first = u32(part * units // parts * u32(UNIT))
    return first, u32(u32(min(pixels, u32(u32(part + u32(1)) * units // parts * u32(UNIT)))) - first)


@device
def gradient_of_part(result):
    """(array, where it begins) of a result given as (gradients, number of the part)."""
    grad_weight, part = result
    taps = u32(u32(u32(grad_weight.shape[1]) * u32(grad_weight.shape[2])) * u32(grad_weight.shape[3]))
    return grad_weight, u32(u32(part * taps) * u32(u32(grad_weight.shape[4]) * u32(grad_weight.shape[5])))


def gradient(multiply):
    def convolve_backward_weight(x, grad_y, plan, grad_weight):
        """grad_weight[part, tap, c, f] = sum over the pixels of a part of x[pixel's tap, c] grad_y[pixel, f].

        Shapes: x (n, depth, height, width, channels), grad_y (n, depth, height, width, filters), grad_weight
        (part, depth, height, width, channels, filters); plan as for `convolve`, of fprop.
        The parts cut the pixels, by the shapes alone, and are to be added up. A block owns a tile of one part.
        """
        part = number_of_product()
        if part < grad_weight.shape[0]:
            d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
            pixels, lines = sizes_of(x, d, h, w)
            first, terms = part_of(part, u32(grad_weight.shape[0]), pixels)
            first = first if terms > u32(0) else pixels     # there are only zeros
            x_seen = Seen(x, grad_y, plan, h.stride, u32(w.stride * u32(x.shape[4])), first)
            multiply(x_seen, Rows(grad_y, first), None, False, (grad_weight, part), lines, u32(grad_y.shape[4]), terms)
    return convolve_backward_weight


def shape(*arguments):
    """(parts, m, n) of the products."""
    parts, *lines, filters = arguments[-1].shape
    return parts, math.prod(lines), filters


def chosen(x, grad_y, plan, grad_weight):
    """The key of the form for these arguments."""
    parts, m, n = shape(grad_weight)
    tile, odd = tile_for(m, n, grad_weight.dtype, parts), x.shape[4] % 4 != 0
    if odd and tile not in EXACT:
        tile = EXACT[0]
    return f"odd_{tile.name}" if odd else tile.name


def variant(tile, a, key):
    """The kernel of a tile and a loader of x."""
    def launch(*arguments):
        parts, m, n = shape(*arguments)
        return (max(1, tile.count(m, n)), *layers(parts)), tile.threads

    bounds = tile.threads, 1 if tile is LARGE else 2      # two blocks of which take more registers than there are
    return CudaKernel(gradient(one_tile(tile, a, rows, matrix_row, gradient_of_part)),
                      f"convolve_backward_weight_{key}", launch, {"launch_bounds": bounds},
                      least=(7, 5) if tile.numbers == "exact" else TENSOR_CORES)


convolve_backward_weight = CudaVariants("convolve_backward_weight", chosen, {
    **{tile.name: variant(tile, seen, tile.name) for tile in TILES},
    **{f"odd_{tile.name}": variant(tile, odd_seen, f"odd_{tile.name}") for tile in EXACT}})
register_kernel("convolve_backward_weight", "cuda", convolve_backward_weight)
