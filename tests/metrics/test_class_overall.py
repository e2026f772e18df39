import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlc.metrics import (
    _targets,
    class_f1,
    class_overall_scores,
    class_precision,
    class_recall,
    macro_f1,
    micro_f1,
    overall_precision,
    overall_recall,
    top_k_predictions,
)


def loop_scores(y, pred, weight, zero_division):
    """CP, CR, CF1, OP, OR, OF1 over the known entries, one entry after another."""
    counts = np.zeros((y.shape[1], 3))  # correct, predicted, true
    for i in range(len(y)):
        for j in range(y.shape[1]):
            if not np.isnan(y[i, j]):
                counts[j] += weight[i] * np.array(
                    [y[i, j] * pred[i, j], pred[i, j], y[i, j]]
                )
    labels = [j for j in range(y.shape[1]) if not np.isnan(y[:, j]).all()]

    def divide(a, b):
        return a / b if b else zero_division

    def mean(values):
        kept = [value for value in values if not np.isnan(value)]
        return sum(kept) / len(kept) if kept else np.nan

    def harmonic(a, b):
        return 2 * a * b / (a + b) if a + b else 0.0

    cp = mean([divide(counts[j, 0], counts[j, 1]) for j in labels])
    cr = mean([divide(counts[j, 0], counts[j, 2]) for j in labels])
    op, rec = (divide(counts[:, 0].sum(), counts[:, c].sum()) for c in (1, 2))
    scores = [cp, cr, harmonic(cp, cr), op, rec, harmonic(op, rec)]
    return dict(zip(["CP", "CR", "CF1", "OP", "OR", "OF1"], scores))


def loop_top_k(y, score, k, rule, threshold):
    pred = np.zeros(score.shape)
    for i in range(len(score)):
        known = [j for j in range(score.shape[1]) if not np.isnan(y[i, j])]
        best = sorted(known, key=lambda j: (-score[i, j], j))[:k]
        for j in best:
            pred[i, j] = rule == "always" or score[i, j] >= threshold
    return pred


FUNCTIONS = {
    "CP": class_precision,
    "CR": class_recall,
    "CF1": class_f1,
    "OP": overall_precision,
    "OR": overall_recall,
    "OF1": micro_f1,
}


@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_the_six_functions_are_the_loops(case, zero_division):
    expected = loop_scores(case.y, case.pred, case.weight, zero_division)
    for name, function in FUNCTIONS.items():
        got = function(case.y, case.pred, case.weight, zero_division=zero_division)
        assert got == pytest.approx(expected[name], abs=1e-12), name


def test_scores_at_a_threshold_are_the_loops(case):
    for threshold in (0.5, 0.3):  # 0.5 and 0.3 occur among the scores
        pred = (case.score >= threshold).astype(float)
        expected = loop_scores(case.y, pred, case.weight, 0.0)
        got = class_overall_scores(case.y, case.score, case.weight, threshold=threshold)
        assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rule", ["always", "above_threshold"])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_scores_of_the_top_k_are_the_loops(case, rule, k):
    pred = loop_top_k(case.y, case.score, k, rule, 0.7)
    expected = loop_scores(case.y, pred, case.weight, np.nan)
    got = class_overall_scores(
        csr_array(case.y),
        case.score,
        case.weight,
        k=k,
        top_k_rule=rule,
        threshold=0.7,
        zero_division=np.nan,
    )
    assert got == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_two_top_k_rules_differ_where_a_top_label_is_below_the_threshold():
    y, score = [[1, 1, 0]], [[0.9, 0.2, 0.1]]
    always = class_overall_scores(y, score, k=2)
    above = class_overall_scores(y, score, k=2, top_k_rule="above_threshold")
    assert (always["OP"], always["OR"]) == (1.0, 1.0)
    assert (above["OP"], above["OR"]) == (1.0, 0.5)


def test_cf1_is_not_the_macro_averaged_f1():
    y, pred = [[1, 0], [1, 0], [0, 1]], [[1, 1], [0, 1], [0, 1]]
    # Precisions 1 and 1/3, recalls 1/2 and 1.
    assert class_f1(y, pred) == pytest.approx(2 * (2 / 3) * 0.75 / (2 / 3 + 0.75))
    assert macro_f1(y, pred) == pytest.approx((2 / 3 + 1 / 2) / 2)


@pytest.mark.parametrize("rule", ["always", "above_threshold"])
def test_top_k_takes_the_first_of_equal_scores(known_case, rule, monkeypatch):
    monkeypatch.setattr(_targets, "BLOCK_ENTRIES", 20)  # several blocks
    for k in (1, 2, 20):
        got = top_k_predictions(known_case.score, k, top_k_rule=rule, threshold=0.6)
        expected = loop_top_k(known_case.y, known_case.score, k, rule, 0.6)
        np.testing.assert_array_equal(got.toarray(), expected)


def test_one_label_is_always_its_own_top_k():
    scores = class_overall_scores([1, 0, 1, 1], [0.9, 0.2, 0.1, 0.6], k=3)
    assert scores["OP"] == 0.75
    assert scores["OR"] == 1.0
    assert class_overall_scores([1, 0, 1, 1], [0.9, 0.2, 0.1, 0.6])["OR"] == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize("k", [0, -1, 1.5, "3"])
def test_k_must_be_a_positive_whole_number(k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        top_k_predictions([[0.1, 0.2]], k)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        class_overall_scores([[0, 1]], [[0.1, 0.2]], k=k)


def test_unknown_rules_and_bad_scores_are_named():
    with pytest.raises(
        ValueError, match="top_k_rule must be 'always' or 'above_threshold'"
    ):
        top_k_predictions([[0.1, 0.2]], 1, top_k_rule="top")
    with pytest.raises(ValueError, match="NaN"):
        top_k_predictions([[0.1, np.nan]], 1)
    with pytest.raises(TypeError, match="y_score must be a dense array; got a sparse"):
        top_k_predictions(csr_array([[0.1, 0.2]]), 1)
    with pytest.raises(ValueError, match=r"y_score must be of shape \(1, 2\), as y_true"):
        class_overall_scores([[0, 1]], [[0.1, 0.2, 0.3]])
