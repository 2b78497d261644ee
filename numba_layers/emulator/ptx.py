"""PTX text -> `Module`: its functions, variables and instructions, each with its line and its line in Python.

Reference: NVIDIA, "Parallel Thread Execution ISA", §4 (syntax) and §5 (state spaces and types).
"""

import re
import struct
from dataclasses import dataclass, field

from .faults import PtxError
from .types import DTYPES

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_STATEMENT = re.compile(r"""\s*(?:
    (?P<brace>[{}])
  | (?P<label>[A-Za-z_$%][\w$]*)\s*:(?!:)
  | (?P<line>\.(?:version|target|address_size|file|loc)\b[^\n]*)
  | (?P<section>\.section\b[^{]*\{[^}]*\})
  | (?P<header>(?:\.(?:visible|weak|extern)\s+)?\.(?:entry|func)\b[^{;]*)
  | (?P<end>;)
  | (?P<statement>[^;{}][^;]*);
)""", re.VERBOSE)
_VARIABLE = re.compile(r"\.(shared|global|const|local|param)\b(.*?)([\w$]+)\s*((?:\[\d*\])*)\s*(?:=\s*(.*))?$",
                       re.DOTALL)
_REGISTERS = re.compile(r"([\w$%]+)(?:<(\d+)>)?")
_GUARD = re.compile(r"@(!?)\s*([%\w$]+)\s+")
_ADDRESS = re.compile(r"([%\w$.]+)\s*(?:\+\s*(-?\w+)|(-\s*\w+))?$")
_INTEGER = re.compile(r"-?(?:0[xX][\da-fA-F]+|0[bB][01]+|\d+)U?$")
_REAL = re.compile(r"-?\d+\.\d*(?:[eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Register:
    """A register, or one that the hardware fills (%tid.x)."""
    name: str
    negated: bool = False   # !%p


@dataclass(frozen=True)
class Number:
    """A constant: an int, a float, or raw bits with their type ('f32' for 0f3F800000)."""
    value: int | float
    type: str | None = None


@dataclass(frozen=True)
class Name:
    """A variable, function or label."""
    text: str


@dataclass(frozen=True)
class Address:
    """[base + offset]; the base is a Register, a Name, or None."""
    base: Register | Name | None
    offset: int


@dataclass(frozen=True)
class Vector:
    """{a, b, ...} or p|q: several operands as one; None where the text says '_'."""
    parts: tuple


@dataclass(eq=False)
class Instruction:
    """One instruction: `parts` of its opcode split at the dots, its operands, the Register that guards it."""
    parts: tuple
    operands: tuple
    guard: Register | None
    line: int
    source: tuple | None   # (number of the file, line) in Python
    text: str

    @property
    def opcode(self):
        return ".".join(self.parts)


@dataclass(eq=False)
class Label:
    """A place that branches name."""
    name: str


@dataclass
class Variable:
    """A variable in a state space: its size and alignment in bytes and what it holds at first."""
    space: str
    name: str
    type: str
    align: int
    size: int          # 0: as large as the launch says (dynamic shared memory)
    initial: bytes = b""
    extern: bool = False


@dataclass
class Function:
    """A kernel (`entry`) or a device function, with its parameters, results and body."""
    name: str
    entry: bool
    parameters: list
    results: list
    limits: tuple | None = None                      # .maxntid
    registers: dict = field(default_factory=dict)    # name -> type
    variables: dict = field(default_factory=dict)    # local and shared variables, parameters of calls
    tables: dict = field(default_factory=dict)       # name -> labels (.branchtargets)
    body: list = field(default_factory=list)


@dataclass
class Module:
    """All that a PTX text defines."""
    functions: dict
    variables: dict
    files: dict


def parse(text):
    """Read a PTX text. Raises: PtxError with the line that cannot be read."""
    return _Parser(text).module


class _Parser:
    """Walks over the statements of a text, with a stack of scopes inside of a function."""

    def __init__(self, text):
        self.module = Module({}, {}, {})
        self.source = self.function = self.pending = None
        self.scopes, self.opened = [], 0
        self.text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
        self.at, self.line = 0, 1
        while match := _STATEMENT.match(self.text, self.at):
            self.line += self.text.count("\n", self.at, match.start(match.lastgroup))
            getattr(self, "_" + match.lastgroup)(match[match.lastgroup].strip())
            self.line += self.text.count("\n", match.start(match.lastgroup), match.end())
            self.at = match.end()
        if rest := self.text[self.at:].strip():
            raise PtxError(f"PTX line {self.line} cannot be read: {rest.splitlines()[0]}")

    def _line(self, text):
        word, *rest = text.split(None, 1)
        if word == ".loc":
            file, line = rest[0].split()[:2]
            self.source = (int(file), int(line)) if int(line) else None
        elif word == ".file":
            number, path = rest[0].split(None, 1)
            self.module.files[int(number)] = path.split('"')[1]

    def _section(self, text):
        """Debugging information in tables is passed over."""

    def _header(self, text):
        match = re.match(r".*?\.(entry|func)\b\s*(?:\((.*?)\))?\s*([\w$]+)\s*(?:\((.*?)\))?(.*)$", text, re.DOTALL)
        if match is None:
            raise PtxError(f"PTX line {self.line}: this function cannot be read: {text}")
        kind, results, name, parameters, directives = match.groups()
        limits = re.search(r"\.(?:max|req)ntid\s+([\d\s,]+)", directives)
        self.function = self.pending = Function(
            name, kind == "entry", self._declared(parameters), self._declared(results),
            tuple(int(n) for n in limits[1].split(",")) if limits else None)
        self.source = None

    def _declared(self, text):
        return [self._variable(part) for part in (text or "").split(",") if part.strip()]

    def _end(self, text):
        self.function = self.pending = None   # a declaration without a body

    def _brace(self, brace):
        if brace == "{":
            if self.pending:
                self.module.functions[self.function.name] = self.function
                self.scopes, self.opened, self.pending = [], 0, None
            self.scopes.append((self.opened, {}))
            self.opened += 1
            return
        if not self.scopes:
            raise PtxError(f"PTX line {self.line}: a closing brace with no opening one")
        self.scopes.pop()
        if not self.scopes:
            self.function = None

    def _label(self, name):
        self.function.body.append(Label(self._scoped(name, new=True)))

    def _statement(self, text):
        if text.startswith(".reg"):
            self._register_declaration(text)
        elif text.startswith(".branchtargets"):
            self.function.tables[self.function.body.pop().name] = _split(text.split(None, 1)[1])
        elif match := re.search(r"\.(?:shared|global|const|local|param)\b", text) if text[0] == "." else None:
            variable = self._variable(text)
            if self.function is None:
                self.module.variables[variable.name] = variable
            else:
                variable.name = self._scoped(variable.name, new=True)
                self.function.variables[variable.name] = variable
        elif not text.startswith(".") and self.function is not None:
            self.function.body.append(self._instruction(text))
        elif match is None and not text.startswith((".pragma", ".alias")):
            raise PtxError(f"PTX line {self.line} cannot be read: {text}")

    def _scoped(self, name, new=False):
        """The name as it is unique in its function: names inside of inner braces get the scope's number."""
        for number, names in reversed(self.scopes[1:]):
            if new:
                names[name] = f"{name}@{number}"
            if name in names:
                return names[name]
        return name

    def _register_declaration(self, text):
        _, kind, names = text.split(None, 2)
        for name, count in _REGISTERS.findall(names):
            for each in [f"{name}{k}" for k in range(int(count))] if count else [name]:
                self.function.registers[self._scoped(each, new=True)] = kind[1:]

    def _variable(self, text):
        match = _VARIABLE.search(text)
        if match is None:
            raise PtxError(f"PTX line {self.line}: this variable cannot be read: {text}")
        space, words, name, dimensions, initial = match.groups()
        kind = next(word for word in re.findall(r"\.(\w+)", words) if word in DTYPES)
        align = re.search(r"\.align\s+(\d+)", words)
        width = DTYPES[kind].itemsize
        counts = [int(n or 0) for n in re.findall(r"\[(\d*)\]", dimensions)]
        size = width
        for count in counts:
            size *= count
        return Variable(space, name, kind, int(align[1]) if align else width, size,
                        self._initial(initial, kind, size), ".extern" in text[:match.start()])

    def _initial(self, text, kind, size):
        if not text:
            return b""
        numbers = [self._operand(part.strip()) for part in re.split(r"[{},]+", text) if part.strip()]
        if not all(isinstance(number, Number) for number in numbers):
            raise PtxError(f"PTX line {self.line}: a variable that holds an address is not supported: {text[:60]}")
        return b"".join(bits(number, kind) for number in numbers).ljust(size, b"\0")

    def _instruction(self, text):
        guard, body = None, text
        if match := _GUARD.match(body):
            guard = Register(self._scoped(match[2]), bool(match[1]))
            body = body[match.end():]
        opcode, _, rest = body.partition(" ") if " " in body.split("\t")[0] else body.partition("\t")
        parts = tuple(part for part in re.split(r"\.|::", opcode.strip()) if part)
        operands = tuple(self._operand(part) for part in _split(rest))
        return Instruction(parts, operands, guard, self.line, self.source, " ".join(text.split()) + ";")

    def _operand(self, text):
        if text[0] == "{":
            return Vector(tuple(self._operand(part) for part in _split(text[1:-1])))
        if text[0] == "(":
            return Vector(tuple(self._operand(part) for part in _split(text[1:-1])))
        if text[0] == "[":
            return self._address(text[1:-1].strip())
        if "|" in text:
            return Vector(tuple(self._operand(part.strip()) for part in text.split("|")))
        if text == "_":
            return None
        if text[0] == "!":
            return Register(self._scoped(text[1:].strip()), negated=True)
        if (number := _number(text)) is not None:
            return number
        if not re.fullmatch(r"[\w$%.]+", text):
            raise PtxError(f"PTX line {self.line}: the operand {text.split()[0]!r} ... cannot be read")
        name = self._scoped(text)
        if text[0] == "%" or name in (self.function.registers if self.function else ()):
            return Register(name)
        return Name(name)

    def _address(self, text):
        match = _ADDRESS.match(text)
        if match is None:
            raise PtxError(f"PTX line {self.line}: the address [{text}] cannot be read")
        offset = int((match[2] or match[3] or "0").replace(" ", ""), 0)
        base = self._operand(match[1])
        return Address(None, base.value + offset) if isinstance(base, Number) else Address(base, offset)


def _split(text):
    """Operands at the commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "{[(") - (letter in "}])")
        if letter == "," and not depth:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _number(text):
    if re.match(r"0[fF][\da-fA-F]{8}$", text):
        return Number(int(text[2:], 16), "f32")
    if re.match(r"0[dD][\da-fA-F]{16}$", text):
        return Number(int(text[2:], 16), "f64")
    if _INTEGER.match(text):
        digits = text.rstrip("U")
        octal = re.match(r"-?0\d+$", digits)
        return Number(int(digits, 8 if octal else 0))
    if _REAL.match(text):
        return Number(float(text))
    return {"WARP_SZ": Number(32), "true": Number(1), "false": Number(0)}.get(text)


def bits(number, kind):
    """The bytes of a constant, read by an instruction of the type `kind`."""
    dtype = DTYPES[kind]
    if number.type is not None:
        raw = number.value
        if kind in ("f32", "f64") and kind != number.type:   # 0d... in an f32 instruction, and the reverse
            value = struct.unpack("<d" if number.type == "f64" else "<f",
                                  raw.to_bytes(8 if number.type == "f64" else 4, "little"))[0]
            return struct.pack("<f" if kind == "f32" else "<d", value)
        return raw.to_bytes(8, "little")[:dtype.itemsize]
    if dtype.kind == "f":
        return dtype.type(number.value).tobytes()
    return (int(number.value) % (1 << 8 * dtype.itemsize)).to_bytes(dtype.itemsize, "little")
