import itertools
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import ndcg_score

from skmlc.metrics import (
    _targets,
    label_propensities,
    ndcg_at_k,
    one_error,
    precision_at_k,
    propensity_scored_precision_at_k,
)


def known(case):
    """(labels, scores, weight) of each row's known entries."""
    for y, score, weight in zip(case.y, case.score, case.weight):
        kept = np.flatnonzero(~np.isnan(y))
        if kept.size:
            yield y, score, kept, weight


def loop_gain(gain, score, labels, k):
    """Gain of the top k with ties shared, one label after another."""
    total = 0.0
    for j in labels:
        above = sum(score[o] > score[j] for o in labels)
        tied = sum(score[o] == score[j] for o in labels)
        total += gain[j] * min(max(k - above, 0), tied) / tied
    return total


@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_precision_is_the_loop(case, k, monkeypatch):
    total = norm = 0.0
    for y, score, labels, weight in known(case):
        total += weight * loop_gain(y, score, labels, k) / min(k, len(labels))
        norm += weight
    got = precision_at_k(case.y, case.score, case.weight, k=k)
    assert got == pytest.approx(total / norm, abs=1e-12)
    monkeypatch.setattr(_targets, "BLOCK_ENTRIES", 20)  # several blocks
    got = precision_at_k(csr_array(case.y), case.score, case.weight, k=k)
    assert got == pytest.approx(total / norm, abs=1e-12)


def test_shared_places_are_the_average_over_all_orders_of_tied_labels():
    y, score, k = np.array([1, 0, 1, 1, 0]), np.array([0.5, 0.5, 0.9, 0.5, 0.1]), 2
    hits = []
    for order in itertools.permutations(range(5)):
        best = sorted(order, key=lambda j: -score[j])[:k]  # a stable sort
        hits.append(sum(y[best]) / k)
    assert precision_at_k([y], [score], k=k) == pytest.approx(np.mean(hits))


def test_one_error_counts_false_top_labels_and_empty_rows():
    y = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]
    score = [[0.9, 0.1, 0.1], [0.9, 0.1, 0.1], [0.9, 0.1, 0.1], [0.4, 0.4, 0.1]]
    assert one_error(y, score) == (0 + 1 + 1 + 0.5) / 4
    assert one_error(y, score, [1, 0, 0, 2]) == pytest.approx((0 + 2 * 0.5) / 3)
    y[1] = [np.nan, np.nan, 1]
    assert one_error(y, score) == (0 + 0 + 1 + 0.5) / 4


def loop_ndcg(y, score, labels, k):
    """Discounted gain with each tied label at the average of its places' discounts."""
    k = len(labels) if k is None else k
    discounts = [1 / np.log2(place + 2) if place < k else 0.0 for place in range(len(y))]
    gain = 0.0
    for j in labels:
        above = sum(score[o] > score[j] for o in labels)
        tied = sum(score[o] == score[j] for o in labels)
        gain += y[j] * sum(discounts[above : above + tied]) / tied
    best = sum(discounts[: int(sum(y[labels]))])
    return gain / best if best else np.nan


@pytest.mark.parametrize("k", [None, 1, 3, 9])
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_ndcg_is_the_loop(case, k, zero_division, monkeypatch):
    monkeypatch.setattr(_targets, "BLOCK_ENTRIES", 14)  # blocks of two rows
    total = norm = 0.0
    for y, score, labels, weight in known(case):
        value = loop_ndcg(y, score, labels, k)
        value = zero_division if np.isnan(value) else value
        if not np.isnan(value):
            total, norm = total + weight * value, norm + weight
    got = ndcg_at_k(case.y, case.score, case.weight, k=k, zero_division=zero_division)
    assert got == pytest.approx(total / norm, abs=1e-12)


def test_ndcg_of_known_labels_is_that_of_scikit_learn(known_case):
    y, score = known_case.y.astype(int), known_case.score
    assert ndcg_at_k(y, score, k=3) == pytest.approx(ndcg_score(y, score, k=3))
    assert np.isnan(ndcg_at_k([[0, 0]], [[0.1, 0.2]], zero_division=np.nan))


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_propensity_scored_precision_is_the_loop(case, k, normalize, given):
    rows = ~np.isnan(case.y).all(axis=1) & (case.weight > 0)
    counts = np.nansum(case.y[rows], axis=0)
    propensities = label_propensities(counts, rows.sum())
    if given:
        propensities = np.linspace(0.2, 1.0, case.y.shape[1])
    total = best = norm = 0.0
    for y, score, labels, weight in known(case):
        gain = y / propensities
        n_places = min(k, len(labels))
        total += weight * loop_gain(gain, score, labels, k) / n_places
        best += weight * sum(sorted(gain[labels])[-n_places:]) / n_places
        norm += weight
    got = propensity_scored_precision_at_k(
        case.y,
        case.score,
        case.weight,
        k=k,
        propensities=propensities if given else None,
        normalize=normalize,
    )
    assert got == pytest.approx(total / (best if normalize else norm), abs=1e-12)


def test_a_rare_label_counts_for_more():
    y = np.zeros((20, 2), dtype=int)
    y[:19, 0], y[19, 1] = 1, 1
    common, rare = np.tile([0.9, 0.1], (20, 1)), np.tile([0.1, 0.9], (20, 1))
    plain = [precision_at_k(y, score) for score in (common, rare)]
    scored = [propensity_scored_precision_at_k(y, score) for score in (common, rare)]
    assert plain == pytest.approx([0.95, 0.05])
    assert scored[1] > 1.5 * plain[1]
    assert sum(scored) == pytest.approx(1.0)


def test_propensities_follow_the_formula_of_the_paper():
    n, counts, a, b = 1_000, [0, 7, 1_000], 0.5, 0.4
    c = (np.log(n) - 1) * (b + 1) ** a
    expected = [1 / (1 + c * np.exp(-a * np.log(count + b))) for count in counts]
    np.testing.assert_allclose(label_propensities(counts, n, a=a, b=b), expected)
    assert (label_propensities([0, 1, 2], 2) == 1.0).all()
    with pytest.raises(ValueError, match="label_counts must be non-negative"):
        label_propensities([-1, 2], 5)


@pytest.mark.parametrize("propensities", [[0.5], [0.5, 0.0], [0.5, 1.5], [0.5, np.nan]])
def test_wrong_propensities_are_refused(propensities):
    with pytest.raises(ValueError, match="propensities must be"):
        propensity_scored_precision_at_k([[0, 1]], [[0.1, 0.2]], propensities=propensities)


def test_without_any_true_label_zero_division_decides():
    y, score = [[0, 0]], [[0.1, 0.2]]
    assert propensity_scored_precision_at_k(y, score) == 0.0
    assert propensity_scored_precision_at_k(y, score, zero_division=1.0) == 1.0
    assert propensity_scored_precision_at_k(y, score, normalize=False) == 0.0
    assert precision_at_k(y, score) == 0.0


METRICS = [precision_at_k, ndcg_at_k, propensity_scored_precision_at_k]


@pytest.mark.parametrize("metric", [*METRICS, one_error])
def test_scores_of_unknown_entries_do_not_matter(unknown_case, metric):
    y, _, score, weight = unknown_case
    other = np.where(np.isnan(y), 1 - score, score)
    assert metric(y, other, weight) == pytest.approx(metric(y, score, weight), abs=1e-12)


@pytest.mark.parametrize("metric", [*METRICS, one_error])
def test_the_order_of_the_labels_does_not_matter(case, metric):
    order = np.random.default_rng(0).permutation(case.y.shape[1])
    expected = metric(case.y, case.score, case.weight)
    got = metric(case.y[:, order], case.score[:, order], case.weight)
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_one_label_may_be_a_vector_or_a_column(metric):
    y, score = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.1])
    expected = 1.0 if metric is propensity_scored_precision_at_k else 0.5
    for k in (1, 3):
        assert metric(y, score, k=k) == pytest.approx(expected)
        assert metric(y[:, None], score[:, None], k=k) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_k_must_be_a_positive_whole_number(metric):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1; got 0"):
        metric([[0, 1]], [[0.1, 0.2]], k=0)


@pytest.mark.parametrize("metric", [precision_at_k, propensity_scored_precision_at_k])
def test_many_labels_are_worked_through_in_blocks(metric, make_large_labels):
    y = make_large_labels(20_000, seed=0)
    score = np.random.default_rng(0).random(y.shape, dtype=np.float32)
    tracemalloc.start()
    metric(y, score, k=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The scores have 80 MB, and y would have 160 MB in its own type if it were dense.
    assert peak < 50e6


def test_propensities_are_matched_to_the_labels_by_name():
    y = pd.DataFrame([[1, 0, 0], [0, 1, 1]], columns=["a", "b", "c"])
    score = [[0.9, 0.4, 0.1], [0.8, 0.2, 0.3]]
    propensities = np.array([0.1, 0.5, 0.9])
    expected = propensity_scored_precision_at_k(y, score, propensities=propensities)
    by_name = pd.Series(propensities, index=list("abc"))[["c", "a", "b"]]
    for given in (by_name, by_name.to_dict()):
        assert propensity_scored_precision_at_k(y, score, propensities=given) == expected
    with pytest.raises(ValueError, match=r"propensities must have the labels of y by name"):
        propensity_scored_precision_at_k(y, score, propensities=by_name[["a", "b"]])
