"""Memory maps: what is read of them is right, and does not stay in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skmlc import EmbMLPClassifier
from skmlc import mapped as module
from skmlc.inputs.forms import check_fits
from skmlc.mapped import blocks, forget, has_finite_extremes, is_mapped, take_rows

rng = np.random.default_rng(0)
TABLE = rng.normal(size=(300, 5))


@pytest.fixture(params=["C", "F"])
def path(request, tmp_path):
    np.save(tmp_path / "table.npy", np.asarray(TABLE, order=request.param))
    return tmp_path / "table.npy"


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_what_is_forgotten_is_read_again(path, mode):
    mapped = np.load(path, mmap_mode=mode)
    changed = TABLE.copy()
    if mode != "r":
        mapped[3] = changed[3] = 7  # of mode "c", in memory alone
    rows = rng.permutation(300)
    for view in (mapped, np.asarray(mapped)):
        assert is_mapped(view)
        np.testing.assert_array_equal(take_rows(view, rows), changed[rows])
        forget(view)
        np.testing.assert_array_equal(view, changed)
    assert not is_mapped(take_rows(mapped, rows))
    forget(TABLE)
    forget(None)


@pytest.mark.parametrize("entries", [1, 7, 2**20])
def test_all_numbers_are_looked_at_block_by_block(path, entries, monkeypatch):
    monkeypatch.setattr("skmlc.row_blocks.BLOCK_ENTRIES", entries)
    for array in (np.load(path, mmap_mode="r"), TABLE, TABLE[::2], TABLE[:, 0]):
        read = np.concatenate([block.ravel() for block in blocks(array)])
        np.testing.assert_array_equal(np.sort(read), np.sort(array, axis=None))
    assert has_finite_extremes(np.load(path, mmap_mode="r"))
    for bad in (np.nan, np.inf, -np.inf):
        mapped = np.load(path, mmap_mode="c")
        mapped[299, 4] = bad
        assert not has_finite_extremes(mapped)
    mapped[:] = np.nan
    check_fits(mapped, np.float32)  # what is missing is not too large
    mapped[150, 2] = -1e300
    with pytest.raises(ValueError, match=r"at most 3\.4e\+38, .* got -1e\+300"):
        check_fits(mapped, np.float32)


def test_a_memory_map_trains_as_an_array_does(path, monkeypatch):
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    Y = np.add.outer(np.arange(300), np.arange(3)) % 2
    options = {"max_epochs": 2, "early_stopping": "loss", "random_state": 0}
    given = np.load(path, mmap_mode="r")
    model, same = (EmbMLPClassifier(**options).fit(X, Y) for X in (given, np.array(given)))
    np.testing.assert_array_equal(model.predict_proba(given), same.predict_proba(TABLE))


READ = """
import sys
import numpy as np
from skmlc.inputs.encoders.training_values import training_values
from skmlc.mapped import has_finite_extremes
from skmlc.training.batches import BatchDataset
from skmlc.training.linear_skip import mean_squared_norm
sys.path.append("benchmarks")
from measure import peak_memory

X = np.lib.format.open_memmap(sys.argv[1], "w+", np.float32, (500_000, 500))
X.flush()
before = peak_memory()
X = np.load(sys.argv[1], mmap_mode="r")
rows, weight = np.arange(0, len(X), 20), np.ones(len(X))
assert has_finite_extremes(X)
training_values(X, rows, weight)
mean_squared_norm(X, rows, weight)
data = BatchDataset(X)
for batch in np.random.default_rng(0).permutation(rows).reshape(-1, 500):
    data.__getitems__(batch)
print(peak_memory() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says the memory")
def test_of_a_gigabyte_that_is_read_little_is_in_memory_at_a_time(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "table.npy"],
        cwd=Path(__file__).parents[1], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 400  # MB
