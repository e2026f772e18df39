"""Draw F1 of LaMP and of its baseline less that of logistic regression.

    python benchmarks/reproduction_picture.py

reads ``benchmarks/results/reproduce.csv``, which ``reproduce.py`` writes, and writes
``docs/_static/reproduction.png`` for the documentation: means over the seeds, and the best
figures that the paper has for a LaMP.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image
from reproduction.published import METRICS, TABLES

HERE = Path(__file__).parent
DATASETS = {
    "bibtex": "Bibtex",
    "reuters21578": "Reuters",
    "emotions": "Emotions",
    "yeast": "Yeast",
}
# Name in the results: name in the picture, style.
MODELS = {
    "emb-mlp": ("EmbMLPClassifier", "C1s"),
    "lamp": ("LaMPClassifier", "C0o"),
}


def published(dataset, metric):
    """Return the best figure that the paper reports for a LaMP, NaN if there is none."""
    table = TABLES.get(DATASETS[dataset], {})
    column = METRICS.index(metric)
    return max(
        (row[column] for name, row in table.items() if "LaMP" in name), default=np.nan
    )


def draw(results):
    """Return the figure.

    Its letters are large, so that they can be read where it is as wide as a phone.
    """
    plt.rcParams.update(
        {"font.size": 12, "axes.spines.top": False, "axes.spines.right": False}
    )
    results = results[results["setting"].fillna("").str.match("defaults$|C=")]
    means = results.groupby(["model", "dataset"])[list(METRICS)].mean()
    figure, axes = plt.subplots(
        1, 3, figsize=(7, 3.4), sharex=True, sharey=True, layout="constrained"
    )
    rows = range(len(DATASETS))
    for ax, metric in zip(axes, METRICS):
        reference = means.loc["logistic"].loc[list(DATASETS), metric]
        ax.axvline(0, color="C3", linestyle="--", label="logistic regression")
        of_paper = [published(dataset, metric) for dataset in DATASETS]
        style = {"markersize": 20, "markeredgewidth": 2, "label": "best LaMP in the paper"}
        ax.plot(of_paper - reference, rows, "k|", **style)
        for model, (label, style) in MODELS.items():
            scores = means.loc[model].loc[list(DATASETS), metric]
            ax.plot(scores - reference, rows, style, markersize=9, label=label)
        ax.set_title(metric, fontsize=12)
        ax.set_xticks([-0.05, 0, 0.05], ["-.05", "0", "+.05"])
        ax.grid(alpha=0.3)
    axes[0].set_yticks(rows, DATASETS.values())
    axes[0].set_ylim(len(DATASETS) - 0.5, -0.5)
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


def main():
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", default=HERE / "results" / "reproduce.csv")
    parser.add_argument(
        "--output", default=HERE.parent / "docs" / "_static" / "reproduction.png"
    )
    args = parser.parse_args()
    draw(pd.read_csv(args.results)).savefig(args.output, dpi=160)
    # Few colors are enough, and make a small file.
    with Image.open(args.output) as picture:
        small = picture.convert("RGB").quantize(48)
    small.save(args.output, optimize=True)


if __name__ == "__main__":
    main()
