"""Label graphs of any labels against loops; the order of samples and labels is no matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceEmbedding,
    CooccurrenceGraph,
    KNNLabelGraph,
)
from tests.strategies import indicators, weights

BUILDERS = {
    "cooccurrence": CooccurrenceGraph(min_count=2),
    "weighted": CooccurrenceGraph(weighted=True),
    "paper": ConditionalProbabilityGraph(0.5, neighbor_weight=0.2),
    "original": ConditionalProbabilityGraph(0.5, 0.2, direction="original"),
    "probability": ConditionalProbabilityGraph(0, neighbor_weight="probability"),
}
every_builder = pytest.mark.parametrize("builder", BUILDERS.values(), ids=BUILDERS)


@st.composite
def weighted_labels(draw):
    """Draw labels with unknown entries, and a weight of each sample."""
    Y = draw(indicators(missing=draw(st.booleans()), labels=(2, 6)))
    return Y, draw(weights(len(Y)))


def count(Y, weight):
    """Return the weight of samples with both labels, and of those with i that know j."""
    n_labels = Y.shape[1]
    together, known = np.zeros((2, n_labels, n_labels))
    for i in range(n_labels):
        for j in range(n_labels):
            for y, w in zip(Y, weight, strict=True):
                together[i, j] += w * (y[i] == 1 and y[j] == 1)
                known[i, j] += w * (y[i] == 1 and not np.isnan(y[j]))
    return together, known


def share(edges, total):
    """Give the edges of each receiver the same share of a total."""
    shared = np.zeros(edges.shape)
    for i, row in enumerate(edges):
        for j in np.flatnonzero(row):
            shared[i, j] = total / row.sum()
    return shared


def graph_with_loops(name, Y, weight):
    """Return the adjacency matrix of a builder, and the self weights."""
    together, known = count(Y, weight)
    apart, self_weight = ~np.eye(len(together), dtype=bool), np.ones(len(together))
    if name == "cooccurrence":
        return (together >= 2) & apart, self_weight
    if name == "weighted":
        return np.where((together >= 1) & apart, together, 0), self_weight
    probability = np.divide(together, known, out=np.zeros(known.shape), where=known > 0)
    if name == "probability":
        return probability * apart, self_weight
    edges = (probability >= 0.5) & apart  # Eq. 7
    if name == "paper":
        return share(edges, 0.2), self_weight * 0.8  # Eq. 8
    # The authors' program: rows of A' are what we hold as columns.
    full = share(edges.T, 0.2 / 0.8).T + np.eye(len(edges))  # A'
    root = np.diag(full.sum(axis=1) ** -0.5)
    scaled = root @ full.T @ root
    return scaled * apart, np.diag(scaled)


@pytest.mark.parametrize("name", BUILDERS)
@given(labels=weighted_labels())
def test_a_graph_is_its_definition(name, labels):
    Y, weight = labels
    graph = BUILDERS[name].fit(Y, sample_weight=weight)
    adjacency, self_weight = graph_with_loops(name, Y, weight)
    np.testing.assert_allclose(graph.adjacency_.toarray(), adjacency, atol=1e-12)
    np.testing.assert_array_equal(graph.counts_, weight @ (Y == 1))
    if "cooccurrence" not in name and "weighted" not in name:
        np.testing.assert_allclose(graph.self_weight_, self_weight)


@every_builder
@given(labels=weighted_labels(), data=st.data())
def test_the_order_of_samples_does_not_matter_and_that_of_labels_only_names(
    builder, labels, data
):
    Y, weight = labels
    rows = data.draw(st.permutations(range(len(Y))))
    order = data.draw(st.permutations(range(Y.shape[1])))
    expected = builder.fit(Y, sample_weight=weight).adjacency_.toarray()
    other = builder.fit(Y[rows][:, order], sample_weight=weight[rows])
    found = other.adjacency_.toarray()
    np.testing.assert_allclose(found, expected[order][:, order], atol=1e-12)


@every_builder
@given(labels=weighted_labels())
def test_a_weight_is_how_often_a_sample_is_given(builder, labels):
    Y, weight = labels
    expected = builder.fit(Y, sample_weight=weight).adjacency_.toarray()
    found = builder.fit(np.repeat(Y, weight.astype(int), axis=0)).adjacency_.toarray()
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("top_k", [1, 2])
@given(labels=weighted_labels())
def test_the_strongest_edges_of_either_end_are_kept(top_k, labels):
    Y, weight = labels
    together = count(Y, weight)[0]
    np.fill_diagonal(together, 0)
    kept = CooccurrenceGraph(top_k=top_k).fit(Y, sample_weight=weight).adjacency_.toarray()
    np.testing.assert_array_equal(kept, kept.T)
    # The k-th largest count of each label; of equal ones any may be kept.
    level = np.sort(together)[:, ::-1][:, top_k - 1]
    needed = np.minimum.outer(level, level)
    assert (kept[together > needed] == 1).all()
    assert (kept[(together < needed) | (together == 0)] == 0).all()
    assert ((kept != 0).sum(axis=1) >= np.minimum(top_k, (together > 0).sum(axis=1))).all()


@given(labels=weighted_labels())
def test_products_of_the_label_vectors_are_their_information(labels):
    Y, weight = labels
    together, known = count(Y, weight)
    builder = CooccurrenceEmbedding(n_components=6).fit(Y, sample_weight=weight)
    expected = np.zeros(together.shape)
    for i in range(len(expected)):
        for j in range(len(expected)):
            if not together[i, j]:
                continue
            # P(j | i) and P(i | j), and P of each among the samples in which it is known.
            given_i, given_j = together[i, j] / known[i, j], together[i, j] / known[j, i]
            p_i, p_j = (together[k, k] / (weight @ ~np.isnan(Y[:, k])) for k in (i, j))
            expected[i, j] = (np.log(given_i / p_j) + np.log(given_j / p_i)) / 2
    expected[expected < 1e-12] = 0
    np.testing.assert_allclose(builder.ppmi_.toarray(), expected, atol=1e-12)
    # Of a symmetric matrix, the vectors' products are its values with positive signs.
    values = np.sort(np.abs(np.linalg.eigvalsh(expected)))[::-1]
    np.testing.assert_allclose(builder.singular_values_, values, atol=1e-9)
    gram = builder.embedding_ @ builder.embedding_.T
    np.testing.assert_allclose(gram @ gram, expected @ expected, atol=1e-9)


@pytest.mark.parametrize("mutual", [False, True])
@given(data=st.data())
def test_neighbors_are_the_nearest_labels(mutual, data):
    n_labels = data.draw(st.integers(2, 6))
    seed, k = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 5))
    vectors = np.random.default_rng(seed).normal(size=(n_labels, 3))
    graph = KNNLabelGraph(vectors, n_neighbors=k, mutual=mutual)
    found = graph.fit(np.zeros((1, n_labels))).adjacency_.toarray() != 0
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = np.zeros((n_labels, n_labels), dtype=bool)
    for i in range(n_labels):
        others = [j for j in range(n_labels) if j != i]
        nearest[i, sorted(others, key=lambda j: -(unit[i] @ unit[j]))[:k]] = True
    expected = nearest & nearest.T if mutual else nearest
    np.testing.assert_array_equal(found, expected)
