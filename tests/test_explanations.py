"""What `explain` returns, over all methods that have it and all kinds of input."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.feature_extraction.text import TfidfVectorizer

import skmlc
from skmlc.explanation import Explanation
from skmlc.inputs import (
    Bags,
    FeatureEncoder,
    Graphs,
    Images,
    Sequences,
    TokenEncoder,
    TokenSequencer,
)
from skmlc.inputs.encoders.tokens import _Tokens
from skmlc.nn.nodes import Layout, Nodes
from tests.method_names import METHOD_NAMES

METHODS = [name for name in METHOD_NAMES if hasattr(getattr(skmlc, name), "explain")]
N, L, F = 12, 3, 5
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0, "precision": "float64"}

rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (N, L))
SIZES = rng.integers(1, 5, N)
BAGS = [rng.normal(size=(n, F)) for n in SIZES]
TABLE = rng.normal(size=(N, F))
COUNTS = TABLE * (rng.random((N, F)) < 0.5)
COUNTS[3] = 0
TOKENS = [rng.integers(0, 9, n) for n in SIZES]
TOKENS[4] = TOKENS[4][:0]
INPUTS = {
    "vectors": TABLE,
    "features": TABLE,
    "sparse": sparse.csr_array(COUNTS),
    "sparse vectors": sparse.csr_array(COUNTS),
    "sequences": Sequences(TOKENS, n_tokens=9),
    "bags": Bags(BAGS),
    "graphs": Graphs(BAGS, [np.array([[0], [n - 1]]) for n in SIZES]),
    "images": Images(rng.integers(0, 256, (N, 1, 16, 24), dtype=np.uint8)),
    "feature maps": rng.random((N, 6, 2, 3)),
}
NODES = {"features": "features", "sparse vectors": "vector"}
# How many nodes each sample has; of images, rows and columns.
COUNTS_OF_NODES = {
    "vectors": np.ones(N, int),
    "features": np.full(N, F),
    "sparse": (COUNTS != 0).sum(axis=1),
    "sparse vectors": np.ones(N, int),
    "sequences": np.array([len(t) for t in TOKENS]),
    "bags": SIZES,
    "graphs": SIZES,
}
MAPS = ("images", "feature maps")

every_method = pytest.mark.parametrize("name", METHODS)
every_input = pytest.mark.parametrize("kind", INPUTS)


@cache
def fitted(name, kind, target="matrix", **options):
    Estimator = getattr(skmlc, name)
    if kind in NODES and (kind != "features" or not Estimator._rows_are_bags):
        options["encoder"] = FeatureEncoder(nodes=NODES[kind])
    return Estimator(**SMALL, **options).fit(INPUTS[kind], TARGETS[target])


TARGETS = {
    "matrix": Y,
    "names": pd.DataFrame(Y, columns=["sea", "sky", "sun"]),
    "binary": np.array(["no", "yes"])[Y[:, 0]],
    "classes": np.array(["red", "green", "blue"])[np.arange(N) % 3],
}


def n_nodes(name, kind):
    """Return how many nodes each sample has."""
    if kind == "features" and getattr(skmlc, name)._rows_are_bags:
        return np.ones(N, int)
    return COUNTS_OF_NODES[kind]


def per_sample(relevance):
    """Return the relevance of cells as that of nodes."""
    return [r.reshape(len(r), -1) for r in relevance]


def test_the_methods_that_explain():
    assert {name.removesuffix("Classifier") for name in METHODS} == {
        "CTran", "DeepMIML", "FLEM", "GGNN", "GLEMIML", "GMMLIC", "GlobalPool", "LaMP",
        "MLGCN", "Query2Label", "SSGRL",
    }  # fmt: skip


@every_method
@every_input
def test_an_explanation_has_one_shape_whatever_the_method(name, kind):
    model, X = fitted(name, kind), INPUTS[kind]
    explained = model.explain(X)
    assert isinstance(explained, Explanation)
    np.testing.assert_allclose(explained.probabilities, model.predict_proba(X), rtol=1e-9)
    assert explained.label_names == [0, 1, 2]
    assert len(explained.relevance) == len(explained.node_names) == N
    if kind in MAPS:
        assert isinstance(explained.relevance, np.ndarray)
        assert explained.relevance.shape[:2] == (N, L)
        height, width = explained.relevance.shape[2:]
        assert height < width
        assert explained.node_names[0][width + 1] == (1, 1)
        assert explained.node_kind == "cell"
    else:
        shapes = [r.shape for r in explained.relevance]
        assert shapes == [(L, n) for n in n_nodes(name, kind)]
    counts = [r[0].size for r in explained.relevance]
    assert [len(names) for names in explained.node_names] == counts
    assert all(np.isfinite(r).all() for r in explained.relevance)


@every_method
@every_input
def test_what_an_explanation_claims_to_sum_to_is_what_it_sums_to(name, kind):
    model, X = fitted(name, kind), INPUTS[kind]
    explained = model.explain(X)
    parts = per_sample(explained.relevance)
    if explained.kind == "attention":
        sums = np.array([p.sum(axis=1) for p in parts if p.shape[1]])
        assert explained.rest is None
        assert len(sums) >= N - 1
        np.testing.assert_allclose(sums, 1)
        assert min(p.min() for p in parts if p.size) >= 0
    elif explained.kind == "evidence":
        assert explained.rest is None
    else:
        gather = np.sum if explained.kind == "contribution" else np.max
        of_nodes = [gather(p, axis=1) if p.size else np.zeros(L) for p in parts]
        logits = model.decision_function(X)
        np.testing.assert_allclose(of_nodes + explained.rest, logits, rtol=1e-9)


@pytest.mark.parametrize("kind", ["bags", "sequences", "sparse", "features", "vectors"])
@pytest.mark.parametrize(
    "name", ["MLGCNClassifier", "GlobalPoolClassifier", "GMMLICClassifier"]
)
def test_the_rest_is_bias_and_linear_skip(name, kind):
    model, X = fitted(name, kind, linear_skip=True), INPUTS[kind]
    without = fitted(name, kind, linear_skip=False)
    skip = np.stack(
        model._map_batches(
            X, lambda network, batch, _: list(network.encode(batch)[1].detach().numpy())
        )
    )
    bias = 0.0
    if name == "GlobalPoolClassifier":
        bias = model.module_.head.linear.bias.detach().numpy()
        rest = without.explain(X).rest
        expected = np.tile(without.module_.head.linear.bias.detach().numpy(), (N, 1))
        np.testing.assert_allclose(rest, expected, atol=1e-12)
    has_nodes = n_nodes(name, kind) > 0
    rest = model.explain(X).rest
    np.testing.assert_allclose(rest[has_nodes], (skip + bias)[has_nodes], atol=1e-12)


@every_method
@every_input
def test_a_sample_is_explained_alone_as_among_others(name, kind):
    model, X = fitted(name, kind), INPUTS[kind]
    together = model.explain(X)
    for i in range(5):
        alone = model.explain(X[i : i + 1])
        np.testing.assert_allclose(alone.relevance[0], together.relevance[i], atol=1e-9)
        assert alone.node_names[0] == together.node_names[i]
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[i])


@pytest.mark.parametrize("name", ["LaMPClassifier", "CTranClassifier"])
@every_input
def test_details_of_attention_have_the_nodes_of_the_samples(name, kind):
    model, X = fitted(name, kind), INPUTS[kind]
    explained = model.explain(X)
    steps = model.n_steps if name == "LaMPClassifier" else model.n_layers
    assert len(explained.details.label_to_node) == steps
    assert len(explained.details.label_to_label) == steps
    for to_node, to_label in zip(
        *map(explained.details.get, ("label_to_node", "label_to_label"))
    ):
        assert to_label.shape == (N, 4, L, L)
        for one, relevance, among in zip(to_node, explained.relevance, to_label):
            assert one.shape == (4, *relevance.shape)
            total = one.reshape(4, L, -1).sum(axis=-1)
            among = among.sum(axis=-1)
            if name == "LaMPClassifier":
                np.testing.assert_allclose(among, 1)
                np.testing.assert_allclose(total, np.full((4, L), float(one.size > 0)))
            elif one.size:
                np.testing.assert_allclose(total + among, 1)
    last = [one.mean(axis=0) for one in explained.details.label_to_node[-1]]
    for one, relevance in zip(last, explained.relevance):
        share = one / np.maximum(one.reshape(L, -1).sum(axis=1), 1e-300).reshape(
            L, *[1] * (one.ndim - 1)
        )
        np.testing.assert_allclose(share, relevance)


def test_attention_of_ctran_is_that_of_its_layers():
    model = fitted("CTranClassifier", "bags", n_layers=1, linear_skip=False)
    module = model.module_
    explained = model.explain(INPUTS["bags"])
    for i in (0, 1, 2):
        nodes = (
            module.encoder(module.read(_one_bag(model, i))[0]).values.detach().numpy()
        )  # (S, D)
        both = np.vstack([nodes, module.head.label_embedding.detach().numpy()])
        attention = module.head.layers[0].self_attn
        weight = attention.in_proj_weight.detach().numpy()
        query, key = (
            both @ weight[part].T + attention.in_proj_bias.detach().numpy()[part]
            for part in (slice(8), slice(8, 16))
        )
        for head in range(4):
            at = slice(2 * head, 2 * head + 2)
            expected = softmax(query[:, at] @ key[:, at].T / np.sqrt(2), axis=1)[-L:]
            found = explained.details.label_to_node[0][i][head]
            np.testing.assert_allclose(found, expected[:, :-L], rtol=1e-9)
            found = explained.details.label_to_label[0][i, head]
            np.testing.assert_allclose(found, expected[:, -L:], rtol=1e-9)


def _one_bag(model, i):
    from skmlc.training.batches import read_batch

    return read_batch(INPUTS["bags"], [i], np.float64)


@pytest.mark.parametrize("pooling", ["concatenate", "mean", "max"])
def test_contributions_of_flem_are_products_with_its_weights(pooling):
    model = fitted("FLEMClassifier", "bags", pooling=pooling)
    weight = model.module_.head.classifier.weight.detach().numpy()
    larger = [np.vstack([BAGS[0], rng.normal(size=(5, F))]), BAGS[1]]
    found = model.explain(larger).relevance
    columns = model.module_.columns
    assert columns is None  # instances are read as they are
    for bag, relevance in zip(larger, found):
        expected = np.zeros((L, len(bag)))
        for s, instance in enumerate(bag):
            if pooling == "concatenate" and s < model.n_slots_:
                expected[:, s] = weight[:, s * F : (s + 1) * F] @ instance
            elif pooling == "mean":
                expected[:, s] = weight @ instance / len(bag)
            elif pooling == "max":
                expected[:, s] = weight @ (instance * (bag.argmax(axis=0) == s))
        np.testing.assert_allclose(relevance, expected, atol=1e-12)


# Names --------------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize(
    "target, names",
    [
        ("names", ["sea", "sky", "sun"]),
        ("binary", ["yes"]),
        ("classes", ["blue", "green", "red"]),
    ],
)
def test_labels_have_the_names_of_y(name, target, names):
    model = fitted(name, "bags", target)
    explained = model.explain(INPUTS["bags"])
    assert explained.label_names == names
    assert explained.probabilities.shape == (N, len(names))
    assert explained.relevance[0].shape[0] == len(names)
    expected = model.predict_proba(INPUTS["bags"])[:, -len(names) :]
    np.testing.assert_allclose(explained.probabilities, expected)


NAMES = list("abcde")


@pytest.mark.parametrize("kind", ["features", "sparse"])
def test_features_have_the_names_of_the_columns(kind):
    frame = pd.DataFrame(TABLE if kind == "features" else COUNTS, columns=NAMES)
    if kind == "sparse":
        frame = sparse.csr_array(COUNTS)
    encoder = FeatureEncoder(nodes="features")
    model = skmlc.LaMPClassifier(**SMALL, encoder=encoder).fit(frame, Y)
    names = None if kind == "features" else NAMES
    explained = model.explain(frame, feature_names=names)
    assert explained.node_kind == "feature"
    expected = [np.array(NAMES)[row != 0].tolist() for row in COUNTS]
    assert explained.node_names == ([NAMES] * N if kind == "features" else expected)
    if kind == "sparse":
        numbers = model.explain(frame).node_names
        assert numbers == [np.flatnonzero(row).tolist() for row in COUNTS]
        assert numbers[3] == []


def test_tokens_have_the_names_of_the_vocabulary_or_their_numbers():
    texts = ["the cat sat", "a dog", "the the bird"]
    sequencer = TokenSequencer()
    X = sequencer.fit_transform(texts)
    model = skmlc.GlobalPoolClassifier(**SMALL).fit(X, Y[:3])
    explained = model.explain(X, feature_names=sequencer.get_feature_names_out())
    assert explained.node_names == [text.split() for text in texts]
    assert explained.node_kind == "token"
    assert model.explain(X).node_names == [tokens.tolist() for tokens in X]


def test_words_of_a_vectorizer_name_the_stored_values():
    texts = ["cat sat cat", "dog", "bird dog cat"]
    vectorizer = TfidfVectorizer()
    X = vectorizer.fit_transform(texts)
    model = skmlc.SSGRLClassifier(**SMALL).fit(X, Y[:3])
    names = model.explain(X, feature_names=vectorizer.get_feature_names_out()).node_names
    assert [set(words) for words in names] == [set(text.split()) for text in texts]


def test_instances_and_cells_are_numbered():
    explained = fitted("GMMLICClassifier", "graphs").explain(INPUTS["graphs"])
    assert explained.node_kind == "instance"
    assert explained.node_names == [list(range(n)) for n in SIZES]
    explained = fitted("MLGCNClassifier", "feature maps").explain(INPUTS["feature maps"])
    assert explained.node_names[5] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("kind", ["bags", "vectors", "images", "sparse vectors"])
def test_feature_names_are_refused_where_nodes_are_no_features(kind):
    model = fitted("MLGCNClassifier", kind)
    with pytest.raises(ValueError, match="feature_names must be None where a node is not"):
        model.explain(INPUTS[kind], feature_names=NAMES)


@pytest.mark.parametrize("kind, n", [("features", F), ("sparse", F), ("sequences", 9)])
def test_feature_names_of_another_number_are_refused(kind, n):
    with pytest.raises(ValueError, match=rf"of shape \({n},\).*got \(4,\)"):
        fitted("LaMPClassifier", kind).explain(INPUTS[kind], feature_names=list("abcd"))


class FirstTokenEncoder(TokenEncoder):
    """An encoder from elsewhere, one node for the first tokens."""

    def make(self, kind, n_inputs, hidden_size):
        return FirstToken(n_inputs, hidden_size, None)


class FirstToken(_Tokens):
    def forward(self, batch):
        nodes = super().forward(batch)
        both = nodes.mean()[:, None].expand(-1, 2, -1).flatten(0, 1)
        return Nodes(both, Layout.regular(len(batch), 2))


def test_nodes_of_an_encoder_from_elsewhere_are_numbered():
    X = INPUTS["sequences"][SIZES > 2]
    model = skmlc.LaMPClassifier(**SMALL, encoder=FirstTokenEncoder())
    explained = model.fit(X, Y[: len(X)]).explain(X)
    assert explained.node_kind == "node"
    assert explained.node_names == [[0, 1]] * len(X)


# The object ---------------------------------------------------------------------------------


def small_explanation(**options):
    relevance = [np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[1.0], [1.0]])]
    given = {
        "relevance": relevance,
        "kind": "attention",
        "probabilities": np.array([[0.1, 0.2], [0.3, 0.4]]),
        "label_names": ["sea", "sky"],
        "node_names": [["a", "b"], ["c"]],
        "node_kind": "token",
    }
    return Explanation(**{**given, **options})


def test_the_table_of_an_explanation_is_long():
    frame = small_explanation().to_frame()
    assert frame.to_dict("list") == {
        "sample": [0, 0, 0, 0, 1, 1],
        "label": ["sea", "sea", "sky", "sky", "sea", "sky"],
        "node": ["a", "b", "a", "b", "c", "c"],
        "relevance": [0.25, 0.75, 0.5, 0.5, 1.0, 1.0],
        "probability": [0.1, 0.1, 0.2, 0.2, 0.3, 0.4],
    }


@every_method
@pytest.mark.parametrize("kind", ["sparse", "bags", "images"])
def test_the_table_has_a_row_for_each_sample_label_and_node(name, kind):
    explained = fitted(name, kind).explain(INPUTS[kind])
    frame = explained.to_frame()
    assert len(frame) == sum(r.size for r in explained.relevance)
    for i in (0, 3, 11):
        part = frame[(frame["sample"] == i) & (frame["label"] == 1)]
        np.testing.assert_array_equal(part["relevance"], explained.relevance[i][1].ravel())
        assert part["node"].tolist() == explained.node_names[i]
        assert (part["probability"] == explained.probabilities[i, 1]).all()


def test_the_repr_is_short():
    assert repr(small_explanation()) == (
        "Explanation(kind='attention', n_samples=2, n_labels=2, 1-2 tokens per sample)"
    )
    explained = fitted("LaMPClassifier", "features").explain(TABLE)
    assert repr(explained) == (
        "Explanation(kind='attention', n_samples=12, n_labels=3, 5 features per sample, "
        "details: intermediate_probabilities, label_to_node, label_to_label, edges)"
    )
    one = small_explanation(node_names=[["a"], ["c"]])
    assert "1 token per sample" in repr(one)


def test_without_pandas_the_table_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas; install it with"):
        small_explanation().to_frame()


def test_known_labels_are_as_told_and_the_rest_is_of_the_network():
    model = fitted("GMMLICClassifier", "bags", label_masking=True, linear_skip=True)
    known = np.full((N, L), np.nan)
    known[:, 1] = 1
    explained = model.explain(INPUTS["bags"], known=known)
    assert (explained.probabilities[:, 1] == 1).all()
    assert np.abs(explained.rest).max() < 100  # and not that of a certain label
    logits = np.array([r.max(axis=1) for r in explained.relevance]) + explained.rest
    np.testing.assert_allclose(explained.probabilities[:, 0], expit(logits[:, 0]))
