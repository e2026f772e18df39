"""Label graphs that are counted on the training labels.

`CooccurrenceGraph` connects labels that occur together, `ConditionalProbabilityGraph` a
label to those that it makes likely (ML-GCN).
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions

from .adjacency import share_weight
from .base import BaseLabelGraph
from .edges import (
    at_least,
    entry_rows,
    has_entries,
    keep_entries,
    strongest_per_row,
    transposed,
    without_loops,
)

__all__ = ["ConditionalProbabilityGraph", "CooccurrenceGraph"]


class CooccurrenceGraph(BaseLabelGraph):
    """Connect the labels that occur together in the training samples.

    The prior graph of LaMP for data without a graph of its own [1]_: with
    ``min_count=1`` an edge wherever two labels ever occur together.  It is symmetric.

    Parameters
    ----------
    min_count : float, default=1
        How many samples (how much sample weight) must have both labels.
    top_k : int, default=None
        Keep the edges to the `top_k` labels that each label occurs with most; None keeps
        all.  An edge stays if either end keeps it, so the graph stays symmetric and a
        frequent label may have more than `top_k` neighbors.  Of equal counts, the rarer
        neighbor goes first, then the one with the lower index.
    weighted : bool, default=False
        Weigh the edges by the number of samples that have both labels; otherwise all
        edges weigh one.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_labels, n_labels)
        The graph; label i receives from label j where entry (i, j) is not zero.
    cooccurrence_ : csr_array of shape (n_labels, n_labels)
        How many samples have both labels, before any edge is left out.
    counts_ : ndarray of shape (n_labels,)
        How many samples have each label.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    See Also
    --------
    ConditionalProbabilityGraph : Directed edges, from one label to what it implies.

    References
    ----------
    .. [1] Lanchantin, Sekhon and Qi, "Neural Message Passing for Multi-Label
       Classification", ECML-PKDD 2019, arXiv:1904.08049.

    Examples
    --------
    >>> from skmlc.graphs import CooccurrenceGraph
    >>> Y = [[1, 1, 0], [1, 1, 0], [0, 1, 1]]
    >>> graph = CooccurrenceGraph(min_count=2).fit(Y, label_names=["sea", "sky", "sun"])
    >>> graph.adjacency_.toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """

    _hint = "lower min_count, or raise top_k"
    min_count: int = field(default=1, kw_only=False)
    top_k: Any = field(default=None, kw_only=False)
    weighted: bool = False

    _parameter_constraints = {
        "min_count": [Interval(Real, 0, None, closed="neither")],
        "top_k": [Interval(Integral, 1, None, closed="left"), None],
        "weighted": ["boolean"],
    }

    def _build(self, counts):
        """Keep the pairs that occur together often enough."""
        together = self.cooccurrence_ = counts.cooccurrence()
        edges = keep_entries(together, at_least(together.data, self.min_count))
        if self.top_k is not None:
            strong = strongest_per_row(edges, self.top_k, self.counts_)
            kept = keep_entries(edges, strong)
            # An edge that one end keeps, both keep.
            edges = keep_entries(edges, strong | has_entries(edges, transposed(kept)))
        self._edge_counts = edges
        self.adjacency_ = edges.copy()
        if not self.weighted:
            self.adjacency_.data[:] = 1.0

    def _support(self):
        """Return the number of samples behind each edge."""
        return "samples", self._edge_counts


class ConditionalProbabilityGraph(BaseLabelGraph):
    r"""Connect a label to the labels that it makes likely, as in ML-GCN.

    With :math:`P_{ij} = P(L_j | L_i)`, the share of the samples with label i that have
    label j too (Eq. 6 of [1]_), there is an edge where :math:`P_{ij} \ge \tau` (Eq. 7).
    Given `neighbor_weight` p, the edges are re-weighted (Eq. 8, with the mask that its
    print lacks): :math:`p A_{ij} / \sum_{j \ne i} A_{ij}` between labels and
    :math:`1 - p` from a label to itself.

    Parameters
    ----------
    threshold : float, default=0.4
        The smallest probability that makes an edge (the paper's tau).  Labels that never
        occur together have no edge, whatever the threshold.
    neighbor_weight : float or "probability", default=None
        The share of a label's neighbors in what it receives (the paper's p, there 0.2),
        from 0, only the label itself, to 1, only its neighbors; below 1 with
        ``direction="original"``.  None gives all edges the weight one, and "probability"
        the probability behind them.
    direction : {"paper", "original"}, default="paper"
        Who receives.  In the paper label i receives from j where P(j | i) is large: a
        bicycle learns from the person on it.  The published code transposes the matrix,
        so that person receives from bicycle, and re-weights otherwise: the neighbors of
        a receiver share p / (1 - p) beside a self weight of one, and the rows and columns
        of the result A' are scaled, :math:`D A'^T D` with D the row sums to the power -1/2.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_labels, n_labels)
        The graph; label i receives from label j where entry (i, j) is not zero.
    self_weight_ : ndarray of shape (n_labels,)
        What a label receives from itself; one where `neighbor_weight` is not a number.  The
        matrix of the paper is ``adjacency_ + diag(self_weight_)``.
    conditional_probability_ : csr_array of shape (n_labels, n_labels)
        P(label j | label i) at entry (i, j), in both directions of the edges; pairs that
        never occur together and the diagonal are left out.
    cooccurrence_ : csr_array of shape (n_labels, n_labels)
        How many samples have both labels.
    counts_ : ndarray of shape (n_labels,)
        How many samples have each label.  Where entries are unknown, P(j | i) is the share
        among the samples with label i in which label j is known.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    See Also
    --------
    CooccurrenceGraph : Undirected edges, by the number of common samples.

    References
    ----------
    .. [1] Chen, Wei, Wang and Guo, "Multi-Label Image Recognition with Graph
       Convolutional Networks", CVPR 2019, arXiv:1904.03582.

    Examples
    --------
    >>> from skmlc.graphs import ConditionalProbabilityGraph
    >>> Y = [[1, 1], [1, 1], [0, 1], [0, 1], [0, 1]]
    >>> names = ["bicycle", "person"]
    >>> graph = ConditionalProbabilityGraph(threshold=0.5).fit(Y, label_names=names)
    >>> print(graph.describe())
    ConditionalProbabilityGraph: 2 labels, 1 edge (density 0.5)
    No label is isolated
    1 of 2 labels receive; most: bicycle (1)
    Strongest edges, receiver <- source:
      bicycle <- person  weight 1, P(source | receiver) 1
    """

    _hint = "lower threshold"
    threshold: float = field(default=0.4, kw_only=False)
    neighbor_weight: Any = field(default=None, kw_only=False)
    direction: str = field(default="paper", kw_only=False)

    _parameter_constraints = {
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "neighbor_weight": [
            Interval(Real, 0, 1, closed="both"),
            StrOptions({"probability"}),
            None,
        ],
        "direction": [StrOptions({"paper", "original"})],
    }

    @classmethod
    def from_counts(
        cls,
        cooccurrence,
        counts,
        *,
        threshold=0.4,
        neighbor_weight=None,
        direction="paper",
        label_names=None,
    ):
        """Build the graph from published counts instead of an indicator matrix.

        A classifier fits a builder again on its own labels: give it the result's
        `adjacency_` where the published counts are to be used.  For ML-GCN with
        `neighbor_weight`, a matrix of its own has self weights of one; ``label_graph =
        graph.adjacency_ / graph.self_weight_[0]`` and ``normalization=None`` are Eq. 8 up to
        the factor 1 - p.

        Parameters
        ----------
        cooccurrence : {array-like, sparse matrix} of shape (n_labels, n_labels)
            How many samples have both labels; the diagonal is ignored.
        counts : array-like of shape (n_labels,)
            How many samples have each label (not the row sums of `cooccurrence`).
        threshold : float, default=0.4
            See the class.
        neighbor_weight : float or "probability", default=None
            See the class.
        direction : {"paper", "original"}, default="paper"
            See the class.
        label_names : sequence of n_labels str, default=None
            What the labels are called.

        Returns
        -------
        ConditionalProbabilityGraph
            The fitted builder.

        Raises
        ------
        ValueError
            If the counts cannot be those of labels, or a parameter is out of its range.
        """
        graph = cls(threshold, neighbor_weight, direction)
        graph._validate_params()
        pairs, graph.counts_ = _check_counts(cooccurrence, counts)
        graph.n_features_in_ = len(graph.counts_)
        graph._set_names(label_names)
        graph._connect(pairs, graph.counts_[entry_rows(pairs)])
        return graph

    def _build(self, counts):
        """Count pairs, and for each how often the second label is known."""
        pairs = counts.cooccurrence()
        self._connect(pairs, counts.known_positives(pairs))

    def _connect(self, pairs, known):
        """Set the graph from co-occurrence counts and the number they are shares of."""
        self.cooccurrence_ = pairs
        self.conditional_probability_ = pairs.copy()
        self.conditional_probability_.data /= known  # Eq. 6
        probability = self.conditional_probability_
        kept = keep_entries(probability, at_least(probability.data, self.threshold))
        # Eq. 7; an edge of the paper goes from the condition i to what it makes likely.
        adjacency = kept.copy()
        adjacency.data[:] = 1.0
        if self.direction == "original":
            adjacency, kept = (transposed(matrix) for matrix in (adjacency, kept))
        self._edge_probability = kept
        self.adjacency_, self.self_weight_ = self._reweight(adjacency)

    def _reweight(self, adjacency):
        """Return the edges and the self weights of Eq. 8, or of the published code."""
        n_labels, p = adjacency.shape[0], self.neighbor_weight
        if p is None:
            return adjacency, np.ones(n_labels)
        if p == "probability":
            return self._edge_probability.copy(), np.ones(n_labels)
        # In both, the neighbors of one receiver share a fixed weight.
        if self.direction == "paper":
            return share_weight(adjacency, p), np.full(n_labels, 1.0 - p)
        if p == 1:
            raise ValueError(
                "neighbor_weight must be below 1 with direction='original', where a label "
                "always keeps a part of itself; got 1."
            )
        adjacency = share_weight(adjacency, p / (1 - p))
        # The program normalizes by the row sums of A', the transpose of what we hold.
        inverse = 1 / (1 + adjacency.sum(axis=0))
        root = np.sqrt(inverse)
        adjacency.data *= root[entry_rows(adjacency)] * root[adjacency.indices]
        return adjacency, inverse

    def _support(self):
        """Return the probability behind each edge."""
        if self.direction == "paper":
            return "P(source | receiver)", self._edge_probability
        return "P(receiver | source)", self._edge_probability


def _check_counts(cooccurrence, counts):
    """Return published counts as a sorted CSR without diagonal and a float array."""
    options = {"dtype": np.float64, "ensure_non_negative": True}
    pairs = check_array(
        cooccurrence, accept_sparse="csr", input_name="cooccurrence", **options
    )
    counts = check_array(counts, ensure_2d=False, copy=True, input_name="counts", **options)
    if pairs.shape != 2 * (counts.size,) or counts.ndim != 1:
        raise ValueError(
            "cooccurrence must be of shape (n_labels, n_labels) and counts of shape "
            f"(n_labels,); got {pairs.shape} and {counts.shape}."
        )
    pairs = without_loops(pairs)
    if (pairs != pairs.T).nnz:
        raise ValueError(
            "cooccurrence must be symmetric, as the number of samples with both labels; "
            "give counts, not probabilities."
        )
    if not at_least(counts[entry_rows(pairs)], pairs.data).all():
        raise ValueError(
            "counts must be the number of samples with each label, which no entry of "
            "cooccurrence can exceed."
        )
    return pairs, counts
