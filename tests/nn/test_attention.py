import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from torch.utils._python_dispatch import TorchDispatchMode

from skmlc.nn import edges as edges_module
from skmlc.nn.attention import (
    LabelEdges,
    attention_weights,
    dense_attention,
    edge_attention,
    merge_heads,
    split_heads,
    use_edges,
)

N_LABELS = 9


def make_adjacency(kind):
    """Return a graph of 9 labels as a dense matrix."""
    if kind == "self-loops":
        return np.eye(N_LABELS)
    if kind == "full":
        return np.ones((N_LABELS, N_LABELS))
    adjacency = np.zeros((N_LABELS, N_LABELS))
    if kind == "hub":  # sends to all, and receives from all but one
        adjacency[:, 4] = adjacency[4, 1:] = 1
    elif kind == "chain":  # label 0 receives from none, label 8 sends to none
        adjacency[np.arange(1, N_LABELS), np.arange(N_LABELS - 1)] = 1
    elif kind == "random":
        rng = np.random.default_rng(0)
        adjacency = rng.normal(size=(N_LABELS, N_LABELS)) * (rng.random((9, 9)) < 0.3)
        adjacency[[2, 6]] = 0  # these receive from none
    return adjacency


def make_inputs(n_samples=2, n_heads=3, n_labels=N_LABELS, seed=0, dtype=torch.float64):
    """Return query and key of size 4 and value of size 5."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(
            n_samples, n_heads, n_labels, size, generator=generator, dtype=dtype
        ).requires_grad_()
        for size in (4, 4, 5)
    ]


def loop_attention(query, key, value, adjacency, scale):
    """Return messages and weights (L, L) for one sample and head, edge by edge."""
    message = np.zeros((len(query), value.shape[1]))
    weights = np.zeros(adjacency.shape)
    for i in range(len(query)):
        neighbors = [j for j in range(len(key)) if adjacency[i, j] != 0]
        exp = {j: np.exp(scale * sum(query[i] * key[j])) for j in neighbors}
        for j in neighbors:
            weights[i, j] = exp[j] / sum(exp.values())
            message[i] += weights[i, j] * value[j]
    return message, weights


@pytest.fixture(params=["csr", "gather"])
def kernels(request, monkeypatch):
    """Run on CSR products as on a CPU, and on gather and scatter as elsewhere."""
    use_csr = request.param == "csr"
    monkeypatch.setattr(edges_module, "_has_csr_kernels", lambda tensor: use_csr)


GRAPHS = ["random", "chain", "hub", "self-loops", "full", "none"]


@pytest.mark.parametrize("kind", GRAPHS)
def test_edge_attention_is_a_softmax_over_in_neighbors(kind, kernels):
    adjacency = make_adjacency(kind)
    edges = LabelEdges(sparse.csr_array(adjacency))
    query, key, value = make_inputs()
    message, weights = edge_attention(
        query, key, value, edges, scale=0.7, return_weights=True
    )
    assert weights.shape == (2, 3, edges.n_edges)
    assert not weights.requires_grad
    for n, h in np.ndindex(2, 3):
        q, k, v = (x[n, h].detach().numpy() for x in (query, key, value))
        expected_message, expected_weights = loop_attention(q, k, v, adjacency, 0.7)
        assert_allclose(message[n, h].detach(), expected_message, atol=1e-12)
        along_edges = expected_weights[edges.receivers, edges.sources]
        assert_allclose(weights[n, h], along_edges, atol=1e-12)


@pytest.mark.parametrize("kind", GRAPHS)
def test_gradients_are_those_of_masked_dense_attention(kind, kernels):
    adjacency = make_adjacency(kind)
    inputs = make_inputs()
    target = torch.randn(2, 3, N_LABELS, 5, dtype=torch.float64)
    outputs = (
        edge_attention(*inputs, LabelEdges(adjacency)),
        dense_attention(*inputs, torch.from_numpy(adjacency != 0)),
    )
    along_edges, dense = (
        torch.autograd.grad((output * target).sum(), inputs) for output in outputs
    )
    assert_allclose(outputs[0].detach(), outputs[1].detach(), atol=1e-12)
    for mine, other in zip(along_edges, dense):
        assert_allclose(mine, other, atol=1e-12)


def test_gradients_are_those_of_finite_differences(kernels):
    edges = LabelEdges(make_adjacency("random"), self_loops=True)
    inputs = make_inputs(n_samples=1, n_heads=2)
    assert torch.autograd.gradcheck(lambda *x: edge_attention(*x, edges), inputs)


def test_dropped_weights_send_nothing(kernels):
    adjacency, inputs = make_adjacency("random"), make_inputs()
    edges = LabelEdges(adjacency)
    keep = (torch.rand(6, edges.n_edges) < 0.5).double() * 2
    target = torch.randn(2, 3, N_LABELS, 5, dtype=torch.float64)
    message = edge_attention(*inputs, edges, dropout=lambda ones: ones * keep)
    # The same of dense weights, as rows of the message are sums over them.
    dense = torch.zeros(2, 3, N_LABELS, N_LABELS, dtype=torch.float64)
    dense[..., edges.receivers.long(), edges.sources.long()] = keep.view(2, 3, -1)
    mask = torch.from_numpy(adjacency != 0)
    weights = attention_weights(*inputs[:2], mask) * dense
    expected = weights @ inputs[2]
    assert_allclose(message.detach(), expected.detach(), atol=1e-12)
    mine, other = (
        torch.autograd.grad((output * target).sum(), inputs)
        for output in (message, expected)
    )
    for gradient, reference in zip(mine, other, strict=True):
        assert_allclose(gradient, reference, atol=1e-12)


def test_float32_is_close_to_float64(kernels):
    edges = LabelEdges(make_adjacency("random"))
    inputs = make_inputs()
    narrow = edge_attention(*(x.float() for x in inputs), edges)
    assert narrow.dtype == torch.float32
    assert_allclose(narrow.detach(), edge_attention(*inputs, edges).detach(), atol=1e-6)


def test_permuting_the_labels_permutes_the_messages():
    adjacency, order = (
        make_adjacency("random"),
        np.random.default_rng(1).permutation(N_LABELS),
    )
    inputs = make_inputs()
    permuted = edge_attention(
        *(x[:, :, order] for x in inputs), LabelEdges(adjacency[np.ix_(order, order)])
    )
    message = edge_attention(*inputs, LabelEdges(adjacency))
    assert_allclose(permuted.detach(), message[:, :, order].detach(), atol=1e-12)


@pytest.mark.parametrize("edges_per_call", [1, 50, 10_000])
def test_walking_several_heads_at_once_changes_nothing(edges_per_call, monkeypatch):
    monkeypatch.setattr(edges_module, "_EDGES_PER_CALL", edges_per_call)
    adjacency = make_adjacency("random")
    edges = LabelEdges(adjacency)
    inputs = make_inputs(n_samples=3, n_heads=3)
    calls = [heads.stop - heads.start for heads, _ in edges.blocks(9)]
    assert calls == {1: [1] * 9, 50: [2, 2, 2, 2, 1], 10_000: [9]}[edges_per_call]
    message = edge_attention(*inputs, edges)
    dense = dense_attention(*inputs, torch.from_numpy(adjacency != 0))
    assert_allclose(message.detach(), dense.detach(), atol=1e-12)
    for mine, other in zip(
        torch.autograd.grad(message.square().sum(), inputs),
        torch.autograd.grad(dense.square().sum(), inputs),
    ):
        assert_allclose(mine, other, atol=1e-12)


def test_large_scores_do_not_overflow(kernels):
    query, key, value = make_inputs(dtype=torch.float32)
    message = edge_attention(
        1e4 * query, 1e4 * key, value, LabelEdges(make_adjacency("random"))
    )
    message.sum().backward()
    assert message.isfinite().all()
    assert query.grad.isfinite().all()


@pytest.mark.parametrize("attention", ["edges", "dense", "weights"])
def test_default_scale_is_that_of_a_head(attention):
    adjacency = make_adjacency("random")
    inputs = make_inputs()

    def attend(scale):
        if attention == "edges":
            return edge_attention(*inputs, LabelEdges(adjacency), scale).detach()
        if attention == "weights":
            return attention_weights(*inputs[:2], scale=scale).detach()
        return dense_attention(*inputs, torch.from_numpy(adjacency != 0), scale).detach()

    assert_allclose(attend(None), attend(4**-0.5), atol=1e-12)
    assert abs(attend(None) - attend(12**-0.5)).max() > 0.01


def test_autocast_to_bfloat16(kernels):
    edges = LabelEdges(make_adjacency("random"), self_loops=True)
    torch.manual_seed(0)
    linear, nodes = torch.nn.Linear(4, 4), torch.randn(2, 3, N_LABELS, 4)
    expected = edge_attention(*[linear(nodes)] * 3, edges)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        message = edge_attention(*[linear(nodes)] * 3, edges)
        message.float().square().sum().backward()
    assert expected.dtype == torch.float32
    assert message.dtype == torch.bfloat16
    assert_allclose(message.detach().float(), expected.detach(), atol=0.03)
    assert linear.weight.grad.isfinite().all()


def test_autocast_does_not_lower_the_precision_of_float32(kernels):
    edges, exact = LabelEdges(make_adjacency("random")), make_inputs()
    inputs = [x.detach().float().requires_grad_() for x in exact]
    expected = edge_attention(*exact, edges)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        message = edge_attention(*inputs, edges)
        gradients = torch.autograd.grad(message.square().sum(), inputs)
    assert_allclose(message.detach(), expected.detach(), atol=1e-6)
    for mine, other in zip(
        gradients, torch.autograd.grad(expected.square().sum(), exact), strict=True
    ):
        assert_allclose(mine, other, atol=1e-5)


def test_compiled_attention_is_the_same():
    edges, inputs = LabelEdges(make_adjacency("random")), make_inputs()
    compiled = torch.compile(edge_attention, backend="eager")
    expected = edge_attention(*inputs, edges)
    message = compiled(*inputs, edges)
    assert_allclose(message.detach(), expected.detach(), atol=1e-12)
    for mine, other in zip(
        torch.autograd.grad(message.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
    ):
        assert_allclose(mine, other, atol=1e-12)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_what_the_cpu_gives():
    edges, inputs = LabelEdges(make_adjacency("random")), make_inputs()
    expected = torch.autograd.grad(edge_attention(*inputs, edges).square().sum(), inputs)
    on_cuda = [x.detach().cuda().requires_grad_() for x in inputs]
    message = edge_attention(*on_cuda, copy.deepcopy(edges).cuda())
    for mine, other in zip(torch.autograd.grad(message.square().sum(), on_cuda), expected):
        assert_allclose(mine.cpu(), other, atol=1e-10)


def test_edges_are_the_nonzero_entries():
    adjacency = make_adjacency("random")
    for given in (adjacency, adjacency.tolist(), sparse.coo_matrix(adjacency)):
        edges = LabelEdges(given)
        assert_array_equal((edges.receivers, edges.sources), adjacency.nonzero())


def test_self_loops_are_added_once():
    edges = LabelEdges(make_adjacency("random"), self_loops=True)
    expected = (make_adjacency("random") != 0) | np.eye(N_LABELS, dtype=bool)
    assert_array_equal((edges.receivers, edges.sources), expected.nonzero())


def test_adjacency_with_stored_zeros_and_duplicates_is_read_and_left_as_it_is():
    entries = np.array([1.0, 0.0, 2.0, -2.0, 3.0, 1.0])
    columns, starts = np.array([2, 1, 0, 0, 1, 1]), np.array([0, 2, 6, 6])
    adjacency = sparse.csr_array((entries, columns, starts), shape=(3, 3))
    edges = LabelEdges(adjacency)
    assert edges.receivers.tolist() == [0, 1]
    assert edges.sources.tolist() == [2, 1]
    assert adjacency.nnz == 6
    assert_array_equal(adjacency.data, [1.0, 0.0, 2.0, -2.0, 3.0, 1.0])


def test_copies_of_edges_give_the_same_messages():
    parent = torch.nn.Sequential(LabelEdges(make_adjacency("random")))
    inputs = make_inputs()
    expected = edge_attention(*inputs, parent[0]).detach()
    for copied in (
        copy.deepcopy(parent),
        pickle.loads(pickle.dumps(parent)),
        copy.deepcopy(parent).half(),
    ):
        assert_allclose(edge_attention(*inputs, copied[0]).detach(), expected, atol=0)
    assert not parent.state_dict()
    assert {b.device.type for b in parent.to("meta").buffers()} == {"meta"}


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"adjacency must be a square .* \(3, 4\)"):
        LabelEdges(np.zeros((3, 4)))
    edges, inputs = LabelEdges(np.eye(8)), make_inputs()
    with pytest.raises(ValueError, match=r"one row per label of edges; got \(2, 3, 9, 4\)"):
        edge_attention(*inputs, edges)
    query, key, value = make_inputs(n_labels=8)
    for wrong in [
        (query, key[..., :3], value),
        (query[:1], key, value),
        (query, key, value[:, :2]),
        (query[0], key[0], value[0]),
    ]:
        with pytest.raises(ValueError, match="query, key and value must be of shape"):
            edge_attention(*wrong, edges)


class LargestTensor(TorchDispatchMode):
    """Remember the number of elements of the largest tensor that an operation returns."""

    n_elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if isinstance(output, torch.Tensor):
            sparse_csr = output.layout == torch.sparse_csr
            n_elements = output.values().numel() if sparse_csr else output.numel()
            self.n_elements = max(self.n_elements, n_elements)
        return output


@pytest.mark.parametrize("n_labels", [500, 2_000])
def test_no_tensor_is_larger_than_the_nodes_or_the_edges(n_labels, kernels):
    ring = sparse.eye_array(n_labels, k=1) + sparse.eye_array(n_labels, k=3)
    edges = LabelEdges(ring, self_loops=True)
    inputs = make_inputs(n_labels=n_labels)
    with LargestTensor() as largest:
        edge_attention(*inputs, edges).sum().backward()
    # Six heads of nodes of size 5, or of edges whose ends are gathered.
    assert 6 * n_labels * 5 <= largest.n_elements <= 6 * edges.n_edges * 5


# The peak of a process can only be measured in a process of its own.
MEMORY_SCRIPT = """
import resource, numpy as np, torch
from scipy import sparse
from skmlc.nn.attention import LabelEdges, edge_attention

L, rng = 20_000, np.random.default_rng(0)
rows = np.repeat(np.arange(L), 10)
pattern = rows, rng.integers(0, L, len(rows))
adjacency = sparse.csr_array((np.ones(len(rows)), pattern), shape=(L, L))
inputs = [torch.randn(8, 4, L, 16, requires_grad=True) for _ in range(3)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
edges = LabelEdges(adjacency, self_loops=True)
edge_attention(*inputs, edges).sum().backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_grows_with_the_edges_not_with_pairs_of_labels():
    root = Path(edges_module.__file__).parents[2]
    output = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT],
        cwd=root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # One (L, L) matrix of bool takes 381 MiB, of float32 1526 MiB, and each head has one.
    assert int(output.stdout) / 1024 < 380


def test_dense_attention_is_a_softmax_over_what_the_mask_allows():
    query, key, value = make_inputs()
    mask = torch.from_numpy(
        np.random.default_rng(1).random((2, 1, N_LABELS, N_LABELS)) < 0.5
    )
    mask[0, 0, 3] = False
    message = dense_attention(query, key, value, mask, scale=0.3)
    weights = attention_weights(query, key, mask, scale=0.3)
    for n, h in np.ndindex(2, 3):
        q, k, v = (x[n, h].detach().numpy() for x in (query, key, value))
        expected = loop_attention(q, k, v, mask[n, 0].numpy(), 0.3)
        assert_allclose(message[n, h].detach(), expected[0], atol=1e-12)
        assert_allclose(weights[n, h].detach(), expected[1], atol=1e-12)


def test_without_a_mask_all_are_neighbors():
    inputs = make_inputs()
    mask = torch.ones(N_LABELS, N_LABELS, dtype=torch.bool)
    assert_allclose(
        dense_attention(*inputs).detach(),
        dense_attention(*inputs, mask).detach(),
        atol=1e-12,
    )
    weights = attention_weights(*inputs[:2])
    assert_allclose(weights.sum(-1).detach(), 1)
    assert_allclose(weights.detach(), attention_weights(*inputs[:2], mask).detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_nodes_without_neighbors_get_zeros_and_finite_gradients(dtype):
    inputs = make_inputs(dtype=dtype)
    mask = torch.from_numpy(make_adjacency("random") != 0)
    message = dense_attention(*inputs, mask)
    message.sum().backward()
    assert (message[:, :, [2, 6]] == 0).all()
    assert all(x.grad.isfinite().all() for x in inputs)


@pytest.mark.parametrize(
    "n_labels, n_edges, expected",
    [(299, 299, False), (300, 4_500, True), (300, 4_501, False), (20_000, 220_000, True)],
)
def test_edges_are_walked_where_labels_are_many_and_edges_few(n_labels, n_edges, expected):
    assert use_edges(n_labels, n_edges) is expected


@pytest.mark.parametrize("n_parts", [1, 2, 3])
def test_heads_are_slices_of_the_vectors(n_parts):
    values = torch.arange(2.0 * 5 * n_parts * 12).view(2, 5, n_parts * 12)
    parts = split_heads(values, 3, n_parts) if n_parts > 1 else [split_heads(values, 3)]
    assert len(parts) == n_parts
    for part, heads in enumerate(parts):
        here = values[..., 12 * part : 12 * (part + 1)]
        assert heads.shape == (2, 3, 5, 4)
        for h in range(3):
            assert torch.equal(heads[:, h], here[..., 4 * h : 4 * (h + 1)])
        assert torch.equal(merge_heads(heads), here)
