"""Graphs: functions with updates, gradients, the learning phase, branches and loops, values of variables."""

import numpy as np
import pytest
import scipy.sparse

from numba_layers import backend as K
from numba_layers.autograd.tape import Tape
from numba_layers.autograd.tensor import Tensor
from numba_layers.errors import ArgumentError, GraphError, ShapeError


@pytest.fixture(autouse=True)
def fresh():
    K.clear_session()
    yield
    K.clear_session()


# ---- functions and updates

def test_function_computes_outputs_from_inputs():
    x, y = K.placeholder((None, 2)), K.placeholder((2,))
    f = K.function([x, y], [x * y, K.sum(x)])
    product, total = f([[[1, 2], [3, 4]], [10, 1]])
    np.testing.assert_array_equal(product, [[10, 2], [30, 4]])
    assert isinstance(total, np.ndarray) and total == 10 and product.dtype == np.float32


def test_a_single_output_comes_alone():
    x = K.placeholder((2,))
    np.testing.assert_array_equal(K.function([x], x + 1)([[1, 2]]), [2, 3])


def test_variables_have_the_value_of_the_time():
    v = K.variable([1.0, 2.0])
    f = K.function([], [v * 2])
    np.testing.assert_array_equal(f([])[0], [2, 4])
    K.set_value(v, [5.0, 6.0])
    np.testing.assert_array_equal(f([])[0], [10, 12])


def test_updates_follow_the_outputs_and_all_use_the_old_values():
    a, b = K.variable([1.0]), K.variable([10.0])
    f = K.function([], [a + b, a], updates=[(a, b), (b, a + b)])
    assert [float(x[0]) for x in f([])] == [11, 1]
    assert (K.get_value(a), K.get_value(b)) == (10, 11)
    assert [float(x[0]) for x in f([])] == [21, 10]


def test_update_functions():
    v, x = K.variable(4.0), K.placeholder(())
    for update, expected in ((K.update(v, x), 3), (K.update_add(v, x), 7), (K.update_sub(v, x), 1),
                             (K.moving_average_update(v, x, 0.75), 3.75)):
        K.set_value(v, 4.0)
        K.function([x], [], updates=[update])([3.0])
        assert K.get_value(v) == expected
    assert K.eval(K.update_add(v, 1)) == K.get_value(v) == 4.75


def test_outputs_are_the_callers_own():
    v = K.variable([1.0, 2.0])
    out, = K.function([], [v])([])
    out[0] = 99
    np.testing.assert_array_equal(K.get_value(v), [1, 2])


def test_mistakes_in_calls_are_named():
    x, y = K.placeholder((None, 3), name="pixels"), K.placeholder((2,), name="labels")
    with pytest.raises(GraphError, match="placeholder 'labels' of shape .* needs a value"):
        K.function([x], [x, y])([np.ones((1, 3))])
    with pytest.raises(GraphError, match="pixels"):
        K.eval(K.sum(x))
    with pytest.raises(ShapeError, match="input 'pixels': expected shape .* got"):
        K.function([x], [x])([np.ones((3, 1))])
    for wrong in ([], np.ones((1, 3)), None):
        with pytest.raises(ArgumentError, match="expected a list of 1 values"):
            K.function([x], [x])(wrong)
    with pytest.raises(GraphError, match="no value yet"):
        np.asarray(K.exp(x))


def test_sparse_matrices_can_be_fed():
    x = K.placeholder((None, 3), sparse=True)
    matrix = scipy.sparse.csr_matrix([[0, 2, 0], [1, 0, 0]])
    assert K.is_sparse(x) and K.is_sparse(matrix) and not K.is_sparse(K.placeholder((1,)))
    np.testing.assert_array_equal(K.function([x], [K.to_dense(x) + 1])([matrix])[0], [[1, 3, 1], [2, 1, 1]])
    np.testing.assert_array_equal(K.eval(K.to_dense(matrix)), matrix.toarray())


# ---- gradients

def test_gradients_of_first_and_second_order():
    x, w = K.placeholder((3,)), K.variable([1.0, 2.0, 3.0])
    loss = K.sum(K.pow(w, 3) * x)
    first, = K.gradients(loss, [w])
    second, = K.gradients(K.sum(first), [w])
    values = K.function([x], [first, second])([[1, 10, 100]])
    np.testing.assert_allclose(values[0], [3, 120, 2700], rtol=1e-6)
    np.testing.assert_allclose(values[1], [6, 120, 1800], rtol=1e-6)


def test_gradients_with_respect_to_placeholders_and_what_lies_between():
    x = K.placeholder((2,))
    middle = K.square(x)
    grads = K.gradients(K.sum(3 * middle), [x, middle, K.variable([7.0])])
    values = K.function([x], grads)([[1.0, 2.0]])
    np.testing.assert_array_equal(values[0], [6, 12])
    np.testing.assert_array_equal(values[1], [3, 3])
    np.testing.assert_array_equal(values[2], [0])


def test_gradients_stop():
    x = K.placeholder((2,))
    grad, = K.gradients(K.sum(K.stop_gradient(x) * x), x)
    np.testing.assert_array_equal(K.function([x], [grad])([[3, 4]])[0], [3, 4])


def test_gradients_on_a_tape():
    with Tape():
        x = Tensor(np.array([2.0, 3.0]))
        grad, = K.gradients(K.sum(x * x), [x])
    np.testing.assert_array_equal(grad.data, [4, 6])
    with pytest.raises(GraphError, match="nothing recorded"):
        K.gradients(Tensor(np.array(1.0)), [x])


def test_a_step_of_gradient_descent():
    w, x = K.variable([0.0, 0.0]), K.placeholder((2,))
    loss = K.sum(K.square(w - x))
    grad, = K.gradients(loss, [w])
    step = K.function([x], [loss], updates=[(w, w - 0.25 * grad)])
    losses = [float(step([[4.0, -2.0]])[0]) for _ in range(3)]
    assert losses == [20, 5, 1.25]
    np.testing.assert_array_equal(K.get_value(w), [3.5, -1.75])


# ---- the learning phase

def test_learning_phase_is_fed_and_testing_by_default():
    x = K.placeholder((2,))
    y = K.in_train_phase(x + 1, x - 1)
    f = K.function([x, K.learning_phase()], [y])
    np.testing.assert_array_equal(f([[1, 1], 1])[0], [2, 2])
    np.testing.assert_array_equal(f([[1, 1], 0])[0], [0, 0])
    np.testing.assert_array_equal(K.function([x], [y])([[1, 1]])[0], [0, 0])
    np.testing.assert_array_equal(K.function([x], [K.in_test_phase(x + 1, x - 1)])([[1, 1]])[0], [2, 2])


def test_only_the_chosen_branch_runs(capsys):
    x = K.placeholder((1,))
    y = K.in_train_phase(lambda: K.print_tensor(x * 2, "training"), lambda: K.print_tensor(x * 3, "testing"))
    f = K.function([x, K.learning_phase()], [y, K.gradients(K.sum(y), [x])[0]])
    assert [float(value[0]) for value in f([[5], 1])] == [10, 2]
    assert "training" in (printed := capsys.readouterr().out) and "testing" not in printed
    assert [float(value[0]) for value in f([[5], 0])] == [15, 3]
    assert "testing" in (printed := capsys.readouterr().out) and "training" not in printed


def test_training_argument_decides():
    x, flag = K.placeholder((1,)), K.placeholder((), dtype="bool")
    assert K.in_train_phase("yes", lambda: "no", training=True) == "yes"
    assert K.in_train_phase("yes", lambda: "no", training=0) == "no"
    f = K.function([x, flag], [K.in_train_phase(x, -x, training=flag)])
    assert (f([[2], True])[0], f([[2], False])[0]) == (2, -2)


def test_a_fixed_learning_phase_is_a_number():
    x = K.placeholder((1,))
    waiting = K.in_train_phase(x, -x)
    K.set_learning_phase(1)
    assert K.learning_phase() == 1
    fixed = K.in_train_phase(x, -x)
    assert fixed is x
    assert K.function([x], [waiting])([[2]])[0] == 2
    assert K.function([x, K.learning_phase()], [fixed])([[2], 0])[0] == 2
    K.clear_session()
    assert K.function([x], [waiting])([[2]])[0] == -2
    with pytest.raises(ArgumentError, match="0 .testing., 1 .training."):
        K.set_learning_phase(2)


# ---- branches and loops

@pytest.mark.parametrize("truth", [0, 1])
def test_switch_on_a_number(truth):
    condition, x, y = K.placeholder(()), K.placeholder((None, 2)), K.placeholder((3, 2))
    for branches in ((x, y), (lambda: x * 1, lambda: y * 1)):
        result = K.switch(condition, *branches)
        assert K.int_shape(result) == (None, 2)
        value, = K.function([condition, x, y], [result])([truth, np.ones((3, 2)), np.zeros((3, 2))])
        np.testing.assert_array_equal(value, np.full((3, 2), truth))
    assert K.eval(K.switch(K.constant(truth), K.constant(1.0), K.constant(0.0))) == truth


def test_switch_by_element_and_by_row():
    x, y = np.arange(6.0).reshape(3, 2), -np.ones((3, 2))
    np.testing.assert_array_equal(K.eval(K.switch(K.greater(x, 2), x, y)), np.where(x > 2, x, y))
    rows = np.array([True, False, True])
    np.testing.assert_array_equal(K.eval(K.switch(rows, x, y)), np.where(rows[:, None], x, y))


def test_loops_over_slices():
    x, w = np.arange(6.0, dtype="float32").reshape(3, 2), K.placeholder((2,))
    symbolic = K.placeholder((None, 2))

    def both(result_of):
        value, = K.function([symbolic, w], [result_of(symbolic) + 0 * w])([x, [1, 1]])
        np.testing.assert_array_equal(value, K.eval(result_of(Tensor(x))))
        return value

    np.testing.assert_array_equal(both(lambda x: K.map_fn(lambda row: row * row, x)), x * x)
    np.testing.assert_array_equal(both(lambda x: K.map_fn(lambda pair: pair[0] - pair[1], [x, 2 * x])), -x)
    np.testing.assert_array_equal(both(lambda x: K.foldl(lambda total, row: total * 2 + row, x)),
                                  (x[0] * 2 + x[1]) * 2 + x[2])
    np.testing.assert_array_equal(both(lambda x: K.foldr(lambda total, row: total * 2 + row, x)),
                                  (x[2] * 2 + x[1]) * 2 + x[0])
    start = np.ones(2, "float32")
    np.testing.assert_array_equal(both(lambda x: K.foldl(lambda total, row: total - row, x, start)),
                                  1 - x.sum(0))


def test_loops_use_tensors_from_around_them_and_have_gradients():
    x, w = K.placeholder((None, 2)), K.placeholder((2,))
    doubled = w * 2
    total = K.sum(K.foldl(lambda total, row: total + row * doubled, x, initializer=K.zeros((2,))))
    values = K.function([x, w], [total, *K.gradients(total, [x, w])])([[[1, 2], [3, 4]], [10, 100]])
    assert values[0] == 4 * 20 + 6 * 200
    np.testing.assert_array_equal(values[1], [[20, 200], [20, 200]])
    np.testing.assert_array_equal(values[2], [8, 12])


def test_loops_need_slices():
    with pytest.raises(ShapeError, match="at least 1"):
        K.map_fn(lambda row: row, np.ones((0, 2)))


# ---- shapes that are known later

def test_sizes_may_be_tensors():
    x = K.placeholder((None, 4, 3))
    size = K.shape(x)
    assert size[2] == 3 and K.int_shape(size) == (3,)
    cases = [
        (K.reshape(x, (size[0], 12)), (None, 12), (2, 12)),
        (K.reshape(x, (size[0] * 2, 2, -1)), (None, 2, None), (4, 2, 3)),
        (K.reshape(K.batch_flatten(x), size), (None, 4, 3), (2, 4, 3)),
        (K.reshape(x, K.concatenate([size[:1], [12]], axis=0)), (None, None), (2, 12)),
        (K.zeros((size[0], 5)), (None, 5), (2, 5)),
        (K.random_normal((size[0], 5)), (None, 5), (2, 5)),
        (K.tile(x, (1, 1, size[0])), (None, 4, None), (2, 4, 6)),
        (K.arange(size[0]), (None,), (2,)),
        (K.slice(x, (0, 0, 0), (size[0], 1, 2)), (None, 1, 2), (2, 1, 2)),
    ]
    for tensor, said, expected in cases:
        assert K.int_shape(tensor) == said
        assert K.function([x], [tensor])([np.zeros((2, 4, 3))])[0].shape == expected
    np.testing.assert_array_equal(K.function([x], [size])([np.zeros((2, 4, 3))])[0], [2, 4, 3])
    np.testing.assert_array_equal(K.eval(K.shape(np.zeros((2, 4)))), [2, 4])


# ---- variables

def test_values_of_variables():
    v = K.variable(np.arange(4).reshape(2, 2), name="table")
    assert K.dtype(v) == "float32" and K.int_shape(v) == (2, 2) and K.ndim(v) == 2 and K.count_params(v) == 4
    value = K.get_value(v)
    value[:] = 7
    np.testing.assert_array_equal(K.get_value(v), [[0, 1], [2, 3]])
    K.batch_set_value([(v, [[4, 5], [6, 7]])])
    np.testing.assert_array_equal(K.batch_get_value([v])[0], [[4, 5], [6, 7]])
    with pytest.raises(ShapeError, match=r"set_value: table has shape \(2, 2\), the value \(3,\)"):
        K.set_value(v, [1, 2, 3])
    with pytest.raises(ArgumentError, match="expected a variable"):
        K.set_value(K.placeholder((1,)), [1])


def test_a_variable_copies_its_first_value():
    array = np.ones(3, "float32")
    v = K.variable(array)
    array[:] = 0
    np.testing.assert_array_equal(K.get_value(v), 1)
    np.testing.assert_array_equal(K.get_value(K.variable(v * 2)), 2)


def test_made_variables():
    np.testing.assert_array_equal(K.get_value(K.eye(2)), np.eye(2))
    np.testing.assert_array_equal(K.get_value(K.ones((2, 3), dtype="float64")), np.ones((2, 3)))
    np.testing.assert_array_equal(K.eval(K.constant(2, shape=(2, 2))), np.full((2, 2), 2))
    uniform = K.get_value(K.random_uniform_variable((1000,), 2, 3, seed=1))
    normal = K.get_value(K.random_normal_variable((1000,), 5, 2, seed=1))
    assert 2 <= uniform.min() and uniform.max() < 3
    assert abs(normal.mean() - 5) < 0.3 and abs(normal.std() - 2) < 0.2


def test_kinds_of_tensors():
    x, v = K.placeholder(ndim=2), K.variable(1.0)
    assert K.is_tensor(x) and K.is_tensor(v) and not K.is_tensor(np.ones(1))
    assert K.is_placeholder(x) and not K.is_placeholder(x * 2) and not K.is_placeholder(v)
    assert not K.is_keras_tensor(x) and K.int_shape(x) == (None, None)


# ---- settings

def test_settings():
    assert K.backend() == "numba" and K.floatx() == "float32" and K.epsilon() == 1e-7
    assert K.cast_to_floatx([1, 2]).dtype == np.float32
    assert K.normalize_data_format("th") == "channels_first"
    assert K.normalize_data_format(None) == "channels_last"
    assert [K.get_uid("a"), K.get_uid("a"), K.get_uid("b")] == [1, 2, 1]
    K.reset_uids()
    assert K.get_uid("a") == 1
    K.manual_variable_initialization(True)
    with K.name_scope("MySGD"):      # as optimizers of Keras 2.2 do
        assert K.get_value(K.variable(1.0)) == 1
