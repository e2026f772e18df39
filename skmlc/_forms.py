"""Numbers in any form (lists, arrays, frames, sparse matrices) as an ndarray or a CSR array."""

import re
import warnings
from collections import Counter

import numpy as np
from scipy import sparse

from ._foreign import read_foreign

_SEPARATOR = re.compile(r"\s*[,;|]\s*")
# As in "a,b".  With a space, as in "Portland, OR", they are common in names.
_CLOSE_SEPARATOR = re.compile(r"\S[,;|]\S")

# What a label matrix must be, for errors.
MATRIX = "be an indicator matrix of zeros and ones, one column per label"


NAMES = "Turn label names into columns with sklearn.preprocessing.MultiLabelBinarizer."
# Not with a MultiLabelBinarizer, which writes 0, known not to hold, for all that is not listed.
KNOWN = (
    "Leave NaN where a label is unknown, and write 1 and 0 for those known to hold and not to: "
    "for example, pass a DataFrame of NaN, a column per label, with those set that you know."
)
# What stands for "does not hold" and "holds" where the columns of a matrix are answers.
_ANSWERS = {"no", "yes", "n", "y", "false", "true", "f", "t"}


def message(name, must, got, hint=""):
    """Return what an error says; of a label matrix, with a hint what to do."""
    said = f"{name} must {must}; got {got}."
    hint = hint_for(name, hint) if must == MATRIX else ""
    return f"{said} {hint}" if hint else said


def hint_for(name, hint=NAMES):
    """Return a hint on a label matrix; on known labels, how these are written."""
    return KNOWN if name == "known" else hint


def _hint_for_text(values, name, column):
    """Return how text becomes labels: digits, answers such as yes and no, or label names."""
    rows = [[str(value) for value in np.ravel(row)] for row in np.atleast_1d(values)]
    words = sorted({word for row in rows for word in row})
    what = name if column is None else f"{name}[{column!r}]"
    if set(words) <= {"0", "1"}:
        return f"Turn digits into numbers with {what}.astype(int)."
    # A list of label names has none of them twice.
    repeats = any(len(set(row)) < len(row) for row in rows)
    are_answers = column is not None or repeats or {w.lower() for w in words} <= _ANSWERS
    if len(words) <= 2 and are_answers:
        return (
            f"Turn answers into zeros and ones with ({what} == {words[-1]!r}).astype(int)."
        )
    return NAMES


def as_numbers(Y, name, must=MATRIX):
    """Return an array of some numeric dtype, or a canonical CSR array, of any form."""
    Y = read_foreign(Y, name)
    if sparse.issparse(Y):
        return _canonical(Y, name, must)
    if hasattr(Y, "columns"):
        return _frame_to_numbers(Y, name, must)
    if isinstance(Y, np.matrix):
        raise TypeError(
            f"{name} must be an array: np.matrix is not supported, use np.asarray."
        )
    if isinstance(Y, np.ma.MaskedArray):
        Y = Y.astype(np.float64).filled(np.nan)
    return _column_to_numbers(list_to_array(Y, name, must), name, must)


def as_text(column, name):
    """Return a column of anything but numbers as an array; None if it holds numbers."""
    array = np.asarray(column)
    if array.dtype.kind != "O":
        is_numbers = array.dtype.kind in "biufc" or array.dtype.names is not None
        return None if is_numbers else array
    if not any(isinstance(value, str | bytes) for value in array.flat):
        return None
    if any(_is_missing(value) for value in array.flat):
        raise ValueError(f"{name} must hold one class per sample; got a missing one.")
    return array


def list_to_array(Y, name, must=MATRIX):
    """Return lists as an array, with a hint where they are lists of labels."""
    if not isinstance(Y, list | tuple):
        return Y
    try:
        array = np.asarray(Y)
    except ValueError as error:
        raise ValueError(message(name, must, "rows of unequal length", NAMES)) from error
    if array.ndim > 1 and array.dtype.kind in "US":
        hint = _hint_for_text(array, f"np.array({name})", None)
        raise ValueError(message(name, must, "rows of text", hint))
    return array


def columns_of(frame):
    """Return the columns of a DataFrame of pandas or polars, of which two may share a name."""
    if hasattr(frame, "iloc"):
        return [column for _, column in frame.items()]
    return list(frame.iter_columns())


def _is_sparse_dtype(dtype):
    """Return whether a dtype is that of pandas for sparse columns."""
    return hasattr(dtype, "fill_value") and hasattr(dtype, "subtype")


def warn_of_joined_labels(text, name):
    """Warn if at least a quarter of the distinct strings look like lists of labels."""
    # They do if a separator has no space beside it, or if each part is in another string too.
    values = sorted({str(value) for value in text.flat})
    parts = {value: set(_SEPARATOR.split(value)) for value in values}
    count = Counter(part for several in parts.values() for part in several)
    joined = [
        value
        for value, several in parts.items()
        if _CLOSE_SEPARATOR.search(value)
        or (len(several) > 1 and all(count[part] > 1 for part in several))
    ]
    if joined and 4 * len(joined) >= len(values):
        warnings.warn(
            f"{name} holds strings such as {joined[0]!r}, each of which is read as one class: "
            "if they list several labels, split them and make a matrix of the lists with "
            "sklearn.preprocessing.MultiLabelBinarizer.",
            UserWarning,
            stacklevel=3,
        )


def _canonical(Y, name, must):
    """Return a sparse matrix as canonical CSR, a copy, its numbers wide enough for sums."""
    if Y.dtype.kind not in "biuf" or Y.ndim != 2:
        got = f"a sparse array of shape {Y.shape} and dtype {Y.dtype}"
        raise ValueError(_complex(Y.dtype) + message(name, must, got))
    # A copy. The sum of booleans is True, as in the array that SciPy makes of them.
    wide = {"b": bool, "f": np.float64}.get(Y.dtype.kind, np.int64)
    Y = Y.astype(wide, copy=True).tocsr()
    # Made of its parts, since a matrix may remember wrongly that it is sorted.
    Y = sparse.csr_array((Y.data, Y.indices, Y.indptr), shape=Y.shape)
    Y.sum_duplicates()
    Y.eliminate_zeros()
    return Y


def _frame_to_numbers(frame, name, must):
    """Return a DataFrame of pandas or polars as one array; as CSR if all of it is sparse."""
    dtypes = list(frame.dtypes)
    first = dtypes[0] if dtypes else np.dtype(np.float64)
    is_plain = isinstance(first, np.dtype) and first.kind in "biuf"
    if is_plain and all(dtype == first for dtype in dtypes):
        return np.asarray(frame)
    columns = columns_of(frame)
    if all(_is_sparse_dtype(dtype) and dtype.fill_value == 0 for dtype in dtypes):
        return _canonical(_sparse_columns(columns, len(frame)), name, must)
    names = list(frame.columns)
    numbers = [_column_to_numbers(c, name, must, j) for c, j in zip(columns, names)]
    return np.column_stack(numbers)


def _sparse_columns(columns, n_rows):
    """Return sparse columns as a COO array."""
    arrays = [column.array for column in columns]
    rows = [array.sp_index.to_int_index().indices for array in arrays]
    labels = np.repeat(np.arange(len(columns)), [len(index) for index in rows])
    values = np.concatenate([array.sp_values for array in arrays])
    parts = (values, (np.concatenate(rows), labels))
    return sparse.coo_array(parts, shape=(n_rows, len(columns)))


def _column_to_numbers(values, name, must, column=None):
    """Return an array, a Series or the like as an array of numbers, NaN where missing.

    `column` is the name of a column of a DataFrame, None for a whole array.
    """
    dtype = getattr(values, "dtype", None)
    if hasattr(dtype, "numpy_dtype") and dtype.kind in "biuf":
        values = _nullable_to_array(values, dtype.numpy_dtype)
    array = np.asarray(values)
    dtype = array.dtype if dtype is None else dtype
    got = f"dtype {dtype}" + ("" if column is None else f" in column {column!r}")
    if array.dtype.kind == "O":
        numbers = [_number(v, array, name, must, got, column) for v in array.flat]
        return np.array(numbers, dtype=np.float64).reshape(array.shape)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.names is not None:
        got = "a structured array, each row of which is one item: pass its columns"
        raise ValueError(message(name, must, got))
    hint = _hint_for_text(array, name, column) if array.dtype.kind in "US" else ""
    raise ValueError(_complex(array.dtype) + message(name, must, got, hint))


def _nullable_to_array(column, dtype):
    """Return a column that pandas or pyarrow keeps apart from its missing entries."""
    if column.isna().any():
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy(dtype=dtype)


def _number(value, array, name, must, dtype, column):
    """Return a Python object of an array as a float, NaN where it is None or NA."""
    if _is_missing(value):
        return np.nan
    got = f"{repr(value)[:50]} in {dtype}"
    if isinstance(value, str | bytes):
        there = [v for v in array.flat if not _is_missing(v)] if array.ndim < 2 else array
        raise ValueError(message(name, must, got, _hint_for_text(there, name, column)))
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        raise ValueError(message(name, must, got, NAMES))
    try:
        return float(value)
    except TypeError as error:
        raise TypeError(message(name, must, f"{got} ({error})")) from error


def _is_missing(value):
    """Return whether a Python object stands for a missing entry."""
    if isinstance(value, float):
        return value != value
    return value is None or type(value).__name__ == "NAType"


def _complex(dtype):
    """Return how scikit-learn begins its error on complex numbers."""
    return "Complex data not supported: " if dtype.kind == "c" else ""
