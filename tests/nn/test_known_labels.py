"""Modules that read what is known of the labels, against loops."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.nn import known_labels
from skmlc.nn.known_labels import KnownLabelNeighbors, KnownLabelSkip, KnownLabelStates

KNOWN = torch.tensor([[1.0, 0.0, -1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [-1.0, 1.0, 1.0, 0.0]])


@pytest.mark.parametrize("n_labels", [None, 4])
@torch.no_grad()
def test_states_are_the_vector_of_what_is_known_and_zero_otherwise(n_labels):
    torch.manual_seed(0)
    module = KnownLabelStates(5, n_labels)
    assert module.vectors.shape == ((2, 5) if n_labels is None else (2, 4, 5))
    states = module(KNOWN)
    for i, row in enumerate(KNOWN.int().tolist()):
        for c, known in enumerate(row):
            of_label = module.vectors if n_labels is None else module.vectors[:, c]
            expected = {1: of_label[0], -1: of_label[1], 0: torch.zeros(5)}[known]
            assert torch.equal(states[i, c], expected)


@pytest.mark.parametrize("along_edges", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_the_linear_part_reads_known_labels_along_edges_and_never_itself(
    along_edges, form, monkeypatch
):
    monkeypatch.setattr(known_labels, "use_edges", lambda *_: along_edges)
    # Four labels and a further concept; a label that has a loop.
    adjacency = np.array(
        [
            [1, 0, 0.3, 0, 1],
            [1, 0, 0, 0, 0],
            [0, 2, 0, 1, 1],
            [0, 0, 0, 0, 0],
            [1, 1, 1, 1, 0],
        ]
    )
    module = KnownLabelSkip(form(adjacency), 4)
    assert module.along_edges == along_edges
    torch.manual_seed(0)
    with torch.no_grad():
        module.weight.copy_(torch.randn_like(module.weight))
    if along_edges:
        weight = torch.zeros(2, 4, 4)
        weight[:, module.sources, module.receivers] = module.weight.detach()
    else:
        weight = module.weight.detach()
    logits = module(KNOWN).detach().numpy()
    for n, row in enumerate(KNOWN.int().tolist()):
        for i in range(4):
            expected = 0.0
            for j, known in enumerate(row):
                if i != j and adjacency[i, j] != 0 and known != 0:
                    expected += weight[0 if known == 1 else 1, j, i].item()
            assert logits[n, i] == pytest.approx(expected, abs=1e-6)
    module(KNOWN).sum().backward()
    if not along_edges:  # what is no edge learns nothing
        assert (module.weight.grad[:, adjacency[:4, :4].T == 0] == 0).all()


# Neighbors among label rows -------------------------------------------------------------------

ROWS = np.array(
    [[1, 1, 0, 1], [0, 1, 0, 0], [1, 0, 1, 1], [0, 0, np.nan, 1], [1, 1, 0, 0]], dtype=float
)
WEIGHT = np.array([1.0, 2.0, 1.0, 0.5, 1.0])


def neighbors(Y=ROWS, rows=None, weight=WEIGHT):
    """Return a module that keeps some rows, with weights as after training; and the places."""
    module = KnownLabelNeighbors(Y.shape[1])
    rows = np.arange(Y.shape[0]) if rows is None else rows
    places = module.keep(Y, rows, weight)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn_like(parameter) + 0.3)
    return module, places


def logits_by_loops(module, Y, weight, known, left_out=None):
    """Return the logits of one sample, by the labels in which it differs from each row."""
    state = {
        name: value.detach().double().numpy() for name, value in module.named_parameters()
    }
    holds, holds_not = np.exp(state["log_holds"]), np.exp(state["log_holds_not"])
    n_labels = Y.shape[1]
    frequency = np.zeros(n_labels)
    for i in range(n_labels):
        there = [(w, y[i]) for w, y in zip(weight, Y, strict=True) if not np.isnan(y[i])]
        total = sum(w for w, _ in there)
        frequency[i] = (sum(w * y for w, y in there) + 1) / (total + 2)
    shares = np.zeros(len(Y))
    for n, y in enumerate(Y):
        y = np.where(np.isnan(y), frequency, y)
        distance = 0.0
        for i in range(n_labels):
            if known[i] == 1:
                distance += holds[i] * (1 - y[i])
            if known[i] == -1:
                distance += holds_not[i] * y[i]
        shares[n] = weight[n] * np.exp(-np.exp(state["log_scale"]) * distance)
    if left_out is not None:
        shares[left_out] = 0
    shares /= shares.sum()
    logits = np.zeros(n_labels)
    for i in range(n_labels):
        column = np.where(np.isnan(Y[:, i]), frequency[i], Y[:, i])
        p = 0.98 * (shares * column).sum() + 0.02 * frequency[i]
        logits[i] = np.log(p / (1 - p)) - np.log(frequency[i] / (1 - frequency[i]))
    return np.exp(state["log_strength"]) * logits


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@torch.no_grad()
def test_near_label_rows_are_those_that_differ_in_few_known_labels(form):
    module, _ = neighbors(form(ROWS))
    logits = module(KNOWN).numpy()
    for n in (0, 2):
        expected = logits_by_loops(module, ROWS, WEIGHT, KNOWN[n].numpy())
        np.testing.assert_allclose(logits[n], expected, atol=1e-5)
    assert (logits[1] == 0).all()  # nothing is known of it


@torch.no_grad()
def test_a_sample_is_not_its_own_neighbor():
    module, places = neighbors()
    logits = module(KNOWN, torch.tensor([3, -1, -1])).numpy()
    for n, left_out in ((0, 3), (2, None)):
        expected = logits_by_loops(module, ROWS, WEIGHT, KNOWN[n].numpy(), left_out)
        np.testing.assert_allclose(logits[n], expected, atol=1e-5)
    assert places.tolist() == [0, 1, 2, 3, 4]


def test_rows_that_are_not_trained_on_are_not_kept():
    module, places = neighbors(rows=np.array([1, 2, 4]))
    assert places.tolist() == [-1, 0, 1, -1, 2]
    assert np.array_equal(module.labels, ROWS[[1, 2, 4]])


def test_of_many_rows_some_are_kept_that_are_drawn_at_random(monkeypatch):
    monkeypatch.setattr(known_labels, "MAX_ROWS", 20)
    Y = np.eye(100)
    torch.manual_seed(0)
    module = KnownLabelNeighbors(100)
    places = module.keep(Y, np.arange(100), np.ones(100))
    kept = np.flatnonzero(places >= 0)
    assert len(kept) == 20
    assert kept.max() > 80
    assert kept.min() < 20
    assert np.array_equal(module.labels, Y[kept])
    monkeypatch.setattr(known_labels, "MAX_ENTRIES", 500)
    assert (module.keep(Y, np.arange(100), np.ones(100)) >= 0).sum() == 5


@torch.no_grad()
def test_a_single_row_is_no_neighborhood():
    module, _ = neighbors(rows=np.array([2]))
    assert (module(KNOWN, torch.tensor([0, 0, 0])) == 0).all()


@torch.no_grad()
def test_weights_are_those_of_a_training_with_another_number_of_rows():
    module, _ = neighbors()
    other, _ = neighbors(rows=np.array([0, 1]))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(KNOWN), module(KNOWN))
