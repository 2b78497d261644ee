"""Recurrent layers as the real Keras 1.2.2 and 2.2.5 answered: outputs, gradients, states between batches, files."""

import json

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.layers import GRU, LSTM, Bidirectional, Dense, Masking, SimpleRNN
from numba_layers.models import Sequential, load_model, model_from_json
from tests.reference.recorded import FIGURES, answered, cases, series, with_type
from tests.tolerances import assert_close

FACTOR = 10


@pytest.fixture(autouse=True)
def settings():
    before = config.floatx(), config.keras_version()
    yield
    config.set_floatx(before[0])
    config.set_keras_version(before[1])


def use(case, floatx):
    config.set_floatx(floatx)
    config.set_keras_version("1.2.2" if case.generation == 1 else "2.2.5")


def turned(array, case):
    """A window of Theano's, which flips it, as it must be without."""
    if case.generation == 2 or array.ndim < 3:
        return array
    first = 2 if '"dim_ordering": "th"' in case.facts["json"] else 0
    return np.flip(array, range(first, first + array.ndim - 2))


def made(case, floatx):
    model = model_from_json(json.dumps(with_type(json.loads(case.facts["json"]), floatx)))
    model.set_weights([turned(weight, case) for weight in series(case, "in/weight")])
    return model


@pytest.mark.parametrize("case, floatx", answered("recurrent", "output") + answered("recurrent_images", "output"),
                         ids=lambda value: str(value))
def test_as_keras(case, floatx):
    use(case, floatx)
    model = made(case, floatx)
    weights = model.weights
    gradients = K.gradients(K.sum(model.output * case.given("cotangent", floatx)), [model.input, *weights])
    output, grad_x, *grad_weights = K.function([model.input], [model.output, *gradients])([case.given("x", floatx)])
    assert_close(output, case.answer("output", floatx), FACTOR)
    assert_close(grad_x, case.answer("grad_x", floatx), FACTOR)
    for weight, grad, expected in zip(weights, grad_weights, series(case, f"{floatx}/grad_weight"), strict=True):
        assert grad.shape == weight.shape
        assert_close(grad, turned(expected, case), FACTOR)


@pytest.mark.parametrize("case, floatx", answered("recurrent", "first"), ids=lambda value: str(value))
def test_states_between_batches(case, floatx):
    use(case, floatx)
    model, x = made(case, floatx), case.given("x", floatx)
    for _ in range(3):      # op by op, and as a program
        assert_close(model.predict(x, batch_size=3), case.answer("first", floatx), FACTOR)
        assert_close(model.predict(x[:, ::-1], batch_size=3), case.answer("second", floatx), FACTOR)
        model.reset_states()
    assert_close(model.predict(x, batch_size=3), case.answer("again", floatx), FACTOR)


@pytest.fixture(params=cases("recurrent_models"), ids=str)
def saved(request):
    use(request.param, "float32")
    return request.param


def path(case, kind):
    return FIGURES / f"keras{case.generation}" / f"{case.key}_{kind}.h5"


def has_weights(model, case, name):
    for actual, expected in zip(model.get_weights(), series(case, name), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=3e-5, atol=3e-6)


def predicts(model, case):
    expected, = series(case, "float32/predicted")
    assert_close(model.predict(series(case, "in/x")[0]), expected, FACTOR)


def test_load_model(saved):
    model = load_model(path(saved, "model"))
    has_weights(model, saved, "float32/weights")
    predicts(model, saved)
    assert model.count_params() == saved.facts["parameters"]


def test_load_weights(saved):
    model = model_from_json(saved.facts["json"])
    model.load_weights(path(saved, "weights"))
    predicts(model, saved)
    by_name = model_from_json(saved.facts["json"])
    by_name.load_weights(path(saved, "model"), by_name=True)
    predicts(by_name, saved)


def test_weights_of_keras1_in_a_model_of_keras2(saved):
    """As Keras 2 does: those of the gates are put side by side."""
    config.set_keras_version("2.2.5")
    model = Sequential([
        Masking(0.0, input_shape=(4, 2), name="masking"),
        Bidirectional(LSTM(3, return_sequences=True, name="lstm"), name="both"),
        GRU(3, return_sequences=True, name="gru"),
        SimpleRNN(3, go_backwards=True, name="simple"),
        Dense(2, name="dense"),
    ])
    model.load_weights(path(saved, "weights"))
    predicts(model, saved)
    assert len(model.get_weights()) == 14


def test_training_goes_on(saved):
    """One more update gives Keras's weights."""
    model = load_model(path(saved, "model"))
    figures = model.train_on_batch(series(saved, "in/x")[0], series(saved, "in/y")[0])
    np.testing.assert_allclose(figures, saved.answer("next_batch", "float32"), rtol=3e-5)
    has_weights(model, saved, "float32/next_weights")


def test_saved_again(saved, tmp_path):
    model = load_model(path(saved, "model"))
    model.save(tmp_path / "again.h5")
    again = load_model(tmp_path / "again.h5")
    predicts(again, saved)
    has_weights(again, saved, "float32/weights")
