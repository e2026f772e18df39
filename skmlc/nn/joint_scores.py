"""Scores of all pairs of nodes and labels that never hold all products at once."""

import torch
from torch.autograd.function import once_differentiable

__all__ = ["JointScores", "joint_scores"]

# How many products of a node and a label are held at a time: on a CPU what its cache holds, on
# other devices what keeps them busy.
_CPU_ELEMENTS, _DEVICE_ELEMENTS = 2**20, 2**25


def joint_scores(rows, labels, weight):
    """Return what `JointScores` does, of all labels at once, as a graph to export must."""
    return (rows[:, None] * labels).tanh() @ weight  # (R, L)


class JointScores(torch.autograd.Function):
    """The products w . tanh(x_r * y_l) of rows and labels, some labels at a time.

    The R x L x d products are in memory neither at once nor for the backward pass, which
    makes them again.
    """

    @staticmethod
    def forward(ctx, rows, labels, weight):
        """Return the scores (R, L) of rows (R, d) and labels (L, d), given w (d,)."""
        ctx.save_for_backward(rows, labels, weight)
        scores = rows.new_empty(len(rows), len(labels))  # (R, L)
        with torch.autocast(rows.device.type, enabled=False):
            for some in _label_slices(rows, labels):
                joint = (rows[:, None] * labels[some]).tanh_()  # (R, l, d)
                scores[:, some] = joint @ weight
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        """Return the gradients of rows, labels and w, given that of the scores."""
        rows, labels, weight = ctx.saved_tensors
        grad_rows, grad_weight = torch.zeros_like(rows), torch.zeros_like(weight)
        grad_labels = torch.empty_like(labels)
        with torch.autocast(rows.device.type, enabled=False):
            for some in _label_slices(rows, labels):
                joint = (rows[:, None] * labels[some]).tanh_()  # (R, l, d)
                mine = grad[:, some, None]  # (R, l, 1)
                grad_weight += mine.flatten() @ joint.flatten(0, 1)
                slope = joint.square_().neg_().add_(1).mul_(mine)  # tanh' = 1 - tanh^2
                product = slope * labels[some]
                grad_rows += product.sum(1)
                torch.mul(slope, rows[:, None], out=product)
                grad_labels[some] = product.sum(0)
        return grad_rows * weight, grad_labels * weight, grad_weight


def _label_slices(rows, labels):
    """Return slices of so many labels that their products with all rows fit."""
    limit = _CPU_ELEMENTS if rows.device.type == "cpu" else _DEVICE_ELEMENTS
    step = max(1, limit // max(1, rows.numel()))
    return [slice(first, first + step) for first in range(0, len(labels), step)]
