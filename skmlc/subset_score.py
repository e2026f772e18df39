"""The score of classifiers of label matrices, which match the columns of y by name."""

from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from .indicators import read_indicators
from .label_names import column_names, column_order, fitted_label_names
from .metrics.classification import subset_accuracy
from .one_model import of_one_model

__all__ = ["SubsetScoreMixin"]


class SubsetScoreMixin(ClassifierMixin):
    """Scores by subset accuracy, with the columns of y in the order of `fit`.

    It reads `_target_kind` and the names of the labels, which `fit` has set.
    """

    @of_one_model
    def score(self, X, y, sample_weight=None):
        """Return the share of samples whose whole label set is predicted.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            Their labels, in any form that `fit` takes; the columns of a DataFrame are matched
            by name.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        float
            The subset accuracy; for a one-dimensional y, the accuracy.
        """
        check_is_fitted(self)
        if self._target_kind != "multilabel":
            return super().score(X, y, sample_weight)
        order = column_order(
            fitted_label_names(self), column_names(y), name="y", reference="fit"
        )
        y = read_indicators(y, "y")
        y = y if order is None else y[:, order]
        return subset_accuracy(y, self.predict(X), sample_weight=sample_weight)
