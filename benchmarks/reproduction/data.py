"""A data set in three parts: to train on, to choose thresholds on, and to test on."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

from skmlc.datasets import load_multilabel
from skmlc.inputs import MoleculeGraphs, TokenSequencer
from skmlc.model_selection import MultilabelStratifiedShuffleSplit

# The parts are the same for all models and seeds.
SPLIT_SEED = 0
VALIDATION_SHARE = 0.1
TEST_SHARE = 0.2
# Tables with more entries than this share are tables of measurements, not bags of words.
DENSE = 0.5
# The drugs of this set are molecules: graphs for the networks, counts of n-grams for others.
MOLECULES = "sider"


class Part(NamedTuple):
    """Samples and their labels."""

    X: Any
    Y: Any  # CSR (n_samples, n_labels)


class Parts(NamedTuple):
    """The three parts of a data set."""

    train: Part
    valid: Part
    test: Part

    @property
    def is_text(self):
        """Whether a sample is a text."""
        return isinstance(self.train.X, np.ndarray) and self.train.X.dtype == object


def load_parts(name, data_home=None, *, graphs=False):
    """Load a data set in three parts.

    Parameters
    ----------
    name : str
        A folder, or the name of one in the data folder.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.
    graphs : bool, default=False
        Whether molecules become graphs of atoms and bonds; needs RDKit.

    Returns
    -------
    Parts
        Training, validation and test part. The published test part is kept; where there
        is none it is a fifth of the samples. The validation part is the published one or a
        tenth of the training samples. What is held out is stratified by label, with a seed
        of its own. Texts are an object array; tables of measurements are dense and
        standardized by the training part; bags of words stay sparse.
    """
    graphs = graphs and Path(name).name == MOLECULES
    form = {"representation": "text"} if graphs else {}
    data = load_multilabel(name, data_home=data_home, **form)
    X = np.array(data.data, dtype=object) if isinstance(data.data, list) else data.data
    if graphs:
        X = MoleculeGraphs().fit_transform(X)
    Y = _line_up_rcv1(data.target) if Path(name).name == "rcv1sub1" else data.target
    parts = Parts(*(Part(X[rows], Y[rows]) for rows in _split(data.splits, Y)))
    if not sparse.issparse(X) or X.nnz < DENSE * X.shape[0] * X.shape[1]:
        return parts
    dense = with_samples(parts, [part.X.toarray() for part in parts])
    scaler = StandardScaler().fit(dense.train.X)
    return with_samples(dense, [scaler.transform(part.X) for part in dense])


def with_samples(parts, samples):
    """Return the parts with other samples, one for each, and the same labels."""
    return Parts(*(Part(X, part.Y) for X, part in zip(samples, parts, strict=True)))


def as_tokens(parts, max_length=300):
    """Return texts as sequences of tokens, the rest as it is; cut after `max_length`."""
    # A word of one training text says nothing; it teaches what to make of unknown ones.
    return _transform(parts, TokenSequencer(min_df=2, max_length=max_length))


def as_tfidf(parts):
    """Return texts as tf-idf vectors, the rest as it is."""
    return _transform(parts, TfidfVectorizer(sublinear_tf=True))


def _transform(parts, transformer):
    """Return texts transformed, by what the training part shows."""
    if not parts.is_text:
        return parts
    train = transformer.fit_transform(parts.train.X)
    others = [transformer.transform(part.X) for part in (parts.valid, parts.test)]
    return with_samples(parts, [train, *others])


def _line_up_rcv1(Y):
    """Move the labels of rcv1sub1's test half to their place, without the first, lost there.

    As stored, they are one column to the left of the training half's: the frequencies of the
    labels in the two halves correlate with 0.02, and with 0.996 once they are moved.
    """
    half = Y.shape[0] // 2
    if Y[half:, [-1]].nnz:  # the place that the shift left empty
        return Y
    return sparse.vstack([Y[:half, 1:], Y[half:, :-1]], format="csr")


def _split(splits, Y):
    """Return the rows of the three parts."""
    rows = {name: np.arange(Y.shape[0])[where] for name, where in splits.items()}
    if "test" in rows:
        train, test = rows["train"], rows["test"]
    else:
        train, test = _hold_out(np.arange(Y.shape[0]), Y, TEST_SHARE)
    if "valid" in rows:
        return train, rows["valid"], test
    return *_hold_out(train, Y, VALIDATION_SHARE), test


def _hold_out(rows, Y, share):
    """Split rows into those kept and those held out, stratified by label."""
    split = MultilabelStratifiedShuffleSplit(
        1, test_size=share, random_state=SPLIT_SEED
    ).split(np.zeros(len(rows)), Y[rows])
    kept, held_out = next(split)
    return rows[np.sort(kept)], rows[np.sort(held_out)]
