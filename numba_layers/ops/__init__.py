"""Operations on tensors: each checks shapes, runs kernels, and gives one vector-Jacobian product an input."""
# ruff: noqa: F401, I001

from . import operators   # gives Tensor its operators
from .activation import (
    elu, gelu, hard_sigmoid, log_softmax, mish, prelu, relu, selu, sigmoid, softmax, softplus, softsign, swish, tanh,
)
from .conv import conv, conv_transpose
from .depthwise import depthwise_conv, separable_conv
from .elementwise import (
    abs, add, cast, ceil, clip, cos, divide, equal, erf, exp, expm1, fill_like, floor, floor_divide,
    greater, greater_equal, isinf, isnan, less, less_equal, log, log1p, logical_and, logical_not, logical_or,
    maximum, minimum, mod, multiply, negative, not_equal, ones_like, power, reciprocal, round, sign, sin,
    sqrt, square, stop_gradient, subtract, where, zeros_like,
)
from .embedding import gather, one_hot
from .formula import Formula, formula
from .linear import batch_dot, dense, dot, matmul, sparse_dense
from .local import im2col, local_conv
from .loss import (
    binary_crossentropy, categorical_crossentropy, mean_absolute_error, mean_squared_error,
    sparse_categorical_crossentropy,
)
from .normalization import batch_normalize, layer_normalize, moving_average, normalize
from .pool import average_pool, max_pool
from .random import (
    alpha_dropout, dropout, gaussian_dropout, gaussian_noise, random_binomial, random_normal, random_truncated_normal,
    random_uniform,
)
from .recurrent import gru, lstm, simple_rnn
from .recurrence import filled_for, recurrence
from .reduction import (
    all, any, argmax, argmin, cumprod, cumsum, l2_normalize, logsumexp, max, mean, min, prod, std, sum, var,
)
from .resize import crop, upsample, zero_pad
from .shape import (
    broadcast_to, concatenate, expand_dims, flatten, flip, getitem, pad, repeat, reshape, split, squeeze,
    stack, tile, transpose, unstack,
)

__all__ = [
    "Formula", "abs", "add", "all", "alpha_dropout", "any", "argmax", "argmin", "average_pool", "batch_dot",
    "batch_normalize", "binary_crossentropy", "broadcast_to", "cast", "categorical_crossentropy", "ceil", "clip",
    "concatenate", "conv", "conv_transpose", "cos", "crop", "cumprod", "cumsum", "dense", "depthwise_conv", "divide",
    "dot", "dropout", "elu", "equal", "erf", "exp", "expand_dims", "expm1", "fill_like", "filled_for", "flatten",
    "flip", "floor", "floor_divide", "formula", "gather", "gaussian_dropout", "gaussian_noise", "gelu", "getitem",
    "greater", "greater_equal", "gru", "hard_sigmoid", "im2col", "isinf", "isnan", "l2_normalize", "layer_normalize",
    "less", "less_equal", "local_conv", "log", "log1p", "log_softmax", "logical_and", "logical_not", "logical_or",
    "logsumexp", "lstm", "matmul", "max", "max_pool", "maximum", "mean", "mean_absolute_error", "mean_squared_error",
    "min", "minimum", "mish", "mod", "moving_average", "multiply", "negative", "normalize", "not_equal", "one_hot",
    "ones_like", "pad", "power", "prelu", "prod", "random_binomial", "random_normal", "random_truncated_normal",
    "random_uniform", "reciprocal", "recurrence", "relu", "repeat", "reshape", "round", "selu", "separable_conv",
    "sigmoid", "sign", "simple_rnn", "sin", "softmax", "softplus", "softsign", "sparse_categorical_crossentropy",
    "sparse_dense", "split", "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "swish",
    "tanh", "tile", "transpose", "unstack", "upsample", "var", "where", "zero_pad", "zeros_like",
]
