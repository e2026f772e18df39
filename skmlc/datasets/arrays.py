"""Reading arrays and sparse matrices from .npz files, without pickle and without surprises.

What a file declares is compared with the bytes that it has before memory is taken, and a
sparse matrix is checked as a whole: compiled code trusts its indices.
"""

import lzma
import math
import struct
import zipfile
import zlib
from collections import Counter

import numpy as np
from scipy import sparse

from ..compressed import RATIO, check_is_file, size_limit
from ..exceptions import FileFormatError

_PLAIN = "must be an .npz file of plain arrays, without Python objects"
_SAVED = "must hold a matrix written by scipy.sparse.save_npz"
# What zipfile and the decompressors raise for damaged archives.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
)
# The arrays that save_npz writes, by the format of the matrix, beside its data and shape.
_PARTS = {
    "csr": ("indices", "indptr"),
    "csc": ("indices", "indptr"),
    "bsr": ("indices", "indptr"),
    "coo": ("row", "col"),
    "dia": ("offsets",),
}


def read_arrays(path, required, optional=None):
    """Read arrays of an .npz file, never unpickling anything.

    Parameters
    ----------
    path : Path
        The file.
    required : tuple of str
        Names of arrays that the file must hold.
    optional : tuple of str, default=None
        Names of arrays to read beside these, where the file holds them; by default all.

    Returns
    -------
    arrays : dict
        The arrays by name.

    Raises
    ------
    FileFormatError
        If the file is not an .npz file, is damaged, lacks a required name, or holds Python
        objects.
    """
    check_is_file(path)
    try:
        with zipfile.ZipFile(path) as file:
            return _read_members(path, file, required, optional)
    except FileFormatError:
        raise
    except _ZIP_ERRORS as error:
        raise FileFormatError(path, f"{_PLAIN}; {error}.") from error


def _read_members(path, file, required, optional):
    """Read the arrays from the members of an archive."""
    members = [name for name in file.namelist() if name.endswith(".npy")]
    names = Counter(name.removesuffix(".npy") for name in members)
    missing = [name for name in required if name not in names]
    if missing:
        raise FileFormatError(
            path,
            f"must hold the arrays {', '.join(required)}; it lacks {', '.join(missing)} "
            f"and holds {', '.join(list(names)[:20])}.",
        )
    wanted = names if optional is None else names.keys() & {*required, *optional}
    left, arrays = size_limit(path), {}
    for name in filter(wanted.__contains__, names):
        if names[name] > 1:
            raise FileFormatError(path, f"must hold {name} once; it holds it twice.")
        info = file.getinfo(f"{name}.npy")
        left -= info.file_size
        if left < 0:
            raise FileFormatError(
                path,
                f"must not grow by more than {RATIO} times when it is decompressed; if "
                "this is what it holds, write it with numpy.savez, uncompressed.",
            )
        arrays[name] = _read_member(path, file, info, name)
    return arrays


def _read_member(path, file, info, name):
    """Read one array, after its header is seen to agree with its size."""
    place = f"array {name!r}"
    with file.open(info) as member:
        shape, dtype = _read_header(path, member, place)
        n_bytes = info.file_size - member.tell()
    if dtype.kind not in "biufcSU" or dtype.itemsize == 0:
        raise FileFormatError(path, f"{_PLAIN}; got {dtype}.", place)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != n_bytes:
        raise FileFormatError(
            path, f"must have the size of its shape {shape}; it has {n_bytes} bytes.", place
        )
    with file.open(info) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
    if dtype.kind == "U":
        # NumPy makes strings of whatever code points there are, and fails on its way.
        codes = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(dtype.byteorder))
        if (codes > 0x10FFFF).any():
            raise FileFormatError(path, "must hold text; it holds other bytes.", place)
    return array


def _read_header(path, member, place):
    """Return the shape and the dtype that the header of an array declares."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, _, dtype = readers[np.lib.format.read_magic(member)](member)
    # NumPy lets through whatever the parser of Python literals raises, of a dozen kinds.
    except Exception as error:
        raise FileFormatError(path, f"{_PLAIN}; {error}.", place) from error
    return shape, dtype


def read_sparse(path, dtype=np.float64):
    """Read a CSR matrix from a file.

    Parameters
    ----------
    path : Path
        The file, as written by :func:`scipy.sparse.save_npz`.
    dtype : dtype, default=np.float64
        Which floating point numbers are wanted.

    Returns
    -------
    matrix : CSR matrix
        The matrix with sorted indices; entries that the file gives twice are summed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it holds no sparse matrix, one whose indices are out of range, or numbers that
        are not finite.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"{path.parent} must hold {path.name}; it holds "
            f"{', '.join(sorted(item.name for item in path.parent.iterdir()))}."
        )
    parts = {name for names in _PARTS.values() for name in names}
    arrays = read_arrays(path, ("format", "shape", "data"), tuple(sorted(parts)))
    kind = _read_kind(path, arrays["format"])
    missing = [name for name in _PARTS[kind] if name not in arrays]
    if missing:
        raise FileFormatError(path, f"{_SAVED}; it lacks {', '.join(missing)}.")
    shape = _read_shape(path, arrays["shape"], kind)
    data = _as_floats(path, arrays["data"], dtype)
    index = [arrays[name] for name in _PARTS[kind]]
    if any(array.dtype.kind not in "iu" or array.ndim != 1 for array in index):
        raise FileFormatError(path, f"{_SAVED}; its indices are no list of whole numbers.")
    try:
        return _build(kind, data, index, shape)
    except (ValueError, OverflowError, IndexError) as error:
        raise FileFormatError(path, f"{_SAVED}; {error}.") from error


def check_sparse(matrix):
    """Check the indices of a compressed matrix, which compiled code does not.

    Parameters
    ----------
    matrix : CSR, CSC or BSR matrix
        The matrix.

    Raises
    ------
    ValueError
        If its index pointer decreases, or an index is out of range.
    """
    # SciPy's own check, of which the first part sees no pointers that go up and down to 0.
    if (np.diff(matrix.indptr.astype(np.int64)) < 0).any():
        raise ValueError("index pointer must not decrease")
    matrix.check_format(full_check=True)


def _read_kind(path, array):
    """Return the format of the matrix."""
    kind = array.item() if array.size == 1 else None
    kind = kind.decode("latin1") if isinstance(kind, bytes) else kind
    if kind not in _PARTS:
        raise FileFormatError(
            path, f"{_SAVED}, of format {', '.join(_PARTS)}; got {str(kind)[:20]!r}."
        )
    return kind


def _read_shape(path, array, kind):
    """Return the shape of the matrix."""
    if array.shape != (2,) or array.dtype.kind not in "iu" or (array < 0).any():
        raise FileFormatError(
            path, f"{_SAVED}, of two dimensions; got the shape {str(array)[:40]}."
        )
    shape = tuple(array.tolist())
    # Rows take memory in CSR, which is what other formats are turned into.
    if kind != "csr" and shape[0] > size_limit(path):
        raise FileFormatError(path, f"must not have more rows than bytes; got {shape[0]}.")
    return shape


def _as_floats(path, data, dtype):
    """Return finite numbers of the wanted type."""
    if data.dtype.kind not in "biuf":
        raise FileFormatError(path, f"must hold real numbers; got {data.dtype}.")
    with np.errstate(over="ignore"):
        data = data.astype(dtype)
    if not np.isfinite(data).all():
        raise FileFormatError(
            path, f"must hold finite numbers, of {np.dtype(dtype)}; it holds others."
        )
    return data


def _build(kind, data, index, shape):
    """Return a CSR matrix of the arrays of a matrix in another format."""
    if kind == "coo":
        matrix = sparse.coo_matrix((data, tuple(index)), shape=shape)
    elif kind == "dia":
        if (index[0] <= -shape[0]).any() or (index[0] >= shape[1]).any():
            raise ValueError("offsets must be those of diagonals of the matrix")
        matrix = sparse.dia_matrix((data, index[0]), shape=shape).tocoo()
    else:
        if kind == "bsr":
            _check_blocks(data, shape)
        build = {
            "csr": sparse.csr_matrix,
            "csc": sparse.csc_matrix,
            "bsr": sparse.bsr_matrix,
        }
        matrix = build[kind]((data, *index), shape=shape)
        check_sparse(matrix)
    matrix = sparse.csr_matrix(matrix)
    matrix.sum_duplicates()
    return matrix


def _check_blocks(data, shape):
    """Check that a matrix of this shape can be made of such blocks, which SciPy does not."""
    if data.ndim != 3 or 0 in data.shape[1:] or np.mod(shape, data.shape[1:]).any():
        raise ValueError(
            f"blocks of shape {data.shape[1:]} make no matrix of shape {shape}"
        )
