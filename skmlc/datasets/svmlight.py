"""Reading svmlight files with several labels per row.

The rows are read by scikit-learn. Taken care of here are the first line of sizes, which the
files of the Extreme Classification Repository have, rows without labels and features, which
scikit-learn writes and does not read, the columns of the labels, and numbers that Python reads
and other programs do not.
"""

import os
from collections import Counter
from itertools import chain

import numpy as np
from scipy import sparse
from sklearn.datasets import load_svmlight_file
from sklearn.utils import Bunch

from ..compressed import open_data
from ..exceptions import FileFormatError
from .targets import number_name, to_indicator

# What scikit-learn writes above a comment.
_BASES = {b"Column indices are zero-based": True, b"Column indices are one-based": False}
# More labels than this are made of a first line only if the file is as large.
_ALWAYS_ALLOWED = 2**20
_EXAMPLE = (
    "must be a folder, an ARFF file, or an svmlight file with lines such as "
    "'3,17 5:0.5 9:1'"
)


def load_svmlight(path, labels=None, n_features=None, zero_based="auto"):
    """Load an svmlight file with several labels per row.

    Parameters
    ----------
    path : Path
        The file, plain or compressed.
    labels : int or list, default=None
        The labels in the order of the columns, or their number; by default those that
        occur, or the number that the first line gives.
    n_features : int, default=None
        Number of features; by default the largest index, or the number that the first
        line gives.
    zero_based : bool or "auto", default="auto"
        Whether the features are numbered from 0 or from 1.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        As :func:`~skmlc.datasets.load_multilabel` says.

    Raises
    ------
    FileFormatError
        If it is not such a file, or has other labels, more features or other rows than it
        should.
    """
    with open_data(path) as file:
        rows = _Rows(path, file)
        names = _label_names(path, rows.sizes, labels)
        indices, data, sets = _read_rows(path, rows)
    indices = _shift(path, indices, rows, zero_based)
    if n_features is None:
        n_features = (
            int(indices.max(initial=0)) + 1 if rows.sizes is None else rows.sizes[1]
        )
    data = sparse.csr_matrix(
        (data.data, indices, data.indptr),
        shape=(len(sets), _check_n_features(path, indices, n_features)),
    )
    if names is None:
        names = [number_name(label) for label in sorted({x for row in sets for x in row})]
    sets = [[number_name(label) for label in row] for row in sets]
    return Bunch(
        data=data,
        target=to_indicator(sets, names, path),
        target_names=names,
        feature_names=None,
        splits={"all": slice(0, data.shape[0])},
        hierarchy=None,
        DESCR=f"From the svmlight file {path.name}.\n",
    )


class _Rows:
    """The rows of a file, line by line as scikit-learn is to read them."""

    def __init__(self, path, file):
        self.path, self.file = path, file
        self.number = self.n_rows = 0
        self.sizes = self.zero_based = None
        first = file.readline()
        words = first.split()
        if len(words) == 3 and all(word.isdigit() and len(word) < 19 for word in words):
            self.number = 1
            self.sizes = tuple(int(word) for word in words)
            self.zero_based = True
            first = b""
        self.waiting = [first] if first else []

    def read(self):
        """Scikit-learn asks for a file by this, and reads lines."""
        return b"".join(self)

    def __iter__(self):
        for line in chain(self.waiting, self.file):
            self.number += 1
            content, comment, text = line.partition(b"#")
            if b"_" in content:  # which Python reads in numbers
                raise ValueError(f"got {content[:40]!r}.")
            if content.strip():
                yield line
            elif comment:
                base = _BASES.get(text.strip())
                self.zero_based = base if self.zero_based is None else self.zero_based
                continue
            elif self._is_row(line):
                yield b"qid:0"  # which scikit-learn leaves out, but not the row
            else:
                continue
            self.n_rows += 1

    def _is_row(self, line):
        """Return whether a blank line is a row; scikit-learn writes a space into it."""
        if self.sizes is not None:
            return self.n_rows < self.sizes[0]
        return bool(line.rstrip(b"\r\n"))


def _read_rows(path, rows):
    """Return the features as they are numbered in the file, as CSR, and sets of labels."""
    try:
        data, sets = load_svmlight_file(rows, multilabel=True, zero_based=True)
    except FileFormatError:
        raise
    except (ValueError, OverflowError) as error:
        raise FileFormatError(
            path, f"{_EXAMPLE}; {error}", f"line {rows.number}"
        ) from error
    if not sets or (rows.sizes is not None and rows.sizes[0] != len(sets)):
        many = (
            "rows"
            if rows.sizes is None
            else f"{rows.sizes[0]} rows, as its first line says"
        )
        raise FileFormatError(path, f"must hold {many}; it holds {len(sets)}.")
    if not np.isfinite(data.data).all():
        first = np.flatnonzero(~np.isfinite(data.data))[0]
        row = np.searchsorted(data.indptr, first, side="right")
        raise FileFormatError(path, "must hold finite numbers.", f"row {row}")
    for number, labels in enumerate(sets, start=1):
        for label in labels:
            # Beyond 2 ** 53 the numbers that Python has read are not those of the file.
            if not abs(label) < 2**53 or not label.is_integer():
                raise FileFormatError(
                    path, f"labels must be whole numbers; got {label:g}.", f"row {number}"
                )
    return data.indices.astype(np.int64), data, sets


def _shift(path, indices, rows, zero_based):
    """Return the columns of the features, which a file may number from 1."""
    if zero_based == "auto":
        zero_based = rows.zero_based
    least = indices.min(initial=1)
    if zero_based is None:
        zero_based = least == 0
    if zero_based:
        return indices
    if least == 0:
        raise FileFormatError(path, "must number its features from 1; it has a feature 0.")
    return indices - 1


def _check_n_features(path, indices, n_features):
    """Return the number of features, if no index is beyond it."""
    largest = indices.max(initial=-1)
    if largest >= n_features:
        raise FileFormatError(
            path,
            f"must have {n_features} features, as its first line or n_features says; it has "
            f"one of index {largest}, counted from 0; if its features are numbered from 1, "
            "pass zero_based=False.",
        )
    return n_features


def _label_names(path, sizes, labels):
    """Names of the label columns, or None if they are those that occur."""
    if labels is None and sizes is not None:
        labels = sizes[2]
        if labels > max(_ALWAYS_ALLOWED, os.path.getsize(path)):
            raise FileFormatError(
                path,
                f"must not have more labels than bytes; got {labels}; pass labels if there "
                "are as many.",
                "line 1",
            )
    if labels is None:
        return None
    if isinstance(labels, (int, np.integer)):
        labels = range(labels)
    names = [label if isinstance(label, str) else number_name(label) for label in labels]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"labels must differ from each other; got {repeated[:5]} twice.")
    return names
