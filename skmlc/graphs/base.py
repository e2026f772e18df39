"""What all label graph builders share: validation of the labels, names, description."""

import warnings
from abc import ABCMeta, abstractmethod
from dataclasses import dataclass, field
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from ..failed_fit import unchanged_if_it_fails
from ..indicators import read_matrix, read_weight
from ..label_names import column_names, column_order
from ..parameters import ParameterFields
from .counts import LabelCounts
from .edges import entry_rows

__all__ = ["BaseLabelGraph", "GraphDescription", "GraphEdge"]


class GraphEdge(NamedTuple):
    """One edge of a label graph, by name.

    Parameters
    ----------
    receiver, source : str
        The label that receives and the one that it receives from.
    weight : float
        The edge's entry of the adjacency matrix.
    support : float
        The support of the edge, such as a conditional probability; the weight itself
        where a builder knows no more.

    Examples
    --------
    >>> from skmlc.graphs import GraphEdge
    >>> GraphEdge("bicycle", "person", weight=1.0, support=0.66).receiver
    'bicycle'
    """

    receiver: str
    source: str
    weight: float
    support: float


@dataclass(frozen=True)
class GraphDescription:
    """What a label graph looks like; `print` it.

    Parameters
    ----------
    builder : str
        The name of the builder's class.
    n_labels, n_nodes : int
        How many labels there are, and how many nodes with the further concepts.
    n_edges : int
        How many ordered pairs of nodes are connected.
    density : float
        The share of the ordered pairs of different nodes that are connected.
    isolated : tuple of str
        The labels that neither receive from nor send to any other node.
    n_receivers : int
        How many nodes receive from at least one other.
    receivers : tuple of (str, int)
        The nodes that receive from most others, and from how many.
    strongest : tuple of GraphEdge
        The edges with the most support.
    support_name : str
        What the support of an edge is.
    hint : str
        What gives more edges.
    top : int
        How many names and edges the text shows.

    Examples
    --------
    >>> from skmlc.graphs import CooccurrenceGraph
    >>> graph = CooccurrenceGraph().fit([[1, 1, 0], [1, 0, 0]])
    >>> graph.describe().isolated
    ('2',)
    """

    builder: str
    n_labels: int
    n_nodes: int
    n_edges: int
    density: float
    isolated: tuple[str, ...]
    n_receivers: int
    receivers: tuple[tuple[str, int], ...]
    strongest: tuple[GraphEdge, ...]
    support_name: str
    hint: str = field(repr=False)
    top: int = field(repr=False)

    def __str__(self):
        lines = [self._size(), self._isolation()]
        if 2 * len(self.isolated) > self.n_labels:
            lines.append(
                "More than half of the labels are isolated, so the graph can change "
                f"little: {self.hint}."
            )
        if self.receivers:
            most = ", ".join(f"{name} ({count})" for name, count in self.receivers)
            of = "labels" if self.n_nodes == self.n_labels else "nodes"
            lines.append(f"{self.n_receivers} of {self.n_nodes} {of} receive; most: {most}")
        if self.strongest:
            lines.append("Strongest edges, receiver <- source:")
            lines.extend(self._edge_lines())
        return "\n".join(lines)

    def _size(self):
        """Return the line on numbers."""
        further = self.n_nodes - self.n_labels
        concepts = f" and {further} further concepts" if further else ""
        edges = "1 edge" if self.n_edges == 1 else f"{self.n_edges} edges"
        return (
            f"{self.builder}: {self.n_labels} labels{concepts}, {edges} "
            f"(density {self.density:.3g})"
        )

    def _isolation(self):
        """Return the line on labels without edges."""
        count = len(self.isolated)
        if not count:
            return "No label is isolated"
        line = f"{count} of {self.n_labels} labels are isolated"
        if self.top:
            line += ": " + ", ".join(self.isolated[: self.top])
            line += f" and {count - self.top} more" if count > self.top else ""
        return line

    def _edge_lines(self):
        """Yield one line per edge, with its support."""
        arrows = [f"{edge.receiver} <- {edge.source}" for edge in self.strongest]
        width = max(map(len, arrows))
        for arrow, edge in zip(arrows, self.strongest):
            line = f"  {arrow:<{width}}  weight {edge.weight:.3g}"
            if self.support_name != "weight":
                line += f", {self.support_name} {edge.support:.3g}"
            yield line


class BaseLabelGraph(ParameterFields, BaseEstimator, metaclass=ABCMeta):
    """What all builders of label graphs share.

    A builder is fitted on the labels alone and leaves `adjacency_`.  A subclass names its
    parameters as fields, or in an `__init__` of its own, and implements `_build`.

    Examples
    --------
    >>> from skmlc.graphs import BaseLabelGraph, CooccurrenceGraph
    >>> issubclass(CooccurrenceGraph, BaseLabelGraph)
    True
    """

    # What gives more edges, for the text of `describe`.
    _hint = "change the parameters"

    @abstractmethod
    def _build(self, counts):
        """Set `adjacency_` from the counts of the labels."""

    def fit(self, Y, y=None, *, label_names=None, sample_weight=None):
        """Build the graph from the labels.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_samples, n_labels)
            The label indicator matrix of zeros and ones, NaN where an entry is unknown.
            Values between zero and one are read as the degree to which a label holds.
        y : None
            Ignored; here by scikit-learn's convention.
        label_names : sequence of n_labels str, default=None
            What the labels are called; by default the column names of a DataFrame. Where
            these are the same in another order, `label_names` gives the order of the labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts: a weight of two is a row given twice.

        Returns
        -------
        self : BaseLabelGraph
            The fitted builder.

        Raises
        ------
        ValueError
            If a parameter or an argument is not what it should be.
        """
        self._validate_params()
        with unchanged_if_it_fails(self):
            Y, weight = self._validate_labels(Y, label_names, sample_weight)
            counts = LabelCounts.from_indicators(Y, weight)
            self.counts_ = counts.positives()
            self._build(counts)
        return self

    def describe(self, top=10):
        """Say what the graph looks like: size, isolated labels, hubs, strongest edges.

        Parameters
        ----------
        top : int, default=10
            How many hubs, edges and isolated labels to name.

        Returns
        -------
        GraphDescription
            To be printed, or read by its attributes.
        """
        check_is_fitted(self, "adjacency_")
        check_scalar(top, "top", Integral, min_val=0)
        n_nodes, n_edges = self.adjacency_.shape[0], self.adjacency_.nnz
        received = np.diff(self.adjacency_.indptr)
        hubs = np.argsort(-received, kind="stable")[:top]
        names = self._node_names()
        support_name, support = self._support()
        return GraphDescription(
            builder=type(self).__name__,
            n_labels=self.n_features_in_,
            n_nodes=n_nodes,
            n_edges=n_edges,
            density=n_edges / max(n_nodes * (n_nodes - 1), 1),
            isolated=tuple(names[i] for i in self._isolated_labels()),
            n_receivers=int((received > 0).sum()),
            receivers=tuple((names[i], int(received[i])) for i in hubs if received[i]),
            strongest=tuple(self._strongest_edges(support, names, top)),
            support_name=support_name,
            hint=self._hint,
            top=top,
        )

    def make_consistent(self, probabilities):
        """Return predicted probabilities as the graph wants them: here, as they are.

        Parameters
        ----------
        probabilities : array-like of shape (n_samples, n_labels)
            Predicted probabilities.

        Returns
        -------
        array-like of shape (n_samples, n_labels)
            The same object.
        """
        return probabilities

    def follow_from(self, known):
        """Return known labels with those that follow from them: here, none.

        Parameters
        ----------
        known : {ndarray, csr_array} of shape (n_samples, n_labels)
            1 where a label is known to hold, -1 where it is known not to, 0 elsewhere.

        Returns
        -------
        {ndarray, csr_array} of shape (n_samples, n_labels)
            The same object.
        """
        return known

    def _validate_labels(self, Y, label_names, sample_weight):
        """Return the labels as CSR of float64 and the weights, and set the names."""
        matrix = _as_sparse(read_matrix(Y))
        validate_data(self, Y, skip_check_array=True)  # the number and names of columns
        self._check_degrees(matrix.data)
        weight = read_weight(sample_weight, matrix.shape[0])
        self._set_names(label_names)
        columns, names = column_names(Y), self.label_names_
        # Names rename the columns of Y if it has none of them; else they give the order.
        if columns is not None and names is not None and set(columns) & set(names):
            order = column_order(names, columns, name="Y", reference="label_names")
            matrix = matrix if order is None else matrix[:, order]
        return matrix, weight

    def _check_degrees(self, values):
        """Raise an error or a warning for entries that are not degrees between 0 and 1."""
        if (values < 0).any():
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__}: Y must hold 0 "
                f"and 1, and NaN where an entry is unknown; got {np.nanmin(values):g}, write "
                "absent labels as 0."
            )
        largest = np.nanmax(values, initial=0)
        if np.isinf(largest):
            raise ValueError("Y must hold 0 and 1, and NaN where unknown; got infinity.")
        if largest > 1:
            warnings.warn(
                "Y holds values between 0 and 1, the degree to which a label holds, but also "
                f"{largest:g}, which counts as that many samples.",
                UserWarning,
                stacklevel=4,
            )

    def _set_names(self, label_names):
        """Set `label_names_` from the argument or from the columns of a DataFrame."""
        if label_names is None:
            label_names = getattr(self, "feature_names_in_", None)
        if label_names is None:
            self.label_names_ = None
            return
        names = [str(name) for name in label_names]
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"label_names must hold {self.n_features_in_} names, one per label; "
                f"got {len(names)}."
            )
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"label_names must differ from each other; got {twice!r} twice."
            )
        self.label_names_ = names

    def _node_names(self):
        """Return the names of the nodes; their numbers where they have none."""
        return self.label_names_ or [str(i) for i in range(self.n_features_in_)]

    def _support(self):
        """Return the support of the edges: a name, and a CSR laid out as `adjacency_`."""
        return "weight", self.adjacency_

    def _isolated_labels(self):
        """Return the indices of the labels without any edge."""
        received = np.diff(self.adjacency_.indptr)
        sent = np.bincount(self.adjacency_.indices, minlength=len(received))
        return np.flatnonzero((received + sent)[: self.n_features_in_] == 0)

    def _strongest_edges(self, support, names, top):
        """Yield the edges with the most support, by name."""
        receivers, edges = entry_rows(self.adjacency_), self.adjacency_
        for e in np.argsort(-support.data, kind="stable")[:top]:
            yield GraphEdge(
                names[receivers[e]],
                names[edges.indices[e]],
                float(edges.data[e]),
                float(support.data[e]),
            )

    def _label_reader(self, argument):
        """Return a function from a label's name or index to its index.

        `argument` is the parameter that the labels come from, for the error messages.
        """
        n_labels = self.n_features_in_
        index_of = {name: i for i, name in enumerate(self.label_names_ or [])}

        def read(label):
            if isinstance(label, str):
                if label in index_of:
                    return index_of[label]
                known = (
                    "which is not among the label names"
                    if index_of
                    else "but the labels have no names: give label_names, or use indices"
                )
                raise ValueError(f"{argument} holds {label!r}, {known}.")
            if not isinstance(label, Integral) or isinstance(label, bool):
                raise TypeError(
                    f"{argument} must hold names or indices of labels; got {label!r}."
                )
            if not 0 <= label < n_labels:
                raise ValueError(
                    f"{argument} must hold indices from 0 to {n_labels - 1}; got {label}."
                )
            return int(label)

        return read

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.positive_only = True
        return tags


def _as_sparse(matrix):
    """Return a matrix of any numbers as CSR of float64, without a dense one of that type."""
    if not sparse.issparse(matrix):
        # SciPy takes neither half precision nor foreign byte orders.
        is_half = matrix.dtype == np.float16
        dtype = np.dtype(np.float32) if is_half else matrix.dtype.newbyteorder("=")
        matrix = matrix.astype(dtype, copy=False)
    return sparse.csr_array(matrix).astype(np.float64, copy=False)
