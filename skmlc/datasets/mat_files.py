"""Reading matrices and cell arrays from MATLAB's files of versions 5 to 7.

SciPy's reader takes the memory that a file asks for before it looks whether the file has as
much, and crashes on some damaged sparse matrices. This one reads what files of bags hold, and
believes no size. The layout is that of MathWorks, "MAT-File Format".
"""

import math
import zlib

import numpy as np
from scipy import sparse

from ..compressed import RATIO, check_is_file, size_limit
from ..exceptions import FileFormatError
from .arrays import check_sparse

_HEADER_SIZE = 128
_HEAD = 4096  # bytes in which the header of a variable ends, with its name
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_TYPES = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
_CELL, _SPARSE, _OPAQUE = 1, 5, 17  # classes of matrices; those of plain numbers:
_CLASSES = dict(enumerate("f8 f4 i1 u1 i2 u2 i4 u4 i8 u8".split(), start=6))
_COMPLEX = 0x800


def read_mat(path, names):
    """Read some variables of a file.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str
        The variables to read: matrices, sparse matrices, or cell arrays of these.

    Returns
    -------
    variables : dict
        Those that the file has: an ndarray, a CSC matrix, or a list of these.
    held : list of str
        The names of all variables.

    Raises
    ------
    FileFormatError
        If it is not such a file, or damaged.
    """
    check_is_file(path)
    content = memoryview(path.read_bytes())
    byte_order = "little" if content[126:128] == b"IM" else "big"
    version = int.from_bytes(content[124:126], byte_order)
    if len(content) < _HEADER_SIZE or version != 0x0100:
        raise FileFormatError(
            path, "must be a .mat file of MATLAB's versions 5 to 7; save it with -v7."
        )
    file = _Elements(content[_HEADER_SIZE:], byte_order)
    left, held, variables = size_limit(path), [], {}
    while file.left:
        place = f"byte {_HEADER_SIZE + file.position}"
        try:
            variable = file.take_variable(names, left)
            left -= len(variable.content)
            name = variable.read_head()[2]
            if name in held:
                raise ValueError(f"{name} stands in it twice")
            held.append(name)
            if name in names:
                place = f"variable {name}"
                variables[name] = _read_matrix(variable)
        except (ValueError, zlib.error) as error:
            raise FileFormatError(
                path, f"must be a .mat file of MATLAB; {error}.", place
            ) from error
    return variables, held


class _Elements:
    """Takes elements from bytes, one after another, and sees that they are there."""

    def __init__(self, content, byte_order):
        self.content, self.byte_order, self.position = content, byte_order, 0

    @property
    def left(self):
        return max(len(self.content) - self.position, 0)

    def take(self, size):
        """Return the next bytes."""
        if size > self.left:
            raise ValueError(f"{size} bytes are declared where {self.left} are left")
        self.position += size
        return self.content[self.position - size : self.position]

    def take_integer(self):
        """Return the next four bytes as a number."""
        return int.from_bytes(self.take(4), self.byte_order)

    def take_tagged(self):
        """Return the type of the next element, and what it holds."""
        kind, size = self.take_integer(), self.take_integer()
        return kind, _Elements(self.take(size), self.byte_order)

    def take_variable(self, wanted, limit):
        """Return the next variable, decompressed; only its head if it is not wanted."""
        kind, variable = self.take_tagged()
        if kind == _COMPRESSED:
            packed = variable.content
            head = zlib.decompressobj().decompress(packed, _HEAD)
            variable = _Elements(memoryview(head)[8:], self.byte_order)
            if variable.read_head()[2] in wanted:
                content = memoryview(_decompress(packed, limit))
                kind, variable = _Elements(content, self.byte_order).take_tagged()
        variable.position = 0
        return variable

    def take_numbers(self):
        """Return the next part of a matrix as an array."""
        size, kind = divmod(self.take_integer(), 2**16)
        if size:  # up to four bytes stand in place of the size
            part = self.take(4)[: min(size, 4)]
        else:
            part = self.take(self.take_integer())
            self.position += -len(part) % 8  # what follows begins at a multiple of eight
        if size > 4 or kind not in _TYPES:
            raise ValueError(f"a part of type {kind} is no list of numbers")
        order = "<" if self.byte_order == "little" else ">"
        return np.frombuffer(part, dtype=order + _TYPES[kind])

    def read_head(self):
        """Return the flags of a matrix, its shape and its name."""
        self.position = 8  # after the tag of the flags
        flags = self.take_integer()
        self.take(4)
        if flags & 0xFF == _OPAQUE:  # an object of another layout, which is not read
            return flags, (), ""
        shape = tuple(self.take_numbers().tolist())
        if len(shape) < 2 or min(shape) < 0:
            raise ValueError(f"its shape is {shape[:4]}")
        return flags, shape, self.take_numbers().tobytes().decode("latin1")


def _decompress(packed, limit):
    """Return what compressed bytes hold, if that is all and within the limit."""
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed, limit + 1)
    if len(content) > limit:
        raise ValueError(
            f"it grows by more than {RATIO} times when it is decompressed; if this is what "
            "it holds, save it with -v6"
        )
    if not unpacking.eof:
        raise ValueError("its compressed data are cut short")
    return content


def _read_matrix(matrix, is_cell=False):
    """Return a matrix, a sparse matrix, or a list of the cells of a cell array."""
    flags, shape, _ = matrix.read_head()
    kind = flags & 0xFF
    if flags & _COMPLEX:
        raise ValueError("it must hold real numbers; it holds complex ones")
    if kind in _CLASSES:
        numbers = matrix.take_numbers()
        if len(numbers) != math.prod(shape):
            raise ValueError(f"{len(numbers)} numbers are no matrix of the shape {shape}")
        return numbers.astype(_CLASSES[kind]).reshape(shape, order="F")
    if kind == _SPARSE:
        return _read_sparse(matrix, shape)
    if kind == _CELL and not is_cell:
        return [_read_cell(matrix) for _ in range(math.prod(shape))]
    raise ValueError(f"it must hold matrices of numbers; it is of MATLAB's class {kind}")


def _read_cell(cells):
    """Return the next cell of a cell array."""
    kind, cell = cells.take_tagged()
    if kind != _MATRIX:
        raise ValueError(f"a cell holds data of type {kind}, and no matrix")
    return _read_matrix(cell, is_cell=True) if cell.left else np.zeros((0, 0))


def _read_sparse(matrix, shape):
    """Return a sparse matrix, after the three parts are seen to agree."""
    rows, ends, numbers = (matrix.take_numbers() for _ in range(3))
    if rows.dtype.kind not in "iu" or ends.dtype.kind not in "iu" or len(shape) != 2:
        raise ValueError("its indices are no whole numbers")
    if len(ends) != shape[1] + 1:
        raise ValueError(f"{len(ends)} pointers are no matrix of the shape {shape}")
    n_entries = int(ends[-1])  # of which MATLAB may keep room for more
    numbers = numbers[:n_entries].astype(np.float64)
    ends, rows = ends.astype(np.int64), rows[:n_entries].astype(np.int64)
    result = sparse.csc_matrix((numbers, rows, ends), shape=shape)
    check_sparse(result)
    return result
