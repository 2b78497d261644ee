"""Launches of a step that wait until the kernels it lacks are compiled, in several processes at once.

From the first launch whose kernel is in no cache, launches of a step that is recorded are put in a queue while layers,
ops and tape go on, which need shapes and types alone. At the step's end the kernels in the queue are compiled and the
launches made, in their order. A dry run of the step would tell what it needs as well, but it would run the step twice:
counters, random numbers, and what a user's Lambda prints or counts.

Whatever looks at numbers meanwhile is to find them. A recorder hears of tensors that are looked at; of arrays
(`x.data`) nobody hears. So the queue is for code of this package alone: before a function of anyone else begins, such
as a Lambda's or a user's metric, what waits is launched, and while it runs nothing is put off.
"""

import contextlib
import sys
from collections import deque, namedtuple
from typing import Any

from .. import registry
from ..autograd.context import context
from ..errors import NumbaLayersError, add_name
from ..ops._op import told_of_types
from ..thread_state import Block, noted, thread_state

# Whose code looks at arrays of the step in ways that a recorder hears of, or not at all
_KNOWN = {__name__.partition(".")[0], "numpy", "numba", "llvmlite", *sys.stdlib_module_names}

# CPython 3.11 was seen to end with a segmentation fault where it heard of functions, under `sys.setprofile`, for long.
HEARS = sys.version_info >= (3, 12)

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

    def run(self, body, *inputs):
        """What `body(*inputs)` answers, once all that it launches is done."""
        try:
            answer = body(*inputs)
            self.empty()
            return answer
        finally:
            self._stop()

    def runs(self, layer):
        """A layer computes, which errors of its launches are to name."""
        self._layers[layer.name] = layer

    def launch(self, name, kernel, *arguments):
        """Run a kernel, now or before the step ends."""
        if not self._queue:
            if not HEARS or kernel.is_ready(arguments) or not self._may_wait():
                kernel(*arguments)
                return
            sys.setprofile(self._called)
        self._queue.append(_Waiting(name, kernel, arguments, context.layer))

    def empty(self):
        """Compile what the launches in the queue lack, and make them."""
        if not self._queue:
            return
        queue = self._queue
        self._queue = deque()
        self._stop()
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

    def _stop(self):
        """Hear no longer of functions that begin; what is still in the queue is dropped: the step failed."""
        if sys.getprofile() == self._called:
            sys.setprofile(None)
        self._queue.clear()

    def _may_wait(self):
        """Whether nobody else's function runs, nor a debugger or profiler, whose user may look at arrays."""
        if sys.getprofile() is not None or sys.gettrace() is not None:
            return False
        frame: Any = sys._getframe(1)
        while frame is not None and frame.f_code is not Queue.run.__code__:
            if _is_of_others(frame):
                return False
            frame = frame.f_back
        return True

    def _called(self, frame, event, _):
        if event == "call" and _is_of_others(frame):
            self.empty()


def _is_of_others(frame):
    name = frame.f_globals.get("__name__") or ""
    return name.partition(".")[0] not in _KNOWN and not name.startswith("namedtuple_")
