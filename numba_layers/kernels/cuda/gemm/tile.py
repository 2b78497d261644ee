"""Tiles of a GEMM's result: which there are (`select` chooses), and in which order blocks take them."""

from collections import namedtuple

import numpy as np

from ..toolchain.api import device

u32 = np.uint32
GROUP_M = u32(8)    # rows of tiles that are computed together, so that they share what they read in the L2 cache
MOST_X, MOST_Y = 2**31 - 1, 65535   # blocks that a grid may have


class Tile(namedtuple("Tile", "name block_m block_n block_k threads slice_k precision cycles_alone cycles")):
    """A thread block's tile of the result (block_m, block_n), and how its threads compute it, block_k of K at a time.

    slice_k: a K-block is cut in so many slices, each multiplied by threads of its own, whose accumulators are added up
    in the epilogue. precision: what is multiplied, 'fp32' (also float64, by FMAs), 'tf32' or 'bf16' (tensor cores).
    cycles_alone, cycles: clock cycles for each k where a multiprocessor has one tile at most, and for each wave of
    tiles where it has many; reckoned from the instructions and the latency of memory.
    """

    def count(self, m, n):
        """How many tiles cover an (m, n) result."""
        return -(-m // self.block_m) * -(-n // self.block_n)


LARGE = Tile("128", 128, 128, 8, 256, 1, "fp32", 128, 128)
MIDDLE = Tile("64", 64, 64, 16, 256, 1, "fp32", 44, 40)
SMALL = Tile("32", 32, 32, 32, 256, 4, "fp32", 19, 16)   # for results too small to fill a GPU: slice-K fills it
TF32 = Tile("tf32_64", 64, 64, 16, 128, 1, "tf32", 38, 14), Tile("tf32_128", 128, 128, 16, 256, 1, "tf32", 38, 32)
BF16 = Tile("bf16_64", 64, 64, 16, 128, 1, "bf16", 38, 10), Tile("bf16_128", 128, 128, 16, 256, 1, "bf16", 38, 20)
TILES = LARGE, MIDDLE, SMALL, *TF32, *BF16
TENSOR_CORES = (8, 0)   # the compute capability whose tensor cores take TF32 and bfloat16


@device
def ceil_div(a, b):
    return u32((a + b - u32(1)) // b)


@device
def tile_origin(tile, m, n, block_m, block_n):
    """(i0, j0) of tile number `tile` in grouped order: GROUP_M rows of tiles after the other, each column by column."""
    tiles_m, tiles_n = ceil_div(m, block_m), ceil_div(n, block_n)
    group = u32(tile // (GROUP_M * tiles_n))
    within = u32(tile - group * GROUP_M * tiles_n)
    height = u32(min(GROUP_M, u32(tiles_m - group * GROUP_M)))
    column = u32(within // height)
    return u32((group * GROUP_M + within - column * height) * block_m), u32(column * block_n)
