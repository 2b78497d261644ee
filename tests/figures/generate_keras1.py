"""Reference figures from the real Keras 1.2.2 on Theano 1.0.5, written to `keras1/`.

The environment (Python 3.7, any C++ compiler):
    python3.7 -m venv keras1 && keras1/bin/pip install \
        keras==1.2.2 theano==1.0.5 numpy==1.16.6 "scipy<1.4" "h5py<3"
Run, for all groups or for some:
    keras1/bin/python tests/figures/generate_keras1.py [GROUP ...]

Each group runs in its own process. Activations are compiled with C, because Theano's Python versions cut
sigmoid off at +-30, and so are dilated convolutions, whose gradients have wrong shapes in Python; the rest runs
without a compiler, where the two agree to rounding and compiling takes far longer. The many small functions of the
backend and the layers with windows are not optimized either.
"""

import json
import os
import subprocess
import sys
import tempfile

GROUPS = [
    "optimizers",
    "losses",
    "activations",
    "training",
    "layers",
    "models",
    "metrics",
    "backend",
    "constraints",
    "regularizers",
    "initializers",
    "convolution",
    "pooling",
    "convolution_models",
    "further",
    "further_models",
    "recurrent",
    "recurrent_images",
    "recurrent_models",
    "normalization",
    "normalization_models",
]
COMPILED = {"activations", "convolution", "convolution_models", "further", "recurrent_images"}
PLAIN = {"backend", "convolution", "pooling", "convolution_models", "further", "further_models"}

if __name__ == "__main__" and "KERAS_FIGURES_GROUP" not in os.environ:
    home = tempfile.mkdtemp()
    for group in sys.argv[1:] or GROUPS:
        flags = "device=cpu,floatX=float32,base_compiledir={}".format(os.path.join(home, "theano"))
        flags += "" if group in COMPILED else ",cxx="
        flags += ",optimizer=fast_compile" if group in PLAIN else ""
        environment = dict(
            os.environ, KERAS_FIGURES_GROUP=group, KERAS_BACKEND="theano", KERAS_HOME=home, THEANO_FLAGS=flags
        )
        subprocess.check_call([sys.executable, "-W", "ignore", os.path.abspath(__file__)], env=environment)
    sys.exit()

import contextlib
import io

import keras
import numpy as np
import theano
import theano.ifelse  # Keras 1.2.2 relies on it having been imported
from keras import activations, constraints, initializations, layers, metrics, objectives, optimizers, regularizers
from keras import backend as K
from keras.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AtrousConvolution1D,
    AtrousConvolution2D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    BatchNormalization,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Deconvolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    Highway,
    Input,
    LeakyReLU,
    LocallyConnected1D,
    LocallyConnected2D,
    Masking,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    MaxoutDense,
    PReLU,
    ParametricSoftplus,
    Permute,
    RepeatVector,
    Reshape,
    SReLU,
    ThresholdedReLU,
    TimeDistributed,
    TimeDistributedDense,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
    merge,
)
from keras import models
from keras.models import Model, Sequential

import further
import normalization
import recipes
import recurrent
import windows
from recipes import FLOATX, Figures


def use(floatx):
    K.set_floatx(floatx)
    theano.config.floatX = floatx


def tensor(value):
    value = np.asarray(value)
    return K.placeholder(ndim=value.ndim, dtype=K.floatx() if value.dtype.kind == "f" else value.dtype.name)


def fed(value):
    value = np.asarray(value)
    return value.astype(K.floatx()) if value.dtype.kind == "f" else value


def evaluate(function, values, wrt):
    """The output of `function` on symbols for `values`, and the gradients of sum(cotangent * output)."""
    tensors = [[tensor(v) for v in value] if isinstance(value, list) else tensor(value) for value in values]
    flat = [t for entry in tensors for t in (entry if isinstance(entry, list) else [entry])]
    arrays = [fed(v) for value in values for v in (value if isinstance(value, list) else [value])]
    result = function(*tensors)
    output = theano.function(flat, result, on_unused_input="ignore")(*arrays)
    if not wrt:
        return output, []
    weight = fed(recipes.cotangent(np.shape(output)))
    gradients = theano.grad(K.sum(result * weight), [flat[i] for i in wrt])
    return output, theano.function(flat, gradients, on_unused_input="ignore")(*arrays)


def with_cotangent(figures, key, output):
    figures.arrays.setdefault(key + "/in/cotangent", np.asarray(recipes.cotangent(np.shape(output))))


def record_activations():
    figures = Figures("keras1", "activations")
    for floatx in FLOATX:
        use(floatx)
        for key, name, x, options in recipes.activation_cases(1):
            figures.case(key, {"x": x}, function=name, options=options)
            output, (grad,) = evaluate(lambda t: getattr(activations, name)(t, **options), [x], [0])
            figures.answer(key, floatx, output=output, grad_x=grad)
    for key in figures.index:
        with_cotangent(figures, key, figures.arrays[key + "/float32/output"])
    figures.save()


def record_losses():
    figures = Figures("keras1", "losses")
    for floatx in FLOATX:
        use(floatx)
        for key, name, y_true, y_pred in recipes.loss_cases(1):
            figures.case(key, {"y_true": y_true, "y_pred": y_pred}, function=name)
            value, (grad,) = evaluate(getattr(objectives, name), [y_true, y_pred], [1])
            figures.answer(key, floatx, value=value, grad_y_pred=grad)
    for key in list(figures.index):
        with_cotangent(figures, key, figures.arrays[key + "/float32/value"])
    aliases = {alias: objectives.get(alias).__name__ for alias in recipes.ALIASES}
    figures.case("aliases", {}, aliases=aliases)
    figures.save()


def record_metrics():
    figures = Figures("keras1", "metrics")
    for floatx in FLOATX:
        use(floatx)
        for key, name, y_true, y_pred, options in recipes.metric_cases(1):
            figures.case(key, {"y_true": y_true, "y_pred": y_pred}, function=name, options=options)
            function = getattr(metrics, name)
            value, _ = evaluate(lambda t, p: function(t, p, **options), [y_true, y_pred], [])
            figures.answer(key, floatx, value=value)
    aliases = {
        alias: getattr(metrics, alias).__name__
        for alias in recipes.ALIASES + ["fscore", "f1score"]
        if hasattr(metrics, alias)
    }
    figures.case("aliases", {}, aliases=aliases)
    figures.save()


def record_initializers():
    """The arrays that follow `numpy.random.seed(1337)`, exactly, and the fans of several shapes."""
    figures = Figures("keras1", "initializers")
    names = [
        "uniform",
        "lecun_uniform",
        "normal",
        "orthogonal",
        "zero",
        "one",
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
    ]
    cases = [
        (name, shape, order, {})
        for name in names
        for shape in ((4, 3), (3, 4), (6,), (3, 3, 2, 4), (2, 3, 2, 2, 2))
        for order in ("th", "tf")
        if name != "orthogonal" or len(shape) > 1
    ]
    cases += [
        ("identity", (3, 3), "th", {}),
        ("identity", (3, 3), "th", {"scale": 2.0}),
        ("uniform", (4, 3), "th", {"scale": 0.5}),
        ("normal", (4, 3), "th", {"scale": 0.5}),
        ("orthogonal", (4, 3), "th", {"scale": 1.0}),
    ]
    for name, shape, order, options in cases:
        if len(shape) < 3 and order == "tf":
            continue
        key = "/".join(
            [name, "x".join(map(str, shape)), order] + ["{}={}".format(*item) for item in options.items()]
        )
        figures.case(key, {}, function=name, shape=shape, dim_ordering=order, options=options, seed=1337)
        for floatx in FLOATX:
            use(floatx)
            np.random.seed(1337)
            value = K.get_value(getattr(initializations, name)(shape, dim_ordering=order, **options))
            figures.answer(key, floatx, value=value)
        fan_in, fan_out = initializations.get_fans(shape, dim_ordering=order)
        figures.fact(key, fan_in=float(fan_in), fan_out=float(fan_out))
    figures.save()


def record_constraints():
    figures = Figures("keras1", "constraints")
    cases = [
        ("maxnorm", {}),
        ("maxnorm", {"m": 1.0}),
        ("maxnorm", {"m": 1.5, "axis": 1}),
        ("nonneg", {}),
        ("unitnorm", {}),
        ("unitnorm", {"axis": 1}),
        ("MinMaxNorm", {}),
        ("MinMaxNorm", {"low": 1.0, "high": 2.0}),
        ("MinMaxNorm", {"low": 1.0, "high": 2.0, "rate": 0.5, "axis": 1}),
    ]
    cases = [(name, options, recipes.W2) for name, options in cases]
    cases += [
        ("maxnorm", {"m": 1.0, "axis": [0, 1, 2]}, recipes.W4),
        ("unitnorm", {"axis": [0, 1, 2]}, recipes.W4),
        ("MinMaxNorm", {"low": 1.0, "high": 2.0, "axis": [1, 2, 3]}, recipes.W4),
    ]
    for floatx in FLOATX:
        use(floatx)
        for name, options, w in cases:
            key = "/".join(
                (name, ",".join("{}={}".format(*item) for item in sorted(options.items())) or "defaults")
            )
            constraint = constraints.get(name, options)
            figures.case(key, {"w": w}, function=name, options=options, config=constraint.get_config())
            figures.answer(key, floatx, output=evaluate(constraint, [w], [])[0])
    figures.save()


def record_regularizers():
    figures = Figures("keras1", "regularizers")
    cases = [
        ("l1", {}),
        ("l1", {"l": 0.25}),
        ("l2", {}),
        ("l2", {"l": 0.25}),
        ("l1l2", {}),
        ("l1l2", {"l1": 0.125, "l2": 0.5}),
        ("activity_l1", {"l": 0.25}),
        ("activity_l2", {"l": 0.25}),
        ("activity_l1l2", {"l1": 0.125, "l2": 0.5}),
        ("WeightRegularizer", {"l1": 0.125}),
        ("ActivityRegularizer", {"l2": 0.5}),
        ("EigenvalueRegularizer", {"k": 0.25}),
    ]
    for floatx in FLOATX:
        use(floatx)
        for name, options in cases:
            key = "/".join(
                (name, ",".join("{}={}".format(*item) for item in sorted(options.items())) or "defaults")
            )
            regularizer = getattr(regularizers, name)(**options)
            w = recipes.normal(4, 3, seed=31) if name == "EigenvalueRegularizer" else recipes.W2
            figures.case(key, {"w": w}, function=name, options=options, config=regularizer.get_config())
            if (
                name == "EigenvalueRegularizer"
            ):  # it evaluates the shape of its argument: a variable, not a placeholder
                variable = K.variable(w)
                penalty = regularizer(variable)
                value, grad = theano.function([], [penalty, theano.grad(penalty, variable)])()
            else:
                value, (grad,) = evaluate(regularizer, [w], [0])
                grad = grad / recipes.cotangent(())
            figures.answer(key, floatx, value=value, grad_w=grad)
    figures.save()


def record_optimizers():
    figures = Figures("keras1", "optimizers")
    for floatx in FLOATX:
        use(floatx)
        for case in recipes.optimizer_cases(1):
            recipes.descend(
                figures, floatx, Sequential([Dense(3, input_dim=4, name="dense")]), case, optimizers
            )
    figures.save()


def record_backend():
    figures = Figures("keras1", "backend")
    for floatx in FLOATX:
        use(floatx)
        for key, name, values, options, differentiable in recipes.backend_cases(1):
            flat, lists = [], []
            for value in values:
                lists.append(len(value) if isinstance(value, list) else 0)
                flat += value if isinstance(value, list) else [value]
            figures.case(
                key, {f"x{i}": v for i, v in enumerate(flat)}, function=name, options=options, lists=lists
            )
            wrt = (
                [i for i, v in enumerate(flat) if v.dtype.kind == "f"]
                if differentiable and name != "switch"
                else []
            )
            wrt = [1, 2] if name == "switch" else wrt
            with contextlib.redirect_stdout(io.StringIO()):  # asymmetric_spatial_2d_padding prints
                output, grads = evaluate(lambda *tensors: getattr(K, name)(*tensors, **options), values, wrt)
            figures.answer(key, floatx, output=output, **{f"grad_x{i}": g for i, g in zip(wrt, grads)})
            if wrt:
                with_cotangent(figures, key, output)
    figures.save()


def classes():
    return Sequential(
        [Dense(8, activation="tanh", input_dim=4, name="hidden"), Dense(3, activation="softmax", name="kind")]
    )


def regularized():
    return Sequential(
        [
            Dense(
                8,
                activation="tanh",
                input_dim=4,
                name="hidden",
                W_regularizer=regularizers.l2(0.0625),
                b_regularizer=regularizers.l1(0.125),
                activity_regularizer=regularizers.activity_l1(0.03125),
                W_constraint=constraints.maxnorm(1.0),
                b_constraint=constraints.nonneg(),
            ),
            Dense(
                3,
                activation="softmax",
                name="kind",
                W_regularizer=regularizers.l1l2(0.03125, 0.0625),
                W_constraint=constraints.unitnorm(axis=1),
                bias=False,
            ),
        ]
    )


def activity():
    return Sequential(
        [
            Dense(6, activation="relu", input_dim=4, name="hidden"),
            ActivityRegularization(l1=0.03125, l2=0.0625, name="activity"),
            Dense(3, name="out"),
        ]
    )


def two_outputs():
    x = Input(shape=(4,), dtype=K.floatx(), name="x")
    h = Dense(6, activation="relu", name="hidden")(x)
    return Model(input=x, output=[Dense(3, activation="softmax", name="kind")(h), Dense(2, name="size")(h)])


def shared():
    a, b = Input(shape=(4,), dtype=K.floatx(), name="a"), Input(shape=(4,), dtype=K.floatx(), name="b")
    layer = Dense(5, activation="sigmoid", name="shared")
    return Model(
        input=[a, b], output=Dense(2, name="out")(merge([layer(a), layer(b)], mode="concat", name="both"))
    )


def frozen():
    return Sequential(
        [
            Dense(8, activation="tanh", input_dim=4, name="hidden", trainable=False),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def sequences():
    return Sequential(
        [
            Dense(6, activation="tanh", input_shape=(5, 4), name="hidden"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def masked():
    return Sequential(
        [
            Masking(0.0, input_shape=(5, 4), name="masking"),
            TimeDistributed(Dense(6, activation="tanh", name="inner_hidden"), name="hidden"),
            TimeDistributed(Dense(3, activation="softmax", name="inner_kind"), name="kind"),
        ]
    )


BUILD = {
    "classes": classes,
    "yes or no": lambda: Sequential(
        [
            Dense(8, activation="tanh", input_dim=4, name="hidden"),
            Dense(1, activation="sigmoid", name="answer"),
        ]
    ),
    "regularized": regularized,
    "activity": activity,
    "two outputs": two_outputs,
    "shared": shared,
    "frozen": frozen,
    "sequences": sequences,
    "masked": masked,
}


def record_training():
    figures = Figures("keras1", "training")
    for floatx in FLOATX:
        use(floatx)
        for case in recipes.training_cases(1, BUILD):
            recipes.train(figures, floatx, case, optimizers)
        recipes.fit(figures, floatx, BUILD, optimizers, "nb_epoch")
    figures.save()


def record_layers():
    """Forward passes of single core layers: configuration, weights, output shape, output and output mask."""
    figures = Figures("keras1", "layers")
    cases = [
        ("Dense/2d", lambda: Dense(3, input_shape=(4,)), recipes.normal(5, 4)),
        ("Dense/3d", lambda: Dense(3, input_shape=(3, 4)), recipes.X234),
        ("Dense/activation", lambda: Dense(3, activation="relu", input_shape=(4,)), recipes.normal(5, 4)),
        ("Dense/softmax 3d", lambda: Dense(3, activation="softmax", input_shape=(3, 4)), recipes.X234),
        ("Dense/no bias", lambda: Dense(3, bias=False, input_shape=(4,)), recipes.normal(5, 4)),
        ("Activation/tanh", lambda: Activation("tanh", input_shape=(4,)), recipes.normal(5, 4)),
        ("Activation/softmax 3d", lambda: Activation("softmax", input_shape=(3, 4)), recipes.X234),
        ("Dropout/test time", lambda: Dropout(0.5, input_shape=(4,)), recipes.normal(5, 4)),
        ("Flatten/3d", lambda: Flatten(input_shape=(3, 4)), recipes.X234),
        ("Flatten/4d", lambda: Flatten(input_shape=(3, 4, 5)), recipes.X2345),
        ("Reshape/whole", lambda: Reshape((6, 2), input_shape=(3, 4)), recipes.X234),
        ("Reshape/-1", lambda: Reshape((-1, 2, 2), input_shape=(3, 4)), recipes.X234),
        ("Permute/(2,1)", lambda: Permute((2, 1), input_shape=(3, 4)), recipes.X234),
        ("Permute/(3,1,2)", lambda: Permute((3, 1, 2), input_shape=(3, 4, 5)), recipes.X2345),
        ("RepeatVector/3", lambda: RepeatVector(3, input_shape=(4,)), recipes.normal(5, 4)),
        (
            "ActivityRegularization/l1,l2",
            lambda: ActivityRegularization(l1=0.5, l2=0.25, input_shape=(4,)),
            recipes.normal(5, 4),
        ),
        ("Masking/0", lambda: Masking(input_shape=(5, 4)), recipes.SEQUENCES),
        (
            "Masking/-1",
            lambda: Masking(-1.0, input_shape=(2, 2)),
            np.array([[[-1, -1], [1, -1]], [[0, 0], [-1, -1]]], "float32"),
        ),
        (
            "TimeDistributed/Dense",
            lambda: TimeDistributed(Dense(3, name="inner"), input_shape=(3, 4)),
            recipes.X234,
        ),
    ]
    for floatx in FLOATX:
        use(floatx)
        for key, build, x in cases:
            layer = build()
            model = Sequential([layer])
            model.build()
            start = recipes.start_weights(model)
            model.set_weights(start)
            config = layer.get_config()
            figures.case(
                key,
                dict([("x", x)] + [(f"weight{i}", w) for i, w in enumerate(start)]),
                class_name=type(layer).__name__,
                config=config,
                output_shape=model.output_shape,
                losses=len(model.losses),
            )
            answers = {"output": model.predict(x)}
            mask = model.compute_mask(model.inputs, None)
            mask = mask[0] if isinstance(mask, list) else mask
            if mask is not None:
                answers["mask"] = K.function(model.inputs, [mask])([fed(x)])[0]
            if model.losses:
                answers["penalty"] = K.function(model.inputs, [sum(model.losses)])([fed(x)])[0]
            figures.answer(key, floatx, **answers)
    figures.save()


def outcome(model, x, weight):
    """Output and gradients; no gradients where Theano has none (average pooling with borders)."""
    wrt = [model.input] + model.trainable_weights
    gradients = theano.grad(K.sum(model.output * fed(weight)), wrt)
    compiled = type(model.layers[0]).__name__.startswith(("Atrous", "ConvLSTM"))
    mode = None if compiled else theano.Mode("py", "fast_compile").excluding("conv_gemm", "AbstractConvCheck")
    try:
        output, *gradients = theano.function([model.input], [model.output] + gradients, mode=mode)(fed(x))
    except NotImplementedError:
        output, gradients = theano.function([model.input], model.output, mode=mode)(fed(x)), []
    return output, gradients


def record_windows(group, cases):
    figures = Figures("keras1", group)
    for floatx in FLOATX:
        use(floatx)
        for case in cases:
            with contextlib.redirect_stdout(io.StringIO()):  # ZeroPadding2D prints
                key = windows.record(figures, floatx, case, layers, Sequential, outcome)
            figures.fact(key, flipped=group in ("convolution", "pooling") and key + "/in/weight0" in figures.arrays)
    figures.save()


def record_convolution():
    record_windows("convolution", windows.convolution_cases(1))


def record_pooling():
    record_windows("pooling", windows.pooling_cases(1))


def sequential_of_core_layers():
    return Sequential(
        [
            Dense(
                12,
                input_shape=(6,),
                activation="relu",
                name="dense_a",
                W_regularizer=regularizers.l2(0.25),
                W_constraint=constraints.maxnorm(3),
            ),
            Dropout(0.25, name="drop"),
            Reshape((3, 4), name="reshape"),
            Permute((2, 1), name="permute"),
            Masking(-1.0, name="masking"),
            ActivityRegularization(l1=0.125, l2=0.25, name="activity"),
            Activation("tanh", name="tanh"),
            TimeDistributed(Dense(2, name="each"), name="each_step"),
        ]
    )


def flat_sequential():
    return Sequential(
        [
            Dense(4, input_dim=3, name="dense_1"),
            RepeatVector(2, name="repeat"),
            Flatten(name="flat"),
            Dense(2, activation="softmax", init="he_normal", bias=False, name="dense_2"),
        ]
    )


def functional():
    a, b = Input(shape=(4,), dtype=K.floatx(), name="a"), Input(shape=(4,), dtype=K.floatx(), name="b")
    layer = Dense(3, activation="relu", name="shared")
    joined = merge([layer(a), layer(b)], mode="concat", concat_axis=-1, name="joined")
    return Model(
        input=[a, b],
        output=[Dense(2, activation="softmax", name="kind")(joined), Dense(1, name="size")(joined)],
        name="two_in_two_out",
    )


def nested():
    inner = Sequential(
        [Dense(3, input_dim=4, name="inner_a"), Dense(2, activation="relu", name="inner_b")], name="inner"
    )
    x = Input(shape=(4,), dtype=K.floatx(), name="x")
    return Model(input=x, output=Dense(1, name="out")(inner(x)), name="nested")


def shown(model):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        model.summary()
    return text.getvalue()


def record_model(figures, key, build, x):
    """A model after three updates, saved whole and its weights alone, and what it predicts and learns then."""
    folder = os.path.dirname(figures.path)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    np.random.seed(1337)  # Dropout takes its seed from here
    model = build()
    start = recipes.start_weights(model)
    model.set_weights(start)
    y = [
        recipes.normal(5, *shape[1:], seed=80 + i)
        for i, shape in enumerate(
            model.output_shape if isinstance(model.output_shape, list) else [model.output_shape]
        )
    ]
    model.compile(optimizers.Adam(lr=0.0625, decay=0.125), "mse", metrics=["accuracy"])
    for _ in range(3):
        model.train_on_batch(recipes.one_or_all(x), recipes.one_or_all(y))
    figures.case(
        key,
        dict(
            [(f"x{i}", a) for i, a in enumerate(x)]
            + [(f"y{i}", a) for i, a in enumerate(y)]
            + [(f"start{i}", a) for i, a in enumerate(start)]
        ),
        json=model.to_json(),
        summary=shown(model),
        config=json.loads(model.to_json())["config"],
        layers=[layer.name for layer in model.layers],
        weight_names=[w.name for w in model.weights],
        parameters=int(model.count_params()),
        metrics_names=model.metrics_names,
        files=[f"{key}_model.h5", f"{key}_weights.h5"],
    )
    model.save(os.path.join(folder, key + "_model.h5"))
    model.save_weights(os.path.join(folder, key + "_weights.h5"), overwrite=True)
    predicted = model.predict(recipes.one_or_all(x))
    answers = {
        f"predicted{i}": a
        for i, a in enumerate(predicted if isinstance(predicted, list) else [predicted])
    }
    answers.update((f"weights{i}", a) for i, a in enumerate(model.get_weights()))
    answers.update((f"slot{i}", a) for i, a in enumerate(model.optimizer.get_weights()))
    if key != "core":  # whose Dropout nobody else can repeat
        # one more update: what a loaded model must answer too, its optimizer having been restored
        answers["next_batch"] = model.train_on_batch(recipes.one_or_all(x), recipes.one_or_all(y))
        answers.update((f"next_weights{i}", a) for i, a in enumerate(model.get_weights()))
    figures.answer(key, "float32", **answers)


def record_models():
    """JSON, summary, weight names and .h5 files of small models, with what to predict after loading."""
    figures = Figures("keras1", "models")
    use("float32")
    for key, build, x in (
        ("core", sequential_of_core_layers, [recipes.normal(5, 6)]),
        ("flat", flat_sequential, [recipes.normal(5, 3)]),
        ("functional", functional, [recipes.normal(5, 4), recipes.normal(5, 4, seed=1)]),
        ("nested", nested, [recipes.normal(5, 4)]),
    ):
        record_model(figures, key, build, x)
    figures.save()


def images_th():
    return Sequential(
        [
            Convolution2D(
                4, 3, 3, border_mode="same", activation="relu", dim_ordering="th", input_shape=(2, 6, 7), name="conv"
            ),
            MaxPooling2D((2, 3), dim_ordering="th", name="pool"),
            Flatten(name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def images_tf():
    return Sequential(
        [
            Convolution2D(4, 2, 3, activation="relu", dim_ordering="tf", input_shape=(6, 7, 2), name="conv"),
            MaxPooling2D((2, 3), dim_ordering="tf", name="pool"),
            Flatten(name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def mixed_1d():
    return Sequential(
        [
            Convolution1D(4, 3, border_mode="same", activation="tanh", input_shape=(9, 2), name="conv"),
            MaxPooling1D(2, name="pool"),
            UpSampling1D(2, name="up"),
            ZeroPadding1D(1, name="pad"),
            AtrousConvolution1D(3, 2, atrous_rate=3, bias=False, name="atrous"),
            Cropping1D((1, 0), name="crop"),
            AveragePooling1D(2, stride=1, name="mean"),
            GlobalMaxPooling1D(name="most"),
            Dense(2, name="out"),
        ]
    )


def mixed_2d():
    return Sequential(
        [
            AtrousConvolution2D(
                3, 2, 3, atrous_rate=(2, 1), subsample=(1, 1), dim_ordering="th", input_shape=(2, 6, 5), name="atrous"
            ),
            UpSampling2D((2, 1), dim_ordering="th", name="up"),
            ZeroPadding2D((1, 2), dim_ordering="th", name="pad"),
            Deconvolution2D(
                2, 3, 2, output_shape=(None, 2, 21, 14), subsample=(2, 2), dim_ordering="th", name="deconv"
            ),
            Cropping2D(((1, 0), (0, 2)), dim_ordering="th", name="crop"),
            AveragePooling2D((4, 3), dim_ordering="th", name="mean"),
            Flatten(name="flat"),
            Dense(2, name="out"),
        ]
    )


def mixed_3d():
    return Sequential(
        [
            Convolution3D(
                3, 2, 3, 2, subsample=(1, 2, 1), dim_ordering="th", input_shape=(2, 3, 5, 4), name="conv"
            ),
            MaxPooling3D((1, 1, 2), strides=(1, 1, 1), dim_ordering="th", name="pool"),
            ZeroPadding3D((1, 0, 1), dim_ordering="th", name="pad"),
            UpSampling3D((1, 2, 1), dim_ordering="th", name="up"),
            Cropping3D(((1, 0), (0, 1), (0, 1)), dim_ordering="th", name="crop"),
            AveragePooling3D((2, 1, 1), dim_ordering="th", name="mean"),
            GlobalAveragePooling3D(dim_ordering="th", name="all"),
            Dense(2, name="out"),
        ]
    )


def record_convolution_models():
    figures = Figures("keras1", "convolution_models")
    use("float32")
    for key, build, x in (
        ("images_th", images_th, [recipes.normal(5, 2, 6, 7)]),
        ("images_tf", images_tf, [recipes.normal(5, 6, 7, 2)]),
        ("mixed_1d", mixed_1d, [recipes.normal(5, 9, 2)]),
        ("mixed_2d", mixed_2d, [recipes.normal(5, 2, 6, 5)]),
        ("mixed_3d", mixed_3d, [recipes.normal(5, 2, 3, 5, 4)]),
    ):
        record_model(figures, key, build, x)
        figures.fact(key, flipped=True)
    figures.save()


def record_further():
    """Learned activations, locally connected layers and old ones, as the layers with windows are recorded."""
    record_windows("further", further.layer_cases(1))


def learned():
    return Sequential(
        [
            Dense(6, input_dim=5, name="dense_a"),
            PReLU(name="prelu"),
            GaussianNoise(0.0, name="noise"),
            Highway(activation="tanh", W_regularizer=regularizers.l2(0.125), name="highway"),
            LeakyReLU(0.25, name="leaky"),
            MaxoutDense(5, nb_feature=3, W_constraint=constraints.maxnorm(2), name="maxout"),
            SReLU(name="srelu"),
            GaussianDropout(0.0, name="drop"),
            Dense(4, name="dense_b"),
            ParametricSoftplus(name="softplus"),
            ELU(0.5, name="elu"),
            Dense(3, name="dense_c"),
        ]
    )


def local():
    return Sequential(
        [
            LocallyConnected2D(3, 2, 3, subsample=(1, 2), dim_ordering="th", input_shape=(2, 5, 7), name="local_2d"),
            ThresholdedReLU(0.25, name="threshold"),
            Reshape((4, 9), name="rows"),
            LocallyConnected1D(4, 2, b_regularizer=regularizers.l1(0.125), name="local_1d"),
            TimeDistributedDense(3, name="each"),
        ]
    )


def record_further_models():
    figures = Figures("keras1", "further_models")
    use("float32")
    for key, build, x in (
        ("learned", learned, [recipes.normal(5, 5)]),
        ("local", local, [recipes.normal(5, 2, 5, 7)]),
    ):
        record_model(figures, key, build, x)
        figures.fact(key, flipped=False)    figures.save()


def record_recurrent():
    figures = Figures("keras1", "recurrent")
    for floatx in FLOATX:
        use(floatx)
        recurrent.record(figures, floatx, 1, layers, models, outcome)
    figures.save()


def record_recurrent_images():
    figures = Figures("keras1", "recurrent_images")
    for floatx in FLOATX:
        use(floatx)
        recurrent.record_images(figures, floatx, 1, layers, models, outcome)
    figures.save()


def record_recurrent_models():
    figures = Figures("keras1", "recurrent_models")
    use("float32")
    x = recurrent.ragged(recipes.normal(5, recurrent.TIME, recurrent.FEATURES))
    record_model(figures, "recurrent", lambda: recurrent.sequence_model(layers, models, 1), [x])
    figures.save()


def looked_up(**options):
    options.setdefault("input_length", 5)
    return Sequential(
        [
            Embedding(7, 4, name="words", **options),
            Flatten(name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def looked_up_by_step():
    return Sequential(
        [
            Embedding(7, 4, mask_zero=True, input_length=5, name="words"),
            TimeDistributed(Dense(3, activation="softmax", name="inner"), name="kind"),
        ]
    )


def normalized(shape, **options):
    """Below the normalization a layer with weights, so that its gradient by its input matters."""
    layers_of_model = [BatchNormalization(momentum=0.75, name="normal", **options)]
    if len(shape) == 1:
        layers_of_model.insert(0, Dense(5, input_shape=shape, name="below"))
        layers_of_model.append(Activation("relu", name="cut"))
    else:
        layers_of_model.insert(0, TimeDistributed(Dense(4, name="inner"), input_shape=shape, name="below"))
        layers_of_model.append(Flatten(name="flat"))
    return Sequential([*layers_of_model, Dense(3, activation="softmax", name="kind")])


def normalized_images(**options):
    return Sequential(
        [
            BatchNormalization(momentum=0.75, input_shape=(2, 3, 4), name="normal", **options),
            Flatten(name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


NORMALIZATION = {
    "words, plain": looked_up,
    "words, adam": looked_up,
    "words, penalties": lambda: looked_up(
        W_regularizer=regularizers.l2(0.0625),
        activity_regularizer=regularizers.activity_l1(0.03125),
        W_constraint=constraints.maxnorm(0.75),
    ),
    "words by step, masked": looked_up_by_step,
    "features, plain": lambda: normalized((4,)),
    "features, sample-wise": lambda: normalized((4,), mode=1),
    "features, batch alone": lambda: normalized((4,), mode=2),
    "features, epsilon and penalties": lambda: normalized(
        (4,), epsilon=0.125, gamma_regularizer=regularizers.l2(0.0625), beta_regularizer=regularizers.l1(0.03125)
    ),
    "features, frozen": lambda: normalized((4,), trainable=False),
    "steps, last axis": lambda: normalized((3, 4)),
    "steps, axis 1": lambda: normalized((3, 4), axis=1),
    "images, axis 1": lambda: normalized_images(axis=1),
    "images, last axis": lambda: normalized_images(axis=-1),
}


def record_normalization():
    figures = Figures("keras1", "normalization")
    for floatx in FLOATX:
        use(floatx)
        for case in normalization.training_cases(NORMALIZATION):
            recipes.train(figures, floatx, case, optimizers)
    figures.save()


def words_and_normalization():
    return Sequential(
        [
            Embedding(7, 4, input_length=5, name="words"),
            BatchNormalization(axis=1, momentum=0.75, name="of_steps"),
            Flatten(name="flat"),
            Dense(4, activation="tanh", name="hidden"),
            BatchNormalization(epsilon=0.01, name="of_features"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def record_normalization_models():
    figures = Figures("keras1", "normalization_models")
    use("float32")
    record_model(figures, "words_and_normalization", words_and_normalization, [normalization.NUMBERS[:5]])
    figures.save()


if __name__ == "__main__":
    assert keras.__version__ == "1.2.2", keras.__version__
    globals()["record_" + os.environ["KERAS_FIGURES_GROUP"]]()
