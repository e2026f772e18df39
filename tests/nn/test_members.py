"""Members of one network against loops over them."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax
from torch import nn

from skmlc.nn.head_output import HeadOutput
from skmlc.nn.losses import AsymmetricLoss, LabelLoss
from skmlc.nn.members import MemberLinear, MembersLoss, average_members
from skmlc.training.batches import Targets

N, K, L = 5, 3, 4


@pytest.fixture
def members():
    torch.manual_seed(0)
    return torch.randn(N, K, L, dtype=torch.float64) * 3


def test_a_layer_of_members_is_a_linear_layer_of_each():
    torch.manual_seed(0)
    layer, x = MemberLinear(K, 2, 6).double(), torch.randn(N, K, 2, dtype=torch.float64)
    alone = [
        nn.functional.linear(x[:, k], layer.weight[k].T, layer.bias[k]) for k in range(K)
    ]
    torch.testing.assert_close(layer(x), torch.stack(alone, dim=1))


def test_members_begin_like_linear_layers_and_differ():
    torch.manual_seed(0)
    layer, single = MemberLinear(40, 25, 16), nn.Linear(25, 640)
    for ours, theirs in ((layer.weight, single.weight), (layer.bias, single.bias)):
        assert 0.19 < ours.abs().max() <= 0.2  # 1 / sqrt(25)
        assert ours.std().item() == pytest.approx(theirs.std().item(), rel=0.1)
    assert len(layer.bias.unique(dim=0)) == len(layer.weight.unique(dim=0)) == 40


def test_average_is_the_mean_of_the_probabilities(members):
    one_by_one = [expit(members[:, k].numpy()) for k in range(K)]
    average = average_members(members)
    np.testing.assert_allclose(expit(average.numpy()), np.mean(one_by_one, axis=0))


def test_average_of_classes_is_the_mean_of_the_soft_maxes(members):
    one_by_one = [softmax(members[:, k].numpy(), axis=1) for k in range(K)]
    average = average_members(members, multiclass=True).numpy()
    np.testing.assert_allclose(softmax(average, axis=1), np.mean(one_by_one, axis=0))
    np.testing.assert_allclose(np.exp(average).sum(axis=1), 1)


@pytest.mark.parametrize("multiclass", [False, True])
def test_one_member_and_equal_members_are_their_own_average(members, multiclass):
    alone = members[:, :1]
    expected = alone.log_softmax(2)[:, 0] if multiclass else alone[:, 0]
    for several in (alone, alone.expand(-1, 4, -1)):
        average = average_members(several, multiclass=multiclass)
        torch.testing.assert_close(average, expected)


def test_average_of_certain_members_is_finite_and_exact():
    certain = torch.tensor([[[60.0, -60.0, 300.0]], [[58.0, -58.0, 290.0]]])
    average = average_members(certain.transpose(0, 1))
    # The odds of the mean are the mean of what is left of certainty.
    rest = np.log(np.mean(np.exp([-60.0, -58.0])))
    np.testing.assert_allclose(average[0, :2], [-rest, rest], rtol=1e-6)
    assert average[0, 2] == pytest.approx(290 + np.log(2), rel=1e-6)


def test_average_has_at_least_single_precision(members):
    assert average_members(members).dtype == torch.float64
    assert average_members(members.bfloat16()).dtype == torch.float32
    assert average_members(members.bfloat16(), multiclass=True).dtype == torch.float32


def random_targets(*, known):
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 2, (N, L), generator=generator)
    known = torch.rand(N, L, generator=generator) < 0.6 if known else None
    return Targets(labels, known, torch.rand(N, generator=generator).double())


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "label_loss",
    [
        LabelLoss(),
        LabelLoss(AsymmetricLoss()),
        LabelLoss(label_weight=torch.arange(1.0, L + 1)),
        LabelLoss(multiclass=True),
    ],
    ids=["bce", "asymmetric", "label_weight", "multiclass"],
)
def test_loss_is_the_mean_of_the_losses_of_the_members(members, label_loss, known):
    targets = random_targets(known=known)
    loss = MembersLoss(label_loss)(HeadOutput(members.mean(1), members), targets)
    one_by_one = [label_loss(members[:, k], targets) for k in range(K)]
    torch.testing.assert_close(loss, sum(one_by_one) / K)


def test_loss_of_the_average_is_that_of_its_logits(members):
    targets, average = random_targets(known=False), average_members(members)
    torch.testing.assert_close(
        MembersLoss(LabelLoss())(average, targets), LabelLoss()(average, targets)
    )
