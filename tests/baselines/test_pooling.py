"""The pooling baseline against scikit-learn and NumPy."""

import numpy as np
import pytest

from skmlc import GlobalPoolClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import InstanceEncoder


@pytest.fixture(scope="module")
def scenes():
    return load_digit_scenes(120, random_state=0)


def fitted(scenes, **options):
    options = {"hidden_size": 8, "max_epochs": 2, "random_state": 0, **options}
    options = {"precision": "float64", "linear_skip": False, **options}
    options = {"encoder": InstanceEncoder(encoding=None), **options}
    return GlobalPoolClassifier(**options).fit(scenes.bags, scenes.target)


@pytest.mark.parametrize("pooling", ["max", "mean", "score"])
def test_logits_are_those_of_a_loop(scenes, pooling):
    model = fitted(scenes, pooling=pooling)
    weight = {name: p.detach().numpy() for name, p in model.module_.named_parameters()}
    W, b = weight["encoder.encoder.linear.weight"], weight["encoder.encoder.linear.bias"]
    V, c = weight["head.linear.weight"], weight["head.linear.bias"]
    expected = []
    for bag in scenes.bags:
        nodes = np.maximum(bag @ W.T + b, 0)
        if pooling == "score":
            expected.append((nodes @ V.T + c).max(axis=0))
        else:
            expected.append(V @ getattr(nodes, pooling)(axis=0) + c)
    np.testing.assert_allclose(model.decision_function(scenes.bags), expected, rtol=1e-9)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_contributions_sum_to_the_logits_without_the_bias(scenes, pooling):
    model = fitted(scenes, pooling=pooling)
    parts = model.explain(scenes.bags[:15]).relevance
    sums = np.array([part.sum(axis=1) for part in parts])
    bias = model.module_.head.linear.bias.detach().numpy()
    np.testing.assert_allclose(sums + bias, model.decision_function(scenes.bags[:15]))


def test_scores_of_the_nodes_have_the_logits_as_maximum(scenes):
    model = fitted(scenes, pooling="score")
    scores = model.explain(scenes.bags[:15]).relevance
    np.testing.assert_allclose(
        [score.max(axis=1) for score in scores], model.decision_function(scenes.bags[:15])
    )


def test_classifiers_of_the_pooled_features_give_the_logits(scenes):
    model = fitted(scenes)
    logits = model.transform(scenes.bags) @ model.label_classifiers_.T
    bias = model.module_.head.linear.bias.detach().numpy()
    expected = model.decision_function(scenes.bags)
    np.testing.assert_allclose(logits + bias, expected, rtol=1e-5)


def test_dropout_acts_in_training_only(scenes):
    plain, dropped = fitted(scenes), fitted(scenes, dropout=0.5)
    X = scenes.bags
    assert np.abs(plain.predict_proba(X) - dropped.predict_proba(X)).max() > 1e-6
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
