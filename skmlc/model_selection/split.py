"""Multi-label stratified splitters: every part gets its share of every label.

All of them assign the rows of a sparse indicator matrix by the iterative stratification of
Sechidis et al. (2011), and then exchange rows as long as that spreads labels better.
"""

from itertools import chain
from numbers import Integral, Number

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
from sklearn.utils.validation import _num_samples

from ._balance import label_targets, swap_rows
from ._dealing import deal_rows
from ._stratified_labels import label_rows
from .group_split import (
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedGroupShuffleSplit,
)

__all__ = [
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "multilabel_train_test_split",
    "stratified_folds",
    "stratified_part",
]

# How often rows are assigned again where a label is missing in a part that needs it.
_N_TRIES = 5


def _assign(Y, sizes, needs_one, rng=None):
    """The part of each row of Y, such that part k has exactly ``sizes[k]`` rows.

    A label should have a row in each part of ``needs_one``, a mask.
    """
    n_rows = np.asarray(Y.sum(axis=0)).ravel()
    targets = label_targets(n_rows, sizes / np.sum(sizes), needs_one)
    fewest = np.inf
    for _ in range(_N_TRIES):
        dealt = deal_rows(Y, sizes, targets, rng)
        n_absent = swap_rows(Y, dealt, targets, needs_one, rng)
        if n_absent < fewest:
            fewest, part = n_absent, dealt
        if fewest == 0:
            break
        # Another order of the rows may find a place for every label.
        rng = np.random.RandomState(0) if rng is None else rng
    return part


class MultilabelStratifiedKFold(_UnsupportedGroupCVMixin, _BaseKFold):
    """K folds that each hold the same share of every label.

    Fold sizes differ by at most one sample, as in :class:`~sklearn.model_selection.KFold`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to assign the rows of a label in random order and to break ties at random.
        Without it the folds are the same at every call.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness; to be left at None where `shuffle` is False.

    See Also
    --------
    RepeatedMultilabelStratifiedKFold : The same, several times.
    MultilabelStratifiedGroupKFold : Folds that keep groups of samples together.
    MultilabelStratifiedShuffleSplit : Random parts of given sizes.

    Notes
    -----
    y may be an indicator matrix (dense, sparse, a DataFrame; NaN is read as not present) or
    a 1-D array of classes. Each fold holds every label that has `n_splits` positives, and none
    holds all positives of a label that has two, wherever the search finds such folds.

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
        Y = label_rows(y)
        n_samples = Y.shape[0]
        sizes = np.full(self.n_splits, n_samples // self.n_splits)
        sizes[: n_samples % self.n_splits] += 1
        rng = check_random_state(self.random_state) if self.shuffle else None
        fold = _assign(Y, sizes, np.ones(self.n_splits, dtype=bool), rng)
        for k in range(self.n_splits):
            yield fold == k


class RepeatedMultilabelStratifiedKFold(_UnsupportedGroupCVMixin, _RepeatedSplits):
    """Multi-label stratified k-fold, repeated with different randomness.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    n_repeats : int, default=10
        How often the folds are made.
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
    MultilabelStratifiedGroupShuffleSplit : Random parts that keep groups together.

    Notes
    -----
    A label with two positives has one in either part, wherever the search finds such parts.

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
        Y = label_rows(y)
        n_samples = Y.shape[0]
        n_train, n_test = _validate_shuffle_split(
            n_samples,
            self.test_size,
            self.train_size,
            default_test_size=self._default_test_size,
        )
        sizes = np.array([n_train, n_test, n_samples - n_train - n_test])
        sizes = sizes[sizes > 0]  # nothing may be left over
        needs_one = np.arange(len(sizes)) < 2
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            part = _assign(Y, sizes, needs_one, rng)
            train, test = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
            yield rng.permutation(train), rng.permutation(test)


def multilabel_train_test_split(
    *arrays, test_size=None, train_size=None, random_state=None, stratify=None, groups=None
):
    """Split arrays into train and test parts that hold the same share of every label.

    It is used like :func:`~sklearn.model_selection.train_test_split`, and stratifies by the
    labels without being asked to.

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
    groups : array-like of shape (n_samples,), default=None
        The group of each sample. Samples of one group all go to the same part, so that
        sizes are met only as closely as whole groups allow.

    Returns
    -------
    splitting : list of length 2 * len(arrays)
        Train and test part of each array in turn, of the type of the array; `LazyRows` of
        what is in a file, and of a data set of torch.

    Raises
    ------
    ValueError
        If no array is given, if lengths differ, or if the labels are not an indicator matrix.

    See Also
    --------
    MultilabelStratifiedShuffleSplit : The splitter behind it.
    MultilabelStratifiedGroupShuffleSplit : The splitter behind it where there are groups.

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
    if isinstance(stratify, str | bool | Number):
        raise TypeError(
            "stratify must be the labels to stratify by, or None, which is the second of "
            f"arrays; got {stratify!r}: leave it out to stratify by Y."
        )
    if stratify is None:
        stratify = arrays[min(1, len(arrays) - 1)]
    *arrays, stratify = indexable(*map(_sliceable, arrays), _in_memory(stratify))
    n_train, n_test = _validate_shuffle_split(
        _num_samples(arrays[0]), test_size, train_size, default_test_size=0.25
    )
    splitter = (
        MultilabelStratifiedShuffleSplit
        if groups is None
        else MultilabelStratifiedGroupShuffleSplit
    )(n_splits=1, test_size=n_test, train_size=n_train, random_state=random_state)
    try:
        train, test = next(splitter.split(arrays[0], stratify, groups))
    except ValueError as error:
        if len(arrays) > 1 or stratify is not arrays[0]:
            raise
        raise ValueError(
            "arrays must hold the labels beside X, or be the labels, unless stratify is given: "
            f"write multilabel_train_test_split(X, Y); got one array, and {error}"
        ) from error
    parts = ((_safe_indexing(a, train), _safe_indexing(a, test)) for a in arrays)
    return list(chain.from_iterable(parts))


def _sliceable(array):
    """Return what rows can be taken of, in any order and unread where they are in a file."""
    if isinstance(array, np.ndarray | list | tuple | None) or sparse.issparse(array):
        return array
    if any(hasattr(array, name) for name in ("iloc", "columns", "__array_interface__")):
        return array
    from ..inputs.containers import lazily  # which loads torch

    return lazily(array)


def _in_memory(labels):
    """Return labels, of a file as an array."""
    sliceable = _sliceable(labels)
    return labels if sliceable is labels else np.asarray(sliceable)


def stratified_folds(n_splits, random_state, groups):
    """Return the splitter that a number of folds stands for, of groups if there are some."""
    folds = MultilabelStratifiedKFold if groups is None else MultilabelStratifiedGroupKFold
    return folds(n_splits, shuffle=True, random_state=random_state)


def stratified_part(test_size, random_state, groups):
    """Return the splitter that a share stands for, of groups if there are some."""
    part = MultilabelStratifiedShuffleSplit
    part = part if groups is None else MultilabelStratifiedGroupShuffleSplit
    return part(1, test_size=test_size, random_state=random_state)
