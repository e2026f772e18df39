"""ML-GCN: graph convolutions over the labels make the classifiers of an image's features.

Chen, Wei, Wang, Guo, "Multi-Label Image Recognition with Graph Convolutional Networks", CVPR
2019, arXiv:1904.03582.  The features of a sample are pooled by their maximum (Eq. 3); a label's
classifier is what graph convolutions make of its vector and those of its neighbors (Eq. 2);
their product is the label's logit (Eq. 4).
"""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from .base.classifier import BaseGraphClassifier
from .nn.dropout import ByteDropout
from .nn.graph_conv import GraphConvolutions
from .nn.pooling import contributions

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
    is_sparse = sparse.issparse(adjacency)
    loops = sparse.diags_array(self_weight) if is_sparse else np.diag(self_weight)
    matrix = adjacency + loops
    if normalization is None:
        return matrix
    degree = np.asarray(abs(matrix).sum(axis=1)).ravel()  # weights may be negative
    root = 1 / np.sqrt(np.maximum(degree, 1e-12))
    if is_sparse:
        return sparse.csr_array(
            sparse.diags_array(root) @ matrix @ sparse.diags_array(root)
        )
    return root[:, None] * matrix * root


class MLGCNClassifier(BaseGraphClassifier):
    """Multi-label classifier by graph convolutions over the labels (ML-GCN).

    The label graph makes the classifiers: each is mixed from the vectors of the label and of
    its neighbors, so that labels that imply each other are told apart by similar features
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
        ``direction="original"`` is that of the authors' program, and without `neighbor_weight`
        it is the paper's binary one.
    label_embedding : array-like of shape (n_labels, n_features), mapping, builder or None, \
            default=None
        Vectors of the labels: a row per label; from the names of the labels, y being a
        DataFrame; or `skmlc.graphs.WordVectors` or `CooccurrenceEmbedding`.  None learns
        them (one-hot vectors).
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
    label_classifiers_ : ndarray of shape (n_labels, n_features_of_a_node)
        The classifiers that the graph convolutions have made.
    label_embedding_ : ndarray of shape (n_labels, n_features) or None
        The vectors of the labels.
    label_embedding_builder_ : builder or None
        The fitted builder of these vectors, if there is one.
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
    GlobalPoolClassifier : The same without a label graph.
    SSGRLClassifier : Each label attends to its own part of an image.

    Notes
    -----
    The pooled features of images are those of the backbone; nodes that are made of other
    input are rectified first, as those are.  The authors' program propagates against the
    direction of the paper, with a self weight of one and 0.25 from neighbors, and normalizes
    as ``D A'^T D``.

    The paper's training is ``optimizer="sgd"``, ``learning_rate=0.01``, ``weight_decay=1e-4``,
    ``lr_schedule="step"``, ``max_epochs=100``, the program's ``max_grad_norm=10.0``, and
    ``encoder=ImageEncoder("resnet101", weights=..., size=448, augment="crop-flip")``.

    References
    ----------
    .. [1] Z.-M. Chen, X.-S. Wei, P. Wang, Y. Guo, "Multi-Label Image Recognition with Graph
           Convolutional Networks", CVPR 2019, arXiv:1904.03582, Eq. 1-8.

    Examples
    --------
    >>> from skmlc import MLGCNClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(100)
    >>> model = MLGCNClassifier("conditional_probability", max_epochs=2, random_state=0)
    >>> model.fit(scenes.bags, scenes.target).label_classifiers_.shape
    (10, 128)
    """

    _raw_kinds = ("images",)
    _rectifies_nodes = True

    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "normalization": [StrOptions({"auto", "symmetric"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        label_graph="conditional_probability",
        *,
        label_embedding=None,
        hidden_size=128,
        n_layers=2,
        normalization="auto",
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
        self.label_embedding = label_embedding
        self.linear_skip = linear_skip
        self.linear_C = linear_C
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.normalization = normalization
        self.dropout = dropout

    def _make_head(self, n_labels, node_size):
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

    def explain(self, X):
        """Return which nodes the logits come from.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        sklearn.utils.Bunch
            With ``contributions``, what each node adds to each logit (but for the linear
            skip): an ndarray of shape (n_samples, n_labels, height, width) for images, else
            a list of arrays of shape (n_labels, n_nodes).  A feature's part goes to the node
            where it is largest.  And ``probabilities``, as of `predict_proba`.
        """
        return Bunch(
            contributions=self._explain_nodes(X, MLGCN.contributions),
            probabilities=self.predict_proba(X),
        )
