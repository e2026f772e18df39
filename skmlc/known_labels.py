"""Any classifier of scikit-learn predicts labels given some known ones.

For each label a classifier reads X and what is known about the other labels.  It is trained on
copies of the samples that hide the labels at random, as `label_masking` draws them.
"""

from dataclasses import field
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.utils import check_random_state, gen_batches, get_tags
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import (
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from ._samples import check_same_samples
from .base.known_labels import KnownLabelsMixin
from .base.scored_labels import ScoredLabelsMixin
from .indicators import read_weight
from .inputs.containers import Bags, Graphs, Images, Sequences, Texts, as_container
from .inputs.forms import check_finite, number_types, read_table
from .label_masking import as_known, draw_shown, is_off, known_rows
from .one_model import fitted_aside
from .parameters import ParameterFields
from .responses import check_no_nan
from .row_blocks import map_parts, rows_per_call
from .targets import encode_target, set_target, validate_target

__all__ = ["KnownLabelsClassifier"]

# Labels whose dependence on all others is computed at once.
LABELS_PER_BLOCK = 256
# Samples that are decoded at once.
ROWS_PER_BLOCK = 1024
# Samples whose probabilities are asked for at once, at the least.
ROWS_PER_CALL = 8192
# What else to say of a column that holds no numbers.
BEFORE = (
    ", before KnownLabelsClassifier in a sklearn.pipeline.Pipeline and not inside it, where X "
    "arrives as an array of numbers, with columns for the known labels"
)


class KnownLabelsClassifier(
    MetaEstimatorMixin, KnownLabelsMixin, ScoredLabelsMixin, ParameterFields, BaseEstimator
):
    """Any scikit-learn classifier, to predict labels given some known ones.

    For each label, a clone of `estimator` is fitted on the features and on what is known of
    the other labels, in copies of the samples that show some of these and hide the rest at
    random.  So it predicts whatever is known about a sample, even if nothing is.

    Parameters
    ----------
    estimator : estimator
        A classifier with `predict_proba`, or with `decision_function`, whose logistic function
        then stands for the probability.  It reads an array of numbers: a `ColumnTransformer`,
        or what else makes numbers of X, goes before this classifier, in a pipeline, and not
        inside it, where columns have no names and those of the known labels come last.
    n_copies : int, default=3
        How many copies of the samples each classifier is fitted on, each of which shows other
        labels.
    label_masking : True, float or distribution, default=True
        How many of the known labels a copy of a sample shows: a share drawn for each, which is
        none for a third of them; the same share, from 0 to below 1, for all; or shares from a
        distribution of `scipy.stats`, such as ``scipy.stats.uniform()``.
    max_known_labels : int, default=None
        How many of the other labels each classifier reads at most: those that hang together
        most with its own in `fit`, by the absolute phi coefficient; None for all.
    n_jobs : int, default=None
        How many classifiers are fitted, and asked, in parallel; None is one, and -1 one for
        each core.
    random_state : int, RandomState instance or None, default=None
        Controls what the copies show, and every `random_state` of `estimator` that is None.

    Attributes
    ----------
    estimators_ : list of estimator of length n_labels
        The classifier of each label; a `DummyClassifier` where only one class was known.
    known_labels_ : list of ndarray of int
        The labels that each of them reads, in order.
    classes_ : ndarray
        ``arange(n_labels)``, or the two classes of a one-dimensional y.
    label_names_ : ndarray of str
        The columns of y, where it is a DataFrame.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, where X is a DataFrame with names.

    See Also
    --------
    sklearn.multioutput.MultiOutputClassifier : One classifier per label, which reads none.
    sklearn.multioutput.ClassifierChain : Each reads those before it, which are all predicted.

    Notes
    -----
    The columns that a classifier reads are the features; then, for each other label in order,
    1 where it is known to hold; then, likewise, 1 where it is known not to.  What is unknown
    in y is never shown, and a sample is left out of the fit of its unknown labels.  Of a label
    of which nothing at all is known, the probability is 0.5.

    With `L` labels, `N` samples and `F` features there are `L` fits on ``n_copies * N`` rows of
    ``F + 2 * (L - 1)`` columns, so that the cost grows with the square of `L`; with
    ``max_known_labels=k`` they are ``F + 2 * k``, and it grows with `L`.  Each call of a
    prediction asks `L` classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmlc import KnownLabelsClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(100, 2)), rng.integers(0, 2, 100)
    >>> Y = np.column_stack([y, y])  # two labels that always agree
    >>> model = KnownLabelsClassifier(LogisticRegression(), random_state=0).fit(X, Y)
    >>> model.predict(X[:2], known=[[1, np.nan], [np.nan, 0]])
    array([[1, 1],
           [0, 0]])
    """

    estimator: Any = field(kw_only=False)
    n_copies: int = 3
    label_masking: Any = True
    max_known_labels: int | None = None
    n_jobs: int | None = None
    random_state: Any = None

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"])],
        "n_copies": [Interval(Integral, 1, None, closed="left")],
        "label_masking": [
            "boolean",
            Interval(Real, 0, 1, closed="left"),
            HasMethods("rvs"),
        ],
        "max_known_labels": [Interval(Integral, 1, None, closed="left"), None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    top_label: ClassVar[bool] = False
    threshold_: ClassVar[float] = 0.5

    # Fitting --------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None):
        """Fit a classifier for each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Numbers.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones, with NaN where that is unknown; or two classes, which
            are one label, with no other to be known.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts, in all of its copies.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        self._check_params(sample_weight)
        with fitted_aside(self) as aside:
            aside._fit(X, y, sample_weight)
        return self

    def _check_params(self, sample_weight):
        """Raise an error for what `_validate_params` cannot see."""
        if not _has_scores(self.estimator):
            raise TypeError(
                "estimator must have predict_proba or decision_function, from which the "
                f"probabilities of the labels come; got {self.estimator!r}."
            )
        if is_off(self.label_masking):
            raise ValueError(
                "label_masking must be True, a share or a distribution; got False, but without "
                "it there is nothing to learn from the labels that are known: use "
                "sklearn.multioutput.MultiOutputClassifier."
            )
        takes_weight = has_fit_parameter(self.estimator, "sample_weight")
        if sample_weight is not None and not takes_weight:
            raise TypeError(
                "sample_weight must be None where the fit of estimator does not take it; got "
                f"weights for {self.estimator!r}."
            )

    def _fit(self, X, y, sample_weight):
        X = self._read_samples(X, reset=True)
        Y, weight = self._read_target(y, X, sample_weight)
        if weight is not None and not weight.all():  # as if these samples were not there
            counted = np.flatnonzero(weight)
            X, Y, weight = X[counted], Y[counted], weight[counted]
        rng = check_random_state(self.random_state)
        states = self._draw_states(Y, rng)
        self.known_labels_ = _labels_to_read(Y, self.max_known_labels)
        seeds = rng.randint(np.iinfo(np.int32).max, size=Y.shape[1])
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_label)(
                _seeded(self.estimator, seeds[j]), X, states, Y[:, j], labels, weight
            )
            for j, labels in enumerate(self.known_labels_)
        )

    def _read_samples(self, X, *, reset):
        """Return X as an ndarray or a CSR matrix."""
        X = as_container(X)
        if isinstance(X, Bags | Graphs | Images | Sequences | Texts):
            raise TypeError(
                f"X must be a table of numbers; got {type(X).__name__}: put what makes one of "
                f"them before {type(self).__name__} in a sklearn.pipeline.Pipeline, such as "
                "skmlc.inputs.BagPooling for bags."
            )
        X = _with_short_indices(read_table(X, hint=BEFORE))
        X = validate_data(
            self, X, accept_sparse="csr", dtype=number_types(X), reset=reset,
            ensure_all_finite=False,
        )  # fmt: skip
        names = getattr(self, "feature_names_in_", None)
        check_finite(X, names, allow_nan=get_tags(self.estimator).input_tags.allow_nan)
        return X

    def _read_target(self, y, X, sample_weight):
        """Return y as an ndarray, NaN where unknown, and the weights or None."""
        y, names = validate_target(
            y, allow_missing=True, estimator_name=type(self).__name__
        )
        check_same_samples(X, y)
        weight = None if sample_weight is None else read_weight(sample_weight, X.shape[0])
        target = encode_target(y, names, allow_missing=True, sample_weight=weight)
        if target.kind == "multiclass":
            raise ValueError(
                "Only binary classification is supported for a one-dimensional y; got "
                f"{len(target.classes)} classes, but y must be a label matrix with one column "
                "per label."
            )
        set_target(self, target)
        Y = target.Y.toarray() if target.is_sparse else target.Y
        return Y, weight

    def _draw_states(self, Y, rng):
        """Return what each copy of the samples shows (C, N, L): 1, -1 and 0, as `as_known`."""
        # A single label has no other to be known, so copies of it would be the same.
        n_copies = self.n_copies if Y.shape[1] > 1 else 1
        labels = as_known(Y)
        shown = [draw_shown(Y, self.label_masking, rng) for _ in range(n_copies)]
        return np.stack([labels * some for some in shown])

    # Prediction -----------------------------------------------------------------------------

    def _cannot_be_told(self):
        if self._target_kind == "binary":
            return "it is for a matrix of labels, and y was one-dimensional in fit."
        return None

    def _probabilities(self, X, known):
        check_is_fitted(self)
        X = self._read_samples(X, reset=False)
        if known is None:
            known = np.zeros((X.shape[0], len(self.estimators_)), dtype=np.int8)
        return self._answer(X, known_rows(known, slice(None)))

    def _map_probabilities(self, X, known, function):
        check_is_fitted(self)
        X = self._read_samples(X, reset=False)
        n_samples, n_labels = X.shape[0], len(self.estimators_)

        def predict(rows):
            if known is None:
                given = np.zeros((rows.stop - rows.start, n_labels), dtype=np.int8)
            else:
                given = known_rows(known, rows)
            return self._answer(X[rows], given)

        # Each label is a call of its own, which has to be worth it.
        step = max(ROWS_PER_CALL, rows_per_call(n_labels))
        return map_parts(n_samples, step, predict, function, known)

    def _map_known(self, X, given, function):
        X = self._read_samples(X, reset=False)
        results = []
        for block in gen_batches(X.shape[0], ROWS_PER_BLOCK):
            predict = partial(self._answer, X[block])
            rows = np.arange(block.start, block.stop)
            results += list(function(predict, known_rows(given, block), rows))
        return results

    def _answer(self, X, known):
        """Return the probabilities (N, L) of a validated X and known int8 labels (N, L)."""
        asked = np.flatnonzero((known == 0).any(axis=0))
        columns = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(_probability)(self.estimators_[j], X, known, self.known_labels_[j])
            for j in asked
        )
        probabilities = (known > 0).astype(np.float64)
        for j, column in zip(asked, columns):
            model = self.estimators_[j]
            check_no_nan(column, _scoring_method(model), f"estimators_[{j}]")
            unknown = known[:, j] == 0
            probabilities[unknown, j] = column[unknown]
        return probabilities

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.allow_nan = inner.allow_nan
        tags.input_tags.positive_only = inner.positive_only
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True  # a column of zeros and ones is one label
        return tags


# One label ----------------------------------------------------------------------------------


def _has_scores(estimator):
    """Return whether a classifier says more than which class it takes for the likelier."""
    return hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function")


def _scoring_method(model):
    """Return the name of the method that says how likely a label is."""
    return "predict_proba" if hasattr(model, "predict_proba") else "decision_function"


def _seeded(estimator, seed):
    """Return a clone whose every unset `random_state` is drawn from a seed."""
    estimator, rng = clone(estimator), np.random.RandomState(seed)
    unset = {
        name: rng.randint(np.iinfo(np.int32).max)
        for name, value in sorted(estimator.get_params().items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**unset)


def _fit_label(estimator, X, states, target, labels, weight):
    """Return the classifier of one label, fitted to the copies of what is known about it.

    `states` are (C, N, L), `target` (N,) with NaN where unknown, `labels` those to read.
    """
    rows = np.flatnonzero(~np.isnan(target))
    target = target[rows].astype(np.int64)
    if len(np.unique(target)) < 2:
        target = target if len(target) else np.array([0, 1])  # as likely as not
        return DummyClassifier(strategy="prior").fit(np.zeros((len(target), 1)), target)
    n_copies = len(states)
    copies = np.tile(rows, n_copies)
    shown = states[:, rows].reshape(len(copies), -1)
    fit_params = {} if weight is None else {"sample_weight": weight[copies]}
    design = _with_states(X[copies], shown, labels)
    return estimator.fit(design, np.tile(target, n_copies), **fit_params)


def _probability(model, X, known, labels):
    """Return the probability (N,) of one label."""
    design = _with_states(X, known, labels)
    if _scoring_method(model) == "decision_function":
        return expit(model.decision_function(design))
    columns = np.flatnonzero(model.classes_ == 1)
    if not len(columns):
        return np.zeros(len(known))
    return model.predict_proba(design)[:, columns[0]]


def _with_short_indices(X):
    """Return a sparse matrix with indices of 32 bits, as trees ask for, if it may."""
    if not (sparse.issparse(X) and X.format == "csr" and X.indices.dtype == np.int64):
        return X
    if max(X.nnz, X.shape[1]) > np.iinfo(np.int32).max:
        return X
    parts = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32))
    return type(X)(parts, shape=X.shape)


def _with_states(X, states, labels):
    """Return X with columns for which labels are known to hold, and which not to."""
    states = states[:, labels]
    columns = np.hstack([states > 0, states < 0]).astype(np.int8)  # (N, 2 K)
    if sparse.issparse(X):
        return sparse.hstack([X, type(X)(columns)], format="csr")
    return np.hstack([X, columns])


# Which labels to read -----------------------------------------------------------------------


def _labels_to_read(Y, most):
    """Return for each label the others, or of these the `most` that tell most of it."""
    n_labels = Y.shape[1]
    if most is None or most >= n_labels - 1:
        return [np.delete(np.arange(n_labels), j) for j in range(n_labels)]
    chosen = []
    for block in gen_batches(n_labels, LABELS_PER_BLOCK):
        dependence = _dependence(Y, block)
        own = np.arange(block.start, block.stop)
        dependence[own - block.start, own] = -1  # never its own
        order = np.argsort(-dependence, axis=1, kind="stable")
        chosen += list(np.sort(order[:, :most], axis=1))
    return chosen


def _dependence(Y, block):
    """Return the absolute phi coefficients (B, L) of some labels with all.

    Each is over the samples of which both are known, and 0 where one of the two is constant.
    """
    known, holds = (~np.isnan(Y)).astype(np.float64), np.nan_to_num(Y).astype(np.float64)
    n = known[:, block].T @ known
    first, second = holds[:, block].T @ known, known[:, block].T @ holds
    both = holds[:, block].T @ holds
    scale = np.sqrt(first * (n - first)) * np.sqrt(second * (n - second))
    covariance = np.abs(n * both - first * second)
    phi = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    return phi.round(12)  # so that what is equal by algebra is a tie
