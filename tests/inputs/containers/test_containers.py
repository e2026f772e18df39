"""Sequences, Bags and Graphs: what they hold, how they are sliced, what they refuse."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils import shuffle

from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.inputs.containers import flat_index

KINDS = ["sequences", "bags", "bags with boxes", "graphs", "weighted graphs"]
N_SAMPLES = 12


def make_samples(kind, n_samples=N_SAMPLES, seed=0):
    """Make random samples, each a dict of the arrays that it holds."""
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(n_samples):
        if kind == "sequences":
            samples.append({"tokens": rng.integers(50, size=rng.integers(5))})
            continue
        n = rng.integers(1, 6)
        sample = {"instances": rng.normal(size=(n, 3))}
        if kind != "bags":
            corner = rng.random((n, 2))
            sample["boxes"] = np.hstack([corner, corner + rng.random((n, 2))])
        if kind.endswith("graphs"):
            adjacency = rng.random((n, n)) < 0.4
            sample["edges"] = np.stack(adjacency.nonzero())
        if kind == "weighted graphs":
            sample["edge_weights"] = rng.random(adjacency.sum())
        samples.append(sample)
    return samples


def make_container(kind, samples):
    """Make the container of such samples."""
    columns = {name: [sample[name] for sample in samples] for name in samples[0]}
    if kind == "sequences":
        return Sequences(columns["tokens"], n_tokens=50)
    if kind.endswith("graphs"):
        rest = {name: columns.get(name) for name in ("boxes", "edge_weights")}
        return Graphs(columns["instances"], columns["edges"], **rest)
    return Bags(columns["instances"], boxes=columns.get("boxes"))


def assert_holds(X, samples):
    """Check a container sample by sample, by its flat arrays."""
    assert len(X) == X.shape[0] == len(samples)
    for i, sample in enumerate(samples):
        part = slice(X.offsets[i], X.offsets[i + 1])
        assert X.lengths[i] == part.stop - part.start
        for name in ("tokens", "instances", "boxes"):
            if name in sample:
                np.testing.assert_array_equal(getattr(X, name)[part], sample[name])
        if "edges" in sample:
            part = slice(X.edge_offsets[i], X.edge_offsets[i + 1])
            np.testing.assert_array_equal(X.edges[:, part], sample["edges"])
        if "edge_weights" in sample:
            np.testing.assert_array_equal(X.edge_weights[part], sample["edge_weights"])


MASK = np.arange(N_SAMPLES) % 3 == 1
KEYS = {
    "slice": slice(2, 9),
    "slice with a step": slice(None, None, 3),
    "backward slice": slice(8, None, -2),
    "empty slice": slice(5, 5),
    "list": [4, 0, 7],
    "empty list": [],
    "array with repetitions": np.array([3, 3, 0, 3]),
    "negative numbers": np.array([-1, 2, -N_SAMPLES]),
    "unsigned numbers": np.array([1, 5], dtype=np.uint8),
    "mask": MASK,
    "list of bool": MASK.tolist(),
    "mask of nothing": np.zeros(N_SAMPLES, dtype=bool),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_slicing_gives_what_a_list_of_arrays_gives(kind, key, seed):
    samples = make_samples(kind, seed=seed)
    X = make_container(kind, samples)
    expected = [samples[i] for i in np.arange(N_SAMPLES)[key]]
    for taken in (X[key], X[key, ...]):
        assert type(taken) is type(X)
        assert_holds(taken, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_random_slices_of_slices(kind):
    rng = np.random.default_rng(1)
    samples = make_samples(kind)
    X = make_container(kind, samples)
    for _ in range(20):
        rows = rng.integers(-len(samples), len(samples), size=rng.integers(1, 20))
        X, samples = X[rows], [samples[i] for i in rows]
        assert_holds(X, samples)


@pytest.mark.parametrize("i", [0, 5, -1, np.int64(3), np.array(2)])
def test_an_integer_gives_the_array_of_one_sample(i):
    samples = make_samples("sequences")
    np.testing.assert_array_equal(
        make_container("sequences", samples)[i], samples[int(i)]["tokens"]
    )
    samples = make_samples("bags")
    for item in (
        make_container("bags", samples)[i],
        make_container("bags", samples)[i, ...],
    ):
        np.testing.assert_array_equal(item, samples[int(i)]["instances"])


@pytest.mark.parametrize("i", [0, -1])
def test_an_integer_gives_graphs_of_one_graph(i):
    samples = make_samples("graphs")
    assert_holds(make_container("graphs", samples)[i], [samples[i]])


@pytest.mark.parametrize("kind", KINDS)
def test_iteration_ends(kind):
    samples = make_samples(kind)
    assert len(list(make_container(kind, samples))) == len(samples)


@pytest.mark.parametrize(
    "key",
    [
        12,
        -13,
        [0, 12],
        [True] * 11,
        [[0, 1]],
        [0.0, 1.0],
        "first",
        None,
        True,
        (0, 1),
        (..., 0),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_other_keys_are_refused(kind, key):
    X = make_container(kind, make_samples(kind))
    with pytest.raises(IndexError):
        X[key]


def test_flat_index_against_a_loop():
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(5, size=30))])
    for _ in range(10):
        rows = rng.integers(30, size=rng.integers(20))
        index, new_offsets = flat_index(offsets, rows)
        parts = [np.arange(offsets[row], offsets[row + 1]) for row in rows]
        np.testing.assert_array_equal(index, np.concatenate([[], *parts]))
        lengths = [len(part) for part in parts]
        np.testing.assert_array_equal(new_offsets, np.cumsum([0, *lengths]))


# Being a value ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_can_be_changed(kind):
    X = make_container(kind, make_samples(kind))
    for container in (X, X[2:], pickle.loads(pickle.dumps(X)), copy.deepcopy(X)):
        with pytest.raises(AttributeError, match="cannot be changed"):
            container.offsets = np.array([0])
        with pytest.raises(AttributeError):
            container.lengths = np.array([0])
        for value in vars(container).values():
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0


def test_input_arrays_stay_writable_and_unshared():
    bags = [np.ones((2, 3))]
    X = Bags(bags)
    bags[0][:] = 5
    assert (X.instances == 1).all()


def test_flat_arrays_are_shared_and_stay_writable():
    instances, offsets = np.ones((4, 2), dtype=np.float32), np.array([0, 1, 4])
    X = Bags.from_flat(instances, offsets)
    assert np.shares_memory(X.instances, instances)
    assert np.shares_memory(X.offsets, offsets)
    assert instances.flags.writeable
    assert offsets.flags.writeable


def test_a_memory_map_stays_on_disk(tmp_path):
    instances = np.memmap(tmp_path / "x", dtype=np.float64, shape=(4, 2), mode="w+")
    assert np.shares_memory(Bags.from_flat(instances, [0, 1, 4]).instances, instances)


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_and_copies_are_equal(kind):
    X = make_container(kind, make_samples(kind))
    assert pickle.loads(pickle.dumps(X)) == X
    assert copy.copy(X) == X
    assert copy.deepcopy(X) == X
    assert X[::-1][::-1] == X


@pytest.mark.parametrize("kind", KINDS)
def test_containers_of_other_content_differ(kind):
    X = make_container(kind, make_samples(kind))
    for other in (make_container(kind, make_samples(kind, seed=1)), X[:-1], "X"):
        assert other != X


def test_equality_sees_every_part():
    assert Sequences([[0]]) != Sequences([[0]], n_tokens=2)
    bags, boxes = [np.ones((2, 1))], [np.ones((2, 4))]
    assert Bags(bags) != Bags(bags, boxes=boxes)
    assert Graphs(bags, [[[0], [1]]]) != Graphs(bags, [[[1], [0]]])
    assert Bags(bags) != Graphs(bags, [[[0], [1]]])
    weighted = [Graphs(bags, [[[0], [1]]], edge_weights=[[w]]) for w in (1, 2)]
    assert weighted[0] != weighted[1]
    assert weighted[0] != Graphs(bags, [[[0], [1]]])


def test_an_array_is_not_made_by_accident():
    X = Sequences([[0, 1], [1, 1]])  # NumPy would make a table of these
    with pytest.raises(TypeError, match=r"X must be a table.*Sequences, which cannot"):
        LogisticRegression().fit(X, [0, 1])


def test_repr_tells_the_sizes():
    assert repr(Sequences([[1], [2, 3]])) == (
        "Sequences(n_samples=2, n_tokens=4, 1-2 tokens each)"
    )
    X = Bags(np.zeros((2, 3, 5)), boxes=np.zeros((6, 4)))
    assert repr(X) == "Bags(n_samples=2, n_features=5, 3 instances per bag, with boxes)"
    assert repr(X[:0]) == (
        "Bags(n_samples=0, n_features=5, no instances per bag, with boxes)"
    )
    assert repr(Graphs([np.zeros((2, 1))], [[[0], [1]]])) == (
        "Graphs(n_samples=1, n_features=1, 2 instances and 1 edges per graph)"
    )
    assert "1 weighted edges" in repr(
        Graphs([[[0], [0]]], [[[0], [1]]], edge_weights=[[2]])
    )


# In scikit-learn's hands --------------------------------------------------------


def make_marked(kind, n_samples=24):
    """Make samples that hold their own number in every part, and y that holds it, too."""
    numbers = np.arange(n_samples)
    y = (numbers[:, None] >> np.arange(5)) & 1
    lengths = 2 + numbers % 4
    if kind == "sequences":
        return Sequences([[i] * n for i, n in zip(numbers, lengths)]), y
    bags = [np.full((n, 2), i, dtype=float) for i, n in zip(numbers, lengths)]
    boxes = (
        None if kind == "bags" else [np.full((n, 4), i) for i, n in zip(numbers, lengths)]
    )
    if not kind.endswith("graphs"):
        return Bags(bags, boxes=boxes), y
    edges = [[[i % n, n - 1], [0, (i + 1) % n]] for i, n in zip(numbers, lengths)]
    weights = [[1 + i, 1 + i] for i in numbers] if kind == "weighted graphs" else None
    return Graphs(bags, edges, boxes=boxes, edge_weights=weights), y


def numbers_in(X):
    """Return the numbers that marked samples hold, all of whose parts must agree."""
    numbers = []
    for i in range(len(X)):
        part = slice(X.offsets[i], X.offsets[i + 1])
        marks = X.tokens if hasattr(X, "tokens") else X.instances
        (number,) = np.unique(marks[part])
        n = 2 + int(number) % 4
        assert X.lengths[i] == n
        if getattr(X, "boxes", None) is not None:
            assert (X.boxes[part] == number).all()
        if hasattr(X, "edges"):
            edges = X.edges[:, X.edge_offsets[i] : X.edge_offsets[i + 1]]
            pairs = {(number % n, 0), (n - 1, (number + 1) % n)}
            assert set(zip(*edges.tolist())) == pairs
            if X.edge_weights is not None:
                weights = X.edge_weights[X.edge_offsets[i] : X.edge_offsets[i + 1]]
                assert (weights == 1 + number).all()
        numbers.append(number)
    return np.array(numbers)


def make_reader():
    """Make a classifier whose score is the share of samples that came with their own y.

    The class is local so that worker processes need not import this file.
    """

    class Reader(ClassifierMixin, BaseEstimator):
        def __init__(self, weight=1.0):
            self.weight = weight

        def fit(self, X, y):
            self.kind_ = type(X).__name__
            self.fit_score_ = self.score(X, y)
            return self

        def score(self, X, y):
            numbers = (y << np.arange(5)).sum(axis=1)
            return self.weight * np.mean(numbers_in(X) == numbers)

    return Reader()


@pytest.mark.parametrize("kind", KINDS)
def test_the_reader_notices_a_wrong_slice(kind):
    X, y = make_marked(kind)
    assert make_reader().fit(X, y).score(X, y) == 1
    assert make_reader().fit(X, y).score(X[::-1], y) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_train_test_split_and_shuffle(kind):
    X, y = make_marked(kind)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert type(X_train) is type(X_test) is type(X)
    assert len(X_train) == 18
    assert make_reader().score(X_train, y_train) == 1
    assert make_reader().score(X_test, y_test) == 1
    assert make_reader().score(*shuffle(X, y, random_state=0)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_cross_validate_of_a_pipeline(kind):
    X, y = make_marked(kind)
    cv = KFold(4, shuffle=True, random_state=0)
    model = make_pipeline("passthrough", make_reader())
    result = cross_validate(model, X, y, cv=cv, return_estimator=True)
    assert result["test_score"].tolist() == [1] * 4
    for fitted in result["estimator"]:
        assert fitted[-1].kind_ == type(X).__name__
        assert fitted[-1].fit_score_ == 1


@pytest.mark.parametrize("kind", KINDS)
def test_learning_curve(kind):
    X, y = make_marked(kind)
    sizes, train_scores, test_scores = learning_curve(
        make_reader(), X, y, cv=3, train_sizes=[4, 10], shuffle=True, random_state=0
    )
    assert sizes.tolist() == [4, 10]
    assert (train_scores == 1).all()
    assert (test_scores == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_grid_search_in_two_processes(kind):
    X, y = make_marked(kind)
    search = GridSearchCV(make_reader(), {"weight": [0.5, 1.0]}, cv=3, n_jobs=2)
    search.fit(X, y)
    assert search.best_params_ == {"weight": 1.0}
    assert search.cv_results_["mean_test_score"].tolist() == [0.5, 1.0]
