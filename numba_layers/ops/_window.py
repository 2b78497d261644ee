"""The geometry of a sliding window along each spatial axis: convolution, pooling and what undoes them.

    out = (before + size + after - (dilation (window - 1) + 1)) // stride + 1

A window's first tap at output `o` meets input `o * stride - before`; its tap `k` lies `k * dilation` further.
Reference: Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning".
"""

import functools

import numpy as np

from ..errors import ArgumentError, ShapeError, shown, unknown
from ..kernels.geometry import WindowAxis

PADDINGS = ("valid", "same", "causal", "full")
AXES = {1: ("steps",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}
MOST = 2**31 - 1    # taps, strides ...: their products with sizes stay within 64 bits
SHOWN = 8           # legal sizes in a message


def axes(who, sizes, window, strides=1, padding="valid", dilation=1):
    """One `WindowAxis` for each spatial axis of an input.

    sizes: the input's, None where open. window, strides, dilation: whole numbers, or one for all axes.
    padding: 'valid' for none; 'same' for out = ceil(size / stride), TensorFlow's rule, which pads more behind;
    'full' for all windows that touch the input; 'causal' for zeros in front only, one axis; or (before, after)
    pairs.
    Raises: ShapeError for a window larger than the padded input; ArgumentError for other wrong numbers.
    """
    return _axes(who, tuple(sizes), _fixed(window), _fixed(strides), _fixed(padding), _fixed(dilation))


def _fixed(value):
    """Lists, arrays and lists of them as tuples, by which the cache below can look up."""
    return tuple(map(_fixed, value)) if isinstance(value, tuple | list | np.ndarray) else value


def transposed_axes(who, sizes, window, strides=1, padding="valid", dilation=1, output_size=None):
    """The axes of the convolution whose output has `sizes`: what a transposed convolution undoes.

    output_size: that convolution's input, None for stride * size with padding 'same', else for the smallest that
    uses all of the window: stride * size + max(span - stride, 0) - padding.
    Raises: ShapeError for an output_size from which another size than `sizes` would be made, with the legal ones.
    """
    count = len(sizes)
    window, strides = per_axis(who, "window", window, count), per_axis(who, "strides", strides, count)
    dilation, padding = per_axis(who, "dilation", dilation, count), _padding(who, padding, count)
    spans = [(taps - 1) * step + 1 for taps, step in zip(window, dilation)]
    pads = [(0, 0) if padding == "same" else _pads(padding, number, None, span, stride)
            for number, (span, stride) in enumerate(zip(spans, strides))]
    if output_size is None:
        output_size = [None if size is None else
                       size * stride + (0 if padding == "same" else max(span - stride, 0) - sum(pad))
                       for size, span, stride, pad in zip(sizes, spans, strides, pads)]
    output_size = tuple(output_size)
    for number, (size, wanted, span, stride) in enumerate(zip(sizes, output_size, spans, strides)):
        if size is None or wanted is None:
            continue
        least = stride * (size - 1) + (1 if padding == "same" else span - sum(pads[number]))
        if not least <= wanted < least + stride or wanted < 1:
            legal = ", ".join(str(size) for size in range(max(1, least), least + stride)[:SHOWN])
            legal += "." if stride <= SHOWN else f", ... {least + stride - 1}."
            raise ShapeError(
                f"{who}: no convolution makes {size} {AXES[count][number]} of {wanted}. Output sizes are o = s (i - 1) "
                f"+ a + k - 2p = {stride} * ({size} - 1) + a + {least - stride * (size - 1)}, a from 0 to "
                f"{stride - 1}: {legal}")
    return tuple(axis._replace(out=size) for axis, size in zip(
        axes(who, output_size, window, strides, padding, dilation), sizes))


def per_axis(who, what, value, count):
    """`value` as a tuple of `count` whole numbers of at least 1; one number stands for all axes."""
    several = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim)
    numbers = tuple(value) if several else (value,) * count
    if len(numbers) != count or not all(isinstance(number, int | np.integer) and 1 <= number <= MOST
                                        for number in numbers):
        raise ArgumentError(f"{who}: {what} {shown(value)}: expected {count} whole numbers of at least 1 (and at most "
                            f"{MOST:,}), one for each of {_listed(AXES.get(count, ()))}.")
    return tuple(int(number) for number in numbers)


def _padding(who, padding, count):
    """A name among PADDINGS, or `count` pairs of whole numbers."""
    if isinstance(padding, str):
        if padding not in PADDINGS:
            raise unknown(f"padding for {who}", padding, PADDINGS)
        if padding == "causal" and count > 1:
            raise ArgumentError(f"{who}: padding 'causal' is for sequences (one spatial axis), this input has {count}. "
                                "Take 'same' or 'valid'.")
        return padding
    pairs = tuple(tuple(pair) for pair in padding)
    if len(pairs) != count or not all(len(pair) == 2 and 0 <= min(pair) and max(pair) <= MOST for pair in pairs):
        raise ArgumentError(f"{who}: padding {padding!r}: expected a name ({', '.join(PADDINGS)}) or {count} pairs "
                            f"(before, after) of numbers that are not negative (and at most {MOST:,}).")
    return pairs


@functools.lru_cache(4096)
def _axes(who, sizes, window, strides, padding, dilation):
    count = len(sizes)
    window, strides = per_axis(who, "window", window, count), per_axis(who, "strides", strides, count)
    dilation, padding = per_axis(who, "dilation", dilation, count), _padding(who, padding, count)
    if any(size is not None and size < 1 for size in sizes):
        raise ShapeError(f"{who}: the input has size {_listed(sizes)} ({_listed(AXES[count])}): there is nothing "
                         "to slide a window over. Layers before it shrink the image too much.")
    found = []
    for number, (size, taps, stride, step) in enumerate(zip(sizes, window, strides, dilation)):
        span = (taps - 1) * step + 1
        if span > MOST:
            raise ArgumentError(f"{who}: along the {AXES[count][number]} the window spans {span} ({taps} taps, {step} "
                                f"apart), which may be {MOST:,} at most.")
        before, after = _pads(padding, number, size, span, stride)
        out = None
        if size is not None:
            padded = before + size + after
            if padded < span:
                raise _too_large(who, AXES[count][number], size, taps, step, span, before, after)
            out = (padded - span) // stride + 1
        found.append(WindowAxis(size, taps, stride, step, before, after, out))
    return tuple(found)


def _pads(padding, number, size, span, stride):
    """Zeros before and behind an axis; None where they depend on a size that is open."""
    if padding == "valid":
        return 0, 0
    if padding == "full":
        return span - 1, span - 1
    if padding == "causal":
        return span - 1, 0
    if padding == "same":
        if size is None and stride > 1:
            return None, None
        total = max(span - (stride if size is None or size % stride == 0 else size % stride), 0)
        return total // 2, total - total // 2
    return padding[number]


def _too_large(who, axis, size, taps, step, span, before, after):
    reach = f"spans {span} ({taps} taps, {step} apart)" if step > 1 else f"has {span}"
    have = f"{size} + padding {before} + {after} = {size + before + after}" if before or after else f"{size}"
    return ShapeError(f"{who}: along the {axis} the window {reach}, the input only {have}: the output would have size "
                      f"{size + before + after - span + 1}. Take a smaller window, padding 'same' "
                      "(border_mode='same'), or larger images.")


def _listed(entries):
    return " x ".join(map(str, entries))
