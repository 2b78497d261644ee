"""Functions of numbers that users write, made into formulas of kernels, and so are their derivatives.

    function ─ source ─> its definition ─ translate ─> steps ─ derive ─> steps of a derivative ─ write ─> a formula

`source` finds the text of a function; `translate` reads it as steps of single operations (`language`), and names the
line that is none; `derive` differentiates steps, by rules for one operation each (`rules`); `write` makes Python of
steps, in words that kernels of every target inline (`math.scalar`, `math.functions`); `kernels` makes kernels of that.
"""

from .kernels import Scalar, scalar
from .translate import numbers_of, results_of

__all__ = ["Scalar", "numbers_of", "results_of", "scalar"]
