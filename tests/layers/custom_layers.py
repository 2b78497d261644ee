"""Layers of the kinds that public scripts hold, as their authors write them for Keras 1, Keras 2 and tf.keras.

Each class is one idiom: where weights are made, how shapes are told, what is overridden.
"""
# ruff: noqa: UP008, UP032   written as Python 2 wanted it

import math

import numpy as np

from numba_layers import activations, constraints, initializations, initializers, ops, regularizers
from numba_layers import backend as K
from numba_layers.layers import Conv2D, Convolution2D, Dense, InputSpec, Layer, MaxPooling2D, Wrapper

# ---- Keras 1 -----------------------------------------------------------------------------------------------


class SelfAttention1(Layer):
    """Weighs timesteps: Keras 1's `self.init`, `self.trainable_weights`, `get_output_shape_for`; takes a mask."""

    def __init__(self, W_regularizer=None, b_regularizer=None, W_constraint=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializations.get("glorot_uniform")
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.bias = bias
        super(SelfAttention1, self).__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight((input_shape[-1],), initializer=self.init, name="{}_W".format(self.name),
                                 regularizer=self.W_regularizer, constraint=self.W_constraint)
        if self.bias:
            self.b = self.add_weight((input_shape[1],), initializer="zero", name="{}_b".format(self.name),
                                     regularizer=self.b_regularizer)
        else:
            self.b = None
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        features = K.reshape(K.dot(K.reshape(x, (-1, x.shape[-1])), K.reshape(self.W, (x.shape[-1], 1))),
                             (-1, x.shape[1]))
        if self.bias:
            features += self.b
        weights = K.exp(K.tanh(features))
        if mask is not None:
            weights *= K.cast(mask, K.floatx())
        weights /= K.cast(K.sum(weights, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(weights), axis=1)

    def get_output_shape_for(self, input_shape):
        return input_shape[0], input_shape[-1]

    def get_config(self):
        return dict(super(SelfAttention1, self).get_config(), bias=self.bias)


class AttentionOfThree(Layer):
    """Scores by a vector of contexts; variables made by `K.variable` and listed."""

    def build(self, input_shape):
        size = input_shape[-1]
        self.W = K.variable(np.random.RandomState(0).uniform(-0.5, 0.5, (size, size)), name="W")
        self.u = K.variable(np.random.RandomState(1).uniform(-0.5, 0.5, (size,)))
        self.trainable_weights = [self.W, self.u]
        super(AttentionOfThree, self).build(input_shape)

    def call(self, x, mask=None):
        scores = K.sum(K.tanh(K.dot(x, self.W)) * self.u, axis=-1)
        weights = K.softmax(scores)
        return K.sum(x * K.expand_dims(weights, -1), axis=1)

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], input_shape[2])


class Affine1(Layer):
    """The example of Keras 1's documentation."""

    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(Affine1, self).__init__(**kwargs)

    def build(self, input_shape):
        input_dim = input_shape[1]
        initial_weight_value = np.random.RandomState(2).random_sample((input_dim, self.output_dim))
        self.W = K.variable(initial_weight_value)
        self.trainable_weights = [self.W]

    def call(self, x, mask=None):
        return K.dot(x, self.W)

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        config = {"output_dim": self.output_dim}
        base_config = super(Affine1, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


class Scale1(Layer):
    """The scale layer of converted residual networks: gamma and beta by axis, initial weights by argument."""

    def __init__(self, weights=None, axis=-1, momentum=0.9, beta_init="zero", gamma_init="one", **kwargs):
        self.momentum = momentum
        self.axis = axis
        self.beta_init = initializations.get(beta_init)
        self.gamma_init = initializations.get(gamma_init)
        self.initial_weights = weights
        super(Scale1, self).__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        shape = (int(input_shape[self.axis]),)
        self.gamma = self.gamma_init(shape, name="{}_gamma".format(self.name))
        self.beta = self.beta_init(shape, name="{}_beta".format(self.name))
        self.trainable_weights = [self.gamma, self.beta]
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            del self.initial_weights

    def call(self, x, mask=None):
        input_shape = self.input_spec[0].shape
        broadcast_shape = [1] * len(input_shape)
        broadcast_shape[self.axis] = input_shape[self.axis]
        return K.reshape(self.gamma, broadcast_shape) * x + K.reshape(self.beta, broadcast_shape)

    def get_config(self):
        config = {"momentum": self.momentum, "axis": self.axis}
        return dict(list(super(Scale1, self).get_config().items()) + list(config.items()))


class Normalize(Layer):
    """L2 normalisation over channels with a learned scale, of single-shot detectors."""

    def __init__(self, scale, **kwargs):
        self.axis = 3
        self.scale = scale
        super(Normalize, self).__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        shape = (input_shape[self.axis],)
        self.gamma = K.variable(self.scale * np.ones(shape), name="{}_gamma".format(self.name))
        self.trainable_weights = [self.gamma]

    def call(self, x, mask=None):
        output = K.l2_normalize(x, self.axis)
        output *= self.gamma
        return output

    def get_config(self):
        return dict(super(Normalize, self).get_config(), scale=self.scale)


class LRN2D(Layer):
    """Local response normalisation across channels (AlexNet): slices and a sum over neighbours."""

    def __init__(self, alpha=1e-4, k=2, beta=0.75, n=5, **kwargs):
        if n % 2 == 0:
            raise NotImplementedError("LRN2D only works with odd n. n provided: " + str(n))
        super(LRN2D, self).__init__(**kwargs)
        self.alpha, self.k, self.beta, self.n = alpha, k, beta, n

    def call(self, x, mask=None):
        half_n = self.n // 2
        squares = K.square(x)
        channels = K.int_shape(x)[-1]
        padded = K.spatial_2d_padding(K.permute_dimensions(squares, (0, 3, 1, 2)), padding=((half_n, half_n), (0, 0)),
                                      data_format="channels_last")
        scale = self.k
        for i in range(self.n):
            scale += self.alpha * K.permute_dimensions(padded[:, i:i + channels], (0, 2, 3, 1))
        return x / scale ** self.beta

    def get_config(self):
        return dict(super(LRN2D, self).get_config(), alpha=self.alpha, k=self.k, beta=self.beta, n=self.n)


class PoolHelper(Layer):
    """Cuts off a row and a column (GoogLeNet): no `build`, shapes by `get_output_shape_for`."""

    def call(self, x, mask=None):
        return x[:, 1:, 1:, :]

    def get_output_shape_for(self, shape):
        return (shape[0], shape[1] - 1, shape[2] - 1, shape[3])


class Bilinear(Layer):
    """Two inputs, a tensor product: Keras 1's list of shapes."""

    def __init__(self, output_dim, activation="tanh", **kwargs):
        self.activation = activations.get(activation)
        self.output_dim = output_dim
        super(Bilinear, self).__init__(**kwargs)

    def build(self, input_shape):
        first, second = input_shape
        self.W = self.add_weight((self.output_dim, first[1], second[1]), "uniform", name="W")
        self.V = self.add_weight((first[1] + second[1], self.output_dim), "glorot_uniform", name="V")
        self.b = self.add_weight((self.output_dim,), "zero", name="b")
        self.built = True

    def call(self, inputs, mask=None):
        e1, e2 = inputs[0], inputs[1]
        linear = K.dot(K.concatenate([e1, e2]), self.V)
        products = [K.sum(K.dot(e1, self.W[i]) * e2, axis=1) for i in range(self.output_dim)]
        return self.activation(K.transpose(K.stack(products)) + linear + self.b)

    def get_output_shape_for(self, input_shape):
        return (input_shape[0][0], self.output_dim)

    def get_config(self):
        return dict(super(Bilinear, self).get_config(), output_dim=self.output_dim,
                    activation=self.activation.__name__)


class ZeroMaskedEntries(Layer):
    """Zeros where the mask says so; ends the mask."""

    def __init__(self, **kwargs):
        self.support_mask = True
        super(ZeroMaskedEntries, self).__init__(**kwargs)

    def build(self, input_shape):
        self.output_dim = input_shape[1]
        self.repeat_dim = input_shape[2]

    def call(self, x, mask=None):
        mask = K.cast(mask, "float32")
        mask = K.repeat(mask, self.repeat_dim)
        mask = K.permute_dimensions(mask, (0, 2, 1))
        return x * mask

    def compute_mask(self, input_shape, input_mask=None):
        return None


class MeanOverTime(Layer):
    def __init__(self, **kwargs):
        self.supports_masking = True
        super(MeanOverTime, self).__init__(**kwargs)

    def call(self, x, mask=None):
        if mask is not None:
            mask = K.cast(mask, K.floatx())
            return K.sum(x * K.expand_dims(mask), axis=1) / K.sum(mask, axis=1, keepdims=True)
        return K.mean(x, axis=1)

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], input_shape[2])

    def compute_mask(self, x, mask):
        return None


class MaxoutLike(Dense):
    """A subclass of Dense that keeps Dense's weights and changes its output."""

    def call(self, x, mask=None):
        y = super(MaxoutLike, self).call(x)
        return K.maximum(y, 0.5 * y)


class ScaledDense(Dense):
    """Makes Dense's weights itself, in Keras 1's words, and asks `self.bias` whether there is one."""

    def __init__(self, output_dim, scale=2.0, **kwargs):
        self.scale = scale
        super(ScaledDense, self).__init__(output_dim, **kwargs)

    def build(self, input_shape):
        self.W = self.add_weight((input_shape[1], self.output_dim), initializer=self.init,
                                 name="{}_W".format(self.name), regularizer=self.W_regularizer,
                                 constraint=self.W_constraint)
        if self.bias:
            self.b = self.add_weight((self.output_dim,), initializer="zero", name="{}_b".format(self.name),
                                     regularizer=self.b_regularizer)
        else:
            self.b = None
        self.built = True

    def call(self, x, mask=None):
        output = K.dot(x, self.W) * self.scale
        if self.bias:
            output += self.b
        return self.activation(output)

    def get_config(self):
        return dict(super(ScaledDense, self).get_config(), scale=self.scale)


class StandardisedConv(Convolution2D):
    """Overrides the call of a convolution, with its Keras 1 attributes."""

    def call(self, x, mask=None):
        y = K.conv2d(x, self.W / (K.std(self.W) + 1e-3), strides=self.subsample, border_mode=self.border_mode,
                     dim_ordering=self.dim_ordering, filter_shape=self.W_shape)
        if self.bias:
            y += K.reshape(self.b, (1, 1, 1, self.nb_filter))
        return self.activation(y)


class PReLULike(Layer):
    def __init__(self, init="zero", weights=None, shared_axes=None, **kwargs):
        self.supports_masking = True
        self.init = initializations.get(init)
        self.initial_weights = weights
        super(PReLULike, self).__init__(**kwargs)

    def build(self, input_shape):
        self.alphas = self.init(list(input_shape[1:]), name="{}_alphas".format(self.name))
        self.trainable_weights = [self.alphas]

    def call(self, x, mask=None):
        pos = K.relu(x)
        neg = self.alphas * (x - abs(x)) * 0.5
        return pos + neg


class Antirectifier(Layer):
    """The example of Keras's repository."""

    def get_output_shape_for(self, input_shape):
        shape = list(input_shape)
        assert len(shape) == 2
        shape[-1] *= 2
        return tuple(shape)

    def call(self, x, mask=None):
        x -= K.mean(x, axis=1, keepdims=True)
        x = K.l2_normalize(x, axis=1)
        return K.concatenate([K.relu(x), K.relu(-x)], axis=1)


class Counting(Layer):
    """A weight that is not trained, changed by an update."""

    def build(self, input_shape):
        self.seen = K.zeros((1,), name="seen")
        self.non_trainable_weights = [self.seen]
        self.trainable_weights = []
        self.built = True

    def call(self, x, mask=None):
        self.add_update([(self.seen, self.seen + 1)], x)
        return x * 2


# ---- Keras 2 and tf.keras ----------------------------------------------------------------------------------


class MyLayer(Layer):
    """The example of Keras 2's documentation."""

    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(MyLayer, self).__init__(**kwargs)

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[1], self.output_dim), initializer="uniform",
                                      trainable=True)
        super(MyLayer, self).build(input_shape)

    def call(self, x):
        return K.dot(x, self.kernel)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        return dict(super().get_config(), output_dim=self.output_dim)


class TwoOutputs(Layer):
    """The documentation's layer with lists of inputs and outputs."""

    def build(self, input_shape):
        assert isinstance(input_shape, list)
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[0][1], 3), initializer="uniform")
        super(TwoOutputs, self).build(input_shape)

    def call(self, x):
        assert isinstance(x, list)
        a, b = x
        return [K.dot(a, self.kernel) + b, K.mean(b, axis=-1)]

    def compute_output_shape(self, input_shape):
        assert isinstance(input_shape, list)
        shape_a, shape_b = input_shape
        return [(shape_a[0], 3), shape_b[:-1]]


class Linear(Layer):
    """tf.keras's guide: positional name, `trainable`, `dtype`; input_shape may be asked by [-1]."""

    def __init__(self, units=4, **kwargs):
        super(Linear, self).__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight("bias", [self.units], initializer="zeros", trainable=True)
        self.offset = self.add_weight(name="offset", shape=(), initializer="ones", trainable=False, dtype="float32")

    def call(self, inputs, training=None):
        return K.dot(inputs, self.w) + self.b + self.offset

    def get_config(self):
        config = super(Linear, self).get_config()
        config.update({"units": self.units})
        return config


class LinearByHand(Layer):
    """Weights made in the constructor, by `add_variable` of TF 1."""

    def __init__(self, units=3, input_dim=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.w = self.add_variable("w", shape=(input_dim, units), initializer=initializers.Ones())

    def call(self, inputs):
        return K.dot(inputs, self.w)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1] + (self.units,)


class ActivityPenalty(Layer):
    """Adds a loss inside `call`."""

    def __init__(self, rate=1e-2, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs):
        self.add_loss(self.rate * K.sum(K.square(inputs)))
        return inputs

    def get_config(self):
        return dict(super().get_config(), rate=self.rate)


class Squash(Layer):
    """The squashing of capsules."""

    def __init__(self, axis=-1, **kwargs):
        self.axis = axis
        super().__init__(**kwargs)

    def call(self, vectors):
        s_squared_norm = K.sum(K.square(vectors), self.axis, keepdims=True)
        scale = s_squared_norm / (1 + s_squared_norm) / K.sqrt(s_squared_norm + K.epsilon())
        return scale * vectors

    def get_config(self):
        return dict(super().get_config(), axis=self.axis)


class Length(Layer):
    def call(self, inputs, **kwargs):
        return K.sqrt(K.sum(K.square(inputs), -1) + K.epsilon())

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]


class CapsuleMask(Layer):
    """Keeps the longest capsule, or the one of a given label: one input or a list of two."""

    def call(self, inputs, **kwargs):
        if type(inputs) is list:
            assert len(inputs) == 2
            inputs, mask = inputs
        else:
            x = K.sqrt(K.sum(K.square(inputs), -1))
            mask = K.one_hot(indices=K.argmax(x, 1), num_classes=K.int_shape(x)[1])
        return K.batch_flatten(inputs * K.expand_dims(mask, -1))

    def compute_output_shape(self, input_shape):
        if type(input_shape[0]) is tuple:
            return (input_shape[0][0], input_shape[0][1] * input_shape[0][2])
        return (input_shape[0], input_shape[1] * input_shape[2])


class Capsules(Layer):
    """Routing by agreement, three rounds."""

    def __init__(self, num_capsule=3, dim_capsule=4, routings=3, **kwargs):
        super().__init__(**kwargs)
        self.num_capsule, self.dim_capsule, self.routings = num_capsule, dim_capsule, routings

    def build(self, input_shape):
        self.input_num, self.input_dim = input_shape[1], input_shape[2]
        self.W = self.add_weight(shape=[self.input_dim, self.num_capsule * self.dim_capsule],
                                 initializer=initializers.get("glorot_uniform"), name="W")
        self.built = True

    def call(self, inputs, training=None):
        u_hat = K.reshape(K.dot(inputs, self.W), (-1, self.input_num, self.num_capsule, self.dim_capsule))
        u_hat = K.permute_dimensions(u_hat, (0, 2, 1, 3))
        b = K.zeros_like(u_hat[:, :, :, 0])
        for i in range(self.routings):
            c = K.softmax(b, axis=1)
            outputs = K.l2_normalize(K.sum(K.expand_dims(c) * u_hat, axis=2), -1)
            if i < self.routings - 1:
                b += K.sum(K.expand_dims(outputs, 2) * u_hat, axis=-1)
        return outputs

    def compute_output_shape(self, input_shape):
        return (None, self.num_capsule, self.dim_capsule)


class WeightedSum(Layer):
    """A learned mean of several inputs."""

    def build(self, input_shape):
        self.weight = self.add_weight(name="weight", shape=(len(input_shape), 1), initializer="ones",
                                      constraint=constraints.NonNeg())
        super().build(input_shape)

    def call(self, inputs):
        total = K.sum(self.weight) + K.epsilon()
        return sum(x * self.weight[i] for i, x in enumerate(inputs)) / total

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class AttentionWithContext(Layer):
    """Keras 2, additive attention; returns the weights too when asked."""

    def __init__(self, return_attention=False, W_regularizer="l2", bias=True, **kwargs):
        self.supports_masking = True
        self.return_attention = return_attention
        self.init = initializers.get("glorot_uniform")
        self.W_regularizer = regularizers.get(W_regularizer)
        self.bias = bias
        super().__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight(name=f"{self.name}_W", shape=(input_shape[-1], input_shape[-1]),
                                 initializer=self.init, regularizer=self.W_regularizer)
        if self.bias:
            self.b = self.add_weight(name=f"{self.name}_b", shape=(input_shape[-1],), initializer="zero")
        self.u = self.add_weight(name=f"{self.name}_u", shape=(input_shape[-1],), initializer=self.init)
        super().build(input_shape)

    def call(self, x, mask=None):
        uit = K.dot(x, self.W)
        if self.bias:
            uit += self.b
        ait = K.squeeze(K.dot(K.tanh(uit), K.expand_dims(self.u)), axis=-1)
        a = K.exp(ait)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        result = K.sum(x * K.expand_dims(a), axis=1)
        return [result, a] if self.return_attention else result

    def compute_mask(self, inputs, mask=None):
        return [None, None] if self.return_attention else None

    def compute_output_shape(self, input_shape):
        if self.return_attention:
            return [(input_shape[0], input_shape[-1]), (input_shape[0], input_shape[1])]
        return input_shape[0], input_shape[-1]

    def get_config(self):
        return dict(super().get_config(), return_attention=self.return_attention,
                    W_regularizer=regularizers.serialize(self.W_regularizer), bias=self.bias)


class DotAttention(Layer):
    """Scaled products of queries, keys and values."""

    def __init__(self, nb_head=2, size_per_head=3, **kwargs):
        self.nb_head, self.size_per_head = nb_head, size_per_head
        self.output_dim = nb_head * size_per_head
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.WQ, self.WK, self.WV = (
            self.add_weight(name=name, shape=(shape[-1], self.output_dim), initializer="glorot_uniform", trainable=True)
            for name, shape in zip(("WQ", "WK", "WV"), input_shape))
        super().build(input_shape)

    def _heads(self, x, W):
        length = K.int_shape(x)[1]
        x = K.reshape(K.dot(x, W), (-1, length, self.nb_head, self.size_per_head))
        return K.reshape(K.permute_dimensions(x, (0, 2, 1, 3)), (-1, length, self.size_per_head))

    def call(self, x):
        Q, K_, V = (self._heads(one, W) for one, W in zip(x, (self.WQ, self.WK, self.WV)))
        weights = K.softmax(K.batch_dot(Q, K_, axes=[2, 2]) / self.size_per_head**0.5)
        found = K.reshape(K.batch_dot(weights, V), (-1, self.nb_head, K.int_shape(x[0])[1], self.size_per_head))
        return K.reshape(K.permute_dimensions(found, (0, 2, 1, 3)), (-1, K.shape(x[0])[1], self.output_dim))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[0][1], self.output_dim)

    def get_config(self):
        return dict(super().get_config(), nb_head=self.nb_head, size_per_head=self.size_per_head)


class PositionEmbedding(Layer):
    def call(self, x):
        size = K.int_shape(x)[-1]
        places = K.expand_dims(K.cumsum(K.ones_like(x[:, :, 0]), 1) - 1, 2)
        powers = 1.0 / K.pow(10000.0, 2 * K.arange(size // 2, dtype="float32") / size)
        angles = K.dot(places, K.expand_dims(powers, 0))
        return K.concatenate([K.cos(angles), K.sin(angles)], 2) + x


class LayerNorm(Layer):
    def __init__(self, eps=1e-6, **kwargs):
        self.eps = eps
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.gamma = self.add_weight(name="gamma", shape=input_shape[-1:], initializer=initializers.Ones(),
                                     trainable=True)
        self.beta = self.add_weight(name="beta", shape=input_shape[-1:], initializer=initializers.Zeros(),
                                    trainable=True)
        super().build(input_shape)

    def call(self, x):
        mean = K.mean(x, axis=-1, keepdims=True)
        std = K.std(x, axis=-1, keepdims=True)
        return self.gamma * (x - mean) / (std + self.eps) + self.beta

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return dict(super().get_config(), eps=self.eps)


class InstanceNorm(Layer):
    """Statistics of each image, `input_spec` with axes."""

    def build(self, input_shape):
        dim = input_shape[-1]
        self.input_spec = InputSpec(ndim=len(input_shape), axes={3: dim})
        self.gamma = self.add_weight(shape=(dim,), name="gamma", initializer="ones")
        self.beta = self.add_weight(shape=(dim,), name="beta", initializer="zeros")
        self.built = True

    def call(self, inputs, training=None):
        input_shape = K.int_shape(inputs)
        axes = list(range(1, len(input_shape) - 1))
        mean = K.mean(inputs, axes, keepdims=True)
        stddev = K.std(inputs, axes, keepdims=True) + 1e-3
        broadcast_shape = [1] * len(input_shape)
        broadcast_shape[-1] = input_shape[-1]
        return (inputs - mean) / stddev * K.reshape(self.gamma, broadcast_shape) + K.reshape(self.beta, broadcast_shape)


class Sampling(Layer):
    """z = mean + e**(log variance / 2) noise, with the divergence as a loss."""

    def call(self, inputs):
        z_mean, z_log_var = inputs
        self.add_loss(-0.5 * K.mean(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)), inputs=inputs)
        noise = K.random_normal(K.shape(z_mean), mean=0.0, stddev=1.0)
        return K.in_train_phase(z_mean + K.exp(0.5 * z_log_var) * noise, z_mean)

    def compute_output_shape(self, input_shape):
        return input_shape[0]


class SpatialTransformer(Layer):
    """Affine sampling of images by learned parameters, bilinear, in K functions."""

    def __init__(self, output_size=(4, 4), **kwargs):
        self.output_size = output_size
        super().__init__(**kwargs)

    def compute_output_shape(self, input_shapes):
        (height, width), channels = self.output_size, input_shapes[0][-1]
        return (None, height, width, channels)

    def call(self, tensors, mask=None):
        X, transformation = tensors
        _, height, width, channels = K.int_shape(X)
        rows, columns = self.output_size
        grid = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
        grid = np.stack([grid[0].ravel(), grid[1].ravel(), np.ones(rows * columns)]).astype("float32")
        places = K.dot(K.reshape(transformation, (-1, 2, 3)), K.constant(grid))
        x = 0.5 * (places[:, 0] + 1.0) * (width - 1)
        y = 0.5 * (places[:, 1] + 1.0) * (height - 1)
        # the tent of each pixel: what bilinear sampling gives it
        by_column = K.relu(1.0 - K.abs(K.expand_dims(x) - K.arange(width, dtype="float32")))
        by_row = K.relu(1.0 - K.abs(K.expand_dims(y) - K.arange(height, dtype="float32")))
        weights = K.expand_dims(by_row, 3) * K.expand_dims(by_column, 2)
        weights = K.reshape(weights, (-1, rows * columns, height * width))
        found = K.batch_dot(weights, K.reshape(X, (-1, height * width, channels)))
        return K.reshape(found, (-1, rows, columns, channels))

    def get_config(self):
        return dict(super().get_config(), output_size=list(self.output_size))


class GradientReversal(Layer):
    """The identity, whose gradient is turned round: x's own minus twice what passes."""

    def __init__(self, hp_lambda=1.0, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.hp_lambda = hp_lambda

    def call(self, x, mask=None):
        return K.stop_gradient((1 + self.hp_lambda) * x) - self.hp_lambda * x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return dict(super().get_config(), hp_lambda=self.hp_lambda)


class KMaxPooling(Layer):
    """The largest over time, flattened; `input_spec` in the constructor."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = [InputSpec(ndim=3)]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2] * 2)

    def call(self, inputs):
        return K.batch_flatten(K.stack([K.max(inputs, axis=1), K.min(inputs, axis=1)], axis=1))


class TiedDense(Dense):
    """A decoder that shares the kernel of another layer: overrides `build` of ours."""

    def __init__(self, output_dim, master_layer=None, **kwargs):
        self.master_layer = master_layer
        super().__init__(output_dim, **kwargs)

    def build(self, input_shape):
        assert len(input_shape) >= 2
        self.input_dim = input_shape[-1]
        self.kernel = K.transpose(self.master_layer.kernel)
        self.bias = self.add_weight(shape=(self.units,), initializer=self.bias_initializer, name="bias")
        self.built = True

    def call(self, inputs):
        return self.activation(K.bias_add(K.dot(inputs, self.kernel), self.bias))


class CoordinateConv(Conv2D):
    """A convolution that sees places: overrides `build`'s shape and `call`."""

    def build(self, input_shape):
        super().build(tuple(input_shape[:-1]) + (input_shape[-1] + 1,))
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        place = K.cumsum(K.ones_like(inputs[:, :, :, :1]), axis=1)
        return super().call(K.concatenate([inputs, place / K.int_shape(inputs)[1]], axis=-1))


class Repeated(Wrapper):
    """A wrapper that runs its layer twice."""

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        super().build()

    def call(self, inputs):
        return self.layer.call(self.layer.call(inputs))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


class Unpool(MaxPooling2D):
    """A subclass of a pooling layer that only says another shape."""

    def call(self, inputs):
        pooled = super().call(inputs)
        return K.resize_images(pooled, self.pool_size[0], self.pool_size[1], "channels_last")

    def compute_output_shape(self, input_shape):
        return input_shape


class MadeOfLayers(Layer):
    """Layers inside of a layer, made in the constructor, built by being called."""

    def __init__(self, units=5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first, self.second = Dense(units, activation="relu"), Dense(units)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((input_shape[0], self.units))
        self._trainable_weights = self.first.trainable_weights + self.second.trainable_weights
        super().build(input_shape)

    def call(self, x):
        return self.second(self.first(x))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        return dict(super().get_config(), units=self.units)


class MinimalCell(Layer):
    """The example of the documentation of `RNN`."""

    def __init__(self, units, **kwargs):
        self.units = units
        self.state_size = units
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="uniform",
                                                name="recurrent_kernel")
        self.built = True

    def call(self, inputs, states):
        output = K.dot(inputs, self.kernel) + K.dot(states[0], self.recurrent_kernel)
        return output, [output]

    def get_config(self):
        return dict(super().get_config(), units=self.units)


def gated(z, n, h):
    z = 1 / (1 + math.exp(-z))
    return (1 - z) * math.tanh(n) + z * h


class GatedCell(MinimalCell):
    """A cell whose gates are a scalar function."""

    def build(self, input_shape):
        self.W = self.add_weight(shape=(input_shape[-1], 2 * self.units), initializer="uniform", name="W")
        self.U = self.add_weight(shape=(self.units, 2 * self.units), initializer="uniform", name="U")
        self.built = True

    def call(self, inputs, states):
        both = K.dot(inputs, self.W) + K.dot(states[0], self.U)
        h = ops.elementwise(gated, both[:, :self.units], both[:, self.units:], states[0])
        return h, [h]
