"""Damaged files of every format, a few of each: the campaign of tests/campaigns in short."""

import sys
from collections import Counter

import numpy as np
import pytest

from tests.campaigns import mutate_files
from tests.campaigns.forms import Format

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


@linux
@pytest.mark.parametrize("form", mutate_files.FORMATS, ids=lambda form: form.name)
def test_damaged_files_are_read_or_refused_by_name(form, tmp_path):
    form.read(form.write(tmp_path))
    outcomes = list(mutate_files.run(form, range(8)))
    faults = [row for row in outcomes if row[1] not in ("read", "refused")]
    assert len(outcomes) == 8
    assert not faults


def _write(folder):
    (folder / "file").write_bytes(bytes(100))
    return folder / "file"


@linux
def test_the_campaign_sees_crashes_hangs_memory_and_other_errors(monkeypatch):
    monkeypatch.setattr(mutate_files, "TIME_LIMIT", 1)

    def read(path):
        kind = len(path.read_bytes()) % 5
        if kind == 0:
            import ctypes

            ctypes.string_at(0)
        elif kind == 1:
            while True:
                pass
        elif kind == 2:
            np.ones(2**30)
        elif kind == 3:
            raise KeyError("x")

    form = Format("toy", _write, read)
    counts = Counter(outcome for _, outcome, _ in mutate_files.run(form, range(12)))
    assert counts.total() == 12
    assert counts.keys() == {"crash", "hang", "MemoryError", "KeyError", "read"}
