"""What the real Keras 1.2.2 and 2.2.5 answered: reads tests/figures/keras<generation>/<group>.npz."""

import json
from pathlib import Path

import numpy as np

FIGURES = Path(__file__).parent.parent / "figures"
FLOAT_TYPES = ("float32", "float64")


class Case:
    """One recorded call: its facts by name, what went in, and what came out in each float type."""

    def __init__(self, key, generation, facts, arrays):
        self.key = key
        self.generation = generation
        self.facts = facts
        self._arrays = arrays

    def given(self, name, dtype=None):
        """The array that went in; floats as `dtype`."""
        array = self._arrays[f"{self.key}/in/{name}"]
        return array.astype(dtype) if dtype and array.dtype.kind == "f" else array

    def answer(self, name, floatx):
        """The array Keras answered in that precision, None where it answered none."""
        return self._arrays.get(f"{self.key}/{floatx}/{name}")

    def __str__(self):
        return f"keras{self.generation}:{self.key}"


def cases(group):
    """All recorded cases of a group, those of both generations."""
    found = []
    for generation in (1, 2):
        path = FIGURES / f"keras{generation}" / f"{group}.npz"
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files if name != "index"}
            index = json.loads(str(file["index"]))
        found += [Case(key, generation, facts, arrays) for key, facts in index.items()]
    return found


def answered(group, name):
    """(case, float type) for each answer `name` there is in a group."""
    return [(case, floatx) for case in cases(group) for floatx in FLOAT_TYPES
            if case.answer(name, floatx) is not None]


def series(case, name):
    """The numbered arrays of a case: `name`0, `name`1, ..., as far as there are."""
    found = []
    while f"{case.key}/{name}{len(found)}" in case._arrays:
        found.append(case._arrays[f"{case.key}/{name}{len(found)}"])
    return found


def with_type(description, floatx):
    """A description with the layers' float type replaced: files hold that of the last recording."""
    if isinstance(description, dict):
        return {key: floatx if key in ("dtype", "input_dtype") and value else with_type(value, floatx)
                for key, value in description.items()}
    return [with_type(entry, floatx) for entry in description] if isinstance(description, list) else description
