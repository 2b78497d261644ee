"""A bar that grows, in terminals and notebooks."""

import warnings
from contextlib import contextmanager

from ..program.waiting import compiling_shown


@contextmanager
def progress_bar(source, verbose, label):
    """Gives a function that is told the size of each batch; it shows nothing but where `verbose` is 1, as in Keras.

    source: of the batches; its `total` counts samples or steps, as its `unit` says.
    """
    with compiling_shown(verbose):
        if verbose != 1:
            yield lambda size: None
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # tqdm warns in notebooks without widgets, and then works
            from tqdm.auto import tqdm
        with tqdm(total=source.total, desc=label, unit=source.unit, leave=False) as bar:
            yield lambda size: bar.update(size if source.unit == "sample" else 1)
