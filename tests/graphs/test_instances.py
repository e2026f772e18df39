"""KNNInstanceGraph and SpatialGraph against graphs written as loops."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_param_validation,
    check_parameters_default_constructible,
    parametrize_with_checks,
)

from skmlc.graphs import KNNInstanceGraph, SpatialGraph
from skmlc.graphs import instances as instances_module
from skmlc.inputs import Bags, Graphs, Sequences


def make_bags(n_bags=8, seed=0, boxes=False):
    """Make random bags of 1 to 9 instances."""
    rng = np.random.default_rng(seed)
    bags = [rng.normal(size=(n, 3)) for n in rng.integers(1, 10, size=n_bags)]
    if not boxes:
        return Bags(bags)
    corners = [rng.random((len(bag), 2)) * 100 for bag in bags]
    return Bags(bags, [np.hstack([c, c + rng.random((len(c), 2))]) for c in corners])


def edges_by_loop(points, n_neighbors, mode, self_loops, distance):
    """Return the edges (receiver, source) of one bag as a set."""
    directed = set()
    for i in range(len(points)):
        others = [j for j in range(len(points)) if j != i]
        others.sort(key=lambda j: (distance(points[i], points[j]), j))
        directed |= {(i, j) for j in others[:n_neighbors]}
    if mode == "mutual":
        directed = {(i, j) for i, j in directed if (j, i) in directed}
    return directed | ({(i, i) for i in range(len(points))} if self_loops else set())


def edges_of(graph):
    """Return the edges of one graph as a set."""
    return set(zip(*graph.edges.tolist()))


def euclidean(a, b):
    return np.sqrt(((a - b) ** 2).sum())


@pytest.mark.parametrize("self_loops", [False, True])
@pytest.mark.parametrize("mode", ["mutual", "directed"])
@pytest.mark.parametrize("n_neighbors", [1, 3, 20])
def test_edges_are_those_of_a_loop(n_neighbors, mode, self_loops):
    X = make_bags()
    builder = KNNInstanceGraph(n_neighbors, mode=mode, self_loops=self_loops)
    graphs = builder.fit_transform(X)
    assert Bags(graphs) == X
    for bag, graph in zip(X, graphs):
        assert edges_of(graph) == edges_by_loop(
            bag, n_neighbors, mode, self_loops, euclidean
        )


@pytest.mark.parametrize(
    "metric, distance",
    [
        ("manhattan", lambda a, b: np.abs(a - b).sum()),
        ("cosine", lambda a, b: 1 - a @ b / np.sqrt((a @ a) * (b @ b))),
        (lambda a, b: abs(a[0] - b[0]), lambda a, b: abs(a[0] - b[0])),
    ],
)
def test_the_metric_is_followed(metric, distance):
    X = make_bags()
    graphs = KNNInstanceGraph(2, mode="directed", metric=metric).fit_transform(X)
    for bag, graph in zip(X, graphs):
        assert edges_of(graph) == edges_by_loop(bag, 2, "directed", False, distance)
    assert graphs != KNNInstanceGraph(2, mode="directed").fit_transform(X)


def test_row_zero_receives_from_the_neighbor():
    graph = KNNInstanceGraph(1, mode="directed").fit_transform([[[0.0], [1.0], [3.0]]])
    assert edges_of(graph) == {(0, 1), (1, 0), (2, 1)}  # 2 receives from 1, 1 not from 2


def test_ties_go_to_the_instance_that_comes_first():
    corners = np.array([[1.0, 1], [0, 0], [1, 0], [0, 1]]) / 3
    graph = KNNInstanceGraph(1, mode="directed").fit_transform([corners])
    assert edges_of(graph) == {(0, 2), (1, 2), (2, 0), (3, 0)}


def test_distances_are_right_far_from_the_origin():
    X = 1e5 + 1e-3 * np.random.default_rng(0).normal(size=(5, 8, 3))
    for bag, graph in zip(X, KNNInstanceGraph(2).fit_transform(X)):
        assert edges_of(graph) == edges_by_loop(bag, 2, "mutual", False, euclidean)


def test_other_bags_do_not_matter():
    X = make_bags()
    builder = KNNInstanceGraph(2).fit(X)
    rows = [5, 0, 5]
    assert builder.transform(X[rows]) == builder.transform(X)[rows]


def test_large_bags_in_blocks_agree(monkeypatch):
    X = make_bags()
    expected = KNNInstanceGraph(3).fit_transform(X)
    monkeypatch.setattr(instances_module, "ROWS_AT_ONCE", 2)
    assert KNNInstanceGraph(3).fit_transform(X) == expected


def test_single_instances_have_no_edges_but_loops():
    X = np.arange(6.0).reshape(3, 2)
    graphs = KNNInstanceGraph().fit_transform(X)
    assert graphs.lengths.tolist() == [1, 1, 1]
    assert graphs.edges.shape == (2, 0)
    graphs = KNNInstanceGraph(self_loops=True).fit_transform(X)
    assert graphs.edge_offsets.tolist() == [0, 1, 2, 3]
    assert len(KNNInstanceGraph().transform(make_bags()[:0])) == 0


def test_boxes_are_kept_and_edges_replaced():
    X = make_bags(boxes=True)
    graphs = KNNInstanceGraph(2).fit_transform(X)
    np.testing.assert_array_equal(graphs.boxes, X.boxes)
    assert KNNInstanceGraph(1).fit_transform(graphs) == KNNInstanceGraph(1).fit_transform(X)


def test_lists_of_matrices_will_do():
    X = make_bags()
    assert KNNInstanceGraph(2).fit_transform(list(X)) == KNNInstanceGraph(2).fit_transform(
        X
    )


def test_a_metric_without_finite_distances_is_refused():
    constant = np.ones((3, 2))  # has no correlation
    X = [np.random.default_rng(0).normal(size=(2, 2)), constant]
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"bag 1.*'correlation' gives NaN"),
    ):
        KNNInstanceGraph(metric="correlation").fit_transform(X)
    with pytest.raises(ValueError, match=r"bag 0.*metric"):
        KNNInstanceGraph(metric="no such metric").fit_transform(X)


@pytest.mark.parametrize("builder", [KNNInstanceGraph(), SpatialGraph()])
def test_the_number_of_features_must_be_that_of_fit(builder):
    X = make_bags(boxes=True)
    builder.fit(X)
    assert builder.n_features_in_ == 3
    narrow = Bags.from_flat(X.instances[:, :2], X.offsets, X.boxes)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        builder.transform(narrow)


@pytest.mark.parametrize("builder", [KNNInstanceGraph(), SpatialGraph()])
def test_sequences_are_refused(builder):
    with pytest.raises(TypeError, match=r"X must be bags.*got Sequences"):
        builder.fit(Sequences([[1, 2], [3]]))


# SpatialGraph -------------------------------------------------------------------


@pytest.mark.parametrize("self_loops", [False, True])
@pytest.mark.parametrize("mode", ["mutual", "directed"])
@pytest.mark.parametrize("image_size", [None, (400, 20)])
def test_spatial_edges_are_those_of_a_loop(image_size, mode, self_loops):
    X = make_bags(boxes=True)
    builder = SpatialGraph(2, mode=mode, self_loops=self_loops, image_size=image_size)
    graphs = builder.fit_transform(X)
    width, height = image_size or (1, 1)
    for i, graph in enumerate(graphs):
        x0, y0, x1, y1 = X.boxes[X.offsets[i] : X.offsets[i + 1]].T
        centers = np.stack([(x0 + x1) / 2 / width, (y0 + y1) / 2 / height], axis=1)
        assert edges_of(graph) == edges_by_loop(centers, 2, mode, self_loops, euclidean)
    np.testing.assert_array_equal(graphs.boxes, X.boxes)


def test_image_size_changes_what_is_near():
    # One step of 4 to the right, one of 3 down.
    boxes = np.array([[0, 0, 1, 1], [4, 0, 5, 1], [0, 3, 1, 4]])
    X = Bags([np.ones((3, 1))], boxes=boxes)
    assert edges_of(SpatialGraph(1).fit_transform(X)) == {(0, 2), (2, 0)}
    wide = SpatialGraph(1, image_size=(40, 10)).fit_transform(X)
    assert edges_of(wide) == {(0, 1), (1, 0)}


def test_features_do_not_matter_to_the_spatial_graph():
    X = make_bags(boxes=True)
    other = Bags.from_flat(X.instances[::-1], X.offsets, X.boxes)
    edges = SpatialGraph(2).fit_transform(X).edges
    np.testing.assert_array_equal(SpatialGraph(2).fit_transform(other).edges, edges)


@pytest.mark.parametrize("image_size", [5, (1, 2, 3), (0, 4), (1, np.nan), ("a", "b")])
def test_image_size_must_be_width_and_height(image_size):
    with pytest.raises(ValueError, match="image_size"):
        SpatialGraph(image_size=image_size).fit(make_bags(boxes=True))


def test_boxes_are_needed():
    for X in (make_bags(), np.ones((3, 2))):
        with pytest.raises(ValueError, match="X must be Bags with boxes"):
            SpatialGraph().fit(X)


# As estimators ------------------------------------------------------------------


class CountsEdges(ClassifierMixin, BaseEstimator):
    """Predicts whether there are edges, and wants graphs."""

    def fit(self, X, y):
        assert type(X) is Graphs
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.diff(X.edge_offsets) > 0


def test_they_are_searched_in_a_pipeline():
    X = make_bags(n_bags=24, boxes=True)
    y = X.lengths > 1
    search = GridSearchCV(
        make_pipeline(SpatialGraph(), KNNInstanceGraph(), CountsEdges()),
        {"knninstancegraph__self_loops": [True, False]},
        cv=2,
    )
    search.fit(X, y)
    assert search.best_params_ == {"knninstancegraph__self_loops": False}
    assert search.best_score_ == 1


def test_parameters_are_checked_without_fit():
    builder = clone(KNNInstanceGraph()).set_params(mode="both")
    with pytest.raises(ValueError, match="mode"):
        builder.transform(make_bags())


def expected_failures(estimator):
    """Return the checks that compare what comes out as arrays; here it is Graphs."""
    checks = (
        "check_transformer_general",
        "check_transformer_data_not_an_array",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_fit_idempotent",
        "check_estimators_pickle",
        "check_pipeline_consistency",
        "check_transformer_preserve_dtypes",
    )
    return dict.fromkeys(checks, "the output is Graphs, which are no array")


@parametrize_with_checks([KNNInstanceGraph()], expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_spatial_graph_is_a_well_behaved_estimator():
    check_parameters_default_constructible("SpatialGraph", SpatialGraph())
    check_param_validation("SpatialGraph", SpatialGraph())
