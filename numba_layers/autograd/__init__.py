"""Tensors, the tape that records operations on them, and graphs of operations that are still to run."""

from .gradcheck import gradcheck
from .graph import SymbolicTensor, evaluate
from .tape import Tape
from .tensor import Tensor, Variable, as_tensor

__all__ = ["SymbolicTensor", "Tape", "Tensor", "Variable", "as_tensor", "evaluate", "gradcheck"]
