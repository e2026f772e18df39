"""The methods by name: how each is fitted, and what it predicts, given some labels."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from measure import Clock
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from skmlc import CTranClassifier, KnownLabelsClassifier, LaMPClassifier

from .data import network_samples, table_samples
from .label_space import LabelNeighbors, NaiveBayes, split_rows
from .scores import hidden_scores, show

NETWORKS = {
    "lamp": (LaMPClassifier, {"label_masking": True}),
    "lamp_unmasked": (LaMPClassifier, {}),
    "ctran": (CTranClassifier, {}),
}
METHODS = (
    *NETWORKS, "linear", "linear_untold", "forest", "blend", "label_knn", "conditional",
)  # fmt: skip
# The mean of what these say, as of `SoftVotingClassifier`.
BLENDED = ("ctran", "forest")
# They predict the same whatever is known.
UNTOLD = ("lamp_unmasked", "linear_untold")
# What each of ours is ranked against, by itself.
REFERENCES = (
    "lamp_unmasked", "linear", "linear_untold", "forest", "label_knn", "conditional",
)  # fmt: skip
C_VALUES = (0.001, 0.01, 0.1, 1, 10)
N_LABELS_FOR_C = 20
SHARES_FOR_C = (0, 0.5)
TREES = {"n_estimators": 150, "min_samples_leaf": 2}
# Of sets with many labels a classifier reads the few that hang together most with its own.
MANY_LABELS, TOO_MANY_LABELS = 100, 300
BOUNDED = {"max_known_labels": 20, "n_copies": 1}


class Fitted(NamedTuple):
    """A fitted method, and the seconds of its training."""

    answer: Callable  # known, NaN where unknown, to scores of the test part (n, L)
    clock: Clock


def methods_of(n_labels):
    """Return the methods for a data set of so many labels."""
    left_out = ("ctran", "forest", "blend") if n_labels > TOO_MANY_LABELS else ()
    return [name for name in METHODS if name not in left_out]


def fit(method, data, seed):
    """Fit one of `METHODS` to the training part, and nothing else.

    Parameters
    ----------
    method : str
        Its name.
    data : Data
        The data set.
    seed : int
        Of whatever the method draws.

    Returns
    -------
    Fitted
        A method that takes no known labels predicts the same for any.
    """
    if method in ("label_knn", "conditional"):
        model = LabelNeighbors() if method == "label_knn" else NaiveBayes()
        with (clock := Clock()):
            model.fit(data.Y)
        is_knn = method == "label_knn"
        return Fitted(model.predict_proba if is_knn else model.decision_function, clock)
    if method == "blend":
        with (clock := Clock()):
            members = [fit(name, data, seed) for name in BLENDED]
        return Fitted(
            lambda known: np.mean([m.answer(known) for m in members], axis=0), clock
        )
    if method in NETWORKS:
        samples = network_samples(data)
        model = make_network(method, seed)
    else:
        samples = table_samples(data)
        model = make_table_model(method, samples.train, data.Y, seed)
    with (clock := Clock()):
        fit_quietly(model, samples.train, data.Y)
    if method in UNTOLD:
        return Fitted(lambda known: model.predict_proba(samples.test), clock)
    return Fitted(lambda known: model.predict_proba(samples.test, known=known), clock)


def make_network(method, seed, **settings):
    """Make a network with the package's defaults; not fitted."""
    make, variant = NETWORKS[method]
    return make(random_state=seed, **variant | settings)


def make_table_model(method, X, Y, seed):
    """Make a model of tables; C of logistic regression is chosen here."""
    settings = {"random_state": seed}
    if Y.shape[1] > MANY_LABELS:
        settings |= BOUNDED
    if method == "forest":
        forest = RandomForestClassifier(**TREES)
        return KnownLabelsClassifier(forest, **settings)
    C = choose_C(method, X, Y)
    if method == "linear":
        return KnownLabelsClassifier(_logistic(C), **settings)
    return OneVsRestClassifier(_logistic(C))


def choose_C(method, X, Y, candidates=C_VALUES):
    """Return the C best in a held-out part of the training rows, of the frequent labels."""
    frequent = np.argsort(-Y.sum(axis=0), kind="stable")[:N_LABELS_FOR_C]
    Y = Y[:, np.sort(frequent)]
    fit_rows, valid = split_rows(len(Y))
    values = [_value_of(C, method, (X, Y), fit_rows, valid) for C in candidates]
    return candidates[int(np.argmax(values))]


def _value_of(C, method, samples, rows, valid):
    """Return macro AP in the held-out part, on average over what is known."""
    X, Y = samples
    told = method == "linear"
    model = OneVsRestClassifier(_logistic(C))
    if told:
        model = KnownLabelsClassifier(_logistic(C), n_copies=1, random_state=0)
    fit_quietly(model, X[rows], Y[rows])
    values = []
    for share in SHARES_FOR_C if told else (0,):
        known = show(Y[valid], share, 0)
        given = {"known": known} if told else {}
        answer = model.predict_proba(X[valid], **given)
        values.append(hidden_scores(Y[valid], answer, known)[0])
    return np.mean(values)


def fit_quietly(model, X, Y):
    """Fit; labels that no training sample has get a probability of zero."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Label .* is present in all training")
        model.fit(X, Y)


def _logistic(C):
    """Make logistic regression of one label."""
    return LogisticRegression(C=C, max_iter=1000)
