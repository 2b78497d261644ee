"""The layer: weights, shapes, masks, names and configuration. No arithmetic happens here."""

from __future__ import annotations

import copy
import functools
import inspect
from typing import TYPE_CHECKING

import numpy as np

from .. import config, initializations, initializers, ops, regularizers
from .._legacy import Keras1Name, begins
from ..arguments import element_type, flag, options_of, sizes, unmasked
from ..autograd.context import deferring
from ..autograd.graph import Graph, SymbolicTensor, any_symbolic, defer, settled
from ..autograd.tensor import Tensor, Variable, as_tensor, stored
from ..errors import (
    ArgumentError,
    DtypeError,
    GraphError,
    MaskError,
    ModelError,
    NumbaLayersError,
    ShapeError,
    UnknownArgumentError,
    add_name,
    nearest,
    shown,
)
from ..naming import unique_name
from ..phase import learning
from .belongings import Belongings
from .context import collected, collecting, symbolically
from .dry import dry_build
from .memory import check_sample, fitting
from .node import Node, as_list, unpack
from .renamed import LayerNames
from .reordered import ReorderedVariable
from .spec import InputSpec
from .undo import wholly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    from numpy.typing import NDArray
    from typing_extensions import Self

    from ..typing import ArrayLike, Config

    Method = TypeVar("Method", bound=Callable[..., Any])

__all__ = ["InputSpec", "Layer", "initializer_of", "training_phase"]

_PACKAGE = __name__.partition(".")[0]
_BASE_ARGUMENTS = ("name", "trainable", "input_shape", "batch_input_shape", "batch_size", "dtype", "input_dtype",
                   "input_dim", "input_length", "weights")


# The arguments of add_weight, in Keras 2's order and in Keras 1's
_WEIGHT = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")
_WEIGHT_KERAS1 = ("shape", "initializer", "name", "trainable", "regularizer", "constraint")


def training_phase(training: bool | None = None) -> bool:
    """True while training: what the caller said, else the learning phase of the evaluation under way."""
    return bool(learning.phase if training is None else training)


def initializer_of(identifier, **options):
    """The initializer of a weight: Keras 1's where its spelling or its generation is in use, else Keras 2's.

    options: fixed arguments of Keras 1's.
    """
    if isinstance(identifier, Keras1Name) or (config.keras1() and isinstance(identifier, str)):
        return initializations.get(identifier, **options)
    return initializers.get(identifier)


def _names_layer(method: Method) -> Method:
    """Errors raised inside get the layer's class and name in front, once."""
    @functools.wraps(method)
    def call(self, *arguments, **options):
        try:
            return method(self, *arguments, **options)
        except NumbaLayersError as error:
            name = getattr(self, "name", options.get("name"))
            add_name(error, f'{type(self).__name__} "{name}"' if isinstance(name, str) else type(self).__name__)
            raise

    return call  # type: ignore[return-value]


class Layer(Belongings, LayerNames):
    """Base of all layers: a function of tensors with weights.

    Subclasses write `build(input_shape)`, which makes weights with `add_weight` and ends with `super().build(...)`;
    `call(inputs)`, in ops or K functions, which may also take `mask` and `training`; and `get_config()`.
    `call` runs on concrete tensors to compute and on symbolic ones to infer shapes.

    name: unique in a model. trainable: whether training changes the weights. input_shape: sizes without the batch,
    batch_input_shape: with it. weights: list of arrays to start from.
    """

    supports_masking = False
    stateful = False
    input_spec: Any = None
    _is_sketch = False      # its weights have shapes and no memory
    _shown_by_call = False  # its outputs' shapes, though the user's class tells them
    kinds: dict[str, Any] = {}  # class name -> class, of all public layers and models of this package

    def __init_subclass__(cls, public: bool = True) -> None:
        super().__init_subclass__()
        ours = cls.__module__.partition(".")[0] == _PACKAGE
        if "__init__" in vars(cls):
            made = _names_layer(begins(cls.__init__) if ours else cls.__init__)
            cls.__init__ = made  # type: ignore[method-assign]
        if public and ours and not cls.__name__.startswith("_"):
            Layer.kinds[cls.__name__] = cls

    def __init__(self, **kwargs: Any) -> None:
        for key in kwargs:
            if key not in _BASE_ARGUMENTS:
                legal = {*inspect.signature(type(self).__init__).parameters, *_BASE_ARGUMENTS} - {"self", "kwargs"}
                raise UnknownArgumentError(f"{type(self).__name__}: unknown argument {key!r}. {nearest(key, legal)}")
        name = kwargs.get("name")
        nameless = name is None or (isinstance(name, str) and not name)
        self.name = unique_name(type(self).__name__) if nameless else name
        if not isinstance(self.name, str):
            raise ArgumentError(f"{type(self).__name__}: the name must be text, got {shown(self.name)}.")
        self.trainable = flag(kwargs.get("trainable", True), "trainable")
        given = [kwargs[word] for word in ("dtype", "input_dtype") if kwargs.get(word) is not None]
        self.dtype = element_type(given[0] if given else config.floatx(), "dtype")
        self.batch_input_shape = _batch_input_shape(kwargs)
        self.built = False
        self.inbound_nodes: list[Node] = []
        self.outbound_nodes: list[Node] = []
        self._keep_lists()
        if kwargs.get("weights") is not None or not hasattr(self, "_initial_weights"):
            self._initial_weights = kwargs.get("weights")
        parameters = inspect.signature(self.call).parameters
        self._call_takes_mask = "mask" in parameters
        self._call_takes_training = "training" in parameters

    # -- for subclasses ------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights for `input_shape` (with the batch axis; a list of shapes for several inputs)."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Outputs for `inputs`, a tensor or a list of tensors."""
        return inputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask handed on: `mask` itself where the layer supports masking.

        Raises: MaskError when a mask arrives at a layer that cannot take one.
        """
        if not self.supports_masking:
            if any(entry is not None for entry in as_list(mask)):
                takers = sorted(name for name, kind in Layer.kinds.items() if kind.supports_masking)
                raise MaskError("a mask arrived (from a Masking layer, say), and this layer cannot take one. Layers "
                                f"that can: {', '.join(takers)}. A Lambda with mask=None ends it.")
            return None
        return mask

    def keeps_axes(self, tensor: Tensor, output: Tensor) -> bool:
        """Whether the axes of `output` mean what those of the input `tensor` mean; its layout then travels on."""
        return output.shape == tensor.shape

    def layout_of(self, tensors: Sequence[Tensor], output: Tensor) -> str | None:
        """The layout of an output: the layer's own data format, else that of the inputs whose axes it keeps."""
        if output.ndim < 3:
            return None
        own = getattr(self, "data_format", None)
        if own is not None and output.ndim == tensors[0].ndim:
            return own
        known = {tensor.layout for tensor in tensors if tensor.layout is not None and self.keeps_axes(tensor, output)}
        return known.pop() if len(known) == 1 else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output for `input_shape`, both with the batch axis; the layer's `call` itself says it."""
        if self._overrides("get_output_shape_for") and not self._overrides("compute_output_shape"):
            return self.get_output_shape_for(input_shape)
        return self._shape_by_call(input_shape)

    def get_output_shape_for(self, input_shape: Any) -> Any:
        """`compute_output_shape` under Keras 1's name."""
        if self._overrides("compute_output_shape") and not self._overrides("get_output_shape_for"):
            return self.compute_output_shape(input_shape)
        return self._shape_by_call(input_shape)

    def _overrides(self, method):
        return getattr(type(self), method) is not getattr(Layer, method)

    def _shape_by_call(self, input_shape):
        """What the layer itself shows, whatever an override says, which may be asking: `super().compute_...`."""
        layer = copy.copy(self) if self.built else self._sketch(input_shape)
        layer._shown_by_call = True
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        return unpack([output.shape for output in layer.infer([SymbolicTensor(shape) for shape in shapes], {})])

    def _sketch(self, input_shape):
        """A copy of a layer without weights, built for `input_shape` with weights that have shapes and no values."""
        sketch = copy.copy(self)
        sketch._keep_lists(anew=True)
        sketch._is_sketch = True
        sketch.set_weights = lambda weights: None  # type: ignore[method-assign]
        sketch.build(input_shape)
        return sketch

    def get_config(self) -> Config:
        """Arguments that make the same layer again, as plain Python values."""
        description = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.batch_input_shape is not None:
            description["batch_input_shape"] = self.batch_input_shape
        return description

    @classmethod
    def from_config(cls, description: Config) -> Self:
        """The layer that `get_config` described."""
        return cls(**options_of(description, cls.__name__))

    def add_weight(self, *given: Any, **named: Any) -> Variable:
        """Make a weight and keep it: add_weight(name, shape, dtype, initializer, regularizer, trainable, constraint).

        Where the shape comes first the order is Keras 1's: (shape, initializer, name, trainable, regularizer,
        constraint). order, by keyword: how users see the axes (see `ReorderedVariable`).
        Returns: a Variable.
        """
        order = _WEIGHT_KERAS1 if given and isinstance(given[0], tuple | list) else _WEIGHT
        options = dict(zip(order, given)) | named
        for name in named:
            if name not in (*_WEIGHT, "order"):
                raise UnknownArgumentError(f"add_weight: unknown argument {name!r}. {nearest(name, _WEIGHT)}")
        if len(options) < len(given) + len(named):
            raise ArgumentError(f"add_weight: {len(given)} arguments without names are "
                                f"({', '.join(order[:len(given)])}); one was given twice, or there are too many.")
        return self._weight_of(**options)

    def _weight_of(self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True,
                   constraint=None, order=None):
        dtype = dtype or config.floatx()
        make = initializer_of("glorot_uniform" if initializer is None else initializer)
        draw = functools.partial(initializers.drawn, make, tuple(shape), dtype)
        dry = None if self._is_sketch else dry_build()
        if self._is_sketch:
            value = np.broadcast_to(np.zeros((), dtype), tuple(shape))
        elif dry is not None:
            value = dry.zeros(name, tuple(shape), dtype)
        else:
            with fitting(name, tuple(shape)):
                value = np.array(draw(), order="C")
        if value.shape != tuple(shape):
            raise ShapeError(f"the initializer of weight {name!r} gave shape {value.shape}, expected {tuple(shape)}.")
        weight = Variable(value, name=f"{self.name}/{name or 'weight'}", constraint=constraint, trainable=trainable)
        if order is not None:
            weight = ReorderedVariable(weight, order)
        if dry is not None:
            dry.later(weight, draw)
        if regularizer is not None:
            sums = isinstance(regularizer, regularizers.L1L2)       # over all entries, whatever the order of the axes
            self._regularizers.append((regularizer, stored(weight) if sums else weight))
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        return weight

    # -- calling -------------------------------------------------------------------------------------------------

    @_names_layer
    def __call__(self, inputs: Any, **kwargs: Any) -> Tensor:
        """Run the layer on concrete tensors, or connect it to symbolic ones; `inputs` a tensor or a list."""
        tensors = [as_tensor(entry, None if isinstance(entry, Tensor) else self.dtype) for entry in as_list(inputs)]
        extra = [value for value in kwargs.values() if isinstance(value, Tensor)]
        if not self.built:
            self._check(tensors)
            self._meet(tensors)
            self._build_for(unpack([tensor.shape for tensor in tensors]))
        if any_symbolic(tensors) or any_symbolic(extra):
            values = None if extra else settled(tensors)
            if values is None:
                return self._connect(tensors, kwargs)
            tensors = values
        self._check(tensors)
        if deferring():
            with Graph(()).evaluated(()):
                return self._compute(tensors, kwargs)
        return self._compute(tensors, kwargs)

    def _check(self, tensors):
        specs = as_list(self.input_spec)
        if specs and len(specs) != len(tensors):
            raise ShapeError(f"expected {'one input' if len(specs) == 1 else f'{len(specs)} inputs'}, "
                             f"got {len(tensors)}.{' Make rows of numbers an array: np.array(x).' * (len(specs) == 1)}")
        for number, (spec, tensor) in enumerate(zip(specs, tensors)):
            spec.check(tensor.shape, number if len(specs) > 1 else None)

    def _meet(self, tensors):
        """Called with the first inputs before `build`, for layers that need to know more than their shapes."""

    def _build_for(self, input_shape):
        with wholly(self):
            with symbolically():
                self.build(input_shape)
            self.built = True
            if self._initial_weights is not None:
                self.set_weights(self._initial_weights)
                self._initial_weights = None

    def _call_options(self, kwargs, mask):
        options = dict(kwargs)
        if self._call_takes_mask and mask is not None:
            options.setdefault("mask", mask)
        if not self._call_takes_training:
            options.pop("training", None)
        return options

    def _compute(self, tensors, kwargs):
        """Run on concrete tensors; masks and layouts travel along on them."""
        masks = [tensor.mask for tensor in tensors]
        mask = unpack(masks) if any(entry is not None for entry in masks) else None
        inputs = unpack(tensors)
        outputs = self.call(inputs, **self._call_options(kwargs, mask))
        self._regularize_activity(outputs)
        if getattr(self, "data_format", None) is not None or any(tensor.layout is not None for tensor in tensors):
            layouts = [self.layout_of(tensors, output) for output in as_list(outputs)]
            outputs = _carrying("layout", layouts, outputs, tensors)
        if mask is None and type(self).compute_mask is Layer.compute_mask:
            return outputs
        return _carrying("mask", as_list(self.compute_mask(inputs, mask)), outputs, tensors)

    def _regularize_activity(self, outputs):
        regularizer = getattr(self, "activity_regularizer", None)
        if regularizer is not None:
            self.add_loss([regularizer(output) for output in as_list(outputs)])

    def _connect(self, tensors, kwargs):
        """Record a node of the functional graph on symbolic tensors."""
        self._check(tensors)
        with collecting() as (losses, _):
            templates = self.infer(tensors, kwargs)
        self._losses_of_calls += losses
        for template in templates:
            check_sample(template.shape)
        outputs = defer(self, (unpack(tensors),), kwargs, templates)
        for number, (output, template) in enumerate(zip(outputs, templates)):
            output.mask, output.layout = template.mask, template.layout
            output.name = f"{self.name}/output" + (f"_{number}" if number else "")
        Node(self, tensors, outputs, kwargs)
        return unpack(outputs)

    def infer(self, tensors: Sequence[Tensor], kwargs: Mapping[str, Any]) -> list[SymbolicTensor]:
        """Templates of the outputs for symbolic inputs, with masks and layouts, as a list; records nothing."""
        masks = [tensor.mask for tensor in tensors]
        mask = unpack(masks) if any(entry is not None for entry in masks) else None
        inputs = unpack(tensors)
        outputs = as_list(self._templates(inputs, kwargs, mask))
        if not outputs or not all(isinstance(output, Tensor) for output in outputs):
            raise GraphError(f"`call` must return a tensor or a list of them, it returned {unpack(outputs)!r:.80}.")
        masks = as_list(self.compute_mask(inputs, mask))
        templates = []
        for number, output in enumerate(outputs):
            template = SymbolicTensor(output.shape, output.dtype)
            template.mask = masks[number] if number < len(masks) else None
            template.layout = self.layout_of(tensors, output)
            templates.append(template)
        return templates

    def _templates(self, inputs, kwargs, mask):
        told = [name for name in ("compute_output_shape", "get_output_shape_for") if self._overrides(name)]
        if told and not self._shown_by_call:
            shapes = getattr(self, told[0])(unpack([tensor.shape for tensor in as_list(inputs)]))
            dtype = as_list(inputs)[0].dtype
            dtype = dtype if dtype.kind == "f" else config.floatx()
            if collected.losses is not None:
                collected.losses.append(lambda: self._added_when_called(as_list(inputs), kwargs))
            return [SymbolicTensor(shape, dtype) for shape in (shapes if isinstance(shapes, list) else [shapes])]
        outputs = self.call(inputs, **self._call_options(kwargs, mask))
        self._regularize_activity(outputs)
        return outputs

    def _added_when_called(self, tensors, kwargs):
        """The losses that calls add for symbolic tensors, where they were not needed to know the outputs' shapes."""
        with symbolically(), collecting() as (losses, _):
            self._run_on(tensors, kwargs)
        return losses

    def _run_on(self, tensors, kwargs):
        """What the layer makes of symbolic `tensors`, without a node in the graph of layers."""
        return self._compute(tensors, kwargs)

    # -- weights -------------------------------------------------------------------------------------------------

    def _weights_by_layer(self):
        return self.weights

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the weights as a list of arrays."""
        return [weight.value.copy() for weight in self._weights_by_layer()]

    @_names_layer
    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Set all weights from a list of arrays, in the order of `get_weights`; all or none are set.

        Raises: ShapeError naming the weight that does not fit.
        """
        variables = self._weights_by_layer()
        if not isinstance(weights, list | tuple) and not (isinstance(weights, np.ndarray) and weights.ndim):
            raise ArgumentError(f"expected a list of arrays of weights, got {type(weights).__name__}.")
        if len(weights) != len(variables):
            raise ShapeError(f"expected {len(variables)} arrays of weights, got {len(weights)}."
                             + ("" if self.built else " It has no weights yet: give it an input shape first."))
        values = [unmasked(value, "weights") for value in weights]
        for variable, value in zip(variables, values):
            if variable.value.shape != value.shape:
                raise ShapeError(f"weight {variable.name} has shape {variable.value.shape}, the array given "
                                 f"{value.shape}.")
            if value.dtype.kind not in "biuf":
                raise DtypeError(f"weight {variable.name} takes numbers, the array given holds {value.dtype}.")
        for variable, value in zip(variables, values):
            variable.value[...] = value

    def count_params(self) -> int:
        """Number of weights, in elements."""
        if not self.built:
            raise ModelError(f'{type(self).__name__} "{self.name}" has no weights yet: give it an input shape first.')
        return sum(weight.size for weight in self.weights)

    # -- the places in the graph ---------------------------------------------------------------------------------

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

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


def _batch_input_shape(kwargs):
    """The `batch_input_shape` that the arguments of a first layer amount to, or None."""
    if kwargs.get("batch_input_shape") is not None:
        return sizes(kwargs["batch_input_shape"], "batch_input_shape", example="(None, 28, 28)")
    batch = sizes((kwargs.get("batch_size"),), "batch_size", example="32")
    if kwargs.get("input_shape") is not None:
        return batch + sizes(kwargs["input_shape"], "input_shape")
    if kwargs.get("input_dim") is not None:
        length = sizes((kwargs["input_length"],), "input_length", example="28") if "input_length" in kwargs else ()
        return batch + length + _input_dim(kwargs["input_dim"])
    return None


def _input_dim(given):
    """The last size of an input: a number, or a shape of one axis."""
    alone = given if isinstance(given, tuple | list) and len(given) == 1 else (given,)
    return sizes(alone, "input_dim", example="28")


def _carrying(what, values, outputs, tensors):
    """`outputs` with `values` as their mask or layout; an output that is an input itself is copied first."""
    carrying = []
    for number, output in enumerate(as_list(outputs)):
        value = values[number] if number < len(values) else None
        if getattr(output, what) is not value:
            if any(output is tensor for tensor in tensors):
                layout, output = output.layout, ops.reshape(output, shape=output.shape)
                output.layout = layout
            setattr(output, what, value)
        carrying.append(output)
    return unpack(carrying) if isinstance(outputs, Tensor) else type(outputs)(carrying)
