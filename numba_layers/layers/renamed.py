"""Attributes of layers under Keras's other names, most of them Keras 1's: `dense.W`, `dropout.p`, `pool.border_mode`.

Keras 2 renamed arguments and attributes alike; here both names are one attribute. Where Keras 1's name means something
else today, that holds: `bias` is the weight, not whether there is one.
Reference: Keras 1.2.2, attributes of the layers.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from .node import as_list, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import DtypeLike, ShapeLike


class Renamed:
    """The attribute `name`, or of a sequence one entry or, deeper, an entry's entry: `Renamed("padding", 0, 1)`."""

    def __init__(self, name, *entry):
        self.name = name
        self.entry = entry

    def __get__(self, layer, owner=None):
        if layer is None:
            return self
        value = getattr(layer, self.name)
        for index in self.entry:
            value = value[index]
        return value

    def __set__(self, layer, value):
        if self.entry:
            raise AttributeError(f"{type(layer).__name__}: set {self.name}, of which this is a part.")
        setattr(layer, self.name, value)

    def __delete__(self, layer):
        self.__set__(layer, None)


def renamed_for(cls, options):
    """A configuration in the words of a user's class: `output_dim` of its `__init__` for `units`, which it inherits."""
    options = dict(options)
    for name in inspect.signature(cls.__init__).parameters:
        alias = getattr(cls, name, None)
        if name not in options and isinstance(alias, Renamed) and not alias.entry and alias.name in options:
            options[name] = options.pop(alias.name)
    return options


class LayerNames:
    """Names of every layer."""

    uses_learning_phase = False
    input_dtype = Renamed("dtype")
    _inbound_nodes = Renamed("inbound_nodes")       # Keras 2's, from 2.1.3 on
    _outbound_nodes = Renamed("outbound_nodes")

    def assert_input_compatibility(self, inputs: Any) -> None:
        """Raise ShapeError where the layer cannot take `inputs`, a tensor or a list of them."""
        self._check(as_list(inputs))

    def get_input_mask_at(self, index: int) -> Any:
        return unpack([tensor.mask for tensor in as_list(self.get_input_at(index))])

    def get_output_mask_at(self, index: int) -> Any:
        return unpack([tensor.mask for tensor in as_list(self.get_output_at(index))])

    def add_inbound_node(self, inbound_layers: Any, node_indices: Sequence[int] | None = None,
                         tensor_indices: Sequence[int] | None = None) -> None:
        """Call the layer on outputs of others, of each that at a node and with a number there; else the first."""
        layers = as_list(inbound_layers)
        places = zip(layers, node_indices or [0] * len(layers), tensor_indices or [0] * len(layers))
        self(unpack([as_list(layer.get_output_at(node))[index] for layer, node, index in places]))

    def create_input_layer(self, batch_input_shape: ShapeLike, input_dtype: DtypeLike | None = None,
                           name: str | None = None) -> None:
        """Call the layer on a new input."""
        from .input import Input  # which is a layer itself
        self(Input(batch_shape=batch_input_shape, dtype=input_dtype, name=name))

    def get_losses_for(self, inputs: Any) -> list[Any]:
        """`losses`: which of them belong to which inputs is not kept."""
        return self.losses

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """`updates`: which of them belong to which inputs is not kept."""
        return self.updates


class WeightNames:
    """Names of the layers with a kernel and a bias."""

    W = Renamed("kernel")
    b = Renamed("bias")
    init = Renamed("kernel_initializer")
    W_regularizer = Renamed("kernel_regularizer")
    b_regularizer = Renamed("bias_regularizer")
    W_constraint = Renamed("kernel_constraint")
    b_constraint = Renamed("bias_constraint")
    initial_weights = Renamed("_initial_weights")
