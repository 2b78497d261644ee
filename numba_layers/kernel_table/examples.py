"""For each kind of layer an example, and the arguments with which it launches other kernels than in the example."""

import inspect
from collections import namedtuple

from .. import layers
from ..layers.merge import Merging
from ..layers.recurrent_cells import Cell

BATCH, SIDE, LARGE, CHANNELS = 2, 11, 32, 16
SHAPES = dict.fromkeys(["Dense", "Highway", "MaxoutDense", "RepeatVector"], (6,)) | {     # without the batch
    "ConvLSTM2D": (3, SIDE, SIDE, CHANNELS)}
# of images (SIDE, ..., CHANNELS); of all others
OF_OTHERS = (4, 6)


def _identity(x):
    return x


# What examples give for parameters without a default
WINDOW = ("kernel_size", "filter_length", "nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3")
STRIDES = ("strides", "subsample", "subsample_length")
GIVEN = {
    "activation": "linear", "axes": -1, "dims": (2, 1), "filters": 16, "function": _identity, "input_dim": 7, "n": 3,
    "nb_filter": 16, "output_dim": 4, "rate": 0.5, "scale": 2.0, "stddev": 0.5, "target_shape": (-1, 2), "units": 4,
    **dict.fromkeys(WINDOW, 5),
}
# For the order of an image's axes, and the other one
ORDERS = {"data_format": ("channels_last", "channels_first"), "dim_ordering": ("tf", "th")}

# Values of parameters with which other kernels may run, one at a time
VALUES = {
    "activation": ("relu", "sigmoid", "hard_sigmoid", "tanh", "softmax", "elu", "selu", "softplus", "softsign",
                   "exponential", "swish", "gelu", "mish", "log_softmax"),
    "mode": ("mul", "ave", "max", "concat", "dot", "cos"),
    "units": (1,), "filters": (2, 1), "nb_filter": (2, 1), "depth_multiplier": (2,), "use_bias": (False,),
    "bias": (False,), "axis": (1,), "axes": (1,), "normalize": (True,), "l1": (0.1,), "l2": (0.1,),
    "dropout": (0.5,), "mask_zero": (True,), "reset_after": (True,),
    **dict.fromkeys((*STRIDES, "dilation_rate", "atrous_rate"), (2,)),
}
OWN = {"BatchNormalization": {"mode": (0, 1, 2)}}      # the same for one kind of layer
# What else changes a kind of layer: values together, and arguments that its signature does not show
MORE = {
    "ActivityRegularization": [{"l1": 0.1, "l2": 0.1}],
    "AlphaDropout": [{"noise_shape": (None, 1, 6)}],
    "Cropping2D": [{"cropping": 1}],
    "Cropping3D": [{"cropping": 2}],
    "Dot": [{"axes": 1, "normalize": True}],
    "Normalization": [{"axis": None}, {"mean": 1.0, "variance": 2.0}, {"invert": True}],
    "Dropout": [{"noise_shape": (None, 1, 6)}],
    **dict.fromkeys(["PReLU", "ParametricSoftplus", "SReLU"], [{"shared_axes": [1]}]),
    "Softmax": [{"axis": [1, 2]}],
    "UpSampling2D": [{"interpolation": "bilinear"}],
}
# Layers around a layer, or a cell: what is inside, and the shape of the inputs
INSIDE = {
    layers.Bidirectional: (lambda: layers.LSTM(4, return_sequences=True, name="inside"),
                           "LSTM(4, return_sequences=True)", OF_OTHERS),
    layers.ConvRNN2D: (lambda: layers.ConvLSTM2DCell(4, 3, name="inside"), "ConvLSTM2DCell(4, 3)", (3, 7, 7, 16)),
    layers.RNN: (lambda: layers.LSTMCell(4, name="inside"), "LSTMCell(4)", OF_OTHERS),
    layers.TimeDistributed: (lambda: layers.Activation("linear", name="inside"), "Activation('linear')", OF_OTHERS),
}


class Example(namedtuple("Example", "layer shapes when masked sparse winograd", defaults=(False, False, False))):
    """A layer and the shapes of its inputs.

    when: in what it differs from the first example, of which it is the whole. masked, sparse: what its inputs are.
    winograd: the algorithm is allowed on devices that do not take it by themselves.
    """


def has(kind):
    """Whether a public class is a layer that computes something."""
    others = (layers.InputLayer, layers.Wrapper, layers.StackedRNNCells, layers.Recurrent,
              layers.ConvRecurrent2D)
    return kind.__module__.startswith(layers.__name__) and kind not in others and not issubclass(kind, Cell)


def of(kind):
    """The examples of a kind of layer; the first is that from which the others differ."""
    return list(_made(kind))


def briefly(words):
    """`words`, each once; what begins as another and says more is left out."""
    words = list(dict.fromkeys(words))
    return [one for one in words if not any(one.startswith(f"{other}, ") for other in words)]


def _made(kind):
    parameters = inspect.signature(kind.__init__).parameters
    if kind in INSIDE:
        make, said, shape = INSIDE[kind]
        yield Example(kind(make(), name="example"), [(BATCH, *shape)], f"{kind.__name__}({said})")
        return
    shape = (SIDE,) * kind.rank + (CHANNELS,) if hasattr(kind, "rank") else SHAPES.get(kind.__name__, OF_OTHERS)
    first = _example(kind, parameters, shape)
    yield first
    for name in parameters:
        paddings = kind.paddings[1:] if name in ("padding", "border_mode") and hasattr(kind, "paddings") else ()
        for value in OWN.get(kind.__name__, VALUES).get(name, VALUES.get(name, paddings)):
            yield _example(kind, parameters, shape, {name: value})
    for name in ORDERS.keys() & parameters:
        yield _example(kind, parameters, (CHANNELS, *shape[:-1]), {name: ORDERS[name][1]})
    for changes in MORE.get(kind.__name__, ()):
        yield _example(kind, parameters, shape, changes)
    regularizers = {name: "l1_l2" for name in parameters if name.endswith("_regularizer")}
    if regularizers:
        yield _example(kind, parameters, shape, regularizers)._replace(when="a regularizer")
    if kind.supports_masking and len(shape) > 1:
        yield first._replace(when="a mask", masked=True)
    if kind is layers.Dense:
        yield first._replace(when="a sparse input", sparse=True)
    if issubclass(kind, Merging) and kind not in (layers.Concatenate, layers.Dot):
        yield first._replace(when="inputs that broadcast", shapes=[(BATCH, *shape), (BATCH, 1, *shape[1:])])
    if hasattr(kind, "rank"):
        yield from _sizes(kind, parameters, shape)


def _sizes(kind, parameters, shape):
    """Examples of images with one channel and with few, and of windows that have kernels of their own."""
    window = [name for name in WINDOW if name in parameters]
    yield _example(kind, parameters, (*shape[:-1], 1), {}, size_told=True)
    if not window:
        return
    yield _example(kind, parameters, (*shape[:-1], 3), {}, size_told=True)
    yield _example(kind, parameters, shape, dict.fromkeys(window, 1))
    yield _example(kind, parameters, (*shape[:-1], 1), dict.fromkeys(window, 1), size_told=True)
    apart = dict.fromkeys([name for name in STRIDES if name in parameters], 2)
    if apart:
        yield _example(kind, parameters, (*shape[:-1], 1), dict.fromkeys(window, 1) | apart, size_told=True)
    if kind.rank == 2:
        large = _example(kind, parameters, (LARGE, LARGE, CHANNELS), dict.fromkeys(window, 3), size_told=True)
        yield large
        yield large._replace(when=f"{large.when}, config.set_winograd(True)", winograd=True)


def _example(kind, parameters, shape, changes=None, size_told=False):
    """The first example, or it with `changes`; these are what `when` says, and the input's size where that matters."""
    given = {name: GIVEN[name] for name, parameter in parameters.items()
             if name in GIVEN and parameter.default is parameter.empty}
    arguments = given | {name: orders[0] for name, orders in ORDERS.items() if name in parameters} | (changes or {})
    if "output_shape" in parameters and "nb_filter" in parameters:
        arguments["output_shape"] = _deconvolved(arguments, shape)
    inputs = [(BATCH, *shape)] * (2 if issubclass(kind, Merging) else 1)
    said = given if changes is None else changes
    words = [f"{name}={getattr(value, '__name__', repr(value))}" for name, value in said.items()]
    if size_told:
        words.append(f"input {inputs[0]}")
    when = ", ".join(words)
    return Example(kind(**arguments, name="example"), inputs, f"{kind.__name__}({when})" if changes is None else when)


def _deconvolved(given, shape):
    """The `output_shape` that Keras 1's transposed convolution wants to be told."""
    stride, channels_first = given.get("subsample", 1), given["dim_ordering"] == "th"
    sides = [side * stride if given.get("border_mode") == "same" else (side - 1) * stride + given["nb_row"]
             for side in (shape[1:] if channels_first else shape[:-1])]
    return (None, given["nb_filter"], *sides) if channels_first else (None, *sides, given["nb_filter"])
