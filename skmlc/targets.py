"""What y may be: an indicator matrix with or without unknown entries, or one class each."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ._foreign import read_foreign
from .indicators import check_indicators, count_labels, is_indicator, read_labels
from .label_names import column_names

__all__ = [
    "Target",
    "count_labels",
    "encode_target",
    "positive_weight",
    "set_target",
    "validate_target",
    "with_names_of",
]


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
    y : {ndarray, CSR array} of shape (n_samples, n_labels) or (n_samples,)
        Not encoded yet: numbers of any dtype, or classes.
    label_names : list of str or None
        The columns of a DataFrame.

    Raises
    ------
    ValueError
        If y is missing, ragged, or holds anything but numbers in a matrix.
    """
    y = read_foreign(y, "y")
    if y is None:
        raise ValueError(
            f"{estimator_name} requires y to be passed, but the target y is None."
        )
    if isinstance(y, str | Mapping | Real) and not sparse.issparse(y):  # DOK is a dict
        raise TypeError(
            "y must hold labels, one row per sample: a matrix of zeros and ones, or one class "
            f"each; got {type(y).__name__}."
        )
    label_names = column_names(y)
    _refuse_twins(label_names)
    y = read_labels(y)
    if y.ndim == 1:  # where no class may be missing
        options: dict[str, Any] = {"ensure_2d": False, "dtype": None, "input_name": "y"}
        y = check_array(y, **options, estimator=estimator_name)
    return y, label_names


def _refuse_twins(label_names):
    """Raise an error if two columns of y have one name."""
    if label_names is None or len(set(label_names)) == len(label_names):
        return
    twin = next(name for name in label_names if label_names.count(name) > 1)
    raise ValueError(
        f"y must have columns of different names; got {twin!r} more than once: rename them, or "
        "leave out those that say the same."
    )


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

    Notes
    -----
    What is a matrix of labels, and what are classes:

    - A sparse matrix, and anything with two or more columns, is a matrix of labels.
    - A single column of 0 and 1 (and NaN, if allowed) is one label, "multilabel", from an
      array, a list and a DataFrame alike, and predictions are of shape (n_samples, 1).
    - A single column of anything else, or one that comes with `classes`, is what
      scikit-learn takes it for: classes, with a `DataConversionWarning`.  Its
      `check_estimator` asks for that.
    - A one-dimensional y holds classes: "binary" if there are two, else "multiclass".
    """
    if y.ndim == 2 and not _holds_classes(y, classes):
        Y = check_indicators(y, "y", missing=allow_missing, labels=label_names)
        is_sparse = sparse.issparse(Y)
        return Target(Y, "multilabel", np.arange(y.shape[1]), label_names, is_sparse)
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}; y must be a matrix of zeros and ones, one column per "
            "label, or one class per sample."
        )
    return _one_dimensional(y, classes, sample_weight)


def set_target(estimator, target):
    """Set what an estimator keeps of its target, and drop what it kept of another.

    Parameters
    ----------
    estimator : estimator
        Gets `classes_`, `_target_kind`, `_sparse_output` and, where the labels have names,
        `label_names_`; loses the `net_` and the `threshold_` of an earlier fit, and
        what tells of labels added to it.
    target : Target
        From `encode_target`.
    """
    for name in ("label_names_", "net_", "threshold_", "_has_added_labels"):
        vars(estimator).pop(name, None)
    estimator.classes_ = target.classes
    estimator._target_kind = target.kind
    estimator._sparse_output = target.is_sparse
    if target.label_names is not None:
        estimator.label_names_ = np.array(target.label_names, dtype=object)


def with_names_of(y, values):
    """Return what was read from y for other estimators, with the names of its columns.

    Parameters
    ----------
    y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        As the user gave it.
    values : {ndarray, CSR array} of shape (n_samples, n_labels)
        The same, in numbers.

    Returns
    -------
    {ndarray, CSR array, DataFrame} of shape (n_samples, n_labels)
        `values`, in plain columns of a DataFrame of the same kind where y is one; y itself
        where it is a DataFrame that was read as a CSR array.
    """
    y = read_foreign(y, "y")
    if not hasattr(y, "columns"):
        return values
    if sparse.issparse(values):
        return y
    if hasattr(y, "iloc"):
        return type(y)(values, index=y.index, columns=y.columns)
    return type(y)(values, schema=list(y.columns))


def _holds_classes(y, classes):
    """Return whether a matrix is a single column of classes, and not a label."""
    if sparse.issparse(y) or y.shape[1] != 1:
        return False
    return classes is not None or y.dtype.kind not in "biuf" or not is_indicator(y)


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
