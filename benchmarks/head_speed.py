"""What the heads of the methods cost beside plain max pooling, on a fixed feature map.

For example::

    python benchmarks/head_speed.py
    python benchmarks/head_speed.py --heads ml-gcn ssgrl --channels 2048 --grid 14

- train: samples per CPU second of training steps (forward, loss, backward, AdamW) on batches
  that are in memory. All heads take their turns in one process, batch by batch.
- predict: likewise of forward passes.
- memory: the highest memory of some such training steps above that before the head was made,
  in a process of its own for each head.

In brackets: how many times the time or the memory of `GlobalPoolClassifier` it is, which takes
the maximum over the feature map and has no graph. Feature maps, labels and the sparse label
graph are random; the heads have the widths of the package's defaults.
"""

import argparse
import statistics
from functools import partial
from pathlib import Path

import numpy as np
import torch
from measure import (
    add_speeds,
    cpu_seconds,
    in_process,
    mm_rate,
    peak_memory,
    resident_memory,
)
from scipy import sparse
from torch.nn.functional import binary_cross_entropy_with_logits

from skmlc import (
    CTranClassifier,
    GGNNClassifier,
    GlobalPoolClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    Query2LabelClassifier,
    SSGRLClassifier,
)
from skmlc.nn.nodes import Batch, Layout

PLAIN = "max-pooling"
HEADS = {
    PLAIN: GlobalPoolClassifier,
    "score-max": partial(GlobalPoolClassifier, pooling="score"),
    "ml-gcn": MLGCNClassifier,
    "ggnn": GGNNClassifier,
    "ssgrl": SSGRLClassifier,
    "ssgrl-no-graph": partial(SSGRLClassifier, semantic_interaction=False),
    "lamp": LaMPClassifier,
    "gm-mlic": GMMLICClassifier,
    "c-tran": CTranClassifier,
    "query2label": Query2LabelClassifier,
}
WITHOUT_GRAPH = (PLAIN, "score-max", "c-tran")
N_BATCHES = 2  # different ones, which are gone through again and again
WARM_UP = 1
MEMORY_STEPS = 2


def make_data(sizes):
    """Return feature maps, labels with one positive entry in ten, and a label graph."""
    rng = np.random.default_rng(0)
    n_samples, n_labels = N_BATCHES * sizes["batch"], sizes["labels"]
    shape = n_samples, sizes["channels"], sizes["grid"], sizes["grid"]
    maps = rng.random(shape, dtype=np.float32)
    Y = (rng.random((n_samples, n_labels)) < 0.1).astype(np.int64)
    n_neighbors = min(sizes["neighbors"], n_labels - 1)
    others = rng.random((n_labels, n_labels)) + np.eye(n_labels)  # never themselves
    columns = np.argsort(others, axis=1)[:, :n_neighbors].ravel()
    rows = np.repeat(np.arange(n_labels), n_neighbors)
    weights = np.full(len(rows), 1 / n_neighbors)
    return maps, Y, sparse.csr_array((weights, (rows, columns)), 2 * (n_labels,))


def make_network(name, data):
    """Return the network of a head: the cells of the feature maps, then the head."""
    maps, Y, graph = data
    n_samples = len(maps) // N_BATCHES
    others = {} if name in WITHOUT_GRAPH else {"label_graph": graph}
    model = HEADS[name](
        **others, max_epochs=1, batch_size=n_samples, device="cpu", random_state=0
    )
    return model.fit(maps[:n_samples], Y[:n_samples]).module_  # which makes it


def make_batches(data):
    """Return batches of tensors with their labels."""
    maps, Y, _ = data
    layout = Layout.regular(len(maps) // N_BATCHES, 1)
    parts = zip(np.split(maps, N_BATCHES), np.split(Y, N_BATCHES), strict=True)
    return [
        (Batch(layout, torch.from_numpy(x)), torch.from_numpy(y).float()) for x, y in parts
    ]


def logits_of(network, batch):
    """Return the logits of a batch; they come first where a head gives more."""
    output = network(batch)
    return output[0] if isinstance(output, tuple) else output


def train_step(network, optimizer, batch, labels):
    """Train on a batch."""
    network.train()
    optimizer.zero_grad()
    binary_cross_entropy_with_logits(logits_of(network, batch), labels).backward()
    optimizer.step()


@torch.no_grad()
def predict(network, optimizer, batch, labels):
    """Predict a batch."""
    network.eval()
    logits_of(network, batch)


WORK = {"train": train_step, "predict": predict}


def make_optimizer(network):
    return torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)


def measure_rates(heads, sizes, repeats):
    """Return the median samples per CPU second by what was done and by which head.

    With them comes the rate of `torch.mm` meanwhile, in operations per CPU second.
    """
    data = make_data(sizes)
    networks = {name: make_network(name, data) for name in heads}
    optimizers = {name: make_optimizer(networks[name]) for name in heads}
    batches, seconds, of_mm = make_batches(data), {}, []
    for task, work in WORK.items():
        for i in range(WARM_UP + repeats):
            # Whoever comes after another finds other caches, so they change places.
            for name in heads[:: (-1) ** i]:
                batch = batches[i % N_BATCHES]
                used = cpu_seconds(work, networks[name], optimizers[name], *batch)
                if i >= WARM_UP:
                    seconds.setdefault((task, name), []).append(used)
            of_mm.append(mm_rate())
    rates = {key: sizes["batch"] / statistics.median(v) for key, v in seconds.items()}
    return rates, statistics.median(of_mm)


def measure_memory(name, sizes):
    """Return the peak memory of a head's training above that before it was made, in MB."""
    data = make_data(sizes)
    batches = make_batches(data)
    # At the first step torch loads parts of itself, some 100 MB.
    small = make_data(sizes | {"batch": 2, "channels": 8, "grid": 2, "labels": 3})
    make_network(PLAIN, small)
    before = resident_memory()
    network = make_network(name, data)
    optimizer = make_optimizer(network)
    for i in range(MEMORY_STEPS):
        train_step(network, optimizer, *batches[i % N_BATCHES])
    n_parameters = sum(p.numel() for p in network.parameters())
    return max(peak_memory() - before, 0.1), n_parameters


def report(heads, rates, memory):
    """Return a table; in brackets how many times the plain head's time or memory it is."""
    lines = [("head", "parameters", *(f"{task}, samples/CPU-s" for task in WORK), "MB")]
    for name in heads:
        megabytes, n_parameters = memory[name]
        cells = [
            f"{rates[task, name]:,.0f} ({rates[task, PLAIN] / rates[task, name]:.3g})"
            for task in WORK
        ]
        cells.append(f"{megabytes:,.0f} ({megabytes / memory[PLAIN][0]:.3g})")
        lines.append((name, f"{n_parameters:,}", *cells))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def speeds(heads, rates, of_mm, memory, setting):
    """Return the time and the memory of heads for `add_speeds`.

    Time is what `torch.mm` computes meanwhile, which is nearly the same on other machines.
    """
    rows = []
    for name in heads:
        for task in WORK:
            used = of_mm / rates[task, name] / 1e9
            rows.append((f"{task} {name}", setting, used, "GFLOP of torch.mm per sample"))
        rows.append((f"memory {name}", setting, memory[name][0], "MB"))
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--heads",
        nargs="+",
        choices=HEADS,
        default=list(HEADS),
        help="beside the plain one",
    )
    add("--batch", type=int, default=32, help="samples, %(default)s")
    add("--channels", type=int, default=512, help="of a feature map, %(default)s")
    add("--grid", type=int, default=7, help="its height and width, %(default)s")
    add("--labels", type=int, default=80, help="%(default)s")
    add("--neighbors", type=int, default=4, help="of a label in the graph, %(default)s")
    add("--repeats", type=int, default=5, help="batches that are timed, %(default)s")
    add("--output", type=Path, help="a CSV file to which the figures are appended")
    args = parser.parse_args(arguments)
    names = ("batch", "channels", "grid", "labels", "neighbors")
    sizes = {name: getattr(args, name) for name in names}
    heads = [name for name in HEADS if name == PLAIN or name in args.heads]
    setting = ", ".join(f"{name} {value}" for name, value in sizes.items())
    print(f"{torch.get_num_threads()} threads; {setting}", flush=True)
    apart = partial(in_process, share_libraries=True)
    memory = {name: apart(measure_memory, name, sizes) for name in heads}
    rates, of_mm = apart(measure_rates, heads, sizes, args.repeats)
    print(report(heads, rates, memory))
    add_speeds(args.output, speeds(heads, rates, of_mm, memory, setting))


if __name__ == "__main__":
    main()
