"""The networks of `programs.py` by JAX: a whole training step jitted, its state donated, batches on the device."""

import jax
import jax.numpy as jnp
import numpy as np
from _networks import RATES, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, one_sample, samples, shapes
from jax import lax
from jax.flatten_util import ravel_pytree

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu}
SLOTS = {"adam": 2, "rmsprop": 1, "adadelta": 2, "sgd": 0}
LAST = {"softmax": jax.nn.softmax, "sigmoid": jax.nn.sigmoid}


def about(count):
    return f"JAX {jax.__version__}, {len(jax.devices())} {jax.devices()[0].platform}"


def variants(network):
    """What is tried: weights as a tree of arrays or, in short steps, as one array; for dropout, two generators."""
    generators = ["threefry2x32", "rbg"] if any(isinstance(layer, Dropout) for layer in network.layers) else [None]
    states = ["tree"] if len(network.input_shape) == 3 else ["tree", "flat"]
    return [", ".join(filter(None, [state, generator])) for state in states for generator in generators]


def given(network, variant):
    """The batches of an epoch."""
    cut = network.batch * np.arange(1, network.steps)
    return [tuple(map(jax.device_put, pair)) for pair in zip(*(np.split(array, cut) for array in samples(network)))]


class Contender:
    """A network, and its `work`: name -> function of how many calls (or steps) to make."""

    def __init__(self, network, variant, batches):
        self._one, self._batches = one_sample(network), batches
        self._flat = variant.startswith("flat")
        self._slots = SLOTS[network.optimizer]
        _, _, generator = variant.partition(", ")
        self._key = jax.random.key(0, impl=generator) if generator else None
        weights = _initial(network)
        self._whole = ravel_pytree(weights)[1] if self._flat else lambda weights: weights
        self.set_weights([array for pair in weights for array in pair])
        last = LAST.get(getattr(network.layers[-1], "activation", None), lambda y: y)
        self._step = _step(network, self._whole)
        self._forward = jax.jit(lambda weights, x: last(_outputs(network, self._whole(weights), x)))
        self.work = {"train": self.train, "read": self._read, "predict": self._predict}

    def set_weights(self, weights):
        """Kernels come as Keras has them."""
        pairs = [tuple(map(jnp.array, pair)) for pair in zip(weights[::2], weights[1::2])]
        weights = ravel_pytree(pairs)[0] if self._flat else pairs
        slots = [jax.tree.map(jnp.zeros_like, weights) for _ in range(self._slots)]
        self._state = weights, slots, self._key, jnp.zeros(())

    def train(self, steps):
        """Train so many steps, an epoch or less; their mean loss."""
        step, state = self._step, (*self._state, jnp.zeros(()))
        for x, y in self._batches[:steps]:
            state = step(state, x, y)
        *self._state, total = state
        return float(total) / steps

    def _read(self, steps):
        """The same, the loss of each read."""
        step, state = self._step, (*self._state, jnp.zeros(()))
        for x, y in self._batches[:steps]:
            state = step(state, x, y)
            float(state[-1])
        self._state = state[:-1]

    def _predict(self, calls):
        forward, weights, one = self._forward, self._state[0], self._one
        for _ in range(calls):
            np.asarray(forward(weights, one))


def _initial(network):
    random = np.random.default_rng(1)
    sizes = [((layer.kernel_size,) * 2 + (shape[-1], layer.filters)) if isinstance(layer, Conv2D) else
             (shape[0], layer.units)
             for layer, shape in zip(network.layers, shapes(network)) if isinstance(layer, (Conv2D, Dense))]
    return [(random.standard_normal(size, np.float32) * np.prod(size[:-1]) ** -0.5, np.zeros(size[-1], np.float32))
            for size in sizes]


def _outputs(network, weights, x, key=None):
    """What the network makes of x, the last layer's softmax or sigmoid left out; with a key: in training."""
    weights = iter(weights)
    for layer in network.layers:
        if isinstance(layer, Dense):
            w, b = next(weights)
            x = x @ w + b
        elif isinstance(layer, Conv2D):
            w, b = next(weights)
            x = lax.conv_general_dilated(x, w, (1, 1), layer.padding.upper(),
                                         dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
        elif isinstance(layer, MaxPooling2D):
            x = _pooled(x, layer.pool_size)
        elif isinstance(layer, Dropout):
            if key is not None:
                key, now = jax.random.split(key)
                x = jnp.where(jax.random.bernoulli(now, 1 - layer.rate, x.shape), x / (1 - layer.rate), 0)
        elif isinstance(layer, Flatten):
            x = x.reshape(len(x), -1)
        else:
            n, height, width, channels = x.shape
            wide = jnp.broadcast_to(x[:, :, None, :, None], (n, height, layer.size, width, layer.size, channels))
            x = wide.reshape(n, height * layer.size, width * layer.size, channels)
        x = ACTIVATIONS.get(getattr(layer, "activation", None), lambda x: x)(x)
    return x


def _pooled(x, size):
    """Maxima of windows, which XLA computes faster as maxima of axes than by `lax.reduce_window`, back above all."""
    pad = [-length % size for length in x.shape[1:3]]
    if any(pad):
        x = jnp.pad(x, [(0, 0), (0, pad[0]), (0, pad[1]), (0, 0)], constant_values=-jnp.inf)
    n, height, width, channels = x.shape
    return x.reshape(n, height // size, size, width // size, size, channels).max(axis=(2, 4))


def _loss(network, outputs, y):
    if network.loss == "mse":
        return jnp.mean(jnp.square(outputs - y))
    if network.loss == "categorical_crossentropy":
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(outputs), axis=-1))
    return jnp.mean(jnp.maximum(outputs, 0) - outputs * y + jnp.log1p(jnp.exp(-jnp.abs(outputs))))


def _step(network, whole):
    def loss_of(weights, x, y, key):
        return _loss(network, _outputs(network, whole(weights), x, key), y)

    def step(state, x, y):
        weights, slots, key, time, total = state
        key, now = (None, None) if key is None else jax.random.split(key)
        loss, grads = jax.value_and_grad(loss_of)(weights, x, y, now)
        weights, slots = _updated(network.optimizer, weights, slots, grads, time + 1)
        return weights, slots, key, time + 1, total + loss

    return jax.jit(step, donate_argnums=0)


def _updated(optimizer, weights, slots, grads, time):
    """(weights, slots) after an update by Keras's formulas."""
    mapped = jax.tree.map
    rate, *decays = RATES[optimizer]
    if optimizer == "adam":
        (one, two), (beta_1, beta_2, epsilon) = slots, decays
        rate = rate * jnp.sqrt(1 - beta_2 ** time) / (1 - beta_1 ** time)
        one = mapped(lambda m, g: beta_1 * m + (1 - beta_1) * g, one, grads)
        two = mapped(lambda v, g: beta_2 * v + (1 - beta_2) * g * g, two, grads)
        return mapped(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + epsilon), weights, one, two), [one, two]
    if optimizer == "rmsprop":
        (one,), (rho, epsilon) = slots, decays
        one = mapped(lambda s, g: rho * s + (1 - rho) * g * g, one, grads)
        return mapped(lambda w, g, s: w - rate * g / (jnp.sqrt(s) + epsilon), weights, grads, one), [one]
    if optimizer == "adadelta":
        (one, two), (rho, epsilon) = slots, decays
        one = mapped(lambda s, g: rho * s + (1 - rho) * g * g, one, grads)
        moves = mapped(lambda g, s, m: g * jnp.sqrt((m + epsilon) / (s + epsilon)), grads, one, two)
        two = mapped(lambda m, u: rho * m + (1 - rho) * u * u, two, moves)
        return mapped(lambda w, u: w - rate * u, weights, moves), [one, two]
    return mapped(lambda w, g: w - rate * g, weights, grads), slots
