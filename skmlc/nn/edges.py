"""The edges of a sparse label graph, and what attention computes along them.

A graph of L labels and E edges is held in O(E) memory, by receiver and by source.
"""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

__all__ = ["LabelEdges"]

# Small graphs are walked for several heads at once, side by side as one graph of at most so
# many edges, for what a call costs: measured, more than twice as fast as head by head at 300
# labels, 1.5 times at 1,000.
_EDGES_PER_CALL = 2**17

# torch announces once per process that CSR tensors are in beta: not the user's concern.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 0], [], [], (1, 1), check_invariants=False)


class LabelEdges(nn.Module):
    """The edges of a label graph, in the orders that `edge_attention` needs.

    It learns nothing and is no part of a `state_dict`: like the graph it is made from, it
    belongs to the structure of a model.  As a submodule it follows its parent's device.

    Parameters
    ----------
    adjacency : {ndarray, sparse matrix} of shape (L, L)
        Label i receives from label j where entry (i, j) is not zero; need not be symmetric.
    self_loops : bool, default=False
        Whether every label also receives from itself.

    Attributes
    ----------
    n_labels : int
        The number of labels, L.
    n_edges : int
        The number of edges, E, self-loops included.

    Raises
    ------
    ValueError
        If `adjacency` is not a square matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.nn.edges import LabelEdges
    >>> edges = LabelEdges(np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]]))
    >>> edges.receivers, edges.sources
    (tensor([0, 0, 2], dtype=torch.int32), tensor([1, 2, 0], dtype=torch.int32))
    """

    # The fields of `_EdgeGraph`, for as many copies of the graph as one call walks.
    _start: Tensor
    _receiver: Tensor
    _source: Tensor
    _out_start: Tensor
    _out_receiver: Tensor
    _out_order: Tensor

    def __init__(self, adjacency, self_loops=False):
        super().__init__()
        if not sparse.issparse(adjacency):
            adjacency = np.asarray(adjacency)
        if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1]:
            raise ValueError(
                "adjacency must be a square matrix, one row and one column per label; got "
                f"shape {adjacency.shape}."
            )
        self.n_labels = adjacency.shape[0]
        receivers, sources = _sorted_edges(adjacency, self_loops)
        self.n_edges = len(receivers)
        self._n_copies = max(1, _EDGES_PER_CALL // max(self.n_edges, self.n_labels, 1))
        graph = _make_graph(receivers, sources, self.n_labels, self._n_copies)
        for name, indices in graph._asdict().items():
            self.register_buffer(f"_{name}", indices, persistent=False)

    @property
    def receivers(self) -> Tensor:
        """The label that receives along each edge (E,), in ascending order."""
        return self._receiver[: self.n_edges]

    @property
    def sources(self) -> Tensor:
        """The label that each edge comes from (E,)."""
        return self._source[: self.n_edges]

    def blocks(self, n_heads):
        """Yield slices of `n_heads` heads, each with a graph that holds a copy per head."""
        for first in range(0, n_heads, self._n_copies):
            last = min(first + self._n_copies, n_heads)
            yield slice(first, last), self._side_by_side(last - first)

    def _side_by_side(self, n_copies):
        """Return the first copies of the graph as one graph."""
        n_starts, n_edges = n_copies * self.n_labels + 1, n_copies * self.n_edges
        return _EdgeGraph(
            start=self._start[:n_starts],
            receiver=self._receiver[:n_edges],
            source=self._source[:n_edges],
            out_start=self._out_start[:n_starts],
            out_receiver=self._out_receiver[:n_edges],
            out_order=self._out_order[:n_edges],
        )

    def extra_repr(self):
        """Return what `repr` shows between the brackets."""
        return f"n_labels={self.n_labels}, n_edges={self.n_edges}"


def _sorted_edges(adjacency, self_loops):
    """Return the receivers and the sources of all edges, sorted by receiver, then source."""
    rows, columns, _ = sparse.find(adjacency)
    n_labels = adjacency.shape[0]
    key = rows.astype(np.int64) * n_labels + columns
    if self_loops:
        key = np.append(key, np.arange(n_labels) * (n_labels + 1))
    return np.divmod(np.unique(key), n_labels)


def _make_graph(receivers, sources, n_labels, n_copies):
    """Return `n_copies` of a graph, side by side, as one graph of 32-bit indices."""

    def copies(indices, step):
        shifted = indices + step * np.arange(n_copies)[:, None]
        return torch.from_numpy(shifted.ravel().astype(np.int32))

    def starts(nodes):
        counts = np.tile(np.bincount(nodes, minlength=n_labels), n_copies)
        return torch.from_numpy(np.append(0, counts.cumsum()).astype(np.int32))

    out_order = np.argsort(sources, kind="stable")
    return _EdgeGraph(
        start=starts(receivers),
        receiver=copies(receivers, n_labels),
        source=copies(sources, n_labels),
        out_start=starts(sources),
        out_receiver=copies(receivers[out_order], n_labels),
        out_order=copies(out_order, len(receivers)),
    )


class _EdgeGraph(NamedTuple):
    """A graph of n nodes and m edges, with what attention computes along its edges.

    On a CPU these are products with CSR matrices; elsewhere edges are gathered and scattered.
    """

    start: Tensor  # (n + 1,), the first edge into each node
    receiver: Tensor  # (m,), sorted
    source: Tensor  # (m,)
    # The same edges by source, for products with the transposed matrix without a scatter.
    out_start: Tensor  # (n + 1,), the first edge out of each node
    out_receiver: Tensor  # (m,)
    out_order: Tensor  # (m,), where each of these edges is among the first ones

    def scores(self, query, key, scale):
        """Return scale * query_i . key_j for each edge (m,)."""
        if _has_csr_kernels(query):
            pattern = _csr(self.start, self.source, query.new_zeros(len(self.source)))
            product = torch.sparse.sampled_addmm(pattern, query, key.T, beta=0, alpha=scale)
            return product.values()
        ends = query.index_select(0, self.receiver), key.index_select(0, self.source)
        return (ends[0] * ends[1]).sum(-1).mul_(scale)

    def softmax(self, scores):
        """Return the softmax of the scores (m,) of the edges into each node."""
        exp = (scores - self._spread(self._highest(scores))).exp_()
        return exp.div_(self._spread(self._total(exp)))

    def softmax_backward(self, weights, grad_weights):
        """Return the gradient of the scores (m,), given that of their softmax."""
        grad = weights * grad_weights
        return grad.addcmul_(weights, self._spread(self._total(grad)), value=-1)

    def receive(self, weights, nodes, out):
        """Write the weighted sum over in-neighbors into `out` (n, Dh), which holds zeros."""
        if _has_csr_kernels(nodes):
            return torch.mm(_csr(self.start, self.source, weights), nodes, out=out)
        messages = nodes.index_select(0, self.source).mul_(weights[:, None])
        return out.index_add_(0, self.receiver, messages)

    def send_back(self, weights, nodes, out):
        """Write the sum over those a node sends to into `out` (n, Dh), which holds zeros."""
        if _has_csr_kernels(nodes):
            weights = weights.index_select(0, self.out_order)
            return torch.mm(
                _csr(self.out_start, self.out_receiver, weights), nodes, out=out
            )
        messages = nodes.index_select(0, self.receiver).mul_(weights[:, None])
        return out.index_add_(0, self.source, messages)

    def _spread(self, values):
        """Return for each edge (m,) the value of its receiver."""
        return values.index_select(0, self.receiver)

    def _highest(self, values):
        """Return the maximum over the edges into each node (n,)."""
        if _has_csr_kernels(values):
            return torch.segment_reduce(values, "max", offsets=self.start)
        lowest = values.new_full((len(self.start) - 1,), -torch.inf)
        return lowest.scatter_reduce_(0, self.receiver.long(), values, "amax")

    def _total(self, values):
        """Return the sum over the edges into each node (n,)."""
        if _has_csr_kernels(values):
            return torch.segment_reduce(values, "sum", offsets=self.start)
        zeros = values.new_zeros(len(self.start) - 1)
        return zeros.index_add_(0, self.receiver, values)


def _has_csr_kernels(tensor):
    """Return whether to multiply with CSR matrices; compilers cannot trace them."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def _csr(start, column, values):
    """Return a square CSR matrix that shares its arguments' memory."""
    size = (len(start) - 1, len(start) - 1)
    return torch.sparse_csr_tensor(start, column, values, size, check_invariants=False)
