"""A driver of a GPU that is not there: the part of `cuda.bindings.driver` that the package uses, on NumPy memory.

What is asked of a stream waits in a queue. A stream runs when somebody waits for it, never before: work that should
have waited for an event, and did not, finds numbers that are not there yet, or that others wrote over. `eager`
streams run at once instead, as far as events let them. Kernels are PTX and run on the emulator.
"""

import ctypes
import functools
import itertools
import re
import threading
from collections import Counter
from enum import IntEnum

import numpy as np

from numba_layers.emulator import Emulator, KernelFault
from numba_layers.emulator.faults import PtxError
from numba_layers.emulator.program import program
from numba_layers.emulator.types import DTYPES

STATIC_LIMIT, SHARED_LIMIT = 48 << 10, 99 << 10


class CUresult(IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NOT_INITIALIZED = 3
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_INVALID_HANDLE = 400
    CUDA_ERROR_NOT_FOUND = 500
    CUDA_ERROR_ILLEGAL_ADDRESS = 700
    CUDA_ERROR_SYSTEM_DRIVER_MISMATCH = 803


class CUdevice_attribute(IntEnum):
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76


class CUstream_flags(IntEnum):
    CU_STREAM_DEFAULT = 0
    CU_STREAM_NON_BLOCKING = 1


class CUevent_flags(IntEnum):
    CU_EVENT_DISABLE_TIMING = 2


class CUfunction_attribute(IntEnum):
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8


class CUpointer_attribute(IntEnum):
    CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9


class CUDA_KERNEL_NODE_PARAMS:
    """What a node of a graph launches."""

    func = kernelParams = 0
    gridDimX = gridDimY = gridDimZ = blockDimX = blockDimY = blockDimZ = sharedMemBytes = 0


class Graph:
    """Nodes by their handles: (work, handles of those before)."""

    def __init__(self):
        self.nodes = {}


class Executable:
    """A graph that can run: works by the handles of its nodes, in an order that their dependencies allow.

    Of those the latest: what should have waited for another node, and does not, runs too early.
    """

    def __init__(self, nodes):
        self.works = {}
        left = {handle: set(before) for handle, (_, before) in nodes.items()}
        while left:
            handle = [handle for handle, before in left.items() if not before & left.keys()][-1]
            self.works[handle] = nodes[handle][0]
            del left[handle]


class Stream:
    """Work in order. An entry is a function to call, or (event, how often it was recorded) to wait for."""

    def __init__(self, eager):
        self.eager, self.queue = eager, []

    def ask(self, work):
        """Add work."""
        self.queue.append(work)
        if self.eager:
            self.run()

    def run(self, until=None):
        """Do all work, or until `until()`."""
        while self.queue and not (until and until()):
            work = self.queue.pop(0)
            if callable(work):
                work()
            else:
                event, count = work
                if event.passed < count:
                    event.stream.run(lambda event=event, count=count: event.passed >= count)


class Event:
    """How often it was asked for, and how often a stream passed it."""

    def __init__(self):
        self.asked = self.passed = 0
        self.stream = None

    def record(self, stream):
        """Ask a stream to pass the event."""
        self.asked, self.stream = self.asked + 1, stream
        count = self.asked

        def passed():
            self.passed = count
        stream.ask(passed)


class Refused(Exception):
    """A call fails with this status."""


def call(valued):
    """Decorator: a call of the driver, which answers (status,), or (status, value)."""
    def decorator(method):
        @functools.wraps(method)
        def made(self, *arguments):
            self.calls[method.__name__] += 1
            status, value = self._sticky, None
            if status is None and getattr(self._thread, "context", None) is None:
                status = CUresult.CUDA_ERROR_INVALID_CONTEXT
            if status is None:
                try:
                    value = method(self, *arguments)
                except Refused as refused:
                    status = refused.args[0]
            status = self._sticky or status or CUresult.CUDA_SUCCESS
            return (status, None if status else value) if valued else (status,)
        return made
    return decorator


does, gives = call(valued=False), call(valued=True)


class FakeDriver:
    """One GPU. `calls` counts calls by name; `eager`: kinds of streams (flags) that run at once."""

    CUresult, CUdevice_attribute, CUstream_flags = CUresult, CUdevice_attribute, CUstream_flags
    CUevent_flags, CUfunction_attribute = CUevent_flags, CUfunction_attribute
    CUpointer_attribute, CUDA_KERNEL_NODE_PARAMS = CUpointer_attribute, CUDA_KERNEL_NODE_PARAMS

    def __init__(self, capability=(8, 0), total=1 << 31, version=12040, init=CUresult.CUDA_SUCCESS, eager=()):
        self._capability, self._total, self._version, self._init, self._eager = capability, total, version, init, eager
        self._emulator = Emulator()
        self._thread = threading.local()
        self._memory, self._pinned, self._objects, self._handles = {}, {}, {}, itertools.count(0x1000)
        self._sticky = self.fault = None
        self.calls = Counter()

    # ---- the GPU -------------------------------------------------------------------------------------------

    def cuInit(self, flags):
        return (self._init,)

    def cuDriverGetVersion(self):
        return CUresult.CUDA_SUCCESS, self._version

    def cuGetErrorString(self, status):
        return CUresult.CUDA_SUCCESS, status.name.lower().encode()

    def cuDeviceGetCount(self):
        return CUresult.CUDA_SUCCESS, 1

    def cuDeviceGet(self, ordinal):
        return CUresult.CUDA_SUCCESS, ordinal

    def cuDeviceGetName(self, length, device):
        return CUresult.CUDA_SUCCESS, b"Fake GPU".ljust(length, b"\0")

    def cuDeviceTotalMem(self, device):
        return CUresult.CUDA_SUCCESS, self._total

    def cuDeviceGetAttribute(self, attribute, device):
        return CUresult.CUDA_SUCCESS, self._capability[attribute - 75]

    def cuDevicePrimaryCtxRetain(self, device):
        return CUresult.CUDA_SUCCESS, "context"

    def cuCtxSetCurrent(self, context):
        self._thread.context = context
        return (self._sticky or CUresult.CUDA_SUCCESS,)

    # ---- streams and events --------------------------------------------------------------------------------

    def _kept(self, thing):
        handle = next(self._handles)
        self._objects[handle] = thing
        return handle

    @gives
    def cuStreamCreate(self, flags):
        return self._kept(Stream(flags in self._eager))

    @does
    def cuStreamSynchronize(self, stream):
        self._objects[stream].run()

    @does
    def cuStreamWaitEvent(self, stream, event, flags):
        event = self._objects[event]
        self._objects[stream].ask((event, event.asked))

    @gives
    def cuEventCreate(self, flags):
        return self._kept(Event())

    @does
    def cuEventRecord(self, event, stream):
        self._objects[event].record(self._objects[stream])

    @does
    def cuEventSynchronize(self, event):
        event = self._objects[event]
        if event.stream:
            event.stream.run(lambda: event.passed == event.asked)

    @does
    def cuEventDestroy(self, event):
        pass

    # ---- memory --------------------------------------------------------------------------------------------

    @gives
    def cuMemAlloc(self, nbytes):
        if nbytes > self._total - sum(array.size for array in self._memory.values()):
            raise Refused(CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        array = np.full(nbytes, 0xFF, np.uint8)
        address = self._emulator.memory.add(array, "a slab")
        self._memory[address] = array
        return address

    @does
    def cuMemFree(self, address):
        for thing in list(self._objects.values()):
            if isinstance(thing, Stream):
                thing.run()
        self._emulator.memory.free(address)
        del self._memory[address]

    def cuMemGetInfo(self):
        return CUresult.CUDA_SUCCESS, self._total - sum(array.size for array in self._memory.values()), self._total

    @gives
    def cuMemHostAlloc(self, nbytes, flags):
        array = np.full(nbytes, 0xFF, np.uint8)
        self._pinned[array.ctypes.data] = array
        return array.ctypes.data

    @does
    def cuMemFreeHost(self, address):
        del self._pinned[address]

    @gives
    def cuPointerGetAttribute(self, attribute, address):
        return 0 if self._place(address, 0) is not None else 1

    def _place(self, address, nbytes):
        """The bytes at an address of the GPU; None where it has no such memory."""
        for start, array in self._memory.items():
            if start <= address and address + nbytes <= start + array.size:
                return array[address - start:address - start + nbytes]
        return None

    def _copy(self, to, source, stream):
        def work():
            to()[:] = source()
        self._objects[stream].ask(work)

    @does
    def cuMemcpyHtoDAsync(self, address, host, nbytes, stream):
        self._copy(lambda: self._place(address, nbytes), lambda: _host(host, nbytes), stream)

    @does
    def cuMemcpyDtoHAsync(self, host, address, nbytes, stream):
        self._copy(lambda: _host(host, nbytes), lambda: self._place(address, nbytes), stream)

    @does
    def cuMemcpyDtoDAsync(self, address, source, nbytes, stream):
        self._copy(lambda: self._place(address, nbytes), lambda: self._place(source, nbytes).copy(), stream)

    @does
    def cuMemsetD8Async(self, address, value, count, stream):
        self._copy(lambda: self._place(address, count), lambda: value, stream)

    @does
    def cuMemsetD32Async(self, address, value, count, stream):
        self._copy(lambda: self._place(address, 4 * count).view(np.uint32), lambda: value, stream)

    # ---- kernels -------------------------------------------------------------------------------------------

    @gives
    def cuModuleLoadData(self, code):
        return code.decode()

    @gives
    def cuModuleGetFunction(self, module, entry):
        try:
            found = program(module, entry.decode())
        except PtxError:
            raise Refused(CUresult.CUDA_ERROR_NOT_FOUND) from None
        return self._kept({"text": module, "program": found, "shared": 0})

    @does
    def cuFuncSetAttribute(self, function, attribute, value):
        if value > SHARED_LIMIT:
            raise Refused(CUresult.CUDA_ERROR_INVALID_VALUE)
        self._objects[function]["shared"] = value

    @does
    def cuLaunchKernel(self, function, x, y, z, i, j, k, shared, stream, parameters, extra):
        self._objects[stream].ask(self._launch(function, (x, y, z), (i, j, k), shared, parameters))

    def _launch(self, function, grid, block, shared, parameters):
        """A launch as work: what the arguments are now, they are when it runs."""
        function, (_, y, z), (i, j, k) = self._objects[function], grid, block
        if shared > max(STATIC_LIMIT, function["shared"]) or max(y, z) > 65535 or i * j * k > 1024:
            raise Refused(CUresult.CUDA_ERROR_INVALID_VALUE)
        declared = function["program"].parameters
        pointers = (ctypes.c_uint64 * len(declared)).from_address(parameters)
        words = [np.frombuffer(ctypes.string_at(pointer, parameter.size), DTYPES[parameter.type])[0]
                 for pointer, parameter in zip(pointers, declared)]

        def work():
            if self._sticky is not None:
                return
            try:
                self._emulator.launch(function["text"], grid, block, words, shared)
            except KernelFault as fault:
                self._sticky, self.fault = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, fault
        return work

    # ---- graphs --------------------------------------------------------------------------------------------

    @property
    def graphs(self):
        """How many graphs there are, those that can run counted by themselves."""
        return sum(isinstance(thing, Graph | Executable) for thing in list(self._objects.values()))

    @gives
    def cuGraphCreate(self, flags):
        return self._kept(Graph())

    @gives
    def cuGraphAddKernelNode(self, graph, before, count, parameters):
        nodes = self._objects[graph].nodes
        if not count == len(before) == len(set(before)) or not set(before) <= nodes.keys():
            raise Refused(CUresult.CUDA_ERROR_INVALID_VALUE)
        handle = next(self._handles)
        nodes[handle] = self._node(parameters), tuple(before)
        return handle

    def _node(self, asked):
        return self._launch(asked.func, (asked.gridDimX, asked.gridDimY, asked.gridDimZ),
                            (asked.blockDimX, asked.blockDimY, asked.blockDimZ), asked.sharedMemBytes,
                            asked.kernelParams)

    @gives
    def cuGraphInstantiate(self, graph, flags):
        return self._kept(Executable(self._objects[graph].nodes))

    @does
    def cuGraphUpload(self, executable, stream):
        self._runnable(executable)

    @does
    def cuGraphExecKernelNodeSetParams(self, executable, node, parameters):
        works = self._runnable(executable).works
        if node not in works:
            raise Refused(CUresult.CUDA_ERROR_INVALID_VALUE)
        works[node] = self._node(parameters)

    @does
    def cuGraphLaunch(self, executable, stream):
        works = list(self._runnable(executable).works.values())     # what is changed later is for later launches
        self._objects[stream].ask(lambda: [work() for work in works])

    def _runnable(self, executable):
        found = self._objects.get(executable)
        if not isinstance(found, Executable):
            raise Refused(CUresult.CUDA_ERROR_INVALID_VALUE)
        return found

    def cuGraphExecDestroy(self, executable):
        return self._destroyed(executable, Executable)

    def cuGraphDestroy(self, graph):
        return self._destroyed(graph, Graph)

    def _destroyed(self, handle, kind):
        """In any thread, whatever its context: finalizers run anywhere. What was launched still runs to its end."""
        if not isinstance(self._objects.get(handle), kind):
            return (CUresult.CUDA_ERROR_INVALID_VALUE,)
        del self._objects[handle]
        return (CUresult.CUDA_SUCCESS,)


def _host(address, nbytes):
    """Bytes of the host's memory."""
    return np.frombuffer((ctypes.c_uint8 * nbytes).from_address(address), np.uint8)


def code(kernel, signature, capability):
    """(entry, code) for `cuModuleLoadData` here: the kernel's PTX in the place of machine code."""
    text = kernel.ptx(signature, capability[:2])
    return re.search(r"\.entry\s+([\w$]+)", text)[1].encode(), text.encode()
