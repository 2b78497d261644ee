"""Keras's backend, K: functions of tensors, arrays and symbolic tensors, with the names of Keras 1.2 and 2.2.

On values they act at once; on placeholders, variables and a model's tensors they wait until a function or a
model runs.

| module      | functions                                                                 |
|-------------|---------------------------------------------------------------------------|
| settings    | number types, image layout, names, the learning phase                     |
| variables   | variables, placeholders, constants, shapes and values                     |
| updates     | new values of variables, carried out by `function`                        |
| evaluation  | `function`, `gradients`                                                   |
| elementwise | functions of each element, comparisons                                    |
| reduction   | sums, means, extremes                                                     |
| linear      | products of matrices, rows of tables                                      |
| shaping     | shapes, joining, repeating, padding                                       |
| pooling     | pooling of images and volumes                                             |
| nn          | activations, cross-entropies, normalisation                               |
| convolution | convolutions of sequences, images and volumes                             |
| control     | choices and loops                                                         |
| recurrence  | loops over timesteps                                                      |
| random      | random numbers, dropout                                                   |

Reference: Keras 2.2.5 and 1.2.2, `keras.backend`.
"""

from ..absent import attribute_of
from ..config import (
    epsilon,
    floatx,
    image_data_format,
    image_dim_ordering,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_image_dim_ordering,
)
from ..naming import get_uid, reset_uids
from .control import foldl, foldr, in_test_phase, in_train_phase, map_fn, switch
from .convolution import (
    atrous_conv2d,
    conv1d,
    conv2d,
    conv2d_transpose,
    conv3d,
    conv3d_transpose,
    deconv2d,
    depthwise_conv2d,
    local_conv1d,
    local_conv2d,
    separable_conv1d,
    separable_conv2d,
)
from .elementwise import (
    abs,
    clip,
    cos,
    equal,
    exp,
    greater,
    greater_equal,
    less,
    less_equal,
    lesser,
    lesser_equal,
    log,
    maximum,
    minimum,
    not_equal,
    pow,
    round,
    sign,
    sin,
    sqrt,
    square,
)
from .evaluation import function, gradients, print_tensor, stop_gradient
from .linear import batch_dot, dot, gather, transpose
from .nn import (
    batch_normalization,
    bias_add,
    binary_crossentropy,
    categorical_crossentropy,
    elu,
    hard_sigmoid,
    in_top_k,
    l2_normalize,
    normalize_batch_in_training,
    relu,
    sigmoid,
    softmax,
    softplus,
    softsign,
    sparse_categorical_crossentropy,
    tanh,
)
from .pooling import pool2d, pool3d
from .random import dropout, random_binomial, random_normal, random_uniform, truncated_normal
from .recurrence import rnn
from .reduction import (
    all,
    any,
    argmax,
    argmin,
    cumprod,
    cumsum,
    logsumexp,
    max,
    mean,
    min,
    prod,
    std,
    sum,
    var,
)
from .settings import (
    backend,
    cast_to_floatx,
    clear_session,
    learning_phase,
    manual_variable_initialization,
    name_scope,
    normalize_data_format,
    set_learning_phase,
)
from .shaping import (
    arange,
    asymmetric_spatial_2d_padding,
    asymmetric_temporal_padding,
    batch_flatten,
    concatenate,
    expand_dims,
    flatten,
    one_hot,
    permute_dimensions,
    repeat,
    repeat_elements,
    reshape,
    resize_images,
    resize_volumes,
    reverse,
    slice,
    spatial_2d_padding,
    spatial_3d_padding,
    squeeze,
    stack,
    temporal_padding,
    tile,
)
from .updates import moving_average_update, update, update_add, update_sub
from .variables import (
    batch_get_value,
    batch_set_value,
    cast,
    constant,
    count_params,
    dtype,
    eval,
    eye,
    get_value,
    get_variable_shape,
    identity,
    int_shape,
    is_keras_tensor,
    is_placeholder,
    is_sparse,
    is_tensor,
    ndim,
    ones,
    ones_like,
    placeholder,
    random_normal_variable,
    random_uniform_variable,
    set_value,
    shape,
    to_dense,
    variable,
    zeros,
    zeros_like,
)

__all__ = [
    "abs", "all", "any", "arange", "argmax", "argmin", "asymmetric_spatial_2d_padding", "asymmetric_temporal_padding",
    "atrous_conv2d", "backend", "batch_dot", "batch_flatten", "batch_get_value", "batch_normalization",
    "batch_set_value", "bias_add", "binary_crossentropy", "cast", "cast_to_floatx", "categorical_crossentropy",
    "clear_session", "clip", "concatenate", "constant", "conv1d", "conv2d", "conv2d_transpose", "conv3d",
    "conv3d_transpose", "cos", "count_params", "cumprod", "cumsum", "deconv2d", "depthwise_conv2d", "dot", "dropout",
    "dtype", "elu", "epsilon", "equal", "eval", "exp", "expand_dims", "eye", "flatten", "floatx", "foldl", "foldr",
    "function", "gather", "get_uid", "get_value", "get_variable_shape", "gradients", "greater", "greater_equal",
    "hard_sigmoid", "identity", "image_data_format", "image_dim_ordering", "in_test_phase", "in_top_k",
    "in_train_phase", "int_shape", "is_keras_tensor", "is_placeholder", "is_sparse", "is_tensor", "l2_normalize",
    "learning_phase", "less", "less_equal", "lesser", "lesser_equal", "local_conv1d", "local_conv2d", "log",
    "logsumexp", "manual_variable_initialization", "map_fn", "max", "maximum", "mean", "min", "minimum",
    "moving_average_update", "name_scope", "ndim", "normalize_batch_in_training", "normalize_data_format", "not_equal",
    "one_hot", "ones", "ones_like", "permute_dimensions", "placeholder", "pool2d", "pool3d", "pow", "print_tensor",
    "prod", "random_binomial", "random_normal", "random_normal_variable", "random_uniform", "random_uniform_variable",
    "relu", "repeat", "repeat_elements", "reset_uids", "reshape", "resize_images", "resize_volumes", "reverse", "rnn",
    "round", "separable_conv1d", "separable_conv2d", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_image_dim_ordering", "set_learning_phase", "set_value", "shape", "sigmoid", "sign", "sin", "slice", "softmax",
    "softplus", "softsign", "sparse_categorical_crossentropy", "spatial_2d_padding", "spatial_3d_padding", "sqrt",
    "square", "squeeze", "stack", "std", "stop_gradient", "sum", "switch", "tanh", "temporal_padding", "tile",
    "to_dense", "transpose", "truncated_normal", "update", "update_add", "update_sub", "var", "variable", "zeros",
    "zeros_like",
]
__getattr__ = attribute_of(__name__)
