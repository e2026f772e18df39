"""Clipping of gradients, by parts that learn apart."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skmlc import LaMPClassifier
from skmlc.training.callbacks import ClipGradients


class Head(nn.Module):
    """A head of which one part learns apart."""

    clipped_separately = ("enhancer",)

    def __init__(self):
        super().__init__()
        self.classifier, self.enhancer = nn.Linear(2, 2), nn.Linear(2, 2)


def norms(module, scale, max_norm):
    """Return the norms of the gradients of both parts after clipping."""
    network = nn.Module()
    network.head = module
    for name, parameter in network.named_parameters():
        parameter.grad = torch.ones_like(parameter) * (scale if "enhancer" in name else 1)
    net = SimpleNamespace(module_=network)
    ClipGradients(max_norm).on_grad_computed(net, network.named_parameters())
    parts = (module.classifier, module.enhancer)
    grads = ([p.grad.flatten() for p in part.parameters()] for part in parts)
    return [torch.cat(g).norm().item() for g in grads]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_a_part_that_learns_apart_is_clipped_by_itself(scale):
    classifier, enhancer = norms(Head(), scale, 0.5)
    assert classifier == pytest.approx(0.5, rel=1e-5)
    assert enhancer == pytest.approx(min(0.5, scale * 6**0.5), rel=1e-4)


def test_all_gradients_are_clipped_together_where_nothing_is_apart():
    head = Head()
    head.clipped_separately = ()
    classifier, enhancer = norms(head, 3.0, 0.5)
    assert np.hypot(classifier, enhancer) == pytest.approx(0.5, rel=1e-5)
    assert enhancer == pytest.approx(3 * classifier)


def test_max_grad_norm_changes_the_result():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 4)), rng.integers(0, 2, (40, 3))
    small = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
    plain = LaMPClassifier(**small, max_grad_norm=None).fit(X, Y).predict_proba(X)
    clipped = LaMPClassifier(**small, max_grad_norm=1e-3).fit(X, Y).predict_proba(X)
    assert np.abs(plain - clipped).max() > 1e-4
