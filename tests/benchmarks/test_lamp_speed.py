"""The arithmetic of benchmarks/lamp_speed.py."""

import importlib

import numpy as np
import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def test_the_formula_counts_the_operations_that_torch_counts():
    speed = importlib.import_module("lamp_speed")
    hidden_size, lengths = 16, [12] * speed.BATCH  # of one length: no padding
    data = speed.make_batches(lengths, 1, np.random.default_rng(0))
    model = speed.Ours(*data, hidden_size)
    batch, _ = model.read(0)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.network(batch)
    # The read-out is no matrix product; the first query is asked once for all samples.
    read_out = 2 * hidden_size * speed.LABELS * speed.BATCH
    first_query = 2 * hidden_size**2 * speed.LABELS
    expected = speed.n_operations(lengths, hidden_size) - read_out + first_query
    assert counter.get_total_flops() == expected


def test_the_prior_graph_is_as_dense_as_that_of_reuters():
    speed = importlib.import_module("lamp_speed")
    _, Y, graph = speed.make_batches([5] * 3200, 100, np.random.default_rng(0))
    share = (graph.sum() + speed.LABELS) / speed.LABELS**2
    assert share == pytest.approx(speed.DENSITY, abs=0.01)
    assert (graph == graph.T).all()
    assert Y.sum(axis=1).mean() == pytest.approx(1.23, abs=0.1)
