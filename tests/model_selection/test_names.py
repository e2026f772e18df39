"""Names and most probable labels of what wraps a classifier."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmlc
from skmlc import EmbMLPClassifier, LaMPClassifier, row_blocks
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4))
Y = pd.DataFrame(
    (X + RNG.normal(size=X.shape) > [0, 0.3, 0.6, -0.5]).astype(int), columns=list("abcd")
)
FOREST = RandomForestClassifier(4, max_depth=3, random_state=0)
WRAPPERS = {
    "tuner": ThresholdTuner(FOREST, per_label=True, cv=2, random_state=0),
    "sigmoid": MultilabelCalibratedClassifierCV(FOREST, cv=2, random_state=0),
    "isotonic": MultilabelCalibratedClassifierCV(
        FOREST, method="isotonic", cv=2, min_positives=5, random_state=0
    ),
}


def assert_top(found, probabilities, k):
    """Compare with a loop over the samples that takes the highest probability k times."""
    for columns, values, row in zip(*found, probabilities, strict=True):
        left = dict(enumerate(row))
        for column, value in zip(columns, values, strict=True):
            best = max(left, key=lambda j: (left[j], -j))
            assert column == best
            assert value == pytest.approx(left.pop(best), abs=1e-12)
        assert len(left) == len(row) - k


@pytest.mark.parametrize("name", WRAPPERS)
def test_names_and_top_labels_are_of_what_the_wrapper_predicts(name, monkeypatch):
    model = clone(WRAPPERS[name]).fit(X, Y)
    predicted = np.asarray(model.predict(X))
    expected = [
        [label for label, on in zip("abcd", row, strict=True) if on] for row in predicted
    ]
    assert model.predict_labels(X) == expected
    whole = model.predict_top_k(X, 2)
    assert_top(whole, model.predict_proba(X), 2)
    monkeypatch.setattr(row_blocks, "CALL_ENTRIES", 4 * 7)
    for found, one in zip(model.predict_top_k(X, 2), whole, strict=True):
        np.testing.assert_array_equal(found, one)
    for k in (0, 5, 1.0, True):
        with pytest.raises(ValueError, match="k must be an integer from 1 to 4"):
            model.predict_top_k(X, k)


def test_the_calibrated_order_counts():
    model = clone(WRAPPERS["isotonic"]).fit(X, Y)
    raw = np.column_stack([p[:, 1] for p in model.estimator_.predict_proba(X)])
    assert (model.predict_top_k(X, 1)[0][:, 0] != raw.argmax(axis=1)).any()


@pytest.mark.parametrize("name", WRAPPERS)
def test_top_labels_of_two_classes_are_classes(name):
    y = np.where(Y["a"] == 1, "yes", "no")
    model = clone(WRAPPERS[name]).fit(X, y)
    assert_top(model.predict_top_k(X, 2), model.predict_proba(X), 2)
    assert not hasattr(model, "predict_labels")


@pytest.mark.parametrize("name", WRAPPERS)
def test_top_labels_have_the_order_of_the_wrapper(name):
    inner = EmbMLPClassifier(max_epochs=2, hidden_size=4, random_state=0).fit(X, Y)
    model = clone(WRAPPERS[name]).set_params(cv="prefit").set_params(estimator=inner)
    model.fit(X, Y[list("dbca")])
    assert_top(model.predict_top_k(X, 3), model.predict_proba(X), 3)


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_pipeline_and_a_search_have_top_labels(name):
    pipeline = GridSearchCV(make_pipeline(StandardScaler(), FOREST), {}, cv=2)
    model = clone(WRAPPERS[name]).set_params(estimator=pipeline).fit(X, Y)
    assert_top(model.predict_top_k(X, 2), model.predict_proba(X), 2)


@pytest.mark.parametrize("name", WRAPPERS)
def test_known_labels_have_probabilities_of_one_and_zero(name):
    lamp = LaMPClassifier(
        hidden_size=8, n_heads=1, max_epochs=1, label_masking=True, random_state=0
    )
    model = clone(WRAPPERS[name]).set_params(estimator=lamp).fit(X, Y)
    known = np.full(Y.shape, np.nan)
    known[:, 2], known[:, 0] = 1, 0
    indices, probabilities = model.predict_top_k(X, 4, known=known)
    assert (probabilities[indices == 2] == 1).all()
    assert (probabilities[indices == 0] == 0).all()
    assert (np.diff(probabilities) <= 0).all()
    frame = pd.DataFrame(known, columns=list("abcd"))[list("dcba")]
    np.testing.assert_array_equal(model.predict_top_k(X, 4, known=frame)[0], indices)
    assert all(
        "c" in names and "a" not in names for names in model.predict_labels(X, frame)
    )


def test_a_loaded_calibration_gives_the_same_names(tmp_path):
    model = clone(WRAPPERS["sigmoid"])
    model.set_params(
        estimator=EmbMLPClassifier(max_epochs=1, hidden_size=4, random_state=0)
    )
    model.fit(X, Y)
    skmlc.save(model, tmp_path / "model")
    loaded = skmlc.load(tmp_path / "model")
    assert loaded.predict_labels(X) == model.predict_labels(X)
    for found, one in zip(
        loaded.predict_top_k(X, 2), model.predict_top_k(X, 2), strict=True
    ):
        np.testing.assert_array_equal(found, one)
