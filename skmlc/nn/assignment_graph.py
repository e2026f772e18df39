"""The assignment graph: the instances of each sample, the labels, and edges among them all.

Wu et al., "GM-MLIC: Graph Matching based Multi-Label Image Classification", IJCAI 2021.
Instances receive from near instances (the spatial graph), labels from labels (the semantic
graph), and every instance and every label of a sample from each other (the matching edges).
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .dropout import ByteDropout
from .nearest import nearest_nodes

__all__ = [
    "MLP",
    "AssignmentGraph",
    "Edges",
    "UpperLayer",
    "he_linear",
    "instance_edges",
    "label_pairs",
]


@dataclass(frozen=True)
class Edges:
    """Directed edges among nodes, which are the last but one dimension of a tensor.

    Attributes
    ----------
    receivers, sources : Tensor of int64 of shape (n_edges,)
        The nodes that each edge leads to and comes from.
    degree : Tensor of shape (n_nodes, 1)
        The number of edges into each node, or the sum of their weights; one where there are
        none.
    real : Tensor of shape (n_edges, 1) or None
        False for an edge that only fills a place, or the weight of each edge, 0 for such;
        None where all are real.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.assignment_graph import Edges
    >>> edges = Edges(
    ...     torch.tensor([0, 0]), torch.tensor([1, 2]), torch.tensor([[2], [1], [1]])
    ... )
    >>> edges.mean(edges.at_sources(torch.tensor([[1.0], [2.0], [4.0]]))).flatten()
    tensor([3., 0., 0.])
    """

    receivers: Tensor
    sources: Tensor
    degree: Tensor
    real: Tensor | None = None

    def at_receivers(self, nodes: Tensor) -> Tensor:
        """Return for each edge the receiver's row of `nodes` (..., n_nodes, D)."""
        return nodes.index_select(-2, self.receivers)

    def at_sources(self, nodes: Tensor) -> Tensor:
        """Return for each edge the source's row of `nodes` (..., n_nodes, D)."""
        return nodes.index_select(-2, self.sources)

    def mean(self, messages: Tensor) -> Tensor:
        """Return the weighted mean of messages (..., n_edges, D) into each node; 0 of none."""
        if self.real is not None:
            messages = messages * self.real
        *batch, _, size = messages.shape
        total = messages.new_zeros(*batch, self.degree.shape[0], size)
        total = total.index_add(-2, self.receivers, messages)
        return total / self.degree  # (..., n_nodes, D)


class AssignmentGraph:
    """Who is connected with whom in a batch; each instance with all labels of its sample.

    Parameters
    ----------
    layout : Layout
        Which rows are the instances of which sample; R rows in all.
    instances : Edges or None
        The edges among the R instances.
    labels : Edges or None
        The edges among the L labels, the same for all samples.
    device : device, default=None
        Where the instances are.
    """

    def __init__(self, layout, instances=None, labels=None, device=None):
        self.instances, self.labels = instances, labels
        samples = torch.arange(layout.n_samples, device=device)
        self._sample = torch.cat(
            [samples[g.samples].repeat_interleave(g.n_nodes) for g in layout.groups]
        )  # (R,)
        self._n_instances = layout.n_nodes(device)[:, None, None]  # (N, 1, 1)
        self._real = None  # (R, 1, 1)
        if any(group.mask is not None for group in layout.groups):
            self._real = torch.cat([_mask(g, device).flatten() for g in layout.groups])
            self._real = self._real[:, None, None]

    def at_instances(self, instances: Tensor) -> Tensor:
        """Return instances (R, D) along their matching edges, (R, 1, D)."""
        return instances[:, None]

    def at_labels(self, labels: Tensor) -> Tensor:
        """Return labels (N, L, D) along their matching edges (R, L, D), or (1, L, D)."""
        # What is the same for all samples is left to be broadcast.
        return labels if labels.shape[0] == 1 else labels.index_select(0, self._sample)

    def mean_of_labels(self, messages: Tensor) -> Tensor:
        """Return the mean of the messages (R, L, D) into each instance (R, D)."""
        return messages.mean(1)

    def mean_of_instances(self, messages: Tensor) -> Tensor:
        """Return the mean of the messages (R, L, D) into each label (N, L, D)."""
        if self._real is not None:
            messages = messages * self._real
        total = messages.new_zeros(self._n_instances.shape[0], *messages.shape[1:])
        return total.index_add(0, self._sample, messages) / self._n_instances


def _mask(group, device):
    """Return which nodes of a group are real (n, S)."""
    if group.mask is not None:
        return group.mask
    return torch.ones(group.n_samples, group.n_nodes, dtype=torch.bool, device=device)


def label_pairs(adjacency):
    """Return the edges of a label graph, without self-loops.

    Parameters
    ----------
    adjacency : {ndarray, sparse matrix} of shape (n_labels, n_labels)
        Label i receives from label j where entry (i, j) is not zero.

    Returns
    -------
    receivers, sources : ndarray of int64 of shape (n_edges,)
        Ordered by receiver, then by source.

    Examples
    --------
    >>> from skmlc.nn.assignment_graph import label_pairs
    >>> label_pairs([[1, 1, 1], [0, 0, 0], [0, 1, 0]])
    (array([0, 0, 2]), array([1, 2, 1]))
    """
    receivers, sources, _ = sparse.find(adjacency)
    order = np.lexsort((sources, receivers))
    order = order[receivers[order] != sources[order]]
    return receivers[order].astype(np.int64), sources[order].astype(np.int64)


def instance_edges(layout, places, n_neighbors):
    """Return the edges among the instances of each sample.

    An instance receives from those it has a known edge from, or else from the nearest ones of
    its sample; of equally near ones, from those that come first. Where known edges have
    weights, the mean of the messages (Eq. 5) is the weighted one.

    Parameters
    ----------
    layout : Layout
        Where the instances of each sample are; its groups may have known edges.
    places : Tensor of shape (n_rows, P)
        Where each instance is.
    n_neighbors : int
        The number of nearest instances, at most all others of the sample.

    Returns
    -------
    Edges
        Among the rows of the batch; padding neither sends nor receives.
    """
    receivers, sources, real = [], [], []
    for group in layout.groups:
        if group.edges is not None:
            source, is_edge = _known_neighbors(group)
        else:
            here = group.padded(places.detach())
            source, is_edge = nearest_nodes(here, n_neighbors, group.mask)  # (n, S, K)
        rows = torch.arange(group.rows.start, group.rows.stop, device=places.device)
        rows = rows.view(group.n_samples, group.n_nodes, 1)  # (n, S, 1)
        receivers.append(rows.expand_as(source).flatten())
        sources.append((rows[:, :1] + source).flatten())
        real.append(is_edge)
    degree = torch.cat([is_edge.sum(2).flatten() for is_edge in real])  # (R,)
    degree = degree.masked_fill(degree == 0, 1)
    real = torch.cat([is_edge.flatten() for is_edge in real])[:, None]
    return Edges(torch.cat(receivers), torch.cat(sources), degree[:, None], real)


def _known_neighbors(group):
    """Return all nodes of each sample (n, S, S), and which each receives from, or how much."""
    nodes = torch.arange(group.n_nodes, device=group.edges.device)
    is_self = nodes[:, None] == nodes
    edges = group.edges if group.edge_weights is None else group.edge_weights
    return nodes.expand_as(edges), edges.masked_fill(is_self, 0)


def he_linear(in_size, out_size):
    """Return a linear layer whose outputs, rectified, keep the scale of its inputs.

    With PyTorch's smaller weights what tells the instances apart fades from layer to layer
    behind the biases, and training starts slowly (measured); the paper states no weights.

    Parameters
    ----------
    in_size, out_size : int
        The sizes of input and output.

    Returns
    -------
    nn.Linear
        With weights of variance 2 / in_size (He et al. 2015) and biases of zero.
    """
    linear = nn.Linear(in_size, out_size)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    return linear


class UpperLayer(nn.Module):
    """What follows the first linear layer of an MLP: ReLU, linear layer, LayerNorm.

    The output is not rectified: where nearly all units are off, the normalization would blow
    up what little tells them apart, and with it rounding errors.

    Parameters
    ----------
    size : int
        The width of both layers.
    dropout : float, default=0.0
        Of the hidden units.
    """

    def __init__(self, size, dropout=0.0):
        super().__init__()
        self.dropout = ByteDropout(dropout)
        self.linear = he_linear(size, size)
        self.norm = nn.LayerNorm(size)

    def forward(self, hidden):
        """Return the output (..., D) for what the first layer gave (..., D), and take it."""
        return self.norm(self.linear(self.dropout(torch.relu_(hidden))))


class MLP(nn.Module):
    """Multi-layer perceptron of several inputs, as if they were concatenated.

    The first layer of a concatenation is a sum of products, one of each input.  So an input
    that many edges share is multiplied once, and moved to its edges only then; no
    concatenation is ever held.

    Parameters
    ----------
    sizes : sequence of int
        The sizes of the inputs.
    out_size : int
        The width of both layers.
    dropout : float, default=0.0
        Of the hidden units.

    Shape
    -----
    One input per size: a tensor (..., size), or a pair of a tensor and the function that moves
    its product to where the others are.  To a tensor (..., out_size).

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.assignment_graph import MLP
    >>> mlp = MLP((2, 3), 4)
    >>> pairs, nodes = torch.zeros(5, 6, 2), torch.zeros(5, 3)
    >>> mlp(pairs, (nodes, lambda product: product[:, None])).shape
    torch.Size([5, 6, 4])
    """

    def __init__(self, sizes, out_size, dropout=0.0):
        super().__init__()
        self.sizes = list(sizes)
        self.linear = he_linear(sum(self.sizes), out_size)
        self.upper = UpperLayer(out_size, dropout)

    def forward(self, *inputs):
        """Return the output (..., out_size)."""
        return self.upper(functools.reduce(_add, self._products(inputs)))

    def _products(self, inputs):
        """Yield the product of each input, where the others are."""
        weights = self.linear.weight.split(self.sizes, dim=1)
        parts = [
            (*given, weight) if isinstance(given, tuple) else (given, None, weight)
            for given, weight in zip(inputs, weights, strict=True)
        ]
        # An input that is moved has fewer rows, to which the bias is added for less.
        parts.sort(key=lambda part: part[1] is None)
        bias = self.linear.bias
        for values, move, weight in parts:
            product = nn.functional.linear(values, weight, bias)
            yield product if move is None else move(product)
            bias = None  # the first product has it


def _add(total, term):
    """Return a sum, in the memory of one of its terms, which is a product, where it fits."""
    if total.shape == term.shape:
        return total.add_(term)
    return total + term
