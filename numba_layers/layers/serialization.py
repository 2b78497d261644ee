"""Layers to plain Python values and back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from .. import absent
from ..arguments import entry
from ..errors import DataError, NumbaLayersError, UnknownNameError, add_name, is_ours, shown, unknown
from ..utils.generic_utils import knowing, own_objects, takes
from .base import Layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ..typing import Config, CustomObjects

_DEEPEST = 50       # models and wrappers inside of each other


def serialize(layer: Layer) -> Config:
    """{'class_name': ..., 'config': ...} for a layer."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(description: Mapping[str, Any], custom_objects: CustomObjects = None) -> Any:
    """The layer (or model) that `serialize` described.

    custom_objects: name -> your own classes and functions, for the layer and everything inside of it.
    Raises: DataError and ArgumentError, which name the layer, the entry, what was expected and what came;
    UnknownNameError for a class that is neither a layer here nor among the custom objects. What a class of your own
    raises comes out as it is.
    """
    with knowing(custom_objects) as depth:
        if depth > _DEEPEST:
            raise DataError(f"more than {_DEEPEST} models or layers lie inside of each other.")
        name = entry(description, "class_name", str, "a layer")
        options = entry(description, "config", (dict, list), f"a layer of class {name!r}")
        own = own_objects().get(name)
        if own is not None:
            return _made(own, options, custom_objects)
        if name not in Layer.kinds:
            raise _unknown_class(name)
        with refusing(called(name, options), options):
            return _made(Layer.kinds[name], options, custom_objects)


@contextmanager
def refusing(who: str, description: Any) -> Iterator[None]:
    """Inside, what goes wrong for a description of this package's layer or model is an error that names it: `who`.

    What functions and classes of the user's own raise comes out as it is.
    """
    try:
        yield
    except NumbaLayersError as error:
        add_name(error, who)
        raise
    except Exception as error:
        if not is_ours(error):
            raise
        raise DataError(f"{who} cannot be made of {shown(description)} ({type(error).__name__}: {error}).") from error


def _made(kind: Any, options: dict[str, Any], custom_objects: CustomObjects) -> Any:
    """A layer of the class `kind`, or what the user's function `kind` returns, with these options."""
    make = getattr(kind, "from_config", None)
    if make is None:
        return kind(**options)
    return make(options, **{"custom_objects": custom_objects} if takes(make, "custom_objects") else {})


def called(name: str, options: Any) -> str:
    """What messages call the layer of this class name and these options."""
    own = options.get("name") if isinstance(options, dict) else None
    return f'{name} "{own}"' if isinstance(own, str) else name


def _unknown_class(name: Any) -> UnknownNameError:
    own = f"If it is your own, pass custom_objects={{{name!r}: {name}}}."
    if absent.knows(name):
        return UnknownNameError(f"{absent.sentence(name)} {own}")
    return UnknownNameError(f"{unknown('layer', name, [*Layer.kinds, *own_objects()])} {own}")
