"""Members of one network: several predictions of each sample, trained at once and averaged.

As in TabM (Gorishniy, Kotelnikov, Babenko, "TabM: Advancing Tabular Deep Learning with
Parameter-Efficient Ensembling", ICLR 2025, arXiv:2410.24210), each member is trained to be
right by itself, and the mean of their probabilities is predicted.
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from .head_output import HeadOutput

__all__ = ["MemberLinear", "MembersLoss", "average_members"]


class MemberLinear(nn.Module):
    r"""A linear layer of each member, all in one product.

    .. math::
        y_k = x_k W_k + b_k

    Parameters
    ----------
    n_members : int
        The number of members, K.
    in_size, out_size : int
        The sizes of what a member reads and gives, D and E.

    Shape
    -----
    (N, K, D) to (N, K, E).
    """

    def __init__(self, n_members, in_size, out_size):
        super().__init__()
        bound = in_size**-0.5  # as of `nn.Linear`
        self.weight = nn.Parameter(torch.empty(n_members, in_size, out_size))
        self.bias = nn.Parameter(torch.empty(n_members, out_size))
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x):
        """Return what each member makes of its input."""
        product = torch.bmm(x.transpose(0, 1), self.weight)  # (K, N, E)
        return product.transpose(0, 1) + self.bias  # (N, K, E)

    def extra_repr(self):
        """Return what `repr` shows between the brackets."""
        n_members, in_size, out_size = self.weight.shape
        return f"n_members={n_members}, in_size={in_size}, out_size={out_size}"


def average_members(logits, *, multiclass=False):
    """Return the logits of the mean of the members' probabilities.

    Parameters
    ----------
    logits : Tensor of shape (N, K, L)
        The logits of K members.
    multiclass : bool, default=False
        Whether a sample has exactly one label: probabilities by soft-max.

    Returns
    -------
    Tensor of shape (N, L)
        Of at least single precision; a soft-max, or a sigmoid, gives the mean probabilities.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.members import average_members
    >>> members = torch.logit(torch.tensor([[[0.2, 0.9], [0.4, 0.3]]]))
    >>> average_members(members).sigmoid()
    tensor([[0.3000, 0.6000]])
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if multiclass:
        n_members = logits.shape[1]
        return F.log_softmax(logits, dim=2).logsumexp(1) - math.log(n_members)  # (N, L)
    # log p - log (1 - p), neither of which a probability next to one would spoil.
    return F.logsigmoid(logits).logsumexp(1) - F.logsigmoid(-logits).logsumexp(1)  # (N, L)


class MembersLoss:
    """The mean of the members' losses in training, and the loss of their mean in validation.

    The loss of the mean would let each lean on the others, and make them alike.

    Parameters
    ----------
    label_loss : callable
        The loss of logits (N, L).
    """

    def __init__(self, label_loss):
        self.label_loss = label_loss

    def __call__(self, output, targets):
        """Return the loss of a batch, a scalar."""
        if not isinstance(output, HeadOutput):
            return self.label_loss(output, targets)
        n_members = output.extras.shape[1]
        # To the loss, each member's prediction is a sample of its own.
        repeated = {
            name: value.repeat_interleave(n_members, dim=0)
            for name, value in vars(targets).items()
            if value is not None
        }
        logits = output.extras.flatten(0, 1)  # (N * K, L)
        return self.label_loss(logits, replace(targets, **repeated))
