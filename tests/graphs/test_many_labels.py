"""Builders on tens of thousands of labels: memory for what is connected, not for all pairs."""

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

import skmlc.graphs
from skmlc import memory
from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceEmbedding,
    CooccurrenceGraph,
    HierarchyGraph,
    KNNLabelGraph,
    KnowledgeGraph,
    NameVectors,
    WordVectors,
    adjacency,
    counts,
    read_edge_list,
)
from skmlc.graphs.adjacency import count_edges, full_graph, is_full_graph
from skmlc.graphs.counts import LabelCounts

N_LABELS = 10_000
NAMES = [f"label{i}" for i in range(N_LABELS)]
TREE = [(i // 10, i) for i in range(1, N_LABELS)]
VECTORS = np.random.default_rng(0).normal(size=(N_LABELS, 2))
BUILDERS = [
    CooccurrenceGraph(),
    CooccurrenceGraph(top_k=3, weighted=True),
    ConditionalProbabilityGraph(0.1, neighbor_weight=0.2),
    ConditionalProbabilityGraph(0.1, neighbor_weight=0.2, direction="original"),
    ConditionalProbabilityGraph(0, neighbor_weight="probability"),
    KNNLabelGraph(),
    KNNLabelGraph(VECTORS, mutual=True),
    HierarchyGraph(TREE, consistent="min"),
    KnowledgeGraph([("is", NAMES[a], NAMES[b]) for a, b in TREE]),
    CooccurrenceEmbedding(n_components=2),
    NameVectors(HashingVectorizer(analyzer="char", n_features=4)),
]


def labels(unknown=0):
    """Return 2,000 samples of five labels each, frequent ones more often, as CSR of floats."""
    rng = np.random.default_rng(0)
    share = 1 / (np.arange(N_LABELS) + 10)
    columns = rng.choice(N_LABELS, size=(2_000, 5), p=share / share.sum())
    y = sparse.csr_array(
        (np.ones(10_000), (np.repeat(np.arange(2_000), 5), columns.ravel())),
        shape=(2_000, N_LABELS),
    )
    y.data[:] = 1
    if unknown:
        places = (
            np.repeat(np.arange(2_000), unknown),
            rng.integers(0, N_LABELS, 2_000 * unknown),
        )
        y = y + sparse.csr_array((np.full(len(places[0]), np.nan), places), shape=y.shape)
    return y


def test_all_builders_are_here():
    base = skmlc.graphs.BaseLabelGraph, skmlc.graphs.embeddings.BaseLabelEmbedding
    public = [getattr(skmlc.graphs, name) for name in skmlc.graphs.__all__]
    made = {x for x in public if isinstance(x, type) and issubclass(x, base)} - {*base}
    assert made == {type(builder) for builder in BUILDERS} | {WordVectors}


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda b: type(b).__name__)
def test_a_graph_of_many_labels_takes_memory_for_its_edges(builder):
    y = labels()
    tracemalloc.start()
    try:
        builder.fit(y, label_names=NAMES)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A byte for each pair of labels would be 100 MB, a number of each 800.
    assert peak < 40e6
    if hasattr(builder, "adjacency_"):
        assert isinstance(builder.adjacency_, sparse.csr_array)
        assert builder.adjacency_.nnz > 100
        assert builder.describe().n_edges == builder.adjacency_.nnz


def test_pairs_with_unknown_entries_take_memory_for_the_pairs():
    y = labels(unknown=200)
    tracemalloc.start()
    try:
        graph = ConditionalProbabilityGraph(0.1).fit(y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert graph.adjacency_.nnz > 100
    # The entries of y and copies of them; all pairs with unknown labels would be 24 MB more.
    assert peak < 5 * y.data.nbytes + 60e6


def test_files_of_many_labels_are_read_in_memory_of_what_they_hold(tmp_path):
    words, edges = tmp_path / "vectors.txt", tmp_path / "edges.tsv"
    words.write_text("".join(f"{name} {i} 1\n" for i, name in enumerate(NAMES)))
    edges.write_text("".join(f"{a}\t{b}\n" for a, b in TREE))
    aliases = dict(zip(NAMES, reversed(NAMES)))  # each of which is looked up
    found = WordVectors(words, aliases=aliases).fit(labels(), label_names=NAMES).embedding_
    np.testing.assert_array_equal(found[:, 0], np.arange(N_LABELS)[::-1])
    assert read_edge_list(edges, N_LABELS).nnz == 2 * len(TREE)


@pytest.mark.parametrize("most", [1, 7, 10**6])
def test_counts_do_not_depend_on_the_size_of_their_blocks(most, monkeypatch):
    monkeypatch.setattr(counts, "_MOST_PRODUCTS", most)
    rng = np.random.default_rng(1)
    Y, weight = rng.choice([0.0, 1.0, np.nan], size=(30, 8)), rng.random(30)
    found = LabelCounts.from_indicators(sparse.csr_array(Y), weight)
    pairs = found.cooccurrence()
    known = found.known_positives(pairs)
    for value, i, j in zip(known, *pairs.nonzero(), strict=True):
        rows = (Y[:, i] == 1) & ~np.isnan(Y[:, j])
        assert value == pytest.approx(weight[rows].sum())


def dense_samples(n_labels):
    """Return three samples that have a thousand labels each, of which they share some."""
    columns = np.concatenate([np.arange(i, i + 1000) for i in (0, 500, 2000)])
    parts = np.ones(3000), (np.repeat(np.arange(3), 1000), columns)
    return sparse.csr_array(parts, shape=(3, n_labels))


@pytest.mark.parametrize("builder", [CooccurrenceGraph(), KNNLabelGraph()])
def test_more_pairs_than_memory_holds_are_refused_before_they_are_made(
    builder, monkeypatch
):
    y = dense_samples(5_000)
    n_pairs = CooccurrenceGraph().fit(y).cooccurrence_.nnz
    monkeypatch.setattr(memory, "total_memory", lambda: 50_000_000)
    monkeypatch.setattr(counts, "total_memory", memory.total_memory)
    with pytest.raises(ValueError, match=r"5000 labels .*up to 1000 of") as error:
        builder.fit(y)
    about = float(str(error.value).split("about ")[1].split(" ")[0])
    assert about == pytest.approx(n_pairs, rel=0.1)
    monkeypatch.setattr(counts, "total_memory", lambda: 40 * n_pairs)
    monkeypatch.setattr(memory, "total_memory", lambda: 40 * n_pairs)
    builder.fit(y)


def test_a_full_graph_of_many_labels_takes_no_memory(monkeypatch):
    graph = full_graph(10**6)
    assert graph.shape == (10**6, 10**6)
    assert not graph.flags.writeable
    assert (graph[5, 5], graph[5, 6], graph[6, 5], graph[-1, -1]) == (0, 1, 1, 0)
    assert count_edges(graph) == 10**12 - 10**6
    monkeypatch.setattr(adjacency, "_FEW_LABELS", 3)
    np.testing.assert_array_equal(full_graph(4), 1 - np.eye(4))
    assert is_full_graph(full_graph(4))
    assert not is_full_graph(full_graph(4).copy())
    assert count_edges(full_graph(4).copy()) == 12
    assert count_edges(sparse.csr_array(full_graph(4))) == 12


def test_a_full_graph_of_few_labels_is_a_matrix_like_others():
    graph = full_graph(4)
    np.testing.assert_array_equal(graph, 1 - np.eye(4))
    graph[0, 1] = 2
    assert torch.from_numpy(graph).sum() == 13
    assert not is_full_graph(graph)
    assert full_graph(0).shape == (0, 0)
