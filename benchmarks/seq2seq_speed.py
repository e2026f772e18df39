"""How much faster than RNN Seq2Seq LaMP trains and predicts, as Table 4 of its paper has it.

On rows of each data set, with networks of equal width that take turns, batches of 32, and
otherwise the defaults of the package; LaMP with the co-occurrence graph, with and without two
rounds of messages among the nodes of a sample::

    python benchmarks/seq2seq_speed.py --dataset bibtex rcv1sub1 --hidden-size 128

Training is an epoch: the CPU seconds of two epochs less those of one, so that what a fit does
once does not count.  Prediction is `predict_proba` of as many rows of the test part; Seq2Seq
follows five sequences at once, as it does by default.
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
from measure import add_speeds, cpu_seconds
from reproduction.data import Part, as_tokens, load_parts
from reproduction.models import make_network

DATASETS = ("reuters21578", "bibtex", "rcv1sub1", "delicious", "sider")
LAMPS = ("lamp-fmp-pr", "lamp-emb-pr")
MODELS = (*LAMPS, "seq2seq")
TASKS = ("epoch", "prediction")
BATCH = 32
SEED = 0


def rows_of(part, n_rows):
    """Return so many rows of a part, at random: the same for all models."""
    rows = np.random.default_rng(SEED).permutation(part.Y.shape[0])[:n_rows]
    return Part(part.X[rows], part.Y[rows])


def seconds_of(name, width, train, test):
    """Return the CPU seconds of an epoch, and of the prediction of the test part."""
    models = [
        make_network(
            name,
            {"hidden_size": width, "max_epochs": n, "batch_size": BATCH, "verbose": False},
            SEED,
        ).set_params(allow_missing_labels=True)
        for n in (1, 2)
    ]
    one, two = (cpu_seconds(model.fit, *train) for model in models)
    return two - one, cpu_seconds(models[1].predict_proba, test.X)


def measure(dataset, width, args):
    """Print how the two compare on a data set, and append it to the file."""
    parts = as_tokens(load_parts(dataset, args.data_home, graphs=True))
    train, test = (rows_of(part, args.rows) for part in (parts.train, parts.test))
    found = {name: [] for name in MODELS}
    for i in range(args.repeats):
        for name in MODELS[:: (-1) ** i]:
            found[name].append(seconds_of(name, width, train, test))
    seconds = {
        name: [statistics.median(values) for values in zip(*of_turns, strict=True)]
        for name, of_turns in found.items()
    }
    setting = f"{dataset}, D = {width}"
    print(f"{setting}, {train.Y.shape[0]} and {test.Y.shape[0]} rows", flush=True)
    for i, task in enumerate(TASKS):
        of_task = {name: values[i] for name, values in seconds.items()}
        print(f"  {task}, CPU-s:", *(f"{name} {v:.2f}" for name, v in of_task.items()))
        for name in LAMPS:
            ratio = of_task["seq2seq"] / of_task[name]
            row = f"seq2seq / {name}, {task}", setting, ratio, "times the CPU-s"
            add_speeds(args.output, [row])


def parse(arguments):
    """Return what the command asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--dataset", nargs="+", choices=DATASETS, default=DATASETS, metavar="NAME")
    add("--hidden-size", nargs="+", type=int, default=[128])
    add("--rows", type=int, default=640, help="to train on, and to predict, %(default)s")
    add("--repeats", type=int, default=3, help="of which the median counts, %(default)s")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, help="a CSV file to append the figures to")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Measure on each data set with each width."""
    args = parse(arguments)
    for dataset in args.dataset:
        for width in args.hidden_size:
            measure(dataset, width, args)


if __name__ == "__main__":
    main()
