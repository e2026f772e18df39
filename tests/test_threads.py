"""Threads, processes that are forked, and the modes of PyTorch that a caller is in."""

import os
import signal
import sys
import threading

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from skorch.callbacks import Callback

import skmlc
from skmlc import EmbMLPClassifier, KnownLabelsClassifier
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.inputs import Bags
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner
from tests.method_names import METHOD_NAMES

rng = np.random.default_rng(0)
BAGS = Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 4, 20)])
TABLE = rng.normal(size=(20, 3))
# Alternating labels, so that each part of a split has both.
LABELS = [(np.add.outer(np.arange(20), np.arange(n)) % 2) for n in (2, 5)]

METHODS = [getattr(skmlc, name) for name in METHOD_NAMES]
NETWORKS = [Method for Method in METHODS if hasattr(Method, "partial_fit")]


def small(Method, **options):
    tiny = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
    model = Method(**({**tiny, **options} if Method in NETWORKS else options))
    seeded = "random_state" in model.get_params()
    return model.set_params(random_state=0) if seeded else model


def bayes():
    return MultiOutputClassifier(GaussianNB())


AROUND = {
    "KnownLabelsClassifier": lambda: KnownLabelsClassifier(
        LogisticRegression(), random_state=0
    ),
    "MultilabelCalibratedClassifierCV": lambda: MultilabelCalibratedClassifierCV(
        bayes(), cv=2, random_state=0
    ),
    "SoftVotingClassifier": lambda: SoftVotingClassifier([("bayes", bayes())]),
    "StackingClassifier": lambda: StackingClassifier(
        [("bayes", bayes())], cv=2, random_state=0
    ),
    "ThresholdTuner": lambda: ThresholdTuner(bayes(), metric="miF1", cv=2, random_state=0),
}
ESTIMATORS = [
    *(pytest.param(lambda M=M: (small(M), BAGS), id=M.__name__) for M in METHODS),
    *(pytest.param(lambda m=m: (m(), TABLE), id=name) for name, m in AROUND.items()),
]


# Threads ------------------------------------------------------------------------------------


@pytest.fixture
def _frequent_switches():
    """Have threads run in turns as short as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def asked(model, X):
    """Return what several methods say, each of them of all labels there are."""
    top = model.predict_top_k(X, k=2)[1] if hasattr(model, "predict_top_k") else None
    return [model.predict_proba(X), model.predict(X), top]


def same(first, second):
    return np.shape(first) == np.shape(second) and np.array_equal(first, second)


@pytest.mark.usefixtures("_frequent_switches")
@pytest.mark.parametrize("make", ESTIMATORS)
def test_a_refit_in_another_thread_gives_the_old_model_or_the_new_one(make):
    model, X = make()
    expected = [asked(model.fit(X, Y), X) for Y in LABELS]
    done, failed = threading.Event(), []

    def refit():
        try:
            for _ in range(4):
                for Y in LABELS:
                    model.fit(X, Y)
        except Exception as error:
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=refit)
    thread.start()
    try:
        while not done.is_set():
            for i, answer in enumerate(asked(model, X)):
                assert any(same(answer, of_one[i]) for of_one in expected)
    finally:
        thread.join()
    assert not failed


@pytest.mark.parametrize("make", ESTIMATORS)
def test_every_answer_is_of_one_model(make):
    estimator, _ = make()
    Estimator = type(estimator)
    # What changes a model takes turns by itself.
    others = ("_", "set_", "get_", "fit", "partial_fit", "add_labels")
    names = {
        name
        for base in Estimator.__mro__
        if base.__module__.startswith("skmlc")
        for name in vars(base)
        if not name.startswith(others) and callable(getattr(Estimator, name))
    }
    assert {"predict", "predict_proba"} <= names
    for name in names:
        assert "of_one_model" in makers(getattr(Estimator, name)), name


def makers(method):
    """Return what has made a method, from outside inwards."""
    names = []
    while method is not None:
        names.append(method.__code__.co_qualname)
        method = getattr(method, "__wrapped__", None)
    return ".".join(names)


def test_a_model_that_is_refitted_in_a_callback_is_the_new_one_there():
    seen = []

    class Ask(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(model.predict_proba(BAGS).shape)

    model = small(EmbMLPClassifier, max_epochs=1).fit(BAGS, LABELS[0])
    model.set_params(callbacks=[Ask()]).fit(BAGS, LABELS[1])
    assert seen == [(20, 5)]


# Forks --------------------------------------------------------------------------------------


class Pause(Callback):
    """Stop in the first step until the test goes on."""

    def __init__(self):
        self.reached, self.over = threading.Event(), threading.Event()

    def __deepcopy__(self, memo):
        return self

    def on_batch_end(self, net, training=False, **kwargs):
        self.reached.set()
        self.over.wait(60)


def works_in_a_fork(function):
    """Return whether a function comes to its end in a process that is forked."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # which ends the process
        code = 1
        try:
            torch.set_num_threads(1)  # OpenMP does not survive a fork
            function()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_while_a_thread_trains_can_train_and_predict():
    fitted = small(EmbMLPClassifier).fit(BAGS, LABELS[0])
    pause = Pause()
    thread = threading.Thread(
        target=small(EmbMLPClassifier, callbacks=[pause]).fit, args=(BAGS, LABELS[0])
    )
    thread.start()
    try:
        assert pause.reached.wait(60)
        assert works_in_a_fork(lambda: fitted.predict(BAGS))
        assert works_in_a_fork(lambda: fitted.fit(BAGS, LABELS[1]))
    finally:
        pause.over.set()
        thread.join()
    fitted.predict(BAGS)  # the lock of this process is as it was


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_by_a_callback_can_go_on_with_its_training():
    worked = []

    class Fork(Callback):
        def on_epoch_end(self, net, **kwargs):
            if not worked:
                worked.append(works_in_a_fork(lambda: model.predict(BAGS)))

    model = small(EmbMLPClassifier, callbacks=[Fork()])
    model.fit(BAGS, LABELS[0])
    assert worked == [True]


# Modes of PyTorch ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("make", ESTIMATORS)
def test_fit_and_answers_are_the_same_where_gradients_are_off(make, mode):
    model, X = make()
    expected = asked(model.fit(X, LABELS[0]), X)
    within, _ = make()
    with mode():
        within.fit(X, LABELS[0])
        assert not torch.is_grad_enabled()
        answers = asked(within, X)
    for answer, other in zip(answers, expected, strict=True):
        np.testing.assert_array_equal(answer, other)
    if hasattr(within, "partial_fit"):  # what was made there can be trained elsewhere
        further = [m.partial_fit(X, LABELS[0]).predict_proba(X) for m in (within, model)]
        np.testing.assert_array_equal(*further)
