"""Build a wheel `numba_layers_kernels` of compiled kernels, with which machines of a level compile nothing.

    python -m numba_layers warm --level x86-64-v3
    python packaging/kernels_wheel.py --level x86-64-v3 dist

It takes the kernels from the cache, those that this Python, Numba, LLVM and these sources can use. An installed wheel
is looked at where a user's own cache lacks a kernel; other versions, sources or levels find nothing in it, and compile.
"""

import argparse
import base64
import hashlib
import sys
import sysconfig
import zipfile
from pathlib import Path

from numba_layers import __version__, config
from numba_layers.errors import NumbaLayersError
from numba_layers.kernels import pack
from numba_layers.kernels.cache import versions

PACKAGE = "numba_layers_kernels"
INIT = '''"""Compiled kernels of numba_layers, which finds them here by itself."""\n'''
METADATA = """\
Metadata-Version: 2.1
Name: {package}
Version: {version}
Summary: Compiled kernels of numba_layers for {level} processors
License: MIT
Requires-Dist: numba_layers=={own}
Requires-Dist: numba=={numba}
Requires-Dist: llvmlite=={llvmlite}
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: numba_layers {own}\nRoot-Is-Purelib: false\nTag: {tag}\n"


def build(level, folder, directory):
    """Write the wheel of a level from the cache in `directory`; returns its path. Raises: ArgumentError."""
    kernels, _ = pack.usable(directory, [level])
    version = f"{__version__}+{level.replace('-', '.')}"
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    tag = "-".join([python, python + getattr(sys, "abiflags", ""),
                    sysconfig.get_platform().replace("-", "_").replace(".", "_")])
    words = versions() | {"package": PACKAGE, "version": version, "level": level, "own": __version__, "tag": tag}
    information = f"{PACKAGE}-{version}.dist-info"
    contents = {f"{PACKAGE}/__init__.py": INIT.encode(),
                **{f"{PACKAGE}/{name}": content for name, content in kernels.items()},
                f"{information}/METADATA": METADATA.format(**words).encode(),
                f"{information}/WHEEL": WHEEL.format(**words).encode()}
    record = f"{information}/RECORD"
    contents[record] = "".join([*map(_recorded, contents, contents.values()), f"{record},,\n"]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PACKAGE}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)     # no date: the same bytes again
    print(f"{path}: {len(kernels)} kernels, {path.stat().st_size / 1e6:.1f} MB")
    return path


def _recorded(name, content):
    """A file's line in RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--level", required=True, choices=config.LEVELS[:-1], help="of the processors that will run it")
    parser.add_argument("--cache", type=Path, default=config.cache_directory(), help="folder of the compiled kernels "
                        "(default: the user's cache)")
    parser.add_argument("folder", type=Path, help="where to write the wheel")
    options = parser.parse_args(arguments)
    if options.cache is None:
        parser.error("the cache is off: NUMBA_LAYERS_CACHE_DIR is empty; name a folder by --cache")
    try:
        build(options.level, options.folder, options.cache)
    except NumbaLayersError as error:
        parser.exit(2, f"kernels_wheel: {error}\n")


if __name__ == "__main__":
    main()
