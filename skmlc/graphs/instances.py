"""Graphs between the instances of a bag: bags to graphs, by nearest neighbors."""

from abc import ABCMeta, abstractmethod
from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.metrics import pairwise_distances
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from ..failed_fit import unchanged_if_it_fails
from ..inputs.containers import Bags, Graphs, Sequences, as_container
from ..inputs.containers.base import offsets_of
from ..parameters import ParameterFields

__all__ = ["KNNInstanceGraph", "SpatialGraph"]

ROWS_AT_ONCE = 1024  # of a large bag's distance matrix


class _NeighborGraph(TransformerMixin, ParameterFields, BaseEstimator, metaclass=ABCMeta):
    """What the builders share: they link each instance of a bag to those near to it.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many neighbors an instance has, itself not among them; in a smaller bag, all
        others. Of two that are equally near, the one earlier in the bag is the nearer.
    mode : {"mutual", "directed"}, default="mutual"
        With "directed" an instance receives from each of its neighbors; with "mutual" only
        from those that have it for a neighbor as well, so that all edges go both ways.
    self_loops : bool, default=False
        Whether each instance receives from itself, too.
    """

    n_neighbors: int = field(default=5, kw_only=False)
    mode: str = "mutual"
    self_loops: bool = False

    _parameter_constraints = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "mode": [StrOptions({"mutual", "directed"})],
        "self_loops": ["boolean"],
    }

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
        object
            The transformer itself.

        Raises
        ------
        ValueError
            If X is not as described.
        """
        with unchanged_if_it_fails(self):
            self._points(self._check_bags(X, reset=True))
        return self

    def transform(self, X):
        """Link the instances of each bag.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features)}
            The bags, with as many features as in `fit`.

        Returns
        -------
        Graphs
            The bags with edges, boxes included; edges that X had are replaced.

        Raises
        ------
        ValueError
            If X is not as described.
        """
        self._validate_params()  # works without fit
        X = self._check_bags(X, reset=False)
        points, metric = self._points(X)
        neighbors = [
            self._link(points[start:stop], metric, i)
            for i, (start, stop) in enumerate(zip(X.offsets[:-1], X.offsets[1:]))
        ]
        edges, edge_offsets = _to_edges(neighbors)
        if self.mode == "mutual":
            edges, edge_offsets = _keep_mutual(edges, edge_offsets, X.offsets)
        return Graphs.from_flat(X.instances, X.offsets, edges, edge_offsets, X.boxes)

    @abstractmethod
    def _points(self, X):
        """Return where all instances are (M, P), and the metric between them."""

    def _link(self, points, metric, i):
        """Return from whom each instance of bag i receives, (n_instances, n_sources)."""
        try:
            neighbors = _nearest_neighbors(points, self.n_neighbors, metric)
        except ValueError as error:
            raise ValueError(f"The distances of bag {i} are not usable: {error}") from error
        if not self.self_loops:
            return neighbors
        return np.column_stack([np.arange(len(points)), neighbors])

    def _check_bags(self, X, *, reset):
        """Return X as `Bags` of the number of features seen in fit."""
        X = as_container(X)
        if isinstance(X, Bags):
            return validate_data(self, X, skip_check_array=True, reset=reset)
        if isinstance(X, Sequences):
            raise TypeError(
                "X must be bags, a list of one matrix per sample; got Sequences."
            )
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=reset)
        return Bags.from_flat(X, np.arange(len(X) + 1))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        return tags


class KNNInstanceGraph(_NeighborGraph):
    """Link each instance of a bag to its nearest neighbors in the bag.

    Parameters
    ----------
    metric : {str, callable}, default="euclidean"
        The distance of two instances: a name that
        :func:`sklearn.metrics.pairwise_distances` knows, or a function of two vectors.
    **inherited
        Those that both builders share: see `_NeighborGraph`.

    Attributes
    ----------
    n_features_in_ : int
        The number of features of an instance.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        The columns of X, where it was a DataFrame.

    See Also
    --------
    SpatialGraph : Links instances whose boxes are near each other.

    References
    ----------
    H. Su et al., "Graph based Label Enhancement for Multi-instance Multi-label Learning",
    arXiv:2304.10705, equation 2 (mutual neighbors).

    Examples
    --------
    >>> from skmlc.graphs import KNNInstanceGraph
    >>> bag = [[0.0], [1.0], [3.0]]
    >>> KNNInstanceGraph(n_neighbors=1).fit_transform([bag]).edges
    array([[0, 1],
           [1, 0]])
    >>> KNNInstanceGraph(n_neighbors=1, mode="directed").fit_transform([bag]).edges
    array([[0, 1, 2],
           [1, 0, 1]])
    """

    metric: str = "euclidean"

    _parameter_constraints = {
        "metric": [str, callable],
    }

    def _points(self, X):
        return X.instances, self.metric


class SpatialGraph(_NeighborGraph):
    """Link each instance of a bag to those whose boxes are next to its own.

    Near are boxes whose centers are, by Euclidean distance.

    Parameters
    ----------
    image_size : tuple of float, default=None
        Width and height of the images, by which the boxes are divided; so that in a wide
        image a step across counts less than a step down. None to leave boxes as they are.
    **inherited
        Those that both builders share: see `_NeighborGraph`.

    Attributes
    ----------
    n_features_in_ : int
        The number of features of an instance.

    See Also
    --------
    KNNInstanceGraph : Links similar instances.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.graphs import SpatialGraph
    >>> from skmlc.inputs import Bags
    >>> boxes = np.array([[0, 0, 2, 2], [8, 0, 10, 2], [2, 0, 4, 2]])
    >>> X = Bags([np.ones((3, 2))], boxes=boxes)
    >>> SpatialGraph(n_neighbors=1).fit_transform(X).edges
    array([[0, 2],
           [2, 0]])
    """

    image_size: Any = None

    _parameter_constraints = {
        "image_size": ["array-like", None],
    }

    def _points(self, X):
        size = np.asarray((1.0, 1.0) if self.image_size is None else self.image_size)
        if size.shape != (2,) or size.dtype.kind not in "iuf" or not (size > 0).all():
            raise ValueError(
                "image_size must be None or width and height, both above 0; got "
                f"{self.image_size!r}."
            )
        if X.boxes is None:
            raise ValueError(
                "X must be Bags with boxes, x0, y0, x1, y1 of each instance; got none: "
                "make them with Bags(bags, boxes=boxes)."
            )
        return (X.boxes[:, :2] + X.boxes[:, 2:]) / 2 / size, "euclidean"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = False
        return tags


def _nearest_neighbors(points, n_neighbors, metric):
    """Return the nearest other points of each point (n_points, k), the nearest first."""
    n_neighbors = min(n_neighbors, len(points) - 1)
    if n_neighbors < 1:
        return np.empty((len(points), 0), dtype=np.int64)
    neighbors = []
    for rows in gen_batches(len(points), ROWS_AT_ONCE):
        distances = _distances(points[rows], points, metric)
        if not np.isfinite(distances).all():
            raise ValueError(f"the metric {metric!r} gives NaN or infinity.")
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        neighbors.append(np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors])
    return np.concatenate(neighbors)


def _distances(rows, points, metric):
    """Return the distances of some points to all points."""
    if metric == "euclidean":
        # scikit-learn's subtracts squares, which loses ties and all that is far from zero.
        return cdist(rows, points)
    return pairwise_distances(rows, points, metric=metric)


def _to_edges(neighbors):
    """Return the edges to each instance from its neighbors, and the edge offsets."""
    receivers = [np.repeat(np.arange(len(n)), n.shape[1]) for n in neighbors]
    sources = [n.ravel() for n in neighbors]
    none = np.empty(0, dtype=np.int64)
    edges = np.stack([np.concatenate([none, *receivers]), np.concatenate([none, *sources])])
    return edges, offsets_of([len(source) for source in sources])


def _keep_mutual(edges, edge_offsets, offsets):
    """Keep the edges whose reverse is an edge, too."""
    graph = np.repeat(np.arange(len(offsets) - 1), np.diff(edge_offsets))
    longest = np.diff(offsets).max(initial=1)
    receiver, source = edges
    there = (offsets[graph] + receiver) * longest + source
    back = (offsets[graph] + source) * longest + receiver
    kept = np.isin(there, back)
    return edges[:, kept], np.concatenate([[0], np.cumsum(kept)])[edge_offsets]
