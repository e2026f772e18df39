import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlc.metrics import label_confusion


def loop_confusion(y, pred, weight):
    """Sample by sample, as the docstring says it."""
    last = y.shape[1]
    counts = np.zeros((last + 1, last + 1))
    for true, guess, w in zip(y, pred, weight):
        missed = [i for i in range(last) if true[i] == 1 and not guess[i]]
        wrong = [j for j in range(last) if true[j] == 0 and guess[j]]
        for i in range(last):
            counts[i, i] += w * (true[i] == 1 and guess[i] == 1)
        for i in missed or [last]:
            for j in wrong or [last]:
                if not np.isnan(true).all():
                    counts[i, j] += w
    return counts


def test_the_counts_are_those_of_a_loop(case):
    pred = np.roll(case.pred, 1, axis=0)  # wrong more often
    expected = loop_confusion(case.y, pred, case.weight)
    assert (expected[:7, :7] > 0).sum() > 10
    np.testing.assert_allclose(label_confusion(case.y, pred, case.weight), expected)
    got = label_confusion(csr_array(case.y), csr_array(pred), case.weight)
    np.testing.assert_allclose(got, expected)


def test_one_label_per_sample_gives_the_confusion_matrix_of_classes():
    from sklearn.metrics import confusion_matrix

    rng = np.random.default_rng(0)
    true, guess = rng.integers(0, 4, (2, 60))
    counts = label_confusion(np.eye(4)[true], np.eye(4)[guess])
    np.testing.assert_array_equal(counts[:4, :4], confusion_matrix(true, guess))
    assert counts[:4, 4].sum() == counts[4, :4].sum() == 0
    assert counts[4, 4] == np.sum(true == guess)


def test_rows_are_shares_of_the_samples_that_they_are_about(known_case):
    y, pred, _, weight = known_case
    counts = label_confusion(y, pred, weight)
    shares = label_confusion(y, pred, weight, normalize="true")
    support = weight @ y
    assert (support == 0).any()
    for i, n in enumerate(support):
        np.testing.assert_allclose(shares[i], counts[i] / n if n else np.full(8, np.nan))
        if n:
            assert shares[i, i] == pytest.approx(weight @ (y * pred)[:, i] / n)
    n_without_miss = weight @ ~((y == 1) & (pred == 0)).any(axis=1)
    np.testing.assert_allclose(shares[-1], counts[-1] / n_without_miss)


def test_an_unknown_normalize_is_refused():
    with pytest.raises(ValueError, match="None or 'true'; got 'pred'"):
        label_confusion([[1]], [[1]], normalize="pred")
