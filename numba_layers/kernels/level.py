"""The level of processor for which kernels are compiled, so that one cache serves all machines of a level.

A level is what its processors have in common: x86-64-v2, -v3 (AVX2 and FMA), -v4 (AVX-512), or ARMv8. By itself Numba
compiles for the very processor at hand, which is no faster: six kernels differed by less than what one run differs from
the next. The level in force is the highest that this processor has, or a lower one that `NUMBA_LAYERS_LEVEL` names.

It is set when this module is loaded, before Numba generates its first code. Where Numba generated code before, or the
user says by NUMBA_CPU_NAME or NUMBA_CPU_FEATURES what to compile for, that stays; kernels in the cache that were
compiled for the level serve in the first case all the same.

Reference: System V Application Binary Interface, AMD64 Architecture Processor Supplement, 3.1.1.
"""

import platform

from llvmlite.binding import get_host_cpu_name
from numba.core import config as numba_config
from numba.core.codegen import get_host_cpu_features
from numba.core.registry import cpu_target

from .. import config
from ..errors import ArgumentError

_V2 = ("+cmov", "+cx16", "+cx8", "+fxsr", "+mmx", "+popcnt", "+sahf", "+sse", "+sse2", "+sse3", "+sse4.1", "+sse4.2",
       "+ssse3")
_V3 = (*_V2, "+avx", "+avx2", "+bmi", "+bmi2", "+f16c", "+fma", "+lzcnt", "+movbe", "+xsave")
_V4 = (*_V3, "+avx512bw", "+avx512cd", "+avx512dq", "+avx512f", "+avx512vl")

# From the lowest up: what a level's processors have, in LLVM's words
LEVELS = {"x86-64-v2": _V2, "x86-64-v3": _V3, "x86-64-v4": _V4, "armv8": ("+fp-armv8", "+neon")}
_FAMILIES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "armv8", "arm64": "armv8"}
_WIDE = {"+avx512f"}, {"+avx2", "+fma"}      # with which register tiles are wider (see `cpu/micro/vector.py`)


def highest(features, machine):
    """The highest level of a machine with these LLVM features; 'host' where none fits, or it would lose wide vectors.

    features: a set like {'+avx2', '-avx512f'}. machine: as `platform.machine` says.
    """
    family = _FAMILIES.get(machine.lower(), "none")
    fitting = [name for name, needed in LEVELS.items() if name.startswith(family) and features.issuperset(needed)]
    if not fitting or any(features >= wide and not wide <= set(LEVELS[fitting[-1]]) for wide in _WIDE):
        return "host"
    return fitting[-1]


def runs_here(name):
    """Whether this processor runs kernels of a level. Those of 'host' and 'own' fit one processor: it is this one."""
    if name in LEVELS:
        return set(get_host_cpu_features().split(",")).issuperset(LEVELS[name])
    return name == NAME


def processor(name):
    """(CPU, features) for which LLVM compiles where the level is `name`, in its words."""
    if name == "host":
        return get_host_cpu_name(), get_host_cpu_features()
    return "generic" if name == "armv8" else name, ",".join(LEVELS[name])


def _chosen():
    """(name of the level, CPU, features) for which kernels are to be compiled. Raises: ArgumentError."""
    if numba_config.CPU_NAME is not None or numba_config.CPU_FEATURES is not None:
        features = get_host_cpu_features() if numba_config.CPU_FEATURES is None else numba_config.CPU_FEATURES
        given = numba_config.CPU_NAME or get_host_cpu_name(), features
        return next((name for name in LEVELS if processor(name) == given), "own"), *given
    have = set(get_host_cpu_features().split(","))
    best = highest(have, platform.machine())
    asked = config.level() or best
    lacking = sorted(set(LEVELS.get(asked, ())) - have)
    if lacking:
        raise ArgumentError(f"NUMBA_LAYERS_LEVEL: kernels for {asked} do not run on this processor, which has no "
                            f"{lacking[0][1:]}. Its level is {best}.")
    return asked, *processor(asked)


def title(name=None, cpu=None):
    """Words for a level and its CPU, by default those in force: 'x86-64-v3', 'host (znver3)'."""
    name, cpu = name or NAME, cpu or CPU
    return name if name in LEVELS else f"{name} ({cpu})"


NAME, CPU, FEATURES = _chosen()     # NAME: of LEVELS; 'host', this very processor; or 'own', as the user says
HAS = frozenset(FEATURES.split(","))


def generated_for(codegen):
    """(level, CPU, features) of the code that one of Numba's code generators makes."""
    features = codegen.magic_tuple()[2]
    return (NAME, CPU, FEATURES) if features == FEATURES else ("host", get_host_cpu_name(), features)


def _set():
    """Have Numba compile for the level, unless it has begun to compile: its settings must not say what is not so."""
    before = numba_config.CPU_NAME, numba_config.CPU_FEATURES
    numba_config.CPU_NAME, numba_config.CPU_FEATURES = CPU, FEATURES
    if generated_for(cpu_target.target_context.codegen())[2] != FEATURES:
        numba_config.CPU_NAME, numba_config.CPU_FEATURES = before


_set()
