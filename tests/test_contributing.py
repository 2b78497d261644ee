"""What CONTRIBUTING.md shows of the package is what the package says."""

import re
from pathlib import Path

import numpy as np
import pytest

from numba_layers.emulator.faults import MemoryFault

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXT, re.DOTALL)
EMULATED, = re.findall(r"```python\n([^`]*device\(\"emulated\"\).*?)```", TEXT, re.DOTALL)


def test_the_example_walks_from_the_reference_to_the_op():
    assert [place for place, _ in BLOCKS] == [
        "tests/reference/activation.py",
        "numba_layers/kernels/math/activations.py",
        "numba_layers/kernels/math/tables.py",
        "numba_layers/kernels/math/tables.py",
        "numba_layers/kernels/cpu/activation.py",
        "numba_layers/kernels/cuda/activation.py",
        "numba_layers/ops/activation.py",
    ]


@pytest.mark.parametrize("place, code", BLOCKS)
def test_each_block_stands_in_the_file_it_names(place, code):
    assert code in (ROOT / place).read_text(encoding="utf-8"), f"not in {place}: mend CONTRIBUTING.md"


def test_a_kernel_runs_on_the_emulated_gpu(capsys):
    pytest.importorskip("numba_cuda")
    names = {}
    exec(compile(EMULATED, "CONTRIBUTING.md", "exec"), names)
    assert "float32" in capsys.readouterr().out
    y, grad = names["y"].numpy(), names["grad"].numpy()
    np.testing.assert_allclose(names["grad_x"].numpy(), y * (grad - (y * grad).sum(axis=1, keepdims=True)), rtol=1e-5)


def test_what_the_emulated_gpu_says_of_a_mistake():
    pytest.importorskip("numba_cuda")
    mistaken = EMULATED.replace("gpu.empty((3, 5)", "gpu.empty((3, 4)")
    assert mistaken != EMULATED
    with pytest.raises(MemoryFault) as fault:
        exec(compile(mistaken, "CONTRIBUTING.md", "exec"), {})
    said = str(fault.value)
    for part in ("softmax_backward: thread (0, 2, 0) of block (0, 0, 0) writes 4 bytes out of bounds",
                 "of grad_x (float32,", "kernels/cuda/activation.py:"):
        assert part in said and part in TEXT
