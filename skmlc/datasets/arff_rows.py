"""The data section of ARFF files: rows, dense or sparse, to a matrix, texts and bags."""

from array import array

import numpy as np
from scipy import sparse

from ..exceptions import FileFormatError
from .arff_text import (
    parse_number,
    split_cells,
    split_pairs,
    split_weight,
    uncommented,
    unquote,
)
from .confined import check_size

_MISSING = ("?", "<null>")  # of Weka, and of KEEL
# Weka's order of two nominal values says nothing: MULAN has {0,1} and {YES,NO}.
_NO = {"0", "no", "n", "false", "f", "neg", "negative", "absent"}
_YES = {"1", "yes", "y", "true", "t", "pos", "positive", "present"}


class RowReader:
    """Turns the lines of a data section into codes, and keeps those that are not zero.

    Parameters
    ----------
    path : Path
        The file, for messages.
    attributes : sequence of Attribute
        Its columns.

    Attributes
    ----------
    strings : dict
        From the columns of strings to their texts; None where one is missing.
    bags : dict
        From the relational columns to their bags, arrays of shape (n_instances, n_inner).
    """

    def __init__(self, path, attributes):
        self.path, self.attributes = path, attributes
        self.inner = {
            column: RowReader(path, attribute.attributes)
            for column, attribute in enumerate(attributes)
            if attribute.kind == "relational"
        }
        self.bags = {column: [] for column in self.inner}
        self.strings = {
            column: [] for column, item in enumerate(attributes) if item.kind == "string"
        }
        self.codes = _shared_codes(attributes)
        # A row without strings, bags and oddities is read by these alone.
        self.quick = [float if codes is None else codes.__getitem__ for codes in self.codes]
        self.has_only_codes = not (self.bags or self.strings)
        # Weka leaves out the first nominal value of a sparse row, whatever its code.
        firsts = {
            column: codes[attributes[column].values[0]] if codes else np.nan
            for column, codes in enumerate(self.codes)
            if codes is not None
        }
        left_out = {column: code for column, code in firsts.items() if code != 0}
        self.left_out = np.array([*left_out], dtype=np.int64)
        self.left_out_codes = np.array([*left_out.values()], dtype=np.float64)
        self.clear()

    def clear(self):
        """Forget all rows but strings and bags."""
        # Arrays, not lists: a row of two bytes must not take hundreds.
        self.columns, self.values = array("q"), array("d")
        self.ends = array("q", [0])
        self.weights = {}  # from row to weight, where one is given
        self.n_left_out = 0

    def read(self, line):
        """Read one line, dense or sparse.

        Parameters
        ----------
        line : str
            The line, without comments and without blanks around it.

        Raises
        ------
        ValueError
            If it is not a row of the attributes.
        """
        weight = None
        if line.endswith("}"):
            line, weight = split_weight(line)
        if line.startswith("{") and line.endswith("}"):
            columns, values = self._read_sparse(line[1:-1])
        else:
            values = self._read_dense(line)
            columns = np.flatnonzero(values)
            values = values[columns]
        self.columns.frombytes(columns.tobytes())
        self.values.frombytes(values.tobytes())
        self.ends.append(len(self.columns))
        if weight is not None and weight < 0:
            raise ValueError(f"expected a weight of at least 0; got {weight:g}.")
        if weight is not None:
            self.weights[len(self.ends) - 2] = weight

    def _read_dense(self, line):
        """Codes of a line with one value per attribute."""
        cells = split_cells(line, len(self.attributes))
        if len(cells) != len(self.attributes):
            raise ValueError(
                f"expected {len(self.attributes)} values, one per attribute; got "
                f"{len(cells)}."
            )
        return self._encode(line, range(len(cells)), cells)

    def _read_sparse(self, line):
        """Columns and codes that are not zero, of a line {column value, column value, ...}."""
        columns, cells = split_pairs(line)
        n_columns = len(self.attributes)
        if columns and max(columns) >= n_columns:
            raise ValueError(
                f"expected columns from 0 to {n_columns - 1}; got {max(columns)}."
            )
        given = set(columns)
        if len(given) < len(columns):
            repeated = next(column for column in given if columns.count(column) > 1)
            raise ValueError(f"expected each column once; got {repeated} again.")
        for column in (*self.bags, *self.strings):
            if column not in given:
                name = self.attributes[column].name
                raise ValueError(f"expected a value of attribute {name!r}; it is left out.")
        values = self._encode(line, columns, cells)
        columns = np.array(columns, dtype=np.int64)
        if len(self.left_out):
            more = ~np.isin(self.left_out, columns)
            self.n_left_out += np.count_nonzero(more)
            check_size(self.path, (self.n_left_out,), "values that sparse rows leave out")
            columns = np.concatenate([columns, self.left_out[more]])
            values = np.concatenate([values, self.left_out_codes[more]])
        order = np.argsort(columns, kind="stable")
        order = order[values[order] != 0]
        return columns[order], values[order]

    def _encode(self, line, columns, cells):
        """Codes of the cells of one line."""
        # float takes 1_000 and the digits of all alphabets.
        if self.has_only_codes and "_" not in line and line.isascii():
            quick = self.quick
            try:
                values = np.array(
                    [quick[c](cell) for c, cell in zip(columns, cells)], float
                )
                if np.isfinite(values).all():
                    return values
            except (KeyError, ValueError):  # a missing value, quotes, or a mistake
                pass
        codes = [self._encode_cell(column, cell) for column, cell in zip(columns, cells)]
        return np.array(codes, dtype=np.float64)

    def _encode_cell(self, column, cell):
        """Code of one cell; strings and bags are put aside."""
        codes, text = self.codes[column], unquote(cell)
        if column in self.bags:
            self.bags[column].append(self._read_bag(column, cell, text))
            return 0.0
        if column in self.strings:
            self.strings[column].append(None if cell == "?" else text)
            return 0.0
        if codes is not None and text in codes and cell != "?":
            return codes[text]
        if cell in _MISSING:
            return np.nan
        if codes is None:
            return parse_number(text)
        return self._find_number(column, text)

    def _find_number(self, column, text):
        """Code of a number that the attribute declares in another spelling, as 1 for 1.0."""
        attribute = self.attributes[column]
        if nominal_codes(attribute) is None:
            try:
                number = parse_number(text)
            except ValueError:
                number = None
            if number in self.codes[column].values():
                return number
        values = ", ".join(attribute.values[:10])
        values += ", ..." if len(attribute.values) > 10 else ""
        raise ValueError(
            f"expected one of {values} for attribute {attribute.name!r}; got {text[:40]!r}."
        )

    def _read_bag(self, column, cell, text):
        """Instances of a bag, (n_instances, n_inner_attributes), from its quoted rows."""
        name, reader = self.attributes[column].name, self.inner[column]
        if cell == "?":
            raise ValueError(f"expected the rows of {name!r}; got a missing value.")
        reader.clear()
        for row, line in enumerate(text.split("\n"), start=1):
            line = uncommented(line)
            try:
                if line:
                    reader.read(line)
            except ValueError as error:
                raise ValueError(f"row {row} of {name!r}: {error}") from error
        if reader.weights:
            raise ValueError(f"rows of {name!r} must have no weights.")
        matrix = reader.matrix()
        check_size(self.path, matrix.shape, f"rows of {name!r}")
        return matrix.toarray()

    def matrix(self):
        """Put all rows together.

        Returns
        -------
        matrix : CSR array of shape (n_rows, n_attributes)
            The codes; zero in the columns of strings and bags.
        """
        indices, ends = (np.array(a, dtype=np.int64) for a in (self.columns, self.ends))
        shape = (len(ends) - 1, len(self.attributes))
        return sparse.csr_array((np.array(self.values), indices, ends), shape=shape)

    def sample_weight(self):
        """Put the weights of all rows together.

        Returns
        -------
        weights : ndarray of shape (n_rows,) or None
            The weights, 1 where a row has none; None where no row has one.
        """
        if not self.weights:
            return None
        weights = np.ones(len(self.ends) - 1)
        weights[list(self.weights)] = list(self.weights.values())
        return weights


def read_rows(path, lines, attributes):
    """Read the data section of an ARFF file.

    Parameters
    ----------
    path : Path
        The file, for messages.
    lines : iterable of (int, str)
        Number and text of its lines.
    attributes : sequence of Attribute
        The columns.

    Returns
    -------
    matrix : CSR array of shape (n_rows, n_attributes)
        The codes.
    strings, bags : dict
        Columns of strings and of bags.
    weights : ndarray of shape (n_rows,) or None
        The rows' weights, where the file has some.

    Raises
    ------
    FileFormatError
        If a line is not as it should be.
    """
    reader = RowReader(path, attributes)
    for number, line in lines:
        try:
            reader.read(line)
        except FileFormatError:
            raise
        except ValueError as error:
            raise FileFormatError(path, str(error), f"line {number}") from error
    return reader.matrix(), reader.strings, reader.bags, reader.sample_weight()


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
        [parse_number(value) for value in attribute.values]
    except ValueError:
        return _word_codes(attribute.values)
    return None


def codes_by_text(attribute):
    """Give the code of each value of a nominal attribute, also where these are numbers.

    Parameters
    ----------
    attribute : Attribute
        A column of an ARFF file.

    Returns
    -------
    codes : dict or None
        From value to code; None where the attribute is not nominal.
    """
    if attribute.kind != "nominal":
        return None
    codes = nominal_codes(attribute)
    return {value: float(value) for value in attribute.values} if codes is None else codes


def _shared_codes(attributes):
    """Codes of each attribute; thousands of them have the same two values."""
    distinct = {a.values: a for a in attributes if a.kind == "nominal"}
    codes = {values: codes_by_text(attribute) for values, attribute in distinct.items()}
    return [codes[a.values] if a.kind == "nominal" else None for a in attributes]


def _word_codes(values):
    """Positions of the values, except that no is 0 and yes 1 also where yes is first."""
    words = [value.lower() for value in values]
    codes = range(len(words))
    if len(words) == 2 and words[0] in _YES and words[1] in _NO:
        codes = (1, 0)
    return {value: float(code) for value, code in zip(values, codes)}
