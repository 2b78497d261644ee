"""Recurrent layers beyond the real Keras's figures: states, masks, cells of the user's own, dropout, wrong input."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, ops
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.autograd.context import evaluation
from numba_layers.errors import ArgumentError, ModelError, ShapeError, StatelessError, UnknownNameError
from numba_layers.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM2D,
    CuDNNGRU,
    CuDNNLSTM,
    Dense,
    GRUCell,
    Input,
    Lambda,
    Layer,
    LSTMCell,
    Masking,
    Recurrent,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)
from numba_layers.models import Model, Sequential, load_model
from numba_layers.regularizers import l1

KINDS = [SimpleRNN, GRU, LSTM]
random = np.random.RandomState(3)
X = random.normal(size=(4, 5, 3)).astype("float32")
RAGGED = X.copy()
RAGGED[1, 3:] = RAGGED[2, 0] = RAGGED[3] = 0


@pytest.fixture
def doubles():
    before = config.floatx()
    config.set_floatx("float64")
    yield
    config.set_floatx(before)


def both_ways(situation):
    """What it answers with programs, and op by op."""
    found = []
    for allowed in (True, False):
        config.set_programs(allowed)
        np.random.seed(3)
        try:
            found.append([np.asarray(entry) for entry in situation()])
        finally:
            config.set_programs(True)
    return found


def trained(*layers, x=X, steps=4):
    model = Sequential(list(layers))
    model.compile("adam", "mse")
    y = np.ones((len(x), *model.output_shape[1:]), "float32")
    losses = [model.train_on_batch(x + 0.01 * step, y) for step in range(steps)]
    return [np.array(losses), *model.get_weights(), model.predict(x), model.predict(x[::-1])]


@pytest.mark.parametrize("make", [
    *[lambda kind=kind: [Masking(input_shape=(5, 3)), kind(4, return_sequences=True), kind(3)] for kind in KINDS],
    lambda: [LSTM(4, dropout=0.3, recurrent_dropout=0.4, input_shape=(5, 3))],
    lambda: [GRU(4, dropout=0.3, recurrent_dropout=0.4, implementation=2, reset_after=True, input_shape=(5, 3))],
    lambda: [Bidirectional(GRU(4, return_sequences=True), input_shape=(5, 3)), LSTM(2, go_backwards=True)],
    lambda: [GRU(3, stateful=True, batch_input_shape=(4, 5, 3)), Dense(2)],
    lambda: [LSTM(3, consume_less="cpu", input_shape=(5, 3))],
])
def test_programs_have_the_same_bits(make):
    def situation():
        return trained(*make(), x=RAGGED)

    ours, expected = both_ways(situation)
    assert [one.tobytes() for one in ours] == [other.tobytes() for other in expected]


@pytest.mark.parametrize("kind", KINDS)
def test_masked_timesteps_are_as_if_they_were_not_there(kind):
    """Neither their numbers nor their gradients count."""
    layer = kind(4)
    model = Sequential([Masking(input_shape=(5, 3)), layer])
    short = Sequential([kind(4, input_shape=(3, 3))])
    short.set_weights(model.get_weights())
    np.testing.assert_allclose(model.predict(RAGGED)[1], short.predict(RAGGED[1:2, :3])[0], rtol=1e-5)
    np.testing.assert_array_equal(model.predict(RAGGED)[3], 0)
    grad, = K.function([model.input], K.gradients(K.sum(model.output), [model.input]))([RAGGED])
    assert not grad[1, 3:].any() and not grad[2, 0].any() and not grad[3].any() and grad[0].any()


def test_the_example_of_the_masking_layer_trains():
    model = Sequential([Masking(mask_value=0.0, input_shape=(5, 3)), LSTM(32), Dense(1)])
    model.compile("adam", "mse")
    before = model.predict(RAGGED)
    history = model.fit(RAGGED, np.ones((4, 1)), epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert (before != model.predict(RAGGED)).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"return_sequences": True, "go_backwards": True}])
def test_gradients_of_gradients(kind, options, doubles):
    """In float64 against differences, with ragged masks and states to begin with."""
    layer = kind(2, activation="tanh", **({} if kind is SimpleRNN else {"recurrent_activation": "sigmoid"}), **options)
    x = random.normal(size=(3, 3, 2))
    mask = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0]], bool)
    states = [random.normal(size=(3, 2)) for _ in range(2 if kind is LSTM else 1)]
    layer.build((3, 3, 2))
    roles = ["kernel", "recurrent_kernel", "bias"]
    weights = [getattr(layer.cell, role).value.copy() for role in roles]

    def function(x, *rest):
        for role, given in zip(roles, rest):
            setattr(layer.cell, role, given)
        return layer.call([x, *rest[len(roles):]], mask=Tensor(mask))

    def slopes(*given):
        with Tape() as tape:
            loss = ops.sum(ops.square(function(*given)))
        return ops.concatenate(*[ops.reshape(grad, shape=(-1,)) for grad in tape.gradient(loss, given)])

    with evaluation():
        gradcheck(function, [x, *weights, *states])
        gradcheck(slopes, [x, *weights, *states], tolerance=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_states_that_are_given(kind):
    """Tensors of the model, arrays, and numbers; what comes out goes on where the first half ended."""
    whole = Input((5, 3))
    layer = kind(4, return_state=True)
    count = 2 if kind is LSTM else 1
    all_at_once = Model(whole, layer(whole))
    first, second = Input((2, 3)), Input((3, 3))
    in_two = Model([first, second], layer(second, initial_state=layer(first)[1:]))
    for one, other in zip(all_at_once.predict(X), in_two.predict([X[:, :2], X[:, 2:]]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    again = Model.from_config(in_two.get_config())
    again.set_weights(in_two.get_weights())
    for one, other in zip(in_two.predict([X[:, :2], X[:, 2:]]), again.predict([X[:, :2], X[:, 2:]])):
        np.testing.assert_array_equal(one, other)
    for state in (np.full((4, 4), 0.5, "float32"), np.full(4, 0.5), 0.5):
        given = layer(Tensor(X), initial_state=[state] * count)[0].numpy()
        expected = layer(Tensor(X), initial_state=[np.full((4, 4), 0.5, "float32")] * count)[0].numpy()
        np.testing.assert_array_equal(given, expected)


def test_encoder_and_decoder(tmp_path):
    encoded, taught = Input((None, 3)), Input((None, 2))
    _, *states = LSTM(4, return_state=True)(encoded)
    decoded = LSTM(4, return_sequences=True)(taught, initial_state=states)
    model = Model([encoded, taught], Dense(2, activation="softmax")(decoded))
    model.compile("rmsprop", "categorical_crossentropy")
    x = [X, random.normal(size=(4, 6, 2))]
    history = model.fit(x, np.ones((4, 6, 2)) / 2, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5").predict(x), model.predict(x))
    assert model.predict([X[:, :2], x[1][:, :1]]).shape == (4, 1, 2)


class Minimal(Layer):
    """A cell as in Keras's documentation; adds the constants, where there are any."""

    def __init__(self, units, **kwargs):
        self.units = self.state_size = units
        super().__init__(**kwargs)

    def build(self, input_shape):
        features = input_shape[0][-1] if isinstance(input_shape, list) else input_shape[-1]
        self.kernel = self.add_weight(shape=(features, self.units), initializer="uniform", name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), initializer="uniform", name="recurrent")
        self.built = True

    def call(self, inputs, states, constants=None):
        h = K.dot(inputs, self.kernel) + K.dot(states[0], self.recurrent)
        h = h + constants[0] if constants else h
        return h, [h]

    def get_config(self):
        return super().get_config() | {"units": self.units}


def naive(x, kernel, recurrent, constant=0):
    h, outputs = np.zeros((len(x), len(recurrent))), []
    for step in range(x.shape[1]):
        h = x[:, step] @ kernel + h @ recurrent + constant
        outputs.append(h)
    return np.stack(outputs, axis=1)


def test_a_cell_of_the_users(tmp_path):
    model = Sequential([RNN(Minimal(4), return_sequences=True, input_shape=(None, 3)), RNN([Minimal(2), GRUCell(3)])])
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.ones((4, 3)))
    first = Model(model.input, model.layers[0].output)
    np.testing.assert_allclose(first.predict(X), naive(X, *model.layers[0].get_weights()), rtol=1e-4, atol=1e-6)
    model.save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5", custom_objects={"Minimal": Minimal})
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_constants():
    x, constant = Input((5, 3)), Input((4,))
    layer = RNN(Minimal(4), return_sequences=True)
    model = Model([x, constant], layer(x, constants=constant))
    c = random.normal(size=(4, 4)).astype("float32")
    np.testing.assert_allclose(model.predict([X, c]), naive(X, *layer.get_weights(), c), rtol=1e-4, atol=1e-6)
    again = Model.from_config(model.get_config(), custom_objects={"Minimal": Minimal})
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict([X, c]), model.predict([X, c]))


class OfKeras1(Recurrent):
    """A recurrent layer as scripts of 2016 have them."""

    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = self.add_weight((input_shape[2], self.output_dim), initializer="glorot_uniform", name=f"{self.name}_W")
        self.U = self.add_weight((self.output_dim, self.output_dim), initializer="orthogonal", name=f"{self.name}_U")
        self.states = [None]
        if self.stateful:
            self.reset_states()
        self.built = True

    def get_constants(self, x):
        return [K.ones((self.output_dim,))]

    def step(self, x, states):
        h = K.dot(x, self.W) + K.dot(states[0], self.U) * states[1]
        return h, [h]

    def get_output_shape_for(self, input_shape):
        shape = input_shape[0], input_shape[1], self.output_dim
        return shape if self.return_sequences else shape[::2]


def test_a_layer_derived_from_recurrent():
    layer = OfKeras1(4, return_sequences=True, input_shape=(5, 3))
    model = Sequential([layer, OfKeras1(2)])
    np.testing.assert_allclose(Model(model.input, layer.output).predict(X), naive(X, *layer.get_weights()), rtol=1e-4,
                               atol=1e-6)
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, np.ones((4, 2))))
    stateful = Sequential([OfKeras1(2, stateful=True, batch_input_shape=(4, 5, 3))])
    first, second = stateful.predict(X), stateful.predict(X)
    assert (first != second).any()
    stateful.reset_states()
    np.testing.assert_array_equal(stateful.predict(X), first)


def test_states_between_batches_of_training():
    model = Sequential([LSTM(3, stateful=True, batch_input_shape=(4, 5, 3)), Dense(1)])
    layer = model.layers[0]
    model.compile("sgd", "mse")
    for _ in range(4):
        begun = [state.numpy().copy() for state in layer.states]
        expected = layer(Tensor(X), initial_state=begun).numpy()
        model.train_on_batch(X, np.ones((4, 1)))
        np.testing.assert_allclose(layer.states[0].numpy(), expected, rtol=1e-5, atol=1e-6)
    model.evaluate(X, np.ones((4, 1)), batch_size=4, verbose=0)
    assert (layer.states[0].numpy() != expected).any()
    layer.reset_states([np.ones((4, 3)), np.zeros((4, 3))])
    assert layer.states[0].numpy().all()
    model.reset_states()
    assert not layer.states[0].numpy().any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_units_are_dropped_at_all_timesteps(kind):
    """A layer that sums what it gets, of ones: dropped inputs are missing at each timestep."""
    layer = SimpleRNN(8, activation="linear", dropout=0.5, kernel_initializer="identity", use_bias=False,
                      recurrent_initializer="zeros", return_sequences=True)
    with evaluation(learning_phase=1):
        outputs = layer(Tensor(np.ones((3, 6, 8), "float32"))).numpy()
        again = layer(Tensor(np.ones((3, 6, 8), "float32"))).numpy()
    assert set(np.unique(outputs)) == {0, 2}
    assert (outputs == outputs[:, :1]).all() and (again != outputs).any()
    model = Sequential([kind(4, dropout=0.5, recurrent_dropout=0.5, input_shape=(5, 3))])
    np.testing.assert_array_equal(model.predict(X), model.predict(X))


@pytest.mark.parametrize("cudnn, plain, options", [
    (CuDNNLSTM, LSTM, {"recurrent_activation": "sigmoid"}),
    (CuDNNGRU, GRU, {"recurrent_activation": "sigmoid", "reset_after": True}),
])
def test_weights_as_cudnn_has_them(cudnn, plain, options):
    """Converted as Keras 2.2.5 does when it loads them (`engine.saving`)."""
    one = Sequential([cudnn(4, return_sequences=True, input_shape=(5, 3))])
    kernel, recurrent, bias = one.get_weights()
    bias = random.normal(size=bias.shape)
    one.set_weights([kernel, recurrent, bias])
    gates = 4 if plain is LSTM else 3
    other = Sequential([plain(4, return_sequences=True, input_shape=(5, 3), **options)])
    halves = bias.reshape(2, -1)
    other.set_weights([np.hstack([part.T.reshape(part.shape, order="F") for part in np.hsplit(kernel, gates)]),
                       np.hstack([part.T for part in np.hsplit(recurrent, gates)]),
                       halves.sum(axis=0) if plain is LSTM else halves])
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5, atol=1e-6)


def test_weights_of_keras1():
    """One for each gate, in its order, the forget gate's bias apart; `consume_less='gpu'` has them side by side."""
    layer = LSTM(output_dim=2, forget_bias_init="one", input_shape=(5, 3))
    model = Sequential([layer])
    assert [weight.name.rpartition("/")[2] for weight in layer.weights] == [
        f"{weight}_{gate}" for gate in "icfo" for weight in "WUb"]
    assert layer.W_i.shape == (3, 2) and layer.U_f.shape == (2, 2)
    assert layer.b_f.numpy().all() and not layer.b_i.numpy().any()
    merged = Sequential([LSTM(2, consume_less="gpu", input_shape=(5, 3))])
    arrays = dict(zip(("i", "c", "f", "o"), [model.get_weights()[at:at + 3] for at in range(0, 12, 3)]))
    merged.set_weights([np.concatenate([arrays[gate][at] for gate in "ifco"], axis=-1) for at in range(3)])
    np.testing.assert_allclose(merged.predict(X), model.predict(X), rtol=1e-5, atol=1e-6)
    assert LSTM.from_config(layer.get_config()).consume_less == "cpu"


def test_no_timesteps():
    for kind in KINDS:
        layer = kind(4, return_state=True, return_sequences=True)
        outputs, *states = layer(Tensor(X[:, :0]), initial_state=[np.ones((4, 4))] * (2 if kind is LSTM else 1))
        assert outputs.shape == (4, 0, 4)
        assert all(state.numpy().all() for state in states)
        assert not kind(4)(Tensor(X[:, :0])).numpy().any()


def test_time_major():
    layer = GRU(4, return_sequences=True, time_major=True)
    other = GRU.from_config(layer.get_config() | {"time_major": False, "name": "other"})
    outputs = layer(Tensor(X.transpose(1, 0, 2).copy()))
    other.build((4, 5, 3))
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(outputs.numpy().transpose(1, 0, 2), other(Tensor(X)).numpy())


def test_rnn_of_k():
    """Constants behind the states, masks, backwards, time first; symbolic and concrete alike."""
    def step(x, states):
        h = x + 2 * states[0] + states[1]
        return -h, [h]

    x, mask = K.placeholder((4, None, 3)), np.array([[1, 1, 0, 1, 1]] * 4)
    h0, constant = np.ones((4, 3), "float32"), K.variable(np.full(3, 0.5))
    last, outputs, (h,) = K.rnn(step, x, [K.constant(h0)], constants=[constant], mask=K.constant(mask))
    got = K.function([x], [last, outputs, h])([X])
    state, expected = h0, []
    for t in range(5):
        if mask[0, t]:
            state = X[:, t] + 2 * state + 0.5
            expected.append(-state)
        else:
            expected.append(expected[-1])
    for one, other in zip(got, [expected[-1], np.stack(expected, 1), state], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    with Tape():
        _, outputs, _ = K.rnn(step, X, [h0], constants=[np.float32(0.5)], go_backwards=True)
        _, major, _ = K.rnn(step, X.transpose(1, 0, 2), [h0], constants=[np.float32(0.5)], go_backwards=True,
                            time_major=True)
        _, zeros, _ = K.rnn(step, X, [h0], constants=[np.float32(0.5)], mask=mask, zero_output_for_mask=True)
    np.testing.assert_allclose(outputs.numpy()[:, 0], -(X[:, 4] + 2.5), rtol=1e-5)
    np.testing.assert_array_equal(major.numpy().transpose(1, 0, 2), outputs.numpy())
    assert not zeros.numpy()[:, 2].any() and zeros.numpy()[:, 3].all()


def test_rnn_in_a_lambda():
    def summed(x):
        return K.rnn(lambda x, states: (x + states[0], [x + states[0]]), x, [K.zeros_like(x[:, 0])])[1]

    model = Sequential([Lambda(summed, input_shape=(5, 3)), Dense(1)])
    np.testing.assert_allclose(Model(model.input, model.layers[0].output).predict(X), X.cumsum(axis=1), rtol=1e-4,
                               atol=1e-5)
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, np.ones((4, 5, 1))))


@pytest.mark.parametrize("mode", ["concat", "sum", None])
def test_activity_regularizers_see_what_both_directions_give(mode):
    inputs = Input((5, 3))
    outputs = Bidirectional(GRU(2, activity_regularizer=l1(0.1), return_state=True), merge_mode=mode)(inputs)
    given = Model(inputs, outputs).predict(X)
    model = Model(inputs, outputs[0])
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.evaluate(X, given[0], verbose=0),
                               0.1 * sum(np.abs(output).sum() for output in given), rtol=1e-5)


def test_the_input_is_specified_in_a_list():
    """Layers of 2017 read and assign `self.input_spec[0]`."""
    layer = LSTM(3, stateful=True, batch_input_shape=(4, 5, 3))
    assert layer.input_spec[0].ndim == 3
    Sequential([layer])
    assert layer.input_spec[0].shape == (4, None, 3)
    assert ConvLSTM2D(3, 2).input_spec[0].ndim == 5


@pytest.mark.parametrize("version, options, sizes", [
    ("2.2.5", {}, [3, 2, 2]), ("2.0.9", {}, [2, 2, 3]), ("2.2.5", {"reverse_state_order": True}, [2, 2, 3]),
    ("2.0.9", {"reverse_state_order": False}, [3, 2, 2]),
])
def test_whose_states_come_first(version, options, sizes):
    before = config.keras_version()
    config.set_keras_version(version)
    try:
        cells = StackedRNNCells([GRUCell(3), LSTMCell(2)], **options)
        assert cells.state_size == StackedRNNCells.from_config(cells.get_config()).state_size == sizes
        inputs = Input((5, 3))
        _, *states = Model(inputs, RNN(cells, return_state=True)(inputs)).predict(X)
    finally:
        config.set_keras_version(before)
    assert [state.shape[1] for state in states] == sizes


@pytest.mark.parametrize("layer", [LSTM(3), ConvLSTM2D(3, 2)])
def test_what_keras1_calls_the_attributes(layer):
    assert layer.forget_bias_init is layer.cell._forget_initializer
    assert layer.W_regularizer is layer.U_regularizer is layer.b_regularizer is None


@pytest.mark.parametrize("call, error, message", [
    (lambda: LSTM(3)(Input((3,))), ShapeError, r'LSTM "\w+": the input must have 3 axes \(batch, time, features\)'),
    (lambda: LSTM(3)(Input((4, None))), ShapeError, "last axis of the input must be known"),
    (lambda: LSTM(3)(Input((4, 3)), initial_state=[Input((3,))]), ArgumentError, "2 states of sizes"),
    (lambda: GRU(3)(Input((4, 3)), initial_state=[Input((2,))]), ShapeError, r"expected \(None, 3\)"),
    (lambda: LSTM(3, stateful=True)(Input((4, 3))), ModelError, "needs to know its batch size"),
    (lambda: GRU(3).reset_states(), StatelessError, "not stateful"),
    (lambda: GRU(3).reset_states(), AttributeError, "not stateful"),
    (lambda: GRU(3, stateful=True).reset_states(), ModelError, "was not built yet"),
    (lambda: RNN(3), ArgumentError, "a cell has a method"),
    (lambda: StackedRNNCells([LSTMCell(3), 4]), ArgumentError, "a cell has a method"),
    (lambda: Bidirectional(Dense(3)), ArgumentError, "takes a recurrent layer"),
    (lambda: Bidirectional(GRU(3), merge_mode="max"), ArgumentError, "merge_mode"),
    (lambda: Bidirectional(GRU(3))(Input((4, 3)), initial_state=[Input((3,))]), ArgumentError, "must have 2 entries"),
    (lambda: LSTM(0), ArgumentError, "^LSTM: units must be"),
    (lambda: SimpleRNN(3, dropout=2), ArgumentError, r"dropout must lie in \[0, 1\]"),
    (lambda: LSTM(3, consume_less="much"), ArgumentError, "cpu, mem, gpu"),
    (lambda: CuDNNGRU(3, kernel_initializer="uniforn"), UnknownNameError, "^CuDNNGRU: .*uniform"),
    (lambda: LSTM(3, implementation=3), ArgumentError, "implementation must be"),
    (lambda: LSTM(3, droput=0.1), ArgumentError, "Did you mean 'dropout'"),
    (lambda: ConvLSTM2D(2, 3)(Input((2, 5, 5))), ShapeError, "5 axes"),
    (lambda: ConvLSTM2D(2, 3, strides=2, dilation_rate=2), ArgumentError, "cannot both be over 1"),
    (lambda: K.rnn(lambda x, states: (x, []), X, [X[:, 0]]), ArgumentError, "gave 0 new states"),
    (lambda: K.rnn(lambda x, states: (x, states), X[0], []), ShapeError, "at least 3 axes"),
    (lambda: K.rnn(lambda x, states: (x, states), X, [], mask=np.ones((4, 4))), ShapeError, "the mask has shape"),
    (lambda: K.rnn(lambda x, states: (x, states), K.placeholder((2, None, 3)), [], unroll=True), ShapeError,
     "unrolling needs a known number"),
])
def test_wrong_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_batch_of_another_size():
    """Nothing of the states has changed then."""
    model = Sequential([SimpleRNN(3, stateful=True, batch_input_shape=(4, 5, 3))])
    model.predict(X)
    before = model.layers[0].states[0].numpy().copy()
    with pytest.raises(ShapeError, match="batches of 4 samples"):
        model.predict(X[:3])
    np.testing.assert_array_equal(model.layers[0].states[0].numpy(), before)
    with pytest.raises(ShapeError, match=r"state 0 has shape \(4, 3\), got \(2, 3\)"):
        model.layers[0].reset_states(np.ones((2, 3)))


def test_cells_by_themselves():
    for cell, count in ((SimpleRNNCell(3), 1), (GRUCell(3), 1), (LSTMCell(3), 2)):
        states = [np.ones((4, 3), "float32")] * count
        with evaluation():
            output, after = cell(Tensor(X[:, 0]), [Tensor(state) for state in states])
        layer = RNN(cell)
        np.testing.assert_allclose(layer(Tensor(X[:, :1]), initial_state=states).numpy(), output.numpy(), rtol=1e-6)
        assert len(after) == count
