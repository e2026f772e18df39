"""Iterative stratification of the rows of an indicator matrix (Sechidis et al., 2011).

The label with the fewest rows left is assigned first, each of its rows to the part that still
wants that label most.
"""

from heapq import heappop, heappush

import numpy as np


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


def deal_rows(Y, sizes, targets, rng=None):
    """The part of each row of Y, such that part k has exactly ``sizes[k]`` rows.

    The published algorithm lets sizes drift; here a part that has its rows takes no more,
    which costs balance only for the most frequent labels, which are assigned last.

    Parameters
    ----------
    Y : sparse matrix of shape (n_rows, n_labels)
        The labels.
    sizes : array-like of shape (n_parts,)
        How many rows each part has.
    targets : ndarray of shape (n_labels, n_parts)
        How many rows of each label each part should have.
    rng : RandomState instance or None, default=None
        Shuffles rows and decides between equals; without it the first ones win.

    Returns
    -------
    ndarray of shape (n_rows,)
        The part of each row.
    """
    n_rows = Y.shape[0]
    by_label = Y.tocsc()
    by_label.sort_indices()
    part = np.full(n_rows, -1)
    room = np.array(sizes, dtype=np.int64)
    n_left = np.diff(by_label.indptr).astype(np.int64)
    # The published desires |D^i| r_j times n_rows: integers, so that ties are exact.
    desire = np.rint(targets * n_rows).astype(np.int64)
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
