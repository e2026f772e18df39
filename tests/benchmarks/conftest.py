"""What the tests of the benchmarks share."""

import sys
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="session", autouse=True)
def _benchmarks_on_path():
    """Scripts import their neighbors by name."""
    sys.path.insert(0, FOLDER)
    yield
    sys.path.remove(FOLDER)
