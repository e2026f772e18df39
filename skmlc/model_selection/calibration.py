"""Calibrated probabilities of label matrices."""

from numbers import Integral

import numpy as np
from scipy import sparse
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from .._spelling import check_choice
from ..label_masking import set_known
from ..one_model import fitted_aside, of_one_model
from ._names import known_params
from ._unseen import UnseenProbabilities

__all__ = ["MultilabelCalibratedClassifierCV"]

# Probabilities beyond these are as good as certain, and their logits are not infinite.
_LOWEST = 1e-6


class MultilabelCalibratedClassifierCV(UnseenProbabilities):
    """A classifier of label matrices whose probabilities are calibrated label by label.

    Of the samples for which a label has a probability of 0.3, it should hold in three of
    ten. The counterpart of :class:`~sklearn.calibration.CalibratedClassifierCV`, which
    rejects label matrices: the classifier is fitted on the training part of each split,
    the calibration of each label on the probabilities of all test parts, and then the
    classifier on all samples (`ensemble=False` there).

    Parameters
    ----------
    estimator : estimator
        A classifier with `predict_proba`, of this package or any other.
    method : {"sigmoid", "isotonic"}, default="sigmoid"
        "sigmoid" is a logistic regression on the logit of the probability (two numbers per
        label), "isotonic" any rising step function, which needs more samples.
    cv : int, float, splitter, iterable or "prefit", default=5
        How the samples to calibrate on are set apart: a number of multi-label stratified
        folds, the share of a single stratified hold-out, a splitter, or (train, test)
        indices. With "prefit" `estimator` is fitted already, and `fit` calibrates on all it
        is given, which must be other samples than those of that fit.
    min_positives : int, default=10
        A label that holds in fewer samples set apart, or does not hold in fewer, has a
        calibration that is fitted on all labels together.
    refit : bool, default=True
        Whether to fit on all samples after calibration. False keeps the classifier of the
        only split, which saves a fit. Has no effect for ``cv="prefit"``.
    n_jobs : int, default=None
        Number of splits that are fitted in parallel, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Controls how samples are assigned to the parts, where `cv` is a number.
    verbose : int, default=0
        How much joblib reports about the fits.

    Attributes
    ----------
    estimator_ : estimator
        The fitted classifier whose probabilities are calibrated.
    calibrators_ : list of length n_labels
        The fitted regression of each label; labels with few samples share one.
    is_shared_ : ndarray of shape (n_labels,)
        Labels that share a calibration.
    classes_ : ndarray
        ``arange(n_labels)``, or the two classes of a one-dimensional y.
    label_names_ : ndarray of shape (n_labels,)
        The names of the labels, where y was a DataFrame.
    n_features_in_ : int
        Number of features seen in `fit`, if `estimator_` has it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if `estimator_` has them.

    See Also
    --------
    ThresholdTuner : Decides better where probabilities need not be right.
    sklearn.calibration.CalibratedClassifierCV : For a one-dimensional target.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.multioutput import MultiOutputClassifier
    >>> from skmlc.metrics import get_scorer
    >>> from skmlc.model_selection import MultilabelCalibratedClassifierCV
    >>> X, Y = make_multilabel_classification(n_samples=200, random_state=0)
    >>> bayes = MultiOutputClassifier(GaussianNB())
    >>> model = MultilabelCalibratedClassifierCV(bayes, random_state=0).fit(X, Y)
    >>> for classifier in (bayes.fit(X, Y), model):
    ...     print(f"log loss {-get_scorer('log_loss')(classifier, X, Y):.1f}")
    log loss 0.5
    log loss 0.4
    """

    def __init__(
        self,
        estimator,
        *,
        method="sigmoid",
        cv=5,
        min_positives=10,
        refit=True,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.method = method
        self.cv = cv
        self.min_positives = min_positives
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the calibration of each label, and the classifier on all samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            Whatever the classifier takes.
        y : {array-like, sparse matrix} of shape (n_samples, n_labels) or (n_samples,)
            An indicator matrix, with NaN where unknown if the classifier takes that, or
            two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, both in the classifier's fits and in the calibration.
        groups : array-like of shape (n_samples,), default=None
            The group of each sample, for `cv`: none is on both sides of a split. A number of
            folds is then that of a `MultilabelStratifiedGroupKFold`, and a share that of a
            `MultilabelStratifiedGroupShuffleSplit`; indices and "prefit" stay as they are.

        Returns
        -------
        MultilabelCalibratedClassifierCV
            The fitted instance.
        """
        self._check_params()
        with fitted_aside(self) as aside:
            Y, probabilities, weight = aside._read_and_fit(X, y, sample_weight, groups)
            Y = Y.toarray() if sparse.issparse(Y) else np.asarray(Y)
            aside._calibrate(Y, probabilities, weight)
        return self

    @of_one_model
    def predict_proba(self, X, known=None):
        """Return the calibrated probability of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, for a classifier that takes them, as
            `LaMPClassifier`. The calibration is that of samples about which nothing is known.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            The probabilities, 0 or 1 where known, of this form whichever the classifier
            has; of shape (n_samples, 2) for a one-dimensional y.
        """
        check_is_fitted(self)
        return self._of_classes(self._own_probabilities(X, known))

    def _own_probabilities(self, X, known):
        """The calibrated probabilities, of shape (n_samples, n_labels)."""
        raw = super()._own_probabilities(X, known)
        calibrated = np.empty(raw.shape)
        for label, calibrator in enumerate(self.calibrators_):
            calibrated[:, label] = _apply(calibrator, raw[:, label])
        if self._target_kind != "binary":
            set_known(calibrated, self._read_known(known, len(calibrated)))
        return calibrated

    @of_one_model
    def predict(self, X, known=None):
        """Predict labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, see `predict_proba`.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels)
            A label is predicted where its calibrated probability is at least one half; an
            ndarray of shape (n_samples,) for a one-dimensional y.
        """
        probabilities = self.predict_proba(X, **known_params(known))
        if self._target_kind == "binary":
            return self.classes_[(probabilities[:, 1] >= 0.5).astype(int)]
        positive = probabilities >= 0.5
        positive = sparse.csr_matrix(positive) if self._sparse_output else positive
        return positive.astype(np.int64)

    def _check_params(self):
        """Raise an error for bad parameters before any fit."""
        self._check_estimator()
        check_choice(self.method, ("sigmoid", "isotonic"), "method")
        if not isinstance(self.min_positives, Integral) or self.min_positives < 1:
            raise ValueError(
                "min_positives must be an integer of at least 1; got "
                f"{self.min_positives!r}."
            )

    def _calibrate(self, Y, probabilities, weight):
        weight = np.ones(len(Y)) if weight is None else weight
        is_known = ~np.isnan(Y) & (weight > 0)[:, None]
        n_positive = np.sum(is_known & (Y == 1), axis=0)
        n_negative = np.sum(is_known & (Y == 0), axis=0)
        self.is_shared_ = np.minimum(n_positive, n_negative) < self.min_positives
        weights = np.broadcast_to(weight[:, None], Y.shape)
        shared = None
        if self.is_shared_.any():
            shared = _fit(self.method, *(a[is_known] for a in (probabilities, Y, weights)))
        self.calibrators_ = [
            shared
            if self.is_shared_[label]
            else _fit(
                self.method,
                *(a[rows, label] for a in (probabilities, Y, weights)),
            )
            for label, rows in enumerate(is_known.T)
        ]


def _fit(method, probabilities, y, weight):
    """A regression of y on probabilities; None, for none, where all y are the same."""
    if len(np.unique(y)) < 2:
        return None
    if method == "isotonic":
        regression = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        return regression.fit(probabilities, y, weight)
    regression = LogisticRegression(C=100)
    return regression.fit(_logits(probabilities), y, weight)


def _logits(probabilities):
    """The logit of each probability, a column."""
    return logit(np.clip(probabilities, _LOWEST, 1 - _LOWEST))[:, None]


def _apply(calibrator, probabilities):
    """Calibrated probabilities of one label."""
    if calibrator is None or len(probabilities) == 0:
        return probabilities
    if isinstance(calibrator, IsotonicRegression):
        return calibrator.predict(probabilities)
    return calibrator.predict_proba(_logits(probabilities))[:, 1]
