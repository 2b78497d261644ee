"""Optimizers against the steps of the real Keras, and what they promise beyond: configuration, weights."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, devices, optimizers
from numba_layers.autograd.tensor import Variable
from numba_layers.errors import ArgumentError, DtypeError, ModelError, ShapeError, UnknownNameError
from numba_layers.layers import Dense
from numba_layers.models import Sequential
from tests.reference import optimizer as optimizer_reference
from tests.reference.recorded import FLOAT_TYPES, answered, cases

TOLERANCE = {"float32": {"rtol": 2e-6, "atol": 2e-7}, "float64": {"rtol": 1e-12, "atol": 1e-13}}
RULES = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


class Arena:
    """Trainable variables as a model keeps them: views into one array, with a gradient array beside it."""

    def __init__(self, *starts):
        dtype = starts[0].dtype
        self.weights = np.concatenate([start.ravel() for start in starts])
        self.gradients = np.zeros(self.weights.size, dtype)
        self.variables, self.parts, offset = [], [], 0
        for start in starts:
            section = slice(offset, offset + start.size)
            self.variables.append(Variable(self.weights[section].reshape(start.shape)))
            self.parts.append(self.gradients[section].reshape(start.shape))
            offset += start.size

    def prepared(self, optimizer):
        optimizer.prepare(self.weights, self.gradients, self.variables)
        return optimizer


def descend(arena, optimizer, x, y, steps):
    """Fit y = x w + b under mean squared error; the weights after each step."""
    trace = []
    w, b = (variable.data for variable in arena.variables)
    for _ in range(steps):
        grad = 2 * (x @ w + b - y) / y.size
        arena.parts[0][...] = x.T @ grad
        arena.parts[1][...] = grad.sum(0)
        optimizer.step()
        trace.append((w.copy(), b.copy()))
    return trace


def built(case):
    options = dict(case.facts["options"])
    if case.generation == 1 and case.facts["class_name"] != "SGD":
        options.setdefault("epsilon", 1e-8)
    return getattr(optimizers, case.facts["class_name"])(**options)


@pytest.mark.parametrize("case, floatx", answered("optimizers", "losses"), ids=str)
def test_steps_and_slots_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    arena = Arena(case.given("start0", floatx), case.given("start1", floatx))
    optimizer = arena.prepared(built(case))
    trace = descend(arena, optimizer, case.given("x", floatx), case.given("y", floatx), case.facts["steps"])
    for position in range(2):
        expected = case.answer(f"weights{position}", floatx)
        np.testing.assert_allclose([step[position] for step in trace], expected, **TOLERANCE[floatx])
    slots = optimizer.get_weights()
    if case.generation == 2:
        assert len(slots) == case.facts["slots"]
    for number, slot in enumerate(slots[:case.facts["slots"]]):
        expected = case.answer(f"slot{number}", floatx)
        assert slot.shape == expected.shape
        if slot.shape and (case.facts["class_name"] != "SGD" or optimizer.get_config()["momentum"]):
            np.testing.assert_allclose(slot, expected, **TOLERANCE[floatx])


def steps_of(optimizer, dtype, count=5, size=70001):
    """An arena of a fixed random start after `count` steps along fixed random gradients."""
    random = np.random.RandomState(3)
    arena = Arena(random.standard_normal(size).astype(dtype), random.standard_normal((3, 4)).astype(dtype))
    arena.prepared(optimizer)
    for _ in range(count):
        arena.gradients[...] = random.standard_normal(arena.gradients.size)
        optimizer.step()
    return arena


@pytest.mark.parametrize("name", RULES)
def test_configuration_round_trip(name):
    options = {"lr": 0.25, "clipnorm": 1.5, "clipvalue": 0.5}
    optimizer = getattr(optimizers, name)(**options)
    arguments = optimizer.get_config()
    assert {key: arguments[key] for key in options} == options
    restored = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(restored) is type(optimizer) and restored.get_config() == arguments
    assert type(optimizers.get(name.lower())) is type(optimizer)


@pytest.mark.parametrize("case", cases("optimizers"), ids=str)
def test_configuration_is_that_of_keras(case):
    for floatx in FLOAT_TYPES:
        expected = case.facts.get(f"config_{floatx}")
        if expected is not None:
            config.set_floatx(floatx)
            ours = built(case).get_config()
            assert {key: ours[key] for key in expected} == expected


def test_a_learning_rate_can_be_read_and_set_in_every_way():
    optimizer = optimizers.SGD(lr=0.5)
    assert isinstance(optimizer.lr, Variable) and float(optimizer.lr) == 0.5
    variable = optimizer.lr
    optimizer.lr = 0.25
    assert optimizer.lr is variable and variable.data == np.float32(0.25)
    arena = Arena(np.ones(3, np.float32))
    arena.prepared(optimizer)
    arena.gradients[...] = 1
    variable.assign(0.125)
    optimizer.step()
    np.testing.assert_array_equal(arena.weights, np.float32([0.875] * 3))


class Halved(optimizers.SGD):
    """A rate of the user's own."""

    def rate(self, step):
        return super().rate(step) / 2


class Thirds(optimizers.Adam):
    """Numbers of the user's own, made of those of a built-in rule."""

    def update(self, step):
        kernel, (rate, *others) = super().update(step)
        return kernel, (rate / 3, *others)


class Signs(optimizers.Optimizer):
    """A rule by a kernel of the package."""

    slots = ("moment",)

    def update(self, step):
        return "sgd_momentum_update", (0.25 / step, 0.5)


@pytest.mark.parametrize("kind, alike", [
    (Halved, lambda: optimizers.SGD(lr=0.125, decay=0.5)), (Thirds, lambda: optimizers.Adam(lr=0.25 / 3, decay=0.5)),
    (lambda **options: Signs(), lambda: optimizers.SGD(lr=0.25, momentum=0.5))])
def test_rates_of_users_are_asked_before_each_step(kind, alike):
    optimizer = kind(lr=0.25, decay=0.5)
    count = 1 if isinstance(optimizer, Signs) else 4
    ours = steps_of(optimizer, np.float64, count=count, size=10)
    np.testing.assert_allclose(ours.weights, steps_of(alike(), np.float64, count=count, size=10).weights, rtol=1e-6)
    assert int(optimizer.iterations) == count
    assert optimizer.variant() == ()


def test_what_chooses_the_kernels_of_a_step():
    optimizer = optimizers.SGD(momentum=0.5)
    arena = Arena(np.ones(3, np.float32))
    arena.prepared(optimizer)
    before = optimizer.variant()
    optimizer.lr, optimizer.decay = 0.5, 0.1
    assert hash(optimizer.variant()) == hash(before) and optimizer.variant() == before
    optimizer.momentum = 0
    assert optimizer.variant() != before
    adam = optimizers.Adam()
    assert adam.variant() != optimizers.Adam(amsgrad=True).variant() != optimizers.Adam(epsilon=1e-3).variant()


@pytest.mark.parametrize("name", RULES)
def test_rates_and_counts_live_on_the_device(name, device):
    """They can be read and set from outside, and go on counting where the next step is made."""
    options = {"lr": 0.25} | ({"decay": 0.5} if name != "Nadam" else {})
    optimizer, expected = (getattr(optimizers, name)(**options) for _ in range(2))
    model = line(optimizer)
    for _ in range(2):
        model.train_on_batch(X, Y)
    assert int(optimizer.iterations) == 2 and isinstance(optimizer.iterations.data, devices.current().array)
    optimizer.lr = 0.125
    K.set_value(optimizer.iterations, 7)
    model.train_on_batch(X, Y)
    assert int(K.get_value(optimizer.iterations)) == 8 and float(optimizer.lr) == 0.125
    weights = model.get_weights()
    with devices.device("cpu"):
        other = line(expected)
        for _ in range(2):
            other.train_on_batch(X, Y)
        expected.lr = 0.125
        expected.iterations.assign(7)
        other.train_on_batch(X, Y)
        for ours, theirs in zip(weights, other.get_weights()):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        model.train_on_batch(X, Y)
        assert int(optimizer.iterations) == 9 and isinstance(optimizer.iterations.data, np.ndarray)


@pytest.mark.parametrize("name", RULES)
def test_training_goes_on_after_a_load_as_if_never_stopped(name):
    whole = steps_of(getattr(optimizers, name)(lr=0.25), np.float64, count=6, size=10)
    first = getattr(optimizers, name)(lr=0.25)
    half = steps_of(first, np.float64, count=3, size=10)
    second = getattr(optimizers, name)(lr=0.25)
    half.prepared(second)
    second.set_weights(first.get_weights())
    random = np.random.RandomState(3)
    random.standard_normal(10), random.standard_normal((3, 4))
    for step in range(6):
        gradients = random.standard_normal(half.gradients.size)
        if step >= 3:
            half.gradients[...] = gradients
            second.step()
    if name == "Nadam":
        assert int(second.iterations.data) == 6
    np.testing.assert_array_equal(half.weights, whole.weights)


def test_lists_of_keras_1_and_of_keras_2_3_are_taken():
    adam = Arena(np.ones((2, 3), np.float32)).prepared(optimizers.Adam())
    moment = np.arange(6, dtype=np.float32).reshape(2, 3)
    adam.set_weights([np.float32(7), moment, moment + 1])
    assert int(adam.iterations) == 7
    np.testing.assert_array_equal(adam.get_weights()[2], moment + 1)
    rmsprop = Arena(np.ones((2, 3), np.float32)).prepared(optimizers.RMSprop())
    rmsprop.set_weights([np.int64(9), moment])
    assert int(rmsprop.iterations) == 9 and len(rmsprop.get_weights()) == 1


def test_slots_are_cut_in_the_variables_shape_and_memory_order():
    arena = Arena(np.zeros((2, 3), np.float32))
    arena.variables[0].data = arena.weights.reshape(3, 2).T
    optimizer = arena.prepared(optimizers.Adagrad())
    arena.gradients[...] = np.arange(6)
    optimizer.step()
    np.testing.assert_array_equal(optimizer.get_weights()[0], (np.arange(6) ** 2).reshape(3, 2).T)


@pytest.mark.parametrize("dtype", FLOAT_TYPES)
@pytest.mark.parametrize("name", RULES)
def test_an_arena_of_many_chunks_gives_what_numpy_gives(name, dtype):
    config.set_floatx(dtype)
    ours = steps_of(getattr(optimizers, name)(clipnorm=5.0, clipvalue=0.02), dtype)
    reference = reference_steps(name, dtype, 70001)
    np.testing.assert_allclose(ours.weights, reference, **TOLERANCE[dtype])


def reference_steps(name, dtype, size):
    """`steps_of` by the naive rule of tests/reference/optimizer.py, in float64."""
    random = np.random.RandomState(3)
    w = np.concatenate([random.standard_normal(size), random.standard_normal(12)]).astype(dtype)
    w = w.astype(np.float64)
    rule = getattr(optimizer_reference, name.lower())()
    for _ in range(5):
        g = random.standard_normal(w.size).astype(dtype).astype(np.float64)
        g *= min(1, 5.0 / np.sqrt(np.sum(g * g)))
        w = rule(w, np.clip(g, -0.02, 0.02))
    return w


def test_nan_gradients_show():
    for name in RULES:
        arena = Arena(np.ones(4, np.float32))
        optimizer = arena.prepared(getattr(optimizers, name)(clipnorm=1.0, clipvalue=1.0))
        arena.gradients[1] = np.nan
        optimizer.step()
        assert np.isnan(arena.weights[1])


@pytest.mark.parametrize("name, options, complaint", [
    ("SGD", {"lr": -0.1}, "SGD: lr must be in [0, inf), got -0.1"),
    ("SGD", {"momentum": 1.5}, "momentum must be in [0, 1]"),
    ("RMSprop", {"rho": 1.5}, "RMSprop: rho must be in [0, 1]"),
    ("Adam", {"beta_1": 1.0}, "beta_1 must be in [0, 1)"),
    ("Adam", {"epsilon": -1e-3}, "epsilon must be"),
    ("SGD", {"clipnorm": -1.0}, "clipnorm must be"),
    ("Nadam", {"schedule_decay": -1.0}, "schedule_decay must be"),
    ("SGD", {"momentun": 0.5}, "Did you mean 'momentum'"),
])
def test_wrong_arguments_are_named(name, options, complaint):
    with pytest.raises(ArgumentError) as error:
        getattr(optimizers, name)(**options)
    assert complaint in str(error.value)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'Adam'"):
        optimizers.get("adamm")
    with pytest.raises(ArgumentError, match="expected an optimizer"):
        optimizers.get(None)


def test_wrong_weights_and_a_missing_model_are_named():
    optimizer = optimizers.SGD()
    with pytest.raises(ModelError, match="no weights to update yet"):
        optimizer.step()
    with pytest.raises(ModelError, match="compiled model"):
        optimizer.set_weights([])
    Arena(np.ones((2, 3), np.float32)).prepared(optimizer)
    with pytest.raises(ShapeError, match=r"expected 2 arrays of shapes \[\(\), \(2, 3\)\], got 1"):
        optimizer.set_weights([np.ones((2, 3))])
    for count in (-1, np.inf, np.nan, 2**62):
        with pytest.raises(ArgumentError, match="number of steps done must lie in 0..9007199254740992"):
            optimizer.set_weights([np.array(count), np.ones((2, 3))])
    with pytest.raises(DtypeError, match="takes numbers, the array given holds complex128"):
        optimizer.set_weights([np.array(3), np.ones((2, 3)) * 1j])
    assert int(optimizer.iterations) == 0
    with pytest.raises(ShapeError, match="one size and type"):
        optimizer.prepare(np.ones(3), np.ones(4), [])


class Written(optimizers.Optimizer):
    """Momentum as a user writes it for Keras 2."""

    def __init__(self, lr=0.25, momentum=0.5, **kwargs):
        super().__init__(**kwargs)
        self.lr, self.momentum = K.variable(lr), K.variable(momentum)

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        moments = [K.zeros(K.int_shape(p)) for p in params]
        self.updates = [K.update_add(self.iterations, 1)]
        self.weights = [self.iterations, *moments]
        for p, g, m in zip(params, grads, moments):
            v = self.momentum * m - self.lr * g
            self.updates += [K.update(m, v), K.update(p, p + v)]
        return self.updates


class WrittenForKeras1(Written):
    def get_updates(self, params, constraints, loss):
        assert constraints == {}
        return [(variable, value) for variable, value in super().get_updates(loss, params)]


@pytest.mark.parametrize("kind", [Written, WrittenForKeras1])
def test_optimizers_that_users_write_for_keras(kind):
    ours = steps_of(optimizers.SGD(lr=0.25, momentum=0.5, clipnorm=2.0), "float32", size=7)
    optimizer = kind(clipnorm=2.0)
    theirs = steps_of(optimizer, "float32", size=7)
    np.testing.assert_allclose(theirs.weights, ours.weights, rtol=1e-6, atol=1e-7)
    assert int(optimizer.iterations) == 5 and len(optimizer.get_weights()) == 3
    again = kind()
    theirs.prepared(again)
    again.set_weights(optimizer.get_weights())
    np.testing.assert_array_equal(again.get_weights()[1], optimizer.get_weights()[1])
    K.set_value(optimizer.lr, 0.0)
    K.set_value(optimizer.momentum, 0.0)
    before = theirs.weights.copy()
    optimizer.step()
    np.testing.assert_array_equal(theirs.weights, before)


class Doubled(optimizers.SGD):
    """Only the gradients are the user's own."""

    def get_gradients(self, loss, params):
        return [2 * gradient for gradient in super().get_gradients(loss, params)]


class Lists(optimizers.Adam):
    """Built-in updates, called by a subclass."""

    def get_updates(self, loss, params):
        self.updates = [*super().get_updates(loss, params)]
        return self.updates


class ByTheLoss(optimizers.Optimizer):
    """A step as long as the loss is large, along gradients that K takes."""

    def get_updates(self, params, constraints, loss):
        return [K.update(p, p - 0.1 * loss * g) for p, g in zip(params, K.gradients(loss, params))]


class Wrapper(optimizers.Optimizer):
    """Another optimizer's updates, with its clipping."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def get_updates(self, loss, params):
        return self.inner.get_updates(loss, params)


def line(optimizer, constraint=None):
    model = Sequential([Dense(1, input_shape=(2,), kernel_initializer="ones", kernel_constraint=constraint)])
    model.compile(optimizer, "mse")
    return model


X, Y = np.float32([[1, 2], [0.5, -1]]), np.float32([[1], [-3]])
ERROR = X.sum(1, keepdims=True) - Y
GRADIENT = np.array([*(X.T @ ERROR).ravel(), ERROR.sum()])      # by kernel and bias, of mse


@pytest.mark.parametrize("optimizer, step", [
    (Doubled(lr=0.1), 0.2 * GRADIENT), (Doubled(lr=0.1, clipvalue=1.5), 0.2 * np.clip(GRADIENT, -1.5, 1.5)),
    (Wrapper(optimizers.SGD(lr=0.1, clipvalue=1.5)), 0.1 * np.clip(GRADIENT, -1.5, 1.5)),
    (Lists(lr=0.1), 0.1 * np.sign(GRADIENT)), (ByTheLoss(), 0.1 * np.mean(ERROR ** 2) * GRADIENT)])
def test_subclasses_that_use_gradients_losses_and_built_in_updates(optimizer, step):
    model = line(optimizer)
    model.train_on_batch(X, Y)
    moved = [1, 1, 0] - np.concatenate([weight.ravel() for weight in model.get_weights()])
    np.testing.assert_allclose(moved, step, rtol=1e-5)


def test_gradients_of_any_loss_clipped():
    model = line(optimizers.SGD())
    model.train_on_batch(X, Y)      # what the last step left is not looked at
    model.set_weights([np.ones((2, 1)), np.zeros(1)])
    target = K.placeholder((None, 1))
    loss = K.mean(K.square(model.output - target))
    norm = np.linalg.norm(GRADIENT)
    for options, expected in [({}, GRADIENT), ({"clipnorm": 1.0}, GRADIENT / norm), ({"clipnorm": 100.0}, GRADIENT),
                              ({"clipnorm": 1.0, "clipvalue": 0.5}, np.clip(GRADIENT / norm, -0.5, 0.5))]:
        gradients = optimizers.SGD(**options).get_gradients(loss, model.trainable_weights)
        values = K.function([model.input, target], gradients)([X, Y])
        np.testing.assert_allclose(np.concatenate([value.ravel() for value in values]), expected, rtol=1e-6)


ORDERS = [lambda optimizer, loss, params: optimizer.get_updates(loss, params),
          lambda optimizer, loss, params: optimizer.get_updates(params=params, loss=loss),
          lambda optimizer, loss, params: optimizer.get_updates(params, {}, loss),
          lambda optimizer, loss, params: optimizer.get_updates(params, [], loss=loss),
          lambda optimizer, loss, params: optimizer.get_updates(params=params, constraints={}, loss=loss)]


@pytest.mark.parametrize("name", RULES)
def test_updates_for_a_function_are_the_steps_of_training(name):
    """In every order of the arguments; slots, count of steps, constraints and a restored state included."""
    options = {"lr": 0.1, "clipnorm": 1.0}
    trained = line(getattr(optimizers, name)(**options), "non_neg")
    for order in ORDERS:
        model, target = line("sgd", "non_neg"), K.placeholder((None, 1))
        optimizer = getattr(optimizers, name)(**options)
        updates = order(optimizer, K.mean(K.square(model.output - target)), model.trainable_weights)
        train = K.function([model.input, target], [model.output], updates=updates)
        trained.set_weights([np.ones((2, 1)), np.zeros(1)])
        trained.compile(getattr(optimizers, name)(**options), "mse")
        for _ in range(3):
            np.testing.assert_allclose(train([X, Y])[0], trained.predict(X), rtol=2e-6)
            trained.train_on_batch(X, Y)
        np.testing.assert_allclose(model.get_weights()[0], trained.get_weights()[0], rtol=2e-6)
        assert int(optimizer.iterations) == 3
        for ours, theirs in zip(optimizer.get_weights(), trained.optimizer.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-9)
    optimizer.set_weights(trained.optimizer.get_weights())
    train([X, Y])
    trained.train_on_batch(X, Y)
    np.testing.assert_allclose(model.get_weights()[1], trained.get_weights()[1], rtol=2e-6)


def test_keras_1_names_constraints_by_weight():
    model = line("sgd")
    weights = model.trainable_weights
    updates = optimizers.SGD(lr=10.0).get_updates(weights, {weights[0]: K.relu}, K.sum(model.output))
    K.function([model.input], [], updates=updates)([X])
    np.testing.assert_array_equal(model.get_weights()[0], [[0], [0]])


def test_wrong_arguments_of_get_updates_are_named():
    with pytest.raises(ArgumentError, match="needs a loss and a list of weights"):
        optimizers.SGD().get_updates(params=[])
    with pytest.raises(ArgumentError, match="Did you mean 'params'"):
        optimizers.SGD().get_updates(K.variable(1.0), parms=[])
