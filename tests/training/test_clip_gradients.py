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


@pytest.mark.parametrize("largest", [1e-3, 1.0, torch.inf, torch.nan])
@pytest.mark.parametrize("shapes", [[(3, 4), (), (4,)], [(300, 300), (2,)], [(300, 300)]])
def test_clipping_is_that_of_torch(shapes, largest):
    torch.manual_seed(0)
    module = nn.Module()
    for i, shape in enumerate(shapes):
        module.register_parameter(f"p{i}", nn.Parameter(torch.randn(shape)))
    gradients = [torch.randn(shape) for shape in shapes]
    gradients[0].view(-1)[0] = largest
    gradients[0] = gradients[0].t()  # rows need not lie one after the other
    module.p0.data = module.p0.data.t()
    for parameter, gradient in zip(module.parameters(), gradients, strict=True):
        parameter.grad = gradient.clone()
    net = SimpleNamespace(module_=SimpleNamespace(head=None))
    ClipGradients(0.5).on_grad_computed(net, module.named_parameters())
    clipped = [p.grad.clone() for p in module.parameters()]
    for parameter, gradient in zip(module.parameters(), gradients, strict=True):
        parameter.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
    for parameter, gradient in zip(module.parameters(), clipped, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, equal_nan=True)


def test_gradients_of_a_small_norm_stay_to_the_last_digit():
    head = Head()
    head.clipped_separately = ()
    before = {name: torch.ones_like(p) for name, p in head.named_parameters()}
    assert norms(head, 1.0, 100.0) == pytest.approx([6**0.5, 6**0.5])
    for name, parameter in head.named_parameters():
        assert torch.equal(parameter.grad, before[name])


def test_max_grad_norm_changes_the_result():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 4)), rng.integers(0, 2, (40, 3))
    small = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
    plain = LaMPClassifier(**small, max_grad_norm=None).fit(X, Y).predict_proba(X)
    clipped = LaMPClassifier(**small, max_grad_norm=1e-3).fit(X, Y).predict_proba(X)
    assert np.abs(plain - clipped).max() > 1e-4
