"""Labels that are added to a fitted classifier by their names."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score

from skmlc import MLGCNClassifier, load, save
from skmlc.graphs import ConditionalProbabilityGraph

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
