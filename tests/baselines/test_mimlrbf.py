"""MIMLRBF against NumPy's least squares on distances written as loops."""

from math import ceil

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.medoids import k_medoids
from skmlc.baselines.mimlrbf import MIMLRBF
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
    [MIMLRBF(), MIMLRBF(metric="precomputed")], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def hausdorff(A, B, metric):
    between = np.sqrt(((A[:, None] - B) ** 2).sum(axis=2))
    nearest = np.concatenate([between.min(axis=1), between.min(axis=0)])
    parts = {"average": nearest.mean(), "max": nearest.max(), "min": nearest.min()}
    return parts[metric] if metric in parts else sum(parts.values()) / 3


def network_by_loop(bags, Y, others, weight, ratio, factor, metric, seed):
    """Return the medoids of all labels, the bandwidth and the scores of other bags."""
    rng = np.random.RandomState(seed)
    distances = np.zeros((len(bags), len(bags)))
    for i, A in enumerate(bags):
        for j in range(i):
            distances[i, j] = distances[j, i] = hausdorff(A, bags[j], metric)
    medoids = []
    for j in range(Y.shape[1]):
        rows = [i for i in range(len(bags)) if Y[i, j] == 1]
        within = distances[rows][:, rows]
        chosen, _ = k_medoids(within, ceil(ratio * len(rows)), random_state=rng)
        medoids += [rows[i] for i in chosen]
    pairs = [distances[a, b] for i, a in enumerate(medoids) for b in medoids[:i]]
    bandwidth = factor * np.mean(pairs)

    def features(some):
        between = np.array([[hausdorff(A, bags[i], metric) for i in medoids] for A in some])
        return np.column_stack(
            [np.ones(len(some)), np.exp(-(between**2) / (2 * bandwidth**2))]
        )

    root = np.sqrt(weight)[:, None]
    targets = np.where(Y == 1, 1.0, -1.0)
    coef = np.linalg.lstsq(root * features(bags), root * targets, rcond=None)[0]
    return medoids, bandwidth, features(others) @ coef


# The method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["average", "max", "min", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_least_squares_on_functions_around_medoids(metric, weighted):
    bags, Y = make_bags()
    weight = np.random.default_rng(0).random(40) if weighted else None
    model = MIMLRBF(0.3, bandwidth_factor=0.5, metric=metric, random_state=0)
    model.fit(bags[:40], Y[:40], sample_weight=weight)
    medoids, bandwidth, scores = network_by_loop(
        bags[:40],
        Y[:40],
        bags[40:],
        weight if weighted else np.ones(40),
        ratio=0.3,
        factor=0.5,
        metric=metric,
        seed=0,
    )
    assert len(set(medoids)) < len(medoids)  # some bag is a medoid of several labels
    np.testing.assert_array_equal(model.medoid_indices_, sorted(set(medoids)))
    assert model.medoids_ == Bags([bags[i] for i in sorted(set(medoids))])
    assert model.bandwidth_ == pytest.approx(bandwidth)
    found = model.decision_function(bags[40:])
    np.testing.assert_allclose(found, scores, atol=1e-7)


def test_labels_of_other_bags_are_found():
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = MIMLRBF(random_state=0).fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.85


def test_a_bag_far_from_all_medoids_has_the_intercepts_as_scores():
    model = MIMLRBF(random_state=0).fit(*make_bags())
    np.testing.assert_array_equal(
        model.decision_function([np.full((1, 3), 1e6)])[0], model.intercept_
    )


def test_the_unit_of_the_features_does_not_matter():
    bags, Y = make_bags()
    for ratio in (0.1, 1e-6):
        expected = MIMLRBF(ratio, random_state=0).fit(bags, Y).decision_function(bags)
        longer = [1000 * bag for bag in bags]
        found = MIMLRBF(ratio, random_state=0).fit(longer, Y).decision_function(longer)
        np.testing.assert_allclose(found, expected, atol=1e-6)


# Parameters ---------------------------------------------------------------------------------


def test_medoid_ratio_is_the_share_of_medoids_of_each_label():
    bags, Y = make_bags(60)
    Y = np.eye(3, dtype=int)[[0] * 31 + [1] * 20 + [2] * 9]
    for ratio, counts in [(1e-6, [1, 1, 1]), (0.1, [4, 2, 1]), (1.0, [31, 20, 9])]:
        model = MIMLRBF(ratio, random_state=0).fit(bags, Y)
        np.testing.assert_array_equal(Y[model.medoid_indices_].sum(axis=0), counts)


def test_bandwidth_factor_is_in_units_of_the_mean_distance_of_medoids():
    bags, Y = make_bags()
    model = MIMLRBF(bandwidth_factor=2.0, random_state=0).fit(bags, Y[:, 0])
    distances = bag_distances(model.medoids_, metric="average")
    pairs = np.triu_indices(len(distances), 1)
    assert model.bandwidth_ == pytest.approx(2 * distances[pairs].mean())


@pytest.mark.parametrize(
    "option",
    [{"bandwidth_factor": 0.3}, {"metric": "max"}, {"random_state": 1}],
    ids=str,
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    plain = MIMLRBF(**{"random_state": 0}).fit(bags, Y).decision_function(bags)
    other = MIMLRBF(**{"random_state": 0, **option}).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    with_it = MIMLRBF(top_label=True, random_state=0).fit(bags, Y).predict(bags)
    without = MIMLRBF(random_state=0).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_threads_and_blocks_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = MIMLRBF(random_state=0).fit(bags, Y).decision_function(bags)
    with config_context(working_memory=0.01):
        threaded = MIMLRBF(random_state=0, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-6, atol=1e-9)


def test_given_distances_are_the_same_in_a_search():
    bags, Y = make_bags(40)
    bags = BagScaler().fit_transform(bags)
    grid = {"mimlrbf__bandwidth_factor": [0.3, 1], "mimlrbf__medoid_ratio": [0.1, 0.4]}
    options = {"cv": 2, "scoring": "average_precision", "error_score": "raise"}
    search = GridSearchCV(make_pipeline(MIMLRBF(random_state=0)), grid, **options)
    expected = search.fit(bags, Y).cv_results_["mean_test_score"]
    assert len(set(expected)) == 4
    model = MIMLRBF(metric="precomputed", random_state=0)
    search = GridSearchCV(make_pipeline(model), grid, **options)
    search.fit(bag_distances(bags, metric="average"), Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], expected)


# Where there is little to learn from --------------------------------------------------------


def test_a_label_that_never_or_always_holds_has_a_constant_score():
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    scores = MIMLRBF(random_state=0).fit(bags, Y).decision_function(bags)
    np.testing.assert_array_equal(scores[:, 0], -1)
    np.testing.assert_array_equal(scores[:, 1], 1)
    assert np.ptp(scores[:, 2]) > 0.5


def test_a_label_that_never_holds_has_no_medoids():
    bags, Y = make_bags()
    some = MIMLRBF(random_state=0).fit(bags, Y[:, [1, 2]])
    with_it = MIMLRBF(random_state=0).fit(bags, Y * [0, 1, 1])
    np.testing.assert_array_equal(with_it.medoid_indices_, some.medoid_indices_)
    np.testing.assert_allclose(with_it.coef_[:, 1:], some.coef_, atol=1e-10)


def test_where_no_label_ever_holds_none_is_predicted():
    bags, Y = make_bags()
    model = MIMLRBF(random_state=0).fit(bags, 0 * Y)
    np.testing.assert_array_equal(model.decision_function(bags), np.full(Y.shape, -1.0))


def test_a_label_that_holds_only_where_weights_are_zero_is_constant():
    bags, Y = make_bags()
    weight = (Y[:, 0] == 0).astype(float)
    model = MIMLRBF(random_state=0).fit(bags, Y, sample_weight=weight)
    np.testing.assert_array_equal(model.decision_function(bags)[:, 0], -1)


def test_a_single_medoid_has_a_bandwidth():
    bags, Y = make_bags()
    model = MIMLRBF(1e-6, bandwidth_factor=2.0, random_state=0).fit(bags, Y[:, 0])
    distances = bag_distances(bags, model.medoids_, metric="average")
    assert model.bandwidth_ == pytest.approx(2 * distances.mean())
    assert np.ptp(model.decision_function(bags)) > 0.1


@pytest.mark.parametrize("n_bags", [1, 10])
def test_of_equal_bags_the_scores_say_how_often_a_label_holds(n_bags):
    Y = np.arange(n_bags)[:, None] % [2, 3] == 0
    model = MIMLRBF(random_state=0).fit([np.ones((2, 2))] * n_bags, Y)
    assert model.bandwidth_ == 1
    scores = model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])
    np.testing.assert_allclose(scores, np.tile(2 * Y.mean(axis=0) - 1, (2, 1)))


def test_the_last_digits_of_distances_do_not_decide():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(200, 1))  # on a line: far more functions than are independent
    Y = np.column_stack([np.sin(3 * points) > 0, points > 0]).astype(int)
    distances = np.abs(points - points.T)
    noise = 1 + 1e-13 * rng.normal(size=distances.shape)
    model = MIMLRBF(0.5, metric="precomputed", random_state=0).fit(distances, Y)
    scores = model.decision_function(distances)
    assert ((scores > 0) == Y).mean() > 0.9
    np.testing.assert_allclose(
        model.decision_function(distances * noise), scores, atol=1e-5
    )
