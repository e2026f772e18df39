"""What `torch.compile` leaves as it is."""

from functools import wraps

import torch

__all__ = ["not_compiled"]


def not_compiled(function):
    """Have a function run as it is written where what calls it is compiled.

    This is `torch.compiler.disable`, put off to the first call: it imports the compiler, which
    takes about as long as PyTorch itself.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> from skmlc.nn.compiling import not_compiled
    >>> @not_compiled
    ... def count(labels):
    ...     return int(labels.sum())
    """
    disabled = None

    @wraps(function)
    def call(*args, **kwargs):
        nonlocal disabled
        if disabled is None:
            disabled = torch.compiler.disable(function)
        return disabled(*args, **kwargs)

    return call
