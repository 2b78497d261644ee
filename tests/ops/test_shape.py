import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra.numpy import array_shapes, basic_indices

from numba_layers import ops
from numba_layers.autograd import Tape, Tensor, evaluate, gradcheck
from numba_layers.autograd.graph import placeholder
from numba_layers.errors import ArgumentError, DtypeError, OutOfRangeError, ShapeError
from tests.reference.shape import CASES
from tests.threads import on_one_and_all

pytestmark = pytest.mark.usefixtures("device")
cases = pytest.mark.parametrize("op, wanted, shapes", [pytest.param(*case[1:], id=case[0]) for case in CASES])
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def counted(shape, dtype="float32"):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape) + 1


@cases
def test_values(op, wanted, shapes, dtype):
    arrays = [counted(shape, dtype) for shape in shapes]
    answer = op(*map(Tensor, arrays))
    assert answer.dtype == dtype
    np.testing.assert_array_equal(answer, wanted(*arrays), strict=True)


@cases
def test_gradients(op, wanted, shapes, random):
    arrays = [random.standard_normal(shape) for shape in shapes]
    assert gradcheck(op, arrays)
    with Tape() as outer:   # the gradient is linear in the output's, and so has a gradient of its own
        inputs = list(map(Tensor, arrays))
        with Tape() as tape:
            y = op(*inputs)
        start = Tensor(random.standard_normal(y.shape))
        grads = tape.gradient(y, inputs, output_gradient=start)
    again = outer.gradient(grads[0], start)
    np.testing.assert_array_equal(again, wanted(*[np.ones(shapes[0]), *map(np.zeros, shapes[1:])])
                                  - wanted(*map(np.zeros, shapes)))


@cases
def test_open_batch(op, wanted, shapes, dtype):
    """What holds for a batch of any size: the shape with None, and the value once the batch is there."""
    arrays = [counted(shape, dtype) for shape in shapes]
    placeholders = [placeholder((None, *shape[1:]), dtype) for shape in shapes]
    symbolic = op(*placeholders)
    answer = evaluate(symbolic, dict(zip(placeholders, arrays)))
    assert symbolic.ndim == answer.ndim and symbolic.dtype == answer.dtype
    assert all(guess in (None, size) for guess, size in zip(symbolic.shape, answer.shape))
    np.testing.assert_array_equal(answer, wanted(*arrays))


@pytest.mark.parametrize("shape, new, wanted", [
    ((None, 12), (-1, 3, 4), (None, 3, 4)), ((None, 12), (None, 3, -1), (None, 3, 4)),
    ((None, 4), (8, 4), (8, 4)), ((None, None, 6), (None, -1, 3), (None, None, 3)), ((6,), (None, 2), (3, 2)),
    ((0, 4), (-1, 2, 2), (0, 2, 2)), ((), (1, -1), (1, 1)), ((1,), (), ())])
def test_reshape_infers(shape, new, wanted):
    assert ops.reshape(placeholder(shape), shape=new).shape == wanted


@quick
@given(array_shapes(max_dims=4, max_side=6), st.data())
def test_reshape_of_any_shape(shape, data):
    x = counted(shape)
    new = data.draw(st.permutations(shape))
    place = data.draw(st.integers(0, len(new) - 1))
    np.testing.assert_array_equal(
        ops.reshape(Tensor(x), shape=[*new[:place], -1, *new[place + 1:]]), x.reshape(new))


@quick
@given(array_shapes(max_dims=4, max_side=5).flatmap(
    lambda shape: st.tuples(st.just(shape), basic_indices(shape, allow_newaxis=True, max_dims=6))))
def test_getitem_of_any_index(case):
    shape, index = case
    x = counted(shape)
    with Tape() as tape:
        tensor = Tensor(x)
        y = ops.getitem(tensor, index=index)
    np.testing.assert_array_equal(y, x[index])
    wanted = np.zeros(shape, "float32")
    wanted[index] += 1
    np.testing.assert_array_equal(tape.gradient(y, tensor), wanted)


@pytest.mark.parametrize("rows", [[0, -1, 2], [[1, -5], [4, 0]], []])
@pytest.mark.parametrize("given", [list, np.array, Tensor, lambda rows: Tensor(rows.astype("int32"))],
                         ids=["list", "array", "int64", "int32"])
def test_getitem_of_rows_from_either_end(given, rows, device, random):
    x, rows = random.standard_normal((5, 3, 2)).astype("float32"), np.array(rows, np.int64)
    picked = rows.tolist() if given is list else given(rows)
    np.testing.assert_array_equal(ops.getitem(Tensor(x), index=(picked, 1)), x[rows, 1])


@quick
@given(array_shapes(max_dims=4, max_side=4), st.data())
def test_concatenate_of_any_shapes(shape, data):
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    arrays = [counted(shape[:axis] + (size,) + shape[axis + 1:]) + 100 * size for size in sizes]
    joined = ops.concatenate(*map(Tensor, arrays), axis=axis)
    np.testing.assert_array_equal(joined, np.concatenate(arrays, axis))
    for part, array in zip(ops.split(joined, parts=sizes, axis=axis), arrays):
        np.testing.assert_array_equal(part, array)


@quick
@given(array_shapes(max_dims=6, max_side=5), st.data())
def test_transpose_of_any_order(shape, data):
    axes = data.draw(st.permutations(range(len(shape))))
    x = counted(shape)
    np.testing.assert_array_equal(ops.transpose(Tensor(x), axes=axes), x.transpose(axes))


def test_views_share_memory():
    x = Tensor(counted((2, 6)))
    for y in (ops.reshape(x, shape=(3, 4)), ops.expand_dims(x, axis=0), ops.flatten(x), x[:, None]):
        assert np.shares_memory(x.data, y.data)


def test_types_of_concatenation():
    x = Tensor(np.array([1.5, 2], "float64"))
    joined = ops.concatenate(Tensor(np.array([True, False])), x, axis=0)
    np.testing.assert_array_equal(joined, [1, 0, 1.5, 2])
    assert joined.dtype == "float64"
    with pytest.raises(DtypeError, match="float32 and float64"):
        ops.concatenate(x, Tensor(np.ones(2, "float32")))


def test_iteration_ends():
    assert [float(entry) for entry in Tensor(counted((3,)))] == [1, 2, 3]
    for tensor in (Tensor(counted((3,))), placeholder((3, 2)), placeholder((None, 2))):
        assert not hasattr(tensor, "__len__")       # as Keras's: what has a length is a list of tensors
    with pytest.raises(TypeError, match="no known length"):
        list(placeholder((None, 2)))


def test_large_blocks_on_any_number_of_threads(random):
    x = random.standard_normal((9, 70, 130)).astype("float32")
    for answer in on_one_and_all(lambda: ops.transpose(x, axes=(2, 0, 1))):
        np.testing.assert_array_equal(answer, x.transpose(2, 0, 1))


@pytest.mark.parametrize("function, error, message", [
    (lambda x: ops.reshape(x, shape=(5, 2)), ShapeError, r"\(2, 3\) does not fit shape \(5, 2\)"),
    (lambda x: ops.reshape(x, shape=(-1, 4)), ShapeError, "does not fit"),
    (lambda x: ops.squeeze(x, axis=0), ShapeError, "axis 0 of x .* is not of size 1"),
    (lambda x: ops.expand_dims(x, axis=4), ShapeError, "axis 4 is out of range"),
    (lambda x: ops.transpose(x, axes=(0, 0)), ShapeError, "do not name each axis"),
    (lambda x: ops.broadcast_to(x, shape=(2, 4)), ShapeError, r"\(2, 3\) does not broadcast to \(2, 4\)"),
    (lambda x: ops.broadcast_to(x, shape=(3,)), ShapeError, "does not broadcast"),
    (lambda x: ops.tile(x, repeats=(2,)), ShapeError, "expected 2 numbers"),
    (lambda x: ops.repeat(x, repeats=2, axis=2), ShapeError, "repeat: axis 2 is out of range"),
    (lambda x: ops.concatenate(x, np.ones((3, 4)), axis=0), ShapeError, r"\(3, 4\) differ beside axis 0"),
    (lambda x: ops.concatenate(), ArgumentError, "no tensors"),
    (lambda x: ops.split(x, parts=2, axis=1), ShapeError, "cannot be cut into 2 parts"),
    (lambda x: ops.split(placeholder((None, 3)), parts=2, axis=0), ShapeError, "must be known"),
    (lambda x: ops.pad(x, padding=[(1, 1)]), ShapeError, "expected 2 pairs"),
    (lambda x: ops.pad(x, padding=[(1, 1), (0, -1)]), ShapeError, "not negative"),
    (lambda x: ops.pad(x, padding=[(1, 1), (0, 0)], mode="constan"), ArgumentError, "mean 'constant'"),
    (lambda x: x[2], OutOfRangeError, r"index 2 is out of range for axis 0 of shape \(2, 3\)"),
    (lambda x: x[:, -4], IndexError, "index -4"),
    (lambda x: x[0, 0, 0], IndexError, "3 indices for a tensor of 2 axes"),
    (lambda x: x[0, 1.5], ArgumentError, "index 1.5 of axis 1"),
    (lambda x: x[0, [1]], ArgumentError, "first place"),
    (lambda x: x[[0, 2]], OutOfRangeError, "index 2 is out of range for the 2 rows"),
    (lambda x: x[np.array([True] * 3)], ShapeError, r"the mask has shape \(3,\)"),
    (lambda x: x[placeholder((2,), "bool")], ArgumentError, "has no value yet"),
])
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        function(Tensor(counted((2, 3), "float64")))
