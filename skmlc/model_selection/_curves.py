"""How a metric moves while a threshold falls and entry after entry becomes predicted.

The F1s, accuracies and the like are functions of sums over the rows or over the labels of
what can be counted in them. Sorting the entries by probability and cumulating gives such a
metric at every threshold at once, in O(n L log(n L)) instead of O((n L)^2).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..row_blocks import row_blocks


class Form(NamedTuple):
    """A metric as ``score(*sums)`` of sums over groups, the rows or the labels.

    ``summands(tp, predicted, true, known)`` gets counts of true positives, of predicted, of
    true and of known entries of the groups, (..., G), and returns what is to be summed.
    """

    groups: str
    summands: Callable
    score: Callable


def _ratio(numerator, denominator):
    """The quotient, and 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient = np.zeros(numerator.shape)
    return np.divide(numerator, denominator, out=quotient, where=denominator != 0)


# What a group adds to the sums; t, p, y, k are its counts of true positives, of predicted,
# of true and of known entries. A group of which nothing is known adds nothing.
def _f1(t, p, y, k):
    return _ratio(2 * t, p + y), k > 0


def _precision(t, p, y, k):
    return _ratio(t, p), k > 0


def _recall(t, p, y, k):
    return _ratio(t, y), k > 0


def _precision_and_recall(t, p, y, k):
    return _ratio(t, p), _ratio(t, y), k > 0


def _all_right(t, p, y, k):
    return (t == p) & (t == y) & (k > 0), k > 0


def _entries_right(t, p, y, k):
    return k - p - y + 2 * t, k


def _entries_wrong(t, p, y, k):
    return p + y - 2 * t, k


def _entries_shared(t, p, y, k):
    return 2 * t, p + y


def _entries_found(t, p, y, k):
    return t, y


def _entries_hit(t, p, y, k):
    return t, p


def _jaccard(t, p, y, k):
    return _ratio(t, p + y - t), k > 0


def _entries_of_both(t, p, y, k):
    return t, p + y - t


def _class_f1(precision, recall, n_labels):
    # The harmonic mean of precision / n_labels and recall / n_labels.
    return _ratio(2 * precision * recall, (precision + recall) * n_labels)


FORMS = {
    "ebF1": Form("rows", _f1, _ratio),
    "miF1": Form("labels", _entries_shared, _ratio),
    "maF1": Form("labels", _f1, _ratio),
    "ACC": Form("rows", _all_right, _ratio),
    "HA": Form("labels", _entries_right, _ratio),
    "hamming_loss": Form("labels", _entries_wrong, _ratio),
    "CP": Form("labels", _precision, _ratio),
    "CR": Form("labels", _recall, _ratio),
    "CF1": Form("labels", _precision_and_recall, _class_f1),
    "OP": Form("labels", _entries_hit, _ratio),
    "OR": Form("labels", _entries_found, _ratio),
    "OF1": Form("labels", _entries_shared, _ratio),
    "ebJaccard": Form("rows", _jaccard, _ratio),
    "miJaccard": Form("labels", _entries_of_both, _ratio),
    "maJaccard": Form("labels", _jaccard, _ratio),
}


def form_of(name):
    """The form of a metric of label sets, by its name; None for another metric."""
    average, _, beta = name.partition("F")
    if name in FORMS or average not in ("eb", "mi", "ma"):
        return FORMS.get(name)
    recall_weight = float(beta) ** 2

    def entries(t, p, y, k):
        return (1 + recall_weight) * t, recall_weight * y + p

    def fbeta(t, p, y, k):
        return _ratio(*entries(t, p, y, k)), k > 0

    groups = "rows" if average == "eb" else "labels"
    return Form(groups, entries if average == "mi" else fbeta, _ratio)


def cuts(probability, grid, limit=None):
    """How many entries each threshold predicts, and the thresholds, (C,), ascending."""
    # ``probability`` (M,) is in descending order, -inf last. Without a grid the thresholds
    # are the distinct probabilities (at most ``limit`` quantiles of them) and a value just
    # above the highest, which predicts nothing.
    ascending = probability[::-1]
    if grid is None:
        grid = np.unique(ascending[np.isfinite(ascending)])
        if limit is not None and len(grid) > limit:
            grid = grid[np.linspace(0, len(grid) - 1, limit).astype(int)]
        grid = np.append(grid, np.nextafter(grid[-1], grid.dtype.type(np.inf)))
    # Compared in the dtype of the probabilities, as `probability >= threshold` does.
    grid = grid.astype(probability.dtype)
    return len(probability) - np.searchsorted(ascending, grid), grid


def score_grid(entries, form, grid):
    """The metric at each threshold of an ascending grid, (C,)."""
    weight, groups = _weights(entries, form)
    grid = grid.astype(entries.probability.dtype)
    blocks = []
    for probability, positive, known in _group_blocks(entries, form):
        reached = np.searchsorted(grid, probability, side="right")
        tp, predicted = (
            _count_reached(reached, mask, weight, len(grid)) for mask in (positive, known)
        )
        blocks.append(form.summands(tp[1:], predicted[1:], tp[0], predicted[0]))
    summands = [np.concatenate(parts, axis=-1) for parts in zip(*blocks, strict=True)]
    return form.score(*((part * groups).sum(axis=-1) for part in summands))


def _group_blocks(entries, form):
    """Yield probabilities, positive and known entries (M, g) of some groups at a time."""
    matrices = entries.probability, entries.positive, entries.known
    if form.groups == "labels":
        matrices = [matrix.T for matrix in matrices]  # a row per group
    for groups in row_blocks(matrices[0]):
        yield [np.ascontiguousarray(matrix[groups].T) for matrix in matrices]


def _count_reached(reached, mask, weight, n_thresholds):
    """Weigh the entries of a mask that reach at least 0, 1, .. thresholds, (C + 1, g)."""
    # Entries fall into bins by how many thresholds they reach, apart for each group.
    n_groups = reached.shape[1]
    index = (reached * n_groups + np.arange(n_groups))[mask]
    if weight is not None:
        weight = np.broadcast_to(weight[:, None], mask.shape)[mask]
    counts = np.bincount(index, weight, (n_thresholds + 1) * n_groups)
    return np.cumsum(counts.reshape(-1, n_groups)[::-1], axis=0)[::-1]


def score_curve(entries, form):
    """Probabilities (M,) in descending order, and the metric for the first k, (M + 1,)."""
    # Inside a run of equal probabilities, where no threshold cuts, the metric means nothing.
    weight, groups = _weights(entries, form)
    probability, blocks, first = [], [], 0
    for columns in _group_blocks(entries, form):
        order = np.argsort(-columns[0], axis=0)  # (M, g): the members of each group
        columns = [np.take_along_axis(column, order, 0) for column in columns]
        entry_weight = 1 if weight is None else weight[order]
        tp, predicted = (
            _cumulate(mask * entry_weight) for mask in columns[1:]
        )  # (M + 1, g)
        summands = form.summands(tp, predicted, tp[-1], predicted[-1])
        here = groups[first : first + order.shape[1]]
        probability.append(columns[0])
        blocks.append([_start_and_moves(part * here) for part in summands])
        first += order.shape[1]
    probability = np.concatenate(probability, axis=1).ravel()  # (M * G,)
    order = np.argsort(-probability)
    sums = [_sums_along(parts, order) for parts in zip(*blocks, strict=True)]
    return probability[order], form.score(*sums)


def _start_and_moves(part):
    """Split a summand (M + 1, g) or (g,) into its first row and the steps from row to row."""
    return (part, None) if part.ndim == 1 else (part[0], np.diff(part, axis=0))


def _sums_along(parts, order):
    """Sum of a summand over the groups, while entries are added in the given order."""
    starts, moves = zip(*parts, strict=True)
    start = np.concatenate(starts).sum()
    if moves[0] is None:
        return start
    # An entry moves the sum by what it moves its own group by.
    return start + _cumulate(np.concatenate(moves, axis=1).ravel()[order])


def _weights(entries, form):
    """What an entry adds to the counts, None for one, and what a group adds to the sums."""
    if form.groups == "rows":
        return None, entries.weight
    is_uniform = np.all(entries.weight == 1)
    return None if is_uniform else entries.weight, np.ones(entries.positive.shape[1])


def _cumulate(values):
    """Cumulative sums along the first axis, from 0 on."""
    dtype = np.cumsum(values[:0]).dtype
    sums = np.zeros((len(values) + 1, *values.shape[1:]), dtype=dtype)
    np.cumsum(values, axis=0, out=sums[1:])
    return sums


class RowSums:
    """A metric that sums over rows, as a function of one label's threshold at a time."""

    def __init__(self, entries, form, threshold):
        self.entries, self.form = entries, form
        self.true = entries.positive.sum(axis=1)
        self.known = entries.known.sum(axis=1)
        predicted = entries.probability >= threshold
        self.tp = (predicted & entries.positive).sum(axis=1)
        self.predicted = predicted.sum(axis=1)
        self.column = predicted

    def scores(self, label, order, n_above):
        """The metric if the first ``n_above`` entries of the label are predicted."""
        y, known = self.entries.positive[:, label], self.entries.known[:, label]
        tp = self.tp - (y & self.column[:, label])
        predicted = self.predicted - self.column[:, label]
        off = self.form.summands(tp, predicted, self.true, self.known)
        on = self.form.summands(tp + y, predicted + known, self.true, self.known)
        weight = self.entries.weight
        sums = []
        for without, with_label in zip(off, on):
            moves = (with_label * weight - without * weight)[order]
            sums.append(np.sum(without * weight) + _cumulate(moves)[n_above])
        return self.form.score(*sums)

    def update(self, label, predicted):
        """Take over the predictions of a label."""
        change = predicted.astype(int) - self.column[:, label]
        self.tp += change * self.entries.positive[:, label]
        self.predicted += change
        self.column[:, label] = predicted


class LabelSums:
    """A metric that sums over labels, as a function of one label's threshold at a time."""

    def __init__(self, entries, form, threshold):
        self.entries, self.form = entries, form
        n_labels = entries.positive.shape[1]
        self.true, self.n_known, tp, n_predicted = np.zeros((4, n_labels))
        for rows in row_blocks(entries.probability):
            weight, positive = entries.weight[rows], entries.positive[rows]
            predicted = entries.probability[rows] >= threshold
            self.true += weight @ positive
            self.n_known += weight @ entries.known[rows]
            tp += weight @ (predicted & positive)
            n_predicted += weight @ predicted
        self.parts = self._parts(tp, n_predicted, slice(None))  # (summands, L)
        self.sums = self.parts.sum(axis=1)

    def _parts(self, tp, predicted, label):
        counts = tp, predicted, self.true[label], self.n_known[label]
        return np.stack(np.broadcast_arrays(*self.form.summands(*counts))).astype(float)

    def scores(self, label, order, n_above):
        """The metric if the first ``n_above`` entries of the label are predicted."""
        weight, known = self.entries.weight[order], self.entries.known[order, label]
        tp = _cumulate(weight * self.entries.positive[order, label])[n_above]
        parts = self._parts(tp, _cumulate(weight * known)[n_above], label)
        return self.form.score(*(parts + (self.sums - self.parts[:, label])[:, None]))

    def update(self, label, predicted):
        """Take over the predictions of a label."""
        weight = self.entries.weight
        tp = weight @ (self.entries.positive[:, label] & predicted)
        part = self._parts(tp, weight @ predicted, label)
        self.sums += part - self.parts[:, label]
        self.parts[:, label] = part


class AnyMetric:
    """Any metric, as a function of one label's threshold at a time: recomputed for each."""

    def __init__(self, entries, function, threshold):
        self.function = function
        self.predicted = entries.probability >= threshold

    def scores(self, label, order, n_above):
        """The metric if the first ``n_above`` entries of the label are predicted."""
        scores = []
        for n in n_above:
            self.predicted[order[:n], label] = True
            self.predicted[order[n:], label] = False
            scores.append(self.function(self.predicted))
        return np.array(scores)

    def update(self, label, predicted):
        """Take over the predictions of a label."""
        self.predicted[:, label] = predicted
