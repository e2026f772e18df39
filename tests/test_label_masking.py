"""What is known of labels, in every form, and how it is drawn in training."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from skmlc.label_masking import (
    as_known,
    draw_shown,
    known_rows,
    read_known,
    set_known,
    weight_of_hidden,
)
from skmlc.training.batches import BatchDataset

NAN = np.nan
KNOWN = np.array([[1.0, 0.0, NAN], [NAN, NAN, NAN], [0.0, 0.0, 1.0]])
STATES = np.array([[1, -1, 0], [0, 0, 0], [-1, -1, 1]])
NAMES = ["sea", "sky", "ship"]


def dense(read):
    return read.toarray() if sparse.issparse(read) else read


@pytest.mark.parametrize(
    "form",
    [
        KNOWN,
        KNOWN.astype(np.float32),
        KNOWN.tolist(),
        [[1, 0, None], [None] * 3, [False, 0, True]],
        pd.DataFrame(KNOWN).astype("Int8"),
        pd.DataFrame(KNOWN).astype(object),
        pl.DataFrame(KNOWN, nan_to_null=True),
        np.ma.masked_invalid(KNOWN),
        sparse.csr_array(STATES),
        sparse.coo_matrix(STATES.astype(float)),
        sparse.csc_array(STATES),
    ],
    ids=lambda form: type(form).__name__,
)
def test_every_form_is_read_as_states(form):
    read = read_known(form, 3, 3)
    assert read.dtype == np.int8
    assert np.array_equal(dense(read), STATES)
    assert np.array_equal(known_rows(read, np.array([2, 0])), STATES[[2, 0]])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_go_by_name(frame):
    columns = {name: KNOWN[:, j] for j, name in enumerate(NAMES)}
    mixed = frame({name: columns[name] for name in ("ship", "sea", "sky")})
    assert np.array_equal(read_known(mixed, 3, 3, NAMES), STATES)
    with pytest.raises(ValueError, match=r"known must have the labels of fit.*lacks.*ship"):
        read_known(frame({name: columns[name] for name in NAMES[:2]}), 3, 3, NAMES)


def test_a_sparse_entry_stored_twice_or_as_zero_is_refused():
    with pytest.raises(ValueError, match=r"if sparse, .*got .*\b7\b"):
        read_known(sparse.csr_array(np.array([[1, -1, 7]])), 1, 3)
    twice = sparse.coo_array(([1, -1], ([0, 0], [1, 1])), shape=(3, 3))
    zero = sparse.csr_array(([0], [0], [0, 1, 1, 1]), shape=(3, 3))
    for form in (twice, zero):
        with pytest.raises(ValueError, match=r"known.* store"):
            read_known(form, 3, 3)
    both = sparse.csr_array(([1, 1], [1, 1], [0, 2, 2, 2]), shape=(3, 3))
    with pytest.raises(ValueError, match="each entry once"):
        read_known(both, 3, 3)


@pytest.mark.parametrize("rows", [2, 4])
def test_the_shape_is_that_of_x_and_of_the_labels(rows):
    with pytest.raises(ValueError, match=rf"\({rows}, 3\), a row per sample.*got \(3, 3\)"):
        read_known(KNOWN, rows, 3)
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        read_known(KNOWN, 3, 2)


def test_tell_sets_what_is_known_and_nothing_else():
    for known in (STATES.astype(np.int8), sparse.csr_array(STATES)):
        values = np.full((3, 3), 0.5)
        assert set_known(values, known) is values
        expected = np.where(STATES == 1, 1, np.where(STATES == -1, 0, 0.5))
        assert np.array_equal(values, expected)
        assert np.array_equal(set_known(np.zeros((3, 3)), known, 7, -7), 7 * STATES)
    assert np.array_equal(set_known(KNOWN.copy(), None), KNOWN, equal_nan=True)


def test_as_known_is_one_minus_one_and_zero():
    assert np.array_equal(as_known(KNOWN), STATES)
    assert np.array_equal(as_known(np.array([[1, 0]], np.uint8)), [[1, -1]])


def test_a_third_shows_nothing_and_the_rest_a_uniform_share():
    labels = np.random.RandomState(0).randint(2, size=(4000, 200)).astype(float)
    share = draw_shown(labels, True, np.random.RandomState(1)).mean(axis=1)
    assert abs((share == 0).mean() - 1 / 3) < 0.03
    _, p_value = stats.kstest(share[share > 0.02], stats.uniform(0.02, 0.98).cdf)
    assert p_value > 0.01


@pytest.mark.parametrize(
    ("masking", "mean", "spread"),
    [(0.25, 0.25, 0.0), (0.0, 0.0, 0.0), (stats.beta(2, 6), 0.25, stats.beta(2, 6).std())],
)
def test_the_share_may_be_given(masking, mean, spread):
    labels = np.zeros((3000, 400))
    share = draw_shown(labels, masking, np.random.RandomState(0)).mean(axis=1)
    assert abs(share.mean() - mean) < 0.01
    binomial = mean * (1 - mean) / 400
    assert abs(share.std() - np.sqrt(spread**2 + binomial)) < 0.01


def test_what_is_shown_does_not_depend_on_what_the_labels_are():
    labels = np.random.RandomState(0).choice([0, 1, NAN], size=(50, 7))
    for masking in (True, 0.5, stats.uniform(0, 1)):
        first = draw_shown(labels, masking, np.random.RandomState(3))
        second = draw_shown(1 - labels, masking, np.random.RandomState(3))
        assert np.array_equal(first, second)


@given(
    seed=st.integers(0, 10_000),
    n_labels=st.integers(1, 6),
    masking=st.sampled_from([True, 0.0, 0.99, stats.uniform(0.5, 2.0)]),
)
def test_only_known_labels_are_shown_and_one_stays_hidden(seed, n_labels, masking):
    rng = np.random.RandomState(seed)
    labels = rng.choice([0, 1, NAN], size=(20, n_labels))
    shown = draw_shown(labels, masking, rng)
    known = ~np.isnan(labels)
    assert not (shown & ~known).any()
    assert (known & ~shown).any(axis=1)[known.any(axis=1)].all()


def test_few_hidden_of_many_labels_count_less():
    n_hidden = np.array([1, 5, 10, 70, 100, 0])
    assert np.array_equal(weight_of_hidden(n_hidden[:3], np.full(3, 34)), np.ones(3))
    expected = [1 / 34, 5 / 34, 10 / 34, 1, 1, 0]  # 100 / 2 - 16
    assert np.allclose(weight_of_hidden(n_hidden, np.full(6, 100)), expected)
    assert weight_of_hidden(np.array([0]), np.array([0])) == 0


def test_a_batch_weighs_its_samples_by_what_they_hide():
    rng = np.random.RandomState(0)
    X, Y = np.zeros((20, 1)), rng.randint(2, size=(20, 100)).astype(float)
    Y[:4, 50:] = NAN
    weight = rng.random_sample(20) + 0.5
    torch.manual_seed(0)
    data = BatchDataset(X, Y, weight, masking=True)
    _, targets = data.__getitems__(np.arange(20))
    n_known = np.array([50] * 4 + [100] * 16)
    n_hidden = targets.known.sum(1).numpy()
    least = n_known / 2 - 16
    expected = weight / weight.mean() * np.where(n_hidden < least, n_hidden / least, 1)
    assert (n_hidden < least).any()
    assert np.allclose(targets.sample_weight.numpy(), expected, rtol=1e-6)
