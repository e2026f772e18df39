"""Bags with labels that are known to be in their instances, for the tests of methods."""

import numpy as np


def make_bags(n_bags=60, seed=0):
    """Make bags of which a label holds where an instance is near the label's center."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, size=(n_bags, 3))
    bags = []
    for row in Y:
        instances = [rng.normal(size=(rng.integers(1, 4), 3))]
        instances += [
            4 * np.eye(3)[[j]] + rng.normal(size=(1, 3)) for j in row.nonzero()[0]
        ]
        bags.append(np.concatenate(instances))
    return bags, Y
