"""Kernels of the CPU between walls: arrays and buffers end, or begin, at pages that nobody may touch.

A number read or written beyond one kills the process. Buffers and outputs are full of NaN before they are used; numbers
are small integers, whose sums are exact in any order.

    python -m tests.kernels.walls SEED COUNT [aarch64]

runs each buffer at its edge and one beyond it, then COUNT random geometries, with kernels for the features that Numba
is asked for (NUMBA_CPU_NAME, NUMBA_CPU_FEATURES), or with the tiles of another machine.
"""

import ctypes
import mmap
import platform
import sys
from functools import partial

import numpy as np

if __name__ == "__main__" and len(sys.argv) > 3:
    platform.machine = lambda: sys.argv[3]      # the shape of its tiles; the instructions are still ours

import numba
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from numba_layers import devices, registry
from numba_layers.autograd import Tape, Tensor
from numba_layers.kernels.cpu import conv, conv_wgrad, matmul, select, winograd, winograd_wgrad
from numba_layers.kernels.cpu import conv_small_c_out as small
from numba_layers.kernels.cpu.micro import gemm, vector
from numba_layers.kernels.geometry import ConvProblem, backward_plan, forward_plan
from numba_layers.ops._window import axes
from tests.kernels.test_conv import padded
from tests.ops.test_recurrent import CELLS, Case
from tests.reference import conv as reference
from tests.reference import recurrent as reference_recurrent

PAGE = mmap.PAGESIZE
POISON = 0xFF           # bytes of a NaN
_protect = ctypes.CDLL(None).mprotect
_int64, _pointer = ir.IntType(64), ir.IntType(8).as_pointer()


# ---- memory ------------------------------------------------------------------------------------------------


def walled(size, at_end=True):
    """(what keeps it alive, address) of `size` bytes that end at a wall, or begin behind one."""
    space = max(1, -(-size // PAGE)) * PAGE
    memory = (ctypes.c_char * (space + 2 * PAGE)).from_buffer(mmap.mmap(-1, space + 2 * PAGE))
    first = ctypes.addressof(memory)
    for wall in (first, first + PAGE + space):
        assert _protect(ctypes.c_void_p(wall), PAGE, 0) == 0
    return memory, first + PAGE + (space - size if at_end else 0)


def array(shape, dtype, at_end):
    """An array between walls, full of NaN."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory, address = walled(size, at_end)
    ctypes.memset(address, POISON, size)
    found = np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)
    KEPT.append(memory)
    return found


KEPT = []                       # memory of the arrays of a launch
_buffers, _used = {}, []        # size -> free buffers; those of the task that runs


@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int64)
def _take(size):
    free = _buffers.setdefault(size, [])
    found = free.pop() if free else walled(size)
    _used.append((size, found))
    ctypes.memset(found[1], POISON, size)
    return found[1]


@ctypes.CFUNCTYPE(None)
def _give():
    for size, found in _used:
        _buffers[size].append(found)
    _used.clear()


def _call(builder, name, result, *arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


@intrinsic(prefer_literal=True)
def scratch(typing, x, one, two=0, three=0, four=0, five=0):
    """What `workspace.scratch` gives, each buffer between walls."""
    sizes = [size or types.Omitted(0) for size in (one, two, three, four, five)]
    given = [size.literal_value for size in sizes if not isinstance(size, types.Omitted)]

    def codegen(context, builder, signature, arguments):
        kind = context.get_value_type(x.dtype).as_pointer()
        buffers = [builder.bitcast(_call(builder, "walls_take", _pointer, _int64(size)), kind) for size in given]
        return context.make_tuple(builder, signature.return_type, buffers)

    return types.UniTuple(types.CPointer(x.dtype), len(given))(x, *sizes), codegen


@intrinsic
def release(typing, buffer):
    """The end of a task."""
    def codegen(context, builder, signature, arguments):
        _call(builder, "walls_give", ir.VoidType())
        return context.get_dummy_value()

    return types.void(buffer), codegen


def build_walls():
    """From now on, kernels that are compiled take their buffers here."""
    for name, function in {"walls_take": _take, "walls_give": _give}.items():
        binding.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
    for module in (conv, small, conv_wgrad, matmul, winograd, winograd_wgrad):
        module.scratch, module.release = scratch, release


# ---- kernels -----------------------------------------------------------------------------------------------


class Trial:
    """Kernels on integers of one type; `random` also chooses at which wall an array lies."""

    def __init__(self, random, dtype):
        self.random, self.dtype = random, dtype

    def integers(self, *shape):
        return self.random.randint(-3, 4, shape).astype(self.dtype)

    def at_wall(self, values):
        found = array(values.shape, values.dtype, self.random.rand() < 0.7)
        found[...] = values
        return found

    def run(self, name, *arguments, out):
        """What a kernel writes into an output of shape `out`."""
        arguments = [self.at_wall(argument) if isinstance(argument, np.ndarray) else argument for argument in arguments]
        y = array(out, self.dtype, self.random.rand() < 0.7)
        registry.kernel(name, "cpu").serial(*arguments, y)
        found = y.copy()
        KEPT.clear()
        return found

    def multiply(self, m, k, n):
        a, b, bias = self.integers(m, k), self.integers(k, n), self.integers(n)
        same(self.run("matmul_nn", a, b, out=(m, n)), a @ b, "matmul_nn", m, k, n)
        same(self.run("matmul_nt", a, b.T.copy(), out=(m, n)), a @ b, "matmul_nt", m, k, n)
        same(self.run("matmul_tn", a.T.copy(), b, out=(m, n)), a @ b, "matmul_tn", m, k, n)
        same(self.run("dense_forward", a, b, bias, True, out=(m, n)), np.maximum(a @ b + bias, 0), "dense", m, k, n)

    def ways(self, form, window, x, y):
        """The kernels that hold a problem."""
        fits = small.fits(ConvProblem(form, window, x.shape, y.shape))
        return ["convolve", "convolve_small_c_out"] if fits else ["convolve"]

    def convolve(self, shape, window, filters, **geometry):
        """Forwards, backwards to the image and to the weight."""
        x, weight, bias = self.integers(*shape), self.integers(*window, shape[-1], filters), self.integers(filters)
        found, what = axes("walls", shape[1:-1], window, **geometry), ("conv", shape, window, filters, geometry)
        y = self.integers(shape[0], *(axis.out for axis in found), filters)
        taps, forward = weight.reshape((1,) * (5 - weight.ndim) + weight.shape), forward_plan(found)
        images, grads = x.reshape(padded(x.shape)), y.reshape(padded(y.shape))
        for name in self.ways("fprop", found, x, y):
            same(self.run(name, images, taps, bias, forward, False, False, out=grads.shape).reshape(y.shape),
                 reference.conv(x, weight, bias, **geometry), name, *what)
        zeros = np.zeros(shape[-1], self.dtype)
        desired = reference.conv_backward_input(y, weight, shape[1:-1], **geometry)
        for name in self.ways("dgrad", found, x, y):
            grad_x = self.run(name, grads, taps, zeros, backward_plan(found), True, False, out=images.shape)
            same(grad_x.reshape(x.shape), desired, name, *what)
        grad = self.run("convolve_backward_weight", images, grads, forward, out=(2, *taps.shape)).sum(0)
        same(grad.reshape(weight.shape), reference.conv_backward_weight(x, y, window, **geometry), "weight", *what)

    def winograd(self, shape, filters, m, padding, transposed=False):
        """The larger blocks divide by 24 twice, in which integers of float32 are no longer exact."""
        x, weight, bias = self.integers(*shape), self.integers(3, 3, shape[-1], filters), self.integers(filters)
        found, what = axes("walls", shape[1:3], (3, 3), padding=padding), ("winograd", shape, filters, m, padding)
        taken = np.ascontiguousarray(weight[::-1, ::-1].swapaxes(2, 3)) if transposed else weight
        u = self.run("winograd_weight", taken, transposed,
                     out=((m + 2) ** 2, shape[-1] * -(-filters // winograd.VECTOR) * winograd.VECTOR + winograd.VECTOR))
        out = shape[0], *(axis.out for axis in found), filters
        before = tuple(axis.before for axis in found)
        near(self.run("winograd_convolve", x, u, bias, before, False, out=out),
             reference.conv(x, weight, bias, padding=padding), *what)

    def winograd_wgrad(self, shape, filters, parts):
        x, grad = self.integers(*shape), self.integers(*shape[:3], filters)
        points = self.run("winograd_backward_points", x, grad, (1, 1), out=(parts, 36, shape[-1], filters)).sum(0)
        near(self.run("winograd_backward_weight", points, out=(3, 3, shape[-1], filters)),
             reference.conv_backward_weight(x, grad, (3, 3), padding="same"), "winograd gradient", shape, filters)

    def recurrent(self, cell, batch, time, units):
        """Forwards and backwards by ops, of which every array is between walls; on one thread, as buffers are one's."""
        case, device = Case(cell, batch, time, units, self.random, self.dtype, "ragged"), devices.current()
        desired = case.call(*case.tensors, module=reference_recurrent)
        tensors, case.mask = [Tensor(self.at_wall(tensor)) for tensor in case.tensors], self.at_wall(case.mask)
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        usual, device.empty = device.empty, lambda shape, dtype: array(shape, dtype, self.random.rand() < 0.7)
        try:
            with Tape() as tape:
                outputs = case.call(*tensors)
            for one, other in zip(outputs, desired):
                near(one.numpy(), other, cell, batch, time, units)
            for grad in tape.gradient(outputs[0], tensors):
                assert np.isfinite(grad.numpy()).all(), ("gradient", cell, batch, time, units)
        finally:
            device.empty = usual
            numba.set_num_threads(threads)
        KEPT.clear()


def same(found, desired, *what):
    wrong = found != desired
    assert not wrong.any(), f"{wrong.sum()} of {wrong.size} numbers are wrong ({found.dtype}): {what}"


def near(found, desired, *what):
    error = np.abs(found - desired).max(initial=0) / max(1, np.abs(desired).max(initial=0))
    assert error < (1e-4 if found.dtype == np.float32 else 1e-12), f"an error of {error} ({found.dtype}): {what}"


# ---- edges -------------------------------------------------------------------------------------------------


def edges(trial):
    """Each buffer full, and what takes one number more than it holds."""
    lanes = vector.VECTOR_BYTES // np.dtype(trial.dtype).itemsize
    panel = gemm.NR_VECTORS * lanes
    for more in (0, 1):
        trial.multiply(vector.MR + more, 0, vector.MR + more)
        trial.multiply(vector.MR + more, matmul.KC + more, matmul.NC_VECTORS * lanes + more)     # B_PANELS, A_PANEL
        for taps in (3, 40):                                                                            # PANEL
            trial.convolve((1, taps + 6, conv.PANEL // conv.ROW // taps + more), (taps,), panel + 1)
        numbers = conv.WINDOWS // vector.VECTOR_BYTES * lanes // (vector.MR // gemm.GROUP)              # WINDOWS
        taps = 5
        trial.convolve((1, 8, numbers // (9 * gemm.GROUP + taps - 9) + more), (taps,), 1, strides=9, padding="full")
        channels = conv.CHANNELS + more
        for taps in (conv.PANEL // (conv.ROW * channels), numbers // (gemm.GROUP * channels)):
            for dilation in (1, 2):
                trial.convolve((1, 7, channels), (taps + more,), 2, padding="same", dilation=dilation)
        for window, channels in (((1, 1), conv_wgrad.COLUMNS + more), ((1, 3), conv_wgrad.FEW + 8 * more)):
            for columns in (conv_wgrad.PIXELS + more, conv_wgrad.PIXELS // 2 + more):                 # PATCHES
                trial.convolve((1, 2, columns, channels), window, panel - more, padding="same")         # BESIDE
        trial.winograd((1, 8, 4 * winograd.BLOCKS // 2 + more, winograd.CHANNELS + more), panel + more, 4, "same")
        trial.winograd_wgrad((1, 8, 4 * winograd_wgrad.BLOCKS // 2 + more, 8), 2 * lanes, 1)
        for cell in CELLS:
            trial.recurrent(cell, vector.MR + more, 2, lanes + more)
            trial.recurrent(cell, 2 * vector.MR - 1 + more, 1 + more, panel + more)
    small_c_out_edges(trial)
    winograd_edges(trial)


def largest(fits):
    """The last number of those that fit."""
    return next(size for size in range(1, 1 << 20) if not fits(size)) - 1


def small_c_out_edges(trial):
    """As much as the buffers of `convolve_small_c_out` hold; one more, and it is not chosen."""
    def holds(filters, window, columns):
        window = axes("walls", (2, columns), window, padding="same")
        return small.fits(ConvProblem("dgrad", window, (1, 2, columns, 3), (1, 2, columns, filters)))

    for window in ((3, 2), (1, 60)):                                                        # IMAGE, WEIGHTS
        for columns in (small.NARROW, 2 * small.TIMES * small.NARROW + 1):
            filters = largest(partial(holds, window=window, columns=columns))
            trial.convolve((1, 2, columns, 3), window, filters, padding="same")


def winograd_edges(trial):
    """As many channels as the buffers hold: with those of float64 and one more, it is not chosen."""
    itemsize = np.dtype(trial.dtype).itemsize
    for at_once in (vector.MR, 1):      # of `winograd_convolve` and of its wgrad
        channels = largest(partial(winograd.holds, at_once=at_once, itemsize=itemsize))
        assert channels >= select.TUNING.channels[1]
        if at_once > 1:
            trial.winograd((1, 9, 11, channels), 16, 4, "same")
        else:
            trial.winograd_wgrad((1, 9, 11, channels), 16, 2)


def anything(trial):
    """A random geometry for each kernel."""
    random, pick = trial.random, trial.random.randint
    numba.set_num_threads(pick(1, numba.config.NUMBA_NUM_THREADS + 1))      # which cuts the work in other places
    trial.multiply(*(int(random.choice([pick(1, 30), pick(1, 700)])) for _ in range(3)))
    rank = pick(1, 4)
    window = tuple(pick(1, 6 if rank < 3 else 4) for _ in range(rank))
    geometry = {"strides": tuple(pick(1, 4) for _ in range(rank)), "dilation": tuple(pick(1, 4) for _ in range(rank)),
                "padding": ("valid", "same", "full")[pick(3)]}
    sizes = tuple(step * (taps - 1) + 1 + pick(8) for taps, step in zip(window, geometry["dilation"]))
    channels, filters = (int(random.choice([pick(1, 9), pick(1, 60), pick(500, 700)], p=[.6, .3, .1])) for _ in "xy")
    trial.convolve((pick(1, 4), *sizes, channels), window, filters, **geometry)
    taps = pick(1, 90)
    trial.convolve((1, taps + pick(1, 300), pick(1, 400)), (taps,), pick(1, 30), padding=("valid", "same")[pick(2)])
    m = 4 - 2 * pick(2)
    trial.winograd((pick(1, 4), *pick(3, 20, 2), pick(1, 80)), pick(1, 60), m, ("same", "valid", "full")[pick(3)],
                   bool(pick(2)))
    trial.winograd_wgrad((pick(1, 4), *pick(1, 20, 2), 8 * pick(1, 8)), 16 * pick(1, 5), pick(1, 4))
    trial.recurrent(random.choice([*CELLS]), pick(1, 20), pick(0, 4), int(random.choice([pick(1, 70), pick(1, 300)])))


def main(seed, count):
    build_walls()
    with np.errstate(invalid="ignore"):
        for dtype in ("float32", "float64"):
            trial = Trial(np.random.RandomState(seed), dtype)
            edges(trial)
            for _ in range(count):
                anything(trial)
    print(f"walls: vectors of {vector.VECTOR_BYTES} bytes, {vector.MR} rows")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
