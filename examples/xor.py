"""Exclusive or, written for Keras 1: `python -m numba_layers run examples/xor.py`."""

import numpy as np
from keras.layers.core import Activation, Dense
from keras.models import Sequential
from keras.optimizers import SGD

np.random.seed(3)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
y = np.array([[0], [1], [1], [0]], dtype="float32")

model = Sequential()
model.add(Dense(8, input_dim=2, init="glorot_uniform"))
model.add(Activation("tanh"))
model.add(Dense(output_dim=1, init="glorot_uniform"))
model.add(Activation("sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=SGD(lr=0.5, momentum=0.9), metrics=["accuracy"])
model.fit(X, y, batch_size=4, nb_epoch=200, verbose=0)

for row, p in zip(X.astype(int), model.predict_proba(X, verbose=0)[:, 0]):
    print("%d xor %d = %d   (p = %.3f)" % (row[0], row[1], p > 0.5, p))
