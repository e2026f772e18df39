"""How the linear skip is trained: by gradient descent, whatever trains the rest.

Adaptive optimizers move the weight of a rare feature as far as that of a frequent one, and
over-fit the rare ones.  On Bibtex (90 % of the training rows, ten epochs, thresholds tuned on
the rest) a linear model trained by AdamW has ebF1 / miF1 / maF1 of .375 / .409 / .271, by
gradient descent with momentum .446 / .478 / .391.
"""

from itertools import pairwise

import numpy as np
import torch
from scipy import sparse

from ..inputs.containers import LazyRows
from ..mapped import take_rows

__all__ = [
    "choose_C",
    "inverse_document_frequency",
    "mean_cells",
    "mean_squared_norm",
    "skip_group",
]

# In units of 1 / curvature of the log-loss; 2 is where plain gradient descent is still stable.
STEP = 2.0
NAMES = {torch.optim.AdamW: "adamw", torch.optim.Adam: "adam", torch.optim.SGD: "sgd"}
# Times the mean squared norm; chosen on validation rows.  Words are many and rare, and a strong
# penalty keeps the weights of the rare ones from growing.
SCALED_C, SCALED_C_OF_WORDS = 20.0, 100.0
ROWS_AT_ONCE, MAPS_AT_ONCE = 4096, 64


def skip_group(optimizer, squared_norm, frequency, C, n_samples, n_terms):
    """Return the optimizer's settings for the weights of the linear skip.

    Parameters
    ----------
    optimizer : {"adamw", "adam", "sgd"} or optimizer class
        The network's optimizer; the settings of a class other than these three are left as
        they are.
    squared_norm : float
        From `mean_squared_norm`.
    frequency : ndarray of shape (n_labels,)
        The share of positive entries of each label.
    C : float
        The inverse of the strength of the L2 penalty, as in LogisticRegression; see `choose_C`.
    n_samples : float
        The sum of the sample weights.
    n_terms : int
        How many labels the loss averages over.

    Returns
    -------
    dict
        Learning rate, weight decay and more, for a group of parameters.
    """
    optimizer = NAMES.get(optimizer, optimizer)
    if not isinstance(optimizer, str):
        return {}
    curvature = squared_norm * np.mean(frequency * (1 - frequency))
    rate = STEP / max(curvature, np.finfo(np.float32).tiny) * n_terms
    # Python's numbers, as torch.load takes no others.
    rate = float(rate)
    # Beyond 1 / rate a step would shrink weights to less than nothing, and they would grow.
    settings = {"weight_decay": float(min(1 / (C * n_samples * n_terms), 1 / rate))}
    if optimizer == "sgd":
        return {**settings, "lr": rate * 0.1}  # times 1 / (1 - momentum)
    # With eps far above the gradients, Adam is gradient descent with momentum.
    return {**settings, "lr": rate, "eps": 1.0}


def choose_C(C, kind, squared_norm):
    """Return the inverse strength of the penalty as a number.

    Parameters
    ----------
    C : float or "scale"
        As the user gave it.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images", "texts"}
        What a batch holds.
    squared_norm : float
        From `mean_squared_norm`.

    Returns
    -------
    float
        With "scale" 100 / `squared_norm` for sparse tables and sequences, else
        20 / `squared_norm`.
    """
    if not isinstance(C, str):
        return C
    scaled = SCALED_C_OF_WORDS if kind in ("sparse", "sequences", "texts") else SCALED_C
    return scaled / squared_norm


def mean_squared_norm(X, rows, weight, columns=None):
    """Return the mean squared length of what the linear skip reads of some samples.

    Parameters
    ----------
    X : ndarray, CSR matrix or container
        The samples.
    rows : ndarray of int
        Those to average over.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    columns : nn.Module, default=None
        What encodes dense columns before the linear skip reads them.

    Returns
    -------
    float
        At least 1e-6, so that a step can be divided by it.
    """
    parts = (rows[i : i + ROWS_AT_ONCE] for i in range(0, len(rows), ROWS_AT_ONCE))
    total = sum(weight[part] @ _squared_norms(X, part, columns) for part in parts)
    return max(total / weight[rows].sum(), 1e-6)


def inverse_document_frequency(X, rows, weight):
    """Return how much each token of sequences counts in the linear skip: rare ones more.

    Parameters
    ----------
    X : Sequences
        The samples.
    rows : ndarray of int
        Those to count in.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.

    Returns
    -------
    ndarray of shape (n_tokens,)
        ``log((1 + n) / (1 + n_t)) + 1``, as `sklearn.feature_extraction.text.TfidfTransformer`,
        n_t of n samples having the token; one for a token that no sample has, about which
        nothing is learned.
    """
    taken = X[rows]
    sample = np.repeat(np.arange(len(rows)), taken.lengths)
    # Each token of a sample once, however often it has it.
    sample, token = np.divmod(np.unique(sample * X.n_tokens + taken.tokens), X.n_tokens)
    counts = np.bincount(token, weight[rows][sample], minlength=X.n_tokens)
    frequency = np.log((1 + weight[rows].sum()) / (1 + counts)) + 1
    return np.where(counts > 0, frequency, 1.0)


def mean_cells(maps, rows):
    """Return the mean of the cells of some feature maps.

    Parameters
    ----------
    maps : Images
        The samples, of which a few are read at a time.
    rows : ndarray of int
        Those to read.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_channels)
        A row per sample.
    """
    parts = (rows[i : i + MAPS_AT_ONCE] for i in range(0, len(rows), MAPS_AT_ONCE))
    return np.concatenate([maps.read(p).mean((2, 3), dtype=np.float64) for p in parts])


def _squared_norms(X, rows, columns):
    """Return the squared length of each row (n_rows,), as the linear skip reads it."""
    if isinstance(X, np.ndarray | LazyRows):
        read = _encoded(take_rows(X, rows), columns)
        return np.square(read, dtype=np.float64).sum(1)
    if sparse.issparse(X):
        chunk = X[rows].astype(np.float64)
        return np.asarray(chunk.multiply(chunk).sum(1)).ravel()
    if hasattr(X, "tokens"):
        return np.ones(len(rows))  # the skip divides their sum by its length, nearly
    means = np.stack(
        [_encoded(bag, columns).mean(0, dtype=np.float64) for bag in _bags(X[rows])]
    )
    return np.square(means).sum(1)


@torch.no_grad()
def _encoded(values, columns):
    """Return what is read of the values of dense columns."""
    if columns is None:
        return values
    return columns(torch.from_numpy(np.array(values, dtype=np.float64))).numpy()


def _bags(X):
    """Yield the instances of each bag."""
    for start, stop in pairwise(X.offsets):
        yield X.instances[start:stop]
