"""Weight updates on the GPU: one pass over all weights, their gradients and the slots, a thread an element.

Every thread reads and writes its own elements only. `hyper` holds what may change from step to step (rates,
decays), in the order in which each kernel unpacks it; the optimizers fill it. The difference 1 - ρ is taken in
the arrays' float type, as Keras takes it.
"""

import math

import numpy as np

from ..math.scalar import clip
from .simt.grid import grid_size, thread_id
from .simt.group import element, elements_per_thread, first_row, groups, next_row, thread_rank
from .simt.shuffle import WARP, group_sum
from .toolchain.api import cuda
from .toolchain.target import cuda_kernel


@cuda_kernel
def sgd_update(gradients, hyper, weights):
    """w -= rate g"""
    rate = hyper[0]
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        weights[i] -= rate * gradients[i]
        i += grid_size()


@cuda_kernel
def sgd_momentum_update(gradients, hyper, moment, weights):
    """v = momentum v - rate g;  w += v"""
    rate, momentum = hyper[0], hyper[1]
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        velocity = momentum * moment[i] - rate * gradients[i]
        moment[i] = velocity
        weights[i] += velocity
        i += grid_size()


@cuda_kernel
def sgd_nesterov_update(gradients, hyper, moment, weights):
    """v = momentum v - rate g;  w += momentum v - rate g"""
    rate, momentum = hyper[0], hyper[1]
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        move = rate * gradients[i]
        velocity = momentum * moment[i] - move
        moment[i] = velocity
        weights[i] += momentum * velocity - move
        i += grid_size()


@cuda_kernel
def rmsprop_update(gradients, hyper, mean_square, weights):
    """a = ρ a + (1 - ρ) g²;  w -= rate g / (√a + epsilon)"""
    rate, rho, epsilon = hyper[0], hyper[1], hyper[2]
    rest = weights.dtype.type(1) - rho
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        square = rho * mean_square[i] + rest * (g * g)
        mean_square[i] = square
        weights[i] -= rate * g / (math.sqrt(square) + epsilon)
        i += grid_size()


@cuda_kernel
def adagrad_update(gradients, hyper, sum_square, weights):
    """a += g²;  w -= rate g / (√a + epsilon)"""
    rate, epsilon = hyper[0], hyper[1]
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        square = sum_square[i] + g * g
        sum_square[i] = square
        weights[i] -= rate * g / (math.sqrt(square) + epsilon)
        i += grid_size()


@cuda_kernel
def adadelta_update(gradients, hyper, mean_square, mean_square_step, weights):
    """a = ρ a + (1 - ρ) g²;  u = g √(d + epsilon) / √(a + epsilon);  d = ρ d + (1 - ρ) u²;  w -= rate u"""
    rate, rho, epsilon = hyper[0], hyper[1], hyper[2]
    rest = weights.dtype.type(1) - rho
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        square = rho * mean_square[i] + rest * (g * g)
        move = g * math.sqrt(mean_square_step[i] + epsilon) / math.sqrt(square + epsilon)
        mean_square[i] = square
        mean_square_step[i] = rho * mean_square_step[i] + rest * (move * move)
        weights[i] -= rate * move
        i += grid_size()


@cuda_kernel
def adam_update(gradients, hyper, mean, mean_square, weights):
    """m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  w -= rate m / (√v + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    one = weights.dtype.type(1)
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        mean[i] = m
        mean_square[i] = v
        weights[i] -= rate * m / (math.sqrt(v) + epsilon)
        i += grid_size()


@cuda_kernel
def adam_amsgrad_update(gradients, hyper, mean, mean_square, largest, weights):
    """m, v as in `adam_update`;  u = max(u, v);  w -= rate m / (√u + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    one = weights.dtype.type(1)
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        u = largest[i] if largest[i] > v else v
        mean[i] = m
        mean_square[i] = v
        largest[i] = u
        weights[i] -= rate * m / (math.sqrt(u) + epsilon)
        i += grid_size()


@cuda_kernel
def adamax_update(gradients, hyper, mean, largest, weights):
    """m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g|);  w -= rate m / (u + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    rest = weights.dtype.type(1) - beta_1
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        m = beta_1 * mean[i] + rest * g
        faded = beta_2 * largest[i]
        u = faded if faded > abs(g) else abs(g)
        mean[i] = m
        largest[i] = u
        weights[i] -= rate * m / (u + epsilon)
        i += grid_size()


@cuda_kernel
def nadam_update(gradients, hyper, mean, mean_square, weights):
    """m, v as in `adam_update`;  w -= (r g + s m) / (√(v / c) + epsilon), with r, s and c of this step"""
    rate_gradient, rate_mean, correction = hyper[0], hyper[1], hyper[2]
    beta_1, beta_2, epsilon = hyper[3], hyper[4], hyper[5]
    one = weights.dtype.type(1)
    i, n = thread_id(), np.uint32(weights.size)
    while i < n:
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        mean[i] = m
        mean_square[i] = v
        weights[i] -= (rate_gradient * g + rate_mean * m) / (math.sqrt(v / correction) + epsilon)
        i += grid_size()


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
    norm = math.sqrt(group_sum(square, parts))
    scale = norm_limit / norm if norm >= norm_limit else gradients.dtype.type(1)
    i, n = thread_id(), np.uint32(gradients.size)
    while i < n:
        gradients[i] = clip(gradients[i] * scale, -value_limit, value_limit)
        i += grid_size()
