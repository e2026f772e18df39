"""How many threads a network computes on: as many as its work is worth.

Threads share the work of one operation, and wait for its end.  To wake them, and to wait, takes
some 20 microseconds of each operation, and where other programs want the cores, far more: a
small network then trains several times as fast on one thread.
"""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["count_operations", "threads_for"]

# Measured with 1 and 2 threads, on layers from 32 to 512 units wide and batches from 32 to 4096:
# at a forward pass of 8 million operations a step takes 1.6 times as many CPU seconds on two
# threads as on one, at 34 million 1.3 times, from 130 million on at most 1.07 times.
OPERATIONS_PER_THREAD = 32e6
# An optimizer's step takes as long for one weight as so many operations of a forward pass.
OPERATIONS_PER_WEIGHT = 50


@contextmanager
def threads_for(operations):
    """Compute on as many threads as the work is worth, and at most as many as there were.

    Parameters
    ----------
    operations : float or None
        How many additions and multiplications a forward pass of a batch takes; None leaves the
        number of threads as it is.

    Examples
    --------
    >>> import torch
    >>> from skmlc.training.threads import threads_for
    >>> with threads_for(1000):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    worth = before if operations is None else int(operations / OPERATIONS_PER_THREAD)
    if worth >= before:
        yield
        return
    try:
        torch.set_num_threads(max(1, worth))
        yield
    finally:
        torch.set_num_threads(before)


def count_operations(module, batch):
    """Return how many additions and multiplications a forward pass takes.

    Parameters
    ----------
    module : nn.Module
        It is put into evaluation mode.
    batch : object
        What it is called with.

    Returns
    -------
    int
        Of matrix products, convolutions and attention; others hardly count beside them.
    """
    # With gradients, without which PyTorch hides a whole layer in one operation.
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), _Counter() as counter:
        module.eval().forward(batch)  # not the call, which may be compiled
    return counter.operations


class _Counter(TorchDispatchMode):
    """Counts the operations within a block."""

    def __init__(self):
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        kind = getattr(function, "_overloadpacket", None)
        if kind == torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
            kind = torch.ops.aten._scaled_dot_product_flash_attention  # which is registered
        count = flop_registry.get(kind)
        if count is not None:
            self.operations += count(*args, **(kwargs or {}), out_val=result)
        return result
