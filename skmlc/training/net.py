"""The skorch net behind every estimator, and how it trains."""

from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import LoadInitState
from skorch.helper import predefined_split
from skorch.history import History
from skorch.utils import get_map_location

from ..nn.head_output import logits_of
from ..one_model import in_turn
from .batches import BatchDataset, as_batch, parts_of
from .callbacks import ClipGradients, EpochLog, FiniteLoss
from .interrupts import SearchInterrupted, stops_a_search
from .net_settings import choose_device, choose_optimizer
from .row_optimizer import RowwiseAdamW
from .threads import OPERATIONS_PER_WEIGHT, count_operations, threads_for
from .user_callbacks import prepared

__all__ = [
    "Net",
    "make_net",
    "random_seed",
    "restore_net",
    "train",
]

# Above this, a few samples are predicted after training, to see whether weights are too large.
LARGE_WEIGHT, FEW_SAMPLES = 1e3, 4


class Net(NeuralNet):
    """A skorch net that reads whole batches and never waits for the device within an epoch."""

    _scored = None  # in training, what scoring callbacks score
    _lent = ()  # in training, the names of callbacks that are there for it alone
    _position = None  # within an epoch, where a checkpoint goes on; see `EpochPosition`
    _learnable = None  # within an epoch, the parameters by name
    # What a product takes for each sample; None leaves the number of threads as it is.
    operations = None

    def fit_loop(self, *args, **kwargs):
        """Train; skorch ends a training at any KeyboardInterrupt, and a search would go on."""
        try:
            return super().fit_loop(*args, **kwargs)
        except KeyboardInterrupt as interrupt:
            if stops_a_search(interrupt):
                raise SearchInterrupted from interrupt
            raise

    def infer(self, x, **fit_params):
        """Return the module's output for a batch of nodes."""
        with self._autocast():
            return self.module_(x.to(self.device), **fit_params)

    def train_step_single(self, batch, **fit_params):
        """Return loss and output of a batch, of one in parts a list of outputs."""
        self._set_training(True)
        parts = parts_of(batch)
        if len(parts) == 1:
            return self._train_part(*parts[0], **fit_params)
        n_samples = sum(len(nodes) for nodes, _ in parts)
        steps = [self._train_part(*p, len(p[0]) / n_samples, **fit_params) for p in parts]
        loss = torch.stack([step["loss"] for step in steps]).sum()
        return {"loss": loss, "y_pred": [step["y_pred"] for step in steps]}

    def _train_part(self, nodes, targets, share=1, **fit_params):
        """Add the gradients of a batch, or of a share of one, and return loss and output."""
        if isinstance(self.optimizer_, RowwiseAdamW):
            self.optimizer_.refresh(nodes.ids)
        targets, labels = self._move_targets(targets)  # labels for heads that use them
        output = self.infer(nodes, labels=labels, **fit_params)
        loss = self._part_of_loss(self.criterion_(output, targets))
        loss = loss if share == 1 else share * loss
        loss.backward()
        return {"loss": loss.detach(), "y_pred": output}

    def _part_of_loss(self, loss):
        """Return the loss of a batch as it is; of a part, what it adds to that of the whole."""
        return loss

    def gather(self, outputs):
        """Return what the batches of a validation gave (n, ...), of all processes, in one."""
        return torch.cat(outputs)

    def _move_targets(self, targets):
        """Return targets on the device, and the labels where the head reads them."""
        moved = targets.to(self.device)
        on_cpu = getattr(self.module_.head, "targets_on_cpu", False)
        return moved, (targets if on_cpu else moved).labels

    def _set_training(self, training=True):
        """Set the mode of the module; what evaluation reads is brought up to date before."""
        if not training:
            self.update_all_rows()
        # To look is ten times as fast as to set, which is for the first step alone.
        if not _is_in_mode(self.module_, training):
            super()._set_training(training)

    def update_all_rows(self):
        """Bring weights up to date that the optimizer updates when they are read."""
        if isinstance(self.optimizer_, RowwiseAdamW):
            self.optimizer_.flush()

    def validation_step(self, batch, **fit_params):
        """Return loss and output of a batch; the labels are for the loss, as in training."""
        targets, labels = self._move_targets(batch[1])
        return super().validation_step((batch[0], targets), labels=labels, **fit_params)

    def evaluation_step(self, batch, training=False):
        """Return the output for a batch; skorch's takes as long as a small network to begin."""
        if not self.initialized_:
            self.check_is_fitted()  # which raises
        with torch.set_grad_enabled(training):
            self._set_training(training)
            return self.infer(batch[0])

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Return the loss of a validation batch."""
        return self._part_of_loss(self.criterion_(y_pred, y_true))

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one epoch; losses are read from the device when it is over."""
        if iterator is None:
            return
        losses, batches = [], iterator
        if training and self._position is not None:
            losses, batches = self._position.losses, self._position.batches(iterator)
        # Each step asks for them, and to find them takes half as long as to clip gradients.
        self._learnable = list(super().get_all_learnable_params())
        try:
            for batch in batches:
                self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch, **fit_params)
                losses.append(step["loss"])
                size = sum(len(nodes) for nodes, _ in parts_of(batch))
                self.history.record_batch(f"{prefix}_batch_size", size)
                self.notify("on_batch_end", batch=batch, training=training, **step)
        finally:  # also where the user interrupts training
            self._learnable = None
            self.update_all_rows()
        self._record_losses(prefix, torch.stack(losses))
        self.history.record(f"{prefix}_batch_count", len(losses))

    def get_all_learnable_params(self):
        """Return the parameters by name."""
        if self._learnable is None:
            return super().get_all_learnable_params()
        return iter(self._learnable)

    def _record_losses(self, prefix, losses):
        # The batches of training and validation follow each other in the history.
        batches = self.history[-1]["batches"]
        for batch, loss in zip(batches[-len(losses) :], losses.tolist(), strict=True):
            batch[f"{prefix}_loss"] = loss

    def settings(self):
        """Return the parameters by name, but for what is trained and its loss."""
        names = {name for name in self._get_param_names() if not name.startswith("_")}
        return {
            name: getattr(self, name) for name in sorted(names - {"module", "criterion"})
        }

    @property
    def loss_(self) -> Any:
        """The loss; `net_params` may have another criterion than `Criterion`."""
        criterion = self.criterion_
        return criterion.loss if isinstance(criterion, Criterion) else criterion

    def __getstate__(self):
        state = super().__getstate__()
        # Callbacks may pickle a net in training, which must not carry the data.
        if self._lent:
            callbacks = [(n, c) for n, c in self.callbacks_ if n not in self._lent]
            state |= {"callbacks_": callbacks, "train_split": None, "_lent": ()}
        # skorch packs `module_` and `criterion_` so that they can be unpacked on a CPU; what
        # they were made of, which is the same, would be in a pickle a second time.
        if self.__dict__.get("module_") is self.module:
            state |= {"module": None, "criterion": None}
        return state | {"_scored": None, "_position": None, "_learnable": None}

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.module is None:
            self.module = self.module_
            self.criterion = partial(Criterion, self.loss_)

    def count_operations(self, data):
        """Count what a product takes in a forward pass, of the first samples of data."""
        if torch.device(self.device).type != "cpu" or self.compile:
            return
        batch, _ = data.__getitems__(np.arange(min(len(data), self.batch_size)))
        self.operations = count_operations(self.module_, batch) / len(batch)

    def suitable_threads(self, n_samples, *, training=False):
        """Return a context that has as many threads as some samples, or training, are worth."""
        if self.operations is None:
            return threads_for(None)
        operations = self.operations * min(n_samples, self.batch_size)
        if training:
            groups = self.optimizer_.param_groups
            sizes = [p.numel() for g in groups if not g.get("rowwise") for p in g["params"]]
            updates = OPERATIONS_PER_WEIGHT * sum(sizes) / max(1, len(sizes))
            operations = max(operations, updates)
        return threads_for(operations)

    def _autocast(self):
        device = torch.device(self.device).type
        return torch.autocast(device, torch.bfloat16, enabled=self.bfloat16)


def _is_in_mode(module, training):
    """Whether all parts of a module are in training mode, or none of them is."""
    parts = [module]
    while parts:
        part = parts.pop()
        if part is None:
            continue
        if part.training != training:
            return False
        parts.extend(part._modules.values())
    return True


def make_net(module, loss, *, estimator_name, callbacks, params, kind=Net, **settings):
    """Build the net of an estimator.

    Parameters
    ----------
    module : nn.Module
        Maps a batch to logits.
    loss : callable
        Maps (output, targets) to a scalar.
    estimator_name : str
        For the progress line.
    callbacks : list or None
        The user's, of skorch, after ours.
    params : dict or None
        Anything else for skorch; wins over what is set here.
    kind : class, default=Net
        Of the net.
    **settings : object
        The estimator's hyper-parameters of training: batch_size, device, learning_rate,
        max_epochs, max_grad_norm, optimizer, precision, verbose, weight_decay.

    Returns
    -------
    Net
        Not initialized.
    """
    device = choose_device(settings["device"])
    ours = [("finite_loss", FiniteLoss())]
    if settings["max_grad_norm"] is not None:
        ours.append(("clip", ClipGradients(settings["max_grad_norm"])))
    if settings["verbose"]:
        ours.append(("epoch_log", EpochLog(estimator_name)))
    optimizer, optimizer_params = choose_optimizer(settings["optimizer"])
    net = kind(
        **{
            "module": module,
            "criterion": partial(Criterion, loss),
            "optimizer": optimizer,
            "optimizer__weight_decay": settings["weight_decay"],
            **optimizer_params,
            "lr": settings["learning_rate"],
            "max_epochs": settings["max_epochs"],
            "batch_size": settings["batch_size"],
            "iterator_train__shuffle": True,
            "iterator_train__collate_fn": as_batch,
            "iterator_valid__collate_fn": as_batch,
            # Copies of other memory to a GPU would wait for it.
            "iterator_train__pin_memory": torch.device(device).type == "cuda",
            "iterator_valid__pin_memory": torch.device(device).type == "cuda",
            "train_split": None,
            "predict_nonlinearity": None,
            "callbacks": [*ours, *prepared(callbacks)],
            "callbacks__print_log": None,  # ours is one line, and silent under Ray
            "device": device,
            "verbose": 0,
            **(params or {}),
        }
    )
    net.bfloat16 = settings["precision"] == "bfloat16"
    return net


def restore_net(settings, module, loss, history, optimizer=None):
    """Return a trained net, made of its parts.

    Parameters
    ----------
    settings : dict
        As `Net.settings` returns them.
    module : nn.Module
        With its weights; it is moved to the net's device, or stays on the CPU without it.
    loss : callable
        As for `make_net`.
    history : list of dict
        Of the epochs.
    optimizer : dict, default=None
        The state of the optimizer; None for a new one.

    Returns
    -------
    Net
        Initialized.
    """
    settings = {**settings, "compile": False}  # loading must not start a compiler
    bfloat16, operations = settings.pop("bfloat16"), settings.pop("operations", None)
    device = str(get_map_location(settings["device"]))
    net = Net(**{**settings, "module": module, "criterion": partial(Criterion, loss)})
    net.set_params(device=device)
    net.bfloat16, net.operations = bfloat16, operations
    net.initialize()
    net.history_ = History(history)
    if optimizer is not None:
        net.optimizer_.load_state_dict(optimizer)
    return net


class Criterion:
    """The loss to skorch, which calls what it takes for a class, and saves its state.

    Parameters
    ----------
    loss : callable
        Maps (output, targets) to a scalar.
    """

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, output, targets):
        """Return the loss of a batch."""
        return self.loss(output, targets)

    def state_dict(self):
        """Return an empty state: losses learn nothing."""
        return {}

    def load_state_dict(self, state):
        """Take an empty state."""


@contextmanager
def random_seed(seed):
    """Seed PyTorch within the block, and leave its global random state as it was."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with in_turn(), torch.random.fork_rng(devices):
        # PyTorch's own notes a traceback for each kind of device that is not there: 0.3 ms.
        everywhere = torch.accelerator.is_available()
        (torch if everywhere else torch.default_generator).manual_seed(int(seed))
        # What the block makes can be trained, also where the caller has turned gradients off.
        with torch.inference_mode(False), torch.enable_grad():
            yield


def train(
    net,
    train_data,
    valid_data=None,
    *,
    epochs=None,
    extra_callbacks=(),
    scored=None,
    checkpoint=None,
):
    """Train an initialized net, from where it stands.

    Parameters
    ----------
    net : Net
        Changed in place.
    train_data, valid_data : BatchDataset
        What to learn from, and what to measure on.
    epochs : int, default=None
        Instead of the net's `max_epochs`.
    extra_callbacks : sequence of (str, Callback)
        For this training only; they may hold data, which a pickled net must not carry.
    scored : tuple of (classifier, X, y), default=None
        What scoring callbacks score, X and y as the user gave them.
    checkpoint : TrainingCheckpoint, default=None
        Where to go on, and what to write to.
    """
    if checkpoint is not None and checkpoint.finished:
        checkpoint.restore_finished(net)
        return
    callbacks, max_epochs = net.callbacks_, net.max_epochs
    # A schedule leaves the rates where it ended, and another one begins there.
    for group in net.optimizer_.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"])
    extra = [(n, c.initialize()) for n, c in extra_callbacks]
    if checkpoint is not None:
        extra.append(("checkpoint", checkpoint))
    net.callbacks_ = _in_order(callbacks, extra)
    net.train_split = None if valid_data is None else predefined_split(valid_data)
    net.max_epochs = max_epochs if epochs is None else epochs
    net._scored, net._lent = scored, tuple(name for name, _ in extra)
    try:
        with net.suitable_threads(len(train_data), training=True):
            net.partial_fit(train_data, y=None)
            _check_finite(net, train_data)
        if checkpoint is not None:
            checkpoint.finish(net)
    except SearchInterrupted as interrupt:
        raise KeyboardInterrupt from interrupt
    finally:
        net.callbacks_, net.max_epochs, net.train_split = callbacks, max_epochs, None
        net._scored, net._lent, net._position = None, (), None


def _check_finite(net, data):
    """Raise an error if the last step, whose loss no one sees, has ruined the weights."""
    weights = [weight.detach() for weight in net.module_.parameters() if weight.numel()]
    sizes = [float(torch.linalg.vector_norm(weight, np.inf)) for weight in weights]
    largest = np.max(sizes, initial=0.0)
    if not np.isfinite(largest):
        raise ValueError(
            "The weights became NaN or infinite; lower learning_rate or max_grad_norm, or "
            "check X for very large values."
        )
    if largest < LARGE_WEIGHT:
        return
    # Weights can be finite, and so large that what is computed with them is not.
    few = BatchDataset(data.X, rows=data.rows[:FEW_SAMPLES], dtype=data.dtype)
    output = net.evaluation_step(few.__getitems__(np.arange(len(few))))
    if bool(logits_of(output).isnan().any()):
        raise ValueError(
            "The weights became so large that predictions are NaN; lower learning_rate, "
            "max_grad_norm or weight_decay, or check X for very large values."
        )


def _in_order(callbacks, extra):
    """Put scores before the user's callbacks, and what prints or stops at the end."""
    last = ("epoch_log", "keep_best", "checkpoint")

    def place(item):
        name, callback = item
        if isinstance(callback, LoadInitState):
            return -2  # what others begin from
        return last.index(name) if name in last else -1

    first = 1 + [name for name, _ in callbacks].index("finite_loss")
    merged = [*callbacks[:first], *extra, *callbacks[first:]]
    return sorted(merged, key=place)
