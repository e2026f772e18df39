"""The names that labels have: where they come from, and in which order."""

from collections import Counter
from collections.abc import Mapping
from functools import update_wrapper
from types import MethodType

import numpy as np

from ._foreign import read_foreign
from ._forms import as_numbers

__all__ = [
    "NeedsLabelNames",
    "align_to_labels",
    "column_names",
    "column_order",
    "fitted_label_names",
    "listed",
]


def column_names(Y):
    """Return the names of the columns of a DataFrame as str; None for anything else."""
    columns = getattr(read_foreign(Y, "y"), "columns", None)
    return None if columns is None else [str(name) for name in columns]


def fitted_label_names(estimator):
    """Return the names of the labels that an estimator was fitted on; None if it has none."""
    if isinstance(getattr(estimator, "steps", None), list):  # of a pipeline
        return fitted_label_names(estimator.steps[-1][1])
    names = getattr(estimator, "label_names_", None)
    if names is None and hasattr(estimator, "best_estimator_"):  # of a search
        return fitted_label_names(estimator.best_estimator_)
    return None if names is None else [str(name) for name in names]


def column_order(names, others, *, name, reference, further="refuse"):
    """Return where each label stands among names that may be in another order.

    Parameters
    ----------
    names : list of str or None
        The labels, in order.
    others : list of str or None
        The names to find them in.
    name, reference : str
        What has the other names, and what has the labels, for errors.
    further : {"refuse", "keep"}, default="refuse"
        Whether there may be names beyond those of the labels; they stand behind them.

    Returns
    -------
    ndarray of int or None
        Index into `others`; None where nothing is to be moved: if the order is the same, or
        if one side has no names or only those that pandas and polars give by default.

    Raises
    ------
    ValueError
        If labels are missing, if there are others, or if a name occurs twice.

    Examples
    --------
    >>> from skmlc.label_names import column_order
    >>> column_order(["sea", "sky"], ["sky", "sea"], name="y_pred", reference="y_true")
    array([1, 0])
    """
    if names is None or others is None or names == others:
        return None
    labels, found = set(names), set(others)
    lacking = [label for label in names if label not in found]
    more = [label for label in others if label not in labels]
    if (lacking or more) and (_is_numbered(names) or _is_numbered(others)):
        return None
    faults = [f"it lacks {listed(lacking)}"] if lacking else []
    faults += [f"it has {listed(more)} too many"] if more and further == "refuse" else []
    for owner, columns in (("it", others), (reference, names)):
        twice = [label for label, count in Counter(columns).items() if count > 1]
        faults += [f"{owner} has {listed(twice)} twice"] if twice else []
    if faults:
        raise ValueError(
            f"{name} must have the labels of {reference} by name, but "
            f"{' and '.join(faults)}; arrays have no names and go by position."
        )
    position = {label: i for i, label in enumerate(others)}
    return np.array([position[label] for label in [*names, *more]])


def align_to_labels(value, label_names, *, name, square=False, further="refuse"):
    """Return what a user gives for each label as an array in the order of the labels.

    Parameters
    ----------
    value : object
        Values by name: a mapping, a Series, a DataFrame indexed by label.  Anything that has
        no names (an array, a list, a number, a word, None) comes back as it is.
    label_names : sequence of str or None
        The labels, in order; None where they have no names.
    name : str
        The argument, for errors.
    square : bool, default=False
        Whether the columns of a DataFrame are labels too; those of a polars DataFrame, which
        has no index, then name its rows.
    further : {"refuse", "keep"}, default="refuse"
        Whether there may be names beyond those of the labels; they stand behind them.

    Returns
    -------
    object
        An ndarray for a mapping, a Series or a DataFrame; else `value`.  Without names on one
        of the two sides it is in the order in which it came.

    Raises
    ------
    ValueError
        If the sets of names differ, or if a mapping is given for labels without names.

    Examples
    --------
    >>> from skmlc.label_names import align_to_labels
    >>> align_to_labels({"sky": 0.5, "sea": 0.2}, ["sea", "sky"], name="threshold")
    array([0.2, 0.5])
    """
    names = None if label_names is None else [str(label) for label in label_names]
    if isinstance(value, Mapping):
        if names is None:
            raise ValueError(
                f"{name} is a mapping from label names, but the labels have no names: give y "
                f"as a DataFrame, or {name} as an array."
            )
        rows, value = [str(label) for label in value], list(value.values())
    elif hasattr(value, "iloc"):
        rows = [str(label) for label in value.index]
    elif hasattr(value, "columns"):
        rows = column_names(value) if square else None
    else:
        return value
    columns = (column_names(value) or rows) if square else None
    value = as_numbers(value, name, "hold numbers")
    if square:
        value = _with_columns_as_rows(value, rows, columns, name)
    places = column_order(names, rows, name=name, reference="y", further=further)
    if places is None:
        return value
    return value[np.ix_(places, places)] if square else value[places]


def listed(names, most=20):
    """Return how many labels there are, and the names of the first of them.

    Parameters
    ----------
    names : list of str
        What to list, for a message.
    most : int, default=20
        How many names to give.

    Returns
    -------
    str
        Such as "2 labels (cat, dog)".
    """
    count = "1 label" if len(names) == 1 else f"{len(names)} labels"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{count} ({', '.join(names[:most])}{more})"


class NeedsLabelNames:
    """Make a method of an estimator exist only where its labels have names.

    Like scikit-learn's `available_if`, but the error says what to do, not only that the
    attribute is missing.

    Parameters
    ----------
    method : function
        The method.
    """

    def __init__(self, method):
        self.method = method
        update_wrapper(self, method)

    def __get__(self, estimator, owner=None):
        """Return the method, or raise an error that names the reason."""
        if estimator is None:
            return self.method
        if not hasattr(estimator, "label_names_"):
            raise AttributeError(self._reason(estimator))
        return MethodType(self.method, estimator)

    def _reason(self, estimator):
        needs = f"{self.method.__name__} needs the names of the labels"
        name = type(estimator).__name__
        if not hasattr(estimator, "classes_"):
            return f"{needs}; fit this {name} first, with y as a DataFrame."
        return (
            f"{needs}, but y had no column names when this {name} was fitted: fit it with y "
            "as a DataFrame, or use predict."
        )


# Within this file ---------------------------------------------------------------------------


def _is_numbered(names):
    """Return whether names are those of pandas or polars for columns without names."""
    numbers = [str(i) for i in range(len(names))]
    return names in (numbers, [f"column_{i}" for i in numbers])


def _with_columns_as_rows(matrix, rows, columns, name):
    """Return a square matrix with its columns in the order of its rows."""
    if matrix.shape != 2 * (len(rows),) or set(rows) != set(columns):
        different = sorted(set(rows) ^ set(columns))
        raise ValueError(
            f"{name} must have the same labels as index and as columns; got "
            f"{len(rows)} rows and {len(columns)} columns, of which {listed(different)} "
            "are not both."
        )
    order = column_order(rows, columns, name=name, reference="its index")
    return matrix if order is None else matrix[:, order]
