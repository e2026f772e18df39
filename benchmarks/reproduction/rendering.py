"""Results as tables for the documentation, with the papers' figures beside ours."""

from statistics import mean, stdev

from .published import paper_method, published
from .tables import (
    BAG_METRICS,
    RANKED,
    TITLES,
    average_ranks,
    metrics_of,
    show,
    summarize,
)

# Seconds by the clock say how busy others were.
COSTS = ("fit_cpu_s", "peak_mb")


def tables(rows, form, dataset=None):
    """Return results as one table per data set, means over seeds, the paper's figures beside.

    Parameters
    ----------
    rows : list of dict
        As `read_rows` returns them.
    form : {"rst", "markdown"}
        A csv-table of reStructuredText or a table of Markdown.
    dataset : str, default=None
        The only data set; None for all.

    Returns
    -------
    str
        A mean is followed by the standard deviation where there are several seeds. Of two
        rows of the same model, hyper-parameters and seed the later counts. What the paper
        reports for methods that are not run is below. Columns in which nothing stands are
        left out. Several sets of bags are followed by the average ranks of the models.
    """
    render = {"rst": csv_table, "markdown": markdown_table}[form]
    names = dict.fromkeys(row["dataset"] for row in rows)
    blocks = []
    for name in names:
        if dataset in (None, name):
            summary = summarize([row for row in rows if row["dataset"] == name])
            blocks.append(render(name, _cells(summary, name)))
    if (
        len(blocks) > 1
        and metrics_of(rows) == BAG_METRICS
        and (ranks := average_ranks(rows))
    ):
        blocks.append(render("average ranks", _rank_cells(ranks)))
    return "\n\n".join(blocks)


def _cells(summaries, dataset):
    """Return a table as rows of text, the titles first, without empty columns."""
    metrics, table = metrics_of(summaries), published(dataset)
    lines = [_titles(metrics)]
    for summary in summaries:
        # The paper's figures stand beside the first row of a model.
        figures = table.pop(paper_method(summary["model"]), {})
        cells = [_name(summary), summary["seeds"]]
        for key in metrics:
            cells += [_cell(key, summary[key]), _cell(key, figures.get(key))]
        costs = [_cell(key, summary[key]) for key in COSTS]
        lines.append([*cells, *costs, summary["commit"]])
    for method, figures in table.items():
        cells = [f"{method} (paper)", ""]
        for key in metrics:
            cells += ["", _cell(key, figures.get(key))]
        lines.append([*cells, *("" for _ in COSTS), ""])
    kept = [i for i, column in enumerate(zip(*lines, strict=True)) if any(column[1:])]
    return [[line[i] for i in kept] for line in lines]


def _titles(metrics):
    """Return the titles of all columns that there may be."""
    of_metrics = [
        word for key in metrics for word in (TITLES[key], f"{TITLES[key]}, paper")
    ]
    return ["model", "seeds", *of_metrics, *(TITLES[key] for key in COSTS), "commit"]


def _name(summary):
    """Return the model with what differs from the defaults."""
    words = (summary["setting"] or "").split(", ")
    return ", ".join([summary["model"], *(w for w in words if w not in ("", "defaults"))])


def _cell(key, value):
    """Return a mean with its spread, or a figure of the paper's, as text."""
    if value is None:
        return ""
    middle, spread = value if isinstance(value, tuple) else (value, None)
    return _short(key, middle) + ("" if spread is None else f" ± {_short(key, spread)}")


def _short(key, value):
    """Return a number as text, a metric without the zero before the point."""
    text = show(key, value)
    return text if key in COSTS else text.removeprefix("0")


def _rank_cells(ranks):
    """Return ranks as rows of text, the titles first, then the best by the paper's metrics."""
    lines = [
        (model, *of.values(), mean(of[metric] for metric in RANKED), mean(of.values()))
        for model, of in ranks.items()
    ]
    keys = ("model", *BAG_METRICS)
    titles = [TITLES[key] for key in keys] + [f"mean of {', '.join(RANKED)}", "of all"]
    by_paper = sorted(lines, key=lambda line: line[-2:])
    return [titles] + [[line[0], *(f"{v:.2f}" for v in line[1:])] for line in by_paper]


def csv_table(title, cells, widths=None):
    """Return a table of reStructuredText.

    Parameters
    ----------
    title : str
        What stands above; nothing where empty.
    cells : list of list of str
        The rows, titles first.
    widths : list of int, default=None
        Of the columns, in percent; None leaves them to the browser.

    Returns
    -------
    str
        A directive, one line for each row.
    """
    lines = [f".. csv-table:: {title}".rstrip(), "   :header-rows: 1"]
    if widths is not None:
        lines.append(f"   :widths: {', '.join(map(str, widths))}")
    # A hyphen alone would begin a list.
    cells = [["\N{EN DASH}" if cell == "-" else cell for cell in row] for row in cells]
    rows = (", ".join(f'"{cell}"' for cell in row) for row in cells)
    return "\n".join([*lines, "", *(f"   {row}" for row in rows)])


def mean_spread(numbers, sign=""):
    """Return mean and standard deviation of numbers below one, as text.

    Parameters
    ----------
    numbers : iterable of float
        One for each seed.
    sign : {"", "+"}, default=""
        "+" puts a sign before a mean that is not negative.

    Returns
    -------
    str
        The mean alone of one number; "not run" of none.
    """
    numbers = list(numbers)
    if not numbers:
        return "not run"
    parts = [f"{mean(numbers):{sign}.3f}"]
    if len(numbers) > 1:
        parts.append(f"{stdev(numbers):.3f}")
    text = " ± ".join(part.replace("0.", ".", 1) for part in parts)
    return text.replace("-", "\N{MINUS SIGN}")


def markdown_table(title, cells):
    """Return a table of Markdown under a heading."""
    rule = ["---" if title in ("model", "setting") else "---:" for title in cells[0]]
    lines = [f"| {' | '.join(row)} |" for row in (cells[0], rule, *cells[1:])]
    return "\n".join([f"### {title}", "", *lines])
