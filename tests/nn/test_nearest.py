"""The nearest nodes of each node against loops."""

import numpy as np
import pytest
import torch

from skmlc.nn import nearest
from skmlc.nn.nearest import nearest_nodes

# On a grid, many nodes are equally near.
GRID = np.stack(np.meshgrid(np.arange(3.0), np.arange(3.0)), -1).reshape(-1, 2)
REAL = np.array([[True] * 9, [True] * 4 + [False] * 5])


def with_loops(points, real, k):
    """Return the nearest real nodes of each real node, of equally near ones the first."""
    found = {}
    for i in np.flatnonzero(real):
        others = [j for j in np.flatnonzero(real) if j != i]
        others.sort(key=lambda j: (((points[j] - points[i]) ** 2).sum(), j))
        found[i] = others[:k]
    return found


@pytest.mark.parametrize("at_once", [1, 40, 2**22])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [0, 1, 3, 20])
def test_nearest_nodes_are_the_loops_in_blocks_of_any_size(k, dtype, at_once, monkeypatch):
    monkeypatch.setattr(nearest, "DISTANCES_AT_ONCE", at_once)
    places = torch.tensor(np.stack([GRID, GRID[::-1]]), dtype=dtype)
    found, is_real = nearest_nodes(places, k, torch.tensor(REAL))
    for sample, real in enumerate(REAL):
        expected = with_loops(places[sample].numpy(), real, k)
        for node in range(9):
            here = found[sample, node][is_real[sample, node]].tolist()
            assert here == expected.get(node, [])


def test_a_node_alone_has_no_neighbors():
    found, is_real = nearest_nodes(torch.zeros(2, 1, 3), 4)
    assert found.shape == is_real.shape == (2, 1, 0)
