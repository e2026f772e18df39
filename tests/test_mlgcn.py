"""ML-GCN against its equations, its published matrices, and with every kind of nodes."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc import MLGCNClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.mlgcn import MLGCN, propagation_matrix
from skmlc.nn.nodes import Layout, Nodes

N, S, L, D = 4, 5, 6, 8


@pytest.fixture(scope="module")
def scenes():
    return load_digit_scenes(150, random_state=0)


def fitted(scenes, *args, **options):
    options = {"hidden_size": 8, "max_epochs": 2, "random_state": 0, **options}
    return MLGCNClassifier(*args, **options).fit(scenes.bags, scenes.target)


def random_graph(seed=0):
    rng = np.random.default_rng(seed)
    graph = (rng.random((L, L)) < 0.4).astype(float)
    np.fill_diagonal(graph, 0)
    return graph


def random_nodes(seed=0):
    values = torch.randn(
        N * S, D, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    return Nodes(values, Layout.regular(N, S))


def test_logits_are_equations_2_to_4():
    matrix, vectors = (
        random_graph() + np.eye(L),
        np.random.default_rng(1).normal(size=(L, 3)),
    )
    head = MLGCN(matrix, vectors, node_size=D, hidden_size=7).double().eval()
    nodes = random_nodes()
    first, second = (p.detach().numpy() for p in head.parameters())
    hidden = matrix @ vectors @ first
    classifiers = matrix @ np.where(hidden > 0, hidden, 0.2 * hidden) @ second.T
    values = nodes.values.view(N, S, D).numpy()
    expected = np.zeros((N, L))
    for n in range(N):
        for label in range(L):
            pooled = [values[n, :, d].max() for d in range(D)]
            expected[n, label] = np.dot(classifiers[label], pooled)
    np.testing.assert_allclose(head(nodes).detach().numpy(), expected, atol=1e-6)


def test_permuting_the_labels_permutes_the_logits():
    graph, vectors = random_graph(), np.random.default_rng(1).normal(size=(L, 3))
    order = np.random.default_rng(2).permutation(L)
    heads = []
    for rows in (np.arange(L), order):
        matrix = propagation_matrix(graph[rows][:, rows])
        torch.manual_seed(0)
        heads.append(MLGCN(matrix, vectors[rows], node_size=D, hidden_size=7).double())
    plain, permuted = (head.eval()(random_nodes()).detach().numpy() for head in heads)
    np.testing.assert_allclose(permuted, plain[:, order], rtol=1e-9)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_symmetric_normalization_is_that_of_kipf_and_welling(make):
    graph = random_graph()
    found = propagation_matrix(make(graph))
    degree = [1 + graph[i].sum() for i in range(L)]
    for i in range(L):
        for j in range(L):
            entry = (graph[i, j] + (i == j)) / np.sqrt(degree[i] * degree[j])
            assert found[i, j] == pytest.approx(entry)


def original_program(counts, cooccurrence, threshold):
    """The matrix of the authors' program, from section 1(a) of its description."""
    n_labels = len(counts)
    binary = np.array(
        [[cooccurrence[i, j] / counts[i] >= threshold for j in range(n_labels)]
         for i in range(n_labels)]
    ).astype(float)  # fmt: skip
    weighted = binary * 0.25 / (binary.sum(axis=0) + 1e-6) + np.eye(n_labels)
    d = np.diag(weighted.sum(axis=1) ** -0.5)
    return d @ weighted.T @ d


def test_original_direction_is_the_matrix_of_the_authors_program():
    rng = np.random.default_rng(0)
    Y = (rng.random((60, L)) < 0.4).astype(int)
    Y[:, 1] |= Y[:, 0]
    builder = ConditionalProbabilityGraph(0.45, 0.2, direction="original")
    X = rng.normal(size=(60, 3))
    model = MLGCNClassifier(builder, max_epochs=1, random_state=0).fit(X, Y)
    cooccurrence = Y.T @ Y
    np.fill_diagonal(cooccurrence, 0)
    expected = original_program(Y.sum(axis=0), cooccurrence, 0.45)
    found = model._propagation_matrix()
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)


def test_auto_normalizes_binary_graphs_only(scenes):
    weighted = fitted(scenes, ConditionalProbabilityGraph(0.2, 0.2))
    binary = fitted(scenes, ConditionalProbabilityGraph(0.2))
    graph = weighted.adjacency_.toarray() + np.diag(weighted.label_graph_.self_weight_)
    np.testing.assert_allclose(weighted._propagation_matrix().toarray(), graph)
    np.testing.assert_allclose(
        binary._propagation_matrix().toarray(),
        propagation_matrix(binary.adjacency_.toarray()),
    )
    as_it_is = fitted(scenes, ConditionalProbabilityGraph(0.2), normalization=None)
    assert as_it_is._propagation_matrix().max() == 1
    original = ConditionalProbabilityGraph(0.2, 0.2, "original")
    normalized = fitted(scenes, original, normalization="symmetric")
    difference = (
        normalized._propagation_matrix() - fitted(scenes, original)._propagation_matrix()
    )
    assert abs(difference).max() > 0.01


def test_label_classifiers_give_the_logits(scenes):
    model = fitted(scenes, linear_skip=False)
    logits = model.transform(scenes.bags) @ model.label_classifiers_.T
    np.testing.assert_allclose(logits, model.decision_function(scenes.bags), atol=1e-5)


def test_contributions_sum_to_the_logits(scenes):
    model = fitted(scenes, linear_skip=False)
    parts = model.explain(scenes.bags[:20]).relevance
    assert [part.shape for part in parts] == [(10, len(bag)) for bag in scenes.bags[:20]]
    np.testing.assert_allclose(
        [part.sum(axis=1) for part in parts],
        model.decision_function(scenes.bags[:20]),
        atol=1e-5,
    )


@pytest.mark.parametrize("name, value", [
    ("n_layers", 1), ("n_layers", 4), ("hidden_size", 5), ("dropout", 0.5),
    ("label_graph", "none"), ("label_embedding", np.eye(10)[:, :4]),
])  # fmt: skip
def test_every_parameter_changes_the_model(scenes, name, value):
    plain = fitted(scenes).predict_proba(scenes.bags)
    changed = fitted(scenes, **{name: value}).predict_proba(scenes.bags)
    assert np.abs(plain - changed).max() > 1e-4


def test_label_vectors_are_taken_by_name():
    import pandas as pd

    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 3)), rng.integers(0, 2, (50, 2))
    vectors = {"b": [1.0, 2.0, 3.0], "a": [4.0, 5.0, 6.0], "c": [0.0, 0.0, 0.0]}
    model = MLGCNClassifier(label_embedding=vectors, max_epochs=1, random_state=0)
    model.fit(X, pd.DataFrame(Y, columns=["a", "b"]))
    np.testing.assert_array_equal(model.label_embedding_, [[4, 5, 6], [1, 2, 3]])
    with pytest.raises(ValueError, match="label_embedding"):
        model.fit(X, Y)


def test_published_counts_give_the_matrix_of_the_paper_up_to_a_factor():
    rng = np.random.default_rng(0)
    Y = (rng.random((60, L)) < 0.4).astype(int)
    cooccurrence = Y.T @ Y
    graph = ConditionalProbabilityGraph.from_counts(
        cooccurrence - np.diag(np.diag(cooccurrence)), Y.sum(axis=0), threshold=0.4,
        neighbor_weight=0.2,
    )  # fmt: skip
    given = MLGCNClassifier(
        graph.adjacency_ / graph.self_weight_[0], normalization=None, max_epochs=1
    )
    built = MLGCNClassifier(ConditionalProbabilityGraph(0.4, 0.2), max_epochs=1)
    X = rng.normal(size=(60, 3))
    given, built = (m.fit(X, Y)._propagation_matrix().toarray() for m in (given, built))
    np.testing.assert_allclose(given * 0.8, built, atol=1e-12)


def test_negative_weights_do_not_blow_up_the_normalization():
    graph = np.array([[0.0, -1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(propagation_matrix(graph), [[0.5, -0.5], [-0.5, 0.5]])
