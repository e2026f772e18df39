"""The encoder of tables and sparse matrices: a node is a sample, or one of its features."""

from collections.abc import Sequence
from dataclasses import field

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions
from torch import nn

from ...nn.nodes import Layout, Nodes
from .columns import ColumnEncoding, Columns, column_moments
from .mixed_columns import MixedColumns, seen_in_training
from .training_values import training_values

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
    categorical_features : "from_dtype", array-like of {bool, int, str} of shape (n_features,) \
            or (n_categorical_features,), or None, default="from_dtype"
        Which columns of a dense table hold categories, as for
        `sklearn.ensemble.HistGradientBoostingClassifier`.  "from_dtype": those of a DataFrame
        whose type is one of categories (category of pandas, Categorical and Enum of polars,
        dictionaries of Arrow).
        In an array they are given by a mask, by number or by name, whatever they hold: strings
        and other objects, which are refused elsewhere, or numbers.  None: no column.
    allow_nan : bool, default=False
        Whether values of a dense table may be missing: NaN, and None and NA in a DataFrame.
    **inherited
        How dense columns of numbers are read; without effect on a sparse matrix.

    Notes
    -----
    A category is never a number: it has an entry of its own, which is one where a sample has
    the category and zero elsewhere (one-hot), in nodes and linear skip alike.  A category that
    the samples trained on do not have, but others (held out, or in prediction), has none: all
    entries of the column are zero, and no error is raised.  Categories are distinguished by
    what they are, not by how a DataFrame numbers or orders them.  True and False are numbers.

    A number that is missing is read as the mean of its column, a category that is missing as
    none.  Each column that had missing values in training has an entry that is one where the
    value is missing, as of `sklearn.impute.SimpleImputer` with ``add_indicator=True``.

    An array with named categories is copied into memory, also from a memory map.

    Examples
    --------
    >>> from skmlc.inputs import FeatureEncoder
    >>> FeatureEncoder(nodes="features", n_bins=12)
    FeatureEncoder(n_bins=12, nodes='features')
    """

    kinds = ("vectors", "sparse")

    nodes: str = field(default="auto", kw_only=False)
    categorical_features: Sequence | str | None = "from_dtype"
    allow_nan: bool = False

    _parameter_constraints = {
        "nodes": [StrOptions({"auto", "vector", "features"})],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "allow_nan": ["boolean"],
    }

    def fit_columns(
        self,
        X,
        rows,
        weight,
        *,
        as_they_are=False,
        skip=True,
        dtype=np.float64,
        categorical=(),
    ):
        """Build the modules that encode the columns.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            The samples, with codes in place of categories.
        rows : ndarray of int
            Those to train on.
        weight : ndarray of shape (n_samples,)
            How much each sample counts.
        as_they_are : bool, default=False
            Whether the method reads instances as they are.
        skip : bool, default=True
            Whether there is a linear skip.
        dtype : dtype, default=float64
            The type in which a batch is read.
        categorical : sequence of int, default=()
            Which columns hold categories.

        Returns
        -------
        Columns or None
            What nodes and what the skip read; None if both read the values as they are.
        """
        if len(categorical) == 0 and not self.allow_nan:
            options = {"as_they_are": as_they_are, "skip": skip, "dtype": dtype}
            return super().fit_columns(X, rows, weight, **options)
        seen = seen_in_training(X, rows, categorical)
        where = np.setdiff1d(np.arange(X.shape[1]), categorical)
        values, weight = training_values(X, rows, weight, dtype)
        values = values[:, where]
        mean, _ = column_moments(values, weight)
        encoded = (
            self._encode(encoding, values, weight)
            for encoding in self._encodings(as_they_are, skip)
        )
        return Columns(*(MixedColumns(numbers, where, mean, seen) for numbers in encoded))

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
    """One node per feature of a dense row: x_j @ W_j + b_j, x_j being its encoded column.

    Of one-hot entries, which may be many in few columns, x_j is not padded.
    """

    def __init__(self, n_features, hidden_size, columns=None):
        super().__init__()
        place, size, one_hot = None, 1, None
        if columns is not None:
            n_numbers = columns.n_outputs - getattr(columns, "n_one_hot", 0)
            place, size = _places(columns.source[:n_numbers])
            one_hot = columns.source[n_numbers:]
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("one_hot", one_hot, persistent=False)
        # As long as one vector would be.
        weight = torch.randn(n_features, size, hidden_size) * size**-0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(n_features, hidden_size))
        self.embedding = None
        if one_hot is not None and len(one_hot):
            self.embedding = nn.Parameter(torch.randn(len(one_hot), hidden_size))
        self.node_size = hidden_size

    def forward(self, batch):
        values, (n_features, size, _) = batch.values, self.weight.shape
        numbers = values
        if self.place is not None:
            numbers = values.new_zeros(values.shape[0], n_features * size).index_copy(
                1, self.place, values[:, : len(self.place)]
            )  # (N, F * B)
        numbers = numbers.unflatten(1, (n_features, size))  # (N, F, B)
        nodes = torch.einsum("nfb,fbd->nfd", numbers, self.weight) + self.bias  # (N, F, D)
        if self.embedding is not None:
            entries = values[:, len(self.place) :, None] * self.embedding  # (N, C, D)
            nodes = nodes.index_add(1, self.one_hot, entries.to(nodes))  # (N, F, D)
        n_samples, n_features, hidden_size = nodes.shape
        nodes = nodes.reshape(n_samples * n_features, hidden_size)  # (N * F, D)
        return Nodes(nodes, Layout.regular(n_samples, n_features))


def _places(source):
    """Return where each entry (E,) stands in columns padded to one size, and that size."""
    if len(source) == 0:
        return source, 1
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
