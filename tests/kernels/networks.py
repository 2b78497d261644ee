"""Networks that train a little; prints a hash of what each has learned. A script: [serial] [backwards]."""

import hashlib
import sys

import numpy as np

from numba_layers import layers, optimizers
from numba_layers.kernels.cpu import threads
from numba_layers.models import Sequential

NETWORKS = {
    "winograd": lambda: [layers.Conv2D(16, 3, activation="relu", padding="same", input_shape=(12, 11, 3)),
                         layers.Conv2D(20, 3), layers.Flatten()],
    "strided": lambda: [layers.Conv2D(9, 5, strides=2, padding="same", input_shape=(12, 11, 3)),
                        layers.Conv2DTranspose(3, 3, strides=2), layers.Flatten()],
    "depthwise": lambda: [layers.SeparableConv2D(17, 3, activation="tanh", input_shape=(12, 11, 3)),
                          layers.AveragePooling2D(), layers.Flatten()],
    "one dimension": lambda: [layers.Conv1D(13, 3, dilation_rate=2, activation="sigmoid", input_shape=(33, 5)),
                              layers.MaxPooling1D(), layers.GlobalAveragePooling1D()],
    "dense": lambda: [layers.Dense(37, activation="elu", input_shape=(19,)), layers.Dropout(0.3),
                      layers.Dense(11, activation="softplus")],
}
OPTIMIZERS = {"sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
              **{name: getattr(optimizers, name) for name in ("Adadelta", "Adam", "RMSprop", "Nadam")}}
LOSSES = "categorical_crossentropy", "mean_squared_error", "binary_crossentropy", "mean_absolute_error"


def trained(build, optimizer, loss):
    """A hash of the weights and losses of three epochs."""
    np.random.seed(3)
    parts = build()
    network = Sequential([*parts, layers.Dense(7, activation="softmax", kernel_regularizer="l2")])
    network.compile(optimizer, loss)
    x, y = np.random.rand(25, *network.input_shape[1:]), np.eye(7)[np.random.randint(0, 7, 25)]
    told = network.fit(x, y, batch_size=9, epochs=3, verbose=0).history["loss"]
    return hashlib.sha256(b"".join([np.array(told).tobytes(), *(w.tobytes() for w in network.get_weights())]))


if __name__ == "__main__":
    if "serial" in sys.argv:
        threads.serial = lambda: True
    names = list(NETWORKS)
    hashes = {}
    for number in reversed(range(len(names))) if "backwards" in sys.argv else range(len(names)):
        optimizer, loss = list(OPTIMIZERS.values())[number], LOSSES[number % len(LOSSES)]
        hashes[names[number]] = trained(NETWORKS[names[number]], optimizer(), loss).hexdigest()[:12]
    for name in names:
        print(name.replace(" ", "-"), hashes[name])
