"""Wrong calls of classifiers, of their encoders, and of what is told about labels."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skmlc import (
    KISAR,
    MIMLNN,
    MIMLRBF,
    MIMLSVM,
    EmbMLPClassifier,
    GlobalPoolClassifier,
    LaMPClassifier,
    MIMLkNN,
)
from skmlc.inputs import Bags, FeatureEncoder, ImageEncoder, TokenEncoder
from tests.messages.wrong_calls import BAGS, IMAGES, NAMES, NARROW, P, X, Y, check


def mlp(X=X, y=Y, sample_weight=None, **params):
    return EmbMLPClassifier(**{"max_epochs": 1, **params}).fit(X, y, sample_weight)


def lamp(**params):
    return LaMPClassifier(**{"max_epochs": 1, "hidden_size": 8, **params}).fit(X, Y)


def pool(backbone, **params):
    encoder = ImageEncoder(backbone, **params)
    return GlobalPoolClassifier(encoder=encoder, max_epochs=1).fit(IMAGES, Y)


def polars_frame(values):
    return pytest.importorskip("polars").DataFrame(values)


BAG_METHODS = {
    "ratio": (lambda: MIMLSVM(20).fit(BAGS, Y), ValueError, ["medoid_ratio", "1.0", "20"]),
    "C": (lambda: MIMLSVM(C=-1).fit(BAGS, Y), ValueError, ["'C'", "-1"]),
    "transposed": (
        lambda: MIMLSVM().fit(BAGS, Y.T), ValueError,
        ["X and y", "[24, 3]", "transposed", "y.T"],
    ),
    "lengths": (lambda: MIMLkNN().fit(BAGS[:-1], Y), ValueError, ["X and y", "[23, 24]"]),
    "names": (
        lambda: MIMLSVM().fit(BAGS, NAMES), ValueError, ["y", "text", "MultiLabelBinarizer"],
    ),
    "swapped": (lambda: MIMLNN().fit(Y, BAGS), ValueError, ["y", "indicator matrix"]),
    "not fitted": (lambda: MIMLSVM().predict(BAGS), NotFittedError, ["MIMLSVM", "'fit'"]),
    "width": (
        lambda: MIMLSVM().fit(BAGS, Y).predict(NARROW), ValueError, ["X has 2", "expecting 4"],
    ),
    "metric": (
        lambda: MIMLSVM(metric="maxx").fit(BAGS, Y), ValueError,
        ["metric", "'maxx'", "Did you mean 'max'?"],
    ),
    "references": (lambda: MIMLkNN(0).fit(BAGS, Y), ValueError, ["n_references", "0"]),
    "pairs": (
        lambda: KISAR(label_graph=[(0, 1)]).fit(BAGS, Y), ValueError, ["label_graph", "pairs"],
    ),
    "graph": (
        lambda: KISAR(label_graph="cooccurence").fit(BAGS, Y), ValueError,
        ["label_graph", "'cooccurence'", "Did you mean 'cooccurrence'?"],
    ),
    "no bags": (lambda: MIMLNN().fit([], Y), ValueError, ["X", "at least one sample"]),
    "empty bag": (
        lambda: MIMLRBF().fit([np.empty((0, 4)), *BAGS[1:]], Y), ValueError,
        ["bag 0 is empty", "at least one instance"],
    ),
    "text": (lambda: MIMLRBF().fit("bags", Y), TypeError, ["X", "text", "TokenSequencer"]),
    "sparse": (
        lambda: MIMLNN().fit(sparse.csr_array(X), Y), TypeError, ["X", "Sparse", "toarray"],
    ),
    "mapping": (lambda: MIMLNN().fit({"a": 1}, Y), TypeError, ["X must", "samples", "dict"]),
    "unknown": (
        lambda: MIMLNN().fit(BAGS, Y * np.nan), ValueError, ["y", "NaN", "missing entry"],
    ),
}  # fmt: skip
ENCODERS = {
    "nodes": (
        lambda: mlp(encoder=FeatureEncoder("feature")), ValueError,
        ["nodes", "'feature'", "Did you mean 'features'?"],
    ),
    "bins": (lambda: mlp(encoder=FeatureEncoder(n_bins=0)), ValueError, ["n_bins", "0"]),
    "column": (
        lambda: mlp(encoder=FeatureEncoder(categorical_features=[9])), ValueError,
        ["categorical_features", "0 to 3", "9"],
    ),
    "column name": (
        lambda: mlp(encoder=FeatureEncoder(categorical_features=["town"])), ValueError,
        ["categorical_features", "'town'", "DataFrame"],
    ),
    "kind": (
        lambda: mlp(encoder=TokenEncoder()), ValueError,
        ["encoder", "'vectors'", "TokenEncoder", "sequences"],
    ),
    "images": (
        lambda: mlp(encoder=ImageEncoder()), ValueError, ["encoder", "skmlc.inputs.Images"],
    ),
    "module": (
        lambda: mlp(encoder=torch.nn.Linear(4, 4)), ValueError, ["encoder", "'make'", "Linear"],
    ),
    "backbone": (
        lambda: pool("resnet19"), ValueError,
        ["backbone", "'resnet19'", "Did you mean 'resnet18'?"],
    ),
    "weights": (
        lambda: pool("tiny", weights="no.pth"), ValueError,
        ["weights", "'no.pth'", "cannot be read"],
    ),
}  # fmt: skip
NETWORKS = {
    "kind": (
        lambda: mlp().predict(Bags(BAGS)), ValueError, ["X", "'vectors'", "got 'bags'"],
    ),
    "tensor": (lambda: mlp().predict(torch.ones(2, 3)), ValueError, ["X has 3", "4 features"]),
    "polars": (
        lambda: mlp().predict(polars_frame(X[:, :2])), ValueError, ["X has 2", "4 features"],
    ),
    "one row": (lambda: mlp().predict(X[0]), ValueError, ["2D", "1D", "reshape(1, -1)"]),
    "none": (lambda: mlp().predict(None), TypeError, ["X must", "samples", "None"]),
    "texts": (lambda: mlp().predict(["a text"]), TypeError, ["X", "text", "TfidfVectorizer"]),
    "not fitted": (
        lambda: EmbMLPClassifier().predict(X), NotFittedError, ["EmbMLPClassifier", "'fit'"],
    ),
    "tensor of labels": (
        lambda: mlp(y=torch.tensor(Y)[:-1]), ValueError, ["X and y", "[24, 23]"],
    ),
    "transposed tensor": (lambda: mlp(y=torch.tensor(Y).T), ValueError, ["y.T", "[24, 3]"]),
    "counts": (lambda: mlp(y=polars_frame(Y * 2)), ValueError, ["y", "the value 2 in row 0"]),
    "signs": (lambda: mlp(y=2 * Y - 1), ValueError, ["y", "zeros and ones", "the value -1"]),
    "one text": (lambda: mlp(y="sea,sky"), TypeError, ["y must", "one row per sample", "str"]),
    "mapping": (lambda: mlp(y={"sea": 1}), TypeError, ["y must", "one row per sample", "dict"]),
    "no labels": (lambda: mlp(y=Y[:, :0]), ValueError, ["y", "one column", "(24, 0)"]),
    "no y": (lambda: mlp(y=None), ValueError, ["y", "None", "EmbMLPClassifier"]),
    "no samples": (lambda: mlp(X[:0], Y[:0]), ValueError, ["0 sample(s)", "(0, 4)"]),
    "weights": (
        lambda: mlp(sample_weight=[1, 2]), ValueError, ["sample_weight", "24", "(2,)"],
    ),
    "negative weights": (
        lambda: mlp(sample_weight=-np.ones(24)), ValueError, ["sample_weight", "-1.0"],
    ),
    "hidden size": (lambda: mlp(hidden_size=0), ValueError, ["hidden_size", "0"]),
    "seed": (lambda: mlp(random_state="a"), ValueError, ["random_state", "'a'"]),
    "parameter": (lambda: mlp(max_epoch=1), TypeError, ["max_epoch", "EmbMLPClassifier"]),
    "label weight": (
        lambda: mlp(label_weight=[1, 2]), ValueError, ["label_weight", "(3,)", "(2,)"],
    ),
    "thresholds": (
        lambda: mlp(threshold=[0.5, 0.5]), ValueError, ["threshold", "(3,)", "(2,)"],
    ),
    "optimizer": (
        lambda: mlp(optimizer="adamm"), ValueError, ["optimizer", "Did you mean 'adam'?"],
    ),
    "masking": (lambda: lamp(label_masking=50), ValueError, ["label_masking", "50"]),
    "heads": (
        lambda: lamp(hidden_size=10, n_heads=4), ValueError, ["hidden_size", "n_heads", "10"],
    ),
    "untrained known": (
        lambda: lamp().predict(X, known=Y), ValueError, ["known", "label_masking=True"],
    ),
    "shape of known": (
        lambda: lamp(label_masking=True).predict(X, known=Y[:3]), ValueError,
        ["known", "(24, 3)", "(3, 3)"],
    ),
    "value of known": (
        lambda: lamp(label_masking=True).predict(X, known=Y * 2), ValueError,
        ["known", "the value 2 in row 0, column 0"],
    ),
    "names known": (
        lambda: lamp(label_masking=True).predict(X, known=["sea"]), ValueError,
        ["known", "Leave NaN", "DataFrame of NaN"],
    ),
    "none as graph": (
        lambda: lamp(label_graph=None), ValueError, ["label_graph", "a networkx graph", "None"],
    ),
    "explain": (lambda: lamp().explain(X[:, :2]), ValueError, ["X has 2", "4 features"]),
    "swapped": (lambda: mlp(Y, P), ValueError, ["y", "probabilities", "(y >= 0.5)"]),
}  # fmt: skip


@pytest.mark.parametrize("name", BAG_METHODS)
def test_a_wrong_call_of_a_bag_method_says_what_to_do(name):
    check(*BAG_METHODS[name])


@pytest.mark.parametrize("name", ENCODERS)
def test_a_wrong_encoder_is_named(name):
    check(*ENCODERS[name])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_wrong_call_of_a_network_says_what_to_do(name):
    check(*NETWORKS[name])


def test_sparse_matrices_that_are_dicts_are_taken():
    expected = mlp(sparse.csr_array(X), sparse.csr_array(Y), random_state=0)
    model = mlp(sparse.dok_array(X), sparse.dok_array(Y), random_state=0)
    given = model.predict_proba(sparse.dok_array(X))
    np.testing.assert_array_equal(given, expected.predict_proba(sparse.csr_array(X)))
