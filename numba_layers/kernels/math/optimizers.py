"""Steps of the optimizers: formulas (gradient, slots, rates) -> (step, slots), which kernels of every target inline.

A weight loses the step: w -= step. `slots` are the numbers that the optimizer keeps for the weight, `rates` what may
change from step to step (rates, decays): tuples, in the order that `tables.UPDATES` says. The difference 1 - ρ is taken
in the gradient's float type, as Keras takes it.
"""

from .scalar import formula, sqrt

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


# ---- clipping ----------------------------------------------------------------------------------------------


@formula
def norm_scale(square, limit):
    """What gradients whose squares add up to `square` are multiplied by: limit / ‖g‖ if that reaches limit, else 1."""
    norm = sqrt(square)
    return limit / norm if norm >= limit else type(square)(1)
