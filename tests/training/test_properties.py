"""A batch says of a sample what the sample says, whoever else is in the batch."""

import inspect

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

import skmlc
from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training import batches
from skmlc.training.batches import BatchDataset
from tests.method_names import METHOD_NAMES
from tests.strategies import examples

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
KINDS = ["sequences", "sparse", "bags", "graphs"]
every_kind = pytest.mark.parametrize("kind", KINDS)
lengths = st.lists(st.integers(0, 9), min_size=1, max_size=12)


def make_samples(kind, sizes):
    """Return X of so many nodes per sample, and the nodes (n, F) of each."""
    rng = np.random.default_rng(len(sizes))
    if kind == "sequences":
        tokens = [rng.integers(0, 20, n) for n in sizes]
        return Sequences(tokens, n_tokens=20), [
            np.column_stack([t, np.ones(len(t))]) for t in tokens
        ]
    if kind == "sparse":
        ids = [np.sort(rng.choice(20, n, replace=False)) for n in sizes]
        values = [rng.normal(size=n) for n in sizes]
        flat = np.concatenate(values), np.concatenate(ids), np.cumsum([0, *sizes])
        X = sparse.csr_array(flat, shape=(len(sizes), 20))
        return X, [np.column_stack(pair) for pair in zip(ids, values, strict=True)]
    bags = [rng.normal(size=(max(1, n), 2)) for n in sizes]  # none is empty
    if kind == "bags":
        return Bags(bags), bags
    edges = [rng.random((len(bag), len(bag))) < 0.4 for bag in bags]
    return Graphs(bags, edges), bags


@st.composite
def read(draw, kind):
    """Draw a batch: its samples in its order, each with its nodes, and the batch itself."""
    X, nodes = make_samples(kind, draw(lengths))
    rows = draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=12))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "ROWS_PER_GROUP", draw(st.sampled_from([1, 8, 512])))
        batch, _ = BatchDataset(X, dtype=np.float64).__getitems__(np.array(rows))
    rows.sort(key=lambda row: max(0, len(nodes[row])))
    values = (
        batch.values if batch.ids is None else torch.stack([batch.ids, batch.values], 1)
    )
    return X, rows, [nodes[row] for row in rows], Nodes(values, batch.layout)


@every_kind
@given(data=st.data())
def test_the_groups_hold_the_nodes_of_each_sample_and_nothing_else(kind, data):
    X, rows, expected, nodes = data.draw(read(kind))
    layout, i = nodes.layout, 0
    assert layout.n_samples == len(rows)
    for group, values in nodes.groups():
        assert group.samples == slice(i, i + group.n_samples)
        for place in range(group.n_samples):
            mask = torch.ones(group.n_nodes).bool()
            mask = mask if group.mask is None else group.mask[place]
            found = values[place][mask].numpy()
            # A sample without nodes is attended to as one node of zeros.
            here = expected[i] if len(expected[i]) else np.zeros((1, 2))
            np.testing.assert_array_equal(found, here)
            assert not values[place][~mask].any()
            if kind == "graphs":
                edges = X[rows[i]].edges
                pairs = np.stack(np.nonzero(group.edges[place].numpy()))
                np.testing.assert_array_equal(pairs, edges)
            i += 1
    assert i == len(rows)
    n_real = sum(map(len, expected))
    assert n_real == (len(nodes.values) if layout.real is None else layout.real.sum())


@every_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stored", [np.float32, np.float64])
def test_a_batch_is_of_the_type_asked_for(kind, dtype, stored):
    X, _ = make_samples(kind, [3, 1, 2])
    if kind == "bags":
        X = Bags.from_flat(X.instances.astype(stored), X.offsets)
    elif kind == "graphs":
        parts = X.offsets, X.edges, X.edge_offsets
        X = Graphs.from_flat(X.instances.astype(stored), *parts)
    elif kind == "sparse":
        X = X.astype(stored)
    batch, _ = BatchDataset(X, dtype=dtype).__getitems__(np.arange(3))
    assert batch.values.numpy().dtype == dtype


@every_kind
@given(data=st.data())
def test_a_batch_is_the_same_on_another_device(kind, data):
    *_, nodes = data.draw(read(kind))
    layout = nodes.layout.map(lambda tensor: tensor.to("meta"))
    assert layout.n_samples == nodes.layout.n_samples
    masks = [(layout.real, nodes.layout.real)]
    for moved, group in zip(layout.groups, nodes.layout.groups, strict=True):
        assert (moved.samples, moved.rows) == (group.samples, group.rows)
        assert (moved.n_samples, moved.n_nodes) == (group.n_samples, group.n_nodes)
        masks += [(moved.mask, group.mask), (moved.edges, group.edges)]
    for moved, mask in masks:
        assert (moved is None) == (mask is None)
        assert mask is None or (moved.shape, moved.device.type) == (mask.shape, "meta")


@every_kind
@given(data=st.data())
def test_pooling_is_that_of_each_sample_whatever_padding_holds(kind, data):
    *_, expected, nodes = data.draw(read(kind))
    attended = [
        torch.ones(group.n_samples * group.n_nodes).bool()
        if group.mask is None
        else group.mask.flatten()
        for group in nodes.layout.groups
    ]
    noisy = torch.where(torch.cat(attended)[:, None], nodes.values, 1e6)
    nodes = Nodes(noisy, nodes.layout)
    expected = [part if len(part) else np.zeros((1, 2)) for part in expected]
    for name in ("mean", "sum", "max"):
        pooled = [getattr(part, name)(axis=0) for part in expected]
        np.testing.assert_allclose(getattr(nodes, name)(), pooled, atol=1e-12)
    counts = nodes.layout.n_nodes("cpu").tolist()
    assert counts == list(map(len, expected))
    parts = [values.transpose(1, 2) for _, values in nodes.groups()]
    for found, part in zip(nodes.layout.per_sample(parts), expected, strict=True):
        np.testing.assert_array_equal(found, part.T)


@given(n_samples=st.integers(1, 5), n_nodes=st.integers(1, 4))
def test_samples_of_one_size_have_a_layout_without_padding(n_samples, n_nodes):
    values = torch.arange(2.0 * n_samples * n_nodes).view(-1, 2)
    nodes = Nodes(values, Layout.regular(n_samples, n_nodes))
    ((group, padded),) = nodes.groups()
    assert group.mask is None
    assert group.samples == slice(0, n_samples)
    assert nodes.layout.n_samples == n_samples
    assert nodes.layout.single_nodes == (n_nodes == 1)
    assert torch.equal(padded.flatten(0, 1), values)
    assert torch.equal(nodes.mean(), values.view(n_samples, n_nodes, 2).mean(1))


# Predictions --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models():
    """Return all estimators, fitted, by their names."""
    rng = np.random.default_rng(0)
    X, _ = make_samples("sequences", rng.integers(0, 9, 30))
    Y = rng.integers(0, 2, (30, 3))
    options = {"hidden_size": 8, "max_epochs": 1, "precision": "float64", "random_state": 0}
    fitted = {}
    for Estimator in ESTIMATORS:
        known = inspect.signature(Estimator).parameters
        here = {k: v for k, v in options.items() if k in known}
        fitted[Estimator.__name__] = Estimator(**here).fit(X, Y)
    return fitted


@pytest.mark.parametrize("name", [e.__name__ for e in ESTIMATORS])
@examples(10)
@given(sizes=lengths, data=st.data())
def test_a_prediction_does_not_depend_on_the_batch(models, name, sizes, data):
    X, _ = make_samples("sequences", sizes)
    expected = models[name].decision_function(X)
    rows = data.draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=8))
    found = models[name].decision_function(X[rows])
    np.testing.assert_allclose(found, expected[rows], rtol=1e-9, atol=1e-12)
