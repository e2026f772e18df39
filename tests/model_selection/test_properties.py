"""Splits of any labels: every row once, parts of the right sizes, labels spread out."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse

from skmlc.inputs import Bags
from skmlc.model_selection import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    RepeatedMultilabelStratifiedKFold,
    multilabel_train_test_split,
)
from tests.strategies import indicators

labels = indicators(rows=(4, 16), labels=(1, 5))
labels_with_unknown = indicators(rows=(4, 16), labels=(2, 5), missing=True)
seeds = st.none() | st.integers(0, 9)


def k_folds(n_splits, seed):
    """Return folds that are dealt in order, or shuffled where there is a seed."""
    return MultilabelStratifiedKFold(n_splits, shuffle=seed is not None, random_state=seed)


def folds_of(splitter, Y):
    """Return the test rows of each fold, sorted; the others are the training rows."""
    found = []
    for train, test in splitter.split(np.zeros((len(Y), 1)), Y):
        np.testing.assert_array_equal(np.sort([*train, *test]), np.arange(len(Y)))
        found.append(np.sort(test))
    return found


@given(Y=labels | labels_with_unknown, n_splits=st.integers(2, 4), seed=seeds)
def test_folds_are_a_partition_of_even_sizes(Y, n_splits, seed):
    folds = folds_of(k_folds(n_splits, seed), Y)
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(len(Y)))
    sizes = [len(fold) for fold in folds]
    assert len(sizes) == n_splits
    assert max(sizes) - min(sizes) <= 1


@given(Y=labels, n_splits=st.integers(2, 4), seed=seeds)
def test_the_rarest_label_is_spread_over_the_folds(Y, n_splits, seed):
    totals = Y.sum(axis=0)
    assume(totals.any())
    rarest = totals == totals[totals > 0].min()
    assume(rarest.sum() == 1)  # of several the first one dealt, whichever it is
    counts = [Y[fold][:, rarest].sum() for fold in folds_of(k_folds(n_splits, seed), Y)]
    assert max(counts) - min(counts) <= 1


@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    n_splits=st.integers(2, 4), seed=seeds, data=st.data(),
)  # fmt: skip
def test_labels_that_never_meet_are_all_spread_evenly(counts, n_splits, seed, data):
    # Each label holds in a multiple of the number of folds, so that even is possible.
    classes = np.repeat(np.arange(len(counts)), np.array(counts) * n_splits)
    classes = np.array(data.draw(st.permutations(classes.tolist())))
    Y = np.eye(len(counts))[classes]
    for fold in folds_of(k_folds(n_splits, seed), Y):
        np.testing.assert_array_equal(Y[fold].sum(axis=0), counts)
    for fold in folds_of(k_folds(n_splits, seed), classes):  # one-dimensional
        np.testing.assert_array_equal(np.bincount(classes[fold]), counts)


@given(Y=labels | labels_with_unknown, n_splits=st.integers(2, 4), seed=seeds)
def test_the_form_of_the_labels_and_unknown_entries_do_not_matter(Y, n_splits, seed):
    expected = folds_of(k_folds(n_splits, seed), np.nan_to_num(Y))
    for form in (Y, sparse.csr_array(Y), sparse.csr_matrix(Y), sparse.csc_array(Y)):
        splitter = k_folds(n_splits, seed)
        found = [np.sort(test) for _, test in splitter.split(np.zeros((len(Y), 1)), form)]
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@given(Y=labels, seed=st.integers(0, 9))
def test_repetitions_are_partitions(Y, seed):
    splitter = RepeatedMultilabelStratifiedKFold(n_splits=2, n_repeats=3, random_state=seed)
    folds = folds_of(splitter, Y)
    assert len(folds) == 6
    for first, second in zip(folds[::2], folds[1::2], strict=True):
        np.testing.assert_array_equal(np.sort([*first, *second]), np.arange(len(Y)))


@given(Y=labels | labels_with_unknown, seed=st.integers(0, 9), data=st.data())
def test_random_parts_have_the_sizes_asked_for(Y, seed, data):
    n_test = data.draw(st.integers(1, len(Y) - 1))
    n_train = data.draw(st.integers(1, len(Y) - n_test))
    splitter = MultilabelStratifiedShuffleSplit(
        2, test_size=n_test, train_size=n_train, random_state=seed
    )
    for train, test in splitter.split(np.zeros((len(Y), 1)), Y):
        assert (len(train), len(test)) == (n_train, n_test)
        assert len({*train, *test}) == n_train + n_test
        assert {*train, *test} <= set(range(len(Y)))


@given(Y=labels, seed=st.integers(0, 9), test_size=st.sampled_from([0.25, 0.5, 2]))
def test_arrays_of_all_kinds_are_split_alike(Y, seed, test_size):
    numbers = np.arange(len(Y))
    bags = Bags([np.full((1 + i % 3, 1), i) for i in numbers])
    options = {"test_size": test_size, "random_state": seed, "stratify": Y}
    split = multilabel_train_test_split(
        numbers, bags, numbers.tolist(), sparse.csr_array(numbers[:, None]), **options
    )
    train, test = split[:2]
    np.testing.assert_array_equal(np.sort([*train, *test]), numbers)
    for rows, part in ((train, 0), (test, 1)):
        _, ours, listed, stored = split[part::2]
        assert [int(bag[0, 0]) for bag in ours] == listed == rows.tolist()
        np.testing.assert_array_equal(stored.toarray()[:, 0], rows)


@pytest.mark.parametrize("n_labels", [1, 4])
@given(data=st.data())
def test_a_held_out_half_has_half_of_each_label(n_labels, data):
    # Pairs of equal rows can be halved exactly, whichever labels hold together.
    half = data.draw(indicators(rows=(2, 8), labels=(1, 1)))
    Y = np.tile(np.repeat(half, 2, axis=0), n_labels)
    (train, test) = next(
        MultilabelStratifiedShuffleSplit(1, test_size=0.5, random_state=0).split(Y, Y)
    )
    np.testing.assert_array_equal(Y[train].sum(axis=0), Y[test].sum(axis=0))
