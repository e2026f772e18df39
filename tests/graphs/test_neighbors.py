"""Graphs of labels whose vectors are near."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity, pairwise_distances

from skmlc.graphs import KNNLabelGraph

VECTORS = np.random.default_rng(0).normal(size=(8, 4))
Y8 = np.ones((1, 8))


def nearest_in_loops(similarity, n_neighbors, mutual=False):
    n_labels = len(similarity)
    near = np.zeros((n_labels, n_labels))
    for i in range(n_labels):
        others = [j for j in range(n_labels) if j != i]
        others.sort(key=lambda j: -similarity[i, j])
        near[i, others[:n_neighbors]] = 1
    return near * near.T if mutual else near


@pytest.mark.parametrize("n_neighbors", [1, 3, 7, 50])
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "cityblock"])
@pytest.mark.parametrize("mutual", [False, True])
def test_edges_are_those_of_a_loop(n_neighbors, metric, mutual):
    graph = KNNLabelGraph(VECTORS, n_neighbors, metric, mutual).fit(Y8)
    distance = pairwise_distances(VECTORS, metric=metric)
    expected = nearest_in_loops(-distance, n_neighbors, mutual)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected)
    similarity = 1 - distance if metric == "cosine" else 1 / (1 + distance)
    np.testing.assert_allclose(
        graph.similarity_.toarray(), expected * similarity, atol=1e-12
    )


def test_metric_may_be_a_function():
    def first_coordinate(a, b):
        return abs(a[0] - b[0])

    graph = KNNLabelGraph(VECTORS, 2, first_coordinate).fit(Y8)
    distance = np.abs(VECTORS[:, None, 0] - VECTORS[None, :, 0])
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(), nearest_in_loops(-distance, 2)
    )


def test_vectors_are_found_by_name():
    names = [f"label {i}" for i in range(8)]
    mapping = {name: vector for name, vector in zip(names, VECTORS)}
    mapping = {"unused": VECTORS[0], **dict(reversed(mapping.items()))}
    by_name = KNNLabelGraph(mapping, 2).fit(Y8, label_names=names)
    by_row = KNNLabelGraph(VECTORS, 2).fit(Y8)
    np.testing.assert_array_equal(by_name.adjacency_.toarray(), by_row.adjacency_.toarray())
    with pytest.raises(ValueError, match="2 are missing: cat, dog"):
        KNNLabelGraph({"cow": [1.0]}).fit(
            np.ones((1, 3)), label_names=["cat", "cow", "dog"]
        )


def test_equal_vectors_are_neighbors_but_no_label_its_own():
    graph = KNNLabelGraph(np.ones((3, 2)), 2).fit(np.ones((1, 3)))
    np.testing.assert_array_equal(graph.adjacency_.toarray(), 1 - np.eye(3))


def test_a_vector_of_zeros_has_no_direction():
    vectors = VECTORS.copy()
    vectors[2] = 0
    graph = KNNLabelGraph(vectors, 7).fit(Y8)
    assert graph.describe().isolated == ("2",)
    assert graph.adjacency_.nnz == 7 * 6
    assert KNNLabelGraph(vectors, 7, "euclidean").fit(Y8).describe().isolated == ()


def labels_with_unknown(missing):
    rng = np.random.default_rng(0)
    Y = (rng.random((200, 8)) < rng.uniform(0.2, 0.6, 8)).astype(float)
    Y[rng.random(Y.shape) < missing] = np.nan
    return Y


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_columns_are_compared_where_no_vectors_are_given(mutual, make):
    Y = labels_with_unknown(0.0)
    weight = np.random.default_rng(1).random(len(Y))
    graph = KNNLabelGraph(n_neighbors=3, mutual=mutual).fit(make(Y), sample_weight=weight)
    similarity = cosine_similarity((Y * np.sqrt(weight)[:, None]).T)
    expected = nearest_in_loops(similarity, 3, mutual)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected)
    np.testing.assert_allclose(graph.similarity_.toarray(), expected * similarity)


def test_unknown_entries_take_no_part_in_a_comparison():
    Y = labels_with_unknown(0.3)
    similarity = np.zeros((8, 8))
    for i in range(8):
        for j in range(8):
            known = ~np.isnan(Y[:, i]) & ~np.isnan(Y[:, j])
            similarity[i, j] = cosine_similarity(Y[known][:, [i, j]].T)[0, 1]
    graph = KNNLabelGraph(n_neighbors=3).fit(Y)
    expected = nearest_in_loops(similarity, 3)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected)
    np.testing.assert_allclose(graph.similarity_.toarray(), expected * similarity)


def test_labels_that_never_occur_together_are_no_neighbors():
    graph = KNNLabelGraph().fit([[1, 1, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_array_equal(
        graph.adjacency_.toarray(),
        [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    )


def test_vectors_of_a_frame_are_matched_to_the_labels_by_its_index():
    vectors = np.random.default_rng(0).normal(size=(4, 3))
    names = ["sea", "sky", "sun", "ship"]
    frame = pd.DataFrame(vectors, index=names).sample(frac=1, random_state=1)
    assert list(frame.index) != names
    expected = KNNLabelGraph(vectors, n_neighbors=1).fit(np.eye(4), label_names=names)
    graph = KNNLabelGraph(frame, n_neighbors=1).fit(np.eye(4), label_names=names)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), expected.adjacency_.toarray())
    with pytest.raises(ValueError, match=r"vectors must have the labels of y by name"):
        KNNLabelGraph(frame[1:]).fit(np.eye(4), label_names=names)


@pytest.mark.parametrize("scale", [1e-170, 1e-3, 1e200])
def test_only_the_direction_of_a_vector_counts_for_cosines(scale):
    vectors = np.random.default_rng(0).normal(size=(12, 3))
    scales = np.where(np.arange(12) % 2, scale, 1.0)[:, None]
    expected, found = (
        KNNLabelGraph(v, n_neighbors=3).fit(np.eye(12, dtype=int)).adjacency_
        for v in (vectors, vectors * scales)
    )
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12)


def test_labels_at_right_angles_have_a_cosine_of_zero():
    graph = KNNLabelGraph(np.diag([1.0, 2.0, 3.0]), n_neighbors=2)
    assert graph.fit(np.eye(3, dtype=int)).similarity_.count_nonzero() == 0
