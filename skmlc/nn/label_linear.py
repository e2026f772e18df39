"""A linear layer on the vectors of the labels, or on one-hot labels."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LabelLinear"]


class LabelLinear(nn.Module):
    r"""Map the labels' vectors linearly, :math:`Z W + b`.

    Without vectors the labels are one-hot, :math:`Z = I`, so that the result is
    :math:`W + b`: one learned vector per label, without an L x L matrix in memory.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    vectors : array-like of shape (L, E) or None
        The vectors of the labels, Z; they are not trained.
    out_size : int
        The number of output features.
    bias : bool, default=True
        Whether to add a learned bias, b, which starts at zero.

    Attributes
    ----------
    in_size : int
        The size of the vectors, E; L where they are one-hot.
    weight : Parameter of shape (in_size, out_size)
        W.  It starts like that of `nn.Linear`, uniform up to 1 / sqrt(E).  A one-hot vector
        has a single entry that is not zero, so there the bound is one: then too outputs have
        the variance 1/3 that inputs of unit variance get.
    vectors : Tensor of shape (L, E) or None
        Z, a part of the `state_dict`.

    Raises
    ------
    ValueError
        If there is not one vector per label.

    Examples
    --------
    >>> from skmlc.nn.label_linear import LabelLinear
    >>> LabelLinear(3, [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], out_size=4)().shape
    torch.Size([3, 4])
    >>> LabelLinear(3, None, out_size=4).in_size
    3
    """

    vectors: Tensor | None

    def __init__(self, n_labels, vectors, out_size, bias=True):
        super().__init__()
        if vectors is not None:
            # In double precision, until the module is given its type.
            vectors = torch.tensor(vectors, dtype=torch.float64)
            if vectors.ndim != 2 or len(vectors) != n_labels:
                raise ValueError(
                    f"vectors must be of shape ({n_labels}, E), one row per label; got "
                    f"{tuple(vectors.shape)}."
                )
        self.in_size = n_labels if vectors is None else vectors.shape[1]
        self.register_buffer("vectors", vectors)
        self.weight = nn.Parameter(torch.empty(self.in_size, out_size))
        self.bias = nn.Parameter(torch.empty(out_size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self):
        """Draw the weight again, and set the bias to zero."""
        bound = 1.0 if self.vectors is None else 1 / math.sqrt(self.in_size)
        nn.init.uniform_(self.weight, -bound, bound)
        # A random bias, the same for all labels, would only make them alike.
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def set_vectors(self, vectors):
        """Map other labels, given their vectors (M, E), with the same weights."""
        self.vectors = torch.as_tensor(vectors).to(self.weight)

    def forward(self) -> Tensor:
        """Return what the labels are mapped to (L, out_size)."""
        if self.vectors is not None:
            vectors = self.vectors.to(self.weight.dtype)
            return F.linear(vectors, self.weight.T, self.bias)  # (L, out_size)
        return self.weight if self.bias is None else self.weight + self.bias

    def extra_repr(self):
        """Return what `repr` shows between the brackets."""
        size, bias = self.weight.shape[1], self.bias is not None
        return f"in_size={self.in_size}, out_size={size}, bias={bias}"
