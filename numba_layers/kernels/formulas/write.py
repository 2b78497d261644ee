"""Steps as Python, in the words that a target has for their operations.

Constants take the type of the first parameter, `type(x)(0.5)`, so that float32 work stays float32.
"""

import builtins
import keyword
import re

from .derive import derivative, used
from .language import SIGNS, Assign, Break, Call, Continue, If, Number, Range, Return, Steps, While, kind_of

_IN_PYTHON = {"abs": "abs", "maximum": "max", "minimum": "min"}      # of whole numbers
_OF_INTEGERS = SIGNS | {"floor_divide": "//", "mod": "%"}


def written(steps):
    """[(name, text of a function)]: those that the last one, the formula itself, calls come first."""
    program = _Program()
    program.name_of(steps, ())
    return program.functions


def identifier(name):
    """A name in letters that files and machine code take: 'lambda' of '<lambda>'."""
    plain = re.sub(r"\W", "", name, flags=re.ASCII)[:60]
    return plain if plain and not plain[0].isdigit() else f"formula_{plain}"


class _Program:
    def __init__(self):
        self.functions = []
        self._names = {}
        self._steps = []        # kept, for names go by identity

    def name_of(self, steps, by):
        """The name of a function, or of its derivative, written if it was not yet."""
        key = id(steps), by
        if key not in self._names:
            self._steps.append(steps)
            steps = derivative(steps, by)
            text = _Function(self, steps)
            name = f"{identifier(steps.name)}_{len(self.functions)}"
            self.functions.append((name, text.of(name)))
            self._names[key] = name
        return self._names[key]


class _Function:
    def __init__(self, program, steps: Steps):
        self.program, self.steps = program, steps
        self.names, self.taken = {}, {*SIGNS, *keyword.kwlist, *dir(builtins)}
        places = used(steps)
        self.parameters = [steps.parameters[place] for place in places]
        self.real = next((name for name in self.parameters if steps.kinds[name] == "real"), None)

    def of(self, name):
        given = [self.name(one) for one in self.parameters]
        self.like = self.name(self.real)
        lines = self.block(self.steps.body, "    ")
        return "\n".join([f"def {name}({', '.join(given)}):", *lines, ""])

    def block(self, body, indent):
        lines = [f"{indent}{line}" for step in body for line in self.lines(step)]
        return lines or [f"{indent}pass"]

    def lines(self, step):
        if isinstance(step, Assign):
            return [f"{self.name(step.name)} = {self.expression(step)}"]
        if isinstance(step, If):
            rest = ["else:", *self.block(step.orelse, "    ")] if step.orelse else []
            return [f"if {self.atom(step.test)}:", *self.block(step.body, "    "), *rest]
        if isinstance(step, While):
            test = [f"    if not {self.atom(step.test)}:", "        break"]
            before = self.block(step.before, "    ") if step.before else []
            return ["while True:", *before, *test, *self.block(step.body, "    ")]
        if isinstance(step, Range):
            bounds = ", ".join(map(self.atom, step.bounds))
            return [f"for {self.name(step.name)} in range({bounds}):", *self.block(step.body, "    ")]
        if isinstance(step, Return):
            return [f"return {self.atom(step.value)}"]
        return [{Break: "break", Continue: "continue"}[type(step)]]

    def expression(self, step):
        operation, kind = step.operation, self.steps.kinds[step.name]
        if isinstance(operation, Call):
            return self.call(operation, step.arguments)
        given = [self.atom(atom) for atom in step.arguments]
        if operation == "copy":
            return given[0]
        if operation == "select":
            return f"{given[1]} if {given[0]} else {given[2]}"
        if operation in ("not", "and", "or"):
            return f"not {given[0]}" if operation == "not" else f"{given[0]} {operation} {given[1]}"
        if operation == "negative":
            return f"-{given[0]}"
        if operation in ("real", "int"):
            return f"type({self.like})({given[0]})" if operation == "real" else f"int({given[0]})"
        signs = _OF_INTEGERS if kind == "int" else SIGNS
        if operation in signs:
            return f"{given[0]} {signs[operation]} {given[1]}"
        words = _IN_PYTHON if kind == "int" else {"abs": "absolute"}
        word = words.get(operation, operation)
        return f"{word}({', '.join(given)})"

    def call(self, operation, arguments):
        name = self.program.name_of(operation.steps, operation.by)
        chosen = used(derivative(operation.steps, operation.by))
        return f"{name}({', '.join(self.atom(arguments[place]) for place in chosen)})"

    def atom(self, atom):
        if not isinstance(atom, Number):
            return self.name(atom)
        if kind_of(atom, {}) != "real":
            return repr(atom.value)
        value = repr(atom.value)
        if value in ("inf", "-inf", "nan"):
            return f"type({self.like})(float('{value}'))"
        return f"type({self.like})({value})"

    def name(self, name):
        """A variable's name: the user's own where that is possible."""
        if name not in self.names:
            plain = name.replace("%", "_").replace("'", "_slope")
            while plain in self.taken or plain in WORDS:
                plain += "_"
            self.taken.add(plain)
            self.names[name] = plain
        return self.names[name]


# What the text of a formula calls; each target has functions of these names
WORDS = frozenset((
    "absolute", "sign", "square", "reciprocal", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p",
    "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc",
    "floor", "ceil", "rint", "trunc", "isnan", "isinf", "isfinite", "power", "maximum", "minimum", "atan2", "hypot",
    "copysign", "fmod", "logaddexp", "floor_divide", "mod", "clip", "sigmoid", "softplus"))
