"""Labels that are related and share prototypes, for KISAR and MIMLWEL."""

import numpy as np
from scipy import sparse

from ..graphs.choose import choose_label_graph
from ..graphs.counts import LabelCounts
from ..memory import check_memory

__all__ = ["relate_labels", "shared_penalty", "shared_scales", "varies"]


def varies(Y):
    """Return which labels hold for some samples and not for others."""
    return Y.any(axis=0) & ~Y.all(axis=0)


def relate_labels(label_graph, Y, sample_weight, label_names=None):
    """Return which labels are related.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix or builder
        "above_mean", or anything that the other classifiers take.
    Y : ndarray of shape (n_samples, n_labels)
        Zeros and ones.
    sample_weight : ndarray of shape (n_samples,)
        How much each sample counts.
    label_names : sequence of str, default=None
        What the labels are called.

    Returns
    -------
    builder : BaseLabelGraph or None
        The fitted builder, if there is one.
    related : ndarray of bool of shape (n_labels, n_labels)
        Symmetric; false on the diagonal and for labels that never or always hold.
    """
    n_labels = Y.shape[1]
    # Which labels are related, the same of the transposed matrix, and of either.
    check_memory(3 * n_labels**2, f"label_graph among {n_labels} labels", "fewer labels")
    if isinstance(label_graph, str) and label_graph == "above_mean":
        counts = LabelCounts.from_indicators(Y.astype(float), sample_weight)
        together = counts.cooccurrence()
        mean = together.sum() / max(n_labels * (n_labels - 1), 1)
        # The tolerance is for the rounding of sums of weights.
        builder, related = None, together > (1 + 1e-9) * mean
    else:
        builder, adjacency = choose_label_graph(
            label_graph,
            Y,
            label_names=label_names,
            sample_weight=sample_weight,
            concepts=False,
        )
        related = adjacency != 0
    related = related.toarray() if sparse.issparse(related) else related
    useful = varies(Y)
    related = related | related.T
    related[~useful] = False
    related[:, ~useful] = False
    return builder, related


def shared_penalty(coef, related):
    r"""Return the penalty that makes related labels use few features, and the same ones.

    It is half the sum over the pairs of related labels of the squared sum, over the features,
    of the lengths of their two coefficients, divided by the number of features; and half the
    squared length of the coefficients of each label without related ones.

    Parameters
    ----------
    coef : ndarray of shape (n_features, n_labels)
        The coefficients.
    related : ndarray of bool of shape (n_labels, n_labels)
        Which labels are related, from `relate_labels`.

    Returns
    -------
    float
        The penalty.
    """
    alone = coef[:, ~related.any(axis=1)]
    # In the sum over labels, each pair comes twice.
    squared_sums = sum(
        (_pair_lengths(coef, related, j).sum(axis=0) ** 2).sum() / 2
        for j in range(len(related))
    )
    return (squared_sums / len(coef) + (alone * alone).sum()) / 2


def shared_scales(coef, related):
    r"""Return the scales of the features with which the penalty is a sum of squares.

    ``(coef / scales) ** 2`` sums, over features and labels, to twice `shared_penalty`, and for
    any other coefficients it does not sum to less than twice theirs.

    Parameters
    ----------
    coef : ndarray of shape (n_features, n_labels)
        The coefficients; scales that belong to zeros are those of equal coefficients where
        all of a pair of labels are zero, and zero elsewhere.
    related : ndarray of bool of shape (n_labels, n_labels)
        Which labels are related, from `relate_labels`.

    Returns
    -------
    ndarray of shape (n_features, n_labels)
        The scales.
    """
    scales = np.ones(coef.shape)
    for j in np.flatnonzero(related.any(axis=1)):
        lengths = _pair_lengths(coef, related, j)
        lengths[:, ~lengths.any(axis=0)] = 1.0
        shares = lengths / lengths.sum(axis=0)
        with np.errstate(divide="ignore"):  # 1 / 0 is infinite, and the scale zero
            scales[:, j] = 1 / np.sqrt((1 / (len(coef) * shares)).sum(axis=1))
    return scales


def _pair_lengths(coef, related, j):
    """Return the lengths (n_features, n_related) of a label's pairs of coefficients."""
    return np.hypot(coef[:, [j]], coef[:, related[j]])
