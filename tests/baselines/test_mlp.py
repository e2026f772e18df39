"""Emb + MLP against NumPy, and that its parameters change what they say."""

import numpy as np
import pytest

from skmlc import EmbMLPClassifier
from skmlc.inputs import Sequences, TokenEncoder


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 9, rng.integers(1, 6)) for _ in range(40)]
    Y = np.array([[label in row for label in range(3)] for row in tokens]).astype(int)
    return Sequences(tokens, n_tokens=9), Y


def fitted(data, **options):
    options = {"hidden_size": 6, "max_epochs": 2, "dropout": 0.0, **options}
    options = {"precision": "float64", "random_state": 0, **options}
    return EmbMLPClassifier(encoder=TokenEncoder(positions=None), **options).fit(*data)


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_logits_are_a_perceptron_of_the_mean_of_the_embeddings(data, n_layers):
    X, _ = data
    model = fitted(data, n_layers=n_layers, linear_skip=False)
    weight = {name: p.detach().numpy() for name, p in model.module_.named_parameters()}
    layers = [f"head.layers.{3 * i}" for i in range(n_layers + 1)]  # linear, ReLU, dropout
    expected = []
    for tokens in X:
        hidden = weight["encoder.embedding.weight"][tokens].mean(0)
        for i, name in enumerate(layers):
            hidden = weight[f"{name}.weight"] @ hidden + weight[f"{name}.bias"]
            hidden = hidden if i == n_layers else np.maximum(hidden, 0)
        expected.append(hidden)
    np.testing.assert_allclose(model.decision_function(X), expected, rtol=1e-9)


def test_hidden_size_is_that_of_nodes_and_layers(data):
    shapes = {tuple(p.shape) for p in fitted(data, hidden_size=5).module_.head.parameters()}
    assert shapes == {(5, 5), (5,), (3, 5), (3,)}


def test_dropout_acts_in_training_only(data):
    X, _ = data
    plain, dropped = fitted(data), fitted(data, dropout=0.5)
    assert np.abs(plain.predict_proba(X) - dropped.predict_proba(X)).max() > 1e-6
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
