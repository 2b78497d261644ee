"""Layers of several inputs: values as NumPy has them, gradients, masks, both generations' names, errors."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import layers
from numba_layers.autograd import gradcheck
from numba_layers.layers import Dense, Input, Masking
from numba_layers.models import Model, model_from_json


def dot(a, b):
    return np.einsum("ni,ni->n", a, b)[:, None]


def cosine(a, b):
    return dot(a, b) / np.sqrt(dot(a, a) * dot(b, b))


# class, arguments, function, Keras 1's mode, what NumPy says
MERGES = [
    ("Add", {}, "add", "sum", lambda a, b: a + b),
    ("Subtract", {}, "subtract", None, lambda a, b: a - b),
    ("Multiply", {}, "multiply", "mul", lambda a, b: a * b),
    ("Average", {}, "average", "ave", lambda a, b: (a + b) / 2),
    ("Maximum", {}, "maximum", "max", np.maximum),
    ("Minimum", {}, "minimum", None, np.minimum),
    ("Concatenate", {"axis": -1}, "concatenate", "concat", lambda a, b: np.concatenate([a, b], axis=-1)),
    ("Dot", {"axes": -1}, "dot", "dot", dot),
    ("Dot", {"axes": 1, "normalize": True}, "dot", "cos", cosine),
    ("Merge", {"mode": "sum"}, None, "sum", lambda a, b: a + b),
]
IDS = [f"{kind}-{mode}" for kind, _, _, mode, _ in MERGES]


@pytest.mark.parametrize("kind, arguments, function, mode, reference", MERGES, ids=IDS)
def test_merge(kind, arguments, function, mode, reference, random):
    a, b = random.standard_normal((2, 3, 4)).astype("float32")
    x, y = Input((4,)), Input((4,))
    outputs = [getattr(layers, kind)(**arguments)([x, y])]
    if function:
        outputs.append(getattr(layers, function)([x, y], **arguments))
    if mode:
        outputs.append(layers.merge([x, y], mode=mode))
    model = Model([x, y], outputs)
    for output, values in zip(outputs, model.predict([a, b]) if len(outputs) > 1 else [model.predict([a, b])]):
        np.testing.assert_allclose(values, reference(a, b), rtol=1e-5, atol=1e-6)
        assert output.shape == (None, *values.shape[1:])
    again = model_from_json(model.to_json())
    assert again.get_config() == model.get_config()
    gradcheck(lambda p, q: getattr(layers, kind)(**arguments)([p, q]), [a, b])


def test_dot_of_matrices(random):
    a, b = random.standard_normal((3, 4, 2)), random.standard_normal((3, 4, 5))
    x, y = Input((4, 2)), Input((4, 5))
    model = Model([x, y], layers.dot([x, y], axes=1))
    np.testing.assert_allclose(model.predict([a, b]), np.einsum("nki,nkj->nij", a, b), rtol=1e-5, atol=1e-6)


def test_masks():
    def masked(shape):
        x = Input(shape)
        return x, Masking()(x)

    (x, p), (y, q) = masked((3, 2)), masked((3, 2))
    a = np.array([[[1, 1], [0, 0], [1, 1]]], "float32")
    b = np.array([[[1, 1], [1, 1], [0, 0]]], "float32")
    for output, expected in ((layers.add([p, q]), [True, False, False]),
                             (layers.concatenate([p, q], axis=1), [True, False, True, True, True, False]),
                             (layers.concatenate([p, y]), [True, False, True])):
        np.testing.assert_array_equal(K.function([x, y], [output.mask])([a, b])[0][0], expected)


def test_errors():
    x, y, z = Input((4,)), Input((5,)), Input((2, 2))
    with pytest.raises(ValueError, match=r'Add "sum": the inputs must have one shape, got .*4.*5'):
        layers.add([x, y], name="sum")
    with pytest.raises(ValueError, match="all sizes but that of axis -1 must agree"):
        layers.concatenate([x, z])
    with pytest.raises(ValueError, match="list of at least 2"):
        layers.add([x])
    with pytest.raises(ValueError, match="takes 2 inputs, got 3"):
        layers.subtract([x, x, x])
    with pytest.raises(ValueError, match="mode of Merge 'sums'. Did you mean 'sum'"):
        layers.merge([x, x], mode="sums")
    with pytest.raises(ValueError, match="functional form"):
        layers.Merge([Dense(2), Dense(3)], mode="concat")
