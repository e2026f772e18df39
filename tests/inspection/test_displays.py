"""What all displays have in common: axes, names, and that nothing else is changed."""

import sys
from inspect import signature
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmlc
from skmlc import inspection
from skmlc.inputs import Bags, BagScaler, ImageFeatures, Images
from skmlc.inspection import (
    ClassifierMapDisplay,
    InstanceLabelDisplay,
    IntermediatePredictionDisplay,
    KnownLabelsDisplay,
    LabelAttentionDisplay,
    LabelDistributionDisplay,
    LabelGraphDisplay,
    LabelReportDisplay,
    LearningCurveDisplay,
    NodeAttentionDisplay,
    ThresholdDisplay,
)
from skmlc.model_selection import ThresholdTuner

N, L = 24, 3
NAMES = ["sea", "sky", "sun"]
rng = np.random.default_rng(0)
Y = pd.DataFrame(rng.permuted(np.tile([[0], [1]], (N // 2, L)), axis=0), columns=NAMES)
TABLE = 5 + 3 * rng.normal(size=(N, 4))
BAGS = Bags([5 + 3 * rng.normal(size=(1 + i % 3, 4)) for i in range(N)])
PICTURES = Images(rng.integers(0, 256, (N, 3, 16, 24), dtype=np.uint8))
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}

# The steps before each model, the model, and its X.
MODELS = {
    "lamp": (
        StandardScaler(),
        skmlc.LaMPClassifier(np.eye(L)[[1, 2, 0]], label_masking=True, **SMALL),
        TABLE,
    ),
    "gmmlic": (BagScaler(), skmlc.GMMLICClassifier(**SMALL), BAGS),
    "deepmiml": (BagScaler(), skmlc.DeepMIMLClassifier(**SMALL), BAGS),
    "flem": (StandardScaler(), skmlc.FLEMClassifier(**SMALL), TABLE),
    "mlgcn": (FunctionTransformer(), skmlc.MLGCNClassifier(**SMALL), PICTURES),
}


class Case(NamedTuple):
    """A display, the model it shows, what it takes beside the model, and what it keeps."""

    display: type
    model: str
    takes: str
    keeps: str


CASES = {
    "label graph": Case(LabelGraphDisplay, "lamp", "", "adjacency"),
    "label attention": Case(LabelAttentionDisplay, "lamp", "X", "attention"),
    "nodes": Case(NodeAttentionDisplay, "deepmiml", "X", "relevance"),
    "cells": Case(NodeAttentionDisplay, "mlgcn", "X", "relevance"),
    "states": Case(IntermediatePredictionDisplay, "lamp", "X", "probabilities"),
    "classifiers": Case(ClassifierMapDisplay, "lamp", "", "places"),
    "label states": Case(ClassifierMapDisplay, "gmmlic", "X", "places"),
    "instances": Case(InstanceLabelDisplay, "deepmiml", "X", "relevance"),
    "distribution": Case(LabelDistributionDisplay, "flem", "Xy", "distribution"),
    "threshold": Case(ThresholdDisplay, "lamp", "Xy", "scores"),
    "report": Case(LabelReportDisplay, "lamp", "Xy", "scores"),
    "history": Case(LearningCurveDisplay, "lamp", "", "curves"),
    "known": Case(KnownLabelsDisplay, "lamp", "Xy", "scores"),
}
every_display = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
# Those that choose labels, by how they name the limit.
CHOOSING = {
    name: case
    for name, case in CASES.items()
    if name not in ("threshold", "history", "known")
}
every_choosing_display = pytest.mark.parametrize("name", CHOOSING)


@pytest.fixture(scope="module")
def fitted():
    """Fit the pipelines, once for all tests."""
    return {
        name: clone(make_pipeline(step, model)).fit(X, Y)
        for name, (step, model, X) in MODELS.items()
    }


def draw(case, estimator, X=None, **options):
    """Draw a display of an estimator, and of samples if it takes any."""
    X = MODELS[case.model][2] if X is None else X
    return case.display.from_estimator(estimator, *(X, Y)[: len(case.takes)], **options)


def kept(display, case):
    """Return the numbers that a display keeps, as one array."""
    values = getattr(display, case.keeps)
    values = values.toarray() if hasattr(values, "toarray") else values
    values = list(values.values()) if isinstance(values, dict) else list(values)
    return np.concatenate([np.ravel(v) for v in values])


def test_no_display_is_left_out():
    displays = {name for name in inspection.__all__ if name.endswith("Display")}
    assert {case.display.__name__ for case in CASES.values()} == displays


@every_display
def test_it_is_drawn_on_the_given_axes_and_nowhere_else(case, fitted):
    figure, (given, other) = plt.subplots(1, 2)
    third = plt.figure()
    settings = dict(mpl.rcParams)
    display = draw(case, fitted[case.model], ax=given)
    assert display.ax_ is given
    assert display.figure_ is figure
    assert given.has_data() or given.child_axes
    assert not other.has_data()
    assert plt.gcf() is third
    assert plt.get_fignums() == [1, 2]
    assert dict(mpl.rcParams) == settings
    figure.canvas.draw()


@every_display
def test_without_axes_a_figure_is_made_and_it_may_be_drawn_again(case, fitted):
    display = draw(case, fitted[case.model])
    assert plt.get_fignums() == [display.figure_.number]
    assert display.ax_ in display.figure_.axes
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure


REPORTED = ("threshold", "report", "history", "known")  # those with a legend for the model


def makers(display):
    """Return the class methods that make a display, by their names."""
    return {name: getattr(display, name) for name in dir(display) if name[:5] == "from_"}


@pytest.mark.parametrize("display", sorted({c.display for c in CASES.values()}, key=str))
def test_what_all_displays_take_is_called_the_same_everywhere(display):
    plot = signature(display.plot).parameters
    named = "name" in plot
    assert list(plot)[:2] == ["self", "ax"]
    assert plot["ax"].default is None
    assert list(plot)[-1] == "options"
    assert len(makers(display)) > 1
    for maker in [*makers(display).values(), display]:
        taken = signature(maker).parameters
        assert ("name" in taken) == named
        assert not named or (taken["name"].default, taken["name"].kind) == (
            None, taken["name"].KEYWORD_ONLY
        )  # fmt: skip
        if maker is not display:
            assert taken["ax"].default is None
            assert taken["ax"].kind is taken["ax"].KEYWORD_ONLY
            assert taken["options"].kind is taken["options"].VAR_KEYWORD


@pytest.mark.parametrize("name", REPORTED)
def test_a_model_is_called_by_its_class_if_it_is_given_no_name(name, fitted):
    case = CASES[name]
    display = draw(case, fitted[case.model][-1], fitted[case.model][:-1].transform(TABLE))
    assert display.name == "LaMPClassifier"
    assert "LaMPClassifier" in display.ax_.get_legend().get_texts()[0].get_text()
    assert draw(case, fitted[case.model]).name == "Pipeline"
    display = draw(case, fitted[case.model], name="mine")
    assert "mine" in display.ax_.get_legend().get_texts()[0].get_text()


@every_display
def test_what_is_drawn_can_be_styled(case, fitted):
    option = {"alpha": 0.25}
    display = draw(case, fitted[case.model], **option)
    drawn = [
        artist
        for ax in (display.ax_, *display.ax_.child_axes)
        for artist in (*ax.lines, *ax.collections, *ax.images)
        if artist.get_alpha() is not None and np.all(artist.get_alpha() == 0.25)
    ]
    assert drawn


PROBABILITIES = rng.random((N, L))
SCORES = {"known": [0, 0.5], "mAP": [0.4, 0.6]}
FROM_NUMBERS = {
    "label graph": lambda **o: LabelGraphDisplay.from_adjacency(np.eye(L)[[1, 2, 0]], **o),
    "classifiers": lambda **o: ClassifierMapDisplay.from_vectors(PROBABILITIES[:L], **o),
    "distribution": lambda **o: LabelDistributionDisplay.from_predictions(
        Y, PROBABILITIES, **o
    ),
    "threshold": lambda **o: ThresholdDisplay.from_predictions(Y, PROBABILITIES, **o),
    "report": lambda **o: LabelReportDisplay.from_predictions(Y, PROBABILITIES, **o),
    "history": lambda **o: LearningCurveDisplay.from_history([{"train_loss": 1}], **o),
    "known": lambda **o: KnownLabelsDisplay.from_scores(SCORES, **o),
}
EXPLAINED = {
    "label attention": "lamp", "nodes": "deepmiml", "states": "lamp", "instances": "deepmiml",
}  # fmt: skip


def draw_numbers(name, fitted, **options):
    """Draw a display of what is no estimator."""
    if name in FROM_NUMBERS:
        return FROM_NUMBERS[name](**options)
    pipeline = fitted[EXPLAINED[name]]
    X = pipeline[:-1].transform(MODELS[EXPLAINED[name]][2])
    return CASES[name].display.from_explanation(pipeline[-1].explain(X), **options)


@pytest.mark.parametrize("name", [*FROM_NUMBERS, *EXPLAINED])
def test_numbers_are_drawn_on_the_given_axes_and_nowhere_else(name, fitted):
    figure, (given, other) = plt.subplots(1, 2)
    third = plt.figure()
    settings = dict(mpl.rcParams), plt.isinteractive(), plt.get_backend()
    display = draw_numbers(name, fitted, ax=given)
    assert (display.ax_, display.figure_) == (given, figure)
    assert given.has_data() or given.child_axes
    assert not other.has_data()
    assert not third.axes
    assert (plt.gcf(), plt.get_fignums()) == (third, [1, 2])
    assert (dict(mpl.rcParams), plt.isinteractive(), plt.get_backend()) == settings
    assert draw_numbers(name, fitted).figure_.number == 3


def test_all_displays_are_drawn_from_numbers():
    displays = {CASES[name].display for name in [*FROM_NUMBERS, *EXPLAINED]}
    assert displays == {case.display for case in CASES.values()}


@every_display
def test_a_missing_matplotlib_is_named(case, fitted, monkeypatch):
    for name in {"matplotlib", *sys.modules}:
        if name.split(".")[0] == "matplotlib":
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"Display\.plot needs matplotlib; install it"):
        draw(case, fitted[case.model])


@every_display
def test_inputs_are_not_modified(case, fitted):
    X = MODELS[case.model][2]
    before = [np.array(x) for x in X], Y.copy()
    draw(case, fitted[case.model])
    for one, copy in zip(X, before[0], strict=True):
        np.testing.assert_array_equal(one, copy)
    pd.testing.assert_frame_equal(Y, before[1])


@pytest.mark.parametrize("outer", ["pipeline", "search", "tuner", "tuner of search"])
@every_display
def test_a_model_is_found_inside_and_gets_what_the_steps_before_it_make(
    case, outer, fitted
):
    pipeline = fitted[case.model]
    X = MODELS[case.model][2]
    if "search" in outer:
        split = [(np.arange(N), np.arange(N))]
        search = GridSearchCV(pipeline, {}, cv=split, scoring="accuracy").fit(X, Y)
        pipeline = search.best_estimator_
    estimator = search if outer == "search" else pipeline
    if "tuner" in outer:
        estimator = search if "search" in outer else pipeline
        estimator = ThresholdTuner(estimator, cv="prefit").fit(X, Y)
    transformed = pipeline[:-1].transform(X)
    expected = kept(draw(case, pipeline[-1], transformed), case)
    np.testing.assert_allclose(kept(draw(case, estimator), case), expected, rtol=1e-6)
    if case.takes and case.model not in ("mlgcn",):  # a step that does something
        assert not np.allclose(kept(draw(case, pipeline[-1], X), case), expected)


@pytest.mark.parametrize("outer", ["search", "pipeline"])
@every_display
def test_what_is_not_fitted_is_refused(case, outer):
    step, model, _ = MODELS[case.model]
    estimator = make_pipeline(step, model)
    estimator = GridSearchCV(estimator, {}) if outer == "search" else estimator
    with pytest.raises((ValueError, TypeError), match="fitted"):
        draw(case, estimator)
    assert plt.get_fignums() == []


# The choice of labels -----------------------------------------------------------------------


def names_in(display):
    """Return the names of labels that a display has written, in their order."""
    if (
        hasattr(display, "axes_")
        and len(display.axes_)
        and display.axes_[0] is not display.ax_
    ):
        texts = [ax.title for ax in display.axes_]
    elif isinstance(display, LabelGraphDisplay | LabelReportDisplay | ClassifierMapDisplay):
        texts = display.texts_
    else:
        by_column = isinstance(display, InstanceLabelDisplay | LabelDistributionDisplay)
        axis = display.ax_.xaxis if by_column else display.ax_.yaxis
        texts = axis.get_ticklabels()
    return [text.get_text().split()[0] for text in texts]


@every_choosing_display
def test_labels_are_chosen_by_name_and_by_number(name, fitted):
    case = CASES[name]
    display = draw(case, fitted[case.model], labels=["sun", 0])
    assert names_in(display) == ["sun", "sea"]


@every_choosing_display
def test_at_most_so_many_labels_are_chosen(name, fitted):
    case = CASES[name]
    limit = (
        "max_names" if name in ("report", "classifiers", "label states") else "max_labels"
    )
    display = draw(case, fitted[case.model], **{limit: 1})
    assert len(names_in(display)) == 1
    with pytest.raises(
        ValueError, match=f"{limit} must be an integer of at least .; got -1"
    ):
        draw(case, fitted[case.model], **{limit: -1})


@every_choosing_display
def test_unknown_labels_are_refused_before_a_figure_is_made(name, fitted):
    case = CASES[name]
    with pytest.raises(ValueError, match=r"labels must be names .* 0 to 2; got 'moon'"):
        draw(case, fitted[case.model], labels=["moon"])
    with pytest.raises(ValueError, match="labels must name at least one"):
        draw(case, fitted[case.model], labels=[])
    with pytest.raises(ValueError, match="labels must be a list of labels; got 'sea'"):
        draw(case, fitted[case.model], labels="sea")
    assert plt.get_fignums() == []


# Many labels --------------------------------------------------------------------------------

M = 60
MOST_NAMES = 100  # on a page of twelve inches
LONG = [f"a label of number {i}" for i in range(M)]
SHARES = rng.random(M)
MANY = {
    "label graph": LabelGraphDisplay(rng.random((M, M)), label_names=LONG),
    "label attention": LabelAttentionDisplay(rng.random((M, M)), LONG),
    "nodes": NodeAttentionDisplay(
        rng.random((M, 99)), "attention", LONG, LONG + LONG, "token", SHARES
    ),
    "cells": NodeAttentionDisplay(
        rng.random((M, 4, 4)), "attention", LONG, [], "cell", SHARES
    ),
    "states": IntermediatePredictionDisplay(rng.random((M, 4)), list("abcd"), LONG),
    "classifiers": ClassifierMapDisplay(rng.random((M, 2)), LONG),
    "instances": InstanceLabelDisplay(
        [rng.random((M, 3))] * 50, "score", LONG, range(50), rng.random((50, M)) < 0.5
    ),
    "distribution": LabelDistributionDisplay(
        rng.random((200, M)) / M, np.ones((200, M)), LONG
    ),
    "threshold": ThresholdDisplay([0.2, 0.5], {"miF1": [0.1, 0.2]}, threshold=SHARES),
    "report": LabelReportDisplay(SHARES, SHARES[::-1], label_names=LONG),
    "history": LearningCurveDisplay([{"train_loss": 1 / (i + 1)} for i in range(200)]),
    "known": KnownLabelsDisplay(np.linspace(0, 0.9, M), np.linspace(0.1, 1, M)),
}


def gaps(axis, dimension):
    """Return the distances between the ticks with a name that are seen, in points."""
    low, high = sorted(axis.get_view_interval())
    ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    named = [t.get_loc() for t in ticks if t.label1.get_text()]
    at = np.zeros((len(named), 2))
    at[:, dimension] = named
    at = axis.axes.transData.transform(at)[:, dimension] * 72 / axis.figure.dpi
    return np.abs(np.diff(np.sort(at)))


def test_many_labels_are_tried_with_all_displays():
    assert {type(display) for display in MANY.values()} == {
        c.display for c in CASES.values()
    }


@pytest.mark.parametrize("all_of_them", [False, True])
@pytest.mark.parametrize("name", MANY)
def test_names_of_many_labels_can_be_read(name, all_of_them):
    display = MANY[name]
    options = {"labels": range(M)} if all_of_them and name in CHOOSING else {}
    if name in ("cells", "classifiers", "report") and options:
        pytest.skip("draws the names that it is given, wherever they are")
    display.plot(**options)
    display.figure_.canvas.draw()
    for ax in display.figure_.axes:
        assert len(ax.texts) <= M or name == "states"  # those are numbers in cells
        for dimension, axis in enumerate((ax.xaxis, ax.yaxis)):
            spaces = gaps(axis, dimension)
            assert len(spaces) < MOST_NAMES
            size = axis.get_ticklabels()[0].get_fontsize() if len(spaces) else 0
            assert (spaces >= 0.9 * size).all()


def test_names_are_left_out_where_given_axes_are_small():
    _, axes = plt.subplots(3, 1)
    display = LabelAttentionDisplay(rng.random((M, M)), LONG).plot(axes[1], labels=range(M))
    written = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert 5 <= len(written) <= 15
    step = LONG.index(written[1])
    assert written == LONG[::step]


def test_a_photograph_stays_under_the_maps_of_a_pipeline():
    features = ImageFeatures("tiny", output="map", random_state=0)
    model = make_pipeline(features, skmlc.MLGCNClassifier(**SMALL)).fit(PICTURES, Y)
    display = NodeAttentionDisplay.from_estimator(model, PICTURES, sample=2)
    photograph, cells = display.axes_[0].get_images()
    np.testing.assert_array_equal(photograph.get_array(), np.moveaxis(PICTURES[2], 0, 2))
    assert [*photograph.get_extent()] == [*cells.get_extent()]


def test_a_new_figure_grows_until_all_names_that_were_asked_for_can_be_read():
    display = LabelAttentionDisplay(rng.random((M, M)), LONG).plot(labels=range(M))
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        assert [text.get_text() for text in axis.get_ticklabels()] == LONG
