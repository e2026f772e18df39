"""Peak memory of training and predicting on a table that is a memory map: 20 GB as it comes.

    python benchmarks/memory_map.py
    python benchmarks/memory_map.py --gigabytes 2

The file is made with holes, which take no room on the disk and are read as zeros; every sample
is read in training, and some of them hold random numbers. What is said of the memory is the
highest that was resident, libraries and what is mapped of the file included.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from measure import Clock, in_process, peak_memory

from skmlc import EmbMLPClassifier

FEATURES, LABELS = 2000, 10
BATCH_SIZE = 4096


def make_table(path, gigabytes):
    """Write a table with holes, and return its labels."""
    n_samples = int(gigabytes * 1e9 / 4 / FEATURES)
    shape = (n_samples, FEATURES)
    X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    rng = np.random.default_rng(0)
    for row in rng.integers(0, n_samples, 1000):
        X[row] = rng.normal(size=FEATURES)
    X.flush()
    return (rng.random((n_samples, LABELS)) < 0.2).astype(np.uint8)


def run(gigabytes, folder):
    """Train one epoch and predict; return what it took."""
    torch.set_num_threads(1)
    path = Path(folder) / "table.npy"
    y = make_table(path, gigabytes)
    before, fit, predict = peak_memory(), Clock(), Clock()
    X = np.load(path, mmap_mode="r")
    # The linear skip would read the table once more, and take most of the time.
    model = EmbMLPClassifier(
        hidden_size=16,
        linear_skip=False,
        max_epochs=1,
        batch_size=BATCH_SIZE,
        random_state=0,
    )
    with fit:
        model.fit(X, y)
    trained = peak_memory()
    with predict:
        model.predict(X)
    return len(X), fit, predict, before, trained, peak_memory()


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--folder", help="where to make the file")
    return parser.parse_args()


def main():
    args = parse()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        n_samples, fit, predict, *peaks = in_process(run, args.gigabytes, folder)
    print(f"{n_samples} samples of {FEATURES} features, {args.gigabytes:g} GB")
    print(f"one epoch {fit.wall:.0f} s ({fit.cpu:.0f} of the CPU), ", end="")
    print(f"predict {predict.wall:.0f} s ({predict.cpu:.0f})")
    names = ("before", "after fit", "after predict")
    print(", ".join(f"peak {n} {p:.0f} MB" for n, p in zip(names, peaks, strict=True)))


if __name__ == "__main__":
    main()
