"""The cases of the groups `convolution` and `pooling`: layers that slide a window over 1, 2 or 3 spatial axes.

Like `recipes.py` it runs under Python 3.7 beside either Keras. The choices (window, strides, size, ...) are combined
so that many pairs of them meet in few cases; `generation` decides the words they are told in.
"""

import itertools
import random

import numpy as np

LARGEST = 450  # numbers in an input, a weight or an output of a convolution: the files are to stay small


def pairwise(choices, legal, most):
    """At most so many combinations {name: value}, each picked for the most pairs of values not met before."""
    draw = random.Random(0)
    drawn = [{name: draw.choice(values) for name, values in sorted(choices.items())} for _ in range(20000)]
    drawn = [combination for combination in drawn if legal(combination)]
    pairs = [set(itertools.combinations(sorted(combination.items()), 2)) for combination in drawn]
    missing, chosen = set().union(*pairs), []
    while missing and len(chosen) < most:
        best = max(range(len(drawn)), key=lambda number: len(pairs[number] & missing))
        chosen.append(drawn[best])
        missing -= pairs[best]
    return chosen


class Windows:
    """A combination read axis by axis: `size`, `window`, `stride` and `dilation` are tuples."""

    def __init__(self, combination, rank):
        self.__dict__.update(combination)
        self.rank = rank
        for name, otherwise in (("size", None), ("window", None), ("stride", 1), ("dilation", 1)):
            each = [combination.get(name + str(axis), combination.get(name, otherwise)) for axis in range(rank)]
            setattr(self, name, tuple(each))
        self.reach = tuple(d * (k - 1) + 1 for k, d in zip(self.window, self.dilation))

    def borders(self, sizes):
        """Zeros before and after each axis, TensorFlow's rule for 'same'."""
        found = []
        for n, reach, s in zip(sizes, self.reach, self.stride):
            total = max((-(-n // s) - 1) * s + reach - n, 0)
            same = (total // 2, total - total // 2)
            found.append({"valid": (0, 0), "same": same, "full": (reach - 1,) * 2, "causal": (reach - 1, 0)})
        return [pair[self.padding] for pair in found]

    def out(self, sizes):
        """The output sizes of a convolution of such an image; 0 where the window is larger than the image."""
        padded = [n + sum(pair) for n, pair in zip(sizes, self.borders(sizes))]
        return tuple(max(n - reach, -s) // s + 1 for n, reach, s in zip(padded, self.reach, self.stride))

    def transposed(self, generation):
        """The output sizes of a transposed convolution of such an image, of which `extra` are a choice."""
        found = []
        for n, reach, s, extra in zip(self.size, self.reach, self.stride, self.extra or (None,) * self.rank):
            if extra is None:
                found.append(s * n + (max(reach - s, 0) if self.padding == "valid" else 0))
            else:
                found.append(s * (n - 1) + reach + extra - (2 * (reach // 2) if self.padding == "same" else 0))
        return tuple(found)

    def strided_or_dilated(self):
        return max(self.stride) == 1 or max(self.dilation) == 1

    def as_theano(self, sizes, before):
        """Theano, which puts `before` zeros ahead of each axis for 'same', means the same windows."""
        return self.padding != "same" or [pair[0] for pair in self.borders(sizes)] == list(before)

    def shape(self, channels=None):
        channels = (channels or self.channels,)
        return (self.batch,) + (channels + self.size if self.layout == "first" else self.size + channels)

    def one_or_all(self, values):
        return values[0] if self.rank == 1 else values

    def place(self, generation):
        """Padding, and where there is one the data format, in Keras's words."""
        if generation == 2:
            return {"padding": self.padding, "data_format": "channels_" + self.layout}
        ordering = {} if self.rank == 1 else {"dim_ordering": {"first": "th", "last": "tf"}[self.layout]}
        return dict(ordering, border_mode=self.padding)


def combined(rank, axes, choices, legal, most):
    """`axes`: choices made for each axis; `choices`: made once."""
    each = {name + str(axis): values for name, values in axes.items() for axis in range(rank)}
    found = pairwise(dict(each, **choices), lambda combination: legal(Windows(combination, rank)), most)
    return [Windows(combination, rank) for combination in found]


def small(*shapes):
    return all(0 < np.prod(shape) <= LARGEST for shape in shapes)


# ------------------------------------------------------------------ convolutions

SIZE = {1: (1, 6, 9, 13), 2: (1, 4, 7, 10), 3: (1, 3, 4)}
CHANNELS = {1: (1, 3, 16, 65), 2: (1, 2, 5, 16, 65), 3: (1, 2, 17)}
FILTERS = {1: (1, 5, 33), 2: (1, 4, 7, 33), 3: (1, 3, 8)}
WINDOW, STEP = {1: (1, 2, 3, 4, 5), 2: (1, 2, 3, 4, 5), 3: (1, 2, 3)}, {1: (1, 2, 3), 2: (1, 2, 3), 3: (1, 2)}
END = {"bias": (True, False), "activation": ("linear", "relu", "tanh"), "batch": (1, 3), "layout": ("first", "last")}


def ending(case):
    """relu is asked for with a bias only: sums of rounded numbers may be exactly 0, where slopes differ."""
    return case.bias or case.activation != "relu"


def end(generation, case):
    return {"activation": case.activation, "use_bias" if generation == 2 else "bias": case.bias}


def convolutions(generation, rank):
    """(class name, arguments, input shape, terms of each sum)."""
    def legal(case):
        weights = case.window + (case.channels, case.filters)
        return (
            ending(case)
            and case.strided_or_dilated()
            and not (case.padding == "causal" and case.layout == "first")
            and small(case.shape(), weights, case.out(case.size) + (case.batch, case.filters))
            and (generation == 2 or case.as_theano(case.size, [reach // 2 for reach in case.reach]))
        )

    extra = {(1, 1): ("full",), (1, 2): ("full",), (2, 1): ("causal",)}.get((generation, rank), ())
    axes = {"window": WINDOW[rank], "size": SIZE[rank], "stride": STEP[rank], "dilation": STEP[rank]}
    if (generation, rank) == (1, 3):
        del axes["dilation"]
    choices = dict(END, channels=CHANNELS[rank], filters=FILTERS[rank], padding=("valid", "same") + extra)
    if (generation, rank) == (1, 1):
        choices["layout"] = ("last",)
    cases = []
    for case in combined(rank, axes, choices, legal, {1: 20, 2: 32, 3: 14}[rank]):
        words = dict(case.place(generation), **end(generation, case))
        if generation == 2:
            name = f"Conv{rank}D"
            words.update(filters=case.filters, kernel_size=case.window, strides=case.stride)
            words.update(dilation_rate=case.dilation)
        else:
            name = ("Atrous" if max(case.dilation) > 1 else "") + f"Convolution{rank}D"
            windows = [["filter_length"], ["nb_row", "nb_col"], ["kernel_dim1", "kernel_dim2", "kernel_dim3"]]
            words.update(zip(windows[rank - 1], case.window), nb_filter=case.filters)
            words["subsample_length" if rank == 1 else "subsample"] = case.one_or_all(case.stride)
            if max(case.dilation) > 1:
                words["atrous_rate"] = case.one_or_all(case.dilation)
        cases.append((name, words, case.shape(), np.prod(case.window) * case.channels))
    return cases


def transposed_convolutions(generation, rank):
    def legal(case):
        sizes = case.transposed(generation)
        theano = case.as_theano(sizes, [reach // 2 for reach in case.reach])
        return (
            ending(case)
            and case.strided_or_dilated()
            and all(extra < s for extra, s in zip(case.extra or (), case.stride))
            and small(case.shape(), case.window + (case.channels, case.filters), sizes + (case.batch, case.filters))
            and case.out(sizes) == case.size
            and (generation == 2 or theano)
        )

    axes = {"window": WINDOW[rank], "size": {2: (1, 3, 6), 3: (1, 3)}[rank], "stride": STEP[rank]}
    extras = {2: [(0, 0), (1, 0), (0, 1), (2, 1), (2, 2)], 3: [(0, 0, 0), (1, 0, 1)]}[rank]
    choices = dict(END, channels=(1, 5, 33), filters=(1, 3, 7), padding=("valid", "same"), extra=extras)
    if generation == 2:
        choices["extra"] = [None] + extras
    if (generation, rank) == (2, 2):
        choices["dilation"] = (1, 2, 3)
    cases = []
    for case in combined(rank, axes, choices, legal, {2: 18, 3: 6}[rank]):
        words = dict(case.place(generation), **end(generation, case))
        sizes = case.transposed(generation)
        if generation == 2:
            name = f"Conv{rank}DTranspose"
            words.update(filters=case.filters, kernel_size=case.window, strides=case.stride)
            words.update(output_padding=case.extra)
            if rank == 2:
                words.update(dilation_rate=case.dilation)
        else:
            name = "Deconvolution2D"
            shape = (case.filters,) + sizes if case.layout == "first" else sizes + (case.filters,)
            words.update(nb_filter=case.filters, nb_row=case.window[0], nb_col=case.window[1], subsample=case.stride)
            words.update(output_shape=(None,) + shape)
        cases.append((name, words, case.shape(), np.prod(case.window) * case.channels))
    return cases


def depthwise_convolutions(rank, separable):
    """Keras 2 only. One stride for all axes: TensorFlow has no other."""
    def legal(case):
        outputs = case.channels * case.multiplier
        return (
            ending(case)
            and case.strided_or_dilated()
            and small(case.shape(), case.window + (outputs,), (outputs, case.filters),
                      case.out(case.size) + (case.batch, max(case.filters, outputs)))
        )

    axes = {"window": WINDOW[rank], "size": SIZE[rank], "dilation": (1, 2, 3)}
    choices = dict(END, channels=(1, 3, 17, 65), multiplier=(1, 2, 3), padding=("valid", "same"), stride=(1, 2, 3))
    choices["filters"] = (1, 4, 9) if separable else (1,)
    cases = []
    for case in combined(rank, axes, choices, legal, {1: 8, 2: 16}[rank]):
        words = dict(case.place(2), depth_multiplier=case.multiplier, kernel_size=case.window, strides=case.stride)
        words.update(end(2, case), dilation_rate=case.dilation)
        if separable:
            words.update(filters=case.filters)
        cases.append((("SeparableConv{}D" if separable else "DepthwiseConv{}D").format(rank), words, case.shape(),
                      np.prod(case.window) * (case.channels if separable else 1)))
    return cases


def resized(generation):
    """Upsampling, zero padding and cropping: (class name, arguments, input shape)."""
    formats = [{"dim_ordering": "th"}, {"dim_ordering": "tf"}] if generation == 1 else [
        {"data_format": "channels_first"}, {"data_format": "channels_last"}]
    first, last = formats
    length, pads = ("length", "dict") if generation == 1 else ("size", "pairs")
    cases = [
        ("UpSampling1D", {length: 3}, (2, 5, 3)),
        ("UpSampling1D", {length: 1}, (1, 1, 65)),
        ("UpSampling2D", dict(first, size=(2, 3)), (2, 3, 5, 4)),
        ("UpSampling2D", dict(last, size=(3, 1)), (1, 1, 7, 17)),
        ("UpSampling2D", dict(last, size=(2, 2)), (3, 4, 3, 5)),
        ("UpSampling3D", dict(first, size=(1, 2, 3)), (2, 3, 2, 3, 2)),
        ("UpSampling3D", dict(last, size=(2, 2, 2)), (1, 1, 2, 3, 4)),
        ("ZeroPadding1D", {"padding": 2}, (2, 5, 3)),
        ("ZeroPadding1D", {"padding": (1, 3) if pads == "pairs" else {"left_pad": 1, "right_pad": 3}}, (1, 1, 65)),
        ("ZeroPadding2D", dict(first, padding=(1, 2)), (2, 3, 5, 4)),
        ("ZeroPadding2D", dict(last, padding=(2, 0)), (1, 1, 3, 17)),
        ("ZeroPadding2D", dict(last, padding=((1, 2), (0, 3)) if pads == "pairs" else (1, 2, 0, 3)), (2, 4, 3, 5)),
        ("ZeroPadding3D", dict(first, padding=(1, 0, 2)), (2, 3, 2, 1, 2)),
        ("ZeroPadding3D", dict(last, padding=(1, 1, 1)), (1, 1, 2, 3, 4)),
        ("Cropping1D", {"cropping": (1, 2)}, (2, 5, 3)),
        ("Cropping1D", {"cropping": (0, 1)}, (1, 2, 65)),
        ("Cropping2D", dict(first, cropping=((1, 2), (0, 1))), (2, 3, 5, 4)),
        ("Cropping2D", dict(last, cropping=((0, 0), (2, 0))), (1, 1, 3, 17)),
        ("Cropping3D", dict(first, cropping=((1, 0), (0, 1), (1, 1))), (2, 3, 2, 3, 3)),
        ("Cropping3D", dict(last, cropping=((0, 1), (2, 0), (0, 0))), (1, 2, 3, 1, 4)),
    ]
    if generation == 1:
        pads = {"top_pad": 1, "right_pad": 2}
        cases.append(("ZeroPadding2D", dict(first, padding=pads), (2, 2, 3, 4)))
    else:
        cases += [
            ("UpSampling2D", dict(last, size=(2, 3), interpolation="bilinear"), (2, 4, 3, 5)),
            ("UpSampling2D", dict(first, size=(3, 2), interpolation="bilinear"), (1, 3, 1, 6)),
            ("ZeroPadding3D", dict(last, padding=((1, 0), (2, 1), (0, 3))), (2, 1, 2, 3, 2)),
            ("Cropping2D", dict(last, cropping=1), (2, 3, 4, 5)),
        ]
    return [case + (1,) for case in cases]


def convolution_cases(generation):
    cases = [case for rank in (1, 2, 3) for case in convolutions(generation, rank)]
    cases += transposed_convolutions(generation, 2)
    if generation == 2:
        cases += transposed_convolutions(2, 3)
        cases += depthwise_convolutions(1, separable=True) + depthwise_convolutions(2, separable=True)
        cases += depthwise_convolutions(2, separable=False)
    return cases + resized(generation)


# ------------------------------------------------------------------ pooling


def pools(generation, rank):
    def legal(case):
        return (
            small(case.shape(), case.out(case.size) + (case.batch, case.channels))
            and (generation == 2 or case.as_theano(case.size, map(theano_pads, case.window)))
        )

    def theano_pads(k):
        return k - 2 if k % 2 and (k > 2 or rank == 3) else k - 1

    axes = {"window": {1: (1, 2, 3, 5), 2: (1, 2, 3, 4), 3: (1, 2, 3)}[rank], "size": SIZE[rank], "stride": STEP[rank]}
    choices = {"batch": (1, 3), "channels": (1, 3, 17, 65)[:5 - rank], "padding": ("valid", "same")}
    choices.update(kind=("Max", "Average"), layout=("last",) if generation == rank == 1 else ("first", "last"))
    cases = []
    for case in combined(rank, axes, choices, legal, {1: 10, 2: 16, 3: 8}[rank]):
        words = case.place(generation)
        strides = None if case.stride == case.window else case.one_or_all(case.stride)
        if (generation, rank) == (1, 1):
            words.update(pool_length=case.window[0], stride=strides)
        else:
            words.update(pool_size=case.one_or_all(case.window), strides=strides)
        cases.append((f"{case.kind}Pooling{rank}D", words, case.shape()))
    return cases


def pooling_cases(generation):
    cases = [case for rank in (1, 2, 3) for case in pools(generation, rank)]
    formats = [{"dim_ordering": "th"}, {"dim_ordering": "tf"}] if generation == 1 else [
        {"data_format": "channels_first"}, {"data_format": "channels_last"}]
    for kind in ("Max", "Average"):
        for rank, shapes in ((1, [(2, 7, 3), (1, 1, 65)]), (2, [(2, 3, 5, 4), (1, 1, 7, 17)]),
                             (3, [(2, 3, 2, 3, 2), (1, 1, 2, 3, 4)])):
            words = [{}, {}] if generation == rank == 1 else formats
            cases += [(f"Global{kind}Pooling{rank}D", *both) for both in zip(words, shapes)]
    return [case + (1,) for case in cases]


# ------------------------------------------------------------------ what goes in


def rounded(shape, seed, scale, unit):
    """Multiples of `unit`: such numbers pack well, and sums of their products come out exact."""
    values = np.random.RandomState(seed).normal(scale=scale, size=shape)
    return (unit * np.round(values / unit)).astype("float32")


def inputs(class_name, shape, weight_shapes, terms):
    """x and the weights. Numbers of full precision where there are few of them, else rounded ones.

    For pooling no two numbers of x are equal. A bias is an odd multiple of 1/1024, for no sum to be exactly 0.
    """
    if "Pooling" in class_name:
        size = int(np.prod(shape))
        return (np.random.RandomState(7).permutation(size).reshape(shape) / 16.0 - size // 32).astype("float32"), []
    few = max(np.prod(one) for one in [shape] + weight_shapes) <= 100
    unit = 2.0 ** (-20 if few else -3)
    weights = []
    for number, one in enumerate(weight_shapes):
        if len(one) == 1:
            weights.append(rounded(one, 80 + number, 0.5, 2.0 ** -9) + np.float32(2.0 ** -10))
        else:
            weights.append(rounded(one, 80 + number, terms ** -0.5, unit / 8))
    return rounded(shape, 79, 1.0, unit), weights


def cotangent(shape):
    """The weights w of sum(w * output), whose gradients are recorded."""
    return rounded(shape, 99, 1.0, 2.0 ** -3)


def record(figures, floatx, case, layers, Sequential, outcome):
    """Records a layer's output and the gradients to its input and weights.

    `outcome` (model, x, cotangent) is the generator's: the output and the gradients that its Keras has.
    """
    class_name, arguments, shape, terms = case
    layer = getattr(layers, class_name)(input_shape=shape[1:], **arguments)
    model = Sequential([layer])
    x, weights = inputs(class_name, shape, [w.shape for w in model.get_weights()], terms)
    model.set_weights(weights)
    expected = (len(x),) + tuple(model.output_shape[1:])
    key = class_name + "/0"
    while key + "/" + floatx + "/output" in figures.arrays:
        key = f"{class_name}/{int(key.split('/')[1]) + 1}"
    given = dict([("x", x), ("cotangent", cotangent(expected))] + [(f"weight{i}", w) for i, w in enumerate(weights)])
    config = dict(arguments, **layer.get_config())  # Keras 1.2.2 forgets some layers' dim_ordering
    figures.case(key, given, class_name=class_name, config=config, output_shape=model.output_shape)
    output, gradients = outcome(model, x, given["cotangent"])
    assert output.shape == expected, (class_name, arguments, output.shape, expected)
    names = ["grad_x"] + [f"grad_weight{i}" for i in range(len(weights))]
    figures.answer(key, floatx, output=output, **dict(zip(names, gradients)))
    return key
