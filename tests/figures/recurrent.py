"""The cases of the groups `recurrent`, `recurrent_images` and `recurrent_models`: layers along timesteps.

Like `recipes.py` it runs under Python 3.7 beside either Keras; `generation` decides the words they are told in.
"""

import numpy as np
import recipes

BATCH, TIME, FEATURES, UNITS = 3, 4, 2, 3


def sequences(seed=0, time=TIME, features=FEATURES):
    return recipes.normal(BATCH, time, features, seed=seed)


def ragged(x):
    """Of the samples the first is whole, the second ends early and begins late, the last is masked altogether."""
    x = np.array(x)
    x[1, 0] = x[1, -1] = 0
    x[2] = 0
    return x


def _words(generation, **options):
    """Options in the words of that Keras."""
    if generation == 2:
        return options
    names = {
        "units": "output_dim", "recurrent_activation": "inner_activation", "filters": "nb_filter",
        "padding": "border_mode", "strides": "subsample"}
    found = {names.get(name, name): value for name, value in options.items()}
    if "kernel_size" in found:
        found["nb_row"], found["nb_col"] = found.pop("kernel_size")
    if "data_format" in found:
        found["dim_ordering"] = {"channels_first": "th", "channels_last": "tf"}[found.pop("data_format")]
    return found


def recurrent_cases(generation):
    """(key, class name, options, whether timesteps are masked), for each recurrent layer by itself."""
    for name in ("SimpleRNN", "GRU", "LSTM"):
        yield name + "/plain", name, {}, False
        yield name + "/sequences", name, {"return_sequences": True}, False
        yield name + "/backwards", name, {"go_backwards": True, "return_sequences": True}, False
        yield name + "/masked", name, {}, True
        yield name + "/masked_sequences", name, {"return_sequences": True}, True
        yield name + "/masked_backwards", name, {"go_backwards": True, "return_sequences": True}, True
        yield name + "/unrolled", name, {"unroll": True, "return_sequences": True}, False
        yield name + "/relu", name, {"activation": "relu"}, False
        yield name + "/stateful", name, {"stateful": True}, False
        if name != "SimpleRNN":
            yield name + "/sigmoid", name, {"recurrent_activation": "sigmoid", "activation": "softsign"}, False
        if generation == 1:
            for way in ("mem", "gpu"):
                yield name + "/" + way, name, {"consume_less": way}, False
            continue
        yield name + "/no_bias", name, {"use_bias": False}, True
        if name != "SimpleRNN":
            yield name + "/implementation2", name, {"implementation": 2}, True
        if name == "GRU":
            yield "GRU/reset_after", name, {"reset_after": True, "return_sequences": True}, False
            yield "GRU/reset_after_masked", name, {"reset_after": True, "recurrent_activation": "sigmoid"}, True
            yield "GRU/reset_after_no_bias", name, {"reset_after": True, "use_bias": False}, False
        if name == "LSTM":
            yield "LSTM/no_forget_bias", name, {"unit_forget_bias": False}, False


def image_cases(generation):
    """The same for ConvLSTM2D. Of even windows Theano's borders 'same', which the states' have, are others."""
    basic = {"filters": 2, "kernel_size": (3, 3) if generation == 1 else (2, 3)}
    for key, options in (
        ("plain", {}),
        ("sequences", {"return_sequences": True, "padding": "same"}),
        ("strided", {"strides": (2, 1), "padding": "same", "return_sequences": True}),
        ("first", {"data_format": "channels_first"}),
        ("backwards", {"go_backwards": True, "recurrent_activation": "sigmoid"}),
        ("dilated", {"dilation_rate": (1, 2)}),
    ):
        if generation == 1 and (key == "dilated" or options.get("padding") == "same"):
            continue        # Keras 1 knows no dilation here, and Theano other windows
        options = dict(basic, **options)
        options.setdefault("data_format", "channels_last")
        yield "ConvLSTM2D/" + key, "ConvLSTM2D", options, False


def _shape(options):
    if "filters" in options:
        return (3, 2, 4, 5) if options["data_format"] == "channels_first" else (3, 4, 5, 2)
    return (TIME, FEATURES)


def _inner(layers, generation, name, options):
    if "filters" not in options:
        options = dict(units=UNITS, **options)
    return getattr(layers, name)(**_words(generation, **options))


def built(layers, models, generation, name, options, masked):
    """A model of that layer, behind a Masking where its timesteps are masked."""
    shape = (BATCH,) + _shape(options)
    model = models.Sequential()
    place = {"batch_input_shape": shape} if options.get("stateful") else {"input_shape": shape[1:]}
    if masked:
        model.add(layers.Masking(0.0, **place))
        place = {}
    if "filters" not in options:
        options = dict(units=UNITS, **options)
    model.add(getattr(layers, name)(**dict(_words(generation, **options), **place)))
    return model


def around_cases(generation):
    """(key, function of (layers, models) giving a model, whether timesteps are masked)."""
    def both(mode, name="LSTM", **options):
        def build(layers, models, masked):
            model = models.Sequential()
            if masked:
                model.add(layers.Masking(0.0, input_shape=(TIME, FEATURES)))
            inner = _inner(layers, generation, name, options)
            place = {} if masked else {"input_shape": (TIME, FEATURES)}
            model.add(layers.Bidirectional(inner, merge_mode=mode, **place))
            return model
        return build

    for mode in ("concat", "sum", "mul", "ave"):
        yield "Bidirectional/" + mode, both(mode, return_sequences=True), False
    yield "Bidirectional/last", both("concat"), False
    yield "Bidirectional/masked", both("concat", "GRU", return_sequences=True), True
    yield "Bidirectional/masked_last", both("sum", "SimpleRNN"), True

    def each(layers, models, masked):
        model = models.Sequential()
        model.add(layers.TimeDistributed(_inner(layers, generation, "GRU", {}), input_shape=(2, TIME, FEATURES)))
        return model

    yield "TimeDistributed/GRU", each, False

    def deep(layers, models, masked):
        model = models.Sequential()
        model.add(layers.Masking(0.0, input_shape=(TIME, FEATURES)))
        model.add(_inner(layers, generation, "LSTM", {"return_sequences": True}))
        model.add(_inner(layers, generation, "GRU", {"return_sequences": True, "go_backwards": True}))
        model.add(_inner(layers, generation, "SimpleRNN", {}))
        return model

    yield "deep/masked", deep, True
    if generation == 1:
        return

    def cells(layers, models, masked):
        model = models.Sequential()
        if masked:
            model.add(layers.Masking(0.0, input_shape=(TIME, FEATURES)))
        inner = [layers.LSTMCell(3), layers.GRUCell(2), layers.SimpleRNNCell(4)]
        model.add(layers.RNN(inner, return_sequences=True, **({} if masked else {"input_shape": (TIME, FEATURES)})))
        return model

    yield "RNN/cells", cells, False
    yield "RNN/cells_masked", cells, True


def record_images(figures, floatx, generation, layers, models, outcome):
    """The cases of sequences of images in one float type."""
    for key, name, options, masked in image_cases(generation):
        model = built(layers, models, generation, name, options, masked)
        x = recipes.normal(*((BATCH,) + _shape(options)), seed=1)
        _record_one(figures, floatx, key, model, x, outcome, False)


def record(figures, floatx, generation, layers, models, outcome):
    """All other cases in one float type."""
    for key, name, options, masked in recurrent_cases(generation):
        model = built(layers, models, generation, name, options, masked)
        x = recipes.normal(*((BATCH,) + _shape(options)), seed=1)
        _record_one(figures, floatx, key, model, ragged(x) if masked else x, outcome, bool(options.get("stateful")))
    for key, build, masked in around_cases(generation):
        model = build(layers, models, masked)
        x = recipes.normal(*((BATCH,) + tuple(model.input_shape[1:])), seed=1)
        _record_one(figures, floatx, key, model, ragged(x) if masked else x, outcome, False)


def _record_one(figures, floatx, key, model, x, outcome, stateful):
    weights = recipes.start_weights(model)
    model.set_weights(weights)
    cotangent = recipes.cotangent(tuple(BATCH if size is None else size for size in model.output_shape))
    inputs = dict([("x", x), ("cotangent", cotangent)] + [(f"weight{i}", w) for i, w in enumerate(weights)])
    figures.case(key, inputs, json=model.to_json(), stateful=stateful)
    output, (grad_x, *grads) = outcome(model, x, cotangent)
    answers = dict([("output", output), ("grad_x", grad_x)] + [(f"grad_weight{i}", g) for i, g in enumerate(grads)])
    if stateful:
        model.reset_states()
        answers["first"] = model.predict(x, batch_size=BATCH)
        answers["second"] = model.predict(x[:, ::-1], batch_size=BATCH)
        model.reset_states()
        answers["again"] = model.predict(x, batch_size=BATCH)
    figures.answer(key, floatx, **answers)


def sequence_model(layers, models, generation):
    """What is saved as a file: masked sequences through several recurrent layers."""
    model = models.Sequential()
    model.add(layers.Masking(0.0, input_shape=(TIME, FEATURES), name="masking"))
    inner = _inner(layers, generation, "LSTM", {"return_sequences": True, "name": "lstm"})
    model.add(layers.Bidirectional(inner, name="both"))
    model.add(_inner(layers, generation, "GRU", {"return_sequences": True, "name": "gru"}))
    model.add(_inner(layers, generation, "SimpleRNN", {"name": "simple", "go_backwards": True}))
    model.add(layers.Dense(2, name="dense"))
    return model
