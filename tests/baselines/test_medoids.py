"""k-medoids against all choices of medoids, and what each step must keep."""

from itertools import combinations

import numpy as np
import pytest

from skmlc.baselines.medoids import k_medoids


def make_distances(n_samples=30, seed=0, n_features=2):
    points = np.random.default_rng(seed).normal(size=(n_samples, n_features))
    return np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))


def cost(distances, medoids):
    return distances[:, medoids].min(axis=1).sum()


@pytest.mark.parametrize("n_clusters", [1, 2, 3])
def test_the_best_of_many_starts_is_the_best_of_all_choices(n_clusters):
    distances = make_distances(9)
    best = min(cost(distances, list(m)) for m in combinations(range(9), n_clusters))
    found = [
        cost(distances, k_medoids(distances, n_clusters, random_state=seed)[0])
        for seed in range(20)
    ]
    assert min(found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(5))
def test_medoids_are_central_in_their_cluster_and_each_sample_is_with_the_nearest(seed):
    distances = make_distances(seed=seed)
    medoids, labels = k_medoids(distances, 5, random_state=seed)
    assert len(set(medoids)) == 5
    np.testing.assert_array_equal(labels, distances[:, medoids].argmin(axis=1))
    for k, medoid in enumerate(medoids):
        members = np.flatnonzero(labels == k)
        sums = [sum(distances[i, j] for i in members) for j in members]
        assert sums[list(members).index(medoid)] == pytest.approx(min(sums))


def test_more_iterations_never_cost_more():
    distances = make_distances(200)
    costs = [
        cost(distances, k_medoids(distances, 10, random_state=0, max_iter=n)[0])
        for n in range(8)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[1] > costs[-1]


def test_it_stops_once_no_medoid_changes():
    distances = make_distances()
    expected = k_medoids(distances, 4, random_state=0)
    for found, array in zip(
        k_medoids(distances, 4, random_state=0, max_iter=10**9), expected
    ):
        np.testing.assert_array_equal(found, array)


def test_without_iterations_medoids_are_the_random_start():
    distances = make_distances()
    medoids, labels = k_medoids(distances, 4, random_state=3, max_iter=0)
    expected = np.random.RandomState(3).choice(30, 4, replace=False)
    np.testing.assert_array_equal(medoids, expected)
    np.testing.assert_array_equal(labels, distances[:, medoids].argmin(axis=1))


def test_the_order_of_samples_does_not_change_the_clusters_from_the_same_start():
    distances = make_distances(80)
    start, _ = k_medoids(distances, 6, random_state=0, max_iter=0)
    medoids, labels = k_medoids(distances, 6, random_state=0)
    assert set(medoids) != set(start)
    # The samples of the start keep their places, the others change theirs.
    order, others = np.arange(80), np.setdiff1d(np.arange(80), start)
    order[others] = np.random.default_rng(0).permutation(others)
    again, labels_again = k_medoids(distances[np.ix_(order, order)], 6, random_state=0)
    np.testing.assert_array_equal(order[again], medoids)
    np.testing.assert_array_equal(labels_again, labels[order])


def test_equal_samples_leave_no_cluster_empty():
    distances = np.zeros((6, 6))
    medoids, labels = k_medoids(distances, 4, random_state=0)
    assert set(labels) == {0, 1, 2, 3}
    np.testing.assert_array_equal(labels[medoids], np.arange(4))
    points = np.array([0.0, 0.0, 0.0, 5.0, 5.0, 9.0])
    distances = abs(points[:, None] - points)
    for seed in range(10):
        medoids, labels = k_medoids(distances, 5, random_state=seed)
        assert set(labels) == set(range(5))


def test_every_sample_may_be_a_medoid():
    medoids, labels = k_medoids(make_distances(7), 7, random_state=0)
    assert set(medoids) == set(range(7))
    np.testing.assert_array_equal(medoids[labels], np.arange(7))


def test_the_distance_is_that_from_the_sample_to_the_medoid():
    distances = np.array([[0, 1, 9], [5, 0, 9], [6, 1, 0]])
    # To sample 1 all are near, from it none is.
    assert k_medoids(distances, 1, random_state=0)[0].tolist() == [1]


def test_the_same_random_state_gives_the_same_and_distances_stay():
    distances = make_distances(60)
    before = distances.copy()
    first, second, other = (k_medoids(distances, 6, random_state=s)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert set(first) != set(other)
    np.testing.assert_array_equal(distances, before)


@pytest.mark.parametrize("n_clusters", [0, 31, 2.0])
def test_an_impossible_number_of_clusters_is_refused(n_clusters):
    with pytest.raises(ValueError, match=f"from 1 to 30, .*; got {n_clusters}"):
        k_medoids(make_distances(), n_clusters)


def test_distances_that_are_no_square_or_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"square matrix.*\(30, 4\)"):
        k_medoids(make_distances()[:, :4], 2)
    with pytest.raises(ValueError, match="distances contains NaN"):
        k_medoids(np.full((3, 3), np.nan), 2)
