"""The registers of a kernel as slots of a list, and the dtype that each is kept in.

A register holds bits that instructions read in several types. It is kept in the dtype that most of them want, so
that few need a view. Constants, parameters, special registers and addresses of variables have slots too.
"""

from collections import Counter

import numpy as np

from .faults import PtxError
from .inline import Parameter
from .ptx import Name, Number, bits
from .types import DTYPES, unsigned

LANE_REGISTERS = ("%tid", "%ctaid", "%laneid", "%warpid", "%lanemask")   # they differ from thread to thread
CARRY = "the carry flag"


class Slots:
    """Which slot an operand has. `types` are the declared types of registers by name."""

    def __init__(self, types, variables):
        self._types, self._variables = {**types, CARRY: "u32"}, variables
        self._votes, self._like = {}, {}   # register -> votes; register -> another that is kept alike
        self._slots = {}         # register, or (what, dtype) -> slot
        self.dtypes = []         # of each slot
        self.numbers = []        # slot -> an array of one element, None where a launch fills it
        self.varying = set()     # slots whose values differ from thread to thread
        self.lane_registers, self.of_launch = [], []   # (name, slot, dtype); (slot, what, dtype)

    # ---- dtypes --------------------------------------------------------------------------------------------

    def declared(self, register):
        """The dtype of a register's declaration, None for one that the hardware fills."""
        return DTYPES.get(self._types.get(register.name))

    def _root(self, name):
        root = name
        while root in self._like:
            root = self._like[root]
        while name != root:   # the next search is short
            self._like[name], name = root, self._like[name]
        return root

    def alike(self, registers):
        """Registers of one width between which bits move as they are: one dtype saves views."""
        firsts = {}   # declared type -> register: f32 and b32 mix where the bits of floats are looked at
        for register in registers:
            root = self._root(register.name)
            first = firsts.setdefault(self._types[register.name], root)
            if first != root:
                self._like[root] = first

    def vote(self, register, dtype):
        """An instruction reads or writes a register as `dtype`."""
        declared = self.declared(register)
        if declared is not None and declared.itemsize == dtype.itemsize:
            self._votes.setdefault(self._root(register.name), Counter())[dtype] += 1

    def dtype(self, register):
        """The dtype in which a register is kept."""
        votes = self._votes.get(self._root(register.name))
        return votes.most_common(1)[0][0] if votes else self.declared(register)

    # ---- slots ---------------------------------------------------------------------------------------------

    def _new(self, key, dtype, number=None):
        slot = self._slots[key] = len(self.dtypes)
        self.dtypes.append(dtype)
        self.numbers.append(number)
        return slot

    def register(self, register):
        """The slot of a declared register."""
        slot = self._slots.get(register.name)
        if slot is None:
            slot = self._new(register.name, self.dtype(register))
            self.varying.add(slot)
        return slot

    def source(self, operand, dtype, line, written_as=None):
        """The slot of an operand that an instruction reads as `dtype`; a number is `written_as` another, maybe."""
        if isinstance(operand, Number):
            wanted = written_as or dtype
            raw = bits(operand, f"{'f' if wanted.kind == 'f' else 'b'}{8 * wanted.itemsize}")
            key = raw, dtype
            return self._slots[key] if key in self._slots else self._new(key, dtype, np.frombuffer(raw, dtype))
        if isinstance(operand, Parameter | Name):
            return self._from_launch(operand, dtype, line)
        if self.declared(operand) is not None:
            return self.register(operand)
        key = operand.name, dtype
        if key in self._slots:
            return self._slots[key]
        if not operand.name.startswith(LANE_REGISTERS):
            return self._from_launch(operand, dtype, line)
        slot = self._new(key, dtype)
        self.varying.add(slot)
        self.lane_registers.append((operand.name, slot, dtype))
        return slot

    def _from_launch(self, operand, dtype, line):
        if isinstance(operand, Name) and operand.text not in self._variables:
            raise PtxError(f"PTX line {line}: nothing is named {operand.text}")
        key = operand, dtype
        if key not in self._slots:
            self.of_launch.append((self._new(key, dtype), operand, dtype))
        return self._slots[key]


def read_as(have, want):
    """The code that turns an array of a slot's dtype into the dtype that an instruction reads."""
    if have == want:
        return ""
    if have.itemsize == want.itemsize:
        return f".view({want.name})"
    return _steps(have, unsigned(have), unsigned(want), want)


def kept_as(given, slot):
    """The code that turns an instruction's result into a slot's dtype; shorter integers are extended."""
    if given == slot:
        return ""
    if given.itemsize == slot.itemsize:
        return f".view({slot.name})"
    whole = given if given.kind in "iu" else unsigned(given)
    return _steps(given, whole, np.dtype(f"{whole.kind}{slot.itemsize}"), slot)


def _steps(have, first, second, last):
    views = f".view({first.name})" if have != first else ""
    after = f".view({last.name})" if second != last else ""
    return f"{views}.astype({second.name}){after}"
