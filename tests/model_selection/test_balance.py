"""The parts behind the splitters: targets, exchanges, moves."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skmlc.model_selection import MultilabelStratifiedShuffleSplit
from skmlc.model_selection._balance import Balance, label_targets, part_counts, swap_rows
from skmlc.model_selection._dealing import deal_rows
from skmlc.model_selection.group_split import _Placement


@pytest.mark.parametrize(
    "n_rows, share, needs_one, expected",
    [
        (1, [0.9, 0.1], [1, 1], [0.9, 0.1]),
        (2, [0.9, 0.1], [1, 1], [1, 1]),
        (3, [0.9, 0.1], [1, 1], [2, 1]),
        (40, [0.9, 0.1], [1, 1], [36, 4]),
        (2, [0.7, 0.1, 0.2], [1, 1, 0], [1, 1, 0]),
        (4, [0.5, 0.1, 0.4], [1, 1, 0], [1 + 2 / 2.6, 1, 1.6 * 2 / 2.6]),
    ],
)
def test_each_part_that_needs_one_is_to_have_one(n_rows, share, needs_one, expected):
    targets = label_targets(np.array([n_rows]), np.array(share), np.array(needs_one) > 0)
    assert_allclose(targets, [expected])


def test_a_label_is_missing_where_one_part_has_all_of_it_or_none():
    counts = np.array([[2, 0, 0], [1, 1, 0], [1, 0, 0], [2, 1, 0], [1, 1, 1]], dtype=float)
    n_rows = counts.sum(axis=1)
    needs_one = np.ones(3, dtype=bool)
    balance = Balance(counts, label_targets(n_rows, needs_one / 3, needs_one), needs_one,
                      n_rows, n_rows)  # fmt: skip
    expected = np.zeros((5, 3), dtype=bool)
    expected[0, 0] = expected[3, 2] = True
    assert_array_equal(balance.is_absent(), expected)


@pytest.mark.parametrize("seed", range(5))
def test_exchanges_keep_sizes_and_never_make_a_rare_label_less_even(seed):
    rng = np.random.RandomState(seed)
    Y = sparse.csr_array((rng.rand(120, 30) < np.linspace(0.02, 0.9, 30)).astype(int))
    sizes, needs_one = np.array([30] * 4), np.ones(4, dtype=bool)
    targets = label_targets(Y.sum(axis=0), sizes / 120, needs_one)
    part = deal_rows(Y, sizes, targets, rng)
    before = part_counts(Y, part, 4)
    swap_rows(Y, part, targets, needs_one, rng)
    after = part_counts(Y, part, 4)
    assert_array_equal(np.bincount(part), sizes)
    assert_array_equal(after.sum(axis=1), before.sum(axis=1))
    before, after = (((c - targets) ** 2).sum(axis=1) for c in (before, after))  # (L,)
    rare = targets.min(axis=1) < 10
    assert rare.any()
    assert np.all(after[rare] <= before[rare] + 1e-9)
    assert after.sum() < before.sum()


def has_all(Y, test):
    """Whether each label of two rows or more is in the test part and outside it."""
    n_rows, n_test = Y.sum(axis=0), Y[list(test)].sum(axis=0)
    return np.all(((n_test > 0) & (n_test < n_rows))[n_rows >= 2])


@pytest.mark.parametrize("seed", [*range(10), 296, 376, 434, 524, 760, 781])
def test_labels_are_on_both_sides_where_a_search_of_all_splits_finds_that(seed):
    rng = np.random.RandomState(seed)
    Y = (rng.rand(rng.randint(4, 11), rng.randint(1, 6)) < 0.4).astype(int)
    n_test = rng.randint(1, len(Y) // 2 + 1)
    splits = combinations(range(len(Y)), n_test)
    cv = MultilabelStratifiedShuffleSplit(1, test_size=n_test, random_state=seed)
    _, test = next(cv.split(Y, Y))
    assert has_all(Y, test) or not any(has_all(Y, split) for split in splits)


def test_groups_move_to_where_they_are_missing():
    Y = sparse.csr_array(np.tile(np.eye(2), (6, 1)))
    groups = np.repeat(np.arange(6), 2)
    placement = _Placement(Y, groups, 6, np.full(3, 1 / 3), np.ones(3, dtype=bool))
    placement.part[:] = 0
    placement.balance.counts[:, 0] = [6, 6, 12]
    assert sum(placement.move(group) for group in range(6)) == 4
    assert_array_equal(np.bincount(placement.part), [2, 2, 2])
    assert_allclose(placement.balance.counts, [[2] * 3, [2] * 3, [4] * 3])
