"""Hausdorff distances between bags, block by block, and a transformer that gives them.

Blocks of bags of similar size are compared with one matrix product each. Between nearly
equal instances a product is not exact enough; there, differences take its place.
"""

from contextlib import nullcontext
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from ..._spelling import did_you_mean
from ...parameters import ParameterFields
from ..validation import as_bags, validate_bags

__all__ = ["HAUSDORFF", "BagDistances", "bag_distances"]

HAUSDORFF = ("max", "average", "min", "mean")
MAX_SIDE = 1024  # instances per block: its square takes 8 MB, which a cache may hold
# Where a squared distance is a smaller share of the squared lengths than this, the product
# |a|^2 - 2ab + |b|^2 has lost too many of its sixteen digits.
NEAR = 1e-6


def bag_distances(X, Y=None, *, metric="max", n_jobs=None):
    """Return the Hausdorff distances between bags.

    With :math:`d(a, B)` the Euclidean distance of an instance a to the nearest instance of
    a bag B, the distances of two bags A and B are

    - "max": the largest of all :math:`d(a, B)` and :math:`d(b, A)`,
    - "average": the mean of all :math:`d(a, B)` and :math:`d(b, A)` [1]_,
    - "min": the smallest of them,
    - "mean": the mean of these three.

    All are symmetric, and zero from a bag to itself. Only "max" obeys the triangle
    inequality; "min" is zero as soon as two bags share an instance, the others only where
    every instance of either bag is in the other.

    Parameters
    ----------
    X : {Bags, list of array-like of shape (n_instances, n_features), array-like of shape \
            (n_bags, n_features)}
        The bags; the rows of a matrix are bags of one instance. Scale the features first.
    Y : {Bags, list of array-like of shape (n_instances, n_features), array-like of shape \
            (n_others, n_features)}, default=None
        The other bags; None compares those of X with each other, at half the cost.
    metric : {"max", "average", "min", "mean"} or sequence of these, default="max"
        Which distance. Several take the time of one.
    n_jobs : int, default=None
        How many threads compare bags; None is one thread, and -1 one for each core.

    Returns
    -------
    ndarray of shape (n_bags, n_others) or (n_metrics, n_bags, n_others)
        The distances, float64; one matrix per metric where `metric` is a sequence.

    Raises
    ------
    ValueError
        If X or Y is not as described, they differ in the number of features, numbers are too
        large to be squared, or a metric is not known.

    Notes
    -----
    The time grows with the product of the numbers of instances and with the number of
    features. Beside the result, each thread needs memory for about three blocks of 8 MB, or
    less if scikit-learn's `working_memory` is. The distances agree to about nine digits with
    those of differences in double precision, also between instances that are nearly equal.

    References
    ----------
    .. [1] Zhang and Zhou, "Multi-instance clustering with applications to multi-instance
       prediction", Applied Intelligence 31, 2009.

    Examples
    --------
    >>> from skmlc.inputs import bag_distances
    >>> X = [[[0.0], [1.0]], [[1.0], [5.0]]]
    >>> bag_distances(X)
    array([[0., 4.],
           [4., 0.]])
    >>> bag_distances(X, metric=["average", "min"])[:, 0, 1]
    array([1.25, 0.  ])
    """
    metrics = _check_metrics(metric)
    X, Y = as_bags(X), None if Y is None else as_bags(Y, "Y")
    if Y is not None and Y.shape[1] != X.shape[1]:
        raise ValueError(
            f"Y must have the {X.shape[1]} features of X; got {Y.shape[1]} features."
        )
    # Seen from the center lengths are small, and with them what products lose.
    center, side = X.instances.mean(axis=0, dtype=np.float64), _block_side()
    rows = _make_blocks(X, center, side, "X")
    columns = rows if Y is None else _make_blocks(Y, center, side, "Y")
    out = np.empty((len(metrics), len(X), len(X if Y is None else Y)))
    several = effective_n_jobs(n_jobs) > 1
    # Threads inside the products would only be in the way of those that compare blocks.
    with threadpool_limits(1, user_api="blas") if several else nullcontext():
        Parallel(n_jobs=n_jobs, prefer="threads", require="sharedmem")(
            delayed(_fill)(out, metrics, block, columns[i:], mirror=True)
            if Y is None
            else delayed(_fill)(out, metrics, block, columns, mirror=False)
            for i, block in enumerate(rows)
        )
    return out[0] if isinstance(metric, str) else out


def _check_metrics(metric):
    """Return the metrics as a list."""
    metrics = [metric] if isinstance(metric, str) else list(metric)
    unknown = [word for word in metrics if word not in HAUSDORFF]
    if unknown or not metrics:
        hint = did_you_mean(next(iter(unknown), None), HAUSDORFF)
        raise ValueError(
            f"metric must be one or more of {', '.join(HAUSDORFF)}; got "
            f"{unknown or 'none'}. {hint}".rstrip()
        )
    return metrics


def _block_side():
    """Return how many instances a block may have: three of its squares fit into memory."""
    numbers = get_config()["working_memory"] * 2**20 / 8
    return int(np.clip(np.sqrt(numbers / 3), 16, MAX_SIDE))


@dataclass(frozen=True)
class _Block:
    """Some bags of similar size, padded by repeating their last instance.

    Entry (s, i) of an array is instance s of bag i, so that the smallest over the instances
    of all bags is that of a few long rows. Letters: S instances, n bags, F features.
    """

    bags: np.ndarray  # (n,), which of all bags these are
    lengths: np.ndarray  # (n,)
    instances: np.ndarray  # all instances of all bags, as they came
    index: np.ndarray  # (S, n), where in `instances`
    points: np.ndarray  # (S, n, F), seen from the center
    squares: np.ndarray  # (S, n), squared lengths of the points
    side: int  # how many instances may be compared at once

    @property
    def parts(self):
        """The slices of instances that are compared at once: all, but for large bags."""
        n_instances, step = len(self.index), max(1, self.side // len(self.bags))
        starts = range(0, n_instances, step)
        return [slice(start, min(start + step, n_instances)) for start in starts]

    def squared_distances(self, part, other, other_part):
        """Return squared distances (s, n, t, m) to the instances of another block."""
        a, b = self.points[part], other.points[other_part]
        a2, b2 = self.squares[part][..., None], other.squares[other_part][..., None]
        # One product gives all of a^2 - 2ab + b^2.
        left = np.concatenate([-2 * a, a2, np.ones_like(a2)], axis=2)  # (s, n, F + 2)
        right = np.concatenate([b, np.ones_like(b2), b2], axis=2)  # (t, m, F + 2)
        product = left.reshape(-1, left.shape[2]) @ right.reshape(-1, right.shape[2]).T
        return product.reshape(a.shape[:2] + b.shape[:2])


def _make_blocks(bags, center, side, name):
    """Return the bags in blocks of about `side` instances, the smallest bags first."""
    order = np.argsort(bags.lengths, kind="stable")
    lengths, blocks, start = bags.lengths[order], [], 0
    while start < len(order):
        padded = lengths[start : start + side]
        padded = padded * np.arange(1, len(padded) + 1)
        stop = start + max(1, np.searchsorted(padded, side, side="right"))
        chosen, sizes = order[start:stop], lengths[start:stop]
        position = np.minimum(np.arange(sizes[-1])[:, None], sizes - 1)
        index = bags.offsets[chosen] + position
        points = bags.instances[index] - center
        with np.errstate(over="ignore"):
            squares = np.einsum("snf,snf->sn", points, points)
        if not np.isfinite(squares).all():
            raise ValueError(
                f"{name} must hold numbers whose squares are finite; got numbers up to "
                f"{np.abs(bags.instances).max():.2g}."
            )
        blocks.append(_Block(chosen, sizes, bags.instances, index, points, squares, side))
        start = stop
    return blocks


def _fill(out, metrics, block, others, mirror):
    """Write the distances of the bags of one block to those of others."""
    for other in others:
        results = _hausdorff(block, other)
        for matrix, metric in zip(out, metrics):
            distances = results[metric]  # (n, m)
            if other is block:
                # Sums in another order differ in the last digit.
                distances = (distances + distances.T) / 2
            matrix[np.ix_(block.bags, other.bags)] = distances
            if mirror:
                matrix[np.ix_(other.bags, block.bags)] = distances.T


def _hausdorff(block, other):
    """Return all distances (n, m) between the bags of two blocks, by name."""
    forth, back = _Nearest(block, other), _Nearest(other, block)
    parts, other_parts, waiting = block.parts, other.parts, {}
    for part in parts:
        nearest = None
        for j, other_part in enumerate(other_parts):
            squared = block.squared_distances(part, other, other_part)  # (s, n, t, m)
            nearest = _minimum(nearest, squared.min(axis=2))  # (s, n, m)
            waiting[j] = _minimum(waiting.get(j), squared.min(axis=0))  # (n, t, m)
            # Handed on once it is complete: never are all (n, t, m) kept for n > 1.
            if part is parts[-1]:
                back.add(other_part, waiting.pop(j).transpose(1, 2, 0))  # (t, m, n)
        forth.add(part, nearest)
    n_distances = block.lengths[:, None] + other.lengths
    results = {
        "max": np.sqrt(np.maximum(forth.largest, back.largest.T)),
        "average": (forth.total + back.total.T) / n_distances,
        "min": np.sqrt(forth.smallest),
    }
    return {**results, "mean": sum(results.values()) / 3}


def _minimum(a, b):
    """Return the smaller of each two entries, where a may be None."""
    return b if a is None else np.minimum(a, b, out=a)


class _Nearest:
    """What is kept of the distances of the instances of one block to the bags of another."""

    def __init__(self, block, other):
        self.block, self.other = block, other
        shape = (len(block.bags), len(other.bags))
        self.largest, self.total = np.zeros(shape), np.zeros(shape)  # of squares; of roots
        self.smallest = np.full(shape, np.inf)
        self._longest = other.squares.max(axis=0)  # (m,)

    def add(self, part, squared):
        """Take in the squared distances (s, n, m) of some instances of each bag."""
        self._refine(part, squared)
        np.maximum(self.largest, squared.max(axis=0), out=self.largest)
        np.minimum(self.smallest, squared.min(axis=0), out=self.smallest)
        position = np.arange(part.start, part.stop)[:, None]
        is_padding = position >= self.block.lengths  # (s, n)
        squared[is_padding] = 0  # which a sum must not count
        self.total += np.sqrt(squared).sum(axis=0)

    def _refine(self, part, squared):
        """Compute the distances that are too small for products from differences."""
        lengths = self.block.squares[part][:, :, None] + self._longest
        places = np.nonzero(squared <= NEAR * lengths)
        instances, index = self.block.instances, self.other.index
        at_once = max(1, self.block.side**2 // 8 // (len(index) * instances.shape[1]))
        for start in range(0, len(places[0]), at_once):
            s, n, m = (place[start : start + at_once] for place in places)
            a = instances[self.block.index[part][s, n]]  # (at_once, F)
            b = self.other.instances[index[:, m]]  # (t, at_once, F)
            difference = np.subtract(b, a, dtype=np.float64)
            distances = np.einsum("tkf,tkf->tk", difference, difference).min(axis=0)
            squared[s, n, m] = distances


class BagDistances(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ParameterFields, BaseEstimator
):
    """Turn bags into their distances to the bags seen in `fit`.

    Before any estimator with ``metric="precomputed"``, such as
    :class:`sklearn.neighbors.KNeighborsClassifier`, it makes that estimator one of bags;
    before others the distances are features.

    Parameters
    ----------
    metric : {"max", "average", "min", "mean"}, default="max"
        Which Hausdorff distance, see :func:`bag_distances`.
    n_jobs : int, default=None
        How many threads compare bags; None is one thread, and -1 one for each core.

    Attributes
    ----------
    bags_ : Bags
        The bags seen in `fit`.
    n_features_in_ : int
        The number of features of an instance.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, where X is a DataFrame with names.

    See Also
    --------
    bag_distances : The same as a function, for several distances at once.
    BagScaler : Scale the instances first.

    Examples
    --------
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmlc.inputs import BagDistances
    >>> X = [[[0.0], [1.0]], [[0.2]], [[7.0], [9.0]]]
    >>> neighbor = KNeighborsClassifier(1, metric="precomputed")
    >>> model = make_pipeline(BagDistances("average"), neighbor).fit(X, [0, 0, 1])
    >>> model.predict([[[0.5], [8.0], [8.5]]])
    array([1])
    """

    metric: str = field(default="max", kw_only=False)
    n_jobs: Any = None

    _parameter_constraints = {
        "metric": [StrOptions(set(HAUSDORFF))],
        "n_jobs": [Integral, None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Keep the bags.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        self : BagDistances
            The fitted transformer.
        """
        self.bags_ = validate_bags(self, X, reset=True)
        return self

    def fit_transform(self, X, y=None):
        """Keep the bags and return the distances between them.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags; the rows of a matrix are bags of one instance.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of shape (n_samples, n_samples)
            The distances, symmetric and with a diagonal of zeros; in half the time of `fit`
            and `transform`.
        """
        return bag_distances(self.fit(X).bags_, metric=self.metric, n_jobs=self.n_jobs)

    def transform(self, X):
        """Return the distances to the bags seen in `fit`.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_bags_in_fit)
            The distances.
        """
        check_is_fitted(self)
        X = validate_bags(self, X, reset=False)
        return bag_distances(X, self.bags_, metric=self.metric, n_jobs=self.n_jobs)

    @property
    def _n_features_out(self):
        """The number of bags seen in `fit`, for the names of the columns."""
        return len(self.bags_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
