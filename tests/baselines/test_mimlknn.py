"""MIML-kNN against its steps written as loops, one bag at a time."""

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.bag_classifier import prior_scores
from skmlc.baselines.mimlknn import MIMLkNN
from skmlc.inputs import Bags
from skmlc.inputs.transformers.bags import BagScaler
from skmlc.inputs.transformers.distances import BagDistances, bag_distances
from tests.baselines.planted_bags import make_bags

REPEATED = "repeated bags are neighbors of each other"
NO_DISTANCES = "scikit-learn's check passes numbers below zero as distances"


def expected_failures(estimator):
    if estimator.metric == "precomputed":
        return {"check_decision_proba_consistency": NO_DISTANCES}
    return {"check_sample_weight_equivalence_on_dense_data": REPEATED}


@parametrize_with_checks(
    [MIMLkNN(), MIMLkNN(metric="precomputed")], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def average_hausdorff_by_loop(A, B):
    nearest = [min(np.sqrt(((a - b) ** 2).sum()) for b in B) for a in A]
    nearest += [min(np.sqrt(((a - b) ** 2).sum()) for a in A) for b in B]
    return np.mean(nearest)


def counts_by_loop(distances, Y, query, n_references, n_citers):
    """Count the labels around a bag, the rows of Y being those of the training set."""
    training = [i for i in range(len(Y)) if i != query]
    nearest = sorted(training, key=lambda i: distances[query, i])
    count = Y[nearest[:n_references]].sum(axis=0)
    for i in training:
        ranked = [j for j in {*range(len(Y)), query} if j != i]
        ranked.sort(key=lambda j: distances[i, j])
        if query in ranked[:n_citers]:
            count += Y[i]
    return count


def counts_of(model, X):
    """What the model counts, seen through coefficients that change nothing."""
    model.coef_ = np.eye(len(model.coef_))
    model.intercept_ = np.zeros(len(model.coef_))
    model.prior_scores_ = np.zeros(len(model.coef_))
    return model.decision_function(X)


# The method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_references, n_citers", [(4, 6), (2, 1), (1, 0), (30, 30)])
@pytest.mark.parametrize("intercept", [False, True])
def test_scores_are_linear_in_the_labels_of_references_and_citers(
    n_references, n_citers, intercept
):
    (bags, Y), (others, _) = make_bags(15), make_bags(5, seed=1)
    weight = np.random.default_rng(0).random(15) + 0.1
    everything = bags + others
    distances = np.array(
        [[average_hausdorff_by_loop(A, B) for B in everything] for A in everything]
    )
    counts = np.array(
        [counts_by_loop(distances, Y, i, n_references, n_citers) for i in range(20)]
    )
    counts, new_counts = counts[:15], counts[15:]
    expected = LinearRegression(fit_intercept=intercept).fit(counts, 2 * Y - 1, weight)
    model = MIMLkNN(n_references, n_citers=n_citers, fit_intercept=intercept)
    scores = model.fit(bags, Y, weight).decision_function(others)
    np.testing.assert_allclose(counts_of(model, others), new_counts)
    with_labels = new_counts.any(axis=1) | intercept
    expected = expected.predict(new_counts)
    np.testing.assert_allclose(scores[with_labels], expected[with_labels], atol=1e-9)


def test_references_are_those_of_nearest_neighbors():
    (bags, Y), (others, _) = make_bags(), make_bags(20, seed=1)
    index = NearestNeighbors(n_neighbors=5, metric="precomputed")
    for metric in ("max", "average", "min", "mean"):
        index.fit(bag_distances(bags, metric=metric))
        distances = bag_distances(others, bags, metric=metric)
        nearest = index.kneighbors(distances, return_distance=False)
        model = MIMLkNN(5, n_citers=0, metric=metric).fit(bags, Y)
        np.testing.assert_array_equal(counts_of(model, others), Y[nearest].sum(axis=1))


def test_a_bag_cites_a_new_one_that_is_as_near_as_the_last_it_cites():
    X, Y = np.array([[0.0], [1.0], [5.0]]), np.array([[1, 0], [0, 1], [1, 1]])
    model = MIMLkNN(1, n_citers=1).fit(X, Y)
    np.testing.assert_allclose(model.citation_radius_, [1, 1, 4])
    # Nearest to the first, which cites it, as the second does.
    np.testing.assert_array_equal(counts_of(model, [[0.0]]), [[2, 1]])
    # Nearest to the second, which is too far from it; the third cites it.
    np.testing.assert_array_equal(counts_of(model, [[2.5]]), [[1, 2]])


def test_of_equal_bags_the_first_are_references():
    X = np.repeat([[0.0, 1.0], [3.0, 1.0]], 5, axis=0)
    Y = np.eye(10, dtype=int)
    model = MIMLkNN(2, n_citers=1).fit(X, Y)
    counts = counts_of(model, [[0.1, 1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(counts.nonzero()[1], [0, 1, 5, 6])
    # The same wherever they are, and however distances are rounded.
    shifted = MIMLkNN(2, n_citers=1).fit(X / 3 + 100, Y)
    found = counts_of(shifted, np.array([[0.1, 1.0], [2.0, 1.0]]) / 3 + 100)
    np.testing.assert_array_equal(found, counts)


def test_labels_of_other_bags_are_found():
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = MIMLkNN().fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.8


@pytest.mark.parametrize(
    "option",
    [{"n_references": 3}, {"n_citers": 5}, {"fit_intercept": True}, {"metric": "max"}],
    ids=str,
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    plain = MIMLkNN().fit(bags, Y).decision_function(bags)
    other = MIMLkNN(**option).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 3 == 0)[:, None]
    without = MIMLkNN(fit_intercept=True).fit(bags, Y).predict(bags)
    with_it = MIMLkNN(fit_intercept=True, top_label=True).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_a_single_label_is_read_as_two():
    bags, Y = make_bags()
    two = MIMLkNN().fit(bags, np.column_stack([Y[:, 0], 1 - Y[:, 0]]))
    expected = two.decision_function(bags)[:, 0]
    for y in (sparse.csr_array(Y[:, :1]), Y[:, 0]):
        model = MIMLkNN().fit(bags, y)
        np.testing.assert_allclose(model.decision_function(bags).ravel(), expected)
        np.testing.assert_allclose(model.coef_[0], two.coef_[0])
    assert (model.predict(bags) == Y[:, 0]).mean() > 0.8


# Cases at the edge --------------------------------------------------------------------------


def test_a_label_that_never_or_always_holds_has_a_constant_score():
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    for intercept in (False, True):
        model = MIMLkNN(fit_intercept=intercept).fit(bags, Y)
        scores = model.decision_function(bags)
        np.testing.assert_allclose(scores[:, 0], -np.log(61))
        np.testing.assert_allclose(scores[:, 1], np.log(61))
        assert np.ptp(scores[:, 2]) > 0.5


def test_a_bag_whose_neighbors_have_no_labels_has_the_prior_scores():
    bags, Y = make_bags()
    far = [bag + 100 for bag in bags]
    Y = np.concatenate([Y, np.zeros_like(Y)])
    model = MIMLkNN().fit(bags + far, Y)
    expected = prior_scores(Y, np.ones(120))
    scores = model.decision_function(far)
    np.testing.assert_allclose(scores, np.tile(expected, (60, 1)))
    np.testing.assert_allclose(model.prior_scores_, expected)


@pytest.mark.parametrize("metric", ["average", "precomputed"])
def test_a_single_bag_and_equal_bags_are_no_trouble(metric):
    for n_bags in (1, 2, 10):
        Y = np.arange(n_bags)[:, None] % [2, 3] == 0
        X = np.zeros((n_bags, n_bags)) if metric == "precomputed" else np.ones((n_bags, 2))
        scores = MIMLkNN(metric=metric).fit(X, Y).decision_function(X)
        assert np.isfinite(scores).all()


def test_labels_that_go_together_share_their_coefficients():
    bags, Y = make_bags()
    weight = np.random.default_rng(0).random(60)
    single = MIMLkNN().fit(bags, Y, weight)
    double = MIMLkNN().fit(bags, np.column_stack([Y, Y]), weight)
    np.testing.assert_allclose(double.coef_[:, :3], double.coef_[:, 3:], atol=1e-9)
    np.testing.assert_allclose(double.coef_[:3, :3], single.coef_ / 2, atol=1e-9)


@pytest.mark.parametrize("metric", ["average", "precomputed"])
def test_a_bag_of_weight_zero_is_as_if_it_were_not_there(metric):
    bags, Y = make_bags()
    weight = np.random.default_rng(0).integers(0, 3, size=60)
    kept = np.flatnonzero(weight)
    X = bag_distances(bags, metric="average") if metric == "precomputed" else Bags(bags)
    model = MIMLkNN(metric=metric).fit(X, Y, weight)
    rows = np.ix_(kept, kept) if metric == "precomputed" else kept
    without = MIMLkNN(metric=metric).fit(X[rows], Y[kept], weight[kept])
    new = X[:, kept] if metric == "precomputed" else X
    np.testing.assert_allclose(model.decision_function(X), without.decision_function(new))


# Computing ----------------------------------------------------------------------------------


def test_threads_and_blocks_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = MIMLkNN().fit(bags, Y).decision_function(bags)
    with config_context(working_memory=0.01):
        threaded = MIMLkNN(n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial)


def test_bags_are_found_whatever_else_is_asked_for():
    bags, Y = make_bags()
    model = MIMLkNN().fit(bags, Y)
    together = model.decision_function(bags)
    alone = np.vstack([model.decision_function([bag]) for bag in bags])
    np.testing.assert_allclose(alone, together)


def test_given_distances_are_the_same_in_a_search():
    bags, Y = make_bags(40)
    grid = {"mimlknn__n_references": [1, 4], "mimlknn__n_citers": [0, 3, 6]}
    options = {"cv": 2, "scoring": "average_precision", "error_score": "raise"}
    scaled = BagScaler().fit_transform(bags)
    search = GridSearchCV(make_pipeline(MIMLkNN()), grid, **options).fit(scaled, Y)
    of_bags = search.cv_results_["mean_test_score"]
    assert len(set(of_bags)) > 3
    given = make_pipeline(MIMLkNN(metric="precomputed"))
    search = GridSearchCV(given, grid, **options)
    search.fit(bag_distances(scaled, metric="average"), Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)
    pipeline = make_pipeline(BagDistances("average"), *[step for _, step in given.steps])
    search = GridSearchCV(pipeline, grid, **options).fit(scaled, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)
