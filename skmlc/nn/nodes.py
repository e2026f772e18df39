"""The nodes of a batch of samples, and how they lie in memory.

Samples have different numbers of nodes.  A batch is sorted by that number and cut into
groups, and each group is padded to its own longest sample only.  Node-wise math runs once
on the rows of all groups together; attention looks at one padded group at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

__all__ = ["Batch", "Group", "Layout", "Nodes", "joined"]


@dataclass(frozen=True)
class Group:
    """Consecutive samples of a batch, padded to the same number of nodes.

    Attributes
    ----------
    samples : slice
        The samples of the batch that the group holds.
    rows : slice
        The rows of the batch's node matrix that the group holds.
    n_samples, n_nodes : int
        The shape of the padded group.
    mask : Tensor of shape (n_samples, n_nodes) or None
        True for a node, False for padding; None where there is no padding.
    edges : Tensor of shape (n_samples, n_nodes, n_nodes) or None
        True where the first node receives from the second one; None without a known graph.
    edge_weights : Tensor of shape (n_samples, n_nodes, n_nodes) or None
        The weights of these edges, 0 where there is none; None where all count the same.
    """

    samples: slice
    rows: slice
    n_samples: int
    n_nodes: int
    mask: Tensor | None = None
    edges: Tensor | None = None
    edge_weights: Tensor | None = None

    def padded(self, values: Tensor) -> Tensor:
        """Return the group's rows of `values` (R, D) as (n_samples, n_nodes, D)."""
        return values[self.rows].view(self.n_samples, self.n_nodes, *values.shape[1:])

    def map(self, function) -> "Group":
        """Return the group with what a function makes of its masks and weights."""
        mask, edges, weights = (
            None if m is None else function(m)
            for m in (self.mask, self.edges, self.edge_weights)
        )
        return replace(self, mask=mask, edges=edges, edge_weights=weights)


@dataclass(frozen=True)
class Layout:
    """Where the nodes of each sample of a batch are.

    Attributes
    ----------
    groups : tuple of Group
        The groups, in the order of the samples.
    n_samples : int
        The number of samples of the batch.
    real : Tensor of shape (n_rows,) or None
        True for the rows that are nodes, False for padding; None where there is no padding.
    counts : Tensor of shape (n_samples,) or None
        The number of nodes of each sample, which stays on the CPU for those who need it there;
        None where it was not counted.
    """

    groups: tuple[Group, ...]
    n_samples: int
    real: Tensor | None = None
    counts: Tensor | None = None

    @classmethod
    def regular(cls, n_samples: int, n_nodes: int) -> "Layout":
        """Return the layout of samples that all have `n_nodes` nodes."""
        rows = slice(0, n_samples * n_nodes)
        return cls((Group(slice(0, n_samples), rows, n_samples, n_nodes),), n_samples)

    @property
    def single_nodes(self) -> bool:
        """Whether every sample is one node."""
        return all(group.n_nodes == 1 and group.mask is None for group in self.groups)

    def n_nodes(self, device) -> Tensor:
        """Return the number of nodes of each sample (N,)."""
        counts = [
            torch.full((g.n_samples,), g.n_nodes, device=device)
            if g.mask is None
            else g.mask.sum(1)
            for g in self.groups
        ]
        return torch.cat(counts)

    def n_nodes_on_cpu(self) -> Tensor:
        """Return the number of nodes of each sample (N,) on the CPU."""
        if self.counts is not None:
            return self.counts
        masks = [group.mask for group in self.groups if group.mask is not None]
        return self.n_nodes(masks[0].device if masks else "cpu").cpu()

    def per_sample(self, values) -> list:
        """Return what belongs to each sample, without padding.

        Parameters
        ----------
        values : sequence of Tensor of shape (n_samples, ..., S)
            For each group.

        Returns
        -------
        list of ndarray of shape (..., S)
            One for each sample.
        """
        samples = []
        for group, padded in zip(self.groups, values, strict=True):
            counts = [group.n_nodes] * group.n_samples
            if group.mask is not None:
                counts = group.mask.sum(1).tolist()
            arrays = padded.float() if padded.dtype == torch.bfloat16 else padded
            arrays = arrays.detach().cpu().numpy()
            samples += [a[..., :n] for a, n in zip(arrays, counts, strict=True)]
        return samples

    def map(self, function) -> "Layout":
        """Return the layout with what a function makes of its masks."""
        real = None if self.real is None else function(self.real)
        return replace(self, groups=tuple(g.map(function) for g in self.groups), real=real)


@dataclass(frozen=True)
class Batch:
    """What is known about the nodes of a batch before they are encoded.

    Attributes
    ----------
    layout : Layout
        Where the nodes of each sample are.
    values : Tensor of shape (n_rows, n_features) or (n_rows,) or None
        The features of each node; or, with `ids`, its weight; or images (N, C, H, W).
    ids : Tensor of shape (n_rows,) or None
        The feature or token that each node stands for.
    boxes : Tensor of shape (n_rows, 4) or None
        The place of each node in an image.
    features : Tensor of shape (n_rows, F) or (n_rows, h, w, F) or None
        What a part of the encoder that is not trained makes of each node, or image, computed
        once.
    known : Tensor of shape (n_samples, n_labels) or None
        The known labels: 1 where one holds, -1 where it does not, 0 where that is
        unknown; None where nothing is known.
    own_rows : Tensor of shape (n_samples,) or None
        In training, where the network keeps each sample's own labels, -1 for nowhere; see
        `skmlc.nn.known_labels.KnownLabelNeighbors`.
    """

    layout: Layout
    values: Tensor | None = None
    ids: Tensor | None = None
    boxes: Tensor | None = None
    features: Tensor | None = None
    known: Tensor | None = None
    own_rows: Tensor | None = None

    def __len__(self) -> int:
        return self.layout.n_samples

    def to(self, device) -> "Batch":
        """Return the batch on `device`."""
        return self._map(partial(Tensor.to, device=device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """Return the batch in memory that a GPU reads while the CPU goes on."""
        return self._map(Tensor.pin_memory)

    def _map(self, function):
        """Return the batch with what a function makes of its tensors."""
        tensors = (
            None if tensor is None else function(tensor)
            for tensor in (
                self.values,
                self.ids,
                self.boxes,
                self.features,
                self.known,
                self.own_rows,
            )
        )
        return Batch(self.layout.map(function), *tensors)


@dataclass(frozen=True)
class Nodes:
    """The encoded nodes of a batch.

    Attributes
    ----------
    values : Tensor of shape (n_rows, D)
        One row per node, padding included; what padding rows hold does not matter.
    layout : Layout
        Where the nodes of each sample are.
    boxes : Tensor of shape (n_rows, 4) or None
        The place of each node in its image: left, top, right, bottom.
    grid : (int, int) or None
        For the cells of images, height and width of the map: node s of a sample is the cell in
        row ``s // width`` and column ``s % width``.
    """

    values: Tensor
    layout: Layout
    boxes: Tensor | None = None
    grid: tuple[int, int] | None = None

    def groups(self) -> Iterator[tuple[Group, Tensor]]:
        """Yield each group with its nodes (n_samples, n_nodes, D)."""
        groups = self.layout.groups
        if len(groups) == 1:
            group = groups[0]
            yield group, self.values.unflatten(0, (group.n_samples, group.n_nodes))
            return
        # The gradient of `split` is one copy; of slices it is a sum of padded ones.
        parts = self.values.split([g.n_samples * g.n_nodes for g in groups])
        for group, part in zip(groups, parts, strict=True):
            yield group, part.unflatten(0, (group.n_samples, group.n_nodes))

    def per_sample(self) -> list:
        """Return the nodes of each sample (n_nodes, D) as an ndarray, without padding."""
        padded = [values.transpose(1, 2) for _, values in self.groups()]  # (n, D, S) each
        return [sample.T for sample in self.layout.per_sample(padded)]

    def mean(self) -> Tensor:
        """Return the mean of each sample's nodes (N, D); padding does not count."""
        if self.layout.single_nodes:
            return self.values
        return joined([_masked_mean(nodes, group.mask) for group, nodes in self.groups()])

    def sum(self) -> Tensor:
        """Return the sum of each sample's nodes (N, D); padding does not count."""
        return joined([_zero_padding(x, group.mask).sum(1) for group, x in self.groups()])

    def max(self) -> Tensor:
        """Return the maximum over each sample's nodes (N, D); padding does not count."""
        lowest = torch.finfo(self.values.dtype).min
        return joined(
            [
                _highest(
                    nodes
                    if group.mask is None
                    else nodes.masked_fill(~group.mask[..., None], lowest)
                )
                for group, nodes in self.groups()
            ]
        )


def joined(groups):
    """Return what belongs to each sample of all groups, in one.

    Parameters
    ----------
    groups : list of Tensor of shape (n, ...)
        For each group.

    Returns
    -------
    Tensor of shape (N, ...)
        A group that is the only one is left as it is, and not copied.
    """
    return groups[0] if len(groups) == 1 else torch.cat(groups)


def _zero_padding(nodes, mask):
    """Set padding nodes (n, S, D) to zero."""
    return nodes if mask is None else nodes * mask[..., None]


def _highest(nodes):
    """Return the maximum over the nodes of each sample (n, S, D)."""
    # With its gradient, which goes to one of equal nodes, `max` is faster; alone, `amax`.
    return nodes.max(1).values if nodes.requires_grad else nodes.amax(1)


def _masked_mean(nodes, mask):
    """Average nodes (n, S, D) over the real ones."""
    if mask is None:
        return nodes.mean(1)
    return _zero_padding(nodes, mask).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
