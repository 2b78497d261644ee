"""What a model minimises and what it reports: losses, their weights, masks, sample weights and metrics."""

import math

import numpy as np

from .. import config, losses, metrics, ops
from ..arguments import real
from ..autograd.graph import placeholder
from ..autograd.tensor import as_tensor
from ..errors import ArgumentError, unknown

TEMPORAL = "temporal"
LEAST_FRACTION = 1e-12  # below any fraction of samples; divides the zeros of a batch without any
SHORT = {"accuracy": "acc", "acc": "acc", "crossentropy": "ce", "ce": "ce"}     # metrics that depend on the loss


class Objective:
    """The compiled loss and metrics of a model's outputs.

    loss: name or function, a list with one for each output, or a dictionary by output name; None leaves an output out.
    loss_weights: list or dictionary of factors. metrics, weighted_metrics: names or functions for all outputs, or a
    dictionary by output name; the weighted ones take sample weights into account. sample_weight_mode: 'temporal' for
    weights of shape (batch, timesteps). adds_losses: the model may add losses of its own, so that `loss` may be None.
    Raises: ArgumentError and UnknownNameError for names that are no output, loss or metric.
    """

    def __init__(self, output_names, output_shapes, loss, loss_weights, metrics, weighted_metrics, sample_weight_mode,
                 adds_losses):
        self.output_names = output_names
        if not loss and not adds_losses:
            raise ArgumentError("compile needs a loss, for example loss='mse'. Only models whose layers call add_loss "
                                "do without.")
        given = _per_output(loss, output_names, "loss")
        self.losses = [None if entry is None else losses.get(entry) for entry in given]
        # labels were compared with the classes when they came in, where the number of classes is known
        self._functions = [ops.sparse_categorical_crossentropy
                           if loss is losses.sparse_categorical_crossentropy and shape[-1] is not None else loss
                           for loss, shape in zip(self.losses, output_shapes)]
        factors = _per_output(loss_weights, output_names, "loss_weights", missing=1.0)
        self.loss_weights = [1.0 if factor is None else _finite(factor, "a loss weight") for factor in factors]
        self.weight_modes = _per_output(sample_weight_mode, output_names, "sample_weight_mode")
        for mode in self.weight_modes:
            if mode not in (None, TEMPORAL):
                raise unknown("sample_weight_mode", mode, [TEMPORAL, "None"])
        self.trained = [number for number, function in enumerate(self.losses) if function is not None]
        if not self.trained and not adds_losses:
            raise ArgumentError(f"compile: no output has a loss; the outputs are {', '.join(output_names)}.")
        self.metrics = (_resolve(metrics, self.losses, output_names, output_shapes, False)
                        + _resolve(weighted_metrics, self.losses, output_names, output_shapes, True))
        self.metrics.sort(key=lambda metric: metric.output)

    @property
    def names(self):
        """Names of the figures reported: 'loss', each output's loss where there are several, the metrics."""
        several = len(self.output_names) > 1
        parts = [f"{self.output_names[number]}_loss" for number in self.trained] if several else []
        return ["loss", *parts, *(name for metric in self.metrics for name in metric.names)]

    def target_type(self, number, output):
        """The type of an output's targets: class numbers stay whole numbers, others get the output's type."""
        if self.losses[number] is losses.sparse_categorical_crossentropy:
            return np.dtype("int64")
        return output.dtype if output.dtype.kind == "f" else np.dtype(config.floatx())

    def target_shape(self, number, output):
        """The shape of an output's targets: class numbers have one in place of the classes."""
        sparse = self.losses[number] is losses.sparse_categorical_crossentropy
        return (*output.shape[:-1], 1) if sparse else output.shape

    def loss(self, targets, outputs, weights, extra):
        """(total, the outputs' losses): total = Σ factor · loss + Σ extra, all scalar tensors.

        targets, weights: one for each trained output; a weight may be None. extra: regularization losses.
        """
        parts = []
        total = None
        for number, target, weight in zip(self.trained, targets, weights):
            output = outputs[number]
            part = weighted_mean(as_tensor(self._functions[number](target, output)), output.mask, weight)
            parts.append(part)
            factor = self.loss_weights[number]
            term = part if factor == 1 else part * factor
            total = term if total is None else total + term
        for term in extra:
            total = term if total is None else total + term
        if total is None:
            raise ArgumentError("there is nothing to minimise: the model was compiled without a loss, and no layer "
                                "added one.")
        return total, parts

    def measure(self, targets, outputs, weights):
        """Values of the metrics, as tensors."""
        place = {number: position for position, number in enumerate(self.trained)}
        values = []
        for metric in self.metrics:
            position = place[metric.output]
            output = outputs[metric.output]
            weight = weights[position] if metric.weighted else None
            mask = None if config.keras1() else output.mask     # Keras 1 reported metrics of all timesteps
            values.extend(weighted_mean(as_tensor(value), mask, weight)
                          for value in metric.figures(targets[position], output))
        return values


class _Metric:
    """What a function reports of the output number `output`: a figure, or those of a dictionary with `keys`.

    names: of the figures, in logs.
    """

    def __init__(self, function, output, names, weighted, keys=None):
        self.function = function
        self.output = output
        self.names = names
        self.weighted = weighted
        self.keys = keys

    def figures(self, target, output):
        """The values at hand, one for each name."""
        result = self.function(target, output)
        if self.keys is not None:
            return [result[key] for key in self.keys]
        if isinstance(result, dict):
            raise ArgumentError(f"metric {self.names[0]!r} gives a dictionary, which is Keras 1's way (install it with "
                                "compat.install(version='1.2.2')). Give a function for each figure.")
        return [result]


def weighted_mean(values, mask, weights):
    """Mean of `values`, masked timesteps left out, samples weighted: Keras's rule, for one number as for many.

    The mean of v m w, divided by the mean of m (plus epsilon, in Keras 2) and by the fraction of weights that are not
    0; 0 where nothing counts.
    Shapes: values (batch, ...) or (); mask (batch, timesteps); weights (batch,) or (batch, timesteps) -> ()
    Reference: Keras 2.2.5, `engine.training_utils.weighted_masked_objective`.
    """
    if mask is not None:
        mask = ops.cast(mask, dtype=values.dtype)
        kept = ops.mean(mask)
        values = values * mask / (_positive(kept) if config.keras1() else kept + config.epsilon())
    if weights is not None:
        if values.ndim > weights.ndim:
            values = ops.mean(values, axis=tuple(range(weights.ndim, values.ndim)))
        values = values * weights / _positive(ops.mean(ops.cast(ops.not_equal(weights, 0), dtype=values.dtype)))
    return ops.mean(values) if values.ndim else values


def _positive(fraction):
    return ops.clip(fraction, low=LEAST_FRACTION, high=1.0)


def _finite(value, what):
    number = real(value, what)
    if not math.isfinite(number):
        raise ArgumentError(f"{what} must be finite, got {value!r}.")
    return number


def _per_output(given, names, what, missing=None):
    """`given` (one for all, a list, or a dictionary by name) as a list with an entry for each output."""
    if isinstance(given, dict):
        for name in given:
            if name not in names:
                raise unknown(f"output in {what}", name, names)
        return [given.get(name, missing) for name in names]
    if isinstance(given, list | tuple):
        if len(given) != len(names):
            raise ArgumentError(f"{what} has {len(given)} entries, the model {len(names)} outputs: {names}.")
        return list(given)
    return [given] * len(names)


def _resolve(given, functions, names, shapes, weighted):
    """The metrics asked for, as a list of `_Metric`."""
    resolved = []
    for number, (function, shape) in enumerate(zip(functions, shapes)):
        if function is None:
            continue
        for entry in _asked(given, number, names):
            resolved.append(_metric(entry, function, number, names, shape, weighted))
    return resolved


def _asked(given, number, names):
    """The metrics asked for output `number`: one list serves all outputs, a dictionary or nested lists differ."""
    if isinstance(given, dict):
        for name in given:
            if name not in names:
                raise unknown("output in metrics", name, names)
        asked = given.get(names[number], [])
    elif isinstance(given, list | tuple) and given and all(isinstance(entry, list | tuple) for entry in given):
        asked = given[number]
    else:
        asked = given or []
    return list(asked) if isinstance(asked, list | tuple) else [asked]


def _metric(entry, loss, number, names, shape, weighted):
    short = SHORT.get(entry) if isinstance(entry, str) else None
    keys = None
    if short == "acc":
        function = metrics.accuracy_for(loss, shape)
    elif short == "ce":
        function = metrics.crossentropy_for(loss, shape)
    elif entry is None:
        raise ArgumentError("None is no metric. Leave it out of the list.")
    else:
        function = metrics.get(entry)
        short = getattr(function, "__name__", None) or type(function).__name__.lower()
        keys = _keys(function, shape) if config.keras1() else None
    of_output = f"{names[number]}_" if len(names) > 1 else ""
    shown = [f"{of_output}{'weighted_' if weighted else ''}{name}" for name in ([short] if keys is None else keys)]
    return _Metric(function, number, shown, weighted, keys)


def _keys(function, shape):
    """The keys of the dictionary that a metric of the user's own gives in Keras 1, or None where it gives a figure.

    It is asked once, with tensors that have no values yet, as Keras 1 does.
    """
    if getattr(metrics, getattr(function, "__name__", ""), None) is function:
        return None
    state = np.random.get_state()       # what it draws for this is not missing later
    try:
        result = function(placeholder(shape), placeholder(shape))
    except Exception:       # it may need values; what is wrong with it shows when it measures
        return None
    finally:
        np.random.set_state(state)
    return list(result) if isinstance(result, dict) else None
