"""Plain prediction: our estimators as they come, beside what else one would pick.

The data sets are folders (see `skmlc.datasets.load_multilabel`) in the folder that the
environment variable SKMLC_DATA names::

    python benchmarks/compare.py --dataset yeast --method emb_mlp forest --part valid
    python benchmarks/compare.py --all --part valid --seed 0 1 2
    python benchmarks/compare.py --all
    python benchmarks/compare.py --table rst
    python benchmarks/compare.py --picture compare.png

A run appends its rows to the CSV file; what that holds already is skipped, so that an
interrupted command is simply started once more.
"""

import argparse
from pathlib import Path

from comparison.data import DATASETS, DEVELOPMENT, PARTS, SET_ASIDE, load_task
from comparison.methods import METHODS, why_not
from comparison.picture import draw
from comparison.scores import METRICS, Contest, score
from comparison.tables import comparison_tables, read_scores
from reproduction.tables import append_row

OUTPUT = Path(__file__).parent / "results" / "compare.csv"


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--dataset", nargs="+", choices=DATASETS, help="all that the part allows with --all"
    )
    add("--method", nargs="+", choices=METHODS, help="all that suit the set if not given")
    add("--seed", nargs="+", type=int, default=[0],
        help="of the fit and of the rows held out")  # fmt: skip
    add("--part", choices=PARTS, default="test",
        help="what is scored (%(default)s): with valid a quarter of the training rows, to "
        f"choose settings by; not of {', '.join(SET_ASIDE)}")  # fmt: skip
    add("--all", action="store_true", help="all data sets and methods")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, default=OUTPUT, help="a CSV file, %(default)s")
    add("--table", choices=("rst", "md"), help="print the CSV file as tables instead")
    add("--picture", type=Path, help="draw accuracy against CPU time instead, to this file")
    args = parser.parse_args(arguments)
    if not any((args.table, args.picture, args.all, args.dataset)):
        parser.error("--dataset is needed, or --all, --table or --picture")
    refused = {*(args.dataset or ())} & {*SET_ASIDE} if args.part == "valid" else ()
    if refused:
        parser.error(
            f"--part valid is not for {', '.join(sorted(refused))}: nothing is chosen there"
        )
    return args


def run(args):
    """Fit and score every method that the file does not hold."""
    done = {
        (r["dataset"], r["part"], r["method"], r["seed"]) for r in read_scores(args.output)
    }
    datasets = args.dataset or (DEVELOPMENT if args.part == "valid" else DATASETS)
    for seed in args.seed:
        for dataset in datasets:
            methods = [
                method
                for method in args.method or METHODS
                if (dataset, args.part, method, seed) not in done
            ]
            if methods:
                task = load_task(dataset, args.part, seed, args.data_home)
                compete(task, methods, args.part, seed, args.output)


def compete(task, methods, part, seed, output):
    """Append a row for each method that suits the set; say why of the others."""
    contest = Contest(task, seed)
    for method in methods:
        reason = why_not(method, contest.tables.fit, task.fit.Y.shape[1])
        if reason is not None:
            print(f"{task.name}, {method}: left out, {reason}", flush=True)
            continue
        append_row(output, perform(method, contest, part))


def perform(method, contest, part):
    """Fit and score a method; return its row."""
    task, seed = contest.task, contest.seed
    answer = contest.answer(method)
    values = score(answer, task)
    row = {"dataset": task.name, "part": part, "method": method, "seed": seed}
    row |= {"n_fit": len(task.fit.Y), "n_held_out": len(task.held_out.Y)}
    row |= {"n_scored": len(task.scored.Y), "threshold": round(values["threshold"], 4)}
    row |= {name: round(values[name], 5) for name in METRICS}
    row |= {
        "fit_cpu_s": round(answer.fit_s, 3),
        "predict_cpu_s": round(answer.predict_s, 3),
    }
    print(
        f"{task.name} ({part}), {method}, seed {seed}: "
        f"{', '.join(f'{name} {values[name]:.3f}' for name in METRICS)}; "
        f"{answer.fit_s:.1f} + {answer.predict_s:.1f} CPU-s",
        flush=True,
    )
    return row


def main(arguments=None):
    args = parse(arguments)
    if not (args.table or args.picture):
        return run(args)
    rows = [row for row in read_scores(args.output) if row["part"] == args.part]
    if not rows:
        raise SystemExit(f"{args.output} has no rows with --part {args.part}.")
    if args.table:
        print(comparison_tables(rows, args.table))
    if args.picture:
        draw(rows).savefig(args.picture, dpi=160)
    return None


if __name__ == "__main__":
    main()
