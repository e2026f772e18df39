"""The losses of labels against versions written as loops."""

import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.special import expit

from skmlc.nn.head_output import HeadOutput
from skmlc.nn.losses import (
    LOSSES,
    AsymmetricLoss,
    FocalLoss,
    FrequencyWeightedLoss,
    LabelLoss,
    binary_cross_entropy,
)
from skmlc.training.batches import Targets

N, L = 6, 4


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def log_loss_with_loops(logits, labels, weight, known, label_weight):
    total = 0.0
    for n in range(N):
        entries = []
        for i in range(L):
            if known[n, i]:
                p = 1 / (1 + np.exp(-logits[n, i]))
                factor = label_weight[i] if labels[n, i] else 1
                entries.append(-factor * np.log(p if labels[n, i] else 1 - p))
        total += weight[n] * (np.mean(entries) if entries else 0)
    return total / len(weight)


@pytest.mark.parametrize("with_unknown", [False, True])
@pytest.mark.parametrize("with_label_weight", [False, True])
def test_loss_equals_loops(rng, with_unknown, with_label_weight):
    logits, labels = rng.normal(size=(N, L)), rng.integers(0, 2, (N, L))
    weight, label_weight = rng.random(N), rng.random(L) + 0.5
    known = rng.random((N, L)) < 0.7 if with_unknown else np.ones((N, L), bool)
    known[0] = not with_unknown
    targets = Targets(
        torch.tensor(np.where(known, labels, 0)),
        torch.tensor(known) if with_unknown else None,
        torch.tensor(weight),
    )
    loss = LabelLoss(label_weight=torch.tensor(label_weight) if with_label_weight else None)
    expected = log_loss_with_loops(
        logits, labels, weight, known, label_weight if with_label_weight else np.ones(L)
    )
    assert loss(torch.tensor(logits), targets).item() == pytest.approx(expected)
    output = HeadOutput(torch.tensor(logits), "extras")
    assert loss(output, targets).item() == pytest.approx(expected)


def test_one_class_per_sample_has_a_soft_max(rng):
    logits, codes = rng.normal(size=(N, L)), rng.integers(0, L, N)
    weight = rng.random(N)
    targets = Targets(torch.eye(L)[codes], None, torch.tensor(weight))
    expected = 0.0
    for n in range(N):
        p = np.exp(logits[n]) / np.exp(logits[n]).sum()
        expected -= weight[n] * np.log(p[codes[n]]) / len(weight)
    loss = LabelLoss(multiclass=True)
    assert loss(torch.tensor(logits), targets).item() == pytest.approx(expected, rel=1e-6)


def test_plain_loss_is_the_multilabel_soft_margin(rng):
    logits, labels = torch.tensor(rng.normal(size=(N, L))), rng.integers(0, 2, (N, L))
    targets = Targets(torch.tensor(labels), None, torch.ones(N))
    soft_margin = torch.nn.MultiLabelSoftMarginLoss()(logits, targets.labels)
    assert LabelLoss()(logits, targets).item() == pytest.approx(soft_margin.item())


def test_logits_of_low_precision_have_a_loss_of_float32(rng):
    logits = torch.tensor(5 + rng.normal(size=(N, L))).to(torch.bfloat16)
    targets = Targets(torch.ones(N, L), None, torch.ones(N))
    loss = LabelLoss(AsymmetricLoss())(logits, targets)
    assert loss.dtype == torch.float32
    assert loss.item() == LabelLoss(AsymmetricLoss())(logits.float(), targets).item()


# The loss of each entry -----------------------------------------------------------------


def in_loops(formula, logits, labels):
    """Apply `formula(p, 1 - p, y)` to each entry."""
    loss = np.empty(logits.shape)
    for n in range(len(logits)):
        for i in range(logits.shape[1]):
            z = logits[n, i]
            loss[n, i] = formula(expit(z), expit(-z), labels[n, i])
    return loss


def log(p, not_p):
    """Return log p, without a loss of digits where p is nearly one."""
    return np.log(p) if p < 0.5 else np.log1p(-not_p)


def random_entries(rng, soft):
    """Return logits, easy and hard, and labels, which may lie between zero and one."""
    logits = rng.normal(scale=6, size=(20, L))
    labels = rng.random((20, L)) if soft else rng.integers(0, 2, (20, L)).astype(float)
    return logits, labels


def assert_each_entry(loss, formula, logits, labels, dtype=torch.float64, rtol=1e-9):
    found = loss(torch.tensor(logits, dtype=dtype), torch.tensor(labels, dtype=dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, in_loops(formula, logits, labels), rtol, atol=1e-30)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("clip", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("gammas", [(4.0, 0.0), (2, 1), (0.5, 0.5), (0, 0)])
def test_asymmetric_loss_is_its_formula(rng, gammas, clip, soft):
    gamma_neg, gamma_pos = gammas

    def formula(p, not_p, y):
        p_m = max(p - clip, 0.0)
        log_rest = np.log(min(not_p + clip, 1.0)) if clip else log(not_p, p)
        return -y * not_p**gamma_pos * log(p, not_p) - (1 - y) * p_m**gamma_neg * log_rest

    loss = AsymmetricLoss(gamma_neg, gamma_pos, clip)
    assert_each_entry(loss, formula, *random_entries(rng, soft))


def focal_formula(gamma, alpha):
    alpha_pos, alpha_neg = (1, 1) if alpha is None else (alpha, 1 - alpha)

    def formula(p, not_p, y):
        positive = -alpha_pos * not_p**gamma * log(p, not_p)
        negative = -alpha_neg * p**gamma * log(not_p, p)
        return y * positive + (1 - y) * negative

    return formula


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("gamma, alpha", [(2.0, None), (2, 0.25), (0.5, 0.9), (0, 0.0)])
def test_focal_loss_is_its_formula(rng, gamma, alpha, soft):
    formula = focal_formula(gamma, alpha)
    assert_each_entry(FocalLoss(gamma, alpha), formula, *random_entries(rng, soft))


def test_easy_entries_keep_their_precision_in_float32():
    logits = np.array([[20.0, -20.0, 12.5, -12.5]])
    labels = (logits > 0).astype(float)
    formula = focal_formula(2.0, None)
    assert_each_entry(FocalLoss(), formula, logits, labels, torch.float32, rtol=1e-5)


def test_focal_loss_is_the_symmetric_one(rng):
    logits, labels = map(torch.tensor, random_entries(rng, soft=True))
    symmetric = AsymmetricLoss(gamma_neg=3, gamma_pos=3, clip=0)(logits, labels)
    torch.testing.assert_close(FocalLoss(3)(logits, labels), symmetric)
    torch.testing.assert_close(FocalLoss(3, alpha=0.5)(logits, labels), symmetric / 2)


def test_improbable_negatives_below_the_clip_cost_nothing():
    logits = torch.logit(torch.tensor([[0.04, 0.06]], dtype=torch.float64))
    logits.requires_grad_()
    loss = AsymmetricLoss(clip=0.05)(logits, torch.zeros(1, 2, dtype=torch.float64))
    loss.sum().backward()
    assert loss[0, 0] == 0
    assert logits.grad[0, 0] == 0
    assert loss[0, 1] > 0
    assert logits.grad[0, 1] > 0


@pytest.mark.parametrize(
    "loss",
    [
        AsymmetricLoss(0, 0, 0),
        FocalLoss(0),
        FrequencyWeightedLoss(0).for_frequency([0.1, 0.0, 1.0, 0.7]),
    ],
    ids=repr,
)
def test_without_their_parameters_all_are_cross_entropy(rng, loss):
    logits, labels = map(torch.tensor, random_entries(rng, soft=True))
    torch.testing.assert_close(loss(logits, labels), binary_cross_entropy(logits, labels))


EVERY = [
    AsymmetricLoss(),
    AsymmetricLoss(2, 1, 0),
    AsymmetricLoss(0.5, 0.5, 0.1),
    AsymmetricLoss(0.5, 0.5, 0),
    FocalLoss(),
    FocalLoss(0.5, 0.25),
    FrequencyWeightedLoss().for_frequency([0.1, 0.9, 0.5, 0.0]),
    FrequencyWeightedLoss(1, FocalLoss()).for_frequency([0.1, 0.9, 0.5, 0.0]),
]
every_loss = pytest.mark.parametrize("loss", EVERY, ids=repr)


@every_loss
def test_gradient_is_that_of_the_formula(loss):
    # No probability near the clip, where there is a kink.
    logits = torch.tensor([[-4.0, -1, 0.5, 3], [2, -0.3, 5, -6]], dtype=torch.float64)
    labels = torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 0.3]], dtype=torch.float64)
    logits.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, labels), logits)


@every_loss
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_extreme_logits_have_a_finite_loss_and_gradient(loss, label):
    logits = torch.tensor([[-1e4, 1e4, -100, 100], [0, -1e-30, 30, -30]])
    logits.requires_grad_()
    value = loss(logits, torch.full_like(logits, label))
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert (value >= 0).all()
    assert torch.isfinite(logits.grad).all()


@every_loss
def test_losses_are_copied_and_pickled(rng, loss):
    logits, labels = map(torch.tensor, random_entries(rng, soft=False))
    for again in (pickle.loads(pickle.dumps(loss)), copy.deepcopy(loss)):
        torch.testing.assert_close(
            again(logits, labels), loss(logits, labels), rtol=0, atol=0
        )


def test_losses_show_their_parameters():
    assert (
        repr(AsymmetricLoss(2)) == "AsymmetricLoss(gamma_neg=2, gamma_pos=0.0, clip=0.05)"
    )
    weighted = FrequencyWeightedLoss(0.5, FocalLoss()).for_frequency([0.5])
    assert repr(weighted) == (
        "FrequencyWeightedLoss(beta=0.5, elementwise=FocalLoss(gamma=2.0, alpha=None))"
    )


def test_names_stand_for_the_losses_with_their_defaults():
    assert LOSSES["bce"] is None
    assert repr(LOSSES["asymmetric"]) == repr(AsymmetricLoss())
    assert repr(LOSSES["focal"]) == repr(FocalLoss())


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: AsymmetricLoss(gamma_neg=-1), "gamma_neg must be a number of at least 0"),
        (lambda: AsymmetricLoss(gamma_pos="2"), "gamma_pos must be a number of at least 0"),
        (lambda: AsymmetricLoss(clip=1), "clip .* at least 0 and less than 1; got 1"),
        (lambda: FocalLoss(gamma=np.nan), "gamma must be a number of at least 0"),
        (lambda: FocalLoss(alpha=1.5), "alpha .* at least 0 and at most 1; got 1.5"),
        (lambda: FrequencyWeightedLoss(-0.1), "beta must be a number of at least 0"),
    ],
)
def test_parameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Weights by frequency -------------------------------------------------------------------


@pytest.mark.parametrize("soft", [False, True])
def test_weights_are_those_of_the_paper(rng, soft):
    logits, labels = random_entries(rng, soft)
    frequency, beta = rng.random(L), 0.7
    expected = np.empty(logits.shape)
    for n in range(len(logits)):
        for i in range(L):
            y, p = labels[n, i], 1 / (1 + np.exp(-logits[n, i]))
            weight = y * np.exp(beta * (1 - frequency[i])) + (1 - y) * np.exp(
                beta * frequency[i]
            )
            expected[n, i] = -weight * (y * np.log(p) + (1 - y) * np.log(1 - p))
    loss = FrequencyWeightedLoss(beta).for_frequency(frequency)
    found = loss(torch.tensor(logits), torch.tensor(labels))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_another_loss_is_weighted_the_same(rng):
    logits, labels = map(torch.tensor, random_entries(rng, soft=False))
    plain, weighted = (
        FrequencyWeightedLoss(1.0, elementwise).for_frequency([0.1, 0.2, 0.5, 0.9])
        for elementwise in (None, FocalLoss())
    )
    weight = plain(logits, labels) / binary_cross_entropy(logits, labels)
    torch.testing.assert_close(
        weighted(logits, labels), weight * FocalLoss()(logits, labels)
    )


def test_frequencies_are_told_to_a_copy(rng):
    loss = FrequencyWeightedLoss(0.4)
    assert loss.for_frequency(np.full(L, 0.5)).beta == 0.4
    logits, labels = map(torch.tensor, random_entries(rng, soft=False))
    with pytest.raises(
        ValueError, match=r"call what its for_frequency\(frequency\) returns"
    ):
        loss(logits, labels)


@pytest.mark.parametrize("frequency", [0.5, [[0.5]], [0.1, 1.2], [-0.1], [np.nan]])
def test_impossible_frequencies_are_refused(frequency):
    with pytest.raises(ValueError, match="frequency must hold the share of the samples"):
        FrequencyWeightedLoss().for_frequency(frequency)
