"""Finding data files by path or name, and reading them without pickle."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
from scipy import sparse

from .._spelling import check_choice

DATA_HOME = "SKMLC_DATA"


def find_data(path_or_name, data_home=None):
    """Find a data set by its path, or by its name in the data folder.

    Parameters
    ----------
    path_or_name : str or path-like
        A path, or the name of a file or folder in the data folder.
    data_home : str or path-like, default=None
        The data folder; if not given, the one that the environment variable
        ``SKMLC_DATA`` names.

    Returns
    -------
    path : Path
        An existing file or folder.

    Raises
    ------
    FileNotFoundError
        If there is none; the message says where it was looked for.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.datasets.files import find_data
    >>> with TemporaryDirectory() as folder:
    ...     find_data(".", data_home=folder) == find_data(folder)
    True
    """
    if not isinstance(path_or_name, str | os.PathLike):
        raise TypeError(
            "path_or_name must be the path of a file or folder, or the name of a data set; "
            f"got {path_or_name!r}."
        )
    if data_home is not None:
        candidates = [Path(data_home, path_or_name)]
    else:
        candidates = [Path(path_or_name)]
        if os.environ.get(DATA_HOME):
            candidates.append(Path(os.environ[DATA_HOME], path_or_name))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    hint = "" if data_home or DATA_HOME in os.environ else f" or set {DATA_HOME}"
    raise FileNotFoundError(
        f"there is no data set {' nor '.join(map(str, candidates))}; give an existing "
        f"path, or a name with data_home{hint}."
    )


def read_arrays(path, required):
    """Read the arrays of an .npz file, never unpickling anything.

    Parameters
    ----------
    path : Path
        The file.
    required : tuple of str
        Names that the file must hold.

    Returns
    -------
    arrays : dict
        The arrays by name.

    Raises
    ------
    ValueError
        If the file is no .npz file, lacks one of the names, or holds Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} must be an .npz file of plain arrays, without Python objects; {error}"
        ) from error
    missing = [name for name in required if name not in arrays]
    if missing:
        raise ValueError(
            f"{path} must hold the arrays {', '.join(required)}; it lacks "
            f"{', '.join(missing)} and holds {', '.join(arrays)}."
        )
    return arrays


def read_sparse(path):
    """Read a CSR matrix from a file.

    Parameters
    ----------
    path : Path
        The file, as written by :func:`scipy.sparse.save_npz`.

    Returns
    -------
    matrix : CSR matrix
        The matrix.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no sparse matrix.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"{path.parent} must hold {path.name}; it holds "
            f"{', '.join(sorted(item.name for item in path.parent.iterdir()))}."
        )
    try:
        return sparse.load_npz(path).tocsr()
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{path} must hold a matrix written by scipy.sparse.save_npz; {error}."
        ) from error


def read_meta(folder):
    """Read a data set's meta.json.

    Parameters
    ----------
    folder : Path
        The data set's folder.

    Returns
    -------
    meta : dict
        What the file says; it has `label_names` at least.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON or has no `label_names`.
    """
    path = folder / "meta.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder} must hold a meta.json; there is none.")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be a JSON file; {error}.") from error
    if not isinstance(meta, dict) or "label_names" not in meta:
        raise ValueError(f"{path} must be a JSON object with label_names; it has none.")
    return meta


def read_splits(meta, n_samples):
    """Read the splits of a data set.

    Parameters
    ----------
    meta : dict
        Content of a meta.json; its `splits` maps names to ``[start, stop]``.
    n_samples : int
        Number of samples.

    Returns
    -------
    splits : dict
        From the name of a split to the slice of its rows; ``"all"`` if there is none.
    """
    splits = meta.get("splits") or {"all": (0, n_samples)}
    return {name: slice(start, stop) for name, (start, stop) in splits.items()}


def describe(meta):
    """Write a data set's description from its meta.json.

    Parameters
    ----------
    meta : dict
        Content of a meta.json.

    Returns
    -------
    text : str
        Name, domain, notes, source, terms of use and citation, as far as given.
    """
    lines = [str(meta.get("name", "")), "-" * len(str(meta.get("name", "")))]
    for key, value in meta.items():
        if key in ("domain", "selection", "licence_as_stated", "citation") or "note" in key:
            lines.append(f"{key}: {value}")
    source = meta.get("source")
    if isinstance(source, dict) and "repository" in source:
        lines.append(f"source: {source['repository']}")
    return "\n".join(lines) + "\n"


def choose_split(splits, split, where):
    """Look up the rows of one split.

    Parameters
    ----------
    splits : dict
        Rows by name of the split.
    split : str
        The one that is wanted.
    where : Path
        The data set, for the message.

    Returns
    -------
    rows : slice or ndarray of int
        Rows of the split.

    Raises
    ------
    ValueError
        If there is no split of that name.
    """
    check_choice(split, splits, "split", of=f" for {where}")
    return splits[split]
