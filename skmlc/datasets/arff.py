"""Reading ARFF, the text format of Weka, MULAN, MEKA and KEEL: dense, sparse, relational.

``scipy.io.arff`` reads no sparse files and no strings, and takes rows that are too long;
liac-arff knows no relational attributes, dates, comments behind values or weights of rows,
and is slower. So this is a reader of its own. It goes through the file once and keeps only
what is not zero.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..compressed import open_data
from ..exceptions import FileFormatError
from .arff_rows import codes_by_text, nominal_codes, read_rows
from .arff_text import content_lines, split_cells, split_name, split_values, unquote

__all__ = [
    "ArffData",
    "Attribute",
    "codes_by_text",
    "is_arff",
    "nominal_codes",
    "read_arff",
]

_SUFFIX = re.compile(r"\.arff(\.gz|\.bz2|\.xz)?$", re.IGNORECASE)
_KEEL_SUFFIX = re.compile(r"\.dat(\.gz|\.bz2|\.xz)?$", re.IGNORECASE)
_KEYWORD = re.compile(r"@[a-z]+", re.IGNORECASE)
_KIND = re.compile(r"[a-z]*+", re.IGNORECASE)
_KINDS = {
    "numeric": "numeric",
    "real": "numeric",
    "integer": "numeric",
    "string": "string",
    "date": "string",
    "relational": "relational",
}


class Attribute(NamedTuple):
    """One column of an ARFF file."""

    name: str
    kind: str  # "numeric", "nominal", "string" or "relational"
    values: tuple = ()  # of a nominal attribute
    attributes: tuple = ()  # of a relational attribute


class ArffData(NamedTuple):
    """What an ARFF file holds, column by column."""

    relation: str
    attributes: list
    matrix: sparse.csr_array  # (n_rows, n_attributes), zero for string and relational
    strings: dict  # column -> list of str, None where one is missing
    bags: dict  # column -> list of arrays (n_instances, n_inner_attributes)
    weights: np.ndarray | None  # (n_rows,), where the file has some
    inputs: tuple  # names of attributes that KEEL's @inputs lists
    outputs: tuple  # names of attributes that KEEL's @outputs lists


def is_arff(path):
    """Tell ARFF and KEEL files from others, by their name or their beginning.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        Whether to read it with `read_arff`.
    """
    if _SUFFIX.search(path.name):
        return True
    if not _KEEL_SUFFIX.search(path.name):
        return False
    with open_data(path) as file:  # svmlight files may end in .dat too
        _, text = next(content_lines(file), (0, ""))
    return text.startswith("@")


def read_arff(path):
    r"""Read an ARFF file with dense or sparse rows and relational attributes.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed.

    Returns
    -------
    data : ArffData
        The relation's name, the attributes, the numeric and nominal values as a CSR
        array, the strings and bags by column, and the rows' weights. Missing values are
        NaN. A nominal value is coded as its number where all values of the attribute are
        numbers, as 0 or 1 where they are words such as no and yes, and else as its
        position. Dates stay texts.

    Raises
    ------
    FileFormatError
        If the file does not follow the format; the message names file and line.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.datasets.arff import read_arff
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "toy.arff")
    ...     _ = path.write_text(
    ...         "@relation toy\n@attribute size numeric\n@attribute red {no,yes}\n"
    ...         "@data\n2.5,no\n{1 yes}\n"
    ...     )
    ...     data = read_arff(path)
    >>> data.matrix.toarray()
    array([[2.5, 0. ],
           [0. , 1. ]])
    """
    path = Path(path)
    with open_data(path) as file:
        header = _Header(path)
        lines = header.read(content_lines(file))
        matrix, strings, bags, weights = read_rows(path, lines, header.attributes)
    return ArffData(
        relation=header.relation or "",
        attributes=header.attributes,
        matrix=matrix,
        strings=strings,
        bags=bags,
        weights=weights,
        inputs=tuple(header.roles["inputs"]),
        outputs=tuple(header.roles["outputs"]),
    )


class _Header:
    """Reads the lines up to @data: name of the relation, attributes, inputs and outputs."""

    def __init__(self, path):
        self.path, self.relation = path, None
        self.attributes = []
        self.bag = None  # name and attributes of the relational attribute that is open
        self.names = set()
        self.roles = {"inputs": [], "outputs": []}

    def read(self, lines):
        """Read the header, and return the lines of the data."""
        number = 0
        for number, line in lines:
            try:
                keyword = _KEYWORD.match(line)
                keyword = keyword[0].lower() if keyword else ""
                rest = line[len(keyword) :].strip()
                if keyword == "@data":
                    self._finish()
                    return _with_first(number, rest, lines)
                self._read_line(keyword, rest, line)
            except ValueError as error:
                raise FileFormatError(self.path, str(error), f"line {number}") from error
        raise FileFormatError(
            self.path, "an ARFF file must have a line @data; it has none.", f"line {number}"
        )

    def _read_line(self, keyword, rest, line):
        """Read one line."""
        if keyword == "@relation":
            if self.relation is not None:
                raise ValueError("expected one @relation; this is another.")
            self.relation = unquote(rest)
        elif keyword == "@attribute":
            self._read_attribute(rest)
        elif keyword == "@end":
            self._close_bag(rest)
        elif keyword in ("@inputs", "@input", "@outputs", "@output"):
            names = [unquote(cell) for cell in split_cells(rest)]
            self.roles[keyword[1:].rstrip("s") + "s"] += names
        else:
            raise ValueError(
                f"expected @relation, @attribute, @end or @data; got {line[:40]!r}."
            )

    def _read_attribute(self, text):
        """Read name and type of an attribute."""
        name, kind = split_name(text)
        attribute = _make_attribute(name, kind)
        if self.bag is None:
            self._check_name(name, self.names)
            if attribute.kind == "relational":
                self.bag = (name, [])
            else:
                self.attributes.append(attribute)
            return
        bag_name, inner = self.bag
        if attribute.kind not in ("numeric", "nominal"):
            raise ValueError(
                f"attributes within {bag_name!r} must be numeric or nominal; {name!r} is "
                f"{attribute.kind}."
            )
        self._check_name((bag_name, name), self.names)
        inner.append(attribute)

    def _check_name(self, name, names):
        """Refuse a name that is there already."""
        if name in names:
            raise ValueError(f"attributes must have different names; got {name!r} again.")
        names.add(name)

    def _close_bag(self, text):
        """Add the relational attribute that has been read."""
        name = unquote(text)
        if self.bag is None or name.lower() != self.bag[0].lower():
            wanted = "no @end" if self.bag is None else f"@end {self.bag[0]}"
            raise ValueError(f"expected {wanted} here; got @end {name[:40]}.")
        name, inner = self.bag
        self.attributes.append(Attribute(name, "relational", (), tuple(inner)))
        self.bag = None

    def _finish(self):
        """Check what has to be complete before the data."""
        if self.bag is not None:
            raise ValueError(f"expected @end {self.bag[0]} before @data.")
        if not self.attributes:
            raise ValueError("expected attributes before @data; there are none.")
        names = {attribute.name for attribute in self.attributes}
        for role, listed in self.roles.items():
            unknown = [name for name in listed if name not in names]
            if unknown or len(set(listed)) < len(listed):
                raise ValueError(
                    f"@{role} must name attributes of the file, each once; got "
                    f"{unknown[:5] or 'a name twice'}."
                )


def _with_first(number, rest, lines):
    """The lines of the data; the first row may stand behind @data."""
    if rest:
        yield number, rest
    yield from lines


def _make_attribute(name, kind):
    """Make an attribute of its name and the text of its type."""
    if kind.startswith("{"):
        values = split_values(kind)
        if len(set(values)) < len(values):
            raise ValueError(f"the values of attribute {name!r} must differ.")
        return Attribute(name, "nominal", tuple(values))
    # KEEL writes a range behind the type, real[0, 1], and Weka a format behind dates.
    found = _KINDS.get(_KIND.match(kind)[0].lower())
    if found is None:
        raise ValueError(
            f"attribute {name!r} must be numeric, nominal, string, date or relational; got "
            f"{kind[:40]!r}."
        )
    return Attribute(name, found)
