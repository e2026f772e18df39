"""The edges of `Graphs`: read in the forms in which they come, and checked."""

import numpy as np
from scipy import sparse

from .base import as_floats, check_offsets, first_sample, offsets_of

__all__ = ["check_edges", "flat_edges"]


def flat_edges(edges, weights, lengths):
    """Return the edges of all graphs, given per graph.

    Parameters
    ----------
    edges : iterable of {array-like of int of shape (2, n_edges), array-like or sparse matrix}
        All pairs or all adjacency matrices.
    weights : {iterable of array-like of shape (n_edges,), "adjacency"}
        The weights, or None.
    lengths : ndarray of int of shape (n_samples,)
        The number of instances of each graph.

    Returns
    -------
    pairs : ndarray of int64 of shape (2, n_edges_in_all)
        The edges, one graph after another.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Where those of each graph begin.
    weights : ndarray of shape (n_edges_in_all,) or None
        Their weights.

    Raises
    ------
    TypeError
        If something is no list.
    ValueError
        If edges and weights are not as `Graphs` says.
    """
    if not hasattr(edges, "__iter__"):
        raise TypeError(
            "edges must be a list with one array of shape (2, n_edges), or one adjacency "
            f"matrix, per bag; got {type(edges).__name__}."
        )
    arrays = [
        entry if sparse.issparse(entry) else _as_array(entry, i)
        for i, entry in enumerate(edges)
    ]
    if len(arrays) != len(lengths):
        raise ValueError(
            f"edges must have one entry per bag, {len(lengths)}; got {len(arrays)}."
        )
    if isinstance(weights, str):
        arrays, weights = _weighted_pairs(arrays, weights, lengths)
    elif not _are_pairs(arrays, lengths):
        if weights is not None:
            raise ValueError(
                "edge_weights must be 'adjacency', to take the entries of the adjacency "
                "matrices that are given as edges, or None."
            )
        arrays = [_to_pairs(array, i)[0] for i, array in enumerate(arrays)]
    if weights is not None:
        weights = _flat_weights(weights, arrays)
    # Empty lists are floats to NumPy.
    pairs = np.concatenate(arrays, axis=1).astype(np.int64, copy=False)
    return pairs, offsets_of([array.shape[1] for array in arrays]), weights


def _weighted_pairs(arrays, weights, lengths):
    """Return the pairs and the weights that adjacency matrices hold."""
    if weights != "adjacency":
        raise ValueError(
            "edge_weights must be a list with the weights of the edges of each bag, "
            f"'adjacency' or None; got {weights!r}."
        )
    for i, (array, n) in enumerate(zip(arrays, lengths)):
        if array.shape != (n, n):
            raise ValueError(
                "edges must be adjacency matrices with edge_weights='adjacency'; bag "
                f"{i} of {n} instances has edges of shape {array.shape}."
            )
    return zip(*(_to_pairs(array, i) for i, array in enumerate(arrays)), strict=True)


def _flat_weights(weights, pairs):
    """Return the weights of all edges, given per graph."""
    if not hasattr(weights, "__iter__"):
        raise TypeError(
            "edge_weights must be a list with one array of shape (n_edges,) per bag; got "
            f"{type(weights).__name__}."
        )
    arrays = [np.asarray(entry) for entry in weights]
    if len(arrays) != len(pairs):
        raise ValueError(
            f"edge_weights must have one entry per bag, {len(pairs)}; got {len(arrays)}."
        )
    for i, (array, edges) in enumerate(zip(arrays, pairs)):
        if array.shape != edges.shape[1:]:
            raise ValueError(
                f"edge_weights must have one number per edge; bag {i} of {edges.shape[1]} "
                f"edges has weights of shape {array.shape}."
            )
    # Empty lists are float64 to NumPy, and must not change the type of the others.
    return np.concatenate([a for a in arrays if a.size] or arrays)


def _as_array(entry, i):
    """Return one entry of edges as an array."""
    try:
        return np.asarray(entry)
    except ValueError:
        raise ValueError(
            f"edges of a bag must be a matrix; those of bag {i} are ragged."
        ) from None


def _are_pairs(arrays, lengths):
    """Whether edges are pairs, all of them, rather than adjacency matrices, all of them."""
    pairs = [_may_be_pairs(array) for array in arrays]
    square = [array.shape == (n, n) for array, n in zip(arrays, lengths)]
    if all(pairs) and all(square):
        return _mean_the_same(arrays)
    if all(pairs) or all(square):
        return all(pairs)
    # To blame is the first entry that is not of the kind that most are.
    i = (pairs if sum(pairs) >= sum(square) else square).index(False)
    raise ValueError(
        "edges must be integer arrays of shape (2, n_edges) for all bags, or adjacency "
        f"matrices of shape (n_instances, n_instances) for all; bag {i} of {lengths[i]} "
        f"instances has edges of shape {arrays[i].shape} and dtype {arrays[i].dtype}."
    )


def _may_be_pairs(array):
    """Whether an entry of edges may be two rows of instance numbers."""
    if sparse.issparse(array) or array.ndim != 2 or len(array) != 2:
        return False
    return array.dtype.kind in "iu" or array.size == 0


def _mean_the_same(arrays):
    """Return True if all (2, 2) arrays mean the same as pairs and as adjacency matrices."""
    for i, array in enumerate(arrays):
        if set(zip(*array.tolist())) != set(zip(*_to_pairs(array, i)[0].tolist())):
            raise ValueError(
                "edges of shape (2, 2) between two instances may be pairs or an adjacency "
                f"matrix, and mean different things for bag {i}; give adjacency matrices "
                "as bool, or pairs to Graphs.from_flat."
            )
    return True


def _to_pairs(adjacency, i):
    """Return the edges of an adjacency matrix (2, n_edges), and its entries (n_edges,)."""
    if adjacency.dtype.kind not in "biuf":
        raise ValueError(
            "Adjacency matrices must hold real numbers; that of bag "
            f"{i} has dtype {adjacency.dtype}."
        )
    coo = sparse.coo_array(adjacency, copy=True)
    coo.sum_duplicates()
    if not np.isfinite(coo.data).all():
        raise ValueError(
            f"Adjacency matrices must be finite; that of bag {i} contains NaN or infinity."
        )
    stored = coo.data != 0  # a sparse matrix may store zeros
    pairs = np.stack([coo.row[stored], coo.col[stored]]).astype(np.int64)
    return pairs, coo.data[stored]


def check_edges(edges, edge_offsets, weights, offsets):
    """Return the attributes of `Graphs` made from flat arrays.

    Parameters
    ----------
    edges : array-like of int of shape (2, n_edges_in_all)
        The edges, one graph after another, in any order within each.
    edge_offsets : array-like of int of shape (n_samples + 1,)
        Where those of each graph begin.
    weights : array-like of shape (n_edges_in_all,)
        Their weights, or None.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Where the instances of each graph begin.

    Returns
    -------
    dict
        The attributes.

    Raises
    ------
    ValueError
        If they are not as `Graphs` says.
    """
    edges = np.asarray(edges)
    if edges.ndim != 2 or len(edges) != 2 or (edges.dtype.kind not in "iu" and edges.size):
        raise ValueError(
            "edges must be integers of shape (2, n_edges); got shape "
            f"{edges.shape} and dtype {edges.dtype}."
        )
    edges = edges.astype(np.int64, copy=False)
    edge_offsets = check_offsets(edge_offsets, edges.shape[1], "edge_offsets")
    if len(edge_offsets) != len(offsets):
        raise ValueError(
            f"edge_offsets must be of length {len(offsets)}, as offsets; got "
            f"{len(edge_offsets)}."
        )
    graph = np.repeat(np.arange(len(offsets) - 1), np.diff(edge_offsets))
    _check_inside(edges, graph, np.diff(offsets))
    if weights is not None:
        weights = _check_weights(weights, edges.shape[1], edge_offsets)
    edges, graph, weights = _sort_edges(edges, graph, weights, offsets)
    if weights is not None and not weights.all():
        there = weights > 0
        edges, graph, weights = edges[:, there], graph[there], weights[there]
    if len(graph) < edge_offsets[-1]:
        edge_offsets = offsets_of(np.bincount(graph, minlength=len(offsets) - 1))
    return {"edges": edges, "edge_offsets": edge_offsets, "edge_weights": weights}


def _check_weights(weights, n_edges, edge_offsets):
    """Return weights as floats, if there is one per edge and none is negative."""
    weights = np.asarray(weights)
    if weights.shape != (n_edges,) or weights.dtype.kind not in "biuf":
        raise ValueError(
            f"edge_weights must be {n_edges} real numbers, one per edge; got shape "
            f"{weights.shape} and dtype {weights.dtype}."
        )
    weights = as_floats(weights)
    bad = ~((weights >= 0) & np.isfinite(weights))
    if bad.any():
        raise ValueError(
            "edge_weights must be finite and not negative; bag "
            f"{first_sample(bad, edge_offsets)} has an edge of weight {weights[bad][0]}."
        )
    return weights


def _check_inside(edges, graph, lengths):
    """Raise an error that names the first bag with an edge to outside."""
    outside = ((edges < 0) | (edges >= lengths[graph])).any(axis=0)
    if outside.any():
        first = outside.argmax()
        i = graph[first]
        raise ValueError(
            f"edges must link instances of one bag, counted from 0; bag {i} of "
            f"{lengths[i]} instances has the edge {tuple(edges[:, first].tolist())}."
        )


def _sort_edges(edges, graph, weights, offsets):
    """Sort the edges of each graph by receiver and source, and keep each once."""
    longest = np.diff(offsets).max(initial=1)
    keys = (offsets[graph] + edges[0]) * longest + edges[1]
    if (keys[1:] > keys[:-1]).all():
        return edges, graph, weights
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    if weights is not None:
        other = np.flatnonzero(weights != weights[first][place])
        if len(other):
            pair = tuple(edges[:, other[0]].tolist())
            raise ValueError(
                "edge_weights must be the same where an edge is repeated; bag "
                f"{graph[other[0]]} has the edge {pair} with two weights."
            )
        weights = weights[first]
    return edges[:, first], graph[first], weights
