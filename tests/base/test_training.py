"""Which samples judge, how weights count, and what types numbers have, in training."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.datasets import make_multilabel_classification

import skmlc
from skmlc import (
    EmbMLPClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    SSGRLClassifier,
)
from skmlc.metrics import example_f1
from skmlc.metrics.names import get_metric
from skmlc.model_selection import tune_threshold
from tests.method_names import METHOD_NAMES

NETWORKS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(80, 8, n_classes=4, n_labels=2, random_state=0)


def small(Network, **options):
    return Network(**{"hidden_size": 8, "max_epochs": 2, "random_state": 0, **options})


# The part held out --------------------------------------------------------------------------


def rows_held_out(model, X, Y, monkeypatch):
    """Return the rows of X that a fit holds out, by what its data sets read."""
    import skmlc.base.classifier as module

    seen, original = [], module.train

    def spy(net, train_data, valid_data=None, **options):
        seen.append((set(train_data.rows), set(valid_data.rows)))
        return original(net, train_data, valid_data, **options)

    monkeypatch.setattr(module, "train", spy)
    model.fit(X, Y)
    return seen[-1]


@pytest.mark.parametrize("random_state", [None, 3, np.random.RandomState(3)])
def test_a_warm_start_is_judged_by_the_rows_of_the_first_fit(
    data, random_state, monkeypatch
):
    X, Y = data
    model = small(
        EmbMLPClassifier, warm_start=True, early_stopping="loss", random_state=random_state
    )
    first = rows_held_out(model, X, Y, monkeypatch)
    second = rows_held_out(model, X, Y, monkeypatch)
    assert first == second
    assert not first[0] & first[1]
    assert first[0] | first[1] == set(range(len(X)))


# Sample weights -----------------------------------------------------------------------------


def test_weights_count_in_the_tuned_threshold(data):
    X, Y = data
    weight = np.random.default_rng(0).exponential(size=len(X)) ** 3
    options = {"threshold": "tuned", "threshold_grid": "exact", "threshold_metric": "HA"}
    options["validation_fraction"] = 0.4
    model = small(EmbMLPClassifier, **options).fit(X, Y, sample_weight=weight)
    held_out = model._split(type("Target", (), {"Y": Y}), weight)[1]
    judged = Y[held_out], model.predict_proba(X[held_out])
    with_weights, without = (
        tune_threshold(*judged, "HA", grid="exact", sample_weight=w)
        for w in (weight[held_out], None)
    )
    assert with_weights != without  # else this could not fail
    assert model.threshold_ == with_weights


def test_weights_count_in_early_stopping(data):
    X, Y = data
    weight = np.random.default_rng(0).exponential(size=len(X)) ** 3
    options = {"early_stopping": "ebF1", "validation_fraction": 0.4, "max_epochs": 1}
    options["learning_rate"] = 0.05
    model = small(EmbMLPClassifier, **options).fit(X, Y, sample_weight=weight)
    held_out = model._split(type("Target", (), {"Y": Y}), weight)[1]
    judged = Y[held_out], model.predict(X[held_out])
    expected = example_f1(*judged, sample_weight=weight[held_out])
    assert expected != pytest.approx(example_f1(*judged), abs=1e-3)
    assert model.history_[-1, "valid_score"] == pytest.approx(expected, abs=1e-12)


# Types --------------------------------------------------------------------------------------


@pytest.mark.parametrize("Network", NETWORKS)
def test_transform_answers_in_the_form_that_is_asked_for(Network, data):
    X, Y = data
    model = small(Network).fit(X, Y)
    plain = model.transform(X)
    frame = model.set_output(transform="pandas").transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == list(model.get_feature_names_out())
    np.testing.assert_array_equal(frame.to_numpy(), plain)
    indexed = pd.DataFrame(X, index=np.arange(len(X)) + 100)
    assert list(model.transform(indexed).index) == list(indexed.index)


def test_transform_answers_polars(data):
    polars = pytest.importorskip("polars")
    X, Y = data
    model = small(EmbMLPClassifier).fit(X, Y).set_output(transform="polars")
    assert isinstance(model.transform(X), polars.DataFrame)


@pytest.mark.parametrize(
    "model",
    [
        MLGCNClassifier(np.full((3, 3), 1 / 3), label_embedding=np.eye(3) / 3),
        SSGRLClassifier(label_embedding=np.eye(3) / 3),
        GMMLICClassifier(label_embedding=np.eye(3) / 3),
    ],
)
def test_constants_have_the_precision_that_is_asked_for(model, data):
    X, Y = data
    model.set_params(precision="float64", hidden_size=8, max_epochs=1, random_state=0)
    exact = 0
    for buffer in model.fit(X, Y[:, :3]).module_.buffers():
        if buffer.is_floating_point():
            assert buffer.dtype == torch.float64
            values = buffer.numpy().ravel()
            exact += np.isin(values, [1 / 3, 1 / 3 / 3]).sum()
            assert not np.isin(values, [np.float64(np.float32(1 / 3))]).any()
    assert exact >= 3


def test_boxes_are_divided_by_the_scale_as_it_is():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 4, 20)
    boxes = [np.sort(rng.random((n, 2, 2)), axis=1).reshape(n, 4) / 3 for n in sizes]
    bags = skmlc.inputs.Bags([rng.normal(size=(n, 3)) for n in sizes], boxes=boxes)
    Y = rng.integers(0, 2, (20, 2))
    model = small(GMMLICClassifier, precision="float64", max_epochs=1).fit(bags, Y)
    corners = np.concatenate(boxes).reshape(-1, 2, 2)
    expected = np.tile(corners.max(axis=(0, 1)), 2)
    np.testing.assert_array_equal(model.module_.head.box_scale.numpy(), expected)


def test_explanations_in_bfloat16_are_of_what_is_predicted(data):
    X, Y = data
    model = small(LaMPClassifier, precision="bfloat16").fit(X, Y)
    last = model.explain(X).probabilities
    np.testing.assert_allclose(last, model.predict_proba(X), atol=1e-6)


def test_early_stopping_takes_a_probability_at_the_threshold_for_positive(data):
    X, Y = data
    model = small(EmbMLPClassifier, early_stopping="ebF1").fit(X, Y)
    logits = np.zeros(Y.shape, np.float32)  # probabilities of one half, as is the threshold
    answer = model._validation_answer(Y, np.ones(len(Y)), logits, get_metric("ebF1"))
    np.testing.assert_array_equal(answer, np.ones_like(Y))


# Weights of samples -------------------------------------------------------------------------


@pytest.mark.parametrize("Network", NETWORKS)
def test_small_weights_count_as_many_samples_as_there_are(Network, data):
    X, Y = data
    weight = 1.0 + np.arange(len(X)) % 3
    weight[:5] = 0
    expected, *found = (
        small(Network).fit(X, Y, sample_weight=w).predict_proba(X)
        for w in (
            weight * 75 / weight.sum(),  # the mean of those that count is one
            weight / weight.sum(),
            weight * 1e-6,
            weight * 1e-310,
        )
    )
    for probabilities in found:
        np.testing.assert_allclose(probabilities, expected, atol=2e-4)


@pytest.mark.parametrize("Network", NETWORKS)
def test_weights_of_any_ratio_train(Network, data):
    X, Y = data
    weight = np.full(len(X), 1e-300)
    weight[0] = 1e150
    model = small(Network).fit(X, Y, sample_weight=weight)
    assert np.isfinite(model.predict_proba(X)).all()


def test_weights_are_cut_to_the_1e12th_part_of_the_largest(data):
    X, Y = data
    ratio = np.resize([1.0, 1e-12, 1e-300], len(X))
    cut = np.resize([1.0, 1e-12, 1e-12], len(X))
    found, expected = (
        small(EmbMLPClassifier).fit(X, Y, sample_weight=w).predict_proba(X)
        for w in (ratio * 1e20, cut * 1e12)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weights_of_any_size_train_as_weights_of_moderate_size_do(data):
    X, Y = data
    expected, *found = (
        small(EmbMLPClassifier).fit(X, Y, sample_weight=np.full(len(X), w)).predict_proba(X)
        for w in (1e8, 1e30, 1e300)
    )
    for probabilities in found:
        np.testing.assert_allclose(probabilities, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "share, warns", [(0.3, False), (0.45, False), (0.6, True), (1.0, True)]
)
def test_a_full_sparse_matrix_is_said_to_be_read_as_no_table(share, warns):
    rng = np.random.default_rng(0)
    X = sparse.random_array((60, 10), density=share, random_state=rng, format="coo")
    Y = rng.integers(0, 2, (60, 2))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = small(EmbMLPClassifier).fit(X, Y)
        small(EmbMLPClassifier).fit(X.toarray(), Y)
        model.predict(X)
    found = [str(warning.message) for warning in caught]
    assert found == [f for f in found if f"stores {share:.0%} of its numbers" in f]
    assert len(found) == warns


# Labels of which nothing is known -------------------------------------------------------------


@pytest.mark.parametrize("sparsely", [False, True])
def test_a_label_without_known_values_is_named(sparsely, data):
    X, Y = data
    Y = Y.astype(float)
    Y[:, 1] = np.nan
    names = list("abcdefgh")[: Y.shape[1]]
    known = sparse.csr_array(Y) if sparsely else pd.DataFrame(Y, columns=names)
    model = small(EmbMLPClassifier, allow_missing_labels=True)
    name = "1" if sparsely else "'b'"
    with pytest.warns(UserWarning, match=f"nothing is learned of them: {name} "):
        model.fit(X, known)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(EmbMLPClassifier, allow_missing_labels=True).fit(
            X, np.where(Y == 1, 1.0, 0.0)
        )
