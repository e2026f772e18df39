import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skmlc import KnownLabelsClassifier
from skmlc.inspection import KnownLabelsDisplay
from skmlc.metrics import known_label_scores

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4))
Y = np.repeat((X[:, :2] + rng.normal(size=(80, 2)) > 0), 2, axis=1).astype(int)
MODEL = KnownLabelsClassifier(LogisticRegression(), random_state=0).fit(X[:40], Y[:40])


def test_the_curve_is_that_of_the_table_of_an_estimator():
    options = {"shares": (0, 0.5, 0.25), "random_state": 3}
    table = known_label_scores(MODEL, X[40:], Y[40:], metrics=["micro_AP"], **options)
    display = KnownLabelsDisplay.from_estimator(
        MODEL, X[40:], Y[40:], metric="micro_AP", **options
    )
    np.testing.assert_array_equal(display.line_.get_xdata(), [0, 25, 50])
    np.testing.assert_array_equal(display.line_.get_ydata(), table["micro_AP"][[0, 2, 1]])
    assert display.line_.get_label() == "KnownLabelsClassifier"
    assert display.ax_.get_ylabel() == "micro_AP of the others"


@pytest.mark.parametrize("form", [dict, pd.DataFrame])
def test_tables_of_several_models_are_drawn_in_one_picture(form):
    table = form({"known": [0.0, 0.5], "mAP": [0.3, 0.4], "LRAP": [0.5, 0.6]})
    first = KnownLabelsDisplay.from_scores(table, name="one")
    other = KnownLabelsDisplay.from_scores(table, name="two", metric="LRAP", ax=first.ax_)
    assert other.ax_ is first.ax_
    lines = [line.get_ydata().tolist() for line in first.ax_.lines]
    assert lines == [[0.3, 0.4], [0.5, 0.6]]
    legend = first.ax_.get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["one", "two"]


def test_one_positive_stands_on_the_axis_in_words():
    display = KnownLabelsDisplay.from_estimator(
        MODEL, X[40:], Y[40:], shares=[0, "one_positive", 0.5]
    )
    words = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert words == ["0%", "one positive", "50%"]


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match='scores must hold "known"'):
        KnownLabelsDisplay.from_scores({"mAP": [1]})
    with pytest.raises(ValueError, match=r"metric must be 'mAP'; got 'LRAP'"):
        KnownLabelsDisplay.from_scores({"known": [0], "mAP": [1]}, metric="LRAP")
    with pytest.raises(ValueError, match="one entry per share"):
        KnownLabelsDisplay([0, 0.5], [1])
