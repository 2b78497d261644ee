"""Models and weights in Keras's HDF5 files, written whole or not at all, read with every array compared first.

Layout: attributes `model_config` (JSON), `training_config` (JSON), `keras_version`, `backend`; group `model_weights`
with one group a layer, whose attribute `weight_names` lists its data sets in order; group `optimizer_weights`. A file
of weights holds the contents of `model_weights` at its root. Files are of HDF5 1.8's format with texts of fixed length:
those have checksums, without which the HDF5 library can crash on damaged bytes. Kernels of convolutions in files of
Keras 1 and of the Theano backend are rearranged when they are read (`conversion`).
Reference: Keras 2.2.5, `engine.saving`.
"""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .. import optimizers
from ..errors import ArgumentError, DataError, FileError, NumbaLayersError, ShapeError
from ..layers.serialization import deserialize
from ..utils import function_utils
from ..utils.files import replacing
from . import conversion
from .topology import KERAS_VERSION, plain

_HEADER_LIMIT = 64000       # HDF5 keeps attributes up to 64 KiB; longer lists of names are split


def save_model(model, filepath, overwrite=True, include_optimizer=True):
    """Write architecture, weights, and (if compiled) training state of `model` to the HDF5 file `filepath`.

    Raises: ArgumentError when the file exists and overwrite is False.
    """
    with _written(filepath, overwrite) as file:
        file.attrs["keras_version"] = np.bytes_(KERAS_VERSION)
        file.attrs["backend"] = np.bytes_("numba")
        description = {"class_name": type(model).__name__, "config": model.get_config()}
        file.attrs["model_config"] = np.bytes_(json.dumps(description, default=plain))
        _write_weights(file.create_group("model_weights"), model.layers)
        if include_optimizer and model.optimizer is not None:
            file.attrs["training_config"] = np.bytes_(json.dumps(_training_config(model), default=_by_name))
            if model.optimizer.weights:
                _write_arrays(file.create_group("optimizer_weights"), _optimizer_arrays(model.optimizer))


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model that `save_model`, or Keras, wrote: compiled, with the optimizer's state, if it was when saved.

    custom_objects: your own classes and functions by name; under the name of a Lambda layer whose function the file
    holds as code, the function to take instead. compile: False leaves it uncompiled. safe_mode: False runs the code of
    lambdas in the file, which is as safe as running the file as a program; True refuses it.
    Raises: DataError for a file that is missing, damaged, or holds no model.
    """
    with _opened(filepath) as file:
        if "model_config" not in file.attrs:
            raise DataError(f"{_shown(filepath)} holds no architecture, only weights perhaps. Build the model and call "
                            "model.load_weights(file).")
        with function_utils.safe_mode(safe_mode):
            model = deserialize(_json(file, "model_config", filepath), custom_objects)
        _read_weights(_group(file, "model_weights", filepath), model, filepath)
        if compile and "training_config" in file.attrs:
            _compile(model, _json(file, "training_config", filepath), custom_objects)
            if "optimizer_weights" in file:
                model._prepare_training()
                model.optimizer.set_weights(_optimizer_state(file, model))
    return model


def save_weights(model, filepath, overwrite=True):
    """Write the weights of `model` to an HDF5 file."""
    with _written(filepath, overwrite) as file:
        _write_weights(file, model.layers)


def load_weights(model, filepath, by_name=False, skip_mismatch=False):
    """Set the weights of `model` from a file of weights or of a model; all are compared before any is set.

    by_name: match layers by their names and leave the others as they are; else by their order.
    skip_mismatch: with by_name, leave layers whose shapes differ.
    Raises: DataError for a missing or damaged file, ShapeError where layers or shapes differ.
    """
    if skip_mismatch and not by_name:
        raise ArgumentError("skip_mismatch goes with by_name=True.")
    with _opened(filepath) as file:
        group = file["model_weights"] if "layer_names" not in file.attrs and "model_weights" in file else file
        _read_weights(group, model, filepath, by_name, skip_mismatch)


# -- files ---------------------------------------------------------------------------------------------------------

@contextmanager
def _written(filepath, overwrite):
    import h5py
    if isinstance(filepath, h5py.Group):
        yield filepath
        return
    with replacing(filepath, overwrite) as temporary, h5py.File(temporary, "w", libver=("v108", "v108")) as file:
        yield file


@contextmanager
def _opened(filepath):
    import h5py
    if isinstance(filepath, h5py.Group):
        yield filepath
        return
    if not Path(filepath).is_file():
        raise FileError(f"there is no file {_shown(filepath)}.")
    try:
        file = h5py.File(filepath, "r")
    except OSError as error:
        raise FileError(f"{_shown(filepath)} is no HDF5 file, or is damaged ({error}).") from None
    with file:
        try:
            yield file
        except NumbaLayersError:
            raise
        except Exception as error:      # damaged bytes show themselves in many ways
            raise FileError(f"{_shown(filepath)} cannot be read ({type(error).__name__}: {error}). It is damaged or "
                            "not a Keras file.") from error


def _shown(filepath):
    return f"'{Path(filepath).resolve()}'" if isinstance(filepath, str | Path) else repr(filepath)


def _group(file, name, filepath):
    if name not in file:
        raise DataError(f"{_shown(filepath)} has no group {name!r}: it is damaged or not a Keras file.")
    return file[name]


def _json(file, name, filepath):
    text = file.attrs[name]
    try:
        return json.loads(text.decode() if isinstance(text, bytes) else text)
    except ValueError as error:
        raise DataError(f"{_shown(filepath)}: attribute {name!r} is damaged ({error}).") from None


def _texts(group, name):
    """A list of names in an attribute, which Keras splits in numbered parts when it is long."""
    parts = [group.attrs[name]] if name in group.attrs else []
    while f"{name}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{name}{len(parts)}"])
    return [_text(text) for part in parts for text in part]


def _set_texts(group, name, texts):
    encoded = [text.encode() for text in texts]
    parts = 1
    while encoded and max(map(len, encoded)) * -(-len(encoded) // parts) > _HEADER_LIMIT:
        parts += 1
    if parts == 1:
        group.attrs[name] = np.array(encoded, dtype=bytes) if encoded else np.empty(0, "S1")
        return
    for number, part in enumerate(np.array_split(np.array(encoded), parts)):
        group.attrs[f"{name}{number}"] = part


# -- weights -------------------------------------------------------------------------------------------------------

def _write_weights(group, layers):
    _set_texts(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = np.bytes_("numba")
    group.attrs["keras_version"] = np.bytes_(KERAS_VERSION)
    for layer in layers:
        part = group.create_group(layer.name)
        names = _write_arrays(part, [(f"{weight.name}:0", weight.value) for weight in layer.weights])
        for name, weight in zip(names, layer.weights):
            if weight.order is not None:
                part[name].attrs["order"] = [-1 if axis is None else axis for axis in weight.order]


def _write_arrays(group, named):
    """Data sets in order, and their names, which it returns, in `weight_names`; repeated names get a number."""
    names = []
    for name, array in named:
        names.append(name if name not in names else f"{name}_{len(names)}")
        group.create_dataset(names[-1], data=array)
    _set_texts(group, "weight_names", names)
    return names


def _arrays(group):
    return [np.asarray(group[name]) for name in _texts(group, "weight_names")]


def _stored_weights(group):
    """Layer name -> its weights, as `conversion.Stored`; Keras before 1.0 had numbers for names."""
    if "nb_layers" in group.attrs:
        layers = [(f"layer_{number}", [f"param_{part}" for part in range(group[f"layer_{number}"].attrs["nb_params"])])
                  for number in range(group.attrs["nb_layers"])]
    else:
        layers = [(name, _texts(group[name], "weight_names")) for name in _texts(group, "layer_names")]
    return {name: [conversion.Stored(np.asarray(group[name][weight]), group[name][weight].attrs.get("order"))
                   for weight in weights] for name, weights in layers}


def _origin(group):
    """Which Keras wrote a group of weights; without a word, Keras 1, and the Theano backend where names end so."""
    version, backend = (_text(group.attrs.get(name, "")) for name in ("keras_version", "backend"))
    of_keras1 = not version or version.startswith("1")
    if not backend and of_keras1:
        names = [name for layer in _texts(group, "layer_names") for name in _texts(group[layer], "weight_names")]
        backend = "tensorflow" if any(name.endswith(":0") for name in names) else "theano"
    return conversion.Origin(of_keras1, backend == "theano")


def _text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def _read_weights(group, model, filepath, by_name=False, skip_mismatch=False):
    origin, stored = _origin(group), _stored_weights(group)
    if by_name:
        pairs = [(layer, stored[layer.name]) for layer in model.layers if stored.get(layer.name)]
    else:
        layers = [layer for layer in model.layers if layer.weights]
        filled = {name: weights for name, weights in stored.items() if weights}
        if len(layers) != len(filled):
            raise ShapeError(f"{_shown(filepath)} holds weights for {len(filled)} layers ({', '.join(filled)}), the "
                             f"model has {len(layers)} ({', '.join(layer.name for layer in layers)}).")
        pairs = list(zip(layers, filled.values()))
    owners = conversion.owners(model)
    fitting = []
    for layer, weights in pairs:
        problem = _mismatch(layer, weights, owners, origin)
        if problem is None:
            fitting += zip(layer.weights, weights)
        elif not skip_mismatch:
            raise ShapeError(f"{_shown(filepath)}: {problem}")
    for weight, there in fitting:
        weight.data[...] = conversion.arranged(there, weight, owners, origin)


def _mismatch(layer, stored, owners, origin):
    """What is wrong with the weights `stored` for `layer`, or None."""
    weights = layer.weights
    if len(weights) != len(stored):
        return f'{type(layer).__name__} "{layer.name}" has {len(weights)} weights, the file {len(stored)} for it.'
    for weight, there in zip(weights, stored):
        if there.array.dtype.kind not in "biuf":
            return f'{type(layer).__name__} "{layer.name}": weight {weight.name} is no array of numbers in the file.'
        if conversion.arranged(there, weight, owners, origin) is None:
            return (f'{type(layer).__name__} "{layer.name}": weight {weight.name} has shape {weight.value.shape}, '
                    f"the file's {there.array.shape}.")
    return None


# -- training state ------------------------------------------------------------------------------------------------

def _training_config(model):
    return {
        "optimizer_config": optimizers.serialize(model.optimizer), "loss": model.loss, "metrics": model.metrics,
        "sample_weight_mode": model.sample_weight_mode, "loss_weights": model.loss_weights,
    }


def _by_name(value):
    """Functions by their names, which `custom_objects` resolves when loading."""
    return value.__name__ if callable(value) and hasattr(value, "__name__") else plain(value)


def _optimizer_state(file, model):
    """The optimizer's saved arrays, in the order of the model's trained weights and in the engine's layout."""
    state = _arrays(file["optimizer_weights"])
    group, trained = file["model_weights"], model._trained_weights
    origin, owners = _origin(group), conversion.owners(model)
    places = _places_in_slots(group, model) if origin.keras1 else range(len(trained))
    counted = len(state) % len(trained)
    slots = [state[start:start + len(trained)] for start in range(counted, len(state), len(trained))]
    return state[:counted] + [conversion.arranged_slot(slot[place], weight, owners, origin)
                              for slot in slots for place, weight in zip(places, trained)]


def _places_in_slots(group, model):
    """For each trained weight its place in Keras 1's slots, which list the weights sorted by name."""
    names = {}
    layers = [layer for layer in model.layers if layer.weights]
    filled = [name for name in _texts(group, "layer_names") if _texts(group[name], "weight_names")]
    for layer, name in zip(layers, filled):
        names.update(zip(map(id, layer.weights), _texts(group[name], "weight_names")))
    trained = [names[id(weight)] for weight in model._trained_weights]
    ranks = {position: rank for rank, position in enumerate(
        sorted(range(len(trained)), key=lambda position: trained[position]))}
    return [ranks[position] for position in range(len(trained))]


def _optimizer_arrays(optimizer):
    return [(f"training/{type(optimizer).__name__}/{weight.name}:0", weight.data) for weight in optimizer.weights]


def _compile(model, training, custom_objects):
    own = custom_objects or {}

    def resolved(entry):
        if isinstance(entry, list):
            return [resolved(part) for part in entry]
        if isinstance(entry, dict):
            return {name: resolved(part) for name, part in entry.items()}
        return own.get(entry, entry) if isinstance(entry, str) else entry

    model.compile(optimizer=optimizers.deserialize(training["optimizer_config"], custom_objects),
                  loss=resolved(training["loss"]), metrics=resolved(training.get("metrics")),
                  loss_weights=training.get("loss_weights"), sample_weight_mode=training.get("sample_weight_mode"))

