"""A linear layer on the vectors of the labels."""

import numpy as np
import pytest
import torch

from skmlc.nn.label_linear import LabelLinear

L, E, OUT = 5, 3, 4
VECTORS = np.random.default_rng(0).normal(size=(L, E))


def test_vectors_are_mapped_linearly():
    layer = LabelLinear(L, VECTORS, OUT).double()
    torch.nn.init.normal_(layer.bias)
    expected = layer.vectors.numpy() @ layer.weight.detach().numpy()
    expected += layer.bias.detach().numpy()
    np.testing.assert_allclose(layer().detach(), expected, rtol=1e-12)
    np.testing.assert_allclose(layer.vectors, VECTORS, rtol=1e-6)
    assert layer.in_size == E


@pytest.mark.parametrize("bias", [False, True])
def test_no_vectors_are_one_hot_vectors(bias):
    one_hot, identity = (
        LabelLinear(L, None, OUT, bias),
        LabelLinear(L, np.eye(L), OUT, bias),
    )
    state = one_hot.state_dict()
    identity.load_state_dict({**state, "vectors": torch.eye(L)})
    torch.testing.assert_close(one_hot(), identity())
    assert one_hot.in_size == identity.in_size == L
    assert set(state) == {"weight", "bias"} - ({"bias"} if not bias else set())


def test_gradients_are_those_of_one_hot_vectors():
    one_hot, identity = LabelLinear(L, None, OUT), LabelLinear(L, np.eye(L), OUT)
    identity.load_state_dict({**one_hot.state_dict(), "vectors": torch.eye(L)})
    for layer in (one_hot, identity):
        layer().square().sum().backward()
    torch.testing.assert_close(one_hot.weight.grad, identity.weight.grad)
    torch.testing.assert_close(one_hot.bias.grad, identity.bias.grad)


def test_vectors_are_saved_but_not_trained():
    layer = LabelLinear(L, VECTORS, OUT, bias=False)
    assert set(layer.state_dict()) == {"vectors", "weight"}
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    other = LabelLinear(L, np.zeros((L, E)), OUT, bias=False)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other(), layer())


def test_the_given_vectors_are_copied():
    vectors = torch.ones(L, E)
    layer = LabelLinear(L, vectors.numpy(), OUT)
    vectors.zero_()
    assert (layer.vectors == 1).all()


@pytest.mark.parametrize("bias", [False, True])
def test_it_shows_its_sizes(bias):
    shown = repr(LabelLinear(L, VECTORS, OUT, bias))
    assert shown == f"LabelLinear(in_size={E}, out_size={OUT}, bias={bias})"


@pytest.mark.parametrize("vectors, bound", [(np.ones((2000, 16)), 0.25), (None, 1.0)])
def test_the_weight_starts_uniform_and_the_bias_at_zero(vectors, bound):
    layer = LabelLinear(2000, vectors, 200)
    weight = layer.weight.detach()
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    assert (layer.bias == 0).all()
    before = weight.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.weight, before)


def test_one_hot_labels_start_at_the_scale_of_unit_variance_vectors():
    torch.manual_seed(0)
    given = LabelLinear(1000, torch.randn(1000, 50).numpy(), 100)()
    learned = LabelLinear(1000, None, 100)()
    assert learned.std().item() == pytest.approx(given.std().item(), rel=0.05)


@pytest.mark.parametrize("vectors", [np.ones((L + 1, E)), np.ones(L), np.ones((L, E, 1))])
def test_wrong_shapes_are_refused(vectors):
    with pytest.raises(ValueError, match=rf"vectors must be of shape \({L}, E\)"):
        LabelLinear(L, vectors, OUT)
