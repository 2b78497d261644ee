"""Whatever happens between steps: with programs the same bits come out as op by op."""

import numba
import numpy as np
import pytest

import numba_layers
from numba_layers import backend as K
from numba_layers import config, optimizers
from numba_layers._version import lacking_for_cuda
from numba_layers.backend.random import forget_streams
from numba_layers.errors import OutOfRangeError
from numba_layers.layers import (
    AlphaDropout,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    Highway,
    Input,
    Lambda,
    Layer,
    LocallyConnected1D,
    LocallyConnected2D,
    Masking,
    MaxoutDense,
    ParametricSoftplus,
    PReLU,
    Reshape,
    SpatialDropout1D,
    SReLU,
    TimeDistributed,
    UpSampling2D,
)
from numba_layers.models import Model, Sequential
from tests.written import Momentum

random = np.random.RandomState(5)
X = random.normal(size=(44, 6)).astype("float32")
Y = random.normal(size=(44, 3)).astype("float32")
LABELS = random.randint(0, 3, 44)
IMAGES = random.randint(0, 256, (44, 6, 6, 2)).astype("uint8")

pytestmark = pytest.mark.filterwarnings("error:.*not as a program")


class Centred(Layer):
    """Subtracts the mean of a batch, and keeps a moving average of it for predictions."""

    def build(self, input_shape):
        self.mean = self.add_weight((input_shape[-1],), initializer="zeros", trainable=False, name="mean")
        super().build(input_shape)

    def call(self, x, training=None):
        mean = K.mean(x, axis=0)
        self.add_update([K.moving_average_update(self.mean, mean, 0.9)], x)
        return K.in_train_phase(x - mean, x - self.mean, training=training)


def dense(optimizer="adam", loss="mse", rate=0.3, **options):
    model = Sequential([Dense(5, activation="tanh", input_shape=(6,)), Dropout(rate), Dense(3)])
    model.compile(optimizer, loss, **options)
    return model


def steps(model, count=4, x=X, y=Y, size=8, **options):
    """Figures of some steps on other data each, and then the weights."""
    figures = []
    for number in range(count):
        rows = slice(5 * number % 30, 5 * number % 30 + size)
        weights = {name: given[rows] for name, given in options.items() if name == "sample_weight"}
        figures.append(model.train_on_batch(x[rows], y[rows], **{**options, **weights}))
    return [figures, *model.get_weights()]


def fitted(model, x=X, y=Y, **options):
    options = {"batch_size": 8, "epochs": 3, "verbose": 0, "shuffle": True} | options
    history = model.fit(x, y, **options).history
    return [history[name] for name in sorted(history)] + model.get_weights()


def dropout():
    return steps(dense(), 6)


def noise():
    model = Sequential([Lambda(lambda x: x + K.random_normal((8, 6), stddev=0.1, seed=4), input_shape=(6,)), Dense(3),
                        Lambda(lambda x: K.dropout(x, 0.5, seed=5))])
    model.compile("rmsprop", "mae")
    return steps(model, 6)


def layers_of_noise():
    model = Sequential([GaussianNoise(0.1, seed=1, input_shape=(6,)), Dense(5, activation="selu"),
                        AlphaDropout(0.3, seed=2), AlphaDropout(0.2, noise_shape=(None, 1)), PReLU(),
                        GaussianDropout(0.2), Dense(4), SReLU(), ParametricSoftplus(), Dense(3)])
    model.compile("adam", "mse")
    return steps(model, 6) + [model.predict(X)] + fitted(model)


def locally_connected():
    model = Sequential([LocallyConnected2D(3, 2, strides=(1, 2), activation="relu", input_shape=(6, 6, 2)),
                        Reshape((5, 9)), LocallyConnected1D(2, 3, kernel_regularizer="l2"), Flatten(), Highway(),
                        MaxoutDense(3)])
    model.compile("adam", "mse")
    return steps(model, 5, x=IMAGES.astype("float32") / 255) + fitted(model, x=IMAGES)


class Jittered(Layer):
    """Two draws without a seed in a call, one of them in training alone."""

    def call(self, x, training=None):
        noisy = x + K.random_uniform((8, 6), -0.1, 0.1)
        return K.in_train_phase(lambda: noisy * K.random_normal((8, 6), 1.0, 0.1), noisy, training=training)


def noise_without_seed():
    model = Sequential([Lambda(lambda x: K.dropout(x, 0.5), input_shape=(6,)), Jittered(), Dense(3)])
    model.compile("rmsprop", "mae")
    predictions = [model.predict(X[:8]) for _ in range(4)]
    assert len({prediction.tobytes() for prediction in predictions}) == 4      # new numbers each time
    return steps(model, 6) + predictions + fitted(model, x=X[:40], y=Y[:40])


def rates():
    model = dense(optimizers.SGD(0.1, momentum=0.9, decay=0.1))
    found = steps(model)
    model.optimizer.lr = 0.5
    found += steps(model, 2)
    K.set_value(model.optimizer.lr, 0.01)
    found += steps(model, 2)
    model.optimizer.decay = 0.5
    found += steps(model, 2)
    model.optimizer.momentum = 0.0
    return found + steps(model)


def values():
    model = dense()
    found = steps(model)
    K.set_value(model.layers[0].kernel, np.full((6, 5), 0.25))
    found += steps(model, 2)
    model.set_weights([np.full_like(weight, 0.5) for weight in model.get_weights()])
    found += steps(model, 2)
    K.set_value(model.optimizer.iterations, 1000)
    return found + steps(model, 2) + [model.predict(X)]


def phases():
    model, found = dense(), []
    for phase in (None, 0, None, 1, 0):
        config.set_learning_phase(phase)
        found += steps(model, 3)
        found += [model.predict(X, batch_size=16), model.evaluate(X, Y, verbose=0)]
    config.set_learning_phase(None)
    return found


def trainable():
    model = dense()
    found = steps(model)
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    found += steps(model)
    model.layers[0].trainable = True
    model.compile(model.optimizer, "mae")
    return found + steps(model)


def loss_of_a_variable():
    scale = K.variable(1.0)
    model = dense(loss=lambda y, p: scale * K.mean(K.square(y - p), axis=-1))
    found = steps(model)
    K.set_value(scale, 3.0)
    return found + steps(model, 2)


def devices():
    if numba.config.DISABLE_JIT or lacking_for_cuda():
        pytest.skip("kernels for GPUs do not compile here")
    model, found = dense(), []
    for device in ("cpu", "emulated", "cpu"):
        with numba_layers.device(device):
            found += [*steps(model, 3), *(model.predict(X[:8]) for _ in range(3))]
    return found


def shared_layers():
    inputs, hidden = Input((6,)), Dense(4, activation="tanh")
    models = [Model(inputs, Dense(3)(hidden(inputs))) for _ in range(2)]
    for model in models:
        model.compile("adam", "mse")
    found = []
    for count in (4, 3, 1, 1, 1):
        for model in models:
            found += steps(model, count)
    return found


def shared_optimizer():
    models = [dense("adam")]
    models.append(dense(models[0].optimizer))
    return [entry for count in (3, 3, 1) for model in models for entry in steps(model, count)]


def nested():
    inner = dense()
    inputs = Input((6,))
    outer = Model(inputs, Dense(3)(inner(inputs)))
    outer.compile("adam", "mse")
    found = steps(outer) + steps(inner, 3) + steps(outer, 3)
    inner.fit(X, Y, epochs=1, verbose=0)
    return found + steps(outer, 4) + [inner.predict(X)]


def adversaries():
    generator = Sequential([Dense(5, activation="relu", input_shape=(2,)), Centred(), Dense(6)])
    judge = Sequential([Dense(5, activation="tanh", input_shape=(6,)), Dropout(0.2), Dense(1, activation="sigmoid")])
    judge.compile("adam", "binary_crossentropy")
    judge.trainable = False
    both = Sequential([generator, judge])
    both.compile("adam", "binary_crossentropy")
    found = []
    for number in range(5):
        noise = np.random.RandomState(number).normal(size=(8, 2)).astype("float32")
        found += [judge.train_on_batch(X[:8], np.ones((8, 1))),
                  judge.train_on_batch(generator.predict(noise), np.zeros((8, 1))),
                  both.train_on_batch(noise, np.ones((8, 1)))]
    return found + generator.get_weights() + judge.get_weights()


def attributes():
    model = dense()
    found = steps(model)
    model.layers[1].rate = 0.6
    found += steps(model)
    model.layers[0].activation = K.relu
    return found + steps(model) + [model.predict(X)]


def last_batch():
    return fitted(dense(metrics=["mae"])) + fitted(dense(), validation_split=0.25)


def sample_weights():
    weights = random_of(1).uniform(0, 2, 44).astype("float32")
    weights[20:33] = 0
    return (steps(dense(), 8, sample_weight=weights) + fitted(dense(), sample_weight=weights, shuffle=False)
            + fitted(dense(), sample_weight=weights + 1))


def class_weights():
    def model():
        model = Sequential([Dense(3, activation="softmax", input_shape=(6,))])
        model.compile("adagrad", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return (steps(model(), 4, y=LABELS, class_weight={0: 0.5, 1: 1.0, 2: 3.0})
            + fitted(model(), y=LABELS, class_weight={0: 0.1, 1: 2.0, 2: 0.0}))


def masks():
    masked = Sequential([Masking(input_shape=(5, 2)), SpatialDropout1D(0.3), TimeDistributed(Dense(3))])
    masked.compile("adam", "mse", sample_weight_mode="temporal")
    series = random_of(2).normal(size=(44, 5, 2)).astype("float32")
    series[:, 3:] = 0
    targets = random_of(3).normal(size=(44, 5, 3)).astype("float32")
    return (steps(masked, 4, x=series, y=targets) + fitted(masked, x=series, y=targets)
            + fitted(masked, x=series, y=targets, sample_weight=np.ones((44, 5))))


def limits():
    model = Sequential([Dense(5, kernel_constraint="maxnorm", kernel_regularizer="l2", input_shape=(6,)),
                        Centred(), Dense(3, bias_constraint="nonneg", activity_regularizer="l1")])
    found = []
    for optimizer in (optimizers.SGD(0.1, clipnorm=0.5), optimizers.Adamax(clipvalue=0.1), optimizers.Nadam(),
                      optimizers.Adadelta()):
        model.compile(optimizer, "mse")
        found += steps(model, 4)
    return found + fitted(model)


def losses_and_updates_added():
    calls = K.variable(0.0)
    inputs = Input((6,))
    layer = Dense(3)
    outputs = layer(inputs)
    layer.add_update([(calls, calls + 1)], inputs)
    model = Model(inputs, outputs)
    model.add_loss(K.mean(K.square(outputs)))
    model.compile("sgd", "mse")
    return steps(model, 5) + fitted(model) + [K.get_value(calls)]


def doubles():
    config.set_floatx("float64")
    try:
        return steps(dense(), 4, x=X.astype("float64")) + fitted(dense(), x=X.astype("float64"))
    finally:
        config.set_floatx("float32")


def generators():
    def batches():
        while True:
            for start in range(0, 44, 8):
                yield X[start:start + 8], Y[start:start + 8]

    model = dense()
    history = model.fit_generator(batches(), steps_per_epoch=6, epochs=3, verbose=0).history
    return [history["loss"], *model.get_weights(), model.predict_generator(((X, None) for _ in range(3)), steps=3),
            model.evaluate_generator(batches(), steps=6)]


def autoencoder():
    model = Sequential([Conv2D(3, 3, padding="same", strides=2, input_shape=(6, 6, 2)), UpSampling2D(),
                        Conv2D(2, 3, padding="same")])
    model.compile("adam", "mse")
    images = (IMAGES / 255).astype("float32")
    return fitted(model, x=images, y=images) + [model.predict(images)]


def forms_of_data():
    wide = np.random.RandomState(3).normal(size=(88, 12)).astype("float32")
    found = []
    for x in (wide[::2, ::2], np.asfortranarray(X), X[:, ::-1], X.astype("float64"), np.abs(10 * X).astype("uint8"),
              X.tolist(), wide[:44, :6], np.broadcast_to(X[:1], X.shape)):
        model = dense()
        found += fitted(model, x=x) + [model.predict(x), model.predict(np.ascontiguousarray(x)), model.predict(x),
                                       model.evaluate(x, Y, verbose=0)]
    return found


def layouts_in_turn():
    """The same shape, but laid out otherwise in memory each time."""
    model, function = dense(), None
    function = K.function([model.input], [model.output, K.transpose(model.output)])
    found = []
    for number in range(6):
        x = np.asfortranarray(X[:8]) if number % 2 else X[:8]
        found += [model.predict_on_batch(x), model.train_on_batch(x, np.asfortranarray(Y[:8])), *function([x])]
    return found


def images():
    model = Sequential([Conv2D(4, 3, activation="relu", input_shape=(6, 6, 2)), Flatten(), Dense(3)])
    model.compile("adadelta", "mse")
    return fitted(model, x=IMAGES) + steps(model, 4, x=IMAGES)


def several_inputs_and_outputs():
    inputs = [Input((6,)), Input((3,))]
    hidden = Dense(4)(numba_layers.layers.concatenate(inputs))
    model = Model(inputs, [Dense(3)(hidden), Dense(1, activation="sigmoid")(hidden)])
    model.compile("adam", ["mse", "binary_crossentropy"], metrics=["mae"])
    y = [Y, (LABELS > 0).astype("float32")]
    found = [entry for _ in range(4) for entry in model.predict([X, Y], batch_size=44)]
    return found + fitted(model, x=[X, Y], y=y) + fitted(model, x=[X, Y], y=y, sample_weight=[None, np.ones(44)])


def written_optimizer():
    return steps(dense(Momentum())) + fitted(dense(Momentum()))


def functions():
    model = dense()
    loss, weights = K.mean(K.square(model.output)), model.trainable_weights
    step = K.function([model.input, K.learning_phase()], [loss, model.output],
                      updates=optimizers.Adam().get_updates(loss, weights))
    count = K.variable(0.0)
    counted = K.function([], [count, count * 2], updates=[K.update_add(count, 1)])
    found = []
    for number in range(8):
        found += [*step([X[number:number + 8], number % 2]), *counted([])]
    return [*found, *model.get_weights()]


def gradients():
    model = dense()
    function = K.function([model.input], K.gradients(K.sum(model.output), [model.input, *model.trainable_weights]))
    return [entry for number in range(5) for entry in function([X[number:number + 8]])]


def rows_of_a_table():
    """By numbers that are given, which are compared with their range before each run."""
    table = K.variable(random_of(4).normal(size=(7, 3)))
    rows, classes = (K.placeholder((8,), dtype=dtype) for dtype in ("int32", "int64"))
    scores = K.placeholder((8, 5))
    count = K.variable(0.0)
    function = K.function([rows, classes, scores],
                          [K.gather(table, rows), K.sparse_categorical_crossentropy(classes, scores)],
                          updates=[K.update_add(count, 1)])
    found = []
    for number in range(5):
        x = random_of(number)
        values = [x.randint(0, 7, 8), x.randint(0, 5, 8), x.uniform(0.1, 1, (8, 5))]
        found += function(values)
        for place, wrong in ((0, 7), (1, -1)):
            with pytest.raises(OutOfRangeError, match=f"{wrong} is out of range"):
                function([np.full(8, wrong) if at == place else value for at, value in enumerate(values)])
    model = Sequential([Lambda(lambda x: K.gather(table, x), input_shape=(4,), dtype="int32"), Flatten(), Dense(3)])
    model.compile("adam", "mse")
    return [*found, K.get_value(count), *steps(model, x=random_of(9).randint(0, 7, (44, 4))),
            *fitted(model, x=random_of(9).randint(0, 7, (44, 4)))]


def random_of(seed):
    return np.random.RandomState(seed)


SITUATIONS = [
    dropout, noise, layers_of_noise, locally_connected, noise_without_seed, rates, values, phases, trainable,
    loss_of_a_variable, devices,
    shared_layers, shared_optimizer, nested, adversaries, attributes, last_batch, sample_weights, class_weights,
    masks, limits, losses_and_updates_added, doubles, generators, autoencoder, forms_of_data, layouts_in_turn,
    images, several_inputs_and_outputs, written_optimizer, functions, gradients, rows_of_a_table]


@pytest.fixture(autouse=True)
def programs_afterwards():
    yield
    config.set_programs(True)
    config.set_learning_phase(None)


def both_ways(situation):
    """What `situation` answers with programs, and op by op."""
    found = []
    for allowed in (True, False):
        config.set_programs(allowed)
        np.random.seed(3)
        forget_streams()
        found.append([np.asarray(entry) for entry in situation()])
    return found


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_the_same_bits_as_op_by_op(situation, replays):
    ours, expected = both_ways(situation)
    different = [number for number, (one, other) in enumerate(zip(ours, expected)) if one.tobytes() != other.tobytes()]
    assert len(ours) == len(expected) and not different
    assert replays
