"""How functions of numbers are read and differentiated: the text of their formulas, run as Python."""

import importlib
import linecache
import math

import numpy as np
import pytest

from numba_layers import ops
from numba_layers.errors import FormulaError
from numba_layers.kernels.formulas import numbers_of, scalar
from numba_layers.kernels.formulas.write import WORDS, written
from tests.reference import activation

SPECIAL = {
    "absolute": abs, "power": pow, "maximum": max, "minimum": min, "rint": round, "mod": lambda x, y: x % y,
    "floor_divide": lambda x, y: x // y, "sign": np.sign, "square": np.square, "reciprocal": lambda x: 1 / x,
    "clip": lambda x, low, high: min(max(x, low), high), "logaddexp": np.logaddexp, "exp2": np.exp2, "cbrt": np.cbrt,
    "sigmoid": activation.sigmoid, "softplus": activation.softplus}
PYTHONS = {word: SPECIAL.get(word) or getattr(math, word) for word in WORDS}


def computed(function, *arguments, by=(), **named):
    """What the formula of a function, or a derivative, gives: its text run with Python's own functions."""
    found = scalar(function, len(arguments), named)
    space = dict(PYTHONS)
    functions = written(found._form(by))
    for _, text in functions:
        exec(text, space)
    name, (_, places) = functions[-1][0], found.kernel(by)
    known = [np.float64(one) for one in arguments]
    known.append(np.float64(function(*arguments, **named)))
    return float(space[name](*(known[place] for place in places)))


def slope(function, arguments, place, step=1e-5):
    """Central difference of fourth order."""
    def at(times):
        moved = list(arguments)
        moved[place] += times * step
        return function(*moved)

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


SCALE = 0.75
COEFFICIENTS = (0.5, -0.25, 1.5)


def horner(x):
    total = 0
    for coefficient in COEFFICIENTS:
        total = total * x + coefficient
    return total


def fourier(x, y):
    total, sign = 0, 1
    for k in range(1, 6):
        total += sign * math.sin(k * x) / k
        sign = -sign
        if total > 1.2 and y < 0:
            break
    return total * y


def newton(x, y):
    """The root of r**2 = x**2 + y**2 + 1 by steps of Newton's."""
    target = x * x + y**2 + 1
    root = target
    n = 0
    while n < 9 and root > 0:
        root = (root + target / root) / 2
        n += 1
    return root


def quadrants(x, y):
    if x > 0:
        if y > 0:
            return x * y
        return math.sin(x) - y
    elif y > 0:
        return math.exp(x) * SCALE * y
    return -x if not x < y else x**3 * y


def swapped(x, y):
    a, b = x, y
    a, b = b * 2, a
    x = a - b
    x *= y
    return x + b


def with_a_helper(x, y):
    return bent(x, 2.0) * bent(y, power=3) + fourier(y, x)


def bent(x, power):
    return math.copysign(abs(x)**power, x) if power > 2.5 else x * x


def huber(x, y, delta=1.0):
    error = abs(x - y)
    return 0.5 * error**2 if error <= delta else delta * (error - 0.5 * delta)


def turned(x, y, angle):
    return x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)


def of_two_results(x, y):
    a, b = turned(x, y, 0.3)
    b, a = turned(a, b, x)
    return a * b


def named_again(x, y):
    z = math.tanh(x)
    x = z * y
    z = x * z + x
    x = math.tanh(z) * y
    return x


def twice(x):
    y = math.tanh(x)
    y = math.exp(y) * y
    return y


def counted(x, y):
    above = (x > 0) + (y > 0) + True
    return x * above + (3 if above >= 2 else 0.5) * y


CASES = {
    "horner": (horner, 1), "fourier": (fourier, 2), "newton": (newton, 2), "quadrants": (quadrants, 2),
    "swapped": (swapped, 2), "with_a_helper": (with_a_helper, 2), "huber": (huber, 2), "counted": (counted, 2),
    "infinity": (lambda x: x * x if x < float("inf") else x, 1),
    "results": (of_two_results, 2), "named again": (named_again, 2), "twice": (twice, 1),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), 1), "swish": (lambda x: x / (1 + math.exp(-SCALE * x)), 1),
    "mish": (lambda x: x * math.tanh(math.log1p(math.exp(x))), 1),
    "softplus": (lambda x: math.log(1 + math.exp(2 * x)), 1),
    "logistic": (lambda x: math.exp(x) / (1 + math.exp(x)), 1),
    "gelu": (lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))), 1),
    "bump": (lambda x: np.exp(-x**2) * np.cos(3 * x), 1),
    "chosen": (lambda x, y: np.where(x > y, x * x, y) + np.clip(x, -0.5, y), 2),
    "limited": (lambda x, y: max(min(x, y, 0.7), -0.7) * y, 2), "powers": (lambda x: x**-3 + (x * x)**0.5 + x**5, 1),
    "power": (lambda x, y: (x * x + 1)**y, 2), "angle": (lambda x, y: math.atan2(y, x * x + 1) + math.hypot(x, y), 2),
}


@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives(case, random):
    function, count = CASES[case]
    for arguments in random.uniform(-2, 2, (8, count)).tolist():
        assert computed(function, *arguments) == pytest.approx(function(*arguments), rel=1e-12)
        for i in range(count):
            first = computed(function, *arguments, by=(i,))
            assert first == pytest.approx(slope(function, arguments, i), rel=1e-6, abs=1e-7)
            for j in range(i, count):
                expected = slope(lambda *a, i=i: computed(function, *a, by=(i,)), arguments, j)
                assert computed(function, *arguments, by=(i, j)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_third_derivatives():
    assert computed(math_sin, 0.4, by=(0, 0, 0)) == pytest.approx(-math.cos(0.4))


def math_sin(x):
    return math.sin(x)


# Functions of one number, and between which numbers each is smooth
SMOOTH = {
    math.exp: (-2, 2), math.expm1: (-2, 2), np.exp2: (-2, 2), math.log: (0.2, 3), math.log2: (0.2, 3),
    math.log10: (0.2, 3), math.log1p: (-0.8, 2), math.sqrt: (0.2, 3), np.cbrt: (0.2, 3), np.square: (-2, 2),
    np.reciprocal: (0.3, 2), math.sin: (-3, 3), math.cos: (-3, 3), math.tan: (-1, 1), math.asin: (-0.9, 0.9),
    math.acos: (-0.9, 0.9), math.atan: (-3, 3), math.sinh: (-2, 2), math.cosh: (-2, 2), math.tanh: (-2, 2),
    math.asinh: (-2, 2), math.acosh: (1.2, 3), math.atanh: (-0.9, 0.9), math.erf: (-2, 2), math.erfc: (-2, 2),
    math.fabs: (0.2, 2), math.degrees: (-2, 2), np.radians: (-90, 90), math.floor: (0.1, 0.9), np.rint: (0.6, 1.4),
    np.arcsin: (-0.9, 0.9), np.arctan: (-2, 2), np.sign: (0.1, 1), math.trunc: (-0.9, -0.1), np.negative: (-2, 2)}


@pytest.mark.parametrize("called", SMOOTH, ids=lambda one: one.__name__)
def test_rules(called, random):
    def function(x):
        return called(x) * x

    for x in random.uniform(*SMOOTH[called], 4).tolist():
        assert computed(function, x) == pytest.approx(function(x), rel=1e-12)
        assert computed(function, x, by=(0,)) == pytest.approx(slope(function, [x], 0), rel=1e-6, abs=1e-7)
        expected = slope(lambda x: computed(function, x, by=(0,)), [x], 0)
        assert computed(function, x, by=(0, 0)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


OF_TWO = [math.pow, math.atan2, math.hypot, math.copysign, math.fmod, np.mod, np.logaddexp, np.maximum, np.minimum,
          np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.power, max, min]


@pytest.mark.parametrize("called", OF_TWO, ids=lambda one: one.__name__)
def test_rules_of_two(called, random):
    def function(x, y):
        return called(x, y) * x

    for x, y in zip(random.uniform(1.1, 1.9, 4).tolist(), random.uniform(2.1, 2.9, 4).tolist()):
        assert computed(function, x, y) == pytest.approx(function(x, y), rel=1e-12)
        for place in (0, 1):
            expected = slope(function, [x, y], place)
            assert computed(function, x, y, by=(place,)) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_a_slope_is_taken_from_the_result_where_that_is_less_work():
    assert scalar(lambda x: math.tanh(x), 1, {}).kernel((0,))[1] == [1]
    assert scalar(lambda x: 1 / (1 + math.exp(-x)), 1, {}).kernel((0,))[1] == [1]
    assert scalar(lambda x: math.sin(x), 1, {}).kernel((0,))[1] == [0]


def test_logistic_functions_do_not_overflow():
    steps = scalar(lambda x: x * math.tanh(math.log1p(math.exp(x))), 1, {})
    assert "exp(" not in steps.source() and "softplus(x)" in steps.source()


def test_constants_come_by_name():
    assert computed(huber, 0.0, 5.0, delta=2.0) == 8.0
    assert computed(huber, 0.0, 5.0) == 4.5
    assert "1.5" in scalar(huber, 2, {"delta": 3}).source()       # half of 3, at compile time: no division is left


@pytest.mark.parametrize("value", [True, 1, 1.0])
def test_equal_constants_of_other_types_are_not_the_same(value):
    def kind(x, n):
        return x * n if n is value else x

    assert math.isclose(computed(lambda x, n: x**n, 2.0, n=value), 2.0)


def test_closures():
    def of(alpha):
        def function(x):
            return alpha * x if x < 0 else x
        return function

    small, large = of(0.1), of(0.3)
    assert computed(small, -1.0) == -0.1 and computed(large, -1.0) == -0.3
    assert scalar(small, 1, {}).kernel()[0] != scalar(large, 1, {}).kernel()[0]
    assert scalar(of(0.1), 1, {}).kernel()[0] == scalar(small, 1, {}).kernel()[0]


# ---- what is told as a function of numbers -----------------------------------------------------------------

K = pytest.importorskip("numba_layers.backend")

TENSORS = {
    "arithmetic": lambda x: x * 2 + 1, "comparison": lambda x: (x > 0) * x,
    "backend": lambda x: K.tanh(x) / math.log(2),
    "shape": lambda x: x * math.sqrt(x.shape[-1]), "index": lambda x: x[:, 0] * math.pi,
    "rank": lambda x: x if x.ndim > 2 else -x,
    "ours": lambda x: ops.relu(x) if K.ndim(x) == 2 else x, "absolute": lambda x: abs(x) ** 2,
    "sum": lambda x: np.sum(x),
    "constant branch": lambda x, alpha=0.3: alpha * x if alpha > 0 else x, "text": lambda x, mode="same": x,
}
NUMBERS = {
    "math": lambda x: math.tanh(x), "branch": lambda x: x if x > 0 else 0.1 * x, "max": lambda x: max(x, 0.0),
    "chain": lambda x: x * (0 < x < 1), "and": lambda x: (x > 0 and x < 1) * x, "float": lambda x: float(x),
}


@pytest.mark.parametrize("case", TENSORS)
def test_functions_of_tensors_stay_so(case):
    assert numbers_of(TENSORS[case], 1) is None


@pytest.mark.parametrize("case", NUMBERS)
def test_functions_of_numbers_are_known(case):
    assert numbers_of(NUMBERS[case], 1) == "numbers"


def test_numpy_alone_is_weaker():
    assert numbers_of(lambda x: np.tanh(x) * 2, 1) == "numpy"


# ---- errors ------------------------------------------------------------------------------------------------


def summed(x):
    y = math.exp(x)
    return y + np.sum(x)


def unknown(x):
    return x * undefined_name   # noqa: F821


def nothing(x):
    if x > 0:
        return x


def itself(x):
    return itself(x - 1) if x > 0 else x


def listed(x):
    return [x, x][0]


def of_array(x):
    return x * TABLE


def printed(x):
    print(x)
    return x


def tensors(x):
    return K.tanh(x)


def mixed(x):
    if x > 0:
        return x, x
    return x


def not_two(x):
    a, b = horner(x)
    return a + b


def clipped(x):
    return np.clip(x, 0)


def early(x):
    if x > 0:
        y = later   # noqa: F821, F841
        later = x   # noqa: F841
    return x


TABLE = np.ones(3)
WRONG = {
    summed: ("np.sum is no function of single numbers", "return y + np.sum(x)"),
    unknown: ("'undefined_name' stands for nothing", "return x * undefined_name"),
    nothing: ("without a number", "def nothing(x):"),
    itself: ("calls itself", "return itself(x - 1)"),
    listed: ("`[x, x]` is no expression of single numbers", "return [x, x][0]"),
    of_array: ("TABLE is an array of shape (3,)", "return x * TABLE"),
    printed: ("no effect", "print(x)"),
    tensors: ("K.tanh is a function of tensors", "return K.tanh(x)"),
    mixed: ("returns several numbers", "return x, x"), not_two: ("does not return 2 numbers", "a, b = horner(x)"),
    clipped: ("takes another number of arguments", "return np.clip(x, 0)"),
    early: ("before it has a value", "y = later"),
}


@pytest.mark.parametrize("function", WRONG, ids=lambda one: one.__name__)
def test_errors_show_the_line(function):
    with pytest.raises(FormulaError) as caught:
        scalar(function, 1, {})
    message, line = WRONG[function]
    assert message in str(caught.value) and f"formula {function.__name__!r}" in str(caught.value)
    where = str(caught.value).splitlines()[1]
    assert line in where and "test_formulas.py, line " in where


def test_a_function_that_is_of_numbers_for_certain_raises_where_it_is_given():
    with pytest.raises(FormulaError, match="np.sum"):
        numbers_of(summed, 1)


def test_a_source_that_was_changed(tmp_path, monkeypatch):
    file = tmp_path / "own_formula.py"
    file.write_text("import math\n\n\ndef changed(x):\n    return math.exp(2 * x)\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("own_formula").changed
    assert computed(function, 0.0) == 1
    file.write_text("import math\n\n\ndef changed(x):\n    return math.exp(3 * x)\n")
    linecache.checkcache(str(file))
    with pytest.raises(FormulaError, match="its source was changed"):
        scalar(function, 1, {"unused": 0})


def test_a_function_without_a_source():
    space = {"math": math}
    exec("def hidden(x):\n    return math.exp(x)", space)
    with pytest.raises(FormulaError, match="its source is not at hand"):
        scalar(space["hidden"], 1, {})
    assert numbers_of(space["hidden"], 1) is None
