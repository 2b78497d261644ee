"""The same work on one thread and on all."""

import numba

from numba_layers.kernels.cpu import _threads


def on_one_and_all(function):
    """Answers of `function()` on one thread and on as many as there are."""
    with _threads.launching():
        threads = numba.get_num_threads()
    try:
        answers = []
        for count in (1, threads):
            numba.set_num_threads(count)
            answers.append(function())
        return answers
    finally:
        numba.set_num_threads(threads)
