"""A picture of the results: accuracy against CPU time."""

from math import log10
from statistics import mean

import matplotlib.pyplot as plt

from .methods import BLENDS, METHODS, NETWORKS
from .tables import MEAN, complete_methods, means_of, typical_seconds

# In the results: in the picture, where it differs.
NAMES = {
    "logreg": "logistic regression",
    "mlp": "MLPClassifier",
    "forest": "random forest",
    "extra_trees": "extra trees",
    "emb_mlp": "EmbMLP",
    "lamp": "LaMP",
    "lamp_forest": "LaMP + forest",
    "logreg_forest": "linear + forest",
    "mlknn": "ML-kNN",
    "boomer": "BOOMER",
    "libmultilabel": "LibMultiLabel",
    "napkinxc": "napkinXC",
}
# The name stands to the left, where one to the right would cross the next mark.
LEFT = ("logreg_forest",)
COLORS = {"network": "C0", "with several members": "C3", "other": "C7"}


def points_of(rows):
    """Return CPU seconds and relative score of each method.

    Parameters
    ----------
    rows : list of dict
        As `comparison.tables.read_scores` returns them, of one part.

    Returns
    -------
    dict of str to (float, float)
        The geometric mean of the seconds; and the mean over the five metrics as a share of
        the best one on the data set, on average over the data sets that the method has.
    """
    means = means_of(rows)
    best = {}
    for (dataset, _), values in means.items():
        best[dataset] = max(values[MEAN], best.get(dataset, 0))
    points = {}
    for method in METHODS:
        shares = [v[MEAN] / best[d] for (d, m), v in means.items() if m == method]
        if shares:
            points[method] = typical_seconds(rows, method), mean(shares)
    return points


def kind_of(method):
    """Return the word of `COLORS` for a method."""
    if method in NETWORKS:
        return "network"
    return "with several members" if method in (*BLENDS, "recipe") else "other"


def _heights(points):
    """Return where names stand: beside their points, or lower, below names that are near."""
    shares = [share for _, share in points.values()]
    gap = 0.035 * (max(shares) - min(shares))
    heights = {}
    for method in sorted(set(points) - {*LEFT}, key=lambda method: -points[method][1]):
        seconds, height = points[method]
        near = [h for m, h in heights.items() if abs(log10(points[m][0] / seconds)) < 0.45]
        # From the highest down: each that it would touch moves it.
        for other in sorted(near, reverse=True):
            if abs(height - other) < gap:
                height = other - gap
        heights[method] = height
    return heights


def draw(rows):
    """Return the figure.

    Its letters are large, so that they can be read where it is as wide as a phone.

    Parameters
    ----------
    rows : list of dict
        As `points_of` takes them.

    Returns
    -------
    matplotlib.figure.Figure
        Hollow marks are of methods that lack some of the data sets.
    """
    plt.rcParams.update(
        {"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, ax = plt.subplots(figsize=(6.5, 4.8), layout="constrained")
    complete, points = complete_methods(rows), points_of(rows)
    heights = _heights(points)
    for method, (seconds, share) in points.items():
        color = COLORS[kind_of(method)]
        face = color if method in complete else "none"
        ax.plot(seconds, share, "o", color=color, markerfacecolor=face)
        place = seconds, heights.get(method, share)
        side = (
            {"xytext": (-6, -4), "ha": "right"} if method in LEFT else {"xytext": (6, -3)}
        )
        name = NAMES.get(method, method)
        ax.annotate(name, place, **side, textcoords="offset points", fontsize=10)
    for kind, color in COLORS.items():
        ax.plot([], [], "o", color=color, label=kind)
    ax.set_xscale("log")
    ax.set_xlabel("CPU seconds of fit and prediction (geometric mean over sets)")
    ax.set_ylabel("mean score, relative to the best of a set")
    ax.grid(alpha=0.3)
    ax.margins(x=0.15)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=10)
    return figure
