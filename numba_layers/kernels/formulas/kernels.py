"""Kernels of users' formulas: named after the function, made for a target when they are first asked for."""

import functools
import hashlib
import importlib

from ...locks import lock
from ...registry import add_maker
from ..signatures import SIGNATURES
from .derive import derivative, from_output, is_zero, simplified, used
from .stable import stable
from .translate import translated
from .write import identifier, written

_lock = lock()
_texts = {}     # kernel's name -> what it computes


class Scalar:
    """A function of numbers, for so many arguments by position.

    `kernel()` computes it; `kernel((0, 1))` the gradient's factor by argument 0, and of that by argument 1.
    """

    def __init__(self, function, count, named, result=None):
        self.name, self._result = function.__name__, result
        self.steps = stable(simplified(translated(function, ["real"] * count, named, result=result)))
        self._kernels, self._constant = {}, {}

    def is_constant(self, by):
        """Whether the derivative by these arguments is 0 everywhere."""
        if by not in self._constant:
            self._constant[by] = is_zero(derivative(self.steps, by))
        return self._constant[by]

    def source(self, by=()):
        """The text of the formula that kernels compute, or of a derivative."""
        return "\n\n".join(text for _, text in written(self._form(by)))

    def kernel(self, by=()):
        """(the kernel's name, the numbers of the arguments that it reads: behind the last stands the result)."""
        if by not in self._kernels:
            form = self._form(by)
            places = used(form)
            self._kernels[by] = _named(self._title(by), written(form), len(places), bool(by)), places
        return self._kernels[by]

    def _form(self, by):
        steps = derivative(self.steps, by)
        return from_output(self.steps, steps) if by else steps

    def _title(self, by):
        names = [identifier(self.steps.parameters[place]) for place in by]
        title = identifier(self.name) + ("" if self._result is None else f"_{self._result}")
        if not by:
            return f"{title}_forward"
        alone = len(self.steps.parameters) == 1 and len(by) == 1
        return f"{title}_backward" + ("" if alone else "_" + "_".join(names))


def scalar(function, count, named, result=None):
    """The `Scalar` of a function, the same one for the same numbers. named: name -> number.

    result: which of its results, where it returns several.
    """
    return _scalar(function, count, tuple((name, type(value), value) for name, value in named.items()), result)


@functools.lru_cache(1024)
def _scalar(function, count, named, result):
    # The types are there for the cache: 1, 1.0 and True are equal.
    return Scalar(function, count, {name: value for name, _, value in named}, result)


def _named(title, functions, count, multiplied):
    """The name of a kernel, which is registered if it was not yet: the title, and where that is taken more."""
    text = "\n".join(text for _, text in functions)
    with _lock:
        name = title
        if name in SIGNATURES or _texts.get(name, text) != text:
            name = f"{title}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        if name not in _texts:
            _texts[name] = text
            add_maker(name, lambda target: _made(target, name, functions, count, multiplied))
    return name


def _made(target, name, functions, count, multiplied):
    importlib.import_module("numba_layers.kernels.samples").SHARED[name] = ()
    family = importlib.import_module(f"numba_layers.kernels.{target}.formula")
    return family.made(name, functions, count, multiplied)
