"""Reading y, predictions and scores: one form for every metric, unknown entries apart."""

import numbers
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack, issparse
from sklearn.utils import check_array, gen_batches

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
    y_true = _as_csr(y_true, "y_true")
    positive, unknown = _split_entries(y_true, "y_true")
    weight = _read_weight(sample_weight, y_true.shape[0])
    keep = weight > 0
    if unknown is not None:
        keep &= unknown.sum(axis=1, dtype=np.int64) < y_true.shape[1]
        if not keep.any():
            raise ValueError(
                "y_true must have a known entry in a row of positive weight; got NaN "
                "only, so there is nothing to score."
            )
    if keep.all():
        return Targets(positive, unknown, weight, None, y_true.shape)
    kept = np.flatnonzero(keep)
    unknown = None if unknown is None else unknown[kept]
    return Targets(positive[kept], unknown, weight[kept], kept, y_true.shape)


def read_predictions(targets, y_pred):
    """Read 0/1 predictions into CSR, with 0 where the true entry is unknown."""
    y_pred = _as_csr(y_pred, "y_pred")
    _check_same_shape(targets, y_pred, "y_pred")
    y_pred, unknown = _split_entries(y_pred, "y_pred")
    if unknown is not None:
        raise ValueError("y_pred must hold only 0 and 1; got NaN.")
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
    y_score = check_array(y_score, ensure_2d=False, input_name=name)
    if y_score.dtype.kind != "f":
        y_score = y_score.astype(np.float64)
    return y_score.reshape(-1, 1) if y_score.ndim == 1 else y_score


def read_targets_and_scores(y_true, y_score, sample_weight=None, name="y_score"):
    """Read y_true and scores, and check that they belong together."""
    y_score = read_scores(y_score, name)
    targets = read_targets(y_true, sample_weight)
    _check_same_shape(targets, y_score, name)
    if targets.kept is not None:
        y_score = y_score[targets.kept]
    return targets, y_score


def score_blocks(y_score, unknown=None):
    """Yield (rows, scores) block by block, the unknown entries below all others."""
    n_samples, n_labels = y_score.shape
    for rows in gen_batches(n_samples, max(1, BLOCK_ENTRIES // n_labels)):
        scores = y_score[rows]
        if unknown is not None:
            lowest = _below(scores.min(axis=1, keepdims=True))  # (n, 1)
            scores = np.where(unknown[rows].toarray() != 0, lowest, scores)
        yield rows, scores


def ranked_blocks(targets, y_score):
    """Yield (rows, positives, scores) block by block, in the form scikit-learn wants."""
    for rows, scores in score_blocks(y_score, targets.unknown):
        positive = targets.positive[rows].toarray() != 0  # (n, L)
        if scores.shape[1] == 1:
            # One label is no indicator matrix to scikit-learn: add an unknown one.
            positive = np.hstack([positive, np.zeros_like(positive)])
            scores = np.hstack([scores, _below(scores)])
        yield rows, positive, scores


def _below(scores):
    """Lower scores, but finite ones, since scikit-learn's metrics take no others."""
    return scores - (1 + np.abs(scores))


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


def _as_csr(y, name):
    """Read an indicator matrix into a CSR array of its own, (N, L)."""
    y = check_array(
        y,
        accept_sparse="csr",
        ensure_2d=False,
        ensure_all_finite="allow-nan",
        input_name=name,
    )
    if y.ndim == 1:
        y = y.reshape(-1, 1)
    # Copied, since the steps that follow work in place.
    y = csr_array(y, copy=issparse(y))
    y.sum_duplicates()
    return y


def _split_entries(y, name):
    """Split an indicator matrix into its ones and its unknown entries (None if none)."""
    unknown = np.isnan(y.data) if y.dtype.kind == "f" else np.zeros(y.nnz, dtype=bool)
    positive = y.data == 1
    wrong = y.data[~(positive | unknown | (y.data == 0))]
    if wrong.size:
        raise ValueError(
            f"{name} must be an indicator matrix of 0 and 1; got the value {wrong[0]}."
        )
    return _where(y, positive), _where(y, unknown) if unknown.any() else None


def _where(y, mask):
    """Matrix of ones at the stored entries of y that the mask holds."""
    ones = csr_array((mask.astype(np.int8), y.indices, y.indptr), y.shape, copy=True)
    ones.eliminate_zeros()
    return ones


def _read_weight(sample_weight, n_samples):
    """Read sample weights into a float64 array (N,), ones where None."""
    if sample_weight is None:
        return np.ones(n_samples)
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must be of shape ({n_samples},), one weight per row of y_true; "
            f"got {weight.shape}."
        )
    if not np.isfinite(weight).all() or weight.min() < 0 or weight.max() == 0:
        raise ValueError(
            "sample_weight must be finite and non-negative with a positive sum."
        )
    return weight


def _check_same_shape(targets, other, name):
    """Raise an error if predictions are not of the shape of y_true."""
    if targets.shape != other.shape:
        raise ValueError(
            f"{name} must be of shape {targets.shape}, as y_true; got {other.shape}."
        )
