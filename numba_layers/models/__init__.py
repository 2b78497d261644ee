"""Models: stacks and graphs of layers that train."""

from .model import Model
from .saving import load_model, save_model
from .sequential import Sequential
from .topology import clone_model, model_from_config, model_from_json

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_config", "model_from_json",
           "save_model"]
