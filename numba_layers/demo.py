"""The demonstration: a network learns to read handwritten digits, in one command."""

from pathlib import Path

import numpy as np

from .arguments import whole
from .datasets import digits
from .errors import FileError
from .layers import Dense, Dropout, Flatten
from .models import Sequential
from .utils import to_categorical

MODEL_FILE = "digits.h5"
PLOT_FILE = "digits.png"


def run(epochs=25, folder=".", verbose=1):
    """Train on the 8x8 digits, say how well it went, save model and curves in `folder`; returns the test accuracy."""
    epochs = whole(epochs, "epochs", least=1)
    folder = _made(folder)
    np.random.seed(7)       # initial weights, shuffling and dropout all follow from this
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train / 16.0, x_test / 16.0

    model = Sequential([
        Flatten(input_shape=(8, 8)),
        Dense(128, activation="relu"),
        Dropout(0.2),
        Dense(128, activation="relu"),
        Dropout(0.2),
        Dense(10, activation="softmax"),
    ], name="digits")
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(x_train, to_categorical(y_train, 10), batch_size=32, epochs=epochs, verbose=verbose,
                        validation_data=(x_test, to_categorical(y_test, 10)))

    predicted = model.predict(x_test).argmax(axis=1)
    accuracy = float(np.mean(predicted == y_test))
    print(confusion_table(y_test, predicted))
    _save(model, history.history, folder)
    print(f"test accuracy: {accuracy:.3f}")
    return accuracy


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
