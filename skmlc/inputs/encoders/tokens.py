"""The encoder of sequences: a node is a token at its position."""

import math
from dataclasses import field
from numbers import Integral

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ...nn.nodes import Nodes
from ...parameters import ParameterFields
from .constants import ExactConstants

__all__ = ["LearnedPositions", "SinusoidalPositions", "TokenEncoder"]


class TokenEncoder(ParameterFields, BaseEstimator):
    """Encode `Sequences`: a node is the embedding of a token plus that of its position.

    Parameters
    ----------
    positions : {"sinusoidal", "learned", None}, default="sinusoidal"
        How the order of the tokens is encoded; None treats a sequence as a bag of tokens.
    max_length : int, default=512
        The number of learned positions; tokens beyond share the last one.

    Examples
    --------
    >>> from skmlc.inputs import TokenEncoder
    >>> TokenEncoder(positions=None)
    TokenEncoder(positions=None)
    """

    kinds = ("sequences",)

    positions: str | None = field(default="sinusoidal", kw_only=False)
    max_length: int = 512

    _parameter_constraints = {
        "positions": [StrOptions({"sinusoidal", "learned"}), None],
        "max_length": [Interval(Integral, 1, None, closed="left")],
    }

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : {"sequences"}
            What a batch holds.
        n_inputs : int
            The size of the vocabulary.
        hidden_size : int
            The size of a node.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.
        """
        positions = {
            "sinusoidal": SinusoidalPositions,
            "learned": lambda size: LearnedPositions(self.max_length, size),
            None: lambda size: None,
        }[self.positions](hidden_size)
        return _Tokens(n_inputs, hidden_size, positions)


# Modules ------------------------------------------------------------------------------------


class _Tokens(nn.Module):
    """One node per token, plus its position."""

    def __init__(self, n_tokens, hidden_size, positions):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, hidden_size)
        self.positions = positions
        self.node_size = hidden_size

    def forward(self, batch):
        values = self.embedding(batch.ids) * batch.values[:, None]  # (R, D)
        if self.positions is not None:
            values = values + self.positions(batch.layout) * batch.values[:, None]
        return Nodes(values, batch.layout)


class SinusoidalPositions(ExactConstants):
    """Sines and cosines of the position, for sequences of any length.

    Parameters
    ----------
    hidden_size : int
        The size of a node.
    """

    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.register_buffer("frequency", self._constants(torch.empty(0))["frequency"])

    def _constants(self, like):
        places = torch.arange(0, self.hidden_size, 2, dtype=like.dtype, device=like.device)
        exponent = places / self.hidden_size
        return {"frequency": torch.exp(-math.log(10_000.0) * exponent)}  # (D / 2,)

    def forward(self, layout):
        """Return the positions (R, D) of the rows of a layout."""
        return _rows_of_groups(self.table(_longest(layout)), layout)

    def table(self, length):
        """Return the first `length` positions (S, D)."""
        place = torch.arange(1, length + 1, device=self.frequency.device)
        angle = place[:, None] * self.frequency  # (S, D / 2)
        pairs = torch.stack([angle.sin(), angle.cos()], dim=2)  # (S, D / 2, 2)
        return pairs.flatten(1)[:, : self.hidden_size]  # (S, D)


class LearnedPositions(nn.Module):
    """One learned vector per position.

    Parameters
    ----------
    max_length : int
        The number of positions; later ones share the last vector.
    hidden_size : int
        The size of a node.
    """

    def __init__(self, max_length, hidden_size):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_length, hidden_size) * 0.1)

    def forward(self, layout):
        """Return the positions (R, D) of the rows of a layout."""
        length = _longest(layout)
        place = torch.arange(length, device=self.weight.device)
        return _rows_of_groups(self.weight[place.clamp_max(len(self.weight) - 1)], layout)


def _longest(layout):
    """Return the number of nodes of the longest sample."""
    return max(group.n_nodes for group in layout.groups)


def _rows_of_groups(table, layout):
    """Repeat the rows of `table` (S, D) for every sample of every group (R, D)."""
    return torch.cat(
        [
            table[: group.n_nodes].expand(group.n_samples, -1, -1).flatten(0, 1)
            for group in layout.groups
        ]
    )
