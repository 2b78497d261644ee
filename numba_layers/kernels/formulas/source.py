"""The text of a function: its definition as syntax, found in the file or the notebook's cell that it stands in."""

import ast
import functools
import linecache
from types import CodeType


def definition(function):
    """The `FunctionDef` or `Lambda` of a Python function. Raises: OSError where its text is not at hand."""
    code = function.__code__
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    parameters = code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    found = [node for node in _definitions(text).get(code.co_firstlineno, ())
             if _name(node) == code.co_name and _parameters(node) == parameters]
    if len(found) > 1:      # lambdas of one line
        found = [node for node in found if _is_of(node, code)]
    if not found or any(ast.dump(node) != ast.dump(found[0]) for node in found):
        raise OSError("its source is not at hand")
    if _said(_compiled(found[0])) != _said(code):
        raise OSError("its source was changed since it was defined")
    return found[0]


def line(function, node):
    """(file's name, line number, text) of the line on which a node begins."""
    name = function.__code__.co_filename
    return name, node.lineno, linecache.getline(name, node.lineno, function.__globals__).strip()


@functools.lru_cache(64)
def _definitions(text):
    """Number of a line -> the functions whose code begins there."""
    found = {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):       # of a cell with magic words, or no Python at all
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            first = min([node.lineno, *(mark.lineno for mark in getattr(node, "decorator_list", ()))])
            found.setdefault(first, []).append(node)
    return found


def _name(node):
    return getattr(node, "name", "<lambda>")


def _parameters(node):
    given = node.args
    return tuple(one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs))


def _compiled(node):
    """The code of a definition, as it would be at the top of a module."""
    if isinstance(node, ast.Lambda):
        made = compile(ast.Expression(node), "", "eval")
    else:
        made = compile(ast.Module([ast.FunctionDef(**{**vars(node), "decorator_list": []})], []), "", "exec")
    return next(one for one in reversed(made.co_consts) if isinstance(one, CodeType) and one.co_name == _name(node))


def _said(code):
    """What code says wherever it stands: its names and constants."""
    return ({*code.co_names, *code.co_freevars}, code.co_varnames,
            [repr(one) for one in code.co_consts if not isinstance(one, CodeType)])


def _is_of(node, code):
    """Whether a lambda is that of a function's code: where its value stands, or what it is made of, says so."""
    if hasattr(code, "co_positions"):
        first, last = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
        places = [((line, column), (last_line, last_column))
                  for line, last_line, column, last_column in code.co_positions()
                  if None not in (line, last_line, column, last_column) and (line, column) != (last_line, last_column)]
        return bool(places) and all(first <= start and end <= last for start, end in places)
    made = _compiled(node)
    return (made.co_code, made.co_names, made.co_consts) == (code.co_code, code.co_names, code.co_consts)
