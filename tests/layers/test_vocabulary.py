"""Every layer class of Keras 1.2.2, 2.0.9 and 2.2.5, with each argument of its constructor, beside what is there.

`vocabulary.json` was recorded from the real ones by `record_vocabulary.py`: version -> class -> names of arguments.
"""

import inspect
import json
from pathlib import Path

import pytest

from numba_layers import config, layers
from numba_layers.layers.base import Layer

VOCABULARY = json.loads((Path(__file__).parent / "vocabulary.json").read_text())
CASES = [(version, name) for version in VOCABULARY for name in VOCABULARY[version]]

# A value other than the default for each argument, and for those of one class that mean something else there
VALUES = {
    "activation": "tanh", "activity_regularizer": "l2", "alpha": 0.5, "alpha_init": 0.5, "arguments": {},
    "atrous_rate": 1, "axes": 1, "axis": 1, "batch_input_shape": (None, 4), "batch_size": None, "beta_init": 2.0,
    "bias": False, "border_mode": "valid", "center": False, "concat_axis": 1, "consume_less": "gpu", "cropping": 1,
    "data_format": "channels_first", "depth_multiplier": 2, "dilation_rate": 1, "dim_ordering": "th",
    "dims": (2, 1), "dot_axes": 1, "dropout": 0.25, "dropout_U": 0.5, "dropout_W": 0.25, "dtype": "float32",
    "epsilon": 0.5, "filter_length": 2, "filters": 3, "function": abs, "go_backwards": True, "implementation": 2,
    "inner_activation": "sigmoid", "input_dim": 4, "input_dtype": "float32", "input_length": 5,
    "input_shape": (4,), "input_tensor": None, "interpolation": "bilinear", "kernel_dim1": 2, "kernel_dim2": 2,
    "kernel_dim3": 1, "kernel_size": 2, "l1": 0.5, "l2": 0.5, "layers": None, "length": 3, "mask": None,
    "mask_value": 1.0, "mask_zero": True, "max_value": 2.0, "merge_mode": "sum", "mode": "concat", "momentum": 0.5,
    "n": 3, "name": "mine", "nb_col": 2, "nb_feature": 3, "nb_filter": 3, "nb_row": 2, "negative_slope": 0.25,
    "node_indices": None, "noise_shape": (None, 1), "normalize": True, "output_dim": 3, "output_mask": None,
    "output_padding": 0, "output_shape": (None, 3, 6, 6), "p": 0.25, "padding": "valid", "pool_length": 3,
    "pool_size": 3, "rate": 0.25, "recurrent_activation": "sigmoid", "recurrent_dropout": 0.5, "reset_after": True,
    "return_sequences": True, "return_state": True, "scale": False, "seed": 3, "shared_axes": [1], "sigma": 0.5,
    "size": 2, "sparse": False, "stateful": True, "stddev": 0.5, "stride": 1, "strides": 1, "subsample": 1,
    "subsample_length": 1, "target_shape": (2, 2), "tensor_indices": None, "theta": 0.5, "threshold": 0.5,
    "unit_forget_bias": False, "units": 3, "unroll": True, "use_bias": False, "weights": None}
OF_CLASS = {("ZeroPadding1D", "padding"): 2, ("ZeroPadding2D", "padding"): 2, ("ZeroPadding3D", "padding"): 2,
            ("BatchNormalization", "mode"): 1, ("BatchNormalization", "beta_init"): "one",
            ("Lambda", "output_shape"): (4,), ("Merge", "output_shape"): None}


def value_of(name, argument):
    """What the constructor of the class is given for an argument."""
    if argument in ("layer", "cell", "cells"):
        return {"layer": layers.LSTM if name == "Bidirectional" else layers.Dense, "cell": layers.LSTMCell,
                "cells": lambda units: [layers.GRUCell(units), layers.LSTMCell(3)]}[argument](2)
    if (name, argument) in OF_CLASS:
        return OF_CLASS[name, argument]
    if argument.endswith(("_initializer", "init")) and argument not in VALUES:
        return "he_normal"
    if argument.endswith("_regularizer"):
        return "l1"
    if argument.endswith("_constraint"):
        return "nonneg"
    return VALUES[argument]


@pytest.fixture
def arguments(version, name):
    """Each argument of the class with a value, in force being that version of Keras."""
    config.set_keras_version(version if version.startswith("1") else "2.2.5")
    yield {argument: value_of(name, argument) for argument in VOCABULARY[version][name].split()}
    config.set_keras_version("2.2.5")


def test_every_class_is_there():
    assert {name for _, name in CASES if not hasattr(layers, name)} == set()


@pytest.mark.parametrize("version, name", CASES)
@pytest.mark.filterwarnings("ignore:.*is without effect")
def test_each_argument_is_taken_and_kept(version, name, arguments):
    kind = getattr(layers, name)
    assert issubclass(kind, Layer)
    needed = {one: given for one, given in arguments.items() if not has_default(kind, one)}
    needed |= {"input_shape": (4,)} if kind is layers.InputLayer else {}
    for argument, value in arguments.items():
        kind(**needed | {argument: value})
    layer = kind(**arguments)
    if name in ("Layer", "Lambda"):
        return
    description = layer.get_config()
    again = type(layer).from_config(description)
    assert type(again) is type(layer)
    assert plain(again.get_config()) == plain(description)


def has_default(kind, argument):
    """Whether our constructor shows the argument, and a default for it."""
    shown = inspect.signature(kind.__init__).parameters
    return argument in shown and shown[argument].default is not inspect.Parameter.empty


def plain(description):
    """A description in which an initializer of Keras 1 by name and the same one as an object are one."""
    return {key: value for key, value in description.items() if not key.endswith(("init", "_initializer"))}


# Where Keras 2 has a name that is Keras 1's as well, our class shows Keras 1's order, and takes both.
BOTH = {"Convolution1D", "Convolution2D", "Convolution3D", "Deconvolution2D", "UpSampling1D", "UpSampling2D",
        "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D"}


@pytest.mark.parametrize("name", VOCABULARY["2.2.5"])
def test_arguments_have_keras_2_order(name):
    theirs = VOCABULARY["2.2.5"][name].split()
    ours = [one for one in inspect.signature(getattr(layers, name).__init__).parameters if one != "self"]
    assert ours[:len(theirs)] == theirs or name in BOTH
