"""Reading word vectors from text and binary files, a piece at a time."""

import codecs
import io
import os
import re
from itertools import chain

import numpy as np

from ..compressed import open_data, size_limit
from ..exceptions import FileFormatError

__all__ = ["read_vectors"]

_LONGEST = 2**20  # bytes of a first line, and of a word in a binary file
_CHUNK = 2**20
_FASTTEXT_MODEL = b"\xba\x16\x4f\x2f"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def read_vectors(path, words):
    r"""Return the vectors of some words from a file of GloVe, word2vec or fastText.

    The file is read once, piece by piece, and what is not asked for is dropped; only the
    number of its numbers is checked.  Of a word that comes twice the first vector counts.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed.  Either a text in UTF-8 with one word and its numbers
        per line, separated by spaces, where the first line may be word2vec's header "n_words
        size"; or word2vec's binary file, with the header, and for each word its name, a
        space and the numbers in four bytes each.
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
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If a line is not of this form, its vector of another size, or the number of words not
        that of the header.

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
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"path must be a file of word vectors; there is no {os.fspath(path)!r}."
        )
    # Bytes all the way: only what is needed is decoded, and the words of the large files
    # that hold line separators or spaces of Unicode stay in one piece.
    wanted = {word.encode(): word for word in words}
    with open_data(path) as file:
        first = file.readline(_LONGEST)
        if not first or first.startswith(_FASTTEXT_MODEL):
            what = "a model of fastText: give its .vec" if first else "empty"
            raise FileFormatError(path, f"must be a file of word vectors; it is {what}.")
        header = re.fullmatch(rb"(\d{1,15}) ([1-9]\d{0,14})", first.rstrip())
        if header is None:
            size = _size_of(first.rstrip(), path)
            return _read_text(path, chain([first], file), wanted, size, first=1), size
        n_words, size = map(int, header.groups())
        if _is_binary(file.peek(), size):
            return _read_binary(path, file, wanted, n_words, size), size
        return _read_text(path, file, wanted, size, first=2, n_words=n_words), size


def _is_binary(start, size):
    """Return whether the first entry is a word and numbers in bytes, not written out."""
    fields = start.partition(b"\n")[0].split()
    if len(fields) > size and all(map(_is_number, fields[-size:])):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(
            start
        )  # whose last letter may be cut
    except UnicodeDecodeError:
        return True
    return _CONTROL.search(start) is not None


def _read_binary(path, file, wanted, n_words, size):
    """Return the wanted vectors of a binary file."""
    is_plain = isinstance(getattr(file, "raw", None), io.FileIO)
    most = os.path.getsize(path) if is_plain else size_limit(path)
    if n_words * (4 * size + 1) > most:
        raise FileFormatError(
            path, f"must hold {n_words} vectors of size {size}, as its first line says; it "
            "is too short for these."
        )  # fmt: skip
    vectors = {}
    for number, (word, numbers) in enumerate(_entries(path, file, n_words, size), start=1):
        name = wanted.get(word)
        if name is None or name in vectors:
            continue
        vectors[name] = np.frombuffer(numbers, dtype="<f4").astype(np.float64)
        if not np.isfinite(vectors[name]).all():
            raise FileFormatError(
                path, "must hold finite numbers.", f"word {number}, {name!r}"
            )
    return vectors


def _entries(path, file, n_words, size):
    """Yield each word of a binary file and the bytes of its numbers."""
    buffer, start = b"", 0
    for number in range(1, n_words + 1):
        end = buffer.find(b" ", start)
        while end < 0 or len(buffer) < end + 1 + 4 * size:
            more = file.read(max(_CHUNK, len(buffer)))
            if not more or (end < 0 and len(buffer) - start > _LONGEST):
                raise FileFormatError(
                    path,
                    f"must hold {n_words} words, as its first line says, each followed by a "
                    f"space and {4 * size} bytes of numbers; it does not.",
                    f"word {number}",
                )
            buffer, start = buffer[start:] + more, 0
            end = buffer.find(b" ")
        # Some programs write line ends between the entries.
        yield buffer[start:end].lstrip(b"\n"), buffer[end + 1 : end + 1 + 4 * size]
        start = end + 1 + 4 * size
    if buffer[start:].strip() or file.read(_CHUNK).strip():
        raise FileFormatError(
            path, f"must hold {n_words} words, as its first line says; it holds more."
        )


def _read_text(path, lines, wanted, size, first, n_words=None):
    """Return the wanted vectors of the lines, whose first one has the number `first`."""
    vectors, n_read = {}, 0
    for number, line in enumerate(lines, start=first):
        line = line.rstrip()
        if not line:
            continue
        n_read += 1
        word, numbers = _split(line, size, number, path)
        if word in wanted and wanted[word] not in vectors:
            vectors[wanted[word]] = _as_vector(numbers.split(), size, line, number, path)
    if n_words not in (None, n_read):
        raise FileFormatError(
            path, f"must hold {n_words} words, as its first line says; it holds {n_read}."
        )
    return vectors


def _size_of(line, path):
    """Return the size of the vectors from the first of them."""
    _, *numbers = line.split() or [b""]
    if not numbers:
        raise _malformed(line, 1, path, "numbers")
    _as_vector(numbers, len(numbers), line, 1, path)
    return len(numbers)


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


def _as_vector(fields, size, line, number, path):
    """Return numbers written in bytes as float64."""
    # Two spaces in a row are counted by `_split` as if there was a number between them.
    if len(fields) != size or not all(map(_is_number, fields)):
        raise _malformed(line, number, path, f"{size} numbers")
    vector = np.array([float(field) for field in fields])
    if not np.isfinite(vector).all():
        raise _malformed(line, number, path, "finite numbers")
    return vector


def _is_number(field):
    """Return whether bytes are a number, as other programs write it too."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def _malformed(line, number, path, expected):
    """Return the error on a line."""
    start = line[:40].decode(errors="replace")
    return FileFormatError(
        path,
        f"must hold a word and {expected}, separated by spaces; it begins with {start!r} and "
        f"has {len(line.split())} fields.",
        f"line {number}",
    )
