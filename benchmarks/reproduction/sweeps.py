"""One parameter of a model over the values of the papers' figures, a row of results for each.

All is scored on a quarter of the training part that is held out of training, another one with
each seed, and the same one for all values: the test part is not looked at.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measure import package_commit

from skmlc.graphs import ConditionalProbabilityGraph

from .image_data import hold_out
from .image_models import N_CELLS, Run, parameters_of, train
from .rendering import csv_table, mean_spread
from .tables import IMAGE_METRICS, append_row, as_json, check_columns, read_rows

OUTPUT = Path(__file__).parents[1] / "results" / "sweeps.csv"
SWEEP_COLUMNS = (
    "dataset", "sweep", "value", "model", "seed", "commit", *IMAGE_METRICS, "fit_cpu_s",
    "fit_wall_s", "n_train", "n_valid", "device", "threads", "parameters",
)  # fmt: skip
TENTHS = tuple(i / 10 for i in range(10))
TAU, P = 0.4, 0.2


class Sweep(NamedTuple):
    """A parameter of a model, and the values it takes."""

    model: str
    values: tuple
    settings: Callable[[Any], dict]
    title: str
    usual: Any  # the paper's choice, where it makes one


def _named(name):
    """Return a function from a value to the setting of that name."""
    return lambda value: {name: value}


def _graph(value):
    """Return the setting of one of ML-GCN's label graphs."""
    graphs = {
        "none": "none",
        "binary": ConditionalProbabilityGraph(TAU),
        "original": ConditionalProbabilityGraph(TAU, P, "original"),
        "re-weighted": ConditionalProbabilityGraph(TAU, P),
    }
    return {"label_graph": graphs[value]}


SWEEPS = {
    "tau": Sweep(
        "ml-gcn",
        TENTHS,
        lambda tau: {"label_graph": ConditionalProbabilityGraph(tau, P)},
        "ML-GCN, threshold τ",
        TAU,
    ),
    "p": Sweep(
        "ml-gcn",
        (*TENTHS, 1.0),
        lambda p: {"label_graph": ConditionalProbabilityGraph(TAU, p)},
        "ML-GCN, weight of neighbors p",
        P,
    ),
    "depth": Sweep("ml-gcn", (1, 2, 3, 4), _named("n_layers"), "ML-GCN, convolutions", 2),
    "graph": Sweep(
        "ml-gcn",
        ("none", "binary", "original", "re-weighted"),
        _graph,
        "ML-GCN, label graph",
        "re-weighted",
    ),
    "vectors": Sweep(
        "ml-gcn-words",
        ("one-hot", "GloVe"),
        lambda value: {"label_embedding": None} if value == "one-hot" else {},
        "ML-GCN, label vectors",
        "GloVe",
    ),
    "steps": Sweep("ggnn", (1, 2, 3, 4), _named("n_steps"), "GGNN, steps T", 3),
    "m": Sweep(
        "gm-mlic-cells",
        (1, 3, 10, 30, 63),
        _named("n_cells"),
        "GM-MLIC, instances m",
        N_CELLS,
    ),
    "k": Sweep(
        "gm-mlic-cells", (1, 2, 3), _named("n_layers"), "GM-MLIC, convolutions k", 2
    ),
}


def sweep_all(args, places, evaluate):
    """Append a row for each value and seed as soon as it is done.

    Parameters
    ----------
    args : Namespace
        Of the command: `sweep`, `dataset`, `seed`, `max_epochs`, `output` and `again`.
    places : Places
        Where the data are found.
    evaluate : callable
        From labels and probabilities to metrics by name.
    """
    rows = read_rows(args.output)
    if rows:
        check_columns(args.output, SWEEP_COLUMNS)
    parts = places.load(args.dataset)
    for seed in args.seed:
        for name in args.sweep:
            for value in SWEEPS[name].values:
                run = run_of(name, value, args, seed)
                if not args.again and _is_done(run, name, value, rows):
                    continue
                row = perform(run, name, value, hold_out(parts, seed), places, evaluate)
                append_row(args.output, row)
                print(
                    f"{args.dataset}, {name} {value}, seed {seed}: mAP {row['mAP']:.3f}; "
                    f"{row['fit_cpu_s']} CPU-s",
                    flush=True,
                )


def run_of(name, value, args, seed):
    """Return the run of a value of a sweep."""
    given = {} if args.max_epochs is None else {"max_epochs": args.max_epochs}
    sweep = SWEEPS[name]
    return Run(args.dataset, sweep.model, seed, given | sweep.settings(value))


def _is_done(run, name, value, rows):
    """Return whether there is a row of a sweep's value, trained as it would be now."""
    wanted = (run.dataset, name, str(value), run.seed, parameters_of(run))
    return any(
        (row["dataset"], row["sweep"], row["value"], row["seed"]) == wanted[:-1]
        and json.loads(row["parameters"]) == wanted[-1]
        for row in rows
    )


def perform(run, name, value, parts, places, evaluate):
    """Train on the larger part and evaluate on the held-out one; return the row."""
    outcome = train(run, parts, places.kept)
    return {
        "dataset": run.dataset,
        "sweep": name,
        "value": value,
        "model": run.model,
        "seed": run.seed,
        "commit": package_commit(),
        **evaluate(parts.test.Y, outcome.probabilities),
        "fit_cpu_s": round(outcome.clock.cpu, 2),
        "fit_wall_s": round(outcome.clock.wall, 2),
        "n_train": len(parts.train.Y),
        "n_valid": len(parts.test.Y),
        "device": outcome.device,
        "threads": torch.get_num_threads(),
        "parameters": as_json(parameters_of(run)),
    }


def scores_of(rows, name, value):
    """Return the mAP of a sweep's value by seed, of the latest rows."""
    wanted = name, str(value)
    return {
        row["seed"]: row["mAP"] for row in rows if (row["sweep"], row["value"]) == wanted
    }


def sweep_tables(rows):
    """Return a table for each sweep that there is: mAP, and by how much it is above the usual.

    Parameters
    ----------
    rows : list of dict
        As `read_rows` returns them, of one data set.

    Returns
    -------
    str
        Means and standard deviations over the seeds; differences are seed by seed.
    """
    found = dict.fromkeys(row["sweep"] for row in rows)
    return "\n\n".join(_sweep_table(rows, name) for name in SWEEPS if name in found)


def _sweep_table(rows, name):
    """Return the table of one sweep."""
    sweep = SWEEPS[name]
    by_value = {value: scores_of(rows, name, value) for value in sweep.values}
    by_value = {value: scores for value, scores in by_value.items() if scores}
    usual = by_value[sweep.usual]
    commits = dict.fromkeys(row["commit"] for row in rows if row["sweep"] == name)
    title = f"{sweep.title}: {len(usual)} seeds, commit {' '.join(commits)}"
    seconds = {
        value: sum(
            row["fit_cpu_s"]
            for row in rows
            if (row["sweep"], row["value"]) == (name, str(value))
        )
        for value in by_value
    }
    values = [mean_spread(scores.values()) for scores in by_value.values()]
    less = [
        mean_spread((scores[seed] - usual[seed] for seed in usual), "+")
        if value != sweep.usual
        else ""
        for value, scores in by_value.items()
    ]
    first = f"less {sweep.usual}"
    cells = [["", *map(str, by_value)], ["mAP", *values], [first, *less]]
    cells += [["CPU-s of all", *(f"{s:.0f}" for s in seconds.values())]]
    return csv_table(title, cells)
