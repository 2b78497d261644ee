"""Activations against the real Keras: values and gradients; names, functions and layers as activations."""

import numpy as np
import pytest

from numba_layers import activations, config
from numba_layers.autograd.tape import Tape
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, ShapeError, UnknownNameError
from tests.reference.recorded import answered

TOLERANCE = {"float32": {"rtol": 2e-6, "atol": 3e-7}, "float64": {"rtol": 1e-12, "atol": 1e-15}}
ROUGH = {"rtol": 3e-9, "atol": 3e-9}   # Theano cuts exponentials off
NAMES = ("linear", "relu", "elu", "selu", "softmax", "softplus", "softsign", "tanh", "sigmoid",
         "hard_sigmoid", "exponential", "swish", "gelu", "mish", "leaky_relu", "relu6", "log_softmax")


@pytest.fixture(autouse=True)
def restore_floatx():
    yield
    config.set_floatx("float32")


def at_a_kink(case, x):
    """Where several gradients are right, and the two Kerases chose one each: the ends of straight pieces."""
    ends = {"relu": (0, case.facts["options"].get("max_value"), case.facts["options"].get("threshold")),
            "hard_sigmoid": (-2.5, 2.5)}
    return np.isin(x, [end for end in ends.get(case.facts["function"], ()) if end is not None])


@pytest.mark.parametrize("case, floatx", answered("activations", "output"), ids=str)
def test_values_and_gradients_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    cut_off = case.generation == 1 and case.facts["function"] in ("sigmoid", "softplus")
    tolerance = TOLERANCE[floatx] | (ROUGH if cut_off and floatx == "float64" else {})
    x = Tensor(case.given("x", floatx))
    with Tape() as tape:
        y = activations.get(case.facts["function"])(x, **case.facts["options"])
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(y.data, case.answer("output", floatx), **tolerance)
    grad = tape.gradient(y, x, case.given("cotangent", floatx))
    smooth = ~at_a_kink(case, x.data)
    np.testing.assert_allclose(grad.data[smooth], case.answer("grad_x", floatx)[smooth], **tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_names_round_trip(name):
    function = activations.get(name)
    assert function is getattr(activations, name) and activations.serialize(function) == name
    assert activations.deserialize(name) is function


def test_functions_pass_and_none_is_linear():
    def twice(x):
        return x + x

    assert activations.get(twice) is twice
    assert activations.deserialize("twice", {"twice": twice}) is twice
    assert activations.get(None) is activations.linear


def test_a_layer_is_an_activation_and_round_trips():
    from numba_layers.layers import Activation

    layer = Activation("tanh")
    assert activations.get(layer) is layer
    again = activations.get(activations.serialize(layer))
    assert isinstance(again, Activation) and again.activation is activations.tanh


def test_names_of_layers():
    from numba_layers.layers import Dense, LeakyReLU

    layer = activations.get("LeakyReLU")
    assert isinstance(layer, LeakyReLU) and layer.alpha == pytest.approx(0.3)       # the function's slope is 0.2
    np.testing.assert_allclose(activations.leaky_relu(np.array([-1.0, 2.0])), [-0.2, 2])
    assert isinstance(Dense.from_config(Dense(2, activation="LeakyReLU").get_config()).activation, LeakyReLU)


def test_variants(random):
    x = random.standard_normal((4, 5))
    np.testing.assert_allclose(activations.gelu(x, approximate=True), activations.gelu(x), atol=1e-3)
    truth = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    np.testing.assert_allclose(activations.gelu(x, approximate=True), truth, rtol=1e-12)
    np.testing.assert_array_equal(activations.relu6(5 * x), np.clip(5 * x, 0, 6))
    np.testing.assert_allclose(np.exp(activations.log_softmax(x).numpy()), activations.softmax(x), rtol=1e-12)
    assert activations.get("silu") is activations.get("swish") is activations.swish


def test_wrong_ones_are_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'sigmoid'"):
        activations.get("sigmod")
    with pytest.raises(ArgumentError, match="of a activation|of an activation"):
        activations.get(3)
    with pytest.raises(ShapeError, match=r"softmax: x has shape \(3,\), expected \(batch"):
        activations.softmax(np.ones(3))
