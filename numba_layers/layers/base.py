"""The layer: shapes, masks, configuration and calls. No arithmetic happens here."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING

from .. import config, devices, ops
from .._legacy import begins
from ..arguments import element_type, flag, options_of, sizes
from ..autograd.context import context, deferring
from ..autograd.graph import Graph, SymbolicTensor, any_symbolic, defer, settled
from ..autograd.tensor import Tensor, as_tensor
from ..errors import (
    ArgumentError,
    GraphError,
    MaskError,
    ShapeError,
    UnknownArgumentError,
    nearest,
    shown,
)
from ..naming import unique_name
from ..phase import learning
from .context import Draws, collected, collecting, drawing, symbolically
from .memory import check_sample
from .named import names_layer
from .node import Node, as_list, unpack
from .places import Places
from .renamed import LayerNames, renamed_for
from .spec import InputSpec
from .undo import wholly
from .weights import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from typing_extensions import Self

    from ..typing import Config

__all__ = ["InputSpec", "Layer", "training_phase"]

_PACKAGE = __name__.partition(".")[0]
_BASE_ARGUMENTS = ("name", "trainable", "input_shape", "batch_input_shape", "batch_size", "dtype", "input_dtype",
                   "input_dim", "input_length", "weights")


def _is_ours(cls):
    return cls.__module__.partition(".")[0] == _PACKAGE


def training_phase(training: bool | None = None) -> bool:
    """True while training: what the caller said, else the learning phase of the evaluation under way."""
    return bool(learning.phase if training is None else training)


class Layer(Weights, Places, LayerNames):
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
    bias: Any       # of layers that have one
    _shown_by_call = False  # its outputs' shapes, though the user's class tells them
    kinds: dict[str, Any] = {}  # class name -> class, of all public layers and models of this package

    def __init_subclass__(cls, public: bool = True) -> None:
        super().__init_subclass__()
        ours = _is_ours(cls)
        if "__init__" in vars(cls):
            made = names_layer(begins(cls.__init__) if ours else cls.__init__)
            cls.__init__ = made  # type: ignore[method-assign]
        if public and ours and not cls.__name__.startswith("_"):
            Layer.kinds[cls.__name__] = cls

    def __init__(self, **kwargs: Any) -> None:
        for key in kwargs:
            if key not in _BASE_ARGUMENTS:
                legal = {*inspect.signature(type(self).__init__).parameters, *_BASE_ARGUMENTS} - {"self", "kwargs"}
                raise UnknownArgumentError(f"{type(self).__name__}: unknown argument {key!r}. {nearest(key, legal)}")
        name: Any = kwargs.get("name")
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

    def __setattr__(self, name: str, value: Any) -> None:
        """Programs of a model end with a change of its layers: each is counted."""
        known = vars(self)
        if not name.startswith("_") and known.get(name) is not value and name not in self._uncounted:
            known["_changes"] = known.get("_changes", 0) + 1
        super().__setattr__(name, value)

    _changes = 0
    _uncounted: frozenset[str] = frozenset()    # names that change no computation

    def build(self, input_shape: Any) -> None:
        """Make the weights for `input_shape` (with the batch axis; a list of shapes for several inputs)."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Outputs for `inputs`, a tensor or a list of tensors."""
        return inputs

    @property
    def input_type(self) -> str:
        """The element type of data that are given to the layer as arrays, or to a model that begins with it."""
        return self.dtype

    def check_data(self, data: Any, where: str) -> None:
        """Compare the array of a model's input `where`, which this layer reads first, with what it can take.

        Models call it with all samples before any is used. Raises: the layer's own errors.
        """

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
        tensors = [SymbolicTensor(shape) for shape in shapes]
        with collecting():      # what the call adds is of no model
            try:
                outputs = layer.infer(tensors, {})
            except Exception:
                if not self._call_takes_mask:
                    raise
                for tensor in tensors:      # a layer that cannot do without a mask
                    tensor.mask = SymbolicTensor(tensor.shape[:2], "bool")
                outputs = layer.infer(tensors, {})
        return unpack([output.shape for output in outputs])

    def _sketch(self, input_shape):
        """A copy of a layer without weights, built for `input_shape` with weights that have shapes and no values."""
        sketch = copy.copy(self)
        sketch._keep_lists(anew=True)
        sketch._is_sketch = True
        sketch.set_weights = lambda weights: None  # type: ignore[method-assign]
        sketch._begin_build(input_shape)
        return sketch

    def _begin_build(self, input_shape):
        """`build`, where a class written for Keras 1 may ask `self.bias` whether there is one, before it makes it."""
        asks = config.keras1() and not _is_ours(type(self)) and getattr(self, "use_bias", False)
        if asks and vars(self).get("bias", True) is None:
            self.bias = True
            self.build(input_shape)
            self.bias = None if self.bias is True else self.bias
        else:
            self.build(input_shape)

    def get_config(self) -> Config:
        """Arguments that make the same layer again, as plain Python values."""
        description = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.batch_input_shape is not None:
            description["batch_input_shape"] = self.batch_input_shape
        return description

    @classmethod
    def from_config(cls, description: Config) -> Self:
        """The layer that `get_config` described."""
        options = options_of(description, cls.__name__)
        return cls(**options if _is_ours(cls) else renamed_for(cls, options))

    # -- calling -------------------------------------------------------------------------------------------------

    @names_layer
    def __call__(self, inputs: Any, **kwargs: Any) -> Tensor:
        """Run the layer on concrete tensors, or connect it to symbolic ones; `inputs` a tensor or a list."""
        tensors = [as_tensor(entry, None if isinstance(entry, Tensor) else self.input_type)
                   for entry in as_list(inputs)]
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
                self._begin_build(input_shape)
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
        around, context.layer = context.layer, self.name
        before, context.draws = context.draws, self._unseeded()
        recorder = devices.current()
        if recorder.recording:
            recorder.runs(self)
        outputs = self.call(inputs, **self._call_options(kwargs, mask))
        self._regularize_activity(outputs)
        context.layer, context.draws = around, before
        if getattr(self, "data_format", None) is not None or any(tensor.layout is not None for tensor in tensors):
            layouts = [self.layout_of(tensors, output) for output in as_list(outputs)]
            outputs = _carrying("layout", layouts, outputs, tensors)
        if mask is None and type(self).compute_mask is Layer.compute_mask:
            return outputs
        return _carrying("mask", as_list(self.compute_mask(inputs, mask)), outputs, tensors)

    def _unseeded(self):
        """The random numbers of a call that have no seed: of streams that the layer keeps."""
        return Draws(vars(self).setdefault("_draws", []))

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
        with drawing(self._unseeded()):
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
            shapes = _told(getattr(self, told[0]), [tensor.shape for tensor in as_list(inputs)])
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


def _told(rule, shapes):
    """What a user's `compute_output_shape` says. Keras gives tuples, tf.keras shapes with methods and `value`s."""
    try:
        return rule(unpack([tuple(shape) for shape in shapes]))
    except AttributeError:
        return rule(unpack(shapes))


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
