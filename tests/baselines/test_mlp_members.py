"""Several perceptrons in one network, against loops over them and against one."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit, logit, softmax
from sklearn.datasets import make_multilabel_classification
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc import EmbMLPClassifier
from skmlc.base.classifier import BaseGraphClassifier
from skmlc.baselines.mlp import EmbMLP, EmbMLPMembers
from skmlc.inputs import Bags, Sequences
from skmlc.nn.losses import LabelLoss
from skmlc.nn.members import MembersLoss
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training.batches import Targets

SMALL = {"hidden_size": 6, "max_epochs": 3, "batch_size": 16, "random_state": 0}
EXACT = {"precision": "float64", "dropout": 0.0, "input_dropout": 0.0}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(60, 8, n_classes=4, n_labels=2, random_state=0)


def fitted(data, **options):
    return EmbMLPClassifier(**{**SMALL, "n_members": 3, **options}).fit(*data)


def logits_of_members(model, X):
    """Return the logits (K, N, L) of the members, each computed alone with NumPy."""
    module = model.module_
    weight = {name: p.detach().numpy() for name, p in module.named_parameters()}
    read = [
        columns(torch.from_numpy(X))
        for columns in (module.columns.nodes, module.columns.skip)
    ]
    nodes, skip = (values.numpy() for values in read)
    if model.linear_skip:
        skip = skip @ weight["skip.weight"] + weight["skip.bias"]
    else:
        skip = 0.0
    nodes = nodes @ weight["encoder.linear.weight"].T + weight["encoder.linear.bias"]
    members, D = [], model.hidden_size
    for k in range(model.n_members):
        hidden = nodes[:, k * D : (k + 1) * D]
        for i in range(model.n_layers + 1):  # linear, ReLU, dropout
            hidden = np.maximum(hidden, 0) if i > 0 else hidden
            layer = f"head.layers.{3 * i}"
            hidden = hidden @ weight[f"{layer}.weight"][k] + weight[f"{layer}.bias"][k]
        members.append(hidden + skip)
    return np.array(members)


@pytest.mark.parametrize("n_layers", [0, 1, 2])
def test_probabilities_are_the_mean_of_those_of_perceptrons_that_share_the_skip(
    data, n_layers
):
    model = fitted(data, n_layers=n_layers, precision="float64")
    members = logits_of_members(model, data[0])
    assert np.ptp(members, axis=0).min() > 1e-4  # they differ
    probabilities = model.predict_proba(data[0])
    np.testing.assert_allclose(probabilities, expit(members).mean(axis=0), rtol=1e-9)
    logits = model.decision_function(data[0])
    np.testing.assert_allclose(logits, logit(probabilities), rtol=1e-7)


def test_classes_are_averaged_after_the_soft_max(data):
    X, Y = data
    model = fitted((X, Y[:, 0] + Y[:, 1]), precision="float64")
    expected = softmax(logits_of_members(model, X), axis=2).mean(axis=0)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-9)
    logits = model.decision_function(X)
    np.testing.assert_allclose(softmax(logits, axis=1), expected, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X), expected.argmax(axis=1))


def test_two_classes_have_one_logit(data):
    X, Y = data
    model = fitted((X, Y[:, 0]), precision="float64")
    positive = expit(logits_of_members(model, X)[..., 0]).mean(axis=0)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], positive, rtol=1e-9)
    np.testing.assert_allclose(model.decision_function(X), logit(positive), rtol=1e-7)


class WithoutMembers(EmbMLPClassifier):
    """The classifier as it was before it had members."""

    _make_loss = BaseGraphClassifier._make_loss
    _hidden_size_of_nodes = BaseGraphClassifier._hidden_size_of_nodes

    def _make_head(self, n_labels, node_size):
        return EmbMLP(
            n_labels,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
        )


def test_one_member_is_what_the_classifier_was_without_members(data):
    ours, theirs = fitted(data, n_members=1), WithoutMembers(**SMALL).fit(*data)
    np.testing.assert_array_equal(
        ours.decision_function(data[0]), theirs.decision_function(data[0])
    )
    assert list(ours.module_.state_dict()) == list(theirs.module_.state_dict())


def test_a_member_learns_what_it_would_learn_alone(data):
    X, Y = (torch.tensor(array, dtype=torch.float64) for array in data)
    targets = Targets(Y, None, torch.linspace(0.5, 1.5, len(Y)))
    torch.manual_seed(0)
    skip = torch.randn(len(Y), 4, dtype=torch.float64)
    members = EmbMLPMembers(4, 3, hidden_size=8).double()
    layout = Layout.regular(len(X), 1)
    output = members(Nodes(X.repeat(1, 3), layout), skip=skip)
    MembersLoss(LabelLoss())(output, targets).backward()
    for k in range(3):
        alone = EmbMLP(4, hidden_size=8).double()
        for ours, theirs in zip(members.layers, alone.layers, strict=True):
            if isinstance(theirs, torch.nn.Linear):
                theirs.weight.data.copy_(ours.weight[k].T)
                theirs.bias.data.copy_(ours.bias[k])
        LabelLoss()(alone(Nodes(X, layout)) + skip, targets).backward()
        for i in (0, 3):  # of the loss, it has a third
            ours, theirs = members.layers[i], alone.layers[i]
            torch.testing.assert_close(ours.weight.grad[k].T * 3, theirs.weight.grad)
            torch.testing.assert_close(ours.bias.grad[k] * 3, theirs.bias.grad)


def test_training_minimizes_the_mean_of_the_losses_of_the_members(data):
    X, Y = data
    still = {
        "batch_size": 200,
        "max_epochs": 1,
        "learning_rate": 1e-12,
        "linear_skip": False,
    }
    model = fitted(data, **EXACT, **still)
    p = expit(logits_of_members(model, X))  # as they were before the only step
    losses = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean(axis=(1, 2))
    assert model.history_[-1, "train_loss"] == pytest.approx(losses.mean(), rel=1e-9)


def test_dropout_differs_from_member_to_member():
    torch.manual_seed(0)
    members = EmbMLPMembers(2, 3, hidden_size=8, dropout=0.5)
    dropped = members.layers[2](torch.ones(10, 3, 8))
    assert not torch.equal(dropped[:, 0], dropped[:, 1])


def test_random_state_repeats_all_members(data):
    X, _ = data
    first, again, other = (fitted(data, random_state=s).predict_proba(X) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize("n_members", [0, 1.5, "4"])
def test_other_than_positive_integers_are_refused(data, n_members):
    with pytest.raises(ValueError, match="'n_members' parameter of EmbMLPClassifier"):
        fitted(data, n_members=n_members)


# What holds for one member, holds for several ------------------------------------------------


@parametrize_with_checks(
    [
        EmbMLPClassifier(
            n_members=3, hidden_size=16, max_epochs=30, batch_size=512, learning_rate=0.02,
            **EXACT,
        )
    ]
)  # fmt: skip
def test_scikit_learn_checks_of_several_members(estimator, check):
    check(estimator)


def test_unknown_labels_are_left_out(data):
    X, Y = data
    # Two copies, each with one half of the labels known, are the samples with all known.
    exact = {"batch_size": 200, "linear_skip": False, "allow_missing_labels": True}
    left = np.arange(4) < 2
    halves = np.vstack([np.where(left, Y, np.nan), np.where(left, np.nan, Y)])
    split, whole = (
        fitted(pair, **EXACT, **exact)
        for pair in ((np.vstack([X, X]), halves), (X, Y.astype(float)))
    )
    np.testing.assert_allclose(split.predict_proba(X), whole.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"label_weight": "balanced"},
        {"loss": "asymmetric"},
        {"early_stopping": "loss"},
        {"early_stopping": "mAP"},
        {"ema_decay": 0.9},
        {"linear_skip": False},
        {"n_layers": 0},
    ],
    ids=str,
)
def test_options_act_on_members(data, options):
    X, _ = data
    plain, model = fitted(data), fitted(data, **options)
    assert np.isfinite(model.decision_function(X)).all()
    assert np.abs(model.predict_proba(X) - plain.predict_proba(X)).max() > 1e-6


def test_thresholds_are_tuned_on_the_average(data):
    model = fitted(data, threshold="tuned_per_label", max_epochs=6)
    positive = model.predict_proba(data[0]) >= model.threshold_
    np.testing.assert_array_equal(model.predict(data[0]), positive)


def test_bfloat16_is_near_single_precision(data):
    half, single = (fitted(data, precision=p) for p in ("bfloat16", "float32"))
    answer = half.predict_proba(data[0])
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, single.predict_proba(data[0]), atol=0.02)


def test_compiled_members_predict_the_same(data, monkeypatch):
    compile_ = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda self, **kw: compile_(self, backend="eager", **kw)
    )
    plain, compiled = (
        fitted(data, **EXACT, compile=c, max_epochs=1) for c in (False, True)
    )
    np.testing.assert_allclose(
        compiled.predict_proba(data[0]), plain.predict_proba(data[0]), rtol=1e-9
    )


@pytest.mark.parametrize("kind", ["sparse", "sequences", "bags"])
def test_members_read_every_kind_of_input(kind):
    rng = np.random.default_rng(0)
    X = {
        "sparse": lambda: sparse.random(30, 9, 0.3, random_state=0, format="csr"),
        "sequences": lambda: Sequences([rng.integers(0, 9, 1 + i % 3) for i in range(30)]),
        "bags": lambda: Bags([rng.normal(size=(1 + i % 3, 4)) for i in range(30)]),
    }[kind]()
    Y = np.arange(30)[:, None] % [2, 3] == 0
    model = fitted((X, Y.astype(int)))
    assert model.predict_proba(X).shape == (30, 2)
    assert model.transform(X).shape == (30, 18)  # the parts of all members


def test_training_goes_on_where_it_was(data):
    X, Y = data
    model = fitted(data, warm_start=True)
    first = model.history_[-1, "train_loss"]
    assert model.fit(X, Y).history_[-1, "train_loss"] < first
    assert EmbMLPClassifier(**SMALL, n_members=3).partial_fit(X, Y).n_iter_ == 1
