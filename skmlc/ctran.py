"""C-Tran: a transformer over a sample's nodes and its labels, which may be known in part.

Lanchantin, Wang, Ordonez, Qi, "General Multi-label Image Classification with Transformers",
CVPR 2021, arXiv:2011.14027.  Nodes, and label embeddings to which the embedding of what is
known about each label is added (section 3.2), are one set (section 3.3); all attend to all in
some layers (section 3.4), and a label's logit is read from its last state (section 3.5).
Training hides labels at random and predicts them from the others (section 3.6).
"""

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.explaining import drop_stand_ins, make_explanation
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import LabelMaskingParameters, LinearSkipParameters
from .base.validation import check_heads, read_input
from .base.weight_memory import attention_bytes
from .nn.head_output import logits_of
from .nn.known_labels import KnownLabelStates
from .nn.multihead import encoder_layer
from .one_model import of_one_model
from .training.net import random_seed
from .training.predict import map_batches, to_numpy

__all__ = ["CTran", "CTranClassifier"]


class CTran(nn.Module):
    r"""Transform nodes and labels together, to one logit per label.

    .. math::
        H^{(0)} &= (v_1, \dots, v_S, l_1 + s_1, \dots, l_L + s_L) \\
        H^{(t)} &= \mathrm{TransformerLayer}(H^{(t-1)}) \\
        \mathrm{logit}_c &= w_c \cdot h^{(T)}_{S + c} + b_c

    with :math:`v` the sample's nodes, :math:`l` the embeddings of the labels and :math:`s`
    those of what is known about them, zero if nothing is.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    hidden_size : int
        The size of a node and of a label, D.
    n_heads : int
        The number of attention heads.
    n_layers : int
        The number of layers, T.
    dropout : float
        Of attention and of what each half of a layer adds.
    takes_known : bool
        Whether it takes known labels.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    def __init__(
        self, n_labels, *, hidden_size, n_heads, n_layers, dropout=0.0, takes_known=False
    ):
        super().__init__()
        self.takes_known = takes_known
        self.label_embedding = nn.Parameter(torch.randn(n_labels, hidden_size))
        self.known_states = KnownLabelStates(hidden_size) if takes_known else None
        self.layers = nn.ModuleList(
            encoder_layer(hidden_size, n_heads, dropout) for _ in range(n_layers)
        )
        self.output_vector = nn.Parameter(
            torch.randn(n_labels, hidden_size) * hidden_size**-0.5
        )
        self.output_bias = nn.Parameter(torch.zeros(n_labels))

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are."""
        self.output_bias.data.copy_(prior)

    def forward(self, nodes, known=None):
        """Return the logits of a batch."""
        labels = self.states(nodes, known)  # (N, L, D)
        return (labels * self.output_vector).sum(-1) + self.output_bias  # (N, L)

    def represent(self, nodes):
        """Return the mean of the labels' last states (N, D)."""
        return self.states(nodes).mean(1)

    def states(self, nodes, known=None, record=None):
        """Return the last states of the labels (N, L, D); a list gets who attends to whom."""
        labels = self.label_embedding.expand(nodes.layout.n_samples, -1, -1)  # (N, L, D)
        if known is not None:
            labels = labels + self.known_states(known)
        states = []
        for group, values in nodes.groups():
            both = torch.cat([values, labels[group.samples]], dim=1)  # (n, S + L, D)
            padding = _padding(group, labels.shape[1])
            for t, layer in enumerate(self.layers):
                if record is not None:
                    record[t].append(
                        _attention(layer, both, padding)[:, :, group.n_nodes :]
                    )
                both = layer(both, src_key_padding_mask=padding)
            states.append(both[:, group.n_nodes :])  # (n, L, D)
        return torch.cat(states)


def _attention(layer, both, padding):
    """Return who attends to whom in a layer (n, H, S + L, S + L)."""
    return layer.self_attn(
        both, both, both, key_padding_mask=padding, average_attn_weights=False
    )[1]


def _padding(group, n_labels):
    """Return where a group holds neither nodes nor labels (n, S + L); None if nowhere."""
    if group.mask is None:
        return None
    return nn.functional.pad(~group.mask, (0, n_labels), value=False)


class CTranClassifier(
    LinearSkipParameters, LabelMaskingParameters, KnownLabelsMixin, BaseGraphClassifier
):
    """Multi-label classifier by a transformer over nodes and labels (C-Tran).

    Labels and the nodes of a sample attend to each other without a label graph, and known
    labels are a part of the labels' states, so that the others are predicted from them [1]_.

    Parameters
    ----------
    hidden_size : int, default=64
        The size of a node and of a label, a multiple of `n_heads`; 2048 in the paper.
    n_heads : int, default=4
        The number of attention heads.
    n_layers : int, default=3
        The number of layers.
    dropout : float, default=0.1
        Of attention and of what each half of a layer adds.
    **inherited
        Those of training, the linear skip and label masking, which is on by default:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, hidden_size)
        The output vectors of the labels; the product with the last state of a label, and a
        bias, is its logit.

    See Also
    --------
    LaMPClassifier : Labels read the nodes, and then each other along a label graph.
    KnownLabelsClassifier : Any classifier of scikit-learn, with known labels.

    Notes
    -----
    With S nodes and L labels, a sample costs time and memory in proportion to (S + L) squared.
    The paper learns vectors for positive, negative and unknown; here that of unknown is zero,
    for which the label embedding makes up.

    References
    ----------
    .. [1] J. Lanchantin, T. Wang, V. Ordonez, Y. Qi, "General Multi-label Image Classification
           with Transformers", CVPR 2021, arXiv:2011.14027, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import CTranClassifier
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = CTranClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> model.predict_proba(X[:1], known=[[1, 0, np.nan, np.nan]])[:, :2]
    array([[1., 0.]], dtype=float32)
    """

    # All labels attend to all.
    label_graph: ClassVar[str] = "full"

    hidden_size: int = 64
    n_heads: int = 4
    n_layers: int = 3
    dropout: float = 0.1
    label_masking: Any = True

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def _make_head(self, n_labels, node_size):
        check_heads(self)
        return CTran(
            n_labels,
            hidden_size=self.hidden_size,
            n_heads=self.n_heads,
            n_layers=self.n_layers,
            dropout=self.dropout,
            takes_known=self._masks_labels,
        )

    def _attention_bytes(self, n_samples, n_labels):
        return attention_bytes(self, n_samples, n_labels)

    @property
    def label_classifiers_(self):
        """The output vectors of the labels, an ndarray of shape (n_labels, hidden_size)."""
        return to_numpy(self.module_.head.output_vector)

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return what the labels attended to.

        All attention weights are held in memory at once: ask for few samples.

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
            Of kind "attention": how the attention of each label is shared among the nodes,
            averaged over the heads of the last layer.  The details hold, for each layer, what
            is left of it to nodes and labels together, which sums to one:

            - ``label_to_node``, for each sample how much each label attends to each node, of
              shape (n_heads, n_labels, n_nodes); for images (n_heads, n_labels, height,
              width);
            - ``label_to_label``, how much each label (row) attends to each (column), of shape
              (n_samples, n_heads, n_labels, n_labels).
        """
        check_is_fitted(self)
        X = read_input(self, X)
        given = self._read_known(known, X)
        with random_seed(0):  # reading batches draws from the global state
            samples = map_batches(self.net_, X, self._numpy_dtype, _explain, known=given)
        # Of each sample the logits (L,), and a map of each kind of attention per layer.
        logits, reading, talking = zip(*samples, strict=True)
        last = [_shares(layers[-1].mean(axis=0)) for layers in reading]
        return make_explanation(
            self, X, np.stack(last) if self._input_kind == "images" else last, "attention",
            probabilities=self._told_probabilities(np.stack(logits), given),
            feature_names=feature_names,
            details={
                "label_to_node": [
                    drop_stand_ins(self, X, layer) for layer in zip(*reading, strict=True)
                ],
                "label_to_label": [np.stack(layer) for layer in zip(*talking, strict=True)],
            },
        )  # fmt: skip


def _explain(network, batch, rows):
    """Return the logits and both kinds of attention of each sample."""
    encoded = network.encode(batch)
    nodes, head = encoded[0], network.head
    record = [[] for _ in head.layers]
    head.states(nodes, batch.known, record)
    logits = to_numpy(logits_of(network.predict_from(encoded, batch.known)))
    groups, reading, talking = nodes.layout.groups, [], []
    for layer in record:  # of (n, H, L, S + L) for each group
        pairs = list(zip(groups, layer, strict=True))
        reading.append(nodes.layout.per_sample([w[..., : g.n_nodes] for g, w in pairs]))
        talking.append(to_numpy(torch.cat([w[..., g.n_nodes :] for g, w in pairs])))
    if nodes.grid is not None:
        reading = [[a.reshape(*a.shape[:2], *nodes.grid) for a in t] for t in reading]
    return list(zip(logits, zip(*reading), zip(*talking), strict=True))


def _shares(attention):
    """Return the shares (L, ...) of the nodes in the attention of each label to them."""
    total = attention.sum(axis=tuple(range(1, attention.ndim)), keepdims=True)
    return attention / np.maximum(total, np.finfo(attention.dtype).tiny)
