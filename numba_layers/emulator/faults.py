"""What the emulator reports: which kernel, which thread of which block, the PTX line and the Python line."""

import re

from ..errors import DeviceError


class PtxError(DeviceError):
    """A PTX text that cannot be read, or an instruction that the emulator does not know."""


class KernelFault(DeviceError):
    """A kernel did what a GPU would punish, or would not notice.

    Attributes: kernel (name), block and thread (x, y, z), line (in the PTX), text (of the instruction),
    source ((file, line) in Python, or None).
    """

    def __init__(self, message, program, block, thread, instruction):
        self.kernel, self.block, self.thread = program.name, block, thread
        self.line, self.text, self.source = instruction.line, instruction.text, program.python_line(instruction)
        super().__init__(f"{self.kernel}: thread {thread} of block {block} {message}\n"
                         f"  at {program.place(instruction)}: {self.text}")


class MemoryFault(KernelFault):
    """An access out of bounds, misaligned, to freed memory, or a write to what may only be read."""


class RaceFault(KernelFault):
    """Two threads of a block touch one place in shared memory, one of them writing, with no barrier between."""


class DeadlockFault(KernelFault):
    """Threads wait for others that will never come."""


class WarpFault(KernelFault):
    """An operation of a warp in which a thread takes part that its mask leaves out, or that lacks threads."""


class EndlessLoopFault(KernelFault):
    """A block ran more steps than the emulator's `step_limit`."""


class TrapFault(KernelFault):
    """The kernel itself asked to be stopped (`trap`)."""


class Stop(Exception):
    """Raised inside an instruction: `fault` for the thread in `lane` of the batch; the machine adds the place."""

    def __init__(self, fault, lane, message):
        super().__init__(message)
        self.fault, self.lane, self.message = fault, lane, message


def readable(symbol):
    """The function's name in a C++ symbol as Numba writes it: '_ZN8__main__5saxpyB2v1...' is 'saxpy'."""
    name, rest = symbol, symbol[3:] if symbol.startswith("_ZN") else ""
    while match := re.match(r"\d+", rest):
        end = match.end() + int(match[0])
        name, rest = rest[match.end():end], rest[end:]
    return name
