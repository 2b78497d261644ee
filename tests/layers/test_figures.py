"""Each core layer as the real Keras 1.2.2 and 2.2.5 answered: outputs, masks, penalties, shapes, configurations."""

import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config
from numba_layers.layers import deserialize
from numba_layers.models import Sequential
from tests.reference.recorded import answered, with_type
from tests.tolerances import assert_close


@pytest.fixture(params=answered("layers", "output"), ids=lambda pair: f"{pair[0]}-{pair[1]}")
def case(request):
    case, floatx = request.param
    before = config.floatx(), config.keras_version()
    config.set_floatx(floatx)
    config.set_keras_version("1.2.2" if case.generation == 1 else "2.2.5")
    yield case, floatx
    config.set_floatx(before[0])
    config.set_keras_version(before[1])


def test_as_keras(case):
    case, floatx = case
    description = with_type(case.facts["config"], floatx)
    layer = deserialize({"class_name": case.facts["class_name"], "config": description})
    model = Sequential([layer])
    model.set_weights([array for name, array in sorted(case._arrays.items())
                       if name.startswith(f"{case.key}/in/weight")])
    x = case.given("x", floatx)
    assert list(model.output_shape) == case.facts["output_shape"]
    assert_close(model.predict(x), case.answer("output", floatx), factor=5)
    mask = case.answer("mask", floatx)
    if mask is not None:
        np.testing.assert_array_equal(K.function([model.input], [layer.output_mask])([x])[0], mask)
    penalty = case.answer("penalty", floatx)
    if penalty is not None:
        model.compile("sgd", loss=lambda y_true, y_pred: K.zeros_like(y_pred))
        assert_close(np.asarray(model.test_on_batch(x, x), floatx), penalty, factor=5)
    if case.generation == 2:
        assert layers_agree(layer.get_config(), description)


def layers_agree(ours, theirs):
    """Keras's configuration and ours, tuples read as lists."""
    def plain(value):
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        return [plain(entry) for entry in value] if isinstance(value, tuple | list) else value
    assert plain(ours) == plain(theirs)
    return True
