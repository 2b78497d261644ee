"""Scalar functions of the user's own as kernels: values, gradients, programs, files."""

import copy
import math
import pickle

import numpy as np
import pytest

from numba_layers import activations, losses, metrics, ops, registry
from numba_layers import backend as K
from numba_layers.autograd import Tape, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, DtypeError, FormulaError, ShapeError
from numba_layers.layers import Activation, Dense, Input, Lambda
from numba_layers.models import Model, Sequential, load_model
from numba_layers.utils import CustomObjectScope
from tests.tolerances import assert_close


def mishlike(x):
    return x * math.tanh(math.log1p(math.exp(x)))


def leaky(x, slope=0.1):
    return x if x > 0 else slope * x


def waves(x, y):
    """Branches, a loop, and functions of which each target has its own."""
    total = 0
    for k in range(1, 4):
        total += math.sin(k * x) / k
        if total > 1.5 and y < 2:
            break
    return total if total > 0 else max(-total, math.atan2(y, 1.0)**3) + math.floor(y) * (x % 1.5)


def everything(x):
    """What the other tests leave out, each once."""
    inside = math.tanh(x)
    total = math.asin(inside) + math.acos(inside) + math.atan(x) + math.sinh(x) + math.cosh(x) + math.tan(inside)
    total += math.asinh(x) + math.acosh(1.5 + x * x) + math.atanh(0.9 * inside) + math.erf(x) + math.erfc(x)
    total += math.log2(2 + inside) + math.log10(2 + inside) + np.exp2(x) + np.cbrt(x) + np.logaddexp(x, 0.3)
    total += math.hypot(x, 1) + math.copysign(inside, -x) + math.fmod(x, 0.7) + math.trunc(x) + round(x) + math.ceil(x)
    total += math.expm1(x) + math.sqrt(1 + x * x) + (2 + inside)**x + (x // 0.3) + np.sign(x) + math.cos(x)
    return total + (1 if math.isfinite(x) else 2) + (3 if math.isnan(x) or math.isinf(x) else 4)


def pinball(y_true, y_pred, q=0.7):
    error = y_true - y_pred
    return q * error if error > 0 else (q - 1) * error


def logcosh(y_true, y_pred):
    return math.log(math.cosh(y_pred - y_true))


def of_each(function, *arrays):
    return np.vectorize(lambda *numbers: function(*map(float, numbers)), otypes=["float64"])(*arrays)


@pytest.mark.parametrize("function, count", [(mishlike, 1), (leaky, 1), (waves, 2), (everything, 1)])
def test_values(function, count, device, dtype, random):
    arrays = [random.uniform(-3, 3, (3, 17)).astype(dtype) for _ in range(count)]
    y = ops.elementwise(function, *arrays)
    assert y.dtype == dtype
    expected = of_each(function, *arrays)
    assert np.abs(np.asarray(y) - expected).max() <= (1e-5 if dtype == "float32" else 1e-12) * np.abs(expected).max()


@pytest.mark.parametrize("function, count", [(mishlike, 1), (leaky, 1), (waves, 2)])
def test_gradients(function, count, random):
    arrays = [random.uniform(0.1, 0.7, (2, 3)) + 0.05 for _ in range(count)]
    formula = ops.formula(function)
    gradcheck(formula, arrays)

    def slope(*tensors):
        with Tape() as tape:
            return tape.gradient(formula(*tensors), tensors[0])

    gradcheck(slope, arrays)


def test_gradients_on_the_device(device, random):
    x, y = (random.uniform(-1, 1, shape).astype("float32") for shape in ((4, 3), (3,)))
    with Tape() as tape:
        tensors = K.variable(x), K.variable(y)
        gradients = tape.gradient(ops.elementwise(waves, *tensors), tensors)
    assert [gradient.shape for gradient in gradients] == [(4, 3), (3,)]
    step, x = 1e-6, x.astype(float)
    wide = np.broadcast_to(y, x.shape).astype(float)
    by_x = (of_each(waves, x + step, wide) - of_each(waves, x - step, wide)) / (2 * step)
    by_y = ((of_each(waves, x, wide + step) - of_each(waves, x, wide - step)) / (2 * step)).sum(axis=0)
    assert_close(np.asarray(gradients[0]), by_x.astype("float32"), factor=100)
    assert_close(np.asarray(gradients[1]), by_y.astype("float32"), factor=100)


def test_gradients_do_not_overflow():
    x = K.variable(np.array([-200, -90, 90, 200], "float32"))
    for function, expected in ((mishlike, [0, 0, 1, 1]), (lambda x: 1 / (1 + math.exp(-x)), [0, 0, 0, 0])):
        with Tape() as tape:
            assert_close(tape.gradient(ops.elementwise(function, x), x), np.float32(expected))


def test_numbers_and_tensors():
    formula = ops.formula(leaky)
    assert formula(-2.0) == -0.2 and formula(3) == 3 and formula.__name__ == "leaky"
    assert formula(np.array([-2.0, 3.0])).data.tolist() == [-0.2, 3.0]
    assert formula(np.array([-2.0, 3.0]), slope=0.5).data.tolist() == [-1.0, 3.0]
    assert ops.elementwise(leaky, np.array([-2.0]), slope=1).data.tolist() == [-2.0]
    assert ops.elementwise(lambda x, y: x * y, np.ones((2, 1)), 3.0).data.tolist() == [[3.0], [3.0]]
    assert ops.elementwise(leaky, np.array([-10, 3])).dtype == "float32"
    assert ops.formula(formula) is formula and ops.formula(leaky) is formula


def lstm(i, f, g, o, c):
    c = c / (1 + math.exp(-f)) + math.tanh(g) / (1 + math.exp(-i))
    return math.tanh(c) / (1 + math.exp(-o)), c


def test_several_results(random):
    gates = random.standard_normal((5, 3, 4))
    h, c = ops.elementwise(lstm, *gates)
    expected = [of_each(lambda *given, place=place: lstm(*given)[place], *gates) for place in (0, 1)]
    assert_close(h, expected[0])
    assert_close(c, expected[1])
    gradcheck(lambda *given: ops.add(*ops.elementwise(lstm, *given)), list(gates[:, 0]))


def test_symbols():
    x = placeholder((None, 4))
    y = ops.elementwise(mishlike, x)
    assert y.shape == (None, 4)
    value = K.function([x], [y, K.gradients(y, x)[0]])([np.zeros((2, 4))])
    assert value[0].shape == (2, 4)
    assert_close(value[1], np.full((2, 4), 0.6, "float32"))


def test_memory_in_another_order(random):
    x = random.standard_normal((2, 3, 4))
    y = ops.elementwise(mishlike, ops.transpose(K.constant(x, "float64"), axes=(0, 2, 1)))
    assert_close(np.asarray(y), of_each(mishlike, x.transpose(0, 2, 1)))


@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_small_shapes(shape):
    assert ops.elementwise(mishlike, np.zeros(shape)).shape == shape


def test_wrong_arguments():
    with pytest.raises(ShapeError, match="waves: shapes"):
        ops.elementwise(waves, np.ones(3), np.ones(2))
    with pytest.raises(DtypeError, match="mix float32 and float64"):
        ops.elementwise(waves, K.constant(np.ones(3), "float32"), K.constant(np.ones(3), "float64"))
    with pytest.raises(ArgumentError, match="slope must be a number"):
        ops.elementwise(leaky, np.ones(3), slope=np.ones(3))
    with pytest.raises(FormulaError, match="takes no argument 'slop'"):
        ops.elementwise(leaky, np.ones(3), slop=1.0)
    with pytest.raises(FormulaError, match="it takes 2 arguments by position, and gets 3"):
        ops.elementwise(waves, *np.ones((3, 2)))
    with pytest.raises(FormulaError, match="it needs an argument 'y'"):
        ops.elementwise(waves, np.ones(2))
    with pytest.raises(ArgumentError, match="a formula is made of a Python function"):
        ops.formula(math.tanh)


# ---- in layers and models ----------------------------------------------------------------------------------


def tensors(x):
    return K.tanh(x) * 2 + 1


def test_what_is_compiled():
    assert activations.get(mishlike).__name__ == "mishlike" and isinstance(activations.get(mishlike), ops.Formula)
    assert activations.get(tensors) is tensors and losses.get(K.mean) is K.mean
    assert activations.serialize(activations.get(mishlike)) == "mishlike"
    assert isinstance(activations.get(np_tanh), ops.Formula)
    assert metrics.get(np_error) is np_error    # may be of arrays with values
    assert losses.get(pinball) is losses.get(losses.get(pinball))


def np_tanh(x):
    return np.tanh(x)


def np_error(y_true, y_pred):
    return np.abs(y_true - y_pred)


def test_a_loss_is_a_mean(random):
    y_true, y_pred = random.standard_normal((2, 4, 3))
    assert_close(np.asarray(losses.get(pinball)(y_true, y_pred)), of_each(pinball, y_true, y_pred).mean(axis=-1))
    gradcheck(lambda y: losses.get(logcosh)(y_true, y), [y_pred])
    with pytest.raises(ShapeError, match="pinball: y_true has shape"):
        losses.get(pinball)(y_true, y_pred[:, :1])


def model_of(*layers):
    model = Sequential([Dense(6, activation=mishlike, input_shape=(4,)), *layers, Dense(1)])
    model.compile("adam", pinball, metrics=[pinball])
    return model


def test_training(device, random):
    model = model_of(Activation(leaky), Lambda(leaky, arguments={"slope": 0.3}))
    x = random.standard_normal((32, 4)).astype("float32")
    figures = model.fit(x, x[:, :1], epochs=4, batch_size=16, verbose=0).history
    assert figures["loss"][-1] < figures["loss"][0]
    assert_close(np.float32(figures["loss"]), np.float32(figures["pinball"]))
    if device == "cpu":
        names = str(model.program())
        assert "mishlike_forward" in names and "mishlike_backward" in names and "pinball_backward_y_pred" in names


def test_second_order(random):
    model = model_of()
    x = K.variable(random.standard_normal((3, 4)))
    with Tape() as outer:
        with Tape() as inner:
            slope = inner.gradient(model(x), x)
        gradient = outer.gradient(ops.sum(ops.square(slope)), model.trainable_weights[0])
    assert np.abs(np.asarray(gradient)).max() > 0


def test_files(tmp_path, random):
    model = model_of(Activation(leaky), Lambda(leaky, arguments={"slope": 0.3}))
    x = random.standard_normal((8, 4)).astype("float32")
    model.fit(x, x[:, :1], verbose=0)
    model.save(tmp_path / "model.h5")
    own = {"mishlike": mishlike, "leaky": ops.formula(leaky), "pinball": pinball}
    loaded = load_model(tmp_path / "model.h5", custom_objects=own)
    assert np.array_equal(loaded.predict(x), model.predict(x))
    loaded.fit(x, x[:, :1], verbose=0)
    with CustomObjectScope(own):
        again = Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert np.array_equal(again.predict(x), model.predict(x))


def test_lambda_of_several_inputs(random):
    first, second = Input((3,)), Input((3,))
    model = Model([first, second], Lambda(waves)([first, second]))
    x, y = random.standard_normal((2, 5, 3)).astype("float32")
    assert_close(model.predict([x, y]), of_each(waves, x, y).astype("float32"), factor=10)


def bad(x):
    y = math.exp(x)
    return y + np.sum(x)


def test_a_layer_names_the_line():
    with pytest.raises(FormulaError, match=r"(?s)Dense .*formula 'bad'.*np.sum.*line \d+: return y \+ np.sum\(x\)"):
        Dense(3, activation=bad)
    with pytest.raises(FormulaError, match="np.sum"):
        Lambda(bad)(Input((3,)))


decorated = ops.formula(lambda x: x + 1)


def test_copies():
    assert copy.deepcopy(decorated) is decorated
    assert pickle.loads(pickle.dumps(ops.formula(mishlike))) is ops.formula(mishlike)


# ---- kernels -----------------------------------------------------------------------------------------------


def tanh(x):
    return math.tanh(x)


def test_names_of_kernels():
    found = registry.formulas().scalar
    assert found(tanh, 1, {}).kernel()[0].startswith("tanh_forward_")     # the package has one of this name
    assert found(waves, 2, {}).kernel((1,))[0] == "waves_backward_y"
    assert found(waves, 2, {}).kernel((0, 1))[0] == "waves_backward_x_y"
    assert found(leaky, 1, {"slope": 0.25}).kernel()[0] != found(leaky, 1, {}).kernel()[0]


def test_both_targets_have_it_under_one_name():
    name = registry.formulas().scalar(mishlike, 1, {}).kernel((0,))[0]
    cpu, cuda = (registry.kernel(name, target) for target in registry.TARGETS)
    assert cpu.name == cuda.name == name and cpu is registry.kernel(name, "cpu")
    assert name not in registry.kernels("cpu")


def test_it_is_kept_on_disk():
    kernel = registry.kernel(registry.formulas().scalar(mishlike, 1, {}).kernel()[0], "cpu")
    assert kernel.divisible and len(kernel.made_of()) == 3


def test_large_arrays_are_divided(random):
    x = random.standard_normal(100_000).astype("float32")
    assert_close(np.asarray(ops.elementwise(tanh, x)), np.tanh(x), factor=4)
