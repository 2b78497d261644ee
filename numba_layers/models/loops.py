"""Over the data in batches: the loops behind fit, evaluate and predict. They are meant to be read and changed."""

import numpy as np

from . import data


def batches(samples, batch_size):
    """(start, stop) of each batch, the last one perhaps smaller."""
    for start in range(0, samples, batch_size):
        yield start, min(start + batch_size, samples)


def fit_loop(model, arrays, weights, samples, batch_size, epochs, initial_epoch, shuffle, callbacks, validate):
    """Train on `arrays` (inputs and targets, and their `weights`), epoch after epoch.

    validate: a function that answers the validation logs, or None. shuffle: True, False or 'batch'.
    """
    def batch_of(rows):
        return model._batch(data.take(arrays, rows), data.take(weights, rows))

    callbacks.on_train_begin()
    try:
        for epoch in range(initial_epoch, epochs):
            callbacks.on_epoch_begin(epoch)
            order = _order(samples, batch_size, shuffle)
            parts = [order[start:stop] for start, stop in batches(samples, batch_size)]
            batch = batch_of(parts[0])
            for number, rows in enumerate(parts):
                logs = {"batch": number, "size": len(rows)}
                callbacks.on_batch_begin(number, logs)
                figures = model._train_step(batch)
                if number + 1 < len(parts):     # the next batch is copied to a GPU while it computes this one
                    batch = batch_of(parts[number + 1])
                logs.update(zip(model.metrics_names, map(float, figures)))
                callbacks.on_batch_end(number, logs)
                if model.stop_training:
                    break
            whole = number + 1 == len(parts)
            logs = validate() if validate and whole else {}   # as Keras: only after the last batch
            callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    finally:
        callbacks.on_train_end()
    return model.history


def _order(samples, batch_size, shuffle):
    """The order of the samples in one epoch; NumPy's global generator shuffles, as in Keras."""
    order = np.arange(samples)
    if shuffle == "batch":      # whole batches change places: for data that are slow to index, such as HDF5
        full = samples // batch_size * batch_size
        blocks = order[:full].reshape(-1, batch_size)
        np.random.shuffle(blocks)
        return np.concatenate([blocks.ravel(), order[full:]])
    if shuffle:
        np.random.shuffle(order)
    return order


def test_loop(model, arrays, weights, samples, batch_size, progress):
    """Loss and metrics over all samples, each batch counting by its size, as a list of floats."""
    totals = np.zeros(len(model.metrics_names))
    for start, stop in batches(samples, batch_size):
        results = model._test_step(data.take(arrays, start, stop), data.take(weights, start, stop))
        totals += np.array(results) * (stop - start)
        progress(stop)
    return (totals / samples).tolist()


def predict_loop(model, inputs, samples, batch_size, progress):
    """Outputs for all samples, as a list of arrays."""
    collected = None
    for start, stop in batches(samples, batch_size):
        outputs = model._predict_step(data.take(inputs, start, stop))
        if collected is None:
            collected = [np.empty((samples, *output.shape[1:]), output.dtype) for output in outputs]
        for whole, output in zip(collected, outputs):
            whole[start:stop] = output
        progress(stop)
    return collected
