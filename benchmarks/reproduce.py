"""Train models as the LaMP paper does, or on images or bags, and compare them.

The data sets are folders (see `skmlc.datasets.load_multilabel`) in the folder that the
environment variable SKMLC_DATA names::

    python benchmarks/reproduce.py --dataset bibtex --model lamp-fmp-fc --hidden-size 64
    python benchmarks/reproduce.py --dataset yeast emotions --model lamp emb-mlp --seed 0 1 2
    python benchmarks/reproduce.py --dataset msrc_v2-64 --model ml-gcn ml-gcn-none --seed 0 1 2
    python benchmarks/reproduce.py --dataset msrc_v2-64 --help
    python benchmarks/reproduce.py --dataset miml_birds --model glemiml mimlrbf --seed 0 1 2
    python benchmarks/reproduce.py --claim label-messages
    python benchmarks/reproduce.py --table rst
    python benchmarks/reproduce.py --docs

Each model and seed is a row, appended to a CSV file and printed beside those of one-vs-rest
logistic regression and of the constant predictor, under the same protocol, and beside the
paper's; of several, each is trained in a process of its own. ``README.md``
in this folder says what the protocol is; sets of images and sets of bags have others, and
options of their own.
"""

import argparse
import copy
import subprocess
import sys
from itertools import product
from pathlib import Path

import torch
from measure import in_process, package_commit, peak_memory
from reproduction import bags, claim_command, docs, images
from reproduction.arguments import alternatives, setting
from reproduction.bag_data import BAG_SETS
from reproduction.data import load_parts
from reproduction.image_data import IMAGE_SETS
from reproduction.judge import METRICS
from reproduction.models import (
    MAX_LENGTH,
    MODELS,
    NETWORKS,
    gpu_memory,
    make_network,
    paper_settings,
    run_constant,
    run_logistic,
    run_network,
)
from reproduction.published import published_row
from reproduction.rendering import tables
from reproduction.tables import (
    COLUMNS,
    append_row,
    as_json,
    check_columns,
    read_rows,
    report,
)

OUTPUT = Path(__file__).parent / "results" / "reproduce.csv"
DOCS = Path(__file__).parents[1] / "docs"
REFERENCES = ("logistic", "constant")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--dataset", "--datasets", nargs="+",
        help="folders, or the names of some in the data folder")  # fmt: skip
    add("--model", "--models", nargs="+", choices=MODELS, metavar="MODEL",
        help=f"some of: {', '.join(MODELS)}; el/fc/pr: no, full, prior graph")  # fmt: skip
    add("--seed", "--seeds", nargs="+", type=int, default=[0],
        help="of the weights and the order of the samples")  # fmt: skip
    add("--hidden-size", type=int, help="the width; the package's default if not given")
    add("--max-epochs", type=int, help="the package's default if not given")
    add(
        "--set", nargs="+", default=[], metavar="NAME=VALUE", type=setting, dest="others",
        help="any other hyper-parameters, such as learning_rate=0.002 early_stopping=ebF1",
    )  # fmt: skip
    add(
        "--choose", nargs="+", default=[], metavar="NAME=VALUE,VALUE", type=alternatives,
        help="hyper-parameters of which all combinations are trained: the one with the best "
        "ebF1 on the validation part is filed",
    )  # fmt: skip
    add("--paper", action="store_true", help="the paper's setting: best with a GPU")
    add(
        "--epoch", choices=("last", "best"),
        help="what is evaluated: the weights after training, or for each metric those of the "
        "epoch best in validation (as the authors; the default with --paper)",
    )  # fmt: skip
    add(
        "--max-length",
        type=int,
        default=MAX_LENGTH,
        help="texts are cut after so many words",
    )
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, default=OUTPUT, help="a CSV file, %(default)s")
    add("--alone", action="store_true", help="append the row, and print nothing beside it")
    add("--table", choices=("rst", "markdown"), help="print the CSV file as tables instead")
    add("--docs", action="store_true",
        help="write the tables of the documentation from all CSV files instead")  # fmt: skip
    args = parser.parse_args(arguments)
    if not (args.table or args.docs) and not (args.dataset and args.model):
        parser.error("--dataset and --model are needed, or --table or --docs")
    given = args.others or args.choose or args.epoch or args.paper or args.hidden_size
    unfit = [name for name in args.model or () if name in REFERENCES]
    if unfit and (given or args.max_epochs or args.seed != [0]):
        parser.error(f"--model {unfit[0]} has no settings and no seed")
    return args


def runs_of(args):
    """Return the command of each data set, model and seed, in this order."""
    runs = []
    for dataset, model, seed in product(args.dataset, args.model, args.seed):
        run = copy.deepcopy(args)
        run.dataset, run.model, run.seed = dataset, model, seed
        runs.append(run)
    return runs


def settings_of(args):
    """Return the hyper-parameters that the command gives; they win over the paper's."""
    given = {"hidden_size": args.hidden_size, "max_epochs": args.max_epochs}
    given = {name: value for name, value in given.items() if value is not None}
    paper = paper_settings(dataset_name(args), args.model) if args.paper else {}
    return paper | given | dict(args.others)


def dataset_name(args):
    """Return the name under which results are filed."""
    return Path(args.dataset).name


def describe(args, parameters):
    """Return the setting in a few words."""
    if args.model not in NETWORKS:
        return ", ".join(f"{name}={value}" for name, value in parameters.items())
    base = paper_settings(dataset_name(args), args.model) if args.paper else {}
    given = {k: v for k, v in settings_of(args).items() if k not in base or base[k] != v}
    words = ["paper" if args.paper else "defaults"]
    words += [f"{name}={value}" for name, value in given.items()]
    if parameters.get("max_length", MAX_LENGTH) != MAX_LENGTH:
        words.append(f"max_length={args.max_length}")
    if chooses_epoch(args):
        words.append("best epochs")
    return ", ".join(words)


def chooses_epoch(args):
    """Return whether each metric gets an epoch of its own."""
    return args.epoch == "best" or (args.paper and args.epoch is None)


def measure(args):
    """Train and evaluate; return the row."""
    parts = load_parts(args.dataset, args.data_home, graphs=args.model in NETWORKS)
    sizes = [part.Y.shape[0] for part in parts]
    print(
        f"{dataset_name(args)}: {sizes[0]} samples to train on, {sizes[1]} for thresholds, "
        f"{sizes[2]} to test on, {parts.train.Y.shape[1]} labels",
        flush=True,
    )
    device = "cpu"
    if args.model == "constant":
        result = run_constant(parts)
    elif args.model == "logistic":
        result = run_logistic(parts)
    else:
        result, device = choose_network(args, parts)
    return make_row(args, result, sizes, device)


def choose_network(args, parts):
    """Train each combination of what is to be chosen; return the best one and its device.

    What was chosen is from then on as if the command had given it.
    """
    names = [name for name, _ in args.choose]
    best, found = None, {}
    for values in product(*(values for _, values in args.choose)):
        chosen = dict(zip(names, values, strict=True))
        model = make_network(args.model, settings_of(args) | chosen, args.seed)
        result = run_network(
            model, parts, choose_epoch=chooses_epoch(args), max_length=args.max_length
        )
        value = result.choices["ebF1"].valid
        if chosen:
            print(f"{args.model}: {chosen}, ebF1 {value:.4f} in validation", flush=True)
        if best is None or value > best.choices["ebF1"].valid:
            best, found, device = result, chosen, str(model.net_.device)
    args.others = [*args.others, *found.items()]
    return best, device


def make_row(args, result, sizes, device):
    """Return what is filed, by column."""
    choices = result.choices
    thresholds = {k: c.threshold for k, c in choices.items() if c.threshold is not None}
    epochs = {k: c.epoch for k, c in choices.items() if c.epoch is not None}
    return {
        "dataset": dataset_name(args),
        "model": args.model,
        "setting": describe(args, result.parameters),
        "seed": args.seed,
        "commit": package_commit(),
        **{name: round(choices[name].test, 5) for name in METRICS},
        "fit_cpu_s": round(result.clock.cpu, 2),
        "fit_wall_s": round(result.clock.wall, 2),
        "peak_mb": round(peak_memory()),
        "gpu_mb": None if gpu_memory() is None else round(gpu_memory()),
        **dict(zip(("n_train", "n_valid", "n_test"), sizes, strict=True)),
        "device": device,
        "threads": torch.get_num_threads(),
        "thresholds": as_json(thresholds),
        "epochs": as_json(epochs) if epochs else None,
        "parameters": as_json(result.parameters),
    }


def reference_row(args, model):
    """Return a reference's latest row, which is made if there is none."""
    row = latest_row(args, model)
    if row is None:
        # In a process of its own, where its peak memory is its own too.
        command = [sys.executable, __file__, "--dataset", args.dataset, "--model", model]
        command += ["--output", str(args.output), "--alone"]
        if args.data_home:
            command += ["--data-home", args.data_home]
        subprocess.run(command, check=True)
        row = latest_row(args, model)
    return row


def latest_row(args, model):
    """Return the last row of a model on the data set in the CSV file, or None."""
    wanted = dataset_name(args), model
    rows = [r for r in read_rows(args.output) if (r["dataset"], r["model"]) == wanted]
    return rows[-1] if rows else None


def other_command(arguments):
    """Return what runs a command that names a claim, images or bags; else None."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--dataset", "--datasets")
    parser.add_argument("--claim", "--claims", dest="claim")
    args = parser.parse_known_args(arguments)[0]
    if args.claim:
        return claim_command.main
    name = args.dataset
    if name in IMAGE_SETS:
        return images.main
    return bags.main if name in BAG_SETS else None


def main(arguments=None):
    if command := other_command(arguments):
        command(arguments)
        return
    args = parse(arguments)
    if args.docs:
        docs.write(DOCS, OUTPUT.parent)
        return
    if args.table:
        rows = bags.in_order(images.in_order(read_rows(args.output)))
        names = [Path(name).name for name in args.dataset or ()]
        rows = [row for row in rows if not names or row["dataset"] in names]
        print(tables(rows, args.table))
        return
    if args.output.exists():
        check_columns(args.output, COLUMNS)
    runs = runs_of(args)
    for run in runs:
        # Several runs are each in a process of their own, where the peak memory is theirs.
        run.row = in_process(measure, run) if len(runs) > 1 else measure(run)
        append_row(args.output, run.row)
    if not args.alone:
        for dataset in dict.fromkeys(args.dataset):
            report_on([run for run in runs if run.dataset == dataset])


def report_on(runs):
    """Print the rows of a data set beside those of the references and the paper's."""
    first, models = runs[0], dict.fromkeys(run.model for run in runs)
    references = [reference_row(first, name) for name in REFERENCES if name not in models]
    papers = [published_row(dataset_name(first), model) for model in models]
    print(report([*(run.row for run in runs), *references, *filter(None, papers)]))


if __name__ == "__main__":
    main()
