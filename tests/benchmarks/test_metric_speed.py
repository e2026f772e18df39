"""What benchmarks/metric_speed.py compares are the same metrics."""

import importlib


def test_the_metrics_of_the_libraries_agree():
    script = importlib.import_module("metric_speed")
    rows = list(script.compare(400, 8, repeats=1))
    assert len(rows) == len({name for name, _, _ in rows}) == 14
    for name, times, difference in rows:
        assert difference < 1e-6, (name, difference)
        assert min(ms for ms in times[:2]) >= 0
