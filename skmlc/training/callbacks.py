"""Callbacks of the training loop: scores, best weights, progress, and when to stop."""

import copy
import math
import time
from itertools import groupby

import numpy as np
import torch
from skorch.callbacks import Callback
from torch._utils import _flatten_dense_tensors
from torch.nn.utils import clip_grad_norm_

__all__ = [
    "ClipGradients",
    "EpochLog",
    "FiniteLoss",
    "KeepBest",
    "SklearnBridge",
    "UnfreezeBackbone",
    "ValidationScore",
    "WeightAverage",
]


# Of so few elements, to copy a gradient beside others costs less than a call for it alone.
FEW_ELEMENTS = 2**16


class FiniteLoss(Callback):
    """Stop with a clear error when the training loss is no longer a number."""

    def on_epoch_end(self, net, **kwargs):
        """Check the mean training loss of the epoch."""
        loss = net.history[-1, "train_loss"]
        if not np.isfinite(loss):
            raise ValueError(
                f"The training loss became {loss} in epoch {len(net.history)}; lower "
                "learning_rate or max_grad_norm, or check X for very large values."
            )


class ClipGradients(Callback):
    """Clip the norm of the gradients.

    The parts of a head that its `clipped_separately` names are clipped by themselves, so that
    the rest learns the same whatever their gradients are.

    Parameters
    ----------
    max_norm : float
        The norm to which gradients are clipped.
    """

    def __init__(self, max_norm):
        self.max_norm = max_norm

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip the gradients of a step."""
        names = getattr(net.module_.head, "clipped_separately", ())
        separate = tuple(f"head.{name}." for name in names)
        groups = {True: [], False: []}
        for name, parameter in named_parameters:
            if parameter.grad is not None:
                groups[name.startswith(separate)].append(_without_zeros(parameter))
        for parameters in filter(None, groups.values()):
            if all(parameter.device.type == "cpu" for parameter in parameters):
                _clip([parameter.grad for parameter in parameters], self.max_norm)
            else:
                clip_grad_norm_(parameters, self.max_norm)


@torch.no_grad()
def _clip(gradients, max_norm):
    """Do on a CPU what `clip_grad_norm_` does, by fewer calls, and nothing to a small norm."""
    few = [g for g in gradients if g.numel() <= FEW_ELEMENTS]
    joined = [_flatten_dense_tensors(few)] if few else []
    joined += [g for g in gradients if g.numel() > FEW_ELEMENTS]
    norm = math.hypot(*(torch.linalg.vector_norm(g).item() for g in joined))
    factor = max_norm / (norm + 1e-6)
    if not factor >= 1:  # nor NaN
        torch._foreach_mul_(gradients, torch.tensor(factor, dtype=gradients[0].dtype))


def _without_zeros(parameter):
    """Return what has the gradient of a parameter, of a sparse one its values alone."""
    if not parameter.grad.is_sparse:
        return parameter
    parameter.grad = parameter.grad.coalesce()
    values = parameter.grad.values()
    alone = values.detach()
    alone.grad = values
    return alone


class ValidationScore(Callback):
    """Score the validation part after each epoch, as "valid_score" in the history.

    Parameters
    ----------
    score : callable
        Maps the outputs (N, L) of the validation samples, in their order, to a number; greater
        is better.
    read : callable
        Maps the network's output to a tensor (N, L), as `logits_of` does.
    """

    def __init__(self, score, read):
        self.score, self.read = score, read

    def on_epoch_begin(self, net, **kwargs):
        """Forget the outputs of the last epoch."""
        self.outputs_ = []

    def on_batch_end(self, net, training=False, y_pred=None, **kwargs):
        """Keep the outputs of a validation batch."""
        if not training:
            self.outputs_.append(self.read(y_pred).float())

    def on_epoch_end(self, net, **kwargs):
        """Score what was kept."""
        score = self.score(net.gather(self.outputs_).cpu().numpy())
        net.history.record("valid_score", float(score))
        self.outputs_ = []


class KeepBest(Callback):
    """Keep the weights of the best epoch, and stop when there was none for some time.

    Parameters
    ----------
    monitor : {"valid_loss", "valid_score"}
        The entry of the history that is watched: a loss is best low, a score high.
    patience : int
        After how many epochs without a better one training stops.
    """

    def __init__(self, monitor, patience):
        self.monitor = monitor
        self.patience = patience

    def on_train_begin(self, net, **kwargs):
        """Start again."""
        self.best_, self.best_epoch_, self.weights_ = -np.inf, len(net.history), None
        self.stopped_ = False

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights if they are the best so far; stop if it is long ago."""
        value = net.history[-1, self.monitor]
        if np.isnan(value):
            raise ValueError(
                f"{self.monitor} is NaN in epoch {len(net.history)}, which tells early "
                "stopping nothing: choose another metric, a larger validation_fraction, or "
                "lower learning_rate."
            )
        value = -value if self.monitor == "valid_loss" else value
        if value > self.best_:
            self.best_, self.best_epoch_ = value, len(net.history)
            self.weights_ = _copy_of_weights(net.module_)
        elif len(net.history) - self.best_epoch_ >= self.patience:
            self.stopped_ = True
            raise KeyboardInterrupt  # skorch's own way to end training early

    def on_train_end(self, net, **kwargs):
        """Put the best weights back."""
        if self.weights_ is not None:
            net.module_.load_state_dict(self.weights_)
        self.weights_ = None


class WeightAverage(Callback):
    """Average the weights over the steps, and validate and end with the average.

    The average is exponential: it moves by ``1 - decay`` of its distance to the new weights,
    and faster in the first steps, when it would still be near the initial weights.

    Parameters
    ----------
    decay : float
        In [0, 1).
    """

    def __init__(self, decay):
        self.decay = decay

    def on_train_begin(self, net, **kwargs):
        """Start again."""
        self.average_ = copy.deepcopy(net.module_)
        self.step_, self.trained_ = 0, None

    def on_batch_begin(self, net, training=False, **kwargs):
        """Validate with the average."""
        if not training:
            self._show_average(net)

    def on_batch_end(self, net, training=False, **kwargs):
        """Move the average towards the new weights."""
        if training:
            self.step_ += 1
            net.update_all_rows()
            # It begins with the weights after the first step.
            decay = min(self.decay, self.step_ / (self.step_ + 9)) if self.step_ > 1 else 0
            _move_towards(self.average_, net.module_, 1 - decay)

    def on_epoch_begin(self, net, **kwargs):
        """Train on from the weights, not from their average."""
        if self.trained_ is not None:
            net.module_.load_state_dict(self.trained_)
        self.trained_ = None

    def on_epoch_end(self, net, **kwargs):
        """Let the callbacks that follow see the average."""
        self._show_average(net)

    def on_train_end(self, net, **kwargs):
        """Leave the average in the module."""
        if self.step_:
            self._show_average(net)
        self.average_, self.trained_ = None, None

    def _show_average(self, net):
        """Put the average into the module, and keep the weights."""
        if self.trained_ is None:
            self.trained_ = _copy_of_weights(net.module_)
            net.module_.load_state_dict(self.average_.state_dict())


@torch.no_grad()
def _move_towards(module, other, share):
    """Move the numbers of a module by a share of their distance to those of another one.

    PyTorch's `AveragedModel` has its counter on the CPU, for which a GPU would wait each step.
    """
    pairs = zip(_numbers(module), _numbers(other), strict=True)
    for is_float, group in groupby(sorted(pairs, key=_is_float), key=_is_float):
        mine, others = zip(*group, strict=True)
        if is_float:
            torch._foreach_lerp_(mine, others, share)
        else:
            torch._foreach_copy_(mine, others)


def _numbers(module):
    return [*module.parameters(), *module.buffers()]


def _is_float(pair):
    return pair[0].is_floating_point()


def _copy_of_weights(module):
    """Return a state dict that does not change with the module."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


class UnfreezeBackbone(Callback):
    """Train the backbone of an image encoder too, after the first epochs.

    Parameters
    ----------
    frozen_epochs : int
        For how many epochs it stays as it is.
    """

    def __init__(self, frozen_epochs):
        self.frozen_epochs = frozen_epochs

    def on_train_begin(self, net, **kwargs):
        """Freeze the backbone."""
        self.first_ = len(net.history)
        # Not of the state that goes on: the module of another process is frozen at first.
        self._is_frozen = True
        net.module_.encoder.freeze_backbone()

    def on_epoch_begin(self, net, **kwargs):
        """Unfreeze it when its time has come."""
        if self._is_frozen and len(net.history) - self.first_ > self.frozen_epochs:
            self._is_frozen = False
            net.module_.encoder.unfreeze_backbone()

    def on_train_end(self, net, **kwargs):
        """Leave it as a later training shall find it."""
        net.module_.encoder.unfreeze_backbone()


class EpochLog(Callback):
    """Print one line per epoch: loss, validation measures, seconds, and what is left.

    Parameters
    ----------
    name : str
        The estimator's name, at the start of the line.
    """

    def __init__(self, name):
        self.name = name

    def on_train_begin(self, net, **kwargs):
        """Start the clock."""
        self.start_, self.first_ = time.monotonic(), len(net.history)
        self.max_epochs_ = net.max_epochs

    def on_epoch_end(self, net, **kwargs):
        """Print the line."""
        last = net.history[-1]
        done = len(net.history) - self.first_
        seconds = time.monotonic() - self.start_
        left = seconds / done * max(0, self.max_epochs_ - done)
        shown = [f"{k} {last[k]:.4f}" for k in SHOWN if k in last]
        print(
            f"{self.name}: epoch {done}/{self.max_epochs_}, " + ", ".join(shown)
            + f", {seconds:.0f} s, about {left:.0f} s left",
            flush=True,
        )  # fmt: skip

    def state_dict(self):
        """Return what the line counts from: the clock of another process is another one."""
        seconds = time.monotonic() - self.start_
        return {"seconds": seconds, "first": self.first_, "max_epochs": self.max_epochs_}

    def load_state_dict(self, state):
        """Count on from there."""
        self.start_ = time.monotonic() - state["seconds"]
        self.first_, self.max_epochs_ = state["first"], state["max_epochs"]


SHOWN = ("train_loss", "valid_loss", "valid_score")


class SklearnBridge(Callback):
    """Report each epoch to scikit-learn's own callbacks, as a sub-task of its fit task.

    Parameters
    ----------
    estimator : estimator
        The estimator that is being fitted.
    context : sklearn.callback.CallbackContext
        Its fit task.
    X, y : object
        The training data as the user gave them.
    """

    def __init__(self, estimator, context, X, y):
        self.estimator, self.context, self.X, self.y = estimator, context, X, y

    def on_epoch_begin(self, net, **kwargs):
        """Open the sub-task."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net, **kwargs):
        """Close the sub-task, and end training if a callback asks for it."""
        stop = self.task_.call_on_fit_task_end(
            estimator=self.estimator, X=self.X, y=self.y,
            reconstruction_attributes={"net_": net},
        )  # fmt: skip
        if stop:
            self.stopped_ = True
            raise KeyboardInterrupt
