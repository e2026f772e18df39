"""Reading ARFF, the text format of Weka, MULAN and MEKA: dense, sparse and relational.

``scipy.io.arff`` reads no sparse files and scikit-learn's reader is private and knows no
relational attributes, so this is a reader of its own. It goes through the file once and
keeps only what is not zero.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

# A value in quotes, with escapes, or anything up to the next comma.
_QUOTED = r"""'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*\""""
_VALUE = re.compile(rf"\s*({_QUOTED}|[^,]*?)\s*(,|$)", re.DOTALL)
_PAIR = re.compile(rf"\s*(\d+)\s+({_QUOTED}|[^,]*?)\s*(,|$)", re.DOTALL)
_ATTRIBUTE = re.compile(rf"({_QUOTED}|[^\s{{]+)\s*(.+)", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}

_NUMERIC = ("numeric", "real", "integer")
_MISSING = "?"
# Weka's order of two nominal values says nothing: MULAN has {0,1} and {YES,NO}.
_NO = {"0", "no", "n", "false", "f", "neg", "negative", "absent"}
_YES = {"1", "yes", "y", "true", "t", "pos", "positive", "present"}


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
    strings: dict  # column -> list of str
    bags: dict  # column -> list of arrays (n_instances, n_inner_attributes)


def read_arff(path):
    r"""Read an ARFF file with dense or sparse rows and relational attributes.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    data : ArffData
        The relation's name, the attributes, the numeric and nominal values as a CSR
        array, and the strings and bags by column. Missing values are NaN. A nominal
        value is coded as its number where all values of the attribute are numbers, as
        0 or 1 where they are words such as no and yes, and else as its position.

    Raises
    ------
    ValueError
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
    with path.open("rb") as file:
        lines = _content_lines(file)
        relation, attributes = _read_header(path, lines)
        return ArffData(relation, attributes, *_read_rows(path, lines, attributes))


def _content_lines(file):
    """Number and text of the lines that are neither empty nor comments."""
    for number, line in enumerate(file, start=1):
        try:
            text = line.decode("utf-8-sig").strip()
        except UnicodeDecodeError:  # older files are Latin-1
            text = line.decode("latin-1").strip()
        if text and not text.startswith("%"):
            yield number, text


def _read_header(path, lines):
    """Name of the relation, and attributes, up to the line @data."""
    relation, levels = "", [[]]
    names = []  # of the relational attributes that are open
    for number, line in lines:
        keyword, rest = [*line.split(None, 1), ""][:2]
        keyword = keyword.lower()
        if keyword == "@data":
            return relation, levels[0]
        if keyword == "@relation":
            relation = _unquote(rest)
        elif keyword == "@end" and names:
            inner = tuple(levels.pop())
            levels[-1].append(Attribute(names.pop(), "relational", (), inner))
        elif keyword == "@attribute":
            attribute = _parse_attribute(path, number, rest)
            if attribute.kind == "relational":
                names.append(attribute.name)
                levels.append([])
            else:
                levels[-1].append(attribute)
        else:
            raise ValueError(
                f"{path}, line {number}: expected @relation, @attribute, @end or @data; "
                f"got {line[:40]!r}."
            )
    raise ValueError(f"{path} must be an ARFF file with a line @data; it has none.")


def _parse_attribute(path, number, text):
    """Name and type of an attribute."""
    match = _ATTRIBUTE.match(text)
    if match is None:
        raise ValueError(
            f"{path}, line {number}: expected the name and the type of an attribute; "
            f"got {text[:40]!r}."
        )
    name, kind = _unquote(match[1]), match[2].strip()
    if kind.startswith("{") and kind.endswith("}"):
        values = _split(kind[1:-1])
        return Attribute(name, "nominal", tuple(_unquote(value) for value in values))
    kind = kind.split()[0].lower()
    if kind in _NUMERIC:
        return Attribute(name, "numeric")
    if kind in ("string", "date"):
        return Attribute(name, "string")
    if kind == "relational":
        return Attribute(name, "relational")
    raise ValueError(
        f"{path}, line {number}: attribute {name!r} must be numeric, nominal, string, "
        f"date or relational; got {kind[:40]!r}."
    )


def _read_rows(path, lines, attributes):
    """The data section: matrix, strings and bags."""
    reader = _RowReader(attributes)
    for number, line in lines:
        try:
            reader.read(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
    return reader.matrix(), reader.strings, reader.bags


class _RowReader:
    """Turns lines of a data section into codes and keeps those that are not zero."""

    def __init__(self, attributes):
        self.attributes = attributes
        self.codes = [nominal_codes(attribute) for attribute in attributes]
        self.bags = {}
        self.strings = {}
        for column, attribute in enumerate(attributes):
            if attribute.kind == "relational":
                self.bags[column] = []
            elif attribute.kind == "string":
                self.strings[column] = []
        # Without words, bags and strings a line is read at once: most files are large.
        self.all_numbers = not (self.bags or self.strings or any(self.codes))
        # Weka leaves out the first nominal value of a sparse row, whatever its code.
        self.left_out = {
            column: code
            for column, attribute in enumerate(attributes)
            if attribute.kind == "nominal"
            and (code := self._encode(column, attribute.values[0])) != 0
        }
        self.columns, self.values = [], []

    def read(self, line):
        """Read one line, dense or sparse."""
        if line.startswith("{") and line.endswith("}"):
            columns, values = self._read_sparse(line[1:-1])
        else:
            columns, values = self._read_dense(line)
        kept = values != 0
        self.columns.append(columns[kept])
        self.values.append(values[kept])

    def _read_dense(self, line):
        """Columns and codes of a line with one value per attribute."""
        tokens = _split(line)
        if len(tokens) != len(self.attributes):
            raise ValueError(
                f"expected {len(self.attributes)} values, one per attribute; got "
                f"{len(tokens)}."
            )
        return np.arange(len(tokens)), self._encode_all(range(len(tokens)), tokens)

    def _read_sparse(self, line):
        """Columns and codes of a line {column value, column value, ...}."""
        columns, tokens = _split_pairs(line)
        n_columns = len(self.attributes)
        if columns and not 0 <= min(columns) <= max(columns) < n_columns:
            raise ValueError(f"expected columns from 0 to {n_columns - 1}; got {line!r}.")
        absent = (self.bags.keys() | self.strings.keys()).difference(columns)
        if absent:
            name = self.attributes[min(absent)].name
            raise ValueError(f"expected a value of attribute {name!r}; it is left out.")
        values = self._encode_all(columns, tokens)
        more = {c: code for c, code in self.left_out.items() if c not in columns}
        columns = np.array([*columns, *more], dtype=np.int64)
        return columns, np.append(values, list(more.values()))

    def _encode_all(self, columns, tokens):
        """Codes of the values of one line."""
        if self.all_numbers:
            with suppress(ValueError):  # a missing value, quotes, or a mistake
                return np.array(list(map(float, tokens)))
        codes = [self._encode(column, token) for column, token in zip(columns, tokens)]
        return np.array(codes, dtype=np.float64)

    def _encode(self, column, token):
        """Code of one value; strings and bags are put aside."""
        if column in self.bags:
            self.bags[column].append(_read_bag(token, self.attributes[column]))
            return 0.0
        if column in self.strings:
            self.strings[column].append(_unquote(token))
            return 0.0
        token = _unquote(token)
        if token == _MISSING:
            return np.nan
        if self.codes[column] is None:
            return float(token)
        if token not in self.codes[column]:
            attribute = self.attributes[column]
            raise ValueError(
                f"expected one of {list(attribute.values)} for attribute "
                f"{attribute.name!r}; got {token!r}."
            )
        return self.codes[column][token]

    def matrix(self):
        """All rows read so far, as a CSR array."""
        offsets = np.cumsum([0] + [len(columns) for columns in self.columns])
        empty = np.zeros(0, dtype=np.int64)
        indices = np.concatenate([empty, *self.columns])
        values = np.concatenate([empty.astype(np.float64), *self.values])
        shape = (len(self.columns), len(self.attributes))
        matrix = sparse.csr_array((values, indices, offsets), shape=shape)
        matrix.sort_indices()
        return matrix


def _read_bag(token, attribute):
    """Instances of a bag, (n_instances, n_inner_attributes), from its quoted rows."""
    reader = _RowReader(attribute.attributes)
    for line in _unquote(token).split("\n"):
        if line.strip():
            reader.read(line.strip())
    return reader.matrix().toarray()


def nominal_codes(attribute):
    """Give the code of each value of a nominal attribute.

    Parameters
    ----------
    attribute : Attribute
        A column of an ARFF file.

    Returns
    -------
    codes : dict or None
        From value to code; None where the values are numbers themselves.
    """
    if attribute.kind != "nominal":
        return None
    try:
        [float(value) for value in attribute.values]
    except ValueError:
        return _word_codes(attribute.values)
    return None


def _word_codes(values):
    """Positions of the values, except that no is 0 and yes 1 also where yes is first."""
    words = [value.lower() for value in values]
    codes = range(len(words))
    if len(words) == 2 and words[0] in _YES and words[1] in _NO:
        codes = (1, 0)
    return {value: float(code) for value, code in zip(values, codes)}


def _split(text):
    """Split a row at its commas, where they are not within quotes."""
    if "'" not in text and '"' not in text:
        return text.split(",")
    return [match[1] for match in _matches(_VALUE, text)]


def _split_pairs(text):
    """Columns and values of a sparse row."""
    if "'" not in text and '"' not in text:
        words = [word for pair in text.split(",") for word in pair.split(None, 1)]
        if len(words) % 2 or (text.strip() and len(words) != 2 * text.count(",") + 2):
            raise ValueError("expected pairs of a column and a value.")
        return [int(word) for word in words[::2]], words[1::2]
    pairs = [(int(match[1]), match[2]) for match in _matches(_PAIR, text)]
    return [column for column, _ in pairs], [token for _, token in pairs]


def _matches(pattern, text):
    """Matches of a pattern one after the other, up to the end of the text."""
    position = 0
    while True:
        match = pattern.match(text, position)
        if match is None:
            raise ValueError(f"cannot read {text[position : position + 40]!r}.")
        yield match
        position = match.end()
        if not match[match.lastindex]:  # no comma: this was the last one
            return


def _unquote(token):
    """Take off spaces and quotes, and read what is escaped within."""
    token = token.strip()
    if len(token) < 2 or token[0] not in "'\"" or token[-1] != token[0]:
        return token
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), token[1:-1])
