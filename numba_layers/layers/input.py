"""Where data enters a model."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from .._legacy import INPUT, LAYER, keras1
from ..arguments import flag, sizes
from ..autograd.graph import SymbolicTensor, defer, is_symbolic, placeholder
from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, NumbaLayersError, shown
from ..naming import unique_name
from .base import Layer
from .node import Node

if TYPE_CHECKING:
    from typing import Any

    from ..autograd.tensor import Tensor
    from ..typing import Config, DtypeLike, ShapeLike


class InputLayer(Layer):
    """The layer behind `Input`: a placeholder, or a tensor that is given.

    input_shape: sizes without the batch axis. batch_size: the batch's size, None for any. batch_input_shape: both
    together. dtype: 'float32', 'int32', ... . input_tensor: a tensor to wrap; no data is then fed. sparse: the data
    come as SciPy CSR matrices. name: for messages and for feeding by name. ragged: False, of tf.keras.
    """

    supports_masking = True

    @keras1(LAYER | INPUT)
    def __init__(self, input_shape: ShapeLike | None = None, batch_size: int | None = None,
                 batch_input_shape: ShapeLike | None = None, dtype: DtypeLike | None = None,
                 input_tensor: Tensor | None = None, sparse: bool = False, name: str | None = None,
                 ragged: bool = False) -> None:
        if flag(ragged, "ragged"):
            raise ArgumentError("ragged inputs are not read. Pad the samples to one length, and put a Masking layer, "
                                "or an Embedding with mask_zero=True, behind the input.")
        if input_tensor is not None:
            if not is_symbolic(input_tensor):
                try:
                    input_tensor = as_tensor(input_tensor)
                except NumbaLayersError:
                    raise
                except ValueError as error:     # lists of several lengths
                    raise ArgumentError(f"input_tensor: {shown(input_tensor)} is no array ({error}).") from None
            batch_input_shape = batch_input_shape or input_tensor.shape
            dtype = dtype or str(input_tensor.dtype)
        elif batch_input_shape is None:
            if input_shape is None:
                raise ArgumentError("an input needs a shape: shape=(features,), or batch_shape=(batch, features).")
            batch_input_shape = (batch_size, *sizes(input_shape, "shape"))
        super().__init__(name=name or unique_name("Input"), dtype=dtype, batch_input_shape=batch_input_shape)
        self.sparse = bool(sparse)
        if self.sparse and len(self.batch_input_shape) != 2:
            raise ArgumentError("a sparse input is a matrix (batch, features), got shape "
                                f"{self.batch_input_shape}. Take shape=(features,).")
        self.built = True
        self.is_placeholder = input_tensor is None
        tensor = self._entry(input_tensor)
        tensor.name = self.name
        Node(self, [tensor], [tensor], {})

    def _entry(self, given: Any) -> SymbolicTensor:
        """The symbolic tensor of this input: a placeholder, the symbolic tensor given, or a step answering `given`."""
        if given is None:
            tensor = placeholder(self.batch_input_shape, self.dtype)
            tensor.sparse = self.sparse  # type: ignore[attr-defined]
            return tensor
        if isinstance(given, SymbolicTensor):
            return given
        return defer(lambda: given, (), {}, given)

    def get_config(self) -> Config:
        return {"batch_input_shape": self.batch_input_shape, "dtype": str(np.dtype(self.dtype)),
                "sparse": self.sparse, "name": self.name}


@keras1({})
def Input(shape: ShapeLike | None = None, batch_shape: ShapeLike | None = None, name: str | None = None,
          dtype: DtypeLike | None = None, sparse: bool = False, tensor: Tensor | None = None) -> Tensor:
    """A symbolic tensor where data enters a model: `x = Input(shape=(32,)); y = Dense(16)(x); Model(x, y)`.

    shape: sizes without the batch axis, None for open ones. batch_shape: with the batch axis; it counts where both are
    given.
    name: unique in the model. dtype: 'float32', 'float64', 'int32', ...; floatx by default. sparse: data are SciPy
    CSR matrices, multiplied batch by batch without becoming dense. tensor: an existing tensor to wrap; no data is fed.
    Raises: ArgumentError when neither shape, batch_shape nor tensor is given.
    Reference: core-layers document, "Input".
    """
    if shape is None and batch_shape is None and tensor is None:
        raise ArgumentError("Input needs a shape: Input(shape=(features,)), without the batch axis.")
    if shape is not None and batch_shape is not None and sizes(shape, "shape") != sizes(batch_shape, "batch_shape")[1:]:
        warnings.warn(f"Input: shape={shape} and batch_shape={batch_shape} disagree; batch_shape counts, as in Keras.",
                      stacklevel=3)
    layer = InputLayer(input_shape=shape, batch_input_shape=batch_shape, name=name, dtype=dtype, sparse=sparse,
                       input_tensor=tensor)
    return layer.inbound_nodes[0].output_tensors[0]
