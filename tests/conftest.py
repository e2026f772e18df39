"""What all tests share."""

import pytest

from skmlc.training import batches


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    """Cut the small batches of tests into groups, as large batches are."""
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 1)
