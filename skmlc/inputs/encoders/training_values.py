"""What columns hold in training, and what is left of that in the type that a network reads."""

import warnings

import numpy as np

from ...mapped import take_rows
from ..containers import LazyRows

__all__ = ["lost_columns", "training_values", "warn_of_lost_columns"]

# Quantiles of more samples are hardly better.
MOST_SAMPLES = 4_000

# The error of rounding, as a share of a column's spread, from which on it is said.
MOST_NOISE = 0.05


def training_values(X, rows, weight, dtype=np.float64):
    """Return what columns hold in training, not all of it if there is much.

    Parameters
    ----------
    X : ndarray, Bags or Graphs
        The samples.
    rows : ndarray of int
        Those to train on.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    dtype : dtype, default=float64
        The type in which a batch is read.

    Returns
    -------
    values : ndarray of shape (n_values, n_features)
        Of samples or of their instances; of columns that lose their digits in `dtype`, what
        is left of them.
    weight : ndarray of shape (n_values,)
        How much each of them counts.
    """
    values, weight = _values_and_weight(X, rows, weight)
    lost = lost_columns(values, dtype)
    if not lost.any():
        return values, weight
    values = values.astype(np.float64)
    values[:, lost] = values[:, lost].astype(dtype)
    return values, weight


def _values_and_weight(X, rows, weight):
    """Return what columns hold in training, and how much it counts."""
    if len(rows) > MOST_SAMPLES:
        rows = np.random.RandomState(0).choice(rows, MOST_SAMPLES, replace=False)
    rows = np.sort(rows)
    weight = weight[rows]
    if isinstance(X, np.ndarray | LazyRows):
        return take_rows(X, rows), weight
    values = X[rows]
    lengths = np.diff(values.offsets)
    return values.instances[values.offsets[0] : values.offsets[-1]], np.repeat(
        weight, lengths
    )


def lost_columns(values, dtype):
    """Return which columns lose their digits in a floating point type.

    They do if all of their numbers lie close together and far from zero, such as times
    in seconds since 1970, or are too small to be told from zero.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_features)
        What the columns hold, NaN where that is missing.
    dtype : dtype
        The type in which they are read.

    Returns
    -------
    ndarray of bool of shape (n_features,)
        Where rounding changes numbers by more than a twentieth of their standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs.encoders.training_values import lost_columns
    >>> seconds = 1.7e9 + np.arange(4.0)
    >>> lost_columns(np.column_stack([seconds, seconds - 1.7e9]), np.float32)
    array([ True, False])
    """
    lost = np.zeros(values.shape[1], dtype=bool)
    if values.dtype.kind not in "iuf" or np.can_cast(values.dtype, dtype):
        return lost
    # Column by column: a copy of all as floats could be eight times as large.
    for j, column in enumerate(values.T):
        column = np.asarray(column, dtype=np.float64)
        column = column[~np.isnan(column)]
        if column.size == 0 or column.min() == column.max():
            continue
        scale = np.abs(column).max()  # squares of tiny numbers would be zero
        spread = ((column - column.mean()) / scale).std()
        error = (column - column.astype(dtype)) / scale
        lost[j] = np.sqrt(np.mean(error**2)) > MOST_NOISE * spread
    return lost


def warn_of_lost_columns(values, dtype, names=None):
    """Warn of the columns that lose their digits in a floating point type.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_features)
        What the columns hold in training.
    dtype : dtype
        The type in which they are read.
    names : ndarray of str of shape (n_features,), default=None
        What they are called.

    Warns
    -----
    UserWarning
        If there are any.
    """
    places = np.flatnonzero(lost_columns(values, dtype))
    if len(places) == 0:
        return
    j = places[0]
    others = f" and {len(places) - 1} more" if len(places) > 1 else ""
    column = values[:, j]
    warnings.warn(
        f"X holds numbers of which {np.dtype(dtype)} tells few apart: column "
        f"{j if names is None else repr(names[j])}{others}, with values from "
        f"{np.nanmin(column):.15g} to {np.nanmax(column):.15g}. Scale X, for example with "
        'sklearn.preprocessing.StandardScaler, or use precision="float64".',
        UserWarning,
        stacklevel=2,
    )
