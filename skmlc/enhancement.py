"""What the estimators that enhance labels share."""

import numpy as np
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from .training.net import map_batches, random_seed, to_numpy

__all__ = ["LabelEnhancementMixin"]


class LabelEnhancementMixin:
    """`enhance`, and the label distributions of the samples of `fit`.

    The head's `enhance` maps `Nodes` and labels to one number per label.
    """

    # Of the label distribution, where the method has no such parameter.
    temperature = 1.0

    def enhance(self, X, y):
        """Return how much each label describes each sample, given its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples, of the kind seen in `fit`.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            Their labels, in the form in which they were given to `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The label distributions; each row sums to one.
        """
        check_is_fitted(self)
        X, target, _ = self._validate_training_data(X, y, None, reset=False)
        with random_seed(0):
            enhanced = self._enhance(X, target.Y)
        return self._to_distribution(enhanced)

    def _train(self, X, target, weight, train_rows, valid_rows, **options):
        super()._train(X, target, weight, train_rows, valid_rows, **options)
        self.label_distribution_ = self._to_distribution(self._enhance(X, target.Y))

    def _enhance(self, X, Y):
        """Return the enhancer's output (n_samples, n_labels)."""

        def function(network, batch, labels):
            return list(to_numpy(network.head.enhance(network.encoder(batch), labels)))

        return np.stack(map_batches(self.net_, X, self._numpy_dtype, function, Y))

    def _to_distribution(self, enhanced):
        return softmax(enhanced / self.temperature, axis=1)
