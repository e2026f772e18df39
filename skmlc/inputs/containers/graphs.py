"""Graphs: the container of samples that are instances with edges between them."""

import numpy as np
from scipy import sparse

from .bags import Bags, bag_fields, check_bags
from .base import check_offsets, count_range, flat_index, offsets_of


class Graphs(Bags):
    """Bags of instances with edges between the instances of a bag.

    Parameters
    ----------
    bags : {iterable of array-like of shape (n_instances, n_features), ndarray of shape \
            (n_samples, n_instances, n_features), Bags}
        The instances of each sample, as for `Bags`; `Bags` hand on their boxes.
    edges : iterable of {array-like of int of shape (2, n_edges), array-like or sparse \
            matrix of shape (n_instances, n_instances)}
        The edges of each sample. Either all are pairs of instances, counted from 0 in their
        bag, of which row 0 receives from row 1; or all are adjacency matrices, where
        instance a receives from instance b if entry ``[a, b]`` is not zero. Repeated edges
        are kept once; weights are not kept.
    boxes : {iterable of array-like of shape (n_instances, 4), ndarray of shape \
            (n_instances_in_all, 4)}, default=None
        The place of each instance in its image, as for `Bags`.

    Attributes
    ----------
    instances : ndarray of shape (n_instances_in_all, n_features)
        The instances of all samples, one sample after another; float32 or float64.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Sample i has the instances from ``offsets[i]`` to ``offsets[i + 1]``.
    edges : ndarray of int64 of shape (2, n_edges_in_all)
        The edges of all samples, one sample after another, sorted within each; row 0
        receives from row 1, both counted within the sample.
    edge_offsets : ndarray of int64 of shape (n_samples + 1,)
        Sample i has the edges from ``edge_offsets[i]`` to ``edge_offsets[i + 1]``.
    boxes : ndarray of shape (n_instances_in_all, 4) or None
        The box of each instance.
    lengths : ndarray of int64 of shape (n_samples,)
        The number of instances of each sample.
    shape : tuple of int
        ``(n_samples, n_features)``.

    Raises
    ------
    ValueError
        If a bag is not as `Bags` asks, or an edge leaves its bag.

    See Also
    --------
    skmlc.graphs.KNNInstanceGraph : Links similar instances of a bag.
    skmlc.graphs.SpatialGraph : Links instances whose boxes are near each other.

    Notes
    -----
    An integer as index gives `Graphs` of one sample, so that its edges are not lost. If all
    graphs have two instances, a dense integer matrix of shape (2, 2) may be either kind of
    edges, and raises an error unless both mean the same; adjacency matrices of bool or float,
    and sparse ones, are always clear.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs import Graphs
    >>> bags = [np.zeros((2, 3)), np.ones((4, 3))]
    >>> X = Graphs(bags, edges=[[[0], [1]], [[0, 1, 3], [1, 2, 0]]])
    >>> X
    Graphs(n_samples=2, n_features=3, 2-4 instances and 1-3 edges per graph)
    >>> X[1].edges
    array([[0, 1, 3],
           [1, 2, 0]])
    """

    def __init__(self, bags, edges, boxes=None):
        fields = bag_fields(bags, boxes)
        edges, edge_offsets = _flat_edges(edges, np.diff(fields["offsets"]))
        self._store(**fields, **_checked(edges, edge_offsets, fields["offsets"]))

    @classmethod
    def from_flat(cls, instances, offsets, edges, edge_offsets, boxes=None):
        """Make graphs of flat arrays, which are shared where their types allow it.

        Parameters
        ----------
        instances : array-like of shape (n_instances_in_all, n_features)
            The instances of all samples, one sample after another.
        offsets : array-like of int of shape (n_samples + 1,)
            Sample i has the instances from ``offsets[i]`` to ``offsets[i + 1]``.
        edges : array-like of int of shape (2, n_edges_in_all)
            The edges of all samples, one sample after another; row 0 receives from row 1,
            both counted within the sample.
        edge_offsets : array-like of int of shape (n_samples + 1,)
            Sample i has the edges from ``edge_offsets[i]`` to ``edge_offsets[i + 1]``.
        boxes : array-like of shape (n_instances_in_all, 4), default=None
            The box of each instance, as ``x0, y0, x1, y1``.

        Returns
        -------
        Graphs
            The graphs.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        fields = check_bags(instances, offsets, boxes)
        return cls._trusted(**fields, **_checked(edges, edge_offsets, fields["offsets"]))

    def _item(self, i):
        return self._take(slice(i, i + 1))

    def _take(self, rows):
        index, edge_offsets = flat_index(self.edge_offsets, rows)
        edges = self.edges[:, index]
        return self._trusted(**self._taken(rows), edges=edges, edge_offsets=edge_offsets)

    def __repr__(self):
        instances = count_range(self.lengths, "instances")
        edges = count_range(np.diff(self.edge_offsets), "edges")
        return self._describe(f"{instances} and {edges} per graph")


def _flat_edges(edges, lengths):
    """Return the edges of all graphs and their offsets, given per graph in either form."""
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
    if not _are_pairs(arrays, lengths):
        arrays = [_to_pairs(array, i) for i, array in enumerate(arrays)]
    # Empty lists are floats to NumPy.
    pairs = np.concatenate(arrays, axis=1).astype(np.int64, copy=False)
    return pairs, offsets_of([array.shape[1] for array in arrays])


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
        if set(zip(*array.tolist())) != set(zip(*_to_pairs(array, i).tolist())):
            raise ValueError(
                "edges of shape (2, 2) between two instances may be pairs or an adjacency "
                f"matrix, and mean different things for bag {i}; give adjacency matrices "
                "as bool, or pairs to Graphs.from_flat."
            )
    return True


def _to_pairs(adjacency, i):
    """Return the edges of an adjacency matrix as an array of shape (2, n_edges)."""
    if adjacency.dtype.kind not in "biuf":
        raise ValueError(
            "Adjacency matrices must hold real numbers; that of bag "
            f"{i} has dtype {adjacency.dtype}."
        )
    coo = sparse.coo_array(adjacency)
    if not np.isfinite(coo.data).all():
        raise ValueError(
            f"Adjacency matrices must be finite; that of bag {i} contains NaN or infinity."
        )
    stored = coo.data != 0  # a sparse matrix may store zeros
    return np.stack([coo.row[stored], coo.col[stored]]).astype(np.int64)


def _checked(edges, edge_offsets, offsets):
    """Return flat edges and their offsets as attributes, if every edge stays in its bag."""
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
    return _sort_edges(edges, edge_offsets, graph, offsets)


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


def _sort_edges(edges, edge_offsets, graph, offsets):
    """Sort the edges of each graph by receiver and source, and keep each once."""
    longest = np.diff(offsets).max(initial=1)
    keys = (offsets[graph] + edges[0]) * longest + edges[1]
    if (keys[1:] <= keys[:-1]).any():
        _, first = np.unique(keys, return_index=True)
        edges = edges[:, first]
        edge_offsets = offsets_of(np.bincount(graph[first], minlength=len(offsets) - 1))
    return {"edges": edges, "edge_offsets": edge_offsets}
