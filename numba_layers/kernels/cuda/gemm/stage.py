"""A mainloop stage: an operand's K-block on its way from global memory, through registers, to shared memory.

For FMAs it lies there as [k, i], so that a thread loads 128-bit vectors of neighbours in i. For tensor cores a word is
one number of TF32 or two of bfloat16, neighbours in K; words lie as the loader reads them, [i, w] or [w, i].
"""

from collections import namedtuple

import numpy as np

from ..simt.memory import st1, st2, st4
from ..toolchain.api import device
from .mma import bf16x2, tf32
from .operand import Loader

u32 = np.uint32
WORD = {"fp32": 1, "tf32": 1, "bf16": 2}   # numbers along K in a word of shared memory


class Stage(namedtuple("Stage", "start load advance position store strides size")):
    """One operand's way to shared memory: a loader of all that a thread brings, and where that goes.

    position(thread): its first (i, k). store(shared, at, values): put what was loaded at element `at`.
    strides: how far neighbours (in M or N, in K) are apart there; size: elements of a buffer.
    """


def stage_of(loader, length, tile):
    """How the threads of `tile` bring `length` rows (of A, columns of B) of a K-block to shared memory.

    Rows there are padded, so that the threads of a warp have no bank conflict when they multiply, and seldom when they
    store.
    """
    precision = tile.precision
    words = tile.block_k // WORD[precision]
    k_major = precision != "fp32" and loader.k_contiguous   # else neighbours in M or N are neighbours there as well
    strides = (words + 4, 1) if k_major else (1, length + (4 if precision == "fp32" else 8))
    size = length * strides[0] if k_major else words * strides[1]
    store = {"fp32": _store_fp32(loader.k_contiguous, strides[1]), "tf32": _store_tf32,
             "bf16": _store_bf16(loader.k_contiguous)}[precision]
    vectors = u32((tile.block_k if loader.k_contiguous else length) // 4)   # neighbouring threads: coalesced
    step = 1
    if precision == "bf16" and not loader.k_contiguous:   # two numbers along K make a word
        loader, step = _twice(loader, 0, 1), 2

    if loader.k_contiguous:
        @device
        def position(thread):
            return u32(thread // vectors), u32(thread % vectors * u32(4))
    else:
        @device
        def position(thread):
            return u32(thread % vectors * u32(4)), u32(thread // vectors * step)

    covered = tile.threads // int(vectors) * step   # rows of the operand in memory that the threads load at once
    while covered < (length if loader.k_contiguous else tile.block_k):
        beyond = (covered, 0) if loader.k_contiguous else (0, covered)
        offset = covered * strides[0] if loader.k_contiguous else covered // step * strides[1]
        loader, store, covered = _twice(loader, *beyond), _both(store, offset), 2 * covered
    return Stage(loader.start, loader.load, loader.advance, position, store, strides, size)


def _twice(loader, rows, terms):
    """A loader of two vectors, the second `rows` and `terms` further on."""
    start_one, load_one, advance_one, rows, terms = loader.start, loader.load, loader.advance, u32(rows), u32(terms)

    @device
    def start(x, i, k):
        return start_one(x, i, k), start_one(x, u32(i + rows), u32(k + terms))

    @device
    def load(x, state):
        return load_one(x, state[0]), load_one(x, state[1])

    @device
    def advance(x, state, depth):
        return advance_one(x, state[0], depth), advance_one(x, state[1], depth)

    return Loader(loader.k_contiguous, start, load, advance)


def _both(store_one, offset):
    """Store two of what `store_one` stores, `offset` apart."""
    offset = u32(offset)

    @device
    def store(shared, at, values):
        store_one(shared, at, values[0])
        store_one(shared, u32(at + offset), values[1])

    return store


def _store_fp32(k_contiguous, stride):
    """Store a vector as it is; of a K-contiguous operand transposed, into four rows of shared memory."""
    one, two, three = u32(stride), u32(2 * stride), u32(3 * stride)

    @device
    def transposed(shared, at, values):
        st1(shared, at, values[0])
        st1(shared, u32(at + one), values[1])
        st1(shared, u32(at + two), values[2])
        st1(shared, u32(at + three), values[3])

    return transposed if k_contiguous else st4


@device
def _store_tf32(shared, at, values):
    """Store a vector rounded to TF32: once here, rather than in each fragment."""
    st4(shared, at, (tf32(values[0]), tf32(values[1]), tf32(values[2]), tf32(values[3])))


def _store_bf16(k_contiguous):
    """Store a vector rounded to bfloat16: two neighbours in K in each word."""
    @device
    def one_vector(shared, at, values):
        st2(shared, at, (bf16x2(values[0], values[1]), bf16x2(values[2], values[3])))

    @device
    def two_vectors(shared, at, values):
        a, b = values
        st4(shared, at, (bf16x2(a[0], b[0]), bf16x2(a[1], b[1]), bf16x2(a[2], b[2]), bf16x2(a[3], b[3])))

    return one_vector if k_contiguous else two_vectors
