"""Columns of categories: which columns of a table they are, and the number of each category."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .forms import NUMBER, REAL, is_frame, is_missing, name_of_column, refuse_masked

__all__ = ["CategoryCodes", "find_categories"]

# Of a category that `fit` has not seen; one that is missing has NaN.
UNKNOWN = -1.0
# What pandas and polars call their types of categories.
CATEGORY_TYPES = {"CategoricalDtype", "Categorical", "Enum"}
TEXT_OR_OBJECTS = "OUS"


@dataclass(frozen=True, eq=False)
class CategoryCodes:
    """The categories that `fit` has seen, and the number of each.

    Attributes
    ----------
    columns : ndarray of int of shape (n_categorical_features,)
        Which columns of a table hold categories.
    codes : tuple of dict
        For each of them what it may hold, and the number that stands for it.
    """

    columns: np.ndarray
    codes: tuple[dict[Any, int], ...]

    def encode(self, X):
        """Return a table with numbers in place of categories.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
            As the user gave it, with as many columns as in `fit`.

        Returns
        -------
        DataFrame or ndarray
            A copy, with floats in the columns of categories: -1 for a category that `fit` has
            not seen, NaN for one that is missing. The numbers do not depend on how a frame
            counts its categories.

        Raises
        ------
        ValueError
            If a column holds numbers where `fit` saw something else, or the other way round.
        """
        X = _as_table(X.toarray() if sparse.issparse(X) else X)
        encoded = {}
        for j, codes in zip(self.columns, self.codes, strict=True):
            values, places = _distinct(X, j)
            _check_same_type(values, codes, name_of_column(X, j))
            # The place of what is missing is -1, the last.
            numbers = np.array([*(codes.get(v, UNKNOWN) for v in values), np.nan])
            encoded[j] = numbers[places]
        return _with_columns(X, encoded)


def find_categories(X, categorical_features):
    """Return the categories of a table, in an order that does not depend on that of its rows.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
        As the user gave it.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        Which columns hold categories: see `FeatureEncoder`.

    Returns
    -------
    CategoryCodes or None
        None if no column does, or X is not a table.

    Raises
    ------
    ValueError
        If X has no such columns.
    """
    X = _as_table(X)
    if categorical_features is None or len(getattr(X, "shape", ())) != 2:
        return None
    if isinstance(categorical_features, str):
        columns = _of_category_type(X)
    else:
        columns = _named(X, np.asarray(categorical_features))
    if len(columns) == 0:
        return None
    if sparse.issparse(X):
        raise ValueError(
            "categorical_features must be 'from_dtype' or None for a sparse X, which holds "
            f"numbers; got {categorical_features!r}: use X.toarray()."
        )
    codes = (_sorted(_distinct(X, j)[0]) for j in columns)
    return CategoryCodes(columns, tuple({v: i for i, v in enumerate(c)} for c in codes))


# Which columns ------------------------------------------------------------------------------


def _of_category_type(X):
    """Return the columns of a DataFrame that are of a type for categories."""
    dtypes = X.dtypes if is_frame(X) else ()
    return np.flatnonzero([_is_category_type(dtype) for dtype in dtypes])


def _is_category_type(dtype):
    """Whether a type of pandas or polars is one for categories, as dictionaries of Arrow."""
    name = getattr(dtype, "__name__", type(dtype).__name__)
    return name in CATEGORY_TYPES or str(dtype).startswith("dictionary<")


def _named(X, features):
    """Return the columns that an array names: by a mask, their places or their names."""
    n_columns, kind = X.shape[1], features.dtype.kind if features.ndim == 1 else None
    if features.size == 0:
        return np.array([], dtype=np.intp)
    if kind == "b" and len(features) == n_columns:
        return np.flatnonzero(features)
    if kind in ("U", "O"):
        return _places_of_names(X, features.tolist())
    if kind in ("i", "u") and features.min() >= 0 and features.max() < n_columns:
        return np.unique(features)
    raise ValueError(
        "categorical_features must name columns of X, by a mask, by their names or by numbers "
        f"from 0 to {n_columns - 1}; got {features!r}."
    )


def _places_of_names(X, names):
    """Return where the columns of these names are."""
    columns = list(X.columns) if is_frame(X) else []
    absent = [name for name in names if name not in columns]
    if absent:
        raise ValueError(
            "categorical_features must be columns of X, by their names where it is a "
            f"DataFrame; got {absent}, which it does not have."
        )
    return np.array([j for j, name in enumerate(columns) if name in names])


# What they hold -----------------------------------------------------------------------------


def _as_table(X):
    """Return a DataFrame or sparse matrix as it is, and whatever else as an array."""
    if is_frame(X) or sparse.issparse(X):
        return X
    refuse_masked(X, "X")
    try:
        X = np.asarray(X)
    except ValueError:  # ragged: for others to refuse
        return X
    return X.astype(object) if X.dtype.kind in "US" else X


def _distinct(X, j):
    """Return the distinct values of a column, and the place of each row's; -1 if missing."""
    try:
        values, places = _factorize(_column(X, j))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X must hold categories that can be told apart in column "
            f"{name_of_column(X, j)}, such as strings or numbers; got {error}."
        ) from error
    if any(isinstance(v, float | np.floating) and math.isinf(v) for v in values):
        raise ValueError(f"Input X contains infinity in column {name_of_column(X, j)}.")
    return values, places


def _factorize(column):
    """Return the distinct values of one column, and which of them each row has."""
    if hasattr(column, "factorize"):  # pandas
        places, values = column.factorize()
        return list(values), places
    if isinstance(column, np.ndarray) and column.dtype.kind in REAL:
        values, places = np.unique(column, return_inverse=True)
        present = ~np.isnan(values)
        return values[present].tolist(), np.where(present[places], places, -1)
    items = column.tolist() if isinstance(column, np.ndarray) else column.to_list()
    found = {}
    places = [
        -1 if is_missing(item) else found.setdefault(item, len(found)) for item in items
    ]
    return list(found), np.array(places, dtype=np.intp)


def _sorted(values):
    """Return values in order, also where they are of several types."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=_numbers_first)


def _numbers_first(value):
    """Return what puts values of several types in order."""
    if isinstance(value, NUMBER):
        return "", value
    return type(value).__name__, str(value)


def _check_same_type(values, codes, name):
    """Raise an error if all of a column is numbers where `fit` saw none, or the reverse."""
    given, seen = ({isinstance(v, NUMBER) for v in part} for part in (values, codes))
    if len(given) == len(seen) == 1 and given != seen:
        raise ValueError(
            f"X must hold categories such as {next(iter(codes))!r} in column {name}, as in "
            f"fit; got values such as {values[0]!r}: pass the categories themselves, not "
            "numbers that stand for them."
        )


# Frames and arrays --------------------------------------------------------------------------


def _column(X, j):
    """Return a column of a DataFrame or an array."""
    if hasattr(X, "iloc"):
        return X.iloc[:, j]
    return X.to_series(j) if is_frame(X) else X[:, j]


def _with_columns(X, columns):
    """Return a copy of a DataFrame or an array with other columns in some places."""
    if isinstance(X, np.ndarray):
        kept = X.dtype == np.float32 or X.dtype.kind == "O"
        X = X.astype(X.dtype if kept else np.float64)
        for j, values in columns.items():
            X[:, j] = values
    elif hasattr(X, "isetitem"):  # pandas
        X = X.copy(deep=False)
        for j, values in columns.items():
            X.isetitem(j, values)
    else:  # polars
        X = X.clone()
        for j, values in columns.items():
            old = X.to_series(j)
            X.replace_column(j, type(old)(old.name, values))
    return X
