"""Weight updates: one pass over all weights, their gradients and the slots, in parallel over the elements.

Every iteration reads and writes the elements of its own index only. `hyper` holds what may change from step
to step (rates, decays), in the order in which each kernel unpacks it; the optimizers fill it. The difference
1 - ρ is taken in the arrays' float type, as Keras takes it.
"""

import math

from numba import prange

from ..math.scalar import clip
from .compile import cpu_kernel
from .micro.reduction import dot


@cpu_kernel
def sgd_update(gradients, hyper, weights):
    """w -= rate g"""
    rate = hyper[0]
    for i in prange(weights.size):
        weights[i] -= rate * gradients[i]


@cpu_kernel
def sgd_momentum_update(gradients, hyper, moment, weights):
    """v = momentum v - rate g;  w += v"""
    rate, momentum = hyper[0], hyper[1]
    for i in prange(weights.size):
        velocity = momentum * moment[i] - rate * gradients[i]
        moment[i] = velocity
        weights[i] += velocity


@cpu_kernel
def sgd_nesterov_update(gradients, hyper, moment, weights):
    """v = momentum v - rate g;  w += momentum v - rate g"""
    rate, momentum = hyper[0], hyper[1]
    for i in prange(weights.size):
        step = rate * gradients[i]
        velocity = momentum * moment[i] - step
        moment[i] = velocity
        weights[i] += momentum * velocity - step


@cpu_kernel
def rmsprop_update(gradients, hyper, mean_square, weights):
    """a = ρ a + (1 - ρ) g²;  w -= rate g / (√a + epsilon)"""
    rate, rho, epsilon = hyper[0], hyper[1], hyper[2]
    rest = weights.dtype.type(1) - rho
    for i in prange(weights.size):
        g = gradients[i]
        square = rho * mean_square[i] + rest * (g * g)
        mean_square[i] = square
        weights[i] -= rate * g / (math.sqrt(square) + epsilon)


@cpu_kernel
def adagrad_update(gradients, hyper, sum_square, weights):
    """a += g²;  w -= rate g / (√a + epsilon)"""
    rate, epsilon = hyper[0], hyper[1]
    for i in prange(weights.size):
        g = gradients[i]
        square = sum_square[i] + g * g
        sum_square[i] = square
        weights[i] -= rate * g / (math.sqrt(square) + epsilon)


@cpu_kernel
def adadelta_update(gradients, hyper, mean_square, mean_square_step, weights):
    """a = ρ a + (1 - ρ) g²;  u = g √((d + epsilon) / (a + epsilon));  d = ρ d + (1 - ρ) u²;  w -= rate u"""
    rate, rho, epsilon = hyper[0], hyper[1], hyper[2]
    rest = weights.dtype.type(1) - rho
    for i in prange(weights.size):
        g = gradients[i]
        square = rho * mean_square[i] + rest * (g * g)
        step = g * math.sqrt((mean_square_step[i] + epsilon) / (square + epsilon))
        mean_square[i] = square
        mean_square_step[i] = rho * mean_square_step[i] + rest * (step * step)
        weights[i] -= rate * step


@cpu_kernel
def adam_update(gradients, hyper, mean, mean_square, weights):
    """m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  w -= rate m / (√v + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    one = weights.dtype.type(1)
    for i in prange(weights.size):
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        mean[i] = m
        mean_square[i] = v
        weights[i] -= rate * m / (math.sqrt(v) + epsilon)


@cpu_kernel
def adam_amsgrad_update(gradients, hyper, mean, mean_square, largest, weights):
    """m, v as in `adam_update`;  u = max(u, v);  w -= rate m / (√u + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    one = weights.dtype.type(1)
    for i in prange(weights.size):
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        u = largest[i] if largest[i] > v else v
        mean[i] = m
        mean_square[i] = v
        largest[i] = u
        weights[i] -= rate * m / (math.sqrt(u) + epsilon)


@cpu_kernel
def adamax_update(gradients, hyper, mean, largest, weights):
    """m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g|);  w -= rate m / (u + epsilon)"""
    rate, beta_1, beta_2, epsilon = hyper[0], hyper[1], hyper[2], hyper[3]
    rest = weights.dtype.type(1) - beta_1
    for i in prange(weights.size):
        g = gradients[i]
        m = beta_1 * mean[i] + rest * g
        faded = beta_2 * largest[i]
        u = faded if faded > abs(g) else abs(g)
        mean[i] = m
        largest[i] = u
        weights[i] -= rate * m / (u + epsilon)


@cpu_kernel
def nadam_update(gradients, hyper, mean, mean_square, weights):
    """m, v as in `adam_update`;  w -= (r g + s m) / (√(v / c) + epsilon), with r, s and c of this step"""
    rate_gradient, rate_mean, correction = hyper[0], hyper[1], hyper[2]
    beta_1, beta_2, epsilon = hyper[3], hyper[4], hyper[5]
    one = weights.dtype.type(1)
    corrected = one / correction
    for i in prange(weights.size):
        g = gradients[i]
        m = beta_1 * mean[i] + (one - beta_1) * g
        v = beta_2 * mean_square[i] + (one - beta_2) * (g * g)
        mean[i] = m
        mean_square[i] = v
        weights[i] -= (rate_gradient * g + rate_mean * m) / (math.sqrt(v * corrected) + epsilon)


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
    norm = math.sqrt(square)
    scale = norm_limit / norm if norm >= norm_limit else gradients.dtype.type(1)
    for i in prange(gradients.size):
        gradients[i] = clip(gradients[i] * scale, -value_limit, value_limit)
