import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc.inspection import ThresholdDisplay
from skmlc.metrics import get_metric, hide_labels
from skmlc.model_selection import ThresholdTuner

X, Y = make_multilabel_classification(n_samples=80, n_classes=4, random_state=0)
MODEL = OneVsRestClassifier(LogisticRegression()).fit(X[:40], Y[:40])
P = MODEL.predict_proba(X)
METRICS = ["ebF1", "miF1", "maF2", "miJaccard", "HA"]


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("weight", [None, np.arange(80) % 3])
def test_the_curves_are_the_metrics_at_each_threshold(unknown, weight):
    y = hide_labels(Y, 0.3)[0] if unknown else Y
    display = ThresholdDisplay.from_predictions(
        y, P, metrics=METRICS, thresholds=[0.7, 0.1, 0.4], sample_weight=weight
    )
    for metric in METRICS:
        line = display.lines_[metric]
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 0.4, 0.7])
        function = get_metric(metric).function
        expected = [function(y, (t <= P).astype(int), weight) for t in (0.1, 0.4, 0.7)]
        np.testing.assert_allclose(line.get_ydata(), expected, atol=1e-12)
    assert display.threshold_line_ is None


def test_the_threshold_of_a_tuner_is_marked_at_its_scores():
    tuner = ThresholdTuner(MODEL, cv="prefit", grid=[0.3]).fit(X[:40], Y[:40])
    model = make_pipeline(StandardScaler(with_mean=False, with_std=False), tuner)
    model.fit(X[:40], Y[:40])
    display = ThresholdDisplay.from_estimator(model, X[40:], Y[40:])
    assert display.threshold == tuner.threshold_ != 0.5
    assert display.threshold_line_.get_xdata()[0] == tuner.threshold_
    for metric in ("ebF1", "miF1", "maF1"):
        expected = get_metric(metric).function(Y[40:], model.predict(X[40:]))
        point = display.points_[metric]
        assert point.get_ydata()[0] == pytest.approx(expected)
        assert point.get_color() == display.lines_[metric].get_color()


def test_labels_with_thresholds_of_their_own_have_a_tick_each():
    tuner = ThresholdTuner(MODEL, cv="prefit", per_label=True).fit(X[:40], Y[:40])
    display = ThresholdDisplay.from_estimator(tuner, X[40:], Y[40:], metrics="ebF1")
    ticks = display.threshold_line_.get_xdata()
    np.testing.assert_array_equal(ticks, tuner.threshold_)
    expected = get_metric("ebF1").function(Y[40:], tuner.predict(X[40:]))
    assert display.points_["ebF1"].get_ydata()[0] == pytest.approx(expected)


def test_any_classifier_is_drawn_at_one_half():
    forest = RandomForestClassifier(5, random_state=0).fit(X[:40], Y[:40])
    display = ThresholdDisplay.from_estimator(forest, X[40:], Y[40:])
    assert display.threshold == 0.5
    proba = np.column_stack([column[:, 1] for column in forest.predict_proba(X[40:])])
    expected = get_metric("miF1").function(Y[40:], (proba >= 0.5).astype(int))
    assert display.threshold_scores["miF1"] == pytest.approx(expected)


def test_columns_are_matched_by_name_and_a_second_model_joins_the_first():
    frame = pd.DataFrame(Y, columns=list("abcd"))
    proba = pd.DataFrame(P, columns=list("abcd"))[list("dbca")]
    first = ThresholdDisplay.from_predictions(Y, P, name="first")
    second = ThresholdDisplay.from_predictions(frame, proba, name="second", ax=first.ax_)
    for metric, line in first.lines_.items():
        np.testing.assert_allclose(line.get_ydata(), second.lines_[metric].get_ydata())
    labels = [text.get_text() for text in second.ax_.get_legend().get_texts()]
    assert "first, ebF1" in labels
    assert "second, ebF1" in labels


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="metric must judge predicted labels"):
        ThresholdDisplay.from_predictions(Y, P, metrics=["mAP"])
    with pytest.raises(ValueError, match=r"threshold must be a number or hold 4.*\(2,\)"):
        ThresholdDisplay.from_predictions(Y, P, threshold=[0.5, 0.5])
    with pytest.raises(
        TypeError, match=r"must have predict_proba.*RidgeClassifier has none"
    ):
        ThresholdDisplay.from_estimator(RidgeClassifier().fit(X, Y), X, Y)
