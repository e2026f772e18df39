"""What scikit-learn keeps in objects of compiled code, as arrays that are checked.

Compiled code follows the numbers in a tree without looking where they lead: a tree from a file
must not send it out of its arrays.  (skops refuses such trees, for this reason.)
"""

import re

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn._loss import _loss
from sklearn.ensemble import BaseEnsemble
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import (
    BaseHistGradientBoosting,
)
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.linear_model import _sgd_fast
from sklearn.neighbors import BallTree, KDTree
from sklearn.neighbors._ball_tree import BallTree32
from sklearn.neighbors._kd_tree import KDTree32
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import NODE_DTYPE, Tree

from ._arrays import Malformed

__all__ = ["COMPILED", "check_estimator"]

_NEIGHBORS = (KDTree, KDTree32, BallTree, BallTree32)
_METRICS = {
    "EuclideanDistance": "euclidean",
    "ManhattanDistance": "manhattan",
    "ChebyshevDistance": "chebyshev",
    "MinkowskiDistance": "minkowski",
}


# Decision trees -----------------------------------------------------------------------------


def _describe_tree(tree):
    _, (n_features, n_classes, n_outputs), state = tree.__reduce__()
    return {
        "n_features": int(n_features),
        "n_classes": np.asarray(n_classes),
        "n_outputs": int(n_outputs),
        "max_depth": int(state["max_depth"]),
        "nodes": _columns(state["nodes"]),
        "values": state["values"],
    }


def _build_tree(state):
    nodes = _structured(state["nodes"], NODE_DTYPE)
    n, n_features = len(nodes), _size(state["n_features"])
    children = [nodes["left_child"], nodes["right_child"]]
    inner = _check_children(children, children[0] != -1, nodes["feature"], n_features)
    if (children[1][~inner] != -1).any():
        raise Malformed("a tree has a node with one child")
    n_classes = np.ascontiguousarray(state["n_classes"], dtype=np.intp)
    n_outputs = _size(state["n_outputs"])
    values = np.ascontiguousarray(state["values"], dtype=np.float64)
    if n_classes.shape != (n_outputs,) or n_outputs == 0 or n_classes.min() < 1:
        raise Malformed("a tree has no outputs")
    if values.shape != (n, n_outputs, n_classes.max()):
        raise Malformed("a tree has values of a wrong shape")
    tree = Tree(n_features, n_classes, n_outputs)
    tree.__setstate__(
        {
            "max_depth": _size(state["max_depth"]),
            "node_count": n,
            "nodes": nodes,
            "values": values,
        }
    )
    return tree


def _check_children(children, inner, features, n_features):
    """Return which nodes have children; these must come after them, so that walks end."""
    n = len(inner)
    if n == 0:
        raise Malformed("a tree has no nodes")
    for child in children:
        places = child[inner].astype(np.int64)
        if (places <= np.flatnonzero(inner)).any() or (places >= n).any():
            raise Malformed("a tree has a child that is not after its parent")
    features = features[inner].astype(np.int64)
    if (features < 0).any() or (features >= n_features).any():
        raise Malformed("a tree asks for a feature that is not there")
    return inner


def _describe_predictor(predictor):
    state = dict(vars(predictor))
    return {**state, "nodes": _columns(state["nodes"])}


def _build_predictor(state):
    nodes = _structured(state["nodes"], PREDICTOR_RECORD_DTYPE)
    bitsets = [state["binned_left_cat_bitsets"], state["raw_left_cat_bitsets"]]
    inner = nodes["is_leaf"] == 0
    _check_children(
        [nodes["left"], nodes["right"]], inner, nodes["feature_idx"], np.iinfo(np.int64).max
    )
    categorical = nodes["bitset_idx"][inner & (nodes["is_categorical"] != 0)]
    for bits in bitsets:
        if not isinstance(bits, np.ndarray) or bits.dtype != np.uint32 or bits.ndim != 2:
            raise Malformed("a tree has no sets of categories")
        if bits.shape[1] != 8 or (categorical >= len(bits)).any():
            raise Malformed("a tree asks for categories that are not there")
    return TreePredictor(nodes, *map(np.ascontiguousarray, bitsets))


def _columns(records):
    return {name: np.ascontiguousarray(records[name]) for name in records.dtype.names}


def _structured(columns, dtype):
    """Return records of columns, which this version of scikit-learn must have as well."""
    dtype = np.dtype(dtype)
    if not isinstance(columns, dict) or set(columns) != set(dtype.names):
        raise Malformed("its trees are those of another version of scikit-learn")
    n = len(columns[dtype.names[0]])
    records = np.zeros(n, dtype)
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or column.dtype != dtype[name]:
            raise Malformed("a tree has values of a wrong type")
        if column.shape != (n,):
            raise Malformed("a tree has columns of different lengths")
        records[name] = column
    return records


def _size(value):
    if type(value) is not int or not 0 <= value < 2**31:
        raise Malformed("a tree has a size that it cannot have")
    return value


# Neighbors -----------------------------------------------------------------------------------


def _describe_neighbors(tree):
    data, _, _, _, leaf_size, *_, metric, weight = tree.__getstate__()
    name = type(metric).__name__.removesuffix("32").removesuffix("64")
    if name not in _METRICS:
        raise TypeError(f"A tree of neighbors with the metric {name} cannot be saved.")
    options = {"p": float(metric.__getstate__()[0])} if name == "MinkowskiDistance" else {}
    return {
        "data": np.asarray(data),
        "leaf_size": int(leaf_size),
        "metric": _METRICS[name],
        "options": options,
        "weight": None if weight is None else np.asarray(weight),
    }


def _build_neighbors(class_):
    """Return what grows the tree again, which gives the same one."""

    def build(state):
        if state["metric"] not in _METRICS.values() or not set(state["options"]) <= {"p"}:
            raise Malformed("a tree of neighbors has an unknown metric")
        return class_(
            state["data"],
            leaf_size=max(1, _size(state["leaf_size"])),
            metric=state["metric"],
            sample_weight=state["weight"],
            **state["options"],
        )

    return build


# Losses ---------------------------------------------------------------------------------------


def _describe_loss(loss):
    reduced = loss.__reduce__()
    arguments = reduced[1] if reduced[0] is type(loss) else reduced[1][2] or ()
    return {"arguments": [float(a) for a in arguments]}


def _build_loss(class_):
    return lambda state: class_(*[float(a) for a in state["arguments"]])


_LOSSES = [
    c
    for module, names in (
        (_loss, r"Cy(?!Loss)\w+"),
        (_sgd_fast, r"\w*(Hinge|Huber|Insensitive)"),
    )
    for name, c in vars(module).items()
    if re.fullmatch(names, name) and isinstance(c, type)
]


# Splines --------------------------------------------------------------------------------------


def _describe_spline(spline):
    return {
        "knots": spline.t,
        "coefficients": spline.c,
        "degree": int(spline.k),
        "extrapolate": spline.extrapolate,
        "axis": int(spline.axis),
    }


def _build_spline(state):
    extrapolate = state["extrapolate"]
    if extrapolate != "periodic":
        extrapolate = bool(extrapolate)
    try:
        return BSpline(
            state["knots"], state["coefficients"], _size(state["degree"]),
            extrapolate=extrapolate, axis=_size(state["axis"]),
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise Malformed("a spline has arrays that do not fit together") from error


# By class: the name in a file, what describes an object, what makes it again.
COMPILED = {
    Tree: ("tree", _describe_tree, _build_tree),
    TreePredictor: ("tree of histograms", _describe_predictor, _build_predictor),
    **{c: (c.__name__, _describe_neighbors, _build_neighbors(c)) for c in _NEIGHBORS},
    **{c: (c.__name__, _describe_loss, _build_loss(c)) for c in _LOSSES},
    BSpline: ("spline", _describe_spline, _build_spline),
}


# Ensembles ------------------------------------------------------------------------------------


def check_estimator(estimator):
    """Raise an error if compiled code would read beyond X, which has `n_features_in_` columns.

    Parameters
    ----------
    estimator : object
        A scikit-learn estimator from a file.

    Raises
    ------
    Malformed
        If its parts are for more features than X will have.
    """
    state = vars(estimator)
    if isinstance(estimator, BaseDecisionTree) and "tree_" in state:
        tree, n_features = state["tree_"], state.get("n_features_in_")
        if not isinstance(tree, Tree) or tree.n_features != n_features:
            raise Malformed("a tree is for another number of features")
        if tree.n_outputs != state.get("n_outputs_"):
            raise Malformed("a tree has another number of outputs")
    if isinstance(estimator, BaseEnsemble) and "estimators_features_" not in state:
        for part in np.ravel(np.asarray(state.get("estimators_", []), dtype=object)):
            if vars(part).get("n_features_in_") != state.get("n_features_in_"):
                raise Malformed("an ensemble has a part for another number of features")
    if isinstance(estimator, BaseHistGradientBoosting) and "_predictors" in state:
        _check_histograms(state)
    if isinstance(estimator, BaseLibSVM) and "support_vectors_" in state:
        _check_support_vectors(state)


def _check_histograms(state):
    for predictor in [p for stage in state["_predictors"] for p in stage]:
        if not isinstance(predictor, TreePredictor):
            raise Malformed("a boosted ensemble has something else than trees")
        nodes = predictor.nodes
        features = nodes["feature_idx"][nodes["is_leaf"] == 0]
        if (features >= state["n_features_in_"]).any():
            raise Malformed("a tree asks for a feature that is not there")


def _check_support_vectors(state):
    support, vectors = state["support_"], state["support_vectors_"]
    counts, n, n_seen = state["_n_support"], len(support), state["shape_fit_"][0]
    n_classes = len(counts) if "classes_" in state else 2
    given = state["kernel"] == "precomputed" or callable(state["kernel"])
    fits = (
        vectors.shape == ((0, 0) if given else (n, state["n_features_in_"]))
        and support.min(initial=0) >= 0
        and support.max(initial=-1) < n_seen
        and state["_dual_coef_"].shape == (n_classes - 1, n)
        and len(state["_intercept_"]) == n_classes * (n_classes - 1) // 2
    )
    if "classes_" in state:
        fits = fits and counts.min(initial=0) >= 0 and counts.sum() == n
        fits = fits and len(state["classes_"]) == n_classes
    # Whether there are probabilities, which are read without a look at their number.
    asked = state.get("_effective_probability", state.get("probability", False))
    n_given = n_classes * (n_classes - 1) // 2 if asked else 0
    fits = fits and len(state["_probA"]) == len(state["_probB"]) and type(asked) is bool
    fits = fits and len(state["_probA"]) >= n_given
    kinds = {sparse.issparse(vectors), sparse.issparse(state["_dual_coef_"])}
    if kinds != {state["_sparse"]}:
        fits = False
    elif state["_sparse"]:  # of which compiled code reads the entries as of a dense matrix
        fits = fits and state["_dual_coef_"].data.size == (n_classes - 1) * n
        fits = fits and vectors.format == state["_dual_coef_"].format == "csr"
    if not fits:
        raise Malformed("a support vector machine has arrays that do not fit together")
