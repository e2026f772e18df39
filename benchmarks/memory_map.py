"""Peak memory of training and predicting on a table on disk, of 20 GB as it comes.

    python benchmarks/memory_map.py
    python benchmarks/memory_map.py --gigabytes 2
    python benchmarks/memory_map.py --gigabytes 2 --format hdf5-chunks

A map is made with holes, which take no room on the disk and are read as zeros; every sample
is read in training, and some of them hold random numbers. Files of HDF5 and zarr are written
whole, with chunks of 16 rows where they have chunks. What is said of the memory is the
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
CHUNK_ROWS, ROWS_AT_ONCE = 16, 2000
FORMATS = ("npy", "hdf5", "hdf5-chunks", "zarr")


def make_table(path, gigabytes, kind):
    """Write a table, and return its labels."""
    n_samples = int(gigabytes * 1e9 / 4 / FEATURES)
    shape = (n_samples, FEATURES)
    rng = np.random.default_rng(0)
    if kind == "npy":
        X = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        for row in rng.integers(0, n_samples, 1000):
            X[row] = rng.normal(size=FEATURES)
        X.flush()
    elif kind == "zarr":
        fill(create_zarr(path, shape), rng)
    else:
        import h5py

        with h5py.File(path, "w") as file:
            chunks = None if kind == "hdf5" else (CHUNK_ROWS, FEATURES)
            fill(file.create_dataset("X", shape, np.float32, chunks=chunks), rng)
    return (rng.random((n_samples, LABELS)) < 0.2).astype(np.uint8)


def create_zarr(path, shape):
    """Make an array of zarr, compressed as it comes."""
    import zarr

    chunks = (CHUNK_ROWS, FEATURES)
    return zarr.create_array(path, shape=shape, dtype=np.float32, chunks=chunks)


def fill(X, rng):
    """Write random numbers, of few digits so that they can be compressed."""
    for start in range(0, X.shape[0], ROWS_AT_ONCE):
        n_rows = min(ROWS_AT_ONCE, X.shape[0] - start)
        X[start : start + n_rows] = rng.integers(-3, 4, (n_rows, FEATURES))


def open_table(path, kind):
    """Return the table as a user opens it."""
    if kind == "npy":
        return np.load(path, mmap_mode="r")
    if kind == "zarr":
        import zarr

        return zarr.open_array(path, mode="r")
    import h5py

    return h5py.File(path)["X"]


def run(gigabytes, kind, folder):
    """Train one epoch and predict; return what it took."""
    torch.set_num_threads(1)
    path = Path(folder) / "table"
    y = make_table(path, gigabytes, kind)
    before, fit, predict = peak_memory(), Clock(), Clock()
    X = open_table(path, kind)
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
    return X.shape[0], fit, predict, before, trained, peak_memory()


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--format", choices=FORMATS, default="npy")
    parser.add_argument("--folder", help="where to make the file")
    return parser.parse_args()


def main():
    args = parse()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        n_samples, fit, predict, *peaks = in_process(
            run, args.gigabytes, args.format, folder
        )
    print(
        f"{n_samples} samples of {FEATURES} features, {args.gigabytes:g} GB, {args.format}"
    )
    print(f"one epoch {fit.wall:.0f} s ({fit.cpu:.0f} of the CPU), ", end="")
    print(f"predict {predict.wall:.0f} s ({predict.cpu:.0f})")
    names = ("before", "after fit", "after predict")
    print(", ".join(f"peak {n} {p:.0f} MB" for n, p in zip(names, peaks, strict=True)))


if __name__ == "__main__":
    main()
