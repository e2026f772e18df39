"""The base of the multi-instance multi-label methods that are not neural."""

from abc import ABCMeta, abstractmethod
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)

from .._samples import check_same_samples
from ..base.scored_labels import ScoredLabelsMixin
from ..base.shared_parameters import TopLabelParameters
from ..indicators import count_labels, label_prior, read_weight
from ..inputs.containers import Bags, as_container
from ..inputs.transformers.distances import HAUSDORFF, bag_distances
from ..inputs.validation import validate_bags
from ..one_model import fitted_aside, of_one_model
from ..parameters import ParameterFields
from ..targets import encode_target, set_target, validate_target

__all__ = ["BaseBagClassifier", "DistanceParameters", "prior_scores"]


class DistanceParameters(ParameterFields):
    """How bags are compared, for the methods that do so by one distance.

    Parameters
    ----------
    metric : {"max", "average", "min", "mean", "precomputed"}, default="average"
        The Hausdorff distance, see :func:`~skmlc.inputs.bag_distances`. With "precomputed", X
        are distances: between all bags in `fit`, to these in prediction, as
        :class:`~skmlc.inputs.BagDistances` gives them. In a search over the other parameters
        they need not be computed more than once.
    """

    metric: str = "average"

    _parameter_constraints = {"metric": [StrOptions({*HAUSDORFF, "precomputed"})]}


class BaseBagClassifier(
    ScoredLabelsMixin,
    TopLabelParameters,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """What the bag methods share: validation, distances to medoids, prediction.

    A method names its hyper-parameters as fields (`skmlc.parameters`) and implements
    `_fit_bags` and `_scores`. One that compares bags by a Hausdorff distance takes
    `DistanceParameters` too, and gets distances from the methods below; its X are distances
    where `metric` is "precomputed".

    Parameters
    ----------
    n_jobs : int, default=None
        How many threads compare bags; None is one thread, and -1 one for each core.
    random_state : int, RandomState instance or None, default=None
        Which bags are medoids at the start.

    Attributes
    ----------
    classes_ : ndarray
        ``arange(n_labels)`` for an indicator matrix, else the classes.
    label_names_ : ndarray of str
        The columns of y, where it is a DataFrame.
    n_features_in_ : int
        The number of features of an instance.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, where X is a DataFrame with names.
    """

    n_jobs: int | None = None
    random_state: Any = None

    _parameter_constraints = {
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    # For the methods that do not compare bags.
    metric: ClassVar[str | None] = None

    # What a method brings -------------------------------------------------------------------

    @abstractmethod
    def _fit_bags(self, X, Y, sample_weight, rng):
        """Fit the method to `Bags` (or distances), a dense 0/1 matrix and weights (N,)."""

    @abstractmethod
    def _scores(self, X):
        """Return the scores (N, L) of `Bags` (or distances), above zero where a label holds."""

    # Fitting --------------------------------------------------------------------------------

    def fit(self, X, y):
        """Fit the method to bags.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance. With
            ``metric="precomputed"``, where there is such a parameter, the distances between
            them, of shape (n_samples, n_samples).
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels) or \
                (n_samples,)
            A matrix of zeros and ones; or one class per bag, which is read as one label per
            class.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        return self._fit(X, y, None)

    def _fit(self, X, y, sample_weight):
        """Validate and fit; for methods whose `fit` takes weights."""
        self._validate_params()
        with fitted_aside(self) as aside:
            aside._fit_checked(X, y, sample_weight)
        return self

    def _fit_checked(self, X, y, sample_weight):
        X = self._validate_input(X, reset=True)
        name = type(self).__name__
        y, label_names = validate_target(y, allow_missing=False, estimator_name=name)
        check_same_samples(X, y)
        weight = read_weight(sample_weight, X.shape[0])
        target = encode_target(y, label_names, allow_missing=False, sample_weight=weight)
        set_target(self, target)
        Y = target.Y.toarray() if sparse.issparse(target.Y) else target.Y
        self._fit_bags(X, Y, weight, check_random_state(self.random_state))

    def _validate_input(self, X, *, reset):
        """Return X as `Bags`, or as a checked matrix of distances."""
        if self.metric != "precomputed":
            X = validate_bags(self, X, reset=reset)
            _check_squares(X)
            return X
        if isinstance(as_container(X), Bags):
            raise ValueError(
                'X must be a matrix of distances where metric is "precomputed"; got bags, '
                "which skmlc.inputs.BagDistances turns into one."
            )
        try:
            X = validate_data(
                self, X, dtype=np.float64, ensure_non_negative=True, reset=reset
            )
        except ValueError as error:
            if "convert" not in str(error):
                raise
            raise ValueError(
                'X must hold distances, numbers, where metric is "precomputed"; got text: '
                f"{error}."
            ) from error
        if reset and X.shape[0] != X.shape[1]:
            raise ValueError(
                'X must be a square matrix where metric is "precomputed", the distances '
                f"between the bags of fit; got shape {X.shape}."
            )
        return X

    # Distances, for the methods with `metric` and `n_jobs` -----------------------------------

    def _training_distances(self, X):
        """Return the distances (N, N) between the bags of `fit`."""
        if self.metric == "precomputed":
            return X
        return bag_distances(X, metric=self.metric, n_jobs=self.n_jobs)

    def _set_medoids(self, X, rows):
        """Keep some bags of `fit`, for `_medoid_distances`."""
        self.medoid_indices_ = rows
        self.__dict__.pop("medoids_", None)
        if self.metric != "precomputed":
            self.medoids_ = X[rows]

    def _medoid_distances(self, X):
        """Return the distances (N, n_medoids) to the medoids."""
        if self.metric == "precomputed":
            return X[:, self.medoid_indices_]
        return bag_distances(X, self.medoids_, metric=self.metric, n_jobs=self.n_jobs)

    # Prediction -----------------------------------------------------------------------------

    @of_one_model
    def decision_function(self, X, known=None):
        """Return the scores of the labels.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`. With ``metric="precomputed"`` their
            distances to the bags of `fit`, of shape (n_samples, n_samples_in_fit).
        known : None
            The method takes no known labels, and raises an error for any.

        Returns
        -------
        ndarray of shape (n_samples, n_labels)
            Scores, above zero where a label is likelier than not; of shape (n_samples,) if y
            was binary and one-dimensional. `predict_proba` is their logistic function, which
            keeps their order but is not calibrated.
        """
        check_is_fitted(self)
        self._read_known(known, X)
        scores = self._scores(self._validate_input(X, reset=False))
        return scores[:, 0] if self._target_kind == "binary" else scores

    @of_one_model
    def predict(self, X, known=None):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`. With ``metric="precomputed"`` their
            distances to the bags of `fit`, of shape (n_samples, n_samples_in_fit).
        known : None
            The method takes no known labels, and raises an error for any.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            A label is predicted where its score is not below zero, and with `top_label` also
            where it is the highest.
        """
        self._read_known(known, X)
        return self._as_given(self.decision_function(X), 0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.positive_only = self.metric == "precomputed"
        tags.input_tags.three_d_array = self.metric != "precomputed"
        return tags


def prior_scores(Y, sample_weight):
    """Return a score for each label that says how often it holds.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_labels)
        Zeros and ones.
    sample_weight : ndarray of shape (n_samples,)
        How much each sample counts.

    Returns
    -------
    ndarray of shape (n_labels,)
        The logarithm of the odds, counting one sample more with and one without the label:
        finite also where a label never or always holds, and then beyond what others reach.
    """
    positives, known = count_labels(Y, sample_weight)
    return label_prior(positives, known)


def _check_squares(bags):
    """Raise an error if bags hold numbers so large that distances become infinite."""
    limit = np.sqrt(np.finfo(np.float64).max / 4 / max(1, bags.instances.shape[1]))
    largest = np.abs(bags.instances).max(initial=0.0)
    if largest > limit:
        raise ValueError(
            f"X must hold numbers of at most {limit:.2g}, whose squares are finite; got "
            f"numbers up to {largest:.2g}: scale X."
        )
