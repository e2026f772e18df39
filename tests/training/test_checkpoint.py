"""A fit that was cut off goes on from its checkpoint, and ends as one that was not."""

import contextlib
import errno
import os

import numpy as np
import pytest
import torch
from scipy.stats import beta
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, Freezer, LRScheduler

import skmlc
from skmlc import (
    EmbMLPClassifier,
    FLEMClassifier,
    GLEMIMLClassifier,
    GlobalPoolClassifier,
    LaMPClassifier,
    Seq2SeqClassifier,
)
from skmlc.inputs import Bags, ImageEncoder, Images
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.training import checkpoint as checkpoint_module
from skmlc.training.net import Net
from tests.method_names import METHOD_NAMES

NETWORKS = [
    Method
    for name in METHOD_NAMES
    if hasattr(Method := getattr(skmlc, name), "partial_fit")
]
SMALL = {"hidden_size": 8, "max_epochs": 4, "batch_size": 16, "random_state": 0}
ALL = {"label_masking": True, "ema_decay": 0.9, "early_stopping": "ebF1", "dropout": 0.3}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(60, 6, n_classes=4, n_labels=2, random_state=0)


@pytest.fixture(scope="module")
def bags():
    rng = np.random.default_rng(0)
    return Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 4, 60)])


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8))


class Cut(BaseException):
    """Stands for the end of the process."""


@contextlib.contextmanager
def cut_at(step):
    """Cut the training off in one of its steps."""
    steps, train_step = [], Net.train_step_single

    def cut_off(net, batch, **params):
        steps.append(batch)
        if len(steps) == step:
            raise Cut
        return train_step(net, batch, **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Net, "train_step_single", cut_off)
        yield steps


def in_pieces(make, X, Y, folder, cuts, **options):
    """Return a model whose fit was cut off, each time so many steps after it went on."""
    for step in cuts:
        with cut_at(step), pytest.raises(Cut):
            make(checkpoint=folder, **options).fit(X, Y)
    return make(checkpoint=folder, **options).fit(X, Y)


def history(model):
    """Return all entries of the history but the seconds."""
    return [
        {name: value for name, value in epoch.items() if name != "dur"}
        for epoch in model.history_
    ]


def assert_same(model, expected):
    weights, others = model.module_.state_dict(), expected.module_.state_dict()
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert history(model) == history(expected)
    np.testing.assert_array_equal(model.threshold_, expected.threshold_)


CASES = {
    "plain": (LaMPClassifier, {}),
    "step": (EmbMLPClassifier, {"lr_schedule": "step", "threshold": "tuned"}),
    "parts": (LaMPClassifier, {**ALL, "batch_parts": 2}),
    "epochs": (EmbMLPClassifier, {"lr_schedule": (1, 3)}),
    "plateau": (EmbMLPClassifier, {"lr_schedule": "plateau", "early_stopping": "loss"}),
    "sgd": (EmbMLPClassifier, {"lr_schedule": None, "optimizer": "sgd"}),
    "adagrad": (EmbMLPClassifier, {"optimizer": torch.optim.Adagrad}),
    "everything": (LaMPClassifier, {**ALL, "threshold": "tuned_per_label"}),
    "masking": (LaMPClassifier, {"label_masking": beta(2, 2), "label_neighbors": True}),
    "stops early": (LaMPClassifier, {**ALL, "patience": 2, "max_epochs": 9}),
    "members": (EmbMLPClassifier, {"n_members": 3, "dropout": 0.5}),
    "double": (EmbMLPClassifier, {"precision": "float64", "optimizer": "adam"}),
    "half": (EmbMLPClassifier, {"precision": "bfloat16"}),
    "sequences": (Seq2SeqClassifier, {"dropout": 0.3}),
    "distributions": (GLEMIMLClassifier, {"dropout": 0.3}),
    "flem": (FLEMClassifier, {"early_stopping": "LRAP"}),
    "workers": (LaMPClassifier, {**ALL, "net_params": {"iterator_train__num_workers": 1}}),
    "callbacks": (
        EmbMLPClassifier,
        {
            "lr_schedule": None,
            "early_stopping": "loss",
            "callbacks": [
                EpochScoring("f1_micro", lower_is_better=False, on_train=True),
                EarlyStopping(patience=3, load_best=True, sink=lambda text: None),
                Freezer("head.*", at=2),
                LRScheduler("CosineAnnealingLR", T_max=4),
            ],
        },
    ),
}


# Four steps an epoch: cut off before anything was written, in the second epoch, in the third.
@pytest.mark.parametrize("minutes", [None, 0], ids=["epochs", "steps"])
@pytest.mark.parametrize("case", CASES)
def test_a_fit_in_pieces_ends_as_a_whole_one(case, minutes, data, tmp_path):
    Method, options = CASES[case]
    whole = Method(**{**SMALL, **options}).fit(*data)

    def make(**more):
        return Method(**{**SMALL, **options}, checkpoint_minutes=minutes, **more)

    cuts = (3, 6, 7, 2) if minutes is None else (3, 2, 8)
    assert_same(in_pieces(make, *data, tmp_path, cuts), whole)
    again = make(checkpoint=tmp_path)
    with cut_at(1) as steps:
        again.fit(*data)
    assert not steps
    assert_same(again, whole)


@pytest.mark.parametrize("Method", NETWORKS)
def test_every_network_goes_on(Method, data, bags, tmp_path):
    X = bags if Method is skmlc.GLEMIMLClassifier else data[0]
    options = {**SMALL, "early_stopping": "loss", "max_epochs": 3}
    whole = Method(**options).fit(X, data[1])

    def make(**more):
        return Method(**options, checkpoint_minutes=0, **more)

    model = in_pieces(make, X, data[1], tmp_path, (3, 4))
    assert_same(model, whole)
    np.testing.assert_array_equal(model.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("minutes", [None, 0], ids=["epochs", "steps"])
def test_a_frozen_backbone_thaws_when_it_should(minutes, images, data, tmp_path):
    backbone = ResNet((1, 1), width=4, small_stem=True, n_channels=1)
    encoder = ImageEncoder(backbone, frozen_epochs=2, augment="crop-flip", min_crop=0.5)
    options = {**SMALL, "encoder": encoder, "checkpoint_minutes": minutes}
    whole = GlobalPoolClassifier(**options).fit(images, data[1])

    def make(**more):
        return GlobalPoolClassifier(**options, **more)

    # The backbone thaws at step 9 of 16, before the second cut.
    assert_same(in_pieces(make, images, data[1], tmp_path, (6, 9)), whole)


def test_a_warm_start_goes_on_too(data, tmp_path):
    def make(**more):
        return LaMPClassifier(**SMALL, warm_start=True, early_stopping="loss", **more)

    whole = make().fit(*data).fit(*data)
    model = make(checkpoint=tmp_path).fit(*data)
    with cut_at(6), pytest.raises(Cut):
        model.fit(*data)
    # What a new process does: the first fit is finished, the second goes on.
    with cut_at(None) as steps:
        model = make(checkpoint=tmp_path).fit(*data).fit(*data)
    assert 0 < len(steps) < 16
    assert_same(model, whole)


def test_what_is_trained_after_a_finished_fit_is_the_same(data, tmp_path):
    whole, first, second = (
        EmbMLPClassifier(**SMALL, checkpoint=path) for path in (None, tmp_path, tmp_path)
    )
    first.fit(*data)
    for model in (whole, second):
        model.fit(*data).partial_fit(*data)
    assert_same(second, whole)


def test_ctrl_c_keeps_the_model_and_the_same_call_goes_on(data, tmp_path):
    class Interrupt(Callback):
        n_left = 6

        def on_batch_end(self, net, training=False, **kwargs):
            Interrupt.n_left -= training
            if Interrupt.n_left == 0:
                raise KeyboardInterrupt

    def make(**more):
        return EmbMLPClassifier(**SMALL, callbacks=[Interrupt()], **more)

    model = make(checkpoint=tmp_path).fit(*data)
    assert model.n_iter_ == 2
    assert np.isfinite(model.predict_proba(data[0])).all()
    model = make(checkpoint=tmp_path).fit(*data)
    assert_same(model, make().fit(*data))


# Files ----------------------------------------------------------------------------------------


def test_fits_that_differ_in_anything_share_a_folder(data, tmp_path):
    X, Y = data
    fits = [
        lambda model: model.fit(X, Y),
        lambda model: model.fit(X + 1e-6, Y),
        lambda model: model.fit(X, np.roll(Y, 1, axis=0)),
        lambda model: model.fit(X, Y, sample_weight=np.arange(1, 61)),
        lambda model: model.set_params(batch_size=15).fit(X, Y),
        lambda model: model.set_params(random_state=1).fit(X, Y),
        lambda model: model.set_params(random_state=np.random.RandomState(2)).fit(X, Y),
        lambda model: model.set_params(optimizer=torch.optim.Adamax).fit(X, Y),
        lambda model: model.set_params(max_epochs=5).fit(X, Y),
    ]
    for n, fit in enumerate(fits, start=1):
        model = fit(EmbMLPClassifier(**SMALL, checkpoint=tmp_path))
        assert len(list(tmp_path.iterdir())) == n
        assert_same(model, fit(EmbMLPClassifier(**SMALL)))


def test_how_a_fit_is_told_about_does_not_make_it_another_one(data, tmp_path, capsys):
    EmbMLPClassifier(**SMALL, checkpoint=tmp_path).fit(*data)
    model = EmbMLPClassifier(**SMALL, checkpoint=str(tmp_path), checkpoint_minutes=3)
    model.set_params(verbose=True).fit(*data)
    assert len(list(tmp_path.iterdir())) == 1
    assert f"is finished, from {tmp_path}" in capsys.readouterr().out


def test_a_search_goes_on_after_the_fits_that_are_finished(data, tmp_path):
    def search(folder):
        model = EmbMLPClassifier(**SMALL, checkpoint=folder)
        grid = {"learning_rate": [0.001, 0.01]}
        return GridSearchCV(model, grid, scoring="f1_micro", cv=2, error_score="raise")

    whole = search(None).fit(*data)
    with cut_at(2 * 8 + 5), pytest.raises(Cut):  # 8 steps a fit
        search(tmp_path).fit(*data)
    assert len(list(tmp_path.iterdir())) == 3
    with cut_at(None) as steps:
        resumed = search(tmp_path).fit(*data)
    assert len(steps) == 4 + 8 + 16  # the rest of the third, the fourth, and all samples
    for name in ("mean_test_score", "split1_test_score"):
        np.testing.assert_array_equal(resumed.cv_results_[name], whole.cv_results_[name])
    assert_same(resumed.best_estimator_, whole.best_estimator_)


def no_space(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_reported_and_training_goes_on(data, tmp_path):
    whole = EmbMLPClassifier(**SMALL).fit(*data)
    model = EmbMLPClassifier(**SMALL, checkpoint=tmp_path)
    with cut_at(6), pytest.raises(Cut):
        model.fit(*data)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.warns(RuntimeWarning, match="No space left.*Training goes on"):
            assert_same(model.fit(*data), whole)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [before]
    with cut_at(None) as steps:
        assert_same(model.fit(*data), whole)
    assert len(steps) == 12  # from the end of the first epoch


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_reported_and_training_begins_anew(damage, data, tmp_path):
    model = EmbMLPClassifier(**SMALL, checkpoint=tmp_path)
    with cut_at(6), pytest.raises(Cut):
        model.fit(*data)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes({"cut": content[:-9], "flip": content, "empty": b""}[damage])
    with pytest.warns(RuntimeWarning, match=f"begins anew: .*{file.name}"):
        model.fit(*data)
    assert_same(model, EmbMLPClassifier(**SMALL).fit(*data))


def test_another_version_of_pytorch_is_reported(data, tmp_path, monkeypatch):
    model = EmbMLPClassifier(**SMALL, checkpoint=tmp_path)
    with cut_at(6), pytest.raises(Cut):
        model.fit(*data)
    versions = {"skmlc": skmlc.__version__, "torch": "9.0"}
    monkeypatch.setattr(checkpoint_module, "_versions", lambda: versions)
    with pytest.warns(RuntimeWarning, match="was written with torch"):
        model.fit(*data)


def test_what_killed_writers_have_left_is_removed(data, tmp_path):
    old, new = tmp_path / ".skmlc-0.tmp", tmp_path / ".skmlc-1.tmp"
    for file in (old, new):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    EmbMLPClassifier(**SMALL, checkpoint=tmp_path).fit(*data)
    assert new.exists()  # which may still be written
    assert not old.exists()


# Refusals and states --------------------------------------------------------------------------


def test_a_fit_that_could_not_be_known_again_is_refused(data, tmp_path):
    model = EmbMLPClassifier(checkpoint=tmp_path)
    with cut_at(1), pytest.raises(ValueError, match="checkpoint needs random_state"):
        model.fit(*data)


def test_a_folder_that_cannot_be_is_refused(data, tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    model = EmbMLPClassifier(**SMALL, checkpoint=path)
    with cut_at(1), pytest.raises(ValueError, match="checkpoint must be a folder"):
        model.fit(*data)


def test_the_state_of_a_users_callback_goes_on(data, tmp_path):
    class Count(Callback):
        def on_train_begin(self, net, **kwargs):
            self.n_, self.losses_, self.hidden = 0, [], []

        def on_epoch_end(self, net, **kwargs):
            self.n_ += 1
            self.losses_.append(net.history[-1, "train_loss"])
            self.hidden.append(net.history[-1, "train_loss"])

    class Say(Count):
        def state_dict(self):
            return {"hidden": self.hidden}

        def load_state_dict(self, state):
            self.hidden = state["hidden"]

    def make(**more):
        return EmbMLPClassifier(**SMALL, callbacks=[Count(), Say()], **more)

    model = in_pieces(make, *data, tmp_path, (6,))
    count, say = (dict(model.net_.callbacks_)[name] for name in ("Count", "Say"))
    assert count.n_ == 4
    assert count.losses_ == say.hidden == model.history_[:, "train_loss"]
    assert len(count.hidden) == 3  # what has no underscore is the callback's own affair


def test_within_an_epoch_nothing_is_written_that_would_be_incomplete(data, tmp_path):
    class Gather(Callback):
        def on_epoch_begin(self, net, **kwargs):
            self.batches_ = []

        def on_batch_end(self, net, batch=None, training=False, **kwargs):
            self.batches_.append(batch)

    def make(**more):
        return EmbMLPClassifier(**SMALL, callbacks=[Gather()], **more)

    model = make(checkpoint=tmp_path, checkpoint_minutes=0)
    with cut_at(4), pytest.raises(Cut):
        model.fit(*data)
    assert not list(tmp_path.iterdir())
    assert_same(in_pieces(make, *data, tmp_path, (6,)), make().fit(*data))


def test_a_model_carries_nothing_of_its_checkpoint(data, tmp_path):
    model = EmbMLPClassifier(**SMALL, checkpoint=tmp_path).fit(*data)
    assert "checkpoint" not in dict(model.net_.callbacks_)
    assert model.net_._position is None
