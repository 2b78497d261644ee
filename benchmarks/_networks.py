"""The networks that `programs.py` trains, described once for all libraries, and numbers to train them on."""

import math
from collections import namedtuple

import numpy as np

# Layers, with Keras's names of what they take. Images have their channels last.
Dense = namedtuple("Dense", "units activation", defaults=(None,))
Conv2D = namedtuple("Conv2D", "filters kernel_size activation padding", defaults=("relu", "same"))
MaxPooling2D = namedtuple("MaxPooling2D", "pool_size padding", defaults=(2, "same"))
UpSampling2D = namedtuple("UpSampling2D", "size", defaults=(2,))
Dropout = namedtuple("Dropout", "rate")
Flatten = namedtuple("Flatten", "")

# steps: of an epoch, that is of a turn of the clock.
Network = namedtuple("Network", "name input_shape layers loss optimizer batch steps")
NETWORKS = {network.name: network for network in [
    Network("tiny", (16,), [Dense(32, "tanh"), Dense(32, "tanh"), Dense(1)], "mse", "adam", 32, 1000),
    Network("chain", (4,), [Dense(32, "tanh"), Dense(16, "tanh"), Dense(4)], "mse", "adam", 10000, 40),
    Network("mnist_mlp", (784,), [Dense(512, "relu"), Dropout(0.2), Dense(512, "relu"), Dropout(0.2),
                                  Dense(10, "softmax")], "categorical_crossentropy", "rmsprop", 128, 20),
    Network("mnist_cnn", (28, 28, 1), [Conv2D(32, 3, padding="valid"), Conv2D(32, 3, padding="valid"), MaxPooling2D(),
                                       Dropout(0.25), Flatten(), Dense(128, "relu"), Dropout(0.5),
                                       Dense(10, "softmax")], "categorical_crossentropy", "adadelta", 128, 4),
    Network("convolutions", (32, 32, 64), [Conv2D(64, 3)] * 2 + [Conv2D(64, 3, None)], "mse", "sgd", 16, 4),
    Network("autoencoder", (28, 28, 1), [Conv2D(16, 3), MaxPooling2D(), Conv2D(8, 3), MaxPooling2D(), Conv2D(8, 3),
                                         MaxPooling2D(), Conv2D(8, 3), UpSampling2D(), Conv2D(8, 3), UpSampling2D(),
                                         Conv2D(16, 3, padding="valid"), UpSampling2D(), Conv2D(1, 3, "sigmoid")],
            "binary_crossentropy", "adam", 32, 20),
]}
DESCRIBED = {"tiny": "16-32-32-1 tanh, batch 32, Adam", "chain": "4-32-16-4 tanh, batch 10,000, Adam",
             "mnist_mlp": "784-512-512-10, batch 128, RMSprop", "mnist_cnn": "batch 128, Adadelta",
             "convolutions": "three 3x3x64 on 32x32, batch 16, SGD",
             "autoencoder": "Keras's, 28x28, batch 32, Adam"}
# Of optimizers, the same for all: learning rate, decays of averages, epsilon.
RATES = {"adam": (0.001, 0.9, 0.999, 1e-7), "rmsprop": (0.001, 0.9, 1e-7), "adadelta": (1.0, 0.95, 1e-7),
         "sgd": (0.01,)}


def smaller(network):
    """The same with few samples and steps, to try the script."""
    return network._replace(batch=4, steps=3)


def shapes(network):
    """The shape of a sample before each layer, and after the last."""
    found = [network.input_shape]
    for layer in network.layers:
        found.append(_after(layer, found[-1]))
    return found


def _after(layer, shape):
    if isinstance(layer, Dense):
        return (layer.units,)
    if isinstance(layer, Flatten):
        return (math.prod(shape),)
    if isinstance(layer, Conv2D):
        lost = layer.kernel_size - 1 if layer.padding == "valid" else 0
        return (*(size - lost for size in shape[:2]), layer.filters)
    if isinstance(layer, MaxPooling2D):
        return (*(-(-size // layer.pool_size) for size in shape[:2]), shape[2])
    if isinstance(layer, UpSampling2D):
        return (*(size * layer.size for size in shape[:2]), shape[2])
    return shape


def samples(network):
    """x and y of an epoch, (samples, *shape) in float32: what can be learnt, classes as one of ten."""
    random = np.random.default_rng(0)
    x = random.random((network.batch * network.steps, *network.input_shape), np.float32)
    outputs = shapes(network)[-1]
    if outputs == network.input_shape:
        return x, x
    y = (x.reshape(len(x), -1) - 0.5) @ random.standard_normal((math.prod(network.input_shape), *outputs), np.float32)
    if network.loss == "categorical_crossentropy":
        y = np.eye(*outputs, dtype=np.float32)[y.argmax(axis=1)]
    return x, y


def one_sample(network):
    return np.random.default_rng(2).random((1, *network.input_shape), np.float32)
