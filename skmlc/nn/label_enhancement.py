"""Label enhancement: from labels that hold or not to how much each describes a sample.

Two networks are trained together: an enhancer, which sees the labels, and a classifier, which
does not and predicts alone.  The losses tie each to the other's output, through which no
gradient passes.

- Su, Huang, Liu, Yan, Li, Vong, "Graph based Label Enhancement for Multi-instance Multi-label
  learning" (GLEMIML), arXiv:2304.10705, Eq. 4-14.
- Zhao, An, Xu, Geng, "Fusion Label Enhancement for Multi-Label Learning" (FLEM), IJCAI 2022,
  from which the losses come.
"""

from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .head_output import HeadOutput
from .instance_topology import MOMENTUM, mutual_neighbors
from .losses import binary_cross_entropy, entry_weight

__all__ = [
    "Enhanced",
    "EnhancementLoss",
    "LabelCorrelation",
    "LabelEnhancer",
    "ResidualBlock",
    "distribution_loss",
    "guided_loss",
    "similarity_loss",
    "threshold_loss",
]


class Enhanced(NamedTuple):
    """What the losses of an enhancer read.

    In training, where it is given the labels, the head returns the last two as extras.
    """

    logits: Tensor  # (N, L), s, of the classifier
    enhanced: Tensor  # (N, L), d, of the enhancer; their soft-max is the label distribution
    described: Tensor  # (N, K), the samples as their similarity is measured


class LabelEnhancer(nn.Module):
    r"""Fuse what describes a sample with its labels, and decode it to one number per label.

    .. math::
        D = \mathrm{decode}(\omega_1(x_1) + \omega_2(x_2) + \dots + \omega(Y)) \qquad (4)

    Each :math:`\omega`, and the decoder, is a residual block with batch norm, as in FLEM.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    in_sizes : sequence of int
        The sizes of the vectors that describe a sample.
    hidden_size : int
        The size of what is fused, D.
    fusion : {"sum", "concatenate"}
        Whether what is fused is added, as GLEMIML does, or put side by side, as FLEM does.

    Shape
    -----
    A list of vectors (N, `in_sizes[i]`) and labels (N, L) to (N, L).
    """

    def __init__(self, n_labels, in_sizes, hidden_size, *, fusion="sum"):
        super().__init__()
        self.of_features = nn.ModuleList(
            ResidualBlock(size, hidden_size) for size in in_sizes
        )
        self.of_labels = ResidualBlock(n_labels, hidden_size)
        self.fusion = fusion
        parts = 1 if fusion == "sum" else 1 + len(in_sizes)
        self.decode = ResidualBlock(parts * hidden_size, n_labels)

    def forward(self, features, labels):
        """Return one number per label (N, L)."""
        blocks = zip(self.of_features, features, strict=True)
        parts = [block(x) for block, x in blocks]  # each (N, D)
        parts.append(self.of_labels(labels))
        # The printed equation adds in label space what the text fuses "in the high dimensional
        # space" and then migrates to label space: we follow the text.
        fused = (
            reduce(torch.add, parts) if self.fusion == "sum" else torch.cat(parts, dim=1)
        )
        return self.decode(fused)  # (N, L)


class ResidualBlock(nn.Module):
    """A rectified linear layer with batch norm, and a linear image of it added.

    Parameters
    ----------
    in_size, out_size : int
        The sizes of a vector.
    """

    def __init__(self, in_size, out_size):
        super().__init__()
        self.first = nn.Linear(in_size, out_size)
        self.norm = _BatchNorm(out_size)
        self.second = nn.Linear(out_size, out_size)
        for linear in (self.first, self.second):
            nn.init.kaiming_normal_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x):
        """Return vectors (N, out_size)."""
        x = self.norm(F.leaky_relu(self.first(x)))
        return x + self.second(x)


class _BatchNorm(nn.BatchNorm1d):
    """Batch norm that takes what it has seen where a batch is a single sample."""

    def forward(self, input):
        # PyTorch's counts the batches too, for an average that is none of ours.
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training and len(input) > 1, MOMENTUM, self.eps,
        )  # fmt: skip


# Correlation of labels ----------------------------------------------------------------------


class LabelCorrelation(nn.Module):
    r"""Add to each label what the labels have that are alike in the distributions.

    .. math::
        D \leftarrow D + w \, D P^\top \qquad (5)

    with :math:`P_{ij}` the cosine of the columns i and j of D where it is above zero and each
    of the two labels is among the nearest ones of the other; its rows sum to one, or are zero.
    The printed equation has D on both sides; this is one step of it.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    n_neighbors : int
        How many neighbors a label has, at most.
    weight : float
        How much is added.

    Shape
    -----
    (N, L) to (N, L).
    """

    cosines: Tensor  # (L, L)

    def __init__(self, n_labels, n_neighbors, weight):
        super().__init__()
        self.n_neighbors, self.weight = n_neighbors, weight
        self.register_buffer("cosines", torch.zeros(n_labels, n_labels))

    def forward(self, enhanced):
        """Return the enhancer's output (N, L) with what its neighbors add to each label."""
        if self.training:
            self.update(enhanced.detach())
        return torch.addmm(enhanced, enhanced, self.graph().T, alpha=self.weight)

    def update(self, enhanced):
        """Average the cosines of the labels in a batch (N, L) into those seen before."""
        columns = F.normalize(enhanced.to(self.cosines.dtype), dim=0)  # (N, L)
        # A batch alone would tell too little; the graph of prediction is that of training.
        cosines = (columns.T @ columns).to(self.cosines.dtype)  # which autocast may lower
        self.cosines.lerp_(cosines, MOMENTUM)

    def graph(self):
        """Return P (L, L): row i says from which labels label i receives."""
        edges = mutual_neighbors(-self.cosines, self.n_neighbors)
        weights = self.cosines.clamp_min(0) * edges
        least = torch.finfo(weights.dtype).tiny
        return weights / weights.sum(1, keepdim=True).clamp_min(least)


# Losses -------------------------------------------------------------------------------------


class EnhancementLoss:
    r"""The loss of classifier and enhancer together.

    .. math::
        L = \rho L_{LC} + (1 - \rho) L_{DC} + \sum_t \beta_t L_t \qquad (11, 14)

    Parameters
    ----------
    label_loss : callable
        :math:`L_{LC}`, the loss of the classifier's logits, binary cross-entropy (Eq. 13).
    rho : float
        Its share in the classifier's loss, next to `distribution_loss`.
    temperature : float
        Of the label distribution that the classifier learns.
    terms : list of (float, callable)
        The enhancer's losses with their weights: functions of (`Enhanced`, targets), whose
        logits and description pass no gradient.
    """

    def __init__(self, label_loss, *, rho, temperature, terms):
        self.label_loss = label_loss
        self.rho = rho
        self.temperature = temperature
        self.terms = terms

    def __call__(self, output, targets):
        """Return the loss of a batch, a scalar; in validation that of the labels alone."""
        if not isinstance(output, HeadOutput):
            return self.label_loss(output, targets)
        parts = (output.logits, *output.extras)
        output = Enhanced(
            *(x.to(torch.promote_types(x.dtype, torch.float32)) for x in parts)
        )
        soft = distribution_loss(output.logits, output.enhanced, targets, self.temperature)
        loss = self.rho * self.label_loss(output.logits, targets)
        loss = torch.add(loss, soft, alpha=1 - self.rho)
        guide = output._replace(logits=output.logits.detach())
        for weight, term in self.terms:
            loss = torch.add(loss, term(guide, targets), alpha=weight)
        return loss


def distribution_loss(logits, enhanced, targets, temperature=1.0):
    r"""Return the cross-entropy to a label distribution, :math:`L_{DC}` of Eq. 12.

    .. math::
        -\sum_j \mathrm{softmax}_j(d / t) \log \mathrm{softmax}_j(s)

    The printed equation cannot be meant; this is the loss of FLEM's program.

    Parameters
    ----------
    logits : Tensor of shape (N, L)
        What learns, s.
    enhanced : Tensor of shape (N, L)
        What is learned, d; no gradient passes.
    targets : Targets
        Which labels are known, and the samples' weights.
    temperature : float, default=1.0
        How even the distribution is made, t.

    Returns
    -------
    Tensor of shape ()
        The weighted mean over the samples.
    """
    goal = enhanced.detach() / temperature
    if targets.known is not None:
        lowest = torch.finfo(logits.dtype).min
        goal = goal.masked_fill(~targets.known, lowest)
        logits = logits.masked_fill(~targets.known, lowest)
    share = goal.softmax(1) * targets.sample_weight[:, None]
    if targets.known is not None:
        share = share * targets.known
    return F.cross_entropy(logits, share)


def guided_loss(output, targets, gamma_pos=0.0, gamma_neg=1.0):
    r"""Return the enhancer's loss, weighted by the classifier, :math:`L_{CL}` of Eq. 6.

    .. math::
        -(1 - p)^{\gamma_+} \log p^* \text{ for labels that hold, }
        -p^{\gamma_-} \log (1 - p^*) \text{ for others}

    with :math:`p` of the classifier and :math:`p^*` of the enhancer.

    Parameters
    ----------
    output : Enhanced
        Of a batch.
    targets : Targets
        Its labels.
    gamma_pos, gamma_neg : float
        How strongly the classifier's prediction weights the labels that hold, and others.

    Returns
    -------
    Tensor of shape ()
        The mean over labels and samples.
    """
    enhanced, labels = output.enhanced, targets.labels.to(output.enhanced.dtype)
    logits = output.logits.detach()
    p, rest = torch.sigmoid(logits), torch.sigmoid(-logits)
    focus = torch.where(labels > 0, rest**gamma_pos, p**gamma_neg)  # (N, L)
    return binary_cross_entropy(enhanced, labels, entry_weight(targets) * focus)


def similarity_loss(output, targets, kind="pairs"):
    r"""Return how unlike the similarity of distributions is to that of samples (Eq. 7-9).

    With Z and A the cosines of the samples and of the enhancer's outputs, the mean of
    :math:`(Z_{ij} - A_{ij})^2` over all pairs, as in FLEM; or what is printed, where errors of
    both signs cancel, :math:`(\sum_{i > j} (Z_{ij} - A_{ij}) / N)^2`.

    Parameters
    ----------
    output : Enhanced
        Of a batch.
    targets : Targets
        Its labels.
    kind : {"pairs", "sum"}
        The mean over pairs, or the printed equation.

    Returns
    -------
    Tensor of shape ()
        A pair's weight is the product of the samples'.
    """
    enhanced = output.enhanced
    if targets.known is not None:
        enhanced = enhanced * targets.known
    n_samples = len(enhanced)
    weight = torch.outer(targets.sample_weight, targets.sample_weight).tril(-1)  # (N, N)
    errors = _cosines(output.described.detach()) - _cosines(enhanced)
    if kind == "sum":
        return ((weight * errors).sum() / n_samples) ** 2
    return (weight * errors * errors).sum() / max(1, n_samples * (n_samples - 1) / 2)


def threshold_loss(output, targets):
    r"""Return how far labels that do not hold are above such that do (Eq. 10).

    .. math::
        \max(\max d^{neg} - \min d^{pos}, 0)

    Parameters
    ----------
    output : Enhanced
        Of a batch.
    targets : Targets
        Its labels.

    Returns
    -------
    Tensor of shape ()
        The mean over the samples; those that lack either kind count zero.
    """
    positive = targets.labels > 0
    negative = ~positive if targets.known is None else ~positive & targets.known
    # The highest of those that do not hold, and with its sign turned the lowest of the others.
    numbers = torch.stack([output.enhanced, -output.enhanced])  # (2, N, L)
    numbers = numbers.masked_fill(~torch.stack([negative, positive]), -torch.inf)
    # With its gradient fewer calls than `amax`, which divides it among equal ones.
    excess = numbers.max(2).values.sum(0).clamp_min(0)  # zero where either is infinite
    return (targets.sample_weight * excess).mean()


def _cosines(vectors):
    """Return the cosines (N, N) of vectors (N, K)."""
    unit = F.normalize(vectors, dim=1)
    return unit @ unit.T
