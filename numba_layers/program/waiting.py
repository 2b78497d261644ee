"""Launches of a step that wait until the kernels it lacks are compiled, in several processes at once.

From the first launch whose kernel is in no cache, launches of a step that is recorded are put in a queue while layers,
ops and tape go on, which need shapes and types alone. At the step's end the kernels in the queue are compiled and the
launches made, in their order. A dry run of the step would tell what it needs as well, but it would run the step twice:
counters, random numbers, and what a user's Lambda prints or counts.

Whatever looks at numbers meanwhile is to find them. A recorder hears of tensors that are looked at; of arrays
(`x.data`) nobody hears. So only steps wait that come to code of this package alone (`others`), and only where no
debugger or profiler looks on.
"""

import contextlib
import sys
from collections import deque, namedtuple

from .. import registry
from ..autograd.context import context
from ..errors import NumbaLayersError, add_name
from ..ops._op import told_of_types
from ..thread_state import Block, noted, thread_state
from .others import reaches_others

_Waiting = namedtuple("_Waiting", "name kernel arguments layer")

_state = thread_state(verbose=1)


class compiling_shown(Block):  # noqa: N801  it reads as a word of the language
    """Inside, a bar shows kernels that are compiled before a step, unless `verbose` is 0."""

    __slots__ = ("_verbose",)

    def __init__(self, verbose):
        self._verbose = min(int(verbose), 1)

    def __enter__(self):
        self._before = noted(_state)
        _state.verbose = self._verbose


class Queue:
    """The launches of one step on the CPU."""

    def __init__(self):
        self._queue = deque()
        self._layers = {}       # name -> layer, of those that ran
        self._body = None       # what runs
        self._may_wait = None   # None: not asked yet

    def run(self, body, *inputs):
        """What `body(*inputs)` answers, once all that it launches is done."""
        self._body = body
        try:
            answer = body(*inputs)
            self.empty()
            return answer
        finally:
            self._queue.clear()         # what is still there is dropped: the step failed

    def runs(self, layer):
        """A layer computes, which errors of its launches are to name."""
        self._layers[layer.name] = layer

    def launch(self, name, kernel, *arguments):
        """Run a kernel, now or before the step ends."""
        if self._queue or not kernel.is_ready(arguments) and self._waits():
            self._queue.append(_Waiting(name, kernel, arguments, context.layer))
        else:
            kernel(*arguments)

    def empty(self):
        """Compile what the launches in the queue lack, and make them."""
        if not self._queue:
            return
        queue = self._queue
        self._queue = deque()
        with contextlib.suppress(Exception):        # what does not compile is an error of its own launch
            registry.compile_ahead([(one.name, registry.types_of(one.arguments)) for one in queue], _state.verbose)
        while queue:
            self._made(*queue.popleft())

    def _made(self, name, kernel, arguments, layer):
        try:
            with told_of_types(name, arguments):
                kernel(*arguments)
        except NumbaLayersError as error:
            if layer in self._layers:
                add_name(error, f'{type(self._layers[layer]).__name__} "{layer}"')
            raise

    def _waits(self):
        """Whether nobody looks at arrays of this step while it runs."""
        if self._may_wait is None:
            self._may_wait = not (sys.getprofile() or sys.gettrace() or reaches_others(self._body))
        return self._may_wait
