"""FLEM: fusion label enhancement for multi-label learning, and MI-FLEM for bags.

Zhao, An, Xu, Geng, IJCAI 2022.  A linear classifier and a label enhancer are trained together:
the classifier learns the labels and the recovered distributions, and the enhancer is guided by
the classifier.  On bags, the instances are put side by side, as GLEMIML's authors did for their
comparison (MI-FLEM).
"""

from numbers import Integral, Real

import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.enhancement import LabelEnhancementMixin
from .base.explaining import explain_nodes, head_contributions
from .base.shared_parameters import TopLabelParameters
from .nn.dropout import ByteDropout
from .nn.head_output import HeadOutput
from .nn.label_enhancement import (
    EnhancementLoss,
    LabelEnhancer,
    distribution_loss,
    guided_loss,
    similarity_loss,
    threshold_loss,
)
from .nn.pooling import POOLINGS, contributions, pool
from .one_model import of_one_model
from .training.batches import n_nodes_per_sample

__all__ = ["FLEM", "FLEMClassifier"]


class FLEM(nn.Module):
    """A linear classifier, and the label enhancer that it is trained with.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The size of a node, D.
    hidden_size : int
        The size of what the enhancer fuses.
    n_slots : int or None
        How many nodes are put side by side; what is missing is zero, and further ones are left
        out.  None pools the nodes.
    pooling : {"max", "mean"}
        How they are pooled.
    dropout : float
        Of what the classifier reads.

    Shape
    -----
    `Nodes` of N samples to logits (N, L); in training, with labels (N, L), to
    `HeadOutput`, whose extras are what the enhancer says and what the classifier reads.
    """

    uses_targets = True
    # What the loss of the classifier does not train; its gradients are clipped by themselves.
    clipped_separately = ("enhancer",)

    def __init__(
        self, n_labels, node_size, *, hidden_size, n_slots=None, pooling="mean", dropout=0.0
    ):
        super().__init__()
        self.n_slots, self.pooling = n_slots, pooling
        self.represent_size = in_size = node_size * (n_slots or 1)
        self.dropout = ByteDropout(dropout)
        self.classifier = nn.Linear(in_size, n_labels)
        self.enhancer = LabelEnhancer(
            n_labels, [in_size], hidden_size, fusion="concatenate"
        )
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, nodes, labels=None):
        """Return logits; in training, where the labels are given, with what the loss needs."""
        x = self.represent(nodes)
        logits = self.classifier(self.dropout(x))  # (N, L)
        # In validation an enhancer that sees the labels would say nothing about new samples.
        if labels is None or not self.training:
            return logits
        x = x.detach()
        return HeadOutput(logits, (self.enhancer([x], labels), x))

    def enhance(self, nodes, labels):
        """Return one number per label (N, L), whose soft-max is the label distribution."""
        return self.enhancer([self.represent(nodes)], labels)

    def represent(self, nodes):
        """Return what describes a sample (N, in_size)."""
        if self.n_slots is None:
            return pool(nodes, self.pooling)
        return torch.cat([self._side_by_side(*part) for part in nodes.groups()])

    def contributions(self, nodes):
        """Return each node's part of each logit, (n, L, S) for each group of samples."""
        if self.n_slots is None:
            return contributions(nodes, self.classifier.weight, self.pooling)
        weight = self.classifier.weight.unflatten(1, (self.n_slots, -1))  # (L, slots, D)
        result = []
        for group, values in nodes.groups():
            n_read = min(self.n_slots, group.n_nodes)
            parts = torch.einsum("nsd,lsd->nls", values[:, :n_read], weight[:, :n_read])
            result.append(F.pad(parts, (0, group.n_nodes - n_read)))  # (n, L, S)
        return result

    def _side_by_side(self, group, nodes):
        """Return the nodes (n, S, D) of each sample as one row (n, n_slots * D)."""
        if group.mask is not None:
            nodes = torch.where(group.mask[..., None], nodes, 0)
        missing = self.n_slots - nodes.shape[1]  # below zero, it crops
        return F.pad(nodes, (0, 0, 0, missing)).flatten(1)


class FLEMClassifier(LabelEnhancementMixin, TopLabelParameters, BaseGraphClassifier):
    """FLEM: a linear classifier that learns from enhanced labels.

    Its losses follow the published code [1]_; the notes say where it differs.

    Parameters
    ----------
    method : {"distribution", "threshold", "similarity"}, default="distribution"
        What the enhancer learns besides the labels: the classifier's distribution, that labels
        which hold rank first, or that similar samples have similar distributions ("ld",
        "threshold" and "sim" in the published code).
    alpha : float, default=1e-3
        The weight of the recovered distribution in the classifier's loss, next to the labels.
    beta : float, default=1e-3
        The weight of `method` in the enhancer's loss, next to the labels.
    pooling : {"auto", "concatenate", "mean", "max"}, default="auto"
        What the classifier reads: the instances of a bag side by side, in their order, their
        mean or their maximum.  "auto" puts the instances of bags and graphs side by side, which
        is MI-FLEM [2]_, and takes the mean of others.
    hidden_size : int, default=128
        The size of what the enhancer fuses; also of the nodes that are made of text and sparse
        matrices.
    dropout : float, default=0.0
        Of what the classifier reads.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X, of which the rows of a
        dense table are bags.  Pass an `InstanceEncoder`, `GraphEncoder`, `TokenEncoder`,
        `ImageEncoder` or, for sparse matrices, a `FeatureEncoder` to set or search its
        parameters.
    **inherited
        Those of training and the most probable label:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_distribution_ : ndarray of shape (n_samples, n_labels)
        How much each label describes each sample of `fit`; each row sums to one, and labels
        that are unknown have zero.
    n_slots_ : int or None
        How many instances are put side by side: those of the largest bag of `fit`.  Smaller
        bags are filled with zeros, and what a larger one has beyond is not read.  None where
        they are pooled.

    See Also
    --------
    GLEMIMLClassifier : Reads all instances, in any order, and their graph.

    Notes
    -----
    The label distribution of a single label is one, and there is nothing to learn from it.

    Side by side, the order of the instances matters, and the classifier has `n_slots_` times
    as many features as an instance.

    Two losses are not quite those of the published code: of "threshold" it takes the sum over
    a batch and leaves out only samples without labels, where we take the mean, and a sample
    with all labels counts zero; of "similarity" it also counts each sample's similarity to
    itself.  Its classifier starts from random weights, ours from zero; it trains by AdamW with
    AMSGrad and without decay of the biases, and clips all gradients together, where we clip
    those of classifier and enhancer separately.

    References
    ----------
    .. [1] X. Zhao, Y. An, N. Xu, X. Geng, "Fusion Label Enhancement for Multi-Label Learning",
           IJCAI 2022.
    .. [2] H. Su et al., "Graph based Label Enhancement for Multi-instance Multi-label
           learning", arXiv:2304.10705, section 4.2.

    Examples
    --------
    >>> from skmlc import FLEMClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(100)
    >>> model = FLEMClassifier(max_epochs=2, random_state=0).fit(scenes.bags, scenes.target)
    >>> model.label_distribution_[:3].sum(axis=1).round(2)  # shares of the labels
    array([1., 1., 1.], dtype=float32)
    """

    _raw_kinds = ("bags", "graphs", "images")
    _rows_are_bags = True

    method: str = "distribution"
    alpha: float = 1e-3
    beta: float = 1e-3
    pooling: str = "auto"
    hidden_size: int = 128
    dropout: float = 0.0

    _parameter_constraints = {
        "method": [StrOptions({"distribution", "threshold", "similarity"})],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "beta": [Interval(Real, 0, 1, closed="both")],
        "pooling": [StrOptions({"auto", "concatenate", *POOLINGS})],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _prepare_head(self, X, rows, positives):
        self.n_slots_ = self._count_slots(X)

    def _count_slots(self, X):
        """Return how many nodes are put side by side; None for pooling."""
        kind, pooling = self._input_kind, self.pooling
        if pooling == "auto":
            pooling = "concatenate" if kind in ("bags", "graphs") else "mean"
        if pooling != "concatenate":
            return None
        if kind == "images":
            raise ValueError(
                "pooling must be 'mean' or 'max' for images, whose cells are many; got "
                "'concatenate'."
            )
        return max(1, int(n_nodes_per_sample(X).max()))

    def _make_head(self, n_labels, node_size):
        return FLEM(
            n_labels, node_size, hidden_size=self.hidden_size, n_slots=self.n_slots_,
            pooling="max" if self.pooling == "max" else "mean", dropout=self.dropout,
        )  # fmt: skip

    def _make_loss(self, label_loss):
        special = {
            "distribution": _matched_loss,
            "threshold": threshold_loss,
            "similarity": similarity_loss,
        }[self.method]
        terms = [(1 - self.beta, guided_loss), (self.beta, special)]
        return EnhancementLoss(label_loss, rho=1 - self.alpha, temperature=1.0, terms=terms)

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
            Of kind "contribution": what each node adds to each logit.  Side by side, instances
            beyond the slots add nothing.
        """
        return explain_nodes(
            self, X, head_contributions, kind="contribution", feature_names=feature_names
        )


def _matched_loss(output, targets):
    """Return the cross-entropy of the enhancer to the classifier's distribution."""
    return distribution_loss(output.enhanced, output.logits, targets)
