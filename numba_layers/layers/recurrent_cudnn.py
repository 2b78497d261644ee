"""LSTM and GRU with the weights that cuDNN wants them to have, for files and scripts made on GPUs.

They compute what `LSTM` and `GRU(reset_after=True)` do, with sigmoid gates. Kernels lie as cuDNN reads them: that of a
gate is the transposed matrix in the memory of (features, units). Biases are those of the inputs, then of the states.
Reference: Keras 2.2.5, `layers.cudnn_recurrent`, and `engine.saving`, which converts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import initializers, ops
from .recurrent import _ROLES, GRU, LSTM, RNN, _Gated
from .recurrent_cells import Cell, GRUCell, LSTMCell
from .weights import initializer_of

if TYPE_CHECKING:
    from typing import Any

    from ..typing import Config, Identifier

_WEIGHTS = tuple(name for name in _ROLES if name not in ("activation", "use_bias", "dropout", "recurrent_dropout"))
_FIXED = ("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout", "implementation", "unroll",
          "reset_after", "consume_less")


class _CuDNNCell(Cell, public=False):
    """Weights as cuDNN has them, beside a cell that computes with them."""

    def _weight_shapes(self, features, columns):
        return super()._weight_shapes(features, columns) | {"bias": (2 * columns,)}

    def _input_kernel(self):
        parts = ops.split(self.kernel, parts=len(self.gates))
        turned = [ops.transpose(ops.reshape(part, shape=(part.shape[1], part.shape[0]))) for part in parts]
        return ops.concatenate(*turned, axis=-1)

    def _state_kernel(self):
        parts = ops.split(self.recurrent_kernel, parts=len(self.gates))
        return ops.concatenate(*[ops.transpose(part) for part in parts], axis=-1)

    def _input_bias(self):
        return ops.split(self.bias, parts=2)[0]

    def _state_bias(self):
        return ops.split(self.bias, parts=2)[1]


class _CuDNNGRUCell(_CuDNNCell, GRUCell, public=False):
    """One timestep of `CuDNNGRU`."""


class _CuDNNLSTMCell(_CuDNNCell, LSTMCell, public=False):
    """One timestep of `CuDNNLSTM`."""

    def _input_bias(self):
        return ops.add(super()._input_bias(), super()._state_bias())

    def _state_bias(self):
        return None     # both biases are added to the same sums

    def _bias_initializer(self, suffix):
        if not self.unit_forget_bias:
            return self.bias_initializer

        def drawn(shape, dtype=None):
            one = shape[0] // 8
            others = initializer_of(self.bias_initializer or "glorot_uniform")
            parts = [initializers.drawn(make, (count * one,), dtype) for make, count in (
                (others, 5), (initializers.get("ones"), 1), (others, 2))]
            return np.concatenate([np.asarray(part) for part in parts])

        return drawn


class _CuDNN(_Gated, public=False):
    """What both layers have in common."""

    def _make(self, given, **of_cell):
        kwargs = dict(given["kwargs"])
        of_layer = {name: given[name] for name in ("return_sequences", "return_state", "stateful",
                                                   "activity_regularizer")}
        cell = self._made_cell({name: given[name] for name in _WEIGHTS} | of_cell, kwargs)
        RNN.__init__(self, cell, go_backwards=kwargs.pop("go_backwards", False), **of_layer, **kwargs)

    def get_config(self) -> Config:
        return {name: value for name, value in super().get_config().items() if name not in _FIXED}


class CuDNNGRU(_CuDNN, GRU):
    """`GRU(reset_after=True, recurrent_activation='sigmoid')` whose weights lie as cuDNN has them.

    Arguments as of `GRU`.
    Shapes: as `GRU`; kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (6 units,)
    Reference: Keras 2.2.5, "CuDNNGRU".
    """

    cell_class = _CuDNNGRUCell

    def __init__(self, units: int, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
                 bias_constraint: Identifier = None, return_sequences: bool = False, return_state: bool = False,
                 stateful: bool = False, **kwargs: Any) -> None:
        self._make(locals(), reset_after=True, recurrent_activation="sigmoid")


class CuDNNLSTM(_CuDNN, LSTM):
    """`LSTM(recurrent_activation='sigmoid')` whose weights lie as cuDNN has them.

    Arguments as of `LSTM`.
    Shapes: as `LSTM`; kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (8 units,)
    Reference: Keras 2.2.5, "CuDNNLSTM".
    """

    cell_class = _CuDNNLSTMCell

    def __init__(self, units: int, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Identifier = None,
                 recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 recurrent_constraint: Identifier = None, bias_constraint: Identifier = None,
                 return_sequences: bool = False, return_state: bool = False, stateful: bool = False,
                 **kwargs: Any) -> None:
        self._make(locals(), unit_forget_bias=unit_forget_bias, recurrent_activation="sigmoid")
