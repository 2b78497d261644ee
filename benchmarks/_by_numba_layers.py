"""The networks of `programs.py` by numba_layers."""

import functools

import numba
import numpy as np
from _networks import RATES, one_sample, samples, shapes

import numba_layers
from numba_layers import layers, models, optimizers
from numba_layers.kernels.cpu import threads

OPTIMIZERS = {"adam": (optimizers.Adam, ("lr", "beta_1", "beta_2", "epsilon")),
              "rmsprop": (optimizers.RMSprop, ("lr", "rho", "epsilon")),
              "adadelta": (optimizers.Adadelta, ("lr", "rho", "epsilon")), "sgd": (optimizers.SGD, ("lr",))}


def about(count):
    with threads.launching():
        return (f"numba_layers {numba_layers.__version__}, Numba {numba.__version__}, {numba.threading_layer()}, "
                f"{numba.get_num_threads()} threads")


def variants(network):
    return ["fit"]


def given(network, variant):
    return samples(network)


class Contender:
    """A network, and its `work`: name -> function of how many calls (or steps) to make."""

    def __init__(self, network, variant, data):
        self._network, (self._x, self._y) = network, data
        self.shuffle = True
        described = [getattr(layers, type(layer).__name__)(**layer._asdict()) for layer in network.layers]
        self.model = models.Sequential([layers.InputLayer(network.input_shape), *described])
        kind, names = OPTIMIZERS[network.optimizer]
        self.model.compile(kind(**dict(zip(names, RATES[network.optimizer]))), network.loss)
        self.work = {"train": self.train, "read": self._read, "predict": self._predict}
        if hasattr(self.model, "as_function"):
            self.work |= {"function": self._from_python, "compiled": self._from_compiled_code,
                          "kernels": self._kernels}

    def weights(self):
        """Kernel and bias of each layer that has them, kernels as Keras has them."""
        return self.model.get_weights()

    def set_weights(self, weights):
        self.model.set_weights(weights)

    def train(self, steps):
        """Train so many steps, an epoch or less; its loss."""
        count = steps * self._network.batch
        history = self.model.fit(self._x[:count], self._y[:count], batch_size=self._network.batch, epochs=1, verbose=0,
                                 shuffle=self.shuffle)
        return history.history["loss"][-1]

    def _read(self, steps):
        """The same, the loss of each read."""
        size = self._network.batch
        for first in range(0, steps * size, size):
            self.model.train_on_batch(self._x[first:first + size], self._y[first:first + size])

    def _predict(self, calls):
        one = one_sample(self._network)
        for _ in range(calls):
            self.model.predict(one)

    @functools.cached_property
    def _program(self):
        """The program of a step, and its inputs."""
        size = self._network.batch
        for _ in range(4):
            self.model.train_on_batch(self._x[:size], self._y[:size])
        program = self.model.program(batch_size=size)
        return program, [np.zeros(program.buffers[number].bytes, np.uint8) for number in program.inputs]

    def _kernels(self, steps):
        program, inputs = self._program
        program.run(inputs, steps)

    @functools.cached_property
    def _function(self):
        """The network as a function, a sample and where its outputs go."""
        one = one_sample(self._network)
        return self.model.as_function(batch_size=1), one, np.empty((1, *shapes(self._network)[-1]), np.float32)

    def _from_python(self, calls):
        function, one, out = self._function
        for _ in range(calls):
            function(one, out)

    @functools.cached_property
    def _loop(self):
        function = self._function[0]

        @numba.njit
        def loop(x, out, calls):
            for _ in range(calls):
                function(x, out)

        return loop

    def _from_compiled_code(self, calls):
        self._loop(*self._function[1:], calls)
