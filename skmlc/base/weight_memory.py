"""What the weights of a network take, refused before it is allocated if it cannot fit."""

from contextlib import contextmanager
from math import prod
from numbers import Integral
from threading import get_ident
from weakref import ref

import torch
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.utils._python_dispatch import TorchDispatchMode

from ..memory import check_memory
from ..training.net_settings import choose_device

__all__ = ["attention_bytes", "bounded_weights", "check_training_memory"]

# What makes a tensor of the size that it is passed first.
_MAKERS = {
    getattr(torch.ops.aten, name).default
    for name in ("full", "ones", "rand", "randn", "zeros")
} | {torch.ops.aten.empty.memory_format}
# Smaller tensors are made without a look at what there is already.
_LEAST_TO_CHECK = 2**20
# How many numbers an optimizer keeps for each weight, of those known by name.
_COPIES_KEPT = {"adam": 2, "adamw": 2, "sgd": 1}


@contextmanager
def bounded_weights(estimator, n_labels):
    """Refuse weights, as they are made within the block, that memory cannot hold.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Whose network is built; for the error.
    n_labels : int
        The number of labels.

    Raises
    ------
    ValueError
        Before a tensor is made with which the weights would take all memory.
    """
    # By id, as modules may share weights; weakly, as some are replaced by those of a file.
    weights, thread = {}, get_ident()

    def count(module, name, weight):
        if weight is not None and get_ident() == thread:
            weights[id(weight)] = ref(weight)

    hook = register_module_parameter_registration_hook(count)
    try:
        with _Bounded(estimator, n_labels, weights):
            yield
    finally:
        hook.remove()


class _Bounded(TorchDispatchMode):
    """Looks at the size of each tensor before it is made."""

    def __init__(self, estimator, n_labels, weights):
        super().__init__()
        self.estimator, self.n_labels, self.weights = estimator, n_labels, weights

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in _MAKERS and str(kwargs.get("device")) != "meta":
            dtype = kwargs.get("dtype") or torch.get_default_dtype()
            n_bytes = prod(args[0]) * dtype.itemsize
            if n_bytes > _LEAST_TO_CHECK:
                n_bytes += self._n_bytes_made()
                _check(self.estimator, n_bytes, list(args[0]), self.n_labels)
        return func(*args, **kwargs)

    def _n_bytes_made(self):
        weights = [weight() for weight in self.weights.values()]
        return sum(w.nbytes for w in weights if w is not None and not w.is_meta)


def check_training_memory(estimator, module, n_labels, n_samples):
    """Raise an error for a network that fits into memory, but cannot be trained there.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With the hyper-parameters of training.
    module : Network
        On the CPU.
    n_labels : int
        The number of labels.
    n_samples : int
        The number of samples to train on.

    Raises
    ------
    ValueError
        If weights, gradients and what the optimizer keeps of them take more than all memory, or
        attention among all labels does.  On another device than the CPU nothing is checked.
    """
    if torch.device(choose_device(estimator.device)).type != "cpu":
        return
    weights = list(module.parameters())
    skip = [] if module.skip is None else list(module.skip.parameters())
    apart = {id(weight) for weight in skip}  # whose optimizer keeps less
    trained = [w for w in weights if w.requires_grad and id(w) not in apart]
    n_copies = 1 + _COPIES_KEPT.get(estimator.optimizer, 0)
    n_bytes = sum(w.nbytes for w in weights) + n_copies * sum(w.nbytes for w in trained)
    largest = max(weights, key=torch.Tensor.numel, default=torch.empty(0))
    _check(estimator, n_bytes, list(largest.shape), n_labels)
    n_samples = min(n_samples, -(-estimator.batch_size // estimator.batch_parts))
    check_memory(
        estimator._attention_bytes(n_samples, n_labels),
        f"{type(estimator).__name__} with {n_labels} labels that all attend to each other, in "
        f"batches of {n_samples},",
        "fewer labels, a smaller batch_size, n_heads or n_layers; or LaMPClassifier or "
        "Query2LabelClassifier with a sparse label_graph",
    )


def attention_bytes(estimator, n_samples, n_labels):
    """Return what the attention of a transformer among labels takes on a CPU, at the least.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With `n_heads`, `n_layers` and `dropout`.
    n_samples : int
        The size of a batch.
    n_labels : int
        The number of labels.

    Returns
    -------
    int
        The bytes that training keeps of all weights, where they have dropout: the weights as
        they were and as they are multiplied, and what is dropped; or the weights of a sample,
        which PyTorch's prediction holds.
    """
    of_a_sample = estimator.n_heads * n_labels**2
    kept = 9 * n_samples * estimator.n_layers if estimator.dropout > 0 else 0
    return of_a_sample * max(kept, 4)


def _check(estimator, n_bytes, shape, n_labels):
    """Raise an error that names what made a tensor of this shape so large."""
    sizes = [
        (value, name)
        for name, value in estimator.get_params(deep=False).items()
        if name.endswith("_size") and name != "batch_size" and isinstance(value, Integral)
        and any(int(value) > 1 and length % int(value) == 0 for length in shape)
    ]  # fmt: skip
    what = f"{type(estimator).__name__} with {n_labels} labels and "
    n_features = getattr(estimator, "n_features_in_", None)
    inputs = "" if n_features is None else f"{n_features} features, "
    shape = " x ".join(map(str, shape))
    what += f"{inputs}whose network has a weight of {shape} numbers,"
    choose = "fewer features, fewer labels, or linear_skip=False where the method has it"
    if sizes:
        value, name = max(sizes)
        what, choose = f"{name}={value} in {what}", f"a smaller {name}"
    check_memory(n_bytes, what, choose)
