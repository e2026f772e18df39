"""Draw mAP over the parameters of ML-GCN, GGNN and GM-MLIC that the papers vary.

    python benchmarks/sweep_picture.py

reads ``benchmarks/results/sweeps.csv``, which ``reproduce.py --sweep`` writes, and writes
``docs/_static/sweeps.png`` for the documentation: means over the seeds, and bands of one
standard deviation of the differences from the paper's choice, which is a ring.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from reproduction.sweeps import SWEEPS, scores_of
from reproduction.tables import read_rows

HERE = Path(__file__).parent


def draw(rows):
    """Return the figure.

    Its letters are large, so that they can be read where it is as wide as a phone.
    """
    names = [name for name in SWEEPS if any(row["sweep"] == name for row in rows)]
    plt.rcParams.update(
        {"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, axes = plt.subplots(
        -(-len(names) // 2), 2, figsize=(7, 2.1 * -(-len(names) // 2)), layout="constrained"
    )
    for ax in axes.flat[len(names) :]:
        ax.remove()
    for ax, name in zip(axes.flat, names, strict=False):
        _draw_sweep(ax, rows, name)
    return figure


def _draw_sweep(ax, rows, name):
    """Draw one sweep."""
    sweep = SWEEPS[name]
    values = [value for value in sweep.values if scores_of(rows, name, value)]
    usual = scores_of(rows, name, sweep.usual)
    table = [[scores_of(rows, name, value)[seed] for seed in usual] for value in values]
    scores, usual = np.array(table), np.array([*usual.values()])  # (n_values, n_seeds)
    means, spread = scores.mean(axis=1), (scores - usual).std(axis=1, ddof=1)
    places = np.arange(len(values))
    if isinstance(values[0], str):
        ax.errorbar(places, means, spread, fmt="C0o", capsize=3)
        ax.set_xlim(-0.5, len(values) - 0.5)
    else:
        ax.plot(places, means, "C0.-")
        ax.fill_between(places, means - spread, means + spread, color="C0", alpha=0.2, lw=0)
    place = values.index(sweep.usual)
    ax.plot(place, means[place], "C3o", markersize=11, fillstyle="none")
    step = 2 if len(values) > 6 else 1
    ax.set_xticks(
        places[::step], [str(value).removesuffix(".0") for value in values[::step]]
    )
    ax.tick_params(labelsize=10)
    ax.set_title(sweep.title, fontsize=11)
    ax.grid(alpha=0.3)


def main():
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default=HERE / "results" / "sweeps.csv")
    parser.add_argument("--output", default=HERE.parent / "docs" / "_static" / "sweeps.png")
    args = parser.parse_args()
    draw(read_rows(args.results)).savefig(args.output, dpi=160)
    # Few colors are enough, and make a small file.
    with Image.open(args.output) as picture:
        small = picture.convert("RGB").quantize(48)
    small.save(args.output, optimize=True)


if __name__ == "__main__":
    main()
