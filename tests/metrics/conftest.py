from typing import NamedTuple

import numpy as np
import pytest
from scipy.sparse import csr_array


class Case(NamedTuple):
    """Random labels, predictions and tied scores, with every awkward row and column."""

    y: np.ndarray  # float, NaN where unknown
    pred: np.ndarray
    score: np.ndarray  # in [0, 1], a few values only
    weight: np.ndarray


def make_case(seed, unknown, n_samples=40, n_labels=7):
    rng = np.random.default_rng(seed)
    y = (rng.random((n_samples, n_labels)) < 0.35).astype(float)
    pred = np.where(rng.random(y.shape) < 0.25, 1 - y, y)
    score = np.round(rng.random(y.shape), 1)
    y[:3], pred[1:4] = 0, 0  # rows without labels
    y[5], score[6] = 1, 0.5  # a row of all labels, a row of equal scores
    y[:, 2], pred[:, 3] = 0, 0  # a label that is absent, a label never predicted
    pred[:, 2] = 0
    if unknown:
        y[rng.random(y.shape) < 0.2] = np.nan
        y[8], y[:, 4] = np.nan, np.nan
    return Case(y, pred, score, rng.integers(0, 4, n_samples) / 2)


@pytest.fixture(params=[False, True], ids=["known", "unknown"])
def case(request):
    return make_case(0, request.param)


@pytest.fixture
def known_case():
    return make_case(1, unknown=False)


@pytest.fixture
def unknown_case():
    return make_case(2, unknown=True)


@pytest.fixture
def make_large_labels():
    """Make a sparse y of 1,000 labels with four ones in each row."""

    def make(n_samples, seed):
        first = np.random.default_rng(seed).integers(0, 1_000, n_samples)
        indices = (first[:, np.newaxis] + [0, 3, 40, 500]) % 1_000
        indptr = np.arange(0, 4 * n_samples + 1, 4)
        ones = np.ones(4 * n_samples)
        return csr_array((ones, indices.ravel(), indptr), shape=(n_samples, 1_000))

    return make
