"""Ctrl-C ends a training that stands alone, and stops the search that it is part of."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from skorch.callbacks import Callback, EarlyStopping

from skmlc import EmbMLPClassifier, KnownLabelsClassifier
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner

X, Y = make_multilabel_classification(40, 6, n_classes=3, n_labels=2, random_state=0)


@pytest.fixture(autouse=True)
def _the_usual_handler():
    """Have a signal raise KeyboardInterrupt, which some runners of tests turn off."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


class Begun(Callback):
    """Count the fits, in a list of the class: a search copies callbacks."""

    fits = []

    def on_train_begin(self, net, **kwargs):
        self.fits.append(None)


class CtrlC(Begun):
    """Send the signal in a step of the second epoch."""

    def on_batch_end(self, net, training=False, **kwargs):
        if len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)


class CtrlCWithin(Begun):
    """The same, but that it comes while torch computes."""

    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net)
        self.steps = 0
        net.module_.register_forward_pre_hook(self.count)

    def count(self, *args):
        self.steps += 1
        if self.steps == 3:
            signal.raise_signal(signal.SIGINT)


class EarlyEnd(Begun):
    """End training as skorch's callbacks do."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _none_begun():
    Begun.fits.clear()


def numbers():
    """Return the state of NumPy's global generator."""
    return check_random_state(None).get_state()[1].copy()


def small(*callbacks, **options):
    tiny = {"hidden_size": 4, "max_epochs": 4, "random_state": 0}
    return EmbMLPClassifier(callbacks=list(callbacks), **{**tiny, **options})


def searched(model):
    return GridSearchCV(model, {"dropout": [0.0, 0.1]}, cv=2, scoring="f1_micro")


SEARCHES = {
    "GridSearchCV": lambda model: searched(model).fit(X, Y),
    "GridSearchCV of a Pipeline": lambda model: GridSearchCV(
        make_pipeline(StandardScaler(), model), {"embmlpclassifier__dropout": [0.0, 0.1]}
    ).fit(X, Y),
    "cross_validate": lambda model: cross_validate(model, X, Y, cv=2),
    "cross_val_predict": lambda model: cross_val_predict(model, X, Y, cv=2),
    "learning_curve": lambda model: learning_curve(model, X, Y, cv=2),
    "MultiOutputClassifier": lambda model: MultiOutputClassifier(model).fit(X, Y),
    "ThresholdTuner": lambda model: ThresholdTuner(
        model, metric="miF1", cv=2, random_state=0
    ).fit(X, Y),
    "MultilabelCalibratedClassifierCV": lambda model: MultilabelCalibratedClassifierCV(
        model, cv=2, random_state=0
    ).fit(X, Y),
    "SoftVotingClassifier": lambda model: SoftVotingClassifier(
        [("first", model), ("second", model)]
    ).fit(X, Y),
    "StackingClassifier": lambda model: StackingClassifier(
        [("first", model), ("second", model)], cv=2
    ).fit(X, Y),
    "KnownLabelsClassifier": lambda model: KnownLabelsClassifier(model, random_state=0).fit(
        X, Y
    ),
    "Parallel": lambda model: Parallel()(delayed(model.fit)(X, Y) for _ in range(2)),
}


@pytest.mark.parametrize(
    "search, interrupt",
    [*((search, CtrlC) for search in SEARCHES), ("GridSearchCV", CtrlCWithin)],
)
def test_an_interrupt_stops_the_whole_search(search, interrupt):
    before = torch.get_rng_state(), numbers()
    with pytest.raises(KeyboardInterrupt):
        SEARCHES[search](small(interrupt()))
    assert len(Begun.fits) == 1
    torch.testing.assert_close(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(numbers(), before[1])
    assert torch.is_grad_enabled()
    small().fit(X, Y)  # no lock is held


@pytest.mark.parametrize("interrupt", [CtrlC, CtrlCWithin])
@pytest.mark.parametrize("within", ["itself", "a Pipeline"])
def test_an_interrupt_ends_a_training_by_itself_and_keeps_the_model(within, interrupt):
    model = small(interrupt())
    fitted = model if within == "itself" else make_pipeline(StandardScaler(), model)
    assert fitted.fit(X, Y).predict(X).shape == Y.shape
    assert model.n_iter_ == 2
    assert Begun.fits == [None]


@pytest.mark.parametrize(
    "model",
    [
        small(EarlyEnd()),
        small(Begun(), early_stopping="loss", patience=1, learning_rate=0.5, max_epochs=20),
        small(
            Begun(), EarlyStopping(patience=1, monitor="train_loss", threshold=10, sink=id)
        ),
    ],
    ids=["a callback", "early_stopping", "skorch"],
)
def test_a_callback_that_ends_a_training_does_not_stop_the_search(model):
    search = searched(model).fit(X, Y)
    assert len(Begun.fits) == 5  # two candidates, two folds, and one of all samples
    assert search.best_estimator_.n_iter_ < model.max_epochs


def test_a_callback_of_scikit_learn_does_not_stop_the_search(monkeypatch):
    # As where a callback of scikit-learn asks for it, which not all versions have.
    from skmlc.training.callbacks import SklearnBridge

    class Task:
        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            pass

        def call_on_fit_task_end(self, **kwargs):
            return True

    def bridge(self, X, y):
        return (("sklearn", SklearnBridge(self, Task(), X, y)),)

    monkeypatch.setattr(EmbMLPClassifier, "_sklearn_callbacks", bridge)
    search = searched(small(Begun())).fit(X, Y)
    assert len(Begun.fits) == 5
    assert search.best_estimator_.n_iter_ == 1


def test_an_interrupted_refit_leaves_the_earlier_model():
    tuner = ThresholdTuner(small(), metric="miF1", cv=2).fit(X, Y)
    expected = tuner.predict_proba(X)
    with pytest.raises(KeyboardInterrupt):
        tuner.set_params(estimator=small(CtrlC())).fit(X, Y)
    np.testing.assert_array_equal(tuner.predict_proba(X), expected)


def test_an_estimator_interrupted_in_a_search_is_not_fitted():
    models = [small(CtrlC()), small()]
    with pytest.raises(KeyboardInterrupt):
        Parallel()(delayed(model.fit)(X, Y) for model in models)
    for model in models:
        with pytest.raises(NotFittedError):
            model.predict(X)


# The terminal's Ctrl-C goes to all processes of the group.
SCRIPT = """
import sys
from pathlib import Path
from skorch.callbacks import Callback
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV
from skmlc import EmbMLPClassifier


class Ready(Callback):
    def on_epoch_end(self, net, **kwargs):
        Path(sys.argv[2]).touch()


if __name__ == "__main__":
    X, Y = make_multilabel_classification(40, 6, n_classes=3, random_state=0)
    model = EmbMLPClassifier(hidden_size=4, max_epochs=10**6, callbacks=[Ready()])
    search = GridSearchCV(model, {"dropout": [0.0, 0.1]}, cv=2, n_jobs=int(sys.argv[1]))
    try:
        search.fit(X, Y)
    except KeyboardInterrupt:
        print("stopped")
    else:
        print("went on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ctrl_c_in_a_terminal_stops_a_search(n_jobs, tmp_path):
    script, ready = tmp_path / "search.py", tmp_path / "ready"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, str(n_jobs), ready],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not ready.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert said == "stopped\n", errors
