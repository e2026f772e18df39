"""The network that every estimator trains: encoder, head and a linear skip."""

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .dropout import ByteDropout
from .head_output import HeadOutput
from .nodes import Nodes

__all__ = ["LinearSkip", "Network"]


class Network(nn.Module):
    """Encode the samples, let the head predict the labels, and add the linear skip.

    Parameters
    ----------
    encoder : nn.Module
        Maps a `Batch` to `Nodes`.
    head : nn.Module
        Maps `Nodes` to logits (N, L), or to a `HeadOutput`.  What else a head may have is
        listed below.
    skip : nn.Module, default=None
        Maps a `Batch` to logits (N, L) that are added to the head's.
    input_dropout : float, default=0.0
        The probability that an input is left out in training, for encoder and skip alike:
        a feature, a token, or an entry of an instance.
    known_skip : nn.Module, default=None
        Maps known labels (N, L), and `Batch.own_rows`, to logits (N, L), which are added too.
    columns : nn.Module, default=None
        Maps the values of dense columns, and what is kept of them (R, F), to what encoder and
        skip read of them (R, E), (R, E').

    Notes
    -----
    A head may have

    - ``uses_targets = True``: it is called with the labels (N, L) too, in training and for
      the loss of validation, never in prediction;
    - ``targets_on_cpu = True``: these labels are on the CPU, wherever the head is;
    - ``takes_known = True``: it is called with the known labels (N, L) too, as
      1, -1 and 0, or None; see `skmlc.nn.known_labels`;
    - ``takes_skip = True``: it is called with the logits of the skips (N, L) too, or None, and
      adds them itself;
    - ``represent(nodes)`` and ``represent_size``: the vector (N, K) of a sample that
      `transform` returns, and K; without, it is the mean of its nodes;
    - ``set_prior(prior)``: start from logits (L,) that say how frequent the labels are, where
      there is no linear skip to do so;
    - ``clipped_separately``: names of its parts whose gradients are clipped by themselves.
    """

    def __init__(
        self, encoder, head, skip=None, input_dropout=0.0, known_skip=None, columns=None
    ):
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.skip = skip
        self.known_skip = known_skip
        self.columns = columns
        self.input_dropout = ByteDropout(input_dropout)

    def forward(self, batch, labels=None, **head_options):
        """Return logits (N, L), or the head's `HeadOutput`, for a batch."""
        if labels is not None and getattr(self.head, "uses_targets", False):
            head_options["labels"] = labels
        encoded = self.encode(batch)
        return self.predict_from(encoded, batch.known, batch.own_rows, **head_options)

    def encode(self, batch):
        """Return what is read of the samples: their nodes, and the skip's logits or None."""
        nodes, skip = self.read(batch)
        return self.encoder(nodes), None if self.skip is None else self.skip(skip)

    def predict_from(self, encoded, known=None, own_rows=None, **head_options):
        """Return logits (N, L), or the head's `HeadOutput`, for samples from `encode`."""
        nodes, logits = encoded
        if self.takes_known:
            head_options["known"] = known
        if self.known_skip is not None and known is not None:
            added = self.known_skip(known, own_rows)
            logits = added if logits is None else logits + added
        if getattr(self.head, "takes_skip", False):
            return self.head(nodes, skip=logits, **head_options)
        output = self.head(nodes, **head_options)
        if logits is None:
            return output
        if not isinstance(output, HeadOutput):
            return output + logits
        return replace(output, logits=output.logits + logits, skip=logits)

    def nodes(self, batch):
        """Return the `Nodes` of samples, as `encode` does."""
        return self.encoder(self.read(batch)[0])

    def read(self, batch):
        """Return the batch as the encoder, and as the skip reads it."""
        if self.columns is None:
            batch = replace(batch, values=self.input_dropout(batch.values))
            if getattr(self.skip, "reads_features", False):  # made once, for both
                batch = replace(batch, features=self.encoder.features(batch))
            return batch, batch
        kept = None
        if self.training and self.input_dropout.p > 0:
            kept = self.input_dropout(torch.ones_like(batch.values))
        return [replace(batch, values=v) for v in self.columns(batch.values, kept)]

    @property
    def takes_known(self):
        """Whether the network takes known labels."""
        return getattr(self.head, "takes_known", False)

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are, where a part can."""
        part = self.head if self.skip is None else self.skip
        if hasattr(part, "set_prior"):
            part.set_prior(prior)

    def represent(self, batch):
        """Return a vector per sample (N, K), by the head or the mean of its nodes."""
        nodes = self.nodes(batch)
        represent = getattr(self.head, "represent", Nodes.mean)
        return represent(nodes)

    @property
    def represent_size(self):
        """The size of these vectors, K."""
        return getattr(self.head, "represent_size", self.encoder.node_size)


class LinearSkip(nn.Module):
    """A linear model of the raw input.

    It reads a table as it is, the mean of a bag's instances, or the mean of a feature map's
    cells, of one that is given or that a frozen backbone makes.  Of a sequence it reads the
    sum of its tokens' weights, each at the place of its token, over the root of the sum of
    their squares, so that long texts weigh no more.

    It models the labels' frequency and what the input says about them linearly, and leaves
    to the graph what is beyond ("wide and deep", Cheng et al. 2016).

    Parameters
    ----------
    n_inputs : int
        The number of features, or of tokens.
    n_labels : int
        The number of labels.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images"}
        What a batch holds; images are feature maps.
    token_weight : ndarray of shape (n_inputs,), default=None
        How much each token of sequences counts; None for all alike.
    sparse_gradient : bool, default=False
        Whether the gradient of the weight is a sparse tensor, of the rows that a batch reads;
        of sparse tables and sequences only.
    encoding : nn.Module, default=None
        Maps the mean cells of feature maps (N, F) to what is read of them; None for the rest,
        which is encoded before.
    reads_features : bool, default=False
        Whether the feature maps are what the encoder makes of images, `Batch.features`, and
        not what a batch holds.
    """

    reads_features = False  # of models saved before

    token_weight: Tensor | None

    def __init__(
        self,
        n_inputs,
        n_labels,
        kind,
        token_weight=None,
        *,
        sparse_gradient=False,
        encoding=None,
        reads_features=False,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_inputs, n_labels))
        self.bias = nn.Parameter(torch.zeros(n_labels))
        self.kind = kind
        self.sparse_gradient = sparse_gradient
        self.encoding = encoding
        self.reads_features = reads_features
        if token_weight is not None:
            token_weight = torch.from_numpy(token_weight)
        self.register_buffer("token_weight", token_weight)

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are."""
        self.bias.data.copy_(prior)

    def forward(self, batch):
        """Return logits (N, L) for a batch."""
        encoding = getattr(self, "encoding", None)  # models saved before have none
        if encoding is not None:
            return encoding(self._mean_cells(batch)) @ self.weight + self.bias
        if self.kind not in ("sparse", "sequences"):
            return Nodes(batch.values, batch.layout).mean() @ self.weight + self.bias
        # Padding has weight zero, so that rows of padding add nothing to the sum.
        values = batch.values.to(self.weight.dtype)
        if self.token_weight is not None:
            values = values * self.token_weight[batch.ids]
        first = _first_rows(batch.layout, batch.ids.device)
        weighted_sum = _SparseSum.apply if self._is_sparse() else _weighted_sum
        total = weighted_sum(self.weight, batch.ids, first, values)  # (N, L)
        if self.kind == "sequences":
            squares = [group.padded(values**2).sum(1) for group in batch.layout.groups]
            total = total * torch.cat(squares).clamp_min(1e-12)[:, None] ** -0.5
        return total + self.bias

    def _mean_cells(self, batch):
        """Return the mean of the cells of each feature map (N, F)."""
        if self.reads_features:
            return batch.features.to(self.weight.dtype).mean((1, 2))
        return batch.values.to(self.weight.dtype).mean((2, 3))

    def _is_sparse(self):
        return self.sparse_gradient and self.training and torch.is_grad_enabled()


def _weighted_sum(weight, ids, first, values):
    """Return the sum of rows of a weight (N, L), from `first` to the next sample's, each."""
    return nn.functional.embedding_bag(
        ids, weight, first, mode="sum", per_sample_weights=values
    )


class _SparseSum(torch.autograd.Function):
    """`_weighted_sum`, the gradient of whose weight is sparse, and holds each row once.

    That of PyTorch holds a row as often as it is read.
    """

    @staticmethod
    def forward(ctx, weight, ids, first, values):
        """Return the sums (N, L)."""
        ctx.save_for_backward(ids, first, values)
        ctx.shape = weight.shape
        return _weighted_sum(weight, ids, first, values)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        """Return the gradient of the weight (F, L), given that of the sums."""
        ids, first, values = ctx.saved_tensors
        entries = torch.arange(len(ids), device=ids.device)
        sample = torch.searchsorted(first, entries, right=True) - 1
        ids, order = ids.sort(stable=True)
        rows, counts = ids.unique_consecutive(return_counts=True)
        starts = counts.cumsum(0) - counts
        gradient = _weighted_sum(grad, sample[order], starts, values[order])  # (rows, L)
        sparse = torch.sparse_coo_tensor(
            rows[None], gradient, ctx.shape, is_coalesced=True, check_invariants=False
        )
        return sparse, None, None, None


def _first_rows(layout, device):
    """Return the first row of each sample (N,)."""
    return torch.cat(
        [
            torch.arange(group.rows.start, group.rows.stop, group.n_nodes, device=device)
            for group in layout.groups
        ]
    )
