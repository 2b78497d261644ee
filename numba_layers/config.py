"""Settings of the process: number types, image layout, debugging. One table for the environment variables:

| variable                      | meaning                                                                          |
|-------------------------------|----------------------------------------------------------------------------------|
| NUMBA_LAYERS_DEVICE           | where ops run: cpu (default), cuda (an NVIDIA GPU) or emulated (a GPU's kernels  |
|                               | on NumPy, slowly; they are watched for mistakes)                                 |
| NUMBA_LAYERS_DEBUG            | 1 names each kernel that compiles or loads, with the time; 2 times every launch; |
|                               | 3 prints shapes and ranges as well                                               |
| NUMBA_LAYERS_CHECK            | 1 stops at the first NaN or infinity a kernel writes, with its name; on a GPU    |
|                               | also where its kernel and the CPU's disagree. Convolutions run directly, not by  |
|                               | Winograd's algorithm, which spreads a NaN to outputs that do not see it          |
| NUMBA_LAYERS_WINOGRAD         | 1 computes 3 x 3 convolutions by Winograd's algorithm where it may be faster, 0  |
|                               | directly (default: 1 on the CPU, 0 on GPUs)                                      |
| NUMBA_LAYERS_PROGRAM          | 0 runs each training step op by op, as the first one, in place of a program      |
| NUMBA_LAYERS_MATMUL_PRECISION | what GPUs multiply in float32 products: float32 (default), tf32 or bf16          |
| NUMBA_LAYERS_CACHE_DIR        | folder of compiled kernels (default: the user's cache folder); empty: no cache   |
| NUMBA_LAYERS_LEVEL            | processors for which kernels are compiled: x86-64-v2, x86-64-v3, x86-64-v4,      |
|                               | armv8, or host, this one alone (default: the highest level that it has)          |
| KERAS_HOME                    | folder of keras.json (only read) and of the data sets (default: ~/.keras)        |

Reference: Keras 2 documentation, "Backend", keras.json.
"""

from __future__ import annotations

import json
import os
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from .errors import ArgumentError, unknown

FLOAT_TYPES = ("float16", "float32", "float64")
PRECISIONS = ("float32", "tf32", "bf16")
DATA_FORMATS = ("channels_last", "channels_first")
LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4", "armv8", "host")
DIM_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def _debug_level():
    level = os.environ.get("NUMBA_LAYERS_DEBUG") or "0"
    if level not in ("0", "1", "2", "3"):
        raise ArgumentError(f"NUMBA_LAYERS_DEBUG is 0, 1, 2 or 3, got {level!r}.")
    return int(level)


debug_level = _debug_level()
check_numbers = os.environ.get("NUMBA_LAYERS_CHECK", "") not in ("", "0")


def keras_home() -> Path:
    """The folder Keras keeps its settings and data in: `KERAS_HOME` or ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _matmul_precision():
    name = os.environ.get("NUMBA_LAYERS_MATMUL_PRECISION") or "float32"
    if name not in PRECISIONS:
        raise ArgumentError(f"NUMBA_LAYERS_MATMUL_PRECISION is {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, "
                            f"got {name!r}.")
    return name


class _Settings:
    """What `set_...` changes; starts from Keras's defaults, and from keras.json at the end of this module.

    version: another number after each change.
    """

    version = 0

    def __setattr__(self, name, value):
        vars(self)[name] = value
        vars(self)["version"] = self.version + 1

    def __init__(self) -> None:
        self.floatx = "float32"
        self.epsilon = 1e-7
        self.image_data_format: str | None = None
        self.learning_phase: int | None = None
        asked = os.environ.get("NUMBA_LAYERS_WINOGRAD", "")
        self.winograd = asked != "0" if asked else None
        self.matmul_precision = _matmul_precision()
        self.programs = os.environ.get("NUMBA_LAYERS_PROGRAM", "") != "0"
        self.keras_version = "2.2.5"
        self.installed = False


_settings = _Settings()
_described_floatx = ContextVar("described_floatx", default=None)


def floatx() -> str:
    """The float type of new weights and of data, 'float32' or 'float64'."""
    return _described_floatx.get() or _settings.floatx


@contextmanager
def float_type(name):
    """Inside, `floatx()` is `name`: a model is made whose description says so. None: as it is."""
    token = _described_floatx.set(name or _described_floatx.get())
    try:
        yield
    finally:
        _described_floatx.reset(token)


def set_floatx(name: str) -> None:
    """Set the float type of what is made from now on.

    Raises: ArgumentError for a type without kernels (float16 has none on the CPU).
    """
    name = str(name)
    if name not in FLOAT_TYPES:
        raise unknown("float type", name, FLOAT_TYPES)
    if name == "float16":
        raise ArgumentError("float16 has no kernels on the CPU. Use 'float32' or 'float64'.")
    _settings.floatx = name


def epsilon() -> float:
    """The small number that keeps logarithms and quotients finite, 1e-7 by default."""
    return _settings.epsilon


def set_epsilon(value: float) -> None:
    """Set `epsilon()`; `value` a float in (0, 1)."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__") or not 0 < value < 1:
        raise ArgumentError(f"epsilon must be a number in (0, 1), got {value!r:.40}.")
    _settings.epsilon = float(value)


def chosen_data_format():
    """The image layout the user or keras.json chose, or None where nobody did."""
    return _settings.image_data_format


def default_data_format(keras1_name=False):
    """The image layout where nobody chose one: Keras 1's 'channels_first' under its rules, else 'channels_last'.

    keras1_name: of a layer whose name only Keras 1 has: Keras 2's rules hold for it where `import keras` means this
    package, else Keras 1's.
    """
    return "channels_first" if keras1() or (keras1_name and not _settings.installed) else "channels_last"


def image_data_format() -> str:
    """'channels_last' or 'channels_first': what was set, else the default of the generation in force."""
    return _settings.image_data_format or default_data_format()


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images for layers that do not name one."""
    if data_format not in DATA_FORMATS:
        raise unknown("image data format", data_format, DATA_FORMATS)
    _settings.image_data_format = data_format


def image_dim_ordering() -> str:
    """`image_data_format()` in Keras 1's words: 'tf' is channels_last, 'th' channels_first."""
    return "tf" if image_data_format() == "channels_last" else "th"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Keras 1's `set_image_data_format`: 'tf' is channels_last, 'th' channels_first."""
    if not isinstance(dim_ordering, str) or dim_ordering not in DIM_ORDERINGS:
        raise unknown("image dim ordering", dim_ordering, DIM_ORDERINGS)
    _settings.image_data_format = DIM_ORDERINGS[dim_ordering]


def standardize_data_format(data_format):
    """`data_format` of a layer, checked; None and 'default' mean the setting of the process."""
    return asked_data_format(data_format) or image_data_format()


def asked_data_format(data_format):
    """`data_format` of a layer, checked; for None and 'default' what the user or keras.json chose, None if nothing."""
    if data_format is None or isinstance(data_format, str) and data_format == "default":
        return chosen_data_format()
    if isinstance(data_format, str):
        data_format = DIM_ORDERINGS.get(data_format, data_format)
    if not isinstance(data_format, str) or data_format not in DATA_FORMATS:
        raise unknown("data_format", data_format, DATA_FORMATS + tuple(DIM_ORDERINGS))
    return data_format


def learning_phase() -> int | None:
    """1 or 0 where `set_learning_phase` fixed the phase for the process, else None."""
    return _settings.learning_phase


def set_learning_phase(value: int | None) -> None:
    """Fix the phase of everything that runs from now on: 1 training, 0 testing, None as each call says."""
    if value not in (0, 1, None):
        raise ArgumentError(f"the learning phase is 0 (testing), 1 (training) or None, got {value!r}.")
    _settings.learning_phase = None if value is None else int(value)


def winograd() -> bool | None:
    """May 3 x 3 convolutions of stride 1 be computed by Winograd's algorithm? None: as is best on the device."""
    return _settings.winograd


def set_winograd(allowed: bool | None) -> None:
    """Allow Winograd's algorithm, compute all convolutions directly, or leave the choice to the device (None).

    It is 1.5 to 3 times as fast, and in float32 right to about 1e-5 of the result's scale, where sums are right to
    about 1e-6. It makes 4 x 4 outputs at once of the 6 x 6 pixels below them, which mix: a NaN, an infinity or the
    rounding of an outlier in one pixel reaches all 16, also those whose own window does not see the pixel. Under
    NUMBA_LAYERS_CHECK=1 convolutions are computed directly.
    """
    _settings.winograd = None if allowed is None else bool(allowed)


def matmul_precision() -> str:
    """What GPUs multiply where float32 matrices or images and windows are multiplied: 'float32', 'tf32' or 'bf16'."""
    return _settings.matmul_precision


def set_matmul_precision(name: str) -> None:
    """Choose how exactly GPUs multiply float32 numbers in matrix products and convolutions.

    'float32' is exact, the default. 'tf32' rounds both factors to 10 bits after the point, 'bf16' to 7, for tensor
    cores that are several times as fast; sums are float32 always. With factors from a normal distribution, errors
    are 3e-4 (tf32) or 2.4e-3 (bf16) of the results as root mean squares, and in no case over 1e-3 or 8e-3 of the sum
    of the products' sizes. GPUs before compute capability 8.0 (2020), the CPU, float64 and results too small to gain
    stay exact.
    Raises: ArgumentError for another name.
    """
    if name not in PRECISIONS:
        raise unknown("precision of products", name, PRECISIONS)
    _settings.matmul_precision = name


def programs() -> bool:
    """Whether steps are recorded once and replayed; see `program`."""
    return _settings.programs


def set_programs(allowed: bool) -> None:
    """Allow programs (the default), or have each step run op by op, as NUMBA_LAYERS_PROGRAM=0 does."""
    _settings.programs = bool(allowed)


def in_force() -> tuple[object, ...]:
    """All settings, as something that differs where one does."""
    return tuple([value for name, value in vars(_settings).items() if name != "version"]), _described_floatx.get()


def version() -> int:
    """A number that is another after each change of a setting."""
    return _settings.version


def keras_version() -> str:
    """The version of Keras whose defaults hold, '2.2.5' unless `compat.install` was asked for another."""
    return _settings.keras_version


def keras1() -> bool:
    """True where Keras 1's defaults and rules hold."""
    return keras_version().startswith("1")


def keras_before(version):
    """True where the defaults of an older version than `version`, like '2.1.3', hold."""
    return _numbers(keras_version()) < _numbers(version)


def _numbers(version):
    return [int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")]


def set_keras_version(version: str) -> None:
    """Choose the generation whose defaults hold where they differ; `version` like '1.2.2' or '2.0.9'."""
    if str(version).partition(".")[0] not in ("1", "2"):
        raise ArgumentError(f"Keras 1.x and 2.x are known, got version {version!r}. Take '1.2.2' or '2.2.5'.")
    _settings.keras_version = str(version)


def set_installed(installed):
    """Say whether `import keras` means this package; `compat.install` does."""
    _settings.installed = installed


def cache_directory() -> Path | None:
    """Folder of compiled kernels, or None where caching is off or the user has no home."""
    chosen = os.environ.get("NUMBA_LAYERS_CACHE_DIR")
    if chosen is not None:
        return Path(chosen) if chosen else None
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba_layers"
    except RuntimeError:
        return None


def level() -> str | None:
    """The level of processor for which kernels are to be compiled, one of `LEVELS`; None: the highest it has.

    It counts when the first kernel is used. Raises: UnknownNameError for another name.
    """
    name = os.environ.get("NUMBA_LAYERS_LEVEL") or None
    if name not in (None, *LEVELS):
        raise unknown("level of processor in NUMBA_LAYERS_LEVEL", name, LEVELS)
    return name


def _take_keras_json():
    """Take over the settings in keras.json, as far as the setters do; a warning tells of what is ignored."""
    try:
        path = keras_home() / "keras.json"
        given = json.loads(path.read_text()) if path.is_file() else {}
        if not isinstance(given, dict):
            raise ValueError("it holds no dictionary")
    except (ValueError, RecursionError) as error:
        warnings.warn(f"{path} is damaged ({error}) and ignored. Mend or delete it.", stacklevel=2)
        return
    except (OSError, RuntimeError):     # nothing that may be read, no home
        return
    for name, take in (("floatx", set_floatx), ("epsilon", set_epsilon), ("image_dim_ordering", set_image_dim_ordering),
                       ("image_data_format", set_image_data_format)):      # the last word is Keras 2's
        if given.get(name) is not None:
            try:
                take(given[name])
            except ArgumentError as error:
                warnings.warn(f"{path}: {name} is ignored. {error}", stacklevel=2)


_take_keras_json()
