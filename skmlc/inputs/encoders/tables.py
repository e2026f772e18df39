"""The encoder of tables and sparse matrices: a node is a sample, or one of its features."""

from dataclasses import field

import torch
from sklearn.base import BaseEstimator
from torch import nn

from ...nn.nodes import Layout, Nodes
from ...parameters import ParameterFields

__all__ = ["FeatureEncoder", "LinearNodes", "check_option"]


class FeatureEncoder(ParameterFields, BaseEstimator):
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

    nodes: str = field(default="auto", kw_only=False)

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
        check_option("nodes", self.nodes, ("auto", "vector", "features"))
        vector = self.nodes == "vector"
        if kind == "sparse":
            return _WeightedFeatures(n_inputs, hidden_size, vector)
        if self.nodes == "features":
            return _EveryFeature(n_inputs, hidden_size)
        return LinearNodes(n_inputs, hidden_size)


def check_option(name, value, options):
    """Raise an error if a parameter is none of its options.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        What it is.
    options : tuple
        What it may be.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if value not in options:
        raise ValueError(f"{name} must be one of {options}; got {value!r}.")


# Modules ------------------------------------------------------------------------------------


class LinearNodes(nn.Module):
    """One node per row of features.

    Parameters
    ----------
    n_features : int
        The number of features, F.
    hidden_size : int
        The size of a node, D.
    """

    def __init__(self, n_features, hidden_size):
        super().__init__()
        self.linear = nn.Linear(n_features, hidden_size)
        self.node_size = hidden_size

    def forward(self, batch):
        """Return the nodes of a batch."""
        return Nodes(self.linear(batch.values), batch.layout, batch.boxes)  # (R, D)


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
