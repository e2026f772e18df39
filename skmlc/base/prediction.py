"""What a classifier that has a trained net returns: logits, labels, vectors of samples."""

from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..graphs.base import BaseLabelGraph
from ..label_masking import known_rows, set_known
from ..nn.head_output import logits_of
from ..one_model import of_one_model
from ..training.net import Net, random_seed
from ..training.predict import map_batches, map_logits, predict_logits, to_numpy
from .known_labels import KnownLabelsMixin
from .scored_labels import ScoredLabelsMixin
from .validation import read_input

__all__ = ["NetPredictionMixin"]


class NetPredictionMixin(
    ScoredLabelsMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
):
    """The methods of a classifier that has a trained net, `net_`."""

    _trains_in_place = True
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
    _categories: Any

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
        """The type of the numbers that the network reads, and of those it returns."""
        return np.dtype("float64" if self.precision == "float64" else "float32")

    # Prediction -----------------------------------------------------------------------------

    @of_one_model
    def decision_function(self, X, known=None):
        """Return the logits of the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The logits; of shape (n_samples,) if y was binary and one-dimensional.  Those of
            known labels are the largest and the smallest numbers of their type.
        """
        known = self._read_known(known, X)
        logits = self._predict_outputs(X, logits_of, known)
        if self._target_kind == "binary":
            return logits[:, 0]
        return _tell_logits(logits, known)

    def _probabilities(self, X, known):
        return self._map_probabilities(X, known, lambda probabilities, _: probabilities)

    def _map_probabilities(self, X, known, function):
        check_is_fitted(self)
        X = read_input(self, X)

        def of_logits(logits, rows):
            given = None if known is None else known[rows]
            return function(self._told_probabilities(logits, given), given)

        with random_seed(0):  # reading batches draws from the global state
            return map_logits(self.net_, X, self._numpy_dtype, of_logits, known=known)

    def _told_probabilities(self, logits, known):
        """Return the probabilities of logits, given what is known about their labels."""
        if known is not None and self.label_graph_ is not None:
            known = self.label_graph_.follow_from(known)
        # Set twice: before the others are made consistent with them, and finally.
        return set_known(self._label_probabilities(_tell_logits(logits, known)), known)

    def _predict_outputs(self, X, read, known=None):
        """Return what `read` takes (N, L) of the network's outputs."""
        check_is_fitted(self)
        X = read_input(self, X)
        with random_seed(0):  # reading batches draws from the global state
            return predict_logits(self.net_, X, self._numpy_dtype, known=known, read=read)

    def _cannot_be_told(self):
        if not isinstance(self, KnownLabelsMixin):
            return super()._cannot_be_told()
        if self._target_kind != "multilabel":
            return "it is for a matrix of labels, and y was one-dimensional in fit."
        if not self.module_.takes_known and len(self.classes_) > 1:
            return (
                "a model must be trained to take known labels; fit it with "
                "label_masking=True."
            )
        return None

    def _map_known(self, X, given, function):
        """Return what `function` makes of (predict, given, rows): a batch is encoded once."""

        def decode(network, batch, rows):
            encoded = network.encode(batch)

            def predict(known):
                given = torch.from_numpy(known).to(batch.known)
                logits = logits_of(network.predict_from(encoded, given))
                return self._told_probabilities(to_numpy(logits), known)

            return list(function(predict, known_rows(given, rows), rows))

        return self._map_batches(X, decode, given)

    def _label_probabilities(self, logits):
        """Return one probability per logit, consistent with a hierarchy of labels."""
        probabilities = super()._label_probabilities(logits)
        if self._target_kind != "multilabel" or self.label_graph_ is None:
            return probabilities
        return self.label_graph_.make_consistent(probabilities)

    @of_one_model
    def transform(self, X):
        """Return a vector for each sample: what the method's head makes of its nodes.

        Vectors close to each other are of samples that are similar as far as the labels go.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            The mean of the nodes, or what the method has instead: their maximum where it pools
            by that, the mean of the labels' states where it has some.
        """
        return np.stack(
            self._map_batches(
                X, lambda network, batch, _: list(to_numpy(network.represent(batch)))
            )
        )

    @of_one_model
    def to_onnx(self, path, n_nodes=None):
        """Write what `predict_proba` computes as an ONNX file, for other programs to run.

        Needs the packages onnx and onnxscript, ``pip install skmlc[onnx]``.

        Parameters
        ----------
        path : str or Path
            The file. One that is there is replaced when the new one is complete.
        n_nodes : int, default=None
            To how many entries samples are padded, where X was sparse in `fit`: the stored
            numbers that a row has at most; where it was bags: the instances that a bag has at
            most. None for tables and images.

        Notes
        -----
        The graph takes any number of samples N, as numbers of the estimator's `precision`:

        - for tables ``X`` (N, n_features), as given to `predict`;
        - for images ``X`` (N, C, H, W), of the size seen in `fit`, bytes divided by 255;
        - for sparse rows ``indices`` (N, n_nodes) of int64, the columns of the stored numbers,
          and ``values`` (N, n_nodes), these numbers, zero for padding;
        - for bags ``instances`` (N, n_nodes, n_features) and ``is_instance`` (N, n_nodes) of
          bool, false for padding.

        It gives ``probabilities``, what `predict_proba` does. There are no known labels, and
        bfloat16 is not used.

        Raises
        ------
        ImportError
            If one of the packages is not installed.
        ValueError
            If the network has no form in ONNX, as that of sequences, graphs, sparse label
            graphs of many labels and `Seq2SeqClassifier`; then nothing is written.
        """
        check_is_fitted(self)
        from .exporting import export_to_onnx  # which is seldom needed

        export_to_onnx(self, path, n_nodes)

    def _cannot_be_exported(self):
        """Return why a method has no form in ONNX, after "it"; None if it has."""
        return None

    @property
    def _n_features_out(self):
        return self.module_.represent_size

    def _map_batches(self, X, function, known=None):
        """Return what `function` makes of (network, batch, rows) for each sample, in order.

        `known` is what `_read_known` gives.
        """
        check_is_fitted(self)
        X = read_input(self, X)
        with random_seed(0):
            return map_batches(self.net_, X, self._numpy_dtype, function, known=known)


def _tell_logits(logits, known):
    """Set the logits (N, L) of known labels to the extremes of their type, in place."""
    largest = np.finfo(logits.dtype).max
    return set_known(logits, known, holds=largest, holds_not=-largest)
