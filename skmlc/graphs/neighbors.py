"""Label graphs that connect labels that are alike."""

from collections.abc import Mapping
from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval

from ..label_names import align_to_labels
from .base import BaseLabelGraph
from .counts import LabelCounts
from .edges import has_entries, keep_entries, strongest_per_row, transposed

__all__ = ["KNNLabelGraph"]


class KNNLabelGraph(BaseLabelGraph):
    """Let each label receive from the labels whose vectors are nearest.

    Parameters
    ----------
    vectors : array-like of shape (n_labels, n_dimensions) or mapping, default=None
        One vector per label, such as word vectors; or a mapping from a label's name to
        its vector, or a DataFrame whose index names the labels.  None takes the columns of
        `Y`: labels are alike if they hold in the same samples, and labels that never occur
        together are no neighbors.
    n_neighbors : int, default=5
        From how many labels each label receives, at most.
    metric : str or callable, default="cosine"
        The distance between vectors, as in :class:`sklearn.neighbors.NearestNeighbors`;
        "cosine" where `vectors` is None.
    mutual : bool, default=False
        Keep an edge only where both labels are among the nearest of each other, which
        makes the graph symmetric.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_labels, n_labels)
        The graph; label i receives from label j where entry (i, j) is not zero.
    similarity_ : csr_array of shape (n_labels, n_labels)
        How near the labels of each edge are: one minus the distance for "cosine",
        otherwise one over one plus the distance.
    counts_ : ndarray of shape (n_labels,)
        How many samples have each label.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    Notes
    -----
    The cosine distance from a vector of zeros is not defined: such a label (one that never
    holds, or a word without a vector) stays isolated.

    Examples
    --------
    >>> from skmlc.graphs import KNNLabelGraph
    >>> vectors = {"cat": [0.9, 0.1], "dog": [0.8, 0.2], "car": [0.0, 1.0]}
    >>> graph = KNNLabelGraph(vectors, n_neighbors=1)
    >>> graph = graph.fit([[1, 0, 1]], label_names=["cat", "dog", "car"])
    >>> graph.adjacency_.toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """

    _hint = "raise n_neighbors, or set mutual=False"
    vectors: Any = field(default=None, kw_only=False)
    n_neighbors: int = field(default=5, kw_only=False)
    metric: str = field(default="cosine", kw_only=False)
    mutual: bool = field(default=False, kw_only=False)

    _parameter_constraints = {
        "vectors": ["array-like", Mapping, None],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [str, callable],
        "mutual": ["boolean"],
    }

    def _build(self, counts):
        """Find the nearest labels of each label."""
        if self.vectors is None:
            similarity = self._nearest_columns(counts)
        else:
            similarity = self._nearest_vectors()
        if self.mutual:
            both = has_entries(similarity, transposed(similarity))
            similarity = keep_entries(similarity, both)
        self.similarity_ = similarity
        self.adjacency_ = similarity.copy()
        self.adjacency_.data[:] = 1.0

    def _nearest_columns(self, counts):
        """Return the cosines of each label with those it occurs with most alike."""
        if self.metric != "cosine":
            raise ValueError(
                "metric must be 'cosine' where vectors is None and the columns of Y are "
                f"compared; got {self.metric!r}."
            )
        # Squared norms are over the samples where the other label is known too.
        squares = LabelCounts(counts.positive.power(2), counts.unknown, counts.weight)
        cosine = counts.cooccurrence()
        square = cosine.copy()
        square.data = squares.known_positives(cosine)
        cosine.data /= np.sqrt(square.data * transposed(square).data)
        return keep_entries(
            cosine, strongest_per_row(cosine, self.n_neighbors, self.counts_)
        )

    def _nearest_vectors(self):
        """Return the similarity of each label to those with the nearest vectors."""
        vectors = self._check_vectors()
        n_labels, labels = len(vectors), np.arange(len(vectors))
        cosine = self.metric == "cosine"
        if cosine:
            # Of vectors of length one the nearest by distance are those by cosine, too, which
            # are found in a fifth of the time, without blocks of all cosines.
            labels = np.flatnonzero(vectors.any(axis=1))
            vectors = vectors[labels]
            # The squares of very large and of very small numbers are none.
            vectors = vectors / np.abs(vectors).max(axis=1, keepdims=True)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        n_neighbors = min(self.n_neighbors, len(labels) - 1)
        if n_neighbors <= 0:
            return sparse.csr_array((n_labels, n_labels))
        from sklearn.neighbors import NearestNeighbors  # loads a fifth of what skmlc loads

        metric, algorithm = ("euclidean", "brute") if cosine else (self.metric, "auto")
        search = NearestNeighbors(
            n_neighbors=n_neighbors, metric=metric, algorithm=algorithm
        )
        distance, sources = search.fit(vectors).kneighbors()  # of each, itself left out
        similarity = 1 / (1 + distance)
        if cosine:  # by themselves: those of right angles are zero
            of_each = (np.einsum("le,le->l", vectors, vectors[s]) for s in sources.T)
            similarity = np.stack(list(of_each), axis=1)
        receivers = np.repeat(labels, n_neighbors)
        parts = (similarity.ravel(), (receivers, labels[sources.ravel()]))
        nearest = sparse.csr_array(parts, shape=(n_labels, n_labels))
        nearest.sort_indices()
        return nearest

    def _check_vectors(self):
        """Return the vectors as an array (L, E), in the order of the labels."""
        vectors = self.vectors
        if isinstance(vectors, Mapping):
            if self.label_names_ is None:
                raise ValueError(
                    "vectors is a mapping from label names, but the labels have no names: "
                    "give fit label_names, or vectors as an array."
                )
            missing = [name for name in self.label_names_ if name not in vectors]
            if missing:
                raise ValueError(
                    f"vectors must hold a vector for each label; {len(missing)} are "
                    f"missing: {', '.join(missing[:10])}."
                )
            vectors = [vectors[name] for name in self.label_names_]
        vectors = align_to_labels(vectors, self.label_names_, name="vectors")
        vectors = check_array(vectors, dtype=np.float64, input_name="vectors")
        if len(vectors) != self.n_features_in_:
            raise ValueError(
                f"vectors must be of shape ({self.n_features_in_}, n_dimensions), one row "
                f"per label of Y; got {vectors.shape}."
            )
        return vectors

    def _support(self):
        """Return how near the labels of each edge are."""
        return "similarity", self.similarity_
