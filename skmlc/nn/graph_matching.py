"""GM-MLIC's network: match the instances of a sample with the labels, on a graph of both.

Wu, Liu, Feng, Jin, Lyu, Wu, "GM-MLIC: Graph Matching based Multi-Label Image Classification",
IJCAI 2021.  Instances, labels and the edges among and between them are encoded by perceptrons
(Eq. 1-4), convolved k times (Eq. 5-12) and decoded to a score of each instance for each label
(Eq. 13), of which a label's highest one is its logit (Eq. 14).  There is no public code; where
the paper is silent or contradicts itself, a comment says how it is read here.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .assignment_graph import (
    MLP,
    AssignmentGraph,
    Edges,
    UpperLayer,
    he_linear,
    instance_edges,
    label_pairs,
)
from .known_labels import KnownLabelStates
from .label_linear import LabelLinear
from .nodes import Nodes

__all__ = ["GMMLIC"]


class State(NamedTuple):
    """The attributes of the nodes and edges of an assignment graph; None for no such edges.

    What does not depend on the sample has a first dimension of one in place of N.
    """

    instances: Tensor  # v^o, (R, D)
    labels: Tensor  # v^l, (N, L, D)
    instance_edges: Tensor | None  # e^o, (E_o, D)
    label_edges: Tensor | None  # e^l, (N, E_l, D)
    matching: Tensor  # e^m, (R, L, D)


class GMMLIC(nn.Module):
    r"""Graph matching of a sample's instances with the labels, to one logit per label.

    .. math::
        S_{ic} = \mathrm{MLP}(e^m_{ic}) + b_c \qquad
        \mathrm{logit}_c = \max_i S_{ic} \qquad (13, 14)

    with :math:`e^m_{ic}` the matching edge of instance i and label c after the convolutions.
    The :math:`b_c` are not in the paper: they let training start at the labels' frequencies.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The number of features of an instance, F.
    adjacency : {ndarray, CSR} of shape (L, L)
        Label i receives from label j where entry (i, j) is not zero.
    label_vectors : ndarray of shape (L, E) or None
        The labels' word vectors; None stands for one-hot vectors.
    hidden_sizes : sequence of int
        The width of each convolution; the encoder has that of the first one.
    n_neighbors : int
        The number of nearest instances that an instance receives from.
    box_scale : (float, float) or None
        Boxes are divided by this width and height; None where instances have no boxes, which
        then are near each other, and have edges, by their features.
    label_messages, instance_messages, matching_messages : bool
        Whether there are messages along the edges of the labels, of the instances, and between
        both; all of them in the paper, one missing in each row of its Table 4.
    skip_connections : bool
        Whether each convolution after the first also reads what the encoder gave.
    dropout : float
        Of the hidden units of the encoders.
    takes_known : bool
        Whether known labels are added to their encoded attributes.

    Shape
    -----
    `Nodes` of N samples to logits (N, L).
    """

    _label_receivers: Tensor  # (E_l,)
    _label_sources: Tensor  # (E_l,)
    _label_degree: Tensor  # (L, 1)

    def __init__(
        self,
        n_labels,
        node_size,
        adjacency,
        *,
        label_vectors=None,
        hidden_sizes=(64, 64),
        n_neighbors=5,
        box_scale=None,
        label_messages=True,
        instance_messages=True,
        matching_messages=True,
        skip_connections=False,
        dropout=0.0,
        takes_known=False,
    ):
        super().__init__()
        self.takes_known = takes_known
        if not label_messages:
            adjacency = sparse.csr_array((n_labels, n_labels))
        receivers, sources = label_pairs(adjacency)
        label_messages = len(receivers) > 0
        self._register_label_edges(receivers, sources, n_labels)
        scale = None
        if box_scale is not None:  # in double precision, until the module is given its type
            scale = torch.tensor([*box_scale, *box_scale], dtype=torch.float64)
        self.register_buffer("box_scale", scale)
        self.n_neighbors = n_neighbors
        self.skip_connections = skip_connections
        # The paper has one encoder for attributes of five sizes: it must be five encoders.
        width, labels = hidden_sizes[0], (n_labels, label_vectors)
        self.known_states = KnownLabelStates(width) if takes_known else None
        place_size = node_size if box_scale is None else 4
        self.encode_instances = MLP([node_size], width, dropout)
        self.encode_labels = LabelEncoder(*labels, width, dropout)
        self.encode_matching = MatchingEncoder(node_size, *labels, width, dropout)
        self.encode_instance_edges = self.encode_label_edges = None
        if instance_messages:
            self.encode_instance_edges = MLP([place_size, place_size], width, dropout)
        if label_messages:
            self.encode_label_edges = LabelEdgeEncoder(*labels, width, dropout)
        messages = {"labels": label_messages, "instances": instance_messages}
        messages["matching"] = matching_messages
        self.convolutions = _convolutions(hidden_sizes, messages, skip_connections)
        self.represent_size = size = hidden_sizes[-1]
        self.decoder = nn.Sequential(
            he_linear(size, size), nn.ReLU(), nn.Linear(size, 1, bias=False)
        )
        self.bias = nn.Parameter(torch.zeros(n_labels))

    def _register_label_edges(self, receivers, sources, n_labels):
        """Keep the label graph; it is structure, and no part of the weights."""
        degree = np.bincount(receivers, minlength=n_labels).clip(1)
        edges = {"receivers": receivers, "sources": sources, "degree": degree[:, None]}
        for name, value in edges.items():
            self.register_buffer(
                f"_label_{name}", torch.from_numpy(value), persistent=False
            )

    def set_prior(self, prior):
        """Start from logits (L,) that say how frequent the labels are."""
        self.bias.data.copy_(prior)

    def set_labels(self, adjacency, vectors):
        """Match other labels too, given the graph and the vectors of all, the others last."""
        for module in self.modules():
            if isinstance(module, LabelLinear):
                module.set_vectors(vectors)
        self._register_label_edges(*label_pairs(adjacency), len(vectors))
        self.to(self.bias.device)
        # How frequent a label is that no sample shows, nothing says.
        mean = self.bias.mean().repeat(len(vectors) - len(self.bias))
        self.bias = nn.Parameter(torch.cat([self.bias, mean]).detach())

    def forward(self, nodes, known=None):
        """Return the logits of a batch."""
        return self.scores(nodes, known).max()  # (N, L), Eq. 14

    def scores(self, nodes, known=None):
        """Return how well each instance matches each label, `Nodes` of size L."""
        matching = self.convolve(nodes, known).matching  # (R, L, D)
        scores = self.decoder(matching).squeeze(-1) + self.bias  # (R, L), Eq. 13
        return Nodes(scores, nodes.layout)

    def represent(self, nodes):
        """Return the maximum of the instances after the last convolution (N, D)."""
        return Nodes(self.convolve(nodes).instances, nodes.layout).max()

    def convolve(self, nodes, known=None):
        """Return the state of the assignment graph of a batch after all convolutions."""
        graph, encoded = self.encode(nodes, known)
        state = encoded
        for k, convolution in enumerate(self.convolutions):
            if self.skip_connections and k > 0:
                state = _concatenate(state, encoded)
            state = convolution(state, graph)
        return state

    def encode(self, nodes, known=None):
        """Return the assignment graph of a batch and its encoded attributes, Eq. 1-4."""
        instances, instance_attributes = self._instance_graph(nodes)
        labels, label_attributes = self._label_graph()
        label_states = self.encode_labels()  # (1, L, D)
        if known is not None and self.known_states is not None:
            label_states = label_states + self.known_states(known)  # (N, L, D)
        graph = AssignmentGraph(nodes.layout, instances, labels, nodes.values.device)
        return graph, State(
            self.encode_instances(nodes.values),  # (R, D)
            label_states,
            instance_attributes,
            label_attributes,
            self.encode_matching(nodes.values),  # (R, L, D), Eq. 3
        )

    def _instance_graph(self, nodes):
        """Return the edges among the instances, and their attributes (E_o, D), Eq. 1."""
        if self.encode_instance_edges is None:
            return None, None
        # Without boxes instances are where their features are, and have edges as labels have.
        places = points = nodes.values
        if self.box_scale is not None:
            places = nodes.boxes / self.box_scale.to(nodes.boxes.dtype)  # (R, 4)
            points = (places[:, :2] + places[:, 2:]) / 2  # (R, 2), the centers
        edges = instance_edges(nodes.layout, points, self.n_neighbors)
        ends = (places, edges.at_receivers), (places, edges.at_sources)
        return edges, self.encode_instance_edges(*ends)

    def _label_graph(self):
        """Return the edges among the labels, and their attributes (1, E_l, D), Eq. 2."""
        if self.encode_label_edges is None:
            return None, None
        edges = Edges(self._label_receivers, self._label_sources, self._label_degree)
        return edges, self.encode_label_edges(edges)


class LabelEncoder(nn.Module):
    """The encoder of the labels, Eq. 2 and 4."""

    def __init__(self, n_labels, vectors, size, dropout):
        super().__init__()
        self.label = LabelLinear(n_labels, vectors, size)
        self.upper = UpperLayer(size, dropout)

    def forward(self):
        """Return the labels, the same for all samples (1, L, D)."""
        return self.upper(self.label())[None]


class LabelEdgeEncoder(nn.Module):
    """The encoder of the edges among the labels, Eq. 2 and 4."""

    def __init__(self, n_labels, vectors, size, dropout):
        super().__init__()
        self.receiver = LabelLinear(n_labels, vectors, size)
        self.source = LabelLinear(n_labels, vectors, size, bias=False)
        self.upper = UpperLayer(size, dropout)

    def forward(self, edges):
        """Return the edges, the same for all samples (1, E_l, D)."""
        hidden = edges.at_receivers(self.receiver()) + edges.at_sources(self.source())
        return self.upper(hidden)[None]


class MatchingEncoder(nn.Module):
    """The encoder of the edges between instances and labels, Eq. 3 and 4."""

    def __init__(self, node_size, n_labels, vectors, size, dropout):
        super().__init__()
        self.instance = he_linear(node_size, size)
        self.label = LabelLinear(n_labels, vectors, size, bias=False)
        self.upper = UpperLayer(size, dropout)

    def forward(self, instances):
        """Return the edges (R, L, D) of instances (R, F) with all labels."""
        return self.upper(self.instance(instances)[:, None] + self.label())


class GraphConvolution(nn.Module):
    r"""A convolution of all nodes and then of all edges of the assignment graph.

    .. math::
        \hat v^o_i &= \mathrm{mean}_j\, \hat\rho^o([e^o_{ij}, v^o_j]) \qquad
        \tilde v^o_i = \mathrm{mean}_c\, \tilde\rho^o([e^m_{ic}, v^l_c]) \qquad (5) \\
        v^o_i &\leftarrow \phi^o([v^o_i, \hat v^o_i, \tilde v^o_i]) \qquad (6) \\
        e^m_{ic} &\leftarrow \phi^m([e^m_{ic}, \rho^m([v^o_i, v^l_c])]) \qquad (11, 12)

    and likewise for labels (Eq. 7-8) and the other edges (Eq. 9-10).  The printed Eq. 5 and 7
    have one :math:`\rho` and the node's own kind of edge in both terms; the text has two, and
    nodes of different kinds have matching edges.

    Parameters
    ----------
    in_size, out_size : int
        The sizes of all attributes before and after.
    messages : dict
        Whether there are messages along the edges among "labels", among "instances" and
        between both, "matching".
    is_last : bool
        Whether nothing reads the edges among labels and among instances any more.
    """

    def __init__(self, in_size, out_size, messages, is_last):
        super().__init__()

        def message(kind):
            return MLP([in_size, in_size], out_size) if messages[kind] else None

        def node_update(*received):
            sizes = [in_size, *(out_size for r in received if r is not None)]
            return MLP(sizes, out_size)

        def edge_update(exists):
            return EdgeUpdate(in_size, out_size) if exists else None

        self.instance_to_instance = message("instances")  # rho-hat^o
        self.label_to_instance = message("matching")  # rho-tilde^o
        self.label_to_label = message("labels")  # rho-hat^l
        self.instance_to_label = message("matching")  # rho-tilde^l
        self.instances = node_update(self.instance_to_instance, self.label_to_instance)
        self.labels = node_update(self.label_to_label, self.instance_to_label)
        self.instance_edges = edge_update(messages["instances"] and not is_last)
        self.label_edges = edge_update(messages["labels"] and not is_last)
        self.matching = EdgeUpdate(in_size, out_size)

    def forward(self, state, graph):
        """Return the next state; nodes change at once, and edges read the new nodes."""
        v, w, matching = state.instances, state.labels, state.matching
        to_instances, to_labels = [], []
        if self.instance_to_instance is not None:  # Eq. 5, v-hat
            given = state.instance_edges, (v, graph.instances.at_sources)
            messages = self.instance_to_instance(*given)  # (E_o, D)
            to_instances.append(graph.instances.mean(messages))  # (R, D)
        if self.label_to_instance is not None:  # Eq. 5, v-tilde
            messages = self.label_to_instance(matching, (w, graph.at_labels))  # (R, L, D)
            to_instances.append(graph.mean_of_labels(messages))  # (R, D)
        if self.label_to_label is not None:  # Eq. 7, v-hat
            given = state.label_edges, (w, graph.labels.at_sources)
            messages = self.label_to_label(*given)  # (N, E_l, D)
            to_labels.append(graph.labels.mean(messages))  # (N, L, D)
        if self.instance_to_label is not None:  # Eq. 7, v-tilde
            messages = self.instance_to_label(matching, (v, graph.at_instances))
            to_labels.append(graph.mean_of_instances(messages))  # (N, L, D)
        v, w = self.instances(v, *to_instances), self.labels(w, *to_labels)  # Eq. 6, 8
        return State(v, w, *self._update_edges(state, graph, v, w))

    def _update_edges(self, state, graph, v, w):
        """Return the edges among instances, among labels and between them, Eq. 9-12."""
        instance_edges, label_edges = None, None
        if self.instance_edges is not None:
            ends = (v, graph.instances.at_receivers), (v, graph.instances.at_sources)
            instance_edges = self.instance_edges(state.instance_edges, *ends)
        if self.label_edges is not None:
            ends = (w, graph.labels.at_receivers), (w, graph.labels.at_sources)
            label_edges = self.label_edges(state.label_edges, *ends)
        ends = (v, graph.at_instances), (w, graph.at_labels)
        return instance_edges, label_edges, self.matching(state.matching, *ends)


class EdgeUpdate(nn.Module):
    """The next attributes of edges, given those of the nodes at their ends, Eq. 9-12."""

    def __init__(self, in_size, out_size):
        super().__init__()
        self.ends = MLP([out_size, out_size], out_size)  # rho_e
        self.update = MLP([in_size, out_size], out_size)  # phi_e

    def forward(self, edges, receivers, sources):
        """Return edges (..., D); each end is a pair of nodes and what moves them there."""
        return self.update(edges, self.ends(receivers, sources))


def _convolutions(sizes, messages, skip_connections):
    """Return the convolutions of an encoded graph, each of its own size."""
    convolutions, before = nn.ModuleList(), sizes[0]
    for k, size in enumerate(sizes):
        in_size = before + sizes[0] if skip_connections and k > 0 else before
        is_last = k == len(sizes) - 1
        convolutions.append(GraphConvolution(in_size, size, messages, is_last))
        before = size
    return convolutions


def _concatenate(state, encoded):
    """Return a state whose attributes are followed by the encoded ones."""
    return State._make(
        None if now is None else torch.cat([now, e.expand(*now.shape[:-1], -1)], dim=-1)
        for now, e in zip(state, encoded, strict=True)
    )
