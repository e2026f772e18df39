"""Draw macro AP of hidden labels against the share known, from the results of a benchmark.

    python benchmarks/known_labels_picture.py

reads ``benchmarks/results/known_labels.csv``, which ``known_labels.py`` writes, and writes
``docs/_static/known_labels.png`` for ``README.md``: two sets side by side, means over the
seeds.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter
from PIL import Image

HERE = Path(__file__).parent
DATASETS = {"sider": "SIDER: drugs' side effects", "yeast": "Yeast: genes' functions"}
# Name in the results: name in the picture, style.
METHODS = {
    "lamp": ("LaMP", "C0o-"),
    "ctran": ("C-Tran", "C1s-"),
    "forest": ("random forest", "C2^-"),
    "blend": ("C-Tran and forest, mean", "C4D-"),
    "linear": ("linear", "C3v-"),
    "lamp_unmasked": ("LaMP without known labels", "C0x:"),
    "conditional": ("known labels alone", "C7d--"),
}


def draw(results):
    """Return the figure.

    Its letters are large, so that they can be read where it is as wide as a phone.
    """
    plt.rcParams.update(
        {"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure, axes = plt.subplots(1, 2, figsize=(6, 4.3), sharey=True, layout="constrained")
    for ax, (dataset, title) in zip(axes, DATASETS.items()):
        of_dataset = results[results["dataset"] == dataset]
        for method, (label, style) in METHODS.items():
            scores = (
                of_dataset[of_dataset["method"] == method]
                .groupby("known")["macro_AP"]
                .mean()
            )
            ax.plot(scores.index, scores, style, label=label, markersize=5)
        ax.set_title(title, fontsize=12)
        ax.set_xlabel("labels known")
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.set_xticks([0, 0.25, 0.5, 0.75])
        ax.set_xlim(-0.06, 0.83)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("macro AP of the others")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def main():
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default=HERE / "results" / "known_labels.csv")
    parser.add_argument(
        "--output", default=HERE.parent / "docs" / "_static" / "known_labels.png"
    )
    args = parser.parse_args()
    results = pd.read_csv(args.results)
    results = results[results["known"] != "one_positive"]
    draw(results.assign(known=results["known"].astype(float))).savefig(args.output, dpi=160)
    # Few colors are enough, and make a small file.
    with Image.open(args.output) as picture:
        small = picture.convert("RGB").quantize(48)
    small.save(args.output, optimize=True)


if __name__ == "__main__":
    main()
