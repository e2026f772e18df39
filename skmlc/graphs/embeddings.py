"""Vectors of the labels, given or from which of them occur together."""

from collections.abc import Mapping
from dataclasses import field
from inspect import signature
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.extmath import randomized_svd

from .._forms import as_numbers
from ..failed_fit import unchanged_if_it_fails
from ..label_names import align_to_labels, listed
from ..parameters import ParameterFields
from .base import BaseLabelGraph
from .counts import LabelCounts
from .edges import entry_rows, keep_entries, transposed

__all__ = ["BaseLabelEmbedding", "CooccurrenceEmbedding", "label_vectors", "listed"]

# Up to so many labels all eigenvectors are computed, which takes half a second.
_FEW_LABELS = 1000
# Of weights that do not add up exactly, in nats.
_ROUNDING = 1e-12


class BaseLabelEmbedding(ParameterFields, BaseEstimator):
    """What builders of label vectors share: labels are checked as for a label graph."""

    _validate_labels = BaseLabelGraph._validate_labels
    _check_degrees = BaseLabelGraph._check_degrees
    _set_names = BaseLabelGraph._set_names

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.positive_only = True
        return tags


class CooccurrenceEmbedding(BaseLabelEmbedding):
    r"""Make vectors of the labels from which of them occur together.

    The positive pointwise mutual information of two labels,
    :math:`M_{ij} = \max(0, \log \frac{P(i, j)}{P(i) P(j)} - s)`, says how much more often
    they occur together than by chance.  Its best factors of low rank,
    :math:`U \sqrt{S}` of the singular value decomposition :math:`M = U S V^T`, are vectors
    that are alike where labels occur with the same others [1]_.

    Parameters
    ----------
    n_components : int, default=32
        The size of the vectors; at most the number of labels.
    shift : float, default=0.0
        What is taken off the information, :math:`s`, before negative values are set to
        zero: pairs that occur together little more often than by chance are left out.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_labels, min(n_components, n_labels))
        The vectors, one row per label.  The largest absolute value of each column is
        positive.
    singular_values_ : ndarray of shape (min(n_components, n_labels),)
        How much each column holds of the information, in descending order.
    ppmi_ : csr_array of shape (n_labels, n_labels)
        The positive pointwise mutual information, symmetric, in nats.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    See Also
    --------
    WordVectors : Vectors of the words in the labels' names.

    Notes
    -----
    The diagonal counts: the information of a label with itself is
    :math:`-\log P(i)`.  So labels that always occur together have the same vector, and one
    that occurs with no other has a vector of its own.  A label that never holds, or always,
    tells nothing, and its vector is zero.

    Where entries are unknown, :math:`P(i)` is a share of the samples in which label i is
    known, and the information of a pair is the mean of
    :math:`\log (P(j | i) / P(j))` and :math:`\log (P(i | j) / P(i))`.

    The same labels always give the same vectors.  Beyond 1,000 labels the decomposition is a
    randomized one, with a fixed start, and the matrix stays sparse.

    References
    ----------
    .. [1] Levy and Goldberg, "Neural Word Embedding as Implicit Matrix Factorization",
       NeurIPS 2014.

    Examples
    --------
    >>> from skmlc.graphs import CooccurrenceEmbedding
    >>> Y = [[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]]
    >>> CooccurrenceEmbedding(n_components=2).fit(Y).embedding_.round(3)
    array([[0.833, 0.   ],
           [0.833, 0.   ],
           [0.   , 0.833]])
    """

    n_components: int = field(default=32, kw_only=False)
    shift: float = 0.0

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "shift": [Interval(Real, 0, None, closed="left")],
    }

    def fit(self, Y, y=None, *, label_names=None, sample_weight=None):
        """Count which labels occur together, and factor their information.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_samples, n_labels)
            The label indicator matrix of zeros and ones, NaN where an entry is unknown.
            Values between zero and one are read as the degree to which a label holds.
        y : None
            Ignored; here by scikit-learn's convention.
        label_names : sequence of n_labels str, default=None
            What the labels are called; by default the column names of a DataFrame.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts: a weight of two is a row given twice.

        Returns
        -------
        self : CooccurrenceEmbedding
            The fitted builder.

        Raises
        ------
        ValueError
            If a parameter or an argument is not what it should be.
        """
        self._validate_params()
        with unchanged_if_it_fails(self):
            Y, weight = self._validate_labels(Y, label_names, sample_weight)
            information = _pointwise_information(LabelCounts.from_indicators(Y, weight))
            information.data -= self.shift
            self.ppmi_ = keep_entries(information, information.data > _ROUNDING)
            size = min(self.n_components, self.n_features_in_)
            vectors, self.singular_values_ = _leading_vectors(self.ppmi_, size)
            self.embedding_ = vectors * np.sqrt(self.singular_values_)
        return self


def label_vectors(label_embedding, Y, *, label_names, sample_weight):
    """Return the labels' vectors from what a user may give as `label_embedding`.

    Parameters
    ----------
    label_embedding : None, array-like of shape (n_labels, n_dimensions), mapping, builder, \
            transformer or callable
        The vectors, in the order of the labels or by their names (of a DataFrame, its index,
        or of a mapping); or an estimator whose `fit` makes them from the labels, such as
        `WordVectors`, which is cloned; or what turns their names into vectors, of which
        `NameVectors` is made.
    Y : {ndarray, CSR} of shape (n_samples, n_labels)
        The training labels, from which a builder makes the vectors.
    label_names : sequence of str or None
        What the labels are called.
    sample_weight : ndarray of shape (n_samples,) or None
        How much each sample counts.

    Returns
    -------
    vectors : ndarray of shape (n_labels, n_dimensions) or None
        The vectors in float64, an array of its own; None where `label_embedding` is.
    builder : estimator or None
        The fitted builder, if there is one.

    Raises
    ------
    ValueError
        If the vectors are not finite, not of that shape, or those of some labels are
        missing.

    Examples
    --------
    >>> from skmlc.graphs.embeddings import label_vectors
    >>> vectors = {"dog": [1, 2], "cat": [3, 4]}
    >>> label_vectors(vectors, [[1, 0]], label_names=["cat", "dog"], sample_weight=None)
    (array([[3., 4.],
           [1., 2.]]), None)
    """
    if label_embedding is None:
        return None, None
    if isinstance(label_embedding, str):
        raise ValueError(
            "label_embedding must be vectors, or WordVectors(path) for a file of them; got "
            f"{label_embedding!r}."
        )
    n_labels, builder = np.shape(Y)[1], None
    if _reads_names(label_embedding):
        from .name_vectors import NameVectors

        label_embedding = NameVectors(label_embedding)
    if hasattr(label_embedding, "fit"):
        builder = clone(label_embedding)
        builder.fit(Y, label_names=label_names, sample_weight=sample_weight)
        label_embedding = builder.embedding_
    elif isinstance(label_embedding, Mapping):
        label_embedding = _by_name(label_embedding, label_names)
    else:
        label_embedding = align_to_labels(
            label_embedding, label_names, name="label_embedding"
        )
    return _check_vectors(label_embedding, n_labels), builder


def _reads_names(label_embedding):
    """Return whether this turns texts into vectors, and is no builder."""
    if not hasattr(label_embedding, "fit"):
        return callable(label_embedding)
    return "label_names" not in signature(label_embedding.fit).parameters


def _pointwise_information(counts):
    """Return log P(i, j) / P(i) P(j) of the labels that occur together, diagonal included."""
    total = np.full(counts.n_labels, counts.weight.sum())
    if counts.unknown is not None:
        total -= counts.unknown.T @ counts.weight
    positives = counts.positives()
    occurs = np.flatnonzero(positives)
    probability = np.divide(positives, total, out=np.ones_like(total), where=positives > 0)
    pairs = counts.cooccurrence()
    conditional = pairs.copy()
    conditional.data /= counts.known_positives(pairs)  # P(j | i)
    both_ways = conditional.data * transposed(conditional).data
    chance = probability[entry_rows(pairs)] * probability[pairs.indices]
    pairs.data = 0.5 * np.log(both_ways / chance)
    own = sparse.coo_array(
        (-np.log(probability[occurs]), (occurs, occurs)), shape=pairs.shape
    )
    information = sparse.csr_array(pairs + own)
    information.sort_indices()
    return information


def _leading_vectors(matrix, size):
    """Return the singular vectors (L, size) and values (size,) of a symmetric matrix."""
    if len(matrix.indptr) <= _FEW_LABELS + 1:
        # Of a symmetric matrix singular values are absolute values of eigenvalues.
        values, vectors = np.linalg.eigh(matrix.toarray())
        order = np.argsort(-np.abs(values), kind="stable")[:size]
        values, vectors = np.abs(values[order]), vectors[:, order]
    else:
        vectors, values, _ = randomized_svd(matrix, size, n_iter=10, random_state=0)
    # What rounding leaves of zeros would be far from zero after the square root.
    values[values <= values[0] * matrix.shape[0] * np.finfo(float).eps] = 0
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(size)])
    vectors[np.diff(matrix.indptr) == 0] = 0
    return vectors, values


def _by_name(mapping, label_names):
    """Return the vectors of a mapping in the order of the labels."""
    if label_names is None:
        raise ValueError(
            "label_embedding is a mapping from label names, but the labels have no names: "
            "give y as a DataFrame, or label_embedding as an array."
        )
    missing = [name for name in label_names if name not in mapping]
    if missing:
        raise ValueError(
            f"label_embedding must have a vector for each label; it lacks {listed(missing)}."
        )
    sizes = {np.shape(mapping[name]): name for name in label_names}
    if len(sizes) > 1:
        different = " and ".join(f"{shape} of {name!r}" for shape, name in sizes.items())
        raise ValueError(
            f"label_embedding must hold vectors of one size; got shapes {different}."
        )
    return [mapping[name] for name in label_names]


def _check_vectors(vectors, n_labels):
    """Return vectors as a float64 array (L, E) of its own."""
    vectors = as_numbers(vectors, "label_embedding", "hold numbers, a row for each label")
    vectors = check_array(
        vectors, dtype=np.float64, ensure_2d=False, allow_nd=True, copy=True,
        ensure_min_samples=0, ensure_min_features=0, input_name="label_embedding",
    )  # fmt: skip
    if vectors.ndim != 2 or len(vectors) != n_labels or not vectors.size:
        raise ValueError(
            f"label_embedding must be of shape ({n_labels}, n_dimensions), one row per label "
            f"of y; got {vectors.shape}."
        )
    return vectors
