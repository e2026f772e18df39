"""What hypothesis draws for the tests: label matrices, and keys into containers."""

import os

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["examples", "indicators", "keys", "weights"]


def examples(n_examples):
    """Have a test try so many examples; in a campaign as many as each test there."""
    campaign = "SKMLC_EXAMPLES" in os.environ
    return settings() if campaign else settings(max_examples=n_examples)


@st.composite
def indicators(draw, *, missing=False, rows=(1, 12), labels=(1, 6)):
    """Draw a matrix of zeros and ones (NaN where unknown), with its empty rows and columns."""
    shape = draw(st.integers(*rows)), draw(st.integers(*labels))
    values = [0.0, 1.0, np.nan] if missing else [0.0, 1.0]
    n_entries = shape[0] * shape[1]
    drawn = draw(st.lists(st.sampled_from(values), min_size=n_entries, max_size=n_entries))
    return np.array(drawn).reshape(shape)


@st.composite
def weights(draw, n_samples):
    """Draw weights of samples that are small whole numbers, some of them zero, not all."""
    drawn = draw(st.lists(st.integers(0, 3), min_size=n_samples, max_size=n_samples))
    drawn[draw(st.integers(0, n_samples - 1))] = draw(st.integers(1, 3))
    return np.array(drawn, dtype=float)


def keys(n_samples):
    """Draw what selects some of `n_samples` samples: a slice, numbers or a mask."""
    places = st.lists(st.integers(-n_samples, n_samples - 1), max_size=2 * n_samples)
    if n_samples == 0:
        places = st.just([])
    ends = st.none() | st.integers(-n_samples - 2, n_samples + 2)
    steps = st.none() | st.integers(-3, 3).filter(bool)
    mask = st.lists(st.booleans(), min_size=n_samples, max_size=n_samples)
    types = st.sampled_from([np.int64, np.int32, np.int8])
    return st.one_of(
        st.builds(slice, ends, ends, steps),
        places,
        st.builds(lambda p, dtype: np.array(p, dtype=dtype), places, types),
        mask.map(lambda m: np.array(m, dtype=bool)),
        mask if n_samples else st.just([]),
    )
