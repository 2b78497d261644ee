"""Two spirals told apart by a graph of layers, written for Keras 1.

    python -m numba_layers run examples/spirals.py
"""

import numpy as np
from keras.callbacks import EarlyStopping
from keras.layers import Dense, Dropout, Input, merge
from keras.models import Model
from keras.optimizers import Adam
from keras.regularizers import l2
from keras.utils.np_utils import to_categorical

np.random.seed(1)
angle = np.sqrt(np.random.rand(1000)) * 2.5 * np.pi
label = np.arange(1000) % 2
X = np.stack([np.cos(angle + np.pi * label), np.sin(angle + np.pi * label)], axis=1) * angle[:, None] / 6
X += 0.03 * np.random.randn(1000, 2)

point = Input(shape=(2,))
first = Dense(64, activation="tanh", W_regularizer=l2(1e-5))(point)
second = Dense(64, activation="relu", init="he_normal")(first)
both = merge([first, second], mode="concat", concat_axis=-1)
spiral = Dense(2, activation="softmax")(Dropout(0.1)(both))

model = Model(input=point, output=spiral)
model.compile(optimizer=Adam(lr=0.01), loss="categorical_crossentropy", metrics=["accuracy"])
stop = EarlyStopping(monitor="val_loss", patience=20)
history = model.fit(X, to_categorical(label, 2), batch_size=80, nb_epoch=200, validation_split=0.2,
                    callbacks=[stop], verbose=0)
print("%d epochs, %.1f %% right on points not seen before"
      % (len(history.epoch), 100 * history.history["val_acc"][-1]))
