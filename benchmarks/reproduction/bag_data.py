"""The sets of bags by name, each in three parts, and how their instances are scaled."""

import numpy as np

from skmlc.datasets import load_bags
from skmlc.inputs import BagScaler

from .data import Part, Parts, with_samples

BAG_SETS = ("miml_image", "miml_text", "miml_birds")
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2
# An instance is a bag of words, of which only the direction says something.
OF_WORDS = ("miml_text",)


def load_bag_parts(name, seed, data_home=None):
    """Load a set of bags in three parts, drawn at random.

    Parameters
    ----------
    name : str
        One of `BAG_SETS`.
    seed : int
        Which bags are in which part: the same for all models.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.

    Returns
    -------
    Parts
        `Bags` as they are stored and dense labels: 70 % of the bags to train on, 10 % to
        choose by, 20 % to test on, not stratified.
    """
    data = load_bags(name, data_home=data_home)
    parts = split(len(data.target), seed)
    return Parts(*(Part(data.data[rows], data.target[rows]) for rows in parts))


def split(n_bags, seed):
    """Return the rows to train on, to choose by and to test on, each in order."""
    n_test, n_valid = (round(share * n_bags) for share in (TEST_SHARE, VALIDATION_SHARE))
    rows = np.random.default_rng(seed).permutation(n_bags)
    test, valid, train = np.split(rows, [n_test, n_test + n_valid])
    return np.sort(train), np.sort(valid), np.sort(test)


def scaler_of(name, by_distance):
    """Return how instances of a set are scaled, a word of `BagScaler`.

    Parameters
    ----------
    name : str
        One of `BAG_SETS`.
    by_distance : bool
        Whether the model compares instances by their distance.

    Returns
    -------
    {"standard", "minmax", "norm"}
        Instances of words get length one; features of others mean zero and variance one, or
        a range from zero to one for distances.
    """
    if name in OF_WORDS:
        return "norm"
    return "minmax" if by_distance else "standard"


def scaled(parts, scaler):
    """Return the parts with instances scaled, by what the training part shows."""
    scaler = BagScaler(scaler).fit(parts.train.X)
    return with_samples(parts, [scaler.transform(part.X) for part in parts])
