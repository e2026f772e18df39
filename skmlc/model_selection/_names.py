"""What a meta-estimator passes on of its classifier: names, top labels, explanations."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..label_names import NeedsLabelNames
from ..one_model import of_one_model
from ..responses import can_be_told, tell
from ..top_columns import check_k, top_columns

__all__ = ["NamesMixin", "known_params", "respond"]


class NamesMixin:
    """The methods of a classifier of this package that scikit-learn does not know."""

    estimator_: Any
    classes_: np.ndarray
    label_names_: np.ndarray
    predict: Callable
    _map_probabilities: Callable
    _of_classes: Callable

    @NeedsLabelNames
    @of_one_model
    def predict_labels(self, X, known=None):
        """Return the names of the predicted labels.

        Available where y was a DataFrame, whose columns are the names.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict`.

        Returns
        -------
        list of list of str
            The names for each sample, in the order of the columns.
        """
        positive = sparse.csr_array(self.predict(X, known))
        rows = np.split(positive.indices, positive.indptr[1:-1])
        return [self.label_names_[row].tolist() for row in rows]

    @of_one_model
    def predict_top_k(self, X, k=5, known=None):
        """Return the most probable labels of each sample, by `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        k : int, default=5
            How many labels, at most the number of labels.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict`; their probabilities are 1 and 0.

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
        check_k(k, len(self.classes_))

        def best(probabilities, _):
            return top_columns(self._of_classes(probabilities), k)

        return self._map_probabilities(X, known, best)

    @available_if(lambda self: hasattr(_latest(self), "explain"))
    @of_one_model
    def explain(self, X, **options):
        """Return what the classifier's own `explain` returns.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        **options : dict
            Whatever the classifier's `explain` takes besides X, such as `known`.

        Returns
        -------
        object
            The explanation of the fitted classifier.
        """
        check_is_fitted(self)
        return self.estimator_.explain(X, **options)


def _latest(tuner):
    """The classifier that predicts, or before `fit` the one to be fitted."""
    return getattr(tuner, "estimator_", tuner.estimator)


def known_params(known):
    """Arguments of a prediction beyond X."""
    return {} if known is None else {"known": known}


def respond(estimator, method, X, known):
    """Call a method of a classifier, even of one inside a search that takes no `known`."""
    if known is not None and can_be_told(estimator, method):
        return tell(estimator, method, X, known)
    return getattr(estimator, method)(X, **known_params(known))
