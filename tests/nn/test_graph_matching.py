"""GM-MLIC's network against its equations, written as loops, and what it must not depend on."""

import numpy as np
import pytest
import torch

from skmlc.inputs import Bags, Graphs
from skmlc.nn.graph_matching import GMMLIC
from skmlc.nn.nodes import Nodes
from skmlc.training.batches import read_batch

F, L = 3, 4
SIZES = (1, 2, 2, 3, 3, 4, 4, 5)
RNG = np.random.default_rng(0)
FEATURES = [RNG.normal(size=(n, F)) for n in SIZES]
CORNERS = [RNG.uniform(0, 20, size=(n, 2)) for n in SIZES]
BOXES = [np.hstack([c, c + RNG.uniform(1, 10, c.shape)]) for c in CORNERS]
EDGES = [RNG.random((n, n)) < 0.5 for n in SIZES]
WEIGHTS = [RNG.uniform(0.05, 1, edges.shape) * edges for edges in EDGES]
VECTORS = RNG.integers(-9, 9, size=(L, 2)) / 4  # exact also as float32
FULL = np.ones((L, L)) - np.eye(L)
SPARSE = np.array([[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0.0]])
SCALE = (30.0, 25.0)

INPUTS = {
    "boxes": Bags(FEATURES, BOXES),
    "no boxes": Bags(FEATURES),
    "edges": Graphs(FEATURES, EDGES),
    "edges and boxes": Graphs(FEATURES, EDGES, BOXES),
    "weighted edges": Graphs(FEATURES, WEIGHTS, edge_weights="adjacency"),
}
OPTIONS = {
    "the paper's": {},
    "one-hot labels": {"label_vectors": None},
    "sparse label graph": {"adjacency": SPARSE},
    "one convolution": {"hidden_sizes": (16,)},
    "three convolutions": {"hidden_sizes": (16, 12, 14)},
    "skip connections": {"skip_connections": True},
    "without label messages": {"label_messages": False},
    "without instance messages": {"instance_messages": False},
    "without matching messages": {"matching_messages": False},
    "without any messages": {
        "label_messages": False,
        "instance_messages": False,
        "matching_messages": False,
    },
}


def make_head(seed=0, n_labels=L, node_size=F, **options):
    options = {
        "adjacency": FULL,
        "label_vectors": VECTORS,
        "hidden_sizes": (16, 12),
        "n_neighbors": 2,
        "box_scale": SCALE,
        **options,
    }
    torch.manual_seed(seed)
    head = GMMLIC(n_labels, node_size, options.pop("adjacency"), **options).double()
    with torch.no_grad():  # biases and norms that start at zero and one must count too
        for parameter in head.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return head


def nodes_of(X, rows=None):
    rows = np.arange(len(X)) if rows is None else np.asarray(rows)
    batch = read_batch(X, rows, np.float64)
    return Nodes(batch.values, batch.layout, batch.boxes)


def scores_of(head, nodes):
    """The scores (S, L) of each sample."""
    groups = [x.transpose(1, 2) for _, x in head.scores(nodes).groups()]
    return [x.T for x in nodes.layout.per_sample(groups)]


class Loops:
    """The equations, one node and one edge at a time."""

    def __init__(self, head, adjacency, vectors, *, n_neighbors=2, skip_connections=False):
        self.p = {name: x.detach().numpy() for name, x in head.state_dict().items()}
        self.n_layers = len(head.convolutions)
        self.vectors = np.eye(len(adjacency)) if vectors is None else vectors
        self.adjacency, self.k, self.skips = adjacency, n_neighbors, skip_connections

    def upper(self, name, hidden):
        hidden = np.maximum(hidden, 0)
        weight, bias = (self.p[f"{name}.linear.{x}"] for x in ("weight", "bias"))
        out = weight @ hidden + bias
        out = (out - out.mean()) / np.sqrt(out.var() + 1e-5)
        return out * self.p[f"{name}.norm.weight"] + self.p[f"{name}.norm.bias"]

    def mlp(self, name, *inputs):
        weight, bias = (self.p[f"{name}.linear.{x}"] for x in ("weight", "bias"))
        return self.upper(f"{name}.upper", weight @ np.concatenate(inputs) + bias)

    def label(self, name, c):
        return self.vectors[c] @ self.p[f"{name}.weight"] + self.p.get(f"{name}.bias", 0)

    def has(self, name):
        return any(key.startswith(name) for key in self.p)

    def mean(self, messages, size, weights=None):
        return np.average(messages, 0, weights) if messages else np.zeros(size)

    def neighbors(self, i, points, edges):
        others = [j for j in range(len(points)) if j != i]
        if edges is not None:
            return [j for j in others if edges[i, j]]
        return sorted(others, key=lambda j: np.linalg.norm(points[i] - points[j]))[: self.k]

    def encode(self, features, boxes, edges):
        w = self.vectors
        places = features if boxes is None else boxes / np.tile(SCALE, 2)
        points = features if boxes is None else (places[:, :2] + places[:, 2:]) / 2
        near = {i: self.neighbors(i, points, edges) for i in range(len(features))}
        v = [self.mlp("encode_instances", f) for f in features]
        labels = [
            self.upper("encode_labels.upper", self.label("encode_labels.label", c))
            for c in range(len(w))
        ]
        e_o, e_l, e_m = {}, {}, {}
        if self.has("encode_instance_edges"):
            for i, sources in near.items():
                for j in sources:
                    e_o[i, j] = self.mlp("encode_instance_edges", places[i], places[j])
        if self.has("encode_label_edges"):
            for c, d in np.argwhere(self.adjacency):
                ends = ("receiver", c), ("source", d)
                hidden = sum(self.label(f"encode_label_edges.{n}", x) for n, x in ends)
                e_l[c, d] = self.upper("encode_label_edges.upper", hidden)
        weight, bias = (self.p[f"encode_matching.instance.{x}"] for x in ("weight", "bias"))
        for i, f in enumerate(features):
            for c in range(len(w)):
                hidden = weight @ f + bias + self.label("encode_matching.label", c)
                e_m[i, c] = self.upper("encode_matching.upper", hidden)
        return v, labels, e_o, e_l, e_m

    def convolve(self, k, v, w, e_o, e_l, e_m, weights):
        name, size = (
            f"convolutions.{k}",
            len(self.p[f"convolutions.{k}.labels.linear.bias"]),
        )
        new_v, new_w = [], []
        for i in range(len(v)):
            hat = {j: self.mlp(f"{name}.instance_to_instance", e, v[j])
                   for (r, j), e in e_o.items() if r == i}  # fmt: skip
            counts = [1.0 if weights is None else weights[i, j] for j in hat]
            received = []
            if self.has("encode_instance_edges"):
                received = [self.mean([*hat.values()], size, counts)]
            if self.has(f"{name}.label_to_instance"):
                tilde = [self.mlp(f"{name}.label_to_instance", e_m[i, c], w[c])
                         for c in range(len(w))]  # fmt: skip
                received.append(self.mean(tilde, size))
            new_v.append(self.mlp(f"{name}.instances", v[i], *received))
        for c in range(len(w)):
            hat = [self.mlp(f"{name}.label_to_label", e, w[d])
                   for (r, d), e in e_l.items() if r == c]  # fmt: skip
            received = [self.mean(hat, size)] if self.has("encode_label_edges") else []
            if self.has(f"{name}.instance_to_label"):
                tilde = [self.mlp(f"{name}.instance_to_label", e_m[i, c], v[i])
                         for i in range(len(v))]  # fmt: skip
                received.append(self.mean(tilde, size))
            new_w.append(self.mlp(f"{name}.labels", w[c], *received))
        kinds = ("instance_edges", e_o, new_v, new_v), ("label_edges", e_l, new_w, new_w)
        kinds += (("matching", e_m, new_v, new_w),)
        return new_v, new_w, *(self.edges(f"{name}.{n}", *rest) for n, *rest in kinds)

    def edges(self, name, edges, receivers, sources):
        if not self.has(name):
            return {}
        return {
            (a, b): self.mlp(
                f"{name}.update", e, self.mlp(f"{name}.ends", receivers[a], sources[b])
            )
            for (a, b), e in edges.items()
        }

    def concatenate(self, now, first):
        if isinstance(now, dict):
            return {key: np.concatenate([now[key], first[key]]) for key in now}
        return [np.concatenate(pair) for pair in zip(now, first, strict=True)]

    def scores(self, features, boxes=None, edges=None, weights=None):
        """The scores (S, L) and the last instances of one sample."""
        state = encoded = self.encode(features, boxes, edges)
        for k in range(self.n_layers):
            if self.skips and k > 0:
                state = tuple(map(self.concatenate, state, encoded))
            state = self.convolve(k, *state, weights)
        p = self.p
        decode = {
            (i, c): p["decoder.2.weight"][0]
            @ np.maximum(p["decoder.0.weight"] @ e + p["decoder.0.bias"], 0)
            + p["bias"][c]
            for (i, c), e in state[4].items()
        }
        n_labels = len(self.adjacency)
        rows = [[decode[i, c] for c in range(n_labels)] for i in range(len(features))]
        return np.array(rows), np.array(state[0])


# The equations ------------------------------------------------------------------------------


CASES = [("boxes", name) for name in OPTIONS]
CASES += [(kind, "the paper's") for kind in INPUTS if kind != "boxes"]
CASES += [("no boxes", "skip connections"), ("edges", "three convolutions")]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_scores_logits_and_representations_are_the_equations(kind, name):
    X, options = INPUTS[kind], OPTIONS[name]
    scale = SCALE if X.boxes is not None else None
    head = make_head(box_scale=scale, **options)
    loops = Loops(
        head,
        options.get("adjacency", FULL),
        options.get("label_vectors", VECTORS),
        skip_connections=options.get("skip_connections", False),
    )
    expected = [
        loops.scores(FEATURES[n], BOXES[n] if scale else None,
                     EDGES[n] if isinstance(X, Graphs) else None,
                     WEIGHTS[n] if kind == "weighted edges" else None)
        for n in range(len(X))
    ]  # fmt: skip
    nodes = nodes_of(X)
    with torch.no_grad():
        scores, logits = scores_of(head, nodes), head(nodes).numpy()
        represented = head.represent(nodes).numpy()
    assert np.ptp(logits, axis=0).min() > 0.03  # the samples differ, for all labels
    for n, (score, instances) in enumerate(expected):
        np.testing.assert_allclose(scores[n], score, atol=1e-9)
        np.testing.assert_allclose(logits[n], score.max(axis=0), atol=1e-9)
        np.testing.assert_allclose(represented[n], instances.max(axis=0), atol=1e-9)


# What the network must not depend on --------------------------------------------------------


@pytest.mark.parametrize("kind", ["boxes", "no boxes"])
def test_padding_does_not_change_the_prediction(kind):
    head = make_head(box_scale=SCALE if kind == "boxes" else None)
    nodes = nodes_of(INPUTS[kind])
    real = nodes.layout.real
    assert not real.all()
    values, boxes = nodes.values.clone(), nodes.boxes
    values[~real] = 1e3
    if boxes is not None:
        boxes = boxes.clone()
        boxes[~real] = 1e3
    noisy = Nodes(values, nodes.layout, boxes)
    torch.testing.assert_close(head(noisy), head(nodes))
    torch.testing.assert_close(head.represent(noisy), head.represent(nodes))


@pytest.mark.parametrize("kind", INPUTS)
def test_a_sample_alone_is_predicted_as_in_a_batch(kind):
    head = make_head(box_scale=None if INPUTS[kind].boxes is None else SCALE)
    alone = [head(nodes_of(INPUTS[kind], [n])) for n in range(len(SIZES))]
    torch.testing.assert_close(torch.cat(alone), head(nodes_of(INPUTS[kind])))


@pytest.mark.parametrize("kind", ["boxes", "no boxes"])
def test_the_order_of_the_instances_does_not_matter(kind):
    head = make_head(box_scale=SCALE if kind == "boxes" else None)
    order = [np.random.default_rng(n).permutation(n) for n in SIZES]
    features, boxes = (
        [x[o] for x, o in zip(given, order, strict=True)] for given in (FEATURES, BOXES)
    )
    shuffled = Bags(features, boxes if kind == "boxes" else None)
    torch.testing.assert_close(head(nodes_of(shuffled)), head(nodes_of(INPUTS[kind])))


@pytest.mark.parametrize("adjacency", [FULL, SPARSE])
def test_permuting_the_labels_permutes_the_logits(adjacency):
    order = np.array([2, 0, 3, 1])
    head = make_head(adjacency=adjacency)
    permuted = make_head(adjacency=adjacency[order][:, order], label_vectors=VECTORS[order])
    with torch.no_grad():
        permuted.bias.copy_(head.bias[order])
    nodes = nodes_of(INPUTS["boxes"])
    torch.testing.assert_close(permuted(nodes), head(nodes)[:, order])


def test_boxes_in_other_units_give_the_same_prediction():
    nodes = nodes_of(INPUTS["boxes"])
    inches = Nodes(nodes.values, nodes.layout, nodes.boxes / 2.5)
    scaled = make_head(box_scale=[s / 2.5 for s in SCALE])
    torch.testing.assert_close(scaled(inches), make_head()(nodes))


# Small cases and parameters -----------------------------------------------------------------


def test_one_instance_has_no_neighbors_and_one_label_no_edges():
    head = make_head(n_labels=1, adjacency=np.zeros((1, 1)), label_vectors=None)
    assert head.encode_label_edges is None
    nodes = nodes_of(INPUTS["boxes"], [0])
    expected, _ = Loops(head, np.zeros((1, 1)), None).scores(FEATURES[0], BOXES[0])
    np.testing.assert_allclose(head(nodes).detach(), expected.max(axis=0)[None])


def test_a_label_graph_without_edges_is_no_label_messages():
    nodes = nodes_of(INPUTS["boxes"])
    edgeless = make_head(adjacency=np.zeros((L, L)))
    without = make_head(label_messages=False)
    torch.testing.assert_close(edgeless(nodes), without(nodes))


def test_more_neighbors_change_the_prediction_until_there_are_no_more():
    nodes = nodes_of(INPUTS["boxes"])
    one, two, five, ten = (make_head(n_neighbors=k)(nodes) for k in (1, 2, 5, 10))
    assert not torch.allclose(one, two)
    assert not torch.allclose(two, five)
    torch.testing.assert_close(five, ten)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_reach_every_parameter(options):
    head = make_head(**options)
    head(nodes_of(INPUTS["boxes"])).square().sum().backward()
    dead = [
        name
        for name, parameter in head.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().max() > 0
    ]
    assert dead == []


def mlp_size(n_inputs, width):
    """Two layers with biases, and the scale and shift of the normalization."""
    return n_inputs * width + width + width * width + width + 2 * width


def test_number_of_parameters():
    a, b, E = 16, 12, VECTORS.shape[1]
    encoders = mlp_size(F, a) + mlp_size(E, a) + mlp_size(8, a)  # instances, labels, e^o
    encoders += mlp_size(2 * E, a) + mlp_size(F + E, a)  # e^l, e^m
    # Four messages, two node updates of three inputs, and two perceptrons per kind of edge.
    first = 4 * mlp_size(2 * a, a) + 2 * mlp_size(3 * a, a) + 6 * mlp_size(2 * a, a)
    # Of the last convolution only matching edges are read.
    last = 4 * mlp_size(2 * a, b) + 2 * mlp_size(a + 2 * b, b)
    last += mlp_size(2 * b, b) + mlp_size(a + b, b)
    decoder = b * b + b + b + L
    assert sum(p.numel() for p in make_head().parameters()) == (
        encoders + first + last + decoder
    )


def test_dropout_acts_in_training_alone():
    nodes = nodes_of(INPUTS["boxes"])
    head, plain = make_head(dropout=0.5), make_head()
    assert not torch.allclose(head.train()(nodes), plain.train()(nodes))
    torch.testing.assert_close(head.eval()(nodes), plain.eval()(nodes))


def test_what_labels_say_at_first_is_computed_once_for_all_samples():
    head = make_head()
    _, encoded = head.encode(nodes_of(INPUTS["boxes"]))
    assert encoded.labels.shape == (1, L, 16)
    assert encoded.label_edges.shape == (1, L * (L - 1), 16)
    without = make_head(matching_messages=False)
    assert without.convolve(nodes_of(INPUTS["boxes"])).labels.shape == (1, L, 12)


def test_bfloat16_and_float32_agree():
    nodes = nodes_of(INPUTS["boxes"])
    nodes = Nodes(nodes.values.float(), nodes.layout, nodes.boxes.float())
    head = make_head().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = head(nodes).float()
    assert mixed.shape == (len(SIZES), L)
    assert (mixed - head(nodes)).abs().mean() < 0.05
