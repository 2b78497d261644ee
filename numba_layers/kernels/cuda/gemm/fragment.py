"""The fragment of a tile that each thread accumulates in registers (see `gemm.mainloop`)."""

from collections import namedtuple

import numpy as np

from ..toolchain.api import device
from .mma import tile_fma, tile_mma
from .stage import WORD

u32 = np.uint32


class Fragment(namedtuple("Fragment", "rows columns vector_m vector_n stride_m stride_n origin factors multiply_add")):
    """The accumulators of a thread, `rows` by `columns`: vectors of neighbours (vector_m, vector_n), a stride apart.

    origin(thread): row and column of the first. factors(thread): the row of A, the column of B and the word along K
    at which its factors begin in shared memory. multiply_add: the multiply-adds of a K-block (`gemm.mma`).
    """


def fragment_of(tile, a, b):
    """The fragments of a tile's threads, for two staged operands."""
    return (_of_threads if tile.precision == "fp32" else _of_warps)(tile, a, b)


def _of_threads(tile, a, b):
    """4 x 4 accumulators, or 2 x 2 of those half a tile apart: an 8 x 8 fragment whose loads meet no bank conflict."""
    members, depth = u32(tile.threads // tile.slice_k), u32(tile.block_k // tile.slice_k)
    vectors = 2 if tile.block_m * tile.block_n > 16 * tile.threads else 1
    strides = tile.block_m // vectors, tile.block_n // vectors
    warps_n = u32(strides[1] // 32)   # warps side by side: one is 4 threads high and 8 wide

    @device
    def origin(thread):
        member = u32(thread % members)
        warp, lane = u32(member // u32(32)), u32(member % u32(32))
        return (u32((warp // warps_n * u32(4) + lane // u32(8)) * u32(4)),
                u32((warp % warps_n * u32(8) + lane % u32(8)) * u32(4)))

    @device
    def factors(thread):
        row, column = origin(thread)
        return row, column, u32(thread // members * depth)

    multiply_add = tile_fma(int(depth), vectors, *strides, a.strides[1], b.strides[1])
    return Fragment(4 * vectors, 4 * vectors, 4, 4, *map(u32, strides), origin, factors, multiply_add)


def _of_warps(tile, a, b):
    """A warp's tile is half as high as the block's, and 32 wide; lane 4 g + t of it begins at row g and word t."""
    warp_m, words = tile.block_m // 2, tile.block_k // WORD[tile.precision]
    height, warps_n = u32(warp_m), u32(tile.block_n // 32)

    @device
    def factors(thread):
        warp, lane = u32(thread // u32(32)), u32(thread % u32(32))
        g = u32(lane // u32(4))
        return u32(warp // warps_n * height + g), u32(warp % warps_n * u32(32) + g), u32(lane % u32(4))

    @device
    def origin(thread):
        row, column, t = factors(thread)
        return row, u32(column // u32(32) * u32(32) + t * u32(2))

    multiply_add = tile_mma(tile.precision, words, warp_m // 8, 8, a.strides, b.strides)
    return Fragment(warp_m // 8, 8, 1, 2, u32(8), u32(8), origin, factors, multiply_add)
