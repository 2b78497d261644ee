"""The demonstration: a network learns to read handwritten digits, in one command."""

from pathlib import Path

import numpy as np

from .datasets import digits
from .layers import Dense, Dropout, Flatten
from .models import Sequential
from .utils import to_categorical

MODEL_FILE = "digits.h5"
PLOT_FILE = "digits.png"


def run(epochs=40, folder=".", verbose=1):
    """Train on the 8x8 digits, say how well it went, save model and curves in `folder`; returns the test accuracy."""
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
    _save(model, history.history, Path(folder))
    print(f"test accuracy: {accuracy:.3f}")
    return accuracy


def confusion_table(true, predicted, classes=10):
    """Text: how often each class (rows) was taken for each (columns); '.' for never."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    rows = [f"{row:>4} |" + "".join(f"{count or '.':>5}" for count in line) for row, line in enumerate(counts)]
    head = "true | predicted"
    return "\n".join([head, "     |" + "".join(f"{column:>5}" for column in range(classes)), *rows])


def _save(model, history, folder):
    folder.mkdir(parents=True, exist_ok=True)
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
    """A matplotlib figure: loss and accuracy over the epochs, training and test."""
    from matplotlib.figure import Figure
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, name, title in zip(figure.subplots(1, 2), ("loss", "acc"), ("loss", "accuracy")):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], label="training")
        axes.plot(epochs, history[f"val_{name}"], label="test")
        axes.set(xlabel="epoch", title=title)
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    return figure
