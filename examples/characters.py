"""An LSTM that writes what it has read, letter by letter, as Keras's oldest examples did: written for Keras 1.

    python -m numba_layers run examples/characters.py
"""

import os

import numpy as np
from keras.layers import LSTM, Activation, Dense
from keras.models import Sequential
from keras.optimizers import RMSprop

np.random.seed(3)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "LICENSE")) as file:
    text = " ".join(file.read().lower().split())
letters = sorted(set(text))
number = {letter: place for place, letter in enumerate(letters)}
maxlen = 20

# Every 20 letters, and the one that follows
starts = range(len(text) - maxlen)
X = np.zeros((len(starts), maxlen, len(letters)), dtype=bool)
y = np.zeros((len(starts), len(letters)), dtype=bool)
for sample, start in enumerate(starts):
    for step, letter in enumerate(text[start:start + maxlen]):
        X[sample, step, number[letter]] = 1
    y[sample, number[text[start + maxlen]]] = 1

model = Sequential()
model.add(LSTM(96, input_shape=(maxlen, len(letters))))
model.add(Dense(len(letters)))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(lr=0.01))

for _ in range(4):
    history = model.fit(X, y, batch_size=64, nb_epoch=10, verbose=0)
    written = text[:maxlen]
    while len(written) < 140:
        x = np.zeros((1, maxlen, len(letters)))
        for step, letter in enumerate(written[-maxlen:]):
            x[0, step, number[letter]] = 1
        written += letters[np.argmax(model.predict(x, verbose=0)[0])]
    print("loss %.3f  %s" % (history.history["loss"][-1], written))
