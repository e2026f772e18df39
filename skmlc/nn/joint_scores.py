"""Scores of all pairs of nodes and labels that never hold all products at once."""

import torch
from torch.autograd.function import once_differentiable

__all__ = ["JointScores", "joint_scores"]

# How many numbers of the products of nodes and labels are held at a time: on a CPU what its
# cache holds (measured, 2**17 to 2**18 is best), on other devices what keeps them busy.
_CPU_ELEMENTS, _DEVICE_ELEMENTS = 2**18, 2**25


def joint_scores(rows, labels, weight):
    """Return what `JointScores` does, of all labels at once, as a graph to export must."""
    return (rows[:, None] * labels).tanh() @ weight  # (R, L)


class JointScores(torch.autograd.Function):
    """The products w . tanh(x_r * y_l) of rows and labels, a block of both at a time.

    The R x L x d products are in memory neither at once nor for the backward pass, which
    makes them again.
    """

    @staticmethod
    def forward(ctx, rows, labels, weight):
        """Return the scores (R, L) of rows (R, d) and labels (L, d), given w (d,)."""
        ctx.save_for_backward(rows, labels, weight)
        scores = rows.new_empty(len(rows), len(labels))  # (R, L)
        with torch.autocast(rows.device.type, enabled=False):
            for some, those in _blocks(rows, labels):
                joint = (rows[some, None] * labels[those]).tanh_()  # (r, l, d)
                scores[some, those] = joint @ weight
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        """Return the gradients of rows, labels and w, given that of the scores."""
        rows, labels, weight = ctx.saved_tensors
        with torch.autocast(rows.device.type, enabled=False):
            # tanh' = 1 - tanh^2: the ones are two products, and blocks subtract the squares.
            grad_rows, grad_labels = grad @ labels, grad.T @ rows  # (R, d), (L, d)
            grad_weight = torch.zeros_like(weight)
            for some, those in _blocks(rows, labels):
                x, y, mine = rows[some, None], labels[those], grad[some, those]
                joint = (x * y).tanh_()  # (r, l, d)
                grad_weight += mine.flatten() @ joint.flatten(0, 1)
                square = joint.square_().mul_(mine[..., None])
                product = square * y
                grad_rows[some] -= product.sum(1)
                grad_labels[those] -= torch.mul(square, x, out=product).sum(0)
        return grad_rows * weight, grad_labels * weight, grad_weight


def _blocks(rows, labels):
    """Yield slices of rows and of labels whose products fit: all labels, if they can."""
    limit = _CPU_ELEMENTS if rows.device.type == "cpu" else _DEVICE_ELEMENTS
    size = max(1, rows.shape[1])
    n_labels = min(len(labels), max(1, limit // size))
    n_rows = max(1, limit // (n_labels * size))
    for row in range(0, len(rows), n_rows):
        for label in range(0, len(labels), n_labels):
            yield slice(row, row + n_rows), slice(label, label + n_labels)
