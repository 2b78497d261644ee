"""What CONTRIBUTING.md shows of the package is what the package says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_walks_from_the_reference_to_the_op():
    assert [place for place, _ in BLOCKS] == [
        "tests/reference/activation.py",
        "numba_layers/kernels/scalar.py",
        "numba_layers/kernels/cpu/elementwise.py",
        "numba_layers/kernels/cpu/elementwise.py",
        "numba_layers/kernels/cpu/activation.py",
        "numba_layers/ops/activation.py",
    ]


@pytest.mark.parametrize("place, code", BLOCKS)
def test_each_block_stands_in_the_file_it_names(place, code):
    assert code in (ROOT / place).read_text(encoding="utf-8"), f"not in {place}: mend CONTRIBUTING.md"
