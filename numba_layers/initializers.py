"""Initial values of weights: callables `f(shape, dtype=None)` that give NumPy arrays.

`seed` None draws from NumPy's global generator, so that `np.random.seed` fixes all weights; a number gives
the same array at each call. Keras 1's formulas, where they differ, are in `initializations`.
"""

from __future__ import annotations

import functools
import inspect
import math
from typing import TYPE_CHECKING

import numpy as np

from . import config
from ._identify import Catalogue
from ._legacy import Constructed
from .arguments import call_with, numbers, real, unmasked, word
from .arguments import seed as seed_of
from .autograd.graph import evaluate, is_symbolic
from .autograd.tensor import Tensor
from .errors import ArgumentError, ShapeError
from .utils.generic_utils import own_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from numpy.typing import NDArray
    from typing_extensions import Self

    from .typing import Config, CustomObjects, DtypeLike, Identifier

TRUNCATED_DEVIATION = 0.87962566103423978   # of a standard normal distribution cut off at ±2


def compute_fans(shape):
    """(fan in, fan out) of a weight: how many inputs a unit sees, and how many units see an input.

    Shapes: (in, out), or (..., in, out) with a convolution's window first; for one axis both are √size.
    """
    if 2 <= len(shape) <= 5:
        window = math.prod(shape[:-2])
        return window * shape[-2], window * shape[-1]
    return math.sqrt(math.prod(shape)), math.sqrt(math.prod(shape))


def generator(seed):
    """NumPy's global generator, or a new one that starts from `seed`."""
    return np.random if seed is None else np.random.RandomState(seed)


def truncated_normal(random, mean, stddev, shape):
    """Normal numbers, those beyond two standard deviations drawn anew."""
    values = np.asarray(random.normal(size=shape))
    while (far := np.abs(values) > 2).any():
        values[far] = random.normal(size=np.count_nonzero(far))
    return mean + stddev * values


def flat_orthogonal(random, rows, columns):
    """A (rows, columns) matrix of orthonormal columns, or rows where these are fewer."""
    u, _, v = np.linalg.svd(random.normal(0.0, 1.0, (rows, columns)), full_matrices=False)
    return u if u.shape == (rows, columns) else v


class Initializer(Constructed):
    """Base of the initializers: a subclass gives `draw(shape)` and the `names` of its arguments."""

    names: tuple[str, ...] = ()

    def __init__(self) -> None:
        """An initializer without arguments."""

    def __call__(self, shape: Sequence[int], dtype: DtypeLike | None = None) -> NDArray[Any]:
        return np.asarray(self.draw(tuple(shape)), dtype or config.floatx())

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        """An array of that shape, of any float type."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it draws: define draw(shape).")

    def get_config(self) -> Config:
        """Constructor arguments as plain numbers and names."""
        return {name: getattr(self, name) for name in self.names}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The initializer with these constructor arguments."""
        return call_with(cls, {name: value for name, value in config.items() if name != "dtype"})


class Zeros(Initializer):
    """0"""

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return np.zeros(shape)


class Ones(Initializer):
    """1"""

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return np.ones(shape)


class Constant(Initializer):
    """`value`, a number or an array that broadcasts to the weight."""

    names = ("value",)

    def __init__(self, value: Any = 0.0) -> None:
        self.value = numbers(value, "Constant: value")

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return np.broadcast_to(unmasked(self.value, "Constant"), shape).copy()


class RandomNormal(Initializer):
    """Normal numbers of this mean and standard deviation."""

    names = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev = _real(self, "mean", mean), _real(self, "stddev", stddev, 0)
        self.seed = seed_of(seed, f"{type(self).__name__}: seed")

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return generator(self.seed).normal(self.mean, self.stddev, shape)


class RandomUniform(Initializer):
    """Numbers spread evenly over [minval, maxval)."""

    names = ("minval", "maxval", "seed")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        if _real(self, "minval", minval) > _real(self, "maxval", maxval):
            raise ArgumentError(f"RandomUniform: minval {minval} must not be larger than maxval {maxval}.")
        self.minval, self.maxval, self.seed = minval, maxval, seed_of(seed, "RandomUniform: seed")

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return generator(self.seed).uniform(self.minval, self.maxval, shape)


class TruncatedNormal(Initializer):
    """Normal numbers; those further than two standard deviations from the mean are drawn anew."""

    names = ("mean", "stddev", "seed")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean, self.stddev = _real(self, "mean", mean), _real(self, "stddev", stddev, 0)
        self.seed = seed_of(seed, f"{type(self).__name__}: seed")

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        return truncated_normal(generator(self.seed), self.mean, self.stddev, shape)


class VarianceScaling(Initializer):
    """Numbers of mean 0 and variance scale / n, so that signals keep their size from layer to layer.

    mode: what n is: 'fan_in', 'fan_out', or 'fan_avg', the mean of both.
    distribution: 'normal', cut off at two standard deviations, 'untruncated_normal', or 'uniform'.
    Reference: Glorot & Bengio 2010, §4.2; He et al. 2015, §2.2.
    """

    names = ("scale", "mode", "distribution", "seed")
    modes = ("fan_in", "fan_out", "fan_avg")
    distributions = ("normal", "truncated_normal", "untruncated_normal", "uniform")

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "normal",
                 seed: int | None = None) -> None:
        if not _real(self, "scale", scale) > 0:
            raise ArgumentError(f"VarianceScaling: scale must be positive, got {scale}.")
        self.scale, self.seed = scale, seed_of(seed, "VarianceScaling: seed")
        self.mode = word(mode, "mode of VarianceScaling", self.modes)
        self.distribution = word(distribution, "distribution of VarianceScaling", self.distributions)

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        fan_in, fan_out = compute_fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1, n))
        random = generator(self.seed)
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return random.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return random.normal(0.0, deviation, shape)
        return truncated_normal(random, 0.0, deviation / TRUNCATED_DEVIATION, shape)


class Orthogonal(Initializer):
    """`gain` times an orthogonal matrix, for weights of two axes or more; all but the last count as rows.

    Reference: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks".
    """

    names = ("gain", "seed")

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain, self.seed = _real(self, "gain", gain), seed_of(seed, "Orthogonal: seed")

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        if len(shape) < 2:
            raise ShapeError(f"Orthogonal: expected a shape of two axes or more, got {shape}.")
        flat = flat_orthogonal(generator(self.seed), math.prod(shape[:-1]), shape[-1])
        return self.gain * flat.reshape(shape)


class Identity(Initializer):
    """`gain` times the identity matrix, for weights of two axes; zeros fill the longer one."""

    names = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = _real(self, "gain", gain)

    def draw(self, shape: Sequence[int]) -> NDArray[Any]:
        if len(shape) != 2:
            raise ShapeError(f"Identity: expected a shape of two axes, got {shape}.")
        return self.gain * np.eye(shape[0], shape[1])


def _real(initializer, name, value, least=None):
    """`value` as it came, a number of at least `least`."""
    real(value, f"{type(initializer).__name__}: {name}", least, finite=True)
    return value


def lecun_uniform(seed: int | None = None) -> Initializer:
    """Uniform in ±√(3 / fan_in). Reference: LeCun et al. 1998, "Efficient BackProp", §4.6."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> Initializer:
    """Normal of variance 1 / fan_in, cut off at two deviations. Reference: Klambauer et al. 2017, §2."""
    return VarianceScaling(1.0, "fan_in", "normal", seed)


def glorot_uniform(seed: int | None = None) -> Initializer:
    """Uniform in ±√(6 / (fan_in + fan_out)). Reference: Glorot & Bengio 2010, eq. 16."""
    return VarianceScaling(1.0, "fan_avg", "uniform", seed)


def glorot_normal(seed: int | None = None) -> Initializer:
    """Normal of variance 2 / (fan_in + fan_out), cut off at two deviations. Reference: Glorot & Bengio."""
    return VarianceScaling(1.0, "fan_avg", "normal", seed)


def he_uniform(seed: int | None = None) -> Initializer:
    """Uniform in ±√(6 / fan_in). Reference: He et al. 2015, "Delving Deep into Rectifiers", §2.2."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def he_normal(seed: int | None = None) -> Initializer:
    """Normal of variance 2 / fan_in, cut off at two deviations. Reference: He et al. 2015, eq. 10."""
    return VarianceScaling(2.0, "fan_in", "normal", seed)


zero = zeros = Zeros
one = ones = Ones
constant = Constant
uniform = random_uniform = RandomUniform
normal = random_normal = RandomNormal
identity = Identity
orthogonal = Orthogonal

_MAKERS = (Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, Orthogonal,
           Identity, lecun_uniform, lecun_normal, glorot_uniform, glorot_normal, he_uniform, he_normal)
_SHORT_NAMES = {"zero": Zeros, "one": Ones, "uniform": RandomUniform, "normal": RandomNormal}
_catalogue = Catalogue("initializer", {maker.__name__: maker for maker in _MAKERS} | _SHORT_NAMES,
                       makers=True)


def get(identifier: Identifier) -> Any:
    """The initializer that a name or a configuration stands for; objects and functions pass, None is None.

    A function of the shape alone, or Keras 1's `f(shape, name=None)`, will do: its answer is converted.
    Raises: UnknownNameError with the nearest name; ArgumentError for what is no initializer.
    """
    return deserialize(identifier)


def serialize(initializer: Callable[..., Any]) -> Any:
    """{'class_name': ..., 'config': ...}, or the name of a function; `deserialize` reads both."""
    return _catalogue.serialize(initializer)


def deserialize(config: Any, custom_objects: CustomObjects = None) -> Any:
    """The initializer of what `serialize` gave; `custom_objects`: the user's own by name.

    The element type that tf.keras writes beside the arguments is left out: it is that of the weight.
    """
    if isinstance(config, dict) and isinstance(config.get("config"), dict):
        if config.get("class_name") not in own_objects(custom_objects or {}):
            config = config | {"config": {key: value for key, value in config["config"].items() if key != "dtype"}}
    initializer = _catalogue.get(config, custom=custom_objects)
    return _with_dtype(initializer) if inspect.isfunction(initializer) else initializer


def drawn(initializer, shape, dtype, **options):
    """The array of `shape` that an initializer gives: one of ours, or a function or object of the user's own.

    Those may give K's tensors and variables, whose values are taken, and may do without `dtype`.
    """
    if _takes_dtype(initializer):
        options["dtype"] = dtype
    return _as_array(initializer(shape, **options), dtype)


def _as_array(value, dtype):
    if isinstance(value, Tensor):
        value = (evaluate(value) if is_symbolic(value) else value).numpy()
    return np.asarray(value, dtype or config.floatx())


def _takes_dtype(function):
    try:
        parameters = inspect.signature(function, follow_wrapped=False).parameters
    except ValueError:      # some built-in functions show no signature; NumPy's take it
        return True
    return "dtype" in parameters or any(entry.kind is entry.VAR_KEYWORD for entry in parameters.values())


def _with_dtype(function):
    """`function(shape)` as `f(shape, dtype=None)`."""
    if _takes_dtype(function):
        return function

    @functools.wraps(function)
    def initialize(shape, dtype=None):
        return _as_array(function(shape), dtype)

    return initialize
