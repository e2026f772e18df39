"""Encodings of numeric columns: what network and linear skip read instead of raw numbers.

Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning",
NeurIPS 2022, arXiv:2203.05556.  A model that reads a number as it is learns what bends, and
what has heavy tails, slowly or not at all; its position among the training samples, or waves
of it, make both easy, whatever the scale of the column.
"""

import math
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ...parameters import ParameterFields
from .training_values import training_values

__all__ = [
    "ColumnEncoding",
    "Columns",
    "Periodic",
    "PiecewiseLinear",
    "Standardized",
    "column_moments",
]

# An entry that hardly varies must not be blown up until it outweighs the others.
SMALLEST_SPREAD = 0.05
# Standard deviations: what is further out is read as this.
FARTHEST = 5.0
ENCODINGS = {"standardized", "piecewise_linear", "periodic"}


class ColumnEncoding(ParameterFields):
    """How the numbers of dense columns are read.

    Parameters
    ----------
    encoding : {"auto", "standardized", "piecewise_linear", "periodic", None}, default="auto"
        What nodes are made of.  "standardized": the value less the mean of its column, over
        its standard deviation, and at most five of these.  "piecewise_linear": how far the
        value is into each of some intervals, between quantiles of the training samples, so
        that heavy tails and bends do no harm.  "periodic": the standardized value, with sines
        and cosines of it at frequencies that are learned.  None: the value as it is.  "auto"
        is "standardized", and None for methods that read instances as they are.
    skip_encoding : {"auto", "standardized", "piecewise_linear", "periodic", None}, \
            default="auto"
        What the linear skip reads, likewise; "auto" is "piecewise_linear".
    n_bins : int, default=8
        The number of intervals of a column; fewer where quantiles are equal.
    n_frequencies : int, default=8
        The number of frequencies of a column.
    frequency_scale : float, default=0.1
        The standard deviation of these frequencies at first.
    """

    encoding: str | None = "auto"
    skip_encoding: str | None = "auto"
    n_bins: int = 8
    n_frequencies: int = 8
    frequency_scale: float = 0.1

    _parameter_constraints = {
        "encoding": [StrOptions({"auto", *ENCODINGS}), None],
        "skip_encoding": [StrOptions({"auto", *ENCODINGS}), None],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "n_frequencies": [Interval(Integral, 1, None, closed="left")],
        "frequency_scale": [Interval(Real, 0, None, closed="neither")],
    }

    def fit_columns(
        self, X, rows, weight, *, as_they_are=False, skip=True, dtype=np.float64
    ):
        """Build the modules that encode the columns.

        Parameters
        ----------
        X : ndarray, Bags or Graphs
            The samples; the columns of bags and graphs are those of their instances.
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

        Returns
        -------
        Columns or None
            What nodes and what the skip read; None if both read the values as they are.

        Raises
        ------
        ValueError
            If `encoding` says to encode what the method reads as it is.
        """
        chosen = self._encodings(as_they_are, skip)
        if chosen == (None, None):
            return None
        values, weight = training_values(X, rows, weight, dtype)
        return Columns(*(self._encode(encoding, values, weight) for encoding in chosen))

    def _encodings(self, as_they_are, skip):
        """Return the encodings for nodes and for the skip."""
        nodes, of_skip = self.encoding, self.skip_encoding if skip else None
        if as_they_are and nodes not in ("auto", None):
            raise ValueError(
                "encoding must be 'auto' or None for a method that reads instances as they "
                f"are; got {nodes!r}."
            )
        if nodes == "auto":
            nodes = None if as_they_are else "standardized"
        return nodes, "piecewise_linear" if of_skip == "auto" else of_skip

    def _encode(self, encoding, values, weight):
        """Build the module of one encoding."""
        if encoding is None or values.shape[1] == 0:
            return Unchanged(values.shape[1])
        if encoding == "periodic":
            return Periodic(values, weight, self.n_frequencies, self.frequency_scale)
        if encoding == "piecewise_linear":
            return PiecewiseLinear(values, weight, self.n_bins)
        return Standardized(values, weight)


# Modules ------------------------------------------------------------------------------------


class Columns(nn.Module):
    """What nodes and what the linear skip read of dense columns.

    Parameters
    ----------
    nodes : nn.Module
        Maps values (R, F) to what nodes are made of (R, E).
    skip : nn.Module
        Maps values (R, F) to what the linear skip reads (R, E').
    """

    def __init__(self, nodes, skip):
        super().__init__()
        self.nodes, self.skip = nodes, skip

    def forward(self, values, kept):
        """Return both of some rows, less the columns that are left out.

        Parameters
        ----------
        values : Tensor of shape (R, F)
            What the columns hold.
        kept : Tensor of shape (R, F) or None
            A factor of each value, zero for those left out.  All entries of a column are left
            out together: some of them would reveal the others.  None keeps all.

        Returns
        -------
        Tensor of shape (R, E), Tensor of shape (R, E')
            The entries.
        """
        if kept is None:
            return self.nodes(values), self.skip(values)
        return tuple(
            module(values) * kept.index_select(1, module.source)
            for module in (self.nodes, self.skip)
        )


class Unchanged(nn.Module):
    """The values as they are.

    Parameters
    ----------
    n_features : int
        The number of columns, F.
    """

    source: Tensor
    is_centered = False  # whether the mean of each entry is zero, or zero says as little

    def __init__(self, n_features):
        super().__init__()
        self.n_outputs = n_features
        self.register_buffer("source", torch.arange(n_features))

    def forward(self, values):
        """Return the values."""
        return values  # (R, F)


class Standardized(Unchanged):
    """The values less the means of their columns, over their standard deviations, clipped.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        What the columns hold in training.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    """

    mean: Tensor
    spread: Tensor
    is_centered = True

    def __init__(self, values, weight):
        super().__init__(values.shape[1])
        mean, spread = column_moments(values, weight)
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("spread", torch.from_numpy(np.where(spread == 0, 1, spread)))

    def forward(self, values):
        """Return the standardized values."""
        return ((values - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)  # (R, F)


def column_moments(values, weight):
    """Return the mean and the standard deviation of each column, but for what is missing.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        What the columns hold in training.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.

    Returns
    -------
    ndarray of shape (n_features,), ndarray of shape (n_features,)
        Zeros for a column that is missing as a whole.
    """
    # Column by column: a copy of all as floats could be eight times as large.
    moments = np.array([_moments(*_present(column, weight)) for column in values.T])
    mean, spread = moments.reshape(-1, 2).T.copy()
    return mean, spread


def _present(column, weight):
    """Return the values of a column that are not missing as floats, and their weights."""
    column = np.asarray(column, dtype=np.float64)
    missing = np.isnan(column)
    if missing.all():
        return np.zeros(1), np.ones(1)
    return (column[~missing], weight[~missing]) if missing.any() else (column, weight)


def _moments(values, weight):
    """Return the mean and the standard deviation of values (n,) or (n, B)."""
    mean = np.average(values, axis=0, weights=weight)
    return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))


class PiecewiseLinear(nn.Module):
    r"""How far a value is into each interval between quantiles of its column (Eq. 1).

    .. math::
        e_t = \min\Big(1, \max\Big(0, \frac{x - b_{t-1}}{b_t - b_{t-1}}\Big)\Big)

    Unlike in the paper, values beyond the first and the last quantile are clipped, and each
    entry is standardized, so that a linear model of the entries trains as well as a network.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        What the columns hold in training.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    n_bins : int
        The number of intervals of a column; fewer where quantiles are equal.

    Shape
    -----
    (R, F) to (R, E), the intervals of one column after those of the other.
    """

    source: Tensor
    lower: Tensor
    width: Tensor
    mean: Tensor
    spread: Tensor
    is_centered = True

    def __init__(self, values, weight, n_bins):
        super().__init__()
        present = (_present(column, weight) for column in values.T)
        columns = [_intervals(*column, n_bins) for column in present]
        source = np.repeat(np.arange(len(columns)), [len(lower) for lower, *_ in columns])
        self.n_outputs = len(source)
        self.register_buffer("source", torch.from_numpy(source))
        names = "lower", "width", "mean", "spread"
        for name, parts in zip(names, zip(*columns, strict=True), strict=True):
            self.register_buffer(name, torch.from_numpy(np.concatenate(parts)))

    def forward(self, values):
        """Return the entries of some rows."""
        # Six times as fast as to index with the tensor.
        spread_out = values.index_select(1, self.source)  # (R, E)
        position = (spread_out - self.lower) / self.width
        return (position.clamp(0, 1) - self.mean) / self.spread


def _intervals(column, weight, n_bins):
    """Return where intervals begin, their lengths, and mean and spread of their entries."""
    # Of the methods that NumPy has, the one for which a weight of two is the sample twice.
    shares = np.linspace(0, 1, n_bins + 1)
    edges = np.unique(np.quantile(column, shares, weights=weight, method="inverted_cdf"))
    if len(edges) == 1:  # a constant column
        return edges, np.ones(1), np.zeros(1), np.ones(1)
    lower, width = edges[:-1], np.diff(edges)
    mean, spread = _moments(((column[:, None] - lower) / width).clip(0, 1), weight)
    return lower, width, mean, spread.clip(SMALLEST_SPREAD)


class Periodic(nn.Module):
    r"""The standardized value, and waves of it at frequencies that are learned (Eq. 2).

    .. math::
        e = \big(z, \sin(2 \pi c_1 z), \dots, \cos(2 \pi c_1 z), \dots\big), \qquad
        c_t \sim \mathcal{N}(0, \sigma)

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
        What the columns hold in training.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    n_frequencies : int
        The number of frequencies of a column.
    scale : float
        The standard deviation of the first frequencies, sigma.

    Shape
    -----
    (R, F) to (R, E), the entries of one column after those of the other.
    """

    source: Tensor
    is_centered = True

    def __init__(self, values, weight, n_frequencies, scale):
        super().__init__()
        n_features, size = values.shape[1], 1 + 2 * n_frequencies
        self.standardized = Standardized(values, weight)
        self.frequencies = nn.Parameter(torch.randn(n_features, n_frequencies) * scale)
        self.n_outputs = n_features * size
        self.register_buffer("source", torch.arange(n_features).repeat_interleave(size))

    def forward(self, values):
        """Return the entries of some rows."""
        z = self.standardized(values)[..., None]  # (R, F, 1)
        angle = 2 * math.pi * self.frequencies * z  # (R, F, K)
        return torch.cat([z, angle.sin(), angle.cos()], dim=-1).flatten(1)  # (R, E)
