"""How the learning rate changes in training."""

from itertools import pairwise
from numbers import Integral

import numpy as np
import torch
from skorch.callbacks import LRScheduler

__all__ = ["SCHEDULES", "WarmupCosine", "check_schedule", "make_schedule"]

SCHEDULES = ("cosine", "cosine_restart", "step", "plateau")


def check_schedule(schedule):
    """Raise an error for epochs that are no such list.

    Parameters
    ----------
    schedule : str, sequence or None
        As the user gave it.

    Raises
    ------
    ValueError
        If it is a sequence, but not of positive integers that increase.
    """
    if schedule is None or isinstance(schedule, str):
        return
    whole = all(isinstance(epoch, Integral) and epoch > 0 for epoch in schedule)
    if len(schedule) == 0 or not whole or any(a >= b for a, b in pairwise(schedule)):
        raise ValueError(
            "lr_schedule must hold the epochs after which the learning rate is divided by "
            f"ten, positive integers that increase; got {schedule!r}."
        )


def make_schedule(schedule, max_epochs, n_batches, monitor, frozen_epochs=0):
    """Return the callback that changes the learning rate, or None.

    Parameters
    ----------
    schedule : {"cosine", "cosine_restart", "step", "plateau"}, sequence of int or None
        "cosine" rises linearly over the first tenth of the steps and falls to zero as a half
        cosine; "cosine_restart" does so once with a frozen backbone and once after; "step"
        divides by ten after each third of the epochs, a sequence after each epoch in it;
        "plateau" divides by ten when `monitor` has not improved for five epochs.
    max_epochs, n_batches : int
        The length of the training.
    monitor : str
        The entry of the history that "plateau" watches.
    frozen_epochs : int, default=0
        After how many epochs "cosine_restart" begins again.

    Returns
    -------
    skorch.callbacks.LRScheduler or None
        None stands for a constant learning rate.
    """
    if schedule is None:
        return None
    # Skorch would go on where the last schedule ended.
    if schedule == "step":
        size = max(1, -(-max_epochs // 3))
        return LRScheduler("StepLR", step_size=size, gamma=0.1, last_epoch=-1)
    if schedule == "plateau":
        mode = "max" if monitor == "valid_score" else "min"
        return LRScheduler(
            "ReduceLROnPlateau", monitor=monitor, mode=mode, factor=0.1, patience=5
        )
    if not isinstance(schedule, str):
        epochs = [int(epoch) for epoch in schedule]
        return LRScheduler("MultiStepLR", milestones=epochs, gamma=0.1, last_epoch=-1)
    first = min(frozen_epochs, max_epochs) if schedule == "cosine_restart" else 0
    factor = WarmupCosine(max_epochs * n_batches, first * n_batches)
    policy = torch.optim.lr_scheduler.LambdaLR
    return LRScheduler(policy, lr_lambda=factor, step_every="batch", last_epoch=-1)


class WarmupCosine:
    """The factor of the learning rate at a step: linear warm-up, then half a cosine.

    A class rather than a closure, so that a fitted net can be pickled.

    Parameters
    ----------
    n_steps : int
        The number of steps in all.
    restart : int, default=0
        The step at which all begins again, for the steps that are left.
    """

    def __init__(self, n_steps, restart=0):
        self.n_steps, self.restart = n_steps, restart

    def __call__(self, step):
        """Return the factor, in [0, 1]."""
        if step < self.restart:
            return _warmup_cosine(step, self.restart)
        return _warmup_cosine(step - self.restart, self.n_steps - self.restart)


def _warmup_cosine(step, n_steps):
    """Return the factor at a step of so many."""
    n_warmup = max(1, n_steps // 10)
    if step < n_warmup:
        return (step + 1) / n_warmup
    share = min(1.0, (step - n_warmup) / max(1, n_steps - n_warmup))
    return float(0.5 * (1 + np.cos(np.pi * share)))
