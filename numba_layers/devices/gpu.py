"""An NVIDIA GPU by its driver: memory, copies and launches, all in one order (a stream) that Python runs ahead of.

Only reading an array waits. CUDA kernels come as machine code; the driver compiles nothing.
"""

import math
import struct
import threading

import numpy as np

from ..errors import DeviceError, DtypeError
from . import _driver
from ._gpu_array import GpuArray, span, words_of
from ._graph import Graph
from ._pool import Pool, reserved
from ._prepared import Prepared, axes
from ._upload import Feed, Uploads
from .accelerator import MOST, Accelerator
from .array import TYPES

RESIDENT = 0.25     # of the free memory, which whole data sets take at most


class Foreign:
    """Keeps another library's array for as long as ours of the same memory live."""

    def __init__(self, device, array, octets, shift):
        self.device, self._array, self.octets, self.shift = device, array, octets, shift


class Gpu(Accelerator):
    """The first GPU that CUDA_VISIBLE_DEVICES leaves. Raises: DeviceError where none can be used, with the cure.

    Its stream waits for the legacy default stream and the other way round, so that arrays which PyTorch or CuPy
    made there can be taken at any time. Contexts belong to threads, and other libraries change them: whoever calls
    the driver calls `enter` first.
    """

    name = "cuda"
    array = GpuArray

    def __init__(self, driver=None):
        super().__init__()
        self.driver = driver = driver or _driver.opened()
        self.launched_last = None       # what `launch` was given
        self.makes_graphs = True        # until the driver refuses to make one
        self._launching, self._copying = threading.Lock(), threading.RLock()
        self._device = self.checked(driver.cuDeviceGet(0))
        self.title, self.capability = describe(driver, self._device)
        _driver.check_capability(self.title, self.capability)
        if self.capability >= (9, 0):
            self.capability += ("a",)   # machine code for this very architecture, with all that it can
        self._context = self.checked(driver.cuDevicePrimaryCtxRetain(self._device))
        self.enter()
        self.stream = self.new_stream()
        self._pool = Pool(self, self._allocated, self._freed)
        self._uploads, self._feed = Uploads(self), Feed(self)

    # ---- the driver ----------------------------------------------------------------------------------------

    def enter(self):
        """Make the GPU's context this thread's."""
        self.checked(self.driver.cuCtxSetCurrent(self._context))

    def checked(self, answer):
        """The value of one of the driver's answers. Raises: DeviceError."""
        status, *values = answer
        if status:
            raise self._failure(status)
        return values[0] if values else None

    def _failure(self, status):
        if status in _driver.FAULTS:
            last = self.launched_last
            last = f"The kernel launched last is {last.name} ({last.location}); an" if last else "An"
            return DeviceError(f"a kernel went wrong on the GPU, which this process cannot use any more "
                               f"({status.name}). {last} earlier one may be the cause: NUMBA_LAYERS_DEBUG=2 waits for "
                               "each. NUMBA_LAYERS_DEVICE=emulated finds the place in the code.")
        if status == _driver.NOT_INITIALIZED:
            return DeviceError("the GPU was opened before this process was forked, and cannot be used in it. Start "
                               "processes that use it with multiprocessing.get_context('spawn').")
        return DeviceError(f"the GPU's driver fails ({status.name}): {_driver.text(self.driver, status)}")

    def new_stream(self, beside=False):
        """A stream; `beside`: one that waits for no other by itself."""
        flags = self.driver.CUstream_flags
        return self.checked(self.driver.cuStreamCreate(
            int(flags.CU_STREAM_NON_BLOCKING if beside else flags.CU_STREAM_DEFAULT)))

    def event(self):
        """An event for order, without times."""
        return self.checked(self.driver.cuEventCreate(int(self.driver.CUevent_flags.CU_EVENT_DISABLE_TIMING)))

    def synchronize(self):
        """Wait for all that was asked of the GPU. Raises: DeviceError where a kernel went wrong."""
        self.enter()
        self.checked(self.driver.cuStreamSynchronize(self.stream))

    # ---- memory --------------------------------------------------------------------------------------------

    def empty(self, shape, dtype):
        """An uninitialised array."""
        shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
        dtype = np.dtype(dtype)
        self.check_size(shape)
        lease = self.lease(math.prod(shape) * dtype.itemsize)
        block = lease.block
        return GpuArray(np.ndarray(shape, dtype, block.slab.host, block.offset), lease, block.address)

    def lease(self, nbytes):
        """A block of the GPU's memory. Raises: DeviceError where there is not enough."""
        found = self._pool.lease(nbytes)
        if found is None:
            _, free, total = self.driver.cuMemGetInfo()
            asked, free, total, used = map(_size, (nbytes, free, total, self._pool.used))
            raise DeviceError(f"the GPU's memory is full: {asked} are asked for, {free} of {total} are free, {used} "
                              "are in use by this process's arrays. Use a smaller batch (batch_size), or end other "
                              "programs on the GPU (nvidia-smi names them).")
        return found

    def _allocated(self, nbytes):
        self.enter()
        status, address = self.driver.cuMemAlloc(nbytes)
        if status == _driver.OUT_OF_MEMORY:
            return None
        return int(self.checked((status, address)))

    def _freed(self, address):
        self.checked(self.driver.cuMemFree(address))

    def adopt(self, array):
        """Another library's array (CuPy's, PyTorch's, Numba's) as one of this device, in the same memory.

        Raises: DtypeError for a type that kernels do not take, DeviceError for an array of another GPU.
        """
        if isinstance(array, GpuArray):
            return array
        about = array.__cuda_array_interface__
        dtype, shape, (address, only_read) = np.dtype(about["typestr"]), about["shape"], about["data"]
        if dtype not in TYPES:
            raise DtypeError(f"kernels do not take arrays of {dtype}. Convert the {type(array).__name__} to one of: "
                             f"{', '.join(sorted(map(str, TYPES)))}.")
        strides = about.get("strides") or None
        start, size = span(shape, strides, dtype.itemsize)
        self.check_size(shape)
        octets = reserved(size)
        layout = np.ndarray(shape, dtype, octets, -start, strides)
        layout.flags.writeable = not only_read
        if layout.size:
            self._check_place(address)
            self._wait_for(about.get("stream"))
        return GpuArray(layout, Foreign(self, array, octets, address - layout.__array_interface__["data"][0]), address)

    def _check_place(self, address):
        """Raises: DeviceError for an address that is not of this GPU."""
        self.enter()
        place = self.driver.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
        ordinal = int(self.checked(self.driver.cuPointerGetAttribute(place, address)))
        if ordinal != int(self._device):
            raise DeviceError(f"the array lies on GPU {ordinal}, kernels run on GPU {int(self._device)}. Copy it "
                              "there, or choose its GPU for the whole process with CUDA_VISIBLE_DEVICES.")

    def _wait_for(self, stream):
        """Let kernels from now on wait for what another library asked of its stream."""
        if stream is not None and stream > 1:   # 1: the legacy default stream, for which ours waits anyway
            event = self.event()
            self.checked(self.driver.cuEventRecord(event, stream))
            self.checked(self.driver.cuStreamWaitEvent(self.stream, event, 0))
            self.checked(self.driver.cuEventDestroy(event))

    # ---- copies --------------------------------------------------------------------------------------------

    def download(self, address, array):
        """Copy memory to a contiguous host array, once all kernels before are done."""
        if array.size:
            self.enter()
            self.checked(self.driver.cuMemcpyDtoHAsync(array.ctypes.data, address, array.nbytes, self.stream))
            self.checked(self.driver.cuStreamSynchronize(self.stream))

    def upload(self, address, array):
        """Copy a contiguous host array to memory, in the order of kernels."""
        self.enter()
        with self._copying:
            self._uploads(address, array)

    def copy(self, address, source, nbytes):
        """Copy memory to memory, in the order of kernels."""
        if nbytes:
            self.enter()
            self.checked(self.driver.cuMemcpyDtoDAsync(address, source, nbytes, self.stream))

    def fill(self, address, pattern, count):
        """Write 1 or 4 bytes again and again, in the order of kernels."""
        self.enter()
        write = self.driver.cuMemsetD8Async if len(pattern) == 1 else self.driver.cuMemsetD32Async
        self.checked(write(address, int.from_bytes(pattern, "little"), count, self.stream))

    def feed(self, arrays):
        """The host arrays of the next batch, here: copied while kernels of the batch before run. None stays None."""
        here = iter(self._fed([array for array in arrays if isinstance(array, np.ndarray)]))
        return [next(here) if isinstance(array, np.ndarray) else None if array is None else self.local(array)
                for array in arrays]

    def _fed(self, arrays):
        for array in arrays:
            self.check_type(array)
        self.enter()
        with self._copying:
            return self._feed(arrays)

    def resident(self, arrays):
        """Host arrays, here for as long as they are used; None where they take too much of the memory that is free, or
        have more numbers than kernels count.
        """
        self.enter()
        _, free, _ = self.driver.cuMemGetInfo()
        free += self._pool.held - self._pool.used
        fit = sum(array.nbytes for array in arrays) <= RESIDENT * free and all(array.size <= MOST for array in arrays)
        return list(map(self.put, arrays)) if fit else None

    # ---- kernels -------------------------------------------------------------------------------------------

    def prepared(self, kernel, signature):
        """What `launch` takes, of a kernel for arguments of these Numba types."""
        self.enter()
        try:
            entry, code = kernel.cubin(signature, self.capability)
        except ValueError as error:   # Numba knows no such GPU
            raise DeviceError(f"{kernel.name} cannot be compiled for {self.title} ({error}). Where the GPU is newer "
                              "than the installed packages: pip install -U numba-cuda cuda-toolkit.") from error
        module = self.checked(self.driver.cuModuleLoadData(code))
        function = self.checked(self.driver.cuModuleGetFunction(module, entry))
        return Prepared(module, function, kernel, signature, self.capability)

    def launch(self, prepared, grid, block, arguments, shared=0):
        """Ask for a prepared kernel. Raises: DeviceError where it cannot be, or an earlier one went wrong."""
        words, (x, y, z), (i, j, k) = words_of(arguments), axes(grid), axes(block)
        if shared > prepared.shared:
            self.allow(prepared, shared)
        driver = self.driver
        with self._launching:   # other threads would write to the same slots
            try:
                prepared.fill(prepared.slots, words)
            except struct.error:
                raise self.misplaced(prepared, arguments) from None
            driver.cuCtxSetCurrent(self._context)
            (status,) = driver.cuLaunchKernel(prepared.function, x, y, z, i, j, k, shared, self.stream,
                                              prepared.slots.address, 0)
        if status:
            raise self._unlaunched(status, prepared, (x, y, z), (i, j, k), shared)
        self.launched_last = prepared

    def graph(self):
        """A new `Graph`. Raises: DeviceError."""
        return Graph(self)

    def allow(self, prepared, shared):
        """Tell the driver of a kernel's dynamic shared memory: beyond 48 KB it wants to know before."""
        self.enter()
        attribute = self.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        (status,) = self.driver.cuFuncSetAttribute(prepared.function, attribute, shared)
        if status:
            raise self._unlaunched(status, prepared, None, None, shared)
        prepared.shared = shared

    def _unlaunched(self, status, prepared, grid, block, shared):
        """Why the driver refuses a launch."""
        if status in _driver.FAULTS or status == _driver.NOT_INITIALIZED:
            return self._failure(status)
        shape = f" with grid {grid} and block {block}" if grid else ""
        return DeviceError(f"{prepared.name} ({prepared.location}) cannot be launched on {self.title}{shape} and "
                           f"{shared} bytes of shared memory ({status.name}): {_driver.text(self.driver, status)}")


def describe(driver, device):
    """(name, (major, minor) compute capability) of a GPU."""
    attribute = driver.CUdevice_attribute
    numbers = (attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
               attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
    _, name = driver.cuDeviceGetName(128, device)
    return (name.split(b"\0")[0].decode(errors="replace").strip(),
            tuple(driver.cuDeviceGetAttribute(number, device)[1] for number in numbers))


def _size(nbytes):
    """Bytes in words."""
    if nbytes < 1e6:
        return f"{nbytes} bytes"
    return f"{nbytes / 1e6:.2f} MB" if nbytes < 1e9 else f"{nbytes / 1e9:.2f} GB"
