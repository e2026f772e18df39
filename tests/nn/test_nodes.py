"""Pooling over the nodes of a batch: padding does not count."""

import numpy as np
import pytest
import torch

from skmlc.inputs import Bags
from skmlc.nn.nodes import Nodes
from skmlc.training import batches
from skmlc.training.batches import read_batch


@pytest.fixture
def bags():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, 3)) for n in sorted(rng.integers(1, 9, 30))]


@pytest.mark.parametrize("name", ["mean", "sum", "max"])
def test_pooling_is_that_of_each_bag_on_its_own(bags, name):
    batch = read_batch(Bags(bags), np.arange(30), np.float64)
    pooled = getattr(Nodes(batch.values, batch.layout), name)()
    expected = [getattr(bag, name)(axis=0) for bag in bags]
    np.testing.assert_allclose(pooled.numpy(), expected)


def test_a_batch_holds_little_padding(bags):
    batch = read_batch(Bags(bags), np.arange(30), np.float64)
    n_nodes = sum(len(bag) for bag in bags)
    assert len(batch.layout.groups) == 7
    assert n_nodes <= len(batch.values) < 1.2 * n_nodes
    assert int(batch.layout.real.sum()) == n_nodes


def test_padding_of_any_value_does_not_change_the_mean(bags):
    batch = read_batch(Bags(bags), np.arange(30), np.float64)
    noisy = batch.values.clone()
    noisy[~batch.layout.real] = 1e6
    torch.testing.assert_close(
        Nodes(noisy, batch.layout).max(), Nodes(batch.values, batch.layout).max()
    )
    torch.testing.assert_close(
        Nodes(noisy, batch.layout).mean(), Nodes(batch.values, batch.layout).mean()
    )


@pytest.mark.parametrize("rows, n_groups", [(1, 7), (60, 4), (1000, 1)])
def test_a_small_batch_has_few_groups(bags, monkeypatch, rows, n_groups):
    monkeypatch.setattr(batches, "ROWS_PER_GROUP", rows)
    batch = read_batch(Bags(bags), np.arange(30), np.float64)
    assert len(batch.layout.groups) == n_groups
    means = Nodes(batch.values, batch.layout).mean()
    np.testing.assert_allclose(means, [bag.mean(axis=0) for bag in bags])
