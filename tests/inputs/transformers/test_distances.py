"""Distances between bags against loops, and what neither blocks nor threads may change."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.inputs.transformers.distances import BagDistances, bag_distances

METRICS = ["max", "average", "min", "mean"]
NEAR_ZERO = 1e-3 * np.random.default_rng(0).normal(size=(5, 2))
SMALL_BLOCKS = {"working_memory": 0.05}  # MiB: blocks of 46 instances


def make_bags(n_bags=12, seed=0, largest=7, n_features=3):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, size=n_bags)
    return [rng.normal(size=(n, n_features)) for n in sizes]


def distance_by_loop(A, B, metric):
    """Return one Hausdorff distance from its definition."""

    def nearest(a, others):
        return min(np.sqrt(sum((x - y) ** 2 for x, y in zip(a, b))) for b in others)

    all_nearest = [nearest(a, B) for a in A.tolist()] + [nearest(b, A) for b in B.tolist()]
    values = {
        "max": max(all_nearest),
        "average": sum(all_nearest) / len(all_nearest),
        "min": min(all_nearest),
    }
    return sum(values.values()) / 3 if metric == "mean" else values[metric]


def distances_by_loop(X, Y, metric):
    return np.array([[distance_by_loop(A, B, metric) for B in Y] for A in X])


# Values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_distances_are_those_of_a_loop(metric):
    X, Y = make_bags(12), make_bags(9, seed=1, largest=20)
    expected = distances_by_loop(X, Y, metric)
    np.testing.assert_allclose(bag_distances(X, Y, metric=metric), expected, rtol=1e-9)
    expected = distances_by_loop(X, X, metric)
    np.testing.assert_allclose(bag_distances(X, metric=metric), expected, rtol=1e-9)


def test_a_distance_by_hand():
    A, B = [[0.0, 0.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]]
    # From A: 0 and sqrt(9 + 4) to (0, 2); from B: 0, 1 and 2 to (0, 0).
    far = np.sqrt(13)
    expected = [far, (far + 3) / 5, 0, (far + (far + 3) / 5) / 3]
    found = bag_distances([A], [B], metric=METRICS)
    np.testing.assert_allclose(found[:, 0, 0], expected, rtol=1e-12)


def test_several_metrics_at_once_are_each_alone():
    X = make_bags()
    together = bag_distances(X, metric=("min", "mean", "max"))
    assert together.shape == (3, 12, 12)
    for matrix, metric in zip(together, ("min", "mean", "max")):
        np.testing.assert_array_equal(matrix, bag_distances(X, metric=metric))


def test_bags_of_one_instance_have_the_distances_of_vectors():
    X, Y = np.random.default_rng(0).normal(size=(2, 6, 4))
    for metric in ("max", "average", "min"):
        np.testing.assert_allclose(
            bag_distances(X, Y, metric=metric), euclidean_distances(X, Y), rtol=1e-9
        )


def test_distances_within_a_set_are_symmetric_with_a_diagonal_of_zeros():
    X = make_bags(40)
    X[7] = X[3][::-1]
    for found in bag_distances(X, metric=METRICS):
        np.testing.assert_array_equal(found, found.T)
        np.testing.assert_array_equal(found.diagonal(), 0)
        assert found[3, 7] == 0
    found = bag_distances(X, metric="max")
    via_another = (found[:, :, None] + found[None, :, :]).min(axis=1)
    assert (found <= via_another + 1e-12).all()


def test_a_set_with_itself_is_a_set_with_an_equal_one():
    X = Bags(make_bags(30))
    for within, between in zip(
        bag_distances(X, metric=METRICS), bag_distances(X, X, metric=METRICS)
    ):
        np.testing.assert_allclose(within, between, rtol=1e-9)


def test_the_order_of_bags_and_instances_is_followed_and_ignored():
    X, rng = make_bags(15), np.random.default_rng(0)
    order = rng.permutation(15)
    shuffled = [rng.permutation(X[i]) for i in order]
    for found, expected in zip(
        bag_distances(shuffled, metric=METRICS), bag_distances(X, metric=METRICS)
    ):
        np.testing.assert_allclose(found, expected[np.ix_(order, order)], rtol=1e-9)


# Exactness ----------------------------------------------------------------------------------


def test_nearly_equal_instances_far_from_the_center_keep_their_distance():
    rng = np.random.default_rng(0)
    X = [1e3 * rng.normal(size=(4, 5)) for _ in range(8)]
    Y = [bag + 1e-7 * rng.normal(size=bag.shape) for bag in X]
    found = bag_distances(X, Y, metric="average")
    expected = distances_by_loop(X, Y, "average")
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # Products alone lose them altogether.
    products = euclidean_distances(X[0], Y[0]).min(axis=1).mean()
    assert abs(products / expected[0, 0] - 1) > 0.01


def test_a_common_offset_does_not_blur_distances():
    X = [np.round(bag * 2**10) / 2**10 for bag in make_bags()]
    moved = [bag + 2.0**30 for bag in X]  # exact in double precision
    np.testing.assert_allclose(bag_distances(moved), bag_distances(X), rtol=1e-7)


def test_float32_is_computed_in_double_precision():
    X = [bag.astype(np.float32) for bag in make_bags()]
    # Far from the center and near to each other, where differences are taken.
    X += [np.float32([[sign * 1e3, *small]]) for sign in (-1, 1) for small in NEAR_ZERO]
    assert Bags(X).instances.dtype == np.float32
    exact = bag_distances([bag.astype(np.float64) for bag in X], metric=METRICS)
    np.testing.assert_array_equal(bag_distances(X, metric=METRICS), exact)
    assert exact.dtype == np.float64


def test_many_equal_instances_are_at_distance_zero():
    rng = np.random.default_rng(0)
    X = [rng.integers(0, 2, size=(n, 3)) for n in rng.integers(1, 5, size=20)]
    for metric in METRICS:
        found = bag_distances(X, metric=metric)
        expected = distances_by_loop(X, X, metric)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        np.testing.assert_array_equal(found == 0, expected == 0)


# Blocks and threads -------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(1, 8), (40, 60), (200, 300)], ids=str)
def test_blocks_do_not_change_the_distances(sizes):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(n, 2)) for n in rng.integers(*sizes, size=10)]
    X += [rng.normal(size=(n, 2)) for n in (1, 2, 1, 150)]
    Y = make_bags(70, seed=2, n_features=2)
    for pair in ((X,), (X, Y), (Y, X)):
        whole = bag_distances(*pair, metric=METRICS)
        with config_context(**SMALL_BLOCKS):
            found = bag_distances(*pair, metric=METRICS)
        np.testing.assert_allclose(found, whole, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    "n_bags, n_instances", [(200, 15), (3, 1000)], ids=["many bags", "large bags"]
)
def test_memory_is_bounded(n_bags, n_instances):
    X = Bags(np.random.default_rng(0).normal(size=(n_bags, n_instances, 2)))
    all_pairs = 8 * (n_bags * n_instances) ** 2
    with config_context(working_memory=1):
        tracemalloc.start()
        bag_distances(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert all_pairs > 70e6
    assert peak < 4e6


def test_memory_is_bounded_for_one_large_and_many_small_bags():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(4000, 2))] + [rng.normal(size=(1, 2)) for _ in range(2000)]
    X = Bags(X)
    with config_context(working_memory=1):
        tracemalloc.start()
        bag_distances(X[:1], X[1:])
        bag_distances(X[1:], X[:1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert 8 * 4000 * 2000 > 60e6
    assert peak < 4e6


def test_threads_do_not_change_the_distances():
    X, Y = make_bags(100), make_bags(50, seed=1)
    with config_context(**SMALL_BLOCKS):
        for pair in ((X,), (X, Y)):
            serial = bag_distances(*pair, metric=METRICS)
            threaded = bag_distances(*pair, metric=METRICS, n_jobs=2)
            np.testing.assert_allclose(threaded, serial, rtol=1e-9)


# Inputs -------------------------------------------------------------------------------------


def as_object_array(bags):
    array = np.empty(len(bags), dtype=object)
    array[:] = bags
    return array


@pytest.mark.parametrize(
    "form",
    [
        Bags,
        tuple,
        as_object_array,
        lambda bags: as_object_array(bags)[:, None],
        lambda bags: pd.Series(as_object_array(bags)),
        lambda bags: [bag.tolist() for bag in bags],
    ],
    ids=["Bags", "tuple", "objects", "column", "Series", "nested lists"],
)
def test_every_form_of_bags_gives_the_same(form):
    X = make_bags()
    np.testing.assert_array_equal(bag_distances(form(X)), bag_distances(X))
    np.testing.assert_array_equal(bag_distances(X, form(X)), bag_distances(X, X))


def test_tables_and_three_dimensional_arrays_are_bags():
    X = np.random.default_rng(0).normal(size=(6, 4))
    expected = bag_distances([row[None] for row in X])
    for table in (X, pd.DataFrame(X), X.tolist(), X[:, None]):
        np.testing.assert_array_equal(bag_distances(table), expected)


@pytest.mark.parametrize(
    "X, error, message",
    [
        (Sequences([[1, 2], [0]]), TypeError, "got Sequences"),
        (Graphs([np.ones((2, 2))], [np.array([[0], [1]])]), TypeError, r"with Bags\(X\)"),
        (sparse.eye(3, format="csr"), TypeError, "dense data is required"),
        (Bags([np.ones((1, 2))])[:0], ValueError, "0 sample"),
        ([np.ones((1, 2)), np.full((1, 2), np.nan)], ValueError, "bag 1"),
        ([np.ones((1, 2)), np.ones((1, 3))], ValueError, "bag 1 has 3"),
        ([np.ones((1, 2)), np.ones((0, 2))], ValueError, "bag 1 is empty"),
        ([np.ones((1, 2)), np.full((1, 2), 1e200)], ValueError, "squares are finite"),
    ],
)
def test_what_is_no_bags_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        bag_distances(X)
    with pytest.raises((error, ValueError), match=message):
        bag_distances(np.zeros((2, 2)), X)


def test_errors_of_the_function_name_the_argument():
    X = np.ones((2, 3))
    with pytest.raises(ValueError, match="Y must have the 3 features of X; got 2"):
        bag_distances(X, X[:, :2])
    with pytest.raises(ValueError, match=r"max, average, min, mean; got \['far'\]"):
        bag_distances(X, metric=["max", "far"])
    with pytest.raises(ValueError, match="got none"):
        bag_distances(X, metric=[])


# The transformer ----------------------------------------------------------------------------


@parametrize_with_checks([BagDistances(), BagDistances("mean")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("metric", METRICS)
def test_the_transformer_gives_distances_to_the_bags_of_fit(metric):
    X, Y = make_bags(), make_bags(5, seed=1)
    transformer = BagDistances(metric)
    np.testing.assert_array_equal(
        transformer.fit_transform(X), bag_distances(X, metric=metric)
    )
    assert transformer.bags_ == Bags(X)
    np.testing.assert_array_equal(
        transformer.transform(Y), bag_distances(Y, X, metric=metric)
    )
    assert list(transformer.get_feature_names_out()[:2]) == [
        "bagdistances0",
        "bagdistances1",
    ]


def test_before_nearest_neighbors_it_is_nearest_neighbors_of_bags():
    X, Y = make_bags(30), make_bags(10, seed=1)
    y = np.random.default_rng(0).integers(0, 3, size=30)
    neighbor = KNeighborsClassifier(1, metric="precomputed")
    model = make_pipeline(BagDistances("average"), neighbor).fit(X, y)
    expected = y[distances_by_loop(Y, X, "average").argmin(axis=1)]
    np.testing.assert_array_equal(model.predict(Y), expected)


@pytest.mark.parametrize("form", [list, Bags, as_object_array, pd.Series])
def test_it_is_split_and_searched_in_a_pipeline(form):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=40)
    X = form([rng.normal(size=(n, 2)) + c for n, c in zip(rng.integers(1, 5, 40), y)])
    model = make_pipeline(BagDistances(), KNeighborsClassifier(3, metric="precomputed"))
    scores = cross_validate(model, X, y, cv=3, error_score="raise")["test_score"]
    assert scores.mean() > 0.6
    grid = {"bagdistances__metric": METRICS}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) > 1


def test_another_width_than_in_fit_is_refused():
    transformer = BagDistances().fit(make_bags(n_features=3))
    with pytest.raises(ValueError, match="2 features, but BagDistances is expecting 3"):
        transformer.transform(make_bags(n_features=2))
