"""Convolutions over letters, against loops and on planted patterns."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import average_precision_score

from skmlc import LaMPClassifier, load, save
from skmlc.inputs import ConvolutionEncoder, Sequences, TokenEncoder
from skmlc.inputs.encoders.convolutions import pooled_layout
from skmlc.training.batches import read_batch

D, V = 5, 4
# Of lengths that pools of two and three do not divide; sorted, as batches are.
WORDS = [[], [2], [1, 3], [0, 1, 2, 3, 1], [3, 3, 0, 1, 2, 0, 1]]


def convolve_with_loops(places, weight, bias):
    """Return the convolution (S, D) of places (S, V), with zeros around them."""
    width = weight.shape[2]
    rows = []
    for s in range(len(places)):
        row = bias.copy()
        for k in range(width):
            t = s + k - (width - 1) // 2
            if 0 <= t < len(places):
                row += weight[:, :, k] @ places[t]
        rows.append(np.maximum(row, 0))
    return np.array(rows)


def nodes_with_loops(word, module, pool):
    """Return the nodes of one sequence."""
    places = np.eye(V)[word] if word else np.zeros((1, V))
    for k, convolution in enumerate(module.convolutions):
        weight, bias = (p.detach().numpy() for p in convolution.parameters())
        places = convolve_with_loops(places, weight, bias)
        if k == 0:
            starts = range(0, len(places), pool)
            places = np.array([places[i : i + pool].max(0) for i in starts])
    return places


def encode(encoder, words):
    torch.manual_seed(0)
    module = encoder.make("sequences", V, D).double()
    for convolution in module.convolutions:
        torch.nn.init.normal_(convolution.bias)  # so that padding would be seen
    batch = read_batch(Sequences(words, n_tokens=V), np.arange(len(words)), np.float64)
    return module, batch, module(batch)


@pytest.mark.parametrize(("width", "n_layers", "pool"), [(3, 1, 1), (2, 2, 2), (4, 3, 3)])
def test_nodes_are_those_of_loops_over_places_and_letters(width, n_layers, pool):
    encoder = ConvolutionEncoder(width, n_layers=n_layers, pool=pool)
    module, batch, nodes = encode(encoder, WORDS)
    assert any(group.mask is not None for group in batch.layout.groups)
    for word, found in zip(WORDS, nodes.per_sample(), strict=True):
        np.testing.assert_allclose(found, nodes_with_loops(word, module, pool), atol=1e-12)


def test_a_pooled_layout_says_what_is_padding():
    _, batch, nodes = encode(ConvolutionEncoder(2, pool=3), WORDS)
    layout, counts = nodes.layout, [1, 1, 1, 2, 3]
    assert layout.counts.tolist() == layout.n_nodes("cpu").tolist() == counts
    real = [min(n, len(word)) for n, word in zip(counts, WORDS, strict=True)]
    assert layout.real.sum() == sum(real)  # an empty sequence has a node of padding
    assert len(nodes.values) == sum(g.n_samples * g.n_nodes for g in layout.groups)
    assert pooled_layout(batch.layout, 1) is batch.layout


def test_the_place_of_a_node_is_added_where_asked():
    words = [[0, 1, 2, 3, 0, 1]]
    module, _, without = encode(ConvolutionEncoder(3), words)
    placed = ConvolutionEncoder(3, positions="sinusoidal").make("sequences", V, D).double()
    placed.load_state_dict(module.state_dict(), strict=False)
    batch = read_batch(Sequences(words, n_tokens=V), np.arange(1), np.float64)
    table = placed.positions.table(3).numpy()
    added = placed(batch).values.detach().numpy() - without.values.detach().numpy()
    np.testing.assert_allclose(added, table, atol=1e-12)


MOTIFS = np.array([[1, 0, 1, 2, 3, 2], [3, 3, 1, 0, 0, 1], [2, 0, 3, 3, 1, 2]])


def plant(n_samples, seed):
    """Return sequences of 40 random letters, and which motifs were put into each."""
    rng = np.random.default_rng(seed)
    Y = (rng.random((n_samples, len(MOTIFS))) < 0.4).astype(int)
    X = rng.integers(0, V, (n_samples, 40))
    for row, labels in zip(X, Y, strict=True):
        places = rng.permutation(5)[: len(MOTIFS)] * 8 + rng.integers(0, 3)
        for motif, place, holds in zip(MOTIFS, places, labels, strict=True):
            # Without the pattern there are its letters, so that letters alone say nothing.
            row[place : place + 6] = motif if holds else rng.permutation(motif)
    return Sequences(X, n_tokens=V), Y


def score(encoder):
    options = {"hidden_size": 32, "batch_size": 32, "max_epochs": 10, "dropout": 0.0}
    model = LaMPClassifier(
        encoder=encoder, **options, learning_rate=5e-3, early_stopping=False, random_state=0
    )
    model.fit(*plant(400, 0))
    X, Y = plant(300, 1)
    return average_precision_score(Y, model.predict_proba(X), average="macro")


def test_planted_motifs_are_found_by_convolutions_and_not_by_letters():
    by_convolutions, by_letters = score(ConvolutionEncoder(6)), score(TokenEncoder())
    assert by_convolutions > 0.9
    assert by_letters < 0.6


def test_it_is_saved_cloned_and_searched_with_a_model(tmp_path):
    X, Y = plant(30, 0)
    model = LaMPClassifier(
        encoder=ConvolutionEncoder(), hidden_size=8, max_epochs=1, random_state=0
    )
    model.set_params(encoder__width=5, encoder__positions="sinusoidal").fit(X, Y)
    save(model, tmp_path / "model.skmlc")
    again = load(tmp_path / "model.skmlc")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert clone(again).encoder.get_params() == model.encoder.get_params()
    assert again.module_.encoder.convolutions[0].weight.shape == (8, V, 5)


def test_without_pooling_a_node_has_the_name_of_its_letter():
    X, Y = plant(20, 0)
    small = {"hidden_size": 8, "max_epochs": 1, "random_state": 0}
    of_letters, of_pools = (
        LaMPClassifier(encoder=ConvolutionEncoder(pool=p), **small).fit(X, Y).explain(X[:2])
        for p in (1, 2)
    )
    assert of_letters.node_kind == "token"
    assert of_letters.node_names[0] == X[0].tolist()
    assert of_pools.node_kind == "node"
    assert len(of_pools.node_names[0]) == 20
