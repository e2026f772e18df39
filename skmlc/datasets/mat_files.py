"""Reading MATLAB's files of versions 5 to 7 with SciPy, after their sizes are checked.

SciPy takes the memory that a file asks for before it looks whether the file has as much, so
that one damaged byte may cost gigabytes. Here the sizes are added up first: see MathWorks,
"MAT-File Format", for the layout.
"""

import math
import warnings
import zlib
from io import BytesIO

from scipy.io import loadmat
from scipy.io.matlab import matfile_version

from ..compressed import RATIO, check_is_file, size_limit
from ..exceptions import FileFormatError

_HEADER_SIZE = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL, _SPARSE, _OPAQUE = 1, 5, 17  # classes of matrices
_COMPLEX = 0x800
_NUMERIC = range(6, 16)
# Bytes of one number, by the number of its data type.
_ITEM_SIZE = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_HEAD = 4096  # bytes that hold the header of a matrix, with its name


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
        Those that the file has, by name, as SciPy gives them.
    held : list of str
        The names of all variables.

    Raises
    ------
    FileFormatError
        If it is no such file, or damaged.
    """
    check_is_file(path)
    content = path.read_bytes()
    try:
        if matfile_version(BytesIO(content))[0] != 1:
            raise FileFormatError(
                path, "must be a .mat file of MATLAB's versions 5 to 7; save it with -v7."
            )
        held = _check_sizes(path, content, names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SciPy's, on variables that are not read
            found = loadmat(BytesIO(content), variable_names=list(names))
    except FileFormatError:
        raise
    # SciPy has no error of its own for damaged files.
    except (ValueError, TypeError, LookupError, OSError, ArithmeticError) as error:
        raise FileFormatError(path, f"must be a .mat file of MATLAB; {error}.") from error
    return {name: found[name] for name in names if name in found}, held


def _check_sizes(path, content, wanted):
    """Check the sizes of all variables; return their names."""
    byte_order = "little" if content[126:128] == b"IM" else "big"
    file = _Elements(memoryview(content)[_HEADER_SIZE:], byte_order)
    left, held = size_limit(path), []
    while file.left:
        place = f"byte {_HEADER_SIZE + file.position}"
        try:
            kind, variable = file.take_tagged()
            if kind == _COMPRESSED:
                variable = _unpack(variable, wanted, left)
                left -= len(variable.content)
            name = _read_head(variable)[2]
            if name in held:
                raise ValueError(f"{name} stands in it twice")
            held.append(name)
            if name in wanted:
                place = f"variable {name}"
                variable.position = 0
                _check_matrix(variable)
        except (ValueError, zlib.error) as error:
            raise FileFormatError(
                path, f"must be a .mat file of MATLAB; {error}.", place
            ) from error
    return held


def _unpack(packed, wanted, limit):
    """Return what a compressed variable holds; only its beginning if it is not wanted."""
    head = zlib.decompressobj().decompress(packed.content, _HEAD)
    variable = _Elements(memoryview(head)[8:], packed.byte_order)
    if _read_head(variable)[2] not in wanted:
        return variable
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(packed.content, limit + 1)
    if len(content) > limit:
        raise ValueError(
            f"it grows by more than {RATIO} times when it is decompressed; if this is what "
            "it holds, save it with -v6"
        )
    if not unpacking.eof:
        raise ValueError("its compressed data are cut short")
    return _Elements(memoryview(content), packed.byte_order).take_tagged()[1]


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
        """Return the kind of the next variable or cell, and its elements."""
        kind, size = self.take_integer(), self.take_integer()
        return kind, _Elements(self.take(size), self.byte_order)

    def take_part(self):
        """Return the kind of the next part of a matrix, and its bytes."""
        first = self.take_integer()
        size, kind = divmod(first, 2**16)
        if size:  # up to four bytes stand in place of the size
            if size > 4:
                raise ValueError(f"{size} bytes are declared where there is room for 4")
            return kind, self.take(4)[:size]
        part = self.take(self.take_integer())
        self.position += -len(part) % 8  # what follows begins at a multiple of eight
        return kind, part


def _read_head(matrix):
    """Return the flags of a matrix, its number of entries and its name."""
    matrix.take(8)  # the tag of the flags
    flags = matrix.take_integer()
    matrix.take(4)
    if flags & 0xFF == _OPAQUE:  # an object of another layout, which is not read
        return flags, 0, ""
    _, sizes = matrix.take_part()
    words = [sizes[i : i + 4] for i in range(0, len(sizes), 4)]
    sizes = [int.from_bytes(word, matrix.byte_order, signed=True) for word in words]
    if min(sizes, default=-1) < 0:
        raise ValueError(f"its shape is {sizes[:4]}")
    name = bytes(matrix.take_part()[1]).decode("latin1")
    return flags, math.prod(sizes), name


def _check_matrix(matrix, is_cell=False):
    """Check that a matrix has the numbers, or the cells, that it declares."""
    flags, count, _ = _read_head(matrix)
    kind = flags & 0xFF
    if flags & _COMPLEX:
        raise ValueError("it must hold real numbers; it holds complex ones")
    if kind in _NUMERIC:
        data_type, part = matrix.take_part()
        if len(part) != count * _ITEM_SIZE.get(data_type, 0):
            raise ValueError(
                f"{count} numbers are declared where there are {len(part)} bytes"
            )
    elif kind == _SPARSE:
        for _ in ("rows", "columns", "numbers"):
            matrix.take_part()
    elif kind == _CELL and not is_cell:
        for _ in range(count):
            data_type, cell = matrix.take_tagged()
            if data_type != _MATRIX:
                raise ValueError(f"a cell holds data of type {data_type}, and no matrix")
            if cell.left:
                _check_matrix(cell, is_cell=True)
    else:
        raise ValueError(
            f"it must hold matrices of numbers; it is of MATLAB's class {kind}"
        )
    if is_cell and matrix.left:  # SciPy would read on from there
        raise ValueError(f"a cell is followed by {matrix.left} bytes")
