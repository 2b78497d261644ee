"""Which formulas each kernel of elements, of losses and of optimizers computes: a line makes a kernel of every target.

A target adds those kernels whose functions are its own, and loops of their own.
"""

from collections import namedtuple

from . import activations, losses, optimizers, scalar

UNARY = {   # y = f(x)
    "negative_forward": scalar.negative,
    "abs_forward": scalar.absolute,
    "sign_forward": scalar.sign,
    "square_forward": scalar.square,
    "reciprocal_forward": scalar.reciprocal,
    "sqrt_forward": scalar.sqrt,
    "exp_forward": scalar.exp,
    "expm1_forward": scalar.expm1,
    "log_forward": scalar.log,
    "log1p_forward": scalar.log1p,
    "erf_forward": scalar.erf,
    "tanh_forward": scalar.tanh,
    "sigmoid_forward": activations.sigmoid,
    "hard_sigmoid_forward": activations.hard_sigmoid,
    "selu_forward": activations.selu,
    "softplus_forward": activations.softplus,
    "softsign_forward": activations.softsign,
    "swish_forward": activations.swish,
    "gelu_forward": activations.gelu,
    "mish_forward": activations.mish,
    "logical_not_forward": scalar.logical_not,
    "isnan_forward": scalar.isnan,
    "isinf_forward": scalar.isinf,
}

SLOPES = {   # grad_x = grad_y * slope(y); the last three take x in place of y
    "tanh_backward": activations.tanh_slope,
    "sigmoid_backward": activations.sigmoid_slope,
    "hard_sigmoid_backward": activations.hard_sigmoid_slope,
    "selu_backward": activations.selu_slope,
    "softplus_backward": activations.softplus_slope,
    "softsign_backward": activations.softsign_slope,
    "swish_backward": activations.swish_slope,
    "gelu_backward": activations.gelu_slope,
    "mish_backward": activations.mish_slope,
}

BINARY = {   # z = f(x, y)
    "add_forward": scalar.add,
    "subtract_forward": scalar.subtract,
    "multiply_forward": scalar.multiply,
    "divide_forward": scalar.divide,
    "power_forward": scalar.power,
    "maximum_forward": scalar.maximum,
    "minimum_forward": scalar.minimum,
    "equal_forward": scalar.equal,
    "not_equal_forward": scalar.not_equal,
    "less_forward": scalar.less,
    "less_equal_forward": scalar.less_equal,
    "greater_forward": scalar.greater,
    "greater_equal_forward": scalar.greater_equal,
    "logical_and_forward": scalar.logical_and,
    "logical_or_forward": scalar.logical_or,
    "prelu_forward": activations.prelu,
    "prelu_slope_forward": activations.prelu_slope,
}

Loss = namedtuple("Loss", "value gradient")

MEAN_LOSSES = {   # the loss of a row is the mean of its elements'
    "mean_squared_error": Loss(losses.squared_error, losses.squared_error_gradient),
    "mean_absolute_error": Loss(losses.absolute_error, losses.absolute_error_gradient),
}

LIMITED_MEAN_LOSSES = {   # the same of outputs that are limited to [epsilon, 1 - epsilon]
    "binary_crossentropy": Loss(losses.binary_crossentropy, losses.binary_crossentropy_gradient),
}

Update = namedtuple("Update", "formula slots rates")

UPDATES = {   # w -= step: a formula of `optimizers`, and what its slots and rates are
    "sgd_update": Update(optimizers.sgd, (), ("rate",)),
    "sgd_momentum_update": Update(optimizers.sgd_momentum, ("moment",), ("rate", "momentum")),
    "sgd_nesterov_update": Update(optimizers.sgd_nesterov, ("moment",), ("rate", "momentum")),
    "rmsprop_update": Update(optimizers.rmsprop, ("mean_square",), ("rate", "rho", "epsilon")),
    "adagrad_update": Update(optimizers.adagrad, ("sum_square",), ("rate", "epsilon")),
    "adadelta_update": Update(optimizers.adadelta, ("mean_square", "mean_square_step"), ("rate", "rho", "epsilon")),
    "adam_update": Update(optimizers.adam, ("mean", "mean_square"), ("rate", "beta_1", "beta_2", "epsilon")),
    "adam_amsgrad_update": Update(optimizers.adam_amsgrad, ("mean", "mean_square", "largest"),
                                  ("rate", "beta_1", "beta_2", "epsilon")),
    "adamax_update": Update(optimizers.adamax, ("mean", "largest"), ("rate", "beta_1", "beta_2", "epsilon")),
    "nadam_update": Update(optimizers.nadam, ("mean", "mean_square"),
                           ("rate_gradient", "rate_mean", "correction", "beta_1", "beta_2", "epsilon")),
}
