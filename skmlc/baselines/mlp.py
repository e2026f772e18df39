"""Emb + MLP: the mean of a sample's nodes and a multi-layer perceptron, without a graph.

A baseline of Lanchantin, Sekhon, Qi, "Neural Message Passing for Multi-Label Classification",
ECML-PKDD 2019: labels are predicted independently of each other.
"""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval
from torch import nn

from ..base.classifier import BaseGraphClassifier
from ..base.shared_parameters import LinearSkipParameters
from ..nn.dropout import ByteDropout

__all__ = ["EmbMLP", "EmbMLPClassifier"]


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


class EmbMLPClassifier(LinearSkipParameters, BaseGraphClassifier):
    """Multi-label classifier by the mean of a sample's nodes and a perceptron (Emb + MLP).

    The labels do not see each other: what LaMP gains over it is the worth of its messages
    [1]_.

    Parameters
    ----------
    hidden_size : int, default=64
        The size of a node and of the hidden layers.
    n_layers : int, default=1
        The number of hidden layers.
    dropout : float, default=0.2
        The dropout after each hidden layer.
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

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import EmbMLPClassifier
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = EmbMLPClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> model.predict(X).shape
    (100, 4)
    """

    hidden_size: int = 64
    n_layers: int = 1
    dropout: float = 0.2

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        return EmbMLP(
            n_labels,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            dropout=self.dropout,
        )
