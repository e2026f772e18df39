"""What all displays have in common: axes, names, and that nothing else is changed."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from skmlc.inspection import (
    KnownLabelsDisplay,
    LabelGraphDisplay,
    LabelReportDisplay,
    LearningCurveDisplay,
    ThresholdDisplay,
)

rng = np.random.default_rng(0)
Y = (rng.random((40, 6)) < 0.4).astype(int)
PROBA = np.clip(0.4 * Y + 0.6 * rng.random(Y.shape), 0, 1)
HISTORY = [
    {"train_loss": 0.7, "valid_loss": 0.8, "valid_score": 0.2},
    {"train_loss": 0.4, "valid_loss": 0.5, "valid_score": 0.6},
    {"train_loss": 0.2, "valid_loss": 0.6, "valid_score": 0.5},
]
ADJACENCY = np.triu(rng.random((6, 6)), 1)
SCORES = {"known": np.array([0.0, 0.5]), "mAP": np.array([0.4, 0.6])}

DISPLAYS = {
    "graph": lambda ax: LabelGraphDisplay.from_adjacency(ADJACENCY, ax=ax),
    "graph, spring": lambda ax: LabelGraphDisplay.from_adjacency(
        ADJACENCY, ax=ax, layout="spring"
    ),
    "threshold": lambda ax: ThresholdDisplay.from_predictions(
        Y, PROBA, threshold=0.4, ax=ax
    ),
    "thresholds": lambda ax: ThresholdDisplay.from_predictions(
        Y, PROBA, threshold=np.full(6, 0.4), ax=ax
    ),
    "report": lambda ax: LabelReportDisplay.from_predictions(Y, PROBA, ax=ax),
    "history": lambda ax: LearningCurveDisplay.from_history(HISTORY, ax=ax),
    "known": lambda ax: KnownLabelsDisplay.from_scores(SCORES, ax=ax, name="a"),
}
every_display = pytest.mark.parametrize("draw", DISPLAYS.values(), ids=DISPLAYS)


@pytest.fixture(autouse=True)
def _close_figures():
    plt.close("all")
    yield
    plt.close("all")


@every_display
def test_it_is_drawn_on_the_given_axes_and_nowhere_else(draw):
    figure, (given, other) = plt.subplots(1, 2)
    third = plt.figure()
    settings = dict(mpl.rcParams)
    display = draw(given)
    assert display.ax_ is given
    assert display.figure_ is figure
    assert given.has_data()
    assert not other.has_data()
    assert plt.gcf() is third
    assert plt.get_fignums() == [1, 2]
    assert dict(mpl.rcParams) == settings
    figure.canvas.draw()


@every_display
def test_without_axes_a_figure_is_made(draw):
    display = draw(None)
    assert display.ax_ in display.figure_.axes
    assert plt.get_fignums() == [display.figure_.number]


@every_display
def test_it_may_be_drawn_again_elsewhere(draw):
    display = draw(None)
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax


@every_display
def test_a_missing_matplotlib_is_named(draw, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"Display.plot requires matplotlib"):
        draw(None)


def test_inputs_are_not_modified():
    before = Y.copy(), PROBA.copy(), ADJACENCY.copy()
    for draw in DISPLAYS.values():
        draw(None)
    for array, copy in zip((Y, PROBA, ADJACENCY), before):
        np.testing.assert_array_equal(array, copy)
