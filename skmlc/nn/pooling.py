"""Pooling of a sample's nodes, and how much each node had to do with the result."""

import torch

__all__ = ["POOLINGS", "contributions", "pool"]

POOLINGS = ("max", "mean")


def pool(nodes, pooling):
    """Return one vector per sample.

    Parameters
    ----------
    nodes : Nodes
        Of N samples.
    pooling : {"max", "mean"}
        The maximum of each feature over the nodes, or their mean.

    Returns
    -------
    Tensor of shape (N, D)
        Padding does not count.
    """
    return nodes.max() if pooling == "max" else nodes.mean()


def contributions(nodes, classifiers, pooling):
    """Return how much each node adds to each logit ``pool(nodes) @ classifiers.T``.

    With "max" a feature's part goes to the node where the feature is largest, the first of
    them.  The parts of a sample's nodes sum to its logits.

    Parameters
    ----------
    nodes : Nodes
        Of N samples.
    classifiers : Tensor of shape (L, D)
        The linear classifiers of the pooled features.
    pooling : {"max", "mean"}
        How the nodes are pooled.

    Returns
    -------
    list of Tensor of shape (n_samples, L, n_nodes)
        For each group of samples; what stands for padding is zero.
    """
    result = []
    for group, values in nodes.groups():  # (n, S, D)
        if pooling == "max":
            kept = _only_largest(values, group.mask)
        else:
            kept = values / values.shape[1]
            if group.mask is not None:
                mask = group.mask[..., None]
                kept = torch.where(mask, values, 0) / mask.sum(1, keepdim=True)
        result.append(classifiers @ kept.transpose(1, 2))  # (n, L, S)
    return result


def _only_largest(values, mask):
    """Set all but the largest value of each feature (n, S, D) over the nodes to zero."""
    if mask is not None:
        lowest = torch.finfo(values.dtype).min
        values = values.masked_fill(~mask[..., None], lowest)
    largest, place = values.max(dim=1, keepdim=True)  # (n, 1, D)
    return torch.zeros_like(values).scatter_(1, place, largest)
