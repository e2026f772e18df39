"""EnMIMLNN against MIMLRBF, one for each distance that it combines."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.enmimlnn import EnMIMLNN
from skmlc.baselines.mimlrbf import MIMLRBF
from skmlc.inputs import Bags
from skmlc.inputs.transformers.bags import BagScaler
from skmlc.inputs.transformers.distances import bag_distances
from tests.baselines.planted_bags import make_bags

WAYS = ["metric", "scores", "votes"]
REPEATED = "repeating bags changes the number of medoids and their choice"


def expected_failures(estimator):
    return {"check_sample_weight_equivalence_on_dense_data": REPEATED}


@parametrize_with_checks(
    [EnMIMLNN(), EnMIMLNN(combine="scores"), EnMIMLNN(combine="votes")],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def networks_of_three_distances(bags, Y, weight=None, **options):
    # Each goes on with the random numbers where the one before it stopped.
    rng = np.random.RandomState(0)
    return [
        MIMLRBF(metric=metric, random_state=rng, **options).fit(bags, Y, weight)
        for metric in ("average", "max", "min")
    ]


# The method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_with_combined_distances_it_is_a_network_of_their_mean(weighted):
    (bags, Y), (others, _) = make_bags(), make_bags(20, seed=1)
    weight = np.random.default_rng(0).random(60) if weighted else None
    model = EnMIMLNN(0.2, random_state=0).fit(bags, Y, weight)
    distances = bag_distances(bags, metric=["average", "max", "min"]).mean(axis=0)
    network = MIMLRBF(0.2, bandwidth_factor=0.8, metric="precomputed", random_state=0)
    network.fit(distances, Y, weight)
    np.testing.assert_array_equal(model.medoid_indices_, network.medoid_indices_)
    assert model.medoids_ == Bags([bags[i] for i in model.medoid_indices_])
    np.testing.assert_allclose(model.bandwidth_, [network.bandwidth_])
    distances = bag_distances(others, bags, metric=["average", "max", "min"]).mean(axis=0)
    expected = network.decision_function(distances)
    np.testing.assert_allclose(model.decision_function(others), expected, atol=1e-7)


@pytest.mark.parametrize("combine", ["scores", "votes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_three_networks_are_combined(combine, weighted):
    (bags, Y), (others, _) = make_bags(), make_bags(40, seed=1)
    weight = np.random.default_rng(0).random(60) if weighted else None
    model = EnMIMLNN(0.2, combine=combine, random_state=0).fit(bags, Y, weight)
    options = {"medoid_ratio": 0.2, "bandwidth_factor": 0.8}
    networks = networks_of_three_distances(bags, Y, weight, **options)
    parts = np.array([network.decision_function(others) for network in networks])
    if combine == "votes":
        parts = np.where(parts >= 0, 1, -1)
    np.testing.assert_allclose(
        model.decision_function(others), parts.mean(axis=0), atol=1e-7
    )


def test_the_majority_decides_the_vote():
    (bags, Y), (others, _) = make_bags(), make_bags(200, seed=1)
    model = EnMIMLNN(combine="votes", random_state=0).fit(bags, Y)
    networks = networks_of_three_distances(bags, Y, bandwidth_factor=0.8)
    votes = sum(network.predict(others) for network in networks)
    assert set(votes.ravel()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(model.predict(others), votes >= 2)
    np.testing.assert_allclose(model.decision_function(others), votes * 2 / 3 - 1)


def test_coefficients_are_zero_where_a_bag_is_no_medoid_of_the_network():
    bags, Y = make_bags()
    model = EnMIMLNN(combine="scores", random_state=0).fit(bags, Y)
    networks = networks_of_three_distances(bags, Y, bandwidth_factor=0.8)
    assert model.coef_.shape == (3, len(model.medoids_), 3)
    for coef, network in zip(model.coef_, networks):
        is_medoid = np.isin(model.medoid_indices_, network.medoid_indices_)
        assert not is_medoid.all()
        assert (coef[~is_medoid] == 0).all()
        np.testing.assert_allclose(coef[is_medoid], network.coef_, atol=1e-7)


@pytest.mark.parametrize("combine", WAYS)
def test_labels_of_other_bags_are_found(combine):
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = EnMIMLNN(combine=combine, random_state=0).fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.85


# Parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [{"medoid_ratio": 0.5}, {"bandwidth_factor": 0.4}, {"random_state": 1}],
    ids=str,
)
@pytest.mark.parametrize("combine", ["metric", "scores"])
def test_a_parameter_changes_the_scores(combine, option):
    bags, Y = make_bags()
    options = {"combine": combine, "random_state": 0}
    plain = EnMIMLNN(**options).fit(bags, Y).decision_function(bags)
    other = EnMIMLNN(**{**options, **option}).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    with_it = EnMIMLNN(top_label=True, random_state=0).fit(bags, Y).predict(bags)
    without = EnMIMLNN(random_state=0).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


@pytest.mark.parametrize("combine", WAYS)
def test_threads_and_blocks_do_not_change_the_scores(combine):
    bags, Y = make_bags()
    options = {"combine": combine, "random_state": 0}
    serial = EnMIMLNN(**options).fit(bags, Y).decision_function(bags)
    with config_context(working_memory=0.01):
        threaded = EnMIMLNN(**options, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-6, atol=1e-9)


def test_it_is_searched_in_a_pipeline():
    bags, Y = make_bags(40)
    grid = {"enmimlnn__combine": WAYS, "enmimlnn__bandwidth_factor": [0.4, 0.8]}
    model = make_pipeline(BagScaler(), EnMIMLNN(random_state=0))
    search = GridSearchCV(
        model, grid, cv=2, scoring="average_precision", error_score="raise"
    )
    search.fit(bags, Y)
    assert len(set(search.cv_results_["mean_test_score"])) == 6


# Where there is little to learn from --------------------------------------------------------


@pytest.mark.parametrize("combine", WAYS)
def test_a_label_that_never_or_always_holds_has_a_constant_score(combine):
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    model = EnMIMLNN(combine=combine, random_state=0).fit(bags, Y)
    scores = model.decision_function(bags)
    np.testing.assert_array_equal(scores[:, 0], -1)
    np.testing.assert_array_equal(scores[:, 1], 1)
    assert np.ptp(scores[:, 2]) > 0.5
    none = EnMIMLNN(combine=combine, random_state=0).fit(bags, 0 * Y)
    np.testing.assert_array_equal(none.decision_function(bags), np.full(Y.shape, -1.0))


@pytest.mark.parametrize("combine", WAYS)
@pytest.mark.parametrize("n_bags", [1, 10])
def test_of_equal_bags_the_scores_say_how_often_a_label_holds(combine, n_bags):
    Y = np.arange(n_bags)[:, None] % [2, 3] == 0
    model = EnMIMLNN(combine=combine, random_state=0).fit([np.ones((2, 2))] * n_bags, Y)
    expected = 2 * Y.mean(axis=0) - 1
    if combine == "votes":
        expected = np.where(expected >= 0, 1, -1)
    scores = model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])
    np.testing.assert_allclose(scores, np.tile(expected, (2, 1)))
