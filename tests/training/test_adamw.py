"""AdamW of few calls makes the steps of PyTorch's, to the last digit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skmlc import EmbMLPClassifier
from skmlc.training.adamw import AdamW

SHAPES = [(3, 4), (4,), (5, 2, 2), ()]
GROUPS = [slice(0, 3), slice(3, 4)]


def both(**settings):
    """Return parameters and optimizer of PyTorch and of ours, from the same start."""
    settings = {"lr": 0.1, "weight_decay": 0.3, "fused": True, **settings}
    pairs = []
    for class_ in (torch.optim.AdamW, AdamW):
        torch.manual_seed(0)
        parameters = [nn.Parameter(torch.randn(shape)) for shape in SHAPES]
        groups = [{"params": parameters[s], "eps": 0.5**i} for i, s in enumerate(GROUPS)]
        pairs.append((parameters, class_(groups, **settings)))
    return pairs


def step(pairs, number, without=()):
    """Make a step of each optimizer, with the same gradients but for some parameters."""
    for parameters, optimizer in pairs:
        torch.manual_seed(100 + number)
        gradients = [torch.randn(shape) for shape in SHAPES]
        optimizer.zero_grad()
        for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            if i not in without:
                parameter.grad = gradient
        optimizer.step()


def assert_same(pairs):
    (theirs, reference), (ours, optimizer) = pairs
    assert all(torch.equal(a, b) for a, b in zip(theirs, ours, strict=True))
    expected, state = reference.state_dict(), optimizer.state_dict()
    assert state["param_groups"] == expected["param_groups"]
    assert state["state"].keys() == expected["state"].keys()
    for number, values in expected["state"].items():
        assert state["state"][number].keys() == values.keys()
        for name, value in values.items():
            assert torch.equal(state["state"][number][name], value)


@pytest.mark.parametrize(
    "settings",
    [{}, {"amsgrad": True}, {"maximize": True}, {"fused": None}, {"betas": (0.5, 0.7)}],
    ids=str,
)
def test_steps_are_those_of_torch(settings):
    pairs = both(**settings)
    for number in range(5):
        for _, optimizer in pairs:  # as a schedule does
            optimizer.param_groups[0]["lr"] = 0.1 / (1 + number)
        step(pairs, number)
    assert_same(pairs)


def test_a_parameter_without_a_gradient_stays_and_counts_no_step():
    pairs = both()
    for number, without in enumerate([(1,), (1,), (), (), (0, 3), (), (0, 1, 2, 3), ()]):
        step(pairs, number, without)
        assert_same(pairs)
    counts = [pairs[1][1].state[p]["step"].item() for p in pairs[1][0]]
    assert counts == [6, 5, 7, 6]


@pytest.mark.parametrize("way", ["load", "copy", "pickle"])
def test_steps_go_on_from_a_state(way):
    pairs = both()
    for number in range(3):
        step(pairs, number)
    states = [copy.deepcopy(optimizer.state_dict()) for _, optimizer in pairs]
    before = [[p.detach().clone() for p in parameters] for parameters, _ in pairs]
    for number in range(3, 6):
        step(pairs, number)
    if way != "load":
        again = copy.deepcopy if way == "copy" else lambda x: pickle.loads(pickle.dumps(x))
        pairs = [again(pair) for pair in pairs]
    for (parameters, optimizer), state, values in zip(pairs, states, before, strict=True):
        optimizer.load_state_dict(state)
        for parameter, value in zip(parameters, values, strict=True):
            parameter.data.copy_(value)
    for number in range(6, 9):
        step(pairs, number)
    assert_same(pairs)


def test_a_closure_is_called_with_gradients_and_its_loss_returned():
    weight = nn.Parameter(torch.ones(2))
    optimizer = AdamW([weight], lr=0.1, fused=True)

    def closure():
        optimizer.zero_grad()
        loss = weight.square().sum()
        loss.backward()
        return loss

    assert [optimizer.step(closure).item() for _ in range(2)] == pytest.approx(
        [2, 1.62], 0.01
    )


def test_networks_are_trained_as_by_torch():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 4)), rng.integers(0, 2, (40, 3))
    small = {"hidden_size": 8, "max_epochs": 4, "batch_size": 8, "random_state": 0}
    ours = EmbMLPClassifier(**small, precision="float64").fit(X, Y)
    assert type(ours.net_.optimizer_) is AdamW
    params = {"optimizer": torch.optim.AdamW}
    theirs = EmbMLPClassifier(**small, precision="float64", net_params=params).fit(X, Y)
    assert type(theirs.net_.optimizer_) is torch.optim.AdamW
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq", "step", "all"])
@pytest.mark.parametrize("which", [0, 2])
def test_state_that_was_replaced_counts(name, which):
    pairs = both()
    for number in range(3):
        step(pairs, number)
    for parameters, optimizer in pairs:
        state = optimizer.state[parameters[which]]
        if name == "all":
            del optimizer.state[parameters[which]]
        else:
            state[name] = torch.zeros_like(state[name])
    for number in range(3, 6):
        step(pairs, number)
    assert_same(pairs)


@pytest.mark.parametrize("name", ["maximize", "fused"])
def test_settings_that_change_between_steps_count(name):
    pairs = both()
    for number in range(6):
        for _, optimizer in pairs:
            optimizer.param_groups[1][name] = (number in (2, 3)) == (name == "maximize")
        step(pairs, number)
    assert_same(pairs)


def test_a_scaler_of_gradients_is_obeyed():
    pairs = both()
    for number in range(4):
        for _, optimizer in pairs:
            optimizer.grad_scale = torch.tensor(4.0)
            optimizer.found_inf = torch.tensor(float(number == 2))
        step(pairs, number)
    assert_same(pairs)


def test_hooks_run_once_in_each_step_with_all_groups():
    torch.optim.AdamW([nn.Parameter(torch.ones(1))])  # which has its class hooked
    (_, (parameters, optimizer)) = both()
    calls = []
    optimizer.register_step_pre_hook(lambda o, *_: calls.append(len(o.param_groups)))
    for number in range(3):
        step([(parameters, optimizer)], number, without=[0] if number == 1 else ())
    assert calls == [len(GROUPS)] * 3
