"""Models: stacks and graphs of layers that train."""

from ..absent import attribute_of
from .clone import clone_model
from .model import Model
from .saving import load_model, save_model
from .sequential import Sequential
from .topology import model_from_config, model_from_json

__getattr__ = attribute_of(__name__)
__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json",
           "save_model"]
