"""Pooling, and the parts that nodes have in logits, bag by bag."""

import numpy as np
import pytest
import torch

from skmlc.inputs import Bags
from skmlc.nn.nodes import Nodes
from skmlc.nn.pooling import contributions, pool
from skmlc.training.batches import read_batch


@pytest.fixture
def nodes():
    rng = np.random.default_rng(0)
    bags = Bags([rng.normal(size=(n, 4)) for n in [1, 1, 2, 3, 5, 5, 6, 8, 9]])
    batch = read_batch(bags, np.arange(9), np.float64)
    values = batch.values.clone()
    values[~batch.layout.real] = np.nan  # padding may hold anything
    return bags, Nodes(values, batch.layout)


@pytest.fixture
def classifiers():
    return torch.randn(
        3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_parts_sum_to_the_logits(nodes, classifiers, pooling):
    bags, nodes = nodes
    parts = nodes.layout.per_sample(contributions(nodes, classifiers, pooling))
    for bag, part in zip(bags, parts, strict=True):
        assert part.shape == (3, len(bag))
        expected = classifiers.numpy() @ getattr(bag, pooling)(axis=0)
        np.testing.assert_allclose(part.sum(axis=1), expected)


def test_a_part_belongs_to_the_node_where_the_feature_is_largest(nodes, classifiers):
    bags, nodes = nodes
    parts = nodes.layout.per_sample(contributions(nodes, classifiers, "max"))
    for bag, part in zip(bags, parts, strict=True):
        expected = np.zeros_like(part)
        for d in range(4):
            s = bag[:, d].argmax()
            expected[:, s] += classifiers[:, d].numpy() * bag[s, d]
        np.testing.assert_allclose(part, expected)


def test_pool_is_that_of_the_nodes(nodes):
    bags, nodes = nodes
    clean = Nodes(nodes.values.nan_to_num(0.0), nodes.layout)
    np.testing.assert_allclose(pool(clean, "max"), [bag.max(axis=0) for bag in bags])
    np.testing.assert_allclose(pool(clean, "mean"), [bag.mean(axis=0) for bag in bags])
