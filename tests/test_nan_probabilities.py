"""Classifiers around others, one of which gives NaN for a probability."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier

from skmlc import KnownLabelsClassifier
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner

rng = np.random.default_rng(0)
X, Y = rng.random((40, 3)), rng.integers(0, 2, (40, 4))


class Prior(ClassifierMixin, BaseEstimator):
    """The shares of the labels in training, NaN for the last of a sample that starts with 9."""

    def fit(self, X, y):
        self.classes_ = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
        self.share_ = y.mean(axis=0)
        return self

    def predict_proba(self, X):
        proba = np.tile(self.share_, (len(X), 1))
        proba = np.hstack([1 - proba, proba]) if len(self.classes_) == 2 else proba
        proba[X[:, 0] == 9, -1] = np.nan
        return proba


class Scorer(Prior):
    predict_proba = property()

    def decision_function(self, X):
        return Prior.predict_proba(self, X)[:, -1]


def pair(estimator):
    return [("trees", RandomForestClassifier(5, random_state=0)), ("prior", estimator)]


AROUND = {
    "voting": (lambda e: SoftVotingClassifier(pair(e)), r"the member 'prior'"),
    "stacking": (lambda e: StackingClassifier(pair(e), cv=2), r"the member 'prior'"),
    "tuner": (lambda e: ThresholdTuner(e, cv=2), "estimator"),
    "calibration": (lambda e: MultilabelCalibratedClassifierCV(e, cv=2), "estimator"),
    "known labels": (KnownLabelsClassifier, r"estimators_\[0\]"),
}


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("name", AROUND)
def test_whose_probabilities_are_nan_is_said_at_prediction(name, method):
    around, whose = AROUND[name]
    model = around(Prior()).fit(X, Y)
    X_new = X[:5].copy()
    assert np.isfinite(model.predict_proba(X_new)).all()
    X_new[[2, 4], 0] = 9
    message = rf"^predict_proba of {whose} must give numbers; got NaN for 2 of .* sample 2"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X_new)


@pytest.mark.parametrize("name", ["stacking", "tuner", "calibration"])
def test_whose_probabilities_are_nan_is_said_before_anything_is_learned_of_them(name):
    around, whose = AROUND[name]
    X_nan = X.copy()
    X_nan[7, 0] = 9
    with pytest.raises(
        ValueError, match=rf"^predict_proba of {whose} must .* NaN for 1 of"
    ):
        around(Prior()).fit(X_nan, Y)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
@pytest.mark.parametrize("name", ["voting", "stacking", "tuner", "calibration"])
def test_a_single_label_is_no_exception(name, method):
    around, whose = AROUND[name]
    model = around(Prior()).fit(X, Y[:, 0])
    with pytest.raises(ValueError, match=rf"^predict_proba of {whose} must give numbers"):
        getattr(model, method)(np.full((1, 3), 9.0))


def test_scores_that_are_nan_are_those_of_a_label():
    model = KnownLabelsClassifier(Scorer()).fit(X, Y)
    message = (
        r"^decision_function of estimators_\[0\] must give numbers; got NaN for 1 of 1"
    )
    with pytest.raises(ValueError, match=message):
        model.predict_proba(np.full((1, 3), 9.0))
