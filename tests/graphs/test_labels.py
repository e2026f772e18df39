"""Graphs that are counted on the labels, against counting by hand and in loops."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from skmlc.graphs import ConditionalProbabilityGraph, CooccurrenceGraph

VOC_NAMES = [
    *["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair"],
    *["cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant"],
    *["sheep", "sofa", "train", "tvmonitor"],
]
# Images of the trainval part of PASCAL VOC 2007 with each label, and with the pairs of
# labels of which one has a probability of at least 0.1 given the other.
VOC_COUNTS = [238, 243, 330, 181, 244, 186, 713, 337, 445, 141]
VOC_COUNTS += [200, 421, 287, 245, 2008, 245, 96, 229, 261, 256]
VOC_PAIRS = [
    *[(0, 14, 25), (1, 14, 161), (3, 14, 43), (4, 8, 28), (4, 10, 46), (4, 14, 143)],
    *[(5, 6, 63), (5, 14, 71), (6, 13, 32), (6, 14, 215), (8, 10, 99), (8, 14, 167)],
    *[(8, 15, 53), (8, 17, 72), (8, 19, 76), (9, 14, 33), (10, 14, 94), (10, 15, 27)],
    *[(11, 14, 116), (12, 14, 221), (13, 14, 169), (14, 15, 73), (14, 16, 12)],
    *[(14, 17, 72), (14, 18, 47), (14, 19, 77), (15, 17, 30), (17, 19, 37)],
]
# For each threshold: edges, isolated labels, labels that make "person" likely.
VOC_GRAPHS = {
    0.1: (38, 2, 17),
    0.2: (21, 5, 14),
    0.25: (16, 7, 12),
    0.3: (13, 9, 10),
    0.4: (6, 13, 5),
    0.5: (4, 15, 4),
}
COCO_GRAPHS = {
    0.1: (565, 2, 77),
    0.2: (311, 4, 73),
    0.25: (239, 5, 68),
    0.3: (186, 6, 64),
    0.4: (111, 12, 55),
    0.5: (68, 26, 38),
}
# Rows of the re-weighted matrix at threshold 0.4 and neighbor weight 0.2.
VOC_ROWS = {
    "paper": {
        "person": {"person": 0.8},
        "chair": {"chair": 0.8},
        "bicycle": {"bicycle": 0.8, "person": 0.2},
        "diningtable": {"diningtable": 0.8, "chair": 0.1, "person": 0.1},
        "cat": {"cat": 0.8},
    },
    "original": {
        "person": {
            "person": 1.0,
            **dict.fromkeys(["bicycle", "bottle", "horse", "motorbike"], 0.0488),
            "diningtable": 0.0439,
        },
        "chair": {"chair": 1.0, "diningtable": 0.2193},
        "bicycle": {"bicycle": 0.9524},
        "diningtable": {"diningtable": 0.7692},
        "cat": {"cat": 1.0},
    },
}
THREE_LABELS = [[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 1], [0, 1, 0], [0, 1, 1]]


def voc_cooccurrence():
    cooccurrence = np.zeros((20, 20))
    for i, j, count in VOC_PAIRS:
        cooccurrence[i, j] = cooccurrence[j, i] = count
    return cooccurrence


def published_counts(name):
    """Return the co-occurrence and the counts of a label graph in the data folder."""
    root = os.environ.get("SKMLC_DATA")
    if root is None:
        pytest.skip("SKMLC_DATA names no folder of data sets")
    path = Path(root) / name / "label_graph.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with np.load(path) as file:
        return file["cooccurrence"], file["counts"]


def random_labels(n_labels=7, missing=0.2, seed=0):
    rng = np.random.default_rng(seed)
    Y = (rng.random((80, n_labels)) < rng.uniform(0.1, 0.6, n_labels)).astype(float)
    Y[rng.random(Y.shape) < missing] = np.nan
    return Y


def full_matrix(graph):
    return graph.adjacency_.toarray() + np.diag(graph.self_weight_)


# Co-occurrence --------------------------------------------------------------------------


def count_in_loops(Y, weight):
    """Count, entry by entry, common samples and samples with i where j is known."""
    n_labels = Y.shape[1]
    together, known = np.zeros((2, n_labels, n_labels))
    for row, w in zip(Y, weight):
        for i in range(n_labels):
            for j in range(n_labels):
                if i != j and row[i] == 1 and not np.isnan(row[j]):
                    known[i, j] += w
                    together[i, j] += w * row[j]
    return together, known


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_counts_are_those_of_a_loop(missing, make):
    Y = random_labels(missing=missing)
    weight = np.random.default_rng(1).integers(0, 3, len(Y)).astype(float)
    together, known = count_in_loops(Y, weight)
    graph = ConditionalProbabilityGraph().fit(make(Y), sample_weight=weight)
    np.testing.assert_array_equal(graph.cooccurrence_.toarray(), together)
    np.testing.assert_allclose(
        graph.conditional_probability_.toarray(), together / (known + np.eye(7)), rtol=1e-15
    )
    np.testing.assert_array_equal(graph.counts_, weight @ (Y == 1))


def test_few_and_many_positives_are_counted_alike():
    # Above one positive in ten the product is dense.
    Y = (np.random.default_rng(0).random((50, 40)) < 0.3).astype(float)
    with_rare_labels = np.hstack([Y, np.zeros((50, 200))])
    few = CooccurrenceGraph().fit(with_rare_labels).cooccurrence_.toarray()
    many = CooccurrenceGraph().fit(Y).cooccurrence_.toarray()
    np.testing.assert_array_equal(few[:40, :40], many)
    np.testing.assert_array_equal(many, Y.T @ Y - np.diag(Y.sum(0)))


def test_any_common_sample_makes_an_edge():
    graph = CooccurrenceGraph().fit(THREE_LABELS)
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    )


def test_min_count_asks_for_more_samples():
    graph = CooccurrenceGraph(min_count=3).fit(THREE_LABELS)
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    )
    np.testing.assert_array_equal(
        graph.cooccurrence_.toarray(), [[0, 2, 0], [2, 0, 3], [0, 3, 0]]
    )


def test_weighted_edges_hold_the_counts():
    graph = CooccurrenceGraph(weighted=True).fit(THREE_LABELS)
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), [[0, 2, 0], [2, 0, 3], [0, 3, 0]]
    )


@pytest.mark.parametrize("top_k", [1, 2, 3, 50])
def test_top_k_keeps_what_either_end_keeps(top_k):
    Y = random_labels(n_labels=9, missing=0.0)
    counts, together = Y.sum(0), Y.T @ Y
    expected = np.zeros((9, 9))
    for i in range(9):
        others = [j for j in range(9) if j != i and together[i, j] > 0]
        others.sort(key=lambda j: (-together[i, j], counts[j], j))
        for j in others[:top_k]:
            expected[i, j] = expected[j, i] = 1
    graph = CooccurrenceGraph(top_k=top_k).fit(Y)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected)


def test_top_k_breaks_ties_by_the_rarer_neighbor():
    Y = [[1, 1, 0], [1, 0, 1], [0, 1, 0]]  # label 0 is with 1 and 2 once each; 2 is rarer
    graph = CooccurrenceGraph(top_k=1).fit(Y)
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), [[0, 1, 1], [1, 0, 0], [1, 0, 0]]
    )
    together = [[1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 0, 1]]
    graph = CooccurrenceGraph(top_k=1).fit(together)
    assert graph.adjacency_.toarray()[0, 2] == 1
    assert graph.adjacency_.toarray()[0, 1] == 0


# Conditional probability ----------------------------------------------------------------


def reweight_in_loops(binary, p):
    """Eq. 8 of ML-GCN with the mask: row i is what label i receives."""
    result = np.zeros(binary.shape)
    for i in range(len(binary)):
        for j in range(len(binary)):
            if i == j:
                result[i, j] = 1 - p
            elif binary[i, j]:
                result[i, j] = p * binary[i, j] / binary[i].sum()
    return result


def as_the_authors_program(binary, p):
    """Normalize by columns, then D A'^T D, on dense matrices."""
    n_sources = binary.sum(axis=0)
    reweighted = binary * (p / (1 - p)) / np.where(n_sources, n_sources, 1)
    reweighted += np.eye(len(binary))
    D = np.diag(reweighted.sum(axis=1) ** -0.5)
    return D @ reweighted.T @ D


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.35, 0.6])
@pytest.mark.parametrize("p", [0.2, 0.5])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_both_directions_follow_their_formulas(threshold, p, missing):
    Y = random_labels(missing=missing)
    together, known = count_in_loops(Y, np.ones(len(Y)))
    probability = together / (known + np.eye(7))
    binary = ((probability >= threshold) & (together > 0)).astype(float)
    paper = ConditionalProbabilityGraph(threshold, p).fit(Y)
    np.testing.assert_allclose(full_matrix(paper), reweight_in_loops(binary, p))
    original = ConditionalProbabilityGraph(threshold, p, "original").fit(Y)
    np.testing.assert_allclose(full_matrix(original), as_the_authors_program(binary, p))


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_edges_may_weigh_their_probability(missing):
    Y = random_labels(missing=missing)
    together, known = count_in_loops(Y, np.ones(len(Y)))
    probability = together / (known + np.eye(7))
    expected = np.where(probability >= 0.3, probability, 0) + np.eye(7)
    paper = ConditionalProbabilityGraph(0.3, "probability").fit(Y)
    np.testing.assert_allclose(full_matrix(paper), expected)
    original = ConditionalProbabilityGraph(0.3, "probability", "original").fit(Y)
    np.testing.assert_allclose(full_matrix(original), expected.T)
    for edge in original.describe().strongest:
        assert edge.weight == edge.support


def test_a_label_receives_from_what_it_makes_likely():
    graph = ConditionalProbabilityGraph(threshold=0.6).fit(THREE_LABELS)
    # All samples of labels 0 and 2 have label 1, a third and a half of its own have them.
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    )
    np.testing.assert_array_equal(graph.self_weight_, [1, 1, 1])
    reverse = ConditionalProbabilityGraph(0.6, direction="original").fit(THREE_LABELS)
    np.testing.assert_array_equal(
        reverse.adjacency_.toarray(), graph.adjacency_.toarray().T
    )
    np.testing.assert_array_equal(reverse.self_weight_, [1, 1, 1])


def test_the_threshold_itself_makes_an_edge():
    assert ConditionalProbabilityGraph(0.5).fit(THREE_LABELS).adjacency_[1, 2] == 1
    assert ConditionalProbabilityGraph(0.51).fit(THREE_LABELS).adjacency_[1, 2] == 0


def test_unknown_entries_take_no_part_in_a_probability():
    nan = np.nan
    Y = [[1, 1], [1, nan], [1, nan], [1, 0], [0, 1], [nan, 1], [0, nan]]
    graph = ConditionalProbabilityGraph().fit(Y)
    # Of four samples with label 0, label 1 is known in two; of three with 1, 0 in two.
    np.testing.assert_array_equal(
        graph.conditional_probability_.toarray(), [[0, 0.5], [0.5, 0]]
    )
    np.testing.assert_array_equal(graph.counts_, [4, 3])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("direction", ["paper", "original"])
@pytest.mark.parametrize("neighbor_weight", [None, 0.1, "probability"])
def test_counts_and_labels_give_the_same_graph(make, neighbor_weight, direction):
    Y = random_labels(missing=0.0)
    fitted = ConditionalProbabilityGraph(0.3, neighbor_weight, direction).fit(Y)
    names = list("abcdefg")
    counted = ConditionalProbabilityGraph.from_counts(
        make(Y.T @ Y),
        Y.sum(axis=0),
        threshold=0.3,
        neighbor_weight=neighbor_weight,
        direction=direction,
        label_names=names,
    )
    np.testing.assert_array_equal(full_matrix(counted), full_matrix(fitted))
    assert counted.get_params() == fitted.get_params()
    assert counted.n_features_in_ == 7
    assert counted.label_names_ == names
    assert counted.describe().strongest[0].receiver in names


@pytest.mark.parametrize(
    "cooccurrence, counts, kwargs, message",
    [
        (np.zeros((2, 3)), [1, 1], {}, "cooccurrence must be of shape"),
        (np.zeros((2, 2)), [1, 1, 1], {}, "cooccurrence must be of shape"),
        (np.zeros((2, 2)), [[1, 1]], {}, "cooccurrence must be of shape"),
        ([[0, 1], [2, 0]], [3, 3], {}, "symmetric"),
        ([[0, 2], [2, 0]], [3, 1], {}, "counts must be the number of samples"),
        ([[0, -1], [-1, 0]], [3, 1], {}, "Negative values"),
        ([[0, np.nan], [1, 0]], [3, 1], {}, "cooccurrence contains NaN"),
        (np.zeros((2, 2)), [1, 1], {"threshold": 2}, "threshold"),
        (np.zeros((2, 2)), [1, 1], {"neighbor_weight": 1.1}, "neighbor_weight"),
        (np.zeros((2, 2)), [1, 1], {"neighbor_weight": "count"}, "neighbor_weight"),
        (np.zeros((2, 2)), [1, 1], {"label_names": ["a"]}, "label_names"),
    ],
)
def test_impossible_counts_are_refused(cooccurrence, counts, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ConditionalProbabilityGraph.from_counts(cooccurrence, counts, **kwargs)


# Published graphs -----------------------------------------------------------------------


def summary(cooccurrence, counts, threshold, person):
    """Return the numbers of edges, isolated labels, and labels that point at person."""
    graph = ConditionalProbabilityGraph.from_counts(
        cooccurrence, counts, threshold=threshold
    )
    description = graph.describe()
    pointing = graph.adjacency_[:, [person]].nnz
    return description.n_edges, len(description.isolated), pointing


@pytest.mark.parametrize("threshold", VOC_GRAPHS)
def test_voc_graph_has_the_known_size(threshold):
    found = summary(voc_cooccurrence(), VOC_COUNTS, threshold, person=14)
    assert found == VOC_GRAPHS[threshold]


@pytest.mark.data
@pytest.mark.parametrize("threshold", VOC_GRAPHS)
def test_all_voc_counts_give_the_known_size(threshold):
    counts = published_counts("voc2007_label_graph")
    assert summary(*counts, threshold, person=14) == VOC_GRAPHS[threshold]


@pytest.mark.data
@pytest.mark.parametrize("threshold", COCO_GRAPHS)
def test_coco_counts_give_the_known_size(threshold):
    counts = published_counts("coco_mini256")
    assert summary(*counts, threshold, person=0) == COCO_GRAPHS[threshold]


@pytest.mark.parametrize("direction", ["paper", "original"])
def test_voc_rows_are_the_published_ones(direction):
    graph = ConditionalProbabilityGraph.from_counts(
        voc_cooccurrence(),
        VOC_COUNTS,
        neighbor_weight=0.2,
        direction=direction,
        label_names=VOC_NAMES,
    )
    matrix = full_matrix(graph)
    for label, row in VOC_ROWS[direction].items():
        found = matrix[VOC_NAMES.index(label)]
        np.testing.assert_allclose(
            found, [row.get(name, 0) for name in VOC_NAMES], atol=5e-5, err_msg=label
        )


@pytest.mark.parametrize("direction, receivers", [("paper", 5), ("original", 2)])
def test_voc_receivers(direction, receivers):
    graph = ConditionalProbabilityGraph.from_counts(
        voc_cooccurrence(), VOC_COUNTS, direction=direction, label_names=VOC_NAMES
    )
    description = graph.describe(top=2)
    assert description.n_receivers == receivers
    first = ("horse", "person") if direction == "paper" else ("person", "horse")
    assert description.strongest[0][:2] == first
    assert description.strongest[0].support == pytest.approx(221 / 287)


@pytest.mark.data
@pytest.mark.parametrize("direction, receivers", [("paper", 65), ("original", 23)])
def test_coco_receivers(direction, receivers):
    graph = ConditionalProbabilityGraph.from_counts(
        *published_counts("coco_mini256"), direction=direction
    )
    assert graph.describe().n_receivers == receivers


@pytest.mark.parametrize("p", [0, 0.0, 1, 1.0])
def test_the_ends_of_the_neighbors_share_are_all_self_and_all_neighbors(p):
    Y = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]])
    binary = ConditionalProbabilityGraph(0.4).fit(Y).adjacency_.toarray()
    graph = ConditionalProbabilityGraph(0.4, neighbor_weight=p).fit(Y)
    shares = binary / np.maximum(binary.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(graph.adjacency_.toarray(), p * shares)
    np.testing.assert_array_equal(graph.self_weight_, [1 - p] * 3)
    assert (graph.adjacency_.data != 0).all()


def test_all_neighbors_are_refused_where_a_label_always_keeps_itself():
    with pytest.raises(ValueError, match="neighbor_weight must be below 1"):
        ConditionalProbabilityGraph(0.4, 1, "original").fit([[1, 1], [1, 0]])
