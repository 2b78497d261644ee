"""The demonstration: a network learns to read handwritten digits, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .arguments import whole
from .callbacks import LearningRateScheduler
from .datasets import digits
from .errors import FileError
from .layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from .models import Sequential
from .utils import to_categorical

if TYPE_CHECKING:
    from typing import Any

    from .typing import FilePath

MODEL_FILE = "digits.h5"
PLOT_FILE = "digits.png"


def run(epochs: int = 12, folder: FilePath = ".", verbose: int = 1) -> Any:
    """Train on the 8x8 digits, say how well it went, save model and curves in `folder`; returns the test accuracy.

    Network, shifts, rates and number of epochs were chosen by five-fold cross-validation within the training part,
    where they read 99.4 % right. The test part is looked at after each epoch, for the curves, and decides nothing.
    """
    epochs = whole(epochs, "epochs", least=1)
    folder = _made(folder)
    np.random.seed(7)       # initial weights, shuffling and dropout all follow from this
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    model = network()
    model.summary()
    history = model.fit(*prepared(shifted(x_train), np.tile(y_train, 5)), batch_size=32, epochs=epochs, verbose=verbose,
                        validation_data=prepared(x_test, y_test), callbacks=[slowing_down(epochs)])

    predicted = model.predict(prepared(x_test, y_test)[0]).argmax(axis=1)
    accuracy = float(np.mean(predicted == y_test))
    print(confusion_table(y_test, predicted))
    _save(model, history.history, folder)
    print(f"test accuracy: {accuracy:.3f}")
    return accuracy


def network() -> Any:
    """Three convolutions and two dense layers, compiled, for images (n, 8, 8, 1)."""
    model = Sequential([
        Conv2D(32, 3, padding="same", activation="relu", input_shape=(8, 8, 1)),
        Conv2D(32, 3, padding="same", activation="relu"),
        MaxPooling2D(2),
        Dropout(0.25),
        Conv2D(64, 3, padding="same", activation="relu"),
        Dropout(0.25),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.5),
        Dense(10, activation="softmax"),
    ], name="digits")
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def shifted(images):
    """Images (n, 8, 8), then each moved down, up, right and left by half a pixel: 5 n, read as the same digits."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    neighbours = [padded[:, row:row + 8, column:column + 8] for row, column in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))]
    return np.concatenate([(images + neighbour) / 2 for neighbour in neighbours])


def prepared(images, labels):
    """Ink (n, 8, 8) from 0 to 16 and digits as the network takes them: from 0 to 1, and one of ten."""
    return images[..., None] / 16.0, to_categorical(labels, 10)


def slowing_down(epochs):
    """A callback: Adam's rate falls from 0.001 in equal steps, towards nothing after the last epoch."""
    return LearningRateScheduler(lambda epoch: 0.001 * (1 - epoch / epochs))


def confusion_table(true, predicted, classes=10):
    """Text: how often each class (rows) was taken for each (columns); '.' for never."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    rows = [f"{row:>4} |" + "".join(f"{count or '.':>5}" for count in line) for row, line in enumerate(counts)]
    head = "true | predicted"
    return "\n".join([head, "     |" + "".join(f"{column:>5}" for column in range(classes)), *rows])


def _made(folder):
    """`folder` as an absolute path, made if it was not there."""
    folder = Path(folder).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"there is no folder '{folder}', and none can be made ({error.strerror}).") from None
    return folder


def _save(model, history, folder):
    model.save(folder / MODEL_FILE)
    print(f"model saved to {folder / MODEL_FILE}")
    try:
        import matplotlib
    except ImportError:
        print("no picture of the learning curves: pip install numba_layers[plot]")
        return
    matplotlib.use("Agg")
    learning_curves(history).savefig(folder / PLOT_FILE, dpi=120)
    print(f"learning curves saved to {folder / PLOT_FILE}")


def learning_curves(history):
    """A matplotlib figure: loss (on a scale of powers of ten) and accuracy over the epochs, training and test."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator, PercentFormatter, StrMethodFormatter
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for axes, name, title in ((loss, "loss", "Loss"), (accuracy, "acc", "Digits read right")):
        epochs = range(1, len(history[name]) + 1)
        for key, label, color in ((name, "training", "#9aa5b1"), (f"val_{name}", "test", "#0b6e99")):
            axes.plot(epochs, history[key], label=label, color=color, linewidth=2, marker="o", markersize=3)
        axes.set_title(title, loc="left", fontweight="bold")
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False)
    loss.set_yscale("log")
    loss.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    accuracy.set_ylim(min(0.8, *history["val_acc"]) - 0.01, 1.02)
    accuracy.yaxis.set_major_locator(MultipleLocator(0.05))
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    last = history["val_acc"][-1]
    accuracy.annotate(f"{last:.1%}", (len(history["val_acc"]), last), xytext=(0, 8), textcoords="offset points",
                      ha="right", color="#0b6e99", fontweight="bold")
    return figure
