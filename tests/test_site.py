"""The site: its reference lists every public name, its guides' code runs, docstrings become sections."""

import importlib
import inspect
import linecache
import re
import sys
from pathlib import Path

import numba
import pytest

import numba_layers
from numba_layers import compat, layers, ops

DOCS = Path(__file__).parent.parent / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.md")) + [DOCS / "index.md"]
LISTED = {}             # module -> the names that a page of the reference lists
for _page in (DOCS / "reference").glob("*.rst"):
    for _module, _names in re.findall(r"^\.\. entries:: (\S+)\n(?:   :.*\n)*\n((?:   .*\n)+)", _page.read_text(), re.M):
        LISTED.setdefault(_module, []).extend(_names.split())

# What modules without `__all__` keep for others of the package.
INTERNAL = {
    "callbacks": {"callback_list", "EpochLine", "EpochNumber"},
    "config": {"chosen_data_format", "default_data_format", "standardize_data_format", "asked_data_format",
               "float_type", "set_installed"},
    "errors": {"shown", "add_name", "is_ours", "nearest", "unknown"},
    "initializers": {"compute_fans", "generator", "flat_orthogonal", "drawn"},
}
MODULES = sorted(numba_layers._ROOMS - {"objectives"} | {"typing"})      # losses under Keras 1's name


def public_names(name):
    module = importlib.import_module(f"numba_layers.{name}")
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {name for name, thing in vars(module).items()
            if not name.startswith("_") and (inspect.isfunction(thing) or inspect.isclass(thing))
            and belongs(thing, module)} - INTERNAL.get(name, set())


def belongs(thing, module):
    """Made in this module, or in the ones of this package."""
    package = module.__file__.endswith("__init__.py") and thing.__module__.startswith(f"{module.__name__}.")
    return package or thing.__module__ == module.__name__


@pytest.mark.parametrize("name", MODULES)
def test_the_reference_lists_every_public_name(name):
    listed = LISTED[f"numba_layers.{name}"]
    assert len(set(listed)) == len(listed)
    assert not public_names(name) - set(listed)
    module = importlib.import_module(f"numba_layers.{name}")
    assert all(hasattr(module, one) for one in listed)


def test_the_reference_lists_the_shortcuts():
    assert set(LISTED["numba_layers"]) == set(numba_layers._NAMES)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_code_of_a_guide_runs(page, tmp_path, monkeypatch):
    if page.stem == "programs" and (numba.config.DISABLE_JIT or numba.config.BOUNDSCHECK):
        pytest.skip("as_function needs machine code")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    try:
        blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        for number, block in enumerate(blocks):     # each with its source at hand, as cells of notebooks have it
            file = f"<{page.stem} {number}>"
            linecache.cache[file] = len(block), None, block.splitlines(True), file
            exec(compile(block, file, "exec"), names)
    finally:
        compat.uninstall()


@pytest.mark.parametrize("thing, lines", [
    (layers.Dense, [":Arguments:", "    * **units**: size of the output's last axis, positive.",
                    "    * **kernel\\_initializer**, **bias\\_initializer**: initial weights.",
                    ":Shapes:", ":Raises:", ":Reference:", '    core-layers document, "Dense".']),
    (ops.conv, [":Arguments:", "    * **activation**: a name; relu is applied where the result is stored.",
                ":Shapes:", ":Raises:"]),
])
def test_docstrings_become_sections(thing, lines, monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    from docstrings import restructured

    rst = restructured(inspect.getdoc(thing).split("\n"), list(inspect.signature(thing).parameters))
    places = [rst.index(line) for line in lines]
    assert places == sorted(places)
    sys.modules.pop("docstrings")
