"""Scores of pairs of nodes and labels against loops, whatever is held at a time."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from skmlc.nn import joint_scores
from skmlc.nn.joint_scores import JointScores

R, L, D = 4, 5, 3


def make():
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in [(R, D), (L, D), (D,)]
    ]


@pytest.fixture(
    params=[1, 2 * D, 3 * L * D, 2**20], ids=["one", "two labels", "three rows", "all"]
)
def _pairs_at_a_time(request, monkeypatch):
    monkeypatch.setattr(joint_scores, "_CPU_ELEMENTS", request.param)


@pytest.mark.usefixtures("_pairs_at_a_time")
def test_scores_equal_loops():
    rows, labels, weight = make()
    found = JointScores.apply(rows, labels, weight).detach().numpy()
    rows, labels, weight = (x.detach().numpy() for x in (rows, labels, weight))
    expected = [[weight @ np.tanh(x * y) for y in labels] for x in rows]
    np.testing.assert_allclose(found, expected)


@pytest.mark.usefixtures("_pairs_at_a_time")
def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(JointScores.apply, make())


def test_autocast_does_not_lower_the_precision():
    exact, inputs = make(), [x.detach().float().requires_grad_() for x in make()]
    scores = JointScores.apply(*exact)
    gradients = torch.autograd.grad(scores, exact, torch.ones_like(scores))
    with torch.autocast("cpu", torch.bfloat16):
        found = JointScores.apply(*inputs)
        again = torch.autograd.grad(found, inputs, torch.ones_like(found))
    torch.testing.assert_close(found.double(), scores, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(again, gradients, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-6)


class LargestTensor(TorchDispatchMode):
    """Remember the number of elements of the largest tensor that an operation returns."""

    n_elements = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        if isinstance(output, torch.Tensor):
            self.n_elements = max(self.n_elements, output.numel())
        return output


@pytest.mark.parametrize("n_pairs", [2 * L, 3 * L, R * L])
def test_no_more_products_are_held_than_allowed(n_pairs, monkeypatch):
    monkeypatch.setattr(joint_scores, "_CPU_ELEMENTS", n_pairs * D)
    with LargestTensor() as largest:
        JointScores.apply(*make()).sum().backward()
    assert largest.n_elements == n_pairs * D


def test_no_nodes_have_no_scores():
    _, labels, weight = make()
    assert JointScores.apply(torch.empty(0, D).double(), labels, weight).shape == (0, L)
