"""GM-MLIC: match the instances of a sample with the labels, on a graph of both.

Wu, Liu, Feng, Jin, Lyu, Wu, "GM-MLIC: Graph Matching based Multi-Label Image Classification",
IJCAI 2021.  The network, with the paper's equations, is `skmlc.nn.graph_matching.GMMLIC`; here
are its loss (Eq. 15), what it must know of the training data, and the classifier.
"""

import warnings
from numbers import Integral, Real

import numpy as np
import torch
from scipy.special import logit
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval

from .base.classifier import BaseGraphClassifier
from .base.target import count_labels
from .inputs.containers import Images, flat_index
from .nn.graph_matching import GMMLIC
from .nn.losses import FrequencyWeightedLoss

__all__ = ["GMMLIC", "GMMLICClassifier"]


class GMMLICClassifier(BaseGraphClassifier):
    """Multi-label classifier by graph matching of instances and labels (GM-MLIC).

    The instances of a sample and the labels are the nodes of one graph: instances receive from
    near instances, labels from labels, and both from each other.  A network passes messages
    along its edges and scores each pair of an instance and a label; the best instance of a
    label gives its probability [1]_.

    Its home are bags of instances with boxes: regions of images and their features.  The
    instances of `Bags`, `Graphs` and images are read as they are, those of other inputs as the
    encoder makes them.  The paper's model is ``hidden_size=(512, 256)``: 15 million weights for
    instances of 1024 features, which learn small sets of images by heart.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix of shape (n_labels, n_labels) or builder, \
            default="full"
        Which labels have edges: entry (i, j) is not zero where label i receives from label j;
        how large it is does not matter.  Or "full", as in the paper, "none", "cooccurrence",
        "conditional_probability", "probability", or a builder of `skmlc.graphs`, fitted on
        the training labels.
    label_embedding : array-like of shape (n_labels, n_features), mapping, builder or None, \
            default=None
        Vectors of the labels: a row per label; from the names of the labels, y being a
        DataFrame; or `skmlc.graphs.WordVectors` or `CooccurrenceEmbedding`.  None learns
        them (one-hot vectors); the paper's are of GloVe.
    hidden_size : int or sequence of int, default=64
        The width of every layer, or of those of each convolution; the encoder of the
        assignment graph has that of the first.
    n_layers : int, default=2
        The number of convolutions.
    n_neighbors : int, default=5
        The number of nearest instances of its sample that an instance receives from: by the
        centers of the boxes, or by the features where there are no boxes.  `Graphs` say
        themselves who receives from whom.
    label_messages : bool, default=True
        Whether labels receive from labels; without, the paper's "w/o G^l".
    instance_messages : bool, default=True
        Whether instances receive from instances; without, the paper's "w/o G^o".
    matching_messages : bool, default=True
        Whether instances and labels receive from each other; without, the paper's "w/o ILM
        edges".
    skip_connections : bool, default=False
        Whether each convolution after the first also reads what the encoder gave, which Eq. 4
        may be read to say.
    beta : float, default=0.0
        How much more a label's rarer value counts: positive entries count ``exp(beta * (1 -
        r))`` and negative ones ``exp(beta * r)``, with r the label's frequency (Eq. 15); 0.4
        in the paper for large sets.  Without effect on a one-dimensional multi-class y.
    dropout : float, default=0.0
        The dropout of the hidden units of the encoder of the assignment graph.
    encoder : "auto" or encoder specification, default="auto"
        How a sample becomes nodes; "auto" chooses by the type of X.  Pass a `FeatureEncoder`,
        `TokenEncoder`, `InstanceEncoder`, `GraphEncoder` or `ImageEncoder` to set or search
        its parameters.
    linear_skip : bool, default=False
        Whether a linear model of the raw input is added to the logits; not of images, of
        whose pixels it could make nothing.  It is not in the paper, and on bags it does not
        help (measured).
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
    max_epochs : int, default=20
        How often training goes through the samples.
    batch_size : int, default=32
        The number of samples of a step, and of a batch in prediction.
    learning_rate : float, default=4e-3
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
    GlobalPoolClassifier : The maximum over instances without a graph, ``pooling="score"``.
    SSGRLClassifier : Labels that read the cells of an image by attention.

    Notes
    -----
    With S instances, L labels, E label edges and K neighbors, a sample costs time and memory
    in proportion to S L + E + S K; E is L (L - 1) for the full label graph.

    Boxes are divided by the largest coordinates of the training boxes.  Without boxes, the
    edge of two instances begins with their features, as that of two labels does (Eq. 2).
    The best instance of a label is the only one that learns, so that training begins slowly:
    hence the defaults of `max_epochs` and `learning_rate`.

    References
    ----------
    .. [1] Y. Wu, H. Liu, S. Feng, Y. Jin, G. Lyu, Z. Wu, "GM-MLIC: Graph Matching based
           Multi-Label Image Classification", IJCAI 2021, Eq. 1-15.

    Examples
    --------
    >>> from skmlc import GMMLICClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(60)
    >>> model = GMMLICClassifier(hidden_size=8, max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> model.explain(scenes.bags[:1]).scores[0].shape  # labels and instances
    (10, 2)
    """

    _raw_kinds = ("bags", "graphs", "images")
    _parameter_constraints = {
        **BaseGraphClassifier._parameter_constraints,
        "hidden_size": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "label_messages": ["boolean"],
        "instance_messages": ["boolean"],
        "matching_messages": ["boolean"],
        "skip_connections": ["boolean"],
        "beta": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        label_graph="full",
        *,
        label_embedding=None,
        hidden_size=64,
        n_layers=2,
        n_neighbors=5,
        label_messages=True,
        instance_messages=True,
        matching_messages=True,
        skip_connections=False,
        beta=0.0,
        dropout=0.0,
        encoder="auto",
        linear_skip=False,
        linear_C="scale",
        input_dropout=0.0,
        loss="bce",
        max_epochs=20,
        batch_size=32,
        learning_rate=4e-3,
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
        self.n_neighbors = n_neighbors
        self.label_messages = label_messages
        self.instance_messages = instance_messages
        self.matching_messages = matching_messages
        self.skip_connections = skip_connections
        self.beta = beta
        self.dropout = dropout

    def _make_head(self, n_labels, node_size):
        return GMMLIC(
            n_labels,
            node_size,
            self.adjacency_,
            label_vectors=self.label_embedding_,
            hidden_sizes=self._hidden_sizes,
            n_neighbors=self.n_neighbors,
            box_scale=self._box_scale,
            label_messages=self.label_messages,
            instance_messages=self.instance_messages and not self._has_single_nodes,
            matching_messages=self.matching_messages,
            skip_connections=self.skip_connections,
            dropout=self.dropout,
        )

    def _elementwise_loss(self, frequency):
        loss = super()._elementwise_loss(frequency)
        if self.beta == 0:
            return loss
        return FrequencyWeightedLoss(self.beta, loss).for_frequency(frequency)  # Eq. 15

    def _initialize_net(self, X, target, weight, rows):
        self._box_scale = _box_scale(X, rows)
        super()._initialize_net(X, target, weight, rows)
        if self.module_.skip is None:  # which else starts at the labels' frequencies
            positives, known = count_labels(target.Y[rows], weight[rows])
            frequency = (positives + 1) / (known + 2)
            multiclass = target.kind == "multiclass"
            prior = np.log(frequency) if multiclass else logit(frequency)
            with torch.no_grad():
                self.module_.head.bias.copy_(torch.as_tensor(prior))

    def _validate_input(self, X, *, reset=False):
        X = super()._validate_input(X, reset=reset)
        has_boxes = getattr(X, "boxes", None) is not None
        if self._input_kind == "images":
            if has_boxes and reset:
                warnings.warn(
                    "The boxes of images are not read: the cells of the feature map are the "
                    "instances.  skmlc.inputs.RegionFeatures makes instances of boxes.",
                    UserWarning,
                    stacklevel=2,
                )
        elif reset:
            self._has_boxes = has_boxes
        elif has_boxes != self._has_boxes:
            seen, came = ("boxes", "none") if self._has_boxes else ("no boxes", "some")
            raise ValueError(f"X must have boxes as in fit, which saw {seen}; got {came}.")
        return X

    @property
    def _hidden_sizes(self):
        """The width of each convolution."""
        if isinstance(self.hidden_size, Integral):
            return [self.hidden_size] * self.n_layers
        sizes = list(self.hidden_size)
        if len(sizes) != self.n_layers or not all(
            isinstance(size, Integral) and size > 0 for size in sizes
        ):
            raise ValueError(
                "hidden_size must be a positive integer, or one for each of the "
                f"n_layers={self.n_layers} convolutions; got {self.hidden_size!r}."
            )
        return sizes

    @property
    def _hidden_size_of_nodes(self):
        return self._hidden_sizes[0]

    @property
    def _has_single_nodes(self):
        """Whether every sample is one instance, which has no edges."""
        nodes = getattr(self.encoder, "nodes", "auto")
        vector = {"vectors": ("auto", "vector"), "sparse": ("vector",)}
        return nodes in vector.get(self._input_kind, ())

    def explain(self, X):
        """Return how well each instance matches each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.

        Returns
        -------
        sklearn.utils.Bunch
            With ``scores``, the logits of each sample's labels and instances, S in the paper,
            without the linear skip: a list of ndarrays of shape (n_labels, n_instances); for
            images one ndarray of shape (n_samples, n_labels, height, width) of the cells.  And
            ``probabilities``, what `predict_proba` gives.
        """

        def scores(head, nodes):
            return [x.transpose(1, 2) for _, x in head.scores(nodes).groups()]

        return Bunch(
            scores=self._explain_nodes(X, scores), probabilities=self.predict_proba(X)
        )


def _box_scale(X, rows):
    """Return the largest coordinates of the boxes of some samples; None without boxes."""
    if isinstance(X, Images):
        return 1.0, 1.0  # the cells of a feature map have boxes from 0 to 1
    if getattr(X, "boxes", None) is None:
        return None
    boxes = X.boxes[flat_index(X.offsets, rows)[0]]
    width, height = np.abs(boxes).reshape(-1, 2, 2).max(axis=(0, 1)).tolist()
    return width or 1.0, height or 1.0
