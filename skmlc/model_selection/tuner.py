"""A meta-estimator that tunes decision thresholds by cross-validation."""

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from ..label_masking import set_known
from ..one_model import fitted_aside, of_one_model
from ..responses import check_no_nan
from ._names import respond
from ._reading import read_grid, read_metric
from ._unseen import UnseenProbabilities
from .threshold import tune_threshold

__all__ = ["ThresholdTuner"]


class ThresholdTuner(UnseenProbabilities):
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
        split, which saves a fit. Has no effect for ``cv="prefit"``.
    n_jobs : int, default=None
        Number of splits that are fitted in parallel, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Controls how samples are assigned to the parts, where `cv` is a number.
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
    0.02
    >>> tuner.predict(X[:2])
    array([[1, 0, 1, 1, 1],
           [1, 1, 1, 1, 0]])
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

    def fit(self, X, y, sample_weight=None, groups=None):
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
        groups : array-like of shape (n_samples,), default=None
            The group of each sample, for `cv`: none is on both sides of a split. A number of
            folds is then that of a `MultilabelStratifiedGroupKFold`, and a share that of a
            `MultilabelStratifiedGroupShuffleSplit`; indices and "prefit" stay as they are.

        Returns
        -------
        ThresholdTuner
            The fitted instance.
        """
        metric = self._check_params()
        if not isinstance(self.per_label, bool | np.bool_):
            raise TypeError(f"per_label must be True or False; got {self.per_label!r}.")
        with fitted_aside(self) as aside:
            aside._fit(X, y, sample_weight, groups, metric)
        return self

    def _fit(self, X, y, sample_weight, groups, metric):
        Y, probabilities, weight = self._read_and_fit(X, y, sample_weight, groups)
        self.threshold_ = tune_threshold(
            Y, probabilities, self.metric, grid=self.grid, per_label=self.per_label,
            sample_weight=weight,
        )  # fmt: skip
        predicted = (probabilities >= self.threshold_).astype(np.int8)
        self.best_score_ = float(metric.function(Y, predicted, sample_weight=weight))

    @of_one_model
    def predict(self, X, known=None):
        """Predict labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, for a classifier that takes them, such as `LaMPClassifier`.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels)
            A label is predicted where its probability is at least `threshold_`; an ndarray
            of shape (n_samples,) for a one-dimensional y.
            Known labels are as given.
        """
        check_is_fitted(self)
        return self._map_probabilities(X, known, self._decide)

    def _decide(self, probabilities, known):
        """Return the labels of some samples in the form in which `fit` was given them."""
        positive = probabilities >= self.threshold_
        if self._target_kind == "binary":
            return self.classes_[positive[:, 0].astype(int)]
        set_known(positive, known)  # whatever the thresholds are
        positive = sparse.csr_matrix(positive) if self._sparse_output else positive
        return positive.astype(np.int64)

    @of_one_model
    def predict_proba(self, X, known=None):
        """Return the classifier's probability of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, for a classifier that takes them, such as `LaMPClassifier`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The probabilities, of this form whichever the classifier has; of shape
            (n_samples, 2) for a one-dimensional y.
        """
        check_is_fitted(self)
        if self._target_kind == "binary":
            given = respond(self.estimator_, "predict_proba", X, known)
            check_no_nan(given, "predict_proba", "estimator")
            return given
        return self._label_probabilities(self.estimator_, X, known)

    def _check_params(self):
        """Raise an error for bad parameters before any fit; return the metric."""
        self._check_estimator()
        read_grid(self.grid)
        return read_metric(self.metric)
