"""The classifier inside pipelines, searches and threshold tuners."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc.model_selection import ThresholdTuner, unwrap

rng = np.random.RandomState(0)
X = pd.DataFrame(rng.rand(24, 4), columns=list("pqrs"))
Y = pd.DataFrame((rng.rand(24, 3) < 0.5).astype(int), columns=["sea", "sky", "sand"])


def _search(estimator, **options):
    return GridSearchCV(estimator, {}, cv=2, **options)


@pytest.mark.parametrize("outer", ["pipeline", "search", "search of pipeline", "both"])
def test_unwrap_gives_the_last_estimator_and_what_it_gets(outer):
    model = EmbMLPClassifier(max_epochs=1, random_state=0)
    scaler = StandardScaler().set_output(transform="pandas")
    made = {
        "pipeline": make_pipeline(scaler, model),
        "search": _search(model),
        "search of pipeline": _search(make_pipeline(scaler, model)),
        "both": make_pipeline(scaler, _search(make_pipeline("passthrough", model))),
    }[outer].fit(X, Y)
    classifier, inner = unwrap(made, X)
    assert list(classifier.feature_names_in_) == list("pqrs")
    np.testing.assert_array_equal(classifier.predict_proba(inner), made.predict_proba(X))
    scaled = X if outer == "search" else (X - X.mean()) / X.std(ddof=0)
    np.testing.assert_allclose(inner, scaled)


def test_unwrap_names_what_is_missing():
    model = EmbMLPClassifier(max_epochs=1)
    with pytest.raises(NotFittedError):
        unwrap(_search(model), X)
    with pytest.raises(ValueError, match="refit=True"):
        unwrap(_search(model, refit=False).fit(X, Y), X)


def test_a_threshold_tuner_has_names_top_labels_and_explanations():
    model = LaMPClassifier(hidden_size=8, n_heads=1, max_epochs=1, random_state=0)
    tuner = ThresholdTuner(model, cv=0.3, random_state=0)
    assert not hasattr(tuner, "predict_labels")
    tuner.fit(X, Y)
    predicted = tuner.predict(X)
    names = [[name for name, on in zip(Y.columns, row) if on] for row in predicted]
    assert tuner.predict_labels(X) == names
    for own, inner in zip(
        tuner.predict_top_k(X, 2), tuner.estimator_.predict_top_k(X, 2), strict=True
    ):
        np.testing.assert_array_equal(own, inner)
    assert type(tuner.explain(X)) is type(tuner.estimator_.explain(X))
    other = ThresholdTuner(EmbMLPClassifier())
    assert hasattr(other, "explain") == hasattr(EmbMLPClassifier(), "explain")


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "predict"])
def test_a_tuner_of_a_search_passes_on_what_is_known(method):
    model = LaMPClassifier(
        hidden_size=8, n_heads=1, max_epochs=1, label_masking=True, random_state=0
    )
    search = GridSearchCV(model, {}, cv=2).fit(X, Y)
    tuner = ThresholdTuner(search, cv="prefit").fit(X, Y)
    own = ThresholdTuner(search.best_estimator_, cv="prefit").fit(X, Y)
    known = Y.astype(float)
    known[1::2] = np.nan
    expected = getattr(own, method)(X, known=known)
    np.testing.assert_array_equal(getattr(tuner, method)(X, known=known), expected)
    assert not np.array_equal(getattr(tuner, method)(X), expected)


def test_a_tuner_reads_a_table_of_what_is_known_by_its_columns():
    model = LaMPClassifier(
        hidden_size=8, n_heads=1, max_epochs=1, label_masking=True, random_state=0
    )
    tuner = ThresholdTuner(model, cv=0.3, random_state=0).fit(X, Y)
    known = Y.astype(float)
    known[1::2] = np.nan
    predicted = tuner.predict(X, known=known[known.columns[::-1]])
    np.testing.assert_array_equal(predicted, tuner.predict(X, known=known.to_numpy()))
    np.testing.assert_array_equal(predicted[::2], Y[::2])
