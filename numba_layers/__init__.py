"""numba_layers: the Keras 1 and 2 layers as an engine of Numba kernels.

    from numba_layers.models import Sequential
    from numba_layers.layers import Dense

Importing the package loads none of its subpackages: they come when first used, kernels last of all.
"""

from importlib import import_module

from ._version import __version__
from .absent import attribute_of, watch_imports

_ROOMS = frozenset({
    "activations", "autograd", "backend", "callbacks", "compat", "config", "constraints", "datasets", "devices",
    "errors", "initializations", "initializers", "layers", "losses", "metrics", "models", "objectives", "ops",
    "optimizers", "random", "regularizers", "registry", "typing", "utils",
})
_NAMES = {
    "Input": "layers", "Model": "models", "Sequential": "models", "Tape": "autograd", "Tensor": "autograd",
    "device": "devices", "gradcheck": "autograd", "load_model": "models", "set_device": "devices",
}

TYPE_CHECKING = False       # the name by which type checkers know the branch; `typing` is as long to load as the rest
if TYPE_CHECKING:
    from . import activations as activations
    from . import autograd as autograd
    from . import backend as backend
    from . import callbacks as callbacks
    from . import compat as compat
    from . import config as config
    from . import constraints as constraints
    from . import datasets as datasets
    from . import devices as devices
    from . import errors as errors
    from . import initializations as initializations
    from . import initializers as initializers
    from . import layers as layers
    from . import losses as losses
    from . import metrics as metrics
    from . import models as models
    from . import objectives as objectives
    from . import ops as ops
    from . import optimizers as optimizers
    from . import random as random
    from . import registry as registry
    from . import regularizers as regularizers
    from . import typing as typing
    from . import utils as utils
    from .autograd import Tape as Tape
    from .autograd import Tensor as Tensor
    from .autograd.gradcheck import gradcheck as gradcheck
    from .devices import device as device
    from .devices import set_device as set_device
    from .layers import Input as Input
    from .models import Model as Model
    from .models import Sequential as Sequential
    from .models import load_model as load_model

__all__ = ["__version__", *sorted(_ROOMS | set(_NAMES))]


def __getattr__(name):
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    return attribute_of(__name__)(name)


watch_imports()


def __dir__():
    return __all__
