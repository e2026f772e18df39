"""What every builder of label graphs must satisfy."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.graphs import (
    BaseLabelGraph,
    ConditionalProbabilityGraph,
    CooccurrenceGraph,
    HierarchyGraph,
    KNNLabelGraph,
    KnowledgeGraph,
)

COUNTING = {
    "cooccurrence": CooccurrenceGraph(min_count=3),
    "cooccurrence-top": CooccurrenceGraph(top_k=2, weighted=True),
    "conditional-paper": ConditionalProbabilityGraph(0.3, neighbor_weight=0.2),
    "conditional-original": ConditionalProbabilityGraph(0.3, 0.2, direction="original"),
    "knn": KNNLabelGraph(n_neighbors=2),
    "knn-mutual": KNNLabelGraph(n_neighbors=2, mutual=True),
}
VECTORS = np.random.default_rng(0).normal(size=(6, 4)).tolist()
GIVEN = {
    "hierarchy": HierarchyGraph([(0, 1), (0, 2), (1, 3)]),
    "knowledge": KnowledgeGraph([("on", 0, 1), ("on", 1, "rug"), ("near", 0, 1)]),
    "knn-vectors": KNNLabelGraph(VECTORS, n_neighbors=2),
}
EVERY = COUNTING | GIVEN
every_counting = pytest.mark.parametrize("builder", COUNTING.values(), ids=COUNTING)
every_builder = pytest.mark.parametrize("builder", EVERY.values(), ids=EVERY)


@pytest.mark.filterwarnings("ignore:Y holds values between 0 and 1")
@parametrize_with_checks(
    [
        CooccurrenceGraph(),
        CooccurrenceGraph(top_k=1),
        ConditionalProbabilityGraph(),
        ConditionalProbabilityGraph(neighbor_weight=0.2, direction="original"),
        HierarchyGraph(),
        KnowledgeGraph(),
        KNNLabelGraph(),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def random_labels(n_samples=60, n_labels=6, missing=0.0, seed=0):
    """Return labels that share a hidden cause, so that they occur together."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, n_labels))
    Y = (cause + rng.normal(size=cause.shape) > 0.8).astype(float)
    Y[rng.random(Y.shape) < missing] = np.nan
    return Y


def assert_same_graph(first, second):
    np.testing.assert_allclose(
        first.adjacency_.toarray(), second.adjacency_.toarray(), rtol=1e-12
    )
    np.testing.assert_allclose(first.counts_, second.counts_, rtol=1e-12)


@every_builder
def test_adjacency_is_csr_float64_without_self_loops(builder):
    graph = clone(builder).fit(random_labels())
    assert isinstance(graph.adjacency_, sparse.csr_array)
    assert graph.adjacency_.dtype == np.float64
    assert graph.adjacency_.nnz > 0
    assert not graph.adjacency_.diagonal().any()
    assert graph.adjacency_.has_sorted_indices
    assert (graph.adjacency_.data != 0).all()
    assert graph.n_features_in_ == 6


@every_builder
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(
    "convert",
    [
        sparse.csr_matrix,
        sparse.csr_array,
        sparse.csc_array,
        sparse.coo_array,
        pd.DataFrame,
        np.asfortranarray,
        lambda Y: Y.astype(np.float32),
    ],
)
def test_every_form_of_the_labels_gives_the_same_graph(builder, missing, convert):
    Y = random_labels(missing=missing)
    assert_same_graph(clone(builder).fit(convert(Y)), clone(builder).fit(Y))


@every_builder
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_integer_labels_give_the_same_graph(builder, dtype):
    Y = random_labels()
    assert_same_graph(clone(builder).fit(Y.astype(dtype)), clone(builder).fit(Y))


@every_builder
def test_the_labels_are_not_modified_and_stored_zeros_do_not_matter(builder):
    dense = random_labels(missing=0.1)
    Y = sparse.csr_array(dense)
    Y.data[::4] = 0
    expected = clone(builder).fit(Y.toarray())
    parts = [part.copy() for part in (Y.data, Y.indices, Y.indptr)]
    assert_same_graph(clone(builder).fit(Y), expected)
    for part, kept in zip((Y.data, Y.indices, Y.indptr), parts):
        np.testing.assert_array_equal(part, kept)
    before = dense.copy()
    clone(builder).fit(dense)
    np.testing.assert_array_equal(dense, before)


@every_builder
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_weight_is_a_number_of_repetitions(builder, missing):
    Y = random_labels(missing=missing)
    weight = np.random.default_rng(1).integers(0, 4, size=len(Y))
    weighted = clone(builder).fit(Y, sample_weight=weight)
    repeated = clone(builder).fit(np.repeat(Y, weight, axis=0))
    np.testing.assert_array_equal(
        weighted.adjacency_.toarray(), repeated.adjacency_.toarray()
    )
    np.testing.assert_array_equal(weighted.counts_, repeated.counts_)


@every_counting
def test_weights_change_the_graph(builder):
    Y = random_labels()
    # Only the samples without label 0 are left, so nothing can be said of it.
    graph = clone(builder).fit(Y, sample_weight=1 - Y[:, 0])
    assert graph.counts_[0] == 0
    assert graph.adjacency_[[0]].nnz == 0
    assert clone(builder).fit(Y).adjacency_[[0]].nnz > 0


@pytest.mark.parametrize("scale", [0.1, 1 / 3, 1e-3, 7.0])
def test_only_the_ratio_of_weights_matters_to_a_probability(scale):
    # P(1 | 0) is two fifths, exactly the threshold, whatever the rounding of the sums.
    Y = [[1, 1], [1, 1], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]]
    weight = np.full(len(Y), scale)
    graph = ConditionalProbabilityGraph(0.4).fit(Y, sample_weight=weight)
    np.testing.assert_array_equal(graph.adjacency_.toarray(), [[0, 1], [0, 0]])


def test_rounding_of_weights_does_not_cost_an_edge():
    Y = np.ones((10, 2))
    graph = CooccurrenceGraph(min_count=1).fit(Y, sample_weight=np.full(10, 0.1))
    assert graph.adjacency_.nnz == 2


@every_counting
def test_order_of_the_labels_does_not_matter(builder):
    Y = random_labels(n_samples=200, missing=0.05)
    # Random weights leave no two counts alike, so that no tie is broken by the order.
    weight = np.random.default_rng(1).random(len(Y))
    order = np.array([3, 0, 5, 1, 4, 2])
    graph = clone(builder).fit(Y, sample_weight=weight)
    permuted = clone(builder).fit(Y[:, order], sample_weight=weight)
    np.testing.assert_allclose(
        permuted.adjacency_.toarray(), graph.adjacency_.toarray()[order][:, order]
    )


@every_builder
def test_builders_are_cloned_pickled_and_say_their_parameters(builder):
    graph = clone(builder).fit(random_labels())
    assert clone(graph).get_params() == graph.get_params()
    assert not hasattr(clone(graph), "adjacency_")
    again = pickle.loads(pickle.dumps(graph))
    assert_same_graph(again, graph)
    assert str(again.describe()) == str(graph.describe())


def test_parameters_are_searched():
    def sparseness(builder, Y, y=None):
        return -builder.adjacency_.nnz

    search = GridSearchCV(
        ConditionalProbabilityGraph(), {"threshold": [0.1, 0.9, 0.5]}, scoring=sparseness
    )
    search.fit(random_labels())
    assert search.best_params_ == {"threshold": 0.9}


@every_builder
def test_predictions_stay_as_they_are(builder):
    graph = clone(builder).fit(random_labels())
    probabilities = np.random.default_rng(0).random((4, 6))
    assert graph.make_consistent(probabilities) is probabilities


@pytest.mark.parametrize(
    "builder",
    [*COUNTING.values(), HierarchyGraph(), KnowledgeGraph(), KNNLabelGraph([[1.0, 2.0]])],
    ids=str,
)
def test_one_label_has_no_edges(builder):
    graph = clone(builder).fit([[1], [0]])
    assert graph.adjacency_.shape == (1, 1)
    assert graph.adjacency_.nnz == 0
    assert graph.describe().density == 0
    assert graph.describe().isolated == ("0",)


@every_counting
def test_labels_never_or_always_present_are_no_problem(builder):
    Y = random_labels()
    Y[:, 0], Y[:, 1] = 0, 1
    graph = clone(builder).fit(Y)
    assert graph.adjacency_[[0]].nnz == graph.adjacency_[:, [0]].nnz == 0
    assert np.isfinite(graph.adjacency_.data).all()
    assert clone(builder).fit(np.zeros((3, 6))).adjacency_.nnz == 0


@every_counting
def test_labels_without_a_known_entry_are_isolated(builder):
    Y = random_labels()
    Y[:, 2] = np.nan
    graph = clone(builder).fit(Y)
    assert graph.counts_[2] == 0
    assert "2" in graph.describe().isolated


def test_names_come_from_the_argument_or_the_columns():
    Y = pd.DataFrame([[1, 1], [0, 1]], columns=["sea", "sky"])
    assert CooccurrenceGraph().fit(Y).label_names_ == ["sea", "sky"]
    assert CooccurrenceGraph().fit(Y, label_names=["a", 1]).label_names_ == ["a", "1"]
    assert CooccurrenceGraph().fit(Y.to_numpy()).label_names_ is None


@every_builder
@pytest.mark.parametrize(
    "Y, kwargs, message",
    [
        (np.ones(6), {}, "MultiLabelBinarizer"),
        (pd.Series([["a"], ["b", "c"]]), {}, "MultiLabelBinarizer"),
        (np.array([[1.0, -1], [np.nan, 1]]), {}, "Negative values"),
        (sparse.csr_array(np.array([[1.0, -1], [np.nan, 1]])), {}, "Negative values"),
        (np.array([[1.0, np.inf]]), {}, "infinity"),
        (np.ones((2, 3)), {"label_names": ["a", "b"]}, "label_names must hold 3 names"),
        (np.ones((2, 3)), {"label_names": ["a", "b", "a"]}, "label_names must differ"),
        (np.ones((2, 3)), {"sample_weight": [1, 2, 3]}, "sample_weight"),
        (np.ones((2, 3)), {"sample_weight": [1, -2]}, "sample_weight"),
    ],
)
def test_wrong_arguments_are_refused(builder, Y, kwargs, message):
    with pytest.raises(ValueError, match=message):
        clone(builder).fit(Y, **kwargs)


@pytest.mark.parametrize(
    "builder, message",
    [
        (CooccurrenceGraph(min_count=0), "min_count"),
        (CooccurrenceGraph(top_k=0), "top_k"),
        (CooccurrenceGraph(weighted="yes"), "weighted"),
        (ConditionalProbabilityGraph(threshold=1.1), "threshold"),
        (ConditionalProbabilityGraph(neighbor_weight=1.1), "neighbor_weight"),
        (ConditionalProbabilityGraph(direction="up"), "direction"),
        (HierarchyGraph(edges=3), "edges"),
        (HierarchyGraph(edges=[(0, 1, 2)]), "pairs"),
        (HierarchyGraph(edges=[("a", "b")]), "no names"),
        (HierarchyGraph(edges=[(0, 6)]), "from 0 to 5; got 6"),
        (HierarchyGraph(edges=[(0, 1.5)]), "names or indices"),
        (HierarchyGraph(direction="paper"), "direction"),
        (HierarchyGraph(consistent=True), "consistent"),
        (HierarchyGraph(consistent="mean"), "consistent"),
        (KnowledgeGraph(relations=[("on", 1)]), "triples"),
        (KnowledgeGraph(relations=["one"]), "triples"),
        (KnowledgeGraph(relations=[("on", 1, 7)]), "from 0 to 5; got 7"),
        (KnowledgeGraph(concepts=-1), "concepts"),
        (KnowledgeGraph(concepts=["a", "a"]), "concepts"),
        (KnowledgeGraph(aliases=["tv"]), "aliases"),
        (KnowledgeGraph(aliases={"tvmonitor": "tv"}), "no names"),
        (KnowledgeGraph(aliases={0: ["tv", "screen"]}), "aliases must map labels"),
        (KnowledgeGraph(aliases={0: "tv", 1: "tv"}), "'tv' stands for two"),
        (KNNLabelGraph(n_neighbors=0), "n_neighbors"),
        (KNNLabelGraph(metric=3), "metric"),
        (KNNLabelGraph(metric="euclidean"), "metric must be 'cosine'"),
        (KNNLabelGraph(np.ones((6, 2)), metric="no such"), "metric"),
        (KNNLabelGraph(mutual="yes"), "mutual"),
        (KNNLabelGraph(np.ones((5, 2))), r"vectors must be of shape \(6, "),
        (KNNLabelGraph(np.full((6, 2), np.nan)), "vectors contains NaN"),
        (KNNLabelGraph({"a": [1.0]}), "no names"),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(builder, message):
    with pytest.raises((ValueError, TypeError), match=message):
        builder.fit(random_labels())


@pytest.mark.parametrize(
    "builder, missing",
    [
        (CooccurrenceGraph(top_k=10), 0),
        (ConditionalProbabilityGraph(neighbor_weight=0.2, direction="original"), 0),
        (ConditionalProbabilityGraph(), 500),
        (KNNLabelGraph(mutual=True), 500),
        (HierarchyGraph([(i // 2, i) for i in range(1, 20_000)]), 0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_20000_labels_take_memory_for_their_edges_only(builder, missing):
    rng = np.random.default_rng(0)
    n_samples, n_labels, cardinality = 10_000, 20_000, 5
    parts = (
        np.repeat(np.arange(n_samples), cardinality),
        rng.integers(n_labels, size=n_samples * cardinality),
    )
    data = np.ones(len(parts[0]))
    data[:missing] = np.nan
    Y = sparse.csr_array((data, parts), shape=(n_samples, n_labels))
    np.minimum(Y.data, 1, out=Y.data)  # of labels that were drawn twice
    tracemalloc.start()
    graph = clone(builder).fit(Y)
    graph.describe()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert graph.adjacency_.shape == (n_labels, n_labels)
    assert peak < 60e6  # a dense matrix of float64 would take 3.2e9


def test_base_class_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        BaseLabelGraph()
