"""The geometry of convolutions as the host plans it (see `conv` of the CPU room): a row of numbers for each axis.

A row says for one axis that output `start + t * step`, t < count, sums over taps j < taps: the input at
t * stride + offset + j * gap, times the window's tap first_tap + j * next_tap.
"""

from collections import namedtuple

import numpy as np

from ..toolchain.api import device

Axis = namedtuple("Axis", "start step count stride offset gap taps first_tap next_tap")


@device
def axis_of(plans, phase, axis):
    """One axis of one phase, as 32-bit numbers."""
    row = plans[phase, axis]
    return Axis(np.uint32(row[0]), np.uint32(row[1]), np.uint32(row[2]), np.uint32(row[3]), np.uint32(row[4]),
                np.uint32(row[5]), np.uint32(row[6]), np.uint32(row[7]), np.uint32(row[8]))
