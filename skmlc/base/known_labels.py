"""What a classifier that takes known labels can do besides: joint samples, sets, questions."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    _num_samples,
    check_is_fitted,
)

from .._samples import check_same_samples
from .._spelling import check_choice
from ..decoding import (
    best_f1_labels,
    draw_labels,
    expected_information,
    log_likelihood,
    most_probable_labels,
)
from ..indicators import read_indicators
from ..label_names import column_names, column_order, fitted_label_names
from ..one_model import of_one_model

__all__ = ["KnownLabelsMixin"]

DECODINGS = ("threshold", "joint", "expected_f1")
# Of how many joint samples `predict(decoding="expected_f1")` takes the expectation.
N_SAMPLES = 100


class KnownLabelsMixin:
    """Joint samples, decoded sets, likelihoods and questions, of labels known in part."""

    # Of the class: maps (X, given, function) to what the function makes of (predict, given,
    # rows) for each sample. `predict` maps known labels of some samples, an int8 ndarray
    # (n, L) of 1, -1 and 0, to probabilities (n, L); `given` are those that the user passed,
    # and `rows` are their places in X.
    _map_known: Callable
    classes_: np.ndarray
    _cannot_be_told: Callable
    _read_known: Callable
    _sparse_output: bool

    def _map_told(self, X, known, function):
        """Return what `function` makes of (predict, given, rows) for each sample, in order."""
        check_is_fitted(self)
        reason = self._cannot_be_told()
        if reason is not None:
            raise ValueError(f"Labels cannot be drawn one after the other: {reason}")
        given = self._read_known(known, X)
        if given is None:
            given = sparse.csr_array((_num_samples(X), len(self.classes_)), dtype=np.int8)
        return self._map_known(X, given, function)

    @of_one_model
    def predict(self, X, known=None, decoding="threshold"):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.
        decoding : {"threshold", "joint", "expected_f1"}, default="threshold"
            "threshold" decides label by label: one is predicted where its probability is at
            least the threshold, and with `top_label`, if the method has it, also where it is
            the highest and none reaches it. The others decide jointly, for which the model
            must have been trained with `label_masking`: "joint" looks for the most probable
            set of labels in few rounds (8 passes), "expected_f1" for the one whose F1 is
            highest on average over 100 joint samples (up to 3,200 passes).

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            Known labels are as given.
        """
        check_choice(decoding, DECODINGS, "decoding")
        if decoding == "threshold":
            return super().predict(X, known)  # pyright: ignore[reportAttributeAccessIssue]
        decode = _most_probable if decoding == "joint" else _best_f1
        labels = np.stack(self._map_told(X, known, decode)).astype(np.int64)
        return sparse.csr_matrix(labels) if self._sparse_output else labels

    @of_one_model
    def sample_labels(
        self, X, n_samples=1, known=None, *, n_rounds=None, random_state=None
    ):
        """Draw joint samples of the labels of each sample, given those that are known.

        A model that was trained to predict hidden labels from shown ones gives p(label | X,
        known labels) for any of them; drawn one after the other, in an order that is random for
        each draw, they are a sample of p(labels | X) (any-order autoregressive models [1]_,
        [2]_).

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_rows
            The samples.
        n_samples : int, default=1
            How many joint samples to draw of each.
        known : {array-like, DataFrame, sparse matrix} of shape (n_rows, n_labels), default=None
            Their known labels, as for `predict_proba`.
        n_rounds : int, default=None
            In how many passes through the network the labels are drawn: in each, a block of
            them, independently given those drawn before.  None is a pass per label, and 32
            at most.
        random_state : int, RandomState or None, default=None
            For the order and the draws.

        Returns
        -------
        ndarray of shape (n_samples, n_rows, n_labels), uint8
            Known labels are as given.

        Notes
        -----
        The cost is n_samples * n_rounds passes; the samples are encoded once.

        References
        ----------
        .. [1] B. Uria, I. Murray, H. Larochelle, "A Deep and Tractable Density Estimator",
               ICML 2014.
        .. [2] E. Hoogeboom et al., "Autoregressive Diffusion Models", ICLR 2022,
               arXiv:2110.02037.
        """
        _check_count(n_samples, "n_samples")
        _check_count(n_rounds, "n_rounds", none=True)
        rng = check_random_state(random_state)

        def draw(predict, given, rows):
            draws = [draw_labels(predict, given, rng, n_rounds) for _ in range(n_samples)]
            return np.stack(draws, axis=1)  # (n, S, L)

        return np.stack(self._map_told(X, known, draw), axis=1)

    @of_one_model
    def log_likelihood(
        self, X, y, known=None, *, n_orders=1, n_rounds=None, random_state=None
    ):
        """Estimate how probable the labels of each sample are together.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        y : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels)
            Their labels, NaN for those that are left out.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`: the probability is that of
            the others.
        n_orders : int, default=1
            The number of random orders to average over.
        n_rounds : int, default=None
            In how many passes the labels are revealed, as for `sample_labels`.
        random_state : int, RandomState or None, default=None
            For the orders.

        Returns
        -------
        ndarray of shape (n_samples,)
            The mean over the orders of the sum of log p(label | X, known and earlier labels),
            in nats.  The model has no single joint distribution, but one for each order: this
            is the estimate that its training maximizes. Minus infinity for a sample of which
            `y` contradicts `known`: such labels are impossible.
        """
        _check_count(n_orders, "n_orders")
        _check_count(n_rounds, "n_rounds", none=True)
        rng = check_random_state(random_state)
        names = fitted_label_names(self)
        order = column_order(names, column_names(y), name="y", reference="fit")
        Y: Any = read_indicators(y, "y")
        Y = Y if order is None else Y[:, order]
        check_same_samples(X, Y)
        if Y.shape[1] != len(self.classes_):
            raise ValueError(
                f"y must have {len(self.classes_)} columns, one per label of fit; got "
                f"{Y.shape[1]}."
            )

        def estimate(predict, given, rows):
            labels = Y[rows].toarray() if sparse.issparse(Y) else Y[rows]
            return log_likelihood(predict, labels, given, rng, n_orders, n_rounds)

        return np.array(self._map_told(X, known, estimate))

    @of_one_model
    def suggest_labels(self, X, known=None, n=1, *, n_candidates=None):
        """Suggest which labels to ask an annotator for next.

        A label is worth asking for if it is uncertain itself, and if knowing it would say much
        about the others: by how much the sum of the entropies of all labels is expected to
        drop.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.
        n : int, default=1
            How many labels to suggest.
        n_candidates : int, default=None
            Consider only this many labels, the least certain ones of each sample; None for
            all.

        Returns
        -------
        labels : ndarray of shape (n_samples, n)
            The labels, the most informative first; -1 where fewer are unknown, or were
            considered.
        information : ndarray of shape (n_samples, n)
            How much each is expected to say about itself and the others, in nats; zero where
            the label is -1.

        Notes
        -----
        The cost is 1 + 2 n_candidates passes; the samples are encoded once.
        """
        _check_count(n, "n")
        _check_count(n_candidates, "n_candidates", none=True)

        def suggest(predict, given, rows):
            information = expected_information(predict, given, n_candidates)
            return _most_informative(information, given, n)

        labels, information = zip(*self._map_told(X, known, suggest), strict=True)
        return np.stack(labels), np.stack(information)


def _most_probable(predict, known, rows):
    """Return the most probable labels of some samples, (n, L)."""
    return most_probable_labels(predict, known)


def _best_f1(predict, known, rows):
    """Return the labels of some samples with the highest expected F1, (n, L)."""
    rng = np.random.RandomState(0)  # a prediction is the same each time
    return best_f1_labels(
        np.stack([draw_labels(predict, known, rng) for _ in range(N_SAMPLES)])
    )


def _most_informative(information, known, n):
    """Return for each sample the n best unknown labels and their information, in pairs."""
    score = np.where(known == 0, information, -np.inf)
    n = min(n, score.shape[1])
    best = np.argsort(-score, axis=1, kind="stable")[:, :n]
    gain = np.take_along_axis(score, best, axis=1)
    return list(zip(np.where(gain > -np.inf, best, -1), gain.clip(min=0), strict=True))


def _check_count(value, name, *, none=False):
    """Raise an error for what is not a positive number of something."""
    if (none and value is None) or (isinstance(value, Integral) and int(value) > 0):
        return
    raise ValueError(f"{name} must be a positive integer; got {value!r}.")
