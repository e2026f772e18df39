"""What a head gives where its loss, or its prediction, needs more than logits."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

__all__ = ["HeadOutput", "logits_of"]


@dataclass(frozen=True)
class HeadOutput:
    """Logits, and what belongs to them.

    Attributes
    ----------
    logits : Tensor of shape (N, L)
        The logits of the labels.
    extras : object
        What the method's own loss or prediction reads besides; no one else looks at it.
    skip : Tensor of shape (N, L) or 0
        What the network's linear skip has added to the logits, for losses of other logits.
    """

    logits: Tensor
    extras: Any = None
    skip: Tensor | float = 0.0


def logits_of(output: Tensor | HeadOutput) -> Tensor:
    """Return the logits (N, L) of what a head, or a network, gives."""
    return output.logits if isinstance(output, HeadOutput) else output
