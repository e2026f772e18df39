"""Dropout whose mask costs one random byte per element on a CPU."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ByteDropout"]


# Of so few elements, to hold the mask as floats costs less than a function in Python does.
_FEW = 2**15


class ByteDropout(nn.Module):
    """Dropout that decides on each element with one random byte.

    torch draws a random float per element, which on a CPU takes longer than a linear layer of
    moderate width; a byte is several times cheaper.  On other devices, and where a compiler
    fuses the drawing with other work, this is `nn.Dropout`.
    The masks come from torch's global generator, so that `torch.manual_seed` repeats them.

    Parameters
    ----------
    p : float, default=0.5
        The probability of an element to become zero, in [0, 1).  On a CPU it is rounded to a
        multiple of 1/256, and the elements that are kept are scaled for the rounded rate, so
        that the expectation is exact.

    Raises
    ------
    ValueError
        If `p` is not in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.dropout import ByteDropout
    >>> dropout = ByteDropout(0.25)
    >>> sorted(set(dropout(torch.ones(1000)).tolist()))
    [0.0, 1.3333...]
    >>> dropout.eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"p must be a probability in [0, 1); got {p}.")
        self.p = p
        # At most 255: something must be kept for the expectation to be right.
        self.threshold = min(round(p * 256), 255)

    def forward(self, input: Tensor) -> Tensor:
        """Return `input` with dropped elements in training, else unchanged."""
        if not self.training or self.threshold == 0:
            return input
        if input.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(input, self.p)
        threshold, scale = _constants(self.threshold, input.dtype)
        keep = _random_bytes(input.shape).ge_(threshold)
        if input.numel() <= _FEW:
            return input * (keep * scale)
        return _Keep.apply(input, keep, scale)

    def extra_repr(self):
        """Return what `repr` shows between the brackets."""
        return f"p={self.p}"


class _Keep(torch.autograd.Function):
    """Multiply by a mask of bytes and a scale; only the bytes are held for the backward."""

    @staticmethod
    def forward(ctx, input, keep, scale):
        ctx.save_for_backward(keep)
        ctx.scale = scale
        return keep.to(input.dtype).mul_(scale).mul_(input)

    @staticmethod
    def backward(ctx, grad_output):
        (keep,) = ctx.saved_tensors
        return keep.to(grad_output.dtype).mul_(ctx.scale).mul_(grad_output), None, None


@cache
def _constants(threshold, dtype):
    """Return a threshold of bytes and the scale of what it keeps, as tensors."""
    # A number in Python is made a tensor, and that one of the right type, by each operator.
    scale = torch.tensor(256 / (256 - threshold), dtype=dtype, device="cpu")
    return torch.tensor(threshold, dtype=torch.uint8, device="cpu"), scale


def _random_bytes(shape):
    """Return random bytes of a shape, drawn eight at a time as 64-bit integers."""
    n_bytes = shape.numel()
    words = torch.empty((n_bytes + 7) // 8, dtype=torch.int64)
    words.random_(-(2**63), None)  # all 64 bits
    drawn = words.view(torch.uint8)
    return (drawn if n_bytes % 8 == 0 else drawn[:n_bytes]).view(shape)
