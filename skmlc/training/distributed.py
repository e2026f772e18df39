"""Training in several processes, each on a part of every batch, as `torchrun` starts them.

The processes hold the same weights all the time: PyTorch's `DistributedDataParallel` averages
the gradients of each step, weighted so that they are those of the whole batch, also where the
last one does not divide evenly.
"""

import atexit
import os
from inspect import signature
from numbers import Integral

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from .checkpoint import TrainingCheckpoint
from .net import Net, choose_device, make_net

__all__ = ["DistributedNet", "PartOfBatches", "check_distributed", "make_distributed_net"]


def join():
    """Join the processes that `torchrun` has started, once; return whether there are some."""
    if not dist.is_initialized() and "LOCAL_RANK" in os.environ:  # which torchrun sets
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        atexit.register(dist.destroy_process_group)
    return dist.is_initialized()


def own_device():
    """Return the device of this process, and make it PyTorch's current one."""
    if choose_device("auto") == "cpu" or dist.get_backend() == "gloo":
        return "cpu"
    place = int(os.environ.get("LOCAL_RANK", dist.get_rank() % torch.cuda.device_count()))
    torch.cuda.set_device(place)
    return f"cuda:{place}"


def check_distributed(estimator):
    """Raise an error for what several processes could not do alike, if there are such.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With its parameters.

    Raises
    ------
    ValueError
        If `random_state` is no int, batches have parts, or a checkpoint would be written
        within epochs.
    """
    if not join():
        return
    if not isinstance(estimator.random_state, Integral):
        raise ValueError(
            "device='distributed' needs random_state, from which all processes draw the same; "
            f"got {estimator.random_state!r}: pass an int."
        )
    if estimator.batch_parts != 1:
        raise ValueError(
            "batch_parts must be 1 with device='distributed', where each process computes a "
            f"part of each batch; got {estimator.batch_parts}."
        )
    if estimator.checkpoint is not None and estimator.checkpoint_minutes is not None:
        raise ValueError(
            "checkpoint_minutes must be None with device='distributed', whose processes stand "
            f"at one place only after an epoch; got {estimator.checkpoint_minutes!r}."
        )


def make_distributed_net(module, loss, **settings):
    """Build the net of an estimator, of this process alone or of those of `torchrun`.

    Parameters
    ----------
    module, loss : object
        As for `make_net`.
    **settings : object
        Likewise; `device` is this process's own.

    Returns
    -------
    Net
        Not initialized; it prints in the first process alone.
    """
    if not join():
        return make_net(module, loss, **settings)
    settings["verbose"] = settings["verbose"] and dist.get_rank() == 0
    settings["device"] = own_device()
    return make_net(module, loss, kind=DistributedNet, **settings)


class SharedCheckpoint(TrainingCheckpoint):
    """A checkpoint that the first process writes after epochs, and from which all go on.

    What the others draw in an epoch follows from the random state of the first as it begins.

    Parameters
    ----------
    folder, name, identity, minutes : object
        As for `TrainingCheckpoint`.
    """

    @property
    def writes(self):
        """Whether this is the first process."""
        return dist.get_rank() == 0

    def _read(self):
        """Return what the first process finds."""
        found = [super()._read() if self.writes else None]
        dist.broadcast_object_list(found)
        return found[0]


class DistributedNet(Net):
    """A net that is trained by all processes together; it predicts in each by itself."""

    checkpoint_kind = SharedCheckpoint
    _together = False  # whether this is a training with the others
    _forward = None  # in training, the module's, which has gradients averaged
    _trained = None  # of which weights
    _parts = None  # in an epoch, the parts of its batches
    _shares = ()  # what they count
    _told = False  # whether another process has ended training

    def partial_fit(self, X, y=None, **fit_params):
        """Train, and end with the weights of the first process, to the bit."""
        _check_same_samples(X)
        self._together, self._trained, self._told = True, None, False
        try:
            super().partial_fit(X, y, **fit_params)
        finally:
            self._together, self._forward = False, None
        self._share(self.module_.state_dict().values())
        return self

    def fit_loop(self, *args, **kwargs):
        """Train until all epochs are over, here or in another process."""
        try:
            super().fit_loop(*args, **kwargs)
        except KeyboardInterrupt:  # by a callback; after errors nobody listens
            self._tell_the_others()
            raise
        self._tell_the_others()
        return self

    def _tell_the_others(self):
        """Say that training ends here, unless another process has said so."""
        if not self._told:
            self._someone_ends(True)

    def on_epoch_begin(self, net, **kwargs):
        """End training if another process has."""
        self._told = self._someone_ends(False)
        if self._told:
            raise KeyboardInterrupt  # skorch's own way to end training early
        super().on_epoch_begin(net, **kwargs)

    def get_iterator(self, dataset, training=False):
        """Return the batches; of those that have labels, in training, this process's part."""
        whole = super().get_iterator(dataset, training=training)
        if not self._together or dataset.Y is None:
            return whole
        names = ("collate_fn", "num_workers", "pin_memory", "worker_init_fn")
        options = {name: getattr(whole, name) for name in names}
        parts = PartOfBatches(whole.batch_sampler, len(dataset))
        return DataLoader(dataset, batch_sampler=parts, **options)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one epoch; what training counts beside weights becomes that of the first."""
        if iterator is not None:
            self._parts = iterator.batch_sampler
            self._shares = iter(self._parts.shares())
        if training:
            self._average_gradients()
        super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
        if training:
            self._share(self.module_.buffers())

    def _average_gradients(self):
        """Have gradients averaged of what is trained now: a backbone may be so later."""
        trained = [weight.requires_grad for weight in self.module_.parameters()]
        if trained != self._trained:
            self._forward = None  # so that no other is there that would average them, too
            self._forward, self._trained = _averaging(self.module_), trained

    def infer(self, x, **fit_params):
        """Return the module's output, by way of what averages the gradients in training."""
        if self._forward is None or not self.module_.training:
            return super().infer(x, **fit_params)
        with self._autocast():
            return self._forward(x.to(self.device), **fit_params)

    def _part_of_loss(self, loss):
        return loss * next(self._shares)

    def _record_losses(self, prefix, losses):
        """Record the losses of whole batches, of which each process has a part."""
        dist.all_reduce(losses)
        super()._record_losses(prefix, losses / dist.get_world_size())
        batches = self.history[-1]["batches"]
        for batch, size in zip(batches[-len(losses) :], self._parts.sizes(), strict=True):
            batch[f"{prefix}_batch_size"] = size

    def gather(self, outputs):
        """Return what all processes have of the batches of a validation, in their order."""
        parts = [None] * dist.get_world_size()
        dist.all_gather_object(parts, torch.cat(outputs).cpu())
        places = [self._parts.places(rank) for rank in range(len(parts))]
        rows = torch.cat([part[: len(p)] for part, p in zip(parts, places, strict=True)])
        return rows[torch.cat(places).argsort()]

    def _share(self, tensors):
        """Give all processes the tensors of the first one."""
        for tensor in tensors:
            dist.broadcast(tensor.detach(), 0)

    def _someone_ends(self, this_one):
        """Return whether a process ends training; all must ask, once an epoch."""
        flag = torch.tensor(float(this_one), device=self.device)
        dist.all_reduce(flag, dist.ReduceOp.MAX)
        return bool(flag)

    def __getstate__(self):
        return super().__getstate__() | {"_forward": None, "_parts": None, "_shares": ()}


def _averaging(module):
    """Return the forward pass of a module whose gradients are then averaged over all processes.

    It is not the module itself: skorch would take that for a part of the net.
    """
    sync = "forward_sync_buffers"  # of PyTorch 2.13, before that another name
    known = signature(DistributedDataParallel).parameters
    options = {sync if sync in known else "broadcast_buffers": False}
    # What a batch needs of them is found anew each step: nodes by themselves need no attention.
    wrapped = DistributedDataParallel(module, find_unused_parameters=True, **options)
    return wrapped.__call__


class PartOfBatches:
    """The part of each batch of all processes that belongs to this one.

    All draw the same batches, with the random state of the first process, and what they draw
    within an epoch, as for dropout, each for itself.

    Parameters
    ----------
    batch_sampler : BatchSampler
        Of whole batches.
    n_samples : int
        How many samples there are in all.
    """

    def __init__(self, batch_sampler, n_samples):
        self.whole, self.n_samples = batch_sampler, n_samples
        self.rank, self.n_processes = dist.get_rank(), dist.get_world_size()

    def __len__(self):
        return len(self.whole)

    def __iter__(self):
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        state = torch.get_rng_state().to(device)
        dist.broadcast(state, 0)
        torch.set_rng_state(state.cpu())
        batches = list(self.whole)
        if self.rank > 0:
            torch.manual_seed(int(torch.randint(2**62, ())) + self.rank)
        for batch in batches:
            # One that comes to nothing still has to take part in the step.
            yield batch[self.rank :: self.n_processes] or batch[:1]

    def sizes(self):
        """Return how many samples each whole batch has."""
        size = self.whole.batch_size
        return [min(size, self.n_samples - i * size) for i in range(len(self))]

    def places(self, rank):
        """Return which of all samples are those of a process, in the order of whole batches."""
        size, n = self.whole.batch_size, self.n_processes
        starts = range(0, self.n_samples, size)
        ends = [min(start + size, self.n_samples) for start in starts]
        rows = [torch.arange(a + rank, b, n) for a, b in zip(starts, ends) if a + rank < b]
        return torch.cat([torch.arange(0), *rows])

    def shares(self):
        """Return what the mean over this part counts in the mean over all processes."""
        n = self.n_processes
        return [n * len(range(self.rank, size, n)) / size for size in self.sizes()]


def _check_same_samples(data):
    """Raise an error if the processes were not given equally many samples."""
    counts = [None] * dist.get_world_size()
    dist.all_gather_object(counts, len(data))
    if len(set(counts)) > 1:
        raise ValueError(
            "All processes must be given the same samples, of which each trains on a part; got "
            f"{', '.join(map(str, counts))} of them."
        )
