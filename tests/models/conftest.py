import pytest


@pytest.fixture
def epochs(device):
    """epochs(many, few): few on the emulated GPU, where a step takes a hundred times as long."""
    return lambda many, few: few if device == "emulated" else many
