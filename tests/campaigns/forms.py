"""One format of files for the campaigns: how to write a valid file, and how to read it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse


class Format(NamedTuple):
    """A format of files.

    Parameters
    ----------
    name : str
        What it is called in tables.
    write : callable
        Writes a valid file, and what else belongs to it, into the folder that it is given;
        returns the path of the file to damage.
    read : callable
        Reads what `write` has written, from the path that `write` returned, and asserts
        that it holds together.
    """

    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path], Any]


def check_bunch(bunch):
    """Assert that a data set holds together: sizes, finite numbers, labels of 0 and 1.

    Parameters
    ----------
    bunch : Bunch
        Of `load_multilabel`, `load_bags` or `load_image_set`.
    """
    n_samples, n_labels = bunch.target.shape
    assert len(bunch.target_names) == len(set(bunch.target_names)) == n_labels
    assert all(isinstance(name, str) for name in bunch.target_names)
    labels = bunch.target
    if sparse.issparse(labels):
        labels.check_format(full_check=True)
        assert labels.has_canonical_format
        labels = labels.data
    assert np.isin(labels[~np.isnan(labels)], (0, 1)).all()
    if sparse.issparse(bunch.data):
        bunch.data.check_format(full_check=True)
        assert np.isfinite(bunch.data.data).all()
    shape = getattr(bunch.data, "shape", None) or (len(bunch.data),)
    assert shape[0] == n_samples
    for rows in bunch.get("splits", {}).values():
        assert np.arange(n_samples)[rows].size <= n_samples
        if isinstance(rows, slice):
            assert 0 <= rows.start <= rows.stop <= n_samples
    if bunch.get("hierarchy") is not None:
        assert ((bunch.hierarchy >= 0) & (bunch.hierarchy < n_labels)).all()
