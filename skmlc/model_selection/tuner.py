"""A meta-estimator that tunes decision thresholds by cross-validation."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metaestimators import _safe_split, available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from .._samples import check_same_samples
from .._spelling import did_you_mean
from ..failed_fit import unchanged_if_it_fails
from ..indicators import (
    column_names,
    column_order,
    fitted_label_names,
    read_weight,
)
from ..label_masking import read_known, set_known
from ..targets import encode_target, set_target, validate_target, with_names_of
from ._names import NamesMixin, respond
from ._reading import read_grid, read_metric
from .split import MultilabelStratifiedKFold, MultilabelStratifiedShuffleSplit
from .threshold import tune_threshold

__all__ = ["ThresholdTuner"]


class ThresholdTuner(NamesMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier whose decision thresholds are tuned by cross-validation.

    The classifier is fitted on the training part of each split and gives probabilities for
    its test part. On these probabilities, taken together, the thresholds are tuned; then
    the classifier is fitted on all samples.

    Parameters
    ----------
    estimator : estimator
        A classifier with `predict_proba`, of this package or any other.
    metric : str or callable, default="ebF1"
        What the thresholds are tuned for, see :func:`tune_threshold`.
    grid : {"lamp", "exact"} or array-like of shape (n_thresholds,), default="lamp"
        The thresholds to try, see :func:`tune_threshold`.
    per_label : bool, default=False
        Whether each label gets its own threshold.
    cv : int, float, splitter, iterable or "prefit", default=5
        How the samples to tune on are set apart: a number of multi-label stratified folds,
        the share of a single stratified hold-out, a splitter, or (train, test) indices.
        With "prefit" `estimator` is fitted already, and `fit` tunes on all it is given,
        which must be other samples than those of that fit.
    refit : bool, default=True
        Whether to fit on all samples after tuning. False keeps the classifier of the only
        split, which saves a fit. Means nothing for ``cv="prefit"``.
    n_jobs : int, default=None
        Number of splits that are fitted in parallel, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Controls how samples are dealt to the parts, where `cv` is a number.
    verbose : int, default=0
        How much joblib reports about the fits.

    Attributes
    ----------
    estimator_ : estimator
        The fitted classifier that predicts.
    threshold_ : float or ndarray of shape (n_labels,)
        A label is predicted where its probability is at least this.
    best_score_ : float
        The metric at `threshold_`, on the samples that were tuned on (so it flatters).
    classes_ : ndarray
        ``arange(n_labels)``, or the two classes of a one-dimensional y.
    label_names_ : ndarray of shape (n_labels,)
        The names of the labels, where y was a DataFrame.
    n_features_in_ : int
        Number of features seen in `fit`, if `estimator_` tells it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if `estimator_` tells them.

    See Also
    --------
    tune_threshold : The same for probabilities that are at hand.
    sklearn.model_selection.TunedThresholdClassifierCV : For a single binary target.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from skmlc.model_selection import ThresholdTuner
    >>> X, Y = make_multilabel_classification(n_samples=60, random_state=0)
    >>> classifier = OneVsRestClassifier(LogisticRegression())
    >>> tuner = ThresholdTuner(classifier, metric="maF1", random_state=0).fit(X, Y)
    >>> tuner.threshold_
    0.1
    >>> tuner.predict(X).shape
    (60, 5)
    """

    def __init__(
        self,
        estimator,
        *,
        metric="ebF1",
        grid="lamp",
        per_label=False,
        cv=5,
        refit=True,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.metric = metric
        self.grid = grid
        self.per_label = per_label
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Tune the thresholds, then fit the classifier on all samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            Whatever the classifier takes.
        y : {array-like, sparse matrix} of shape (n_samples, n_labels) or (n_samples,)
            An indicator matrix, with NaN where unknown if the classifier takes that, or
            two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, both in the classifier's fits and in the metric.

        Returns
        -------
        ThresholdTuner
            The fitted instance.
        """
        metric = self._check_params()
        with unchanged_if_it_fails(self):
            self._fit(X, y, sample_weight, metric)
        return self

    def _fit(self, X, y, sample_weight, metric):
        y, target = self._read_target(y)
        (X,) = indexable(X)
        check_same_samples(X, y)
        if sample_weight is not None:
            sample_weight = read_weight(sample_weight, target.Y.shape[0])
        set_target(self, target)
        rows, probabilities = self._unseen_probabilities(X, y, sample_weight)
        Y = target.Y[rows]
        weight = None if sample_weight is None else sample_weight[rows]
        self.threshold_ = tune_threshold(
            Y, probabilities, self.metric, grid=self.grid, per_label=self.per_label,
            sample_weight=weight,
        )  # fmt: skip
        predicted = (probabilities >= self.threshold_).astype(np.int8)
        self.best_score_ = float(metric.function(Y, predicted, sample_weight=weight))
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))

    def predict(self, X, known=None):
        """Predict labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            What is known of their labels, for a classifier that can be told, as
            `LaMPClassifier`.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels)
            A label is predicted where its probability is at least `threshold_`; an ndarray
            of shape (n_samples,) for a one-dimensional y.
            Known labels are as told.
        """
        check_is_fitted(self)
        probabilities = self._label_probabilities(self.estimator_, X, known)
        positive = probabilities >= self.threshold_
        if self._target_kind == "binary":
            return self.classes_[positive[:, 0].astype(int)]
        positive = positive.astype(np.int64)
        if known is not None:  # whatever the thresholds are
            names = fitted_label_names(self)
            set_known(positive, read_known(known, *positive.shape, names))
        return sparse.csr_matrix(positive) if self._sparse_output else positive

    def predict_proba(self, X, known=None):
        """Return the classifier's probability of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            What is known of their labels, for a classifier that can be told, as
            `LaMPClassifier`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The probabilities, of this form whichever the classifier has; of shape
            (n_samples, 2) for a one-dimensional y.
        """
        check_is_fitted(self)
        if self._target_kind == "binary":
            return respond(self.estimator_, "predict_proba", X, known)
        return self._label_probabilities(self.estimator_, X, known)

    @available_if(lambda self: hasattr(self.estimator, "decision_function"))
    def decision_function(self, X, known=None):
        """Return the classifier's decision function, which knows nothing of the thresholds.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            What is known of their labels, for a classifier that can be told, as
            `LaMPClassifier`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,)
            What the classifier gives.
        """
        check_is_fitted(self)
        return respond(self.estimator_, "decision_function", X, known)

    def _check_params(self):
        """Raise an error for bad parameters before any fit; return the metric."""
        if not hasattr(self.estimator, "predict_proba"):
            raise TypeError(
                "estimator must have predict_proba, whose probabilities the thresholds are "
                f"set on; got {self.estimator!r}."
            )
        if self._is_prefit():
            try:
                check_is_fitted(self.estimator)
            except NotFittedError as error:
                raise NotFittedError(
                    "estimator must be fitted already with cv='prefit'; fit it first."
                ) from error
        if isinstance(self.cv, str) and not self._is_prefit():
            raise ValueError(
                "cv must be a number, a splitter, (train, test) indices or 'prefit'; got "
                f"{self.cv!r}. {did_you_mean(self.cv, ['prefit'])}".rstrip()
            )
        read_grid(self.grid)
        return read_metric(self.metric)

    def _is_prefit(self):
        return isinstance(self.cv, str) and self.cv == "prefit"

    def _read_target(self, y):
        """Return y as the classifier gets it, and as a Target."""
        name = type(self).__name__
        values, label_names = validate_target(y, allow_missing=True, estimator_name=name)
        target = encode_target(values, label_names, allow_missing=True)
        if target.kind == "multiclass":
            raise ValueError(
                "Only binary classification is supported for a one-dimensional y; got "
                f"{len(target.classes)} classes, of which the most probable is predicted "
                "without a threshold."
            )
        if target.kind == "binary":
            return target.classes[target.Y[:, 0]], target
        if values.dtype.kind == "f" and values.dtype != np.float64:
            values = values.astype(np.float64)
        # A DataFrame stays one, so that the classifier sees the names of the labels.
        return with_names_of(y, values), target

    def _splits(self, X, y):
        """The (train, test) indices to tune on."""
        if isinstance(self.cv, Integral):
            cv = MultilabelStratifiedKFold(
                int(self.cv), shuffle=True, random_state=self.random_state
            )
        elif isinstance(self.cv, Real):
            cv = MultilabelStratifiedShuffleSplit(
                1, test_size=self.cv, random_state=self.random_state
            )
        else:
            cv = check_cv(self.cv)
        splits = list(cv.split(X, y))
        if not self.refit and len(splits) != 1:
            raise ValueError(
                f"refit must be True where cv makes several splits; got {len(splits)} "
                "splits, pass a share such as cv=0.2 to keep the classifier of one."
            )
        return splits

    def _unseen_probabilities(self, X, y, sample_weight):
        """Set `estimator_`; return rows and their probabilities from fits without them."""
        if self._is_prefit():
            self.estimator_ = self.estimator
            return slice(None), self._label_probabilities(self.estimator_, X)
        splits = self._splits(X, y)
        parallel = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
        results = parallel(
            delayed(self._fit_and_predict)(X, y, sample_weight, *split) for split in splits
        )
        self.estimator_ = results[0][0]
        if self.refit:
            self.estimator_ = clone(self.estimator)
            self.estimator_.fit(X, y, **_fit_params(sample_weight))
        rows = np.concatenate([test for _, test in splits])
        return rows, np.concatenate([probabilities for _, probabilities in results])

    def _fit_and_predict(self, X, y, sample_weight, train, test):
        """Fit on one part and return the classifier and the other part's probabilities."""
        estimator = clone(self.estimator)
        X_train, y_train = _safe_split(estimator, X, y, train)
        X_test, _ = _safe_split(estimator, X, y, test, train)
        weight = None if sample_weight is None else _safe_indexing(sample_weight, train)
        estimator.fit(X_train, y_train, **_fit_params(weight))
        probabilities = self._label_probabilities(estimator, X_test)
        # A classifier that nobody needs is not sent back from another process.
        return None if self.refit else estimator, probabilities

    def _label_probabilities(self, estimator, X, known=None):
        """The probabilities of a classifier, of shape (n_samples, n_labels)."""
        probabilities = respond(estimator, "predict_proba", X, known)
        if self._target_kind == "binary":
            classes = getattr(estimator, "classes_", self.classes_)
            return _class_column(probabilities, classes, self.classes_[1])[:, None]
        if isinstance(probabilities, list):
            probabilities = _stack_columns(estimator, probabilities)
        names = column_names(probabilities) or fitted_label_names(estimator)
        probabilities = np.asarray(probabilities)
        n_labels = len(self.classes_)
        if n_labels == 1 and probabilities.ndim == 2 and probabilities.shape[1] == 2:
            classes = getattr(estimator, "classes_", [0, 1])
            return _class_column(probabilities, classes, 1)[:, None]
        if probabilities.ndim != 2 or probabilities.shape[1] != n_labels:
            raise ValueError(
                f"predict_proba of estimator must give {n_labels} columns, one per label "
                f"of y; got shape {probabilities.shape}."
            )
        own = getattr(self, "label_names_", None)
        order = column_order(
            None if own is None else list(own), names, name="estimator", reference="y"
        )
        return probabilities if order is None else probabilities[:, order]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.classifier_tags.multi_class = False
        if inner.classifier_tags is not None:
            tags.classifier_tags.multi_label = inner.classifier_tags.multi_label
        return tags


def _stack_columns(estimator, probabilities):
    """One array for the list that forests, neighbors and the like give."""
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, list) or len(classes) != len(probabilities):
        classes = [np.arange(column.shape[1]) for column in probabilities]
    return np.column_stack(
        [_class_column(*pair, 1) for pair in zip(probabilities, classes)]
    )


def _class_column(probabilities, classes, positive):
    """The column of a class; zeros for one that the classifier never saw."""
    column = np.flatnonzero(np.asarray(classes) == positive)
    return probabilities[:, column[0]] if len(column) else np.zeros(len(probabilities))


def _fit_params(sample_weight):
    """Arguments of `fit` beyond X and y."""
    return {} if sample_weight is None else {"sample_weight": sample_weight}
