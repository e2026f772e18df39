"""Encoders give the nodes that their docstrings describe."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.inputs import (
    Bags,
    FeatureEncoder,
    GraphEncoder,
    Graphs,
    InstanceEncoder,
    Sequences,
    TokenEncoder,
)
from skmlc.inputs.encoders.choose import choose_encoder
from skmlc.training.batches import read_batch

D = 6


def encode(encoder, kind, X, n_inputs):
    """Return the module and the nodes of each sample of X, in order."""
    torch.manual_seed(0)
    module = encoder.make(kind, n_inputs, D).double()
    order = np.arange(X.shape[0])
    if not isinstance(X, np.ndarray):
        lengths = np.diff(X.indptr) if sparse.issparse(X) else X.lengths
        order = np.argsort(lengths, kind="stable")
    nodes = module(read_batch(X, order, np.float64))
    samples = []
    for group, values in nodes.groups():
        for i in range(group.n_samples):
            real = slice(None) if group.mask is None else group.mask[i]
            samples.append(values[i][real].detach().numpy())
    back = np.argsort(order)
    return module, [samples[i] for i in back]


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(7, 4)) * (rng.random((7, 4)) < 0.6)


def parameters(module):
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def test_a_dense_row_is_one_node_by_default(table):
    module, nodes = encode(FeatureEncoder(), "vectors", table, 4)
    p = parameters(module)
    for row, node in zip(table, nodes, strict=True):
        np.testing.assert_allclose(node, [p["linear.weight"] @ row + p["linear.bias"]])


def test_a_dense_row_is_one_node_per_feature_where_asked(table):
    module, nodes = encode(FeatureEncoder(nodes="features"), "vectors", table, 4)
    p = parameters(module)
    for row, node in zip(table, nodes, strict=True):
        expected = [row[j] * p["weight"][j, 0] + p["bias"][j] for j in range(4)]
        np.testing.assert_allclose(node, expected)


def test_a_sparse_row_is_one_node_per_stored_value(table):
    X = sparse.csr_matrix(table)
    module, nodes = encode(FeatureEncoder(), "sparse", X, 4)
    weight = parameters(module)["embedding.weight"]
    for row, node in zip(table, nodes, strict=True):
        expected = [row[j] * weight[j] for j in np.flatnonzero(row)] or [np.zeros(D)]
        np.testing.assert_allclose(node, expected)


def test_a_sparse_row_is_one_node_where_asked(table):
    module, nodes = encode(FeatureEncoder("vector"), "sparse", sparse.csr_matrix(table), 4)
    p = parameters(module)
    for row, node in zip(table, nodes, strict=True):
        np.testing.assert_allclose(node, [row @ p["embedding.weight"] + p["bias"]])


def sinusoid(position, i):
    angle = position / 10_000 ** (2 * (i // 2) / D)
    return np.sin(angle) if i % 2 == 0 else np.cos(angle)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", None])
def test_a_token_is_its_embedding_and_its_position(positions):
    X = Sequences([[3, 1, 1], [2], [0, 1, 2, 3, 4], []], n_tokens=5)
    encoder = TokenEncoder(positions=positions, max_length=4)
    module, nodes = encode(encoder, "sequences", X, 5)
    p = parameters(module)
    for i in range(3):
        for place, token in enumerate(X[i]):
            expected = p["embedding.weight"][token].copy()
            if positions == "sinusoidal":
                expected += [sinusoid(place + 1, j) for j in range(D)]
            if positions == "learned":  # the fifth token shares the fourth position
                expected += p["positions.weight"][min(place, 3)]
            np.testing.assert_allclose(nodes[i][place], expected, rtol=1e-5)
    np.testing.assert_array_equal(nodes[3], np.zeros((1, D)))


def test_an_instance_is_a_linear_image_of_its_features():
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(n, 3)) for n in (2, 1, 4)]
    graphs = Graphs(bags, [np.empty((2, 0), int)] * 3)
    for encoder, kind, X in [
        (InstanceEncoder(), "bags", Bags(bags)),
        (GraphEncoder(), "graphs", graphs),
    ]:
        module, nodes = encode(encoder, kind, X, 3)
        p = parameters(module)
        for bag, node in zip(bags, nodes, strict=True):
            np.testing.assert_allclose(node, bag @ p["linear.weight"].T + p["linear.bias"])


def test_auto_chooses_by_the_kind_and_others_are_refused():
    for kind in ("vectors", "sparse", "sequences", "bags", "graphs"):
        assert kind in choose_encoder("auto", kind).kinds
    with pytest.raises(
        ValueError, match="'bags'; got TokenEncoder, which is for sequences"
    ):
        choose_encoder(TokenEncoder(), "bags")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (FeatureEncoder(nodes="words"), "'nodes' parameter of FeatureEncoder must be"),
        (TokenEncoder(positions="relative"), "'positions' parameter of TokenEncoder must"),
        (TokenEncoder(max_length=0), "'max_length' parameter of TokenEncoder must be"),
    ],
)
def test_wrong_options_are_named(encoder, message):
    with pytest.raises(ValueError, match=message):
        choose_encoder(encoder, encoder.kinds[0])


@pytest.mark.parametrize("hidden_size", [1, 2, 7, 64, 129])
def test_positions_are_exact_in_the_type_of_the_module(hidden_size):
    place = np.arange(1, 401)[:, None]
    exponent = np.arange(0, hidden_size, 2) / hidden_size
    angle = place * np.exp(-np.log(10_000) * exponent)
    expected = np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(400, -1)
    module = TokenEncoder().make("sequences", 5, hidden_size).positions
    single = module.table(400)
    assert single.dtype == torch.float32
    for _ in range(2):
        exact = module.double().table(400).numpy()
        np.testing.assert_allclose(exact, expected[:, :hidden_size], atol=1e-12)
        assert torch.equal(module.float().table(400), single)
