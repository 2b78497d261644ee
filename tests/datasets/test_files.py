import gzip
import os
import pickle
import zipfile

import numpy as np
import pytest

from numba_layers.datasets import _files, imdb, mnist, reuters
from numba_layers.errors import ArgumentError, DataError

PLAIN = {"numbers": [1, 2.5, True, None], "text": ("a", "ä"), "bytes": b"\x00\xff", "empty": b""}


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


DTYPE = b"cnumpy\ndtype\n(S'%s'\nI0\nI1\ntR(I3\nS'<'\n%sI-1\nI-1\nI0\ntb"
PLAIN_TYPE = b"NNN"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n%s%sI0\n%stb."
POINTERS = b"S'AAAAAAAABBBBBBBB'\n"
FIELDS = b"N(S'a'\nt(dS'a'\n(" + DTYPE % (b"O8", PLAIN_TYPE) + b"I0\nts"    # parts of a type that hides objects
REFUSED = {
    "objects from bytes": ARRAY % (b"(I2\nt", DTYPE % (b"O8", PLAIN_TYPE), POINTERS),
    "too few objects": ARRAY % (b"(I2\nt", DTYPE % (b"O8", PLAIN_TYPE), b"(lI1\na"),
    "objects in a record": ARRAY % (b"(I2\nt", DTYPE % (b"V8", FIELDS), POINTERS),
    "objects in a number": ARRAY % (b"(I2\nt", DTYPE % (b"i8", FIELDS), POINTERS),
    "objects from a buffer": b"cnumpy.core.numeric\n_frombuffer\n(%s%s(I2\ntS'C'\ntR." % (
        POINTERS, DTYPE % (b"O8", PLAIN_TYPE)),
    "an object from bytes": b"cnumpy.core.multiarray\nscalar\n(%sS'AAAAAAAA'\ntR." % DTYPE % (b"O8", PLAIN_TYPE),
    "an array made by its class": b"cnumpy\nndarray\n((I2\nt%stR." % DTYPE % (b"O8", PLAIN_TYPE),
    "a shape without bytes": ARRAY % (b"(I1000000\nI1000000\nt", DTYPE % (b"f8", PLAIN_TYPE), POINTERS),
    "an odd shape": ARRAY % (b"(I-2\nt", DTYPE % (b"f8", PLAIN_TYPE), POINTERS),
    "a buffer of another size": b"cnumpy.core.numeric\n_frombuffer\n(%s%s(I3\ntS'C'\ntR." % (
        POINTERS, DTYPE % (b"i8", PLAIN_TYPE)),
    "times": ARRAY % (b"(I2\nt", DTYPE % (b"M8", PLAIN_TYPE), POINTERS),
    "entry 4 billion of the memo": b"]r\xff\xff\xff\xff.",
    "the same in decimals": b"(lp4294967295\n.",
    "a longer text than the file": b"X\xff\xff\xff\x7fabc.",
    "something behind the end": b"]..",
}


@pytest.mark.parametrize("name", REFUSED)
def test_pickles_that_lie_about_their_arrays(folder, name):
    (folder / "data.pkl").write_bytes(REFUSED[name])
    with pytest.raises(DataError, match=r"data\.pkl"):
        _files.read(folder / "data.pkl")


def test_the_pickles_above_are_read_when_they_tell_the_truth(folder):
    """So that it is their lies that are refused."""
    (folder / "data.pkl").write_bytes(ARRAY % (b"(I2\nt", DTYPE % (b"i8", PLAIN_TYPE), POINTERS))
    assert _files.read(folder / "data.pkl").tolist() == [0x4141414141414141, 0x4242424242424242]
    (folder / "data.pkl").write_bytes(ARRAY % (b"(I1\nt", DTYPE % (b"O8", PLAIN_TYPE), b"(lI1\na"))
    assert _files.read(folder / "data.pkl").tolist() == [1]


def test_every_damaged_byte_of_an_archive_shows(folder):
    """Checksums and lengths are compared to the end: the same data come out, or an error."""
    x, y = np.arange(784 * 2, dtype=np.uint8).reshape(2, 28, 28), np.arange(2, dtype=np.uint8)
    parts = {"x_train": x, "y_train": y, "x_test": x[:1], "y_test": y[:1]}
    np.savez_compressed(folder / "mnist.npz", **parts)
    whole = {"mnist.npz": (folder / "mnist.npz").read_bytes(),
             "mnist.pkl.gz": gzip.compress(pickle.dumps(((x, y), (x[:1], y[:1])), 2))}
    (folder / "mnist.npz").unlink()
    random, refused = np.random.RandomState(3), 0
    for name, content in whole.items():
        for place in random.permutation(len(content))[:300]:
            damaged = bytearray(content)
            damaged[place] ^= 1 << random.randint(8)
            (folder / name).write_bytes(damaged)
            try:
                (x_train, y_train), (x_test, y_test) = mnist.load_data(name)
            except DataError as error:
                assert str(folder / name) in str(error)
                refused += 1
            else:
                for part, array in zip((x_train, y_train, x_test, y_test), parts.values()):
                    np.testing.assert_array_equal(part, array)
        (folder / name).unlink()
    assert refused > 300


@pytest.mark.parametrize("load, name, content", [
    (imdb.load_data, "imdb_full.pkl", (([[1, 2], [3, 70000]] * 9, [0, 1] * 9), ([[4], [5]], [1, 0]))),
    (reuters.load_data, "reuters.pkl", ([[1, 2], [3, 70000]] * 9, [0, 1] * 9)),
    (imdb.get_word_index, "imdb_word_index.pkl", {"a": 1, "the": 2})])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_damaged_pickles_are_data_or_errors(folder, load, name, content, protocol):
    whole = pickle.dumps(content, protocol)
    random = np.random.RandomState(5)
    (folder / name).write_bytes(whole)
    load(name)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in random.randint(len(whole), size=random.randint(1, 4)):
            damaged[place] = random.randint(256)
        (folder / name).write_bytes(damaged)
        try:
            load(name)
        except DataError as error:
            assert str(folder / name) in str(error)


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "mnist.npz")
    for read in (mnist.load_data, lambda: _files.read_idx(folder / "mnist.npz")):
        with pytest.raises(DataError, match=r"mnist\.npz: it is a folder, a device or a pipe"):
            read()


def test_what_inflates_beyond_all_data_sets(folder, monkeypatch):
    monkeypatch.setattr(_files, "MOST_ALWAYS", 1 << 16)
    np.savez_compressed(folder / "bomb.npz", x=np.zeros(1 << 20))
    (folder / "bomb.pkl.gz").write_bytes(gzip.compress(pickle.dumps(bytes(1 << 20))))
    (folder / "bomb.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 16, 0, 0]) + bytes(1 << 20)))
    for read, name in ((_files.read, "bomb.npz"), (_files.read, "bomb.pkl.gz"), (_files.read_idx, "bomb.gz")):
        with pytest.raises(DataError, match="inflates to more than"):
            read(folder / name)


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
    with pytest.raises(DataError, match=r"bad\.npz: x\.npy says that it has shape \(100,\)"):
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
