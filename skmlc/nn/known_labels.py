"""Known labels in a network: states of label nodes, and a linear part added to them.

Everywhere `known` is a tensor (N, L) of 1 for a label that is known to hold, -1 for one known
not to hold, and 0 for an unknown one, to which nothing is added.
"""

import numpy as np
import torch
from torch import Tensor, nn

from .attention import use_edges

__all__ = ["KnownLabelSkip", "KnownLabelStates"]


class KnownLabelStates(nn.Module):
    """Vectors that say what is known about a label, to be added to the states of label nodes.

    C-Tran's state embeddings (Lanchantin, Wang, Ordonez, Qi, CVPR 2021, arXiv:2011.14027,
    section 3.2); that of an unknown label is zero, so that a sample about which nothing is
    known is as before.

    Parameters
    ----------
    size : int
        The size of a state, D.
    n_labels : int, default=None
        With it, each label has vectors of its own, for networks whose messages do not say which
        label they come from.

    Shape
    -----
    (N, L) to (N, L, D).
    """

    def __init__(self, size, n_labels=None):
        super().__init__()
        shape = (2, size) if n_labels is None else (2, n_labels, size)
        self.vectors = nn.Parameter(torch.randn(shape) * 0.5)

    def forward(self, known):
        """Return the vectors of what is known."""
        holds, holds_not = _split(known)
        return holds[..., None] * self.vectors[0] + holds_not[..., None] * self.vectors[1]


class KnownLabelSkip(nn.Module):
    r"""A linear model of the labels that are known, along the edges of the label graph.

    .. math::
        \mathrm{logit}_i = \sum_{j \to i} W^+_{ij} [k_j = 1] + W^-_{ij} [k_j = -1]

    A label does not read itself.

    Parameters
    ----------
    adjacency : {ndarray, CSR} of shape (M, M)
        Label i receives from label j where entry (i, j) is not zero; what further concepts
        send is not read.
    n_labels : int
        The number of labels, L.

    Shape
    -----
    (N, L) to (N, L).
    """

    mask: Tensor
    receivers: Tensor
    sources: Tensor

    def __init__(self, adjacency, n_labels):
        super().__init__()
        receivers, sources = map(np.asarray, adjacency.nonzero())
        between = (receivers != sources) & (np.maximum(receivers, sources) < n_labels)
        receivers, sources = receivers[between], sources[between]
        self.along_edges = use_edges(n_labels, len(receivers))
        if self.along_edges:
            self.register_buffer("receivers", torch.from_numpy(receivers), persistent=False)
            self.register_buffer("sources", torch.from_numpy(sources), persistent=False)
            self.weight = nn.Parameter(torch.zeros(2, len(receivers)))
            return
        mask = torch.zeros(n_labels, n_labels)
        mask[receivers, sources] = 1
        self.register_buffer("mask", mask.T.contiguous(), persistent=False)
        self.weight = nn.Parameter(torch.zeros(2, n_labels, n_labels))  # from, to

    def forward(self, known):
        """Return the logits of all labels."""
        holds, holds_not = _split(known)
        if not self.along_edges:
            weight = self.weight * self.mask  # (2, L, L)
            return holds @ weight[0] + holds_not @ weight[1]
        sent = holds[:, self.sources] * self.weight[0]  # (N, E)
        sent = sent + holds_not[:, self.sources] * self.weight[1]
        return torch.zeros_like(known).index_add(1, self.receivers, sent)


def _split(known):
    """Return where labels are known to hold, and where not to hold, as ones (N, L) each."""
    return known.clamp(min=0), (-known).clamp(min=0)
