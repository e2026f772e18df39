"""Time and memory of LaMP's training step and prediction, beside a counterpart.

Three parts, each in a process of its own, whose threads sleep while they wait (threads that
spin on cores shared with others falsify timings by up to five times)::

    python benchmarks/lamp_speed.py --prototype path/to/fast_lamp.py

- steps: batches of 32 texts with lengths as in Reuters-21578 and 90 labels with a prior label
  graph, the paper's model with messages among the words. Medians of CPU seconds per training
  step and per batch predicted; a counterpart takes its turns in the same process, batch by
  batch. Beside them the time that the step's arithmetic takes at the rate of `torch.mm`, and
  the time that its matrix products take by themselves, at the rate of their own shapes.
- memory: the highest memory of ten such training steps above that before the model was made.
- large: ten training steps of `LaMPClassifier` with 20,000 labels of 10 neighbors each.

The counterpart is a file that defines ``FastLaMP(n_tokens, n_labels, d=, dropout=, tie=,
graph=, adj=)`` and ``Slabs(sequences, groups)``. The lengths are those of the texts of
Reuters-21578 where SKMLC_DATA names a folder that holds them, else log-normal.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from matrix_products import MatrixProducts
from measure import (
    Clock,
    add_speeds,
    cpu_seconds,
    mm_rate,
    peak_memory,
    resident_memory,
)
from scipy import sparse
from torch.nn.functional import binary_cross_entropy_with_logits

from skmlc import LaMPClassifier
from skmlc.datasets import load_multilabel
from skmlc.inputs import Sequences, TokenEncoder, TokenSequencer
from skmlc.lamp import LaMP
from skmlc.nn.network import Network
from skmlc.training.batches import BatchDataset

BATCH, LABELS, TOKENS, LONGEST = 32, 90, 14_478, 302
STEPS, ROUNDS, HEADS, DROPOUT, LEARNING_RATE = 2, 2, 4, 0.2, 2e-4
DENSITY = 0.138  # of the prior label graph, a label's edge to itself included
WARM_UP = 2
MEMORY_STEPS = 10


# Data ---------------------------------------------------------------------------------------


def text_lengths(rng):
    """Return the numbers of words of texts, and where they come from."""
    try:
        texts = load_multilabel("reuters21578", split="train").data
    except FileNotFoundError:
        lengths = np.exp(rng.normal(4.5, 0.8, 7_000)).astype(int)
        return np.clip(lengths, 5, LONGEST), "log-normal"
    lengths = TokenSequencer(min_df=2, max_length=LONGEST).fit_transform(texts).lengths
    return rng.permutation(lengths[lengths > 0]), "Reuters-21578"


def make_batches(lengths, n_batches, rng):
    """Return texts of random words, their labels (about 1.2 each) and a label graph."""
    texts = [rng.integers(4, TOKENS, n) for n in lengths[: n_batches * BATCH]]
    Y = (rng.random((len(texts), LABELS)) < 1.23 / LABELS).astype(np.uint8)
    share = (DENSITY * LABELS - 1) / (LABELS - 1)
    upper = np.triu(rng.random((LABELS, LABELS)) < share, 1)
    return texts, Y, upper | upper.T


# Models -------------------------------------------------------------------------------------


class Ours:
    """The package's LaMP on batches of texts."""

    name = "skmlc"

    def __init__(self, texts, Y, graph, hidden_size):
        encoder = TokenEncoder().make("sequences", TOKENS, hidden_size)
        head = LaMP(
            LABELS, graph.astype(float), hidden_size=hidden_size, n_heads=HEADS,
            n_steps=STEPS, message_passing=ROUNDS, dropout=DROPOUT,
        )  # fmt: skip
        self.network = Network(encoder, head)
        X = Sequences(texts, n_tokens=TOKENS)
        self.data = BatchDataset(X, Y, np.ones(len(texts)))

    def read(self, i):
        """Return batch i and its labels."""
        batch, targets = self.data.__getitems__(np.arange(i * BATCH, (i + 1) * BATCH))
        return batch, targets.labels


class Counterpart:
    """A prototype's LaMP on the same batches."""

    name = "prototype"

    def __init__(self, texts, Y, graph, hidden_size, path):
        prototype = _import(path)
        mask = torch.from_numpy(graph | np.eye(LABELS, dtype=bool))
        self.network = prototype.FastLaMP(
            TOKENS, LABELS, d=hidden_size, dropout=DROPOUT, tie=False, graph="pr", adj=mask
        )
        self.texts, self.Y = [torch.from_numpy(text) for text in texts], Y
        self.make_batch = partial(prototype.Slabs, groups=8)

    def read(self, i):
        """Return batch i and its labels."""
        rows = slice(i * BATCH, (i + 1) * BATCH)
        return self.make_batch(self.texts[rows]), torch.from_numpy(self.Y[rows]).float()


def _import(path):
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location("prototype", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train_step(model, optimizer, i):
    """Read batch i, and train on it."""
    model.network.train()
    batch, labels = model.read(i)
    optimizer.zero_grad()
    binary_cross_entropy_with_logits(model.network(batch), labels).backward()
    optimizer.step()


@torch.no_grad()
def predict(model, optimizer, i):
    """Read batch i, and predict it."""
    model.network.eval()
    model.network(model.read(i)[0])


WORK = {"train": train_step, "predict": predict}


def make_optimizer(network):
    return torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, fused=True)


def n_operations(lengths, hidden_size):
    """Return the floating point operations of a forward pass over a batch, without padding.

    A multiplication and an addition are two; the backward pass has twice as many again. What
    the first step asks of the words is the same for all samples and counts as nothing.
    """
    d, n_words, n_labels = hidden_size, sum(lengths), LABELS * len(lengths)
    words = ROUNDS * (12 * d**2 * n_words + 4 * d * sum(n**2 for n in lengths))
    keys_values = STEPS * 4 * d**2 * n_words
    labels = (20 * STEPS - 2) * d**2 * n_labels
    reading = STEPS * 4 * d * LABELS * n_words
    talking = STEPS * 4 * d * LABELS * n_labels
    return words + keys_values + labels + reading + talking + 2 * n_labels * d


# What is measured ---------------------------------------------------------------------------


def measure_steps(lengths, hidden_size, repeats, prototype):
    """Return CPU seconds by what was done and by whom, and the rate of `torch.mm`."""
    torch.manual_seed(0)
    n_batches = repeats + WARM_UP
    data = make_batches(lengths, n_batches, np.random.default_rng(0))
    models = [Ours(*data, hidden_size)]
    if prototype:
        models.append(Counterpart(*data, hidden_size, prototype))
    optimizers = [make_optimizer(model.network) for model in models]
    seconds, rates, products = {}, [], []
    for task in ("train", "predict"):
        for i in range(n_batches):
            # Whoever comes second finds warmer caches, so they take turns at that too.
            for model, optimizer in list(zip(models, optimizers))[:: (-1) ** i]:
                used = cpu_seconds(WORK[task], model, optimizer, i)
                if i >= WARM_UP:
                    seconds.setdefault(f"{task} {model.name}", []).append(used)
            if i % 5 == 0:
                rates.append(mm_rate())
            if i % 5 == 4 and task == "train":
                products.append(share_of_products(models[0], optimizers[0], i))
    return {
        "seconds": seconds,
        "rate": statistics.median(rates),
        "products": statistics.median(products or [float("nan")]),
    }


def share_of_products(model, optimizer, i):
    """Return which part of a training step its matrix products would take by themselves."""
    step = min(cpu_seconds(train_step, model, optimizer, i) for _ in range(3))
    with MatrixProducts() as products:
        train_step(model, optimizer, i)
    return products.seconds() / step


def measure_memory(lengths, hidden_size, prototype):
    """Return the peak memory of training above that before the model was made, in MB."""
    torch.manual_seed(0)
    data = make_batches(lengths, MEMORY_STEPS, np.random.default_rng(0))
    load_libraries()
    before = resident_memory()
    if prototype:
        model = Counterpart(*data, hidden_size, prototype)
    else:
        model = Ours(*data, hidden_size)
    optimizer = make_optimizer(model.network)
    for i in range(MEMORY_STEPS):
        train_step(model, optimizer, i)
    return {"mb": peak_memory() - before, "before": before}


def load_libraries():
    """Take a training step, at which torch loads parts of itself, some 100 MB."""
    network = torch.nn.Linear(2, 1)
    optimizer = make_optimizer(network)
    network(torch.rand(1, 2)).sum().backward()
    optimizer.step()


def measure_large(n_labels=20_000, n_neighbors=10, batch_size=8, n_steps=10):
    """Return the CPU seconds and the peak memory of training with very many labels."""
    rng = np.random.default_rng(0)
    n_samples, n_edges = batch_size * n_steps, n_labels * n_neighbors
    edges = np.repeat(np.arange(n_labels), n_neighbors), rng.integers(0, n_labels, n_edges)
    graph = sparse.csr_array((np.ones(n_edges), edges), shape=(n_labels, n_labels))
    X = sparse.random(n_samples, 500, 0.05, format="csr", random_state=0)
    Y = sparse.random(n_samples, n_labels, 0.0005, format="csr", random_state=0)
    Y.data[:] = 1
    model = LaMPClassifier(
        graph, hidden_size=64, batch_size=batch_size, max_epochs=1, device="cpu"
    )
    before, clock = resident_memory(), Clock()
    with clock:
        model.fit(X, Y.astype(np.uint8))
    return {"cpu": clock.cpu, "mb": peak_memory(), "before": before}


# Processes and what they report -------------------------------------------------------------


def in_process(task, **options):
    """Run a measurement in a process of its own; return what it found."""
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, __file__, "--task", task], input=json.dumps(options),
        env=os.environ | waiting, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


TASKS = {"steps": measure_steps, "memory": measure_memory, "large": measure_large}


def report_steps(lengths, hidden_size, args):
    """Print the seconds of steps, and write those of the package."""
    found = in_process(
        "steps", lengths=lengths, hidden_size=hidden_size, repeats=args.repeats,
        prototype=args.prototype,
    )  # fmt: skip
    used = lengths[WARM_UP * BATCH : (WARM_UP + args.repeats) * BATCH]
    forward = n_operations(used, hidden_size) / args.repeats
    print(f"D = {hidden_size}, torch.mm {found['rate'] / 1e9:.1f} GFLOP per CPU-s")
    medians = {name: statistics.median(values) for name, values in found["seconds"].items()}
    for name, values in found["seconds"].items():
        task, who = name.split()
        operations = forward * (3 if task == "train" else 1)
        ideal = operations / found["rate"]
        line = (
            f"  {task:7} {who:9} {medians[name]:.3f} CPU-s ({min(values):.3f} to "
            f"{max(values):.3f}); {operations / 1e9:.1f} GFLOP take {ideal:.3f} CPU-s: "
            f"{ideal / medians[name]:.0%} of the rate"
        )
        other = f"{task} {Counterpart.name}"
        if who == Ours.name and other in medians:
            line += f"; {medians[name] / medians[other]:.2f} of {Counterpart.name}'s"
        print(line, flush=True)
        if who == Ours.name:
            setting = f"D = {hidden_size}"
            rows = [(f"LaMP {task}", setting, medians[name], "CPU-s per batch")]
            share = 100 * ideal / medians[name]
            rows.append((f"LaMP {task}", setting, share, "% of the rate of torch.mm"))
            if task == "train":
                share = 100 * found["products"]
                print(f"  its matrix products by themselves: {share:.0f} % of this")
                rows.append(("LaMP train", setting, share, "% in matrix products alone"))
            add_speeds(args.output, rows)


def report_memory(lengths, hidden_size, args):
    """Print the memory of training, and write that of the package."""
    for path in (None, args.prototype) if args.prototype else (None,):
        found = in_process(
            "memory", lengths=lengths, hidden_size=hidden_size, prototype=path
        )
        name = Counterpart.name if path else Ours.name
        print(
            f"  memory  {name:9} {found['mb']:.0f} MB above the {found['before']:.0f} MB "
            "before",
            flush=True,
        )
        if path is None:
            row = "LaMP memory", f"D = {hidden_size}", found["mb"], "MB"
            add_speeds(args.output, [row])


def report_large(output):
    """Print and write what training with very many labels takes."""
    found = in_process("large")
    setting = "20,000 labels, D = 64"
    seconds = "LaMP ten steps", setting, found["cpu"], "CPU-s"
    memory = "LaMP memory", setting, found["mb"] - found["before"], "MB"
    add_speeds(output, [seconds, memory])
    print(
        "20,000 labels of 10 neighbors, D = 64, batches of 8, ten training steps: "
        f"{found['cpu']:.1f} CPU-s, peak {found['mb']:.0f} MB ({found['before']:.0f} MB "
        "before)"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prototype", type=Path, help="the counterpart's file")
    parser.add_argument("--hidden-size", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--repeats", type=int, default=20, help="batches, %(default)s")
    parser.add_argument(
        "--parts", nargs="+", choices=TASKS, default=list(TASKS), help="all if not given"
    )
    parser.add_argument("--output", type=Path, help="a CSV file to append the figures to")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.task:
        print(json.dumps(TASKS[args.task](**json.load(sys.stdin))))
        return
    args.prototype = None if args.prototype is None else str(args.prototype.resolve())
    lengths, source = text_lengths(np.random.default_rng(0))
    print(
        f"texts of {lengths.mean():.0f} words on average, at most {lengths.max()} ({source}); "
        f"{torch.get_num_threads()} threads; medians of {args.repeats} batches of {BATCH}"
    )
    for hidden_size in args.hidden_size:
        if "steps" in args.parts:
            report_steps(lengths.tolist(), hidden_size, args)
        if "memory" in args.parts:
            report_memory(lengths.tolist(), hidden_size, args)
    if "large" in args.parts:
        report_large(args.output)


if __name__ == "__main__":
    main()
