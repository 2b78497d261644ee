"""A list of launches as a function that jitted code can call, `prange` included: on one thread, without the GIL.

Its temporaries lie on the stack, or, where they are many, in a block of those that kernels work in, which is there but
for the first time; where that is too small, in memory that is freed at the end of the call. The function holds what the
launches read and write; compiled code that calls it holds the function.
"""

import uuid
from collections import namedtuple

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic, typeof_impl

from ...errors import DtypeError, ModelError, ShapeError
from . import native
from .micro import workspace
from .micro.workspace import ALIGNED, BLOCK

STACK = 32 << 10    # bytes of temporaries, at most, on the stack: threads' stacks may be small

_byte, _long = ir.IntType(8), ir.IntType(64)

# The launches (bytes) and their number; the bytes of the slab; an array of the addresses of the buffers that stay.
# held: what must live as long.
Launches = namedtuple("Launches", "blocks count slab others held")
# What an argument must be: a C-contiguous array.
Spec = namedtuple("Spec", "name shape dtype")


class Function:
    """A model as a function, for Python and for jitted code, which calls `jitted`.

    inputs: a list of `Spec`. gradient: the same of the gradient, made when it is asked for.
    """

    def __init__(self, name, jitted, inputs, gradient=None):
        self.name, self.jitted, self.inputs, self._gradient = name, jitted, inputs, gradient

    def __call__(self, *arguments, **named):
        try:
            return self.jitted(*arguments, **named)
        except (TypingError, UnboundLocalError):    # the latter is Numba's way with a list
            raise DtypeError(self._complaint(arguments)) from None
        except ValueError as error:
            raise ShapeError(str(error)) from None

    def _complaint(self, arguments):
        wanted = ", ".join(f"{spec.name} {np.dtype(spec.dtype)}{spec.shape}" for spec in self.inputs)
        given = ", ".join(f"{argument.dtype}{argument.shape}" if hasattr(argument, "shape") else type(argument).__name__
                          for argument in arguments)
        return (f"{self.name}: expected C-contiguous arrays {wanted}, got {given}. Convert them: "
                "np.ascontiguousarray(x, dtype).")

    @property
    def gradient(self):
        """d(sum(out * seed))/dx as a function of (x, seed)."""
        if self._gradient is not None and not isinstance(self._gradient, Function):
            self._gradient = self._gradient()
        return self._gradient

    def __reduce__(self):
        """Numba pickles what code refers to, to know it in a cache: other code, each time."""
        return _of_another_process, (self.name, uuid.uuid4().hex)

    def __repr__(self):
        return f"<{self.name}>"


def _of_another_process(name, token):
    raise ModelError(f"{name} cannot be pickled: it is machine code of one process. Save the model, and make the "
                     "function anew: model.as_function().")


@typeof_impl.register(Function)
def _type_of_function(function, context):
    return types.Dispatcher(function.jitted)


def function_of(name, launches, inputs, outputs, groups):
    """A jitted `function(x, out=None)` that runs the launches on x and answers out.

    name: for messages. inputs, outputs: lists of `Spec`. groups: how many inputs make an argument; one of several is a
    tuple of arrays, and so is out where there are several.
    """
    arguments = ["x", "seed"][:len(groups)]
    given, checks = _unpacked(arguments, inputs, groups)
    out, out_checks = _unpacked(["given"], outputs, [len(outputs)])
    fresh = ", ".join(f"empty({spec.shape}, dtype_{number})" for number, spec in enumerate(outputs))
    return _jitted(f"""
def function({', '.join(arguments)}, out=None):
    if out is None:
        given = {fresh if len(outputs) == 1 else f'({fresh})'}
    else:
        given = out
    {'; '.join([*checks, *out_checks])}
    launch(({', '.join(given)},), ({', '.join(out)},))
    return given
""", "function", name, inputs, outputs, _launcher(name, launches, inputs, outputs))


def step_of(name, launches, inputs, loss, groups):
    """A jitted `step(x, y)`, or (x, y, weights), that runs the launches and answers the number `loss`, a `Spec`."""
    arguments = ["x", "y", "weights"][:len(groups)]
    given, checks = _unpacked(arguments, inputs, groups)
    return _jitted(f"""
def step({', '.join(arguments)}):
    {'; '.join(checks)}
    return launch(({', '.join(given)},), None)
""", "step", name, inputs, [loss], _launcher(name, launches, inputs, [loss]))


def _unpacked(arguments, specs, groups):
    """(the arrays of arguments, as source; lines that compare their shapes)."""
    arrays = [argument if size == 1 else f"{argument}[{place}]"
              for argument, size in zip(arguments, groups) for place in range(size)]
    return arrays, [f"check_{spec.name}({array}.shape)" for array, spec in zip(arrays, specs)]


def _jitted(source, entry, name, inputs, outputs, launch):
    namespace = {"__name__": __name__, "launch": launch, "empty": np.empty}
    namespace |= {f"dtype_{number}": spec.dtype for number, spec in enumerate(outputs)}
    namespace |= {f"check_{spec.name}": _checked(name, spec) for spec in (*inputs, *outputs)}
    exec(source, namespace)
    return numba.njit(error_model="numpy", nogil=True)(namespace[entry])


def _checked(name, spec):
    shape, message = spec.shape, f"{name}: {spec.name} must have shape {spec.shape}."

    @numba.njit(nogil=True)
    def check(given):
        if given != shape:
            raise ValueError(message)

    return check


def _launcher(name, launches, inputs, outputs):
    """`launch(x, out)` of two tuples of arrays. An `out` of None stands for one number, which is then answered."""
    scalar = outputs[0].shape == ()
    specs = [*inputs, *(() if scalar else outputs)]

    @intrinsic
    def launch(typing, x, out):
        given = [*x.types, *(() if scalar else out.types)]
        for number, (spec, kind) in enumerate(zip(specs, given)):
            _check_type(name, spec, kind, written=number >= len(inputs))
        result = numba.from_dtype(outputs[0].dtype) if scalar else types.void
        return result(x, out), lambda *arguments: _emit(launches, scalar, *arguments)

    return launch


def _check_type(name, spec, kind, written):
    wanted = numba.from_dtype(spec.dtype)
    if not isinstance(kind, types.Array) or (kind.dtype, kind.ndim) != (wanted, len(spec.shape)):
        raise TypingError(f"{name}: {spec.name} must be an array of {wanted} with {len(spec.shape)} axes, "
                          f"{spec.shape}, it is {kind}.")
    if kind.layout != "C":      # a copy would be allocated
        raise TypingError(f"{name}: {spec.name} must be C-contiguous: np.ascontiguousarray({spec.name}).")
    if written and not kind.mutable:
        raise TypingError(f"{name}: {spec.name} must be writable: {spec.name}.copy().")


def _emit(launches, scalar, context, builder, signature, arguments):
    context.active_code_library.numba_layers_launches = launches    # lives as long as the code
    addresses = [_data(context, builder, tuple_, kind) for tuple_, kind in zip(arguments, signature.args)
                 if isinstance(kind, types.BaseTuple)]
    addresses = sum(addresses, [])
    result = None
    if scalar:
        result = cgutils.alloca_once(builder, context.get_value_type(signature.return_type))
        addresses.append(builder.ptrtoint(result, _long))
    slab = _slab(builder, launches.slab)
    start = builder.and_(builder.add(builder.ptrtoint(slab, _long), _long(ALIGNED - 1)), _long(-ALIGNED))
    rows = 1 + len(addresses)
    table = cgutils.alloca_once(builder, _long, rows + len(launches.others))
    for row, address in enumerate([start, *addresses]):
        builder.store(address, builder.gep(table, [_long(row)]))
    others = _known(context, builder, launches.others.ctypes.data, "others")
    for row in range(len(launches.others)):
        builder.store(builder.load(builder.gep(others, [_long(row)])), builder.gep(table, [_long(rows + row)]))
    kind = ir.FunctionType(ir.VoidType(), [_long.as_pointer(), _long, _long.as_pointer(), _long, _long])
    run = builder.bitcast(_known(context, builder, native.entry(), "run"), kind.as_pointer())
    blocks = _known(context, builder, launches.blocks.ctypes.data, "blocks")
    builder.call(run, [blocks, _long(launches.count), table, _long(1), _long(1)])
    if STACK < launches.slab <= BLOCK:
        workspace.give(builder, slab)
    elif launches.slab > BLOCK:
        free = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [_byte.as_pointer()]), "free")
        builder.call(free, [slab])
    return builder.load(result) if scalar else context.get_dummy_value()


def _data(context, builder, tuple_, kind):
    """Addresses of the arrays in a tuple."""
    arrays = [context.make_array(array)(context, builder, builder.extract_value(tuple_, place))
              for place, array in enumerate(kind.types)]
    return [builder.ptrtoint(array.data, _long) for array in arrays]


def _slab(builder, size):
    if size <= STACK:
        return cgutils.alloca_once(builder, _byte, max(1, size) + ALIGNED)
    if size <= BLOCK:
        return workspace.take(builder)      # aligned, so that no more is needed
    malloc = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_byte.as_pointer(), [_long]), "malloc")
    return builder.call(malloc, [_long(size + ALIGNED)])


def _known(context, builder, address, name):
    """A pointer to words at an address of this process: code that holds it is not kept in a cache."""
    return builder.bitcast(context.add_dynamic_addr(builder, address, f"numba_layers_{name}"), _long.as_pointer())
