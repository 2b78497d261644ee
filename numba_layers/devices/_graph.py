"""Launches that the driver is asked for by one call: a CUDA graph.

It is built node by node, not captured from a stream: no stream is in a state that an error or an interrupt could leave
it in, other threads may launch and allocate meanwhile, and a node can be told later where an array lies. A node waits
for those that write what it uses, or use what it writes: launches that have nothing to do with each other run at once.
"""

from . import device
from ._gpu_array import GpuArray, words_of
from ._prepared import ADDRESS, axes
from .base import Device


class Node:
    """A launch of a graph.

    parameters: the driver's, which point to `slots`, the words of the arguments. uses: (start, end, whether it may be
    written) of each array, addresses. behind: a bit for each node that runs before it, by their numbers.
    """

    def __init__(self, prepared, arguments):
        self.prepared, self.slots = prepared, prepared.new_slots()
        prepared.fill(self.slots, words_of(arguments))
        self.uses = [(array.address, array.address + array.nbytes, number in prepared.written)
                     for number, array in enumerate(arguments) if type(array) is GpuArray]
        self.parameters = self.handle = None
        self.behind = 0

    def clashes(self, other):
        """Whether one of two nodes writes what the other uses."""
        return any((written or also) and start < stop and begin < end
                   for start, end, written in self.uses for begin, stop, also in other.uses)


class Graph(Device):
    """A device in the place of `gpu` whose launches become nodes. One thread runs it."""

    def __init__(self, gpu):
        self.name, self.target, self.capability, self.prepared = gpu.name, gpu.target, gpu.capability, gpu.prepared
        self._gpu, self._driver = gpu, gpu.driver
        self._nodes, self._graph, self._executable = [], None, None
        gpu.enter()
        self._graph = gpu.checked(gpu.driver.cuGraphCreate(0))

    def add(self, kernel, arguments):
        """The node of a launch; None where the kernel has nothing to write. Raises: DeviceError."""
        count = len(self._nodes)
        with device(self):
            kernel(*arguments)
        return self._nodes[-1] if len(self._nodes) > count else None

    def launch(self, prepared, grid, block, arguments, shared=0):
        """What kernels ask of a device."""
        gpu, node = self._gpu, Node(prepared, arguments)
        if shared > prepared.shared:
            gpu.allow(prepared, shared)
        node.parameters = parameters = self._driver.CUDA_KERNEL_NODE_PARAMS()
        parameters.func, parameters.kernelParams = prepared.function, node.slots.address
        parameters.sharedMemBytes = shared
        parameters.gridDimX, parameters.gridDimY, parameters.gridDimZ = axes(grid)
        parameters.blockDimX, parameters.blockDimY, parameters.blockDimZ = axes(block)
        before = self._before(node)
        gpu.enter()
        node.handle = gpu.checked(self._driver.cuGraphAddKernelNode(self._graph, before, len(before), parameters))
        self._nodes.append(node)

    def _before(self, node):
        """The handles of the nodes for which a new one waits, without those for which others of them wait."""
        found = []
        for number, earlier in reversed(list(enumerate(self._nodes))):
            if not node.behind >> number & 1 and node.clashes(earlier):
                found.append(earlier.handle)
                node.behind |= earlier.behind | 1 << number
        return found

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
            if self._nodes:
                gpu.launched_last = self._nodes[-1].prepared

    def __del__(self):      # may run anywhere: it takes no lock, and no context of the thread's; what runs ends first
        if self._executable is not None:
            self._driver.cuGraphExecDestroy(self._executable)
        if self._graph is not None:
            self._driver.cuGraphDestroy(self._graph)
