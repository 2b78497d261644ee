"""Each K function against NumPy: on arrays, at once; on placeholders and variables, when a function runs."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, OutOfRangeError, ShapeError, UnknownArgumentError, UnknownNameError
from tests.reference import pool as pooling
from tests.tolerances import assert_close

generator = np.random.RandomState(3)
A = generator.normal(size=(3, 4)).astype("float32")
B = generator.normal(size=(3, 4)).astype("float32")
CUBE = generator.normal(size=(2, 3, 4)).astype("float32")
OTHER = generator.normal(size=(2, 4, 5)).astype("float32")
IMAGES = generator.normal(size=(2, 3, 4, 5)).astype("float32")
VOLUMES = generator.normal(size=(2, 2, 3, 2, 3)).astype("float32")
MATRIX = generator.normal(size=(4, 5)).astype("float32")
HALVES = np.array([-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5], "float32")
LABELS = np.array([[0, 2, 1], [3, 3, 0]])
TRUTH = np.array([[True, False], [True, True]])


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


SHARES = softmax(A)
TARGETS = np.eye(4, dtype="float32")[[1, 0, 3]]
CASES = [
    ("abs", (A,), {}, np.abs(A)),
    ("square", (A,), {}, A**2),
    ("sqrt", (A,), {}, np.sqrt(np.maximum(A, 0))),
    ("exp", (A,), {}, np.exp(A)),
    ("log", (np.abs(A),), {}, np.log(np.abs(A))),
    ("sign", (HALVES,), {}, np.sign(HALVES)),
    ("round", (HALVES,), {}, np.round(HALVES)),
    ("sin", (A,), {}, np.sin(A)),
    ("cos", (A,), {}, np.cos(A)),
    ("pow", (np.abs(A), 3), {}, np.abs(A)**3),
    ("pow", (np.abs(A),), {"a": 0.5}, np.abs(A)**0.5),
    ("clip", (A, -0.5, 0.25), {}, np.clip(A, -0.5, 0.25)),
    ("clip", (A, 0.5, None), {}, np.maximum(A, 0.5)),
    ("clip", (A, 1.0, -1.0), {}, np.ones_like(A)),
    ("clip", (A, B - 1, B), {}, np.clip(A, B - 1, B)),
    ("equal", (HALVES, np.abs(HALVES)), {}, HALVES >= 0),
    ("not_equal", (HALVES, np.abs(HALVES)), {}, HALVES < 0),
    ("greater", (A, B), {}, A > B),
    ("greater_equal", (A, A), {}, np.ones_like(A, bool)),
    ("less", (A, B), {}, A < B),
    ("lesser", (A, B), {}, A < B),
    ("less_equal", (A, 0), {}, A <= 0),
    ("lesser_equal", (A, 0), {}, A <= 0),
    ("maximum", (A, B), {}, np.maximum(A, B)),
    ("minimum", (A, B[:1]), {}, np.minimum(A, B[:1])),
    ("max", (CUBE,), {"axis": 1}, CUBE.max(1)),
    ("min", (CUBE,), {"axis": -1, "keepdims": True}, CUBE.min(-1, keepdims=True)),
    ("sum", (CUBE,), {}, CUBE.sum()),
    ("sum", (CUBE,), {"axis": [0, 2]}, CUBE.sum((0, 2))),
    ("prod", (CUBE,), {"axis": 2}, CUBE.prod(2)),
    ("mean", (CUBE,), {"axis": (0, 1)}, CUBE.mean((0, 1))),
    ("mean", (TRUTH,), {}, np.float32(0.75)),
    ("var", (CUBE,), {"axis": 1}, CUBE.var(1)),
    ("std", (CUBE,), {"axis": -1}, CUBE.std(-1)),
    ("logsumexp", (1000 + CUBE,), {"axis": 1}, 1000 + np.log(np.exp(CUBE).sum(1))),
    ("any", (TRUTH,), {"axis": 1}, TRUTH.any(1)),
    ("all", (TRUTH,), {"axis": 1}, TRUTH.all(1)),
    ("any", (HALVES,), {}, np.True_),
    ("argmax", (CUBE,), {}, CUBE.argmax(-1)),
    ("argmin", (CUBE,), {"axis": 1}, CUBE.argmin(1)),
    ("cumsum", (CUBE,), {"axis": 1}, CUBE.cumsum(1)),
    ("cumprod", (CUBE,), {}, CUBE.cumprod(0)),
    ("dot", (A, MATRIX), {}, A @ MATRIX),
    ("dot", (CUBE, MATRIX), {}, CUBE @ MATRIX),
    ("batch_dot", (CUBE, OTHER), {}, CUBE @ OTHER),
    ("batch_dot", (A, B), {"axes": 1}, (A * B).sum(1, keepdims=True)),
    ("transpose", (CUBE,), {}, CUBE.transpose()),
    ("gather", (A, LABELS % 3), {}, A[LABELS % 3]),
    ("concatenate", ([A, B],), {}, np.concatenate([A, B], -1)),
    ("concatenate", ([A, B],), {"axis": 0}, np.concatenate([A, B], 0)),
    ("stack", ([A, B],), {"axis": 1}, np.stack([A, B], 1)),
    ("reshape", (CUBE, (4, -1)), {}, CUBE.reshape(4, -1)),
    ("flatten", (CUBE,), {}, CUBE.ravel()),
    ("batch_flatten", (CUBE,), {}, CUBE.reshape(2, -1)),
    ("permute_dimensions", (CUBE, (2, 0, 1)), {}, CUBE.transpose(2, 0, 1)),
    ("expand_dims", (A,), {}, A[..., None]),
    ("expand_dims", (A,), {"dim": 1}, A[:, None]),
    ("squeeze", (A[:, None], 1), {}, A),
    ("repeat_elements", (CUBE, 2), {"axis": 1}, CUBE.repeat(2, 1)),
    ("repeat", (A, 3), {}, np.stack([A] * 3, 1)),
    ("tile", (A, (2, 3)), {}, np.tile(A, (2, 3))),
    ("tile", (HALVES, 2), {}, np.tile(HALVES, 2)),
    ("one_hot", (LABELS, 4), {}, np.eye(4, dtype="float32")[LABELS]),
    ("one_hot", (LABELS,), {"nb_classes": 5}, np.eye(5, dtype="float32")[LABELS]),
    ("reverse", (CUBE, [0, 2]), {}, CUBE[::-1, :, ::-1]),
    ("slice", (CUBE, (0, 1, 1), (2, -1, 2)), {}, CUBE[0:2, 1:, 1:3]),
    ("temporal_padding", (CUBE,), {"padding": (2, 1)}, np.pad(CUBE, ((0, 0), (2, 1), (0, 0)))),
    ("temporal_padding", (CUBE, 1), {}, np.pad(CUBE, ((0, 0), (1, 1), (0, 0)))),
    ("asymmetric_temporal_padding", (CUBE, 1, 2), {}, np.pad(CUBE, ((0, 0), (1, 2), (0, 0)))),
    ("spatial_2d_padding", (IMAGES,), {}, np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)))),
    ("spatial_2d_padding", (IMAGES, (1, 2)), {"dim_ordering": "th"},
     np.pad(IMAGES, ((0, 0), (0, 0), (1, 1), (2, 2)))),
    ("asymmetric_spatial_2d_padding", (IMAGES, 1, 2, 3, 0), {},
     np.pad(IMAGES, ((0, 0), (1, 2), (3, 0), (0, 0)))),
    ("spatial_3d_padding", (VOLUMES, ((1, 0), (2, 1), (0, 3))), {"data_format": "channels_first"},
     np.pad(VOLUMES, ((0, 0), (0, 0), (1, 0), (2, 1), (0, 3)))),
    ("resize_images", (IMAGES, 2, 3, "channels_last"), {}, IMAGES.repeat(2, 1).repeat(3, 2)),
    ("resize_images", (IMAGES, 2, 1), {"dim_ordering": "th"}, IMAGES.repeat(2, 2)),
    ("resize_volumes", (VOLUMES, 2, 1, 3, "channels_last"), {}, VOLUMES.repeat(2, 1).repeat(3, 3)),
    ("pool2d", (IMAGES, (2, 2)), {}, pooling.max_pool(IMAGES, pool_size=2, strides=1)),
    ("pool2d", (IMAGES, (2, 3), (1, 2), "same", "th", "avg"), {},
     np.moveaxis(pooling.average_pool(np.moveaxis(IMAGES, 1, -1), pool_size=(2, 3), strides=(1, 2), padding="same"),
                 -1, 1).astype("float32")),
    ("pool3d", (VOLUMES, (2, 1, 2)), {"strides": (2, 1, 1), "border_mode": "same", "dim_ordering": "tf"},
     pooling.max_pool(VOLUMES, pool_size=(2, 1, 2), strides=(2, 1, 1), padding="same")),
    ("arange", (5,), {}, np.arange(5, dtype="int32")),
    ("arange", (5, 0, -2), {"dtype": "float32"}, np.arange(5, 0, -2, "float32")),
    ("relu", (A,), {"alpha": 0.5, "max_value": 1.0}, np.where(A > 0, np.minimum(A, 1), 0.5 * A)),
    ("relu", (A,), {"alpha": A[:1], "max_value": A[:, :1] + 1},
     np.minimum(np.where(A > 0, A, A[:1] * A), A[:, :1] + 1)),
    ("relu", (A,), {"alpha": A[0], "threshold": 0.25}, np.where(A > 0.25, A, A[0] * (A - 0.25))),
    ("relu", (A,), {"threshold": A[0] ** 2}, np.where(A > A[0] ** 2, A, 0)),
    ("elu", (A, 0.5), {}, np.where(A > 0, A, 0.5 * np.expm1(A))),
    ("softmax", (A,), {}, softmax(A)),
    ("softmax", (CUBE,), {"axis": 1}, softmax(CUBE.swapaxes(1, 2)).swapaxes(1, 2)),
    ("softplus", (A,), {}, np.log1p(np.exp(A))),
    ("softsign", (A,), {}, A / (1 + np.abs(A))),
    ("sigmoid", (A,), {}, 1 / (1 + np.exp(-A))),
    ("hard_sigmoid", (3 * A,), {}, np.clip(0.6 * A + 0.5, 0, 1)),
    ("tanh", (A,), {}, np.tanh(A)),
    ("categorical_crossentropy", (TARGETS, 2 * SHARES), {}, -np.log((TARGETS * SHARES).sum(1))),
    ("categorical_crossentropy", (TARGETS, A), {"from_logits": True}, -np.log((TARGETS * SHARES).sum(1))),
    ("categorical_crossentropy", (TARGETS.T, SHARES.T), {"axis": 0}, -np.log((TARGETS * SHARES).sum(1))),
    ("sparse_categorical_crossentropy", (np.array([[1], [0], [3]]), SHARES), {},
     -np.log((TARGETS * SHARES).sum(1))),
    ("sparse_categorical_crossentropy", (np.array([1, 0, 3]), A), {"from_logits": True},
     -np.log((TARGETS * SHARES).sum(1))),
    ("binary_crossentropy", (TARGETS, SHARES), {},
     -np.log(TARGETS * SHARES + (1 - TARGETS) * (1 - SHARES))),
    ("binary_crossentropy", (TARGETS, 30 * A), {"from_logits": True},
     np.maximum(30 * A, 0) - 30 * A * TARGETS + np.log1p(np.exp(-np.abs(30 * A)))),
    ("l2_normalize", (A,), {"axis": 1}, A / np.linalg.norm(A, axis=1, keepdims=True)),
    ("in_top_k", (np.array([[1, 3, 3, 2], [np.nan, 1, 2, 3]], "float32"), np.array([2, 0]), 1), {},
     np.array([True, False])),
    ("bias_add", (IMAGES, MATRIX[0]), {}, IMAGES + MATRIX[0]),
    ("bias_add", (IMAGES, A[0, :3]), {"data_format": "channels_first"}, IMAGES + A[0, :3, None, None]),
    ("bias_add", (CUBE, A.T), {"data_format": "channels_first"}, CUBE + A.T.reshape(A.shape)),      # as Keras has it
    ("batch_normalization", (A, A.mean(0), A.var(0), B[0], B[1]), {},
     B[1] * (A - A.mean(0)) / np.sqrt(A.var(0) + 1e-3) + B[0]),
    ("batch_normalization", (CUBE, A[:, 0], A[:, 1]**2, None, None), {"axis": 1, "epsilon": 0.1},
     (CUBE - A[:, :1]) / np.sqrt(A[:, 1:2]**2 + 0.1)),
    ("cast", (HALVES, "int32"), {}, HALVES.astype("int32")),
    ("zeros_like", (A,), {}, np.zeros_like(A)),
    ("ones_like", (A,), {"dtype": "int32"}, np.ones_like(A, "int32")),
    ("identity", (A,), {}, A),
    ("stop_gradient", (A,), {}, A),
]


def check(value, expected):
    """Same shape, same kind of numbers, same numbers."""
    value, expected = np.asarray(value), np.asarray(expected)
    assert value.shape == expected.shape
    assert value.dtype.kind == expected.dtype.kind
    if expected.dtype.kind == "f":
        assert_close(value, expected, factor=4)
    else:
        np.testing.assert_array_equal(value, expected)


def substituted(arguments, replace):
    """`arguments` with each array, also in lists, replaced."""
    return [replace(argument) if isinstance(argument, np.ndarray) else
            [replace(entry) for entry in argument]
            if isinstance(argument, list) and isinstance(argument[0], np.ndarray) else argument
            for argument in arguments]


def names(case):
    return case if isinstance(case, str) else None


@pytest.mark.parametrize("name, arguments, options, expected", CASES, ids=names)
class TestAgainstNumpy:
    def test_at_once(self, name, arguments, options, expected):
        result = getattr(K, name)(*substituted(arguments, lambda array: Tensor(array.copy())), **options)
        check(K.eval(result), expected)

    def test_when_a_function_runs(self, name, arguments, options, expected):
        placeholders, values = [], []

        def fed(array):
            """A placeholder for the array, whose first size is open."""
            placeholders.append(K.placeholder((None, *array.shape[1:]), dtype=str(array.dtype)))
            values.append(array)
            return placeholders[-1]

        result = getattr(K, name)(*substituted(arguments, fed), **options)
        value = K.function(placeholders, [result])(values)[0]
        check(value, expected)
        assert all(said in (None, size) for said, size in zip(K.int_shape(result), value.shape, strict=True))
        assert K.dtype(result) == str(value.dtype)


@pytest.mark.parametrize("name, arguments, options, expected",
                         [case for case in CASES if case[1][0] is A], ids=names)
def test_numpy_arrays_and_variables_will_do(name, arguments, options, expected):
    check(K.eval(getattr(K, name)(*arguments, **options)), expected)
    check(K.eval(getattr(K, name)(K.variable(A), *arguments[1:], **options)), expected)


@pytest.mark.parametrize("keras", ["1.2.2", "2.2.5"])
def test_order_of_output_and_target_is_that_of_the_version(keras):
    before = config.keras_version()
    config.set_keras_version(keras)
    try:
        pair = (SHARES, TARGETS) if keras == "1.2.2" else (TARGETS, SHARES)
        value = K.eval(K.categorical_crossentropy(*pair))
        named = K.eval(K.categorical_crossentropy(SHARES, target=TARGETS) if keras == "1.2.2" else
                       K.categorical_crossentropy(TARGETS, output=SHARES))
    finally:
        config.set_keras_version(before)
    check(value, -np.log((TARGETS * SHARES).sum(1)))
    check(named, value)


def test_classes_that_are_none_are_not_in_the_top_nor_hot():
    predictions, classes = np.full((4, 3), 1 / 3, "float32"), np.array([-1, 3, 10**12, 2])
    assert K.eval(K.in_top_k(predictions, classes, 5)).tolist() == [False, False, False, True]      # as TensorFlow's
    assert K.eval(K.one_hot(classes, 3)).tolist() == [[0, 0, 0]] * 3 + [[0, 0, 1]]
    for indices in ([4], [-1], [np.nan], np.uint64([2**63])):
        with pytest.raises(OutOfRangeError, match="out of range for the 4 rows of x"):
            K.gather(predictions, np.asarray(indices))


def test_bilinear_resizing_interpolates_between_rows():
    ramp = np.arange(3, dtype="float32").reshape(1, 3, 1, 1)
    resized = K.eval(K.resize_images(ramp, 2, 1, "channels_last", interpolation="bilinear"))
    check(resized.ravel(), np.array([0, 0.5, 1, 1.5, 2, 2], "float32"))


def test_normalize_batch_in_training_gives_the_statistics_too():
    normalized, mean, var = (K.eval(x) for x in K.normalize_batch_in_training(CUBE, A[:, 0], A[:, 1], [0, 2]))
    check(mean, CUBE.mean((0, 2)))
    check(var, CUBE.var((0, 2)))
    scale = (A[:, 0] / np.sqrt(var + 1e-3))[:, None]
    check(normalized, (CUBE - mean[:, None]) * scale + A[:, 1:2])


@pytest.mark.parametrize("call, error, words", [
    (lambda: K.resize_images(IMAGES, 2, 2, interpolation="cubic"), UnknownNameError, "bilinear"),
    (lambda: K.resize_images(IMAGES, 2, 2, "channel_last"), UnknownNameError, "Did you mean 'channels_last'"),
    (lambda: K.pool2d(IMAGES, (2, 2), pool_mode="mean"), UnknownNameError, "pool_mode 'mean'"),
    (lambda: K.pool3d(IMAGES, (2, 2, 2)), ShapeError, "pool3d: x has 4 axes"),
    (lambda: K.slice(CUBE, (0, 1), (1, 1)), ArgumentError, "one for each axis"),
    (lambda: K.bias_add(IMAGES, A), ShapeError, r"bias_add: bias has shape \(3, 4\)"),
    (lambda: K.one_hot(LABELS, nb_class=3), UnknownArgumentError, "one_hot: unknown argument 'nb_class'"),
    (lambda: K.switch(CUBE, A, A), ShapeError, "more axes than the expressions"),
    (lambda: K.reshape(CUBE, (None, None, 3)), ArgumentError, "open size"),
    (lambda: K.placeholder(), ArgumentError, "give shape"),
    (lambda: K.is_keras_tensor(A), ArgumentError, "expected a tensor"),
])
def test_mistakes_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
