"""The linear skip is trained to the solution of logistic regression."""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from skmlc import (
    EmbMLPClassifier,
    GGNNClassifier,
    GlobalPoolClassifier,
    MLGCNClassifier,
    SSGRLClassifier,
)
from skmlc.inputs import Bags, FeatureEncoder, ImageEncoder, Images, Sequences
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training.linear_skip import (
    choose_C,
    inverse_document_frequency,
    mean_squared_norm,
    skip_group,
)


class Nothing(nn.Module):
    """A head that leaves everything to the linear skip."""

    def forward(self, nodes):
        return 0.0


class LinearOnly(EmbMLPClassifier):
    def _make_head(self, n_labels, adjacency):
        return Nothing()


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("C", [0.02, 0.2])
def test_the_skip_alone_is_logistic_regression(optimizer, C):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 6))
    Y = (X @ rng.normal(size=(6, 3)) + rng.logistic(size=(200, 3)) > 0).astype(int)
    model = LinearOnly(
        linear_C=C, optimizer=optimizer, max_epochs=300, batch_size=200, random_state=0,
        precision="float64", hidden_size=1, lr_schedule=None,
        encoder=FeatureEncoder(skip_encoding=None),
    ).fit(X, Y)  # fmt: skip
    weight = model.module_.skip.weight.detach().numpy()
    for label in range(3):
        exact = (
            LogisticRegression(C=C, tol=1e-8, max_iter=1000).fit(X, Y[:, label]).coef_[0]
        )
        np.testing.assert_allclose(weight[:, label], exact, atol=0.03 * np.abs(exact).max())


@pytest.mark.parametrize("C", [0.02, 0.2])
def test_the_skip_of_feature_maps_is_logistic_regression_on_their_mean_cells(C):
    rng = np.random.default_rng(0)
    maps = 5 + rng.gamma(1, np.arange(1, 7)[:, None, None], size=(200, 6, 2, 3))
    means = StandardScaler().fit_transform(maps.mean((2, 3)))
    Y = (means @ rng.normal(size=(6, 3)) + rng.logistic(size=(200, 3)) > 0).astype(int)
    model = LinearOnly(
        linear_C=C, max_epochs=300, batch_size=200, random_state=0, precision="float64",
        hidden_size=1, lr_schedule=None,
    ).fit(Images(maps), Y)  # fmt: skip
    exact = [LogisticRegression(C=C, tol=1e-8).fit(means, y).coef_[0] for y in Y.T]
    weight = model.module_.skip.weight.detach().numpy().T
    np.testing.assert_allclose(weight, exact, atol=0.03 * np.abs(exact).max())


@pytest.mark.parametrize("n_channels, backbone", [(1, "auto"), (3, "auto"), (6, "tiny")])
def test_pixels_have_no_skip(n_channels, backbone):
    X = np.random.default_rng(0).random((8, n_channels, 16, 16))
    encoder = ImageEncoder(backbone, normalize=None)
    model = GlobalPoolClassifier(encoder=encoder, max_epochs=1).fit(
        Images(X), np.eye(8, 3, dtype=int)
    )
    assert model.module_.skip is None


@pytest.mark.parametrize(
    "make",
    [
        GlobalPoolClassifier,
        MLGCNClassifier,
        partial(MLGCNClassifier, n_layers=1),
        GGNNClassifier,
        SSGRLClassifier,
    ],
)
def test_heads_that_read_maps_as_they_are_begin_at_zero_and_learn(make):
    rng = np.random.default_rng(0)
    X, Y = Images(100 * rng.random((16, 6, 2, 3))), rng.integers(0, 2, (16, 3))
    given = {"random_state": 0, "lr_schedule": None, "optimizer": "sgd"}
    still = make(**given, max_epochs=1, learning_rate=1e-12, linear_C=1e-12).fit(X, Y)
    head, nodes = still.module_.head, Nodes(torch.rand(12, 6), Layout.regular(2, 6))
    assert head(nodes).abs().max() < 1e-6
    learned = make(**given, max_epochs=2, learning_rate=1e-2).fit(X, Y)
    assert learned.module_.head(nodes).abs().max() > 1e-4


def test_mean_squared_norm_is_that_of_what_the_skip_reads():
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(20, 5)) * (rng.random((20, 5)) < 0.5), rng.random(20)
    rows = np.arange(0, 20, 2)
    expected = np.average((X[rows] ** 2).sum(1), weights=weight[rows])
    for form in (X, sparse.csr_matrix(X)):
        assert mean_squared_norm(form, rows, weight) == pytest.approx(expected)
    bags = [rng.normal(size=(n, 5)) for n in (2, 3)]
    expected = np.mean([(bag.mean(0) ** 2).sum() for bag in bags])
    assert mean_squared_norm(Bags(bags), np.arange(2), np.ones(2)) == pytest.approx(
        expected
    )
    for dtype in (np.float32, np.int8):  # which overflows at 128
        values = (60 * rng.normal(size=(20, 5))).astype(dtype)
        expected = mean_squared_norm(values.astype(float), rows, weight)
        bags = Bags.from_flat(values, np.arange(21))
        for form in (values, sparse.csr_matrix(values), bags):
            assert mean_squared_norm(form, rows, weight) == expected
    tokens = Sequences([[0, 1], [1, 1, 1]])
    assert mean_squared_norm(tokens, np.arange(2), np.ones(2)) == pytest.approx(1.0)


def test_rare_tokens_weigh_what_scikit_learn_says():
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 9, size=rng.integers(0, 7)) for _ in range(30)]
    documents[0][:] = 11
    X, rows = Sequences(documents, n_tokens=14), np.arange(1, 30)
    counts = np.array([np.bincount(d, minlength=14) for d in documents])[rows]
    expected = TfidfTransformer().fit(counts).idf_
    found = inverse_document_frequency(X, rows, np.ones(30))
    seen = counts.any(0)
    np.testing.assert_allclose(found[seen], expected[seen])
    assert not seen[9:].any()
    assert (found[~seen] == 1).all()
    weight = rng.integers(0, 3, 30)
    some = np.flatnonzero(weight[rows]) + 1
    twice = X[np.repeat(np.arange(30), weight * (np.arange(30) > 0))]
    np.testing.assert_allclose(
        inverse_document_frequency(X, some, weight.astype(float)),
        inverse_document_frequency(twice, np.arange(len(twice)), np.ones(len(twice))),
    )


def test_the_weights_of_tokens_are_those_of_the_training_rows():
    rng = np.random.default_rng(0)
    X = Sequences([rng.integers(0, 9, size=5) for _ in range(30)])
    Y = rng.integers(0, 2, (30, 2))
    model = EmbMLPClassifier(max_epochs=1, early_stopping="loss", random_state=0)
    model.fit(X, Y)
    train = np.sort(model._split(type("Target", (), {"Y": Y}), np.ones(30))[0])
    expected = inverse_document_frequency(X, train, np.ones(30))
    np.testing.assert_allclose(model.module_.skip.token_weight, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("vectors", 5.0),
        ("bags", 5.0),
        ("graphs", 5.0),
        ("sparse", 25.0),
        ("sequences", 25.0),
    ],
)
def test_scaled_C_is_the_same_for_samples_of_any_length(kind, expected):
    assert choose_C("scale", kind, 4.0) == expected
    assert choose_C("scale", kind, 8.0) == expected / 2
    assert choose_C(3.0, kind, 4.0) == 3.0


@pytest.mark.parametrize(("make", "expected"), [(np.asarray, 20), (sparse.csr_array, 100)])
def test_the_penalty_of_the_linear_skip_follows_what_a_batch_holds(make, expected):
    rng = np.random.default_rng(0)
    X, Y = make(np.abs(rng.normal(size=(30, 4)))), rng.integers(0, 2, (30, 2))
    model = EmbMLPClassifier(max_epochs=1, random_state=0).fit(X, Y)
    columns = model.module_.columns
    norm = mean_squared_norm(X, np.arange(30), np.ones(30), columns and columns.skip)
    (penalty,) = {
        group["weight_decay"] for group in model.net_.optimizer_.param_groups[:-1]
    }
    assert 1 / (penalty * 30 * 2) == pytest.approx(expected / norm, rel=1e-5)


def test_samples_of_zeros_have_a_length_to_divide_by():
    rows, weight = np.arange(3), np.ones(3)
    assert mean_squared_norm(np.zeros((3, 2)), rows, weight) == 1e-6
    assert mean_squared_norm(np.full((3, 2), 0.002), rows, weight) == pytest.approx(8e-6)


def test_another_optimizer_class_is_left_as_it_is():
    known = skip_group(torch.optim.AdamW, 1.0, np.array([0.5]), 1.0, 10, 1)
    assert known == skip_group("adamw", 1.0, np.array([0.5]), 1.0, 10, 1)
    assert skip_group(object, 1.0, np.array([0.5]), 1.0, 10, 1) == {}


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_the_strongest_penalty_leaves_nothing_of_the_skip(optimizer, make):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 6)), rng.integers(0, 2, (40, 2))
    options = {"max_epochs": 30, "batch_size": 4, "random_state": 0}
    model = EmbMLPClassifier(linear_C=1e-12, optimizer=optimizer, **options)
    assert model.fit(make(X), Y).module_.skip.weight.abs().max() < 0.2
    free = EmbMLPClassifier(linear_C=1e3, optimizer=optimizer, **options)
    assert free.fit(make(X), Y).module_.skip.weight.abs().max() > 0.2
