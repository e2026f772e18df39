"""Where a label is predicted: at its threshold, and not only above it."""

import inspect

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.datasets import make_multilabel_classification

import skmlc
from skmlc.base.scored_labels import add_top_labels
from tests.method_names import METHOD_NAMES

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
CLASSICAL = [getattr(skmlc, name) for name in ("EnMIMLNN", "KISAR", "MIMLNN", "MIMLRBF")]
CLASSICAL += [getattr(skmlc, name) for name in ("MIMLSVM", "MIMLWEL", "MIMLkNN")]
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}

every_estimator = pytest.mark.parametrize(
    "Estimator", ESTIMATORS, ids=[e.__name__ for e in ESTIMATORS]
)
every_classical = pytest.mark.parametrize(
    "Estimator", CLASSICAL, ids=[e.__name__ for e in CLASSICAL]
)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(40, 6, n_classes=4, n_labels=2, random_state=0)


def fitted(Estimator, data, **options):
    known = inspect.signature(Estimator).parameters
    options = {k: v for k, v in (SMALL | options).items() if k in known}
    return Estimator(**options).fit(*data)


@every_estimator
def test_a_probability_equal_to_the_threshold_is_positive(Estimator, data):
    X = data[0]
    probabilities = fitted(Estimator, data).predict_proba(X)
    middle = np.sort(probabilities[:, 1])[20]
    for threshold in (float(middle), probabilities[5].tolist()):
        model = fitted(Estimator, data, threshold=threshold)
        np.testing.assert_array_equal(model.predict_proba(X), probabilities)
        predicted, expected = model.predict(X), probabilities >= threshold
        np.testing.assert_array_equal(predicted, expected)
        assert (expected != (probabilities > threshold)).any()


@every_estimator
def test_the_probability_of_a_class_equal_to_the_threshold_is_that_class(Estimator, data):
    X, y = data[0], np.where(data[1][:, 0], "yes", "no")
    both = fitted(Estimator, (X, y)).predict_proba(X)
    np.testing.assert_allclose(both.sum(axis=1), 1, rtol=1e-6)
    probabilities = both[:, 1]
    threshold = float(np.sort(probabilities)[20])
    predicted = fitted(Estimator, (X, y), threshold=threshold).predict(X)
    np.testing.assert_array_equal(predicted == "yes", probabilities >= threshold)
    assert (probabilities == threshold).any()


@pytest.mark.parametrize("Estimator", [skmlc.FLEMClassifier, skmlc.GLEMIMLClassifier])
def test_an_unknown_label_is_enhanced_as_one_that_does_not_hold(Estimator, data):
    X, Y = data
    model = fitted(Estimator, data, allow_missing_labels=True, precision="float64")
    unknown = np.random.default_rng(0).random(Y.shape) < 0.3
    unknown[:, 0] = False
    expected = model.enhance(X, np.where(unknown, 0, Y)) * ~unknown
    expected /= expected.sum(axis=1, keepdims=True)
    found = model.enhance(X, np.where(unknown, np.nan, Y))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@every_estimator
@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "cuda:99"], ids=str)
def test_the_device_is_the_one_that_is_named(Estimator, device, data):
    if device == "cuda:99":
        with pytest.raises((RuntimeError, AssertionError, ValueError)):
            fitted(Estimator, data, device=device)
        return
    model = fitted(Estimator, data, device=device)
    assert {parameter.device.type for parameter in model.module_.parameters()} == {"cpu"}


@every_estimator
@pytest.mark.parametrize("k", [1, 3, 4])
def test_the_most_probable_labels_come_first(Estimator, k, data):
    model = fitted(Estimator, data)
    probabilities = model.predict_proba(data[0])
    indices, found = model.predict_top_k(data[0], k)
    for row, labels, p in zip(probabilities, indices, found, strict=True):
        best = sorted(range(4), key=lambda label: (-row[label], label))[:k]
        assert labels.tolist() == best
        assert p.tolist() == row[best].tolist()


@every_estimator
def test_training_has_the_loss_of_what_is_predicted(Estimator, data):
    X, Y = data
    known, options = inspect.signature(Estimator).parameters, {}
    if Estimator is skmlc.Seq2SeqClassifier:
        pytest.skip("it is trained label by label, and predicts sets of labels")
    # What else the enhancers learn is zero where all labels hold.
    if "betas" in known:
        options, Y = {"betas": (0, 0, 1), "rho": 1.0}, np.ones_like(Y)
    if "method" in known:
        options, Y = {"method": "threshold", "beta": 1.0, "alpha": 0.0}, np.ones_like(Y)
    if "label_masking" in known:  # of which the loss is that of hidden labels
        options["label_masking"] = False
    # With this optimizer the skip stands still like the rest.
    options |= {"optimizer": torch.optim.RMSprop, "learning_rate": 1e-30}
    options |= {"dropout": 0.0, "weight_decay": 0.0, "precision": "float64"}
    model = fitted(Estimator, (X, Y), max_epochs=1, batch_size=len(Y), **options)
    if getattr(model.module_, "skip", None) is not None:
        assert model.module_.skip.bias.abs().min() > 0.01
    p = model.predict_proba(X)
    expected = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean()
    assert model.history_[0, "train_loss"] == pytest.approx(expected, rel=1e-9)


@every_classical
@pytest.mark.parametrize("top_label", [False, True])
def test_a_score_of_zero_is_positive(Estimator, top_label, data):
    X, Y = data
    scores = np.random.default_rng(0).integers(-1, 2, Y.shape).astype(float)
    scores[:3] = -1
    expected = (scores >= 0).astype(int)
    if top_label:
        expected[:3, 0] = 1
    for y in (Y, sparse.csr_array(Y)):
        model = fitted(Estimator, (X, y), top_label=top_label)
        model.decision_function = lambda X: scores
        found = model.predict(X)
        found = found.toarray() if sparse.issparse(found) else found
        np.testing.assert_array_equal(found, expected)


@every_classical
def test_a_score_of_zero_is_the_second_of_two_classes(Estimator, data):
    X, y = data[0], np.where(data[1][:, 0], "yes", "no")
    model = fitted(Estimator, (X, y))
    scores = np.tile([-1.0, 0.0, 1.0, -1e-300], 10)
    model.decision_function = lambda X: scores
    np.testing.assert_array_equal(model.predict(X), ["no", "yes", "yes", "no"] * 10)


def test_only_rows_without_a_label_get_the_highest():
    scores = np.array([[0.1, 0.4, 0.2], [0.9, 0.1, 0.95], [0.3, 0.2, 0.3]])
    positive = (scores >= 0.5).astype(int)
    add_top_labels(positive, scores)
    np.testing.assert_array_equal(positive, [[0, 1, 0], [1, 0, 1], [1, 0, 0]])
    two = np.zeros((3, 2), dtype=int)
    add_top_labels(two, scores[:, :2])
    np.testing.assert_array_equal(two, [[0, 1], [1, 0], [1, 0]])
    single = np.zeros((3, 1), dtype=int)
    add_top_labels(single, scores[:, :1])
    assert not single.any()
