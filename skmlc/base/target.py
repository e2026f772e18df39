"""What y may be: an indicator matrix with or without unknown entries, or one class each."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

__all__ = ["Target", "count_labels", "encode_target", "positive_weight", "validate_target"]


@dataclass(frozen=True)
class Target:
    """A target as the estimators train on it.

    Attributes
    ----------
    Y : {ndarray, CSR} of shape (n_samples, n_labels)
        uint8; floating point with NaN where unknown, if missing labels are allowed.
    kind : {"multilabel", "binary", "multiclass"}
        What the user's y was.
    classes : ndarray
        ``arange(n_labels)`` for a label matrix, else the classes in order.
    label_names : list of str or None
        The columns of a DataFrame.
    is_sparse : bool
        Whether the user's y was a sparse matrix.
    """

    Y: object
    kind: str
    classes: np.ndarray
    label_names: list | None = None
    is_sparse: bool = False


def validate_target(y, *, allow_missing, estimator_name):
    """Return y as an ndarray or CSR matrix; its column names, if it is a DataFrame.

    Parameters
    ----------
    y : {array-like, sparse matrix, DataFrame}
        As the user gave it.
    allow_missing : bool
        Whether NaN stands for an unknown label.
    estimator_name : str
        For errors.

    Returns
    -------
    y : {ndarray, CSR matrix}
        Not encoded yet.
    label_names : list of str or None
        The columns of a DataFrame.

    Raises
    ------
    ValueError
        If y is missing, ragged, or holds anything but numbers in a matrix.
    """
    if y is None:
        raise ValueError(
            f"{estimator_name} requires y to be passed, but the target y is None."
        )
    _refuse_ragged(y)
    columns = getattr(y, "columns", None)
    y = check_array(
        y,
        accept_sparse="csr",
        ensure_2d=False,
        dtype=None,
        ensure_all_finite="allow-nan" if allow_missing else True,
        input_name="y",
        estimator=estimator_name,
    )
    return y, None if columns is None else [str(name) for name in columns]


def encode_target(y, label_names, *, allow_missing, classes=None, sample_weight=None):
    """Return a validated y as a `Target`.

    Parameters
    ----------
    y : {ndarray, CSR matrix}
        From `validate_target`.
    label_names : list of str or None
        Likewise.
    allow_missing : bool
        Whether NaN stands for an unknown label.
    classes : array-like, default=None
        The classes of a one-dimensional y, where they are known beforehand.
    sample_weight : ndarray of shape (n_samples,), default=None
        Classes are counted over samples with a weight above zero.

    Returns
    -------
    Target
        Ready for training.

    Raises
    ------
    ValueError
        If a matrix holds anything but 0 and 1, or a one-dimensional y a single class.
    """
    if allow_missing and y.ndim == 2 and y.dtype.kind == "f":
        return _indicator(y, label_names, allow_missing=True)
    if sparse.issparse(y):
        return _indicator(y, label_names, allow_missing=False)
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        return _indicator(y, label_names, allow_missing=False)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}; y must be a matrix of zeros and ones, one column per "
            "label, or one class per sample."
        )
    return _one_dimensional(column_or_1d(y, warn=True), classes, sample_weight)


def _indicator(y, label_names, allow_missing):
    """Return the target of a label matrix."""
    values = np.unique(y.data if sparse.issparse(y) else y)
    values = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if not np.isin(values, (0, 1)).all():
        raise ValueError(
            "y must be a matrix of zeros and ones, one column per label; got the values "
            f"{values[:5].tolist()}. For lists of label names use "
            "sklearn.preprocessing.MultiLabelBinarizer."
        )
    # A floating point Y says that entries may be NaN; anything else is stored small.
    Y = y if allow_missing else y.astype(np.uint8)
    if sparse.issparse(Y):
        Y = sparse.csr_array(Y)
    return Target(Y, "multilabel", np.arange(y.shape[1]), label_names, sparse.issparse(y))


def _one_dimensional(y, classes, sample_weight):
    """Return the target of one class per sample: one label, or one per class."""
    found = np.unique(y if sample_weight is None else y[sample_weight > 0])
    classes = found if classes is None else np.unique(classes)
    unseen = np.setdiff1d(found, classes)
    if len(unseen):
        raise ValueError(f"y holds classes that were not announced: {unseen.tolist()}.")
    if len(classes) < 2:
        raise ValueError(
            "y must hold samples of at least 2 classes with a weight above zero; got only "
            f"one class: {classes.tolist()}."
        )
    codes = np.searchsorted(classes, y)
    codes = np.minimum(codes, len(classes) - 1)  # classes of samples with weight zero
    if len(classes) == 2:
        return Target(codes[:, None].astype(np.uint8), "binary", classes)
    ones = np.ones(len(y), np.uint8)
    shape = (len(y), len(classes))
    Y = sparse.csr_array((ones, codes, np.arange(len(y) + 1)), shape=shape)
    return Target(Y, "multiclass", classes)


def _refuse_ragged(y):
    """Raise an error with a hint if y is a list of label lists."""
    if not isinstance(y, list | tuple) or not len(y):
        return
    rows = [row for row in y if isinstance(row, list | tuple | set | frozenset)]
    ragged = len({len(row) for row in rows}) > 1
    names = any(isinstance(value, str) for row in rows for value in row)
    if ragged or names or any(isinstance(row, set | frozenset) for row in rows):
        raise ValueError(
            "y must be a matrix of zeros and ones, one column per label; got lists of labels. "
            "Turn them into a matrix with sklearn.preprocessing.MultiLabelBinarizer."
        )


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
    known = ~np.isnan(Y) if Y.dtype.kind == "f" else np.ones(Y.shape, bool)
    return weight @ np.nan_to_num(Y), weight @ known


def positive_weight(label_weight, positives, known):
    """Return how much the positive entries of each label count.

    Parameters
    ----------
    label_weight : "balanced" or array-like of shape (n_labels,)
        "balanced" is the number of negative entries per positive one, and one for a label
        without positives.
    positives, known : ndarray of shape (n_labels,)
        From `count_labels`.

    Returns
    -------
    ndarray of shape (n_labels,)
        The weights.

    Raises
    ------
    ValueError
        If the shape is another, or a weight is negative or not finite.
    """
    if isinstance(label_weight, str):
        label_weight = np.where(
            positives > 0, (known - positives) / np.maximum(positives, 1), 1
        )
    label_weight = np.asarray(label_weight, dtype=float)
    if label_weight.shape != positives.shape:
        raise ValueError(
            f"label_weight must be 'balanced' or of shape {positives.shape}, one weight per "
            f"label; got shape {label_weight.shape}."
        )
    if not (np.isfinite(label_weight).all() and (label_weight >= 0).all()):
        raise ValueError("label_weight must hold finite numbers that are not negative.")
    return label_weight
