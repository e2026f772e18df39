"""GLEMIML: graph based label enhancement for multi-instance multi-label learning.

Su, Huang, Liu, Yan, Li, Vong, arXiv:2304.10705.  An enhancer, which sees a bag's instances,
their graph and its labels, recovers how much each label describes the bag (Eq. 1-5); a
classifier, which sees the instances only, learns the labels and these distributions (Eq.
12-14) and guides the enhancer (Eq. 6-11).  There is no public code; where the paper is silent
or contradicts itself, a comment says how it is read here.
"""

from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.enhancement import LabelEnhancementMixin
from .base.explaining import explain_nodes, weigh_nodes
from .base.shared_parameters import LinearSkipParameters, TopLabelParameters
from .base.validation import read_input
from .nn.bag_network import BagNetwork
from .nn.head_output import HeadOutput
from .nn.instance_topology import INTERACTIONS, InstanceTopology
from .nn.label_enhancement import (
    EnhancementLoss,
    LabelCorrelation,
    LabelEnhancer,
    guided_loss,
    similarity_loss,
    threshold_loss,
)
from .nn.nodes import Nodes
from .nn.pooling import contributions
from .one_model import of_one_model

__all__ = ["GLEMIML", "GLEMIMLClassifier"]


class GLEMIML(nn.Module):
    r"""A classifier of bags, and the label enhancer that it is trained with.

    .. math::
        D &= \omega_1(\sigma(x)) + \omega_2(W(x)) + \omega_3(Y) \qquad (4) \\
        D &\leftarrow D + T(D) \qquad (5)

    with :math:`\sigma(x)` the projected instances, of which :math:`\omega_1` reads mean and
    maximum, :math:`W(x)` how they vary along the graph of mutual neighbors (Eq. 1-3), and
    :math:`T` one step along the graph of labels that are alike in D.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The number of features of an instance.
    hidden_size : int
        The size of the instances of the classifier, and of what the enhancer fuses, D.
    n_layers : int
        The number of layers of the classifier.
    instance_size : int
        The size of the projected instances.
    n_neighbors : int
        How many neighbors an instance has in the graph, at most.
    bandwidth : float or "mean"
        The width of Eq. 2, see `InstanceTopology`.
    interaction : {"energy", "filter", None}
        What the enhancer learns of the graph, see `InstanceTopology`.
    graph_in_classifier : bool
        Whether the classifier reads the graph of the instances, by a projection of its own.
    n_label_neighbors : int
        How many neighbors a label has, at most.
    correlation_weight : float
        How much a label takes from its neighbors.
    dropout : float
        Of the instances of the classifier.

    Shape
    -----
    `Nodes` of N bags to logits (N, L); in training, with labels (N, L), to
    `HeadOutput`, whose extras are what the enhancer says and how the bags are described.
    """

    uses_targets = True
    # What the loss of the classifier does not train; its gradients are clipped by themselves.
    clipped_separately = ("topology", "enhancer")

    def __init__(
        self,
        n_labels,
        node_size,
        *,
        hidden_size=128,
        n_layers=2,
        instance_size=16,
        n_neighbors=3,
        bandwidth="mean",
        interaction="energy",
        graph_in_classifier=False,
        n_label_neighbors=3,
        correlation_weight=0.5,
        dropout=0.0,
    ):
        super().__init__()
        make_topology = partial(
            InstanceTopology, node_size, hidden_size,
            size=instance_size, n_neighbors=n_neighbors, bandwidth=bandwidth,
        )  # fmt: skip
        read = make_topology(interaction=interaction or "energy")
        # First, so that it starts the same however labels are enhanced.
        self.classifier = BagNetwork(
            n_labels, node_size, hidden_size=hidden_size, n_layers=n_layers,
            dropout=dropout, topology=read if graph_in_classifier else None,
        )  # fmt: skip
        self.topology = make_topology(interaction=interaction)
        in_sizes = [2 * instance_size]
        in_sizes += [self.topology.out_size] if interaction else []
        self.enhancer = LabelEnhancer(n_labels, in_sizes, hidden_size)
        self.correlation = None
        # Of two labels each would be the only neighbor of the other.
        if n_labels > 2 and correlation_weight > 0:
            self.correlation = LabelCorrelation(
                n_labels, n_label_neighbors, correlation_weight
            )

    def forward(self, nodes, labels=None):
        """Return logits; in training, where the labels are given, with what the loss needs."""
        logits = self.classifier(nodes)  # (N, L)
        # In validation an enhancer that sees the labels would say nothing about new bags.
        if labels is None or not self.training:
            return logits
        nodes = Nodes(nodes.values.detach(), nodes.layout)
        extras = self.enhance(nodes, labels), _standardized(nodes.mean())
        return HeadOutput(logits, extras)

    def enhance(self, nodes, labels):
        """Return one number per label (N, L), whose soft-max is the label distribution."""
        instances, variation = self.topology(nodes)
        features = [torch.cat([instances.mean(), instances.max()], dim=1)]  # (N, 2P)
        features += [] if variation is None else [variation]
        enhanced = self.enhancer(features, labels)  # Eq. 4
        return enhanced if self.correlation is None else self.correlation(enhanced)  # Eq. 5

    @property
    def represent_size(self):
        """The size of what represents a bag."""
        return self.classifier.represent_size

    def represent(self, nodes):
        """Return mean and maximum of the classifier's instances (N, 2D)."""
        return self.classifier.represent(nodes)


def _standardized(vectors):
    """Return vectors (N, F) with mean zero and variance one over the batch."""
    variance, mean = torch.var_mean(vectors, 0, correction=0)
    spread = variance.sqrt()
    # A feature that does not vary is zero, and not its rounding errors.
    least = vectors.abs().amax(0) * (10 * torch.finfo(vectors.dtype).eps)
    return (vectors - mean) * spread.reciprocal().masked_fill(spread <= least, 0)


class GLEMIMLClassifier(
    LabelEnhancementMixin, LinearSkipParameters, TopLabelParameters, BaseGraphClassifier
):
    """GLEMIML: a classifier of bags that learns from enhanced labels.

    Two networks are trained together [1]_. The enhancer sees the instances of a bag, their
    graph and the labels, and recovers how much each label describes the bag; the classifier
    sees the instances only, and learns the labels and these distributions. Prediction uses the
    classifier alone.

    The paper gives few of its settings and no code, and some printed equations cannot be meant
    as they stand; what is not in the paper follows FLEM, whose losses it uses.

    Parameters
    ----------
    hidden_size : int, default=128
        The size of the classifier's instances and of what the enhancer fuses; also of the
        nodes that are made of text and sparse matrices.
    n_layers : int, default=2
        The number of layers of the classifier: the last one is linear, and the others
        transform the instances before they are pooled. The paper's ablations A and B have 1
        and 3.
    dropout : float, default=0.0
        Of the classifier's instances.
    rho : float, default=0.99
        The weight of the labels in the classifier's loss, as opposed to the label
        distributions (Eq. 14). With 1 the classifier does not learn from the distributions.
        The paper does not say; smaller ones lowered mAP on the data that we measured.
    temperature : float, default=1.0
        How even the label distributions are made: the soft-max is of the enhancer's output
        divided by this.
    betas : array-like of shape (3,), default=(0.8, 0.1, 0.1)
        The weights of the enhancer's losses (Eq. 11): of the labels, weighted by the
        classifier's predictions (Eq. 6); of the similarity of bags (Eq. 9); of labels that do
        not hold above such that do (Eq. 10). They sum to 1.
    gamma_pos : float, default=0.0
        How strongly the classifier's predictions weigh labels that hold, in Eq. 6.
    gamma_neg : float, default=1.0
        How strongly they weigh labels that do not hold, in Eq. 6.
    similarity : {"pairs", "sum"}, default="pairs"
        How similarities of bags and of distributions are compared: the mean of their squared
        differences; or Eq. 9 as printed, where differences of both signs cancel.
    interaction : {"energy", "filter", None}, default="energy"
        What the enhancer learns of the graph of the instances (Eq. 3): with H the instances
        and G the graph's Laplacian, ``H.T @ G @ H``, or the mean of ``abs(G @ H)``. None
        leaves the graph out, which is the paper's ablation C.
    graph_in_classifier : bool, default=False
        Whether the classifier reads the graph of the instances, too, which the paper's does
        not.
    instance_size : int, default=16
        The size of the projected instances between which the graph is (Eq. 1).
    n_neighbors : int, default=3
        Two instances of a bag are linked if each is among so many nearest ones of the other
        (Eq. 2).
    bandwidth : float or "mean", default="mean"
        The width of the similarity of linked instances in Eq. 2; "mean" is the mean squared
        length of the edges in training.
    n_label_neighbors : int, default=3
        Two labels are linked if each is among so many most similar ones of the other, by
        their columns in the label distributions (Eq. 5).
    correlation_weight : float, default=0.5
        How much of the labels that it is linked with is added to a label (Eq. 5). There is no
        such graph of fewer than three labels.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X, of which the rows of a
        dense table are bags.  Pass an `InstanceEncoder`, `GraphEncoder`, `TokenEncoder`,
        `ImageEncoder` or, for sparse matrices, a `FeatureEncoder` to set or search its
        parameters.
    **inherited
        Those of training, the linear skip and the most probable label:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_distribution_ : ndarray of shape (n_samples, n_labels)
        How much each label describes each sample of `fit`; each row sums to one, and labels
        that are unknown have zero. It is made for the samples of the last training, those
        held out for validation included.
    label_correlation_ : ndarray of shape (n_labels, n_labels)
        How much label i receives from label j in Eq. 5.

    See Also
    --------
    FLEMClassifier : Label enhancement for vectors, and for instances side by side.
    MIMLRBF : Often as good, and trained in closed form.

    Notes
    -----
    Scale the features first, as with `BagScaler`. A step takes time in proportion to the
    squares of the bags' sizes and of the number of labels, for the graphs, which also take so
    much memory. The label distributions are dense: they take as much memory as a dense y.

    The label distribution of a single label is one, and there is nothing to learn from it.

    The batch norm and the similarity loss of the enhancer couple the samples of a batch: a
    weight of two is not quite the same as a sample given twice.

    References
    ----------
    .. [1] H. Su, D. Huang, X. Liu, K. Yan, Z. Li, C.-M. Vong, "Graph based Label Enhancement
           for Multi-instance Multi-label learning", arXiv:2304.10705.

    Examples
    --------
    >>> from skmlc import GLEMIMLClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.metrics import get_scorer
    >>> scenes = load_digit_scenes(100)
    >>> model = GLEMIMLClassifier(max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> print(f"mAP {get_scorer('mAP')(model, scenes.bags, scenes.target):.1f}")
    mAP 0.8
    >>> model.label_distribution_[:3].sum(axis=1).round(2)  # shares of the labels
    array([1., 1., 1.], dtype=float32)
    """

    _raw_kinds = ("bags", "graphs", "images")
    _rows_are_bags = True

    hidden_size: int = 128
    n_layers: int = 2
    dropout: float = 0.0
    rho: float = 0.99
    temperature: float = 1.0
    betas: Any = (0.8, 0.1, 0.1)
    gamma_pos: float = 0.0
    gamma_neg: float = 1.0
    similarity: str = "pairs"
    interaction: str | None = "energy"
    graph_in_classifier: bool = False
    instance_size: int = 16
    n_neighbors: int = 3
    bandwidth: float | str = "mean"
    n_label_neighbors: int = 3
    correlation_weight: float = 0.5

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "rho": [Interval(Real, 0, 1, closed="both")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "betas": ["array-like"],
        "gamma_pos": [Interval(Real, 0, None, closed="left")],
        "gamma_neg": [Interval(Real, 0, None, closed="left")],
        "interaction": [StrOptions(set(INTERACTIONS)), None],
        "graph_in_classifier": ["boolean"],
        "instance_size": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"mean"})],
        "n_label_neighbors": [Interval(Integral, 1, None, closed="left")],
        "correlation_weight": [Interval(Real, 0, None, closed="left")],
        "similarity": [StrOptions({"pairs", "sum"})],
    }

    def _make_head(self, n_labels, node_size):
        return GLEMIML(
            n_labels, node_size,
            **{name: getattr(self, name) for name in HEAD_PARAMETERS},
        )  # fmt: skip

    def _validate_params(self):
        super()._validate_params()
        self._check_betas()

    def _make_loss(self, label_loss):
        guided, similar, apart = self._check_betas()
        gammas = {"gamma_pos": self.gamma_pos, "gamma_neg": self.gamma_neg}
        terms = [
            (guided, partial(guided_loss, **gammas)),
            (similar, partial(similarity_loss, kind=self.similarity)),
            (apart, threshold_loss),
        ]
        return EnhancementLoss(
            label_loss, rho=self.rho, temperature=self.temperature, terms=terms
        )

    def _check_betas(self):
        """Return the weights of the enhancer's losses."""
        betas = np.asarray(self.betas)
        right = betas.shape == (3,) and betas.dtype.kind in "iuf" and (betas >= 0).all()
        if not right or not np.isclose(betas.sum(), 1):
            raise ValueError(
                "betas must be three numbers, none below zero, that sum to 1 (Eq. 11); got "
                f"{self.betas!r}."
            )
        return betas.tolist()

    @property
    def label_correlation_(self):
        """The graph of the labels that are alike, an ndarray of shape (n_labels, n_labels)."""
        correlation = self.module_.head.correlation
        if correlation is None:
            n_labels = self.label_distribution_.shape[1]
            return np.zeros((n_labels, n_labels))
        return correlation.graph().float().cpu().numpy()

    @of_one_model
    def instance_scores(self, X):
        """Return each instance's part of the scores.

        Parameters
        ----------
        X : {Bags, list of array-like of shape (n_instances, n_features), array-like of \
                shape (n_samples, n_features), Graphs, Sequences, sparse matrix, Images}
            The samples.

        Returns
        -------
        list of ndarray of shape (n_instances, n_labels)
            For each sample. The parts and the intercepts sum to `decision_function`, but for
            what the graph of the instances adds in the classifier, and the linear skip of text
            and sparse matrices, which belong to the sample as a whole. The instance with the
            largest part triggered the label.
        """
        check_is_fitted(self)
        parts = weigh_nodes(self, read_input(self, X), {"parts": self._parts})[1]["parts"]
        return [part.reshape(len(part), -1).T for part in parts]

    @of_one_model
    def explain(self, X, *, feature_names=None):
        """Return what each instance adds to each logit.

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
            Of kind "contribution", as `instance_scores`.
        """
        return explain_nodes(
            self, X, self._parts, kind="contribution", feature_names=feature_names
        )

    def _parts(self, network, batch, nodes):
        """Return each node's part of each logit, (n, L, S) for each group of samples."""
        parts = network.head.classifier.contributions(nodes)
        # What the linear skip says about the mean of a bag holds for its instances, too.
        if network.skip is None or self._input_kind not in ("bags", "graphs"):
            return parts
        batch = network.read(batch)[1]
        entries = Nodes(batch.values, batch.layout)
        of_skip = contributions(entries, network.skip.weight.T, "mean")
        return [a + b for a, b in zip(parts, of_skip, strict=True)]


HEAD_PARAMETERS = (
    "bandwidth",
    "correlation_weight",
    "dropout",
    "graph_in_classifier",
    "hidden_size",
    "instance_size",
    "interaction",
    "n_label_neighbors",
    "n_layers",
    "n_neighbors",
)
