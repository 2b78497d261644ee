"""The command line: `python -m numba_layers COMMAND`."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import config
from ._version import __version__
from .arguments import whole
from .errors import ArgumentError, FileError, NumbaLayersError, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MODEL_FILES = (".h5", ".hdf5", ".json")


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run one command; errors of this package are printed as one line. Returns the exit status."""
    parser = _parser()
    arguments, of_script = _split(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(arguments, argparse.Namespace(arguments=of_script))
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return options.command(options) or 0
    except NumbaLayersError as error:
        print(f"numba_layers: {error}", file=sys.stderr)
        return 2


def _split(arguments):
    """(arguments of `warm`, those of the script it is to run): all that stands behind the script is the script's."""
    arguments = list(arguments)
    behind = 1 + next((place for place, one in enumerate(arguments) if one.endswith(".py")), len(arguments))
    return (arguments[:behind], arguments[behind:]) if arguments[:1] == ["warm"] else (arguments, [])


def _parser():
    parser = argparse.ArgumentParser(prog="python -m numba_layers", description=__doc__.partition(":")[0] + ".",
                                     epilog="Each command has its own --help.")
    parser.add_argument("--version", action="version", version=f"numba_layers {__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name, function, help):
        sub = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        sub.set_defaults(command=function)
        return sub

    sub = command("demo", demo, "train a network on handwritten digits and show how well it reads")
    sub.add_argument("--epochs", type=int, default=12, help="passes over the data (default: 12)")
    sub.add_argument("--folder", default=".", help="where model and picture are saved (default: here)")
    sub.add_argument("--quiet", action="store_true", help="no progress bars")

    sub = command("kernels", kernels, "list the kernels that layers launch, forward and backward, with file and line "
                  "for each target, and when: traced by running each layer dry, with its arguments one at a time")
    sub.add_argument("layer", nargs="?", help="one layer only, for example Conv2D; or the layers of a model, by its "
                     ".h5 or .json file")
    sub.add_argument("--cuda", action="store_true", help="instead, what each kernel takes of a GPU's multiprocessor: "
                     "registers of a thread + bytes of shared memory of a block")
    sub.add_argument("--arch", action="append", metavar="sm_90a", help="with --cuda: one architecture only")

    sub = command("run", run, "run an old Keras script with this package in Keras's place")
    sub.add_argument("--keras", metavar="VERSION", help="the version whose rules hold, like 1.2.2 or 2.2.5 (default: "
                     "the one whose words the script has)")
    sub.add_argument("script", help="path of the script")
    sub.add_argument("arguments", nargs=argparse.REMAINDER, help="the script's own arguments")

    sub = command("warm", warm, "compile kernels on all processors at once, so that later processes need not: what a "
                  "model or a script needs, or all that float32 models need on the CPU")
    sub.add_argument("model", nargs="?", help="a model's .h5 file, or its architecture as .json; or a script (.py), "
                     "with its own arguments behind it. The script runs: of each fit, evaluate and predict three "
                     "batches, and what it saves of models is deleted; its other files are written. (default: all "
                     "kernels)")
    sub.add_argument("--optimizer", default="sgd", help="of a model that does not say it (default: sgd)")
    sub.add_argument("--loss", default="mse", help="of a model that does not say it (default: mse)")
    sub.add_argument("--level", choices=config.LEVELS[:-1], metavar="LEVEL", help="of the processors that will run "
                     f"them: {', '.join(config.LEVELS[:-1])} (default: the highest that this one has)")

    sub = command("profile", profile, "time what a model predicts, or a step of its training, by kernel and by layer")
    sub.add_argument("model", help="a model's .h5 file, or its architecture as .json")
    sub.add_argument("--batch-size", type=int, default=32, metavar="N", help="samples at a time (default: 32)")
    sub.add_argument("--train", action="store_true", help="a step of training in place of a prediction")
    sub.add_argument("--launches", action="store_true", help="list each launch as well, with its buffers and its time")
    sub.add_argument("--optimizer", default="sgd", help="of a model that does not say it (default: sgd)")
    sub.add_argument("--loss", default="mse", help="of a model that does not say it (default: mse)")

    sub = command("cache", cache, "show where compiled kernels are kept, how many for each level of processor, and "
                  "what of them is of no use to these versions and sources")
    sub.add_argument("--clear", action="store_true", help="delete them all")
    sub.add_argument("--prune", action="store_true", help="delete what is of no use to these versions and sources")
    sub.set_defaults(action=None)
    actions = sub.add_subparsers(metavar="pack | unpack")
    for name, function, does in (("pack", pack, "write the kernels to a file, for other machines of their level"),
                                 ("unpack", unpack, "add the kernels of such a file to the cache, if it is whole and "
                                  "fits the versions and the processor here")):
        action = actions.add_parser(name, help=does, description=does[0].upper() + does[1:] + ".")
        action.set_defaults(command=function)
        action.add_argument("file", help="path of the pack, a zip archive")
        action.add_argument("--level", action="append", choices=config.LEVELS, default=[], metavar="LEVEL",
                            help=f"{'of these levels only' if name == 'pack' else 'even if not for this processor'}: "
                            f"{', '.join(config.LEVELS)}")

    command("info", info, "print versions, threads, the level of processor for which kernels are compiled, and GPUs")
    return parser


def demo(options):
    from . import demo
    demo.run(epochs=options.epochs, folder=options.folder, verbose=0 if options.quiet else 1)


def warm(options):
    """Compile what a model or a script needs, or everything; for another level in a process that begins with it."""
    if options.level:
        from .kernels import level
        cpu, features = level.processor(options.level)
        again = [sys.executable, "-m", "numba_layers", "warm", "--optimizer", options.optimizer, "--loss", options.loss,
                 *([options.model] if options.model else []), *options.arguments]
        ended = subprocess.run(again, env=os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features})
        return ended.returncode
    from . import warm
    if options.model is None:
        warm.everything()
    elif Path(options.model).suffix == ".py":
        return warm.script(options.model, options.arguments)
    else:
        warm.run(options.model, options.optimizer, options.loss)


def profile(options):
    """Print where the time of a model's steps goes, on numbers of no meaning."""
    import numpy as np

    from . import warm
    from .kernel_table import needs
    model = warm.model_in(Path(options.model))
    if model.objective is None:
        model.compile(options.optimizer, options.loss)
    zeros = warm.inputs(model, whole(options.batch_size, "--batch-size", least=1))
    y = needs.targets(model, zeros)
    x = [np.random.RandomState(0).uniform(0, 1, array.shape).astype(array.dtype) for array in zeros]
    for _ in range(3):      # a program is made of two recordings
        if options.train:
            model.train_on_batch(x, y)
        else:
            model.predict_on_batch(x)
    program = model.program("train" if options.train else "predict", options.batch_size)
    found = program.profile(x, y) if options.train else program.profile(x)
    if options.launches:
        print(program, end="\n\n")
    print(found)


def kernels(options):
    """Print the kernels that layers launch and where they stand, or what they take of a GPU."""
    from . import kernel_table
    from .kernel_table import text
    layer = options.layer
    if layer and Path(layer).suffix in MODEL_FILES:
        from . import warm
        layer = warm.model_in(Path(layer))
    surveys = kernel_table.surveys(layer)
    if options.cuda:
        return _print_resources({row.kernel for one in surveys for row in one.rows} if layer else None, options.arch)
    for line in text.lines(surveys):
        print(line)


def _print_resources(names, architectures):
    """Print a line for each kernel of the CUDA target, or those in `names`, as they are compiled; no GPU is needed."""
    from .kernels.cuda.toolchain import resources
    architectures = architectures or resources.ARCHITECTURES
    for architecture in set(architectures) - set(resources.ARCHITECTURES):
        raise unknown("architecture", architecture, resources.ARCHITECTURES)
    found = list(resources.kernels(names))
    width = max(len(name) for name, _, _ in [*found, ("kernel", None, None)])
    print(" ".join(["kernel".ljust(width), *(architecture.ljust(9) for architecture in architectures)]).rstrip())
    for name, kernel, signature in found:
        cells = [str(usage or "-").ljust(9) for usage in resources.usage(kernel, signature, architectures)]
        print(" ".join([name.ljust(width), *cells]).rstrip(), flush=True)


def run(options):
    """Run a script with this package in Keras's place."""
    from . import compat
    if not Path(options.script).exists():
        raise FileError(f"there is no script '{Path(options.script).resolve()}'.")
    compat.run_script(options.script, options.arguments, options.keras)


def cache(options):
    """Print what the kernel cache holds for which level, or delete it, or what of it is of no use."""
    folder = config.cache_directory()
    if folder is None:
        print("the cache is off (NUMBA_LAYERS_CACHE_DIR is empty)")
        return
    from .kernels import inventory, store
    from .kernels.cache import ready_made
    if options.clear:
        files = store.files(folder)
        for file in files + store.halves(folder):       # what else lies there is not ours
            store.remove(file)
        with suppress(OSError):
            folder.rmdir()
        print(f"deleted {len(files)} kernels from {folder}")
        return
    entries = inventory.entries(folder)
    useless = [entry for entry in entries if not entry.usable]
    if options.prune:
        print(f"deleted {_amount([entry for entry in useless if store.remove(entry.file)])} from {folder}")
        return
    print(f"{folder}: {_amount(entries)}")
    usable = [entry for entry in entries if entry.usable]
    for title in sorted({inventory.title(entry.about) for entry in usable}):
        print(f"  {title:18} {_amount([entry for entry in usable if inventory.title(entry.about) == title])}")
    if useless:
        print(f"  {'of no use here':18} {_amount(useless)}, of other versions or sources: --prune deletes them")
    for installed in ready_made():
        print(f"installed in {installed}: {_amount(inventory.entries(installed))}")


def _amount(entries):
    return f"{len(entries)} kernels, {sum(entry.size for entry in entries) / 1e6:.1f} MB"


def pack(options):
    """Write the cache's kernels to a file."""
    from .kernels.pack import pack
    print(f"{pack(options.file, _cache_folder(), options.level)} kernels packed in {Path(options.file).resolve()}")


def unpack(options):
    """Add the kernels of a file to the cache."""
    from .kernels.pack import unpack
    print(f"{unpack(options.file, _cache_folder(), options.level)} kernels unpacked to {_cache_folder()}")


def _cache_folder():
    folder = config.cache_directory()
    if folder is None:
        raise ArgumentError("the cache is off: NUMBA_LAYERS_CACHE_DIR is empty. Name a folder by it.")
    return folder


def info(options):
    """Print versions, threads, what the processor can do, and whether kernels run on GPUs."""
    import llvmlite
    import numba
    import numpy

    from .devices import report
    from .kernels import level
    from .kernels.cpu import threads
    with threads.launching():
        layer = numba.threading_layer()
    print(f"numba_layers {__version__}, Python {platform.python_version()} on {platform.platform()}")
    print(f"numba {numba.__version__}, llvmlite {llvmlite.__version__}, numpy {numpy.__version__}")
    print(f"threads: {numba.get_num_threads()} by {layer}"
          + (f", cgroup quota {threads.quota()}" if threads.quota() else ""))
    wide = [name for name in ("avx512f", "avx2", "fma", "neon") if f"+{name}" in level.HAS]
    print(f"processor: {numba.core.codegen.ll.get_host_cpu_name()}; kernels for {level.title()}: "
          f"{', '.join(wide) or 'no wide vectors'}")
    print(f"kernel cache: {config.cache_directory() or 'off'}")
    for line in report.lines():
        print(line, flush=True)
