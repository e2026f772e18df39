"""Query2Label: labels are queries that read the nodes of a sample through decoder layers.

Liu, Zhang, Yang, Su, Zhu, "Query2Label: A Simple Transformer Way to Multi-Label
Classification", 2021, arXiv:2107.10834.  In each layer the queries attend to each other and
then to the nodes (section 3.2); a label's logit is read from the last state of its query.
With fewer queries than labels, which do not attend to each other, it is ML-Decoder: Ridnik,
Sharir, Ben-Cohen, Ben-Baruch, Noy, WACV 2023, arXiv:2111.12933, section 2.3.
"""

from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.explaining import drop_stand_ins, make_explanation
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import (
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
)
from .base.validation import check_heads, read_input
from .base.weight_memory import attention_bytes
from .graphs.adjacency import count_edges
from .nn.attention import LabelEdges, use_edges
from .nn.dropout import ByteDropout
from .nn.head_output import logits_of
from .nn.known_labels import KnownLabelStates
from .nn.multihead import MultiheadAttention
from .one_model import of_one_model
from .training.net import random_seed
from .training.predict import map_batches, to_numpy

__all__ = ["Query2Label", "Query2LabelClassifier"]


class Query2Label(nn.Module):
    r"""Let queries read the nodes of a sample, to one logit per label.

    .. math::
        q' &= \mathrm{LN}(q + \mathrm{Attention}(q, q)) \\
        q'' &= \mathrm{LN}(q' + \mathrm{Attention}(q', v)) \\
        q''' &= \mathrm{LN}(q'' + W_2\, \mathrm{ReLU}(W_1 q'' + b_1) + b_2)

    in each layer, with :math:`v` the sample's nodes; then
    :math:`\mathrm{logit}_c = w_c \cdot q_c + b_c`.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    hidden_size : int
        The size of a node and of a query, D.
    n_heads : int
        The number of attention heads.
    n_layers : int
        The number of layers.
    dropout : float
        Of attention weights and of what each part of a layer adds.
    adjacency : {ndarray, CSR} of shape (L, L), default=None
        Query i attends to query j where entry (i, j) is not zero, and to itself; None for all.
    n_queries : int, default=None
        The number of queries, Q, each of which stands for L / Q labels, rounded up, and attends
        to nodes alone; None for one for each label.
    takes_known : bool, default=False
        Whether queries start from what is known about their labels, too.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(
        self,
        n_labels,
        *,
        hidden_size,
        n_heads,
        n_layers,
        dropout=0.0,
        adjacency=None,
        n_queries=None,
        takes_known=False,
    ):
        super().__init__()
        self.takes_known, self.n_labels = takes_known, n_labels
        n, grouped = n_queries or n_labels, n_queries is not None
        self.query = nn.Parameter(torch.randn(n, hidden_size))
        self.known_states = KnownLabelStates(hidden_size) if takes_known else None
        self.layers = nn.ModuleList(
            DecoderLayer(hidden_size, n_heads, dropout, among_queries=not grouped)
            for _ in range(n_layers)
        )
        per_query = -(-n_labels // n)
        self.output_vector = nn.Parameter(
            torch.randn(n, per_query, hidden_size) * hidden_size**-0.5
        )
        self.output_bias = nn.Parameter(torch.zeros(n_labels))
        self.edges, apart = None, None
        if adjacency is not None:
            if use_edges(n_labels, count_edges(adjacency) + n_labels):
                self.edges = LabelEdges(adjacency, self_loops=True)
            else:
                apart = _apart(adjacency)
        self.register_buffer("apart", apart, persistent=False)

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are."""
        self.output_bias.data.copy_(prior)

    def forward(self, nodes, known=None):
        """Return the logits of a batch."""
        states = self.states(nodes, known)  # (N, Q, D)
        logits = torch.einsum("nqd,qkd->nqk", states, self.output_vector)
        return logits.flatten(1)[:, : self.n_labels] + self.output_bias  # (N, L)

    def represent(self, nodes):
        """Return the mean of the last states of the queries (N, D)."""
        return self.states(nodes).mean(1)

    def states(self, nodes, known=None, record=None):
        """Return the last states of the queries (N, Q, D); a list gets what they attend to."""
        queries = self.query.expand(nodes.layout.n_samples, -1, -1)  # (N, Q, D)
        if known is not None:
            queries = queries + self.known_states(known)
        states = []
        for group, values in nodes.groups():
            here, padding = queries[group.samples], None  # (n, Q, D)
            if group.mask is not None:
                padding = ~group.mask  # (n, S)
            for t, layer in enumerate(self.layers):
                among = self.apart if self.edges is None else self.edges
                here, weights = layer(here, values, among, padding, record is not None)
                if record is not None:
                    record[t].append(weights)  # (n, H, Q, S)
            states.append(here)
        return torch.cat(states)

    def query_of_label(self):
        """Return which query each label is read from, an ndarray (L,)."""
        return np.arange(self.n_labels) // self.output_vector.shape[1]


class DecoderLayer(nn.Module):
    """A decoder layer of a transformer: queries attend to each other, and then to nodes.

    Parameters
    ----------
    hidden_size, n_heads, dropout : object
        As for `Query2Label`.
    among_queries : bool
        Whether they attend to each other; they do not in ML-Decoder.
    """

    def __init__(self, hidden_size, n_heads, dropout, *, among_queries):
        super().__init__()
        sizes = hidden_size, n_heads, dropout
        self.among_queries = MultiheadAttention(*sizes) if among_queries else None
        self.to_nodes = MultiheadAttention(*sizes)
        self.update = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.ReLU(),
            ByteDropout(dropout),
            nn.Linear(4 * hidden_size, hidden_size),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_size) for _ in range(3))
        self.dropout = ByteDropout(dropout)

    def forward(self, queries, nodes, among=None, padding=None, return_weights=False):
        """Return the queries (n, Q, D), and how they attend to nodes (n, H, Q, S) or None."""
        if self.among_queries is not None:
            queries = self.norms[0](queries + self.dropout(self._hear(queries, among)))
        read, weights = self.to_nodes(
            queries, nodes, nodes, key_padding_mask=padding,
            need_weights=return_weights, average_attn_weights=False,
        )  # fmt: skip
        queries = self.norms[1](queries + self.dropout(read))
        return self.norms[2](queries + self.dropout(self.update(queries))), weights

    def _hear(self, queries, among):
        """Return what the queries hear along edges, or where a mask is False (n, Q, D)."""
        if isinstance(among, LabelEdges):
            return self.among_queries.along_edges(queries, among)
        return self.among_queries(
            queries, queries, queries, attn_mask=among, need_weights=False
        )[0]


def _apart(adjacency):
    """Return where a label does not attend to another one (L, L); None where all do."""
    n_labels = adjacency.shape[0]
    if count_edges(adjacency) == n_labels * (n_labels - 1):
        return None
    edges = adjacency != 0
    apart = ~(edges if isinstance(edges, np.ndarray) else edges.toarray())
    np.fill_diagonal(apart, False)
    return torch.from_numpy(apart)


class Query2LabelClassifier(
    LabelGraphParameters,
    LinearSkipParameters,
    LabelMaskingParameters,
    KnownLabelsMixin,
    BaseGraphClassifier,
):
    """Multi-label classifier by queries that read the sample's nodes (Query2Label, ML-Decoder).

    Each label is a query of a transformer's decoder, which attends to the other queries and
    to the nodes of the sample [1]_: the cells of a photograph, the words of a text.  With
    `n_queries`, labels share queries, and the cost no longer grows with the square of their
    number [2]_.

    Parameters
    ----------
    hidden_size : int, default=64
        The size of a node and of a query, a multiple of `n_heads`; 2048 in the paper.
    n_heads : int, default=4
        The number of attention heads.
    n_layers : int, default=2
        The number of layers.
    n_queries : int, default=None
        The number of queries, at most that of the labels; each stands for as many labels, which
        follow each other in y, and queries do not attend to each other.  None for one for each
        label.
    dropout : float, default=0.1
        Of attention weights and of what each part of a layer adds.
    **inherited
        Those of training, the label graph, the linear skip and label masking: see
        `skmlc.base.shared_parameters`.  Labels attend to each other along the label graph; the
        paper's is "full".  The paper's loss is ``loss="asymmetric"``.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, hidden_size)
        The output vectors of the labels; the product with the last state of a label's query,
        and a bias, is its logit.

    See Also
    --------
    CTranClassifier : Nodes attend to labels, too.
    LaMPClassifier : Labels read the nodes first, and then each other.

    Notes
    -----
    A sample of S nodes costs time in proportion to L (S + L), with `n_queries` of Q S.  Along
    a sparse label graph of E edges (of 300 labels or more, at most 5 % of their pairs) it costs
    time and memory for L S + E.  Unlike in the papers, positions of cells are not added to
    them, and ML-Decoder's queries are learned.

    References
    ----------
    .. [1] S. Liu, L. Zhang, X. Yang, H. Su, J. Zhu, "Query2Label: A Simple Transformer Way to
           Multi-Label Classification", 2021, arXiv:2107.10834, section 3.
    .. [2] T. Ridnik, G. Sharir, A. Ben-Cohen, E. Ben-Baruch, A. Noy, "ML-Decoder: Scalable and
           Versatile Classification Head", WACV 2023, arXiv:2111.12933, section 2.3.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import Query2LabelClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = Query2LabelClassifier(hidden_size=16, max_epochs=5, random_state=0).fit(
    ...     X, Y
    ... )
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.2f}")
    mAP 0.9...
    """

    hidden_size: int = 64
    n_heads: int = 4
    n_layers: int = 2
    n_queries: Any = None
    dropout: float = 0.1

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_queries": [Interval(Integral, 1, None, closed="left"), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        check_heads(self)
        if self.n_queries is not None:
            self._check_queries(n_labels)
        return Query2Label(
            n_labels,
            hidden_size=self.hidden_size,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            dropout=self.dropout,
            adjacency=None if self.n_queries is not None else self.adjacency_,
            n_queries=self.n_queries,
            takes_known=self._masks_labels,
        )

    def _attention_bytes(self, n_samples, n_labels):
        n_edges = count_edges(self.adjacency_) + n_labels
        if self.n_queries is not None or use_edges(n_labels, n_edges):
            return 0
        return attention_bytes(self, n_samples, n_labels)

    def _check_queries(self, n_labels):
        """Raise an error where labels cannot share queries."""
        if self.n_queries > n_labels:
            raise ValueError(
                f"n_queries must be at most the number of labels, {n_labels}; got "
                f"{self.n_queries}."
            )
        if not (isinstance(self.label_graph, str) and self.label_graph == "full"):
            raise ValueError(
                "label_graph must be 'full' with n_queries: queries that several labels share "
                f"do not attend to each other; got {self.label_graph!r}."
            )
        if self._masks_labels:
            raise ValueError(
                "label_masking must be False with n_queries: queries that several labels share "
                f"have no place for what is known about one; got {self.label_masking!r}."
            )

    @property
    def label_classifiers_(self):
        """The output vectors of the labels, an ndarray of shape (n_labels, hidden_size)."""
        head = self.module_.head
        return to_numpy(head.output_vector.flatten(0, 1)[: head.n_labels])

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return which nodes the labels attended to.

        All attention weights are held in memory at once: ask for few samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "attention": the mean over the heads of how much each label, or the query
            that it shares, attends to each node in the last layer.  The details hold
            ``label_to_node``, the same for each layer, sample and head, of shape (n_heads,
            n_labels, n_nodes); for images (n_heads, n_labels, height, width).
        """
        check_is_fitted(self)
        X = read_input(self, X)
        given = self._read_known(known, X)
        with random_seed(0):  # reading batches draws from the global state
            samples = map_batches(self.net_, X, self._numpy_dtype, _explain, known=given)
        logits, reading = zip(*samples, strict=True)
        last = [layers[-1].mean(axis=0) for layers in reading]
        return make_explanation(
            self, X, np.stack(last) if self._input_kind == "images" else last, "attention",
            probabilities=self._told_probabilities(np.stack(logits), given),
            feature_names=feature_names,
            details={
                "label_to_node": [
                    drop_stand_ins(self, X, layer) for layer in zip(*reading, strict=True)
                ]
            },
        )  # fmt: skip


def _explain(network, batch, rows):
    """Return the logits of each sample, and what its labels attended to in each layer."""
    encoded = network.encode(batch)
    nodes, head = encoded[0], network.head
    record = [[] for _ in head.layers]
    head.states(nodes, batch.known, record)
    logits = to_numpy(logits_of(network.predict_from(encoded, batch.known)))
    query = head.query_of_label()
    reading = [[a[:, query] for a in nodes.layout.per_sample(layer)] for layer in record]
    if nodes.grid is not None:
        reading = [[a.reshape(*a.shape[:2], *nodes.grid) for a in t] for t in reading]
    return list(zip(logits, zip(*reading), strict=True))
