"""Pooling and a linear classifier: the baseline that a label graph must improve on.

The baseline of ML-GCN (Chen et al., CVPR 2019, Table 1) and of GM-MLIC (Wu et al., IJCAI 2021):
the nodes of a sample are pooled and classified, or classified and pooled, label by label.
"""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ..base.classifier import BaseGraphClassifier
from ..base.explaining import explain_nodes, head_contributions
from ..base.shared_parameters import LinearSkipParameters
from ..nn.dropout import ByteDropout
from ..nn.nodes import Nodes
from ..nn.pooling import contributions, pool
from ..one_model import of_one_model

__all__ = ["GlobalPool", "GlobalPoolClassifier"]


class GlobalPool(nn.Module):
    """Classify the pooled nodes of a sample, or pool the scores of its nodes.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The size of a node, D.
    pooling : {"max", "mean", "score"}
        Pool the features by maximum or mean; or classify each node and take the highest
        score of each label.
    dropout : float
        Of what is classified.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(self, n_labels, node_size, *, pooling="max", dropout=0.0):
        super().__init__()
        self.pooling = pooling
        self.dropout = ByteDropout(dropout)
        self.linear = nn.Linear(node_size, n_labels)

    def forward(self, nodes):
        """Return the logits of a batch."""
        if self.pooling == "score":
            return self.scores(nodes).max()  # (N, L)
        return self.linear(self.dropout(self.represent(nodes)))  # (N, L)

    def represent(self, nodes):
        """Return the pooled nodes (N, D)."""
        return pool(nodes, "mean" if self.pooling == "mean" else "max")

    def scores(self, nodes):
        """Return the logits of each node, `Nodes` of size L."""
        return Nodes(self.linear(self.dropout(nodes.values)), nodes.layout)  # (R, L)

    def start_at_zero(self):
        """Let all logits begin at zero, whatever the nodes."""
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def contributions(self, nodes):
        """Return each node's part of each logit, (n, L, S) for each group of samples."""
        if self.pooling == "score":
            return [x.transpose(1, 2) for _, x in self.scores(nodes).groups()]
        return contributions(nodes, self.linear.weight, self.pooling)


class GlobalPoolClassifier(LinearSkipParameters, BaseGraphClassifier):
    """Multi-label classifier by pooling and a linear layer, without a label graph.

    With "max" it is the baseline of ML-GCN [1]_, with "score" the maximum over instances that
    GM-MLIC [2]_ ends with, without its graphs.

    Parameters
    ----------
    pooling : {"max", "mean", "score"}, default="max"
        Pool the nodes' features by maximum or mean, then classify; or classify each node and
        take the highest score of each label.
    hidden_size : int, default=128
        The size of the nodes that are made of a table, of text or of bags; those of images are
        the backbone's.
    dropout : float, default=0.0
        Of what is classified.
    **inherited
        Those of training and the linear skip:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, n_features_of_a_node)
        The weights of the linear layer.

    See Also
    --------
    MLGCNClassifier : A label graph makes the linear layer.
    EmbMLPClassifier : The mean of the nodes and a perceptron.

    References
    ----------
    .. [1] Z.-M. Chen, X.-S. Wei, P. Wang, Y. Guo, "Multi-Label Image Recognition with Graph
           Convolutional Networks", CVPR 2019, arXiv:1904.03582, Table 1.
    .. [2] Y. Wu, H. Liu, S. Feng, Y. Jin, G. Lyu, Z. Wu, "GM-MLIC: Graph Matching based
           Multi-Label Image Classification", IJCAI 2021, Eq. 14.

    Examples
    --------
    >>> from skmlc import GlobalPoolClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.metrics import get_scorer
    >>> scenes = load_digit_scenes(100)
    >>> model = GlobalPoolClassifier(max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> print(f"mAP {get_scorer('mAP')(model, scenes.bags, scenes.target):.1f}")
    mAP 0.9
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True

    pooling: str = "max"
    hidden_size: int = 128
    dropout: float = 0.0

    _parameter_constraints = {
        "pooling": [StrOptions({"max", "mean", "score"})],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        return GlobalPool(n_labels, node_size, pooling=self.pooling, dropout=self.dropout)

    @property
    def label_classifiers_(self):
        """The classifiers of the labels, an ndarray of shape (n_labels, node size)."""
        return self.module_.head.linear.weight.detach().float().cpu().numpy()

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
            Of kind "contribution": what each node adds to each logit; with ``pooling="max"`` a
            feature's part goes to the node where it is largest.  With ``pooling="score"`` of
            kind "score": the logit of each node.
        """
        kind = "score" if self.pooling == "score" else "contribution"
        return explain_nodes(
            self, X, head_contributions, kind=kind, feature_names=feature_names
        )
