"""The command for sets of bags: many models and seeds, a row of results for each."""

import argparse
from pathlib import Path

import numpy as np
import torch
from measure import in_process, package_commit, peak_memory

from skmlc.base.scored_labels import add_top_labels
from skmlc.metrics import get_metric

from .arguments import setting
from .bag_data import BAG_SETS, load_bag_parts
from .bag_models import BAG_MODELS, NETWORKS, WITH_SETTINGS, Run, parameters_of, train
from .images import latest_row, setting_of, settings_of
from .rendering import tables
from .tables import (
    BAG_COLUMNS,
    append_row,
    as_json,
    check_columns,
    read_rows,
    sort_rows,
)

OUTPUT = Path(__file__).parents[1] / "results" / "bags.csv"
# What is computed of scores; of labels where no score is negative; and with the top label.
OF_SCORES = {"RL": "ranking_loss", "LRAP": "LRAP", "mAP": "mAP"}
OF_LABELS = {"HL": "hamming_loss", "maF1": "maF1"}
OF_TOP_LABELS = {"maF1-top": "maF1"}


def parse(arguments):
    """Read the command."""
    parser = argparse.ArgumentParser(
        prog="reproduce.py", description="Train models on sets of bags, and compare."
    )
    add = parser.add_argument
    add("--dataset", "--datasets", nargs="+", choices=BAG_SETS, required=True)
    add("--model", "--models", nargs="+", choices=[*BAG_MODELS, "all"], metavar="MODEL",
        help=f"all, or some of: {', '.join(BAG_MODELS)}")  # fmt: skip
    add("--seed", "--seeds", nargs="+", type=int, default=[0],
        help="of the split, the weights and whatever else a model draws")  # fmt: skip
    add("--max-epochs", type=int, help="of the networks named; the protocol's if not given")
    add("--set", nargs="+", default=[], metavar="NAME=VALUE", type=setting, dest="others",
        help="any other hyper-parameters of the models named")  # fmt: skip
    add("--again", action="store_true", help="train also what the CSV file holds already")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, default=OUTPUT, help="a CSV file, %(default)s")
    add("--table", choices=("rst", "markdown"), help="print the CSV file as tables instead")
    args = parser.parse_args(arguments)
    if not args.table and not args.model:
        parser.error("--model is needed, or --table")
    _check_settings(args, parser)
    return args


def _check_settings(args, parser):
    """Refuse settings of models that have none."""
    named = {*(args.model or ())}
    if args.max_epochs is not None and (unfit := sorted(named - NETWORKS.keys())):
        parser.error(f"--max-epochs is for networks; {', '.join(unfit)} has none")
    if args.others and (unfit := sorted(named - WITH_SETTINGS.keys())):
        parser.error(f"--set is for models with settings; {', '.join(unfit)} has none")


def planned_runs(args):
    """Return what the command asks for, seed by seed, in the order of the tables."""
    named = BAG_MODELS if "all" in args.model else args.model
    return [
        Run(dataset, model, seed, settings_of(args))
        for dataset in args.dataset
        for seed in args.seed
        for model in sorted({*named}, key=BAG_MODELS.index)
    ]


def perform(run, data_home):
    """Train and evaluate; return the row."""
    parts = load_bag_parts(run.dataset, run.seed, data_home)
    outcome = train(run, parts)
    chosen = {} if outcome.chosen is None else {"chosen": outcome.chosen}
    sizes = [len(part.Y) for part in parts]
    return {
        "dataset": run.dataset,
        "model": run.model,
        "setting": setting_of(run),
        "seed": run.seed,
        "commit": package_commit(),
        **evaluate(parts.test.Y, outcome.scores),
        "fit_cpu_s": round(outcome.clock.cpu, 2),
        "fit_wall_s": round(outcome.clock.wall, 2),
        "peak_mb": round(peak_memory()),
        **dict(zip(("n_train", "n_valid", "n_test"), sizes, strict=True)),
        "device": outcome.device,
        "threads": torch.get_num_threads(),
        "parameters": as_json(parameters_of(run) | chosen),
    }


def evaluate(Y, scores):
    """Return the metrics of scores by name, in the order of the columns."""
    # Not of what `predict` gives: the same rules for all models.
    labels = (scores >= 0).astype(np.int8)
    groups = (
        (OF_SCORES, scores),
        (OF_LABELS, labels),
        (OF_TOP_LABELS, with_top_label(scores)),
    )
    values = {
        column: round(float(get_metric(name).function(Y, answer)), 5)
        for names, answer in groups
        for column, name in names.items()
    }
    return {column: values[column] for column in BAG_COLUMNS if column in values}


def with_top_label(scores):
    """Return labels of scores; a bag without any gets the one with the highest score."""
    labels = (scores >= 0).astype(np.int8)
    add_top_labels(labels, scores)
    return labels


def perform_all(runs, args):
    """Append a row for each run as soon as it is done."""
    for i, run in enumerate(runs):
        # Several runs are each in a process of their own, where the peak memory is theirs.
        if len(runs) > 1:
            row = in_process(perform, run, args.data_home)
        else:
            row = perform(run, args.data_home)
        append_row(args.output, row)
        print(
            f"{i + 1}/{len(runs)} {run.dataset}, {run.model}, seed {run.seed}: "
            f"HL {row['HL']:.4f}, RL {row['RL']:.4f}, mAP {row['mAP']:.3f}, maF1 "
            f"{row['maF1']:.3f}; {row['fit_cpu_s']} CPU-s",
            flush=True,
        )


def in_order(rows):
    """Return rows with those of bags in the order of data sets and models."""
    return sort_rows(rows, BAG_SETS, BAG_MODELS)


def main(arguments=None):
    """Run the command."""
    args = parse(arguments)
    rows = read_rows(args.output)
    if rows:
        check_columns(args.output, BAG_COLUMNS)
    if not args.table:
        runs = planned_runs(args)
        to_do = (
            runs
            if args.again
            else [run for run in runs if not latest_row(run, rows, parameters_of(run))]
        )
        if len(to_do) < len(runs):
            print(f"{len(runs) - len(to_do)} runs are in {args.output} and are skipped")
        perform_all(to_do, args)
        rows = read_rows(args.output)
    shown = [row for row in in_order(rows) if row["dataset"] in args.dataset]
    print(tables(shown, args.table or "markdown"))
