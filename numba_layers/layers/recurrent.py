"""Recurrent layers: a cell goes along a sequence, each timestep's states made of the ones before."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from .. import devices, ops
from .._legacy import LAYER, RECURRENT, keras1
from ..arguments import entry, flag
from ..autograd.graph import any_symbolic
from ..autograd.tensor import Tensor, Variable, as_tensor
from ..errors import ArgumentError, ModelError, NumbaLayersError, ShapeError, StatelessError
from ..ops.recurrence import swapped
from ..regularizers import get as regularizer_of
from ..regularizers import serialize as regularizer_described
from .base import InputSpec, Layer, training_phase
from .node import as_list
from .recurrent_cells import (
    GRUCell,
    LSTMCell,
    SimpleRNNCell,
    StackedRNNCells,
    build_cell,
    called,
    check_cell,
    in_words_of_keras1,
    initial_states,
    sizes_of,
)
from .serialization import deserialize, serialize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import Config, CustomObjects, Identifier


class RNN(Layer):
    """Applies `cell` along the timesteps.

    cell: an object with `call(inputs, states) -> (output, new states)` and `state_size`, a number or a list of them, or
    a list of cells, one above the other. return_sequences: the outputs of all timesteps, not the last alone.
    return_state: the last states as well. go_backwards: from the last timestep to the first; outputs come in that
    order. stateful: the states at the end of a batch are those at the beginning of the next, until `reset_states()`;
    needs a batch size (`batch_input_shape`). unroll, input_length: of Keras; they change nothing here. time_major:
    (time, batch, ...) in and out.

    Called as `layer(x, initial_state=[...], constants=[...])`, states and constants may be tensors of the model, arrays
    or numbers. A mask leaves out timesteps: they change no state, and their output repeats the one before.

    Shapes: (batch, time, ...) -> (batch, units), or (batch, time, units) with return_sequences; states (batch, units)
    Raises: ShapeError for inputs of another rank, states of other sizes; ArgumentError for another number of states.
    Reference: Keras 2.2.5, "RNN".
    """

    supports_masking = True
    sequence_rank = 3

    def __init__(self, cell: Any, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False, time_major: bool = False,
                 **kwargs: Any) -> None:
        options: dict[str, Any] = dict(kwargs)
        constants = options.pop("num_constants", None)
        self.zero_output_for_mask = flag(options.pop("zero_output_for_mask", False), "zero_output_for_mask")
        regularizer = options.pop("activity_regularizer", None)
        super().__init__(**options)
        cell = StackedRNNCells(cell) if isinstance(cell, list | tuple) else cell
        check_cell(cell)
        self.cell = cell
        self.return_sequences = flag(return_sequences, "return_sequences")
        self.return_state = flag(return_state, "return_state")
        self.go_backwards = flag(go_backwards, "go_backwards")
        self.stateful = flag(stateful, "stateful")
        self.unroll = flag(unroll, "unroll")
        self.time_major = flag(time_major, "time_major")
        self.activity_regularizer = regularizer_of(regularizer)
        self.input_length = options.get("input_length")
        self._num_constants = constants or 0
        self._states: list[Any] | None = None
        self.input_spec = [InputSpec(ndim=self.sequence_rank, form="(batch, time, features)"
                                     if self.sequence_rank == 3 else "")]

    # -- what the cell has -----------------------------------------------------------------------------------------

    def inner_layers(self) -> list[Any]:
        return [self.cell] if isinstance(self.cell, Layer) else []

    @property
    def uses_learning_phase(self) -> Any:       # type: ignore[override]
        return getattr(self.cell, "uses_learning_phase", False)

    @property
    def trainable_weights(self) -> list[Any]:
        return [*getattr(self.cell, "trainable_weights", ()), *self._trainable_weights] if self.trainable else []

    @trainable_weights.setter
    def trainable_weights(self, weights: Sequence[Variable]) -> None:
        self._trainable_weights = self._variables(weights, "trainable_weights")

    @property
    def non_trainable_weights(self) -> list[Any]:
        frozen = [] if self.trainable else [*getattr(self.cell, "trainable_weights", ()), *self._trainable_weights]
        return [*frozen, *getattr(self.cell, "non_trainable_weights", ()), *self._non_trainable_weights]

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights: Sequence[Variable]) -> None:
        self._non_trainable_weights = self._variables(weights, "non_trainable_weights")

    @property
    def penalties(self) -> list[Any]:
        return [*super().penalties, *getattr(self.cell, "penalties", ())]

    @property
    def state_spec(self) -> list[InputSpec]:
        return [InputSpec(shape=(None, *_axes(units))) for units in sizes_of(self.cell)]

    # -- calls -----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        sequence, states, constants = self._parted(inputs, initial_state, constants)
        if not states and not constants:
            return super().__call__(sequence, **kwargs)
        self._num_constants = len(constants)
        tensors = [tensor if isinstance(tensor, Tensor) else as_tensor(tensor, self.dtype)
                   for tensor in (*states, *constants)]
        return super().__call__([sequence, *tensors], **kwargs)

    def _parted(self, inputs, states, constants):
        """(sequence, states, constants) of a call, in which the first may be a list of all of them."""
        if isinstance(inputs, list | tuple) and not (states or constants):
            sequence, *rest = inputs
            count = len(rest) - self._num_constants
            states, constants = rest[:count], rest[count:]
        else:
            sequence = inputs[0] if isinstance(inputs, list | tuple) else inputs
        states = [] if states is None else as_list(states)
        if states and len(states) != len(sizes_of(self.cell)):
            raise ArgumentError(f'{type(self).__name__} "{self.name}": there are {len(sizes_of(self.cell))} states of '
                                f"sizes {sizes_of(self.cell)}, initial_state has {len(states)}.")
        return sequence, states, [] if constants is None else as_list(constants)

    def _check(self, tensors: Sequence[Tensor]) -> None:
        """The sequence by the layer's specification, states by their sizes."""
        sequence, states, _ = self._parted(list(tensors), None, None)
        as_list(self.input_spec)[0].check(sequence.shape)
        for number, (state, units) in enumerate(zip(states, sizes_of(self.cell))):
            want = (sequence.shape[1 if self.time_major else 0], *_axes(units))
            if state.ndim in (0, 1) or state.ndim == len(want) and all(
                    None in (one, other) or one == other for one, other in zip(state.shape, want)):
                continue
            raise ShapeError(f"initial state {number} has shape {state.shape}, expected {want}, (batch, units).")

    def build(self, input_shape: Any) -> None:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        shape = shapes[0]
        constants = shapes[len(shapes) - self._num_constants:] if self._num_constants else []
        at = 1 if self.time_major else 0
        build_cell(self.cell, (shape[at], *shape[2:]), constants, self)
        self.input_spec = [InputSpec(shape=(None, None, *shape[2:]), form="(batch, time, features)"
                                     if len(shape) == 3 else "")]
        if self.stateful:
            if shape[at] is None:
                raise ModelError("a stateful layer needs to know its batch size. In a Sequential, give the first layer "
                                 "batch_input_shape=(batch size, timesteps, features); in a model of tensors, "
                                 "Input(batch_shape=(...)).")
            self.input_spec = [InputSpec(shape=(shape[0], None, *shape[2:]) if at == 0 else (None, *shape[1:]),
                                         form="(stateful: the batch size is fixed)")]
            self._make_states(shape[at], shape)
        super().build(input_shape)

    def _make_states(self, batch, shape):
        """Variables for the states between batches."""
        sizes = [(batch, *_axes(units)) for units in self._state_sizes(shape)]
        self._states = [Variable(np.zeros(size, self.dtype), name=f"{self.name}/state_{number}", trainable=False)
                        for number, size in enumerate(sizes)]

    def _state_sizes(self, shape):
        return sizes_of(self.cell)

    def get_initial_state(self, inputs: Any) -> list[Any]:
        """The states before the first timestep: zeros."""
        cell = self.cell
        if hasattr(cell, "get_initial_state") and not isinstance(cell, Layer):
            return as_list(cell.get_initial_state(inputs))
        return initial_states(cell, inputs)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None, initial_state: Any = None,
             constants: Any = None) -> Any:
        sequence, states, constants = self._parted(inputs, initial_state, constants)
        mask = as_list(mask)[0] if as_list(mask) else None
        if self.time_major:
            sequence = swapped(sequence)
            mask = None if mask is None else swapped(mask)
        if self._states is not None and not states:
            states = list(self._states)
        elif not states:
            states = self.get_initial_state(sequence)
        else:
            states = self._for_each_sample(states, sequence)
        if hasattr(self.cell, "forget_masks"):
            self.cell.forget_masks()
        self._note_cell()
        last, outputs, states = self._run(sequence, states, mask, constants, training)
        if self._states is not None:
            self._keep(states, sequence)
        output = outputs if self.return_sequences else last
        if self.return_sequences and self.time_major:
            output = swapped(output)
        return [output, *states] if self.return_state else output

    def _note_cell(self):
        """Where the cell is changed, programs are of no use."""
        recorder = devices.current()
        for layer in self.inner_layers() if recorder.recording else ():
            recorder.runs(layer)

    def _for_each_sample(self, states, sequence):
        """States of numbers, or without the batch's axis, for each sample."""
        zeros = None
        found = []
        for number, state in enumerate(states):
            state = as_tensor(state, self.dtype) if not isinstance(state, Tensor) else state
            if state.ndim < 2:
                zeros = zeros or self.get_initial_state(sequence)
                state = ops.add(zeros[number], state)
            found.append(state)
        return found

    def _run(self, sequence, states, mask, constants, training):
        """(last output, outputs, last states)"""
        def step(x, given):
            count = len(given) - len(constants)
            return called(self.cell, x, given[:count], given[count:], training)

        return ops.recurrence(step, sequence, states, mask, constants, backwards=self.go_backwards,
                              zero_outputs=self.zero_output_for_mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = as_list(mask)[0] if as_list(mask) else None
        of_output = mask if self.return_sequences else None
        return [of_output, *[None] * len(sizes_of(self.cell))] if self.return_state else of_output

    # -- states between batches ------------------------------------------------------------------------------------

    @property
    def states(self) -> list[Any]:
        """The states that the next batch begins with, where the layer is stateful."""
        return [None] * len(sizes_of(self.cell)) if self._states is None else self._states

    def _keep(self, states, sequence):
        """Have the next batch begin with `states`; where gradients are still to come, after them."""
        if not any_symbolic([sequence, *states]):
            self.add_state_update(list(zip(self._states or (), states)))

    def reset_states(self, states: Any = None) -> None:
        """Begin the next batch with zeros, or with `states`: arrays (batch, units), as many as there are."""
        if not self.stateful:
            raise StatelessError(f'{type(self).__name__} "{self.name}" is not stateful: it begins each batch anew.')
        if self._states is None:
            raise ModelError(f'{type(self).__name__} "{self.name}" was not built yet: it has no states.')
        if states is None:
            arrays = [np.zeros(state.shape, state.dtype) for state in self._states]
        else:
            arrays = [np.asarray(state) for state in as_list(states)]
        if len(arrays) != len(self._states):
            raise ArgumentError(f'{type(self).__name__} "{self.name}" has {len(self._states)} states, got '
                                f"{len(arrays)}.")
        for number, (state, array) in enumerate(zip(self._states, arrays)):
            if array.shape != state.shape:
                raise ShapeError(f'{type(self).__name__} "{self.name}": state {number} has shape {state.shape}, got '
                                 f"{array.shape}.")
        for state, array in zip(self._states, arrays):
            state.assign(array)

    # -- configuration ---------------------------------------------------------------------------------------------

    def _own_config(self) -> Config:
        described = super().get_config() | {
            "return_sequences": self.return_sequences, "return_state": self.return_state,
            "go_backwards": self.go_backwards, "stateful": self.stateful, "unroll": self.unroll,
        }
        if self.time_major:
            described["time_major"] = True
        if self.zero_output_for_mask:
            described["zero_output_for_mask"] = True
        if self._num_constants:
            described["num_constants"] = self._num_constants
        return described

    def get_config(self) -> Config:
        return self._own_config() | {"cell": serialize(self.cell)}

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None) -> Any:
        if "cell" not in description:
            return super().from_config(description)
        cell = deserialize(entry(description, "cell", dict, cls.__name__), custom_objects)
        return cls(cell, **{name: value for name, value in description.items() if name != "cell"})


def _axes(units):
    return tuple(units) if isinstance(units, list | tuple) else (units,)


class OfCell:
    """An attribute that is the cell's, of the same name or another."""

    def __init__(self, name=None):
        self._name = name

    def __set_name__(self, owner, name):
        self._name = self._name or name

    def __get__(self, layer, owner=None):
        return self if layer is None else getattr(layer.cell, self._name)

    def __set__(self, layer, value):
        setattr(layer.cell, self._name, value)
        layer.__dict__["_changes"] = layer._changes + 1


def _of_keras1(constructor, table=LAYER | RECURRENT, sides=()):
    """A constructor that also knows Keras 1's words, and notes that it was told them."""
    known = keras1(table, sides)(constructor)

    @functools.wraps(known)
    def call(self, *arguments, **options):
        known(self, *arguments, **in_words_of_keras1(options, table, sides))

    call.__signature__ = known.__signature__    # type: ignore[attr-defined]
    return call


class _Gated(RNN, public=False):
    """Base of the layers whose cells are ours."""

    cell_class: Any = None
    units = OfCell()
    activation = OfCell()
    use_bias = OfCell()
    dropout = OfCell()
    recurrent_dropout = OfCell()
    implementation = OfCell()
    consume_less = OfCell()
    kernel = OfCell()
    recurrent_kernel = OfCell()
    bias = OfCell()
    output_dim = OfCell("units")
    W = OfCell("kernel")
    U = OfCell("recurrent_kernel")
    b = OfCell("bias")
    dropout_W = OfCell("dropout")
    dropout_U = OfCell("recurrent_dropout")
    init = OfCell("kernel_initializer")
    inner_init = OfCell("recurrent_initializer")
    kernel_initializer = OfCell()
    recurrent_initializer = OfCell()
    bias_initializer = OfCell()
    kernel_regularizer = OfCell()
    recurrent_regularizer = OfCell()
    bias_regularizer = OfCell()
    W_regularizer = OfCell("kernel_regularizer")
    U_regularizer = OfCell("recurrent_regularizer")
    b_regularizer = OfCell("bias_regularizer")
    kernel_constraint = OfCell()
    recurrent_constraint = OfCell()
    bias_constraint = OfCell()

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for gate in getattr(cls.cell_class, "by_gate", ()):
            for weight in ("W", "U", "b"):
                setattr(cls, f"{weight}_{gate}", OfCell(f"{weight}_{gate}"))

    def _begin(self, given, cell_options):
        """Make the cell and the layer of the constructor's arguments, as `locals()` has them."""
        kwargs = dict(given["kwargs"])
        of_cell = {name: given[name] for name in cell_options}
        of_cell |= {name: kwargs.pop(name) for name in ("consume_less", "implementation") if name in kwargs}
        of_layer = {name: given[name] for name in ("return_sequences", "return_state", "go_backwards", "stateful",
                                                   "unroll", "activity_regularizer")}
        RNN.__init__(self, self._made_cell(of_cell, kwargs), **of_layer, **kwargs)

    def _made_cell(self, options, of_layer):
        """The cell; errors of its arguments are the layer's."""
        try:
            return self.cell_class(**options, dtype=of_layer.get("dtype"))
        except NumbaLayersError as error:
            error.args = (str(error).partition(": ")[2], *error.args[1:])
            error.has_name = False      # type: ignore[attr-defined]
            raise

    def _run(self, sequence, states, mask, constants, training):
        cell = self.cell
        z = cell.project(sequence, training)
        drops = cell.recurrent_dropout and training_phase(training)
        if z.shape[1] != 0 and not drops and not self.zero_output_for_mask:
            found = cell.sequence(z, states, mask, self.go_backwards)
            if found is not None:
                outputs, *states = found
                if self.return_sequences or mask is None:
                    return states[0], outputs, states
                return ops.getitem(outputs, index=(slice(None), -1)), outputs, states

        def step(z, given):
            return cell.step(z, given, training)

        return ops.recurrence(step, z, states, mask, backwards=self.go_backwards,
                              zero_outputs=self.zero_output_for_mask)

    def get_config(self) -> Config:
        of_cell = self.cell.get_config()
        for name in ("name", "trainable", "dtype"):
            del of_cell[name]
        return self._own_config() | of_cell | {
            "activity_regularizer": regularizer_described(self.activity_regularizer)}


_ROLES = ("kernel_initializer", "recurrent_initializer", "bias_initializer", "kernel_regularizer",
          "recurrent_regularizer", "bias_regularizer", "kernel_constraint", "recurrent_constraint", "bias_constraint",
          "units", "activation", "use_bias", "dropout", "recurrent_dropout")


class SimpleRNN(_Gated):
    """A fully connected layer whose output at one timestep is an input of the next.

    units: size of the output. activation: name or function. use_bias: add a bias. kernel_..., recurrent_..., bias_...:
    initial weights, penalties and constraints of the weights of the inputs, of the states, and of the bias. dropout,
    recurrent_dropout: fractions of inputs and states that are dropped while training, the same at all timesteps; in
    [0, 1]. Others as of `RNN`.

    Shapes: (batch, time, features) -> (batch, units), or (batch, time, units) with return_sequences; kernel (features,
            units), recurrent_kernel (units, units), bias (units,)
    Reference: Elman 1990, "Finding Structure in Time"; Keras 2.2.5, "SimpleRNN"; dropout: Gal & Ghahramani 2016, "A
    Theoretically Grounded Application of Dropout in Recurrent Neural Networks".
    """

    cell_class = SimpleRNNCell

    @_of_keras1
    def __init__(self, units: int, activation: Identifier = "tanh", use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform", recurrent_initializer: Identifier = "orthogonal",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 **kwargs: Any) -> None:
        self._begin(locals(), _ROLES)


class GRU(_Gated):
    """Gated recurrent units: a gate says how much of the state stays, another how much of it the candidate sees.

    recurrent_activation: of the gates. reset_after: the reset gate acts behind the product with the recurrent weights,
    as in cuDNN, and the recurrent weights have a bias of their own. implementation: 1 drops inputs and states for each
    gate by itself, 2 for all gates alike. Others as of `SimpleRNN`.

    Shapes: as `SimpleRNN`; kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (3 units,), or (2, 3
            units) with reset_after: of the gates z (update), r (reset) and h (candidate). In Keras 1's words W_z, U_z,
            b_z, W_r, ..., one for each gate.
    Reference: Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder"; Keras 2.2.5, "GRU".
    """

    cell_class = GRUCell
    recurrent_activation = OfCell()
    inner_activation = OfCell("recurrent_activation")
    reset_after = OfCell()

    @_of_keras1
    def __init__(self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "hard_sigmoid",
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 kernel_regularizer: Identifier = None, recurrent_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, recurrent_constraint: Identifier = None,
                 bias_constraint: Identifier = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 implementation: int | None = None, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False, reset_after: bool = False,
                 **kwargs: Any) -> None:
        self._begin(locals(), (*_ROLES, "recurrent_activation", "implementation", "reset_after"))


class LSTM(_Gated):
    """Long short-term memory: a cell state that gates fill, forget and show.

    unit_forget_bias: the forget gate's bias begins with ones. Others as of `GRU`.

    Shapes: as `SimpleRNN`, with two states, the output and the cell state; kernel (features, 4 units), recurrent_kernel
            (units, 4 units), bias (4 units,): of the gates i (input), f (forget), c (candidate) and o (output). In
            Keras 1's words W_i, U_i, b_i, W_c, ..., one for each gate in the order i, c, f, o.
    Reference: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory"; Keras 2.2.5, "LSTM".
    """

    cell_class = LSTMCell
    recurrent_activation = OfCell()
    inner_activation = OfCell("recurrent_activation")
    unit_forget_bias = OfCell()
    forget_bias_init = OfCell("_forget_initializer")

    @_of_keras1
    def __init__(self, units: int, activation: Identifier = "tanh", recurrent_activation: Identifier = "hard_sigmoid",
                 use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
                 recurrent_initializer: Identifier = "orthogonal", bias_initializer: Identifier = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Identifier = None,
                 recurrent_regularizer: Identifier = None, bias_regularizer: Identifier = None,
                 activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
                 recurrent_constraint: Identifier = None, bias_constraint: Identifier = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, implementation: int | None = None, return_sequences: bool = False,
                 return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 **kwargs: Any) -> None:
        self._begin(locals(), (*_ROLES, "recurrent_activation", "implementation", "unit_forget_bias"))
