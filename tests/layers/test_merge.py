"""Layers of several inputs: values as NumPy has them, gradients, masks, both generations' names, errors."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import layers
from numba_layers.autograd import Tape, Tensor, gradcheck
from numba_layers.layers import Dense, Input, Masking
from numba_layers.layers.node import sources
from numba_layers.models import Model, Sequential, clone_model, load_model, model_from_json


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


@pytest.mark.parametrize("kind, arguments, shapes, result", [
    *((kind, arguments, ((0, 4), (0, 4)), None) for kind, arguments, *_ in MERGES),
    ("Dot", {"axes": 1}, ((0, 4, 2), (0, 4, 5)), (0, 2, 5)), ("Dot", {"axes": (2, 1)}, ((0, 3, 4), (0, 4)), (0, 3)),
    ("Dot", {"axes": 2, "normalize": True}, ((0, 3, 4), (0, 5, 4)), (0, 3, 5)),
    ("Dot", {"axes": 1}, ((2, 4, 0), (2, 4, 5)), (2, 0, 5)),
    ("Concatenate", {"axis": 1}, ((0, 2, 3), (0, 1, 3)), (0, 3, 3))])
def test_no_samples(kind, arguments, shapes, result, device):
    pair = [Tensor(np.ones(shape, "float32")) for shape in shapes]
    with Tape() as tape:
        y = getattr(layers, kind)(**arguments)(pair)
    assert y.numpy().shape == (result or y.shape) and 0 in y.shape
    for x, grad in zip(pair, tape.gradient(y, pair, np.zeros(y.shape, "float32"))):
        np.testing.assert_array_equal(grad.numpy(), np.zeros(x.shape))
    inputs = [Input(shape[1:]) for shape in shapes]
    assert Model(inputs, getattr(layers, kind)(**arguments)(inputs)).predict_on_batch(
        [x.data for x in pair]).shape == y.shape


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
    with pytest.raises(ValueError, match="never connected to an input"):
        layers.Merge([Dense(2), Dense(3)], mode="concat")


# -- Keras 1's Merge -----------------------------------------------------------------------------------------------

def squares(pair, shift=0):
    return K.square(pair[0] - pair[1]) + shift


MODES = [   # mode, its other arguments, output shape, what NumPy says
    (lambda ab: ab[0] * ab[1] + 1, {}, (None, 4), lambda a, b: a * b + 1),
    (lambda ab: K.mean(squares(ab), axis=-1, keepdims=True), {"output_shape": (1,)}, (None, 1),
     lambda a, b: np.square(a - b).mean(axis=-1, keepdims=True)),
    (squares, {"output_shape": lambda shapes: shapes[0], "arguments": {"shift": 2}}, (None, 4),
     lambda a, b: np.square(a - b) + 2),
]


@pytest.mark.parametrize("mode, arguments, shape, wanted", MODES)
def test_a_function_as_mode(mode, arguments, shape, wanted, random):
    a, b = random.standard_normal((2, 3, 4)).astype("float32")
    x, y = Input((4,)), Input((4,))
    merged = layers.merge([x, y], mode=mode, name="both", **arguments)
    assert merged.shape == shape
    model = Model(input=[x, y], output=merged)
    for one in (model, clone_model(model), model_from_json(model.to_json(), {"squares": squares})):
        np.testing.assert_allclose(one.predict([a, b]), wanted(a, b), rtol=1e-5)


def test_masks_of_a_function_as_mode():
    x, y = Masking()(Input((3, 2))), Input((3, 2))
    assert layers.merge([x, y], mode=lambda ab: ab[0]).mask is None
    assert layers.merge([x, y], mode=lambda ab: ab[0], output_mask=lambda masks: masks[0]).mask is x.mask
    assert layers.merge([y, y], mode=lambda ab: ab[0], output_mask=lambda masks: masks[0]).mask is None
    seen = []
    layers.merge([x, y], mode=lambda ab, mask: seen.append(mask) or ab[0])
    assert seen == [[x.mask, None]]


def two_branches(mode):
    left = Sequential([Dense(3, input_dim=2, name="left"), Dense(4, name="above")])
    right = Sequential([Dense(4, input_dim=5, name="right")])
    return Sequential([layers.Merge([left, right], mode=mode), Dense(1, name="top")])


@pytest.mark.parametrize("mode, merge", [("concat", lambda a, b: np.concatenate([a, b], axis=1)),
                                         (lambda ab: ab[0] - ab[1], np.subtract)])
def test_models_merged_first_in_a_sequential(mode, merge, tmp_path, random):
    """Weights count from left to right, each branch from below: the order of Keras 1.2.2's files."""
    model = two_branches(mode)
    x = [random.standard_normal((6, 2)), random.standard_normal((6, 5))]
    model.compile("sgd", "mse")
    model.fit(x, np.ones((6, 1)), epochs=1, verbose=0)
    left, left_bias, above, above_bias, right, right_bias, top, top_bias = model.get_weights()
    wanted = merge((x[0] @ left + left_bias) @ above + above_bias, x[1] @ right + right_bias) @ top + top_bias
    np.testing.assert_allclose(model.predict(x), wanted, atol=1e-5)
    model.save(tmp_path / "model.h5")
    copies = [load_model(tmp_path / "model.h5"), clone_model(model), model_from_json(model.to_json())]
    for copy in copies[1:]:
        copy.load_weights(tmp_path / "model.h5")
    for copy in copies:
        np.testing.assert_array_equal(copy.predict(x), model.predict(x))
    assert [layer.name for layer in model.flattened_layers] == ["left", "above", "right", model.layers[0].name, "top"]


def test_a_layer_of_ones_own_written_as_for_keras2():
    class Differ(layers.merge_keras1.Merging):
        def _merge_function(self, inputs):
            return inputs[0] - 2 * inputs[1]

    x, y = Input((4,)), Input((4,))
    model = Model([x, y], Differ()([x, y]))
    assert (model.predict([np.ones((2, 4)), np.ones((2, 4))]) == -1).all()


def test_what_is_merged_may_be_one_model_layers_or_tensors():
    branch = Sequential([Dense(3, input_dim=2)])
    x = np.ones((4, 2))
    twice = Sequential([layers.Merge([branch, branch], mode="sum")])
    for model in (twice, model_from_json(twice.to_json())):
        model.set_weights(branch.get_weights())
        np.testing.assert_allclose(model.predict(x), 2 * branch.predict(x), rtol=1e-6)
    for inner in ([branch, branch.output], [branch.layers[0], branch], [Dense(3, input_dim=2), branch]):
        merged = layers.Merge(inner, mode="mul")
        model = Model(input=sources([merged.output]), output=merged.output)
        assert model.predict([x] * len(model.inputs)).shape == (4, 3)
