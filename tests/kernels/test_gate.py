"""Resource usage of the CUDA kernels on each GPU: no stack, no spills, no double precision, no more than recorded.

Kernels `<optimizer>_rates` alone, of one thread, compute in double precision.

After a change that is worth its registers, and for a new kernel (after `record_signatures`), record anew:

    python3.11 -m numba_layers kernels --cuda > tests/kernels/cuda_resources.txt
"""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from numba_layers import registry  # noqa: E402
from numba_layers.kernels import recorded
from numba_layers.kernels.cuda.toolchain import resources
from numba_layers.kernels.cuda.toolchain.api import cuda  # noqa: E402
from numba_layers.kernels.cuda.toolchain.target import CudaKernel  # noqa: E402
from numba_layers.kernels.signatures import SIGNATURES  # noqa: E402

HEAD, *ROWS = [line.split() for line in (Path(__file__).parent / "cuda_resources.txt").read_text().splitlines()]
RECORDED = {name: dict(zip(HEAD[1:], cells)) for name, *cells in ROWS}
KERNELS = {name: (kernel, signature) for name, kernel, signature in resources.kernels()}
QUICK = ["depthwise", "sum_rows"]
ALL_FORMS = "dense_forward"                 # of kernels in several forms; of others the first, for the time it takes,
LIKE_IT = "matmul_", "batch_matmul_n"       # and none of these
# Numba makes the same kernel in another order from another Python's bytecode: up to two steps of registers more
SLACK = 0 if sys.version_info[:2] == (3, 11) else 16        # the record is of Python 3.11


def compiled_here():
    """Names of the kernels, with marks."""
    first = {name.partition("[")[0]: name for name in reversed(KERNELS)}
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in KERNELS
            if (name in first.values() or name.startswith(ALL_FORMS)) and not name.startswith(LIKE_IT)]


def in_doubles(name):
    """Whether a kernel may compute in double precision."""
    return name.endswith("_rates")


def but_for_doubles(cell):
    """A cell without its count of double precision instructions."""
    return re.sub(r"/doubles\d+", "", cell)


def numbers(cell):
    """(registers, shared memory) of a cell such as '40+2048'; registers in eights, as GPUs give them out."""
    registers, shared = re.fullmatch(r"(\d+)(?:\+(\d+))?", cell).groups()
    return -(-int(registers) // 8) * 8, int(shared or 0)


def test_every_kernel_has_its_types_and_resource_usage():
    assert set(SIGNATURES) == set(registry.kernels("cuda"))
    assert set(RECORDED) == set(KERNELS)
    assert HEAD[1:] == [*resources.ARCHITECTURES]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_without_stack_spills_and_doubles(name):
    cells = map(but_for_doubles if in_doubles(name) else str, RECORDED[name].values())
    assert [cell for cell in cells if "/" in cell] == []


@pytest.mark.parametrize("name", compiled_here())
def test_no_more_than_recorded(name):
    kernel, signature = KERNELS[name]
    for architecture, found in zip(resources.ARCHITECTURES, resources.usage(kernel, signature)):
        allowed = RECORDED[name][architecture]
        if found is None:
            assert allowed == "-"
            continue
        assert found.stack == found.spilled == 0 and (in_doubles(name) or not found.doubles), f"{architecture}: {found}"
        (registers, shared), (most, most_shared) = (numbers(but_for_doubles(cell)) for cell in (str(found), allowed))
        assert registers <= most + SLACK and shared <= most_shared, f"{architecture}: {found}, recorded {allowed}"


def doubled(x, y):
    y[0] = x[0] * 0.1


def on_the_stack(x, y):
    numbers = cuda.local.array(64, np.float32)
    for k in range(64):
        numbers[k] = x[k]
    y[0] = numbers[int(x[64])]


@pytest.mark.parametrize("function, field", [(doubled, "doubles"), (on_the_stack, "stack")])
def test_what_should_not_be_is_seen(function, field):
    kernel = CudaKernel(function, function.__name__, None, {})
    [found] = resources.usage(kernel, recorded.signature_of("float32[1] float32[1]"), ["sm_80"])
    assert getattr(found, field) > 0
    assert f"/{field}" in str(found)


@pytest.mark.parametrize("text", ["float32[1] int64*3 float32 bool uint8[5]", "int64"])
def test_types_as_text(text):
    assert recorded.text_of(recorded.signature_of(text)) == text


def test_a_real_gpu_needs_no_emulator():
    """What a GPU's driver takes is made by the toolchain alone."""
    script = """if True:
        import sys
        import numba_layers.devices.gpu
        from numba_layers.kernels.cuda.toolchain import resources
        (_, kernel, signature), = resources.kernels(["fill"])
        assert kernel.cubin(signature, (8, 0))[1]
        print([name for name in sys.modules if name.startswith("numba_layers.emulator")])"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"
