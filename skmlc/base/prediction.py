"""What a fitted classifier answers: probabilities, labels, names, representations."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import (
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..graphs.base import BaseLabelGraph
from ..indicators import (
    column_names,
    column_order,
    fitted_label_names,
    read_indicators,
)
from ..metrics import subset_accuracy
from ..nn.head_output import logits_of
from ..training.net import Net, map_batches, predict_logits, random_seed, to_numpy
from .validation import read_input

__all__ = ["NetPredictionMixin", "ScoredLabelsMixin", "add_top_labels"]


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


class ScoredLabelsMixin(ClassifierMixin):
    """What follows from the labels' scores: probabilities, labels, their names."""

    # From `set_target`; a class has `decision_function` and `predict` besides.
    classes_: np.ndarray
    label_names_: np.ndarray
    top_label: ClassVar[bool]
    decision_function: Callable
    predict: Callable
    _target_kind: str
    _sparse_output: bool

    def predict_proba(self, X):
        """Return the probability of each label.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Column j is the probability that label j holds; rows need not sum to one.  For a
            one-dimensional y, the probability of each class, as everywhere in scikit-learn.
        """
        return self._to_probabilities(self.decision_function(X))

    def score(self, X, y, sample_weight=None):
        """Return the share of samples whose whole label set is predicted.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            Their labels, in any form that `fit` takes; of a DataFrame the columns go by name.
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

    def _to_probabilities(self, logits):
        """Return probabilities from logits, two columns where y was binary."""
        probabilities = self._label_probabilities(logits)
        if self._target_kind != "binary":
            return probabilities
        positive = probabilities.reshape(-1)
        return np.column_stack([1 - positive, positive])

    def _as_given(self, scores, threshold):
        """Return labels in the form in which `fit` was given them.

        A label is positive where its score, of (N, L) or (N,), is at least the threshold; of
        several classes, the one with the highest score is.
        """
        if self._target_kind == "multiclass":
            return self.classes_[scores.argmax(axis=1)]
        if self._target_kind == "binary":
            return self.classes_[(scores.reshape(-1) >= threshold).astype(int)]
        positive = (scores >= threshold).astype(np.int64)
        if self.top_label:
            add_top_labels(positive, scores)
        return sparse.csr_matrix(positive) if self._sparse_output else positive

    def _label_probabilities(self, logits):
        """Return one probability per logit."""
        multiclass = self._target_kind == "multiclass"
        return softmax(logits, axis=1) if multiclass else expit(logits)

    def predict_top_k(self, X, k=5):
        """Return the most probable labels of each sample.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.
        k : int, default=5
            How many labels, at most the number of labels.

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
        probabilities = self.predict_proba(X)
        n_labels = probabilities.shape[1]
        if not isinstance(k, Integral) or not 1 <= k <= n_labels:
            raise ValueError(f"k must be an integer from 1 to {n_labels}; got {k!r}.")
        indices = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return indices, np.take_along_axis(probabilities, indices, axis=1)

    @available_if(lambda self: self._has_label_names())
    def predict_labels(self, X):
        """Return the names of the predicted labels.

        Available where y was a DataFrame, whose columns are the names.

        Parameters
        ----------
        X : {array-like, container} of length n_samples
            The samples, of a kind that `fit` takes.

        Returns
        -------
        list of list of str
            The names for each sample, in the order of the columns.
        """
        positive = self.predict(X)
        return [self.label_names_[np.flatnonzero(row)].tolist() for row in positive]

    def _has_label_names(self):
        if hasattr(self, "label_names_"):
            return True
        raise AttributeError("label names are known only where y was a DataFrame in fit.")


class NetPredictionMixin(
    ScoredLabelsMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
):
    """The methods of a classifier that has a trained net, `net_`."""

    precision: str
    # What `fit` has set.
    net_: Net
    n_features_in_: int
    n_iter_: int
    label_graph_: BaseLabelGraph | None
    threshold_: float | np.ndarray
    _threshold: Any
    _input_kind: str
    _image_shape: tuple[int, int, int]
    encoder_: Any

    # What was fitted ------------------------------------------------------------------------

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    @property
    def module_(self):
        """The trained torch module."""
        return self.net_.module_

    @property
    def history_(self):
        """The losses and scores of each epoch, a skorch History."""
        return self.net_.history_

    @property
    def _numpy_dtype(self) -> np.dtype:
        """The type of the numbers that the network reads, and of those it answers."""
        return np.dtype("float64" if self.precision == "float64" else "float32")

    # Prediction -----------------------------------------------------------------------------

    def decision_function(self, X):
        """Return the logits of the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The logits; of shape (n_samples,) if y was binary and one-dimensional.
        """
        logits = self._predict_outputs(X, logits_of)
        return logits[:, 0] if self._target_kind == "binary" else logits

    def _predict_outputs(self, X, read):
        """Return what `read` takes (N, L) of the network's outputs."""
        check_is_fitted(self)
        X = read_input(self, X)
        with random_seed(0):  # reading batches draws from the global state
            return predict_logits(self.net_, X, self._numpy_dtype, read=read)

    def _label_probabilities(self, logits):
        """Return one probability per logit, consistent with a hierarchy of labels."""
        probabilities = super()._label_probabilities(logits)
        if self._target_kind != "multilabel" or self.label_graph_ is None:
            return probabilities
        return self.label_graph_.make_consistent(probabilities)

    def predict(self, X):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            A label is predicted where its probability is at least the threshold, and with
            `top_label`, where a method has it, also where it is the highest and none is.
        """
        probabilities = self._label_probabilities(self.decision_function(X))
        return self._as_given(probabilities, self.threshold_)

    def transform(self, X):
        """Return a vector for each sample: what the method's head makes of its nodes.

        Near vectors are similar samples, to the labels that were learned.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            The mean of the nodes, or what the method has in its place: their maximum where
            it pools by that, the mean of the labels' states where it has such.
        """
        return np.stack(
            self._map_batches(
                X, lambda network, batch: list(to_numpy(network.represent(batch)))
            )
        )

    @property
    def _n_features_out(self):
        return self.module_.represent_size

    def _map_batches(self, X, function):
        """Return what `function` makes of (network, batch) for each sample, in order."""
        check_is_fitted(self)
        X = read_input(self, X)
        with random_seed(0):
            return map_batches(self.net_, X, self._numpy_dtype, function)

    def _explain_nodes(self, X, weigh):
        """Return how much each node of each sample says of each label.

        `weigh` maps (head, nodes) to a tensor (n, L, S) for each group of samples.
        """
        grids = []

        def function(network, batch):
            nodes = network.encoder(batch)
            grids.append(nodes.grid)
            return nodes.layout.per_sample(weigh(network.head, nodes))

        weights = self._map_batches(X, function)  # of (L, S)
        if grids[0] is None:
            return weights
        return np.stack(weights).reshape(len(weights), -1, *grids[0])
