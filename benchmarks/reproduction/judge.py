"""What probabilities are worth: thresholds chosen on one part, metrics on another."""

from functools import partial
from typing import NamedTuple

import numpy as np
from skorch.callbacks import Callback

from skmlc.metrics import get_metric, macro_f1
from skmlc.model_selection import tune_threshold

# The authors of LaMP leave labels out that are neither present nor predicted.
MACRO_F1_OF_LABELS_SEEN = partial(macro_f1, zero_division=np.nan)
THRESHOLDED = {
    "ebF1": "ebF1",
    "miF1": "miF1",
    "maF1": "maF1",
    "maF1_nan": MACRO_F1_OF_LABELS_SEEN,
    "ACC": "ACC",
    "HA": "HA",
}
RANKED = ("mAP", "LRAP")
METRICS = (*THRESHOLDED, *RANKED)


class Choice(NamedTuple):
    """The value of a metric, and what was chosen for it on the validation part."""

    valid: float
    test: float
    threshold: float | None  # None for a metric of rankings
    epoch: int | None = None  # None for the last one


def judge(valid, test, epoch=None):
    """Evaluate probabilities, with one threshold per metric.

    Parameters
    ----------
    valid, test : tuple of (CSR matrix, ndarray) of shape (n_samples, n_labels)
        Labels and probabilities of the part on which thresholds are chosen, among the 27
        of LaMP's authors, and of the part that is reported.
    epoch : int, default=None
        The epoch that gave the probabilities.

    Returns
    -------
    dict of str to Choice
        For each of `METRICS`.
    """
    choices = {}
    for name, metric in THRESHOLDED.items():
        threshold = tune_threshold(*valid, metric, grid="lamp")
        function = get_metric(metric).function if isinstance(metric, str) else metric
        values = [function(Y, (threshold <= P).astype(np.int8)) for Y, P in (valid, test)]
        choices[name] = Choice(*values, threshold, epoch)
    for name in RANKED:
        function = get_metric(name).function
        choices[name] = Choice(function(*valid), function(*test), None, epoch)
    return choices


def judge_model(model, parts, epoch=None):
    """Evaluate a fitted classifier on the validation and the test part."""
    valid, test = ((part.Y, model.predict_proba(part.X)) for part in parts[1:])
    return judge(valid, test, epoch)


class JudgeEpochs(Callback):
    """Evaluate a network after every epoch; for each metric keep the epoch best in validation.

    So do LaMP's authors. Of equal epochs the first is kept.

    Parameters
    ----------
    model : estimator
        The classifier that is being trained.
    parts : Parts
        The data.
    clock : Clock
        The clock of the training, which is stopped meanwhile.
    """

    def __init__(self, model, parts, clock):
        self.model, self.parts, self.clock = model, parts, clock

    def on_train_begin(self, net, **kwargs):
        """Start again."""
        self.choices_ = {}

    def on_epoch_end(self, net, **kwargs):
        """Evaluate."""
        with self.clock.paused():
            choices = judge_model(self.model, self.parts, epoch=len(net.history))
        for name, choice in choices.items():
            if name not in self.choices_ or choice.valid > self.choices_[name].valid:
                self.choices_[name] = choice
