"""What a label graph given as a name or a matrix must be, and how to reweight its edges."""

import numpy as np
from scipy import sparse

from .._foreign import read_foreign
from .._forms import as_numbers
from ..memory import check_memory
from .edges import at_least, keep_entries, without_loops

__all__ = [
    "check_adjacency",
    "check_pairs_memory",
    "count_edges",
    "full_graph",
    "is_full_graph",
    "reweight_adjacency",
    "share_weight",
]

# Of so few labels a full graph is a matrix like others, which can be written to.
_FEW_LABELS = 2_048
# What to choose instead of a graph that is too large.
SPARSE_GRAPHS = (
    "'cooccurrence', 'none' or a sparse matrix, whose memory grows with the edges"
)
# What to do with edges that are listed.
PAIRS = (
    "make a matrix of (receiver, source) by scipy.sparse.coo_array((ones, (receivers, "
    "sources)), shape=(n_labels, n_labels))"
)


def check_adjacency(adjacency, n_labels, concepts=False):
    """Return a copy of an adjacency matrix without self-loops.

    Parameters
    ----------
    adjacency : {"full", "none"}, array-like, sparse matrix or list of sparse matrices
        Label i receives from label j where entry (i, j) is not zero: a matrix of shape
        (n_labels, n_labels).  With `concepts`, of shape (n_nodes, n_nodes), the labels
        first, or several such matrices, one per relation, of which the mean is taken.
    n_labels : int
        The number of labels.
    concepts : bool, default=False
        Whether there may be relations, and nodes beyond the labels.

    Returns
    -------
    {ndarray, CSR array} of shape (n_nodes, n_nodes)
        Sparse where `adjacency` is, or "none"; `n_nodes` is `n_labels` without `concepts`.
        "full" is a `full_graph`.

    Raises
    ------
    ValueError
        If the shape is another, or an entry is not finite.

    Examples
    --------
    >>> from skmlc.graphs.adjacency import check_adjacency
    >>> check_adjacency([[1, 1], [0, 1]], n_labels=2)
    array([[0., 1.],
           [0., 0.]])
    >>> relations = [[[0, 1], [0, 0]], [[0, 1], [1, 0]]]
    >>> check_adjacency(relations, n_labels=1, concepts=True)
    array([[0. , 1. ],
           [0.5, 0. ]])
    """
    adjacency = read_foreign(adjacency, "label_graph")
    if isinstance(adjacency, str):
        empty = adjacency == "none"
        return sparse.csr_array((n_labels, n_labels)) if empty else full_graph(n_labels)
    relations, shape = _as_relations(adjacency)
    _check_shape(shape, n_labels, concepts, adjacency)
    for relation in relations:
        entries = relation.data if sparse.issparse(relation) else relation
        if not np.isfinite(entries).all():
            raise ValueError("label_graph must hold finite numbers; got NaN or infinity.")
    # The graph of relations is their mean, section 3.2 of Viel's report.
    adjacency = sum(relations[1:], start=relations[0])
    if len(relations) > 1:
        adjacency = adjacency / len(relations)
    if not sparse.issparse(adjacency):
        np.fill_diagonal(adjacency, 0)
        return adjacency
    adjacency = adjacency - sparse.diags_array(adjacency.diagonal(), format="csr")
    adjacency.eliminate_zeros()
    return sparse.csr_array(adjacency)


def reweight_adjacency(adjacency, threshold, neighbor_weight):
    r"""Keep the strong edges of a weighted graph, and weigh them as ML-GCN does.

    The matrix A'' of [1]_ (Eq. 13-14, from Eq. 7-8 of [2]_): an edge stays where
    :math:`A_{ij} \ge \tau \max A`, the neighbors of each node share the weight p, and a node
    receives from itself with the weight :math:`1 - p`.

    Parameters
    ----------
    adjacency : {array-like, sparse matrix} of shape (n_nodes, n_nodes)
        Node i receives from node j where entry (i, j) is above zero; not modified.
    threshold : float
        The smallest share of the largest entry that keeps an edge (tau), in [0, 1].
    neighbor_weight : float
        The share of a node's neighbors in what it receives (p), in [0, 1].

    Returns
    -------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        The edges that are kept, without self-loops; the rows of nodes with neighbors sum
        to `neighbor_weight`.
    self_weight : ndarray of shape (n_nodes,)
        What a node receives from itself.

    References
    ----------
    .. [1] Viel, "Improving Multi-Label Image Classification with Graph Neural Networks".
    .. [2] Chen, Wei, Wang and Guo, "Multi-Label Image Recognition with Graph
       Convolutional Networks", CVPR 2019, arXiv:1904.03582.

    Examples
    --------
    >>> from skmlc.graphs.adjacency import reweight_adjacency
    >>> weights = [[0, 8, 3, 1], [4, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    >>> adjacency, self_weight = reweight_adjacency(weights, 0.25, neighbor_weight=0.2)
    >>> adjacency.toarray()
    array([[0. , 0.1, 0.1, 0. ],
           [0.2, 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 0. ]])
    >>> self_weight
    array([0.8, 0.8, 0.8, 0.8])
    """
    if not sparse.issparse(adjacency):
        adjacency = np.asarray(adjacency)
    edges = without_loops(adjacency)
    bound = threshold * edges.data.max(initial=0)
    strong = keep_entries(edges, (edges.data > 0) & at_least(edges.data, bound))
    adjacency = share_weight(strong, neighbor_weight)
    return adjacency, np.full(adjacency.shape[0], 1.0 - neighbor_weight)


def share_weight(adjacency, weight):
    """Return the edges with a weight that the sources of each node share equally.

    Parameters
    ----------
    adjacency : csr_array of shape (n_nodes, n_nodes)
        The edges, whatever they weigh; not modified.
    weight : float
        What the edges of one receiver weigh together.

    Returns
    -------
    csr_array of shape (n_nodes, n_nodes)
        The same edges, none where `weight` is zero; each row that has any sums to `weight`.
    """
    n_sources = np.diff(adjacency.indptr)
    adjacency = adjacency.copy()
    adjacency.data = weight / np.repeat(n_sources, n_sources)
    if weight == 0:
        adjacency.eliminate_zeros()
    return adjacency


def full_graph(n_labels):
    """Return the adjacency matrix of all pairs of different labels.

    That of many labels takes no more memory than one row.

    Parameters
    ----------
    n_labels : int
        The number of labels.

    Returns
    -------
    ndarray of float32 of shape (n_labels, n_labels)
        Ones, and zeros on the diagonal.  Of more than 2,048 labels the rows are parts of one
        row, so that it cannot be written to; a copy is as large as another matrix.

    Examples
    --------
    >>> from skmlc.graphs.adjacency import full_graph
    >>> full_graph(3)
    array([[0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]], dtype=float32)
    """
    if n_labels <= _FEW_LABELS:
        return 1 - np.eye(n_labels, dtype=np.float32)
    row = np.ones(2 * n_labels - 1, dtype=np.float32)
    row[n_labels - 1 : n_labels] = 0
    return np.lib.stride_tricks.sliding_window_view(row, n_labels)[::-1]


def is_full_graph(adjacency):
    """Return whether this is what `full_graph` gives of many labels, not a matrix like it.

    Parameters
    ----------
    adjacency : object
        Anything.

    Returns
    -------
    bool
        False also for a copy.
    """
    if not isinstance(adjacency, np.ndarray) or adjacency.ndim != 2:
        return False
    return adjacency.strides == (-adjacency.itemsize, adjacency.itemsize)


def count_edges(adjacency):
    """Return the number of entries that are not zero, without a matrix of where they are.

    Parameters
    ----------
    adjacency : {ndarray, CSR array} of shape (n_nodes, n_nodes)
        A graph.

    Returns
    -------
    int
        The number of edges.
    """
    if is_full_graph(adjacency):
        return len(adjacency) * (len(adjacency) - 1)
    entries = adjacency.data if sparse.issparse(adjacency) else adjacency
    return int(np.count_nonzero(entries))


def check_pairs_memory(adjacency, bytes_per_pair, choose, *, bytes_per_edge=0):
    """Raise an error for a graph from which a network makes more than memory holds.

    Parameters
    ----------
    adjacency : {ndarray, CSR array} of shape (n_nodes, n_nodes)
        The graph.
    bytes_per_pair : int
        What is needed at the least for each pair of nodes, connected or not.
    choose : str
        What to choose instead.
    bytes_per_edge : int, default=0
        What is needed for each edge.

    Raises
    ------
    ValueError
        If it is more than all memory of the machine.
    """
    n_nodes, n_edges = adjacency.shape[0], count_edges(adjacency)
    what = f"label_graph='full' with {n_nodes} labels"
    if not is_full_graph(adjacency):
        what = f"label_graph with {n_nodes} nodes and {n_edges} edges"
    n_bytes = bytes_per_pair * n_nodes**2 + bytes_per_edge * n_edges
    check_memory(n_bytes, what, choose)


def _as_relations(adjacency):
    """Return a list of matrices, and the shape that they have together."""
    if sparse.issparse(adjacency):
        return [sparse.csr_array(adjacency)], adjacency.shape
    if isinstance(adjacency, list | tuple) and any(map(sparse.issparse, adjacency)):
        relations = [sparse.csr_array(relation) for relation in adjacency]
        shapes = sorted({relation.shape for relation in relations})
        if len(shapes) > 1:
            raise ValueError(
                "label_graph must hold relations of one shape; got "
                f"{' and '.join(map(str, shapes))}."
            )
        return relations, (len(relations), *shapes[0])
    if isinstance(adjacency, list | tuple | set) and any(map(_is_pair, adjacency)):
        kind = type(adjacency).__name__
        raise ValueError(f"label_graph must be a matrix; got a {kind} of pairs: {PAIRS}.")
    adjacency = _as_floats(adjacency)
    return list(adjacency) if adjacency.ndim == 3 else [adjacency], adjacency.shape


def _is_pair(entry):
    """Return whether an entry of a list is an edge, and not the row of a matrix."""
    return isinstance(entry, tuple) and len(entry) == 2 and all(map(np.isscalar, entry))


def _check_shape(shape, n_labels, concepts, adjacency):
    """Say what is wrong with the shape of a label graph, if anything is."""
    n_nodes = shape[-1] if shape else 0
    is_square = len(shape) in (2, 3) and 0 not in shape and shape[-2] == n_nodes
    if concepts and not (is_square and n_nodes >= n_labels):
        raise ValueError(
            "label_graph must be of shape (n_nodes, n_nodes) or (n_relations, n_nodes, "
            f"n_nodes) with at least {n_labels} nodes, one per label of y and then the "
            f"further concepts; got {shape}{_edges_hint(adjacency)}."
        )
    if not concepts and shape != (n_labels, n_labels):
        hint = _edges_hint(adjacency)
        if is_square and n_nodes >= n_labels:
            what = (
                "several relations" if n_nodes == n_labels else "concepts beyond the labels"
            )
            hint = f"; only GGNNClassifier takes {what}"
        raise ValueError(
            f"label_graph must be of shape ({n_labels}, {n_labels}), one row per label of y; "
            f"got {shape}{hint}."
        )


def _edges_hint(adjacency):
    """Say how to make a matrix of edges, one in each row or column of an array of integers."""
    array = np.asarray(() if sparse.issparse(adjacency) else adjacency)
    is_edges = array.dtype.kind in "iu" and array.ndim == 2 and 2 in array.shape
    return f"; of pairs of labels, {PAIRS}" if is_edges else ""


def _as_floats(adjacency):
    """Return a floating point copy of an array-like."""
    if isinstance(adjacency, np.matrix):
        adjacency = np.asarray(adjacency)
    adjacency = as_numbers(adjacency, "label_graph", "hold finite numbers")
    # In one order, as attention may round otherwise along a mask in another.
    return np.array(adjacency, dtype=np.result_type(adjacency.dtype, np.float32), order="C")
