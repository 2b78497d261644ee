"""Many steps of training at a time: the program of a step with its batch gathered and its figures kept."""

import time

import numpy as np

from .. import devices, registry
from ..devices.array import TYPES, address, owner
from ..locks import holding
from ..ops.batch import gathered, keep_figures
from ..program.programs import allowed
from . import rehearsal

MOST = 1024             # steps at a time, whose figures are kept
SHORT, LONG = 0.01, 0.04    # seconds of a call, during which no interrupt is looked at and no bar moves


def many_steps(model, source, callbacks):
    """`ManySteps` for a source of batches, or None where each batch is to be made or seen by itself."""
    whole = getattr(source, "whole", None)
    device = devices.current().name
    usable = device == "cuda" or device == "cpu" and registry.native_usable()   # many steps are one call, or none waits
    if whole is None or callbacks.listens() or not allowed() or not usable:
        return None
    arrays, weights = whole
    given = [array for array in (*arrays, *weights) if array is not None]
    plain = all(type(array) is np.ndarray and array.flags.carray and array.dtype in TYPES for array in given)
    counts = all(weight is None or weight.all() for weight in weights)      # a batch may not count as a whole otherwise
    fits = source.samples >= 2 * source.batch_size
    return ManySteps(model, source) if plain and counts and fits else None


class ManySteps:
    """Trains on the whole batches of an epoch, as many at a time as take a moment."""

    def __init__(self, model, source):
        self._model, self._rows = model, source.batch_size
        self._batches = rehearsal.number(source.samples // source.batch_size)
        self._given, self._places = _distinct([*source.whole[0], *source.whole[1]])
        self._here = None       # those given, on the current device
        self._times = 1

    def run(self, order, callbacks):
        """Train on the batches that `order` lists, and say how many: fewer than all where that takes no program."""
        device, model, done = devices.current(), self._model, 0
        if self._here is None or callbacks.are_of_users():      # which may have changed the data since
            self._here = None       # lets go of it first
            self._here = device.resident(self._given)
            if self._here is None:
                return 0
        order = device.local(order)
        while done < self._batches:
            wanted = min(self._times, self._batches - done, MOST)
            start = time.perf_counter()
            made, figures = holding(model._locks, self._steps, order, done, wanted)
            took = time.perf_counter() - start
            if not made:        # each batch by itself may be a program
                break
            callbacks.on_batches_end(self._rows, dict(zip(model.metrics_names, figures.T)))
            done += made
            if made == wanted:
                self._times = max(1, self._times * 2 if took < SHORT else self._times // 2 if took > LONG else wanted)
            if model.stop_training:
                break
        return done

    def _steps(self, order, done, wanted):
        """(how many steps were made, their figures, a row for each step)."""
        model = self._model
        model._prepare_training()
        training, names = model._training, len(model.metrics_names)
        if names not in training.figures:
            training.figures[names] = devices.empty((MOST, names), np.float64)
        kept = training.figures[names]
        training.counters[:] = done
        places, types = self._places, model._types()

        def step(order, *sources):
            tensors = [None if place is None else gathered(sources[place], order, training.counters, self._rows, dtype)
                       for place, dtype in zip(places, types)]
            keep_figures(model._op_by_op(model._parted(tensors)), training.counters, kept)
            return []

        key = "many", self._rows, tuple(places), training.key
        made = model._programs.steps(key, step, [order, *self._here], [*training.arrays, training.counters, kept],
                                     times=wanted, kept=True, scratch=training.scratch, or_else=True)[1]
        return made, np.asarray(kept[:made])


def _distinct(arrays):
    """Arrays that share no memory, and for each of `arrays` its place among them, None for None."""
    found, places = [], []
    for array in arrays:
        same = None if array is None else next((place for place, other in enumerate(found)
                                                if _memory(other) == _memory(array)), None)
        if array is not None and same is None:
            same = len(found)
            shared = any(owner(array) is owner(other) for other in found)
            found.append(array.copy() if shared else array)
        places.append(None if array is None else same)
    return found, places


def _memory(array):
    """What two arrays that are the same numbers have in common: an autoencoder's images and targets, each a slice."""
    return address(array), array.shape, array.strides, array.dtype
