"""Reductions on the CPU: of rows (the last axis) and of columns (an axis before it), in a fixed order.

The reduced axis is cut into as many chunks as `out` holds. One thread combines a chunk, in an order
that only sizes decide. So a long axis takes two launches, x -> chunks -> result, and the number of threads
changes no bit. Nothing here is empty: an op fills the result of an empty reduction itself.
"""

from numba import prange

from ..math.scalar import add, bitwise_and, bitwise_or, multiply
from .compile import cpu_kernel, inlined
from .micro.reduction import largest, largest_of, product_of, smallest, smallest_of, sum_of

BLOCK = 256   # columns that one task combines


def _one_by_one(combine):
    """What combines the `count` numbers of a row where LLVM may choose the order: it changes no bit."""
    @inlined
    def combined(count, row):
        total = row[0]
        for r in range(1, count):
            total = combine(total, row[r])
        return total

    return combined


def _reduction(name, combine, of_row):
    """Kernels `<name>_rows` and `<name>_columns`: `combine` two numbers, `of_row` many that lie side by side."""

    @cpu_kernel(name=f"{name}_rows")
    def rows(x, out):
        """out[o, c] = combination of chunk c of x[o].

        Shapes: x (rows, n), out (rows, chunks), 1 <= chunks <= n. A task owns one chunk.
        """
        n, chunks = x.shape[1], out.shape[1]
        for task in prange(out.size):
            o, c = task // chunks, task % chunks
            first, last = c * n // chunks, (c + 1) * n // chunks
            out[o, c] = of_row(last - first, x[o, first:last])

    @cpu_kernel(name=f"{name}_columns")
    def columns(x, out):
        """out[o, c, j] = combination over r in chunk c of x[o, r, j].

        Shapes: x (outer, n, inner), out (outer, chunks, inner), 1 <= chunks <= n.
        A task owns BLOCK columns of a chunk.
        """
        n, chunks, inner = x.shape[1], out.shape[1], x.shape[2]
        blocks = (inner + BLOCK - 1) // BLOCK
        for task in prange(out.shape[0] * chunks * blocks):
            o, c, j = task // (chunks * blocks), task // blocks % chunks, task % blocks * BLOCK
            first, last = c * n // chunks, (c + 1) * n // chunks
            total = out[o, c, j:j + BLOCK]
            row = x[o, first, j:j + BLOCK]
            for k in range(total.size):
                total[k] = row[k]
            for r in range(first + 1, last):
                row = x[o, r, j:j + BLOCK]
                for k in range(total.size):
                    total[k] = combine(total[k], row[k])


_reduction("sum", add, sum_of)
_reduction("prod", multiply, product_of)
_reduction("max", largest, largest_of)
_reduction("min", smallest, smallest_of)
_reduction("any", bitwise_or, _one_by_one(bitwise_or))
_reduction("all", bitwise_and, _one_by_one(bitwise_and))


def _position(name, extreme_of):
    @cpu_kernel(name=name)
    def position(x, out):
        """out[o] = first r at which x[o, r] is the extreme of its row; NaN is the extreme of all.

        Shapes: x (rows, n), n >= 1, out (rows,) of int64. A task owns a row.
        """
        for o in prange(x.shape[0]):
            best, r = extreme_of(x.shape[1], x[o]), 0
            while x[o, r] != best and x[o, r] == x[o, r]:   # where best is NaN, the first NaN stops it
                r += 1
            out[o] = r


_position("argmax_forward", largest_of)
_position("argmin_forward", smallest_of)


def _cumulation(name, combine, neutral):
    @cpu_kernel(name=name)
    def cumulation(x, exclusive, reverse, out):
        """out[o, r, j] = combination of x[o, :r + 1, j], or of x[o, :r, j] if `exclusive`.

        With `reverse` from the end. Shapes: x and out (outer, n, inner). A task owns one column.
        """
        n, inner = x.shape[1], x.shape[2]
        for task in prange(x.shape[0] * inner):
            o, j = task // inner, task % inner
            total = out.dtype.type(neutral)
            for q in range(n):
                r = n - 1 - q if reverse else q
                before = total
                total = combine(total, x[o, r, j])
                out[o, r, j] = before if exclusive else total


_cumulation("cumsum_forward", add, 0)
_cumulation("cumprod_forward", multiply, 1)
