"""Labels that a fitted classifier is told by their names, without samples of them."""

from collections.abc import Mapping

import numpy as np
import torch
from scipy import linalg, sparse
from torch import nn

from ..failed_fit import unchanged_if_it_fails
from ..graphs.choose import choose_label_graph
from ..graphs.embeddings import label_vectors
from ..training.net import random_seed

__all__ = ["graph_with_added", "set_added_labels", "vectors_of_names", "with_further"]


def vectors_of_names(estimator, names):
    """Return the vectors of labels that a fitted classifier does not have yet.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted, with vectors of its labels.
    names : sequence of str
        What the labels are called.

    Returns
    -------
    ndarray of shape (n_names, n_dimensions)
        Made as those of the other labels.

    Raises
    ------
    ValueError
        If there is nothing to make them of, or the classifier has such a label.
    """
    _check_names(estimator, names)
    builder, given = estimator.label_embedding_builder_, estimator.label_embedding
    if hasattr(builder, "transform"):
        return builder.transform(names)
    if isinstance(given, Mapping):
        options = {"label_names": names, "sample_weight": None}
        return label_vectors(given, np.zeros((0, len(names))), **options)[0]
    raise ValueError(
        "add_labels needs a label_embedding that has vectors of new names: "
        "skmlc.inputs.TextFeatures, skmlc.graphs.NameVectors, a function or a mapping; got "
        f"{given!r}."
    )


def _check_names(estimator, names):
    """Raise an error for what are no new names."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"names must be a list of str; got {names!r}.")
    if not len(names):
        raise ValueError("names must hold at least one name; got none.")
    if not hasattr(estimator, "label_names_"):
        raise ValueError(
            "add_labels needs labels with names: give y as a DataFrame in fit, whose columns "
            "are the labels."
        )
    known = list(estimator.label_names_)
    twins = [name for i, name in enumerate(names) if name in [*known, *names[:i]]]
    if twins:
        raise ValueError(f"names must be new; the classifier has {twins[0]!r} already.")


def graph_with_added(estimator, label_graph, names):
    """Return the graph of all labels.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    label_graph : array-like, sparse matrix, DataFrame or networkx graph
        Of all labels, the new ones last.
    names : sequence of str
        The new ones.

    Returns
    -------
    {ndarray, CSR array} of shape (n_labels, n_labels)
        As `adjacency_`.
    """
    if isinstance(label_graph, str) or hasattr(label_graph, "fit"):
        raise TypeError(
            "label_graph must be None or a matrix of all labels, the new ones last: no sample "
            f"has the new labels, of which a graph could be made; got {label_graph!r}."
        )
    all_names = [*estimator.label_names_, *names]
    return choose_label_graph(
        label_graph, np.zeros((0, len(all_names))), label_names=all_names,
        sample_weight=None, concepts=False,
    )[1]  # fmt: skip


def with_further(matrix, diagonal):
    """Return a matrix of labels with further ones, which have what is on the diagonal.

    Parameters
    ----------
    matrix : {ndarray, CSR array} of shape (n_labels, n_labels)
        Of the labels that there are.
    diagonal : ndarray of shape (n_further,)
        What the further labels receive from themselves; from others they receive nothing.

    Returns
    -------
    {ndarray, CSR array} of shape (n_labels + n_further, n_labels + n_further)
        Sparse where `matrix` is.
    """
    if sparse.issparse(matrix):
        return sparse.csr_array(sparse.block_diag([matrix, sparse.diags_array(diagonal)]))
    return linalg.block_diag(matrix, np.diag(diagonal))


def set_added_labels(estimator, names, *, adjacency, vectors, change_head):
    """Let a fitted classifier have further labels.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Changed in place, or left as it is if this fails.
    names : sequence of str
        What the further labels are called.
    adjacency : {ndarray, CSR array} of shape (n_labels, n_labels)
        The graph of all labels.
    vectors : ndarray of shape (n_labels, n_dimensions)
        The vectors of all labels.
    change_head : callable
        Lets the head of the network predict them.
    """
    n_new = len(names)
    with unchanged_if_it_fails(estimator), random_seed(0):  # new modules draw weights
        estimator.label_names_ = np.array([*estimator.label_names_, *names], dtype=object)
        estimator.classes_ = np.arange(len(estimator.label_names_))
        for name in ("threshold_", "_threshold"):
            setattr(estimator, name, _with_means(getattr(estimator, name), n_new))
        estimator.adjacency_, estimator.label_embedding_ = adjacency, vectors
        # A builder knows the labels of its samples alone.
        estimator.label_graph_, estimator._has_added_labels = None, True
        change_head(estimator.module_.head)
        _extend_skip(estimator.module_.skip, n_new)
        estimator.net_.initialize_optimizer()  # of the weights that there are now


def _with_means(threshold, n_new):
    """Return thresholds with the mean of all for further labels."""
    if not isinstance(threshold, np.ndarray):
        return threshold
    return np.concatenate([threshold, np.full(n_new, threshold.mean())])


@torch.no_grad()
def _extend_skip(skip, n_new):
    """Give a linear skip labels about which it says nothing but their mean frequency."""
    if skip is None:
        return
    weight, bias = skip.weight, skip.bias
    skip.weight = nn.Parameter(torch.cat([weight, weight.new_zeros(len(weight), n_new)], 1))
    skip.bias = nn.Parameter(torch.cat([bias, bias.mean().repeat(n_new)]))
