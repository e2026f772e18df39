import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlc.metrics import hide_labels
from tests.label_forms import FORMS, FRAMES, KNOWN, NAMES, ONE_LABEL

EVERY_KNOWN = [0, 0.3, 0.7, "one_positive"]
every_known = pytest.mark.parametrize("known", EVERY_KNOWN)


def labels(n_samples=30, n_labels=4, unknown=0.2, seed=0):
    """Random labels; the first row has none, the second one is not known at all."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_samples, n_labels)) < 0.4).astype(float)
    y[rng.random(y.shape) < unknown] = np.nan
    y[0], y[1] = 0, np.nan if unknown else 0
    return y


def told_by_loops(y, known, seed=0):
    """Mark what is told, entry by entry."""
    draws = np.random.RandomState(seed).random_sample(y.shape)
    told = np.zeros(y.shape, dtype=bool)
    for i, row in enumerate(y):
        if known == "one_positive":
            positive = [j for j in range(len(row)) if row[j] == 1]
            if positive:
                told[i, min(positive, key=lambda j: draws[i, j])] = True
            continue
        for j in range(len(row)):
            told[i, j] = row[j] in (0, 1) and draws[i, j] < known
    return told


@every_known
@pytest.mark.parametrize("unknown", [0, 0.2])
def test_what_is_told_is_the_loop_over_entries(known, unknown):
    y = labels(unknown=unknown)
    told = told_by_loops(y, known)
    y_hidden, given = hide_labels(y, known)
    np.testing.assert_array_equal(given, np.where(told, y, np.nan))
    np.testing.assert_array_equal(y_hidden, np.where(told, np.nan, y))
    assert given.dtype == y_hidden.dtype == np.float32
    assert told.any() == (known != 0)


def test_a_share_by_hand():
    # Of the seed 0 the first draws are .549, .715, .603, .545, .424, .646.
    y_hidden, known = hide_labels([[1, 0, 1], [0, np.nan, 1]], 0.6)
    np.testing.assert_array_equal(known, [[1, np.nan, np.nan], [0, np.nan, np.nan]])
    np.testing.assert_array_equal(y_hidden, [[np.nan, 0, 1], [np.nan, np.nan, 1]])


def test_one_positive_by_hand():
    y_hidden, known = hide_labels([[1, 0, 1], [0, 0, 0]], "one_positive")
    np.testing.assert_array_equal(known, [[1, np.nan, np.nan], [np.nan] * 3])
    np.testing.assert_array_equal(y_hidden, [[np.nan, 0, 1], [0, 0, 0]])


def test_of_many_entries_the_share_is_told():
    y = labels(2_000, 10, unknown=0.5)
    for known in (0.1, 0.5, 0.9):
        told = ~np.isnan(hide_labels(y, known)[1])
        assert told.sum() / (~np.isnan(y)).sum() == pytest.approx(known, abs=0.02)


def test_each_positive_has_the_same_chance_to_be_told():
    _, known = hide_labels(np.tile([1, 0, 1, 1], (3_000, 1)), "one_positive")
    counts = np.nansum(known, axis=0)
    assert counts[1] == 0
    np.testing.assert_allclose(counts[[0, 2, 3]] / 3_000, 1 / 3, atol=0.04)


def test_larger_shares_tell_what_smaller_ones_tell():
    y = labels(unknown=0.1)
    before = np.zeros(y.shape, dtype=bool)
    for known in (0, 0.2, 0.5, 0.8, 0.95):
        told = ~np.isnan(hide_labels(y, known)[1])
        assert (told >= before).all()
        assert told.sum() >= before.sum() + (known > 0)
        before = told


@every_known
def test_what_is_hidden_does_not_change_what_is_told(known):
    y = labels()
    y_hidden, given = hide_labels(y, known)
    hidden = ~np.isnan(y_hidden)
    hidden[0] = False  # that something is left to find
    # Which positive is told depends on which there are, so that these may only vanish.
    for other in (0, np.nan) if known == "one_positive" else (0, 1, 1 - y):
        changed = np.where(hidden, other, y)
        np.testing.assert_array_equal(hide_labels(changed, known)[1], given)


@every_known
def test_what_is_told_is_drawn_from_the_random_state(known):
    y = labels()
    for seed in (0, 3):
        told = told_by_loops(y, known, seed)
        for state in (seed, np.random.RandomState(seed)):
            given = hide_labels(y, known, random_state=state)[1]
            np.testing.assert_array_equal(given, np.where(told, y, np.nan))


@every_known
@pytest.mark.parametrize("form", FORMS)
def test_labels_of_every_form_are_split_alike(known, form):
    y = labels()
    given = FORMS[form](y)
    for part, expected in zip(hide_labels(given, known), hide_labels(y, known)):
        assert hasattr(part, "columns") == hasattr(given, "columns")
        np.testing.assert_array_equal(np.asarray(part), expected)


@pytest.mark.parametrize("form", KNOWN)
def test_whole_labels_of_every_form_are_split_alike(form):
    y = labels(unknown=0)
    parts = hide_labels(KNOWN[form](y.astype(np.uint8)), 0.5)
    for part, expected in zip(parts, hide_labels(y, 0.5)):
        np.testing.assert_array_equal(np.asarray(part), expected)


@pytest.mark.parametrize("form", ONE_LABEL)
def test_one_label_is_a_column(form):
    y = labels(n_labels=1, unknown=0).astype(int)
    for given in (ONE_LABEL[form](y), y[:, 0]):
        for part, expected in zip(hide_labels(given, 0.5), hide_labels(y, 0.5)):
            assert part.shape == (30, 1)
            np.testing.assert_array_equal(np.asarray(part), expected)


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frames_keep_their_names_and_their_index(frame):
    y = frame(labels(unknown=0))
    y = y.set_index(np.arange(30) * 2) if hasattr(y, "iloc") else y
    for part in hide_labels(y, 0.5):
        assert type(part) is type(y)
        assert list(part.columns) == NAMES
        assert not hasattr(y, "iloc") or part.index.equals(y.index)


@every_known
@pytest.mark.parametrize("convert", [lambda y: y, csr_array])
def test_labels_are_left_as_they_are(known, convert):
    y = convert(labels())
    before = y.copy()
    for part in hide_labels(y, known):
        part[:] = 7
    same = np.asarray if isinstance(y, np.ndarray) else csr_array.toarray
    np.testing.assert_array_equal(same(y), same(before))


def test_the_global_random_state_is_left_as_it_is():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    hide_labels(labels(), 0.5)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@pytest.mark.parametrize(
    "known, came",
    [(1, "1"), (1.0, "1.0"), (-0.1, "-0.1"), (np.nan, "nan"), (True, "True"),
     ("all", "'all'"), (None, "NoneType"), ([0.5], "list"), (np.ones((2, 2)), "ndarray")],
)  # fmt: skip
def test_what_is_no_share_is_refused(known, came):
    with pytest.raises(ValueError, match=rf"known must be a share .*; got {came}\."):
        hide_labels([[1, 0]], known)


@pytest.mark.parametrize("known", [0.99, "one_positive"])
def test_telling_everything_is_refused(known):
    with pytest.raises(ValueError, match="shows every known label of y, of shape"):
        hide_labels([[1, np.nan], [1, np.nan]], known)
    # Nothing is told here, and that nothing is known is for the metrics to say.
    assert np.isnan(hide_labels([[np.nan]], known)).all()
