"""Encoder, head and linear skip together."""

import numpy as np
import torch
from scipy import sparse
from torch import nn

from skmlc.inputs import Bags, FeatureEncoder, Sequences
from skmlc.nn.head_output import HeadOutput
from skmlc.nn.network import LinearSkip, Network
from skmlc.training.batches import read_batch


def skip_with_weights(n_inputs, n_labels, kind):
    torch.manual_seed(0)
    skip = LinearSkip(n_inputs, n_labels, kind).double()
    nn.init.normal_(skip.weight)
    nn.init.normal_(skip.bias)
    return skip, skip.weight.detach().numpy(), skip.bias.detach().numpy()


def test_linear_skip_of_sparse_rows_is_their_product_with_the_weights():
    X = sparse.random(12, 9, 0.3, random_state=0, format="csr")
    rows = np.argsort(np.diff(X.indptr), kind="stable")
    skip, weight, bias = skip_with_weights(9, 3, "sparse")
    logits = skip(read_batch(X, rows, np.float64)).detach().numpy()
    np.testing.assert_allclose(logits, X.toarray()[rows] @ weight + bias)


def test_linear_skip_of_tokens_is_their_sum_over_the_root_of_their_number():
    sequences = [[1], [0, 2, 2], [3, 1, 0, 3]]
    skip, weight, bias = skip_with_weights(4, 3, "sequences")
    batch = read_batch(Sequences(sequences, n_tokens=4), np.arange(3), np.float64)
    expected = [weight[s].sum(0) / np.sqrt(len(s)) + bias for s in sequences]
    np.testing.assert_allclose(skip(batch).detach().numpy(), expected)


def test_tokens_count_in_the_linear_skip_as_much_as_their_weights_say():
    sequences = [[1], [], [0, 2, 2], [3, 1, 0, 3]]
    torch.manual_seed(0)
    token_weight = np.array([0.5, 1.0, 2.0, 4.0])
    skip = LinearSkip(4, 3, "sequences", token_weight).double()
    nn.init.normal_(skip.weight)
    weight = skip.weight.detach().numpy()
    rows = np.array([1, 0, 2, 3])
    batch = read_batch(Sequences(sequences, n_tokens=4), rows, np.float64)
    expected = [np.zeros(3)]
    for i in rows[1:]:
        vector = np.zeros(4)
        for token in sequences[i]:
            vector[token] += token_weight[token]
        length = np.sqrt(sum(token_weight[token] ** 2 for token in sequences[i]))
        expected.append(vector @ weight / length)
    np.testing.assert_allclose(skip(batch).detach().numpy(), expected)


def test_linear_skip_of_bags_reads_their_mean():
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(n, 4)) for n in (1, 2, 5)]
    skip, weight, bias = skip_with_weights(4, 3, "bags")
    logits = skip(read_batch(Bags(bags), np.arange(3), np.float64)).detach().numpy()
    np.testing.assert_allclose(logits, [bag.mean(0) @ weight + bias for bag in bags])


class Head(nn.Module):
    uses_targets = True

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, nodes, labels=None):
        self.seen.append(labels)
        logits = nodes.mean()[:, :2]
        return HeadOutput(logits, {"kept": logits * 3})


def test_the_skip_is_added_to_the_logits_and_told_beside_them():
    torch.manual_seed(0)
    encoder = FeatureEncoder().make("vectors", 3, 2)
    skip = LinearSkip(3, 2, "vectors")
    nn.init.normal_(skip.weight)
    batch = read_batch(np.eye(3), np.arange(3), np.float32)
    with_skip, without = Network(encoder, Head(), skip), Network(encoder, Head())
    a, b = with_skip(batch), without(batch)
    torch.testing.assert_close(a.logits, b.logits + skip(batch))
    torch.testing.assert_close(a.skip, skip(batch))
    torch.testing.assert_close(a.extras["kept"], b.extras["kept"])
    assert b.skip == 0


def test_heads_see_labels_only_where_they_are_given():
    head = Head()
    network = Network(FeatureEncoder().make("vectors", 3, 2), head)
    batch = read_batch(np.eye(3), np.arange(3), np.float32)
    labels = torch.ones(3, 2)
    network(batch)
    network(batch, labels=labels)
    assert head.seen[0] is None
    assert head.seen[1] is labels


def test_input_dropout_leaves_out_inputs_in_training_only():
    network = Network(FeatureEncoder().make("vectors", 50, 2), Head(), input_dropout=0.5)
    batch = read_batch(np.ones((4, 50)), np.arange(4), np.float32)
    trained, predicted = network.train()(batch).logits, network.eval()(batch).logits
    assert (trained != predicted).any()
    torch.testing.assert_close(predicted, network(batch).logits)
