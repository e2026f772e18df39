"""The callbacks of skorch that a user passes: which can work here, and how scores are taken."""

import copy
from typing import Any

from scipy import sparse
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    WandbLogger,
)
from skorch.callbacks.scoring import convert_sklearn_metric_function

__all__ = ["check_callbacks", "prepared", "reads_gradients"]

HOLD_OUT = "set early_stopping, or threshold='tuned', which hold out a part of the samples"


def check_callbacks(callbacks, *, held_out, lr_schedule):
    """Raise an error for callbacks that could not do here what they are for.

    Parameters
    ----------
    callbacks : list or None
        As the user gave them: callbacks of skorch, or pairs (name, callback).
    held_out : bool
        Whether training holds out samples.
    lr_schedule : str or None
        The estimator's own schedule.

    Raises
    ------
    TypeError
        For what is no callback.
    ValueError
        For a callback that needs what is not there, with what to do instead.
    """
    for entry in callbacks or ():
        callback = _without_name(entry)
        if isinstance(callback, str) or not hasattr(callback, "on_train_begin"):
            raise TypeError(
                "callbacks must hold callbacks of skorch, or pairs (name, callback); got "
                f"{callback!r}: pass objects, for example skorch.callbacks.ProgressBar()."
            )
        problem = _problem(callback, held_out, lr_schedule)
        if problem:
            raise ValueError(f"callbacks holds {type(callback).__name__}, {problem}.")


def _without_name(entry) -> Any:
    is_pair = isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str)
    return entry[1] if is_pair else entry


def _problem(callback, held_out, lr_schedule):
    """Return what is wrong with a callback and what to do; None if nothing is."""
    if isinstance(callback, InputShapeSetter):
        return "which is not needed: a network takes its sizes from X; leave it out"
    if isinstance(callback, BatchScoring):
        return "whose means over batches are not the score of all samples; use EpochScoring"
    if isinstance(callback, LRScheduler) and lr_schedule is not None:
        return (
            f"beside which lr_schedule={lr_schedule!r} would set the learning rate, too; set "
            "lr_schedule=None"
        )
    if held_out:
        return None
    if isinstance(callback, EpochScoring) and not callback.on_train:
        return f"which scores held-out samples, and none are; {HOLD_OUT}, or on_train=True"
    watched = _watched(callback)
    if isinstance(watched, str) and watched in ("valid_loss", "valid_loss_best"):
        instead = watched.replace("valid", "train")
        return (
            f"which watches {watched!r}, and no samples are held out; {HOLD_OUT}, or watch "
            f"{instead!r}"
        )
    return None


def _watched(callback):
    """Return the entry of the history that a callback cannot do without, if there is one."""
    if isinstance(callback, WandbLogger):
        return "valid_loss_best" if callback.save_model else None
    if isinstance(callback, Checkpoint | EarlyStopping | LRScheduler):
        return callback.monitor
    return None


def reads_gradients(callbacks):
    """Whether a callback is called with the gradients, and may not expect sparse ones.

    Parameters
    ----------
    callbacks : list or None
        As the user gave them.

    Returns
    -------
    bool
        Whether one of them has an `on_grad_computed` of its own.
    """
    methods = (type(_without_name(c)).on_grad_computed for c in callbacks or ())
    return any(method is not Callback.on_grad_computed for method in methods)


def prepared(callbacks):
    """Return the callbacks as the net calls them.

    Parameters
    ----------
    callbacks : list or None
        As the user gave them.

    Returns
    -------
    list
        The same; an `EpochScoring` as a copy that scores the classifier.
    """
    return [
        (entry[0], _scoring_classifier(entry[1]))
        if isinstance(entry, tuple)
        else _scoring_classifier(entry)
        for entry in callbacks or ()
    ]


def _scoring_classifier(callback):
    """Return a copy of a scoring callback that scores the classifier; others as they are."""
    if not isinstance(callback, EpochScoring):
        return callback
    callback = copy.copy(callback)
    callback.name = copy.copy(callback).initialize().name_
    callback.scoring = ClassifierScore(callback.scoring)
    callback.use_caching = False
    return callback


class ClassifierScore:
    """Score a classifier in training as a search would: with X and y in the user's form.

    A scorer knows nothing of batches, of the network's output or of a label matrix that was
    made from classes; the classifier does.

    Parameters
    ----------
    scoring : None, str or callable
        As for `sklearn.metrics.check_scoring`, or a metric of scikit-learn.
    """

    def __init__(self, scoring):
        self.scoring = scoring

    def __call__(self, net, dataset, y=None):
        """Return the score on the samples of a data set."""
        classifier, X, y = net._scored
        scorer = check_scoring(classifier, convert_sklearn_metric_function(self.scoring))
        return float(scorer(classifier, *(_take(part, dataset.rows) for part in (X, y))))


def _take(data, rows):
    """Return some rows of X or y in the user's form."""
    return _safe_indexing(data.tocsr() if sparse.issparse(data) else data, rows)
