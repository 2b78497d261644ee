"""Programs as functions for jitted code: recorded of runs on random numbers, and compiled for one thread."""

import weakref

import numpy as np

from .. import devices, registry
from ..autograd.tensor import Tensor, followers
from ..devices.array import address, owner, whole
from ..errors import ModelError
from ..ops._op import copy_into
from .native import Compiled
from .programs import ATTEMPTS
from .record import TEMPORARY, Recording
from .replay import learned


def program_of(name, body, specs, variables=()):
    """The `Program` of `body(*arrays)`, which answers tensors, for arrays of such (shape, dtype).

    variables: arrays that outlive a call. They, and all else that it changes, are afterwards what they were before.
    Raises: ModelError for a body that is no program, and where functions cannot be compiled.
    """
    if devices.current().name != "cpu" or not registry.native_usable():
        raise ModelError(f"{name}: functions for jitted code run on the CPU: numba_layers.set_device('cpu').")
    random, last = np.random.RandomState(0), None
    originals = []
    try:
        for _ in range(ATTEMPTS):
            arrays = [random.uniform(0, 1, shape).astype(dtype) for shape, dtype in specs]
            recording = Recording(lambda *given: _with_own_memory(body(*given)), arrays, variables, last,
                                  keeps=True)
            originals = [*recording.seen.originals, *originals]     # the first ones last
            program, difference = learned(recording, apart=True)
            if program is not None and not all(check.harmless for _, _, check in program.checks):
                raise ModelError(f"{name}: class numbers are compared with their range before each run, which jitted "
                                 "code cannot. Train it on one-hot targets: loss='categorical_crossentropy'.")
            if program is not None:
                return program
            last = recording
    finally:
        for array, copy in originals:
            whole(array)[...] = copy
    raise ModelError(f"{name}: this cannot be a function for jitted code: {difference.reason}.")


def _with_own_memory(outputs):
    """The tensors `outputs`, each in a buffer of its own."""
    recorder, used, found = devices.current(), set(), []
    for output in outputs:
        view = recorder.view(output.data)
        buffer = recorder.buffers[view.buffer]
        alone = buffer.kind == TEMPORARY and buffer.bytes == output.data.nbytes and output.data.flags.c_contiguous
        if not alone or view.buffer in used:
            array = devices.empty(output.shape, output.dtype)
            copy_into(array, output)
            output, view = Tensor(array), recorder.view(array)
        used.add(view.buffer)
        found.append(output)
    return found


class Bound:
    """A program's launches for `kernels.cpu.functions`, which follow variables that move and kernels that change."""

    def __init__(self, program):
        self._program = program
        self._blocks = np.frombuffer(program.compiled.serial(), np.uint8).copy()
        self._rows = program.compiled.others
        self.addresses = np.zeros(len(self._rows), np.uint64)
        self.held = [None] * len(self._rows)
        self._variables = self._of_tensors()
        self._bind({number: (address(owner(program.buffers[number].array)), program.buffers[number].array)
                    for number in self._rows})
        registry.followers.add(self)
        for tensor, _ in program.tensors:
            followers.setdefault(tensor, weakref.WeakSet()).add(self)

    def launches(self, functions):
        """What a function is made of."""
        program = self._program
        return functions.Launches(self._blocks, len(program.launches), program.plan.size, self.addresses, self)

    def follow_kernels(self):
        """Kernels were compiled or registered anew: jitted code finds them in the blocks that it knows."""
        program = self._program
        program.launches = [launch._replace(kernel=registry.kernel(launch.kernel.name, "cpu"))
                            for launch in program.launches]
        self._blocks[:] = np.frombuffer(Compiled(program).serial(), np.uint8)

    def follow(self):
        """Variables lie elsewhere now. Raises: ModelError where they do not lie together any more."""
        found = {}
        for number, tensor, offset in self._variables:
            start = address(tensor.data) - offset
            if found.setdefault(number, (start, tensor.data))[0] != start:
                raise ModelError("the weights of a model that is a function of jitted code were taken apart by another "
                                 "model that shares them. Make the function anew: model.as_function().")
        self._bind(found)

    def _bind(self, found):
        for row, number in enumerate(self._rows):
            if number in found:
                self.addresses[row], self.held[row] = found[number]

    def _of_tensors(self):
        """(buffer, variable, where it lies in the buffer in bytes) of each variable."""
        starts = {id(owner(buffer.array)): (number, address(owner(buffer.array)))
                  for number, buffer in enumerate(self._program.buffers) if buffer.array is not None}
        found = []
        for tensor, data in self._program.tensors:
            number, start = starts[id(owner(data))]
            found.append((number, tensor, address(data) - start))
        return found


def function(name, body, inputs, gradient=None, groups=None):
    """`body(*arrays)`, which answers tensors, as a function for jitted code; see `kernels.cpu.functions`.

    inputs: (name, shape, dtype) of each array. gradient: makes that of the gradient, given the outputs' `Spec`s.
    """
    functions = registry.functions()
    specs = [functions.Spec(*entry) for entry in inputs]
    program = program_of(name, body, [(spec.shape, spec.dtype) for spec in specs])
    outputs = [functions.Spec(f"out{number}", view.shape, view.dtype) for number, view in enumerate(program.outputs)]
    jitted = functions.function_of(name, Bound(program).launches(functions), specs, outputs, groups or [len(specs)])
    return functions.Function(name, jitted, specs, gradient and (lambda: gradient(outputs)))


def step(name, body, inputs, groups, variables):
    """`body(*arrays)`, which answers one number and changes `variables` (arrays), as a function for jitted code."""
    functions = registry.functions()
    specs = [functions.Spec(*entry) for entry in inputs]
    program = program_of(name, body, [(spec.shape, spec.dtype) for spec in specs], variables)
    loss = functions.Spec("loss", (), program.outputs[0].dtype)
    jitted = functions.step_of(name, Bound(program).launches(functions), specs, loss, groups)
    return functions.Function(name, jitted, specs)
