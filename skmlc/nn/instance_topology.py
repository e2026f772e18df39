"""The graph between the instances of a bag, and how the bag varies along it.

Su, Huang, Liu, Yan, Li, Vong, "Graph based Label Enhancement for Multi-instance Multi-label
learning", arXiv:2304.10705, Eq. 1-3.  Where the printed equations cannot be meant, a comment
says how they are read here.
"""

from functools import reduce

import torch
from torch import Tensor, nn

from .nearest import nearest_nodes
from .nodes import Nodes, joined

__all__ = ["INTERACTIONS", "InstanceTopology", "mutual_neighbors"]

INTERACTIONS = ("energy", "filter")
MOMENTUM = 0.1  # how much a batch changes an average, as in batch norm


def mutual_neighbors(distances, n_neighbors):
    """Return who is among the nearest of whom, both ways.

    Parameters
    ----------
    distances : Tensor of shape (n, S, S) or (S, S)
        Between the S instances of each of n bags, finite.
    n_neighbors : int
        How many nearest ones count, at most S - 1.

    Returns
    -------
    Tensor of the shape of `distances`
        True where two instances are neighbors; symmetric, without self-loops.
    """
    distances = distances.clone()
    distances.diagonal(dim1=-2, dim2=-1).fill_(torch.inf)
    k = min(n_neighbors, distances.shape[-1] - 1)
    nearest = distances.topk(k, dim=-1, largest=False).indices
    edges = torch.zeros_like(distances, dtype=torch.bool).scatter_(-1, nearest, True)
    return edges & edges.transpose(-1, -2)


class InstanceTopology(nn.Module):
    r"""Project the instances, link those that are near, and measure how they vary.

    .. math::
        a_{km} &= \exp(-\|\sigma_k - \sigma_m\|^2 / (2 \partial))
        \text{ for mutual neighbors, else } 0 \qquad (2) \\
        W &= H^\top G H / K \qquad (3)

    with :math:`\sigma_k`, the rows of :math:`H`, the K projected instances of a bag, and
    :math:`G = \mathrm{diag}(a 1) - a` the Laplacian of its graph.  Its trace is half the sum
    over all pairs of :math:`a_{km} \|\sigma_k - \sigma_m\|^2`.

    Parameters
    ----------
    node_size : int
        The number of features of an instance, D.
    hidden_size : int
        The size of the hidden layer of the projection.
    size : int
        The size of a projected instance, P.
    n_neighbors : int
        How many neighbors an instance has, at most.
    interaction : {"energy", "filter", None}
        The variation: W as above, or the mean of :math:`|G H|` over the instances; None
        leaves out the graph.
    bandwidth : float or "mean"
        The width :math:`\partial`; "mean" is the mean squared length of the edges, averaged
        over the batches of training.

    Shape
    -----
    `Nodes` of N bags to projected `Nodes` of size P and their variation (N, `out_size`), None
    without an interaction.
    """

    mean_square: Tensor  # ()

    def __init__(
        self,
        node_size,
        hidden_size,
        *,
        size=16,
        n_neighbors=3,
        interaction="energy",
        bandwidth: float | str = "mean",
    ):
        super().__init__()
        self.project = nn.Sequential(
            nn.Linear(node_size, hidden_size), nn.LeakyReLU(), nn.Linear(hidden_size, size)
        )
        self.n_neighbors, self.interaction = n_neighbors, interaction
        self.bandwidth = bandwidth
        self.register_buffer("mean_square", torch.zeros(()))
        self.out_size = {"energy": size * size, "filter": size, None: 0}[interaction]

    def forward(self, nodes):
        """Return the projected instances of a batch and the variation of each bag."""
        projected = Nodes(self.project(nodes.values), nodes.layout)  # Eq. 1, (R, P)
        if self.interaction is None:
            return projected, None
        # The differences of near instances are lost in bfloat16.
        with torch.autocast(projected.values.device.type, enabled=False):
            return projected, self.variation(projected)

    def variation(self, projected):
        """Return how projected instances vary along their graph (N, out_size)."""
        graphs = list(self.graphs(projected))
        bandwidth = self._bandwidth(graphs)
        # As printed, a_km grows with the distance; similarity falls with it.
        return joined(
            [
                self._variation(
                    values, steps, edges * torch.exp(squares / (-2 * bandwidth)), group
                )
                for group, values, steps, squares, edges in graphs
            ]
        )

    def graphs(self, projected):
        """Yield each group, its instances, steps to their neighbors, and which are edges."""
        # Instances (n, S, P), steps (n, S, K, P), their squared lengths, and one for an edge,
        # else zero (n, S, K).
        for group, values in projected.groups():  # (n, S, P)
            if group.mask is not None:
                values = torch.where(group.mask[..., None], values, 0)
            values = values.to(torch.promote_types(values.dtype, torch.float32))
            nearest, is_real = nearest_nodes(values.detach(), self.n_neighbors, group.mask)
            rows = _rows(nearest)  # (n, S, K)
            steps = values[:, :, None] - _take(values, rows)  # (n, S, K, P)
            edges = (is_real & _is_mutual(rows)).to(values.dtype)
            yield group, values, steps, steps.square().sum(-1), edges

    def _bandwidth(self, graphs):
        """Return the width; the projection is learned, so that no fixed one fits it long."""
        if not isinstance(self.bandwidth, str):
            return self.bandwidth
        if self.training:
            totals = [(squares.detach() * edges).sum() for *_, squares, edges in graphs]
            counts = [edges.sum() for *_, edges in graphs]
            self._average(
                reduce(torch.add, totals) / reduce(torch.add, counts).clamp_min(1)
            )
        return torch.where(self.mean_square > 0, self.mean_square, 1.0)

    def _average(self, mean):
        """Average a batch's mean squared length into those seen before; zero is none."""
        seen = self.mean_square
        averaged = torch.lerp(seen, mean.to(seen.dtype), MOMENTUM)
        new = torch.where(seen > 0, averaged, mean)
        self.mean_square.copy_(torch.where(mean > 0, new, seen))

    def _variation(self, values, steps, weights, group):
        """Return how the instances (n, S, P) vary along the edges of weights (n, S, K)."""
        # Eq. 3 as printed multiplies vectors of P numbers by a K x K matrix; H^T G H uses each
        # of its symbols once.  Padding has no edges.
        filtered = (weights[..., None] * steps).sum(2)  # G H, (n, S, P)
        if group.mask is None:
            counts = values.new_full((len(values), 1), values.shape[1])
        else:
            counts = group.mask.sum(1, keepdim=True).to(values.dtype)
        if self.interaction == "filter":
            return filtered.abs().sum(1) / counts  # (n, P)
        # Over the instances G H sums to zero, so that only differences count here; far from
        # zero their products would lose digits.  Nor does the gradient see the first one.
        values = values - values[:, :1].detach()
        return torch.bmm(values.transpose(1, 2), filtered).flatten(1) / counts  # (n, P * P)


def _rows(nodes):
    """Return where some nodes (n, S, K) of each sample are among those of all samples."""
    size = nodes.shape[1]
    first = torch.arange(0, len(nodes) * size, size, device=nodes.device)
    return nodes + first[:, None, None]


def _take(values, rows):
    """Return some rows (n, S, K) of `values` (n, S, P)."""
    return values.flatten(0, 1).index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _is_mutual(nearest):
    """Return of which of its nearest rows (n, S, K) each row is a nearest one itself."""
    n_samples, size, _ = nearest.shape
    itself = torch.arange(n_samples * size, device=nearest.device)
    itself = itself.view(n_samples, size, 1, 1)
    return (_take(nearest, nearest) == itself).any(-1)  # (n, S, K)
