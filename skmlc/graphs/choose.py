"""The label graph of a classifier, from what its user asked for."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from ..label_names import align_to_labels
from .adjacency import check_adjacency
from .labels import ConditionalProbabilityGraph, CooccurrenceGraph

__all__ = ["BUILDERS", "NetworkxGraph", "choose_label_graph"]

# What the words for `label_graph` stand for, besides "full" and "none".
BUILDERS = {
    "cooccurrence": CooccurrenceGraph(),
    "conditional_probability": ConditionalProbabilityGraph(neighbor_weight=0.2),
    "probability": ConditionalProbabilityGraph(0, neighbor_weight="probability"),
}


class NetworkxGraph(HasMethods):
    """The rule that a parameter may be a graph of networkx, told by its methods."""

    def __str__(self):
        return "a networkx graph"


def choose_label_graph(label_graph, Y, *, label_names, sample_weight, concepts):
    """Return the graph that a classifier's `label_graph` asks for.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix, networkx graph or builder
        A word in `BUILDERS`, "full", "none", a matrix, or a builder, which is cloned.  A
        DataFrame with labels as index and columns is put in their order.
    Y : {ndarray, CSR} of shape (n_samples, n_labels)
        The training labels, from which a builder makes the graph.
    label_names : sequence of str or None
        What the labels are called.
    sample_weight : ndarray of shape (n_samples,)
        How much each sample counts.
    concepts : bool
        Whether the graph may have nodes beyond the labels.

    Returns
    -------
    builder : BaseLabelGraph or None
        The fitted builder, if there is one.
    adjacency : {ndarray, CSR array} of shape (n_nodes, n_nodes)
        Without self-loops; the labels are its first nodes.
    """
    builder = BUILDERS.get(label_graph) if isinstance(label_graph, str) else label_graph
    if _is_networkx(builder):
        label_graph = _read_networkx(builder, Y.shape[1], label_names)
        return None, check_adjacency(label_graph, Y.shape[1], concepts=concepts)
    if not hasattr(builder, "fit"):
        further = "keep" if concepts else "refuse"
        label_graph = align_to_labels(
            label_graph, label_names, name="label_graph", square=True, further=further
        )
        return None, check_adjacency(label_graph, Y.shape[1], concepts=concepts)
    builder = clone(builder).fit(Y, label_names=label_names, sample_weight=sample_weight)
    return builder, check_adjacency(builder.adjacency_, Y.shape[1], concepts=concepts)


def _is_networkx(label_graph):
    """Return whether this is a graph of networkx, which need not be installed."""
    return hasattr(label_graph, "is_directed") and hasattr(label_graph, "edges")


def _read_networkx(graph, n_labels, label_names):
    """Return the matrix of a networkx graph; an edge (source, receiver) is a message.

    Its nodes are the names of the labels, or their numbers from 0.
    """
    nodes = list(graph.nodes)
    labels = next(
        (
            known
            for known in (label_names, range(n_labels))
            if known and set(known) == set(nodes)
        ),
        None,
    )
    if labels is None:
        names = "" if label_names is None else f", or their names {list(label_names)}"
        raise ValueError(
            f"label_graph must have the {n_labels} labels as nodes, numbered 0 to "
            f"{n_labels - 1}{names}; got {len(nodes)} nodes, {nodes[:5]}: add the isolated "
            "labels with add_nodes_from, and rename nodes with networkx.relabel_nodes."
        )
    place = {label: i for i, label in enumerate(labels)}
    edges = [(place[a], place[b], w) for a, b, w in graph.edges(data="weight", default=1)]
    if not graph.is_directed():
        edges += [(b, a, w) for a, b, w in edges if a != b]
    source, receiver, weight = np.array(edges, dtype=float).reshape(-1, 3).T
    ends = (receiver.astype(int), source.astype(int))
    return sparse.csr_array((weight, ends), shape=(n_labels, n_labels))
