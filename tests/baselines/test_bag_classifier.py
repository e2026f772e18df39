"""The base of the bag methods, on a method so small that it can be checked by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.bag_classifier import BaseBagClassifier, prior_scores
from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.inputs.transformers.distances import bag_distances


class MeanRegression(BaseBagClassifier):
    """Weighted ridge regression of targets -1 and 1 on the means of the instances."""

    _parameter_constraints = {"top_label": ["boolean"], "random_state": ["random_state"]}

    def __init__(self, *, top_label=False, random_state=None):
        self.top_label = top_label
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        return self._fit(X, y, sample_weight)

    def _table(self, X):
        means = np.array([bag.mean(axis=0) for bag in X])
        return np.column_stack([means, np.ones(len(X))])

    def _fit_bags(self, X, Y, sample_weight, rng):
        Z = self._table(X)
        A = Z.T @ (sample_weight[:, None] * Z) + np.eye(Z.shape[1])
        target = 2.0 * Y - 1
        self.coef_ = np.linalg.solve(A, Z.T @ (sample_weight[:, None] * target))

    def _scores(self, X):
        # An order of summation that does not depend on the number of bags.
        return np.einsum("nf,fl->nl", self._table(X), self.coef_)


class NearestMedoid(BaseBagClassifier):
    """Minus the distance to the only medoid, the first bag, for both of two labels."""

    _parameter_constraints = {}

    def __init__(self, *, metric="max", n_jobs=None, top_label=True, random_state=None):
        self.metric = metric
        self.n_jobs = n_jobs
        self.top_label = top_label
        self.random_state = random_state

    def _fit_bags(self, X, Y, sample_weight, rng):
        self.distances_ = self._training_distances(X)
        self._set_medoids(X, np.array([0]))

    def _scores(self, X):
        return 1 - np.repeat(self._medoid_distances(X), 2, axis=1)


def make_bags(n_bags=40, seed=0, n_labels=3):
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, size=(n_bags, n_labels))
    sizes = rng.integers(1, 5, size=n_bags)
    return [rng.normal(size=(n, n_labels)) + 2 * y for n, y in zip(sizes, Y)], Y


def as_object_array(bags):
    array = np.empty(len(bags), dtype=object)
    array[:] = bags
    return array


FORMS = {
    "Bags": Bags,
    "tuple": tuple,
    "objects": as_object_array,
    "column": lambda bags: as_object_array(bags)[:, None],
    "Series": lambda bags: pd.Series(as_object_array(bags)),
    "DataFrame": lambda bags: pd.DataFrame({"bag": as_object_array(bags)}),
}


@parametrize_with_checks([MeanRegression(top_label=True)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# Inputs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_bags_gives_the_same(form):
    bags, Y = make_bags()
    expected = MeanRegression().fit(bags, Y).decision_function(bags)
    model = MeanRegression().fit(form(bags), Y)
    np.testing.assert_array_equal(model.decision_function(form(bags)), expected)
    X_train, X_test, Y_train, _ = train_test_split(form(bags), Y, shuffle=False)
    expected = MeanRegression().fit(bags[:30], Y[:30]).predict_proba(bags[30:])
    found = MeanRegression().fit(X_train, Y_train).predict_proba(X_test)
    np.testing.assert_array_equal(found, expected)
    out = cross_val_predict(MeanRegression(), form(bags), Y, cv=2, method="predict_proba")
    expected = MeanRegression().fit(bags[:20], Y[:20]).predict_proba(bags[20:])
    np.testing.assert_array_equal(out[20:], expected)


def test_tables_and_three_dimensional_arrays_are_bags():
    _, Y = make_bags()
    X = np.random.default_rng(0).normal(size=(40, 2))
    frame = pd.DataFrame(X, columns=["a", "b"])
    expected = MeanRegression().fit([row[None] for row in X], Y).decision_function(X)
    for table in (X, frame, X[:, None], X.tolist()):
        model = MeanRegression().fit(table, Y)
        np.testing.assert_array_equal(model.decision_function(table), expected)
        assert model.n_features_in_ == 2
    assert list(MeanRegression().fit(frame, Y).feature_names_in_) == ["a", "b"]


@pytest.mark.parametrize(
    "X, error, message",
    [
        (Sequences([[1, 2], [0]]), TypeError, "got Sequences"),
        (
            Graphs([np.ones((1, 2))] * 2, [np.empty((2, 0), int)] * 2),
            TypeError,
            "got Graphs",
        ),
        (sparse.eye(2, format="csr"), TypeError, "dense data is required"),
        (["a cat", "a dog"], TypeError, "got text"),
        ([np.ones((1, 2)), np.full((1, 2), np.nan)], ValueError, "bag 1"),
        ([np.ones((1, 2)), np.ones((1, 3))], ValueError, "bag 1 has 3"),
        ([np.ones((1, 2)), np.ones((0, 2))], ValueError, "bag 1 is empty"),
        (Bags([np.ones((1, 2))])[:0], ValueError, "0 sample"),
        ([np.ones((1, 2))] * 3, ValueError, r"numbers of samples: \[3, 2\]"),
    ],
)
def test_what_is_no_bags_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        MeanRegression().fit(X, [[0, 1], [1, 0]])


# Targets and answers ------------------------------------------------------------------------


def test_scores_probabilities_and_labels_agree():
    bags, Y = make_bags()
    model = MeanRegression().fit(bags, Y)
    scores = model.decision_function(bags)
    assert scores.shape == Y.shape
    np.testing.assert_array_equal(model.predict_proba(bags), expit(scores))
    np.testing.assert_array_equal(model.predict(bags), scores >= 0)
    np.testing.assert_array_equal(model.classes_, np.arange(3))
    assert (model.predict(bags) == Y).mean() > 0.8
    indices, probabilities = model.predict_top_k(bags, k=2)
    np.testing.assert_array_equal(indices[:, 0], scores.argmax(axis=1))
    np.testing.assert_array_equal(probabilities[:, 0], expit(scores.max(axis=1)))


def test_a_sparse_target_has_a_sparse_answer():
    bags, Y = make_bags()
    expected = MeanRegression().fit(bags, Y).predict(bags)
    for matrix in (sparse.csr_array(Y), sparse.csc_matrix(Y)):
        answer = MeanRegression().fit(bags, matrix).predict(bags)
        assert sparse.issparse(answer)
        np.testing.assert_array_equal(answer.toarray(), expected)


def test_columns_of_the_target_are_names_of_labels():
    bags, Y = make_bags()
    model = MeanRegression(top_label=True).fit(bags, pd.DataFrame(Y, columns=list("abc")))
    names = model.predict_labels(bags)
    expected = [[n for n, one in zip("abc", row) if one] for row in model.predict(bags)]
    assert names == expected
    assert not hasattr(model.fit(bags, Y), "predict_labels")


def test_one_class_per_bag_is_one_label_per_class():
    bags, Y = make_bags()
    two, three = np.array(["no", "yes"])[Y[:, 0]], Y[:, 0] + Y[:, 1]
    binary = MeanRegression(top_label=True).fit(bags, two)
    scores = binary.decision_function(bags)
    assert scores.shape == (40,)
    np.testing.assert_array_equal(binary.predict(bags) == "yes", scores >= 0)
    np.testing.assert_array_equal(binary.predict_proba(bags)[:, 1], expit(scores))
    multi = MeanRegression().fit(bags, three)
    scores = multi.decision_function(bags)
    np.testing.assert_array_equal(multi.predict(bags), scores.argmax(axis=1))
    np.testing.assert_array_equal(multi.predict_proba(bags), softmax(scores, axis=1))


@pytest.mark.parametrize(
    "y, message",
    [
        ([["a"], ["a", "b"]], "MultiLabelBinarizer"),
        ([[0, 2], [1, 0]], "zeros and ones"),
        ([[0, np.nan], [1, 0]], "NaN"),
        (None, "requires y"),
    ],
)
def test_a_wrong_target_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        MeanRegression().fit([np.ones((1, 2)), np.zeros((1, 2))], y)


def test_top_label_predicts_the_highest_score_where_none_is_positive():
    bags, Y = make_bags()
    Y = Y * (np.arange(40) % 3 == 0)[:, None]  # so that few labels hold
    plain = MeanRegression().fit(bags, Y)
    scores, expected = plain.decision_function(bags), plain.predict(bags)
    assert (expected.sum(axis=1) == 0).any()
    for row, score in zip(expected, scores):
        if not row.any():
            row[score.argmax()] = 1
    for target in (Y, sparse.csr_array(Y)):
        found = MeanRegression(top_label=True).fit(bags, target).predict(bags)
        found = found.toarray() if sparse.issparse(found) else found
        np.testing.assert_array_equal(found, expected)
    single = MeanRegression(top_label=True).fit(bags, sparse.csr_array(Y[:, :1]))
    assert single.predict(bags).sum() < 40


# Weights and state --------------------------------------------------------------------------


def test_prior_scores_are_smoothed_log_odds_of_weighted_counts():
    Y, weight = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 0]]), np.array([2.0, 1.0, 0.0])
    expected = [np.log(1 / 4), np.log(4 / 1), np.log(3 / 2)]
    np.testing.assert_allclose(prior_scores(Y, weight), expected)


def test_weights_must_fit():
    bags, Y = make_bags()
    with pytest.raises(ValueError, match="sample_weight"):
        MeanRegression().fit(bags, Y, np.ones(3))
    with pytest.raises(ValueError, match=r"(?i)negative"):
        MeanRegression().fit(bags, Y, -np.ones(40))


def test_it_is_pickled_and_leaves_its_input_as_it_is():
    bags, Y = make_bags()
    before, Y_before = [bag.copy() for bag in bags], Y.copy()
    model = MeanRegression().fit(bags, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.decision_function(bags), model.decision_function(bags)
    )
    for bag, copy in zip(bags, before):
        np.testing.assert_array_equal(bag, copy)
    np.testing.assert_array_equal(Y, Y_before)


# Distances ----------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["max", "average"])
def test_distances_follow_the_metric_or_are_given(metric):
    bags, Y = make_bags(n_labels=2)
    model = NearestMedoid(metric=metric).fit(bags[:30], Y[:30])
    within = bag_distances(bags[:30], metric=metric)
    np.testing.assert_array_equal(model.distances_, within)
    assert model.medoids_ == Bags(bags[:1])
    scores = model.decision_function(bags[30:])
    to_fitted = bag_distances(bags[30:], bags[:30], metric=metric)
    np.testing.assert_allclose(scores[:, 0], 1 - to_fitted[:, 0], rtol=1e-9)
    given = clone(model).fit(bags, Y).set_params(metric="precomputed").fit(within, Y[:30])
    assert not hasattr(given, "medoids_")
    assert given.n_features_in_ == 30
    np.testing.assert_allclose(given.decision_function(to_fitted), scores, rtol=1e-9)


@pytest.mark.parametrize(
    "X, message",
    [
        ([np.ones((1, 2))] * 2, "got bags, which skmlc.inputs.BagDistances turns"),
        (np.ones((2, 3)), r"square matrix .* got shape \(2, 3\)"),
        (-np.ones((2, 2)), "Negative values"),
        (np.array([["near", 1], [1, 0]], dtype=object), "X must hold distances.*'near'"),
    ],
)
def test_given_distances_must_be_distances(X, message):
    with pytest.raises(ValueError, match=message):
        NearestMedoid(metric="precomputed").fit(X, [[0, 1], [1, 0]])
