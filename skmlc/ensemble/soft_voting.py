"""The mean of the probabilities of several classifiers.

scikit-learn's `VotingClassifier` rejects label matrices.
"""

from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples

from .._samples import check_same_samples
from ..indicators import as_numbers, message, read_weight
from ..inputs.containers import with_targets
from ..one_model import fitted_aside
from ..parameters import ParameterFields
from ._members import LabelEnsemble, is_dropped

__all__ = ["SoftVotingClassifier"]


class SoftVotingClassifier(ParameterFields, LabelEnsemble):
    """Several classifiers, whose probabilities of each label are averaged.

    The classifiers, its members, may be of this package or any others whose `predict_proba`
    has one of scikit-learn's two forms for label matrices: an array (n_samples, n_labels), or
    a list of arrays (n_samples, 2), as of forests and nearest neighbors.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name.  One that is replaced by "drop", as by ``set_params(name="drop")``,
        is left out.
    weights : array-like of shape (n_estimators,), default=None
        How much each of `estimators` counts in the mean, including those that are dropped;
        numbers that are not negative, and not all zero.  None weights all alike.
    n_jobs : int, default=None
        How many members are fitted in parallel; None is one, and -1 one for each core.
    verbose : bool or int, default=False
        How much joblib reports about the fits.

    Attributes
    ----------
    estimators_ : list of estimator
        The fitted members, without those that are dropped.
    named_estimators_ : Bunch
        The same by name, with those that are dropped.
    weights_ : ndarray of shape (n_members,)
        The weights of `estimators_`.
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
    sklearn.ensemble.VotingClassifier : For a one-dimensional y, also of more classes.
    skmlc.model_selection.ThresholdTuner : Tunes the thresholds of the mean, here 0.5.

    Notes
    -----
    X is passed to the members as it is, in any form that all of them take.  For y they get a
    matrix of integers, of floats with NaN where labels are unknown, or a DataFrame of these
    where y is one; a sparse y is made dense, since most classifiers do not take it.  For a
    one-dimensional y they get 0 and 1 for its two classes.

    Where a member leaves out a class that its training data lacked, the probability of that
    label is 0.  A member that names its labels (by columns, or in `label_names_`) may have
    them in another order.

    If labels are `known`, they are passed to each member with a weight, as an array with NaN
    where they are unknown; so each must take `known`, as :class:`~skmlc.LaMPClassifier` does,
    and any classifier in a :class:`~skmlc.KnownLabelsClassifier`.  Joint predictions then use
    the mean, too; each of their passes calls the `predict_proba` of all members.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from skmlc.ensemble import SoftVotingClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=60, random_state=0)
    >>> forest = RandomForestClassifier(10, random_state=0)
    >>> linear = OneVsRestClassifier(LogisticRegression())
    >>> members = [("forest", forest), ("linear", linear)]
    >>> model = SoftVotingClassifier(members, weights=[1, 2]).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.1f}")
    mAP 1.0
    """

    estimators: Any = field(kw_only=False)
    weights: Any = None
    n_jobs: int | None = None
    verbose: Any = False

    _parameter_constraints = {
        "estimators": [list],
        "weights": ["array-like", None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    # Fitting --------------------------------------------------------------------------------

    def fit(self, X, y, sample_weight=None):
        """Fit a clone of each member.

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

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        X, y = with_targets(X, y)
        self._check_members(sample_weight)
        weights = self._read_weights()
        with fitted_aside(self) as aside:
            aside.weights_ = weights
            aside._fit(X, y, sample_weight)
        return self

    def _read_weights(self):
        """Return the weights of the members, or say what is wrong with them."""
        n = len(self.estimators)
        kept = [not is_dropped(member) for _, member in self.estimators]
        if self.weights is None:
            return np.ones(sum(kept))
        must = f"be None or {n} non-negative numbers, one for each of estimators"
        weights = as_numbers(self.weights, "weights", must)
        if sparse.issparse(weights) or weights.shape != (n,):
            raise ValueError(message("weights", must, f"shape {weights.shape}"))
        weights = weights.astype(np.float64)
        is_finite = float(weights.max()) * n < np.inf  # so is their sum
        if not (is_finite and weights.min() >= 0 and weights[kept].any()):
            must += ", with a positive one among those that are not dropped"
            raise ValueError(message("weights", must, weights.tolist()))
        return weights[kept]

    def _fit(self, X, y, sample_weight):
        y = self._read_target(y)
        check_same_samples(X, y)
        fit_params = {}
        if sample_weight is not None:
            fit_params["sample_weight"] = read_weight(sample_weight, _num_samples(X))
        fitted = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)(
            delayed(clone(member).fit)(X, y, **fit_params) for _, member in self._members()
        )
        self._set_members(fitted)

    # Prediction -----------------------------------------------------------------------------

    def _combine(self, X, known):
        """Return the weighted mean (N, L)."""
        # Summed in one order, so that the mean of ones is 1.
        total, mean = 0.0, 0.0
        for name, member, weight in self._voters():
            total = total + weight
            mean = mean + weight * self._ask(name, member, X, known)
        return mean / total
