"""How time and memory grow with samples, labels, their graphs, nodes and features.

    python benchmarks/growth.py
    python benchmarks/growth.py --axes labels features
    python benchmarks/growth.py --quick --output /tmp/growth.csv
    python benchmarks/growth.py --table

Each size is measured in a process of its own, on one thread: CPU seconds, and the peak of
memory above that before the call. A slope is the power by which a cost grows with the size, 1
for proportional: of a line through the logarithms, over the sizes that cost enough to tell.
"""

import argparse
import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from measure import Clock, in_process, peak_memory, reset_peak, resident_memory
from scipy import sparse

from skmlc import (
    EmbMLPClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    Query2LabelClassifier,
    SSGRLClassifier,
)
from skmlc.graphs import (
    ConditionalProbabilityGraph,
    CooccurrenceEmbedding,
    CooccurrenceGraph,
    HierarchyGraph,
    KNNLabelGraph,
    KnowledgeGraph,
    WordVectors,
    read_edge_list,
)
from skmlc.inputs import Bags
from skmlc.metrics import label_ranking_average_precision, macro_f1, mean_average_precision
from skmlc.model_selection import MultilabelStratifiedKFold, tune_threshold

RESULTS = Path(__file__).parent / "results" / "growth.csv"
SIZES = {
    "samples": (10_000, 100_000, 1_000_000),
    "labels": (500, 5_000, 50_000),
    "label_graphs": (500, 5_000, 50_000),
    "nodes": (40, 400, 4_000),
    "features": (10_000, 100_000, 1_000_000),
}
QUICK = {
    "samples": (100, 200), "labels": (10, 20), "label_graphs": (50, 100), "nodes": (5, 10),
    "features": (50, 100),
}  # fmt: skip
# What is held fixed along each axis, for the table.
SETTING = {
    "samples": "10 features, 5 labels, batches of 1,024",
    "labels": "500 samples (LaMP: 32) with 5 labels each, sparse, 50 features",
    "label_graphs": "graphs of 20,000 samples with 5 labels each; networks: 16 bags of 3 "
    "instances in batches of 8, the graph of the 10 labels that each occurs with most",
    "nodes": "32 bags of instances of 16 features, 5 labels, batches of 8",
    "features": "1,000 sparse samples with 50 features each, 10 labels",
}
COLUMNS = ("axis", "size", "work", "cpu_s", "memory_mb")
# Below these, what does not grow hides what does.
LEAST_SECONDS, LEAST_MB = 0.02, 2.0


# Work ---------------------------------------------------------------------------------------


def sparse_rows(n_rows, n_columns, per_row, rng):
    """Return a CSR matrix of ones, some per row."""
    columns = rng.integers(0, n_columns, size=(n_rows, per_row))
    ones = np.ones(columns.size, dtype=np.int8)
    index = np.repeat(np.arange(n_rows), per_row), columns.ravel()
    matrix = sparse.csr_array((ones, index), shape=(n_rows, n_columns))
    matrix.data[:] = 1  # where a column was drawn twice
    return matrix


def networks(X, y, n_lamp=None, label_graph="none", **options):
    """Return the work of networks: to train an epoch, and to predict."""
    options = {"hidden_size": 16, "max_epochs": 1, "random_state": 0, **options}
    mlp, lamp = EmbMLPClassifier(**options), LaMPClassifier(label_graph, **options)
    lamp.fit(X[:16], y[:16])  # which imports what is imported late
    return {
        "fit EmbMLP": lambda: mlp.fit(X, y),
        "predict EmbMLP": lambda: mlp.predict(X),
        "fit LaMP": lambda: lamp.fit(X[:n_lamp], y[:n_lamp]),
        "predict LaMP": lambda: lamp.predict(X[:n_lamp]),
    }


def frequent_rows(n_rows, n_columns, per_row, rng):
    """Return a CSR matrix of ones, whose i-th column has one in proportion to 1 / (i + 10)."""
    share = 1 / (np.arange(n_columns) + 10)
    columns = rng.choice(n_columns, size=(n_rows, per_row), p=share / share.sum())
    ones = np.ones(columns.size, dtype=np.int8)
    index = np.repeat(np.arange(n_rows), per_row), columns.ravel()
    matrix = sparse.csr_array((ones, index), shape=(n_rows, n_columns))
    matrix.data[:] = 1  # where a column was drawn twice
    return matrix


def builders(size, y, rng, folder):
    """Return the work of making graphs and vectors of the labels."""
    names = [f"label{i}" for i in range(size)]
    tree = [(i // 10, i) for i in range(1, size)]
    vectors = rng.normal(size=(size, 100))
    words, edges = folder / "vectors.txt", folder / "edges.tsv"
    words.write_text(
        "".join(f"{name} {i} 1 {i % 7}\n" for i, name in enumerate(names)), encoding="utf-8"
    )
    edges.write_text("".join(f"{a}\t{b}\n" for a, b in tree), encoding="utf-8")
    triples = [(f"relation {i % 5}", names[a], names[i]) for a, i in tree]
    y = y.astype(np.float64)

    def fit(builder, **options):
        return lambda: builder.fit(y, **options)

    return {
        "CooccurrenceGraph()": fit(CooccurrenceGraph()),
        "CooccurrenceGraph(top_k=10)": fit(CooccurrenceGraph(top_k=10)),
        "ConditionalProbabilityGraph(0.4, 0.2)": fit(ConditionalProbabilityGraph(0.4, 0.2)),
        "'probability'": fit(ConditionalProbabilityGraph(0, "probability")),
        "KNNLabelGraph()": fit(KNNLabelGraph()),
        "KNNLabelGraph(vectors)": fit(KNNLabelGraph(vectors)),
        "CooccurrenceEmbedding()": fit(CooccurrenceEmbedding()),
        "WordVectors(path)": fit(WordVectors(words), label_names=names),
        "HierarchyGraph(edges)": fit(HierarchyGraph(tree)),
        "KnowledgeGraph(relations)": fit(KnowledgeGraph(triples), label_names=names),
        "read_edge_list(path)": lambda: read_edge_list(edges, size),
    }


def networks_on_graphs(y, rng):
    """Return the work of networks along a sparse label graph."""
    graph = CooccurrenceGraph(top_k=10).fit(y).adjacency_
    X = Bags(rng.normal(size=(16, 3, 16)).astype(np.float32))
    work, options = {}, {"hidden_size": 16, "batch_size": 8, "max_epochs": 1}
    for Network in (
        LaMPClassifier, MLGCNClassifier, SSGRLClassifier, GMMLICClassifier,
        Query2LabelClassifier,
    ):  # fmt: skip
        model = Network(graph, random_state=0, **options)
        name = Network.__name__.removesuffix("Classifier")
        work[f"fit {name}"] = lambda model=model: model.fit(X, y[:16])
        work[f"predict {name}"] = lambda model=model: model.predict(X)
    few = np.eye(2, dtype=int)[[0, 1] * 8]
    LaMPClassifier(**options).fit(X, few)  # which imports what is imported late
    return work


def evaluation(y, rng):
    """Return the work of metrics, of a splitter and of tuning a threshold."""
    dense = y.toarray() if sparse.issparse(y) else y
    scores = np.where(dense == 1, 0.3, 0) + 0.7 * rng.random(y.shape)
    split = MultilabelStratifiedKFold(5, shuffle=True, random_state=0)
    return {
        "mAP": lambda: mean_average_precision(dense, scores),
        "LRAP": lambda: label_ranking_average_precision(dense, scores),
        "maF1": lambda: macro_f1(y, y),
        "split": lambda: next(split.split(np.zeros(len(dense)), y)),
        "tune": lambda: tune_threshold(y, scores, "miF1"),
    }


def make_work(axis, size, folder):
    """Return what is measured at a size, as functions by name; a folder is for files."""
    rng = np.random.default_rng(0)
    if axis == "samples":
        X, y = rng.normal(size=(size, 10)), rng.integers(0, 2, (size, 5))
        return {**networks(X, y, batch_size=1024), **evaluation(y, rng)}
    if axis == "labels":
        y = sparse_rows(500, size, 5, rng)
        X = rng.normal(size=(500, 50))
        own = networks(X, y, n_lamp=32, label_graph="cooccurrence", batch_size=8)
        return {**own, **evaluation(y, rng)}
    if axis == "label_graphs":
        y = frequent_rows(20_000, size, 5, rng)
        return {**builders(size, y, rng, folder), **networks_on_graphs(y, rng)}
    if axis == "nodes":
        bags = Bags(rng.normal(size=(32, size, 16)).astype(np.float32))
        return networks(bags, rng.integers(0, 2, (32, 5)), batch_size=8)
    X = sparse_rows(1000, size, 50, rng).astype(np.float32)
    return networks(X, rng.integers(0, 2, (1000, 10)))


def run(axis, size):
    """Return the rows of one size."""
    torch.set_num_threads(1)
    rows = []
    with TemporaryDirectory() as folder:
        for name, call in make_work(axis, size, Path(folder)).items():
            reset_peak()
            before, clock = resident_memory(), Clock()
            with clock:
                call()
            memory = max(0.0, peak_memory() - before)
            rows.append((axis, size, name, round(clock.cpu, 3), round(memory, 1)))
    return rows


# Results ------------------------------------------------------------------------------------


def slope(sizes, costs, least=0.0):
    """Return the power by which costs grow with sizes, None if fewer than two cost enough."""
    sizes, costs = np.asarray(sizes, dtype=float), np.asarray(costs, dtype=float)
    enough = costs >= max(least, np.finfo(float).tiny)
    if enough.sum() < 2:
        return None
    return float(np.polyfit(np.log(sizes[enough]), np.log(costs[enough]), 1)[0])


def summarize(rows):
    """Yield a line for each axis and work: the costs at the last size, and their slopes."""
    for axis, work in dict.fromkeys((row["axis"], row["work"]) for row in rows):
        same = [row for row in rows if (row["axis"], row["work"]) == (axis, work)]
        same.sort(key=lambda row: int(row["size"]))
        sizes = [int(row["size"]) for row in same]
        seconds, memory = ([float(row[key]) for row in same] for key in COLUMNS[3:])
        yield (
            axis, work, sizes[0], sizes[-1], seconds[0], seconds[-1],
            slope(sizes, seconds, LEAST_SECONDS), memory[-1], slope(sizes, memory, LEAST_MB),
        )  # fmt: skip


def table(rows):
    """Return the results as list-tables, one for each axis."""
    lines = []
    for axis in dict.fromkeys(row["axis"] for row in rows):
        summaries = [line for line in summarize(rows) if line[0] == axis]
        smallest, largest = summaries[0][2:4]
        of = "labels" if axis == "label_graphs" else axis
        title = f"{largest:,} {of}: {SETTING[axis]}"
        lines += [f".. list-table:: {title}", "   :header-rows: 1", ""]
        titles = (axis, f"s at {smallest:,}", f"s at {largest:,}", "slope", "MB", "slope")
        cells = [("work", *titles[1:])]
        for _, work, _, _, first, last, power, memory, of_memory in summaries:
            seconds = f"{first:.2f}", f"{last:.2f}"
            cells.append(
                (work, *seconds, _power(power), f"{memory:.0f}", _power(of_memory))
            )
        lines += [
            f"   {' ' if i else '*'} - {c}" for row in cells for i, c in enumerate(row)
        ]
        lines.append("")
    return "\n".join(lines)


def _power(value):
    return "\N{EN DASH}" if value is None else f"{value:.2f}"


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--axes", nargs="+", choices=SIZES, default=list(SIZES))
    add("--quick", action="store_true", help="tiny sizes, to see that it runs")
    add(
        "--output",
        type=Path,
        default=RESULTS,
        help="rows of the axes that run are replaced",
    )
    add("--table", action="store_true", help="print what the output holds, and run nothing")
    return parser.parse_args()


def read(path):
    """Return the rows of a file, none if there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows):
    """Write rows to a file, axis by axis."""
    rows = sorted(rows, key=lambda row: (list(SIZES).index(row["axis"]), int(row["size"])))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main():
    args = parse()
    sizes = QUICK if args.quick else SIZES
    for axis in () if args.table else args.axes:
        rows = [row for row in read(args.output) if row["axis"] != axis]
        for size in sizes[axis]:
            for values in in_process(run, axis, size, share_libraries=True):
                print(*values, flush=True)
                rows.append(dict(zip(COLUMNS, values, strict=True)))
        write(args.output, rows)
    print(table(read(args.output)))


if __name__ == "__main__":
    main()
