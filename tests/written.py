"""What users write for Keras themselves, for tests of several kinds."""

from numba_layers import backend as K
from numba_layers import optimizers


class Momentum(optimizers.Optimizer):
    """As a user writes it for Keras."""

    def get_updates(self, loss, params):
        self.weights = [K.zeros(K.int_shape(p)) for p in params]
        updates = [K.update_add(self.iterations, 1)]
        for p, g, m in zip(params, self.get_gradients(loss, params), self.weights):
            updates += [K.update(m, 0.9 * m + g), K.update(p, p - 0.01 * m)]
        return updates
