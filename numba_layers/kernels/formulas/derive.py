"""Derivatives of formulas, as formulas: forward mode, written out.

Each step is followed by the steps of its tangent, the derivative of what it makes by one parameter; the result is the
tangent of what the formula returned. Branches and loops stay what they are. Steps that nothing needs are left out, so
that derivatives of derivatives stay short.
Reference: Griewank & Walther 2008, "Evaluating Derivatives", §3.1 and §6.
"""

from .language import (
    Assign,
    Call,
    If,
    Number,
    Range,
    Return,
    Steps,
    While,
    assigned,
    read_by,
    rebuilt,
    walk,
)
from .rules import CONSTANT, RULES, TANGENTS

ZERO, ONE = Number(0.0), Number(1.0)
# Operations that cost about what a number's way from memory does; others are worth a read of the result instead
_QUICK = frozenset(("copy", "add", "subtract", "multiply", "divide", "negative", "abs", "sign", "square", "reciprocal",
                    "sqrt", "select", "maximum", "minimum", "clip", "real", "not", "and", "or", "less", "less_equal",
                    "greater", "greater_equal", "equal", "not_equal"))


def derivative(steps, by):
    """The derivative of a formula by the parameters whose numbers are `by`, one after the other."""
    for place in by:
        steps = simplified(_Tangent(steps, place).steps())
    return steps


def is_zero(steps):
    """Whether a formula is 0 everywhere."""
    return all(step.value == ZERO for step in walk(steps.body) if isinstance(step, Return))


class Writer:
    """Writes steps into a body; what is added to 0 or multiplied by 1 is not written."""

    def __init__(self, kinds):
        self.kinds, self.body, self._count = kinds, [], len(kinds)

    def __call__(self, operation, *arguments, kind="real"):
        name = f"%{self._count}"
        while name in self.kinds:
            self._count += 1
            name = f"%{self._count}"
        self.kinds[name] = kind
        self.body.append(Assign(name, operation, list(arguments)))
        return name

    def add(self, a, b):
        if a == ZERO or b == ZERO:
            return b if a == ZERO else a
        return Number(a.value + b.value) if _both(a, b) else self("add", a, b)

    def subtract(self, a, b):
        if a == ZERO or b == ZERO:
            return self.negative(b) if a == ZERO else a
        return Number(a.value - b.value) if _both(a, b) else self("subtract", a, b)

    def negative(self, x):
        return Number(-x.value or 0.0) if isinstance(x, Number) else self("negative", x)

    def multiply(self, a, b):
        if ZERO in (a, b):
            return ZERO
        if _both(a, b):
            return Number(a.value * b.value)
        for one, other in ((a, b), (b, a)):
            if one == ONE or one == Number(-1.0):
                return other if one == ONE else self.negative(other)
        return self("multiply", a, b)

    def divide(self, a, b):
        if a == ZERO or b == ONE:
            return a
        return Number(a.value / b.value) if _both(a, b) and b != ZERO else self("divide", a, b)

    def power(self, a, b):
        if b == ZERO or b == ONE:
            return ONE if b == ZERO else a
        return self("power", a, b)

    def select(self, test, yes, no):
        return yes if yes == no else self("select", test, yes, no)


def _both(a, b):
    return isinstance(a, Number) and isinstance(b, Number)


class _Tangent:
    """The derivative of a formula by one parameter."""

    def __init__(self, steps, place):
        self._of, self._by = steps, steps.parameters[place]
        self._counts = assigned(steps.body)
        self._write = Writer(dict(steps.kinds))
        self._names = {}        # a variable of the user's -> that of its tangent
        self._alias = {}        # a variable that is no user's -> its tangent
        self._active = self._depending()

    def steps(self):
        for name in self._of.parameters:
            if name in self._counts and name in self._active:
                self._keep(name, ONE if name == self._by else ZERO)
        body = self._write.body
        self._all(self._of.body)
        return Steps(self._of.name, self._of.parameters, self._write.kinds, body)

    def _depending(self):
        """The variables that depend on the parameter, somewhere."""
        found, before = {self._by}, 0
        while len(found) > before:
            before = len(found)
            for step in walk(self._of.body):
                if (isinstance(step, Assign) and self._of.kinds[step.name] == "real" and step.operation not in CONSTANT
                        and not found.isdisjoint(step.arguments)):
                    found.add(step.name)
        return found

    def _of_atom(self, atom):
        if isinstance(atom, Number) or atom not in self._active:
            return ZERO
        if atom == self._by and atom not in self._counts:
            return ONE
        return self._alias[atom] if atom in self._alias else self._tangent_of(atom)

    def _tangent_of(self, name):
        """The variable for the tangent of a user's one."""
        if name not in self._names:
            tangent = f"{name}'"
            while tangent in self._write.kinds:     # that of another derivative
                tangent += "'"
            self._names[name] = tangent
            self._write.kinds[tangent] = "real"
        return self._names[name]

    def _keep(self, name, tangent):
        self._write.body.append(Assign(self._tangent_of(name), "copy", [tangent]))

    def _all(self, body):
        for step in body:
            if isinstance(step, Assign):
                self._write.body.append(step)
                if step.name in self._active:
                    self._assign(step)
            elif isinstance(step, Return):
                self._write.body.append(Return(self._of_atom(step.value)))
            else:
                self._write.body.append(rebuilt(step, self._block))

    def _block(self, body):
        outer, self._write.body = self._write.body, []
        self._all(body)
        block, self._write.body = self._write.body, outer
        return block

    def _assign(self, step):
        tangent = self._tangent(step)
        if not step.name.startswith("%"):       # a variable of the user's, which may be assigned anywhere
            self._keep(step.name, tangent)
        elif isinstance(tangent, Number) or tangent.startswith("%"):
            self._alias[step.name] = tangent
        else:
            self._alias[step.name] = self._write("copy", tangent)

    def _tangent(self, step):
        write, arguments = self._write, step.arguments
        tangents = [self._of_atom(atom) for atom in arguments]
        if step.operation in TANGENTS:
            return TANGENTS[step.operation](write, step.name, arguments, tangents)
        if isinstance(step.operation, Call):
            total = ZERO
            for place, tangent in enumerate(tangents):
                if tangent != ZERO:
                    slope = Call(step.operation.steps, tuple(sorted((*step.operation.by, place))))
                    total = write.add(total, write.multiply(write(slope, *arguments), tangent))
            return total
        factors = RULES[step.operation](write, step.name, *arguments)
        total = ZERO
        for factor, tangent in zip(factors, tangents):
            if factor is not None and tangent != ZERO:
                total = write.add(total, write.multiply(factor, tangent))
        return total


# ---- shorter -----------------------------------------------------------------------------------------------


def simplified(steps):
    """The steps without copies of what has one value, and without what nothing needs."""
    body = steps.body
    if not any(isinstance(step, While | Range) for step in walk(body)):
        body = _without_copies(body, steps.parameters)
    return steps._replace(body=_needed(body))


def _without_copies(body, parameters):
    counts = assigned(body)
    fixed = {name for name in (*counts, *parameters) if counts.get(name, 0) == (name not in parameters)}
    stands_for = {}

    def resolved(atom):
        while atom in stands_for:
            atom = stands_for[atom]
        return atom

    def without(body):
        kept = []
        for step in body:
            if isinstance(step, Assign):
                step = step._replace(arguments=[resolved(atom) for atom in step.arguments])
                if step.operation == "copy" and step.name in fixed and (
                        isinstance(step.arguments[0], Number) or step.arguments[0] in fixed):
                    stands_for[step.name] = step.arguments[0]
                    continue
            elif isinstance(step, Return):
                step = Return(resolved(step.value))
            elif isinstance(step, If):
                step = step._replace(test=resolved(step.test))
            kept.append(rebuilt(step, without))
        return kept

    return without(body)


def _needed(body):
    """A body without assignments that nothing reads, and without branches in which nothing is left."""
    while True:
        read, before = set(), -1
        while len(read) > before:
            before = len(read)
            for step in walk(body):
                if not isinstance(step, Assign) or step.name in read:
                    read |= read_by(step)

        def without(body, read=read):
            kept = [rebuilt(step, without) for step in body if not isinstance(step, Assign) or step.name in read]
            return [step for step in kept if not (isinstance(step, If) and not step.body and not step.orelse)]

        shorter = without(body)
        if shorter == body:
            return body
        body = shorter


def from_output(steps, derived):
    """A derivative that reads the formula's result too, and so computes less; itself where that is none the cheaper.

    The result is a parameter behind the others then.
    """
    *before, last = steps.body
    result = last.value if all(isinstance(step, Assign) for step in before) else None
    if assigned(before).get(result) != 1 or result in steps.parameters:
        return derived      # what bears its name is not the result throughout
    shorter = _needed([step for step in derived.body if getattr(step, "name", None) != result])
    if _cost(shorter) < _cost(derived.body):
        return derived._replace(parameters=[*derived.parameters, result], body=shorter)
    return derived


def _cost(body):
    return sum(step.operation not in _QUICK for step in walk(body) if isinstance(step, Assign))


def used(steps):
    """The numbers of the parameters that a formula reads; that of the first where it reads none."""
    read = set().union(*map(read_by, walk(steps.body)))
    return [place for place, name in enumerate(steps.parameters) if name in read] or [0]

