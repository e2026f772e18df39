"""Several classifiers, weighted label by label by how they predict samples unseen in training.

scikit-learn's `StackingClassifier` rejects label matrices.  The weights are those of a
logistic regression on the members' logits, shrunk towards the weights of all labels, and these
towards equal ones.
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import indexable
from sklearn.utils._param_validation import Interval, Options
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from .._samples import check_same_samples
from ..indicators import read_weight
from ..inputs.containers import with_targets
from ..model_selection.group_split import read_groups
from ..model_selection.split import stratified_folds
from ..one_model import fitted_aside
from ..parameters import ParameterFields
from ._members import LabelEnsemble
from ._weights import clipped_logits, fit_weights

__all__ = ["StackingClassifier"]


class StackingClassifier(ParameterFields, LabelEnsemble):
    """Several classifiers, whose logits of each label are summed with weights that are learned.

    The classifiers, its members, may be of this package or any others whose `predict_proba`
    has one of scikit-learn's two forms for label matrices.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name.  One that is replaced by "drop", as by ``set_params(name="drop")``,
        is left out.
    alpha : float, default=30
        How strongly the weights of each label are drawn to those shared by all labels, and
        these to equal ones; positive.  With infinity all are equal, and the result is the mean
        of the members' logits.
    cv : int, splitter or iterable, default=5
        How the samples are split to learn the weights: a number of multi-label stratified
        folds, a splitter, or (train, test) indices.
    n_jobs : int, default=None
        How many fits run in parallel; None is one, and -1 one for each core.
    random_state : int, RandomState instance or None, default=None
        How samples are assigned to folds, where `cv` is a number.
    verbose : bool or int, default=False
        How much joblib reports about the fits.

    Attributes
    ----------
    estimators_ : list of estimator
        The members, fitted on all samples, without those that are dropped.
    named_estimators_ : Bunch
        The same by name, with those that are dropped.
    weights_ : ndarray of shape (n_members, n_labels)
        How much the logits of each of `estimators_` count for each label; not negative.
    intercept_ : ndarray of shape (n_labels,)
        What is added to the weighted sum.
    classes_ : ndarray
        ``arange(n_labels)``, or the two classes of a one-dimensional y.
    label_names_ : ndarray of str
        The columns of y, where it is a DataFrame.
    n_features_in_ : int
        The number of features, if a member has it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, if a member has them.

    See Also
    --------
    SoftVotingClassifier : The mean of probabilities, which takes one fit of each member.
    sklearn.ensemble.StackingClassifier : For a one-dimensional y, also of more classes.

    Notes
    -----
    Each member is fitted once for each split and once on all samples.  The weights are fitted
    to predictions of members for samples that they have not seen, by penalized logistic
    regression.  A label whose known values are all alike in a training part contributes
    nothing in that split; one for which this is so in all splits gets the weights shared by
    all labels.  Unknown labels (NaN) are left out.  Logits are clipped to about -7 and 7.

    X, y and `known` are passed to the members as in :class:`SoftVotingClassifier`.  The
    weights are learned with no label known.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from skmlc.ensemble import StackingClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=60, random_state=0)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> linear = OneVsRestClassifier(LogisticRegression())
    >>> members = [("forest", forest), ("linear", linear)]
    >>> model = StackingClassifier(members, cv=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.1f}")
    mAP 1.0
    """

    estimators: Any = field(kw_only=False)
    alpha: float = 30
    cv: Any = 5
    n_jobs: int | None = None
    random_state: Any = None
    verbose: Any = False

    _parameter_constraints = {
        "estimators": [list],
        "alpha": [Interval(Real, 0, None, closed="neither"), Options(Real, {np.inf})],
        "cv": ["cv_object"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Fitting --------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None, groups=None):
        """Learn the weights on splits, and fit a clone of each member on all samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame, container} of length n_samples
            Whatever all members take.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones, with NaN where that is unknown, if all members take it;
            or two classes.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts, if the `fit` of each member takes it.
        groups : array-like of shape (n_samples,), default=None
            The group of each sample, for `cv`: none is on both sides of a split. A number of
            folds is then that of a `MultilabelStratifiedGroupKFold`; indices stay as they are.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        X, y = with_targets(X, y)
        self._check_members(sample_weight)
        with fitted_aside(self) as aside:
            aside._fit(X, y, sample_weight, groups)
        return self

    def _fit(self, X, y, sample_weight, groups):
        y = self._read_target(y)
        (X,) = indexable(X)
        check_same_samples(X, y)
        if sample_weight is not None:
            sample_weight = read_weight(sample_weight, _num_samples(X))
        splits = self._splits(X, y, read_groups(groups, _num_samples(X)))
        parallel = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
        said = parallel(
            delayed(self._fit_and_ask)(pair, X, y, sample_weight, *split)
            for pair in self._members()
            for split in splits
        )
        n, k = len(self._members()), len(splits)
        logits = np.stack(
            [clipped_logits(np.concatenate(said[i * k : (i + 1) * k])) for i in range(n)]
        )
        del said
        Y, weight = self._taught(y, sample_weight, splits)
        self.weights_, self.intercept_ = fit_weights(logits, Y, weight, self.alpha)
        self._set_members(
            parallel(
                delayed(clone(member).fit)(X, y, **_fit_params(sample_weight))
                for _, member in self._members()
            )
        )

    def _splits(self, X, y, groups):
        """Return the pairs of (train, test) indices."""
        if not isinstance(self.cv, Integral):
            splits = list(check_cv(self.cv).split(X, y, groups))
            if not splits:
                raise ValueError(
                    "cv must be a number, a splitter, or at least one pair of (train, test) "
                    "indices; got none."
                )
            return splits
        seed = self.random_state
        if seed is None:  # the global generator stays as it is
            seed = int(np.random.default_rng().integers(2**32))
        cv = stratified_folds(int(self.cv), seed, groups)
        return list(cv.split(np.empty((_num_samples(X), 0)), y, groups))

    def _fit_and_ask(self, pair, X, y, sample_weight, train, test):
        """Return what a member fitted on one part predicts for the other (n_test, n_labels)."""
        name, member = pair
        member = clone(member)
        X_train, y_train = _safe_split(member, X, y, train)
        X_test, _ = _safe_split(member, X, y, test, train)
        weight = None if sample_weight is None else sample_weight[train]
        member.fit(X_train, y_train, **_fit_params(weight))
        return self._ask(name, member, X_test, None)

    def _taught(self, y, sample_weight, splits):
        """Return labels and weights of the test parts, NaN for what members could not learn."""
        Y = np.asarray(y, dtype=np.float64).reshape(_num_samples(y), -1)
        parts = []
        for train, test in splits:
            has_both = (Y[train] == 0).any(axis=0) & (Y[train] == 1).any(axis=0)
            parts.append(np.where(has_both, Y[test], np.nan))
        rows = np.concatenate([test for _, test in splits])
        weight = np.ones(len(Y)) if sample_weight is None else sample_weight
        return np.concatenate(parts), weight[rows]

    # Prediction -----------------------------------------------------------------------------

    def _combine(self, X, known):
        """Return the probabilities of the weighted sum of the members' logits (N, L)."""
        total = self.intercept_
        for name, member, weight in self._voters():
            total = total + weight * clipped_logits(self._ask(name, member, X, known))
        return expit(np.broadcast_to(total, (_num_samples(X), len(self.intercept_))))


def _fit_params(sample_weight):
    """Return the arguments of `fit` beyond X and y."""
    return {} if sample_weight is None else {"sample_weight": sample_weight}
