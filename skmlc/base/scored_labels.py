"""What follows from the labels' scores, for every classifier: probabilities, labels, names."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.utils.validation import _num_samples, check_is_fitted

from ..label_masking import read_known, set_known
from ..label_names import NeedsLabelNames, fitted_label_names
from ..one_model import of_one_model
from ..row_blocks import map_rows
from ..subset_score import SubsetScoreMixin
from ..top_columns import check_k, top_columns

__all__ = ["ScoredLabelsMixin", "add_top_labels"]


def add_top_labels(positive, scores):
    """Give each sample without a label the one with the highest score, the T-criterion.

    Parameters
    ----------
    positive : ndarray of shape (n_samples, n_labels)
        Zeros and ones; changed in place.
    scores : ndarray of shape (n_samples, n_labels)
        Of a single label, the highest score says nothing: then nothing changes.
    """
    if scores.shape[1] > 1:
        without = np.flatnonzero(~positive.any(axis=1))
        positive[without, scores[without].argmax(axis=1)] = 1


class ScoredLabelsMixin(SubsetScoreMixin):
    """What follows from the labels' scores: probabilities, labels, their names."""

    # From `set_target`; a class has `decision_function` and `threshold_` besides.
    classes_: np.ndarray
    label_names_: np.ndarray
    top_label: ClassVar[bool]
    decision_function: Callable
    threshold_: float | np.ndarray
    _target_kind: str
    _sparse_output: bool

    @of_one_model
    def predict_proba(self, X, known=None):
        """Return the probability of each label.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Known labels, for a model that takes them.  Dense: 1 where a label is known to
            hold, 0 where it is known not to, NaN where it is unknown; the columns of a
            DataFrame are matched by name.  Sparse: 1 where a label is known to hold, -1 where
            it is known not to; what is not stored is unknown.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Column j is the probability that label j holds; rows need not sum to one.  For a
            one-dimensional y, the probability of each class, as everywhere in scikit-learn.
            Known labels are as given.
        """
        known = self._read_known(known, X)
        return self._of_classes(self._probabilities(X, known))

    def _of_classes(self, probabilities):
        """Return probabilities of the labels as those of `classes_`: of a binary y, two."""
        if self._target_kind != "binary":
            return probabilities
        positive = probabilities.reshape(-1)
        return np.column_stack([1 - positive, positive])

    def _probabilities(self, X, known):
        """Return the probability of each label, of known ones as given.

        `known` is what `_read_known` gives, None for a model that takes no known labels.
        """
        return self._label_probabilities(self.decision_function(X))

    def _map_probabilities(self, X, known, function):
        """Return what `function` makes of the probabilities, block by block.

        It maps the probabilities of some samples, as `_probabilities` gives them, and what is
        known about their labels to a matrix with a row for each, or to several.
        """
        return map_rows(self._probabilities(X, known), function, known)

    def _read_known(self, known, X):
        """Return what is known as 1, -1 and 0, or say why the model takes no known labels."""
        if known is None:
            return None
        check_is_fitted(self)
        reason = self._cannot_be_told()
        if reason is not None:
            raise ValueError(f"known must be None: {reason}")
        names = fitted_label_names(self)
        return read_known(known, _num_samples(X), len(self.classes_), names)

    def _cannot_be_told(self):
        """Return why a fitted model takes no known labels; None if it does."""
        return (
            f"{type(self).__name__} has no nodes of labels in the graph of a sample, and "
            "takes no known labels; LaMPClassifier does, or, around a classifier of tables, "
            "KnownLabelsClassifier."
        )

    @of_one_model
    def predict(self, X, known=None):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            A label is predicted where its probability is at least the threshold, and with
            `top_label`, where a method has it, also where it is the highest and none is.
            Known labels are as given.
        """
        check_is_fitted(self)
        known = self._read_known(known, X)
        decide = partial(self._decide, self.threshold_)
        return self._map_probabilities(X, known, decide)

    def _as_given(self, scores, threshold):
        """Return the labels of all samples in the form in which `fit` was given them."""
        return map_rows(scores, partial(self._decide, threshold))

    def _decide(self, threshold, scores, known):
        """Return the labels of some samples in the form in which `fit` was given them.

        A label is positive where its score, of (N, L) or (N,), is at least the threshold; of
        several classes, the one with the highest score is.
        """
        if self._target_kind == "multiclass":
            return self.classes_[scores.argmax(axis=1)]
        if self._target_kind == "binary":
            return self.classes_[(scores.reshape(-1) >= threshold).astype(int)]
        positive = scores >= threshold
        if self.top_label:
            add_top_labels(positive, scores)
        set_known(positive, known)  # whatever the thresholds are
        positive = sparse.csr_matrix(positive) if self._sparse_output else positive
        return positive.astype(np.int64)

    def _label_probabilities(self, logits):
        """Return one probability per logit."""
        multiclass = self._target_kind == "multiclass"
        return softmax(logits, axis=1) if multiclass else expit(logits)

    @of_one_model
    def predict_top_k(self, X, k=5, known=None):
        """Return the most probable labels of each sample.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        k : int, default=5
            How many labels, at most the number of labels.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.  Those known to hold come
            first.

        Returns
        -------
        indices : ndarray of shape (n_samples, k)
            The labels, the most probable first; equal ones in order.
        probabilities : ndarray of shape (n_samples, k)
            Their probabilities.

        Raises
        ------
        ValueError
            If k is not between 1 and the number of labels.
        """
        check_is_fitted(self)
        known, n_labels = self._read_known(known, X), len(self.classes_)
        check_k(k, n_labels)

        def best(probabilities, _):
            return top_columns(self._of_classes(probabilities), k)

        return self._map_probabilities(X, known, best)

    @NeedsLabelNames
    @of_one_model
    def predict_labels(self, X, known=None):
        """Return the names of the predicted labels.

        Available where y was a DataFrame, whose columns are the names.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.

        Returns
        -------
        list of list of str
            The names for each sample, in the order of the columns.
        """
        positive = sparse.csr_array(self.predict(X, known))
        rows = np.split(positive.indices, positive.indptr[1:-1])
        return [self.label_names_[row].tolist() for row in rows]
