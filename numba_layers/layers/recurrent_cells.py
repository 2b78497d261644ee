"""Cells: what recurrent layers do at one timestep.

The weights of all gates lie side by side, as in Keras 2; those of a Keras 1 layer are one for each gate, unless it was
made with `consume_less='gpu'`, and are put together when they are used. Gates are always in the order of Keras 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import activations, constraints, initializers, ops, regularizers
from .._legacy import LAYER, RECURRENT, keras1
from ..arguments import entry, flag, fraction, several, size, whole
from ..autograd.tensor import as_tensor, stored
from ..config import keras1 as keras1_in_force
from ..config import keras_before
from ..errors import ArgumentError, ShapeError, shown
from ..ops.recurrent import FUSED
from ..random import Stream
from ..utils.generic_utils import takes
from .base import Layer, training_phase
from .node import as_list
from .renamed import Renamed
from .serialization import deserialize, serialize
from .weights import initializer_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import Config, CustomObjects, Identifier

IMPLEMENTATIONS = {"cpu": 1, "mem": 1, "gpu": 2}        # of Keras 1's consume_less


def in_words_of_keras1(options: dict[str, Any], table: Any, sides: Sequence[str]) -> dict[str, Any]:
    """Options of a recurrent layer; those in Keras 1's words get its `consume_less`, by which its weights lie."""
    words = {*table, *sides} - {"bias", "input_dtype"}
    if "consume_less" in options or not (words & set(options) or keras1_in_force()):
        return options
    return options | {"consume_less": "cpu"}


class Cell(Layer, public=False):
    """Base of cells: weights, and dropout whose masks hold for all timesteps of a call.

    gates: what their weights' names end with, in the order in which they lie side by side. by_gate: in Keras 1's order.
    """

    kernel: Any
    recurrent_kernel: Any
    bias: Any
    bias_initializer: Any
    gates: tuple[str, ...] = ("",)
    by_gate: tuple[str, ...] = ()
    recurrent_bias = False      # whether the state's part of the gates has a bias of its own
    W = Renamed("kernel")
    U = Renamed("recurrent_kernel")
    b = Renamed("bias")
    output_dim = Renamed("units")
    dropout_W = Renamed("dropout")
    dropout_U = Renamed("recurrent_dropout")
    inner_activation = Renamed("recurrent_activation")
    init = Renamed("kernel_initializer")
    inner_init = Renamed("recurrent_initializer")
    W_regularizer = Renamed("kernel_regularizer")
    U_regularizer = Renamed("recurrent_regularizer")
    b_regularizer = Renamed("bias_regularizer")

    def __init__(self, units: int, activation: Identifier, use_bias: bool, roles: dict[str, Any], dropout: float,
                 recurrent_dropout: float, **kwargs: Any) -> None:
        consume_less = kwargs.pop("consume_less", None)
        if consume_less not in (None, *IMPLEMENTATIONS):
            raise ArgumentError(f"consume_less must be one of {', '.join(IMPLEMENTATIONS)}, got {shown(consume_less)}.")
        implementation = kwargs.pop("implementation", None)
        if implementation is None:
            implementation = IMPLEMENTATIONS.get(consume_less, 1)
        if whole(implementation, "implementation") not in (0, 1, 2):
            raise ArgumentError(f"implementation must be 0, 1 or 2, got {shown(implementation)}.")
        super().__init__(**kwargs)
        self.consume_less = consume_less
        self.implementation = implementation
        self.units = size(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = flag(use_bias, "use_bias")
        for role in ("kernel", "recurrent", "bias"):
            setattr(self, f"{role}_initializer", initializer_of(roles[f"{role}_initializer"]))
            setattr(self, f"{role}_regularizer", regularizers.get(roles[f"{role}_regularizer"]))
            setattr(self, f"{role}_constraint", constraints.get(roles[f"{role}_constraint"]))
        self.dropout = fraction(0 if dropout is None else dropout, "dropout", closed=True)
        self.recurrent_dropout = fraction(0 if recurrent_dropout is None else recurrent_dropout, "recurrent_dropout",
                                          closed=True)
        self.uses_learning_phase = self.dropout > 0 or self.recurrent_dropout > 0
        self.apart = bool(self.by_gate) and consume_less in ("cpu", "mem")
        self._stream: Any = Stream() if self.uses_learning_phase else None
        self.forget_masks()

    # -- weights ---------------------------------------------------------------------------------------------------

    @property
    def state_size(self) -> Any:
        return self.units

    @property
    def output_size(self) -> int:
        return self.units

    def build(self, input_shape: Any) -> None:
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        features = shape[-1]
        if features is None:
            raise ShapeError(f"the last axis of the input must be known, got shape {tuple(shape)}.")
        for suffix in self.by_gate if self.apart else ("",):
            self._make_weights(features, suffix)
        super().build(input_shape)

    def _make_weights(self, features, suffix):
        """Make the weights of one gate, or of all at once."""
        columns = self.units if self.apart else self.units * len(self.gates)
        names = {"kernel": "W", "recurrent": "U", "bias": "b"} if self.apart else {
            "kernel": "kernel", "recurrent": "recurrent_kernel", "bias": "bias"}
        for role, shape in self._weight_shapes(features, columns).items():
            name = f"{names[role]}_{suffix}" if suffix else names[role]
            if role == "bias" and not self.use_bias:
                setattr(self, name, None)
                continue
            initializer = self._bias_initializer(suffix) if role == "bias" else getattr(self, f"{role}_initializer")
            setattr(self, name, self.add_weight(name, shape, initializer=initializer,
                                                regularizer=getattr(self, f"{role}_regularizer"),
                                                constraint=getattr(self, f"{role}_constraint"),
                                                **self._weight_options(len(shape))))

    def _weight_shapes(self, features, columns):
        return {"kernel": (features, columns), "recurrent": (self.units, columns),
                "bias": (2, columns) if self.recurrent_bias else (columns,)}

    def _weight_options(self, axes):
        """What `add_weight` is told beside that of a weight of so many axes."""
        return {}

    def _bias_initializer(self, suffix):
        return self.bias_initializer

    def _gates_of(self, name):
        """A Keras 1 layer's weights of all gates, side by side."""
        weights = [stored(getattr(self, f"{name}_{gate}")) for gate in self.gates]
        return None if weights[0] is None else ops.concatenate(*weights, axis=-1)

    # -- masks of dropout ------------------------------------------------------------------------------------------

    def forget_masks(self) -> None:
        """Draw new masks in the next call: a sequence begins."""
        self._masks: dict[str, list[Any]] = {}

    reset_dropout_mask = reset_recurrent_dropout_mask = forget_masks

    def _masks_of(self, what, rate, x, sizes, training):
        """One mask for each gate, or one for all: of (batch, *sizes), the same at all timesteps. None: no dropout."""
        if not 0 < rate < 1 or not training_phase(training):
            return None
        if what not in self._masks:
            count = len(self.gates) if self.implementation < 2 else 1
            ones = ops.filled_for(x, sizes=sizes, value=1)
            self._masks[what] = [ops.dropout(ones, rate=rate, key=self._stream.next_key()) for _ in range(count)]
        return self._masks[what]

    # -- one timestep ----------------------------------------------------------------------------------------------

    def project(self, x: Any, training: bool | None = None) -> Any:
        """The part of all gates that the inputs make, of one timestep or of all: (..., features) -> (..., gates)."""
        kernel, bias = self._input_kernel(), self._input_bias()
        masks = self._masks_of("inputs", self.dropout, x, x.shape[-1:], training)
        if masks is None:
            return ops.dense(x, kernel, bias)
        if x.ndim > 2:
            masks = [ops.expand_dims(mask, axis=1) for mask in masks]
        if len(masks) == 1:
            return ops.dense(ops.multiply(x, masks[0]), kernel, bias)
        count = len(masks)
        biases = [None] * count if bias is None else ops.split(bias, parts=count)
        parts = zip(masks, ops.split(kernel, parts=count), biases)
        return ops.concatenate(*[ops.dense(ops.multiply(x, mask), part, b) for mask, part, b in parts], axis=-1)

    def _input_kernel(self):
        return self._gates_of("W") if self.apart else self.kernel

    def _state_kernel(self):
        return self._gates_of("U") if self.apart else self.recurrent_kernel

    def _input_bias(self):
        if not self.use_bias:
            return None
        bias = self._gates_of("b") if self.apart else self.bias
        return ops.getitem(bias, index=0) if self.recurrent_bias else bias

    def _state_bias(self):
        return ops.getitem(self.bias, index=1) if self.recurrent_bias and self.use_bias else None

    def _from_state(self, h, gates, training):
        """h @ the recurrent weights of some gates, a slice of them, side by side."""
        kernel, bias = self._state_kernel(), self._state_bias()
        first, last = gates.start * self.units, gates.stop * self.units
        if (gates.start, gates.stop) != (0, len(self.gates)):
            kernel = ops.getitem(kernel, index=(slice(None), slice(first, last)))
            bias = None if bias is None else ops.getitem(bias, index=slice(first, last))
        masks = self._masks_of("states", self.recurrent_dropout, h, h.shape[1:], training)
        if masks is None:
            return ops.dense(h, kernel, bias)
        if len(masks) == 1:
            return ops.dense(ops.multiply(h, masks[0]), kernel, bias)
        masks = masks[gates]
        biases = [None] * len(masks) if bias is None else ops.split(bias, parts=len(masks))
        parts = zip(masks, ops.split(kernel, parts=len(masks)), biases)
        return ops.concatenate(*[ops.dense(ops.multiply(h, mask), part, b) for mask, part, b in parts], axis=-1)

    def step(self, z: Any, states: Sequence[Any], training: bool | None = None) -> tuple[Any, list[Any]]:
        """(output, new states) for the inputs' part of the gates at one timestep."""
        raise NotImplementedError(f"{type(self).__name__}.step")

    def sequence(self, z: Any, states: Sequence[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        """(outputs, *last states) of all timesteps by one kernel, where there is one for the activations; else None."""
        return None

    def call(self, inputs: Any, states: Any = None, training: bool | None = None) -> Any:
        """(output, new states) for the inputs of one timestep: (batch, features) and states (batch, units)."""
        return self.step(self.project(inputs, training), as_list(states), training)

    def __call__(self, inputs: Any, states: Any = None, training: bool | None = None) -> Any:
        inputs = as_tensor(inputs)
        if not self.built:
            self._build_for(inputs.shape)
        return self.call(inputs, self.get_initial_state(inputs) if states is None else states, training)

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """Zeros, for as many samples as `inputs` are or `batch_size` says."""
        if inputs is None:
            inputs = as_tensor(np.zeros((batch_size or 0, 1), dtype or self.dtype))
        states = initial_states(self, inputs)
        return states if isinstance(self.state_size, list | tuple) else states[0]

    def get_config(self) -> Config:
        described = super().get_config() | {
            "units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias,
            "dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout,
        }
        for role in ("kernel", "recurrent", "bias"):
            for module, what in ((initializers, "initializer"), (regularizers, "regularizer"),
                                 (constraints, "constraint")):
                described[f"{role}_{what}"] = module.serialize(getattr(self, f"{role}_{what}"))
        if self.consume_less is not None:
            return described | {"consume_less": self.consume_less}
        return described | {"implementation": self.implementation}


class SimpleRNNCell(Cell):
    """One timestep of `SimpleRNN`: h' = activation(x @ kernel + h @ recurrent_kernel + bias), which is the output.

    Arguments as of `SimpleRNN`.
    Shapes: x (batch, features), states [h], h (batch, units) -> (batch, units)
    Reference: Keras 2.2.5, "SimpleRNNCell".
    """

    @keras1(LAYER | RECURRENT)
    def __init__(self, units: int, activation: Identifier = "tanh", use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
                 bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, locals(), dropout, recurrent_dropout, **kwargs)

    def step(self, z: Any, states: Sequence[Any], training: bool | None = None) -> tuple[Any, list[Any]]:
        h = self.activation(ops.add(z, self._from_state(states[0], slice(0, 1), training)))
        return h, [h]

    def sequence(self, z: Any, states: Sequence[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        named = names_of(self.activation)
        return named and ops.simple_rnn(z, self._state_kernel(), *states, mask, activation=named[0],
                                        backwards=backwards)


class GRUCell(Cell):
    """One timestep of `GRU`: h' = z h + (1 - z) h̃, of an update gate z, a reset gate r and the candidate h̃.

    Arguments as of `GRU`.
    Shapes: x (batch, features), states [h], h (batch, units) -> (batch, units)
    Reference: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", §2.3; `reset_after`:
    version 1 of the paper on arXiv, as in cuDNN.
    """

    gates = by_gate = ("z", "r", "h")

    @keras1(LAYER | RECURRENT)
    def __init__(self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "hard_sigmoid",
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, implementation: int | None = None, reset_after: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, locals(), dropout, recurrent_dropout,
                         implementation=implementation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = flag(reset_after, "reset_after")
        self.recurrent_bias = self.reset_after

    def step(self, z: Any, states: Sequence[Any], training: bool | None = None) -> tuple[Any, list[Any]]:
        (h, *_), gate = states, self.recurrent_activation
        z_input, r_input, h_input = ops.split(z, parts=3)
        if self.reset_after:
            z_state, r_state, h_state = ops.split(self._from_state(h, slice(0, 3), training), parts=3)
        else:
            z_state, r_state = ops.split(self._from_state(h, slice(0, 2), training), parts=2)
        update, reset = gate(ops.add(z_input, z_state)), gate(ops.add(r_input, r_state))
        if self.reset_after:
            remembered = ops.multiply(reset, h_state)
        else:
            remembered = self._from_state(ops.multiply(reset, h), slice(2, 3), training)
        candidate = self.activation(ops.add(h_input, remembered))
        h = ops.add(ops.multiply(update, h), ops.multiply(ops.subtract(1.0, update), candidate))
        return h, [h]

    def sequence(self, z: Any, states: Sequence[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        named = names_of(self.activation, self.recurrent_activation)
        return named and ops.gru(z, self._state_kernel(), self._state_bias(), *states, mask, activation=named[0],
                                 recurrent_activation=named[1], reset_after=self.reset_after, backwards=backwards)

    def get_config(self) -> Config:
        return super().get_config() | {"recurrent_activation": activations.serialize(self.recurrent_activation),
                                       "reset_after": self.reset_after}


class LSTMCell(Cell):
    """One timestep of `LSTM`: c' = f c + i g, h' = o activation(c'), of gates i, f, o and the candidate g.

    Arguments as of `LSTM`.
    Shapes: x (batch, features), states [h, c], each (batch, units) -> (batch, units)
    Reference: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; Gers et al. 2000, "Learning to Forget", §3;
    forget bias: Jozefowicz et al. 2015, "An Empirical Exploration of Recurrent Network Architectures", §2.2.
    """

    gates = ("i", "f", "c", "o")
    by_gate = ("i", "c", "f", "o")

    @keras1(LAYER | RECURRENT)
    def __init__(self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "hard_sigmoid",
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Identifier = None,
                 recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
                 bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 implementation: int | None = None, **kwargs: Any) -> None:
        super().__init__(units, activation, use_bias, locals(), dropout, recurrent_dropout,
                         implementation=implementation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        own = isinstance(unit_forget_bias, str | dict) or callable(unit_forget_bias)    # Keras 1's forget_bias_init
        self.unit_forget_bias = unit_forget_bias if own else flag(unit_forget_bias, "unit_forget_bias")
        self._forget_initializer = initializer_of(unit_forget_bias) if own else initializers.get(
            "ones") if unit_forget_bias else self.bias_initializer

    @property
    def gate_axis(self) -> int:
        """The axis along which the gates lie side by side."""
        return -1

    @property
    def state_size(self) -> Any:
        return [self.units, self.units]

    def _bias_initializer(self, suffix):
        if suffix:
            return self._forget_initializer if suffix == "f" else self.bias_initializer
        if self._forget_initializer is self.bias_initializer:
            return self.bias_initializer

        def drawn(shape, dtype=None):
            one = (shape[0] // 4,)
            parts = [initializers.drawn(initializer_of(make or "glorot_uniform"), sizes, dtype) for make, sizes in (
                (self.bias_initializer, one), (self._forget_initializer, one), (self.bias_initializer, (2 * one[0],)))]
            return np.concatenate([np.asarray(part) for part in parts])

        return drawn

    def step(self, z: Any, states: Sequence[Any], training: bool | None = None) -> tuple[Any, list[Any]]:
        h, c = states
        gates = ops.add(z, self._from_state(h, slice(0, 4), training))
        i, f, candidate, o = ops.split(gates, parts=4, axis=self.gate_axis)
        gate = self.recurrent_activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(candidate)))
        h = ops.multiply(gate(o), self.activation(c))
        return h, [h, c]

    def sequence(self, z: Any, states: Sequence[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        named = names_of(self.activation, self.recurrent_activation)
        return named and ops.lstm(z, self._state_kernel(), *states, mask, activation=named[0],
                                  recurrent_activation=named[1], backwards=backwards)

    def get_config(self) -> Config:
        forget = self.unit_forget_bias
        return super().get_config() | {"recurrent_activation": activations.serialize(self.recurrent_activation),
                                       "unit_forget_bias": forget if isinstance(forget, bool)
                                       else initializers.serialize(self._forget_initializer)}


class StackedRNNCells(Layer):
    """Cells one above the other as one cell: the output of each is the input of the next.

    cells: a list of cells. States are those of the first cell first, or with `reverse_state_order` those of the last:
    the default before Keras 2.2.3.
    Reference: Keras 2.2.5, "StackedRNNCells".
    """

    def __init__(self, cells: Sequence[Any], reverse_state_order: bool | None = None, **kwargs: Any) -> None:
        if not several(cells) or not len(cells):
            raise ArgumentError(f"cells must be a list of one cell or more, got {shown(cells)}.")
        for cell in cells:
            check_cell(cell)
        super().__init__(**kwargs)
        self.cells = list(cells)
        self.reverse_state_order = (keras_before("2.2.3") if reverse_state_order is None
                                    else flag(reverse_state_order, "reverse_state_order"))

    def inner_layers(self) -> list[Any]:
        return [cell for cell in self.cells if isinstance(cell, Layer)]

    def _in_order(self):
        return self.cells[::-1] if self.reverse_state_order else self.cells

    @property
    def state_size(self) -> Any:
        return [units for cell in self._in_order() for units in sizes_of(cell)]

    @property
    def output_size(self) -> Any:
        return output_size_of(self.cells[-1])

    @property
    def uses_learning_phase(self) -> Any:
        return any(getattr(cell, "uses_learning_phase", False) for cell in self.cells)

    def forget_masks(self) -> None:
        for cell in self.cells:
            if hasattr(cell, "forget_masks"):
                cell.forget_masks()

    def build(self, input_shape: Any) -> None:
        shape, *constants = input_shape if isinstance(input_shape, list) else [input_shape]
        for cell in self.cells:
            build_cell(cell, shape, constants, self)
            shape = (shape[0], output_size_of(cell))
        super().build(input_shape)

    def call(self, inputs: Any, states: Any = None, constants: Any = None, training: bool | None = None) -> Any:
        left, of_cell = list(states), {}
        for cell in self._in_order():
            count = len(sizes_of(cell))
            of_cell[id(cell)], left = left[:count], left[count:]
        output, after = inputs, {}
        for cell in self.cells:
            output, new = called(cell, output, of_cell[id(cell)], constants, training)
            after[id(cell)] = new
        return output, [state for cell in self._in_order() for state in after[id(cell)]]

    @property
    def trainable_weights(self) -> list[Any]:
        return [weight for cell in self.inner_layers() for weight in cell.trainable_weights] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        cells = self.inner_layers()
        fixed = [weight for cell in cells for weight in cell.non_trainable_weights]
        return fixed if self.trainable else [weight for cell in cells for weight in cell.trainable_weights] + fixed

    @property
    def penalties(self) -> list[Any]:
        return [penalty for cell in self.inner_layers() for penalty in cell.penalties]

    def get_config(self) -> Config:
        described = super().get_config() | {"cells": [serialize(cell) for cell in self.cells]}
        usual = self.reverse_state_order == keras_before("2.2.3")
        return described if usual else described | {"reverse_state_order": self.reverse_state_order}

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None) -> Any:
        cells = [deserialize(cell, custom_objects) for cell in entry(description, "cells", list, cls.__name__)]
        return cls(cells, **{name: value for name, value in description.items() if name != "cells"})


def names_of(*functions: Any) -> tuple[str, ...] | None:
    """The names by which kernels of whole sequences know activations; None where there is one that they do not."""
    names = tuple(getattr(function, "__name__", "") for function in functions)
    known = all(name in FUSED and function is getattr(activations, name) for name, function in zip(names, functions))
    return names if known else None


# -- any cell, also the user's ----------------------------------------------------------------------------------------

def check_cell(cell: Any) -> None:
    """Raise ArgumentError for what cannot be a cell."""
    if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
        raise ArgumentError(f"a cell has a method `call(inputs, states)` and an attribute `state_size`; "
                            f"{shown(cell)} has not.")


def sizes_of(cell: Any) -> list[Any]:
    """The sizes of a cell's states: numbers, or shapes without the batch."""
    found = cell.state_size
    return list(found) if isinstance(found, list | tuple) else [found]


def output_size_of(cell: Any) -> Any:
    """The size of a cell's output, which is that of its first state where it does not say."""
    found = getattr(cell, "output_size", None)
    return sizes_of(cell)[0] if found is None else found


def build_cell(cell: Any, shape: Any, constants: Sequence[Any], owner: Any) -> None:
    """Build a cell of `owner`, whose name its weights bear."""
    if not isinstance(cell, Layer):
        if hasattr(cell, "build"):
            cell.build([shape, *constants] if constants else shape)
    elif not cell.built:
        cell._build_for([shape, *constants] if constants else shape)
        if not isinstance(owner, StackedRNNCells):
            for weight in cell.weights:
                weight.name = f"{owner.name}/{(weight.name or '').rpartition('/')[2]}"


def called(cell: Any, inputs: Any, states: Sequence[Any], constants: Any, training: bool | None) -> tuple[Any, Any]:
    """(output, new states) of a cell's call, which gets `constants` and `training` where it takes them."""
    options: dict[str, Any] = {"training": training} if training is not None and takes(cell.call, "training") else {}
    if constants and takes(cell.call, "constants"):
        options["constants"] = constants
    output, new = cell.call(inputs, list(states), **options)
    return output, as_list(new)


def initial_states(cell: Any, inputs: Tensor) -> list[Any]:
    """Zeros in the shapes of a cell's states, for each sample of `inputs`."""
    return [ops.filled_for(inputs, sizes=tuple(units) if isinstance(units, list | tuple) else (units,))
            for units in sizes_of(cell)]
