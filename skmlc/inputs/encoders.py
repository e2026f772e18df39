"""Encoders: what turns a batch of samples into nodes.

An encoder specification is an estimator that only holds parameters, so that they can be
searched (`encoder__positions`); its `make` builds the torch module.  An encoder module maps
a `Batch` to `Nodes` of the hidden size.
"""

import math
from dataclasses import replace

import torch
from sklearn.base import BaseEstimator
from torch import nn

from ..nn.nodes import Layout, Nodes
from .image_encoder import ImageEncoder

__all__ = ["FeatureEncoder", "GraphEncoder", "InstanceEncoder", "TokenEncoder"]


class FeatureEncoder(BaseEstimator):
    """Encode tables and sparse matrices: a sample is a vector or a set of features.

    Parameters
    ----------
    nodes : {"auto", "vector", "features"}, default="auto"
        With "vector" a sample is one node, ``x @ W + b``.  With "features" it is one node per
        feature, ``x_j * W_j + b_j``; for a sparse matrix one node per stored value,
        ``x_j * W_j``.  "auto" is "vector" for dense and "features" for sparse input.

    Examples
    --------
    >>> from skmlc.inputs import FeatureEncoder
    >>> FeatureEncoder(nodes="features").get_params()
    {'nodes': 'features'}
    """

    kinds = ("vectors", "sparse")

    def __init__(self, nodes="auto"):
        self.nodes = nodes

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : {"vectors", "sparse"}
            What a batch holds: dense vectors or the stored values of sparse rows.
        n_inputs : int
            The number of features.
        hidden_size : int
            The size of a node.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.

        Raises
        ------
        ValueError
            If `nodes` is not one of the values above.
        """
        _check_option("nodes", self.nodes, ("auto", "vector", "features"))
        vector = self.nodes == "vector"
        if kind == "sparse":
            return _WeightedFeatures(n_inputs, hidden_size, vector)
        if self.nodes == "features":
            return _EveryFeature(n_inputs, hidden_size)
        return _Linear(n_inputs, hidden_size)


class TokenEncoder(BaseEstimator):
    """Encode `Sequences`: a node is the embedding of a token plus that of its position.

    Parameters
    ----------
    positions : {"sinusoidal", "learned", None}, default="sinusoidal"
        How the order of the tokens is told; None treats a sequence as a bag of tokens.
    max_length : int, default=512
        The number of learned positions; tokens beyond share the last one.

    Examples
    --------
    >>> from skmlc.inputs import TokenEncoder
    >>> TokenEncoder(positions=None).positions is None
    True
    """

    kinds = ("sequences",)

    def __init__(self, positions="sinusoidal", *, max_length=512):
        self.positions = positions
        self.max_length = max_length

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

        Raises
        ------
        ValueError
            If a parameter is not one of the values above.
        """
        _check_option("positions", self.positions, ("sinusoidal", "learned", None))
        if self.positions == "learned" and self.max_length < 1:
            raise ValueError(f"max_length must be at least 1; got {self.max_length!r}.")
        positions = {
            "sinusoidal": SinusoidalPositions,
            "learned": lambda size: LearnedPositions(self.max_length, size),
            None: lambda size: None,
        }[self.positions](hidden_size)
        return _Tokens(n_inputs, hidden_size, positions)


class InstanceEncoder(BaseEstimator):
    """Encode `Bags`: a node is an instance, or a linear image of it.

    Examples
    --------
    >>> from skmlc.inputs import InstanceEncoder
    >>> InstanceEncoder().kinds
    ('bags',)
    """

    kinds = ("bags",)

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : str
            What a batch holds.
        n_inputs : int
            The number of features of an instance.
        hidden_size : int or None
            The size of a node; None leaves the instances as they are.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.
        """
        if hidden_size is None:
            return _AsTheyAre(n_inputs)
        return _Linear(n_inputs, hidden_size)


class GraphEncoder(InstanceEncoder):
    """Encode `Graphs`: as `InstanceEncoder`; the method's messages follow the edges.

    Examples
    --------
    >>> from skmlc.inputs import GraphEncoder
    >>> GraphEncoder().kinds
    ('graphs',)
    """

    kinds = ("graphs",)


ENCODERS = {
    "vectors": FeatureEncoder,
    "sparse": FeatureEncoder,
    "sequences": TokenEncoder,
    "bags": InstanceEncoder,
    "graphs": GraphEncoder,
    "images": ImageEncoder,
}


def choose_encoder(encoder, kind):
    """Return the encoder specification for the kind of X.

    Parameters
    ----------
    encoder : "auto" or encoder specification
        As the user gave it.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images"}
        What a batch holds.

    Returns
    -------
    encoder specification
        The given one, or the default one of the kind.

    Raises
    ------
    ValueError
        If the specification is for another kind of input.
    """
    if isinstance(encoder, str) and encoder != "auto":
        raise ValueError(
            "encoder must be 'auto' or a specification, such as ImageEncoder('resnet18'); got "
            f"{encoder!r}."
        )
    encoder = ENCODERS[kind]() if isinstance(encoder, str) else encoder
    if kind not in encoder.kinds:
        hint = " Wrap images in skmlc.inputs.Images." if "images" in encoder.kinds else ""
        if kind == "bags" and "vectors" in encoder.kinds:
            hint = " The methods for bags read the rows of a table as bags of one instance."
        raise ValueError(
            f"encoder must fit the kind of X, {kind!r}; got {type(encoder).__name__}, which is "
            f"for {' and '.join(encoder.kinds)}.{hint}"
        )
    return encoder


# Modules ------------------------------------------------------------------------------------


class _Linear(nn.Module):
    """One node per row of features."""

    def __init__(self, n_features, hidden_size):
        super().__init__()
        self.linear = nn.Linear(n_features, hidden_size)
        self.node_size = hidden_size

    def forward(self, batch):
        return Nodes(self.linear(batch.values), batch.layout, batch.boxes)  # (R, D)


class _AsTheyAre(nn.Module):
    """One node per row of features, unchanged."""

    def __init__(self, n_features):
        super().__init__()
        self.node_size = n_features

    def forward(self, batch):
        return Nodes(batch.values, batch.layout, batch.boxes)  # (R, F)


class Rectified(nn.Module):
    """The positive part of another encoder's nodes, which is what a network of images gives.

    Parameters
    ----------
    encoder : nn.Module
        Maps a `Batch` to `Nodes`.
    """

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.node_size = encoder.node_size

    def forward(self, batch):
        """Return the nodes of a batch."""
        nodes = self.encoder(batch)
        return replace(nodes, values=torch.relu(nodes.values))


class _EveryFeature(nn.Module):
    """One node per feature of a dense row: x_j * W_j + b_j."""

    def __init__(self, n_features, hidden_size):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_features, hidden_size))
        self.bias = nn.Parameter(torch.zeros(n_features, hidden_size))
        self.node_size = hidden_size

    def forward(self, batch):
        values = batch.values[..., None] * self.weight + self.bias  # (N, F, D)
        n_samples, n_features, hidden_size = values.shape
        values = values.view(n_samples * n_features, hidden_size)  # (N * F, D)
        return Nodes(values, Layout.regular(n_samples, n_features))


class _WeightedFeatures(nn.Module):
    """One node per stored value of a sparse row, x_j * W_j; or their sum."""

    def __init__(self, n_features, hidden_size, vector):
        super().__init__()
        self.embedding = nn.Embedding(n_features, hidden_size)
        self.bias = nn.Parameter(torch.zeros(hidden_size)) if vector else None
        self.node_size = hidden_size

    def forward(self, batch):
        values = self.embedding(batch.ids) * batch.values[:, None]  # (R, D)
        nodes = Nodes(values, batch.layout)
        if self.bias is None:
            return nodes
        return Nodes(nodes.sum() + self.bias, Layout.regular(len(batch), 1))  # (N, D)


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


class SinusoidalPositions(nn.Module):
    """Sines and cosines of the position, for sequences of any length.

    Parameters
    ----------
    hidden_size : int
        The size of a node.
    """

    def __init__(self, hidden_size):
        super().__init__()
        exponent = torch.arange(0, hidden_size, 2) / hidden_size
        self.register_buffer("frequency", torch.exp(-math.log(10_000.0) * exponent))
        self.hidden_size = hidden_size

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


def _check_option(name, value, options):
    """Raise an error if `value` is none of the options."""
    if value not in options:
        raise ValueError(f"{name} must be one of {options}; got {value!r}.")
