"""Reading the edges of a label graph from a text file."""

import codecs
import csv
import re
from collections import Counter
from numbers import Integral

import numpy as np
from scipy import sparse

from .._spelling import check_choice
from ..compressed import open_data
from ..exceptions import FileFormatError

__all__ = ["read_edge_list"]

# What pandas, networkx and STRING write above columns of names.
_HEADINGS = {"source", "target", "from", "to", "node1", "node2", "protein1", "protein2"}
_COMMENTS = (b"#", b"%")
# What networkx writes for the attributes of an edge: none, or its weight.
_ATTRIBUTES = re.compile(r"\{(?:'weight': ([^,]*))?\}")


def read_edge_list(path, labels, *, directed=False, unknown="error"):
    r"""Read a label graph from a file with one edge per line.

    A line holds two names and, if the edges have weights, a third column with the weight.
    Columns are separated by tabs, commas or spaces, whichever the first edge has; names with
    spaces need one of the others.  Blank lines and lines that begin with ``#`` or ``%`` are
    left out, and so is a first line of headings.  These are the files of protein networks,
    such as STRING's, and those that networkx and pandas write.

    Parameters
    ----------
    path : str or path-like
        The file, UTF-8, plain or compressed (gzip, bzip2, xz).
    labels : sequence of str or int
        The names of the labels, in the order of the columns of y; or their number, where the
        file numbers them from 0.
    directed : bool, default=False
        Whether "a b" is an edge from a to b alone, so that b receives from a.  By default an
        edge has no direction, and may be given once or both ways round.
    unknown : {"error", "ignore"}, default="error"
        What to do with edges of names that are not labels: raise an error, or leave them out,
        as a network of all proteins may have many.

    Returns
    -------
    adjacency : csr_array of shape (n_labels, n_labels)
        Label i receives from label j where entry (i, j) is not zero; pass it as
        `label_graph`.  Edges of a label to itself are left out.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If a line is not of this form, an edge is given twice with different weights, or no
        edge is between labels.

    See Also
    --------
    HierarchyGraph : Connect the parents and children of a label hierarchy.
    KnowledgeGraph : Connect labels by relations, and by concepts beyond them.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.graphs import read_edge_list
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "network.tsv")
    ...     _ = path.write_text("# who meets whom\ncat\tdog\t0.5\ncat\tcow\t2\n")
    ...     adjacency = read_edge_list(path, ["cat", "cow", "dog"])
    >>> adjacency.toarray()
    array([[0. , 2. , 0.5],
           [2. , 0. , 0. ],
           [0.5, 0. , 0. ]])
    """
    check_choice(unknown, ("error", "ignore"), "unknown")
    index = _index_of(labels)
    edges, n_lines = {}, 0
    with open_data(path) as file:
        for place, source, receiver, weight in _read_lines(path, file, index):
            n_lines += 1
            if source not in index or receiver not in index:
                if unknown == "error":
                    name = source if source not in index else receiver
                    raise FileFormatError(
                        path,
                        f"must hold edges between labels; {name[:40]!r} is none: correct the "
                        "names, or pass unknown='ignore' to leave such edges out.",
                        place,
                    )
                continue
            ends = (index[source], index[receiver])
            ends = ends if directed else tuple(sorted(ends))
            if edges.setdefault(ends, weight) != weight:
                raise FileFormatError(
                    path, f"gives an edge again, with the weight {weight:g} in place of "
                    f"{edges[ends]:g}.", place,
                )  # fmt: skip
    if not edges:
        raise FileFormatError(
            path, f"must hold edges between labels; of its {n_lines} edges none is."
        )
    return _to_adjacency(edges, len(index), directed)


def _index_of(labels):
    """Return the index of each label by name."""
    if isinstance(labels, Integral) and not isinstance(labels, bool):
        return {str(label): label for label in range(labels)}
    if isinstance(labels, str) or not np.iterable(labels):
        raise TypeError(f"labels must be names of labels, or their number; got {labels!r}.")
    names = [str(name) for name in labels]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"labels must differ from each other; got {repeated[:5]} twice.")
    return {name: i for i, name in enumerate(names)}


def _read_lines(path, file, index):
    """Yield the place of each edge, its two names and its weight."""
    separator, is_first = None, True
    for number, line in enumerate(file, start=1):
        line = line.strip(b"\r\n")
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if not line.strip() or line.lstrip().startswith(_COMMENTS):
            continue
        place = f"line {number}"
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise FileFormatError(path, f"must be UTF-8; {error}.", place) from error
        if is_first:
            separator = next((mark for mark in "\t," if mark in text), None)
        fields = _split(text, separator)
        weight = _read_weight(fields[2]) if len(fields) == 3 else 1.0
        if is_first and _is_heading(fields, weight, index):
            is_first = False
            continue
        is_first = False
        if len(fields) not in (2, 3) or weight is None or not all(fields):
            raise FileFormatError(
                path,
                "must hold two names and at most a weight, a finite number, separated by "
                f"tabs, commas or spaces; got {text[:60]!r}.",
                place,
            )
        yield place, fields[0], fields[1], weight


def _split(text, separator):
    """Return the columns of a line."""
    if separator is None:
        return text.split(None, 2)  # the attributes of networkx hold spaces
    if '"' in text:
        try:
            [fields] = csv.reader([text], delimiter=separator, strict=True)
        except csv.Error:
            return []
    else:
        fields = text.split(separator)
    return [field.strip() for field in fields]


def _read_weight(field):
    """Return the weight of an edge, or None if this is none."""
    attributes = _ATTRIBUTES.fullmatch(field)
    written = field if attributes is None else attributes[1] or "1"
    try:
        weight = float(written)
    except ValueError:
        return None
    return weight if np.isfinite(weight) and "_" not in written else None


def _is_heading(fields, weight, index):
    """Return whether a first line names its columns."""
    if len(fields) == 3 and weight is None:
        return fields[0] not in index and fields[1] not in index
    names = [field.lower() for field in fields]
    return len(names) == 2 and _HEADINGS.issuperset(names) and fields[0] not in index


def _to_adjacency(edges, n_labels, directed):
    """Return the matrix of edges with weights."""
    ends = np.array(list(edges), dtype=np.int64)
    weights = np.array(list(edges.values()))
    sources, receivers = ends[ends[:, 0] != ends[:, 1]].T
    weights = weights[ends[:, 0] != ends[:, 1]]
    if not directed:
        sources, receivers = np.append(sources, receivers), np.append(receivers, sources)
        weights = np.append(weights, weights)
    adjacency = sparse.csr_array(
        (weights, (receivers, sources)), shape=(n_labels, n_labels)
    )
    adjacency.eliminate_zeros()
    return adjacency
