"""How evenly labels are spread over parts, and swaps of rows that spread them better."""

import numpy as np
from scipy import sparse

# A label that has fewer rows than this in some part is never made less even.
_N_ROWS_OF_RARE = 10
# Best rows of either part that are compared in pairs, partners that a part is tried with.
_N_CANDIDATES, _N_PARTNERS = 32, 3
_MAX_STEPS = 1000
# What comes before all else: a part without a label, then a rare label that is less even.
_COST_OF_ABSENCE, _COST_OF_RARE = 1e10, 1e6


def label_targets(n_rows, share, needs_one):
    """How many rows of each label each part should have, (L, parts).

    That is its share, but at least one for each part that needs one, if the label has a row
    for each of them; the other parts then have proportionally less.

    Parameters
    ----------
    n_rows : ndarray of shape (n_labels,)
        Rows of each label.
    share : ndarray of shape (n_parts,)
        Share of all rows that each part has.
    needs_one : ndarray of shape (n_parts,)
        Parts that need a row of each label.

    Returns
    -------
    ndarray of shape (n_labels, n_parts)
        The numbers, which need not be integers.
    """
    n_rows = n_rows[:, None]
    targets = n_rows * share
    least = (n_rows >= needs_one.sum()) * needs_one
    is_short = np.any(targets < least, axis=1)
    surplus = np.maximum(targets - least, 0)[is_short]
    left = (n_rows - least.sum(axis=1, keepdims=True))[is_short]
    total = surplus.sum(axis=1, keepdims=True)
    even = np.divide(surplus, total, out=np.zeros_like(surplus), where=total > 0)
    targets[is_short] = least[is_short] + left * even
    return targets


def part_counts(Y, part, n_parts):
    """Rows of each label in each part, (L, parts)."""
    shape = (n_parts, len(part))
    members = sparse.csr_array((np.ones(len(part)), (part, np.arange(len(part)))), shape)
    return (members @ sparse.csr_array(Y, dtype=float)).toarray().T


class Balance:
    """The rows of each label in each part, how many there should be, and what that costs.

    Parameters
    ----------
    counts : ndarray of shape (n_labels, n_parts)
        Rows of each label in each part, which are changed from outside.
    targets : ndarray of shape (n_labels, n_parts)
        From `label_targets`.
    needs_one : ndarray of shape (n_parts,)
        Parts that need a row of each label.
    n_units : ndarray of shape (n_labels,)
        Rows, or groups of rows, of each label that can be placed separately. A label should
        be in each part of `needs_one` if it has one for each, and in two if it has two.
    n_rows : ndarray of shape (n_labels,)
        Rows of each label.
    weight : float or ndarray of shape (n_labels,), default=1
        What the squared distance of a label costs.
    is_rare : bool or ndarray of shape (n_labels,), default=False
        Labels that should not get less even.
    """

    def __init__(
        self, counts, targets, needs_one, n_units, n_rows, weight=1, is_rare=False
    ):
        self.counts, self.targets = counts, targets
        self.weight, self.is_rare = weight, is_rare
        n_rows = n_rows[:, None]
        self.least = (n_units[:, None] >= needs_one.sum()) * needs_one
        self.most = np.broadcast_to(n_rows - (n_units[:, None] >= 2), counts.shape)

    def is_absent(self):
        """Whether a part lacks a label that it needs, or has all rows of it, (L, parts)."""
        return (self.counts < self.least) | (self.counts > self.most)

    def cost_of_moving(self, source, target):
        """What it costs to move a row of each label between two parts, (L,)."""
        labels = slice(None)
        absent, uneven = self._change(labels, -1)[:, :, source]
        absent, uneven = self._change(labels, 1)[:, :, target] + (absent, uneven)
        factor = np.where(self.is_rare & (uneven > 1e-9), _COST_OF_RARE, self.weight)
        return _COST_OF_ABSENCE * absent + factor * uneven

    def cost_in_each_part(self, labels, rows):
        """What it costs to put ``rows`` rows of ``labels`` into each part, (parts,)."""
        absent, uneven = self._change(labels, rows[:, None])
        return _COST_OF_ABSENCE * absent.sum(axis=0) + self.weight[labels] @ uneven

    def _change(self, labels, rows):
        """How absences and squared distances change with more rows, (2, labels, parts)."""
        before, after = self.counts[labels], self.counts[labels] + rows
        least, most = self.least[labels], self.most[labels]
        targets = self.targets[labels]
        absent = np.maximum(least - after, 0) + np.maximum(after - most, 0)
        absent -= np.maximum(least - before, 0) + np.maximum(before - most, 0)
        return np.array([absent, (after - targets) ** 2 - (before - targets) ** 2])


def swap_rows(Y, part, targets, needs_one, rng):
    """Exchange rows between parts as long as labels get more even; change ``part``.

    Each exchange serves the label and part that are worst off, and is the best of many, so
    that few are needed. The sizes of the parts stay.

    Parameters
    ----------
    Y : sparse matrix of shape (n_rows, n_labels)
        The labels.
    part : ndarray of shape (n_rows,)
        The part of each row.
    targets : ndarray of shape (n_labels, n_parts)
        From `label_targets`.
    needs_one : ndarray of shape (n_parts,)
        Parts that need a row of each label.
    rng : RandomState instance or None
        Decides between equals.

    Returns
    -------
    int
        In how many places a label is still missing.
    """
    Y = sparse.csr_array(Y, dtype=float)
    counts = part_counts(Y, part, len(needs_one))
    is_rare = targets[:, needs_one].min(axis=1) < _N_ROWS_OF_RARE
    n_rows = counts.sum(axis=1)
    balance = Balance(counts, targets, needs_one, n_rows, n_rows, is_rare=is_rare)
    is_done = np.zeros(counts.shape, dtype=bool)
    for _ in range(_MAX_STEPS):
        excess = counts - targets
        gap = np.maximum(
            excess - excess.min(axis=1, keepdims=True),
            excess.max(axis=1, keepdims=True) - excess,
        )
        # A gap of one row is the same after an exchange, the other way round.
        gap = np.where(gap > 1 + 1e-9, gap, 0) + _COST_OF_RARE * balance.is_absent()
        gap[is_done] = 0
        label, worst = np.unravel_index(gap.argmax(), gap.shape)
        if gap[label, worst] == 0:
            break
        if not _improve(Y, part, balance, worst, excess[label], rng):
            is_done[label, worst] = True
    return balance.is_absent().sum()


def _improve(Y, part, balance, worst, excess, rng):
    """Exchange rows of the worst part with one that has more, or less, of its label."""
    has_more = 2 * excess[worst] >= excess.min() + excess.max()
    partners = np.argsort(excess if has_more else -excess, kind="stable")
    for partner in partners[partners != worst][:_N_PARTNERS]:
        source, target = (worst, partner) if has_more else (partner, worst)
        rows = _best_swap(Y, part, balance, source, target, rng)
        if rows is not None:
            change = Y[[rows[0]]].toarray()[0] - Y[[rows[1]]].toarray()[0]
            balance.counts[:, source] -= change
            balance.counts[:, target] += change
            part[list(rows)] = target, source
            return True
    return False


def _best_swap(Y, part, balance, source, target, rng):
    """The rows of two parts whose exchange lowers the cost most, None if none does."""
    out = balance.cost_of_moving(source, target)
    back = balance.cost_of_moving(target, source)
    leaving = _cheapest(Y @ out, np.flatnonzero(part == source), rng)
    entering = _cheapest(Y @ back, np.flatnonzero(part == target), rng)
    rows_out, rows_back = Y[leaving], Y[entering]
    # A label that both rows have stays where it is.
    both = (rows_out * (out + back)[None, :]) @ rows_back.T
    costs = (rows_out @ out)[:, None] + (rows_back @ back)[None, :] - both.toarray()
    i, j = np.unravel_index(costs.argmin(), costs.shape)
    return (leaving[i], entering[j]) if costs[i, j] < -1e-4 else None


def _cheapest(costs, rows, rng):
    """The rows of lowest cost; which of equal ones, is left to chance."""
    if len(rows) <= _N_CANDIDATES:
        return rows
    if rng is not None:
        rows = rng.permutation(rows)
    return rows[np.argpartition(costs[rows], _N_CANDIDATES)[:_N_CANDIDATES]]
