"""GGNN: a gated graph network over labels and further concepts, above pooled features.

Viel, "Improving Multi-Label Image Classification with Graph Neural Networks", section 2.2,
after Marino, Salakhutdinov, Gupta, "The More You Know", CVPR 2017, arXiv:1612.04844.  A linear
layer says how strongly the pooled features speak for each node of a knowledge graph; T gated
steps propagate that along its edges (Eq. 2-6); a linear layer reads both.
"""

from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .base.classifier import BaseGraphClassifier
from .graphs.adjacency import reweight_adjacency
from .nn.dropout import ByteDropout
from .nn.gated_graph import GatedGraph, bound_weights
from .nn.pooling import contributions

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
    ):
        super().__init__()
        n_concepts = incoming.shape[0]
        self.state_size = state_size
        self.evidence = nn.Linear(node_size, n_concepts)
        self.graph = GatedGraph(
            incoming, outgoing, state_size=state_size, n_steps=n_steps, message_layers=True
        )
        self.dropout = ByteDropout(dropout)
        self.output = nn.Linear(n_concepts * (1 + state_size), n_labels)

    def forward(self, nodes):
        """Return the logits of a batch."""
        evidence = self.evidence(self.represent(nodes))  # (N, M)
        states = evidence[..., None].expand(-1, -1, self.state_size)  # (N, M, s)
        states = self.graph(states)  # (N, M, s), Eq. 2-6
        both = torch.cat([evidence, states.flatten(1)], dim=1)  # (N, M + M s)
        return self.output(self.dropout(both))  # (N, L)

    def represent(self, nodes):
        """Return the pooled features (N, D)."""
        return nodes.max()


class GGNNClassifier(BaseGraphClassifier):
    """Multi-label classifier by a gated graph network over a knowledge graph (GGNN).

    The graph has a node per label, and may have further concepts: what the sample says of
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
        The size of the nodes that are made of a table, of text or of bags; of images the
        features are read as they are.
    state_size : int, default=10
        The size of the state of a node of the graph.
    n_steps : int, default=3
        The number of steps, that is how many edges far a node hears.
    reweight : (float, float) or None, default=None
        The paper's A'': keep the edges of at least `threshold` times the largest weight, and
        let the neighbors of each node share the weight `neighbor_weight` beside one minus
        that for itself, in either direction; given as (threshold, neighbor_weight), (0.1,
        0.1) in the paper.  Advised where nodes have many neighbors, whose sum would drown
        all else.  None takes the weights of the graph.
    dropout : float, default=0.0
        Of what the last layer reads.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X.  Pass a `FeatureEncoder`,
        `TokenEncoder`, `InstanceEncoder`, `GraphEncoder` or `ImageEncoder` to set or search
        its parameters.
    linear_skip : bool, default=True
        Whether a linear model of the raw input is added to the logits; not of images, of
        whose pixels it could make nothing.
    linear_C : float or "scale", default="scale"
        The inverse strength of the L2 penalty of the linear skip, as `C` of
        `sklearn.linear_model.LogisticRegression`; "scale" is 20 / the mean squared norm of the
        samples.
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
        The highest learning rate; the linear skip has a step of its own.
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
    classes_ : ndarray of shape (n_labels,)
        The labels' numbers for a label matrix, else the classes.
    label_names_ : ndarray of str of shape (n_labels,)
        The columns of y, if it was a DataFrame.
    adjacency_ : ndarray or CSR array of shape (n_nodes, n_nodes)
        The graph without self-loops, relations averaged; node i receives from node j where
        entry (i, j) is not zero.
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
    SSGRLClassifier : The same propagation, of features that each label has picked.
    MLGCNClassifier : The label graph makes the classifiers of the pooled features.
    skmlc.graphs.KnowledgeGraph : Labels and further concepts, from relations.

    Notes
    -----
    The messages are computed anew in every step, as the paper says; in its author's program
    they stay those of the first, so that nothing travels farther than one edge.  What a node
    keeps of its own is for the gates to say: it sends itself no message but with `reweight`.

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
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = GGNNClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> model.predict_proba(X).shape
    (100, 4)
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True
    _takes_concepts = True

    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "state_size": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "reweight": ["array-like", Real, None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        label_graph="probability",
        *,
        hidden_size=64,
        state_size=10,
        n_steps=3,
        reweight=None,
        dropout=0.0,
        encoder="auto",
        linear_skip=True,
        linear_C="scale",
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
        self.label_graph = label_graph
        self.linear_skip = linear_skip
        self.linear_C = linear_C
        self.hidden_size = hidden_size
        self.state_size = state_size
        self.n_steps = n_steps
        self.reweight = reweight
        self.dropout = dropout

    def _make_head(self, n_labels, node_size):
        incoming, outgoing = self._directed_graphs()
        return GGNN(
            n_labels,
            incoming,
            outgoing,
            node_size=node_size,
            state_size=self.state_size,
            n_steps=self.n_steps,
            dropout=self.dropout,
        )

    def explain(self, X):
        """Return which nodes of a sample speak for each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        sklearn.utils.Bunch
            With ``contributions``, what each node of a sample adds to the evidence for each
            label, before it spreads along the graph: an ndarray of shape (n_samples, n_labels,
            height, width) for images, else a list of arrays of shape (n_labels, n_nodes).
            And ``probabilities``, as of `predict_proba`.
        """
        check_is_fitted(self)
        n_labels = self.module_.head.output.out_features

        def weigh(head, nodes):
            return contributions(nodes, head.evidence.weight[:n_labels], "max")

        return Bunch(
            contributions=self._explain_nodes(X, weigh),
            probabilities=self.predict_proba(X),
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
