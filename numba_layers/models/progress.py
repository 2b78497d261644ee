"""A bar that grows, in terminals and notebooks."""

import warnings
from contextlib import contextmanager


@contextmanager
def progress_bar(total, verbose, label, unit="sample"):
    """Gives a function `show(done)`; it shows nothing but where `verbose` is 1, as in Keras."""
    if verbose != 1:
        yield lambda done: None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # tqdm warns in notebooks without widgets, and then works
        from tqdm.auto import tqdm
    with tqdm(total=total, desc=label, unit=unit, leave=False) as bar:
        yield lambda done: bar.update(done - bar.n)
