"""How many threads a network computes on: as many as its operations are worth.

Threads share the work of one operation, and wait for its end by spinning: idle cores are left
so, and where others want them, each operation lasts until the last thread had its turn.  A
network of many small operations gains nothing, and may take fifty times as long.
"""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

__all__ = ["count_operations", "threads_for"]

# Multiplications and additions of a matrix product that a thread is worth.  Measured with 1 and
# 2 threads, on layers 32 to 512 wide and batches of 32 to 2048: products of 2 million are at
# best a fifth faster on two threads, of 34 million up to three times; on a busy machine both
# take three to five times as long, and a step of LaMP of 34 products of 2 million, fifty times.
OPERATIONS_PER_THREAD = 16e6
# An optimizer's step takes as long for one weight as so many operations of a forward pass.
OPERATIONS_PER_WEIGHT = 50


@contextmanager
def threads_for(operations):
    """Compute on as many threads as the work is worth, and at most as many as there were.

    Parameters
    ----------
    operations : float or None
        How many multiplications and additions a matrix product takes; None leaves the number
        of threads as it is.

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
    """Return how many multiplications and additions a product takes in a forward pass.

    Parameters
    ----------
    module : nn.Module
        It is put into evaluation mode.
    batch : object
        What it is called with.

    Returns
    -------
    float
        The mean over its matrix products, convolutions and attentions.
    """
    # With gradients, without which PyTorch hides a whole layer in one operation.
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), _Counter() as counter:
        module.eval().forward(batch)  # not the call, which may be compiled
    return sum(counter.products) / max(1, len(counter.products))


class _Counter(TorchDispatchMode):
    """Counts the operations of each product within a block."""

    def __init__(self):
        super().__init__()
        self.products = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        kind = getattr(function, "_overloadpacket", None)
        if kind == torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
            kind = torch.ops.aten._scaled_dot_product_flash_attention  # which is registered
        count = flop_registry.get(kind)
        if count is not None:
            self.products.append(count(*args, **(kwargs or {}), out_val=result))
        return result
