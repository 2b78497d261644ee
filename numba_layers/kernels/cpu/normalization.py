"""Normalisation on the CPU: moments of columns (batches) and of rows (layers), and what is made of them.

A column is a channel. Its numbers are cut into chunks, one task each; a chunk's mean is taken first, by distances from
its first number, and the squares of the distances from the mean then, while the chunk is in the cache. Chunks are
combined in order. So the number of threads changes no bit, and a mean far from 0 costs no digits. Where channels are
few, `fold` rows lie side by side as one.
"""

from numba import prange

from ..math.fma import fma
from ..math.normalization import moving_rate, slopes_of
from ..math.scalar import sqrt
from .compile import cpu_kernel
from .micro.reduction import sum_of, summed

BLOCK = 256   # columns of a chunk that one task takes


@cpu_kernel
def column_moments(x, partial):
    """partial[c, 0, j], partial[c, 1, j]: the mean of column j in chunk c, and Σ (x - mean)² there.

    Shapes: x (n, columns), partial (chunks, 2, columns), 1 <= chunks <= n. A task owns BLOCK columns of a chunk.
    """
    n, columns, chunks = x.shape[0], x.shape[1], partial.shape[0]
    blocks = (columns + BLOCK - 1) // BLOCK
    for task in prange(chunks * blocks):
        c, j = task // blocks, task % blocks * BLOCK
        first, last = c * n // chunks, (c + 1) * n // chunks
        mean, squares = partial[c, 0, j:j + BLOCK], partial[c, 1, j:j + BLOCK]
        for k in range(mean.size):
            mean[k] = 0
            squares[k] = 0
        shift = x[first, j:j + BLOCK]
        for r in range(first + 1, last):
            row = x[r, j:j + BLOCK]
            for k in range(mean.size):
                mean[k] += row[k] - shift[k]
        for k in range(mean.size):
            mean[k] = shift[k] + mean[k] / x.dtype.type(last - first)
        for r in range(first, last):
            row = x[r, j:j + BLOCK]
            for k in range(mean.size):
                distance = row[k] - mean[k]
                squares[k] = fma(distance, distance, squares[k])


@cpu_kernel
def combine_moments(partial, count, mean, variance):
    """Mean and variance of each channel, of the moments of its chunks and of the rows that were folded into one.

    Shapes: partial (chunks, 2, fold, channels), mean and variance (channels,); count: rows in all. A task owns BLOCK
    channels.
    Reference: Chan, Golub & LeVeque 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
    """
    chunks, fold, channels = partial.shape[0], partial.shape[2], partial.shape[3]
    for task in prange((channels + BLOCK - 1) // BLOCK):
        middle, squares = mean[task * BLOCK:(task + 1) * BLOCK], variance[task * BLOCK:(task + 1) * BLOCK]
        for k in range(middle.size):
            middle[k] = 0
            squares[k] = 0
        total = 0
        for c in range(chunks):
            some = (c + 1) * (count // fold) // chunks - c * (count // fold) // chunks
            for f in range(fold):
                means = partial[c, 0, f, task * BLOCK:(task + 1) * BLOCK]
                others = partial[c, 1, f, task * BLOCK:(task + 1) * BLOCK]
                total += some
                weight = mean.dtype.type(some / total)
                both = mean.dtype.type(total - some) * weight
                for k in range(middle.size):
                    distance = means[k] - middle[k]
                    middle[k] = fma(distance, weight, middle[k])
                    squares[k] += fma(distance * distance, both, others[k])
        for k in range(middle.size):
            squares[k] /= mean.dtype.type(count)


@cpu_kernel
def normalization_coefficients(mean, variance, gamma, beta, epsilon, coefficients):
    """coefficients[:, f, j] = mean[j], gamma[j] / sqrt(variance[j] + epsilon), beta[j], for each f alike.

    Shapes: mean, variance, gamma, beta (channels,), coefficients (3, fold, channels). A task owns a row of channels.
    """
    for f in prange(coefficients.shape[1]):
        for j in range(mean.size):
            coefficients[0, f, j] = mean[j]
            coefficients[1, f, j] = gamma[j] / sqrt(variance[j] + epsilon)
            coefficients[2, f, j] = beta[j]


@cpu_kernel
def batch_normalize_forward(x, coefficients, y):
    """y[n, j] = (x[n, j] - mean[j]) scale[j] + beta[j].

    Shapes: x and y (n, columns), coefficients (3, columns): mean, scale, beta. A task owns a row.
    """
    for n in prange(x.shape[0]):
        for j in range(x.shape[1]):
            y[n, j] = fma(x[n, j] - coefficients[0, j], coefficients[1, j], coefficients[2, j])


@cpu_kernel
def batch_normalize_sums(x, grad, coefficients, partial):
    """partial[c, 0, j] = Σ grad[n, j] and partial[c, 1, j] = Σ grad[n, j] (x[n, j] - mean[j]) over the rows of chunk c.

    Shapes: x and grad (n, columns), coefficients (3, columns), its first row the mean; partial (chunks, 2, columns),
    1 <= chunks <= n. A task owns BLOCK columns of a chunk.
    """
    n, columns, chunks = x.shape[0], x.shape[1], partial.shape[0]
    blocks = (columns + BLOCK - 1) // BLOCK
    for task in prange(chunks * blocks):
        c, j = task // blocks, task % blocks * BLOCK
        mean = coefficients[0, j:j + BLOCK]
        total, products = partial[c, 0, j:j + BLOCK], partial[c, 1, j:j + BLOCK]
        for k in range(mean.size):
            total[k] = 0
            products[k] = 0
        for r in range(c * n // chunks, (c + 1) * n // chunks):
            row, slope = x[r, j:j + BLOCK], grad[r, j:j + BLOCK]
            for k in range(mean.size):
                total[k] += slope[k]
                products[k] = fma(slope[k], row[k] - mean[k], products[k])


@cpu_kernel
def normalize_slopes(partial, mean, variance, gamma, epsilon, count, slopes, grad_gamma, grad_beta):
    """What the gradient by x takes of each channel, and the gradients by gamma and beta.

    slopes[:, f, j] = mean[j], s = gamma[j] r, -s Σ g / count, -s r² Σ g (x - mean[j]) / count, for each f alike, with
    r = 1 / sqrt(variance[j] + epsilon); grad_gamma[j] = r Σ g (x - mean[j]); grad_beta[j] = Σ g.

    Shapes: partial (chunks, 2, fold, channels), slopes (4, fold, channels), the others (channels,); count: rows in all.
    A task owns BLOCK channels.
    """
    chunks, fold, channels = partial.shape[0], partial.shape[2], partial.shape[3]
    for task in prange((channels + BLOCK - 1) // BLOCK):
        first, last = task * BLOCK, min(channels, (task + 1) * BLOCK)
        total = grad_beta[first:last]
        products = grad_gamma[first:last]
        for k in range(total.size):
            total[k] = 0
            products[k] = 0
        for c in range(chunks):
            for f in range(fold):
                sums, others = partial[c, 0, f, first:last], partial[c, 1, f, first:last]
                for k in range(total.size):
                    total[k] += sums[k]
                    products[k] += others[k]
        for k in range(total.size):
            j = first + k
            inverse = gamma.dtype.type(1) / sqrt(variance[j] + epsilon)
            products[k] *= inverse
            scale, by_mean, by_distance = slopes_of(gamma[j], inverse, total[k], products[k], count)
            for f in range(fold):
                slopes[0, f, j] = mean[j]
                slopes[1, f, j] = scale
                slopes[2, f, j] = by_mean
                slopes[3, f, j] = by_distance


@cpu_kernel
def batch_normalize_backward_x(x, grad, slopes, grad_x):
    """grad_x[n, j] = s grad[n, j] + by_mean + by_distance (x[n, j] - mean), each of column j.

    Shapes: x, grad and grad_x (n, columns), slopes (4, columns): mean, s, by_mean, by_distance. A task owns a row.
    """
    for n in prange(x.shape[0]):
        for j in range(x.shape[1]):
            plain = fma(grad[n, j], slopes[1, j], slopes[2, j])
            grad_x[n, j] = fma(x[n, j] - slopes[0, j], slopes[3, j], plain)


@cpu_kernel
def moving_average(average, value, count, momentum, factor, debiased, moved):
    """moved[j] = average[j] + rate (factor value[j] - average[j]), where rate = 1 - momentum.

    debiased: the rate is divided by 1 - momentum**(count[0] + 1), so that what the average was before its first update
    counts for nothing. Shapes: average, value and moved (n,), count (1,) of int64: updates so far.
    Reference: Kingma & Ba 2015, "Adam", §3.
    """
    rate = moving_rate(momentum, count[0], debiased)
    for j in prange(average.size):
        moved[j] = fma(factor * value[j] - average[j], rate, average[j])


# ---- rows ---------------------------------------------------------------------------------------------------------


@summed
def squared_distances(j, row, mean):
    distance = row[j] - mean
    return distance * distance


@summed
def scaled(j, grad, gamma):
    return grad[j] * gamma[j]


@summed
def scaled_by_distance(j, grad, gamma, row, mean):
    return grad[j] * gamma[j] * (row[j] - mean)


@cpu_kernel
def layer_normalize_forward(x, gamma, beta, epsilon, mean, inverse, y):
    """y[n, j] = (x[n, j] - mean[n]) inverse[n] gamma[j] + beta[j], inverse[n] = 1 / sqrt(variance of x[n] + epsilon).

    Shapes: x and y (n, columns), gamma and beta (columns,), mean and inverse (n,). A task owns a row.
    """
    columns = x.shape[1]
    for n in prange(x.shape[0]):
        middle = sum_of(columns, x[n]) / x.dtype.type(columns)
        variance = squared_distances(columns, x[n], middle) / x.dtype.type(columns)
        scale = x.dtype.type(1) / sqrt(variance + epsilon)
        mean[n] = middle
        inverse[n] = scale
        for j in range(columns):
            y[n, j] = fma((x[n, j] - middle) * scale, gamma[j], beta[j])


@cpu_kernel
def layer_normalize_backward_x(x, grad, gamma, mean, inverse, grad_x):
    """grad_x[n, j] = r (g[j] - Σ g / columns - (x[n, j] - mean[n]) r² Σ g (x[n] - mean[n]) / columns).

    g = grad[n] gamma and r = inverse[n]. Shapes: as in `layer_normalize_forward`. A task owns a row.
    """
    columns = x.shape[1]
    for n in prange(x.shape[0]):
        middle, scale = mean[n], inverse[n]
        by_mean = -scaled(columns, grad[n], gamma) / x.dtype.type(columns)
        by_distance = -scale * scale * scaled_by_distance(columns, grad[n], gamma, x[n], middle) / x.dtype.type(columns)
        for j in range(columns):
            plain = fma(grad[n, j], gamma[j], by_mean)
            grad_x[n, j] = scale * fma(x[n, j] - middle, by_distance, plain)


@cpu_kernel
def layer_normalize_backward_gamma(x, grad, mean, inverse, partial):
    """partial[c, j] = Σ grad[n, j] (x[n, j] - mean[n]) inverse[n] over the rows of chunk c.

    Shapes: x and grad (n, columns), mean and inverse (n,), partial (chunks, columns). A task owns BLOCK columns of a
    chunk.
    """
    n, columns, chunks = x.shape[0], x.shape[1], partial.shape[0]
    blocks = (columns + BLOCK - 1) // BLOCK
    for task in prange(chunks * blocks):
        c, j = task // blocks, task % blocks * BLOCK
        total = partial[c, j:j + BLOCK]
        for k in range(total.size):
            total[k] = 0
        for r in range(c * n // chunks, (c + 1) * n // chunks):
            row, slope, middle, scale = x[r, j:j + BLOCK], grad[r, j:j + BLOCK], mean[r], inverse[r]
            for k in range(total.size):
                total[k] = fma(slope[k], (row[k] - middle) * scale, total[k])
