"""Query2Label against PyTorch's own decoder, and ML-Decoder's shared queries against loops."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_multilabel_classification
from torch import nn

from skmlc import Query2LabelClassifier
from skmlc.inputs import Bags
from skmlc.nn.nodes import Group, Layout, Nodes
from skmlc.query2label import DecoderLayer, Query2Label

D, H, L = 8, 2, 5
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
# Our names of the weights of `nn.TransformerDecoderLayer`.
NAMES = {
    "self_attn": "among_queries", "multihead_attn": "to_nodes", "linear1": "update.0",
    "linear2": "update.3", "norm1": "norms.0", "norm2": "norms.1", "norm3": "norms.2",
}  # fmt: skip


def two_samples():
    """Return nodes of a sample of two and one of three, and the rows of each."""
    torch.manual_seed(0)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    layout = Layout((Group(slice(0, 2), slice(0, 6), 2, 3, mask),), 2, mask.flatten())
    values = torch.randn(6, D)
    return Nodes(values, layout), [values[:2], values[3:]]


def perturbed(model):
    """Return a module in evaluation, whose biases are not zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


@pytest.mark.parametrize("graph", [None, np.diag(np.ones(L - 1), 1)])
@torch.no_grad()
def test_the_layers_are_those_of_a_transformer_decoder(graph):
    nodes, samples = two_samples()
    model = perturbed(
        Query2Label(L, hidden_size=D, n_heads=H, n_layers=2, adjacency=graph, dropout=0.3)
    )
    apart = None if graph is None else torch.from_numpy(graph + np.eye(L) == 0)
    logits = model(nodes)
    for n, rows in enumerate(samples):
        states = model.query[None]
        for layer in model.layers:
            theirs = nn.TransformerDecoderLayer(D, H, 4 * D, 0.3, batch_first=True).eval()
            state = layer.state_dict()
            for their_name, weight in theirs.named_parameters():
                part, _, rest = their_name.partition(".")
                weight.copy_(state[f"{NAMES[part]}.{rest}"])
            states = theirs(states, rows[None], tgt_mask=apart)
        expected = [
            states[0, c] @ model.output_vector[c, 0] + model.output_bias[c]
            for c in range(L)
        ]
        torch.testing.assert_close(logits[n], torch.stack(expected), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_labels_that_share_a_query_are_read_from_its_state():
    nodes, samples = two_samples()
    model = perturbed(Query2Label(L, hidden_size=D, n_heads=H, n_layers=1, n_queries=2))
    assert model.output_vector.shape == (2, 3, D)
    layer, logits = model.layers[0], model(nodes)
    for n, rows in enumerate(samples):
        for c, query in enumerate([0, 0, 0, 1, 1]):
            state = model.query[
                None, [query]
            ]  # alone, as queries do not attend to each other
            read, _ = layer.to_nodes(state, rows[None], rows[None])
            state = layer.norms[1](state + read)
            state = layer.norms[2](state + layer.update(state))[0, 0]
            expected = state @ model.output_vector[query, c % 3] + model.output_bias[c]
            torch.testing.assert_close(logits[n, c], expected, rtol=1e-4, atol=1e-5)
    assert model.query_of_label().tolist() == [0, 0, 0, 1, 1]


def test_a_layer_without_self_attention_has_no_weights_for_it():
    count = [
        sum(p.numel() for p in DecoderLayer(D, H, 0.0, among_queries=among).parameters())
        for among in (True, False)
    ]
    assert count[0] - count[1] == 4 * D * D + 4 * D


def test_the_output_vectors_of_labels_are_in_their_order():
    X, Y = make_multilabel_classification(30, 4, n_classes=5, random_state=0)
    bags = Bags([np.stack([x, 2 * x]) for x in X])
    model = Query2LabelClassifier(**SMALL, n_queries=2, linear_skip=False).fit(bags, Y)
    assert model.label_classifiers_.shape == (5, 8)
    head = model.module_.head
    with torch.no_grad():
        for query in head.query:
            query.copy_(head.query[0])  # one state for all
        head.output_bias.zero_()
    states = model.transform(bags)
    np.testing.assert_allclose(
        model.decision_function(bags),
        states @ model.label_classifiers_.T,
        rtol=1e-4,
        atol=1e-5,
    )


def test_explain_shows_what_the_query_of_a_label_attends_to():
    X, Y = make_multilabel_classification(12, 4, n_classes=5, random_state=0)
    bags = Bags([np.stack([x, 2 * x, -x])[: 1 + i % 3] for i, x in enumerate(X)])
    model = Query2LabelClassifier(**SMALL, n_queries=2).fit(bags, Y)
    explanation = model.explain(bags)
    for weights, bag in zip(explanation.relevance, bags, strict=True):
        assert weights.shape == (5, len(bag))
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
        assert (weights[0] == weights[2]).all()
        assert (weights[3] == weights[4]).all()
    np.testing.assert_allclose(
        explanation.probabilities, model.predict_proba(bags), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_queries": 6}, "n_queries must be at most the number of labels, 5; got 6"),
        (
            {"n_queries": 2, "label_graph": "none"},
            "label_graph must be 'full' .* got 'none'",
        ),
        (
            {"n_queries": 2, "label_masking": True},
            "label_masking must be False .* got True",
        ),
        ({"hidden_size": 10}, "multiple of n_heads; got 10 and 4"),
    ],
)
def test_options_that_do_not_go_together_are_named(options, message):
    X, Y = make_multilabel_classification(20, 4, n_classes=5, random_state=0)
    with pytest.raises(ValueError, match=message):
        Query2LabelClassifier(**options).fit(X, Y)
