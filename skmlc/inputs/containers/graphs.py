"""Graphs: the container of samples that are instances with edges between them."""

import numpy as np

from .bags import Bags, bag_fields, check_bags
from .base import count_range, flat_index, offsets_of
from .edges import check_edges, flat_edges
from .graph_forms import (
    join_weights,
    read_edge_list,
    read_networkx,
    read_pyg,
    write_networkx,
    write_pyg,
)


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
        are kept once.
    boxes : {iterable of array-like of shape (n_instances, 4), ndarray of shape \
            (n_instances_in_all, 4)}, default=None
        The place of each instance in its image, as for `Bags`.
    edge_weights : {iterable of array-like of shape (n_edges,), "adjacency"}, default=None
        How much each edge counts, for each sample in the order of its pairs; "adjacency" takes
        the entries of the adjacency matrices. Weights are not negative; an edge of weight 0 is
        left out, and one of weight 1 counts as all do where there are no weights.

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
    edge_weights : ndarray of shape (n_edges_in_all,) or None
        The weight of each edge, above 0; float32 or float64.
    boxes : ndarray of shape (n_instances_in_all, 4) or None
        The box of each instance.
    lengths : ndarray of int64 of shape (n_samples,)
        The number of instances of each sample.
    shape : tuple of int
        ``(n_samples, n_features)``.

    Raises
    ------
    ValueError
        If a bag is not as `Bags` asks, an edge leaves its bag, or a weight is negative, not
        finite, or another one for the same edge.

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

    Weights are read by the messages of `LaMPClassifier` among the instances, and by those of
    `GMMLICClassifier`. No method reads features of edges, so that graphs hold none: add what
    matters to the features of the instances, as `MoleculeGraphs` does with the kinds of bonds.

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

    def __init__(self, bags, edges, boxes=None, edge_weights=None):
        fields = bag_fields(bags, boxes)
        flat = flat_edges(edges, edge_weights, np.diff(fields["offsets"]))
        self._store(**fields, **check_edges(*flat, fields["offsets"]))

    @classmethod
    def from_flat(
        cls, instances, offsets, edges, edge_offsets, boxes=None, edge_weights=None
    ):
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
        edge_weights : array-like of shape (n_edges_in_all,), default=None
            The weight of each edge.

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
        edges = check_edges(edges, edge_offsets, edge_weights, fields["offsets"])
        return cls._trusted(**fields, **edges)

    @classmethod
    def from_edge_lists(cls, bags, edge_lists, directed=False, boxes=None):
        """Make graphs of edges that are written one by one.

        Parameters
        ----------
        bags : {iterable of array-like of shape (n_instances, n_features), ndarray of shape \
                (n_samples, n_instances, n_features), Bags}
            The instances of each sample.
        edge_lists : iterable of array-like of shape (n_edges, 2) or (n_edges, 3)
            The two ends of each edge, counted from 0 in their bag, and perhaps its weight;
            where other graphs have weights, edges without one count 1.
        directed : bool, default=False
            Whether only the second end of an edge receives from the first; otherwise both
            receive from each other.
        boxes : {iterable of array-like of shape (n_instances, 4), ndarray of shape \
                (n_instances_in_all, 4)}, default=None
            The place of each instance in its image.

        Returns
        -------
        Graphs
            The graphs.

        Raises
        ------
        ValueError
            If they are not as described.

        Examples
        --------
        >>> from skmlc.inputs import Graphs
        >>> X = Graphs.from_edge_lists([[[0.0], [1.0], [2.0]]], [[(0, 1, 2.0), (1, 2, 0.5)]])
        >>> X.edges
        array([[0, 1, 1, 2],
               [1, 0, 2, 1]])
        >>> X.edge_weights
        array([2. , 2. , 0.5, 0.5])
        """
        read = [read_edge_list(entry, i, directed) for i, entry in enumerate(edge_lists)]
        pairs, weights = zip(*read) if read else ((), ())
        return cls._of_pairs(bags, pairs, join_weights(weights, pairs, None, None), boxes)

    @classmethod
    def from_networkx(cls, graphs, node_features="x", edge_weight="weight"):
        """Make graphs of those of networkx.

        Parameters
        ----------
        graphs : iterable of networkx.Graph
            The graphs. An edge of a directed graph leads from the sender to the receiver;
            that of another graph counts in both directions.
        node_features : str, default="x"
            The attribute of nodes that holds their features, a vector or a number.
        edge_weight : str, default="weight"
            The attribute of edges that holds their weights, 1 where an edge has none; None
            not to read weights. "weight" may be missing everywhere.

        Returns
        -------
        Graphs
            The graphs, their instances in the order of the nodes.

        Raises
        ------
        TypeError
            If something else came.
        ValueError
            If a node has no features, or no edge has the attribute.
        """
        read = [
            read_networkx(graph, i, node_features, edge_weight)
            for i, graph in enumerate(graphs)
        ]
        bags, pairs, weights = zip(*read) if read else ((), (), ())
        weights = join_weights(weights, pairs, edge_weight, "weight")
        return cls._of_pairs(bags, pairs, weights)

    @classmethod
    def from_pyg(cls, data_list, edge_weight="edge_weight"):
        """Make graphs of data of PyTorch Geometric, or of objects that look like them.

        Parameters
        ----------
        data_list : iterable of torch_geometric.data.Data
            Objects with the attributes `x`, the features of the nodes, and `edge_index`,
            whose row 0 sends to row 1.
        edge_weight : str, default="edge_weight"
            The attribute that holds one number per edge, 1 for the graphs that have none, such
            as "edge_attr"; None not to read weights. "edge_weight" may be missing everywhere.

        Returns
        -------
        Graphs
            The graphs. Their row 0 receives from row 1: they are swapped.

        Raises
        ------
        ValueError
            If an attribute is missing or not of such a shape.
        """
        read = [read_pyg(data, i, edge_weight) for i, data in enumerate(data_list)]
        bags, pairs, weights = zip(*read) if read else ((), (), ())
        weights = join_weights(weights, pairs, edge_weight, "edge_weight")
        return cls._of_pairs(bags, pairs, weights)

    @classmethod
    def _of_pairs(cls, bags, pairs, weights, boxes=None):
        """Return graphs, given the edges of each as pairs and all their weights."""
        fields = bag_fields(bags, boxes)
        offsets = fields["offsets"]
        if len(pairs) != len(offsets) - 1:
            raise ValueError(
                f"edge_lists must have one entry per bag, {len(offsets) - 1}; got "
                f"{len(pairs)}."
            )
        edge_offsets = offsets_of([p.shape[1] for p in pairs])
        edges = np.concatenate(pairs, axis=1)
        return cls._trusted(**fields, **check_edges(edges, edge_offsets, weights, offsets))

    def to_networkx(self, node_features="x", edge_weight="weight"):
        """Return the graphs as those of networkx, without boxes.

        Parameters
        ----------
        node_features : str, default="x"
            The attribute of nodes that gets their features.
        edge_weight : str, default="weight"
            The attribute of edges that gets their weights, where there are some.

        Returns
        -------
        list of networkx.DiGraph
            One per sample, with nodes numbered from 0. Edges lead from sender to receiver.
        """
        return write_networkx(self._parts(), node_features, edge_weight)

    def to_pyg(self):
        """Return the graphs as data of PyTorch Geometric, without boxes.

        Returns
        -------
        list of torch_geometric.data.Data
            One per sample, with `x`, `edge_index`, whose row 0 sends to row 1, and where there
            are weights `edge_weight`.
        """
        return write_pyg(self._parts())

    def _parts(self):
        """Yield the instances, edges and weights of each graph."""
        for i in range(len(self)):
            graph = self._item(i)
            yield graph.instances, graph.edges, graph.edge_weights

    def _item(self, i):
        return self._take(slice(i, i + 1))

    def _take(self, rows):
        index, edge_offsets = flat_index(self.edge_offsets, rows)
        weights = None if self.edge_weights is None else self.edge_weights[index]
        return self._trusted(
            **self._taken(rows),
            edges=self.edges[:, index],
            edge_offsets=edge_offsets,
            edge_weights=weights,
        )

    def __repr__(self):
        instances = count_range(self.lengths, "instances")
        noun = "edges" if self.edge_weights is None else "weighted edges"
        edges = count_range(np.diff(self.edge_offsets), noun)
        return self._describe(f"{instances} and {edges} per graph")
