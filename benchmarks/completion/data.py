"""The data sets in two parts, as networks read them and as tables."""

from functools import cache
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from reproduction import image_models
from reproduction.bag_data import BAG_SETS, load_bag_parts, scaler_of
from reproduction.data import _line_up_rcv1
from reproduction.image_data import load_image_parts
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

from skmlc.datasets import load_multilabel
from skmlc.inputs import BagPooling, Bags, BagScaler, RegionFeatures

SPLIT_SEED = 0
# Rows of sets that are large, drawn once: the same for all methods and seeds.
TRAIN_ROWS = {
    "tmc2007_500": 5000, "delicious": 4000, "goemotions": 5000, "reuters21578": 5000,
}  # fmt: skip
TEST_ROWS = {"delicious": 1000, "goemotions": 2000, "reuters21578": 2000}
TEST_ROWS_OF_UNSPLIT = {"sider": 427, "reutersk500": 2000}  # which have no published split
DENSE = ("emotions", "yeast", "scene", "cellcycle_fun")
IMAGES = {"msrc_v2": "msrc_v2-64"}
SMALL_SETS = ("emotions", "yeast", "scene", "sider", *BAG_SETS, *IMAGES)
DATASETS = (
    *SMALL_SETS, "bibtex", "tmc2007_500", "cellcycle_fun", "goemotions", "delicious",
)  # fmt: skip
STATISTICS = ["mean", "max", "min"]


class Data(NamedTuple):
    """A data set in two parts; labels are dense."""

    name: str
    X: Any  # ndarray, CSR or Bags, not scaled
    Y: np.ndarray
    X_test: Any
    Y_test: np.ndarray


class Samples(NamedTuple):
    """The samples of the two parts as a method reads them."""

    train: Any
    test: Any


@cache
def load_data(name, data_home=None):
    """Load one of `DATASETS`, or another such set, in the same parts for all who ask.

    Parameters
    ----------
    name : str
        Its name.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.

    Returns
    -------
    Data
        The published test part is kept, or what is drawn of it with a fixed seed.
    """
    if name in BAG_SETS:
        train, valid, test = load_bag_parts(name, SPLIT_SEED, data_home)
        X, Y = Bags([*train.X, *valid.X]), np.concatenate([train.Y, valid.Y])
        return Data(name, X, Y, test.X, test.Y)
    if name in IMAGES:
        return _load_regions(name, data_home)
    data = load_multilabel(name, data_home=data_home)
    X, Y = data.data, _line_up_rcv1(data.target) if name == "rcv1sub1" else data.target
    X = np.array(X, dtype=object) if isinstance(X, list) else X
    Y = Y.toarray()
    train, test = _rows(name, data.splits, len(Y))
    return Data(name, *_as_numbers(name, X[train], X[test], Y[train], Y[test]))


def _rows(name, splits, n_samples):
    """Return the rows to train on and to test on, in order."""
    draw = np.random.RandomState(SPLIT_SEED)
    if "test" not in splits:
        order = draw.permutation(n_samples)
        return np.split(order, [n_samples - TEST_ROWS_OF_UNSPLIT[name]])
    rows = np.arange(n_samples)
    test = rows[splits["test"]]
    train = np.setdiff1d(rows, test)
    parts = (train, TRAIN_ROWS.get(name)), (test, TEST_ROWS.get(name))
    return [part if n is None else np.sort(draw.permutation(part)[:n]) for part, n in parts]


def _as_numbers(name, X, X_test, Y, Y_test):
    """Return texts as tf-idf vectors, counts by their logarithm, measurements dense."""
    if X.dtype == object:
        words = TfidfVectorizer(sublinear_tf=True, min_df=2).fit(X)
        X, X_test = words.transform(X), words.transform(X_test)
    elif name == "sider":
        X, X_test = sparse.csr_matrix(X).log1p(), sparse.csr_matrix(X_test).log1p()
    elif name in DENSE:
        X, X_test = X.toarray(), X_test.toarray()
    # Halves as large, and what networks read anyway.
    return X.astype(np.float32), Y, X_test.astype(np.float32), Y_test


def _load_regions(name, data_home):
    """Return regions of images, with the features of a backbone that the train part taught."""
    parts = load_image_parts(IMAGES[name], data_home)
    reader = region_reader(name, parts)
    X, X_test = (reader.transform(part.X) for part in parts[:2])
    return Data(name, X, parts.train.Y, X_test, parts.test.Y)


def region_reader(name, parts):
    """Return what reads regions of images with a backbone that the train part has taught.

    Parameters
    ----------
    name : str
        One of `IMAGES`.
    parts : ImageParts
        Images in two parts; what the labels of the test part are is not looked at.

    Returns
    -------
    RegionFeatures
        Fitted: it turns images into bags.
    """
    run = image_models.Run(IMAGES[name], image_models.BASELINE, SPLIT_SEED)
    with TemporaryDirectory() as folder:
        image_models.train(run, parts, folder)
        weights = image_models.backbone_file(run, folder)
        return RegionFeatures(image_models._backbone(run), weights=weights).fit(
            parts.train.X
        )


def network_samples(data):
    """Return what networks read: `Bags`, CSR, or a standardized table."""
    samples = Samples(data.X, data.X_test)
    if isinstance(data.X, Bags):
        scaler = scaler_of(data.name, by_distance=False)
        return _scaled(samples, BagScaler(scaler))
    if data.name in DENSE:
        return _scaled(samples, StandardScaler())
    return samples


def table_samples(data):
    """Return what other methods read: a standardized table, or CSR."""
    samples = network_samples(data)
    if isinstance(data.X, Bags):
        pooling = BagPooling(STATISTICS).fit(samples.train)
        pooled = Samples(*map(pooling.transform, samples))
        return _scaled(pooled, StandardScaler())
    return samples


def _scaled(samples, scaler):
    """Return samples as a transformer makes them that sees the train part alone."""
    return Samples(scaler.fit_transform(samples.train), scaler.transform(samples.test))
