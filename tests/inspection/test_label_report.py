import builtins
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    average_precision_score,
    classification_report,
    roc_auc_score,
)

from skmlc.inspection import label_report
from tests.label_forms import KNOWN

rng = np.random.default_rng(0)
N, L = 60, 5
Y = (rng.random((N, L)) < [0.5, 0.3, 0.2, 0.6, 0.1]).astype(int)
PRED = np.where(rng.random(Y.shape) < 0.25, 1 - Y, Y)
PROBA = np.round(np.clip(0.4 * Y + 0.7 * rng.random(Y.shape), 0, 1), 1)
WEIGHT = rng.integers(1, 4, N) / 2
NAMES = ["sea", "sky", "sun", "ship", "sand"]
AVERAGES = ["micro avg", "macro avg", "weighted avg", "samples avg"]
UNKNOWN = np.where(rng.random(Y.shape) < 0.2, np.nan, Y)
UNKNOWN[:, 2] = np.nan
UNKNOWN[4] = np.nan
UNKNOWN[7, [0, 1, 3, 4]] = 1  # all that is known of it


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_it_is_the_classification_report_of_scikit_learn(weight, zero_division):
    y, pred = Y.copy(), PRED.copy()
    y[:, 3], pred[:, 1], pred[:3] = 0, 0, 0
    y[:2] = 0
    options = {"sample_weight": weight, "zero_division": zero_division}
    expected = classification_report(y, pred, output_dict=True, **options)
    report = label_report(y, pred, output="dict", **options)
    assert list(report) == list(expected)
    for row, scores in expected.items():
        got = [report[row][name] for name in ("precision", "recall", "f1", "support")]
        np.testing.assert_allclose(got, [scores[key] for key in scores], err_msg=row)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_scores_of_rankings_are_those_of_scikit_learn(weight):
    y = Y.copy()
    y[~y.any(axis=1), 0], y[y.all(axis=1), 1] = 1, 0  # which its averages need
    report = label_report(y, PRED, PROBA, sample_weight=weight)
    for name, function in (
        ("average_precision", average_precision_score),
        ("roc_auc", roc_auc_score),
    ):
        values = [function(y, PROBA, average=None, sample_weight=weight)]
        for average in ("micro", "macro", "weighted", "samples"):
            values.append(function(y, PROBA, average=average, sample_weight=weight))
        np.testing.assert_allclose(report[name], np.hstack(values), err_msg=name)


def test_counts_and_shares_are_of_the_known_entries():
    report = label_report(UNKNOWN, PRED, label_names=NAMES)
    for j, name in enumerate(NAMES):
        known = ~np.isnan(UNKNOWN[:, j])
        true, pred = UNKNOWN[known, j], PRED[known, j]
        assert report.loc[name, "support"] == true.sum()
        assert report.loc[name, "predicted"] == pred.sum()
        if not known.any():
            row = report.loc[name, ["frequency", "precision", "recall", "f1"]]
            assert row.isna().all()
            continue
        assert report.loc[name, "frequency"] == true.mean()
        assert report.loc[name, "recall"] == pytest.approx(pred @ true / true.sum())
        assert report.loc[name, "precision"] == pytest.approx(pred @ true / pred.sum())
    known = ~np.isnan(UNKNOWN)
    assert report.loc["micro avg", "frequency"] == np.nansum(UNKNOWN) / known.sum()
    rows = known.any(axis=1)
    expected = np.nanmean(np.nanmean(UNKNOWN[rows], axis=1))
    assert report.loc["samples avg", "frequency"] == pytest.approx(expected)
    for name in ("frequency", "precision", "f1"):
        mean = report.loc[NAMES, name].drop("sun").mean()
        assert report.loc["macro avg", name] == pytest.approx(mean)


def test_unknown_entries_are_as_if_they_were_not_there():
    """Of one label at a time, and of one sample at a time."""
    report = label_report(UNKNOWN, PRED, PROBA)
    for j in (0, 1, 3, 4):
        known = ~np.isnan(UNKNOWN[:, j])
        alone = label_report(UNKNOWN[known, j], PRED[known, j], PROBA[known, j])
        pd.testing.assert_series_equal(report.iloc[j], alone.iloc[0], check_names=False)
    areas, precisions = [], []
    for y, score in zip(UNKNOWN, PROBA):
        known = ~np.isnan(y)
        if np.nansum(y) > 0:
            precisions.append(average_precision_score(y[known], score[known]))
        if 0 < np.nansum(y) < known.sum():
            areas.append(roc_auc_score(y[known], score[known]))
    row = report.loc["samples avg"]
    assert row["average_precision"] == pytest.approx(np.mean(precisions))
    assert row["roc_auc"] == pytest.approx(np.mean(areas))


def test_absent_labels_are_nan_without_a_warning_and_in_no_average():
    y = Y.copy()
    y[:, 1], y[:, 3] = 0, 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = label_report(y, PRED, PROBA)
        empty = label_report(np.zeros((3, 2)), np.zeros((3, 2)), PROBA[:3, :2])
    precision, area = report["average_precision"], report["roc_auc"]
    assert list(np.flatnonzero(precision.isna())) == [1]
    assert list(np.flatnonzero(area.isna())) == [1, 3]
    assert precision["macro avg"] == pytest.approx(precision[["0", "2", "3", "4"]].mean())
    support = report.loc[["0", "2", "4"], "support"]
    weighted = np.average(area[["0", "2", "4"]], weights=support)
    assert area["weighted avg"] == pytest.approx(weighted)
    assert empty[["average_precision", "roc_auc"]].isna().all(axis=None)


def test_what_is_shown_depends_on_what_is_given():
    counts = ["support", "frequency", "predicted", "precision", "recall", "f1"]
    assert list(label_report(Y, PRED)) == counts
    report = label_report(Y, PRED, PROBA, threshold=0.5)
    assert list(report) == [*counts, "average_precision", "roc_auc", "threshold"]
    assert report["threshold"].tolist()[:5] == 5 * [0.5]
    assert report.loc[AVERAGES, "threshold"].isna().all()
    scores = label_report(Y, y_proba=PROBA)
    expected = report[["support", "frequency", "average_precision", "roc_auc"]]
    pd.testing.assert_frame_equal(scores, expected)
    with pytest.raises(ValueError, match="y_pred or y_proba must be given"):
        label_report(Y)
    per_label = dict(zip(NAMES[::-1], [0.1, 0.2, 0.3, 0.4, 0.5]))
    report = label_report(Y, PRED, threshold=per_label, label_names=NAMES)
    assert report["threshold"].tolist()[:5] == [0.5, 0.4, 0.3, 0.2, 0.1]
    assert label_report(Y, PRED)["support"].dtype.kind == "i"
    assert label_report(Y, PRED, sample_weight=WEIGHT)["support"].dtype.kind == "f"


@pytest.mark.parametrize("Frame", [pd.DataFrame, pl.DataFrame])
def test_names_come_from_the_columns(Frame):
    expected = label_report(Y, PRED, PROBA, label_names=NAMES)
    y, pred, proba = (Frame(dict(zip(NAMES, matrix.T))) for matrix in (Y, PRED, PROBA))
    order = ["sky", "sand", "sea", "ship", "sun"]
    for given in ((y, PRED, PROBA), (Y, pred, PROBA), (Y, PRED, proba)):
        pd.testing.assert_frame_equal(label_report(*given), expected)
    pd.testing.assert_frame_equal(label_report(y, pred[order], proba[order]), expected)
    assert list(label_report(y, pred, label_names="abcde").index[:5]) == list("abcde")


@pytest.mark.parametrize("form", KNOWN)
def test_labels_may_have_any_form(form):
    names = [f"label {j}" for j in range(4)]
    y, pred, proba = Y[:, :4], PRED[:, :4], PROBA[:, :4]
    expected = label_report(y, pred, proba, label_names=names)
    convert = KNOWN[form]
    got = label_report(convert(y), convert(pred), proba, label_names=names)
    pd.testing.assert_frame_equal(got, expected)


def test_a_sparse_y_with_unknown_entries_gives_the_report_of_a_dense_one():
    sparse = label_report(csr_array(UNKNOWN), csr_array(PRED), PROBA)
    pd.testing.assert_frame_equal(sparse, label_report(UNKNOWN, PRED, PROBA))


def test_the_dict_holds_the_rows_of_the_frame():
    frame = label_report(UNKNOWN, PRED, PROBA)
    rows = label_report(UNKNOWN, PRED, PROBA, output="dict")
    pd.testing.assert_frame_equal(pd.DataFrame.from_dict(rows, orient="index"), frame)
    assert type(rows["0"]["support"]) is int
    assert type(rows["0"]["f1"]) is float


def test_without_pandas_a_dict_is_suggested(monkeypatch):
    imported = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match='pass output="dict"'):
        label_report(Y, PRED)
    assert label_report(Y, PRED, output="dict")["0"]["support"] == Y[:, 0].sum()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"output": "table"}, "output must be 'frame' or 'dict'; got 'table'"),
        ({"label_names": ["a"]}, "label_names must hold 5 names.*; got 1"),
        ({"threshold": [0.5, 0.5]}, r"threshold must be a number or hold 5.*\(2,\)"),
        ({"zero_division": 0.5}, "zero_division must be"),
        ({"y_proba": PROBA[:, :2]}, r"y_proba must be of shape \(60, 5\)"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        label_report(Y, PRED, **options)


def test_what_forests_give_is_read_as_one_array_of_the_second_columns():
    as_list = [np.column_stack([1 - p, p]) for p in PROBA.T]
    pd.testing.assert_frame_equal(
        label_report(Y, y_proba=as_list), label_report(Y, y_proba=PROBA)
    )
    forest = RandomForestClassifier(5, random_state=0).fit(PROBA, Y)
    said = forest.predict_proba(PROBA)
    expected = np.stack([p[:, 1] for p in said], axis=1)
    pd.testing.assert_frame_equal(
        label_report(Y, PRED, said), label_report(Y, PRED, expected)
    )
    # A list of rows is a matrix, also where it is as wide as that of a single label.
    rows = label_report(Y[:, :2], y_proba=PROBA[:, :2].tolist())
    pd.testing.assert_frame_equal(rows, label_report(Y[:, :2], y_proba=PROBA[:, :2]))


def test_logits_and_percentages_give_the_report_of_probabilities():
    proba = np.clip(PROBA, 0.01, 0.99)
    expected = label_report(Y, y_proba=proba)
    for scores in (logit(proba), 100 * proba):
        pd.testing.assert_frame_equal(label_report(Y, y_proba=scores), expected)
