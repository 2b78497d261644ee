"""The notebooks run from top to bottom, and what they are saved with is what running them gives."""

import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


class ThisPython(KernelSpecManager):
    """Every kernel is the interpreter that runs the tests, whatever is installed."""

    def get_kernel_spec(self, kernel_name):
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                          display_name="Python 3", language="python")


def kinds(notebook):
    """For each cell of code, the kinds of data it shows."""
    return [sorted({kind for output in cell.outputs for kind in output.get("data", {"text/plain": None})})
            for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    saved = kinds(notebook)
    client = NotebookClient(notebook, km=AsyncKernelManager(kernel_spec_manager=ThisPython()), timeout=600,
                            resources={"metadata": {"path": tmp_path}})
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert kinds(notebook) == saved


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_small_and_of_no_one_machine(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 300_000
    assert not [place for place in ("/home/", "/root/", "/tmp/", "/Users/") if place in text]


def test_notebooks_are_numbered():
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02}-" for number in range(1, len(NOTEBOOKS) + 1)]
    assert NOTEBOOKS
