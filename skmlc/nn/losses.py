"""Losses of logits (N, L) against labels (N, L), with weights and unknown labels."""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LabelLoss"]


class LabelLoss:
    """Mean loss over samples and labels, weighted, unknown labels left out.

    Not an `nn.Module`: it learns nothing, and distributed wrappers refuse modules that do not.

    Parameters
    ----------
    elementwise : callable, default=None
        Maps (logits, labels), both (N, L), to the loss of each entry (N, L).  None stands
        for binary cross-entropy with logits, Eq. 19 of LaMP.
    label_weight : Tensor of shape (L,), default=None
        How much the positive entries of each label count.
    multiclass : bool, default=False
        Whether a sample has exactly one label: soft-max and cross-entropy.
    """

    def __init__(self, elementwise=None, label_weight=None, *, multiclass=False):
        self.elementwise = elementwise
        self.label_weight = label_weight
        self.multiclass = multiclass

    def __call__(self, output: Tensor | tuple, targets) -> Tensor:
        """Return the loss of a batch, a scalar; of a tuple the first entry are the logits."""
        logits = output[0] if isinstance(output, tuple) else output
        labels, weight = targets.labels.to(logits.dtype), targets.sample_weight
        loss = self._per_sample(logits, labels, targets.known)  # (N,)
        return (weight * loss).sum() / weight.sum()

    def _per_sample(self, logits, labels, known):
        """Return the mean loss of each sample (N,) over its known labels."""
        positive = (
            1.0 if self.label_weight is None else self._positive_weight(logits, labels)
        )
        if self.multiclass:
            return -(labels * positive * F.log_softmax(logits, dim=1)).sum(1)
        loss = positive * self._entries(logits, labels)  # (N, L)
        if known is None:
            return loss.mean(1)
        return (loss * known).sum(1) / known.sum(1).clamp_min(1)

    def _entries(self, logits, labels):
        if self.elementwise is None:
            return F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return self.elementwise(logits, labels)

    def _positive_weight(self, logits, labels):
        """Return the weight of each entry (N, L): the label's where positive, else one."""
        weight = self.label_weight.to(logits)
        return torch.where(labels > 0, weight, torch.ones_like(weight))
