"""The network that every estimator trains: encoder, head and a linear skip beside them."""

from dataclasses import replace

import torch
from torch import nn

from .dropout import ByteDropout
from .nodes import Nodes

__all__ = ["LinearSkip", "Network"]


class Network(nn.Module):
    """Encode the samples, let the head predict the labels, and add the linear skip.

    Parameters
    ----------
    encoder : nn.Module
        Maps a `Batch` to `Nodes`.
    head : nn.Module
        Maps `Nodes` to logits (N, L), or to a tuple whose first entry they are; a list among
        the others holds intermediate logits.  A head with ``uses_targets = True`` is called
        with the labels too, in training only.
    skip : nn.Module, default=None
        Maps a `Batch` to logits (N, L) that are added to the head's.
    input_dropout : float, default=0.0
        The probability that an input is left out in training, for encoder and skip alike:
        a feature, a token, or an entry of an instance.
    """

    def __init__(self, encoder, head, skip=None, input_dropout=0.0):
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.skip = skip
        self.input_dropout = ByteDropout(input_dropout)

    def forward(self, batch, labels=None, **head_options):
        """Return the head's output for a batch; its first entry are logits (N, L)."""
        if labels is not None and getattr(self.head, "uses_targets", False):
            head_options["labels"] = labels
        batch = replace(batch, values=self.input_dropout(batch.values))
        output = self.head(self.encoder(batch), **head_options)
        return output if self.skip is None else _add_to_logits(output, self.skip(batch))

    def represent(self, batch):
        """Return a vector per sample (N, K), by the head or the mean of its nodes."""
        nodes = self.encoder(batch)
        represent = getattr(self.head, "represent", Nodes.mean)
        return represent(nodes)


class LinearSkip(nn.Module):
    """A linear model of the raw input.

    It reads a table as it is, the mean of a bag's instances, and the sum of the indicators of
    a sequence's tokens over the root of their number, so that long texts weigh no more.

    It gives the labels their frequency and what the input says of them linearly, and leaves
    to the graph what is beyond ("wide and deep", Cheng et al. 2016).

    Parameters
    ----------
    n_inputs : int
        The number of features, or of tokens.
    n_labels : int
        The number of labels.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs"}
        What a batch holds.
    """

    def __init__(self, n_inputs, n_labels, kind):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_inputs, n_labels))
        self.bias = nn.Parameter(torch.zeros(n_labels))
        self.kind = kind

    def forward(self, batch):
        """Return logits (N, L) for a batch."""
        if self.kind not in ("sparse", "sequences"):
            return Nodes(batch.values, batch.layout).mean() @ self.weight + self.bias
        # Padding has weight zero, so that rows of padding add nothing to the sum.
        total = nn.functional.embedding_bag(
            batch.ids,
            self.weight,
            _first_rows(batch.layout, batch.ids.device),
            mode="sum",
            per_sample_weights=batch.values.to(self.weight.dtype),
        )  # (N, L)
        if self.kind == "sequences":
            total = total * batch.layout.n_nodes(total.device)[:, None] ** -0.5
        return total + self.bias


def _first_rows(layout, device):
    """Return the first row of each sample (N,)."""
    return torch.cat(
        [
            torch.arange(group.rows.start, group.rows.stop, group.n_nodes, device=device)
            for group in layout.groups
        ]
    )


def _add_to_logits(output, logits):
    """Add logits to those of a head's output; a list in it holds intermediate logits."""
    if hasattr(output, "_replace"):  # a named tuple
        return output._replace(logits=output.logits + logits)
    if not isinstance(output, tuple):
        return output + logits
    extras = ([x + logits for x in e] if isinstance(e, list) else e for e in output[1:])
    return output[0] + logits, *extras
