"""Labels to stratify by, in any form, as a CSR matrix."""

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import type_of_target

from ..indicators import check_indicators, is_indicator, read_labels, split_entries


def _one_hot(y, name):
    """One column per class of a 1-D target, so that every class is distributed evenly."""
    kind = type_of_target(y, input_name=name)
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"{name} must hold classes or be an indicator matrix of shape "
            f"(n_samples, n_labels); got {kind!r} targets, which cannot be stratified."
        )
    classes, column = np.unique(y, return_inverse=True)
    shape = (len(column), len(classes))
    ones = np.ones(len(column), dtype=bool)
    return sparse.csr_array((ones, (np.arange(len(column)), column)), shape=shape)


def label_rows(y, name="y"):
    """A target of any form as a CSR matrix of ones where labels are present."""
    if y is None:
        raise ValueError(
            f"{name} must be the indicator matrix to stratify by; got None, pass the "
            "labels."
        )
    y = read_labels(y, name)
    if y.ndim == 1:
        return _one_hot(y, name)
    is_column = y.shape[1] == 1 and not sparse.issparse(y)
    if is_column and not (y.dtype.kind in "biuf" and is_indicator(y)):
        return _one_hot(y.ravel(), name)
    # An unknown entry counts as not present.
    return split_entries(check_indicators(y, name))[0]
