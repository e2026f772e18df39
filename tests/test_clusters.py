"""Searches and cross-validation whose fits run on the workers of a cluster."""

import runpy
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV, cross_validate

from skmlc import LaMPClassifier
from skmlc.inputs import Bags, Graphs, Images, Sequences
from skmlc.metrics import get_scorer
from skmlc.model_selection import MultilabelStratifiedKFold, ThresholdTuner
from skmlc.training import batches

rng = np.random.default_rng(0)
SIZES = rng.integers(1, 6, 40)
BAGS = [rng.normal(size=(n, 4)) for n in SIZES]
INPUTS = {
    "table": rng.normal(size=(40, 6)),
    "sparse": sparse.random(40, 12, 0.3, "csr", random_state=0),
    "sequences": Sequences([rng.integers(0, 30, n) for n in SIZES], n_tokens=30),
    "bags": Bags(BAGS),
    "graphs": Graphs(BAGS, [np.array([[0], [n - 1]]) for n in SIZES]),
    "images": Images(rng.integers(0, 256, (40, 1, 8, 8), dtype=np.uint8)),
}
Y = (rng.random((40, 3)) < 0.4).astype(np.uint8)
GRID = {"hidden_size": [4, 8], "label_graph": ["full", "cooccurrence"]}


@pytest.fixture(scope="module")
def _dask():
    """Let joblib run on two processes of dask."""
    distributed = pytest.importorskip("distributed", reason="dask[distributed] is missing")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        yield


@pytest.fixture(autouse=True)
def _groups_as_on_the_workers(_small_groups, monkeypatch):
    """Undo what the tests of this process have changed, and those of the workers have not."""
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 512)


def model():
    return LaMPClassifier(n_heads=2, max_epochs=2, random_state=0, threshold="tuned")


def search(X, y=Y):
    options = {"cv": MultilabelStratifiedKFold(2), "scoring": get_scorer("mAP")}
    return GridSearchCV(model(), GRID, **options, n_jobs=2, error_score="raise").fit(X, y)


@pytest.mark.slow
@pytest.mark.usefixtures("_dask")
@pytest.mark.parametrize("kind", INPUTS)
def test_a_search_over_dask_finds_what_one_here_finds(kind):
    X = INPUTS[kind]
    with joblib.parallel_config("dask", scatter=[X, Y]):
        there = search(X)
    with joblib.parallel_config("threading", n_jobs=1):
        here = search(X)
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(there.cv_results_[key], here.cv_results_[key])
    np.testing.assert_array_equal(there.predict_proba(X), here.predict_proba(X))


@pytest.mark.slow
@pytest.mark.usefixtures("_dask")
def test_cross_validation_over_dask_is_that_here():
    X, y = INPUTS["bags"], Y
    inner = model().set_params(threshold=0.5)
    tuner = ThresholdTuner(inner, metric="ebF1", cv=2, random_state=0)
    options = {"cv": 2, "scoring": get_scorer("ebF1"), "error_score": "raise"}
    with joblib.parallel_config("dask"):
        there = cross_validate(tuner, X, y, n_jobs=2, **options)
    here = cross_validate(tuner, X, y, **options)
    np.testing.assert_array_equal(there["test_score"], here["test_score"])


@pytest.mark.slow
def test_the_script_of_the_user_guide_works(capsys):
    pytest.importorskip("distributed", reason="dask[distributed] is missing")
    script = Path(__file__).parents[1] / "docs" / "user_guide" / "search_on_dask.py"
    runpy.run_path(str(script), run_name="__main__")
    assert "} mAP 0.7" in capsys.readouterr().out
