"""HDF5 files are read for what they hold themselves, and written whole or not at all."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from numba_layers.errors import ArgumentError, FileError
from numba_layers.layers import Dense
from numba_layers.models import Sequential
from numba_layers.utils import hdf5, superblock

SHAPE = 5, 4


def external(group, folder):
    group["x"] = h5py.ExternalLink(str(folder / "other.h5"), "/x")


def pipe(group, folder):
    group["x"] = h5py.ExternalLink(str(folder / "pipe"), "/x")


def external_by_soft(group, folder):
    group["away"] = h5py.ExternalLink(str(folder / "other.h5"), "/")
    group["x"] = h5py.SoftLink("away/x")


def soft_ring(group, folder):
    group["x"] = h5py.SoftLink("x")


def storage(group, folder):
    group.create_dataset("x", shape=SHAPE, dtype="f4", external=[(str(folder / "pipe"), 0, 80)])


def virtual(group, folder):
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="f4")
    layout[...] = h5py.VirtualSource(str(folder / "other.h5"), "x", shape=SHAPE)
    group.create_virtual_dataset("x", layout)


def virtual_of_a_pipe(group, folder):
    """Without bounds: asking for its shape alone opens the file that it stands for."""
    layout = h5py.VirtualLayout(shape=SHAPE, dtype="f4", maxshape=(None, 4))
    source = h5py.VirtualSource(str(folder / "pipe"), "x", shape=SHAPE, maxshape=(None, 4))
    layout[:h5py.h5s.UNLIMITED, :] = source[:h5py.h5s.UNLIMITED, :]
    group.create_virtual_dataset("x", layout)


@pytest.mark.parametrize("make, says", [
    (external, "'x' is a link to elsewhere.*other.h5"), (pipe, "'x' is a link to elsewhere.*pipe"),
    (external_by_soft, "'away/x' is a link to elsewhere"), (soft_ring, "'x' is a link to elsewhere"),
    (storage, "'x' lie in other files"), (virtual, "'x' lie in other files"),
    (virtual_of_a_pipe, "'x' lie in other files")])
@pytest.mark.parametrize("place", ["/", "model_weights/layer"])
def test_nothing_of_other_files_is_read(make, says, place, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones(SHAPE, "f4")
    with h5py.File(tmp_path / "x.h5", "w", libver="latest") as file:
        make(file.require_group(place), tmp_path)
    with hdf5.opened(tmp_path / "x.h5") as file, pytest.raises(FileError, match=f"x.h5': .*{says}"):
        file.group(place).array("x")


def test_links_within_the_file_are_followed(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b/x"] = np.arange(3)
        file["soft"] = h5py.SoftLink("/a/b")
        file["a/near"] = h5py.SoftLink("b/x")
        file["hard"] = file["a"]
    with hdf5.opened(tmp_path / "x.h5") as file:
        for path in ("soft/x", "a/near", "hard/near", "/a/./b//x"):
            np.testing.assert_array_equal(file.array(path).read(), [0, 1, 2])
        assert "soft/x" in file and "soft/y" not in file and "a/b/x/y" not in file and "a/x" not in file
        with pytest.raises(FileError, match="no group 'a/b/x'"):
            file.group("a/b/x")
        with pytest.raises(FileError, match="no data set 'a'"):
            file.array("a")


ZEROS = np.zeros((3000, 3000), "u1")


@pytest.mark.parametrize("options", [
    {"shape": (10**8, 4), "dtype": "f4", "chunks": (1000, 4)}, {"shape": (10**9, 4), "dtype": "f8"},
    {"shape": SHAPE, "dtype": "f4"}, {"shape": (10**12, 10**5), "dtype": "f4", "chunks": (5, 4), "compression": "gzip"},
    {"data": np.ones(SHAPE), "chunks": (10**4, 10**3), "maxshape": (None, None), "compression": "gzip"},
    {"data": h5py.Empty("f4")}])
def test_sizes_without_numbers_behind_them(options, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", **options)
    with hdf5.opened(tmp_path / "x.h5") as file, pytest.raises(FileError, match="made to take memory|is empty"):
        file.array("x")


def test_what_was_packed_may_not_fill_the_memory(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name in "abcdefgh":
            file.create_dataset(name, data=ZEROS, compression="gzip")
        file["plain"] = np.random.RandomState(0).rand(10**5)
    with hdf5.opened(tmp_path / "x.h5") as file, pytest.raises(FileError, match="made to take memory"):
        for name in "abcdefgh":
            file.array(name).claim()
    with hdf5.opened(tmp_path / "x.h5") as file, pytest.raises(FileError, match="made to take memory"):
        for _ in range(4):
            file.array("plain").read()
    with hdf5.opened(tmp_path / "x.h5", beside=8 * ZEROS.nbytes) as file:
        assert all(np.array_equal(file.array(name).read(), ZEROS) for name in "abcdefgh")


@pytest.mark.parametrize("value, says", [
    (h5py.Empty("f4"), "neither text nor numbers"), (True, "neither"), (2j, "neither"), (5, "holds .*5.*expected text"),
    (np.array([[b"a"]]), "expected text"), ([1.5], "expected text")])
def test_lists_of_names_that_are_none(value, says, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["names"] = value
        file.attrs.create("region", file.create_dataset("r", data=ZEROS).regionref[:2], dtype=h5py.regionref_dtype)
        file.attrs["twice"] = np.array([b"a/b", b"./a//b"])
    with hdf5.opened(tmp_path / "x.h5") as file:
        with pytest.raises(FileError, match=f"attribute 'names' .*{says}"):
            file.texts("names")
        with pytest.raises(FileError, match="attribute 'region' is neither"):
            file.text("region")
        with pytest.raises(FileError, match="attribute 'twice' lists a place twice"):
            file.paths("twice")


@pytest.mark.parametrize("value", [-1, 4, 2**62, 1.0, b"1", np.array([1])])
def test_counts_are_compared_with_what_there_is(value, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["count"] = value
    with hdf5.opened(tmp_path / "x.h5") as file, pytest.raises(FileError, match="expected a whole number from 0 to 3"):
        file.number("count", most=3)


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name, says in (("pipe", "device or a pipe"), ("link", "device or a pipe"), (".", "is a folder"),
                       ("/dev/null", "device"), ("absent", "there is no file"), ("a\0b", "there is no file"),
                       ("a" * 300, "there is no file")):
        with pytest.raises(FileError, match=says), hdf5.opened(tmp_path / name):
            pass
    with pytest.raises(ArgumentError, match="name of a file, got 5"), hdf5.opened(5):
        pass


# -- writing -------------------------------------------------------------------------------------------------------

def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link.h5").symlink_to("there/target.h5")
    for number in (1, 2):       # the target appears, then is replaced
        with hdf5.written(tmp_path / "link.h5") as file:
            file["x"] = number
        assert (tmp_path / "link.h5").is_symlink()
        with hdf5.opened(tmp_path / "there" / "target.h5") as file:
            assert file.array("x").read() == number
    assert sorted(os.listdir(tmp_path / "there")) == ["target.h5"]


def test_where_nothing_is_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "ring").symlink_to("ring")
    (tmp_path / "to_pipe").symlink_to("pipe")
    (tmp_path / "to_folder").symlink_to(".")
    before = sorted(os.listdir(tmp_path))
    for name in ("pipe", "ring", "to_pipe", "to_folder", ".", "/dev/null", "absent/x.h5", "a\0b", "x" * 300):
        with pytest.raises(FileError) as raised, hdf5.written(tmp_path / name) as file:
            file["x"] = 1
        assert isinstance(raised.value, OSError)
    assert sorted(os.listdir(tmp_path)) == before


def test_a_name_as_long_as_names_may_be_and_the_permissions_of_the_file_before(tmp_path):
    path = tmp_path / ("ä" * 127)
    path.write_bytes(b"")
    path.chmod(0o640)
    with hdf5.written(path) as file:
        file["x"] = 1
    assert path.stat().st_mode & 0o777 == 0o640 and h5py.is_hdf5(path)


@pytest.mark.parametrize("save", ["model.save(path)", "model.save_weights(path)", "keeper.on_epoch_end(0, {})"])
def test_a_full_disk(save, tmp_path):
    """A bound for a file's size stands in for a full disk: an OSError each time, the old file, and an end in peace."""
    script = f"""
        import resource, sys
        import numpy as np
        from numba_layers.callbacks import ModelCheckpoint
        from numba_layers.layers import Dense
        from numba_layers.models import Sequential
        path = sys.argv[1]
        model = Sequential([Dense(100, input_shape=(100,))])
        keeper = ModelCheckpoint(path)
        keeper.set_model(model)
        {save}
        content = open(path, "rb").read()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, resource.RLIM_INFINITY))
        for _ in range(2):
            try:
                {save}
            except OSError as error:
                assert str(error).count(path) == 1 and "too large" in str(error) and error.errno == 27, error
            else:
                raise AssertionError("saved")
        assert open(path, "rb").read() == content
    """
    path = tmp_path / "model.h5"
    finished = subprocess.run([sys.executable, "-c", textwrap.dedent(script), path], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("owner, name, saves", [
    (h5py, "File", True), (h5py.Group, "require_group", True), (os, "replace", True), (Path, "exists", True),
    (h5py, "File", False), (h5py.h5g, "open", False), (np, "empty", False)])
@pytest.mark.parametrize("kind", [TimeoutError, ValueError])
def test_what_a_handler_of_signals_raises_comes_out_as_itself(owner, name, saves, kind, tmp_path, monkeypatch):
    """What raises in the place of a library's function stands in for a handler that is called in the middle of it."""
    def handler(*arguments, **options):
        raise kind("time is up")

    path = tmp_path / "weights.h5"
    model = Sequential([Dense(2, input_shape=(3,))])
    model.save_weights(path)
    content = path.read_bytes()
    with monkeypatch.context() as patched, pytest.raises(kind, match="^time is up$"):
        patched.setattr(owner, name, handler)
        (model.save_weights if saves else model.load_weights)(path)
    assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


# -- superblocks ---------------------------------------------------------------------------------------------------


def test_checksums_of_superblocks(tmp_path):
    """What HDF5 before 2.0 leaves wrong is put right, and all else left as it is."""
    assert superblock.lookup3(b"Four score and seven years ago") == 0x17770551      # as lookup3.c tells
    for version, libver in (2, ("v108", "v108")), (0, "earliest"):
        with h5py.File(tmp_path / "any.h5", "w", libver=libver) as file:
            file["x"] = np.arange(3)
        right = (tmp_path / "any.h5").read_bytes()[:superblock.SUPERBLOCK]
        assert right[8] == version and superblock.mended(right) == right
        if version:
            assert superblock.mended(right[:44] + b"????" + right[48:]) == right
