import gzip
import pickle
import tarfile

import numpy as np
import pytest

from numba_layers import config
from numba_layers.datasets import cifar10, cifar100, digits, fashion_mnist, mnist
from numba_layers.errors import ArgumentError, DataError, UnknownNameError


@pytest.fixture
def images():
    """`images(n, *shape)`: n random images of that shape and their labels."""
    random = np.random.default_rng(7)

    def make(n, *shape):
        return random.integers(0, 256, (n, *shape), dtype=np.uint8), random.integers(0, 10, n, dtype=np.uint8)

    return make


def assert_equal_pairs(found, expected):
    for found_pair, expected_pair in zip(found, expected, strict=True):
        for found_array, expected_array in zip(found_pair, expected_pair, strict=True):
            np.testing.assert_array_equal(found_array, expected_array)
            assert found_array.dtype == np.uint8


@pytest.mark.parametrize("path", ["mnist.npz", "mnist.pkl.gz"])
@pytest.mark.parametrize("stored", ["npz", "python 3", "python 2"])
def test_mnist_reads_whichever_file_is_there(folder, images, python2_pickle, path, stored):
    train, test = images(5, 28, 28), images(3, 28, 28)
    if stored == "npz":
        np.savez(folder / "mnist.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    else:
        pickled = python2_pickle((train, test)) if stored == "python 2" else pickle.dumps((train, test))
        (folder / "mnist.pkl.gz").write_bytes(gzip.compress(pickled))
    assert_equal_pairs(mnist.load_data(path), (train, test))


def test_mnist_takes_a_path_of_its_own(folder, tmp_path, images):
    train, test = images(5, 28, 28), images(3, 28, 28)
    np.savez(tmp_path / "mine.npz", x_train=train[0], y_train=train[1], x_test=test[0], y_test=test[1])
    assert_equal_pairs(mnist.load_data(str(tmp_path / "mine.npz")), (train, test))


def test_fashion_mnist(folder, images):
    train, test = images(5, 28, 28), images(3, 28, 28)
    (folder / "fashion-mnist").mkdir()
    for part, (x, y) in (("train", train), ("t10k", test)):
        for name, array in ((f"{part}-images-idx3-ubyte.gz", x), (f"{part}-labels-idx1-ubyte.gz", y)):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            (folder / "fashion-mnist" / name).write_bytes(gzip.compress(header + array.tobytes()))
    assert_equal_pairs(fashion_mnist.load_data(), (train, test))


@pytest.fixture
def write_cifar(python2_pickle):
    def write(place, batches, label_key):
        place.mkdir(parents=True)
        for name, (x, y) in batches.items():
            content = {"data": x.reshape(len(x), -1), label_key: y.tolist(), "batch_label": name}
            (place / name).write_bytes(python2_pickle(content))

    return write


@pytest.fixture
def cifar10_batches(images):
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    return {name: images(2, 3, 32, 32) for name in names}


@pytest.mark.parametrize("stored", ["", "cifar-10-batches-py.tar.gz", "cifar-10-python.tar.gz"])
def test_cifar10_reads_folder_or_archive(folder, tmp_path, cifar10_batches, write_cifar, stored):
    base = tmp_path / "elsewhere" if stored else folder
    write_cifar(base / "cifar-10-batches-py", cifar10_batches, "labels")
    if stored:
        with tarfile.open(folder / stored, "w:gz") as tar:
            tar.add(base / "cifar-10-batches-py", "cifar-10-batches-py")
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert x_train.shape == (10, 32, 32, 3) and y_train.shape == (10, 1) and x_train.flags.c_contiguous
    for i in range(5):
        x, y = cifar10_batches[f"data_batch_{i + 1}"]
        np.testing.assert_array_equal(x_train[2 * i : 2 * i + 2], x.transpose(0, 2, 3, 1))
        np.testing.assert_array_equal(y_train[2 * i : 2 * i + 2, 0], y)
    np.testing.assert_array_equal(x_test, cifar10_batches["test_batch"][0].transpose(0, 2, 3, 1))
    assert y_test.dtype == np.uint8


def test_cifar10_follows_the_data_format(folder, cifar10_batches, write_cifar, monkeypatch):
    monkeypatch.setattr(config._settings, "image_data_format", "channels_first")
    write_cifar(folder / "cifar-10-batches-py", cifar10_batches, "labels")
    np.testing.assert_array_equal(cifar10.load_data()[1][0], cifar10_batches["test_batch"][0])


def test_cifar10_names_what_an_incomplete_folder_lacks(folder, cifar10_batches, write_cifar):
    write_cifar(folder / "cifar-10-batches-py", cifar10_batches, "labels")
    (folder / "cifar-10-batches-py" / "data_batch_3").unlink()
    with pytest.raises(DataError, match=r"data_batch_3 cannot be read.*Delete \S*cifar-10-batches-py and"):
        cifar10.load_data()


def test_cifar100_labels(folder, images, write_cifar):
    batches = {"train": images(4, 3, 32, 32), "test": images(2, 3, 32, 32)}
    write_cifar(folder / "cifar-100-python", batches, "coarse_labels")
    (x_train, y_train), (_, y_test) = cifar100.load_data("coarse")
    np.testing.assert_array_equal(x_train, batches["train"][0].transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(y_train[:, 0], batches["train"][1])
    assert y_test.shape == (2, 1)
    with pytest.raises(DataError, match="no CIFAR batch with 'fine_labels'"):
        cifar100.load_data()
    with pytest.raises(UnknownNameError, match="Did you mean 'coarse'"):
        cifar100.load_data("course")


def test_digits_are_always_there():
    (x_train, y_train), (x_test, y_test) = digits.load_data(seed=None)
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.min() == 0 and x_train.max() == 16
    everything = np.concatenate([y_train, y_test])
    assert np.bincount(everything).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert everything[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert int(x_train[0].sum()) == 294     # the first image, as scikit-learn shows it
    assert np.bincount(y_test).min() >= 30


def test_digits_split():
    (x_train, y_train), (x_test, _) = digits.load_data(test_fraction=0.2, seed=3)
    (ordered, _), _ = digits.load_data(seed=None)
    assert len(x_train) == 1437 and not np.array_equal(x_train, ordered)
    np.testing.assert_array_equal(digits.load_data(seed=3)[0][0], x_train)
    np.testing.assert_array_equal(digits.load_data()[0][0], digits.load_data(seed=0)[0][0])
    (a, _), (b, _) = digits.load_data(seed=None)
    both, plain = (np.concatenate(pair).reshape(-1, 64) for pair in ((x_train, x_test), (a, b)))
    assert sorted(map(bytes, both)) == sorted(map(bytes, plain))
    assert len(digits.load_data(test_fraction=0)[1][0]) == 0
    with pytest.raises(ArgumentError, match="test_fraction"):
        digits.load_data(test_fraction=20)


@pytest.mark.parametrize("seed, right", [(None, 344 / 360), (0, 354 / 360)])
def test_digits_are_as_hard_as_the_docstring_says(seed, right):
    (x_train, y_train), (x_test, y_test) = digits.load_data(seed=seed)
    train, test = (x.reshape(len(x), 64).astype("float64") for x in (x_train, x_test))
    distance = (train**2).sum(axis=1) - 2 * test @ train.T
    assert np.mean(y_train[distance.argmin(axis=1)] == y_test) == pytest.approx(right)
