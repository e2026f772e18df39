"""MIMLWEL against scikit-learn's Ridge, loops and what it promises for missing labels."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.baselines.mimlrbf import MIMLRBF
from skmlc.baselines.mimlwel import MIMLWEL, _Network
from skmlc.inputs.transformers.distances import BagDistances, bag_distances

NO_DISTANCES = "scikit-learn's check passes numbers below zero as distances"


@parametrize_with_checks(
    [MIMLWEL(), MIMLWEL(metric="precomputed")],
    expected_failed_checks=lambda estimator: (
        {"check_decision_proba_consistency": NO_DISTANCES}
        if estimator.metric == "precomputed"
        else {}
    ),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def make_bags(n_bags=60, seed=0):
    """Make bags of which a label holds where an instance is near the label's center."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, size=(n_bags, 3))
    Y[:, 1] = np.where(rng.random(n_bags) < 0.5, Y[:, 0], Y[:, 1])
    bags = []
    for row in Y:
        instances = [rng.normal(size=(rng.integers(1, 4), 3))]
        instances += [
            4 * np.eye(3)[[j]] + rng.normal(size=(1, 3)) for j in row.nonzero()[0]
        ]
        bags.append(np.concatenate(instances))
    return bags, Y


def hide_half(Y, seed=0):
    """Return labels of which half of the positives are missing."""
    return Y * (np.random.default_rng(seed).random(Y.shape) < 0.5)


def average_hausdorff(A, B):
    between = np.sqrt(((A[:, None] - B) ** 2).sum(axis=2))
    return np.concatenate([between.min(axis=1), between.min(axis=0)]).mean()


def nearness_by_loop(bags, prototypes, bandwidth):
    return np.array(
        [
            [
                np.exp(-(average_hausdorff(A, B) ** 2) / (2 * bandwidth**2))
                for B in prototypes
            ]
            for A in bags
        ]
    )


def objective_by_loop(model, near, Y):
    """Return the objective of a model, from the nearness of bags to its prototypes."""
    penalty, loss, related = 0.0, 0.0, model.adjacency_
    for j in range(Y.shape[1]):
        if not related[j].any():
            penalty += (model.coef_[:, j] ** 2).sum() / 2
        for k in range(j):
            if related[j, k]:
                pairs = np.sqrt(model.coef_[:, j] ** 2 + model.coef_[:, k] ** 2)
                penalty += pairs.sum() ** 2 / (2 * len(pairs))
        own = np.flatnonzero(model.medoid_labels_ == j)
        for i, target in enumerate(model.completed_targets_[:, j]):
            score = near[i] @ model.coef_[:, j] + model.intercept_[j]
            loss += (score - 2 * target + 1) ** 2
            loss += model.target_weight * (target - Y[i, j])
            loss += model.similarity_weight * target * (1 - max(near[i, own]))
    return penalty + model.C * loss


# The start ----------------------------------------------------------------------------------


def test_it_starts_with_the_prototypes_and_the_bandwidth_of_mimlrbf():
    bags, Y = make_bags()
    options = {"medoid_ratio": 0.2, "bandwidth_factor": 0.7, "random_state": 3}
    network = MIMLRBF(**options).fit(bags, Y)
    model = MIMLWEL(max_iter=1, **options).fit(bags, Y)
    rows = np.unique(model.medoid_indices_)
    np.testing.assert_array_equal(rows, network.medoid_indices_)
    assert model.bandwidth_ == pytest.approx(network.bandwidth_)
    for j, column in enumerate(Y.T):
        assert (model.medoid_labels_ == j).sum() == np.ceil(0.2 * column.sum())


def test_without_completed_and_related_labels_the_first_round_is_ridge_regression():
    bags, Y = make_bags()
    options = {"target_weight": 1e3, "label_graph": "none", "max_iter": 1}
    model = MIMLWEL(C=2.0, random_state=0, **options).fit(bags, Y)
    np.testing.assert_array_equal(model.completed_targets_, Y)
    near = nearness_by_loop(bags, model.medoids_, model.bandwidth_)
    ridge = Ridge(alpha=1 / (2 * 2.0)).fit(near, 2 * Y - 1)
    np.testing.assert_allclose(model.coef_, ridge.coef_.T, atol=1e-6)
    np.testing.assert_allclose(
        model.decision_function(bags), ridge.predict(near), atol=1e-6
    )


# The rounds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("label_graph", ["full", "none"])
def test_the_objective_does_not_go_up(label_graph):
    bags, Y = make_bags()
    given, values, medoids = hide_half(Y), [], []
    options = {"C": 0.5, "medoid_ratio": 0.3, "label_graph": label_graph, "tol": 0}
    for n_rounds in range(1, 6):
        model = MIMLWEL(max_iter=n_rounds, random_state=0, **options).fit(bags, given)
        near = nearness_by_loop(bags, model.medoids_, model.bandwidth_)
        values.append(objective_by_loop(model, near, given))
        medoids.append(model.medoid_indices_)
    np.testing.assert_allclose(model.objective_, values)
    assert np.diff(values).max() <= 1e-9 * values[0]
    assert values[-1] < 0.99 * values[0]
    assert (medoids[0] != medoids[-1]).any()


def make_network(**options):
    """Return a network as it is after one round, and the features of all bags."""
    bags, Y = make_bags(40)
    distances = bag_distances(bags, metric="average")
    settings = {"C": 0.7, "target_weight": 0.5, "similarity_weight": 3.0, **options}
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(column)[:4] for column in Y.T]
    network = _Network(
        distances,
        bandwidth=2.0,
        Y=hide_half(Y).astype(float),
        related=~np.eye(3, dtype=bool),
        medoids=np.concatenate(rows),
        owners=np.repeat(np.arange(3), 4),
        **settings,
    )
    network.coef = rng.normal(size=network.coef.shape)
    network.intercept = rng.normal(size=3)
    network.targets = np.maximum(network.Y, rng.random(Y.shape))
    return network, np.exp(-(distances**2) / 8)


def loss_by_loop(network, features, nearest):
    """Return all of the objective but the penalty, for given choices of prototypes."""
    scores, loss = features @ network.coef + network.intercept, 0.0
    for i, targets in enumerate(network.targets):
        for j, target in enumerate(targets):
            loss += (scores[i, j] - 2 * target + 1) ** 2
            loss += network.target_weight * (target - network.Y[i, j])
            loss += network.similarity_weight * target * (1 - features[i, nearest[i, j]])
    return loss


def test_each_prototype_becomes_the_best_of_the_bags_that_it_stands_for():
    network, near = make_network()
    medoids, nearest = network.medoids.copy(), network.nearest.copy()
    features = near[:, medoids]
    for k, (medoid, j) in enumerate(zip(medoids, network.owners)):
        losses = {}
        for row in {medoid, *np.flatnonzero((nearest[:, j] == k) & (network.Y[:, j] == 1))}:
            features[:, k] = near[:, row]
            losses[row] = loss_by_loop(network, features, nearest)
        medoids[k] = min(losses, key=losses.get)
        features[:, k] = near[:, medoids[k]]
    moved = (network.medoids != medoids).sum()
    network._move_prototypes()
    np.testing.assert_array_equal(network.medoids, medoids)
    np.testing.assert_allclose(network.features, features)
    assert moved > 2


def test_no_other_targets_have_a_smaller_objective():
    network, _ = make_network()
    network._complete_targets()
    targets, best = network.targets.copy(), network._objective()
    assert (targets[network.Y == 1] == 1).all()
    free = targets[network.Y == 0]
    assert ((free > 0) & (free < 1)).any()
    for i, j in np.argwhere(network.Y == 0):
        for other in (targets[i, j] - 1e-3, targets[i, j] + 1e-3):
            network.targets = targets.copy()
            network.targets[i, j] = np.clip(other, 0, 1)
            assert network._objective() >= best - 1e-12


def test_no_other_weights_have_a_smaller_sum_of_squares():
    network, _ = make_network()
    coef, features = network.coef.copy(), network.features
    network._fit_weights()
    errors = features @ network.coef + network.intercept - (2 * network.targets - 1)
    for j in range(3):
        # The shares of the features in each pair of labels, from the weights before.
        inverse = 0.0
        for other in {0, 1, 2} - {j}:
            lengths = np.sqrt(coef[:, j] ** 2 + coef[:, other] ** 2)
            inverse = inverse + lengths.sum() / lengths / len(lengths)
        gradient = inverse * network.coef[:, j] + 2 * 0.7 * features.T @ errors[:, j]
        np.testing.assert_allclose(gradient, 0, atol=1e-9)
        assert errors[:, j].sum() == pytest.approx(0, abs=1e-9)


def test_the_nearest_prototype_of_a_label_stands_for_a_bag():
    network, near = make_network()
    for i in range(40):
        for j in range(3):
            own = network.medoids[network.owners == j]
            best = max(near[i, row] for row in own)
            assert near[i, network.medoids[network.nearest[i, j]]] == pytest.approx(best)
            assert network.similarity[i, j] == pytest.approx(best)
            assert network.owners[network.nearest[i, j]] == j


def test_rounds_end_at_max_iter_or_once_they_gain_little():
    bags, Y = make_bags()
    given = hide_half(Y)
    assert MIMLWEL(max_iter=3, tol=0, random_state=0).fit(bags, given).n_iter_ == 3
    values = MIMLWEL(max_iter=50, tol=1e-2, random_state=0).fit(bags, given).objective_
    gains = -np.diff(values) / values[:-1]
    assert (gains[:-1] > 1e-2).all()
    assert gains[-1] <= 1e-2


# Missing labels -----------------------------------------------------------------------------


def test_given_labels_stay_and_others_may_be_completed():
    bags, Y = make_bags()
    given = hide_half(Y)
    completed = MIMLWEL(random_state=0).fit(bags, given).completed_targets_
    assert (completed[given == 1] == 1).all()
    others = completed[given == 0]
    assert others.min() == 0
    assert 0.5 < others.max() <= 1


def test_completion_recovers_missing_labels():
    (bags, Y), (others, truth) = make_bags(300), make_bags(100, seed=1)
    given = hide_half(Y)
    hidden = (Y == 1) & (given == 0)
    model = MIMLWEL(random_state=0).fit(bags, given)
    without = MIMLWEL(target_weight=100.0, random_state=0).fit(bags, given)
    recovered = model.completed_targets_ > 0.5
    assert recovered[hidden].mean() > 0.3
    assert recovered[Y == 0].mean() < 0.02
    assert (without.completed_targets_ == given).all()
    predicted = {m: m.predict(bags)[hidden].mean() for m in (model, without)}
    assert predicted[model] > predicted[without] + 0.3
    scores = {}
    for name, estimator in {"with": model, "without": without}.items():
        scores[name] = f1_score(truth, estimator.predict(others), average="macro")
    constant = f1_score(truth, np.ones_like(truth), average="macro")
    assert scores["with"] > scores["without"] + 0.3
    assert scores["with"] > constant + 0.1


@pytest.mark.parametrize(
    "target_weight, threshold", [(1.0, 1 / 5), (2.0, 1 / 3), (4.0, 0.5)]
)
def test_a_label_is_predicted_where_it_is_given_often_enough(target_weight, threshold):
    # Groups of 60 equal bags, in which the label is given to more and more of them.
    places = np.repeat(20.0 * np.arange(1, 8), 60)
    given = np.arange(420) % 60 < np.repeat([6, 11, 13, 19, 21, 29, 31], 60)
    model = MIMLWEL(
        target_weight=target_weight, C=1e4, bandwidth_factor=0.05, random_state=0
    )
    predicted = model.fit(places[:, None], given).predict(places[:, None])
    shares = given.reshape(7, 60).mean(axis=1)
    np.testing.assert_array_equal(predicted.reshape(7, 60).T, [shares > threshold] * 60)


def test_similarity_weight_keeps_labels_from_bags_unlike_the_prototypes():
    bags, Y = make_bags()
    given, sums = hide_half(Y), []
    for weight in (0.0, 2.0, 50.0):
        model = MIMLWEL(similarity_weight=weight, random_state=0).fit(bags, given)
        sums.append(model.completed_targets_.sum())
    assert sums[0] > sums[1] + 1
    assert sums[1] > sums[2] + 1


def test_prototypes_of_a_label_are_bags_that_were_given_it():
    bags, Y = make_bags()
    given = hide_half(Y)
    model = MIMLWEL(0.3, C=0.1, tol=0, random_state=0).fit(bags, given)
    assert (given[model.medoid_indices_, model.medoid_labels_] == 1).all()


def test_related_labels_use_fewer_prototypes():
    bags, Y = make_bags()
    used = {}
    for label_graph in ("none", "full"):
        options = {"label_graph": label_graph, "C": 0.5, "tol": 0, "max_iter": 50}
        coef = MIMLWEL(0.4, random_state=0, **options).fit(bags, Y).coef_
        used[label_graph] = (np.abs(coef) > 1e-3 * np.abs(coef).max()).any(axis=1).mean()
    assert used["none"] > 0.9
    assert used["full"] < 0.7


# Parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"medoid_ratio": 0.3},
        {"C": 0.1},
        {"target_weight": 4.0},
        {"similarity_weight": 0.0},
        {"bandwidth_factor": 0.5},
        {"label_graph": "none"},
        {"max_iter": 1},
        {"tol": 0.5},
        {"metric": "max"},
        {"random_state": 1},
    ],
    ids=str,
)
def test_a_parameter_changes_the_scores(option):
    bags, Y = make_bags()
    given = hide_half(Y)
    plain = MIMLWEL(**{"random_state": 0}).fit(bags, given).decision_function(bags)
    changed = MIMLWEL(**{"random_state": 0, **option}).fit(bags, given)
    assert np.abs(plain - changed.decision_function(bags)).max() > 1e-3


def test_top_label_gives_each_bag_a_label():
    bags, Y = make_bags()
    Y = Y * (np.arange(60) % 2)[:, None]
    options = {"target_weight": 10.0, "random_state": 0}
    without = MIMLWEL(**options).fit(bags, Y).predict(bags)
    with_it = MIMLWEL(top_label=True, **options).fit(bags, Y).predict(bags)
    assert without.sum(axis=1).min() == 0
    np.testing.assert_array_equal(with_it.sum(axis=1), np.maximum(without.sum(axis=1), 1))


def test_a_label_that_is_never_or_always_given_has_a_constant_score():
    bags, Y = make_bags()
    Y[:, 0], Y[:, 1] = 0, 1
    model = MIMLWEL(label_graph="full", random_state=0).fit(bags, Y)
    assert not model.adjacency_.any()
    scores = model.decision_function(bags)
    np.testing.assert_allclose(scores[:, 0], -1)
    np.testing.assert_allclose(scores[:, 1], 1)
    assert np.ptp(scores[:, 2]) > 0.5
    model = MIMLWEL(random_state=0).fit(bags, Y[:, :2])
    np.testing.assert_allclose(model.decision_function(bags), scores[:, :2])
    np.testing.assert_array_equal(model.completed_targets_, Y[:, :2])


def test_equal_bags_and_a_single_bag_are_no_trouble():
    Y = np.arange(10)[:, None] % [2, 3] == 0
    model = MIMLWEL(random_state=0).fit([np.ones((2, 2))] * 10, Y)
    assert np.isfinite(model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])).all()
    single = MIMLWEL(random_state=0).fit([np.ones((1, 2))], [[1, 0]])
    assert np.isfinite(single.decision_function([np.zeros((3, 2))])).all()


# In scikit-learn ----------------------------------------------------------------------------


def test_given_distances_are_the_same_in_a_pipeline_and_a_search():
    bags, Y = make_bags(40)
    grid = {"mimlwel__target_weight": [1, 4], "mimlwel__medoid_ratio": [0.1, 0.3]}
    options = {"cv": 2, "scoring": "average_precision", "error_score": "raise"}
    search = GridSearchCV(make_pipeline(MIMLWEL(random_state=0)), grid, **options)
    of_bags = search.fit(bags, Y).cv_results_["mean_test_score"]
    assert len(set(of_bags)) > 2
    given = make_pipeline(MIMLWEL(metric="precomputed", random_state=0))
    distances = bag_distances(bags, metric="average")
    search = GridSearchCV(given, grid, **options).fit(distances, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)
    pipeline = make_pipeline(BagDistances("average"), *[step for _, step in given.steps])
    search = GridSearchCV(pipeline, grid, **options).fit(bags, Y)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], of_bags)


def test_threads_do_not_change_the_scores():
    bags, Y = make_bags()
    serial = MIMLWEL(random_state=0).fit(bags, Y).decision_function(bags)
    threaded = MIMLWEL(random_state=0, n_jobs=2).fit(bags, Y).decision_function(bags)
    np.testing.assert_allclose(threaded, serial, rtol=1e-6, atol=1e-9)
