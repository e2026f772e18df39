"""Label graphs given as names or matrices, and edges that are weighed anew."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.graphs.adjacency import check_adjacency, reweight_adjacency, share_weight
from skmlc.graphs.choose import choose_label_graph


def random_graph(n_nodes=8, seed=0):
    """Return random weights, a third of them zero, with self-loops."""
    rng = np.random.default_rng(seed)
    weights = rng.random((n_nodes, n_nodes)) * 5
    return np.where(rng.random(weights.shape) < 1 / 3, 0, weights)


def as_dense(adjacency):
    return adjacency.toarray() if sparse.issparse(adjacency) else adjacency


# What a label graph may be --------------------------------------------------------------


def test_names_stand_for_all_edges_and_none():
    np.testing.assert_array_equal(check_adjacency("full", 3), 1 - np.eye(3))
    none = check_adjacency("none", 3)
    assert none.shape == (3, 3)
    assert none.nnz == 0


@pytest.mark.parametrize(
    "make", [np.asarray, np.ndarray.tolist, sparse.csr_array, sparse.coo_matrix]
)
@pytest.mark.parametrize("concepts", [False, True])
def test_a_matrix_loses_its_self_loops_alone(make, concepts):
    weights = random_graph()
    given = make(weights)
    adjacency = check_adjacency(given, 8, concepts)
    np.testing.assert_array_equal(as_dense(adjacency), weights - np.diag(np.diag(weights)))
    assert sparse.issparse(adjacency) == sparse.issparse(given)
    np.testing.assert_array_equal(weights, random_graph())
    if sparse.issparse(given):
        np.testing.assert_array_equal(given.toarray(), weights)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_concepts_may_follow_the_labels(make):
    weights = random_graph()
    adjacency = check_adjacency(make(weights), 5, concepts=True)
    np.testing.assert_array_equal(as_dense(adjacency), weights - np.diag(np.diag(weights)))


@pytest.mark.parametrize(
    "make",
    [
        np.stack,
        list,
        lambda relations: [relation.tolist() for relation in relations],
        lambda relations: [sparse.csr_array(relation) for relation in relations],
        lambda relations: tuple(sparse.coo_matrix(relation) for relation in relations),
    ],
)
@pytest.mark.parametrize("n_relations", [1, 3])
def test_relations_are_averaged(make, n_relations):
    relations = [random_graph(seed=seed) for seed in range(n_relations)]
    expected = np.zeros((8, 8))
    for i in range(8):
        for j in range(8):
            if i != j:
                expected[i, j] = sum(r[i, j] for r in relations) / n_relations
    adjacency = check_adjacency(make(relations), 8, concepts=True)
    np.testing.assert_allclose(as_dense(adjacency), expected, rtol=1e-15)
    for seed, relation in enumerate(relations):
        np.testing.assert_array_equal(relation, random_graph(seed=seed))


@pytest.mark.parametrize(
    "adjacency, message",
    [
        (np.ones((2, 3)), r"shape \(3, 3\), one row per label of y; got \(2, 3\)\.$"),
        (np.ones((2, 2)), r"shape \(3, 3\).* got \(2, 2\)\.$"),
        (np.ones(3), r"got \(3,\)\.$"),
        ([], r"got \(0,\)\.$"),
        (np.ones((5, 5)), r"got \(5, 5\); only GGNNClassifier takes concepts beyond"),
        (sparse.eye_array(5), r"got \(5, 5\); only GGNNClassifier takes concepts beyond"),
        (np.ones((2, 5, 5)), r"got \(2, 5, 5\); only GGNNClassifier takes concepts beyond"),
        (
            np.ones((2, 3, 3)),
            r"got \(2, 3, 3\); only GGNNClassifier takes several relations",
        ),
        ([sparse.eye_array(3)] * 2, r"got \(2, 3, 3\); only GGNNClassifier takes several"),
        (np.full((3, 3), np.nan), "finite numbers; got NaN"),
        (sparse.csr_array(np.full((3, 3), np.inf)), "finite numbers; got NaN or infinity"),
    ],
)
def test_wrong_label_graphs_are_refused(adjacency, message):
    with pytest.raises(ValueError, match=message):
        check_adjacency(adjacency, 3)


@pytest.mark.parametrize(
    "adjacency, message",
    [
        (np.ones((2, 2)), r"with at least 3 nodes.* got \(2, 2\)\.$"),
        (np.ones((4, 3)), r"with at least 3 nodes.* got \(4, 3\)\.$"),
        (np.ones((2, 2, 2)), r"with at least 3 nodes.* got \(2, 2, 2\)\.$"),
        (np.ones((1, 1, 3, 3)), r"got \(1, 1, 3, 3\)\.$"),
        (np.ones((0, 3, 3)), r"got \(0, 3, 3\)\.$"),
        ([], r"got \(0,\)\.$"),
        (
            [sparse.eye_array(3), sparse.eye_array(4)],
            r"relations of one shape; got \(3, 3\) and \(4, 4\)\.$",
        ),
        ([sparse.eye_array(3), sparse.eye_array(3) * np.nan], "finite numbers"),
    ],
)
def test_wrong_graphs_with_concepts_are_refused(adjacency, message):
    with pytest.raises(ValueError, match=message):
        check_adjacency(adjacency, 3, concepts=True)


# Edges that are weighed anew ------------------------------------------------------------


def reweight_in_loops(weights, tau, p):
    """Eq. 13-14 of Viel on A / max A, with the mask that the print of Eq. 8 lacks."""
    n_nodes = len(weights)
    largest = max(weights[i, j] for i in range(n_nodes) for j in range(n_nodes) if i != j)
    result = np.zeros(weights.shape)
    for i in range(n_nodes):
        kept = [j for j in range(n_nodes) if j != i and weights[i, j] / largest >= tau]
        kept = [j for j in kept if weights[i, j] > 0]
        for j in kept:
            result[i, j] = p / len(kept)
        result[i, i] = 1 - p
    return result


@pytest.mark.parametrize("tau, p", [(0.1, 0.1), (0.5, 0.2), (0.95, 0.5), (0.0, 0.7)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.coo_matrix])
def test_reweighting_follows_its_formula(make, tau, p):
    weights = random_graph(n_nodes=12)
    adjacency, self_weight = reweight_adjacency(make(weights), tau, p)
    assert isinstance(adjacency, sparse.csr_array)
    assert self_weight.shape == (12,)
    np.testing.assert_allclose(
        adjacency.toarray() + np.diag(self_weight), reweight_in_loops(weights, tau, p)
    )
    np.testing.assert_array_equal(weights, random_graph(n_nodes=12))


def test_reweighting_does_not_depend_on_the_scale():
    weights = random_graph()
    expected, _ = reweight_adjacency(weights, 0.3, 0.2)
    for scale in (1e-3, 0.1, 7.0):
        found, _ = reweight_adjacency(sparse.csr_array(weights * scale), 0.3, 0.2)
        np.testing.assert_array_equal(found.toarray(), expected.toarray())


def test_the_threshold_itself_keeps_an_edge():
    weights = np.array([[0, 10.0, 4], [0, 0, 0], [3.9, 0, 0]])
    adjacency, _ = reweight_adjacency(weights, 0.4, 0.2)
    np.testing.assert_array_equal(adjacency.toarray(), [[0, 0.1, 0.1], [0] * 3, [0] * 3])


def test_reweighting_probabilities_is_the_graph_of_ml_gcn():
    Y = (np.random.default_rng(0).random((60, 6)) < 0.4).astype(float)
    probability = ConditionalProbabilityGraph().fit(Y).conditional_probability_
    adjacency, self_weight = reweight_adjacency(probability, 0.8, 0.2)
    threshold = 0.8 * probability.max()
    graph = ConditionalProbabilityGraph(threshold, neighbor_weight=0.2).fit(Y)
    assert 0 < graph.adjacency_.nnz < 30
    np.testing.assert_array_equal(adjacency.toarray(), graph.adjacency_.toarray())
    np.testing.assert_array_equal(self_weight, graph.self_weight_)


def test_a_graph_without_edges_has_its_self_weights():
    adjacency, self_weight = reweight_adjacency(sparse.csr_array((3, 3)), 0.1, 0.25)
    assert adjacency.nnz == 0
    np.testing.assert_array_equal(self_weight, [0.75, 0.75, 0.75])


def test_negative_weights_are_no_edges():
    adjacency, _ = reweight_adjacency([[0, -1.0], [2.0, 0]], 0, 0.5)
    np.testing.assert_array_equal(adjacency.toarray(), [[0, 0], [0.5, 0]])


def test_a_shared_weight_leaves_the_edges_as_they_are():
    edges = sparse.csr_array(random_graph())
    before = edges.copy()
    shared = share_weight(edges, 3.0)
    np.testing.assert_array_equal(edges.toarray(), before.toarray())
    np.testing.assert_array_equal(shared.toarray() > 0, edges.toarray() > 0)
    np.testing.assert_allclose(shared.sum(axis=1), 3.0)


def test_a_frame_is_put_in_the_order_of_the_labels_on_both_axes():
    names = ["sea", "sky", "sun"]
    matrix = np.triu(np.arange(9.0).reshape(3, 3), 1)
    frame = pd.DataFrame(matrix, index=names, columns=names)
    frame = frame.loc[["sun", "sea", "sky"], ["sky", "sea", "sun"]]
    options = {"label_names": names, "sample_weight": None}
    chosen = choose_label_graph(frame, np.eye(3), concepts=False, **options)
    np.testing.assert_array_equal(chosen[1], matrix)
    options["label_names"] = names[:2]
    with pytest.raises(ValueError, match=r"has 1 label \(sun\) too many"):
        choose_label_graph(frame, np.eye(2), concepts=False, **options)
    chosen = choose_label_graph(frame, np.eye(2), concepts=True, **options)
    np.testing.assert_array_equal(chosen[1], matrix)


@pytest.mark.parametrize(
    "form",
    [
        lambda A: torch.tensor(A, requires_grad=True),
        lambda A: torch.tensor(A).bfloat16(),
        lambda A: A.astype(object),
        lambda A: A.astype(bool),
        np.matrix,
        lambda A: np.ma.array(A),
    ],
)
def test_every_form_of_a_matrix_gives_the_same(form):
    A = np.array([[0.0, 1, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(check_adjacency(form(A), 3), check_adjacency(A, 3))


@pytest.mark.parametrize(
    "form, message",
    [
        (lambda A: torch.tensor(A).to_sparse(), "label_graph must .* torch.sparse_coo"),
        (lambda A: A.astype(str), "label_graph must hold finite numbers; got dtype <U"),
        (lambda A: np.where(A == 0, None, A), "label_graph must hold finite .* NaN"),
        (iter, "label_graph must be data .* pass a list"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused_by_name(form, message):
    with pytest.raises((TypeError, ValueError), match=message):
        check_adjacency(form(np.eye(3)), 3)
