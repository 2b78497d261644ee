"""The programs of a model or function: which step has one, and whether it may be replayed."""

import warnings

from .. import config, devices
from ..autograd.context import context
from ..locks import holding
from ..ops._op import contiguous
from ..phase import learning
from .record import Recording
from .replay import learned

MOST = 64           # steps whose programs are kept: models may be fed with any sizes
PLACES = 4          # programs of one step, for variables that lie here or there: models that share weights take turns
ATTEMPTS = 3        # recordings, of which two neighbours are to be the same
PATIENCE = 12       # recordings in which variables lie elsewhere each time


class _Step:
    """What is known of one step: its programs, the last recording, and how many were made in vain."""

    def __init__(self):
        self.programs, self.last, self.vain, self.refused = [], None, 0, False


class Programs:
    """Programs by what they depend on. owner: what they belong to, which has a name."""

    def __init__(self, owner):
        self._owner = owner
        self._steps = {}        # key -> _Step
        self._warned = False
        self.refusal = None     # why the last step that has no program has none

    def __iter__(self):
        """All programs there are."""
        return iter([program for step in self._steps.values() for program in step.programs])

    def items(self):
        """(key, program) of all programs, in the order in which their steps were first made."""
        return [(key[0], program) for key, step in self._steps.items() for program in reversed(step.programs)]

    def run(self, key, body, inputs, variables=(), apart=False, locks=()):
        """What `body(*inputs)` answers (a list of tensors), as arrays: computed op by op twice, then replayed.

        key: all but shapes, types, device and settings on which the launches depend. inputs: arrays. variables: arrays
        that outlive the step. apart: see `Program`. locks: of what other threads may change meanwhile, which are held
        while it is recorded.
        """
        return self.steps(key, body, inputs, variables, apart, locks=locks)[0]

    def steps(self, key, body, inputs, variables=(), apart=False, times=1, kept=False, locks=(), scratch=(),
              or_else=False):
        """(what the last of several steps answers, how many were made, the program of it): up to `times` by a program,
        else one and None.

        kept: `inputs` are arrays without other users, which a recording need not copy. scratch: arrays that the step
        writes before it reads them. or_else: of a step that is no program nothing is done or told: 0 are made.
        """
        if not allowed():
            return [output.data for output in body(*inputs)], 1, None
        inputs = [array if array.flags.c_contiguous else contiguous(array) for array in inputs]
        key = (key, config.in_force(), devices.current().name, learning.phase,
               tuple([(array.shape, array.dtype) for array in inputs]))
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = _Step()
            if len(self._steps) > MOST:
                self._steps.pop(list(self._steps)[0], None)     # in one piece: other threads may be here too
        for program in step.programs:
            if program.fits():
                return program.run(inputs, times), times, program
        if step.refused and or_else:
            return [], 0, None
        if step.refused:
            return [output.data for output in body(*inputs)], 1, None
        return holding(locks, self._recorded, step, body, inputs, variables, apart, kept, scratch, or_else), 1, None

    def _recorded(self, step, body, inputs, variables, apart, kept, scratch, or_else):
        recording = Recording(body, inputs, variables, step.last, kept, scratch=scratch)
        outputs = [output.data for output in recording.outputs]
        self._learn(step, recording, apart, quietly=or_else)
        return outputs

    def _learn(self, step, recording, apart, quietly):
        """Make a program of a recording and the one before, if they are the same and it does the same."""
        program, difference = learned(recording, apart)
        step.last = recording
        if program is not None:
            step.programs = [program, *(one for one in step.programs if one.current)][:PLACES]
            step.last, step.vain = None, 0
        elif difference:
            step.vain += 1
            if recording.seen.refusal or step.vain >= (PATIENCE if difference.moved else ATTEMPTS - 1):
                step.refused, step.last = True, None
                if not quietly:
                    self._warn(difference.reason)
        recording.let_go()

    def _warn(self, reason):
        self.refusal = reason
        if not self._warned:
            self._warned = True
            owner = f'{type(self._owner).__name__} "{self._owner.name}"'
            warnings.warn(f"{owner}: its steps run op by op, not as a program: {reason}.", stacklevel=2)


def allowed():
    """Whether steps are recorded and replayed: not where each launch is looked at, nor inside another step."""
    return (config.programs() and not config.debug_level and not config.check_numbers and not context.tapes
            and not devices.current().recording)
