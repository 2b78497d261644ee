"""What README.md shows works, and what it names is there."""

import configparser
import importlib
import re
from pathlib import Path

import numba
import pytest

from numba_layers import cli, compat, layers

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [command for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
            for line in block.splitlines() for command in line.split(" && ")]
THERE = TEXT.partition("## Speed")[0]    # where the table of what is there stands
ROWS = dict(re.findall(r"^\| ([a-z ]+?) +\| (.*) \|$", THERE, re.M))
MODULES = {"data sets": "datasets"}
LAYERS = [row for row in ROWS if row.startswith("layers")]


@pytest.mark.slow
def test_the_code_runs(tmp_path, monkeypatch):
    if numba.config.DISABLE_JIT or numba.config.BOUNDSCHECK:
        pytest.skip("as_function needs machine code")
    monkeypatch.chdir(tmp_path)
    names = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
            exec(compile(block, "README.md", "exec"), names)
    finally:
        compat.uninstall()
    assert names["model"].history.history["val_acc"][-1] > 0.9
    assert float(names["loss"]) < 0.6
    assert names["Dense"] is layers.Dense


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command, capsys):
    words = command.split()
    if words[:2] == ["pip", "install"]:
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = re.fullmatch(r'"\.\[(.*)\]"', words[2]).group(1).split(",")
        assert set(extras) <= set(setup["options.extras_require"])
    elif words[:3] == ["python", "-m", "numba_layers"]:
        with pytest.raises(SystemExit) as done:
            cli.main([words[3], "--help"])
        assert done.value.code == 0
    else:
        assert command in ("python -m pytest -n 2", "sphinx-build -W -c docs . site")


def test_ci_runs_the_commands():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for words in ('".[test,threads', "python -m numba_layers demo", "python -m pytest -n 2"):
        assert words in TEXT and words in script


@pytest.mark.parametrize("row", ROWS)
def test_names_in_the_table_exist(row):
    module = importlib.import_module(f"numba_layers.{'layers' if row in LAYERS else MODULES.get(row, row)}")
    for name in re.findall(r"`(\w+)`", ROWS[row]):
        assert hasattr(module, name)


def test_every_layer_is_in_the_table():
    named = set(re.findall(r"`(\w+)`", "".join(ROWS[row] for row in LAYERS)))
    there = {name for name in layers.__all__ if name[0].isupper()} - {"InputSpec", "Layer", "Wrapper"}
    assert there <= named


def test_links_lead_somewhere():
    places = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", TEXT)
    places = [one or other for one, other in places if not (one or other).startswith("https://")]
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []
