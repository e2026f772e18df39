"""A fit that fails leaves an estimator that is not fitted, or the earlier model as it was."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import NotFittedError

import skmlc
from skmlc import CTranClassifier, EmbMLPClassifier, LaMPClassifier
from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceGraph,
    SpatialGraph,
    WordVectors,
)
from skmlc.inputs import FeatureEncoder, ImageFeatures, RegionFeatures
from skmlc.model_selection import ThresholdTuner
from tests.method_names import METHOD_NAMES

NETWORKS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
METHODS = [getattr(skmlc, name) for name in METHOD_NAMES]
NAN_LOSS = {"learning_rate": 1e30, "max_grad_norm": None, "optimizer": "sgd"}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(40, 6, n_classes=4, n_labels=2, random_state=0)


def small(Method, **options):
    tiny = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    return Method(**({**tiny, **options} if Method in NETWORKS else options))


def state(model):
    return {name: value for name, value in vars(model).items() if name.endswith("_")}


@pytest.mark.parametrize("Method", METHODS)
def test_a_refit_on_bad_labels_leaves_the_earlier_model(Method, data):
    X, Y = data
    model = small(Method).fit(X, Y)
    before, answer = state(model), model.predict_proba(X)
    bad = Y + 1
    with pytest.raises(ValueError, match="zeros and ones"):
        model.fit(X[:, :4], bad)
    after = state(model)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    np.testing.assert_array_equal(model.predict_proba(X), answer)


@pytest.mark.parametrize("Method", METHODS)
def test_a_first_fit_that_fails_is_no_fit(Method, data):
    X, Y = data
    model = small(Method)
    with pytest.raises(ValueError, match="zeros and ones"):
        model.fit(X, Y + 1)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not state(model)


@pytest.mark.parametrize("Method", NETWORKS)
def test_a_network_whose_loss_is_no_number_is_not_fitted(Method, data, monkeypatch):
    X, Y = data
    model = small(Method)
    monkeypatch.setattr(
        type(model), "_finish_training", lambda *args: pytest.fail("training went on")
    )
    X = X.copy()
    model.set_params(precision="float32", **NAN_LOSS)
    with pytest.raises(ValueError, match="training loss became"):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
def test_a_network_spoiled_by_further_training_is_not_fitted(again, data):
    X, Y = data
    model = small(EmbMLPClassifier, warm_start=True).fit(X, Y)
    for group in model.net_.optimizer_.param_groups:
        group["lr"] = group["initial_lr"] = 1e30
    with pytest.raises(ValueError, match="training loss became"):
        getattr(model, again)(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert np.isfinite(model.fit(X, Y).predict_proba(X)).all()


def test_further_training_that_never_starts_leaves_the_earlier_model(data):
    X, Y = data
    model = small(LaMPClassifier, warm_start=True).fit(X, Y)
    answer = model.predict_proba(X)
    with pytest.raises(ValueError, match="labels of the first fit"):
        model.fit(X, Y[:, :3])
    np.testing.assert_array_equal(model.predict_proba(X), answer)


def test_a_validation_score_that_is_no_number_is_an_error_before_training(data):
    X, Y = data
    Y = Y.copy()
    Y[:, 1:] = 0
    Y[1:, 0] = 0  # one positive entry, which the training part or the other lacks
    model = small(EmbMLPClassifier, early_stopping="mAP", validation_fraction=0.1)
    failed = []
    for seed in range(3):
        try:
            model.set_params(random_state=seed).fit(X, Y)
        except ValueError as error:
            failed.append(str(error))
    assert failed
    assert all("early_stopping='mAP' is NaN on the validation part" in m for m in failed)


def test_a_validation_score_that_becomes_nan_names_the_epoch(data, monkeypatch):
    scores = iter([0.5, 0.5, np.nan])  # before training, and after two epochs
    monkeypatch.setattr(
        EmbMLPClassifier, "_validation_score", lambda *args: next(scores), raising=True
    )
    model = small(EmbMLPClassifier, early_stopping="mAP", max_epochs=3)
    with pytest.raises(
        ValueError, match="valid_score is NaN in epoch 2, which tells early"
    ):
        model.fit(*data)


@pytest.mark.parametrize("builder", [CooccurrenceGraph(), ConditionalProbabilityGraph()])
def test_builders_keep_the_earlier_graph(builder, data):
    _, Y = data
    builder.fit(Y)
    before = state(builder)
    with pytest.raises(ValueError, match="label_names"):
        builder.fit(Y[:, :3], label_names=["only one"])
    after = state(builder)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_a_last_step_that_ruins_the_weights_is_noticed(data):
    X, Y = data
    model = small(EmbMLPClassifier, **NAN_LOSS)
    model.set_params(max_epochs=1, batch_size=64, learning_rate=1e38)
    model.set_params(encoder=FeatureEncoder(encoding=None, skip_encoding=None))
    with pytest.raises(ValueError, match="weights became NaN"):
        model.fit(X * 1e3, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_weights_so_large_that_predictions_are_nan_are_noticed(data):
    # The first of two steps multiplies the weights by two thousand, so that they stay finite.
    model = small(CTranClassifier, max_epochs=1, batch_size=20, weight_decay=1e6)
    with pytest.raises(ValueError, match=r"predictions are NaN; lower .* weight_decay"):
        model.fit(*data)


def test_a_failed_search_for_thresholds_leaves_the_earlier_one(data):
    X, Y = data
    tuner = ThresholdTuner(small(EmbMLPClassifier), cv=2)
    with pytest.raises(ValueError, match="zeros and ones"):
        tuner.fit(X, Y + 1)
    with pytest.raises(NotFittedError):
        tuner.predict(X)
    before = state(tuner.fit(X, Y))
    with pytest.raises(ValueError, match="zeros and ones"):
        tuner.fit(X, Y + 1)
    assert state(tuner).keys() == before.keys()
    assert all(state(tuner)[name] is before[name] for name in before)


@pytest.mark.parametrize("options", [{"early_stopping": "loss"}, {"threshold": "tuned"}])
def test_a_warm_start_after_partial_fit_holds_out_a_part(options, data):
    X, Y = data
    model = small(LaMPClassifier, warm_start=True, **options).partial_fit(X, Y)
    assert np.isfinite(model.fit(X, Y).predict_proba(X)).all()


@pytest.mark.parametrize(
    "transformer, X",
    [
        (
            ImageFeatures("tiny", weights={"no": torch.zeros(1)}),
            np.zeros((2, 3, 16, 16), np.uint8),
        ),
        (
            RegionFeatures("tiny", regions="grid", weights={"no": torch.zeros(1)}),
            np.zeros((2, 3, 16, 16), np.uint8),
        ),
        (SpatialGraph(), [np.zeros((2, 3))] * 2),
        (WordVectors("nowhere"), pd.DataFrame([[0, 1], [1, 0]], columns=["sea", "sky"])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_transformer_whose_fit_fails_is_not_fitted(transformer, X):
    with pytest.raises((ValueError, OSError)):
        transformer.fit(X)
    assert not state(transformer)
