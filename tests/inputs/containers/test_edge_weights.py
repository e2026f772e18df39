"""Weights of the edges of graphs: which edge has which, and what is refused."""

import numpy as np
import pytest
from scipy import sparse

from skmlc.inputs import Bags, Graphs

BAGS = [np.arange(6.0).reshape(3, 2), np.ones((2, 2))]
PAIRS = [[[2, 0, 1], [0, 2, 1]], [[1], [0]]]
WEIGHTS = [[0.5, 2.0, 3.0], [4.0]]


def as_dict(X):
    """Return the weight of each edge of each graph, read from the flat arrays."""
    graphs = np.repeat(np.arange(len(X)), np.diff(X.edge_offsets))
    weights = X.edge_weights.tolist()
    return dict(zip(zip(graphs.tolist(), *X.edges.tolist()), weights, strict=True))


EXPECTED = {(0, 2, 0): 0.5, (0, 0, 2): 2.0, (0, 1, 1): 3.0, (1, 1, 0): 4.0}


def test_weights_stay_with_their_edges():
    X = Graphs(BAGS, PAIRS, edge_weights=WEIGHTS)
    assert as_dict(X) == EXPECTED
    flat = Graphs.from_flat(
        X.instances, X.offsets, np.hstack(PAIRS), [0, 3, 4], edge_weights=np.hstack(WEIGHTS)
    )
    assert flat == X
    assert as_dict(X[[1, 0]]) == {(1 - g, *pair): w for (g, *pair), w in EXPECTED.items()}


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.coo_matrix, list])
def test_weights_of_adjacency_matrices_are_their_entries(form):
    dense = [np.zeros((3, 3)), np.zeros((2, 2))]
    for (graph, *pair), weight in EXPECTED.items():
        dense[graph][tuple(pair)] = weight
    X = Graphs(BAGS, [form(matrix) for matrix in dense], edge_weights="adjacency")
    assert as_dict(X) == EXPECTED


def test_entries_in_several_parts_are_added_up():
    parts = sparse.coo_array(
        ([0.25, 0.5, 1, -1], ([0, 0, 1, 1], [1, 1, 0, 0])), shape=(2, 2)
    )
    X = Graphs(BAGS[1:], [parts], edge_weights="adjacency")
    assert as_dict(X) == {(0, 0, 1): 0.75}
    assert len(parts.data) == 4  # the input is as it was


def test_adjacency_matrices_of_two_instances_are_clear():
    X = Graphs([np.ones((2, 1))], [np.array([[0, 0], [3, 0]])], edge_weights="adjacency")
    assert as_dict(X) == {(0, 1, 0): 3}


def test_an_edge_of_weight_zero_is_left_out():
    X = Graphs(BAGS, PAIRS, edge_weights=[[0.5, 0, 3.0], [0]])
    assert as_dict(X) == {(0, 2, 0): 0.5, (0, 1, 1): 3.0}
    np.testing.assert_array_equal(X.edge_offsets, [0, 2, 2])
    assert X[1].edges.shape == (2, 0)
    assert X[1].edge_weights.shape == (0,)


def test_a_repeated_edge_has_one_weight():
    X = Graphs(BAGS, [[[1, 0, 1], [0, 0, 0]], PAIRS[1]], edge_weights=[[2, 1, 2], [4]])
    assert as_dict(X) == {(0, 0, 0): 1, (0, 1, 0): 2, (1, 1, 0): 4}
    with pytest.raises(ValueError, match=r"bag 0 has the edge \(1, 0\) with two weights"):
        Graphs(BAGS, [[[1, 0, 1], [0, 0, 0]], PAIRS[1]], edge_weights=[[2, 1, 3], [4]])


def test_weights_keep_single_precision_and_turn_integers_into_floats():
    single = [np.float32([1, 2, 3]), np.float32([4])]
    assert Graphs(BAGS, PAIRS, edge_weights=single).edge_weights.dtype == np.float32
    integers = Graphs(BAGS, PAIRS, edge_weights=[[1, 2, 3], [4]])
    assert integers.edge_weights.dtype == np.float64


def test_bags_of_graphs_have_no_weights():
    X = Graphs(BAGS, PAIRS, edge_weights=WEIGHTS)
    assert Bags(X) == Bags(BAGS)
    assert Graphs(X, PAIRS).edge_weights is None


ADJACENCY = [np.eye(3), np.eye(2)]


@pytest.mark.parametrize(
    "edges, weights, message",
    [
        (PAIRS, [[1, -2, 1], [1]], r"not negative; bag 0 has an edge of weight -2\.0"),
        (PAIRS, [[1, 2, 1], [np.nan]], "finite and not negative; bag 1 .* weight nan"),
        (PAIRS, [[1, 2, 1], [np.inf]], "finite and not negative; bag 1 .* weight inf"),
        (PAIRS, [[1, 2], [1]], r"bag 0 of 3 edges has weights of shape \(2,\)"),
        (PAIRS, [[1, 2, 1]], "one entry per bag, 2; got 1"),
        (PAIRS, [["a", "b", "c"], ["d"]], "4 real numbers, one per edge; got .* <U1"),
        (PAIRS, "weight", "'adjacency' or None; got 'weight'"),
        (PAIRS, "adjacency", r"bag 0 of 3 instances has edges of shape \(2, 3\)"),
        (ADJACENCY, [[1, 2, 1], [1, 1]], "edge_weights must be 'adjacency'"),
        ([-np.eye(3), np.eye(2)], "adjacency", "not negative; bag 0"),
        ([np.full((3, 3), np.nan), np.eye(2)], "adjacency", "finite; that of bag 0"),
    ],
)
def test_bad_weights_are_named(edges, weights, message):
    with pytest.raises(ValueError, match=message):
        Graphs(BAGS, edges, edge_weights=weights)


def test_a_number_as_weights_is_refused():
    with pytest.raises(
        TypeError, match=r"list with one array of shape .* per bag; got float"
    ):
        Graphs(BAGS, PAIRS, edge_weights=2.0)
