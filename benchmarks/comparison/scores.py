"""What methods predict on a data set, each called once, and how good the predictions are."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from completion.data import network_samples, table_samples
from measure import Clock

from skmlc.metrics import get_metric
from skmlc.model_selection import tune_threshold
from skmlc.responses import positive_probabilities

from .data import read
from .methods import BLENDS, NETWORKS, fit_model

# Judged by labels at the threshold, and by probabilities.
THRESHOLDED, RANKED = ("ebF1", "miF1", "maF1"), ("mAP", "LRAP")
METRICS = (*THRESHOLDED, *RANKED)
TUNED_FOR = "ebF1"


class Answer(NamedTuple):
    """Probabilities of the labels of two parts, and the CPU seconds that they took."""

    held_out: np.ndarray
    scored: np.ndarray
    fit_s: float
    predict_s: float  # of the scored part


class Contest:
    """The predictions of methods on one data set; what blends share is fitted once.

    Parameters
    ----------
    task : Task
        The data set.
    seed : int
        Of whatever the methods draw.
    """

    def __init__(self, task, seed):
        self.task, self.seed = task, seed
        self._answers = {}

    @cached_property
    def networks(self):
        """The samples as networks read them."""
        return read(self.task, network_samples)

    @cached_property
    def tables(self):
        """The samples as other methods read them."""
        return read(self.task, table_samples)

    def answer(self, method):
        """Return the `Answer` of a method, fitted on the part to fit on alone."""
        if method not in self._answers:
            blended = BLENDS.get(method)
            self._answers[method] = self._blend(blended) if blended else self._fit(method)
        return self._answers[method]

    def _blend(self, names):
        """Return the mean of predictions, and the sums of their seconds."""
        held_out, scored, *seconds = zip(*map(self.answer, names), strict=True)
        return Answer(
            np.mean(held_out, axis=0), np.mean(scored, axis=0), *map(sum, seconds)
        )

    def _fit(self, method):
        reads_nodes = method in NETWORKS or method == "recipe"
        samples = self.networks if reads_nodes else self.tables
        Y = self.task.fit.Y
        with (fit_clock := Clock()):
            model = fit_model(method, samples.fit, Y, self.seed)
        held_out = positive_probabilities(model.predict_proba(samples.held_out), model, Y)
        with (predict_clock := Clock()):
            scored = positive_probabilities(model.predict_proba(samples.scored), model, Y)
        return Answer(held_out, scored, fit_clock.cpu, predict_clock.cpu)


def score(answer, task):
    """Return the threshold, tuned on the part held out, and the metrics of the part scored.

    Parameters
    ----------
    answer : Answer
        The probabilities.
    task : Task
        The labels.

    Returns
    -------
    dict
        "threshold", and each of `METRICS`.
    """
    threshold = tune_threshold(task.held_out.Y, answer.held_out, TUNED_FOR)
    predicted = (answer.scored >= threshold).astype(np.int8)
    values = {"threshold": threshold}
    for name in METRICS:
        response = predicted if name in THRESHOLDED else answer.scored
        values[name] = float(get_metric(name).function(task.scored.Y, response))
    return values
