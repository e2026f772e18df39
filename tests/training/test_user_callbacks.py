"""Every callback of skorch works through `callbacks`, or is refused before training."""

import json
import pickle
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
import skorch.callbacks
import torch
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score, get_scorer, make_scorer
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    EpochTimer,
    Freezer,
    GradientNormClipping,
    Initializer,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    ParamMapper,
    PassthroughScoring,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
    TrainEndCheckpoint,
    Unfreezer,
    WandbLogger,
)

import skmlc.metrics
from skmlc import EmbMLPClassifier, LaMPClassifier, Seq2SeqClassifier
from skmlc.training.net import Net

SMALL = {"hidden_size": 8, "max_epochs": 3, "batch_size": 20, "random_state": 0}
HELD_OUT = {"early_stopping": "loss", "validation_fraction": 0.4}


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(80, 6, n_classes=4, n_labels=2, random_state=0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where skorch writes by default


def fit(data, *callbacks, Method=EmbMLPClassifier, **options):
    return Method(**{**SMALL, **options, "callbacks": list(callbacks)}).fit(*data)


def run_of_wandb():
    return MagicMock(dir=".")


WORKING = {
    "Callback": lambda: [Callback()],
    "Checkpoint": lambda: [Checkpoint(dirname="saved", load_best=True)],
    "Checkpoint in safetensors": lambda: [
        Checkpoint(f_optimizer=None, use_safetensors=True, load_best=True)
    ],
    "Checkpoint with pickle": lambda: [Checkpoint(f_pickle="net.pkl")],
    "Checkpoint of a score": lambda: [
        EpochScoring("f1_micro", name="F", lower_is_better=False),
        Checkpoint(monitor="F_best", load_best=True),
    ],
    "EarlyStopping": lambda: [EarlyStopping(load_best=True)],
    "EpochScoring": lambda: [EpochScoring("f1_micro", lower_is_better=False)],
    "EpochTimer": lambda: [EpochTimer()],
    "Freezer": lambda: [Freezer("head.*")],
    "GradientNormClipping": lambda: [GradientNormClipping(1.0)],
    "Initializer": lambda: [Initializer("head.*", fn=torch.nn.init.zeros_)],
    "LRScheduler": lambda: [LRScheduler("StepLR", step_size=1)],
    "LoadInitState": lambda: [saved := Checkpoint(), LoadInitState(saved)],
    "MlflowLogger": lambda: [MlflowLogger(run=MagicMock(), client=MagicMock())],
    "ParamMapper": lambda: [ParamMapper("head.*")],
    "PassthroughScoring": lambda: [PassthroughScoring("train_batch_size", on_train=True)],
    "PrintLog": lambda: [PrintLog()],
    "ProgressBar": lambda: [ProgressBar(detect_notebook=False)],
    "SacredLogger": lambda: [SacredLogger(MagicMock())],
    "TensorBoard": lambda: [TensorBoard(MagicMock())],
    "TrainEndCheckpoint": lambda: [TrainEndCheckpoint(f_pickle="net.pkl")],
    "Unfreezer": lambda: [Freezer("head.*"), Unfreezer("head.*", at=2)],
    "WandbLogger": lambda: [WandbLogger(run_of_wandb())],
    "WarmRestartLR": lambda: [LRScheduler("WarmRestartLR")],
}
REFUSED = {
    "BatchScoring": (lambda: BatchScoring("f1_micro"), "use EpochScoring"),
    "InputShapeSetter": (InputShapeSetter, "leave it out"),
}
NOT_INSTALLED = {"NeptuneLogger"}


def test_all_callbacks_are_here():
    names = set(skorch.callbacks.__all__)
    assert names - NOT_INSTALLED == names & {*WORKING, *REFUSED}


@pytest.mark.parametrize("name", WORKING)
def test_a_callback_works_and_training_is_the_same_in_a_second_fit(name, data):
    options = {**HELD_OUT, "lr_schedule": None}
    model = fit(data, *WORKING[name](), **options)
    assert np.isfinite(model.predict_proba(data[0])).all()
    assert model.n_iter_ == 3
    again = fit(data, *WORKING[name](), **options)  # also with what the first has saved
    assert again.n_iter_ == 6 if name == "LoadInitState" else 3


@pytest.mark.parametrize("name", REFUSED)
def test_a_callback_that_cannot_work_is_refused_before_training(name, data, monkeypatch):
    make, instead = REFUSED[name]
    monkeypatch.setattr(Net, "initialize", lambda net: pytest.fail("it was not refused"))
    for entry in (make(), ("name", make())):
        with pytest.raises(ValueError, match=f"callbacks holds {name}.*{instead}"):
            fit(data, entry, **HELD_OUT)


@pytest.mark.parametrize(
    "callback, watched",
    [
        (Checkpoint(), "valid_loss_best"),
        (EarlyStopping(), "valid_loss"),
        (LRScheduler("ReduceLROnPlateau", monitor="valid_loss"), "valid_loss"),
        (WandbLogger(MagicMock()), "valid_loss_best"),
        (EpochScoring("f1_micro"), "scores held-out samples"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_watches_samples_held_out_is_refused_where_there_are_none(
    callback, watched, data, monkeypatch
):
    monkeypatch.setattr(Net, "initialize", lambda net: pytest.fail("it was not refused"))
    with pytest.raises(ValueError, match=f"{watched}.*set early_stopping"):
        fit(data, callback, lr_schedule=None)


def test_what_watches_training_needs_no_samples_held_out(data):
    callbacks = [
        EpochScoring("f1_micro", on_train=True),
        Checkpoint(monitor="train_loss_best", load_best=True),
        EarlyStopping("train_loss", sink=lambda text: None),
        WandbLogger(run_of_wandb(), save_model=False),
    ]
    model = fit(data, *callbacks)
    assert all(model.history_[:, "event_cp"])
    assert len(model.history_[:, "f1_micro"]) == 3


def test_two_schedules_are_refused(data):
    with pytest.raises(
        ValueError, match=r"LRScheduler.*lr_schedule='cosine'.*lr_schedule=None"
    ):
        fit(data, LRScheduler("StepLR", step_size=1))


# Scores ---------------------------------------------------------------------------------------


def keep_predictions(classifier, X, y):
    """Score nothing, and keep what there is to score."""
    keep_predictions.seen.append((classifier.predict(X), X, y))
    return 0.0


@pytest.mark.parametrize("on_train", [False, True])
@pytest.mark.parametrize("use_caching", [False, True])
@pytest.mark.parametrize("Method", [EmbMLPClassifier, LaMPClassifier, Seq2SeqClassifier])
def test_a_score_is_that_of_the_classifier_on_its_samples(
    Method, use_caching, on_train, data
):
    options = {"on_train": on_train, "use_caching": use_caching, "lower_is_better": False}
    keep_predictions.seen = []
    model = fit(
        data,
        EpochScoring("f1_micro", **options),
        EpochScoring(f1_score_of_labels, name="by hand", **options),
        EpochScoring(skmlc.metrics.get_scorer("mAP"), name="mAP", **options),
        EpochScoring(None, **options),
        EpochScoring(keep_predictions, **options),
        Method=Method, **HELD_OUT,
    )  # fmt: skip
    rows = model._split(type("Target", (), {"Y": data[1]}), np.ones(80))[1 - on_train]
    predicted, X, y = keep_predictions.seen[-1]
    order = np.lexsort(X.T)
    expected = data[0][rows][np.lexsort(data[0][rows].T)]
    np.testing.assert_array_equal(X[order], expected)
    last = model.history_[-1]
    assert last["f1_micro"] == last["by hand"] == f1_score(y, predicted, average="micro")
    assert last["score"] == (y == predicted).all(axis=1).mean()
    # The last epoch's weights may not be the best ones, which the model has.
    best = int(np.argmin(model.history_[:, "valid_loss"]))
    scorer = skmlc.metrics.get_scorer("mAP")
    score = scorer(model, data[0][rows], data[1][rows])
    assert model.history_[best, "mAP"] == pytest.approx(score)


def f1_score_of_labels(classifier, X, y):
    return f1_score(y, classifier.predict(X), average="micro")


def test_scores_take_classes_tables_and_lists_as_they_were_given(data):
    X, Y = data
    frame, classes = pd.DataFrame(X).add_prefix("f"), np.array(["no", "yes"])[Y[:, 0]]
    forms = [
        (frame, classes),
        (X.tolist(), Y.tolist()),
        (X, pd.DataFrame(Y).add_prefix("l")),
    ]
    scores = [EpochScoring("accuracy", lower_is_better=False)]
    for form in forms:
        model = fit(form, *scores, **HELD_OUT)
        assert 0 < model.history_[-1, "accuracy"] <= 1
    yes = EpochScoring(make_scorer(f1_score, pos_label="yes"), name="yes")
    assert 0 < fit(forms[0], yes, **HELD_OUT).history_[-1, "yes"] <= 1
    assert fit(forms[0], EpochScoring("roc_auc"), **HELD_OUT).history_[-1, "roc_auc"] > 0


@pytest.mark.parametrize("on_train", [False, True])
def test_scoring_changes_nothing_of_training(on_train, data):
    plain = fit(data, Method=LaMPClassifier, dropout=0.3, **HELD_OUT)
    scored = fit(
        data, EpochScoring("f1_micro", on_train=on_train), Method=LaMPClassifier, dropout=0.3,
        **HELD_OUT,
    )  # fmt: skip
    assert scored.history_[:, "train_loss"] == plain.history_[:, "train_loss"]
    np.testing.assert_array_equal(
        scored.predict_proba(data[0]), plain.predict_proba(data[0])
    )


def test_partial_fit_scores_what_it_trains_on(data):
    X, Y = data
    scoring = EpochScoring(get_scorer("f1_micro"), name="F", on_train=True)
    model = EmbMLPClassifier(**SMALL, callbacks=[scoring]).partial_fit(X, Y)
    expected = f1_score(Y, model.predict(X), average="micro")
    assert model.history_[-1, "F"] == pytest.approx(expected)


def test_the_callback_that_was_given_is_not_changed(data):
    scoring = EpochScoring("f1_micro")
    before = dict(vars(scoring))
    fit(data, scoring, **HELD_OUT)
    assert vars(scoring) == before


# What skorch saves ----------------------------------------------------------------------------


def test_the_best_checkpoint_is_loaded(data):
    model = fit(data, Checkpoint(monitor=first_epoch, load_best=True), max_epochs=5)
    short = fit(data, lr_schedule=None, max_epochs=1)
    constant = fit(
        data,
        Checkpoint(monitor=first_epoch, load_best=True),
        lr_schedule=None,
        max_epochs=5,
    )
    assert model.n_iter_ == constant.n_iter_ == 1
    np.testing.assert_array_equal(
        constant.predict_proba(data[0]), short.predict_proba(data[0])
    )


def first_epoch(net):
    return len(net.history) == 1


class Rates(Callback):
    """Keep the learning rate of each step."""

    def on_train_begin(self, net, **kwargs):
        self.rates_ = []

    def on_batch_begin(self, net, training=False, **kwargs):
        self.rates_ += [net.optimizer_.param_groups[-1]["lr"]] * training


def test_training_goes_on_from_an_initial_state_with_a_schedule_of_its_own(data):
    saved, rates = TrainEndCheckpoint(dirname="saved"), Rates()
    fit(data, saved, rates)
    expected = rates.rates_
    again = fit(data, saved, LoadInitState(saved), rates)
    assert again.n_iter_ == 6
    assert rates.rates_ == expected


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_what_is_saved_needs_no_pickle_to_be_read(optimizer, data):
    fit(data, TrainEndCheckpoint(), optimizer=optimizer)
    torch.load("train_end_optimizer.pt", weights_only=True)
    torch.load("train_end_params.pt", weights_only=True)
    with open("train_end_history.json") as file:
        assert len(json.load(file)) == 3


def test_a_net_that_is_pickled_in_training_carries_no_data(data):
    X, Y = data
    large = np.repeat(X, 200, axis=0), np.repeat(Y, 200, axis=0)
    fit(
        large, Checkpoint(f_pickle="net.pkl"), batch_size=4000, max_epochs=1,
        early_stopping="ebF1",
    )  # fmt: skip
    with open("net.pkl", "rb") as file:
        content = file.read()
    assert len(content) < large[0].nbytes / 4
    net = pickle.loads(content)
    assert net._scored is None
    assert "keep_best" not in dict(net.callbacks_)
