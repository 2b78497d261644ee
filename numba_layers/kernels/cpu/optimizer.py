"""Weight updates: one pass over all weights, their gradients and the slots, in parallel over the elements.

`<optimizer>_update(gradients, rates, *slots, weights)`: each loop is `tables.UPDATES`' formula of a weight. An
iteration reads and writes the elements of its own index only. The optimizers fill `rates` before each step.
"""

from numba import prange

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
