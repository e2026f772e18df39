"""The nearest nodes of each node of a sample, in memory that does not grow with their pairs."""

import torch

__all__ = ["nearest_nodes"]

DISTANCES_AT_ONCE = 2**22
_INFINITY = 0x7FF << 52  # the bits of an infinite number of double precision


@torch.no_grad()
def nearest_nodes(places, n_neighbors, mask=None):
    """Return the nearest other nodes of each node; of equally near ones, the first.

    Parameters
    ----------
    places : Tensor of shape (N, S, P)
        Where the S nodes of each of N samples are.
    n_neighbors : int
        How many are asked for, at most S - 1 of them, K.
    mask : Tensor of shape (N, S), default=None
        False for padding, which is nobody's neighbor and has none.

    Returns
    -------
    nearest : Tensor of int64 of shape (N, S, K)
        The nearest first.
    is_real : Tensor of bool of shape (N, S, K)
        False where there is no such neighbor, and the entry means nothing.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.nearest import nearest_nodes
    >>> nearest_nodes(torch.tensor([[[0.0], [1.0], [3.0]]]), 1)[0].flatten()
    tensor([1, 0, 1])
    """
    n_samples, n_nodes, _ = places.shape
    k = min(n_neighbors, n_nodes - 1)
    if isinstance(
        n_samples, torch.SymInt
    ):  # in a graph to export, for any number of samples
        return _nearest_for_export(places, k, mask)
    n_rows = max(1, DISTANCES_AT_ONCE // (n_samples * n_nodes))
    parts = [
        _nearest_of(places, slice(start, start + n_rows), k, mask)
        for start in range(0, n_nodes, n_rows)
    ]
    if len(parts) == 1:
        return parts[0]
    nearest, is_real = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
    return nearest, is_real


def _nearest_for_export(places, k, mask):
    """Return what `nearest_nodes` does, by operations that ONNX has."""
    distance = (places[:, :, None] - places[:, None]).square().sum(-1)  # (N, S, S)
    is_none = torch.eye(places.shape[1], dtype=torch.bool, device=places.device)
    if mask is not None:
        is_none = is_none | ~mask[:, None] | ~mask[..., None]
    # Of equal ones, TopK of ONNX takes the first.
    found = distance.masked_fill(is_none, torch.inf).topk(k, dim=2, largest=False)
    return found.indices, found.values < torch.inf  # (N, S, K) each


def _nearest_of(places, rows, k, mask):
    """Return what `nearest_nodes` does, for some of the nodes of each sample."""
    # Products of matrices would round, and so break the ties of a regular grid at random.
    distance = torch.cdist(
        places[:, rows], places, compute_mode="donot_use_mm_for_euclid_dist"
    )  # (N, s, S)
    distance.diagonal(offset=rows.start, dim1=1, dim2=2).fill_(torch.inf)
    if mask is not None:
        distance.masked_fill_(~mask[:, None], torch.inf)
    # As integers the bits of distances are in their order; their last ones take the place of
    # the node, so that ties go to the first: 13 times as fast as a stable sort.
    n_nodes = places.shape[1]
    place = (1 << n_nodes.bit_length()) - 1
    key = distance.double().view(torch.int64).bitwise_and_(~place)
    key = key.bitwise_or_(torch.arange(n_nodes, device=places.device))
    key = key.topk(k, dim=2, largest=False).values  # (N, s, K)
    is_real = key < _INFINITY
    if mask is not None:
        is_real &= mask[:, rows, None]
    return key & place, is_real
