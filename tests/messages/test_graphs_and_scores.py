"""Wrong calls of graph builders, metrics, scorers, splitters and threshold tuning."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc import metrics as M
from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceEmbedding,
    CooccurrenceGraph,
    HierarchyGraph,
    KNNInstanceGraph,
    KNNLabelGraph,
    KnowledgeGraph,
    SpatialGraph,
    WordVectors,
)
from skmlc.inputs import Bags
from skmlc.model_selection import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    ThresholdTuner,
    multilabel_train_test_split,
    tune_threshold,
    unwrap,
)
from tests.messages.wrong_calls import BAGS, BOXES, NAMES, P, X, Y, check

ABC = ["a", "b", "c"]
BINARY_RELEVANCE = OneVsRestClassifier(LogisticRegression())


def vectors(n_labels=3, **params):
    return KNNLabelGraph(np.ones((n_labels, 4)), **params).fit(Y)


def folds(n_splits=3, y=Y, **params):
    return list(MultilabelStratifiedKFold(n_splits, **params).split(X, y))


def shuffled(n_splits=3, **params):
    return list(MultilabelStratifiedShuffleSplit(n_splits, **params).split(X, Y))


def tuned(estimator=BINARY_RELEVANCE, y=Y, **params):
    return ThresholdTuner(estimator, **params).fit(X, y)


def told(shares):
    model = LaMPClassifier(max_epochs=1, hidden_size=8, label_masking=True).fit(X, Y)
    return M.known_label_scores(model, X, Y, shares=shares)


GRAPHS = {
    "names": (
        lambda: CooccurrenceGraph().fit(Y, label_names=["a"]), ValueError,
        ["label_names", "3 names", "got 1"],
    ),
    "label lists": (
        lambda: CooccurrenceGraph().fit([["a"], ["b", "c"]]), ValueError,
        ["Y", "MultiLabelBinarizer"],
    ),
    "negative": (lambda: CooccurrenceGraph().fit(-Y), ValueError, ["Y", "got -1", "as 0"]),
    "percent": (
        lambda: ConditionalProbabilityGraph(40).fit(Y), ValueError, ["threshold", "1.0", "40"],
    ),
    "neighbor weight": (
        lambda: ConditionalProbabilityGraph(neighbor_weight=20).fit(Y), ValueError,
        ["neighbor_weight", "1.0", "20"],
    ),
    "direction": (
        lambda: ConditionalProbabilityGraph(direction="papers").fit(Y), ValueError,
        ["direction", "'papers'", "Did you mean 'paper'?"],
    ),
    "vectors": (lambda: vectors(2), ValueError, ["vectors", "(3, n_dimensions)", "(2, 4)"]),
    "neighbors": (lambda: vectors(n_neighbors=0), ValueError, ["n_neighbors", "0"]),
    "metric": (lambda: vectors(metric="cosin"), ValueError, ["metric", "cosine", "'cosin'"]),
    "vectors by name": (
        lambda: KNNLabelGraph({"a": [1, 2]}).fit(Y, label_names=ABC), ValueError,
        ["vectors", "2 are missing", "b, c"],
    ),
    "edge": (lambda: HierarchyGraph([(0, 7)]).fit(Y), ValueError, ["edges", "0 to 2", "7"]),
    "edge by name": (
        lambda: HierarchyGraph([("a", "b")]).fit(Y), ValueError,
        ["edges", "'a'", "label_names"],
    ),
    "other name": (
        lambda: HierarchyGraph([("a", "z")]).fit(Y, label_names=ABC), ValueError,
        ["edges", "'z'", "label names"],
    ),
    "pairs": (
        lambda: KnowledgeGraph(np.eye(2)).fit(Y), ValueError, ["relations", "triples", "1.0"],
    ),
    "relation by name": (
        lambda: KnowledgeGraph([("is", "a", "b")]).fit(Y), ValueError,
        ["label_names", "DataFrame", "relations"],
    ),
    "no file": (
        lambda: WordVectors("none.txt").fit(Y, label_names=ABC), FileNotFoundError,
        ["path", "word vectors", "'none.txt'"],
    ),
    "words without names": (
        lambda: WordVectors("none.txt").fit(Y), ValueError, ["label_names", "DataFrame"],
    ),
    "components": (
        lambda: CooccurrenceEmbedding(0).fit(Y), ValueError, ["n_components", "0"],
    ),
    "mode": (
        lambda: KNNInstanceGraph(mode="mutuall").fit_transform(BAGS), ValueError,
        ["mode", "'mutuall'", "Did you mean 'mutual'?"],
    ),
    "no boxes": (
        lambda: SpatialGraph().fit_transform(BAGS), ValueError, ["X", "boxes=boxes", "none"],
    ),
    "image size": (
        lambda: SpatialGraph(image_size=-1).fit_transform(Bags(BAGS, BOXES)), ValueError,
        ["image_size", "-1"],
    ),
}  # fmt: skip
SCORES = {
    "lengths": (
        lambda: M.example_f1(Y, Y[:-1]), ValueError, ["y_pred", "(24, 3)", "(23, 3)"],
    ),
    "columns": (
        lambda: M.macro_f1(Y, Y[:, :2]), ValueError, ["y_pred", "(24, 3)", "(24, 2)"],
    ),
    "probabilities": (
        lambda: M.example_f1(Y, P), ValueError, ["y_pred", "zeros and ones", "the value 0."],
    ),
    "transposed": (
        lambda: M.micro_f1(Y.T, Y), ValueError, ["y_pred", "(3, 24)", "(24, 3)"],
    ),
    "names": (
        lambda: M.example_f1(NAMES, NAMES), ValueError, ["y_true", "MultiLabelBinarizer"],
    ),
    "swapped": (
        lambda: M.mean_average_precision(P, Y), ValueError, ["y_true", "the value 0."],
    ),
    "NaN": (lambda: M.coverage(Y, P * np.nan), ValueError, ["y_score", "NaN"]),
    "k": (lambda: M.precision_at_k(Y, P, k=0), ValueError, ["k", "at least 1", "got 0"]),
    "half of a label": (lambda: M.ndcg_at_k(Y, P, k=1.5), ValueError, ["k", "whole", "1.5"]),
    "rule": (
        lambda: M.top_k_predictions(P, 2, top_k_rule="sometimes"), ValueError,
        ["top_k_rule", "'always'", "'sometimes'"],
    ),
    "beta": (lambda: M.example_fbeta(Y, Y, beta=-1), ValueError, ["beta", "above 0", "-1"]),
    "zero division": (
        lambda: M.class_f1(Y, Y, zero_division=2), ValueError, ["zero_division", "1.0", "2"],
    ),
    "weights": (
        lambda: M.example_f1(Y, Y, [1, 2]), ValueError, ["sample_weight", "24", "(2,)"],
    ),
    "normalize": (
        lambda: M.label_confusion(Y, Y, normalize="rows"), ValueError,
        ["normalize", "'true'", "'rows'"],
    ),
    "counts": (
        lambda: M.label_propensities([-1, 2], 5), ValueError, ["label_counts", "-1.0", "5"],
    ),
    "no probabilities": (
        lambda: M.multilabel_log_loss(Y, P * 3), ValueError, ["y_proba", "between 0 and 1"],
    ),
    "percent known": (lambda: M.hide_labels(Y, 50), ValueError, ["known", "below 1", "50"]),
    "percent shares": (lambda: told((0, 50)), ValueError, ["shares", "below 1", "50"]),
    "told": (
        lambda: M.known_label_scores(EmbMLPClassifier(max_epochs=1).fit(X, Y), X, Y),
        ValueError, ["known", "EmbMLPClassifier", "KnownLabelsClassifier"],
    ),
    "scorer": (lambda: M.get_scorer("map"), ValueError, ["'map'", "did you mean 'mAP'"]),
    "option": (
        lambda: M.get_scorer("mAP", betta=2), TypeError, ["'mAP'", "'betta'", "zero_division"],
    ),
    "scoring": (
        lambda: M.scoring(["miF1", "maf1x"]), ValueError, ["'maf1x'", "did you mean 'maF1'"],
    ),
    "no scores": (lambda: M.scoring([]), ValueError, ["names", "at least one", "none"]),
    "not fitted": (
        lambda: M.get_scorer("mAP")(EmbMLPClassifier(), X, Y), NotFittedError, ["'fit'"],
    ),
}  # fmt: skip
SELECTION = {
    "one fold": (lambda: folds(1), ValueError, ["n_splits=2", "n_splits=1"]),
    "many folds": (lambda: folds(100), ValueError, ["n_splits=100", "n_samples=24"]),
    "no labels": (lambda: folds(y=None), ValueError, ["y", "indicator matrix", "None"]),
    "lengths": (lambda: folds(y=Y[:-1]), ValueError, ["[24, 23]"]),
    "names": (lambda: folds(y=NAMES), ValueError, ["y", "MultiLabelBinarizer"]),
    "seed": (lambda: folds(random_state=0), ValueError, ["random_state", "shuffle=True"]),
    "share": (lambda: shuffled(test_size=1.5), ValueError, ["test_size=1.5", "(0, 1)"]),
    "no splits": (lambda: shuffled(0), ValueError, ["n_splits", "at least 1", "0"]),
    "percent": (
        lambda: multilabel_train_test_split(X, Y, test_size=20.0), ValueError,
        ["test_size=20.0", "(0, 1)"],
    ),
    "shares": (
        lambda: multilabel_train_test_split(X, Y, test_size=0.7, train_size=0.7), ValueError,
        ["test_size", "train_size", "1.4"],
    ),
    "swapped split": (
        lambda: multilabel_train_test_split(Y, P), ValueError, ["y", "(y >= 0.5)"],
    ),
    "nothing": (lambda: multilabel_train_test_split(), ValueError, ["at least one array"]),
    "swapped": (lambda: tune_threshold(P, Y), ValueError, ["Y", "zeros and ones", "0."]),
    "columns": (
        lambda: tune_threshold(Y, P[:, :2]), ValueError,
        ["probabilities", "(24, 3)", "(24, 2)"],
    ),
    "metric": (lambda: tune_threshold(Y, P, "mAP"), ValueError, ["metric", "'ebF1'", "'mAP'"]),
    "no grid": (lambda: tune_threshold(Y, P, grid=[]), ValueError, ["grid", "non-empty", "[]"]),
    "a class": (lambda: unwrap(EmbMLPClassifier, X), TypeError, ["estimator", "instance"]),
    "no estimator": (lambda: unwrap(5, X), TypeError, ["estimator", "instance", "got 5"]),
    "not prefit": (
        lambda: tuned(EmbMLPClassifier(), cv="prefit"), NotFittedError,
        ["estimator", "cv='prefit'", "fit it first"],
    ),
    "other labels": (
        lambda: tuned(EmbMLPClassifier(max_epochs=1).fit(X, Y), Y[:, :2], cv="prefit"),
        ValueError, ["estimator", "2 columns", "(24, 3)"],
    ),
    "transposed": (lambda: tuned(y=Y.T), ValueError, ["X and y", "[24, 3]", "y.T"]),
    "refit": (lambda: tuned(cv=3, refit=False), ValueError, ["refit", "3 splits", "cv=0.2"]),
    "not fitted": (
        lambda: ThresholdTuner(BINARY_RELEVANCE).predict(X), NotFittedError, ["ThresholdTuner"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_a_wrong_call_of_a_graph_builder_says_what_to_do(name):
    check(*GRAPHS[name])


@pytest.mark.parametrize("name", SCORES)
def test_a_wrong_call_of_a_metric_says_what_to_do(name):
    check(*SCORES[name])


@pytest.mark.parametrize("name", SELECTION)
def test_a_wrong_split_or_tuning_says_what_to_do(name):
    check(*SELECTION[name])
