"""Propagation along a graph, and graph convolutions, against loops."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.nn.graph_conv import GraphConvolutions, Propagation


def random_matrix(n_nodes, density, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_nodes, n_nodes)) * (rng.random((n_nodes, n_nodes)) < density)


@pytest.mark.parametrize("density, is_sparse", [(0.05, True), (0.6, False)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_node_receives_the_weighted_sum_of_its_neighbors(density, is_sparse, dtype):
    matrix = random_matrix(40, density).astype(np.float32)
    x = torch.randn(40, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    propagate = Propagation(sparse.csr_array(matrix)).to(dtype)
    assert propagate.is_sparse == is_sparse
    expected = np.zeros((40, 3))
    for i in range(40):
        for j in range(40):
            expected[i] += matrix[i, j] * x[j].double().numpy()
    np.testing.assert_allclose(propagate(x).numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("density", [0.05, 0.6])
def test_gradients_flow_against_the_edges(density):
    matrix = random_matrix(30, density)
    x = torch.randn(30, 2, dtype=torch.float64, requires_grad=True)
    propagate = Propagation(matrix).double()
    assert torch.autograd.gradcheck(propagate, x)


@pytest.mark.parametrize("density", [0.05, 0.6])
def test_the_graph_is_no_part_of_the_weights(density):
    assert Propagation(random_matrix(20, density)).state_dict() == {}


def test_a_sparse_graph_works_in_mixed_precision():
    propagate = Propagation(random_matrix(30, 0.05))
    x = torch.randn(30, 2)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = propagate(x.bfloat16())
    torch.testing.assert_close(mixed, propagate(x.bfloat16().float()))


@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("given", [True, False])
def test_layers_are_equation_2_written_as_loops(n_layers, given):
    rng = np.random.default_rng(0)
    matrix = random_matrix(6, 0.5)
    vectors = rng.normal(size=(6, 5)) if given else None
    sizes = [7] * (n_layers - 1) + [4]
    layers = GraphConvolutions(matrix, vectors, sizes).double()
    weight = [p.detach().numpy() for p in layers.parameters()]
    hidden = vectors if given else np.eye(6)
    for step, w in enumerate(weight):
        w = w.T if step else w
        if step:
            hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
        hidden = np.array(
            [sum(matrix[i, j] * (hidden[j] @ w) for j in range(6)) for i in range(6)]
        )
    np.testing.assert_allclose(layers().detach().numpy(), hidden, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("vectors", [None, np.ones((6, 300))], ids=["one-hot", "given"])
def test_weights_start_as_those_of_the_authors_program(vectors):
    layers = GraphConvolutions(np.eye(6), vectors, [400, 1600, 900])
    for weight, bound in zip(layers.parameters(), [1 / 20, 1 / 40, 1 / 30], strict=True):
        assert bound * 0.99 < weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / np.sqrt(3), rel=0.05)


def test_the_head_of_the_paper_has_its_number_of_parameters():
    vectors = np.zeros((80, 300))
    layers = GraphConvolutions(sparse.eye_array(80), vectors, [1024, 2048])
    assert sum(p.numel() for p in layers.parameters()) == 2_404_352
