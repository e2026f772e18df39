"""Tables of the results: macro AP by share, average ranks, questions and decoding."""

import csv
from pathlib import Path
from statistics import mean

from reproduction.rendering import csv_table, markdown_table
from scipy.stats import rankdata

from .data import DATASETS
from .methods import METHODS, REFERENCES
from .scores import TOLD

RENDER = {"rst": csv_table, "md": markdown_table}


def read_results(path):
    """Return the rows of a file of results as dicts of text; none if there is no file."""
    if not Path(path).exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def known_tables(rows, form):
    """Return a table of macro AP for each data set, and the average ranks over them.

    Parameters
    ----------
    rows : list of dict
        As `read_results` returns them.
    form : {"rst", "md"}
        A list-table of reStructuredText or a table of Markdown.

    Returns
    -------
    str
        Means over the seeds.
    """
    render, means = RENDER[form], means_of(rows)
    blocks = [
        render(dataset, _cells_of(dataset, means, rows))
        for dataset in DATASETS
        if any(key[0] == dataset for key in means)
    ]
    return "\n\n".join([*blocks, render(*_own_ranks(rows))])


def _own_ranks(rows):
    """Return a title and the average rank of each of our methods among the references.

    Ranked all together, the variants would take the good ranks from each other.
    """
    cells = [["method", "sets", *map(title_of, TOLD)]]
    for method in METHODS:
        if method not in REFERENCES:
            ranks, datasets = average_ranks(rows, [method, *REFERENCES])
            values = [f"{v:.2f}" for v in ranks.get(method, {}).values()]
            cells.append([method, str(len(datasets)), *(values or ["-"] * len(TOLD))])
    ranks, datasets = average_ranks(rows, ["lamp", *REFERENCES])
    for method in REFERENCES if ranks else ():
        values = [f"{v:.2f}" for v in ranks[method].values()]
        cells.append([f"{method} (beside lamp)", str(len(datasets)), *values])
    return "average ranks", cells


def title_of(told):
    """Return the share of known labels in words."""
    return "one positive" if isinstance(told, str) else f"{told:.0%}"


def means_of(rows, column="macro_AP"):
    """Return the mean over seeds by data set, method and known share (as in the file)."""
    values = {}
    for row in rows:
        key = row["dataset"], row["method"], row["known"]
        values.setdefault(key, {})[row["seed"]] = float(row[column])
    return {key: mean(of_seeds.values()) for key, of_seeds in values.items()}


def _cells_of(dataset, means, rows):
    """Return the table of a data set as rows of text."""
    cells = [["method", "seeds", *map(title_of, TOLD), "fit CPU-s"]]
    for method in METHODS:
        mine = [r for r in rows if (r["dataset"], r["method"]) == (dataset, method)]
        if not mine:
            continue
        values = [means[dataset, method, str(told)] for told in TOLD]
        n_seeds = len({row["seed"] for row in mine})
        seconds = mean(float(row["fit_cpu_s"]) for row in mine)
        cells.append(
            [method, str(n_seeds), *(f"{v:.3f}" for v in values), f"{seconds:.0f}"]
        )
    return cells


def average_ranks(rows, methods):
    """Return the average ranks over the data sets that have all methods that are ranked.

    Parameters
    ----------
    rows : list of dict
        As `read_results` returns them; of each set count the seeds that all of the methods
        have, since what is hidden differs by seed.
    methods : sequence of str
        Those to rank.

    Returns
    -------
    ranks : dict of str to dict
        For each method by known share, 1 for the best; equal ones share the mean.
    datasets : list of str
        The sets that have all methods.
    """
    means = means_of(_of_common_seeds(rows, methods))
    datasets = [
        dataset
        for dataset in DATASETS
        if all((dataset, m, str(told)) in means for m in methods for told in TOLD)
    ]
    ranks = {method: {} for method in methods}
    if not datasets:
        return {}, []
    for told in TOLD:
        by_set = [
            rankdata([-round(means[dataset, m, str(told)], 8) for m in methods])
            for dataset in datasets
        ]
        for method, of_sets in zip(methods, zip(*by_set, strict=True), strict=True):
            ranks[method][told] = float(mean(of_sets))
    return ranks, datasets


def _of_common_seeds(rows, methods):
    """Return the rows whose data set has their seed for all of the methods."""
    found = {(row["dataset"], row["seed"], row["method"]) for row in rows}
    return [
        row
        for row in rows
        if all((row["dataset"], row["seed"], method) in found for method in methods)
    ]


def plain_table(title, rows, keys, columns, form):
    """Return means over the seeds of other results, a line for each value of the keys."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    cells = [[*keys, *columns]]
    for group, found in groups.items():
        values = [mean(float(row[column]) for row in found) for column in columns]
        cells.append([*group, *(f"{value:.3f}" for value in values)])
    return RENDER[form](title, cells)
