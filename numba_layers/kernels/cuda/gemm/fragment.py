"""What each thread of a block multiplies of a tile of the tile engine (see `gemm.mainloop`)."""

from collections import namedtuple

import numpy as np

from ..toolchain.api import device
from .mma import tile_fma, tile_mma
from .stage import WORD

u32 = np.uint32


class Share(namedtuple("Share", "rows columns run_rows run_columns gap_rows gap_columns own begin slab")):
    """The sums of a thread: `rows` by `columns`, in runs of neighbours, a gap from the start of one to the next.

    own(thread): row and column of the first. begin(thread): the row of A, the column of B and the word along the sum
    at which its factors begin. slab: the multiply-adds of a slab.
    """


def share_of(tile, a, b):
    """The shares of a tile's threads, for two staged operands."""
    return (_share_of_threads if tile.numbers == "exact" else _share_of_warps)(tile, a, b)


def _share_of_threads(tile, a, b):
    members, terms = u32(tile.threads // tile.slices), u32(tile.depth // tile.slices)
    groups = 2 if tile.rows * tile.columns > 16 * tile.threads else 1
    gaps = tile.rows // groups, tile.columns // groups
    wide = u32(gaps[1] // 32)   # warps side by side: one is 4 threads high and 8 wide

    @device
    def own(thread):
        member = u32(thread % members)
        warp, lane = u32(member // u32(32)), u32(member % u32(32))
        return (u32((warp // wide * u32(4) + lane // u32(8)) * u32(4)),
                u32((warp % wide * u32(8) + lane % u32(8)) * u32(4)))

    @device
    def begin(thread):
        row, column = own(thread)
        return row, column, u32(thread // members * terms)

    slab = tile_fma(int(terms), groups, *gaps, a.strides[1], b.strides[1])
    return Share(4 * groups, 4 * groups, 4, 4, *map(u32, gaps), own, begin, slab)


def _share_of_warps(tile, a, b):
    """A warp's tile is half as high as the block's, and 32 wide; thread 4 g + t of it begins at row g and word t."""
    rows, words = tile.rows // 2, tile.depth // WORD[tile.numbers]
    height, wide = u32(rows), u32(tile.columns // 32)

    @device
    def begin(thread):
        warp, lane = u32(thread // u32(32)), u32(thread % u32(32))
        g = u32(lane // u32(4))
        return u32(warp // wide * height + g), u32(warp % wide * u32(32) + g), u32(lane % u32(4))

    @device
    def own(thread):
        row, column, t = begin(thread)
        return row, u32(column // u32(32) * u32(32) + t * u32(2))

    slab = tile_mma(tile.numbers, words, rows // 8, 8, a.strides, b.strides)
    return Share(rows // 8, 8, 1, 2, u32(8), u32(8), own, begin, slab)
