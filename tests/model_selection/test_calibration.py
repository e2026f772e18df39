import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB

from skmlc import KnownLabelsClassifier, LaMPClassifier
from skmlc.inputs import Bags
from skmlc.model_selection import MultilabelCalibratedClassifierCV

X, Y = make_multilabel_classification(n_samples=300, n_classes=4, random_state=0)
X_test, Y_test = make_multilabel_classification(n_samples=900, n_classes=4, random_state=0)
X_test, Y_test = X_test[300:], Y_test[300:]


class Given(ClassifierMixin, BaseEstimator):
    """Its probabilities are X, whatever it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.fitted_ = True
        return self

    def predict_proba(self, X):
        return np.asarray(X, dtype=float)


def distorted(n_samples, n_labels=3, seed=0):
    """Labels that hold with a probability, and that probability with its logit tripled."""
    rng = np.random.RandomState(seed)
    z = rng.normal(-0.5, 1, (n_samples, n_labels))
    y = (rng.rand(n_samples, n_labels) < 1 / (1 + np.exp(-z))).astype(int)
    return 1 / (1 + np.exp(-3 * z)), y, 1 / (1 + np.exp(-z))


def prefit(**params):
    return MultilabelCalibratedClassifierCV(Given().fit(X, Y), cv="prefit", **params)


@pytest.mark.parametrize("method, most", [("sigmoid", 0.02), ("isotonic", 0.03)])
def test_the_true_probabilities_come_back(method, most):
    P, y, truth = distorted(4000)
    found = prefit(method=method).fit(P, y).predict_proba(P)
    assert np.abs(found - truth).mean() < most < np.abs(P - truth).mean() / 3


def test_isotonic_is_scikit_learns_label_by_label():
    P, y, _ = distorted(200)
    found = prefit(method="isotonic").fit(P, y).predict_proba(P)
    for label in range(3):
        theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        assert_allclose(found[:, label], theirs.fit_transform(P[:, label], y[:, label]))


def test_unseen_probabilities_are_those_of_cross_val_predict():
    cv = KFold(4)
    bayes = OneVsRestClassifier(GaussianNB())
    model = MultilabelCalibratedClassifierCV(bayes, method="isotonic", cv=cv).fit(X, Y)
    unseen = cross_val_predict(bayes, X, Y, cv=cv, method="predict_proba")
    raw = clone(bayes).fit(X, Y).predict_proba(X_test)
    for label in range(4):
        theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        theirs.fit(unseen[:, label], Y[:, label])
        expected = theirs.predict(raw[:, label])
        assert_allclose(model.predict_proba(X_test)[:, label], expected)


def test_one_label_is_calibrated_as_by_scikit_learn():
    cv = KFold(4)
    bayes = GaussianNB()
    theirs = CalibratedClassifierCV(bayes, method="isotonic", cv=cv, ensemble=False)
    ours = MultilabelCalibratedClassifierCV(bayes, method="isotonic", cv=cv)
    names = np.array(["no", "yes"])[Y[:, 0]]
    expected = theirs.fit(X, names).predict_proba(X_test)
    assert_allclose(ours.fit(X, names).predict_proba(X_test), expected)
    assert_array_equal(ours.predict(X_test), theirs.classes_[(expected[:, 1] >= 0.5) * 1])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    "estimator",
    [
        OneVsRestClassifier(GaussianNB()),
        MultiOutputClassifier(GaussianNB()),  # a list, one array per label
        RandomForestClassifier(20, max_depth=2, random_state=0),
    ],
)
def test_calibration_lowers_the_brier_score(estimator, method):
    def brier(model):
        proba = model.fit(X, Y).predict_proba(X_test)
        if isinstance(proba, list):
            proba = np.column_stack([column[:, 1] for column in proba])
        return np.mean((proba - Y_test) ** 2)

    model = MultilabelCalibratedClassifierCV(estimator, method=method, random_state=0)
    assert brier(model) < brier(estimator)


def test_rare_labels_share_the_calibration_of_all_labels():
    P, y, _ = distorted(400)
    y[:, 1] = np.arange(400) < 9
    y[:, 2] = np.arange(400) >= 9
    model = prefit(method="isotonic").fit(P, y)
    assert_array_equal(model.is_shared_, [False, True, True])
    pooled = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    expected = pooled.fit(P.ravel(), y.ravel()).predict(P[:, 1])
    assert_allclose(model.predict_proba(P)[:, 1], expected)
    assert_array_equal(prefit(min_positives=9).fit(P, y).is_shared_, [False] * 3)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_what_is_all_the_same_is_left_as_it_is(method):
    P, y, _ = distorted(50)
    model = prefit(method=method).fit(P, np.zeros_like(y))
    assert_array_equal(model.predict_proba(P), P)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_unknown_labels_and_samples_of_no_weight_take_no_part(method):
    P, y, _ = distorted(300)
    expected = prefit(method=method).fit(P[:200], y[:200]).predict_proba(P)
    unknown = np.where((np.arange(300) < 200)[:, None], y, np.nan)
    found = prefit(method=method).fit(P, unknown).predict_proba(P)
    assert_allclose(found, expected)
    weight = (np.arange(300) < 200).astype(float)
    found = prefit(method=method).fit(P, y, sample_weight=weight).predict_proba(P)
    assert_allclose(found, expected, atol=1e-6)


def test_a_weight_of_two_is_the_sample_twice():
    P, y, _ = distorted(100)
    weight = np.where(np.arange(100) < 50, 2.0, 1.0)
    twice = np.r_[np.arange(50), np.arange(100)]
    expected = prefit().fit(P[twice], y[twice]).predict_proba(P)
    found = prefit().fit(P, y, sample_weight=weight).predict_proba(P)
    assert_allclose(found, expected, atol=1e-4)


def test_the_form_of_labels_does_not_matter_and_returns_in_predictions():
    base = OneVsRestClassifier(LogisticRegression())
    model = MultilabelCalibratedClassifierCV(base, cv=3, random_state=0)
    expected = clone(model).fit(X, Y).predict_proba(X_test)
    for form in (sparse.csr_matrix(Y), sparse.csr_array(Y), Y.astype(bool), Y.tolist()):
        fitted = clone(model).fit(X, form)
        assert_allclose(fitted.predict_proba(X_test), expected)
        assert sparse.issparse(fitted.predict(X_test)) == sparse.issparse(form)
    named = clone(model).fit(X, pd.DataFrame(Y, columns=list("abcd")))
    assert named.label_names_.tolist() == list("abcd")
    assert_array_equal(named.predict(X_test), expected >= 0.5)


def test_x_in_every_form():
    base = LaMPClassifier(max_epochs=1, hidden_size=4, n_heads=1, random_state=0)
    model = MultilabelCalibratedClassifierCV(base, cv=0.3, refit=False, random_state=0)
    x, y = X[:60], Y[:60]
    for form in (x, x.tolist(), sparse.csr_array(x), Bags([row[None] for row in x])):
        proba = clone(model).fit(form, y).predict_proba(form)
        assert proba.shape == (60, 4)
        assert ((proba >= 0) & (proba <= 1)).all()
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    fitted = clone(model).fit(frame, y)
    assert_array_equal(fitted.feature_names_in_, frame.columns)
    assert fitted.n_features_in_ == x.shape[1]


def test_known_labels_are_as_given():
    inner = KnownLabelsClassifier(OneVsRestClassifier(LogisticRegression()), random_state=0)
    model = MultilabelCalibratedClassifierCV(inner, cv=3, random_state=0).fit(X, Y)
    known = np.full(Y.shape, np.nan)
    known[:, 1] = 1 - Y[:, 1]
    proba = model.predict_proba(X, known=known)
    assert_array_equal(proba[:, 1], known[:, 1])
    assert_array_equal(model.predict(X, known=known)[:, 1], known[:, 1])
    assert np.any(proba[:, 0] != model.predict_proba(X)[:, 0])


def test_inputs_and_a_fitted_classifier_are_not_modified():
    P, y, _ = distorted(80)
    before = P.copy(), y.copy()
    model = prefit()
    inner = model.estimator
    model.fit(P, y).predict_proba(P)
    assert model.estimator_ is inner
    assert_array_equal(P, before[0])
    assert_array_equal(y, before[1])


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({"method": "platt"}, ValueError, "method must be 'sigmoid' or 'isotonic'"),
        ({"min_positives": 0}, ValueError, "min_positives must be an integer of at least"),
        ({"estimator": OneVsRestClassifier}, TypeError, "must have predict_proba"),
        ({"cv": "prefit"}, NotFittedError, "must be fitted already"),
        ({"cv": 3, "refit": False}, ValueError, "refit must be True"),
    ],
)
def test_parameters_are_checked(params, error, message):
    params = {"estimator": RandomForestClassifier(3), **params}
    if params["estimator"] is OneVsRestClassifier:
        params["estimator"] = KFold()
    with pytest.raises(error, match=message):
        MultilabelCalibratedClassifierCV(**params).fit(X, Y)
