"""Recurrent ops as parts of programs: the same bits as op by op, with weights that go on between the steps."""

import numba
import numpy as np
import pytest

from numba_layers import backend as K
from numba_layers import config, ops
from numba_layers.layers import Dense, Input, Layer
from numba_layers.models import Model

pytestmark = [pytest.mark.filterwarnings("error:.*not as a program"),
              pytest.mark.skipif(numba.config.DISABLE_JIT, reason="no machine code is called")]
UNITS, STEPS = 5, 6


class Recurrent(Layer):
    """One of the recurrent ops, on a sequence and a mask."""

    def __init__(self, op, gates, **options):
        self.op, self.gates, self.options = op, gates, options
        super().__init__()

    def build(self, input_shape):
        shapes = {"weight": (input_shape[0][-1], self.gates * UNITS), "recurrent": (UNITS, self.gates * UNITS),
                  "bias": (self.gates * UNITS,), "state": (1, UNITS)}
        self.of = {name: self.add_weight(name=name, shape=shape, initializer="uniform")
                   for name, shape in shapes.items()}
        super().build(input_shape)

    def call(self, inputs):
        x, mask = inputs
        z = ops.dense(x, self.of["weight"], self.of["bias"])
        h = K.zeros_like(x[:, 0, :1]) + self.of["state"]
        states = {"lstm": (h, h), "gru": (h,), "simple_rnn": (h,)}[self.op]
        first = (self.of["recurrent"], self.of["bias"] if self.options.get("reset_after") else None)
        outputs, *last = getattr(ops, self.op)(z, *first[:1 + (self.op == "gru")], *states, mask, **self.options)
        return K.concatenate([outputs[:, -1], *last])

    def compute_output_shape(self, input_shape):
        return input_shape[0][0], UNITS * (3 if self.op == "lstm" else 2)


@pytest.mark.parametrize("op, gates, options", [
    ("lstm", 4, {}), ("gru", 3, {"backwards": True}), ("gru", 3, {"reset_after": True}),
    ("simple_rnn", 1, {"activation": "relu"}), ("lstm", 4, {"activation": "softmax"})])
def test_training_as_a_program(op, gates, options, random, replays):
    sequences, lengths = random.standard_normal((40, STEPS, 3)).astype("float32"), random.randint(0, STEPS + 1, (40, 1))
    masks, y = np.arange(STEPS) < lengths, random.standard_normal((40, 2)).astype("float32")
    x, mask = Input((STEPS, 3)), Input((STEPS,), dtype="bool")
    model = Model([x, mask], Dense(2)(Recurrent(op, gates, **options)([x, mask])))
    start, results = model.get_weights(), []
    for programs in False, True:
        config.set_programs(programs)
        model.set_weights(start)
        model.compile("adam", "mse")
        losses = [model.train_on_batch([sequences[n:n + 8], masks[n:n + 8]], y[n:n + 8]) for n in range(0, 40, 8)]
        results.append([*losses, *model.get_weights(), model.predict([sequences, masks], batch_size=8)])
    assert replays
    for one, other in zip(*results):
        np.testing.assert_array_equal(one, other)
    assert not any(np.array_equal(before, after) for before, after in zip(start, model.get_weights()))
