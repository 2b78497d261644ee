"""The kernels of optimizers: each update against its formula, the norm of gradients, clipping."""

import numpy as np
import pytest

from numba_layers import optimizers
from numba_layers.kernels.math.tables import UPDATES as TABLE
from tests.kernels.launching import launch
from tests.tolerances import assert_close

SIZES = [1, 33, 700]


def sgd(h, g, w):
    return (w - h[0] * g,)


def momentum(h, g, v, w):
    v = h[1] * v - h[0] * g
    return v, w + v


def nesterov(h, g, v, w):
    v = h[1] * v - h[0] * g
    return v, w + h[1] * v - h[0] * g


def rmsprop(h, g, a, w):
    a = h[1] * a + (1 - h[1]) * g**2
    return a, w - h[0] * g / (np.sqrt(a) + h[2])


def adagrad(h, g, a, w):
    return a + g**2, w - h[0] * g / (np.sqrt(a + g**2) + h[1])


def adadelta(h, g, a, d, w):
    a = h[1] * a + (1 - h[1]) * g**2
    step = g * np.sqrt(d + h[2]) / np.sqrt(a + h[2])
    return a, h[1] * d + (1 - h[1]) * step**2, w - h[0] * step


def moments(b1, b2, g, m, v):
    return b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2


def adam(h, g, m, v, w):
    m, v = moments(h[1], h[2], g, m, v)
    return m, v, w - h[0] * m / (np.sqrt(v) + h[3])


def amsgrad(h, g, m, v, u, w):
    m, v = moments(h[1], h[2], g, m, v)
    u = np.maximum(u, v)
    return m, v, u, w - h[0] * m / (np.sqrt(u) + h[3])


def adamax(h, g, m, u, w):
    m, u = h[1] * m + (1 - h[1]) * g, np.maximum(h[2] * u, abs(g))
    return m, u, w - h[0] * m / (u + h[3])


def nadam(h, g, m, v, w):
    m, v = moments(h[3], h[4], g, m, v)
    return m, v, w - (h[0] * g + h[1] * m) / (np.sqrt(v / h[2]) + h[5])


UPDATES = {   # kernel -> rule, rates
    "sgd_update": (sgd, [0.1]),
    "sgd_momentum_update": (momentum, [0.1, 0.9]),
    "sgd_nesterov_update": (nesterov, [0.1, 0.9]),
    "rmsprop_update": (rmsprop, [0.1, 0.9, 1e-3]),
    "adagrad_update": (adagrad, [0.1, 1e-3]),
    "adadelta_update": (adadelta, [1, 0.95, 1e-3]),
    "adam_update": (adam, [0.1, 0.9, 0.99, 1e-3]),
    "adam_amsgrad_update": (amsgrad, [0.1, 0.9, 0.99, 1e-3]),
    "adamax_update": (adamax, [0.1, 0.9, 0.99, 1e-3]),
    "nadam_update": (nadam, [0.05, 0.06, 0.7, 0.9, 0.99, 1e-3]),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", UPDATES)
def test_updates(name, size, device, dtype, random):
    rule, rates = UPDATES[name]
    rates = np.array(rates, dtype)
    gradients = random.standard_normal(size).astype(dtype)
    slots = [random.uniform(0.1, 2, size).astype(dtype) for _ in range(rule.__code__.co_argcount - 3)]
    written = [*slots, random.standard_normal(size).astype(dtype)]
    expected = rule(*(array.astype("float64") for array in (rates, gradients, *written)))
    launch(name, gradients, rates, *written, written=len(written))
    for actual, desired in zip(written, expected, strict=True):
        assert_close(actual, desired, 5)


@pytest.mark.parametrize("optimizer", [
    optimizers.SGD(), optimizers.SGD(momentum=0.9), optimizers.SGD(momentum=0.9, nesterov=True), optimizers.RMSprop(),
    optimizers.Adagrad(), optimizers.Adadelta(), optimizers.Adam(), optimizers.Adam(amsgrad=True), optimizers.Adamax(),
    optimizers.Nadam()], ids=lambda optimizer: optimizer.kernel())
def test_optimizers_hand_over_what_the_table_says(optimizer):
    name, rates = optimizer.update(1)
    assert TABLE[name].slots == tuple(optimizer._slots_of(name, optimizer.slots))
    assert len(TABLE[name].rates) == len(rates) or name == "sgd_update"    # which has a momentum of 0


@pytest.mark.parametrize("size, sums", [(1, 1), (5, 64), (1000, 7), (6000, 2), (640, 64)])
def test_square_sums(size, sums, device, dtype, random):
    gradients, out = random.standard_normal(size).astype(dtype), np.full(sums, 7, dtype)
    launch("gradient_square_sums", gradients, out)
    chunk = -(-size // sums)
    expected = [np.sum(gradients[k * chunk:(k + 1) * chunk].astype("float64")**2) for k in range(sums)]
    assert_close(out, expected, 10)


@pytest.mark.parametrize("norm, value", [(np.inf, np.inf), (1.5, np.inf), (1e3, np.inf), (np.inf, 0.3), (2, 0.1)])
@pytest.mark.parametrize("size", SIZES)
def test_clipping(size, norm, value, device, dtype, random):
    gradients = random.standard_normal(size).astype(dtype)
    gradients[0] = 2
    sums = np.zeros(64, dtype)
    sums[5], sums[63] = 1, np.sum(gradients**2) - 1
    length = np.sqrt(np.sum(gradients.astype("float64")**2))
    expected = np.clip(gradients * min(1, norm / length), -value, value)
    launch("clip_gradients", sums, np.array([norm, value], dtype), gradients)
    assert_close(gradients, expected, 5)


def test_gradients_without_norm(device, dtype):
    gradients = np.array([np.nan, 1, -9], dtype)
    launch("clip_gradients", np.zeros(64, dtype), np.array([np.inf, 3], dtype), gradients)
    assert_close(gradients, [np.nan, 1, -3])


# ---- rates -------------------------------------------------------------------------------------------------


def decayed(t, lr, decay):
    return lr / (1 + decay * (t - 1))


def nadam_momentum(t, beta_1, schedule_decay):
    return beta_1 * (1 - 0.5 * 0.96 ** (t * schedule_decay))


def nadam_rates(t, lr, beta_1, beta_2, epsilon, schedule_decay):
    now, following = (nadam_momentum(step, beta_1, schedule_decay) for step in (t, t + 1))
    product = np.prod([nadam_momentum(step, beta_1, schedule_decay) for step in range(1, t + 1)])
    return (lr * (1 - now) / (1 - product), lr * following / (1 - product * following), 1 - beta_2**t, beta_1, beta_2,
            epsilon)


RATES = {   # kernel -> the numbers of step t; hyperparameters that may change, others
    "sgd_rates": (lambda t, lr, decay, momentum: (decayed(t, lr, decay), momentum), [0.1, 0.01], [0.9]),
    "rmsprop_rates": (lambda t, lr, rho, decay, epsilon: (decayed(t, lr, decay), rho, epsilon),
                      [0.1, 0.9, 0.01], [1e-7]),
    "adagrad_rates": (lambda t, lr, decay, epsilon: (decayed(t, lr, decay), epsilon), [0.1, 0.01], [1e-7]),
    "adadelta_rates": (lambda t, lr, decay, rho, epsilon: (decayed(t, lr, decay), rho, epsilon),
                       [1, 0.01], [0.95, 1e-7]),
    "adam_rates": (lambda t, lr, beta_1, beta_2, decay, epsilon: (
        decayed(t, lr, decay) * np.sqrt(1 - beta_2**t) / (1 - beta_1**t), beta_1, beta_2, epsilon),
        [0.1, 0.9, 0.999, 0.01], [1e-7]),
    "adamax_rates": (lambda t, lr, beta_1, beta_2, decay, epsilon: (
        decayed(t, lr, decay) / (1 - beta_1**t), beta_1, beta_2, epsilon), [0.1, 0.9, 0.999, 0.01], [1e-7]),
    "nadam_rates": (nadam_rates, [0.1, 0.9, 0.999], [1e-7, 0.004]),
}


@pytest.mark.parametrize("steps_done", [0, 6, 20000, 2**52])
@pytest.mark.parametrize("name", RATES)
def test_rates(name, steps_done, device, dtype):
    rule, changing, fixed = RATES[name]
    changing = [np.array(number, dtype) for number in changing]
    if name == "nadam_rates" and steps_done > 20000:
        pytest.skip("the plain product takes for ever")
    memory = [np.zeros(2)] if name == "nadam_rates" else []
    iterations = np.array(steps_done, np.int64)
    for step in (steps_done + 1, steps_done + 2):
        expected = rule(step, *map(float, changing), *fixed)
        rates = np.zeros(len(expected), dtype)
        launch(name, *changing, *map(np.float64, fixed), *memory, iterations, rates, written=len(memory) + 2)
        assert iterations == step
        np.testing.assert_allclose(rates, np.array(expected, dtype), rtol=1e-14 if dtype == "float64" else 1e-7)


def test_the_product_of_nadam_goes_on_or_begins_again(device):
    numbers = [*map(np.float64, (0.1, 0.9, 0.999))], [*map(np.float64, (1e-7, 0.004))]
    products = np.zeros(2)
    for done in (0, 1, 5, 5, 2, 2**52, 3):      # in order, with a gap, twice, back, far on, back from there
        iterations, rates = np.array(done, np.int64), np.zeros(6)
        arrays = [np.array(number) for number in numbers[0]]
        launch("nadam_rates", *arrays, *numbers[1], products, iterations, rates, written=3)
        assert products[0] == iterations == done + 1
        if done < 100:
            np.testing.assert_allclose(rates, nadam_rates(done + 1, *numbers[0], *numbers[1]), rtol=1e-14)
        else:
            assert products[1] < 1e-17 and rates[0] == numbers[0][0] * (1 - 0.9)
