"""The numbers of kernels/cuda/gemm/README.md are the code's."""

import re
from pathlib import Path

from numba_layers.kernels.cuda import conv_wgrad, winograd, winograd_wgrad
from numba_layers.kernels.cuda.gemm import tile as tiles
from numba_layers.kernels.cuda.gemm.fragment import fragment_of
from numba_layers.kernels.cuda.gemm.operand import k_contiguous, mn_contiguous
from numba_layers.kernels.cuda.gemm.stage import stage_of

PAGE = Path(tiles.__file__).parent.joinpath("README.md").read_text(encoding="utf-8")


def row(tile):
    """A tile as the page's table says it, for C = A @ B."""
    a, b = stage_of(k_contiguous, tile.block_m, tile), stage_of(mn_contiguous, tile.block_n, tile)
    fragment = fragment_of(tile, a, b)
    return [*map(str, tile[:7]), f"{fragment.rows} x {fragment.columns}", str(2 * 4 * (a.size + b.size))]


def cells(pattern):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(pattern, PAGE, re.M)]


def test_the_table_of_tiles():
    assert cells(r"^\| (?:\w+_)?\d+ \|.*$") == [row(tile) for tile in tiles.TILES]


def test_the_tables_of_winograd():
    forward, backward = cells(r"^\| `winograd_\w+`.*$")
    points, threads = winograd.POINTS, winograd.POINTS * winograd.ROWS * winograd.COLUMNS
    assert forward[1:] == [f"{winograd.BLOCKS} blocks, {winograd.FILTERS} filters", f"{winograd.CHANNELS} channels",
                           str(threads), str(4 * winograd.SHARED)]
    width = winograd_wgrad.WIDTH
    assert backward[1:] == [f"{width} channels, {width} filters, {points} points", f"{winograd_wgrad.BLOCKS} blocks",
                            str(points * winograd_wgrad.SIDES**2), str(2 * 4 * winograd_wgrad.SHARED)]


def test_the_files_it_names_are_all_there_are():
    folder = Path(tiles.__file__).parent
    first_cells = re.findall(r"^\| (`[^|]*)", PAGE, re.M)
    named = set(re.findall(r"`(\w+\.py)`", " ".join(first_cells)))
    assert named == {path.name for path in folder.glob("*.py")} - {"__init__.py"}


def test_grouped_order_and_splits():
    assert f"{tiles.GROUP_M} rows of tiles (GROUP_M)" in PAGE
    assert f"multiples of {conv_wgrad.UNIT} pixels" in PAGE
    assert all(conv_wgrad.UNIT % tile.block_k == 0 for tile in tiles.TILES)
