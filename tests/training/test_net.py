"""What the net does at each call."""

import pytest
import torch
from sklearn.datasets import make_multilabel_classification

from skmlc import EmbMLPClassifier
from skmlc.training.net import random_seed


@pytest.mark.parametrize("accelerator", [False, True])
def test_a_seed_is_that_of_pytorch_and_the_random_state_stays(accelerator, monkeypatch):
    torch.manual_seed(7)
    expected = torch.rand(3)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: accelerator)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with random_seed(7):
        assert torch.equal(torch.rand(3), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_part_predicts_in_its_mode_and_trains_in_its_mode():
    X, Y = make_multilabel_classification(40, 6, n_classes=3, random_state=0)
    options = {"hidden_size": 8, "dropout": 0.5, "max_epochs": 1, "random_state": 0}
    model = EmbMLPClassifier(**options).fit(X, Y)
    expected = model.predict_proba(X)
    model.module_.head.train()
    assert (model.predict_proba(X) == expected).all()
    assert not any(part.training for part in model.module_.modules())
    seen, train_step = [], model.net_.train_step_single

    def step(batch, **params):
        result = train_step(batch, **params)
        seen.append(all(part.training for part in model.module_.modules()))
        return result

    model.net_.train_step_single = step
    model.partial_fit(X, Y)
    assert seen == [True] * len(seen) != []
