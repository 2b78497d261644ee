"""Type hints: what users call has them, and a script that type-checks also runs."""

import importlib
import inspect

import pytest

from tests.typed_script import right

# Modules whose public names users call, beside helpers of other modules that stand there.
USERS = {
    "activations": (), "autograd": (), "backend": (), "callbacks": ("callback_list",), "compat": (),
    "config": ("float_type", "chosen_data_format", "default_data_format", "standardize_data_format",
               "asked_data_format", "keras_before", "set_installed"),
    "constraints": (), "datasets.boston_housing": (), "datasets.cifar10": (), "datasets.cifar100": (),
    "datasets.digits": (), "datasets.fashion_mnist": (), "datasets.imdb": (), "datasets.mnist": (),
    "datasets.reuters": (), "devices": ("dense_order", "part"), "initializations": (),
    "initializers": ("compute_fans", "generator", "truncated_normal", "flat_orthogonal", "drawn"),
    "layers": (), "losses": (), "metrics": ("accuracy_for", "crossentropy_for"), "models": (), "ops": (),
    "optimizers": (), "random": (), "registry": ("register_kernel",), "regularizers": (), "utils": (),
    "utils.np_utils": (), "utils.conv_utils": (), "utils.layer_utils": (),
}


def called(module):
    """(name, function) for the functions of a module, and for the methods of its classes."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")]
    for name in names:
        value = getattr(module, name)
        if inspect.isclass(value):
            for kind in value.__mro__:
                if kind.__module__.startswith("numba_layers.") and not kind.__name__.startswith("_"):
                    yield from ((f"{kind.__qualname__}.{own}", method) for own, method in vars(kind).items()
                                if own == "__init__" or not own.startswith("_"))
        else:
            yield name, value


def bare(function):
    """What has no hint in a signature."""
    signature = inspect.signature(function)
    hints = {name: parameter.annotation for name, parameter in signature.parameters.items() if name != "self"}
    return [name for name, hint in (hints | {"return": signature.return_annotation}).items() if hint is signature.empty]


@pytest.mark.parametrize("name", USERS)
def test_what_users_call_has_hints(name):
    module = importlib.import_module(f"numba_layers.{name}")
    without = {called_name: bare(function) for called_name, function in called(module)
               if inspect.isfunction(function) and called_name not in USERS[name]}
    assert {called_name: names for called_name, names in without.items() if names} == {}


def test_the_script_that_mypy_checks_runs(tmp_path):
    assert right(str(tmp_path)) > 0
