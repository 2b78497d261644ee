"""numba_layers: the Keras 1 and 2 layers as an engine of Numba kernels.

    from numba_layers.models import Sequential
    from numba_layers.layers import Dense

Importing the package loads none of its rooms: they come when first used, kernels last of all.
"""

from importlib import import_module

from ._version import __version__

_ROOMS = frozenset({
    "activations", "autograd", "backend", "callbacks", "compat", "config", "constraints", "datasets", "device",
    "errors", "initializations", "initializers", "layers", "losses", "metrics", "models", "objectives", "ops",
    "optimizers", "regularizers", "registry", "utils",
})
_NAMES = {
    "Input": "layers", "load_model": "models", "Model": "models", "Sequential": "models", "Tape": "autograd", "Tensor": "autograd",
    "gradcheck": "autograd", "set_device": "device",
}

__all__ = ["__version__", *sorted(_ROOMS | set(_NAMES))]


def __getattr__(name):
    if name in _NAMES:
        return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
