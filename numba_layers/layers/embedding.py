"""Rows of weights by numbers: words become vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import constraints, initializers, ops, regularizers
from .._legacy import EMBEDDING, LAYER, keras1
from ..arguments import element_type, flag, fraction, several, size, sizes
from ..autograd.graph import SymbolicTensor
from ..autograd.tensor import Tensor
from ..errors import OutOfRangeError
from ..ops.embedding import misplaced, rows_of
from ..random import Stream
from .base import InputSpec, Layer, training_phase
from .renamed import Renamed
from .weights import initializer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import Config, Identifier


class Embedding(Layer):
    """A row of weights for each number: output[n, t] = embeddings[input[n, t]].

    input_dim: how many rows there are: the largest number and 1. output_dim: numbers in a row.
    embeddings_initializer: initial weights. embeddings_regularizer, activity_regularizer: penalties added to the loss.
    embeddings_constraint: applied after each update. mask_zero: 0 stands for no word: timesteps with it are masked.
    input_length: timesteps, or a tuple of sizes, where they are known. dropout: fraction of the rows, in [0, 1], that
    are 0 for a whole training step, and the others divided by 1 - dropout; 1 drops nothing, as in Keras 1.

    Shapes: (batch, timesteps), or any, of whole numbers in 0 .. input_dim - 1, of whatever type -> (batch, timesteps,
            output_dim); mask (batch, timesteps); embeddings (input_dim, output_dim)
    Raises: OutOfRangeError that names sample and number for one without a row, before any sample is used; on a GPU, a
            layer that is not the first of its model answers NaN in its place.
    Reference: Keras 2.2.5 and 1.2.2, "Embedding"; dropout: Gal & Ghahramani 2016, "A Theoretically Grounded Application
    of Dropout in Recurrent Neural Networks", §4.
    """

    W = Renamed("embeddings")
    init = Renamed("embeddings_initializer")
    W_regularizer = Renamed("embeddings_regularizer")
    W_constraint = Renamed("embeddings_constraint")
    initial_weights = Renamed("_initial_weights")

    @keras1(LAYER | EMBEDDING, order=(
        "input_dim", "output_dim", "init", "input_length", "W_regularizer", "activity_regularizer", "W_constraint",
        "mask_zero", "weights", "dropout"))
    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Identifier = "uniform",
                 embeddings_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 embeddings_constraint: Identifier = None, mask_zero: bool = False,
                 input_length: int | Sequence[int | None] | None = None, dropout: float = 0.0,
                 **kwargs: Any) -> None:
        lengths = None if input_length is None else sizes(input_length, "input_length", example="80", least=1)
        if not {"input_shape", "batch_input_shape"} & kwargs.keys():
            kwargs["input_shape"] = lengths or (None,)
        if kwargs.get("dtype") is not None and np.dtype(element_type(kwargs["dtype"], "dtype")).kind != "f":
            del kwargs["dtype"]         # Keras 1's input_dtype: that of the numbers of the rows
        super().__init__(**kwargs)
        self.input_dim = size(input_dim, "input_dim")
        self.output_dim = size(output_dim, "output_dim")
        self.embeddings_initializer = initializer_of(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = flag(mask_zero, "mask_zero")
        self.input_length = lengths if several(input_length) else input_length
        self.dropout = fraction(dropout, "dropout", closed=True)
        self.uses_learning_phase = 0 < self.dropout < 1
        self.input_spec = InputSpec(min_ndim=1) if lengths is None else InputSpec(
            shape=(None, *lengths), form="(batch, timesteps)" if len(lengths) == 1 else "")
        self._lengths = lengths
        self._stream = Stream()

    @property
    def input_type(self) -> str:
        return "int64"

    def check_data(self, data: Any, where: str) -> None:
        wrong = misplaced(data, self.input_dim) if isinstance(data, np.ndarray) else None
        if wrong is not None:
            sample, *place = wrong
            raise OutOfRangeError(
                f'{where}: class number {data[wrong]} of sample {sample}{f", at {place}," if place else ""} has no row '
                f'in Embedding "{self.name}", which has input_dim={self.input_dim}: rows 0 .. {self.input_dim - 1}. '
                "Make input_dim the largest number and 1, or number the classes from 0.")

    def build(self, input_shape: Any) -> None:
        self.embeddings = self.add_weight("embeddings", (self.input_dim, self.output_dim),
                                          initializer=self.embeddings_initializer,
                                          regularizer=self.embeddings_regularizer,
                                          constraint=self.embeddings_constraint)
        super().build(input_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        rows = rows_of(self.embeddings, inputs, what="class number", among="rows of the weights (input_dim)")
        if not self.uses_learning_phase or not training_phase(training):
            return rows
        ones = Tensor(np.ones((self.input_dim, 1), rows.dtype))
        kept = ops.dropout(ones, rate=self.dropout, key=self._stream.next_key())
        return ops.multiply(rows, ops.gather(kept, inputs))

    def _templates(self, inputs, kwargs, mask):
        """Sizes that the input leaves open are those of `input_length`."""
        rows = super()._templates(inputs, kwargs, mask)
        if self._lengths is None:
            return rows
        known = (rows.shape[0], *(length if have is None else have
                                  for have, length in zip(rows.shape[1:], self._lengths)), rows.shape[-1])
        return [SymbolicTensor(known, rows.dtype)]

    def get_config(self) -> Config:
        description = super().get_config() | {
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            "input_length": self.input_length,
        }
        return description | ({"dropout": self.dropout} if self.dropout else {})     # which Keras 2 does not know
