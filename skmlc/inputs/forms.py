"""The forms that a table comes in: what is read, as what, and what is refused and why."""

from decimal import Decimal
from numbers import Complex, Real

import numpy as np
from scipy import sparse

from ..mapped import blocks, forget, has_finite_extremes
from ..row_blocks import row_blocks

__all__ = [
    "FLOAT",
    "NUMBER",
    "REAL",
    "SCALE",
    "canonical_csr",
    "check_finite",
    "check_fits",
    "is_frame",
    "is_missing",
    "name_of_column",
    "number_types",
    "read_table",
    "refuse_masked",
]

# What scikit-learn's checks turn anything but these into, the first.
FLOAT = (np.float64, np.float32)
REAL = "biuf"  # the kinds of NumPy's types of real numbers
NUMBER = (Real, Decimal, np.bool_)
SCALE = 'scale X, or use precision="float64"'


def read_table(X, name="X", hint=""):
    """Return a table in a form that scikit-learn's checks read correctly.

    They take strings of digits, dates and hidden entries for numbers, and the entries of a
    sparse matrix as they are stored.

    Parameters
    ----------
    X : object
        As the user gave it.
    name : str, default="X"
        What X is called, for errors.
    hint : str, default=""
        What else to do with a column that holds no numbers, for errors.

    Returns
    -------
    object
        A sparse matrix as `canonical_csr` gives it, a DataFrame without sparse columns;
        whatever else as an array.

    Raises
    ------
    ValueError
        If X holds anything but real numbers.
    TypeError
        If X is nothing that has rows.
    """
    if sparse.issparse(X):
        return canonical_csr(X)
    if is_frame(X):
        _check_columns(X, name, hint)
        return _without_objects(_without_sparse_columns(X))
    if not isinstance(X, np.ndarray):
        X = _as_array(X, name)
    _check_array(X, name, hint)
    return X


def is_frame(X):
    """Return whether X is a DataFrame, of pandas or polars, which need not be installed.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        Whether it has columns of their own types.
    """
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def name_of_column(X, j):
    """Return what a column is called, for errors.

    Parameters
    ----------
    X : DataFrame or ndarray
        The table.
    j : int
        Where the column is.

    Returns
    -------
    str
        Its name in quotes, or its number.
    """
    return repr(list(X.columns)[j]) if is_frame(X) else str(j)


def is_missing(value):
    """Return whether a value stands for a missing one.

    Parameters
    ----------
    value : object
        What a column holds.

    Returns
    -------
    bool
        Whether it is None, NaN, or pandas' NA or NaT.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real | Decimal) and bool(value != value)


def number_types(X):
    """Return the types that a table may keep, for scikit-learn's checks.

    Parameters
    ----------
    X : object
        From `read_table`.

    Returns
    -------
    tuple of dtype or None
        None for an array of real numbers, which stays what it is: a batch is converted when
        it is read, and a memory map stays on disk.
    """
    return None if isinstance(X, np.ndarray) and X.dtype.kind in REAL else FLOAT


def check_fits(values, dtype, hint=SCALE):
    """Raise an error if finite numbers are too large for a floating point type.

    Parameters
    ----------
    values : ndarray
        Numbers, in memory or mapped: nothing is copied.
    dtype : dtype
        The type in which they will be read.
    hint : str, default=SCALE
        What to do, for the error.

    Raises
    ------
    ValueError
        If one would become infinite.
    """
    dtype, given = np.dtype(dtype), values.dtype
    if values.size == 0 or given.kind != "f" or given.itemsize <= dtype.itemsize:
        return
    limit = np.finfo(dtype).max
    # Unlike `min` and `max`, these pass over NaN.
    extremes = [f.reduce(b, axis=None) for b in blocks(values) for f in (np.fmin, np.fmax)]
    largest = max((value for value in extremes if not np.isnan(value)), key=abs, default=0)
    if abs(largest) > limit:
        raise ValueError(
            f"X must hold numbers of at most {limit:.2g}, the largest of {dtype}; got "
            f"{largest:.4g}: {hint}."
        )


def check_finite(X, names=None, *, allow_nan=False, name="X", hint=""):
    """Raise an error that names the first column that is not finite.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Numbers, in memory or mapped: nothing is copied where all are finite.
    names : sequence of str, default=None
        What the columns are called.
    allow_nan : bool, default=False
        Whether NaN may be among the numbers.
    name : str, default="X"
        What X is called.
    hint : str, default=""
        What else to do about NaN.

    Raises
    ------
    ValueError
        If there is infinity, or NaN where there must be none.
    """
    if has_finite_extremes(X.data if sparse.issparse(X) else X):
        return
    impute = "replace what is missing, for example with sklearn.impute.SimpleImputer"
    faults = [("infinity", np.isinf, "replace it, or leave out its rows")]
    faults += [] if allow_nan else [("NaN", np.isnan, impute + hint)]
    for what, find, remedy in faults:
        columns = _columns_with(find, X)
        if columns.size:
            j = columns.min()
            column = j if names is None else repr(names[j])
            raise ValueError(f"Input {name} contains {what} in column {column}: {remedy}.")


def _columns_with(find, X):
    """Return the columns in which a function of numbers finds something."""
    if sparse.issparse(X):
        return X.indices[find(X.data)]
    found = np.zeros(X.shape[1], dtype=bool)
    for rows in row_blocks(X):  # a mask of all of X would be a fourth of it
        found |= find(X[rows]).any(axis=0)
        forget(X)
    return np.flatnonzero(found)


def canonical_csr(X):
    """Return a sparse matrix as CSR with each entry stored once, in order, and none zero.

    Parameters
    ----------
    X : sparse matrix or array
        In any format.

    Returns
    -------
    CSR matrix or array
        What ``X.toarray()`` holds. X itself where it is like this already, else a copy.
    """
    if X.ndim != 2 or X.dtype.kind not in REAL:
        return X  # for scikit-learn to refuse
    X = X.astype(_native(X.dtype), copy=False).tocsr()
    # SciPy keeps what it once found, or was given, about a matrix: look at its arrays again.
    fresh = type(X)((X.data, X.indices, X.indptr), shape=X.shape)
    stored = X.data[: X.indptr[-1]]
    if fresh.has_canonical_format and len(stored) == len(X.data) and stored.all():
        return X
    fresh = fresh.copy()
    fresh.sum_duplicates()
    fresh.eliminate_zeros()
    return fresh


def refuse_masked(X, name):
    """Raise an error if entries of an array are hidden, which np.asarray would show.

    Parameters
    ----------
    X : object
        Anything.
    name : str
        What X is called, for errors.

    Raises
    ------
    ValueError
        If X is a masked array with hidden entries.
    """
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} must not hide entries behind a mask: fill them, for example with "
            "sklearn.impute.SimpleImputer on X.filled(numpy.nan)."
        )


def _native(dtype):
    """Return the type in which SciPy can compute."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def _as_array(X, name):
    """Return lists and the like as an array."""
    items = f" of {type(X[0]).__name__}" if isinstance(X, list | tuple) and len(X) else ""
    must = f"{name} must be a table of numbers, with rows of one length"
    try:
        array = np.asarray(X)
    except Exception as error:  # libraries raise errors of many kinds
        got = f"got a {type(X).__name__}{items}"
        raise ValueError(f"{must}; {got}, which is none ({error}).") from error
    if array.ndim == 0 and array.dtype.kind == "O":
        raise TypeError(f"{must}; got a {type(X).__name__}.")
    return array


def _check_array(X, name, hint):
    """Raise an error if an array holds anything but real numbers."""
    refuse_masked(X, name)
    kind = X.dtype.kind
    if kind in REAL or kind == "c":  # complex numbers are refused by scikit-learn
        return
    if kind != "O":
        raise ValueError(f"{name} must hold real numbers; got dtype {X.dtype}.")
    if any(isinstance(value, str | bytes) for value in X.flat):
        raise ValueError(
            f"{name} must hold real numbers; got strings in an array of dtype object: "
            f"{ENCODE}{hint}."
        )
    for value in X.flat:
        if not (_may_be_number(value) or isinstance(value, Complex)):
            kind = type(value).__name__
            raise TypeError(
                f"{name} must hold real numbers; got a {kind} in an array of dtype object: "
                f"float() argument must be a string or a real number, not {kind!r}."
            )


def _check_columns(X, name, hint):
    """Raise an error that names the first column of a DataFrame that holds no numbers."""
    columns = list(X.columns)
    if len(set(columns)) < len(columns):
        twin = next(column for column in columns if columns.count(column) > 1)
        raise ValueError(
            f"{name} must have columns of different names; got {twin!r} more than once: rename "
            "them."
        )
    for i, (column, dtype) in enumerate(zip(X.columns, X.dtypes)):
        if _is_number(dtype):
            continue
        if isinstance(dtype, np.dtype) and all(map(_may_be_number, X.iloc[:, i])):
            continue  # objects, each of them a number
        raise ValueError(
            f"{name} must hold real numbers; column {column!r} is of dtype {dtype}: "
            f"{ENCODE}{hint}."
        )


ENCODE = (
    "turn it into numbers, for example with sklearn.preprocessing.OneHotEncoder in a "
    "sklearn.compose.ColumnTransformer"
)


def _is_number(dtype):
    """Whether a column's type is one of real numbers."""
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric() or str(dtype) == "Boolean"
    return dtype.kind in REAL or _is_arrow(dtype, "decimal")


def _is_arrow(dtype, kind):
    """Whether a column of pandas is of a kind of Arrow's types, such as decimal."""
    return hasattr(dtype, "pyarrow_dtype") and str(dtype).startswith(kind)


def _may_be_number(value):
    """Whether an object is a number or missing, which scikit-learn has to judge."""
    return isinstance(value, NUMBER) or value is None or _is_na(value)


def _is_na(value):
    """Whether a value is pandas' NA, which need not be installed."""
    return type(value).__name__ == "NAType"


def _without_sparse_columns(X):
    """Return a DataFrame of pandas or polars with its columns dense."""
    if not any(type(dtype).__name__ == "SparseDtype" for dtype in X.dtypes):
        return X
    return X.apply(lambda c: c.sparse.to_dense() if hasattr(c, "sparse") else c)


def _without_objects(X):
    """Return a DataFrame with floats for decimals, and objects of which one is pandas' NA."""
    for j, dtype in enumerate(X.dtypes):
        is_decimal = _is_arrow(dtype, "decimal")
        if not (is_decimal or (isinstance(dtype, np.dtype) and dtype.kind == "O")):
            continue
        column = X.iloc[:, j]
        if is_decimal or any(map(_is_na, column)):
            X = X.copy(deep=False)
            X.isetitem(j, column.to_numpy(dtype=np.float64, na_value=np.nan))
    return X
