"""What is held out for validation says nothing to the model: graph, prior, weights, steps."""

import inspect

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from skorch.callbacks import Callback

import skmlc
from skmlc.graphs import CooccurrenceEmbedding, CooccurrenceGraph
from skmlc.inputs import FeatureEncoder
from skmlc.nn.losses import FrequencyWeightedLoss
from tests.method_names import METHOD_NAMES

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
# One epoch that leaves the network where it starts.
STILL = {"max_epochs": 1, "learning_rate": 1e-30, "weight_decay": 0.0, "random_state": 0}
STILL |= {"batch_size": 500, "precision": "float64", "dropout": 0.0, "hidden_size": 8}
HOLDS_OUT = pytest.mark.parametrize(
    "holds_out", [{"early_stopping": "loss"}, {"threshold": "tuned"}], ids=str
)
N, L = 60, 4


def having(*parameters):
    """Parametrize over the estimators with these hyper-parameters."""
    chosen = [e for e in ESTIMATORS if set(parameters) <= set(e().get_params())]
    assert chosen
    return pytest.mark.parametrize("Estimator", chosen, ids=[e.__name__ for e in chosen])


class SeenRows(Callback):
    """Keep which rows each step has read; the first feature is the number of its row."""

    def on_train_begin(self, net, **kwargs):
        self.train, self.valid = set(), set()

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        rows = (batch[0].values[:, 0] * N).round().int().tolist()
        (self.train if training else self.valid).update(rows)


@pytest.fixture(scope="module")
def data():
    """Rows that are numbered, labels that hang together, and weights, some of them zero."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.arange(N) / N, rng.normal(size=(N, 3))])
    Y = (rng.normal(size=(N, 1)) + rng.normal(size=(N, L)) > [0, 0.5, 1, 1.5]).astype(int)
    return X, Y, rng.integers(0, 4, N).astype(float)


def fit_and_watch(Estimator, data, **options):
    """Return the model, and which rows it was trained and validated on."""
    X, Y, weight = data
    seen = SeenRows()
    options = {**STILL, "callbacks": [seen], "validation_fraction": 0.5, **options}
    known = inspect.signature(Estimator).parameters
    model = Estimator(**{k: v for k, v in options.items() if k in known})
    model.fit(X, Y, sample_weight=weight)
    train, valid = sorted(seen.train), sorted(seen.valid)
    assert len(valid) > 10
    assert sorted(train + valid) == np.flatnonzero(weight).tolist()
    return model, train, valid


def share(Y, weight, rows):
    """Return the share of each label among some rows, one more with and one without it."""
    weight, Y = weight[rows], Y[rows]
    known = ~np.isnan(Y)
    return (weight @ np.nan_to_num(Y) + 1) / (weight @ known + 2)


def hide(Y):
    """Return labels of which every fifth entry is unknown."""
    Y = Y.astype(float)
    Y.flat[::5] = np.nan
    return Y


@having("label_weight")
def test_a_class_of_samples_without_weight_is_no_class(Estimator, data):
    X, Y, weight = data
    y = np.array(["a", "b", "c"])[Y[:, :2].sum(axis=1)]
    weight = np.where(y == "c", 0, weight + 1)
    known = inspect.signature(Estimator).parameters
    model = Estimator(**{k: v for k, v in STILL.items() if k in known})
    model.fit(X, y, sample_weight=weight)
    assert model.classes_.tolist() == ["a", "b"]
    assert set(model.predict(X)) <= {"a", "b"}


@having("label_graph")
@HOLDS_OUT
def test_the_label_graph_is_counted_on_the_training_rows(Estimator, holds_out, data):
    _, Y, weight = data
    model, train, _ = fit_and_watch(
        Estimator, data, label_graph=CooccurrenceGraph(), **holds_out
    )
    together = (Y[train].T * weight[train]) @ Y[train]
    everywhere = (Y.T * weight) @ Y
    assert (together < everywhere).all()
    found = model.label_graph_
    np.testing.assert_allclose(found.counts_, together.diagonal())
    np.fill_diagonal(together, 0)
    np.testing.assert_allclose(found.cooccurrence_.toarray(), together)


@having("label_embedding")
@HOLDS_OUT
def test_the_vectors_of_the_labels_are_made_from_the_training_rows(
    Estimator, holds_out, data
):
    _, Y, weight = data
    model, train, _ = fit_and_watch(
        Estimator, data, label_embedding=CooccurrenceEmbedding(), **holds_out
    )
    vectors = [
        CooccurrenceEmbedding().fit(Y[rows], sample_weight=weight[rows]).embedding_
        for rows in (train, np.arange(N))
    ]
    np.testing.assert_allclose(model.label_embedding_, vectors[0])
    assert np.abs(vectors[1] - vectors[0]).max() > 1e-3


@having("linear_skip")
@HOLDS_OUT
@pytest.mark.parametrize("with_unknown", [False, True])
def test_training_starts_at_the_frequencies_of_the_training_rows(
    Estimator, holds_out, with_unknown, data
):
    X, Y, weight = data
    Y = hide(Y) if with_unknown else Y
    model, train, _ = fit_and_watch(
        Estimator, (X, Y, weight), linear_skip=True,
        allow_missing_labels=with_unknown, **holds_out,
    )  # fmt: skip
    start = expit(model.module_.skip.bias.detach().numpy())
    np.testing.assert_allclose(start, share(Y, weight, train))
    assert np.abs(start - share(Y, weight, np.arange(N))).max() > 0.01


@having("linear_skip")
def test_training_starts_at_the_frequencies_of_classes_among_the_training_rows(
    Estimator, data
):
    X, Y, weight = data
    y = Y[:, :2].sum(axis=1)
    model, train, _ = fit_and_watch(
        Estimator, (X, y, weight), linear_skip=True, early_stopping="loss"
    )
    one_hot = np.eye(3)[y]
    start = softmax(model.module_.skip.bias.detach().numpy())
    expected, everywhere = (share(one_hot, weight, rows) for rows in (train, np.arange(N)))
    np.testing.assert_allclose(start, expected / expected.sum())
    assert np.abs(start - everywhere / everywhere.sum()).max() > 0.01


@HOLDS_OUT
def test_gmmlic_without_a_skip_starts_at_the_frequencies_of_the_training_rows(
    holds_out, data
):
    _, Y, weight = data
    model, train, _ = fit_and_watch(skmlc.GMMLICClassifier, data, **holds_out)
    start = expit(model.module_.head.bias.detach().numpy())
    np.testing.assert_allclose(start, share(Y, weight, train))


@HOLDS_OUT
def test_seq2seq_orders_labels_and_starts_by_the_training_rows(holds_out, data):
    _, Y, weight = data
    model, train, _ = fit_and_watch(skmlc.Seq2SeqClassifier, data, **holds_out)
    counts = weight[train] @ Y[train]
    order = np.argsort(-counts, kind="stable")
    np.testing.assert_array_equal(model.label_order_, order)
    often = np.append((counts + 1) / (weight[train].sum() + 2), 1)  # the end always comes
    start = softmax(model.module_.head.output.bias.detach().numpy())
    np.testing.assert_allclose(start, often / often.sum())


@having("label_weight")
@HOLDS_OUT
@pytest.mark.parametrize("with_unknown", [False, True])
def test_balanced_weights_are_those_of_the_training_rows(
    Estimator, holds_out, with_unknown, data
):
    X, Y, weight = data
    Y = hide(Y) if with_unknown else Y
    options = {"allow_missing_labels": with_unknown, **holds_out}
    data = X, Y, weight
    model, train, _ = fit_and_watch(Estimator, data, label_weight="balanced", **options)

    def losses(rows):
        positive = weight[rows] @ np.nan_to_num(Y[rows])
        negative = weight[rows] @ (1 - np.nan_to_num(Y[rows], nan=1))
        given, *_ = fit_and_watch(
            Estimator, data, label_weight=negative / positive, **options
        )
        return given.history_[0, ("train_loss", "valid_loss")]

    found = model.history_[0, ("train_loss", "valid_loss")]
    np.testing.assert_allclose(found, losses(train))
    assert np.abs(np.subtract(found, losses(np.arange(N)))).max() > 1e-3


@having("loss")
@HOLDS_OUT
@pytest.mark.parametrize("with_unknown", [False, True])
def test_a_loss_is_told_the_frequencies_of_the_training_rows(
    Estimator, holds_out, with_unknown, data
):
    X, Y, weight = data
    Y = hide(Y) if with_unknown else Y
    options = {"allow_missing_labels": with_unknown, **holds_out}
    data, loss = (X, Y, weight), FrequencyWeightedLoss(beta=2.0)
    model, train, _ = fit_and_watch(Estimator, data, loss=loss, **options)

    def losses(rows):
        known = weight[rows] @ ~np.isnan(Y[rows])
        told = loss.for_frequency(weight[rows] @ np.nan_to_num(Y[rows]) / known)
        given, *_ = fit_and_watch(
            Estimator, data, loss=lambda logits, labels: told(logits, labels), **options
        )
        return given.history_[0, ("train_loss", "valid_loss")]

    found = model.history_[0, ("train_loss", "valid_loss")]
    np.testing.assert_allclose(found, losses(train))
    assert np.abs(np.subtract(found, losses(np.arange(N)))).max() > 1e-3


@having("early_stopping")
@pytest.mark.parametrize("with_unknown", [False, True])
def test_the_validation_loss_is_that_of_predictions_on_the_rows_held_out(
    Estimator, with_unknown, data
):
    if Estimator is skmlc.Seq2SeqClassifier:
        pytest.skip("its loss is of sequences, its predictions are of sets of labels")
    X, Y, weight = data
    Y = hide(Y) if with_unknown else Y
    model, _, valid = fit_and_watch(
        Estimator, (X, Y, weight), early_stopping="loss",
        allow_missing_labels=with_unknown,
    )  # fmt: skip
    p, y = model.predict_proba(X)[valid], Y[valid]
    entries = -np.log(np.where(y == 1, p, 1 - p))
    entries[np.isnan(y)] = np.nan
    expected = np.average(np.nanmean(entries, axis=1), weights=weight[valid])
    assert model.history_[0, "valid_loss"] == pytest.approx(expected, rel=1e-9)


@having("linear_C")
def test_the_penalty_of_the_skip_is_scaled_by_the_training_rows(Estimator, data):
    X, Y, weight = data
    X = X * np.linspace(1, 9, N)[:, None]
    X[:, 0] = data[0][:, 0]
    options = {"linear_skip": True, "early_stopping": "loss", "batch_size": 10}
    options |= {"max_epochs": 2, "patience": 9}
    data = X, Y, weight
    scaled, train, _ = fit_and_watch(Estimator, data, **options)
    columns = FeatureEncoder().fit_columns(X, train, weight).skip
    np.testing.assert_array_equal(scaled.module_.columns.skip.lower, columns.lower)
    read = columns(torch.from_numpy(X)).numpy()

    def given(rows):
        C = 20 / np.average((read[rows] ** 2).sum(axis=1), weights=weight[rows])
        return fit_and_watch(Estimator, data, linear_C=C, **options)[0].predict_proba(X)

    found = scaled.predict_proba(X)
    np.testing.assert_allclose(found, given(train), rtol=1e-9)
    assert np.abs(found - given(np.arange(N))).max() > 1e-6
