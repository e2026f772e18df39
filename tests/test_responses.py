"""What a classifier takes and returns, in one form."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import KnownLabelsClassifier, LaMPClassifier
from skmlc.responses import can_be_told, check_no_nan

X = np.random.default_rng(0).random((12, 2))
Y = np.tile([[0, 1], [1, 0]], (6, 1))
FOREST = RandomForestClassifier(2, random_state=0)


def pipeline(model):
    return make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), model))


def search(model):
    return GridSearchCV(model, {}, scoring="accuracy", cv=2).fit(X, Y)


@pytest.mark.parametrize("wrap", [lambda model: model, pipeline, search])
@pytest.mark.parametrize(
    "model, takes_known",
    [(LaMPClassifier(), True), (KnownLabelsClassifier(FOREST), True), (FOREST, False)],
    ids=["network", "told forest", "forest"],
)
def test_known_labels_are_taken_by_what_is_inside(wrap, model, takes_known):
    if wrap is search and isinstance(model, LaMPClassifier):
        model = model.set_params(max_epochs=1, hidden_size=8)
    assert can_be_told(wrap(model), "predict_proba") == takes_known


def test_the_first_nan_is_named():
    check_no_nan(np.ones((2, 2)), "predict_proba", "estimator")
    scores = np.array([[0.5, 1.0], [np.nan, 0.0], [0.0, np.nan]])
    message = r"got NaN for 2 of 6, the first for sample 1 and label 0:"
    with pytest.raises(ValueError, match=message):
        check_no_nan(scores, "predict_proba", "estimator")
    with pytest.raises(ValueError, match="got NaN for 1 of 3, the first for sample 2:"):
        check_no_nan(scores[:, 1], "decision_function", "estimator")
