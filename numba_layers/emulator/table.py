"""The instruction table: opcode -> a function that makes an `Operation` of an instruction's types and modifiers.

Modules by kind fill it: `integers`, `bits`, `floats`, `comparison`, `conversion`, `access`, `warp`, `matrix`,
`barrier`. An operation works on arrays with one element for each thread, or a single element where all threads
have the same value; it returns new arrays and never writes into those it gets.
"""

from typing import NamedTuple

from .faults import PtxError
from .ptx import Address
from .types import DTYPES, kind


class Operation(NamedTuple):
    """What an instruction does: a function of arrays, and the dtypes in which it wants and gives them."""
    function: callable
    results: tuple
    sources: tuple | None    # None: whatever operands there are do not matter
    neutral: str = ""        # 'int': any integer of that width will do; 'any': any type of that width
    grouped: bool = False    # the function takes the Group of threads first
    together: str = ""       # 'warp', 'block': threads wait for each other here
    mask: bool = False       # the last source names the threads of the warp that do
    carry: str = ""          # 'in', 'out', 'in out': the carry flag is one more source, or result


class Asked:
    """An instruction as its entry in the table sees it."""

    def __init__(self, instruction):
        self.instruction = instruction
        self.name = instruction.parts[0]
        self.operands = instruction.operands
        self.words = frozenset(instruction.parts[1:])
        self.types = tuple(part for part in instruction.parts[1:] if part in DTYPES)
        self.type = self.types[-1] if self.types else ""
        self.dtype = DTYPES.get(self.type)

    @property
    def offsets(self):
        """Bytes added to each address among the operands; for a plain number, the address itself."""
        return [operand.offset for operand in self.operands if isinstance(operand, Address)]

    def one_of(self, *words, default=None):
        """The first of `words` among the modifiers."""
        return next((word for word in words if word in self.words), default)

    def unknown(self):
        """The error for what the table has no entry for; raise what it returns."""
        instruction = self.instruction
        return PtxError(f"the emulator does not know the instruction {instruction.opcode} "
                        f"(PTX line {instruction.line}: {instruction.text})")


_table = {}


def instruction(*names, of=None):
    """Decorator: the entry of opcodes ('add', 'bar.warp'), where `of` says so for one kind of type only."""
    def enter(make):
        for name in names:
            _table[name, of] = make
        return make
    return enter


def operation(found):
    """The Operation of an instruction. Raises: PtxError, naming an opcode that the table lacks."""
    asked = Asked(found)
    for length in range(min(3, len(found.parts)), 0, -1):
        name = ".".join(found.parts[:length])
        make = _table.get((name, kind(asked.type))) or _table.get((name, None))
        if make is not None:
            return make(asked)
    raise asked.unknown()


def plain(asked, function, count, neutral=""):
    """An operation whose `count` sources and one result all have the instruction's type."""
    return Operation(function, (asked.dtype,), (asked.dtype,) * count, neutral)
