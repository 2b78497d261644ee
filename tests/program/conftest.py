import pytest

from numba_layers.program import Program


@pytest.fixture
def replays(monkeypatch):
    """The programs that were replayed, one for each time."""
    run, seen = Program.run, []

    def counted(program, *arguments):
        seen.append(program)
        return run(program, *arguments)

    monkeypatch.setattr(Program, "run", counted)
    return seen
