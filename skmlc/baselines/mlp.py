"""Emb + MLP: the mean of a sample's nodes and a multi-layer perceptron, without a graph.

A baseline of Lanchantin, Sekhon, Qi, "Neural Message Passing for Multi-Label Classification",
ECML-PKDD 2019: labels are predicted independently of each other.  Several perceptrons that
share the linear skip, trained at once and averaged, follow Gorishniy, Kotelnikov, Babenko,
"TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", ICLR 2025.
"""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval
from torch import nn

from ..base.classifier import BaseGraphClassifier
from ..base.shared_parameters import LinearSkipParameters
from ..nn.dropout import ByteDropout
from ..nn.head_output import HeadOutput
from ..nn.members import MemberLinear, MembersLoss, average_members

__all__ = ["EmbMLP", "EmbMLPClassifier", "EmbMLPMembers"]


class EmbMLP(nn.Module):
    """Predict the labels from the mean of a sample's nodes.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    hidden_size : int
        The size of a node and of the hidden layers, D.
    n_layers : int
        The number of hidden layers.
    dropout : float
        The dropout after each hidden layer.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(self, n_labels, *, hidden_size, n_layers=1, dropout=0.0):
        super().__init__()
        layers = []
        for _ in range(n_layers):
            layers += [nn.Linear(hidden_size, hidden_size), nn.ReLU(), ByteDropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden_size, n_labels))

    def forward(self, nodes):
        """Return the logits of a batch."""
        return self.layers(nodes.mean())  # (N, L)


class EmbMLPMembers(nn.Module):
    """Predict the labels by several perceptrons, from their own parts of the mean node.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    n_members : int
        The number of perceptrons, K.
    hidden_size : int
        The size of a member's part of a node, and of its hidden layers, D.
    n_layers : int
        The number of hidden layers.
    dropout : float
        The dropout after each hidden layer.
    multiclass : bool
        Whether a sample has exactly one label.

    Shape
    -----
    `Nodes` (R, K D) of N samples to logits (N, L) of the mean of the members' probabilities; in
    training to `HeadOutput`, whose extras are the logits of the members (N, K, L), and whose
    logits are the mean of these, which no loss reads.
    """

    takes_skip = True

    def __init__(
        self, n_labels, n_members, *, hidden_size, n_layers=1, dropout=0.0, multiclass=False
    ):
        super().__init__()
        layers = []
        for _ in range(n_layers):
            layer = MemberLinear(n_members, hidden_size, hidden_size)
            layers += [layer, nn.ReLU(), ByteDropout(dropout)]
        self.layers = nn.Sequential(*layers, MemberLinear(n_members, hidden_size, n_labels))
        self.n_members = n_members
        self.multiclass = multiclass

    def forward(self, nodes, skip=None):
        """Return the logits of a batch, given those of the linear skip (N, L) or None."""
        parts = nodes.mean().unflatten(1, (self.n_members, -1))  # (N, K, D)
        members = self.layers(parts)  # (N, K, L)
        if skip is not None:
            members = members + skip[:, None]
        if self.training:
            return HeadOutput(members.mean(1), members)
        return average_members(members, multiclass=self.multiclass)  # (N, L)


class EmbMLPClassifier(LinearSkipParameters, BaseGraphClassifier):
    """Multi-label classifier by the mean of a sample's nodes and a perceptron (Emb + MLP).

    The labels do not see each other: what LaMP gains over it is the worth of its messages
    [1]_.

    Parameters
    ----------
    hidden_size : int, default=256
        The size of a node and of the hidden layers.
    n_layers : int, default=1
        The number of hidden layers.
    dropout : float, default=0.2
        The dropout after each hidden layer.
    n_members : int, default=1
        The number of perceptrons that are trained at once and whose probabilities are averaged,
        as in TabM [2]_.  They share the linear skip and the batches; each has its own nodes and
        weights, and is trained to be right by itself.
    **inherited
        Those of training and the linear skip:
        see `skmlc.base.shared_parameters`.

    See Also
    --------
    LaMPClassifier : Messages from the nodes to the labels, and among the labels.

    References
    ----------
    .. [1] J. Lanchantin, A. Sekhon, Y. Qi, "Neural Message Passing for Multi-Label
           Classification", ECML-PKDD 2019, arXiv:1904.08049, section 3.
    .. [2] Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: Advancing Tabular Deep Learning
           with Parameter-Efficient Ensembling", ICLR 2025, arXiv:2410.24210.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import EmbMLPClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = EmbMLPClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.1f}")
    mAP 0.9
    """

    hidden_size: int = 256
    n_layers: int = 1
    dropout: float = 0.2
    n_members: int = 1

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "n_members": [Interval(Integral, 1, None, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        sizes = {
            name: getattr(self, name) for name in ("hidden_size", "n_layers", "dropout")
        }
        if self.n_members == 1:
            return EmbMLP(n_labels, **sizes)
        multiclass = self._target_kind == "multiclass"
        return EmbMLPMembers(n_labels, self.n_members, **sizes, multiclass=multiclass)

    def _make_loss(self, label_loss):
        return label_loss if self.n_members == 1 else MembersLoss(label_loss)

    @property
    def _hidden_size_of_nodes(self):
        return self.n_members * self.hidden_size
