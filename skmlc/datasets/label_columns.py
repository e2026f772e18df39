"""Which attributes of an ARFF file are labels: the conventions of MULAN, MEKA and KEEL.

MULAN lists the labels in an XML file next to the ARFF file; MEKA writes their number into
the relation's name, ``-C 6`` for the first six attributes and ``-C -6`` for the last six;
KEEL names them in a line ``@outputs``.
"""

import os
import re
from collections import Counter
from numbers import Integral

import numpy as np
from scipy import sparse

from ..exceptions import FileFormatError
from .confined import check_inside
from .xml_files import parse_xml

_MEKA_OPTION = re.compile(r"(?:^|\s)-C\s+(-?[0-9]{1,9})(?![0-9])")
# What may follow the name of a data set in the name of a file: nothing, or -train, Test-3.
_SUFFIX = re.compile(r"$|[-_. ]|train|test|valid|dev", re.IGNORECASE)


def read_label_xml(path):
    """Read MULAN's XML list of labels.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    names : list of str
        The names of the labels, in the order of the XML file, which is not always the
        order of the columns in the ARFF file.
    edges : list of tuple
        Pairs (name of the parent, name of the child) where labels are nested.

    Raises
    ------
    FileFormatError
        If the file is not XML, or names no label.
    """
    names, edges, parents = [], [], []

    def on_start(tag, attributes, line):
        if tag != "label":
            parents.append(parents[-1] if parents else None)
            return
        name = attributes.get("name")
        if name is None:
            raise FileFormatError(path, "a label must have a name.", f"line {line}")
        if parents and parents[-1] is not None:
            edges.append((parents[-1], name))
        names.append(name)
        parents.append(name)

    parse_xml(path, on_start, lambda tag: parents.pop())
    if not names:
        raise FileFormatError(path, 'must hold elements <label name="...">; it has none.')
    return names, edges


def find_label_columns(path, table, labels=None):
    """Find the attributes of an ARFF file that are labels.

    Parameters
    ----------
    path : Path
        The ARFF file, next to which MULAN's XML file is looked for.
    table : ArffData
        Its content.
    labels : int, path-like, str or list of str, default=None
        Number of labels (the first attributes, or the last ones if negative), MULAN's
        XML file, or the labels' names. By default the XML file of the same name, with
        or without what follows, such as ``-train``; or else what MEKA's option ``-C``
        says, or KEEL's ``@outputs``.

    Returns
    -------
    columns : ndarray of shape (n_labels,)
        The labels' columns, in the order of the ARFF file.
    hierarchy : ndarray of shape (n_edges, 2) or None
        Pairs of label indices (parent, child) where the XML file nests the labels.

    Raises
    ------
    FileFormatError
        If the files do not say, or disagree.
    ValueError
        If `labels` do not fit the file.
    """
    given, source, edges = labels, path, []
    if labels is None:
        labels = _sibling_xml(path)
    if labels is None:
        labels = _labels_within(path, table)
    if isinstance(labels, (str, os.PathLike)):
        given, source = None, labels
        labels, edges = read_label_xml(source)
    try:
        if isinstance(labels, Integral):
            columns = _columns_by_count(table, labels)
        else:
            columns = _columns_by_name(table, labels)
        _check_kinds(table, columns)
    except ValueError as error:
        if given is None:  # it is a file that says so
            raise FileFormatError(source, str(error)) from error
        raise ValueError(f"{path}: {error}") from error
    if not edges:
        return columns, None
    position = {table.attributes[column].name: i for i, column in enumerate(columns)}
    pairs = [(position[parent], position[child]) for parent, child in edges]
    return columns, np.array(pairs, dtype=np.int64)


def read_target(path, table, columns):
    """Read the label columns as an indicator matrix.

    Parameters
    ----------
    path : Path
        The ARFF file, for messages.
    table : ArffData
        Its content.
    columns : ndarray of shape (n_labels,)
        The labels' columns.

    Returns
    -------
    target : sparse matrix of shape (n_samples, n_labels)
        CSR, int64; or float64 with NaN, where values are missing.

    Raises
    ------
    FileFormatError
        If a label has values other than 0 and 1.
    """
    target = table.matrix[:, columns]
    wrong = ~np.isin(target.data, (0, 1)) & ~np.isnan(target.data)
    if wrong.any():
        column = columns[target.indices[wrong][0]]
        raise FileFormatError(
            path,
            f"label {table.attributes[column].name!r} must have the values 0 and 1, or two "
            f"words such as no and yes; got {target.data[wrong][0]:g}.",
        )
    kind = np.float64 if np.isnan(target.data).any() else np.int64
    return sparse.csr_matrix(target.astype(kind))


def _sibling_xml(path):
    """MULAN's XML file that belongs to an ARFF file, or None.

    Of emotions-train.arff it is emotions-train.xml or emotions.xml, whichever there is.
    """
    stem = path.name.partition(".arff")[0]
    names = [
        other.stem
        for other in path.parent.glob("*.xml")
        if stem.startswith(other.stem) and _SUFFIX.match(stem[len(other.stem) :])
    ]
    if not names:
        return None
    found = path.with_name(f"{max(names, key=len)}.xml")
    # A link leads to where the link to the ARFF file leads, if to another folder at all.
    if found.resolve().parent != path.resolve().parent:
        check_inside(found, path.parent)
    return found


def _labels_within(path, table):
    """Number of labels that MEKA wrote into the relation's name, or KEEL's outputs."""
    options = table.relation.partition(":")[2]
    counts = _MEKA_OPTION.findall(options)
    if counts:
        return int(counts[-1])
    if table.outputs:
        return table.outputs
    raise FileFormatError(
        path,
        f"must say which attributes are labels: there is no {path.stem}.xml beside it, no "
        "option -C in its relation's name, and no @outputs; pass labels, as a number, a "
        "list of names or the path of an XML file.",
    )


def _columns_by_count(table, count):
    """Take the first columns, or the last ones if the count is negative."""
    n_attributes = len(table.attributes)
    if not 1 <= abs(count) <= n_attributes:
        raise ValueError(
            f"the number of labels must be from 1 to {n_attributes}, the number of "
            f"attributes, or negative for the last ones; got {count}."
        )
    columns = np.arange(n_attributes)
    return columns[:count] if count > 0 else columns[count:]


def _columns_by_name(table, names):
    """Find the columns of the named labels, in the order of the ARFF file."""
    names = list(names)
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"the labels' names must differ; got {repeated[:5]} twice.")
    known = {attribute.name for attribute in table.attributes}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(
            f"labels must name attributes of the ARFF file; got {unknown[:5]}."
        )
    wanted = set(names)
    return np.array([i for i, item in enumerate(table.attributes) if item.name in wanted])


def _check_kinds(table, columns):
    """Raise an error for labels that are neither numbers nor nominal."""
    for column in columns:
        attribute = table.attributes[column]
        if attribute.kind not in ("numeric", "nominal"):
            raise ValueError(
                f"label {attribute.name!r} must be nominal or numeric; it is "
                f"{attribute.kind}."
            )
