"""A Python function of numbers, read from its source as steps (`language`).

What it may be made of: numbers, arithmetic, comparisons, `and`, `or`, `not`; assignments, `if`, `while`, loops over
`range` and over constants; functions of `math`, NumPy and Python that take single numbers (`vocabulary`); numbers, of
which it is a closure, or that are global; other such functions. Anything else is a `FormulaError` that shows its line.
"""

import ast
import builtins
import contextlib
import inspect
import math
import operator
from types import FunctionType, ModuleType

import numpy as np

from ...errors import FormulaError, shown
from . import source
from .language import (
    BINARY,
    COMPARISONS,
    QUESTIONS,
    Assign,
    Break,
    Call,
    Continue,
    If,
    Number,
    Range,
    Return,
    Steps,
    While,
    kind_of,
    widest,
)
from .vocabulary import CALLS, EVERYWHERE, SIGNS

_DEEPEST = 20       # functions that call each other
_LONGEST = 64       # constants over which a loop is written out

_OPERATORS = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Mod: "mod",
              ast.FloorDiv: "floor_divide", ast.Pow: "power", ast.Lt: "less", ast.LtE: "less_equal",
              ast.Gt: "greater", ast.GtE: "greater_equal", ast.Eq: "equal", ast.NotEq: "not_equal"}
_FOLDED = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
           "mod": operator.mod, "floor_divide": operator.floordiv, "power": operator.pow, "less": operator.lt,
           "less_equal": operator.le, "greater": operator.gt, "greater_equal": operator.ge, "equal": operator.eq,
           "not_equal": operator.ne, "maximum": max, "minimum": min, "negative": operator.neg, "abs": abs}


def numbers_of(function, count, named=None):
    """Whether a function that was given for tensors is one of numbers, by what only numbers pass through.

    count: how many arguments it gets by position, beside those that are `named`. None: it may be one of tensors.
    'numpy': its NumPy functions are of numbers, or of arrays that hold values. 'numbers': it branches on an argument,
    or gives it to a function of `math`.
    Raises: FormulaError where it does so, and cannot be compiled.
    """
    if not isinstance(function, FunctionType):
        return None
    signs = set()
    try:
        translated(function, ["real"] * count, named, signs)
    except FormulaError as error:
        if "numbers" in signs and error.certain:
            raise
        return None
    return "numbers" if "numbers" in signs else "numpy" if signs else None


def translated(function, given, named=None, signs=None, result=None):
    """A function as `Steps`. given: for each argument by position its kind, or a `Number`; named: name -> number.

    result: which of its results, where it returns several. signs: a set to which 'numbers' and 'numpy' are added, where
    arguments meet what only numbers pass through.
    """
    return _Program(signs if signs is not None else set()).steps_of(function, given, named or {}, None, result)


def results_of(function):
    """How many numbers a function returns as a tuple; None where it returns one, or its source is not at hand."""
    try:
        node = source.definition(function)
    except OSError:
        return None
    values = [node.body] if isinstance(node, ast.Lambda) else [
        one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
    return max((len(one.elts) for one in values if isinstance(one, ast.Tuple)), default=None)


class _Program:
    """A function and those that it calls, each read once for the kinds of its arguments."""

    def __init__(self, signs):
        self.signs = signs
        self._under_way = []
        self._known = {}

    def steps_of(self, function, given, named, called_by, result=None):
        key = function, repr(given), repr(named), result        # as text, for 1, 1.0 and True are equal
        if key not in self._known:
            if function in self._under_way or len(self._under_way) == _DEEPEST:
                raise called_by("it calls itself. Write a loop")
            self._under_way.append(function)
            self._known[key] = _Function(self, function, given, named, result).read()
            self._under_way.pop()
        return self._known[key]


class _Function:
    """One function, read again with wider kinds until those of all variables are known."""

    def __init__(self, program, function, given, named, result):
        self.program, self.function, self.result = program, function, result
        self.name = function.__name__
        try:
            self.node = source.definition(function)
        except OSError as error:
            raise FormulaError(f"formula {self.name!r} cannot be compiled: {error}. Write it in a file, or in a cell "
                               "of a notebook.") from None
        self.held = dict(zip(function.__code__.co_freevars, function.__closure__ or ()))
        statements = self.node.body if isinstance(self.node, ast.FunctionDef) else [
            ast.copy_location(ast.Return(self.node.body), self.node.body)]
        self.statements = statements
        self.parameters, self.constants, self.starts = self._arguments(given, named)
        self.own = {node.id for statement in statements for node in ast.walk(statement)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        for name in self.own & set(self.constants):     # a parameter that is a number, and is assigned to
            self.starts[name] = self.constants.pop(name)
        self.kinds = dict(self.parameters)

    def _arguments(self, given, named):
        """(parameters that vary: name -> kind; those that are constants: name -> Number; none that begin otherwise)."""
        arguments = self.node.args
        if arguments.vararg or arguments.kwarg:
            raise self.error(self.node, "it takes any number of arguments (*, **). Name each")
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
        if len(given) > len(names):
            raise self.error(self.node, f"it takes {len(names)} arguments by position, and gets {len(given)}")
        bound = dict(zip(names, given))
        signature = inspect.signature(self.function, follow_wrapped=False)
        values = {name: parameter.default for name, parameter in signature.parameters.items()
                  if parameter.default is not inspect.Parameter.empty} | named
        varying, constants = {}, {}
        for name in (*names, *(one.arg for one in arguments.kwonlyargs)):
            one = bound.get(name)
            if isinstance(one, str):
                varying[name] = one
            elif one is not None:
                constants[name] = one
            elif name in values:
                constants[name] = self._constant(self.node, values[name], f"argument {name!r}")
            else:
                raise self.error(self.node, f"it needs an argument {name!r}, and gets {len(given)} by position")
        for name in named:
            if name not in constants or name in bound:
                raise self.error(self.node, f"it takes no argument {name!r}")
        return varying, constants, {}

    def error(self, node, what):
        """The error to raise for a piece of the source."""
        file, number, text = source.line(self.function, node)
        error = FormulaError(f"formula {self.name!r} cannot be compiled: {what}.\n  {file}, line {number}: {text}")
        error.certain = "numbers" in self.program.signs
        return error

    def read(self):
        self.again = True
        while self.again:
            self.again, self.temporaries, self.depending, self.body = False, 0, set(self.parameters), []
            for name, value in self.starts.items():
                self._assign(name, value)
            for statement in self.statements:
                self._statement(statement)
        if not _ends(self.body):
            raise self.error(self.node, "it has an end without a number: `return` one on every way through")
        return Steps(self.name, list(self.parameters), self.kinds, self.body)

    # -- statements --------------------------------------------------------------------------------------------

    def _statement(self, node):
        known = getattr(self, f"_do_{type(node).__name__}", None)
        if known is None:
            raise self.error(node, f"a formula has no place for `{type(node).__name__.lower()}`")
        known(node)

    def _do_Pass(self, node):
        pass

    def _do_Expr(self, node):
        if not isinstance(node.value, ast.Constant):        # a docstring
            raise self.error(node, "this line has no effect: a formula gives a number alone")

    def _do_Return(self, node):
        if node.value is None:
            raise self.error(node, "`return` without a number")
        value = node.value
        if self.result is not None:
            if not isinstance(value, ast.Tuple) or len(value.elts) != results_of(self.function):
                raise self.error(node, "it returns several numbers, and here another number of them")
            value = value.elts[self.result]
        elif isinstance(value, ast.Tuple):
            raise self.error(node, "it returns several numbers, where one is needed")
        self.body.append(Return(self._as_real(self._number(value))))

    def _do_Break(self, node):
        self.body.append(Break())

    def _do_Continue(self, node):
        self.body.append(Continue())

    def _do_Assign(self, node):
        value = node.value
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
                copies = [self._emit("copy", self._number(one)) for one in value.elts]
                for one, copy in zip(target.elts, copies):
                    self._assign(self._target(one), copy)
            elif isinstance(target, ast.Tuple):
                if not isinstance(value, ast.Call):
                    raise self.error(node, "several names are given the results of a function, or as many numbers")
                found = [self._call(value, (place, len(target.elts))) for place in range(len(target.elts))]
                for one, result in zip(target.elts, found):
                    self._assign(self._target(one), result)
            else:
                self._assign(self._target(target), self._number(value))

    def _do_AnnAssign(self, node):
        if node.value is not None:
            self._assign(self._target(node.target), self._number(node.value))

    def _do_AugAssign(self, node):
        name = self._target(node.target)
        value = self._binary(node, type(node.op), self._read(node.target, name), self._number(node.value))
        self._assign(name, value)

    def _do_If(self, node):
        test = self._test(node.test)
        if isinstance(test, Number):
            for statement in node.body if test.value else node.orelse:
                self._statement(statement)
            return
        self._branches(node, test)
        self.body.append(If(test, self._block(node.body), self._block(node.orelse)))

    def _do_While(self, node):
        if node.orelse:
            raise self.error(node, "a formula has no place for the `else` of a loop")
        outer, self.body = self.body, []
        test, before = self._test(node.test), self.body
        self.body = outer
        self._branches(node, test)
        self.body.append(While(before, test, self._block(node.body)))

    def _do_For(self, node):
        if node.orelse:
            raise self.error(node, "a formula has no place for the `else` of a loop")
        name, over = self._target(node.target), node.iter
        called = self._value(over.func) if isinstance(over, ast.Call) else None
        if called is range:
            bounds = [self._number(one) for one in over.args]
            for bound in bounds:
                if self._kind(bound) == "real":
                    raise self.error(node, "the bounds of `range` must be whole numbers")
            self._widen(name, "int")
            self.body.append(Range(name, bounds, self._block(node.body)))
            return
        entries = self._entries(over)
        if len(entries) > _LONGEST:
            raise self.error(node, f"a loop over {len(entries)} constants is too long to be written out")
        if any(isinstance(inner, ast.Break | ast.Continue) for inner in ast.walk(node)):
            raise self.error(node, "a loop over constants has no `break` and no `continue`. Loop over `range`")
        for entry in entries:
            self._assign(name, self._constant(over, entry, "an entry"))
            for statement in node.body:
                self._statement(statement)

    def _entries(self, node):
        """The constants over which a loop goes."""
        values = [self._value(one) for one in node.elts] if isinstance(node, ast.Tuple | ast.List) else (
            self._value(node))
        if isinstance(values, np.ndarray) and values.ndim == 1:
            values = values.tolist()
        if not isinstance(values, list | tuple):
            raise self.error(node, "loops go over `range`, or over constants")
        return values

    def _block(self, statements):
        outer, self.body = self.body, []
        for statement in statements:
            self._statement(statement)
        block, self.body = self.body, outer
        return block

    def _target(self, node):
        if not isinstance(node, ast.Name):
            raise self.error(node, "a formula assigns to names alone: it holds single numbers")
        return node.id

    def _assign(self, name, value):
        self._widen(name, self._kind(value))
        if self.kinds[name] != self._kind(value):
            value = self._as(self.kinds[name], value)
        if self._depends(value):
            self.depending.add(name)
        self.body.append(Assign(name, "copy", [value]))

    def _widen(self, name, kind):
        known = self.kinds.get(name, kind)
        self.kinds[name] = widest(kind, known)
        self.again |= self.kinds[name] != known

    # -- expressions -------------------------------------------------------------------------------------------

    def _number(self, node):
        """What an expression is, as a variable or a `Number`."""
        known = getattr(self, f"_of_{type(node).__name__}", None)
        if known is None:
            raise self.error(node, _no_number(node))
        return known(node)

    def _of_Constant(self, node):
        return self._constant(node, node.value, "a constant")

    def _of_Name(self, node):
        return self._read(node, node.id)

    def _of_Attribute(self, node):
        return self._constant(node, self._value(node), ast.unparse(node))

    def _of_Subscript(self, node):
        return self._constant(node, self._value(node), ast.unparse(node))

    def _of_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            return self._not(self._test(node.operand), node)
        operand = self._number(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        if isinstance(node.op, ast.USub):
            return self._operation("negative", self._at_least_int(operand))
        raise self.error(node, "a formula has no place for `~`")

    def _not(self, test, node):
        if isinstance(test, Number):
            return Number(not test.value)
        self._branches(node, test)
        return self._emit("not", test, kind="bool")

    def _of_BinOp(self, node):
        return self._binary(node, type(node.op), self._number(node.left), self._number(node.right))

    def _binary(self, node, kind, left, right):
        if kind not in _OPERATORS:
            raise self.error(node, "a formula has no place for this operator")
        return self._operation(_OPERATORS[kind], left, right, node=node)

    def _of_Compare(self, node):
        operands = [self._number(one) for one in (node.left, *node.comparators)]
        answers = []
        for place, sign in enumerate(node.ops):
            if type(sign) not in _OPERATORS:
                raise self.error(node, "a formula compares numbers alone")
            answers.append(self._operation(_OPERATORS[type(sign)], *operands[place:place + 2], node=node))
        if len(answers) > 1:
            self._branches(node, *answers)
        return self._joined("and", answers)

    def _of_BoolOp(self, node):
        answers = [self._test(one, strictly=True) for one in node.values]
        self._branches(node, *answers)
        return self._joined("and" if isinstance(node.op, ast.And) else "or", answers)

    def _joined(self, word, answers):
        first, *others = answers
        for other in others:
            if isinstance(first, Number) or isinstance(other, Number):
                constant, rest = (first, other) if isinstance(first, Number) else (other, first)
                first = rest if bool(constant.value) == (word == "and") else Number(word == "or")
            else:
                first = self._emit(word, first, other, kind="bool")
        return first

    def _of_IfExp(self, node):
        test = self._test(node.test)
        if isinstance(test, Number):
            return self._number(node.body if test.value else node.orelse)
        self._branches(node, test)
        return self._select(test, self._number(node.body), self._number(node.orelse))

    def _select(self, test, yes, no):
        kind = widest(self._kind(yes), self._kind(no))
        return self._emit("select", test, self._as(kind, yes), self._as(kind, no), kind=kind)

    def _of_Call(self, node):
        return self._call(node, None)

    def _call(self, node, wanted):
        """What a call gives. wanted: (which, how many) of several results."""
        function = self._value(node.func)
        if any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords):
            raise self.error(node, "a formula passes each argument by itself")
        word = CALLS.get(function) if _hashable(function) else None
        function = getattr(function, "formula_of_numbers", getattr(function, "py_func", function))
        if function is float and len(node.args) == 1 and isinstance(getattr(node.args[0], "value", None), str):
            with contextlib.suppress(ValueError):
                return Number(float(node.args[0].value))        # float("inf")
        arguments = [self._number(one) for one in node.args]
        if wanted is not None and (not isinstance(function, FunctionType) or results_of(function) != wanted[1]):
            raise self.error(node, f"{ast.unparse(node.func)} does not return {wanted[1]} numbers")
        if word is not None:
            if node.keywords:
                raise self.error(node, f"{ast.unparse(node.func)} takes numbers by position here")
            if function not in EVERYWHERE and any(map(self._depends, arguments)):
                self.program.signs.add("numbers" if function in SIGNS else "numpy")
            special = getattr(self, f"_call_{word}", None)
            if special is not None:
                if not _takes(special, arguments):
                    raise self.error(node, f"{ast.unparse(node.func)} takes another number of arguments here")
                return special(node, *arguments)
            return self._operation(word, *arguments, node=node)
        if not isinstance(function, FunctionType):
            raise self.error(node, f"{ast.unparse(node.func)} is no function of single numbers that a formula can "
                             "call")
        if getattr(function, "__module__", "").partition(".")[0] in (__package__.partition(".")[0], "numpy"):
            raise self.error(node, f"{ast.unparse(node.func)} is a function of tensors or arrays, a formula computes "
                             "one number from single numbers")
        return self._called(node, function, arguments, wanted and wanted[0])

    def _called(self, node, function, arguments, result):
        """A call of another function of numbers: by its kinds of arguments, constants are part of it."""
        named = {}
        for one in node.keywords:
            value = self._number(one.value)
            if not isinstance(value, Number):
                raise self.error(node, f"argument {one.arg!r} varies: pass it by position")
            named[one.arg] = value.value
        given = [one if isinstance(one, Number) else self._kind(one) for one in arguments]
        steps = self.program.steps_of(function, given, named, lambda what: self.error(node, what), result)
        return self._emit(Call(steps), *[one for one in arguments if not isinstance(one, Number)])

    # -- calls that are more than an operation -----------------------------------------------------------------

    def _call_least(self, node, *arguments):
        return self._chain(node, "minimum", arguments)

    def _call_greatest(self, node, *arguments):
        return self._chain(node, "maximum", arguments)

    def _chain(self, node, word, arguments):
        if len(arguments) < 2:
            raise self.error(node, "min and max compare two numbers or more here")
        first, *others = arguments
        for other in others:
            first = self._operation(word, first, other, node=node)
        return first

    def _call_as_real(self, node, value):
        return self._as_real(value)

    def _call_as_bool(self, node, value):
        return self._truth(value)

    def _call_as_int(self, node, value):
        if self._kind(value) != "real":
            return self._at_least_int(value)
        return Number(int(value.value)) if isinstance(value, Number) else self._emit("int", value, kind="int")

    def _call_clipped(self, node, value, low, high):
        return self._emit("clip", *map(self._as_real, (value, low, high)))

    def _call_chosen(self, node, test, yes, no):
        return self._select(self._truth(test), yes, no)

    def _call_degrees(self, node, value):
        return self._operation("multiply", value, Number(180 / math.pi))

    def _call_radians(self, node, value):
        return self._operation("multiply", value, Number(math.pi / 180))

    # -- operations --------------------------------------------------------------------------------------------

    def _operation(self, word, *arguments, node=None):
        expected = 2 if word in BINARY or word in _FOLDED and word not in ("negative", "abs") else 1
        if len(arguments) != expected:
            raise self.error(node, f"{word} takes {expected} numbers, and gets {len(arguments)}")
        if all(isinstance(one, Number) for one in arguments):
            return self._folded(word, arguments, node)
        arguments = [self._at_least_int(one) for one in arguments]
        if word == "power":
            return self._power(*arguments)
        stays_int = word in ("add", "subtract", "multiply", "negative", "abs", "mod", "floor_divide", "maximum",
                             "minimum", *COMPARISONS)
        kind = widest(*map(self._kind, arguments))
        if kind == "real" or not stays_int:
            kind, arguments = "real", [self._as_real(one) for one in arguments]
        return self._emit(word, *arguments, kind="bool" if word in COMPARISONS or word in QUESTIONS else kind)

    def _folded(self, word, arguments, node):
        """An operation on constants, as Python computes it."""
        values = [one.value for one in arguments]
        try:
            with np.errstate(all="ignore"):
                value = _FOLDED[word](*values) if word in _FOLDED else _numpys(word)(*values)
        except (ArithmeticError, ValueError) as error:
            raise self.error(node, f"of constants it cannot be computed ({error})") from None
        return Number(value.item() if isinstance(value, np.generic) else value)

    def _power(self, x, y):
        """x**y: products, where y is a whole number near to 0."""
        exponent = y.value if isinstance(y, Number) else None
        if isinstance(exponent, int | float) and exponent == int(exponent or 0) and abs(exponent) <= 16:
            x = x if self._kind(x) == "int" and exponent >= 0 and isinstance(exponent, int) else self._as_real(x)
            y = self._product(x, abs(int(exponent)))
            return self._emit("reciprocal", y) if exponent < 0 else y
        if exponent == 0.5:
            return self._emit("sqrt", self._as_real(x))
        return self._emit("power", self._as_real(x), self._as_real(y))

    def _product(self, x, times):
        if times == 0:
            return Number(1 if self._kind(x) == "int" else 1.0)
        half = None if times == 1 else self._product(x, times // 2)
        if half is None:
            return x
        kind = self._kind(x)
        whole = self._emit("multiply", half, half, kind=kind)
        return self._emit("multiply", whole, x, kind=kind) if times % 2 else whole

    def _test(self, node, strictly=False):
        """What an expression says where a truth value is wanted."""
        value = self._number(node)
        if strictly and self._kind(value) != "bool":
            raise self.error(node, "`and` and `or` join comparisons alone: say `x != 0`")
        return self._truth(value)

    def _truth(self, value):
        if isinstance(value, Number):
            return Number(bool(value.value))
        if self._kind(value) == "bool":
            return value
        zero = Number(0.0 if self._kind(value) == "real" else 0)
        return self._emit("not_equal", value, zero, kind="bool")

    def _branches(self, node, *tests):
        if any(map(self._depends, tests)):
            self.program.signs.add("numbers")

    def _as(self, kind, value):
        return {"real": self._as_real, "int": self._at_least_int, "bool": lambda value: value}[kind](value)

    def _as_real(self, value):
        if isinstance(value, Number):
            return Number(float(value.value))
        kind = self._kind(value)
        if kind == "bool":
            return self._emit("select", value, Number(1.0), Number(0.0))
        return value if kind == "real" else self._emit("real", value)

    def _at_least_int(self, value):
        if self._kind(value) != "bool":
            return value
        if isinstance(value, Number):
            return Number(int(value.value))
        return self._emit("select", value, Number(1), Number(0), kind="int")

    def _emit(self, operation, *arguments, kind="real"):
        """The step for an operation; returns the variable that it makes."""
        self.temporaries += 1
        name = f"%{self.temporaries}"
        self.kinds[name] = kind
        if any(map(self._depends, arguments)):
            self.depending.add(name)
        else:
            self.depending.discard(name)
        self.body.append(Assign(name, operation, list(arguments)))
        return name

    # -- names and what they stand for -------------------------------------------------------------------------

    def _kind(self, atom):
        return kind_of(atom, self.kinds)

    def _depends(self, atom):
        return atom in self.depending

    def _read(self, node, name):
        if name in self.constants:
            return self.constants[name]
        if name in self.kinds:
            return name
        if name in self.own:
            raise self.error(node, f"{name!r} is used before it has a value")
        return self._constant(node, self._value(node), name)

    def _value(self, node):
        """What an expression of names stands for outside of the function."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            name = node.id
            if name in self.constants:
                return self.constants[name].value
            if name in self.parameters or name in self.own:
                raise self.error(node, f"{name!r} is a number of the formula")
            with contextlib.suppress(ValueError):       # of a cell that is still empty
                if name in self.held:
                    return self.held[name].cell_contents
            for names in (self.function.__globals__, vars(builtins)):
                if name in names:
                    return names[name]
            raise self.error(node, f"the name {name!r} stands for nothing")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._value(node.operand)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            if not isinstance(owner, ModuleType) and not hasattr(owner, node.attr):
                raise self.error(node, f"{shown(owner)} has no {node.attr!r}")
            try:
                return getattr(owner, node.attr)
            except AttributeError as error:
                raise self.error(node, str(error)) from None
        if isinstance(node, ast.Subscript):
            owner, index = self._value(node.value), self._value(node.slice)
            try:
                return owner[index]
            except (LookupError, TypeError) as error:
                raise self.error(node, f"{type(error).__name__}: {error}") from None
        raise self.error(node, _no_number(node))

    def _constant(self, node, value, what):
        if isinstance(value, np.generic) or isinstance(value, np.ndarray) and value.ndim == 0:
            value = value.item()
        if isinstance(value, bool | int | float):
            return Number(value)
        raise self.error(node, f"{what} is {_called(value)}, expected a number")


def _takes(method, arguments):
    """Whether a method takes a node and so many arguments."""
    try:
        inspect.signature(method).bind(None, *arguments)
    except TypeError:
        return False
    return True


def _called(value):
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else (
        f"a {type(value).__name__}, {shown(value)}")


def _numpys(word):
    """NumPy's function for an operation."""
    names = {name: f"arc{name[1:]}" for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2")}
    return getattr(np, names.get(word, word), None) or getattr(math, word)


def _no_number(node):
    return f"`{ast.unparse(node)[:60]}` is no expression of single numbers"


def _hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _ends(body):
    """Whether steps end with a result on every way."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, If):
        return _ends(last.body) and _ends(last.orelse)
    if isinstance(last, While):
        return last.test == Number(True) and not any(isinstance(step, Break) for step in last.body)
    return isinstance(last, Return)

