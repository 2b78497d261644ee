"""What is more than launches of kernels runs op by op, rightly, and says once which layer and why."""

import warnings

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, optimizers
from numba_layers.autograd.graph import is_symbolic
from numba_layers.layers import Dense, Lambda
from numba_layers.models import Sequential

random = np.random.RandomState(5)
X = random.normal(size=(40, 6)).astype("float32")
Y = random.normal(size=(40, 3)).astype("float32")


def on_values(x):
    return x if is_symbolic(x) else x * (2.0 if float(K.mean(x)) > 0 else 1.0)


def by_numpy(x):
    return x if is_symbolic(x) else x * np.abs(np.asarray(x)).max()


def by_chance(x):
    return x * np.float32(np.random.uniform())


def printed(x):
    return K.print_tensor(x, "x is")


class Slower(optimizers.SGD):
    def rate(self, step):
        return 0.1 / step


def by_python(y_true, y_pred):
    return K.constant(0.0 if is_symbolic(y_pred) else y_pred.data.max())


def model(function=None, optimizer="sgd", metrics=()):
    layers = [Dense(4, input_shape=(6,)), *([Lambda(function, name="strange")] if function else []), Dense(3)]
    made = Sequential(layers)
    made.compile(optimizer, "mse", metrics=list(metrics))
    return made


def trained(make, allowed):
    config.set_programs(allowed)
    np.random.seed(3)
    made = make()
    history = made.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False).history["loss"]
    figures = [made.train_on_batch(X[:8], Y[:8]) for _ in range(4)]
    return [history, figures, *made.get_weights(), *(made.predict(X[:8]) for _ in range(3))]


@pytest.mark.parametrize("make, reason", [
    (lambda: model(on_values), 'layer "strange": Python looks at a value'),
    (lambda: model(by_numpy), 'layer "strange": Python looks at a value'),
    (lambda: model(by_chance), 'layer "strange": '),
    (lambda: model(printed), 'layer "strange": Python looks at a value'),
    (lambda: model(optimizer=Slower()), "Slower.update(step), or rate(step), is Python"),
    (lambda: model(metrics=[by_python]), "it answers values that Python computed"),
], ids=["values", "NumPy", "chance", "print", "optimizer", "metric"])
def test_runs_op_by_op_and_says_why(make, reason):
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            ours = trained(make, True)
        expected = trained(make, False)
    finally:
        config.set_programs(True)
    told = [str(warning.message) for warning in seen if "not as a program" in str(warning.message)]
    assert len(told) == 1 and reason in told[0] and 'Sequential "' in told[0]
    assert all(np.asarray(one).tobytes() == np.asarray(other).tobytes() for one, other in zip(ours, expected))


@pytest.mark.parametrize("setting", ["programs", "debug_level", "check_numbers"])
def test_settings_that_run_op_by_op(setting, replays, monkeypatch):
    made = model()
    if setting == "programs":
        monkeypatch.setattr(config._settings, "programs", False)
    else:
        monkeypatch.setattr(config, setting, 1)
    made.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    made.predict(X)
    assert not replays and not list(made._programs)
