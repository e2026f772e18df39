"""How many labels, or samples, score at least as high as each positive one."""

import numpy as np
from sklearn.utils import gen_batches

from ._targets import BLOCK_ENTRIES, hide_unknown, score_blocks

# Comparing a positive label with all others of its sample costs more than sorting the sample
# where it has more positive labels than this.
FEW_POSITIVES = 16


def ranks_of_positives(targets, y_score, *, above=False):
    """Return the rank of each positive label among the known labels of its sample.

    Parameters
    ----------
    targets : Targets
        The true labels.
    y_score : ndarray of shape (n_samples, n_labels)
        Scores.
    above : bool, default=False
        Whether to count the labels of higher score only, and not those of equal score too.

    Returns
    -------
    ndarray of int
        How many labels score at least as high, itself included, for each entry of
        ``targets.positive`` in its order; with `above`, how many score higher.
    """
    n_samples, n_labels = y_score.shape
    if targets.positive.nnz > FEW_POSITIVES * n_samples:
        return _ranks_by_sorting(targets, y_score, above)
    rows, labels = entries_of(targets.positive)
    ranks = np.empty(len(rows), dtype=np.int64)
    size = max(1, BLOCK_ENTRIES // n_labels)
    for part in (slice(start, start + size) for start in range(0, len(rows), size)):
        scores = hide_unknown(y_score[rows[part]], targets.unknown, rows[part])
        own = y_score[rows[part], labels[part], np.newaxis]  # (n, 1)
        ranks[part] = np.count_nonzero(scores > own if above else scores >= own, axis=1)
    return ranks


def _ranks_by_sorting(targets, y_score, above):
    """Return what `ranks_of_positives` does, sample by sample."""
    n_samples, n_labels = y_score.shape
    starts, labels = targets.positive.indptr, targets.positive.indices
    side, ranks = "right" if above else "left", np.empty(len(labels), dtype=np.int64)
    for rows in gen_batches(n_samples, max(1, BLOCK_ENTRIES // n_labels)):
        ordered = np.sort(hide_unknown(y_score[rows], targets.unknown, rows), axis=1)
        for row, scores in enumerate(ordered, start=rows.start):
            here = slice(starts[row], starts[row + 1])
            own = y_score[row, labels[here]]
            ranks[here] = n_labels - np.searchsorted(scores, own, side=side)
    return ranks


def ranks_among_positives(targets, y_score):
    """Return how many positive labels of its sample score at least as high as each.

    Parameters
    ----------
    targets : Targets
        The true labels.
    y_score : ndarray of shape (n_samples, n_labels)
        Scores.

    Returns
    -------
    ndarray of int
        A number for each entry of ``targets.positive``, in its order; at least 1.
    """
    rows, labels = entries_of(targets.positive)
    scores = y_score[rows, labels]
    order = np.lexsort((-scores, rows))
    rows, scores = rows[order], scores[order]
    # The last of several equal scores tells how many there are up to them all.
    is_last = np.ones(len(rows), dtype=bool)
    is_last[:-1] = (scores[1:] != scores[:-1]) | (rows[1:] != rows[:-1])
    last = np.flatnonzero(is_last)
    last = last[np.searchsorted(last, np.arange(len(rows)))]
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[order] = last + 1 - targets.positive.indptr[rows]
    return ranks


def entries_of(matrix):
    """Return row and column of each stored entry of a CSR matrix, in its order."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return rows, matrix.indices


def sum_over_rows(matrix, values):
    """Sum values of the stored entries of a CSR matrix over those of each row, (N,)."""
    rows, _ = entries_of(matrix)
    # Of no entries at all the sums would be whole numbers.
    return np.bincount(rows, values, minlength=matrix.shape[0]).astype(np.float64)


def weight_from(levels, scores, weight=None):
    """Return the weight of the scores that reach each of some levels.

    Parameters
    ----------
    levels : ndarray
        Numbers.
    scores : ndarray
        Numbers.
    weight : ndarray, default=None
        Weight of each score; None for 1.

    Returns
    -------
    at_least, above : ndarray
        For each level, the weight of the scores that are at least it, and above it.
    """
    if weight is None:
        ordered = np.sort(scores)
        return tuple(
            len(scores) - np.searchsorted(ordered, levels, side=side)
            for side in ("left", "right")
        )
    # From the highest score downwards, so that small sums do not come out of large ones.
    order = np.argsort(-scores)
    sums = np.concatenate([[0.0], np.cumsum(weight[order])])
    ordered = -scores[order]
    return tuple(
        sums[np.searchsorted(ordered, -levels, side=side)] for side in ("right", "left")
    )


def known_weight_from(levels, targets, y_score):
    """Return the weight of the known entries of all labels that reach each of some levels.

    Block by block, so that the scores need not be sorted as a whole.

    Parameters
    ----------
    levels : ndarray
        Numbers.
    targets : Targets
        The true labels.
    y_score : ndarray of shape (n_samples, n_labels)
        Scores.

    Returns
    -------
    at_least, above : ndarray
        For each level, the weight of the entries that are at least it, and above it.
    """
    at_least, above = np.zeros(len(levels)), np.zeros(len(levels))
    for rows, scores in score_blocks(y_score, targets.unknown):
        weight = np.broadcast_to(targets.sample_weight[rows, np.newaxis], scores.shape)
        if (weight == weight[0, 0]).all():
            sums = (weight[0, 0] * n for n in weight_from(levels, scores.ravel()))
        else:
            sums = weight_from(levels, scores.ravel(), weight.ravel())
        for total, of_block in zip((at_least, above), sums, strict=True):
            total += of_block
    return at_least, above
