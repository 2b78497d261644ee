"""Convolution on the GPU: fprop and dgrad as implicit GEMM (see `gemm.mainloop`, `gemm.im2col`).

Images are (sample, depth, row, column, channel), NDHWC; windows (depth, row, column, channel, filter); with fewer
spatial axes the first ones have size 1. The geometry is a plan with numbers for each residue and axis (see
`kernels.geometry`): fprop has one residue; dgrad, a transposed convolution, one for each remainder of the output's
pixels modulo the strides, with blocks of their own.
"""

import math

import numpy as np

from ...registry import register_kernel
from .gemm.im2col import Im2col, Rows, filters, filters_unaligned, image, image_unaligned, rows, unaligned
from .gemm.mainloop import persistent_gemm, tile_gemm
from .gemm.operand import row_major, whole_array
from .gemm.plan import axis_of
from .gemm.residues import pixel_offset, residue_of, residue_output, view
from .gemm.tile import MIDDLE, MOST_X, MOST_Y, SMALL, TENSOR_CORES, TILES
from .select import tile_for
from .simt.index import mad
from .toolchain.api import cuda, device
from .toolchain.target import CudaKernel, CudaVariants

u32 = np.uint32


@device
def gemm_of_block():
    """The number of a block's GEMM, where a launch computes several: axes y and z of the grid."""
    return mad(u32(cuda.blockIdx.z), u32(cuda.gridDim.y), u32(cuda.blockIdx.y))


def grid_yz(gemms):
    """(y, z) of a grid with blocks for each GEMM."""
    return max(1, min(MOST_Y, gemms)), max(1, math.ceil(gemms / MOST_Y))


def one_tile_gemm(tile, a, b, offset, output):
    """The `gemm` of grids with a block for each tile: without a loop, which leaves more registers to the loaders."""
    one_tile = tile_gemm(tile, a, b, offset, output)

    @device
    def gemm(a, b, bias, relu, y, m, n, k):
        one_tile(a, b, bias, relu, y, m, n, k, u32(cuda.blockIdx.x))

    return gemm


@device
def sizes_of(x, d, h, w):
    """(M, K) of the GEMM: pixels of a residue, taps times channels."""
    return (u32(u32(u32(x.shape[0]) * d.count) * u32(h.count * w.count)),
            u32(u32(d.taps * h.taps) * u32(w.taps * u32(x.shape[4]))))


# ---- the kernel's forms ------------------------------------------------------------------------------------


def fprop(gemm):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """y[pixel] = bias + sum of weight[tap] @ x[pixel's tap] by `plan` (residue, axis, field), relu if `relu`.

        Shapes: x (n, depth, height, width, in), y (n, depth, height, width, out), bias (out,),
        weight (depth, height, width, in, out), or (..., out, in) if transposed
        A block owns tiles of the result. Weights that are not transposed are for plans of one residue with all taps in
        their order. The only residue of a plan has all pixels.
        """
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, k), n = sizes_of(x, d, h, w), u32(y.shape[4])
        gemm(Im2col(x, plan, u32(0), m), Rows(weight, u32(0)), bias, relu, y, m, n, k)
    return convolve


def dgrad(gemm):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights and one residue."""
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, k), n = sizes_of(x, d, h, w), u32(y.shape[4])
        gemm(Im2col(x, plan, u32(0), m), Im2col(weight, plan, u32(0), n), bias, relu, y, m, n, k)
    return convolve


def dgrad_strided(gemm):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights and any number of residues."""
        residue, n = gemm_of_block(), u32(y.shape[4])
        if residue < plan.shape[0]:
            d, h, w = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
            (m, k), (frame, start) = sizes_of(x, d, h, w), residue_of(y, d, h, w)
            gemm(Im2col(x, plan, residue, m), Im2col(weight, plan, residue, n), bias, relu,
                 (view(y, frame), start), m, n, k)
    return convolve


def fprop_unaligned(gemm):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for weights that are not transposed, any number of channels."""
        d, h, w = axis_of(plan, 0, 0), axis_of(plan, 0, 1), axis_of(plan, 0, 2)
        (m, k), n = sizes_of(x, d, h, w), u32(y.shape[4])
        gemm(unaligned(x, d, h, w, k), Rows(weight, u32(0)), bias, relu, y, m, n, k)
    return convolve


def dgrad_unaligned(gemm):
    def convolve(x, weight, bias, plan, transposed, relu, y):
        """The same for transposed weights, any number of residues and channels."""
        residue, n = gemm_of_block(), u32(y.shape[4])
        if residue < plan.shape[0]:
            d, h, w = axis_of(plan, residue, 0), axis_of(plan, residue, 1), axis_of(plan, residue, 2)
            (m, k), (frame, start) = sizes_of(x, d, h, w), residue_of(y, d, h, w)
            gemm(unaligned(x, d, h, w, k), Im2col(weight, plan, residue, n), bias, relu,
                 (view(y, frame), start), m, n, k)
    return convolve


FP32 = MIDDLE, SMALL                                        # what else has enough registers for unaligned channels,
NARROW = [tile for tile in TILES if tile.block_n <= 64]     # and for residues
IN_ORDER = one_tile_gemm, row_major, whole_array            # where pixels go
STRIDED = persistent_gemm, pixel_offset, residue_output
FORMS = {   # form -> what makes the kernel, its tiles, the loaders, where pixels go
    "fprop": (fprop, TILES, image, rows, IN_ORDER),
    "dgrad": (dgrad, TILES, image, filters, IN_ORDER),
    "dgrad_strided": (dgrad_strided, NARROW, image, filters, STRIDED),
    "fprop_unaligned": (fprop_unaligned, FP32, image_unaligned, rows, IN_ORDER),
    "dgrad_unaligned": (dgrad_unaligned, FP32, image_unaligned, filters_unaligned, STRIDED),
}


# ---- launching ---------------------------------------------------------------------------------------------


def shape(*arguments):
    """(residues, m, n) of the GEMMs, m of a residue as large as the average."""
    *pixels, filters = arguments[-1].shape
    residues = max(1, arguments[3].shape[0])
    return residues, math.ceil(math.prod(pixels) / residues), filters


def chosen(x, weight, bias, plan, transposed, relu, y):
    """The key of the form for these arguments: the fastest of those that take them."""
    if x.shape[4] % 4:
        form = "dgrad_unaligned" if transposed else "fprop_unaligned"
    else:
        form = "fprop" if not transposed else "dgrad" if plan.shape[0] == 1 else "dgrad_strided"
    residues, m, n = shape(x, weight, bias, plan, transposed, relu, y)
    tile, tiles = tile_for(m, n, y.dtype, residues), FORMS[form][1]
    if tile not in tiles:
        tile = next((other for other in tiles if other.precision == tile.precision), MIDDLE)
    return f"{form}_{tile.name}"


def variant(form, tile):
    """The kernel of a form and a tile."""
    make, _, a, b, (make_gemm, offset, output) = FORMS[form]
    more = 1 if make_gemm is one_tile_gemm else 1.5       # residues differ in size; a loop goes over what is left

    def launch(*arguments):
        residues, m, n = shape(*arguments)
        return (max(1, min(MOST_X, tile.count(math.ceil(more * m), n))), *grid_yz(residues)), tile.threads

    return CudaKernel(make(make_gemm(tile, a, b, offset, output)), f"convolve_{form}_{tile.name}", launch,
                      {"launch_bounds": (tile.threads, 2)}, least=(7, 5) if tile.precision == "fp32" else TENSOR_CORES)


convolve = CudaVariants("convolve", chosen, {
    f"{form}_{tile.name}": variant(form, tile) for form, (_, tiles, *_) in FORMS.items() for tile in tiles})
register_kernel("convolve", "cuda", convolve)
