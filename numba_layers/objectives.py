"""Keras 1's name for `losses`."""

from .losses import *  # noqa: F403
