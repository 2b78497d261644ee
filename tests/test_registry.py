"""The registry: kernels by name and target, layers and the kernels they run."""

from pathlib import Path

import pytest

from numba_layers import registry
from numba_layers.errors import UnknownNameError


@pytest.fixture
def two_targets(monkeypatch):
    """A registry of two targets with rooms of their own."""
    monkeypatch.setattr(registry, "TARGETS", ("cpu", "other"))
    monkeypatch.setattr(registry, "_kernels", {"cpu": {}, "other": {}})
    monkeypatch.setattr(registry, "_load_room", lambda target: registry._kernels[target])


class Kernel:
    location = "room.py:7"


def test_kernel_is_found_with_its_place():
    kernel = registry.kernel("adam_update", "cpu")
    assert kernel is registry.kernels("cpu")["adam_update"]
    file, _, line = kernel.location.rpartition(":")
    assert Path(file).name == "optimizer.py"
    assert Path(file).read_text().splitlines()[int(line) - 1:][1].startswith("def adam_update")


def test_unknown_kernel_names_the_nearest():
    with pytest.raises(UnknownNameError, match="cpu kernel 'adam_updat'.*'adam_update'"):
        registry.kernel("adam_updat", "cpu")


def test_kernel_of_another_target(two_targets):
    registry.register_kernel("dense_forward", "other", Kernel())
    with pytest.raises(UnknownNameError, match="exists for: other"):
        registry.kernel("dense_forward", "cpu")


def test_names_are_given_once(two_targets):
    registry.register_kernel("dense_forward", "cpu", Kernel())
    registry.register_kernel("dense_forward", "other", Kernel())
    registry.register_kernel("dense_forward", "cpu", Kernel())      # its module again, after an interrupted import
    other = Kernel()
    other.location = "elsewhere.py:7"
    with pytest.raises(ValueError, match="two cpu kernels are named 'dense_forward'"):
        registry.register_kernel("dense_forward", "cpu", other)


def test_the_copy_is_the_callers():
    registry.kernels("cpu").clear()
    assert registry.kernels("cpu")


def test_table_shows_holes(two_targets, monkeypatch):
    class Dense:
        pass

    monkeypatch.setattr(registry, "_layers", {})
    monkeypatch.setattr(registry, "layers", lambda: registry._layers)
    registry.register_layer(Dense, "dense_forward", "matmul")
    registry.register_kernel("dense_forward", "cpu", Kernel())
    assert registry.table("Dense") == registry.table() == [
        ("Dense", "dense_forward", "cpu", "room.py:7"), ("Dense", "dense_forward", "other", ""),
        ("Dense", "matmul", "cpu", ""), ("Dense", "matmul", "other", "")]


def test_table_of_a_layer():
    rows = registry.table("Dense")
    assert {row.layer for row in rows} == {"Dense"} and {row.target for row in rows} == set(registry.TARGETS)
    assert "dense_forward" in {row.kernel for row in rows}
    with pytest.raises(UnknownNameError, match="'Dense'"):
        registry.table("Dens")
