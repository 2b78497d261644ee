"""Replays of programs prove themselves: each is made once more op by op, from the same state, to the same bits."""

import threading

from numba_layers.devices.array import whole
from numba_layers.program import Program, Programs, groups
from numba_layers.program.record import VARIABLE, content, copied, same

groups.LEAST = 0    # small programs have groups too, and the run that proves a program is one in blocks
REPLAYS = 2         # of each program on the CPU, which are proven; what is wrong with one shows early
NAN = 0xFF          # bytes that are no number in any float type

_now = threading.local()        # body: the step that is run in this thread
_steps, _run = Programs.steps, Program.run


def prove(replays=REPLAYS):
    """From now on replays prove themselves, so many of each program; 0: none."""
    Programs.steps, Program.run = (_noting, lambda *given: _proving(replays, *given)) if replays else (_steps, _run)


def _noting(programs, key, body, *arguments, **options):
    before, _now.body = getattr(_now, "body", None), body
    try:
        return _steps(programs, key, body, *arguments, **options)
    finally:
        _now.body = before


def _proving(replays, program, inputs, times=1):
    made, body = vars(program).setdefault("proofs", 0), getattr(_now, "body", None)
    program.body = body = body or vars(program).get("body")     # none: it was called without looking for it
    if made >= replays or body is None or program.device.name != "cpu":     # others take long, and were proven once
        return _run(program, inputs, times)
    program.proofs += 1
    for memory in program._free:
        whole(memory.slab)[...] = NAN
    variables = [buffer.array for buffer in program.buffers if buffer.kind == VARIABLE]
    before, given = list(map(copied, variables)), [program.device.put(array) for array in inputs]
    answers = _run(program, inputs, times)
    after = list(map(content, variables))
    for array, bytes_before in zip(variables, before):
        whole(array)[...] = whole(bytes_before)
    for _ in range(times):
        outputs = body(*given)
    right = [same(answer, output.data) for answer, output in zip(answers, outputs)]
    assert all(right), f"which outputs of a replay are those of op by op: {right}"
    right = [content(array) == bits for array, bits in zip(variables, after)]
    assert all(right), f"which variables after a replay are those of op by op: {right}"
    return answers
