"""The encoder of tables and sparse matrices: a node is a sample, or one of its features."""

from dataclasses import field

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from torch import nn

from ...nn.nodes import Layout, Nodes
from .columns import ColumnEncoding

__all__ = ["FeatureEncoder", "LinearNodes"]


class FeatureEncoder(ColumnEncoding, BaseEstimator):
    """Encode tables and sparse matrices: a sample is a vector or a set of features.

    Parameters
    ----------
    nodes : {"auto", "vector", "features"}, default="auto"
        With "vector" a sample is one node, ``x @ W + b``.  With "features" it is one node per
        feature, ``x_j @ W_j + b_j``, where x_j is what is read of its column; for a sparse
        matrix one node per stored value, ``x_j * W_j``.  "auto" is "vector" for dense and
        "features" for sparse input.
    **inherited
        How dense columns are read; without effect on a sparse matrix.

    Examples
    --------
    >>> from skmlc.inputs import FeatureEncoder
    >>> FeatureEncoder(nodes="features", n_bins=12)
    FeatureEncoder(n_bins=12, nodes='features')
    """

    kinds = ("vectors", "sparse")

    nodes: str = field(default="auto", kw_only=False)

    _parameter_constraints = {
        "nodes": [StrOptions({"auto", "vector", "features"})],
    }

    def make(self, kind, n_inputs, hidden_size, columns=None):
        """Build the module.

        Parameters
        ----------
        kind : {"vectors", "sparse"}
            What a batch holds: dense vectors or the stored values of sparse rows.
        n_inputs : int
            The number of features.
        hidden_size : int
            The size of a node.
        columns : nn.Module, default=None
            What has encoded dense vectors before, from `fit_columns`.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.
        """
        vector = self.nodes == "vector"
        if kind == "sparse":
            return _WeightedFeatures(n_inputs, hidden_size, vector)
        if self.nodes == "features":
            return _EveryFeature(n_inputs, hidden_size, columns)
        return LinearNodes(n_inputs if columns is None else columns.n_outputs, hidden_size)


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
    """One node per feature of a dense row: x_j @ W_j + b_j, x_j being its encoded column."""

    def __init__(self, n_features, hidden_size, columns=None):
        super().__init__()
        place, size = None, 1
        if columns is not None:
            place, size = _places(columns.source)
        self.register_buffer("place", place, persistent=False)
        # As long as one vector would be.
        weight = torch.randn(n_features, size, hidden_size) * size**-0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(n_features, hidden_size))
        self.node_size = hidden_size

    def forward(self, batch):
        values, (n_features, size, _) = batch.values, self.weight.shape
        if self.place is not None:
            values = values.new_zeros(len(values), n_features * size).index_copy(
                1, self.place, values
            )  # (N, F * B)
        values = values.unflatten(1, (n_features, size))  # (N, F, B)
        values = torch.einsum("nfb,fbd->nfd", values, self.weight) + self.bias  # (N, F, D)
        n_samples, n_features, hidden_size = values.shape
        values = values.reshape(n_samples * n_features, hidden_size)  # (N * F, D)
        return Nodes(values, Layout.regular(n_samples, n_features))


def _places(source):
    """Return where each entry (E,) stands in columns padded to one size, and that size."""
    counts = torch.bincount(source)
    size = int(counts.max())
    first = counts.cumsum(0) - counts
    return source * size + torch.arange(len(source)) - first[source], size


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
