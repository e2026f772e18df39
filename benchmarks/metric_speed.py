"""The metrics beside those of scikit-learn and torchmetrics: seconds, and whether they agree.

    python benchmarks/metric_speed.py
    python benchmarks/metric_speed.py --samples 10000 --labels 20
    python benchmarks/metric_speed.py --rst

Torchmetrics need not be installed. Each metric gets arrays, or tensors, of one thread; what is
said are the CPU milliseconds of the quickest of several calls.
"""

import argparse
import warnings

import numpy as np
import sklearn.metrics as sk
import torch
from measure import Clock

import skmlc.metrics as own

try:
    from torchmetrics.functional import classification as tm
except ImportError:
    tm = None


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--samples", type=int, default=2000)
    add("--labels", type=int, default=200)
    add("--repeats", type=int, default=5)
    add("--rst", action="store_true", help="print the table of the documentation")
    return parser.parse_args()


def make_data(n_samples, n_labels):
    """Return labels, of which 5 % hold, their scores, and predictions at 0.5."""
    rng = np.random.default_rng(0)
    Y = (rng.random((n_samples, n_labels)) < 0.05).astype(np.uint8)
    scores = np.clip(0.3 * Y + 0.7 * rng.random(Y.shape), 0, 1).astype(np.float32)
    return Y, scores, (scores >= 0.5).astype(np.uint8)


def metrics_of(n_labels):
    """Return the same metric of each library, for scores and for predictions.

    Each is a name with three functions of (Y, scores) or (Y, predicted); None where a library
    has none.
    """
    macro = {"average": "macro", "zero_division": 0.0}

    def torch_(name, **options):
        function = None if tm is None else getattr(tm, f"multilabel_{name}")
        if function is None:
            return None
        return lambda Y, S: function(S, Y, num_labels=n_labels, **options)

    def sk_(name, **options):
        return lambda Y, S: getattr(sk, name)(Y, S, **options)

    of_scores = {
        "mAP": (own.mean_average_precision, sk_("average_precision_score"),
                torch_("average_precision")),
        "micro_AP": (own.micro_average_precision,
                     sk_("average_precision_score", average="micro"),
                     torch_("average_precision", average="micro")),
        "LRAP": (own.label_ranking_average_precision,
                 sk_("label_ranking_average_precision_score"),
                 torch_("ranking_average_precision")),
        "ranking_loss": (own.ranking_loss, sk_("label_ranking_loss"), torch_("ranking_loss")),
        "coverage": (own.coverage, sk_("coverage_error"), torch_("coverage_error")),
        "macro_roc_auc": (own.macro_roc_auc, sk_("roc_auc_score"), torch_("auroc")),
        "micro_roc_auc": (own.micro_roc_auc, sk_("roc_auc_score", average="micro"),
                          torch_("auroc", average="micro")),
        "nDCG@5": (lambda Y, S: own.ndcg_at_k(Y, S, k=5), sk_("ndcg_score", k=5), None),
    }  # fmt: skip
    of_labels = {
        "ebF1": (own.example_f1, sk_("f1_score", average="samples", zero_division=0.0), None),
        "miF1": (own.micro_f1, sk_("f1_score", average="micro"),
                 torch_("f1_score", average="micro")),
        "maF1": (own.macro_f1, sk_("f1_score", **macro), torch_("f1_score")),
        "maJaccard": (own.macro_jaccard, sk_("jaccard_score", **macro),
                      torch_("jaccard_index")),
        "ACC": (own.subset_accuracy, sk_("accuracy_score"), torch_("exact_match")),
        "hamming_loss": (own.hamming_loss, sk_("hamming_loss"), torch_("hamming_distance")),
    }  # fmt: skip
    return of_scores, of_labels


def measure(function, arguments, repeats):
    """Return the value, and the CPU milliseconds of the quickest call."""
    if function is None:
        return None, None
    seconds = []
    for _ in range(repeats):
        clock = Clock()
        with clock:
            value = float(function(*arguments))
        seconds.append(clock.cpu)
    return value, 1e3 * min(seconds)


def compare(n_samples, n_labels, repeats):
    """Yield a metric's name, milliseconds of the libraries, and by how much they differ."""
    Y, scores, predicted = make_data(n_samples, n_labels)
    tensors = [
        torch.from_numpy(a) for a in (Y.astype(np.int64), scores, predicted.astype(int))
    ]
    for metrics, which in zip(metrics_of(n_labels), (1, 2), strict=True):
        arrays = (Y, (scores, predicted)[which - 1])
        for name, functions in metrics.items():
            given = (arrays, arrays, (tensors[0], tensors[which]))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = [
                    measure(f, a, repeats) for f, a in zip(functions, given, strict=True)
                ]
            values = [value for value, _ in results if value is not None]
            yield name, [ms for _, ms in results], max(values) - min(values)


def show(rows, *, rst):
    """Print the rows as text, or as a list-table."""
    titles = ("metric", "skmlc, ms", "scikit-learn, ms", "torchmetrics, ms", "difference")
    cells = [titles]
    for name, times, difference in rows:
        shown = ["\N{EN DASH}" if ms is None else f"{ms:.1f}" for ms in times]
        cells.append((name, *shown, f"{difference:.0e}"))
    if not rst:
        for row in cells:
            print(*(f"{cell:>18}" for cell in row))
        return
    print(".. list-table::\n   :header-rows: 1\n")
    for row in cells:
        for i, cell in enumerate(row):
            print(f"   {' ' if i else '*'} - {cell}")


def main():
    args = parse()
    torch.set_num_threads(1)
    show(compare(args.samples, args.labels, args.repeats), rst=args.rst)


if __name__ == "__main__":
    main()
