"""Gradient accumulation: a batch in parts gives what the whole gives, in all that follows."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skmlc import (
    EmbMLPClassifier,
    GlobalPoolClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    Seq2SeqClassifier,
)
from skmlc.base import building
from skmlc.inputs import Bags, ImageEncoder, Sequences
from skmlc.training.batches import BatchDataset, parts_of
from skmlc.training.row_optimizer import RowwiseAdamW

N = 21  # the last batch is of one, which is one part
rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (N, 4))
TABLE = rng.normal(size=(N, 6))
WORDS = Sequences([rng.integers(0, 9, n) for n in rng.integers(1, 7, N)], n_tokens=9)
BAGS = Bags([rng.normal(size=(n, 5)) for n in rng.integers(1, 7, N)])
IMAGES = rng.integers(0, 256, (N, 3, 8, 8), dtype=np.uint8)
OPTIONS = {
    "max_epochs": 3, "batch_size": 10, "precision": "float64", "random_state": 0,
}  # fmt: skip
FLAT = {**OPTIONS, "dropout": 0.0}


def weights(model):
    return torch.cat([w.detach().flatten() for w in model.module_.parameters()])


def conv():
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 6, 3, stride=2)


CASES = {
    "table": (EmbMLPClassifier, TABLE, FLAT),
    "weighted": (EmbMLPClassifier, TABLE, {**FLAT, "loss": "asymmetric"}),
    "sparse rows": (EmbMLPClassifier, WORDS, {**FLAT, "linear_skip": True}),
    "bags": (LaMPClassifier, BAGS, {**FLAT, "hidden_size": 8, "n_heads": 2}),
    "words": (Seq2SeqClassifier, WORDS, {**FLAT, "hidden_size": 8}),
    "images": (MLGCNClassifier, IMAGES, {**OPTIONS, "encoder": ImageEncoder(conv())}),
    "frozen": (
        GlobalPoolClassifier,
        IMAGES,
        {**OPTIONS, "encoder": ImageEncoder("tiny", freeze="all")},
    ),
    "averaged": (EmbMLPClassifier, TABLE, {**FLAT, "ema_decay": 0.9, "learning_rate": 0.1}),
}


@pytest.mark.parametrize("n_parts", [3, 50])
@pytest.mark.parametrize("name", CASES)
def test_a_batch_in_parts_learns_what_the_whole_learns(name, n_parts):
    kind, X, options = CASES[name]
    weight = np.linspace(0.5, 1.5, N) if name == "weighted" else None
    whole = kind(**options).fit(X, Y, sample_weight=weight)
    parts = kind(**options, batch_parts=n_parts).fit(X, Y, sample_weight=weight)
    before = kind(**{**options, "learning_rate": 1e-12}).fit(X, Y)
    assert (weights(whole) - weights(before)).abs().max() > 1e-3
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=1e-8)
    for column in ("train_loss", "train_batch_count"):
        np.testing.assert_allclose(
            parts.history_[:, column], whole.history_[:, column], rtol=1e-9
        )
    sizes = [batch["train_batch_size"] for batch in parts.history_[-1, "batches"]]
    assert sizes == [10, 10, 1]
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), atol=1e-7)


def test_parts_with_unknown_labels_weigh_as_in_the_whole():
    unknown = np.where(np.random.default_rng(1).random(Y.shape) < 0.4, np.nan, Y)
    given = (TABLE, unknown, np.linspace(0, 5, N))
    options = {**FLAT, "allow_missing_labels": True}
    whole = EmbMLPClassifier(**options).fit(*given)
    parts = EmbMLPClassifier(**options, batch_parts=3).fit(*given)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=1e-8)


def test_rows_that_are_updated_when_they_are_read_learn_the_same(monkeypatch):
    monkeypatch.setattr(building, "ROWWISE_WEIGHTS", 0)
    monkeypatch.setattr(building, "ROWWISE_FEATURES", 0)
    options = {**FLAT, "linear_skip": True, "max_epochs": 6}
    whole, parts = (
        EmbMLPClassifier(**options, batch_parts=n).fit(WORDS, Y) for n in (1, 3)
    )
    assert isinstance(parts.net_.optimizer_, RowwiseAdamW)
    torch.testing.assert_close(weights(parts), weights(whole), rtol=0, atol=1e-8)


def test_parts_are_as_equal_as_can_be_and_hold_each_sample_once():
    data = BatchDataset(TABLE, Y, np.ones(N), n_parts=3, dtype=np.float64)
    rows = np.array([4, 1, 7, 3, 9, 0, 2])
    parts = parts_of(data.__getitems__(rows))
    assert [len(nodes) for nodes, _ in parts] == [3, 2, 2]
    values = torch.cat([nodes.values for nodes, _ in parts]).numpy()
    np.testing.assert_array_equal(values, TABLE[rows])
    assert len(parts_of(data.__getitems__(rows[:2]))) == 2
    assert len(data[5]) == 1


class Sizes(Callback):
    """Note how many samples go through the network at a time."""

    def initialize(self):
        self.sizes_, self.steps_ = [], 0
        return self

    def on_train_begin(self, net, **kwargs):
        net.module_.register_forward_pre_hook(
            lambda module, inputs: (
                self.sizes_.append(len(inputs[0])) if module.training else 0
            )
        )

    def on_grad_computed(self, net, **kwargs):
        self.steps_ += 1


def test_parts_go_through_the_network_one_by_one_and_steps_stay():
    options = {**FLAT, "max_epochs": 1, "callbacks": [("sizes", Sizes())]}
    model = EmbMLPClassifier(**options, batch_parts=4).fit(TABLE, Y)
    callback = dict(model.net_.callbacks_)["sizes"]
    assert callback.sizes_ == [3, 3, 2, 2, 3, 3, 2, 2, 1]
    assert callback.steps_ == 3


def test_dropout_hidden_labels_and_held_out_samples_go_with_parts():
    model = LaMPClassifier(
        hidden_size=8, n_heads=2, max_epochs=2, batch_size=8, batch_parts=3, dropout=0.3,
        label_masking=True, early_stopping="mAP", threshold="tuned",
        validation_fraction=0.3, random_state=0,
    )  # fmt: skip
    first, second = (model.fit(BAGS, Y).predict_proba(BAGS) for _ in "ab")
    np.testing.assert_array_equal(first, second)


def test_what_was_cut_off_ends_the_same(tmp_path):
    class Stop(Callback):
        n = 0

        def on_batch_end(self, net, training=False, **kwargs):
            self.n += training
            if self.n == 5:
                raise RuntimeError("cut off")

    options = {**OPTIONS, "batch_parts": 3, "dropout": 0.3}
    expected = EmbMLPClassifier(**options).fit(TABLE, Y)
    options |= {"checkpoint": tmp_path}
    with pytest.raises(RuntimeError, match="cut off"):
        EmbMLPClassifier(**options, callbacks=[Stop()]).fit(TABLE, Y)
    again = EmbMLPClassifier(**options).fit(TABLE, Y)
    assert torch.equal(weights(again), weights(expected))


@pytest.mark.parametrize("n_parts", [0, 1.5, None])
def test_other_numbers_of_parts_are_refused(n_parts):
    with pytest.raises(ValueError, match="'batch_parts' parameter of EmbMLPClassifier"):
        EmbMLPClassifier(batch_parts=n_parts).fit(TABLE, Y)
