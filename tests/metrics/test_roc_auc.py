import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score

from skmlc.metrics import label_roc_auc, macro_roc_auc, micro_roc_auc

ALL = [label_roc_auc, macro_roc_auc, micro_roc_auc]


def loop_auc(y, score, weight):
    """Share of the weight of pairs that are in order, a tie half, NaN without pairs."""
    ordered = total = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            pair = weight[i] * weight[j]
            total += pair
            ordered += pair * ((score[i] > score[j]) + (score[i] == score[j]) / 2)
    return ordered / total if total else np.nan


def test_the_areas_are_the_shares_of_ordered_pairs(case):
    expected = [loop_auc(y, s, case.weight) for y, s in zip(case.y.T, case.score.T)]
    assert np.isnan(expected).any()
    assert np.isfinite(expected).any()
    got = label_roc_auc(case.y, case.score, case.weight)
    np.testing.assert_allclose(got, expected)
    macro = macro_roc_auc(case.y, case.score, case.weight)
    assert macro == pytest.approx(np.nanmean(expected))
    weight = np.repeat(case.weight, case.y.shape[1])
    expected = loop_auc(case.y.ravel(), case.score.ravel(), weight)
    assert micro_roc_auc(case.y, case.score, case.weight) == pytest.approx(expected)


def test_they_are_those_of_scikit_learn_where_it_has_any(known_case):
    y, _, score, weight = known_case
    both = [label for label in range(y.shape[1]) if 0 < y[weight > 0, label].mean() < 1]
    for average, function in (("macro", macro_roc_auc), ("micro", micro_roc_auc)):
        expected = roc_auc_score(
            y[:, both], score[:, both], average=average, sample_weight=weight
        )
        assert function(y[:, both], score[:, both], weight) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 1])
def test_labels_without_a_contrast_are_nan_without_a_warning(value):
    y, score = np.full((4, 2), value), np.arange(8).reshape(4, 2) / 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(label_roc_auc(y, score)).all()
        assert np.isnan(macro_roc_auc(y, score))
        assert np.isnan(micro_roc_auc(y, score))


@pytest.mark.parametrize("function", ALL)
def test_a_sparse_y_gives_the_area_of_a_dense_one(function, unknown_case):
    y, _, score, weight = unknown_case
    np.testing.assert_array_equal(
        function(csr_array(y), score, weight), function(y, score, weight)
    )


def test_the_micro_area_does_not_depend_on_the_blocks(unknown_case, monkeypatch):
    expected = micro_roc_auc(*unknown_case[::2])
    monkeypatch.setattr("skmlc.metrics._targets.BLOCK_ENTRIES", 10)
    assert micro_roc_auc(*unknown_case[::2]) == pytest.approx(expected)
