"""DeepMIML (Feng and Zhou 2017): the best sub-concept of each label in the best instance.

A network makes a vector of each instance, and a linear layer a score of each of its labels'
sub-concepts; maxima over the sub-concepts, then over the instances, give the bag's labels.
"""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ..base.classifier import BaseGraphClassifier
from ..base.explaining import explain_nodes, weigh_nodes
from ..base.shared_parameters import TopLabelParameters
from ..base.validation import read_input
from ..nn.dropout import ByteDropout
from ..nn.nodes import Nodes
from ..one_model import of_one_model

__all__ = ["DeepMIML", "DeepMIMLClassifier"]


class DeepMIML(nn.Module):
    """Score sub-concepts of the labels in each instance, and keep the highest.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The number of features of an instance, F.
    hidden_size : int, default=128
        The size of what the first layer makes of an instance, D.
    n_subconcepts : int, default=20
        The number of sub-concepts of each label, K.
    instance_activation : {"sigmoid", "softmax"}, default="sigmoid"
        Whether the labels of an instance are independent, or share its probability.
    dropout : float, default=0.0
        Of the first layer's output.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(
        self,
        n_labels,
        node_size,
        *,
        hidden_size=128,
        n_subconcepts=20,
        instance_activation="sigmoid",
        dropout=0.0,
    ):
        super().__init__()
        self.n_labels = n_labels
        self.n_subconcepts = n_subconcepts
        self.instance_activation = instance_activation
        self.represent_size = hidden_size
        self.first = nn.Linear(node_size, hidden_size)
        self.dropout = ByteDropout(dropout)
        self.subconcepts = nn.Linear(hidden_size, n_subconcepts * n_labels)

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are."""
        self.subconcepts.bias.data.copy_(prior.repeat(self.n_subconcepts))

    def forward(self, nodes):
        """Return the logits of a batch."""
        return self.scores(nodes).max()  # (N, L)

    def represent(self, nodes):
        """Return the maximum over a sample's instances of the first layer's output (N, D)."""
        return Nodes(self._hidden(nodes), nodes.layout).max()

    def scores(self, nodes):
        """Return the logits of each instance, `Nodes` of size L."""
        # Faster than amax, whose gradient looks for equal scores.
        scores = self.subconcept_scores(nodes).max(1).values  # (R, L)
        if self.instance_activation == "softmax":
            scores = softmax_logits(scores)
        return Nodes(scores, nodes.layout)

    def subconcept_scores(self, nodes):
        """Return the scores of the sub-concepts in each instance (R, K, L)."""
        scores = self.subconcepts(self.dropout(self._hidden(nodes)))  # (R, K * L)
        return scores.view(-1, self.n_subconcepts, self.n_labels)

    def _hidden(self, nodes):
        """Return the first layer's output (R, D)."""
        return torch.relu(self.first(nodes.values))


def softmax_logits(scores):
    """Return the logits of the probabilities that a soft-max makes of scores.

    Parameters
    ----------
    scores : Tensor of shape (R, L)
        With L > 1.

    Returns
    -------
    Tensor of shape (R, L)
        ``log(p / (1 - p))``, finite also where p is zero or one in floating point.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    log_p = scores.log_softmax(1)
    highest = scores.argmax(1, keepdim=True)  # (R, 1)
    is_highest = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, highest, True)
    # p / (1 - p) of the highest is its part over that of all others, and 1 - p would round to
    # zero; that of others is at least a half.
    others = scores.masked_fill(is_highest, -torch.inf).logsumexp(1, keepdim=True)
    log_rest = torch.log1p(-log_p.masked_fill(is_highest, -1.0).exp())
    return torch.where(is_highest, scores - others, log_p - log_rest)


class DeepMIMLClassifier(TopLabelParameters, BaseGraphClassifier):
    """Multi-label classifier by sub-concepts of the labels in instances (DeepMIML).

    Each label has sub-concepts, of which an instance shows the best one, and a sample shows the
    label as clearly as its best instance does [1]_. The instances of `Bags`, `Graphs` and
    images are read as they are, the rows of a table as bags of one instance, and the nodes of
    other inputs as the encoder makes them. Scale features with
    :class:`~skmlc.inputs.BagScaler`.

    The layers follow the published code, except for what an instance says about
    the labels: there they share its probability by a soft-max, which keeps samples of several
    labels from being certain of them, and here by default they are independent.

    Parameters
    ----------
    hidden_size : int, default=128
        The size of what the first layer makes of an instance, 512 in the published code.
    n_subconcepts : int, default=20
        The number of sub-concepts of each label.
    instance_activation : {"sigmoid", "softmax"}, default="sigmoid"
        Whether the labels of an instance are independent, or share its probability by a
        soft-max as in the published code; this needs at least two labels.
    dropout : float, default=0.2
        The dropout of the first layer's output, 0.5 in the published code.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X, of which the rows of a
        dense table are bags.  Pass an `InstanceEncoder`, `GraphEncoder`, `TokenEncoder`,
        `ImageEncoder` or, for sparse matrices, a `FeatureEncoder` to set or search its
        parameters.
    **inherited
        Those of training and the most probable label:
        see `skmlc.base.shared_parameters`.

    See Also
    --------
    GlobalPoolClassifier : With ``pooling="score"`` the same without sub-concepts.
    GMMLICClassifier : The maximum over instances that exchange messages.
    skmlc.inputs.BagScaler : Scale the features of instances.

    Notes
    -----
    With S instances of F features, L labels, D hidden units and K sub-concepts, a sample costs
    S D (F + K L) multiplications and memory for S K L scores.

    Training starts at the labels' frequencies. Of a label only the best sub-concept of the
    best instance learns, which is slow: hence the defaults of `max_epochs` and
    `learning_rate`. There is no linear skip, so that a sample's logits are those of instances.

    References
    ----------
    .. [1] J. Feng, Z.-H. Zhou, "Deep MIML Network", AAAI 2017.

    Examples
    --------
    >>> from skmlc import DeepMIMLClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(60)
    >>> model = DeepMIMLClassifier(max_epochs=40, learning_rate=0.01, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> scores = model.instance_scores(scenes.bags[:1])[0]  # of a three and a four
    >>> scores.argmax(axis=0)[[3, 4]]  # the instance that decides
    array([0, 1])
    """

    _raw_kinds = ("bags", "graphs", "images")
    _rows_are_bags = True

    hidden_size: int = 128
    n_subconcepts: int = 20
    instance_activation: str = "sigmoid"
    dropout: float = 0.2
    max_epochs: int = 40
    learning_rate: float = 1e-2

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_subconcepts": [Interval(Integral, 1, None, closed="left")],
        "instance_activation": [StrOptions({"sigmoid", "softmax"})],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        if self.instance_activation == "softmax" and n_labels == 1:
            raise ValueError(
                "instance_activation must be 'sigmoid' for a single label, which in a soft-max "
                "would always be certain; got 'softmax'."
            )
        return DeepMIML(
            n_labels,
            node_size,
            hidden_size=self.hidden_size,
            n_subconcepts=self.n_subconcepts,
            instance_activation=self.instance_activation,
            dropout=self.dropout,
        )

    @of_one_model
    def instance_scores(self, X):
        """Return the logits of the labels in each instance.

        Their maximum over the instances of a sample is its `decision_function`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        list of ndarray of shape (n_instances, n_labels)
            One for each sample. The instances of images are the cells of their feature maps,
            row after row.
        """
        check_is_fitted(self)
        scores = weigh_nodes(self, read_input(self, X), {"scores": _scores})[1]["scores"]
        return [sample.reshape(len(sample), -1).T for sample in scores]

    @of_one_model
    def explain(self, X, *, feature_names=None):
        """Return what each instance says about each label.

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
            Of kind "score": the logits of each sample's labels and instances.  The details
            hold ``subconcepts``, of the same shapes: which sub-concept of the label gave the
            score.
        """
        return explain_nodes(
            self, X, _scores, kind="score", feature_names=feature_names,
            further={"subconcepts": _best_subconcepts},
        )  # fmt: skip


def _scores(network, batch, nodes):
    """Return the logits (n, L, S) of labels and instances for each group."""
    return [x.transpose(1, 2) for _, x in network.head.scores(nodes).groups()]


def _best_subconcepts(network, batch, nodes):
    """Return the best sub-concept (n, L, S) of labels and instances for each group."""
    best = Nodes(network.head.subconcept_scores(nodes).argmax(1), nodes.layout)  # (R, L)
    return [index.transpose(1, 2) for _, index in best.groups()]
