"""The batches of an epoch, from within a step: what a program of many steps does beside the step itself."""

from ..autograd.tensor import Tensor
from ._op import launch, run, viewed


def gathered(source, order, counters, rows, dtype):
    """Batch number counters[0]: those rows of `source` that `order` lists next, as a Tensor of `dtype`.

    Shapes: source (samples, ...), order (samples,) of int64, counters (2,) of int64 -> (rows, ...). All are arrays.
    """
    shape = rows, *source.shape[1:]
    return run("gather_batch", viewed(Tensor(source), len(source), -1), Tensor(order), Tensor(counters), out=shape,
               out_view=(rows, -1), dtype=dtype)


def keep_figures(figures, counters, kept):
    """Write the numbers `figures` (tensors) into a row of the array `kept`, and go on to the next batch.

    Shapes: kept (most, number of figures): row counters[0] - counters[1] is written.
    """
    for column, figure in enumerate(figures):
        launch("keep_figure", figure.data.reshape(1), counters, column, kept)
    launch("next_batch", counters)
