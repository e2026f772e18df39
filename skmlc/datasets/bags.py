"""Loading bags of instances: .npz, relational ARFF, and LAMDA's .mat files."""

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from ..compressed import size_limit
from ..exceptions import FileFormatError
from .arff import is_arff, read_arff
from .arff_tables import read_ids
from .arrays import read_arrays
from .confined import check_size
from .files import check_names, choose_split, find_data
from .label_columns import find_label_columns, read_target
from .mat_files import read_mat
from .targets import check_target


def load_bags(path_or_name, *, data_home=None, split=None, labels=None):
    """Load a multi-instance multi-label data set.

    What is read depends on the path:

    - A file ``.npz`` (or a folder with one such file) holds `X`, all instances, bag
      after bag, `offsets` (bag i is ``X[offsets[i]:offsets[i + 1]]``) and `Y`, and
      optionally `label_names`, `bag_ids` and `split80`, a mask of the training bags.
    - A file ``.arff`` has one relational attribute, the bag, and at most one attribute
      besides it and the labels, the bag's id, as in MULAN's and MIML's files.
    - A file ``.mat`` holds a cell array `bags` of one matrix per bag, and `targets` or
      `target`, one row per label with -1 and 1, as in LAMDA's files.

    Instances are not scaled: bring their columns to a common range, as with
    :class:`~skmlc.inputs.BagScaler`, before a method that uses distances.

    Parameters
    ----------
    path_or_name : str or path-like
        A path, or a name in the data folder.
    data_home : str or path-like, default=None
        The data folder; if not given, the one that the environment variable
        ``SKMLC_DATA`` names.
    split : str, default=None
        Load the bags of this split only, ``"train"`` or ``"test"``.
    labels : int, path-like, str or list of str, default=None
        Which attributes of an ARFF file are labels, as in :func:`load_multilabel`.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        - data : :class:`~skmlc.inputs.Bags` of shape (n_bags, n_features).
        - target : ndarray of shape (n_bags, n_labels), int64, 1 where the bag has the
          label; float64 with NaN where an ARFF file has missing labels.
        - target_names : list of str.
        - feature_names : list of str or None.
        - bag_ids : list of str or None.
        - splits : dict from the name of a split to its bags, a slice or an array of
          indices.
        - DESCR : str.

    Raises
    ------
    FileNotFoundError
        If there is no such data set.
    FileFormatError
        If the file is not as described above; it is a ValueError that names the file and
        the place in it.
    ValueError
        If a parameter does not fit the data set.

    See Also
    --------
    load_multilabel : Load vectors and texts.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skmlc.datasets import load_bags
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "toy.npz")
    ...     np.savez(path, X=np.eye(3), offsets=[0, 2, 3], Y=[[0, 1], [1, 1]])
    ...     toy = load_bags(path)
    >>> toy.data.lengths
    array([2, 1])
    >>> toy.target
    array([[0, 1],
           [1, 1]])
    """
    path = _find_file(find_data(path_or_name, data_home))
    suffix = ".arff" if is_arff(path) else path.suffix.lower()
    if suffix not in (".npz", ".arff", ".mat"):
        raise ValueError(f"{path} must be a file .npz, .arff or .mat of bags.")
    if suffix == ".arff":
        bunch = _load_arff(path, labels)
    elif labels is not None:
        raise ValueError(f"labels must be left out for {path}; it is for ARFF files only.")
    else:
        bunch = _load_npz(path) if suffix == ".npz" else _load_mat(path)
    return bunch if split is None else _take_split(bunch, split, path)


def _find_file(path):
    """Return the only .npz file of a folder, or the file itself."""
    if not path.is_dir():
        return path
    files = sorted(path.glob("*.npz"))
    if len(files) != 1:
        raise ValueError(
            f"{path} must hold one .npz file of bags; it holds {len(files)}; give the "
            "path of the file."
        )
    return files[0]


def _take_split(bunch, split, path):
    """Keep the bags of one split."""
    rows = choose_split(bunch.splits, split, path)
    bunch.data, bunch.target = bunch.data[rows], bunch.target[rows]
    if bunch.bag_ids is not None:
        bunch.bag_ids = np.array(bunch.bag_ids, dtype=object)[rows].tolist()
    bunch.splits = {split: slice(0, len(bunch.target))}
    return bunch


def _flatten(path, bags):
    """Instances of all bags one after another, and their offsets."""
    widths = {bag.shape[1:] for bag in bags}
    if len(widths) != 1 or len(next(iter(widths))) != 1:
        raise FileFormatError(
            path,
            "must hold bags that are matrices with the same number of columns; got rows of "
            f"shape {sorted(widths)[:5]}.",
        )
    return np.concatenate(bags), np.cumsum([0] + [len(bag) for bag in bags])


def _bunch(path, flat, target, names, *, feature_names=None, bag_ids=None, splits=None):
    """Put together what all formats give."""
    from ..inputs import Bags  # here only: data sets need nothing else of the package

    try:
        bags = Bags.from_flat(*flat)
    except ValueError as error:
        raise FileFormatError(path, f"must hold bags of finite numbers: {error}") from error
    check_target(np.where(np.isnan(target), 0, target), len(bags), names, path)
    if bag_ids is not None and len(bag_ids) != len(bags):
        raise FileFormatError(
            path, f"must hold {len(bags)} bag_ids, one per bag; got {len(bag_ids)}."
        )
    return Bunch(
        data=bags,
        target=target,
        target_names=names,
        feature_names=feature_names,
        bag_ids=bag_ids,
        splits=splits or {"all": slice(0, len(bags))},
        DESCR=f"{len(bags)} bags from the file {path.name}.\n",
    )


def _load_npz(path):
    """Load bags from arrays."""
    optional = ("label_names", "bag_ids", "split80")
    arrays = read_arrays(path, ("X", "offsets", "Y"), optional)
    instances, offsets, target = (arrays[name] for name in ("X", "offsets", "Y"))
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or len(offsets) == 0:
        raise FileFormatError(
            path,
            f"must be a list of whole numbers; got {offsets.dtype} of shape {offsets.shape}.",
            "array 'offsets'",
        )
    if (
        target.ndim != 2
        or len(target) != len(offsets) - 1
        or target.dtype.kind not in "biuf"
    ):
        raise FileFormatError(
            path,
            f"must be a matrix of {len(offsets) - 1} rows, one per bag of 0 and 1; got the "
            f"shape {target.shape} and {target.dtype}.",
            "array 'Y'",
        )
    names, bag_ids = (_read_list(path, arrays, name) for name in ("label_names", "bag_ids"))
    if names is None:
        names = [str(label) for label in range(target.shape[1])]
    check_names(path, names, "label_names")
    check_target(target, len(target), names, path)
    bunch = _bunch(
        path,
        (instances, offsets),
        target,
        names,
        bag_ids=bag_ids,
        splits=_read_split80(path, arrays, len(target)),
    )
    bunch.target = target.astype(np.int64)
    return bunch


def _read_list(path, arrays, name):
    """Return an array as a list of names, or None if the file has none."""
    if name not in arrays:
        return None
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in "iuSU":
        raise FileFormatError(
            path,
            f"must be a list of names; got {array.dtype} of shape {array.shape}.",
            f"array {name!r}",
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    return array.astype(str).tolist()


def _read_split80(path, arrays, n_bags):
    """Return the bags for training and testing, or None if the file does not say which."""
    if "split80" not in arrays:
        return None
    mask = arrays["split80"]
    if mask.shape != (n_bags,) or not np.isin(mask, (0, 1)).all():
        raise FileFormatError(
            path,
            f"must be a mask of {n_bags} values, one per bag; got {mask.dtype} of shape "
            f"{mask.shape}.",
            "array 'split80'",
        )
    return {"train": np.flatnonzero(mask == 1), "test": np.flatnonzero(mask == 0)}


def _load_arff(path, labels):
    """Load bags from an ARFF file with a relational attribute."""
    table = read_arff(path)
    if len(table.bags) != 1:
        raise FileFormatError(
            path,
            f"must have one relational attribute, the bag; it has {len(table.bags)}.",
        )
    [(bag_column, bags)] = table.bags.items()
    columns, _ = find_label_columns(path, table, labels)
    others = np.setdiff1d(np.arange(len(table.attributes)), [bag_column, *columns])
    if len(others) > 1:
        raise FileFormatError(
            path,
            "must have at most one attribute besides the bag and the labels; it has "
            f"{[table.attributes[column].name for column in others[:5]]}; are these labels "
            "that the list of labels leaves out?",
        )
    target = read_target(path, table, columns)
    check_size(path, target.shape, "labels")
    return _bunch(
        path,
        _flatten(path, bags),
        target.toarray(),
        [table.attributes[column].name for column in columns],
        feature_names=[item.name for item in table.attributes[bag_column].attributes],
        bag_ids=read_ids(table, others[0]) if len(others) else None,
    )


def _load_mat(path):
    """Load bags from a file of MATLAB."""
    content, held = read_mat(path, ("bags", "targets", "target"))
    target = content.get("targets", content.get("target"))
    if "bags" not in content or target is None:
        raise FileFormatError(
            path,
            "must hold bags, and targets or target; it holds "
            f"{', '.join(name for name in held[:20] if name)}.",
        )
    if not isinstance(content["bags"], list) or isinstance(target, list):
        raise FileFormatError(
            path, "must hold a cell array of bags, and a matrix of targets."
        )
    bags = _dense(path, "bags", content["bags"])
    [target] = _dense(path, "targets", [target])
    target = _orient(path, target, len(bags))
    names = [str(label) for label in range(target.shape[1])]
    return _bunch(path, _flatten(path, bags), target, names)


def _dense(path, what, matrices):
    """Return arrays; sparse matrices are as large as they say, whatever they hold."""
    left, dense = size_limit(path), []
    for number, matrix in enumerate(matrices, start=1):
        if sparse.issparse(matrix):
            left -= matrix.dtype.itemsize * matrix.shape[0] * matrix.shape[1]
            if left < 0:
                raise FileFormatError(
                    path, f"is too sparse: matrix {number} is {matrix.shape}.", what
                )
            matrix = matrix.toarray()
        dense.append(matrix)
    return dense


def _orient(path, target, n_bags):
    """Indicator matrix (n_bags, n_labels) from LAMDA's (n_labels, n_bags) of -1 and 1."""
    if target.ndim != 2 or n_bags not in target.shape:
        raise FileFormatError(
            path,
            f"must hold targets of shape (n_labels, {n_bags}), one column per bag; got "
            f"{target.shape}.",
        )
    # Sparse matrices hold 0 and 1; a file that holds all three may mean one as unknown.
    if not (np.isin(target, (-1, 1)).all() or np.isin(target, (0, 1)).all()):
        raise FileFormatError(
            path, "must hold targets of -1 and 1, or of 0 and 1; it holds other values."
        )
    if target.shape[1] == n_bags:
        target = target.T
    return (target > 0).astype(np.int64)
