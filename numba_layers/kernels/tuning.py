"""When an algorithm of convolution pays, and how its sums are cut: the rules of all targets, each with its numbers."""

import math
from collections import namedtuple

from .geometry import is_winograd, pixels, winograd_blocks
from .math.winograd import POINTS


class ConvTuning(namedtuple("ConvTuning", "channels blocks weights partial small_c_out split_k depthwise swapped",
                            defaults=[(0, 0)])):
    """Measured numbers of a target's `select`.

    channels: (least, most) of Winograd's algorithm. blocks: 4 x 4 ones, at least, of it and of each split of its wgrad.
    weights, partial: channels * filters, at most, of its wgrad, and of that in all splits. small_c_out: (most C_out,
    most C_in) of that algorithm. split_k of wgrad: (about so many splits, rows of the weight, pixels of each).
    depthwise: (splits at most of its wgrad, pixels of each for each tap). swapped: (most filters, least channels) of
    that wgrad.
    """

    __slots__ = ()

    def winograd_pays(self, problem):
        """Its transforms cost per channel, so there must be some; those of weights per pixel, so there must be many."""
        channels, (least, most) = (problem.x[-1], problem.y[-1]), self.channels
        return (is_winograd(problem.window) and least <= min(channels) and max(channels) <= most
                and winograd_blocks(problem.target, 4) >= self.blocks)

    def winograd_4x4_pays(self, problem):
        """F(4x4, 3x3) multiplies less than F(2x2, 3x3), unless much of its blocks falls beyond a small image."""
        return (self.winograd_pays(problem)
                and POINTS * winograd_blocks(problem.target, 4) <= 16 * winograd_blocks(problem.target, 2))

    def winograd_wgrad_pays(self, problem):
        """Each split writes a gradient for each point, which small weights allow."""
        return self.winograd_4x4_pays(problem) and problem.x[-1] * problem.y[-1] <= self.weights

    def winograd_wgrad_points(self, problem):
        """(splits, points, channels, filters) of the gradients of points."""
        channels, filters = problem.x[-1], problem.y[-1]
        splits = min(8, self.partial // (channels * filters), winograd_blocks(problem.y, 4) // self.blocks)
        return max(2, splits), POINTS, channels, filters

    def small_c_out_pays(self, problem):
        """Too few channels to fill vectors, and not too many of the rest."""
        most_out, most_in = self.small_c_out
        return problem.target[-1] <= most_out and problem.source[-1] <= most_in

    def swapped_pays(self, problem):
        """Too few filters to fill vectors, which channels do; strides of 1."""
        most, least = self.swapped
        return (problem.y[-1] <= most and problem.x[-1] >= least
                and all(axis.stride == 1 for axis in problem.window))

    def swapped_shape(self, problem):
        """What `split_k_shape` says of the swapped problem."""
        return self.split_k_shape(problem.swapped)

    def split_k_shape(self, problem):
        """(splits, *weight): small weights have few rows to partition. None for one split."""
        (splits, rows, least), weight = self.split_k, problem.weight
        splits = max(1, min(splits * rows // math.prod(weight[:-1]), pixels(problem.y) // least))
        return (splits, *weight) if splits > 1 else None

    def depthwise_splits(self, problem):
        """Of how many partial sums the gradient of a depthwise weight is made."""
        most, least = self.depthwise
        taps = math.prod(axis.window for axis in problem.window)
        return max(1, min(most, pixels(problem.y) // (least * taps)))
