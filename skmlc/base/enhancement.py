"""What the estimators that enhance labels share."""

import numpy as np
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from ..indicators import split_entries
from ..one_model import of_one_model
from ..training.batches import read_labels
from ..training.net import Net, random_seed
from ..training.predict import map_batches, to_numpy
from .validation import read_training_data

__all__ = ["LabelEnhancementMixin"]


class LabelEnhancementMixin:
    """`enhance`, and the label distributions of the samples of `fit`.

    The head's `enhance` maps `Nodes` and labels to one number per label.
    """

    net_: Net
    _numpy_dtype: np.dtype

    @of_one_model
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
            The label distributions; each row sums to one, and labels that are unknown have
            zero.
        """
        check_is_fitted(self)
        X, target, _ = read_training_data(self, X, y, None, reset=False)
        with random_seed(0):
            return self._label_distribution(X, target.Y)

    def _finish_training(self, X, target):
        self.label_distribution_ = self._label_distribution(X, target.Y)

    def _label_distribution(self, X, Y):
        """Return the distributions (n_samples, n_labels) of samples that were validated."""
        enhanced = self._enhance(X, Y) / self.net_.loss_.temperature
        _, unknown = split_entries(Y)
        if unknown is None:
            return softmax(enhanced, axis=1)
        known = unknown.toarray() == 0
        enhanced[~known] = np.finfo(enhanced.dtype).min
        return softmax(enhanced, axis=1) * known

    def _enhance(self, X, Y):
        """Return the enhancer's output (n_samples, n_labels)."""

        def function(network, batch, rows):
            labels = read_labels(Y, rows, self._numpy_dtype).nan_to_num(0.0)
            nodes = network.nodes(batch)
            return list(to_numpy(network.head.enhance(nodes, labels.to(nodes.values))))

        return np.stack(map_batches(self.net_, X, self._numpy_dtype, function))
