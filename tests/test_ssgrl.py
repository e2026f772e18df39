"""SSGRL's equations against a version written as loops, and what follows from them."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import roc_auc_score

from skmlc.inputs import Bags, InstanceEncoder, Sequences
from skmlc.nn import joint_scores
from skmlc.nn.nodes import Group, Layout, Nodes
from skmlc.ssgrl import SSGRL, SSGRLClassifier
from skmlc.training.batches import read_batch

L, D, HIDDEN, E = 4, 5, 3, 6
SIZES = (1, 2, 2, 4, 6)
OPTIONS = {
    "interaction": {},
    "one step": {"n_steps": 1},
    "decoupling only": {"semantic_interaction": False},
}


def make_ssgrl(adjacency, vectors=None, seed=0, **options):
    torch.manual_seed(seed)
    options = {"node_size": D, "hidden_size": HIDDEN, **options}
    return SSGRL(len(adjacency), adjacency, vectors, **options).double().eval()


def random_graph(seed=0):
    """Random weights, exact in float32."""
    return np.random.default_rng(seed).integers(0, 5, (L, L)) / 4


def random_vectors():
    return np.random.default_rng(0).integers(-4, 5, (L, E)) / 4


@pytest.fixture
def bags():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, D)) for n in SIZES]


def as_nodes(bags, padding=1e3):
    """Return bags, in order of size, as nodes; padding holds a value of its own."""
    batch = read_batch(Bags(bags), np.arange(len(bags)), np.float64)
    if batch.layout.real is not None:
        batch.values[~batch.layout.real] = padding
    return Nodes(batch.values, batch.layout)


# The equations, one label and one node at a time --------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def attention_with_loops(module, nodes, vectors):
    """Return how much each label attends to each node (L, S), Eq. 7-9 as they are written."""
    weight = {name: p.detach().numpy() for name, p in module.named_parameters()}
    U, V = weight["node.weight"].T, weight["label.weight"]
    P, b = weight["joint.weight"].T, weight["joint.bias"]
    w, c = weight["score.weight"][0], weight["score.bias"][0]
    attention = []
    for x in vectors:
        scores = []
        for f in nodes:
            joint = P.T @ np.tanh((U.T @ f) * (V.T @ x)) + b  # Eq. 7
            scores.append(joint @ w + c)  # Eq. 8
        exp = np.exp(scores)
        attention.append(exp / exp.sum())  # Eq. 9
    return np.array(attention)


def interact_with_loops(graph, h, adjacency):
    """Return the states (L, D) after the last step, Eq. 2-6."""
    weight = {name: p.detach().numpy() for name, p in graph.named_parameters()}

    def layer(name, x):
        return weight[f"{name}.weight"] @ x + weight[f"{name}.bias"]

    for _ in range(graph.n_steps):
        new = np.empty_like(h)
        for i in range(L):
            received = sum(adjacency[i, j] * h[j] for j in range(L))
            sent_to = sum(adjacency[j, i] * h[j] for j in range(L))
            Wz, Wr, W = np.split(
                layer("from_messages", np.concatenate([received, sent_to])), 3
            )
            Uz, Ur = np.split(layer("from_state", h[i]), 2)
            z, r = sigmoid(Wz + Uz), sigmoid(Wr + Ur)
            candidate = np.tanh(W + layer("from_kept_state", r * h[i]))
            new[i] = (1 - z) * h[i] + z * candidate
        h = new
    return h


def ssgrl_with_loops(ssgrl, nodes, adjacency, vectors):
    """Return the outputs o (L, D) and the logits (L,) of one sample, nodes (S, D)."""
    attention = attention_with_loops(ssgrl.decouple, nodes, vectors)
    features = np.array(
        [sum(a * f for a, f in zip(row, nodes, strict=True)) for row in attention]
    )  # Eq. 10
    read = features
    if ssgrl.interact is not None:
        states = interact_with_loops(ssgrl.interact, features, adjacency)
        read = np.concatenate([states, features], axis=1)
    fuse, bias = ssgrl.fuse.weight.detach().numpy(), ssgrl.fuse.bias.detach().numpy()
    outputs = np.array([np.tanh(fuse @ row + bias) for row in read])
    weight, bias = ssgrl.class_weight.detach().numpy(), ssgrl.class_bias.detach().numpy()
    logits = [w @ o + b for w, o, b in zip(weight, outputs, bias, strict=True)]
    return outputs, np.array(logits)


@pytest.mark.parametrize("vectors", [None, random_vectors()], ids=["one-hot", "given"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_logits_equal_the_equations_written_as_loops(bags, vectors, options):
    adjacency = random_graph()
    ssgrl = make_ssgrl(adjacency, vectors, **options)
    nodes = as_nodes(bags)
    logits = ssgrl(nodes).detach().numpy()
    represented = ssgrl.represent(nodes).detach().numpy()
    rows = np.eye(L) if vectors is None else vectors
    for bag, got, vector in zip(bags, logits, represented, strict=True):
        outputs, expected = ssgrl_with_loops(ssgrl, bag, adjacency, rows)
        np.testing.assert_allclose(got, expected, rtol=1e-9)
        np.testing.assert_allclose(vector, outputs.mean(axis=0), rtol=1e-9)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_one_node_per_sample_takes_the_same_way_as_several(options):
    ssgrl = make_ssgrl(random_graph(), **options)
    values = torch.randn(3, D, dtype=torch.float64)
    nodes = Nodes(values, Layout.regular(3, 1))
    logits, represented = ssgrl(nodes).detach(), ssgrl.represent(nodes).detach()
    for i in range(3):
        outputs, expected = ssgrl_with_loops(
            ssgrl, values[i : i + 1].numpy(), random_graph(), np.eye(L)
        )
        np.testing.assert_allclose(logits[i].numpy(), expected, rtol=1e-9)
        np.testing.assert_allclose(represented[i].numpy(), outputs.mean(axis=0))


def test_one_label_is_enough(bags):
    ssgrl = SSGRL(1, np.zeros((1, 1)), node_size=D, hidden_size=HIDDEN).double()
    weights = attention_with_loops(ssgrl.decouple, bags[3], np.eye(1))
    (got,) = ssgrl.decouple.attention(as_nodes(bags[3:4]))
    np.testing.assert_allclose(got[0].detach().numpy(), weights)
    assert ssgrl(as_nodes(bags)).shape == (len(bags), 1)


def test_the_number_of_parameters_is_the_published_one():
    # Of COCO.  In the authors' program the U of the reset gate is there but never used, and
    # that of the update gate taken for both: the number is the same.
    vectors = np.zeros((80, 300))
    ssgrl = SSGRL(80, np.zeros((80, 80)), vectors, node_size=2048, hidden_size=1024)
    parts = {
        "decouple": 3_454_977,
        "interact": 37_761_024,
        "fuse": 8_390_656,
        "class": 163_920,
    }
    for name, expected in parts.items():
        sizes = [p.numel() for n, p in ssgrl.named_parameters() if n.startswith(name)]
        assert sum(sizes) == expected
    assert sum(p.numel() for p in ssgrl.parameters()) == sum(parts.values())


# What must not matter, and what must --------------------------------------------------------


def test_permuting_the_labels_permutes_the_logits(bags):
    adjacency, order = random_graph(), np.random.default_rng(1).permutation(L)
    vectors = random_vectors()
    ssgrl = make_ssgrl(adjacency, vectors)
    permuted = make_ssgrl(adjacency[order][:, order], vectors[order])
    state = ssgrl.state_dict()
    for name in ("class_weight", "class_bias", "decouple.label.vectors"):
        state[name] = state[name][order]
    permuted.load_state_dict(state)
    nodes = as_nodes(bags)
    torch.testing.assert_close(permuted(nodes), ssgrl(nodes)[:, order])


def test_padding_and_its_values_do_not_change_the_logits(bags):
    ssgrl = make_ssgrl(random_graph())
    logits = ssgrl(as_nodes(bags))
    torch.testing.assert_close(ssgrl(as_nodes(bags, padding=-7.0)), logits)
    alone = torch.cat([ssgrl(as_nodes([bag])) for bag in bags])
    torch.testing.assert_close(alone, logits)


def test_padding_gets_no_gradient(bags):
    ssgrl = make_ssgrl(random_graph())
    nodes = as_nodes(bags)
    nodes.values.requires_grad_()
    ssgrl(nodes).square().sum().backward()
    assert (nodes.values.grad[~nodes.layout.real] == 0).all()
    assert (nodes.values.grad[nodes.layout.real] != 0).all()


def test_a_sample_without_nodes_gets_finite_logits():
    ssgrl = make_ssgrl(random_graph())
    mask = torch.tensor([[False, False], [True, False]])
    group = Group(slice(0, 2), slice(0, 4), 2, 2, mask)
    values = torch.randn(4, D, dtype=torch.float64)
    logits = ssgrl(Nodes(values, Layout((group,), 2, mask.flatten())))
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(logits[1:], ssgrl(Nodes(values[2:3], Layout.regular(1, 1))))


def test_the_order_of_the_nodes_does_not_matter(bags):
    ssgrl = make_ssgrl(random_graph())
    torch.testing.assert_close(
        ssgrl(as_nodes([b[::-1] for b in bags])), ssgrl(as_nodes(bags))
    )


@pytest.mark.parametrize("n_steps", [1, 2])
def test_interaction_reaches_one_edge_per_step(n_steps):
    chain = np.eye(L, k=-1)
    ssgrl = make_ssgrl(chain, n_steps=n_steps)
    nodes = Nodes(torch.randn(6, D, dtype=torch.float64), Layout.regular(2, 3))
    before = ssgrl(nodes)
    with torch.no_grad():
        ssgrl.decouple.label.weight[0] += 1.0  # label 0 looks elsewhere
    changed = (ssgrl(nodes) - before).abs().amax(0) > 1e-9
    assert changed.tolist() == [label <= n_steps for label in range(L)]


def test_without_interaction_the_graph_does_not_matter(bags):
    graphs = random_graph(), np.zeros((L, L))
    without = [make_ssgrl(graph, semantic_interaction=False) for graph in graphs]
    torch.testing.assert_close(*(ssgrl(as_nodes(bags)) for ssgrl in without))
    with_it = [make_ssgrl(graph)(as_nodes(bags)) for graph in graphs]
    assert (with_it[0] - with_it[1]).abs().max() > 1e-3


# Memory and gradients -----------------------------------------------------------------------


def gradients(ssgrl, bags):
    ssgrl.zero_grad()
    ssgrl(as_nodes(bags)).square().sum().backward()
    return {name: p.grad.clone() for name, p in ssgrl.named_parameters()}


def test_labels_some_at_a_time_give_the_same_logits_and_gradients(bags, monkeypatch):
    ssgrl = make_ssgrl(random_graph(), random_vectors())
    logits, expected = ssgrl(as_nodes(bags)), gradients(ssgrl, bags)
    n_rows = len(as_nodes(bags).values)
    for n_at_a_time in (1, 3):
        monkeypatch.setattr(joint_scores, "_CPU_ELEMENTS", n_at_a_time * n_rows * HIDDEN)
        torch.testing.assert_close(ssgrl(as_nodes(bags)), logits)
        got = gradients(ssgrl, bags)
        for name in expected:
            torch.testing.assert_close(got[name], expected[name])


def test_products_of_nodes_and_labels_are_not_in_memory_at_once():
    n_rows, n_labels, size = 16 * 49, 64, 256
    sizes = []

    class Sizes(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            sizes.extend(
                x.numel() for x in torch.utils._pytree.tree_leaves(result)
                if isinstance(x, torch.Tensor)
            )  # fmt: skip
            return result

    decouple = SSGRL(
        n_labels, np.zeros((n_labels, n_labels)), node_size=8, hidden_size=size
    ).decouple
    nodes = Nodes(torch.randn(n_rows, 8), Layout.regular(16, 49))
    saved = []
    with (
        Sizes(),
        torch.autograd.graph.saved_tensors_hooks(
            lambda x: saved.append(x.numel()) or x, lambda x: x
        ),
    ):
        decouple(nodes).sum().backward()
    assert max(sizes) <= 2**20 < n_rows * n_labels * size / 10
    assert max(saved) <= n_rows * size


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_are_those_of_finite_differences(options):
    ssgrl = make_ssgrl(random_graph(), random_vectors(), **options)
    parameters = dict(ssgrl.named_parameters())

    def logits(values, *given):
        state = dict(zip(parameters, given, strict=True))
        nodes = Nodes(values, Layout.regular(1, 3))
        return torch.func.functional_call(ssgrl, state, (nodes,))

    values = torch.randn(3, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(logits, (values, *parameters.values()), fast_mode=True)


def test_every_parameter_gets_a_gradient(bags):
    ssgrl = make_ssgrl(random_graph(), random_vectors())
    for name, gradient in gradients(ssgrl, bags).items():
        # A number added to the scores of all nodes: softmax does not see it.
        unseen = name in ("decouple.joint.bias", "decouple.score.bias")
        assert (gradient.abs().max() < 1e-12) == unseen


def test_bfloat16_autocast_is_near_float32(bags):
    ssgrl = make_ssgrl(random_graph()).float()
    nodes = as_nodes(bags)
    nodes = Nodes(nodes.values.float(), nodes.layout)
    with torch.autocast("cpu", torch.bfloat16):
        low = ssgrl(nodes)
        low.square().sum().backward()
    torch.testing.assert_close(low.float(), ssgrl(nodes), atol=0.05, rtol=0.05)
    assert all(torch.isfinite(p.grad).all() for p in ssgrl.parameters())


# The estimator ------------------------------------------------------------------------------


def small(**options):
    options = {"hidden_size": 8, "max_epochs": 3, **options}
    return SSGRLClassifier(precision="float64", random_state=0, **options)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(80, 6, n_classes=L, random_state=0)


def kinds_of_input(rng):
    sizes = rng.integers(1, 6, 40)
    counts = rng.poisson(0.5, (40, 12)).astype(float)
    return {
        "bags": Bags([rng.normal(size=(n, 4)) for n in sizes]),
        "sequences": Sequences([rng.integers(0, 30, n) for n in sizes], n_tokens=30),
        "sparse": sparse.csr_array(counts),
    }


@pytest.mark.parametrize("kind", ["bags", "sequences", "sparse"])
def test_padding_batch_size_and_order_do_not_change_the_prediction(kind):
    rng = np.random.default_rng(0)
    X, Y = kinds_of_input(rng)[kind], rng.integers(0, 2, (40, L))
    model = small().fit(X, Y)
    together = model.predict_proba(X)
    alone = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(40)])
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    order = rng.permutation(40)
    model.net_.set_params(batch_size=7)
    np.testing.assert_allclose(model.predict_proba(X[order]), together[order], rtol=1e-9)


def test_explain_says_where_each_label_looked():
    rng = np.random.default_rng(0)
    X, Y = kinds_of_input(rng)["bags"], rng.integers(0, 2, (40, L))
    model = small(encoder=InstanceEncoder(encoding=None)).fit(X, Y)
    explanation = model.explain(X)
    np.testing.assert_allclose(explanation.probabilities, model.predict_proba(X))
    layer, decouple = model.module_.encoder.encoder.linear, model.module_.head.decouple
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for bag, got in zip(X, explanation.relevance, strict=True):
        assert got.shape == (L, len(bag))
        np.testing.assert_allclose(got.sum(axis=1), 1)
        nodes = np.maximum(bag @ weight.T + bias, 0)
        expected = attention_with_loops(decouple, nodes, np.eye(L))
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_explain_of_vectors_is_all_on_the_one_node(data):
    X, Y = data
    attention = small().fit(X, Y).explain(X[:3]).relevance
    np.testing.assert_array_equal(attention, np.ones((3, L, 1)))


def test_labels_learn_to_look_at_their_own_instances():
    # A bag has instances of several kinds among noise; label j holds where kind j is.
    rng = np.random.default_rng(0)
    kinds = np.eye(L, 8) * 3
    Y = rng.integers(0, 2, (300, L))
    bags, places = [], []
    for y in Y:
        instances = rng.normal(0, 0.5, (6, 8))
        places.append(rng.permutation(6)[:L])
        instances[places[-1][y == 1]] += kinds[y == 1]
        bags.append(instances)
    model = small(hidden_size=16, max_epochs=20, linear_skip=False, learning_rate=5e-3)
    model.fit(Bags(bags[:200]), Y[:200])
    explanation = model.explain(Bags(bags[200:]))
    assert roc_auc_score(Y[200:], explanation.probabilities, average="macro") > 0.95
    looked = [
        attention[label, place[label]]
        for attention, place, y in zip(explanation.relevance, places[200:], Y[200:])
        for label in np.flatnonzero(y)
    ]
    assert np.mean(looked) > 0.5  # one of six at random is 0.17


def test_the_default_graph_is_the_conditional_probability(data):
    X, Y = data
    model = small().fit(X, Y)
    expected = Y.T @ Y / Y.sum(axis=0)[:, None]
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.adjacency_.toarray(), expected)


def test_counts_as_weights_are_divided_by_the_largest(data):
    X, Y = data
    counts = np.arange(16.0).reshape(L, L)
    np.fill_diagonal(counts, 0)
    got = small(label_graph=counts).fit(X, Y).predict_proba(X)
    expected = small(label_graph=counts / 14).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(got, expected)


def test_label_vectors_take_the_place_of_one_hot_labels(data):
    X, Y = data
    model = small(label_embedding=random_vectors()).fit(X, Y)
    assert model.module_.head.decouple.label.weight.shape == (E, 8)
    np.testing.assert_array_equal(model.label_embedding_, random_vectors())


@pytest.mark.parametrize(
    "options",
    [
        {"semantic_interaction": False},
        {"n_steps": 1},
        {"dropout": 0.5},
        {"label_graph": "none"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_hyper_parameters_change_the_prediction(data, options):
    X, Y = data
    got, plain = (m.fit(X, Y).predict_proba(X) for m in (small(**options), small()))
    assert np.abs(got - plain).max() > 1e-6


def test_a_graph_with_concepts_beyond_the_labels_is_refused(data):
    with pytest.raises(ValueError, match="GGNNClassifier"):
        small(label_graph=np.ones((L + 1, L + 1))).fit(*data)


def test_a_clone_learns_the_same(data):
    X, Y = data
    model = small(label_embedding=random_vectors()).fit(X, Y)
    again = clone(model).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
