"""What `gpu.py` measures: tasks, shortest first. Each checks what it measures, then hands over races.

A task is a function of a `Setting`; it yields races, one for each line of the table.
"""

from collections import namedtuple

import _convolutions
import mnist_cnn
import mnist_mlp
import numpy as np

from numba_layers import Tensor, config, devices
from numba_layers.ops._broadcast import broadcast
from numba_layers.registry import kernel

# torch: PyTorch, or None; place: where its tensors lie; tiny: small shapes.
Setting = namedtuple("Setting", "torch place tiny")
# ours: a function; theirs: name -> function. bar: their time over ours, at least. bytes, operations of one call.
# steps: in each call, of which one counts. most: seconds that ours takes at most.
Race = namedtuple("Race", "name ours theirs bar bytes operations steps most", defaults=(None, None, None, 1, None))
COPY, PRODUCT, TF32, CONVOLUTION, STEP = 0.9, 0.8, 0.5, 0.5, 0.7     # bars
MLP, TINY = 1.5, 40e-6      # bars of a step of mnist_mlp, and of a step of a tiny network in `fit`, in seconds
MEBIBYTES = 256                                                      # of an array: far beyond any cache
ELEMENTWISE = {
    "relu": (1, lambda x: np.maximum(x, 0)), "tanh": (1, np.tanh), "add": (2, np.add),
}
SOFTMAX = 65536, 1000
OTHERWISE = {"resnet64": ["Winograd"], "resnet128": ["Winograd", "tf32"], "resnet256": ["Winograd"],
             "pointwise": ["tf32"]}                                  # convolutions computed in another way as well


def tasks(tiny):
    """Name -> task."""
    found = {name: lambda setting, name=name: elementwise(setting, name) for name in ELEMENTWISE}
    found["softmax"] = softmax
    large = {}
    for size in (24, 40) if tiny else (1024, 2048, 4096, 8192):
        for precision in ("float32", "tf32"):
            to = large if size > 4096 else found
            to[f"product {size}, {precision}"] = (
                lambda setting, size=size, precision=precision: product(setting, size, precision))
    for form in ("nt", "tn"):
        size = 40 if tiny else 4096
        found[f"product {size}, float32, {form}"] = lambda setting, form=form, size=size: product(
            setting, size, "float32", form)
    found |= {"16-32-32-1": small, "mnist_mlp": mlp, "mnist_cnn": cnn, "residual block": residual}
    for case in _convolutions.CASES:
        found[case.name] = lambda setting, case=case: convolution(setting, case)
    for case in _convolutions.CASES:
        if case.name in OTHERWISE:
            found |= {f"{case.name}, {way}": lambda setting, case=case, way=way: convolution(setting, case, way)
                      for way in OTHERWISE[case.name]}
    return found | large


# ---- kernels that memory bounds, beside a copy on the GPU of as many bytes -----------------------------------------

def elementwise(setting, name):
    count, truth = ELEMENTWISE[name]
    size = 1000 if setting.tiny else MEBIBYTES << 18
    given = [np.random.default_rng(seed).standard_normal(size, np.float32) for seed in range(count)]
    zero, limit = np.float32(0), np.float32(np.inf)
    options = {"relu": (zero, limit, zero), "add": broadcast("add", *given, *given[:2 - count])[1:]}.get(name, ())
    yield beside_copy(setting, name, f"{name}_forward", given, options, truth)


def softmax(setting):
    shape = (8, 40) if setting.tiny else SOFTMAX
    x = np.random.default_rng(0).standard_normal(shape, np.float32)

    def truth(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    yield beside_copy(setting, f"softmax {shape[0]} x {shape[1]}", "softmax_forward", [x], (), truth)


def beside_copy(setting, title, name, given, options, truth):
    device = devices.current()
    here = [device.put(array) for array in given]
    out = device.empty(given[0].shape, np.float32)
    launched = kernel(name, device.target)

    def ours():
        launched(*here, *options, out)

    ours()
    checked(np.asarray(out), truth(*given), 1e-5)
    octets = (len(given) + 1) * out.nbytes
    return Race(title, ours, copy_of(setting, octets), COPY, octets)


def copy_of(setting, octets):
    """PyTorch's copy that reads and writes so many bytes together."""
    if not setting.torch:
        return {}
    source, target = (setting.torch.rand(octets // 8, device=setting.place) for _ in range(2))
    return {"copy": lambda: target.copy_(source)}


# ---- products of matrices ------------------------------------------------------------------------------------------

def product(setting, size, precision, form="nn"):
    """float32: exact products on both sides; tf32: factors rounded to 11 bits, sums in float32, on both sides."""
    torch, tf32 = setting.torch, precision == "tf32"
    exactly(setting, tf32=tf32)
    a, b = (np.random.default_rng(seed).standard_normal((size, size), np.float32) for seed in range(2))
    x, y = (Tensor(devices.current().put(array)) for array in (a, b))
    if form == "nn":
        def ours():
            return x @ y
    else:
        out = Tensor(devices.empty((size, size), np.float32))
        launched = kernel(f"matmul_{form}", devices.target())

        def ours():
            launched(x.data, y.data, out.data)
            return out

    truth = (a.T if form == "tn" else a) @ (b.T if form == "nt" else b)
    checked(ours().numpy(), truth, 5e-3 if tf32 else 1e-4)
    theirs = {}
    if torch:
        p, q = (torch.from_numpy(array).to(setting.place) for array in (a, b))
        p, q = p.T if form == "tn" else p, q.T if form == "nt" else q
        checked((p @ q).cpu().numpy(), truth, 5e-3 if tf32 else 1e-4)
        theirs["PyTorch"] = lambda: p @ q
    title = f"product {size}, {precision}" + (f", {form}" if form != "nn" else "")
    yield Race(title, ours, theirs, (TF32 if tf32 else PRODUCT) if size == 4096 else None,
               operations=2 * size ** 3)


# ---- convolutions --------------------------------------------------------------------------------------------------

def convolution(setting, case, way="float32"):
    """A case of `convolution.py` with eight times the images; `way`: float32 without TF32 or Winograd, or with one."""
    torch, tf32, winograd = setting.torch, way == "tf32", way == "Winograd"
    title = case.name if way == "float32" else f"{case.name}, {way}"
    if setting.tiny:
        case = case._replace(batch=1, channels=min(case.channels, 4), filters=min(case.filters, 4),
                             size=tuple(min(size, 12 if case.window == 7 else 6) for size in case.size))
    else:
        case = case._replace(batch=8 * case.batch)
    arrays = _convolutions.numbers(case)
    mine, their = _convolutions.ours(case, *arrays), {}
    exactly(setting, tf32=tf32, winograd=winograd)
    if torch:
        their = {f"PyTorch, channels {name}":
                 _convolutions.theirs(torch, case, *arrays, order=order, place=setting.place)
                 for name, order in _convolutions.memory_formats(torch, case).items()}
        expected = [tensor.cpu().numpy() for tensor in their["PyTorch, channels first"][1]()]
        _convolutions.compare(case, [tensor.numpy() for tensor in mine[1]()], expected, 5e-3 if tf32 else 1e-4)
    count = _convolutions.operations(case)
    for which, (name, passes) in enumerate({"forward": 1, "and back": 3}.items()):
        yield Race(f"{title}, {name}", mine[which], {name: pair[which] for name, pair in their.items()},
                   None if winograd else TF32 if tf32 else CONVOLUTION, operations=passes * count)


def exactly(setting, tf32=False, winograd=False):
    """Both sides compute so from now on."""
    config.set_matmul_precision("tf32" if tf32 else "float32")
    config.set_winograd(winograd)
    if setting.torch:
        setting.torch.backends.cuda.matmul.allow_tf32 = setting.torch.backends.cudnn.allow_tf32 = tf32
        setting.torch.backends.cudnn.benchmark = True


# ---- steps of training ---------------------------------------------------------------------------------------------

def mlp(setting):
    units = {"units": 16} if setting.tiny else {}
    x, y = batch(2 if setting.tiny else mnist_mlp.BATCH, (mnist_mlp.FEATURES,))
    yield from steps(setting, "mnist_mlp", mnist_mlp.keras(**units), lambda: mnist_mlp.torch_module(**units), x, y, MLP)


def small(setting):
    """16-32-32-1, tanh, batch 32, Adam: ours in `fit`, PyTorch's on one batch that lies on the GPU."""
    from numba_layers.layers import Dense
    from numba_layers.models import Sequential

    count, rows = (4, 4) if setting.tiny else (512, 32)
    exactly(setting)
    x = np.random.default_rng(0).random((count * rows, 16), np.float32)
    y = np.sin(x.sum(axis=1, keepdims=True))
    model = Sequential([Dense(32, activation="tanh", input_dim=16), Dense(32, activation="tanh"), Dense(1)])
    model.compile("adam", "mse")

    def module():
        from torch import nn, optim

        layers = [nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)]
        return nn.Sequential(*layers), optim.Adam

    theirs = {}
    if setting.torch:
        step, _ = torch_steps(setting, module, x[:rows], y[:rows], setting.torch.contiguous_format,
                              setting.torch.nn.MSELoss())
        theirs["PyTorch"] = lambda: [step() for _ in range(count)]
    yield Race("16-32-32-1: a step, in fit", lambda: model.fit(x, y, batch_size=rows, epochs=1, verbose=0), theirs,
               steps=count, most=TINY)


def cnn(setting):
    sizes = {"filters": 4, "units": 8} if setting.tiny else {}
    x, y = batch(2 if setting.tiny else mnist_cnn.BATCH, (mnist_cnn.SIZE, mnist_cnn.SIZE, 1))
    yield from steps(setting, "mnist_cnn", mnist_cnn.keras(**sizes), lambda: mnist_cnn.torch_module(**sizes), x, y)


def residual(setting):
    """y = relu(x + conv(relu(conv(x)))), 3 x 3, 64 channels, then the mean of each channel and 10 classes; SGD."""
    from numba_layers.layers import Activation, Conv2D, Dense, GlobalAveragePooling2D, Input, add
    from numba_layers.models import Model
    from numba_layers.optimizers import SGD

    count, size, channels = (2, 6, 4) if setting.tiny else (64, 56, 64)
    image = Input((size, size, channels))
    inner = Conv2D(channels, 3, padding="same", activation="relu")(image)
    inner = Conv2D(channels, 3, padding="same")(inner)
    y = GlobalAveragePooling2D()(Activation("relu")(add([image, inner])))
    model = Model(image, Dense(10, activation="softmax")(y))
    model.compile(SGD(lr=0.01, momentum=0.9), "categorical_crossentropy")

    def module():
        from torch import nn, optim

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
                self.last = nn.Linear(channels, 10)

            def forward(self, x):
                y = nn.functional.relu(x + self.two(nn.functional.relu(self.one(x))))
                return self.last(y.mean(dim=(2, 3)))

        return Block(), lambda weights: optim.SGD(weights, lr=0.01, momentum=0.9)

    yield from steps(setting, f"residual block, {count} x {channels} x {size}x{size}", model, module,
                     *batch(count, (size, size, channels)))


def batch(count, shape, classes=10):
    random = np.random.RandomState(0)
    return (random.uniform(0, 1, (count, *shape)).astype("float32"),
            np.eye(classes, dtype="float32")[random.randint(0, classes, count)])


def steps(setting, title, model, make_module, x, y, bar=STEP):
    """A step with its batch on the GPU, the loss never read; and one fed from the host, its loss read, as users do."""
    exactly(setting)
    here = model._batch([x, y], [None])
    orders = {}
    if setting.torch:
        orders = {"PyTorch": setting.torch.contiguous_format}
        if x.ndim == 4:
            orders = {"PyTorch, channels first": setting.torch.contiguous_format,
                      "PyTorch, channels last": setting.torch.channels_last}
    theirs = {name: torch_steps(setting, make_module, x, y, order) for name, order in orders.items()}
    yield Race(f"{title}: step", lambda: model._train_step(here), {name: pair[0] for name, pair in theirs.items()},
               bar)
    yield Race(f"{title}: step, fed and read", lambda: model.train_on_batch(x, y),
               {name: pair[1] for name, pair in theirs.items()}, bar)
    loss = model.train_on_batch(x, y)
    if not np.isfinite(loss):
        raise ArithmeticError(f"{title}: the loss is {loss} after these steps")


def torch_steps(setting, make_module, x, y, order, loss_of=None):
    """PyTorch's (step, step fed and read). loss_of: None for the cross entropy of classes."""
    torch = setting.torch
    module, optimizer_of = make_module()
    module.to(setting.place, memory_format=order)
    optimizer = optimizer_of(module.parameters())
    loss_of = loss_of or torch.nn.CrossEntropyLoss()
    images = x.ndim == 4
    if images:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    if images:
        x = x.contiguous(memory_format=order)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_of(module(x), y)
        loss.backward()
        optimizer.step()
        return loss

    there = x.to(setting.place), y.to(setting.place)
    return lambda: step(*there), lambda: step(x.to(setting.place), y.to(setting.place)).item()


def checked(found, expected, most):
    """Raises: ArithmeticError where the numbers differ by more than `most` of the largest one."""
    error = np.abs(found - expected).max() / np.abs(expected).max()
    if not error < most:
        raise ArithmeticError(f"the numbers are wrong by {error:.1e} of the largest one")
