"""Batches of no samples, and tensors with another empty axis, go through every op and back: the shapes of NumPy.

Convolutions, pooling and resizing: `tests/layers/test_contract.py`.
"""

import numpy as np
import pytest
import scipy.sparse

from numba_layers import Tape, Tensor, ops

KEY = np.array([1, 2, 3], np.uint64)
SAME = ["elu", "hard_sigmoid", "log_softmax", "relu", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh",
        "swish", "gelu", "mish", "gaussian_noise", "gaussian_dropout", "alpha_dropout",
        "abs", "ceil", "clip", "cos", "erf", "exp", "expm1", "fill_like", "floor", "log", "log1p", "negative",
        "ones_like", "reciprocal", "round", "sign", "sin", "sqrt", "square", "stop_gradient", "zeros_like", "isinf",
        "isnan", "logical_not", "cast", "l2_normalize", "cumsum", "cumprod", "flip", "dropout"]
OPTIONS = {"clip": {"low": 0.0, "high": 1.0}, "fill_like": {"value": 2.0}, "cast": {"dtype": "int32"},
           "l2_normalize": {"axis": -1}, "cumsum": {"axis": -1}, "cumprod": {"axis": -1}, "flip": {"axes": 1},
           **dict.fromkeys(["dropout", "gaussian_dropout", "alpha_dropout"], {"rate": 0.5, "key": KEY}),
           "gaussian_noise": {"stddev": 0.5, "key": KEY}}
PAIRS = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "mod", "floor_divide", "equal",
         "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "prelu"]
REDUCTIONS = ["sum", "mean", "prod", "max", "min", "std", "var", "logsumexp", "all", "any", "argmax", "argmin"]
EMPTY = [(0, 3), (0, 0), (2, 0, 3), (2, 3, 0)]

# name -> (function of tensors, shapes of the tensors, shape of the result)
CASES = {}
for name in SAME:
    for shape in EMPTY:
        CASES[f"{name} {shape}"] = (lambda x, name=name: getattr(ops, name)(x, **OPTIONS.get(name, {}))), [shape], shape
for name in PAIRS:
    for shape in EMPTY:
        for other in (shape, (), shape[-1:]):
            CASES[f"{name} {shape} {other}"] = getattr(ops, name), [shape, other], shape
for name in REDUCTIONS:
    for shape in ((0, 3), (2, 3, 0, 4), (0, 0, 2)):
        CASES[f"{name} {shape}"] = (lambda x, name=name: getattr(ops, name)(x, axis=-1)), [shape], shape[:-1]
for name in ("sum", "mean", "prod", "all", "any"):
    for shape, axis, result in (((0, 3), 0, (3,)), ((2, 0), 1, (2,)), ((2, 0, 3), (0, 1), (3,)), ((0, 3), None, ())):
        CASES[f"{name} {shape} over {axis}"] = (lambda x, name=name, axis=axis: getattr(ops, name)(x, axis=axis)), [
            shape], result
for name in ("mean_squared_error", "mean_absolute_error", "binary_crossentropy", "categorical_crossentropy"):
    for shape in ((0, 3), (0, 2, 3), (2, 0, 3)):
        CASES[f"{name} {shape}"] = getattr(ops, name), [shape, shape], shape[:-1]


def double(x):
    return 2 * x


def added(x, states):
    return x + states[0], [x + states[0]]


def case(name, function, shapes, result):
    CASES[f"{name} {shapes}"] = function, shapes, result


case("sparse_categorical_crossentropy", lambda target, output: ops.sparse_categorical_crossentropy(
    ops.cast(target, dtype="int64"), output), [(0, 1), (0, 3)], (0,))
for shape in ((0, 3), (2, 0, 3), (0, 2, 3)):
    case("dense", ops.dense, [shape, (3, 4), (4,)], (*shape[:-1], 4))
    case("dense relu", lambda *args: ops.dense(*args, activation="relu"), [shape, (3, 4), (4,)], (*shape[:-1], 4))
    case("dense to none", ops.dense, [shape, (3, 0), (0,)], (*shape[:-1], 0))
    case("where", lambda a, b: ops.where(np.zeros(a.shape, bool), a, b), [shape, shape], shape)
    case("concatenate", lambda a, b: ops.concatenate(a, b, axis=-1), [shape, shape], (*shape[:-1], 6))
    case("concatenate rows", lambda a, b: ops.concatenate(a, b, axis=0), [shape, shape], (2 * shape[0], *shape[1:]))
    case("stack", lambda a, b: ops.stack(a, b, axis=1), [shape, shape], (shape[0], 2, *shape[1:]))
    case("broadcast_to", lambda x, shape=shape: ops.broadcast_to(x, shape=(5, *shape)), [shape], (5, *shape))
    case("expand_dims", lambda x: ops.expand_dims(x, axis=1), [shape], (shape[0], 1, *shape[1:]))
    case("squeeze", lambda x: ops.squeeze(x, axis=1), [(shape[0], 1, *shape[1:])], shape)
    case("tile", lambda x: ops.tile(x, repeats=(1,) * (x.ndim - 1) + (2,)), [shape], (*shape[:-1], 6))
    case("repeat", lambda x: ops.repeat(x, repeats=2, axis=-1), [shape], (*shape[:-1], 6))
    case("split", lambda x: ops.split(x, parts=3, axis=-1)[1], [shape], (*shape[:-1], 1))
    case("unstack", lambda x: ops.unstack(x, axis=-1)[1], [shape], shape[:-1])
    case("flatten", ops.flatten, [shape], (shape[0], int(np.prod(shape[1:]))))
    case("transpose", ops.transpose, [shape], shape[::-1])
    case("getitem", lambda x: ops.getitem(x, index=(slice(None), slice(0, 0))), [shape], (shape[0], 0, *shape[2:]))
    case("pad", lambda x: ops.pad(x, padding=((0, 0),) * (x.ndim - 1) + ((1, 1),)), [shape], (*shape[:-1], 5))
    case("reshape", lambda x: ops.reshape(x, shape=(*x.shape[:-1], 3, 1)), [shape], (*shape, 1))
    case("reshape open", lambda x: ops.reshape(x, shape=(-1, *x.shape[1:-1], 3)), [shape], shape)
for a, b, result in (
        ((0, 3), (3, 4), (0, 4)), ((2, 0), (0, 4), (2, 4)), ((2, 3), (3, 0), (2, 0)), ((0, 2, 3), (0, 3, 4), (0, 2, 4)),
        ((5, 0, 3), (5, 3, 4), (5, 0, 4)), ((5, 2, 0), (5, 0, 4), (5, 2, 4)), ((0,), (0,), ())):
    case("matmul", ops.matmul, [a, b], result)
for a, b, result in (((0, 3), (3, 4), (0, 4)), ((0, 3), (2, 3, 4), (0, 2, 4)), ((5, 3), (0, 3, 4), (5, 0, 4))):
    case("dot", ops.dot, [a, b], result)
for a, b, axes, result in (
        ((0, 3, 4), (0, 4, 5), (2, 1), (0, 3, 5)), ((0, 4, 3), (0, 4, 5), (1, 1), (0, 3, 5)),
        ((0, 3, 4), (0, 5, 4), 2, (0, 3, 5)), ((0, 4), (0, 4), 1, (0, 1)), ((0, 4), (0, 4, 5), (1, 1), (0, 5)),
        ((0, 2, 3, 4), (0, 4, 5), (3, 1), (0, 2, 3, 5)), ((2, 0, 4), (2, 4, 5), (2, 1), (2, 0, 5)),
        ((2, 3, 0), (2, 0, 5), (2, 1), (2, 3, 5)), ((2, 3, 4), (2, 4, 0), (2, 1), (2, 3, 0))):
    case(f"batch_dot {axes}", lambda a, b, axes=axes: ops.batch_dot(a, b, axes=axes), [a, b], result)
case("gather", lambda x: ops.gather(x, np.zeros((0,), np.int64)), [(4, 3)], (0, 3))
case("gather", lambda x: ops.gather(x, np.zeros((2, 0), np.int64)), [(0, 3)], (2, 0, 3))
case("gather", lambda x: ops.gather(x, np.zeros((2,), np.int64)), [(4, 0)], (2, 0))
for batch, time in ((0, 3), (2, 0), (0, 0)):
    for name, gates, states in (("simple_rnn", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)):
        bias = [None] * (name == "gru")
        case(name, lambda z, u, *h, name=name, bias=bias: getattr(ops, name)(z, u, *bias, *h)[0],
             [(batch, time, gates * 3), (3, gates * 3), *[(batch, 3)] * states], (batch, time, 3))
    case("recurrence", lambda x, h: ops.recurrence(added, x, [h])[1], [(batch, time, 3), (batch, 3)], (batch, time, 3))
for shape in ((0, 3), (2, 0, 3), (0, 2, 3)):
    case("filled_for", lambda x: ops.filled_for(x, sizes=(4,), value=1), [shape], (shape[0], 4))
    case("layer_normalize", ops.layer_normalize, [shape, (3,), (3,)], shape)
    case("normalize", ops.normalize, [shape, (3,), (3,), (3,), (3,)], shape)
    case("formula", ops.formula(double), [shape], shape)
    case("elementwise", lambda x: ops.elementwise(double, x), [shape], shape)
case("moving_average", lambda old, new: ops.moving_average(old, new, Tensor(np.zeros(1, "int64")), momentum=0.9),
     [(0,), (0,)], (0,))
case("im2col", lambda x: ops.im2col(x, window=(2, 2), strides=(1, 1)), [(0, 3, 3, 2)], (4, 0, 8))
case("local_conv", lambda x, w: ops.local_conv(x, w, window=2), [(0, 3, 2), (2, 4, 5)], (0, 2, 5))
case("one_hot", lambda x: ops.one_hot(ops.cast(x, dtype="int64"), depth=4), [(0,)], (0, 4))
case("sparse_dense", lambda w: ops.sparse_dense(scipy.sparse.csr_matrix((0, 3), dtype="float32"), w), [(3, 4)], (0, 4))
case("sparse_dense", lambda w: ops.sparse_dense(scipy.sparse.csr_matrix((2, 0), dtype="float32"), w), [(0, 4)], (2, 4))


@pytest.mark.parametrize("name", {name.partition(" ")[0]: None for name in CASES})
def test_empty(name, device):
    for case, rest in CASES.items():
        if case.partition(" ")[0] == name:
            check(*rest)


def check(function, shapes, result):
    inputs = [Tensor(np.ones(shape, "float32")) for shape in shapes]
    with np.errstate(invalid="ignore"), Tape() as tape:
        y = function(*inputs)
        assert y.shape == result and y.numpy().shape == result
        if y.dtype.kind != "f":
            return
        grads = tape.gradient(y, inputs, np.ones(result, "float32"))
    for x, grad in zip(inputs, grads):
        if grad is not None:
            assert grad.shape == x.shape and grad.numpy().shape == x.shape


def test_every_op_is_in_the_table():
    images = {"conv", "conv_transpose", "depthwise_conv", "separable_conv", "average_pool", "max_pool", "upsample",
              "crop", "zero_pad"}
    drawn = {"random_binomial", "random_normal", "random_truncated_normal", "random_uniform"}
    every = {name for name, function in vars(ops).items() if callable(function)}
    others = {"Formula", "batch_normalize"}     # a class; moments of no samples are an error
    assert every - {name.partition(" ")[0] for name in CASES} == images | drawn | others
