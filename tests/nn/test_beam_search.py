"""Beam search against the enumeration of all sequences, and against one written as loops."""

from itertools import permutations

import numpy as np
import pytest
import torch

from skmlc.nn.beam_search import Hypotheses, mass_logits, search_sequences

N = 4


def make_step(n_labels, seed=0):
    """Return a step whose scores depend on the whole prefix, by way of the state."""
    rng = np.random.default_rng(seed)
    weight = torch.tensor(rng.normal(size=(8, n_labels + 1)) * 2)
    embedding = torch.tensor(rng.normal(size=(n_labels + 1, 8)))
    turn = torch.tensor(np.linalg.qr(rng.normal(size=(8, 8)))[0])

    def step(last, states):
        states = torch.tanh(states @ turn + embedding[last])
        return states @ weight, states

    first = torch.tensor(rng.normal(size=(N, 8)))
    return step, first


def log_softmax(scores, prefix):
    """Return log-probabilities of labels and end, without the labels of the prefix."""
    scores = scores.copy()
    scores[list(prefix)] = -np.inf
    highest = scores.max()
    return scores - highest - np.log(np.exp(scores - highest).sum())


def advance(step, state, last):
    """Take one step with one hypothesis of one sample."""
    scores, state = step(torch.tensor([[last]]), state[None, None])
    return scores[0, 0].numpy(), state[0, 0]


def log_p_of(step, state, sequence, n_labels):
    """Return the log-probability of a finished sequence."""
    total, last = 0.0, n_labels
    for t in range(len(sequence) + 1):
        scores, state = advance(step, state, last)
        last = sequence[t] if t < len(sequence) else n_labels
        total += log_softmax(scores, sequence[:t])[last]
    return total


def all_sequences(n_labels):
    """Yield every sequence of distinct labels, the empty one included."""
    for length in range(n_labels + 1):
        yield from permutations(range(n_labels), length)


def found_with_loops(step, state, n_labels, width):
    """Search for one sample: prefixes and finished sequences as lists."""
    beam, finished = [(0.0, (), state)], []
    for _ in range(n_labels + 1):
        longer = []
        for log_p, prefix, state in beam:
            last = prefix[-1] if prefix else n_labels
            scores, state = advance(step, state, last)
            scores = log_p + log_softmax(scores, prefix)
            finished.append((scores[-1], prefix))
            longer += [
                (scores[label], (*prefix, label), state)
                for label in range(n_labels)
                if label not in prefix
            ]
        beam = sorted(longer, key=lambda item: -item[0])[:width]
    return sorted(finished, key=lambda item: -item[0])[:width]


def test_a_wide_beam_finds_every_sequence():
    n_labels = 3
    step, first = make_step(n_labels)
    sequences = list(all_sequences(n_labels))
    assert len(sequences) == 16
    found = search_sequences(step, first, n_labels, width=20)
    for i in range(N):
        expected = sorted(
            (log_p_of(step, first[i], s, n_labels) for s in sequences), reverse=True
        )
        np.testing.assert_allclose(found.log_p[i, :16], expected, rtol=1e-9)
        assert torch.isinf(found.log_p[i, 16:]).all()
        np.testing.assert_allclose(found.log_p[i].exp().sum(), 1)


def test_mass_logits_are_those_of_the_share_of_the_sequences_with_the_label():
    n_labels = 3
    step, first = make_step(n_labels, seed=1)
    found = search_sequences(step, first, n_labels, width=16)
    probabilities = mass_logits(found).sigmoid()
    for i in range(N):
        expected = np.zeros(n_labels)
        for sequence in all_sequences(n_labels):
            expected[list(sequence)] += np.exp(log_p_of(step, first[i], sequence, n_labels))
        np.testing.assert_allclose(probabilities[i], expected, rtol=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_a_narrow_beam_is_the_search_written_as_loops(width):
    n_labels = 6
    step, first = make_step(n_labels, seed=width)
    found = search_sequences(step, first, n_labels, width)
    for i in range(N):
        for b, (log_p, labels) in enumerate(
            found_with_loops(step, first[i], n_labels, width)
        ):
            np.testing.assert_allclose(found.log_p[i, b], log_p, rtol=1e-9)
            assert found.holds[i, b].nonzero()[:, 0].tolist() == sorted(labels)


def test_the_search_ends_when_no_prefix_can_become_better():
    calls = []

    def step(last, states):
        calls.append(len(last))
        scores = torch.zeros(*last.shape, 101)
        scores[..., -1] = 20.0  # the end is all but certain
        return scores, states

    found = search_sequences(step, torch.zeros(2, 1), n_labels=100, width=1)
    assert len(calls) == 1
    assert not found.holds.any()


def test_samples_are_searched_independently_of_each_other():
    step, first = make_step(5)
    together = search_sequences(step, first, 5, width=3)
    for i in range(N):
        alone = search_sequences(step, first[i : i + 1], 5, width=3)
        torch.testing.assert_close(alone.log_p[0], together.log_p[i])
        assert torch.equal(alone.holds[0], together.holds[i])


def test_labels_that_all_sequences_hold_or_none_have_finite_logits():
    holds = torch.tensor([[[True, False, True], [True, False, False]]])
    logits = mass_logits(Hypotheses(torch.tensor([[0.25, 0.75]]).log(), holds))
    torch.testing.assert_close(
        logits, torch.tensor([[16.0, -16.0, -np.log(3)]], dtype=torch.float32)
    )
    assert (logits.sigmoid() < 1).all()
