"""Loading multi-label data sets from folders, ARFF and svmlight files."""

import numpy as np
from sklearn.utils import Bunch

from .._spelling import check_choice
from ..compressed import open_data
from ..exceptions import FileFormatError
from .arff import is_arff
from .arff_tables import find_arff_parts, load_arff
from .arrays import read_sparse
from .files import (
    choose_split,
    describe,
    find_data,
    is_list_of,
    read_json,
    read_meta,
    read_splits,
)
from .svmlight import load_svmlight
from .targets import check_target, to_indicator

REPRESENTATIONS = ("auto", "features", "text")


def load_multilabel(
    path_or_name,
    *,
    data_home=None,
    split=None,
    representation="auto",
    closed=False,
    labels=None,
    n_features=None,
    zero_based="auto",
):
    r"""Load a multi-label data set from a folder, an ARFF file or an svmlight file.

    What is read depends on the path:

    - A folder holds ``meta.json`` (at least `label_names`), the features ``X.npz`` and
      the labels ``Y.npz`` as written by :func:`scipy.sparse.save_npz`, or raw texts in
      ``data.jsonl.gz``, one object per line with `text` and `labels` (names).
    - A file ``.arff``, plain or compressed, is read as Weka, MULAN and MEKA write it, dense
      or sparse, and likewise KEEL's ``.dat`` with ``@inputs`` and ``@outputs``. Nominal
      features with more than two values that are not numbers become one column for each
      value. A file with a string attribute as its only feature gives texts.
    - A folder of such files, as MULAN's sets come, has the splits of their names:
      ``toy-train.arff``, ``toy-test.arff`` and ``toy.xml``; ``toy.arff`` with the rows of
      both may lie beside them.
    - Any other file is read as svmlight with several labels per row,
      ``3,17 5:0.5 9:1``, plain or compressed (gzip, bzip2, xz). A first line of three whole
      numbers, as in the Extreme Classification Repository, is taken as the numbers of
      samples, features and labels; all indices then start at 0.  A row may be without
      labels, or without anything: a line of one space, as scikit-learn writes it, or any
      blank line below a first line of sizes.

    Parameters
    ----------
    path_or_name : str or path-like
        A path, or a name in the data folder.
    data_home : str or path-like, default=None
        The data folder; if not given, the one that the environment variable
        ``SKMLC_DATA`` names.
    split : str, default=None
        Load the rows of this split only, such as ``"train"``.
    representation : {"auto", "features", "text"}, default="auto"
        What to load from a folder: ``X.npz``, the texts, or whichever there is,
        features first.
    closed : bool, default=False
        Whether to load ``Y_closed.npz`` of a folder, the labels with all their
        ancestors, in place of ``Y.npz``.
    labels : int, path-like, str or list, default=None
        Which attributes of an ARFF file are labels: the first ones by number (the last
        ones if negative), by name, or by the path of MULAN's XML file; by default the
        XML file of that name, with or without a suffix such as ``-train``, or MEKA's
        option ``-C``, or KEEL's outputs. For an svmlight file, the labels in the order of
        the columns, or their number where they are 0, 1, ...; by default those in the
        file, so give `labels` to read a training and a test file alike.
    n_features : int, default=None
        Number of features of an svmlight file; by default the largest index.
    zero_based : bool or "auto", default="auto"
        Whether the features of an svmlight file are numbered from 0, or from 1. By default
        from 0 below a first line of sizes, as a comment of scikit-learn says, or else from 1
        if there is no feature 0: give it where a training and a test file may differ there.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        - data : CSR matrix of shape (n_samples, n_features), float32 from a folder and
          float64 from a file; or a list of n_samples texts.
        - target : CSR matrix of shape (n_samples, n_labels), int64, 1 where the sample
          has the label; float64 with NaN where an ARFF file has missing labels.
        - target_names : list of str.
        - feature_names : list of str or None.
        - sample_weight : ndarray of shape (n_samples,), where rows of an ARFF file have
          weights, or None.
        - splits : dict from the name of a split to the slice of its rows.
        - hierarchy : ndarray of shape (n_edges, 2) or None, pairs of label indices
          (parent, child).
        - DESCR : str.

    Raises
    ------
    FileNotFoundError
        If there is no such data set, or a folder lacks a file.
    FileFormatError
        If a file is not as described above; it is a ValueError that names the file and the
        place in it.
    ValueError
        If a parameter does not fit the data set.

    See Also
    --------
    load_bags : Load bags of instances.
    load_image_set : Load images.
    fetch_openml_multilabel : Download a data set from OpenML.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.datasets import load_multilabel
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "toy.svm")
    ...     _ = path.write_text("0,2 1:0.5 3:1\n1 2:2\n")
    ...     toy = load_multilabel(path)
    >>> toy.data.toarray()
    array([[0.5, 0. , 1. ],
           [0. , 2. , 0. ]])
    >>> toy.target.toarray()
    array([[1, 0, 1],
           [0, 1, 0]])
    """
    check_choice(representation, REPRESENTATIONS, "representation")
    if not (isinstance(zero_based, bool) or zero_based == "auto"):
        raise ValueError(f'zero_based must be True, False or "auto"; got {zero_based!r}.')
    base = None if zero_based == "auto" else zero_based
    path = find_data(path_or_name, data_home)
    given = None if representation == "auto" else representation
    of_folder = {"representation": given, "closed": closed or None}
    of_svmlight = {"n_features": n_features, "zero_based": base}
    if parts := _arff_parts(path):
        _refuse(path, "ARFF files", **of_folder, **of_svmlight)
        bunch = load_arff(parts, labels)
    elif path.is_dir():
        _refuse(path, "a folder", labels=labels, **of_svmlight)
        bunch = _load_folder(path, representation, closed)
    else:
        _refuse(path, "a file", **of_folder)
        bunch = load_svmlight(path, labels, n_features, zero_based)
    bunch.setdefault("sample_weight", None)
    return bunch if split is None else _take_split(bunch, split, path)


def _arff_parts(path):
    """Return the ARFF files of a data set by split; none if it is in another format."""
    if not path.is_dir():
        return {"all": path} if is_arff(path) else {}
    return {} if (path / "meta.json").exists() else find_arff_parts(path)


def _refuse(path, kind, **parameters):
    """Raise an error for parameters that mean nothing for this kind of data set."""
    for name, value in parameters.items():
        if value is not None:
            raise ValueError(f"{name} must be left out for {kind} such as {path}.")


def _take_split(bunch, split, path):
    """Keep the rows of one split."""
    rows = choose_split(bunch.splits, split, path)
    bunch.data, bunch.target = bunch.data[rows], bunch.target[rows]
    bunch.splits = {split: slice(0, bunch.target.shape[0])}
    return bunch


def _load_folder(folder, representation, closed):
    """Load a folder with meta.json."""
    meta = read_meta(folder)
    has_features = (folder / "X.npz").exists()
    as_text = representation == "text" or (representation == "auto" and not has_features)
    texts, sets = _read_texts(folder / "data.jsonl.gz") if as_text else (None, None)
    data = texts if as_text else read_sparse(folder / "X.npz", np.float32)
    n_samples = len(texts) if as_text else data.shape[0]
    feature_names = None if as_text else meta.get("feature_names")
    if feature_names is not None and len(feature_names) != data.shape[1]:
        raise FileFormatError(
            folder / "meta.json",
            f"feature_names must hold {data.shape[1]} names, one per column of X.npz; got "
            f"{len(feature_names)}.",
        )
    return Bunch(
        data=data,
        target=_read_folder_target(folder, meta["label_names"], closed, n_samples, sets),
        target_names=meta["label_names"],
        feature_names=feature_names,
        splits=read_splits(folder / "meta.json", meta, n_samples),
        hierarchy=_read_hierarchy(folder / "meta.json", meta),
        DESCR=describe(meta),
    )


def _read_folder_target(folder, names, closed, n_samples, sets):
    """Labels of a folder; `sets` are those that stand beside the texts, if these are read."""
    file = folder / ("Y_closed.npz" if closed else "Y.npz")
    # Raw texts need no Y.npz, as each has its labels by name.
    if sets is not None and not closed and not file.exists():
        return to_indicator(sets, names, folder / "data.jsonl.gz")
    target = read_sparse(file)
    check_target(target, n_samples, names, file)
    return target.astype(np.int64)


def _read_texts(path):
    """Texts and sets of label names from a file of JSON lines."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path.parent} must hold X.npz or data.jsonl.gz for this representation; it "
            f"holds {', '.join(sorted(item.name for item in path.parent.iterdir()))}."
        )
    texts, sets = [], []
    with open_data(path) as file:
        for number, line in enumerate(file, start=1):
            row = read_json(path, line, f"line {number}")
            is_row = (
                isinstance(row, dict)
                and isinstance(row.get("text"), str)
                and is_list_of(str, row.get("labels"))
            )
            if not is_row:
                raise FileFormatError(
                    path,
                    "must be an object with text, a string, and labels, a list of names.",
                    f"line {number}",
                )
            texts.append(row["text"])
            sets.append(row["labels"])
    return texts, sets


def _read_hierarchy(path, meta):
    """Edges from parent to child, or None."""
    graph = meta.get("label_graph") or {}
    edges = graph.get("edges_parent_child") if isinstance(graph, dict) else graph
    if edges is None:
        return None
    n_labels = len(meta["label_names"])
    pairs = edges if isinstance(edges, list) else [edges]
    for pair in pairs:
        is_pair = is_list_of(int, pair) and len(pair) == 2
        if not is_pair or not all(0 <= label < n_labels for label in pair):
            raise FileFormatError(
                path,
                f"edges_parent_child must hold pairs of labels from 0 to {n_labels - 1}; "
                f"got {str(pair)[:40]}.",
            )
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
