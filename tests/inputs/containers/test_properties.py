"""A container is sliced as a list of its samples is, whatever the key and however often."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmlc.inputs import Bags, Graphs, Images, Sequences, Texts
from tests.strategies import keys

KINDS = ["sequences", "bags", "boxes", "graphs", "weighted graphs", "images"]
KINDS += ["images of any size", "texts"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def make_samples(kind, sizes):
    """Return samples, each a tuple of the arrays that it holds, no two of them alike."""
    rng = np.random.default_rng(0)
    samples = []
    for n in sizes:
        if kind == "sequences":
            samples.append((rng.integers(0, 99, n),))
        elif kind == "texts":
            samples.append((f"{len(samples)}: " + "x" * n,))
        elif kind == "images":
            samples.append((rng.random((2, 3, 4)),))
        elif kind == "images of any size":
            samples.append((rng.random((2, 1 + n, 3)),))
        else:
            boxes = np.sort(rng.random((1 + n, 4)))
            edges = np.stack(np.nonzero(rng.random((1 + n, 1 + n)) < 0.4))
            parts = {"bags": 1, "boxes": 2, "graphs": 3, "weighted graphs": 4}[kind]
            weights = rng.random(edges.shape[1])
            samples.append((rng.normal(size=(1 + n, 2)), boxes, edges, weights)[:parts])
    return samples


def as_matrix(bag, edges, weights=True):
    """Return edges as a matrix; of two pairs a container cannot know that they are pairs."""
    matrix = np.zeros((len(bag), len(bag)), dtype=np.asarray(weights).dtype)
    matrix[tuple(edges)] = weights
    return matrix


def make_container(kind, samples):
    columns = list(map(list, zip(*samples, strict=True)))
    if kind == "sequences":
        return Sequences(*columns, n_tokens=99)
    if kind == "texts":
        return Texts(*columns)
    if kind.endswith("graphs"):
        bags, boxes, *edges = columns
        adjacency = [as_matrix(*parts) for parts in zip(bags, *edges, strict=True)]
        weights = "adjacency" if kind == "weighted graphs" else None
        return Graphs(bags, adjacency, boxes=boxes, edge_weights=weights)
    if kind in ("bags", "boxes"):
        return Bags(*columns)
    return Images(*columns, channels="first")


def contents(X):
    """Return what a container holds, sample by sample, from its flat arrays."""
    if isinstance(X, Images):
        return [(X.read([i])[0],) for i in range(len(X))]
    if isinstance(X, Texts):
        return [(text,) for text in X.texts]
    samples = []
    for i in range(len(X)):
        part = slice(X.offsets[i], X.offsets[i + 1])
        if isinstance(X, Sequences):
            samples.append((X.tokens[part],))
            continue
        instances, boxes = X.instances[part], [] if X.boxes is None else [X.boxes[part]]
        edges = []
        if isinstance(X, Graphs):
            part = slice(X.edge_offsets[i], X.edge_offsets[i + 1])
            edges = [X.edges[:, part]]
            edges += [] if X.edge_weights is None else [X.edge_weights[part]]
        samples.append((instances, *boxes, *edges))
    return samples


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@st.composite
def containers(draw, kind):
    """Draw a container and the list of its samples."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=7))
    samples = make_samples(kind, sizes)
    return make_container(kind, samples), samples


def select(samples, key):
    """Return what a list gives for a key of an array."""
    return [samples[i] for i in np.arange(len(samples))[key]] if len(samples) else []


@every_kind
@given(data=st.data())
def test_keys_of_keys_select_what_they_select_of_a_list(kind, data):
    X, samples = data.draw(containers(kind))
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(keys(len(samples)))
        X = X[key, ...] if data.draw(st.booleans()) else X[key]
        samples = select(samples, key)
        assert X.shape[0] == len(X) == len(samples)
        assert_same(contents(X), samples)


@every_kind
@given(data=st.data())
def test_an_integer_selects_one_sample(kind, data):
    X, samples = data.draw(containers(kind))
    key = data.draw(st.integers(-len(samples) - 3, len(samples) + 2))
    forms = [key, np.int64(key), np.array(key), (key, ...)]
    for form in forms:
        if not -len(samples) <= key < len(samples):
            with pytest.raises(IndexError):
                X[form]
            continue
        item = X[form]
        found = contents(item)[0] if kind.endswith("graphs") else (item,)
        assert_same([found], [samples[key][: len(found)]])


@every_kind
@given(data=st.data())
def test_equal_samples_make_equal_containers(kind, data):
    X, samples = data.draw(containers(kind))
    rows = np.arange(len(samples))[data.draw(keys(len(samples)))]
    assert X[rows] == X[rows.tolist()]
    assert pickle.loads(pickle.dumps(X[rows])) == X[rows]
    if len(rows):
        assert X[rows] == make_container(kind, [samples[i] for i in rows])
        assert X[rows] != X[rows[1:]]


@every_kind
@given(data=st.data())
def test_iteration_gives_each_sample_once(kind, data):
    X, samples = data.draw(containers(kind))
    X = X[data.draw(keys(len(samples)))]
    items = [contents(item)[0] if kind.endswith("graphs") else (item,) for item in X]
    parts = {"graphs": 3, "weighted graphs": 4}.get(kind, 1)
    assert_same(items, [sample[:parts] for sample in contents(X)])
