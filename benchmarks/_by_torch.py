"""The networks of `programs.py` by PyTorch, eager: the faster of two memory formats, and of its ways to update."""

import math

import torch
from _networks import RATES, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, one_sample, samples, shapes
from torch import nn, optim

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU}
LOSSES = {"mse": nn.MSELoss, "categorical_crossentropy": nn.CrossEntropyLoss,       # the latter two of logits
          "binary_crossentropy": nn.BCEWithLogitsLoss}
LAST = {"softmax": lambda y: torch.softmax(y, 1), "sigmoid": torch.sigmoid}
FORMATS = {"first": torch.contiguous_format, "last": torch.channels_last}


def about(count):
    torch.set_num_threads(count)
    return (f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, "
            f"{torch.backends.cpu.get_cpu_capability()}")


def variants(network):
    """What is tried: channels in memory, and how weights are updated."""
    updates = ["foreach", "fused" if network.optimizer in ("adam", "sgd") else "plain"]
    images = len(network.input_shape) == 3
    return [f"channels {order}, {update}" if images else update
            for update in updates for order in (FORMATS if images else ["first"])]


def given(network, variant):
    """The batches of an epoch."""
    return list(zip(*(_tensor(array, _order(variant)).split(network.batch) for array in samples(network))))


def _order(variant):
    return torch.channels_last if "last" in variant else torch.contiguous_format


def _tensor(array, order):
    """Images as PyTorch has them, channels before rows."""
    if array.ndim < 4:
        return torch.from_numpy(array)
    return torch.from_numpy(array.transpose(0, 3, 1, 2)).contiguous(memory_format=order)


class Contender:
    """A network, and its `work`: name -> function of how many calls (or steps) to make."""

    def __init__(self, network, variant, batches):
        self._network, self._batches, self._order = network, batches, _order(variant)
        self._module = nn.Sequential(*_modules(network)).to(memory_format=self._order)
        self._last = LAST.get(getattr(network.layers[-1], "activation", None))
        self._loss_of = LOSSES[network.loss]()
        update = {name: True for name in ("foreach", "fused") if name in variant}
        self._optimizer = _optimizer(network, self._module.parameters(), **update or {"foreach": False})
        self.work = {"train": self.train, "read": self._read, "predict": self._predict}

    def set_weights(self, weights):
        """Kernels come as Keras has them."""
        learning = [layer for layer in self._module if list(layer.parameters())]
        before = [shape for shape, layer in zip(shapes(self._network), self._network.layers)
                  if isinstance(layer, (Conv2D, Dense))]
        flattened = dict.fromkeys(shape for shape, layer in zip(shapes(self._network), self._network.layers)
                                  if isinstance(layer, Flatten))
        with torch.no_grad():
            for layer, shape, kernel, bias in zip(learning, before, weights[::2], weights[1::2]):
                for image in flattened:
                    if shape == (math.prod(image),):        # PyTorch flattens channels first
                        kernel = kernel.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
                layer.weight.copy_(torch.from_numpy(kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1)))
                layer.bias.copy_(torch.from_numpy(bias))

    def train(self, steps):
        """Train so many steps, an epoch or less; their mean loss."""
        self._module.train()
        return float(sum(self._step(x, y) for x, y in self._batches[:steps])) / steps

    def _read(self, steps):
        """The same, the loss of each read."""
        self._module.train()
        for x, y in self._batches[:steps]:
            self._step(x, y).item()

    def _step(self, x, y):
        self._optimizer.zero_grad()
        loss = self._loss_of(self._module(x), y)
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def _predict(self, calls):
        module, last, order, one = self._module.eval(), self._last, self._order, one_sample(self._network)
        with torch.inference_mode():
            for _ in range(calls):
                y = module(_tensor(one, order))
                (last(y) if last else y).numpy()


def _modules(network):
    """PyTorch's layers; the last one's softmax or sigmoid is left to the loss."""
    for layer, shape in zip(network.layers, shapes(network)):
        if isinstance(layer, Dense):
            yield nn.Linear(shape[0], layer.units)
        elif isinstance(layer, Conv2D):
            yield nn.Conv2d(shape[2], layer.filters, layer.kernel_size, padding=layer.padding)
        elif isinstance(layer, MaxPooling2D):
            yield nn.MaxPool2d(layer.pool_size, ceil_mode=True)
        elif isinstance(layer, Dropout):
            yield nn.Dropout(layer.rate)
        elif isinstance(layer, Flatten):
            yield nn.Flatten()
        else:
            yield nn.Upsample(scale_factor=layer.size)
        if getattr(layer, "activation", None) in ACTIVATIONS:
            yield ACTIVATIONS[layer.activation]()


def _optimizer(network, weights, **update):
    rate, *decays = RATES[network.optimizer]
    if network.optimizer == "adam":
        return optim.Adam(weights, rate, tuple(decays[:2]), decays[2], **update)
    if network.optimizer == "rmsprop":
        return optim.RMSprop(weights, rate, decays[0], decays[1], **update)
    if network.optimizer == "adadelta":
        return optim.Adadelta(weights, rate, decays[0], decays[1], **update)
    return optim.SGD(weights, rate, **update)
