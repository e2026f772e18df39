"""Labels of which a part is known: how that is read, and how training hides and shows them.

What is known about the labels of a sample is a row of 1 (known to hold), -1 (known not to
hold) and 0 (unknown): so a sparse matrix that stores what is known distinguishes all three.
"""

from typing import Any

import numpy as np
from scipy import sparse

from .indicators import read_indicators
from .label_names import column_names, column_order

__all__ = [
    "as_known",
    "draw_shown",
    "is_off",
    "known_rows",
    "read_known",
    "set_known",
    "weight_of_hidden",
]

# With `label_masking=True` this share of the training samples show nothing, and each of the
# others a share that is drawn uniformly.  Positive and negative labels are shown alike: what
# is hidden must not tell what it is.
SHOWS_NOTHING = 1 / 3
# The loss of a sample is the mean over its hidden labels, but as if at least half of its
# labels were hidden, less these.  Of few labels that is the mean.  Of many, which are rare, the
# few that a sample hides would pull too hard: on Bibtex (159 labels, 1,350 rows, 450 others)
# macro AP with nothing known was .319, and .335 so (.338 without masking).
FREE_LABELS = 16


def read_known(known, n_samples, n_labels, label_names=None):
    """Read the known labels of some samples.

    Parameters
    ----------
    known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels)
        Dense: 1 where a label is known to hold, 0 where it is known not to, NaN where it is
        unknown; the columns of a DataFrame are matched by name.  Sparse: 1 where a label is
        known to hold, -1 where it is known not to; what is not stored is unknown.
    n_samples, n_labels : int
        The shape that it must have.
    label_names : list of str, default=None
        The labels, in order.

    Returns
    -------
    {ndarray, csr_array} of shape (n_samples, n_labels), int8
        1 where a label is known to hold, -1 where it is known not to, 0 where it is unknown.

    Raises
    ------
    ValueError
        If it holds anything else, or is of another shape; if a sparse matrix stores a zero,
        which may have been meant for either.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.label_masking import read_known
    >>> read_known([[1, 0, np.nan]], 1, 3)
    array([[ 1, -1,  0]], dtype=int8)
    """
    order = column_order(label_names, column_names(known), name="known", reference="fit")
    read = _read_sparse(known) if sparse.issparse(known) else _read_dense(known)
    if read.shape != (n_samples, n_labels):
        raise ValueError(
            f"known must be of shape ({n_samples}, {n_labels}), a row per sample of X and a "
            f"column per label of fit; got {read.shape}."
        )
    return read if order is None else read[:, order]


def _read_dense(known):
    known = read_indicators(known, "known")
    if sparse.issparse(
        known
    ):  # a DataFrame of sparse columns holds zeros, and not unknowns
        known = known.toarray()
    return as_known(known)


def _read_sparse(known):
    known = sparse.csr_array(known, copy=True)
    if not known.nnz:
        return known.astype(np.int8)
    if not np.isin(known.data, (-1, 1)).all():
        wrong = known.data[~np.isin(known.data, (-1, 1))][0]
        raise ValueError(
            "known, if sparse, must store 1 where a label is known to hold, -1 where it is "
            f"known not to, and nothing where it is unknown; got {wrong}."
        )
    known.sum_duplicates()
    if not np.isin(known.data, (-1, 1)).all():
        raise ValueError("known must store each entry once; got one that is stored twice.")
    return known.astype(np.int8)


def as_known(Y) -> Any:
    """Return an indicator matrix, NaN where unknown, as 1, -1 and 0.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_labels)
        From `read_indicators`.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), int8
        1 where a label holds, -1 where it does not, 0 where that is unknown.
    """
    return np.nan_to_num(2.0 * Y - 1.0).astype(np.int8)


def known_rows(known, rows):
    """Return rows of what `read_known` gives as an ndarray (n_rows, n_labels)."""
    return known[rows].toarray() if sparse.issparse(known) else known[rows]


def set_known(values, known, holds=1, holds_not=0):
    """Set the entries that are known to what they are, in place.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_labels)
        A value for each label.
    known : {ndarray, csr_array} of shape (n_samples, n_labels) or None
        From `read_known`.
    holds, holds_not : float
        The values of labels that are known to hold, and not to.

    Returns
    -------
    ndarray of shape (n_samples, n_labels)
        `values`.
    """
    if known is not None:
        values[(known == 1).nonzero()] = holds
        values[(known == -1).nonzero()] = holds_not
    return values


def is_off(masking):
    """Return whether `label_masking` is False, of Python or of NumPy; a share of 0 is not."""
    return isinstance(masking, bool | np.bool_) and not masking


def draw_shown(labels, masking, rng):
    """Draw which labels of each sample are shown; the others are hidden, to be predicted.

    Parameters
    ----------
    labels : ndarray of shape (n_samples, n_labels)
        1, 0, and NaN where unknown, which is never shown.
    masking : bool, float or distribution
        True for the shares that training draws by default, False to show nothing; the share
        itself; or a distribution of `scipy.stats`, from whose `rvs` each sample's share comes.
    rng : RandomState
        Where the draws come from.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), bool
        Each sample with a known label has one, at least, that is hidden.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.label_masking import draw_shown
    >>> draw_shown(np.ones((1, 4)), 0.5, np.random.RandomState(1))
    array([[ True, False,  True,  True]])
    """
    position = rng.random_sample(labels.shape)
    known = ~np.isnan(labels)
    shown = known & (position < _draw_shares(masking, len(labels), rng)[:, None])
    # There would be nothing to learn from a sample that shows all its labels.
    all_shown = np.flatnonzero((shown == known).all(axis=1))
    last = np.where(known, position, -1)[all_shown].argmax(axis=1)
    shown[all_shown, last] = False
    return shown


def weight_of_hidden(n_hidden, n_known):
    """Return how much samples count in training, of which some labels are hidden.

    Parameters
    ----------
    n_hidden, n_known : ndarray of shape (n_samples,)
        How many labels of each sample are hidden, and how many are known in y.

    Returns
    -------
    ndarray of shape (n_samples,)
        One, or less where few of many labels are hidden.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.label_masking import weight_of_hidden
    >>> weight_of_hidden(np.array([1, 6, 60]), np.array([14, 132, 132]))
    array([1.  , 0.12, 1.  ])
    """
    least = np.maximum(n_known / 2 - FREE_LABELS, 1)
    return n_hidden / np.maximum(n_hidden, least)


def _draw_shares(masking, n_samples, rng):
    """Return the share of its labels that each sample shows (n_samples,)."""
    if hasattr(masking, "rvs"):
        return np.clip(masking.rvs(size=n_samples, random_state=rng), 0, 1)
    if is_off(masking):
        return np.zeros(n_samples)
    if not isinstance(masking, bool | np.bool_):
        return np.full(n_samples, float(masking))
    shares = rng.random_sample(n_samples)
    return np.where(rng.random_sample(n_samples) < SHOWS_NOTHING, 0, shares)
