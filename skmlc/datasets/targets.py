"""Indicator matrices: made of sets of labels, and checked."""

import numpy as np
from scipy import sparse

from ..exceptions import FileFormatError


def to_indicator(sets, names, path):
    """Make an indicator matrix of sets of labels.

    Parameters
    ----------
    sets : list of list of str
        The labels of each sample, by name.
    names : list of str
        Names of the labels, in the order of the columns.
    path : Path
        The file, for messages.

    Returns
    -------
    target : CSR matrix of shape (n_samples, n_labels)
        1 where the sample has the label, int64.

    Raises
    ------
    FileFormatError
        If a set holds a label that has no column.

    Examples
    --------
    >>> from skmlc.datasets.targets import to_indicator
    >>> to_indicator([["b"], ["b", "a"]], ["a", "b"], "toy").toarray()
    array([[0, 1],
           [1, 1]])
    """
    column = {name: i for i, name in enumerate(names)}
    unknown = {name for labels in sets for name in labels} - column.keys()
    if unknown:
        raise FileFormatError(
            path,
            f"must name labels that are known, of which there are {len(names)}; got also "
            f"{[str(name)[:40] for name in sorted(unknown, key=str)[:5]]}.",
        )
    indices = [sorted({column[name] for name in labels}) for labels in sets]
    offsets = np.cumsum([0] + [len(row) for row in indices])
    flat = np.concatenate([np.zeros(0), *indices]).astype(np.int64)
    values = np.ones(len(flat), dtype=np.int64)
    return sparse.csr_matrix((values, flat, offsets), shape=(len(sets), len(names)))


def check_target(target, n_samples, names, path):
    """Check the shape and the values of an indicator matrix.

    Parameters
    ----------
    target : ndarray or CSR matrix of shape (n_samples, n_labels)
        The labels.
    n_samples : int
        Number of samples of the data.
    names : list of str
        Names of the labels.
    path : Path
        The file, for messages.

    Raises
    ------
    FileFormatError
        If the shape differs or the values are not 0 and 1.
    """
    if target.shape != (n_samples, len(names)):
        raise FileFormatError(
            path,
            f"must be of shape ({n_samples}, {len(names)}), one row per sample and one "
            f"column per label name; got {target.shape}.",
        )
    values = target.data if sparse.issparse(target) else target
    wrong = ~np.isin(values, (0, 1))
    if wrong.any():
        raise FileFormatError(path, f"must hold 0 and 1 only; it holds {values[wrong][0]}.")


def number_name(number):
    """Write a number as a name, whole numbers without a point.

    Parameters
    ----------
    number : float
        The number.

    Returns
    -------
    name : str
        The name.

    Examples
    --------
    >>> from skmlc.datasets.targets import number_name
    >>> number_name(1234567.0), number_name(0.5)
    ('1234567', '0.5')
    """
    is_whole = float(number).is_integer()
    return str(int(number)) if is_whole else str(float(number))
