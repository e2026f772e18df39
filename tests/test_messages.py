"""What a wrong call is met with: the argument, what came, what to do; before training."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import GridSearchCV

import skmlc
from skmlc import EmbMLPClassifier, MLGCNClassifier
from skmlc.base import classifier as base_classifier
from skmlc.graphs import CooccurrenceGraph
from skmlc.inputs import FeatureEncoder
from skmlc.model_selection import ThresholdTuner, multilabel_train_test_split
from skmlc.parameters import ParameterFields

rng = np.random.RandomState(0)
X = rng.rand(24, 4).astype(np.float32)
Y = (rng.rand(24, 3) < 0.5).astype(int)
FRAME = pd.DataFrame(Y, columns=["sea", "sky", "sand"])


def fit(X=X, y=Y, model=MLGCNClassifier, **params):
    return model(**{"max_epochs": 1, **params}).fit(X, y)


def unknown():
    matrix = Y.astype(float)
    matrix[0, 0] = np.nan
    return matrix


def search(name):
    model = MLGCNClassifier("cooccurrence", max_epochs=1)
    return GridSearchCV(model, {name: [0.1, 0.2]}, cv=2, error_score="raise").fit(X, Y)


def tuned(**params):
    return ThresholdTuner(MLGCNClassifier(max_epochs=1), **{"cv": 2, **params}).fit(X, Y)


CALLS = {
    "mean": (lambda: fit(loss=torch.nn.BCEWithLogitsLoss()), ["loss", "mean", "'none'"]),
    "sum": (
        lambda: fit(loss=torch.nn.MSELoss(reduction="sum")), ["loss", "MSELoss", "'none'"],
    ),
    "loss class": (lambda: fit(loss=torch.nn.BCEWithLogitsLoss), ["loss", "brackets"]),
    "graph search": (
        lambda: search("label_graph__threshold"),
        ["label_graph", "'threshold'", "'cooccurrence'", "instance"],
    ),
    "encoder search": (lambda: search("encoder__freeze"), ["encoder", "'freeze'", "'auto'"]),
    "callbacks": (lambda: fit(callbacks=["progress"]), ["callbacks", "'progress'", "skorch"]),
    "callback pair": (lambda: fit(callbacks=[("a", "b")]), ["callbacks", "'b'", "skorch"]),
    "gpu": (lambda: fit(device="gpu"), ["device", "'gpu'", "'cuda'"]),
    "NaN": (lambda: fit(y=unknown()), ["y", "NaN", "allow_missing_labels=True"]),
    "probabilities": (lambda: fit(y=rng.rand(24, 3)), ["y", "value 0.", "0.5"]),
    "graph class": (
        lambda: fit(label_graph=CooccurrenceGraph),
        ["label_graph", "instance", "CooccurrenceGraph()"],
    ),
    "encoder class": (lambda: fit(encoder=FeatureEncoder), ["encoder", "FeatureEncoder()"]),
    "split": (
        lambda: multilabel_train_test_split(X),
        ["one array", "multilabel_train_test_split(X, Y)"],
    ),
    "empty": (lambda: fit().predict([]), ["X", "at least one sample", "empty"]),
    "scorer": (
        lambda: fit(early_stopping="mAp"),
        ["early_stopping must be the name of a metric", "'mAp'", "did you mean 'mAP'"],
    ),
    "metric of a threshold": (
        lambda: fit(threshold="tuned", threshold_metric="mIF1"),
        ["threshold_metric must be the name of a metric", "'mIF1'", "'miF1'"],
    ),
    "string column": (
        lambda: fit(pd.DataFrame(X, columns=list("abcd")).assign(town="x")),
        ["X", "'town'", "OneHotEncoder"],
    ),
    "pairs": (
        lambda: fit(label_graph=[(0, 1), (1, 2), (2, 0), (1, 0)]),
        ["label_graph", "pairs", "coo_array"],
    ),
    "graph nodes": (
        lambda: fit(label_graph=nx.path_graph(2)),
        ["label_graph", "2 nodes", "3 labels", "add_nodes_from"],
    ),
    "twin labels": (
        lambda: fit(y=pd.DataFrame(Y, columns=list("aab"))), ["y must", "'a'", "rename"],
    ),
    "twin features": (
        lambda: fit(pd.DataFrame(X, columns=list("aabc"))), ["X must", "'a'", "rename"],
    ),
    "lengths": (lambda: fit(y=Y[:-1]), ["24", "23"]),
    "transposed y": (lambda: fit(y=Y.T), ["24", "3"]),
    "label names": (
        lambda: fit(y=[["sea"], ["sky", "sand"]] * 12), ["y", "MultiLabelBinarizer"],
    ),
    "sets": (lambda: fit(y=[{"sea"}, {"sky"}] * 12), ["y", "MultiLabelBinarizer"]),
    "threshold in percent": (lambda: fit(threshold=50), ["threshold", "50"]),
    "dropout": (lambda: fit(model=skmlc.LaMPClassifier, dropout=1.5), ["dropout", "1.5"]),
    "no epochs": (lambda: fit(max_epochs=0), ["max_epochs", "0"]),
    "batch size": (lambda: fit(batch_size=-1), ["batch_size", "-1"]),
    "rate": (lambda: fit(learning_rate=0), ["learning_rate", "0"]),
    "fraction": (lambda: fit(validation_fraction=20), ["validation_fraction", "20"]),
    "graph shape": (lambda: fit(label_graph=np.eye(4)), ["label_graph", "(3, 3)", "(4, 4)"]),
    "swapped": (lambda: fit(Y, X), ["y", "indicator matrix"]),
    "k": (lambda: fit().predict_top_k(X, 4), ["k", "1 to 3", "4"]),
    "width": (lambda: fit().predict(X[:, :2]), ["2 features", "4"]),
    "known": (lambda: fit().predict(X, known=Y), ["known", "LaMPClassifier"]),
    "names before fit": (
        lambda: MLGCNClassifier().predict_labels(X), ["predict_labels", "fit", "DataFrame"],
    ),
    "names": (
        lambda: fit().predict_labels(X),
        ["predict_labels", "y had no column names", "DataFrame"],
    ),
    "tuned names": (
        lambda: tuned().predict_labels(X),
        ["predict_labels", "y had no column names", "DataFrame", "ThresholdTuner"],
    ),
    "cv": (lambda: tuned(cv="prefitt"), ["cv", "'prefitt'", "Did you mean 'prefit'?"]),
    "grid": (lambda: tuned(grid="exakt"), ["grid", "'exakt'", "Did you mean 'exact'?"]),
    "metric": (lambda: tuned(metric="ebf1"), ["'ebf1'", "did you mean 'ebF1'"]),
    "encoder": (lambda: fit(encoder="Auto"), ["encoder", "'Auto'", "Did you mean 'auto'?"]),
    "backbone": (lambda: fit(encoder="resnet18"), ["encoder", "ImageEncoder('resnet18')"]),
    "tuner": (lambda: ThresholdTuner(MLGCNClassifier, cv=2).fit(X, Y), ["estimator"]),
}  # fmt: skip
TRAINED = {"empty", "k", "width", "known", "names", "tuned names"}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_says_what_to_do_before_training(name, monkeypatch):
    call, words = CALLS[name]
    if name not in TRAINED:
        monkeypatch.setattr(
            base_classifier, "train", lambda *_, **__: pytest.fail("training began")
        )
    with pytest.raises((AttributeError, TypeError, ValueError)) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named():
    with pytest.raises(ValueError, match=r"device .*'cuda'.*'cpu'"):
        fit(device="cuda")


def test_a_custom_loss_that_is_a_scalar_is_named():
    with pytest.raises(ValueError, match=r"loss .*\(24, 3\).*shape \(\)"):
        fit(loss=torch.nn.functional.binary_cross_entropy_with_logits, batch_size=24)


PAIRS = [(0, 1), (1, 2), (2, 0), (1, 0)]


@pytest.mark.parametrize("model", [MLGCNClassifier, skmlc.GGNNClassifier])
@pytest.mark.parametrize(
    "edges",
    [
        PAIRS,
        set(PAIRS),
        np.array(PAIRS).tolist(),
        np.array(PAIRS),
        np.array(PAIRS).T,
        torch.tensor(PAIRS).T,
        tuple(np.array(PAIRS).T),
        [("sea", "sky"), ("sky", "sand")],
    ],
    ids=["list", "set", "lists", "rows", "columns", "tensor", "two arrays", "names"],
)
def test_edges_as_label_graph_are_met_with_how_to_make_a_matrix(model, edges):
    with pytest.raises((TypeError, ValueError), match=r"label_graph .*pairs.*coo_array"):
        fit(model=model, label_graph=edges)


def test_a_pair_of_labels_that_is_a_matrix_of_two_is_taken():
    matrix = fit(y=Y[:, :2], label_graph=np.array([[0, 1], [0, 0]])).adjacency_
    np.testing.assert_array_equal(matrix, [[0, 1], [0, 0]])


@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
def test_a_loss_of_nan_is_named_even_where_gradients_are_clipped(max_grad_norm):
    with pytest.raises(
        ValueError, match=r"loss became nan in epoch 1; lower learning_rate"
    ):
        fit(loss=lambda logits, y: logits * np.nan, max_grad_norm=max_grad_norm)


@pytest.mark.parametrize("max_grad_norm", [None, 1.0])
def test_weights_ruined_by_the_last_step_are_named(max_grad_norm):
    with pytest.raises(ValueError, match=r"became (nan|NaN).*lower learning_rate"):
        fit(learning_rate=1e38, max_grad_norm=max_grad_norm, max_epochs=3)


def _fields():
    public = [getattr(skmlc, name) for name in skmlc.__all__]
    for package in (skmlc.ensemble, skmlc.graphs, skmlc.inputs, skmlc.model_selection):
        public += [getattr(package, name) for name in package.__all__]
    classes = [c for c in public if isinstance(c, type) and issubclass(c, ParameterFields)]
    for cls in classes:
        for parameter, rules in cls._parameter_constraints.items():
            for rule in rules:
                for option in sorted(getattr(rule, "options", ())):
                    takes_any = str in rules or "array-like" in rules
                    if isinstance(option, str) and len(option) > 3 and not takes_any:
                        yield cls, parameter, option


@pytest.mark.parametrize(
    ("cls", "parameter", "option"),
    [
        pytest.param(*case, id=f"{case[0].__name__}-{case[1]}-{case[2]}")
        for case in _fields()
    ],
)
def test_a_misspelt_option_is_met_with_the_nearest(cls, parameter, option):
    try:
        estimator = cls(**{parameter: option + option[-1]})
    except TypeError:
        pytest.skip("it has required parameters")
    if not hasattr(estimator, "_validate_params"):
        pytest.skip("its parameters are not validated by scikit-learn")
    with pytest.raises(ValueError, match=f"{parameter}.*Did you mean '{option}'"):
        estimator._validate_params()


def test_early_stopping_true_is_early_stopping_by_loss():
    options = {"max_epochs": 3, "model": EmbMLPClassifier, "random_state": 0}
    one, other = fit(early_stopping=True, **options), fit(early_stopping="loss", **options)
    assert one.history_[-1].keys() == other.history_[-1].keys()
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


def test_a_matrix_of_objects_is_taken():
    expected = fit(random_state=0).predict_proba(X)
    given = fit(y=Y.astype(object), random_state=0).predict_proba(X)
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("directed", [False, True])
def test_a_networkx_graph_is_a_label_graph(named, directed):
    graph = nx.DiGraph() if directed else nx.Graph()
    names = list(FRAME.columns) if named else [0, 1, 2]
    graph.add_nodes_from(reversed(names))
    graph.add_edge(names[0], names[2], weight=0.5)
    adjacency = fit(y=FRAME if named else Y, label_graph=graph).adjacency_
    adjacency = adjacency.toarray() if hasattr(adjacency, "toarray") else adjacency
    expected = np.zeros((3, 3))
    expected[2, 0] = 0.5  # the third receives from the first
    expected[0, 2] = 0 if directed else 0.5
    np.testing.assert_array_equal(adjacency, expected)
