"""Known labels in a network: states of label nodes, and logits that are added to the head's.

Everywhere `known` is a tensor (N, L) of 1 for a label that is known to hold, -1 for one known
not to hold, and 0 for an unknown one, to which nothing is added.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .attention import use_edges

__all__ = ["KnownLabelNeighbors", "KnownLabelSkip", "KnownLabelStates"]

# How many label rows are kept at most, and how many of their entries: what a batch is compared
# with costs time in proportion.
MAX_ROWS, MAX_ENTRIES = 2**13, 2**23
# The share of the labels' frequencies in what is read of the rows, so that no label that these
# lack is impossible.
SMOOTHING = 0.02


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

    def forward(self, known, own_rows=None):
        """Return the logits of all labels; it keeps no rows of samples."""
        holds, holds_not = _split(known)
        if not self.along_edges:
            weight = self.weight * self.mask  # (2, L, L)
            return holds @ weight[0] + holds_not @ weight[1]
        sent = holds.index_select(1, self.sources) * self.weight[0]  # (N, E)
        sent = sent + holds_not.index_select(1, self.sources) * self.weight[1]
        return torch.zeros_like(known).index_add(1, self.receivers, sent)


class KnownLabelNeighbors(nn.Module):
    r"""Compare what is known about a sample with the labels of training samples.

    .. math::
        a_n &= \mathrm{softmax}_n \Big( \log s_n
            + \sum_l (w^+_l [k_l = 1] - w^-_l [k_l = -1]) \, y_{nl} \Big) \\
        p_i &= (1 - \epsilon) \sum_n a_n y_{ni} + \epsilon f_i \\
        \mathrm{logit}_i &= v \, (\mathrm{logit}\, p_i - \mathrm{logit} f_i)

    with :math:`y` the labels of a training sample, :math:`s` its weight, and :math:`f` how
    frequent a label is.  Up to what is the same for all :math:`n`, each known label in which a
    training sample differs lowers its score by :math:`w^+` or :math:`w^-`, which are learned
    for each label: nearest neighbors among the label rows, with a distance that is learned.  A
    sample about which nothing is known gets zeros.

    In training a sample is not compared with itself, which makes a label a bit rarer where it
    holds.  All weights are positive, :math:`v` too, so that nothing can be learned from that.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.

    Shape
    -----
    (N, L) to (N, L).
    """

    labels: Tensor
    log_weight: Tensor
    frequency: Tensor

    def __init__(self, n_labels):
        super().__init__()
        self.log_holds = nn.Parameter(torch.zeros(n_labels))
        self.log_holds_not = nn.Parameter(torch.zeros(n_labels))
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.log_strength = nn.Parameter(torch.full((), -1.0))
        self.register_buffer("labels", torch.zeros(0, n_labels, dtype=torch.int8))
        self.register_buffer("log_weight", torch.zeros(0))
        self.register_buffer("frequency", torch.full((n_labels,), 0.5))

    def keep(self, Y, rows, weight):
        """Keep the labels of training samples, of many some that are drawn at random.

        Parameters
        ----------
        Y : {ndarray, CSR matrix} of shape (n_samples, L)
            The labels, NaN where unknown: it then counts as how frequent the label is.
        rows : ndarray of int
            The training samples.
        weight : ndarray of shape (n_samples,)
            How much each sample counts.

        Returns
        -------
        ndarray of shape (n_samples,), int
            The row in which the labels of a sample are kept; -1 if they are not.
        """
        most = max(2, min(MAX_ROWS, MAX_ENTRIES // Y.shape[1]))
        if len(rows) > most:
            rows = rows[torch.randperm(len(rows))[:most].sort().values.numpy()]
        kept = Y[rows]
        kept = kept.toarray() if sparse.issparse(kept) else np.asarray(kept)
        known = ~np.isnan(kept)
        positives = weight[rows] @ np.where(known, kept, 0)
        frequency = (positives + 1) / (weight[rows] @ known + 2)
        like = {"device": self.frequency.device, "dtype": self.frequency.dtype}
        self.frequency = torch.as_tensor(frequency, **like)
        self.log_weight = torch.as_tensor(np.log(weight[rows]), **like)
        kept = np.where(known, kept, -1).astype(np.int8)
        self.labels = torch.from_numpy(kept).to(self.frequency.device)
        places = np.full(Y.shape[0], -1)
        places[rows] = np.arange(len(rows))
        return places

    def forward(self, known, own_rows=None):
        """Return logits; each sample is not compared with its own row, -1 for none."""
        if len(self.labels) < 2:
            return torch.zeros_like(known)
        labels = torch.where(self.labels < 0, self.frequency, self.labels)  # (R, L)
        holds, holds_not = _split(known)
        query = holds * self.log_holds.exp() - holds_not * self.log_holds_not.exp()
        scores = (query * self.log_scale.exp()) @ labels.T + self.log_weight  # (N, R)
        if own_rows is not None:
            place = torch.arange(len(labels), device=scores.device)
            scores = scores.masked_fill(place == own_rows[:, None], -torch.inf)
        read = scores.softmax(1) @ labels  # (N, L)
        read = (1 - SMOOTHING) * read + SMOOTHING * self.frequency
        logits = self.log_strength.exp() * (read.logit(eps=1e-6) - self.frequency.logit())
        return torch.where((known != 0).any(1, keepdim=True), logits, 0.0)

    def _load_from_state_dict(self, state_dict, prefix, *args):
        # Weights may come from a training with another number of samples.
        for name in ("labels", "log_weight"):
            if prefix + name in state_dict:
                kept = state_dict[prefix + name]
                setattr(self, name, torch.empty_like(kept, device=self.labels.device))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _split(known):
    """Return where labels are known to hold, and where not to hold, as ones (N, L) each."""
    return known.clamp(min=0), (-known).clamp(min=0)
