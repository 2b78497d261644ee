"""Training as the real Keras 1.2.2 and 2.2.5 trained: the same batches, losses, metrics, weights and predictions."""

import numpy as np
import pytest

from numba_layers import config, optimizers
from numba_layers.models import model_from_config
from tests.reference.recorded import FLOAT_TYPES, cases, with_type

pytestmark = pytest.mark.usefixtures("device")   # each test runs on each device

TOLERANCE = {"float32": 2e-5, "float64": 1e-10}
CASES = cases("training") + cases("normalization")
BATCHWISE = [case for case in CASES if not case.key.startswith("fit/")]
FITS = [case for case in CASES if case.key.startswith("fit/")]


@pytest.fixture(params=FLOAT_TYPES)
def floatx(request):
    before = config.floatx(), config.keras_version()
    config.set_floatx(request.param)
    yield request.param
    config.set_floatx(before[0])
    config.set_keras_version(before[1])


def compiled(case, floatx):
    """The recorded model with its starting weights, compiled as it was."""
    config.set_keras_version("1.2.2" if case.generation == 1 else "2.2.5")
    model = model_from_config(with_type(case.facts["model"], floatx))
    start = series(case, "in/start")
    model.set_weights(start)
    options = dict(case.facts["compile"])
    name, settings = options.pop("optimizer")
    model.compile(optimizer=optimizers.get({"class_name": name, "config": settings}), **options)
    return model


def series(case, name):
    """Numbered arrays of the case: in/x0, in/x1, ..."""
    arrays = case._arrays
    found = []
    while f"{case.key}/{name}{len(found)}" in arrays:
        found.append(arrays[f"{case.key}/{name}{len(found)}"])
    return found


def one_or_all(arrays):
    return arrays if len(arrays) > 1 else arrays[0]


def agree(actual, expected, floatx):
    np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[floatx], atol=TOLERANCE[floatx])


@pytest.mark.parametrize("case", BATCHWISE, ids=str)
def test_batch_by_batch(case, floatx):
    if case.answer("batches", floatx) is None:
        pytest.skip("Keras itself has no answer in this precision")
    model = compiled(case, floatx)
    x, y, weights = series(case, "in/x"), series(case, "in/y"), series(case, "in/sample_weight")
    size = case.facts["batch_size"]
    assert model.metrics_names == case.facts["metrics_names"]
    agree(model.evaluate(one_or_all(x), one_or_all(y), batch_size=size, verbose=0),
          case.answer("evaluated_before", floatx), floatx)
    class_weight = case.facts["class_weight"]
    extra = {"class_weight": {int(key): value for key, value in class_weight.items()}} if class_weight else {}
    figures = []
    for first in range(0, len(x[0]), size):
        part = slice(first, first + size)
        if weights:
            extra["sample_weight"] = one_or_all([array[part] for array in weights])
        figures.append(model.train_on_batch(one_or_all([array[part] for array in x]),
                                            one_or_all([array[part] for array in y]), **extra))
    agree(figures, case.answer("batches", floatx), floatx)
    agree(model.evaluate(one_or_all(x), one_or_all(y), batch_size=size, verbose=0),
          case.answer("evaluated_after", floatx), floatx)
    if weights:
        agree(model.evaluate(one_or_all(x), one_or_all(y), size, verbose=0, sample_weight=one_or_all(weights)),
              case.answer("evaluated_after_weighted", floatx), floatx)
    predicted = model.predict(one_or_all(x), batch_size=size)
    for actual, expected in zip(predicted if isinstance(predicted, list) else [predicted],
                                series(case, f"{floatx}/predicted")):
        agree(actual, expected, floatx)
    for actual, expected in zip(model.get_weights(), series(case, f"{floatx}/weights"), strict=True):
        agree(actual, expected, floatx)


@pytest.mark.parametrize("case", FITS, ids=str)
def test_fit(case, floatx):
    model = compiled(case, floatx)
    facts = case.facts
    class_weight = facts.get("class_weight")
    extra = {"class_weight": {int(key): value for key, value in class_weight.items()}} if class_weight else {}
    if series(case, "in/sample_weight"):
        extra["sample_weight"] = series(case, "in/sample_weight")[0]
    if facts.get("validation_split"):
        extra["validation_split"] = facts["validation_split"]
    history = model.fit(series(case, "in/x")[0], series(case, "in/y")[0], batch_size=facts["batch_size"],
                        epochs=facts["epochs"], shuffle=False, verbose=0, **extra).history
    for name, values in history.items():
        agree(values, case.answer(f"history_{name}", floatx), floatx)
    for actual, expected in zip(model.get_weights(), series(case, f"{floatx}/weights"), strict=True):
        agree(actual, expected, floatx)
