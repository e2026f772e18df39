"""A network computes on as many threads as its work is worth, and leaves their number alone."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

import skmlc
from skmlc import EmbMLPClassifier, LaMPClassifier
from skmlc.inputs import Bags
from skmlc.training import net as net_module
from skmlc.training import threads
from skmlc.training.batches import BatchDataset
from skmlc.training.threads import count_operations
from tests.method_names import METHOD_NAMES

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)), np.add.outer(np.arange(20), np.arange(4)) % 2
BAGS = Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 4, 20)])
NETWORKS = [name for name in METHOD_NAMES if hasattr(getattr(skmlc, name), "partial_fit")]
OPTIONS = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


@pytest.fixture(autouse=True)
def _three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    assert torch.get_num_threads() == 3
    torch.set_num_threads(before)


class Seen(Callback):
    """Notes the number of threads in each step, and may end it."""

    def __init__(self, error=None):
        self.error, self.numbers = error, []

    def __deepcopy__(self, memo):
        return self

    def on_batch_end(self, net, training=False, **kwargs):
        self.numbers.append(torch.get_num_threads())
        if self.error is not None:
            raise self.error


def threads_of_answers(model, X):
    """Return the numbers of threads on which the network is called to answer."""
    seen = []
    hook = model.module_.encoder.register_forward_hook(
        lambda *_: seen.append(torch.get_num_threads())
    )
    for name in ("predict", "predict_proba", "decision_function", "transform"):
        getattr(model, name)(X)
    hook.remove()
    return {*seen}


def trained(**options):
    seen = Seen()
    model = EmbMLPClassifier(**OPTIONS, callbacks=[seen], **options).fit(X, Y)
    return model, {*seen.numbers}


def test_small_work_takes_one_thread_and_large_work_those_of_the_user(monkeypatch):
    model, numbers = trained()
    assert (numbers, threads_of_answers(model, X)) == ({1}, {1})
    model.partial_fit(X, Y)
    assert {*model.callbacks[0].numbers} == {1}
    monkeypatch.setattr(threads, "OPERATIONS_PER_THREAD", 1)
    model, numbers = trained()
    assert (numbers, threads_of_answers(model, X)) == ({3}, {3})


def test_work_between_takes_a_share_of_the_threads(monkeypatch):
    model, _ = trained()
    monkeypatch.setattr(threads, "OPERATIONS_PER_THREAD", model.net_.operations * 20 / 2)
    assert threads_of_answers(model, X) == {2}
    assert threads_of_answers(model, X[:1]) == {1}


def test_updates_of_many_weights_are_work(monkeypatch):
    monkeypatch.setattr(net_module, "OPERATIONS_PER_WEIGHT", 1e9)
    model, numbers = trained()
    assert (numbers, threads_of_answers(model, X)) == ({3}, {1})


@pytest.mark.parametrize("name, value", [("compile", True), ("device", "meta")])
def test_the_number_stays_where_the_work_is_not_counted(name, value, monkeypatch):
    model, _ = trained()
    model.net_.operations = None
    monkeypatch.setattr(model.net_, name, value)
    monkeypatch.setattr(model.net_, "module_", None)  # not called
    model.net_.count_operations(None)
    with model.net_.suitable_threads(1):
        assert torch.get_num_threads() == 3


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_number_is_restored_whatever_ends_training(error):
    model = EmbMLPClassifier(**OPTIONS, callbacks=[Seen(error)])
    if error is KeyboardInterrupt:  # which ends training early, and not the fit
        model.fit(X, Y)
    else:
        with pytest.raises(error):
            model.fit(X, Y)
    assert model.callbacks[0].numbers == [1]


def test_one_thread_stays_one(monkeypatch):
    monkeypatch.setattr(threads, "OPERATIONS_PER_THREAD", 1)
    torch.set_num_threads(1)
    _, numbers = trained()
    assert numbers == {1}
    torch.set_num_threads(3)


@pytest.mark.parametrize("name", NETWORKS)
def test_work_is_counted_and_kept(name, tmp_path):
    model = getattr(skmlc, name)(**OPTIONS).fit(BAGS, Y)
    assert model.net_.operations > 0
    skmlc.save(model, tmp_path / "model")
    assert skmlc.load(tmp_path / "model").net_.operations == model.net_.operations


def test_operations_are_those_of_products_and_attention():
    module = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))
    assert count_operations(module, torch.zeros(3, 5)) == 2 * 3 * (5 * 7 + 7 * 2) / 2

    class Attention(nn.Module):
        def forward(self, x):
            return scaled_dot_product_attention(x, x, x)

    # Of two heads, how each of six nodes of size 4 matters to each, and their sums.
    assert count_operations(Attention(), torch.zeros(1, 2, 6, 4)) == 2 * 2 * 2 * 6 * 6 * 4


def test_counting_changes_neither_the_random_state_nor_the_module():
    model = LaMPClassifier(**OPTIONS).fit(X, Y)
    model.module_.zero_grad()
    weights = {n: w.clone() for n, w in model.module_.state_dict().items()}
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    model.net_.count_operations(BatchDataset(X))
    assert torch.rand(1) == expected
    assert all(torch.equal(w, weights[n]) for n, w in model.module_.state_dict().items())
    assert all(parameter.grad is None for parameter in model.module_.parameters())
