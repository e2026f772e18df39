"""The assignment graph: means along its edges, nearest neighbors, and its perceptron."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.inputs import Bags, Graphs
from skmlc.nn.assignment_graph import (
    MLP,
    AssignmentGraph,
    Edges,
    instance_edges,
    label_pairs,
)
from skmlc.training.batches import read_batch

SIZES = (1, 1, 2, 3, 3, 4, 6, 7)
RNG = np.random.default_rng(0)
POINTS = [RNG.normal(size=(n, 3)) for n in SIZES]


def batch_of(container):
    return read_batch(container, np.arange(len(container)), np.float64)


def pairs_per_sample(edges, layout):
    """The edges of each sample, as sets of (receiver, source) counted within it."""
    found = []
    for group in layout.groups:
        for sample in range(group.n_samples):
            first = group.rows.start + sample * group.n_nodes
            here = edges.real.flatten() & (edges.receivers >= first)
            here &= edges.receivers < first + group.n_nodes
            pairs = edges.receivers[here] - first, edges.sources[here] - first
            found.append(set(zip(*(x.tolist() for x in pairs), strict=True)))
    return found


def nearest(points, k):
    """Pairs of each point and its k nearest others, of equally near ones the first."""
    pairs = set()
    for i, point in enumerate(points):
        others = [j for j in range(len(points)) if j != i]
        others.sort(key=lambda j: (np.sqrt(((points[j] - point) ** 2).sum()), j))
        pairs |= {(i, j) for j in others[:k]}
    return pairs


@pytest.mark.parametrize("k", [1, 3, 20])
def test_instances_receive_from_their_nearest_neighbors(k):
    batch = batch_of(Bags(POINTS))
    assert any(group.mask is not None for group in batch.layout.groups)
    edges = instance_edges(batch.layout, batch.values, k)
    assert pairs_per_sample(edges, batch.layout) == [nearest(p, k) for p in POINTS]


def test_of_equally_near_instances_the_first_ones_are_neighbors():
    grid = np.stack(np.meshgrid(np.arange(4.0), np.arange(4.0)), -1).reshape(-1, 2)
    batch = batch_of(Bags([grid[:7], grid]))
    edges = instance_edges(batch.layout, batch.values, 3)
    expected = [nearest(points, 3) for points in (grid[:7], grid)]
    assert pairs_per_sample(edges, batch.layout) == expected


def test_values_of_padding_do_not_change_the_neighbors():
    batch = batch_of(Bags(POINTS))
    noisy = batch.values.clone()
    noisy[~batch.layout.real] = 0.1
    edges = [instance_edges(batch.layout, x, 2) for x in (batch.values, noisy)]
    plain, changed = (pairs_per_sample(e, batch.layout) for e in edges)
    assert plain == changed


def test_known_edges_are_the_neighbors_without_self_loops():
    given = [RNG.random((n, n)) < 0.5 for n in SIZES]
    batch = batch_of(Graphs(POINTS, [sparse.csr_array(e) for e in given]))
    edges = instance_edges(batch.layout, batch.values, 1)
    expected = [{(i, j) for i, j in np.argwhere(e) if i != j} for e in given]
    assert pairs_per_sample(edges, batch.layout) == expected


def test_mean_is_over_the_real_edges_into_each_node():
    batch = batch_of(Bags(POINTS))
    edges = instance_edges(batch.layout, batch.values, 2)
    messages = torch.randn(len(edges.receivers), 4, dtype=torch.float64)
    found = edges.mean(messages).numpy()
    for row in range(len(batch.values)):
        into = edges.real.flatten() & (edges.receivers == row)
        expected = messages[into].numpy().mean(axis=0) if into.any() else np.zeros(4)
        np.testing.assert_allclose(found[row], expected, atol=1e-12)


def test_weights_of_one_give_the_plain_mean():
    given = [RNG.random((n, n)) < 0.5 for n in SIZES]
    means = []
    for weights in (None, "adjacency"):
        batch = batch_of(Graphs(POINTS, given, edge_weights=weights))
        edges = instance_edges(batch.layout, batch.values, 1)
        means.append(edges.mean(edges.at_sources(batch.values)))
    torch.testing.assert_close(*means, rtol=0, atol=0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_label_pairs_are_the_entries_without_the_diagonal(make):
    adjacency = (RNG.random((6, 6)) < 0.5) * RNG.random((6, 6)) * -1
    found = np.transpose(label_pairs(make(adjacency)))
    expected = [(i, j) for i in range(6) for j in range(6) if adjacency[i, j] and i != j]
    np.testing.assert_array_equal(found, expected)


def test_mean_among_labels_is_that_of_the_neighbors_of_each_sample():
    adjacency = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]])
    receivers, sources = map(torch.from_numpy, label_pairs(adjacency))
    edges = Edges(receivers, sources, torch.tensor([[2], [1], [1]]))
    labels = torch.randn(5, 3, 2)
    found = edges.mean(edges.at_sources(labels))
    expected = torch.stack(
        [(labels[:, 1] + labels[:, 2]) / 2, torch.zeros(5, 2), labels[:, 0]], dim=1
    )
    torch.testing.assert_close(found, expected)


def test_matching_edges_connect_instances_with_the_labels_of_their_sample():
    batch = batch_of(Bags(POINTS))
    graph = AssignmentGraph(batch.layout)
    labels = torch.randn(len(SIZES), 5, 2, dtype=torch.float64)
    messages = torch.randn(len(batch.values), 5, 2, dtype=torch.float64)
    messages[~batch.layout.real] = 1e6
    rows, means = graph.at_labels(labels), graph.mean_of_instances(messages)
    sample = 0
    for group in batch.layout.groups:
        padded = group.padded(messages)
        for n in range(group.n_samples):
            size = SIZES[sample]
            torch.testing.assert_close(means[sample], padded[n, :size].mean(0))
            at_rows = group.padded(rows)[n]
            torch.testing.assert_close(at_rows, labels[sample].expand_as(at_rows))
            sample += 1


def test_mlp_of_several_inputs_is_that_of_their_concatenation():
    torch.manual_seed(0)
    mlp = MLP([2, 3, 4], 5).double()
    a, b, c = torch.randn(6, 7, 2), torch.randn(6, 3), torch.randn(1, 7, 4)
    a, b, c = a.double(), b.double(), c.double()
    found = mlp(a, (b, lambda product: product[:, None]), c)
    whole = torch.cat([a, b[:, None].expand(-1, 7, -1), c.expand(6, -1, -1)], dim=-1)
    upper = mlp.upper
    layers = [mlp.linear, torch.nn.ReLU(), upper.linear, upper.norm]
    torch.testing.assert_close(found, torch.nn.Sequential(*layers)(whole))


def test_perceptrons_keep_the_scale_of_their_inputs():
    torch.manual_seed(0)
    hidden = torch.relu(MLP([400], 300).linear(torch.randn(500, 400)))
    assert hidden.square().mean().item() == pytest.approx(1, abs=0.1)
