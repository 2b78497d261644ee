"""Networks of layers beyond dense ones and convolutions beside PyTorch's, float32, 2 threads: a step of training.

    pip install ".[bench,threads]" && python benchmarks/vocabulary.py [--rows embedding,residual] [--threads 1]

Each side has a process of its own and takes its turns in one run; the table shows the fastest turn and the median one
of each, theirs / ours are of the medians. Networks train with Adam on batches that lie ready (`fit` gathers ours).
PyTorch is eager, its optimizer `fused`, its images channels-last; its bidirectional LSTM gets packed sequences, ours a
mask of sequences between 10 and 50 steps long; its ConvLSTM is a loop of its convolutions, that of the inputs taken out
of it.
"""

import os
from collections import namedtuple

import numpy as np
from _steps import compare

Row = namedtuple("Row", "said shape batch")
ROWS = {
    "embedding": Row("20000 x 128, mean of 80 words", (80,), 32),
    "embedding_lstm": Row("20000 x 128, LSTM(128), 80 words", (80,), 32),
    "bidirectional": Row("LSTM(64), 10 to 50 steps", (50, 32), 32),
    "conv_lstm": Row("16 filters, 32x32, 10 steps", (10, 32, 32, 1), 4),
    "residual": Row("2 x (3x3x64, BN, relu), 32x32", (32, 32, 64), 16),
}
WORDS, RATE = 20000, 1e-3


def samples(row, steps):
    """(x, y, lengths of the samples) of so many batches; masked steps are zeros."""
    random = np.random.default_rng(0)
    count = row.batch * steps
    if len(row.shape) == 1:
        x = random.integers(0, WORDS, (count, *row.shape)).astype(np.int64)
    else:
        x = random.standard_normal((count, *row.shape), np.float32)
    lengths = random.integers(10, row.shape[0] + 1, count) if row is ROWS["bidirectional"] else None
    if lengths is not None:
        x[np.arange(row.shape[0])[None] >= lengths[:, None]] = 0
    return x, random.standard_normal((count, 1)).astype(np.float32), lengths


def ours(row, steps):
    from numba_layers import layers as L
    from numba_layers.models import Model, Sequential

    gates, name = {"recurrent_activation": "sigmoid"}, next(key for key, value in ROWS.items() if value is row)
    if name == "residual":
        x = y = L.Input(row.shape)
        for _ in range(2):
            y = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(64, 3, padding="same", use_bias=False)(y)))
        model = Model(x, L.Dense(1)(L.GlobalAveragePooling2D()(L.Add()([x, y]))))
    else:
        model = Sequential({
            "embedding": [L.Embedding(WORDS, 128, input_length=80), L.GlobalAveragePooling1D()],
            "embedding_lstm": [L.Embedding(WORDS, 128, input_length=80), L.LSTM(128, **gates)],
            "bidirectional": [L.Masking(input_shape=row.shape), L.Bidirectional(L.LSTM(64, **gates))],
            "conv_lstm": [L.ConvLSTM2D(16, 3, padding="same", input_shape=row.shape, **gates), L.Flatten()],
        }[name] + [L.Dense(1)])
    model.compile("adam", "mse")
    x, y, _ = samples(row, steps)

    def train(count):
        some = slice(count * row.batch)
        model.fit(x[some], y[some], batch_size=row.batch, epochs=1, shuffle=False, verbose=0)

    return train


def by_torch(row, steps):
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    name = next(key for key, value in ROWS.items() if value is row)
    network = {"embedding": _mean_of_words, "embedding_lstm": _words_to_lstm, "bidirectional": _both_ways,
               "conv_lstm": _conv_lstm, "residual": _residual}[name](torch, nn)
    optimizer, loss_of = torch.optim.Adam(network.parameters(), RATE, fused=True), nn.MSELoss()
    x, y, lengths = samples(row, steps)
    x = torch.from_numpy(x)
    if name == "residual":
        x = x.permute(0, 3, 1, 2)       # channels-last memory
    parts = [torch.split(torch.from_numpy(y), row.batch), torch.split(x, row.batch)]
    if lengths is not None:
        parts.append(torch.split(torch.from_numpy(lengths), row.batch))
    batches = list(zip(*parts))

    def train(count):
        for y, *given in batches[:count]:
            optimizer.zero_grad()
            loss_of(network(*given), y).backward()
            optimizer.step()

    return train


def _mean_of_words(torch, nn):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.dense = nn.Embedding(WORDS, 128), nn.Linear(128, 1)

        def forward(self, x):
            return self.dense(self.words(x).mean(1))

    return Network()


def _words_to_lstm(torch, nn):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.lstm = nn.Embedding(WORDS, 128), nn.LSTM(128, 128, batch_first=True)
            self.dense = nn.Linear(128, 1)

        def forward(self, x):
            return self.dense(self.lstm(self.words(x))[1][0][-1])

    return Network()


def _both_ways(torch, nn):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(32, 64, batch_first=True, bidirectional=True)
            self.dense = nn.Linear(128, 1)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            return self.dense(torch.cat(tuple(self.lstm(packed)[1][0]), 1))

    return Network()


def _conv_lstm(torch, nn):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.of_inputs, self.of_states = nn.Conv2d(1, 64, 3, padding=1), nn.Conv2d(16, 64, 3, padding=1, bias=False)
            self.dense = nn.Linear(16 * 32 * 32, 1)

        def forward(self, x):
            z = self.of_inputs(x.reshape(-1, 1, 32, 32)).reshape(*x.shape[:2], 64, 32, 32)
            h = c = z.new_zeros(len(x), 16, 32, 32)
            for step in range(x.shape[1]):
                i, f, g, o = (z[:, step] + self.of_states(h)).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            return self.dense(h.flatten(1))

    return Network()


def _residual(torch, nn):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Sequential(*[layer for _ in range(2) for layer in (
                nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())])
            self.dense = nn.Linear(64, 1)

        def forward(self, x):
            return self.dense((x + self.block(x)).mean((2, 3)))

    return Network().to(memory_format=torch.channels_last)


SIDES = {"ours": ours, "PyTorch": by_torch}


def described(name):
    """What a line of the table begins with."""
    row = ROWS[name]
    return f"{name:15} {row.said}, {row.batch}"


if __name__ == "__main__":
    compare(__doc__, "vocabulary")
