"""Reference figures from the real Keras 2.2.5 on TensorFlow 1.15.5, written to `keras2/`.

The environment (Python 3.7):
    python3.7 -m venv keras2 && keras2/bin/pip install \
        keras==2.2.5 tensorflow==1.15.5 "protobuf<3.21" "numpy<1.19" "h5py<3"
Run, for all groups or for some:
    keras2/bin/python tests/figures/generate_keras2.py [GROUP ...]

One thread only, so that the order of TensorFlow's operations, and with it the last digit, is always the same.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

os.environ.update(
    KERAS_BACKEND="tensorflow", KERAS_HOME=tempfile.mkdtemp(), OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3"
)

import keras
import numpy as np
import tensorflow as tf
from keras import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from keras import backend as K
from keras.layers import (
    ELU,
    Activation,
    ActivityRegularization,
    AlphaDropout,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPooling3D,
    Highway,
    Input,
    LeakyReLU,
    LocallyConnected1D,
    LocallyConnected2D,
    Masking,
    MaxPooling1D,
    MaxPooling2D,
    MaxoutDense,
    PReLU,
    Permute,
    ReLU,
    RepeatVector,
    Reshape,
    SeparableConv2D,
    Softmax,
    ThresholdedReLU,
    TimeDistributed,
    UpSampling2D,
    ZeroPadding2D,
    concatenate,
)
from keras import models
from keras.models import Model, Sequential

import further
import normalization
import recipes
import recurrent
import windows
from recipes import FLOATX, Figures

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
    "tf_keras",
    "recurrent",
    "recurrent_images",
    "recurrent_models",
    "normalization",
    "normalization_models",
    "layer_normalization",
]
# Keras 2.2.5 itself fails on these in float64: a constant becomes float32, or TensorFlow has no such kernel.
FLOAT32_ONLY = {
    "categorical_hinge",
    "logcosh",
    "in_top_k",
    "top_k_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "MaxPooling3D",
}


def update_all_at_once():
    """Makes every new value be computed before any variable changes.

    Keras 2.2.5 leaves that order open, and TensorFlow 1 runs it either way, even on one thread: an Adam step
    may read `iterations` before or after its own increment (t = 1 or t = 2), and a hidden layer's gradient
    may use the weights above it before or after their update. Its sources, and Theano, mean the former.
    """
    plain_function = K.function

    def function(inputs, outputs, updates=None, **keywords):
        updates = list(updates or ())
        pairs = [update for update in updates if isinstance(update, tuple)]
        with tf.control_dependencies(list(outputs) + [new for _, new in pairs]):
            assigned = [tf.assign(variable, new) for variable, new in pairs]
        others = [update for update in updates if not isinstance(update, tuple)]
        return plain_function(inputs, outputs, updates=assigned + others, **keywords)

    K.function = function
    K.update = lambda variable, new: (variable, new)
    K.update_add = lambda variable, increment: (variable, variable + increment)


def use(floatx):
    """Starts an empty graph of that precision: once per case, for TensorFlow is slow in a crowded one."""
    K.clear_session()
    K.set_floatx(floatx)


def tensor(value):
    value = np.asarray(value)
    return K.placeholder(shape=value.shape, dtype=K.floatx() if value.dtype.kind == "f" else value.dtype.name)


def fed(value):
    value = np.asarray(value)
    return value.astype(K.floatx()) if value.dtype.kind == "f" else value


def evaluate(function, values, wrt):
    """The output of `function` on symbols for `values`, and the gradients of sum(cotangent * output)."""
    tensors = [[tensor(v) for v in value] if isinstance(value, list) else tensor(value) for value in values]
    flat = [t for entry in tensors for t in (entry if isinstance(entry, list) else [entry])]
    arrays = [fed(v) for value in values for v in (value if isinstance(value, list) else [value])]
    feed = dict(zip(flat, arrays))
    result = function(*tensors)
    output = K.get_session().run(result, feed)
    if not wrt:
        return output, []
    weight = fed(recipes.cotangent(np.shape(output)))
    gradients = K.gradients(K.sum(result * weight), [flat[i] for i in wrt])
    return output, [
        np.zeros_like(arrays[i]) if g is None else K.get_session().run(tf.convert_to_tensor(g), feed)
        for i, g in zip(wrt, gradients)
    ]


def with_cotangent(figures, key, output):
    figures.arrays.setdefault(key + "/in/cotangent", np.asarray(recipes.cotangent(np.shape(output))))


def record_activations():
    figures = Figures("keras2", "activations")
    for floatx in FLOATX:
        for key, name, x, options in recipes.activation_cases(2):
            use(floatx)
            figures.case(key, {"x": x}, function=name, options=options)
            output, (grad,) = evaluate(lambda t: getattr(activations, name)(t, **options), [x], [0])
            figures.answer(key, floatx, output=output, grad_x=grad)
    for key in figures.index:
        with_cotangent(figures, key, figures.arrays[key + "/float32/output"])
    figures.save()


def record_losses():
    figures = Figures("keras2", "losses")
    for floatx in FLOATX:
        for key, name, y_true, y_pred in recipes.loss_cases(2):
            use(floatx)
            figures.case(key, {"y_true": y_true, "y_pred": y_pred}, function=name)
            if floatx == "float64" and name in FLOAT32_ONLY:
                continue
            value, (grad,) = evaluate(getattr(losses, name), [y_true, y_pred], [1])
            figures.answer(key, floatx, value=value, grad_y_pred=grad)
    for key in list(figures.index):
        with_cotangent(figures, key, figures.arrays[key + "/float32/value"])
    aliases = {alias: losses.get(alias).__name__ for alias in recipes.ALIASES}
    figures.case("aliases", {}, aliases=aliases)
    figures.save()


def record_metrics():
    figures = Figures("keras2", "metrics")
    for floatx in FLOATX:
        for key, name, y_true, y_pred, options in recipes.metric_cases(2):
            use(floatx)
            figures.case(key, {"y_true": y_true, "y_pred": y_pred}, function=name, options=options)
            if floatx == "float64" and name in FLOAT32_ONLY:
                continue
            function = getattr(metrics, name)
            value, _ = evaluate(lambda t, p: function(t, p, **options), [y_true, y_pred], [])
            figures.answer(key, floatx, value=value)
    aliases = {
        alias: getattr(metrics, alias).__name__ for alias in recipes.ALIASES if hasattr(metrics, alias)
    }
    figures.case("aliases", {}, aliases=aliases)
    figures.save()


def record_initializers():
    """Exact arrays where TensorFlow draws no random number, else the distribution that Keras asks for."""
    figures = Figures("keras2", "initializers")
    asked = {}

    def ask(name, *parameters):
        def draw(shape, *values, **keywords):
            asked.clear()
            asked.update(
                {"distribution": name, "seed": keywords.get("seed")},
                **dict(zip(parameters, map(float, values))),
            )
            return K.zeros(shape)

        return draw

    K.random_uniform = ask("uniform", "minval", "maxval")
    K.random_normal = ask("normal", "mean", "stddev")
    K.truncated_normal = ask("truncated_normal", "mean", "stddev")
    random = [
        ("RandomNormal", {}),
        ("RandomNormal", {"mean": 1.0, "stddev": 0.5, "seed": 3}),
        ("RandomUniform", {}),
        ("RandomUniform", {"minval": -1.0, "maxval": 2.0}),
        ("TruncatedNormal", {}),
        ("TruncatedNormal", {"mean": 1.0, "stddev": 0.5}),
    ]
    random += [
        (name, {})
        for name in (
            "lecun_uniform",
            "lecun_normal",
            "glorot_uniform",
            "glorot_normal",
            "he_uniform",
            "he_normal",
        )
    ]
    random += [
        ("VarianceScaling", {"scale": 2.0, "mode": mode, "distribution": distribution})
        for mode in ("fan_in", "fan_out", "fan_avg")
        for distribution in ("normal", "uniform")
    ]
    exact = [
        ("Zeros", {}, (4, 3)),
        ("Ones", {}, (4, 3)),
        ("Constant", {}, (4, 3)),
        ("Constant", {"value": 0.25}, (2, 3, 4)),
        ("Identity", {}, (3, 3)),
        ("Identity", {"gain": 2.0}, (3, 3)),
        ("Identity", {}, (4, 3)),
        ("Identity", {}, (3, 4)),
    ]
    exact += [
        ("Orthogonal", options, shape)
        for options in ({"seed": 7}, {"gain": 1.5, "seed": 7})
        for shape in ((4, 3), (3, 4), (3, 3), (3, 3, 2, 4))
    ]
    cases = [(name, options, shape, True) for name, options, shape in exact]
    cases += [
        (name, options, shape, False)
        for name, options in random
        for shape in ((4, 3), (6,), (3, 2, 4), (3, 3, 2, 4), (2, 3, 2, 2, 2))
    ]
    for floatx in FLOATX:
        for name, options, shape, is_exact in cases:
            use(floatx)
            key = "/".join(
                [name, "x".join(map(str, shape))]
                + ["{}={}".format(*item) for item in sorted(options.items())]
            )
            initializer = getattr(initializers, name)(**options)
            fan_in, fan_out = initializers._compute_fans(shape)
            figures.case(
                key,
                {},
                function=name,
                shape=shape,
                options=options,
                config=initializers.serialize(initializer),
                fan_in=float(fan_in),
                fan_out=float(fan_out),
            )
            value = initializer(shape)
            if is_exact:
                figures.answer(
                    key, floatx, value=value if isinstance(value, np.ndarray) else K.get_value(value)
                )
            else:
                figures.fact(key, asked=dict(asked))
    aliases = {
        alias: getattr(initializers, alias).__name__
        for alias in (
            "zero",
            "zeros",
            "one",
            "ones",
            "constant",
            "uniform",
            "random_uniform",
            "normal",
            "random_normal",
            "truncated_normal",
            "identity",
            "orthogonal",
        )
    }
    figures.case("aliases", {}, aliases=aliases)
    figures.save()


def record_constraints():
    figures = Figures("keras2", "constraints")
    cases = [
        ("max_norm", {}),
        ("max_norm", {"max_value": 1.0}),
        ("max_norm", {"max_value": 1.5, "axis": 1}),
        ("non_neg", {}),
        ("unit_norm", {}),
        ("unit_norm", {"axis": 1}),
        ("min_max_norm", {}),
        ("min_max_norm", {"min_value": 1.0, "max_value": 2.0}),
        ("min_max_norm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.5, "axis": 1}),
    ]
    cases = [(name, options, recipes.W2) for name, options in cases]
    cases += [
        ("max_norm", {"max_value": 1.0, "axis": [0, 1, 2]}, recipes.W4),
        ("unit_norm", {"axis": [0, 1, 2]}, recipes.W4),
        ("min_max_norm", {"min_value": 1.0, "max_value": 2.0, "axis": [1, 2, 3]}, recipes.W4),
    ]
    for floatx in FLOATX:
        for name, options, w in cases:
            use(floatx)
            key = "/".join(
                (name, ",".join("{}={}".format(*item) for item in sorted(options.items())) or "defaults")
            )
            constraint = getattr(constraints, name)(**options)
            figures.case(
                key, {"w": w}, function=name, options=options, config=constraints.serialize(constraint)
            )
            figures.answer(key, floatx, output=evaluate(constraint, [w], [])[0])
    figures.save()


def record_regularizers():
    figures = Figures("keras2", "regularizers")
    cases = [
        ("l1", {}),
        ("l1", {"l": 0.25}),
        ("l2", {}),
        ("l2", {"l": 0.25}),
        ("l1_l2", {}),
        ("l1_l2", {"l1": 0.125, "l2": 0.5}),
        ("L1L2", {"l1": 0.125}),
        ("L1L2", {"l2": 0.5}),
    ]
    for floatx in FLOATX:
        for name, options in cases:
            use(floatx)
            key = "/".join(
                (name, ",".join("{}={}".format(*item) for item in sorted(options.items())) or "defaults")
            )
            regularizer = getattr(regularizers, name)(**options)
            figures.case(
                key,
                {"w": recipes.W2},
                function=name,
                options=options,
                config=regularizers.serialize(regularizer),
            )
            value, (grad,) = evaluate(regularizer, [recipes.W2], [0])
            figures.answer(key, floatx, value=value, grad_w=grad / recipes.cotangent(()))
    figures.save()


def record_optimizers():
    figures = Figures("keras2", "optimizers")
    for floatx in FLOATX:
        for case in recipes.optimizer_cases(2):
            use(floatx)
            recipes.descend(
                figures, floatx, Sequential([Dense(3, input_dim=4, name="dense")]), case, optimizers
            )
    figures.save()


def record_backend():
    figures = Figures("keras2", "backend")
    for floatx in FLOATX:
        for key, name, values, options, differentiable in recipes.backend_cases(2):
            use(floatx)
            flat, lists = [], []
            for value in values:
                lists.append(len(value) if isinstance(value, list) else 0)
                flat += value if isinstance(value, list) else [value]
            figures.case(
                key, {f"x{i}": v for i, v in enumerate(flat)}, function=name, options=options, lists=lists
            )
            if floatx == "float64" and name in FLOAT32_ONLY:
                continue
            wrt = (
                [i for i, v in enumerate(flat) if v.dtype.kind == "f"]
                if differentiable and name != "switch"
                else []
            )
            wrt = [1, 2] if name == "switch" else wrt
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
                kernel_regularizer=regularizers.l2(0.0625),
                bias_regularizer=regularizers.l1(0.125),
                activity_regularizer=regularizers.l1(0.03125),
                kernel_constraint=constraints.max_norm(1.0),
                bias_constraint=constraints.non_neg(),
            ),
            Dense(
                3,
                activation="softmax",
                name="kind",
                kernel_regularizer=regularizers.l1_l2(0.03125, 0.0625),
                kernel_constraint=constraints.unit_norm(axis=1),
                use_bias=False,
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
    x = Input(shape=(4,), name="x")
    h = Dense(6, activation="relu", name="hidden")(x)
    return Model(inputs=x, outputs=[Dense(3, activation="softmax", name="kind")(h), Dense(2, name="size")(h)])


def shared():
    a, b = Input(shape=(4,), name="a"), Input(shape=(4,), name="b")
    layer = Dense(5, activation="sigmoid", name="shared")
    return Model(inputs=[a, b], outputs=Dense(2, name="out")(concatenate([layer(a), layer(b)], name="both")))


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


def masked_dense():
    return Sequential(
        [
            Masking(0.0, input_shape=(5, 4), name="masking"),
            Dense(6, activation="tanh", name="hidden"),
            Dense(3, activation="softmax", name="kind"),
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
    "masked dense": masked_dense,
}


def record_training():
    figures = Figures("keras2", "training")
    for floatx in FLOATX:
        for case in recipes.training_cases(2, BUILD):
            use(floatx)
            recipes.train(figures, floatx, case, optimizers)
        recipes.fit(figures, floatx, BUILD, optimizers, "epochs")
    figures.save()


def record_layers():
    """Forward passes of single core layers: configuration, weights, output shape, output and output mask."""
    figures = Figures("keras2", "layers")
    cases = [
        ("Dense/2d", lambda: Dense(3, input_shape=(4,)), recipes.normal(5, 4)),
        ("Dense/3d", lambda: Dense(3, input_shape=(3, 4)), recipes.X234),
        ("Dense/activation", lambda: Dense(3, activation="relu", input_shape=(4,)), recipes.normal(5, 4)),
        ("Dense/softmax 3d", lambda: Dense(3, activation="softmax", input_shape=(3, 4)), recipes.X234),
        ("Dense/no bias", lambda: Dense(3, use_bias=False, input_shape=(4,)), recipes.normal(5, 4)),
        ("Activation/tanh", lambda: Activation("tanh", input_shape=(4,)), recipes.normal(5, 4)),
        ("Activation/softmax 3d", lambda: Activation("softmax", input_shape=(3, 4)), recipes.X234),
        ("Dropout/test time", lambda: Dropout(0.5, input_shape=(4,)), recipes.normal(5, 4)),
        ("Flatten/3d", lambda: Flatten(input_shape=(3, 4)), recipes.X234),
        ("Flatten/4d", lambda: Flatten(input_shape=(3, 4, 5)), recipes.X2345),
        (
            "Flatten/channels_first",
            lambda: Flatten(data_format="channels_first", input_shape=(3, 4, 5)),
            recipes.X2345,
        ),
        (
            "Flatten/channels_last",
            lambda: Flatten(data_format="channels_last", input_shape=(3, 4, 5)),
            recipes.X2345,
        ),
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
        for key, build, x in cases:
            use(floatx)
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
    wrt = [model.input] + model.trainable_weights
    gradients = K.gradients(K.sum(model.output * fed(weight)), wrt)
    output, *gradients = K.function([model.input], [model.output] + gradients)([fed(x)])
    return output, gradients


def record_windows(group, cases):
    figures = Figures("keras2", group)
    for floatx in FLOATX:
        for case in cases:
            if floatx == "float32" or case[0] not in FLOAT32_ONLY:
                use(floatx)
                key = windows.record(figures, floatx, case, layers, Sequential, outcome)
                figures.fact(key, flipped=False)
    figures.save()


def record_convolution():
    record_windows("convolution", windows.convolution_cases(2))


def record_pooling():
    record_windows("pooling", windows.pooling_cases(2))


def sequential_of_core_layers():
    return Sequential(
        [
            Dense(
                12,
                input_shape=(6,),
                activation="relu",
                name="dense_a",
                kernel_regularizer=regularizers.l2(0.25),
                kernel_constraint=constraints.max_norm(3),
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
            Dense(2, activation="softmax", kernel_initializer="he_normal", use_bias=False, name="dense_2"),
        ]
    )


def functional():
    a, b = Input(shape=(4,), name="a"), Input(shape=(4,), name="b")
    layer = Dense(3, activation="relu", name="shared")
    joined = concatenate([layer(a), layer(b)], axis=-1, name="joined")
    return Model(
        inputs=[a, b],
        outputs=[Dense(2, activation="softmax", name="kind")(joined), Dense(1, name="size")(joined)],
        name="two_in_two_out",
    )


def nested():
    inner = Sequential(
        [Dense(3, input_dim=4, name="inner_a"), Dense(2, activation="relu", name="inner_b")], name="inner"
    )
    x = Input(shape=(4,), name="x")
    return Model(inputs=x, outputs=Dense(1, name="out")(inner(x)), name="nested")


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
    figures = Figures("keras2", "models")
    use("float32")
    for key, build, x in (
        ("core", sequential_of_core_layers, [recipes.normal(5, 6)]),
        ("flat", flat_sequential, [recipes.normal(5, 3)]),
        ("functional", functional, [recipes.normal(5, 4), recipes.normal(5, 4, seed=1)]),
        ("nested", nested, [recipes.normal(5, 4)]),
    ):
        record_model(figures, key, build, x)
    figures.save()


def images():
    return Sequential(
        [
            Conv2D(4, (3, 2), padding="same", activation="relu", input_shape=(6, 7, 2), name="conv"),
            MaxPooling2D((2, 1), name="pool"),
            SeparableConv2D(3, (2, 3), padding="same", depth_multiplier=2, strides=2, name="separable"),
            Conv2DTranspose(2, 3, strides=2, activation="tanh", name="transposed"),
            DepthwiseConv2D((2, 2), depth_multiplier=2, dilation_rate=(2, 1), use_bias=False, name="depthwise"),
            AveragePooling2D(2, strides=1, padding="same", name="mean"),
            Flatten(name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def images_first():
    return Sequential(
        [
            ZeroPadding2D(((1, 0), (0, 2)), data_format="channels_first", input_shape=(2, 5, 4), name="pad"),
            Conv2D(4, (3, 2), dilation_rate=(1, 2), data_format="channels_first", name="conv"),
            UpSampling2D((2, 1), data_format="channels_first", name="up"),
            Flatten(data_format="channels_first", name="flat"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def sequence_and_volume():
    steps, volume = Input(shape=(9, 2), name="steps"), Input(shape=(4, 5, 3, 2), name="volume")
    a = Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu", name="conv1d")(steps)
    a = GlobalAveragePooling1D(name="all_steps")(MaxPooling1D(3, name="pool1d")(a))
    b = Conv3D(3, (2, 3, 1), strides=(1, 2, 1), activation="relu", name="conv3d")(volume)
    b = GlobalMaxPooling3D(name="all_pixels")(b)
    return Model(inputs=[steps, volume], outputs=Dense(2, name="out")(concatenate([a, b], name="joined")))


def record_convolution_models():
    figures = Figures("keras2", "convolution_models")
    use("float32")
    for key, build, x in (
        ("images", images, [recipes.normal(5, 6, 7, 2)]),
        ("images_first", images_first, [recipes.normal(5, 2, 5, 4)]),
        ("sequence_and_volume", sequence_and_volume, [recipes.normal(5, 9, 2), recipes.normal(5, 4, 5, 3, 2)]),
    ):
        record_model(figures, key, build, x)
        figures.fact(key, flipped=False)
    figures.save()


def record_further():
    """Learned activations, locally connected layers and old ones, as the layers with windows are recorded."""
    record_windows("further", further.layer_cases(2))


def learned():
    return Sequential(
        [
            Dense(6, input_dim=5, name="dense_a"),
            PReLU(alpha_regularizer=regularizers.l2(0.25), name="prelu"),
            GaussianNoise(0.0, name="noise"),
            Highway(activation="tanh", W_regularizer=regularizers.l2(0.125), name="highway"),
            LeakyReLU(0.25, name="leaky"),
            MaxoutDense(5, nb_feature=3, W_constraint=constraints.max_norm(2), name="maxout"),
            ReLU(2.0, 0.25, 0.125, name="relu"),
            GaussianDropout(0.0, name="drop"),
            Dense(4, name="dense_b"),
            AlphaDropout(0.0, name="alpha"),
            ELU(0.5, name="elu"),
            Dense(3, name="dense_c"),
            Softmax(name="softmax"),
        ]
    )


def local():
    return Sequential(
        [
            LocallyConnected2D(
                3, (2, 3), strides=(1, 2), data_format="channels_first", input_shape=(2, 5, 7), name="local_2d"
            ),
            PReLU(shared_axes=[2, 3], name="prelu"),
            Permute((2, 3, 1), name="last"),
            LocallyConnected2D(2, 2, data_format="channels_last", name="local_last"),
            ThresholdedReLU(0.25, name="threshold"),
            Reshape((3, 4), name="rows"),
            LocallyConnected1D(4, 2, activation="tanh", bias_regularizer=regularizers.l1(0.125), name="local_1d"),
            Softmax(axis=1, name="softmax"),
        ]
    )


def record_further_models():
    figures = Figures("keras2", "further_models")
    use("float32")
    for key, build, x in (
        ("learned", learned, [recipes.normal(5, 5)]),
        ("local", local, [recipes.normal(5, 2, 5, 7)]),
    ):
        record_model(figures, key, build, x)
        figures.fact(key, flipped=False)
    figures.save()


def tf_keras_layers(layers):
    """(class name, arguments) of the layers whose configuration is recorded."""
    window = {"filters": 3, "kernel_size": 2}
    cases = [("Dense", {"units": 3}), ("Activation", {"activation": "relu"}), ("ActivityRegularization", {"l1": 0.5})]
    cases += [(name, {"rate": 0.5}) for name in ("Dropout", "GaussianDropout", "AlphaDropout")]
    cases += [(f"SpatialDropout{rank}D", {"rate": 0.5}) for rank in (1, 2, 3)]
    cases += [("Reshape", {"target_shape": (2, 2)}), ("Permute", {"dims": (2, 1)}), ("RepeatVector", {"n": 3})]
    cases += [("GaussianNoise", {"stddev": 0.5}), ("Dot", {"axes": 1}), ("InputLayer", {"input_shape": (4,)})]
    cases += [("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2})]
    cases += [("TimeDistributed", {"layer": layers.Dense(3, name="inner")})]
    cases += [(f"{kind}{rank}D", window) for kind, ranks in (
        ("Conv", (1, 2, 3)), ("SeparableConv", (1, 2)), ("LocallyConnected", (1, 2))) for rank in ranks]
    cases += [(f"Conv{rank}DTranspose", window) for rank in (2, 3)]
    cases += [(f"{kind}{rank}D", {}) for rank in (1, 2, 3) for kind in (
        "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "UpSampling", "ZeroPadding",
        "Cropping")]
    return cases + [(name, {}) for name in (
        "Flatten", "Masking", "LeakyReLU", "ELU", "ThresholdedReLU", "ReLU", "Softmax", "PReLU", "Add", "Subtract",
        "Multiply", "Average", "Maximum", "Minimum", "Concatenate")]


def record_tf_keras():
    """What tf.keras of TensorFlow 1.15 writes: the configuration of each layer, and a model as a file."""
    figures = Figures("keras2", "tf_keras")
    layers = tf.keras.layers
    for class_name, arguments in tf_keras_layers(layers):
        config = getattr(layers, class_name)(name="mine", **arguments).get_config()
        plain = json.dumps(config, default=lambda value: value.item() if hasattr(value, "item") else list(value))
        figures.case(class_name, {}, config=json.loads(plain))
    model = tf.keras.Sequential(
        [
            layers.LocallyConnected2D(3, (2, 3), strides=(1, 2), input_shape=(5, 7, 2), name="local"),
            layers.PReLU(shared_axes=[1, 2], name="prelu"),
            layers.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise"),
            layers.LeakyReLU(name="leaky"),
            layers.GaussianNoise(0.25, name="noise"),
            layers.SpatialDropout2D(0.25, name="spatial"),
            layers.Flatten(name="flat"),
            layers.Dense(4, activation="selu", kernel_initializer="lecun_normal", name="dense"),
            layers.AlphaDropout(0.25, name="alpha"),
            layers.ELU(name="elu"),
            layers.Dense(3, name="out"),
            layers.Softmax(name="softmax"),
        ]
    )
    model.set_weights(recipes.start_weights(model))
    x = recipes.normal(5, 5, 7, 2)
    figures.case("model", {"x": x})
    figures.answer("model", "float32", predicted=model.predict(x))
    model.save(os.path.join(os.path.dirname(figures.path), "tf_keras_model.h5"))
    figures.save()


def record_recurrent():
    figures = Figures("keras2", "recurrent")
    for floatx in FLOATX:
        use(floatx)
        recurrent.record(figures, floatx, 2, layers, models, outcome)
    figures.save()


def record_recurrent_images():
    figures = Figures("keras2", "recurrent_images")
    for floatx in FLOATX:
        use(floatx)
        recurrent.record_images(figures, floatx, 2, layers, models, outcome)
    figures.save()


def record_recurrent_models():
    figures = Figures("keras2", "recurrent_models")
    use("float32")
    x = recurrent.ragged(recipes.normal(5, recurrent.TIME, recurrent.FEATURES))
    record_model(figures, "recurrent", lambda: recurrent.sequence_model(layers, models, 2), [x])
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
            Embedding(7, 4, mask_zero=True, name="words"),
            TimeDistributed(Dense(3, activation="softmax", name="inner"), name="kind"),
        ]
    )


def normalized(shape, **options):
    """Below the normalization a layer with weights, so that its gradient by its input matters."""
    above = [Activation("relu", name="cut")] if len(shape) == 1 else [Flatten(name="flat")]
    return Sequential(
        [
            Dense(5 if len(shape) == 1 else 4, input_shape=shape, name="below"),
            BatchNormalization(momentum=0.75, name="normal", **options),
            *above,
            Dense(3, activation="softmax", name="kind"),
        ]
    )


NORMALIZATION = {
    "words, plain": looked_up,
    "words, adam": looked_up,
    "words, penalties": lambda: looked_up(
        embeddings_regularizer=regularizers.l2(0.0625),
        activity_regularizer=regularizers.l1(0.03125),
        embeddings_constraint=constraints.max_norm(0.75),
    ),
    "words by step, masked": looked_up_by_step,
    "features, plain": lambda: normalized((4,)),
    "features, no beta": lambda: normalized((4,), center=False),
    "features, no gamma": lambda: normalized((4,), scale=False),
    "features, epsilon and penalties": lambda: normalized(
        (4,),
        epsilon=0.125,
        gamma_regularizer=regularizers.l2(0.0625),
        beta_regularizer=regularizers.l1(0.03125),
        gamma_constraint=constraints.non_neg(),
        beta_constraint=constraints.max_norm(0.25),
    ),
    "features, frozen": lambda: normalized((4,), trainable=False),
    "steps, last axis": lambda: normalized((3, 4)),
    "steps, axis 1": lambda: normalized((3, 4), axis=1),
    "images, axis 1": lambda: normalized((2, 3, 4), axis=1),
    "images, last axis": lambda: normalized((2, 3, 4)),
}


def record_normalization():
    """In float64 embeddings alone: Keras multiplies its variance of a batch by a float32."""
    figures = Figures("keras2", "normalization")
    for floatx in FLOATX:
        for case in normalization.training_cases(NORMALIZATION):
            if floatx == "float32" or case[0].startswith("words"):
                use(floatx)
                recipes.train(figures, floatx, case, optimizers)
    figures.save()


def words_and_normalization():
    return Sequential(
        [
            Embedding(7, 4, input_length=5, name="words"),
            BatchNormalization(axis=1, momentum=0.75, name="of_steps"),
            Flatten(name="flat"),
            Dense(4, activation="tanh", name="hidden"),
            BatchNormalization(epsilon=0.01, scale=False, name="of_features"),
            Dense(3, activation="softmax", name="kind"),
        ]
    )


def record_normalization_models():
    figures = Figures("keras2", "normalization_models")
    use("float32")
    key, x = "words_and_normalization", normalization.NUMBERS[:5]
    record_model(figures, key, words_and_normalization, [x])
    # the moving averages of a model that was loaded begin anew, so it is the loaded one that goes on
    model = models.load_model(os.path.join(os.path.dirname(figures.path), key + "_model.h5"))
    figures.answer(key, "float32", next_batch=model.train_on_batch(x, figures.arrays[key + "/in/y0"]))
    figures.answer(key, "float32", **{f"next_weights{i}": a for i, a in enumerate(model.get_weights())})
    figures.save()


def record_layer_normalization():
    """The layer of tf.keras, which Keras never had: output and gradients."""
    figures = Figures("keras2", "layer_normalization")
    for floatx in FLOATX:
        for key, x, options in normalization.layer_cases():
            K.clear_session()
            layer = tf.keras.layers.LayerNormalization(name="mine", dtype=floatx, **options)
            given = tf.constant(fed(x).astype(floatx))
            output = layer(given)
            start = recipes.start_weights_of(layer.get_weights())
            session = tf.compat.v1.keras.backend.get_session()
            layer.set_weights(start)
            weight = recipes.cotangent(x.shape)
            loss = tf.reduce_sum(output * weight.astype(floatx))
            gradients = session.run(tf.gradients(loss, [given, *layer.trainable_weights]))
            inputs = dict([("x", x), ("cotangent", weight)] + [(f"weight{i}", a) for i, a in enumerate(start)])
            figures.case(key, inputs, config=json.loads(json.dumps(layer.get_config(), default=list)))
            figures.answer(key, floatx, output=session.run(output), grad_x=gradients[0])
            figures.answer(key, floatx, **{f"grad_weight{i}": a for i, a in enumerate(gradients[1:])})
    figures.save()


if __name__ == "__main__":
    assert keras.__version__ == "2.2.5", keras.__version__
    update_all_at_once()
    for group in sys.argv[1:] or GROUPS:
        globals()["record_" + group]()
