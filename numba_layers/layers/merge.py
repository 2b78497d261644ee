"""Layers of several inputs and one output: sums, products, concatenation, dot products."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from .. import ops
from .._legacy import LAYER, keras1
from ..arguments import axis as axis_of
from ..arguments import flag, whole
from ..errors import ShapeError, shown
from .base import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Tensor
    from ..typing import Config, LayerOptions, PerAxis, Shape


class Merging(Layer, public=False):
    """Base: a list of tensors of one shape in, one of that shape out; the timesteps that all masks count.

    A subclass writes `call`, or `_merge_function` as for Keras 2.
    """

    supports_masking = True
    _merge_function: Any

    def build(self, input_shape: Any) -> None:
        if not isinstance(input_shape, list) or len(input_shape) < 2:
            raise ShapeError("needs a list of at least 2 tensors: layer([a, b]).")
        self._check_shapes(input_shape)
        super().build(input_shape)

    def _check_shapes(self, shapes: Sequence[Shape]) -> None:
        first = shapes[0]
        for shape in shapes[1:]:
            fits = len(shape) == len(first) and all(
                None in (a, b) or a == b or 1 in (a, b) for a, b in zip(shape, first))
            if not fits:
                raise ShapeError(f"the inputs must have one shape, got {', '.join(map(str, shapes))}.")

    def call(self, inputs: Any) -> Any:
        return self._merge_function(inputs)

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        return output.ndim == tensor.ndim

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        masks = [entry for entry in mask or [] if entry is not None]
        return reduce(ops.logical_and, masks) if masks else None


_Merge = Merging        # Keras 2's name


class Add(Merging):
    """Elementwise sum of the inputs. Shapes: [(batch, ...)] -> (batch, ...)"""

    def call(self, inputs: Any) -> Any:
        return reduce(ops.add, inputs)


class Subtract(Merging):
    """The first input minus the second. Shapes: [(batch, ...)] * 2 -> (batch, ...)"""

    def _check_shapes(self, shapes: Sequence[Shape]) -> None:
        if len(shapes) != 2:
            raise ShapeError(f"takes 2 inputs, got {len(shapes)}.")
        super()._check_shapes(shapes)

    def call(self, inputs: Any) -> Any:
        return ops.subtract(*inputs)


class Multiply(Merging):
    """Elementwise product of the inputs. Shapes: [(batch, ...)] -> (batch, ...)"""

    def call(self, inputs: Any) -> Any:
        return reduce(ops.multiply, inputs)


class Average(Merging):
    """Elementwise mean of the inputs. Shapes: [(batch, ...)] -> (batch, ...)"""

    def call(self, inputs: Any) -> Any:
        return reduce(ops.add, inputs) / len(inputs)


class Maximum(Merging):
    """Elementwise maximum of the inputs. Shapes: [(batch, ...)] -> (batch, ...)"""

    def call(self, inputs: Any) -> Any:
        return reduce(ops.maximum, inputs)


class Minimum(Merging):
    """Elementwise minimum of the inputs. Shapes: [(batch, ...)] -> (batch, ...)"""

    def call(self, inputs: Any) -> Any:
        return reduce(ops.minimum, inputs)


class Concatenate(Merging):
    """The inputs side by side along `axis`; other sizes must agree.

    axis: of the tensors with their batch axis; -1 is the last.
    Shapes: [(batch, ..., n_i)] -> (batch, ..., Σ n_i)
    Raises: ShapeError for less than two inputs, and for other sizes that differ.
    Reference: Keras 2.2.5, keras.layers.merge.Concatenate.
    """

    @keras1(LAYER)
    def __init__(self, axis: int = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = whole(axis, "axis")

    def _check_shapes(self, shapes: Sequence[Shape]) -> None:
        axis = self.axis % len(shapes[0])
        others = [shape[:axis] + shape[axis + 1:] for shape in shapes]
        if any(len(other) != len(others[0]) or any(None not in (a, b) and a != b for a, b in zip(other, others[0]))
               for other in others):
            raise ShapeError(f"all sizes but that of axis {self.axis} must agree, got {', '.join(map(str, shapes))}.")

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(*inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not any(entry is not None for entry in mask or []):
            return None
        masks = [ops.ones_like(ops.any(tensor, axis=-1)) if entry is None else entry
                 for tensor, entry in zip(inputs, mask)]
        along_time = self.axis % inputs[0].ndim == 1
        return ops.concatenate(*masks, axis=1) if along_time else reduce(ops.logical_and, masks)

    def get_config(self) -> Config:
        return super().get_config() | {"axis": self.axis}


class Dot(Merging):
    """For each sample the dot product of two inputs over `axes`.

    axes: an axis of both, or a pair of axes; the batch is axis 0. normalize: of L2-normalized inputs (cosine).
    Shapes: (batch, ..., k), (batch, ..., k) -> (batch, rest of both), or (batch, 1)
    Raises: ShapeError unless there are two inputs that have these axes, of one size.
    Reference: Keras 2.2.5, keras.layers.merge.Dot.
    """

    @keras1(LAYER)
    def __init__(self, axes: PerAxis, normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axes = axis_of(axes, "axes")
        self.normalize = flag(normalize, "normalize")

    def _check_shapes(self, shapes: Sequence[Shape]) -> None:
        if len(shapes) != 2:
            raise ShapeError(f"takes 2 inputs, got {len(shapes)}.")

    def call(self, inputs: Any) -> Any:
        axes = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        for axis, tensor in zip(axes, inputs):
            if not -tensor.ndim <= axis < tensor.ndim:
                raise ShapeError(f"axis {shown(axis)} is out of range for an input of shape {tensor.shape}.")
        axes = [axis % tensor.ndim for axis, tensor in zip(axes, inputs)]
        if self.normalize:
            inputs = [ops.l2_normalize(tensor, axis=axis) for tensor, axis in zip(inputs, axes)]
        return ops.batch_dot(*inputs, axes=axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> Config:
        return super().get_config() | {"axes": self.axes, "normalize": self.normalize}


def add(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Add(**kwargs)(inputs)`"""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Subtract(**kwargs)(inputs)`"""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Multiply(**kwargs)(inputs)`"""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Average(**kwargs)(inputs)`"""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Maximum(**kwargs)(inputs)`"""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Tensor], **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Minimum(**kwargs)(inputs)`"""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Tensor], axis: int = -1, **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Concatenate(axis, **kwargs)(inputs)`"""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Tensor], axes: PerAxis, normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> Tensor:
    """`Dot(axes, normalize, **kwargs)(inputs)`"""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
