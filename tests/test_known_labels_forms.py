"""The forms of samples and labels that `KnownLabelsClassifier` takes, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags

from skmlc import KnownLabelsClassifier
from skmlc.inputs import Bags, Images, Sequences
from tests.input_forms import BOOLEAN, COUNTS, DENSE, LOGICAL, ONES, SPARSE
from tests.label_forms import FORMS, KNOWN, REFUSED, VALUES
from tests.test_known_labels import (
    FOREST,
    TOLD,
    UNKNOWN,
    F,
    L,
    N,
    Recorder,
    X,
    Y,
    fitted,
    fitted_state,
)
from tests.test_refused_inputs import NO_NUMBERS


class Scoreless(ClassifierMixin, BaseEstimator):
    """A classifier that only says which class it takes for the likelier."""

    def fit(self, X, y):
        pytest.fail("a fit began")

    def predict(self, X):
        return X


# Labels and targets -------------------------------------------------------------------------


def test_a_label_with_one_class_has_that_probability_and_one_without_any_a_half():
    given = Y.astype(float)
    given[:, 0], given[:, 1], given[:, 2] = 0, 1, np.nan
    given[:9, :2] = np.nan
    model = fitted(LogisticRegression(), Y=given)
    np.testing.assert_array_equal(
        model.predict_proba(X, TOLD * [np.nan] * 3 + [[0] * 4])[:, :3], [[0, 1, 0.5]] * N
    )


def test_the_answer_has_the_form_of_y():
    dense = fitted(FOREST)
    of_sparse = fitted(FOREST, Y=sparse.csr_array(Y))
    assert sparse.issparse(of_sparse.predict(X))
    np.testing.assert_array_equal(
        of_sparse.predict(X, TOLD).toarray(), dense.predict(X, TOLD)
    )
    np.testing.assert_array_equal(
        of_sparse.predict_proba(X, TOLD), dense.predict_proba(X, TOLD)
    )
    np.testing.assert_array_equal(dense.classes_, np.arange(L))
    frame = FORMS["frame"](Y)
    named = fitted(FOREST, Y=frame)
    assert list(named.label_names_) == list(frame.columns)
    assert not hasattr(named.fit(X, Y), "label_names_")
    expected = (dense.predict(X) == Y).all(axis=1).mean()
    assert fitted(FOREST, Y=frame).score(X, frame.iloc[:, ::-1]) == expected


@pytest.mark.parametrize("form", FORMS)
def test_unknown_labels_in_every_form_give_the_same(form):
    expected = fitted(DecisionTreeClassifier(max_depth=3), Y=UNKNOWN).predict_proba(X, TOLD)
    model = fitted(DecisionTreeClassifier(max_depth=3), Y=FORMS[form](UNKNOWN))
    np.testing.assert_array_equal(model.predict_proba(X, TOLD), expected)


@pytest.mark.parametrize("form", KNOWN)
def test_labels_in_every_form_give_the_same(form):
    expected = fitted(DecisionTreeClassifier(max_depth=3)).predict_proba(X, TOLD)
    model = fitted(DecisionTreeClassifier(max_depth=3), Y=KNOWN[form](Y))
    np.testing.assert_array_equal(model.predict_proba(X, TOLD), expected)


@pytest.mark.parametrize("case", [*REFUSED.values(), *VALUES.values()])
def test_what_is_no_label_matrix_is_refused(case):
    convert, message = case
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(FOREST, Y=convert(Y))


def test_one_column_is_one_label_fitted_to_the_samples_as_they_are():
    model = fitted(LogisticRegression(), Y=Y[:, :1])
    expected = LogisticRegression().fit(X, Y[:, 0]).predict_proba(X)[:, 1:]
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    known = np.full((N, 1), np.nan)
    known[:5] = 1
    np.testing.assert_array_equal(model.predict_proba(X, known)[:5], 1)


def test_two_classes_are_one_label_and_more_are_refused():
    words = np.array(["no", "yes"])[Y[:, 0]]
    model = fitted(LogisticRegression(), Y=words)
    expected = LogisticRegression().fit(X, words)
    np.testing.assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    with pytest.raises(
        ValueError, match="known must be None: it is for a matrix of labels"
    ):
        model.predict(X, known=Y[:, :1])
    with pytest.raises(
        ValueError, match="y must be a label matrix with one column per label"
    ):
        fitted(LogisticRegression(), Y=np.arange(N) % 3)


# Samples ------------------------------------------------------------------------------------


def check_form_of_samples(plain, given):
    y = Y[: plain.shape[0]]
    tree = DecisionTreeClassifier(max_depth=3)
    expected = fitted(tree, plain, y).predict_proba(plain, TOLD)
    model = fitted(tree, given, y)
    np.testing.assert_array_equal(model.predict_proba(given, TOLD), expected)


@pytest.mark.parametrize("form", DENSE)
def test_tables_in_every_form_give_the_same(form):
    check_form_of_samples(COUNTS, DENSE[form](COUNTS))


@pytest.mark.parametrize("form", BOOLEAN)
def test_true_and_false_are_one_and_zero(form):
    check_form_of_samples(ONES, BOOLEAN[form](ONES))


@pytest.mark.parametrize("form", [*SPARSE, *LOGICAL])
def test_sparse_matrices_in_every_form_give_the_same_as_tables(form):
    if form in SPARSE:
        check_form_of_samples(COUNTS, SPARSE[form](sparse.csr_array(COUNTS)))
    else:
        check_form_of_samples(ONES, LOGICAL[form](sparse.csr_array(ONES)))


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_sparse_samples_stay_sparse_and_of_their_kind(kind):
    model = fitted(Recorder(), kind(X))
    model.predict(kind(X), TOLD)
    plain = fitted(Recorder())
    plain.predict(X, TOLD)
    for recorder, expected in zip(model.estimators_, plain.estimators_):
        for name in ("X_", "asked_"):
            assert isinstance(getattr(recorder, name), kind)
            np.testing.assert_array_equal(
                getattr(recorder, name).toarray(), getattr(expected, name)
            )


def test_names_of_features_are_kept_and_compared():
    frame = pd.DataFrame(X, columns=list("abc"))
    model = fitted(FOREST, frame)
    assert list(model.feature_names_in_) == list("abc")
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])


def test_tags_are_those_of_the_classifier():
    for estimator in (
        LogisticRegression(),
        MultinomialNB(),
        HistGradientBoostingClassifier(),
    ):
        expected = get_tags(estimator).input_tags
        found = get_tags(KnownLabelsClassifier(estimator)).input_tags
        for name in ("sparse", "allow_nan", "positive_only"):
            assert getattr(found, name) == getattr(expected, name), name


def test_as_many_rows_of_labels_as_of_samples_are_asked_for():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(FOREST, Y=Y[1:])


def test_missing_features_go_to_a_classifier_that_takes_them():
    missing = np.where(X > 1.5, np.nan, X)
    boosting = HistGradientBoostingClassifier(max_iter=2)
    assert np.isfinite(fitted(boosting, missing).predict_proba(missing, TOLD)).all()
    with pytest.raises(ValueError, match="X contains NaN"):
        fitted(Recorder(), missing)


NO_TABLES = {
    "bags": (
        Bags(np.ones((N, 2, F))),
        "X must be a table of numbers; got Bags: .*Pipeline",
    ),
    "list of bags": ([np.ones((2, F))] * N, "got Bags"),
    "sequences": (Sequences([[1, 2]] * N), "got Sequences"),
    "images": (Images(np.zeros((N, 3, 8, 8))), "got Images"),
    "texts": (["a text"] * N, "X must hold numbers; got text.*TfidfVectorizer"),
}


@pytest.mark.parametrize("case", [*NO_TABLES.values(), *NO_NUMBERS.values()])
def test_what_is_no_table_of_numbers_is_refused_with_a_hint(case):
    given, message = case
    model = fitted(FOREST)
    with pytest.raises((TypeError, ValueError), match=message):
        clone(model).fit(given, Y)
    with pytest.raises((TypeError, ValueError), match=message):
        model.predict(given)


# The classifier -----------------------------------------------------------------------------


def test_of_a_decision_function_the_logistic_function_is_taken():
    model = fitted(RidgeClassifier())
    given = np.hstack([X, np.zeros((N, 2 * (L - 1)))])
    expected = [expit(m.decision_function(given)) for m in model.estimators_]
    np.testing.assert_array_equal(model.predict_proba(X), np.transpose(expected))
    both = fitted(LogisticRegression(C=9))
    expected = [m.predict_proba(given)[:, 1] for m in both.estimators_]
    np.testing.assert_array_equal(both.predict_proba(X), np.transpose(expected))


@pytest.mark.parametrize(
    "options, weight, error, message",
    [
        (
            {"estimator": Scoreless()},
            None,
            TypeError,
            "estimator must have predict_proba or",
        ),
        (
            {"estimator": "forest"},
            None,
            ValueError,
            "'estimator' parameter .* Got 'forest'",
        ),
        ({"n_copies": 0}, None, ValueError, "'n_copies' parameter .* Got 0"),
        (
            {"label_masking": 1.0},
            None,
            ValueError,
            r"'label_masking' parameter .* Got 1\.0",
        ),
        ({"label_masking": np.nan}, None, ValueError, "'label_masking' parameter"),
        ({"label_masking": "half"}, None, ValueError, "'label_masking' parameter"),
        ({"label_masking": False}, None, ValueError, "label_masking must be True, a share"),
        (
            {"max_known_labels": 0},
            None,
            ValueError,
            "'max_known_labels' parameter .* Got 0",
        ),
        ({"estimator": KNeighborsClassifier()}, 1, TypeError, "sample_weight must be None"),
        ({}, -1, ValueError, "sample_weight must hold 40 non-negative weights"),
    ],
)
def test_errors_name_the_argument(options, weight, error, message):
    weight = None if weight is None else np.full(N, float(weight))
    model = KnownLabelsClassifier(LogisticRegression()).set_params(**options)
    with pytest.raises(error, match=message):
        model.fit(X, Y, sample_weight=weight)
    assert not fitted_state(model)


@pytest.mark.parametrize(
    "known, message",
    [
        (TOLD[:, :3], r"known must be of shape \(40, 4\).* got \(40, 3\)"),
        (TOLD[:9], r"known must be of shape \(40, 4\).* got \(9, 4\)"),
        (TOLD * 2, "known must be an indicator matrix"),
        (sparse.csr_array(Y * 2), "known, if sparse, must store 1 .*got .*2"),
    ],
)
def test_what_known_may_not_be_is_refused(known, message):
    with pytest.raises(ValueError, match=message):
        fitted(FOREST).predict_proba(X, known)
