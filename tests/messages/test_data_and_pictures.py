"""Wrong calls of readers of data sets, ensembles, KnownLabelsClassifier and Displays."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.tree import DecisionTreeClassifier

from skmlc import EmbMLPClassifier, KnownLabelsClassifier, LaMPClassifier
from skmlc import datasets as D
from skmlc import inspection as I
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.inputs import Bags
from tests.messages.wrong_calls import BAGS, P, X, Y, check

TREE = ("tree", DecisionTreeClassifier())
BINARY_RELEVANCE = OneVsRestClassifier(LogisticRegression())


@cache
def mlp():
    return EmbMLPClassifier(max_epochs=1).fit(X, Y)


@cache
def lamp():
    return LaMPClassifier(max_epochs=1, hidden_size=8).fit(X, Y)


def vote(estimators=(TREE,), y=Y, **params):
    return SoftVotingClassifier(list(estimators), **params).fit(X, y)


def stack(estimators=(TREE,), y=Y, **params):
    return StackingClassifier(list(estimators), **params).fit(X, y)


def known(estimator=BINARY_RELEVANCE, X=X, y=Y, **params):
    return KnownLabelsClassifier(estimator, **params).fit(X, y)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    (tmp_path / "junk.npz").write_bytes(b"no")
    text = "@relation r\n@attribute a numeric\n@data\n1\n"
    (tmp_path / "table.arff").write_text(text)


FILES = {
    "unknown": (
        lambda: D.load_multilabel("nonesuch"), FileNotFoundError, ["nonesuch", "data_home"],
    ),
    "unknown bags": (
        lambda: D.load_bags("nonesuch"), FileNotFoundError, ["nonesuch", "data_home"],
    ),
    "unknown images": (
        lambda: D.load_image_set("nonesuch"), FileNotFoundError, ["nonesuch", "data_home"],
    ),
    "none": (lambda: D.load_multilabel(None), TypeError, ["path_or_name", "path", "None"]),
    "a matrix": (lambda: D.load_bags(X), TypeError, ["path_or_name", "path", "array"]),
    "empty folder": (
        lambda: D.load_multilabel("empty"), FileNotFoundError, ["empty", "meta.json"],
    ),
    "folder of images": (
        lambda: D.load_image_set("empty"), ValueError, ["empty", ".npz", "meta.json"],
    ),
    "csv": (
        lambda: D.load_multilabel("table.csv"), ValueError, ["table.csv", "ARFF", "svmlight"],
    ),
    "bags of csv": (lambda: D.load_bags("table.csv"), ValueError, ["table.csv", ".arff"]),
    "no labels": (
        lambda: D.load_multilabel("table.arff"), ValueError, ["table.arff", "pass labels"],
    ),
    "names": (
        lambda: D.load_multilabel("table.arff", labels=["z"]), ValueError, ["labels", "['z']"],
    ),
    "number": (
        lambda: D.load_multilabel("table.arff", labels=5), ValueError, ["labels", "1", "got 5"],
    ),
    "no bags": (
        lambda: D.load_bags("table.arff"), ValueError, ["table.arff", "relational attribute"],
    ),
    "junk": (lambda: D.load_bags("junk.npz"), ValueError, ["junk.npz", "plain arrays"]),
    "representation": (
        lambda: D.load_multilabel("empty", representation="words"), ValueError,
        ["representation", "'words'", "text"],
    ),
}  # fmt: skip
MADE = {
    "scenes": (lambda: D.load_digit_scenes(0), ValueError, ["n_samples", ">= 1", "0"]),
    "subset": (
        lambda: D.load_digit_scenes(subset="trains"), ValueError,
        ["subset", "'trains'", "train"],
    ),
    "faint": (lambda: D.load_digit_scenes(faint=50), ValueError, ["faint", "0 to 1", "50"]),
    "labels": (
        lambda: D.make_label_graph_classification(n_labels=0), ValueError, ["n_labels", "0"],
    ),
    "flip": (
        lambda: D.make_label_graph_classification(flip=5), ValueError, ["flip", "0 to 1", "5"],
    ),
    "dependency": (
        lambda: D.make_label_graph_classification(dependency="xr"), ValueError,
        ["dependency", "'xr'", "xor"],
    ),
    "graph": (
        lambda: D.make_label_graph_classification(label_graph=np.eye(3)), ValueError,
        ["label_graph", "(10, 10)", "(3, 3)"],
    ),
    "parents": (
        lambda: D.make_label_graph_classification(n_parents=50), ValueError,
        ["n_parents", "1 to 5", "50"],
    ),
}  # fmt: skip
ENSEMBLES = {
    "empty vote": (lambda: vote([]), ValueError, ["estimators", "at least one", "[]"]),
    "empty stack": (lambda: stack([]), ValueError, ["estimators", "at least one", "[]"]),
    "one": (
        lambda: SoftVotingClassifier(mlp()).fit(X, Y), ValueError, ["estimators", "list"],
    ),
    "no names": (lambda: vote([TREE[1]]), ValueError, ["estimators", "pairs (name,"]),
    "twice": (lambda: vote([TREE, TREE]), ValueError, ["Names", "unique", "'tree'"]),
    "class": (
        lambda: vote([("a", EmbMLPClassifier)]), TypeError, ["estimators", "instances", "'a'"],
    ),
    "class in a stack": (
        lambda: stack([("a", EmbMLPClassifier)]), TypeError, ["estimators", "instances", "'a'"],
    ),
    "word": (lambda: vote([("a", "mlp")]), TypeError, ["estimators", "'mlp'", "'drop'"]),
    "weights": (lambda: vote(weights=[1, 2]), ValueError, ["weights", "1 non-neg", "(2,)"]),
    "negative": (lambda: vote(weights=[-1]), ValueError, ["weights", "non-negative", "-1.0"]),
    "transposed": (lambda: vote(y=Y.T), ValueError, ["X and y", "[24, 3]", "y.T"]),
    "lengths": (lambda: stack(y=Y[:-1]), ValueError, ["X and y", "[24, 23]"]),
    "not fitted": (
        lambda: SoftVotingClassifier([TREE]).predict(X), NotFittedError, ["SoftVoting"],
    ),
    "alpha": (lambda: stack(alpha=-1), ValueError, ["alpha", "-1"]),
    "folds": (lambda: stack(cv=1), ValueError, ["cv", "[2, inf)", "1"]),
}  # fmt: skip
KNOWN = {
    "class": (
        lambda: known(LogisticRegression), TypeError, ["estimator", "LogisticRegression()"],
    ),
    "word": (lambda: known("lr"), ValueError, ["estimator", "'fit'", "'lr'"]),
    "copies": (lambda: known(n_copies=0), ValueError, ["n_copies", "0"]),
    "column of text": (
        lambda: known(X=pd.DataFrame(X).assign(town="Rome")), ValueError,
        ["'town'", "ColumnTransformer, before KnownLabelsClassifier", "not inside it"],
    ),
    "infinity": (
        lambda: known(X=pd.DataFrame(X, columns=list("abcd")).assign(c=np.inf)), ValueError,
        ["infinity in column 'c'"],
    ),
    "masking": (lambda: known(label_masking=50), ValueError, ["label_masking", "50"]),
    "bags": (lambda: known(X=Bags(BAGS)), TypeError, ["X", "Bags", "skmlc.inputs.BagPooling"]),
    "transposed": (lambda: known(y=Y.T), ValueError, ["X and y", "[24, 3]", "y.T"]),
    "probabilities": (lambda: known(y=P), ValueError, ["y", "(y >= 0.5)"]),
    "not fitted": (
        lambda: KnownLabelsClassifier(BINARY_RELEVANCE).predict(X), NotFittedError, ["'fit'"],
    ),
    "shape": (
        lambda: known().predict(X, known=Y[:2]), ValueError, ["known", "(24, 3)", "(2, 3)"],
    ),
    "value": (
        lambda: known().predict(X, known=P), ValueError, ["known", "the value 0.", "NaN"],
    ),
    "minus one": (
        lambda: known().predict(X, known=2 * Y - 1), ValueError,
        ["known", "the value -1 in row", "others 0", "Leave NaN where a label is unknown"],
    ),
    **{
        f"known as {kind}": (
            lambda form=form: known().predict(X[:3], known=form), ValueError,
            ["known must", "Leave NaN where a label is unknown", "DataFrame of NaN"],
        )
        for kind, form in {
            "names": [["a"], ["b"], ["c"]], "lists of names": [["a"], ["b", "c"], []],
            "a vector": np.ones(3), "a Series": pd.Series([1, 0, 1]), "a word": "yes",
            "answers": np.full((3, 3), "yes"), "sets": [{"a"}, {"b"}, {"c"}],
        }.items()
    },
}  # fmt: skip
DISPLAYS = {
    "report": (lambda: I.label_report(Y), ValueError, ["y_pred", "y_proba", "neither"]),
    "report of probabilities": (
        lambda: I.label_report(Y, P), ValueError, ["the value 0.", "(y_pred >= 0.5)"],
    ),
    "report names": (
        lambda: I.label_report(Y, Y, label_names=["a"]), ValueError, ["label_names", "3", "1"],
    ),
    "output": (
        lambda: I.label_report(Y, Y, output="table"), ValueError, ["output", "'frame'"],
    ),
    "map": (
        lambda: I.ClassifierMapDisplay.from_estimator(mlp()), TypeError,
        ["estimator", "EmbMLPClassifier", "from_vectors"],
    ),
    "map method": (
        lambda: I.ClassifierMapDisplay.from_estimator(lamp(), method="umap"), ValueError,
        ["method", "'tsne'", "'umap'"],
    ),
    "sample": (
        lambda: I.IntermediatePredictionDisplay.from_estimator(lamp(), X, sample=99),
        ValueError, ["sample", "0 to 23", "99"],
    ),
    "told": (
        lambda: I.KnownLabelsDisplay.from_estimator(mlp(), X, Y), ValueError,
        ["known", "EmbMLPClassifier", "LaMPClassifier"],
    ),
    "head": (
        lambda: I.LabelAttentionDisplay.from_estimator(lamp(), X, head=99), ValueError,
        ["head", "from -4 to 3", "99"],
    ),
    "step": (
        lambda: I.LabelAttentionDisplay.from_estimator(lamp(), X, step=99), ValueError,
        ["step", "from -2 to 1", "99"],
    ),
    "node head": (
        lambda: I.NodeAttentionDisplay.from_estimator(lamp(), X, head=99), ValueError,
        ["head", "from -4 to 3", "99"],
    ),
    "node step": (
        lambda: I.NodeAttentionDisplay.from_estimator(lamp(), X, step=99), ValueError,
        ["step", "from -2 to 1", "99"],
    ),
    "features": (
        lambda: I.NodeAttentionDisplay.from_estimator(lamp(), X, feature_names=["a"]),
        ValueError, ["feature_names", "'vectors'"],
    ),
    "distribution": (
        lambda: I.LabelDistributionDisplay.from_estimator(mlp(), X, Y), TypeError,
        ["estimator", "enhance", "GLEMIMLClassifier", "EmbMLPClassifier"],
    ),
    "shape": (
        lambda: I.LabelDistributionDisplay.from_predictions(Y, P[:, :2]), ValueError,
        ["distribution", "(24, 3)", "(24, 2)"],
    ),
    "graph": (
        lambda: I.LabelGraphDisplay.from_estimator(LaMPClassifier()), TypeError,
        ["estimator", "fitted", "adjacency_", "LaMPClassifier"],
    ),
    "layout": (
        lambda: I.LabelGraphDisplay.from_estimator(lamp(), layout="circle"), ValueError,
        ["layout", "'circular'", "'circle'"],
    ),
    "report metric": (
        lambda: I.LabelReportDisplay.from_predictions(Y, P, metric="apr"), ValueError,
        ["metric", "average_precision", "'apr'"],
    ),
    "history": (
        lambda: I.LearningCurveDisplay.from_estimator(EmbMLPClassifier()), TypeError,
        ["estimator", "history_", "fitted"],
    ),
    "no history": (
        lambda: I.LearningCurveDisplay.from_history(5), TypeError, ["history", "list", "int"],
    ),
    "empty history": (
        lambda: I.LearningCurveDisplay.from_history([]), ValueError, ["history", "train_loss"],
    ),
    "threshold metric": (
        lambda: I.ThresholdDisplay.from_predictions(Y, P, metrics="mAP"), ValueError,
        ["metric", "'ebF1'", "'mAP'"],
    ),
    "no thresholds": (
        lambda: I.ThresholdDisplay.from_predictions(Y, P, thresholds=[]), ValueError,
        ["thresholds", "at least one", "none"],
    ),
    "class": (
        lambda: I.ThresholdDisplay.from_estimator(DecisionTreeClassifier, X, Y), TypeError,
        ["estimator", "predict_proba", "the class DecisionTreeClassifier"],
    ),
}  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_read_is_named(name):
    check(*FILES[name])


@pytest.mark.parametrize("name", MADE)
def test_a_wrong_data_set_to_make_is_met_with_what_it_may_be(name):
    check(*MADE[name])


@pytest.mark.parametrize("name", ENSEMBLES)
def test_a_wrong_call_of_an_ensemble_says_what_to_do(name):
    check(*ENSEMBLES[name])


@pytest.mark.parametrize("name", KNOWN)
def test_a_wrong_call_of_known_labels_says_what_to_do(name):
    check(*KNOWN[name])


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_wrong_call_of_a_display_says_what_to_do(name):
    check(*DISPLAYS[name])


EXPLAINED = [
    display
    for display in map(vars(I).get, I.__all__)
    if hasattr(display, "from_explanation")
]


@pytest.mark.parametrize("display", EXPLAINED)
def test_what_is_no_explanation_is_refused_by_all_that_draw_one(display):
    for wrong in ("x", X, {"relevance": P}):
        with pytest.raises(TypeError, match=r"explanation must be what the explain of"):
            display.from_explanation(wrong)


@pytest.mark.parametrize("display", EXPLAINED)
def test_what_cannot_explain_is_named_by_all_that_draw_it(display):
    with pytest.raises(TypeError, match=r"estimator must have .*explain.*EmbMLPClassifier"):
        display.from_estimator(mlp(), X)
