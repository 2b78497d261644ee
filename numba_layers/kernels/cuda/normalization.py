"""Normalisation on the GPU: moments of columns (batches) and of rows (layers), and what is made of them.

A column is a channel, cut into chunks. A chunk's mean is taken first, by distances from its first number, and the
squares of the distances from the mean then, from caches; chunks are combined in order. Where channels are few, `fold`
rows lie side by side as one.
"""

import numpy as np

from ..math.fma import fma
from ..math.normalization import moving_rate, slopes_of
from ..math.scalar import sqrt
from .reduction import chunk, launch_of_columns
from .simt.grid import grid_size, thread_id
from .simt.group import MAX_GROUP, element, elements_per_thread, first_row, next_row, row_groups
from .simt.shuffle import WARP, group_sum
from .toolchain.api import cuda, device
from .toolchain.target import cuda_kernel


def chunks_of_moments(*arguments):
    """Launch shape: threads (x, y), y of them for each column of a chunk of the first argument, (n, columns)."""
    (n, columns), chunks = arguments[0].shape, arguments[-1].shape[0]
    return launch_of_columns(chunks * columns, n // chunks)


@device
def sum_down(value, parts):
    """Σ of `value` over the threads of a block that share threadIdx.x, for each of them, in an order that sizes decide.

    parts: shared memory of MAX_GROUP numbers. Every thread of the block calls it.
    """
    threads_x, half = np.uint32(cuda.blockDim.x), np.uint32(cuda.blockDim.y) >> 1
    below = np.uint32(cuda.threadIdx.y)
    place = np.uint32(below * threads_x + cuda.threadIdx.x)
    parts[place] = value
    cuda.syncthreads()
    while half:
        if below < half:
            value = type(value)(value + parts[np.uint32(place + half * threads_x)])
            parts[place] = value
        cuda.syncthreads()
        half >>= 1
    value = parts[cuda.threadIdx.x]
    cuda.syncthreads()
    return value


@device
def task_of(block, chunks, columns):
    """(chunk, column) of this thread where its block begins with column number `block`; the last one beyond the end."""
    task = min(np.uint32(block + np.uint32(cuda.threadIdx.x)), np.uint32(chunks * columns - np.uint32(1)))
    c = np.uint32(task // columns)
    return c, np.uint32(task - c * columns)


@device
def rows_of(c, chunks, n):
    """(first row, rows, rows of this thread) of chunk c of n rows: its threads by threadIdx.y take turns."""
    first, size = chunk(c, chunks, n)
    threads, below = np.uint32(cuda.blockDim.y), np.uint32(cuda.threadIdx.y)
    return first, size, np.uint32(np.uint32(size + np.uint32(threads - below) - np.uint32(1)) // threads)


@device
def row_of(first, k):
    """Row number k of this thread in the chunk that begins at `first`."""
    return np.uint32(first + np.uint32(cuda.threadIdx.y) + np.uint32(k) * np.uint32(cuda.blockDim.y))


@device
def writes(block, tasks):
    """Whether this thread is the one of its column that writes."""
    return cuda.threadIdx.y == 0 and np.uint32(block + np.uint32(cuda.threadIdx.x)) < tasks


@cuda_kernel(launch=chunks_of_moments)
def column_moments(x, partial):
    """partial[c, 0, j], partial[c, 1, j]: the mean of column j in chunk c, and Σ (x - mean)² there.

    Shapes: x (n, columns), partial (chunks, 2, columns), 1 <= chunks <= n. A thread owns a column of a chunk, and the
    threads below it in the block, by threadIdx.y, help.
    """
    parts = cuda.shared.array(MAX_GROUP, x.dtype)
    block = np.uint32(cuda.blockIdx.x * cuda.blockDim.x)
    chunks, columns = np.uint32(partial.shape[0]), np.uint32(x.shape[1])
    while block < np.uint32(chunks * columns):      # the same for all threads, which wait for each other
        c, j = task_of(block, chunks, columns)
        first, size, mine = rows_of(c, chunks, x.shape[0])
        shift, total, k = x[first, j], x.dtype.type(0), np.uint32(0)
        while k < mine:
            total += x[row_of(first, k), j] - shift
            k += np.uint32(1)
        mean = shift + sum_down(total, parts) / x.dtype.type(size)
        squares, k = x.dtype.type(0), np.uint32(0)
        while k < mine:
            distance = x[row_of(first, k), j] - mean
            squares = fma(distance, distance, squares)
            k += np.uint32(1)
        squares = sum_down(squares, parts)
        if writes(block, np.uint32(chunks * columns)):
            partial[c, 0, j] = mean
            partial[c, 1, j] = squares
        block = np.uint32(block + np.uint32(cuda.gridDim.x * cuda.blockDim.x))


@cuda_kernel
def combine_moments(partial, count, mean, variance):
    """Mean and variance of each channel, of the moments of its chunks and of the rows that were folded into one.

    Shapes: partial (chunks, 2, fold, channels), mean and variance (channels,); count: rows in all. A thread owns a
    channel.
    Reference: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
    """
    chunks, fold, j = np.uint32(partial.shape[0]), np.uint32(partial.shape[2]), thread_id()
    while j < np.uint32(mean.size):
        middle, squares, total, c = mean.dtype.type(0), mean.dtype.type(0), np.uint32(0), np.uint32(0)
        while c < chunks:
            some = chunk(c, chunks, np.uint32(np.uint32(count) // fold))[1]
            f = np.uint32(0)
            while f < fold:
                before, total = total, np.uint32(total + some)
                weight = mean.dtype.type(some) / mean.dtype.type(total)
                distance = partial[c, 0, f, j] - middle
                middle = fma(distance, weight, middle)
                squares += fma(distance * distance, mean.dtype.type(before) * weight, partial[c, 1, f, j])
                f += np.uint32(1)
            c += np.uint32(1)
        mean[j] = middle
        variance[j] = squares / mean.dtype.type(count)
        j += grid_size()


@cuda_kernel
def normalization_coefficients(mean, variance, gamma, beta, epsilon, coefficients):
    """coefficients[:, f, j] = mean[j], gamma[j] / sqrt(variance[j] + epsilon), beta[j], for each f alike.

    Shapes: mean, variance, gamma, beta (channels,), coefficients (3, fold, channels). A thread owns a channel.
    """
    fold, j = np.uint32(coefficients.shape[1]), thread_id()
    while j < np.uint32(mean.size):
        scale, f = gamma[j] / sqrt(variance[j] + epsilon), np.uint32(0)
        while f < fold:
            coefficients[0, f, j] = mean[j]
            coefficients[1, f, j] = scale
            coefficients[2, f, j] = beta[j]
            f += np.uint32(1)
        j += grid_size()


@cuda_kernel(launch=row_groups)
def batch_normalize_forward(x, coefficients, y):
    """y[n, j] = (x[n, j] - mean[j]) scale[j] + beta[j].

    Shapes: x and y (n, columns), coefficients (3, columns): mean, scale, beta. A thread group owns a row.
    """
    mine, n = elements_per_thread(x.shape[1]), first_row()
    while n < x.shape[0]:
        k = 0
        while k < mine:
            j = element(k)
            y[n, j] = fma(x[n, j] - coefficients[0, j], coefficients[1, j], coefficients[2, j])
            k += 1
        n = next_row(n)


@cuda_kernel(launch=chunks_of_moments)
def batch_normalize_sums(x, grad, coefficients, partial):
    """partial[c, 0, j] = Σ grad[n, j] and partial[c, 1, j] = Σ grad[n, j] (x[n, j] - mean[j]) over the rows of chunk c.

    Shapes: x and grad (n, columns), coefficients (3, columns), its first row the mean; partial (chunks, 2, columns),
    1 <= chunks <= n. A thread owns a column of a chunk, and the threads below it help.
    """
    parts = cuda.shared.array(MAX_GROUP, x.dtype)
    block = np.uint32(cuda.blockIdx.x * cuda.blockDim.x)
    chunks, columns = np.uint32(partial.shape[0]), np.uint32(x.shape[1])
    while block < np.uint32(chunks * columns):
        c, j = task_of(block, chunks, columns)
        first, _, mine = rows_of(c, chunks, x.shape[0])
        mean, total, products, k = coefficients[0, j], x.dtype.type(0), x.dtype.type(0), np.uint32(0)
        while k < mine:
            r = row_of(first, k)
            slope = grad[r, j]
            total += slope
            products = fma(slope, x[r, j] - mean, products)
            k += np.uint32(1)
        total, products = sum_down(total, parts), sum_down(products, parts)
        if writes(block, np.uint32(chunks * columns)):
            partial[c, 0, j] = total
            partial[c, 1, j] = products
        block = np.uint32(block + np.uint32(cuda.gridDim.x * cuda.blockDim.x))


@cuda_kernel
def normalize_slopes(partial, mean, variance, gamma, epsilon, count, slopes, grad_gamma, grad_beta):
    """What the gradient by x takes of each channel, and the gradients by gamma and beta.

    slopes[:, f, j] = mean[j], s = gamma[j] r, -s Σ g / count, -s r² Σ g (x - mean[j]) / count, for each f alike, with
    r = 1 / sqrt(variance[j] + epsilon); grad_gamma[j] = r Σ g (x - mean[j]); grad_beta[j] = Σ g.

    Shapes: partial (chunks, 2, fold, channels), slopes (4, fold, channels), the others (channels,); count: rows in all.
    A thread owns a channel.
    """
    chunks, fold, j = np.uint32(partial.shape[0]), np.uint32(partial.shape[2]), thread_id()
    while j < np.uint32(mean.size):
        total, products, c = gamma.dtype.type(0), gamma.dtype.type(0), np.uint32(0)
        while c < chunks:
            f = np.uint32(0)
            while f < fold:
                total += partial[c, 0, f, j]
                products += partial[c, 1, f, j]
                f += np.uint32(1)
            c += np.uint32(1)
        inverse = gamma.dtype.type(1) / sqrt(variance[j] + epsilon)
        products *= inverse
        scale, by_mean, by_distance = slopes_of(gamma[j], inverse, total, products, count)
        f = np.uint32(0)
        while f < fold:
            slopes[0, f, j] = mean[j]
            slopes[1, f, j] = scale
            slopes[2, f, j] = by_mean
            slopes[3, f, j] = by_distance
            f += np.uint32(1)
        grad_gamma[j] = products
        grad_beta[j] = total
        j += grid_size()


@cuda_kernel(launch=row_groups)
def batch_normalize_backward_x(x, grad, slopes, grad_x):
    """grad_x[n, j] = s grad[n, j] + by_mean + by_distance (x[n, j] - mean), each of column j.

    Shapes: x, grad and grad_x (n, columns), slopes (4, columns): mean, s, by_mean, by_distance. A thread group owns a
    row.
    """
    mine, n = elements_per_thread(x.shape[1]), first_row()
    while n < x.shape[0]:
        k = 0
        while k < mine:
            j = element(k)
            plain = fma(grad[n, j], slopes[1, j], slopes[2, j])
            grad_x[n, j] = fma(x[n, j] - slopes[0, j], slopes[3, j], plain)
            k += 1
        n = next_row(n)


@cuda_kernel
def moving_average(average, value, count, momentum, factor, debiased, moved):
    """moved[j] = average[j] + rate (factor value[j] - average[j]); the rate is `moving_rate`'s.

    Shapes: average, value and moved (n,), count (1,) of int64: updates so far. A thread owns an element.
    """
    rate, j = moving_rate(momentum, count[0], debiased), thread_id()
    while j < np.uint32(average.size):
        moved[j] = fma(factor * value[j] - average[j], rate, average[j])
        j += grid_size()


# ---- rows ---------------------------------------------------------------------------------------------------------


@cuda_kernel(launch=row_groups)
def layer_normalize_forward(x, gamma, beta, epsilon, mean, inverse, y):
    """y[n, j] = (x[n, j] - mean[n]) inverse[n] gamma[j] + beta[j], inverse[n] = 1 / sqrt(variance of x[n] + epsilon).

    Shapes: x and y (n, columns), gamma and beta (columns,), mean and inverse (n,). A thread group owns a row.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    columns = x.dtype.type(x.shape[1])
    mine, n = elements_per_thread(x.shape[1]), first_row()
    while n < x.shape[0]:
        total, k = x.dtype.type(0), 0
        while k < mine:
            total += x[n, element(k)]
            k += 1
        middle = group_sum(total, parts) / columns
        squares, k = x.dtype.type(0), 0
        while k < mine:
            distance = x[n, element(k)] - middle
            squares = fma(distance, distance, squares)
            k += 1
        scale = x.dtype.type(1) / sqrt(group_sum(squares, parts) / columns + epsilon)
        if cuda.threadIdx.x == 0:
            mean[n] = middle
            inverse[n] = scale
        k = 0
        while k < mine:
            j = element(k)
            y[n, j] = fma((x[n, j] - middle) * scale, gamma[j], beta[j])
            k += 1
        n = next_row(n)


@cuda_kernel(launch=row_groups)
def layer_normalize_backward_x(x, grad, gamma, mean, inverse, grad_x):
    """grad_x[n, j] = r (g[j] - Σ g / columns - (x[n, j] - mean[n]) r² Σ g (x[n] - mean[n]) / columns).

    g = grad[n] gamma and r = inverse[n]. Shapes: as in `layer_normalize_forward`. A thread group owns a row.
    """
    parts = cuda.shared.array(WARP, x.dtype)
    columns = x.dtype.type(x.shape[1])
    mine, n = elements_per_thread(x.shape[1]), first_row()
    while n < x.shape[0]:
        middle, scale = mean[n], inverse[n]
        total, products, k = x.dtype.type(0), x.dtype.type(0), 0
        while k < mine:
            j = element(k)
            slope = grad[n, j] * gamma[j]
            total += slope
            products = fma(slope, x[n, j] - middle, products)
            k += 1
        by_mean = -group_sum(total, parts) / columns
        by_distance = -scale * scale * group_sum(products, parts) / columns
        k = 0
        while k < mine:
            j = element(k)
            plain = fma(grad[n, j], gamma[j], by_mean)
            grad_x[n, j] = scale * fma(x[n, j] - middle, by_distance, plain)
            k += 1
        n = next_row(n)


@cuda_kernel(launch=chunks_of_moments)
def layer_normalize_backward_gamma(x, grad, mean, inverse, partial):
    """partial[c, j] = Σ grad[n, j] (x[n, j] - mean[n]) inverse[n] over the rows of chunk c.

    Shapes: x and grad (n, columns), mean and inverse (n,), partial (chunks, columns). A thread owns a column of a
    chunk, and the threads below it help.
    """
    parts = cuda.shared.array(MAX_GROUP, x.dtype)
    block = np.uint32(cuda.blockIdx.x * cuda.blockDim.x)
    chunks, columns = np.uint32(partial.shape[0]), np.uint32(x.shape[1])
    while block < np.uint32(chunks * columns):
        c, j = task_of(block, chunks, columns)
        first, _, mine = rows_of(c, chunks, x.shape[0])
        total, k = x.dtype.type(0), np.uint32(0)
        while k < mine:
            r = row_of(first, k)
            total = fma(grad[r, j], (x[r, j] - mean[r]) * inverse[r], total)
            k += np.uint32(1)
        total = sum_down(total, parts)
        if writes(block, np.uint32(chunks * columns)):
            partial[c, j] = total
        block = np.uint32(block + np.uint32(cuda.gridDim.x * cuda.blockDim.x))
