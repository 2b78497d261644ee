"""Keras 1 argument names are translated, in one place, with errors that help."""

import inspect

import pytest

from numba_layers import _legacy
from numba_layers._legacy import Samples, keras1
from numba_layers.errors import UnknownArgumentError


class Dense:
    @keras1(_legacy.DENSE)
    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", **kwargs):
        self.config = {"units": units, "activation": activation, "use_bias": use_bias,
                       "kernel_initializer": kernel_initializer, **kwargs}


class Model:
    @keras1(_legacy.FIT_GENERATOR)
    def fit_generator(self, generator, steps_per_epoch=None, epochs=1, validation_steps=None, workers=1,
                      use_multiprocessing=False, max_queue_size=10):
        return steps_per_epoch, epochs, validation_steps, workers, use_multiprocessing, max_queue_size


@keras1(_legacy.SPATIAL_DROPOUT)
def spatial_dropout(rate, data_format=None):
    return rate, data_format


def test_both_spellings_mean_the_same():
    new = Dense(units=3, kernel_initializer="he_normal", use_bias=False, kernel_regularizer="l2").config
    old = Dense(output_dim=3, init="he_normal", bias=False, W_regularizer="l2").config
    assert old == new


def test_names_of_neither_generation_pass_to_an_open_ended_constructor():
    assert Dense(3, name="first", input_dim=4).config["input_dim"] == 4


@pytest.mark.parametrize("dim_ordering, data_format", [("th", "channels_first"), ("tf", "channels_last"),
                                                       ("default", None), ("nonsense", "nonsense")])
def test_values_are_translated_too(dim_ordering, data_format):
    assert spatial_dropout(p=0.5, dim_ordering=dim_ordering) == (0.5, data_format)


def test_sample_counts_say_that_they_count_samples():
    steps, epochs, validation_steps, *rest = Model().fit_generator(
        None, samples_per_epoch=100, nb_epoch=3, nb_val_samples=7, nb_worker=2, pickle_safe=True,
        max_q_size=5)
    assert (steps, epochs, validation_steps, rest) == (100, 3, 7, [2, True, 5])
    assert isinstance(steps, Samples) and isinstance(validation_steps, Samples)
    assert (steps.steps(32), Samples(96).steps(32), validation_steps.steps(32)) == (4, 3, 1)
    assert not isinstance(Model().fit_generator(None, steps_per_epoch=100)[0], Samples)
    assert Model().fit_generator(None, 5, nb_val_samples=None)[2] is None


@pytest.mark.parametrize("call", [lambda: Dense(units=3, output_dim=3), lambda: Dense(3, output_dim=3)])
def test_both_spellings_at_once_are_refused(call):
    with pytest.raises(UnknownArgumentError, match=r"Dense: output_dim \(Keras 1\) and units .* Keep units"):
        call()


@pytest.mark.parametrize("keyword, nearest", [("epoch", "epochs"), ("nb_epochs", "nb_epoch"),
                                              ("worker", "workers")])
def test_unknown_argument_names_the_nearest_in_either_spelling(keyword, nearest):
    with pytest.raises(UnknownArgumentError,
                       match=f"Model.fit_generator: unknown argument '{keyword}'. Did you mean '{nearest}'"):
        Model().fit_generator(None, **{keyword: 2})


def test_unknown_argument_is_what_old_code_catches():
    for builtin in (TypeError, ValueError):
        with pytest.raises(builtin, match="spatial_dropout: unknown argument 'ordering'"):
            spatial_dropout(0.5, ordering="th")


def test_a_subclass_is_named_in_messages():
    class Mine(Dense):
        pass

    with pytest.raises(UnknownArgumentError, match="^Mine: "):
        Mine(units=1, output_dim=1)


def test_signature_shows_keras_2():
    assert list(inspect.signature(Dense).parameters)[:2] == ["units", "activation"]
    assert list(inspect.signature(Model.fit_generator).parameters)[1:3] == ["generator", "steps_per_epoch"]
