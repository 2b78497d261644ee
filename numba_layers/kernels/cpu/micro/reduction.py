"""Numbers of a row combined in a fixed order that vectorises: sums, products, extremes; `@summed`, sums of terms.

A plain loop, `total += x[j]`, is a chain: to use vectors LLVM would have to reorder it, in an order that changes with
the loop around it and with each compilation. Here the order is written out. Number j goes to part j modulo LANES; the
parts are then combined in halves. So a result depends on the numbers and how many they are, alone: the same bits on any
number of threads, in every form of a kernel, and with vectors of any width.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from ...math.scalar import multiply
from ..compile import inlined
from .vector import Vectors, emitted, int32, int64

LANES = 32    # parts
BLOCK = 1024  # terms that are kept on the stack at a time: fewer would leave the pipelines of long formulas empty


# ---- two numbers, or vectors of them ------------------------------------------------------------------------


def _sum(builder, kind, a, b):
    return (builder.fadd if isinstance(kind, types.Float) else builder.add)(a, b)


def _product(builder, kind, a, b):
    return (builder.fmul if isinstance(kind, types.Float) else builder.mul)(a, b)


def _extreme(compare):
    def choose(builder, kind, a, b):
        if isinstance(kind, types.Float):
            wins = builder.or_(builder.fcmp_ordered(compare, a, b), builder.fcmp_unordered("uno", a, a))
        else:
            wins = (builder.icmp_signed if getattr(kind, "signed", False) else builder.icmp_unsigned)(compare, a, b)
        return builder.select(wins, a, b)

    return choose


_largest, _smallest = _extreme(">"), _extreme("<")


def _two(combine):
    """The LLVM code of `combine` for two numbers of one type."""
    def two(typing, a, b):
        if a != b or not isinstance(a, types.Float | types.Integer | types.Boolean):
            return None

        def codegen(context, builder, signature, arguments):
            return combine(builder, a, *arguments)

        return a(a, a), codegen

    return two


def _python_largest(a, b):
    return np.where((a > b) | (a != a), a, b)[()]


def _python_smallest(a, b):
    return np.where((a < b) | (a != a), a, b)[()]


largest = emitted(_python_largest)(_two(_largest))        # a if a > b or a is NaN else b
smallest = emitted(_python_smallest)(_two(_smallest))     # a if a < b or a is NaN else b


# ---- the numbers of a row -----------------------------------------------------------------------------------


def _python_fold(combine, count, terms):
    """What `_fold` does, in Python."""
    if terms.dtype == bool:
        terms = terms.astype(np.int64)
    parts = [terms[first:min(first + LANES, count)].copy() for first in range(0, count, LANES)]
    total = parts[0]
    for part in parts[1:]:
        total[:part.size] = combine(total[:part.size], part)
    half = LANES // 2
    while half:
        total[:max(0, total.size - half)] = combine(total[:max(0, total.size - half)], total[half:])
        total, half = total[:half], half // 2
    return total[0]


def _fold(builder, vector, count, load, combine, quick=None):
    """Combine `count` >= 1 numbers; load(first, left) gives LANES of them, neutral ones from `left` on (None: whole).

    quick: in place of `combine` where it ignores NaN; NaN are kept apart then, and win in the end.
    """
    lanes = int64(LANES)
    whole = builder.mul(builder.udiv(count, lanes), lanes)
    left = builder.sub(count, whole)
    numbers = load(int64(0), builder.select(builder.icmp_signed("<", count, lanes), count, lanes))
    total, nans = vector.variable(numbers), vector.variable(numbers)

    def meet(numbers):
        builder.store((quick or combine)(numbers, builder.load(total)), total)
        if quick:
            found = builder.fcmp_unordered("uno", numbers, numbers)
            builder.store(builder.select(found, numbers, builder.load(nans)), nans)

    with cgutils.for_range_slice(builder, lanes, whole, lanes, int64) as (first, _):
        meet(load(first, None))
    rest = builder.and_(builder.icmp_signed(">", left, int64(0)), builder.icmp_signed(">", whole, int64(0)))
    with builder.if_then(rest):
        meet(load(whole, left))
    result, size = builder.load(total), LANES
    if quick:
        found = builder.load(nans)
        result = builder.select(builder.fcmp_unordered("uno", found, found), found, result)
    while size > 1:
        size //= 2
        halves = [builder.shuffle_vector(result, result, ir.VectorType(int32, size)(list(range(first, first + size))))
                  for first in (0, size)]
        result = combine(*halves)
    return builder.extract_element(result, int32(0))


def _lanes(context, builder, dtype):
    vector = Vectors(context, builder, dtype)
    vector.lanes, vector.type = LANES, ir.VectorType(vector.element, LANES)
    return vector


def _pointer(context, builder, kind, row):
    return context.make_array(kind)(context, builder, row).data if isinstance(kind, types.Array) else row


def _of_row(combine, neutral, python, compare=None):
    """`f(count, x)`: the first `count` >= 1 numbers of the row or pointer x, combined.

    neutral(type): a number that changes none. compare: of extremes, without NaN.
    """

    @emitted(lambda count, x: _python_fold(python, count, x))
    def fold(typing, count, x):
        stored = types.uint8 if x.dtype == types.boolean else x.dtype
        kind = types.int64 if x.dtype == types.boolean else x.dtype         # truth values are counted

        def codegen(context, builder, signature, arguments):
            count, pointer = arguments[0], _pointer(context, builder, x, arguments[1])
            vector, wide = _lanes(context, builder, stored), _lanes(context, builder, kind)
            others = ir.Constant(vector.type, [vector.element(neutral(stored))] * LANES)

            def load(first, left):
                numbers = (vector.load(pointer, first) if left is None else
                           vector.load_part(pointer, first, left, others))
                return numbers if kind is stored else builder.zext(numbers, wide.type)

            def quick(a, b):
                return builder.select(builder.fcmp_ordered(compare, a, b), a, b)

            return _fold(builder, wide, count, load, lambda a, b: combine(builder, kind, a, b),
                         quick if compare and isinstance(kind, types.Float) else None)

        return kind(types.int64, x), codegen

    return fold


def _least(kind):
    return float("-inf") if isinstance(kind, types.Float) else kind.minval


def _most(kind):
    return float("inf") if isinstance(kind, types.Float) else kind.maxval


sum_of = _of_row(_sum, lambda kind: 0, np.add)
product_of = _of_row(_product, lambda kind: 1, np.multiply)
largest_of = _of_row(_largest, _least, _python_largest, ">")
smallest_of = _of_row(_smallest, _most, _python_smallest, "<")


class _Traced:
    """A vector for formulas to calculate with while its LLVM code is written."""

    def __init__(self, vector, value):
        self.vector, self.value = vector, value

    def __sub__(self, other):
        return _Traced(self.vector, self.vector.builder.fsub(self.value, other.value))

    def __mul__(self, other):
        return _Traced(self.vector, self.vector.builder.fmul(self.value, other.value))

    def __abs__(self):
        return _Traced(self.vector, self.vector.call("fabs", self.vector.type, self.value))


def sum_of_rows(formula):
    """`f(count, x, y)`: the sum of formula(x[j], y[j]) over the first `count` >= 1 numbers of two rows.

    formula: one of `math` that subtracts, multiplies and takes absolute values.
    """
    formula = getattr(formula, "py_func", formula)

    @emitted(lambda count, x, y: _python_fold(np.add, count, formula(x[:count], y[:count])))
    def fold(typing, count, x, y):
        def codegen(context, builder, signature, arguments):
            count = arguments[0]
            pointers = [_pointer(context, builder, x, row) for row in arguments[1:]]
            vector = _lanes(context, builder, x.dtype)

            def load(first, left):
                numbers = (vector.load(pointer, first) if left is None else vector.load_part(pointer, first, left)
                           for pointer in pointers)
                return formula(*(_Traced(vector, number) for number in numbers)).value

            return _fold(builder, vector, count, load, builder.fadd)

        return x.dtype(types.int64, x, x), codegen

    return fold


dot = sum_of_rows(multiply)


# ---- terms that are still to be computed --------------------------------------------------------------------


@emitted(lambda like: np.empty(BLOCK, like.dtype))
def _terms(typing, like):
    """Pointer to BLOCK numbers of the array's type on the stack."""
    def codegen(context, builder, signature, arguments):
        with builder.goto_entry_block():
            buffer = builder.alloca(context.get_value_type(like.dtype), BLOCK)
        buffer.align = 64
        return buffer

    return types.CPointer(like.dtype)(like), codegen


def summed(term):
    """Decorator: `term(j, array, ...)` becomes `total(count, array, ...)`, the sum of the terms j < count.

    The sum, and each term, has the first array's type.
    """
    term = inlined(term)

    @inlined
    def total(count, like, *operands):
        terms, result = _terms(like), like.dtype.type(0)
        for first in range(0, count, BLOCK):
            some = min(BLOCK, count - first)
            for j in range(np.uint64(some)):
                terms[j] = term(np.uint64(first) + j, like, *operands)
            result += sum_of(some, terms)
        return result

    return total
