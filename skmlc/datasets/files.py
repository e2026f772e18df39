"""Finding data files by path or name, and reading the description of a data set."""

import json
import os
from collections import Counter
from pathlib import Path

from .._spelling import check_choice
from ..compressed import check_is_file
from ..exceptions import FileFormatError
from .confined import check_inside

DATA_HOME = "SKMLC_DATA"
# What readers of folders open by its name; other entries of a folder do not matter.
_SUFFIXES = (".npz", ".json", ".gz", ".bz2", ".xz", ".arff", ".xml", ".csv", ".tsv", ".mat")


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
    FileFormatError
        If a name or a link leads out of the data folder, or to a pipe or a device.

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
    home = data_home if data_home is not None else os.environ.get(DATA_HOME) or None
    candidates = [] if home is None else [(Path(home, path_or_name), home)]
    if data_home is None:
        candidates.insert(0, (Path(path_or_name), None))
    for candidate, within in candidates:
        if candidate.exists():
            _check_place(candidate, within, home_of(candidate, data_home))
            return candidate
    candidates = [candidate for candidate, _ in candidates]
    hint = "" if data_home or DATA_HOME in os.environ else f" or set {DATA_HOME}"
    raise FileNotFoundError(
        f"there is no data set {' nor '.join(map(str, candidates))}; give an existing "
        f"path, or a name with data_home{hint}."
    )


def _check_place(path, within, home):
    """Refuse paths, and data files of folders, that lead elsewhere or are no files."""
    if within is not None:
        check_inside(path, within)
    if not path.is_dir():
        check_is_file(path)
        return
    with os.scandir(path) as entries:
        named = [entry for entry in entries if entry.name.lower().endswith(_SUFFIXES)]
    for entry in named:
        if entry.is_symlink():
            check_inside(Path(entry.path), home)
        if not entry.is_dir():
            check_is_file(entry.path)


def home_of(path, data_home=None):
    """Return the folder that the files of a data set must not lie outside of.

    Parameters
    ----------
    path : Path
        The data set.
    data_home : str or path-like, default=None
        The data folder; if not given, the one that the environment variable names.

    Returns
    -------
    home : Path
        The data folder if the data set is in it, or else the data set's own folder.
    """
    home = data_home if data_home is not None else os.environ.get(DATA_HOME) or None
    target = Path(os.path.realpath(path))
    if home is not None and target.is_relative_to(os.path.realpath(home)):
        return Path(home)
    return path if path.is_dir() else path.parent


def read_json(path, text, place=None):
    """Read a text of JSON.

    Parameters
    ----------
    path : Path
        The file that it comes from, for messages.
    text : bytes or str
        The text.
    place : str, default=None
        Where it stands in the file.

    Returns
    -------
    value : object
        What it says.

    Raises
    ------
    FileFormatError
        If it is not JSON, is nested too deeply, or gives a name twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_as_dict)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(path, f"must be JSON; {error}.", place) from error


def _as_dict(pairs):
    """Return an object of JSON, of which Python would keep the last of two values."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice[:40]!r} stands twice in one object")
    return dict(pairs)


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
    FileFormatError
        If it is not JSON, or its names of labels or features are not lists of names.
    """
    path = folder / "meta.json"
    if not path.exists():
        raise FileNotFoundError(f"{folder} must hold a meta.json; there is none.")
    check_is_file(path)
    meta = read_json(path, path.read_bytes())
    if not isinstance(meta, dict) or "label_names" not in meta:
        raise FileFormatError(path, "must be a JSON object with label_names; it has none.")
    check_names(path, meta["label_names"], "label_names")
    features = meta.get("feature_names")
    if features is not None and not is_list_of(str, features):
        raise FileFormatError(path, "feature_names must be a list of names.")
    return meta


def is_list_of(kind, values):
    """Return whether this is a list that holds one type of values alone.

    Parameters
    ----------
    kind : type
        The type, of which True and False are not where it is int.
    values : object
        What should be such a list.

    Returns
    -------
    bool
        Whether it is one.
    """
    return isinstance(values, list) and all(type(value) is kind for value in values)


def check_names(path, names, what):
    """Check that labels have names that tell them apart.

    Parameters
    ----------
    path : Path
        The file, for messages.
    names : object
        What should be a list of names.
    what : str
        What these are called in the file.

    Raises
    ------
    FileFormatError
        If it is not a list of different strings.
    """
    if not is_list_of(str, names):
        raise FileFormatError(path, f"{what} must be a list of names.")
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise FileFormatError(path, f"{what} must differ; got {twice[:40]!r} twice.")


def read_splits(path, meta, n_samples):
    """Read the splits of a data set.

    Parameters
    ----------
    path : Path
        The meta.json, for messages.
    meta : dict
        Its content; its `splits` maps names to ``[start, stop]``.
    n_samples : int
        Number of samples.

    Returns
    -------
    splits : dict
        From the name of a split to the slice of its rows; ``"all"`` if there is none.

    Raises
    ------
    FileFormatError
        If a split is not of this form, or not within the samples.
    """
    splits = meta.get("splits") or {"all": [0, n_samples]}
    if not isinstance(splits, dict):
        raise FileFormatError(path, "splits must be an object of [start, stop] by name.")
    for name, ends in splits.items():
        if not is_list_of(int, ends) or len(ends) != 2:
            raise FileFormatError(
                path,
                f"must be [start, stop]; got {str(ends)[:40]}.",
                f"split {name[:40]!r}",
            )
        if not 0 <= ends[0] <= ends[1] <= n_samples:
            raise FileFormatError(
                path,
                f"must be within the {n_samples} samples; got {str(ends)[:80]}.",
                f"split {name[:40]!r}",
            )
    return {name: slice(*ends) for name, ends in splits.items()}


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
