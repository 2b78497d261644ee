"""All trainable weights of a model in one array, and their gradients in another."""

import numpy as np

from .. import devices
from ..autograd.tensor import followers, stored
from ..errors import DtypeError


class Arena:
    """One contiguous array of which all `variables` are views, and one of the same size for their gradients.

    An optimizer's step, clipping by norm and a checkpoint are then one pass over one array.
    Shapes: weights, gradients (total number of elements,)
    Raises: DtypeError when the variables mix element types.
    """

    def __init__(self, variables):
        self.variables = [stored(variable) for variable in variables]
        dtypes = {variable.dtype for variable in self.variables}
        if len(dtypes) > 1:
            raise DtypeError("the trainable weights mix float32 and float64. Build all layers under one "
                             "K.set_floatx(...).")
        dtype = dtypes.pop() if dtypes else np.dtype("float32")
        size = sum(variable.size for variable in self.variables)
        self.device = devices.current()
        self.weights = devices.empty((size,), dtype)
        self.gradients = devices.empty((size,), dtype)
        self._weight_views = self.split(self.weights)
        self.gradient_views = self.split(self.gradients)
        self.claim()

    def split(self, array):
        """Views of a flat `array`, one with the shape of each variable."""
        ends = np.cumsum([0] + [variable.size for variable in self.variables])
        return [array[start:end].reshape(variable.shape)
                for variable, start, end in zip(self.variables, ends[:-1], ends[1:])]

    def claim(self):
        """Make every variable a view of this arena again: another model that shares it may have moved it."""
        moved = {}
        for variable, view in zip(self.variables, self._weight_views):
            if variable.data is not view:
                view[...] = variable.data
                variable.data = view
                moved |= {id(one): one for one in followers.get(variable, ())}
        for follower in moved.values():     # functions of jitted code, made of a model that has these weights
            follower.follow()
