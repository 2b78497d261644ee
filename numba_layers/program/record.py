"""Recording: a device on which ops run as ever, and which writes down every launch.

An array that a launch takes is a view of a *buffer*. A buffer is one of
- an input, bound anew each time: the arrays of a batch;
- a temporary, which the device allocated meanwhile;
- a variable: memory that outlives the step, such as weights, slots of an optimizer, counters;
- a constant: any other array: made of shapes and settings, and the same each time.
What is not a launch is not written down. Values that Python computed from others look like constants, and differ from
one step to the next: so two steps are recorded, and a program is made where they are the same.
"""

import hashlib
import weakref
from collections import namedtuple

import numpy as np

from .. import devices, registry
from ..autograd.context import context
from ..devices.array import DeviceArray, address, allocation, octets, whole
from ..devices.base import Device
from .waiting import Queue

INPUT, TEMPORARY, VARIABLE, CONSTANT = "input", "temporary", "variable", "constant"
NAN = 0xFF          # bytes that are no number in any float type

# One launch. arguments: `View`s, numbers, tuples of ints. layer: the name of the one that asked for it, or None.
Launch = namedtuple("Launch", "kernel arguments layer")
# A part of buffer number `buffer`, from `offset` bytes on.
View = namedtuple("View", "buffer offset shape strides dtype")
# array: one in it, for variables and constants. digest: of a constant's content.
Buffer = namedtuple("Buffer", "kind bytes array digest")
# The number of a buffer, a reference to the allocation that it lies in, and the address at which it begins.
_Known = namedtuple("_Known", "number memory start")


class Recorder(Device):
    """A device in the place of `device` while `inputs`, each in memory of its own, are computed with.

    variables: arrays that are known to outlive the step. keeps: variables and constants are copied to `originals` when
    they are first seen. `refusal` says why what ran cannot be replayed, if so.
    """

    recording = True

    def __init__(self, device, inputs, variables=(), keeps=False):
        self.device = device
        self.name, self.target, self.array = device.name, device.target, device.array
        self.kernels = self
        self.launches, self.buffers, self.refusal = [], [], None
        self.tensors, self.layers = {}, {}      # variables and layers that were used, by identity
        self.checks = []        # (view of an input, function that raises an error where it is wrong)
        self.originals = []     # (array, copy of its memory as it was before the step)
        self._keeps = keeps
        self.queue = Queue() if device.name == "cpu" else None
        self._numbers = {}      # id of a buffer's allocation -> _Known
        self._variables = {id(allocation(array)) for array in variables}
        self.specs = [(array.shape, array.dtype) for array in inputs]
        for array in inputs:        # each in an allocation of its own
            self._number_of(array, INPUT)

    def __getattr__(self, name):        # whatever else the device can do
        return getattr(self.device, name)

    def empty(self, shape, dtype):
        """Memory for an output, known as a temporary by its allocation."""
        array = self.device.empty(shape, dtype)
        self._number_of(array, TEMPORARY)
        return array

    def seen(self, tensor):
        """An op reads a variable: its memory outlives the step, and where it is anew, the program is."""
        self._variables.add(id(allocation(tensor.data)))
        self.tensors[id(tensor)] = tensor, tensor.data

    def runs(self, layer):
        """A layer computes: where it is changed, the program is of no use."""
        self.layers[id(layer)] = layer
        if self.queue is not None:
            self.queue.runs(layer)

    def get(self, name):
        """The kernel `name`, as `launch` asks for it: it notes itself and runs."""
        kernel = self.device.kernels.get(name) or registry.kernel(name, self.target)

        def launch(*arguments):
            views = tuple(self.view(argument) if isinstance(argument, np.ndarray | DeviceArray) else argument
                          for argument in arguments)
            self.launches.append(Launch(kernel, views, context.layer))
            if self.queue is None:
                kernel(*arguments)
            else:
                self.queue.launch(name, kernel, *arguments)

        return launch

    def run(self, body, inputs):
        """Compute `outputs`, the tensors that `body(*inputs)` answers, on this device."""
        with devices.device(self):
            outputs = body(*inputs) if self.queue is None else self.queue.run(body, *inputs)
            self._finish(outputs)
        return outputs

    def settle(self):
        """Make the launches that wait."""
        if self.queue is not None:
            self.queue.empty()

    def view(self, array):
        """An array as a view of its buffer."""
        layout = getattr(array, "layout", array)
        number = self._number_of(array, None)
        start = self._numbers[id(allocation(array))].start
        return View(number, address(layout) - start if layout.size else 0, layout.shape, layout.strides, layout.dtype)

    def looked_at(self, array):
        """Python looks at the value of an array: only constants have the same one in the next step."""
        self.settle()
        memory = allocation(array)
        known = self._numbers.get(id(memory))       # or of other memory, which is gone: identities come again
        if known is not None and known.memory() is memory and self.buffers[known.number].kind != CONSTANT:
            self.refuse("Python looks at a value that changes from step to step")

    def compares(self, array, check):
        """Whether the numbers of an array are of an input: then `check(array)` comes before each run of a program."""
        view = self.view(array)
        if self.buffers[view.buffer].kind == INPUT:
            self.checks.append((view, check))
            return True
        return False

    def refuse(self, reason):
        """What runs cannot be replayed, for Python computes with numbers of the step; the first reason is kept."""
        self.settle()
        where = f'layer "{context.layer}": ' if context.layer else ""
        self.refusal = self.refusal or where + reason

    def _finish(self, outputs):
        """Note the tensors that were computed. What looked like a constant and was written to is a variable."""
        self.outputs = [self.view(output.data) for output in outputs]
        self.buffers = [buffer._replace(kind=VARIABLE, digest=None)
                        if buffer.kind == CONSTANT and content(buffer.array) != buffer.digest else buffer
                        for buffer in self.buffers]

    def _number_of(self, array, kind):
        """The number of an array's buffer: inputs and temporaries begin with the array, others with its allocation."""
        memory = allocation(array)
        known = self._numbers.get(id(memory))
        if known is not None and known.memory() is memory:
            return known.number
        if kind is None:
            kind = VARIABLE if id(memory) in self._variables else CONSTANT
        part = octets(array) if kind in (VARIABLE, CONSTANT) else getattr(array, "layout", array)
        if self._keeps and kind in (VARIABLE, CONSTANT):
            self.originals.append((array, self.device.put(_on_host(array))))
        number = len(self.buffers)
        self._numbers[id(memory)] = _Known(number, weakref.ref(memory), address(part))
        self.buffers.append(Buffer(kind, part.nbytes, array if kind in (VARIABLE, CONSTANT) else None,
                                   content(array) if kind == CONSTANT else None))
        return number


def part(memory, offset, view):
    """A `View` of a contiguous array's memory, `offset` bytes from where that begins; of a device's one of its kind."""
    found = np.ndarray(view.shape, view.dtype, getattr(memory, "layout", memory), offset, view.strides)
    return type(memory)(found, memory.owner) if isinstance(memory, DeviceArray) else found


def content(array):
    """The bytes of the memory that an array lies in, as a digest."""
    return hashlib.blake2b(_on_host(array).data).digest()


def same(one, other):
    """Whether two arrays have the same elements, bit by bit."""
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()


def copied(array):
    """A copy of the memory that an array lies in."""
    return devices.current().put(_on_host(array))


def spoiled(array):
    """A copy of the memory that an array lies in, without a number where the array is."""
    copy, start = copied(array), address(getattr(array, "layout", array)) - address(octets(array))
    whole(copy)[start:start + array.nbytes] = NAN
    return copy


def _on_host(array):
    found = whole(array)
    return found.numpy() if isinstance(found, DeviceArray) else found


class Recording:
    """What `body(*inputs)` launches, on copies of the arrays `inputs`: `outputs` is what it answers, a list of tensors.

    apart: the inputs own their memory, and are not copied. before: the last recording of the same step; the variables
    that it saw are copied before this one runs, by buffer. scratch: those that are written before they are read, which
    are not copied.
    """

    def __init__(self, body, inputs, variables, before=None, apart=False, keeps=False, scratch=()):
        device = devices.current()
        self.last = before
        self.inputs = inputs if apart else [device.put(array) for array in inputs]
        variables_before = {number: buffer.array for number, buffer in enumerate(before.seen.buffers)
                            if buffer.kind == VARIABLE} if before else {}
        unread = {id(allocation(array)): array for array in scratch}
        self.scratch = {number: unread[id(allocation(array))] for number, array in variables_before.items()
                        if id(allocation(array)) in unread}
        self.before = {number: copied(array) for number, array in variables_before.items()
                       if number not in self.scratch}
        self.seen = Recorder(device, self.inputs, variables, keeps)
        self.outputs = self.seen.run(body, self.inputs)

    def let_go(self):
        """Keep what `difference_of` needs alone."""
        del self.last, self.inputs, self.outputs, self.before, self.scratch


# Why two recordings of a step are not of one program. moved: variables lie elsewhere, which may be for some time only.
Difference = namedtuple("Difference", "reason moved")


def difference_of(first, second):
    """How two recordings of one step differ, as a `Difference`; None where they do not."""
    for one, other in zip(first.launches, second.launches):
        if one != other:
            return Difference(f"{_where(other)}it launches {one.kernel.name}, and with the next batch "
                              f"{other.kernel.name} otherwise", moved=False)
    checked = [[view for view, _ in recorder.checks] for recorder in (first, second)]
    if len(first.launches) != len(second.launches) or first.outputs != second.outputs or checked[0] != checked[1]:
        return Difference("it launches other kernels with the next batch", moved=False)
    for number, (one, other) in enumerate(zip(first.buffers, second.buffers)):
        if one.kind != other.kind or one.kind == VARIABLE and allocation(one.array) is not allocation(other.array):
            return Difference(f"{_where(_user(second, number))}a kernel writes to an array that is made anew for each "
                              "batch", moved=True)
        if one.digest != other.digest:
            user = _user(second, number)
            given = f"{user.kernel.name} is given" if user else "it answers"
            return Difference(f"{_where(user)}{given} values that Python computed, others with the next batch",
                              moved=False)
    return None


def _user(recorder, number):
    """The first launch that takes a buffer; None for one that is an output alone."""
    return next((launch for launch in recorder.launches
                 if any(isinstance(view, View) and view.buffer == number for view in launch.arguments)), None)


def _where(launch):
    return f'layer "{launch.layer}": ' if launch and launch.layer else ""
