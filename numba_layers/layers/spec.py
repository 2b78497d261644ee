"""What a layer expects of its inputs, compared before the layer runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._legacy import Constructed
from ..arguments import of_type, sizes, text
from ..errors import ShapeError

if TYPE_CHECKING:
    from typing import Any

    from ..typing import ShapeLike


class InputSpec(Constructed):
    """Expected rank, sizes or type of one input; what is None is not compared.

    ndim: exact number of axes. min_ndim, max_ndim: its range. shape: sizes, None where free.
    axes: {axis: size}. dtype: name of the element type. form: what the axes are, for messages, and missing: how to add
    one that is.
    """

    def __init__(self, dtype: str | None = None, shape: ShapeLike | None = None, ndim: int | None = None,
                 max_ndim: int | None = None, min_ndim: int | None = None, axes: dict[int, int] | None = None,
                 form: str = "", missing: str = "x[..., None]") -> None:
        self.dtype = dtype
        self.shape: Any = None if shape is None else sizes(shape, "InputSpec: shape")
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {} if axes is None else of_type(axes, dict, "InputSpec: axes")
        self.form = f" {text(form, 'InputSpec: form')}".rstrip()
        self.missing = missing

    def check(self, shape: ShapeLike, number: int | None = None) -> None:
        """Raise ShapeError when `shape` (None where open) does not fit; `number` says which of several inputs."""
        which = "the input" if number is None else f"input {number}"
        came = f"got {len(shape)}: {shape}"
        if self.ndim is not None and len(shape) != self.ndim:
            raise ShapeError(f"{which} must have {self.ndim} axes{self.form}, {came}."
                             f"{self._rank_cure(len(shape), self.ndim)}")
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            raise ShapeError(f"{which} may have {self.max_ndim} axes at most, {came}.")
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            raise ShapeError(f"{which} needs at least {self.min_ndim} axes, {came}."
                             f"{self._rank_cure(len(shape), self.min_ndim)}")
        wanted = dict(enumerate(self.shape)) if self.shape is not None else self.axes
        for axis, size in wanted.items():
            if size is not None and shape[axis] not in (None, size):
                raise ShapeError(f"axis {axis} of {which}{self.form} must have size {size}, got {shape[axis]} in shape "
                                 f"{shape}.")

    def _rank_cure(self, have: int, want: int) -> str:
        if want == have + 1:
            return f" Add an axis: {self.missing}, or x[None] for a single sample."
        return " Put a Flatten or Reshape layer before it." if have > want else ""
