"""C-Tran against its equations, written as loops over samples, nodes and heads."""

import numpy as np
import pytest
import torch

from skmlc import CTranClassifier
from skmlc.ctran import CTran
from skmlc.inputs import Bags
from skmlc.nn.nodes import Group, Layout, Nodes

D, H, L = 8, 2, 3


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def norm(x, layer):
    centered = x - x.mean(-1, keepdims=True)
    scaled = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + layer.eps)
    return scaled * layer.weight.numpy() + layer.bias.numpy()


def attend(rows, attention):
    """Return what each row (S, D) gets from all rows, head by head."""
    parts = rows @ attention.in_proj_weight.numpy().T + attention.in_proj_bias.numpy()
    query, key, value = np.split(parts, 3, axis=1)
    out = np.zeros_like(rows)
    for h in range(H):
        here = slice(h * D // H, (h + 1) * D // H)
        for i in range(len(rows)):
            weights = softmax(key[:, here] @ query[i, here] / np.sqrt(D / H))
            out[i, here] = weights @ value[:, here]
    projection = attention.out_proj
    return out @ projection.weight.numpy().T + projection.bias.numpy()


def logits_with_loops(model, nodes, known):
    """Return the logits (L,) of one sample, of nodes (S, D) and known labels (L,)."""
    state = {1: model.known_states.vectors[0], -1: model.known_states.vectors[1]}
    labels = [
        model.label_embedding[c].numpy() + (state[k].numpy() if k else 0)
        for c, k in enumerate(known)
    ]
    rows = np.vstack([nodes, labels])
    for layer in model.layers:
        rows = norm(rows + attend(rows, layer.self_attn), layer.norm1)
        hidden = np.maximum(
            rows @ layer.linear1.weight.numpy().T + layer.linear1.bias.numpy(), 0
        )
        update = hidden @ layer.linear2.weight.numpy().T + layer.linear2.bias.numpy()
        rows = norm(rows + update, layer.norm2)
    outputs = model.output_vector.numpy(), model.output_bias.numpy()
    return [w @ row + b for row, w, b in zip(rows[len(nodes) :], *outputs, strict=True)]


@torch.no_grad()
def test_the_network_is_a_transformer_over_nodes_and_labels():
    torch.manual_seed(0)
    model = CTran(L, hidden_size=D, n_heads=H, n_layers=2, takes_known=True)
    model.set_prior(torch.tensor([0.5, -1.0, 2.0]))
    for parameter in model.parameters():  # biases begin at zero
        parameter.add_(torch.randn_like(parameter) * 0.1)
    model.double().eval()
    mask = torch.tensor([[True, True, False], [True, True, True]])
    layout = Layout((Group(slice(0, 2), slice(0, 6), 2, 3, mask),), 2, mask.flatten())
    values = torch.randn(6, D, dtype=torch.float64)
    known = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    result = model(Nodes(values, layout), known).numpy()
    for i, n in enumerate((2, 3)):
        nodes = values[3 * i : 3 * i + n].numpy()
        expected = logits_with_loops(model, nodes, known[i].int().tolist())
        np.testing.assert_allclose(result[i], expected, rtol=1e-9)


def test_training_starts_from_how_frequent_the_labels_are():
    rng = np.random.RandomState(0)
    Y = (rng.random_sample((200, 2)) < [0.9, 0.2]).astype(int)
    model = CTranClassifier(
        hidden_size=8, linear_skip=False, learning_rate=1e-12, max_epochs=1, random_state=0
    ).fit(rng.randn(200, 3), Y)
    bias = model.module_.head.output_bias.detach().numpy()
    frequency = (Y.sum(0) + 1) / (len(Y) + 2)
    np.testing.assert_allclose(bias, np.log(frequency / (1 - frequency)), rtol=1e-5)


def test_transform_is_the_mean_of_the_labels_states():
    rng = np.random.RandomState(0)
    bags = Bags([rng.randn(n, 4) for n in (1, 3, 2, 5)])
    Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    model = CTranClassifier(hidden_size=8, max_epochs=1, random_state=0).fit(bags, Y)
    vectors = model.transform(bags)
    assert vectors.shape == (4, 8)
    head = model.module_.head
    # A label is read from its state by a product, so that the mean of the products with one
    # output vector for all labels is that of the vectors.
    with torch.no_grad():
        head.output_vector.copy_(torch.ones(2, 8))
        head.output_bias.zero_()
        model.module_.skip.weight.zero_()
        model.module_.skip.bias.zero_()
    np.testing.assert_allclose(
        model.decision_function(bags).mean(1), vectors.sum(1), rtol=1e-4, atol=1e-5
    )


def test_it_is_told_labels_only_if_training_masked_them():
    X, Y = np.eye(6), np.eye(6, dtype=int)
    small = {"hidden_size": 8, "max_epochs": 1}
    assert CTranClassifier(**small).fit(X, Y).module_.takes_known is True
    assert (
        CTranClassifier(**small, label_masking=False).fit(X, Y).module_.takes_known is False
    )


def test_hidden_size_must_be_a_multiple_of_n_heads():
    with pytest.raises(ValueError, match="multiple of n_heads; got 10 and 4"):
        CTranClassifier(hidden_size=10).fit(np.eye(4), np.eye(4, dtype=int))
