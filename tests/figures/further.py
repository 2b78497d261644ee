"""Cases of the layers beside convolutions and the core: learned activations, locally connected and old ones.

Imported by both generators under Python 3.7, recorded as the cases of `windows` are: (class name, arguments, input
shape with the batch, terms of each sum).
"""


def activations(generation):
    """Activations that are layers."""
    init = "init" if generation == 1 else "alpha_initializer"
    cases = [
        ("LeakyReLU", {}, (3, 7)),
        ("LeakyReLU", {"alpha": 0.125}, (2, 3, 4)),
        ("ELU", {}, (3, 7)),
        ("ELU", {"alpha": 0.5}, (2, 3, 4)),
        ("ThresholdedReLU", {}, (4, 9)),
        ("ThresholdedReLU", {"theta": 0.25}, (2, 3, 4)),
        ("PReLU", {}, (3, 7)),
        ("PReLU", {init: "one", "shared_axes": [1]}, (2, 4, 5)),
        ("PReLU", {"shared_axes": [1, 2]}, (2, 3, 4, 2)),
    ]
    if generation == 1:
        return cases + [
            ("ParametricSoftplus", {}, (3, 7)),
            ("ParametricSoftplus", {"alpha_init": 0.5, "beta_init": 2.0, "shared_axes": [1]}, (2, 4, 5)),
            ("SReLU", {}, (4, 7)),
            ("SReLU", {"t_right_init": "one", "shared_axes": [1, 2]}, (2, 3, 4, 2)),
        ]
    return cases + [
        ("ReLU", {}, (3, 7)),
        ("ReLU", {"max_value": 1.0}, (3, 7)),
        ("ReLU", {"max_value": 1.5, "negative_slope": 0.25, "threshold": 0.5}, (2, 3, 4)),
        ("Softmax", {}, (3, 7)),
        ("Softmax", {"axis": 1}, (2, 3, 4)),
    ]


def locally_connected(generation):
    """A window with weights of its own at each place."""
    cases = []
    for activation, bias in (("linear", True), ("tanh", False), ("relu", True)):
        for shape, window, stride, filters in (((2, 7, 3), 3, 1, 4), ((3, 9, 1), 2, 3, 2), ((1, 5, 6), 5, 1, 3)):
            words = {"activation": activation}
            if generation == 1:
                words.update(nb_filter=filters, filter_length=window, subsample_length=stride, bias=bias)
            else:
                words.update(filters=filters, kernel_size=window, strides=stride, use_bias=bias)
            cases.append(("LocallyConnected1D", words, shape))
        for shape, window, stride, filters in (((2, 4, 5, 3), (2, 3), (1, 1), 2), ((3, 5, 6, 1), (3, 2), (2, 2), 3),
                                               ((1, 3, 3, 5), (1, 1), (1, 2), 2)):
            for first in (True, False):
                words = {"activation": activation}
                size = (shape[0], shape[3], shape[1], shape[2]) if first else shape
                if generation == 1:
                    words.update(nb_filter=filters, nb_row=window[0], nb_col=window[1], subsample=stride, bias=bias)
                    words.update(dim_ordering="th" if first else "tf")
                else:
                    words.update(filters=filters, kernel_size=window, strides=stride, use_bias=bias)
                    words.update(data_format="channels_first" if first else "channels_last")
                cases.append(("LocallyConnected2D", words, size))
    return cases


def dense(generation):
    """Dense layers of Keras 1, which Keras 2 keeps."""
    cases = [
        ("MaxoutDense", {"output_dim": 3}, (4, 5)),
        ("MaxoutDense", {"output_dim": 2, "nb_feature": 3, "bias": False}, (4, 5)),
        ("Highway", {}, (4, 5)),
        ("Highway", {"activation": "tanh", "bias": True}, (4, 5)),
    ]
    if generation == 1:
        cases.append(("TimeDistributedDense", {"output_dim": 3, "activation": "tanh"}, (2, 4, 5)))
    return cases


def layer_cases(generation):
    cases = activations(generation) + locally_connected(generation) + dense(generation)
    return [case + (4,) for case in cases]
