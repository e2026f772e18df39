"""The label graph of a classifier, from what its user asked for."""

from sklearn.base import clone

from ..indicators import align_to_labels
from .adjacency import check_adjacency
from .labels import ConditionalProbabilityGraph, CooccurrenceGraph

__all__ = ["BUILDERS", "choose_label_graph"]

# What the words for `label_graph` stand for, beside "full" and "none".
BUILDERS = {
    "cooccurrence": CooccurrenceGraph(),
    "conditional_probability": ConditionalProbabilityGraph(neighbor_weight=0.2),
    "probability": ConditionalProbabilityGraph(0, neighbor_weight="probability"),
}


def choose_label_graph(label_graph, Y, *, label_names, sample_weight, concepts):
    """Return the graph that a classifier's `label_graph` asks for.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix or builder
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
    if not hasattr(builder, "fit"):
        further = "keep" if concepts else "refuse"
        label_graph = align_to_labels(
            label_graph, label_names, name="label_graph", square=True, further=further
        )
        return None, check_adjacency(label_graph, Y.shape[1], concepts=concepts)
    builder = clone(builder).fit(Y, label_names=label_names, sample_weight=sample_weight)
    return builder, check_adjacency(builder.adjacency_, Y.shape[1], concepts=concepts)
