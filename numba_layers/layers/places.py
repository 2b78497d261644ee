"""The places where a layer is used in the graph of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import GraphError
from .node import as_list, unpack

if TYPE_CHECKING:
    from typing import Any

    from .node import Node


class Places:
    """The part of `Layer` that tells what goes in and comes out there."""

    inbound_nodes: list[Node]

    def _place(self, attribute, index):
        if not self.inbound_nodes:
            raise GraphError(f'{type(self).__name__} "{self.name}" was never connected to an input.')
        if not 0 <= index < len(self.inbound_nodes):
            raise GraphError(f'{type(self).__name__} "{self.name}" has {len(self.inbound_nodes)} nodes, '
                             f"there is none with index {index}.")
        return unpack(getattr(self.inbound_nodes[index], attribute))

    def _only_place(self, attribute):
        if len(self.inbound_nodes) > 1:
            values = [getattr(node, attribute) for node in self.inbound_nodes]
            if not attribute.endswith("shapes") or any(value != values[0] for value in values):
                raise GraphError(f'{type(self).__name__} "{self.name}" is shared by {len(self.inbound_nodes)} places. '
                                 "Say which: get_output_at(index), get_input_shape_at(index) and the like.")
        return self._place(attribute, 0)

    input = property(lambda self: self._only_place("input_tensors"))
    output = property(lambda self: self._only_place("output_tensors"))
    input_shape = property(lambda self: self._only_place("input_shapes"))
    output_shape = property(lambda self: self._only_place("output_shapes"))
    input_mask = property(lambda self: unpack([tensor.mask for tensor in as_list(self.input)]))
    output_mask = property(lambda self: unpack([tensor.mask for tensor in as_list(self.output)]))

    def get_input_at(self, index: int) -> Any:
        return self._place("input_tensors", index)

    def get_output_at(self, index: int) -> Any:
        return self._place("output_tensors", index)

    def get_input_shape_at(self, index: int) -> Any:
        return self._place("input_shapes", index)

    def get_output_shape_at(self, index: int) -> Any:
        return self._place("output_shapes", index)
