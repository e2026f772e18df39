"""Rows that are updated when they are read end where all would be after each step."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import sparse
from skorch.callbacks import Callback, GradientNormClipping
from torch.optim.lr_scheduler import LambdaLR

import skmlc
from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc.base import building
from skmlc.inputs import Sequences
from skmlc.nn.network import LinearSkip
from skmlc.training import row_optimizer
from skmlc.training.batches import read_batch
from skmlc.training.linear_skip import skip_group
from skmlc.training.row_optimizer import RowwiseAdamW
from tests.training.test_checkpoint import Cut

F, L, STEPS = 40, 3, 50
# Gradients so small that to AdamW with eps=1 they are exactly gradient descent with momentum.
TINY = 1e-10


def gradients(seed=0):
    """Return, for each step, the rows of its gradient and their values."""
    rng = np.random.default_rng(seed)
    rows = [np.sort(rng.choice(F, 4, replace=False)) for _ in range(STEPS)]
    return [(r, torch.from_numpy(rng.normal(size=(4, L)))) for r in rows]


def optimizers():
    """Return a dense and a rowwise optimizer of the same weights, each with a schedule."""
    start = torch.randn(F, L, dtype=torch.float64, generator=torch.manual_seed(0))
    dense, rowwise = (torch.nn.Parameter(start.clone()) for _ in range(2))
    settings = {"lr": 0.1 / TINY, "weight_decay": 0.3 * TINY}
    both = (
        torch.optim.AdamW([{"params": [dense], "eps": 1.0}], **settings),
        RowwiseAdamW([{"params": [rowwise], "rowwise": True}], **settings),
    )
    schedules = [LambdaLR(o, lambda step: 1 - 0.5 * step / STEPS) for o in both]
    return dense, rowwise, both, schedules


def take_step(weight, optimizer, schedule, rows, values):
    """Make a step with a gradient that is zero but for some rows."""
    if isinstance(optimizer, RowwiseAdamW):
        optimizer.refresh(torch.from_numpy(rows))
        gradient = torch.sparse_coo_tensor(
            rows[None], values * TINY, weight.shape, check_invariants=True
        )
    else:
        gradient = torch.zeros_like(weight)
        gradient[rows] = values * TINY
    weight.grad = gradient
    optimizer.step()
    schedule.step()


@pytest.mark.parametrize("window", [7, 1000])
def test_fifty_steps_end_as_those_of_all_rows(window, monkeypatch):
    monkeypatch.setattr(row_optimizer, "WINDOW", window)
    monkeypatch.setattr(row_optimizer, "ELEMENTS_AT_ONCE", 5 * L)
    dense, rowwise, both, schedules = optimizers()
    for rows, values in gradients():
        both[1].refresh(torch.from_numpy(rows))
        assert_allclose(rowwise.detach()[rows], dense.detach()[rows], rtol=1e-7)
        for weight, optimizer, schedule in zip(
            (dense, rowwise), both, schedules, strict=True
        ):
            take_step(weight, optimizer, schedule, rows, values)
    both[1].flush()
    assert_allclose(rowwise.detach(), dense.detach(), rtol=1e-7)
    momentum = both[1].state[rowwise]["momentum"] / TINY
    assert_allclose(momentum, both[0].state[dense]["exp_avg"] / TINY, rtol=1e-7, atol=1e-12)


def test_a_state_that_is_loaded_goes_on_the_same_to_the_last_bit():
    _, whole, (_, first), (_, schedule) = optimizers()
    _, resumed, (_, second), (_, other) = optimizers()
    for i, (rows, values) in enumerate(gradients()):
        if i == 20:
            resumed.data.copy_(whole.data)
            second.load_state_dict(first.state_dict())
            other.load_state_dict(schedule.state_dict())
            second.state[resumed]["momentum"] = second.state[resumed]["momentum"].clone()
            second.state[resumed]["since"] = second.state[resumed]["since"].clone()
        take_step(whole, first, schedule, rows, values)
        if i >= 20:
            take_step(resumed, second, other, rows, values)
    first.flush()
    second.flush()
    assert torch.equal(whole, resumed)


@pytest.mark.parametrize("kind", ["sparse", "sequences"])
def test_the_sparse_gradient_of_the_linear_skip_is_its_gradient(kind):
    X = sparse.random_array((12, F), density=0.1, random_state=0, format="csr")
    if kind == "sequences":
        rng = np.random.default_rng(0)
        X = Sequences([rng.integers(0, 9, n) for n in [3, 0, 1, 7, 2, 2]], n_tokens=F)
    lengths = np.diff(X.indptr) if kind == "sparse" else X.lengths
    batch = read_batch(X, np.argsort(lengths, kind="stable"), np.float64)
    grads = []
    for sparse_gradient in (False, True):
        skip = LinearSkip(F, L, kind, sparse_gradient=sparse_gradient).double()
        skip(batch).sub(torch.arange(L)).square().sum().backward()
        grads.append(skip.weight.grad)
    assert grads[1].is_sparse
    assert len(grads[1]._indices()[0]) == len(grads[1]._indices()[0].unique()) < F
    assert_allclose(grads[1].to_dense(), grads[0], rtol=1e-12, atol=1e-15)


# Estimators -----------------------------------------------------------------------------------


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = sparse.random_array(
        (80, F), density=0.05, random_state=rng, format="csr", dtype=np.float32
    )
    return X, (X @ rng.normal(size=(F, L)) > rng.normal(size=(80, L)) / 4).astype(int)


def settings_of_far_larger_eps(*args, **kwargs):
    """Return the settings with which AdamW is gradient descent whatever the gradients."""
    settings = skip_group(*args, **kwargs)
    return {
        "lr": settings["lr"] * 1e6,
        "weight_decay": settings["weight_decay"] / 1e6,
        "eps": settings["eps"] * 1e6,
    }


def fit(data, *, rowwise, monkeypatch, Method=EmbMLPClassifier, **params):
    monkeypatch.setattr(building, "ROWWISE_WEIGHTS", 0 if rowwise else np.inf)
    monkeypatch.setattr(building, "ROWWISE_FEATURES", 0)
    if not rowwise:
        monkeypatch.setattr(building, "skip_group", settings_of_far_larger_eps)
    params = {"hidden_size": 8, "max_epochs": 4, "batch_size": 16, **params}
    return Method(random_state=0, **params).fit(*data)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lr_schedule": "cosine", "max_grad_norm": 0.05},
        {"early_stopping": "ebF1", "patience": 1},
        {"ema_decay": 0.8, "early_stopping": "loss"},
        {"Method": LaMPClassifier, "threshold": "tuned"},
        {"precision": "bfloat16"},
    ],
)
def test_a_classifier_learns_the_same(params, data, monkeypatch):
    both = [fit(data, rowwise=r, monkeypatch=monkeypatch, **params) for r in (True, False)]
    used = [isinstance(model.net_.optimizer_, RowwiseAdamW) for model in both]
    assert used == [True, False]
    probabilities = [model.predict_proba(data[0]) for model in both]
    assert np.abs(probabilities[0] - 0.5).max() > 0.05
    tolerance = 1e-2 if "precision" in params else 1e-4
    assert_allclose(*probabilities, rtol=tolerance)
    losses = [model.history_[:, "train_loss"] for model in both]
    assert_allclose(*losses, rtol=tolerance)


class StopAt(Callback):
    """Raise an error after some steps."""

    def __init__(self, n_steps, error):
        self.n_steps, self.error = n_steps, error

    def on_train_begin(self, net, **kwargs):
        self.done = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.done += 1
        if self.done == self.n_steps:
            raise self.error


def test_all_rows_are_up_to_date_after_an_interrupt(data, monkeypatch):
    stop = StopAt(8, KeyboardInterrupt())
    model = fit(data, rowwise=True, monkeypatch=monkeypatch, callbacks=[stop])
    (weight,) = (w for _, w in model.net_.optimizer_._rowwise())
    assert model.net_.optimizer_.state[weight]["step"] == 8
    assert not model.net_.optimizer_._is_behind(weight)


def test_predictions_within_an_epoch_read_no_old_rows(data, monkeypatch):
    class Predict(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            weight = net.module_.skip.weight
            assert net.optimizer_._is_behind(weight)
            classifier = net._scored[0]
            classifier.predict_proba(data[0]) if self.maps else classifier.transform(
                data[0]
            )
            assert not net.optimizer_._is_behind(weight)

    for maps in (False, True):
        callback = Predict()
        callback.maps = maps
        fit(data, rowwise=True, monkeypatch=monkeypatch, callbacks=[callback], max_epochs=1)


def test_a_fit_goes_on_within_an_epoch(data, monkeypatch, tmp_path):
    options = {"rowwise": True, "monkeypatch": monkeypatch, "checkpoint_minutes": 0}
    whole = fit(
        data, **options, checkpoint=tmp_path / "whole", callbacks=[StopAt(99, Cut())]
    )
    for n_steps in (3, 4):
        cut = [StopAt(n_steps, Cut())]
        with pytest.raises(Cut):
            fit(data, **options, checkpoint=tmp_path / "cut", callbacks=cut)
    model = fit(data, **options, checkpoint=tmp_path / "cut", callbacks=[StopAt(99, Cut())])
    assert np.array_equal(model.predict_proba(data[0]), whole.predict_proba(data[0]))


def test_a_saved_and_a_pickled_optimizer_go_on(data, monkeypatch, tmp_path):
    model = fit(data, rowwise=True, monkeypatch=monkeypatch)
    skmlc.save(model, tmp_path / "model", include_optimizer=True)
    loaded = skmlc.load(tmp_path / "model")
    assert isinstance(loaded.net_.optimizer_, RowwiseAdamW)
    unpickled = pickle.loads(pickle.dumps(model))
    expected = model.partial_fit(*data).predict_proba(data[0])
    for other in (loaded, unpickled):
        assert np.array_equal(other.partial_fit(*data).predict_proba(data[0]), expected)


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "sgd"},
        {"optimizer": torch.optim.AdamW},
        {"net_params": {"optimizer__betas": (0.8, 0.99)}},
        {"callbacks": [GradientNormClipping(1.0)]},
    ],
)
def test_users_own_optimizers_and_callbacks_get_dense_gradients(params, data, monkeypatch):
    model = fit(data, rowwise=True, monkeypatch=monkeypatch, max_epochs=1, **params)
    assert not isinstance(model.net_.optimizer_, RowwiseAdamW)


def test_a_wide_skip_is_updated_row_by_row_and_a_narrow_one_is_not():
    X = sparse.random_array((20, 200_000), density=5e-5, random_state=0, format="csr")
    Y = np.random.default_rng(0).integers(0, 2, (20, 12))
    model = EmbMLPClassifier(hidden_size=2, max_epochs=1, random_state=0)
    assert isinstance(model.fit(X, Y).net_.optimizer_, RowwiseAdamW)
    assert not isinstance(model.fit(X[:, :2000], Y).net_.optimizer_, RowwiseAdamW)


def test_hooks_run_once_in_each_step_with_all_groups():
    weight, bias = (torch.nn.Parameter(torch.ones(3, 1)) for _ in range(2))
    groups = [{"params": [weight], "rowwise": True}, {"params": [bias]}]
    optimizer = RowwiseAdamW(groups, fused=True)
    calls = []
    optimizer.register_step_pre_hook(lambda o, *_: calls.append(len(o.param_groups)))
    for _ in range(3):
        weight.grad = torch.ones(3, 1).to_sparse(1)
        bias.grad = torch.ones(3, 1)
        optimizer.step()
    assert calls == [2, 2, 2]
