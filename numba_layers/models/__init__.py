"""Models: stacks and graphs of layers that train."""

from ..absent import attribute_of
from .clone import clone_model
from .conveniences import model_from_yaml
from .model import Model
from .saving import load_model, save_model
from .sequential import Sequential
from .topology import model_from_config, model_from_json

__getattr__ = attribute_of(__name__)
__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json",
           "model_from_yaml", "save_model"]
