"""Loading tables and texts from ARFF files of MULAN, MEKA and KEEL."""

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch

from ..exceptions import FileFormatError
from .arff import codes_by_text, nominal_codes, read_arff
from .label_columns import find_label_columns, read_target
from .targets import number_name


def load_arff(path, labels):
    """Load an ARFF file whose rows are vectors or texts.

    Parameters
    ----------
    path : Path
        The file.
    labels : int, path-like, str, list of str or None
        Which attributes are labels, as in `load_multilabel`.

    Returns
    -------
    data : Bunch
        As of `load_multilabel`.

    Raises
    ------
    FileFormatError
        If the file is damaged, or holds bags.
    ValueError
        If `labels` do not fit the file.
    """
    table = read_arff(path)
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
        sample_weight=table.weights,
        splits={"all": slice(0, target.shape[0])},
        hierarchy=hierarchy,
        DESCR=f"{table.relation}, from the ARFF file {path.name}.\n",
    )


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
