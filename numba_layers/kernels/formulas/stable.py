"""What is written so that it overflows though its value does not, and so would its slope: logistic functions.

    log(1 + e**u), log1p(e**u)  ->  softplus(u)             a / (1 + e**u)  ->  a sigmoid(-u)

In float32 e**u is infinite from u = 89 on; the derivative of these as written is infinity times 0 there.
"""

from .derive import simplified
from .language import Assign, Number, assigned, rebuilt

_ONE = Number(1.0)


def stable(steps):
    """The same formula with such expressions as operations of their own."""
    return simplified(steps._replace(body=_Reader(steps).body(steps.body)))


class _Reader:
    def __init__(self, steps):
        self._kinds = steps.kinds
        self._known = {}        # a variable with one value -> the step that makes it
        counts = assigned(steps.body)
        self._fixed = {name for name, count in counts.items() if count == 1}
        self._fixed |= {name for name in steps.parameters if name not in counts}

    def body(self, body):
        kept = []
        for step in body:
            if isinstance(step, Assign):
                *before, step = self._rewritten(step)
                kept += before
                if step.name in self._fixed:
                    self._known[step.name] = step
            kept.append(rebuilt(step, self.body))
        return kept

    def _rewritten(self, step):
        operation, arguments = step.operation, step.arguments
        exponent = None
        if operation == "log1p":
            exponent = self._exponent(arguments[0])
        elif operation in ("log", "reciprocal", "divide"):
            exponent = self._exponent_of_sum(arguments[-1])
        if exponent is None:
            return [step]
        if operation in ("log", "log1p"):
            return [Assign(step.name, "softplus", [exponent])]
        above = arguments[0] if operation == "divide" else _ONE
        if self._exponent(above) == exponent:       # e**u / (1 + e**u)
            return [Assign(step.name, "sigmoid", [exponent])]
        before, minus = self._negative(exponent)
        if above == _ONE:
            return [*before, Assign(step.name, "sigmoid", [minus])]
        name = self._new()
        return [*before, Assign(name, "sigmoid", [minus]), Assign(step.name, "multiply", [above, name])]

    def _made_by(self, atom, operation):
        step = self._known.get(atom) if isinstance(atom, str) else None
        return step.arguments if step is not None and step.operation == operation else None

    def _exponent(self, atom):
        """u where a variable is e**u."""
        made = self._made_by(atom, "exp")
        return made[0] if made and self._stays(made[0]) else None

    def _exponent_of_sum(self, atom):
        """u where a variable is 1 + e**u."""
        terms = self._made_by(atom, "add")
        if terms is None or _ONE not in terms:
            return None
        return self._exponent(terms[1] if terms[0] == _ONE else terms[0])

    def _stays(self, atom):
        """Whether a variable has one value, so that it may be read later than it was."""
        return isinstance(atom, Number) or atom in self._fixed

    def _negative(self, atom):
        made = self._made_by(atom, "negative")
        if made:
            return [], made[0]
        name = self._new()
        return [Assign(name, "negative", [atom])], name

    def _new(self):
        name = f"%{len(self._kinds)}"
        while name in self._kinds:
            name += "0"
        self._kinds[name] = "real"
        return name
