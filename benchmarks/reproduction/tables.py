"""Rows of results: on disk, beside each other, and their means over seeds."""

import csv
import json
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import rankdata

from .judge import METRICS

COLUMNS = (
    "dataset", "model", "setting", "seed", "commit", *METRICS, "fit_cpu_s", "fit_wall_s",
    "peak_mb", "gpu_mb", "n_train", "n_valid", "n_test", "device", "threads", "thresholds",
    "epochs", "parameters",
)  # fmt: skip
IMAGE_METRICS = ("mAP", "CF1", "OF1", "CF1@3", "OF1@3")
IMAGE_COLUMNS = (
    "dataset", "model", "setting", "seed", "commit", *IMAGE_METRICS, "fit_cpu_s", "fit_wall_s",
    "peak_mb", "n_train", "n_test", "device", "threads", "parameters",
)  # fmt: skip
LOSSES = ("HL", "RL")
BAG_METRICS = (*LOSSES, "LRAP", "mAP", "maF1", "maF1-top")
BAG_COLUMNS = (
    "dataset", "model", "setting", "seed", "commit", *BAG_METRICS, "fit_cpu_s", "fit_wall_s",
    "peak_mb", "n_train", "n_valid", "n_test", "device", "threads", "parameters",
)  # fmt: skip
# The metrics of Table 2 of the GLEMIML paper, and the models that it does not rank.
RANKED = ("HL", "RL", "mAP", "maF1")
ABLATIONS = ("glemiml-a", "glemiml-b", "glemiml-c")
COSTS = ("fit_cpu_s", "fit_wall_s", "peak_mb")
TITLES = {
    "model": "model",
    "setting": "setting",
    "seeds": "seeds",
    **{name: name for name in (*METRICS, *IMAGE_METRICS, *BAG_METRICS)},
    "maF1-top": "maF1 (top label)",
    "maF1_nan": "maF1 (nan rule)",
    "fit_cpu_s": "fit CPU-s",
    "fit_wall_s": "fit s",
    "peak_mb": "MB",
}


def read_rows(path):
    """Return the rows of a file of results, each a dict; none if there is no file."""
    if not Path(path).exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return [_as_numbers(row) for row in csv.DictReader(file)]


def append_row(path, row):
    """Append a row to a file of results, which is made if there is none."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    if not is_new:
        check_columns(path, tuple(row))
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def sort_rows(rows, datasets, models):
    """Return rows with those of some data sets at the end, in the order of sets and models."""

    def place(row):
        if row["dataset"] not in datasets:
            return 0, 0
        return 1 + datasets.index(row["dataset"]), models.index(row["model"])

    return sorted(rows, key=place)


def check_columns(path, columns):
    """Refuse a file of results with other columns."""
    with open(path, newline="", encoding="utf-8") as file:
        found = next(csv.reader(file), [])
    if tuple(found) != columns:
        raise ValueError(
            f"{path} must have the columns {', '.join(columns)}; it has {', '.join(found)}: "
            "give another file."
        )


def _as_numbers(row):
    """Turn what is a number into one, and leave out what is empty."""
    numbers = {*METRICS, *IMAGE_METRICS, *BAG_METRICS, *COSTS, "seed"}
    return {
        key: float(value) if key in numbers else value
        for key, value in row.items()
        if value
    }


def metrics_of(rows):
    """Return the metrics of rows: images and bags have their own; none without rows."""
    for metrics in (METRICS, IMAGE_METRICS, BAG_METRICS):
        if rows and rows[0].keys() >= {*metrics}:
            return metrics
    return ()


def report(rows):
    """Return rows beside each other, for the terminal."""
    keys = ("model", "setting", *metrics_of(rows), *COSTS)
    lines = [[TITLES[key] for key in keys]]
    lines += [[show(key, row.get(key)) for key in keys] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    # Names to the left, numbers to the right.
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def show(key, value):
    """Return a value of a column as text."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if key in LOSSES:
        return f"{value:.4f}"
    if key in (*METRICS, *IMAGE_METRICS, *BAG_METRICS):
        return f"{value:.3f}"
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def summarize(rows):
    """Return one dict per model and hyper-parameters: (mean, standard deviation) over seeds."""
    groups = {}
    for row in rows:
        parameters = json.loads(row["parameters"])
        parameters.pop("chosen", None)  # in training, and so by seed
        key = row["model"], row.get("setting"), as_json(parameters)
        groups.setdefault(key, {})[row["seed"]] = row
    return [_summary(*key[:2], group.values()) for key, group in groups.items()]


def _summary(model, setting, rows):
    """Summarize the rows of one model."""
    rows = list(rows)
    summary = {"model": model, "setting": setting, "seeds": str(len(rows))}
    commits = dict.fromkeys(row["commit"] for row in rows if row.get("commit"))
    summary["commit"] = " ".join(commits)
    for key in (*metrics_of(rows), *COSTS):
        values = [row[key] for row in rows]
        summary[key] = mean(values), stdev(values) if len(values) > 1 else None
    return summary


def average_ranks(rows):
    """Return the rank of each model by each metric of bags, averaged over the data sets.

    Parameters
    ----------
    rows : list of dict
        As `read_rows` returns them.

    Returns
    -------
    dict of str to dict
        For each model the ranks by metric: of the mean over the seeds, 1 for the best, equal
        ones with the mean of their ranks. Of the models that all data sets of the rows have,
        as they come: those with other settings and `ABLATIONS` are left out.
    """
    names = dict.fromkeys(row["dataset"] for row in rows)
    means = [_means_of(row for row in rows if row["dataset"] == name) for name in names]
    models = (
        [model for model in means[0] if all(model in found for found in means)]
        if means
        else []
    )
    ranks = {model: {} for model in models}
    for metric in BAG_METRICS:
        sign = 1 if metric in LOSSES else -1
        # Rounded, so that no sum's last digit breaks a tie.
        by_set = [
            rankdata([round(sign * found[m][metric], 8) for m in models]) for found in means
        ]
        for model, of_sets in zip(models, zip(*by_set, strict=True), strict=True):
            ranks[model][metric] = float(mean(of_sets))
    return ranks


def _means_of(rows):
    """Return the means over the seeds of each model that is ranked, of the latest training."""
    summaries = summarize(
        row
        for row in rows
        if row["setting"] == "defaults" and row["model"] not in ABLATIONS
    )
    return {s["model"]: {metric: s[metric][0] for metric in BAG_METRICS} for s in summaries}


def as_json(values):
    """Return a dict as one line of JSON, what JSON does not know as text."""
    return json.dumps(values, sort_keys=True, default=str)
