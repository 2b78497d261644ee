import gzip
import os
import pickle
import zipfile

import numpy as np
import pytest

from numba_layers.datasets import _files, mnist
from numba_layers.errors import ArgumentError, DataError

PLAIN = {"numbers": [1, 2.5, True, None], "text": ("a", "ä"), "bytes": b"\x00\xff"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_out_of_pickles_of_every_protocol(folder, protocol):
    ragged = np.array([[1, 2], [3]], dtype=object)
    arrays = [np.arange(6, dtype=np.uint8).reshape(2, 3), np.float32(0.5), ragged]
    (folder / "data.pkl").write_bytes(pickle.dumps([PLAIN, arrays], protocol))
    plain, (matrix, scalar, ragged) = _files.read(folder / "data.pkl")
    assert plain == PLAIN
    np.testing.assert_array_equal(matrix, arrays[0])
    assert scalar == np.float32(0.5) and scalar.dtype == np.float32
    assert ragged.tolist() == [[1, 2], [3]]


def test_arrays_come_out_of_python_2_pickles(folder, python2_pickle):
    matrix = np.arange(256, dtype=np.uint8).reshape(16, 16)
    raw = python2_pickle({"data": matrix, "ranks": [3, 1]})
    assert b"numpy.core.multiarray" in raw
    (folder / "data.pkl").write_bytes(raw)
    content = _files.read(folder / "data.pkl")
    np.testing.assert_array_equal(content["data"], matrix)
    assert content["ranks"] == [3, 1]


class Trap:
    def __reduce__(self):
        return os.mkdir, (self.place,)

    def __init__(self, place):
        self.place = str(place)


def test_a_pickle_that_runs_a_program_is_refused(folder, tmp_path):
    (folder / "bare.pkl").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(DataError, match=r"bare\.pkl: it asks for posix\.mkdir|asks for nt\.mkdir"):
        _files.read(folder / "bare.pkl")
    assert not (tmp_path / "sprung").exists()


def test_a_program_hidden_in_an_npz_is_refused(folder, tmp_path):
    objects = np.empty(1, dtype=object)
    objects[0] = Trap(tmp_path / "sprung")
    np.savez(folder / "trap.npz", x=objects)
    with pytest.raises(DataError, match="refusing"):
        _files.read(folder / "trap.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("function", ["builtins.eval", "numpy.load", "numpy.core.numeric.load"])
def test_functions_that_are_not_data_are_refused(folder, function):
    module, name = function.rsplit(".", 1)
    (folder / "data.pkl").write_bytes(f"c{module}\n{name}\n.".encode())
    with pytest.raises(DataError, match=function):
        _files.read(folder / "data.pkl")


def test_npz_keeps_ragged_lists_and_plain_arrays(folder):
    x = np.empty(2, dtype=object)
    x[:] = [[1, 2, 3], [4]]
    y = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.savez_compressed(folder / "data.npz", x=x, y=y)
    content = _files.read(folder / "data.npz")
    assert content["x"].tolist() == [[1, 2, 3], [4]]
    np.testing.assert_array_equal(content["y"], y)


WHOLE = pickle.dumps(list(range(1000)))
DAMAGED = {
    "empty.pkl": b"",
    "cut.pkl": WHOLE[:500],
    "noise.pkl": bytes(range(255, 0, -1)),
    "cut.pkl.gz": gzip.compress(WHOLE)[:-20],
    "cut.npz": b"PK\x03\x04" + bytes(50),
    "cut.json": b'{"the": 1,',
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_with_its_cure(folder, name):
    (folder / name).write_bytes(DAMAGED[name])
    with pytest.raises(DataError) as caught:
        _files.read(folder / name)
    assert str(folder / name) in str(caught.value)
    assert f"Delete {folder / name}" in str(caught.value)


def test_a_damaged_array_in_an_npz_is_named(folder):
    np.savez(folder / "data.npz", x=np.zeros(100))
    with zipfile.ZipFile(folder / "bad.npz", "w") as bag:
        with zipfile.ZipFile(folder / "data.npz") as whole:
            bag.writestr("x.npy", whole.read("x.npy")[:200])
    with pytest.raises(DataError, match=r"bad\.npz cannot be read"):
        _files.read(folder / "bad.npz")


def test_the_cure_for_one_of_many_files_is_about_their_folder(folder):
    place = folder / "cifar-10-batches-py"
    assert f"Delete {place} and" in _files.cure(place / "test_batch")


def test_wrong_parts_are_named(folder):
    np.savez(folder / "mnist.npz", x_train=np.zeros(3))
    with pytest.raises(DataError, match="does not hold x_train, y_train, x_test, y_test"):
        mnist.load_data()
    one = np.zeros(1)
    np.savez(folder / "mnist.npz", x_train=np.zeros(3), y_train=np.zeros(2), x_test=one, y_test=one)
    with pytest.raises(DataError, match=r"\[3, 2, 1, 1\] entries"):
        mnist.load_data()


def test_a_pickle_of_three_parts_is_not_mnist(folder):
    triple = tuple((np.zeros(2), np.zeros(2)) for _ in range(3))
    (folder / "mnist.pkl.gz").write_bytes(gzip.compress(pickle.dumps(triple)))
    with pytest.raises(DataError, match="holds 6 parts"):
        mnist.load_data()


def test_what_is_missing_and_cannot_be_downloaded_is_named_with_its_place(folder):
    with pytest.raises(DataError) as caught:
        mnist.load_data("mnist.pkl.gz")
    message = str(caught.value)
    assert "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz" in message
    assert str(folder / "mnist.npz") in message and "by other means" in message
    assert list(folder.iterdir()) == []


def test_idx_reads_any_number_of_axes(folder):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    (folder / "a.gz").write_bytes(gzip.compress(header + array.tobytes()))
    np.testing.assert_array_equal(_files.read_idx(folder / "a.gz"), array)
    (folder / "b.gz").write_bytes(gzip.compress(header + array.tobytes()[:-1]))
    with pytest.raises(DataError, match=r"b\.gz cannot be read"):
        _files.read_idx(folder / "b.gz")


@pytest.mark.parametrize("fraction", [-0.1, 1, float("nan")])
def test_fractions_lie_between_nothing_and_all(fraction):
    with pytest.raises(ArgumentError, match=r"test_split.*\[0, 1\)"):
        _files.checked_fraction("test_split", fraction)
