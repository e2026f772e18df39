"""SSGRL: each label picks its own features of a sample, and a gated graph network mixes them.

Chen, Xu, Hui, Wu, Lin, "Learning Semantic-Specific Graph Representation for Multi-Label Image
Recognition", ICCV 2019, arXiv:1908.07325; equations as numbered by Viel, "Improving Multi-Label
Image Classification with Graph Neural Networks".  Semantic decoupling is attention from a
label's vector to the nodes (Eq. 7-10), semantic interaction a gated graph network over the
labels (Eq. 2-6); a label's logit is read from both by weights of its own.
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import torch
from scipy import sparse
from sklearn.utils._param_validation import Interval
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.explaining import explain_nodes
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import (
    LabelEmbeddingParameters,
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
)
from .graphs.adjacency import SPARSE_GRAPHS, check_pairs_memory
from .nn.dropout import ByteDropout
from .nn.gated_graph import GatedGraph, bound_weights
from .nn.joint_scores import JointScores, joint_scores
from .nn.known_labels import KnownLabelStates
from .nn.label_linear import LabelLinear
from .one_model import of_one_model
from .training.predict import to_numpy

__all__ = ["SSGRL", "SSGRLClassifier", "SemanticDecoupling"]


class SemanticDecoupling(nn.Module):
    r"""Let each label pick its features from the sample's nodes.

    .. math::
        \tilde f_s^c &= P^T \tanh(U^T f_s \odot V^T x_c) + b \qquad (7) \\
        \tilde a_s^c &= w \cdot \tilde f_s^c + c' \qquad (8) \\
        a_s^c &= \mathrm{softmax}_s(\tilde a_s^c) \qquad (9) \\
        f^c &= \sum_s a_s^c f_s \qquad (10)

    The sum is over the nodes as they come, as in the published code.  Eq. 7 and 8 have
    nothing between them, so that they are one product with :math:`P w`, and nothing of the
    size of :math:`\tilde f` is ever made.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    vectors : ndarray of shape (L, E) or None
        The vectors of the labels, x; None stands for one-hot vectors.
    node_size : int
        The size of a node, D.
    hidden_size : int
        The size of the space in which nodes and labels meet, d.

    Shape
    -----
    `Nodes` of N samples to (N, L, D); to (N, 1, D), the same for all labels, where every
    sample is one node.
    """

    for_export = False  # set in the copy that is exported

    def __init__(self, n_labels, vectors, *, node_size, hidden_size):
        super().__init__()
        self.node = nn.Linear(node_size, hidden_size, bias=False)  # U
        self.label = LabelLinear(n_labels, vectors, hidden_size, bias=False)  # V
        self.joint = nn.Linear(hidden_size, hidden_size)  # P, b
        self.score = nn.Linear(hidden_size, 1)  # w, c'

    def forward(self, nodes):
        """Return the features of each label."""
        if nodes.layout.single_nodes:
            return nodes.values[:, None]  # (N, 1, D): all attention is on the one node
        features = [
            weights @ values  # (n, L, D), Eq. 10
            for weights, (_, values) in zip(
                self.attention(nodes), nodes.groups(), strict=True
            )
        ]
        return torch.cat(features)  # (N, L, D)

    def attention(self, nodes):
        """Return how much each label attends to each node, (n, L, S) for each group, Eq. 9."""
        scores = self._scores(nodes.values)  # (R, L)
        weights = []
        for group in nodes.layout.groups:
            padded = group.padded(scores)  # (n, S, L)
            if group.mask is not None:
                lowest = torch.finfo(padded.dtype).min
                padded = padded.masked_fill(~group.mask[..., None], lowest)
            weights.append(padded.softmax(1).transpose(1, 2))  # (n, L, S)
        return weights

    def _scores(self, values):
        """Return the scores (R, L) of the rows of nodes for each label, Eq. 7-8."""
        dtype = self.score.weight.dtype  # not bfloat16, of which softmax would be coarse
        weight = self.score.weight[0]  # (d,)
        score = joint_scores if self.for_export else JointScores.apply
        scores = score(
            self.node(values).to(dtype),  # (R, d)
            self.label().to(dtype),  # (L, d)
            (weight @ self.joint.weight).to(dtype),  # (d,)
        )  # (R, L)
        # One number for all nodes, which the softmax does not see.
        return scores + (weight @ self.joint.bias + self.score.bias).to(dtype)


class SSGRL(nn.Module):
    r"""Semantic decoupling, semantic interaction, and a read-out for each label.

    .. math::
        h_c^{(0)} &= f^c \qquad (7\text{-}10) \\
        h^{(T)} &= \mathrm{GGNN}(h^{(0)}) \qquad (2\text{-}6) \\
        o_c &= \tanh(W_o [h_c^{(T)}, h_c^{(0)}] + b_o) \\
        \hat y_c &= w_c \cdot o_c + b_c

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    adjacency : {ndarray, CSR} of shape (L, L)
        Label i receives from label j with the weight at (i, j), and label j from label i by
        other weights of the network.
    vectors : ndarray of shape (L, E) or None
        The vectors of the labels; None stands for one-hot vectors.
    node_size : int
        The size of a node, D.
    hidden_size : int
        The size of the space in which nodes and labels meet, d.
    semantic_interaction : bool
        Whether there is a gated graph network; without it o is made of h^(0) alone.
    n_steps : int
        The number of steps of the gated graph network, T.
    dropout : float
        Of o.
    takes_known : bool
        Whether known labels are added to their features.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(
        self,
        n_labels,
        adjacency,
        vectors=None,
        *,
        node_size,
        hidden_size,
        semantic_interaction=True,
        n_steps=3,
        dropout=0.0,
        takes_known=False,
    ):
        super().__init__()
        self.n_labels = n_labels
        self.takes_known = takes_known
        # A message is a sum, which does not say which label it is about: vectors do.
        self.known_states = KnownLabelStates(node_size, n_labels) if takes_known else None
        self.decouple = SemanticDecoupling(
            n_labels, vectors, node_size=node_size, hidden_size=hidden_size
        )
        self.interact = None
        if semantic_interaction:
            self.interact = GatedGraph(
                adjacency,
                adjacency.T,
                state_size=node_size,
                n_steps=n_steps,
                gate_bias=True,
            )
        self.fuse = nn.Linear(node_size * (1 + semantic_interaction), node_size)
        self.dropout = ByteDropout(dropout)
        self.class_weight = nn.Parameter(torch.empty(n_labels, node_size))
        self.class_bias = nn.Parameter(torch.empty(n_labels))
        for parameter in (self.class_weight, self.class_bias):
            nn.init.uniform_(parameter, -(node_size**-0.5), node_size**-0.5)

    def forward(self, nodes, known=None):
        """Return the logits of a batch."""
        outputs = self.dropout(self._outputs(nodes, known))  # (N, L, D)
        return (outputs * self.class_weight).sum(-1) + self.class_bias  # (N, L)

    def start_at_zero(self):
        """Let all logits begin at zero, whatever the nodes."""
        nn.init.zeros_(self.class_weight)
        nn.init.zeros_(self.class_bias)

    def represent(self, nodes):
        """Return the mean over the labels of what they are read from (N, D)."""
        return self._outputs(nodes).mean(1)

    def _outputs(self, nodes, known=None):
        """Return o (N, L, D), or (N, 1, D) where it is the same for all labels."""
        features = self.decouple(nodes)  # (N, L, D) or (N, 1, D)
        if known is not None:
            features = features + self.known_states(known)  # (N, L, D)
        if self.interact is not None:
            features = features.expand(-1, self.n_labels, -1)  # (N, L, D)
            states = self.interact(features)  # (N, L, D)
            features = torch.cat([states, features], dim=-1)  # (N, L, 2 D)
        return torch.tanh(self.fuse(features))


class SSGRLClassifier(
    LabelGraphParameters,
    LabelEmbeddingParameters,
    LinearSkipParameters,
    LabelMaskingParameters,
    KnownLabelsMixin,
    BaseGraphClassifier,
):
    """Multi-label classifier by label-specific features and their interaction (SSGRL).

    Each label looks for itself in the sample, by attention from its vector to the nodes; the
    features that it finds are mixed with those of other labels, along the edges of the label
    graph in both directions; and each label is read with weights of its own [1]_.
    `explain` shows where the labels looked.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix of shape (n_labels, n_labels) or builder, \
            default="probability"
        Who receives from whom: label i from label j where entry (i, j) is not zero, with that
        weight; or "full", "none", "cooccurrence", "conditional_probability", "probability",
        or a builder of `skmlc.graphs`, fitted on the training labels.  The default weighs
        edges by P(label j | label i), as the paper.  Weights above one are divided by the
        largest.
    hidden_size : int, default=64
        The size of the space in which nodes and labels meet, 1024 in the paper; and of the
        nodes that are made of a table, of text or of bags.  Of images the features are read
        as they are.
    semantic_interaction : bool, default=True
        Whether a gated graph network passes features among the labels.  Its weights are
        9 times the square of the features of a node: 38 million of the paper's 50.
    n_steps : int, default=3
        The number of steps of the gated graph network.
    dropout : float, default=0.0
        Of what the labels are read from.
    **inherited
        Those of training, the label graph, vectors of the labels and the linear skip:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, n_features_of_a_node)
        The weights with which the labels are read.

    See Also
    --------
    GGNNClassifier : The same propagation over a knowledge graph, above pooled features.
    LaMPClassifier : Attention to the nodes and among the labels, in turn.

    Notes
    -----
    The reset gate has weights of its own; in the published code it takes those of the
    update gate.  As there, messages have no layer of their own, and gates have biases.

    References
    ----------
    .. [1] T. Chen, M. Xu, X. Hui, H. Wu, L. Lin, "Learning Semantic-Specific Graph
           Representation for Multi-Label Image Recognition", ICCV 2019, arXiv:1908.07325.
    .. [2] T. Viel, "Improving Multi-Label Image Classification with Graph Neural Networks",
           section 2.3.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import SSGRLClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = SSGRLClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.2f}")
    mAP 0.9...
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True

    label_graph: Any = field(default="probability", kw_only=False)
    hidden_size: int = 64
    semantic_interaction: bool = True
    n_steps: int = 3
    dropout: float = 0.0

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "semantic_interaction": ["boolean"],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        if self.semantic_interaction and not sparse.issparse(self.adjacency_):
            # Both directions, and what is propagated of them.
            check_pairs_memory(self.adjacency_, 2 * (4 + 8), SPARSE_GRAPHS)
        return SSGRL(
            n_labels,
            bound_weights(self.adjacency_),
            self.label_embedding_,
            node_size=node_size,
            hidden_size=self.hidden_size,
            semantic_interaction=self.semantic_interaction,
            n_steps=self.n_steps,
            dropout=self.dropout,
            takes_known=self._masks_labels,
        )

    @property
    def label_classifiers_(self):
        """The weights of the labels, an ndarray of shape (n_labels, node size)."""
        return to_numpy(self.module_.head.class_weight)

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return where each label looked.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`; labels look where they do
            without.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "attention".
        """
        return explain_nodes(
            self, X, _attention, kind="attention", known=known, feature_names=feature_names
        )


def _attention(network, batch, nodes):
    """Return how much each label attends to each node, (n, L, S) for each group."""
    return network.head.decouple.attention(nodes)
