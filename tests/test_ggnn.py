"""GGNN against its equations written as loops, the published sizes, and planted graphs."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import roc_auc_score

from skmlc.ggnn import GGNN, GGNNClassifier
from skmlc.graphs import KnowledgeGraph
from skmlc.graphs.adjacency import reweight_adjacency
from skmlc.inputs import Bags, InstanceEncoder, Sequences
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training.batches import read_batch

L, M, D, SIZE = 3, 5, 4, 2


def make_ggnn(adjacency, n_labels=L, seed=0, **options):
    torch.manual_seed(seed)
    options = {"node_size": D, "state_size": SIZE, "n_steps": 2, **options}
    return GGNN(n_labels, adjacency, adjacency.T, **options).double().eval()


def chain(n_nodes):
    """Node i receives from node i - 1: a directed chain."""
    return np.eye(n_nodes, k=-1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def ggnn_with_loops(ggnn, nodes, adjacency, n_steps):
    """Return the logits of one sample, nodes (S, D), by the text of the report."""
    weight = {name: p.detach().numpy() for name, p in ggnn.named_parameters()}
    pooled = [max(node[k] for node in nodes) for k in range(D)]
    evidence = weight["evidence.weight"] @ pooled + weight["evidence.bias"]
    h = np.array([[e] * SIZE for e in evidence])
    for _ in range(n_steps):
        new = np.empty_like(h)
        for v in range(len(h)):
            a = []
            for side in range(2):
                total = np.zeros(SIZE)
                for u in range(len(h)):
                    total += (adjacency[v, u] if side == 0 else adjacency[u, v]) * h[u]
                name = f"graph.message_layers.{side}"
                a.append(weight[f"{name}.weight"] @ total + weight[f"{name}.bias"])
            Wz, Wr, W = np.split(weight["graph.from_messages.weight"], 3)
            Uz, Ur = np.split(weight["graph.from_state.weight"], 2)
            U, a = weight["graph.from_kept_state.weight"], np.concatenate(a)
            z, r = sigmoid(Wz @ a + Uz @ h[v]), sigmoid(Wr @ a + Ur @ h[v])
            new[v] = (1 - z) * h[v] + z * np.tanh(W @ a + U @ (r * h[v]))
        h = new
    both = np.concatenate([evidence, h.ravel()])
    return weight["output.weight"] @ both + weight["output.bias"]


@pytest.mark.parametrize("n_steps", [1, 3])
def test_logits_equal_the_equations_written_as_loops(n_steps):
    rng = np.random.default_rng(0)
    adjacency = (rng.random((M, M)) < 0.5) * rng.integers(1, 5, (M, M)) / 4
    bags = [rng.normal(size=(n, D)) for n in (1, 2, 2, 4, 6)]
    ggnn = make_ggnn(adjacency, n_steps=n_steps)
    batch = read_batch(Bags(bags), np.arange(5), np.float64)
    batch.values[~batch.layout.real] = 1e3  # what padding holds does not matter
    logits = ggnn(Nodes(batch.values, batch.layout)).detach().numpy()
    for bag, got in zip(bags, logits, strict=True):
        expected = ggnn_with_loops(ggnn, bag, adjacency, n_steps)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("node_size, expected", [(512, 221_040), (2048, 681_840)])
def test_the_number_of_parameters_is_the_published_one(node_size, expected):
    graph = sparse.csr_array((300, 300))
    ggnn = GGNN(20, graph, graph, node_size=node_size, state_size=10)
    assert sum(p.numel() for p in ggnn.parameters()) == expected


@pytest.mark.parametrize("n_steps, expected", [(1, False), (2, True)])
def test_a_concept_two_edges_away_is_heard_after_two_steps(n_steps, expected):
    # Label 0 hears from concept 1, and that from concept 2: the label is read from its own
    # state alone, and the evidence for concept 2 changes.
    ggnn = make_ggnn(chain(3).T, n_labels=1, n_steps=n_steps)
    with torch.no_grad():
        ggnn.output.weight.zero_()
        ggnn.output.weight[0, 3 : 3 + SIZE] = 1.0  # after the evidence: label 0's state
    nodes = Nodes(torch.randn(4, D, dtype=torch.float64), Layout.regular(1, 4))
    before = ggnn(nodes).item()
    with torch.no_grad():
        ggnn.evidence.bias[2] += 1.0
    assert (abs(ggnn(nodes).item() - before) > 1e-6) == expected


def test_a_dependency_between_distant_nodes_is_learned_with_enough_steps_only():
    # In a chain of four nodes, the label is the exclusive or of the evidence for both ends.
    # Read-outs add up what each node says, so that some node must hear from both.
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], (256, 4))
    y = torch.from_numpy(X[:, :1] * X[:, 3:] > 0).double()
    nodes = Nodes(torch.from_numpy(X), Layout.regular(256, 1))
    scores = []
    for n_steps in (1, 2):
        ggnn = make_ggnn(chain(4), n_labels=1, n_steps=n_steps, state_size=8)
        ggnn.evidence.weight.data = torch.eye(4, dtype=torch.float64)
        ggnn.evidence.requires_grad_(False)  # each node sees one feature
        optimizer = torch.optim.Adam(ggnn.parameters(), lr=0.02)
        for _ in range(250):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(ggnn(nodes), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scores.append(roc_auc_score(y, ggnn(nodes).detach()))
    assert scores[0] < 0.7
    assert scores[1] > 0.95


def test_permuting_the_labels_permutes_the_logits():
    rng = np.random.default_rng(0)
    adjacency, order = rng.integers(0, 2, (L, L)), rng.permutation(L)
    ggnn = make_ggnn(adjacency)
    permuted = make_ggnn(adjacency[order][:, order])
    state = ggnn.state_dict()
    columns = np.concatenate([order, L + (order[:, None] * SIZE + np.arange(SIZE)).ravel()])
    for name in ("evidence.weight", "evidence.bias", "output.weight", "output.bias"):
        state[name] = state[name][order]
    state["output.weight"] = state["output.weight"][:, columns]
    permuted.load_state_dict(state)
    nodes = Nodes(torch.randn(6, D, dtype=torch.float64), Layout.regular(2, 3))
    torch.testing.assert_close(permuted(nodes), ggnn(nodes)[:, order])


def test_gradients_are_those_of_finite_differences():
    ggnn = make_ggnn(chain(M))
    values = torch.randn(4, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: ggnn(Nodes(x, Layout.regular(2, 2))), (values,)
    )


def test_one_label_without_edges_is_enough():
    ggnn = make_ggnn(np.zeros((1, 1)), n_labels=1)
    nodes = Nodes(torch.randn(2, D, dtype=torch.float64), Layout.regular(2, 1))
    expected = ggnn_with_loops(ggnn, nodes.values[1:].numpy(), np.zeros((1, 1)), 2)
    np.testing.assert_allclose(ggnn(nodes)[1].detach().numpy(), expected)


# The estimator ----------------------------------------------------------------------------


def small(**options):
    options = {"hidden_size": 8, "state_size": 3, "max_epochs": 3, **options}
    return GGNNClassifier(precision="float64", random_state=0, **options)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(80, 6, n_classes=L, random_state=0)


def test_the_default_graph_is_the_conditional_probability(data):
    X, Y = data
    model = small().fit(X, Y)
    together, counts = Y.T @ Y, Y.sum(axis=0)
    expected = together / counts[:, None]
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(model.adjacency_.toarray(), expected)


def test_a_knowledge_graph_may_have_concepts_beyond_the_labels(data):
    X, Y = data
    relations = [("near", 0, "water"), ("near", "water", 1), ("on", "water", "earth")]
    model = small(label_graph=KnowledgeGraph(relations)).fit(X, Y)
    assert model.adjacency_.shape == (L + 2, L + 2)
    assert model.module_.head.evidence.out_features == L + 2
    assert model.predict_proba(X).shape == Y.shape
    without = small(label_graph=KnowledgeGraph(relations[:2])).fit(X, Y)
    assert np.abs(model.predict_proba(X) - without.predict_proba(X)).max() > 1e-6


def test_relations_are_averaged(data):
    X, Y = data
    relations = np.random.default_rng(0).integers(0, 2, (3, M, M)).astype(float)
    several = small(label_graph=relations).fit(X, Y)
    mean = small(label_graph=relations.mean(axis=0)).fit(X, Y)
    np.testing.assert_allclose(several.predict_proba(X), mean.predict_proba(X))


def test_counts_as_weights_are_divided_by_the_largest(data):
    X, Y = data
    counts = np.array([[0, 40, 10], [20, 0, 5], [0, 5, 0]])
    got = small(label_graph=counts).fit(X, Y).predict_proba(X)
    expected = small(label_graph=counts / 40).fit(X, Y).predict_proba(X)
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_reweighting_is_that_of_the_paper_in_both_directions(data, as_sparse):
    X, Y = data
    adjacency = np.array([[0, 0.9, 0.5], [0, 0, 0.3], [0, 0.7, 0]])
    graph = sparse.csr_array(adjacency) if as_sparse else adjacency
    model = small(label_graph=graph, reweight=(0.5, 0.1)).fit(X, Y)
    # Edges of at least 0.45 stay; who has two neighbors gets half of 0.1 from each.
    incoming = [[0.9, 0.05, 0.05], [0, 0.9, 0], [0, 0.1, 0.9]]
    outgoing = [[0.9, 0, 0], [0.05, 0.9, 0.05], [0.1, 0, 0.9]]
    received = model.module_.head.graph.propagate(torch.eye(L, dtype=torch.float64))
    np.testing.assert_allclose(received, [*incoming, *outgoing], rtol=1e-6)
    edges, _ = reweight_adjacency(graph, 0.5, 0.1)
    np.testing.assert_allclose(edges.toarray() + 0.9 * np.eye(L), incoming)


@pytest.mark.parametrize("options", [{"n_steps": 1}, {"dropout": 0.5}, {"state_size": 4}])
def test_hyper_parameters_change_the_prediction(data, options):
    X, Y = data
    got, plain = (m.fit(X, Y).predict_proba(X) for m in (small(**options), small()))
    assert np.abs(got - plain).max() > 1e-6


@pytest.mark.parametrize("reweight", [(0.1,), (0.1, 0), (2, 0.1), (0.1, "0.2"), 0.1 * M])
def test_wrong_reweighting_is_refused_before_training(data, reweight):
    with pytest.raises(ValueError, match="reweight"):
        small(reweight=reweight).fit(*data)


def test_a_graph_with_fewer_nodes_than_labels_is_refused(data):
    with pytest.raises(ValueError, match="at least 3 nodes"):
        small(label_graph=np.ones((2, 2))).fit(*data)


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


def test_transform_gives_the_largest_value_of_each_feature_of_the_nodes():
    rng = np.random.default_rng(0)
    X, Y = kinds_of_input(rng)["bags"], rng.integers(0, 2, (40, L))
    model = small(encoder=InstanceEncoder(encoding=None)).fit(X, Y)
    layer = model.module_.encoder.encoder.linear
    nodes = [
        bag @ layer.weight.detach().numpy().T + layer.bias.detach().numpy() for bag in X
    ]
    expected = [np.maximum(values, 0).max(axis=0) for values in nodes]
    np.testing.assert_allclose(model.transform(X), expected)


def test_a_clone_learns_the_same(data):
    X, Y = data
    model = small(reweight=(0.1, 0.2)).fit(X, Y)
    again = clone(model).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
