"""What a library does in its process for `programs.py`: make networks, train them, predict, tell seconds and bytes."""

import contextlib
import importlib
import time
from pathlib import Path

from _networks import NETWORKS, smaller

PAUSE = 0.05     # seconds before a turn: threads of the side before spin after their work


def serve(pipe, module, threads, small):
    """Answer questions, (name of a method of `Answers`, arguments), until the other end is closed."""
    try:
        answers = Answers(importlib.import_module(module), small)
        pipe.send(answers.library.about(threads))
    except ImportError as error:
        pipe.send(error)
        return
    with contextlib.suppress(EOFError):
        while True:
            name, *arguments = pipe.recv()
            try:
                pipe.send(getattr(answers, name)(*arguments))
            except Exception as error:
                pipe.send(RuntimeError(f"{module}: {type(error).__name__}: {error}"))


class Answers:
    def __init__(self, library, small):
        self.library, self._small, self._made = library, small, None

    def _network(self, name):
        return smaller(NETWORKS[name]) if self._small else NETWORKS[name]

    def variants(self, name):
        return self.library.variants(self._network(name))

    def make(self, name, variant):
        """A network anew; the names of what it can do."""
        network = self._network(name)
        self._made = self.library.Contender(network, variant, self.library.given(network, variant))
        return list(self._made.work)

    def weights(self):
        return self._made.weights()

    def losses(self, weights, steps, epochs):
        """The loss of each epoch from these weights on, of a network that was not trained yet."""
        self._made.shuffle = False      # the peers go through their batches in order
        self._made.set_weights(weights)
        return [self._made.train(steps) for _ in range(epochs)]

    def once(self, work, calls):
        """Seconds a call, compiling and all else that the first one does included."""
        start = time.perf_counter()
        self._made.work[work](calls)
        return (time.perf_counter() - start) / calls

    def turn(self, work, calls):
        """Seconds a call, after a pause and as many calls more, in which the system spreads threads over the cores."""
        function = self._made.work[work]
        time.sleep(PAUSE)
        function(calls)
        start = time.perf_counter()
        function(calls)
        return (time.perf_counter() - start) / calls

    def memory(self, name, variant, epochs):
        """Bytes by which this process grows at most while it makes a network and trains it; what it is given is there
        already, and what is imported."""
        network = self._network(name)
        given = self.library.given(network, variant)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")     # the peak begins anew
        before = _status("VmRSS")
        contender = self.library.Contender(network, variant, given)
        for _ in range(epochs):
            contender.train(network.steps)
        return _status("VmHWM") - before


def _status(name):
    """A size that Linux tells of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
