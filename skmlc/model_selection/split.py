"""Multi-label stratified splitters: every part gets its share of every label.

All of them deal the rows of a sparse indicator matrix by the iterative stratification of
Sechidis et al. (2011): the label with the fewest rows left is dealt first, each of its rows
to the part that still wants that label most.
"""

from heapq import heappop, heappush
from itertools import chain
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseShuffleSplit
from sklearn.model_selection._split import (
    _BaseKFold,
    _RepeatedSplits,
    _UnsupportedGroupCVMixin,
    _validate_shuffle_split,
)
from sklearn.utils import _safe_indexing, check_random_state, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import _num_samples

from ..indicators import check_indicators, is_indicator, read_labels, split_entries

__all__ = [
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "multilabel_train_test_split",
]


def _one_hot(y, name):
    """One column per class of a 1-D target, so that every class is dealt evenly."""
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


def _label_rows(y, name="y"):
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


class _RarestFirst:
    """Labels by how many of their rows are left, while those numbers fall."""

    def __init__(self, n_left, rng):
        self.n_left = n_left
        n_labels = len(n_left)
        self.rank = np.arange(n_labels) if rng is None else rng.permutation(n_labels)
        self.level = 0
        self.heap = []

    def push(self, labels):
        """Note that labels have fewer rows left; those above the level come up later."""
        n_left = self.n_left[labels]
        for label in np.unique(labels[(n_left > 0) & (n_left <= self.level)]):
            heappush(self.heap, (self.n_left[label], self.rank[label], label))

    def pop(self):
        """The label with the fewest rows left, or None when no label has any."""
        while self.heap:
            n_left, _, label = heappop(self.heap)
            # An entry is stale when rows were dealt after it was pushed.
            if n_left == self.n_left[label]:
                return label
        if not np.any(self.n_left):
            return None
        # Only labels of the lowest level are queued: a heap of all labels would take one
        # push for each entry of Y.
        self.level = self.n_left[self.n_left > 0].min()
        self.push(np.flatnonzero(self.n_left == self.level))
        return self.pop()


def _deal(n_rows, desire, room, unit, rng):
    """The parts to which n_rows rows of one label go, one after another.

    A row goes to the part with the highest desire for the label, among equals to the one
    with the most room, which then falls by ``unit`` and by 1. Whatever other labels the
    rows have, this order is known beforehand, so it is sorted out in one go.
    """
    n_parts = len(room)
    nth = np.arange(n_rows)[:, None]  # (rows, parts): the nth row given to a part
    part = np.tile(np.arange(n_parts), n_rows)
    tie = part if rng is None else rng.random_sample(len(part))
    is_possible = (nth < room).ravel()
    keys = [tie, nth - room, unit * nth - desire]
    keys = [key.ravel()[is_possible] for key in keys]
    return part[is_possible][np.lexsort(keys)[:n_rows]]


def _entries(Y, rows):
    """Labels of the rows, one after another, and the number of them in each row."""
    lengths = np.diff(Y.indptr)[rows]
    first = Y.indptr[rows] - (np.cumsum(lengths) - lengths)
    return Y.indices[np.repeat(first, lengths) + np.arange(lengths.sum())], lengths


def _assign(Y, sizes, rng=None):
    """The part of each row of Y, such that part k has exactly ``sizes[k]`` rows.

    The published algorithm lets sizes drift; here a part that has its rows takes no more,
    which costs no balance but for the most frequent labels, which are dealt last.
    """
    n_rows = Y.shape[0]
    by_label = Y.tocsc()
    by_label.sort_indices()
    part = np.full(n_rows, -1)
    room = np.array(sizes, dtype=np.int64)
    n_left = np.diff(by_label.indptr).astype(np.int64)
    # The published desires |D^i| r_j times n_rows: integers, so that ties are exact.
    desire = np.outer(n_left, room)
    rarest = _RarestFirst(n_left, rng)
    while (label := rarest.pop()) is not None:
        rows = by_label.indices[by_label.indptr[label] : by_label.indptr[label + 1]]
        rows = rows[part[rows] < 0]
        if rng is not None:
            rows = rng.permutation(rows)
        part[rows] = dealt = _deal(len(rows), desire[label], room, n_rows, rng)
        room -= np.bincount(dealt, minlength=len(room))
        labels, lengths = _entries(Y, rows)
        np.subtract.at(desire, (labels, np.repeat(dealt, lengths)), n_rows)
        np.subtract.at(n_left, labels, 1)
        rarest.push(labels)
    rows = np.flatnonzero(part < 0)
    if rng is not None:
        rows = rng.permutation(rows)
    part[rows] = _deal(len(rows), np.zeros_like(room), room, 0, rng)
    return part


class MultilabelStratifiedKFold(_UnsupportedGroupCVMixin, _BaseKFold):
    """K folds that each hold the same share of every label.

    Fold sizes differ by at most one sample, as in :class:`~sklearn.model_selection.KFold`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to deal the rows of a label in random order and to break ties at random.
        Without it the folds are the same at every call.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness; to be left at None where `shuffle` is False.

    See Also
    --------
    RepeatedMultilabelStratifiedKFold : The same, several times.
    MultilabelStratifiedShuffleSplit : Random parts of given sizes.

    Notes
    -----
    y may be an indicator matrix (dense, sparse, a DataFrame; NaN is read as not present) or
    a 1-D array of classes. Time is O(number of positive entries times `n_splits`).

    References
    ----------
    .. [1] K. Sechidis, G. Tsoumakas, I. Vlahavas. On the Stratification of Multi-Label
       Data. ECML PKDD 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import MultilabelStratifiedKFold
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> for train, test in MultilabelStratifiedKFold(n_splits=2).split(Y, Y):
    ...     print(test, Y[test].sum(axis=0))
    [0 1 4 5 8 9] [3 3]
    [ 2  3  6  7 10 11] [3 3]
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    def _iter_test_masks(self, X, y=None, groups=None):
        Y = _label_rows(y)
        n_samples = Y.shape[0]
        sizes = np.full(self.n_splits, n_samples // self.n_splits)
        sizes[: n_samples % self.n_splits] += 1
        rng = check_random_state(self.random_state) if self.shuffle else None
        fold = _assign(Y, sizes, rng)
        for k in range(self.n_splits):
            yield fold == k


class RepeatedMultilabelStratifiedKFold(_UnsupportedGroupCVMixin, _RepeatedSplits):
    """Multi-label stratified k-fold, repeated with different randomness.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_repeats : int, default=10
        How often the folds are made anew.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness of each repetition.

    See Also
    --------
    MultilabelStratifiedKFold : The folds of one repetition.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import RepeatedMultilabelStratifiedKFold
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> cv = RepeatedMultilabelStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)
    >>> cv.get_n_splits()
    6
    >>> [Y[test].sum(axis=0).tolist() for _, test in cv.split(Y, Y)]
    [[3, 3], [3, 3], [3, 3], [3, 3], [3, 3], [3, 3]]
    """

    def __init__(self, *, n_splits=5, n_repeats=10, random_state=None):
        super().__init__(
            MultilabelStratifiedKFold,
            n_repeats=n_repeats,
            random_state=random_state,
            n_splits=n_splits,
        )


class MultilabelStratifiedShuffleSplit(_UnsupportedGroupCVMixin, BaseShuffleSplit):
    """Random train and test parts that each hold the same share of every label.

    The parts have exactly the sizes that
    :class:`~sklearn.model_selection.ShuffleSplit` gives them.

    Parameters
    ----------
    n_splits : int, default=10
        Number of random splits.
    test_size : float or int, default=None
        Share (float) or number (int) of test samples. None is what `train_size` leaves, or
        0.1 where that is None as well.
    train_size : float or int, default=None
        Share or number of training samples. None is what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness of the splits.

    See Also
    --------
    multilabel_train_test_split : One such split, applied to arrays.
    MultilabelStratifiedKFold : Test parts that do not overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import MultilabelStratifiedShuffleSplit
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> cv = MultilabelStratifiedShuffleSplit(n_splits=2, test_size=0.5, random_state=0)
    >>> [Y[test].sum(axis=0).tolist() for _, test in cv.split(Y, Y)]
    [[3, 3], [3, 3]]
    """

    def __init__(self, n_splits=10, *, test_size=None, train_size=None, random_state=None):
        if not isinstance(n_splits, Integral) or n_splits < 1:
            raise ValueError(
                f"n_splits must be an integer of at least 1; got {n_splits!r}."
            )
        super().__init__(
            n_splits=n_splits,
            test_size=test_size,
            train_size=train_size,
            random_state=random_state,
        )

    def _iter_indices(self, X, y=None, groups=None):
        Y = _label_rows(y)
        n_samples = Y.shape[0]
        n_train, n_test = _validate_shuffle_split(
            n_samples,
            self.test_size,
            self.train_size,
            default_test_size=self._default_test_size,
        )
        sizes = [n_train, n_test, n_samples - n_train - n_test]
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            part = _assign(Y, sizes, rng)
            train, test = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
            yield rng.permutation(train), rng.permutation(test)


def multilabel_train_test_split(
    *arrays, test_size=None, train_size=None, random_state=None, stratify=None
):
    """Split arrays into train and test parts that hold the same share of every label.

    It is used as :func:`~sklearn.model_selection.train_test_split`, and stratifies by the
    labels without being told to.

    Parameters
    ----------
    *arrays : sequence of indexables of the same length
        Usually ``X, Y``, then anything else: arrays, lists, sparse matrices, DataFrames or
        the containers of :mod:`skmlc.inputs`.
    test_size : float or int, default=None
        Share (float) or number (int) of test samples. None is what `train_size` leaves, or
        0.25 where that is None as well.
    train_size : float or int, default=None
        Share or number of training samples. None is what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness of the split.
    stratify : array-like or sparse matrix of shape (n_samples, n_labels), default=None
        The labels to stratify by. None takes the second of `arrays`, as in ``X, Y``, or the
        only one.

    Returns
    -------
    splitting : list of length 2 * len(arrays)
        Train and test part of each array in turn, of the type of the array.

    Raises
    ------
    ValueError
        If no array is given, if lengths differ, or if the labels are no indicator matrix.

    See Also
    --------
    MultilabelStratifiedShuffleSplit : The splitter behind it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import multilabel_train_test_split
    >>> X = np.arange(12)
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> X_train, X_test, Y_train, Y_test = multilabel_train_test_split(
    ...     X, Y, test_size=4, random_state=0
    ... )
    >>> Y_train.sum(axis=0), Y_test.sum(axis=0)
    (array([4, 4]), array([2, 2]))
    """
    if not arrays:
        raise ValueError("multilabel_train_test_split needs at least one array; got none.")
    if stratify is None:
        stratify = arrays[min(1, len(arrays) - 1)]
    *arrays, stratify = indexable(*arrays, stratify)
    n_train, n_test = _validate_shuffle_split(
        _num_samples(arrays[0]), test_size, train_size, default_test_size=0.25
    )
    splitter = MultilabelStratifiedShuffleSplit(
        n_splits=1, test_size=n_test, train_size=n_train, random_state=random_state
    )
    try:
        train, test = next(splitter.split(arrays[0], stratify))
    except ValueError as error:
        if len(arrays) > 1 or stratify is not arrays[0]:
            raise
        raise ValueError(
            "arrays must hold the labels beside X, or be the labels, unless stratify is given: "
            f"write multilabel_train_test_split(X, Y); got one array, and {error}"
        ) from error
    parts = ((_safe_indexing(a, train), _safe_indexing(a, test)) for a in arrays)
    return list(chain.from_iterable(parts))
