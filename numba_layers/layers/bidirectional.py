"""A recurrent layer in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import ops
from .._legacy import LAYER, keras1
from ..arguments import entry
from ..autograd.tensor import Tensor, as_tensor
from ..errors import ArgumentError, shown, unknown
from .base import Layer
from .node import as_list
from .recurrent_cells import sizes_of
from .serialization import deserialize, serialize
from .wrappers import Wrapper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..typing import ArrayLike, Config, CustomObjects

MODES = ("sum", "mul", "concat", "ave", None)


class Bidirectional(Wrapper):
    """Applies a recurrent layer from the first timestep to the last, and a second one like it the other way.

    layer: a recurrent layer. merge_mode: 'concat', 'sum', 'mul' or 'ave' of both outputs; None gives both.
    backward_layer: what goes backwards, else a layer as `layer` with weights of its own.
    Called as `layer(x, initial_state=[...])`, the first half of the states being those of the forward layer.

    Shapes: (batch, time, features) -> as `layer`'s, twice as many features with 'concat'
    Raises: ArgumentError for what does not go along timesteps, and another number of states.
    Reference: Schuster & Paliwal 1997, "Bidirectional Recurrent Neural Networks"; Keras 2.2.5, "Bidirectional".
    """

    supports_masking = True

    @keras1(LAYER)
    def __init__(self, layer: Any, merge_mode: str | None = "concat", weights: Sequence[ArrayLike] | None = None,
                 backward_layer: Any = None, **kwargs: Any) -> None:
        if not isinstance(merge_mode, str | None) or merge_mode not in MODES:
            raise unknown("merge_mode", merge_mode, [str(mode) for mode in MODES])
        if not hasattr(layer, "go_backwards") or not hasattr(layer, "return_sequences"):
            raise ArgumentError(f"Bidirectional takes a recurrent layer, such as LSTM, got {type(layer).__name__} "
                                f"{shown(layer)}.")
        if backward_layer is not None and backward_layer.go_backwards == layer.go_backwards:
            raise ArgumentError("backward_layer goes in the same direction as layer: give it go_backwards="
                                f"{not layer.go_backwards}.")
        super().__init__(layer, **kwargs)
        description = layer.get_config()
        self.forward_layer = layer
        if backward_layer is None:
            backward_layer = type(layer).from_config(
                description | {"go_backwards": not layer.go_backwards, "name": f"backward_{layer.name}"})
            layer.name = f"forward_{layer.name}"
        self.backward_layer = backward_layer
        self.merge_mode = merge_mode
        self.return_sequences, self.return_state = layer.return_sequences, layer.return_state
        self.stateful = layer.stateful
        self.input_spec = layer.input_spec
        if weights is not None:
            self._initial_weights = weights

    def inner_layers(self) -> list[Any]:
        return [self.forward_layer, self.backward_layer]

    def _of_both(self, name):
        return [*getattr(self.forward_layer, name), *getattr(self.backward_layer, name)]

    @property
    def trainable_weights(self) -> list[Any]:
        return self._of_both("trainable_weights") if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        return self._of_both("non_trainable_weights" if self.trainable else "weights")

    @property
    def activity_regularizer(self) -> Any:
        """The layer's penalty of outputs: of what both directions give, merged."""
        return getattr(self.forward_layer, "activity_regularizer", None)

    @property
    def penalties(self) -> list[Any]:
        return self._of_both("penalties")

    @property
    def losses(self) -> list[Any]:
        return [*super().losses, *self.backward_layer._added_losses, *self.backward_layer._called_losses()]

    @property
    def updates(self) -> list[Any]:
        return [*super().updates, *self.backward_layer.updates]

    def reset_states(self) -> None:
        """Have both layers begin anew."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    # -- calls -----------------------------------------------------------------------------------------------------

    def __call__(self, inputs: Any, initial_state: Any = None, constants: Any = None, **kwargs: Any) -> Any:
        tensors = as_list(inputs)
        states, constants = as_list(initial_state), as_list(constants)
        count = 2 * self._count_of_states()
        given = [*states, *tensors[1:1 + count]] if not states else states
        if given and len(given) != count:
            raise ArgumentError(f'Bidirectional "{self.name}": initial_state must have {count} entries, half of them '
                                f"for each direction, got {len(given)}.")
        for layer in self.inner_layers():
            layer._num_constants = len(constants) or layer._num_constants
        if not states and not constants:
            return super().__call__(inputs, **kwargs)
        extra = [one if isinstance(one, Tensor) else as_tensor(one, self.dtype) for one in (*states, *constants)]
        return super().__call__([*tensors, *extra], **kwargs)

    def _count_of_states(self):
        return len(sizes_of(self.forward_layer.cell))

    def _check(self, tensors: Sequence[Tensor]) -> None:
        for layer, given in zip(self.inner_layers(), self._for_each(list(tensors))):
            layer._check(given)

    def _for_each(self, inputs):
        """What either layer gets of the sequence, the states of both, and the constants."""
        sequence, *rest = as_list(inputs)
        constants = rest[len(rest) - self.forward_layer._num_constants:] if self.forward_layer._num_constants else []
        states = rest[:len(rest) - len(constants)]
        half = len(states) // 2
        return [sequence, *states[:half], *constants], [sequence, *states[half:], *constants]

    def build(self, input_shape: Any) -> None:
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        for layer, given in zip(self.inner_layers(), self._for_each(shapes)):
            if not layer.built:
                layer._build_for(given if len(given) > 1 else given[0])
        Layer.build(self, input_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        mask = as_list(mask)[0] if as_list(mask) else None
        answers = [as_list(layer.call(given if len(given) > 1 else given[0], mask=mask, training=training))
                   for layer, given in zip(self.inner_layers(), self._for_each(inputs))]
        (forward, *forward_states), (backward, *backward_states) = answers
        if self.return_sequences:
            backward = ops.flip(backward, axes=1)
        states = [*forward_states, *backward_states]
        merged = self._merged(forward, backward)
        if not self.return_state:
            return merged
        return [*(merged if isinstance(merged, list) else [merged]), *states]

    def _merged(self, forward, backward):
        if self.merge_mode == "concat":
            return ops.concatenate(forward, backward, axis=-1)
        if self.merge_mode == "mul":
            return ops.multiply(forward, backward)
        if self.merge_mode is None:
            return [forward, backward]
        total = ops.add(forward, backward)
        return ops.multiply(total, 0.5) if self.merge_mode == "ave" else total

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = as_list(mask)[0] if as_list(mask) and self.return_sequences else None
        outputs = [mask, mask] if self.merge_mode is None else [mask]
        states = [None] * (2 * self._count_of_states()) if self.return_state else []
        found = [*outputs, *states]
        return found[0] if len(found) == 1 else found

    # -- configuration ---------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        described = super().get_config() | {"merge_mode": self.merge_mode}
        likely = self.forward_layer.get_config() | {
            "go_backwards": self.backward_layer.go_backwards, "name": self.backward_layer.name}
        if self.backward_layer.get_config() != likely:
            described["backward_layer"] = serialize(self.backward_layer)
        return described

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None) -> Any:
        options = {name: value for name, value in description.items() if name not in ("num_constants",)}
        inner = entry(options, "layer", dict, cls.__name__)
        layer = deserialize(inner, custom_objects)
        layer.name = layer.name.removeprefix("forward_")
        if options.get("backward_layer") is not None:
            options["backward_layer"] = deserialize(options["backward_layer"], custom_objects)
            layer.name = f"forward_{layer.name}"
        return cls(**(options | {"layer": layer}))
