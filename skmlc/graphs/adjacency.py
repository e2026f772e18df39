"""What a label graph given as a name or a matrix must be."""

import numpy as np
from scipy import sparse

__all__ = ["check_adjacency"]


def check_adjacency(adjacency, n_labels):
    """Return a copy of an adjacency matrix without self-loops.

    Parameters
    ----------
    adjacency : {"full", "none"}, array-like or sparse matrix of shape (n_labels, n_labels)
        Label i receives from label j where entry (i, j) is not zero.
    n_labels : int
        The number of labels.

    Returns
    -------
    {ndarray, CSR array} of shape (n_labels, n_labels)
        Sparse where `adjacency` is, or "none".

    Raises
    ------
    ValueError
        If the shape is another, or an entry is not finite.
    """
    if isinstance(adjacency, str):
        adjacency = _named_graph(adjacency, n_labels)
    is_sparse = sparse.issparse(adjacency)
    adjacency = sparse.csr_array(adjacency) if is_sparse else _as_floats(adjacency)
    if adjacency.shape != (n_labels, n_labels):
        raise ValueError(
            f"label_graph must be of shape ({n_labels}, {n_labels}), one row per label of y; "
            f"got {adjacency.shape}."
        )
    if not np.isfinite(adjacency.data if is_sparse else adjacency).all():
        raise ValueError("label_graph must hold finite numbers; got NaN or infinity.")
    if not is_sparse:
        np.fill_diagonal(adjacency, 0)
        return adjacency
    adjacency = adjacency - sparse.diags_array(adjacency.diagonal(), format="csr")
    adjacency.eliminate_zeros()
    return sparse.csr_array(adjacency)


def _named_graph(name, n_labels):
    """Return the adjacency of the graph that "full" or "none" stands for."""
    if name == "none":
        return sparse.csr_array((n_labels, n_labels))
    return np.ones((n_labels, n_labels), dtype=np.float32)


def _as_floats(adjacency):
    """Return a floating point copy of an array-like."""
    adjacency = np.asarray(adjacency)
    return np.array(adjacency, dtype=np.result_type(adjacency.dtype, np.float32))
