"""Progress of a loop of the user's own, as text."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ..arguments import whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Progbar:
    """A bar with averages beside it, redrawn in place: `bar = Progbar(100); bar.update(7, [('loss', 0.5)])`.

    target: steps in all, None where nobody knows. width: of the bar, in characters. verbose: 0 silent, 1 the bar, 2 a
    line at the end. interval: seconds between drawings. stateful_metrics: names whose last value is shown, no average.
    Reference: Keras 2.2.5, `utils.generic_utils.Progbar`.
    """

    def __init__(self, target: int | None, width: int = 30, verbose: int = 1, interval: float = 0.05,
                 stateful_metrics: Sequence[str] | None = None) -> None:
        self.target = None if target is None else whole(target, "target", least=0)
        self.width, self.verbose, self.interval = whole(width, "width", least=1), verbose, interval
        self.stateful_metrics = set(stateful_metrics or ())
        self.seen_so_far = 0
        self._sums: dict[str, Any] = {}     # name -> [sum, count]
        self._drawn = 0.0

    def update(self, current: int, values: Sequence[Any] | None = None) -> None:
        """Say that `current` steps are done; values: (name, value) pairs, averaged over the steps since the last."""
        for name, value in values or ():
            if name in self.stateful_metrics:
                self._sums[name] = [value, 1]
            else:
                total = self._sums.setdefault(name, [0.0, 0])
                steps = max(1, current - self.seen_so_far)
                total[0] += value * steps
                total[1] += steps
        self.seen_so_far = current
        done = self.target is not None and current >= self.target
        if self.verbose and (done or (self.verbose == 1 and time.monotonic() - self._drawn >= self.interval)):
            self._drawn = time.monotonic()
            print(self._line(), end="\n" if done else "\r", file=sys.stdout, flush=True)

    def add(self, n: int, values: Sequence[Any] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self.seen_so_far + n, values)

    def _line(self) -> str:
        figures = "".join(f" - {name}: {total / max(count, 1):.4f}" for name, (total, count) in self._sums.items())
        if self.target is None:
            return f"{self.seen_so_far}/Unknown{figures}"
        filled = self.width * min(self.seen_so_far, self.target) // max(self.target, 1)
        bar = f" [{'=' * filled}{'.' * (self.width - filled)}]" if self.verbose == 1 else ""
        return f"{self.seen_so_far}/{self.target}{bar}{figures}"
