"""Objects to descriptions and back as Keras's helper functions do it, for code of the user's own that calls them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from ..arguments import call_with, entry, of_type, options_of
from ..errors import ArgumentError, shown, unknown
from .function_utils import dump_function as func_dump
from .function_utils import load_function as func_load
from .generic_utils import own_objects, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..typing import CustomObjects

__all__ = ["deserialize_keras_object", "func_dump", "func_load", "has_arg", "serialize_keras_object", "to_list",
           "unpack_singleton"]


def serialize_keras_object(instance: Any) -> Any:
    """{'class_name': ..., 'config': ...} of an object with `get_config`, the name of a function, None of None."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise ArgumentError(f"{shown(instance)} cannot be described: it has neither get_config() nor a name.")


def deserialize_keras_object(identifier: Any, module_objects: Mapping[str, Any] | None = None,
                             custom_objects: CustomObjects | None = None, printable_module_name: str = "object") -> Any:
    """What `serialize_keras_object` described: looked up among the custom objects, then in `module_objects`.

    Raises: UnknownNameError for a name in neither; DataError for what is no description.
    """
    known = {**(module_objects or {}), **own_objects(custom_objects)}
    if isinstance(identifier, dict):
        name = entry(identifier, "class_name", str, printable_module_name)
        options = options_of(identifier.get("config") or {}, f"{printable_module_name} {name!r}")
        if name not in known:
            raise unknown(printable_module_name, name, known)
        make = getattr(known[name], "from_config", None)
        if make is None:
            return call_with(known[name], options)
        return make(options, **{"custom_objects": custom_objects} if takes(make, "custom_objects") else {})
    name = of_type(identifier, str, f"the name of a {printable_module_name}")
    if name not in known:
        raise unknown(printable_module_name, name, known)
    return known[name]


def has_arg(fn: Callable[..., Any], name: str, accept_all: bool = False) -> bool:
    """Whether the function can be called with an argument `name`; accept_all: `**kwargs` count."""
    kinds = {parameter.kind for parameter in inspect.signature(fn).parameters.values()}
    return takes(fn, name) or (accept_all and inspect.Parameter.VAR_KEYWORD in kinds)


def to_list(x: Any, allow_tuple: bool = False) -> list[Any]:
    """A list as it is (a tuple too, if allowed, as a list), anything else in a list of its own."""
    if isinstance(x, list) or (allow_tuple and isinstance(x, tuple)):
        return list(x) if isinstance(x, tuple) else x
    return [x]


def unpack_singleton(x: Any) -> Any:
    """The only entry of a list of one, else `x`."""
    return x[0] if len(x) == 1 else x
