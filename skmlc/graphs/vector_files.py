"""Reading word vectors from text files, a line at a time."""

import gzip
import os
import re

import numpy as np

__all__ = ["read_vectors"]


def read_vectors(path, words):
    r"""Return the vectors of some words from a GloVe or word2vec text file.

    The file is read once, line by line, and what is not asked for is dropped; only the
    number of its numbers is checked.  Of a word that comes twice the first vector counts.

    Parameters
    ----------
    path : str or path-like
        The file, UTF-8, one word and its numbers per line, separated by spaces; the first
        line may be word2vec's header "n_words size".  A name that ends in ".gz" is
        decompressed.
    words : iterable of str
        The words to look for, as they are spelled in the file.

    Returns
    -------
    vectors : dict of str to ndarray of shape (size,)
        The vectors of the words that the file has.
    size : int
        The number of entries of a vector.

    Raises
    ------
    ValueError
        If a line is not of this form, or its vector of another size.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.graphs.vector_files import read_vectors
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "vectors.txt")
    ...     _ = path.write_text("cat 0.5 1\ndog 0.25 2\n")
    ...     read_vectors(path, ["cat", "cow"])
    ({'cat': array([0.5, 1. ])}, 2)
    """
    # Bytes all the way: only what is needed is decoded, and the words of the large files
    # that hold line separators or spaces of Unicode stay in one piece.
    wanted = {word.encode(): word for word in words}
    vectors, size = {}, None
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            line = line.rstrip()
            if size is None:
                size, is_header = _first_line(line, path)
                if is_header:
                    continue
            if not line:
                continue
            word, numbers = _split(line, size, number, path)
            if word in wanted and wanted[word] not in vectors:
                vectors[wanted[word]] = _as_vector(numbers, line, number, path)
    if size is None:
        raise ValueError(
            f"path must be a file of word vectors; {os.fspath(path)!r} is empty."
        )
    return vectors, size


def _open(path):
    """Open a file of bytes, decompressed."""
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"path must be a file of word vectors; there is no {os.fspath(path)!r}."
        )
    return gzip.open(path) if os.fspath(path).endswith(".gz") else open(path, "rb")


def _first_line(line, path):
    """Return the size of the vectors, and whether the line is a header."""
    header = re.fullmatch(rb"\d+ ([1-9]\d*)", line)
    if header:
        return int(header[1]), True
    _, *numbers = line.split() or [b""]
    if not numbers:
        raise _malformed(line, 1, path, "numbers")
    _as_vector(b" ".join(numbers), line, 1, path)
    return len(numbers), False


def _split(line, size, number, path):
    """Return the word and the numbers of a line, in bytes."""
    # Counting is six times as fast as splitting, and nearly all lines are of this form.
    if line.count(b" ") == size:
        word, _, numbers = line.partition(b" ")
        return word, numbers
    fields = line.split()
    between = fields[1:-size]
    # A word may hold spaces; if all that seems to be of it are numbers, the size differs.
    if len(fields) <= size or (between and all(map(_is_number, between))):
        raise _malformed(line, number, path, f"{size} numbers")
    return b" ".join(fields[:-size]), b" ".join(fields[-size:])


def _as_vector(numbers, line, number, path):
    """Return numbers written in bytes as float64."""
    try:
        vector = np.array([float(entry) for entry in numbers.split()])
    except ValueError:
        raise _malformed(line, number, path, "numbers") from None
    if not np.isfinite(vector).all():
        raise _malformed(line, number, path, "finite numbers")
    return vector


def _is_number(field):
    try:
        float(field)
    except ValueError:
        return False
    return True


def _malformed(line, number, path, expected):
    """Return the error on a line."""
    start = line[:40].decode(errors="replace")
    return ValueError(
        f"path must be a text file of word vectors: line {number} of {os.fspath(path)!r} must "
        f"hold a word and {expected}, separated by spaces; it begins with {start!r} and has "
        f"{len(line.split())} fields."
    )
