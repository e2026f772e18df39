"""Synthetic multi-label data whose labels depend on each other along a known graph."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from .._spelling import check_choice

DEPENDENCIES = ("copy", "and", "xor")


def make_label_graph_classification(
    n_samples=1000,
    n_features=20,
    n_labels=10,
    *,
    label_graph=None,
    n_parents=2,
    dependency="xor",
    flip=0.05,
    signal=2.0,
    dependent_signal=0.0,
    random_state=None,
):
    r"""Generate labels that depend on other labels along a known directed graph.

    The labels are a Bayesian network. A label without parents is a fair coin; any other
    label is a noisy function of its parents' values:

    .. math::

        y_i &\sim \mathrm{Bernoulli}(1/2) & \text{where } pa(i) = \emptyset \\
        y_i &= g(y_{pa(i)}) \oplus e_i, \quad e_i \sim \mathrm{Bernoulli}(flip)
            & \text{elsewhere}

    with `g` the majority of the parents (``"copy"``: with one parent its copy, ties
    count as 1), their conjunction (``"and"``) or their parity (``"xor"``). Each label
    has one feature of its own, and no other feature says anything about it directly:

    .. math::

        x_i = s_i (2 y_i - 1) + \varepsilon_i, \quad \varepsilon_i \sim N(0, 1)

    where `s_i` is `signal` for labels without parents and `dependent_signal` for the
    others. The features after the first `n_labels` are noise from N(0, 1).

    With ``dependent_signal=0`` the features of a dependent label say nothing about it:
    it is seen in its parents alone. Of the three functions ``"xor"`` is the hard one: a
    dependent label is uncorrelated with every single feature, so a linear model stays at
    chance and any other model has to find the right set of features among all of that
    size, while the graph shows a model where to look. It is a head start and no
    more: given enough samples and time, a large model finds the sets without the graph.
    The gap is wide with three parents, ``n_labels=20`` and ``n_features=40``. With both
    signals small and positive, the best prediction of every label pools the evidence of
    its neighbors in the graph.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    n_features : int, default=20
        Number of features, at least `n_labels`.
    n_labels : int, default=10
        Number of labels.
    label_graph : array-like or sparse matrix of shape (n_labels, n_labels), default=None
        The parents of each label: label j is a parent of label i where
        ``label_graph[i, j] != 0``. It must have no cycles. By default the last
        ``n_labels // 2`` labels have `n_parents` parents each, drawn from the others.
    n_parents : int, default=2
        Number of parents of each dependent label, where `label_graph` is not given.
    dependency : {"copy", "and", "xor"}, default="xor"
        The function of the parents that a dependent label follows.
    flip : float, default=0.05
        Probability that a dependent label is the opposite of what its parents say.
    signal : float, default=2.0
        Strength of the feature of a label without parents.
    dependent_signal : float, default=0.0
        Strength of the feature of a label with parents.
    random_state : int, RandomState instance or None, default=None
        Determines the graph, the labels and the features.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features; feature i belongs to label i, the last ones are noise.
    Y : ndarray of shape (n_samples, n_labels)
        The labels, 0 or 1, as int64.
    adjacency : ndarray of shape (n_labels, n_labels)
        The label graph: 1 where label i depends on (receives from) label j, else 0. For
        messages both ways, which help where dependent labels have evidence of their
        own, take ``np.maximum(adjacency, adjacency.T)``.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or `label_graph` has another shape than
        (n_labels, n_labels) or a cycle.

    Examples
    --------
    >>> from skmlc.datasets import make_label_graph_classification
    >>> X, Y, adjacency = make_label_graph_classification(
    ...     500, n_features=6, n_labels=6, flip=0, random_state=0
    ... )
    >>> X.shape, Y.shape
    ((500, 6), (500, 6))
    >>> a, b = adjacency[5].nonzero()[0]
    >>> Y[:4, [a, b, 5]]  # the third holds where one of the two others does
    array([[1, 0, 1],
           [0, 0, 0],
           [1, 0, 1],
           [1, 1, 0]])
    """
    _check_sizes(n_samples, n_features, n_labels)
    _check_dependency(dependency, flip, signal, dependent_signal)
    rng = check_random_state(random_state)
    if label_graph is None:
        adjacency = _draw_graph(n_labels, n_parents, rng)
    else:
        adjacency = _check_graph(label_graph, n_labels)

    Y = _draw_labels(n_samples, adjacency, _order(adjacency), dependency, flip, rng)
    X = rng.standard_normal((n_samples, n_features))
    has_parents = adjacency.any(axis=1)
    X[:, :n_labels] += np.where(has_parents, dependent_signal, signal) * (2 * Y - 1)
    return X, Y, adjacency


def _check_sizes(n_samples, n_features, n_labels):
    """Raise an error for sizes that are not positive integers, or too few features."""
    sizes = {"n_samples": n_samples, "n_features": n_features, "n_labels": n_labels}
    for name, value in sizes.items():
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be an integer >= 1; got {value!r}.")
    if n_features < n_labels:
        raise ValueError(
            "n_features must be at least n_labels, one feature for each label; got "
            f"n_features={n_features} and n_labels={n_labels}."
        )


def _check_dependency(dependency, flip, signal, dependent_signal):
    """Raise an error for an unknown function and numbers out of range."""
    check_choice(dependency, DEPENDENCIES, "dependency")
    if not isinstance(flip, Real) or not 0 <= flip <= 1:
        raise ValueError(f"flip must be a number from 0 to 1; got {flip!r}.")
    strengths = {"signal": signal, "dependent_signal": dependent_signal}
    for name, value in strengths.items():
        if not isinstance(value, Real) or not np.isfinite(value):
            raise ValueError(f"{name} must be a finite number; got {value!r}.")


def _draw_graph(n_labels, n_parents, rng):
    """Give each of the last labels parents among the first ones."""
    n_roots = n_labels - n_labels // 2
    if not isinstance(n_parents, Integral) or not 1 <= n_parents <= n_roots:
        raise ValueError(
            f"n_parents must be an integer from 1 to {n_roots}, the number of labels "
            f"without parents where n_labels={n_labels}; got {n_parents!r}."
        )
    adjacency = np.zeros((n_labels, n_labels))
    for label in range(n_roots, n_labels):
        adjacency[label, rng.permutation(n_roots)[:n_parents]] = 1
    return adjacency


def _check_graph(label_graph, n_labels):
    """Return the graph as an array of 0 and 1, and check its shape."""
    if sparse.issparse(label_graph):
        label_graph = label_graph.toarray()
    adjacency = (np.asarray(label_graph) != 0).astype(np.float64)
    if adjacency.shape != (n_labels, n_labels):
        raise ValueError(
            f"label_graph must be of shape ({n_labels}, {n_labels}), one row per label; "
            f"got {adjacency.shape}."
        )
    return adjacency


def _order(adjacency):
    """Labels in an order that puts parents before their children."""
    waiting = np.ones(len(adjacency), dtype=bool)
    order = []
    while waiting.any():
        ready = np.flatnonzero(waiting & ~adjacency[:, waiting].any(axis=1))
        if len(ready) == 0:
            raise ValueError(
                "label_graph must have no cycles, as a label's value is drawn after its "
                f"parents'; the labels {np.flatnonzero(waiting).tolist()} are on one or "
                "depend on one."
            )
        order.extend(ready.tolist())
        waiting[ready] = False
    return order


def _draw_labels(n_samples, adjacency, order, dependency, flip, rng):
    """Draw the labels, parents first."""
    Y = rng.randint(2, size=(n_samples, len(adjacency)))  # the roots keep their coins
    for label in order:
        parents = np.flatnonzero(adjacency[label])
        if len(parents) == 0:
            continue
        flipped = rng.random_sample(n_samples) < flip
        Y[:, label] = _combine(Y[:, parents], dependency) ^ flipped
    return Y.astype(np.int64)


def _combine(values, dependency):
    """What the parents' values, (n_samples, n_parents), say about their child."""
    if dependency == "and":
        return values.all(axis=1)
    if dependency == "xor":
        return values.sum(axis=1) % 2 == 1
    return 2 * values.sum(axis=1) >= values.shape[1]
