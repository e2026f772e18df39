"""Splits that keep groups together and labels on both sides."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, cross_validate

from skmlc.inputs import Bags
from skmlc.model_selection import (
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedGroupShuffleSplit,
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    multilabel_train_test_split,
)
from tests.strategies import indicators

labels = indicators(rows=(4, 16), labels=(1, 5))
seeds = st.none() | st.integers(0, 9)


def k_folds(n_splits, seed=None):
    shuffle = seed is not None
    return MultilabelStratifiedGroupKFold(n_splits, shuffle=shuffle, random_state=seed)


def make_data(n_rows=600, n_labels=8, n_groups=60, seed=0):
    """Labels whose frequency differs between labels and between groups of any size."""
    rng = np.random.RandomState(seed)
    groups = rng.choice(n_groups, n_rows, p=rng.dirichlet(np.full(n_groups, 2)))
    share = rng.uniform(0.05, 0.4, n_labels) + rng.uniform(-0.1, 0.1, (n_groups, n_labels))
    return (rng.rand(n_rows, n_labels) < share[groups]).astype(int), groups


def spread(Y, folds):
    """Mean distance of labels' frequencies in the test parts from those of all rows."""
    return np.mean([np.abs(Y[test].mean(axis=0) - Y.mean(axis=0)) for _, test in folds])


@given(
    Y=labels | indicators(rows=(4, 16), labels=(2, 5), missing=True),
    n_splits=st.integers(2, 4), seed=seeds, data=st.data(),
)  # fmt: skip
def test_folds_are_a_partition_that_keeps_groups_together(Y, n_splits, seed, data):
    n_rows = len(Y)
    some = data.draw(st.lists(st.integers(0, 5), min_size=n_rows, max_size=n_rows))
    groups = np.array([*range(n_splits), *some[n_splits:]])
    folds = list(k_folds(n_splits, seed).split(Y, Y, groups))
    tests = [test for _, test in folds]
    assert_array_equal(np.sort(np.concatenate(tests)), np.arange(n_rows))
    for train, test in folds:
        assert len(test) > 0
        assert_array_equal(np.sort([*train, *test]), np.arange(n_rows))
        assert not set(groups[train]) & set(groups[test])
    again = [test for _, test in k_folds(n_splits, seed).split(Y, Y, groups)]
    for first, second in zip(tests, again, strict=True):
        assert_array_equal(first, second)


@given(Y=labels, seed=st.integers(0, 9), n_groups=st.integers(2, 6))
def test_random_parts_keep_groups_together(Y, seed, n_groups):
    groups = np.arange(len(Y)) % n_groups
    cv = MultilabelStratifiedGroupShuffleSplit(
        2, test_size=0.3, train_size=0.5, random_state=seed
    )
    splits, again = (list(cv.split(Y, Y, groups)) for _ in range(2))
    for (train, test), other in zip(splits, again, strict=True):
        assert len(train) > 0
        assert len(test) > 0
        assert not set(groups[train]) & set(groups[test])
        assert_array_equal(test, other[1])


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_more_even_than_where_groups_are_dealt_without_them(seed):
    Y, groups = make_data(seed=seed)
    ours = spread(Y, k_folds(5, seed).split(Y, Y, groups))
    assert ours < 0.6 * spread(Y, GroupKFold(5).split(Y, Y, groups))
    sizes = [len(test) for _, test in k_folds(5, seed).split(Y, Y, groups)]
    assert np.ptp(sizes) <= 0.05 * len(Y)


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_about_as_even_as_in_scikit_learn(seed):
    rng = np.random.RandomState(seed)
    groups = rng.randint(60, size=900)
    shares = rng.dirichlet(np.ones(4), 60)
    y = np.array([rng.choice(4, p=shares[group]) for group in groups])
    theirs = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    one_hot = np.eye(4)[y]
    ours = spread(one_hot, k_folds(5, seed).split(y, y, groups))
    assert ours < 1.1 * spread(one_hot, theirs.split(y, y, groups))


def test_random_parts_differ_between_splits_and_seeds():
    Y, groups = make_data()
    tests = [
        sorted(test.tolist())
        for seed in (0, 1)
        for _, test in MultilabelStratifiedGroupShuffleSplit(3, random_state=seed).split(
            Y, Y, groups
        )
    ]
    assert all(one != other for i, one in enumerate(tests) for other in tests[:i])


def test_test_size_counts_samples():
    Y, groups = make_data()
    cv = MultilabelStratifiedGroupShuffleSplit(3, test_size=150, random_state=0)
    for train, test in cv.split(Y, Y, groups):
        assert abs(len(test) - 150) <= 12
        assert len(train) + len(test) == len(Y)
        assert np.abs(Y[test].mean(axis=0) - Y.mean(axis=0)).max() < 0.05


def test_a_label_of_two_groups_is_in_train_and_test():
    Y, groups = make_data()
    Y[:, 0] = 0
    for group in (3, 4):
        Y[np.flatnonzero(groups == group)[:2], 0] = 1
    cv = MultilabelStratifiedGroupShuffleSplit(5, test_size=0.1, random_state=0)
    for train, _ in [*cv.split(Y, Y, groups), *k_folds(5).split(Y, Y, groups)]:
        assert Y[train, 0].any()
    for _, test in cv.split(Y, Y, groups):
        assert Y[test, 0].any()


def test_the_form_of_labels_and_groups_does_not_matter():
    Y, groups = make_data(n_rows=80, n_groups=12)
    expected = [test for _, test in k_folds(3).split(Y, Y, groups)]
    names = pd.Series(groups, index=np.arange(80)[::-1]).map("g{:02}".format)
    unknown = np.where((Y == 0) & (np.arange(80) % 2 == 0)[:, None], np.nan, Y)
    forms = [
        Y.tolist(),
        sparse.csr_matrix(Y),
        sparse.coo_array(Y),
        pd.DataFrame(Y),
        unknown,
    ]
    for form in forms:
        for g in (groups, groups.tolist(), names):
            found = [test for _, test in k_folds(3).split(np.zeros((80, 1)), form, g)]
            for ours, theirs in zip(found, expected, strict=True):
                assert_array_equal(ours, theirs)


def test_train_test_split_keeps_groups_together_for_x_in_every_form():
    Y, groups = make_data(n_rows=60, n_groups=12)
    rows = np.arange(60)
    bags = Bags([np.full((2, 1), i) for i in rows])
    frame = pd.DataFrame({"row": rows})
    arrays = rows, sparse.csr_array(rows[:, None]), bags, frame
    parts = multilabel_train_test_split(
        *arrays, stratify=Y, groups=groups, test_size=0.3, random_state=0
    )
    train, test = parts[:2]
    assert_array_equal(np.sort([*train, *test]), rows)
    assert not set(groups[train]) & set(groups[test])
    for ours, stored, bag, table in (parts[::2], parts[1::2]):
        assert_array_equal(stored.toarray()[:, 0], ours)
        assert [int(b[0, 0]) for b in bag] == ours.tolist() == table["row"].tolist()


@pytest.mark.parametrize(
    "cv", [k_folds(3), MultilabelStratifiedGroupShuffleSplit(3, random_state=0)]
)
def test_scikit_learn_takes_the_splitters(cv):
    Y, groups = make_data(n_rows=60, n_groups=12)
    scores = cross_validate(DummyClassifier(), Y, Y, cv=cv, groups=groups)
    assert len(scores["test_score"]) == 3
    assert "n_splits=3" in repr(cv)


@pytest.mark.parametrize(
    "groups, message",
    [
        (None, "groups must be the group of each sample; got None"),
        ([0] * 6, "at least 2 groups, one per part; got 1"),
        (np.zeros((6, 2)), r"groups must be of shape \(6,\).*got \(6, 2\)"),
        ([0, 1, 2], "inconsistent numbers of samples"),
    ],
)
def test_groups_are_checked(groups, message):
    Y = np.eye(6, dtype=int)
    for cv in (k_folds(2), MultilabelStratifiedGroupShuffleSplit(2)):
        with pytest.raises(ValueError, match=message):
            next(cv.split(np.zeros((6, 1)), Y, groups))


def test_a_wrong_number_of_splits_is_refused():
    with pytest.raises(ValueError, match="n_splits must be an integer of at least 1"):
        MultilabelStratifiedGroupShuffleSplit(0)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_two_positives_are_one_in_train_and_one_in_test(share, seed):
    rng = np.random.RandomState(seed)
    Y = (rng.rand(200, 20) < 0.3).astype(int)
    Y[:, :4] = np.arange(200)[:, None] < [2, 3, 4, 5]
    Y = rng.permutation(Y)
    cv = MultilabelStratifiedShuffleSplit(2, test_size=share, random_state=seed)
    for train, test in cv.split(Y, Y):
        assert Y[train].any(axis=0).all()
        assert Y[test].any(axis=0).all()
    _, _, Y_train, Y_test = multilabel_train_test_split(Y, Y, random_state=seed)
    assert Y_train.any(axis=0).all()
    assert Y_test.any(axis=0).all()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_fold_has_each_label_that_has_enough_positives(seed, shuffle):
    rng = np.random.RandomState(seed)
    Y = rng.permutation(np.arange(100)[:, None] < np.arange(2, 14)).astype(int)
    cv = MultilabelStratifiedKFold(
        5, shuffle=shuffle, random_state=seed if shuffle else None
    )
    for train, test in cv.split(Y, Y):
        assert Y[train].any(axis=0).all()
        assert Y[test][:, Y.sum(axis=0) >= 5].any(axis=0).all()


@pytest.mark.parametrize("frequency", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("seed", range(2))
def test_labels_are_even_to_a_few_rows(frequency, seed):
    Y = (np.random.RandomState(seed).rand(5000, 20) < frequency).astype(int)
    cv = MultilabelStratifiedKFold(5, shuffle=True, random_state=seed)
    for _, test in cv.split(Y, Y):
        # The package iterative-stratification is off by .0008, .036 and .043.
        assert np.abs(Y[test].mean(axis=0) - Y.mean(axis=0)).max() <= 0.0015


@given(Y=labels, n_splits=st.integers(2, 4), seed=st.integers(0, 9))
def test_labels_are_no_less_even_than_in_plain_shuffles(Y, n_splits, seed):
    def deviation(cv):
        counts = [Y[test].sum(axis=0) for _, test in cv.split(Y, Y)]
        return np.mean((counts - Y.sum(axis=0) / n_splits) ** 2)

    ours = MultilabelStratifiedKFold(n_splits, shuffle=True, random_state=seed)
    theirs = [KFold(n_splits, shuffle=True, random_state=s) for s in range(5)]
    assert deviation(ours) <= np.mean([deviation(cv) for cv in theirs]) + 1e-9
