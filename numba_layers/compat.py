"""`import keras` means this package: scripts written for Keras 1 or 2 run as they are.

    import numba_layers.compat
    numba_layers.compat.install()       # or install(version='1.2.2'), before the first `import keras`
    from keras.layers import Dense

A finder on `sys.meta_path` answers for `keras` and all `keras.…` with facades: modules without content that
look names up in this package's modules when asked. One table says where.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

from . import absent, config, dialect
from .errors import MissingError, ModelError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .typing import FilePath

# keras module -> the modules of this package that stand for it, the first that has a name gives it
MODULES = {
    "": ("",),
    "activations": ("activations",),
    "backend": ("backend",),
    "backend.common": ("backend",),
    "backend.tensorflow_backend": ("backend",),
    "backend.theano_backend": ("backend",),
    "callbacks": ("callbacks",),
    "constraints": ("constraints",),
    "datasets": ("datasets",),
    "datasets.boston_housing": ("datasets.boston_housing",),
    "datasets.cifar": ("datasets.cifar",),
    "datasets.cifar10": ("datasets.cifar10",),
    "datasets.cifar100": ("datasets.cifar100",),
    "datasets.fashion_mnist": ("datasets.fashion_mnist",),
    "datasets.imdb": ("datasets.imdb",),
    "datasets.mnist": ("datasets.mnist",),
    "datasets.reuters": ("datasets.reuters",),
    "engine": ("layers", "models", "models.conveniences"),
    "engine.base_layer": ("layers", "layers.node"),
    "engine.input_layer": ("layers",),
    "engine.network": ("models", "models.network"),
    "engine.saving": ("models.saving", "models"),
    "engine.sequential": ("models",),
    "engine.topology": ("layers", "layers.node", "models", "models.network", "models.conveniences"),
    "engine.training": ("models",),
    "initializations": ("initializations",),
    "initializers": ("initializers",),
    "layers": ("layers",),
    "layers.advanced_activations": ("layers",),
    "layers.convolutional_recurrent": ("layers",),
    "layers.cudnn_recurrent": ("layers",),
    "layers.convolutional": ("layers",),
    "layers.core": ("layers",),
    "layers.embeddings": ("layers",),
    "layers.local": ("layers",),
    "layers.merge": ("layers", "layers.merge"),
    "layers.noise": ("layers",),
    "layers.normalization": ("layers",),
    "layers.pooling": ("layers",),
    "layers.recurrent": ("layers",),
    "layers.wrappers": ("layers",),
    "legacy": (),
    "legacy.interfaces": ("utils.interfaces",),
    "legacy.layers": ("layers",),
    "legacy.models": ("models",),
    "losses": ("losses",),
    "metrics": ("metrics",),
    "models": ("models",),
    "objectives": ("objectives",),
    "optimizers": ("optimizers",),
    "regularizers": ("regularizers",),
    "utils": ("utils",),
    "utils.conv_utils": ("utils.conv_utils",),
    "utils.data_utils": ("utils.data_utils", "utils.sequence"),
    "utils.generic_utils": ("utils.generic_utils", "utils.objects", "utils.progbar"),
    "utils.layer_utils": ("utils.layer_utils", "models.conveniences"),
    "utils.np_utils": ("utils.np_utils",),
}
_HERE = __package__
_AT_THE_TOP = ("Input", "Model", "Sequential")      # names that Keras has in `keras` itself


class _Facade(ModuleType):
    """A module of Keras: its names are looked up in this package when they are asked for."""

    def __init__(self, name):
        super().__init__(name, f"Stands for {name}: the names come from {_HERE}.")
        # A package, so that the finder is asked for what an import statement misses: there is the message.
        self.__path__ = []
        if name == "keras":
            self.__version__ = config.keras_version()

    def __getattr__(self, name):
        if not name.startswith("__"):
            if _place(f"{self.__name__}.{name}") in MODULES:
                return importlib.import_module(f"{self.__name__}.{name}")
            for source in _sources(self.__name__):
                if hasattr(source, name):
                    return getattr(source, name)
        return absent.attribute_of(self.__name__)(name)

    def __call__(self, *args, **kwargs):
        """`keras.layers.merge` is a function in Keras 1 and a module in Keras 2; here it is both."""
        return getattr(self, self.__name__.rpartition(".")[2])(*args, **kwargs)

    def __dir__(self):
        return sorted(_names(self.__name__))

    @property
    def __all__(self):
        return dir(self)


class _Finder:
    """Finds `keras` and its modules; stands before all other finders."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "keras":
            return None
        if _place(name) not in MODULES:
            raise _missing(name)
        _sources(name)
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return _Facade(spec.name)

    def exec_module(self, module):
        """Nothing to run: a facade has no content."""


_finder = _Finder()


def install(version: str = "2.2.5") -> None:
    """Make `import keras` mean this package; the version decides defaults in which Keras 1 and 2 differ.

    Raises: ModelError when the real Keras is imported already; ArgumentError unless it is 1.x or 2.x.
    """
    real = sys.modules.get("keras")
    if real is not None and not isinstance(real, _Facade):
        raise ModelError(f"keras is imported already, from {getattr(real, '__file__', 'elsewhere')}. Call "
                         f"{_HERE}.compat.install() before anything imports keras, at the top of the script.")
    config.set_keras_version(version)
    config.set_installed(True)
    if real is not None:
        real.__version__ = config.keras_version()
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`: `import keras` means the real one again."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in [name for name, module in sys.modules.items() if isinstance(module, _Facade)]:
        del sys.modules[name]
    config.set_keras_version("2.2.5")
    config.set_installed(False)


def run_script(path: FilePath, args: Sequence[str] = (), version: str | None = None) -> None:
    """Run the script `path` as `python path args` would, with `import keras` meaning this package.

    version: of Keras, whose rules hold; None: 1.2.2 where the script has words of Keras 1 and none of Keras 2's alone,
    else 2.2.5.
    """
    install(version or dialect.version_of(path))
    argv, search = sys.argv, sys.path[:]
    sys.argv = [str(path), *args]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, search


def _place(name):
    """'keras.layers.core' -> 'layers.core', 'keras' -> ''."""
    return name.partition(".")[2]


def _sources(name):
    """This package's modules that stand for the Keras module `name`.

    Raises: MissingError when it has none of them.
    """
    found = []
    places = MODULES[_place(name)]
    for place in places:
        source = f"{_HERE}.{place}" if place else _HERE
        try:
            found.append(importlib.import_module(source))
        except ModuleNotFoundError as error:
            if error.name != source:
                raise
    if not found and places:
        raise _missing(name)
    return found


def _names(name):
    """The public names of the Keras module `name`, its submodules among them."""
    names = {public for source in _sources(name) for public in getattr(source, "__all__", _own(source))
             if not name == "keras" or public in _AT_THE_TOP}
    prefix = f"{_place(name)}.".lstrip(".")
    below = {module.removeprefix(prefix).partition(".")[0] for module in MODULES if module.startswith(prefix)}
    return {public for public in names | below if public and not public.startswith("_")}


def _own(module):
    """What `module` defines itself."""
    return [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]


def _missing(name):
    """The error for a Keras name or module that this package lacks; says what there is in its place."""
    module, _, last = name.rpartition(".")
    if absent.knows(last):
        return MissingError(f"cannot import {name}: {absent.sentence(last)}", name=name)
    if _place(module) in MODULES and module != name:
        there = [public for public in _names(module) if public != last]
    else:
        module, there = "keras", MODULES
    there = list(filter(None, there))
    there = nearest(last, there, label=f"In {module} there are", shown=len(there))
    return MissingError(f"{_HERE} does not have {name} (yet). {there}", name=name)
