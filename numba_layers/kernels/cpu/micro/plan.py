"""Reads plans of convolutions (see `kernels.geometry`)."""

from ...geometry import PlanAxis
from ..compile import inlined


@inlined
def axis_of(plan, residue, axis):
    """One axis of one residue, as a `PlanAxis`. Read it inside a prange: Numba takes no named tuple into one."""
    row = plan[residue, axis]
    return PlanAxis(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8])
