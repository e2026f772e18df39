"""What the Displays share: axes, the choice of labels, heat maps."""

from numbers import Integral

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ..explanation import Explanation

__all__ = [
    "check_explanation",
    "choose_labels",
    "color_range",
    "draw_heat_map",
    "explain_sample",
    "new_axes",
    "place_of",
    "sample_of",
]

# Longer names of columns are turned, so that they do not run into each other.
LONGEST_ROW_OF_NAMES = 60
# Names are small from half as many rows or columns on, and smaller beyond.
MANY = 24


def new_axes(ax, name):
    """Return the axes to draw on: those that are given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        As the user gave them.
    name : str
        Of the display, for the error.

    Returns
    -------
    matplotlib Axes
        The axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{name}.plot needs matplotlib; install it with `pip install matplotlib`."
        ) from error
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def choose_labels(label_names, labels, n_labels, importance):
    """Return which labels are drawn, in their order.

    Parameters
    ----------
    label_names : sequence
        The names of all labels.
    labels : sequence or None
        The names of those to draw, or their places; None chooses.
    n_labels : int
        How many to choose, the most important ones.
    importance : ndarray of shape (n_labels,)
        How important each label is.

    Returns
    -------
    ndarray of int
        The places of the labels.

    Raises
    ------
    ValueError
        If a label is unknown, or `n_labels` is not a positive integer.
    """
    if labels is None:
        if not isinstance(n_labels, Integral) or n_labels < 1:
            raise ValueError(f"n_labels must be a positive integer; got {n_labels!r}.")
        return np.sort(np.argsort(-np.asarray(importance), kind="stable")[:n_labels])
    names = list(label_names)
    places = [_place(label, names) for label in labels]
    if not places:
        raise ValueError("labels must name at least one label; got none.")
    return np.array(places)


def _place(label, names):
    """Return the place of a label, given its name or its place."""
    if label in names:
        return names.index(label)
    if isinstance(label, Integral) and 0 <= label < len(names):
        return int(label)
    raise ValueError(
        f"labels must be names of labels, or numbers from 0 to {len(names) - 1}; got {label!r}."
    )


def sample_of(sample, n_samples):
    """Return the place of a sample.

    Parameters
    ----------
    sample : int
        As the user gave it.
    n_samples : int
        How many there are.

    Returns
    -------
    int
        The place, from zero on.

    Raises
    ------
    ValueError
        If there is no such sample.
    """
    if not isinstance(sample, Integral) or not -n_samples <= sample < n_samples:
        raise ValueError(
            f"sample must be an integer from 0 to {n_samples - 1}, the place of the sample; "
            f"got {sample!r}."
        )
    return int(sample) % n_samples


def place_of(place, n, name):
    """Return a place that may be counted from the end.

    Parameters
    ----------
    place : int
        As the user gave it.
    n : int
        How many places there are.
    name : str
        The argument, for the error.

    Returns
    -------
    int
        The same.

    Raises
    ------
    ValueError
        If there is no such place.
    """
    if not isinstance(place, Integral) or not -n <= place < n:
        raise ValueError(
            f"{name} must be an integer from {-n} to {n - 1}, as there are {n}; got {place!r}."
        )
    return int(place)


def check_explanation(explanation):
    """Raise an error unless it is what `explain` returns.

    Parameters
    ----------
    explanation : Explanation
        As the user gave it.

    Raises
    ------
    TypeError
        If it is anything else.
    """
    if not isinstance(explanation, Explanation):
        raise TypeError(
            "explanation must be what the explain of a fitted classifier returns; got "
            f"{type(explanation).__name__}."
        )


def explain_sample(estimator, X, sample, known=None, feature_names=None):
    """Return the explanation of one sample, or of all.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a method `explain`.
    X : array-like or container of length n_samples
        The samples.
    sample : int or None
        The place of the one to explain; None for all.
    known : array-like, default=None
        What is known of the labels of X.
    feature_names : array-like, default=None
        The names of features or tokens.

    Returns
    -------
    Explanation
        The explanation.

    Raises
    ------
    TypeError
        If the estimator has no such method.
    """
    if not hasattr(estimator, "explain"):
        raise TypeError(
            "estimator must have a method explain, as LaMPClassifier and others of this "
            f"package do; {type(estimator).__name__} has none."
        )
    if sample is not None:
        place = [sample_of(sample, _num_samples(X))]
        X = _safe_indexing(X, place)
        known = None if known is None else _safe_indexing(known, place)
    given = {"known": known, "feature_names": feature_names}
    return estimator.explain(X, **{k: v for k, v in given.items() if v is not None})


def color_range(values, kind):
    """Return how numbers of a kind are colored.

    Parameters
    ----------
    values : ndarray
        The numbers.
    kind : str
        Of an `Explanation`.

    Returns
    -------
    dict
        The color map, and the numbers at its ends: from zero for attention, else as far below
        zero as above.
    """
    values = np.abs(values[np.isfinite(values)])
    largest = float(values.max(initial=0)) or 1.0
    if kind == "attention":
        return {"cmap": "Blues", "vmin": 0.0, "vmax": largest}
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def draw_heat_map(ax, values, rows, columns, *, colorbar=None, **options):
    """Draw a matrix with names at its rows and columns.

    Parameters
    ----------
    ax : matplotlib Axes
        Where.
    values : ndarray of shape (n_rows, n_columns)
        The matrix.
    rows, columns : sequence
        Their names.
    colorbar : str, default=None
        What the colors say; None for no bar.
    **options : object
        For `imshow`.

    Returns
    -------
    matplotlib AxesImage
        The matrix.
    """
    image = ax.imshow(values, aspect="auto", interpolation="nearest", **options)
    columns, rows = [str(c) for c in columns], [str(r) for r in rows]
    turned = sum(len(name) + 1 for name in columns) > LONGEST_ROW_OF_NAMES
    turn = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    if len(columns) > MANY:  # turned by less, they would run into each other
        turn = {"rotation": 90}
    most = max(len(rows), len(columns))
    size = {"fontsize": "x-small" if most > MANY else "small"} if most > MANY / 2 else {}
    ax.set_xticks(range(len(columns)), columns, **turn, **size)
    ax.set_yticks(range(len(rows)), rows, **size)
    ax.tick_params(length=0)
    if colorbar is not None:
        ax.figure.colorbar(image, ax=ax, label=colorbar)
    return image
