"""A tape as a picture."""

from xml.etree import ElementTree

import numpy as np

from numba_layers import Tape, Tensor, ops
from numba_layers.autograd.picture import BACK, FORWARD

SVG = "{http://www.w3.org/2000/svg}"


def drawn(tape):
    """(texts, number of heads of values, number of heads of gradients)"""
    root = ElementTree.fromstring(tape._repr_svg_())
    heads = [path.get("fill") for path in root.iter(f"{SVG}path")]
    return [text.text for text in root.iter(f"{SVG}text")], heads.count(FORWARD), heads.count(BACK)


def test_a_dense_layer(random):
    x = Tensor(random.standard_normal((4, 3)), name="x")
    weight = Tensor(random.standard_normal((3, 2)), name="weight")
    with Tape() as tape:
        ops.sum(ops.dense(x, weight, np.zeros(2)))
    texts, values, gradients = drawn(tape)
    assert texts == ["x 4×3", "weight 3×2", "tensor 2", "0  dense → 4×2", "1  sum → number"]
    assert values == gradients == 4


def test_heads_of_gradients_only_where_they_come_back(random):
    with Tape() as tape:
        ops.gather(random.standard_normal((5, 2)), np.array([1, 3]))
    assert drawn(tape)[1:] == (2, 1)


def test_tensors_used_later_again_and_twice_at_once(random):
    x = Tensor(random.standard_normal(3), name="a < b")
    with Tape() as tape:
        y = ops.exp(x)
        z = ops.square(y)
        ops.multiply(ops.multiply(z, z), y)
    texts, values, _ = drawn(tape)
    assert texts[0] == "a < b 3" and len(texts) == 5
    assert values == 1 + 1 + 2 + 2


def test_an_empty_tape():
    assert drawn(Tape()) == ([], 0, 0)
