"""Convolutions, pooling, learned activations, locally connected layers and other old ones as the real Keras 1.2.2 and
2.2.5 answered: outputs, gradients, files.
"""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.layers import deserialize
from numba_layers.models import Sequential, load_model, model_from_json
from tests.reference.recorded import FIGURES, answered, cases, series, with_type
from tests.tolerances import assert_close

# Sums of some hundred products. TensorFlow interpolates in float32 whatever it is given, and keeps slopes in it.
FACTOR = 10
IN_FLOAT32 = 1e8


@pytest.fixture(autouse=True)
def settings():
    before = config.floatx(), config.keras_version()
    yield
    config.set_floatx(before[0])
    config.set_keras_version(before[1])


def use(case, floatx):
    config.set_floatx(floatx)
    config.set_keras_version("1.2.2" if case.generation == 1 else "2.2.5")


def turned(array, case, description):
    """A weight of a convolution of Theano, which flips the window, as it must be without; others as they are."""
    if not case.facts["flipped"] or array.ndim < 3:
        return array
    first = 2 if description.get("dim_ordering") == "th" else 0
    return np.flip(array, range(first, first + array.ndim - 2))


@pytest.mark.parametrize("case, floatx", [
    pair for group in ("convolution", "pooling", "further") for pair in answered(group, "output")], ids=str)
def test_as_keras(case, floatx):
    use(case, floatx)
    description = with_type(case.facts["config"], floatx)
    layer = deserialize({"class_name": case.facts["class_name"], "config": description})
    model = Sequential([layer])
    model.set_weights([turned(weight, case, description) for weight in series(case, "in/weight")])
    assert list(model.output_shape) == case.facts["output_shape"]

    gradients = K.gradients(K.sum(model.output * case.given("cotangent", floatx)), [model.input, *layer.weights])
    output, grad_x, *grad_weights = K.function([model.input], [model.output, *gradients])([case.given("x", floatx)])
    rounded = description.get("interpolation") == "bilinear" or (case.generation == 2 and "alpha" in description)
    factor = IN_FLOAT32 if floatx == "float64" and rounded else FACTOR
    assert_close(output, case.answer("output", floatx), factor)
    expected = case.answer("grad_x", floatx)
    if expected is not None:
        assert_close(grad_x, expected, factor)
    for weight, grad, expected in zip(layer.weights, grad_weights, series(case, f"{floatx}/grad_weight"), strict=True):
        assert grad.shape == weight.shape
        assert_close(grad, turned(expected, case, description), factor)


# -- files ---------------------------------------------------------------------------------------------------------

@pytest.fixture(params=cases("convolution_models") + cases("further_models"), ids=str)
def saved(request):
    use(request.param, "float32")
    return request.param


def path(case, kind):
    return FIGURES / f"keras{case.generation}" / f"{case.key}_{kind}.h5"


def one_or_all(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


def has_weights(model, case, name):
    """The weights of `model` are the arrays `name`0, `name`1, ... of Keras, window by window."""
    descriptions = [layer.get_config() for layer in model.layers for _ in layer.weights]
    for actual, expected, description in zip(model.get_weights(), series(case, name), descriptions, strict=True):
        np.testing.assert_allclose(actual, turned(expected, case, description), rtol=3e-5, atol=3e-6)


def predicts(model, case):
    expected, = series(case, "float32/predicted")
    assert_close(model.predict(one_or_all(series(case, "in/x"))), expected, FACTOR)


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


def test_training_goes_on(saved):
    """One more update gives Keras's weights: the optimizer's moments are turned like the weights."""
    model = load_model(path(saved, "model"))
    figures = model.train_on_batch(one_or_all(series(saved, "in/x")), one_or_all(series(saved, "in/y")))
    np.testing.assert_allclose(figures, saved.answer("next_batch", "float32"), rtol=3e-5)
    has_weights(model, saved, "float32/next_weights")


def test_round_trip(saved, tmp_path):
    """A Keras 1 spelled layer goes on in its own layout: what is saved here is no more flipped."""
    model = load_model(path(saved, "model"))
    model.save(tmp_path / "again.h5")
    predicts(load_model(tmp_path / "again.h5"), saved)
