"""GM-MLIC: match the instances of a sample with the labels, on a graph of both.

Wu, Liu, Feng, Jin, Lyu, Wu, "GM-MLIC: Graph Matching based Multi-Label Image Classification",
IJCAI 2021.  The network, with the paper's equations, is `skmlc.nn.graph_matching.GMMLIC`; here
are its loss (Eq. 15), what it must know of the training data, and the classifier.
"""

import warnings
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from .base.added_labels import AddedLabelsMixin
from .base.classifier import BaseGraphClassifier
from .base.explaining import explain_nodes
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import (
    LabelEmbeddingParameters,
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
)
from .graphs.adjacency import check_pairs_memory
from .inputs.containers import Images, flat_index
from .nn.graph_matching import GMMLIC
from .nn.losses import FrequencyWeightedLoss
from .one_model import of_one_model
from .training.predict import to_numpy

__all__ = ["GMMLIC", "GMMLICClassifier"]


class GMMLICClassifier(
    AddedLabelsMixin,
    LabelGraphParameters,
    LabelEmbeddingParameters,
    LinearSkipParameters,
    LabelMaskingParameters,
    KnownLabelsMixin,
    BaseGraphClassifier,
):
    """Multi-label classifier by graph matching of instances and labels (GM-MLIC).

    The instances of a sample and the labels are the nodes of one graph: instances receive from
    nearby instances, labels from labels, and both from each other.  A network passes messages
    along its edges and scores each pair of an instance and a label; the best instance of a
    label gives its probability [1]_.

    It is made for bags of instances with boxes: regions of images and their features.  The
    instances of `Bags`, `Graphs` and images are read as they are, those of other inputs as the
    encoder makes them.  The paper's model is ``hidden_size=(512, 256)``: 15 million weights
    for instances of 1024 features, which memorize small sets of images.

    Parameters
    ----------
    label_graph : str, array-like, sparse matrix of shape (n_labels, n_labels) or builder, \
            default="full"
        Which labels have edges: entry (i, j) is not zero where label i receives from label j;
        how large it is does not matter.  Or "full", as in the paper, "none", "cooccurrence",
        "conditional_probability", "probability", or a builder of `skmlc.graphs`, fitted on
        the training labels.
    hidden_size : int or sequence of int, default=64
        The width of every layer, or of those of each convolution; the encoder of the
        assignment graph has that of the first.
    n_layers : int, default=2
        The number of convolutions.
    n_neighbors : int, default=5
        The number of nearest instances of its sample that an instance receives from: by the
        centers of the boxes, or by the features where there are no boxes.  `Graphs` have their
        own edges, whose weights are those of the mean of the messages.
    label_messages : bool, default=True
        Whether labels receive from labels; without, the paper's "w/o G^l".
    instance_messages : bool, default=True
        Whether instances receive from instances; without, the paper's "w/o G^o".
    matching_messages : bool, default=True
        Whether instances and labels receive from each other; without, the paper's "w/o ILM
        edges".
    skip_connections : bool, default=False
        Whether each convolution after the first also reads the output of the encoder, a
        possible reading of Eq. 4.
    beta : float, default=0.0
        How much more a label's rarer value counts: positive entries count ``exp(beta * (1 -
        r))`` and negative ones ``exp(beta * r)``, with r the label's frequency (Eq. 15); 0.4
        in the paper for large sets.  Without effect on a one-dimensional multi-class y.
    dropout : float, default=0.0
        The dropout of the hidden units of the encoder of the assignment graph.
    **inherited
        Those of training, the label graph, vectors of the labels and the linear skip:
        see `skmlc.base.shared_parameters`.

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
    hence the defaults of `max_epochs` and `learning_rate`.  Hiding labels (`label_masking`)
    slows it further: trained on 180 bags of bird song, macro AP with nothing known was .55
    without and .28 with it on 26 others.

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
    >>> model.explain(scenes.bags[:1])  # a score for each label and instance
    Explanation(kind='score', n_samples=1, n_labels=10, 2 instances per sample)
    """

    _raw_kinds = ("bags", "graphs", "images")
    hidden_size: int | Sequence[int] = 64
    n_layers: int = 2
    n_neighbors: int = 5
    label_messages: bool = True
    instance_messages: bool = True
    matching_messages: bool = True
    skip_connections: bool = False
    beta: float = 0.0
    dropout: float = 0.0
    linear_skip: bool = False
    max_epochs: int = 20
    learning_rate: float = 4e-3

    _parameter_constraints = {
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

    def _make_head(self, n_labels, node_size):
        if self.label_messages:
            # The ends of an edge, and five of its vectors that training keeps (measured).
            size = self._hidden_sizes[0]
            check_pairs_memory(
                self.adjacency_, 0, "a label_graph with fewer edges, 'none' or a smaller "
                "hidden_size", bytes_per_edge=2 * 8 + 5 * 4 * size,
            )  # fmt: skip
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
            takes_known=self._masks_labels,
        )

    def _elementwise_loss(self, frequency):
        loss = super()._elementwise_loss(frequency)
        if self.beta == 0:
            return loss
        return FrequencyWeightedLoss(self.beta, loss).for_frequency(frequency)  # Eq. 15

    def _prepare_head(self, X, rows, positives):
        self._box_scale = _box_scale(X, rows)

    def _check_input(self, X, *, reset):
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

    def _set_labels_of_head(self, adjacency, vectors, *, new_graph):
        head = self.module_.head
        if new_graph and head.encode_label_edges is None:
            raise ValueError(
                "label_graph must be None: the classifier was fitted without edges among "
                "labels, and has learned no messages along them."
            )
        head.set_labels(adjacency, vectors)

    @of_one_model
    def label_states(self, X, known=None):
        """Return the states of the labels after the last convolution.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.

        Returns
        -------
        ndarray of shape (n_samples, n_labels, hidden_size)
            The state of each label in each sample, after instances and other labels have sent
            messages to it.  `skmlc.inspection.ClassifierMapDisplay` draws their mean.
        """

        def states(network, batch, rows):
            labels = network.head.convolve(network.nodes(batch), batch.known).labels
            return list(to_numpy(labels.expand(len(batch), -1, -1)))  # (N, L, D)

        return np.stack(self._map_batches(X, states, self._read_known(known, X)))

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return how well each instance matches each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "score": the logits of each sample's labels and instances, S in the paper,
            without the linear skip.
        """

        def scores(network, batch, nodes):
            found = network.head.scores(nodes, batch.known)
            return [x.transpose(1, 2) for _, x in found.groups()]

        return explain_nodes(
            self, X, scores, kind="score", known=known, feature_names=feature_names
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
