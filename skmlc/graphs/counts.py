"""Weighted counts over an indicator matrix, in memory of the order of what is counted.

A label graph starts from how often labels hold, alone and in pairs.  All of it is read off
sparse products, so that 20,000 labels cost what their co-occurrences cost, not 20,000
squared.  An unknown entry (NaN) takes part in no count.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..memory import check_memory, total_memory
from .edges import entry_rows, keep_entries, without_loops

__all__ = ["LabelCounts"]

# The products of entries that are added up at once, where only some of the sums are kept.
_MOST_PRODUCTS = 2**22
# Of each pair: a sparse product, and the copies of it that are sorted and without diagonal.
_BYTES_PER_PAIR = 36
# Of so many labels the pairs are counted to know how many there are.
_SAMPLED = 100


@dataclass(frozen=True)
class LabelCounts:
    """The counts of an indicator matrix.

    Attributes
    ----------
    positive : csr_array of shape (n_samples, n_labels)
        The entries that hold; unknown entries are left out.
    unknown : csr_array of shape (n_samples, n_labels) or None
        One where an entry is unknown; None where all are known.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    """

    positive: sparse.csr_array
    unknown: sparse.csr_array | None
    weight: np.ndarray

    @classmethod
    def from_indicators(cls, Y, weight):
        """Split the indicator matrix into its positive and its unknown entries.

        Parameters
        ----------
        Y : ndarray or canonical CSR of shape (n_samples, n_labels), float64
            The indicator matrix, NaN where unknown; it is not modified.
        weight : ndarray of shape (n_samples,)
            How much each sample counts.

        Returns
        -------
        LabelCounts
            The counts, computed when asked for.
        """
        Y = sparse.csr_array(Y)
        hidden = np.isnan(Y.data)
        unknown = keep_entries(Y, hidden) if hidden.any() else None
        if unknown is not None:
            unknown.data[:] = 1.0
        return cls(keep_entries(Y, (Y.data != 0) & ~hidden), unknown, weight)

    @property
    def n_labels(self):
        """The number of labels.

        Returns
        -------
        int
            The number of columns of the indicator matrix.
        """
        return self.positive.shape[1]

    def positives(self):
        """Return the weight of the samples that have each label.

        Returns
        -------
        ndarray of shape (n_labels,)
            The counts, where all weights are one.
        """
        return self.positive.T @ self.weight

    def cooccurrence(self):
        """Return the weight of the samples that have both labels of each pair.

        Returns
        -------
        csr_array of shape (n_labels, n_labels)
            Symmetric, with nothing on the diagonal.

        Raises
        ------
        ValueError
            If the pairs take more than all memory.
        """
        self._check_pairs()
        positive, weighted = self.positive, self._weighted()
        n_samples, n_labels = positive.shape
        # Where labels are few and hold often the result is dense anyway: BLAS is 20 times
        # as fast then.
        if n_labels <= 1000 and positive.nnz > 0.1 * n_samples * n_labels:
            positive, weighted = positive.toarray(), weighted.toarray()
        return without_loops(positive.T @ weighted)

    def known_positives(self, pairs):
        """Return the weight of the samples that have label i and where label j is known.

        Parameters
        ----------
        pairs : csr_array of shape (n_labels, n_labels)
            Asks for the pairs (i, j) of its stored entries only.

        Returns
        -------
        ndarray of shape (pairs.nnz,)
            One value per stored entry of `pairs`, in its order.
        """
        rows = entry_rows(pairs)
        values = self.positives()[rows]
        if self.unknown is None:
            return values
        wanted = sparse.csr_array(
            (np.ones(pairs.nnz), pairs.indices, pairs.indptr), shape=pairs.shape
        )
        # Both lists of pairs are sorted, so a search tells where each hidden count goes.
        code = rows * self.n_labels + pairs.indices
        weighted = sparse.csr_array(self._weighted().T)
        for block in _row_blocks(_n_products(weighted, self.unknown)):
            hidden = (weighted[block] @ self.unknown).multiply(wanted[block]).tocoo()
            row = hidden.row.astype(np.int64) + block.start
            place = np.searchsorted(code, row * self.n_labels + hidden.col)
            values[place] -= hidden.data
        return values

    def _check_pairs(self):
        """Raise an error for more pairs of labels than memory holds, before they are made."""
        by_label = sparse.csr_array(self.positive.T)
        products = _n_products(by_label, self.positive)
        total = total_memory()
        if (
            total is None
            or _BYTES_PER_PAIR * min(products.sum(), self.n_labels**2) <= total
        ):
            return
        # Each of these labels has at most the pairs of those that follow it in the order.
        order = np.argsort(products)
        step = -(-len(order) // _SAMPLED)
        chosen = by_label[order[::step]]
        counted = sum(
            (chosen[block] @ self.positive).nnz
            for block in _row_blocks(products[order[::step]])
        )
        n_pairs = int(counted) * step
        check_memory(
            _BYTES_PER_PAIR * n_pairs,
            f"label_graph, of about {n_pairs:.2g} pairs of {self.n_labels} labels that occur "
            f"together (up to {np.diff(self.positive.indptr).max()} of them in one sample),",
            "fewer labels or samples, a graph given as a sparse matrix, or 'none'",
        )

    def _weighted(self):
        """Return the positive entries times the weight of their sample."""
        weighted = self.positive.copy()
        weighted.data *= np.repeat(self.weight, np.diff(self.positive.indptr))
        return weighted


def _n_products(left, right):
    """Return for each row of a CSR matrix how many products a product with another takes."""
    lengths = np.diff(right.indptr).astype(np.int64)
    until = np.concatenate([[0], np.cumsum(lengths[left.indices])])
    return np.diff(until[left.indptr])


def _row_blocks(products):
    """Yield slices of rows of few products together, or of one row."""
    until, start = np.cumsum(products), 0
    while start < len(products):
        before = until[start - 1] if start else 0
        stop = int(np.searchsorted(until, before + _MOST_PRODUCTS, side="right"))
        yield slice(start, max(stop, start + 1))
        start = max(stop, start + 1)
