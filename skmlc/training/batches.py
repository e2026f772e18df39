"""Rows of data to batches of tensors, read a whole batch at a time."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import Dataset

from ..inputs.containers import Graphs, Images, LazyRows, Sequences, flat_index
from ..inputs.forms import check_fits
from ..label_masking import draw_shown, known_rows, weight_of_hidden
from ..mapped import forget, take_rows
from ..nn.nodes import Batch, Group, Layout

__all__ = [
    "BatchDataset",
    "Targets",
    "as_batch",
    "n_nodes_per_sample",
    "parts_of",
    "read_labels",
]

ROWS_PER_GROUP = 512
MOST_PLACES = 64  # at which a batch is cut into groups


@dataclass(frozen=True)
class Targets:
    """What a loss needs to know of a batch besides the output.

    Attributes
    ----------
    labels : Tensor of shape (N, L)
        The labels; zero where unknown.
    known : Tensor of shape (N, L) or None
        False where a label is unknown; None where all are known.
    sample_weight : Tensor of shape (N,)
        How much each sample counts; one on average over the data set.
    """

    labels: torch.Tensor
    known: torch.Tensor | None
    sample_weight: torch.Tensor

    def to(self, device):
        """Return the targets on `device`."""
        return self._map(partial(torch.Tensor.to, device=device, non_blocking=True))

    def pin_memory(self):
        """Return the targets in memory that a GPU reads while the CPU goes on."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, function):
        """Return the targets with what a function makes of their tensors."""
        known = None if self.known is None else function(self.known)
        return Targets(function(self.labels), known, function(self.sample_weight))


class BatchDataset(Dataset):
    """Rows of X (and Y), a batch of which is read with one fancy index.

    `__getitems__` is PyTorch's hook for reading a whole batch, which spares the reading and
    collating of single rows: 2 to 10 times faster (measured on tables and CSR matrices), and
    a memory-mapped X stays on disk.  Samples of a batch are sorted by their number of nodes.

    Parameters
    ----------
    X : ndarray, LazyRows, CSR matrix, Sequences, TokenizedTexts, Bags, Graphs or Images
        The samples.
    Y : {ndarray, CSR matrix} of shape (n_samples, n_labels), default=None
        The labels, NaN where unknown; None in prediction.
    sample_weight : ndarray of shape (n_samples,), default=None
        How much each sample counts, which is scaled to a mean of one over `rows`; None with Y
        None.
    rows : ndarray of int, default=None
        The rows of X that belong to the data set, in order; None for all.
    dtype : dtype, default=np.float32
        Of all floating point tensors.
    known : {ndarray, csr_array} of shape (n_samples, n_labels), default=None
        The known labels, from `skmlc.label_masking.read_known`.
    masking : True, float or distribution, default=None
        How to draw the known labels, again for each batch; the loss is then that
        of the others.  See `skmlc.label_masking.draw_shown`.
    own_rows : ndarray of shape (n_samples,), default=None
        With `masking`, where the network keeps the labels of each sample, -1 for nowhere.
    n_parts : int, default=1
        In how many parts, as equal as can be, to read each batch.
    """

    def __init__(
        self,
        X,
        Y=None,
        sample_weight=None,
        *,
        rows=None,
        dtype: Any = np.float32,
        known=None,
        masking=None,
        own_rows=None,
        n_parts=1,
    ):
        self.n_parts = n_parts
        self.X, self.Y, self.dtype = X, Y, dtype
        self.known, self.masking, self.own_rows = known, masking, own_rows
        self.rows = np.arange(X.shape[0]) if rows is None else rows
        self.sample_weight = sample_weight
        if sample_weight is not None:
            self.sample_weight = sample_weight / sample_weight[self.rows].mean()
        self.lengths = n_nodes_per_sample(X)

    def __len__(self):
        return len(self.rows)

    def sort_by_length(self):
        """Put the rows in order of their number of nodes, and return this data set."""
        # Batches then need hardly any padding, and hold the rows in this order.
        if self.lengths is not None:
            self.rows = self.rows[np.argsort(self.lengths[self.rows], kind="stable")]
        return self

    def __getitems__(self, indices):
        if self.n_parts == 1:
            return self._read(indices)
        parts = np.array_split(indices, min(self.n_parts, len(indices)))
        return [self._read(part) for part in parts]

    def _read(self, indices):
        """Return a batch and its targets."""
        rows = self.rows[indices]
        if self.lengths is not None:
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        batch = read_batch(self.X, rows, self.dtype)
        if self.known is not None:
            known = known_rows(self.known, rows).astype(self.dtype)
            batch = replace(batch, known=torch.from_numpy(known))
        if self.Y is None:
            return batch, None
        labels = read_labels(self.Y, rows, self.dtype)
        if self.masking is None:
            return batch, self._targets(labels, rows)
        shown = torch.from_numpy(draw_shown(labels.numpy(), self.masking, _draw_rng()))
        batch = replace(batch, known=(2 * labels - 1).where(shown, 0))
        if self.own_rows is not None:
            batch = replace(batch, own_rows=torch.from_numpy(self.own_rows[rows]))
        targets = self._targets(labels.masked_fill(shown, torch.nan), rows)
        n_hidden, n_known = (
            mask.sum(1).numpy() for mask in (targets.known, ~labels.isnan())
        )
        counts = torch.from_numpy(weight_of_hidden(n_hidden, n_known)).to(labels)
        return batch, replace(targets, sample_weight=targets.sample_weight * counts)

    def __getitem__(self, index):
        return self.__getitems__([index])

    def _targets(self, labels, rows):
        known = None
        if self.masking is not None or np.issubdtype(self.Y.dtype, np.floating):
            known = ~labels.isnan()
            labels = labels.nan_to_num(0.0)
        weight = torch.from_numpy(np.asarray(self.sample_weight[rows], dtype=self.dtype))
        return Targets(labels, known, weight)


def _draw_rng():
    """Return a random state that follows from PyTorch's, of which each worker has its own."""
    return np.random.RandomState(int(torch.randint(2**31 - 1, ())))


def as_batch(batch):
    """Collate function for `BatchDataset`, whose batches need no collation."""
    return batch


def parts_of(batch):
    """Return the parts of a batch, each with its targets, of one that is whole itself."""
    return [batch] if isinstance(batch[0], Batch) else batch


def read_labels(Y, rows, dtype):
    """Return the rows of an indicator matrix as a tensor, NaN where labels are unknown."""
    labels = Y[rows]
    labels = labels.toarray() if sparse.issparse(labels) else labels
    return torch.from_numpy(np.asarray(labels, dtype=dtype))


def n_nodes_per_sample(X):
    """Return how many nodes each sample has, of shape (n_samples,); None if all have one."""
    if isinstance(X, np.ndarray | LazyRows | Images):
        return None
    return np.diff(X.indptr) if sparse.issparse(X) else X.lengths


def read_batch(X, rows, dtype):
    """Return the samples `rows` of X, which are in order of their number of nodes."""
    if isinstance(X, np.ndarray | LazyRows):
        values = torch.from_numpy(np.asarray(take_rows(X, rows), dtype=dtype))
        return Batch(Layout.regular(len(rows), 1), values=values)
    if isinstance(X, Images) and X.features is not None:
        features = torch.from_numpy(np.asarray(X.features[rows], dtype=dtype))
        return Batch(Layout.regular(len(rows), 1), features=features)
    if isinstance(X, Images):
        return Batch(Layout.regular(len(rows), 1), values=_read_images(X, rows, dtype))
    offsets = X.indptr if sparse.issparse(X) else X.offsets
    flat, offsets = flat_index(offsets, rows)
    lengths = np.diff(offsets)
    cuts = _cut_into_groups(lengths)
    source, real, shapes = _pad_groups(lengths, cuts)
    edges = _read_edges(X, rows, cuts, shapes, dtype) if isinstance(X, Graphs) else None
    layout = _make_layout(cuts, shapes, real, lengths, edges)
    pad = partial(_pad, flat=flat, source=source, real=real)
    if sparse.issparse(X):
        return Batch(layout, pad(X.data, dtype=dtype), pad(X.indices, dtype=np.int64))
    if isinstance(X, Sequences):
        batch = Batch(layout, _present(source, real, dtype), pad(X.tokens, dtype=np.int64))
        features = getattr(X, "features", None)
        if features is None:
            return batch
        return replace(batch, features=pad(features, dtype=dtype))
    boxes = None if X.boxes is None else pad(X.boxes, dtype=dtype)
    return Batch(layout, pad(X.instances, dtype=dtype), boxes=boxes)


def _read_images(X, rows, dtype):
    """Return images (n, C, H, W): bytes as bytes, other numbers as `dtype`."""
    values = X.read(rows)
    forget(X.source)
    check_fits(values, dtype)  # memory maps were not looked at before
    return torch.from_numpy(values if values.dtype == np.uint8 else values.astype(dtype))


def _cut_into_groups(lengths):
    """Return where groups of similar length begin, and the end; lengths are in order."""
    n_samples, n_lengths = len(lengths), len(np.unique(lengths))
    # In a small batch, calls cost more than padding does.
    n_groups = min(8, n_lengths, n_samples // 4, n_samples * lengths[-1] // ROWS_PER_GROUP)
    if n_groups < 2:
        return np.array([0, n_samples])
    places = np.linspace(0, n_samples, min(n_samples, MOST_PLACES) + 1).round().astype(int)
    return _cheapest_cuts(lengths, places, n_groups)


def _cheapest_cuts(lengths, places, n_groups):
    """Return the cuts at some of the places that leave the fewest rows in padded groups."""
    start, stop = places[:-1, None], places[1:]
    rows = (stop - start) * lengths[stop - 1]  # of a group from one place to another
    rows = np.where(start < stop, rows, np.inf)
    least, begins = rows[0], []  # the fewest rows up to each place, so far in one group
    for _ in range(n_groups - 1):
        totals = np.append(np.inf, least[:-1])[:, None] + rows
        begins.append(totals.argmin(axis=0))
        least = totals.min(axis=0)
    cuts = [len(places) - 1]
    for begin in reversed(begins):
        cuts.append(begin[cuts[-1] - 1])
    return places[[0, *reversed(cuts)]]


def _pad_groups(lengths, cuts):
    """Return, for each padded row, its place among the nodes, and whether it is one."""
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    source, real, shapes = [], [], []
    for start, stop in pairwise(cuts):
        # A sample without nodes gets one of zeros, so that no attention is over nothing.
        n_nodes = max(1, lengths[start:stop].max())
        place = np.arange(n_nodes)
        real.append((place < lengths[start:stop, None]).ravel())
        source.append((offsets[start:stop, None] + place).ravel())
        shapes.append((stop - start, n_nodes))
    return np.concatenate(source), np.concatenate(real), shapes


def _make_layout(cuts, shapes, real, lengths, edges):
    """Return the layout of the padded groups."""
    groups, row = [], 0
    attended = real.copy()
    for i, (n_samples, n_nodes) in enumerate(shapes):
        rows = slice(row, row + n_samples * n_nodes)
        row = rows.stop
        mask = attended[rows].reshape(n_samples, n_nodes)
        mask[:, 0] |= lengths[cuts[i] : cuts[i + 1]] == 0
        mask = None if mask.all() else torch.from_numpy(mask)
        samples = slice(int(cuts[i]), int(cuts[i + 1]))
        graph = (None, None) if edges is None else edges[i]
        groups.append(Group(samples, rows, int(n_samples), int(n_nodes), mask, *graph))
    all_real = None if real.all() else torch.from_numpy(real)
    counts = torch.from_numpy(np.maximum(1, lengths).astype(np.int64))
    return Layout(tuple(groups), len(lengths), all_real, counts)


def _pad(array, flat, source, real, dtype):
    """Return rows `flat` of `array` as a padded tensor; padding is zero."""
    if len(flat) == 0:
        return torch.from_numpy(np.zeros((len(source), *array.shape[1:]), dtype))
    values = np.asarray(array[flat[np.where(real, source, 0)]], dtype=dtype)
    forget(array)
    values[~real] = 0
    return torch.from_numpy(values)


def _present(source, real, dtype):
    """Return the weight of each padded row of sequences: one for a token, else zero."""
    return torch.from_numpy(real.astype(dtype))


def _read_edges(X, rows, cuts, shapes, dtype):
    """Return who receives from whom within each group, and the weights of these edges.

    Both are of shape (n_samples, n_nodes, n_nodes), the weights None where X has none.
    """
    index, offsets = flat_index(X.edge_offsets, rows)
    receiver, source = X.edges[:, index]
    graph = np.repeat(np.arange(len(rows)), np.diff(offsets))
    groups = []
    for start, stop, (n_samples, n_nodes) in zip(cuts[:-1], cuts[1:], shapes, strict=True):
        here = slice(offsets[start], offsets[stop])
        place = graph[here] - start, receiver[here], source[here]
        values = [True]
        if X.edge_weights is not None:
            values.append(X.edge_weights[index[here]].astype(dtype))
        groups.append(
            [_at(place, value, (n_samples, n_nodes, n_nodes)) for value in values]
        )
    return groups


def _at(place, values, shape):
    """Return a tensor with some values at their places, and zeros elsewhere."""
    array = np.zeros(shape, dtype=np.asarray(values).dtype)
    array[place] = values
    return torch.from_numpy(array)
