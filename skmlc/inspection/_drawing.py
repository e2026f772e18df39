"""What the Displays share: axes, the choice of labels, heat maps."""

from itertools import pairwise
from numbers import Integral

import numpy as np

from ..explanation import Explanation

__all__ = [
    "axes_for",
    "check_explanation",
    "check_most",
    "choose_labels",
    "color_range",
    "draw_heat_map",
    "place_of",
    "sample_of",
]

# Names of columns are turned where they would run into each other: the width of a letter, in
# points, and what share of the axes is left beside a bar of colors.
LETTER, WITHOUT_BAR = 6.0, 0.9
# What a name needs, in points; where there is less, every second, third ... one is written.
NAME_SPACE = 9.0
# Names are small from half as many rows or columns on, and smaller beyond.
MANY = 24


def axes_for(display, ax, figsize=None):
    """Return the given axes, or those of a new figure, and note them on the display.

    Parameters
    ----------
    display : object
        What is drawn; gets `ax_` and `figure_`.
    ax : matplotlib Axes or None
        As the user gave them.
    figsize : (float, float), default=None
        The size of a new figure in inches.

    Returns
    -------
    matplotlib Axes
        The axes.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is anything else, such as a figure or an array of axes.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib; install it with "
            "`pip install matplotlib`."
        ) from error
    if ax is not None and not hasattr(ax, "get_xlim"):
        raise TypeError(
            f"ax must be one Axes of matplotlib, or None; got {type(ax).__name__}: of several, "
            "as from plt.subplots, pass one."
        )
    if ax is None:
        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    display.ax_, display.figure_ = ax, ax.figure
    return ax


def choose_labels(label_names, labels, most, importance):
    """Return which labels are drawn, in their order.

    Parameters
    ----------
    label_names : sequence
        The names of all labels.
    labels : sequence or None
        The names of those to draw, or their places; None chooses.
    most : int
        How many to choose at most, the most important ones.
    importance : ndarray of shape (n_labels,)
        How important each label is.

    Returns
    -------
    ndarray of int
        The places of the labels.

    Raises
    ------
    ValueError
        If a label is unknown or there is none.
    """
    if labels is None:
        return np.sort(np.argsort(-np.asarray(importance), kind="stable")[:most])
    names = list(label_names)
    if isinstance(labels, str | Integral):
        raise ValueError(f"labels must be a list of labels; got {labels!r}.")
    places = [_place(label, names) for label in labels]
    if not places:
        raise ValueError("labels must name at least one label; got none.")
    return np.array(places)


def check_most(value, name, least=1):
    """Raise an error unless a limit of what is drawn can be one.

    Parameters
    ----------
    value : int
        As the user gave it.
    name : str
        Of the argument.
    least : int, default=1
        The smallest limit.

    Raises
    ------
    ValueError
        If it is not an integer, or too small.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}; got {value!r}.")


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
        What the colors mean; None for no bar.
    **options : object
        For `imshow`.

    Returns
    -------
    matplotlib AxesImage
        The matrix.
    """
    image = ax.imshow(values, aspect="auto", interpolation="nearest", **options)
    width, height = np.array(ax.get_window_extent().size) * 72 / ax.figure.dpi  # in points
    columns, rows = _readable(columns, width), _readable(rows, height)
    names = list(columns.values())
    turned = _would_touch(names, width)
    turn = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    if len(names) > MANY:  # turned by less, they would run into each other
        turn = {"rotation": 90}
    most = max(len(rows), len(columns))
    size = {"fontsize": "x-small" if most > MANY else "small"} if most > MANY / 2 else {}
    ax.set_xticks(list(columns), names, **turn, **size)
    ax.set_yticks(list(rows), rows.values(), **size)
    ax.tick_params(length=0)
    if colorbar is not None:
        ax.figure.colorbar(image, ax=ax, label=colorbar)
    return image


def _readable(names, space):
    """Return the names that there is space for, in points, by their places."""
    step = max(1, int(np.ceil(len(names) * NAME_SPACE / space)))
    return {i: str(name) for i, name in enumerate(names) if i % step == 0}


def _would_touch(names, width):
    """Return whether names side by side have no space between them, on a width in points."""
    pairs = [(len(a) + len(b)) / 2 for a, b in pairwise(names)]
    return (max(pairs, default=0) + 1) * LETTER > width * WITHOUT_BAR / max(len(names), 1)


def size_of_heat_map(n_rows, n_columns):
    """Return the size of a new figure in which names of rows and columns can be read.

    Parameters
    ----------
    n_rows, n_columns : int
        Of the heat map.

    Returns
    -------
    (float, float)
        Width and height in inches, no more than of a page.
    """
    return np.clip(2.5 + 0.16 * n_columns, 6.4, 12), np.clip(1.5 + 0.16 * n_rows, 4.8, 12)
