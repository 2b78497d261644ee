"""Which generation of Keras a script is written for, told by its words.

Keras 2 understood most of Keras 1's words, Keras 1 none of Keras 2's: a script is Keras 1's if it has words of Keras 1
and none that only Keras 2 knows.
"""

import ast
from pathlib import Path

from . import _legacy

VERSIONS = {1: "1.2.2", 2: "2.2.5"}

_TABLES = (_legacy.DENSE, _legacy.EMBEDDING, _legacy.BATCH_NORMALIZATION, _legacy.CONV, _legacy.CONV1D,
           _legacy.POOLING1D, _legacy.RECURRENT, _legacy.FIT_GENERATOR)
# Words of both, or of anyone
_EITHER = {"padding", "strides", "stride", "pool_size", "bias", "epochs", "workers", "dropout"}
_ARGUMENTS = {
    1: {old for table in _TABLES for old in table} | {side for sides in _legacy.SIDES.values() for side in sides}
       | {"concat_axis", "consume_less", "dot_axes"},
    2: {new for table in _TABLES for new in table.values() if isinstance(new, str)}
       | {"data_format", "kernel_initializer", "steps_per_epoch", "validation_steps"},
}
_NAMES = {      # of layers and modules
    1: {"Convolution1D", "Convolution2D", "Convolution3D", "AtrousConvolution1D", "AtrousConvolution2D",
        "Deconvolution2D", "SeparableConvolution2D", "MaxoutDense", "Highway", "TimeDistributedDense", "Merge",
        "objectives", "initializations", "image_dim_ordering", "set_image_dim_ordering"},
    2: {"Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D", "DepthwiseConv2D", "Add", "Concatenate", "Multiply",
        "Average", "Subtract", "initializers", "losses", "image_data_format", "set_image_data_format"},
}


def version_of(path):
    """The version of Keras, '1.2.2' or '2.2.5', that the script `path` is written for."""
    return VERSIONS[generation(Path(path).read_bytes())]


def generation(source):
    """1 or 2: whose words a script's text has."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):       # running it says what is wrong
        return 2
    told = [told for node in nodes if (told := _told(node))]
    return 1 if 1 in told and 2 not in told else 2


def _told(node):
    """The generation whose word a part of a script is, or None."""
    if isinstance(node, ast.Call):
        return _of_call(node)
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "keras":
        words = {entry.name for entry in node.names} | set(node.module.split("."))
    elif isinstance(node, ast.Import):
        words = {part for entry in node.names if entry.name.startswith("keras.") for part in entry.name.split(".")}
    elif isinstance(node, ast.Attribute):
        owner = node.value
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        words = {node.attr} if getattr(owner, "id", None) in ("keras", "K", "backend", "layers") else set()
    else:
        return None
    return _first(words, _NAMES)


def _of_call(call):
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    words = {keyword.arg for keyword in call.keywords} - _EITHER - ({"output_dim"} if name == "Embedding" else set())
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    text = isinstance(getattr(given.get("padding"), "value", None), str)
    tuples = "Conv" in name and len(call.args) > 1 and isinstance(call.args[1], ast.Tuple)
    if text or tuples or (name.startswith("fit") and "epochs" in given) or (name == "Model" and "inputs" in given):
        return 2
    if (name == "Model" and "input" in given) or (name in ("merge", "BatchNormalization") and "mode" in given):
        return 1
    return _first(words, _ARGUMENTS)


def _first(words, table):
    return next((number for number in (2, 1) if words & table[number]), None)
