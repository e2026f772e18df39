"""Which attributes of an ARFF file are labels: the conventions of MULAN and MEKA.

MULAN lists the labels in an XML file next to the ARFF file; MEKA writes their number into
the relation's name, ``-C 6`` for the first six attributes and ``-C -6`` for the last six.
"""

import os
import re
from collections import Counter
from numbers import Integral
from xml.etree import ElementTree

import numpy as np
from scipy import sparse

_MEKA_OPTION = re.compile(r":.*-C\s+(-?\d+)")
_SPLIT_SUFFIX = re.compile(r"[-_.]?(train|test|valid|dev)([-_.]?\d+)?$", re.IGNORECASE)


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
    ValueError
        If the file is not XML or names no label.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} must be a MULAN label file in XML; {error}.") from error
    names, edges = [], []
    stack = [(root, None)]
    while stack:
        element, parent = stack.pop(0)
        name = element.get("name")
        if element.tag.rpartition("}")[2] == "label" and name is not None:
            names.append(name)
            if parent is not None:
                edges.append((parent, name))
            parent = name
        stack[:0] = [(child, parent) for child in element]  # in document order
    if not names:
        raise ValueError(f'{path} must hold elements <label name="...">; it has none.')
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
        or without a suffix such as ``-train``, or else what MEKA's option ``-C`` says.

    Returns
    -------
    columns : ndarray of shape (n_labels,)
        The labels' columns, in the order of the ARFF file.
    hierarchy : ndarray of shape (n_edges, 2) or None
        Pairs of label indices (parent, child) where the XML file nests the labels.

    Raises
    ------
    ValueError
        If the labels cannot be found.
    """
    if labels is None:
        labels = _sibling_xml(path)
    if labels is None:
        labels = _meka_count(path, table)
    if isinstance(labels, Integral):
        return _columns_by_count(path, table, labels), None
    edges = []
    if isinstance(labels, (str, os.PathLike)):
        labels, edges = read_label_xml(labels)
    columns = _columns_by_name(path, table, labels)
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
    ValueError
        If a label has values other than 0 and 1.
    """
    target = table.matrix[:, columns]
    wrong = ~np.isin(target.data, (0, 1)) & ~np.isnan(target.data)
    if wrong.any():
        column = columns[target.indices[wrong][0]]
        raise ValueError(
            f"{path}: label {table.attributes[column].name!r} must have the values 0 and "
            f"1, or two words such as no and yes; got {target.data[wrong][0]:g}."
        )
    kind = np.float64 if np.isnan(target.data).any() else np.int64
    return sparse.csr_matrix(target.astype(kind))


def _sibling_xml(path):
    """MULAN's XML file that belongs to an ARFF file, or None."""
    for stem in (path.stem, _SPLIT_SUFFIX.sub("", path.stem)):
        candidate = path.with_name(f"{stem}.xml")
        if candidate.exists():
            return candidate
    return None


def _meka_count(path, table):
    """Read the number of labels that MEKA wrote into the relation's name."""
    match = _MEKA_OPTION.search(table.relation)
    if match is None:
        raise ValueError(
            f"{path} does not say which attributes are labels: there is no "
            f"{path.stem}.xml beside it, and no option -C in its relation's name; pass "
            "labels, as a number, a list of names or the path of an XML file."
        )
    return int(match[1])


def _columns_by_count(path, table, count):
    """Take the first columns, or the last ones if the count is negative."""
    n_attributes = len(table.attributes)
    if not 1 <= abs(count) <= n_attributes:
        raise ValueError(
            f"{path}: the number of labels must be from 1 to {n_attributes}, the number "
            f"of attributes, or negative for the last ones; got {count}."
        )
    columns = np.arange(n_attributes)
    columns = columns[:count] if count > 0 else columns[count:]
    return _check_kinds(path, table, columns)


def _columns_by_name(path, table, names):
    """Find the columns of the named labels, in the order of the ARFF file."""
    names = list(names)
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"{path}: the labels' names must differ; got {repeated} twice.")
    known = {attribute.name for attribute in table.attributes}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(
            f"{path}: labels must name attributes of the file; got {unknown[:5]}."
        )
    wanted = set(names)
    columns = [i for i, item in enumerate(table.attributes) if item.name in wanted]
    return _check_kinds(path, table, np.array(columns))


def _check_kinds(path, table, columns):
    """Raise an error for labels that are neither numbers nor nominal."""
    for column in columns:
        attribute = table.attributes[column]
        if attribute.kind not in ("numeric", "nominal"):
            raise ValueError(
                f"{path}: label {attribute.name!r} must be nominal or numeric; it is "
                f"{attribute.kind}."
            )
    return columns
