"""Multi-label stratified splitters that keep groups of samples together.

Groups are placed in turn, the largest first, each where it makes the shares of all
labels most even; then groups move, or change places, as long as that helps.
"""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseShuffleSplit
from sklearn.model_selection._split import (
    GroupsConsumerMixin,
    _BaseKFold,
    _validate_shuffle_split,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from .._foreign import read_foreign
from ._balance import Balance, label_targets
from ._stratified_labels import label_rows

__all__ = [
    "MultilabelStratifiedGroupKFold",
    "MultilabelStratifiedGroupShuffleSplit",
    "read_groups",
]

_N_SWEEPS = 10
# Entries that are read to find partners for exchanges, in one sweep.
_N_READ = 100_000_000


def read_groups(groups, n_samples):
    """Read the groups of samples.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or None
        The group of each sample, such as a number or a name.
    n_samples : int
        The number of samples.

    Returns
    -------
    ndarray of shape (n_samples,) or None
        The groups; None for None.

    Raises
    ------
    ValueError
        If they are of another shape, or if one is NaN.
    TypeError
        If they are of several types, such as numbers and None.

    Examples
    --------
    >>> from skmlc.model_selection.group_split import read_groups
    >>> read_groups(["ann", "bob", "ann"], 3)
    array(['ann', 'bob', 'ann'], dtype='<U3')
    """
    if groups is None:
        return None
    groups = check_array(
        read_foreign(groups, "groups"), input_name="groups", ensure_2d=False,
        ensure_min_samples=0, dtype=None,
    )  # fmt: skip
    if groups.shape != (n_samples,):
        raise ValueError(
            f"groups must be of shape ({n_samples},), one per sample; got {groups.shape}."
        )
    try:
        np.sort(groups)
    except TypeError as error:
        found = sorted({type(group).__name__ for group in groups})
        raise TypeError(
            f"groups must be all numbers or all strings; got {' and '.join(found)}."
        ) from error
    return groups


def _read_groups(groups, n_rows, n_parts):
    """Each row's group as a number from 0, and how many groups there are."""
    groups = read_groups(groups, n_rows)
    if groups is None:
        raise ValueError("groups must be the group of each sample; got None.")
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < n_parts:
        raise ValueError(
            f"groups must hold at least {n_parts} groups, one per part; got {len(names)}."
        )
    return number, len(names)


def _assign_groups(Y, groups, n_groups, share, needs_one, rng):
    """The part of each group, (groups,); parts get about their ``share`` of the rows."""
    placement = _Placement(Y, groups, n_groups, share, needs_one)
    order, size = np.arange(n_groups), placement.weight_of_groups()
    if rng is not None:
        # Any order of groups that are about equally large is as good.
        order, size = rng.permutation(n_groups), np.frexp(size)[1]
    order = order[np.argsort(-size[order], kind="stable")]
    for group in order:
        placement.place(group)
    n_exchanges = max(1, _N_READ // placement.rows.nnz)
    for _ in range(_N_SWEEPS):
        n_better = sum(placement.move(group) for group in order)
        n_better += sum(placement.exchange(group) for group in order[:n_exchanges])
        if n_better == 0:
            break
    return placement.part


class _Placement:
    """Where groups are, and what it costs to have them elsewhere."""

    def __init__(self, Y, groups, n_groups, share, needs_one):
        n_rows = len(groups)
        ones = np.ones((n_rows, 1))
        # The last column counts rows, so that sizes are evened out as labels are.
        Y = sparse.hstack([sparse.csr_array(Y, dtype=float), ones], format="csr")
        members = (np.ones(n_rows), (groups, np.arange(n_rows)))
        self.rows = sparse.csr_array(members, shape=(n_groups, n_rows)) @ Y
        totals = np.asarray(self.rows.sum(axis=0)).ravel()
        self.part = np.full(n_groups, -1)
        n_units = np.bincount(self.rows.indices, minlength=len(totals))
        targets = label_targets(totals, share, needs_one)
        self.weight = 1 / np.maximum(totals, 1)
        self.squares = self.rows.power(2) @ self.weight
        self.balance = Balance(
            np.zeros(targets.shape), targets, needs_one, n_units, self.weight, totals
        )

    def weight_of_groups(self):
        """How much of all labels a group has, (groups,)."""
        return self.rows @ self.weight

    def _entries(self, group):
        span = slice(self.rows.indptr[group], self.rows.indptr[group + 1])
        return self.rows.indices[span], self.rows.data[span]

    def place(self, group):
        """Put a group where it costs least."""
        labels, rows = self._entries(group)
        part = self.balance.cost_in_each_part(labels, rows).argmin()
        self.balance.counts[labels, part] += rows
        self.part[group] = part

    def move(self, group):
        """Move a group to a better part; return whether there is one."""
        labels, rows = self._entries(group)
        old = self.part[group]
        costs = self.balance.cost_in_each_part(labels, rows)
        costs += self.balance.cost_in_each_part(labels, -rows)[old]
        costs[old] = 0
        new = costs.argmin()
        if costs[new] > -1e-4 * self.weight.min():
            return False
        self.balance.counts[labels, old] -= rows
        self.balance.counts[labels, new] += rows
        self.part[group] = new
        return True

    def exchange(self, group):
        """Exchange the parts of a group and the best other one; return if that helps."""
        other = self._partner(group)
        source, target = self.part[[group, other]]
        if source == target:
            return False
        labels, change = self._entries(group)
        labels_back, back = self._entries(other)
        labels = np.concatenate([labels, labels_back])
        labels, where = np.unique(labels, return_inverse=True)
        change = np.bincount(where, np.concatenate([change, -back]))
        cost = self.balance.cost_in_each_part(labels, change)[target]
        cost += self.balance.cost_in_each_part(labels, -change)[source]
        if cost > -1e-4 * self.weight.min():
            return False
        self.balance.counts[labels, source] -= change
        self.balance.counts[labels, target] += change
        self.part[[group, other]] = target, source
        return True

    def _partner(self, group):
        """The group of another part whose exchange would even out labels most."""
        labels, rows = self._entries(group)
        excess = self.weight[:, None] * (self.balance.counts - self.balance.targets)
        rise = excess - excess[:, [self.part[group]]]  # (L, parts)
        own = rows @ rise[labels]  # (parts,)
        weighted = np.zeros(len(self.weight))
        weighted[labels] = self.weight[labels] * rows
        # Half the change of the squares: of v = rows - others', v * rise + v ** 2.
        costs = (
            own[self.part]
            - np.take_along_axis(self.rows @ rise, self.part[:, None], axis=1)[:, 0]
        )
        costs += self.squares - 2 * (self.rows @ weighted)
        costs[self.part == self.part[group]] = np.inf
        return costs.argmin()


class MultilabelStratifiedGroupKFold(GroupsConsumerMixin, _BaseKFold):
    """K folds that keep groups together and hold about the same share of every label.

    The counterpart of :class:`~sklearn.model_selection.StratifiedGroupKFold` for label
    matrices. No group is in two folds. Sizes of folds, and shares of labels, are as even as
    whole groups allow.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether groups of about equal size are placed in random order. Without it the folds are
        the same at every call.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness; to be left at None where `shuffle` is False.

    See Also
    --------
    MultilabelStratifiedKFold : Folds of samples that do not belong together.
    MultilabelStratifiedGroupShuffleSplit : Random parts that keep groups together.

    Notes
    -----
    Each fold holds every label that at least `n_splits` groups hold, and none holds all
    samples of a label that two groups hold, wherever the search finds such folds.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import MultilabelStratifiedGroupKFold
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> groups = np.repeat([0, 1, 2, 3, 4, 5], 2)
    >>> cv = MultilabelStratifiedGroupKFold(n_splits=3)
    >>> for train, test in cv.split(Y, Y, groups):
    ...     print(groups[test], Y[test].sum(axis=0))
    [0 0 3 3] [2 2]
    [1 1 4 4] [2 2]
    [2 2 5 5] [2 2]
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        super().__init__(n_splits, shuffle=shuffle, random_state=random_state)

    def _iter_test_masks(self, X, y=None, groups=None):
        Y = label_rows(y)
        groups, n_groups = _read_groups(groups, Y.shape[0], self.n_splits)
        share = np.full(self.n_splits, 1 / self.n_splits)
        rng = check_random_state(self.random_state) if self.shuffle else None
        needs_one = np.ones(self.n_splits, dtype=bool)
        fold = _assign_groups(Y, groups, n_groups, share, needs_one, rng)[groups]
        for k in range(self.n_splits):
            yield fold == k


class MultilabelStratifiedGroupShuffleSplit(GroupsConsumerMixin, BaseShuffleSplit):
    """Random train and test parts that keep groups together and share out every label.

    Parameters
    ----------
    n_splits : int, default=10
        Number of random splits.
    test_size : float or int, default=None
        Share (float) or number (int) of test *samples*, met as closely as whole groups
        allow; :class:`~sklearn.model_selection.GroupShuffleSplit` counts groups instead.
        None is what `train_size` leaves, or 0.1 where that is None as well.
    train_size : float or int, default=None
        Share or number of training samples. None is what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Controls the randomness of the splits.

    See Also
    --------
    multilabel_train_test_split : One such split, applied to arrays.
    MultilabelStratifiedGroupKFold : Test parts that do not overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.model_selection import MultilabelStratifiedGroupShuffleSplit
    >>> Y = np.tile([[1, 0], [0, 1], [1, 1], [0, 0]], (3, 1))
    >>> groups = np.repeat([0, 1, 2, 3, 4, 5], 2)
    >>> cv = MultilabelStratifiedGroupShuffleSplit(1, test_size=1 / 3, random_state=0)
    >>> train, test = next(cv.split(Y, Y, groups))
    >>> np.intersect1d(groups[train], groups[test]), Y[test].sum(axis=0)
    (array([], dtype=int64), array([2, 2]))
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
        n_rows = Y.shape[0]
        n_train, n_test = _validate_shuffle_split(
            n_rows,
            self.test_size,
            self.train_size,
            default_test_size=self._default_test_size,
        )
        groups, n_groups = _read_groups(groups, n_rows, 2)
        sizes = np.array([n_train, n_test, n_rows - n_train - n_test])
        sizes = sizes[sizes > 0]  # nothing may be left over
        needs_one = np.arange(len(sizes)) < 2
        rng = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            part = _assign_groups(Y, groups, n_groups, sizes / n_rows, needs_one, rng)
            train, test = (np.flatnonzero(part[groups] == k) for k in (0, 1))
            yield rng.permutation(train), rng.permutation(test)
