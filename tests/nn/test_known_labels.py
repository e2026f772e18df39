"""Modules that read what is known of the labels, against loops."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skmlc.nn import known_labels
from skmlc.nn.known_labels import KnownLabelSkip, KnownLabelStates

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
