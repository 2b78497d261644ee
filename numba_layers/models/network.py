"""A graph of layers as one layer: topology, weights, and running it. Training is in `model.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import config, ops
from ..autograd.graph import Graph, placeholders
from ..errors import ArgumentError, GraphError, shown, unknown
from ..layers.base import Layer
from ..layers.context import collected, collecting
from ..layers.input import InputLayer
from ..layers.node import Node, as_list, unpack
from ..layers.undo import wholly
from ..layers.watched import WatchedList
from ..utils import function_utils
from . import added, changing, data, paths, rebuild, saving, summary, topology

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..autograd.graph import SymbolicTensor
    from ..autograd.tensor import Tensor, Variable
    from ..typing import Config, CustomObjects, FilePath


class Network(Layer, public=False):
    """All layers between `inputs` and `outputs`, callable as a layer itself.

    inputs, outputs: tensors, or lists of them, made by `Input` and by calling layers.
    Raises: GraphError when an output does not lead back to the inputs, ArgumentError for repeated names or inputs.
    """

    supports_masking = True

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self._wire(as_list(inputs), as_list(outputs))
        self._make_own_node()

    def _wire(self, inputs, outputs):
        """Take `inputs` and `outputs` as the graph's ends and find the layers between them."""
        for role, tensors in (("input", inputs), ("output", outputs)):
            if not tensors:
                raise ArgumentError(f'{type(self).__name__} "{self.name}": at least one {role} tensor is needed.')
            for tensor in tensors:
                if not hasattr(tensor, "_keras_history"):
                    raise GraphError(
                        f'{type(self).__name__} "{self.name}": the {role} {shown(tensor)} does not come from a layer. '
                        "Inputs come from Input(...); wrap K functions and operators in a Lambda layer.")
        if len({id(tensor) for tensor in inputs}) < len(inputs):
            raise ArgumentError(f'{type(self).__name__} "{self.name}": the same input is listed twice.')
        nodes, met = paths.nodes(outputs, inputs, self.name)
        layers = paths.ordered_layers(nodes, met)
        paths.check_names(self, layers)
        self._set_ends(inputs, outputs)
        self._fed = [tensor for tensor in self.inputs if _is_fed(tensor)]
        self._graph = Graph(self.outputs, self._fed)
        self.nodes, self._all_layers = nodes, layers
        self._listed = layers           # what `layers` shows: scripts take layers out
        self._warned_of_missing = False

    def _empty(self):
        self._set_ends([], [])
        self._all_layers, self._listed, self.nodes = [], [], []

    def _set_ends(self, inputs, outputs):
        self._inputs = WatchedList(inputs, lambda changed: setattr(self, "inputs", changed))
        self._outputs = WatchedList(outputs, lambda changed: setattr(self, "outputs", changed))

    @property
    def built(self) -> bool:
        """Whether the model's tensors are known. Scripts that change a model say no, to have it built anew: it is."""
        return bool(self.__dict__.get("_outputs"))

    @built.setter
    def built(self, built: bool) -> None:
        pass

    # -- changes -------------------------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[Any]:
        """The tensors that data are fed to; may be assigned."""
        return self._inputs

    @inputs.setter
    def inputs(self, inputs: Any) -> None:
        self._change_ends(as_list(inputs), self.outputs)

    @property
    def outputs(self) -> list[Any]:
        """The tensors that the model computes; may be assigned, and the model then has to be compiled again."""
        return self._outputs

    @outputs.setter
    def outputs(self, outputs: Any) -> None:
        self._change_ends(self.inputs, as_list(outputs))

    def _change_ends(self, inputs, outputs):
        if [*map(id, inputs), *map(id, outputs)] == [*map(id, self.inputs), *map(id, self.outputs)]:
            return
        changing.need_own_end(self)
        with wholly(self):
            self._exchange_ends(inputs, outputs)

    def _exchange_ends(self, inputs, outputs):
        listed, known = self._listed, self._all_layers
        self._wire(inputs, outputs)
        self._listed = [*listed, *(layer for layer in self._all_layers if layer not in known)]
        self._make_own_node()
        self._start_untrained()

    def _make_own_node(self):
        """Make the model's ends its first node, the others, where it is a layer, stay."""
        uses = self.inbound_nodes[1:]
        self.inbound_nodes = []
        Node(self, self.inputs, self.outputs, {}, made_here=False)
        self.inbound_nodes += uses

    def _start_untrained(self):
        """Forget how the model was compiled."""

    # -- running -------------------------------------------------------------------------------------------------

    def check_data(self, data_of_input: Any, where: str) -> None:
        if len(self.inputs) == 1:       # of several, it is not known which
            data.compare(self, self.inputs[0], data_of_input, where)

    if TYPE_CHECKING:       # a list where there are several outputs
        def __call__(self, inputs: Any, **kwargs: Any) -> Any: ...

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        before = len(collected.updates or ())
        with self._graph.evaluated(as_list(inputs), None if training is None else int(training)) as outputs:
            if collected.losses is not None:
                collected.losses += [ops.sum(loss) for loss in added.of_call(self, "_added_losses")]
                collected.updates += added.of_call(self, "_added_updates")
                if not self.trainable and not config.keras1():      # Keras 2 makes no updates in what is frozen
                    del collected.updates[before:]
        return unpack(outputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Concrete outputs carry their masks already."""
        return None

    def _compute(self, tensors, kwargs):
        return self.call(unpack(tensors), **kwargs)

    def infer(self, tensors: Sequence[Tensor], kwargs: Mapping[str, Any]) -> list[SymbolicTensor]:
        """Templates of the outputs for symbolic inputs: each layer infers from those before it."""
        changing.warn_of_missing(self)
        if collected.losses is not None and self._may_add_losses():
            collected.losses.append(lambda: self._added_when_called(tensors, kwargs))
        with collecting():      # what layers add for templates is nothing
            return self._through(tensors, lambda layer, tensors, options: layer.infer(tensors, options))

    def _run_on(self, tensors, kwargs):
        return unpack(self._through(tensors, lambda layer, tensors, options: as_list(layer._run_on(tensors, options))))

    def _through(self, tensors, run):
        """The outputs for `tensors`, where `run(layer, tensors, options)` lists those of a layer."""
        known = {id(tensor): given for tensor, given in zip(self._fed, tensors)}
        for step in self._graph.steps:
            if isinstance(step.function, Layer):
                outputs = run(step.function, [known.get(id(tensor), tensor) for tensor in step.tensors()], step.options)
                known.update(zip(map(id, step.outputs), outputs))
        return [known.get(id(output), output) for output in self.outputs]

    def _may_add_losses(self):
        return any(layer._losses_of_calls for layer in self.all_inside())

    # -- layers and weights --------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Any]:
        """All layers, those that come first in the graph first; changes of this list are changes of the model."""
        return WatchedList(self._shown_layers(), self._change_layers)

    @layers.setter
    def layers(self, layers: Sequence[Any]) -> None:
        self._change_layers(list(layers))

    def _shown_layers(self):
        return self._listed

    def _change_layers(self, layers):
        changing.take_out(self, layers)

    @property
    def flattened_layers(self) -> list[Any]:
        """The layers whose weights are saved, each by itself, in this order."""
        return list(self._all_layers)

    @property
    def input_layers(self) -> list[Any]:
        return [tensor._keras_history[0] for tensor in self.inputs]

    @property
    def output_layers(self) -> list[Any]:
        """The layers that give the outputs; may be assigned."""
        return [tensor._keras_history[0] for tensor in self.outputs]

    @output_layers.setter
    def output_layers(self, layers: Sequence[Any]) -> None:
        if [*map(id, layers)] != [*map(id, self.output_layers)]:
            self.outputs = [tensor for layer in layers for tensor in changing.output_of(self, layer)]

    @property
    def input_names(self) -> list[str]:
        return [layer.name for layer in self.input_layers]

    @property
    def output_names(self) -> list[str]:
        """The output layers' names; a layer that gives several outputs gets its number behind it."""
        names: list[str] = []
        for layer in self.output_layers:
            used = names.count(layer.name) + sum(name.startswith(f"{layer.name}_") for name in names)
            names.append(layer.name if layer.name not in names else f"{layer.name}_{used}")
        return names

    @property
    def trainable_weights(self) -> list[Variable]:
        if not self.trainable:
            return []
        return _unique(weight for layer in self._listed for weight in layer.trainable_weights)

    @property
    def non_trainable_weights(self) -> list[Variable]:
        weights = [weight for layer in self._listed for weight in layer.non_trainable_weights]
        if not self.trainable:
            weights = [weight for layer in self._listed for weight in layer.trainable_weights] + weights
        return _unique(weights)

    def _weights_by_layer(self):
        """All weights, layer by layer: the order of `get_weights`."""
        return _unique(weight for layer in self._listed for weight in layer.weights)

    @property
    def losses(self) -> list[Any]:
        fed = {id(tensor) for tensor in self._fed}
        return [loss for loss in self._losses_anywhere() if all(id(leaf) in fed for leaf in placeholders(loss))]

    def _losses_anywhere(self):
        """The losses of all places where the model and its layers are used."""
        return [*(loss for layer in self._all_layers for loss in layer._losses_anywhere()), *self._added_losses,
                *self._called_losses()]

    @property
    def updates(self) -> list[Any]:
        return [update for layer in self._all_layers for update in layer.updates] + self._added_updates

    @property
    def stateful(self) -> bool:
        """Whether a layer keeps a state from one batch to the next."""
        return any(layer.stateful for layer in self._all_layers)

    @property
    def state_updates(self) -> list[Any]:
        """Updates of the stateful layers' states, which those layers make themselves here: none."""
        return []

    def reset_states(self) -> None:
        """Have all stateful layers begin anew."""
        for layer in self._all_layers:
            if layer.stateful and hasattr(layer, "reset_states"):
                layer.reset_states()

    @property
    def adds_losses(self) -> bool:
        """True where the model or a layer was given a loss by `add_loss`, or a layer of the user's own may add one."""
        own = set(Layer.kinds.values()) | {type(self)}
        return any(layer._added_losses or layer._losses_of_calls or type(layer) not in own
                   for layer in self.all_inside())

    def all_inside(self) -> list[Any]:
        """The model itself, its layers, and those inside of models and wrappers among them, each once."""
        found, waiting = {}, [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting.extend(_waiting_or_computing(layer) if isinstance(layer, Network) else layer.inner_layers())
        return list(found.values())

    @property
    def penalties(self) -> list[Any]:
        pairs = [pair for layer in self._all_layers for pair in layer.penalties]
        return list({(id(regularizer), id(weight)): (regularizer, weight) for regularizer, weight in pairs}.values())

    def _ends(self, which):
        if not getattr(self, which):
            raise GraphError(f'{type(self).__name__} "{self.name}" has no {which} yet. Give its first layer '
                             "input_shape=(...).")
        if which == "outputs":
            changing.warn_of_missing(self)
        return getattr(self, which)

    input = property(lambda self: unpack(self._ends("inputs")))
    output = property(lambda self: unpack(self._ends("outputs")), lambda self, output: setattr(self, "outputs", output))
    input_shape = property(lambda self: unpack([tensor.shape for tensor in self._ends("inputs")]))
    output_shape = property(lambda self: unpack([tensor.shape for tensor in self._ends("outputs")]))

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer called `name`, or the one at `index`.

        Raises: UnknownNameError with the nearest name, ArgumentError for an index out of range.
        """
        if name is None and index is None:
            raise ArgumentError("get_layer needs a name or an index.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ArgumentError(f'model "{self.name}" has {len(self.layers)} layers, there is no index {index}.')
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise unknown(f'layer of model "{self.name}"', name, [layer.name for layer in self.layers])

    # -- description ---------------------------------------------------------------------------------------------

    def get_config(self) -> Config:
        return topology.model_config(self)

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects | None = None,
                    safe_mode: bool | None = None) -> Any:
        """The model that `get_config` described; `safe_mode` as in `load_model`, None: as in the load under way."""
        with function_utils.safe_mode(safe_mode):
            return rebuild.model_from_description(cls, description, custom_objects)

    def to_json(self, **options: Any) -> str:
        """The architecture as JSON text, without weights; `options` go to json.dumps."""
        return topology.to_json(self, **options)

    def save_weights(self, filepath: FilePath, overwrite: bool = True) -> None:
        """Write all weights to an HDF5 file in Keras's layout; see `saving.save_weights`."""
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: FilePath, by_name: bool = False, skip_mismatch: bool = False) -> None:
        """Set the weights from a file; see `saving.load_weights`."""
        saving.load_weights(self, filepath, by_name, skip_mismatch)

    def save(self, filepath: FilePath, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Write architecture, weights and training state to an HDF5 file; `load_model` reads it."""
        saving.save_model(self, filepath, overwrite, include_optimizer)

    def summary(self, line_length: int | None = None, positions: Sequence[float] | None = None,
                print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the layers, their output shapes and numbers of weights.

        line_length: characters a line. positions: where columns end, as fractions of it. print_fn: gets each line.
        """
        for line in summary.lines(self, line_length, positions):
            print_fn(line)

    def _repr_html_(self):
        return summary.html(self)


def _waiting_or_computing(network):
    """The layers that compute the outputs, and before them those that are not yet, or no longer, among these."""
    computing = set(map(id, network._all_layers))
    return [*(layer for layer in network._shown_layers() if id(layer) not in computing), *network._all_layers]


def _is_fed(tensor):
    layer = tensor._keras_history[0]
    return not isinstance(layer, InputLayer) or layer.is_placeholder


def _unique(weights):
    return list({id(weight): weight for weight in weights}.values())
