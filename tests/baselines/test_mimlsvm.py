"""MIMLSVM against scikit-learn's SVC on distances written as loops."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.medoids import k_medoids
from skmlc.baselines.mimlsvm import MIMLSVM
from skmlc.inputs import Bags
from skmlc.inputs.transformers.bags import BagScaler
from skmlc.inputs.transformers.distances import BagDistances, bag_distances
from tests.baselines.planted_bags import make_bags

REPEATED = "repeating bags changes the number of medoids and their choice"
NO_DISTANCES = "scikit-learn's check passes numbers below zero as distances"


def expected_failures(estimator):
    if estimator.metric == "precomputed":
        return {"check_decision_proba_consistency": NO_DISTANCES}
    return {"check_sample_weight_equivalence_on_dense_data": REPEATED}


@parametrize_with_checks(
    [MIMLSVM(), MIMLSVM(metric="precomputed")], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def max_hausdorff_by_loop(X, Y):
    def directed(A, B):
        return max(min(np.sqrt(((a - b) ** 2).sum()) for b in B) for a in A)

    return np.array([[max(directed(A, B), directed(B, A)) for B in Y] for A in X])


# The method ---------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", ["scale", 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_a_svc_per_label_on_distances_to_medoids(gamma, weighted):
    bags, Y = make_bags()
    weight = np.random.default_rng(0).random(60) if weighted else None
    model = MIMLSVM(0.25, C=2.0, gamma=gamma, random_state=0)
    model.fit(bags[:50], Y[:50], sample_weight=None if weight is None else weight[:50])
    rows = model.medoid_indices_
    assert len(set(rows)) == 12  # a quarter of 50, rounded down
    assert model.medoids_ == Bags([bags[i] for i in rows])
    features = max_hausdorff_by_loop(bags, [bags[i] for i in rows])
    for j in range(3):
        machine = SVC(C=2.0, gamma=gamma, tol=1e-3)
        machine.fit(features[:50], Y[:50, j], None if weight is None else weight[:50])
        expected = machine.decision_function(features)
        found = model.decision_function(bags)[:, j]
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_medoids_are_those_of_k_medoids():
    bags, Y = make_bags()
    for metric in ("max", "average", "min", "mean"):
        model = MIMLSVM(0.1, metric=metric, random_state=3).fit(bags, Y)
        distances = bag_distances(bags, metric=metric)
        expected, _ = k_medoids(distances, 6, random_state=3)
        np.testing.assert_array_equal(model.medoid_indices_, expected)


def test_labels_of_other_bags_are_found():
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = MIMLSVM(random_state=0).fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.85


@pytest.mark.parametrize("ratio, n_medoids", [(1e-6, 1), (0.5, 30), (1.0, 60)])
def test_medoid_ratio_is_the_share_of_medoids(ratio, n_medoids):
    model = MIMLSVM(ratio, random_state=0).fit(*make_bags())
    assert len(model.medoids_) == n_medoids
    assert model.support_vectors_.shape[1] == n_medoids


@pytest.mark.parametrize(
    "option",
    [{"C": 0.1}, {"gamma": 1.0}, {"metric": "average"}, {"random_state": 1}],
    ids=str,
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    plain = MIMLSVM(**{"random_state": 0}).fit(bags, Y).decision_function(bags)
    other = MIMLSVM(**{"random_state": 0, **option}).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    with_it = MIMLSVM(C=0.1, random_state=0).fit(bags, Y).predict(bags)
    without = MIMLSVM(C=0.1, top_label=False, random_state=0).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_a_label_that_never_or_always_holds_has_a_constant_score():
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    model = MIMLSVM(random_state=0).fit(bags, Y)
    scores = model.decision_function(bags)
    np.testing.assert_allclose(scores[:, 0], -np.log(61))
    np.testing.assert_allclose(scores[:, 1], np.log(61))
    assert np.ptp(scores[:, 2]) > 0.5
    all_constant = MIMLSVM(random_state=0).fit(bags, Y[:, :2])
    np.testing.assert_allclose(all_constant.decision_function(bags), scores[:, :2])


def test_a_label_that_holds_only_where_weights_are_zero_is_constant():
    bags, Y = make_bags()
    weight = (Y[:, 0] == 0).astype(float)
    model = MIMLSVM(random_state=0).fit(bags, Y, sample_weight=weight)
    expected = -np.log(weight.sum() + 1)
    np.testing.assert_allclose(model.decision_function(bags)[:, 0], expected)


def test_equal_bags_are_no_trouble():
    Y = np.arange(10)[:, None] % [2, 3] == 0
    model = MIMLSVM(random_state=0).fit([np.ones((2, 2))] * 10, Y)
    assert np.isfinite(model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])).all()


# Computing ----------------------------------------------------------------------------------


def test_threads_and_blocks_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = MIMLSVM(random_state=0).fit(bags, Y).decision_function(bags)
    with config_context(working_memory=0.01):
        threaded = MIMLSVM(random_state=0, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-6, atol=1e-9)


def test_only_support_vectors_and_medoids_are_kept():
    bags, Y = make_bags(200)
    model = MIMLSVM(0.05, C=1000.0, random_state=0).fit(bags, Y)
    n_support = len(model.support_vectors_)
    assert n_support < 200
    assert model.dual_coef_.shape == (n_support, 3)
    assert len(model.medoids_) == 10


# In scikit-learn ----------------------------------------------------------------------------


def as_object_array(bags):
    array = np.empty(len(bags), dtype=object)
    array[:] = bags
    return array


@pytest.mark.parametrize("form", [list, Bags, as_object_array, pd.Series])
def test_it_is_validated_and_searched_in_a_pipeline(form):
    bags, Y = make_bags(40)
    X = form(bags)
    model = make_pipeline(BagScaler(), MIMLSVM(random_state=0))
    scores = cross_validate(model, X, Y, cv=2, scoring="f1_macro", error_score="raise")
    assert scores["test_score"].mean() > 0.5
    grid = {"bagscaler__scaler": ["standard", "minmax"], "mimlsvm__C": [0.1, 10]}
    search = GridSearchCV(model, grid, cv=2, scoring="f1_macro", error_score="raise")
    search.fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) > 2
    assert search.predict(X).shape == Y.shape


def test_given_distances_are_the_same_in_a_pipeline_and_a_search():
    bags, Y = make_bags(40)
    grid = {"mimlsvm__C": [0.1, 1, 10], "mimlsvm__medoid_ratio": [0.1, 0.3]}
    options = {"cv": 2, "scoring": "average_precision", "error_score": "raise"}
    search = GridSearchCV(make_pipeline(MIMLSVM(random_state=0)), grid, **options)
    of_bags = search.fit(bags, Y).cv_results_["mean_test_score"]
    given = make_pipeline(MIMLSVM(metric="precomputed", random_state=0))
    distances = bag_distances(bags)
    search = GridSearchCV(given, grid, **options).fit(distances, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)
    pipeline = make_pipeline(BagDistances(), *[step for _, step in given.steps])
    search = GridSearchCV(pipeline, grid, **options).fit(bags, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)
