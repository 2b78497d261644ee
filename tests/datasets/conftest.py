import io
import pickle

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty data folder of this test, and no way to the network."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", _no_network)
    folder = tmp_path / "datasets"
    folder.mkdir()
    return folder


def _no_network(request, timeout):
    raise OSError("no network in tests")


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 wrote: protocol 2, text as byte strings, NumPy under its old module names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_string(self, text):
        raw = text if isinstance(text, bytes) else text.encode("latin1")
        self.write(pickle.BINSTRING + len(raw).to_bytes(4, "little") + raw)
        self.memoize(text)

    def save_global(self, thing, name=None):
        module = thing.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{thing.__name__}\n".encode())
        self.memoize(thing)

    dispatch[bytes] = save_string
    dispatch[str] = save_string
    dispatch[type] = save_global
    dispatch[type(len)] = save_global
    dispatch[type(pickle.dumps)] = save_global
    dispatch[type(lambda: None)] = save_global


@pytest.fixture
def python2_pickle():
    """`python2_pickle(thing)`: the bytes of a pickle as Python 2 wrote it."""

    def dumps(thing):
        file = io.BytesIO()
        Python2Pickler(file).dump(thing)
        return file.getvalue()

    return dumps
