"""Where a display draws: the given axes, or new ones."""

from sklearn.utils._optional_dependencies import check_matplotlib_support


def axes_for(display, ax, figsize=None):
    """Return the given axes, or those of a new figure, and note them on the display."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=figsize, layout="constrained")
    display.ax_, display.figure_ = ax, ax.figure
    return ax
