"""Inputs and cases of embeddings and batch normalisation: models that train for some batches (see `recipes.train`)."""

import numpy as np
import recipes
from recipes import normal, one_hot

NUMBERS = np.random.RandomState(91).randint(0, 7, (12, 5)).astype("int32")
NUMBERS[0, 3:] = 0
NUMBERS[4, 1:] = 0
LABELS = one_hot(np.random.RandomState(92).randint(0, 3, 12), 3)
STEP_LABELS = one_hot(np.random.RandomState(93).randint(0, 3, (12, 5)), 3)
FEATURES = normal(30, 4, seed=94, scale=2.0) + np.float32(1.5)
STEPS = normal(12, 3, 4, seed=95) - np.float32(0.5)
IMAGES = normal(12, 2, 3, 4, seed=96) + np.float32(3)


def training_cases(build):
    """(key, model builder, compile arguments, x, y, arguments of each training call, samples in a batch).

    `build`: the generator's own model builders by name; those whose names begin with 'words' look rows up.
    """
    sgd = {"optimizer": ("SGD", {"lr": 0.125}), "loss": "categorical_crossentropy", "metrics": ["accuracy"]}
    adam = dict(sgd, optimizer=("Adam", {"lr": 0.0625}))
    kinds = {"words": (NUMBERS, LABELS, 4), "words by step": (NUMBERS, STEP_LABELS, 4),
             "features": (FEATURES, recipes.CLASSES, 6), "steps": (STEPS, LABELS, 4), "images": (IMAGES, LABELS, 4)}
    cases = []
    for name in sorted(build):
        x, y, size = kinds[name.split(",")[0]]
        cases.append((name, build[name], adam if "adam" in name else sgd, [x], [y], {}, size))
    return cases


def layer_cases():
    """(key, x, options) of layer normalisation."""
    return [
        ("rows", FEATURES, {}),
        ("last axis", STEPS, {"epsilon": 0.125}),
        ("axis 1", STEPS, {"axis": 1, "center": False}),
        ("two axes", IMAGES, {"axis": [1, 3]}),
        ("all axes", IMAGES, {"axis": [1, 2, 3], "scale": False}),
    ]
