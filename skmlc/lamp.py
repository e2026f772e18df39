"""LaMP: label nodes read the sample's nodes, then pass messages along the label graph.

Lanchantin, Sekhon, Qi, "Neural Message Passing for Multi-Label Classification", ECML-PKDD
2019, arXiv:1904.08049.  Each of T steps is attention from labels to the sample's nodes
(Eq. 10-11) and attention among the labels (Eq. 12-13); a label's logit is the product of its
last state with an output vector of its own (Eq. 14).
"""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .base.classifier import BaseGraphClassifier
from .base.explaining import drop_stand_ins, make_explanation
from .base.known_labels import KnownLabelsMixin
from .base.shared_parameters import (
    LabelGraphParameters,
    LabelMaskingParameters,
    LinearSkipParameters,
)
from .base.validation import check_heads, read_input
from .graphs.adjacency import check_pairs_memory, count_edges, is_full_graph
from .memory import check_memory
from .nn.attention import (
    LabelEdges,
    attention_weights,
    dense_attention,
    edge_attention,
    merge_heads,
    split_heads,
    use_edges,
)
from .nn.dropout import ByteDropout
from .nn.head_output import HeadOutput, logits_of
from .nn.known_labels import KnownLabelStates
from .nn.nodes import Nodes
from .one_model import of_one_model
from .training.net import random_seed
from .training.predict import map_batches, to_numpy

__all__ = ["LaMP", "LaMPClassifier"]


class Record:
    """What `explain` asks a forward pass to keep, batch by batch."""

    def __init__(self):
        self.logits, self.label_to_feature, self.label_to_label = [], [], []
        self.layout = self.grid = None


class LaMP(nn.Module):
    r"""Label message passing, from the nodes of a sample to one logit per label.

    .. math::
        m_i &= u_i + \Big(\big\|_k \sum_j \alpha_{ij}^k W^{v,k} v_j\Big) W^c
        \qquad (15\text{-}18) \\
        u_i' &= m_i + \mathrm{ReLU}(m_i W^r + b_1) W^b + b_2 \qquad (8, 9)

    with :math:`v` the sample's nodes in the first half of a step (:math:`\mathrm{MPNN}_{xy}`)
    and the neighboring labels in the second (:math:`\mathrm{MPNN}_{yy}`).  As in the authors'
    code, and unlike the paper, each of the two sums is followed by layer normalization.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    adjacency : {ndarray, CSR} of shape (L, L)
        Label i receives from label j where entry (i, j) is not zero, and from itself.
    hidden_size : int
        The size of a node, D.
    n_heads : int
        The number of attention heads, K in the paper.
    n_steps : int
        The number of message passing steps, T.
    message_passing : int
        The number of rounds of messages among the sample's nodes (FMP); 0 is Emb.
    dropout : float
        Of the output of every attention and update function.
    share_label_embedding : bool
        Whether a label's output vector is its embedding.
    attention_scale : {"head", "hidden"}
        Divide attention scores by the root of D / K, as the published code, or of D (Eq. 15).
    intermediate : bool
        Whether training also returns the logits of the states before the last step.
    takes_known : bool
        Whether the states of the labels start from what is known about them, too.

    Shape
    -----
    `Nodes` of N samples to logits (N, L); with `intermediate`, in training, to `HeadOutput`,
    whose extras are a list of 2 (T - 1) logits.
    """

    def __init__(
        self,
        n_labels,
        adjacency,
        *,
        hidden_size,
        n_heads=4,
        n_steps=2,
        message_passing=0,
        dropout=0.0,
        share_label_embedding=False,
        attention_scale="head",
        intermediate=False,
        takes_known=False,
    ):
        super().__init__()
        scale = (
            hidden_size / n_heads if attention_scale == "head" else hidden_size
        ) ** -0.5
        sizes = hidden_size, n_heads, scale, dropout
        self.n_steps = n_steps
        self.intermediate = intermediate
        # A tied embedding is also an output vector: rows of length one keep logits small.
        spread = hidden_size**-0.5 if share_label_embedding else 1.0
        self.label_embedding = nn.Parameter(torch.randn(n_labels, hidden_size) * spread)
        self.output_vector = None
        if not share_label_embedding:
            self.output_vector = nn.Parameter(
                torch.randn(n_labels, hidden_size) * hidden_size**-0.5
            )
        self.takes_known = takes_known
        self.known_states = KnownLabelStates(hidden_size) if takes_known else None
        self.feature_messages = nn.ModuleList(
            FeatureMessages(*sizes) for _ in range(message_passing)
        )
        # Keys and values of the nodes for all steps, in one product.
        self.keys_values = nn.Linear(hidden_size, 2 * hidden_size * n_steps, bias=False)
        self.to_labels = nn.ModuleList(FeatureToLabel(*sizes) for _ in range(n_steps))
        self.graph = LabelGraphAttention(n_labels, adjacency)
        self.among_labels = nn.ModuleList(LabelToLabel(*sizes) for _ in range(n_steps))

    def forward(self, nodes, known=None, record=None):
        """Return the logits of a batch; a `Record` gets what each half step did."""
        if record is not None:
            record.layout, record.grid = nodes.layout, nodes.grid
        for messages in self.feature_messages:
            nodes = messages(nodes)
        keys_values = self.keys_values(nodes.values).chunk(self.n_steps, dim=-1)
        graph, states = self.graph, []
        labels = self.label_embedding[None]  # (1, L, D), one for all until it is read
        if known is not None:
            labels = labels + self.known_states(known)  # (N, L, D)
        for t in range(self.n_steps):
            read = Nodes(keys_values[t], nodes.layout)
            labels = self.to_labels[t](labels, read, record)  # (N, L, D), Eq. 10-11
            states.append(labels)
            labels = self.among_labels[t](labels, graph, record)  # (N, L, D), Eq. 12-13
            states.append(labels)
        if record is not None:
            record.logits.append([self.read_out(state) for state in states])
        if self.intermediate and self.training:
            earlier = [self.read_out(state) for state in states[:-2]]
            return HeadOutput(self.read_out(labels), earlier)
        return self.read_out(labels)

    def read_out(self, labels):
        """Return logits (N, L) from label states (N, L, D), Eq. 14."""
        shared = self.output_vector is None
        vector = self.label_embedding if shared else self.output_vector
        return (labels * vector).sum(-1)  # (N, L)


class Update(nn.Module):
    """The residual sums and the update function after attention, Eq. 7-9 and 18."""

    def __init__(self, hidden_size, dropout):
        super().__init__()
        self.mix = nn.Linear(hidden_size, hidden_size, bias=False)  # W^c
        self.norm = nn.LayerNorm(hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size)  # W^r, b_1
        self.output = nn.Linear(hidden_size, hidden_size)  # W^b, b_2
        self.output_norm = nn.LayerNorm(hidden_size)
        self.dropout = ByteDropout(dropout)

    def forward(self, state, message):
        """Return the next state of nodes (..., D), given the message of their neighbors."""
        total = self.norm(state + self.dropout(self.mix(message)))  # m_i, Eq. 18
        update = self.output(torch.relu(self.hidden(total)))  # Eq. 8
        return self.output_norm(total + self.dropout(update))  # Eq. 9


class FeatureMessages(nn.Module):
    """One round of messages among the nodes of each sample, Eq. 22-23."""

    def __init__(self, hidden_size, n_heads, scale, dropout):
        super().__init__()
        self.n_heads, self.scale = n_heads, scale
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.update = Update(hidden_size, dropout)

    def forward(self, nodes):
        """Return the nodes after they have received from their neighbors."""
        mixed = Nodes(self.query_key_value(nodes.values), nodes.layout)
        messages = []
        for group, values in mixed.groups():
            query, key, value = split_heads(values, self.n_heads, 3)  # (n, H, S, Dh)
            mask = _neighbors(group)
            message = dense_attention(query, key, value, mask, scale=self.scale)
            messages.append(merge_heads(message).flatten(0, 1))  # (n * S, D)
        return Nodes(self.update(nodes.values, torch.cat(messages)), nodes.layout)


class FeatureToLabel(nn.Module):
    """Messages from a sample's nodes to the labels, Eq. 10-11."""

    def __init__(self, hidden_size, n_heads, scale, dropout):
        super().__init__()
        self.n_heads, self.scale = n_heads, scale
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)
        self.update = Update(hidden_size, dropout)

    def forward(self, labels, nodes, record=None):
        """Return label states (N, L, D); `nodes` hold keys and values (R, 2 D)."""
        if nodes.layout.single_nodes and record is None:
            # Attention over one node is that node: the message is the same for all labels.
            value = nodes.values.chunk(2, dim=-1)[1]  # (N, D)
            return self.update(labels, value[:, None])  # (N, L, D)
        query = split_heads(self.query(labels), self.n_heads)  # (1 or N, H, L, Dh)
        messages, weights = [], []
        for group, values in nodes.groups():
            mine = query if query.shape[0] == 1 else query[group.samples]
            mine = mine.expand(group.n_samples, -1, -1, -1)  # (n, H, L, Dh)
            key, value = split_heads(values, self.n_heads, 2)  # (n, H, S, Dh)
            mask = None if group.mask is None else group.mask[:, None, None]  # (n, 1, 1, S)
            messages.append(dense_attention(mine, key, value, mask, scale=self.scale))
            if record is not None:
                weights.append(attention_weights(mine, key, mask, scale=self.scale))
        if record is not None:
            record.label_to_feature.append(weights)
        return self.update(labels, merge_heads(torch.cat(messages)))  # (N, L, D)


class LabelToLabel(nn.Module):
    """Messages among the labels along the label graph, Eq. 12-13."""

    def __init__(self, hidden_size, n_heads, scale, dropout):
        super().__init__()
        self.n_heads, self.scale = n_heads, scale
        self.query_key_value = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.update = Update(hidden_size, dropout)

    def forward(self, labels, graph, record=None):
        """Return label states (N, L, D)."""
        if graph.edgeless and record is None:
            # A softmax over the label alone is one: only the value matters.
            value = self.query_key_value.weight.chunk(3)[2]
            return self.update(labels, labels @ value.T)  # (N, L, D)
        parts = split_heads(self.query_key_value(labels), self.n_heads, 3)
        query, key, value = parts  # (N, H, L, Dh) each
        if record is not None:
            record.label_to_label.append(graph.weights(query, key, self.scale))
        return self.update(labels, merge_heads(graph(query, key, value, self.scale)))


class LabelGraphAttention(nn.Module):
    """Attention along a label graph: edge by edge if it is sparse, else with a mask.

    Parameters
    ----------
    n_labels : int
        The number of labels.
    adjacency : {ndarray, CSR} of shape (L, L)
        Label i receives from label j where entry (i, j) is not zero, and from itself.
    """

    def __init__(self, n_labels, adjacency):
        super().__init__()
        n_edges = count_edges(adjacency)
        self.edgeless = n_edges == 0
        self.edges, mask = None, None
        if use_edges(n_labels, n_edges + n_labels):
            self.edges = LabelEdges(adjacency, self_loops=True)
        elif n_edges < n_labels * (n_labels - 1):
            mask = adjacency != 0
            mask = mask if isinstance(mask, np.ndarray) else mask.toarray()
            np.fill_diagonal(mask, True)
            mask = torch.from_numpy(mask)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, query, key, value, scale):
        """Return the messages (N, H, L, Dh)."""
        if self.edges is not None:
            return edge_attention(query, key, value, self.edges, scale=scale)
        return dense_attention(query, key, value, self.mask, scale=scale)

    def weights(self, query, key, scale):
        """Return who attends to whom: (N, H, L, L), or (N, H, E) along sparse edges."""
        if self.edges is not None:
            return edge_attention(
                query, key, key, self.edges, scale=scale, return_weights=True
            )[1]
        return attention_weights(query, key, self.mask, scale=scale)

    def edge_pairs(self):
        """Return who attends to whom along sparse edges, ndarray (2, E); None if dense."""
        if self.edges is None:
            return None
        return torch.stack([self.edges.receivers, self.edges.sources]).cpu().numpy()


def _neighbors(group):
    """Return from whom each node of a group receives, (n, 1, S, S) or (n, 1, 1, S) or None.

    An edge of weight w counts w times: alpha_ij = w_ij exp(e_ij) / sum_k w_ik exp(e_ik) in
    place of Eq. 16, for which log(w_ij) is added to e_ij; no edge is a weight of 0.
    """
    if group.edges is None:
        return None if group.mask is None else group.mask[:, None, None]
    loops = torch.eye(group.n_nodes, dtype=bool, device=group.edges.device)
    if group.edge_weights is None:
        return (group.edges | loops)[:, None]
    # A node hears itself at weight 1, unless the graph says otherwise.
    return (group.edge_weights + (loops & ~group.edges)).log()[:, None]


class LaMPLoss:
    """The loss of the output plus that of intermediate predictions, Eq. 19-21.

    Parameters
    ----------
    label_loss : callable
        The loss of logits.
    intermediate_loss : float
        The weight of the intermediate predictions, lambda.
    """

    def __init__(self, label_loss, intermediate_loss):
        self.label_loss = label_loss
        self.intermediate_loss = intermediate_loss

    def __call__(self, output, targets):
        """Return the loss of a batch, a scalar."""
        loss = self.label_loss(output, targets)
        if not isinstance(output, HeadOutput):
            return loss
        extra = sum(self.label_loss(x + output.skip, targets) for x in output.extras)
        return loss + self.intermediate_loss * extra


class LaMPClassifier(
    LabelGraphParameters,
    LinearSkipParameters,
    LabelMaskingParameters,
    KnownLabelsMixin,
    BaseGraphClassifier,
):
    """Multi-label classifier by label message passing (LaMP).

    Each label is a node that reads the sample's nodes by attention, then exchanges messages
    with its neighbors in the label graph [1]_.  A linear skip from the input to the labels
    is added to the network; without it (and with ``hidden_size=512``) the model is the
    paper's.

    Parameters
    ----------
    hidden_size : int, default=64
        The size of a node, a multiple of `n_heads`.
    n_heads : int, default=4
        The number of attention heads.
    n_steps : int, default=2
        The number of message passing steps.
    message_passing : int, default=0
        The number of rounds of messages among the sample's nodes before the labels read them:
        0 is the paper's Emb, 2 its FMP.  Those of `Graphs` follow the edges and their weights.
    dropout : float, default=0.2
        The dropout of every attention and update function.
    share_label_embedding : bool, default=False
        Whether the output vector of a label is its embedding, as in the paper.  Training is
        slower with it (measured), and the authors' runs were without.
    intermediate_loss : float, default=0.0
        The weight of the loss of the predictions before the last step.
    attention_scale : {"head", "hidden"}, default="head"
        Divide attention scores by the root of the size of a head, as the published code does,
        or of the hidden size, as Eq. 15.
    **inherited
        Those of training, the label graph and the linear skip:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_classifiers_ : ndarray of shape (n_labels, hidden_size)
        The output vectors of the labels, W^o; the product with the last state of a label is
        its logit.

    See Also
    --------
    EmbMLPClassifier : The mean of the nodes and a multi-layer perceptron: no graph.
    Seq2SeqClassifier : Labels one after the other.

    References
    ----------
    .. [1] J. Lanchantin, A. Sekhon, Y. Qi, "Neural Message Passing for Multi-Label
           Classification", ECML-PKDD 2019, arXiv:1904.08049, Eq. 3-23.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import LaMPClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = LaMPClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.2f}")
    mAP 0.9...
    """

    hidden_size: int = 64
    n_heads: int = 4
    n_steps: int = 2
    message_passing: int = 0
    dropout: float = 0.2
    share_label_embedding: bool = False
    intermediate_loss: float = 0.0
    attention_scale: str = "head"

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "message_passing": [Interval(Integral, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "share_label_embedding": ["boolean"],
        "intermediate_loss": [Interval(Real, 0, None, closed="left")],
        "attention_scale": [StrOptions({"head", "hidden"})],
    }

    def _make_head(self, n_labels, node_size):
        check_heads(self)
        if not use_edges(n_labels, count_edges(self.adjacency_) + n_labels):
            # A mask, and the numbers that attention adds; a full graph has none.
            check_pairs_memory(
                self.adjacency_, 0 if is_full_graph(self.adjacency_) else 5,
                "a label_graph with fewer edges",
            )  # fmt: skip
        return LaMP(
            n_labels,
            self.adjacency_,
            hidden_size=self.hidden_size,
            n_heads=self.n_heads,
            n_steps=self.n_steps,
            message_passing=self.message_passing,
            dropout=self.dropout,
            share_label_embedding=self.share_label_embedding,
            attention_scale=self.attention_scale,
            intermediate=self.intermediate_loss > 0,
            takes_known=self._masks_labels,
        )

    def _check_weights_memory(self, n_labels, n_samples):
        """Raise an error for attention among all labels that memory cannot hold."""
        if self.module_.head.graph.edges is not None:
            return
        check_memory(
            4 * n_samples * self.n_steps * self.n_heads * n_labels**2,
            f"explain, of attention among {n_labels} labels in {n_samples} samples,",
            "fewer samples, or a model with a sparse label_graph",
        )

    def _make_loss(self, label_loss):
        return LaMPLoss(label_loss, self.intermediate_loss)

    @property
    def label_classifiers_(self):
        """The output vectors of the labels, an ndarray of shape (n_labels, hidden_size)."""
        head = self.module_.head
        vectors = head.label_embedding if head.output_vector is None else head.output_vector
        return to_numpy(vectors)

    @of_one_model
    def explain(self, X, known=None, *, feature_names=None):
        """Return what the model predicted on the way, and what attended to what.

        All attention weights are held in memory at once: ask for few samples.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : {array-like, DataFrame, sparse matrix} of shape (n_samples, n_labels), \
                default=None
            Their known labels, as for `predict_proba`.  The intermediate
            probabilities are those of the network for these labels too, until the last, which
            are as given.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, for the nodes; None takes those seen in `fit`, or
            numbers.

        Returns
        -------
        skmlc.inspection.Explanation
            Of kind "attention": the mean over the heads of how much each label attends to each
            node in the last step.  The details hold:

            - ``intermediate_probabilities``, a dict of the prediction from each state: "t.1"
              after step t's messages from the sample, "t.2" after those among the labels; the
              last is `predict_proba`;
            - ``label_to_node``, for each step and sample how much each label attends to each
              node, of shape (n_heads, n_labels, n_nodes); for images (n_heads, n_labels,
              height, width);
            - ``label_to_label``, for each step how much each label (row) attends to each
              (column), of shape (n_samples, n_heads, n_labels, n_labels); for a sparse label
              graph of shape (n_samples, n_heads, n_edges);
            - ``edges``, for a sparse label graph the labels that attend and those attended to,
              of shape (2, n_edges), else None.
        """
        check_is_fitted(self)
        X = read_input(self, X)
        given = self._read_known(known, X)
        self._check_weights_memory(len(self.classes_), X.shape[0])
        with random_seed(0):  # reading batches draws from the global state
            samples = map_batches(self.net_, X, self._numpy_dtype, _explain, known=given)
        # Of each sample the logits (2 T, L), and T maps of each kind of attention.
        logits, reading, talking = zip(*samples, strict=True)
        logits = np.stack(logits, axis=1)  # (2 T, N, L)
        probabilities = [self._label_probabilities(x) for x in logits[:-1]]
        probabilities.append(self._told_probabilities(logits[-1], given))
        names = [f"{t}.{half}" for t in range(1, self.n_steps + 1) for half in (1, 2)]
        last = [steps[-1].mean(axis=0) for steps in reading]
        return make_explanation(
            self, X, np.stack(last) if self._input_kind == "images" else last, "attention",
            probabilities=probabilities[-1], feature_names=feature_names,
            details={
                "intermediate_probabilities": dict(zip(names, probabilities, strict=True)),
                "label_to_node": [
                    drop_stand_ins(self, X, step) for step in zip(*reading, strict=True)
                ],
                "label_to_label": [np.stack(step) for step in zip(*talking, strict=True)],
                "edges": self.module_.head.graph.edge_pairs(),
            },
        )  # fmt: skip


def _explain(network, batch, rows):
    """Return the logits of all states and both kinds of attention of each sample."""
    record = Record()
    output = logits_of(network(batch, record=record))
    skip = output - record.logits[0][-1]  # what the linear parts have added
    logits = to_numpy(torch.stack([x + skip for x in record.logits[0]], dim=1))
    reading = [record.layout.per_sample(groups) for groups in record.label_to_feature]
    if record.grid is not None:
        reading = [[a.reshape(*a.shape[:2], *record.grid) for a in t] for t in reading]
    talking = [to_numpy(weights) for weights in record.label_to_label]
    return list(zip(logits, zip(*reading), zip(*talking), strict=True))
