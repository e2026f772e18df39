"""Reading svmlight files with several labels per row.

The rows are read by scikit-learn; the first line of sizes, which the files of the Extreme
Classification Repository have, and the columns of the labels are taken care of here.
"""

import gzip

import numpy as np
from sklearn.datasets import load_svmlight_file
from sklearn.utils import Bunch

from .targets import number_name, to_indicator


def load_svmlight(path, labels=None, n_features=None):
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

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        As :func:`~skmlc.datasets.load_multilabel` says.

    Raises
    ------
    ValueError
        If it is no such file, or has other labels, more features or other rows than it
        should.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rb") as file:
            sizes = _read_sizes(file)
            if sizes is not None:
                n_features = sizes[1] if n_features is None else n_features
                labels = sizes[2] if labels is None else labels
            data, sets = load_svmlight_file(
                file,
                multilabel=True,
                n_features=n_features,
                zero_based="auto" if sizes is None else True,
            )
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path} must be a folder, an ARFF file, or an svmlight file with lines such "
            f"as '3,17 5:0.5 9:1'; {error}"
        ) from error
    if sizes is not None and sizes[0] != data.shape[0]:
        raise ValueError(
            f"{path} must hold {sizes[0]} rows, as its first line says; it holds "
            f"{data.shape[0]}."
        )
    names = _label_names(sets, labels)
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


def _read_sizes(file):
    """Numbers of samples, features and labels, where the first line gives them."""
    words = file.readline().split()
    if len(words) == 3 and all(word.isdigit() for word in words):
        return tuple(int(word) for word in words)
    file.seek(0)
    return None


def _label_names(sets, labels):
    """Names of the label columns of an svmlight file."""
    if labels is None:
        labels = sorted({label for row in sets for label in row})
    elif isinstance(labels, (int, np.integer)):
        labels = range(labels)
    return [label if isinstance(label, str) else number_name(label) for label in labels]
