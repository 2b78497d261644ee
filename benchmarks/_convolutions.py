"""The convolutions that are measured: by numba_layers on its current device, by PyTorch on a `place` of its own."""

import math
from collections import namedtuple

import numpy as np

from numba_layers import Tape, Tensor, ops

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


def described(case):
    window = "x".join([str(case.window)] * len(case.size))
    text = f"{case.batch} x {case.channels} x {'x'.join(map(str, case.size))}, {window}, {case.filters}"
    return text + (f", /{case.stride}" if case.stride > 1 else "")


def out_size(case):
    """The spatial sizes of the outputs."""
    if case.kind == "transposed":
        return tuple((size - 1) * case.stride + case.window - 2 * case.pad for size in case.size)
    return tuple((size + 2 * case.pad - case.window) // case.stride + 1 for size in case.size)


def operations(case):
    """Multiplications and additions forward."""
    pixels = case.batch * math.prod(case.size if case.kind == "transposed" else out_size(case))
    pairs = case.channels if case.kind == "depthwise" else case.channels * case.filters
    return 2 * pixels * pairs * case.window ** len(case.size)


def numbers(case):
    """x (batch, channels, *size), weight in PyTorch's order, bias, and a gradient of y: the same for everyone."""
    random = np.random.default_rng(0)
    maps = {"conv": (case.filters, case.channels), "depthwise": (case.filters, 1),
            "transposed": (case.channels, case.filters)}[case.kind]
    shapes = ((case.batch, case.channels, *case.size), (*maps, *[case.window] * len(case.size)), (case.filters,),
              (case.batch, case.filters, *out_size(case)))
    return [random.standard_normal(shape, np.float32) for shape in shapes]


def ours(case, x, weight, bias, grad):
    """(forward, forward and backward); images and gradients with the channels last."""
    spatial = range(2, x.ndim)
    order = (*spatial, 0, 1) if case.kind == "depthwise" else (*spatial, 1, 0)
    x, weight, bias = (Tensor(np.ascontiguousarray(array)) for array in
                       (x.transpose(0, *spatial, 1), weight.transpose(order), bias))
    grad = Tensor(np.ascontiguousarray(grad.transpose(0, *spatial, 1)))
    function = {"conv": ops.conv, "depthwise": ops.depthwise_conv, "transposed": ops.conv_transpose}[case.kind]
    geometry = {"strides": case.stride, "padding": [(case.pad, case.pad)] * len(case.size)}
    if case.kind == "transposed":
        geometry["output_size"] = grad.shape[1:-1]

    def forward():
        return function(x, weight, bias, **geometry)

    def both():
        with Tape() as tape:
            y = forward()
        return y, *tape.gradient(y, [x, weight, bias], grad)

    return forward, both


def theirs(torch, case, x, weight, bias, grad, order, place="cpu"):
    """(forward, forward and backward) in the memory format `order`."""
    x, weight, bias, grad = (torch.from_numpy(array).to(place) for array in (x, weight, bias, grad))
    x, weight, grad = (tensor.contiguous(memory_format=order) for tensor in (x, weight, grad))
    inputs = [tensor.detach().clone().requires_grad_() for tensor in (x, weight, bias)]
    geometry = {"stride": case.stride, "padding": case.pad}
    if case.kind == "depthwise":
        geometry["groups"] = case.channels
    kind = "conv_transpose" if case.kind == "transposed" else "conv"
    function = getattr(torch.nn.functional, f"{kind}{len(case.size)}d")

    def forward():
        with torch.no_grad():
            return function(x, weight, bias, **geometry)

    def both():
        y = function(*inputs, **geometry)
        return y.detach(), *torch.autograd.grad(y, inputs, grad)

    return forward, both


def memory_formats(torch, case):
    """The name and PyTorch's format of each order of axes in memory that it knows for these images."""
    last = {2: torch.channels_last, 3: torch.channels_last_3d}.get(len(case.size))
    return {"first": torch.contiguous_format} | ({"last": last} if last else {})


def compare(case, mine, their, most=1e-4):
    """Results and gradients of both are the same numbers but for `most` of the largest. Raises: ArithmeticError."""
    spatial = range(2, 2 + len(case.size))
    order = (*spatial, 0, 1) if case.kind == "depthwise" else (*spatial, 1, 0)
    orders = {"y": (0, *spatial, 1), "x": (0, *spatial, 1), "weight": order, "bias": (0,)}
    for (what, order), result, expected in zip(orders.items(), mine, their):
        expected = expected.cpu().numpy().transpose(order)
        error = np.abs(result.numpy() - expected).max() / np.abs(expected).max()
        if not error < most:
            raise ArithmeticError(f"{case.name}: {what} differs from PyTorch's by {error:.1e} of its largest number")
