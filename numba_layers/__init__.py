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
    "optimizers", "random", "regularizers", "registry", "utils",
})
_NAMES = {
    "Input": "layers", "Model": "models", "Sequential": "models", "Tape": "autograd", "Tensor": "autograd",
    "device": "devices", "gradcheck": "autograd", "load_model": "models", "set_device": "devices",
}

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
