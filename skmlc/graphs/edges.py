"""Operations on graphs as CSR matrices: one stored entry is one edge.

All of them cost what the edges cost, and give sorted indices, so that two matrices of the
same edges have their entries in the same order.
"""

import numpy as np
from scipy import sparse

__all__ = [
    "at_least",
    "edges_to_csr",
    "entry_rows",
    "has_entries",
    "keep_entries",
    "strongest_per_row",
    "transposed",
    "without_loops",
]


def at_least(values, bound):
    """Return where values reach a bound, forgiving the rounding of weighted sums.

    Parameters
    ----------
    values : ndarray
        Sums or ratios of non-negative numbers.
    bound : float
        The bound, not negative.

    Returns
    -------
    ndarray of bool
        True where a value is at least the bound.
    """
    # Weights that are all 0.1 must give the graph that weights of one give.
    return values >= bound * (1 - 1e-9)


def keep_entries(matrix, keep):
    """Return a CSR matrix with some of its stored entries only.

    Parameters
    ----------
    matrix : csr_array
        Not modified.
    keep : ndarray of bool of shape (matrix.nnz,)
        Which stored entries stay.

    Returns
    -------
    csr_array
        A matrix of the same shape, in arrays of its own.
    """
    kept = np.concatenate([[0], np.cumsum(keep)]).astype(matrix.indptr.dtype)
    parts = (matrix.data[keep], matrix.indices[keep], kept[matrix.indptr])
    return sparse.csr_array(parts, shape=matrix.shape)


def without_loops(matrix):
    """Return a square matrix as sorted CSR without its diagonal and stored zeros.

    Parameters
    ----------
    matrix : sparse array of shape (n_nodes, n_nodes)
        Not modified.

    Returns
    -------
    csr_array of shape (n_nodes, n_nodes)
        Float64, with sorted indices.
    """
    matrix = sparse.csr_array(matrix, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    return keep_entries(matrix, (matrix.data != 0) & (entry_rows(matrix) != matrix.indices))


def edges_to_csr(receivers, sources, n_nodes):
    """Return the adjacency matrix of a list of edges, each of weight one.

    Parameters
    ----------
    receivers, sources : array-like of int of shape (n_edges,)
        Node `receivers[e]` receives from node `sources[e]`; repeated edges count once and
        an edge from a node to itself is left out.
    n_nodes : int
        The number of nodes.

    Returns
    -------
    csr_array of shape (n_nodes, n_nodes)
        Float64, with sorted indices.
    """
    parts = np.asarray(receivers, dtype=np.int64), np.asarray(sources, dtype=np.int64)
    ones = np.ones(len(parts[0]))
    adjacency = without_loops(sparse.coo_array((ones, parts), shape=(n_nodes, n_nodes)))
    adjacency.data[:] = 1.0
    return adjacency


def entry_rows(matrix):
    """Return the row of each stored entry.

    Parameters
    ----------
    matrix : csr_array
        The columns are its `indices`.

    Returns
    -------
    ndarray of int64 of shape (matrix.nnz,)
        In the order of the entries.
    """
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))


def transposed(matrix):
    """Return the transpose as CSR with sorted indices.

    Parameters
    ----------
    matrix : csr_array
        Not modified.

    Returns
    -------
    csr_array
        The edges the other way round.
    """
    matrix = sparse.csr_array(matrix.T, copy=True)
    matrix.sort_indices()
    return matrix


def has_entries(matrix, other):
    """Return which stored entries of a matrix are stored entries of another one too.

    Parameters
    ----------
    matrix, other : csr_array of shape (n_nodes, n_nodes)
        Two graphs of the same nodes.

    Returns
    -------
    ndarray of bool of shape (matrix.nnz,)
        One value per entry of `matrix`.
    """
    code, other_code = (entry_rows(m) * m.shape[1] + m.indices for m in (matrix, other))
    return np.isin(code, other_code)


def strongest_per_row(matrix, n_entries, frequency):
    """Return which entries are among the largest of their row.

    Parameters
    ----------
    matrix : csr_array of shape (n_nodes, n_nodes)
        The larger an entry, the stronger the edge.
    n_entries : int
        How many entries of a row to keep.
    frequency : ndarray of shape (n_nodes,)
        Of equal entries the column of lower frequency goes first, then that of lower
        index.

    Returns
    -------
    ndarray of bool of shape (matrix.nnz,)
        One value per entry.
    """
    rows, columns = entry_rows(matrix), matrix.indices
    order = np.lexsort((columns, frequency[columns], -matrix.data, rows))
    rank = np.arange(matrix.nnz) - matrix.indptr[rows]  # rows stay where they are
    keep = np.zeros(matrix.nnz, dtype=bool)
    keep[order[rank < n_entries]] = True
    return keep
