"""The CPU's kernels: `@njit(parallel=True)` loops. Importing it registers every kernel and compiles none."""

from importlib import import_module
from pathlib import Path

for _file in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"{__name__}.{_file.stem}")
