"""Any function as a layer."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import numpy as np

from .._legacy import LAYER, keras1
from ..arguments import entry, options_of, sizes
from ..autograd.graph import SymbolicTensor
from ..errors import ArgumentError, UnknownNameError, shown
from ..ops.formula import of_numbers
from ..utils import function_utils
from ..utils.function_utils import dump_function, load_function, runs
from .base import Layer
from .node import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from typing_extensions import Unpack

    from ..typing import Config, CustomObjects, LayerOptions


class Lambda(Layer):
    """A function of tensors as a layer: output = function(input, **arguments).

    function: takes a tensor or a list of tensors and returns the same; made of operators and K functions. Or a scalar
    function, of a number of each input, which is compiled (`ops.formula`).
    output_shape: what the function itself shows anyway: a tuple without the batch axis, or a function of the input
    shape with it. mask: the mask handed on, or a function (inputs, mask) -> mask. arguments: a dictionary.
    Shapes: any -> what the function gives
    Reference: core-layers document, "Lambda".
    """

    @keras1(LAYER)
    def __init__(self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None,
                 arguments: Mapping[str, Any] | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError(f"Lambda: function must be callable, got {type(function).__name__}.")
        self.function = function
        if not isinstance(arguments, dict | None) or not all(isinstance(name, str) for name in arguments or ()):
            raise ArgumentError(f"Lambda: arguments must be a dictionary, got {shown(arguments)}.")
        self.arguments = dict(arguments or {})
        self._from_description = False
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape if output_shape is None or callable(output_shape) else sizes(
            output_shape, "output_shape")
        self._takes_mask = "mask" in inspect.signature(function).parameters if _has_signature(function) else False

    def call(self, inputs: Any, mask: Any = None) -> Any:
        tensors = as_list(inputs)
        formula = of_numbers(self.function, len(tensors), numbers=self.arguments)
        if formula is not None:
            return formula(*tensors, **self.arguments)
        options = self.arguments | ({"mask": mask} if self._takes_mask else {})
        try:
            return self.function(inputs, **options)
        except NameError as error:
            if self._from_description:
                raise UnknownNameError(f"the function from the file uses the name {error.name!r}, which is not in the "
                                       f"file. Pass custom_objects={{{error.name!r}: ...}} when loading.") from error
            raise

    def _templates(self, inputs: Any, kwargs: dict[str, Any], mask: Any) -> Any:
        """The function on symbolic tensors shows the shapes; what the user says fills in open sizes."""
        outputs = super()._templates(inputs, kwargs, mask)
        said = self._said_shapes([tensor.shape for tensor in as_list(inputs)])
        if said is None:
            return outputs
        return [SymbolicTensor(_filled(output.shape, shape), output.dtype)
                for shape, output in zip(said, as_list(outputs))]

    def _said_shapes(self, input_shapes: Any) -> Any:
        """The user's `output_shape` as a list of shapes with batch axis, or None."""
        if self._output_shape is None:
            return None
        if callable(self._output_shape):
            shapes = self._output_shape(input_shapes if len(input_shapes) > 1 else input_shapes[0])
            return [tuple(shape) for shape in shapes] if isinstance(shapes[0], tuple | list) else [tuple(shapes)]
        return [(input_shapes[0][0], *self._output_shape)]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> Config:
        function, function_type = dump_function(self.function)
        output_shape, output_shape_type = (
            dump_function(self._output_shape) if callable(self._output_shape) else (self._output_shape, "raw"))
        return super().get_config() | {
            "function": function, "function_type": function_type,
            "output_shape": output_shape, "output_shape_type": output_shape_type,
            "arguments": self.arguments,
        }

    @classmethod
    def from_config(cls, description: Config, custom_objects: CustomObjects = None,
                    safe_mode: bool | None = None) -> Any:
        """The layer that `get_config` described; `safe_mode` as in `load_model`, None: as in the load under way.

        An `output_shape` that is code and may not be run is left out: the function itself shows the shape.
        """
        from .. import backend
        names = {"K": backend, "np": np}    # what a lambda from a file finds beside the custom objects, as in Keras
        description = dict(options_of(description, cls.__name__))
        who = cls.__name__
        with function_utils.safe_mode(safe_mode):
            description["function"] = load_function(
                entry(description, "function", object, who), description.pop("function_type", "function"),
                custom_objects, names, instead=description.get("name"))
            for place in ("module", "output_shape_module", "mask_module"):      # where tf.keras found functions
                description.pop(place, None)
            kind = description.pop("output_shape_type", "raw")
            if kind == "lambda" and not runs(entry(description, "output_shape", object, who)):
                del description["output_shape"]
            elif kind != "raw":
                description["output_shape"] = load_function(
                    entry(description, "output_shape", object, who), kind, custom_objects, names)
            kind = description.pop("mask_type", "raw") or "raw"
            if kind != "raw":
                description["mask"] = load_function(
                    entry(description, "mask", object, who), kind, custom_objects, names)
        layer = super().from_config(description)
        layer._from_description = True
        return layer


def _filled(shown: Any, said: Any) -> Any:
    """`shown` with the sizes of `said` where it is open."""
    if len(shown) != len(said):
        return shown
    return tuple(told if size is None else size for size, told in zip(shown, said))


def _has_signature(function: Any) -> bool:
    try:
        inspect.signature(function)
    except (TypeError, ValueError):
        return False
    return True
