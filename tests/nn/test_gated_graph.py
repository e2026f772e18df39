"""Gated graph propagation against a version written as loops, and what follows from it."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.nn.gated_graph import GatedGraph, bound_weights

M, SIZE = 12, 3
VARIANTS = {
    "GGNN": {"message_layers": True},
    "SSGRL": {"gate_bias": True},
}


def make_graph(incoming, outgoing=None, n_steps=2, seed=0, **options):
    torch.manual_seed(seed)
    outgoing = incoming.T if outgoing is None else outgoing
    return GatedGraph(
        incoming, outgoing, state_size=SIZE, n_steps=n_steps, **options
    ).double()


def chain(n_nodes):
    """Node i receives from node i - 1 along an edge that enters it: a directed chain."""
    return np.eye(n_nodes, k=-1)


def weights(density, seed=0):
    """Random weights, exact in float32."""
    rng = np.random.default_rng(seed)
    edges = rng.random((M, M)) < density
    return edges * rng.integers(-8, 9, (M, M)) / 8


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def propagate_with_loops(
    graph, incoming, outgoing, states, message_layers=False, gate_bias=False
):
    """Return the states (M, s) of one sample after the last step, Eq. 2-6."""
    weight = {name: p.detach().numpy() for name, p in graph.named_parameters()}

    def layer(name, x):
        has_bias = gate_bias or name.startswith("message_layers")
        bias = weight[f"{name}.bias"] if has_bias else 0
        return weight[f"{name}.weight"] @ x + bias

    for _ in range(graph.n_steps):
        new = []
        for i in range(len(states)):
            heard = []
            for side, matrix in enumerate((incoming, outgoing)):
                total = np.zeros(SIZE)
                for j in range(len(states)):
                    total += matrix[i, j] * states[j]
                if message_layers:
                    total = layer(f"message_layers.{side}", total)
                heard.append(total)
            a, h = np.concatenate(heard), states[i]
            Wz, Wr, W = np.split(layer("from_messages", a), 3)
            Uz, Ur = np.split(layer("from_state", h), 2)
            z, r = sigmoid(Wz + Uz), sigmoid(Wr + Ur)
            candidate = np.tanh(W + layer("from_kept_state", r * h))
            new.append((1 - z) * h + z * candidate)
        states = np.array(new)
    return states


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("density", [0.0, 0.05, 0.6])
@pytest.mark.parametrize("as_sparse", [False, True])
def test_states_equal_the_equations_written_as_loops(variant, density, as_sparse):
    incoming, outgoing = weights(density), weights(density, seed=1)
    given = [sparse.csr_array(x) if as_sparse else x for x in (incoming, outgoing)]
    graph = make_graph(*given, n_steps=3, **VARIANTS[variant])
    states = torch.randn(4, M, SIZE, dtype=torch.float64)
    result = graph(states).detach().numpy()
    for sample, got in zip(states.numpy(), result, strict=True):
        expected = propagate_with_loops(
            graph, incoming, outgoing, sample, **VARIANTS[variant]
        )
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("n_steps", [1, 2, 4])
def test_influence_travels_one_edge_per_step_in_both_directions(n_steps):
    n_nodes, middle = 11, 5
    graph = make_graph(chain(n_nodes), n_steps=n_steps, message_layers=True)
    states = torch.randn(1, n_nodes, SIZE, dtype=torch.float64)
    changed = states.clone()
    changed[0, middle] += 1.0
    moved = (graph(changed) - graph(states)).abs().amax(-1)[0] > 1e-12
    expected = [abs(i - middle) <= n_steps for i in range(n_nodes)]
    assert moved.tolist() == expected


def test_directions_are_told_apart():
    graph = make_graph(chain(2), message_layers=True)
    reversed_graph = make_graph(chain(2).T, message_layers=True)
    states = torch.randn(1, 2, SIZE, dtype=torch.float64)
    assert (graph(states) - reversed_graph(states)).abs().max() > 1e-3


def test_permuting_the_nodes_permutes_the_states():
    adjacency, order = weights(0.3), np.random.default_rng(1).permutation(M)
    states = torch.randn(2, M, SIZE, dtype=torch.float64)
    graph = make_graph(adjacency, gate_bias=True)
    permuted = make_graph(adjacency[order][:, order], gate_bias=True)
    torch.testing.assert_close(permuted(states[:, order]), graph(states)[:, order])


def test_samples_do_not_see_each_other():
    graph = make_graph(weights(0.3), gate_bias=True)
    states = torch.randn(5, M, SIZE, dtype=torch.float64)
    alone = torch.cat([graph(sample[None]) for sample in states])
    torch.testing.assert_close(graph(states), alone)


@pytest.mark.parametrize("density", [0.05, 0.6])
def test_gradients_are_those_of_finite_differences(density):
    graph = make_graph(weights(density), message_layers=True)
    states = torch.randn(2, M, SIZE, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(graph, (states,))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_gets_a_gradient(variant):
    graph = make_graph(weights(0.3), **VARIANTS[variant])
    graph(torch.randn(2, M, SIZE, dtype=torch.float64)).sum().backward()
    assert all(p.grad.abs().max() > 0 for p in graph.parameters())


@pytest.mark.parametrize("density", [0.05, 0.6])
def test_bfloat16_autocast_is_near_float32(density):
    graph = make_graph(weights(density), message_layers=True).float()
    states = torch.randn(2, M, SIZE)
    with torch.autocast("cpu", torch.bfloat16):
        low = graph(states)
    torch.testing.assert_close(low.float(), graph(states), atol=0.05, rtol=0.05)


def test_a_sparse_graph_needs_no_dense_matrix():
    # The dense matrices of both directions would take 160 GB.
    edges = sparse.diags_array([np.ones(99_999)], offsets=[-1], format="csr")
    graph = make_graph(edges, message_layers=True)
    states = torch.randn(1, 100_000, SIZE, dtype=torch.float64, requires_grad=True)
    graph(states).sum().backward()
    assert torch.isfinite(states.grad).all()


@pytest.mark.parametrize("largest", [1.25, 4.0, -4.0])
def test_weights_above_one_are_divided_by_the_largest(largest):
    counts = np.array([[0.0, largest], [-1.0, 0.0]])
    expected = counts / abs(largest)
    np.testing.assert_array_equal(bound_weights(counts), expected)
    bounded = bound_weights(sparse.csr_array(counts))
    assert sparse.issparse(bounded)
    np.testing.assert_array_equal(bounded.toarray(), expected)
    assert counts[0, 1] == largest  # not modified


@pytest.mark.parametrize("adjacency", [chain(3) / 2, np.zeros((3, 3))])
def test_weights_up_to_one_stay(adjacency):
    np.testing.assert_array_equal(bound_weights(adjacency), adjacency)
    sparse_ones = bound_weights(sparse.csr_array(adjacency))
    np.testing.assert_array_equal(sparse_ones.toarray(), adjacency)
