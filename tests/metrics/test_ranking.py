import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import metrics as sk

from skmlc.metrics import (
    _targets,
    coverage,
    label_average_precision,
    label_ranking_average_precision,
    mean_average_precision,
    micro_average_precision,
    multilabel_log_loss,
    ranking_loss,
)

BY_ROW = [ranking_loss, coverage, label_ranking_average_precision]
ALL = [*BY_ROW, mean_average_precision, micro_average_precision, multilabel_log_loss]


def split(y, score):
    """Scores of the true and of the false labels of one row."""
    true = [s for t, s in zip(y, score) if t == 1]
    return true, [s for t, s in zip(y, score) if t == 0]


def loop_ranking_loss(true, false):
    pairs = [t <= f for t in true for f in false]
    return sum(pairs) / len(pairs) if pairs else 0.0


def loop_coverage(true, false):
    return sum(s >= min(true) for s in true + false) if true else 0.0


def loop_lrap(true, false):
    shares = [sum(o >= s for o in true) / sum(o >= s for o in true + false) for s in true]
    return sum(shares) / len(shares) if shares else 1.0


def average_over_rows(loop, case):
    rows = [i for i in range(len(case.y)) if not np.isnan(case.y[i]).all()]
    values = [loop(*split(case.y[i], case.score[i])) for i in rows]
    return np.average(values, weights=case.weight[rows])


@pytest.mark.parametrize(
    "metric, loop", [*zip(BY_ROW, [loop_ranking_loss, loop_coverage, loop_lrap])]
)
def test_rankings_of_labels_are_the_loops(case, metric, loop, monkeypatch):
    expected = average_over_rows(loop, case)
    assert metric(case.y, case.score, case.weight) == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(_targets, "BLOCK_ENTRIES", 20)  # several blocks
    got = metric(csr_array(case.y), case.score, case.weight)
    assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    "metric, theirs",
    [
        (ranking_loss, sk.label_ranking_loss),
        (coverage, sk.coverage_error),
        (label_ranking_average_precision, sk.label_ranking_average_precision_score),
    ],
)
def test_rankings_of_known_labels_score_as_in_scikit_learn(known_case, metric, theirs):
    y, score = known_case.y.astype(int), known_case.score
    assert metric(y, score) == pytest.approx(theirs(y, score), abs=1e-12)


def points(y, score, weight):
    """(recall, precision) after each distinct score, from the highest down."""
    found = []
    n_true = sum(w for t, w in zip(y, weight) if t == 1)
    for threshold in sorted(set(score), reverse=True):
        taken = [(t, w) for t, s, w in zip(y, score, weight) if s >= threshold]
        hits = sum(w for t, w in taken if t == 1)
        found.append((hits / n_true, hits / sum(w for _, w in taken)))
    return found


def loop_average_precision(y, score, weight, interpolation):
    curve = points(y, score, weight)
    if interpolation == "voc2007":
        return (
            sum(
                max((p for r, p in curve if r >= level / 10 - 1e-9), default=0.0)
                for level in range(11)
            )
            / 11
        )
    total, last = 0.0, 0.0
    for recall, precision in curve:
        if interpolation == "interpolated":
            precision = max(p for r, p in curve if r >= recall)
        total, last = total + (recall - last) * precision, recall
    return total


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("interpolation", [None, "interpolated", "voc2007"])
def test_average_precisions_are_the_loops(case, interpolation, weighted):
    weight = case.weight if weighted else np.ones(len(case.y))
    expected = []
    for y, score in zip(case.y.T, case.score.T):
        kept = ~np.isnan(y) & (weight > 0)
        args = y[kept], score[kept], weight[kept]
        present = (y[kept] == 1).any()
        expected.append(loop_average_precision(*args, interpolation) if present else np.nan)
    assert np.isnan(expected).sum() == 1 + np.isnan(case.y).all(axis=0).sum()
    options = {"interpolation": interpolation}
    got = label_average_precision(case.y, case.score, weight, **options)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    for y in (case.y, csr_array(case.y)):
        score = mean_average_precision(y, case.score, weight, **options)
        assert score == pytest.approx(np.nanmean(expected), abs=1e-12)
    score = mean_average_precision(case.y, case.score, weight, zero_division=0.0, **options)
    assert score == pytest.approx(np.nansum(expected) / len(expected), abs=1e-12)


@pytest.mark.filterwarnings("ignore:No positive class")
def test_average_precision_of_known_labels_is_that_of_scikit_learn(known_case):
    y, score, weight = known_case.y.astype(int), known_case.score, known_case.weight
    expected = sk.average_precision_score(y, score, average="macro", sample_weight=weight)
    got = mean_average_precision(y, score, weight, zero_division=0.0)
    assert got == pytest.approx(expected, abs=1e-12)


def test_the_three_average_precisions_by_hand():
    # Ranked: false, true, true, false, true; recall 1/3, 2/3, 1 at 1/2, 2/3, 3/5.
    y, score = [0, 1, 1, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5]
    plain = (1 / 2 + 2 / 3 + 3 / 5) / 3
    interpolated = (2 / 3 + 2 / 3 + 3 / 5) / 3
    eleven = (7 * 2 / 3 + 4 * 3 / 5) / 11
    assert mean_average_precision(y, score) == pytest.approx(plain)
    got = [
        mean_average_precision(y, score, interpolation=name)
        for name in ("interpolated", "voc2007")
    ]
    assert got == pytest.approx([interpolated, eleven])


def test_eleven_points_meet_recalls_that_are_tenths_exactly():
    # Ten positives, then negatives between: recall 0.3 and 0.7 are met by rounding only.
    y = [1, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1]
    score = -np.arange(13.0)
    expected = (4 * 1.0 + 4 * 7 / 8 + 3 * 10 / 13) / 11
    got = mean_average_precision(y, score, interpolation="voc2007")
    assert got == pytest.approx(expected)


def test_mean_average_precision_of_absent_labels_only_is_undefined():
    y, score = [[0, 0], [0, np.nan]], [[0.1, 0.2], [0.3, 0.4]]
    assert np.isnan(mean_average_precision(y, score))
    assert mean_average_precision(y, score, zero_division=0.0) == 0.0


@pytest.mark.parametrize("weighted", [False, True])
def test_average_precision_of_all_entries_is_the_loop(case, weighted, monkeypatch):
    weight = case.weight if weighted else np.ones(len(case.y))
    kept = [
        (case.y[i, j], case.score[i, j], weight[i])
        for i, j in np.ndindex(*case.y.shape)
        if not np.isnan(case.y[i, j]) and weight[i] > 0
    ]
    expected = loop_average_precision(*zip(*kept), None)
    got = micro_average_precision(case.y, case.score, weight)
    assert got == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(_targets, "BLOCK_ENTRIES", 20)  # several blocks
    got = micro_average_precision(csr_array(case.y), case.score, weight)
    assert got == pytest.approx(expected, abs=1e-12)


def test_average_precision_of_all_known_entries_is_that_of_scikit_learn(known_case):
    y, score, weight = known_case.y.astype(int), known_case.score, known_case.weight
    for given in (None, weight):
        options = {"average": "micro", "sample_weight": given}
        expected = sk.average_precision_score(y, score, **options)
        got = micro_average_precision(y, score, given)
        assert got == pytest.approx(expected, abs=1e-12)


def test_average_precision_of_all_entries_by_hand():
    # Ranked: true, a tie of true and false, unknown, false, true.
    y = [[1, 1, 0], [np.nan, 0, 1]]
    score = [[0.9, 0.7, 0.7], [0.6, 0.5, 0.1]]
    expected = (1 + 2 / 3 + 3 / 5) / 3
    assert micro_average_precision(y, score) == pytest.approx(expected)
    # Weights of 2 and 1: 2 of 2, 4 of 6, 5 of 8, in steps of recall of 2, 2 and 1 fifths.
    expected = (2 * 1 + 2 * 4 / 6 + 5 / 8) / 5
    assert micro_average_precision(y, score, [2, 1]) == pytest.approx(expected)


def test_average_precision_of_all_entries_without_a_positive_is_undefined():
    y, score = [[0, 0], [0, np.nan]], [[0.1, 0.2], [0.3, 0.4]]
    assert np.isnan(micro_average_precision(y, score))
    for value in (0.0, 1.0):
        assert micro_average_precision(y, score, zero_division=value) == value
    with pytest.raises(ValueError, match=r"zero_division must be 0\.0, 1\.0 or np\.nan"):
        micro_average_precision(y, score, zero_division=0.5)


def test_log_loss_is_the_loop_over_the_known_entries(case):
    proba = np.clip(case.score, 0.05, 0.95)
    total = norm = 0.0
    for i, j in np.ndindex(*case.y.shape):
        if not np.isnan(case.y[i, j]):
            hit = proba[i, j] if case.y[i, j] == 1 else 1 - proba[i, j]
            total, norm = total - case.weight[i] * np.log(hit), norm + case.weight[i]
    got = multilabel_log_loss(case.y, proba, case.weight)
    assert got == pytest.approx(total / norm, abs=1e-12)


def test_log_loss_of_one_label_is_that_of_scikit_learn(known_case):
    y, proba = known_case.y[:, 0], known_case.score[:, 0]  # with 0.0 and 1.0 among them
    assert multilabel_log_loss(y, proba) == pytest.approx(sk.log_loss(y, proba))
    assert np.isfinite(multilabel_log_loss([[1.0, 0.0]], np.float32([[0.0, 1.0]])))


def test_log_loss_wants_probabilities():
    with pytest.raises(ValueError, match="y_proba must hold probabilities"):
        multilabel_log_loss([[1, 0]], [[1.5, 0.0]])


@pytest.mark.parametrize("metric", ALL)
def test_scores_of_unknown_entries_do_not_matter(unknown_case, metric):
    y, _, score, weight = unknown_case
    other = np.where(np.isnan(y), 1 - score, score)
    assert metric(y, other, weight) == pytest.approx(metric(y, score, weight), abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_a_weight_of_two_is_a_row_given_twice(unknown_case, metric):
    y, _, score, weight = unknown_case
    counts = (2 * weight).astype(int)
    repeated = metric(np.repeat(y, counts, axis=0), np.repeat(score, counts, axis=0))
    assert metric(y, score, counts) == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_one_label_may_be_a_vector_or_a_column(metric):
    y, score = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.1])
    expected = {
        ranking_loss: 0.0,
        coverage: 0.5,  # one label to look at where it is true, none else
        label_ranking_average_precision: 1.0,
        mean_average_precision: sk.average_precision_score(y, score),
        micro_average_precision: sk.average_precision_score(y, score),
        multilabel_log_loss: sk.log_loss(y, score),
    }
    for got in (metric(y, score), metric(y[:, None], score[:, None])):
        assert got == pytest.approx(expected[metric])


@pytest.mark.parametrize("metric", ALL)
def test_single_precision_and_whole_numbers_are_scores_too(known_case, metric):
    score = np.clip(known_case.score, 0.25, 0.75).astype(np.float32)
    expected = metric(known_case.y, score.astype(np.float64))
    assert metric(known_case.y, score) == pytest.approx(expected, rel=1e-6)
    whole = known_case.score > 0.5
    expected = metric(known_case.y, whole.astype(np.float64))
    assert (
        metric(known_case.y, whole) == metric(known_case.y, whole.astype(int)) == expected
    )


@pytest.mark.parametrize("metric", ALL)
def test_inputs_are_left_as_they_are(unknown_case, metric):
    y, score = unknown_case.y.copy(), unknown_case.score.copy()
    metric(unknown_case.y, unknown_case.score)
    np.testing.assert_array_equal(unknown_case.y, y)
    np.testing.assert_array_equal(unknown_case.score, score)


@pytest.mark.parametrize("metric", ALL)
def test_wrong_scores_are_refused(metric):
    with pytest.raises(
        ValueError, match=r"must be of shape \(1, 2\), as y_true; got \(1, 3\)"
    ):
        metric([[0, 1]], [[0.1, 0.2, 0.3]])
    with pytest.raises(ValueError, match="NaN"):
        metric([[0, 1]], [[0.1, np.nan]])
    with pytest.raises(TypeError, match="must be a dense array"):
        metric([[0, 1]], csr_array([[0.1, 0.2]]))


def test_unknown_interpolation_is_named():
    with pytest.raises(ValueError, match="interpolation must be None"):
        mean_average_precision([[0, 1]], [[0.1, 0.2]], interpolation="linear")
