"""Convolution on the GPU: an implicit GEMM, whose rows are windows of the image (see `gemm.mainloop`, `gemm.im2col`).

Images are (sample, depth, row, column, channel), windows (depth, row, column, channel, filter); with fewer spatial
axes the first ones have size 1. The geometry is a plan with numbers for each residue and axis (see `kernels.geometry`):
a convolution has one phase, a transposed one as many as its strides have remainders, with blocks of their own.
"""

import math

import numpy as np

from ...registry import register_kernel
from .gemm.im2col import Rows, Taps, odd_weights, rows, weights, windows
from .gemm.im2col_unaligned import odd_windows, runs_of
from .gemm.mainloop import MIDDLE, MOST_X, MOST_Y, SMALL, TENSOR_CORES, TILES, multiplier, product, tile_for
from .gemm.operand import itself, matrix_row
from .gemm.plan import axis_of
from .gemm.residues import pixel_row, pixels, pixels_of, view
from .simt.index import mad
from .toolchain.api import cuda, device
from .toolchain.target import CudaKernel, CudaVariants

u32 = np.uint32


@device
def number_of_product():
    """Which of several products is a block's."""
    return mad(u32(cuda.blockIdx.z), u32(cuda.gridDim.y), u32(cuda.blockIdx.y))


def layers(products):
    """(y, z) of a grid with blocks for each product."""
    return max(1, min(MOST_Y, products)), max(1, math.ceil(products / MOST_Y))


def one_tile(tile, a, b, place, target):
    """`product` for grids with a block for each tile: it leaves more registers to the loaders."""
    multiply_tile = multiplier(tile, a, b, place, target)

    @device
    def multiply(a, b, first, relu, y, m, n, k):
        multiply_tile(a, b, first, relu, y, m, n, k, u32(cuda.blockIdx.x))

    return multiply


@device
def sizes_of(x, d, h, w):
    """(pixels of a phase, terms of their sums)."""
    return (u32(u32(u32(x.shape[0]) * d.count) * u32(h.count * w.count)),
            u32(u32(d.taps * h.taps) * u32(w.taps * u32(x.shape[4]))))


# ---- the kernel's forms ------------------------------------------------------------------------------------


def forward(multiply):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (phase, axis, number), relu if `relu`.

        Shapes: x (n, depth, height, width, in), y (n, depth, height, width, out), bias (out,),
        weight (depth, height, width, in, out), or (..., out, in) if transposed
        A block owns tiles of the result. Weights that are not transposed are for plan of one phase with all taps in
        their order. The only phase of a plan has all pixels.
        """
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, terms), filters = sizes_of(x, d, h, w), u32(y.shape[4])
        multiply(Taps(x, plan, u32(0), m), Rows(weight, u32(0)), bias, relu, y, m, filters, terms)
    return convolve


def backward(multiply):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights and one phase."""
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, terms), filters = sizes_of(x, d, h, w), u32(y.shape[4])
        multiply(Taps(x, plan, u32(0), m), Taps(weight, plan, u32(0), filters), bias, relu, y, m,
                 filters, terms)
    return convolve


def phases(multiply):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights and any number of phases."""
        phase, filters = number_of_product(), u32(y.shape[4])
        if phase < plan.shape[0]:
            d, h, w = axis_of(plan, phase, 0), axis_of(plan, phase, 1), axis_of(plan, phase, 2)
            (m, terms), (frame, start) = sizes_of(x, d, h, w), pixels_of(y, d, h, w)
            multiply(Taps(x, plan, phase, m), Taps(weight, plan, phase, filters), bias, relu,
                     (view(y, frame), start), m, filters, terms)
    return convolve


def odd_forward(multiply):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for weights that are not transposed, any number of channels."""
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, terms), filters = sizes_of(x, d, h, w), u32(y.shape[4])
        multiply(runs_of(x, d, h, w, terms), Rows(weight, u32(0)), bias, relu, y, m, filters, terms)
    return convolve


def odd_phases(multiply):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights, any number of phases and channels."""
        phase, filters = number_of_product(), u32(y.shape[4])
        if phase < plan.shape[0]:
            d, h, w = axis_of(plan, phase, 0), axis_of(plan, phase, 1), axis_of(plan, phase, 2)
            (m, terms), (frame, start) = sizes_of(x, d, h, w), pixels_of(y, d, h, w)
            multiply(runs_of(x, d, h, w, terms), Taps(weight, plan, phase, filters), bias, relu,
                     (view(y, frame), start), m, filters, terms)
    return convolve


EXACT = MIDDLE, SMALL                                       # what else has enough registers for odd channels,
NARROW = [tile for tile in TILES if tile.columns <= 64]     # and for phases
IN_ORDER, SPREAD = (one_tile, matrix_row, itself), (product, pixel_row, pixels)     # where pixels go
FORMS = {   # form -> what makes the kernel, its tiles, the loaders, where pixels go
    "forward": (forward, TILES, windows, rows, IN_ORDER),
    "backward": (backward, TILES, windows, weights, IN_ORDER),
    "phases": (phases, NARROW, windows, weights, SPREAD),
    "odd_forward": (odd_forward, EXACT, odd_windows, rows, IN_ORDER),
    "odd_phases": (odd_phases, EXACT, odd_windows, odd_weights, SPREAD),
}


# ---- launching ---------------------------------------------------------------------------------------------


def shape(*arguments):
    """(phases, m, n) of the products, m of a phase as large as the average."""
    *image, filters = arguments[-1].shape
    products = max(1, arguments[3].shape[0])
    return products, math.ceil(math.prod(image) / products), filters


def chosen(x, weight, bias, plan, transposed, relu, y):
    """The key of the form for these arguments: the fastest of those that take them."""
    if x.shape[4] % 4:
        form = "odd_phases" if transposed else "odd_forward"
    else:
        form = "forward" if not transposed else "backward" if plan.shape[0] == 1 else "phases"
    products, m, n = shape(x, weight, bias, plan, transposed, relu, y)
    tile, tiles = tile_for(m, n, y.dtype, products), FORMS[form][1]
    if tile not in tiles:
        tile = next((other for other in tiles if other.numbers == tile.numbers), MIDDLE)
    return f"{form}_{tile.name}"


def variant(form, tile):
    """The kernel of a form and a tile."""
    make, _, a, b, (multiply, place, target) = FORMS[form]
    room = 1 if multiply is one_tile else 1.5       # phases differ in size; a loop goes over what is left

    def launch(*arguments):
        products, m, n = shape(*arguments)
        return (max(1, min(MOST_X, tile.count(math.ceil(room * m), n))), *layers(products)), tile.threads

    return CudaKernel(make(multiply(tile, a, b, place, target)), f"convolve_{form}_{tile.name}", launch,
                      {"launch_bounds": (tile.threads, 2)}, least=(7, 5) if tile.numbers == "exact" else TENSOR_CORES)


convolve = CudaVariants("convolve", chosen, {
    f"{form}_{tile.name}": variant(form, tile) for form, (_, tiles, *_) in FORMS.items() for tile in tiles})
register_kernel("convolve", "cuda", convolve)
