"""Reads plans of convolutions (see `kernels.geometry`)."""

import numpy as np

from ...geometry import PlanAxis
from ..toolchain.api import device


@device
def axis_of(plan, residue, axis):
    """One axis of one residue, as a `PlanAxis` of 32-bit numbers."""
    row = plan[residue, axis]
    return PlanAxis(np.uint32(row[0]), np.uint32(row[1]), np.uint32(row[2]), np.uint32(row[3]), np.uint32(row[4]),
                    np.uint32(row[5]), np.uint32(row[6]), np.uint32(row[7]), np.uint32(row[8]))
