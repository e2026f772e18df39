"""Labels that are added to a fitted classifier by their names."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score

from skmlc import (
    GGNNClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    SSGRLClassifier,
    load,
    save,
)
from skmlc.base.validation import read_input
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.nn.graph_matching import GMMLIC
from skmlc.training import predict

NAMES = ["red", "green", "blue", "white"]
rng = np.random.default_rng(0)
VECTORS = {name: rng.normal(size=5) for name in [*NAMES, "gray", "pink", "cyan"]}
X = rng.normal(size=(300, 5))
# A label holds where its vector points: what classifiers of vectors can learn.
TRUTH = pd.DataFrame(
    {name: (X @ vector > 1).astype(int) for name, vector in VECTORS.items()}
)
Y = TRUTH[NAMES]


def encode(names):
    return [VECTORS[name] for name in names]


def fitted(label_graph="none", **options):
    """Return a classifier whose labels have the vectors of their names."""
    options = {"label_embedding": encode, "linear_skip": False, **options}
    return MLGCNClassifier(
        label_graph, hidden_size=16, n_layers=1, max_epochs=30, learning_rate=0.02,
        random_state=0, **options,
    ).fit(X, Y)  # fmt: skip


@pytest.mark.parametrize("embedding", [encode, VECTORS], ids=["function", "mapping"])
def test_a_label_of_which_no_sample_was_seen_is_predicted_by_its_name(embedding):
    model = fitted(label_embedding=embedding)
    assert model.add_labels(["gray", "pink"]) is model
    probabilities = model.predict_proba(X)
    for j, name in enumerate(["gray", "pink"], start=4):
        chance = TRUTH[name].mean()
        assert average_precision_score(TRUTH[name], probabilities[:, j]) > chance + 0.2
    assert model.label_names_.tolist() == [*NAMES, "gray", "pink"]
    assert model.classes_.tolist() == list(range(6))
    assert model.predict(X).shape == (300, 6)
    assert model.adjacency_.shape == (6, 6)
    assert model.explain(X[:2]).label_names[-1] == "pink"


@pytest.mark.parametrize("graph", ["cooccurrence", ConditionalProbabilityGraph(0.3)])
@pytest.mark.parametrize("skip", [True, False])
def test_the_other_labels_stay_as_they_were(graph, skip):
    model = fitted(graph, linear_skip=skip, threshold=np.array([0.2, 0.4, 0.6, 0.8]))
    before = model.predict_proba(X)
    model.add_labels(["gray"]).add_labels(["pink", "cyan"])
    np.testing.assert_allclose(model.predict_proba(X)[:, :4], before, rtol=1e-5)
    np.testing.assert_array_equal(model.threshold_, [0.2, 0.4, 0.6, 0.8, 0.5, 0.5, 0.5])
    # No weights of before are kept.
    optimized = [p for group in model.net_.optimizer_.param_groups for p in group["params"]]
    assert set(map(id, optimized)) == set(map(id, model.module_.parameters()))


def test_adding_labels_draws_no_random_numbers():
    model, state = fitted(), torch.get_rng_state()
    model.add_labels(["gray"])
    torch.testing.assert_close(torch.get_rng_state(), state)


def test_all_at_once_is_as_one_after_the_other():
    one = fitted().add_labels(["gray", "pink"]).predict_proba(X)
    other = fitted().add_labels(["gray"]).add_labels(["pink"]).predict_proba(X)
    np.testing.assert_array_equal(one, other)


def test_a_label_is_what_it_would_have_been_in_training():
    # With a given graph, the classifiers are those of the same weights on all labels.
    graph = rng.integers(0, 2, (5, 5))
    model = fitted().add_labels(["gray"], label_graph=graph)
    W = model.module_.head.label_classifiers.first.weight.detach().numpy()
    Z = np.stack(encode([*NAMES, "gray"]))
    A = np.where(np.eye(5), 1.0, graph)
    A = A / np.sqrt(np.outer(A.sum(1), A.sum(1)))
    np.testing.assert_allclose(model.label_classifiers_, A @ Z @ W, rtol=1e-4, atol=1e-6)


def test_a_model_with_added_labels_is_saved(tmp_path):
    model = fitted(linear_skip=True, label_embedding=VECTORS).add_labels(["gray"])
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.add_labels(["pink"])
    with pytest.raises(ValueError, match="fit the classifier on samples of all labels"):
        loaded.partial_fit(X, TRUTH[[*NAMES, "gray", "pink"]])
    assert loaded.fit(X, Y).predict_proba(X).shape == (300, 4)
    loaded.partial_fit(X, Y)


@pytest.mark.parametrize(
    "options, names, error, message",
    [
        ({}, ["red"], ValueError, "the classifier has 'red' already"),
        ({}, ["gray", "gray"], ValueError, "has 'gray' already"),
        ({}, "gray", TypeError, "names must be a list of str"),
        ({}, [], ValueError, "at least one name"),
        (
            {"label_embedding": VECTORS},
            ["mauve"],
            ValueError,
            r"it lacks 1 label \(mauve\)",
        ),
        (
            {"label_embedding": None},
            ["gray"],
            ValueError,
            "needs a label_embedding that has",
        ),
    ],
)
def test_what_cannot_be_added_is_refused(options, names, error, message):
    model = fitted(**options)
    before = model.predict_proba(X)
    with pytest.raises(error, match=message):
        model.add_labels(names)
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("graph", ["full", ConditionalProbabilityGraph()])
def test_a_graph_of_added_labels_is_given(graph):
    with pytest.raises(
        TypeError, match="None or a matrix of all labels, the new ones last"
    ):
        fitted().add_labels(["gray"], label_graph=graph)
    with pytest.raises(ValueError, match=r"of shape \(5, 5\)"):
        fitted().add_labels(["gray"], label_graph=np.ones((4, 4)))


# GM-MLIC --------------------------------------------------------------------------------------

POINTS = np.random.default_rng(1).normal(size=(300, 3))
MANY = {f"label{i}": v for i, v in enumerate(np.random.default_rng(2).normal(size=(28, 3)))}
HOLDS = pd.DataFrame({name: (POINTS @ v > 1).astype(int) for name, v in MANY.items()})
SEEN, UNSEEN = list(MANY)[:20], list(MANY)[20:]


def matched(label_graph="none", n_seen=20, **options):
    """Return a matching of points with labels that have vectors."""
    options = {"max_epochs": 2, **options}
    return GMMLICClassifier(
        label_graph, hidden_size=16, label_embedding=MANY, random_state=0, **options
    ).fit(POINTS, HOLDS[SEEN[:n_seen]])


def test_graph_matching_predicts_a_label_that_it_has_not_seen():
    model = matched(max_epochs=30, learning_rate=0.01).add_labels(UNSEEN)
    found = model.predict_proba(POINTS)[:, 20:]
    precision = average_precision_score(HOLDS[UNSEEN], found)
    turned = average_precision_score(HOLDS[UNSEEN[::-1]], found)
    assert precision > max(HOLDS[UNSEEN].mean().mean(), turned) + 0.3
    assert model.label_names_.tolist() == [*SEEN, *UNSEEN]
    assert model.explain(POINTS[:1]).label_names[-1] == UNSEEN[-1]


@pytest.mark.parametrize("graph", ["none", "full"])
def test_graph_matching_is_that_of_a_network_of_all_labels(graph, tmp_path):
    model = matched(graph, n_seen=6, threshold=np.arange(6) / 10)
    everyone = 1 - np.eye(8) if graph == "full" else None
    model.add_labels(SEEN[6:8], label_graph=everyone)
    vectors = np.stack([MANY[name] for name in SEEN[:8]])
    head = model.module_.head
    other = GMMLIC(
        8, 16, np.zeros((8, 8)) if everyone is None else everyone, label_vectors=vectors,
        hidden_sizes=(16, 16), instance_messages=False,
    )  # fmt: skip
    other.load_state_dict(head.state_dict())
    nodes = model.module_.nodes(next(read_batches(model, POINTS)))
    torch.testing.assert_close(head.eval()(nodes), other.eval()(nodes))
    torch.testing.assert_close(head.bias[6:], head.bias[:6].mean().repeat(2))
    np.testing.assert_allclose(model.threshold_[6:], 0.25)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(POINTS), model.predict_proba(POINTS))


def read_batches(model, X):
    return (
        batch for batch, _ in predict.read_batches(read_input(model, X), len(X), np.float32)
    )


def test_graph_matching_without_messages_leaves_other_labels_as_they_were():
    model = matched("full", matching_messages=False)
    before = model.predict_proba(POINTS)
    model.add_labels(UNSEEN)
    np.testing.assert_allclose(model.predict_proba(POINTS)[:, :20], before, rtol=1e-5)


@pytest.mark.parametrize(
    "options, label_graph, message",
    [
        ({"label_masking": True, "linear_skip": True}, None, "label_masking=False"),
        ({}, np.ones((21, 21)), "label_graph must be None: .* without edges"),
    ],
)
def test_what_graph_matching_has_not_learned_is_refused(options, label_graph, message):
    model = matched(**options)
    before = model.predict_proba(POINTS)
    with pytest.raises(ValueError, match=message):
        model.add_labels(UNSEEN[:1], label_graph=label_graph)
    np.testing.assert_array_equal(model.predict_proba(POINTS), before)


@pytest.mark.parametrize("kind", [SSGRLClassifier, GGNNClassifier, LaMPClassifier])
def test_labels_with_weights_of_their_own_cannot_be_added(kind):
    assert not hasattr(kind(), "add_labels")
    with pytest.raises(
        AttributeError, match=f"{kind.__name__} has no add_labels: it reads"
    ):
        kind().add_labels(["gray"])
