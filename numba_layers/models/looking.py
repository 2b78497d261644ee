"""A model's programs to look at: as listings, with their times, and the memory they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import config
from ..autograd.tensor import Variable
from ..errors import ModelError, unknown
from ..program.memory import MemoryReport

if TYPE_CHECKING:
    from typing import Any

    from ..program import Program
    from .model import Model

# mode -> keys under which steps of it are recorded, and what records them. `fit` makes many steps at a time.
MODES = {"train": (("train", "many"), "model.fit, or model.train_on_batch twice"),
         "test": (("test",), "model.evaluate or model.test_on_batch twice"),
         "predict": (("predict",), "model.predict or model.predict_on_batch twice")}


def program(model: Model, mode: str, batch_size: int | None) -> Program:
    """The newest program of the largest batch, or of `batch_size` samples. Raises: ModelError where there is none."""
    if mode not in MODES:
        raise unknown("mode of a program", mode, MODES)
    keys, cure = MODES[mode]
    found = [one for one in named(model) if one[0] in keys and batch_size in (None, one[1])]
    if found:
        return max(found, key=lambda one: one[1])[2]
    refusal = model._programs.refusal
    of_size = "" if batch_size is None else f" for {batch_size} samples"
    if not config.programs():
        cure = "Programs are off: numba_layers.config.set_programs(True), or without NUMBA_LAYERS_PROGRAM=0."
    elif config.debug_level or config.check_numbers:
        cure = "NUMBA_LAYERS_DEBUG and NUMBA_LAYERS_CHECK have steps run op by op: start without them."
    elif refusal:
        cure = f"Its steps run op by op: {refusal}."
    else:
        cure = f"A step becomes one when it was made twice with the same shapes: call {cure}."
    raise ModelError(f'model "{model.name}": there is no program of mode {mode!r}{of_size}. {cure}')


def named(model: Model) -> list[tuple[str, int, Program]]:
    """(mode, samples a batch, program) of all programs of a model, the newest first, which know what things are called.
    """
    arrays = _arrays(model)
    found = []
    for key, one in model._programs.items():
        mode = key[0]
        samples = key[1] if mode == "many" else one.specs[0][0][0]
        one.owner, one.named = f'model "{model.name}"', arrays
        one.title = f"train, {samples} samples, many steps" if mode == "many" else f"{mode}, {samples} samples"
        found.append((mode, samples, one))
    return found[::-1]


def memory(model: Model) -> MemoryReport:
    """What all programs of a model take."""
    training = model._training
    slots = [] if training is None else training.state.arrays
    gradients = [] if training is None else [training.arena.gradients]
    return MemoryReport([one for _, _, one in named(model)], {
        "weights": [weight.data for weight in model.weights], "gradients": gradients, "slots": slots})


def _arrays(model: Model) -> list[tuple[str, Any]]:
    """What arrays beside weights are called."""
    training = model._training
    if training is None:
        return []
    optimizer = training.optimizer
    found = [(f"gradient of {variable.name}", view)
             for variable, view in zip(training.arena.variables, training.arena.gradient_views)]
    found += [("weights", training.arena.weights), ("gradients", training.arena.gradients),
              ("counters", training.counters), *((f"figures of {number}", kept)
                                                 for number, kept in training.figures.items())]
    found += [(name, setting.data) for name, setting in vars(optimizer).items() if isinstance(setting, Variable)]
    return [*found, *training.state.named]
