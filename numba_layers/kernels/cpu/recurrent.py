"""Recurrent layers on the CPU: one kernel goes over all timesteps, forward, and one backward (see `micro/README.md`).

A task owns a slice of the batch, whole register tiles of it, so that no task waits for another. At each step it meets
its states with the recurrent weights, which a launch before packed into micro-panels for all tasks, and then computes
gates and states, which stay in its caches. The projection of the inputs, z, was made before, for all steps at once.

What a task works on are *blocks*: matrices of the batch's rows and the units, the rows padded to whole tiles of MR
and the columns to whole vectors. So tiles and vectors never meet a fringe, and the loops over a task's rows of a block
are one. Numbers beyond the units do no harm: no product reads them. A gate's sum begins with z and goes on in the
order of the units, whatever the tile, so the partition of the batch changes no bit.

Where a gradient is wanted (`keeps`), blocks of all steps are kept; else there is one set of them, used again and again.
A masked step copies the states. Its output is that of the step before, and zeros before the first step that counts.
"""

from collections import namedtuple

import numba
import numpy as np
from numba import prange

from ..inlining import Inlining
from ..math import activations
from ..math.fma import fma
from ..math.recurrent import (
    ELU,
    HARD_SIGMOID,
    RELU,
    SELU,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    TANH,
    elu,
    elu_slope,
    gru_state,
    lstm_cell,
    relu,
    relu_slope,
    times,
    times_difference,
    times_rest,
)
from ..math.scalar import add as plus
from ..math.scalar import tanh
from .compile import cpu_kernel, inlined
from .matmul import pack
from .micro.gemm import GROUP, panel_vectors, tile, tile_of
from .micro.partition import part_of, thread_count
from .micro.vector import MR, Operand, at, ceil_div, copy, lanes_of

PIECE = 512     # elements of each block that loops over elements take at a time: a dozen blocks' lie in the L1 cache
SINGLE = MR // 4    # rows, at most, that are faster one by one than as a tile of which most is padding

# A task's part of the batch: rows first .. first + rows - 1, and the sizes of sequences and blocks.
# block: elements from one block to the next.
Slice = namedtuple("Slice", "first rows time units wide block")


@inlined
def tasks_for(batch):
    """A task for each thread, of at least one tile of rows."""
    return min(thread_count(), ceil_div(batch, MR))


@inlined
def slice_of(task, tasks, batch, time, units, blocks):
    """The `Slice` of task number `task` of `tasks`; blocks: an array whose last two axes are a block."""
    first, rows = part_of(task, tasks, batch, MR)
    wide = blocks.shape[blocks.ndim - 1]
    return Slice(first, rows, time, units, wide, blocks.shape[blocks.ndim - 2] * wide)


@inlined
def block(part, blocks, number):
    """A pointer to a task's rows of block number `number`."""
    return at(blocks, number * part.block + part.first * part.wide)


# ---- loops over elements, each compiled once for a kernel --------------------------------------------------------

helper = numba.njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
                    pipeline_class=Inlining)


def in_place(formula):
    """x[j] = formula(x[j]) for j < n."""
    @inlined
    def loop(n, x):
        for j in range(n):
            x[j] = formula(x[j])

    return loop


def times_slopes(slope):
    """x[j] *= slope(y[j]) for j < n."""
    @inlined
    def loop(n, y, x):
        for j in range(n):
            x[j] *= slope(y[j])

    return loop


def of_two(formula):
    """out[j] = formula(x[j], y[j]) for j < n; out may be one of them."""
    @helper
    def loop(n, x, y, out):
        for j in range(n):
            out[j] = formula(x[j], y[j])

    return loop


def of_three(formula):
    """out[j] = formula(x[j], y[j], z[j]) for j < n; out may be one of them."""
    @helper
    def loop(n, x, y, z, out):
        for j in range(n):
            out[j] = formula(x[j], y[j], z[j])

    return loop


tanhs, sigmoids, hard_sigmoids, relus, softsigns, elus, selus, softpluses = map(in_place, (
    tanh, activations.sigmoid, activations.hard_sigmoid, relu, activations.softsign, elu, activations.selu,
    activations.softplus))
tanh_slopes, sigmoid_slopes, hard_sigmoid_slopes, relu_slopes, softsign_slopes, elu_slopes, selu_slopes, \
    softplus_slopes = map(times_slopes, (
        activations.tanh_slope, activations.sigmoid_slope, activations.hard_sigmoid_slope, relu_slope,
        activations.softsign_slope, elu_slope, activations.selu_slope, activations.softplus_slope))
add, multiply, multiply_rest = of_two(plus), of_two(times), of_two(times_rest)
multiply_difference, multiply_add, mix = of_three(times_difference), of_three(fma), of_three(gru_state)


@helper
def activate(code, n, x):
    """x[j] = activation number `code` of x[j], for j < n."""
    if code == TANH:
        tanhs(n, x)
    elif code == SIGMOID:
        sigmoids(n, x)
    elif code == HARD_SIGMOID:
        hard_sigmoids(n, x)
    elif code == RELU:
        relus(n, x)
    elif code == SOFTSIGN:
        softsigns(n, x)
    elif code == ELU:
        elus(n, x)
    elif code == SELU:
        selus(n, x)
    elif code == SOFTPLUS:
        softpluses(n, x)


@helper
def multiply_slopes(code, n, y, x):
    """x[j] *= slope of activation number `code` where its output is y[j], for j < n."""
    if code == TANH:
        tanh_slopes(n, y, x)
    elif code == SIGMOID:
        sigmoid_slopes(n, y, x)
    elif code == HARD_SIGMOID:
        hard_sigmoid_slopes(n, y, x)
    elif code == RELU:
        relu_slopes(n, y, x)
    elif code == SOFTSIGN:
        softsign_slopes(n, y, x)
    elif code == ELU:
        elu_slopes(n, y, x)
    elif code == SELU:
        selu_slopes(n, y, x)
    elif code == SOFTPLUS:
        softplus_slopes(n, y, x)


@helper
def next_cells(n, c, i, f, candidate, c_next):
    """c_next[j] = f[j] c[j] + i[j] candidate[j] for j < n."""
    for j in range(n):
        c_next[j] = lstm_cell(c[j], i[j], f[j], candidate[j])


# ---- blocks ------------------------------------------------------------------------------------------------------


@inlined
def clear(part, target):
    """Zeros in a task's rows of a block, its padding included."""
    copy(target, 0, target, 0, 1, 0, ceil_div(part.rows, MR) * MR * part.wide)


@inlined
def clear_padding(part, target):
    """Zeros in the rows that fill a task's last tile."""
    copy(at(target, part.rows * part.wide), 0, target, 0, 1, 0, (ceil_div(part.rows, MR) * MR - part.rows) * part.wide)


@inlined
def load(part, x, column, row, target):
    """A task's rows of an array, `units` columns from element `column` on, as a block; row: from a row to the next."""
    copy(target, part.wide, at(x, part.first * row + column), row, part.rows, part.units, part.wide)


@inlined
def store(part, source, x, column, row):
    """A block as a task's rows of an array."""
    copy(at(x, part.first * row + column), row, source, part.wide, part.rows, part.units, part.units)


@inlined
def copy_row(part, row, source, target):
    """One row of a block to another block."""
    copy(at(target, row * part.wide), 0, at(source, row * part.wide), 0, 1, part.wide, part.wide)


@inlined
def single_tile_of(vectors, a, b, counts, init, c):
    """`tile` of one row, and of a width known at run time."""
    if vectors == 3:
        tile(1, 3, a, b, counts, init, c, False)
    elif vectors == 2:
        tile(1, 2, a, b, counts, init, c, False)
    else:
        tile(1, 1, a, b, counts, init, c, False)


@inlined
def add_product(part, a, gates, panels, first_gate, lanes, c):
    """c += Σ over `gates` gates of a_gate @ panels[first_gate + gate], of a task's rows of the blocks a and c."""
    gate_panels, left = panels.shape[1], part.units
    counts = 1, gates, part.units
    panel = at(panels, first_gate * gate_panels)
    while left > 0:
        vectors = panel_vectors(left, lanes)
        width = vectors * lanes
        row = 0
        while row < part.rows:
            here = at(c, row * part.wide)
            a_here = Operand(at(a, row * part.wide), (part.wide, GROUP * part.wide, 1, part.block, 0))
            b_here, c_here = Operand(panel, (width, gate_panels)), Operand(here, (part.wide, GROUP * part.wide))
            if part.rows - row > SINGLE:
                tile_of(vectors, a_here, b_here, counts, c_here, c_here, False)
                row += MR
            else:
                single_tile_of(vectors, a_here, b_here, counts, c_here, c_here)
                row += 1
        panel, c = at(panel, part.units * width), at(c, width)
        left -= width


@cpu_kernel
def pack_recurrent(weight, transposed, panels):
    """Each gate's columns of the recurrent weights, or their transpose, as micro-panels.

    Shapes: weight (units, gates * units), panels (gates, (units + lanes) * units padded to vectors). A task owns a
    gate.
    """
    units = weight.shape[0]
    for gate in prange(panels.shape[0]):
        g = np.int64(gate)
        pack(at(weight, g * units), weight.shape[1], transposed, units, units, lanes_of(weight),
             at(panels, g * panels.shape[1]))


# ---- what all cells do -------------------------------------------------------------------------------------------


@inlined
def keep_states(part, mask, t, state, next_state):
    """Rows of which step t is masked keep their state."""
    for row in range(part.rows):
        if not mask[part.first + row, t]:
            copy_row(part, row, state, next_state)


@inlined
def store_outputs(part, h, mask, masked, t, source_t, outputs):
    """The states h as the outputs of step t; those of masked rows repeat the step's before."""
    row, units = part.time * part.units, part.units
    store(part, h, outputs, t * units, row)
    if masked:
        for n in range(part.first, part.first + part.rows):
            if not mask[n, source_t]:
                here = n * row + t * units
                copy(at(outputs, here), 0, at(outputs, here - (units if t else 0)), 0, 1, units if t else 0, units)


@inlined
def arriving(part, mask, masked, t, source_t, grad_outputs, grad_h, carried, total):
    """total = the gradient of the state after step t: grad_h, and of the output what is not carried to an earlier one.

    carried: of the outputs of masked steps, what goes to the output that they repeat.
    """
    load(part, grad_outputs, t * part.units, part.time * part.units, total)
    if masked:
        for row in range(part.rows):
            start = row * part.wide
            add(part.wide, at(total, start), at(carried, start), at(total, start))
            if mask[part.first + row, source_t]:
                copy(at(carried, start), 0, total, 0, 1, 0, part.wide)
            else:
                copy_row(part, row, total, carried)
    add(part.rows * part.wide, total, grad_h, total)


@inlined
def drop_masked(part, mask, source_t, grad):
    """Zeros in the rows of which a step is masked."""
    for row in range(part.rows):
        if not mask[part.first + row, source_t]:
            copy(at(grad, row * part.wide), 0, grad, 0, 1, 0, part.wide)


# ---- LSTM --------------------------------------------------------------------------------------------------------


@cpu_kernel
def lstm_forward(z, panels, h0, c0, mask, masked, activation, recurrent_activation, backwards, keeps,
                 outputs, h_last, c_last, h_before, gates, cells, states):
    """c' = f c + i g and h' = o act(c') with (i, f, g, o) = act(z + h U), for each step; g has `activation`.

    Shapes: z (batch, time, 4 units), panels of U as `pack_recurrent` makes them, h0, c0, h_last, c_last (batch, units),
    mask (batch, time) if masked, outputs (batch, time, units). Blocks: gates i, f, g, o, act(c') (time, 5), cells
    (time + 1,), for one step (1, 5) and (2,) unless `keeps`, and states (2,).
    h_before (batch, time, units), if `keeps`: each step's state before, in the order of z. A task owns some samples.
    """
    batch, time, units = outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(z)
        size = part.rows * part.wide
        clear(part, block(part, states, 0))
        clear(part, block(part, states, 1))
        load(part, h0, 0, units, block(part, states, 0))
        load(part, c0, 0, units, block(part, cells, 0))
        for t in range(time):
            source_t, now = time - 1 - t if backwards else t, 5 * t if keeps else 0
            h, h_next = block(part, states, t % 2), block(part, states, (t + 1) % 2)
            c, c_next = block(part, cells, t % cells.shape[0]), block(part, cells, (t + 1) % cells.shape[0])
            if keeps:
                store(part, h, h_before, source_t * units, time * units)
            for gate in range(4):
                sums = block(part, gates, now + gate)
                load(part, z, (source_t * 4 + gate) * units, time * 4 * units, sums)
                clear_padding(part, sums)
                add_product(part, h, 1, panels, gate, lanes, sums)
                activate(activation if gate == 2 else recurrent_activation, size, sums)
            i, f, g, o, y = (block(part, gates, now), block(part, gates, now + 1), block(part, gates, now + 2),
                             block(part, gates, now + 3), block(part, gates, now + 4))
            for j in range(0, size, PIECE):
                n = min(PIECE, size - j)
                next_cells(n, at(c, j), at(i, j), at(f, j), at(g, j), at(c_next, j))
                copy(at(y, j), 0, at(c_next, j), 0, 1, n, n)
                activate(activation, n, at(y, j))
                multiply(n, at(o, j), at(y, j), at(h_next, j))
            if masked:
                keep_states(part, mask, source_t, h, h_next)
                keep_states(part, mask, source_t, c, c_next)
            store_outputs(part, h_next, mask, masked, t, source_t, outputs)
        store(part, block(part, states, time % 2), h_last, 0, units)
        store(part, block(part, cells, time % cells.shape[0]), c_last, 0, units)


@cpu_kernel
def lstm_backward(gates, cells, panels, mask, masked, activation, recurrent_activation, backwards,
                  grad_outputs, grad_h_last, grad_c_last, grad_z, grad_h0, grad_c0, states):
    """The gradients of `lstm_forward` to z, h0 and c0, by those of outputs, h_last and c_last; `panels` of U.T.

    Shapes: as there, gates and cells as it keeps them; states: 10 blocks. A task owns some samples.
    """
    batch, time, units = grad_outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(grad_z)
        size = part.rows * part.wide
        carried, total = block(part, states, 4), block(part, states, 5)
        grad_i, grad_f, grad_g, grad_o = (block(part, states, 6), block(part, states, 7), block(part, states, 8),
                                          block(part, states, 9))
        for number in range(10):
            clear(part, block(part, states, number))
        load(part, grad_h_last, 0, units, block(part, states, time % 2))
        load(part, grad_c_last, 0, units, block(part, states, 2 + time % 2))
        for step in range(time):
            t = time - 1 - step
            source_t = time - 1 - t if backwards else t
            grad_h, before_h = block(part, states, (t + 1) % 2), block(part, states, t % 2)
            grad_c, before_c = block(part, states, 2 + (t + 1) % 2), block(part, states, 2 + t % 2)
            i, f, g, o, y = (block(part, gates, 5 * t), block(part, gates, 5 * t + 1), block(part, gates, 5 * t + 2),
                             block(part, gates, 5 * t + 3), block(part, gates, 5 * t + 4))
            c = block(part, cells, t)
            arriving(part, mask, masked, t, source_t, grad_outputs, grad_h, carried, total)
            for j in range(0, size, PIECE):
                n = min(PIECE, size - j)
                multiply(n, at(total, j), at(y, j), at(grad_o, j))
                multiply_slopes(recurrent_activation, n, at(o, j), at(grad_o, j))
                multiply(n, at(total, j), at(o, j), at(total, j))
                multiply_slopes(activation, n, at(y, j), at(total, j))
                add(n, at(total, j), at(grad_c, j), at(total, j))       # of c', from here on
                multiply(n, at(total, j), at(g, j), at(grad_i, j))
                multiply_slopes(recurrent_activation, n, at(i, j), at(grad_i, j))
                multiply(n, at(total, j), at(c, j), at(grad_f, j))
                multiply_slopes(recurrent_activation, n, at(f, j), at(grad_f, j))
                multiply(n, at(total, j), at(i, j), at(grad_g, j))
                multiply_slopes(activation, n, at(g, j), at(grad_g, j))
                multiply(n, at(total, j), at(f, j), at(before_c, j))
            copy(before_h, 0, before_h, 0, 1, 0, size)
            if masked:
                keep_states(part, mask, source_t, grad_h, before_h)
                keep_states(part, mask, source_t, grad_c, before_c)
                for gate in range(4):
                    drop_masked(part, mask, source_t, block(part, states, 6 + gate))
            for gate in range(4):
                store(part, block(part, states, 6 + gate), grad_z, (source_t * 4 + gate) * units, time * 4 * units)
            add_product(part, grad_i, 4, panels, 0, lanes, before_h)
        store(part, block(part, states, 0), grad_h0, 0, units)
        store(part, block(part, states, 2), grad_c0, 0, units)


# ---- GRU ---------------------------------------------------------------------------------------------------------


@cpu_kernel
def gru_forward(z, panels, h0, mask, masked, activation, recurrent_activation, backwards, keeps,
                outputs, h_last, h_before, h_reset, gates, states):
    """h' = u h + (1 - u) g with (u, r) = act(z + h U) and g = act(z + (r h) U), for each step; g has `activation`.

    Shapes: z (batch, time, 3 units), its gates u, r, g; panels of U as `pack_recurrent` makes them, h0, h_last (batch,
    units), mask (batch, time) if masked, outputs (batch, time, units). Blocks: gates u, r, g, r h (time, 4) and states
    (time + 1,), for one step (1, 4) and (2,) unless `keeps`.
    h_before, h_reset (batch, time, units), if `keeps`: each step's state before and r times it, in the order of z. A
    task owns some samples.
    """
    batch, time, units = outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(z)
        size = part.rows * part.wide
        for number in range(states.shape[0]):
            clear_padding(part, block(part, states, number))
        load(part, h0, 0, units, block(part, states, 0))
        for t in range(time):
            source_t, now = time - 1 - t if backwards else t, 4 * t if keeps else 0
            h, h_next = block(part, states, t % states.shape[0]), block(part, states, (t + 1) % states.shape[0])
            u, r, g, reset = (block(part, gates, now), block(part, gates, now + 1), block(part, gates, now + 2),
                              block(part, gates, now + 3))
            clear_padding(part, reset)
            for gate in range(3):
                sums, state = block(part, gates, now + gate), reset if gate == 2 else h
                load(part, z, (source_t * 3 + gate) * units, time * 3 * units, sums)
                clear_padding(part, sums)
                add_product(part, state, 1, panels, gate, lanes, sums)
                activate(activation if gate == 2 else recurrent_activation, size, sums)
                if gate == 1:
                    multiply(size, r, h, reset)
            mix(size, h, u, g, h_next)
            if keeps:
                store(part, h, h_before, source_t * units, time * units)
                store(part, reset, h_reset, source_t * units, time * units)
            if masked:
                keep_states(part, mask, source_t, h, h_next)
            store_outputs(part, h_next, mask, masked, t, source_t, outputs)
        store(part, block(part, states, time % states.shape[0]), h_last, 0, units)


@cpu_kernel
def gru_backward(gates, history, panels, mask, masked, activation, recurrent_activation, backwards,
                 grad_outputs, grad_h_last, grad_z, grad_h0, states):
    """The gradients of `gru_forward` to z and h0, by those of outputs and h_last; `panels` of U.T.

    Shapes: as there, gates and history as it keeps gates and states; states: 8 blocks. A task owns some samples.
    """
    batch, time, units = grad_outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(grad_z)
        size = part.rows * part.wide
        carried, total, grad_reset = block(part, states, 2), block(part, states, 3), block(part, states, 7)
        grad_u, grad_r, grad_g = block(part, states, 4), block(part, states, 5), block(part, states, 6)
        for number in range(8):
            clear(part, block(part, states, number))
        load(part, grad_h_last, 0, units, block(part, states, time % 2))
        for step in range(time):
            t = time - 1 - step
            source_t = time - 1 - t if backwards else t
            grad_h, before_h = block(part, states, (t + 1) % 2), block(part, states, t % 2)
            u, r, g, h = (block(part, gates, 4 * t), block(part, gates, 4 * t + 1), block(part, gates, 4 * t + 2),
                          block(part, history, t))
            arriving(part, mask, masked, t, source_t, grad_outputs, grad_h, carried, total)
            multiply_rest(size, total, u, grad_g)
            multiply_slopes(activation, size, g, grad_g)
            if masked:
                drop_masked(part, mask, source_t, grad_g)
            copy(grad_reset, 0, grad_reset, 0, 1, 0, size)
            add_product(part, grad_g, 1, panels, 2, lanes, grad_reset)
            for j in range(0, size, PIECE):
                n = min(PIECE, size - j)
                multiply_difference(n, at(total, j), at(h, j), at(g, j), at(grad_u, j))
                multiply_slopes(recurrent_activation, n, at(u, j), at(grad_u, j))
                multiply(n, at(grad_reset, j), at(h, j), at(grad_r, j))
                multiply_slopes(recurrent_activation, n, at(r, j), at(grad_r, j))
                multiply(n, at(total, j), at(u, j), at(before_h, j))
                multiply_add(n, at(grad_reset, j), at(r, j), at(before_h, j), at(before_h, j))
            if masked:
                keep_states(part, mask, source_t, grad_h, before_h)
                drop_masked(part, mask, source_t, grad_u)
                drop_masked(part, mask, source_t, grad_r)
            for gate in range(3):
                store(part, block(part, states, 4 + gate), grad_z, (source_t * 3 + gate) * units, time * 3 * units)
            add_product(part, grad_u, 2, panels, 0, lanes, before_h)
        store(part, block(part, states, 0), grad_h0, 0, units)


@cpu_kernel
def gru_reset_after_forward(z, panels, bias, h0, mask, masked, activation, recurrent_activation, backwards, keeps,
                            outputs, h_last, h_before, gates, states):
    """`gru_forward` with g = act(z + r (h U + bias)); also u and r have their part of bias.

    Shapes: as there, bias (3 units,). Blocks: gates u, r, g, h U + bias of g (time, 4), or (1, 4).
    """
    batch, time, units = outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(z)
        size = part.rows * part.wide
        for number in range(states.shape[0]):
            clear_padding(part, block(part, states, number))
        load(part, h0, 0, units, block(part, states, 0))
        for t in range(time):
            source_t, now = time - 1 - t if backwards else t, 4 * t if keeps else 0
            h, h_next = block(part, states, t % states.shape[0]), block(part, states, (t + 1) % states.shape[0])
            u, r, g, inner = (block(part, gates, now), block(part, gates, now + 1), block(part, gates, now + 2),
                              block(part, gates, now + 3))
            for gate in range(3):
                sums, given = block(part, gates, now + gate), block(part, gates, now + (3 if gate == 2 else gate))
                copy(given, part.wide, at(bias, gate * units), 0, part.rows, units, part.wide)
                clear_padding(part, given)
                add_product(part, h, 1, panels, gate, lanes, given)
                if gate == 2:
                    load(part, z, (source_t * 3 + 2) * units, time * 3 * units, g)
                    multiply_add(size, r, inner, g, g)
                else:
                    load(part, z, (source_t * 3 + gate) * units, time * 3 * units, h_next)
                    add(size, h_next, sums, sums)
                activate(activation if gate == 2 else recurrent_activation, size, sums)
            mix(size, h, u, g, h_next)
            if keeps:
                store(part, h, h_before, source_t * units, time * units)
            if masked:
                keep_states(part, mask, source_t, h, h_next)
            store_outputs(part, h_next, mask, masked, t, source_t, outputs)
        store(part, block(part, states, time % states.shape[0]), h_last, 0, units)


@cpu_kernel
def gru_reset_after_backward(gates, history, panels, mask, masked, activation, recurrent_activation, backwards,
                             grad_outputs, grad_h_last, grad_z, grad_sums, grad_h0, states):
    """The gradients of `gru_reset_after_forward` to z, to h U + bias (grad_sums) and to h0; `panels` of U.T.

    Shapes: as in `gru_backward`, grad_sums as z.
    """
    batch, time, units = grad_outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(grad_z)
        size = part.rows * part.wide
        carried, total, grad_g = block(part, states, 2), block(part, states, 3), block(part, states, 7)
        grad_u, grad_r, grad_inner = block(part, states, 4), block(part, states, 5), block(part, states, 6)
        for number in range(8):
            clear(part, block(part, states, number))
        load(part, grad_h_last, 0, units, block(part, states, time % 2))
        for step in range(time):
            t = time - 1 - step
            source_t = time - 1 - t if backwards else t
            grad_h, before_h = block(part, states, (t + 1) % 2), block(part, states, t % 2)
            u, r, g, inner, h = (block(part, gates, 4 * t), block(part, gates, 4 * t + 1),
                                 block(part, gates, 4 * t + 2), block(part, gates, 4 * t + 3), block(part, history, t))
            arriving(part, mask, masked, t, source_t, grad_outputs, grad_h, carried, total)
            for j in range(0, size, PIECE):
                n = min(PIECE, size - j)
                multiply_rest(n, at(total, j), at(u, j), at(grad_g, j))
                multiply_slopes(activation, n, at(g, j), at(grad_g, j))
                multiply_difference(n, at(total, j), at(h, j), at(g, j), at(grad_u, j))
                multiply_slopes(recurrent_activation, n, at(u, j), at(grad_u, j))
                multiply(n, at(grad_g, j), at(inner, j), at(grad_r, j))
                multiply_slopes(recurrent_activation, n, at(r, j), at(grad_r, j))
                multiply(n, at(grad_g, j), at(r, j), at(grad_inner, j))
                multiply(n, at(total, j), at(u, j), at(before_h, j))
            if masked:
                keep_states(part, mask, source_t, grad_h, before_h)
                for number in range(4):
                    drop_masked(part, mask, source_t, block(part, states, 4 + number))
            for gate in range(3):
                here, row = (source_t * 3 + gate) * units, time * 3 * units
                store(part, block(part, states, 4 + gate), grad_sums, here, row)
                store(part, grad_g if gate == 2 else block(part, states, 4 + gate), grad_z, here, row)
            add_product(part, grad_u, 3, panels, 0, lanes, before_h)
        store(part, block(part, states, 0), grad_h0, 0, units)


# ---- SimpleRNN ---------------------------------------------------------------------------------------------------


@cpu_kernel
def simple_rnn_forward(z, panels, h0, mask, masked, activation, backwards, keeps, outputs, h_last, h_before, states):
    """h' = act(z + h U) for each step.

    Shapes: z and outputs (batch, time, units), panels of U as `pack_recurrent` makes them, h0, h_last (batch, units),
    mask (batch, time) if masked. Blocks: states (time + 1,), or (2,) unless `keeps`.
    h_before (batch, time, units), if `keeps`: each step's state before, in the order of z. A task owns some samples.
    """
    batch, time, units = outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(z)
        for number in range(states.shape[0]):
            clear_padding(part, block(part, states, number))
        load(part, h0, 0, units, block(part, states, 0))
        for t in range(time):
            source_t = time - 1 - t if backwards else t
            h, h_next = block(part, states, t % states.shape[0]), block(part, states, (t + 1) % states.shape[0])
            if keeps:
                store(part, h, h_before, source_t * units, time * units)
            load(part, z, source_t * units, time * units, h_next)
            add_product(part, h, 1, panels, 0, lanes, h_next)
            activate(activation, part.rows * part.wide, h_next)
            if masked:
                keep_states(part, mask, source_t, h, h_next)
            store_outputs(part, h_next, mask, masked, t, source_t, outputs)
        store(part, block(part, states, time % states.shape[0]), h_last, 0, units)


@cpu_kernel
def simple_rnn_backward(history, panels, mask, masked, activation, backwards, grad_outputs, grad_h_last,
                        grad_z, grad_h0, states):
    """The gradients of `simple_rnn_forward` to z and h0, by those of outputs and h_last; `panels` of U.T.

    Shapes: as there, history as it keeps states; states: 4 blocks. A task owns some samples.
    """
    batch, time, units = grad_outputs.shape
    tasks = tasks_for(batch)
    for task in prange(tasks):
        part, lanes = slice_of(np.int64(task), tasks, batch, time, units, states), lanes_of(grad_z)
        size = part.rows * part.wide
        carried, total = block(part, states, 2), block(part, states, 3)
        for number in range(4):
            clear(part, block(part, states, number))
        load(part, grad_h_last, 0, units, block(part, states, time % 2))
        for step in range(time):
            t = time - 1 - step
            source_t = time - 1 - t if backwards else t
            grad_h, before_h = block(part, states, (t + 1) % 2), block(part, states, t % 2)
            arriving(part, mask, masked, t, source_t, grad_outputs, grad_h, carried, total)
            multiply_slopes(activation, size, block(part, history, t + 1), total)
            copy(before_h, 0, before_h, 0, 1, 0, size)
            if masked:
                keep_states(part, mask, source_t, grad_h, before_h)
                drop_masked(part, mask, source_t, total)
            store(part, total, grad_z, source_t * units, time * units)
            add_product(part, total, 1, panels, 0, lanes, before_h)
        store(part, block(part, states, 0), grad_h0, 0, units)
