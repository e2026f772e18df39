"""Label graphs from a hierarchy, and predictions that agree with it."""

from dataclasses import field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from .base import BaseLabelGraph
from .edges import edges_to_csr

__all__ = ["HierarchyGraph"]


class HierarchyGraph(BaseLabelGraph):
    """Connect parents and children of a label hierarchy.

    The hierarchy is a tree, a forest, or any directed graph without cycles: a label may
    have several parents.  On request, predictions are made consistent with it, so that a
    child is never more probable than any of its parents.

    Parameters
    ----------
    edges : array-like of shape (n_edges, 2), default=None
        Pairs (parent, child), each a label's index or, where the labels have names, its
        name.  None is a hierarchy without edges.
    direction : {"both", "down", "up"}, default="both"
        Who receives: with "down" children from their parents, with "up" parents from
        their children, with "both" each from the other.
    consistent : {False, "min", "max"}, default=False
        What `make_consistent` does: nothing; lower each label to the least probable of its
        ancestors ("min"); or raise each label to the most probable of its descendants
        ("max", the constraint of C-HMCNN [1]_).  Known labels set what follows from them; but
        they are returned as they were given, also those that contradict the hierarchy: a child
        that is known to hold is then more probable than an ancestor that is known not to.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_labels, n_labels)
        The graph; label i receives from label j where entry (i, j) is not zero.
    edges_ : ndarray of int64 of shape (n_edges, 2)
        The pairs (parent, child) as indices, each once.
    depth_ : ndarray of int64 of shape (n_labels,)
        The number of edges on the longest way down to each label.
    counts_ : ndarray of shape (n_labels,)
        How many samples have each label.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    References
    ----------
    .. [1] Giunchiglia and Lukasiewicz, "Coherent Hierarchical Multi-Label Classification
       Networks", NeurIPS 2020, arXiv:2010.10151.

    Examples
    --------
    >>> from skmlc.graphs import HierarchyGraph
    >>> edges = [("animal", "cat"), ("animal", "dog")]
    >>> graph = HierarchyGraph(edges, direction="down", consistent="max")
    >>> graph = graph.fit([[1, 1, 0]], label_names=["animal", "cat", "dog"])
    >>> graph.adjacency_.toarray()
    array([[0., 0., 0.],
           [1., 0., 0.],
           [1., 0., 0.]])
    >>> graph.make_consistent([[0.5, 0.7, 0.2]])
    array([[0.7, 0.7, 0.2]])
    """

    _hint = "give more edges"
    edges: Any = field(default=None, kw_only=False)
    direction: str = field(default="both", kw_only=False)
    consistent: bool = field(default=False, kw_only=False)

    _parameter_constraints = {
        "edges": ["array-like", None],
        "direction": [StrOptions({"both", "down", "up"})],
        "consistent": [StrOptions({"min", "max"}), Options(bool, {False})],
    }

    def make_consistent(self, probabilities):
        """Return predicted probabilities that agree with the hierarchy.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_labels)
            Predicted probabilities, one column per label.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            New probabilities, of the same dtype, in which no child exceeds a parent; with
            ``consistent=False`` the same object as given.

        Raises
        ------
        ValueError
            If `probabilities` are not of shape (n_samples, n_labels).
        """
        check_is_fitted(self, "adjacency_")
        if self.consistent is False:
            return probabilities
        result = np.array(probabilities)
        if result.ndim != 2 or result.shape[1] != self.n_features_in_:
            raise ValueError(
                f"probabilities must be of shape (n_samples, {self.n_features_in_}), one "
                f"column per label; got {result.shape}."
            )
        parents, children = self.edges_.T
        if self.consistent == "min":
            return _propagate(result, parents, children, self.depth_, np.minimum)
        height = _levels(children, parents, self._node_names())
        return _propagate(result, children, parents, height, np.maximum)

    def follow_from(self, known):
        """Return known labels with those that follow from them, if `consistent`.

        A label that holds has ancestors that hold; one that does not, no descendant that does.

        Parameters
        ----------
        known : {ndarray, csr_array} of shape (n_samples, n_labels)
            1 where a label is known to hold, -1 where it is known not to, 0 elsewhere.

        Returns
        -------
        {ndarray, csr_array} of shape (n_samples, n_labels)
            An array with what follows in place of zeros, where no known labels contradict each
            other in that; with ``consistent=False`` the same object as given.
        """
        check_is_fitted(self, "adjacency_")
        if self.consistent is False:
            return known
        known = known.toarray() if sparse.issparse(known) else known
        parents, children = self.edges_.T
        height = _levels(children, parents, self._node_names())
        hold = _propagate(known == 1, children, parents, height, np.maximum)
        hold_not = _propagate(known == -1, parents, children, self.depth_, np.maximum)
        follows = hold.astype(known.dtype) - hold_not.astype(known.dtype)
        return np.where(known == 0, follows, known)

    def _build(self, counts):
        """Read the pairs, refuse cycles, and point the edges."""
        self.edges_ = self._read_edges()
        parents, children = self.edges_.T
        self.depth_ = _levels(parents, children, self._node_names())
        receivers = {"down": [children], "up": [parents], "both": [children, parents]}
        sources = {"down": [parents], "up": [children], "both": [parents, children]}
        self.adjacency_ = edges_to_csr(
            np.concatenate(receivers[self.direction]),
            np.concatenate(sources[self.direction]),
            counts.n_labels,
        )

    def _read_edges(self):
        """Return the pairs (parent, child) as indices, each pair once."""
        pairs = [] if self.edges is None else [tuple(pair) for pair in self.edges]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("edges must hold pairs (parent, child).")
        read_label = self._label_reader("edges")
        pairs = [[read_label(label) for label in pair] for pair in pairs]
        return np.unique(np.array(pairs, dtype=np.int64).reshape(-1, 2), axis=0)


def _levels(sources, targets, names):
    """Return the length of the longest way to each label, or name a cycle."""
    predecessors = {label: [] for label in range(len(names))}
    for source, target in zip(sources.tolist(), targets.tolist()):
        predecessors[target].append(source)
    sorter = TopologicalSorter(predecessors)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " -> ".join(names[label] for label in error.args[1])
        raise ValueError(f"edges must have no cycle; got {cycle}.") from None
    level, levels = 0, np.zeros(len(names), dtype=np.int64)
    while sorter.is_active():
        ready = sorter.get_ready()
        levels[list(ready)] = level
        sorter.done(*ready)
        level += 1
    return levels


def _propagate(values, sources, targets, level, extreme):
    """Let each target take the extreme of itself and its sources, level by level."""
    order = np.lexsort((targets, level[targets]))
    sources, targets = sources[order], targets[order]
    ends = np.flatnonzero(np.diff(level[targets], append=-1)) + 1
    for group in map(slice, [0, *ends[:-1]], ends):
        # Sources lie on lower levels, so they are final by now.
        target, starts = np.unique(targets[group], return_index=True)
        best = extreme.reduceat(values[:, sources[group]], starts, axis=1)
        values[:, target] = extreme(values[:, target], best)
    return values
