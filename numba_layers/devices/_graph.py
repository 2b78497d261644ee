"""Launches that the driver is asked for by one call: a CUDA graph.

It is built node by node, not captured from a stream: no stream is in a state that an error or an interrupt could leave
it in, other threads may launch and allocate meanwhile, and a node can be told later where an array lies.
"""

from . import device
from ._gpu_array import words_of
from ._prepared import ADDRESS, axes
from .base import Device


class Node:
    """A launch of a graph. parameters: the driver's, which point to `slots`, the words of the arguments."""

    def __init__(self, prepared, slots, parameters, handle):
        self.prepared, self.slots, self.parameters, self.handle = prepared, slots, parameters, handle


class Graph(Device):
    """A device in the place of `gpu` whose launches become nodes, each after the one before. One thread runs it."""

    def __init__(self, gpu):
        self.name, self.target, self.capability, self.prepared = gpu.name, gpu.target, gpu.capability, gpu.prepared
        self._gpu, self._driver = gpu, gpu.driver
        self._last = self._graph = self._executable = None     # _last: the last node
        gpu.enter()
        self._graph = gpu.checked(gpu.driver.cuGraphCreate(0))

    def add(self, kernel, arguments):
        """The node of a launch; None where the kernel has nothing to write. Raises: DeviceError."""
        before = self._last
        with device(self):
            kernel(*arguments)
        return self._last if self._last is not before else None

    def launch(self, prepared, grid, block, arguments, shared=0):
        """What kernels ask of a device."""
        gpu = self._gpu
        slots = prepared.new_slots()
        prepared.fill(slots, words_of(arguments))
        if shared > prepared.shared:
            gpu.allow(prepared, shared)
        parameters = self._driver.CUDA_KERNEL_NODE_PARAMS()
        parameters.func, parameters.kernelParams, parameters.sharedMemBytes = prepared.function, slots.address, shared
        parameters.gridDimX, parameters.gridDimY, parameters.gridDimZ = axes(grid)
        parameters.blockDimX, parameters.blockDimY, parameters.blockDimZ = axes(block)
        before = [self._last.handle] if self._last else []
        gpu.enter()
        handle = gpu.checked(self._driver.cuGraphAddKernelNode(self._graph, before, len(before), parameters))
        self._last = Node(prepared, slots, parameters, handle)

    def finish(self):
        """Make it ready to run. Raises: DeviceError."""
        gpu, driver = self._gpu, self._driver
        gpu.enter()
        self._executable = gpu.checked(driver.cuGraphInstantiate(self._graph, 0))
        gpu.checked(driver.cuGraphUpload(self._executable, gpu.stream))

    def move(self, node, place, address):
        """From the next run on, argument number `place` of a node, an array, begins at `address`."""
        node.slots.words[node.prepared.starts[place] + ADDRESS] = address
        self._gpu.enter()
        self._gpu.checked(self._driver.cuGraphExecKernelNodeSetParams(self._executable, node.handle, node.parameters))

    def run(self, times=1):
        """Ask for all launches, so many times. Raises: DeviceError."""
        gpu = self._gpu
        gpu.enter()
        for _ in range(times):
            gpu.checked(self._driver.cuGraphLaunch(self._executable, gpu.stream))
            gpu.launched_last = self._last and self._last.prepared

    def __del__(self):      # may run anywhere: it takes no lock, and no context of the thread's; what runs ends first
        if self._executable is not None:
            self._driver.cuGraphExecDestroy(self._executable)
        if self._graph is not None:
            self._driver.cuGraphDestroy(self._graph)
