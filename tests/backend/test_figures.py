"""K functions against what Keras 1.2.2 and 2.2.5 answered: values, and gradients of a weighted sum."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from tests.reference.recorded import answered

TOLERANCE = {"float32": {"rtol": 2e-5, "atol": 2e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}
# Where the two Kerases differ, ours is Keras 2: a class tied with the k-th is in the top k, zero vectors stay
# zero, and equal extremes share the gradient (with Theano each has all of it).
ONLY_KERAS_2 = ("in_top_k/k=2", "l2_normalize/zero vector", "max/ties", "min/ties")


def recorded():
    return [(case, floatx) for case, floatx in answered("backend", "output")
            if case.generation == 2 or case.key not in ONLY_KERAS_2]


@pytest.fixture(autouse=True)
def settings():
    yield
    config.set_floatx("float32")
    config.set_keras_version("2.2.5")


def at_a_kink(case, x):
    """Where several gradients are right and Keras chose one: the ends of straight pieces."""
    ends = {"hard_sigmoid": (-2.5, 2.5), "relu": (0, case.facts["options"].get("max_value"))}
    return np.isin(x, [end for end in ends.get(case.facts["function"], ()) if end is not None])


@pytest.mark.parametrize("case, floatx", recorded(), ids=str)
def test_values_and_gradients_are_those_of_keras(case, floatx):
    config.set_floatx(floatx)
    config.set_keras_version({1: "1.2.2", 2: "2.2.5"}[case.generation])
    arguments, placeholders, values = [], [], []
    for count in case.facts["lists"]:
        for _ in range(count or 1):
            values.append(case.given(f"x{len(values)}", floatx))
            placeholders.append(K.placeholder(values[-1].shape, dtype=str(values[-1].dtype)))
        arguments.append(placeholders[-count:] if count else placeholders[-1])
    result = getattr(K, case.facts["function"])(*arguments, **case.facts["options"])
    answers = {position: case.answer(f"grad_x{position}", floatx) for position in range(len(values))}
    answers = {position: answer for position, answer in answers.items() if answer is not None}
    outputs = [result]
    if answers:
        loss = K.sum(result * case.given("cotangent", floatx))
        outputs += K.gradients(loss, [placeholders[position] for position in answers])
    output, *grads = K.function(placeholders, outputs)(values)
    in_float32 = case.facts["options"].get("interpolation") == "bilinear"   # whatever the type, in TensorFlow
    tolerance = TOLERANCE["float32" if in_float32 else floatx]
    expected = case.answer("output", floatx)
    assert output.shape == expected.shape
    np.testing.assert_allclose(output, expected, **tolerance)
    for grad, (position, answer) in zip(grads, answers.items(), strict=True):
        smooth = ~at_a_kink(case, values[position])
        np.testing.assert_allclose(grad[smooth], answer[smooth], **tolerance)
