"""How a target chooses among algorithms: the first that fits and pays.

An algorithm *fits* where its buffers hold the problem: the module of its kernels computes that from the very constants
that size them. It *pays* where it was measured to be faster than those behind it: the constants of that stand in the
target's `select`.
"""

from collections import namedtuple

# name: as ops know its launches. fits, pays: of a problem. workspace: of a problem, the shape of what the algorithm
# writes between its launches (transformed weights, partial sums); None for nothing.
Algorithm = namedtuple("Algorithm", "name fits pays workspace")
Chosen = namedtuple("Chosen", "name workspace")


def always(problem):
    """For algorithms that hold, or suit, any problem."""
    return True


def nothing(problem):
    """For algorithms of one launch."""


def allowed(algorithms, winograd):
    """Those of `algorithms` that are not Winograd's, or all of them."""
    return [one for one in algorithms if winograd or "winograd" not in one.name]


def first(algorithms, problem):
    """The first of `algorithms` that fits and pays, as `Chosen`. The last one always does."""
    algorithm = next(one for one in algorithms if one.fits(problem) and one.pays(problem))
    return Chosen(algorithm.name, algorithm.workspace(problem))
