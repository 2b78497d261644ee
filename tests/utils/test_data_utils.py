import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from numba_layers.errors import ArgumentError, DataError, UnknownNameError
from numba_layers.utils.data_utils import get_file, validate_file

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty Keras folder."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def origin(tmp_path):
    """Address of a file with CONTENT."""
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    return source.as_uri()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/short":
            self.send_error(404, "nothing here")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """Address of a server that knows /short, an answer that ends too early."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def make_tar(path, members, mode="w:gz"):
    """A tar of `members`: name -> bytes, or a TarInfo as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


def test_downloads_once(home, origin, tmp_path, capsys):
    path = get_file("a.bin", origin)
    assert path == str(home / "datasets" / "a.bin")
    assert (home / "datasets" / "a.bin").read_bytes() == CONTENT
    assert "a.bin" in capsys.readouterr().err      # the progress bar
    (tmp_path / "source.bin").unlink()
    assert get_file("a.bin", origin) == path
    assert [entry.name for entry in (home / "datasets").iterdir()] == ["a.bin"]


@pytest.mark.parametrize("hashes", [{"file_hash": SHA256}, {"file_hash": MD5.upper()}, {"md5_hash": MD5}])
def test_a_stale_file_is_downloaded_again(home, origin, hashes):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a.bin").write_bytes(b"stale")
    assert get_file("a.bin", origin) and (home / "datasets" / "a.bin").read_bytes() == b"stale"
    with pytest.warns(UserWarning, match="does not hash to"):
        get_file("a.bin", origin, **hashes)
    assert (home / "datasets" / "a.bin").read_bytes() == CONTENT


def test_a_download_with_the_wrong_hash_leaves_nothing(home, origin):
    with pytest.raises(DataError, match="is not 0000"):
        get_file("a.bin", origin, file_hash="0" * 64)
    assert list((home / "datasets").iterdir()) == []


def test_a_failed_refresh_leaves_the_old_file(home, origin):
    (home / "datasets").mkdir(parents=True)
    (home / "datasets" / "a.bin").write_bytes(b"stale")
    with pytest.warns(UserWarning), pytest.raises(DataError):
        get_file("a.bin", origin + ".missing", file_hash=SHA256)
    assert (home / "datasets" / "a.bin").read_bytes() == b"stale"


@pytest.mark.parametrize("page, reason", [("missing", "404"), ("short", "after 1000 of 256000 bytes")])
def test_a_failed_download_says_what_to_do(home, server, page, reason):
    with pytest.raises(DataError, match=reason) as caught:
        get_file("a.bin", f"{server}/{page}")
    assert f"{server}/{page}" in str(caught.value)
    assert f"put it at {home / 'datasets' / 'a.bin'}" in str(caught.value)
    assert list((home / "datasets").iterdir()) == []


def test_an_interrupted_download_leaves_nothing(home, origin, monkeypatch):
    monkeypatch.setattr("numba_layers.utils.data_utils._copy", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get_file("a.bin", origin)
    assert list((home / "datasets").iterdir()) == []


def interrupted(origin, file, label):
    file.write(b"half")
    raise KeyboardInterrupt


def test_no_address(home):
    with pytest.raises(ArgumentError, match="'nowhere'"):
        get_file("a.bin", "nowhere")


def test_a_folder_that_cannot_be_made_is_named(home, origin):
    home.write_text("a file in the way")
    with pytest.raises(DataError, match="Set KERAS_HOME"):
        get_file("a.bin", origin)


def test_places(home, origin, tmp_path):
    assert get_file("a.bin", origin, cache_subdir="models") == str(home / "models" / "a.bin")
    assert get_file("a.bin", origin, cache_dir=tmp_path / "b") == str(tmp_path / "b" / "datasets" / "a.bin")
    assert get_file(str(tmp_path / "c" / "a.bin"), origin) == str(tmp_path / "c" / "a.bin")


def test_untar_gives_the_folder(home, tmp_path):
    make_tar(tmp_path / "source.tar.gz", {"things/a": b"1", "things/deep/b": b"2", "beside": b"3"})
    origin = (tmp_path / "source.tar.gz").as_uri()
    assert get_file("things", origin, untar=True) == str(home / "datasets" / "things")
    assert (home / "datasets" / "things" / "deep" / "b").read_bytes() == b"2"
    assert sorted(entry.name for entry in (home / "datasets").iterdir()) == ["things", "things.tar.gz"]
    (home / "datasets" / "things.tar.gz").unlink()
    (tmp_path / "source.tar.gz").unlink()
    assert get_file("things", origin, untar=True) == str(home / "datasets" / "things")


def test_untar_needs_the_folder_it_was_promised(home):
    make_tar(home / "datasets" / "things.tar.gz", {"others/a": b"1"})
    with pytest.raises(DataError, match=r"no tar archive that holds things\."):
        get_file("things", "file:///nowhere", untar=True)
    assert [entry.name for entry in (home / "datasets").iterdir()] == ["things.tar.gz"]


def test_a_cut_archive_leaves_no_half_folder(home):
    archive = home / "datasets" / "things.tar.gz"
    noise = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(5000))
    make_tar(archive, {f"things/{i}": noise[i:] for i in range(3)})
    archive.write_bytes(archive.read_bytes()[:-5000])
    with pytest.raises(DataError, match=r"things\.tar\.gz is damaged"):
        get_file("things", "file:///nowhere", untar=True)
    assert [entry.name for entry in (home / "datasets").iterdir()] == ["things.tar.gz"]


@pytest.mark.parametrize("name", ["../escaped", "/tmp/numba_layers_escaped", "things/../../escaped"])
def test_archives_stay_in_their_folder(home, tmp_path, name):
    make_tar(home / "datasets" / "things.tar.gz", {"things/a": b"1", name: b"2"})
    with pytest.raises(DataError, match="outside"):
        get_file("things", "file:///nowhere", untar=True)
    with zipfile.ZipFile(home / "datasets" / "things.zip", "w") as bag:
        bag.writestr(name, b"2")
    with pytest.raises(DataError, match="outside"):
        get_file("things.zip", "file:///nowhere", extract=True)
    assert not list(tmp_path.rglob("*escaped"))


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bag:
        for name, content in members.items():
            bag.writestr(name, content)


@pytest.mark.parametrize("name, make", [("a.tar.gz", make_tar), ("a.zip", zipped)])
def test_every_damaged_byte_of_an_archive_shows(home, name, make):
    """What is unpacked is right, or nothing is and an error says why: checksums are compared to the end."""
    folder = home / "datasets"
    folder.mkdir(parents=True)
    contents = {"one": bytes(range(256)), "deep/two": b"2" * 700}
    make(folder / name, contents)
    whole, refused = (folder / name).read_bytes(), 0
    random = np.random.RandomState(1)
    for place in random.permutation(len(whole))[:250]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.randint(8)
        (folder / name).write_bytes(damaged)
        try:
            get_file(name, "file:///nowhere", extract=True)
        except DataError as error:
            assert str(folder / name) in str(error)
            assert [entry.name for entry in folder.iterdir()] == [name]
            refused += 1
        else:
            for member, content in contents.items():
                assert (folder / member).read_bytes() == content
                (folder / member).unlink()
            (folder / "deep").rmdir()
    assert refused > 150


@pytest.mark.parametrize("cut", [512, 1024, 2048])
def test_a_tar_without_its_end(home, cut):
    """Python takes a damaged header, or none, for the end."""
    archive = home / "datasets" / "a.tar"
    make_tar(archive, {"one": b"1", "two": b"2"}, "w")
    content = archive.read_bytes()
    archive.write_bytes(content[:cut])
    with pytest.raises(DataError, match=r"a\.tar is damaged"):
        get_file("a.tar", "file:///nowhere", extract=True)
    archive.write_bytes(content[:1024] + b"x" + content[1025:])
    with pytest.raises(DataError, match=r"a\.tar is damaged"):
        get_file("a.tar", "file:///nowhere", extract=True)
    assert [entry.name for entry in archive.parent.iterdir()] == ["a.tar"]


def test_members_that_clash(home):
    make_tar(home / "datasets" / "a.tar", {"one": b"1", "one/two": b"2"}, "w")
    with pytest.raises(DataError, match=r"a\.tar is damaged"):
        get_file("a.tar", "file:///nowhere", extract=True)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(home, kind):
    info = tarfile.TarInfo("things/link")
    info.type, info.linkname = kind, "/etc"
    make_tar(home / "datasets" / "things.tar.gz", {"link": info})
    with pytest.raises(DataError, match="things/link, a link or device"):
        get_file("things", "file:///nowhere", untar=True)


def test_extract_unpacks_beside_the_file(home):
    make_tar(home / "datasets" / "a.tar.bz2", {"one/x": b"1"}, "w:bz2")
    with zipfile.ZipFile(home / "datasets" / "b.zip", "w") as bag:
        bag.mkdir("empty") if hasattr(bag, "mkdir") else bag.writestr("empty/", b"")
        bag.writestr("two/x", b"2")
    (home / "datasets" / "c.txt").write_text("no archive")
    for name in ("a.tar.bz2", "b.zip", "c.txt"):
        assert get_file(name, "file:///nowhere", extract=True) == str(home / "datasets" / name)
    assert (home / "datasets" / "one" / "x").read_bytes() == b"1"
    assert (home / "datasets" / "two" / "x").read_bytes() == b"2"
    assert (home / "datasets" / "empty").is_dir()


@pytest.mark.parametrize("archive_format", ["tar", "zip", ["tar", "zip"], None])
def test_archive_format(home, archive_format):
    (home / "datasets").mkdir(parents=True)
    with zipfile.ZipFile(home / "datasets" / "b.zip", "w") as bag:
        bag.writestr("two", b"2")
    get_file("b.zip", "file:///nowhere", extract=True, archive_format=archive_format)
    assert (home / "datasets" / "two").exists() == ("zip" in (archive_format or ()))


def test_unknown_words_offer_the_nearest(home, origin, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'tar'"):
        get_file("a.bin", origin, extract=True, archive_format="tgz.tar")
    with pytest.raises(UnknownNameError, match="Did you mean 'sha256'"):
        validate_file(tmp_path / "source.bin", SHA256, "sha-256")


def test_validate_file(origin, tmp_path):
    path = tmp_path / "source.bin"
    for algorithm, right in (("md5", MD5), ("sha256", SHA256)):
        assert validate_file(path, right) and validate_file(path, right, algorithm, chunk_size=7)
        assert not validate_file(path, right[::-1])
    assert not validate_file(path, MD5, "sha256")
