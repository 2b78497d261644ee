"""What makes a function an op: it runs kernels, records itself on tapes, and waits for symbolic tensors."""

from __future__ import annotations

import functools
import inspect
import math
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import config, devices, registry
from ..autograd.context import context
from ..autograd.graph import SymbolicTensor, any_symbolic, defer, settled
from ..autograd.tape import First, Node
from ..autograd.tensor import Tensor, Variable, as_array
from ..devices.array import TYPES
from ..errors import DtypeError, NumbaLayersError, TooLargeError
from ._inspect import after_launch, arrays_of, before_launch
from ._walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Concatenate, ParamSpec, TypeVar

    Arguments = ParamSpec("Arguments")
    Result = TypeVar("Result")
    Body = Callable[Concatenate[Any, Arguments], Any]

_View = namedtuple("_View", "tensor shape")
_Flat = namedtuple("_Flat", "tensor")
FLAT = "flat"


def viewed(tensor, *shape):
    """`tensor` as a kernel should see it: reshaped to `shape`, one entry of which may be -1."""
    return _View(tensor, shape)


def flat(tensor):
    """`tensor` as a kernel should see it that takes elements one by one: flat, in any order that suits the memory.

    All flat arguments of a kernel and its output, with `out_view=FLAT`, are of one shape and get the same order.
    """
    return _Flat(tensor)


def reshaped(run, tensor, shape):
    """`tensor` in another shape, as an op's output: the same memory, no kernel."""
    if run is _pretend:
        return SymbolicTensor(shape, tensor.dtype)
    return Tensor(contiguous(tensor.data).reshape(shape))


def permuted(run, tensor, axes):
    """`tensor` with its axes in another order, as an op's output: a view by strides, no kernel."""
    if run is _pretend:
        return SymbolicTensor([tensor.shape[axis] for axis in axes], tensor.dtype)
    return Tensor(tensor.data.transpose(axes))


def op(body: Body[Arguments]) -> Callable[Arguments, Tensor]:
    """Decorator for `body(run, *tensors, **options) -> (output, vjp, vjp, ...)`.

    The op's callers pass tensors (or arrays, numbers, None) by position and options by keyword. The body
    returns the output, or a tuple of outputs, then one vector-Jacobian product for each tensor: a function
    from the gradients of the outputs to that of the input, made of ops, or None where there is no gradient. Those of
    weights take `into`, an array to write to, and hand it on to an op that takes it, as that does to `run`. Before them
    may stand a `First`: what is done to the output's gradient for all of them.
    """
    @functools.wraps(body)
    def call(*tensors, **options):
        tensors = _converted(tensors)
        if any_symbolic(tensors):
            values = settled(tensors)
            if values is None:
                return defer(call, tensors, options, body(_pretend, *tensors, **options)[0])
            tensors = values
        outputs, *vjps = body(run, *tensors, **options)
        if context.tapes:
            first = vjps.pop(0).step if vjps and vjps[0].__class__ is First else None
            node = Node(call.__name__, tensors, (outputs,) if isinstance(outputs, Tensor) else outputs, vjps,
                        context.layer, first)
            for tape in context.tapes:
                tape.nodes.append(node)
        return outputs

    whole = inspect.signature(body)   # callers see it without `run`
    seen = whole.replace(parameters=list(whole.parameters.values())[1:], return_annotation="Tensor")
    call.__signature__ = seen   # type: ignore[attr-defined]
    return call


def op_of_parts(body: Body[Arguments]) -> Callable[Arguments, tuple[Tensor, ...]]:
    """`op` for bodies whose output is a tuple of tensors."""
    return op(body)     # type: ignore[return-value]


def composite(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorator for a function made of ops whose result depends on concrete sizes: one step when symbolic.

    Tensors, or lists of them, come by position; options by keyword.
    """
    @functools.wraps(function)
    def call(*tensors, **options):
        if any_symbolic(tensors):
            values = settled(tensors)
            if values is None:
                return defer(call, tensors, options, function(*tensors, **options))
            tensors = values
        return function(*tensors, **options)

    return call


def _converted(tensors):
    """Arrays and numbers among `tensors` become Tensors of the type of those that are Tensors already."""
    dtype = None
    plain = False
    for tensor in tensors:
        if isinstance(tensor, Tensor):
            if dtype is None and tensor.dtype.kind == "f":
                dtype = tensor.dtype
        else:
            plain = True
    if not plain:
        return tensors
    return tuple(tensor if tensor is None or isinstance(tensor, Tensor) else Tensor(_array(tensor, dtype))
                 for tensor in tensors)


def _array(value, dtype):
    """A plain operand: numbers and float arrays take the tensors' float type; arrays of integers stay."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "f":
        return as_array(value)
    return as_array(value, dtype)


def run(name, *arguments, out, dtype=None, out_view=None, into=None):
    """Launch kernel `name` on the current target and return what it writes: a Tensor or a tuple of Tensors.

    arguments: Tensors, `viewed` or `flat` tensors, arrays, int tuples, numbers (floats take the tensors' float type).
    out: shape of the output, or a list of shapes, or a Tensor of which the kernel writes a part.
    dtype: its type, or a list; the tensors' float type by default.
    out_view: shape in which the kernel sees the output (or a list), or FLAT.
    into: the array of that shape and type to write the output to, instead of new memory.
    """
    order = _memory_order(arguments) if out_view is FLAT else None
    if order:
        return _run_in_order(order, name, arguments, out, dtype)
    arguments, found = _prepared(arguments, dtype)
    dtype = dtype or found
    if isinstance(out, list):
        dtypes = dtype if isinstance(dtype, list) else [dtype] * len(out)
        outputs = [_allocate(shape, one) for shape, one in zip(out, dtypes)]
        views = out_view or [None] * len(out)
        arrays = [array if view is None else _shaped(array, view) for array, view in zip(outputs, views)]
        launch(name, *arguments, *arrays, outputs=len(arrays))
        return tuple(Tensor(array) for array in outputs)
    output = out.data if isinstance(out, Tensor) else _allocate(out, dtype) if into is None else into
    view = (-1,) if out_view is FLAT else out_view
    launch(name, *arguments, output if view is None else _shaped(output, view))
    return Tensor(output)


def _memory_order(arguments):
    """The order of axes in which the first flat argument lies in memory, where that is another than the shape's."""
    data = next(argument.tensor.data for argument in arguments if type(argument) is _Flat)
    if data.flags.c_contiguous:
        return None
    return devices.dense_order(data)


def _run_in_order(order, name, arguments, out, dtype):
    """`run` with flat tensors and output whose axes lie in memory in another order than the shape's."""
    arguments = [flat(Tensor(argument.tensor.data.transpose(order))) if type(argument) is _Flat else argument
                 for argument in arguments]
    output = run(name, *arguments, out=tuple(out[axis] for axis in order), dtype=dtype, out_view=(-1,))
    return Tensor(output.data.transpose(np.argsort(order)))


def launch(name, *arguments, outputs=1):
    """Start one kernel: every launch of the package passes here. The last `outputs` arguments are written."""
    device = devices.current()
    if device.target != "cpu":      # arrays that ops make for a kernel to read: plans, keys, rates
        arguments = [device.constant(argument) if isinstance(argument, np.ndarray) else argument
                     for argument in arguments]
    copies = before_launch(name, arguments) if config.check_numbers else None
    with told_of_types(name, arguments):
        (device.kernels.get(name) or registry.kernel(name, device.target))(*arguments)
    if config.debug_level >= 3 or config.check_numbers:
        after_launch(name, arguments, outputs, copies)


class told_of_types:  # noqa: N801  it reads as a word of the language
    """Inside a kernel is launched. Raises: DtypeError where it does not compile for the types of its arguments."""

    __slots__ = ("_arguments", "_name")

    def __init__(self, name, arguments):
        self._name, self._arguments = name, arguments

    def __enter__(self):
        pass

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception) and _is_of_types(error, self._arguments):
            types = ", ".join(str(array.dtype) for array in arrays_of(self._arguments))
            raise DtypeError(f"kernel {self._name} does not take arrays of these types: {types}. Convert them with "
                             f"K.cast(x, {config.floatx()!r}).") from error


def _is_of_types(error, arguments):
    """Did a kernel not compile for the types of its arguments? Numba tells in several ways, so do LLVM and ours."""
    if type(error).__name__ == "TypingError":       # the name spares loading Numba here
        return True
    plain = isinstance(error, TypeError | AttributeError | RuntimeError) and not isinstance(error, NumbaLayersError)
    return plain and any(array.dtype not in (np.float32, np.float64) for array in arrays_of(arguments))


def _pretend(name, *arguments, out, dtype=None, out_view=None, into=None):
    """`run` for symbolic tensors: launches nothing, answers with the shapes and types asked for."""
    if dtype is None:
        tensors = [getattr(argument, "tensor", argument) for argument in arguments]
        dtype = float_type([tensor.dtype for tensor in tensors if isinstance(tensor, Tensor)])
    if isinstance(out, list):
        dtypes = dtype if isinstance(dtype, list) else [dtype] * len(out)
        return tuple(SymbolicTensor(shape, one) for shape, one in zip(out, dtypes))
    return SymbolicTensor(out.shape if isinstance(out, Tensor) else out, dtype)


def _prepared(arguments, dtype):
    """Arguments as kernels take them, and the float type of the work: the tensors', else the output's."""
    prepared = []
    dtypes = []
    numbers = False
    for argument in arguments:
        if isinstance(argument, _View):
            array = _shaped(contiguous(local(argument.tensor)), argument.shape)
            dtypes.append(array.dtype)
        elif isinstance(argument, Tensor):
            array = contiguous(local(argument))
            dtypes.append(array.dtype)
        elif isinstance(argument, _Flat):
            array = _shaped(contiguous(local(argument.tensor)), (-1,))
            dtypes.append(array.dtype)
        else:
            array = argument
            numbers |= isinstance(argument, float)
        prepared.append(array)
    if not dtypes and dtype is not None and not isinstance(dtype, list):
        dtypes.append(np.dtype(dtype))
    found = float_type(dtypes)
    if numbers:
        as_float = np.dtype(found if found.kind == "f" else config.floatx()).type
        prepared = [as_float(entry) if isinstance(entry, float) else entry for entry in prepared]
    return prepared, found


def float_type(dtypes):
    """The one float type among `dtypes`; the first type where none is float."""
    if dtypes and dtypes.count(dtypes[0]) == len(dtypes):
        return dtypes[0]
    floats = {dtype for dtype in dtypes if dtype.kind == "f"}
    if len(floats) > 1:
        raise DtypeError("the tensors mix float32 and float64. Convert one with K.cast(x, 'float32') or "
                         "K.cast(x, 'float64').")
    return floats.pop() if floats else (dtypes[0] if dtypes else np.dtype(config.floatx()))


def _shaped(array, shape):
    """`array.reshape(shape)`, which costs as much as a small launch, only where it changes the shape."""
    if len(shape) == array.ndim:
        for have, want in zip(array.shape, shape):
            if want != have and want != -1:
                break
        else:
            return array
    if not array.size and -1 in shape:      # NumPy does not say what is left where there is nothing
        shape = tuple(open_size(array.shape, shape) if size == -1 else size for size in shape)
    return array.reshape(shape)


def open_size(old, new):
    """The size that stands for the -1 in the shape `new` of what had the shape `old`, or None where none does.

    Axes that both shapes begin or end with stay what they are, so that those without elements have an answer too.
    """
    place, old = new.index(-1), list(old)
    before, behind = list(new[:place]), list(new[place + 1:])
    while before and old and before[0] == old[0]:
        del before[0], old[0]
    while behind and old and behind[-1] == old[-1]:
        del behind[-1], old[-1]
    total, known = math.prod(old), math.prod(before + behind)
    return total // known if known and total % known == 0 else None


def local(tensor):
    """The tensor's array on the current device: a tensor follows the ops that use it."""
    data, device = tensor.data, devices.current()
    if data.__class__ is not device.array:
        data = tensor.data = device.local(data, shared=not isinstance(tensor, Variable))
    if device.recording and isinstance(tensor, Variable):
        device.seen(tensor)
    return data


def contiguous(array):
    """`array` as kernels want it: C-contiguous and writable, so that each kernel has one signature a type.

    NumPy copies what no op makes: arrays of the user's that may not be written, or of types without kernels.
    """
    flags = array.flags
    if flags.c_contiguous and flags.writeable:
        return array
    if isinstance(array, np.ndarray) and not (flags.writeable and array.dtype in TYPES):
        return array.copy("C")
    found = devices.empty(array.shape, array.dtype)
    _copy(array, found)
    return found


def copy_into(array, source):
    """Copy `source` over `array`, an array with any strides: of the same shape, or one to which it broadcasts.

    A tensor is copied by launches, cast where its type is another; anything else NumPy copies.
    """
    if type(source) not in (Tensor, Variable) or not isinstance(array, devices.current().array):
        devices.current().settle()
        array[...] = np.asarray(source) if isinstance(source, Tensor) else source
        return
    data = local(source)
    if data is array:
        return
    if data.dtype != array.dtype:
        in_place = data.shape == array.shape and array.flags.c_contiguous
        found = array if in_place else devices.empty(data.shape, array.dtype)
        launch("cast", contiguous(data).reshape(-1), found.reshape(-1))
        if in_place:
            return
        data = found
    _copy(data, array)


def fill_array(array, value):
    """Write a number to each element of `array`, which may have any strides, by a launch."""
    order = devices.dense_order(array) if isinstance(array, devices.current().array) else None
    if order is None:
        copy_into(array, Tensor(np.array(value, array.dtype)))
    else:
        launch("fill", array.dtype.type(value), array.transpose(order).reshape(-1))


def copied(tensor):
    """A tensor of new memory with the value of `tensor`."""
    array = devices.empty(tensor.shape, tensor.dtype)
    copy_into(array, tensor)
    return Tensor(array)


def _copy(source, array):
    """Launch the copy of one array of the current device to another of the same type; both have any strides."""
    if not array.size:
        return
    if source.shape == array.shape and source.flags.c_contiguous and array.flags.c_contiguous:
        shape, steps, places = (array.size,), (1,), (1,)
    else:
        shape, steps, places = array.shape, _steps(source, array.shape), _steps(array, array.shape)
    if steps is None or places is None:     # fields of records, which no kernel reads
        devices.current().settle()
        array[...] = source
        return
    sizes, steps, places = walk(shape, steps, places)
    x, x_start = _memory(source)
    y, y_start = _memory(array)
    launch("copy_block", x, sizes, x_start, steps, y_start, places, y)


def _steps(array, shape):
    """How many elements apart neighbours lie, for each axis of `array` broadcast to `shape`; None for no whole number.

    Raises: ValueError, NumPy's, where it does not broadcast.
    """
    layout = getattr(array, "layout", array)
    spare = max(layout.ndim - len(shape), 0)
    layout = layout.reshape(layout.shape[spare:]) if layout.shape[:spare] == (1,) * spare else layout
    layout = layout if layout.shape == shape else np.broadcast_to(layout, shape)
    strides, size = layout.strides, array.dtype.itemsize
    return None if any(stride % size for stride in strides) else tuple(stride // size for stride in strides)


def _memory(array):
    """The memory that `array` spans, as a flat array, and the place of the first element in it."""
    order = devices.dense_order(array)
    if order is not None:
        return array.transpose(order).reshape(-1), 0
    layout, size = getattr(array, "layout", array), array.dtype.itemsize
    backward = [stride < 0 for stride in layout.strides]
    lowest = layout[tuple(slice(-1, None) if back else slice(1) for back in backward)]
    reach = [(n - 1) * abs(stride) // size for n, stride in zip(layout.shape, layout.strides)]
    memory = np.lib.stride_tricks.as_strided(lowest, (sum(reach) + 1,), (size,))
    return (memory if layout is array else array._view(memory),
            sum(far for far, back in zip(reach, backward) if back))


def _allocate(shape, dtype):
    """New memory for an output."""
    try:
        return devices.current().empty(shape, dtype)
    except (MemoryError, OverflowError, ValueError) as error:
        raise TooLargeError(f"the result has {' x '.join(map(str, shape))} numbers: there is no memory for them. Take "
                            "smaller sizes, or fewer samples at a time (batch_size).") from error
