import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    cross_validate,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier

from skmlc.model_selection import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    RepeatedMultilabelStratifiedKFold,
    multilabel_train_test_split,
)
from skmlc.model_selection._dealing import deal_rows


def make_labels(n_samples, n_labels, n_per_row=3, seed=0):
    """Labels of very different frequency; some rows have none."""
    rng = np.random.RandomState(seed)
    probability = 1 / np.arange(1, n_labels + 1)
    size = n_samples * n_per_row
    columns = rng.choice(n_labels, size, p=probability / probability.sum())
    rows = rng.randint(n_samples, size=size)
    Y = sparse.csr_array((np.ones(size), (rows, columns)), (n_samples, n_labels))
    Y.sum_duplicates()  # a label drawn twice in a row: older SciPy keeps both entries
    Y.data[:] = 1
    return Y


def fold_of_rows(splitter, Y):
    fold = np.full(Y.shape[0], -1)
    for k, (_, test) in enumerate(splitter.split(np.zeros((Y.shape[0], 1)), Y)):
        assert np.all(fold[test] == -1)
        fold[test] = k
    return fold


def imbalance(Y, fold):
    """Mean distance of the labels' counts per fold from an even share."""
    n_folds = fold.max() + 1
    counts = np.array([Y[fold == k].sum(axis=0) for k in range(n_folds)])
    return np.abs(counts - Y.sum(axis=0) / n_folds).mean()


def sechidis(Y, sizes, keep_sizes):
    """The published algorithm, row by row; the first label and part win ties."""
    n_samples, n_labels = Y.shape
    part = [-1] * n_samples
    room = list(sizes)
    desire = [[Y[:, j].sum() * size / n_samples for size in sizes] for j in range(n_labels)]
    while True:
        left = [
            (sum(Y[i, j] for i in range(n_samples) if part[i] < 0), j)
            for j in range(n_labels)
        ]
        left = [(count, j) for count, j in left if count]
        if not left:
            break
        label = min(left)[1]
        for i in range(n_samples):
            if part[i] >= 0 or not Y[i, label]:
                continue
            parts = [k for k in range(len(sizes)) if room[k] > 0 or not keep_sizes]
            best = max(parts, key=lambda k: (round(desire[label][k], 9), room[k], -k))
            part[i] = best
            room[best] -= 1
            for j in range(n_labels):
                desire[j][best] -= Y[i, j]
    for i in range(n_samples):
        if part[i] < 0:
            part[i] = max(range(len(sizes)), key=lambda k: (room[k], -k))
            room[part[i]] -= 1
    return np.array(part)


@pytest.mark.parametrize("n_splits", [2, 3, 7])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_dealt_as_by_the_algorithm_written_as_loops(n_splits, seed):
    Y = make_labels(50, 6, n_per_row=2, seed=seed).toarray()
    sizes = [len(test) for _, test in KFold(n_splits).split(Y)]
    expected = sechidis(Y, sizes, keep_sizes=True)
    targets = np.outer(Y.sum(axis=0), sizes) / len(Y)
    assert_array_equal(deal_rows(sparse.csr_array(Y), sizes, targets), expected)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_even_sizes_do_not_cost_balance(seed, shuffle):
    Y = make_labels(200, 10, seed=seed).toarray()
    random_state = seed if shuffle else None
    splitter = MultilabelStratifiedKFold(4, shuffle=shuffle, random_state=random_state)
    ours = imbalance(Y, fold_of_rows(splitter, Y))
    published = imbalance(Y, sechidis(Y, [50] * 4, keep_sizes=False))
    random = imbalance(Y, fold_of_rows(KFold(4), Y))
    assert ours < published + 0.3
    assert ours < 0.4 * random


@pytest.mark.parametrize("n_samples, n_splits", [(10, 3), (101, 5), (23, 23), (64, 2)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_fold_sizes_differ_by_at_most_one(n_samples, n_splits, shuffle):
    Y = make_labels(n_samples, 8)
    fold = fold_of_rows(MultilabelStratifiedKFold(n_splits, shuffle=shuffle), Y)
    sizes = np.bincount(fold, minlength=n_splits)
    assert sizes.sum() == n_samples
    assert np.ptp(sizes) <= 1


@pytest.mark.parametrize("count", [2, 5, 13])
def test_the_rarest_label_is_dealt_evenly(count):
    Y = np.column_stack(
        [np.arange(300) < count, make_labels(300, 4, n_per_row=6).toarray()]
    )
    splitter = MultilabelStratifiedKFold(5, shuffle=True, random_state=1)
    fold = fold_of_rows(splitter, Y)
    assert np.ptp(np.bincount(fold[:count], minlength=5)) <= 1


def test_rows_without_labels_are_dealt_evenly():
    Y = np.zeros((40, 3), dtype=int)
    Y[:20, 0] = 1
    fold = fold_of_rows(MultilabelStratifiedKFold(4), Y)
    assert_array_equal(np.bincount(fold[:20]), [5, 5, 5, 5])
    assert_array_equal(np.bincount(fold[20:]), [5, 5, 5, 5])


def test_the_form_of_y_does_not_matter():
    Y = make_labels(60, 5)
    dense = Y.toarray()
    expected = fold_of_rows(MultilabelStratifiedKFold(3), dense)
    frame = pd.DataFrame(dense, index=np.arange(60)[::-1], columns=list("abcde"))
    every_entry = [index.ravel() for index in np.indices(dense.shape)]
    with_zeros = sparse.csr_array((dense.ravel(), every_entry))
    unknown = np.where((dense == 0) & (np.arange(60) % 2 == 0)[:, None], np.nan, dense)
    forms = [
        Y, sparse.csr_matrix(Y), sparse.coo_array(Y), with_zeros, dense.astype(bool), frame,
        frame.astype(bool), unknown, sparse.csr_array(unknown),
    ]  # fmt: skip
    for form in forms:
        assert_array_equal(fold_of_rows(MultilabelStratifiedKFold(3), form), expected)
    folds = MultilabelStratifiedKFold(3).split(dense, dense.tolist())
    assert_array_equal([len(test) for _, test in folds], [20, 20, 20])


def test_a_sparse_y_with_unsorted_and_repeated_entries_is_not_modified():
    parts = np.array([1, 1, 0.5, 0.5]), np.array([2, 0, 1, 1]), np.array([0, 2, 4, 4, 4])
    Y = sparse.csr_matrix(parts, shape=(4, 3))
    fold_of_rows(MultilabelStratifiedKFold(2), Y)
    for before, after in zip(parts, (Y.data, Y.indices, Y.indptr)):
        assert_array_equal(after, before)


@pytest.mark.parametrize("classes", [[0, 1], ["a", "b", "c"]])
def test_one_dimensional_classes_are_dealt_evenly(classes):
    y = np.repeat(classes, [31, 74, 12][: len(classes)])
    fold = fold_of_rows(MultilabelStratifiedKFold(4, shuffle=True, random_state=0), y)
    for value in classes:
        assert np.ptp(np.bincount(fold[y == value], minlength=4)) <= 1


def test_a_column_of_classes_is_read_as_one_dimensional():
    y = np.repeat([3, 5], [10, 20])
    expected = fold_of_rows(MultilabelStratifiedKFold(5), y)
    assert_array_equal(fold_of_rows(MultilabelStratifiedKFold(5), y[:, None]), expected)


def test_the_seed_decides_the_folds():
    Y = make_labels(80, 6)

    def folds(**params):
        return fold_of_rows(MultilabelStratifiedKFold(4, **params), Y)

    assert_array_equal(folds(), folds())
    first = folds(shuffle=True, random_state=0)
    assert_array_equal(first, folds(shuffle=True, random_state=0))
    assert np.any(first != folds(shuffle=True, random_state=1))
    assert np.any(first != folds())


def test_repetitions_are_partitions_that_differ():
    Y = make_labels(30, 4)
    splitter = RepeatedMultilabelStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    tests = [test for _, test in splitter.split(Y, Y)]
    assert splitter.get_n_splits() == len(tests) == 6
    for repetition in (tests[:3], tests[3:]):
        assert_array_equal(np.sort(np.concatenate(repetition)), np.arange(30))
    assert any(not np.array_equal(a, b) for a, b in zip(tests[:3], tests[3:]))
    again = [test for _, test in splitter.split(Y, Y)]
    assert all(np.array_equal(a, b) for a, b in zip(tests, again))


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"test_size": 0.3},
        {"test_size": 7},
        {"train_size": 0.5},
        {"test_size": 0.2, "train_size": 0.35},
    ],
)
def test_shuffle_split_has_the_sizes_of_scikit_learn(sizes):
    Y = make_labels(53, 4)
    ours = MultilabelStratifiedShuffleSplit(3, random_state=0, **sizes)
    theirs = ShuffleSplit(3, random_state=0, **sizes)
    tests = []
    for (train, test), (their_train, their_test) in zip(ours.split(Y, Y), theirs.split(Y)):
        assert (len(train), len(test)) == (len(their_train), len(their_test))
        assert len(np.intersect1d(train, test)) == 0
        tests.append(np.sort(test))
    assert not np.array_equal(tests[0], tests[1])


def test_shuffle_split_keeps_the_shares_of_the_labels():
    Y = make_labels(400, 12).toarray()
    splitter = MultilabelStratifiedShuffleSplit(
        2, test_size=0.25, train_size=0.5, random_state=0
    )
    # Exact sizes leave the least choice for the most frequent label, which comes last.
    most = 2 + 0.02 * Y.sum(axis=0)
    for train, test in splitter.split(Y, Y):
        assert np.all(np.abs(Y[train].sum(axis=0) - 0.5 * Y.sum(axis=0)) <= most)
        assert np.all(np.abs(Y[test].sum(axis=0) - 0.25 * Y.sum(axis=0)) <= most)


def test_shuffle_split_gives_rows_in_random_order():
    Y = make_labels(50, 4)
    train, _ = next(MultilabelStratifiedShuffleSplit(1, random_state=0).split(Y, Y))
    assert np.any(np.diff(train) < 0)


class Container:
    """A sliceable container as scikit-learn sees it."""

    def __init__(self, rows):
        self.rows, self.shape = rows, (len(rows),)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        key = key[0] if isinstance(key, tuple) else key
        return Container([self.rows[i] for i in np.arange(len(self.rows))[key]])


def test_train_test_split_keeps_types_and_the_rows_together():
    Y = make_labels(40, 4)
    frame = pd.DataFrame({"row": np.arange(40)}, index=np.arange(40) + 100)
    arrays = [np.arange(40), Y, frame, Container(list(range(40))), list(range(40))]
    parts = multilabel_train_test_split(*arrays, test_size=10, random_state=0)
    for array, train, test in zip(arrays, parts[::2], parts[1::2]):
        assert type(train) is type(test) is type(array)
    for rows, labels, frame, container, items in (parts[::2], parts[1::2]):
        assert_array_equal(labels.toarray(), Y[rows].toarray())
        assert_array_equal(frame["row"], rows)
        assert container.rows == items == rows.tolist()


def test_train_test_split_returns_what_scikit_learn_returns():
    X, Y = np.arange(50), make_labels(50, 4).toarray()
    ours = multilabel_train_test_split(X, Y)
    theirs = train_test_split(X, Y)
    assert [part.shape for part in ours] == [part.shape for part in theirs]
    sizes = {"train_size": 0.5, "test_size": 0.25}
    ours = multilabel_train_test_split(X, Y, **sizes)
    theirs = train_test_split(X, Y, **sizes)
    assert [part.shape for part in ours] == [part.shape for part in theirs]


def test_train_test_split_stratifies_by_the_second_array_unless_told():
    rng = np.random.RandomState(0)
    Y, Z = (rng.rand(2, 400, 3) < 0.1).astype(int)

    def spread(test, labels):
        return np.abs(test.sum(axis=0) - labels.sum(axis=0) / 4).max()

    def split(*arrays, **params):
        return multilabel_train_test_split(*arrays, random_state=3, **params)

    _, _, _, Y_test, _, Z_test = split(np.arange(400), Y, Z)
    assert spread(Y_test, Y) <= 1 < spread(Z_test, Z)
    _, _, _, Y_test, _, Z_test = split(np.arange(400), Y, Z, stratify=Z)
    assert spread(Z_test, Z) <= 1 < spread(Y_test, Y)
    assert spread(split(Y)[1], Y) <= 1


def test_train_test_split_repeats_with_the_seed():
    X, Y = np.arange(60), make_labels(60, 4)
    first, again, other = (
        multilabel_train_test_split(X, Y, random_state=seed)[1] for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "y must be the indicator matrix"),
        (np.array([[0, 2], [1, 0], [1, 1]]), "zeros and ones.*value 2"),
        (sparse.csr_array([[0, 0.5], [1, 0], [1, 1]]), "zeros and ones.*value 0.5"),
        (np.array([["a", "b"], ["b", "c"], ["a", "c"]]), "MultiLabelBinarizer"),
        (np.array([0.1, 0.2, 0.7]), "'continuous' targets"),
    ],
)
def test_targets_that_cannot_be_stratified_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        next(MultilabelStratifiedKFold(2).split(np.zeros((3, 1)), y))


def test_parameters_are_checked():
    Y = make_labels(4, 2)
    with pytest.raises(ValueError, match="n_splits=5 greater than the number of samples"):
        next(MultilabelStratifiedKFold(5).split(Y, Y))
    with pytest.raises(ValueError, match="random_state has no effect"):
        MultilabelStratifiedKFold(random_state=0)
    with pytest.raises(ValueError, match="n_splits must be an integer of at least 1"):
        MultilabelStratifiedShuffleSplit(0)
    with pytest.raises(ValueError, match="at least one array"):
        multilabel_train_test_split()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        multilabel_train_test_split(np.zeros((3, 1)), Y)
    with pytest.warns(UserWarning, match="groups parameter is ignored"):
        next(MultilabelStratifiedKFold(2).split(Y, Y, groups=[0, 0, 1, 1]))


def test_splitters_show_their_parameters():
    assert repr(MultilabelStratifiedKFold(3)) == (
        "MultilabelStratifiedKFold(n_splits=3, random_state=None, shuffle=False)"
    )
    assert repr(RepeatedMultilabelStratifiedKFold(n_splits=3, random_state=1)) == (
        "RepeatedMultilabelStratifiedKFold(n_repeats=10, n_splits=3, random_state=1)"
    )
    assert "test_size=0.2" in repr(MultilabelStratifiedShuffleSplit(test_size=0.2))


@pytest.mark.parametrize(
    "splitter",
    [
        MultilabelStratifiedKFold(3),
        RepeatedMultilabelStratifiedKFold(n_splits=3, n_repeats=1),
        MultilabelStratifiedShuffleSplit(3, random_state=0),
    ],
)
def test_scikit_learn_takes_the_splitters(splitter):
    X, Y = np.random.RandomState(0).rand(40, 2), make_labels(40, 3).toarray()
    scores = cross_validate(DummyClassifier(), X, Y, cv=splitter)["test_score"]
    assert len(scores) == 3
    search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=splitter)
    assert search.fit(X, Y).n_splits_ == 3


def test_a_hundred_thousand_rows_take_less_than_five_seconds():
    Y = make_labels(100_000, 1000, n_per_row=5)
    start = time.process_time()
    fold = fold_of_rows(MultilabelStratifiedKFold(5, shuffle=True, random_state=0), Y)
    assert time.process_time() - start < 5
    assert imbalance(Y, fold) < 2
