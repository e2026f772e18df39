"""KISAR against scikit-learn's LinearSVC, SciPy's minimizer and loops."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.cluster import MiniBatchKMeans
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines import kisar
from skmlc.baselines.kisar import KISAR
from skmlc.baselines.shared_prototypes import (
    relate_labels,
    shared_penalty,
    shared_scales,
)
from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph
from skmlc.inputs import Bags
from skmlc.inputs.transformers.bags import BagScaler

REPEATED = "repeating bags changes the number of prototypes and the course of k-means"


@parametrize_with_checks(
    [KISAR()],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": REPEATED
    },
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def make_bags(n_bags=60, seed=0):
    """Make bags of which a label holds where an instance is near the label's center.

    The second label often comes with the first.
    """
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, size=(n_bags, 3))
    Y[:, 1] = np.where(rng.random(n_bags) < 0.6, Y[:, 0], Y[:, 1])
    bags = []
    for row in Y:
        instances = [rng.normal(size=(rng.integers(1, 4), 3))]
        instances += [
            4 * np.eye(3)[[j]] + rng.normal(size=(1, 3)) for j in row.nonzero()[0]
        ]
        bags.append(np.concatenate(instances))
    return bags, Y


def features_by_loop(bags, model):
    def nearness(instance, prototype):
        return np.exp(-((instance - prototype) ** 2).sum() / (2 * model.bandwidth_**2))

    return np.array(
        [[max(nearness(x, c) for x in bag) for c in model.prototypes_] for bag in bags]
    )


def penalty_by_loop(coef, related):
    total, n_labels = 0.0, len(related)
    for j in range(n_labels):
        if not related[j].any():
            total += sum(w**2 for w in coef[:, j]) / 2
        for k in range(j):
            if related[j, k]:
                lengths = [np.sqrt(u**2 + v**2) for u, v in coef[:, [j, k]]]
                total += sum(lengths) ** 2 / (2 * len(coef))
    return total


def objective_by_loop(model, features, Y, C):
    loss = 0.0
    for phi, row in zip(features, Y):
        for j in range(Y.shape[1]):
            score = sum(phi * model.coef_[:, j]) + model.intercept_[j]
            loss += max(0, 1 - (2 * row[j] - 1) * score) ** 2
    return penalty_by_loop(model.coef_, model.adjacency_) + C * loss


# Prototypes ---------------------------------------------------------------------------------


def test_prototypes_are_those_of_k_means_on_all_instances():
    bags, Y = make_bags()
    model = KISAR(7, random_state=3).fit(bags, Y)
    clusters = MiniBatchKMeans(7, n_init=1, random_state=np.random.RandomState(3))
    clusters.fit(np.concatenate(bags))
    np.testing.assert_allclose(model.prototypes_, clusters.cluster_centers_)


def test_bandwidth_is_a_share_of_the_root_mean_square_distance_to_the_prototypes():
    bags, Y = make_bags()
    model = KISAR(7, bandwidth_factor=0.3, random_state=0).fit(bags, Y)
    squared = [((x - c) ** 2).sum() for bag in bags for x in bag for c in model.prototypes_]
    assert model.bandwidth_ == pytest.approx(0.3 * np.sqrt(np.mean(squared)))


@pytest.mark.parametrize(
    "n_prototypes, n_instances, expected",
    [("auto", 43, 10), ("auto", 3, 1), ("auto", 4100, 1000), (5, 43, 5), (50, 43, 43)],
)
def test_number_of_prototypes(n_prototypes, n_instances, expected):
    instances = np.random.default_rng(0).normal(size=(n_instances, 1))
    X = np.array_split(instances, 3)
    model = KISAR(n_prototypes, max_iter=1, random_state=0).fit(X, [0, 1, 1])
    assert len(model.prototypes_) == expected


@pytest.mark.parametrize("block", [2**22, 30])
def test_scores_are_linear_in_the_nearness_to_prototypes(block, monkeypatch):
    monkeypatch.setattr(kisar, "BLOCK", block)  # 30: some bags at a time
    bags, Y = make_bags()
    model = KISAR(7, random_state=0).fit(bags, Y)
    expected = features_by_loop(bags, model) @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.decision_function(bags), expected, atol=1e-9)


def test_features_far_from_zero_lose_no_digits():
    bags, Y = make_bags()
    model = KISAR(random_state=0).fit(bags, Y)
    expected = model.decision_function(bags)
    model.prototypes_ += 1e6
    shifted = model.decision_function([bag + 1e6 for bag in bags])
    np.testing.assert_allclose(shifted, expected, atol=1e-6)


# Machines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_prototypes", [6, 90])
def test_without_related_labels_it_is_a_linear_machine_per_label(weighted, n_prototypes):
    bags, Y = make_bags()
    weight = np.random.default_rng(0).random(60) + 0.1 if weighted else np.ones(60)
    model = KISAR(n_prototypes, C=2.0, label_graph="none", random_state=0)
    model.fit(bags, Y, sample_weight=weight if weighted else None)
    assert not model.adjacency_.any()
    features = features_by_loop(bags, model)
    for j in range(3):
        # With so large a scale the intercept costs next to nothing.
        machine = LinearSVC(
            C=2.0, dual=False, tol=1e-12, intercept_scaling=300, max_iter=10_000
        )
        machine.fit(features, Y[:, j], sample_weight=weight)
        np.testing.assert_allclose(model.coef_[:, j], machine.coef_[0], atol=2e-3)
        assert model.intercept_[j] == pytest.approx(machine.intercept_[0], abs=2e-3)


@pytest.mark.parametrize("start", [0.0, 30.0])
def test_a_machine_does_not_depend_on_where_it_starts(start):
    rng = np.random.default_rng(0)
    features, targets = rng.random((40, 5)), rng.choice([-1.0, 1.0], size=40)
    cost, scale = rng.random(40), np.array([1.0, 0.5, 0.0, 2.0, 1.0])
    coef = start * rng.normal(size=5)
    found = kisar._fit_machine(features, targets, cost, scale, coef, start)
    # At the minimum the gradients are zero, along features whose scale is not.
    short = np.maximum(0, 1 - targets * (features @ found[0] + found[1]))
    slope = 2 * cost * targets * short
    assert found[0][2] == 0
    kept = scale > 0
    np.testing.assert_allclose(
        found[0][kept] / scale[kept] ** 2, (slope @ features)[kept], atol=1e-8
    )
    assert slope.sum() == pytest.approx(0, abs=1e-8)


def test_a_machine_shrinks_where_it_starts_with_all_bags_outside_the_margin():
    features, targets = np.arange(6.0)[:, None], np.repeat([-1.0, 1.0], 3)
    cost, scale = np.ones(6), np.ones(1)
    expected = kisar._fit_machine(features, targets, cost, scale, np.zeros(1), 0.0)
    found = kisar._fit_machine(features, targets, cost, scale, np.full(1, 50.0), -125.0)
    np.testing.assert_allclose(found[0], expected[0])
    assert found[1] == pytest.approx(expected[1])


# Related labels -----------------------------------------------------------------------------


@pytest.mark.parametrize("label_graph", ["above_mean", "full", "none"])
def test_the_objective_does_not_go_up(label_graph):
    bags, Y = make_bags()
    options = {"C": 0.5, "label_graph": label_graph, "tol": 0, "random_state": 0}
    values = []
    for n_rounds in range(1, 8):
        model = KISAR(10, max_iter=n_rounds, **options).fit(bags, Y)
        values.append(objective_by_loop(model, features_by_loop(bags, model), Y, 0.5))
    n_rounds = model.n_iter_  # without related labels nothing is left to do after two
    np.testing.assert_allclose(model.objective_, values[:n_rounds])
    assert np.diff(values).max() <= 1e-9 * values[0]
    assert (values[0] - values[-1] > 0.01 * values[0]) == (label_graph != "none")


def test_no_other_coefficients_have_a_smaller_objective():
    bags, Y = make_bags()
    Y = Y[:, :2]
    model = KISAR(4, C=2.0, label_graph="full", tol=0, max_iter=1000, random_state=0)
    model.fit(bags, Y)
    features, targets = features_by_loop(bags, model), 2 * Y - 1

    def objective(parameters):
        coef, intercept = parameters[:8].reshape(4, 2), parameters[8:]
        loss = np.maximum(0, 1 - targets * (features @ coef + intercept)) ** 2
        return np.hypot(*coef.T).sum() ** 2 / 8 + 2.0 * loss.sum()

    start = np.random.default_rng(0).normal(size=10)
    best = minimize(objective, start, method="BFGS", options={"gtol": 1e-7})
    assert model.objective_[-1] == pytest.approx(best.fun, rel=1e-5)
    np.testing.assert_allclose(model.coef_, best.x[:8].reshape(4, 2), atol=1e-2)


class FirstInstances:
    """Stands in for k-means, whose clusters differ between versions of scikit-learn."""

    def __init__(self, n_clusters, **options):
        self.n_clusters = n_clusters

    def fit(self, X, sample_weight=None):
        self.cluster_centers_ = X[: self.n_clusters]
        return self


def test_related_labels_use_few_prototypes_and_the_same_ones(monkeypatch):
    monkeypatch.setattr(kisar, "MiniBatchKMeans", FirstInstances)
    same = []
    for seed in range(3):
        bags, Y = make_bags(seed=seed)
        used = {}
        for label_graph in ("none", "full"):
            model = KISAR(40, C=1.0, label_graph=label_graph, tol=0, max_iter=100)
            coef = model.fit(bags, Y).coef_
            used[label_graph] = np.abs(coef) > 1e-3 * np.abs(coef).max()
        assert used["none"].any(axis=1).all()
        kept = used["full"].any(axis=1)
        assert kept.mean() < 0.6
        same.append(used["full"][kept].mean())
    assert np.mean(same) > 0.8


def test_labels_above_the_mean_are_those_that_occur_together_more_often_than_others():
    bags, Y = make_bags()
    weight = np.random.default_rng(1).random(60)
    adjacency = KISAR(5, random_state=0).fit(bags, Y, sample_weight=weight).adjacency_
    counts = {
        (j, k): sum(w * y[j] * y[k] for w, y in zip(weight, Y))
        for j in range(3)
        for k in range(3)
        if j != k
    }
    mean = np.mean(list(counts.values()))
    expected = np.zeros((3, 3), dtype=bool)
    for pair, count in counts.items():
        expected[pair] = count > mean
    np.testing.assert_array_equal(adjacency, expected)
    assert 0 < adjacency.sum() < 6


def test_pairs_that_occur_equally_often_are_not_above_the_mean():
    Y = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]])
    weight = np.full(4, 0.1)
    _, related = relate_labels("above_mean", Y, weight)
    assert not related.any()


@pytest.mark.parametrize(
    "label_graph, pairs, builder",
    [
        ("full", [(0, 1), (0, 2), (1, 2)], None),
        ("none", [], None),
        ("cooccurrence", [(0, 1), (0, 2), (1, 2)], CooccurrenceGraph),
        (CooccurrenceGraph(top_k=1), [(0, 1), (1, 2)], CooccurrenceGraph),
        (ConditionalProbabilityGraph(0.6), [(0, 1)], ConditionalProbabilityGraph),
        ([[1, 0, 2], [0, 0, 0], [0, 0, 1]], [(0, 2)], None),
    ],
    ids=str,
)
def test_label_graph_says_which_labels_are_related(label_graph, pairs, builder):
    Y = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1]])
    Y = np.concatenate([Y, [[0, 1, 1]]])
    model = KISAR(2, label_graph=label_graph, random_state=0)
    model.fit(np.arange(7.0)[:, None], Y)
    expected = np.zeros((3, 3), dtype=bool)
    for j, k in pairs:
        expected[j, k] = expected[k, j] = True
    np.testing.assert_array_equal(model.adjacency_, expected)
    assert isinstance(model.label_graph_, builder or type(None))


def test_a_label_graph_of_another_size_is_refused():
    bags, Y = make_bags()
    with pytest.raises(ValueError, match=r"label_graph must be of shape \(3, 3\)"):
        KISAR(label_graph=np.ones((4, 4))).fit(bags, Y)


def test_the_penalty_is_a_sum_of_squares_that_touches_it_from_above():
    rng = np.random.default_rng(0)
    coef, others = rng.normal(size=(2, 6, 4))
    coef[2] = coef[3, 0] = others[2] = 0
    related = np.zeros((4, 4), dtype=bool)
    related[0, 1] = related[1, 0] = related[1, 2] = related[2, 1] = True
    scales = shared_scales(coef, related)
    nonzero = scales > 0
    np.testing.assert_array_equal(nonzero[2], [False, False, False, True])
    assert nonzero[[0, 1, 3, 4, 5]].all()

    def squares(weights):
        return ((weights[nonzero] / scales[nonzero]) ** 2).sum() / 2

    assert shared_penalty(coef, related) == pytest.approx(penalty_by_loop(coef, related))
    assert squares(coef) == pytest.approx(shared_penalty(coef, related))
    assert squares(others) > shared_penalty(others, related)


# Instances ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [2**22, 30])
def test_an_instance_has_the_part_of_the_prototypes_that_it_is_nearest_to(
    block, monkeypatch
):
    monkeypatch.setattr(kisar, "BLOCK", block)
    bags, Y = make_bags()
    bags[0] = np.concatenate([bags[0], bags[0]])  # of equal instances the first
    model = KISAR(7, random_state=0).fit(bags, Y)
    found = model.instance_scores(bags)
    for bag, parts in zip(bags, found):
        expected = np.zeros((len(bag), 3))
        for c, coef in zip(model.prototypes_, model.coef_):
            near = np.exp(-((bag - c) ** 2).sum(axis=1) / (2 * model.bandwidth_**2))
            winner = max(range(len(bag)), key=lambda i: (near[i].round(12), -i))
            expected[winner] += near[winner] * coef
        np.testing.assert_allclose(parts, expected, atol=1e-9)


def test_the_parts_of_instances_and_the_intercept_sum_to_the_score():
    bags, Y = make_bags()
    model = KISAR(random_state=0).fit(bags, Y)
    sums = [parts.sum(axis=0) + model.intercept_ for parts in model.instance_scores(bags)]
    np.testing.assert_allclose(sums, model.decision_function(bags))


def test_the_instance_at_the_center_of_a_label_has_the_largest_part():
    bags, Y = make_bags(200)
    model = KISAR(random_state=0).fit(bags, Y)
    others, truth = make_bags(50, seed=1)
    hits = []
    for bag, labels, parts in zip(others, truth, model.instance_scores(others)):
        where = len(bag) - labels.sum() + np.arange(labels.sum())
        hits.extend(parts[:, np.flatnonzero(labels)].argmax(axis=0) == where)
    assert np.mean(hits) > 0.85


# Parameters ---------------------------------------------------------------------------------


def test_labels_of_other_bags_are_found():
    (bags, Y), (others, truth) = make_bags(200), make_bags(100, seed=1)
    model = KISAR(random_state=0).fit(bags, Y)
    assert (model.predict(others) == truth).mean() > 0.85


@pytest.mark.parametrize(
    "option",
    [
        {"n_prototypes": 5},
        {"C": 0.01},
        {"bandwidth_factor": 1.0},
        {"label_graph": "none"},
        {"max_iter": 1},
        {"tol": 0.5},
        {"random_state": 1},
    ],
    ids=str,
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    plain = KISAR(**{"random_state": 0}).fit(bags, Y).decision_function(bags)
    other = KISAR(**{"random_state": 0, **option}).fit(bags, Y).decision_function(bags)
    assert np.abs(plain - other).max() > 1e-3


def test_rounds_end_at_max_iter_or_once_they_gain_little():
    bags, Y = make_bags()
    assert KISAR(max_iter=3, tol=0, random_state=0).fit(bags, Y).n_iter_ == 3
    gains = KISAR(max_iter=50, tol=1e-2, random_state=0).fit(bags, Y).objective_
    gains = -np.diff(gains) / gains[:-1]
    assert (gains[:-1] > 1e-2).all()
    assert gains[-1] <= 1e-2


def test_bags_that_weigh_nothing_are_left_out():
    bags, Y = make_bags()
    weight = np.arange(60) % 3
    rows = weight.nonzero()[0]
    model = KISAR(random_state=0).fit(bags, Y, sample_weight=weight)
    chosen = KISAR(random_state=0).fit([bags[i] for i in rows], Y[rows], weight[rows])
    np.testing.assert_array_equal(
        model.decision_function(bags), chosen.decision_function(bags)
    )


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    options = {"C": 0.01, "random_state": 0}
    without = KISAR(**options).fit(bags, Y).predict(bags)
    with_it = KISAR(top_label=True, **options).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_a_label_that_never_or_always_holds_has_a_constant_score():
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    model = KISAR(label_graph="full", random_state=0).fit(bags, Y)
    assert not model.adjacency_.any()
    scores = model.decision_function(bags)
    np.testing.assert_allclose(scores[:, 0], -np.log(61))
    np.testing.assert_allclose(scores[:, 1], np.log(61))
    assert np.ptp(scores[:, 2]) > 0.5
    all_constant = KISAR(random_state=0).fit(bags, Y[:, :2])
    np.testing.assert_allclose(all_constant.decision_function(bags), scores[:, :2])


def test_equal_bags_and_a_single_bag_are_no_trouble():
    Y = np.arange(10)[:, None] % [2, 3] == 0
    model = KISAR(random_state=0).fit([np.ones((2, 2))] * 10, Y)
    assert np.isfinite(model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])).all()
    single = KISAR(random_state=0).fit([np.ones((1, 2))], [[1, 0]])
    assert np.isfinite(single.decision_function([np.zeros((3, 2))])).all()


# Computing ----------------------------------------------------------------------------------


def test_threads_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = KISAR(random_state=0).fit(bags, Y).decision_function(bags)
    threaded = KISAR(random_state=0, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-9)


def test_single_precision_gives_nearly_the_same_scores():
    bags, Y = make_bags()
    model = KISAR(5, random_state=0).fit(bags, Y)
    single = model.decision_function([bag.astype(np.float32) for bag in bags])
    np.testing.assert_allclose(single, model.decision_function(bags), atol=1e-5)


# In scikit-learn ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [list, Bags, pd.Series])
def test_it_is_validated_and_searched_in_a_pipeline(form):
    bags, Y = make_bags(40)
    X = form(bags)
    model = make_pipeline(BagScaler(), KISAR(random_state=0))
    scores = cross_validate(model, X, Y, cv=2, scoring="f1_macro", error_score="raise")
    assert scores["test_score"].mean() > 0.5
    grid = {"kisar__C": [0.01, 10], "kisar__label_graph__min_count": [1, 100]}
    model.set_params(kisar__label_graph=CooccurrenceGraph())
    search = GridSearchCV(model, grid, cv=2, scoring="average_precision")
    search.fit(X, Y)
    assert len(set(search.cv_results_["mean_test_score"])) > 2
    assert search.predict(X).shape == Y.shape
