"""Labels that a fitted classifier is told by their names, without samples of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy import linalg, sparse
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ..failed_fit import unchanged_if_it_fails
from ..graphs.choose import choose_label_graph
from ..graphs.embeddings import label_vectors
from ..one_model import in_turn

__all__ = ["AddedLabelsMixin", "NoAddedLabels", "with_further"]


class AddedLabelsMixin:
    """Of classifiers that read the vectors of labels by weights that all labels share."""

    module_: Any
    net_: Any
    label_embedding_: Any
    adjacency_: Any

    def _set_labels_of_head(self, adjacency, vectors, *, new_graph):
        """Let the head predict labels of such vectors, those of before first."""
        raise NotImplementedError

    def add_labels(self, names, *, label_graph=None):
        """Let a fitted classifier predict further labels, of which it has seen no sample.

        The network reads their vectors as it does those of the other labels.  A linear skip
        says nothing about them; a model for new labels is better without
        (``linear_skip=False``).  `fit` with ``warm_start=True`` and `partial_fit` are for the
        labels of `fit` alone.

        Parameters
        ----------
        names : list of str
            What the labels are called, of which `label_embedding` makes their vectors: it must
            be `skmlc.inputs.TextFeatures`, `skmlc.graphs.NameVectors`, a function of a list of
            names, or a mapping that has them.
        label_graph : array-like, sparse matrix or networkx graph of all labels, default=None
            Who receives from whom, the new labels last; it replaces that of `fit`, also for the
            labels that were there.  None leaves the new labels without edges.

        Returns
        -------
        self : estimator
            The classifier, with the labels last: in `predict_proba`, in `label_names_` and in
            `classes_`.

        Raises
        ------
        ValueError
            If `label_embedding` has no vectors for them, a label is there already, y was no
            DataFrame, or the network has learned something of single labels that may be known.
        """
        check_is_fitted(self)
        with in_turn():
            added = np.asarray(_vectors_of_names(self, names))
            if self.module_.known_skip is not None:
                raise ValueError(
                    "add_labels needs a classifier that has learned nothing of single known "
                    f"labels: fit {type(self).__name__} with label_masking=False."
                )
            vectors = np.concatenate([self.label_embedding_, added])
            adjacency = with_further(self.adjacency_, np.zeros(len(added)))
            if label_graph is not None:
                adjacency = _graph_with_added(self, label_graph, names)
            with unchanged_if_it_fails(self):
                _set_attributes(self, names, adjacency, vectors)
                self._set_labels_of_head(
                    adjacency, vectors, new_graph=label_graph is not None
                )
                _extend_skip(self.module_.skip, len(added))
                self.net_.initialize_optimizer()  # of the weights that there are now
        return self


class NoAddedLabels:
    """Stands for `add_labels` where there is none, and says why."""

    def __get__(self, instance, owner):
        raise AttributeError(
            f"{owner.__name__} has no add_labels: it reads each label with weights of its own, "
            "which only samples of that label can teach; MLGCNClassifier and GMMLICClassifier "
            "read the vectors of labels with weights that all share."
        )


def _vectors_of_names(estimator, names):
    """Return the vectors (n_names, E) of labels that a fitted classifier does not have yet."""
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
    first = {name: i for i, name in reversed(list(enumerate(names)))}
    known = set(estimator.label_names_)
    twins = [name for i, name in enumerate(names) if name in known or first[name] < i]
    if twins:
        raise ValueError(f"names must be new; the classifier has {twins[0]!r} already.")


def _graph_with_added(estimator, label_graph, names):
    """Return the graph of all labels, as `adjacency_`, given one whose last ones are new."""
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


def _set_attributes(estimator, names, adjacency, vectors):
    """Set what a fitted classifier knows of its labels, the further ones being last."""
    estimator.label_names_ = np.array([*estimator.label_names_, *names], dtype=object)
    estimator.classes_ = np.arange(len(estimator.label_names_))
    for name in ("threshold_", "_threshold"):
        setattr(estimator, name, _with_means(getattr(estimator, name), len(names)))
    estimator.adjacency_, estimator.label_embedding_ = adjacency, vectors
    # A builder knows the labels of its samples alone.
    estimator.label_graph_, estimator._has_added_labels = None, True


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
