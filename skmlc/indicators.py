"""The one reader of label matrices and of sample weights.

An indicator matrix holds 1 where a label holds, 0 where it does not, and NaN where that is
unknown.  Whatever form it comes in, it is read into one of two: an ndarray, or a canonical CSR
array (sorted, no entry stored twice, no zero stored) in memory of its own; uint8 where
everything is known, floating point where not.  A sparse matrix is never made dense.
"""

import warnings
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.utils import check_array

from ._foreign import read_foreign
from ._forms import (
    MATRIX,
    as_numbers,
    as_text,
    columns_of,
    hint_for,
    list_to_array,
    message,
    warn_of_joined_labels,
)
from .row_blocks import row_blocks

__all__ = [
    "check_indicators",
    "count_labels",
    "is_indicator",
    "label_prior",
    "read_indicators",
    "read_labels",
    "read_matrix",
    "read_weight",
    "split_entries",
    "warn_of_unknown_labels",
]


# Label matrices -----------------------------------------------------------------------------


def read_indicators(Y, name="Y", *, missing=True, vector=False):
    """Read an indicator matrix of any form.

    Parameters
    ----------
    Y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        Numbers of any dtype, also as Python objects or in nullable columns.  None and NA are
        NaN.
    name : str, default="Y"
        The argument, for errors.
    missing : bool, default=True
        Whether NaN is allowed.
    vector : bool, default=False
        Whether a one-dimensional array is taken, as a single label.

    Returns
    -------
    {ndarray, csr_array} of shape (n_samples, n_labels)
        Of uint8 where everything is known, else floating point with NaN.  An array that has
        one of these dtypes is not copied.

    Raises
    ------
    ValueError
        If there is anything else in it, counting what entries that are stored in several
        parts sum to.

    Examples
    --------
    >>> from skmlc.indicators import read_indicators
    >>> read_indicators([[True, None], [0.0, 1]])
    array([[ 1., nan],
           [ 0.,  1.]])
    """
    matrix = read_matrix(Y, name, vector=vector)
    labels = getattr(Y, "columns", None)
    return check_indicators(matrix, name, missing=missing, labels=labels)


def read_matrix(Y, name="Y", *, vector=False):
    """Read a matrix of numbers of any form, whatever the numbers.

    Parameters
    ----------
    Y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        The matrix, as for `read_indicators`.
    name : str, default="Y"
        The argument, for errors.
    vector : bool, default=False
        Whether a one-dimensional array is taken, as a single column.

    Returns
    -------
    {ndarray, csr_array} of shape (n_samples, n_labels)
        An array is not copied; a CSR array is canonical, and a copy.
    """
    Y = as_numbers(Y, name)
    if Y.ndim == 1 and (sparse.issparse(Y) or not vector):
        raise ValueError(
            f"{name} must be an indicator matrix of shape (n_samples, n_labels), but a 1D "
            f"array came: reshape your data. {hint_for(name)}"
        )
    if Y.ndim > 2:
        raise ValueError(
            f"{name} must be a matrix of shape (n_samples, n_labels); got {Y.ndim} dimensions, "
            f"of shape {Y.shape}: reshape your data."
        )
    if Y.ndim == 1:
        Y = Y.reshape(-1, 1)
    if Y.ndim == 2 and Y.shape[1] == 0:
        raise ValueError(
            f"{name} must have at least one column, a label; got 0 feature(s) "
            f"(shape={Y.shape}) while a minimum of 1 is required."
        )
    # Says what is wrong with a number, and with a matrix without rows.
    return check_array(
        Y, accept_sparse=True, dtype=None, ensure_all_finite=False, input_name=name
    )


def check_indicators(matrix, name="Y", *, missing=True, labels=None):
    """Return a matrix from `read_matrix` as `read_indicators` does, or say what is wrong."""
    # `labels` are the names of the columns, for errors.
    if not sparse.issparse(matrix):
        return _check_values(matrix, matrix, name, missing, labels)
    data = _check_values(matrix.data, matrix, name, missing, labels)
    return sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def is_indicator(matrix):
    """Return whether a matrix from `read_matrix` holds only 0, 1 and NaN."""
    values = matrix.data if sparse.issparse(matrix) else matrix
    return not any(_wrong(values[rows]).any() for rows in row_blocks(values))


def read_labels(y, name="y"):
    """Read a target of any form: a matrix of numbers, or one class per sample.

    Parameters
    ----------
    y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or (n_samples,)
        The target.
    name : str, default="y"
        The argument, for errors.

    Returns
    -------
    {ndarray, csr_array} of shape (n_samples, n_labels) or (n_samples,)
        As from `read_matrix`; a vector, or a single column, may also hold text.

    Warns
    -----
    UserWarning
        If text looks like several labels in one string, as "a,b".
    """
    y = read_foreign(y, name)
    if sparse.issparse(y):
        return read_matrix(y, name)
    column, is_frame = y, hasattr(y, "columns")
    if is_frame:
        columns = columns_of(y)
        if len(columns) != 1:
            return read_matrix(y, name)
        column = columns[0]
    elif isinstance(y, list | tuple):
        y = column = list_to_array(y, name)
    text = as_text(column, name)
    if text is None or (text.ndim > 1 and not is_frame and text.shape[1:] != (1,)):
        numbers = as_numbers(y, name)  # which refuses text
        return numbers if numbers.ndim == 1 else read_matrix(numbers, name)
    warn_of_joined_labels(text, name)
    return text.reshape(-1, 1) if is_frame else text


def split_entries(Y):
    """Split an indicator matrix into its positive and its unknown entries.

    Parameters
    ----------
    Y : {ndarray, csr_array} of shape (n_samples, n_labels)
        From `read_indicators`.

    Returns
    -------
    positive, unknown : csr_array of shape (n_samples, n_labels)
        Ones of int8, in sorted order; `unknown` is None where everything is known.
    """
    Y = sparse.csr_array(Y)
    hidden = np.isnan(Y.data) if Y.dtype.kind == "f" else np.zeros(Y.nnz, dtype=bool)
    if not hidden.any():
        return _ones_at(Y, ~hidden), None
    return _ones_at(Y, ~hidden), _ones_at(Y, hidden)


def count_labels(Y, weight):
    """Count the positive and the known entries of each label, with sample weights.

    Parameters
    ----------
    Y : {ndarray, CSR} of shape (n_samples, n_labels)
        Zeros and ones, NaN where unknown.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.

    Returns
    -------
    positives, known : ndarray of shape (n_labels,)
        The weight of the positive and of the known entries.
    """
    if sparse.issparse(Y):
        known = np.full(Y.shape[1], weight.sum())
        if Y.dtype.kind == "f":
            missing = Y.copy()
            missing.data = np.isnan(Y.data).astype(float)
            known = known - weight @ missing
            Y = Y.copy()
            Y.data = np.nan_to_num(Y.data)
        return weight @ Y, known
    known = np.full(Y.shape[1], weight.sum())
    positives = np.zeros(Y.shape[1])
    for rows in row_blocks(Y):
        block = Y[rows]
        if Y.dtype.kind == "f":
            known -= weight[rows] @ np.isnan(block)
            block = np.nan_to_num(block)
        positives += weight[rows] @ block
    return positives, known


def warn_of_unknown_labels(known, weight, label_names=None):
    """Warn of labels of which no sample says whether they hold.

    Parameters
    ----------
    known : ndarray of shape (n_labels,)
        From `count_labels`.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    label_names : sequence of str, default=None
        What the labels are called; None takes their numbers.
    """
    unknown = np.flatnonzero(known < 1e-9 * weight.sum())
    if unknown.size == 0:
        return
    names = [
        repr(str(label_names[j])) if label_names is not None else str(j) for j in unknown
    ]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    warnings.warn(
        "y says of no sample whether these labels hold, and nothing is learned of them: "
        f"{shown} ({len(names)} of {len(known)}).",
        stacklevel=2,
    )


def label_prior(positives, known, *, multiclass=False):
    """Return the logits at which a classifier starts, from how often labels hold.

    Parameters
    ----------
    positives, known : ndarray of shape (n_labels,)
        From `count_labels`.
    multiclass : bool, default=False
        Whether the labels are classes that exclude each other.

    Returns
    -------
    ndarray of shape (n_labels,)
        The log odds of each label, for classes the logarithm of their frequency, with one
        sample more with and one without the label: finite also where it never holds.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.indicators import label_prior
    >>> label_prior(np.array([0.0, 3.0]), np.array([6.0, 6.0])).round(3)
    array([-1.946,  0.   ])
    """
    frequency = (positives + 1) / (known + 2)
    return np.log(frequency) if multiclass else logit(frequency)


def read_weight(sample_weight, n_samples, name="sample_weight") -> Any:
    """Read sample weights of any form.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,), float or None
        How much each sample counts; None is one, and a number that of every sample.
    n_samples : int
        The number of samples.
    name : str, default="sample_weight"
        The argument, for errors.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        The weights, finite, not negative, and not all of them zero.
    """
    if sample_weight is None:
        return np.ones(n_samples)
    must = f"hold {n_samples} non-negative weights, one per sample and not all of them zero"
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, sample_weight)
    if sparse.issparse(sample_weight):
        raise ValueError(message(name, must, "a sparse matrix"))
    weight = as_numbers(sample_weight, name, must).astype(np.float64, copy=False)
    if weight.shape != (n_samples,):
        raise ValueError(message(name, must, f"shape {weight.shape}"))
    if not (np.isfinite(weight).all() and weight.min() >= 0 and weight.max() > 0):
        values = f"values from {weight.min()} to {weight.max()}"
        raise ValueError(message(name, must, values))
    return weight


# Within this file ---------------------------------------------------------------------------


def _wrong(values):
    """Return which values are neither 0 nor 1 nor NaN."""
    return ~((values == 0) | (values == 1) | (values != values))


def _check_values(values, matrix, name, missing, labels):
    """Return 0 and 1 as uint8; with NaN as floats, which are copied only if of an odd type."""
    ones, unknown = np.empty(values.shape, dtype=np.uint8), False
    for rows in row_blocks(values):  # so that no copy of a memory map is made
        block = values[rows]
        wrong = _wrong(block)
        if wrong.any():
            first, *column = np.argwhere(wrong)[0]
            place = _place(matrix, (rows.start + first, *column), labels)
            got = _wrong_value(name, block[wrong][0], place)
            raise ValueError(message(name, MATRIX, got))
        unknown = unknown or bool((block != block).any())
        ones[rows] = block == 1
    if not unknown:
        return values if values.dtype == np.uint8 else ones
    if not missing:
        raise ValueError(message(name, MATRIX, _missing_entry(name)))
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)


def _place(matrix, index, labels):
    """Say in which row and column an entry is, by the label's name if it has one."""
    row, column = index[0], index[-1]
    if sparse.issparse(matrix):
        row = np.searchsorted(matrix.indptr, index[0], side="right") - 1
        column = matrix.indices[index[0]]
    return f"row {row}, column {column if labels is None else repr(list(labels)[column])}"


def _missing_entry(name):
    """Say what a missing entry is, and for y, how a classifier takes it."""
    said = "NaN (or None or NA), a missing entry"
    if name != "y":
        return said
    return f"{said}: set allow_missing_labels=True where the classifier has that parameter"


def _wrong_value(name, value, place):
    """Say which value is wrong, and what to do with a probability or a sign."""
    said = f"the value {value} in {place}"
    if name in ("y", "y_pred") and 0 < value < 1:
        return f"{said}: make labels of probabilities first, ({name} >= 0.5).astype(int)"
    if name == "known" and value == -1:
        return (
            f"{said}: only a sparse matrix has -1 for a label known not to hold, others 0"
        )
    return said


def _ones_at(Y, mask):
    """Return a matrix of ones at some of the stored entries of a canonical one."""
    ones = sparse.csr_array((mask.astype(np.int8), Y.indices, Y.indptr), Y.shape, copy=True)
    ones.eliminate_zeros()
    return ones
