import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn import metrics as sk

from skmlc.metrics import (
    example_f1,
    hamming_accuracy,
    hamming_loss,
    macro_f1,
    micro_f1,
    subset_accuracy,
)

ALL = [example_f1, micro_f1, macro_f1, subset_accuracy, hamming_accuracy, hamming_loss]
F1S = [example_f1, micro_f1, macro_f1]


def loop_f1(y, pred, weight):
    """2 TP / (2 TP + FP + FN) of the known entries, None where nothing is known."""
    tp = fp = fn = n_known = 0.0
    for true, guess, w in zip(y, pred, weight):
        if np.isnan(true) or w == 0:
            continue
        n_known += 1
        tp += w * (true == 1 and guess == 1)
        fp += w * (true == 0 and guess == 1)
        fn += w * (true == 1 and guess == 0)
    if n_known == 0:
        return None
    return np.nan if tp + fp + fn == 0 else 2 * tp / (2 * tp + fp + fn)


def loop_average(values, weights, zero_division):
    total = norm = 0.0
    for value, w in zip(values, weights):
        if value is None:
            continue
        value = zero_division if np.isnan(value) else value
        if not np.isnan(value):
            total, norm = total + w * value, norm + w
    return total / norm


@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
@pytest.mark.parametrize("weighted", [False, True])
def test_example_f1_is_the_loop_over_the_samples(case, weighted, zero_division):
    weight = case.weight if weighted else np.ones(len(case.y))
    ones = np.ones(case.y.shape[1])
    values = [loop_f1(y, pred, ones) for y, pred in zip(case.y, case.pred)]
    expected = loop_average(values, weight, zero_division)
    got = example_f1(
        case.y,
        case.pred,
        sample_weight=case.weight if weighted else None,
        zero_division=zero_division,
    )
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
@pytest.mark.parametrize("weighted", [False, True])
def test_macro_f1_is_the_loop_over_the_labels(case, weighted, zero_division):
    weight = case.weight if weighted else np.ones(len(case.y))
    values = [loop_f1(y, pred, weight) for y, pred in zip(case.y.T, case.pred.T)]
    expected = loop_average(values, np.ones(len(values)), zero_division)
    got = macro_f1(case.y, case.pred, sample_weight=weight, zero_division=zero_division)
    assert got == pytest.approx(expected, abs=1e-12)


def test_micro_f1_is_the_loop_over_all_entries(case):
    weight = np.repeat(case.weight, case.y.shape[1])
    expected = loop_f1(case.y.ravel(), case.pred.ravel(), weight)
    assert micro_f1(case.y, case.pred, case.weight) == pytest.approx(expected, abs=1e-12)


def test_accuracies_are_the_loops_over_the_known_entries(case):
    exact = wrong = n_rows = n_entries = 0.0
    for y, pred, w in zip(case.y, case.pred, case.weight):
        errors = [t != p for t, p in zip(y, pred) if not np.isnan(t)]
        if errors:
            exact, n_rows = exact + w * (not any(errors)), n_rows + w
            wrong, n_entries = wrong + w * sum(errors), n_entries + w * len(errors)
    args = case.y, case.pred, case.weight
    assert subset_accuracy(*args) == pytest.approx(exact / n_rows, abs=1e-12)
    assert hamming_loss(*args) == pytest.approx(wrong / n_entries, abs=1e-12)
    assert hamming_accuracy(*args) == pytest.approx(1 - wrong / n_entries, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_known_labels_score_as_in_scikit_learn(known_case, weighted):
    y, pred = known_case.y.astype(int), known_case.pred.astype(int)
    weight = known_case.weight if weighted else None
    for ours, average in [
        (example_f1, "samples"),
        (micro_f1, "micro"),
        (macro_f1, "macro"),
    ]:
        expected = sk.f1_score(
            y, pred, average=average, sample_weight=weight, zero_division=np.nan
        )
        got = ours(y, pred, weight, zero_division=np.nan)
        assert got == pytest.approx(expected, abs=1e-12)
    pairs = [(subset_accuracy, sk.accuracy_score), (hamming_loss, sk.hamming_loss)]
    for ours, theirs in pairs:
        expected = theirs(y, pred, sample_weight=weight)
        assert ours(y, pred, weight) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_the_form_of_y_does_not_change_the_score(case, metric):
    expected = metric(case.y, case.pred)
    sparse_y = csr_array(case.y)  # NaN is stored
    assert metric(sparse_y, csr_matrix(case.pred)) == expected
    assert metric(case.y, csr_array(case.pred.astype(bool))) == expected
    assert metric(csr_matrix(case.y), case.pred.astype(np.int8)) == expected
    assert metric(pd.DataFrame(case.y), case.pred.tolist()) == expected
    assert metric(sparse_y.tocsc(), case.pred) == expected


@pytest.mark.parametrize("metric", ALL)
def test_stored_zeros_and_split_entries_of_sparse_y_count_once(metric):
    # Row 0 stores label 0 as 1 + 0, row 1 stores a zero.
    y = csr_array((np.array([1, 0, 0, 1]), [0, 0, 1, 2], [0, 2, 4]), shape=(2, 3))
    pred = csr_array((np.array([1, 0, 1]), [0, 1, 1], [0, 2, 3]), shape=(2, 3))
    before = y.indices.copy(), y.data.copy()
    assert metric(y, pred) == metric([[1, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(y.indices, before[0])
    np.testing.assert_array_equal(y.data, before[1])


@pytest.mark.parametrize("metric", ALL)
def test_what_is_predicted_for_unknown_entries_does_not_matter(unknown_case, metric):
    y, pred, _, weight = unknown_case
    flipped = np.where(np.isnan(y), 1 - pred, pred)
    assert metric(y, flipped, weight) == metric(y, pred, weight)


@pytest.mark.parametrize("metric", ALL)
def test_a_weight_of_two_is_a_row_given_twice(unknown_case, metric):
    y, pred, _, weight = unknown_case
    counts = (2 * weight).astype(int)
    repeated = metric(np.repeat(y, counts, axis=0), np.repeat(pred, counts, axis=0))
    assert metric(y, pred, counts) == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_one_label_may_be_a_vector_or_a_column(metric):
    y, pred = np.array([1, 0, 1, 0, 1]), np.array([1, 0, 0, 1, 1])
    score = metric(y, pred)
    assert score == metric(y[:, None], pred[:, None]) == metric(y, csr_array(pred[:, None]))
    f1 = sk.f1_score(y, pred)
    expected = {micro_f1: f1, macro_f1: f1, hamming_loss: 0.4}
    assert score == pytest.approx(expected.get(metric, 0.6 if metric not in F1S else 0.4))


def test_absent_labels_decide_what_zero_division_says():
    y, pred = [[1, 0], [0, 0]], [[1, 0], [0, 0]]
    for metric in (example_f1, macro_f1):
        assert metric(y, pred) == 0.5
        assert metric(y, pred, zero_division=1.0) == 1.0
        assert metric(y, pred, zero_division=np.nan) == 1.0
    nothing = [[0, 0]]
    for metric in F1S:
        assert metric(nothing, nothing) == 0.0
        assert np.isnan(metric(nothing, nothing, zero_division=np.nan))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(
    "y_true, y_pred, message",
    [
        ([[1, 2]], [[1, 0]], "y_true must be an indicator matrix of zeros and ones.* 2"),
        ([[1, 0]], [[0.5, 0]], "y_pred must be .* of zeros and ones.* 0.5"),
        ([[1, 0]], [[np.nan, 0]], "y_pred must be .* zeros and ones.* NaN"),
        (
            [[1, 0]],
            [[1, 0, 0]],
            r"y_pred must be of shape \(1, 2\), as y_true; got \(1, 3\)",
        ),
        ([[np.nan, np.nan]], [[1, 0]], "y_true must have a known entry"),
    ],
)
def test_wrong_arguments_are_named(metric, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        metric(y_true, y_pred)


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, np.nan]])
def test_wrong_weights_are_refused(weight):
    with pytest.raises(ValueError, match="sample_weight must hold 2 non-negative"):
        micro_f1([[1, 0], [0, 1]], [[1, 0], [0, 1]], weight)


@pytest.mark.parametrize("zero_division", [0.5, "warn", None])
def test_wrong_zero_division_is_refused(zero_division):
    with pytest.raises(ValueError, match=r"zero_division must be 0.0, 1.0 or np.nan; got"):
        macro_f1([[1, 0]], [[1, 0]], zero_division=zero_division)


@pytest.mark.parametrize("metric", ALL)
def test_many_sparse_labels_are_not_made_dense(metric, make_large_labels):
    y, pred = make_large_labels(100_000, seed=0), make_large_labels(100_000, seed=1)
    tracemalloc.start()
    metric(y, pred)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A dense matrix of one byte per entry has 100 MB; y holds 400,000 ones.
    assert peak < 40e6
