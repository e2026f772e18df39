"""The text of ARFF files: lines and comments, quotes and escapes, cells and numbers.

It follows Weka's own reader. Within quotes a backslash escapes; outside of them a percent
sign begins a comment, and cells stand between commas or, in rows without, between blanks.
More is allowed than by Weka where it leaves no doubt: blanks and quotation marks within an
unquoted cell between commas.
"""

import re

_BLANK = " \t\n\r\f\v"
_B = r"[ \t\n\r\f\v]"
# Possessive, so that no text takes longer than its length: 'a ... in quotes'.
_QUOTED = r"""(?:'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")"""  # with escapes
_CELL = re.compile(rf"{_B}*+({_QUOTED}|(?!['\"])[^,]*+){_B}*+(,|\Z)", re.DOTALL)
_WORD = re.compile(
    rf"({_QUOTED}|(?!['\"])[^, \t\n\r\f\v]++)({_B}*+,{_B}*+|{_B}++|\Z)", re.DOTALL
)
_PAIR = re.compile(
    rf"{_B}*+([0-9]++{_B}++(?:{_QUOTED}|(?!['\"])[^,]*+)){_B}*+(,|\Z)", re.DOTALL
)
# Up to a comment; a quotation mark within a word begins no quote.
_CONTENT = re.compile(rf"(?:(?<![^,{{ \t\r\f\v]){_QUOTED}|[^%'\"]++|['\"])*+", re.DOTALL)
_BRACES = re.compile(rf"\{{((?:(?<=[,{{ \t\r\f\v]){_QUOTED}|[^}}])*+)\}}", re.DOTALL)
_NAME = re.compile(rf"({_QUOTED}|(?!['\"])[^{{ \t\n\r\f\v]++){_B}*+", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3]?[0-7]{1,2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def content_lines(file):
    """Go through the lines of a file that are neither empty nor comments.

    Parameters
    ----------
    file : binary file
        An ARFF file.

    Yields
    ------
    number : int
        The line's number, from 1.
    text : str
        The line, without comments and without blanks around it.
    """
    number = 0
    for line in file:
        for part in line.rstrip(b"\r\n").split(b"\r"):  # old Macs end lines by \r alone
            number += 1
            text = uncommented(_decode(part, is_first=number == 1))
            if text:
                yield number, text


def _decode(line, is_first):
    """Text of a line."""
    try:
        return line.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError:  # older files are Latin-1
        return line.decode("latin-1")


def uncommented(text):
    """Take off a comment, and the blanks around what remains.

    Parameters
    ----------
    text : str
        A line.

    Returns
    -------
    content : str
        What stands before the comment.

    Examples
    --------
    >>> from skmlc.datasets.arff_text import uncommented
    >>> uncommented(" 1,'100 %' % all of it")
    "1,'100 %'"
    """
    content = _CONTENT.match(text) if "%" in text else None
    return (content[0] if content else text).strip(_BLANK)


def split_cells(text, n_cells=None):
    """Split a row into its cells, which are kept in their quotes.

    Parameters
    ----------
    text : str
        The row.
    n_cells : int, default=None
        How many there should be. Where there are not as many between commas, blanks
        separate too, as they do in Weka.

    Returns
    -------
    cells : list of str
        The cells.

    Raises
    ------
    ValueError
        If a quote is not closed, or something stands beside it.

    Examples
    --------
    >>> from skmlc.datasets.arff_text import split_cells
    >>> split_cells("1, 'a, b', New York"), split_cells("1 2", 2)
    (['1', "'a, b'", 'New York'], ['1', '2'])
    """
    is_plain = "'" not in text and '"' not in text
    cells, unread = (text.split(","), "") if is_plain else _scan(_CELL, text)
    if n_cells is not None and (unread or len(cells) != n_cells):
        words = _words(text, is_plain)
        if len(words) == n_cells:
            cells, unread = words, ""
    if unread:
        raise ValueError(f"cannot read {unread[:40]!r}.")
    return [cell.strip(_BLANK) for cell in cells]


def _words(text, is_plain):
    """Cells between blanks or commas, of which one may stand at the end."""
    text = text.strip(_BLANK)
    if is_plain and "," not in text:
        return text.split()
    words, unread = _scan(_WORD, text)
    return [] if unread else words


def _scan(pattern, text):
    """Cells one after the other, and what cannot be read."""
    cells, position = [], 0
    while True:
        match = pattern.match(text, position)
        if match is None:
            return cells, text[position:]
        cells.append(match[1])
        position = match.end()
        # After a comma at the end there is one more cell, an empty one, but no more words.
        if not match[2] or (pattern is _WORD and position == len(text)):
            return cells, ""


def split_pairs(text):
    """Split a sparse row, without its braces, into columns and cells.

    Parameters
    ----------
    text : str
        The row.

    Returns
    -------
    columns : list of int
        The columns, in the order of the row.
    cells : list of str
        Their cells, in their quotes.

    Raises
    ------
    ValueError
        If these are no pairs.

    Examples
    --------
    >>> from skmlc.datasets.arff_text import split_pairs
    >>> split_pairs("0 1, 3 'a, b'")
    ([0, 3], ['1', "'a, b'"])
    """
    text = text.strip(_BLANK).removesuffix(",")
    if not text:
        return [], []
    is_plain = "'" not in text and '"' not in text
    if is_plain:
        words = text.replace(",", " ").split()
        if len(words) == 2 * text.count(",") + 2:
            return _parse_columns(words[::2]), words[1::2]
    cells, unread = (text.split(","), "") if is_plain else _scan(_PAIR, text)
    pairs = [cell.split(None, 1) for cell in cells]
    if "," not in text or unread:  # blanks may separate too, as they do in Weka
        words = _words(text, is_plain)
        if len(words) % 2 == 0:
            pairs, unread = list(zip(words[::2], words[1::2])), ""
    if unread or any(len(pair) != 2 for pair in pairs):
        raise ValueError("expected pairs of a column and a value.")
    columns = _parse_columns([column for column, _ in pairs])
    return columns, [cell.strip(_BLANK) for _, cell in pairs]


def _parse_columns(words):
    """Numbers of the columns of a sparse row."""
    digits = "".join(words)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("expected the number of a column before each value.")
    return [int(word) for word in words]


def split_name(text):
    """Split the name of an attribute from its type.

    Parameters
    ----------
    text : str
        What follows ``@attribute``.

    Returns
    -------
    name, kind : str
        The name without quotes, and the rest.

    Raises
    ------
    ValueError
        If one of them is missing.
    """
    match = _NAME.match(text)
    if match is None or match.end() == len(text):
        raise ValueError(
            f"expected the name and the type of an attribute; got {text[:40]!r}."
        )
    return unquote(match[1]), text[match.end() :]


def split_values(kind):
    """Split the values of a nominal attribute.

    Parameters
    ----------
    kind : str
        The type of the attribute, such as ``{red, 'dark blue'}``.

    Returns
    -------
    values : list of str
        The values without quotes.

    Raises
    ------
    ValueError
        If a brace or a quote is not closed.

    Examples
    --------
    >>> from skmlc.datasets.arff_text import split_values
    >>> split_values("{red, 'dark blue'}"), split_values("{a b}")
    (['red', 'dark blue'], ['a', 'b'])
    """
    match = _BRACES.match(kind)
    if match is None:
        raise ValueError(f"expected values in braces; got {kind[:40]!r}.")
    inner = match[1].strip(_BLANK)
    cells = _words(inner, False) if "," not in inner else []
    return [unquote(cell) for cell in cells or (split_cells(inner) if inner else [])]


def split_weight(text):
    """Split a row from its weight, which stands at its end as ``{5}``.

    Parameters
    ----------
    text : str
        The row.

    Returns
    -------
    row : str
        The row without its weight.
    weight : float or None
        The weight, if there is one.

    Raises
    ------
    ValueError
        If it is too large for a float.
    """
    start = text.rfind("{") if text.endswith("}") else 0
    inner = text[start + 1 : -1].strip(_BLANK)
    if start <= 0 or not _NUMBER.fullmatch(inner):
        return text, None
    row = text[:start].rstrip(_BLANK).removesuffix(",").rstrip(_BLANK)
    return row, parse_number(inner)


def unquote(cell):
    r"""Take off quotes, and read what is escaped within.

    Parameters
    ----------
    cell : str
        A cell without blanks around it.

    Returns
    -------
    text : str
        What it says.

    Examples
    --------
    >>> from skmlc.datasets.arff_text import unquote
    >>> print(unquote(r"'it\'s'"))
    it's
    """
    if len(cell) < 2 or cell[0] not in "'\"" or cell[-1] != cell[0]:
        return cell
    if "\\" not in cell:
        return cell[1:-1]
    return _ESCAPE.sub(_unescape, cell[1:-1])


def _unescape(match: re.Match[str]) -> str:
    """Character of an escape: a letter, or its number, octal or after u hexadecimal."""
    code = match[1]
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _ESCAPED.get(code, code)


def parse_number(text):
    """Read a decimal number, and nothing else that Python takes for one.

    Parameters
    ----------
    text : str
        The number.

    Returns
    -------
    number : float
        A finite number.

    Raises
    ------
    ValueError
        If it is none, such as inf, nan or 1_000, or too large for a float.
    """
    number = float(text) if _NUMBER.fullmatch(text) else None
    if number is None or abs(number) == float("inf"):
        raise ValueError(
            f"expected a finite number, or ? where it is missing; got {text[:40]!r}."
        )
    return number
