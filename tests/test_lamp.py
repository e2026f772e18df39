"""LaMP's equations against a version written as loops, and what follows from them."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.metrics import roc_auc_score

from skmlc import LaMPClassifier
from skmlc.datasets import make_label_graph_classification
from skmlc.inputs import (
    Bags,
    FeatureEncoder,
    GraphEncoder,
    Graphs,
    Sequences,
    TokenEncoder,
)
from skmlc.lamp import FeatureMessages, LaMP
from skmlc.nn.nodes import Layout, Nodes
from skmlc.training.batches import read_batch

L, D, H, T, S = 5, 8, 2, 2, 4


def make_lamp(adjacency, seed=0, **options):
    torch.manual_seed(seed)
    options = {"hidden_size": D, "n_heads": H, "n_steps": T, **options}
    return LaMP(len(adjacency), adjacency, **options).double().eval()


def chain(n_labels):
    """Label i receives from label i - 1 only: a directed chain."""
    return np.eye(n_labels, k=-1)


# The equations, one node at a time --------------------------------------------------------


def softmax(scores):
    weights = np.exp(np.array(scores) - max(scores))
    return weights / weights.sum()


def layer_norm(x, norm):
    weight, bias = norm.weight.detach().numpy(), norm.bias.detach().numpy()
    return weight * (x - x.mean()) / np.sqrt(x.var() + norm.eps) + bias


def message(receiver, senders, Wq, Wk, Wv, scale, counts=1.0):
    """Eq. 15-17 and the concatenation of heads in Eq. 18, for one receiver."""
    size = D // H
    heads = []
    for k in range(H):
        rows = slice(k * size, (k + 1) * size)
        query = Wq[rows] @ receiver
        scores = [query @ (Wk[rows] @ sender) * scale for sender in senders]
        weights = softmax(scores) * counts
        weights = weights / weights.sum()
        heads.append(sum(w * (Wv[rows] @ s) for w, s in zip(weights, senders, strict=True)))
    return np.concatenate(heads)


def update(state, received, module):
    """Eq. 18 (residual), 8 and 9, with the authors' layer normalization."""
    weight = {name: p.detach().numpy() for name, p in module.named_parameters()}
    m = layer_norm(state + weight["mix.weight"] @ received, module.norm)
    hidden = np.maximum(weight["hidden.weight"] @ m + weight["hidden.bias"], 0)
    u = weight["output.weight"] @ hidden + weight["output.bias"]
    return layer_norm(m + u, module.output_norm)


def split(weight, parts):
    return np.split(weight.detach().numpy(), parts)


def lamp_with_loops(lamp, nodes, adjacency, node_edges=None, scale=(D / H) ** -0.5):
    """Return the logits of every state for one sample, nodes (S, D)."""
    for layer in lamp.feature_messages:  # Eq. 22-23
        Wq, Wk, Wv = split(layer.query_key_value.weight, 3)
        new = []
        for i, node in enumerate(nodes):
            counts = np.ones(len(nodes)) if node_edges is None else node_edges[i].copy()
            counts[i] = counts[i] or 1
            senders = [nodes[j] for j in np.flatnonzero(counts)]
            received = message(node, senders, Wq, Wk, Wv, scale, counts[counts > 0])
            new.append(update(node, received, layer.update))
        nodes = np.array(new)
    labels = lamp.label_embedding.detach().numpy()
    output = lamp.output_vector if lamp.output_vector is not None else lamp.label_embedding
    output = output.detach().numpy()
    per_step = split(lamp.keys_values.weight, lamp.n_steps)
    states = []
    for t in range(lamp.n_steps):
        Wk, Wv = np.split(per_step[t], 2)
        reader = lamp.to_labels[t]
        Wq = reader.query.weight.detach().numpy()
        labels = np.array(
            [update(u, message(u, nodes, Wq, Wk, Wv, scale), reader.update) for u in labels]
        )  # Eq. 10-11
        states.append((labels * output).sum(1))
        talker = lamp.among_labels[t]
        Wq, Wk, Wv = split(talker.query_key_value.weight, 3)
        new = []
        for i, u in enumerate(labels):
            senders = [labels[j] for j in range(len(labels)) if adjacency[i, j] or i == j]
            new.append(update(u, message(u, senders, Wq, Wk, Wv, scale), talker.update))
        labels = np.array(new)  # Eq. 12-13
        states.append((labels * output).sum(1))
    return states


@pytest.mark.parametrize(
    "adjacency",
    [np.ones((L, L)), np.zeros((L, L)), chain(L)],
    ids=["full", "none", "chain"],
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"message_passing": 2},
        {"share_label_embedding": True},
        {"attention_scale": "hidden"},
        {"n_steps": 3},
    ],
    ids=lambda options: "-".join(options) or "default",
)
def test_logits_equal_the_equations_written_as_loops(adjacency, options):
    lamp = make_lamp(adjacency, **options)
    nodes = torch.randn(3, S, D, dtype=torch.float64)
    logits = lamp(Nodes(nodes.flatten(0, 1), Layout.regular(3, S)))
    scale = D**-0.5 if options.get("attention_scale") == "hidden" else (D / H) ** -0.5
    for i in range(3):
        expected = lamp_with_loops(lamp, nodes[i].numpy(), adjacency, scale=scale)[-1]
        np.testing.assert_allclose(logits[i].detach().numpy(), expected, rtol=1e-9)


def test_one_node_per_sample_takes_the_same_way_as_several():
    lamp = make_lamp(chain(L))
    nodes = torch.randn(2, 1, D, dtype=torch.float64)
    logits = lamp(Nodes(nodes.flatten(0, 1), Layout.regular(2, 1)))
    expected = lamp_with_loops(lamp, nodes[1].numpy(), chain(L))[-1]
    np.testing.assert_allclose(logits[1].detach().numpy(), expected, rtol=1e-9)


def test_intermediate_logits_are_those_of_the_states_before_the_last_step():
    lamp = make_lamp(chain(L), n_steps=3, intermediate=True)
    nodes = torch.randn(1, S, D, dtype=torch.float64)
    output = lamp.train()(Nodes(nodes[0], Layout.regular(1, S)))
    logits, intermediate = output.logits, output.extras
    expected = lamp_with_loops(lamp, nodes[0].numpy(), chain(L))
    assert len(intermediate) == 4  # 1.1, 1.2, 2.1, 2.2
    for got, want in zip(
        [*intermediate, logits], [*expected[:4], expected[5]], strict=True
    ):
        np.testing.assert_allclose(got[0].detach().numpy(), want, rtol=1e-9)


def test_permuting_the_labels_permutes_the_logits():
    rng = np.random.default_rng(0)
    adjacency, order = rng.random((L, L)) < 0.4, rng.permutation(L)
    lamp, permuted = make_lamp(adjacency), make_lamp(adjacency[order][:, order])
    state = lamp.state_dict()
    for name in ("label_embedding", "output_vector"):
        state[name] = state[name][order]
    permuted.load_state_dict(state)
    nodes = Nodes(torch.randn(2 * S, D, dtype=torch.float64), Layout.regular(2, S))
    torch.testing.assert_close(permuted(nodes), lamp(nodes)[:, order])


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_influence_travels_one_edge_per_step(n_steps):
    n_labels = 6
    lamp = make_lamp(chain(n_labels), n_steps=n_steps)
    nodes = Nodes(torch.randn(S, D, dtype=torch.float64), Layout.regular(1, S))
    before = lamp(nodes).detach()
    with torch.no_grad():
        lamp.label_embedding[1] += 1.0
    changed = (lamp(nodes).detach() - before).abs()[0] > 1e-12
    expected = [1 <= label <= 1 + n_steps for label in range(n_labels)]
    assert changed.tolist() == expected


def test_gradients_are_those_of_finite_differences():
    lamp = make_lamp(chain(3), message_passing=1)
    nodes = torch.randn(2, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: lamp(Nodes(x, Layout.regular(1, 2))), (nodes,)
    )


def test_every_parameter_gets_a_gradient():
    lamp = make_lamp(chain(L), message_passing=2).train()
    lamp(
        Nodes(torch.randn(2 * S, D, dtype=torch.float64), Layout.regular(2, S))
    ).sum().backward()
    without = [name for name, p in lamp.named_parameters() if p.grad is None]
    assert without == []


# The estimator ----------------------------------------------------------------------------


def fitted(X, Y, **options):
    options = {"hidden_size": D, "n_heads": H, "max_epochs": 2, "dropout": 0.0, **options}
    options = {"input_dropout": 0.0, "precision": "float64", **options}
    return LaMPClassifier(random_state=0, **options).fit(X, Y)


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 20, rng.integers(1, 9)) for _ in range(40)]
    Y = np.array([[5 in t, 7 in t or 5 in t, len(t) > 4] for t in tokens]).astype(int)
    return Sequences(tokens, n_tokens=20), Y


@pytest.mark.parametrize("message_passing", [0, 2])
def test_padding_batch_size_and_order_do_not_change_the_prediction(
    sequences, message_passing
):
    X, Y = sequences
    model = fitted(X, Y, message_passing=message_passing)
    together = model.predict_proba(X)
    alone = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, together, rtol=1e-9)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(model.predict_proba(X[order]), together[order], rtol=1e-9)
    model.net_.set_params(batch_size=7)
    np.testing.assert_allclose(model.predict_proba(X), together, rtol=1e-9)


def test_positions_matter_only_where_they_are_told(sequences):
    X, Y = sequences
    reverse = Sequences([X[i][::-1] for i in range(len(X))], n_tokens=20)
    ordered, unordered = fitted(X, Y), fitted(X, Y, encoder=TokenEncoder(positions=None))
    np.testing.assert_allclose(unordered.predict_proba(X), unordered.predict_proba(reverse))
    assert np.abs(ordered.predict_proba(X) - ordered.predict_proba(reverse)).max() > 1e-6


def test_messages_follow_the_edges_of_a_known_graph():
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(3, 4)) for _ in range(20)]
    Y = rng.integers(0, 2, (20, L))
    edges = [np.array([[1], [0]])] * 20  # node 1 receives from node 0
    encoder = GraphEncoder(encoding=None, skip_encoding=None)
    options = {"message_passing": 1, "label_graph": chain(L), "encoder": encoder}
    model = fitted(Graphs(bags, edges), Y, **options)
    module = model.module_.double()
    encoded = bags[0] @ module.encoder.linear.weight.detach().numpy().T
    encoded += module.encoder.linear.bias.detach().numpy()
    node_edges = np.zeros((3, 3))
    node_edges[1, 0] = 1
    expected = lamp_with_loops(module.head, encoded, chain(L), node_edges)[-1]
    skip = module.skip.bias + torch.tensor(bags[0].mean(0)) @ module.skip.weight
    got = model.decision_function(Graphs(bags, edges)[:1])[0]
    np.testing.assert_allclose(got, expected + skip.detach().numpy(), rtol=1e-9)
    complete = model.decision_function(Graphs(bags, [np.empty((2, 0), int)] * 20)[:1])[0]
    assert np.abs(got - complete).max() > 1e-9


@pytest.fixture
def weighted():
    """Graphs of unequal size with weights, one of them of a node to itself; their matrices."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, 20)
    dense = [rng.uniform(0, 4, (n, n)) * (rng.random((n, n)) < 0.5) for n in sizes]
    dense[0] = np.array([[0, 3.0, 0.2], [0, 0.7, 0], [0, 0, 0]])
    bags = [rng.normal(size=(len(d), 4)) for d in dense]
    Y = rng.integers(0, 2, (20, L))
    return bags, dense, Graphs(bags, dense, edge_weights="adjacency"), Y


def test_messages_among_nodes_are_weighted(weighted):
    bags, dense, X, Y = weighted
    encoder = GraphEncoder(encoding=None, skip_encoding=None)
    options = {"message_passing": 2, "label_graph": chain(L), "encoder": encoder}
    model = fitted(X, Y, linear_skip=False, **options)
    linear = model.module_.double().encoder.linear
    weight, bias = (x.detach().numpy() for x in (linear.weight, linear.bias))
    for bag, d, got in zip(bags, dense, model.decision_function(X), strict=True):
        encoded = bag @ weight.T + bias
        expected = lamp_with_loops(model.module_.head, encoded, chain(L), d)[-1]
        np.testing.assert_allclose(got, expected, rtol=1e-8)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_weight_of_one_is_no_weight(weighted, precision):
    bags, dense, X, Y = weighted
    edges = [d > 0 for d in dense]
    plain, ones = Graphs(bags, edges), Graphs(bags, edges, edge_weights="adjacency")
    assert (ones.edge_weights == 1).all()
    options = {"message_passing": 1, "precision": precision}
    got = [fitted(G, Y, **options).predict_proba(G) for G in (plain, ones, X)]
    np.testing.assert_array_equal(got[0], got[1])
    assert np.abs(got[0] - got[2]).max() > 1e-4


def test_gradients_through_weighted_messages_are_right(weighted):
    *_, X, _ = weighted
    layout = read_batch(X, np.argsort(X.lengths[:4]), np.float64).layout
    messages = FeatureMessages(D, H, (D / H) ** -0.5, 0.0).double()
    rows = sum(group.n_samples * group.n_nodes for group in layout.groups)
    values = torch.randn(rows, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: messages(Nodes(x, layout)).values, values)


def test_explain_gives_the_prediction_of_every_state(sequences):
    X, Y = sequences
    model = fitted(X, Y, label_graph=chain(3))
    explanation = model.explain(X)
    probabilities = explanation.details.intermediate_probabilities
    assert list(probabilities) == ["1.1", "1.2", "2.1", "2.2"]
    np.testing.assert_allclose(probabilities["2.2"], model.predict_proba(X))
    np.testing.assert_array_equal(probabilities["2.2"], explanation.probabilities)
    assert np.abs(probabilities["1.1"] - model.predict_proba(X)).max() > 1e-6
    for i in range(len(X)):
        weights = explanation.details.label_to_node[0][i]
        assert weights.shape == (H, 3, len(X[i]))
        np.testing.assert_allclose(weights.sum(-1), 1)
    among = explanation.details.label_to_label[0]
    assert among.shape == (len(X), H, 3, 3)
    np.testing.assert_allclose(among.sum(-1), 1)
    assert (among[..., 0, 1:] == 0).all()  # label 0 receives from nobody but itself


def test_intermediate_loss_changes_the_training(sequences):
    X, Y = sequences
    plain, with_loss = fitted(X, Y), fitted(X, Y, intermediate_loss=0.5)
    assert np.abs(plain.predict_proba(X) - with_loss.predict_proba(X)).max() > 1e-6
    first = [m.history_[0, "train_loss"] for m in (plain, with_loss)]
    assert first[1] > first[0] * 1.3  # two more losses of about the same size, halved


@pytest.mark.parametrize("n_steps", [1, 2, 4])
@pytest.mark.parametrize("intermediate_loss", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("linear_skip", [False, True])
def test_the_losses_of_all_states_before_the_last_step_are_added(
    sequences, n_steps, intermediate_loss, linear_skip
):
    X, Y = sequences
    model = fitted(
        X, Y, n_steps=n_steps, intermediate_loss=intermediate_loss, max_epochs=1,
        batch_size=len(Y), learning_rate=1e-30, weight_decay=0.0, linear_skip=linear_skip,
        optimizer=torch.optim.RMSprop,  # under which the skip stands still, too
        label_masking=False,
    )  # fmt: skip
    states = model.explain(X).details.intermediate_probabilities

    def cross_entropy(p):
        return -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean()

    expected = cross_entropy(states[f"{n_steps}.2"])  # Eq. 19
    for step in range(1, n_steps):  # Eq. 20-21: lambda times the sum, not the mean
        for half in (1, 2):
            expected += intermediate_loss * cross_entropy(states[f"{step}.{half}"])
    assert model.history_[0, "train_loss"] == pytest.approx(expected, rel=1e-9)


def test_a_planted_label_dependency_is_learned_only_with_the_graph():
    # Dependent labels are the exclusive or of three others, each of which has evidence of its
    # own: messages tell a label what the others are, features alone must be found in threes.
    X, Y, graph = make_label_graph_classification(
        1300, 16, 16, n_parents=3, dependency="xor", random_state=0
    )
    dependent = graph.sum(axis=1) > 0
    scores = {}
    for name, label_graph in [("with", graph), ("without", "none")]:
        model = LaMPClassifier(
            label_graph, encoder=FeatureEncoder(nodes="features"), linear_skip=False,
            hidden_size=32, max_epochs=12, learning_rate=3e-3, dropout=0.0,
            intermediate_loss=0.2, lr_schedule=None, weight_decay=0.0, max_grad_norm=5.0,
            random_state=0,
        ).fit(X[:800], Y[:800])  # fmt: skip
        P = model.predict_proba(X[800:])
        scores[name] = roc_auc_score(Y[800:, dependent], P[:, dependent])
    assert scores["with"] > 0.8
    assert scores["without"] < 0.7


def test_wrong_number_of_heads_is_refused_before_training(sequences):
    with pytest.raises(
        ValueError, match="hidden_size must be a multiple of n_heads; got 8 and 3"
    ):
        fitted(*sequences, n_heads=3)


def test_bags_and_sparse_rows_train():
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 2, (20, L))
    bags = Bags([rng.normal(size=(rng.integers(1, 5), 3)) for _ in range(20)])
    assert fitted(bags, Y).predict_proba(bags).shape == (20, L)
    rows = sparse.random(20, 30, density=0.1, random_state=0, format="csr")
    assert fitted(rows, Y).predict_proba(rows).shape == (20, L)
