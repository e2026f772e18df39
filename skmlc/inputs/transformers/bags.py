"""Transformers of bags: scaling of their instances, and tables of statistics."""

from dataclasses import field
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context, clone
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
)

from ..._spelling import did_you_mean
from ...parameters import ParameterFields
from ..containers import Bags
from ..validation import validate_bags

__all__ = ["BagPooling", "BagScaler"]

SCALERS = {"standard": StandardScaler, "minmax": MinMaxScaler, "norm": Normalizer}


class BagScaler(
    TransformerMixin, ParameterFields, BaseEstimator, auto_wrap_output_keys=None
):
    """Scale the instances of bags, each feature over all instances.

    Methods that measure distances between instances need features of similar size.

    Parameters
    ----------
    scaler : {"standard", "minmax", "norm"} or transformer, default="standard"
        "standard" gives each feature mean zero and variance one, "minmax" brings it to the
        range from zero to one, "norm" gives each instance length one. Any transformer of a
        matrix with one row per instance does, also one that changes the number of features
        such as :class:`sklearn.decomposition.PCA`; it is cloned.

    Attributes
    ----------
    scaler_ : transformer
        The transformer, fitted to the instances of all bags; each instance counts once,
        so that a bag counts by its size.
    n_features_in_ : int
        The number of features of an instance.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, where X is a DataFrame with names.

    See Also
    --------
    BagPooling : Turn bags into a table.
    BagDistances : Distances to the bags seen in `fit`.

    Examples
    --------
    >>> from skmlc.inputs import BagScaler
    >>> X = [[[0.0, 100.0], [2.0, 300.0]], [[4.0, 200.0]]]
    >>> scaled = BagScaler("minmax").fit_transform(X)
    >>> scaled
    Bags(n_samples=2, n_features=2, 1-2 instances per bag)
    >>> scaled[0]
    array([[0. , 0. ],
           [0.5, 1. ]])
    """

    scaler: str = field(default="standard", kw_only=False)

    _parameter_constraints = {
        "scaler": [StrOptions(set(SCALERS)), HasMethods(["fit", "transform"])],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the scaler to the instances of all bags.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : BagScaler
            The fitted transformer.
        """
        X = validate_bags(self, X, reset=True)
        named = isinstance(self.scaler, str)
        scaler = SCALERS[self.scaler]() if named else clone(self.scaler)
        self.scaler_ = scaler.fit(X.instances)
        return self

    def transform(self, X):
        """Scale the instances of bags.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`.

        Returns
        -------
        Bags
            The bags with scaled instances, boxes included.

        Raises
        ------
        ValueError
            If `scaler` gives anything but a dense matrix of one row per instance.
        """
        check_is_fitted(self)
        X = validate_bags(self, X, reset=False)
        instances = self.scaler_.transform(X.instances)
        if sparse.issparse(instances) or np.shape(instances)[:1] != (len(X.instances),):
            raise ValueError(
                "scaler must give a dense matrix of one row per instance; got "
                f"{type(instances).__name__} of shape {np.shape(instances)} for "
                f"{len(X.instances)} instances."
            )
        return Bags.from_flat(instances, X.offsets, X.boxes)

    @available_if(lambda self: hasattr(self.scaler_, "get_feature_names_out"))
    def get_feature_names_out(self, input_features=None):
        """Return the names of the scaled features.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the features; by default those seen in `fit`, or ``x0``, ``x1`` and
            so on.

        Returns
        -------
        ndarray of str
            What `scaler_` calls its features.
        """
        return self.scaler_.get_feature_names_out(
            _check_feature_names_in(self, input_features)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


class BagPooling(TransformerMixin, ParameterFields, BaseEstimator):
    """Turn each bag into one row of a table: statistics of its instances.

    With it any multi-label classifier takes bags. The mean, maximum and minimum before a
    linear classifier make a baseline that is hard to beat.

    Parameters
    ----------
    statistics : str or sequence of str, default=("mean",)
        What is computed of each feature over the instances of a bag, one after another:
        "mean", "max", "min", "sum" or "std" (over n, so that it is zero for one instance);
        "count" is a single column, the number of instances.

    Attributes
    ----------
    n_features_in_ : int
        The number of features of an instance.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, where X is a DataFrame with names.

    See Also
    --------
    BagScaler : Scale the instances first.
    BagDistances : Another table, of distances between bags.

    Examples
    --------
    >>> from skmlc.inputs import BagPooling
    >>> X = [[[0.0, 1.0], [2.0, 5.0]], [[4.0, 2.0]]]
    >>> pooling = BagPooling(["mean", "max"]).fit(X)
    >>> pooling.transform(X)
    array([[1., 3., 2., 5.],
           [4., 2., 4., 2.]])
    >>> pooling.get_feature_names_out().tolist()
    ['mean_x0', 'mean_x1', 'max_x0', 'max_x1']
    """

    statistics: Any = field(default=("mean",), kw_only=False)

    _parameter_constraints = {"statistics": [str, list, tuple]}

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check X; nothing is learned.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : BagPooling
            The transformer itself.

        Raises
        ------
        ValueError
            If `statistics` is empty or has a word that is not known.
        """
        self._check_statistics()
        validate_bags(self, X, reset=True)
        return self

    def transform(self, X):
        """Compute the statistics of each bag.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            The table, float32 if the instances are and otherwise float64.
        """
        check_is_fitted(self)
        X = validate_bags(self, X, reset=False)
        columns = [STATISTICS[name](X) for name in self._check_statistics()]
        return np.hstack(columns, dtype=X.instances.dtype, casting="same_kind")

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of the table.

        Parameters
        ----------
        input_features : array-like of str, default=None
            The names of the features; by default those seen in `fit`, or ``x0``, ``x1`` and
            so on.

        Returns
        -------
        ndarray of str
            Such as ``mean_x0``.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        columns = []
        for word in self._check_statistics():
            columns += [word] if word == "count" else [f"{word}_{name}" for name in names]
        return np.array(columns, dtype=object)

    def _check_statistics(self):
        """Return the words of `statistics` as a list."""
        words = self.statistics
        words = [words] if isinstance(words, str) else list(words)
        unknown = [word for word in words if word not in STATISTICS]
        if unknown or not words:
            hint = did_you_mean(next(iter(unknown), None), STATISTICS)
            raise ValueError(
                f"statistics must be one or more of {', '.join(STATISTICS)}; got "
                f"{unknown or 'none'}. {hint}".rstrip()
            )
        return words

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _sum(X):
    """Return the sum over each bag, in double precision."""
    return np.add.reduceat(X.instances, X.offsets[:-1], axis=0, dtype=np.float64)


def _mean(X):
    """Return the mean of each bag."""
    return _sum(X) / X.lengths[:, None]


def _std(X):
    """Return the standard deviation of each bag, from differences to its mean."""
    squares = (X.instances - np.repeat(_mean(X), X.lengths, axis=0)) ** 2
    return np.sqrt(np.add.reduceat(squares, X.offsets[:-1], axis=0) / X.lengths[:, None])


STATISTICS = {
    "mean": _mean,
    "max": lambda X: np.maximum.reduceat(X.instances, X.offsets[:-1], axis=0),
    "min": lambda X: np.minimum.reduceat(X.instances, X.offsets[:-1], axis=0),
    "std": _std,
    "sum": _sum,
    "count": lambda X: X.lengths[:, None].astype(np.float64),
}
