"""Steps of the optimizers: formulas (gradient, slots, rates) -> (step, slots), which kernels of every target inline.

A weight loses the step: w -= step. `slots` are the numbers that the optimizer keeps for the weight, `rates` what may
change from step to step (rates, decays): tuples, in the order that `tables.UPDATES` says. The difference 1 - ρ is taken
in the gradient's float type, as Keras takes it.

`<optimizer>_rates` are formulas (t, *hyperparameters) -> rates of step t, 1 at first, all in float64.
"""

import numpy as np

from .scalar import formula, power, sqrt

NOTHING = 2.0**-60      # 1 - x is 1 of any smaller x

# count -> a formula: the first numbers of an array, as a tuple, so many. Read in a loop, they would be read each turn.
LEADING = {
    1: formula(lambda rates: (rates[0],)),
    2: formula(lambda rates: (rates[0], rates[1])),
    3: formula(lambda rates: (rates[0], rates[1], rates[2])),
    4: formula(lambda rates: (rates[0], rates[1], rates[2], rates[3])),
    6: formula(lambda rates: (rates[0], rates[1], rates[2], rates[3], rates[4], rates[5])),
}


@formula
def sgd(g, slots, rates):
    """step = rate g"""
    return rates[0] * g, slots


@formula
def sgd_momentum(g, slots, rates):
    """v = momentum v - rate g;  step = -v"""
    rate, momentum = rates
    velocity = momentum * slots[0] - rate * g
    return -velocity, (velocity,)


@formula
def sgd_nesterov(g, slots, rates):
    """v = momentum v - rate g;  step = rate g - momentum v"""
    rate, momentum = rates
    plain = rate * g
    velocity = momentum * slots[0] - plain
    return plain - momentum * velocity, (velocity,)


@formula
def mixed(decay, mean, x):
    """The running mean after x: decay mean + (1 - decay) x"""
    return decay * mean + (type(x)(1) - decay) * x


@formula
def rmsprop(g, slots, rates):
    """a = ρ a + (1 - ρ) g²;  step = rate g / (√a + epsilon)"""
    rate, rho, epsilon = rates
    mean_square = mixed(rho, slots[0], g * g)
    return rate * g / (sqrt(mean_square) + epsilon), (mean_square,)


@formula
def adagrad(g, slots, rates):
    """a += g²;  step = rate g / (√a + epsilon)"""
    rate, epsilon = rates
    sum_square = slots[0] + g * g
    return rate * g / (sqrt(sum_square) + epsilon), (sum_square,)


@formula
def adadelta(g, slots, rates):
    """a = ρ a + (1 - ρ) g²;  u = g √((d + epsilon) / (a + epsilon));  d = ρ d + (1 - ρ) u²;  step = rate u"""
    rate, rho, epsilon = rates
    mean_square = mixed(rho, slots[0], g * g)
    step = g * sqrt((slots[1] + epsilon) / (mean_square + epsilon))
    return rate * step, (mean_square, mixed(rho, slots[1], step * step))


@formula
def adam(g, slots, rates):
    """m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  step = rate m / (√v + epsilon)"""
    rate, beta_1, beta_2, epsilon = rates
    mean, mean_square = mixed(beta_1, slots[0], g), mixed(beta_2, slots[1], g * g)
    return rate * mean / (sqrt(mean_square) + epsilon), (mean, mean_square)


@formula
def adam_amsgrad(g, slots, rates):
    """m, v as in `adam`;  u = max(u, v);  step = rate m / (√u + epsilon)"""
    rate, beta_1, beta_2, epsilon = rates
    mean, mean_square = mixed(beta_1, slots[0], g), mixed(beta_2, slots[1], g * g)
    largest = slots[2] if slots[2] > mean_square else mean_square
    return rate * mean / (sqrt(largest) + epsilon), (mean, mean_square, largest)


@formula
def adamax(g, slots, rates):
    """m = β₁ m + (1 - β₁) g;  u = max(β₂ u, |g|);  step = rate m / (u + epsilon)"""
    rate, beta_1, beta_2, epsilon = rates
    mean, faded = mixed(beta_1, slots[0], g), beta_2 * slots[1]
    largest = faded if faded > abs(g) else abs(g)
    return rate * mean / (largest + epsilon), (mean, largest)


@formula
def nadam(g, slots, rates):
    """m, v as in `adam`;  step = (r g + s m) / (√(v / c) + epsilon), with r, s and c of this step"""
    rate_gradient, rate_mean, correction, beta_1, beta_2, epsilon = rates
    mean, mean_square = mixed(beta_1, slots[0], g), mixed(beta_2, slots[1], g * g)
    corrected = mean_square * (type(g)(1) / correction)     # a division for all weights, not one each
    return (rate_gradient * g + rate_mean * mean) / (sqrt(corrected) + epsilon), (mean, mean_square)


# ---- rates -------------------------------------------------------------------------------------------------


@formula
def counted(iterations):
    """Count a step in `iterations`, an int64 array (); its number."""
    t = iterations[()] + 1
    iterations[()] = t
    return np.float64(t)


@formula
def decayed(t, lr, decay):
    """The learning rate of step t: lr / (1 + decay (t - 1))"""
    return np.float64(lr) / (1.0 + np.float64(decay) * (t - 1.0))


@formula
def sgd_rates(t, lr, momentum, decay):
    """rate, momentum"""
    return decayed(t, lr, decay), np.float64(momentum)


@formula
def rmsprop_rates(t, lr, rho, decay, epsilon):
    """rate, ρ, epsilon"""
    return decayed(t, lr, decay), np.float64(rho), np.float64(epsilon)


@formula
def adagrad_rates(t, lr, decay, epsilon):
    """rate, epsilon"""
    return decayed(t, lr, decay), np.float64(epsilon)


@formula
def adam_rates(t, lr, beta_1, beta_2, decay, epsilon):
    """rate √(1 - β₂ᵗ) / (1 - β₁ᵗ), β₁, β₂, epsilon"""
    beta_1, beta_2 = np.float64(beta_1), np.float64(beta_2)
    rate = decayed(t, lr, decay) * sqrt(1.0 - power(beta_2, t)) / (1.0 - power(beta_1, t))
    return rate, beta_1, beta_2, np.float64(epsilon)


@formula
def adamax_rates(t, lr, beta_1, beta_2, decay, epsilon):
    """rate / (1 - β₁ᵗ), β₁, β₂, epsilon"""
    beta_1 = np.float64(beta_1)
    return decayed(t, lr, decay) / (1.0 - power(beta_1, t)), beta_1, np.float64(beta_2), np.float64(epsilon)


@formula
def nadam_momentum(t, beta_1, schedule_decay):
    """μₜ = β₁ (1 - 0.96^(t schedule_decay) / 2)"""
    return np.float64(beta_1) * (1.0 - 0.5 * power(0.96, t * np.float64(schedule_decay)))


@formula
def nadam_product(products, t, beta_1, schedule_decay):
    """Πₜ = μ₁ ... μₜ, from that of an earlier step, which `products` keep as (t, Πₜ); and so this one.

    (0, 0), and a step that is later than this one, stand for the beginning.
    """
    if products[0] == 0.0 or products[0] > t:
        products[0], products[1] = 0.0, 1.0
    n, product = products[0], products[1]
    while n < t and product > NOTHING:
        n += 1.0
        product *= nadam_momentum(n, beta_1, schedule_decay)
    products[0], products[1] = t, product
    return product


@formula
def nadam_rates(t, product, lr, beta_1, beta_2, epsilon, schedule_decay):
    """lr (1 - μₜ) / (1 - Πₜ), lr μₜ₊₁ / (1 - Πₜ₊₁), 1 - β₂ᵗ, β₁, β₂, epsilon, with the product Πₜ = μ₁ μ₂ ... μₜ"""
    lr, beta_2 = np.float64(lr), np.float64(beta_2)
    now = nadam_momentum(t, beta_1, schedule_decay)
    following = nadam_momentum(t + 1.0, beta_1, schedule_decay)
    return (lr * (1.0 - now) / (1.0 - product), lr * following / (1.0 - product * following),
            1.0 - power(beta_2, t), np.float64(beta_1), beta_2, np.float64(epsilon))


# ---- clipping ----------------------------------------------------------------------------------------------


@formula
def norm_scale(square, limit):
    """What gradients whose squares add up to `square` are multiplied by: limit / ‖g‖ if that reaches limit, else 1."""
    norm = sqrt(square)
    return limit / norm if norm >= limit else type(square)(1)
