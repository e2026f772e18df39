"""MIMLNN against the normal equations on distances written as loops."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.medoids import k_medoids
from skmlc.baselines.mimlnn import MIMLNN
from skmlc.inputs import Bags
from skmlc.inputs.transformers.bags import BagScaler
from skmlc.inputs.transformers.distances import bag_distances
from tests.baselines.planted_bags import make_bags

REPEATED = "repeating bags changes the number of medoids and their choice"
NO_DISTANCES = "scikit-learn's check passes numbers below zero as distances"


def expected_failures(estimator):
    if estimator.metric == "precomputed":
        return {"check_decision_proba_consistency": NO_DISTANCES}
    return {"check_sample_weight_equivalence_on_dense_data": REPEATED}


@parametrize_with_checks(
    [MIMLNN(), MIMLNN(metric="precomputed")], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def max_hausdorff_by_loop(X, Y):
    def directed(A, B):
        return max(min(np.sqrt(((a - b) ** 2).sum()) for b in B) for a in A)

    return np.array([[max(directed(A, B), directed(B, A)) for B in Y] for A in X])


def ridge_by_loop(features, targets, weight, alpha):
    """Return the coefficients of a weighted ridge regression without intercept."""
    n_features = features.shape[1]
    left, right = alpha * np.eye(n_features), np.zeros((n_features, targets.shape[1]))
    for row, target, w in zip(features, targets, weight):
        left += w * np.outer(row, row)
        right += w * np.outer(row, target)
    return np.linalg.solve(left, right)


# The method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, 30.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_the_normal_equations_on_distances_to_medoids(alpha, weighted):
    bags, Y = make_bags()
    weight = np.random.default_rng(0).random(50) if weighted else None
    model = MIMLNN(0.25, alpha=alpha, random_state=0)
    model.fit(bags[:50], Y[:50], sample_weight=weight)
    rows = model.medoid_indices_
    assert len(set(rows)) == 12  # a quarter of 50, rounded down
    assert model.medoids_ == Bags([bags[i] for i in rows])
    features = max_hausdorff_by_loop(bags, [bags[i] for i in rows])
    targets = np.where(Y[:50] == 1, 1.0, -1.0)
    coef = ridge_by_loop(features[:50], targets, weight if weighted else np.ones(50), alpha)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-6)
    np.testing.assert_allclose(model.decision_function(bags), features @ coef, atol=1e-8)


def test_the_medoids_are_those_of_k_medoids():
    bags, Y = make_bags()
    for metric in ("max", "average", "min", "mean"):
        model = MIMLNN(0.1, metric=metric, random_state=3).fit(bags, Y)
        expected, _ = k_medoids(bag_distances(bags, metric=metric), 6, random_state=3)
        np.testing.assert_array_equal(model.medoid_indices_, expected)


def test_labels_of_other_bags_are_found():
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = MIMLNN(random_state=0).fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.85


def test_a_label_does_not_depend_on_the_others():
    bags, Y = make_bags()
    together = MIMLNN(random_state=0).fit(bags, Y).decision_function(bags)
    for j in range(3):
        alone = MIMLNN(random_state=0).fit(bags, Y[:, j]).decision_function(bags)
        np.testing.assert_allclose(alone, together[:, j], atol=1e-10)


# Parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio, n_medoids", [(1e-6, 1), (0.4, 24), (1.0, 60)])
def test_medoid_ratio_is_the_share_of_medoids(ratio, n_medoids):
    model = MIMLNN(ratio, random_state=0).fit(*make_bags())
    assert len(model.medoids_) == n_medoids
    assert model.coef_.shape == (n_medoids, 3)


def test_alpha_makes_coefficients_smaller():
    bags, Y = make_bags()
    sizes = [
        np.square(MIMLNN(alpha=alpha, random_state=0).fit(bags, Y).coef_).sum()
        for alpha in (0.1, 1.0, 10.0, 1e9)
    ]
    assert sizes[0] > sizes[1] > sizes[2] > sizes[3]
    assert sizes[3] < 1e-8


@pytest.mark.parametrize(
    "option", [{"alpha": 10.0}, {"metric": "average"}, {"random_state": 1}], ids=str
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    plain = MIMLNN(**{"random_state": 0}).fit(bags, Y).decision_function(bags)
    other = MIMLNN(**{"random_state": 0, **option}).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    with_it = MIMLNN(top_label=True, random_state=0).fit(bags, Y).predict(bags)
    without = MIMLNN(random_state=0).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_threads_and_blocks_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = MIMLNN(random_state=0).fit(bags, Y).decision_function(bags)
    with config_context(working_memory=0.01):
        threaded = MIMLNN(random_state=0, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-6, atol=1e-9)


def test_given_distances_are_the_same_in_a_search():
    bags, Y = make_bags(40)
    grid = {"mimlnn__alpha": [0.1, 10], "mimlnn__medoid_ratio": [0.1, 0.4]}
    options = {"cv": 2, "scoring": "average_precision", "error_score": "raise"}
    search = GridSearchCV(
        make_pipeline(BagScaler(), MIMLNN(random_state=0)), grid, **options
    )
    of_bags = search.fit(BagScaler().fit_transform(bags), Y)
    assert len(set(of_bags.cv_results_["mean_test_score"])) == 4
    search = GridSearchCV(make_pipeline(MIMLNN(random_state=0)), grid, **options)
    expected = search.fit(bags, Y).cv_results_["mean_test_score"]
    model = MIMLNN(metric="precomputed", random_state=0)
    search = GridSearchCV(make_pipeline(model), grid, **options)
    found = search.fit(bag_distances(bags), Y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(found, expected)


# Where there is little to learn from --------------------------------------------------------


def test_a_label_that_never_or_always_holds_has_a_constant_score():
    bags, Y = make_bags()
    plain = MIMLNN(random_state=0).fit(bags, Y).decision_function(bags)
    Y[:, 0], Y[:, 1] = 0, 1
    model = MIMLNN(random_state=0).fit(bags, Y)
    scores = model.decision_function(bags)
    np.testing.assert_allclose(scores[:, 0], -np.log(61))
    np.testing.assert_allclose(scores[:, 1], np.log(61))
    np.testing.assert_allclose(scores[:, 2], plain[:, 2], atol=1e-10)
    all_constant = MIMLNN(random_state=0).fit(bags, Y[:, :2])
    np.testing.assert_allclose(all_constant.decision_function(bags), scores[:, :2])


def test_a_label_that_holds_only_where_weights_are_zero_is_constant():
    bags, Y = make_bags()
    weight = (Y[:, 0] == 0).astype(float)
    model = MIMLNN(random_state=0).fit(bags, Y, sample_weight=weight)
    expected = -np.log(weight.sum() + 1)
    np.testing.assert_allclose(model.decision_function(bags)[:, 0], expected)


@pytest.mark.parametrize("n_bags", [1, 10])
def test_equal_bags_are_no_trouble(n_bags):
    Y = np.arange(n_bags)[:, None] % [2, 3] == 0
    model = MIMLNN(random_state=0).fit([np.ones((2, 2))] * n_bags, Y)
    assert np.isfinite(model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])).all()


def test_repeated_bags_are_no_trouble_even_without_penalty():
    bags, Y = make_bags(20)
    model = MIMLNN(1.0, alpha=1e-12, random_state=0)
    with warnings.catch_warnings():
        # Tells the user that the penalty is too small to matter.
        warnings.simplefilter("ignore")
        model.fit(bags * 2, np.tile(Y, (2, 1)))
    scores = model.decision_function(bags)
    assert ((scores > 0) == Y).all()
    assert np.abs(scores).max() < 1.1
