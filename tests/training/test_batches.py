"""Batches hold what the rows hold, in order of the samples' sizes."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import sparse

from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.training import batches
from skmlc.training.batches import BatchDataset


def rows_of(batch):
    """Return what each sample of a batch holds, without its padding."""
    samples = []
    for group in batch.layout.groups:
        values = group.padded(batch.values).numpy()
        ids = None if batch.ids is None else group.padded(batch.ids).numpy()
        for i in range(group.n_samples):
            real = slice(None) if group.mask is None else group.mask[i].numpy()
            samples.append(
                values[i][real] if ids is None else (ids[i][real], values[i][real])
            )
    return samples


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_dense_rows_keep_their_order(rng):
    X, Y = rng.normal(size=(10, 3)), rng.integers(0, 2, (10, 2))
    batch, targets = BatchDataset(X, Y, np.ones(10), dtype=np.float64).__getitems__([7, 2])
    np.testing.assert_array_equal(batch.values.numpy(), X[[7, 2]])
    np.testing.assert_array_equal(targets.labels.numpy(), Y[[7, 2]])
    assert targets.known is None


def test_sparse_rows_and_labels_are_those_of_the_matrix(rng):
    X = sparse.random(20, 15, 0.2, random_state=0, format="csr")
    Y = sparse.csr_array(rng.integers(0, 2, (20, 4)).astype(np.uint8))
    weight = rng.random(20)
    data = BatchDataset(X, Y, weight, dtype=np.float64)
    rows = np.array([3, 17, 0, 9, 9])
    batch, targets = data.__getitems__(rows)
    order = rows[np.argsort(np.diff(X.indptr)[rows], kind="stable")]
    for (ids, values), row in zip(rows_of(batch), order, strict=True):
        dense = np.zeros(15)
        dense[ids] = values
        np.testing.assert_array_equal(dense, X[[row]].toarray()[0])
    np.testing.assert_array_equal(targets.labels.numpy(), Y.toarray()[order])
    scaled = weight / weight.mean()
    np.testing.assert_allclose(targets.sample_weight.numpy(), scaled[order])


@pytest.mark.parametrize("n_samples, n_groups", [(9, 2), (13, 3), (17, 4)])
def test_no_other_groups_hold_less_padding(rng, monkeypatch, n_samples, n_groups):
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 1)
    lengths = rng.geometric(0.2, n_samples)
    X = Sequences([np.zeros(n, int) for n in lengths], n_tokens=1)
    batch, _ = BatchDataset(X).__getitems__(np.arange(n_samples))
    assert len(batch.layout.groups) == n_groups
    lengths.sort()
    n_rows = [
        sum((b - a) * lengths[b - 1] for a, b in pairwise([0, *cuts, n_samples]))
        for cuts in combinations(range(1, n_samples), n_groups - 1)
    ]
    assert len(batch.values) == min(n_rows)


def test_samples_of_one_length_are_in_one_group(rng, monkeypatch):
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", 1)
    lengths = rng.choice([2, 5, 6], 200)
    X = Sequences([np.zeros(n, int) for n in lengths], n_tokens=1)
    batch, _ = BatchDataset(X).__getitems__(np.arange(50))
    shapes = [(group.n_samples, group.n_nodes) for group in batch.layout.groups]
    assert shapes == [((lengths[:50] == n).sum(), n) for n in (2, 5, 6)]
    # Of more samples not every place is looked at, which hardly matters.
    batch, _ = BatchDataset(X).__getitems__(np.arange(200))
    assert len(batch.layout.groups) == 3
    assert lengths.sum() <= len(batch.values) < 1.03 * lengths.sum()


def test_empty_samples_have_one_node_of_zeros():
    X = sparse.csr_matrix(np.array([[0.0, 0.0], [1.0, 2.0]]))
    batch, _ = BatchDataset(X).__getitems__([0, 1])
    (_, values), (ids, _) = rows_of(batch)
    assert values.tolist() == [0.0]
    assert ids.tolist() == [0, 1]
    everything_empty, _ = BatchDataset(X[:1]).__getitems__([0])
    assert everything_empty.values.tolist() == [0.0]


def test_one_token_may_be_all_there_is():
    batch, _ = BatchDataset(Sequences([[], [3], []], n_tokens=4)).__getitems__([0, 1, 2])
    assert batch.values.tolist() == [0.0, 0.0, 1.0]
    assert batch.ids.tolist() == [0, 0, 3]


def test_tokens_and_instances_are_those_of_the_containers(rng):
    sequences = Sequences([rng.integers(0, 9, n) for n in (4, 1, 7, 0)], n_tokens=9)
    batch, _ = BatchDataset(sequences).__getitems__([0, 1, 2])
    for (ids, weight), i in zip(rows_of(batch), (1, 0, 2), strict=True):
        np.testing.assert_array_equal(ids, sequences[i])
        assert (weight == 1).all()
    bags = [rng.normal(size=(n, 2)) for n in (3, 1, 2)]
    boxes = [np.sort(rng.random((n, 4)), axis=1) for n in (3, 1, 2)]
    batch, _ = BatchDataset(Bags(bags, boxes), dtype=np.float64).__getitems__([0, 1, 2])
    for sample, i in zip(rows_of(batch), (1, 2, 0), strict=True):
        np.testing.assert_array_equal(sample, bags[i])
    np.testing.assert_array_equal(batch.boxes[batch.layout.real].numpy()[0], boxes[1][0])


def test_edges_stay_within_their_graph(rng):
    bags = [rng.normal(size=(n, 2)) for n in (3, 2)]
    graphs = Graphs(bags, [np.array([[0, 2], [1, 0]]), np.array([[1], [0]])])
    batch, _ = BatchDataset(graphs).__getitems__([0, 1])
    (group,) = batch.layout.groups
    expected = np.zeros((2, 3, 3), dtype=bool)
    expected[0, 1, 0] = expected[1, 0, 1] = expected[1, 2, 0] = True
    np.testing.assert_array_equal(group.edges.numpy(), expected)


def test_weights_are_where_their_edges_are(rng):
    sizes = [3, 1, 4, 2]
    dense = [rng.random((n, n)) * (rng.random((n, n)) < 0.6) for n in sizes]
    bags = [rng.normal(size=(n, 2)) for n in sizes]
    dataset = BatchDataset(Graphs(bags, dense, edge_weights="adjacency"), dtype=np.float64)
    batch, _ = dataset.__getitems__([3, 2, 0])
    by_length = iter([dense[3], dense[0], dense[2]])
    for group in batch.layout.groups:
        for edges, weights in zip(group.edges, group.edge_weights, strict=True):
            expected = np.zeros((group.n_nodes, group.n_nodes))
            given = next(by_length)
            expected[: len(given), : len(given)] = given
            np.testing.assert_array_equal(weights, expected)
            np.testing.assert_array_equal(edges, expected > 0)
    assert batch.to("meta").layout.groups[0].edge_weights.device.type == "meta"


def test_unknown_labels_are_zero_and_marked():
    Y = np.array([[0, np.nan], [1, 1]])
    _, targets = BatchDataset(np.zeros((2, 1)), Y, np.ones(2)).__getitems__([0, 1])
    assert targets.labels.tolist() == [[0, 0], [1, 1]]
    assert targets.known.tolist() == [[True, False], [True, True]]


def test_a_memory_map_is_read_batch_by_batch(tmp_path):
    X = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=(8, 3))
    X[:] = np.arange(24).reshape(8, 3)
    data = BatchDataset(X, rows=np.array([1, 5]))
    assert np.shares_memory(data.X, X)
    np.testing.assert_array_equal(data.__getitems__([1])[0].values.numpy(), X[[5]])
