"""Metrics against their definitions, for any labels, unknown entries, ties and weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skmlc import metrics
from tests.strategies import examples, indicators, weights


@st.composite
def cases(draw):
    """Draw labels with a known entry, predictions, tied scores and weights."""
    Y = draw(indicators(missing=draw(st.booleans())))
    weight = draw(weights(len(Y)))
    counts = np.flatnonzero(weight)[0]
    if np.isnan(Y[weight > 0]).all():
        Y[counts, draw(st.integers(0, Y.shape[1] - 1))] = draw(st.sampled_from([0, 1]))
    grid = st.lists(st.integers(0, 4), min_size=Y.size, max_size=Y.size)
    scores = (np.array(draw(grid)) / 4).reshape(Y.shape)
    guesses = np.array(draw(grid)).reshape(Y.shape) % 2
    return Y, guesses, scores, weight


def known_rows(Y, weight):
    """Yield the rows that count, each with its known labels and its weight."""
    for n in range(len(Y)):
        known = [j for j in range(Y.shape[1]) if not np.isnan(Y[n, j])]
        if known and weight[n]:
            yield n, known, weight[n]


def average(values):
    """Return the mean of (value, weight), of which NaN does not count."""
    values = [(value, w) for value, w in values if not np.isnan(value)]
    total = sum(w for _, w in values)
    return sum(value * w for value, w in values) / total if total else np.nan


# The metrics as loops, entry by entry -------------------------------------------------------


def f1(pairs):
    """Return 2 TP / (2 TP + FP + FN) of triples (label, guess, weight); zero if undefined."""
    hits = sum(w for y, p, w in pairs if y and p)
    wrong = sum(w for y, p, w in pairs if y != p)
    return 2 * hits / (2 * hits + wrong) if hits + wrong else 0.0


def share(pairs, which):
    """Return the weight of the hits over that of the entries that are one; zero of none."""
    total = sum(entry[2] for entry in pairs if entry[which])
    return sum(w for y, p, w in pairs if y and p) / total if total else 0.0


def by_label(Y, P, weight):
    """Return the known entries that count of each label that has some."""
    columns = {}
    for n, known, w in known_rows(Y, weight):
        for j in known:
            columns.setdefault(j, []).append((Y[n, j], P[n, j], w))
    return list(columns.values())


def example_f1(Y, P, scores, weight):
    return average(
        (f1([(Y[n, j], P[n, j], 1) for j in known]), w)
        for n, known, w in known_rows(Y, weight)
    )


def micro_f1(Y, P, scores, weight):
    return f1(
        [(Y[n, j], P[n, j], w) for n, known, w in known_rows(Y, weight) for j in known]
    )


def macro_f1(Y, P, scores, weight):
    return np.mean([f1(pairs) for pairs in by_label(Y, P, weight)])


def class_precision(Y, P, scores, weight):
    return np.mean([share(pairs, 1) for pairs in by_label(Y, P, weight)])


def class_recall(Y, P, scores, weight):
    return np.mean([share(pairs, 0) for pairs in by_label(Y, P, weight)])


def class_f1(Y, P, scores, weight):
    p, r = class_precision(Y, P, scores, weight), class_recall(Y, P, scores, weight)
    return 2 * p * r / (p + r) if p + r else 0.0


def overall_precision(Y, P, scores, weight):
    entries = [entry for pairs in by_label(Y, P, weight) for entry in pairs]
    return share(entries, 1)


def overall_recall(Y, P, scores, weight):
    entries = [entry for pairs in by_label(Y, P, weight) for entry in pairs]
    return share(entries, 0)


def subset_accuracy(Y, P, scores, weight):
    return average(
        (float(all(Y[n, j] == P[n, j] for j in known)), w)
        for n, known, w in known_rows(Y, weight)
    )


def hamming_accuracy(Y, P, scores, weight):
    return average(
        (float(Y[n, j] == P[n, j]), w)
        for n, known, w in known_rows(Y, weight)
        for j in known
    )


def ranking_loss(Y, P, scores, weight):
    def of_row(n, known):
        pairs = [
            scores[n, i] <= scores[n, j]
            for i in known
            for j in known
            if Y[n, i] and not Y[n, j]
        ]
        return np.mean(pairs) if pairs else 0.0

    return average((of_row(n, known), w) for n, known, w in known_rows(Y, weight))


def coverage(Y, P, scores, weight):
    def of_row(n, known):
        positive = [scores[n, j] for j in known if Y[n, j]]
        return sum(scores[n, j] >= min(positive) for j in known) if positive else 0.0

    return average((float(of_row(n, known)), w) for n, known, w in known_rows(Y, weight))


def label_ranking_average_precision(Y, P, scores, weight):
    def of_row(n, known):
        positive = [j for j in known if Y[n, j]]
        if len(positive) in (0, len(known)):
            return 1.0
        shares = []
        for j in positive:
            above = [i for i in known if scores[n, i] >= scores[n, j]]
            shares.append(sum(Y[n, i] for i in above) / len(above))
        return np.mean(shares)

    return average((of_row(n, known), w) for n, known, w in known_rows(Y, weight))


def average_precision(entries):
    """Sum precision times each step of recall, of triples (label, score, weight)."""
    total = sum(w for y, _, w in entries if y)
    if not total:
        return np.nan
    precision, recall = 0.0, 0.0
    for level in sorted({score for _, score, _ in entries}, reverse=True):
        above = [entry for entry in entries if entry[1] >= level]
        hits = sum(w for y, _, w in above if y)
        precision += (hits / total - recall) * hits / sum(w for _, _, w in above)
        recall = hits / total
    return precision


def mean_average_precision(Y, P, scores, weight):
    return average(
        (average_precision(entries), 1) for entries in by_label(Y, scores, weight)
    )


def micro_average_precision(Y, P, scores, weight):
    entries = [entry for label in by_label(Y, scores, weight) for entry in label]
    return average_precision(entries)


OF_PREDICTIONS = [
    example_f1, micro_f1, macro_f1, class_precision, class_recall, class_f1,
    overall_precision, overall_recall, subset_accuracy, hamming_accuracy,
]  # fmt: skip
LOOPS = [
    *OF_PREDICTIONS, ranking_loss, coverage, label_ranking_average_precision,
    mean_average_precision, micro_average_precision,
]  # fmt: skip
every_loop = pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)


def score(loop, Y, P, scores, weight=None):
    """Return our metric of the same name."""
    answer = P if loop in OF_PREDICTIONS else scores
    return getattr(metrics, loop.__name__)(Y, answer, weight)


@every_loop
@examples(20)
@given(case=cases())
def test_a_metric_is_its_definition(loop, case):
    expected = loop(*case)
    assert score(loop, *case) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    Y, P, scores, weight = case
    if not np.isnan(Y[weight > 0]).all():
        expected = loop(Y, P, scores, np.ones(len(Y)))
        found = score(loop, Y, P, scores)
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


@every_loop
@examples(6)
@given(case=cases(), data=st.data())
def test_the_order_of_samples_and_labels_does_not_matter(loop, case, data):
    Y, P, scores, weight = case
    rows = data.draw(st.permutations(range(len(Y))))
    labels = data.draw(st.permutations(range(Y.shape[1])))
    other = [array[rows][:, labels] for array in (Y, P, scores)]
    found = score(loop, *other, weight[rows])
    assert found == pytest.approx(score(loop, *case), abs=1e-12, nan_ok=True)


@every_loop
@examples(6)
@given(case=cases())
def test_a_weight_is_how_often_a_row_is_given(loop, case):
    Y, P, scores, weight = case
    repeated = [np.repeat(array, weight.astype(int), axis=0) for array in (Y, P, scores)]
    found = score(loop, *repeated)
    assert found == pytest.approx(score(loop, *case), abs=1e-12, nan_ok=True)


@every_loop
@examples(6)
@given(case=cases())
def test_sparse_labels_score_as_dense_ones(loop, case):
    Y, P, scores, weight = case
    found = score(loop, sparse.csr_array(Y), sparse.csr_array(P), scores, weight)
    assert found == pytest.approx(score(loop, *case), abs=1e-12, nan_ok=True)
