"""The house rules: imports point down, targets mirror each other, kernels have users, things docstrings."""

import ast
import functools
import re
from pathlib import Path

import pytest

import numba_layers
from numba_layers import registry

PACKAGE = Path(numba_layers.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the ground up. A module imports from its own subpackage and from floors below, wherever the import stands.
FLOORS = [
    {"locks", "typing"},
    {"_version", "errors", "thread_state"},
    {"absent", "arguments", "config", "emulator", "registry"},
    {"_legacy", "devices", "naming", "phase"},
    {"dialect", "kernels"},
    {"utils"},
    {"autograd"},
    {"_identify", "ops"},
    {"program"},
    {"random"},
    {"activations", "backend", "constraints", "initializers", "losses", "regularizers"},
    {"initializations", "metrics", "objectives", "optimizers"},
    {"layers"},
    {"callbacks"},
    {"models"},
    {"compat", "datasets", "kernel_table"},
    {"demo", "warm"},
    {"cli"},
    {"__main__"},
    {"__init__"},
]
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
WORDS = {"matmul": "linear", "sparse": "linear", "optimizer": "optimizers",     # kernel file -> word above
         "conv_small_c_out": "conv", "conv_wgrad": "conv", "winograd": "conv",
         "winograd_wgrad": "conv"}
HELPERS = {"compile", "functions", "native", "objects", "select", "slices", "threads"}    # beside a target's families
KNOWS_TARGETS = {"registry.py", "cli.py"}   # `registry` loads them by name, `info` asks for the threads


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


def place(path):
    return path.relative_to(PACKAGE).as_posix()


def imports(path):
    """The first names below the package that a file imports, at any depth of its code."""
    folder = list(path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            module = folder[:len(folder) + 1 - node.level] + (node.module.split(".") if node.module else [])
            yield from module[:1] or [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [getattr(node, "module", None) or "", *(name.name for name in node.names)]
            assert PACKAGE.name not in [name.partition(".")[0] for name in modules], "use a relative import"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_imports_point_down(path):
    part = path.relative_to(PACKAGE).with_suffix("").parts[0]
    assert part in FLOOR, f"give {part} a floor"
    assert not {name for name in imports(path) if name != part and FLOOR[name] >= FLOOR[part]}


def test_the_emulator_knows_errors_alone():
    assert {name for path in FILES if place(path).startswith("emulator/") for name in imports(path)} == {"emulator",
                                                                                                        "errors"}


def test_only_the_registry_reaches_kernels():
    """Others know their geometry alone."""
    for path in FILES:
        if not place(path).startswith("kernels/") and place(path) not in KNOWS_TARGETS and "kernels" in imports(path):
            assert re.findall(r"from \.+kernels(\S*) import|import .*\bkernels$", path.read_text()) == [".geometry"]


# ---- targets and kernels -----------------------------------------------------------------------------------


def modules(folder):
    return {path.stem for path in (PACKAGE / folder).glob("*.py") if not path.stem.startswith("_")} - HELPERS


@pytest.mark.parametrize("target", registry.TARGETS)
def test_families_have_one_word(target):
    known = modules("ops") | {"optimizers"}
    assert {WORDS.get(name, name) for name in modules(f"kernels/{target}")} <= known


def test_targets_mirror_each_other():
    first, *others = (registry.kernels(target) for target in registry.TARGETS)
    for other in others:
        assert set(other) == set(first)
        for name, kernel in other.items():
            assert parameters(kernel) == parameters(first[name])
            assert Path(kernel.file).name == Path(first[name].file).name


def parameters(kernel):
    code = kernel.function.__code__
    return code.co_varnames[:code.co_argcount]


def definition(function):
    """The syntax of a function, found by its place in its file."""
    code = function.__code__
    for node in ast.walk(tree(Path(code.co_filename))):
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)]) if isinstance(
            node, ast.FunctionDef) else None
        if first == code.co_firstlineno:
            return node
    raise AssertionError(f"{function.__qualname__} is not in {code.co_filename}")


KERNELS = [(target, name) for target in registry.TARGETS for name in registry.kernels(target)]


@pytest.mark.parametrize("target, name", KERNELS)
def test_outputs_come_last(target, name):
    """What a kernel writes to lies at the end of its arguments. (Writes inside of helpers are not seen.)"""
    kernel = registry.kernel(name, target)
    arguments = parameters(kernel)
    names = {argument: argument for argument in arguments}   # a variable -> the argument it is a part of
    written = set()
    for node in ast.walk(definition(kernel.function)):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        targets = [one for target in targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
        for one in targets:
            if isinstance(one, ast.Subscript):
                written.add(names.get(ast.unparse(one.value)))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            source = names.get(ast.unparse(node.value.value))
            names |= {one.id: source for one in targets if isinstance(one, ast.Name)}
    written.discard(None)
    assert written <= set(arguments[len(arguments) - len(written):])


@pytest.mark.parametrize("target, name", KERNELS)
def test_kernels_return_nothing_and_raise_nothing(target, name):
    nodes = list(ast.walk(definition(registry.kernel(name, target).function)))
    assert not [node for node in nodes if isinstance(node, ast.Raise | ast.Assert)]
    assert not [node for node in nodes if isinstance(node, ast.Return) and node.value is not None]


# ---- ops and kernels ---------------------------------------------------------------------------------------


def pattern(node, value=".+"):
    """A regular expression for what an expression may be as text, where `value` is one for what it is made of."""
    if isinstance(node, ast.Constant):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(pattern(part, value) for part in node.values)
    return value


@pytest.mark.parametrize("path", sorted((PACKAGE / "ops").glob("*.py")), ids=place)
def test_kernels_that_ops_launch_exist(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("run", "launch"):
            wanted = pattern(node.args[0])
            for target in registry.TARGETS:
                assert any(re.fullmatch(wanted, kernel) for kernel in registry.kernels(target)), wanted


def test_every_kernel_has_a_user():
    """Each kernel is named in the code above the kernels, in one piece or put together of words that stand there."""
    nodes = [node for path in FILES if place(path).startswith(("ops/", "optimizers/")) for node in ast.walk(tree(path))]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and str(node.value).isidentifier()}
    joined = {pattern(node, "(.+)") for node in nodes if isinstance(node, ast.JoinedStr)}
    for target in registry.TARGETS:
        for kernel in set(registry.kernels(target)) - words:
            matches = [re.fullmatch(name, kernel) for name in joined]
            assert any(match and set(match.groups()) <= words for match in matches), kernel


# ---- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=place)
def test_docstrings(path):
    """Modules have docstrings, and so have public functions and classes, but for formulas that say it all."""
    assert ast.get_docstring(tree(path))
    silent = [node.name for node in tree(path).body
              if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
              and not ast.get_docstring(node) and len(node.body) > 2]
    assert not silent


@pytest.mark.parametrize("path", FILES, ids=place)
def test_no_place_of_one_machine(path):
    assert not re.findall(r"/(?:root|home|work|tmp|Users)/\w+", path.read_text())
