"""Labels known in part: how well methods predict the rest, given a share of the labels.

The data sets are folders (see `skmlc.datasets.load_multilabel`) in the folder that the
environment variable SKMLC_DATA names::

    python benchmarks/known_labels.py --dataset yeast --method lamp forest --seed 0 1 2
    python benchmarks/known_labels.py --all
    python benchmarks/known_labels.py --questions --dataset yeast sider
    python benchmarks/known_labels.py --decoding --dataset yeast
    python benchmarks/known_labels.py --table rst

A run appends its rows to the CSV file; what that holds already is skipped, so that an
interrupted command is simply started once more.
"""

import argparse
from pathlib import Path

from completion.data import DATASETS, load_data
from completion.decoding import DECODING_COLUMNS, DECODING_SETS, decode
from completion.methods import METHODS, UNTOLD, fit, methods_of
from completion.questions import QUESTION_COLUMNS, QUESTION_SETS, ask_questions
from completion.scores import TOLD, hidden_scores, show
from completion.tables import known_tables, plain_table, read_results
from measure import Clock
from reproduction.tables import append_row

OUTPUT = Path(__file__).parent / "results" / "known_labels.csv"


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--dataset",
        nargs="+",
        choices=DATASETS,
        help="if not given, all that there are with --all",
    )
    add("--method", nargs="+", choices=METHODS, help="all that suit the set if not given")
    add("--seed", nargs="+", type=int, default=[0],
        help="of the fit and of what is hidden; the parts are the same for all")  # fmt: skip
    add("--all", action="store_true", help="all data sets and methods")
    add("--questions", action="store_true", help="labels asked one after the other instead")
    add("--decoding", action="store_true", help="sets of labels instead, nothing known")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, default=OUTPUT,
        help="a CSV file, %(default)s; questions and decoding have one beside it")  # fmt: skip
    add("--table", choices=("rst", "md"), help="print the CSV files as tables instead")
    args = parser.parse_args(arguments)
    if not any((args.table, args.all, args.dataset, args.questions, args.decoding)):
        parser.error("--dataset is needed, or --all, --questions, --decoding or --table")
    return args


def beside(path, what):
    """Return the file of other results that stands beside that of the shares."""
    return path.with_name(f"{path.stem}_{what}{path.suffix}")


def run_shares(args):
    """Fit and score every method that the file does not hold."""
    done = {(r["dataset"], r["method"], r["seed"]) for r in read_results(args.output)}
    for seed in args.seed:
        for dataset in args.dataset or DATASETS:
            data = load_data(dataset, args.data_home)
            methods = methods_of(data.Y.shape[1])
            for method in methods:
                is_asked = args.method is None or method in args.method
                if is_asked and (dataset, method, str(seed)) not in done:
                    for row in perform(method, data, seed):
                        append_row(args.output, row)


def perform(method, data, seed):
    """Fit a method; return a row for each share of known labels."""
    fitted, rows, scores = fit(method, data, seed), [], None
    for told in TOLD:
        known = show(data.Y_test, told, seed)
        clock = Clock()
        with clock:
            if scores is None or method not in UNTOLD:
                scores = fitted.answer(known)
        macro, micro = hidden_scores(data.Y_test, scores, known)
        row = {"dataset": data.name, "method": method, "seed": seed}
        row |= {"n_train": len(data.Y), "known": told}
        row |= {"macro_AP": round(macro, 5), "micro_AP": round(micro, 5)}
        row |= {"fit_cpu_s": round(fitted.clock.cpu, 2)}
        rows.append(row | {"predict_cpu_s": round(clock.cpu, 2)})
    print(
        f"{data.name}, {method}, seed {seed}: "
        f"{' '.join(format(row['macro_AP'], '.3f') for row in rows)}; "
        f"{fitted.clock.cpu:.0f} CPU-s",
        flush=True,
    )
    return rows


def run_others(args, what, datasets, perform_one):
    """Append the rows of questions or decoding for the sets that the file does not hold."""
    path = beside(args.output, what)
    done = {(row["dataset"], row["seed"]) for row in read_results(path)}
    for seed in args.seed:
        for dataset in args.dataset or datasets:
            if (dataset, str(seed)) in done:
                continue
            for row in perform_one(load_data(dataset, args.data_home), seed):
                append_row(path, row)


def print_tables(args):
    """Print what the files hold."""
    if rows := read_results(args.output):
        print(known_tables(rows, args.table))
    others = {"questions": QUESTION_COLUMNS, "decoding": DECODING_COLUMNS}
    for what, (keys, columns) in others.items():
        if rows := read_results(beside(args.output, what)):
            print("\n" + plain_table(what, rows, keys, columns, args.table))


def main(arguments=None):
    args = parse(arguments)
    if args.table:
        print_tables(args)
    elif args.questions:
        run_others(args, "questions", QUESTION_SETS, ask_questions)
    elif args.decoding:
        run_others(args, "decoding", DECODING_SETS, decode)
    else:
        run_shares(args)


if __name__ == "__main__":
    main()
