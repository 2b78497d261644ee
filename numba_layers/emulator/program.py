"""A kernel made ready to run: its instructions as Python functions, one for each basic block.

A register is a slot of a list, so that an instruction is a line like `r[7] = multiply(r[3], r[5])`. The lines of
all basic blocks are compiled once; `Program.code` shows them.
"""

from functools import lru_cache
from keyword import iskeyword

import numpy as np

from . import access, barrier, bits, comparison, conversion, floats, integers, matrix, warp  # noqa: F401  (the table)
from .arguments import raw
from .basic_blocks import Step, cut, live_slots
from .faults import PtxError, Stop, readable
from .inline import Parameter, inline
from .onchip import LOCAL_START, layout
from .ptx import Name, Register, parse
from .slots import Slots, kept_as, read_as
from .types import DTYPES


@lru_cache(maxsize=512)
def program(text, name=None):
    """The Program of a kernel in a PTX text, made once for each text.

    Raises: PtxError for a text that cannot be read, or has no kernel of that name.
    """
    module = parse(text)
    kernels = {function.name: function for function in module.functions.values() if function.entry}
    chosen = [kernel for symbol, kernel in kernels.items() if name in (None, symbol, readable(symbol))]
    if len(chosen) != 1:
        named = ", ".join(map(readable, kernels)) or "none"
        raise PtxError(f"the PTX text has {len(chosen)} kernels named {name}; its kernels: {named}" if name else
                       f"the PTX text has {len(kernels)} kernels ({named}); say which to launch with name=")
    return Program(module, chosen[0])


class Program:
    """One kernel: its parameters, its basic blocks, and the memory that it declares."""

    def __init__(self, module, kernel):
        self.symbol, self.name = kernel.name, readable(kernel.name)
        self.parameters, self.limits = kernel.parameters, kernel.limits
        self._files = module.files
        inlined = inline(module, kernel)
        self._shared = [variable for variable in inlined.variables.values() if variable.space == "shared"]
        self._local, self.local_size = {}, 0
        for variable in inlined.variables.values():
            if variable.space == "local":
                start = -(-self.local_size // max(variable.align, 1)) * max(variable.align, 1)
                self._local[variable.name], self.local_size = LOCAL_START + start, start + variable.size
        self.slots = Slots(inlined.registers, inlined.variables)
        self.basic_blocks = cut(inlined)
        steps = [step for basic_block in self.basic_blocks for step in basic_block.steps]
        self.grain = min([step.shared_bytes for step in steps if step.shared_bytes], default=4)
        self._compile()
        named = {what.text for _, what, _ in self.slots.of_launch if isinstance(what, Name)}
        self.variables = [variable for variable in inlined.variables.values()
                          if variable.space in ("global", "const") and variable.name in named]

    def python_line(self, instruction):
        """(file, line) of an instruction in Python, or None."""
        if instruction.source is None or instruction.source[0] not in self._files:
            return None
        return self._files[instruction.source[0]], instruction.source[1]

    def place(self, instruction):
        """The same and the line in the PTX, in words."""
        source = self.python_line(instruction)
        return (f"{source[0]}:{source[1]}, " if source else "") + f"PTX line {instruction.line}"

    def shared_layout(self, dynamic):
        """Where shared variables lie when a launch gives `dynamic` bytes to those without size."""
        return layout(self._shared, dynamic)

    # ---- registers at the start of a launch ----------------------------------------------------------------

    def constants(self, launch):
        """The registers of a launch with all that its threads have in common."""
        registers = list(self.slots.numbers)
        for slot, what, dtype in self.slots.of_launch:
            registers[slot] = self._constant(what, dtype, launch)
        return registers

    def _constant(self, what, dtype, launch):
        if isinstance(what, Parameter):
            octets = raw(*launch.parameters[what.name])
            return np.frombuffer(octets[what.offset:what.offset + dtype.itemsize], dtype)
        if isinstance(what, Register):
            value = launch.special(what.name)
            if value is None:
                raise PtxError(f"the emulator does not know the special register {what.name}")
        else:
            value = launch.address(what.text) or self._local[what.text]
        return np.array([value], np.uint64).astype(dtype)

    # ---- making the functions ------------------------------------------------------------------------------

    def _compile(self):
        slots = self.slots
        steps = [step for basic_block in self.basic_blocks for step in basic_block.steps]
        for tell in (Step.join, Step.vote):
            for step in steps:
                tell(step, slots)
        self._names = {dtype.name: dtype for dtype in DTYPES.values()}
        self._names["guarded"] = guarded
        lines = []
        for number, basic_block in enumerate(self.basic_blocks):
            lines += [f"def block_{number}(g):", "    r = g.r"]
            for step in basic_block.steps:
                lines += ["    " + line for line in self._lines(step)]
            basic_block.guard_slot = self._asked(basic_block.branch)
        self.code = "\n".join(lines)
        exec(compile(self.code, f"<{self.name}>", "exec"), self._names)
        undefined = live_slots(self.basic_blocks, slots)
        for slot in undefined:
            if slots.numbers[slot] is None and slot in slots.varying:
                width = slots.dtypes[slot].itemsize
                slots.numbers[slot] = np.frombuffer(b"\xff" * width, np.dtype(f"u{width}")).view(slots.dtypes[slot])
        for number, basic_block in enumerate(self.basic_blocks):
            basic_block.run = self._names[f"block_{number}"]
            basic_block.join(self.basic_blocks)

    def _asked(self, branch):
        """The slot that decides a branch, or None."""
        if branch is None or (branch.guard is None and branch.parts[0] != "brx"):
            return None
        if branch.parts[0] == "brx":
            return self.slots.source(branch.operands[0], DTYPES["u32"], branch.line)
        return self.slots.source(branch.guard, DTYPES["pred"], branch.line)

    def _function(self, step):
        """The name under which the code calls a step's function."""
        function = step.operation.function
        if step.operation.grouped:
            function = _placed(function, step.instruction)
        name = function.__name__ if isinstance(function, np.ufunc) else "_".join(step.instruction.parts)
        if self._names.get(name, function) is not function or iskeyword(name) or name in ("g", "r", "values", "inner"):
            name = f"{name}_{len(self._names)}"
        self._names[name] = function
        return name

    def _lines(self, step):
        """The code of an instruction."""
        slots, dtypes = self.slots, self.slots.dtypes
        results, sources = step.dtypes(slots)
        arguments = ["g"] * step.operation.grouped
        step.read = []
        for operand, dtype, written_as in zip(step.sources, sources, step.operation.sources):
            slot = slots.source(operand, dtype, step.instruction.line, written_as)
            step.read.append(slot)
            negated = "~" * getattr(operand, "negated", False)
            arguments.append(f"{negated}r[{slot}]{read_as(dtypes[slot], dtype)}")
        step.written = [None if operand is None else slots.register(operand) for operand in step.targets]
        call = f"{self._function(step)}({', '.join(arguments)})"
        if step.operation.function is conversion.copy:
            call = arguments[0]
        kept = [(slot, "" if slot is None else kept_as(dtype, dtypes[slot]))
                for slot, dtype in zip(step.written, results)]
        if len(kept) == 1:
            lines = [f"r[{kept[0][0]}] = {call}{kept[0][1]}" if kept[0][0] is not None else call]
        elif kept:
            lines = [f"values = {call}"] + [f"r[{slot}] = values[{k}]{after}"
                                            for k, (slot, after) in enumerate(kept) if slot is not None]
        else:
            lines = [call]
        if step.guard is None:
            return lines
        step.guard_slot = slots.source(step.guard, DTYPES["pred"], step.instruction.line)
        written = [slot for slot in step.written if slot is not None]
        used = sorted({*step.read, *written} & slots.varying)
        return ["def inner(g):", "    r = g.r", *("    " + line for line in lines),
                f"guarded(g, r[{step.guard_slot}], {step.guard.negated}, inner, {used}, {written})"]


def _placed(function, instruction):
    """A function of a group that knows its instruction, for the faults that it finds."""
    def placed(g, *values):
        g.batch.instruction = instruction
        try:
            return function(g, *values)
        except Stop as stop:
            raise g.batch.fault(stop, instruction) from None
    return placed


def guarded(g, predicate, negated, step, used, written):
    """Run a step for the threads whose predicate holds (or not: `negated`)."""
    takes = ~predicate if negated else predicate
    count = np.count_nonzero(takes)
    if count == takes.size:
        step(g)
    elif count:
        index = np.flatnonzero(takes)
        part = g.part(index, used)
        step(part)
        for slot in written:
            whole = np.broadcast_to(g.r[slot], g.size).copy()
            whole[index] = part.r[slot]
            g.r[slot] = whole
