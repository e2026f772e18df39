"""Reading y, predictions and scores: one form for every metric, unknown entries apart."""

import numbers
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack, issparse
from sklearn.utils import check_array, gen_batches

from ..indicators import read_indicators, read_weight, split_entries
from ..label_names import column_names, column_order

# Scores are worked through in blocks of about this many entries, so that a large dense
# score matrix is never copied whole and a sparse y is never made dense whole.
BLOCK_ENTRIES = 2**20


class Targets(NamedTuple):
    """True labels of the rows that count: positives, unknown entries, weights."""

    positive: csr_array  # (N, L) int8, the entries known to be 1
    unknown: csr_array | None  # (N, L) int8, 1 where y_true was NaN
    sample_weight: np.ndarray  # (N,) float64, all positive
    kept: np.ndarray | None  # the rows of y_true that count, None where all do
    shape: tuple  # of y_true as given, with its rows that do not count
    label_names: list | None  # the columns of y_true, if it is a DataFrame

    @property
    def n_known(self):
        """Number of known labels of each row, (N,)."""
        n_samples, n_labels = self.positive.shape
        if self.unknown is None:
            return np.full(n_samples, n_labels)
        return n_labels - self.unknown.sum(axis=1, dtype=np.int64)

    def known_labels(self):
        """Indices of the labels that are known for some row."""
        n_samples, n_labels = self.positive.shape
        if self.unknown is None:
            return np.arange(n_labels)
        return np.flatnonzero(self.unknown.sum(axis=0, dtype=np.int64) < n_samples)


def read_targets(y_true, sample_weight=None):
    """Read y_true into Targets, without rows that have no known entry or no weight."""
    label_names = column_names(y_true)
    positive, unknown = split_entries(read_indicators(y_true, "y_true", vector=True))
    shape = positive.shape
    weight = read_weight(sample_weight, shape[0])
    keep = weight > 0
    if unknown is not None:
        keep &= unknown.sum(axis=1, dtype=np.int64) < shape[1]
        if not keep.any():
            raise ValueError(
                "y_true must have a known entry in a row of positive weight; got NaN "
                "only, so there is nothing to score."
            )
    if keep.all():
        return Targets(positive, unknown, weight, None, shape, label_names)
    kept = np.flatnonzero(keep)
    unknown = None if unknown is None else unknown[kept]
    return Targets(positive[kept], unknown, weight[kept], kept, shape, label_names)


def read_predictions(targets, y_pred):
    """Read 0/1 predictions into CSR, with 0 where the true entry is unknown."""
    names = column_names(y_pred)
    y_pred, _ = split_entries(read_indicators(y_pred, "y_pred", missing=False, vector=True))
    y_pred = _in_order_of_y_true(targets, y_pred, names, "y_pred")
    if targets.kept is not None:
        y_pred = y_pred[targets.kept]
    return leave_out_unknown(targets, y_pred)


def leave_out_unknown(targets, y_pred):
    """Set the predictions of unknown entries to 0, as their true labels are."""
    if targets.unknown is None:
        return y_pred
    y_pred = y_pred - y_pred.multiply(targets.unknown)
    # scikit-learn counts the stored entries.
    y_pred.eliminate_zeros()
    return y_pred


def read_scores(y_score, name="y_score"):
    """Read scores into a finite dense floating-point array (N, L)."""
    if issparse(y_score):
        raise TypeError(f"{name} must be a dense array; got a sparse matrix.")
    if isinstance(y_score, list) and np.ndim(y_score[:1]) == 3:
        raise ValueError(
            f"{name} must be one array of shape (n_samples, n_labels); got a list of arrays, "
            "as forests give: write np.column_stack([p[:, 1] for p in y_proba])."
        )
    if np.ndim(y_score) == 0:
        raise TypeError(
            f"{name} must be an array of shape (n_samples, n_labels); got "
            f"{type(y_score).__name__}."
        )
    y_score = check_array(y_score, ensure_2d=False, input_name=name)
    if y_score.dtype.kind != "f":
        y_score = y_score.astype(np.float64)
    return y_score.reshape(-1, 1) if y_score.ndim == 1 else y_score


def read_targets_and_scores(y_true, y_score, sample_weight=None, name="y_score"):
    """Read y_true and scores, and check that they belong together."""
    names = column_names(y_score)
    y_score = read_scores(y_score, name)
    targets = read_targets(y_true, sample_weight)
    y_score = _in_order_of_y_true(targets, y_score, names, name)
    if targets.kept is not None:
        y_score = y_score[targets.kept]
    return targets, y_score


def score_blocks(y_score, unknown=None):
    """Yield (rows, scores) block by block, the unknown entries below all others."""
    n_samples, n_labels = y_score.shape
    for rows in gen_batches(n_samples, max(1, BLOCK_ENTRIES // n_labels)):
        yield rows, hide_unknown(y_score[rows], unknown, rows)


def hide_unknown(scores, unknown, rows):
    """Return the scores of some rows, of which the unknown ones are below all others."""
    if unknown is None:
        return scores
    return np.where(unknown[rows].toarray() != 0, -np.inf, scores)


def present_labels(targets, y_score):
    """Yield (label, positives, scores, weights) of known samples, for labels that occur."""
    positive, weight = targets.positive.tocsc(), targets.sample_weight
    unknown = None if targets.unknown is None else targets.unknown.tocsc()
    if (weight == weight[0]).all():
        weight = None  # stands for equal ones
    n_samples, n_labels = y_score.shape
    for labels in gen_batches(n_labels, max(1, BLOCK_ENTRIES // n_samples)):
        columns = np.ascontiguousarray(y_score[:, labels].T)  # (n, N)
        for label, scores in enumerate(columns, start=labels.start):
            is_positive = np.zeros(n_samples, dtype=bool)
            is_positive[_column(positive, label)] = True
            if not is_positive.any():
                continue
            if unknown is None or unknown.indptr[label] == unknown.indptr[label + 1]:
                yield label, is_positive, scores, weight
                continue
            known = np.ones(n_samples, dtype=bool)
            known[_column(unknown, label)] = False
            of_known = None if weight is None else weight[known]
            yield label, is_positive[known], scores[known], of_known


def check_zero_division(zero_division):
    """Raise an error unless zero_division is 0, 1 or NaN."""
    is_nan = zero_division != zero_division
    if not (is_nan or zero_division in (0, 1)):
        raise ValueError(
            f"zero_division must be 0.0, 1.0 or np.nan; got {zero_division!r}."
        )


def check_k(k):
    """Raise an error unless k is a positive whole number."""
    if not isinstance(k, numbers.Integral) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1; got {k!r}.")


def add_empty_label(positive):
    """Append a label without positives, so that one label still is an indicator matrix."""
    return csr_array(hstack([positive, csr_array((positive.shape[0], 1), dtype=np.int8)]))


def _column(matrix, label):
    """Rows of a CSC matrix's stored entries in one column."""
    return matrix.indices[matrix.indptr[label] : matrix.indptr[label + 1]]


def _in_order_of_y_true(targets, other, names, name):
    """Return predictions or scores with their columns in the order of those of y_true."""
    order = column_order(targets.label_names, names, name=name, reference="y_true")
    if targets.shape != other.shape:
        raise ValueError(
            f"{name} must be of shape {targets.shape}, as y_true; got {other.shape}."
        )
    return other if order is None else other[:, order]
