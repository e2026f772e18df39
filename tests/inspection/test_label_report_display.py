import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from skmlc.inspection import LabelReportDisplay, label_report

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 6))
Y = (X @ rng.normal(size=(6, 45)) + rng.normal(size=(120, 45)) > 2.5).astype(int)
NAMES = [f"label {i}" for i in range(45)]
Y = pd.DataFrame(Y, columns=NAMES)
Y["label 3"] = 0
PROBA = np.round(rng.random(Y.shape), 2)
PRED = (PROBA > 0.6).astype(int)
METRICS = ["average_precision", "roc_auc", "f1", "precision", "recall"]


@pytest.mark.parametrize("metric", METRICS)
def test_points_are_the_frequency_and_the_score_of_the_labels(metric):
    given = PROBA if metric in ("average_precision", "roc_auc") else PRED
    display = LabelReportDisplay.from_predictions(Y, given, metric=metric)
    report = label_report(Y, PRED, PROBA).loc[NAMES]
    expected = report[["frequency", metric]][report["frequency"] > 0]
    np.testing.assert_allclose(display.points_.get_offsets(), expected)
    assert "label 3" not in expected.index
    mean = expected[metric].mean()
    assert display.mean_line_.get_ydata()[0] == pytest.approx(mean)


def test_chance_is_the_frequency_or_one_half():
    line = LabelReportDisplay.from_predictions(Y, PROBA).chance_line_
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    display = LabelReportDisplay.from_predictions(Y, PROBA, metric="roc_auc")
    assert set(display.chance_line_.get_ydata()) == {0.5}
    display = LabelReportDisplay.from_predictions(Y, PRED, metric="f1")
    assert display.chance_line_ is None


@pytest.mark.parametrize("max_names", [0, 5, 45])
def test_the_lowest_are_named_and_names_do_not_cover_each_other(max_names):
    display = LabelReportDisplay.from_predictions(Y, PROBA, max_names=max_names)
    assert len(display.texts_) <= max_names
    if not max_names:
        return
    lowest = np.nanargmin(display.scores)
    assert display.texts_[0].get_text() == NAMES[lowest]
    assert len(display.texts_) >= 5
    boxes = [text.get_window_extent() for text in display.texts_]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize(
    "model",
    [OneVsRestClassifier(LogisticRegression()), KNeighborsClassifier(), RidgeClassifier()],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("metric", ["roc_auc", "f1"])
def test_an_estimator_is_asked_for_what_the_metric_needs(model, metric):
    y = Y[["label 0", "label 5", "label 7"]]
    model.fit(X[:60], y[:60].to_numpy())
    display = LabelReportDisplay.from_estimator(model, X[60:], y[60:], metric=metric)
    if metric == "f1":
        given = model.predict(X[60:])
    elif hasattr(model, "predict_proba"):
        given = model.predict_proba(X[60:])
        if isinstance(given, list):
            given = np.column_stack([column[:, 1] for column in given])
    else:
        given = model.decision_function(X[60:])
    expected = LabelReportDisplay.from_predictions(y[60:], given, metric=metric)
    np.testing.assert_array_equal(display.scores, expected.scores)
    assert display.label_names == list(y)
    assert display.name == type(model).__name__


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(
        ValueError, match=r"metric must be 'average_precision', .* or 'recall'"
    ):
        LabelReportDisplay.from_predictions(Y, PROBA, metric="mAP")
    with pytest.raises(ValueError, match="must have one entry per label"):
        LabelReportDisplay([0.1, 0.2], [0.5])
    with pytest.raises(ValueError, match="label_names must hold 1 names"):
        LabelReportDisplay([0.1], [0.5], label_names="ab")
