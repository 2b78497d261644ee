"""Recurrent layers on the GPU: one kernel goes over all timesteps, forward, and one backward.

A block owns SAMPLES samples for the whole sequence, so that no block waits for another; its threads divide the units
up. A thread computes a unit's gates, state and gradient by itself; for the products it needs all units' states, which
lie in global memory, in the block's caches, and are there when all of its threads have met (`syncthreads`). A
recurrent weight is read once for all of the block's samples. Parameters are as on the CPU, blocks without padding.
"""

import numpy as np

from ..math.fma import fma
from ..math.recurrent import activated, gru_state, lstm_cell, slope
from .simt.index import flat, mad
from .toolchain.api import cuda, device
from .toolchain.target import MOST_BLOCKS, THREADS, cuda_kernel

u32 = np.uint32
SAMPLES = 4     # of a block


def samples(*arguments):
    """Launch shape: a block for SAMPLES rows of the last argument, blocks of the batch and the units."""
    rows, units = arguments[-1].shape[-2:]
    return max(1, min(MOST_BLOCKS, -(-rows // SAMPLES))), min(THREADS, -(-units // 32) * 32)


@device
def add_products(totals, a, a_block, panels, gate, units, first, batch, u):
    """totals[k] += Σ_p a[a_block, first + k, p] panels[gate, p, u]; beyond the batch, for its last sample."""
    states, weights = flat(a), flat(panels)
    w_here = mad(gate, u32(panels.shape[1]), u)
    a_here = mad(u32(mad(a_block, batch, first)), units, u32(0))
    last = u32(batch - first - u32(1))
    p = u32(0)
    while p < units:
        weight = weights[w_here]
        for k in range(SAMPLES):
            totals[k] += states[mad(min(u32(k), last), units, a_here)] * weight
        p, a_here, w_here = u32(p + u32(1)), u32(a_here + u32(1)), u32(w_here + units)


@device
def keep(totals, target, block, units, first, batch, u):
    """target[block, first + k, u] = totals[k], within the batch. No more: the compiler writes such a loop out, which
    lets `totals` lie in registers."""
    numbers, here, last = flat(target), mad(mad(block, batch, first), units, u), u32(batch - first - u32(1))
    for k in range(SAMPLES):
        if u32(k) <= last:
            numbers[mad(u32(k), units, here)] = totals[k]


@device
def output_of(outputs, n, t, u, h, counts):
    """The output of a step: the state h where it counts, else the output before, or 0."""
    if counts:
        return h
    return outputs[n, u32(t - u32(1)), u] if t > 0 else type(h)(0)


@device
def arriving(grad_outputs, states, carried, n, t, u, counts):
    """The gradient of an output, with what is carried to it; that of a masked step is carried on."""
    total = grad_outputs[n, t, u] + states[carried, n, u]
    states[carried, n, u] = type(total)(0) if counts else total
    return total


@cuda_kernel
def pack_recurrent(weight, transposed, panels):
    """panels[gate, p * units + u] = weight[p, gate * units + u], or weight[u, gate * units + p] if transposed.

    Shapes: weight (units, gates * units), panels (gates, units + 1, units) but for its last axes, which are one.
    """
    units = u32(weight.shape[0])
    size, number = u32(u32(weight.size)), u32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    while number < size:
        row, u = u32(number // units), u32(number % units)
        gate, p = u32(row // units), u32(row % units)
        column = mad(gate, units, p if transposed else u)
        panels[gate, mad(p, units, u)] = weight[u if transposed else p, column]
        number = u32(number + cuda.gridDim.x * cuda.blockDim.x)


# ---- LSTM --------------------------------------------------------------------------------------------------------


@cuda_kernel(launch=samples)
def lstm_forward(z, panels, h0, c0, mask, masked, activation, recurrent_activation, backwards, keeps,
                 outputs, h_last, c_last, h_before, gates, cells, states):
    """c' = f c + i g and h' = o act(c') with (i, f, g, o) = act(z + h U), for each step; g has `activation`.

    Shapes: z (batch, time, 4 units), panels of U as `pack_recurrent` makes them, h0, c0, h_last, c_last (batch, units),
    mask (batch, time) if masked, outputs (batch, time, units). Blocks: gates i, f, g, o, act(c') (time, 5), cells
    (time + 1,), for one step (1, 5) and (2,) unless `keeps`, and states (2,).
    h_before (batch, time, units), if `keeps`: each step's state before, in the order of z. A block owns some samples.
    """
    batch, time, units = u32(outputs.shape[0]), u32(outputs.shape[1]), u32(outputs.shape[2])
    wide, sets = u32(cuda.blockDim.x), u32(cells.shape[0])
    totals = cuda.local.array(SAMPLES, z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u], cells[0, n, u] = h0[n, u], c0[n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        cuda.syncthreads()
        t = u32(0)
        while t < time:
            source_t, kept = u32(time - u32(1) - t) if backwards else t, t if keeps else u32(0)
            now, then = u32(t % u32(2)), u32((t + u32(1)) % u32(2))
            c_now, c_then = u32(t % sets), u32((t + u32(1)) % sets)
            u = u32(cuda.threadIdx.x)
            while u < units:
                gate = u32(0)
                while gate < u32(4):
                    for k in range(SAMPLES):
                        totals[k] = z[min(u32(first + u32(k)), u32(behind - u32(1))), source_t, mad(gate, units, u)]
                    add_products(totals, states, now, panels, gate, units, first, batch, u)
                    keep(totals, gates, mad(kept, u32(5), gate), units, first, batch, u)
                    gate = u32(gate + u32(1))
                n = first
                while n < behind:
                    gate = u32(0)
                    while gate < u32(4):
                        code = activation if gate == u32(2) else recurrent_activation
                        gates[kept, gate, n, u] = activated(code, gates[kept, gate, n, u])
                        gate = u32(gate + u32(1))
                    h, c = states[now, n, u], cells[c_now, n, u]
                    new_c = lstm_cell(c, gates[kept, 0, n, u], gates[kept, 1, n, u], gates[kept, 2, n, u])
                    y = activated(activation, new_c)
                    gates[kept, 4, n, u] = y
                    new_h = gates[kept, 3, n, u] * y
                    counts = not masked or mask[n, source_t]
                    states[then, n, u], cells[c_then, n, u] = new_h if counts else h, new_c if counts else c
                    outputs[n, t, u] = output_of(outputs, n, t, u, new_h, counts)
                    if keeps:
                        h_before[n, source_t, u] = h
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            t = u32(t + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                h_last[n, u], c_last[n, u] = states[u32(time % u32(2)), n, u], cells[u32(time % sets), n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


@cuda_kernel(launch=samples)
def lstm_backward(gates, cells, panels, mask, masked, activation, recurrent_activation, backwards,
                  grad_outputs, grad_h_last, grad_c_last, grad_z, grad_h0, grad_c0, states):
    """The gradients of `lstm_forward` to z, h0 and c0, by those of outputs, h_last and c_last; `panels` of U.T.

    Shapes: as there, gates and cells as it keeps them; states: 10 blocks. A block owns some samples.
    """
    batch, time, units = u32(grad_outputs.shape[0]), u32(grad_outputs.shape[1]), u32(grad_outputs.shape[2])
    wide, zero = u32(cuda.blockDim.x), grad_z.dtype.type(0)
    totals = cuda.local.array(SAMPLES, grad_z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u], states[2, n, u], states[4, n, u] = grad_h_last[n, u], grad_c_last[n, u], zero
                u = u32(u + wide)
            n = u32(n + u32(1))
        step = u32(0)
        while step < time:
            t = u32(time - u32(1) - step)
            source_t = step if backwards else t
            u = u32(cuda.threadIdx.x)
            while u < units:
                n = first
                while n < behind:
                    counts = not masked or mask[n, source_t]
                    total = arriving(grad_outputs, states, 4, n, t, u, counts)
                    grad_i, grad_f, grad_g, grad_o = zero, zero, zero, zero
                    if counts:
                        total += states[0, n, u]
                        i, f, g = gates[t, 0, n, u], gates[t, 1, n, u], gates[t, 2, n, u]
                        o, y = gates[t, 3, n, u], gates[t, 4, n, u]
                        grad_c = total * o * slope(activation, y) + states[2, n, u]
                        grad_i = grad_c * g * slope(recurrent_activation, i)
                        grad_f = grad_c * cells[t, n, u] * slope(recurrent_activation, f)
                        grad_g = grad_c * i * slope(activation, g)
                        grad_o = total * y * slope(recurrent_activation, o)
                        states[0, n, u], states[2, n, u] = zero, grad_c * f
                    states[6, n, u], states[7, n, u], states[8, n, u], states[9, n, u] = grad_i, grad_f, grad_g, grad_o
                    grad_z[n, source_t, u], grad_z[n, source_t, u32(units + u)] = grad_i, grad_f
                    grad_z[n, source_t, mad(u32(2), units, u)] = grad_g
                    grad_z[n, source_t, mad(u32(3), units, u)] = grad_o
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = states[0, min(u32(first + u32(k)), u32(behind - u32(1))), u]
                gate = u32(0)
                while gate < u32(4):
                    add_products(totals, states, u32(u32(6) + gate), panels, gate, units, first, batch, u)
                    gate = u32(gate + u32(1))
                keep(totals, states, u32(0), units, first, batch, u)
                u = u32(u + wide)
            cuda.syncthreads()
            step = u32(step + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                grad_h0[n, u], grad_c0[n, u] = states[0, n, u], states[2, n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


# ---- GRU ---------------------------------------------------------------------------------------------------------


@cuda_kernel(launch=samples)
def gru_forward(z, panels, h0, mask, masked, activation, recurrent_activation, backwards, keeps,
                outputs, h_last, h_before, h_reset, gates, states):
    """h' = u h + (1 - u) g with (u, r) = act(z + h U) and g = act(z + (r h) U), for each step; g has `activation`.

    Shapes: z (batch, time, 3 units), its gates u, r, g; panels of U as `pack_recurrent` makes them, h0, h_last (batch,
    units), mask (batch, time) if masked, outputs (batch, time, units). Blocks: gates u, r, g, r h (time, 4) and states
    (time + 1,), for one step (1, 4) and (2,) unless `keeps`.
    h_before, h_reset (batch, time, units), if `keeps`: each step's state before and r times it, in the order of z. A
    block owns some samples.
    """
    batch, time, units = u32(outputs.shape[0]), u32(outputs.shape[1]), u32(outputs.shape[2])
    wide, sets = u32(cuda.blockDim.x), u32(states.shape[0])
    totals = cuda.local.array(SAMPLES, z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u] = h0[n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        cuda.syncthreads()
        t = u32(0)
        while t < time:
            source_t, kept = u32(time - u32(1) - t) if backwards else t, t if keeps else u32(0)
            now, then = u32(t % sets), u32((t + u32(1)) % sets)
            u = u32(cuda.threadIdx.x)
            while u < units:
                gate = u32(0)
                while gate < u32(2):
                    for k in range(SAMPLES):
                        totals[k] = z[min(u32(first + u32(k)), u32(behind - u32(1))), source_t, mad(gate, units, u)]
                    add_products(totals, states, now, panels, gate, units, first, batch, u)
                    keep(totals, gates, mad(kept, u32(4), gate), units, first, batch, u)
                    gate = u32(gate + u32(1))
                n = first
                while n < behind:
                    h = states[now, n, u]
                    gates[kept, 0, n, u] = activated(recurrent_activation, gates[kept, 0, n, u])
                    r = activated(recurrent_activation, gates[kept, 1, n, u])
                    reset = r * h
                    gates[kept, 1, n, u], gates[kept, 3, n, u] = r, reset
                    if keeps:
                        h_before[n, source_t, u], h_reset[n, source_t, u] = h, reset
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = z[min(u32(first + u32(k)), u32(behind - u32(1))), source_t, mad(u32(2), units, u)]
                add_products(totals, gates, mad(kept, u32(4), u32(3)), panels, u32(2), units, first, batch, u)
                keep(totals, gates, mad(kept, u32(4), u32(2)), units, first, batch, u)
                n = first
                while n < behind:
                    h, g = states[now, n, u], activated(activation, gates[kept, 2, n, u])
                    gates[kept, 2, n, u] = g
                    new_h = gru_state(h, gates[kept, 0, n, u], g)
                    counts = not masked or mask[n, source_t]
                    states[then, n, u] = new_h if counts else h
                    outputs[n, t, u] = output_of(outputs, n, t, u, new_h, counts)
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            t = u32(t + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                h_last[n, u] = states[u32(time % sets), n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


@cuda_kernel(launch=samples)
def gru_backward(gates, history, panels, mask, masked, activation, recurrent_activation, backwards,
                 grad_outputs, grad_h_last, grad_z, grad_h0, states):
    """The gradients of `gru_forward` to z and h0, by those of outputs and h_last; `panels` of U.T.

    Shapes: as there, gates and history as it keeps gates and states; states: 8 blocks. A block owns some samples.
    """
    batch, time, units = u32(grad_outputs.shape[0]), u32(grad_outputs.shape[1]), u32(grad_outputs.shape[2])
    wide, zero = u32(cuda.blockDim.x), grad_z.dtype.type(0)
    totals = cuda.local.array(SAMPLES, grad_z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u], states[2, n, u] = grad_h_last[n, u], zero
                u = u32(u + wide)
            n = u32(n + u32(1))
        step = u32(0)
        while step < time:
            t = u32(time - u32(1) - step)
            source_t = step if backwards else t
            u = u32(cuda.threadIdx.x)
            while u < units:
                n = first
                while n < behind:
                    counts = not masked or mask[n, source_t]
                    total, grad_g = arriving(grad_outputs, states, 2, n, t, u, counts), zero
                    if counts:
                        total += states[0, n, u]
                        update = gates[t, 0, n, u]
                        grad_g = (total - total * update) * slope(activation, gates[t, 2, n, u])
                        states[0, n, u] = zero
                    states[3, n, u], states[6, n, u] = total, grad_g
                    grad_z[n, source_t, mad(u32(2), units, u)] = grad_g
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = zero
                add_products(totals, states, u32(6), panels, u32(2), units, first, batch, u)
                keep(totals, states, u32(7), units, first, batch, u)
                n = first
                while n < behind:
                    grad_u, grad_r = zero, zero
                    if not masked or mask[n, source_t]:
                        total, grad_reset, h = states[3, n, u], states[7, n, u], history[t, n, u]
                        update, r = gates[t, 0, n, u], gates[t, 1, n, u]
                        grad_u = total * (h - gates[t, 2, n, u]) * slope(recurrent_activation, update)
                        grad_r = grad_reset * h * slope(recurrent_activation, r)
                        states[0, n, u] = fma(grad_reset, r, total * update)
                    states[4, n, u], states[5, n, u] = grad_u, grad_r
                    grad_z[n, source_t, u], grad_z[n, source_t, u32(units + u)] = grad_u, grad_r
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = states[0, min(u32(first + u32(k)), u32(behind - u32(1))), u]
                add_products(totals, states, u32(4), panels, u32(0), units, first, batch, u)
                add_products(totals, states, u32(5), panels, u32(1), units, first, batch, u)
                keep(totals, states, u32(0), units, first, batch, u)
                u = u32(u + wide)
            cuda.syncthreads()
            step = u32(step + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                grad_h0[n, u] = states[0, n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


@cuda_kernel(launch=samples)
def gru_reset_after_forward(z, panels, bias, h0, mask, masked, activation, recurrent_activation, backwards, keeps,
                            outputs, h_last, h_before, gates, states):
    """`gru_forward` with g = act(z + r (h U + bias)); also u and r have their part of bias.

    Shapes: as there, bias (3 units,). Blocks: gates u, r, g, h U + bias of g (time, 4), or (1, 4).
    """
    batch, time, units = u32(outputs.shape[0]), u32(outputs.shape[1]), u32(outputs.shape[2])
    wide, sets = u32(cuda.blockDim.x), u32(states.shape[0])
    totals = cuda.local.array(SAMPLES, z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u] = h0[n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        cuda.syncthreads()
        t = u32(0)
        while t < time:
            source_t, kept = u32(time - u32(1) - t) if backwards else t, t if keeps else u32(0)
            now, then = u32(t % sets), u32((t + u32(1)) % sets)
            u = u32(cuda.threadIdx.x)
            while u < units:
                gate = u32(0)
                while gate < u32(3):
                    for k in range(SAMPLES):
                        totals[k] = bias[mad(gate, units, u)]
                    add_products(totals, states, now, panels, gate, units, first, batch, u)
                    place = u32(3) if gate == u32(2) else gate
                    keep(totals, gates, mad(kept, u32(4), place), units, first, batch, u)
                    gate = u32(gate + u32(1))
                n = first
                while n < behind:
                    h, last = states[now, n, u], mad(u32(2), units, u)
                    update = activated(recurrent_activation, z[n, source_t, u] + gates[kept, 0, n, u])
                    r = activated(recurrent_activation, z[n, source_t, u32(units + u)] + gates[kept, 1, n, u])
                    g = activated(activation, fma(r, gates[kept, 3, n, u], z[n, source_t, last]))
                    gates[kept, 0, n, u], gates[kept, 1, n, u], gates[kept, 2, n, u] = update, r, g
                    new_h = gru_state(h, update, g)
                    counts = not masked or mask[n, source_t]
                    states[then, n, u] = new_h if counts else h
                    outputs[n, t, u] = output_of(outputs, n, t, u, new_h, counts)
                    if keeps:
                        h_before[n, source_t, u] = h
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            t = u32(t + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                h_last[n, u] = states[u32(time % sets), n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


@cuda_kernel(launch=samples)
def gru_reset_after_backward(gates, history, panels, mask, masked, activation, recurrent_activation, backwards,
                             grad_outputs, grad_h_last, grad_z, grad_sums, grad_h0, states):
    """The gradients of `gru_reset_after_forward` to z, to h U + bias (grad_sums) and to h0; `panels` of U.T.

    Shapes: as in `gru_backward`, grad_sums as z.
    """
    batch, time, units = u32(grad_outputs.shape[0]), u32(grad_outputs.shape[1]), u32(grad_outputs.shape[2])
    wide, zero = u32(cuda.blockDim.x), grad_z.dtype.type(0)
    totals = cuda.local.array(SAMPLES, grad_z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u], states[2, n, u] = grad_h_last[n, u], zero
                u = u32(u + wide)
            n = u32(n + u32(1))
        step = u32(0)
        while step < time:
            t = u32(time - u32(1) - step)
            source_t = step if backwards else t
            u = u32(cuda.threadIdx.x)
            while u < units:
                n = first
                while n < behind:
                    counts = not masked or mask[n, source_t]
                    total = arriving(grad_outputs, states, 2, n, t, u, counts)
                    grad_u, grad_r, grad_g, grad_inner = zero, zero, zero, zero
                    if counts:
                        total += states[0, n, u]
                        update, r, g = gates[t, 0, n, u], gates[t, 1, n, u], gates[t, 2, n, u]
                        grad_u = total * (history[t, n, u] - g) * slope(recurrent_activation, update)
                        grad_g = (total - total * update) * slope(activation, g)
                        grad_r = grad_g * gates[t, 3, n, u] * slope(recurrent_activation, r)
                        grad_inner = grad_g * r
                        states[0, n, u] = total * update
                    states[4, n, u], states[5, n, u], states[6, n, u] = grad_u, grad_r, grad_inner
                    grad_z[n, source_t, u], grad_z[n, source_t, u32(units + u)] = grad_u, grad_r
                    grad_sums[n, source_t, u], grad_sums[n, source_t, u32(units + u)] = grad_u, grad_r
                    last = mad(u32(2), units, u)
                    grad_z[n, source_t, last], grad_sums[n, source_t, last] = grad_g, grad_inner
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = states[0, min(u32(first + u32(k)), u32(behind - u32(1))), u]
                gate = u32(0)
                while gate < u32(3):
                    add_products(totals, states, u32(u32(4) + gate), panels, gate, units, first, batch, u)
                    gate = u32(gate + u32(1))
                keep(totals, states, u32(0), units, first, batch, u)
                u = u32(u + wide)
            cuda.syncthreads()
            step = u32(step + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                grad_h0[n, u] = states[0, n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


# ---- SimpleRNN ---------------------------------------------------------------------------------------------------


@cuda_kernel(launch=samples)
def simple_rnn_forward(z, panels, h0, mask, masked, activation, backwards, keeps, outputs, h_last, h_before, states):
    """h' = act(z + h U) for each step.

    Shapes: z and outputs (batch, time, units), panels of U as `pack_recurrent` makes them, h0, h_last (batch, units),
    mask (batch, time) if masked. Blocks: states (time + 1,), or (2,) unless `keeps`.
    h_before (batch, time, units), if `keeps`: each step's state before, in the order of z. A block owns some samples.
    """
    batch, time, units = u32(outputs.shape[0]), u32(outputs.shape[1]), u32(outputs.shape[2])
    wide, sets = u32(cuda.blockDim.x), u32(states.shape[0])
    totals = cuda.local.array(SAMPLES, z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u] = h0[n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        cuda.syncthreads()
        t = u32(0)
        while t < time:
            source_t = u32(time - u32(1) - t) if backwards else t
            now, then = u32(t % sets), u32((t + u32(1)) % sets)
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = z[min(u32(first + u32(k)), u32(behind - u32(1))), source_t, u]
                add_products(totals, states, now, panels, u32(0), units, first, batch, u)
                keep(totals, states, then, units, first, batch, u)
                n = first
                while n < behind:
                    h, new_h = states[now, n, u], activated(activation, states[then, n, u])
                    counts = not masked or mask[n, source_t]
                    states[then, n, u] = new_h if counts else h
                    outputs[n, t, u] = output_of(outputs, n, t, u, new_h, counts)
                    if keeps:
                        h_before[n, source_t, u] = h
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            t = u32(t + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                h_last[n, u] = states[u32(time % sets), n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)


@cuda_kernel(launch=samples)
def simple_rnn_backward(history, panels, mask, masked, activation, backwards, grad_outputs, grad_h_last,
                        grad_z, grad_h0, states):
    """The gradients of `simple_rnn_forward` to z and h0, by those of outputs and h_last; `panels` of U.T.

    Shapes: as there, history as it keeps states; states: 4 blocks. A block owns some samples.
    """
    batch, time, units = u32(grad_outputs.shape[0]), u32(grad_outputs.shape[1]), u32(grad_outputs.shape[2])
    wide, zero = u32(cuda.blockDim.x), grad_z.dtype.type(0)
    totals = cuda.local.array(SAMPLES, grad_z.dtype)
    first = u32(cuda.blockIdx.x * SAMPLES)
    while first < batch:
        behind = min(batch, u32(first + u32(SAMPLES)))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                states[0, n, u], states[2, n, u] = grad_h_last[n, u], zero
                u = u32(u + wide)
            n = u32(n + u32(1))
        step = u32(0)
        while step < time:
            t = u32(time - u32(1) - step)
            source_t = step if backwards else t
            u = u32(cuda.threadIdx.x)
            while u < units:
                n = first
                while n < behind:
                    counts = not masked or mask[n, source_t]
                    total, grad = arriving(grad_outputs, states, 2, n, t, u, counts), zero
                    if counts:
                        grad = (total + states[0, n, u]) * slope(activation, history[u32(t + u32(1)), n, u])
                        states[0, n, u] = zero
                    states[3, n, u] = grad
                    grad_z[n, source_t, u] = grad
                    n = u32(n + u32(1))
                u = u32(u + wide)
            cuda.syncthreads()
            u = u32(cuda.threadIdx.x)
            while u < units:
                for k in range(SAMPLES):
                    totals[k] = states[0, min(u32(first + u32(k)), u32(behind - u32(1))), u]
                add_products(totals, states, u32(3), panels, u32(0), units, first, batch, u)
                keep(totals, states, u32(0), units, first, batch, u)
                u = u32(u + wide)
            cuda.syncthreads()
            step = u32(step + u32(1))
        n = first
        while n < behind:
            u = u32(cuda.threadIdx.x)
            while u < units:
                grad_h0[n, u] = states[0, n, u]
                u = u32(u + wide)
            n = u32(n + u32(1))
        first = u32(first + cuda.gridDim.x * SAMPLES)
