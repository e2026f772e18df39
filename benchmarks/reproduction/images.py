"""The command for sets of images: many models and seeds, a row of results for each."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from measure import in_process, package_commit, peak_memory

from skmlc.graphs import WordVectors
from skmlc.metrics import get_metric

from .arguments import setting
from .image_data import IMAGE_SETS, load_image_parts
from .image_models import (
    BASELINE,
    IMAGE_MODELS,
    NETWORKS,
    OF_THE_ENCODER,
    OF_THE_MAPS,
    WITHOUT_SEED,
    Run,
    backbone_file,
    models_of,
    parameters_of,
    train,
)
from .rendering import tables
from .sweeps import OUTPUT as SWEEP_OUTPUT
from .sweeps import SWEEPS, sweep_all
from .tables import (
    IMAGE_COLUMNS,
    IMAGE_METRICS,
    append_row,
    as_json,
    check_columns,
    read_rows,
    report,
    sort_rows,
)

OUTPUT = Path(__file__).parents[1] / "results" / "images.csv"
THRESHOLD = 0.5
REFERENCES = ("constant", "logistic-features", BASELINE)


def parse(arguments):
    """Read the command."""
    parser = argparse.ArgumentParser(
        prog="reproduce.py", description="Train models on a set of images, and compare."
    )
    add = parser.add_argument
    add("--dataset", choices=IMAGE_SETS, required=True)
    add("--model", "--models", nargs="+", choices=[*IMAGE_MODELS, "all"], metavar="MODEL",
        help=f"all, or some of: {', '.join(IMAGE_MODELS)}")  # fmt: skip
    add("--seed", "--seeds", nargs="+", type=int, default=[0],
        help="of the weights and the order of the samples")  # fmt: skip
    add("--sweep", "--sweeps", nargs="+", choices=SWEEPS, metavar="SWEEP",
        help="instead of models, one parameter of a model over the values of the papers, on a "
        f"held-out quarter of the part to train on: {', '.join(SWEEPS)}")  # fmt: skip
    add("--max-epochs", type=int, help="of the models named; the protocol's if not given")
    add("--set", nargs="+", default=[], metavar="NAME=VALUE", type=setting, dest="others",
        help="any other hyper-parameters of the models named, and backbone and augment, also "
        "those of a frozen backbone")  # fmt: skip
    add("--kept", "--backbones", help="a folder to keep trained backbones and pretrained "
        "feature maps in for further commands; backbones are of no use once the package has "
        "changed")  # fmt: skip
    add("--word-vectors", help="a file of GloVe, for models whose name ends in -words")
    add("--again", action="store_true", help="train also what the CSV file holds already")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, help="a CSV file, images.csv or sweeps.csv beside this program "
        "if not given")  # fmt: skip
    add(
        "--table", choices=("rst", "markdown"), help="print the CSV file as a table instead"
    )
    args = parser.parse_args(arguments)
    if not args.table and bool(args.model) == bool(args.sweep):
        parser.error("--model is needed, or --table, or --sweep")
    if args.output is None:
        args.output = SWEEP_OUTPUT if args.sweep else OUTPUT
    _check_models(args, parser)
    return args


def _check_models(args, parser):
    """Refuse models that cannot be trained on the data set or have no settings."""
    named = {*(args.model or ())} - {"all"}
    named |= {SWEEPS[name].model for name in args.sweep or ()}
    if unfit := sorted(named - {*models_of(args.dataset, args.word_vectors)}):
        parser.error(f"{args.dataset} lacks what {', '.join(unfit)} must have")
    others = settings_of(args).keys() - OF_THE_ENCODER - OF_THE_MAPS.keys()
    if others and ("all" in (args.model or ()) or named - NETWORKS.keys()):
        parser.error(f"{', '.join(sorted(others))} are for networks: name these as --model")


def settings_of(args):
    """Return the settings that the command gives."""
    given = {} if args.max_epochs is None else {"max_epochs": args.max_epochs}
    return given | dict(args.others)


def planned_runs(args):
    """Return what the command asks for, seed by seed, in the order of the tables."""
    named = (
        models_of(args.dataset, args.word_vectors) if "all" in args.model else args.model
    )
    runs = [
        Run(args.dataset, model, seed, settings_of(args))
        for seed in args.seed
        for model in sorted({*named}, key=IMAGE_MODELS.index)
        if model not in WITHOUT_SEED
    ]
    seedless = [model for model in WITHOUT_SEED if model in named]
    return [Run(args.dataset, model) for model in seedless] + runs


def setting_of(run):
    """Return the setting in a few words."""
    given = [f"{name}={value}" for name, value in run.settings.items()]
    return ", ".join(["defaults", *given])


def latest_row(run, rows, parameters):
    """Return the last row of a run, if its model was made with these parameters; else None."""
    wanted = (run.dataset, run.model, setting_of(run), run.seed)
    keys = ("dataset", "model", "setting", "seed")
    found = [row for row in rows if tuple(row[key] for key in keys) == wanted]
    if not found:
        return None
    stored = json.loads(found[-1]["parameters"])
    stored.pop("chosen", None)
    return found[-1] if stored == parameters else None


class Places(NamedTuple):
    """Where runs find what they read."""

    data_home: str | None
    kept: str  # the folder of trained backbones and of pretrained feature maps
    word_vectors: str | None = None  # a file

    def load(self, dataset):
        """Load a set of images in its two parts, with vectors of the labels' names."""
        parts = load_image_parts(dataset, self.data_home, self.kept)
        if self.word_vectors is None:
            return parts
        words = WordVectors(self.word_vectors)
        words.fit(parts.train.Y, label_names=parts.label_names)
        return parts._replace(vectors=words.embedding_)


def perform(run, places):
    """Train and evaluate; return the row."""
    parts = places.load(run.dataset)
    outcome = train(run, parts, places.kept)
    chosen = {} if outcome.chosen is None else {"chosen": outcome.chosen}
    return {
        "dataset": run.dataset,
        "model": run.model,
        "setting": setting_of(run),
        "seed": run.seed,
        "commit": package_commit(),
        **evaluate(parts.test.Y, outcome.probabilities),
        "fit_cpu_s": round(outcome.clock.cpu, 2),
        "fit_wall_s": round(outcome.clock.wall, 2),
        "peak_mb": round(peak_memory()),
        "n_train": len(parts.train.Y),
        "n_test": len(parts.test.Y),
        "device": outcome.device,
        "threads": torch.get_num_threads(),
        "parameters": as_json(parameters_of(run) | chosen),
    }


def evaluate(Y, probabilities):
    """Return the metrics of probabilities by name."""
    answers = {
        "predict": (probabilities >= THRESHOLD).astype(np.int8),
        "predict_proba": probabilities,
    }
    metrics = {name: get_metric(name) for name in IMAGE_METRICS}
    return {
        name: round(float(metric.function(Y, answers[metric.response])), 5)
        for name, metric in metrics.items()
    }


def perform_all(runs, args, places):
    """Append a row for each run as soon as it is done; return the rows."""
    rows = []
    # Several runs are each in a process of their own, where the peak memory is theirs.
    do = in_process if len(runs) > 1 else _call
    for run in runs:
        if run.is_frozen and not backbone_file(run.baseline, places.kept).exists():
            print(f"{run.dataset}: training a backbone, seed {run.seed}", flush=True)
            in_process(perform, run.baseline, places)
        row = do(perform, run, places)
        append_row(args.output, row)
        rows.append(row)
        scores = ", ".join(f"{name} {row[name]:.3f}" for name in IMAGE_METRICS)
        print(
            f"{run.dataset}, {run.model}, seed {run.seed}: {scores}; "
            f"{row['fit_cpu_s']} CPU-s",
            flush=True,
        )
    return rows


def _call(function, *arguments):
    """Call a function in this process."""
    return function(*arguments)


def in_order(rows):
    """Return rows with those of images in the order of data sets and models."""
    return sort_rows(rows, list(IMAGE_SETS), IMAGE_MODELS)


def places_of(args, folder):
    """Return where the command finds things, in a folder that goes if it names none."""
    return Places(args.data_home, args.kept or folder, args.word_vectors)


def main(arguments=None):
    """Run the command."""
    args = parse(arguments)
    if args.sweep and not args.table:
        with TemporaryDirectory() as folder:
            sweep_all(args, places_of(args, folder), evaluate)
        return
    rows = read_rows(args.output)
    if args.table:
        print(tables(in_order(rows), args.table, args.dataset))
        return
    if rows:
        check_columns(args.output, IMAGE_COLUMNS)
    runs = planned_runs(args)
    if not args.again:
        done = [run for run in runs if latest_row(run, rows, parameters_of(run))]
        runs = [run for run in runs if run not in done]
        if done:
            print(f"{len(done)} runs are in {args.output} and are skipped", flush=True)
    with TemporaryDirectory() as folder:
        new = perform_all(runs, args, places_of(args, folder))
    seeds = [row["seed"] for row in new]
    references = [
        Run(args.dataset, model, seed)
        for model in REFERENCES
        for seed in sorted({*seeds} if model not in WITHOUT_SEED else {0})
    ]
    references = [latest_row(run, rows, parameters_of(run)) for run in references]
    print(report(new + [row for row in references if row]))
