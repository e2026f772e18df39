"""Tables of the results: scores by set, average ranks, wins and losses, CPU seconds."""

from statistics import geometric_mean, mean, median
from typing import NamedTuple

from completion.tables import RENDER, read_results
from scipy.stats import rankdata

from .data import DATASETS, DEVELOPMENT, SET_ASIDE
from .methods import METHODS, OURS, SINGLE
from .scores import METRICS

SECONDS = ("fit_cpu_s", "predict_cpu_s")
MEAN = "mean"  # of the five metrics
GROUPS = {
    "development sets": DEVELOPMENT,
    "sets set aside": SET_ASIDE,
    "all sets": DATASETS,
}
DIGITS = 3  # differences that these do not show are ties


class Ranks(NamedTuple):
    """The average ranks of a method, and the number of data sets."""

    n_sets: int
    by_metric: dict  # by each metric, 1 for the best
    of_mean: float  # by the mean over the metrics


class Wins(NamedTuple):
    """On how many data sets one method is ahead of another, and by how much."""

    wins: int
    losses: int
    ties: int
    median: float


def read_scores(path):
    """Return the rows of a file of results; none if there is no file."""
    numbers = (*METRICS, *SECONDS)
    return [
        row | {"seed": int(row["seed"])} | {name: float(row[name]) for name in numbers}
        for row in read_results(path)
    ]


def means_of(rows):
    """Return means over the seeds, by data set and method.

    Parameters
    ----------
    rows : list of dict
        As `read_scores` returns them.

    Returns
    -------
    dict of (str, str) to dict
        With each of `METRICS`, "mean" of these, and "cpu_s" of fit and prediction together.
    """
    groups = {}
    for row in rows:
        groups.setdefault((row["dataset"], row["method"]), {})[row["seed"]] = row
    return {key: _mean_of(list(by_seed.values())) for key, by_seed in groups.items()}


def _mean_of(rows):
    values = {name: mean(row[name] for row in rows) for name in (*METRICS, *SECONDS)}
    values[MEAN] = mean(values[name] for name in METRICS)
    values["cpu_s"] = sum(values[name] for name in SECONDS)
    return values


def of_common_seeds(rows, methods):
    """Return the rows of methods, without seeds of a data set that one of them lacks."""
    found = {(row["dataset"], row["seed"], row["method"]) for row in rows}
    return [
        row
        for row in rows
        if row["method"] in methods
        and all((row["dataset"], row["seed"], method) in found for method in methods)
    ]


def average_ranks(rows, methods):
    """Return the `Ranks` of methods, over the data sets and seeds that have all of them.

    Parameters
    ----------
    rows : list of dict
        As `read_scores` returns them.
    methods : sequence of str
        Those to rank.

    Returns
    -------
    dict of str to Ranks
        Of the means over the seeds; equal ones share the mean of their ranks.  Empty where no
        data set has all of them.
    """
    means = means_of(of_common_seeds(rows, methods))
    datasets = dict.fromkeys(dataset for dataset, _ in means)
    if not datasets:
        return {}
    ranks = {}
    for name in (*METRICS, MEAN):
        # Rounded, so that no sum's last digit breaks a tie.
        by_set = [
            rankdata([-round(means[dataset, m][name], 8) for m in methods])
            for dataset in datasets
        ]
        ranks[name] = [float(mean(of_sets)) for of_sets in zip(*by_set, strict=True)]
    return {
        method: Ranks(
            len(datasets), {name: ranks[name][i] for name in METRICS}, ranks[MEAN][i]
        )
        for i, method in enumerate(methods)
    }


def compare(rows, method, other):
    """Return the `Wins` of a method over another, and the ratio of their CPU seconds.

    Parameters
    ----------
    rows : list of dict
        As `read_scores` returns them.
    method, other : str
        Their names.

    Returns
    -------
    wins : dict of str to Wins
        For each of `METRICS` and "mean", over the data sets that have both, by the means over
        the seeds that both have; differences of less than half a thousandth are ties.  Empty
        where no data set has both.
    ratio : float or None
        The median over the data sets, above 1 where `method` takes longer.
    """
    means = means_of(of_common_seeds(rows, (method, other)))
    datasets = [dataset for dataset, name in means if name == method]
    if not datasets:
        return {}, None
    pairs = [(means[dataset, method], means[dataset, other]) for dataset in datasets]
    wins = {
        name: _wins([ours[name] - theirs[name] for ours, theirs in pairs])
        for name in (*METRICS, MEAN)
    }
    ratio = median(ours["cpu_s"] / max(theirs["cpu_s"], 1e-3) for ours, theirs in pairs)
    return wins, ratio


def _wins(differences):
    shown = [round(d, DIGITS) for d in differences]
    wins, losses = sum(d > 0 for d in shown), sum(d < 0 for d in shown)
    return Wins(wins, losses, len(shown) - wins - losses, median(differences))


def complete_methods(rows):
    """Return the methods that all data sets of the rows have."""
    datasets = {row["dataset"] for row in rows}
    found = {(row["dataset"], row["method"]) for row in rows}
    return [m for m in METHODS if all((dataset, m) in found for dataset in datasets)]


# As text --------------------------------------------------------------------------------------


def comparison_tables(rows, form):
    """Return tables of the results of one part.

    Parameters
    ----------
    rows : list of dict
        As `read_scores` returns them.
    form : {"rst", "md"}
        List-tables of reStructuredText or tables of Markdown.

    Returns
    -------
    str
        A table for each data set; for the development sets, for those set aside and for all
        of them average ranks, and each of ours beside every other method.
    """
    render, means = RENDER[form], means_of(rows)
    blocks = [
        render(dataset, _cells_of(dataset, means, rows))
        for dataset in DATASETS
        if any(key[0] == dataset for key in means)
    ]
    groups = {title: _of(rows, datasets) for title, datasets in GROUPS.items()}
    if not all(groups.values()):
        del groups["all sets"]  # the same as the one group that there is
    for title, found in groups.items():
        for what, methods in (("single methods", SINGLE), ("all methods", METHODS)):
            cells = _rank_cells(found, methods)
            if len(cells) > 1:
                blocks.append(render(f"average ranks of {what}, {title}", cells))
        for method in OURS:
            cells = _win_cells(found, method)
            if len(cells) > 1:
                blocks.append(render(f"{method} beside the others, {title}", cells))
    return "\n\n".join(blocks)


def _of(rows, datasets):
    return [row for row in rows if row["dataset"] in datasets]


def _cells_of(dataset, means, rows):
    """Return the table of a data set as rows of text."""
    cells = [["method", "seeds", *METRICS, MEAN, "fit CPU-s", "predict CPU-s"]]
    for method in METHODS:
        if (dataset, method) in means:
            values = means[dataset, method]
            seeds = {r["seed"] for r in _of(rows, [dataset]) if r["method"] == method}
            scores = [f"{values[name]:.3f}" for name in (*METRICS, MEAN)]
            seconds = [show_seconds(values[name]) for name in SECONDS]
            cells.append([method, str(len(seeds)), *scores, *seconds])
    return cells


def _rank_cells(rows, methods):
    """Return average ranks as rows of text, the best first.

    A method that some data sets lack is ranked by itself among those that all have.
    """
    rows = [row for row in rows if row["method"] in methods]
    complete = complete_methods(rows)
    ranks = average_ranks(rows, complete)
    for method in methods:
        among = average_ranks(rows, [*complete, method])
        if method not in complete and among and complete:
            ranks[method] = among[method]
    titles = ["method", "sets", *METRICS, "mean rank", "rank of the mean", "CPU-s"]
    lines = []
    for method, (n_sets, by_metric, of_mean) in ranks.items():
        values = [*by_metric.values(), mean(by_metric.values()), of_mean]
        seconds = show_seconds(typical_seconds(rows, method))
        lines.append([method, str(n_sets), *(f"{v:.2f}" for v in values), seconds])
    return [titles, *sorted(lines, key=lambda line: float(line[-3]))]


def _win_cells(rows, method):
    """Return how a method compares with every other as rows of text."""
    cells = [["against", "sets", *METRICS, MEAN, "CPU-s, times"]]
    for other in METHODS:
        wins, ratio = compare(rows, method, other) if other != method else ({}, None)
        if wins:
            n_sets = sum(wins[MEAN][:3])
            texts = [
                f"{w.wins}-{w.losses}-{w.ties} ({w.median:+.3f})" for w in wins.values()
            ]
            cells.append([other, str(n_sets), *texts, show_seconds(ratio)])
    return cells


def typical_seconds(rows, method):
    """Return the geometric mean over the data sets of the CPU seconds of a method."""
    means = means_of(row for row in rows if row["method"] == method)
    return geometric_mean(max(values["cpu_s"], 1e-3) for values in means.values())


def show_seconds(value):
    """Return seconds, or how many times as many, as text: small ones with a digit more."""
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"
