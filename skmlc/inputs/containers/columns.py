"""Columns of a DataFrame whose items are lists, arrays or other objects."""

from collections.abc import Iterator

import numpy as np

from ..._foreign import is_of, read_foreign

__all__ = ["items_of", "nested_column", "rows_of_objects"]

# Of polars: what a column of lists, of arrays of one shape, and of anything else holds.
NESTED_TYPES = {"List", "Array", "Object"}


def nested_column(X):
    """Return the items of a column of polars that holds lists or arrays.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    list or None
        The items of a `Series`, or of a `DataFrame` of one column; None of anything else.
    """
    if is_of(X, "polars", "DataFrame") and X.width == 1:
        X = X.to_series()
    if is_of(X, "polars", "Series") and type(X.dtype).__name__ in NESTED_TYPES:
        return X.to_list()
    return None


def items_of(X, name):
    """Return what a container is made of, one item per sample.

    Parameters
    ----------
    X : object
        A list, an array or another iterable, a column of pandas, polars or Arrow, or a
        `DataFrame` of one column.
    name : str
        What it is called, for errors.

    Returns
    -------
    object
        The items of a column as a list; anything else as it came.

    Raises
    ------
    ValueError
        If it is a `DataFrame` of several columns.
    """
    X = X if isinstance(X, Iterator) else read_foreign(X, name)
    if hasattr(X, "columns"):
        if len(X.columns) != 1:
            raise ValueError(
                f"{name} must be one column; got a DataFrame of {len(X.columns)} columns: "
                "choose one."
            )
        X = X[X.columns[0]]
    items = nested_column(X)
    if items is not None:
        return items
    return list(X) if hasattr(X, "iloc") else X


def rows_of_objects(array):
    """Return an array of rows that are arrays of their own as one matrix, as Parquet has them.

    Parameters
    ----------
    array : ndarray
        Any.

    Returns
    -------
    ndarray
        Of two dimensions, if it was of one dimension, of objects, and these are rows.

    Raises
    ------
    ValueError
        If the rows differ in length.
    """
    if array.ndim != 1 or array.dtype.kind != "O" or not len(array):
        return array
    if not all(isinstance(row, np.ndarray | list | tuple) for row in array):
        return array
    return np.asarray([np.asarray(row).tolist() for row in array])
