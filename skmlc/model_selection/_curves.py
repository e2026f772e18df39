"""How a metric moves while a threshold falls and entry after entry becomes predicted.

The F1s, accuracies and the like are functions of sums over the rows or over the labels of
what can be counted in them. Sorting the entries by probability and cumulating gives such a
metric at every threshold at once, in O(n L log(n L)) instead of O((n L)^2).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


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
    n_rows, n_labels = entries.positive.shape
    group = np.arange(n_rows)[:, None] if form.groups == "rows" else np.arange(n_labels)
    # Entries fall into bins by how many thresholds they reach, apart for each group.
    reached = np.searchsorted(
        grid.astype(entries.probability.dtype), entries.probability, side="right"
    )
    index = (reached * len(groups) + group).ravel()

    # (C + 1, G): the entries of each group that reach at least 0, 1, ... thresholds.
    def count(entry_weight):
        size = (len(grid) + 1) * len(groups)
        counts = np.bincount(index, entry_weight.ravel(), size).reshape(-1, len(groups))
        return np.cumsum(counts[::-1], axis=0)[::-1]

    tp, predicted = count(entries.positive * weight), count(entries.known * weight)
    summands = form.summands(tp[1:], predicted[1:], tp[0], predicted[0])
    return form.score(*((part * groups).sum(axis=-1) for part in summands))


def score_curve(entries, form):
    """Probabilities (M,) in descending order, and the metric for the first k, (M + 1,)."""
    # Inside a run of equal probabilities, where no threshold cuts, the metric means nothing.
    weight, groups = _weights(entries, form)
    columns = [entries.probability, entries.positive * weight, entries.known * weight]
    if form.groups == "rows":
        columns = [column.T for column in columns]
    order = np.argsort(-columns[0], axis=0)  # (M, G): the members of each group
    probability, positive, known = (np.take_along_axis(c, order, 0) for c in columns)
    tp, predicted = _cumulate(positive), _cumulate(known)  # (M + 1, G)
    summands = form.summands(tp, predicted, tp[-1], predicted[-1])
    order = np.argsort(-probability, axis=None)
    sums = [_sums_along(part, groups, order) for part in summands]
    return probability.ravel()[order], form.score(*sums)


def _sums_along(part, groups, order):
    """Sum of a summand over the groups, while entries are added in the given order."""
    part = part * groups
    if part.ndim == 1:
        return part.sum()
    # An entry moves the sum by what it moves its own group by.
    return part[0].sum() + _cumulate(np.diff(part, axis=0).ravel()[order])


def _weights(entries, form):
    """What an entry adds to the counts, and what a group adds to the sums."""
    weight = entries.weight
    if form.groups == "rows":
        return 1, weight
    is_uniform = np.all(weight == 1)
    return (1 if is_uniform else weight[:, None]), np.ones(entries.positive.shape[1])


def _cumulate(values):
    """Cumulative sums along the first axis, from 0 on."""
    start = np.zeros((1, *values.shape[1:]), dtype=values.dtype)
    return np.concatenate([start, np.cumsum(values, axis=0)])


class RowSums:
    """A metric that sums over rows, as a function of one label's threshold at a time."""

    def __init__(self, entries, form, threshold):
        self.entries, self.form = entries, form
        self.true = entries.positive.sum(axis=1)
        self.known = entries.known.sum(axis=1)
        predicted = entries.probability >= threshold
        self.tp = (predicted & entries.positive).sum(axis=1)
        self.predicted = predicted.sum(axis=1)
        self.column = predicted.copy()

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
        weight, positive, known = entries.weight, entries.positive, entries.known
        self.true, self.n_known = weight @ positive, weight @ known  # (L,)
        predicted = entries.probability >= threshold
        counts = weight @ (predicted & positive), weight @ predicted
        self.parts = self._parts(*counts, slice(None))  # (summands, L)
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
