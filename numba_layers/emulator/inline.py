"""A kernel as one list of instructions and labels, with the device functions it calls inlined.

Parameters of calls become registers. Names inside of a called function get the number of the call, so that each
call has its own registers and labels.
"""

from dataclasses import dataclass, field, replace

from .faults import PtxError
from .ptx import Address, Label, Name, Number, Register, Vector
from .types import DTYPES

DEPTH = 64   # calls within calls


@dataclass(frozen=True)
class Parameter:
    """An operand: bytes of the kernel's parameter `name` from `offset` on."""
    name: str
    offset: int


@dataclass
class Inlined:
    """What `inline` gives: the code, the types of its registers, the variables it names, tables of branches."""
    items: list = field(default_factory=list)
    registers: dict = field(default_factory=dict)
    variables: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)


def inline(module, kernel):
    """The Inlined of a kernel. Raises: PtxError for functions without a body, or that call themselves."""
    inlined = Inlined(variables=dict(module.variables))
    _Writer(module, inlined).write(kernel, "", {}, 0)
    return inlined


class _Writer:
    """Writes functions out, one call after the other."""

    def __init__(self, module, inlined):
        self.module, self.inlined, self.calls = module, inlined, 0

    def write(self, function, suffix, bound, depth):
        """Append a function's code. `bound`: its parameters' and results' names -> names of the caller's."""
        inlined = self.inlined
        inlined.registers.update({name + suffix: kind for name, kind in function.registers.items()})
        inlined.tables.update({name + suffix: [label + suffix for label in labels]
                            for name, labels in function.tables.items()})
        for variable in function.variables.values():
            if variable.space == "shared":
                inlined.variables[variable.name] = variable
            elif variable.space != "param":
                inlined.variables[variable.name + suffix] = replace(variable, name=variable.name + suffix)
        for item in function.body:
            if isinstance(item, Label):
                inlined.items.append(Label(item.name + suffix))
            elif item.parts[0] == "call":
                self._call(item, function, suffix, bound, depth)
            elif item.parts[:2] in (("ld", "param"), ("st", "param")):
                inlined.items += self._parameter_moves(item, function, suffix, bound)
            elif item.parts[0] == "ret" and suffix:
                inlined.items.append(replace(self._renamed(item, function, suffix), parts=("bra",),
                                          operands=(Name("end" + suffix),)))
            else:
                inlined.items.append(self._renamed(item, function, suffix))
        if suffix:
            inlined.items.append(Label("end" + suffix))

    def _call(self, item, function, suffix, bound, depth):
        vectors = [operand for operand in item.operands if isinstance(operand, Vector)]
        callee = next((operand.text for operand in item.operands if isinstance(operand, Name)), None)
        called = self.module.functions.get(callee)
        if called is None or not called.body:
            raise PtxError(f"the emulator does not know the function {callee} (PTX line {item.line}: {item.text})")
        if depth == DEPTH:
            raise PtxError(f"functions that call themselves are not supported: {callee} (PTX line {item.line})")
        if item.guard is not None:
            raise PtxError(f"a guarded call is not supported (PTX line {item.line}: {item.text})")
        self.calls += 1
        results = vectors.pop(0).parts if called.results else ()
        given = vectors[0].parts if vectors else ()
        names = {formal.name: self._place(actual.text, bound, suffix)
                 for formal, actual in zip((*called.results, *called.parameters), (*results, *given))}
        self.write(called, f"#{self.calls}", names, depth + 1)

    def _place(self, name, bound, suffix):
        return bound.get(name, name + suffix)

    def _parameter_moves(self, item, function, suffix, bound):
        """ld.param and st.param as moves between registers, or from the kernel's Parameters."""
        loads = item.parts[0] == "ld"
        value, address = item.operands if loads else item.operands[::-1]
        kind = item.parts[-1]
        if not isinstance(address.base, Name):
            raise PtxError(f"parameters can be read by name only (PTX line {item.line}: {item.text})")
        name = address.base.text
        for k, part in enumerate(value.parts if isinstance(value, Vector) else (value,)):
            offset = address.offset + k * DTYPES[kind].itemsize
            part = self._operand(part, function, suffix)
            if name in bound or name in function.variables:
                other = Register(f"{self._place(name, bound, suffix)}+{offset}")
                self.inlined.registers.setdefault(other.name, kind)
            else:
                other = Parameter(name, offset)
            guard = self._operand(item.guard, function, suffix)
            yield replace(item, parts=("mov", kind), operands=(part, other) if loads else (other, part), guard=guard)

    def _renamed(self, item, function, suffix):
        if not suffix:
            return item
        return replace(item, operands=tuple(self._operand(operand, function, suffix) for operand in item.operands),
                       guard=self._operand(item.guard, function, suffix))

    def _operand(self, operand, function, suffix):
        if operand is None or isinstance(operand, Number) or not suffix:
            return operand
        if isinstance(operand, Register):
            known = operand.name in function.registers
            return replace(operand, name=operand.name + suffix) if known else operand
        if isinstance(operand, Vector):
            return Vector(tuple(self._operand(part, function, suffix) for part in operand.parts))
        if isinstance(operand, Address):
            return replace(operand, base=self._operand(operand.base, function, suffix))
        outside = operand.text in self.module.variables or (
            operand.text in function.variables and function.variables[operand.text].space == "shared")
        return operand if outside else Name(operand.text + suffix)
