"""`.. entries:: module` and names, in a page of the API reference: what each of them is, with its docstring."""

import importlib
import inspect

from docstrings import restructured
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import numba_layers


def arguments_of(thing):
    try:
        return [name for name in inspect.signature(thing).parameters if name != "self"]
    except (TypeError, ValueError):
        return []


def restructure(app, what, name, thing, options, lines):
    lines[:] = restructured(lines, arguments_of(thing))


class Entries(SphinxDirective):
    """One object for each name; two names of one thing share its docstring."""

    required_arguments = 1
    has_content = True
    option_spec = {"members": directives.unchanged, "inherited-members": directives.unchanged}

    def run(self):
        module = self.arguments[0]
        options = [f"   :{option}: {value}" for option, value in self.options.items()]
        lines = [line for name in " ".join(self.content).split() for line in entry(module, name, options)]
        source, _ = self.get_source_info()
        return self.parse_text_to_nodes(StringList(lines, source))


def entry(module, name, options):
    """The lines of RST that document a name of a module."""
    thing = getattr(importlib.import_module(module), name)
    if inspect.ismodule(thing):
        return [f".. automodule:: {module}.{name}", "   :members:", ""]
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        value = thing if isinstance(thing, str) else repr(thing)
        return [f".. py:data:: {module}.{name}", f"   :value: {value}", ""]
    kind = "function"
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, Exception) else "class"
    home = home_of(thing, module, name)
    if home != f"{module}.{name}":
        # Not indexed: `Tensor` in a signature then has one meaning.
        index = ["   :no-index:"] if home.endswith(f".{name}") else []
        return [f".. py:{kind}:: {module}.{name}", *index, "", f"   The same as :py:obj:`{home}`.", ""]
    return [f".. auto{kind}:: {module}.{name}", *(options if kind == "class" else []), ""]


def home_of(thing, module, name):
    """Where a name is documented: its own place, or that of the thing under its own name."""
    if module == "numba_layers":
        return f"{module}.{numba_layers._NAMES[name]}.{name}"
    own = getattr(thing, "__name__", name)
    return f"{module}.{own if getattr(importlib.import_module(module), own, None) is thing else name}"


def setup(app):
    app.add_directive("entries", Entries)
    app.connect("autodoc-process-docstring", restructure)
    return {"parallel_read_safe": True}
