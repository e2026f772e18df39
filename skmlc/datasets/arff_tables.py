"""Loading tables and texts from ARFF files of MULAN, MEKA and KEEL."""

import re

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from ..exceptions import FileFormatError
from .arff import codes_by_text, nominal_codes, read_arff
from .label_columns import find_label_columns, read_target
from .targets import number_name

# What MULAN puts behind the name of a data set to say which rows a file holds.
_FILE = re.compile(
    r"(?P<set>.+?)(?:[-_. ]?(?P<part>train|test|valid|dev))?\.arff(?:\.gz|\.bz2|\.xz)?$",
    re.IGNORECASE,
)


def load_arff(parts, labels):
    """Load ARFF files whose rows are vectors or texts.

    Parameters
    ----------
    parts : dict of str to Path
        The files of one data set by the names of its splits.
    labels : int, path-like, str, list of str or None
        Which attributes are labels, as in `load_multilabel`.

    Returns
    -------
    data : Bunch
        As of `load_multilabel`, with the rows of the files one after another.

    Raises
    ------
    FileFormatError
        If a file is damaged, holds bags, or has other attributes than the first.
    ValueError
        If `labels` do not fit the files.
    """
    (first, *_), tables = parts.values(), [read_arff(path) for path in parts.values()]
    bunches = [_read_table(*pair, labels) for pair in zip(parts.values(), tables)]
    for path, table, bunch in zip(parts.values(), tables, bunches):
        same_labels = bunch.target_names == bunches[0].target_names
        if table.attributes != tables[0].attributes or not same_labels:
            raise FileFormatError(path, f"must have the attributes of {first.name}.")
    ends = np.cumsum([0, *(bunch.target.shape[0] for bunch in bunches)]).tolist()
    names = ", ".join(path.name for path in parts.values())
    return Bunch(
        **bunches[0]
        | {key: _join([b[key] for b in bunches]) for key in ("data", "target")},
        sample_weight=_join_weights(tables),
        splits={name: slice(*ends[i : i + 2]) for i, name in enumerate(parts)},
        DESCR=f"{tables[0].relation}, from ARFF: {names}.\n",
    )


def find_arff_parts(folder):
    """Find the ARFF files of a folder by the names of the splits that they hold.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    parts : dict of str to Path
        The files that end in ``-train`` and the like, in this order: train, valid, dev,
        test; one file alone as ``"all"``; empty where there is no ARFF file.

    Raises
    ------
    ValueError
        If the names of the files do not say what each holds.
    """
    found = {path: _FILE.match(path.name) for path in sorted(folder.iterdir())}
    found = {path: match for path, match in found.items() if match}
    if len(found) == 1:
        return {"all": next(iter(found))}
    parts = {match["part"].lower(): path for path, match in found.items() if match["part"]}
    n_whole = sum(match["part"] is None for match in found.values())
    # A set may come as a whole as well: its rows are those of the parts.
    is_one_set = len({match["set"] for match in found.values()}) == 1 and len(parts) > 1
    if found and not (is_one_set and n_whole <= 1 and len(parts) + n_whole == len(found)):
        raise ValueError(
            f"{folder} must hold one ARFF file, or those of one data set that end in -train "
            f"and -test; got {', '.join(path.name for path in found)}: pass the path of one."
        )
    order = ("train", "valid", "dev", "test")
    return {name: parts[name] for name in order if name in parts}


def _read_table(path, table, labels):
    """Return what `load_multilabel` returns of the content of a file."""
    if table.bags:
        raise FileFormatError(
            path, "it has a relational attribute; read it with load_bags."
        )
    columns, hierarchy = find_label_columns(path, table, labels)
    target = read_target(path, table, columns)
    others = _feature_columns(table, columns)
    if len(others) == 1 and others[0] in table.strings:
        data, feature_names = _read_texts(path, table, others[0]), None
    else:
        data, feature_names = _read_features(path, table, others)
    return Bunch(
        data=data,
        target=target,
        target_names=[table.attributes[column].name for column in columns],
        feature_names=feature_names,
        hierarchy=hierarchy,
    )


def _join(rows):
    """Put the rows of several files one after another, texts or sparse matrices."""
    if isinstance(rows[0], list):
        return [text for texts in rows for text in texts]
    return sparse.vstack(rows, format="csr")


def _join_weights(tables):
    """Return the weights of the rows of several files, None where no file has any."""
    if all(table.weights is None for table in tables):
        return None
    weights = [
        np.ones(table.matrix.shape[0]) if table.weights is None else table.weights
        for table in tables
    ]
    return np.concatenate(weights)


def _feature_columns(table, label_columns):
    """Columns that are no labels; of a KEEL file those that are inputs."""
    others = np.setdiff1d(np.arange(len(table.attributes)), label_columns)
    if not table.inputs:
        return others
    inputs = set(table.inputs)
    return np.array([c for c in others if table.attributes[c].name in inputs], dtype=int)


def _read_texts(path, table, column):
    """The texts of a column of strings."""
    texts = table.strings[column]
    if None in texts:
        name = table.attributes[column].name
        raise FileFormatError(
            path, f"must have a text; it is missing in row {texts.index(None)}.", name
        )
    return texts


def _read_features(path, table, columns):
    """Feature columns of an ARFF file, and their names."""
    blocks, names = [], []
    start = 0  # of the run of columns that are kept as they are
    for position, column in enumerate(columns):
        attribute = table.attributes[column]
        if column in table.strings:
            raise FileFormatError(
                path,
                f"attribute {attribute.name!r} must be numeric or nominal; it is a string "
                "or a date, so turn it into numbers first or leave it out.",
            )
        if len(attribute.values) <= 2 or nominal_codes(attribute) is None:
            names.append(attribute.name)
            continue
        blocks += [table.matrix[:, columns[start:position]], _one_hot(table, column)]
        names += [f"{attribute.name}={value}" for value in attribute.values]
        start = position + 1
    blocks.append(table.matrix[:, columns[start:]])
    return sparse.csr_matrix(sparse.hstack(blocks)), names


def _one_hot(table, column):
    """One column per value of a nominal attribute; a missing value is 0 in all."""
    codes = table.matrix[:, [column]].toarray().ravel()
    rows = np.flatnonzero(~np.isnan(codes))
    shape = (len(codes), len(table.attributes[column].values))
    index = (rows, codes[rows].astype(np.int64))
    return sparse.csr_array((np.ones(len(rows)), index), shape=shape)


def read_ids(table, column):
    """Read names of the rows as they are written in the file.

    Parameters
    ----------
    table : ArffData
        The content of the file.
    column : int
        The column of the names.

    Returns
    -------
    ids : list of str
        The names, ``"?"`` where one is missing.
    """
    if column in table.strings:
        return ["?" if text is None else text for text in table.strings[column]]
    codes = table.matrix[:, [column]].toarray().ravel()
    written = codes_by_text(table.attributes[column])
    if written is None:
        return ["?" if np.isnan(code) else number_name(code) for code in codes]
    by_code = {code: value for value, code in written.items()}
    return [by_code.get(code, "?") for code in codes]
