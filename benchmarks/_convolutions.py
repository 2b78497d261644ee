"""The convolutions that are measured: by numba_layers on its current device, by PyTorch on a `place` of its own.

Only the functions `ours` and `theirs` load the one or the other.
"""

import math
from collections import namedtuple

import numpy as np

Case = namedtuple("Case", "name batch channels size filters window stride pad kind", defaults=("conv",))
CASES = [
    Case("mnist1", 32, 1, (28, 28), 32, 3, 1, 0),
    Case("mnist2", 32, 32, (26, 26), 32, 3, 1, 0),
    Case("resnet64", 8, 64, (56, 56), 64, 3, 1, 1),
    Case("resnet128", 8, 128, (28, 28), 128, 3, 1, 1),
    Case("resnet256", 8, 256, (14, 14), 256, 3, 1, 1),
    Case("stem", 1, 3, (224, 224), 64, 7, 2, 3),
    Case("pointwise", 8, 64, (56, 56), 256, 1, 1, 0),
    Case("strided", 16, 64, (32, 32), 64, 3, 2, 1),
    Case("depthwise", 8, 128, (28, 28), 128, 3, 1, 1, "depthwise"),
    Case("transposed", 8, 64, (14, 14), 32, 4, 2, 1, "transposed"),
    Case("3d", 2, 8, (16, 32, 32), 16, 3, 1, 1),
    Case("1d", 32, 64, (256,), 64, 5, 1, 2),
]
NARROW = [      # few channels, and what has no weights: for the CPU's vectors
    Case("depthwise2", 16, 2, (64, 64), 2, 3, 1, 1, "depthwise"),
    Case("depthwise8", 16, 8, (64, 64), 8, 3, 1, 1, "depthwise"),
    Case("maxpool1", 32, 1, (56, 56), 1, 2, 2, 0, "max_pool"),
    Case("avgpool1", 32, 1, (56, 56), 1, 3, 1, 1, "average_pool"),
    Case("nearest", 8, 64, (28, 28), 64, 2, 2, 0, "nearest"),
]
WITHOUT_WEIGHTS = "max_pool", "average_pool", "nearest"


def described(case):
    window = "x".join([str(case.window)] * len(case.size))
    text = f"{case.batch} x {case.channels} x {'x'.join(map(str, case.size))}, {window}, {case.filters}"
    return text + (f", /{case.stride}" if case.stride > 1 else "")


def out_size(case):
    """The spatial sizes of the outputs."""
    if case.kind in ("transposed", "nearest"):
        return tuple((size - 1) * case.stride + case.window - 2 * case.pad for size in case.size)
    return tuple((size + 2 * case.pad - case.window) // case.stride + 1 for size in case.size)


def operations(case):
    """Multiplications and additions forward; of pooling: numbers that are looked at."""
    pixels = case.batch * math.prod(case.size if case.kind in ("transposed", "nearest") else out_size(case))
    if case.kind in WITHOUT_WEIGHTS:
        return pixels * case.channels * case.window ** len(case.size)
    pairs = case.channels if case.kind == "depthwise" else case.channels * case.filters
    return 2 * pixels * pairs * case.window ** len(case.size)


def numbers(case):
    """x (batch, channels, *size), weight in PyTorch's order and bias if there are any, and a gradient of y."""
    random = np.random.default_rng(0)
    maps = {"depthwise": (case.filters, 1), "transposed": (case.channels, case.filters)}.get(
        case.kind, (case.filters, case.channels))
    weights = [] if case.kind in WITHOUT_WEIGHTS else [(*maps, *[case.window] * len(case.size)), (case.filters,)]
    shapes = (case.batch, case.channels, *case.size), *weights, (case.batch, case.filters, *out_size(case))
    return [random.standard_normal(shape, np.float32) for shape in shapes]


def orders(case):
    """For x and y, the weight and the bias: PyTorch's axes in the order that ours have."""
    spatial = range(2, 2 + len(case.size))
    return (0, *spatial, 1), (*spatial, *((0, 1) if case.kind == "depthwise" else (1, 0))), (0,)


def ours(case, *arrays):
    """(forward, forward and backward); images and gradients with the channels last."""
    from numba_layers import Tape, Tensor, ops

    image, *others = orders(case)
    *inputs, grad = (Tensor(np.ascontiguousarray(array.transpose(order))) for array, order in
                     zip(arrays, [image, *others[:len(arrays) - 2], image]))
    padding = [(case.pad, case.pad)] * len(case.size)
    geometry = {"strides": case.stride, "padding": padding}
    if case.kind == "transposed":
        geometry["output_size"] = grad.shape[1:-1]
    if case.kind == "nearest":
        geometry = {"size": case.stride}
    elif case.kind in WITHOUT_WEIGHTS:
        geometry["pool_size"] = case.window
    function = {"conv": ops.conv, "depthwise": ops.depthwise_conv, "transposed": ops.conv_transpose,
                "max_pool": ops.max_pool, "average_pool": ops.average_pool, "nearest": ops.upsample}[case.kind]

    def forward():
        return function(*inputs, **geometry)

    def both():
        with Tape() as tape:
            y = forward()
        return y, *tape.gradient(y, inputs, grad)

    return forward, both


def theirs(torch, case, *arrays, order, place="cpu"):
    """(forward, forward and backward) in the memory format `order`."""
    tensors = [torch.from_numpy(array).to(place) for array in arrays]
    *inputs, grad = (tensor.contiguous(memory_format=order) if tensor.ndim > 2 else tensor for tensor in tensors)
    inputs = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    geometry = {"stride": case.stride, "padding": case.pad}
    if case.kind == "nearest":
        geometry = {"scale_factor": case.stride}
    elif case.kind in WITHOUT_WEIGHTS:
        geometry["kernel_size"] = case.window
    if case.kind == "average_pool":
        geometry["count_include_pad"] = False
    if case.kind == "depthwise":
        geometry["groups"] = case.channels
    name = {"depthwise": "conv", "transposed": "conv_transpose", "average_pool": "avg_pool"}.get(case.kind, case.kind)
    functional = torch.nn.functional
    function = functional.interpolate if name == "nearest" else getattr(functional, f"{name}{len(case.size)}d")

    def forward():
        with torch.no_grad():
            return function(*inputs, **geometry)

    def both():
        y = function(*inputs, **geometry)
        return y.detach(), *torch.autograd.grad(y, inputs, grad)

    return forward, both


def memory_formats(torch, case):
    """The name and PyTorch's format of each order of axes in memory that it knows for these images."""
    last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(len(case.size))
    return {"first": torch.contiguous_format} | ({"last": last} if last else {})


def compare(case, mine, their, most=1e-4):
    """Results and gradients of both, as arrays, are the same numbers but for `most` of the largest.

    Raises: ArithmeticError.
    """
    image, *others = orders(case)
    for what, order, result, expected in zip(("y", "x", "weight", "bias"), (image, image, *others), mine, their):
        expected = expected.transpose(order)
        error = np.abs(result - expected).max() / np.abs(expected).max()
        if not error < most:
            raise ArithmeticError(f"{case.name}: {what} differs from PyTorch's by {error:.1e} of its largest number")
