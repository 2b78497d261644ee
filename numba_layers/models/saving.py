"""Models and weights in Keras's HDF5 files, written whole or not at all, read with every array compared first.

Layout: attributes `model_config` (JSON), `training_config` (JSON), `keras_version`, `backend`; group `model_weights`
with one group a layer, whose attribute `weight_names` lists its data sets in order; group `optimizer_weights`. A file
of weights holds the contents of `model_weights` at its root. `utils.hdf5` reads and writes: no more than the file
holds, and nothing of others. Kernels of convolutions in files of Keras 1 and of the Theano backend are rearranged when
they are read (`conversion`).
Reference: Keras 2.2.5, `engine.saving`.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import optimizers
from ..arguments import entry
from ..errors import ArgumentError, DataError, ShapeError, is_ours
from ..layers.dry import DryBuild
from ..layers.serialization import deserialize, refusing
from ..utils import function_utils, hdf5
from ..utils.generic_utils import knowing, own_objects
from . import conversion, places, rehearsal, resuming
from .dialects import naming_dialect
from .rebuild import float_type_of
from .topology import KERAS_VERSION, from_json, plain

if TYPE_CHECKING:
    from typing import Any

    from ..typing import CustomObjects, FilePath
    from .model import Model


def save_model(model: Any, filepath: FilePath, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Write architecture, weights, and (if compiled) training state of `model` to the HDF5 file `filepath`.

    Raises: ArgumentError when the file exists and overwrite is False.
    """
    with hdf5.written(rehearsal.to_write(filepath), overwrite) as file:
        file.attrs["keras_version"] = np.bytes_(KERAS_VERSION)
        file.attrs["backend"] = np.bytes_("numba")
        description = {"class_name": type(model).__name__, "config": model.get_config()}
        file.attrs["model_config"] = np.bytes_(json.dumps(description, default=plain))
        _write_weights(file.create_group("model_weights"), model.flattened_layers)
        if include_optimizer and model.optimizer is not None:
            file.attrs["training_config"] = np.bytes_(json.dumps(_training_config(model), default=_by_name))
            state = model._optimizer_weights()
            if state:
                _write_arrays(file.create_group("optimizer_weights"), _optimizer_arrays(model.optimizer, state))
            resuming.write(file, model)


def load_model(filepath: FilePath, custom_objects: CustomObjects | None = None, compile: bool = True,
               safe_mode: bool = True) -> Model:
    """The model that `save_model`, or Keras, wrote: compiled, with the optimizer's state, if it was when saved.

    custom_objects: your own classes and functions by name; under the name of a Lambda layer whose function the file
    holds as code, the function to take instead. compile: False leaves it uncompiled. safe_mode: False runs the code of
    lambdas in the file, which is as safe as running the file as a program; True refuses it.
    Raises: DataError for a file that is missing, damaged, or holds no model.
    """
    with hdf5.opened(rehearsal.to_read(filepath)) as file:
        description, training = _json(file, "model_config", filepath), _json(file, "training_config", filepath)
        if description is None:
            raise DataError(f"{_shown(filepath)} holds no architecture, only weights perhaps. Build the model and call "
                            "model.load_weights(file).")
        stored = _stored_weights(file.group("model_weights"))
        dry = DryBuild(_numbers_in(stored), _shown(filepath))
        with (knowing(custom_objects), float_type_of(description),
              naming_dialect(description, file.text("keras_version"))):
            with function_utils.safe_mode(safe_mode), dry:
                model = deserialize(description)
            dry.draw_others(_read_weights(file.group("model_weights"), stored, model, filepath, anew=True))
            if compile and training is not None:
                _compile(model, training)
                if "optimizer_weights" in file:
                    model._make_train_function()
                    _resume(model, _optimizer_state(file, model), file.text("backend"))
                resuming.read(file, model, _shown(filepath))
    return model


def save_weights(model: Any, filepath: FilePath, overwrite: bool = True) -> None:
    """Write the weights of `model` to an HDF5 file."""
    with hdf5.written(rehearsal.to_write(filepath), overwrite) as file:
        _write_weights(file, model.flattened_layers)


def load_weights(model: Any, filepath: FilePath, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Set the weights of `model` from a file of weights or of a model; all are compared before any is set.

    by_name: match layers by their names and leave the others as they are; else by their order.
    skip_mismatch: with by_name, leave layers whose shapes differ.
    Raises: DataError for a missing or damaged file, ShapeError where layers or shapes differ.
    """
    if skip_mismatch and not by_name:
        raise ArgumentError("skip_mismatch goes with by_name=True.")
    with hdf5.opened(rehearsal.to_read(filepath), beside=sum(weight.data.nbytes for weight in model.weights)) as file:
        of_model = "model_weights" in file and not file.paths("layer_names")
        group = file.group("model_weights") if of_model else file
        _read_weights(group, _stored_weights(group), model, filepath, by_name, skip_mismatch)


# -- files ---------------------------------------------------------------------------------------------------------

def _shown(filepath):
    return f"'{Path(filepath).resolve()}'" if isinstance(filepath, str | Path) else repr(filepath)


def _json(file, name, filepath):
    """What an attribute describes, or None where there is none."""
    text = file.text(name)
    return None if text is None else from_json(text, f"{_shown(filepath)}: attribute {name!r}")


# -- weights -------------------------------------------------------------------------------------------------------

def _write_weights(group, layers):
    hdf5.set_texts(group, "layer_names", [_checked_name(layer) for layer in layers])
    group.attrs["backend"] = np.bytes_("numba")
    group.attrs["keras_version"] = np.bytes_(KERAS_VERSION)
    for layer in layers:
        try:
            part = group.require_group(layer.name)
            names = _write_arrays(part, [(f"{weight.name}:0", weight.value) for weight in layer.weights])
            told = places.places(layer)
            for name, weight in zip(names, layer.weights):
                if id(weight) in told:
                    part[name].attrs["place"] = told[id(weight)]
                if weight.order is not None:
                    part[name].attrs["order"] = [-1 if axis is None else axis for axis in weight.order]
        except (ValueError, TypeError, OSError, RuntimeError, KeyError) as error:
            if not is_ours(error):
                raise
            raise ArgumentError(f'{_called(layer)} cannot be saved beside the other layers ({error}): its weights '
                                "would lie where another layer's are. Give it another name.") from error


def _called(layer):
    return f'{type(layer).__name__} "{layer.name:.80}"'


def _checked_name(layer):
    if not hdf5.is_path(layer.name):
        raise ArgumentError(f"{type(layer).__name__} {layer.name!r:.80} cannot be saved under this name: the parts "
                            "between its slashes become groups of the file, which cannot be empty or '.', nor hold "
                            "half characters or NUL. Give it another name.")
    return layer.name


def _write_arrays(group, named):
    """Data sets in order, and their names, which it returns, in `weight_names`; repeated names get a number."""
    names = []
    for name, array in named:
        path = name = name if hdf5.is_path(name) else f"weight_{len(names)}"
        while path in names or path in group:
            path = f"{name}_{len(names)}" if path == name else f"{path}_"
        names.append(path)
        group.create_dataset(path, data=array)
    hdf5.set_texts(group, "weight_names", names)
    return names


def _stored_weights(group):
    """Layer name -> its weights in the file, as `hdf5.Array`; Keras before 1.0 had numbers for names.

    Raises: DataError for a file of Keras 3's weights, which are stored otherwise.
    """
    if group.attribute("nb_layers") is None:
        if not group.texts("layer_names") and ("layers" in group or "_layer_checkpoint_dependencies" in group):
            raise DataError("the weights are stored as Keras 3 does (.weights.h5), which is not read here. There, "
                            "model.save('model.h5') writes what is.")
        layers = {name: group.group(name).paths("weight_names") for name in group.paths("layer_names")}
    else:
        layers = {f"layer_{number}": [] for number in range(group.number("nb_layers", most=len(group)))}
        for name in layers:
            part = group.group(name)
            layers[name] = [f"param_{number}" for number in range(part.number("nb_params", most=len(part)))]
    return {name: Stored(weights, [group.group(name).array(weight) for weight in weights])
            for name, weights in layers.items()}


class Stored(list):
    """A layer's weights in a file, as `hdf5.Array`, with their `names`."""

    def __init__(self, names, arrays):
        super().__init__(arrays)
        self.names = names

    def of(self, layer):
        """The same for each of `layer.weights`, whatever is frozen; as they are where there is another number."""
        if len(self) != len(layer.weights):
            return self
        told = [array.attribute("place") for array in self]
        order = places.in_order(layer, self.names, [place if isinstance(place, np.integer) else None for place in told])
        return Stored([self.names[number] for number in order], [self[number] for number in order])


def _numbers_in(stored):
    """How many numbers a file's weights are together, as far as the file can hold them."""
    arrays = [array for weights in stored.values() for array in weights]
    for array in arrays:
        array.claim()
    return sum(array.size for array in arrays)


def _origin(group):
    """Which Keras wrote a group of weights; without a word, Keras 1, and the Theano backend where names end so."""
    version, backend = group.text("keras_version"), group.text("backend")
    of_keras1 = not version or version.startswith("1")
    if not backend and of_keras1:
        names = [name for layer in group.paths("layer_names") for name in group.group(layer).paths("weight_names")]
        backend = "tensorflow" if any(name.endswith(":0") for name in names) else "theano"
    return conversion.Origin(of_keras1, backend == "theano")


def _read_weights(group, stored, model, filepath, by_name=False, skip_mismatch=False, anew=False):
    """Set the weights of `model` to those stored, and answer which; all are read first, unless the model is `anew`."""
    origin = _origin(group)
    if by_name:
        pairs = [(layer, stored[layer.name].of(layer)) for layer in model.flattened_layers if stored.get(layer.name)]
    else:
        layers = [layer for layer in model.flattened_layers if layer.weights]
        filled = {name: weights for name, weights in stored.items() if weights}
        if len(layers) != len(filled):
            raise ShapeError(f"{_shown(filepath)} holds weights for {len(filled)} layers ({', '.join(filled)}), the "
                             f"model has {len(layers)} ({', '.join(layer.name for layer in layers)}).")
        pairs = [(layer, weights.of(layer)) for layer, weights in zip(layers, filled.values())]
    pairs = [(layer, conversion.gathered(layer, weights, origin)) for layer, weights in pairs]
    owners = conversion.owners(model)
    fitting = []
    for layer, weights in pairs:
        problem = _mismatch(layer, weights, owners, origin)
        if problem is None:
            fitting += zip(layer.weights, weights)
        elif not skip_mismatch:
            raise ShapeError(f"{_shown(filepath)}: {problem}")
    values = ((weight, conversion.arranged(there.read(), _order(there), weight, owners, origin))
              for weight, there in fitting)
    for weight, value in values if anew else list(values):
        weight.data[...] = value
    return [weight for weight, _ in fitting]


def _order(there):
    """The order of axes that our files tell where it is special, None in it for a new axis; or None.

    An attribute that is no list of numbers of axes is an order that fits no weight.
    """
    order = there.attribute("order")
    if order is None:
        return None
    order = np.atleast_1d(order)
    return [None if axis < 0 else int(axis) for axis in order] if order.dtype.kind in "iu" and order.ndim == 1 else []


def _mismatch(layer, stored, owners, origin):
    """What is wrong with the weights `stored` for `layer`, or None."""
    weights = layer.weights
    if len(weights) != len(stored):
        return f"{_called(layer)} has {len(weights)} weights, the file {len(stored)} for it."
    for weight, there in zip(weights, stored):
        if there.dtype.kind not in "biuf":
            return f"{_called(layer)}: weight {weight.name} is no array of numbers in the file."
        if conversion.arranged(there.placeholder(), _order(there), weight, owners, origin) is None:
            return (f"{_called(layer)}: weight {weight.name} has shape {weight.value.shape}, the file's "
                    f"{there.shape}.")
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


def _resume(model, state, backend):
    """Give the optimizer its state. Keras saves a model without saying that a model inside of it was frozen, so that
    its state may be that of fewer weights: then training starts anew with a warning, as in Keras.
    """
    try:
        model._training.state.set_weights(state)
    except ShapeError:
        if backend == "numba":
            raise
        warnings.warn("the optimizer's state in the file is of other weights than the model trains: a part of it was "
                      "frozen perhaps. The optimizer starts anew.", stacklevel=3)


def _optimizer_state(file, model):
    """The optimizer's saved arrays, in the order of the model's trained weights and in the engine's layout."""
    saved, group = file.group("optimizer_weights"), file.group("model_weights")
    state = [_sound(name, saved.array(name).read()) for name in saved.paths("weight_names")]
    trained, origin, owners = model._trained_weights, _origin(group), conversion.owners(model)
    if not trained:
        return state
    places = _places_in_slots(group, model) if origin.keras1 else range(len(trained))
    counted = len(state) % len(trained)
    slots = [state[start:start + len(trained)] for start in range(counted, len(state), len(trained))]
    return state[:counted] + [conversion.arranged_slot(slot[place], weight, owners, origin)
                              for slot in slots for place, weight in zip(places, trained)]


def _sound(name, array):
    """An optimizer's array. Raises: DataError where it holds what no training leaves."""
    if np.isnan(array).any() or (array.dtype.kind in "iu" and (array < 0).any()):
        raise DataError(f"the optimizer's state {name!r} in the file holds NaN or a negative count of steps. It is "
                        "damaged, or the training had failed: load_model(file, compile=False) leaves it out.")
    return array


def _places_in_slots(group, model):
    """For each trained weight its place in Keras 1's slots, which list the weights sorted by name."""
    names = {}
    layers = [layer for layer in model.flattened_layers if layer.weights]
    for layer, stored in zip(layers, filter(None, _stored_weights(group).values())):
        names.update(zip(map(id, layer.weights), stored.of(layer).names))
    trained = [names[id(weight)] for weight in model._trained_weights]
    ranks = {position: rank for rank, position in enumerate(
        sorted(range(len(trained)), key=lambda position: trained[position]))}
    return [ranks[position] for position in range(len(trained))]


def _optimizer_arrays(optimizer, state):
    return [(f"training/{type(optimizer).__name__}/{weight.name}:0", weight.data) for weight in state]


def _compile(model, training):
    own = own_objects()

    def resolved(part):
        if isinstance(part, list):
            return [resolved(entry) for entry in part]
        if isinstance(part, dict):
            return {name: resolved(entry) for name, entry in part.items()}
        return own.get(part, part) if isinstance(part, str) else part

    with refusing("the file's training_config", training):
        optimizer, loss = (entry(training, name, object, "training_config") for name in ("optimizer_config", "loss"))
        model.compile(optimizer=optimizers.deserialize(optimizer), loss=resolved(loss),
                      metrics=resolved(training.get("metrics")), loss_weights=training.get("loss_weights"),
                      sample_weight_mode=training.get("sample_weight_mode"))
