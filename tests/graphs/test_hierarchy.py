"""Hierarchies of labels, and predictions made consistent with them."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlc.graphs import HierarchyGraph

TREE = [(0, 1), (0, 2), (2, 3)]


def fit(edges, n_labels=5, label_names=None, **params):
    return HierarchyGraph(edges, **params).fit(
        np.ones((1, n_labels)), label_names=label_names
    )


def random_hierarchy(n_labels=12, n_edges=18, seed=0):
    """Return pairs from a hidden order of the labels, so that there is no cycle."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_labels)
    pairs = [sorted(rng.choice(n_labels, 2, replace=False)) for _ in range(n_edges)]
    return [(order[i], order[j]) for i, j in pairs]


def consistent_in_loops(probabilities, edges, rule):
    """Apply the rule to one pair at a time until nothing changes."""
    result, before = probabilities.copy(), None
    while before is None or (result != before).any():
        before = result.copy()
        for row in result:
            for parent, child in edges:
                if rule == "min":
                    row[child] = min(row[child], row[parent])
                else:
                    row[parent] = max(row[child], row[parent])
    return result


@pytest.mark.parametrize(
    "direction, receivers_and_sources",
    [
        ("down", [(1, 0), (2, 0), (3, 2)]),
        ("up", [(0, 1), (0, 2), (2, 3)]),
        ("both", [(1, 0), (2, 0), (3, 2), (0, 1), (0, 2), (2, 3)]),
    ],
)
def test_direction_says_who_receives(direction, receivers_and_sources):
    expected = np.zeros((5, 5))
    for receiver, source in receivers_and_sources:
        expected[receiver, source] = 1
    graph = fit(TREE, direction=direction)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected)


def test_names_indices_and_arrays_give_the_same_graph():
    names = list("abcde")
    by_name = fit([("a", "b"), ("a", "c"), ("c", "d")], label_names=names)
    mixed = fit([("a", 1), (0, "c"), (np.int32(2), np.str_("d"))], label_names=names)
    array = fit(np.array(TREE))
    for graph in (by_name, mixed, array):
        np.testing.assert_array_equal(graph.edges_, TREE)


def test_a_pair_given_twice_is_one_edge():
    graph = fit([*TREE, *TREE])
    assert len(graph.edges_) == 3
    assert graph.adjacency_.max() == 1


def test_depth_is_the_longest_way_down():
    graph = fit([(0, 1), (1, 2), (0, 2), (2, 3)])
    np.testing.assert_array_equal(graph.depth_, [0, 1, 2, 3, 0])


@pytest.mark.parametrize("edges", [[(1, 1)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 0)]])
def test_cycles_are_refused_by_name(edges):
    with pytest.raises(ValueError, match=r"edges must have no cycle; got .*beta"):
        fit(edges, n_labels=3, label_names=["alpha", "beta", "gamma"])


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="edges holds 'z', which is not among"):
        fit([("a", "z")], label_names=list("abcde"))


@pytest.mark.parametrize("rule", ["min", "max"])
@pytest.mark.parametrize("seed", range(5))
def test_consistent_predictions_are_those_of_a_loop(rule, seed):
    edges = random_hierarchy(seed=seed)
    graph = fit(edges, n_labels=12, consistent=rule)
    probabilities = np.random.default_rng(seed).random((7, 12))
    before = probabilities.copy()
    result = graph.make_consistent(probabilities)
    np.testing.assert_array_equal(result, consistent_in_loops(before, edges, rule))
    np.testing.assert_array_equal(probabilities, before)


@pytest.mark.parametrize("rule", ["min", "max"])
def test_no_child_is_more_probable_than_a_parent(rule):
    edges = np.array(random_hierarchy(n_labels=40, n_edges=80))
    graph = fit(edges, n_labels=40, consistent=rule)
    probabilities = np.random.default_rng(0).random((20, 40))
    violated = probabilities[:, edges[:, 1]] > probabilities[:, edges[:, 0]]
    result = graph.make_consistent(probabilities)
    assert violated.any()
    assert (result[:, edges[:, 1]] <= result[:, edges[:, 0]]).all()
    np.testing.assert_array_equal(graph.make_consistent(result), result)


def test_min_lowers_children_and_max_raises_parents():
    probabilities = [[0.3, 0.9, 0.5, 0.7, 0.1]]
    low = fit(TREE, consistent="min").make_consistent(probabilities)
    np.testing.assert_array_equal(low, [[0.3, 0.3, 0.3, 0.3, 0.1]])
    high = fit(TREE, consistent="max").make_consistent(probabilities)
    np.testing.assert_array_equal(high, [[0.9, 0.9, 0.7, 0.7, 0.1]])


@pytest.mark.parametrize("seed", range(5))
def test_what_follows_from_known_labels_is_that_of_a_loop(seed):
    edges = random_hierarchy(seed=seed)
    graph = fit(edges, n_labels=12, consistent="max")
    rng = np.random.default_rng(seed)
    known = rng.choice([0, 0, 0, 0, 0, 1, -1], (200, 12)).astype(float)
    hold, hold_not = known == 1, known == -1
    for _ in range(12):
        for parent, child in edges:
            hold[:, parent] |= hold[:, child]
            hold_not[:, child] |= hold_not[:, parent]
    expected = np.where(known != 0, known, 1.0 * hold - hold_not)
    np.testing.assert_array_equal(graph.follow_from(known), expected)
    np.testing.assert_array_equal(graph.follow_from(csr_array(known)), expected)
    loose = fit(edges, n_labels=12)
    assert loose.follow_from(known) is known


def test_direction_does_not_change_what_is_consistent():
    probabilities = np.random.default_rng(0).random((3, 5))
    results = [
        fit(TREE, direction=direction, consistent="min").make_consistent(probabilities)
        for direction in ("both", "down", "up")
    ]
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_dtype_and_empty_batches_are_kept():
    graph = fit(TREE, consistent="min")
    assert graph.make_consistent(np.ones((2, 5), dtype=np.float32)).dtype == np.float32
    assert graph.make_consistent(np.ones((0, 5))).shape == (0, 5)


def test_without_edges_nothing_changes():
    probabilities = np.random.default_rng(0).random((3, 5))
    result = fit(None, consistent="max").make_consistent(probabilities)
    np.testing.assert_array_equal(result, probabilities)


@pytest.mark.parametrize("shape", [(5,), (2, 4), (2, 5, 1)])
def test_probabilities_of_another_shape_are_refused(shape):
    graph = fit(TREE, consistent="min")
    with pytest.raises(ValueError, match=r"probabilities must be of shape .*, 5\)"):
        graph.make_consistent(np.ones(shape))
