"""Recurrent layers: a whole sequence in one op, with one kernel forward and one backward.

Each op takes the projection of its inputs, z = x @ weight + bias, made for all timesteps in one product, and gives
the outputs of all steps and the last states. `*_by_steps` are the same as compositions of other ops, a few for each
step: the definition, for any activation, and what a gradient is taken of that is to have a gradient itself.

Masks: a masked step changes no state and gets no gradient; its output repeats the step's before (zeros before the first
step that counts), and what arrives there as a gradient goes to the output that it repeats.
"""

from __future__ import annotations

import functools
from collections import namedtuple
from typing import TYPE_CHECKING

import numpy as np

from .. import devices, registry
from ..autograd.context import context
from ..autograd.tape import First, Tape
from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, ShapeError
from . import elementwise, reduction
from ._op import composite, op_of_parts, viewed
from .elementwise import add, multiply, subtract
from .linear import activated, matmul
from .recurrence import recurrence
from .shape import concatenate, getitem

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import TensorLike

    Activation = str | Callable[[Tensor], Tensor] | None

# The activations that kernels know, by their places: those with a slope in terms of their output.
FUSED = ("linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "softsign", "elu", "selu", "softplus")

_NO_MASK = np.ones((1, 1), bool)

# For VJPs. recurrent: a function of `into`. states: of the initial states.
_Gradients = namedtuple("_Gradients", "z recurrent states")


class _Sequence(namedtuple("_Sequence", "run z recurrent mask backwards")):
    """What the launches of one call have in common."""

    @property
    def options(self):
        """The arguments of kernels that say which steps count."""
        masked = self.mask is not None
        return self.mask if masked else _NO_MASK, masked

    @property
    def outputs(self):
        """The shape of the outputs of all steps."""
        return (*self.z.shape[:2], self.recurrent.shape[0])

    def blocks(self, *numbers):
        """The shape of so many blocks: the batch's rows and the units, padded as the target wants it."""
        sizes = zip((self.z.shape[0], self.recurrent.shape[0]), self._padding)
        return (*numbers, *(-(-size // unit) * unit for size, unit in sizes))

    def panels(self, transposed):
        """The recurrent weights as kernels read them."""
        units, gates = self.recurrent.shape[0], self.z.shape[2] // max(1, self.recurrent.shape[0])
        wide = self.blocks()[1]
        return self.run("pack_recurrent", self.recurrent, transposed, out=(gates, (units + self._padding[1]) * wide),
                        dtype=self.z.dtype)

    def weight_gradient(self, states, grad_z):
        """The gradient of recurrent weights that met `states` to give sums of the gradient grad_z, over all steps."""
        def product(into=None):
            columns = grad_z.shape[-1]
            return self.run("matmul_tn", viewed(states, -1, states.shape[-1]), viewed(grad_z, -1, columns),
                            out=(states.shape[-1], columns), into=into)
        return product

    @property
    def _padding(self):
        return registry.select(devices.target()).recurrent_padding(self.z.dtype)


def _is_fused(*names):
    return all(name is None or isinstance(name, str) and name in FUSED for name in names)


def _code(name):
    return FUSED.index(name or "linear")


def _vjps(number):
    """The VJPs of z, the recurrent weights, `number` initial states and the mask, of `_Gradients`."""
    return (lambda grads: grads.z, lambda grads, *, into=None: grads.recurrent(into),
            *(lambda grads, place=place: grads.states[place] for place in range(number)), None)


def _by_tape(steps, tensors, mask, grads, options):
    """The `_Gradients` of a composition of ops, by ops that tapes record."""
    with Tape() as tape:
        own = [add(tensor, 0.0) for tensor in tensors]     # a tensor may be given twice
        total = None
        for output, grad in zip(steps(*own, mask, **options), grads):
            part = reduction.sum(multiply(output, grad))
            total = part if total is None else add(total, part)
    z, recurrent, *states = tape.gradient(total, own)
    return _Gradients(z, lambda into=None: recurrent, states)


# ---- checks ------------------------------------------------------------------------------------------------------


def _checked(name, gates, z, recurrent, states, mask):
    """The tensors, of fitting shapes; the mask as truth values."""
    z, recurrent, *states = map(as_tensor, (z, recurrent, *states))
    if recurrent.ndim != 2 or recurrent.shape[1] != gates * recurrent.shape[0]:
        raise ShapeError(f"{name}: the recurrent weights have shape {recurrent.shape}, expected (units, "
                         f"{f'{gates} * ' if gates > 1 else ''}units).")
    units = recurrent.shape[0]
    if z.ndim != 3 or z.shape[2] != gates * units:
        raise ShapeError(f"{name}: z has shape {z.shape}, expected (batch, time, {gates * units}): the inputs' "
                         f"projection for recurrent weights of shape {recurrent.shape}.")
    for state in states:
        if state.ndim != 2 or state.shape[1] != units or _differ(state.shape[0], z.shape[0]):
            raise ShapeError(f"{name}: a state has shape {state.shape}, expected ({z.shape[0]}, {units}): a row for "
                             "each sample of z.")
    if mask is not None:
        mask = as_tensor(mask)
        if mask.ndim != 2 or any(map(_differ, mask.shape, z.shape[:2])):
            raise ShapeError(f"{name}: the mask has shape {mask.shape}, expected {tuple(z.shape[:2])}: (batch, time) "
                             f"of z.")
        mask = mask if mask.dtype == bool else elementwise.cast(mask, dtype="bool")
    return z, recurrent, *states, mask


def _differ(have, want):
    return have is not None and want is not None and have != want


def _checked_bias(recurrent, bias, reset_after):
    """The recurrent bias as a tensor of a fitting shape, or None."""
    if bias is None:
        return None
    bias, wanted = as_tensor(bias), (recurrent.shape[1],)
    if bias.shape != wanted:
        raise ShapeError(f"gru: the recurrent bias has shape {bias.shape}, expected {wanted} (3 * units,).")
    if not reset_after:
        raise ArgumentError("gru: a recurrent bias is of GRUs with reset_after=True, got one without. Pass None.")
    return bias


# ---- step by step ------------------------------------------------------------------------------------------------


def _activated(y, activation):
    return activation(y) if callable(activation) else activated(y, activation)


def _columns(x, first, behind):
    return getitem(x, index=(slice(None), slice(first, behind)))


def _all_steps(step, z, states, mask, backwards):
    """(outputs, *last states): step(z of a step, *states) -> new states, of which the first is the output."""
    def one(z_t, states):
        new = step(z_t, *states)
        return new[0], new

    _, outputs, last = recurrence(one, z, states, mask, backwards=backwards)
    return (outputs, *last)


def lstm_by_steps(z: TensorLike, recurrent: TensorLike, h0: TensorLike, c0: TensorLike,
                  mask: TensorLike | None = None, *, activation: Activation = "tanh",
                  recurrent_activation: Activation = "hard_sigmoid",
                  backwards: bool = False) -> tuple[Tensor, ...]:
    """`lstm` with any activations, names or functions; z's time must be known."""
    z, recurrent, h0, c0, mask = _checked("lstm", 4, z, recurrent, (h0, c0), mask)
    units = recurrent.shape[0]

    def step(z_t, h, c):
        sums = add(z_t, matmul(h, recurrent))
        i, f, g, o = (_columns(sums, k * units, (k + 1) * units) for k in range(4))
        i, f, o = (_activated(gate, recurrent_activation) for gate in (i, f, o))
        c = add(multiply(f, c), multiply(i, _activated(g, activation)))
        return multiply(o, _activated(c, activation)), c

    return _all_steps(step, z, (h0, c0), mask, backwards)


def gru_by_steps(z: TensorLike, recurrent: TensorLike, recurrent_bias: TensorLike | None, h0: TensorLike,
                 mask: TensorLike | None = None, *, activation: Activation = "tanh",
                 recurrent_activation: Activation = "hard_sigmoid", reset_after: bool = False,
                 backwards: bool = False) -> tuple[Tensor, ...]:
    """`gru` with any activations, names or functions; z's time must be known."""
    z, recurrent, h0, mask = _checked("gru", 3, z, recurrent, (h0,), mask)
    units, bias = recurrent.shape[0], _checked_bias(recurrent, recurrent_bias, reset_after)
    both, last = _columns(recurrent, 0, 2 * units), _columns(recurrent, 2 * units, 3 * units)

    def step(z_t, h):
        sums = matmul(h, recurrent if reset_after else both)
        if bias is not None:
            sums = add(sums, bias)
        gates = add(_columns(z_t, 0, 2 * units), _columns(sums, 0, 2 * units))
        u, r = (_activated(_columns(gates, k * units, (k + 1) * units), recurrent_activation) for k in range(2))
        inner = multiply(r, _columns(sums, 2 * units, 3 * units)) if reset_after else matmul(multiply(r, h), last)
        g = _activated(add(_columns(z_t, 2 * units, 3 * units), inner), activation)
        return (add(multiply(u, h), multiply(subtract(1.0, u), g)),)

    return _all_steps(step, z, (h0,), mask, backwards)


def simple_rnn_by_steps(z: TensorLike, recurrent: TensorLike, h0: TensorLike, mask: TensorLike | None = None, *,
                        activation: Activation = "tanh", backwards: bool = False) -> tuple[Tensor, ...]:
    """`simple_rnn` with any activation, a name or function; z's time must be known."""
    z, recurrent, h0, mask = _checked("simple_rnn", 1, z, recurrent, (h0,), mask)

    def step(z_t, h):
        return (_activated(add(z_t, matmul(h, recurrent)), activation),)

    return _all_steps(step, z, (h0,), mask, backwards)


# ---- LSTM --------------------------------------------------------------------------------------------------------


@op_of_parts
def _lstm(run, z, recurrent, h0, c0, mask, *, activation, recurrent_activation, backwards):
    """One kernel for all steps; what the gradient needs is kept where a tape records."""
    sequence = _Sequence(run, z, recurrent, mask, backwards)
    state = (z.shape[0], recurrent.shape[0])
    outputs = [sequence.outputs, state, state]
    if None in z.shape:
        return run("lstm_forward", z, out=outputs), *_vjps(2)
    keeps, time = bool(context.tapes), z.shape[1]
    options = *sequence.options, _code(activation), _code(recurrent_activation), backwards
    *results, h_before, gates, cells, _ = run(
        "lstm_forward", z, sequence.panels(False), h0, c0, *options, keeps,
        out=[*outputs, sequence.outputs if keeps else (1, 1, 1), sequence.blocks(max(1, time) if keeps else 1, 5),
             sequence.blocks(1 + max(1, time) if keeps else 2), sequence.blocks(2)])

    def gradients(*grads):
        if context.tapes:
            return _by_tape(lstm_by_steps, (z, recurrent, h0, c0), mask, grads, {
                "activation": activation, "recurrent_activation": recurrent_activation, "backwards": backwards})
        grad_z, *states, _ = run("lstm_backward", gates, cells, sequence.panels(True), *options, *grads,
                                 out=[z.shape, state, state, sequence.blocks(10)])
        return _Gradients(grad_z, sequence.weight_gradient(h_before, grad_z), states)

    return tuple(results), First(gradients), *_vjps(2)


@composite
def lstm(z: TensorLike, recurrent: TensorLike, h0: TensorLike, c0: TensorLike, mask: TensorLike | None = None, *,
         activation: Activation = "tanh", recurrent_activation: Activation = "hard_sigmoid",
         backwards: bool = False) -> tuple[Tensor, ...]:
    """c' = f c + i g and h' = o act(c'), with (i, f, g, o) = act(z + h @ recurrent) at each step: (outputs, h, c).

    Shapes: z (batch, time, 4 units), its gates in the order i, f, g, o; recurrent (units, 4 units); h0, c0 (batch,
    units); mask (batch, time) or None, whose nonzero steps count -> outputs (batch, time, units), h, c (batch, units)
    activation: of g and of c'. recurrent_activation: of i, f and o. Names in `FUSED` run as one kernel; other names,
    and functions of tensors, step by step. backwards: the last step of z is read first, and output first.
    Raises: ShapeError where sizes do not fit.
    Reference: Hochreiter & Schmidhuber 1997; Gers et al. 2000, "Learning to forget".
    """
    tensors = _checked("lstm", 4, z, recurrent, (h0, c0), mask)
    options: dict[str, Any] = {"activation": activation, "recurrent_activation": recurrent_activation,
                               "backwards": bool(backwards)}
    if _is_fused(activation, recurrent_activation) or None in tensors[0].shape:
        return _lstm(*tensors, **options)
    return lstm_by_steps(*tensors, **options)


# ---- GRU ---------------------------------------------------------------------------------------------------------


@op_of_parts
def _gru(run, z, recurrent, h0, mask, *, activation, recurrent_activation, backwards):
    """The reset gate before the product."""
    sequence = _Sequence(run, z, recurrent, mask, backwards)
    state = (z.shape[0], recurrent.shape[0])
    outputs = [sequence.outputs, state]
    if None in z.shape:
        return run("gru_forward", z, out=outputs), *_vjps(1)
    keeps, time = bool(context.tapes), z.shape[1]
    options = *sequence.options, _code(activation), _code(recurrent_activation), backwards
    before = sequence.outputs if keeps else (1, 1, 1)
    *results, h_before, h_reset, gates, history = run(
        "gru_forward", z, sequence.panels(False), h0, *options, keeps,
        out=[*outputs, before, before, sequence.blocks(max(1, time) if keeps else 1, 4),
             sequence.blocks(1 + max(1, time) if keeps else 2)])

    def gradients(*grads):
        if context.tapes:
            def steps(z, recurrent, h0, mask, **options):
                return gru_by_steps(z, recurrent, None, h0, mask, **options)
            return _by_tape(steps, (z, recurrent, h0), mask, grads, {
                "activation": activation, "recurrent_activation": recurrent_activation, "backwards": backwards})
        grad_z, *states, _ = run("gru_backward", gates, history, sequence.panels(True), *options, *grads,
                                 out=[z.shape, state, sequence.blocks(8)])
        return _Gradients(grad_z, functools.partial(_gru_weight_gradient, sequence, h_before, h_reset, grad_z), states)

    return tuple(results), First(gradients), *_vjps(1)


def _gru_weight_gradient(sequence, h_before, h_reset, grad_z, into=None):
    """Of u and r the weights met the state, of g the state times r. (`into` is for gradients made in one piece.)"""
    units = sequence.recurrent.shape[0]
    gates, candidate = (getitem(grad_z, index=(..., columns)) for columns in (slice(2 * units), slice(2 * units, None)))
    return concatenate(sequence.weight_gradient(h_before, gates)(), sequence.weight_gradient(h_reset, candidate)())


@op_of_parts
def _gru_reset_after(run, z, recurrent, h0, bias, mask, *, activation, recurrent_activation, backwards):
    """The reset gate behind the product and its bias."""
    sequence = _Sequence(run, z, recurrent, mask, backwards)
    state = (z.shape[0], recurrent.shape[0])
    outputs, vjps = [sequence.outputs, state], _vjps(2)
    if None in z.shape:
        return run("gru_reset_after_forward", z, out=outputs), *vjps
    keeps, time = bool(context.tapes), z.shape[1]
    options = *sequence.options, _code(activation), _code(recurrent_activation), backwards
    *results, h_before, gates, history = run(
        "gru_reset_after_forward", z, sequence.panels(False), bias, h0, *options, keeps,
        out=[*outputs, sequence.outputs if keeps else (1, 1, 1), sequence.blocks(max(1, time) if keeps else 1, 4),
             sequence.blocks(1 + max(1, time) if keeps else 2)])

    def gradients(*grads):
        if context.tapes:
            def steps(z, recurrent, h0, bias, mask, **options):
                return gru_by_steps(z, recurrent, bias, h0, mask, **options)
            return _by_tape(steps, (z, recurrent, h0, bias), mask, grads, {
                "activation": activation, "recurrent_activation": recurrent_activation, "reset_after": True,
                "backwards": backwards})
        grad_z, grad_sums, grad_h0, _ = run(
            "gru_reset_after_backward", gates, history, sequence.panels(True), *options, *grads,
            out=[z.shape, z.shape, state, sequence.blocks(8)])
        return _Gradients(grad_z, sequence.weight_gradient(h_before, grad_sums), [grad_h0, grad_sums])

    def vjp_bias(grads, *, into=None):
        given = grads.states[1]
        return given if given is None or given.ndim == 1 else reduction.sum(given, axis=(0, 1), into=into)

    return tuple(results), First(gradients), *vjps[:3], vjp_bias, None


@composite
def gru(z: TensorLike, recurrent: TensorLike, recurrent_bias: TensorLike | None, h0: TensorLike,
        mask: TensorLike | None = None, *, activation: Activation = "tanh",
        recurrent_activation: Activation = "hard_sigmoid", reset_after: bool = False,
        backwards: bool = False) -> tuple[Tensor, ...]:
    """h' = u h + (1 - u) g with (u, r) = act(z + h @ recurrent) and g = act(z + (r h) @ recurrent): (outputs, h).

    Shapes: z (batch, time, 3 units), its gates in the order u, r, g; recurrent (units, 3 units); recurrent_bias
    (3 units,) or None; h0 (batch, units); mask (batch, time) or None, whose nonzero steps count
    -> outputs (batch, time, units), h (batch, units)
    reset_after: g = act(z + r (h @ recurrent + bias)) instead, and u and r have their part of recurrent_bias, too.
    activation: of g. recurrent_activation: of u and r. Names in `FUSED` run as one kernel; others, and functions of
    tensors, step by step. backwards: the last step of z is read first, and output first.
    Raises: ShapeError where sizes do not fit; ArgumentError for a recurrent bias without reset_after.
    Reference: Cho et al. 2014, "Learning phrase representations", §2.3; version 1 of the paper for reset_after.
    """
    z, recurrent, h0, mask = _checked("gru", 3, z, recurrent, (h0,), mask)
    bias = _checked_bias(recurrent, recurrent_bias, reset_after)
    options: dict[str, Any] = {"activation": activation, "recurrent_activation": recurrent_activation,
                               "backwards": bool(backwards)}
    if not _is_fused(activation, recurrent_activation) and None not in z.shape:
        return gru_by_steps(z, recurrent, bias, h0, mask, reset_after=reset_after, **options)
    if not reset_after:
        return _gru(z, recurrent, h0, mask, **options)
    if bias is None:
        bias = as_tensor(np.zeros(recurrent.shape[1], recurrent.dtype))
    return _gru_reset_after(z, recurrent, h0, bias, mask, **options)


# ---- SimpleRNN ---------------------------------------------------------------------------------------------------


@op_of_parts
def _simple_rnn(run, z, recurrent, h0, mask, *, activation, backwards):
    """One kernel for all steps; the states are what its gradient needs."""
    sequence = _Sequence(run, z, recurrent, mask, backwards)
    state = (z.shape[0], recurrent.shape[0])
    outputs = [sequence.outputs, state]
    if None in z.shape:
        return run("simple_rnn_forward", z, out=outputs), *_vjps(1)
    keeps, time = bool(context.tapes), z.shape[1]
    options = *sequence.options, _code(activation), backwards
    *results, h_before, history = run(
        "simple_rnn_forward", z, sequence.panels(False), h0, *options, keeps,
        out=[*outputs, sequence.outputs if keeps else (1, 1, 1), sequence.blocks(1 + max(1, time) if keeps else 2)])

    def gradients(*grads):
        if context.tapes:
            return _by_tape(simple_rnn_by_steps, (z, recurrent, h0), mask, grads,
                            {"activation": activation, "backwards": backwards})
        grad_z, *states, _ = run("simple_rnn_backward", history, sequence.panels(True), *options, *grads,
                                 out=[z.shape, state, sequence.blocks(4)])
        return _Gradients(grad_z, sequence.weight_gradient(h_before, grad_z), states)

    return tuple(results), First(gradients), *_vjps(1)


@composite
def simple_rnn(z: TensorLike, recurrent: TensorLike, h0: TensorLike, mask: TensorLike | None = None, *,
               activation: Activation = "tanh", backwards: bool = False) -> tuple[Tensor, ...]:
    """h' = activation(z + h @ recurrent) at each step: (outputs, h).

    Shapes: z (batch, time, units); recurrent (units, units); h0 (batch, units); mask (batch, time) or None, whose
    nonzero steps count -> outputs (batch, time, units), h (batch, units)
    activation: names in `FUSED` run as one kernel; others, and functions of tensors, step by step.
    backwards: the last step of z is read first, and output first.
    Raises: ShapeError where sizes do not fit.
    Reference: Elman 1990, "Finding structure in time".
    """
    tensors = _checked("simple_rnn", 1, z, recurrent, (h0,), mask)
    options: dict[str, Any] = {"activation": activation, "backwards": bool(backwards)}
    if _is_fused(activation) or None in tensors[0].shape:
        return _simple_rnn(*tensors, **options)
    return simple_rnn_by_steps(*tensors, **options)
