"""The loss of labels against a version written as loops."""

import numpy as np
import pytest
import torch

from skmlc.nn.losses import LabelLoss
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
    return total / weight.sum()


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
    assert loss((torch.tensor(logits), "extras"), targets).item() == pytest.approx(expected)


def test_one_class_per_sample_has_a_soft_max(rng):
    logits, codes = rng.normal(size=(N, L)), rng.integers(0, L, N)
    weight = rng.random(N)
    targets = Targets(torch.eye(L)[codes], None, torch.tensor(weight))
    expected = 0.0
    for n in range(N):
        p = np.exp(logits[n]) / np.exp(logits[n]).sum()
        expected -= weight[n] * np.log(p[codes[n]]) / weight.sum()
    loss = LabelLoss(multiclass=True)
    assert loss(torch.tensor(logits), targets).item() == pytest.approx(expected, rel=1e-6)
