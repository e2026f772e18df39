"""What is given by name is put in the order of the labels, or refused."""

import numpy as np
import pandas as pd
import pytest

import skmlc
from skmlc import EmbMLPClassifier, GGNNClassifier, LaMPClassifier, MLGCNClassifier
from tests.method_names import METHOD_NAMES

NETWORKS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
NAMES = ["sea", "sky", "sun"]
OTHER = ["sun", "sea", "sky"]


def small(Network, **options):
    return Network(**{"hidden_size": 4, "max_epochs": 1, "random_state": 0, **options})


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 5)), rng.integers(0, 2, (40, 3))
    return X, pd.DataFrame(Y, columns=NAMES)


@pytest.mark.parametrize(
    "form", [lambda s: s, lambda s: s[OTHER], lambda s: dict(s[OTHER])]
)
@pytest.mark.parametrize("name", ["threshold", "label_weight"])
@pytest.mark.parametrize("Network", NETWORKS)
def test_values_by_name_are_those_of_the_labels(Network, name, form, data):
    X, Y = data
    values = pd.Series([0.2, 0.5, 0.8], index=NAMES)
    plain = small(Network, **{name: values.to_numpy()}).fit(X, Y)
    named = small(Network, **{name: form(values)}).fit(X, Y)
    np.testing.assert_array_equal(named.predict(X), plain.predict(X))
    np.testing.assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    if name == "threshold":
        np.testing.assert_array_equal(named.threshold_, values)


@pytest.mark.parametrize("name", ["threshold", "label_weight"])
def test_other_names_are_refused_and_named(name, data):
    X, Y = data
    values = {"sea": 0.2, "sky": 0.5, "moon": 0.8}
    with pytest.raises(
        ValueError, match=rf"{name} .*lacks 1 label \(sun\).*\(moon\) too many"
    ):
        small(EmbMLPClassifier, **{name: values}).fit(X, Y)
    with pytest.raises(ValueError, match="the labels have no names"):
        small(EmbMLPClassifier, **{name: values}).fit(X, Y.to_numpy())


def test_a_threshold_that_is_no_number_is_refused(data):
    X, Y = data
    with pytest.raises(ValueError, match="threshold"):
        small(EmbMLPClassifier, threshold=[0.1, np.nan, 0.2]).fit(X, Y)


@pytest.mark.parametrize("Network", [LaMPClassifier, MLGCNClassifier, GGNNClassifier])
def test_a_label_graph_by_name_is_that_of_the_labels(Network, data):
    X, Y = data
    graph = pd.DataFrame([[0, 1, 0], [0, 0, 0.5], [0, 0, 0]], index=NAMES, columns=NAMES)
    plain = small(Network, label_graph=graph.to_numpy()).fit(X, Y)
    named = small(Network, label_graph=graph.loc[OTHER, OTHER[::-1]]).fit(X, Y)
    np.testing.assert_array_equal(named.adjacency_, plain.adjacency_)
    np.testing.assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    with pytest.raises(ValueError, match="label_graph"):
        small(Network, label_graph=graph.rename(index={"sun": "moon"})).fit(X, Y)


def test_vectors_of_labels_by_name_are_those_of_the_labels(data):
    X, Y = data
    vectors = pd.DataFrame(np.arange(6.0).reshape(3, 2), index=NAMES)
    plain = small(MLGCNClassifier, label_embedding=vectors.to_numpy()).fit(X, Y)
    named = small(MLGCNClassifier, label_embedding=vectors.loc[OTHER]).fit(X, Y)
    np.testing.assert_array_equal(named.label_embedding_, plain.label_embedding_)


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("pairs", [[(0, 1), (1, 0)], ((0, 1), (1, 0), (0, 1))])
def test_pairs_of_labels_are_no_label_graph_whatever_their_number(pairs, n_labels):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 2)), rng.integers(0, 2, (20, n_labels))
    with pytest.raises(
        ValueError, match=r"label_graph must be a matrix; got a (list|tuple) of pairs"
    ):
        small(LaMPClassifier, label_graph=pairs).fit(X, Y)
    if len(pairs) == 3:  # an array of two pairs is a matrix of another shape
        with pytest.raises(ValueError, match=r"of pairs of labels, make a matrix"):
            small(LaMPClassifier, label_graph=np.array(pairs)).fit(X, Y)


@pytest.mark.parametrize("Method", [getattr(skmlc, name) for name in METHOD_NAMES])
def test_score_reads_y_in_every_form_and_by_name(Method, data):
    X, Y = data
    model = (small(Method) if Method in NETWORKS else Method()).fit(X, Y)
    expected = (model.predict(X) == Y.to_numpy()).all(axis=1).mean()
    for y in (
        Y,
        Y[OTHER],
        Y.astype("Int64"),
        Y.to_numpy().astype(object),
        Y.to_numpy(">i4"),
    ):
        assert model.score(X, y) == pytest.approx(expected)
    with pytest.raises(ValueError, match="y must have the labels of fit"):
        model.score(X, Y.rename(columns={"sun": "moon"}))
