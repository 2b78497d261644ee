"""Functions of Keras around models: summaries, counts, the inputs behind a tensor, YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..autograd.graph import is_symbolic
from ..errors import ArgumentError, DataError, ModelError, shown
from ..layers.node import sources
from ..layers.serialization import deserialize as layer_from_config
from .network import Network
from .topology import model_from_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..autograd.tensor import Tensor, Variable
    from ..typing import CustomObjects
    from .model import Model

__all__ = ["Container", "count_params", "get_source_inputs", "layer_from_config", "model_from_yaml", "print_summary"]

Container = Network


def print_summary(model: Any, line_length: int | None = None, positions: Sequence[float] | None = None,
                  print_fn: Callable[[str], Any] = print) -> None:
    """`model.summary(...)`"""
    model.summary(line_length, positions, print_fn)


def count_params(weights: Sequence[Variable]) -> int:
    """The number of elements of all `weights`, each counted once."""
    return sum({id(weight): int(weight.size) for weight in weights}.values())


def get_source_inputs(tensor: Tensor, layer: Any = None, node_index: int | None = None) -> list[Any]:
    """The tensors of `Input` that `tensor` is computed from, as a list.

    Raises: ArgumentError for what does not come from a layer.
    """
    if not is_symbolic(tensor) or not hasattr(tensor, "_keras_history"):
        raise ArgumentError(f"get_source_inputs takes a tensor that a layer made, got {shown(tensor)}.")
    return sources([tensor])


def model_from_yaml(text: str, custom_objects: CustomObjects | None = None, safe_mode: bool = True) -> Model:
    """The model whose architecture `to_yaml` of Keras wrote; arguments and errors as of `model_from_json`.

    Raises: ModelError where PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise ModelError("models in YAML need PyYAML: pip install pyyaml. Or write them with to_json().") from None

    class Loader(yaml.SafeLoader):
        """Plain values, and tuples as lists."""

    Loader.add_constructor("tag:yaml.org,2002:python/tuple", Loader.construct_sequence)
    Loader.add_constructor("tag:yaml.org,2002:python/unicode", Loader.construct_scalar)
    try:
        description = yaml.load(text, Loader)
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"the text given to model_from_yaml is not YAML, or is damaged: {error}.") from None
    return model_from_config(description, custom_objects, safe_mode)
