"""What all tests share."""

import os
from itertools import groupby

import pytest
from hypothesis import HealthCheck, Phase, settings

from skmlc.training import batches

# The same examples in every run, so that a failure is never a matter of luck.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=25)
# Where only the verdict counts, as in tests/mutation/run.py.
settings.register_profile(
    "unshrunk", settings.get_profile("repeatable"), phases=[Phase.explicit, Phase.generate]
)
# Other examples in every run, as many as asked for: see tests/campaigns/properties.py.
settings.register_profile(
    "campaign",
    deadline=None,
    max_examples=int(os.environ.get("SKMLC_EXAMPLES", "25")),
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch):
    """Cut the small batches of tests into groups, as large batches are."""
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 1)


def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="run one case of each test")


@pytest.hookimpl(trylast=True)  # after those that -m and -k leave out
def pytest_collection_modifyitems(config, items):
    if not config.getoption("quick"):
        return
    chosen = set()
    for _, tests in groupby(items, key=lambda item: item.path):
        names = {}
        for item in tests:
            names.setdefault(item.nodeid.partition("[")[0], []).append(item)
        # Another case from test to test, so that those over all estimators take each of them.
        chosen.update(cases[i % len(cases)] for i, cases in enumerate(names.values()))
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]
