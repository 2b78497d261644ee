"""Records with which types the tests launch kernels, for `kernels/signatures.py`; the CPU's will do:

    TEST_DEVICES=cpu python -m pytest -p tests.kernels.record_signatures tests

Of each kernel one signature is kept: without float64, with float32 if there is one, and of those the most frequent.
What is launched with float64 alone is written with float32. Kernels that no test launched this time keep theirs.
"""

from collections import Counter, defaultdict
from pathlib import Path

import numba_layers
from numba_layers import registry
from numba_layers.kernels.cpu.compile import CpuKernel
from numba_layers.kernels.cuda.toolchain.target import _type
from numba_layers.kernels.recorded import text_of
from numba_layers.kernels.signatures import SIGNATURES

FILE = Path(numba_layers.__file__).parent / "kernels" / "signatures.py"
HEAD = '''"""With which types each kernel is compiled ahead, as recorded by tests/kernels/record_signatures.py."""

SIGNATURES = {
'''
_seen = defaultdict(Counter)    # name of a kernel -> signature -> launches


def pytest_configure():
    launch = CpuKernel.__call__

    def recording(kernel, *arguments):
        _seen[kernel.name][text_of(map(_type, arguments))] += 1
        launch(kernel, *arguments)

    CpuKernel.__call__ = recording


def pytest_sessionfinish():
    lines = []
    for name in sorted(registry.kernels("cuda")):
        def order(text, seen=_seen[name]):
            return "float64" in text, "float32" not in text, -seen[text], text
        best = min(_seen[name], default=SIGNATURES.get(name), key=order)
        if best:
            best = best if "float32" in best else best.replace("float64", "float32")
            lines.append(f'    "{name}": "{best}",\n')
    FILE.write_text(HEAD + "".join(lines) + "}\n")
