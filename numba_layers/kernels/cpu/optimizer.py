"""Weight updates: one pass over all weights, their gradients and the slots, in parallel over the elements.

`<optimizer>_update(gradients, rates, *slots, weights)`: each loop is `tables.UPDATES`' formula of a weight. An
iteration reads and writes the elements of its own index only.

`<optimizer>_rates(*hyperparameters, iterations, rates)` runs before: it counts step t = iterations + 1, from 1 on, and
writes its numbers, computed in float64. Shapes: iterations and those hyperparameters that may change are arrays ().
"""

from numba import prange

from ..math import optimizers as rules
from ..math.optimizers import LEADING, norm_scale
from ..math.scalar import clip
from ..math.tables import UPDATES
from .compile import cpu_kernel
from .micro.reduction import dot


def without_slots(name, formula, leading):
    """Kernel `name`: w -= step."""

    @cpu_kernel(name=name)
    def kernel(gradients, rates, weights):
        numbers = leading(rates)
        for i in prange(weights.size):
            step, _ = formula(gradients[i], (), numbers)
            weights[i] -= step


def with_one_slot(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps one number for a weight."""

    @cpu_kernel(name=name)
    def kernel(gradients, rates, slot, weights):
        numbers = leading(rates)
        for i in prange(weights.size):
            step, slots = formula(gradients[i], (slot[i],), numbers)
            slot[i] = slots[0]
            weights[i] -= step


def with_two_slots(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps two numbers for a weight."""

    @cpu_kernel(name=name)
    def kernel(gradients, rates, slot_1, slot_2, weights):
        numbers = leading(rates)
        for i in prange(weights.size):
            step, slots = formula(gradients[i], (slot_1[i], slot_2[i]), numbers)
            slot_1[i] = slots[0]
            slot_2[i] = slots[1]
            weights[i] -= step


def with_three_slots(name, formula, leading):
    """Kernel `name`: w -= step, for an optimizer that keeps three numbers for a weight."""

    @cpu_kernel(name=name)
    def kernel(gradients, rates, slot_1, slot_2, slot_3, weights):
        numbers = leading(rates)
        for i in prange(weights.size):
            step, slots = formula(gradients[i], (slot_1[i], slot_2[i], slot_3[i]), numbers)
            slot_1[i] = slots[0]
            slot_2[i] = slots[1]
            slot_3[i] = slots[2]
            weights[i] -= step


_loops = without_slots, with_one_slot, with_two_slots, with_three_slots
for _name, _update in UPDATES.items():
    _loops[len(_update.slots)](_name, _update.formula, LEADING[len(_update.rates)])


# ---- rates -------------------------------------------------------------------------------------------------


@cpu_kernel
def sgd_rates(lr, decay, momentum, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), momentum)"""
    t = rules.counted(iterations)
    rates[0], rates[1] = rules.sgd_rates(t, lr[()], momentum, decay[()])


@cpu_kernel
def rmsprop_rates(lr, rho, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), ρ, epsilon)"""
    t = rules.counted(iterations)
    rates[0], rates[1], rates[2] = rules.rmsprop_rates(t, lr[()], rho[()], decay[()], epsilon)


@cpu_kernel
def adagrad_rates(lr, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), epsilon)"""
    t = rules.counted(iterations)
    rates[0], rates[1] = rules.adagrad_rates(t, lr[()], decay[()], epsilon)


@cpu_kernel
def adadelta_rates(lr, decay, rho, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)), ρ, epsilon)"""
    t = rules.counted(iterations)
    rates[0], rates[1], rates[2] = rules.rmsprop_rates(t, lr[()], rho, decay[()], epsilon)


@cpu_kernel
def adam_rates(lr, beta_1, beta_2, decay, epsilon, iterations, rates):
    """rates = (r √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂, epsilon) with r = lr / (1 + decay (t - 1))"""
    t = rules.counted(iterations)
    rates[0], rates[1], rates[2], rates[3] = rules.adam_rates(
        t, lr[()], beta_1[()], beta_2[()], decay[()], epsilon)


@cpu_kernel
def adamax_rates(lr, beta_1, beta_2, decay, epsilon, iterations, rates):
    """rates = (lr / (1 + decay (t - 1)) / (1 - β₁ᵗ), β₁, β₂, epsilon)"""
    t = rules.counted(iterations)
    rates[0], rates[1], rates[2], rates[3] = rules.adamax_rates(
        t, lr[()], beta_1[()], beta_2[()], decay[()], epsilon)


@cpu_kernel
def nadam_rates(lr, beta_1, beta_2, epsilon, schedule_decay, products, iterations, rates):
    """rates = (lr (1 - μₜ) / (1 - Πₜ), lr μₜ₊₁ / (1 - Πₜ₊₁), 1 - β₂ᵗ, β₁, β₂, epsilon) with Πₜ = μ₁ ... μₜ

    products: (t, Πₜ) of an earlier step.
    """
    t = rules.counted(iterations)
    product = rules.nadam_product(products, t, beta_1[()], schedule_decay)
    rates[0], rates[1], rates[2], rates[3], rates[4], rates[5] = rules.nadam_rates(
        t, product, lr[()], beta_1[()], beta_2[()], epsilon, schedule_decay)


# ---- clipping ----------------------------------------------------------------------------------------------


@cpu_kernel
def gradient_square_sums(gradients, sums):
    """sums[k] = Σ g² over chunk k: parallel over the chunks, each iteration writes its own sum.

    There are as many chunks as `sums` has places, so the sums do not depend on the number of threads.
    """
    chunk = (gradients.size + sums.size - 1) // sums.size
    for k in prange(sums.size):
        part = gradients[k * chunk:(k + 1) * chunk]
        sums[k] = dot(part.size, part, part) if part.size > 0 else gradients.dtype.type(0)


@cpu_kernel
def clip_gradients(sums, limits, gradients):
    """g *= norm_limit / ‖g‖ if ‖g‖ = √Σ sums reaches norm_limit;  g limited to [-value_limit, value_limit]

    `limits` holds norm_limit and value_limit, infinity for none. Parallel over the elements, each its own.
    """
    norm_limit, value_limit = limits[0], limits[1]
    square = gradients.dtype.type(0)
    for k in range(sums.size):
        square += sums[k]
    scale = norm_scale(square, norm_limit)
    for i in prange(gradients.size):
        gradients[i] = clip(gradients[i] * scale, -value_limit, value_limit)
