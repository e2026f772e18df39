"""Small data for wrong calls, and what a message must say."""

import numpy as np
import pytest

rng = np.random.RandomState(0)
X = rng.rand(24, 4).astype(np.float32)
Y = (rng.rand(24, 3) < 0.5).astype(int)
Y[:2] = [[1, 1, 1], [0, 0, 0]]
P = rng.rand(24, 3)
BAGS = [rng.rand(2 + i % 3, 4) for i in range(24)]
NARROW = [bag[:, :2] for bag in BAGS]
BOXES = [np.tile([0.0, 0, 1, 1], (len(bag), 1)) for bag in BAGS]
IMAGES = np.ones((24, 3, 8, 8), dtype=np.float32)
NAMES = [["sea"], ["sky"]] * 12


def check(call, error, words):
    """Make a wrong call, which must raise this very error, with all words in its message."""
    with pytest.raises(error) as caught:
        call()
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, str(caught.value)
