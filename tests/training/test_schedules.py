"""Learning rates over the steps: as the formula says, in one stage or two, for each part."""

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skmlc import EmbMLPClassifier, GlobalPoolClassifier
from skmlc.inputs import ImageEncoder
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.training.schedules import WarmupCosine

N, BATCH = 10, 2  # 5 steps an epoch


class Rates(Callback):
    """Keep the rates of the steps: of the head, and of the backbone."""

    def initialize(self):
        self.rates_ = []
        return self

    def on_grad_computed(self, net, named_parameters, **kwargs):
        names = {id(p): name for name, p in net.module_.named_parameters()}
        found = {}
        for group in net.optimizer_.param_groups:
            part = {"backbone" in names[id(p)] for p in group["params"]}
            found |= dict.fromkeys(part, group["lr"])
        self.rates_.append((found[False], found[True]))


def rates(schedule, max_epochs=6, frozen_epochs=2, **parameters):
    rng = np.random.default_rng(0)
    X, Y = rng.random((N, 3, 8, 8), np.float32), rng.integers(0, 2, (N, 3))
    encoder = ImageEncoder(
        ResNet((1,), width=4, small_stem=True), frozen_epochs=frozen_epochs,
        learning_rate_factor=0.25,
    )  # fmt: skip
    model = GlobalPoolClassifier(
        encoder=encoder, max_epochs=max_epochs, batch_size=BATCH, learning_rate=0.1,
        lr_schedule=schedule, callbacks=[("rates", Rates())], random_state=0, **parameters,
    ).fit(X, Y)  # fmt: skip
    return np.array(dict(model.net_.callbacks_)["rates"].rates_).T


def by_hand(n_steps):
    """Return a tenth of the steps up to 1, then half a cosine to zero."""
    n_up = max(1, n_steps // 10)
    up = [(i + 1) / n_up for i in range(n_up)]
    n_down = n_steps - n_up
    return up + [(1 + math.cos(math.pi * i / n_down)) / 2 for i in range(n_down)]


@pytest.mark.parametrize(
    ("schedule", "stages"), [("cosine", [30]), ("cosine_restart", [10, 20])]
)
def test_a_cosine_is_of_one_stage_or_begins_again_with_the_backbone(schedule, stages):
    expected = np.concatenate([by_hand(n) for n in stages])
    head, backbone = rates(schedule)
    np.testing.assert_allclose(head, 0.1 * expected)
    np.testing.assert_allclose(backbone, 0.25 * head)


@pytest.mark.parametrize("frozen_epochs", [0, 6, 9])
def test_without_a_second_stage_it_is_one_cosine(frozen_epochs):
    head, _ = rates("cosine_restart", frozen_epochs=frozen_epochs)
    np.testing.assert_allclose(head, 0.1 * np.array(by_hand(30)))


def test_a_warm_start_counts_the_epochs_that_were_frozen():
    rng = np.random.default_rng(0)
    X, Y = rng.random((N, 3, 8, 8), np.float32), rng.integers(0, 2, (N, 3))
    encoder = ImageEncoder(ResNet((1,), width=4, small_stem=True), frozen_epochs=3)
    model = GlobalPoolClassifier(
        encoder=encoder, max_epochs=2, batch_size=BATCH, learning_rate=0.1,
        lr_schedule="cosine_restart", callbacks=[("rates", Rates())], warm_start=True,
    ).fit(X, Y).fit(X, Y)  # fmt: skip
    head = np.array(dict(model.net_.callbacks_)["rates"].rates_)[:, 0]
    expected = [by_hand(n) for n in (10, 5, 5)]
    np.testing.assert_allclose(head, 0.1 * np.concatenate(expected))


def test_after_each_of_some_epochs_a_tenth_is_left():
    head, backbone = rates((1, 4), frozen_epochs=0)
    expected = np.repeat([0.1, 0.01, 0.001], [5, 15, 10])
    np.testing.assert_allclose(head, expected)
    np.testing.assert_allclose(backbone, 0.25 * expected)


@pytest.mark.parametrize("schedule", [(), [0, 2], (3, 2), (2, 2), (1.5,), ["1"]])
def test_other_lists_of_epochs_are_refused(schedule):
    with pytest.raises(ValueError, match="lr_schedule must hold the epochs"):
        rates(schedule)


def test_a_factor_is_never_above_one_nor_below_zero_beyond_the_end():
    for factor in (WarmupCosine(7), WarmupCosine(12, 12), WarmupCosine(12, 5)):
        found = [factor(step) for step in range(20)]
        assert min(found) >= 0
        assert max(found) <= 1


def test_schedules_of_any_form_take_tables():
    X, Y = np.eye(8), np.eye(8, 3, dtype=int)
    for schedule in ([2], "cosine_restart"):
        model = EmbMLPClassifier(max_epochs=3, lr_schedule=schedule).fit(X, Y)
        assert torch.isfinite(torch.from_numpy(model.predict_proba(X))).all()
