"""What a user writes, for the type checker: it finds nothing in `right`, and in `wrong` what each comment names.

`python -m mypy --strict tests/typed_script.py`; a wrong line that it passes is an error as well: an unused comment.
"""

import numpy as np

import numba_layers
from numba_layers import Input, Tape, Tensor, config, gradcheck, losses, metrics, ops, optimizers, registry
from numba_layers import backend as K
from numba_layers.callbacks import Callback, EarlyStopping
from numba_layers.datasets import digits
from numba_layers.layers import Activation, Conv2D, Dense, Dropout, Flatten, Lambda, Layer, MaxPooling2D, add
from numba_layers.models import Model, Sequential, load_model
from numba_layers.optimizers import SGD, Adam
from numba_layers.regularizers import l2
from numba_layers.typing import TensorLike
from numba_layers.utils import to_categorical


class Scaled(Layer):
    """A layer of the user's own."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.scale = self.add_weight("scale", (input_shape[-1],), initializer="ones")
        super().build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.scale


class Stop(Callback):
    """A callback of the user's own."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs and logs["loss"] < 1:
            self.model.stop_training = True


def scaled(x: TensorLike, factor: TensorLike | None = None) -> Tensor:
    return ops.multiply(x, 0.5 if factor is None else factor)


def right(folder: str) -> float:
    """Calls that are right, as they run: in Keras 2's words and in Keras 1's."""
    (x, y), _ = digits.load_data()
    x, y = x[:64, ..., None] / 255.0, to_categorical(y[:64], 10)
    model = Sequential([Conv2D(4, (3, 3), activation="relu", input_shape=x.shape[1:]), MaxPooling2D(), Flatten()])
    model.add(Dense(8, init="glorot_uniform", kernel_regularizer=l2(0.01), name="middle"))
    model.add(Scaled())
    model.add(Dropout(p=0.5, seed=1))
    model.add(Dense(output_dim=10))
    model.add(Activation("softmax"))
    model.compile(Adam(lr=0.01, clipnorm=1.0), loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=16, nb_epoch=2, verbose=0, validation_split=0.25,
                        callbacks=[EarlyStopping(patience=3), Stop()])
    model.fit_generator(iter([(x, y)]), samples_per_epoch=64, nb_epoch=1, verbose=0, max_q_size=1)
    loss: list[float] = history.history["loss"]
    model.save(f"{folder}/model.h5")
    again = load_model(f"{folder}/model.h5", custom_objects={"Scaled": Scaled})
    model.get_layer("middle").kernel.set_value(np.zeros((model.get_layer("middle").input_shape[-1], 8)))

    left, other = Input(shape=(4,)), Input((4,))
    both = Model(input=[left, other], output=add([Dense(3)(left), Lambda(lambda t: t[:, :3] ** 2)(other)]))
    both.compile("sgd", losses.mean_squared_error, metrics=[metrics.mse])
    both.train_on_batch([np.ones((2, 4)), np.ones((2, 4))], np.ones((2, 3)))

    weight = K.variable(np.eye(4), name="weight")
    with Tape() as tape:
        y_pred = ops.dense([[1.0, 2.0, 3.0, 4.0]], weight, activation="relu") @ [[1.0], [2.0], [3.0], [4.0]] - 1
        total = ops.sum(scaled(y_pred), axis=(0, 1))
    (grad,) = tape.gradient(total, [weight])
    parts = ops.split(np.arange(6.0), parts=2)
    gradcheck(ops.softmax, [np.ones((2, 3))])
    config.set_floatx(config.floatx())
    with numba_layers.device("cpu"):
        K.random_normal((2, 3), std=0.1)
        K.function([left], [K.sqrt(left)])([np.ones((1, 4))])
    optimizers.get({"class_name": "SGD", "config": {"lr": 0.1}}).lr = 0.5
    registry.table("Dense")
    assert again.count_params() == model.count_params() and grad.shape == weight.shape and parts[0].shape == (3,)
    return loss[-1] + float(total)


def wrong(model: Model, x: Tensor) -> None:
    """Calls that a checker must refuse; nobody makes them."""
    Dense(output_dim="10")  # type: ignore[call-overload]
    Dense("10")  # type: ignore[call-overload]
    Dense(10, activation=3)  # type: ignore[call-overload]
    Dense(10, activaton="relu")  # type: ignore[call-overload]
    Dense()  # type: ignore[call-overload]
    Conv2D(4, "3x3")  # type: ignore[arg-type]
    Dropout(rate="half")  # type: ignore[call-overload]
    Flatten(data_fromat="channels_last")  # type: ignore[call-arg]
    Input(shape=5)  # type: ignore[arg-type]
    SGD(lr="fast")  # type: ignore[arg-type]
    Adam(clip=1.0)  # type: ignore[call-arg]
    EarlyStopping(patience="3")  # type: ignore[arg-type]
    Sequential(Dense(3))  # type: ignore[arg-type]
    model.compile(loss="mse")  # type: ignore[call-arg]
    model.compile(SGD, loss=3)  # type: ignore[arg-type]
    model.fit(x, x, epochs="many")  # type: ignore[arg-type]
    model.fit(x, x, nb_epochs=3)  # type: ignore[call-arg]
    model.save(3)  # type: ignore[arg-type]
    model.predict()  # type: ignore[call-arg]
    model.evaluat(x, x)  # type: ignore[attr-defined]
    ops.dense(x)  # type: ignore[call-arg]
    ops.dense("x", x)  # type: ignore[arg-type]
    ops.dense(x, x, activaton="relu")  # type: ignore[call-arg]
    ops.relu(None)  # type: ignore[arg-type]
    ops.sum(x, axis="rows")  # type: ignore[arg-type]
    ops.softplus(x, x)  # type: ignore[call-arg]
    print(ops.split(x, parts=2).shape)  # type: ignore[attr-defined]
    print(x + "1")  # type: ignore[operator]
    Tape().gradient(x, "x")  # type: ignore[arg-type]
    config.set_floatx(32)  # type: ignore[arg-type]
    K.variable("text")  # type: ignore[arg-type]
