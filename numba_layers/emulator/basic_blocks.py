"""A kernel's code in basic blocks: straight runs of instructions that a group of threads passes as one.

A basic block begins where branches lead to and where threads wait for each other, and ends with a branch.
"""

from dataclasses import dataclass, field, replace

from . import control, reconvergence
from .faults import PtxError
from .ptx import Address, Instruction, Label, Name, Number, Register, Vector
from .slots import CARRY
from .table import Operation, operation
from .types import DTYPES, unsigned

BRANCHES = ("bra", "brx", "ret", "exit")


@dataclass(eq=False)
class Step:
    """An instruction with its operation, the operands that it writes and reads, and later their slots."""
    instruction: Instruction
    operation: Operation
    targets: list
    sources: list
    read: list = field(default_factory=list)
    written: list = field(default_factory=list)
    guard_slot: int | None = None

    @classmethod
    def of(cls, instruction):
        """The Step of an instruction. Raises: PtxError where the operands do not fit the table's entry."""
        found = operation(instruction)
        operands = instruction.operands
        if found.sources is None:
            return cls(instruction, found._replace(sources=()), [], [])
        targets = _scalars(operands[0]) if found.results else []
        sources = [one for operand in operands[bool(found.results):] for one in _scalars(operand)]
        if "in" in found.carry:
            sources.append(Register(CARRY))
            found = found._replace(sources=(*found.sources, DTYPES["u32"]))
        if "out" in found.carry:
            targets.append(Register(CARRY))
            found = found._replace(results=(*found.results, DTYPES["u32"]))
        if len(targets) != len(found.results) or len(sources) != len(found.sources):
            raise PtxError(f"the emulator does not know {instruction.opcode} with these operands "
                           f"(PTX line {instruction.line}: {instruction.text})")
        return cls(instruction, found, targets, sources)

    @property
    def guard(self):
        return self.instruction.guard

    @property
    def shared_bytes(self):
        """Bytes of the smallest access to what may be shared memory; 0 for others."""
        parts = self.instruction.parts
        if parts[0] == "ldmatrix":
            return 2
        if parts[0] not in ("ld", "st", "atom", "red", "ldu") or {"global", "local", "const", "param"} & set(parts):
            return 4 * (parts[:2] == ("cp", "async") and len(parts) > 3)
        return (self.operation.results or self.operation.sources[1:])[0].itemsize

    def vote(self, slots):
        """Tell the Slots the dtypes in which registers are wanted."""
        if not self._neutral(slots):
            for register, dtype in self._registers(slots):
                slots.vote(register, dtype)

    def join(self, slots):
        """Tell the Slots which registers a neutral step moves bits between."""
        if self._neutral(slots):
            own = self.operation.results[0]
            if alike := [register for register, dtype in self._registers(slots) if dtype == own]:
                slots.alike(alike)

    def _registers(self, slots):
        """The declared registers, with the dtypes in which they are wanted."""
        return [(operand, dtype) for operand, dtype in zip(self.targets + self.sources,
                                                           self.operation.results + self.operation.sources)
                if isinstance(operand, Register) and slots.declared(operand) is not None]

    def _neutral(self, slots):
        """Whether any dtype of the right width will do."""
        dtype = self.operation.results[0] if self.operation.results else None
        return self.operation.neutral and dtype.kind != "b" and all(
            slots.declared(register).itemsize == dtype.itemsize
            for register, wanted in self._registers(slots) if wanted == dtype)

    def dtypes(self, slots):
        """The dtypes of results and sources; of a neutral step, that in which its result is kept."""
        results, sources = self.operation.results, self.operation.sources
        if not self._neutral(slots) or self.targets[0] is None:
            return results, sources
        own, kept = results[0], slots.dtype(self.targets[0])
        if self.operation.neutral == "int" and kept.kind not in "iu":
            kept = unsigned(kept)
        return (kept,), tuple(kept if dtype == own else dtype for dtype in sources)


def _scalars(operand):
    """The operands in an operand: the parts of a vector, the base of an address."""
    if isinstance(operand, Vector):
        return list(operand.parts)
    if isinstance(operand, Address):
        return [Number(0) if operand.base is None else operand.base]
    return [operand]


class BasicBlock:
    """A run of steps. `run(group)` does them, `leave(batch, group)` says where the threads go then.

    At the start of some, threads wait: `together` is True, and `ready` says who may go on.
    `live` are the slots that this basic block or a later one reads before it writes them.
    """

    def __init__(self):
        self.steps, self.branch = [], None
        self.targets, self.following = [], None   # where the branch leads, and what follows: numbers
        self.guard_slot = None                    # what the branch asks
        self.live = self.ready = self.counted = None
        self.together = False
        self.run = self.leave = None

    @property
    def first(self):
        """The instruction that stands for the basic block in messages."""
        return self.steps[0].instruction if self.steps else self.branch

    @property
    def last(self):
        return self.branch or self.first

    @property
    def ways(self):
        """Numbers of all basic blocks that may come next."""
        stays = self.following is not None and (self.branch is None or (
            self.branch.guard is not None and self.branch.parts[0] != "brx"))
        return self.targets + [self.following] * stays

    def join(self, basic_blocks):
        """Make `leave` and `ready`, now that slots are known."""
        branch, following = self.branch, self.following
        if self.steps and self.steps[0].operation.together:
            self._gather(self.steps[0])
        if branch is None:
            self.leave = control.end if following is None else control.jump(following)
        elif branch.parts[0] == "brx":
            self.leave = control.table(self.guard_slot, self.targets, basic_blocks)
        elif branch.guard is not None:
            target = self.targets[0] if self.targets else None
            self.leave = control.split(self.guard_slot, branch.guard.negated, target, following, basic_blocks)
        else:
            self.leave = control.jump(self.targets[0]) if self.targets else control.end

    def _gather(self, step):
        self.together = True
        if step.operation.together == "warp":
            self.ready = reconvergence.warp(step.read[-1] if step.operation.mask else None)
        else:
            counts = [slot for slot, dtype in zip(step.read, step.operation.sources) if dtype == DTYPES["u32"]]
            self.counted = counts if len(counts) > 1 else None
            self.ready = reconvergence.block(*(self.counted or (None, None)))


def cut(inlined):
    """The basic blocks of inlined code, in order. Raises: PtxError for a branch to nowhere."""
    basic_blocks, labels = [BasicBlock()], {}
    for item in _passed_by(inlined.items):
        if isinstance(item, Label):
            if basic_blocks[-1].steps or basic_blocks[-1].branch:
                basic_blocks.append(BasicBlock())
            labels[item.name] = len(basic_blocks) - 1
            continue
        step = None if item.parts[0] in BRANCHES else Step.of(item)
        if basic_blocks[-1].branch or (step and step.operation.together and basic_blocks[-1].steps):
            basic_blocks.append(BasicBlock())
        if step is None:
            basic_blocks[-1].branch = item
        else:
            basic_blocks[-1].steps.append(step)
    for number, basic_block in enumerate(basic_blocks):
        basic_block.following = number + 1 if number + 1 < len(basic_blocks) else None
        branch = basic_block.branch
        basic_block.targets = [_target(label, labels, branch) for label in _labels(branch, inlined.tables)]
    if basic_blocks[-1].branch is None or basic_blocks[-1].branch.guard is not None:
        basic_blocks.append(BasicBlock())
        basic_blocks[-2].following = len(basic_blocks) - 1
    return basic_blocks


def _passed_by(items):
    """The items, with a branch around each guarded instruction at which threads wait."""
    for number, item in enumerate(items):
        if isinstance(item, Label) or item.guard is None or item.parts[0] in BRANCHES or not operation(item).together:
            yield item
            continue
        label = f"past {number}"
        guard = replace(item.guard, negated=not item.guard.negated)
        yield replace(item, parts=("bra",), operands=(Name(label),), guard=guard)
        yield replace(item, guard=None)
        yield Label(label)


def _labels(branch, tables):
    """The names of the places where a branch may lead, other than on."""
    if branch is None or branch.parts[0] in ("ret", "exit"):
        return []
    if branch.parts[0] == "brx":
        return tables[branch.operands[1].text]
    return [branch.operands[0].text]


def _target(label, labels, branch):
    if label not in labels:
        raise PtxError(f"PTX line {branch.line}: there is no label {label}")
    return labels[label]


def live_slots(basic_blocks, slots):
    """Enter in each basic block which slots are `live` at its start; those at the kernel's start."""
    reads, writes = [], []
    for basic_block in basic_blocks:
        read, written = set(), set()
        for step in basic_block.steps:
            own = {slot for slot in step.written if slot is not None}
            read |= (set(step.read) | ({step.guard_slot} | own if step.guard else set())) - written
            written |= own if not step.guard else set()
        if basic_block.guard_slot is not None and basic_block.guard_slot not in written:
            read.add(basic_block.guard_slot)
        reads.append(read & slots.varying)
        writes.append(written)
    live = [set(read) for read in reads]
    changed = True
    while changed:
        changed = False
        for number in range(len(basic_blocks) - 1, -1, -1):
            after = set().union(*(live[way] for way in basic_blocks[number].ways))
            new = reads[number] | (after - writes[number])
            if new != live[number]:
                live[number], changed = new, True
    for basic_block, alive in zip(basic_blocks, live):
        basic_block.live = sorted(alive)
    return live[0]
