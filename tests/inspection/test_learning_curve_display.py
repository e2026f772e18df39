import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import LaMPClassifier
from skmlc.inspection import LearningCurveDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
Y = (X[:, :3] > 0).astype(int)


def history(**curves):
    return [dict(zip(curves, values)) for values in zip(*curves.values())]


@pytest.mark.parametrize(
    "stopping, wrap", [("ebF1", False), ("loss", True), (False, False)]
)
def test_the_curves_are_the_history_of_the_estimator(stopping, wrap):
    model = LaMPClassifier(
        hidden_size=4, n_heads=2, max_epochs=4, early_stopping=stopping, random_state=0
    )
    fitted = make_pipeline(StandardScaler(), model) if wrap else model
    display = LearningCurveDisplay.from_estimator(fitted.fit(X, Y))
    names = {"ebF1": ["train_loss", "valid_loss", "valid_score"],
             "loss": ["train_loss", "valid_loss"], False: ["train_loss"]}[stopping]  # fmt: skip
    assert sorted(display.lines_) == names
    for name in names:
        line = display.lines_[name]
        expected = model.history_[:, name]
        np.testing.assert_array_equal(line.get_xdata(), np.arange(len(expected)) + 1)
        np.testing.assert_array_equal(line.get_ydata(), expected)
    assert (display.score_ax_ is not None) == (stopping == "ebF1")
    if not stopping:
        assert display.best_epoch is display.best_line_ is None


@pytest.mark.parametrize(
    "curves, best",
    [
        ({"train_loss": [3, 2, 1], "valid_loss": [3, 1, 1]}, 2),
        ({"train_loss": [3, 2], "valid_loss": [3, 1], "valid_score": [0.9, 0.1]}, 1),
        ({"train_loss": [3, 2], "valid_loss": [np.nan, 1]}, 2),
        ({"train_loss": [3, 2], "valid_loss": [np.nan, np.nan]}, None),
        ({"train_loss": [3]}, None),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best_validation(curves, best):
    display = LearningCurveDisplay.from_history(history(**curves))
    assert display.best_epoch == best
    if best is not None:
        assert list(display.best_line_.get_xdata()) == [best, best]
        labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert f"best epoch: {best}" in labels


def test_several_models_share_the_axes_of_their_scores():
    curves = {"train_loss": [2, 1], "valid_loss": [2, 1], "valid_score": [0.1, 0.2]}
    first = LearningCurveDisplay.from_history(history(**curves), name="one")
    second = LearningCurveDisplay.from_history(history(**curves), name="two", ax=first.ax_)
    assert second.score_ax_ is first.score_ax_
    assert len(first.figure_.axes) == 2
    colors = [{line.get_color() for line in d.lines_.values()} for d in (first, second)]
    assert [len(color) for color in colors] == [1, 1]
    assert colors[0] != colors[1]
    labels = [text.get_text() for text in second.ax_.get_legend().get_texts()]
    assert len(labels) == 8
    assert "two, validation score" in labels


def test_what_has_no_history_is_refused():
    with pytest.raises(TypeError, match=r"must have history_.*LogisticRegression has none"):
        LearningCurveDisplay.from_estimator(LogisticRegression().fit(X, Y[:, 0]))
    for wrong in ([], [{"loss": 1}]):
        with pytest.raises(ValueError, match="history must hold an entry for each epoch"):
            LearningCurveDisplay.from_history(wrong)
