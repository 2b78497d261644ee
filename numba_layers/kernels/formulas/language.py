"""The steps that a formula is made of: one operation each, on variables and constants.

Every variable has a kind: 'real' for numbers of the tensors' float type, 'int' for counters, 'bool' for answers of
comparisons. Variables that the user's function names are only ever given copies; those made between, by `Assign` of
an operation, have one assignment.
"""

from collections import namedtuple

Number = namedtuple("Number", "value")      # a constant; variables are their names

Assign = namedtuple("Assign", "name operation arguments")
If = namedtuple("If", "test body orelse")
While = namedtuple("While", "before test body")     # before: steps ahead of each test
Range = namedtuple("Range", "name bounds body")
Return = namedtuple("Return", "value")
Break = namedtuple("Break", "")
Continue = namedtuple("Continue", "")

# A function: steps, and the kind of each variable. parameters: names.
Steps = namedtuple("Steps", "name parameters kinds body")


class Call:
    """An operation: another function, or its derivative by the parameters whose numbers are `by`."""

    def __init__(self, steps, by=()):
        self.steps, self.by = steps, by



KINDS = "bool", "int", "real"
COMPARISONS = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
               "not_equal": "!="}
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"} | COMPARISONS
# Operations that a step spells out, and those that are functions of this name; see `write`.
UNARY = ("negative", "abs", "sign", "square", "reciprocal", "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2",
         "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
         "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf",
         "erfc", "floor", "ceil", "rint", "trunc")
QUESTIONS = "isnan", "isinf", "isfinite"
BINARY = "power", "maximum", "minimum", "atan2", "hypot", "copysign", "fmod", "logaddexp", "floor_divide", "mod"


def kind_of(atom, kinds):
    """The kind of a variable or a constant."""
    if isinstance(atom, Number):
        return "bool" if isinstance(atom.value, bool) else "int" if isinstance(atom.value, int) else "real"
    return kinds[atom]


def widest(*some):
    """The kind that holds numbers of all `some`."""
    return max(some, key=KINDS.index)


def walk(body):
    """All steps of a body, those inside of others too."""
    for step in body:
        yield step
        for part in blocks(step):
            yield from walk(part)


def blocks(step):
    """The bodies of a step."""
    if isinstance(step, If):
        return step.body, step.orelse
    if isinstance(step, While):
        return step.before, step.body
    return (step.body,) if isinstance(step, Range) else ()


def rebuilt(step, make):
    """The step with `make(body)` in place of each of its bodies."""
    if isinstance(step, If):
        return If(step.test, make(step.body), make(step.orelse))
    if isinstance(step, While):
        return While(make(step.before), step.test, make(step.body))
    return step._replace(body=make(step.body)) if isinstance(step, Range) else step


def read_by(step):
    """The variables that a step itself reads, without what stands in its bodies."""
    if isinstance(step, Assign):
        atoms = step.arguments
    elif isinstance(step, Range):
        atoms = step.bounds
    else:
        atoms = [getattr(step, "test", getattr(step, "value", None))]
    return {atom for atom in atoms if isinstance(atom, str)}


def assigned(body):
    """How often each variable of a body is assigned in its text."""
    counts = {}
    for step in walk(body):
        if isinstance(step, Assign | Range):
            counts[step.name] = counts.get(step.name, 0) + 1
    return counts
