"""Ops on shapes beside NumPy's answers: (name, op, NumPy's function, shapes of the inputs)."""

import numpy as np

from numba_layers import ops

CASES = [
    ("reshape", lambda x: ops.reshape(x, shape=(4, -1)), lambda x: x.reshape(4, -1), [(4, 2, 3)]),
    ("reshape batch", lambda x: ops.reshape(x, shape=(None, 3, -1)), lambda x: x.reshape(4, 3, 2), [(4, 6)]),
    ("flatten", lambda x: ops.flatten(x), lambda x: x.reshape(4, 6), [(4, 2, 3)]),
    ("expand_dims", lambda x: ops.expand_dims(x, axis=-2), lambda x: x[:, None], [(4, 3)]),
    ("squeeze", lambda x: ops.squeeze(x, axis=(1, -1)), lambda x: x[:, 0, :, 0], [(4, 1, 3, 1)]),
    ("transpose", lambda x: ops.transpose(x), lambda x: x.T, [(4, 70)]),
    ("permute", lambda x: ops.transpose(x, axes=(0, 3, 1, 2)),
     lambda x: x.transpose(0, 3, 1, 2), [(4, 5, 3, 2)]),
    ("backwards", lambda x: ops.transpose(x, axes=(3, 2, 1, 0)), lambda x: x.T, [(4, 5, 3, 2)]),
    ("broadcast_to", lambda x: ops.broadcast_to(x, shape=(5, 2, None, 3)),
     lambda x: np.broadcast_to(x, (5, 2, 4, 3)), [(4, 1)]),
    ("tile", lambda x: ops.tile(x, repeats=(1, 3, 2)), lambda x: np.tile(x, (1, 3, 2)), [(4, 2, 3)]),
    ("tile last", lambda x: ops.tile(x, repeats=2), lambda x: np.tile(x, 2), [(4, 3)]),
    ("repeat", lambda x: ops.repeat(x, repeats=3, axis=1), lambda x: np.repeat(x, 3, 1), [(4, 2, 3)]),
    ("concatenate", lambda x, y, z: ops.concatenate(x, y, z, axis=-2),
     lambda *xs: np.concatenate(xs, 1), [(4, 2, 3), (4, 0, 3), (4, 5, 3)]),
    ("concatenate rows", lambda x, y: ops.concatenate(x, y, axis=0),
     lambda *xs: np.concatenate(xs), [(4, 3), (2, 3)]),
    ("stack", lambda x, y: ops.stack(x, y, axis=-1), lambda *xs: np.stack(xs, -1), [(4, 3), (4, 3)]),
    ("split", lambda x: ops.split(x, parts=[1, 0, 4], axis=1)[2], lambda x: x[:, 1:], [(4, 5, 2)]),
    ("equal parts", lambda x: ops.split(x, parts=3)[1], lambda x: x[:, 2:4], [(4, 6)]),
    ("unstack", lambda x: ops.unstack(x, axis=-1)[2], lambda x: x[..., 2], [(4, 2, 3)]),
    ("flip", lambda x: ops.flip(x, axes=(1, -1)), lambda x: x[:, ::-1, ::-1], [(4, 2, 3)]),
    ("pad", lambda x: ops.pad(x, padding=[(0, 0), (2, 1), (0, 3)], value=-7.5),
     lambda x: np.pad(x, [(0, 0), (2, 1), (0, 3)], constant_values=-7.5), [(4, 2, 3)]),
    ("row", lambda x: ops.getitem(x, index=2), lambda x: x[2], [(4, 3)]),
    ("column", lambda x: x[:, -1], lambda x: x[:, -1], [(4, 3)]),
    ("every other", lambda x: x[:, :, ::2], lambda x: x[:, :, ::2], [(4, 2, 5)]),
    ("new axis", lambda x: x[..., None], lambda x: x[..., None], [(4, 3)]),
    ("mixture", lambda x: x[:, None, 1, ..., 3:0:-2], lambda x: x[:, None, 1, ..., 3:0:-2], [(4, 2, 3, 5)]),
    ("first two", lambda x: x[:2], lambda x: x[:2], [(4, 3)]),
    ("rows", lambda x: x[[2, -1, 2]], lambda x: x[[2, -1, 2]], [(4, 3)]),
    ("rows and column", lambda x: x[np.array([[2, 0], [1, 1]]), 1],
     lambda x: x[np.array([[2, 0], [1, 1]]), 1], [(4, 3)]),
    ("mask", lambda x: x[np.array([True, False, True, True])], lambda x: x[[0, 2, 3]], [(4, 3)]),
]
