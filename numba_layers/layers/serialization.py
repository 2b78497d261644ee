"""Layers to plain Python values and back."""

from ..errors import DataError, unknown
from ..utils.generic_utils import get_custom_objects
from .base import Layer


def serialize(layer):
    """{'class_name': ..., 'config': ...} for a layer."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(description, custom_objects=None):
    """The layer (or model) that `serialize` described; `custom_objects` maps class names to your own classes."""
    if not isinstance(description, dict) or "class_name" not in description or not isinstance(
            description.get("config"), dict | list):
        raise DataError(f"a layer's description needs 'class_name' and 'config', got {description!r:.200}.")
    kinds = known_layers(custom_objects)
    name = description["class_name"]
    if name not in kinds:
        raise unknown("layer", name, kinds)
    kind = kinds[name]
    takes_objects = "custom_objects" in kind.from_config.__func__.__code__.co_varnames
    options = {"custom_objects": custom_objects} if takes_objects else {}
    return kind.from_config(description["config"], **options)


def known_layers(custom_objects=None):
    """Class name -> class, of all layers and models and of the user's own."""
    return Layer.kinds | get_custom_objects() | (custom_objects or {})
