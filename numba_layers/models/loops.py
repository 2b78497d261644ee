"""The loops behind fit, evaluate and predict, over any source of batches. They are meant to be read and changed.

A source (`batches.Arrays`, `generators.Generated`) has `opened()`, a block that gives a function; each call of that one
gives the batches of an epoch, from a number on, as (size, batch, whether it is the last). It also has `look_ahead()`,
`epoch_ended()`, and `samples`, their number in all, None where only the end tells. Where nothing needs each batch by
itself, `many` trains on as many as take a moment.
"""

import numpy as np

from . import rehearsal
from .many import many_steps


def _unseen(size):
    """Where no progress is shown."""


def fit_loop(model, source, epochs, initial_epoch, callbacks, validate):
    """Train on the batches of `source`, epoch after epoch.

    validate: a function that answers the validation logs, or None.
    """
    many = many_steps(model, source, callbacks)
    callbacks.on_train_begin()
    try:
        with source.opened() as batches:
            for epoch in range(initial_epoch, rehearsal.last_epoch(initial_epoch, epochs)):
                callbacks.on_epoch_begin(epoch)
                done = many.run(source.start(), callbacks) if many else 0
                of_epoch: dict[str, float] = {}
                for number, (size, batch, is_last) in enumerate(batches(done), done):
                    logs = {"batch": number, "size": size}
                    callbacks.on_batch_begin(number, logs)
                    figures = model._train_step(batch)
                    source.look_ahead()
                    logs.update(zip(model.metrics_names, map(float, figures)))
                    callbacks.on_batch_end(number, logs)
                    if model.stop_training and not is_last:
                        break
                else:
                    of_epoch = validate() if validate else {}
                callbacks.on_epoch_end(epoch, of_epoch)
                source.epoch_ended()
                if model.stop_training:
                    break
    finally:
        callbacks.on_train_end()
    return model.history


def test_loop(model, source, progress=_unseen):
    """Loss and metrics over all batches, each counting by its size, as a list of floats."""
    totals, seen = np.zeros(len(model.metrics_names)), 0
    with source.opened() as batches:
        for size, batch, _ in batches():
            totals += np.array(model._test_step(batch)) * size
            seen += size
            progress(size)
    return (totals / seen).tolist()


def predict_loop(model, source, progress=_unseen):
    """Outputs for all batches, as a list of arrays."""
    wholes, parts, start = None, [], 0
    with source.opened() as batches:
        for size, inputs, _ in batches():
            outputs = model._predict_step(inputs)
            if source.samples is None:
                parts.append(outputs)
            else:
                wholes = wholes or [np.zeros((source.samples, *output.shape[1:]), output.dtype) for output in outputs]
                for whole, output in zip(wholes, outputs):
                    whole[start:start + size] = output
                start += size
            progress(size)
    return wholes or [np.concatenate(outputs) for outputs in zip(*parts)]
