"""Seq2Seq against versions written as loops, and what follows from its definition."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.metrics import f1_score

from skmlc import Seq2SeqClassifier
from skmlc.baselines.seq2seq import Seq2Seq, SequenceLoss
from skmlc.inputs import Sequences
from skmlc.nn.nodes import Group, Layout, Nodes
from skmlc.training.batches import Targets

L, D, S, N = 3, 4, 3, 5
ORDER = np.array([2, 0, 1])


def make_model(**options):
    torch.manual_seed(0)
    model = Seq2Seq(L, ORDER, **{"hidden_size": D, "beam_size": 16, **options}).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.8)
    return model.eval()


@pytest.fixture
def nodes():
    torch.manual_seed(1)
    return torch.randn(N, S, D, dtype=torch.float64)


def as_nodes(values):
    return Nodes(values.flatten(0, 1), Layout.regular(*values.shape[:2]))


# The model with loops, one sample and one vector at a time -----------------------------------


def predicted(output):
    """Return the logits and the labels of the best sequence."""
    return output.logits, output.extras.best


def array(parameter):
    return parameter.detach().numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_step(gru, x, h, suffix="l0"):
    """Return the next state, by the equations in the documentation of torch's GRU."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    W, U, b, c = (array(getattr(gru, f"{name}_{suffix}")) for name in names)
    (Wr, Wz, Wn), (Ur, Uz, Un) = np.split(W, 3), np.split(U, 3)
    (br, bz, bn), (cr, cz, cn) = np.split(b, 3), np.split(c, 3)
    r = sigmoid(Wr @ x + br + Ur @ h + cr)
    z = sigmoid(Wz @ x + bz + Uz @ h + cz)
    new = np.tanh(Wn @ x + bn + r * (Un @ h + cn))
    return (1 - z) * new + z * h


def linear(layer, x):
    bias = 0 if layer.bias is None else array(layer.bias)
    return array(layer.weight) @ x + bias


def read_with_loops(model, nodes):
    """Return the nodes as read in both directions (S, D), and the decoder's first state."""
    forward, backward = [np.zeros(D)], [np.zeros(D)]
    for node in nodes:
        forward.append(gru_step(model.encoder, node, forward[-1]))
    for node in nodes[::-1]:
        backward.append(gru_step(model.encoder, node, backward[-1], "l0_reverse"))
    both = zip(forward[1:], backward[:0:-1], strict=True)
    memory = np.array([linear(model.join, np.concatenate(pair)) for pair in both])
    start = linear(model.start, np.concatenate([forward[-1], backward[-1]]))
    return memory, np.tanh(start)


def scores_with_loops(model, memory, state):
    """Return the scores (L + 1,) of what comes after a state."""
    query = linear(model.query, state)
    weights = np.exp([query @ node / np.sqrt(D) for node in memory])
    context = sum(w * node for w, node in zip(weights / weights.sum(), memory, strict=True))
    return linear(model.output, np.tanh(linear(model.combine, np.r_[state, context])))


def log_p_with_loops(model, nodes, sequence, unknown=()):
    """Return the log-probability of each step of a sequence of labels and its end."""
    memory, state = read_with_loops(model, nodes)
    last, steps = L, []
    for t in range(len(sequence) + 1):
        state = gru_step(model.decoder, array(model.embedding.weight)[last], state)
        scores = scores_with_loops(model, memory, state)
        scores[[*sequence[:t], *unknown]] = -np.inf
        last = sequence[t] if t < len(sequence) else L
        steps.append(scores[last] - np.log(np.exp(scores).sum()))
    return np.array(steps)


def all_sequences():
    return [s for length in range(L + 1) for s in permutations(range(L), length)]


def test_a_wide_beam_has_the_mass_and_the_best_of_all_sequences(nodes):
    model = make_model()
    logits, best = predicted(model(as_nodes(nodes)))
    for i in range(N):
        p = {
            s: np.exp(log_p_with_loops(model, nodes[i].numpy(), s).sum())
            for s in all_sequences()
        }
        assert sum(p.values()) == pytest.approx(1)
        mass = [sum(p[s] for s in p if label in s) for label in range(L)]
        np.testing.assert_allclose(logits[i].detach().sigmoid(), mass, rtol=1e-9)
        assert best[i].nonzero()[:, 0].tolist() == sorted(max(p, key=p.get))


def test_a_narrow_beam_normalizes_what_it_found(nodes):
    model = make_model(beam_size=1)
    logits, best = predicted(model(as_nodes(nodes)))
    np.testing.assert_array_equal(logits.detach() > 0, best)
    assert (logits.abs() == 16).all()  # one sequence has all of the mass


LABELS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]])
WEIGHT = np.array([1.0, 2.0, 0.5, 3.0, 1.5])


def targets(labels=LABELS, known=None):
    known = None if known is None else torch.from_numpy(known)
    return Targets(torch.from_numpy(labels.astype(float)), known, torch.from_numpy(WEIGHT))


def in_order(row):
    return [label for label in ORDER if row[label]]


def test_the_loss_is_that_of_the_true_sequences_written_as_loops(nodes):
    model = make_model().train()
    output = model(as_nodes(nodes), targets().labels)
    losses = [
        -log_p_with_loops(model, nodes[i].numpy(), in_order(LABELS[i])).sum()
        for i in range(N)
    ]
    expected = (WEIGHT * losses).mean()
    assert SequenceLoss()(output, targets()).item() == pytest.approx(expected, rel=1e-9)


def test_label_weights_multiply_the_steps_of_their_labels(nodes):
    model, label_weight = make_model().train(), np.array([2.0, 0.5, 3.0])
    losses = []
    for i in range(N):
        sequence = in_order(LABELS[i])
        steps = log_p_with_loops(model, nodes[i].numpy(), sequence)
        losses.append(-(np.r_[label_weight[sequence], 1.0] * steps).sum())
    loss = SequenceLoss(torch.from_numpy(label_weight))
    got = loss(model(as_nodes(nodes), targets().labels), targets())
    assert got.item() == pytest.approx((WEIGHT * losses).mean(), rel=1e-9)


def test_unknown_labels_are_neither_asked_for_nor_punished(nodes):
    model = make_model().train()
    known = np.array([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1]], dtype=bool)
    labels = LABELS * known
    output = model(as_nodes(nodes), targets(labels).labels)
    loss = SequenceLoss()(output, targets(labels, known))
    losses = [
        -log_p_with_loops(
            model, nodes[i].numpy(), in_order(labels[i]), np.flatnonzero(~known[i])
        ).sum()
        for i in range(N)
    ]
    assert losses[1] == 0  # nothing is known, nothing is to be learned
    assert loss.item() == pytest.approx((WEIGHT * losses).mean(), rel=1e-9)


def test_an_unknown_label_gets_no_gradient(nodes):
    model = make_model().train()
    known = np.ones_like(LABELS, dtype=bool)
    known[:, 1] = False
    labels = LABELS * known
    output = model(as_nodes(nodes), targets(labels).labels)
    SequenceLoss()(output, targets(labels, known)).backward()
    grad = model.output.weight.grad
    assert (grad[1] == 0).all()
    assert (grad[[0, 2, 3]] != 0).any(dim=1).all()


def test_gradients_are_finite_and_reach_every_parameter(nodes):
    model = make_model(n_layers=2).train()
    full = np.ones_like(LABELS)  # every label is emitted: only the end is left to choose
    for labels in (LABELS, full, np.zeros_like(LABELS)):
        model.zero_grad()
        output = model(as_nodes(nodes), targets(labels).labels)
        SequenceLoss()(output, targets(labels)).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_padding_does_not_matter_whatever_it_holds(nodes):
    model, lengths = make_model(n_layers=2), [1, 2, 3, 3, 2]
    padded = torch.full((N, S + 2, D), 1e3, dtype=torch.float64)
    for i, length in enumerate(lengths):
        padded[i, :length] = nodes[i, :length]
    mask = torch.arange(S + 2) < torch.tensor(lengths)[:, None]
    group = Group(slice(0, N), slice(0, N * (S + 2)), N, S + 2, mask)
    layout = Layout((group,), N, mask.flatten())
    logits, _ = predicted(model(Nodes(padded.flatten(0, 1), layout)))
    for i, length in enumerate(lengths):
        alone, _ = predicted(model(as_nodes(nodes[i : i + 1, :length])))
        torch.testing.assert_close(logits[i], alone[0], rtol=1e-9, atol=1e-12)


def test_what_is_told_to_the_loss_does_not_change_the_prediction(nodes):
    model = make_model()
    logits, best = predicted(model(as_nodes(nodes)))
    for labels in (LABELS, 1 - LABELS):
        told = predicted(model(as_nodes(nodes), targets(labels).labels))
        assert torch.equal(told[0], logits)
        assert torch.equal(told[1], best)


# The estimator ----------------------------------------------------------------------------


def fitted(X, Y, **options):
    options = {"hidden_size": 8, "max_epochs": 2, "dropout": 0.0, **options}
    return Seq2SeqClassifier(precision="float64", random_state=0, **options).fit(X, Y)


@pytest.fixture(scope="module")
def data():
    """Tokens 0 to 3 say labels 0 to 3, but label 3 only where label 0 is not."""
    rng = np.random.default_rng(0)
    tokens = [rng.integers(0, 8, rng.integers(1, 7)) for _ in range(120)]
    Y = np.array([[label in row for label in range(4)] for row in tokens]).astype(int)
    Y[:, 3] &= 1 - Y[:, 0]
    return Sequences(tokens, n_tokens=8), Y


@pytest.fixture(scope="module")
def learned(data):
    return fitted(*data, hidden_size=16, max_epochs=30, learning_rate=0.02)


def test_a_small_data_set_is_learned(data, learned):
    X, Y = data
    assert learned.score(X, Y) > 0.97
    assert (learned.predict(X).sum(1) == 0).any()  # rows without a label too
    assert ((learned.predict_proba(X) > 0.5) == Y).mean() > 0.98


def test_batch_size_and_order_do_not_change_the_prediction(data):
    X, Y = data
    model = fitted(X, Y, n_layers=2)
    together = model.predict_proba(X)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_allclose(model.predict_proba(X[order]), together[order], rtol=1e-9)
    model.net_.set_params(batch_size=7)
    np.testing.assert_allclose(model.predict_proba(X), together, rtol=1e-9)


def test_prediction_never_sees_the_labels(data):
    X, Y = data
    seen = []

    class Watched(Seq2SeqClassifier):
        def _make_head(self, *args):
            head = super()._make_head(*args)
            head.register_forward_pre_hook(watch, with_kwargs=True)
            return head

    def watch(head, args, kwargs):
        seen.append((head.training, len(args) > 1 or "labels" in kwargs))

    model = Watched(hidden_size=4, max_epochs=1, threshold="tuned").fit(X, Y)
    # In training and for its validation loss, but not to tune the threshold.
    assert set(seen) == {(True, True), (False, True), (False, False)}
    seen.clear()
    model.predict(X), model.predict_proba(X), model.decision_function(X)
    assert set(seen) == {(False, False)}


def test_labels_are_emitted_in_order_of_their_frequency(data):
    X, _ = data
    rng = np.random.default_rng(0)
    Y = (rng.random((len(X), 4)) < [0.2, 0.7, 0.1, 0.4]).astype(int)
    model = fitted(X, Y, max_epochs=1)
    assert model.label_order_.tolist() == [1, 3, 0, 2]
    sequences, *real = model.module_.head.sequences(
        torch.tensor([[1, 1, 0, 1], [0, 0, 1, 0]])
    )
    assert sequences.tolist() == [[1, 3, 0, 4], [2, 4, 4, 4]]
    assert [index.tolist() for index in real] == [[0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 1]]
    weight = np.where(Y[:, 2] == 1, 10.0, 0.1)
    weighted = Seq2SeqClassifier(max_epochs=1, hidden_size=4).fit(
        X, Y, sample_weight=weight
    )
    assert weighted.label_order_[0] == 2
    assert fitted(X, Y, label_order="rare_first").label_order_.tolist() == [2, 0, 3, 1]
    given = fitted(X, Y, label_order=[3, 1, 0, 2])
    assert given.module_.head.order.tolist() == [3, 1, 0, 2]
    assert np.abs(given.predict_proba(X) - fitted(X, Y).predict_proba(X)).max() > 1e-6


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 1, 2, 2], [1, 2, 3, 4], [[0, 1, 2, 3]]])
def test_an_order_that_does_not_hold_each_label_once_is_refused(data, order):
    with pytest.raises(ValueError, match="each number from 0 to 3 once, one per label"):
        fitted(*data, label_order=order)


def test_predict_gives_the_best_sequence_and_a_threshold_the_mass(data):
    X, Y = data
    best = fitted(X, Y, beam_size=1)
    # A beam of one has one sequence, whose mass is all there is.
    np.testing.assert_array_equal(best.predict(X), best.predict_proba(X) > 0.5)
    for threshold in (0.3, [0.1, 0.2, 0.3, 0.4]):
        model = fitted(X, Y, threshold=threshold, max_epochs=5)
        expected = model.predict_proba(X) >= threshold
        np.testing.assert_array_equal(model.predict(X), expected)
    X_rest, Y_sparse = X[:40], sparse.csr_array(Y)
    answer = fitted(X, Y_sparse).predict(X_rest)
    np.testing.assert_array_equal(answer.toarray(), fitted(X, Y).predict(X_rest))


def test_the_best_sequence_may_hold_a_label_of_less_than_half_of_the_mass():
    X = np.zeros((100, 2))  # nothing is known of a sample but how often label sets occur
    Y = np.repeat([[1, 0, 0], [0, 1, 0], [0, 1, 1]], [40, 30, 30], axis=0)
    model = fitted(X, Y, max_epochs=40, learning_rate=0.02)
    np.testing.assert_allclose(model.predict_proba(X)[0], [0.4, 0.6, 0.3], atol=0.03)
    np.testing.assert_array_equal(model.predict(X)[0], [1, 0, 0])
    np.testing.assert_array_equal(model.predict_proba(X)[0] > 0.5, [0, 1, 0])


def test_beam_size_layers_and_dropout_change_what_they_say(data):
    X, Y = data
    head = fitted(X, Y, n_layers=3, dropout=0.4, beam_size=2).module_.head
    assert head.encoder.num_layers == 3
    assert head.encoder.dropout == head.dropout.p == 0.4
    base = fitted(X, Y)
    narrow = fitted(X, Y, beam_size=2)
    for a, b in zip(base.module_.parameters(), narrow.module_.parameters(), strict=True):
        assert torch.equal(a, b)  # prediction is all that the beam is for
    assert np.abs(base.predict_proba(X) - narrow.predict_proba(X)).max() > 1e-6


def test_dropout_acts_in_training_only(data):
    X, Y = data
    model = fitted(X, Y, dropout=0.5)
    assert np.abs(model.predict_proba(X) - fitted(X, Y).predict_proba(X)).max() > 1e-6
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_binary_and_multiclass_targets_are_sequences_of_at_most_and_exactly_one_label(data):
    X, Y = data
    binary = fitted(X, Y[:, 1], max_epochs=15, learning_rate=0.02)
    assert binary.score(X, Y[:, 1]) > 0.97
    np.testing.assert_allclose(binary.predict_proba(X).sum(1), 1)
    y = np.where(Y[:, 0], "a", np.where(Y[:, 1], "b", "c"))
    multiclass = fitted(X, y, max_epochs=15, learning_rate=0.02, beam_size=1)
    assert multiclass.score(X, y) > 0.97
    probabilities = multiclass.predict_proba(X)  # of all classes, whatever the beam
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert (probabilities > 0).all()
    assert len(np.unique(probabilities[0])) == 3


def test_early_stopping_scores_the_best_sequences_and_the_loss_of_the_true_ones(data):
    X, Y = data
    model = fitted(X, Y, early_stopping="miF1", validation_fraction=0.3, max_epochs=4,
                   learning_rate=0.02, patience=9)  # fmt: skip
    _, held_out = model._split(SimpleNamespace(Y=Y.astype(np.uint8)), np.ones(len(X)))
    expected = f1_score(Y[held_out], model.predict(X[held_out]), average="micro")
    assert max(h["valid_score"] for h in model.history_) == pytest.approx(expected)
    last = fitted(X, Y, early_stopping="loss", validation_fraction=0.3, max_epochs=1)
    module, losses = last.module_, []
    for i in held_out:
        labels = torch.from_numpy(Y[i : i + 1].astype(float))
        encoded = module.encoder.embedding.weight[
            np.array(X[i])
        ] + module.encoder.positions.table(len(X[i]))
        output = module.head(as_nodes(encoded[None]), labels)
        losses.append(SequenceLoss()(output, Targets(labels, None, torch.ones(1))).item())
    assert last.history_[-1, "valid_loss"] == pytest.approx(np.mean(losses), rel=0.01)


def test_training_starts_from_the_frequencies(data):
    X, Y = data
    model = fitted(X, Y, max_epochs=1, learning_rate=1e-12)
    often = np.append((Y.sum(0) + 1) / (len(X) + 2), 1)  # the end always comes
    bias = model.module_.head.output.bias.detach().numpy()
    np.testing.assert_allclose(bias, np.log(often / often.sum()), atol=1e-6)
