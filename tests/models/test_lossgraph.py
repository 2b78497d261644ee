"""A compiled model's loss as a graph: the numbers of `test_on_batch`, gradients, and what scripts ask of a model."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.errors import ModelError
from numba_layers.layers import Dense, Dropout, Input, Layer, Masking, TimeDistributed
from numba_layers.models import Model, Sequential

LOSSES = [("mse", (6, 2)), ("binary_crossentropy", (6, 2)), ("categorical_crossentropy", (6, 2)),
          ("sparse_categorical_crossentropy", (6, 1)), (lambda y_true, y_pred: K.mean(K.abs(y_true - y_pred)), (6, 2))]


def loss_of(model, more=()):
    return K.function([*model.inputs, *model.targets, *model.sample_weights, K.learning_phase()],
                      [model.total_loss, *more])


@pytest.mark.parametrize("loss, shape", LOSSES)
def test_total_loss(loss, shape, random):
    model = Sequential([Dense(4, input_shape=(3,), kernel_regularizer="l2"), Dropout(0.5), Dense(2, "softmax")])
    model.compile("sgd", loss, metrics=["mae"] if shape[1] == 2 else [])
    x, weights = random.random((6, 3)), np.array([1, 0, 2, 1, 0.5, 1])
    y = random.random(shape) if shape[1] == 2 else random.randint(0, 2, shape)
    figures = loss_of(model, model.metrics_tensors)([x, y, weights, 0])
    np.testing.assert_allclose(figures, np.ravel(model.test_on_batch(x, y, sample_weight=weights)), rtol=1e-5)
    assert model.uses_learning_phase and model.total_loss is model.total_loss
    with pytest.raises(ModelError, match=r"Give compile\(metrics=\[...\]\) a function"):
        model.metrics_tensors.append(K.mean(model.output))      # it was dropped silently
    before = model.total_loss
    model.compile("sgd", "mae")
    assert model.total_loss is not before


def test_gradients_of_the_total_loss():
    """By hand: 2 (w x - y) x."""
    model = Sequential([Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(2,))])
    model.compile("sgd", "mse")
    gradients = model.optimizer.get_gradients(model.total_loss, model.trainable_weights)
    ask = K.function([model.inputs[0], model.sample_weights[0], model.targets[0], K.learning_phase()], gradients)
    x = np.array([[1.0, 2.0]])
    np.testing.assert_allclose(ask([x, np.ones(1), np.zeros((1, 1)), 0])[0], 2 * 3 * x.T)
    model.layers[0].set_weights([np.zeros((2, 1))])
    assert (ask([x, np.ones(1), np.zeros((1, 1)), 0])[0] == 0).all()
    assert not model.uses_learning_phase


def test_weights_of_timesteps_and_masks(random):
    model = Sequential([Masking(input_shape=(3, 4)), TimeDistributed(Dense(2))])
    model.compile("sgd", "mse", sample_weight_mode="temporal")
    x, y, weights = random.random((5, 3, 4)), random.random((5, 3, 2)), random.random((5, 3))
    x[0, 1] = 0
    wanted = model.test_on_batch(x, y, sample_weight=weights)
    np.testing.assert_allclose(loss_of(model)([x, y, weights, 0]), [wanted], rtol=1e-5)


def test_several_outputs(random):
    x = Input((2,))
    model = Model(x, [Dense(1, name="p")(x), Dense(2, name="q")(x), Dense(2)(x)])
    model.compile("sgd", {"p": "mse", "q": "mae"}, loss_weights={"p": 2.0, "q": 0.5})
    a, p, q = random.random((4, 2)), random.random((4, 1)), random.random((4, 2))
    figures = loss_of(model)([a, p, q, np.ones(4), np.ones(4), 0])
    np.testing.assert_allclose(figures, [model.test_on_batch(a, [p, q])[0]], rtol=1e-5)
    assert [tensor.name for tensor in model.targets + model.sample_weights] == [
        "p_target", "q_target", "p_sample_weights", "q_sample_weights"]
    assert [function.__name__ for function in model.loss_functions[:2]] == ["mean_squared_error", "mean_absolute_error"]
    assert model.sample_weight_modes == [None] * 3


def test_who_uses_the_learning_phase():
    x = Input((3,))
    dropped, plain = Dense(2)(Dropout(0.5)(x)), Dense(2)(x)
    nested = Model(x, dropped)
    assert nested.uses_learning_phase and dropped._uses_learning_phase and not plain._uses_learning_phase
    assert Model(x, Dense(1)(nested(x))).uses_learning_phase and not Model(x, plain).uses_learning_phase
    assert TimeDistributed(Dropout(0.5))(Input((2, 3)))._uses_learning_phase
    assert K.in_train_phase(plain, dropped)._uses_learning_phase and not Dropout(0.0)(x)._uses_learning_phase
    assert K.variable(np.ones((2, 3)))._keras_shape == (2, 3) and not K.variable(1.0)._uses_learning_phase


def test_states():
    """Of layers of the user's own: nothing here keeps one."""
    class Counting(Layer):
        stateful, resets = True, 0

        def reset_states(self):
            Counting.resets += 1

    model = Sequential([Counting(input_shape=(2,))])
    outer = Sequential([model.model, Dense(2)])
    outer.reset_states()
    assert outer.stateful and not Sequential([Dense(2, input_shape=(3,))]).stateful and Counting.resets == 1
    assert outer.updates + outer.state_updates == []


def test_before_compile():
    with pytest.raises(ModelError, match="total_loss needs a compiled model"):
        Sequential([Dense(2, input_shape=(3,))]).total_loss  # noqa: B018
