"""Weight updates on the GPU: one pass over all weights, their gradients and the slots, a thread an element.

`<optimizer>_update(gradients, rates, *slots, weights)`: each loop is `tables.UPDATES`' formula of a weight. A thread
reads and writes its own elements only.

`<optimizer>_rates(*hyperparameters, iterations, rates)` runs before: one thread counts step t = iterations + 1, from 1
on, and writes its numbers, computed in float64, the one place for it. Shapes: as on the CPU.

The loops name their formula twice, for the slots and for the step. It is computed once; but so the slots are stored
before the step's division and root, whose slow paths would have to keep them in registers.
"""

import numpy as np

from ..math import optimizers as rules
from ..math.optimizers import LEADING, norm_scale
from ..math.scalar import clip
from ..math.tables import UPDATES
from .simt.grid import grid_size, one_thread, thread_id
from .simt.group import element, elements_per_thread, first_row, groups, next_row, thread_rank
from .simt.shuffle import WARP, group_sum
from .toolchain.api import cuda
from .toolchain.target import cuda_kernel


def without_slots(name, formula, leading):
    """Kernel `name`: w -= step."""

    @cuda_kernel(name=name)
    def kernel(gradients, rates, weights):
        numbers, i, n = leading(rates), thread_id(), np.uint32(weights.size)
        while i < n:
            weights[i] -= formula(gradients[i], (), numbers)[0]
            i += grid_size()


def with_one_slot(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps one number for a weight."""

    @cuda_kernel(name=name)
    def kernel(gradients, rates, slot, weights):
        numbers, i, n = leading(rates), thread_id(), np.uint32(weights.size)
        while i < n:
            g, kept = gradients[i], (slot[i],)
            slots = formula(g, kept, numbers)[1]
            slot[i] = slots[0]
            weights[i] -= formula(g, kept, numbers)[0]
            i += grid_size()


def with_two_slots(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps two numbers for a weight."""

    @cuda_kernel(name=name)
    def kernel(gradients, rates, slot_1, slot_2, weights):
        numbers, i, n = leading(rates), thread_id(), np.uint32(weights.size)
        while i < n:
            g, kept = gradients[i], (slot_1[i], slot_2[i])
            slots = formula(g, kept, numbers)[1]
            slot_1[i] = slots[0]
            slot_2[i] = slots[1]
            weights[i] -= formula(g, kept, numbers)[0]
            i += grid_size()


def with_three_slots(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps three numbers for a weight."""

    @cuda_kernel(name=name)
    def kernel(gradients, rates, slot_1, slot_2, slot_3, weights):
        numbers, i, n = leading(rates), thread_id(), np.uint32(weights.size)
        while i < n:
            g, kept = gradients[i], (slot_1[i], slot_2[i], slot_3[i])
            slots = formula(g, kept, numbers)[1]
            slot_1[i] = slots[0]
            slot_2[i] = slots[1]
            slot_3[i] = slots[2]
            weights[i] -= formula(g, kept, numbers)[0]
            i += grid_size()


_loops = without_slots, with_one_slot, with_two_slots, with_three_slots
for _name, _update in UPDATES.items():
    _loops[len(_update.slots)](_name, _update.formula, LEADING[len(_update.rates)])


# ---- rates -------------------------------------------------------------------------------------------------


@cuda_kernel(launch=one_thread)
def sgd_rates(lr, decay, momentum, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), momentum)"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1] = rules.sgd_rates(t, lr[()], momentum, decay[()])


@cuda_kernel(launch=one_thread)
def rmsprop_rates(lr, rho, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), ρ, epsilon)"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1], rates[2] = rules.rmsprop_rates(t, lr[()], rho[()], decay[()], epsilon)


@cuda_kernel(launch=one_thread)
def adagrad_rates(lr, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), epsilon)"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1] = rules.adagrad_rates(t, lr[()], decay[()], epsilon)


@cuda_kernel(launch=one_thread)
def adadelta_rates(lr, decay, rho, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), ρ, epsilon)"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1], rates[2] = rules.rmsprop_rates(t, lr[()], rho, decay[()], epsilon)


@cuda_kernel(launch=one_thread)
def adam_rates(lr, beta_1, beta_2, decay, epsilon, iterations, rates):
    """rates = (r √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂, epsilon) with r = lr / (1 + decay (t - 1))"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1], rates[2], rates[3] = rules.adam_rates(
            t, lr[()], beta_1[()], beta_2[()], decay[()], epsilon)


@cuda_kernel(launch=one_thread)
def adamax_rates(lr, beta_1, beta_2, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)) / (1 - β₁ᵗ), β₁, β₂, epsilon)"""
    if thread_id() == 0:
        t = rules.counted(iterations)
        rates[0], rates[1], rates[2], rates[3] = rules.adamax_rates(
            t, lr[()], beta_1[()], beta_2[()], decay[()], epsilon)


@cuda_kernel(launch=one_thread)
def nadam_rates(lr, beta_1, beta_2, epsilon, schedule_decay, products, iterations, rates):
    """rates = (lr (1 - μₜ) / (1 - Πₜ), lr μₜ₊₁ / (1 - Πₜ₊₁), 1 - β₂ᵗ, β₁, β₂, epsilon) with Πₜ = μ₁ ... μₜ

    products: (t, Πₜ) of an earlier step.
    """
    if thread_id() == 0:
        t = rules.counted(iterations)
        product = rules.nadam_product(products, t, beta_1[()], schedule_decay)
        rates[0], rates[1], rates[2], rates[3], rates[4], rates[5] = rules.nadam_rates(
            t, product, lr[()], beta_1[()], beta_2[()], epsilon, schedule_decay)


# ---- clipping ----------------------------------------------------------------------------------------------


def chunks(gradients, sums):
    """Launch shape: a thread group for each sum."""
    return groups(sums.size, -(-gradients.size // sums.size))


@cuda_kernel(launch=chunks)
def gradient_square_sums(gradients, sums):
    """sums[k] = Σ g² over chunk k, as many chunks as `sums` has places; a thread group owns a sum."""
    parts = cuda.shared.array(WARP, sums.dtype)
    n = np.uint32(gradients.size)
    chunk = np.uint32(np.uint32(n + np.uint32(sums.size) - np.uint32(1)) // np.uint32(sums.size))
    row = first_row()
    while row < sums.size:
        start = min(n, np.uint32(row * chunk))
        mine = elements_per_thread(min(chunk, np.uint32(n - start)))
        total = gradients.dtype.type(0)
        k = 0
        while k < mine:
            g = gradients[np.uint32(start + element(k))]
            total += g * g
            k += 1
        total = group_sum(total, parts)
        if thread_rank() == 0:
            sums[row] = total
        row = next_row(row)


@cuda_kernel
def clip_gradients(sums, limits, gradients):
    """g *= norm_limit / ‖g‖ if ‖g‖ = √Σ sums reaches norm_limit;  g limited to [-value_limit, value_limit]

    `limits` holds norm_limit and value_limit, infinity for none. Each block adds the sums up for itself.
    """
    parts = cuda.shared.array(WARP, gradients.dtype)
    norm_limit, value_limit = limits[0], limits[1]
    square, mine = gradients.dtype.type(0), elements_per_thread(sums.size)
    k = 0
    while k < mine:
        square += sums[element(k)]
        k += 1
    scale = norm_scale(group_sum(square, parts), norm_limit)
    i, n = thread_id(), np.uint32(gradients.size)
    while i < n:
        gradients[i] = clip(gradients[i] * scale, -value_limit, value_limit)
        i += grid_size()
