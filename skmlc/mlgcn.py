"""ML-GCN: graph convolutions over the labels make the classifiers of an image's features.

Chen, Wei, Wang, Guo, "Multi-Label Image Recognition with Graph Convolutional Networks", CVPR
2019, arXiv:1904.03582.  The features of a sample are pooled by their maximum (Eq. 3); a label's
classifier is what graph convolutions make of its vector and those of its neighbors (Eq. 2);
their product is the label's logit (Eq. 4).
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from .base.added_labels import AddedLabelsMixin, with_further
from .base.classifier import BaseGraphClassifier
from .base.explaining import explain_nodes, head_contributions
from .base.shared_parameters import (
    LabelEmbeddingParameters,
    LabelGraphParameters,
    LinearSkipParameters,
)
from .graphs.adjacency import SPARSE_GRAPHS, check_pairs_memory
from .nn.dropout import ByteDropout
from .nn.graph_conv import GraphConvolutions
from .nn.pooling import contributions
from .one_model import of_one_model

__all__ = ["MLGCN", "MLGCNClassifier"]


class MLGCN(nn.Module):
    r"""Classify pooled features by classifiers that a graph convolutional network makes.

    .. math::
        x &= f_{GMP}(f_{cnn}(I)) \qquad (3) \\
        H^{l+1} &= h(\hat A H^l W^l), \quad H^0 = Z, \quad W = H^{last} \qquad (2) \\
        \hat y &= W x \qquad (4)

    Parameters
    ----------
    matrix : {ndarray, sparse matrix} of shape (L, L)
        The propagation matrix, from `propagation_matrix`.
    vectors : ndarray of shape (L, E) or None
        The vectors of the labels, Z; None stands for one-hot vectors.
    node_size : int
        The size of a node, D.
    hidden_size : int
        The width of all graph convolutions but the last.
    n_layers : int
        The number of graph convolutions.
    dropout : float
        Of the pooled features.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(self, matrix, vectors, *, node_size, hidden_size, n_layers=2, dropout=0.0):
        super().__init__()
        sizes = [hidden_size] * (n_layers - 1) + [node_size]
        self.label_classifiers = GraphConvolutions(matrix, vectors, sizes)
        self.dropout = ByteDropout(dropout)

    def forward(self, nodes):
        """Return the logits of a batch."""
        features = self.dropout(self.represent(nodes))  # (N, D)
        return features @ self.label_classifiers().T  # (N, L), Eq. 4

    def represent(self, nodes):
        """Return the pooled features (N, D), Eq. 3."""
        return nodes.max()

    def start_at_zero(self):
        """Let all logits begin at zero, whatever the nodes."""
        nn.init.zeros_(self.label_classifiers.last_weight)

    def contributions(self, nodes):
        """Return each node's part of each logit, (n, L, S) for each group of samples."""
        return contributions(nodes, self.label_classifiers(), "max")


def propagation_matrix(adjacency, self_weight=None, normalization="symmetric"):
    """Return A-hat of Eq. 2, what labels receive from each other and from themselves.

    Parameters
    ----------
    adjacency : {ndarray, CSR} of shape (L, L)
        The label graph without self-loops; label i receives from label j where entry (i, j)
        is not zero.
    self_weight : ndarray of shape (L,), default=None
        What a label receives from itself; None is one.
    normalization : {"symmetric", None}, default="symmetric"
        "symmetric" divides by the roots of the row sums of both labels, as Kipf and Welling.

    Returns
    -------
    {ndarray, CSR array} of shape (L, L)
        Sparse where `adjacency` is.
    """
    n_labels = adjacency.shape[0]
    self_weight = np.ones(n_labels) if self_weight is None else self_weight
    if not sparse.issparse(adjacency):
        return _dense_propagation(adjacency, self_weight, normalization)
    matrix = adjacency + sparse.diags_array(self_weight)
    if normalization is None:
        return matrix
    root = sparse.diags_array(_inverse_root(abs(matrix).sum(axis=1)))
    return sparse.csr_array(root @ matrix @ root)


def _dense_propagation(adjacency, self_weight, normalization):
    """Return A-hat as an ndarray, in one matrix beside the graph."""
    matrix = adjacency.astype(np.float64, order="C")
    matrix.flat[:: len(matrix) + 1] += self_weight
    if normalization is not None:
        root = _inverse_root(np.array([np.abs(row).sum() for row in matrix]))
        matrix *= root[:, None]
        matrix *= root
    return matrix


def _inverse_root(degree):
    """Return one over the root of row sums, whose weights may be negative."""
    return 1 / np.sqrt(np.maximum(degree, 1e-12))


class MLGCNClassifier(
    AddedLabelsMixin,
    LabelGraphParameters,
    LabelEmbeddingParameters,
    LinearSkipParameters,
    BaseGraphClassifier,
):
    """Multi-label classifier by graph convolutions over the labels (ML-GCN).

    The label graph makes the classifiers: each is mixed from the vectors of the label and of
    its neighbors, so that labels that imply each other are recognized by similar features
    [1]_.  Without edges it is a linear classifier of the pooled features, as
    `GlobalPoolClassifier`, whose weights are a product of matrices.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix of shape (n_labels, n_labels) or builder, \
            default="conditional_probability"
        Who receives from whom: label i from label j where entry (i, j) is not zero; or "full",
        "none", "cooccurrence", "conditional_probability", "probability", or a builder of
        `skmlc.graphs`, fitted on the training labels.  The default is the paper's
        re-weighted graph, ``ConditionalProbabilityGraph(0.4, neighbor_weight=0.2)``;
        ``direction="original"`` is that of the published code, and without `neighbor_weight`
        it is the paper's binary one.
    hidden_size : int, default=128
        The width of the graph convolutions but the last, and of the nodes that are made of a
        table, of text or of bags.  1024 in the paper.
    n_layers : int, default=2
        The number of graph convolutions, 1 to 4 in the paper.
    normalization : {"auto", "symmetric", None}, default="auto"
        How the graph with its self-loops is normalized: by the roots of its row sums, or not;
        "auto" does not where the builder has weighted neighbors and label against each other.
    dropout : float, default=0.0
        Of the pooled features.
    **inherited
        Those of training, the label graph, vectors of the labels and the linear skip:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, n_features_of_a_node)
        The classifiers that the graph convolutions have made.

    See Also
    --------
    GlobalPoolClassifier : The same without a label graph.
    SSGRLClassifier : Each label attends to its own part of an image.

    Notes
    -----
    The pooled features of images are those of the backbone; nodes that are made of other
    input are rectified first, as those are.  The published code propagates against the
    direction of the paper, with a self weight of one and 0.25 from neighbors, and normalizes
    as ``D A'^T D``.  Weights start as there, uniform up to one over the root of the width of
    their layer.

    The paper's training is ``optimizer="sgd"``, ``learning_rate=0.01``, ``weight_decay=1e-4``,
    ``max_epochs=100``, a tenth of the rate after 40 epochs and again after 80, which is
    ``lr_schedule=(40, 80)``, and ``encoder=ImageEncoder("resnet101", weights=..., size=448,
    augment="crop-flip", learning_rate_factor=1)``.  The published code trains the backbone
    at a tenth of the rate of the rest, as ``learning_rate_factor="auto"`` does, and has
    ``max_grad_norm=10.0``.

    References
    ----------
    .. [1] Z.-M. Chen, X.-S. Wei, P. Wang, Y. Guo, "Multi-Label Image Recognition with Graph
           Convolutional Networks", CVPR 2019, arXiv:1904.03582, Eq. 1-8.

    Examples
    --------
    >>> from skmlc import MLGCNClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.metrics import get_scorer
    >>> scenes = load_digit_scenes(100)
    >>> model = MLGCNClassifier("conditional_probability", max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> print(f"mAP {get_scorer('mAP')(model, scenes.bags, scenes.target):.2f}")
    mAP 0.9...
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True

    label_graph: Any = field(default="conditional_probability", kw_only=False)
    hidden_size: int = 128
    n_layers: int = 2
    normalization: str | None = "auto"
    dropout: float = 0.0

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "normalization": [StrOptions({"auto", "symmetric"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        if not sparse.issparse(self.adjacency_):
            check_pairs_memory(self.adjacency_, 2 * 8, SPARSE_GRAPHS)
        return MLGCN(
            self._propagation_matrix(),
            self.label_embedding_,
            node_size=node_size,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
        )

    def _propagation_matrix(self):
        """Return A-hat, with the self weights of the builder where it has some."""
        builder, normalization = self.label_graph_, self.normalization
        if normalization == "auto":
            weighted = isinstance(getattr(builder, "neighbor_weight", None), Real)
            normalization = None if weighted else "symmetric"
        self_weight = getattr(builder, "self_weight_", None)
        return propagation_matrix(self.adjacency_, self_weight, normalization)

    @property
    def label_classifiers_(self):
        """The classifiers of the labels, an ndarray of shape (n_labels, node size)."""
        return self.module_.head.label_classifiers().detach().float().cpu().numpy()

    def _set_labels_of_head(self, adjacency, vectors, *, new_graph):
        head = self.module_.head
        if new_graph:
            is_auto = self.normalization == "auto"
            normalization = "symmetric" if is_auto else self.normalization
            matrix = propagation_matrix(adjacency, normalization=normalization)
        else:
            matrix = head.label_classifiers.propagate.matrix()
            matrix = with_further(matrix, np.ones(len(vectors) - matrix.shape[0]))
        head.label_classifiers.set_labels(matrix, vectors)

    @of_one_model
    def explain(self, X, *, feature_names=None):
        """Return which nodes the logits come from.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "contribution": what each node adds to each logit.  A feature's part goes to
            the node where it is largest.
        """
        return explain_nodes(
            self, X, head_contributions, kind="contribution", feature_names=feature_names
        )
