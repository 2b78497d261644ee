"""Records the public layer classes of a real Keras and their arguments, for `vocabulary.json`; under Python 3.7:

    for keras in keras1 keras2 keras209; do $keras/bin/python tests/layers/record_vocabulary.py; done

with the environments that tests/figures/README.md names, and one of Keras 2.0.9.
"""

import inspect
import json
import os

import keras
from keras import layers

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocabulary.json")


def arguments(kind):
    """Names of the arguments of a class's constructor, its own or the next above it; none of `Layer` itself."""
    for base in kind.__mro__:
        if base.__name__ == "Layer":
            return []
        if "__init__" in vars(base):
            constructor = vars(base)["__init__"]
            constructor = getattr(constructor, "_original_function", constructor)     # behind Keras 1's names
            return [name for name in inspect.getfullargspec(constructor).args if name != "self"]
    return []


def main():
    base = layers.Layer if hasattr(layers, "Layer") else keras.engine.Layer
    told = {}
    for name, kind in sorted(vars(layers).items()):
        if inspect.isclass(kind) and issubclass(kind, base) and not name.startswith("_"):
            told[name] = " ".join(arguments(kind))
    known = {}
    if os.path.exists(FILE):
        with open(FILE) as file:
            known = json.load(file)
    known[keras.__version__] = told
    with open(FILE, "w") as file:
        json.dump(known, file, indent=1, sort_keys=True)
        file.write("\n")
    print(keras.__version__, len(told))


main()
