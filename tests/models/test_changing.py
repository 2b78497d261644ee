"""Models changed in place: lists of layers, and ends that are assigned, as scripts for Keras 1 and 2 do."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers.errors import GraphError, ModelError, ShapeError
from numba_layers.layers import Dense, Dropout, Input
from numba_layers.models import Model, Sequential, clone_model, load_model

X = np.random.RandomState(0).rand(3, 4)


def functional():
    x = Input(shape=(4,))
    return Model(x, Dense(3, name="head")(Dense(5, activation="tanh", name="features")(x)))


def sequential():
    return Sequential([Dense(5, activation="tanh", name="features", input_shape=(4,)), Dense(3, name="head")])


class Written(Model):
    def __init__(self):
        super().__init__()
        self.dense = Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def by_pop(model):
    model.layers.pop()
    model.outputs = [model.layers[-1].output]
    model.layers[-1].outbound_nodes = []


def by_del(model):
    del model.layers[-1]
    model.output = model.layers[-1].output


def by_slice(model):
    model.layers = model.layers[:-1]
    model.output_layers = [model.layers[-1]]


def by_remove(model):
    model.layers.remove(model.get_layer("head"))
    model.outputs[:] = [model.get_layer("features").output]


def by_function(model):
    """As many scripts have it."""
    model.layers.pop()
    if model.layers:
        model.layers[-1].outbound_nodes = []
        model.outputs = [model.layers[-1].output]
    else:
        model.outputs, model.inbound_nodes, model.outbound_nodes = [], [], []
    model.built = False


@pytest.fixture(params=[functional, sequential])
def make(request):
    np.random.seed(0)
    return request.param


@pytest.mark.parametrize("cut", [by_pop, by_del, by_slice, by_remove, by_function])
def test_the_head_comes_off(make, cut, tmp_path):
    model = make()
    features = K.function([model.input], [model.get_layer("features").output])([X])[0]
    model.compile("sgd", "mse")
    cut(model)
    assert [layer.name for layer in model.layers][-1] == "features" and len(model.get_weights()) == 2
    assert model.output_shape == (None, 5) and model.count_params() == 25
    np.testing.assert_allclose(model.predict(X), features, rtol=1e-6)
    with pytest.raises(ModelError, match="compile"):        # for the loss was that of the old head
        model.train_on_batch(X, features)
    model.compile("sgd", "mse")
    model.train_on_batch(X, np.zeros((3, 5)))
    model.save(tmp_path / "model.h5")
    for copy in (load_model(tmp_path / "model.h5"), clone_model(model)):
        copy.set_weights(model.get_weights())
        np.testing.assert_allclose(copy.predict(X), model.predict(X), rtol=1e-6)
    x = Input(shape=(4,))
    assert Model(x, model(x)).predict(X).shape == (3, 5)


def test_a_new_head(make):
    model = make()
    model.layers.pop()
    top = Model(model.input, Dense(2, name="top")(model.layers[-1].output))
    assert [layer.name for layer in top.layers][-2:] == ["features", "top"] and top.predict(X).shape == (3, 2)
    other = make()
    other.layers.pop()
    other.outputs = [Dense(2, name="top")(other.layers[-1].output)]
    assert other.predict(X).shape == (3, 2) and [len(weight) for weight in other.get_weights()] == [4, 5, 5, 2]


def test_a_functional_model_whose_list_alone_changes_says_what_it_computes(tmp_path):
    model = functional()
    before = model.predict(X)
    model.layers.pop()
    assert len(model.get_weights()) == 2
    with pytest.warns(UserWarning, match=r'outputs are still computed by what was taken out.*"head".*model.outputs ='):
        np.testing.assert_array_equal(model.predict(X), before)
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5").predict(X), before)
    other = functional()
    other.outputs = [other.get_layer("features").output]
    other.layers.remove(other.get_layer("features"))        # and not the head, which the list still has
    with pytest.warns(UserWarning, match='"features"'):
        assert other.predict(X).shape == (3, 5)
    inner = functional()
    inner.layers.pop(0)         # a way to another input
    x = Input(shape=(4,))
    assert Model(x, inner(x)).predict(X).shape == (3, 3)


def test_the_list_of_a_stack():
    model = Sequential([Dense(6, input_shape=(4,)), Dropout(0.5), Dense(6), Dense(2)])
    weights = model.get_weights()
    model.layers.pop(1)
    assert len(model.layers) == 3
    for got, want in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(model.predict(X), ((X @ weights[0]) @ weights[2]) @ weights[4], rtol=1e-4)
    model.layers[-1] = Dense(7)
    model.layers.append(Dense(8))
    model.layers += [Dense(9)]
    assert model.predict(X).shape == (3, 9) and len(model.layers) == 5
    before, layers = model.predict(X), list(model.layers)
    with pytest.raises(ShapeError, match="must have size 7, got 6"):
        model.layers.pop(2)
    assert model.layers == layers
    np.testing.assert_array_equal(model.predict(X), before)
    model.layers.clear()
    model.add(Dense(1, input_shape=(4,)))
    assert model.predict(X).shape == (3, 1)


def test_a_stack_of_which_layers_are_used_elsewhere():
    model = sequential()
    other = Model(model.input, Dense(2)(model.layers[0].output))
    model.pop()
    assert model.layers[0].outbound_nodes == other.layers[-1].inbound_nodes
    assert other.predict(X).shape == (3, 2) and model.predict(X).shape == (3, 5)


@pytest.mark.parametrize("change, error, message", [
    (lambda: functional().layers.append(Dense(2)), ModelError, "can be taken out of model.layers, not put in"),
    (lambda: functional().layers.reverse(), ModelError, "can be taken out of model.layers, not put in or moved"),
    (lambda: setattr(functional(), "outputs", [K.ones((2, 2)) * 2]), GraphError, "does not come from a layer"),
    (lambda: setattr(functional(), "outputs", functional().outputs), GraphError, "not among its inputs"),
    (lambda: sequential().layers.pop(0), ModelError, "the first layer cannot be taken out"),
    (lambda: setattr(sequential(), "outputs", functional().outputs), ModelError, "made from the output of one"),
    (lambda: setattr(sequential(), "inputs", functional().inputs), ModelError, "follow from its first layer"),
    (lambda: sequential().outputs.pop(), ModelError, "made from the output of one of its layers"),
    (lambda: Written().layers.pop(), ModelError, "is written as a class"),
    (lambda: setattr(Written(), "outputs", functional().outputs), ModelError, "is written as a class"),
])
def test_what_makes_no_sense_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        change()


def test_the_ends_of_a_model_inside_another_stay(make):
    inner, x = make(), Input(shape=(4,))
    outer = Model(x, inner(x))
    with pytest.raises(ModelError, match="is used as a layer, so its ends cannot be changed"):
        inner.outputs = [inner.get_layer("features").output]
    assert outer.predict(X).shape == (3, 3)
