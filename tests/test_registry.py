"""The registry: kernels by name and target, and the table of what layers launch."""

from pathlib import Path

import pytest

from numba_layers import registry
from numba_layers.errors import UnknownNameError


@pytest.fixture
def two_targets(monkeypatch):
    """A registry of two targets with kernels of their own."""
    monkeypatch.setattr(registry, "TARGETS", ("cpu", "other"))
    monkeypatch.setattr(registry, "_kernels", {"cpu": {}, "other": {}})
    monkeypatch.setattr(registry, "_load_target", lambda target: registry._kernels[target])
    monkeypatch.setattr(registry, "followers", [])


class Kernel:
    location = "place.py:7"


def test_kernel_is_found_with_its_place():
    kernel = registry.kernel("softmax_backward", "cpu")
    assert kernel is registry.kernels("cpu")["softmax_backward"]
    file, _, line = kernel.location.rpartition(":")
    assert Path(file).name == "activation.py"
    assert Path(file).read_text().splitlines()[int(line) - 1:][1].startswith("def softmax_backward")


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


def test_loaded_kernels_are_a_view_and_a_load_adds_to_it():
    assert registry.loaded("cpu").keys() <= registry.kernels("cpu").keys()
    assert registry.loaded("cpu") == registry.kernels("cpu")
