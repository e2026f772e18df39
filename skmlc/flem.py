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
from .nn.dropout import ByteDropout
from .nn.label_enhancement import (
    Enhanced,
    EnhancementLoss,
    LabelEnhancer,
    distribution_loss,
    guided_loss,
    similarity_loss,
    threshold_loss,
)
from .nn.pooling import POOLINGS, pool
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
    `Nodes` of N samples to logits (N, L); in training, with labels (N, L), to `Enhanced`, for
    the loss.
    """

    uses_targets = True
    # What the loss of the classifier does not train; its gradients are clipped by themselves.
    apart = ("enhancer",)

    def __init__(
        self, n_labels, node_size, *, hidden_size, n_slots=None, pooling="mean", dropout=0.0
    ):
        super().__init__()
        self.n_slots, self.pooling = n_slots, pooling
        in_size = node_size * (n_slots or 1)
        self.dropout = ByteDropout(dropout)
        self.classifier = nn.Linear(in_size, n_labels)
        self.enhancer = LabelEnhancer(
            n_labels, [in_size], hidden_size, fusion="concatenate"
        )
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, nodes, labels=None):
        """Return logits; in training, where labels are told, with what the loss needs."""
        x = self.represent(nodes)
        logits = self.classifier(self.dropout(x))  # (N, L)
        # In validation an enhancer that sees the labels would say nothing of new samples.
        if labels is None or not self.training:
            return logits
        x = x.detach()
        return Enhanced(logits, self.enhancer([x], labels), x)

    def enhance(self, nodes, labels):
        """Return one number per label (N, L), whose soft-max is the label distribution."""
        return self.enhancer([self.represent(nodes)], labels)

    def represent(self, nodes):
        """Return what describes a sample (N, in_size)."""
        if self.n_slots is None:
            return pool(nodes, self.pooling)
        return torch.cat([self._side_by_side(*part) for part in nodes.groups()])

    def _side_by_side(self, group, nodes):
        """Return the nodes (n, S, D) of each sample as one row (n, n_slots * D)."""
        if group.mask is not None:
            nodes = torch.where(group.mask[..., None], nodes, 0)
        missing = self.n_slots - nodes.shape[1]  # below zero, it crops
        return F.pad(nodes, (0, 0, 0, missing)).flatten(1)


class FLEMClassifier(LabelEnhancementMixin, BaseGraphClassifier):
    """FLEM: a linear classifier that learns from enhanced labels.

    Its losses are those of the authors' program [1]_.

    Parameters
    ----------
    method : {"distribution", "threshold", "similarity"}, default="distribution"
        What the enhancer learns besides the labels: the classifier's distribution, that labels
        which hold rank first, or that similar samples have similar distributions ("ld",
        "threshold" and "sim" in the authors' program).
    alpha : float, default=1e-3
        The weight of the recovered distribution in the classifier's loss, beside the labels.
    beta : float, default=1e-3
        The weight of `method` in the enhancer's loss, beside the labels.
    pooling : {"auto", "concatenate", "mean", "max"}, default="auto"
        What the classifier reads: the instances of a bag side by side, in their order, their
        mean or their maximum.  "auto" puts the instances of bags and graphs side by side, which
        is MI-FLEM [2]_, and takes the mean of others.
    hidden_size : int, default=128
        The size of what the enhancer fuses; also of the nodes that are made of text and sparse
        matrices.
    dropout : float, default=0.0
        Of what the classifier reads.
    top_label : bool, default=False
        Whether a sample for which no label is predicted gets the most probable one (the
        T-criterion of MIMLSVM).
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X, of which the rows of a
        dense table are bags.  Pass an `InstanceEncoder`, `GraphEncoder`, `TokenEncoder`,
        `ImageEncoder` or, for sparse matrices, a `FeatureEncoder` to set or search its
        parameters.
    input_dropout : float, default=0.0
        The probability that an input is left out in training: a feature, a token, or an entry
        of an instance; it must be 0 for images.
    loss : {"bce", "asymmetric", "focal"} or callable, default="bce"
        Binary cross-entropy, one of the losses of `skmlc.nn.losses` for rare labels, or a
        function of (logits, labels), tensors of shape (n_samples, n_labels), that gives the
        loss of each entry.  A one-dimensional multi-class y always has a soft-max and
        cross-entropy.
    max_epochs : int, default=12
        How often training goes through the samples.
    batch_size : int, default=32
        The number of samples of a step, and of a batch in prediction.
    learning_rate : float, default=2e-3
        The highest learning rate.
    optimizer : {"adamw", "adam", "sgd"} or optimizer class, default="adamw"
        The optimizer; "sgd" has a momentum of 0.9.
    weight_decay : float, default=0.01
        The optimizer's weight decay.
    lr_schedule : {"cosine", "step", "plateau", None}, default="cosine"
        How the learning rate changes: "cosine" rises over the first tenth of the steps, then
        falls to zero; "step" divides by ten after each third of the epochs; "plateau" divides
        by ten after five epochs without a better validation (else training) measure.
    max_grad_norm : float or None, default=1.0
        The norm to which gradients are clipped.
    ema_decay : float or None, default=None
        In `fit`, validate and end with an exponential moving average of the weights, such as
        0.999; None is the weights of the last step.
    early_stopping : False, "loss" or str, default=False
        Hold out a part of the samples and keep the weights of the epoch with the best loss,
        or the best value of a metric named in `skmlc.metrics.get_scorer_names`.
    validation_fraction : float, default=0.1
        The part held out by early stopping and by a tuned threshold, stratified by label.
        The label graph never sees it.
    patience : int, default=5
        After how many epochs without a better one early stopping ends training.
    threshold : float, array-like of shape (n_labels,) or {"tuned", "tuned_per_label"}, \
            default=0.5
        A label is predicted where its probability is at least this; "tuned" ones are chosen
        on the part held out.
    threshold_metric : str, default="ebF1"
        The metric for which a threshold is tuned.
    threshold_grid : {"lamp", "exact"} or array-like, default="lamp"
        The thresholds tried: the 27 of LaMP's authors, every distinct probability, or these.
    label_weight : "balanced", array-like of shape (n_labels,) or None, default=None
        How much the positive entries of each label count; "balanced" is the number of
        negative entries per positive one.
    allow_missing_labels : bool, default=False
        Whether NaN in y stands for an unknown label, which is left out of the loss and of the
        label graph.
    device : str or torch.device, default="auto"
        Where to train; "auto" is CUDA where there is one, else the CPU.
    precision : {"float32", "float64", "bfloat16"}, default="float32"
        The floating point type; "bfloat16" is mixed precision, and slow on most CPUs.
    compile : bool, default=False
        Whether to compile the network with ``torch.compile``.
    callbacks : list of skorch callbacks or None, default=None
        Called in training, after ours.
    net_params : dict or None, default=None
        Anything else for `skorch.NeuralNet`; wins over what is set here.
    warm_start : bool, default=False
        Whether `fit` goes on from the last fit's weights and label graph.
    random_state : int, RandomState or None, default=None
        For initial weights, dropout, the order of the samples and the part held out.
    verbose : bool or int, default=False
        Whether to print one line per epoch.

    Attributes
    ----------
    label_distribution_ : ndarray of shape (n_samples, n_labels)
        How much each label describes each sample of `fit`; each row sums to one, and labels
        that are unknown have zero.
    n_slots_ : int or None
        How many instances are put side by side: those of the largest bag of `fit`.  Smaller
        bags are filled with zeros, and what a larger one has beyond is not read.  None where
        they are pooled.
    classes_ : ndarray of shape (n_labels,)
        The labels' numbers for a label matrix, else the classes.
    label_names_ : ndarray of str of shape (n_labels,)
        The columns of y, if it was a DataFrame.
    adjacency_ : ndarray or CSR array of shape (n_labels, n_labels)
        The label graph without self-loops; label i receives from label j where entry (i, j)
        is not zero.
    label_graph_ : builder or None
        The fitted builder, if the graph was built from y.
    threshold_ : float or ndarray of shape (n_labels,)
        The threshold of `predict`.
    net_ : skorch.NeuralNet
        The trained net.
    module_ : torch.nn.Module
        The trained module.
    history_ : skorch.history.History
        The losses and scores of each epoch.
    n_iter_ : int
        The number of epochs trained.
    n_features_in_ : int
        The number of features, of tokens in the vocabulary, of features of an instance, or of
        channels.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        The columns of X, if it was a DataFrame with string names.

    See Also
    --------
    GLEMIMLClassifier : Reads all instances, in any order, and their graph.

    Notes
    -----
    Of a single label the label distribution is one, and there is nothing to learn from it.

    Side by side, the order of the instances matters, and the classifier has `n_slots_` times
    as many features as an instance.  The authors' program adds the threshold losses of a batch
    where we take the mean.

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
    >>> model.label_distribution_.shape
    (100, 10)
    """

    _raw_kinds = ("bags", "graphs", "images")
    _rows_are_bags = True

    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "method": [StrOptions({"distribution", "threshold", "similarity"})],
        "alpha": [Interval(Real, 0, 1, closed="both")],
        "beta": [Interval(Real, 0, 1, closed="both")],
        "pooling": [StrOptions({"auto", "concatenate", *POOLINGS})],
        "top_label": ["boolean"],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        method="distribution",
        alpha=1e-3,
        beta=1e-3,
        pooling="auto",
        hidden_size=128,
        dropout=0.0,
        top_label=False,
        encoder="auto",
        input_dropout=0.0,
        loss="bce",
        max_epochs=12,
        batch_size=32,
        learning_rate=2e-3,
        optimizer="adamw",
        weight_decay=0.01,
        lr_schedule="cosine",
        max_grad_norm=1.0,
        ema_decay=None,
        early_stopping=False,
        validation_fraction=0.1,
        patience=5,
        threshold=0.5,
        threshold_metric="ebF1",
        threshold_grid="lamp",
        label_weight=None,
        allow_missing_labels=False,
        device="auto",
        precision="float32",
        compile=False,
        callbacks=None,
        net_params=None,
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
        super().__init__(
            encoder=encoder,
            input_dropout=input_dropout,
            loss=loss,
            max_epochs=max_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            optimizer=optimizer,
            weight_decay=weight_decay,
            lr_schedule=lr_schedule,
            max_grad_norm=max_grad_norm,
            ema_decay=ema_decay,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            threshold=threshold,
            threshold_metric=threshold_metric,
            threshold_grid=threshold_grid,
            label_weight=label_weight,
            allow_missing_labels=allow_missing_labels,
            device=device,
            precision=precision,
            compile=compile,
            callbacks=callbacks,
            net_params=net_params,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.method = method
        self.alpha = alpha
        self.beta = beta
        self.pooling = pooling
        self.top_label = top_label
        self.hidden_size = hidden_size
        self.dropout = dropout

    def _make_module(self, X, n_labels):
        self.n_slots_ = self._count_slots(X)
        return super()._make_module(X, n_labels)

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


def _matched_loss(output, targets):
    """Return the cross-entropy of the enhancer to the classifier's distribution."""
    return distribution_loss(output.enhanced, output.logits, targets)
