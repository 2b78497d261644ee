"""The user's arrays, compared with what the model expects and put in order."""

import warnings
from decimal import Decimal
from numbers import Real

import numpy as np

from .. import config, losses
from ..arguments import real, unmasked
from ..autograd.sparse import as_csr, is_sparse
from ..errors import DataError, DtypeError, ShapeError, nearest
from .objective import TEMPORAL

_KINDS = "biuf"


def entries(model, given, names, what):
    """`given` (an array, a list of them, or a dictionary by name) as a list with one entry for each of `names`.

    what: 'input' or 'output' of `model`.
    Raises: DataError for a missing or unknown name, or another number of arrays.
    """
    if isinstance(given, dict) and not is_sparse(given):    # SciPy's matrix of keys is a dictionary
        unknown = [name for name in given if name not in names]
        missing = [name for name in names if name not in given]
        if unknown:
            raise DataError(f'model "{model.name}": no {what} is named {unknown[0]!r}. {nearest(unknown[0], names)}')
        if missing:
            raise DataError(f'model "{model.name}": the data for {what} {missing[0]!r} are missing; given: '
                            f"{', '.join(map(str, given))}.")
        return [given[name] for name in names]
    if given is None and names:
        raise DataError(f'model "{model.name}": {"x" if what == "input" else "y"} is missing; expected arrays for '
                        f"the {what}s {', '.join(names)}, got None.")
    if given is None:
        given = []
    if isinstance(given, list | tuple) and (len(names) != 1 or any(hasattr(entry, "shape") for entry in given)):
        arrays = list(given)
    else:
        arrays = [given]
    if len(arrays) != len(names):
        raise DataError(f'model "{model.name}": expected {len(names)} arrays, one for each {what} '
                        f"({', '.join(names)}), got {len(arrays)}.")
    return arrays


def numbers(value, where):
    """`value` as an array of numbers.

    Raises: DtypeError for text, objects that are no numbers, and ragged lists; DataError for masked entries.
    """
    if is_sparse(value):
        raise DtypeError(f"{where}: expected an array, got a sparse matrix. Make it dense: y.toarray().")
    if hasattr(value, "__next__"):
        raise DataError(f"{where}: expected an array, got a {type(value).__name__}. fit_generator, "
                        "evaluate_generator and predict_generator take batches one by one.")
    try:
        array = unmasked(value, where)
    except DataError:
        raise
    except ValueError as error:
        raise DtypeError(f"{where}: the rows have different lengths, so they form no array ({error}). "
                         "Pad them to one length.") from None
    if array.dtype.kind == "O":
        array = _from_objects(array)
    if array.dtype.kind not in _KINDS:
        raise DtypeError(f"{where}: expected numbers, got elements of type {array.dtype}. Convert them, for example "
                         f"with np.asarray(x, dtype={config.floatx()!r}).")
    return array


def _from_objects(array):
    """An array of Python's numbers, as tables and old pickles have them, as one of NumPy's; others as they are."""
    kinds = set(map(type, array.ravel()))
    if not all(issubclass(kind, Real | Decimal | np.bool_) for kind in kinds):
        return array
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return array.astype(bool)
    whole = all(issubclass(kind, int | np.integer | np.bool_) for kind in kinds)
    try:
        return array.astype(np.int64 if whole else np.float64)
    except OverflowError:       # a number beyond 64 bits
        return array


def inputs(model, given):
    """Arrays for the fed inputs of `model`, checked, in its order."""
    names = [tensor._keras_history[0].name for tensor in model._fed]
    arrays = []
    for tensor, name, value in zip(model._fed, names, entries(model, given, names, "input")):
        where = f'model "{model.name}", input "{name}"'
        array = as_csr(value, where) if is_sparse(value) else numbers(value, where)
        if array.ndim == 1 and tensor.ndim == 2 and tensor.shape[1] in (1, None):
            array = array[:, None]
        _check_shape(array.shape, tensor.shape, where)
        compare(model, tensor, array, where)
        arrays.append(array)
    return arrays


def compare(model, tensor, array, where):
    """Let the layers of `model` that read its input `tensor` first compare the array given for it."""
    for node in tensor._keras_history[0].outbound_nodes:
        if tensor in node.input_tensors and node.layer in model._all_layers:
            node.layer.check_data(array, where)


def targets(model, given):
    """Arrays for the trained outputs of `model`, checked, in its order."""
    objective = model.objective
    names = [objective.output_names[number] for number in objective.trained]
    arrays = []
    for number, name, value in zip(objective.trained, names, entries(model, given, names, "output")):
        where = f'model "{model.name}", target of output "{name}"'
        array = numbers(value, where)
        loss = objective.losses[number]
        arrays.append(_target(array, model.outputs[number].shape, loss, where))
    return arrays


def _target(array, shape, loss, where):
    """One target with its axes in order; its shape compared where the loss is one of ours."""
    sparse = loss is losses.sparse_categorical_crossentropy
    ours = getattr(losses, getattr(loss, "__name__", ""), None) is loss
    if array.ndim == 1 < len(shape) and not ours:
        array = array[:, None]      # what losses of Keras's users are written for
    elif array.ndim == len(shape) - 1 and (sparse or shape[-1] == 1):
        array = array[..., None]
    if ours and array.dtype.kind == "f" and np.isnan(array).any():
        raise DataError(f"{where}: {int(np.isnan(array).sum())} of {array.size} entries are NaN. Drop those samples, "
                        "or replace the entries.")
    if sparse:
        cure = ""
        if array.shape[1:] == shape[1:] and shape[-1] != 1:
            cure = " One-hot targets go with loss='categorical_crossentropy'; or make them numbers: y.argmax(axis=-1)."
        _check_shape(array.shape, (*shape[:-1], 1), where, cure)
        _check_classes(array, shape[-1], where)
    elif ours:
        cure = ""
        if loss is losses.categorical_crossentropy and array.ndim == 1 or array.shape[-1:] == (1,) != shape[-1:]:
            cure = (" Class numbers go with loss='sparse_categorical_crossentropy'; or make them one-hot with "
                    "utils.to_categorical(y).")
        _check_shape(array.shape, shape, where, cure)
    return array


def _check_classes(array, classes, where):
    if array.size and classes is not None:
        if array.dtype.kind == "f":
            _check_whole(array, where, " Targets that are no classes go with another loss, such as 'mse'.")
        low, high = array.min(), array.max()
        if low < 0 or high >= classes:
            raise DataError(f"{where}: class numbers must lie in 0..{classes - 1}, got {low}..{high}.")


def _check_whole(classes, where, cure=""):
    broken = classes[~(np.isfinite(classes) & (classes == np.floor(classes)))]
    if broken.size:
        raise DataError(f"{where}: class numbers must be whole, got {broken[0]}.{cure}")


def _check_shape(have, want, where, cure=""):
    if len(have) != len(want) or any(b is not None and a != b for a, b in zip(have[1:], want[1:])):
        raise ShapeError(f"{where}: expected shape {_shown(want)}, got {tuple(have)}.{cure or _cure(have, want)}")
    if want and want[0] is not None and have[0] % want[0]:
        raise ShapeError(f"{where}: the model was built for batches of {want[0]} samples, {have[0]} samples do not "
                         "divide into them.")


def _shown(shape):
    return str(tuple("any" if size is None else size for size in shape)).replace("'", "")


def _cure(have, want):
    """What the user can do about a shape, where it is plain."""
    if len(have) == len(want) > 3:
        if (*have[2:], have[1]) == tuple(want[1:]):
            return " These images are channels_first, the model takes channels_last: np.moveaxis(x, 1, -1)."
        if (have[-1], *have[1:-1]) == tuple(want[1:]):
            return " These images are channels_last, the model takes channels_first: np.moveaxis(x, -1, 1)."
    known = None not in want[1:]
    if known and len(have) > 1 and np.prod(have[1:]) == np.prod(want[1:]):
        return f" The sizes agree: x.reshape({', '.join(str(size) for size in (-1, *want[1:]))})."
    if tuple(have) == tuple(want[1:]):
        return " For a single sample add the batch axis: x[None]."
    return ""


def sample_weights(model, given, class_weight, arrays):
    """Weights for the trained outputs, as float arrays or None: sample weights times class weights.

    given: an array, a list or a dictionary by output name. class_weight: {class number: weight}, or a dictionary of
    those by output name. arrays: the targets.
    """
    objective = model.objective
    names = [objective.output_names[number] for number in objective.trained]
    given = [None] * len(names) if given is None else _optional(model, given, names)
    by_class = _class_weights(model, class_weight, names)
    weights = []
    for number, name, weight, table, target in zip(objective.trained, names, given, by_class, arrays):
        where = f'model "{model.name}", sample weights of output "{name}"'
        temporal = objective.weight_modes[number] == TEMPORAL
        if weight is not None:
            with np.errstate(over="ignore"):    # what is too large becomes infinite, and is refused
                weight = numbers(weight, where).astype(config.floatx())
            _check_weight(weight, target, temporal, where)
            _check_finite(weight, where)
        if table is not None and not (config.keras1() and weight is not None):  # Keras 1 took the one or the other
            factors = _by_class(table, target, where)
            with np.errstate(over="ignore"):
                weight = factors if weight is None else weight * factors
            _check_finite(weight, where)
        weights.append(weight)
    return weights


def _optional(model, given, names):
    """Sample weights, or tables of class weights, for each output; None where none are given."""
    if isinstance(given, dict):
        for name in given:
            if name not in names:
                raise DataError(f'model "{model.name}": no output is named {name!r}. {nearest(name, names)}')
        return [given.get(name) for name in names]
    return entries(model, given, names, "output")


def _class_weights(model, class_weight, names):
    """A table {class number: weight} or None for each output."""
    if class_weight is None:
        return [None] * len(names)
    if isinstance(class_weight, str) and class_weight == "auto" and config.keras1():
        warnings.warn(f'model "{model.name}": class_weight=\'auto\' weighs nothing, as in Keras 1. Give a dictionary '
                      "{class number: weight}.", stacklevel=5)
        return [None] * len(names)
    if isinstance(class_weight, dict) and not all(isinstance(key, str) for key in class_weight):
        return [class_weight] * len(names)
    tables = _optional(model, class_weight, names) if isinstance(class_weight, dict) else class_weight
    if not isinstance(tables, list | tuple) or len(tables) != len(names) or not all(
            table is None or isinstance(table, dict) for table in tables):
        raise DataError(f'model "{model.name}": class_weight must be a dictionary like {{0: 1.0, 1: 2.5}}, or one of '
                        f"those for each output, got {class_weight!r:.80}.")
    return list(tables)


def _check_weight(weight, target, temporal, where):
    want = target.shape[:2] if temporal else target.shape[:1]
    if weight.shape != want:
        mode = "" if temporal or weight.ndim != 2 else (
            " For a weight a timestep, compile with sample_weight_mode='temporal'.")
        raise ShapeError(f"{where}: expected shape {want}, got {weight.shape}.{mode}")


def _check_finite(weight, where):
    bad = weight.size - np.count_nonzero(np.isfinite(weight))
    if bad:
        raise DataError(f"{where}: {bad} of {weight.size} are NaN or infinite. A sample that shall not count gets "
                        "weight 0.")


def _by_class(table, target, where):
    """The weight of each sample's class."""
    if target.ndim > 2:
        raise DataError(f"{where}: class_weight needs targets of two axes at most, got shape {target.shape}. "
                        "Give sample_weight instead.")
    one_hot = target.ndim == 2 and target.shape[1] > 1
    classes = target.argmax(axis=1) if one_hot else target.reshape(-1)
    if classes.dtype.kind == "f":
        _check_whole(classes, where)
    table = {number: real(weight, f"{where}: the weight of class {number}") for number, weight in table.items()}
    missing = sorted(set(np.unique(classes).astype(int).tolist()) - set(table))
    if missing:
        raise DataError(f"{where}: class_weight has no entry for class {missing[0]}; it has {sorted(table, key=str)}.")
    for number, weight in table.items():
        if not np.isfinite(weight):
            raise DataError(f"{where}: the weight of class {number} must be finite, got {weight}.")
    return np.array([table[number] for number in classes.astype(int).tolist()], dtype=config.floatx())


def count(arrays, model):
    """The number of samples of all `arrays` (None entries do not count).

    Raises: DataError when they differ or there is none.
    """
    sizes = {array.shape[0] for array in arrays if array is not None}
    if len(sizes) > 1:
        raise DataError(f'model "{model.name}": all arrays must have the same number of samples, '
                        f"got {sorted(sizes)}.")
    samples = sizes.pop() if sizes else 0
    if samples == 0:
        raise DataError(f'model "{model.name}": the data hold no samples.')
    return samples


def take(arrays, start, stop=None):
    """Rows `start:stop` of each array, or the rows that the index array `start` lists."""
    rows = slice(start, stop) if stop is not None else start
    return [None if array is None else array[rows] for array in arrays]
