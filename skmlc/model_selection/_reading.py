"""What threshold tuning is given, read into one form: metric, grid, labels, weights."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from .._spelling import did_you_mean
from ..indicators import read_indicators, read_weight, split_entries
from ..label_names import column_names, column_order
from ..metrics.names import Metric, get_metric

# The values that the authors of LaMP try.
LAMP_GRID = np.concatenate([np.arange(1, 11), np.arange(15, 100, 5)]) / 100


class Entries(NamedTuple):
    """Labels and probabilities, of the rows with a weight and of the entries known."""

    positive: np.ndarray  # (N, L) bool
    known: np.ndarray  # (N, L) bool, read-only
    probability: np.ndarray  # (N, L), -inf where unknown: no threshold reaches it
    weight: np.ndarray  # (N,), all positive


def read_metric(name):
    """The metric of a name, which must depend on a threshold, or of a function."""
    if callable(name):
        return Metric("", name, "predict", True)
    metric = get_metric(name)
    if metric.response != "predict":
        raise ValueError(
            f"metric must judge predicted labels, as 'ebF1' does; got {name!r}, which "
            "judges probabilities as they are and needs no threshold."
        )
    return metric


def read_grid(grid):
    """The thresholds to try in ascending order, None for every distinct probability."""
    if isinstance(grid, str) and grid in ("lamp", "exact"):
        return LAMP_GRID if grid == "lamp" else None
    values = None if isinstance(grid, str) else np.asarray(grid)
    is_numeric = values is not None and values.ndim == 1 and values.dtype.kind in "fiu"
    if not is_numeric or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(
            "grid must be 'lamp', 'exact' or a non-empty 1-D array of finite thresholds; "
            f"got {grid!r}. {did_you_mean(grid, ('lamp', 'exact'))}".rstrip()
        )
    return np.unique(values).astype(np.float64)


def read_entries(Y, probabilities, sample_weight):
    """Y as CSR and the Entries, both without rows of zero weight."""
    names = column_names(probabilities)
    dtypes = [np.float64, np.float32]
    P = check_array(probabilities, dtype=dtypes, input_name="probabilities")
    order = column_order(column_names(Y), names, name="probabilities", reference="Y")
    Y = read_indicators(Y)
    if Y.shape != P.shape:
        raise ValueError(
            f"probabilities must be of shape {Y.shape}, as Y is, one column per label; got "
            f"{P.shape}."
        )
    P = P if order is None else P[:, order]
    weight = read_weight(sample_weight, Y.shape[0])
    if not np.all(weight > 0):
        Y, P, weight = Y[weight > 0], P[weight > 0], weight[weight > 0]
    positive, unknown = split_entries(Y)
    known = np.broadcast_to(np.True_, P.shape)  # which takes no memory
    known = known if unknown is None else ~_to_bool(unknown)
    probability = P if unknown is None else np.where(known, P, -np.inf)
    Y = positive if unknown is None else sparse.csr_array(Y)
    return Y, Entries(_to_bool(positive), known, probability, weight)


def _to_bool(matrix):
    """Return a CSR array as an ndarray of bool."""
    return matrix.astype(bool).toarray()
