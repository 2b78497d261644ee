"""Kernels as functions of a slice of their outermost loop, so that one machine code serves one thread and many.

Numba compiles a `prange` as a second function with wrappers of its own, for three times the time. Here the loop is
rewritten instead: `for i in prange(n)` of a kernel becomes that over part number `part` of `parts` equal ones, where
`part` and `parts` are two further arguments. One thread asks for part 0 of 1; the pool's threads for one part each.
"""

import ast
import contextlib
import inspect
import textwrap
from types import FunctionType

import numba
import numpy as np

from ..inlining import Inlining


@numba.njit(error_model="numpy", forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
            pipeline_class=Inlining)
def start_of(part, parts, n):
    """Where part number `part` of `parts` of a loop of n begins; unsigned, so that arrays are indexed without a check
    for negative numbers, as Numba's own parallel loops are."""
    return np.uint64(n) * np.uint64(part) // np.uint64(parts)


def sliced(function):
    """`function(*arguments)` as `function(*arguments, part, parts)`, which runs part `part` of `parts` of its prange.

    What stands before the loop is done for each part, what stands behind it for the last one alone: it may not need
    what other parts computed. A function without a prange is one part.
    Raises: OSError where its source is not at hand; ValueError where it has more than one prange.
    """
    kernel, first = _source_of(function)
    loops = [place for place, statement in enumerate(kernel.body) if _over_prange(statement)]
    if len(loops) > 1:
        raise ValueError(f"kernel {function.__name__} has {len(loops)} loops over prange, expected one. Make each a "
                         "kernel of its own.")
    kernel.decorator_list = []
    kernel.args.args += [ast.arg("_part"), ast.arg("_parts")]
    if loops:
        _slice(kernel, loops[0])
    held = [*function.__code__.co_freevars, "_start_of"]
    factory = ast.parse(f"def factory({', '.join(held)}):\n    return None").body[0]
    factory.body.insert(0, kernel)
    factory.body[-1].value = ast.Name(kernel.name, ast.Load())
    tree = ast.increment_lineno(ast.fix_missing_locations(ast.Module([factory], [])), first - 1)
    made = {}
    exec(compile(tree, function.__code__.co_filename, "exec"), made)
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    found = made["factory"](*values, start_of)
    return FunctionType(found.__code__, function.__globals__, function.__name__, None, found.__closure__)


def undivided(jitted):
    """A function of (*arguments, part, parts) that is one part: it calls a jitted one."""
    names = ", ".join(f"argument_{number}" for number in range(jitted.py_func.__code__.co_argcount))
    made = {"__name__": __name__, "jitted": jitted}
    exec(f"def whole({names}, part, parts):\n    jitted({names})", made)
    return made["whole"]


def has_loop(function):
    """Whether a function may be cut: whether it has a prange."""
    return "prange" in function.__code__.co_names


def _source_of(function):
    """(the definition of a function as its source has it, number of its first line)."""
    lines, first = inspect.getsourcelines(function)
    with contextlib.suppress(SyntaxError):
        definition = ast.parse(textwrap.dedent("".join(lines))).body[0]
        if isinstance(definition, ast.FunctionDef) and definition.name == function.__code__.co_name:
            return definition, first
    # Code that was generated has the name "<string>", and so has what `python -c` runs, whose source is at hand.
    raise OSError(f"the source of {function.__name__} is not at hand")


def _over_prange(statement):
    called = statement.iter.func if isinstance(statement, ast.For) and isinstance(statement.iter, ast.Call) else None
    return getattr(called, "id", getattr(called, "attr", None)) == "prange"


def _slice(kernel, place):
    """Let the loop at a place of the kernel's body run over its part."""
    loop, behind = kernel.body[place], kernel.body[place + 1:]
    count = loop.iter.args[0]
    bounds = [ast.parse(f"_start_of({part}, _parts, n)", mode="eval").body for part in ("_part", "_part + 1")]
    for bound in bounds:
        bound.args[2] = count
    loop.iter = ast.Call(ast.Name("range", ast.Load()), bounds, [])
    if behind:
        last = ast.parse("if _part == _parts - 1:\n    pass").body[0]
        last.body = behind
        kernel.body[place + 1:] = [last]
