import numpy as np
import pytest
from sklearn.metrics import fbeta_score, jaccard_score

from skmlc.metrics import (
    example_f1,
    example_fbeta,
    example_jaccard,
    get_metric,
    get_scorer_names,
    macro_f1,
    macro_fbeta,
    macro_jaccard,
    micro_f1,
    micro_fbeta,
    micro_jaccard,
)

AVERAGES = {
    "samples": (example_fbeta, example_jaccard, example_f1, "eb"),
    "micro": (micro_fbeta, micro_jaccard, micro_f1, "mi"),
    "macro": (macro_fbeta, macro_jaccard, macro_f1, "ma"),
}
every_average = pytest.mark.parametrize("average", AVERAGES)


@every_average
@pytest.mark.parametrize("zero_division", [0.0, 1.0])
def test_they_are_those_of_scikit_learn_where_all_is_known(
    average, zero_division, known_case
):
    y, pred, _, weight = known_case
    fbeta, jaccard, _, _ = AVERAGES[average]
    options = {"sample_weight": weight, "zero_division": zero_division}
    for beta in (0.5, 2):
        expected = fbeta_score(y, pred, beta=beta, average=average, **options)
        assert fbeta(y, pred, beta=beta, **options) == pytest.approx(expected)
    expected = jaccard_score(y, pred, average=average, **options)
    assert jaccard(y, pred, **options) == pytest.approx(expected)


def loop_groups(case, average):
    """Yield (true positives, predicted, true, weight) of each group with a known entry."""
    known = ~np.isnan(case.y) & (case.weight > 0)[:, np.newaxis]
    weight = np.ones(case.y.shape) * (1 if average == "samples" else case.weight[:, None])
    groups = {
        "samples": [(i, slice(None)) for i in range(len(case.y))],
        "macro": [(slice(None), j) for j in range(case.y.shape[1])],
        "micro": [(slice(None), slice(None))],
    }[average]
    for index in groups:
        if known[index].any():
            w = np.where(known, weight, 0)[index]
            y, pred = np.nan_to_num(case.y)[index], case.pred[index]
            of_group = case.weight[index[0]] if average == "samples" else 1
            yield np.sum(w * y * pred), np.sum(w * pred), np.sum(w * y), of_group


@every_average
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_they_are_the_loops_over_the_known_entries(average, zero_division, case):
    fbeta, jaccard, _, _ = AVERAGES[average]
    values, weights = [], []
    for tp, predicted, true, weight in loop_groups(case, average):
        empty = predicted + true == 0
        f2 = zero_division if empty else 5 * tp / (predicted + 4 * true)
        index = zero_division if empty else tp / (predicted + true - tp)
        values.append((f2, index))
        weights.append(weight)
    values, weights = np.array(values), np.array(weights)
    kept = ~np.isnan(values[:, 0])
    expected = np.average(values[kept], axis=0, weights=weights[kept])
    args = case.y, case.pred, case.weight
    got = [
        fbeta(*args, beta=2, zero_division=zero_division),
        jaccard(*args, zero_division=zero_division),
    ]
    np.testing.assert_allclose(got, expected)


@every_average
def test_a_beta_of_one_is_f1(average, unknown_case):
    y, pred, _, weight = unknown_case
    fbeta, _, f1, _ = AVERAGES[average]
    assert fbeta(y, pred, weight) == f1(y, pred, weight)


@every_average
def test_names_say_the_beta(average, unknown_case):
    y, pred, _, _ = unknown_case
    fbeta, jaccard, _, prefix = AVERAGES[average]
    for text, beta in (("0.5", 0.5), ("2", 2.0), ("3", 3.0), ("1.25", 1.25)):
        metric = get_metric(f"{prefix}F{text}")
        assert metric.function(y, pred) == fbeta(y, pred, beta=beta)
        assert (metric.response, metric.greater_is_better) == ("predict", True)
    assert get_metric(f"{prefix}Jaccard").function(y, pred) == jaccard(y, pred)
    assert get_metric(f"{prefix}Jaccard")(y, pred) == jaccard(y, pred)
    wanted = {f"{prefix}F{beta}" for beta in ("0.5", "1", "2")} | {f"{prefix}Jaccard"}
    assert wanted <= set(get_scorer_names())


@pytest.mark.parametrize(
    "name", ["ebF", "ebF0", "maF0.0", "ebF-1", "F2", "miF2.", "ebFinf"]
)
def test_other_names_are_unknown(name):
    with pytest.raises(ValueError, match="Unknown metric"):
        get_metric(name)


@every_average
@pytest.mark.parametrize("beta", [0, -1, np.inf, np.nan, "2", True, None])
def test_a_beta_must_be_above_zero(average, beta):
    with pytest.raises(ValueError, match="beta must be a number above 0; got"):
        AVERAGES[average][0]([[1, 0]], [[1, 1]], beta=beta)


@every_average
def test_nothing_to_divide_by_may_be_left_out_altogether(average):
    empty = np.zeros((3, 2))
    fbeta, jaccard, _, _ = AVERAGES[average]
    assert np.isnan(jaccard(empty, empty, zero_division=np.nan))
    assert np.isnan(fbeta(empty, empty, zero_division=np.nan))
