"""Caches that travel: packs hold what they say, and what is damaged, foreign or hostile leaves the cache as it was."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from numba import prange

from numba_layers.errors import ArgumentError, FileError
from numba_layers.kernels import cache, level, pack, store
from numba_layers.kernels.cpu.compile import CpuKernel


def doubled(x, y):
    for i in prange(x.size):
        y[i] = x[i] + x[i]


def halved(x, y):
    for i in prange(x.size):
        y[i] = x[i] / 2


def launched(function, folder, monkeypatch):
    """What a newly made kernel answers to 4, and its hits in a folder."""
    monkeypatch.setenv("NUMBA_LAYERS_CACHE_DIR", str(folder))
    kernel, y = CpuKernel(function, function.__name__, {}), np.zeros(1, np.float32)
    kernel.serial(np.full(1, 4, np.float32), y)
    return y[0], kernel.serial._cache.hits


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with two kernels."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("warm")
        assert launched(doubled, folder, monkeypatch) == (8, 0) and launched(halved, folder, monkeypatch) == (2, 0)
    return folder


@pytest.fixture
def packed(warm, tmp_path):
    assert pack.pack(tmp_path / "kernels.pack", warm) == 2
    return tmp_path / "kernels.pack"


def rewritten(packed, change):
    """A pack of what `change` makes of the contents of one, a dictionary of bytes; the list is a dictionary in it."""
    with zipfile.ZipFile(packed) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(contents[pack.LIST])
    change(contents, about)
    with zipfile.ZipFile(packed, "w") as archive:
        if pack.LIST in contents:
            contents[pack.LIST] = json.dumps(about)
        for name, content in contents.items():
            archive.writestr(name, content)
    return packed


def refused(packed, folder, **options):
    """The error of a pack; nothing is left of it in the folder, which has a kernel of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.kernel").write_text("own")
    with pytest.raises(FileError) as caught:
        pack.unpack(packed, folder, **options)
    assert [file.name for file in folder.iterdir()] == ["own.kernel"]
    assert str(packed) in str(caught.value)
    return str(caught.value)


def test_there_and_back(packed, warm, tmp_path, monkeypatch):
    """A pack has the very files, and kernels load from where it was unpacked."""
    target = tmp_path / "new" / "cache"
    assert pack.unpack(packed, target) == 2
    assert ({file.name: file.read_bytes() for file in target.iterdir()}
            == {file.name: file.read_bytes() for file in warm.iterdir()})
    assert launched(doubled, target, monkeypatch) == (8, 1) and launched(halved, target, monkeypatch) == (2, 1)


def test_what_is_of_no_use_here_is_not_packed(warm, tmp_path):
    folder = tmp_path / "some"
    shutil.copytree(warm, folder)
    old, damaged = store.files(folder)
    about = store.read_about(old) | {"versions": cache.versions() | {"numba": "0.1"}}
    old.write_bytes(store.content_of(b"", about))
    assert pack.pack(tmp_path / "kernels.pack", folder) == 1
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(ArgumentError, match="no kernels that can be used"):
        pack.pack(tmp_path / "kernels.pack", folder)
    with pytest.raises(ArgumentError, match="no kernels for armv8, x86-64-v2 that"):
        pack.pack(tmp_path / "kernels.pack", warm, ["armv8", "x86-64-v2"])


def test_every_byte_counts(packed, warm, tmp_path):
    """Whatever byte of a pack is another one, or its end is missing: it is refused, or the kernels are the same."""
    content, folder = packed.read_bytes(), tmp_path / "cache"
    good = {file.name: file.read_bytes() for file in warm.iterdir()}
    places = np.random.RandomState(0).randint(len(content), size=150)
    damaged = [content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1:] for place in places]
    kinds = set()
    for case in [*damaged, *(content[:place] for place in places[:50]), b"", b"PK\5\6" + 18 * b"\0"]:
        packed.write_bytes(case)
        try:
            pack.unpack(packed, folder)
        except FileError:
            kinds.add("refused")
            assert not folder.exists() or not list(folder.iterdir())
        else:       # a byte that no reader looks at
            kinds.add("the same")
            assert {file.name: file.read_bytes() for file in folder.iterdir()} == good
            shutil.rmtree(folder)
    assert "refused" in kinds


@pytest.mark.parametrize("name", ["../out.kernel", "/tmp/out-{0}.kernel", "a/b-{0}.kernel", "..\\out-{0}.kernel",
                                  "thesis.tex", "out-{0}.kernel\n", "out-{1}.kernel"])
def test_names_stay_in_the_folder(packed, tmp_path, name):
    name = name.format("0" * 32, "0" * 31)

    def change(contents, about):
        given = next(iter(about["files"]))
        contents[name], about["files"][name] = contents.pop(given), about["files"].pop(given)

    assert "its list does not name what is in it" in refused(rewritten(packed, change), tmp_path / "deep" / "cache")
    assert not (tmp_path / "out.kernel").exists()


@pytest.mark.parametrize("change, words", [
    (lambda contents, about: contents.pop(pack.LIST), "no list of its kernels"),
    (lambda contents, about: about.pop("files"), "no list of its kernels"),
    (lambda contents, about: about.update(files=[]), "its list does not name"),
    (lambda contents, about: contents.update(more=b""), "its list does not name"),
    (lambda contents, about: contents.pop(next(iter(about["files"]))), "its list does not name"),
    (lambda contents, about: about.update(format=2), "format 2, this version reads 1"),
    (lambda contents, about: about["versions"].update(numba="0.1"), "kernels for numba 0.1, here is numba "),
    (lambda contents, about: about["versions"].pop("python"), "kernels for python None, here is python cpython"),
    (lambda contents, about: about.update(levels=["x86-64-v9"]), "for x86-64-v9, which this processor does not run"),
    (lambda contents, about: about.update(levels=[["x"]]), "its list does not name"),
    (lambda contents, about: about.update(levels=[]), "another kernel than it is said to be"),
    (lambda contents, about: about["files"].update(dict.fromkeys(about["files"], "0")), "not what its checksum says")])
def test_lists_that_do_not_fit(packed, tmp_path, change, words):
    assert words in refused(rewritten(packed, change), tmp_path / "cache")


def test_one_kernel_under_anothers_name(packed, tmp_path):
    """Though all checksums are right."""
    def change(contents, about):
        one, other = about["files"]
        contents[one], contents[other] = contents[other], contents[one]
        about["files"] = {one: about["files"][other], other: about["files"][one]}

    assert "another kernel than it is said to be" in refused(rewritten(packed, change), tmp_path / "cache")


def test_a_kernel_of_other_versions_in_a_list_of_these(packed, tmp_path):
    def change(contents, about):
        name = next(iter(about["files"]))
        said = store.about(contents[name])
        contents[name] = store.content_of(b"", said | {"versions": said["versions"] | {"llvmlite": "0.1"}})
        about["files"][name] = pack.hashlib.sha256(contents[name]).hexdigest()

    assert "another kernel than it is said to be" in refused(rewritten(packed, change), tmp_path / "cache")


def test_a_file_that_grows_without_end(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "LARGEST", 5000)
    assert "cannot be read" in refused(packed, tmp_path / "cache")


def test_levels_of_other_machines_are_taken_when_they_are_named(warm, tmp_path):
    higher = "armv8" if level.NAME.startswith("x86") else "x86-64-v2"
    folder = tmp_path / "theirs"
    folder.mkdir()
    for file in store.files(warm):
        content = file.read_bytes()
        (folder / file.name).write_bytes(store.content_of(store.payload_of(content),
                                                          store.about(content) | {"level": higher}))
    pack.pack(tmp_path / "kernels.pack", folder)
    assert f"cache unpack --level {higher} ..." in refused(tmp_path / "kernels.pack", tmp_path / "cache")
    assert pack.unpack(tmp_path / "kernels.pack", tmp_path / "cache", levels=[higher]) == 2


def test_places_that_cannot_be(packed, warm, tmp_path):
    assert "cannot be read: No such file" in refused(tmp_path / "absent", tmp_path / "cache")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="file cannot be written"):
        pack.unpack(packed, tmp_path / "file")
    with pytest.raises(FileError, match="kernels.pack cannot be written"):
        pack.pack(tmp_path / "absent" / "kernels.pack", warm)


def test_what_an_interrupt_left_goes(packed, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(pack.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack.unpack(packed, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
