import numpy as np
import pytest
from scipy import sparse
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import PolynomialFeatures

from skmlc.datasets import make_label_graph_classification

CHAIN = np.diag(np.ones(3), -1)  # 0 -> 1 -> 2 -> 3


def test_shapes_and_types():
    X, Y, adjacency = make_label_graph_classification(50, 8, 6, random_state=0)
    assert (X.shape, Y.shape, adjacency.shape) == ((50, 8), (50, 6), (6, 6))
    assert (X.dtype, Y.dtype) == (np.float64, np.int64)
    assert set(np.unique(Y)) == {0, 1}


@pytest.mark.parametrize("n_parents", [1, 2, 3])
def test_the_last_labels_have_parents_among_the_first(n_parents):
    _, _, adjacency = make_label_graph_classification(
        5, n_labels=9, n_parents=n_parents, random_state=0
    )
    np.testing.assert_array_equal(adjacency.sum(axis=1), [0] * 5 + [n_parents] * 4)
    assert not adjacency[:, 5:].any()


@pytest.mark.parametrize(
    "dependency, function",
    [
        ("copy", lambda parents: 2 * sum(parents) >= len(parents)),
        ("and", lambda parents: all(parents)),
        ("xor", lambda parents: sum(parents) % 2 == 1),
    ],
)
@pytest.mark.parametrize("n_parents", [1, 2, 3])
def test_labels_follow_their_parents(dependency, function, n_parents):
    _, Y, adjacency = make_label_graph_classification(
        100, dependency=dependency, n_parents=n_parents, flip=0, random_state=1
    )
    for label in np.flatnonzero(adjacency.any(axis=1)):
        parents = np.flatnonzero(adjacency[label])
        expected = [function(row[parents].tolist()) for row in Y]
        np.testing.assert_array_equal(Y[:, label], expected)


def test_a_given_graph_is_followed_whatever_the_order_of_its_labels():
    backwards = CHAIN[::-1, ::-1]  # label 3 is the root, 0 the end of the chain
    for graph in (backwards, backwards.tolist(), sparse.csr_array(0.3 * backwards)):
        _, Y, adjacency = make_label_graph_classification(
            200, n_labels=4, label_graph=graph, dependency="copy", flip=0, random_state=0
        )
        np.testing.assert_array_equal(adjacency, backwards)
        assert (Y[:, [3]] == Y).all()
        assert 0 < Y[:, 3].mean() < 1


def test_the_given_graph_is_not_modified():
    graph = 0.5 * CHAIN
    make_label_graph_classification(5, n_labels=4, label_graph=graph)
    np.testing.assert_array_equal(graph, 0.5 * CHAIN)


def test_flip_is_the_share_of_labels_that_do_not_follow():
    _, Y, _ = make_label_graph_classification(
        20000, n_labels=4, label_graph=CHAIN, dependency="copy", flip=0.2, random_state=0
    )
    np.testing.assert_allclose((Y[:, 1:] != Y[:, :-1]).mean(axis=0), 0.2, atol=0.015)


def test_features_are_signals_in_unit_noise():
    X, Y, adjacency = make_label_graph_classification(
        20000, 8, 4, label_graph=CHAIN, signal=1.5, dependent_signal=0.5, random_state=0
    )
    has_parents = adjacency.any(axis=1)
    noise = X.copy()
    noise[:, :4] -= np.where(has_parents, 0.5, 1.5) * np.where(Y == 1, 1, -1)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=0.04)
    np.testing.assert_allclose(np.cov(noise.T), np.eye(8), atol=0.05)


def test_the_seed_determines_everything():
    first, second, other = (
        make_label_graph_classification(20, random_state=seed) for seed in (2, 2, 3)
    )
    for one, two, three in zip(first, second, other):
        np.testing.assert_array_equal(one, two)
        assert (one != three).any()


def test_parity_is_chance_for_a_linear_model_but_not_with_the_graph():
    X, Y, adjacency = make_label_graph_classification(2000, random_state=0)
    train, test = slice(0, 1000), slice(1000, 2000)
    for label in np.flatnonzero(adjacency.any(axis=1)):
        alone = LogisticRegression().fit(X[train], Y[train, label])
        assert roc_auc_score(Y[test, label], alone.decision_function(X[test])) < 0.6
        pairs = PolynomialFeatures(interaction_only=True)
        Z = pairs.fit_transform(X[:, np.flatnonzero(adjacency[label])])
        told = LogisticRegression().fit(Z[train], Y[train, label])
        assert roc_auc_score(Y[test, label], told.decision_function(Z[test])) > 0.85


def test_pooling_the_evidence_of_the_neighbors_is_better_than_the_own_evidence():
    flip, signal = 0.1, 0.7
    X, Y, _ = make_label_graph_classification(
        4000,
        n_labels=4,
        label_graph=CHAIN,
        dependency="copy",
        flip=flip,
        signal=signal,
        dependent_signal=signal,
        random_state=0,
    )
    # Exact posterior by summing over all 16 label sets.
    states = (np.arange(16)[:, None] >> np.arange(4)) & 1
    prior = np.where(states[:, 1:] == states[:, :-1], 1 - flip, flip).prod(axis=1) / 2
    density = norm.pdf(X[:, None, :4] - signal * (2 * states - 1)).prod(axis=2)
    posterior = (density * prior) @ states / (density @ prior)[:, None]
    for label in range(4):
        pooled = roc_auc_score(Y[:, label], posterior[:, label])
        assert pooled > roc_auc_score(Y[:, label], X[:, label]) + 0.03


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_samples": 0}, "n_samples must be"),
        ({"n_labels": 1.5}, "n_labels must be"),
        ({"n_features": 9}, "n_features must be at least n_labels"),
        ({"n_parents": 6}, "n_parents must be an integer from 1 to 5"),
        ({"dependency": "or"}, "dependency must be 'copy', 'and' or 'xor'; got 'or'"),
        ({"flip": 2}, "flip must be"),
        ({"signal": np.nan}, "signal must be"),
        ({"dependent_signal": "1"}, "dependent_signal must be"),
        ({"label_graph": CHAIN}, r"label_graph must be of shape \(10, 10\)"),
        (
            {"label_graph": CHAIN + CHAIN.T, "n_labels": 4},
            "label_graph must have no cycles",
        ),
        ({"label_graph": np.eye(2), "n_labels": 2}, "label_graph must have no cycles"),
    ],
)
def test_a_wrong_parameter_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_label_graph_classification(**parameters)
