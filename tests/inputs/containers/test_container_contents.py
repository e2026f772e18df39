"""What containers may be made of, and how errors name the sample at fault."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skmlc.inputs import Bags, Graphs, Sequences


def test_sequences_know_their_vocabulary():
    X = Sequences([[1, 4], []])
    assert X.n_tokens == 5
    assert X.tokens.dtype == X.offsets.dtype == np.int64
    assert X[1:].n_tokens == 5
    assert Sequences([[1, 4], []], n_tokens=9)[:1].n_tokens == 9
    assert X[:0].shape == (0,)
    with pytest.raises(ValueError, match="sequences must hold at least one"):
        Sequences([])


@pytest.mark.parametrize(
    "sequences, message",
    [
        ([[1], [0.5]], "sequence 1 has shape .* float64"),
        ([[1], [[2]]], r"sequence 1 has shape \(1, 1\)"),
        ([[1], [[2], [3, 4]]], "sequence 1"),
        ([[1], 2], r"sequence 1 has shape \(\)"),
        ([[1], ["a"]], "sequence 1"),
        ([[1], [True]], "sequence 1 .* bool"),
        ([[1], [], [2, -3]], "sequence 2 holds -3"),
        ([[1], [2**64 - 1]], "sequence 1 holds -1"),
    ],
)
def test_bad_sequences_are_named(sequences, message):
    with pytest.raises(ValueError, match=message):
        Sequences(sequences)


@pytest.mark.parametrize("n_tokens", [4, 5.0, "all"])
def test_n_tokens_must_exceed_every_token(n_tokens):
    with pytest.raises(
        ValueError, match="n_tokens must be None or an integer of at least 5"
    ):
        Sequences([[1, 4]], n_tokens=n_tokens)


@pytest.mark.parametrize(
    "dtypes, expected",
    [
        ([np.float32, np.float32], np.float32),
        ([np.float32, np.float64], np.float64),
        ([np.float32, np.int64], np.float64),
        ([np.int8, np.uint16], np.float64),
        ([np.float16, np.bool_], np.float64),
    ],
)
def test_instances_are_single_precision_only_if_all_bags_are(dtypes, expected):
    bags = [np.ones((2, 2), dtype=dtype) for dtype in dtypes]
    assert Bags(bags).instances.dtype == expected


def test_forms_of_bags_agree():
    bags = np.arange(12.0).reshape(2, 3, 2)
    objects = np.empty(2, dtype=object)
    objects[:] = list(bags)
    X = Bags(bags)
    for other in (list(bags), objects, bags.tolist(), iter(bags), X):
        assert Bags(other) == X
    assert Bags.from_flat(bags.reshape(6, 2), [0, 3, 6]) == X


GOOD = np.ones((2, 3))


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.ones((0, 3)), "bag 1 is empty"),
        ([], "bag 1 is empty"),
        (np.ones((2, 4)), "bag 0 has 3, bag 1 has 4"),
        (np.ones(3), r"bag 1 has shape \(3,\)"),
        (pd.Series(np.ones(3)), r"bag 1 has shape \(3,\)"),
        (np.ones((2, 3, 1)), r"bag 1 has shape \(2, 3, 1\)"),
        ([[1, 2, 3], [4, 5]], "rows of bag 1 have different lengths"),
        (np.array([[1, 2, np.nan]]), "bag 1 contain NaN"),
        (np.array([[1, 2, np.inf]], dtype=np.float32), "bag 1 contain NaN or infinity"),
        (np.ones((1, 3), dtype=complex), "bag 1 has dtype complex128"),
        (np.ones((1, 3), dtype=object), "bag 1 has dtype object"),
        ([["a", "b", "c"]], "bag 1 has dtype <U1"),
        (sparse.csr_array(GOOD), "bag 1 is sparse"),
    ],
)
def test_bad_bags_are_named(bad, message):
    with pytest.raises(ValueError, match=message):
        Bags([GOOD, bad, GOOD])


@pytest.mark.parametrize("bags", [5, "text", sparse.csr_array(GOOD)])
def test_bags_must_be_a_list(bags):
    with pytest.raises(TypeError, match="bags must be a list of matrices"):
        Bags(bags)


def test_bags_must_not_be_none_at_all():
    with pytest.raises(ValueError, match="at least one bag"):
        Bags([])
    with pytest.raises(ValueError, match="bag 0 is empty"):
        Bags(np.ones((2, 0, 3)))
    with pytest.raises(ValueError, match="at least one feature"):
        Bags([np.ones((2, 0))])


@pytest.mark.parametrize(
    "offsets, message",
    [
        ([0, 2], "end with 3"),
        ([1, 3], "begin with 0"),
        ([0, 2, 1, 3], "must not decrease; got a step back after entry 1"),
        ([0, 2, 2, 3], "bag 1 is empty"),
        ([0.0, 3.0], "one-dimensional array of integers"),
        ([], "one-dimensional array of integers"),
        ([[0, 3]], "one-dimensional array of integers"),
    ],
)
def test_offsets_must_divide_the_instances(offsets, message):
    with pytest.raises(ValueError, match=message):
        Bags.from_flat(np.ones((3, 2)), offsets)


@pytest.mark.parametrize("instances", [np.ones(3), np.ones((3, 2), dtype=object)])
def test_flat_instances_must_be_a_matrix_of_numbers(instances):
    with pytest.raises(ValueError, match="instances must be a matrix of real numbers"):
        Bags.from_flat(instances, [0, 3])


def test_nan_in_flat_instances_is_traced_to_its_bag():
    instances = np.ones((6, 2))
    instances[3, 1] = np.nan
    with pytest.raises(ValueError, match="instances must be finite; those of bag 1"):
        Bags.from_flat(instances, [0, 3, 4, 6])


def test_flat_tokens_are_checked():
    with pytest.raises(ValueError, match="tokens has shape"):
        Sequences.from_flat([[1, 2]], [0, 1])
    with pytest.raises(ValueError, match="sequence 2 holds -1"):
        Sequences.from_flat([1, -1], [0, 1, 1, 2])
    with pytest.raises(ValueError, match="n_tokens"):
        Sequences.from_flat([1, 2], [0, 2], n_tokens=2)


def test_boxes_may_be_given_per_bag_or_flat():
    bags = [np.ones((2, 3)), np.ones((1, 3))]
    flat = np.array([[0, 0, 1, 1], [1, 2, 3, 4], [0, 1, 0, 1]])
    X = Bags(bags, boxes=flat)
    np.testing.assert_array_equal(X.boxes, flat)
    assert Bags(bags, boxes=[flat[:2], flat[2:]]) == X
    assert Bags(bags, boxes=[flat[:2].tolist(), flat[2:].tolist()]) == X
    assert Bags(Bags(bags), boxes=[flat[:2], flat[2:]]) == X
    assert Graphs(X, [[[], []], [[0], [0]]]).boxes is not None


@pytest.mark.parametrize(
    "boxes, message",
    [
        (np.ones((2, 4)), r"boxes must be numbers of shape \(3, 4\)"),
        ([np.ones((2, 4))], "one entry per bag, 2; got 1"),
        ([np.ones((2, 4)), np.ones((2, 4))], r"bag 1 must be of shape \(1, 4\)"),
        ([np.ones((2, 4)), [[3, 0, 2, 1]]], "x0 <= x1 and y0 <= y1; those of bag 1"),
        ([np.ones((2, 4)), [[0, 0, 1, np.nan]]], "boxes must be finite; those of bag 1"),
        (np.full((3, 4), "a"), "boxes must be numbers"),
    ],
)
def test_bad_boxes_are_named(boxes, message):
    with pytest.raises(ValueError, match=message):
        Bags([np.ones((2, 3)), np.ones((1, 3))], boxes=boxes)


# Edges --------------------------------------------------------------------------

BAGS = [np.ones((3, 1)), np.ones((2, 1))]
PAIRS = [np.array([[0, 0, 2], [1, 2, 0]]), np.array([[1], [0]])]


def adjacency_of(pairs, n):
    """Make an adjacency matrix by a loop."""
    adjacency = np.zeros((n, n))
    for receiver, source in pairs.T:
        adjacency[receiver, source] = 0.5
    return adjacency


@pytest.mark.parametrize(
    "form", [np.asarray, np.int8, sparse.csr_array, sparse.coo_matrix, np.ndarray.tolist]
)
def test_pairs_and_adjacency_matrices_agree(form):
    dense = [adjacency_of(pairs, n) != 0 for pairs, n in zip(PAIRS, (3, 2))]
    X = Graphs(BAGS, PAIRS)
    np.testing.assert_array_equal(X.edges, np.hstack(PAIRS))
    np.testing.assert_array_equal(X.edge_offsets, [0, 3, 4])
    assert Graphs(BAGS, [form(matrix) for matrix in dense]) == X


def test_stored_zeros_are_no_edges():
    adjacency = sparse.csr_array(([0.0, 1.0], ([0, 1], [1, 0])), shape=(2, 2))
    np.testing.assert_array_equal(Graphs([BAGS[1]], [adjacency]).edges, [[1], [0]])


def test_edges_are_sorted_and_kept_once():
    X = Graphs(BAGS, [[[2, 0, 0, 2], [0, 2, 1, 0]], [[1, 1], [0, 0]]])
    assert Graphs(BAGS, PAIRS) == X
    flat = Graphs.from_flat(
        np.ones((5, 1)), [0, 3, 5], [[2, 0, 0, 2, 1], [0, 2, 1, 0, 0]], [0, 4, 5]
    )
    assert flat == X


def test_equal_edges_of_different_graphs_are_both_kept():
    X = Graphs([np.ones((2, 1))] * 3, [[[0], [1]]] * 3)
    np.testing.assert_array_equal(X.edges, [[0, 0, 0], [1, 1, 1]])


def test_graphs_may_have_no_edges():
    X = Graphs(BAGS, [[[], []], np.empty((2, 0), dtype=int)])
    assert X.edges.shape == (2, 0)
    assert X.edges.dtype == np.int64
    assert Graphs(BAGS, [np.zeros((3, 3)), np.zeros((2, 2))]) == X


def test_two_by_two_matrices_are_not_guessed():
    bags = [np.ones((2, 1))]
    ambiguous = np.array([[0, 0], [1, 0]])  # pairs 0<-1, 0<-0; or the edge 1<-0
    with pytest.raises(ValueError, match="mean different things for bag 0"):
        Graphs(bags, [ambiguous])
    np.testing.assert_array_equal(Graphs(bags, [ambiguous > 0]).edges, [[1], [0]])
    both = np.array([[0, 1], [1, 0]])
    np.testing.assert_array_equal(Graphs(bags, [both]).edges, both)
    # Next to a larger graph it is clear what is meant.
    X = Graphs([*bags, np.ones((3, 1))], [ambiguous, np.zeros((3, 3), dtype=int)])
    np.testing.assert_array_equal(X.edges, [[1], [0]])


@pytest.mark.parametrize(
    "edges, message",
    [
        ([PAIRS[0]], "one entry per bag, 2; got 1"),
        ([PAIRS[0], [[2], [0]]], r"bag 1 of 2 instances has the edge \(2, 0\)"),
        ([PAIRS[0], [[0], [-1]]], r"bag 1 of 2 instances has the edge \(0, -1\)"),
        ([PAIRS[0], np.zeros((4, 4))], r"bag 1 of 2 instances has edges of shape \(4, 4\)"),
        ([PAIRS[0], [[0.5], [1]]], "bag 1 of 2 instances has edges .* float64"),
        ([PAIRS[0], [[0, 1], [1]]], "those of bag 1 are ragged"),
        ([np.zeros((3, 3)), np.full((2, 2), np.nan)], "finite; that of bag 1"),
        ([np.zeros((3, 3)), np.full((2, 2), "a")], "real numbers; that of bag 1"),
    ],
)
def test_bad_edges_are_named(edges, message):
    with pytest.raises(ValueError, match=message):
        Graphs(BAGS, edges)


@pytest.mark.parametrize(
    "edges, edge_offsets, message",
    [
        ([[0], [1]], [0, 1], "edge_offsets must be of length 3"),
        ([[0], [1]], [0, 0, 2], "edge_offsets must begin with 0 and end with 1"),
        ([[0.0], [1.0]], [0, 0, 1], "edges must be integers"),
        ([[0], [1], [1]], [0, 0, 1], "edges must be integers of shape"),
        ([[2], [1]], [0, 0, 1], r"bag 1 of 2 instances has the edge \(2, 1\)"),
    ],
)
def test_flat_edges_are_checked(edges, edge_offsets, message):
    with pytest.raises(ValueError, match=message):
        Graphs.from_flat(np.ones((5, 1)), [0, 3, 5], edges, edge_offsets)
