"""A network that can be trained: compile, fit, evaluate, predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import config, optimizers
from .._legacy import EVALUATE_GENERATOR, FIT, FIT_GENERATOR, MODEL, Samples, begins, keras1
from ..arguments import fraction, whole
from ..callbacks import callback_list
from ..errors import ArgumentError, DataError, ModelError, UnknownArgumentError, nearest
from ..locks import holding, locks_of
from ..program import Programs
from ..program.waiting import compiling_shown
from ..thread_state import contained
from . import data, functions, looking, loops, rehearsal
from .batches import Arrays
from .generators import Generated, inputs_alone, steps_of, training_parts
from .lossgraph import LossGraph
from .network import Network
from .objective import Objective
from .progress import progress_bar
from .steps import Steps
from .subclassed import WrittenAsClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from typing_extensions import Unpack

    from ..autograd.tensor import Variable
    from ..callbacks import Callback, History
    from ..optimizers.base import Optimizer
    from ..program import Program
    from ..program.memory import MemoryReport
    from ..typing import (
        Batches,
        ClassWeights,
        Data,
        EvaluateGeneratorNames,
        FitGeneratorNames,
        FitNames,
        Identifier,
        ModelNames,
    )


class Model(Steps, LossGraph, WrittenAsClass, Network):
    """Layers from `inputs` to `outputs`, trained with an optimizer to make a loss small.

    inputs, outputs: tensors or lists of tensors, made by `Input` and by calling layers; a subclass that writes `call`
    goes without (see `subclassed`). name: for messages and files.
    Raises: GraphError when the inputs do not lead to the outputs.

        x = Input(shape=(32,))
        model = Model(x, Dense(16, activation='softmax')(x))
        model.compile('sgd', 'categorical_crossentropy')
        model.fit(data, labels)
    """

    @keras1(MODEL)
    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None,
                 trainable: bool = True, **keras1_names: Unpack[ModelNames]) -> None:
        self._start_untrained()
        if inputs is None and outputs is None and type(self).call is not Network.call:
            self._wait(name, trainable)
        elif inputs is None or outputs is None:
            raise ArgumentError(f"{type(self).__name__} needs inputs and outputs, made by Input(...) and by calling "
                                "layers; only a subclass that writes call(self, inputs) goes without.")
        else:
            super().__init__(inputs, outputs, name=name, trainable=trainable)

    _uncounted = frozenset({"history", "stop_training", "validation_data"})
    _trained_weights: list[Variable]
    validation_data: Any = None     # of the last training, as its callbacks see it
    _waiting_compile = None         # what `compile` was given before there were outputs

    def _start_untrained(self):
        self._programs = Programs(self)
        self._quick: Any = None
        self.optimizer: Any = None
        self.objective: Any = None
        self.history = None
        self.stop_training = False
        self._locks: list[Any] = []
        self._training: Any = None  # arena and optimizer state, from the first step on

    # -- compiling -----------------------------------------------------------------------------------------------

    def compile(self, optimizer: str | Mapping[str, Any] | Optimizer, loss: Identifier | Sequence[Any] = None,
                metrics: Sequence[Any] | Mapping[str, Any] | None = None,
                loss_weights: Sequence[float] | Mapping[str, float] | None = None,
                sample_weight_mode: str | Sequence[Any] | Mapping[str, Any] | None = None,
                weighted_metrics: Sequence[Any] | Mapping[str, Any] | None = None, target_tensors: Any = None,
                **kwargs: Any) -> None:
        """Say how to train: the optimizer, the loss, and what to report.

        optimizer: name or object. loss: name or function (y_true, y_pred) -> a value for each sample; a list or a
        dictionary by output name for several outputs. metrics, weighted_metrics: names or functions, 'accuracy' among
        them. loss_weights: factors of the outputs' losses. sample_weight_mode: 'temporal' for weights a timestep.
        Which weights are trained is decided here: call compile again after changing a layer's `trainable`.
        Raises: UnknownNameError for a name that stands for nothing; ArgumentError for what fits no output.
        """
        if not self.outputs:
            self._waiting_compile = {name: value for name, value in locals().items() if name not in ("self", "kwargs")}
            self._waiting_compile |= kwargs
            return
        if target_tensors is not None:
            raise ArgumentError("compile: target_tensors is not available. Give the targets to fit(x, y).")
        if kwargs:
            name = next(iter(kwargs))
            legal = ("optimizer", "loss", "metrics", "loss_weights", "sample_weight_mode", "weighted_metrics")
            raise UnknownArgumentError(f"compile: unknown argument {name!r}. {nearest(name, legal)}")
        objective = Objective(self.output_names, [output.shape for output in self.outputs], loss, loss_weights,
                              metrics, weighted_metrics, sample_weight_mode, self.adds_losses)
        optimizer, trained = optimizers.get(optimizer), self.trainable_weights
        vars(self).update(      # at once: an error or interrupt leaves the model as it was compiled before
            objective=objective, optimizer=optimizer, loss=loss, loss_weights=loss_weights,
            metrics=list(metrics or []), sample_weight_mode=sample_weight_mode,
            weighted_metrics=list(weighted_metrics or []), _trained_weights=trained,
            _frozen=not self.trainable and not config.keras1(),     # Keras 2 makes no updates in what is frozen
            _locks=locks_of([optimizer.iterations, *trained]), _training=None,
            _programs=Programs(self), _quick=None)

    def _compile_waiting(self):
        """Compile with what `compile` was given before the model was built."""
        if self._waiting_compile is not None:
            arguments, self._waiting_compile = self._waiting_compile, None
            self.compile(**arguments)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` and `train_on_batch` answer, in order."""
        self._need_compiled("metrics_names")
        return self.objective.names

    def _need_compiled(self, what):
        if self.objective is None:
            raise ModelError(f'model "{self.name}": {what} needs a compiled model. Call model.compile(optimizer, loss) '
                             "first.")

    def _make_train_function(self):
        """Make the optimizer's state, as the first step does: `model.optimizer.set_weights` can restore it then."""
        self._need_compiled("_make_train_function")
        holding(self._locks, self._prepare_training)

    def _optimizer_weights(self):
        """The variables of the optimizer's state for this model; none before the first step."""
        return self._training.state.saved if self._training is not None else []

    def _make_predict_function(self):
        """For scripts that call it before they predict in threads; here any thread may predict at any time."""

    _make_test_function = _make_predict_function

    # -- one batch -----------------------------------------------------------------------------------------------

    @contained
    def train_on_batch(self, x: Data, y: Data, sample_weight: Data | None = None,
                       class_weight: ClassWeights | None = None) -> Any:
        """One update on one batch. Returns the loss, or the list of figures named by `metrics_names`."""
        self._need_built(x)
        self._need_compiled("train_on_batch")
        arrays, weights, _ = self._arrays(x, y, sample_weight, class_weight)
        return _unpack_figures([float(figure) for figure in self._train_step(self._batch(arrays, weights))])

    @contained
    def test_on_batch(self, x: Data, y: Data, sample_weight: Data | None = None) -> Any:
        """Loss and metrics on one batch, as `train_on_batch` answers them."""
        self._need_built(x)
        self._need_compiled("test_on_batch")
        arrays, weights, _ = self._arrays(x, y, sample_weight, None)
        return _unpack_figures(self._test_step(self._batch(arrays, weights)))

    @contained
    def predict_on_batch(self, x: Data) -> Any:
        """Outputs for one batch: an array, or a list of them, which share no memory with `x`, weights or each other."""
        self._need_built(x)
        arrays = data.inputs(self, x)
        outputs: list[Any] = []
        for output in self._predict_step(arrays):
            # What a kernel wrote is its own array, mostly without a base; weights matter to views of memory alone.
            others = [*arrays, *outputs] if output.base is None else [
                *arrays, *outputs, *(weight.data for weight in self.weights)]
            shared = any(np.may_share_memory(output, other) for other in others if isinstance(other, np.ndarray))
            outputs.append(output.copy() if shared else output)
        return outputs[0] if len(outputs) == 1 else outputs

    # -- many batches --------------------------------------------------------------------------------------------

    @contained
    @keras1(FIT)
    def fit(self, x: Data | None = None, y: Data | None = None, batch_size: int | None = None, epochs: int = 1,
            verbose: int = 1, callbacks: Sequence[Callback] | None = None, validation_split: float = 0.0,
            validation_data: Any = None, shuffle: bool | str = True, class_weight: ClassWeights | None = None,
            sample_weight: Data | None = None, initial_epoch: int = 0,
            **keras1_names: Unpack[FitNames]) -> History:
        """Train for `epochs` passes over the data. Returns the History: `.history[name]` lists a figure an epoch.

        x, y: array, list, or dictionary by name. batch_size: samples an update, 32 by default. verbose: 0 silent,
        1 a progress bar, 2 a line an epoch, 3 its number. callbacks: see `callbacks`. validation_split: fraction of
        the samples, taken from the end before shuffling, that is only measured; in [0, 1). validation_data: (x, y) or
        (x, y, weights) instead. shuffle: each epoch anew; 'batch' moves whole batches. class_weight: {class number:
        factor}. sample_weight: a factor for each sample. initial_epoch: number of the first epoch, to go on with a
        training.
        Raises: ShapeError, DtypeError, DataError for data that do not fit; ModelError before compile.
        """
        self._need_built(x)
        self._need_compiled("fit")
        batch_size = _batch_size(batch_size)
        epochs, initial_epoch = whole(epochs, "epochs", least=0), whole(initial_epoch, "initial_epoch", least=0)
        if shuffle not in (True, False, None, "batch"):
            raise ArgumentError(f"shuffle must be True, False or 'batch', got {shuffle!r}.")
        arrays, weights, samples = self._arrays(x, y, sample_weight, class_weight)
        held_out = None
        if validation_data is not None:
            held_out = self._validation(validation_data)
        elif validation_split:
            samples, cut = _cut(samples, validation_split), samples
            held_out = data.take(arrays, samples, cut), data.take(weights, samples, cut), cut - samples
            arrays, weights = data.take(arrays, 0, samples), data.take(weights, 0, samples)
        return self._fit(self._of_arrays(arrays, weights, samples, batch_size, shuffle or False), epochs, initial_epoch,
                         callbacks, verbose, held_out and self._of_arrays(*held_out, batch_size), held_out,  # type: ignore[call-arg]
                         {"batch_size": batch_size, "steps": None, "samples": samples})

    def _fit(self, source, epochs, initial_epoch, callbacks, verbose, validation, held_out, params):
        """Train on the batches of `source`; `validation` is another or None, `held_out` its arrays where it has any."""
        def validate():
            figures = loops.test_loop(self, validation)
            return {f"val_{name}": figure for name, figure in zip(self.metrics_names, figures)}

        names = self.metrics_names + ([f"val_{name}" for name in self.metrics_names] if validation else [])
        params = params | {"epochs": epochs, "verbose": verbose, "do_validation": validation is not None,
                           "metrics": names}
        listeners = callback_list(self, callbacks, verbose, params, _seen_by_callbacks(held_out))
        with compiling_shown(verbose):
            return loops.fit_loop(self, source, epochs, initial_epoch, listeners, validate if validation else None)

    def _of_arrays(self, arrays, weights, samples, batch_size, shuffle=None):
        """The source of batches of arrays to train on or to measure."""
        return Arrays(samples, batch_size, lambda rows: self._batch(data.take(arrays, rows), data.take(weights, rows)),
                      shuffle, (arrays, weights))

    @contained
    @keras1({})
    def evaluate(self, x: Data | None = None, y: Data | None = None, batch_size: int | None = None, verbose: int = 1,
                 sample_weight: Data | None = None) -> Any:
        """Loss and metrics over all samples: the loss, or the list named by `metrics_names`."""
        self._need_built(x)
        self._need_compiled("evaluate")
        source = self._of_arrays(*self._arrays(x, y, sample_weight, None), _batch_size(batch_size))  # type: ignore[call-arg]
        with progress_bar(source, verbose, "evaluate") as progress:
            return _unpack_figures(loops.test_loop(self, source, progress))

    @begins
    def predict(self, x: Data, batch_size: int | None = None, verbose: int = 0) -> Any:
        """Outputs for all samples: an array, or a list of them."""
        found = None if verbose else self._predicted_quickly(x, batch_size)
        return self._predict(x, batch_size, verbose) if found is None else found

    @contained
    @keras1({})
    def _predict(self, x, batch_size, verbose):
        self._need_built(x)
        inputs = data.inputs(self, x)
        source = Arrays(data.count(inputs, self), _batch_size(batch_size), lambda rows: data.take(inputs, rows))
        with progress_bar(source, verbose, "predict") as progress:
            outputs = loops.predict_loop(self, source, progress)
        return outputs[0] if len(outputs) == 1 else outputs

    # -- functions for jitted code ---------------------------------------------------------------------------------

    def as_function(self, batch_size: int = 1) -> Any:
        """What the model predicts, as a function `f(x, out=None)` for Python and for your own `@njit` code.

        Shapes: x (batch_size, ...) of the model's type, C-contiguous -> out (batch_size, ...), written to `out` where
        that is given, and then nothing is allocated but temporaries of more than 2 MB; tuples of arrays for several
        inputs or outputs. It computes on one thread and without the GIL, with the weights as they are at the call, and
        may run in several threads at once.
        `f.gradient(x, seed, out=None)` is d(sum(f(x) * seed))/dx, a seed like f(x), the answer like x.
        Raises: ShapeError for a model whose inputs have open sizes beside the batch, and for arrays of other shapes
        (ValueError in jitted code); DtypeError for other types (an error of compiling in jitted code); ModelError for a
        model that looks at values in Python.
        """
        self._need_built(None)
        return functions.predicting(self, whole(batch_size, "batch_size", least=1))

    def as_step(self, batch_size: int = 32, sample_weight: bool = False) -> Any:
        """One step of training, as a function `loss = step(x, y)` for Python and for your own `@njit` code.

        Shapes: x, y (batch_size, ...) of the model's types, C-contiguous, tuples of arrays where there are several;
        with `sample_weight`, step(x, y, weights) of (batch_size,) each. It is `train_on_batch` on one thread and
        without the GIL; one thread at a time may train a model.
        Raises: as `as_function`; ModelError before compile.
        """
        self._need_built(None)
        self._need_compiled("as_step")
        size = whole(batch_size, "batch_size", least=1)
        return holding(self._locks, functions.training, self, size, sample_weight)

    # -- programs ------------------------------------------------------------------------------------------------------

    def program(self, mode: str = "train", batch_size: int | None = None) -> Program:
        """What a step is recorded as: `print` it for a listing, `.profile(x, y)` says where the time goes.

        mode: 'train', 'test' or 'predict'. batch_size: of a step of so many samples; else the largest is taken, and of
        several the newest. `fit` records many steps at a time, which gather their batches themselves.
        Raises: ModelError where no such step was recorded, with the reason.
        """
        return looking.program(self, mode, batch_size)

    def memory_report(self) -> MemoryReport:
        """The memory of the steps that were recorded: what stays, slabs of temporaries, the largest of them, the peak.

        In bytes; prints as text, with pictures of the plans in a notebook.
        """
        return looking.memory(self)

    # -- batches that a generator or a Sequence hands over ---------------------------------------------------------

    @contained
    @keras1(FIT_GENERATOR)
    def fit_generator(self, generator: Batches, steps_per_epoch: int | None = None, epochs: int = 1, verbose: int = 1,
                      callbacks: Sequence[Callback] | None = None, validation_data: Any = None,
                      validation_steps: int | None = None, class_weight: ClassWeights | None = None,
                      max_queue_size: int = 10, workers: int = 1, use_multiprocessing: bool = False,
                      shuffle: bool = True, initial_epoch: int = 0,
                      **keras1_names: Unpack[FitGeneratorNames]) -> History:
        """Train on batches from `generator`, which gives (x, y) or (x, y, sample_weights) for ever, or is a Sequence.

        steps_per_epoch: batches an epoch; the length of a Sequence by default. validation_data: (x, y), (x, y,
        weights), or another generator with validation_steps. workers: 0 draws batches in between steps, more draws
        ahead in a thread, up to max_queue_size; use_multiprocessing is accepted and means the same. shuffle: the
        order of a Sequence. Other arguments as in `fit`. Returns the History.
        """
        self._need_built(None)
        self._need_compiled("fit_generator")
        epochs, initial_epoch = whole(epochs, "epochs", least=0), whole(initial_epoch, "initial_epoch", least=0)
        steps = steps_of(steps_per_epoch, generator, "steps_per_epoch")
        held_out = validation = None
        if isinstance(validation_data, tuple | list):
            held_out = self._validation(validation_data)
            validation = self._of_arrays(*held_out, _batch_size(None))  # type: ignore[call-arg]
        elif validation_data is not None:
            measured = steps_of(validation_steps, validation_data, "validation_steps")
            validation = self._of_generator(validation_data, measured, "evaluate_generator", workers, max_queue_size)
        source = self._of_generator(generator, steps, "fit_generator", workers, max_queue_size, shuffle, class_weight)
        by_samples = isinstance(steps, Samples)
        return self._fit(source, epochs, initial_epoch, callbacks, verbose, validation, held_out, {
            "steps": None if by_samples else steps, "samples": int(steps) if by_samples else None})

    def _of_generator(self, generator, steps, where, workers, max_queue_size, shuffle=False, class_weight=None):
        """The source of a generator's batches to train on or to measure."""
        def make(x, y, weights):
            arrays, weights, samples = self._arrays(x, y, weights, class_weight)
            return samples, self._batch(arrays, weights)

        return Generated(generator, rehearsal.number(steps), where, training_parts, make, workers, max_queue_size,
                         shuffle)

    @contained
    @keras1(EVALUATE_GENERATOR)
    def evaluate_generator(self, generator: Batches, steps: int | None = None, max_queue_size: int = 10,
                           workers: int = 1, use_multiprocessing: bool = False, verbose: int = 0,
                           **keras1_names: Unpack[EvaluateGeneratorNames]) -> Any:
        """Loss and metrics over `steps` batches of a generator or Sequence, as `evaluate` answers them."""
        self._need_built(None)
        self._need_compiled("evaluate_generator")
        steps = steps_of(steps, generator, "steps")
        source = self._of_generator(generator, steps, "evaluate_generator", workers, max_queue_size)
        with progress_bar(source, verbose, "evaluate") as progress:
            return _unpack_figures(loops.test_loop(self, source, progress))

    @contained
    @keras1(EVALUATE_GENERATOR)
    def predict_generator(self, generator: Batches, steps: int | None = None, max_queue_size: int = 10,
                          workers: int = 1, use_multiprocessing: bool = False, verbose: int = 0,
                          **keras1_names: Unpack[EvaluateGeneratorNames]) -> Any:
        """Outputs for `steps` batches of a generator or Sequence, as `predict` answers them."""
        self._need_built(None)
        steps = steps_of(steps, generator, "steps")
        source = Generated(generator, steps, "predict_generator", lambda batch: inputs_alone(batch, len(self._fed)),
                           lambda x: (None, data.inputs(self, x)), workers, max_queue_size)
        with progress_bar(source, verbose, "predict") as progress:
            outputs = loops.predict_loop(self, source, progress)
        return outputs[0] if len(outputs) == 1 else outputs

    def _arrays(self, x, y, sample_weight, class_weight):
        """(inputs and targets, sample weights, number of samples), checked."""
        inputs = data.inputs(self, x)
        targets = data.targets(self, y)
        weights = data.sample_weights(self, sample_weight, class_weight, targets)
        return inputs + targets, weights, data.count(inputs + targets, self)

    def _validation(self, given):
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise DataError("validation_data must be (x, y) or (x, y, sample_weights).")
        x, y, weights = (*given, None)[:3]
        return self._arrays(x, y, weights, None)


def _seen_by_callbacks(held_out):
    """Keras's `validation_data` of callbacks: inputs, targets, and a weight for each sample; None without any."""
    if held_out is None:
        return None
    arrays, weights, samples = held_out
    return arrays + [np.ones(samples, config.floatx()) if weight is None else weight for weight in weights]


def _unpack_figures(figures):
    return figures[0] if len(figures) == 1 else figures


def _batch_size(given):
    return 32 if given is None else whole(given, "batch_size", least=1)


def _cut(samples, split):
    """Number of samples to train on when the fraction `split` of them is held out."""
    cut = int(samples * (1 - fraction(split, "validation_split")))
    if cut == 0:
        raise DataError(f"validation_split={split} leaves none of the {samples} samples to train on.")
    return cut
