"""Where a kernel may write, found in its PTX by following addresses through registers, whatever way branches go.

What cannot be followed counts as written.
"""

from .faults import PtxError
from .inline import Parameter, inline
from .ptx import Address, Instruction, Register, Vector, parse

RULES = 1       # what is kept in a cache is of these; to be raised with them
LOADS = {"ld", "ldu", "ldmatrix", "prefetch", "prefetchu"}


def written(text, addresses):
    """Those of `addresses`, numbers of parameters of the one kernel in a PTX text, at which it may write."""
    try:
        module = parse(text)
        [kernel] = [function for function in module.functions.values() if function.entry]
        code = [item for item in inline(module, kernel).items
                if isinstance(item, Instruction) and item.operands and item.parts[0] not in LOADS]
    except PtxError:
        return set(addresses)
    given = {kernel.parameters[number].name: {number} for number in addresses}
    made_of = {}        # name of a register -> those of `addresses` that it was computed from

    def origins(operand):
        if isinstance(operand, Vector):
            return set().union(*map(origins, operand.parts))
        if isinstance(operand, Address):
            return origins(operand.base)
        if isinstance(operand, Parameter):
            return given.get(operand.name, set())
        return made_of.get(operand.name, set()) if isinstance(operand, Register) else set()

    count = -1
    while count != (count := sum(map(len, made_of.values()))):
        for target, *sources in [item.operands for item in code]:
            found = set().union(*map(origins, sources))
            for register in target.parts if isinstance(target, Vector) else [target]:
                if found and isinstance(register, Register):
                    made_of.setdefault(register.name, set()).update(found)
    stored = set()
    for item in code:
        places = [operand for operand in item.operands if isinstance(operand, Address)]
        if places and any(origins(value) for value in item.operands[1:] if value not in places):
            return set(addresses)       # an address is kept in memory
        stored.update(*map(origins, places[:1] if item.parts[:2] == ("cp", "async") else places))
    return stored
