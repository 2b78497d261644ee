"""The inputs and the cases that both Keras generations are asked for, and the recorder of their answers.

Imported by `generate_keras1.py` and `generate_keras2.py` under Python 3.7, so it keeps to NumPy and to that
Python. All inputs are float32 numbers: the float32 and the float64 answers belong to the same inputs.
"""

import json
import os

import numpy as np

FLOATX = ("float32", "float64")


def normal(*shape, seed=0, scale=1.0):
    return (scale * np.random.RandomState(seed + 17 * len(shape)).normal(size=shape)).astype("float32")


def cotangent(shape):
    """The fixed weights w of the scalar sum(w * output), whose gradients are recorded."""
    return normal(*shape, seed=99) if len(shape) else np.float32(1.25)


class Figures:
    """Collects the arrays and the index of one .npz file.

    Array names are `<case>/in/<name>` for what goes in and `<case>/<floatx>/<name>` for what Keras answers in
    that precision. The member `index` is a JSON text: {case: {facts about the case}}.
    """

    def __init__(self, folder, name):
        self.path = os.path.join(os.path.dirname(os.path.abspath(__file__)), folder, name + ".npz")
        self.arrays, self.index = {}, {}

    def case(self, key, inputs, **facts):
        for name, value in inputs.items():
            self.arrays["/".join((key, "in", name))] = np.asarray(value)
        self.index.setdefault(key, {}).update(facts)

    def answer(self, key, floatx, **values):
        for name, value in values.items():
            self.arrays["/".join((key, floatx, name))] = np.asarray(value)

    def fact(self, key, **facts):
        self.index[key].update(facts)

    def save(self):
        folder = os.path.dirname(self.path)
        if not os.path.isdir(folder):
            os.makedirs(folder)
        index = np.array(json.dumps(self.index, sort_keys=True, default=lambda number: number.item()))
        np.savez_compressed(self.path, index=index, **self.arrays)
        size = os.path.getsize(self.path)
        print(f"{self.path}: {len(self.index)} cases, {len(self.arrays)} arrays, {size} bytes")


# ------------------------------------------------------------------ activations

GRID = np.array(
    [
        -1000,
        -100,
        -88,
        -50,
        -20,
        -6.5,
        -3,
        -2.5,
        -2,
        -1,
        -0.5,
        -0.125,
        -1e-3,
        -1e-20,
        0,
        1e-20,
        1e-3,
        0.125,
        0.5,
        1,
        2,
        2.5,
        3,
        6,
        6.5,
        20,
        50,
        88,
        100,
        1000,
    ],
    "float32",
).reshape(5, 6)
ROWS = np.array(
    [[1, 2, 3, 4], [0, 0, 0, 0], [1000, 1001, 999, 0], [-1000, -1000.5, -1001, -2000], [5, 5, 5, -5]],
    "float32",
)


def activation_cases(generation):
    """(case, function name, input, options) for every activation of Keras `generation` (1 or 2)."""
    plain = ["elu", "softplus", "softsign", "relu", "tanh", "sigmoid", "hard_sigmoid", "linear"]
    plain += ["selu", "exponential"] if generation == 2 else []
    cases = [(name, name, GRID, {}) for name in plain]
    cases += [
        ("relu/alpha", "relu", GRID, {"alpha": 0.25}),
        ("relu/max_value", "relu", GRID, {"max_value": 2.5}),
        ("relu/alpha,max_value", "relu", GRID, {"alpha": 0.25, "max_value": 2.5}),
        ("relu/max_value=6", "relu", GRID, {"max_value": 6.0}),
        ("elu/alpha", "elu", GRID, {"alpha": 0.5}),
        ("softmax/2d", "softmax", ROWS, {}),
        ("softmax/3d", "softmax", normal(2, 3, 4, scale=3), {}),
    ]
    if generation == 2:
        cases += [
            ("relu/threshold", "relu", GRID, {"threshold": 1.0}),
            ("relu/alpha,threshold", "relu", GRID, {"alpha": 0.25, "threshold": 1.0}),
            (
                "relu/alpha,max_value,threshold",
                "relu",
                GRID,
                {"alpha": 0.25, "max_value": 2.5, "threshold": 1.0},
            ),
            ("relu/negative threshold", "relu", GRID, {"threshold": -1.0}),
            ("softmax/axis=1", "softmax", normal(2, 3, 4, scale=3), {"axis": 1}),
            ("softmax/4d", "softmax", normal(2, 2, 3, 2), {}),
        ]
    return cases


# ------------------------------------------------------------------ losses and metrics


def probabilities(*shape, seed=3):
    e = np.exp(normal(*shape, seed=seed).astype("float64"))
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def one_hot(labels, classes):
    return np.eye(classes, dtype="float32")[np.asarray(labels)]


SURE = np.array(
    [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0.5, 0.5, 0, 0, 0], [0, 0, 0, 0.25, 0.75]], "float32"
)
PAIRS = {
    "real numbers": {
        "ordinary": (normal(4, 5, seed=1), normal(4, 5, seed=2)),
        "sequence": (normal(2, 3, 4, seed=1), normal(2, 3, 4, seed=2)),
        "zeros and ties": (
            np.array([[0, 0, 1, 1], [1, -1, 2, 0], [0, 0, 0, 1]], "float32"),
            np.array([[0, 1, 0, 1], [1, -1, 2, 0.5], [1, 1, 1, 1]], "float32"),
        ),
        "large": (
            np.array([[1e4, -1e4, 1e-6], [300, 0.5, -40]], "float32"),
            np.array([[-1e4, -1e4, 1e-5], [0.25, 300, 40]], "float32"),
        ),
    },
    "signs": {
        "ordinary": (np.sign(normal(4, 5, seed=1)), normal(4, 5, seed=2)),
        "sequence": (np.sign(normal(2, 3, 4, seed=1)), normal(2, 3, 4, seed=2)),
        "on the margin": (np.array([[1, -1, 1, -1]], "float32"), np.array([[1, -1, 0.5, 2]], "float32")),
        "zero labels": (np.array([[0, 1, 1, 0]], "float32"), np.array([[1, -1, 0.5, 2]], "float32")),
    },
    "one class": {
        "ordinary": (one_hot([0, 2, 4, 1], 5), probabilities(4, 5)),
        "sequence": (one_hot([[0, 2, 3], [1, 1, 0]], 4), probabilities(2, 3, 4)),
        "soft targets": (probabilities(4, 5, seed=8), probabilities(4, 5)),
        "unnormalised": (one_hot([0, 2, 4, 1], 5), 3 * np.abs(normal(4, 5, seed=2)) + np.float32(0.125)),
        "zero and one": (one_hot([0, 0, 4, 1, 3], 5), SURE),
    },
    "labels": {
        "ordinary": (np.array([[0], [2], [4], [1]], "float32"), probabilities(4, 5)),
        "sequence": (np.array([[[0], [2], [3]], [[1], [1], [0]]], "float32"), probabilities(2, 3, 4)),
        "unnormalised": (
            np.array([[0], [2], [4], [1]], "float32"),
            3 * np.abs(normal(4, 5, seed=2)) + np.float32(0.125),
        ),
        "zero and one": (np.array([[0], [0], [4], [1], [3]], "float32"), SURE),
    },
    "yes or no": {
        "ordinary": ((normal(4, 3, seed=1) > 0).astype("float32"), probabilities(4, 3)),
        "sequence": ((normal(2, 3, 4, seed=1) > 0).astype("float32"), probabilities(2, 3, 4)),
        "soft targets": (probabilities(4, 3, seed=8), probabilities(4, 3)),
        "zero and one": (
            np.array([[0, 1, 0, 1], [0.5, 0.5, 1, 0]], "float32"),
            np.array([[0, 1, 1, 0], [0, 1, 0.5, 0.5]], "float32"),
        ),
    },
}
LOSS_PAIRS = {
    "mean_squared_error": "real numbers",
    "mean_absolute_error": "real numbers",
    "mean_absolute_percentage_error": "real numbers",
    "mean_squared_logarithmic_error": "real numbers",
    "logcosh": "real numbers",
    "cosine_proximity": "real numbers",
    "squared_hinge": "signs",
    "hinge": "signs",
    "categorical_hinge": "one class",
    "categorical_crossentropy": "one class",
    "kullback_leibler_divergence": "one class",
    "poisson": "one class",
    "sparse_categorical_crossentropy": "labels",
    "binary_crossentropy": "yes or no",
}
LOSSES = {1: sorted(set(LOSS_PAIRS) - {"logcosh", "categorical_hinge"}), 2: sorted(LOSS_PAIRS)}
ALIASES = ["mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "kld", "KLD", "cosine"]


def loss_cases(generation):
    """(case, loss name, y_true, y_pred) for every loss."""
    return [
        ("/".join((name, kind)), name, y_true, y_pred)
        for name in LOSSES[generation]
        for kind, (y_true, y_pred) in sorted(PAIRS[LOSS_PAIRS[name]].items())
    ]


TIED = np.array(
    [
        [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
        [0, 1, 1, 0, 0, 0],
        [1, 2, 3, 4, 5, 6],
        [6, 5, 4, 3, 2, 1],
        [0.2, 0.2, 0.2, 0.7, 0.7, 0.1],
    ],
    "float32",
)
METRIC_PAIRS = {
    "binary_accuracy": {
        "ordinary": PAIRS["yes or no"]["ordinary"],
        "zero and one": PAIRS["yes or no"]["zero and one"],
        "sequence": PAIRS["yes or no"]["sequence"],
        "halves": (np.array([[0, 1], [1, 0]], "float32"), np.array([[0.5, 0.5], [1.5, 0.49]], "float32")),
    },
    "categorical_accuracy": {
        "ordinary": PAIRS["one class"]["ordinary"],
        "sequence": PAIRS["one class"]["sequence"],
        "ties": (one_hot([0, 2, 5, 1, 4], 6), TIED),
    },
    "sparse_categorical_accuracy": {
        "ordinary": PAIRS["labels"]["ordinary"],
        "sequence": PAIRS["labels"]["sequence"],
        "ties": (np.array([[0], [2], [5], [1], [4]], "float32"), TIED),
    },
    "top_k_categorical_accuracy": {
        "ordinary": PAIRS["one class"]["ordinary"],
        "ties": (one_hot([0, 2, 5, 1, 4], 6), TIED),
    },
    "sparse_top_k_categorical_accuracy": {
        "ordinary": PAIRS["labels"]["ordinary"],
        "ties": (np.array([[0], [2], [5], [1], [4]], "float32"), TIED),
    },
}


def metric_cases(generation):
    """(case, metric name, y_true, y_pred, options): several for a real metric, one for a loss."""
    cases = []
    names = (
        sorted(METRIC_PAIRS)
        if generation == 2
        else sorted(set(METRIC_PAIRS) - {"sparse_top_k_categorical_accuracy"})
    )
    for name in names:
        for kind, (y_true, y_pred) in sorted(METRIC_PAIRS[name].items()):
            if "top_k" in name:
                cases += [(f"{name}/{kind},k={k}", name, y_true, y_pred, {"k": k}) for k in (1, 2, 3, 5)]
            else:
                cases.append(("/".join((name, kind)), name, y_true, y_pred, {}))
    if generation == 1:
        for name in ("matthews_correlation", "precision", "recall", "fbeta_score", "fmeasure"):
            for kind, (y_true, y_pred) in sorted(METRIC_PAIRS["binary_accuracy"].items()):
                cases.append(("/".join((name, kind)), name, y_true, y_pred, {}))
        y_true, y_pred = PAIRS["yes or no"]["ordinary"]
        cases.append(("fbeta_score/beta=2", "fbeta_score", y_true, y_pred, {"beta": 2}))
        cases.append(("precision/nothing predicted", "precision", y_true, 0 * y_pred, {}))
        cases.append(("recall/nothing relevant", "recall", 0 * y_true, y_pred, {}))
        cases.append(("fmeasure/nothing relevant", "fmeasure", 0 * y_true, y_pred, {}))
    not_metrics = {"categorical_hinge"} if generation == 2 else set()
    for name in LOSSES[generation]:
        if name not in not_metrics:
            y_true, y_pred = PAIRS[LOSS_PAIRS[name]]["ordinary"]
            cases.append(("/".join((name, "ordinary")), name, y_true, y_pred, {}))
    return cases


# ------------------------------------------------------------------ optimizers

X = normal(8, 4, seed=21)
X[:, 3] = 0  # the last row of the weights has gradient zero: 0 / (sqrt(0) + epsilon) must stay 0
Y = normal(8, 3, seed=22)
START = [normal(4, 3, seed=23), normal(3, seed=24)]
STEPS = 6


def optimizer_cases(generation):
    """(case, class name, options)."""
    chosen = {"beta_1": 0.75, "beta_2": 0.875, "lr": 0.0625, "epsilon": 1e-3}
    cases = [
        ("SGD", {}),
        ("SGD", {"lr": 0.125}),
        ("SGD", {"lr": 0.125, "momentum": 0.875}),
        ("SGD", {"lr": 0.125, "momentum": 0.875, "nesterov": True}),
        ("SGD", {"lr": 0.125, "decay": 0.5}),
        ("SGD", {"lr": 0.125, "momentum": 0.875, "decay": 0.125, "nesterov": True}),
        ("SGD", {"lr": 0.125, "clipnorm": 0.5}),
        ("SGD", {"lr": 0.125, "clipnorm": 100.0}),
        ("SGD", {"lr": 0.125, "clipvalue": 0.25}),
        ("SGD", {"lr": 0.125, "clipnorm": 0.5, "clipvalue": 0.25}),
        ("RMSprop", {}),
        ("RMSprop", {"lr": 0.0625, "rho": 0.75, "epsilon": 1e-3, "decay": 0.25}),
        ("Adagrad", {}),
        ("Adagrad", {"lr": 0.125, "epsilon": 1e-2, "decay": 0.25}),
        ("Adadelta", {}),
        ("Adadelta", {"lr": 0.5, "rho": 0.75, "epsilon": 1e-3, "decay": 0.25}),
        ("Adam", {}),
        ("Adam", dict(chosen, decay=0.25)),
        ("Adam", dict(chosen, clipnorm=0.25)),
        ("Adamax", {}),
        ("Adamax", dict(chosen, decay=0.25)),
        ("Nadam", {}),
        ("Nadam", dict(chosen, schedule_decay=0.125)),
        ("Nadam", dict(chosen, clipvalue=0.125)),
    ]
    if generation == 2:
        cases += [
            ("Adam", {"amsgrad": True}),
            ("Adam", dict(chosen, amsgrad=True)),
            ("Adam", dict(chosen, amsgrad=True, decay=0.25)),
        ]
    return [
        (
            "/".join(
                (name, ",".join("{}={}".format(*pair) for pair in sorted(options.items())) or "defaults")
            ),
            name,
            options,
        )
        for name, options in cases
    ]


# ------------------------------------------------------------------ constraints and regularizers

W2 = normal(4, 3, seed=31, scale=2)
W2[:, 1] = 0
W2[0, 2] = 0
W4 = normal(2, 2, 3, 4, seed=32)


# ------------------------------------------------------------------ functions of the backend

X3, X5, X34, X234 = normal(3), normal(5, seed=4), normal(3, 4), normal(2, 3, 4)
X2345, X23234 = normal(2, 3, 4, 5), normal(2, 3, 2, 3, 4)
POSITIVE = np.abs(X34) + np.float32(0.25)
WITH_TIES = np.array([[1, 3, 3, 2], [0, 0, 0, 0], [-1, -1, -2, -3]], "float32")
HALVES = np.array([-2.5, -1.5, -0.5, -0.25, 0, 0.25, 0.5, 1.5, 2.5, 3.5], "float32")
TRUTH = np.array([[True, False, True], [False, False, False], [True, True, True]])


def backend_cases(generation):
    """(case, function, tensors, options, differentiable): `K.function(*tensors, **options)`.

    A list among `tensors` is given to the function as a list. `options` are in the words of that generation.
    """
    layouts = ("th", "tf") if generation == 1 else ("channels_first", "channels_last")
    layout = "dim_ordering" if generation == 1 else "data_format"
    cases = []

    def add(function, kind, tensors, options=None, differentiable=True):
        cases.append(("/".join((function, kind)), function, tensors, options or {}, differentiable))

    add("dot", "2d x 2d", [X34, normal(4, 5)])
    add("dot", "3d x 2d", [X234, normal(4, 5)])
    add("dot", "2d x 3d", [normal(2, 3), normal(4, 3, 5)])
    add("dot", "3d x 3d", [X234, normal(3, 4, 2, seed=5)])
    if generation == 1:
        add("dot", "1d x 2d", [X3, normal(3, 4, seed=6)])
    for kind, a, b, axes in (
        ("2d,2d", normal(4, 5), normal(4, 5, seed=1), 1),
        ("3d,3d,axes=1", X234, normal(2, 3, 5), 1),
        ("3d,3d,axes=2", X234, normal(2, 5, 4), 2),
        ("3d,3d,(1,2)", X234, normal(2, 5, 3), (1, 2)),
        ("3d,3d,(2,1)", X234, normal(2, 4, 5), (2, 1)),
        ("3d,3d,None", X234, normal(2, 4, 5), None),
        ("2d,3d,(1,2)", normal(4, 5), normal(4, 3, 5), (1, 2)),
        ("3d,2d,(2,1)", normal(4, 3, 5), normal(4, 5), (2, 1)),
        ("4d,3d,(3,1)", X2345, normal(2, 5, 3), (3, 1)),
        ("4d,4d,(2,3)", X2345, normal(2, 3, 2, 4), (2, 3)),
    ):
        add("batch_dot", kind, [a, b], {"axes": axes})
    add("transpose", "2d", [X34])
    add("transpose", "3d", [X234])
    add("gather", "2d,1d indices", [X34, np.array([2, 0, 2, 1], "int32")])
    add("gather", "3d,2d indices", [X234, np.array([[1, 0], [1, 1]], "int32")])

    for name in ("max", "min", "sum", "prod", "mean", "var", "std"):
        for axis in (None, 0, -1):
            for keepdims in (False, True):
                add(name, f"axis={axis},keepdims={keepdims}", [X234], {"axis": axis, "keepdims": keepdims})
        if name != "prod" or generation == 2:
            add(name, "axis=[0,2]", [X234], {"axis": [0, 2]})
    for name in ("max", "min"):
        add(name, "ties", [WITH_TIES], {"axis": -1})
    add("prod", "a zero", [np.array([[2, 0, 3], [1, 2, 3], [0, 0, 2]], "float32")], {"axis": -1})
    add("mean", "of truth values", [TRUTH], {"axis": -1}, False)
    for name in ("any", "all"):
        for axis in (None, 0, -1):
            add(name, f"axis={axis}", [TRUTH], {"axis": axis}, False)
    for name in ("argmax", "argmin"):
        for axis in (-1, 0, 1):
            add(name, f"axis={axis}", [X234], {"axis": axis}, False)
        add(name, "ties", [WITH_TIES], {"axis": -1}, False)

    for name in (
        "square",
        "abs",
        "exp",
        "sign",
        "sin",
        "cos",
        "sigmoid",
        "tanh",
        "softplus",
        "softsign",
        "hard_sigmoid",
    ):
        add(name, "ordinary", [np.concatenate([HALVES, X5])], {}, name != "sign")
    add("round", "halves", [HALVES], {}, False)
    add("sqrt", "ordinary", [POSITIVE])
    add("sqrt", "below zero", [np.array([-1, -0.25, 0, 4], "float32")], {}, False)
    add("log", "ordinary", [POSITIVE])
    add("log", "zero and below", [np.array([0, -1], "float32")], {}, False)
    for a in (2, 3, -1, 0.5):
        add("pow", f"a={a}", [POSITIVE], {"a": a})
    add("clip", "both", [HALVES], {"min_value": -0.5, "max_value": 1.5})
    add("clip", "crossed", [HALVES], {"min_value": 1.0, "max_value": -1.0})
    for name in ("equal", "not_equal", "greater", "greater_equal") + (
        ("lesser", "lesser_equal") if generation == 1 else ("less", "less_equal")
    ):
        add(name, "broadcast", [WITH_TIES, np.array([1, 0, 3, 2], "float32")], {}, False)
    for name in ("maximum", "minimum"):
        add(name, "ties", [WITH_TIES, np.array([[1, 2, 3, 2], [0, 1, -1, 0], [-1, -2, -1, -3]], "float32")])
    for name, options in (("relu", {"alpha": 0.25}), ("relu", {"max_value": 1.5}), ("elu", {"alpha": 0.5})):
        add(name, ",".join(options), [HALVES], options)
    add("softmax", "2d", [X34])

    for axis in (0, 1, -1):
        add("concatenate", f"axis={axis}", [[X234, normal(2, 3, 4, seed=7)]], {"axis": axis})
    add("reshape", "3d to 2d", [X234], {"shape": (6, 4)})
    add("reshape", "with -1", [X234], {"shape": (-1, 3, 2)})
    add("permute_dimensions", "(2,0,1)", [X234], {"pattern": (2, 0, 1)})
    add("repeat_elements", "axis=1", [X234], {"rep": 2, "axis": 1})
    add("repeat", "n=3", [X34], {"n": 3})
    for word in layouts:
        add("resize_images", word, [X2345], {"height_factor": 2, "width_factor": 3, layout: word})
        add(
            "resize_volumes",
            word,
            [X23234],
            {"depth_factor": 2, "height_factor": 1, "width_factor": 3, layout: word},
        )
    add("arange", "stop", [], {"start": 5}, False)
    add("arange", "start,stop,step", [], {"start": 2, "stop": 11, "step": 3}, False)
    add("arange", "downwards", [], {"start": 5, "stop": 0, "step": -2}, False)
    add("tile", "(2,3)", [X34], {"n": (2, 3)})
    add("flatten", "3d", [X234])
    add("batch_flatten", "4d", [X2345])
    for axis in (0, 1, -1):
        add("expand_dims", f"axis={axis}", [X34], {("dim" if generation == 1 else "axis"): axis})
    add("squeeze", "axis=1", [normal(3, 1, 4)], {"axis": 1})
    add(
        "one_hot",
        "2d",
        [np.array([[0, 2, 1], [3, 3, 0]], "int32")],
        {("nb_classes" if generation == 1 else "num_classes"): 4},
        False,
    )
    for axes in (0, 1, [0, 2]):
        add("reverse", f"axes={axes}", [X234], {"axes": axes})
    add("stack", "three", [[X34, normal(3, 4, seed=1), normal(3, 4, seed=2)]])
    add("l2_normalize", "axis=-1", [X34], {"axis": -1})
    add("l2_normalize", "zero vector", [W2], {"axis": 0}, False)
    scores = np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6], [1, 2, 3]], "float32")
    for k in (1, 2, 3):
        add("in_top_k", f"k={k}", [scores, np.array([1, 0, 1, 0], "int32")], {"k": k}, False)
    for truth in (0, 1):
        add("switch", f"condition={truth}", [np.array(truth, "float32"), X34, normal(3, 4, seed=9)])

    if generation == 1:
        add("temporal_padding", "padding=2", [X234], {"padding": 2})
        add("asymmetric_temporal_padding", "1,2", [X234], {"left_pad": 1, "right_pad": 2})
        for word in layouts:
            add("spatial_2d_padding", word, [X2345], {"padding": (1, 2), layout: word})
            add(
                "asymmetric_spatial_2d_padding",
                word,
                [X2345],
                {"top_pad": 1, "bottom_pad": 2, "left_pad": 0, "right_pad": 3, layout: word},
            )
            add("spatial_3d_padding", word, [X23234], {"padding": (1, 0, 2), layout: word})
    else:
        for name in ("cumsum", "cumprod"):
            for axis in (0, 1, 2):
                add(name, f"axis={axis}", [X234], {"axis": axis})
        for axis in (None, 0, -1):
            for keepdims in (False, True):
                add(
                    "logsumexp",
                    f"axis={axis},keepdims={keepdims}",
                    [X234],
                    {"axis": axis, "keepdims": keepdims},
                )
        add("logsumexp", "large", [ROWS], {"axis": -1})
        add("softmax", "axis=1", [X234], {"axis": 1})
        add("relu", "threshold", [HALVES], {"threshold": 0.5})
        add("stack", "axis=1", [[X34, normal(3, 4, seed=1)]], {"axis": 1})
        add("slice", "corner", [X234], {"start": (0, 1, 1), "size": (2, 1, 3)})
        add("clip", "no maximum", [HALVES], {"min_value": -0.5, "max_value": None})
        add("temporal_padding", "(1,2)", [X234], {"padding": (1, 2)})
        for word in layouts:
            add("spatial_2d_padding", word, [X2345], {"padding": ((1, 2), (0, 3)), layout: word})
            add("spatial_3d_padding", word, [X23234], {"padding": ((1, 0), (2, 1), (0, 3)), layout: word})
            add("bias_add", "4d," + word, [X2345, X3 if word == "channels_first" else X5], {layout: word})
            add(
                "resize_images",
                "bilinear," + word,
                [X2345],
                {"height_factor": 2, "width_factor": 3, layout: word, "interpolation": "bilinear"},
            )
        add("switch", "elementwise", [(X34 > 0).astype("float32"), X34, normal(3, 4, seed=9)])
        add("switch", "rows", [np.array([1, 0, 1], "float32"), X34, normal(3, 4, seed=9)])
    labels, classes = PAIRS["labels"]["ordinary"]
    truth, chances = PAIRS["one class"]["ordinary"]
    for from_logits in (False, True):
        for name, target, output in (
            ("categorical_crossentropy", truth, chances),
            ("sparse_categorical_crossentropy", labels, chances),
            ("binary_crossentropy", truth, chances),
        ):
            output = 3 * normal(4, 5, seed=2) if from_logits else output
            tensors = [output, target] if generation == 1 else [target, output]
            add(name, f"from_logits={from_logits}", tensors, {"from_logits": from_logits}, False)
    return cases


# ------------------------------------------------------------------ training


def points(count, *shape, seed):
    return normal(count, *shape, seed=seed)


FEATURES = points(30, 4, seed=51)
CLASSES = one_hot(np.random.RandomState(52).randint(0, 3, 30), 3)
SEQUENCES = points(12, 5, 4, seed=53)
SEQUENCES[0, 3:] = 0
SEQUENCES[1, 1:] = 0
SEQUENCES[4, 0] = 0
SEQUENCES[7, :, 0] = 0  # one feature alone being zero does not mask the step
SEQUENCE_CLASSES = one_hot(np.random.RandomState(54).randint(0, 3, (12, 5)), 3)
SEQUENCE_VALUES = points(12, 5, 3, seed=55)
STEP_WEIGHTS = np.abs(points(12, 5, seed=56))
STEP_WEIGHTS[0, 1:] = 0
STEP_WEIGHTS[5] = 0
SAMPLE_WEIGHTS = np.abs(points(30, seed=57))
SAMPLE_WEIGHTS[::4] = 0
CLASS_WEIGHTS = {0: 0.5, 1: 2.0, 2: 1.0}


def training_cases(generation, build):
    """(case, model builder, compile arguments, x, y, arguments of each training call, samples in a batch).

    `build` is the generator's module of model builders, in the words of its own Keras.
    """
    sgd = {"optimizer": ("SGD", {"lr": 0.125}), "loss": "categorical_crossentropy", "metrics": ["accuracy"]}
    x, y = [FEATURES], [CLASSES]
    both = [CLASSES, points(30, 2, seed=58)]
    cases = [
        ("classes", build["classes"], sgd, x, y, {}, 6),
        (
            "classes, momentum",
            build["classes"],
            dict(sgd, optimizer=("SGD", {"lr": 0.125, "momentum": 0.875})),
            x,
            y,
            {},
            6,
        ),
        ("classes, adam", build["classes"], dict(sgd, optimizer=("Adam", {"lr": 0.0625})), x, y, {}, 6),
        ("classes, sample weights", build["classes"], sgd, x, y, {"sample_weight": [SAMPLE_WEIGHTS]}, 6),
        ("classes, class weights", build["classes"], sgd, x, y, {"class_weight": CLASS_WEIGHTS}, 6),
        (
            "classes, sample and class weights",
            build["classes"],
            sgd,
            x,
            y,
            {"sample_weight": [SAMPLE_WEIGHTS], "class_weight": CLASS_WEIGHTS},
            6,
        ),
        ("classes, last batch short", build["classes"], sgd, x, y, {}, 8),
        (
            "classes, several metrics",
            build["classes"],
            dict(sgd, metrics=["accuracy", "mse", "mean_absolute_error", "categorical_crossentropy"]),
            x,
            y,
            {},
            6,
        ),
        (
            "sparse classes",
            build["classes"],
            dict(sgd, loss="sparse_categorical_crossentropy"),
            x,
            [CLASSES.argmax(-1)[:, None].astype("float32")],
            {},
            6,
        ),
        ("yes or no", build["yes or no"], dict(sgd, loss="binary_crossentropy"), x, [CLASSES[:, :1]], {}, 6),
        (
            "yes or no, class weights",
            build["yes or no"],
            dict(sgd, loss="binary_crossentropy"),
            x,
            [CLASSES[:, :1]],
            {"class_weight": {0: 0.5, 1: 2.0}},
            6,
        ),
        ("regularized and constrained", build["regularized"], sgd, x, y, {}, 6),
        (
            "activity regularization layer",
            build["activity"],
            dict(sgd, loss="mse", metrics=[]),
            x,
            [points(30, 3, seed=59)],
            {},
            6,
        ),
        (
            "two outputs",
            build["two outputs"],
            dict(sgd, loss=["categorical_crossentropy", "mse"], loss_weights=[1.0, 0.25]),
            x,
            both,
            {},
            6,
        ),
        (
            "two outputs, by name",
            build["two outputs"],
            dict(
                sgd,
                loss={"kind": "categorical_crossentropy", "size": "mae"},
                loss_weights={"kind": 0.5, "size": 2.0},
                metrics={"kind": "accuracy"},
            ),
            x,
            both,
            {},
            6,
        ),
        (
            "two outputs, sample weights",
            build["two outputs"],
            dict(sgd, loss=["categorical_crossentropy", "mse"], loss_weights=[1.0, 0.25], metrics=[]),
            x,
            both,
            {"sample_weight": [SAMPLE_WEIGHTS, SAMPLE_WEIGHTS[::-1].copy()]},
            6,
        ),
        (
            "shared layer",
            build["shared"],
            dict(sgd, loss="mse", metrics=[]),
            [FEATURES, points(30, 4, seed=60)],
            [points(30, 2, seed=61)],
            {},
            6,
        ),
        ("frozen layer", build["frozen"], sgd, x, y, {}, 6),
        ("sequences", build["sequences"], sgd, [SEQUENCES], [SEQUENCE_CLASSES], {}, 4),
        (
            "sequences, temporal weights",
            build["sequences"],
            dict(sgd, sample_weight_mode="temporal"),
            [SEQUENCES],
            [SEQUENCE_CLASSES],
            {"sample_weight": [STEP_WEIGHTS]},
            4,
        ),
        ("masked sequences", build["masked"], sgd, [SEQUENCES], [SEQUENCE_CLASSES], {}, 4),
        (
            "masked sequences, sample weights",
            build["masked"],
            sgd,
            [SEQUENCES],
            [SEQUENCE_CLASSES],
            {"sample_weight": [SAMPLE_WEIGHTS[:12]]},
            4,
        ),
        (
            "masked sequences, temporal weights",
            build["masked"],
            dict(sgd, sample_weight_mode="temporal"),
            [SEQUENCES],
            [SEQUENCE_CLASSES],
            {"sample_weight": [STEP_WEIGHTS]},
            4,
        ),
        (
            "masked sequences, mse",
            build["masked"],
            dict(sgd, loss="mse", metrics=["mae"]),
            [SEQUENCES],
            [SEQUENCE_VALUES],
            {},
            4,
        ),
    ]
    if generation == 2:
        cases += [
            ("masked sequences, dense", build["masked dense"], sgd, [SEQUENCES], [SEQUENCE_CLASSES], {}, 4),
            (
                "classes, weighted metrics",
                build["classes"],
                dict(sgd, weighted_metrics=["accuracy", "mse"]),
                x,
                y,
                {"sample_weight": [SAMPLE_WEIGHTS]},
                6,
            ),
            (
                "masked sequences, weighted metrics",
                build["masked dense"],
                dict(sgd, sample_weight_mode="temporal", weighted_metrics=["accuracy"]),
                [SEQUENCES],
                [SEQUENCE_CLASSES],
                {"sample_weight": [STEP_WEIGHTS]},
                4,
            ),
        ]
    return cases


def start_weights_of(weights):
    return [normal(*np.shape(w), seed=70 + i, scale=0.5) for i, w in enumerate(weights)]


def start_weights(model):
    """Normal ones, in the order of `get_weights`; variances are positive."""
    names = [weight.name for layer in model.layers for weight in layer.weights]
    variances = ("running_std", "moving_variance")
    return [
        np.abs(w) + np.float32(0.5) if any(word in name for word in variances) else w
        for w, name in zip(start_weights_of(model.get_weights()), names)
    ]


def one_or_all(values):
    return values if len(values) > 1 else values[0]


def train(figures, floatx, case, optimizers):
    """Trains a case batch by batch; records each call's outputs, the weights, predictions, evaluations."""
    key, build, options, x, y, extra, size = case
    model = build()
    start = start_weights(model)
    inputs = dict(
        [(f"x{i}", a) for i, a in enumerate(x)]
        + [(f"y{i}", a) for i, a in enumerate(y)]
        + [(f"start{i}", a) for i, a in enumerate(start)]
        + [(f"sample_weight{i}", a) for i, a in enumerate(extra.get("sample_weight", ()))]
    )
    figures.case(key, inputs, compile=dict(options), batch_size=size, class_weight=extra.get("class_weight"))
    model.set_weights(start)
    name, settings = options["optimizer"]
    model.compile(**dict(options, optimizer=getattr(optimizers, name)(**settings)))
    figures.fact(key, model=json.loads(model.to_json()), metrics_names=model.metrics_names)

    answers = {"evaluated_before": model.evaluate(one_or_all(x), one_or_all(y), batch_size=size, verbose=0)}
    rows = []
    for first in range(0, len(x[0]), size):
        part = slice(first, first + size)
        keywords = {}
        if "sample_weight" in extra:
            keywords["sample_weight"] = one_or_all([a[part] for a in extra["sample_weight"]])
        if "class_weight" in extra:
            keywords["class_weight"] = extra["class_weight"]
        rows.append(
            model.train_on_batch(
                one_or_all([a[part] for a in x]), one_or_all([a[part] for a in y]), **keywords
            )
        )
    answers["batches"] = rows
    answers["evaluated_after"] = model.evaluate(one_or_all(x), one_or_all(y), batch_size=size, verbose=0)
    if "sample_weight" in extra:
        answers["evaluated_after_weighted"] = model.evaluate(
            one_or_all(x),
            one_or_all(y),
            batch_size=size,
            verbose=0,
            sample_weight=one_or_all(extra["sample_weight"]),
        )
    predicted = model.predict(one_or_all(x), batch_size=size)
    answers.update(
        (f"predicted{i}", a) for i, a in enumerate(predicted if isinstance(predicted, list) else [predicted])
    )
    answers.update((f"weights{i}", a) for i, a in enumerate(model.get_weights()))
    figures.answer(key, floatx, **answers)


def fit(figures, floatx, build, optimizers, epochs_word):
    """Records the history of `fit`: validation split, no shuffling, and a last batch that is short."""
    options = {"loss": "categorical_crossentropy", "metrics": ["accuracy"]}
    for key, extra in (
        ("fit/plain", {}),
        ("fit/validation split", {"validation_split": 0.25}),
        ("fit/sample weights", {"validation_split": 0.25, "sample_weight": SAMPLE_WEIGHTS}),
        ("fit/class weights", {"class_weight": CLASS_WEIGHTS}),
        ("fit/validation data", {"validation_data": (FEATURES[:7], CLASSES[:7])}),
    ):
        model = build["classes"]()
        start = start_weights(model)
        inputs = dict([("x0", FEATURES), ("y0", CLASSES)] + [(f"start{i}", a) for i, a in enumerate(start)])
        if "sample_weight" in extra:
            inputs["sample_weight0"] = SAMPLE_WEIGHTS
        figures.case(
            key,
            inputs,
            compile=dict(options, optimizer=("SGD", {"lr": 0.125})),
            model=json.loads(model.to_json()),
            batch_size=8,
            epochs=3,
            shuffle=False,
            class_weight=extra.get("class_weight"),
            validation_split=extra.get("validation_split", 0.0),
            validation_samples=7 if "validation_data" in extra else None,
        )
        model.set_weights(start)
        model.compile(optimizers.SGD(lr=0.125), **options)
        keywords = dict(extra, batch_size=8, shuffle=False, verbose=0)
        keywords[epochs_word] = 3
        history = model.fit(FEATURES, CLASSES, **keywords)
        figures.answer(
            key,
            floatx,
            **dict(
                [("history_" + name, values) for name, values in history.history.items()]
                + [(f"weights{i}", a) for i, a in enumerate(model.get_weights())]
            ),
        )


def descend(figures, floatx, model, case, optimizers):
    """Records STEPS full-batch updates of a linear layer under mean squared error."""
    key, name, options = case
    figures.case(
        key,
        {"x": X, "y": Y, "start0": START[0], "start1": START[1]},
        class_name=name,
        options=options,
        steps=STEPS,
    )
    model.set_weights(START)
    optimizer = getattr(optimizers, name)(**options)
    config = optimizer.get_config()
    model.compile(optimizer, "mse")
    losses, weights = [], [[] for _ in START]
    for _ in range(STEPS):
        losses.append(model.train_on_batch(X, Y))
        for trace, value in zip(weights, model.get_weights()):
            trace.append(value)
    slots = optimizer.get_weights()
    figures.fact(key, **{"config_" + floatx: config, "slots": len(slots)})
    figures.answer(
        key,
        floatx,
        losses=losses,
        weights0=weights[0],
        weights1=weights[1],
        **{f"slot{i}": a for i, a in enumerate(slots)},
    )
