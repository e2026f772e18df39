"""The ranks that metrics of scores are made of, against loops."""

import numpy as np
import pytest

from skmlc.metrics import _ranks
from skmlc.metrics._ranks import (
    known_weight_from,
    ranks_among_positives,
    ranks_of_positives,
    weight_from,
)
from skmlc.metrics._targets import read_targets


@pytest.fixture
def case():
    """Labels with unknown entries and an empty row, and scores with many ties."""
    draw = np.random.RandomState(0)
    Y = draw.choice([0.0, 1.0, np.nan], (7, 9), p=[0.4, 0.4, 0.2])
    Y[2] = 0
    return read_targets(Y, draw.randint(1, 4, 7)), draw.randint(0, 4, (7, 9)) / 4


def known_scores(targets, scores, row):
    return scores[row][targets.unknown[[row]].toarray()[0] == 0]


def positives(targets):
    return zip(*targets.positive.nonzero(), strict=True)


@pytest.mark.parametrize("few", [0, 100], ids=["sorted", "compared"])
@pytest.mark.parametrize("block", [1, 20, 2**20])
def test_ranks_count_the_known_labels_of_the_sample(case, few, block, monkeypatch):
    monkeypatch.setattr(_ranks, "FEW_POSITIVES", few)
    monkeypatch.setattr(_ranks, "BLOCK_ENTRIES", block)
    targets, scores = case
    pairs = [
        (scores[i, j], known_scores(targets, scores, i)) for i, j in positives(targets)
    ]
    at_least = [(others >= own).sum() for own, others in pairs]
    above = [(others > own).sum() for own, others in pairs]
    assert ranks_of_positives(targets, scores).tolist() == at_least
    assert ranks_of_positives(targets, scores, above=True).tolist() == above


def test_ranks_among_positives_count_positives_only(case):
    targets, scores = case
    expected = [
        (scores[i][targets.positive[[i]].toarray()[0] == 1] >= scores[i, j]).sum()
        for i, j in positives(targets)
    ]
    assert ranks_among_positives(targets, scores).tolist() == expected


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_that_reach_a_level_are_the_loop(weighted):
    draw = np.random.RandomState(1)
    scores, levels = draw.randint(0, 5, 30) / 4, np.arange(-1, 6) / 4
    weight = draw.random_sample(30) if weighted else None
    at_least, above = weight_from(levels, scores, weight)
    each = np.ones(30) if weight is None else weight
    np.testing.assert_allclose(at_least, [each[scores >= level].sum() for level in levels])
    np.testing.assert_allclose(above, [each[scores > level].sum() for level in levels])


@pytest.mark.parametrize("equal", [False, True])
def test_weights_of_all_known_entries_are_the_loop(case, equal):
    targets, scores = case
    weight = np.full(7, 2.0) if equal else targets.sample_weight
    targets = targets._replace(sample_weight=weight)
    known = targets.unknown.toarray() == 0
    each = np.repeat(weight[:, np.newaxis], 9, axis=1) * known
    levels = np.array([0.0, 0.25, 0.6])
    at_least, above = known_weight_from(levels, targets, scores)
    np.testing.assert_allclose(at_least, [each[scores >= level].sum() for level in levels])
    np.testing.assert_allclose(above, [each[scores > level].sum() for level in levels])
