"""Wrong calls of splitters, scorers, displays, containers, ensembles and data sets."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier

from skmlc import EmbMLPClassifier, KnownLabelsClassifier, LaMPClassifier
from skmlc import metrics as M
from skmlc.base import classifier as base_classifier
from skmlc.datasets import (
    load_bags,
    load_digit_scenes,
    load_image_set,
    load_multilabel,
    make_label_graph_classification,
)
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.inputs import (
    BagPooling,
    Bags,
    BagScaler,
    Graphs,
    Images,
    RegionFeatures,
    Sequences,
    TokenSequencer,
)
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
    ThresholdDisplay,
    label_report,
)
from skmlc.model_selection import (
    MultilabelCalibratedClassifierCV,
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedKFold,
    ThresholdTuner,
    multilabel_train_test_split,
    tune_threshold,
)
from tests.messages.wrong_calls import BAGS, IMAGES, P, X, Y, check

FOREST = RandomForestClassifier(3, random_state=0)
LINEAR = OneVsRestClassifier(LogisticRegression())


@pytest.fixture(scope="module")
def mlp():
    return EmbMLPClassifier(max_epochs=1).fit(X, Y)


@pytest.fixture(scope="module")
def lamp():
    return LaMPClassifier(max_epochs=1, hidden_size=8, label_masking=True).fit(X, Y)


@pytest.fixture(autouse=True)
def no_figure_is_left():
    yield
    assert plt.get_fignums() == []


def network(**params):
    return EmbMLPClassifier(**{"max_epochs": 1, **params}).fit(X, Y)


def groups_of(groups):
    return list(MultilabelStratifiedGroupKFold(3).split(X, Y, groups=groups))


def vote(*members, cls=SoftVotingClassifier, y=Y, sample_weight=None, **params):
    return cls(list(members), **params).fit(X, y, sample_weight)


stack = partial(vote, ("a", FOREST), cls=StackingClassifier)

SPLITS = {
    "stratify": (
        lambda: multilabel_train_test_split(X, Y, stratify=True), TypeError,
        ["stratify", "True", "leave it out"],
    ),
    "not stratified": (
        lambda: multilabel_train_test_split(X, Y, stratify=False), TypeError,
        ["stratify", "False"],
    ),
    "too large": (
        lambda: multilabel_train_test_split(X, Y, test_size=24), ValueError,
        ["test_size=24", "smaller than the number of samples 24"],
    ),
    "word": (
        lambda: multilabel_train_test_split(X, Y, test_size="half"), ValueError,
        ["test_size", "half"],
    ),
    "lengths": (
        lambda: multilabel_train_test_split(X, Y[:5]), ValueError, ["samples", "24", "5"],
    ),
    "no y": (
        lambda: list(MultilabelStratifiedKFold(3).split(X)), ValueError,
        ["y", "None", "pass the labels"],
    ),
    "probabilities": (
        lambda: list(MultilabelStratifiedKFold(3).split(X, P)), ValueError,
        ["y", "the value 0.", "(y >= 0.5)"],
    ),
    "folds": (
        lambda: list(MultilabelStratifiedKFold(30).split(X, Y)), ValueError,
        ["n_splits=30", "24"],
    ),
    "seed": (
        lambda: MultilabelStratifiedKFold(3, random_state=0), ValueError,
        ["random_state", "shuffle=True"],
    ),
    "no groups": (lambda: groups_of(None), ValueError, ["groups", "None"]),
    "one group": (lambda: groups_of([1] * 24), ValueError, ["groups", "at least 3", "1"]),
    "few groups": (lambda: groups_of([1, 2]), ValueError, ["samples", "24", "2"]),
}  # fmt: skip
SCORERS = {
    "not fitted": (
        lambda: M.get_scorer("mAP")(FOREST, X, Y), NotFittedError, ["RandomForest", "'fit'"],
    ),
    "width": (
        lambda: M.get_scorer("maF1")(LINEAR.fit(X, Y), X, Y[:, :2]), ValueError,
        ["y_pred", "(24, 2)", "(24, 3)"],
    ),
    "known": (
        lambda: M.get_scorer("mAP", known=0.5)(LINEAR.fit(X, Y), X, Y), TypeError,
        ["known", "predict_proba", "OneVsRestClassifier"],
    ),
    "known word": (
        lambda: M.get_scorer("mAP", known="one"), ValueError,
        ["known", '"one_positive"', "'one'"],
    ),
    "k of zero": (lambda: M.get_scorer("P@0"), ValueError, ["'P@0'", "did you mean 'P@5'"]),
    "None": (lambda: M.get_scorer(None), ValueError, ["None", "get_scorer_names()"]),
    "number": (lambda: M.scoring(3), TypeError, ["names", "list", "int"]),
    "mapping": (lambda: M.scoring({"a": "mAP"}), TypeError, ["names", "list", "dict"]),
    "estimator": (
        lambda: M.mean_average_precision(Y, LINEAR), TypeError,
        ["y_score", "array", "OneVsRestClassifier"],
    ),
    "forest": (
        lambda: M.macro_roc_auc(Y, FOREST.fit(X, Y).predict_proba(X)), ValueError,
        ["y_score", "list of arrays", "column_stack"],
    ),
    "counts": (
        lambda: M.label_propensities("ab", 5), TypeError, ["label_counts", "numbers", "'ab'"],
    ),
    "no shares": (
        lambda: M.known_label_scores(LINEAR, X, Y, shares=[]), ValueError, ["shares", "none"],
    ),
    "metric of thresholds": (
        lambda: tune_threshold(Y, P, "F1"), ValueError, ["'F1'", "'miF1'"],
    ),
    "lengths": (
        lambda: tune_threshold(Y, P[:5]), ValueError, ["probabilities", "(24, 3)", "(5, 3)"],
    ),
    "per label": (
        lambda: ThresholdTuner(LINEAR, per_label="yes").fit(X, Y), TypeError,
        ["per_label", "True or False", "'yes'"],
    ),
    "calibration": (
        lambda: MultilabelCalibratedClassifierCV(LINEAR, cv="prefitt").fit(X, Y), ValueError,
        ["cv", "Did you mean 'prefit'?"],
    ),
    "positives": (
        lambda: MultilabelCalibratedClassifierCV(LINEAR, min_positives=0).fit(X, Y),
        ValueError, ["min_positives", "at least 1", "0"],
    ),
    "report of one class": (
        lambda: label_report(Y, y_proba=FOREST.fit(X, Y * [1, 0, 1]).predict_proba(X)),
        ValueError, ["y_proba", "two columns", "1 for label 1"],
    ),
    "report of NaN": (
        lambda: label_report(Y, y_proba=P * np.nan), ValueError, ["y_proba", "NaN"],
    ),
    "report of probabilities": (
        lambda: label_report(Y, P), ValueError, ["y_pred", "zeros and ones", "the value 0."],
    ),
}  # fmt: skip
DISPLAYS = {
    "no classifiers": (
        lambda: ClassifierMapDisplay.from_estimator(KNeighborsClassifier()), TypeError,
        ["label_classifiers_", "coef_", "KNeighbors", "from_vectors"],
    ),
    "groups": (
        lambda: ClassifierMapDisplay.from_vectors(P, groups=[1]), ValueError,
        ["groups", "24 labels", "1"],
    ),
    "one vector": (
        lambda: ClassifierMapDisplay.from_vectors([1, 2]), ValueError, ["vectors", "(2,)"],
    ),
    "not square": (
        lambda: LabelGraphDisplay.from_adjacency(P), ValueError, ["adjacency", "(24, 3)"],
    ),
    "ax": (
        lambda: LabelGraphDisplay.from_adjacency(np.eye(3), ax=[1, 2]), TypeError,
        ["ax", "Axes", "list", "pass one"],
    ),
    "metric": (
        lambda: LabelReportDisplay.from_predictions(Y, P, metric="mAP"), ValueError,
        ["metric", "'average_precision'", "'mAP'"],
    ),
    "no epochs": (
        lambda: LearningCurveDisplay.from_history([]), ValueError, ["history", "none"],
    ),
    "one dict": (
        lambda: LearningCurveDisplay.from_history({"train_loss": [1]}), TypeError,
        ["history", "list of dicts", "dict"],
    ),
    "no metric": (
        lambda: KnownLabelsDisplay.from_scores({"known": [0]}), ValueError,
        ["scores", "known_label_scores", "['known']"],
    ),
    "threshold": (
        lambda: ThresholdDisplay.from_predictions(Y, P, threshold=[0.5]), ValueError,
        ["threshold", "3, one per label", "(1,)"],
    ),
    "thresholds": (
        lambda: ThresholdDisplay.from_predictions(Y, P, thresholds="many"), ValueError,
        ["thresholds", "number", "'many'"],
    ),
    "endless thresholds": (
        lambda: ThresholdDisplay.from_predictions(Y, P, thresholds=[0.5, np.inf]), ValueError,
        ["thresholds", "finite", "inf"],
    ),
    "no explanation": (
        lambda: LabelAttentionDisplay.from_explanation(P), TypeError,
        ["explanation", "explain", "ndarray"],
    ),
    "distribution": (
        lambda: LabelDistributionDisplay.from_predictions(Y, P[:5]), ValueError,
        ["distribution", "(24, 3)", "(5, 3)"],
    ),
    "sample": (
        lambda: LabelDistributionDisplay.from_predictions(Y, P, samples=[99]), ValueError,
        ["sample", "0 to 23", "99"],
    ),
}  # fmt: skip
OF_MODELS = {
    "no history": (
        "mlp", lambda m: LearningCurveDisplay.from_estimator(EmbMLPClassifier()), TypeError,
        ["history_", "fitted", "EmbMLPClassifier"],
    ),
    "cannot be told": (
        "mlp", lambda m: KnownLabelsDisplay.from_estimator(m, X, Y), ValueError,
        ["known", "EmbMLPClassifier", "KnownLabelsClassifier"],
    ),
    "does not explain": (
        "mlp", lambda m: IntermediatePredictionDisplay.from_estimator(m, X), TypeError,
        ["explain", "LaMPClassifier", "EmbMLPClassifier"],
    ),
    "does not enhance": (
        "mlp", lambda m: LabelDistributionDisplay.from_estimator(m, X, Y), TypeError,
        ["enhance", "GLEMIMLClassifier"],
    ),
    "sample": (
        "lamp", lambda m: LabelAttentionDisplay.from_estimator(m, X, sample=99), ValueError,
        ["sample", "0 to 23", "99"],
    ),
    "step": (
        "lamp", lambda m: LabelAttentionDisplay.from_estimator(m, X, step=9), ValueError,
        ["step", "-2 to 1", "9"],
    ),
    "head": (
        "lamp", lambda m: LabelAttentionDisplay.from_estimator(m, X, head="a"), ValueError,
        ["head", "-4 to 3", "'a'"],
    ),
    "no bags": (
        "lamp", lambda m: InstanceLabelDisplay.from_estimator(m, X), ValueError,
        ["bags", "'sample'", "NodeAttentionDisplay"],
    ),
    "known row": (
        "lamp", lambda m: m.predict(X, known=Y[0]), ValueError, ["known", "1D", "shape"],
    ),
    "decoding": (
        "lamp", lambda m: m.predict(X, decoding="best"), ValueError,
        ["decoding", "'expected_f1'", "'best'"],
    ),
}  # fmt: skip
INPUTS = {
    "no sequences": (lambda: Sequences([]), ValueError, ["sequences", "at least one", "none"]),
    "one bag": (lambda: Bags(P), ValueError, ["bag 0", "(3,)"]),
    "widths": (lambda: Bags([P, X]), ValueError, ["bag 0 has 3", "bag 1 has 4"]),
    "place": (lambda: Bags(BAGS)[99], IndexError, ["99", "24 samples", "Bags"]),
    "key": (lambda: Bags(BAGS)["a"], IndexError, ["Bags", "integer", "slice"]),
    "no edges": (lambda: Graphs(BAGS, None), TypeError, ["edges", "per bag", "NoneType"]),
    "edge": (
        lambda: Graphs(BAGS, [[[0], [9]]] * 24), ValueError, ["edges", "bag 0", "(0, 9)"],
    ),
    "channels": (
        lambda: Images(IMAGES, channels="firstt"), ValueError,
        ["channels", "Did you mean 'first'?"],
    ),
    "statistic": (
        lambda: BagPooling("means").fit(BAGS), ValueError,
        ["statistics", "'means'", "Did you mean 'mean'?"],
    ),
    "scaler": (
        lambda: BagScaler("minmx").fit(BAGS), ValueError, ["scaler", "Did you mean 'minmax'?"],
    ),
    "regions": (
        lambda: RegionFeatures("tiny", regions="grd").fit(IMAGES), ValueError,
        ["regions", "'detr:'", "Did you mean 'grid'?"],
    ),
    "not fitted": (
        lambda: TokenSequencer().transform(["a"]), NotFittedError, ["TokenSequencer", "'fit'"],
    ),
    "share of texts": (
        lambda: TokenSequencer(min_df=2.5).fit(["a b"]), ValueError, ["min_df", "2.5"],
    ),
}  # fmt: skip
ENSEMBLES = {
    "no list": (
        lambda: SoftVotingClassifier(FOREST).fit(X, Y), ValueError, ["estimators", "'list'"],
    ),
    "no names": (lambda: vote(FOREST), ValueError, ["estimators", "pairs (name, estimator)"]),
    "twice": (
        lambda: vote(("a", FOREST), ("a", FOREST)), ValueError,
        ["estimators", "not unique", "'a'"],
    ),
    "underscores": (lambda: vote(("a__b", FOREST)), ValueError, ["estimators", "'a__b'"]),
    "class": (
        lambda: vote(("a", RandomForestClassifier)), TypeError, ["estimators", "instances"],
    ),
    "word": (lambda: vote(("a", "dropp")), TypeError, ["estimators", "'drop'", "'dropp'"]),
    "weights": (
        lambda: vote(("a", FOREST), weights=[1, 2]), ValueError, ["weights", "1", "(2,)"],
    ),
    "classes": (
        lambda: vote(("a", FOREST), y=[0, 1, 2] * 8), ValueError,
        ["one-dimensional", "3 classes", "VotingClassifier"],
    ),
    "sample weights": (
        lambda: vote(("a", KNeighborsClassifier()), sample_weight=np.ones(24)), TypeError,
        ["sample_weight", "'a'", "KNeighborsClassifier()"],
    ),
    "told": (
        lambda: vote(("a", FOREST)).predict(X, known=Y), ValueError,
        ["known", "'a'", "KnownLabelsClassifier"],
    ),
    "no splits": (lambda: stack(cv=[]), ValueError, ["cv", "at least one pair", "none"]),
    "one fold": (lambda: stack(cv=1), ValueError, ["cv", "1"]),
    "prefit": (lambda: stack(cv="prefit"), ValueError, ["cv", "'prefit'"]),
    "copies": (
        lambda: KnownLabelsClassifier(FOREST, n_copies=0).fit(X, Y), ValueError,
        ["n_copies", "0"],
    ),
    "known of a class": (
        lambda: KnownLabelsClassifier(LogisticRegression).fit(X, Y), TypeError,
        ["estimator", "LogisticRegression()"],
    ),
}  # fmt: skip
DATA = {
    "scenes": (lambda: load_digit_scenes("60"), ValueError, ["n_samples", "'60'"]),
    "subset": (
        lambda: load_digit_scenes(subset="trains"), ValueError,
        ["subset", "Did you mean 'train'?"],
    ),
    "labels": (
        lambda: make_label_graph_classification(n_labels=0), ValueError, ["n_labels", "0"],
    ),
    "no path": (lambda: load_multilabel(None), TypeError, ["path", "None"]),
    "no folder": (
        lambda: load_multilabel("nowhere"), FileNotFoundError, ["nowhere", "data_home"],
    ),
    "no bags": (lambda: load_bags("none.npz"), FileNotFoundError, ["none.npz", "path"]),
    "no images": (lambda: load_image_set("nowhere"), FileNotFoundError, ["nowhere", "path"]),
}  # fmt: skip
NETWORKS = {
    "module": (
        lambda: network(optimizer=torch.nn.Linear), TypeError,
        ["optimizer", "torch.optim.RMSprop", "Linear"],
    ),
    "optimizer": (
        lambda: network(optimizer="Adm"), ValueError, ["optimizer", "Did you mean 'adam'?"],
    ),
    "list": (lambda: network(net_params=["lr"]), ValueError, ["net_params", "dict", "['lr']"]),
    "net": (
        lambda: network(net_params={"batch_sise": 1}), ValueError,
        ["net_params", "'batch_sise'", "Did you mean 'batch_size'?"],
    ),
    "net epochs": (
        lambda: network(net_params={"max_epochs": 1}), ValueError,
        ["net_params", "'max_epochs'", "its own max_epochs"],
    ),
    "net split": (
        lambda: network(net_params={"train_split": None}), ValueError,
        ["net_params", "'train_split'", "early_stopping and validation_fraction"],
    ),
    "net callbacks": (
        lambda: network(net_params={"callbacks": []}), ValueError, ["its own callbacks"],
    ),
    "net output": (
        lambda: network(net_params={"predict_nonlinearity": None}), ValueError,
        ["net_params", "'predict_nonlinearity'", "decided by the classifier."],
    ),
    "net number": (lambda: network(net_params={1: 1}), ValueError, ["net_params", "got 1."]),
    "net part": (
        lambda: network(net_params={"optimiser__momentum": 1}), ValueError,
        ["net_params", "'optimiser__momentum'", "'optimizer__momentum'"],
    ),
    "callback": (
        lambda: network(callbacks=[print]), TypeError, ["callbacks", "skorch", "print"],
    ),
    "schedule": (
        lambda: network(lr_schedule="cosin"), ValueError,
        ["lr_schedule", "Did you mean 'cosine'?"],
    ),
    "half an epoch": (lambda: network(max_epochs=1.5), ValueError, ["max_epochs", "1.5"]),
}  # fmt: skip
WITHOUT_A_MODEL = {
    f"{kind}: {name}": case
    for kind, cases in {
        "split": SPLITS, "scorer": SCORERS, "display": DISPLAYS, "input": INPUTS,
        "ensemble": ENSEMBLES, "data": DATA,
    }.items()
    for name, case in cases.items()
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_A_MODEL)
def test_a_wrong_call_says_what_to_do(name):
    check(*WITHOUT_A_MODEL[name])


@pytest.mark.parametrize("name", OF_MODELS)
def test_a_wrong_call_for_a_fitted_model_says_what_to_do(name, request):
    model, call, error, words = OF_MODELS[name]
    model = request.getfixturevalue(model)
    check(lambda: call(model), error, words)


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_settings_of_training_are_named_before_it_starts(name, monkeypatch):
    monkeypatch.setattr(base_classifier, "train", lambda *_, **__: pytest.fail("trained"))
    check(*NETWORKS[name])


def test_the_parts_of_the_net_have_settings():
    settings = {
        "optimizer__betas": (0.8, 0.9),
        "iterator_train__num_workers": 0,
        "lr": 0.1,
    }
    net = network(net_params=settings).net_
    assert net.optimizer_.param_groups[0]["betas"] == (0.8, 0.9)
    assert net.iterator_train__num_workers == 0
    assert net.lr == 0.1


def test_any_class_of_optimizers_and_any_function_that_makes_one_is_taken():
    for optimizer in (torch.optim.RMSprop, partial(torch.optim.SGD, momentum=0.5)):
        made = network(optimizer=optimizer).net_.optimizer_
        assert isinstance(made, getattr(optimizer, "func", optimizer))
