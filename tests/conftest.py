"""What all tests share."""

import pytest
from hypothesis import Phase, settings

from skmlc.training import batches

# The same examples in every run, so that a failure is never a matter of luck.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=25)
# Where only the verdict counts, as in tests/mutation/run.py.
settings.register_profile(
    "unshrunk", settings.get_profile("repeatable"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    """Cut the small batches of tests into groups, as large batches are."""
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 1)
