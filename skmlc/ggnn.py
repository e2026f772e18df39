"""GGNN: a gated graph network over labels and further concepts, above pooled features.

Viel, "Improving Multi-Label Image Classification with Graph Neural Networks", section 2.2,
after Marino, Salakhutdinov, Gupta, "The More You Know", CVPR 2017, arXiv:1612.04844.  A linear
layer measures the evidence of the pooled features for each node of a knowledge graph; T gated
steps propagate that along its edges (Eq. 2-6); a linear layer reads both.
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.utils._param_validation import Interval
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.explaining import explain_nodes
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import (
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
)
from .graphs.adjacency import SPARSE_GRAPHS, check_pairs_memory, reweight_adjacency
from .memory import check_memory
from .nn.dropout import ByteDropout
from .nn.gated_graph import GatedGraph, bound_weights
from .nn.known_labels import KnownLabelStates
from .nn.pooling import contributions
from .one_model import of_one_model

__all__ = ["GGNN", "GGNNClassifier"]


class GGNN(nn.Module):
    r"""Classify pooled features with a gated graph network over labels and concepts.

    .. math::
        f &= \max_j v_j, \quad e = W_0 f + b_0, \quad
            h_i^{(0)} = (e_i, \dots, e_i) \in \mathbb{R}^s \\
        h^{(T)} &= \mathrm{GGNN}(h^{(0)}) \qquad (2\text{-}6) \\
        \hat y &= W_1 [e, h^{(T)}] + b_1

    with :math:`v` the sample's nodes.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    incoming, outgoing : {ndarray, sparse matrix} of shape (M, M)
        What each node of the graph receives along the edges that enter it, and along those
        that leave it; see `GatedGraph`.
    node_size : int
        The size of a sample's node, D.
    state_size : int
        The size of the state of a node of the graph, s.
    n_steps : int
        The number of steps, T.
    dropout : float
        Of what the last layer reads.
    takes_known : bool
        Whether known labels are added to the first states of their nodes.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(
        self,
        n_labels,
        incoming,
        outgoing,
        *,
        node_size,
        state_size=10,
        n_steps=3,
        dropout=0.0,
        takes_known=False,
    ):
        super().__init__()
        n_concepts = incoming.shape[0]
        self.takes_known = takes_known
        # A message is a sum, which does not say which label it is about: vectors do.
        self.known_states = KnownLabelStates(state_size, n_labels) if takes_known else None
        self.state_size = state_size
        self.evidence = nn.Linear(node_size, n_concepts)
        self.graph = GatedGraph(
            incoming, outgoing, state_size=state_size, n_steps=n_steps, message_layers=True
        )
        self.dropout = ByteDropout(dropout)
        self.output = nn.Linear(n_concepts * (1 + state_size), n_labels)

    def forward(self, nodes, known=None):
        """Return the logits of a batch."""
        evidence = self.evidence(self.represent(nodes))  # (N, M)
        states = evidence[..., None].expand(-1, -1, self.state_size)  # (N, M, s)
        if known is not None:
            known_states = self.known_states(
                known
            )  # (N, L, s), of labels, which come first
            further = states.shape[1] - known_states.shape[1]
            states = states + nn.functional.pad(known_states, (0, 0, 0, further))
        states = self.graph(states)  # (N, M, s), Eq. 2-6
        both = torch.cat([evidence, states.flatten(1)], dim=1)  # (N, M + M s)
        return self.output(self.dropout(both))  # (N, L)

    def start_at_zero(self):
        """Let all logits begin at zero, whatever the nodes."""
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def represent(self, nodes):
        """Return the pooled features (N, D)."""
        return nodes.max()


class GGNNClassifier(
    LabelGraphParameters,
    LinearSkipParameters,
    LabelMaskingParameters,
    KnownLabelsMixin,
    BaseGraphClassifier,
):
    """Multi-label classifier by a gated graph network over a knowledge graph (GGNN).

    The graph has a node per label, and may have further concepts: what the sample says about
    each spreads along the edges, both ways, for some steps, and the labels are read from all
    nodes [1]_, [2]_.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix or builder, default="probability"
        Who receives from whom: node i from node j where entry (i, j) is not zero, with that
        weight.  A matrix of shape (n_nodes, n_nodes), the labels first and then further
        concepts; several of them, one per relation, which are averaged; or "full", "none",
        "cooccurrence", "conditional_probability", "probability"; or a builder of
        `skmlc.graphs`, fitted on the training labels, such as `KnowledgeGraph`, the paper's
        kind of graph.  Weights above one are divided by the largest.
    hidden_size : int, default=64
        The size of the nodes that are made of a table, of text or of bags; the features of
        images are read as they are.
    state_size : int, default=10
        The size of the state of a node of the graph.
    n_steps : int, default=3
        The number of steps, that is over how many edges a node receives.
    reweight : (float, float) or None, default=None
        The paper's A'': keep the edges of at least `threshold` times the largest weight, and
        let the neighbors of each node share the weight `neighbor_weight`, and give itself one
        minus that, in either direction; given as (threshold, neighbor_weight), (0.1, 0.1) in
        the paper.  Advised where nodes have many neighbors, whose sum would drown out
        everything else.  None takes the weights of the graph.
    dropout : float, default=0.0
        Of what the last layer reads.
    **inherited
        Those of training, the label graph and the linear skip:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    adjacency_ : ndarray or CSR array of shape (n_nodes, n_nodes)
        The graph without self-loops, relations averaged; node i receives from node j where
        entry (i, j) is not zero.

    See Also
    --------
    SSGRLClassifier : The same propagation, of features that each label has picked.
    MLGCNClassifier : The label graph makes the classifiers of the pooled features.
    skmlc.graphs.KnowledgeGraph : Labels and further concepts, from relations.

    Notes
    -----
    The messages are computed again in every step, as the paper says; in its author's code they
    stay those of the first, so nothing travels farther than one edge.  The gates decide what a
    node keeps of its own state: it sends itself no message except with `reweight`.

    References
    ----------
    .. [1] T. Viel, "Improving Multi-Label Image Classification with Graph Neural Networks",
           section 2.2.
    .. [2] K. Marino, R. Salakhutdinov, A. Gupta, "The More You Know: Using Knowledge Graphs
           for Image Classification", CVPR 2017, arXiv:1612.04844.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import GGNNClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = GGNNClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.2f}")
    mAP 0.9...
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True
    _takes_concepts = True

    label_graph: Any = field(default="probability", kw_only=False)
    hidden_size: int = 64
    state_size: int = 10
    n_steps: int = 3
    reweight: Any = None
    dropout: float = 0.0

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "state_size": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "reweight": ["array-like", Real, None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        n_nodes = self.adjacency_.shape[0]
        width = n_nodes * (1 + self.state_size)
        check_memory(
            4 * n_labels * width,
            f"GGNNClassifier with {n_labels} labels, each of which is read from all {n_nodes} "
            f"nodes of the graph by a weight of {n_labels} x {width} numbers "
            f"(state_size={self.state_size}),",
            "fewer labels or concepts, a smaller state_size, or SSGRLClassifier, which reads "
            "a label from its own node",
        )
        if not sparse.issparse(self.adjacency_):
            check_pairs_memory(self.adjacency_, 2 * (4 + 8), SPARSE_GRAPHS)
        incoming, outgoing = self._directed_graphs()
        return GGNN(
            n_labels,
            incoming,
            outgoing,
            node_size=node_size,
            state_size=self.state_size,
            n_steps=self.n_steps,
            dropout=self.dropout,
            takes_known=self._masks_labels,
        )

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return which nodes of a sample are evidence for each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Known labels, as for `predict_proba`; the evidence does not depend on them.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "evidence": what each node adds to the evidence for each label, before that
            spreads along the graph.  A feature's part goes to the node where it is largest.
        """

        def weigh(network, batch, nodes):
            weight = network.head.evidence.weight[: len(network.head.output.weight)]
            return contributions(nodes, weight, "max")

        return explain_nodes(
            self, X, weigh, kind="evidence", known=known, feature_names=feature_names
        )

    def _directed_graphs(self):
        """Return what nodes receive along entering and along leaving edges."""
        directions = self.adjacency_, self.adjacency_.T
        if self.reweight is None:
            return [bound_weights(adjacency) for adjacency in directions]
        threshold, neighbor_weight = _check_reweight(self.reweight)
        graphs = []
        for adjacency in directions:
            edges, self_weight = reweight_adjacency(adjacency, threshold, neighbor_weight)
            graphs.append(edges + sparse.diags_array(self_weight))  # A'', Eq. 13-14
        return graphs


def _check_reweight(reweight):
    """Return the threshold and the neighbors' weight, or say what they must be."""
    values = np.asarray(reweight, dtype=object).ravel()
    if len(values) == 2 and all(isinstance(value, Real) for value in values):
        threshold, neighbor_weight = values
        if 0 <= threshold <= 1 and 0 < neighbor_weight < 1:
            return threshold, neighbor_weight
    raise ValueError(
        "reweight must be (threshold, neighbor_weight) with a threshold in [0, 1] and a weight "
        f"between 0 and 1, such as (0.1, 0.1), or None; got {reweight!r}."
    )
